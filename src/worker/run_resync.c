/*-------------------------------------------------------------------------
 *
 * run_resync.c
 *	  Copies tables again: those that the user asked for, and those whose rows
 *	  a statement of the source changed in a way that the log does not have.
 *
 * A snapshot is opened, the source says what the tables look like now, and in
 * one transaction the tables are emptied, brought to that shape, filled, and
 * noted with the snapshot's position: changes before it are skipped when
 * the stream goes on. Tables that take part in a foreign key's action go
 * together, so that an action of a parent is in the copies of both.
 *
 * Where a snapshot does not say its position, two are known that it lies
 * between: what is in the first, by GTID, is skipped, what comes up to
 * the second is applied so that twice does no harm. A table without a key has
 * a snapshot of its own then, which is exact.
 *
 * The task worker does that between two streams, while the rest of the task
 * waits; or a copy worker does, while the task worker goes on (run_parallel.c).
 * The latter leaves the shape of tables alone: where the source's is another,
 * it leaves them to the former.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "core/attempt.h"
#include "store/table.h"
#include "miscadmin.h"
#include "schema/mysql_ddl.h"
#include "tables/describe.h"
#include "transform/shape.h"
#include "transform/shape_rows.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/left_tables.h"
#include "worker/resync_shape.h"
#include "worker/zero_dates.h"

#define LOAD_CHUNK (64 * 1024)
/* So often a snapshot is taken again because of DDL after it. */
#define RESYNC_TRIES 50

typedef struct Resync
{
	TaskRun    *run;
	MemoryContext cxt;
	SourceConn *conn;			/* that holds the snapshot */
	char	   *snapshot;		/* position that it has all before, */
	char	   *high;			/* and nothing after */
	SourceRelation *keyless;	/* for which the snapshot stands exactly at high,
								 * where it does not for all */
	char	   *applied;		/* where the stream goes on */
	List	   *tables;			/* TableDef * of the source before the snapshot;
								 * NIL: the log has what they are */
	bool		more;			/* some are left for another time */
	CopySlot   *slot;			/* of the copy worker that does it; or NULL */
	List	   *chosen;			/* SourceRelation *: rels, and those left */
	char	   *described;		/* position after the source was asked, and after
								 * rows were read: DDL before it may be in both */
	List	   *rels;			/* SourceRelation *: to be copied */
	List	   *pairs;			/* PlanPair * of all tables */
	PlanOptions *plan;
	bool		reading;		/* rows of one of them */
	bool		altered;		/* one of them is another by now */
} Resync;

bool
task_wants_resync(TaskRun *run)
{
	return store_tables_wait(run->task->id);
}

/* ------------------------------------------------------------------ which */

/*
 * All that the foreign keys' actions of the tables reach; parents: and all
 * whose actions reach them.
 */
static void
choose_tied(Resync *r, bool parents)
{
	TaskRun    *run = r->run;
	bool		more = true;

	while (more)
	{
		more = false;
		for (int i = 0; i < run->nrels; i++)
		{
			SourceRelation *rel = run->rels[i];
			ListCell   *lc;

			if (list_member_ptr(r->rels, rel) || rel->def->columns == NIL ||
				rel->resync_step > RESYNC_ASKED)
				continue;
			foreach(lc, r->rels)
			{
				SourceRelation *other = lfirst(lc);

				if (!resync_is_child(rel->def, other->def) &&
					!(parents && resync_is_child(other->def, rel->def)))
					continue;
				r->rels = lappend(r->rels, rel);
				more = true;
				break;
			}
		}
	}
}

/* Marked tables, and those that go with them. */
static void
choose(Resync *r)
{
	TaskRun    *run = r->run;

	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i]->resync &&
			run->rels[i]->resync_step == (r->slot ? RESYNC_COPYING : RESYNC_NONE))
			r->rels = lappend(r->rels, run->rels[i]);
	/* of the others run_parallel.c has seen to that */
	if (r->slot == NULL)
		choose_tied(r, false);
}

/* ------------------------------------------------------------ definitions */

/*
 * Sets the pairs to what the source has now; a table that it has not is no
 * longer among those to be copied.
 */
static void
look_up(Resync *r)
{
	List	   *tables = resync_describe(r->run, r->rels);
	List	   *found = NIL;
	List	   *settled;
	ListCell   *lc;

	r->described = r->run->source->current_position(r->run->conn);
	r->pairs = task_pairs(r->run);
	settled = r->run->source->logs_shapes ?
		resync_settle_names(r->run, r->rels, tables, r->high, r->applied) : r->rels;
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		PlanPair   *pair = task_pair_of(r->pairs, rel->table_id);
		TableDef   *def = resync_find_def(tables, rel);
		const char *why = resync_why_not(r->run, rel, def, settled);

		if (def == NULL && resync_is_gone(r->run, rel, r->described, r->applied))
		{
			resync_let_go(r->run, rel);
			continue;
		}
		resync_note_wait(r->run->task->id, rel, why);
		/* DDL that is still to come in the log shapes the table, and names it */
		if (why != NULL)
			continue;
		if (r->tables != NIL)
		{
			TableDef   *was = resync_find_def(r->tables, rel);

			if (was == NULL || !resync_same_shape(was, def))
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("table \"%s\".\"%s\" was altered while a snapshot was taken",
								rel->schema, rel->name)));
		}
		shape_columns(r->run->selection, def, NULL);
		resync_take_targets(def, rel->def);
		if (r->run->source->logs_shapes && rel->def->columns != NIL)
			resync_name_new(def, r->run->options->name_case);
		if (rel->def->columns != NIL && pair != NULL &&
			shape_leaves_out(r->run->selection, rel->schema, rel->name,
							 OPERATION_ALTER_TABLE))
		{
			/* nothing is altered */
			shape_freeze(def, rel->def);
			pair->before = def;
		}
		if (pair == NULL)
		{
			pair = palloc0(sizeof(PlanPair));
			pair->id = rel->table_id;
			r->pairs = lappend(r->pairs, pair);
		}
		resync_look_at_values(r->run, def, rel->def);
		pair->after = def;
		pair->emptied = true;
		found = lappend(found, rel);
	}
	r->rels = found;
}

/* --------------------------------------------------------------- snapshot */

/*
 * A snapshot between two positions: what lies in the first is known to be in
 * it. Of tables without a key one at a time has an exact one.
 */
static void
open_inexact(Resync *r, SourceSnapshot *snapshot)
{
	TaskRun    *run = r->run;
	List	   *rels = NIL;
	char	   *start;
	ListCell   *lc;

	/*
	 * Nobody who follows an action of a parent could know whether the copy of
	 * the child has it already: parents are copied, too.
	 */
	if (r->slot == NULL)
		choose_tied(r, true);
	r->tables = run->source->describe(run->conn, resync_schemas(r->rels));
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		TableDef   *def = resync_find_def(r->tables, rel);

		if (def != NULL && model_row_key(def) == NULL)
		{
			if (r->keyless != NULL)
			{
				if (!rel->resync)
					task_mark_resync(run, rel->table_id,
									 "its foreign key acts on it");
				r->more = true;
				continue;
			}
			r->keyless = rel;
		}
		rels = lappend(rels, rel);
	}
	r->rels = rels;
	/* what the snapshot has all of that is open already, a later one has, too */
	if (r->snapshot == NULL)
	{
		start = run->source->start_position(run->conn);
		if (start == NULL)
			return;
		r->snapshot = run->source->position_by_gtid(start);
		if (r->snapshot == NULL)
			r->snapshot = start;
	}
	if (r->keyless != NULL)
		run->source->open_table_snapshot(r->conn, run->info, r->keyless,
										 snapshot);
	else
		run->source->open_snapshot(r->conn, NULL, snapshot);
	r->high = snapshot->high;
}

static void
open_snapshot(Resync *r)
{
	TaskRun    *run = r->run;
	SourceSnapshot snapshot = {0};

	r->conn = run->source->connect(run->info);
	/* DDL that changes no row is not noticed when rows are read */
	if (!run->source->rows_notice_ddl)
		r->tables = run->source->describe(run->conn, resync_schemas(r->rels));
	run->source->open_snapshot(r->conn, NULL, &snapshot);
	r->snapshot = snapshot.low;
	r->high = snapshot.high;
	if (!snapshot.exact)
		open_inexact(r, &snapshot);
	r->applied = r->slot == NULL ? NULL :
		store_table_resync_from(((SourceRelation *) linitial(r->chosen))->table_id);
	if (r->applied == NULL)
		r->applied = task_applied(run);
	if (r->snapshot == NULL || r->high == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source does not say at which position a snapshot stands"),
				 errhint("Switch its binary log on. " SOURCE_NEW_TASK_HINT)));
	/* what is applied does not come again */
	if (!task_snapshot_has(run, r->snapshot, r->applied))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the snapshot lacks transactions that are applied already"),
				 errdetail("The snapshot has all before %s, applied is %s.",
						   r->snapshot, r->applied),
				 errhint("Transactions wait at the source between its log and their end, perhaps for a replica that acknowledges them.")));
}

static char *
low_of(Resync *r, const SourceRelation *rel)
{
	return rel == r->keyless ? r->high : r->snapshot;
}

/* ------------------------------------------------------------------- rows */

static void
look_again(void *arg)
{
	Resync	   *r = arg;

	r->altered = resync_is_altered(r->run, r->tables, r->rels);
}

/*
 * A row that does not fit may be one of a table that was altered, or exchanged
 * its name with another, after it was described.
 */
static bool
is_excused(Resync *r, int sqlerrcode)
{
	if (!r->reading || !task_is_row_error(sqlerrcode))
		return false;
	StartTransactionCommand();
	MemoryContextSwitchTo(r->cxt);
	if (attempt(look_again, r) != NULL)
		r->altered = false;
	AbortOutOfAnyTransaction();
	return r->altered;
}

typedef struct ProducerState
{
	Resync	   *r;
	SourceRelation *rel;
	SourceRows *rows;
	char	   *position;		/* of rows that no snapshot has, else NULL */
	uint64		nrows;
	uint64		nbytes;
} ProducerState;

static void
meanwhile(void *arg)
{
	TaskRun    *run = arg;

	shared_heartbeat(run->shared);
	task_tick(run);
}

/* LoadProducer */
static bool
produce(void *arg, StringInfo buf)
{
	ProducerState *st = arg;
	bool		more = true;
	TaskRun    *run = st->r->run;
	Throttle   *throttle = &run->shared->full;
	uint64		portion = throttle_portion(throttle);
	int			start = buf->len;
	uint64		n = 0;

	CHECK_FOR_INTERRUPTS();
	if (st->r->slot == NULL)
		shared_heartbeat(run->shared);
	while (buf->len < LOAD_CHUNK && n < portion &&
		   (more = shape_next_copy(run->source->next_copy, st->rows, st->rel, buf)))
		n++;
	zero_dates_check(run->task, st->rel);
	st->nrows += n;
	st->nbytes += buf->len - start;
	pg_atomic_fetch_add_u64(&run->shared->rows_total, n);
	pg_atomic_fetch_add_u64(&run->shared->bytes_total, buf->len - start);
	if (st->r->slot != NULL)
	{
		pg_atomic_write_u64(&st->r->slot->rows, st->nrows);
		pg_atomic_write_u64(&st->r->slot->bytes, st->nbytes);
		throttle_pay(throttle, 0, n, buf->len - start);
	}
	else
		throttle_wait(throttle, throttle_take(throttle, 0, n, buf->len - start),
					  meanwhile, run);
	return more;
}

static void
copy_rows(Resync *r, SourceRelation *rel, ProducerState *st)
{
	TaskRun    *run = r->run;
	SourceConn *held = NULL;
	uint64		loaded;

	memset(st, 0, sizeof(*st));
	st->r = r;
	st->rel = rel;
	if (r->slot != NULL)
		r->slot->table_id = rel->table_id;
	if (run->source->hold_tables)
		held = run->source->hold_tables(run->info, list_make1(rel), &st->position);
	/* no snapshot notices it */
	if (held != NULL && resync_is_altered(run, r->tables, list_make1(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("table \"%s\".\"%s\" was altered before it was locked",
						rel->schema, rel->name)));
	r->reading = true;
	st->rows = run->source->open_rows(r->conn, rel, NULL);
	if (held != NULL)
		run->source->close(held);
	loaded = run->dest->load(rel->out, produce, st, LOAD_APPEND);
	run->source->close_rows(st->rows);
	r->reading = false;
	if (loaded != st->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source gave " UINT64_FORMAT " rows of table %s.%s, but "
						UINT64_FORMAT " were stored", st->nrows, rel->schema,
						rel->name, loaded),
				 errhint("A rule or a trigger of the destination that is enabled for replicas is at work: ALTER TABLE %s DISABLE TRIGGER ALL, or DISABLE RULE.",
						 plan_table_name(rel->def))));
	/*
	 * What altered the table since the snapshot is noticed now, or it is not:
	 * MySQL 5.6 gives no rows, and no error.
	 */
	r->described = run->source->current_position(r->conn);
}

static void
log_copied(Resync *r, const SourceRelation *rel, const ProducerState *st)
{
	task_log_event(r->run->task->id, "info",
				   psprintf("table \"%s\".\"%s\" is copied again: " UINT64_FORMAT " rows",
							rel->schema, rel->name, st->nrows),
				   psprintf("Its snapshot stood at %s.%s", st->position ? st->position : low_of(r, rel),
							r->slot ? " The rest of the task went on meanwhile." : ""),
				   NULL, NULL);
}

static void
copy_table(Resync *r, SourceRelation *old)
{
	TaskRun    *run = r->run;
	ProducerState st;
	SourceRelation *rel;

	store_table_put_ready(old->table_id, low_of(r, old), r->high, r->described);
	rel = task_open_relation(run, r->cxt, old->table_id, r->conn);
	copy_rows(r, rel, &st);
	if (st.position != NULL)
		store_table_set_zone(rel->table_id, st.position, st.position);
	store_table_copied_again(rel->table_id, (int64) st.nrows, (int64) st.nbytes,
							 r->described);
	log_copied(r, old, &st);
}

/*
 * Foreign keys last. Where the tables at its ends stand at different
 * positions, rows may not fit yet: then new rows alone are checked.
 */
static void
make_foreign_keys(List *foreign_keys)
{
	ListCell   *lc;

	foreach(lc, foreign_keys)
	{
		PlanStatement *st = lfirst(lc);

		task_spi(psprintf("%s NOT VALID", st->sql));
	}
}

/*
 * Versions of all that is copied, changed or not: they hold from the snapshot.
 * What goes with them holds at once, as does what a copy that is known by
 * GTIDs has (see snap_set).
 */
static void
store(Resync *r)
{
	ListCell   *lc;
	ListCell   *lc2;

	resync_free_names(r->rels, r->pairs);
	foreach(lc, r->pairs)
	{
		PlanPair   *pair = lfirst(lc);
		char	   *from = r->applied;

		foreach(lc2, r->rels)
		{
			SourceRelation *rel = lfirst(lc2);

			if (rel->table_id != pair->id)
				continue;
			pair->differs = true;
			if (r->run->source->position_has_place(low_of(r, rel)))
				from = low_of(r, rel);
			break;
		}
		task_store_pairs(r->run, list_make1(pair), from, NULL);
	}
}

static void
run_plan(Resync *r, PlanChange *change, List **foreign_keys)
{
	char	   *why = NULL;

	if (!task_try_plan(r->run, r->pairs, change, foreign_keys, &why))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables could not be altered to be copied again: %s",
						why ? why : "their rows do not fit"),
				 errhint("Remove what is in the way at the destination.")));
}

/*
 * -------------------------------------------------------- in parallel with the
 * rest
 */

/* Does it take more than rows to have the tables as the source has them? */
static bool
takes_more(Resync *r, int wanted)
{
	ListCell   *lc;

	if (list_length(r->rels) < wanted)
		return true;
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		PlanPair   *pair = task_pair_of(r->pairs, rel->table_id);

		if (rel->def->columns == NIL || !task_same_table(rel->def, pair->after))
			return true;
	}
	return !r->run->source->logs_shapes && r->run->task->do_schema &&
		plan_change(r->pairs, r->plan, 0)->run != NIL;
}

/*
 * The catalog comes last: nobody waits for a row of it while rows are copied.
 * The task worker may have given the copy up meanwhile.
 */
static void
note_copied(Resync *r, SourceRelation *rel, const ProducerState *st)
{
	if (!store_table_note_copied(rel->table_id, st->position ? st->position : low_of(r, rel),
								 st->position ? st->position : r->high, r->described,
								 (int64) st->nrows, (int64) st->nbytes, r->applied))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the copy of table \"%s\".\"%s\" is not wanted any more",
						rel->schema, rel->name)));
	log_copied(r, rel, st);
}

static void
copy_parallel(Resync *r)
{
	ProducerState *states = palloc0(sizeof(ProducerState) * list_length(r->rels));
	ListCell   *lc;
	int			i = 0;

	resync_empty(r->run, r->rels);
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);

		copy_rows(r, task_open_to_copy(r->run, r->cxt, rel->table_id, r->conn),
				  &states[i++]);
	}
	/* the snapshot still holds up DDL at the source: that comes after this */
	store(r);
	i = 0;
	foreach(lc, r->rels)
		note_copied(r, lfirst(lc), &states[i++]);
}

/* All that was chosen is copied, or knows what it waits for. */
static void
parallel_once(Resync *r)
{
	int			wanted;
	bool		waits;
	ListCell   *lc;

	choose(r);
	if (r->rels == NIL)
		return;
	r->chosen = r->rels;
	open_snapshot(r);
	wanted = list_length(r->rels);
	look_up(r);
	r->plan = plan_options(r->run->options, r->run->selection);
	waits = takes_more(r, wanted);
	if (!waits)
		copy_parallel(r);
	foreach(lc, r->chosen)
		store_table_leave_copying(((SourceRelation *) lfirst(lc))->table_id, waits ? NULL : "asked");
}

/* ------------------------------------------------------------------ entry */

/* Returns whether some tables are left for another time. */
static bool
resync_once(Resync *r)
{
	TaskRun    *run = r->run;
	CopySlot   *slot = r->slot;
	MemoryContext old = CurrentMemoryContext;
	List	   *foreign_keys = NIL;
	PlanChange *change;
	ListCell   *lc;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(r->cxt);
	if (slot != NULL)
	{
		task_open_relations(run);
		MemoryContextSwitchTo(r->cxt);
		parallel_once(r);
	}
	else
	{
		choose(r);
		if (r->rels != NIL)
		{
			open_snapshot(r);
			look_up(r);
		}
	}
	if (slot == NULL && r->rels != NIL)
	{
		r->plan = plan_options(run->options, run->selection);
		resync_empty(run, r->rels);
		if (!run->source->logs_shapes)
		{
			change = plan_change(r->pairs, r->plan, 0);
			change->run = shape_plan_change(run->selection, change->run);
			foreach(lc, r->pairs)
			{
				PlanPair   *pair = lfirst(lc);

				if (pair->before == NULL && pair->after != NULL &&
					run->task->do_schema && run->options->conflict == CONFLICT_REPORT)
					left_make_room(run, pair->after->target_schema,
								   pair->after->target_name, pair->id);
				if (pair->before == NULL && pair->after != NULL)
					change->run = plan_new_table(r->plan, change->run, pair->after);
			}
			if (run->task->do_schema)
				run_plan(r, change, &foreign_keys);
		}
		store(r);
		foreach(lc, r->rels)
			copy_table(r, lfirst(lc));
		make_foreign_keys(foreign_keys);
	}
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	return r->more;
}

/* Did DDL at the source come between the snapshot and the look at it? */
static bool
is_passing(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlerrcode == ERRCODE_UNDEFINED_TABLE ||
		sqlerrcode == ERRCODE_UNDEFINED_COLUMN ||
		sqlerrcode == ERRCODE_UNDEFINED_SCHEMA ||
		sqlerrcode == MAKE_SQLSTATE('4', '2', 'S', '2', '2') ||
		sqlerrcode == MAKE_SQLSTATE('4', '2', 'S', '0', '2');
}

static bool
resync_again(TaskRun *run, CopySlot *slot)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile int tries;

	for (tries = 1;; tries++)
	{
		volatile bool done = false;
		volatile bool more = false;
		MemoryContext work = AllocSetContextCreate(run->cxt, "dtsmig resync",
												   ALLOCSET_DEFAULT_SIZES);
		Resync	   *r = MemoryContextAllocZero(work, sizeof(Resync));

		r->run = run;
		r->slot = slot;
		r->cxt = work;
		PG_TRY();
		{
			more = resync_once(r);
			done = true;
		}
		PG_CATCH();
		{
			ErrorData  *edata;
			/* something is to be committed first, then it will do */
			bool		settles = zero_dates_wait() || run->labels != NIL;
			bool		later;
			bool		rows_later;

			MemoryContextSwitchTo(cxt);
			edata = CopyErrorData();
			later = !settles && types_may_fit_later(run, edata->sqlerrcode);
			rows_later = !settles && !later && r->reading &&
				task_is_row_error(edata->sqlerrcode) &&
				resync_rows_may_fit(run, r->high, r->applied, edata);
			FlushErrorState();
			AbortOutOfAnyTransaction();
			if (!settles && !later && !rows_later &&
				(tries >= RESYNC_TRIES || (!is_passing(edata->sqlerrcode) &&
										   !is_excused(r, edata->sqlerrcode))))
			{
				MemoryContextSwitchTo(cxt);
				MemoryContextDelete(work);
				ReThrowError(edata);
			}
			MemoryContextSwitchTo(cxt);
			if (zero_dates_wait())
				zero_dates_settle(run->task, run->options->alert_function);
			if (run->labels != NIL)
				task_commit_labels(run);
			if (later)
				types_leave_for_later(run, slot != NULL, edata);
			if (rows_later)
				resync_leave_rows(run, r->high, slot != NULL, edata);
			done = later || rows_later;
		}
		PG_END_TRY();
		/* closes the connection, whose snapshot holds up DDL at the source */
		MemoryContextDelete(work);
		if (done)
			return more;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(100000L);
	}
}

bool
task_resync(TaskRun *run)
{
	return resync_again(run, NULL);
}

void
resync_parallel(TaskRun *run, CopySlot *slot)
{
	(void) resync_again(run, slot);
}
