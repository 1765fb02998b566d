/*
 * ddl_dump.h
 *	  A DDL statement as text, for tests and fuzzing of the parser.
 */
#ifndef DDL_DUMP_H
#define DDL_DUMP_H

#include "postgres.h"

#include <stdio.h>

#include "source/mysql/ddl_parse.h"

/* Frees what palloc has given. */
extern void dump_free_all(void);
/* Parses and prints; false if the parser refuses it (the reason is printed). */
extern bool dump_ddl(FILE *out, const DdlInput *input);

#endif
