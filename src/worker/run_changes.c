/*-------------------------------------------------------------------------
 *
 * run_changes.c
 *	  Steps catchup and changes: follows the source's log.
 *
 * Source transactions are gathered into destination transactions. One is
 * committed when the source has nothing more to say, when it is large, or
 * when it has waited long enough; always between two source transactions, and
 * together with the position that it reaches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "catalog/books.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How often an idle stream's position goes into the books. */
#define IDLE_BOOK_MS 1000
/* How often the source's sequences are asked for. */
#define SEQUENCES_MS 10000
/* How often the distance to the log's end is asked. */
#define DISTANCE_MS 2000

/* The source is asked so often whether all is still published. */
#define CHECK_MS 5000
/* How often the books are asked for tables to be copied again. */
#define ASK_RESYNC_MS 1000
/* Bytes of changes that a throttle is paid for at a time. */
#define PAY_BYTES (64 * 1024)
/* A batch takes that long at least while tables are copied beside. */
#define BESIDE_BATCH_MS 1000

typedef struct Follow
{
	TaskRun    *run;
	SourceStream *stream;
	DestWriter *writer;
	HTAB	   *tables;			/* relations by name */
	char	   *position;		/* applied when the writer commits next */
	TimestampTz commit_time;	/* the source's, of the last transaction */
	TimestampTz begin_time;		/* of the transaction at hand */
	bool		in_transaction; /* between BEGIN and COMMIT of the source */
	bool		told;			/* a COMMIT or HEARTBEAT by this stream */
	bool		boundary;		/* what is applied ends between two transactions
								 * of the source, and not in one */
	bool		in_step;		/* the log has been read again up to where the
								 * task was */
	bool		for_good;		/* the task has come to its last step */
	SourcePos	transaction_start;
	bool		carried;		/* this source transaction holds DDL that is done,
								 * but not committed */
	bool		reopen;			/* and has tables copied again after it */
	int64		new_changes;	/* since the last commit here */
	int64		new_transactions;
	int64		changes;		/* ever */
	uint64		owed_rows;		/* not paid for to the throttle */
	uint64		owed_bytes;
	PassedOver	passed_over;
	double		latency;		/* seconds; < 0: unknown */
	TimestampTz batch_started;
	TimestampTz last_booked;
	bool		unbooked;		/* the idle stream's position is not in the books */
	TimestampTz last_distance;
	TimestampTz last_checked;
	TimestampTz last_sequences;
	TimestampTz last_asked;
	TimestampTz rate_time;
	int64		rate_changes;
} Follow;

static void
index_relations(Follow *f)
{
	if (f->tables != NULL)
		hash_destroy(f->tables);
	f->tables = task_index_relations(f->run);
}

static SourceRelation *
lookup_relation(void *arg, const char *schema, const char *table,
				SourcePos pos)
{
	Follow	   *f = arg;
	SourceRelation *rel = task_indexed_relation(f->tables, schema, table);

	/* what came before the definition is in the copy, see relation.h */
	if (rel == NULL || rel->resync ||
		(rel->generation > 1 && source_pos_cmp(pos, rel->def_from) < 0) ||
		task_copy_has(f->run, rel, pos) || beside_passes(f->run, rel, pos))
		return NULL;
	return rel;
}

static bool
is_selected(void *arg, const char *schema, const char *table)
{
	Follow	   *f = arg;

	return task_selects(f->run, schema, table);
}

/* ------------------------------------------------------------ committing */

/* PositionWriter: in the transaction that carries the rows. */
static void
write_position(void *arg)
{
	static void *plan = NULL;	/* one for all runs of this process */
	Follow	   *f = arg;

	(void) books_exec_kept(&plan,
						   "INSERT INTO dtsmig.task_position AS p (task_id, "
						   "applied_position, commit_time, changes, transactions) "
						   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task_id) "
						   "DO UPDATE SET applied_position = EXCLUDED.applied_position, "
						   "commit_time = EXCLUDED.commit_time, "
						   "changes = p.changes + EXCLUDED.changes, "
						   "transactions = p.transactions + EXCLUDED.transactions, "
						   "updated = pg_catalog.clock_timestamp()",
						   "itzii", f->run->task->id, f->position, f->commit_time,
						   f->new_changes, f->new_transactions);
	if (f->in_step)
		beside_finish(f->run);
}

/* What the views show, now and then. */
static void
publish(Follow *f)
{
	TaskShared *shared = f->run->shared;
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (now - f->rate_time) / 1000000.0;
	double		latency = f->latency;

	/* what waits is late, too */
	if (latency >= 0 && (f->in_transaction || f->new_changes > 0))
		latency += (now - f->last_booked) / 1000000.0;

	SpinLockAcquire(&shared->mutex);
	shared->heartbeat = now;
	shared->changes = f->changes;
	shared->latency_seconds = latency;
	if (f->position)
		strlcpy(shared->applied_position, f->position, SHARED_TEXT);
	if (seconds >= 1.0)
		shared->changes_per_second = (f->changes - f->rate_changes) / seconds;
	SpinLockRelease(&shared->mutex);
	if (seconds >= 1.0)
	{
		f->rate_time = now;
		f->rate_changes = f->changes;
	}
}

/* How far behind, asked of the source itself every few seconds. */
static void
ask_distance(Follow *f)
{
	TaskRun    *run = f->run;
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext cxt;
	MemoryContext old;
	int64		bytes;
	char	   *end;

	if (f->position == NULL ||
		!TimestampDifferenceExceeds(f->last_distance, now, DISTANCE_MS))
		return;
	f->last_distance = now;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig distance",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	bytes = run->source->log_distance(run->conn, f->position, &end);
	SpinLockAcquire(&run->shared->mutex);
	run->shared->latency_bytes = bytes;
	if (end)
		strlcpy(run->shared->source_position, end, SHARED_TEXT);
	SpinLockRelease(&run->shared->mutex);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Does the source still tell all that the task follows? */
static void
check_source(Follow *f)
{
	TaskRun    *run = f->run;
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext cxt;
	MemoryContext old;

	if (run->source->check_changes == NULL ||
		!TimestampDifferenceExceeds(f->last_checked, now, CHECK_MS))
		return;
	f->last_checked = now;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig check of the source",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	run->source->check_changes(f->stream, run->conn);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Between two transactions here and at the source. */
static void
follow_sequences(Follow *f)
{
	TimestampTz now = GetCurrentTimestamp();

	if (f->new_changes > 0 || f->in_transaction || !f->run->task->consistent ||
		!TimestampDifferenceExceeds(f->last_sequences, now, SEQUENCES_MS))
		return;
	f->last_sequences = now;
	task_advance_sequences(f->run);
}

/* Commits what has been gathered, which reaches to position. */
static void
commit_at(Follow *f, char *position)
{
	TaskRun    *run = f->run;
	TimestampTz now;

	if (f->position)
		pfree(f->position);
	f->position = position;
	run->dest->commit(f->writer, write_position, f);
	MemoryContextSwitchTo(run->cxt);
	if (run->info->keep_from == NULL)
		run->source->confirm(f->stream, f->position);
	f->changes += f->new_changes;
	pg_atomic_fetch_add_u64(&run->shared->changes_total, f->new_changes);
	f->new_changes = f->new_transactions = 0;
	f->unbooked = false;
	now = GetCurrentTimestamp();
	f->last_booked = f->batch_started = now;
	f->latency = f->commit_time ? Max(0, (now - f->commit_time) / 1000000.0) : 0;
	publish(f);
}

/* Commits what has been gathered; the stream is between two transactions. */
static void
commit_batch(Follow *f)
{
	commit_at(f, f->run->source->stream_position(f->stream));
	if (unlikely(f->passed_over.count != f->passed_over.told) && !f->in_transaction)
		task_tell_passed_over(f->run, &f->passed_over);
}

/* What was read again is all here, and nothing that comes after it. */
static void
end_replay(Follow *f)
{
	f->in_step = true;
	commit_at(f, MemoryContextStrdup(f->run->cxt, f->run->replay_until));
	f->in_step = false;
}

/* Tables that wait to be copied again are nobody's to write. */
static void
set_relations(Follow *f)
{
	SourceRelation **rels = palloc(sizeof(SourceRelation *) *
								   Max(f->run->nrels, 1));
	int			n = 0;

	for (int i = 0; i < f->run->nrels; i++)
		if (!f->run->rels[i]->resync)
			rels[n++] = f->run->rels[i]->out;
	f->run->dest->set_relations(f->writer, rels, n);
	pfree(rels);
}

/* ---------------------------------------------------------------- changes */

static void
housekeeping(Follow *f)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	ask_distance(f);
	check_source(f);
	task_tick(f->run);
}

/* While a throttle holds back what comes. */
static void
meanwhile(void *arg)
{
	Follow	   *f = arg;

	publish(f);
	housekeeping(f);
	if (f->run->source->keep_alive)
		f->run->source->keep_alive(f->stream);
}

/*
 * Pays for the changes taken. What is whole is committed before a wait: none
 * is longer than it has to be in a transaction.
 */
static void
pay(Follow *f)
{
	Throttle   *throttle = &f->run->shared->incremental;
	TimestampTz until = throttle_take(throttle, 0, f->owed_rows, f->owed_bytes);

	f->owed_rows = f->owed_bytes = 0;
	if (until == 0)
		return;
	if (f->new_changes > 0 && !f->in_transaction)
		commit_batch(f);
	throttle_wait(throttle, until, meanwhile, f);
}

static void
take_row(Follow *f, Change *change)
{
	SourceRelation *rel = change->rel;

	if (unlikely(rel->applied != OPERATION_ALL && task_leaves_out(change)))
	{
		f->passed_over.count++;
		return;
	}
	change->pos = f->transaction_start;
	if (rel->snap_elsewhere != NULL)
		change->copied = change->idempotent =
			f->run->source->stream_is_in(f->stream, rel->snap_elsewhere);
	else
	{
		change->copied = change_is_before(change, rel->snap_lo);
		change->idempotent = change_is_before(change, rel->snap_hi);
	}
	if (f->new_changes++ == 0)
		f->batch_started = GetCurrentTimestamp();
	if (change->kind == CHANGE_TRUNCATE &&
		task_truncate_own(f->run, f->writer, change))
		return;
	if (unlikely(rel->shape != NULL || rel->applied != OPERATION_ALL))
		task_apply_shaped(f->run, f->writer, change, f->begin_time,
						  &f->passed_over);
	else
		f->run->dest->change(f->writer, change);
	if (change->copied)
		return;
	f->owed_bytes += change->bytes;
	/* the rest is paid for between two transactions */
	if (++f->owed_rows >= throttle_portion(&f->run->shared->incremental) ||
		f->owed_bytes >= PAY_BYTES)
		pay(f);
}

/*
 * A relation per table of ids is made anew, taken in, or given up, as the
 * books have it now; in the transaction that is open, or one of its own.
 */
static void
refresh_relations(Follow *f, List *ids)
{
	TaskRun    *run = f->run;
	ListCell   *lc;
	bool		own = !IsTransactionState();

	if (own)
		StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->cxt);
	foreach(lc, ids)
		task_refresh_relation(run, *(int64 *) lfirst(lc));
	PopActiveSnapshot();
	if (own)
		CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	index_relations(f);
	set_relations(f);
}

/*
 * DDL is carried between what came before it and what comes after. Returns
 * true when tables have to be copied again before the stream goes on.
 */
static bool
take_ddl(Follow *f, const Change *change)
{
	DdlCarried	carried;
	bool		again;
	bool		touched = beside_is_touched(f->run, change);

	if (f->new_changes > 0 || touched)
		commit_at(f, MemoryContextStrdup(f->run->cxt, change->ddl_before));
	if (touched && beside_yield(f->run, !f->in_transaction))
	{
		f->boundary = true;
		return true;
	}
	if (f->position)
		pfree(f->position);
	f->position = MemoryContextStrdup(f->run->cxt,
									  f->run->source->stream_position(f->stream));
	f->commit_time = change->commit_time;
	task_carry_ddl(f->run, change, f->in_transaction, f->position,
				   write_position, f, &carried);
	f->last_booked = GetCurrentTimestamp();
	again = carried.resync || touched;
	if (!again && carried.changed != NIL)
		refresh_relations(f, carried.changed);
	MemoryContextDelete(carried.cxt);
	publish(f);
	return again;
}

/*
 * DDL that lies between rows of one transaction is done between them, and all
 * is committed with that transaction. Returns true when that is to be read
 * again.
 */
static bool
take_record(Follow *f, Change *change)
{
	TaskRun    *run = f->run;
	DdlCarried	carried;

	if (beside_is_touched(run, change))
	{
		/* such a source's transactions are committed whole */
		if (beside_yield(run, true))
		{
			f->boundary = true;
			return true;
		}
		f->reopen = true;
	}
	run->dest->flush(f->writer);
	task_carry_record(run, change, run->source->position_text(change->pos),
					  &carried);
	if (carried.changed != NIL)
		refresh_relations(f, carried.changed);
	f->carried = true;
	f->reopen |= carried.resync;
	f->new_changes++;
	MemoryContextDelete(carried.cxt);
	MemoryContextSwitchTo(run->cxt);
	return false;
}

/*
 * Has it been gathered long enough? Called between two source transactions.
 * The transaction of a copy that is made beside keeps each version of the
 * books' rows from being cleaned up: there are to be fewer then.
 */
static bool
batch_is_due(Follow *f, int64 delay)
{
	if (f->new_changes == 0)
		return false;
	if (f->run->copying_beside)
		delay = Max(delay, BESIDE_BATCH_MS);
	return delay == 0 || f->new_changes >= f->run->options->batch_rows ||
		TimestampDifferenceExceeds(f->batch_started, GetCurrentTimestamp(),
								   (int) delay);
}

/* The source says where it is and that nothing is left before it. */
static void
source_is_idle(Follow *f, bool book_now)
{
	TimestampTz now = GetCurrentTimestamp();

	if (book_now || batch_is_due(f, 0) || (f->new_changes == 0 &&
		TimestampDifferenceExceeds(f->last_booked, now, IDLE_BOOK_MS)))
		commit_batch(f);
	else
		f->unbooked = true;
	f->latency = 0;
	publish(f);
}

/* Does what is told now lie after what is read again? */
static bool
replay_is_over(Follow *f, const Change *change)
{
	if (f->in_transaction || !beside_reaches(f->run, change->pos))
		return false;
	if (change->kind == CHANGE_DDL)
		return !beside_carried(f->run, change->pos);
	return change->kind == CHANGE_BEGIN || change->kind == CHANGE_HEARTBEAT;
}

/*
 * Handles one change; returns true when the stream has to be opened again
 * from the last applied position.
 */
static bool
take_change(Follow *f, Change *change)
{
	if (unlikely(f->run->replay_until != NULL) && replay_is_over(f, change))
	{
		end_replay(f);
		return true;
	}
	switch (change->kind)
	{
		case CHANGE_BEGIN:
			f->in_transaction = true;
			f->transaction_start = change->pos;
			f->begin_time = change->commit_time;
			break;
		case CHANGE_INSERT:
		case CHANGE_UPDATE:
		case CHANGE_DELETE:
		case CHANGE_TRUNCATE:
			take_row(f, change);
			break;
		case CHANGE_COMMIT:
			f->in_transaction = false;
			f->commit_time = change->commit_time;
			f->new_transactions++;
			if (f->carried || batch_is_due(f, f->run->options->batch_delay))
				commit_batch(f);
			f->carried = false;
			f->told = true;
			pay(f);
			if (beside_reaches(f->run, change->pos))
			{
				end_replay(f);
				return true;
			}
			if (f->reopen)
				return true;
			break;
		case CHANGE_ROLLBACK:
			return true;
		case CHANGE_DDL:
			if (beside_carried(f->run, change->ddl_record ? f->transaction_start :
							   change->pos))
				break;
			if (change->ddl_record == NULL)
				return take_ddl(f, change);
			return take_record(f, change);
		case CHANGE_HEARTBEAT:
			f->told = true;
			if (!f->in_transaction)
				source_is_idle(f, false);
			break;
	}
	return false;
}

static void
open_stream(Follow *f, const char *position)
{
	TaskRun    *run = f->run;
	StreamCallbacks callbacks;
	DestOptions dest_options;

	callbacks.lookup = lookup_relation;
	callbacks.selected = is_selected;
	callbacks.arg = f;
	f->stream = run->stream = run->source->open_changes(run->info, position, &callbacks,
										  &run->options->policy);
	dest_options.batch_rows = run->options->batch_rows;
	dest_options.batch_bytes = run->options->batch_memory * INT64CONST(1048576);
	dest_options.overwrite = run->options->conflict == 1;
	f->writer = run->writer = run->dest->open(&dest_options);
	set_relations(f);
	f->in_transaction = f->carried = f->reopen = f->told = false;
	f->new_changes = f->new_transactions = 0;
}

static void
close_stream(Follow *f)
{
	f->run->dest->abort(f->writer);
	f->run->dest->close(f->writer);
	f->run->source->close_changes(f->stream);
	f->stream = f->run->stream = NULL;
	f->writer = f->run->writer = NULL;
}

/* Where this task goes on; NULL if it has not applied anything yet. */
static char *
applied_position(Follow *f)
{
	BookRows   *rows;
	char	   *position = NULL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(f->run->cxt);
	rows = books_query("SELECT applied_position, changes FROM dtsmig.task_position "
					   "WHERE task_id = $1", "i", f->run->task->id);
	if (rows->nrows > 0)
	{
		position = rows->values[0][0];
		f->changes = book_int(rows, 0, 1);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(f->run->cxt);
	return position ? position : f->run->task->start_position;
}

/* Does a table wait to be copied again that we do not know of, or a repair? */
static bool
resync_is_asked(Follow *f)
{
	TaskRun    *run = f->run;
	TimestampTz now = GetCurrentTimestamp();
	BookRows   *rows;
	bool		asked = false;

	if (f->new_changes > 0 || f->in_transaction ||
		!TimestampDifferenceExceeds(f->last_asked, now, ASK_RESYNC_MS))
		return false;
	f->last_asked = now;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	rows = books_query("SELECT table_id FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync' "
					   "AND resync_step IS DISTINCT FROM 'replay'", "i",
					   run->task->id);
	for (int r = 0; r < rows->nrows; r++)
	{
		bool		known = false;

		for (int i = 0; i < run->nrels; i++)
			known |= run->rels[i]->table_id == book_int(rows, r, 0) &&
				run->rels[i]->resync;
		asked |= !known;
	}
	asked |= run->replay_until == NULL && task_wants_repair(run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return asked;
}

/*
 * Has the copy of tables ended that was made beside? Then all that was taken
 * is committed: between two transactions of the source. A stream may begin
 * inside of one, of a source that commits DDL there.
 */
static bool
beside_is_done(Follow *f)
{
	if (f->in_transaction ||
		(!f->told && f->run->source->position_text == NULL) ||
		!beside_is_due(f->run))
		return false;
	commit_batch(f);
	f->boundary = true;
	return true;
}

/* Follows until the position is reached (true) or the stream must reopen. */
static bool
follow(Follow *f, const SourcePos *until)
{
	TaskRun    *run = f->run;

	for (;;)
	{
		bool		waiting = f->new_changes > 0 && !f->in_transaction;
		Change	   *change;

		change = run->source->next_change(f->stream,
										  run->dest->row_context(f->writer),
										  waiting ? 10 : 1000);
		if (change == NULL)
		{
			if (waiting && batch_is_due(f, 0))
				commit_batch(f);
			else if (!waiting && f->unbooked && !f->in_transaction)
				source_is_idle(f, false);
			publish(f);
			housekeeping(f);
			follow_sequences(f);
			if (beside_is_done(f) || resync_is_asked(f))
				return false;
			continue;
		}
		if (change->kind >= CHANGE_COMMIT || change->kind == CHANGE_BEGIN)
			housekeeping(f);
		if (take_change(f, change))
			return false;
		if (change->kind == CHANGE_HEARTBEAT || change->kind == CHANGE_COMMIT)
			follow_sequences(f);
		/* a source that is never idle must not keep repairs waiting */
		if ((change->kind == CHANGE_HEARTBEAT || change->kind == CHANGE_COMMIT) &&
			(beside_is_done(f) || resync_is_asked(f)))
			return false;
		if (until && (change->kind == CHANGE_COMMIT ||
					  change->kind == CHANGE_HEARTBEAT) && !f->in_transaction &&
			source_pos_cmp(change->pos, *until) >= 0)
		{
			run->dest->consistent(f->writer);
			source_is_idle(f, true);
			return true;
		}
	}
}

/* Relations as the books have them; what waits to be copied is copied. */
static void
open_relations(Follow *f)
{
	TaskRun    *run = f->run;
	bool		more = true;

	if (run->replay_until == NULL)
		task_repair(run);
	beside_collect(run);
	for (;;)
	{
		bool		wait = false;

		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		task_open_relations(run);
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(run->cxt);
		if (f->for_good ? beside_settle(run, f->boundary) : beside_refuse(run))
			continue;
		for (int r = 0; r < run->nrels; r++)
			wait |= run->rels[r]->resync &&
				run->rels[r]->resync_step == RESYNC_NONE;
		if (!wait || !more)
			break;
		more = task_resync(run);
		MemoryContextSwitchTo(run->cxt);
	}
	f->boundary = false;
	index_relations(f);
}

void
run_changes(TaskRun *run, const char *until)
{
	Follow	   *f = MemoryContextAllocZero(run->cxt, sizeof(Follow));
	SourcePos	target = SOURCE_POS_MIN;
	bool		reached = false;

	MemoryContextSwitchTo(run->cxt);
	f->run = run;
	f->for_good = until == NULL;
	f->latency = -1;
	f->rate_time = GetCurrentTimestamp();
	if (until)
		target = run->source->parse_position(until);

	while (!reached)
	{
		char	   *position;

		open_relations(f);
		position = applied_position(f);
		f->rate_changes = f->changes;
		if (position == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the source keeps no log to follow"),
					 errhint("Switch its binary log on, then start a new task.")));
		open_stream(f, position);
		reached = follow(f, until ? &target : NULL);
		close_stream(f);
		MemoryContextSwitchTo(run->cxt);
	}
}
