/*-------------------------------------------------------------------------
 *
 * throttle.h
 *	  Holds a task's processes back to a rate of rows, bytes and queries.
 *
 * A Throttle lies in the shared memory of a task. What is done is paid for
 * afterwards: each payment moves a point in time on by what it costs at the
 * rate (the virtual scheduling of ATM's generic cell rate algorithm, ITU-T
 * I.371), and whoever has paid waits until that point is near. All processes
 * of the task together so keep to the rate, however work falls to them. Time
 * in which nobody did anything can be made up for a moment only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_THROTTLE_H
#define DTSMIG_THROTTLE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "storage/spin.h"

typedef enum ThrottleKind
{
	THROTTLE_QUERIES,			/* statements sent to the source */
	THROTTLE_ROWS,
	THROTTLE_BYTES,
	THROTTLE_KINDS
} ThrottleKind;

typedef struct Throttle
{
	slock_t		mutex;
	uint32		generation;		/* grows with each change of rates */
	bool		limited;		/* is there any limit? */
	int64		rate[THROTTLE_KINDS];	/* a second; 0: no limit */
	double		paid_until[THROTTLE_KINDS]; /* microseconds, as TimestampTz */
} Throttle;

/* Called while a payer waits, several times a second. */
typedef void (*ThrottleMeanwhile) (void *arg);

extern void throttle_init(Throttle *throttle);
/* Sets the rates; what is owed at other rates is forgotten. */
extern void throttle_set(Throttle *throttle, int64 queries, int64 rows,
						 int64 bytes);
/*
 * Notes what has been done, and returns until when the caller should do no
 * more (throttle_wait); 0: it may go on.
 */
extern TimestampTz throttle_take(Throttle *throttle, uint64 queries,
								 uint64 rows, uint64 bytes);
/* Waits until then, or until rates change. Interrupts are served. */
extern void throttle_wait(Throttle *throttle, TimestampTz until,
						  ThrottleMeanwhile meanwhile, void *arg);
/* Both in one. */
extern void throttle_pay(Throttle *throttle, uint64 queries, uint64 rows,
						 uint64 bytes);
/* How many rows to do at most before the next payment. */
extern uint64 throttle_portion(const Throttle *throttle);

#endif							/* DTSMIG_THROTTLE_H */
