/*-------------------------------------------------------------------------
 *
 * precheck.h
 *	  What would go wrong, looked for before anything is done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PRECHECK_H
#define DTSMIG_PRECHECK_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "catalog/task.h"
#include "core/options.h"
#include "source/source.h"
#include "transform/select.h"

/* A connected task. */
typedef struct PrecheckContext
{
	const TaskRecord *task;
	TaskOptions *options;
	const Selection *selection;
	const ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;
} PrecheckContext;

/* PrecheckItem *, failed ones among them; raises errors of the source. */
extern List *precheck_collect(PrecheckContext *pc);

/* Puts them into the books in place of the last ones; true: none failed. */
extern bool precheck_store(int64 task_id, List *items);

#endif							/* DTSMIG_PRECHECK_H */
