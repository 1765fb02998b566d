/*-------------------------------------------------------------------------
 *
 * precheck_views.c
 *	  Are the views that translate ones that this server takes?
 *
 * The planned tables that views are made of are made once more, empty, in
 * schemas of their own, and the views over them; then all is rolled back. What
 * fails is a note of the view's statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "core/attempt.h"
#include "core/one_statement.h"
#include "miscadmin.h"
#include "schema/mysql_expr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

typedef struct Trial
{
	List	   *copies;			/* TableDef *, in the schemas of the trial */
	List	   *used;			/* … that views are made of */
	List	   *plan;			/* PlanStatement *, of the copies */
	List	   *wanted;			/* PlanStatement *, of the task */
} Trial;

static bool
is_view(const PlanStatement *st)
{
	return strcmp(st->kind, "view") == 0 && st->sql != NULL;
}

static List *
copy_columns(List *columns)
{
	List	   *copies = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		TableColumn *col = palloc(sizeof(TableColumn));

		*col = *(TableColumn *) lfirst(lc);
		/* an enum column would keep the type that it has */
		col->pg_type = NULL;
		copies = lappend(copies, col);
	}
	return copies;
}

/* The tables without what no view needs, in a schema for each of theirs. */
static List *
copy_tables(List *tables)
{
	List	   *copies = NIL;
	List	   *schemas = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		TableDef   *def = palloc(sizeof(TableDef));
		int			n = 0;

		*def = *(TableDef *) lfirst(lc);
		foreach(lc2, schemas)
		{
			if (strcmp(lfirst(lc2), def->target_schema) == 0)
				break;
			n++;
		}
		if (n == list_length(schemas))
			schemas = lappend(schemas, def->target_schema);
		def->target_schema = psprintf("dtsmig_trial_%d_%d", MyProcPid, n);
		def->columns = copy_columns(def->columns);
		def->foreign_keys = def->checks = NIL;
		copies = lappend(copies, def);
	}
	return copies;
}

/* What a view is made of, and what its views are made of. */
static void
use_tables(Trial *trial, const TableDef *view)
{
	MyExprResult query = mysql_translate_query(view->view_definition,
											   trial->copies, view->schema);
	ListCell   *lc;

	foreach(lc, query.tables)
	{
		TableDef   *def = lfirst(lc);

		if (list_member_ptr(trial->used, def))
			continue;
		trial->used = lappend(trial->used, def);
		if (def->is_view)
			use_tables(trial, def);
	}
}

static bool
is_used(const Trial *trial, const PlanStatement *st)
{
	ListCell   *lc;

	if (st->schema == NULL)
		return strcmp(st->kind, "schema") == 0 || strcmp(st->kind, "collation") == 0;
	if (strcmp(st->kind, "table") != 0 && strcmp(st->kind, "type") != 0)
		return false;
	foreach(lc, trial->used)
	{
		TableDef   *def = lfirst(lc);

		if (strcmp(def->schema, st->schema) == 0 && strcmp(def->name, st->table) == 0)
			return true;
	}
	return false;
}

static void
add_note(PlanStatement *st, char *note, bool warning)
{
	st->note = st->note == NULL ? note : psprintf("%s; %s", st->note, note);
	st->notes = lappend(st->notes, note);
	st->warning |= warning;
}

static void
run(void *arg)
{
	(void) run_one_statement(arg);
}

/* The error of a statement that this server does not take; NULL: it does. */
static char *
try_statement(char *sql)
{
	ErrorData  *edata = attempt(run, sql);
	int			category;

	if (edata == NULL)
		return NULL;
	category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	if (category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES))
		ReThrowError(edata);
	return edata->message;
}

/* The statement of the task for that view. */
static PlanStatement *
wanted_statement(const Trial *trial, const PlanStatement *view)
{
	ListCell   *lc;

	foreach(lc, trial->wanted)
	{
		PlanStatement *st = lfirst(lc);

		if (is_view(st) && strcmp(st->schema, view->schema) == 0 &&
			strcmp(st->table, view->table) == 0)
			return st;
	}
	return NULL;
}

/* NULL, or what keeps views from being tried. */
static char *
try_views(const Trial *trial)
{
	ListCell   *lc;

	foreach(lc, trial->plan)
	{
		PlanStatement *st = lfirst(lc);
		PlanStatement *wanted;
		char	   *error;

		CHECK_FOR_INTERRUPTS();
		if (st->sql == NULL || !(is_view(st) || is_used(trial, st)))
			continue;
		error = try_statement(st->sql);
		wanted = is_view(st) ? wanted_statement(trial, st) : NULL;
		if (error != NULL && !is_view(st))
			return psprintf("%s %s: %s", st->kind, st->name, error);
		if (error != NULL && wanted != NULL)
			add_note(wanted, psprintf("this server does not take the view: %s", error),
					 true);
	}
	return NULL;
}

/* Whatever comes of it, nothing is left. NULL, or why views were not tried. */
static char *
try_and_undo(const Trial *trial)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;
	char	   *volatile why = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		why = try_views(trial);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (edata == NULL)
		return why;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		ReThrowError(edata);
	return edata->message;
}

void
precheck_views(List *tables, List *plan, const PlanOptions *options)
{
	Trial		trial = {0};
	PlanStatement *first = NULL;
	char	   *why = NULL;
	ListCell   *lc;

	foreach(lc, plan)
	{
		if (first == NULL && is_view(lfirst(lc)))
			first = lfirst(lc);
	}
	if (first == NULL || options->targets_only)
		return;
	trial.wanted = plan;
	trial.copies = copy_tables(tables);
	trial.plan = plan_schema(trial.copies, options, NULL);
	foreach(lc, trial.copies)
	{
		TableDef   *def = lfirst(lc);

		if (def->is_view && !def->merged)
			use_tables(&trial, def);
	}
	if (XactReadOnly || RecoveryInProgress())
		why = pstrdup("nothing can be made at the destination now");
	else
		why = try_and_undo(&trial);
	if (why != NULL)
		add_note(first, psprintf("views were not tried: %s", why), false);
}
