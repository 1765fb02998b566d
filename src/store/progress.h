/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  How far a task has come: status, phase, step and positions of its row of
 *	  dtsmig.task, as its worker sets them; and which tasks lack a worker.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_PROGRESS_H
#define DTSMIG_STORE_PROGRESS_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* The precheck runs; it has ended: the task is running, or not wanted any more. */
extern void store_task_begin_precheck(int64 task_id);
extern void store_task_end_precheck(int64 task_id, bool passed);

/* Of TASK_PHASE_… and TASK_STEP_…. */
extern void store_task_set_step(int64 task_id, const char *phase,
								const char *step);
/* Changes are followed from here on. NULL: the source has no positions. */
extern void store_task_set_start(int64 task_id, const char *start);
/* The same when all rows are copied; target: where the last snapshot stood. */
extern void store_task_set_target(int64 task_id, const char *target,
								  const char *start);
/* The destination is consistent, by what is applied now; it stays so. */
extern void store_task_set_consistent(int64 task_id);

/* A task as those see it who wait for it. */
typedef struct TaskApplied
{
	char	   *position;		/* applied, or where it starts; NULL: neither */
	int64		changes;		/* so many are applied */
	bool		running;		/* it has a worker */
	char	   *status;
	char	   *error;			/* the last; NULL: none */
} TaskApplied;

/* NULL: there is no such task. */
extern TaskApplied *store_task_applied(int64 task_id);

/* A task that is to run, or may have to be resumed, and that no process serves. */
typedef struct TaskToStart
{
	int64		id;
	Oid			owner;			/* who may log in */
	int64		handle;			/* of shared memory that its last worker had; 0: none */
} TaskToStart;

/* Those of this database: TaskToStart *. */
extern List *store_tasks_to_start(void);

#endif							/* DTSMIG_STORE_PROGRESS_H */
