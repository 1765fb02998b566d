/*-------------------------------------------------------------------------
 *
 * sql.h
 *	  Access to the tables of schema dtsmig.
 *
 * Users and workers have no rights on these tables: the catalog is read and
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
#ifndef DTSMIG_SQL_H
#define DTSMIG_SQL_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* What this library needs in the database; see CatalogState. */
#define STORE_VERSION "1.0"

/*
 * A library that is newer than the extension in a database leaves the catalog
 * alone: their new columns do not exist. The other way round it goes on: an
 * update script only adds to what the library before it uses.
 */
typedef enum CatalogState
{
	CATALOG_NONE,				/* no extension in this database */
	CATALOG_FOREIGN,			/* its schema is not its owner's */
	CATALOG_OLD,				/* ALTER EXTENSION ... UPDATE is wanted */
	CATALOG_FITS
} CatalogState;

/* *version: as installed, NULL if there is none. In a transaction. */
extern CatalogState store_state(char **version);
/* Raises the error that all access to catalog of an earlier version gives. */
extern void store_refuse(const char *version);
/* The same where the schema is not the extension owner's (CATALOG_FOREIGN). */
extern void store_refuse_schema(void);
/*
 * Marks wanted tasks (or one: task_id, else 0) of catalog of an earlier version
 * as waiting for the update; true if that was news. handle: of the worker's
 * shared memory, 0 if there is none.
 */
extern bool store_note_old(const char *version, int64 task_id, int64 handle);

/* Rows of a query, as text and as jsonb, in the context of the call. */
typedef struct StoreRows
{
	int			nrows;
	int			ncolumns;
	char	 ***values;			/* [row][column], NULL is SQL NULL */
} StoreRows;

/* Runs a statement; returns the rows it gives or, without RETURNING, none. */
extern StoreRows *store_query(const char *sql, const char *format,...);
/* Runs a statement; returns the number of rows that it processed. */
extern uint64 store_exec(const char *sql, const char *format,...);
/*
 * As store_exec with a plan that is kept: for statements run for every batch.
 * *plan starts as NULL.
 */
extern uint64 store_exec_saved(void **plan, const char *sql,
							  const char *format,...);

/* Values of a StoreRows cell; errors are those of the type's input. */
extern int64 store_int(const StoreRows *rows, int row, int column);
/* The first column of all rows: a List of palloc'd int64. */
static inline List *
store_ids(const StoreRows *rows)
{
	List	   *ids = NIL;

	for (int i = 0; i < rows->nrows; i++)
	{
		int64	   *id = palloc(sizeof(int64));

		*id = store_int(rows, i, 0);
		ids = lappend(ids, id);
	}
	return ids;
}
/* The same as texts (char *). */
static inline List *
store_texts(const StoreRows *rows)
{
	List	   *texts = NIL;

	for (int i = 0; i < rows->nrows; i++)
		texts = lappend(texts, rows->values[i][0]);
	return texts;
}
extern bool store_bool(const StoreRows *rows, int row, int column);
extern Jsonb *store_jsonb(const StoreRows *rows, int row, int column);

#endif							/* DTSMIG_SQL_H */
