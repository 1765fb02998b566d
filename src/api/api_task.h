/*-------------------------------------------------------------------------
 *
 * api_task.h
 *	  Ends of tasks: what release_task, drop_task and cutover share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_API_TASK_H
#define DTSMIG_API_TASK_H

#include "catalog/task.h"

/* Ends the task's worker, if there is one; raises an error if it goes on. */
extern void stop_worker(const TaskRecord *task);
/*
 * Sequences a last time, and what the task keeps at its source. A source that
 * is gone is a warning.
 */
extern void end_at_source(const TaskRecord *task);
/* Identity columns of the migrated tables go on after their largest value. */
extern void advance_identities(const TaskRecord *task);

#endif							/* DTSMIG_API_TASK_H */
