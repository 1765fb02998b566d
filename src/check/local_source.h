/*-------------------------------------------------------------------------
 *
 * local_source.h
 *	  The source "local": a server of that name, which leads to this very database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_LOCAL_SOURCE_H
#define DTSMIG_LOCAL_SOURCE_H

#include "postgres.h"

#include "source/source.h"
#include "store/task.h"

/* The name of that server; a destination of this name is this database itself. */
#define SOURCE_LOCAL "local"

/* Has the task this database as its source? */
static inline bool
source_is_local(const TaskRecord *task)
{
	return strcmp(task->source, SOURCE_LOCAL) == 0;
}

/*
 * conn leads to the source of a task: raises 55000 if that should be this
 * database, and is another one.
 */
extern void source_check_local(const TaskRecord *task, const SourceRoutine *source,
							  SourceConn *conn);

#endif							/* DTSMIG_LOCAL_SOURCE_H */
