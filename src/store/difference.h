/*-------------------------------------------------------------------------
 *
 * difference.h
 *	  Rows that a verification found to differ, on their way to be repaired:
 *	  rows of dtsmig.verify_difference.
 *
 *	  found, failed --asked for--> repairing --> repaired, failed
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

/* A row, or an object, that differs. JSON is text; what may be NULL is said. */
typedef struct NewDifference
{
	int64		table_id;		/* 0: of none in the catalog */
	const char *schema;			/* at the source */
	const char *table;
	const char *kind;			/* missing, extra, differs */
	const char *object;			/* that differs; NULL: it is a row */
	const char *key;			/* as it is shown, {"column": value}; NULL */
	const char *key_values;		/* to find the row again, [value]; NULL */
	const char *differences;
} NewDifference;

/* What a verification has found; returns its id. */
extern int64 store_difference_add(int64 run_id, int64 task_id,
								  const NewDifference *d);

/* Which differences are meant. */
typedef struct DifferenceFilter
{
	int64		task_id;
	const char *ids;			/* text of an array; NULL: any */
	int64		run_id;			/* 0: any that is among ids, else the last */
} DifferenceFilter;

/*
 * Those that are meant, can be repaired, and have not been. How many differ in
 * columns alone that are generated at the destination; *table: one of their
 * tables.
 */
extern int64 store_differences_generated(const DifferenceFilter *f, char **table);
/* The others of them are to be repaired: returns how many. */
extern int64 store_differences_ask(const DifferenceFilter *f);

/* One that was asked for by its id and cannot be repaired. */
typedef struct RefusedDifference
{
	char	   *id;
	char	   *state;			/* NULL: the task has no such difference */
} RefusedDifference;

/* The first among ids, the text of an array; NULL: there is none. */
extern RefusedDifference *store_differences_refused(int64 task_id,
													const char *ids);

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
