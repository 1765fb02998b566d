/*-------------------------------------------------------------------------
 *
 * object.c
 *	  Objects of a schema that could not be made: rows of dtsmig.task_object.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/object.h"

#include "store/alert.h"
#include "utils/builtins.h"

void
object_take_made(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("WITH made AS (SELECT o.object_id, o.kind || ' ' || "
					   OBJECT_FULL_NAME " AS title FROM " OBJECT_FROM
					   " WHERE o.task_id = $1 AND o.state = 'failed' AND " OBJECT_IS_MADE "), "
					   "job AS (UPDATE dtsmig.task_job j SET state = 'done' FROM made "
					   "WHERE j.object_id = made.object_id) "
					   "UPDATE dtsmig.task_object o SET state = 'done', error = NULL, "
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
					   "FROM " OBJECT_FROM " WHERE o.task_id = $1 AND o.state = 'waiting' "
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
	(void) store_exec("UPDATE dtsmig.task_object SET state = 'done', error = NULL, "
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
					   "WHERE o.task_id = $1 AND o.state = 'failed' AND " OBJECT_IS_OPTIONAL
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
					   "AND o.state = 'failed' "
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
					  "AND target_table = $3 LIMIT 1), 'post_data', $4, $5, $6, 'waiting'",
					  "ittttt", task_id, schema, table, kind, name, statement);
}

bool
object_forget_waiting(int64 task_id, const char *kind, const char *name)
{
	return store_exec("DELETE FROM dtsmig.task_object WHERE task_id = $1 AND kind = $2 "
					  "AND name = $3 AND state = 'waiting'", "itt", task_id, kind, name) > 0;
}
