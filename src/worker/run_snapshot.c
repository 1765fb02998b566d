/*-------------------------------------------------------------------------
 *
 * run_snapshot.c
 *	  The snapshot that all copy workers of a task read from, where the source
 *	  has such a thing; and tables that are not any more what the catalog say
 *	  when their copy is to begin.
 *
 * It is held by the task worker's connection and gone with it. A table that
 * was copied wholly keeps the position of the snapshot it was read from. One
 * that was copied in part cannot be read on from another snapshot: its rows
 * may have moved between the ranges. It is emptied and started again. And a table
 * that looks otherwise in the new snapshot than in the catalog was changed by a
 * statement that is still to come in the log: its rows are copied when that
 * has come.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/job.h"
#include "store/position.h"
#include "store/table.h"
#include "miscadmin.h"
#include "tables/shards.h"
#include "utils/snapmgr.h"
#include "worker/destination.h"

/* So often a snapshot is taken again that lacks what is applied. */
#define SNAPSHOT_TRIES 50

/* Ranges of a table are to be copied again. */
static void
forget_claims(TaskRun *run, int64 table_id)
{
	ListCell   *lc;

	if (!run->dest->elsewhere)
		return;
	foreach(lc, store_jobs_of_table(table_id))
		run->dest->unclaim(destination_job(*(int64 *) lfirst(lc)));
}

/*
 * Ranges that are copied as a destination elsewhere has it, and are not noted
 * in the catalog: their tables are copied in part, too.
 */
static void
note_claims(TaskRun *run)
{
	List	   *left;

	if (!run->dest->elsewhere)
		return;
	left = store_ranges_left(run->task->id);
	for (int i = 0; i < list_length(left);)
	{
		int64		table_id = ((StoreRange *) list_nth(left, i))->table_id;
		List	   *done = NIL;
		int			n = 0;
		ListCell   *lc;

		for (; i < list_length(left); i++, n++)
		{
			StoreRange *range = list_nth(left, i);

			if (range->table_id != table_id)
				break;
			if (run->dest->recorded(destination_job(range->job_id)) != NULL)
				done = lappend(done, range);
		}
		/* those that are all there are noted by who takes them */
		foreach(lc, list_length(done) < n ? done : NIL)
			store_job_done(((StoreRange *) lfirst(lc))->job_id);
	}
}

/* Tables that were copied in part are emptied. */
static void
begin_again(TaskRun *run)
{
	ListCell   *lc;

	note_claims(run);
	foreach(lc, store_tables_part_copied(run->task->id))
	{
		const PartCopiedTable *t = lfirst(lc);
		char	   *own = shard_own_rows(run->task->id, t->id, run->selection);

		task_spi(own || run->dest->empty_sql ? destination_delete_sql(t->target, own) :
				 psprintf("TRUNCATE ONLY %s", t->target));
		forget_claims(run, t->id);
		store_jobs_again(t->id);
		store_table_copy_again(t->id);
		task_log_event(run->task->id, "info",
					   psprintf("the copy of table \"%s\".\"%s\" starts again",
								t->schema, t->table),
					   "The snapshot that it was read from is gone.", NULL, NULL);
	}
}

char *
task_applied(TaskRun *run)
{
	StorePosition *position = store_position_load(run->task->id);

	return position ? position->applied : run->task->start_position;
}

bool
task_snapshot_has(TaskRun *run, const char *low, const char *applied)
{
	const SourceRoutine *source = run->source;
	char	   *low_set;

	if (low == NULL || applied == NULL || source->position_covers(low, applied))
		return true;

	/* the place may lie in what is no transaction, after the last of those */
	low_set = source->position_by_gtid ? source->position_by_gtid(low) : NULL;
	return low_set != NULL && source->position_by_gtid(applied) != NULL &&
		source->position_covers(low_set, applied);
}

void
task_open_snapshot(TaskRun *run, SourceConn *conn, const char *applied,
				   SourceSnapshot *snapshot, char **low)
{
	const SourceRoutine *source = run->source;

	for (int tries = 1;; tries++)
	{
		source->open_snapshot(conn, NULL, snapshot);
		*low = snapshot->low;
		if (applied != NULL && !snapshot->exact && snapshot->low == NULL &&
			snapshot->high != NULL)
		{
			char	   *start = source->start_position(run->conn);
			char	   *set = start && source->position_by_gtid ?
				source->position_by_gtid(start) : NULL;

			/* its place says nothing of what is visible */
			*low = set ? set : start;
			source->open_snapshot(conn, NULL, snapshot);
		}
		if (task_snapshot_has(run, *low, applied))
			return;
		if (tries >= SNAPSHOT_TRIES)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("snapshots of the source lack transactions that are applied already"),
					 errdetail("The snapshot has all before %s, applied is %s.",
							   *low, applied),
					 errhint("Transactions wait at the source between its log and their end, perhaps for a replica that acknowledges them.")));
		CHECK_FOR_INTERRUPTS();
		pg_usleep(100000L);
	}
}

static const TableDef *
find_def(List *tables, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);

		if (strcmp(def->name, name) == 0 && strcmp(def->schema, schema) == 0)
			return def;
	}
	return NULL;
}

bool
task_same_columns(const TableDef *a, const TableDef *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a->columns) != list_length(b->columns))
		return false;
	forboth(la, a->columns, lb, b->columns)
	{
		const TableColumn *ca = lfirst(la);
		const TableColumn *cb = lfirst(lb);

		if (strcmp(ca->name, cb->name) != 0 ||
			strcmp(ca->source_type, cb->source_type) != 0)
			return false;
	}
	return true;
}

bool
task_same_table(const TableDef *a, const TableDef *b)
{
	if (a->source_id != NULL && b->source_id != NULL &&
		strcmp(a->source_id, b->source_id) != 0)
		return false;
	return strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0 &&
		task_same_columns(a, b);
}

static const TableIndex *
primary_key(const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
		if (((const TableIndex *) lfirst(lc))->kind == INDEX_PRIMARY)
			return lfirst(lc);
	return NULL;
}

/*
 * Has the table what forbids rows in the destination's while rows are copied?
 */
static bool
fits(const TableDef *now, const TableDef *stored)
{
	const TableIndex *key = primary_key(stored);
	const TableIndex *key_now = primary_key(now);
	ListCell   *la;
	ListCell   *lb;

	if (!task_same_table(now, stored))
		return false;
	forboth(la, now->columns, lb, stored->columns)
		if (((const TableColumn *) lfirst(la))->nullable &&
			!((const TableColumn *) lfirst(lb))->nullable)
			return false;
	if (key == NULL)
		return true;
	if (key_now == NULL || list_length(key->parts) != list_length(key_now->parts))
		return false;
	forboth(la, key_now->parts, lb, key->parts)
	{
		const IndexPart *part_now = lfirst(la);
		const IndexPart *part = lfirst(lb);

		if (strcmp(part_now->column, part->column) != 0 ||
			part_now->prefix != part->prefix)
			return false;
	}
	return true;
}

bool
task_leave_table(int64 task_id, int64 table_id)
{
	StoreName  *table;

	/* a range that somebody copies just now ends in its own way */
	if (!store_jobs_give_up(table_id))
		return false;
	store_jobs_free(table_id);
	table = store_table_keep_resync(table_id);
	if (!task_load_id(task_id, false)->do_incremental)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\".\"%s\" of the source was changed while the task copied",
						table->schema, table->name),
				 errhint("When no such statement runs, or with migration type incremental: " SOURCE_NEW_TASK_HINT)));
	task_log_event(task_id, "info",
				   psprintf("table \"%s\".\"%s\" is to be copied again",
							table->schema, table->name),
				   "The source's table was changed before it was copied.", NULL, NULL);
	return true;
}

/* Tables that are to be copied still, but are not what the catalog say. */
static void
leave_changed(TaskRun *run)
{
	List	   *tables = describe_selected(run->selection, run->source, run->conn,
										   run->info);

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		const TableDef *def = find_def(tables, rel->schema, rel->name);

		if (rel->resync || (def != NULL && fits(def, rel->def)))
			continue;
		(void) task_leave_table(run->task->id, rel->table_id);
	}
}

bool
task_is_altered(const Selection *selection, const SourceRoutine *source,
				const ConnectionInfo *info, const TableDef *def)
{
	SourceConn *conn = source->connect(info);
	const TableDef *now = find_def(describe_selected(selection, source, conn, info),
								   def->schema, def->name);

	source->close(conn);
	return now == NULL || !fits(now, def);
}

void
task_share_snapshot(TaskRun *run)
{
	SourceSnapshot snapshot;
	char	   *shared;

	run->shared->snapshot[0] = '\0';
	if (run->source->share_snapshot == NULL)
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		task_open_relations(run);
		leave_changed(run);
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(run->cxt);
		return;
	}
	shared = run->source->share_snapshot(run->conn);
	run->source->open_snapshot(run->conn, shared, &snapshot);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	/* the first snapshot is that of the start position itself */
	if (run->task->start_position == NULL || snapshot.high == NULL ||
		strcmp(snapshot.high, run->task->start_position) != 0)
	{
		begin_again(run);
		task_open_relations(run);
		leave_changed(run);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	shared_set_text(run->shared->snapshot, shared);
}
