/*-------------------------------------------------------------------------
 *
 * alert_call.c
 *	  Calls the user's function with an alert.
 *
 * It is called as the role that owns the task, which the worker's session
 * belongs to, outside of any transaction that writes rows. What it does to
 * settings is undone, an error of it is noted in the task's log, and one that
 * does not end is ended: the task goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "worker/task_watch.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "store/task.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/varlena.h"

/* Longest that the function may take. */
#define CALL_MS 5000

static void
run_function(const char *function, const char *payload)
{
	List	   *names = dts_qualified_name_list(function);
	Oid			types[1] = {JSONBOID};
	Datum		values[1];
	int			nestlevel = NewGUCNestLevel();

	values[0] = DirectFunctionCall1(jsonb_in, CStringGetDatum(payload));
	/* triggers of the user's tables fire as in the user's own sessions */
	(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	enable_timeout_after(STATEMENT_TIMEOUT, CALL_MS);
	(void) SPI_execute_with_args(psprintf("SELECT %s($1)",
										  NameListToQuotedString(names)),
								 1, types, values, NULL, false, 0);
	disable_timeout(STATEMENT_TIMEOUT, false);
	SPI_finish();
	AtEOXact_GUC(false, nestlevel);
}

static void
call_for_one(int64 task_id, const char *function, const char *payload)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner;
	ErrorData  *volatile edata = NULL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		run_function(function, payload);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	/* a timeout that came too late to matter */
	QueryCancelPending = false;
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (edata != NULL)
	{
		ereport(WARNING,
				(errmsg("the function for alerts of task " INT64_FORMAT " failed: %s",
						task_id, edata->message)));
		task_log_event(task_id, "warning",
					   psprintf("the function %s for alerts failed: %s", function,
								edata->message),
					   edata->detail ? edata->detail : edata->context,
					   "The alert stands in dtsmig.alerts. The function takes a jsonb, and has five seconds.",
					   unpack_sql_state(edata->sqlerrcode));
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
}

void
alert_call(int64 task_id, const char *function, List *reported)
{
	ListCell   *lc;

	if (function == NULL || function[0] == '\0')
		return;
	foreach(lc, reported)
		call_for_one(task_id, function, lfirst(lc));
}
