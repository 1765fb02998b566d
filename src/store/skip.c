/*-------------------------------------------------------------------------
 *
 * skip.c
 *	  dtsmig.task: a statement of the source that has stopped a task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/skip.h"

#include "store/sql.h"

void
store_skip_refuse(int64 task_id, const char *position, const char *statement)
{
	(void) store_exec("UPDATE dtsmig.task SET refused_position = $2, "
					  "refused_statement = $3 WHERE task_id = $1", "itt",
					  task_id, position, statement);
}

char *
store_skip_ask(int64 task_id, const char *instead)
{
	StoreRows  *rows;

	rows = store_query("UPDATE dtsmig.task SET skip_position = refused_position, "
					   "skip_statement = $2 WHERE task_id = $1 "
					   "AND refused_position IS NOT NULL "
					   "RETURNING COALESCE(refused_statement, '')", "it", task_id, instead);
	return rows->nrows > 0 ? rows->values[0][0] : NULL;
}

/* One row, if it is to be skipped. */
static bool
instead_of(const StoreRows *rows, char **instead)
{
	if (rows->nrows == 0)
		return false;
	*instead = rows->values[0][0];
	return true;
}

bool
store_skip_wanted(int64 task_id, const char *position, char **instead)
{
	return instead_of(store_query("SELECT skip_statement FROM dtsmig.task "
								  "WHERE task_id = $1 AND skip_position = $2",
								  "it", task_id, position), instead);
}

bool
store_skip_take(int64 task_id, const char *position, char **instead)
{
	return instead_of(store_query("UPDATE dtsmig.task SET skip_position = NULL, "
								  "skip_statement = NULL, refused_position = NULL, "
								  "refused_statement = NULL FROM (SELECT task_id AS id, "
								  "skip_statement AS st FROM dtsmig.task WHERE task_id = $1) o "
								  "WHERE task_id = $1 AND skip_position = $2 RETURNING o.st",
								  "it", task_id, position), instead);
}
