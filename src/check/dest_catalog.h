/*-------------------------------------------------------------------------
 *
 * dest_catalog.h
 *	  What the catalog of the destination says of a task's tables: this
 *	  database's, or that of a PostgreSQL server elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_CATALOG_H
#define DTSMIG_DEST_CATALOG_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "dest/dest.h"
#include "store/task.h"

/*
 * Rows of a query, char **, as many as shape has letters (see
 * client/pg_result.h); name is for messages. The query, a SELECT, can read the
 * task's tables as t (source_schema, source_table, target_schema, target_table),
 * and the OID of the role that the task is there from me (oid).
 */
extern List *dest_catalog_select(const TaskRecord *task, const DestRoutine *dest,
								 const char *name, const char *shape,
								 const char *sql);

/*
 * Is the catalog PostgreSQL's? Else it has answers to some questions alone
 * (DestCatalogRoutine).
 */
extern bool dest_catalog_is_postgres(const DestRoutine *dest);
/* The task's tables as they are called there: char **, schema and name. */
extern List *dest_catalog_tables(const TaskRecord *task);
/* The columns of a table elsewhere, DestColumn *; NIL: there is no such table. */
extern List *dest_catalog_columns(const TaskRecord *task, const DestRoutine *dest,
								  const char *schema, const char *table);
/* One of them; NULL: there is none of this name. */
extern const DestColumn *dest_catalog_find(List *columns, const char *name);

/* What of pg_class is the task's: c, in the namespace n. */
#define DEST_TASK_RELATIONS \
	"FROM t JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema " \
	"JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid " \
	"AND c.relname = t.target_table "

#endif							/* DTSMIG_DEST_CATALOG_H */
