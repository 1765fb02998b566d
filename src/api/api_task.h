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

/*
 * Sets what is wanted and starts the worker, which waits for this transaction to
 * commit.
 */
extern void start_worker(TaskRecord *task);
/* Ends the task's worker, if there is one; raises an error if it goes on. */
extern void stop_worker(const TaskRecord *task);
/*
 * Sequences a last time, and when the transaction commits, what the task keeps
 * at its source is removed. A source that is gone is a warning.
 */
extern void end_at_source(const TaskRecord *task);

/*
 * api_reverse.c: gives the way back of a task, not stored, the rules that undo what
 * the task does by now.
 */
extern void reverse_renew(const TaskRecord *task, TaskRecord *partner);

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
