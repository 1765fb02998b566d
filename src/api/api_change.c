/*-------------------------------------------------------------------------
 *
 * api_change.c
 *	  SQL functions for a task that DDL has stopped: ways on.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "store/skip.h"
#include "store/states.h"
#include "store/table.h"
#include "store/task.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "worker/destination.h"

DTS_FUNCTION(dtsmig_skip_change);
DTS_FUNCTION(dtsmig_resync_table);

/*
 * The worker skips the statement at this position, and at no other.
 */
Datum
dtsmig_skip_change(PG_FUNCTION_ARGS)
{
	char	   *statement = PG_ARGISNULL(1) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(1));
	TaskRecord *task;
	char	   *refused;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("task must not be null")));
	task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	task_check_owner(task);
	refused = store_skip_ask(task->id, statement);
	if (refused == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement has stopped task \"%s\"", task->name)));
	task_log_event(task->id, "warning",
				   psprintf("to be skipped: %.500s", refused),
				   statement, NULL, NULL);
	PG_RETURN_VOID();
}

/* The running worker looks for it each second. */
Datum
dtsmig_resync_table(PG_FUNCTION_ARGS)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	char	   *table = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const DestRoutine *dest;
	int			n;

	task_check_owner(task);
	dest = destination_routine(task, task->owner);
	if (strcmp(task->wanted, TASK_WANTED_RELEASED) == 0 ||
		strcmp(task->status, TASK_STATUS_CUT_OVER) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" is %s: its source counts no more", task->name,
						task->status)));
	if (!task->do_incremental ||
		(strcmp(task->step, TASK_STEP_CHANGES) != 0 &&
		 strcmp(task->step, TASK_STEP_CATCHUP) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" does not follow changes", task->name),
				 errhint("Wait until its full load is done.")));
	/*
	 * One that is being copied needs no other copy; one that waits, waits. The
	 * log is not read again for a destination whose ledger has all of it: there
	 * the rest of the task waits.
	 */
	n = store_tables_ask_resync(task->id, table, dest->elsewhere);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("task \"%s\" has no table \"%s\"", task->name, table),
				 errhint("The view dtsmig.task_tables lists them.")));
	if (n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("task \"%s\" has more than one table \"%s\"", task->name,
						table),
				 errhint("Give its schema, too.")));
	task_log_event(task->id, "info",
				   psprintf("table %s is to be copied again", table),
				   "It was asked for.", NULL, NULL);
	PG_RETURN_VOID();
}
