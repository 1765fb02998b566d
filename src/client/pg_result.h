/*-------------------------------------------------------------------------
 *
 * pg_result.h
 *	  What a PostgreSQL source answers to a query.
 *
 * A source is not trusted to answer what was asked. Each query has a name and
 * states its columns as a shape, a letter each: an answer with another number
 * of columns, with NULL where none can be, with a text that is no such value,
 * or that is not valid in this database's encoding is an error when it comes
 * (08P01, with the query's name), before anything reads it. There is no other
 * way to a value than by the functions below.
 *
 *	  t  text			i  64-bit integer	b  boolean
 *	  o  OID			n  finite number
 *
 * The same letter in upper case: the column may be NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_RESULT_H
#define DTSMIG_PG_RESULT_H

#include "postgres.h"

typedef struct PgCells PgCells;

/* In the context that was current at the query. */
typedef struct PgResult
{
	int			nrows;
	PgCells    *cells;
} PgResult;

/*
 * A result to be filled, of a query of that name; both strings are kept by
 * address.
 */
extern PgResult *pg_result_begin(const char *name, const char *shape);
/*
 * These are the columns; raises an error where the shape has other ones. -1:
 * rows of a second answer.
 */
extern void pg_result_columns(PgResult *r, int ncolumns);
/* A row begins; each of its values follows, text NULL for SQL NULL. */
extern void pg_result_row(PgResult *r);
extern void pg_result_value(PgResult *r, int column, const char *text, int len);

/* Never NULL; raises 08P01 where it is, or where there is no such row. */
extern char *pg_text(const PgResult *r, int row, int column);
extern char *pg_text_or_null(const PgResult *r, int row, int column);
extern int64 pg_bigint(const PgResult *r, int row, int column);
extern double pg_number(const PgResult *r, int row, int column);
extern Oid	pg_oid(const PgResult *r, int row, int column);
/* NULL counts as false */
extern bool pg_bool(const PgResult *r, int row, int column);
/* The first byte; '\0' of "" */
extern char pg_char(const PgResult *r, int row, int column);
extern bool pg_is_null(const PgResult *r, int row, int column);

#endif							/* DTSMIG_PG_RESULT_H */
