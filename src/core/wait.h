/*-------------------------------------------------------------------------
 *
 * wait.h
 *	  What a process of dtsmig waits for, as pg_stat_activity shows it
 *	  (wait_event_type Extension): by name on servers that let extensions name
 *	  theirs, as "Extension" before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_WAIT_H
#define DTSMIG_WAIT_H

#include "postgres.h"

typedef enum DtsWait
{
	DTS_WAIT_SOURCE,			/* for the source's answer, or its log */
	DTS_WAIT_SLOT,				/* for a replication slot to be let go */
	DTS_WAIT_PROGRAM,			/* for pg_dump */
	DTS_WAIT_THROTTLE,			/* a throttle holds the worker back */
	DTS_WAIT_RETRY,				/* the pause before another try */
	DTS_WAIT_RESUME,			/* the pause before auto_resume */
	DTS_WAIT_COPY_WORKERS,		/* for copy workers to get on */
	DTS_WAIT_COPY_START,		/* a copy worker: to be let go */
	DTS_WAIT_COPY_JOB,			/* a copy worker: for a job */
	DTS_WAIT_LAUNCHER,			/* the launcher's pause between rounds */
	DTS_WAIT_TASK,				/* wait_for: for a task to reach it */
	DTS_WAIT_VERIFY,			/* verification holds itself back */
	DTS_WAIT_CUTOVER,			/* for writes at the source to end */
	DTS_WAIT_COUNT
} DtsWait;

/* For WaitLatch and the like. */
extern uint32 dts_wait_event(DtsWait wait);

#endif							/* DTSMIG_WAIT_H */
