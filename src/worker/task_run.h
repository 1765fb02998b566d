/*-------------------------------------------------------------------------
 *
 * task_run.h
 *	  One run of a task, from the worker's start to its end or its next
 *	  error. The steps, kept in dtsmig.task.step:
 *
 *	  new --> schema --> copy --> catchup --> indexes --> post_data --> changes
 *	   |        |         |          |           |            |            |
 *	   |        |         |          |           |            |   follow the log
 *	   |        |         |          |           |       foreign keys, checks
 *	   |        |         |          |      unique indexes
 *	   |        |         |     follow the log to where the last snapshot stood
 *	   |        |    rows by ranges, primary keys, other indexes (copy workers)
 *	   |   schemas, types, tables
 *	  precheck; read the source's tables, keep them in the books
 *
 *	  Each step can be repeated from its beginning after a crash: what it has
 *	  done is in the books, committed together with the doing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TASK_RUN_H
#define DTSMIG_TASK_RUN_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "catalog/task.h"
#include "core/options.h"
#include "dest/dest.h"
#include "schema/plan.h"
#include "source/source.h"
#include "transform/describe.h"
#include "transform/select.h"
#include "worker/shared.h"

typedef struct TaskRun
{
	MemoryContext cxt;			/* all of this run */
	TaskRecord *task;
	TaskOptions *options;
	Selection  *selection;
	TaskShared *shared;
	dsm_handle	handle;
	ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;			/* for questions, not for rows or changes */
	const DestRoutine *dest;
	int			nrels;
	SourceRelation **rels;		/* all tables of the task, bound; NULL before
								 * task_open_relations */
} TaskRun;

/* task_relations.c ------------------------------------------------------ */

extern void task_set_step(TaskRun *run, const char *phase, const char *step);
/* Reads the tables of a task from the books and binds them. */
extern void task_open_relations(TaskRun *run);
/* One relation from its TableDef; not bound, not prepared. */
extern SourceRelation *task_make_relation(MemoryContext cxt, int64 table_id,
										  TableDef *def);
/* As task_open_relations, of one table. */
extern SourceRelation *task_open_relation(MemoryContext cxt, int64 table_id,
										  const SourceRoutine *source,
										  SourceConn *conn,
										  const DestRoutine *dest,
										  TypePolicy *policy);

/* the steps ------------------------------------------------------------- */

/* run_schema.c */
extern void run_precheck(TaskRun *run);
extern void run_read_schema(TaskRun *run);
extern void run_pre_data(TaskRun *run);
extern void run_post_data(TaskRun *run);

/* run_copy.c */
extern void run_copy(TaskRun *run);
/* Runs the statements of one phase of task_object in copy workers. */
extern void run_unique_indexes(TaskRun *run);
/* Ends copy workers that are still there; safe at any time. */
extern void stop_copy_workers(void);

/* run_changes.c: follows the log to a position, or for ever (NULL) */
extern void run_changes(TaskRun *run, const char *until);

#endif							/* DTSMIG_TASK_RUN_H */
