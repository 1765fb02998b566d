/*-------------------------------------------------------------------------
 *
 * position.c
 *	  dtsmig.task_position: how far a task has applied the source's log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/position.h"

#include "store/sql.h"

StorePosition *
store_position_load(int64 task_id)
{
	StoreRows   *rows;
	StorePosition *p;

	rows = store_query("SELECT applied_position, replay_until, changes "
					   "FROM dtsmig.task_position WHERE task_id = $1", "i",
					   task_id);
	if (rows->nrows == 0)
		return NULL;
	p = palloc(sizeof(StorePosition));
	p->applied = rows->values[0][0];
	p->replay_until = rows->values[0][1];
	p->changes = store_int(rows, 0, 2);
	return p;
}

void
store_position_advance(int64 task_id, const char *position,
					   TimestampTz commit_time, int64 changes,
					   int64 transactions)
{
	static void *plan = NULL;	/* one for all runs of this process */

	(void) store_exec_saved(&plan,
						   "INSERT INTO dtsmig.task_position AS p (task_id, "
						   "applied_position, commit_time, changes, transactions) "
						   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task_id) "
						   "DO UPDATE SET applied_position = EXCLUDED.applied_position, "
						   "commit_time = EXCLUDED.commit_time, "
						   "changes = p.changes + EXCLUDED.changes, "
						   "transactions = p.transactions + EXCLUDED.transactions, "
						   "updated = pg_catalog.clock_timestamp()",
						   "itzii", task_id, position, commit_time, changes,
						   transactions);
}

void
store_position_rename(int64 task_id, const char *position)
{
	(void) store_exec("UPDATE dtsmig.task_position SET applied_position = $2 "
					  "WHERE task_id = $1", "it", task_id, position);
}

void
store_position_go_back(int64 task_id, const char *position, const char *until)
{
	(void) store_exec("UPDATE dtsmig.task_position SET applied_position = $2, "
					  "replay_until = $3 WHERE task_id = $1", "itt", task_id,
					  position, until);
}

void
store_position_end_replay(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task_position SET replay_until = NULL "
					  "WHERE task_id = $1", "i", task_id);
}

void
store_position_skip_replay(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task_position SET applied_position = "
					  "replay_until, replay_until = NULL WHERE task_id = $1 "
					  "AND replay_until IS NOT NULL", "i", task_id);
}
