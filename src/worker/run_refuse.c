/*-------------------------------------------------------------------------
 *
 * run_refuse.c
 *	  A DDL statement that cannot be replicated stops the task, which says so in
 *	  the catalog; skip_change lets it go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "core/error_place.h"
#include "mb/pg_wchar.h"
#include "store/skip.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define STATEMENT_SHOWN 500

char *
task_ddl_shown(const Change *change)
{
	return psprintf("%.*s%s", pg_mbcliplen(change->ddl_sql, strlen(change->ddl_sql),
										   STATEMENT_SHOWN), change->ddl_sql,
					strlen(change->ddl_sql) > STATEMENT_SHOWN ? " ..." : "");
}

void
task_refuse_ddl(TaskRun *run, const Change *change, const char *where,
				const char *why, const char *schema, const char *table)
{
	char	   *text;

	text = MemoryContextStrdup(run->cxt, task_ddl_shown(change));
	where = MemoryContextStrdup(run->cxt, where);
	why = MemoryContextStrdup(run->cxt, why);
	if (table != NULL)
	{
		schema = MemoryContextStrdup(run->cxt, schema);
		table = MemoryContextStrdup(run->cxt, table);
	}
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->cxt);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_skip_refuse(run->task->id, change->ddl_before, change->ddl_sql);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	error_place_set_skippable();
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a statement of the source cannot be replicated: %s", text),
			 errdetail("%s. %s.", where, why),
			 errhint("Remove what is in the way, or do at the destination what the statement does and skip it; a second argument of skip_change is SQL to run in its place."),
			 table ? err_generic_string(PG_DIAG_SCHEMA_NAME, schema) : 0,
			 table ? err_generic_string(PG_DIAG_TABLE_NAME, table) : 0));
}

/* Did the user say to skip this statement? */
bool
task_ddl_is_skipped(TaskRun *run, const Change *change, char **statement)
{
	return store_skip_take(run->task->id, change->ddl_before, statement);
}
