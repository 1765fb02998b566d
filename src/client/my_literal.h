/*-------------------------------------------------------------------------
 *
 * my_literal.h
 *	  Literals of a MySQL-family server that are more than a number or a date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_LITERAL_H
#define DTSMIG_MY_LITERAL_H

#include "client/my_value.h"

/*
 * The column cannot hold what is meant (for people) as it is; option of a
 * task, as JSON, that makes something else of it: NULL: there is none.
 */
pg_noreturn extern void my_literal_refuse(const SourceRelation *rel, int col, int code,
										  const char *what, const char *option);

/* Backslash is an escape in the session. */
extern void my_literal_text(StringInfo sql, const char *text, Size len);
/* Digits alone. */
extern void my_literal_hex(StringInfo sql, const uint8 *data, Size len);
/* Labels with commas between, as SET takes them, of an array. */
extern char *my_literal_set(const SourceRelation *rel, int col, Datum value);
/* PostGIS shows digits of its form; else there is WKB in a bytea. */
extern void my_literal_shape(StringInfo sql, const SourceRelation *rel, int col, Datum value);
/* "{1,2}" or "[1,2]" as the server keeps it: numbers of four bytes. */
extern void my_literal_vector(StringInfo sql, const SourceRelation *rel, int col, char *shown);

#endif							/* DTSMIG_MY_LITERAL_H */
