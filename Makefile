# dtsmig: PGXS build. "make help" lists the targets.

MODULE_big = dtsmig
EXTENSION = dtsmig
DATA = dtsmig--1.0.sql dtsmig--1.0--1.1.sql
PGFILEDESC = "dtsmig - live migration into and out of PostgreSQL"

SRCS = $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJS = $(SRCS:.c=.o)

REGRESS = $(sort $(basename $(notdir $(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --load-extension=dtsmig

PG_CONFIG ?= pg_config
MARIADB_CONFIG ?= mariadb_config
PG_CPPFLAGS = -I$(CURDIR)/src -I$(libpq_srcdir) $(shell $(MARIADB_CONFIG) --include)
PG_CFLAGS = -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers $(if $(WERROR),-Werror)
# PostgreSQL 15 leaves PGDLLEXPORT empty; symbols are hidden by default.
PG_CPPFLAGS += -DPGDLLEXPORT='__attribute__((visibility("default")))'
SHLIB_LINK = $(libpq) $(shell $(MARIADB_CONFIG) --libs) -lz -lzstd

# Bitcode for JIT is of no use to a library of C functions, and doubles the build.
override with_llvm = no

EXTRA_CLEAN = tmp_check results test/fuzz/out $(OBJS:.o=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Header dependencies (PGXS keeps none unless the server was configured so).
override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d)

-include test/test.mk
