/*-------------------------------------------------------------------------
 *
 * shared_table.c
 *	  dtsmig.task_table: tables with one target.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/shared_table.h"

#include "store/sql.h"
#include "store/states.h"

/* Rows of schema, table, task, objects and: is it of the task that asks? */
static List *
tables_from(const StoreRows *rows)
{
	List	   *tables = NIL;

	for (int i = 0; i < rows->nrows; i++)
	{
		SharingTable *t = palloc(sizeof(SharingTable));

		t->schema = rows->values[i][0];
		t->table = rows->values[i][1];
		t->task = rows->values[i][2];
		t->objects = store_jsonb(rows, i, 3);
		t->same_task = store_bool(rows, i, 4);
		tables = lappend(tables, t);
	}
	return tables;
}

List *
store_tables_sharing(int64 task_id, int64 table_id, SharedTarget *target)
{
	StoreRows  *rows;

	rows = store_query("SELECT o.source_schema, o.source_table, t.task_name, t.objects, "
					   "o.task_id = me.task_id, me.source_schema, me.source_table, "
					   "me.target_schema, me.target_table "
					   "FROM dtsmig.task_table me "
					   "JOIN dtsmig.task_table o ON o.target_schema = me.target_schema "
					   "AND o.target_table = me.target_table AND o.table_id <> me.table_id "
					   "JOIN dtsmig.task t ON t.task_id = o.task_id "
					   "AND t.destination = (SELECT m.destination FROM dtsmig.task m "
					   "WHERE m.task_id = $1) "
					   "WHERE me.task_id = $1 AND me.table_id = $2", "ii", task_id,
					   table_id);
	if (rows->nrows > 0)
	{
		target->source_schema = rows->values[0][5];
		target->source_table = rows->values[0][6];
		target->target_schema = rows->values[0][7];
		target->target_table = rows->values[0][8];
	}
	return tables_from(rows);
}

List *
store_tables_of_others(int64 task_id, const char *target_schema,
					   const char *target_table)
{
	return tables_from(store_query("SELECT x.source_schema, x.source_table, o.task_name, "
								   "o.objects, false "
								   "FROM dtsmig.task me, dtsmig.task_table x "
								   "JOIN dtsmig.task o USING (task_id) "
								   "WHERE me.task_id = $1 AND x.task_id <> $1 "
								   "AND o.destination = me.destination "
								   "AND x.target_schema = $2 AND x.target_table = $3 "
								   "AND NOT (o.status IN ('" TASK_STATUS_RELEASED "', "
								   "'" TASK_STATUS_CUT_OVER "') "
								   "AND o.source = me.source AND EXISTS (SELECT "
								   "FROM dtsmig.task_table mine "
								   "WHERE mine.task_id = $1 "
								   "AND mine.source_schema = x.source_schema "
								   "AND mine.source_table = x.source_table "
								   "AND mine.target_schema = $2 AND mine.target_table = $3)) "
								   "ORDER BY x.table_id", "itt", task_id, target_schema,
								   target_table));
}
