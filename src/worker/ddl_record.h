/*-------------------------------------------------------------------------
 *
 * ddl_record.h
 *	  What a source's capture records of a DDL statement (Change.ddl_record).
 *	  Everything lives in the context that is current when it is read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DDL_RECORD_H
#define DTSMIG_DDL_RECORD_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "schema/model.h"

/* An object that a statement made or changed, and the relation it belongs to. */
typedef struct DdlObject
{
	char	   *type;			/* "table", "function", as event triggers say it */
	char	   *schema;			/* NULL: it is in none */
	char	   *table;			/* a relation's own name, or that of the relation an
								 * index, trigger, … is of; NULL: none */
	char	   *identity;		/* quoted, with schema */
	char	   *owner;			/* at the source; NULL: not known */
} DdlObject;

typedef struct DdlDropped
{
	char	   *type;
	char	   *schema;
	char	   *table;
	char	   *name;			/* NULL: it has none of one word */
	char	   *identity;
	char	   *source_id;
	bool		original;		/* named by the statement */
	bool		normal;			/* gone by CASCADE, or as part of an original */
} DdlDropped;

/* A table after the statement. */
typedef struct DdlTableState
{
	TableDef   *def;			/* without names at the destination */
	List	   *missing;		/* char * or NULL, for each column: the value, as an
								 * array's text, of rows that are older than it */
	bool		added;			/* new in what the source publishes */
} DdlTableState;

typedef struct DdlSetting
{
	char	   *name;
	char	   *value;
} DdlSetting;

typedef struct DdlRecord
{
	char	   *tag;			/* "ALTER TABLE"; "rewrite" */
	char	   *text;			/* that the statement stands in; NULL: unknown */
	char	   *from;			/* "query", "statement", "function", "unknown" */
	char	   *name;			/* of the relation; NULL */
	int			nth;			/* of the tag in the text, */
	int			nth_name;		/* and of those of this name */
	int			place;			/* of the statement in an SQL function; else 0 */
	char	   *caller;			/* role at the source that ran it; NULL: not certain */
	bool		caller_super;	/* which is a superuser at the source */
	List	   *path;			/* char *: schemas of the search_path */
	List	   *settings;		/* DdlSetting * that the text depends on */
	List	   *objects;		/* DdlObject * */
	List	   *dropped;		/* DdlDropped *; of a DROP */
	List	   *tables;			/* DdlTableState * */
	char	   *failure;		/* nothing else could be recorded, because */
	char	   *rewrite;		/* source_id of a table that is rewritten by the
								 * statement that comes next */
} DdlRecord;

/* Raises an error for what is no record. */
extern DdlRecord *ddl_record_parse(const char *json);

#endif							/* DTSMIG_DDL_RECORD_H */
