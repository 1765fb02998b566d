/*-------------------------------------------------------------------------
 *
 * difference.h
 *	  Rows that a verification found to differ, on their way to be repaired:
 *	  rows of dtsmig.verify_difference.
 *
 *	  open --asked for--> repairing --> repaired, failed
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_DIFFERENCE_H
#define DTSMIG_STORE_DIFFERENCE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct StoreDifference
{
	int64		id;
	Jsonb	   *key;			/* array of texts */
	bool		generated;		/* nothing else differs than columns that are generated */
} StoreDifference;

/* Is there a row to be repaired? */
extern bool store_differences_wait(int64 task_id);
/* The tables that have such rows: int64 *, in order. */
extern List *store_differences_tables(int64 task_id);
/*
 * Such rows of one table (StoreDifference *), at most so many. generated: names of
 * columns of the destination, as a JSON array.
 */
extern List *store_differences_of(int64 table_id, const char *generated, int64 limit);
extern void store_difference_repaired(int64 id);
extern void store_difference_failed(int64 id, const char *error);
/* What is left of a table could not be repaired. */
extern void store_differences_failed(int64 task_id, int64 table_id,
									 const char *error);

#endif							/* DTSMIG_STORE_DIFFERENCE_H */
