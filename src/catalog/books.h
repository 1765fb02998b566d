/*-------------------------------------------------------------------------
 *
 * books.h
 *	  Access to the tables of schema dtsmig.
 *
 * Users and workers have no rights on these tables: the books are read and
 * written as the extension's owner, for the time of one statement, with a
 * search_path of pg_catalog alone. Callers check first that the user may do
 * what is about to be written.
 *
 * A parameter list is a format string and values, one letter for each:
 * t text (char *, NULL is SQL NULL), i bigint (int64), b boolean (int),
 * z timestamptz (TimestampTz, 0 is SQL NULL), j jsonb (Jsonb *, or NULL).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BOOKS_H
#define DTSMIG_BOOKS_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* Rows of a query, as text and as jsonb, in the context of the call. */
typedef struct BookRows
{
	int			nrows;
	int			ncolumns;
	char	 ***values;			/* [row][column], NULL is SQL NULL */
} BookRows;

/* Runs a statement; returns the rows it gives or, without RETURNING, none. */
extern BookRows *books_query(const char *sql, const char *format,...);
/* Runs a statement; returns the number of rows that it processed. */
extern uint64 books_exec(const char *sql, const char *format,...);
/*
 * As books_exec with a plan that is kept: for statements run for every batch.
 * *plan starts as NULL.
 */
extern uint64 books_exec_kept(void **plan, const char *sql,
							  const char *format,...);

/* Values of a BookRows cell; errors are those of the type's input. */
extern int64 book_int(const BookRows *rows, int row, int column);
extern bool book_bool(const BookRows *rows, int row, int column);
extern Jsonb *book_jsonb(const BookRows *rows, int row, int column);

#endif							/* DTSMIG_BOOKS_H */
