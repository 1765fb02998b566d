/*-------------------------------------------------------------------------
 *
 * way_back.h
 *	  Two tasks in opposite directions: which is the way back of which
 *	  (dtsmig.task.reverse_of), and one that is taken up again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_WAY_BACK_H
#define DTSMIG_STORE_WAY_BACK_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/task.h"

/* A table of a task, under both of its names. */
typedef struct WayBackTable
{
	int64		id;
	char	   *schema;
	char	   *name;
	char	   *target_schema;
	char	   *target_name;
	bool		merged;			/* another goes into the same */
} WayBackTable;

extern List *store_way_back_tables(int64 task_id);

/* From now on id is the way back of the task, and its owner's. */
extern void store_way_back_link(int64 id, const TaskRecord *task);
/*
 * A table that the task follows from position on, known before or not; its
 * definitions before that are forgotten. Its id.
 */
extern int64 store_table_take_up(int64 task_id, const WayBackTable *names, bool keyed,
								 const char *position);
/*
 * The task follows changes from position on, with these rules; known: see
 * dtsmig.task.known_tables, text of an array, or NULL.
 */
extern void store_task_take_up(int64 task_id, const char *position, Jsonb *objects,
							   const char *known);
/* Its source is not read-only any more by a cutover. */
extern void store_source_opened(int64 task_id);

/* Items of the last precheck of the task's way back that failed; NULL: none. */
extern char *store_way_back_failed(int64 task_id);
/* Schemas of a task's tables, and dtsmig.task.known_tables; false: one is NULL. */
extern bool store_known_tables(int64 task_id, char **schemas, char **known);
/* Why the application could not go back; NULL: it could. */
extern void store_set_no_return(int64 task_id, const char *why);

#endif							/* DTSMIG_STORE_WAY_BACK_H */
