/*-------------------------------------------------------------------------
 *
 * task.h
 *	  A task, as the books have it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TASK_H
#define DTSMIG_TASK_H

#include "postgres.h"
#include "utils/jsonb.h"

/* A row of dtsmig.task. */
typedef struct TaskRecord
{
	int64		id;
	char	   *name;
	Oid			owner;
	char	   *source;
	char	   *destination;
	bool		do_schema;
	bool		do_full;
	bool		do_incremental;
	Jsonb	   *objects;
	Jsonb	   *options;
	char	   *wanted;
	char	   *status;
	char	   *step;
	char	   *start_position;
	char	   *target_position;
	bool		consistent;
} TaskRecord;

/* By name or id; raises 42704 if there is none. for_update locks the row. */
extern TaskRecord *task_load(const char *name_or_id, bool for_update);
/* NULL if there is none. */
extern TaskRecord *task_load_id(int64 id, bool for_update);
/* Raises 42501 unless the current user is a member of the owner role. */
extern void task_check_owner(const TaskRecord *task);
extern void task_log_event(int64 task_id, const char *severity,
						   const char *message, const char *detail,
						   const char *hint, const char *sqlstate);

#endif							/* DTSMIG_TASK_H */
