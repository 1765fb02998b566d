/*-------------------------------------------------------------------------
 *
 * api_task.h
 *	  Ends of tasks: what release_task, drop_task and cutover share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_API_TASK_H
#define DTSMIG_API_TASK_H

#include "store/task.h"

/* Ends the task's worker, if there is one; raises an error if it goes on. */
extern void stop_worker(const TaskRecord *task);
/*
 * Sequences a last time, and when the transaction commits, what the task keeps
 * at its source is removed. A source that is gone is a warning.
 */
extern void end_at_source(const TaskRecord *task);

/*
 * source_end.c: what the task keeps at its source is removed when this
 * transaction commits, unless the current subtransaction is rolled back before.
 * What cannot be removed is a warning then. Called as the task's owner.
 */
extern void source_end_at_commit(const TaskRecord *task);
/*
 * The same is about to come: called before a destination elsewhere is attached,
 * whose commit is then the first thing that a COMMIT does. Where that fails, the
 * source still has what the task needs to go on.
 */
extern void source_end_expect(void);

#endif							/* DTSMIG_API_TASK_H */
