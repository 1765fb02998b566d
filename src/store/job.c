/*-------------------------------------------------------------------------
 *
 * job.c
 *	  dtsmig.task_job: what copy workers do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/job.h"

#include "store/sql.h"
#include "store/object.h"
#include "store/states.h"

bool
store_jobs_planned(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT count(*) FROM dtsmig.task_job WHERE task_id = $1",
					   "i", task_id);
	return store_int(rows, 0, 0) > 0;
}

bool
store_jobs_left(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT EXISTS (SELECT 1 FROM dtsmig.task_job WHERE "
					   "task_id = $1 AND state <> '" JOB_STATE_DONE "')", "i", task_id);
	return store_bool(rows, 0, 0);
}

void
store_job_add_range(int64 task_id, int64 table_id, const char *condition,
					bool whole_table, int64 rows_estimate, int64 table_bytes)
{
	/* ranges come before statements, large tables first */
	(void) store_exec("INSERT INTO dtsmig.task_job (task_id, table_id, kind, "
					  "state, condition, whole_table, rows_estimate, priority) "
					  "VALUES ($1, $2, '" JOB_KIND_COPY "', '" JOB_STATE_READY "', $3, $4, $5, "
					  "1000000000 + $6)", "iitbii", task_id, table_id, condition,
					  (int) whole_table, rows_estimate, table_bytes);
}

void
store_jobs_add_statements(int64 task_id, const char *phase, bool ready,
						  int64 priority)
{
	(void) store_exec("INSERT INTO dtsmig.task_job "
					  "(task_id, table_id, kind, state, object_id, priority) "
					  "SELECT o.task_id, o.table_id, '" JOB_KIND_STATEMENT "', "
					  "CASE WHEN $3 OR o.table_id IS NULL THEN '" JOB_STATE_READY "' "
					  "ELSE '" JOB_STATE_WAITING "' END, "
					  "o.object_id, $4 + COALESCE(t.bytes_estimate, 0) "
					  "FROM dtsmig.task_object o "
					  "LEFT JOIN dtsmig.task_table t USING (table_id) "
					  "WHERE o.task_id = $1 AND o.phase = $2 "
					  "AND o.state IN ('" OBJECT_STATE_WAITING "', '" OBJECT_STATE_FAILED "') "
					  "AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j "
					  "WHERE j.object_id = o.object_id) ORDER BY o.object_id",
					  "itbi", task_id, phase, (int) ready, priority);
}

StoreJob *
store_job_take(int64 task_id, bool no_copy)
{
	StoreRows   *rows;
	StoreJob   *job;

	rows = store_query("SELECT j.job_id, COALESCE(j.table_id, 0), j.kind = '" JOB_KIND_COPY "', "
					   "j.condition, j.whole_table, COALESCE(j.object_id, 0), "
					   "o.statement, o.kind || ' ' || " OBJECT_FULL_NAME ", "
					   OBJECT_MAY_BE_MADE ", COALESCE(" OBJECT_IS_OPTIONAL ", false) "
					   "FROM dtsmig.task_job j LEFT JOIN dtsmig.task_object o "
					   "USING (object_id) LEFT JOIN dtsmig.task_table t "
					   "ON t.table_id = o.table_id WHERE j.task_id = $1 "
					   "AND j.state = '" JOB_STATE_READY "' "
					   "AND (j.kind <> '" JOB_KIND_COPY "' OR NOT $2) "
					   "ORDER BY j.priority DESC, j.job_id LIMIT 1 "
					   "FOR UPDATE OF j SKIP LOCKED", "ib", task_id, (int) no_copy);
	if (rows->nrows == 0)
		return NULL;
	job = palloc0(sizeof(StoreJob));
	job->id = store_int(rows, 0, 0);
	job->table_id = store_int(rows, 0, 1);
	job->is_copy = store_bool(rows, 0, 2);
	job->condition = rows->values[0][3];
	job->whole_table = store_bool(rows, 0, 4);
	job->object_id = store_int(rows, 0, 5);
	job->statement = rows->values[0][6];
	job->title = rows->values[0][7];
	job->may_be_made = store_bool(rows, 0, 8);
	job->optional = store_bool(rows, 0, 9);
	return job;
}

void
store_job_done(int64 job_id)
{
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_DONE "' WHERE job_id = $1",
					  "i", job_id);
}

void
store_job_copied(int64 job_id, int64 rows, int64 bytes, const char *low,
				 const char *high)
{
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_DONE "', rows = $2, "
					  "bytes = $3, snapshot_low = $4, snapshot_position = $5 "
					  "WHERE job_id = $1", "iiitt", job_id, rows, bytes, low,
					  high);
}

void
store_jobs_free_copied(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_READY "' "
					  "WHERE table_id = $1 "
					  "AND kind = '" JOB_KIND_STATEMENT "' AND state = '" JOB_STATE_WAITING "' "
					  "AND NOT EXISTS "
					  "(SELECT 1 FROM dtsmig.task_job j WHERE j.table_id = $1 "
					  "AND j.kind = '" JOB_KIND_COPY "' "
					  "AND j.state <> '" JOB_STATE_DONE "')", "i", table_id);
}

void
store_jobs_free(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_READY "' "
					  "WHERE table_id = $1 "
					  "AND kind = '" JOB_KIND_STATEMENT "' "
					  "AND state = '" JOB_STATE_WAITING "'", "i", table_id);
}

List *
store_jobs_of_table(int64 table_id)
{
	return store_ids(store_query("SELECT job_id FROM dtsmig.task_job "
								 "WHERE table_id = $1 AND kind = '" JOB_KIND_COPY "'",
								 "i", table_id));
}

static List *
ranges_from(const StoreRows *rows)
{
	List	   *ranges = NIL;

	for (int i = 0; i < rows->nrows; i++)
	{
		StoreRange *r = palloc(sizeof(StoreRange));

		r->job_id = store_int(rows, i, 0);
		r->table_id = store_int(rows, i, 1);
		r->low = rows->values[i][2];
		r->high = rows->values[i][3];
		ranges = lappend(ranges, r);
	}
	return ranges;
}

List *
store_ranges_left(int64 task_id)
{
	return ranges_from(store_query("SELECT job_id, table_id, snapshot_low, snapshot_position "
								   "FROM dtsmig.task_job WHERE task_id = $1 "
								   "AND kind = '" JOB_KIND_COPY "' "
								   "AND state <> '" JOB_STATE_DONE "' ORDER BY table_id",
								   "i", task_id));
}

List *
store_ranges_copied(int64 task_id)
{
	return ranges_from(store_query("SELECT job_id, table_id, snapshot_low, snapshot_position "
								   "FROM dtsmig.task_job WHERE task_id = $1 "
								   "AND kind = '" JOB_KIND_COPY "' "
								   "AND snapshot_position IS NOT NULL ORDER BY table_id",
								   "i", task_id));
}

void
store_jobs_again(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_job SET state = '" JOB_STATE_READY "', "
					  "snapshot_low = NULL, snapshot_position = NULL "
					  "WHERE table_id = $1 AND kind = '" JOB_KIND_COPY "'", "i", table_id);
}

bool
store_jobs_give_up(int64 table_id)
{
	StoreRows   *rows;

	rows = store_query("UPDATE dtsmig.task_job SET state = '" JOB_STATE_DONE "' WHERE job_id IN "
					   "(SELECT job_id FROM dtsmig.task_job WHERE table_id = $1 "
					   "AND kind = '" JOB_KIND_COPY "' AND state <> '" JOB_STATE_DONE "' "
					   "FOR UPDATE SKIP LOCKED) RETURNING job_id", "i", table_id);
	return rows->nrows > 0;
}
