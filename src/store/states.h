/*-------------------------------------------------------------------------
 *
 * states.h
 *	  Words that stand in the columns wanted, status, phase, step, state and
 *	  kind of the dtsmig.* tables, as their CHECK constraints have them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_STATES_H
#define DTSMIG_STORE_STATES_H

/* task.wanted: what the user has asked for */
#define TASK_WANTED_IDLE "idle"
#define TASK_WANTED_RUNNING "running"
#define TASK_WANTED_PAUSED "paused"
#define TASK_WANTED_RELEASED "released"

/* task.status: what has become of it */
#define TASK_STATUS_CREATED "created"
#define TASK_STATUS_PRECHECKING "prechecking"
#define TASK_STATUS_PRECHECK_FAILED "precheck_failed"
#define TASK_STATUS_RUNNING "running"
#define TASK_STATUS_RETRYING "retrying"
#define TASK_STATUS_PAUSED "paused"
#define TASK_STATUS_FAILED "failed"
#define TASK_STATUS_COMPLETED "completed"
#define TASK_STATUS_CUT_OVER "cut_over"
#define TASK_STATUS_RELEASED "released"

/* task.phase */
#define TASK_PHASE_SCHEMA "schema"
#define TASK_PHASE_FULL "full"
#define TASK_PHASE_INCREMENTAL "incremental"

/* task.step: what the worker does within the phase */
#define TASK_STEP_NEW "new"
#define TASK_STEP_SCHEMA "schema"
#define TASK_STEP_COPY "copy"
#define TASK_STEP_CATCHUP "catchup"
#define TASK_STEP_INDEXES "indexes"
#define TASK_STEP_POST_DATA "post_data"
#define TASK_STEP_CHANGES "changes"
#define TASK_STEP_DONE "done"

/* task_table.state */
#define TABLE_STATE_WAITING "waiting"
#define TABLE_STATE_COPYING "copying"
#define TABLE_STATE_COPIED "copied"
#define TABLE_STATE_READY "ready"
#define TABLE_STATE_RESYNC "resync"

/* task_table.resync_step: of a table that is copied again (see ResyncStep) */
#define TABLE_STEP_ASKED "asked"
#define TABLE_STEP_COPYING "copying"
#define TABLE_STEP_COPIED "copied"
#define TABLE_STEP_REPLAY "replay"

/* task_object.state */
#define OBJECT_STATE_WAITING "waiting"
#define OBJECT_STATE_DONE "done"
#define OBJECT_STATE_FAILED "failed"
#define OBJECT_STATE_SKIPPED "skipped"

/* task_object.phase: when it is made */
#define OBJECT_PHASE_PRE_DATA "pre_data"
#define OBJECT_PHASE_KEY "key"
#define OBJECT_PHASE_UNIQUE "unique"
#define OBJECT_PHASE_INDEX "index"
#define OBJECT_PHASE_POST_DATA "post_data"

/* task_job.kind, and state */
#define JOB_KIND_COPY "copy"
#define JOB_KIND_STATEMENT "statement"
#define JOB_STATE_WAITING "waiting"
#define JOB_STATE_READY "ready"
#define JOB_STATE_DONE "done"

/* verify_difference.state */
#define DIFFERENCE_STATE_FOUND "found"
#define DIFFERENCE_STATE_REPAIRING "repairing"
#define DIFFERENCE_STATE_REPAIRED "repaired"
#define DIFFERENCE_STATE_FAILED "failed"

#endif							/* DTSMIG_STORE_STATES_H */
