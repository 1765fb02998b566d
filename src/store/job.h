/*-------------------------------------------------------------------------
 *
 * job.h
 *	  What copy workers do: rows of dtsmig.task_job. A job is a range of a
 *	  table's rows, or a statement (of dtsmig.task_object) that comes after its
 *	  table or with the others of a phase.
 *
 *	  statement: waiting --all ranges of its table done--> ready --> done
 *	  range:     ready --taken, its row locked--> done
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_JOB_H
#define DTSMIG_STORE_JOB_H

#include "postgres.h"
#include "nodes/pg_list.h"

typedef struct StoreJob
{
	int64		id;
	int64		table_id;		/* 0: of no table */
	bool		is_copy;
	char	   *condition;		/* of a range, in the source's SQL; NULL: all */
	bool		whole_table;
	int64		object_id;		/* of a statement */
	char	   *statement;
	char	   *title;			/* kind and name */
	bool		may_be_made;	/* by hand, since it failed */
	bool		optional;		/* no row needs it */
} StoreJob;

/* Has the task any jobs, done or not? Any that are not done? */
extern bool store_jobs_planned(int64 task_id);
extern bool store_jobs_left(int64 task_id);

extern void store_job_add_range(int64 task_id, int64 table_id,
								const char *condition, bool whole_table,
								int64 rows_estimate, int64 table_bytes);
/*
 * Statements of a phase that are not made yet become jobs: ready at once, or
 * (those of a table) when its rows are committed.
 */
extern void store_jobs_add_statements(int64 task_id, const char *phase,
									  bool ready, int64 priority);

/*
 * A job that is ready, the most urgent; its row stays locked. no_copy: none
 * that reads rows. NULL: none is free.
 */
extern StoreJob *store_job_take(int64 task_id, bool no_copy);
extern void store_job_done(int64 job_id);
/* The same of a range, with what was copied, and its snapshot's positions. */
extern void store_job_copied(int64 job_id, int64 rows, int64 bytes,
							 const char *low, const char *high);
/* Statements of a table become ready: if all its ranges are done; anyway. */
extern void store_jobs_free_copied(int64 table_id);
extern void store_jobs_free(int64 table_id);

/* A range of a table's rows. */
typedef struct StoreRange
{
	int64		job_id;
	int64		table_id;
	char	   *low;			/* its snapshot's positions; NULL: unknown */
	char	   *high;
} StoreRange;

/* A table's ranges, done or not: ids of their jobs, int64 *. */
extern List *store_jobs_of_table(int64 table_id);
/* A task's that are not done; that are, and know their snapshot: by tables. */
extern List *store_ranges_left(int64 task_id);
extern List *store_ranges_copied(int64 task_id);

/* All ranges of a table are to be copied again. */
extern void store_jobs_again(int64 table_id);
/*
 * Ranges of a table that nobody copies just now are given up. False: there
 * were none.
 */
extern bool store_jobs_give_up(int64 table_id);

#endif							/* DTSMIG_STORE_JOB_H */
