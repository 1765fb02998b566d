/*-------------------------------------------------------------------------
 *
 * way_on.h
 *	  What to do about an error that has stopped a task: the SQL to go on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_WAY_ON_H
#define DTSMIG_WAY_ON_H

#include "postgres.h"

/*
 * The hint of an error that has stopped the task, with statements that go on
 * from it: the task's name where hints say "task", and what is missing of
 * skip_change, resync_table and resume_task. In a transaction.
 */
extern char *way_on_hint(int64 task_id, const ErrorData *edata);

/*
 * The hint of an error; of one of PostgreSQL's own about a row that does not fit
 * at the destination, what makes room for it. NULL: there is none.
 */
extern char *way_on_cause(const ErrorData *edata);

/* Detail and context of an error, of which one or both may be missing; or NULL. */
extern char *way_on_detail(const ErrorData *edata);

#endif							/* DTSMIG_WAY_ON_H */
