/*-------------------------------------------------------------------------
 *
 * task_watch.h
 *	  A task worker's look at itself: samples for dtsmig.metrics, and the
 *	  alerts that come from looking.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TASK_WATCH_H
#define DTSMIG_TASK_WATCH_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "worker/task_run.h"

typedef struct TaskWatch TaskWatch;

/* Takes what is due in memory; asks the source where it may. No transaction. */
extern void watch_look(TaskRun *run, bool in_transaction);
/*
 * Writes what was found into the catalog, in a transaction of its own kind: not
 * in one that writes rows. Returns what has to be known to the user's
 * function (char *).
 */
extern List *watch_write(TaskRun *run);
/*
 * While the task waits to be tried again, outside of any run and transaction:
 * samples of standing still go on, in which latency is unknown.
 */
extern void watch_rest(int64 task_id, TaskShared *shared);
/* Is there anything that watch_write would do? */
extern bool watch_is_due(const TaskRun *run);
/*
 * Calls the user's function with what was reported, in transactions of its own:
 * as the task's role, for a few seconds at most. An error of it is noted.
 */
extern void alert_call(int64 task_id, const char *function, List *reported);

#endif							/* DTSMIG_TASK_WATCH_H */
