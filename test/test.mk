# Targets in addition to those of PGXS; included by the Makefile at the top.
#
# test/setup installs what is missing (Debian; as root). Everything here runs
# against throwaway servers on free ports of 127.0.0.1; the installation of
# the machine is not touched.

.PHONY: test test-deep test-release demo bench bench-postgresql bench-verify fuzz setup reference deb dist release-check help

help:
	@echo 'make                 build'
	@echo 'make install         install into the PostgreSQL of PG_CONFIG'
	@echo 'make installcheck    pg_regress against a running server with it'
	@echo 'make demo            a shop moves from MariaDB, live, in two minutes'
	@echo 'make test            everything, against throwaway servers'
	@echo '                     (T="test/t/mysql/types.pl ...": only these files)'
	@echo 'make test-deep       the same against PostgreSQL with assertions, all kills,'
	@echo '                     valgrind, the fuzzers and the model (D="fuzz": only this part)'
	@echo 'make test-release    a command in a fresh folder of a release of Debian, as root'
	@echo '                     (R=trixie, C="make demo")'
	@echo 'make bench           compare with pgloader, mysql_fdw, a replica'
	@echo '                     (B="w1 w2 backlog": only these parts)'
	@echo 'make bench-verify    compare a verification with reading both sides'
	@echo 'make bench-postgresql  compare with pgcopydb, pg_dump, native replication'
	@echo 'make fuzz            fuzz the decoders (SECONDS=600)'
	@echo 'make reference       write docs/reference.md'
	@echo 'make deb             Debian packages, in build/'
	@echo 'make dist            the archive for PGXN, in build/'
	@echo 'make release-check   may this commit be tagged?'
	@echo 'make setup           install what building and the demo need'
	@echo 'WERROR=1: warnings are errors; PG_CONFIG=...: which PostgreSQL; JOBS=N: see test/run'

# Command-line variables reach the scripts by the environment.
export PG_CONFIG WERROR JOBS

setup:
	@test/setup

test:
	@test/setup test
	@test/run $(T)

test-deep:
	@test/setup deep
	@test/deep $(D)

R ?= bookworm
C ?= make demo
test-release:
	@test/release $(R) $(C)

reference:
	@test/reference

deb:
	@packaging/deb

dist:
	@packaging/dist

release-check:
	@packaging/release-check

demo: setup
	@test/demo

bench:
	@test/setup bench
	@test/bench/run $(B)

bench-verify:
	@test/setup bench
	@test/bench/verify $(B)

bench-postgresql:
	@test/setup bench
	@test/bench/postgresql $(B)

fuzz:
	@test/setup deep
	$(MAKE) -C test/fuzz fuzz
