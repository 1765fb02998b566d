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
#include "store/sql.h"
#include "utils/memutils.h"

struct TaskView
{
	char	   *name;			/* with its schema, quoted */
	char	   *relname;
	char	   *schema;
	char	   *query;
};

#define VIEWS_QUERY \
	"WITH RECURSIVE base AS (SELECT to_regclass(x)::oid AS oid " \
	"FROM unnest(string_to_array($2, chr(1))) x), v (oid, depth) AS (" \
	"SELECT r.ev_class, 1 FROM base b JOIN pg_depend d " \
	"ON d.refclassid = 'pg_class'::regclass AND d.refobjid = b.oid " \
	"AND d.classid = 'pg_rewrite'::regclass " \
	"JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> b.oid " \
	"UNION SELECT r.ev_class, v.depth + 1 FROM v JOIN pg_depend d " \
	"ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid " \
	"AND d.classid = 'pg_rewrite'::regclass " \
	"JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> v.oid) " \
	"SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), " \
	"c.relname, pg_get_viewdef(c.oid), EXISTS (SELECT 1 " \
	"FROM dtsmig.task_object o WHERE o.task_id = $1 AND o.kind = 'view' " \
	"AND COALESCE(o.target_schema, n.nspname) = n.nspname " \
	"AND o.name = c.relname AND o.state = 'done') AND c.relkind = 'v', n.nspname " \
	"FROM v JOIN pg_class c ON c.oid = v.oid " \
	"JOIN pg_namespace n ON n.oid = c.relnamespace " \
	"GROUP BY c.oid, n.nspname ORDER BY max(v.depth) DESC"

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
	List	   *views = NIL;
	StoreRows   *rows;
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
	rows = store_query(VIEWS_QUERY, "it", run->task->id, tables.data);
	for (int i = 0; i < rows->nrows; i++)
	{
		TaskView   *view = palloc0(sizeof(TaskView));

		view->name = rows->values[i][0];
		view->relname = rows->values[i][1];
		view->query = rows->values[i][2];
		view->schema = rows->values[i][4];
		views = lappend(views, view);
		if (!store_bool(rows, i, 3))
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
		TaskView   *view = lfirst(lc);

		task_spi(psprintf("DROP VIEW %s", view->name));
	}
}

static void
run_one(void *arg)
{
	task_spi(arg);
}

static void
make_view(TaskRun *run, const TaskView *view)
{
	ErrorData  *edata = attempt(run_one, psprintf("CREATE VIEW %s AS %s", view->name,
												  view->query));

	if (edata == NULL)
		return;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) !=
		ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION))
		ReThrowError(edata);
	(void) store_exec("UPDATE dtsmig.task_object SET state = 'failed', "
					  "error = $3, error_code = $5 WHERE task_id = $1 AND kind = 'view' "
					  "AND name = $2 AND COALESCE(target_schema, $4) = $4",
					  "itttt", run->task->id, view->relname,
					  edata->message, view->schema,
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
