/*-------------------------------------------------------------------------
 *
 * table.h
 *	  Where a table of a task stands: its row of dtsmig.task_table.
 *
 *	  state		waiting -> copying -> copied -> ready, and resync: its rows are
 *				to be copied again
 *	  resync_step	of a table to be copied again while the task goes on: asked,
 *				copying, copied, replay (see worker/run_parallel.c); NULL: the
 *				task does it between two changes
 *	  snapshot_low, snapshot_high	the zone of its copy, see core/relation.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_TABLE_H
#define DTSMIG_STORE_TABLE_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* A table's name at the source, for messages. */
typedef struct StoreName
{
	char	   *schema;
	char	   *name;
} StoreName;

/* ------------------------------------------------------------------ copies */

/* A range of its rows has been copied. */
extern void store_table_add_copied(int64 table_id, int64 rows, int64 bytes);
/* The table is copied, if all its ranges are: whether it is so from now on. */
extern bool store_table_finish_copy(int64 table_id);
/* Nothing is copied yet. */
extern void store_table_copy_again(int64 table_id);
/* The definition is known up to this position; NULL: as far as before. */
extern void store_table_described(int64 table_id, const char *position);
extern void store_table_set_zone(int64 table_id, const char *low,
								 const char *high);
/* Rows were read later than the copy: in another snapshot, up to high. */
extern char *store_table_zone_end(int64 table_id);
extern void store_table_set_zone_end(int64 table_id, const char *high);
extern void store_table_many_snapshots(int64 table_id);
/* The ends of all zones of a task's tables (char *). */
extern List *store_tables_zone_ends(int64 task_id);

/* ----------------------------------------------------------- to be copied again */

/*
 * Marks a table to be copied again, by the task itself; as it was marked, in
 * whatever step. NULL: there is no such table.
 */
extern StoreName *store_table_mark_resync(int64 table_id);
extern StoreName *store_table_keep_resync(int64 table_id);
/* Does a table wait for that? */
extern bool store_tables_wait(int64 task_id);
/* Those that do (int64 *), but for the log to be read again for them. */
extern List *store_tables_waiting(int64 task_id);
/* What a table waits for; NULL: nothing. False: it was known. */
extern bool store_table_waits_for(int64 table_id, const char *why);

/* All tables of a task that are in one step come to another. */
extern void store_tables_move_step(int64 task_id, const char *from,
								   const char *to);
/* The task itself copies the table; those that are being copied. */
extern void store_table_clear_step(int64 table_id);
extern void store_tables_stop_copying(int64 task_id);
/* A table is being copied from here on: another step, if it still is. */
extern void store_table_begin_copying(int64 table_id, const char *applied);
extern void store_table_leave_copying(int64 table_id, const char *step);
/* What was applied when that began; of those copied, NULL if there are none. */
extern char *store_table_resync_from(int64 table_id);
extern char *store_tables_copied_from(int64 task_id);
/* The copy is complete. False: it is not wanted any more. */
extern bool store_table_note_copied(int64 table_id, const char *low,
									const char *high, const char *described,
									int64 rows, int64 bytes,
									const char *applied);
/* Tables of a step are as the others again: StoreName *. */
extern List *store_tables_put_ready(int64 task_id, const char *step);
/* The task itself copies the table now, in one snapshot; so many rows. */
extern void store_table_put_ready(int64 table_id, const char *low,
								  const char *high, const char *described);
extern void store_table_copied_again(int64 table_id, int64 rows, int64 bytes,
									 const char *described);

/* --------------------------------------------------------------- definition */

/* Its types are those of the source from this position on. */
extern void store_table_types_from(int64 table_id, const char *position);
/* See SourceRelation.source_mark; a copy made again forgets it. */
extern void store_table_set_mark(int64 table_id, const char *mark);
/* Another table may have its name: it gets one that no table has. */
extern void store_table_free_name(int64 table_id);
extern void store_table_delete(int64 table_id);

/* A table that is to be copied again and cannot be yet. */
typedef struct BlockedTable
{
	char	   *name;			/* schema.table at the source */
	char	   *why;
} BlockedTable;

extern List *store_tables_blocked(int64 task_id);

#endif							/* DTSMIG_STORE_TABLE_H */
