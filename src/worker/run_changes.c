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

#include "worker/run_follow.h"

#include "check/local_source.h"
#include "worker/zero_dates.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How often an idle stream's position goes into the catalog. */
#define IDLE_STORE_MS 1000
/* The same of this database, whose log grows by each of them. */
#define IDLE_STORE_LOCAL_MS 60000
/* How often the source's sequences are asked for. */
#define SEQUENCES_MS 10000
/* The source is asked so often whether all is still published. */
#define CHECK_MS 5000
/* How often the catalog is asked for tables to be copied again. */
#define ASK_RESYNC_MS 1000
/* Bytes of changes that a throttle is paid for at a time. */
#define PAY_BYTES (64 * 1024)

static void
index_relations(Follow *f)
{
	if (f->tables != NULL)
		hash_destroy(f->tables);
	f->tables = task_index_relations(f->run);
}

static void bind_relations(Follow *f);

static SourceRelation *
lookup_relation(void *arg, const char *id, const char *schema,
				const char *table, SourcePos pos)
{
	Follow	   *f = arg;
	SourceRelation *rel = task_indexed_relation(f->tables, id, schema, table);

	/* at no place: it is asked whether it is followed */
	if (unlikely(f->run->behind) && pos.segment != PG_UINT64_MAX)
	{
		MemoryContext old = CurrentMemoryContext;

		/* it has been written */
		if (source_pos_cmp(pos, f->run->ledger_end) < 0)
			return NULL;
		f->run->behind = false;
		bind_relations(f);
		MemoryContextSwitchTo(old);
		rel = task_indexed_relation(f->tables, id, schema, table);
	}
	if (rel == NULL || rel->resync || task_definition_passes(f->run, rel, pos) ||
		task_copy_has(f->run, rel, pos) || parallel_passes(f->run, rel, pos))
		return NULL;
	return rel;
}

static bool
may_be_early(void *arg, SourcePos pos, uint32 xid)
{
	Follow	   *f = arg;

	f->early = f->for_good && !f->run->behind && early_may_begin(f->run, pos, xid);
	return f->early;
}

static bool
same_mark(void *arg, const char *id, const char *mark)
{
	return task_same_mark(((Follow *) arg)->run, ((Follow *) arg)->tables, id, mark);
}

static bool
is_selected(void *arg, const char *schema, const char *table)
{
	Follow	   *f = arg;

	return task_selects(f->run, schema, table);
}

static bool
is_copied(void *arg, SourcePos pos)
{
	return task_all_copied(((Follow *) arg)->run, pos);
}

/* ------------------------------------------------------------ committing */

/* Does the source still report all that the task follows? */
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

/* Between two transactions at the destination and at the source. */
static void
follow_sequences(Follow *f)
{
	TimestampTz now = GetCurrentTimestamp();

	if (f->new_changes > 0 || f->in_transaction || !f->run->task->consistent ||
		!TimestampDifferenceExceeds(f->last_sequences, now, SEQUENCES_MS))
		return;
	f->last_sequences = now;
	/* at the destination it is a definition, which is altered at the end */
	if (!f->run->dest->mysql_sql)
		task_advance_sequences(f->run);
}

/* What was read again is all applied, and nothing that comes after it. */
static void
end_replay(Follow *f)
{
	f->in_sync = true;
	follow_commit_at(f, MemoryContextStrdup(f->run->cxt, f->run->replay_until));
	f->in_sync = false;
}

/* Tables that wait to be copied again are nobody's to write. */
static void
set_relations(Follow *f)
{
	SourceRelation **rels = palloc(sizeof(SourceRelation *) *
								   Max(f->run->nrels, 1));
	int			n = 0;

	for (int i = 0; i < f->run->nrels; i++)
		if (!f->run->rels[i]->resync && !f->run->behind)
			rels[n++] = f->run->rels[i]->out;
	follow_list_copies(f);
	f->run->dest->set_relations(f->writer, rels, n);
	pfree(rels);
}

static void
open_writer(Follow *f)
{
	TaskRun    *run = f->run;
	DestOptions options;

	options.batch_rows = run->options->batch_rows;
	options.batch_bytes = run->options->batch_memory * INT64CONST(1048576);
	options.overwrite = run->options->conflict == CONFLICT_IGNORE;
	options.changed_only = run->task->reverse_of != 0;
	f->writer = run->writer = run->dest->open(&options);
	set_relations(f);
}

/* What it has not committed is gone. */
static void
close_writer(Follow *f)
{
	f->run->dest->abort(f->writer);
	f->run->dest->close(f->writer);
	f->writer = f->run->writer = NULL;
	f->alerts = NIL;
}

/* ------------------------------------------- transactions reported in progress */

/* What was gathered before is committed: it stays if this one is void. */
static void
begin_early(Follow *f)
{
	if (f->new_changes > 0 || f->new_transactions > 0)
		follow_commit(f);
}

static void
end_early(Follow *f, bool done)
{
	if (f->early)
		early_ended(done);
	f->early = false;
}

/* Nothing of it was, for now. */
static void
void_early(Follow *f)
{
	end_early(f, false);
	close_writer(f);
	MemoryContextSwitchTo(f->run->cxt);
	open_writer(f);
	f->in_transaction = false;
	f->new_changes = 0;
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
	follow_ask_distance(f);
	check_source(f);
	task_tick(f->run);
}

/* While a throttle delays what comes. */
static void
meanwhile(void *arg)
{
	Follow	   *f = arg;

	follow_publish(f);
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
		follow_commit(f);
	throttle_wait(throttle, until, meanwhile, f);
}

/*
 * The row at hand has a zero date for a column that is NOT NULL: it is not
 * any more before the row is taken, in the transaction of the row.
 */
static void
allow_zero_dates(Follow *f, SourceRelation *rel)
{
	TaskRun    *run = f->run;
	MemoryContext old = MemoryContextSwitchTo(run->cxt);

	if (!IsTransactionState())
		StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->cxt);
	f->alerts = list_concat(f->alerts, zero_dates_allow(run->task, rel));
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

static void
take_row(Follow *f, Change *change)
{
	SourceRelation *rel = change->rel;

	if (unlikely(rel->applied != OPERATION_ALL && task_leaves_out(change)))
	{
		f->skipped.count++;
		return;
	}
	if (unlikely(rel->zero_seen) && f->run->task->do_schema)
		allow_zero_dates(f, rel);
	change->pos = f->transaction_start;
	/* the destination has it */
	if (unlikely(f->run->behind) && change_is_before(change, f->run->ledger_end))
		return;
	change->lenient = false;
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
						  &f->skipped);
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
 * A relation per table of ids is made again, taken in, or given up, as the
 * catalog have it now; in the transaction that is open, or one of its own.
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

/* The destination's tables are those of the definitions now. */
static void
bind_relations(Follow *f)
{
	TaskRun    *run = f->run;
	List	   *ids = NIL;

	for (int i = 0; i < run->nrels; i++)
	{
		int64	   *id = palloc(sizeof(int64));

		*id = run->rels[i]->table_id;
		ids = lappend(ids, id);
	}
	refresh_relations(f, ids);
	list_free_deep(ids);
}

/*
 * DDL is replicated between what came before it and what comes after. Returns
 * true when tables have to be copied again before the stream goes on.
 */
static bool
take_ddl(Follow *f, const Change *change)
{
	DdlReplicated	replicated;
	bool		again;
	bool		touched = parallel_is_touched(f->run, change);

	if (f->new_changes > 0 || touched)
		follow_commit_at(f, MemoryContextStrdup(f->run->cxt, change->ddl_before));
	if (touched && parallel_yield(f->run, !f->in_transaction))
	{
		f->boundary = true;
		return true;
	}
	if (f->position)
		pfree(f->position);
	f->position = MemoryContextStrdup(f->run->cxt,
									  f->run->source->stream_position(f->stream));
	f->commit_time = change->commit_time;
	task_replicate_ddl(f->run, change, f->in_transaction, f->position,
				   follow_write_position, f, &replicated);
	f->last_stored = GetCurrentTimestamp();
	again = replicated.resync || touched;
	if (!again && replicated.changed != NIL)
		refresh_relations(f, replicated.changed);
	MemoryContextDelete(replicated.cxt);
	follow_publish(f);
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
	DdlReplicated	replicated;
	bool		apart = run->dest->begun != NULL;

	if (parallel_is_touched(run, change))
	{
		/* such a source's transactions are committed whole */
		if (parallel_yield(run, true))
		{
			f->boundary = true;
			return true;
		}
		f->reopen = true;
	}
	if (apart)
		apart_begin(f, change);
	run->dest->flush(f->writer);
	task_replicate_record(run, change, run->source->position_text(change->pos),
					  &replicated);
	if (apart && apart_end(f))
		bind_relations(f);
	else if (replicated.changed != NIL)
		refresh_relations(f, replicated.changed);
	f->replicated = true;
	f->reopen |= replicated.resync;
	f->new_changes += !apart;
	MemoryContextDelete(replicated.cxt);
	MemoryContextSwitchTo(run->cxt);
	return false;
}

/*
 * The values of a row are not sent as they are by now: its table is copied
 * again when the transaction is done, over a connection that knows no older
 * catalog.
 */
static void
take_stale(Follow *f, Change *change)
{
	TaskRun    *run = f->run;
	int64		id = change->rel->table_id;

	change->pos = f->transaction_start;
	if (change_is_before(change, change->rel->snap_lo))
		return;
	run->dest->flush(f->writer);
	PushActiveSnapshot(GetTransactionSnapshot());
	task_mark_resync(run, id,
					 "A transaction wrote to it while the source altered a type of its columns.");
	PopActiveSnapshot();
	refresh_relations(f, list_make1(&id));
	f->replicated = f->reopen = true;
	f->new_changes++;
}

/* The source says where it is and that nothing is left before it. */
static void
source_is_idle(Follow *f, bool store_now)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		local = source_is_local(f->run->task);

	if (store_now || follow_batch_is_due(f, 0) || (f->new_changes == 0 &&
		TimestampDifferenceExceeds(f->last_stored, now, local ? IDLE_STORE_LOCAL_MS : IDLE_STORE_MS)))
		follow_commit(f);
	else
	{
		f->unstored = true;
		if (local && f->new_changes == 0)
			follow_show_idle(f, f->run->source->stream_position(f->stream));
	}
	f->latency = 0;
	follow_publish(f);
}

/* Does what is reported now lie after what is read again? */
static bool
replay_is_over(Follow *f, const Change *change)
{
	if (f->in_transaction || !parallel_reaches(f->run, change->pos))
		return false;
	if (change->kind == CHANGE_DDL)
		return !parallel_replicated(f->run, change->pos);
	return change->kind == CHANGE_BEGIN || change->kind == CHANGE_HEARTBEAT;
}

/*
 * Handles one change; returns true when the stream has to be opened again
 * from the last applied position.
 */
static bool
take_change(Follow *f, Change *change)
{
	if (unlikely(f->run->behind) && !follow_ledger(f, change))
		bind_relations(f);
	if (unlikely(f->run->replay_until != NULL) && replay_is_over(f, change))
	{
		end_replay(f);
		return true;
	}
	switch (change->kind)
	{
		case CHANGE_BEGIN:
			follow_show_idle(f, NULL);
			if (change->in_progress)
				begin_early(f);
			f->in_transaction = true;
			f->transaction_start = change->pos;
			f->begin_time = change->commit_time;
			if (unlikely(f->by_gtids != NIL))
				follow_place_copies(f);
			break;
		case CHANGE_INSERT:
		case CHANGE_UPDATE:
		case CHANGE_DELETE:
		case CHANGE_TRUNCATE:
			take_row(f, change);
			break;
		case CHANGE_STALE:
			take_stale(f, change);
			break;
		case CHANGE_COMMIT:
			f->in_transaction = false;
			f->commit_time = change->commit_time;
			f->new_transactions++;
			end_early(f, true);
			if (f->replicated || follow_batch_is_due(f, f->run->options->batch_delay))
				follow_commit(f);
			f->replicated = false;
			f->reported = true;
			pay(f);
			if (parallel_reaches(f->run, change->pos))
			{
				end_replay(f);
				return true;
			}
			if (f->reopen)
				return true;
			break;
		case CHANGE_ROLLBACK:
			return true;
		case CHANGE_VOID:
			void_early(f);
			break;
		case CHANGE_DDL:
			if (parallel_replicated(f->run, change->ddl_record ? f->transaction_start :
							   change->pos))
				break;
			if (change->ddl_record == NULL)
				return take_ddl(f, change);
			return take_record(f, change);
		case CHANGE_HEARTBEAT:
			f->reported = true;
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
	StreamCallbacks callbacks = {lookup_relation, is_selected, may_be_early,
	follow_skips, is_copied, same_mark, f};

	f->stream = run->stream = run->source->open_changes(run->info, position, &callbacks,
										  &run->options->policy);
	open_writer(f);
	f->in_transaction = f->early = f->replicated = f->reopen = f->reported = false;
	f->marked = false;
	f->new_changes = f->new_transactions = 0;
}

static void
close_stream(Follow *f)
{
	close_writer(f);
	f->run->source->close_changes(f->stream);
	f->stream = f->run->stream = NULL;
}

/* Does a table wait to be copied again that we do not know of, or a repair? */
static bool
resync_is_asked(Follow *f)
{
	TimestampTz now = GetCurrentTimestamp();

	if (f->in_transaction)
		return false;
	if (f->marked)
	{
		if (f->new_changes > 0)
			follow_commit(f);
		return true;
	}
	if (f->new_changes > 0 ||
		!TimestampDifferenceExceeds(f->last_asked, now, ASK_RESYNC_MS))
		return false;
	f->last_asked = now;
	return task_wants_stop(f->run) || resync_names_are_due(f->run) ||
		(f->ledger_first && !follow_ledger_leads(f->run));
}

/*
 * Has the copy of tables ended that was made in parallel? Then all that was taken
 * is committed: between two transactions of the source. A stream may begin
 * inside of one, of a source that commits DDL in one.
 */
static bool
parallel_is_done(Follow *f)
{
	if (f->in_transaction ||
		(!f->reported && f->run->source->position_text == NULL) ||
		!parallel_is_due(f->run))
		return false;
	follow_commit(f);
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
										  waiting ? follow_gather_ms(f) : 1000);
		if (change == NULL)
		{
			if (waiting && follow_batch_is_due(f, 0))
				follow_commit(f);
			else if (!waiting && f->unstored && !f->in_transaction)
				source_is_idle(f, false);
			follow_publish(f);
			housekeeping(f);
			follow_sequences(f);
			if (parallel_is_done(f) || resync_is_asked(f))
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
			(parallel_is_done(f) || resync_is_asked(f)))
			return false;
		if (until && (change->kind == CHANGE_COMMIT ||
					  change->kind == CHANGE_HEARTBEAT) && !f->in_transaction &&
			source_pos_cmp(change->pos, *until) >= 0)
		{
			source_is_idle(f, true);
			return !f->marked;
		}
	}
}

/*
 * As follow. What a transaction in progress runs into may be of a part of it
 * that rolls back: it is read again, and reported when it has committed.
 */
static bool
follow_early(Follow *f, const SourcePos *until)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool reached = false;
	ErrorContextCallback context;

	follow_push_context(f, &context);
	PG_TRY();
	{
		reached = follow(f, until);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		if (!f->early)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (!early_may_fail(edata))
			PG_RE_THROW();
		FlushErrorState();
		elog(DEBUG1, "reported again when it has committed: %s", edata->message);
		FreeErrorData(edata);
		end_early(f, false);
	}
	PG_END_TRY();
	error_context_stack = context.previous;
	return reached;
}

/* Relations as the catalog has them; what waits to be copied is copied. */
static void
open_relations(Follow *f)
{
	TaskRun    *run = f->run;
	bool		more = true;

	/* is the catalog behind the destination? */
	(void) follow_begin_position(f);
	if (run->replay_until == NULL && !run->apart_pending)
		task_repair(run);
	parallel_collect(run);
	for (;;)
	{
		bool		wait = false;

		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		task_open_relations(run);
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(run->cxt);
		if (f->for_good ? parallel_settle(run, f->boundary) : parallel_refuse(run))
		{
			/* other tables may wait by now */
			more = true;
			continue;
		}
		for (int r = 0; r < run->nrels; r++)
			wait |= run->rels[r]->resync &&
				run->rels[r]->resync_step == RESYNC_NONE;
		f->ledger_first = wait && follow_ledger_leads(run);
		if (!wait || !more || f->ledger_first)
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
		position = follow_begin_position(f);
		f->rate_changes = f->changes;
		if (position == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the source keeps no log to follow"),
					 errhint("Switch its binary log on. " SOURCE_NEW_TASK_HINT)));
		open_stream(f, position);
		reached = follow_early(f, until ? &target : NULL);
		close_stream(f);
		MemoryContextSwitchTo(run->cxt);
	}
}
