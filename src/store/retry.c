/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  A task's errors in dtsmig.task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/retry.h"

#include "store/states.h"
#include "store/sql.h"

Jsonb *
store_task_options(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT options FROM dtsmig.task WHERE task_id = $1", "i",
					   task_id);
	return rows->nrows > 0 ? store_jsonb(rows, 0, 0) : NULL;
}

char *
store_task_progress(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.concat_ws(' ', t.step, p.applied_position, "
					   "p.changes, (SELECT pg_catalog.count(*) FROM dtsmig.task_job j "
					   "WHERE j.task_id = t.task_id AND j.state = 'done')) "
					   "FROM dtsmig.task t LEFT JOIN dtsmig.task_position p "
					   "USING (task_id) WHERE t.task_id = $1", "i", task_id);
	return rows->nrows > 0 ? rows->values[0][0] : pstrdup("");
}

bool
store_retry_note(int64 task_id, TimestampTz since, int64 minutes,
				 const char *message, const char *detail, const char *sqlstate)
{
	StoreRows   *rows;

	rows = store_query("UPDATE dtsmig.task SET "
					   "retrying_since = COALESCE(retrying_since, $6), "
					   "retrying_until = COALESCE(retrying_since, $6) "
					   "+ pg_catalog.make_interval(mins => $2::int), "
					   "last_error = $3, last_error_detail = $4, "
					   "last_error_sqlstate = $5, "
					   "last_error_at = pg_catalog.clock_timestamp(), "
					   "updated = pg_catalog.clock_timestamp() WHERE task_id = $1 "
					   "RETURNING retrying_until > pg_catalog.clock_timestamp()",
					   "iitttz", task_id, minutes, message, detail, sqlstate, since);
	return rows->nrows > 0 && store_bool(rows, 0, 0);
}

void
store_retry_decide(int64 task_id, bool again, const char *hint)
{
	(void) store_exec("UPDATE dtsmig.task SET status = $2, wanted = $3, "
					  "retrying_since = CASE WHEN $4 THEN retrying_since END, "
					  "retrying_until = CASE WHEN $4 THEN retrying_until END, "
					  "last_error_hint = $5 WHERE task_id = $1", "ittbt", task_id,
					  again ? TASK_STATUS_RETRYING : TASK_STATUS_FAILED,
					  again ? TASK_WANTED_RUNNING : TASK_WANTED_IDLE, (int) again, hint);
}

void
store_retry_plan(int64 task_id, int64 minutes, int64 first, int64 last, bool same)
{
	(void) store_exec("UPDATE dtsmig.task SET "
					  "failed_since = CASE WHEN $2 THEN COALESCE(failed_since, "
					  "pg_catalog.clock_timestamp()) ELSE pg_catalog.clock_timestamp() END "
					  "WHERE task_id = $1", "ib", task_id, (int) same);
	(void) store_exec("UPDATE dtsmig.task SET resume_at = CASE WHEN "
					  "pg_catalog.clock_timestamp() < failed_since "
					  "+ pg_catalog.make_interval(mins => $2::int) AND cutover_at IS NULL "
					  "THEN pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => "
					  "LEAST(GREATEST($3, pg_catalog.date_part('epoch', "
					  "pg_catalog.clock_timestamp() - failed_since)), $4)) END "
					  "WHERE task_id = $1", "iiii", task_id, minutes, first, last);
}

char *
store_retry_until(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.to_char(COALESCE(retrying_until, resume_at), "
					   "'YYYY-MM-DD HH24:MI:SSOF') FROM dtsmig.task "
					   "WHERE task_id = $1", "i", task_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

bool
store_retry_waits(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT 1 FROM dtsmig.task WHERE task_id = $1 "
					   "AND status = 'failed' AND resume_at IS NOT NULL", "i",
					   task_id);
	return rows->nrows > 0;
}

bool
store_retry_lock(int64 task_id, RetryState *state)
{
	StoreRows   *rows;

	memset(state, 0, sizeof(*state));
	rows = store_query("SELECT status = 'failed' AND resume_at IS NOT NULL "
					   "AND cutover_at IS NULL, "
					   "COALESCE(resume_at <= pg_catalog.clock_timestamp(), false), "
					   "wanted = 'running' "
					   "FROM dtsmig.task WHERE task_id = $1 FOR NO KEY UPDATE", "i", task_id);
	if (rows->nrows == 0)
		return false;
	state->waits = store_bool(rows, 0, 0);
	state->due = store_bool(rows, 0, 1);
	state->wanted = store_bool(rows, 0, 2);
	return true;
}

void
store_retry_forget(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET resume_at = NULL WHERE task_id = $1",
					  "i", task_id);
}

void
store_retry_resume(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET status = 'running', "
					  "wanted = 'running', resume_at = NULL, "
					  "updated = pg_catalog.clock_timestamp() "
					  "WHERE task_id = $1", "i", task_id);
}
