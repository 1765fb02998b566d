# dtsmig: PGXS build. "make help" lists the targets.

MODULE_big = dtsmig
EXTENSION = dtsmig
DATA = dtsmig--1.0.sql
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

EXTRA_CLEAN = tmp_check results test/fuzz/out test/model/out .built_for $(OBJS:.o=.d)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
ifneq ($(filter-out demo test test-% setup bench bench-% fuzz help reference deb dist release-check,$(or $(MAKECMDGOALS),all)),)
$(error $(PG_CONFIG) names no PostgreSQL with server headers: "make setup" installs one, PG_CONFIG=/path/to/pg_config chooses another)
endif
else
include $(PGXS)
endif

# Objects are good for one PostgreSQL and one Connector/C.
BUILT_FOR := $(shell ($(PG_CONFIG) --version --configure --includedir-server; $(MARIADB_CONFIG) --version) 2>/dev/null | cksum)
ifneq ($(BUILT_FOR),$(shell cat .built_for 2>/dev/null))
$(shell echo '$(BUILT_FOR)' > .built_for)
endif
$(OBJS): .built_for

# Header dependencies (PGXS keeps none unless the server was configured so).
override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d)

-include test/test.mk
