/*-------------------------------------------------------------------------
 *
 * retry.h
 *	  A task's errors in dtsmig.task: the last of them, the window in which it
 *	  is tried again, and when a failed task is resumed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RETRY_H
#define DTSMIG_RETRY_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* What a failed task waits for. */
typedef struct RetryState
{
	bool		waits;			/* it has failed, and is to be resumed */
	bool		due;			/* … now */
	bool		wanted;			/* resume_task was called */
} RetryState;

/* Options of a task as they are now; NULL: there is no such task. */
extern Jsonb *store_task_options(int64 task_id);
/* Where a task stands, as a text that changes when it gets on; palloc'd. */
extern char *store_task_progress(int64 task_id);
/*
 * Notes an error of a series that began at since, which may be retried for so
 * many minutes. Is there time left? detail may be NULL.
 */
extern bool store_retry_note(int64 task_id, TimestampTz since, int64 minutes,
							 const char *message, const char *detail,
							 const char *sqlstate);
/* The task is tried again, or has failed; hint may be NULL. */
extern void store_retry_decide(int64 task_id, bool again, const char *hint);
/*
 * When a failed task is resumed without being asked to, if it is: later after
 * each failure, between first and last seconds, until so many minutes have
 * passed since the first. same: it failed as it did before.
 */
extern void store_retry_plan(int64 task_id, int64 minutes, int64 first,
							 int64 last, bool same);
/* Until when it is tried, or when it is resumed, as text; NULL: neither. */
extern char *store_retry_until(int64 task_id);
/* Has it failed, with a time at which it is resumed? */
extern bool store_retry_waits(int64 task_id);
/* The same in full, with the row locked; false: there is no such task. */
extern bool store_retry_lock(int64 task_id, RetryState *state);
/* It is not resumed after all, or it is. */
extern void store_retry_forget(int64 task_id);
extern void store_retry_resume(int64 task_id);

#endif							/* DTSMIG_RETRY_H */
