/*-------------------------------------------------------------------------
 *
 * api_reverse.c
 *	  The SQL function that makes the way back of a task: the task in the other
 *	  direction, whose rules undo those of the task.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "api/api_task.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "schema/model.h"
#include "source/source.h"
#include "store/states.h"
#include "store/task.h"
#include "store/version.h"
#include "store/way_back.h"
#include "transform/select.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

DTS_FUNCTION(dtsmig_reverse_task);

extern Datum dtsmig_create_task(PG_FUNCTION_ARGS);

/* Of the task's options, those that are of its destination alone are not handed on. */
static const char *const own_options[] = {
	"conflict", "owners", "grants", "tablespaces", "name_case", "search_path", "origin",
	"comments", "publications", "subscriptions", "event_triggers", "security_labels"
};

static void
refuse(const char *what, const char *schema, const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the way back of table \"%s\".\"%s\" is not possible: %s", schema, table, what)));
}

static void
put(StringInfo buf, const char *key, const char *value)
{
	appendStringInfo(buf, "%s", buf->data[buf->len - 1] == '{' ? "" : ", ");
	escape_json(buf, key);
	appendStringInfoString(buf, ": ");
	if (value != NULL)
		escape_json(buf, value);
	else
		appendStringInfoString(buf, "null");
}

/* What the rule of a table has to say, so that its rows are those of the source again. */
static void
put_shape(StringInfo buf, const TableDef *def, const ShapeRule *rule)
{
	StringInfoData columns;
	bool		renamed = false;
	ListCell   *lc;

	initStringInfo(&columns);
	appendStringInfoChar(&columns, '{');
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->target_name == NULL)
			renamed = true;
		else if (strcmp(col->target_name, col->name) != 0)
		{
			renamed = true;
			put(&columns, col->target_name, col->name);
		}
	}
	foreach(lc, rule != NULL ? rule->set : NIL)
	{
		const RuleSet *set = lfirst(lc);

		if (model_find_target_column(def, set->target) != NULL)
			refuse(psprintf("a rule computes its column \"%s\"", set->target),
				   def->schema, def->name);
		put(&columns, set->target, NULL);
	}
	if (columns.len > 1)
		appendStringInfo(buf, ", \"columns\": %s}", columns.data);
	if (rule == NULL)
		return;
	if (rule->primary_key != NIL || rule->operations != OPERATION_ALL)
		refuse("a rule gives it another key, or leaves out operations", def->schema, def->name);
	if (rule->filter != NULL && renamed)
		refuse("a rule filters its rows by the names of columns that it renames or leaves out",
			   def->schema, def->name);
	if (rule->filter != NULL)
		put(buf, "filter", rule->filter);
}

/* The rules of the way back; each table has one. */
static char *
rules_back(const TaskRecord *task)
{
	Selection  *selection = selection_parse(task->objects);
	StringInfoData buf;
	List	   *tables = store_way_back_tables(task->id);
	ListCell   *lc;

	if (tables == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" has not read its tables yet", task->name),
				 errhint("SELECT dtsmig.wait_for(%s, 'incremental');",
						 quote_literal_cstr(task->name))));
	initStringInfo(&buf);
	foreach(lc, tables)
	{
		const WayBackTable *t = lfirst(lc);
		TableDef   *def = model_from_jsonb(store_version_latest(t->id));

		if (t->merged)
			refuse("rows of several tables are in it", t->schema, t->name);
		appendStringInfoString(&buf, lc == list_head(tables) ? "[{" : ", {");
		put(&buf, "schema", t->target_schema);
		put(&buf, "table", t->target_name);
		put(&buf, "target_schema", t->schema);
		put(&buf, "target_table", t->name);
		put_shape(&buf, def, selection_shape(selection, t->schema, t->name));
		appendStringInfoChar(&buf, '}');
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

static Datum
jsonb_of(const char *text)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

/* Those of the task that are of use, and on top of them what the user says. */
static Datum
options_back(const TaskRecord *task, Datum more)
{
	Datum		options = JsonbPGetDatum(task->options);
	char	   *type = foreign_server_type(task->source);

	for (int i = 0; i < lengthof(own_options); i++)
		options = DirectFunctionCall2(jsonb_delete, options,
									  CStringGetTextDatum(own_options[i]));
	/* values that PostgreSQL does not have stay as they are at the old source */
	if (type != NULL && !source_routine(type)->own_definitions)
		options = DirectFunctionCall2(jsonb_concat, options,
									  jsonb_of("{\"replica_identity\": \"all\"}"));
	return DirectFunctionCall2(jsonb_concat, options, more);
}

static char *
name_back(const TaskRecord *task)
{
	int			room = NAMEDATALEN - 1 - (int) strlen("_back");

	return psprintf("%.*s_back", pg_mbcliplen(task->name, strlen(task->name), room), task->name);
}

void
reverse_renew(const TaskRecord *task, TaskRecord *partner)
{
	if (partner->reverse_of == task->id)
		partner->objects = DatumGetJsonbP(jsonb_of(rules_back(task)));
}

Datum
dtsmig_reverse_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task;
	LOCAL_FCINFO(call, 6);
	Datum		id;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", PG_ARGISNULL(0) ? "task" : "options")));
	task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	task_check_owner(task);
	if (!task->do_incremental)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" does not follow changes", task->name)));
	if (task_load_partner(task, false) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("task \"%s\" has a way back already: task \"%s\"", task->name,
						task_load_partner(task, false)->name)));
	if (strcmp(task->wanted, TASK_WANTED_RUNNING) != 0 &&
		strcmp(task->wanted, TASK_WANTED_PAUSED) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" is %s: what was written since is not known any more",
						task->name, task->status),
				 errhint("The way back is made while the task runs.")));
	InitFunctionCallInfoData(*call, fcinfo->flinfo, 6, InvalidOid, NULL, NULL);
	for (int i = 0; i < 6; i++)
		call->args[i].isnull = false;
	call->args[0].value = PG_ARGISNULL(1) ? CStringGetTextDatum(name_back(task)) : PG_GETARG_DATUM(1);
	call->args[1].value = CStringGetTextDatum(task->destination);
	call->args[2].value = CStringGetTextDatum(task->source);
	call->args[3].value = OidInputFunctionCall(F_ARRAY_IN, pstrdup("{incremental}"), TEXTOID, -1);
	call->args[4].value = jsonb_of(rules_back(task));
	call->args[5].value = options_back(task, PG_GETARG_DATUM(2));
	id = dtsmig_create_task(call);
	store_way_back_link(DatumGetInt64(id), task);
	PG_RETURN_DATUM(id);
}
