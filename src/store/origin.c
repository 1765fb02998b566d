/*-------------------------------------------------------------------------
 *
 * origin.c
 *	  dtsmig.task: what a task remembers of its source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/origin.h"

#include "store/sql.h"

char *
store_source_identity(int64 task_id)
{
	StoreRows  *rows;

	rows = store_query("SELECT source_identity FROM dtsmig.task WHERE task_id = $1",
					   "i", task_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

char *
store_source_change_mark(int64 task_id, const char *mark)
{
	StoreRows  *rows;

	rows = store_query("WITH was AS (SELECT source_mark FROM dtsmig.task WHERE task_id = $1) "
					   "UPDATE dtsmig.task SET source_mark = $2 FROM was WHERE task_id = $1 "
					   "RETURNING was.source_mark", "it", task_id, mark);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

void
store_source_forget_collations(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET source_collations = '{}' "
					  "WHERE task_id = $1", "i", task_id);
}

void
store_source_set_collation(int64 task_id, const char *schema,
						   const char *collation)
{
	(void) store_exec("UPDATE dtsmig.task SET source_collations = "
					  "COALESCE(source_collations, '{}') || "
					  "pg_catalog.jsonb_build_object($2, $3) WHERE task_id = $1",
					  "itt", task_id, schema, collation);
}

List *
store_source_collations(int64 task_id)
{
	StoreRows  *rows;
	List	   *collations = NIL;

	rows = store_query("SELECT e.key, e.value FROM dtsmig.task t, "
					   "pg_catalog.jsonb_each_text(t.source_collations) e "
					   "WHERE t.task_id = $1", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		StoreCollation *c = palloc(sizeof(StoreCollation));

		c->schema = rows->values[i][0];
		c->collation = rows->values[i][1];
		collations = lappend(collations, c);
	}
	return collations;
}
