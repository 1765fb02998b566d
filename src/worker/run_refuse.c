/*-------------------------------------------------------------------------
 *
 * run_refuse.c
 *	  A DDL statement that cannot be carried stops the task, which says so in
 *	  the books; skip_change lets it go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/books.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define STATEMENT_SHOWN 500

char *
task_ddl_shown(const Change *change)
{
	return psprintf("%.*s%s", STATEMENT_SHOWN, change->ddl_sql,
					strlen(change->ddl_sql) > STATEMENT_SHOWN ? " ..." : "");
}

void
task_refuse_ddl(TaskRun *run, const Change *change, const char *where,
				const char *why)
{
	char	   *text;

	text = MemoryContextStrdup(run->cxt, task_ddl_shown(change));
	where = MemoryContextStrdup(run->cxt, where);
	why = MemoryContextStrdup(run->cxt, why);
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run->cxt);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) books_exec("UPDATE dtsmig.task SET refused_position = $2, "
					  "refused_statement = $3 WHERE task_id = $1", "itt",
					  run->task->id, change->ddl_before, change->ddl_sql);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a statement of the source cannot be carried: %s", text),
			 errdetail("%s. %s.", where, why),
			 errhint("Do at the destination what is needed, then dtsmig.skip_change(task) and resume_task; dtsmig.skip_change(task, statement) runs a statement of yours instead. dtsmig.resync_table copies the table again.")));
}

/* Did the user say to pass over this statement? */
bool
task_ddl_is_skipped(TaskRun *run, const Change *change, char **statement)
{
	BookRows   *rows;

	rows = books_query("UPDATE dtsmig.task SET skip_position = NULL, "
					   "skip_statement = NULL, refused_position = NULL, "
					   "refused_statement = NULL FROM (SELECT task_id AS id, "
					   "skip_statement AS st FROM dtsmig.task WHERE task_id = $1) o "
					   "WHERE task_id = $1 AND skip_position = $2 RETURNING o.st",
					   "it", run->task->id, change->ddl_before);
	if (rows->nrows == 0)
		return false;
	*statement = rows->values[0][0];
	return true;
}
