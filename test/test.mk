# Targets beside those of PGXS; included by the Makefile at the top.
#
# test/setup installs what is missing (Debian; as root). Everything here runs
# against throwaway servers on free ports of 127.0.0.1; the installation of
# the machine is not touched.

.PHONY: test demo bench bench-postgresql bench-verify fuzz setup help

help:
	@echo 'make                 build'
	@echo 'make install         install into the PostgreSQL of PG_CONFIG'
	@echo 'make installcheck    pg_regress against a running server with it'
	@echo 'make test            everything, against throwaway servers'
	@echo '                     (T="test/t/100_types.pl ...": only these files)'
	@echo 'make demo            a shop moves from MariaDB, live, in two minutes'
	@echo 'make bench           compare with pgloader, mysql_fdw, a replica'
	@echo '                     (B="w1 w2 backlog": only these parts)'
	@echo 'make bench-verify    compare a verification with reading both sides'
	@echo 'make bench-postgresql  compare with pgcopydb, pg_dump, native replication'
	@echo 'make fuzz            fuzz the binlog decoder (SECONDS=600)'
	@echo 'make setup           install what building and testing need'
	@echo 'WERROR=1: warnings are errors; PG_CONFIG=...: which PostgreSQL'

setup:
	@test/setup

test: setup
	@PG_CONFIG='$(PG_CONFIG)' test/run $(T)

demo: setup
	@PG_CONFIG='$(PG_CONFIG)' test/demo

bench:
	@test/setup bench
	@PG_CONFIG='$(PG_CONFIG)' test/bench/run $(B)

bench-verify:
	@test/setup bench
	@PG_CONFIG='$(PG_CONFIG)' test/bench/verify $(B)

bench-postgresql:
	@test/setup bench
	@PG_CONFIG='$(PG_CONFIG)' test/bench/postgresql $(B)

fuzz: setup
	$(MAKE) -C test/fuzz fuzz
