/*-------------------------------------------------------------------------
 *
 * task_tick.c
 *	  What a task worker does now and then whatever step it is in: takes up
 *	  options that were changed, looks at itself, writes what it found.
 *
 * Called from every loop of the worker, mostly to find that nothing is due.
 * What has to be asked of the catalog is asked in the transaction that is open,
 * or in one of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/retry.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "worker/task_watch.h"

/* How often the catalog is asked for options. */
#define OPTIONS_MS 1000

#define MEGABYTE INT64CONST(1048576)

/* The limits that the options set, for all processes of the task. */
void
task_set_throttles(TaskRun *run)
{
	TaskOptions *o = run->options;

	throttle_set(&run->shared->full, o->throttle_full_queries,
				 o->throttle_full_rows, o->throttle_full_mb * MEGABYTE);
	throttle_set(&run->shared->incremental, 0, o->throttle_incremental_rows,
				 o->throttle_incremental_mb * MEGABYTE);
}

/* In a transaction; memory of the call is the caller's to free. */
static void
take_options(TaskRun *run)
{
	Jsonb	   *options = store_task_options(run->task->id);
	char	   *text;
	MemoryContext old;

	if (options == NULL)
		return;
	text = JsonbToCString(NULL, &options->root, VARSIZE(options));
	if (run->options_text != NULL && strcmp(run->options_text, text) == 0)
		return;
	old = MemoryContextSwitchTo(run->cxt);
	if (run->options_text)
		pfree(run->options_text);
	run->options_text = pstrdup(text);
	/* texts of options are few and short, and live as long as the run */
	options_take_live(run->options, options_parse(options));
	MemoryContextSwitchTo(old);
	run->options_changed = true;
	task_set_throttles(run);
}

/* In the transaction that is open. What there is to write waits. */
static void
tick_inside(TaskRun *run)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	take_options(run);
	PopActiveSnapshot();
	watch_look(run, true);
}

static void
tick_outside(TaskRun *run, MemoryContext cxt)
{
	List	   *reported;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	take_options(run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);

	watch_look(run, false);
	if (watch_is_due(run))
	{
		StartTransactionCommand();
		/* a sample that is lost in a crash is no loss */
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(cxt);
		reported = watch_write(run);
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(cxt);
		alert_call(run->task->id, run->options->alert_function, reported);
	}
	if (run->reported != NIL)
	{
		alert_call(run->task->id, run->options->alert_function, run->reported);
		run->reported = NIL;
	}
	run->options_changed = false;
}

void
task_tick(TaskRun *run)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		own = !IsTransactionState();
	MemoryContext old;
	MemoryContext cxt;

	if (!TimestampDifferenceExceeds(run->last_tick, now, OPTIONS_MS))
		return;
	run->last_tick = now;
	cxt = AllocSetContextCreate(run->cxt, "dtsmig tick", ALLOCSET_SMALL_SIZES);
	old = CurrentMemoryContext;
	MemoryContextSwitchTo(cxt);
	if (own)
		tick_outside(run, cxt);
	else
		tick_inside(run);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
