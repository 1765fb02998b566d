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

/* ------------------------------------------------------------------ copies */

void
store_table_add_copied(int64 table_id, int64 rows, int64 bytes)
{
	(void) store_exec("UPDATE dtsmig.task_table SET rows_copied = rows_copied + $2, "
					  "bytes_copied = bytes_copied + $3, state = CASE state "
					  "WHEN 'resync' THEN state ELSE 'copying' END WHERE table_id = $1",
					  "iii", table_id, rows, bytes);
}

bool
store_table_finish_copy(int64 table_id)
{
	StoreRows   *copied;

	copied = store_query("UPDATE dtsmig.task_table SET state = 'copied' WHERE table_id = $1 "
						 "AND state <> 'resync' "
						 "AND NOT EXISTS (SELECT 1 FROM dtsmig.task_job j "
						 "WHERE j.table_id = $1 AND j.kind = 'copy' AND j.state <> 'done') "
						 "RETURNING table_id", "i", table_id);
	return copied->nrows > 0;
}

void
store_table_copy_again(int64 table_id)
{
	(void) store_exec("UPDATE dtsmig.task_table SET rows_copied = 0, "
					  "bytes_copied = 0, state = 'waiting' WHERE table_id = $1",
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

/* ----------------------------------------------------------- to be copied again */

StoreName *
store_table_mark_resync(int64 table_id)
{
	return name_of(store_query("UPDATE dtsmig.task_table SET state = 'resync', "
							   "resync_step = NULL "
							   "WHERE table_id = $1 RETURNING source_schema, source_table",
							   "i", table_id), 0);
}

StoreName *
store_table_keep_resync(int64 table_id)
{
	return name_of(store_query("UPDATE dtsmig.task_table SET state = 'resync' "
							   "WHERE table_id = $1 RETURNING source_schema, source_table",
							   "i", table_id), 0);
}

bool
store_tables_wait(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT count(*) FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync'", "i", task_id);
	return store_int(rows, 0, 0) > 0;
}

List *
store_tables_waiting(int64 task_id)
{
	StoreRows   *rows;

	rows = store_query("SELECT table_id FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync' "
					   "AND resync_step IS DISTINCT FROM 'replay'", "i", task_id);
	return store_ids(rows);
}

List *
store_tables_zone_ends(int64 task_id)
{
	List	   *ends = NIL;
	StoreRows   *rows;

	rows = store_query("SELECT DISTINCT snapshot_high FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND snapshot_high IS NOT NULL", "i", task_id);
	for (int i = 0; i < rows->nrows; i++)
		ends = lappend(ends, rows->values[i][0]);
	return ends;
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
					  "WHERE task_id = $1 AND state = 'resync' AND resync_step = $2",
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
					  "WHERE task_id = $1 AND resync_step = 'copying'", "i",
					  task_id);
}

void
store_table_begin_copying(int64 table_id, const char *applied)
{
	(void) store_exec("UPDATE dtsmig.task_table SET state = 'resync', "
					  "resync_step = 'copying', resync_from = $2, "
					  "source_mark = NULL, rows_copied = 0, bytes_copied = 0 WHERE table_id = $1",
					  "it", table_id, applied);
}

void
store_table_leave_copying(int64 table_id, const char *step)
{
	(void) store_exec("UPDATE dtsmig.task_table SET resync_step = $2 "
					  "WHERE table_id = $1 AND resync_step = 'copying'", "it",
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
					   "AND resync_step = 'copied' LIMIT 1", "i", task_id);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

bool
store_table_note_copied(int64 table_id, const char *low, const char *high,
						const char *described, int64 rows, int64 bytes,
						const char *applied)
{
	return store_exec("UPDATE dtsmig.task_table SET resync_step = 'copied', "
					  "snapshot_low = $2, snapshot_high = $3, one_snapshot = true, "
					  "described_position = $4, rows_copied = $5, "
					  "bytes_copied = $6 WHERE table_id = $1 AND state = 'resync' "
					  "AND resync_step = 'copying' AND resync_from = $7", "itttiit",
					  table_id, low, high, described, rows, bytes, applied) == 1;
}

List *
store_tables_put_ready(int64 task_id, const char *step)
{
	List	   *names = NIL;
	StoreRows   *rows;

	rows = store_query("UPDATE dtsmig.task_table SET state = 'ready', "
					   "resync_step = NULL, resync_from = NULL WHERE task_id = $1 "
					   "AND state = 'resync' AND resync_step = $2 "
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
	(void) store_exec("UPDATE dtsmig.task_table SET state = 'ready', "
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
					   "FROM dtsmig.task_table WHERE task_id = $1 AND state = 'resync' "
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
