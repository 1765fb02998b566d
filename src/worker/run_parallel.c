/*-------------------------------------------------------------------------
 *
 * run_parallel.c
 *	  Tables that are copied again while the rest of the task goes on.
 *
 * A copy worker copies them as run_resync.c does, from a snapshot, in one
 * transaction. The task worker follows the log meanwhile and skips what
 * it says of them. When the copy is complete, what came after its snapshot has
 * to be had: the task goes back in the log to where it was when the copy began
 * (resync_from), and reads it again, for these tables alone, up to where it was
 * (replay_until). At that position they are in sync with the rest.
 *
 *   asked --> copying --> copied --> replay --> in sync
 *     ^          |           |          |
 *     +----------+-----------+----------+-- asked for again, a crash while it is
 *                |           |              copied, another server as source
 *                +-----------+------------> the rest waits (run_resync.c)
 *
 * Nothing but the copy itself is lost in a crash. That it is done commits with
 * its rows; the way back commits with the mark where it ends. The source is
 * reported nothing of what was applied while it may be needed again (keep_from).
 *
 * The rest waits, as ever, for tables that the task does not know yet or whose
 * shape at the source is another than at the destination; for those that a
 * statement of the source marks; where a statement touches a table while it is
 * copied; and where a foreign key's action of a table that is not copied along
 * can change their rows (a log that does not have it would be read without that
 * table).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/states.h"
#include "worker/task_run.h"

#include <ctype.h>

#include "access/xact.h"
#include "store/position.h"
#include "store/table.h"
#include "schema/ddl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/resync_shape.h"

/* How often the worker is looked at. */
#define LOOK_MS 200

typedef enum Settled
{
	SETTLED,
	SETTLED_CHANGED,			/* the catalog is others than the relations */
	SETTLED_BEGIN				/* so, and a worker is to be started */
} Settled;

static int
count_step(const TaskRun *run, ResyncStep step)
{
	int			n = 0;

	for (int i = 0; i < run->nrels; i++)
		n += run->rels[i]->resync_step == step;
	return n;
}

static void
keep_from(TaskRun *run, const char *position)
{
	run->info->keep_from = position == NULL ? NULL :
		MemoryContextStrdup(run->cxt, position);
}

/* ----------------------------------------------------------------- begin */

/* The table, and all that its foreign keys' actions reach. */
static List *
reach(TaskRun *run, SourceRelation *rel)
{
	List	   *rels = list_make1(rel);
	bool		more = true;

	while (more)
	{
		more = false;
		for (int i = 0; i < run->nrels; i++)
		{
			SourceRelation *child = run->rels[i];
			ListCell   *lc;

			if (list_member_ptr(rels, child) || child->def->columns == NIL ||
				(child->resync && child->resync_step != RESYNC_ASKED))
				continue;
			foreach(lc, rels)
			{
				if (!resync_is_child(child->def,
									 ((SourceRelation *) lfirst(lc))->def))
					continue;
				rels = lappend(rels, child);
				more = true;
				break;
			}
		}
	}
	return rels;
}

/* Can actions of other tables change rows that the log does not have? */
static bool
is_reached(TaskRun *run, List *rels)
{
	if (run->source->logs_cascades)
		return false;
	for (int i = 0; i < run->nrels; i++)
	{
		ListCell   *lc;

		if (list_member_ptr(rels, run->rels[i]))
			continue;
		foreach(lc, rels)
		{
			if (resync_is_child(((SourceRelation *) lfirst(lc))->def,
								run->rels[i]->def))
				return true;
		}
	}
	return false;
}

static void
let_wait(TaskRun *run, const SourceRelation *rel, const char *why)
{
	store_table_clear_step(rel->table_id);
	task_log_event(run->task->id, "info",
				   psprintf("the task waits while table \"%s\".\"%s\" is copied again",
							rel->schema, rel->name), why, NULL, NULL);
}

static Settled
begin(TaskRun *run, const char *applied)
{
	List	   *all = NIL;
	ListCell   *lc;

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		List	   *rels;

		if (rel->resync_step != RESYNC_ASKED)
			continue;
		rels = reach(run, rel);
		if (rel->def->columns == NIL || applied == NULL)
			let_wait(run, rel, "It is new to the task.");
		else if (is_reached(run, rels))
			let_wait(run, rel, "Foreign keys of the source change its rows with those of tables that are not copied along.");
		else
			all = list_concat_unique_ptr(all, rels);
	}
	if (all == NIL)
		return SETTLED_CHANGED;
	foreach(lc, all)
		store_table_begin_copying(((SourceRelation *) lfirst(lc))->table_id, applied);
	keep_from(run, applied);
	return SETTLED_BEGIN;
}

/* ---------------------------------------------------------------- settle */

/* Does nothing lie between the position and what the copies have? */
static bool
copies_are_ahead(TaskRun *run, const char *position)
{
	SourcePos	pos = run->source->parse_position(position);

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];

		if (rel->resync_step != RESYNC_COPIED)
			continue;
		if (rel->snap_set != NULL || rel->snap_elsewhere != NULL ||
			!source_pos_is_set(rel->snap_lo) ||
			source_pos_cmp(pos, rel->snap_lo) > 0)
			return false;
	}
	return true;
}

static void
put_in_sync(TaskRun *run, const char *step)
{
	ListCell   *lc;

	foreach(lc, store_tables_put_ready(run->task->id, step))
	{
		const StoreName *table = lfirst(lc);

		task_log_event(run->task->id, "info",
					   psprintf("table \"%s\".\"%s\" is in sync with the others again",
								table->schema, table->name),
					   NULL, NULL, NULL);
	}
}

/* The way back; or none, where the task has not come to the copies yet. */
static void
go_back(TaskRun *run, const char *from, const char *applied)
{
	if (strcmp(from, applied) == 0 || copies_are_ahead(run, applied))
	{
		put_in_sync(run, TABLE_STEP_COPIED);
		return;
	}
	store_position_go_back(run->task->id, from, applied);
	store_tables_move_step(run->task->id, TABLE_STEP_COPIED, TABLE_STEP_REPLAY);
	task_log_event(run->task->id, "info",
				   "the log is read again for tables that are copied again",
				   psprintf("From %s to %s. The other tables wait.", from, applied),
				   NULL, NULL);
	/* whoever waits for a position must not take this one for reached */
	SpinLockAcquire(&run->shared->mutex);
	shared_set_position(run->shared->applied_position, from);
	SpinLockRelease(&run->shared->mutex);
}

void
parallel_forget(TaskRun *run)
{
	store_position_skip_replay(run->task->id);
	store_tables_move_step(run->task->id, TABLE_STEP_COPYING, TABLE_STEP_ASKED);
	store_tables_move_step(run->task->id, TABLE_STEP_COPIED, TABLE_STEP_ASKED);
	store_tables_move_step(run->task->id, TABLE_STEP_REPLAY, TABLE_STEP_ASKED);
}

static Settled
settle(TaskRun *run, bool boundary)
{
	StorePosition *position = store_position_load(run->task->id);
	char	   *applied = position ? position->applied : run->task->start_position;
	char	   *until = position ? position->replay_until : NULL;

	run->copied_parallel = false;
	run->replay_until = NULL;
	if (until != NULL && count_step(run, RESYNC_REPLAY) == 0)
	{
		store_position_skip_replay(run->task->id);
		return SETTLED_CHANGED;
	}
	if (until == NULL && count_step(run, RESYNC_REPLAY) > 0)
	{
		store_tables_move_step(run->task->id, TABLE_STEP_REPLAY, TABLE_STEP_ASKED);
		return SETTLED_CHANGED;
	}
	if (run->copying_parallel)
		return SETTLED;
	if (count_step(run, RESYNC_COPYING) > 0)
	{
		/* its worker was ended */
		store_tables_move_step(run->task->id, TABLE_STEP_COPYING, TABLE_STEP_ASKED);
		return SETTLED_CHANGED;
	}
	if (until != NULL)
	{
		run->replay_until = MemoryContextStrdup(run->cxt, until);
		run->replay_end = run->source->parse_position(until);
		keep_from(run, NULL);
		return SETTLED;
	}
	if (count_step(run, RESYNC_COPIED) > 0)
	{
		char	   *from = store_tables_copied_from(run->task->id);

		if (from == NULL)
		{
			store_tables_move_step(run->task->id, TABLE_STEP_COPIED, TABLE_STEP_ASKED);
			return SETTLED_CHANGED;
		}
		if (boundary && run->source->position_has_place(applied))
		{
			go_back(run, from, applied);
			return SETTLED_CHANGED;
		}
		run->copied_parallel = true;
		keep_from(run, from);
		return SETTLED;
	}
	keep_from(run, NULL);
	return count_step(run, RESYNC_ASKED) > 0 ? begin(run, applied) : SETTLED;
}

bool
parallel_settle(TaskRun *run, bool boundary)
{
	Settled		settled;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	settled = settle(run, boundary);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	if (settled != SETTLED_BEGIN)
		return settled == SETTLED_CHANGED;

	/* it reads what was just noted, under the limits that hold by now */
	run->last_tick = 0;
	task_tick(run);
	run->copying_parallel = start_resync_worker(run);
	run->parallel_looked = GetCurrentTimestamp();
	if (run->copying_parallel)
		return true;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_tables_move_step(run->task->id, TABLE_STEP_COPYING, NULL);
	task_log_event(run->task->id, "warning",
				   "the task waits while tables are copied again",
				   "No background worker slot is free for a copy worker.",
				   "Raise max_worker_processes.", NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return true;
}

void
parallel_collect(TaskRun *run)
{
	if (!run->copying_parallel || !resync_worker_is_done(run))
		return;
	stop_resync_worker(run);
	run->copying_parallel = false;
}

bool
parallel_refuse(TaskRun *run)
{
	if (count_step(run, RESYNC_ASKED) == 0)
		return false;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_tables_move_step(run->task->id, TABLE_STEP_ASKED, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return true;
}

bool
parallel_is_due(TaskRun *run)
{
	TimestampTz now;

	if (run->copied_parallel)
		return true;
	if (!run->copying_parallel)
		return false;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(run->parallel_looked, now, LOOK_MS))
		return false;
	run->parallel_looked = now;
	return resync_worker_is_done(run);
}

/* ---------------------------------------------------------------- replay */

bool
parallel_passes(TaskRun *run, const SourceRelation *rel, SourcePos pos)
{
	return run->replay_until != NULL && source_pos_cmp(pos, run->replay_end) < 0 &&
		rel->resync_step != RESYNC_REPLAY;
}

bool
parallel_replicated(TaskRun *run, SourcePos pos)
{
	return run->replay_until != NULL && source_pos_cmp(pos, run->replay_end) <= 0;
}

bool
parallel_reaches(TaskRun *run, SourcePos pos)
{
	return run->replay_until != NULL && source_pos_cmp(pos, run->replay_end) >= 0;
}

void
parallel_finish(TaskRun *run)
{
	store_position_end_replay(run->task->id);
	put_in_sync(run, TABLE_STEP_REPLAY);
}

/* -------------------------------------------------------------- statements */

/* Has the text this name, in whatever case, as a word? */
static bool
has_word(const char *text, const char *name)
{
	size_t		len = strlen(name);

	for (const char *p = text; text != NULL && *p != '\0'; p++)
	{
		if (pg_strncasecmp(p, name, len) != 0)
			continue;
		if ((p == text || !(isalnum((unsigned char) p[-1]) || p[-1] == '_')) &&
			!(isalnum((unsigned char) p[len]) || p[len] == '_'))
			return true;
	}
	return false;
}

/* A name that a text may have in another form is taken to be in it. */
static bool
text_names(const char *text, const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char) *p) && *p != '_' && !IS_HIGHBIT_SET(*p))
			return true;
	return has_word(text, name);
}

static bool
statement_names(const DdlStatement *stmt, const SourceRelation *rel)
{
	bool		whole = stmt->kind == DDL_CREATE_SCHEMA ||
		stmt->kind == DDL_ALTER_SCHEMA || stmt->kind == DDL_DROP_SCHEMA;
	ListCell   *lc;

	foreach(lc, stmt->tables)
	{
		const DdlTable *t = lfirst(lc);

		if (pg_strcasecmp(whole ? t->schema : t->name,
						  whole ? rel->schema : rel->name) == 0)
			return true;
	}
	if (stmt->like != NULL && pg_strcasecmp(stmt->like->name, rel->name) == 0)
		return true;
	foreach(lc, stmt->actions)
	{
		const DdlAction *a = lfirst(lc);

		if (a->table != NULL && pg_strcasecmp(a->table->name, rel->name) == 0)
			return true;
		if (a->foreign_key != NULL && a->foreign_key->ref_table != NULL &&
			pg_strcasecmp(a->foreign_key->ref_table, rel->name) == 0)
			return true;
	}
	return false;
}

/* Has the table columns of types that the source's users have made? */
static bool
has_own_types(const SourceRelation *rel)
{
	ListCell   *lc;

	foreach(lc, rel->def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (!col->left_out && col->base_type != NULL && col->base_type[0] == '\0')
			return true;
	}
	return false;
}

/* A type that is altered gives rows other texts, of which the copy has either. */
static bool
names(const Change *change, const SourceRelation *rel)
{
	if (change->ddl_record != NULL)
		return text_names(change->ddl_record, rel->name) ||
			(has_own_types(rel) && strstr(change->ddl_record, "ALTER TYPE") != NULL);
	if (change->ddl != NULL)
		return statement_names(change->ddl, rel);
	return text_names(change->ddl_sql, rel->name);
}

/*
 * Does a foreign key join the two, either way? Keys of the destination lock
 * both.
 */
static bool
are_joined(const TableDef *a, const TableDef *b)
{
	for (int i = 0; i < 2; i++)
	{
		const TableDef *child = i == 0 ? a : b;
		const TableDef *parent = i == 0 ? b : a;
		ListCell   *lc;

		foreach(lc, child->foreign_keys)
		{
			const TableForeignKey *fk = lfirst(lc);

			if (strcmp(fk->ref_table, parent->name) == 0 &&
				strcmp(fk->ref_schema, parent->schema) == 0)
				return true;
		}
	}
	return false;
}

bool
parallel_is_touched(TaskRun *run, const Change *change)
{
	if (!run->copying_parallel && !run->copied_parallel)
		return false;
	/* is in the copy, or read again like a change of rows */
	if (change->ddl != NULL && change->ddl->kind == DDL_TRUNCATE)
		return false;
	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];

		if (rel->resync_step != RESYNC_COPYING && rel->resync_step != RESYNC_COPIED)
			continue;
		if (names(change, rel))
			return true;
		for (int j = 0; j < run->nrels; j++)
			if (j != i && are_joined(run->rels[j]->def, rel->def) &&
				names(change, run->rels[j]))
				return true;
	}
	return false;
}

bool
parallel_yield(TaskRun *run, bool keep)
{
	bool		own = !IsTransactionState();
	MemoryContext old = CurrentMemoryContext;
	bool		whole;

	stop_resync_worker(run);
	run->copying_parallel = false;
	if (own)
		StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	whole = keep && store_tables_copied_from(run->task->id) != NULL;
	if (!whole)
	{
		store_tables_move_step(run->task->id, TABLE_STEP_COPYING, NULL);
		store_tables_move_step(run->task->id, TABLE_STEP_COPIED, NULL);
		task_log_event(run->task->id, "info",
					   "the task waits while tables are copied again",
					   "A statement of the source touches them.", NULL, NULL);
	}
	PopActiveSnapshot();
	if (own)
		CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	run->copied_parallel = whole;
	if (!whole)
		keep_from(run, NULL);
	return whole;
}
