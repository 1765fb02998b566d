/*-------------------------------------------------------------------------
 *
 * object.c
 *	  dtsmig.task_object: objects of a schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/object.h"

#include "store/alert.h"
#include "store/states.h"
#include "utils/builtins.h"

void
object_add(int64 task_id, const NewObject *object)
{
	(void) store_exec("INSERT INTO dtsmig.task_object (task_id, table_id, phase, "
					  "kind, name, statement, note, warning, state, error, error_code, "
					  "target_schema) SELECT $1, COALESCE(NULLIF($14, 0), (SELECT table_id "
					  "FROM dtsmig.task_table "
					  "WHERE task_id = $1 AND source_schema = $2 AND source_table = $3)), "
					  "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13",
					  "ittttttt" "btttt" "i", task_id, object->schema, object->table,
					  object->phase, object->kind, object->name, object->statement,
					  object->note, (int) object->warning, object->state,
					  object->error, object->error_code, object->target_schema,
					  object->table_id);
}

bool
object_replace(int64 task_id, const NewObject *object)
{
	return store_exec("UPDATE dtsmig.task_object o SET state = $5, error = $6, error_code = $7, "
					  "statement = $8 WHERE o.task_id = $1 AND o.kind = $2 AND o.name = $3 "
					  "AND o.target_schema = $4 AND o.table_id IS NOT DISTINCT FROM "
					  "(SELECT table_id FROM dtsmig.task_table WHERE task_id = $1 "
					  "AND source_schema = $9 AND source_table = $10)", "itttttttt" "t",
					  task_id, object->kind, object->name, object->target_schema,
					  object->state, object->error, object->error_code,
					  object->statement, object->schema, object->table) > 0;
}

void
object_forget(int64 task_id, const char *kind, const char *name,
			  const char *statement)
{
	(void) store_exec("DELETE FROM dtsmig.task_object WHERE task_id = $1 "
					  "AND kind = $2 AND name = $3 AND statement = $4 AND state IN ('"
					  OBJECT_STATE_WAITING "', '" OBJECT_STATE_FAILED "')", "ittt",
					  task_id, kind, name, statement);
}

void
object_forget_later(int64 table_id)
{
	(void) store_exec("DELETE FROM dtsmig.task_object WHERE table_id = $1 AND phase IN ('"
					  OBJECT_PHASE_UNIQUE "', '" OBJECT_PHASE_POST_DATA "') AND state IN ('"
					  OBJECT_STATE_WAITING "', '" OBJECT_STATE_FAILED "')", "i", table_id);
}

bool
object_is_known(int64 table_id, const char *kind, const char *name)
{
	return store_query("SELECT 1 FROM dtsmig.task_object WHERE table_id = $1 AND kind = $2 "
					   "AND name = $3", "itt", table_id, kind, name)->nrows > 0;
}

List *
objects_to_make(int64 task_id, const char *phase)
{
	StoreRows  *rows;
	List	   *objects = NIL;

	rows = store_query("SELECT o.object_id, o.kind, " OBJECT_FULL_NAME ", o.statement, "
					   OBJECT_MAY_BE_MADE ", CASE WHEN " OBJECT_MAY_BE_MADE
					   " THEN (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) "
					   "FROM pg_catalog.pg_class c "
					   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					   "WHERE c.oid = " OBJECT_RELATION ") END, "
					   "o.kind IN ('table', 'foreign table', 'view', 'materialized view', 'sequence'), "
					   OBJECT_IS_OPTIONAL
					   " FROM " OBJECT_FROM " WHERE o.task_id = $1 AND o.phase = $2 "
					   "AND o.state IN ('" OBJECT_STATE_WAITING "', '" OBJECT_STATE_FAILED "') "
					   "ORDER BY o.object_id", "it", task_id, phase);
	for (int i = 0; i < rows->nrows; i++)
	{
		ObjectToMake *o = palloc(sizeof(ObjectToMake));

		o->id = store_int(rows, i, 0);
		o->kind = rows->values[i][1];
		o->name = rows->values[i][2];
		o->statement = rows->values[i][3];
		o->may_be_made = store_bool(rows, i, 4);
		o->relation = rows->values[i][5];
		o->is_relation = store_bool(rows, i, 6);
		o->optional = store_bool(rows, i, 7);
		objects = lappend(objects, o);
	}
	return objects;
}

void
object_set_state(int64 object_id, const char *state, const char *error,
				 const char *error_code)
{
	(void) store_exec("UPDATE dtsmig.task_object SET state = $2, error = $3, "
					  "error_code = $4 WHERE object_id = $1", "ittt", object_id,
					  state, error, error_code);
}

void
object_set_skipped(int64 object_id)
{
	(void) store_exec("UPDATE dtsmig.task_object SET state = '" OBJECT_STATE_SKIPPED "' "
					  "WHERE object_id = $1", "i", object_id);
}

List *
objects_named(int64 task_id, const char *name)
{
	StoreRows  *rows;
	List	   *objects = NIL;

	rows = store_query("SELECT o.object_id, o.kind || ' ' || " OBJECT_FULL_NAME ", o.statement, "
					   OBJECT_IS_MADE ", o.kind = 'table' AND t.table_id IS NOT NULL, o.state, "
					   "(SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) "
					   "FROM pg_catalog.pg_class c "
					   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					   "WHERE c.oid = " OBJECT_RELATION ") "
					   "FROM " OBJECT_FROM " WHERE o.task_id = $1 AND $2 IN (o.name, "
					   "o.kind || ' ' || o.name, " OBJECT_FULL_NAME ", "
					   "o.kind || ' ' || " OBJECT_FULL_NAME ", "
					   "o.target_schema || '.' || o.name, "
					   "o.kind || ' ' || o.target_schema || '.' || o.name) "
					   "ORDER BY o.state = '" OBJECT_STATE_FAILED "' DESC, "
					   "o.state = '" OBJECT_STATE_SKIPPED "' DESC, o.object_id",
					   "it", task_id, name);
	for (int i = 0; i < rows->nrows; i++)
	{
		NamedObject *o = palloc(sizeof(NamedObject));

		o->id = store_int(rows, i, 0);
		o->title = rows->values[i][1];
		o->statement = rows->values[i][2];
		o->is_made = store_bool(rows, i, 3);
		o->is_table = store_bool(rows, i, 4);
		o->state = rows->values[i][5];
		o->relation = rows->values[i][6];
		objects = lappend(objects, o);
	}
	return objects;
}

void
object_settle(int64 object_id, const char *state, const char *statement)
{
	(void) store_exec("UPDATE dtsmig.task_object SET state = $2, error = NULL, "
					  "error_code = NULL, statement = COALESCE($3, statement) "
					  "WHERE object_id = $1", "itt", object_id, state, statement);
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_DONE "' "
					  "WHERE object_id = $1", "i", object_id);
}

List *
objects_missing(int64 task_id)
{
	StoreRows  *rows;
	List	   *objects = NIL;

	rows = store_query("SELECT COALESCE(t.source_schema, ''), COALESCE(t.source_table, ''), "
					   "o.kind || ' ' || o.name, o.statement, o.error "
					   "FROM " OBJECT_FROM " WHERE o.task_id = $1 "
					   "AND o.state = '" OBJECT_STATE_FAILED "' "
					   "AND NOT " OBJECT_IS_MADE " ORDER BY o.object_id", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		MissingObject *o = palloc(sizeof(MissingObject));

		o->schema = rows->values[i][0];
		o->table = rows->values[i][1];
		o->title = rows->values[i][2];
		o->statement = rows->values[i][3];
		o->error = rows->values[i][4];
		objects = lappend(objects, o);
	}
	return objects;
}

#define VIEWS_QUERY \
	"WITH RECURSIVE base AS (SELECT to_regclass(x)::oid AS oid " \
	"FROM unnest(string_to_array($2, chr(1))) x), v (oid, depth) AS (" \
	"SELECT r.ev_class, 1 FROM base b JOIN pg_depend d " \
	"ON d.refclassid = 'pg_class'::regclass AND d.refobjid = b.oid " \
	"AND d.classid = 'pg_rewrite'::regclass " \
	"JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> b.oid " \
	"UNION SELECT r.ev_class, v.depth + 1 FROM v JOIN pg_depend d " \
	"ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid " \
	"AND d.classid = 'pg_rewrite'::regclass " \
	"JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> v.oid) " \
	"SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), " \
	"n.nspname, c.relname, pg_get_viewdef(c.oid), EXISTS (SELECT 1 " \
	"FROM dtsmig.task_object o WHERE o.task_id = $1 AND o.kind = 'view' " \
	"AND COALESCE(o.target_schema, n.nspname) = n.nspname " \
	"AND o.name = c.relname AND o.state = '" OBJECT_STATE_DONE "') AND c.relkind = 'v' " \
	"FROM v JOIN pg_class c ON c.oid = v.oid " \
	"JOIN pg_namespace n ON n.oid = c.relnamespace " \
	"GROUP BY c.oid, n.nspname ORDER BY max(v.depth) DESC"

List *
object_views_of(int64 task_id, const char *tables)
{
	StoreRows  *rows = store_query(VIEWS_QUERY, "it", task_id, tables);
	List	   *views = NIL;

	for (int i = 0; i < rows->nrows; i++)
	{
		ObjectView *view = palloc(sizeof(ObjectView));

		view->name = rows->values[i][0];
		view->schema = rows->values[i][1];
		view->relname = rows->values[i][2];
		view->query = rows->values[i][3];
		view->own = store_bool(rows, i, 4);
		views = lappend(views, view);
	}
	return views;
}

void
object_view_failed(int64 task_id, const char *schema, const char *relname,
				   const char *error, const char *error_code)
{
	(void) store_exec("UPDATE dtsmig.task_object SET state = '" OBJECT_STATE_FAILED "', "
					  "error = $4, error_code = $5 WHERE task_id = $1 AND kind = 'view' "
					  "AND name = $3 AND COALESCE(target_schema, $2) = $2",
					  "itttt", task_id, schema, relname, error, error_code);
}

void
object_take_made(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("WITH made AS (SELECT o.object_id, o.kind || ' ' || "
					   OBJECT_FULL_NAME " AS title FROM " OBJECT_FROM
					   " WHERE o.task_id = $1 AND o.state = '" OBJECT_STATE_FAILED "' "
					   "AND " OBJECT_IS_MADE "), "
					   "job AS (UPDATE dtsmig.task_job j SET state = '" JOB_STATE_DONE "' "
					   "FROM made "
					   "WHERE j.object_id = made.object_id) "
					   "UPDATE dtsmig.task_object o "
					   "SET state = '" OBJECT_STATE_DONE "', error = NULL, "
					   "error_code = NULL FROM made WHERE o.object_id = made.object_id "
					   "RETURNING made.title", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
		task_log_event(task_id, "info",
					   psprintf("%s exists by now, and is taken for the one that could not be made",
								rows->values[i][0]), NULL, NULL, NULL);
}

List *
objects_waiting(int64 task_id)
{
	StoreRows  *rows;
	List	   *list = NIL;

	rows = store_query("SELECT o.object_id, o.kind || ' ' || " OBJECT_FULL_NAME ", o.statement "
					   "FROM " OBJECT_FROM " WHERE o.task_id = $1 "
					   "AND o.state = '" OBJECT_STATE_WAITING "' "
					   "AND o.statement IS NOT NULL ORDER BY o.object_id", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		WaitingObject *o = palloc(sizeof(WaitingObject));

		o->id = store_int(rows, i, 0);
		o->title = rows->values[i][1];
		o->statement = rows->values[i][2];
		list = lappend(list, o);
	}
	return list;
}

void
object_set_made(int64 object_id)
{
	(void) store_exec("UPDATE dtsmig.task_object "
					  "SET state = '" OBJECT_STATE_DONE "', error = NULL, "
					  "error_code = NULL WHERE object_id = $1", "i", object_id);
}

char *
object_hint(const char *task, const char *title)
{
	char	   *name = quote_literal_cstr(task);
	char	   *object = quote_literal_cstr(title);

	return psprintf("Make it by hand, or: SELECT dtsmig.retry_object(%s, %s, 'CREATE ...'); SELECT dtsmig.skip_object(%s, %s); does without it.",
					name, object, name, object);
}

void
object_log_failed(const TaskRecord *task, const char *title, const char *error)
{
	task_log_event(task->id, "warning",
				   psprintf("%s could not be made: %s", title, error),
				   "No row needs it; the task goes on without.",
				   object_hint(task->name, title), NULL);
}

List *
object_watch(int64 task_id)
{
	StoreRows   *rows;
	List	   *reported = NIL;

	object_take_made(task_id);
	rows = store_query("SELECT o.kind || ' ' || " OBJECT_FULL_NAME ", o.error, k.task_name "
					   "FROM " OBJECT_FROM " JOIN dtsmig.task k ON k.task_id = o.task_id "
					   "WHERE o.task_id = $1 AND o.state = '" OBJECT_STATE_FAILED "' "
					   "AND " OBJECT_IS_OPTIONAL
					   " AND NOT EXISTS (SELECT 1 FROM dtsmig.alert a WHERE a.task_id = $1 "
					   "AND a.kind = $2 AND a.cleared IS NULL "
					   "AND a.subject = o.kind || ' ' || " OBJECT_FULL_NAME ") "
					   "ORDER BY o.object_id", "it", task_id, ALERT_OBJECT);
	for (int i = 0; i < rows->nrows; i++)
	{
		const char *title = rows->values[i][0];
		char	   *text = alert_raise(task_id, ALERT_OBJECT, title,
									   psprintf("%s could not be made", title),
									   rows->values[i][1],
									   object_hint(rows->values[i][2], title));

		if (text != NULL)
			reported = lappend(reported, text);
	}
	rows = store_query("SELECT a.subject FROM dtsmig.alert a WHERE a.task_id = $1 "
					   "AND a.kind = $2 AND a.cleared IS NULL AND NOT EXISTS "
					   "(SELECT 1 FROM " OBJECT_FROM " WHERE o.task_id = $1 "
					   "AND o.state = '" OBJECT_STATE_FAILED "' "
					   "AND a.subject = o.kind || ' ' || " OBJECT_FULL_NAME ")",
					   "it", task_id, ALERT_OBJECT);
	for (int i = 0; i < rows->nrows; i++)
		reported = list_concat(reported, alert_clear(task_id, ALERT_OBJECT,
											 rows->values[i][0], 0));
	return reported;
}

void
object_keep_waiting(int64 task_id, const char *schema, const char *table,
					const char *kind, const char *name, const char *statement)
{
	(void) store_exec("INSERT INTO dtsmig.task_object (task_id, table_id, phase, kind, "
					  "name, statement, state) SELECT $1, (SELECT table_id "
					  "FROM dtsmig.task_table WHERE task_id = $1 AND target_schema = $2 "
					  "AND target_table = $3 "
					  "LIMIT 1), '" OBJECT_PHASE_POST_DATA "', $4, $5, $6, "
					  "'" OBJECT_STATE_WAITING "'",
					  "ittttt", task_id, schema, table, kind, name, statement);
}

bool
object_forget_waiting(int64 task_id, const char *kind, const char *name)
{
	return store_exec("DELETE FROM dtsmig.task_object WHERE task_id = $1 AND kind = $2 "
					  "AND name = $3 "
					  "AND state = '" OBJECT_STATE_WAITING "'", "itt", task_id, kind, name) > 0;
}
