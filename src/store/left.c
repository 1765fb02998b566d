/*-------------------------------------------------------------------------
 *
 * left.c
 *	  dtsmig.task: tables at the destination that a task has left.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/left.h"

#include "store/sql.h"

void
store_left_add(int64 task_id, const char *name)
{
	(void) store_exec("UPDATE dtsmig.task SET left_tables = pg_catalog.array_append("
					  "pg_catalog.array_remove(left_tables, $2), $2) WHERE task_id = $1",
					  "it", task_id, name);
}

bool
store_left_has(int64 task_id, const char *name)
{
	return store_query("SELECT 1 FROM dtsmig.task WHERE task_id = $1 AND $2 = ANY (left_tables)",
					   "it", task_id, name)->nrows > 0;
}

bool
store_left_take(int64 task_id, const char *name, const char *schema,
				const char *table, int64 table_id)
{
	return store_exec("UPDATE dtsmig.task SET left_tables = "
					  "pg_catalog.array_remove(left_tables, $2) WHERE task_id = $1 "
					  "AND $2 = ANY (left_tables) AND NOT EXISTS (SELECT 1 "
					  "FROM dtsmig.task_table t WHERE t.target_schema = $3 "
					  "AND t.target_table = $4 AND t.table_id <> $5)", "ittti",
					  task_id, name, schema, table, table_id) > 0;
}
