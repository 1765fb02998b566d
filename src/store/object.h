/*-------------------------------------------------------------------------
 *
 * object.h
 *	  Objects of a schema that could not be made: rows of dtsmig.task_object.
 *
 * Rows need tables, types, keys and what those need: without one of these a
 * task stops. Views, comments, triggers and indexes that are not unique hold
 * no rows and are needed by none: a task goes on without, and says so until
 * they exist, or are not wanted any more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_OBJECT_H
#define DTSMIG_OBJECT_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/sql.h"
#include "store/task.h"

/*
 * SQL over a row o of dtsmig.task_object, and t of dtsmig.task_table (that of
 * o, or NULLs).
 */

/* Does no row need it? */
#define OBJECT_IS_OPTIONAL \
	"(o.kind IN ('view', 'materialized view', 'refresh', 'comment', 'trigger', 'event trigger') " \
	"OR (o.kind = 'index' AND o.phase IN ('index', 'post_data') " \
	"AND NOT pg_catalog.starts_with(o.statement, 'CREATE UNIQUE ')) " \
	"OR (o.kind = 'function' AND o.table_id IS NOT NULL))"

/* kind and name, with what it is of */
#define OBJECT_FULL_NAME \
	"pg_catalog.concat_ws('.', o.target_schema, " \
	"CASE WHEN o.target_schema IS NOT NULL AND o.kind IN ('trigger', 'foreign key', 'check') " \
	"THEN t.target_table END, o.name)"

/*
 * Did it fail for another reason than that such an object exists? One that
 * exists now was made by hand, as the hint of that failure says.
 */
#define OBJECT_MAY_BE_MADE \
	"COALESCE(o.state = 'failed' AND o.error_code <> ALL ('{42P07,42710,42P06,42723}') " \
	"AND (o.error_code <> '42P16' OR o.kind NOT LIKE '%key'), false)"

/* Is it made in this database? Of what is elsewhere nothing can be seen. */
#define OBJECT_IS_LOCAL \
	"(SELECT d.destination = 'local' FROM dtsmig.task d WHERE d.task_id = o.task_id)"

/* The relation (pg_class) of its name; one that is no index. NULL: none. */
#define OBJECT_RELATION \
	"(SELECT c.oid FROM pg_catalog.pg_class c " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"WHERE " OBJECT_IS_LOCAL " AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND CASE " \
	"WHEN o.kind = 'table' AND t.table_id IS NOT NULL " \
	"THEN n.nspname = t.target_schema AND c.relname = t.target_table " \
	"WHEN o.target_schema IS NOT NULL " \
	"THEN n.nspname = o.target_schema AND c.relname = o.name " \
	"ELSE n.nspname || '.' || c.relname = o.name END)"

/*
 * An object that failed: does it exist by now? Tables are looked at with care.
 */
#define OBJECT_IS_MADE \
	"(" OBJECT_MAY_BE_MADE " AND " OBJECT_IS_LOCAL " AND CASE " \
	"WHEN o.kind IN ('view', 'materialized view', 'sequence', 'foreign table') " \
	"THEN " OBJECT_RELATION " IS NOT NULL " \
	"WHEN o.kind = 'index' THEN EXISTS (SELECT 1 FROM pg_catalog.pg_class c " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid AND i.indisvalid " \
	"WHERE CASE WHEN o.target_schema IS NULL THEN n.nspname || '.' || c.relname = o.name " \
	"ELSE n.nspname = o.target_schema AND c.relname = o.name END) " \
	"WHEN o.kind IN ('primary key', 'foreign key', 'check') THEN EXISTS " \
	"(SELECT 1 FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"WHERE n.nspname = t.target_schema AND c.relname = t.target_table AND k.conname = o.name) " \
	"WHEN o.kind = 'trigger' THEN EXISTS " \
	"(SELECT 1 FROM pg_catalog.pg_trigger k JOIN pg_catalog.pg_class c ON c.oid = k.tgrelid " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"WHERE n.nspname = t.target_schema AND c.relname = t.target_table AND k.tgname = o.name) " \
	"WHEN o.kind = 'function' THEN EXISTS " \
	"(SELECT 1 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace " \
	"WHERE n.nspname = o.target_schema AND p.proname = o.name) ELSE false END)"

/* From where o and t are, for a condition to follow. */
#define OBJECT_FROM \
	"dtsmig.task_object o LEFT JOIN dtsmig.task_table t USING (table_id)"

/* One that is made when the task is over, at a destination elsewhere. */
typedef struct WaitingObject
{
	int64		id;
	char	   *title;
	char	   *statement;
} WaitingObject;

/* All of a task, as they have to be made: WaitingObject *. */
extern List *objects_waiting(int64 task_id);
extern void object_set_made(int64 object_id);

/*
 * What failed and exists by now counts as made (state done);
 * tables with rows of the source excepted. In a transaction.
 */
extern void object_take_made(int64 task_id);

/*
 * Raises an alert for every object that failed and that the task goes on
 * without, and clears those of objects that have not failed any more. Returns
 * what was reported, as alert_raise does. In a transaction.
 */
extern List *object_watch(int64 task_id);

/* "SELECT dtsmig.…" for a hint: the ways on of an object that failed. */
extern char *object_hint(const char *task, const char *title);

/*
 * A statement for an object of a table of the destination that is for somebody to
 * run when the task is over: kept, and not wanted any more (false: there is none
 * of that name).
 */
extern void object_keep_waiting(int64 task_id, const char *schema, const char *table,
								const char *kind, const char *name,
								const char *statement);
extern bool object_forget_waiting(int64 task_id, const char *kind, const char *name);

/* Notes in task_log that the task goes on without an object. */
extern void object_log_failed(const TaskRecord *task, const char *title,
							  const char *error);

#endif							/* DTSMIG_OBJECT_H */
