/*-------------------------------------------------------------------------
 *
 * version.c
 *	  dtsmig.table_version: definitions of a task's tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/version.h"

#include "store/sql.h"

void
store_version_add(int64 table_id, const char *position, Jsonb *definition)
{
	(void) store_exec("INSERT INTO dtsmig.table_version "
					  "(table_id, generation, from_position, definition) "
					  "SELECT $1, COALESCE(max(generation), 0) + 1, $2, $3 "
					  "FROM dtsmig.table_version WHERE table_id = $1", "itj",
					  table_id, position, definition);
}

Jsonb *
store_version_latest(int64 table_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT definition FROM dtsmig.table_version WHERE table_id = $1 "
					   "ORDER BY generation DESC LIMIT 1", "i", table_id);
	return rows->nrows > 0 ? store_jsonb(rows, 0, 0) : NULL;
}

List *
store_versions_of_target(int64 table_id)
{
	StoreRows  *rows;
	List	   *versions = NIL;

	rows = store_query("SELECT v.table_id, v.generation, v.definition "
					   "FROM dtsmig.task_table o JOIN dtsmig.task_table t "
					   "ON t.task_id = o.task_id AND t.target_schema = o.target_schema "
					   "AND t.target_table = o.target_table "
					   "JOIN LATERAL (SELECT * FROM dtsmig.table_version x "
					   "WHERE x.table_id = t.table_id ORDER BY x.generation DESC "
					   "LIMIT 1) v ON true "
					   "WHERE o.table_id = $1", "i", table_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		StoreVersion *v = palloc(sizeof(StoreVersion));

		v->table_id = store_int(rows, i, 0);
		v->generation = store_int(rows, i, 1);
		v->definition = store_jsonb(rows, i, 2);
		versions = lappend(versions, v);
	}
	return versions;
}

void
store_version_correct(const StoreVersion *version)
{
	(void) store_exec("UPDATE dtsmig.table_version SET definition = $3 "
					  "WHERE table_id = $1 AND generation = $2", "iij",
					  version->table_id, version->generation, version->definition);
}
