/*-------------------------------------------------------------------------
 *
 * zero_dates.c
 *	  Zero dates that turn up in columns which are NOT NULL at the destination.
 *
 * Under the policy "null" they become NULL. A column keeps NOT NULL as long as
 * no row of the source holds one (my_zero_dates.c looks before tables are
 * made); the first that comes takes it away.
 *
 *	changes		the decoder marks the column; before the row is taken the table
 *				is altered, in the transaction that gets the row
 *	rows		all workers write to the table: who finds one gives up what it
 *				has copied, alters the table by itself, and starts again
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/zero_dates.h"

#include "access/xact.h"
#include "core/one_statement.h"
#include "store/alert.h"
#include "store/sql.h"
#include "store/version.h"
#include "schema/plan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/statement.h"
#include "worker/task_watch.h"

/* What a copy has run into, until it is settled. */
static int64 waiting_table = 0;
static List *waiting_columns = NIL;		/* char *, names at the source */

/* All definitions of the task that describe this column. */
static void
note_nullable(const TaskRecord *task, int64 table_id, const char *column)
{
	ListCell   *lc;

	foreach(lc, store_versions_of_target(table_id))
	{
		StoreVersion *version = lfirst(lc);
		TableDef   *def = model_from_jsonb(version->definition);
		TableColumn *col = model_find_column(def, column);

		if (col == NULL)
			continue;
		col->zero_dates = col->target_nullable = true;
		version->definition = model_to_jsonb(def);
		store_version_correct(version);
	}
}

static bool
is_not_null(const char *table, const char *column)
{
	StoreRows   *rows;

	if (one_statement_is_elsewhere())
		return select_one_value(psprintf("SELECT 1 FROM pg_catalog.pg_attribute a "
										 "WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s "
										 "AND a.attnotnull", quote_literal_cstr(table),
										 quote_literal_cstr(column))) != NULL;
	rows = store_query("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a "
					   "WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2 "
					   "AND a.attnotnull)", "tt", table, column);
	return store_bool(rows, 0, 0);
}

/* One column of a table; in the current transaction. */
static char *
allow_null(const TaskRecord *task, int64 table_id, const char *column)
{
	TableDef   *def;
	Jsonb	   *definition;
	TableColumn *col;
	char	   *table;
	char	   *subject;

	definition = store_version_latest(table_id);
	if (definition == NULL)
		return NULL;
	def = model_from_jsonb(definition);
	col = model_find_column(def, column);
	if (col == NULL || col->target_name == NULL)
		return NULL;
	table = plan_table_name(def);
	/* another worker may have done it before */
	if (!is_not_null(table, col->target_name))
		return NULL;
	statement_execute(psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",
							   table, quote_identifier(col->target_name)), false);
	CommandCounterIncrement();
	note_nullable(task, table_id, column);
	subject = psprintf("%s.%s.%s", def->target_schema, def->target_name, col->target_name);
	task_log_event(task->id, "warning",
				   psprintf("column %s is not NOT NULL any more: the source has a zero date in it, which becomes NULL",
							subject),
				   NULL, "Option zero_date chooses otherwise.", NULL);
	return alert_raise(task->id, ALERT_ZERO_DATE, subject,
					   psprintf("column %s is not NOT NULL any more", subject),
					   "The source has a zero date in it, which becomes NULL.",
					   "Option zero_date chooses otherwise; clear_alert clears this.");
}

List *
zero_dates_allow(const TaskRecord *task, SourceRelation *rel)
{
	List	   *reported = NIL;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		SourceColumn *col = &rel->columns[i];
		TableColumn *def = list_nth(rel->def->columns, i);
		char	   *text;

		if (!col->zero_seen)
			continue;
		text = allow_null(task, rel->table_id, col->name);
		if (text != NULL)
			reported = lappend(reported, text);
		col->zero_seen = col->target_not_null = false;
		def->zero_dates = def->target_nullable = true;
	}
	rel->zero_seen = false;
	return reported;
}

void
zero_dates_check(const TaskRecord *task, SourceRelation *rel)
{
	MemoryContext old;

	/* tables that the task has not made are not its to alter */
	if (likely(!rel->zero_seen) || !task->do_schema)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	list_free_deep(waiting_columns);
	waiting_columns = NIL;
	waiting_table = rel->table_id;
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (rel->columns[i].zero_seen)
			waiting_columns = lappend(waiting_columns, pstrdup(rel->columns[i].name));
	}
	MemoryContextSwitchTo(old);
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("a zero date of table \"%s\".\"%s\" becomes NULL in a column that is NOT NULL",
					rel->schema, rel->name),
			 errhint("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL; makes room for it.",
					 quote_qualified_identifier(rel->target_schema, rel->target_name),
					 quote_identifier(linitial(waiting_columns)))));
}

bool
zero_dates_wait(void)
{
	return waiting_table != 0;
}

void
zero_dates_settle(const TaskRecord *task, const char *alert_function)
{
	MemoryContext cxt = CurrentMemoryContext;
	int64		table_id = waiting_table;
	List	   *reported = NIL;
	ListCell   *lc;

	waiting_table = 0;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	foreach(lc, waiting_columns)
	{
		char	   *text = allow_null(task, table_id, lfirst(lc));

		if (text != NULL)
			reported = lappend(reported, text);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	alert_call(task->id, alert_function, reported);
}
