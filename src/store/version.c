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
