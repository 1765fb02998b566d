/*-------------------------------------------------------------------------
 *
 * here.h
 *	  The source "local": a server of that name, which leads to this very database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CHECK_HERE_H
#define DTSMIG_CHECK_HERE_H

#include "postgres.h"

#include "source/source.h"
#include "store/task.h"

/* The name of that server; a destination of this name is this database itself. */
#define SOURCE_HERE "local"

/* Has the task this database as its source? */
static inline bool
source_is_here(const TaskRecord *task)
{
	return strcmp(task->source, SOURCE_HERE) == 0;
}

/*
 * conn leads to the source of a task: raises 55000 if that should be this
 * database, and is another one.
 */
extern void source_check_here(const TaskRecord *task, const SourceRoutine *source,
							  SourceConn *conn);

#endif							/* DTSMIG_CHECK_HERE_H */
