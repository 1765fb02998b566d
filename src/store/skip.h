/*-------------------------------------------------------------------------
 *
 * skip.h
 *	  A statement or an event of the source that has stopped a task, and what
 *	  the user wants done with it: columns of dtsmig.task.
 *
 *	  refused --skip_change--> to be skipped --the worker gets there--> neither
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_SKIP_H
#define DTSMIG_STORE_SKIP_H

#include "postgres.h"

/* What stands at this position of the log has stopped the task. */
extern void store_skip_refuse(int64 task_id, const char *position,
							  const char *statement);
/*
 * It is to be skipped; instead: what is to be run in its place, or NULL. Returns
 * the statement; NULL: none has stopped the task.
 */
extern char *store_skip_ask(int64 task_id, const char *instead);
/*
 * Is what stands at this position to be skipped? *instead: as it was given. take:
 * it is, once and for all.
 */
extern bool store_skip_wanted(int64 task_id, const char *position,
							  char **instead);
extern bool store_skip_take(int64 task_id, const char *position,
							char **instead);

#endif							/* DTSMIG_STORE_SKIP_H */
