/*-------------------------------------------------------------------------
 *
 * attempt.h
 *	  What may fail without ending the transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ATTEMPT_H
#define DTSMIG_ATTEMPT_H

#include "postgres.h"

/*
 * Calls step in a subtransaction, in the caller's memory context. NULL, or the
 * error, in that context, after what step has done is rolled back. Every error
 * comes back, that of a cancelled query, too: ReThrowError what is not meant.
 */
extern ErrorData *attempt(void (*step) (void *arg), void *arg);

#endif							/* DTSMIG_ATTEMPT_H */
