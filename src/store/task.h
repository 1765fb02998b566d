/*-------------------------------------------------------------------------
 *
 * task.h
 *	  A task, as the catalog has it.
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
	int64		reverse_of;		/* the task that this one is the way back of; 0 */
	bool		fenced;			/* a cutover has made its source read-only */
} TaskRecord;

/* By name or id; raises 42704 if there is none. for_update locks the row. */
extern TaskRecord *task_load(const char *name_or_id, bool for_update);
/* NULL if there is none. */
extern TaskRecord *task_load_id(int64 id, bool for_update);
/*
 * The task in the other direction between the same two ends (see
 * dtsmig.reverse_task); NULL: there is none.
 */
extern TaskRecord *task_load_partner(const TaskRecord *task, bool for_update);
/* As task_definition has it: what create_task was given, and options as they are. */
extern Jsonb *task_definition(int64 id);
/* Raises 42501 unless the current user is a member of the owner role. */
extern void task_check_owner(const TaskRecord *task);
/* Is it the current user's to see? */
extern bool task_is_seen(const TaskRecord *task);
/*
 * The same for who may read or operate the tasks of all owners: EXECUTE on
 * dtsmig.read_all_tasks() or dtsmig.operate_all_tasks().
 */
extern void task_check_reader(const TaskRecord *task);
extern void task_check_operator(const TaskRecord *task);
/* Is the current user a member of the owner role? */
/* Under which its writes are marked as replicated; palloc'd. */
extern char *task_origin_name(const TaskRecord *task);
extern bool task_is_owners(const TaskRecord *task);

/*
 * Raises 0A000 where the task's destination is elsewhere: what, which begins a
 * message, is not possible at a destination elsewhere yet.
 */
extern void task_check_local(const TaskRecord *task, const char *what, const char *hint);

/* Who called, and what the call's settings were. */
typedef struct TaskIdentity
{
	Oid			user;
	int			context;
	int			nestlevel;
} TaskIdentity;

/*
 * Until task_act_end, or an error, this session does what it does as the
 * owner of the task, with a search_path of pg_catalog and nothing that would
 * outlast it: whatever an owner has put into tables, views and functions runs
 * with no other rights than the owner's, also when a superuser calls.
 */
extern void task_act_as_owner(const TaskRecord *task, TaskIdentity *caller);
extern void task_act_end(const TaskIdentity *caller);

/* How messages begin of statements of the source that are not replicated. */
#define EVENT_SKIPPED "skipped: "
#define EVENT_NOT_REPLICATED "a statement of the source is not replicated: "

/* A warning to the caller and in task_log; detail, hint may be NULL. */
extern void task_warn(const TaskRecord *task, const char *message,
					  const char *detail, const char *hint);
extern void task_log_event(int64 task_id, const char *severity,
						   const char *message, const char *detail,
						   const char *hint, const char *sqlstate);

#endif							/* DTSMIG_TASK_H */
