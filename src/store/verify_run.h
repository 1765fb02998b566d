/*-------------------------------------------------------------------------
 *
 * verify_run.h
 *	  Verifications of a task: rows of dtsmig.verify_run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_VERIFY_RUN_H
#define DTSMIG_STORE_VERIFY_RUN_H

#include "postgres.h"

/* What a verification has come to. */
typedef struct StoreVerifyEnd
{
	int64		rows;			/* compared */
	int64		moved;			/* read from the source for it */
	int64		differences;	/* that are listed */
	int64		unsettled;		/* rows that changed too often */
	int64		cut_tables;		/* with more differences than are listed */
	const char *left_out;		/* tables not compared, one a line; "" */
} StoreVerifyEnd;

/* One that begins now; returns its id. */
extern int64 store_verify_begin(int64 task_id, const char *mode);
extern void store_verify_end(int64 run_id, const StoreVerifyEnd *end);
/* It was asked for of these tables, as the text of an array. */
extern void store_verify_set_tables(int64 run_id, const char *tables);
/*
 * How many transaction IDs this database has given out since the last
 * verification of all rows began; -1: there was none.
 */
extern int64 store_verify_age(int64 task_id);

#endif							/* DTSMIG_STORE_VERIFY_RUN_H */
