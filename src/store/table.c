/*-------------------------------------------------------------------------
 *
 * table.c
 *	  dtsmig.task_table: where a table of a task stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/table.h"

#include "store/sql.h"
#include "store/states.h"

static StoreName *
name_of(const StoreRows *rows, int row)
{
	StoreName  *name;

	if (row >= rows->nrows)
		return NULL;
	name = palloc(sizeof(StoreName));
	name->schema = rows->values[row][0];
	name->name = rows->values[row][1];
	return name;
}

/* ------------------------------------------------------------- rows of it */

int64
store_table_add(int64 task_id, const StoreTableNames *names, const char *state,
				int64 rows_estimate, int64 bytes_estimate)
{
	StoreRows  *rows;

	rows = store_query("INSERT INTO dtsmig.task_table (task_id, source_schema, "
					   "source_table, target_schema, target_table, keyed, state, "
					   "rows_estimate, bytes_estimate) "
					   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
					   "RETURNING table_id", "ittttbtii", task_id,
					   names->schema, names->table, names->target_schema,
					   names->target_table, (int) names->keyed, state,
					   rows_estimate, bytes_estimate);
	return store_int(rows, 0, 0);
}

void
store_table_rename(int64 table_id, const StoreTableNames *names)
{
	(void) store_exec("UPDATE dtsmig.task_table SET source_schema = $2, "
					  "source_table = $3, target_schema = $4, "
					  "target_table = $5, keyed = $6 WHERE table_id = $1",
					  "ittttb", table_id, names->schema, names->table,
					  names->target_schema, names->target_table,
					  (int) names->keyed);
}

void
store_schema_forget(int64 task_id)
{
	(void) store_exec("DELETE FROM dtsmig.task_object WHERE task_id = $1", "i",
					  task_id);
	(void) store_exec("DELETE FROM dtsmig.task_table WHERE task_id = $1", "i",
					  task_id);
	(void) store_exec("DELETE FROM dtsmig.changed_name WHERE task_id = $1", "i",
					  task_id);
}

void
store_schema_add_name(int64 task_id, const char *kind, const char *source,
					  const char *target, const char *reason)
{
	(void) store_exec("INSERT INTO dtsmig.changed_name VALUES ($1, $2, $3, $4, $5)",
					  "itttt", task_id, kind, source, target, reason);
}

#define TABLE_QUERY \
	"SELECT t.table_id, v.definition, t.snapshot_low, t.snapshot_high, " \
	"v.generation, v.from_position, t.state = '" TABLE_STATE_RESYNC "', " \
	"t.described_position, t.resync_step, t.types_position, t.one_snapshot, " \
	"t.source_mark FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position " \
	"FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v " \
	"ON true "

static StoreTable *
table_from(const StoreRows *rows, int row)
{
	StoreTable *t = palloc(sizeof(StoreTable));
	char	  **v = rows->values[row];

	t->id = store_int(rows, row, 0);
	t->definition = store_jsonb(rows, row, 1);
	t->low = v[2];
	t->high = v[3];
	t->generation = store_int(rows, row, 4);
	t->from = v[5];
	t->resync = store_bool(rows, row, 6);
	t->described = v[7];
	t->resync_step = v[8];
	t->types_from = v[9];
	t->one_snapshot = store_bool(rows, row, 10);
	t->source_mark = v[11];
	return t;
}

StoreTable *
store_table_load(int64 table_id)
{
	StoreRows  *rows = store_query(TABLE_QUERY "WHERE t.table_id = $1", "i",
								   table_id);

	return rows->nrows > 0 ? table_from(rows, 0) : NULL;
}

List *
store_tables_load(int64 task_id)
{
	StoreRows  *rows = store_query(TABLE_QUERY "WHERE t.task_id = $1 ORDER BY t.table_id",
								   "i", task_id);
	List	   *tables = NIL;

	for (int i = 0; i < rows->nrows; i++)
		tables = lappend(tables, table_from(rows, i));
	return tables;
}

bool
store_table_is_target(int64 task_id, const char *target_schema,
					  const char *target_table)
{
	return store_query("SELECT 1 FROM dtsmig.task_table WHERE task_id = $1 "
					   "AND target_schema = $2 AND target_table = $3", "itt",
					   task_id, target_schema, target_table)->nrows > 0;
}

bool
store_table_target(int64 task_id, const char *schema, const char *table,
				   char **target_schema, char **target_table)
{
	StoreRows  *rows;

	rows = store_query("SELECT target_schema, target_table FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND source_schema = $2 AND source_table = $3",
					   "itt", task_id, schema, table);
	if (rows->nrows == 0)
		return false;
	*target_schema = rows->values[0][0];
	*target_table = rows->values[0][1];
	return true;
}

char *
store_table_of_name(int64 task_id, const char *schema, const char *table)
{
	StoreRows  *rows;

	rows = store_query("SELECT source_schema || '.' || source_table "
					   "FROM dtsmig.task_table WHERE task_id = $1 "
					   "AND state <> '" TABLE_STATE_RESYNC "' "
					   "AND ((source_schema = $2 AND source_table = $3) "
					   "OR (target_schema = $2 AND target_table = $3)) "
					   "ORDER BY source_schema = $2 AND source_table = $3 DESC LIMIT 1",
					   "itt", task_id, schema, table);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

/* ------------------------------------------------------------------ copies */

void
store_table_add_copied(int64 table_id, int64 rows, int64 bytes)
{
	(void) store_exec("UPDATE dtsmig.task_table SET rows_copied = rows_copied + $2, "
					  "bytes_copied = bytes_copied + $3, state = CASE state "
					  "WHEN '" TABLE_STATE_RESYNC "' THEN state ELSE '" TABLE_STATE_COPYING "' END "
					  "WHERE table_id = $1",
					  "iii", table_id, rows, bytes);
}

bool
store_table_finish_copy(int64 table_id)
{
	StoreRows   *copied;

	copied = store_query("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_COPIED "' "
						 "WHERE table_id = $1 "
						 "AND state <> '" TABLE_STATE_RESYNC "' "
						 "AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j "
						 "WHERE j.table_id = $1 AND j.kind = '" JOB_KIND_COPY "' "
						 "AND j.state <> '" JOB_STATE_DONE "') "
						 "RETURNING table_id", "i", table_id);
	return copied->nrows > 0;
}

void
store_table_copy_again(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET rows_copied = 0, "
					  "bytes_copied = 0, state = '" TABLE_STATE_WAITING "' WHERE table_id = $1",
					  "i", table_id);
}

void
store_table_described(int64 table_id, const char *position)
{
	(void) store_exec("UPDATE dtsmig.task_table SET described_position = "
					  "COALESCE($2, described_position) WHERE table_id = $1",
					  "it", table_id, position);
}

void
store_tables_described(int64 task_id, const char *position)
{
	(void) store_exec("UPDATE dtsmig.task_table SET described_position = $2 "
					  "WHERE task_id = $1", "it", task_id, position);
}

void
store_table_set_zone(int64 table_id, const char *low, const char *high)
{
	(void) store_exec("UPDATE dtsmig.task_table SET snapshot_low = $2, "
					  "snapshot_high = $3 WHERE table_id = $1", "itt", table_id,
					  low, high);
}

char *
store_table_zone_end(int64 table_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT snapshot_high FROM dtsmig.task_table "
					   "WHERE table_id = $1", "i", table_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

void
store_table_set_zone_end(int64 table_id, const char *high)
{
	(void) store_exec("UPDATE dtsmig.task_table SET snapshot_high = $2 "
					  "WHERE table_id = $1", "it", table_id, high);
}

void
store_table_many_snapshots(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET one_snapshot = false "
					  "WHERE table_id = $1", "i", table_id);
}

List *
store_tables_part_copied(int64 task_id)
{
	StoreRows  *rows;
	List	   *tables = NIL;

	rows = store_query("SELECT t.table_id, t.source_schema, t.source_table, "
					   "pg_catalog.format('%I.%I', t.target_schema, t.target_table) "
					   "FROM dtsmig.task_table t WHERE t.task_id = $1 "
					   "AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE "
					   "j.table_id = t.table_id AND j.kind = '" JOB_KIND_COPY "' "
					   "AND j.state = '" JOB_STATE_DONE "') "
					   "AND EXISTS (SELECT 1 FROM dtsmig.task_job j WHERE "
					   "j.table_id = t.table_id AND j.kind = '" JOB_KIND_COPY "' "
					   "AND j.state <> '" JOB_STATE_DONE "')", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		PartCopiedTable *t = palloc(sizeof(PartCopiedTable));

		t->id = store_int(rows, i, 0);
		t->schema = rows->values[i][1];
		t->table = rows->values[i][2];
		t->target = rows->values[i][3];
		tables = lappend(tables, t);
	}
	return tables;
}

void
store_tables_set_ready(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_READY "' "
					  "WHERE task_id = $1 AND state <> '" TABLE_STATE_RESYNC "'",
					  "i", task_id);
}

/* ----------------------------------------------------------- to be copied again */

StoreName *
store_table_mark_resync(int64 table_id)
{
	return name_of(store_query("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_RESYNC "', "
							   "resync_step = NULL "
							   "WHERE table_id = $1 RETURNING source_schema, source_table",
							   "i", table_id), 0);
}

StoreName *
store_table_keep_resync(int64 table_id)
{
	return name_of(store_query("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_RESYNC "' "
							   "WHERE table_id = $1 RETURNING source_schema, source_table",
							   "i", table_id), 0);
}

int
store_tables_ask_resync(int64 task_id, const char *name, bool alone)
{
	return (int) store_exec("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_RESYNC "', "
							"resync_step = CASE WHEN $3 THEN NULL "
							"WHEN state <> '" TABLE_STATE_RESYNC "' "
							"OR resync_step IN ('" TABLE_STEP_COPIED "', '" TABLE_STEP_REPLAY "') "
							"THEN '" TABLE_STEP_ASKED "' "
							"ELSE resync_step END WHERE task_id = $1 AND "
							"(source_schema || '.' || source_table = $2 "
							"OR source_table = $2)", "itb", task_id, name, (int) alone);
}

bool
store_tables_wait(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT count(*) FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = '" TABLE_STATE_RESYNC "'", "i", task_id);
	return store_int(rows, 0, 0) > 0;
}

List *
store_tables_waiting(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT table_id FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = '" TABLE_STATE_RESYNC "' "
					   "AND resync_step IS DISTINCT FROM '" TABLE_STEP_REPLAY "'", "i", task_id);
	return store_ids(rows);
}

List *
store_tables_zone_ends(int64 task_id)
{
	return store_texts(store_query("SELECT DISTINCT snapshot_high FROM dtsmig.task_table "
								   "WHERE task_id = $1 AND snapshot_high IS NOT NULL",
								   "i", task_id));
}

bool
store_table_waits_for(int64 table_id, const char *why)
{
	StoreRows   *rows;

	rows = store_query("UPDATE dtsmig.task_table SET waits_for = $2 WHERE table_id = $1 "
					   "AND waits_for IS DISTINCT FROM $2 RETURNING 1", "it",
					   table_id, why);
	return rows->nrows > 0;
}

void
store_tables_move_step(int64 task_id, const char *from, const char *to)
{
	(void) store_exec("UPDATE dtsmig.task_table SET resync_step = $3 "
					  "WHERE task_id = $1 AND state = '" TABLE_STATE_RESYNC "' "
					  "AND resync_step = $2",
					  "itt", task_id, from, to);
}

void
store_table_clear_step(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET resync_step = NULL "
					  "WHERE table_id = $1", "i", table_id);
}

void
store_tables_stop_copying(int64 task_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET resync_step = NULL "
					  "WHERE task_id = $1 AND resync_step = '" TABLE_STEP_COPYING "'", "i",
					  task_id);
}

void
store_table_begin_copying(int64 table_id, const char *applied)
{
	(void) store_exec("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_RESYNC "', "
					  "resync_step = '" TABLE_STEP_COPYING "', resync_from = $2, "
					  "source_mark = NULL, rows_copied = 0, bytes_copied = 0 WHERE table_id = $1",
					  "it", table_id, applied);
}

void
store_table_leave_copying(int64 table_id, const char *step)
{
	(void) store_exec("UPDATE dtsmig.task_table SET resync_step = $2 "
					  "WHERE table_id = $1 AND resync_step = '" TABLE_STEP_COPYING "'", "it",
					  table_id, step);
}

char *
store_table_resync_from(int64 table_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT resync_from FROM dtsmig.task_table "
					   "WHERE table_id = $1", "i", table_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

char *
store_tables_copied_from(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT resync_from FROM dtsmig.task_table WHERE task_id = $1 "
					   "AND resync_step = '" TABLE_STEP_COPIED "' LIMIT 1", "i", task_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

bool
store_table_note_copied(int64 table_id, const char *low, const char *high,
						const char *described, int64 rows, int64 bytes,
						const char *applied)
{
	return store_exec("UPDATE dtsmig.task_table SET resync_step = '" TABLE_STEP_COPIED "', "
					  "snapshot_low = $2, snapshot_high = $3, one_snapshot = true, "
					  "described_position = $4, rows_copied = $5, "
					  "bytes_copied = $6 WHERE table_id = $1 AND state = '" TABLE_STATE_RESYNC "' "
					  "AND resync_step = '" TABLE_STEP_COPYING "' AND resync_from = $7", "itttiit",
					  table_id, low, high, described, rows, bytes, applied) == 1;
}

List *
store_tables_put_ready(int64 task_id, const char *step)
{
	List	   *names = NIL;
	StoreRows   *rows;

	rows = store_query("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_READY "', "
					   "resync_step = NULL, resync_from = NULL WHERE task_id = $1 "
					   "AND state = '" TABLE_STATE_RESYNC "' AND resync_step = $2 "
					   "RETURNING source_schema, source_table", "it", task_id,
					   step);
	for (int i = 0; i < rows->nrows; i++)
		names = lappend(names, name_of(rows, i));
	return names;
}

void
store_table_put_ready(int64 table_id, const char *low, const char *high,
					  const char *described)
{
	(void) store_exec("UPDATE dtsmig.task_table SET state = '" TABLE_STATE_READY "', "
					  "resync_step = NULL, resync_from = NULL, waits_for = NULL, one_snapshot = true, "
					  "snapshot_low = $2, snapshot_high = $3, "
					  "described_position = $4, source_mark = NULL WHERE table_id = $1",
					  "ittt", table_id, low, high, described);
}

void
store_table_copied_again(int64 table_id, int64 rows, int64 bytes,
						 const char *described)
{
	(void) store_exec("UPDATE dtsmig.task_table SET rows_copied = $2, "
					  "bytes_copied = $3, described_position = $4 "
					  "WHERE table_id = $1", "iiit", table_id, rows, bytes,
					  described);
}

/* --------------------------------------------------------------- definition */

void
store_table_types_from(int64 table_id, const char *position)
{
	(void) store_exec("UPDATE dtsmig.task_table SET types_position = $2 "
					  "WHERE table_id = $1", "it", table_id, position);
}

void
store_table_set_mark(int64 table_id, const char *mark)
{
	(void) store_exec("UPDATE dtsmig.task_table SET source_mark = $2 WHERE table_id = $1",
					  "it", table_id, mark);
}

void
store_table_free_name(int64 table_id)
{
	/* with a byte that no name has, and the id */
	(void) store_exec("UPDATE dtsmig.task_table SET source_table = "
					  "pg_catalog.format(E'%s\\001%s', source_table, table_id) "
					  "WHERE table_id = $1", "i", table_id);
}

void
store_table_delete(int64 table_id)
{
	/* foreign keys do nothing in a session that applies replicated rows */
	static const char *const statements[] = {
		"DELETE FROM dtsmig.task_job WHERE table_id = $1 OR object_id IN "
		"(SELECT object_id FROM dtsmig.task_object WHERE table_id = $1)",
		"DELETE FROM dtsmig.task_object WHERE table_id = $1",
		"DELETE FROM dtsmig.table_version WHERE table_id = $1",
		"UPDATE dtsmig.verify_difference SET table_id = NULL WHERE table_id = $1",
	"DELETE FROM dtsmig.task_table WHERE table_id = $1"};

	for (int i = 0; i < lengthof(statements); i++)
		(void) store_exec(statements[i], "i", table_id);
}

List *
store_tables_blocked(int64 task_id)
{
	StoreRows   *rows;
	List	   *list = NIL;

	rows = store_query("SELECT source_schema || '.' || source_table, waits_for "
					   "FROM dtsmig.task_table WHERE task_id = $1 "
					   "AND state = '" TABLE_STATE_RESYNC "' "
					   "AND waits_for IS NOT NULL", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
	{
		BlockedTable *t = palloc(sizeof(BlockedTable));

		t->name = rows->values[i][0];
		t->why = rows->values[i][1];
		list = lappend(list, t);
	}
	return list;
}
