/*-------------------------------------------------------------------------
 *
 * difference.c
 *	  dtsmig.verify_difference: rows on their way to be repaired.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/difference.h"

#include "store/sql.h"

bool
store_differences_wait(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT 1 FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = 'repairing' LIMIT 1", "i",
					   task_id);
	return rows->nrows > 0;
}

List *
store_differences_tables(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT DISTINCT table_id FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = 'repairing' "
					   "AND table_id IS NOT NULL ORDER BY 1", "i", task_id);
	return store_ids(rows);
}

List *
store_differences_of(int64 table_id, const char *generated, int64 limit)
{
	List	   *differences = NIL;
	StoreRows   *rows;

	rows = store_query("SELECT difference_id, key_values, kind = 'differs' AND differences OPERATOR(pg_catalog.-) "
					   "ARRAY(SELECT pg_catalog.jsonb_array_elements_text($2::pg_catalog.jsonb)) = '{}' "
					   "FROM dtsmig.verify_difference "
					   "WHERE table_id = $1 AND state = 'repairing' "
					   "AND key_values IS NOT NULL ORDER BY difference_id LIMIT $3",
					   "iti", table_id, generated, limit);
	for (int i = 0; i < rows->nrows; i++)
	{
		StoreDifference *d = palloc(sizeof(StoreDifference));

		d->id = store_int(rows, i, 0);
		d->key = store_jsonb(rows, i, 1);
		d->generated = store_bool(rows, i, 2);
		differences = lappend(differences, d);
	}
	return differences;
}

void
store_difference_repaired(int64 id)
{
	(void) store_exec("UPDATE dtsmig.verify_difference SET state = 'repaired', "
					  "repaired = pg_catalog.clock_timestamp() "
					  "WHERE difference_id = $1", "i", id);
}

void
store_difference_failed(int64 id, const char *error)
{
	(void) store_exec("UPDATE dtsmig.verify_difference SET state = 'failed', error = $2 "
					  "WHERE difference_id = $1", "it", id, error);
}

void
store_differences_failed(int64 task_id, int64 table_id, const char *error)
{
	(void) store_exec("UPDATE dtsmig.verify_difference SET state = 'failed', error = $3 "
					  "WHERE task_id = $1 AND table_id = $2 AND state = 'repairing'",
					  "iit", task_id, table_id, error);
}
