/*-------------------------------------------------------------------------
 *
 * trouble.h
 *	  What becomes of a task after an error; see trouble.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TROUBLE_H
#define DTSMIG_TROUBLE_H

#include "postgres.h"
#include "datatype/timestamp.h"

#include "store/task.h"
#include "core/options.h"

/* A run that lasts so long has left its trouble behind, as far as alerts go. */
#define TROUBLE_CALM_MS 5000

typedef enum TroubleEnd
{
	TROUBLE_RETRY,				/* run again after a pause */
	TROUBLE_RESUME,				/* failed; auto_resume tries again later */
	TROUBLE_FAILED				/* failed; somebody has to do something */
} TroubleEnd;

/*
 * Puts an error into the catalog, in a transaction of its own. running_since:
 * when the run got going; 0: it never did.
 */
extern TroubleEnd trouble_note(int64 task_id, const ErrorData *edata,
							   TimestampTz running_since);
/* Has the task got on since the last error? In a transaction. */
extern bool trouble_has_passed(int64 task_id, TimestampTz running_since);
/* The next error begins a new series. */
extern void trouble_over(void);
/* A program (pg_dump) that may fail a number of times has run well. */
extern void trouble_program_ran(void);

/* Has the task failed, to be resumed unasked? */
extern bool trouble_waits(int64 task_id);
/*
 * Is it to be run now? *over: it is not any more to be resumed. Both in a
 * transaction of their own.
 */
extern bool trouble_resume_is_due(int64 task_id, bool *over);

#endif							/* DTSMIG_TROUBLE_H */
