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
#include "utils/jsonb.h"

/* A table's name at the source, for messages. */
typedef struct StoreName
{
	char	   *schema;
	char	   *name;
} StoreName;

/* ------------------------------------------------------------- rows of it */

/* What it is called, and what it becomes. */
typedef struct StoreTableNames
{
	const char *schema;			/* at the source */
	const char *table;
	const char *target_schema;
	const char *target_table;
	bool		keyed;			/* its rows have a key */
} StoreTableNames;

/* A table of a task, of TABLE_STATE_…; returns its id. Estimates may be 0. */
extern int64 store_table_add(int64 task_id, const StoreTableNames *names,
							 const char *state, int64 rows_estimate,
							 int64 bytes_estimate);
extern void store_table_rename(int64 table_id, const StoreTableNames *names);
/* All that was read of a source's schema: its tables, objects, changed names. */
extern void store_schema_forget(int64 task_id);
/* A name of the source that is another at the destination. */
extern void store_schema_add_name(int64 task_id, const char *kind,
								  const char *source, const char *target,
								  const char *reason);

/* A table as it is opened, with the definition that is in force. */
typedef struct StoreTable
{
	int64		id;
	Jsonb	   *definition;
	int64		generation;		/* of the definition, from 1 on */
	char	   *from;			/* which holds from this position on; "": always */
	char	   *low;			/* zone of its copy; NULL: there is none */
	char	   *high;
	char	   *described;		/* positions, or NULL */
	char	   *types_from;
	bool		resync;			/* its rows are to be copied again */
	char	   *resync_step;	/* of TABLE_STEP_…; NULL: none */
	bool		one_snapshot;
	char	   *source_mark;	/* NULL: none */
} StoreTable;

/* NULL: there is none. Those of a task (StoreTable *), by their ids. */
extern StoreTable *store_table_load(int64 table_id);
extern List *store_tables_load(int64 task_id);

/* Is this one of a task's tables at the destination? */
extern bool store_table_is_target(int64 task_id, const char *target_schema,
								  const char *target_table);
/* What a table of the source becomes; false: it is none of the task's. */
extern bool store_table_target(int64 task_id, const char *schema,
							   const char *table, char **target_schema,
							   char **target_table);
/*
 * A table of either name, as schema.table at the source, unless it is to be
 * copied again already; NULL: none.
 */
extern char *store_table_of_name(int64 task_id, const char *schema,
								 const char *table);

/* ------------------------------------------------------------------ copies */

/* A range of its rows has been copied. */
extern void store_table_add_copied(int64 table_id, int64 rows, int64 bytes);
/* The table is copied, if all its ranges are: whether it is so from now on. */
extern bool store_table_finish_copy(int64 table_id);
/* Nothing is copied yet. */
extern void store_table_copy_again(int64 table_id);
/* The definition is known up to this position; NULL: as far as before. */
extern void store_table_described(int64 table_id, const char *position);
/* The definitions of all tables of a task are known up to this position. */
extern void store_tables_described(int64 task_id, const char *position);
extern void store_table_set_zone(int64 table_id, const char *low,
								 const char *high);
/* Rows were read later than the copy: in another snapshot, up to high. */
extern char *store_table_zone_end(int64 table_id);
extern void store_table_set_zone_end(int64 table_id, const char *high);
extern void store_table_many_snapshots(int64 table_id);
/* A table of which some ranges are copied, and some are not. */
typedef struct PartCopiedTable
{
	int64		id;
	char	   *schema;			/* at the source */
	char	   *table;
	char	   *target;			/* qualified and quoted */
} PartCopiedTable;

extern List *store_tables_part_copied(int64 task_id);
/* All tables but those to be copied again are as the source's. */
extern void store_tables_set_ready(int64 task_id);
/* The ends of all zones of a task's tables (char *). */
extern List *store_tables_zone_ends(int64 task_id);

/* ----------------------------------------------------------- to be copied again */

/*
 * Marks a table to be copied again, by the task itself; as it was marked, in
 * whatever step. NULL: there is no such table.
 */
extern StoreName *store_table_mark_resync(int64 table_id);
extern StoreName *store_table_keep_resync(int64 table_id);
/*
 * The same of tables that are called so (schema.table, or table alone): while the
 * task goes on, or, alone, while it waits. One that is being copied need not be
 * copied again. Returns how many there are.
 */
extern int	store_tables_ask_resync(int64 task_id, const char *name, bool alone);
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
