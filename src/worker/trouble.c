/*-------------------------------------------------------------------------
 *
 * trouble.c
 *	  What becomes of a task after an error: it is tried again while the
 *	  window for such errors is open, has then failed, and with auto_resume is
 *	  resumed nevertheless, more and more seldom.
 *
 *	     error --> retrying --(window over)--> failed --(auto_resume)--> running
 *	                  |                           |
 *	                  +--> running                +--> resume_task, release …
 *
 * The window begins with the first error of a series. A series ends when the
 * task got on between two errors: the catalog show more than at the error
 * before, or it ran for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/trouble.h"

#include "access/xact.h"
#include "store/alert.h"
#include "store/retry.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/task_watch.h"
#include "worker/way_on.h"

/* So often pg_dump may fail, one time after another. */
#define PROGRAM_TRIES 10
/* A run that lasted so long has got on. */
#define GOOD_RUN_MS 60000
/* Pauses before auto_resume, in seconds: the first, doubled up to the last. */
#define RESUME_FIRST 10
#define RESUME_LAST 600

/* The series of errors at hand. */
static TimestampTz series_since = 0;
static char *series_mark = NULL;
static int	program_failures = 0;

typedef enum ErrorKind
{
	ERROR_CONNECTION,			/* retry_connection */
	ERROR_PASSING,				/* retry_other */
	ERROR_FINAL
} ErrorKind;

static ErrorKind
classify_error(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	/*
	 * A program that reads the source's schema stumbles over what is dropped
	 * meanwhile. It does so again if something is wrong for good.
	 */
	if (sqlerrcode == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION)
		return ++program_failures <= PROGRAM_TRIES ? ERROR_PASSING : ERROR_FINAL;
	/* the source has purged the log that we need */
	if (sqlerrcode == ERRCODE_UNDEFINED_FILE)
		return ERROR_FINAL;
	if (category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		return ERROR_CONNECTION;
	if (category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_IO_ERROR) ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlerrcode == ERRCODE_OBJECT_IN_USE)
		return ERROR_PASSING;
	return ERROR_FINAL;
}

void
trouble_program_ran(void)
{
	program_failures = 0;
}

void
trouble_over(void)
{
	series_since = 0;
	if (series_mark)
		pfree(series_mark);
	series_mark = NULL;
}

bool
trouble_has_passed(int64 task_id, TimestampTz running_since)
{
	return series_mark == NULL ||
		(running_since != 0 &&
		 TimestampDifferenceExceeds(running_since, GetCurrentTimestamp(),
									TROUBLE_CALM_MS)) ||
		strcmp(series_mark, store_task_progress(task_id)) != 0;
}

/* Notes an error; true: it is one more of the same series. */
static bool
continue_series(int64 task_id, TimestampTz running_since)
{
	TimestampTz now = GetCurrentTimestamp();
	char	   *mark = store_task_progress(task_id);
	bool		same;

	same = series_mark != NULL && strcmp(series_mark, mark) == 0 &&
		!(running_since != 0 &&
		  TimestampDifferenceExceeds(running_since, now, GOOD_RUN_MS));
	if (!same || series_since == 0)
		series_since = now;
	if (series_mark)
		pfree(series_mark);
	series_mark = MemoryContextStrdup(TopMemoryContext, mark);
	return same;
}

/* Options as they are now, which may be others than when the run began. */
static TaskOptions *
options_now(int64 task_id)
{
	return options_parse(store_task_options(task_id));
}

static int64
window_minutes(ErrorKind kind, const TaskOptions *options)
{
	switch (kind)
	{
		case ERROR_CONNECTION:
			return options->retry_connection;
		case ERROR_PASSING:
			return options->retry_other;
		case ERROR_FINAL:
			break;
	}
	return 0;
}

static List *
raise_alert(int64 task_id, bool again, const char *until, const ErrorData *edata,
			const char *detail, const char *hint)
{
	List	   *reported = NIL;
	char	   *text;

	if (again)
		text = alert_raise(task_id, ALERT_RETRYING, "",
						   psprintf("it is tried again until %s: %s", until,
									edata->message),
						   detail, hint);
	else
	{
		reported = alert_clear(task_id, ALERT_RETRYING, NULL, 0);
		text = alert_raise(task_id, ALERT_FAILED, "",
						   psprintf("it has failed: %s", edata->message),
						   until ? psprintf("It is resumed by itself at %s.", until) :
						   detail, hint);
	}
	return text ? lappend(reported, text) : reported;
}

TroubleEnd
trouble_note(int64 task_id, const ErrorData *edata, TimestampTz running_since)
{
	ErrorKind	kind = classify_error(edata->sqlerrcode);
	const char *sqlstate = unpack_sql_state(edata->sqlerrcode);
	const char *detail;
	char	   *hint = edata->hint;
	MemoryContext cxt = CurrentMemoryContext;
	TroubleEnd	end;
	TaskOptions *options;
	List	   *reported;
	bool		same;
	bool		again;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	detail = way_on_detail(edata);
	options = options_now(task_id);
	same = continue_series(task_id, running_since);
	again = store_retry_note(task_id, series_since, window_minutes(kind, options),
							 edata->message, detail, sqlstate);
	if (!again)
		hint = way_on_hint(task_id, edata);
	store_retry_decide(task_id, again, hint);
	if (!again)
		store_retry_plan(task_id, options->auto_resume, RESUME_FIRST, RESUME_LAST, same);
	end = again ? TROUBLE_RETRY :
		store_retry_waits(task_id) ? TROUBLE_RESUME : TROUBLE_FAILED;
	reported = raise_alert(task_id, again, store_retry_until(task_id), edata, detail, hint);
	/* a retry of the same thing is said once */
	if (!again || !same)
		task_log_event(task_id, again ? "warning" : "error", edata->message,
					   detail, hint, sqlstate);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	alert_call(task_id, options->alert_function, reported);
	return end;
}

/* ------------------------------------------------------------ auto_resume */

bool
trouble_waits(int64 task_id)
{
	bool		waits;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	waits = store_retry_waits(task_id);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return waits;
}

bool
trouble_resume_is_due(int64 task_id, bool *over)
{
	RetryState	state;
	bool		due = false;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	*over = !store_retry_lock(task_id, &state) || (!state.waits && !state.wanted);
	/* alter_task may have switched it off */
	if (!*over && !state.wanted && options_now(task_id)->auto_resume == 0)
	{
		store_retry_forget(task_id);
		*over = true;
	}
	if (!*over)
	{
		due = state.wanted;
		if (!due && state.due)
		{
			store_retry_resume(task_id);
			task_log_event(task_id, "info", "the task is resumed, as auto_resume says",
						   NULL, NULL, NULL);
			series_since = 0;
			due = true;
		}
		else if (due)
			trouble_over();
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	return due;
}
