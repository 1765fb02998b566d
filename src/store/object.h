/*-------------------------------------------------------------------------
 *
 * object.h
 *	  Objects of a schema that a task makes, and those that could not be made:
 *	  rows of dtsmig.task_object.
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

/* An object as it comes into the catalog. Texts may be NULL but for the first ones. */
typedef struct NewObject
{
	const char *phase;			/* of OBJECT_PHASE_… */
	const char *kind;
	const char *name;
	const char *state;			/* of OBJECT_STATE_… */
	int64		table_id;		/* its table; 0: the one of this name */
	const char *schema;			/* of its table, at the source; NULL: it is of none */
	const char *table;
	const char *target_schema;
	const char *statement;
	const char *note;
	bool		warning;
	const char *error;
	const char *error_code;		/* SQLSTATE */
} NewObject;

extern void object_add(int64 task_id, const NewObject *object);
/*
 * The same of one that the catalog may have by its kind, name and table: state,
 * error and statement are these. False: it has none.
 */
extern bool object_replace(int64 task_id, const NewObject *object);
/* A table's objects of phases after the rows that are still to be made are none any more. */
extern void object_forget_later(int64 table_id);
/* Is there one of a table, of this kind and name? */
extern bool object_is_known(int64 table_id, const char *kind, const char *name);
/* It is not to be made any more, by this statement. */
extern void object_forget(int64 task_id, const char *kind, const char *name,
						  const char *statement);

/* An object that is to be made, or to be tried again. */
typedef struct ObjectToMake
{
	int64		id;
	char	   *kind;
	char	   *name;			/* with what it is of */
	char	   *statement;
	bool		may_be_made;	/* by hand, since it failed */
	char	   *relation;		/* if so: what has its name now, qualified and quoted;
								 * NULL: nothing */
	bool		is_relation;
	bool		optional;		/* no row needs it */
} ObjectToMake;

/* Those of a phase, in their order: ObjectToMake *. */
extern List *objects_to_make(int64 task_id, const char *phase);
/* What has become of one; error, with its SQLSTATE: NULL. */
extern void object_set_state(int64 object_id, const char *state,
							 const char *error, const char *error_code);
/* The task does without, and the error is kept. */
extern void object_set_skipped(int64 object_id);

/* An object by the name that a user has given. */
typedef struct NamedObject
{
	int64		id;
	char	   *title;			/* kind and name, with what it is of */
	char	   *statement;		/* NULL: it does not translate */
	char	   *state;
	bool		is_made;		/* it has failed, and exists by now */
	bool		is_table;		/* that the task has rows for */
	char	   *relation;		/* what has its name now, qualified and quoted; NULL:
								 * nothing */
} NamedObject;

/* All that may be meant (NamedObject *): failed ones, skipped ones, others. */
extern List *objects_named(int64 task_id, const char *name);
/* It is in that state, and no worker waits for it. statement: another; or NULL. */
extern void object_settle(int64 object_id, const char *state,
						  const char *statement);

/* An object that could not be made, and does not exist by now. */
typedef struct MissingObject
{
	char	   *schema;			/* of its table, at the source; "": it is of none */
	char	   *table;
	char	   *title;			/* kind and name */
	char	   *statement;		/* NULL: it does not translate */
	char	   *error;
} MissingObject;

/* All of a task: MissingObject *. */
extern List *objects_missing(int64 task_id);

/* A view of this database. */
typedef struct ObjectView
{
	char	   *name;			/* qualified and quoted */
	char	   *schema;
	char	   *relname;
	char	   *query;
	bool		own;			/* the task has made it */
} ObjectView;

/*
 * Views that use any of these tables (qualified and quoted, with a byte 1 between
 * them), those that are used by others last.
 */
extern List *object_views_of(int64 task_id, const char *tables);
/* A view that the task had made is gone. */
extern void object_view_failed(int64 task_id, const char *schema,
							   const char *relname, const char *error,
							   const char *error_code);

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
