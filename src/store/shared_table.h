/*-------------------------------------------------------------------------
 *
 * shared_table.h
 *	  Tables of a destination that get the rows of more than one table of a
 *	  source: rows of dtsmig.task_table with one target.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_SHARED_TABLE_H
#define DTSMIG_STORE_SHARED_TABLE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* Another table of a source with the same target. */
typedef struct SharingTable
{
	char	   *schema;			/* at the source */
	char	   *table;
	char	   *task;
	Jsonb	   *objects;		/* that task's rules; NULL: none */
	bool		same_task;
} SharingTable;

/* The table that is asked about. */
typedef struct SharedTarget
{
	char	   *source_schema;
	char	   *source_table;
	char	   *target_schema;
	char	   *target_table;
} SharedTarget;

/*
 * Those with the target of a task's table (SharingTable *), of all tasks with
 * its destination. *target is set if there is one.
 */
extern List *store_tables_sharing(int64 task_id, int64 table_id,
								  SharedTarget *target);
/*
 * Those of other tasks whose rows are in a target of this task. A task that has
 * ended does not count where this one has taken over its table of the source.
 */
extern List *store_tables_of_others(int64 task_id, const char *target_schema,
									const char *target_table);

#endif							/* DTSMIG_STORE_SHARED_TABLE_H */
