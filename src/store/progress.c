/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  dtsmig.task: how far a task has come.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/progress.h"

#include "store/sql.h"
#include "store/states.h"

void
store_task_begin_precheck(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET status = '" TASK_STATUS_PRECHECKING "', "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "i", task_id);
}

void
store_task_end_precheck(int64 task_id, bool passed)
{
	(void) store_exec("UPDATE dtsmig.task SET status = $2, wanted = $3, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "itt", task_id,
					  passed ? TASK_STATUS_RUNNING : TASK_STATUS_PRECHECK_FAILED,
					  passed ? TASK_WANTED_RUNNING : TASK_WANTED_IDLE);
}

void
store_task_set_step(int64 task_id, const char *phase, const char *step)
{
	(void) store_exec("UPDATE dtsmig.task SET phase = $2, step = $3, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "itt", task_id, phase, step);
}

void
store_task_set_start(int64 task_id, const char *start)
{
	(void) store_exec("UPDATE dtsmig.task SET start_position = $2 WHERE task_id = $1",
					  "it", task_id, start);
}

void
store_task_set_target(int64 task_id, const char *target, const char *start)
{
	(void) store_exec("UPDATE dtsmig.task SET target_position = $2, "
					  "start_position = $3 WHERE task_id = $1",
					  "itt", task_id, target, start);
}

void
store_task_set_consistent(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET "
					  "consistent_since = pg_catalog.clock_timestamp(), "
					  "consistent_position = COALESCE((SELECT applied_position FROM "
					  "dtsmig.task_position p WHERE p.task_id = task.task_id), "
					  "target_position, start_position) "
					  "WHERE task_id = $1 AND consistent_since IS NULL",
					  "i", task_id);
}

TaskApplied *
store_task_applied(int64 task_id)
{
	StoreRows  *rows;
	TaskApplied *a;

	rows = store_query("SELECT COALESCE(r.applied_position, p.applied_position, "
					   "t.start_position), COALESCE(p.changes, 0), r.pid IS NOT NULL, "
					   "t.status, t.last_error FROM dtsmig.task t "
					   "LEFT JOIN dtsmig.task_position p USING (task_id) "
					   "LEFT JOIN LATERAL dtsmig.task_runtime(t.runtime_handle, t.task_id) r "
					   "ON true WHERE t.task_id = $1", "i", task_id);
	if (rows->nrows == 0)
		return NULL;
	a = palloc(sizeof(TaskApplied));
	a->position = rows->values[0][0];
	a->changes = store_int(rows, 0, 1);
	a->running = store_bool(rows, 0, 2);
	a->status = rows->values[0][3];
	a->error = rows->values[0][4];
	return a;
}

List *
store_tasks_to_start(void)
{
	StoreRows  *rows;
	List	   *tasks = NIL;

	rows = store_query("SELECT t.task_id, t.owner, COALESCE(t.runtime_handle, 0) "
					   "FROM dtsmig.task t JOIN pg_catalog.pg_roles r "
					   "ON r.oid = t.owner AND r.rolcanlogin "
					   "WHERE (t.wanted = '" TASK_WANTED_RUNNING "' "
					   "OR (t.status = '" TASK_STATUS_FAILED "' "
					   "AND t.resume_at IS NOT NULL)) AND NOT EXISTS "
					   "(SELECT 1 FROM pg_catalog.pg_stat_activity a "
					   "WHERE a.datid = (SELECT oid FROM pg_catalog.pg_database "
					   "WHERE datname = pg_catalog.current_database()) "
					   "AND a.backend_type = 'dtsmig task' AND a.usesysid = t.owner "
					   "AND a.application_name = 'dtsmig task ' || t.task_id)", "");
	for (int i = 0; i < rows->nrows; i++)
	{
		TaskToStart *t = palloc(sizeof(TaskToStart));

		t->id = store_int(rows, i, 0);
		t->owner = (Oid) store_int(rows, i, 1);
		t->handle = store_int(rows, i, 2);
		tasks = lappend(tasks, t);
	}
	return tasks;
}
