/*-------------------------------------------------------------------------
 *
 * pg_names_internal.h
 *	  What pg_names.c (text) and pg_names_walk.c (parse tree) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_NAMES_INTERNAL_H
#define DTSMIG_PG_NAMES_INTERNAL_H

#include "nodes/parsenodes.h"

#include "schema/pg_names.h"

/* What the parse tree knows of the name that starts at a place of the text. */
typedef enum NameMark
{
	MARK_NONE,					/* nothing: a qualified name of an object */
	MARK_LEAVE,					/* columns and fields */
	MARK_OWN_COLUMN,			/* table.column, of the statement's own table */
	MARK_QUERY_COLUMN,			/* schema.table.column within a query */
	MARK_FUNCTION,
	MARK_QUERY_TABLE,			/* a table of a query, without an alias */
	MARK_RELATION,				/* one elsewhere, without a schema */
	MARK_LITERAL,				/* a string that names a relation (or type) */
	MARK_LITERAL_SCHEMA,		/* a string or name that names a schema */
	MARK_LITERAL_OTHER			/* … another object, schema.name */
} NameMark;

typedef struct NamesRun
{
	const PgNameMap *map;
	const char *sql;
	int			len;
	uint8	   *marks;			/* NameMark by offset */
	List	   *search_path;
	List	   *notes;

	/* of the statement that is being walked */
	RangeVar   *own;			/* its table; NULL: none */
	List	   *scopes;			/* List of char *: names of tables of the
								 * queries around */
	List	   *ctes;			/* char *: names that WITH defines */
} NamesRun;

/* Marks what stands in one statement. */
extern void names_walk_statement(NamesRun *run, Node *stmt);
/*
 * The schema of a relation that is named without one, by the search path; NULL
 * if nothing there is renamed.
 */
extern const char *names_find_schema(const NamesRun *run, const char *name);
/* Has it got another name or another schema? */
extern bool names_is_elsewhere(const PgNameMap *map, const char *schema,
							   const char *name);

#endif							/* DTSMIG_PG_NAMES_INTERNAL_H */
