/*-------------------------------------------------------------------------
 *
 * left_tables.h
 *	  Tables at the destination that a task has made and left: the source has
 *	  given theirs a name that is not selected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_LEFT_TABLES_H
#define DTSMIG_LEFT_TABLES_H

#include "postgres.h"

#include "worker/task_run.h"

/*
 * The table of the task is not followed any more and leaves the catalog; the
 * table at the destination stays. why: for the log. In a transaction.
 */
extern void left_forget(TaskRun *run, const SourceRelation *rel, char *why);

/*
 * Another table is to have this name at the destination: one that was left
 * moves to another schema. table_id: of that other table; 0: it has none
 * yet. In a transaction.
 */
extern void left_make_room(TaskRun *run, const char *schema, const char *table,
						   int64 table_id);

/* Is a name at the destination nobody's, or that of a table that was left? */
extern bool left_is_free(TaskRun *run, const char *schema, const char *table);

#endif							/* DTSMIG_LEFT_TABLES_H */
