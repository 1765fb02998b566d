/*-------------------------------------------------------------------------
 *
 * run_shape.c
 *	  Changes of tables that rules give another shape, or of which they leave
 *	  out operations.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "transform/shape_rows.h"
#include "tables/shards.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/destination.h"

/* How often it is reported how many changes are skipped. */
#define REPORT_FILTERED_MS 600000

static uint32
operation_of(const Change *change)
{
	switch (change->kind)
	{
		case CHANGE_INSERT:
			return OPERATION_INSERT;
		case CHANGE_UPDATE:
			return OPERATION_UPDATE;
		case CHANGE_DELETE:
			return OPERATION_DELETE;
		default:
			return OPERATION_TRUNCATE;
	}
}

bool
task_leaves_out(const Change *change)
{
	return (change->rel->applied & operation_of(change)) == 0;
}

/*
 * TRUNCATE of a table that is not alone in its table at the destination takes
 * away its own rows. False: it is alone.
 */
bool
task_truncate_own(TaskRun *run, DestWriter *writer, const Change *change)
{
	char	   *own;

	/* a flush opens a transaction; it would end a TRUNCATE of several tables */
	if (!IsTransactionState())
		run->dest->flush(writer);
	PushActiveSnapshot(GetTransactionSnapshot());
	own = shard_own_rows(run->task->id, change->rel->table_id, run->selection);
	PopActiveSnapshot();
	if (own != NULL && !change->copied)
	{
		run->dest->flush(writer);
		PushActiveSnapshot(GetTransactionSnapshot());
		task_spi(destination_delete_sql(plan_table_name(change->rel->def), own));
		PopActiveSnapshot();
	}
	MemoryContextSwitchTo(run->cxt);
	return own != NULL;
}

/* A change of a table that a rule gives another shape. */
void
task_apply_shaped(TaskRun *run, DestWriter *writer, Change *change,
				  TimestampTz begin_time, SkippedChanges *skipped)
{
	SourceRelation *rel = change->rel;
	bool		in_zone = change->idempotent;

	if (rel->shape != NULL)
		change = shape_change(rel->shape, change, begin_time,
							  run->dest->row_context(writer));
	if (change == NULL)
	{
		skipped->count++;
		return;
	}

	/*
	 * Where some kinds of changes are left out, rows of the destination need
	 * not be what the others were done to.
	 */
	if ((rel->applied & OPERATION_ROWS) != OPERATION_ROWS && rel->out->nkey > 0)
	{
		change->idempotent = change->lenient = true;
		change->update_only = (rel->applied & OPERATION_INSERT) == 0;
	}
	change->lenient |= change->idempotent && !in_zone;
	run->dest->change(writer, change);
}

/* Says, now and then, how many changes are skipped. */
void
task_report_skipped(TaskRun *run, SkippedChanges *p)
{
	TimestampTz now = GetCurrentTimestamp();

	if (p->count == p->reported ||
		!TimestampDifferenceExceeds(p->last_reported, now, REPORT_FILTERED_MS))
		return;
	p->last_reported = now;
	p->reported = p->count;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	task_log_event(run->task->id, "info",
				   psprintf(INT64_FORMAT " changes are skipped",
							p->count),
				   "So many, since the worker began, do not pass a filter, or are operations that a rule leaves out.",
				   NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}
