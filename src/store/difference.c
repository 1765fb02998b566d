/*-------------------------------------------------------------------------
 *
 * difference.c
 *	  dtsmig.verify_difference: what differs, and its way to be repaired.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/difference.h"

#include "store/sql.h"
#include "store/states.h"

int64
store_difference_add(int64 run_id, int64 task_id, const NewDifference *d)
{
	StoreRows  *rows;

	rows = store_query("INSERT INTO dtsmig.verify_difference (run_id, task_id, table_id, "
					   "source_schema, source_table, kind, object, key, key_values, differences) "
					   "VALUES ($1, $2, (SELECT table_id FROM dtsmig.task_table "
					   "WHERE table_id = $3), "
					   "$4, $5, $6, $7, $8::jsonb, $9::jsonb, $10::jsonb) RETURNING difference_id",
					   "iiitttt" "ttt", run_id, task_id, d->table_id, d->schema,
					   d->table, d->kind, d->object, d->key, d->key_values,
					   d->differences);
	return store_int(rows, 0, 0);
}

/* What can be asked for. */
#define REPAIRABLE \
	"d.state IN ('" DIFFERENCE_STATE_FOUND "', '" DIFFERENCE_STATE_FAILED "') " \
	"AND d.key_values IS NOT NULL "

/* A DifferenceFilter as $1 to $3. */
#define ASKED_FOR \
	"d.task_id = $1 AND " REPAIRABLE \
	"AND ($2::bigint[] IS NULL OR d.difference_id = ANY ($2::bigint[])) " \
	"AND ($3 = 0 OR d.run_id = $3) AND ($2 IS NOT NULL OR $3 <> 0 OR d.run_id = " \
	"(SELECT max(run_id) FROM dtsmig.verify_run WHERE task_id = $1)) "

/*
 * Rows that differ in columns that are generated at the destination, and in no
 * other.
 */
#define ONLY_GENERATED "(d.kind = 'differs' AND NOT EXISTS (" \
	"SELECT FROM pg_catalog.jsonb_object_keys(d.differences) k WHERE NOT EXISTS (" \
	"SELECT FROM dtsmig.task_table t JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema " \
	"JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.target_table " \
	"JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = k.k AND a.attgenerated <> '' " \
	"WHERE t.table_id = d.table_id)))"

int64
store_differences_generated(const DifferenceFilter *f, char **table)
{
	StoreRows  *rows;

	rows = store_query("SELECT count(*), min(d.source_table) FROM dtsmig.verify_difference d "
					   "WHERE " ASKED_FOR "AND " ONLY_GENERATED,
					   "iti", f->task_id, f->ids, f->run_id);
	*table = rows->values[0][1];
	return store_int(rows, 0, 0);
}

int64
store_differences_ask(const DifferenceFilter *f)
{
	return (int64) store_exec("UPDATE dtsmig.verify_difference d "
							  "SET state = '" DIFFERENCE_STATE_REPAIRING "', error = NULL "
							  "WHERE " ASKED_FOR "AND NOT " ONLY_GENERATED,
							  "iti", f->task_id, f->ids, f->run_id);
}

RefusedDifference *
store_differences_refused(int64 task_id, const char *ids)
{
	StoreRows  *rows;
	RefusedDifference *d;

	rows = store_query("SELECT x.id, d.state FROM unnest($2::bigint[]) x(id) "
					   "LEFT JOIN dtsmig.verify_difference d "
					   "ON d.difference_id = x.id AND d.task_id = $1 "
					   "WHERE NOT (d.state IS NOT NULL AND " REPAIRABLE ") LIMIT 1",
					   "it", task_id, ids);
	if (rows->nrows == 0)
		return NULL;
	d = palloc(sizeof(RefusedDifference));
	d->id = rows->values[0][0];
	d->state = rows->values[0][1];
	return d;
}

bool
store_differences_wait(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT 1 FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = '" DIFFERENCE_STATE_REPAIRING "' "
					   "LIMIT 1", "i",
					   task_id);
	return rows->nrows > 0;
}

List *
store_differences_tables(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT DISTINCT table_id FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = '" DIFFERENCE_STATE_REPAIRING "' "
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
					   "WHERE table_id = $1 AND state = '" DIFFERENCE_STATE_REPAIRING "' "
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
	(void) store_exec("UPDATE dtsmig.verify_difference "
					  "SET state = '" DIFFERENCE_STATE_REPAIRED "', "
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
	(void) store_exec("UPDATE dtsmig.verify_difference "
					  "SET state = '" DIFFERENCE_STATE_FAILED "', error = $3 "
					  "WHERE task_id = $1 AND table_id = $2 "
					  "AND state = '" DIFFERENCE_STATE_REPAIRING "'",
					  "iit", task_id, table_id, error);
}
