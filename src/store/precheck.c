/*-------------------------------------------------------------------------
 *
 * precheck.c
 *	  dtsmig.precheck_item and dtsmig.precheck_ignored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/precheck.h"

#include "store/sql.h"

void
store_precheck_forget(int64 task_id)
{
	(void) store_exec("DELETE FROM dtsmig.precheck_item WHERE task_id = $1",
					  "i", task_id);
}

void
store_precheck_add(int64 task_id, int64 no, const StorePrecheckItem *item)
{
	(void) store_exec("INSERT INTO dtsmig.precheck_item "
					  "(task_id, item_no, item, status, found, advice, "
					  "sql, run_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
					  "iitttttt", task_id, no, item->item, item->status,
					  item->found, item->advice, item->sql, item->run_at);
}

char *
store_precheck_failed(int64 task_id)
{
	StoreRows  *rows;

	rows = store_query("SELECT pg_catalog.string_agg(DISTINCT item, ', ' ORDER BY item) "
					   "FROM dtsmig.precheck_item WHERE task_id = $1 "
					   "AND status = 'failed'", "i", task_id);
	return rows->values[0][0];
}

bool
store_precheck_has_failed(int64 task_id, const char *item, char **found)
{
	StoreRows  *rows;

	rows = store_query("SELECT found FROM dtsmig.precheck_item WHERE task_id = $1 "
					   "AND item = $2 AND status = 'failed' ORDER BY item_no LIMIT 1",
					   "it", task_id, item);
	if (rows->nrows == 0)
		return false;
	*found = rows->values[0][0];
	return true;
}

void
store_precheck_set_status(int64 task_id, const char *item, const char *from,
						  const char *to)
{
	(void) store_exec("UPDATE dtsmig.precheck_item SET status = $4 WHERE task_id = $1 "
					  "AND item = $2 AND status = $3", "ittt", task_id, item, from,
					  to);
}

List *
store_precheck_ignored(int64 task_id)
{
	return store_texts(store_query("SELECT item FROM dtsmig.precheck_ignored "
								   "WHERE task_id = $1", "i", task_id));
}

bool
store_precheck_ignore(int64 task_id, const char *item, const char *by)
{
	return store_exec("INSERT INTO dtsmig.precheck_ignored (task_id, item, ignored_by) "
					  "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", "itt",
					  task_id, item, by) > 0;
}

bool
store_precheck_heed(int64 task_id, const char *item)
{
	return store_exec("DELETE FROM dtsmig.precheck_ignored WHERE task_id = $1 "
					  "AND item = $2", "it", task_id, item) > 0;
}
