/*-------------------------------------------------------------------------
 *
 * run_commit.c
 *	  What was gathered of the source's log is committed, together with where
 *	  it ends; and what the views show of that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_follow.h"

#include "access/xact.h"
#include "core/error_place.h"
#include "store/skip.h"
#include "store/position.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/*
 * What was taken is committed when the source sends no more for GATHER_MS, or
 * for PAUSE_MS where the last commit is that long ago: a transaction that comes
 * alone is visible at once, and under load there are no more commits than one
 * each GATHER_MS.
 */
#define GATHER_MS	10
#define PAUSE_MS	1

/* A batch takes that long at least while tables are copied in parallel. */
#define PARALLEL_BATCH_MS 1000

/* How often the distance to the log's end is asked. */
#define DISTANCE_MS 2000

/* In the transaction of the changes that left them so. */
static void
mark_torn(Follow *f)
{
	TaskRun    *run = f->run;

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];

		if (rel->out->torn == NULL || rel->out->torn_noted || rel->resync)
			continue;
		task_mark_resync(run, rel->table_id, rel->out->torn);
		rel->out->torn_noted = true;
		f->marked = true;
	}
}

void
follow_write_position(void *arg)
{
	Follow	   *f = arg;

	store_position_advance(f->run->task->id, f->position, f->commit_time,
						   f->new_changes, f->new_transactions);
	mark_torn(f);
	if (!f->run->behind)
		f->run->dest->set_position(f->position);
	if (f->in_sync)
		parallel_finish(f->run);
}

void
follow_note_refused(Follow *f, const char *where, const char *what)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_skip_refuse(f->run->task->id, where, what);
	PopActiveSnapshot();
	CommitTransactionCommand();
	error_place_set_skippable();
}

/*
 * SkipTest. What is skipped goes into the log of the task with the rows
 * around it; a statement that the user has given in its place runs in it.
 */
bool
follow_skips(void *arg, const char *where, const char *what)
{
	Follow	   *f = arg;
	TaskRun    *run = f->run;
	MemoryContext old = CurrentMemoryContext;
	char	   *instead = NULL;
	bool		skip;

	if (!IsTransactionState())
		StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(old);
	skip = store_skip_wanted(run->task->id, where, &instead);
	if (skip && instead != NULL && !run->behind)
	{
		run->dest->flush(f->writer);
		task_spi_script(instead);
	}
	if (skip)
		task_log_event(run->task->id, "warning", psprintf(EVENT_SKIPPED "%s", what),
					   psprintf("At %s.", where), NULL, NULL);
	PopActiveSnapshot();
	if (!skip)
	{
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(old);
		follow_note_refused(f, where, what);
	}
	else if (f->new_changes++ == 0)
		f->batch_started = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	return skip;
}

/* For messages: where the source's log is. */
static void
position_context(void *arg)
{
	Follow	   *f = arg;

	if (f->run->applied != NULL)
		errcontext("following the source's log, applied up to %s", f->run->applied);
}

void
follow_push_context(Follow *f, ErrorContextCallback *context)
{
	context->callback = position_context;
	context->arg = f;
	context->previous = error_context_stack;
	error_context_stack = context;
}

void
follow_show_idle(Follow *f, char *position)
{
	if (f->idle)
		pfree(f->idle);
	f->idle = position ? MemoryContextStrdup(f->run->cxt, position) : NULL;
}

void
follow_publish(Follow *f)
{
	TaskShared *shared = f->run->shared;
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (now - f->rate_time) / (double) USECS_PER_SEC;
	double		latency = f->latency;

	/* what waits is late, too */
	if (latency >= 0 && (f->in_transaction || f->new_changes > 0))
		latency += (now - f->last_stored) / (double) USECS_PER_SEC;

	if (f->position && (f->run->applied == NULL ||
						strcmp(f->run->applied, f->position) != 0))
	{
		if (f->run->applied)
			pfree(f->run->applied);
		f->run->applied = MemoryContextStrdup(f->run->cxt, f->position);
	}
	SpinLockAcquire(&shared->mutex);
	shared->heartbeat = now;
	shared->changes = f->changes;
	shared->latency_seconds = latency;
	if (f->position)
		shared_set_position(shared->applied_position, f->idle ? f->idle : f->position);
	if (seconds >= 1.0)
		shared->changes_per_second = (f->changes - f->rate_changes) / seconds;
	SpinLockRelease(&shared->mutex);
	if (seconds >= 1.0)
	{
		f->rate_time = now;
		f->rate_changes = f->changes;
	}
}

void
follow_ask_distance(Follow *f)
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
		shared_set_position(run->shared->source_position, end);
	SpinLockRelease(&run->shared->mutex);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

void
follow_commit_at(Follow *f, char *position)
{
	TaskRun    *run = f->run;
	TimestampTz now;

	if (f->position)
		pfree(f->position);
	f->position = position;
	run->dest->commit(f->writer, follow_write_position, f);
	MemoryContextSwitchTo(run->cxt);
	run->reported = list_concat(run->reported, f->alerts);
	f->alerts = NIL;
	if (run->info->keep_from == NULL)
		run->source->confirm(f->stream, f->position);
	f->changes += f->new_changes;
	pg_atomic_fetch_add_u64(&run->shared->changes_total, f->new_changes);
	f->new_changes = f->new_transactions = 0;
	f->unstored = false;
	follow_show_idle(f, NULL);
	now = GetCurrentTimestamp();
	f->last_stored = f->batch_started = now;
	f->latency = f->commit_time ? Max(0, (now - f->commit_time) / (double) USECS_PER_SEC) : 0;
	follow_publish(f);
}

bool
follow_batch_is_due(Follow *f, int64 delay)
{
	if (f->new_changes == 0)
		return false;
	if (f->run->copying_parallel)
		delay = Max(delay, PARALLEL_BATCH_MS);
	return delay == 0 || f->new_changes >= f->run->options->batch_rows ||
		TimestampDifferenceExceeds(f->batch_started, GetCurrentTimestamp(),
								   (int) delay);
}

long
follow_gather_ms(Follow *f)
{
	long		since = TimestampDifferenceMilliseconds(f->last_stored,
														GetCurrentTimestamp());

	return since >= GATHER_MS - PAUSE_MS ? PAUSE_MS : GATHER_MS - since;
}

/* Commits what has been gathered; the stream is between two transactions. */
void
follow_commit(Follow *f)
{
	follow_commit_at(f, f->run->source->stream_position(f->stream));
	if (unlikely(f->skipped.count != f->skipped.reported) && !f->in_transaction)
		task_report_skipped(f->run, &f->skipped);
}

char *
follow_applied_position(Follow *f)
{
	StorePosition *position;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(f->run->cxt);
	position = store_position_load(f->run->task->id);
	if (position != NULL)
		f->changes = position->changes;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(f->run->cxt);
	return position ? position->applied : f->run->task->start_position;
}
