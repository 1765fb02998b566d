/*-------------------------------------------------------------------------
 *
 * verify_run.c
 *	  dtsmig.verify_run: verifications of a task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/verify_run.h"

#include "store/sql.h"

int64
store_verify_begin(int64 task_id, const char *mode)
{
	return store_int(store_query("INSERT INTO dtsmig.verify_run (task_id, mode, xid) VALUES ($1, $2, "
								 "pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint) "
								 "RETURNING run_id", "it", task_id, mode), 0, 0);
}

void
store_verify_end(int64 run_id, const StoreVerifyEnd *end)
{
	(void) store_exec("UPDATE dtsmig.verify_run SET finished = pg_catalog.clock_timestamp(), "
					  "rows = $2, rows_moved = $3, differences = $4, unsettled = $5, "
					  "cut_tables = $6, left_out = CASE WHEN $7 <> '' "
					  "THEN pg_catalog.string_to_array($7, E'\\n') ELSE '{}' END "
					  "WHERE run_id = $1", "iiiiiit", run_id, end->rows, end->moved,
					  end->differences, end->unsettled, end->cut_tables,
					  end->left_out);
}

void
store_verify_set_tables(int64 run_id, const char *tables)
{
	(void) store_exec("UPDATE dtsmig.verify_run SET tables = $2::text[] WHERE run_id = $1",
					  "it", run_id, tables);
}

int64
store_verify_age(int64 task_id)
{
	StoreRows  *rows;

	rows = store_query("SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint - xid "
					   "FROM dtsmig.verify_run WHERE task_id = $1 AND finished IS NOT NULL "
					   "AND mode IN ('full', 'incremental') ORDER BY run_id DESC LIMIT 1",
					   "i", task_id);
	return rows->nrows > 0 ? store_int(rows, 0, 0) : -1;
}
