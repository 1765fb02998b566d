/*-------------------------------------------------------------------------
 *
 * run_views.c
 *	  Views that stand in the way of a changed definition.
 *
 * PostgreSQL alters no column and drops no table that a view uses. Views that
 * the task has made itself are dropped for the statement and made again after
 * it, in one transaction; one that the statement leaves without its column
 * stays away, as it does not work at the source any more, either. Views of
 * others are the user's to drop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "core/attempt.h"
#include "store/object.h"
#include "utils/memutils.h"

bool
task_is_view_error(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST ||
		sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED;
}

List *
task_views_of(TaskRun *run, List *pairs, char **others)
{
	StringInfoData tables;
	List	   *views;
	ListCell   *lc;

	initStringInfo(&tables);
	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->before != NULL && pair->differs)
			appendStringInfo(&tables, "%s%s", tables.len > 0 ? "\001" : "",
							 plan_table_name(pair->before));
	}
	*others = NULL;
	/* of a destination elsewhere they are not looked at: they are in the way */
	if (tables.len == 0 || run->dest->elsewhere)
		return NIL;
	views = object_views_of(run->task->id, tables.data);
	foreach(lc, views)
	{
		const ObjectView *view = lfirst(lc);

		if (!view->own)
			*others = *others ? psprintf("%s, %s", *others, view->name) :
				view->name;
	}
	return views;
}

void
task_drop_views(List *views)
{
	ListCell   *lc;

	foreach(lc, views)
	{
		const ObjectView *view = lfirst(lc);

		task_spi(psprintf("DROP VIEW %s", view->name));
	}
}

static void
run_one(void *arg)
{
	task_spi(arg);
}

static void
make_view(TaskRun *run, const ObjectView *view)
{
	ErrorData  *edata = attempt(run_one, psprintf("CREATE VIEW %s AS %s", view->name,
												  view->query));

	if (edata == NULL)
		return;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) !=
		ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION))
		ReThrowError(edata);
	object_view_failed(run->task->id, view->schema, view->relname, edata->message,
					   unpack_sql_state(edata->sqlerrcode));
	task_log_event(run->task->id, "warning",
				   psprintf("view %s does not fit its tables any more, and is gone",
							view->name),
				   psprintf("%s. Its query was: %s", edata->message,
							view->query), NULL, NULL);
}

void
task_make_views(TaskRun *run, List *views)
{
	for (int i = list_length(views); i > 0; i--)
		make_view(run, list_nth(views, i - 1));
}
