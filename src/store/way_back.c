/*-------------------------------------------------------------------------
 *
 * way_back.c
 *	  Two tasks in opposite directions, see way_back.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/way_back.h"

#include "store/sql.h"
#include "store/states.h"

List *
store_way_back_tables(int64 task_id)
{
	StoreRows  *rows;
	List	   *list = NIL;

	rows = store_query("SELECT t.table_id, t.source_schema, t.source_table, "
					   "t.target_schema, t.target_table, pg_catalog.count(*) OVER "
					   "(PARTITION BY t.target_schema, t.target_table) > 1 "
					   "FROM dtsmig.task_table t WHERE t.task_id = $1 ORDER BY t.table_id", "i",
					   task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		WayBackTable *t = palloc0(sizeof(WayBackTable));

		t->id = store_int(rows, i, 0);
		t->schema = rows->values[i][1];
		t->name = rows->values[i][2];
		t->target_schema = rows->values[i][3];
		t->target_name = rows->values[i][4];
		t->merged = store_bool(rows, i, 5);
		list = lappend(list, t);
	}
	return list;
}

void
store_way_back_link(int64 id, const TaskRecord *task)
{
	(void) store_exec("UPDATE dtsmig.task SET reverse_of = $2, owner = $3::oid WHERE task_id = $1",
					  "iii", id, task->id, (int64) task->owner);
}

int64
store_table_take_up(int64 task_id, const WayBackTable *names, bool keyed,
					const char *position)
{
	StoreRows  *rows;
	int64		id;

	rows = store_query("INSERT INTO dtsmig.task_table AS t (task_id, source_schema, "
					   "source_table, target_schema, target_table, keyed, state, "
					   "described_position) VALUES ($1, $2, $3, $4, $5, $6, 'ready', $7) "
					   "ON CONFLICT (task_id, source_schema, source_table) DO UPDATE SET "
					   "target_schema = EXCLUDED.target_schema, target_table = EXCLUDED.target_table, "
					   "keyed = EXCLUDED.keyed, state = 'ready', snapshot_low = NULL, "
					   "snapshot_high = NULL, described_position = EXCLUDED.described_position, "
					   "resync_step = NULL, resync_from = NULL, types_position = NULL, "
					   "waits_for = NULL, source_mark = NULL RETURNING table_id",
					   "ittttbt", task_id, names->schema, names->name, names->target_schema,
					   names->target_name, (int) keyed, position);
	id = store_int(rows, 0, 0);
	(void) store_exec("DELETE FROM dtsmig.table_version WHERE table_id = $1", "i", id);
	return id;
}

void
store_task_take_up(int64 task_id, const char *position, Jsonb *objects, const char *known)
{
	(void) store_exec("DELETE FROM dtsmig.task_position WHERE task_id = $1", "i", task_id);
	(void) store_exec("UPDATE dtsmig.task SET phase = $2, step = $3, start_position = $4, "
					  "target_position = NULL, consistent_since = pg_catalog.clock_timestamp(), "
					  "consistent_position = $4, cutover_position = NULL, cutover_at = NULL, "
					  "refused_position = NULL, refused_statement = NULL, skip_position = NULL, "
					  "skip_statement = NULL, source_mark = NULL, source_timeline = NULL, "
					  "last_error = NULL, last_error_detail = NULL, last_error_hint = NULL, "
					  "last_error_sqlstate = NULL, last_error_at = NULL, no_return = NULL, "
					  "objects = $5, known_tables = $6::pg_catalog.text[] "
					  "WHERE task_id = $1", "itttjt", task_id, TASK_PHASE_INCREMENTAL,
					  TASK_STEP_CHANGES, position, objects, known);
}

void
store_source_opened(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task SET fenced = false WHERE task_id = $1", "i", task_id);
}

char *
store_way_back_failed(int64 task_id)
{
	return store_query("SELECT pg_catalog.string_agg(i.item || ': ' || i.found, '; ' ORDER BY i.item_no) "
					   "FROM dtsmig.precheck_item i JOIN dtsmig.task t USING (task_id) "
					   "WHERE t.reverse_of = $1 AND i.status = 'failed'", "i",
					   task_id)->values[0][0];
}

bool
store_known_tables(int64 task_id, char **schemas, char **known)
{
	StoreRows  *rows;

	rows = store_query("SELECT (SELECT pg_catalog.array_agg(DISTINCT s.source_schema) "
					   "FROM dtsmig.task_table s WHERE s.task_id = t.task_id), t.known_tables "
					   "FROM dtsmig.task t WHERE t.task_id = $1", "i", task_id);
	*schemas = rows->nrows > 0 ? rows->values[0][0] : NULL;
	*known = rows->nrows > 0 ? rows->values[0][1] : NULL;
	return *schemas != NULL && *known != NULL;
}

void
store_set_no_return(int64 task_id, const char *why)
{
	(void) store_exec("UPDATE dtsmig.task SET no_return = $2 WHERE task_id = $1 "
					  "AND no_return IS DISTINCT FROM $2", "it", task_id, why);
}
