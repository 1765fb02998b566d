/*-------------------------------------------------------------------------
 *
 * api_check.c
 *	  SQL functions that look and change nothing: test_connection, precheck,
 *	  preview_schema.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "api/srf.h"
#include "store/task.h"
#include "check/precheck.h"
#include "core/attempt.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "source/source.h"
#include "tables/describe.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/destination.h"

DTS_FUNCTION(dtsmig_test_connection);
DTS_FUNCTION(dtsmig_precheck);
DTS_FUNCTION(dtsmig_preview_schema);
DTS_FUNCTION(dtsmig_ignore_precheck);
DTS_FUNCTION(dtsmig_precheck_item_list);

Datum
dtsmig_test_connection(PG_FUNCTION_ARGS)
{
	ConnectionInfo *info = connection_info(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   GetUserId());
	const SourceRoutine *source = source_routine(info->server_type);
	SourceConn *conn;
	SourceIdentity id;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};
	char	   *position;
	TimestampTz began;
	Interval   *trip = palloc0(sizeof(Interval));

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&id, 0, sizeof(id));
	conn = source->connect(info);
	began = GetCurrentTimestamp();
	source->identify(conn, &id);
	trip->time = GetCurrentTimestamp() - began;
	position = source->current_position(conn);
	source->close(conn);

	values[0] = CStringGetTextDatum(id.product);
	values[1] = CStringGetTextDatum(id.version);
	nulls[2] = id.account == NULL;
	if (id.account)
		values[2] = CStringGetTextDatum(id.account);
	values[3] = CStringGetTextDatum(!id.tls ? "no" :
									id.tls_cipher ? id.tls_cipher : "yes");
	nulls[4] = position == NULL;
	if (position)
		values[4] = CStringGetTextDatum(position);
	values[5] = IntervalPGetDatum(trip);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/*
 * The task of the first argument, as its owner; not connected to its source
 * yet.
 */
static void
open_task(FunctionCallInfo fcinfo, PrecheckContext *pc, TaskIdentity *caller)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	ConnectionInfo *info;

	task_check_owner(task);
	pc->task = task;
	pc->options = options_parse(task->options);
	pc->selection = selection_parse(task->objects);
	task_act_as_owner(task, caller);
	info = task_connection(task, task->owner);
	pc->info = info;
	pc->source = source_routine(info->server_type);
	pc->conn = NULL;
	pc->dest = NULL;
}

static void
attach(void *arg)
{
	PrecheckContext *pc = arg;

	pc->dest = destination_attach(pc->task, pc->options, pc->task->owner, false);
}

/* False, with an item that says why, where the destination cannot be reached. */
static bool
reach_destination(PrecheckContext *pc, List **items)
{
	ErrorData  *edata = attempt(attach, pc);

	if (edata == NULL)
		return true;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		ReThrowError(edata);
	precheck_add(items, "destination_kind", PRECHECK_FAILED,
				 psprintf("%s%s%s", edata->message, edata->detail ? ": " : "",
						  edata->detail ? edata->detail : ""),
				 edata->hint ? edata->hint : "Fix the options of the server, or the user mapping.");
	return false;
}

Datum
dtsmig_precheck(PG_FUNCTION_ARGS)
{
	PrecheckContext pc;
	TaskIdentity caller;
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	List	   *items = NIL;
	ListCell   *lc;

	open_task(fcinfo, &pc, &caller);
	if (reach_destination(&pc, &items) && precheck_connect(&pc, &items))
	{
		items = precheck_collect(&pc);
		pc.source->close(pc.conn);
	}
	(void) precheck_store(pc.task->id, items);
	foreach(lc, items)
	{
		PrecheckItem *i = lfirst(lc);
		const char *row[] = {i->item, i->status, i->found, precheck_advice(i)};

		srf_put_texts(rsinfo, row);
	}
	task_act_end(&caller);
	return (Datum) 0;
}

Datum
dtsmig_ignore_precheck(PG_FUNCTION_ARGS)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);

	task_check_owner(task);
	precheck_ignore(task, text_to_cstring(PG_GETARG_TEXT_PP(1)),
					PG_GETARG_BOOL(2));
	PG_RETURN_VOID();
}

Datum
dtsmig_precheck_item_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	int			n;
	const PrecheckDef *table = precheck_table(&n);

	for (int i = 0; i < n; i++)
	{
		const char *row[] = {table[i].name, table[i].side, table[i].sources,
		table[i].description};

		srf_put_texts(rsinfo, row);
	}
	return (Datum) 0;
}

static const char *const phase_names[] =
{"pre_data", "key", "unique", "index", "post_data"};

static void
put_rename(ReturnSetInfo *rsinfo, const char *target, char *note)
{
	const char *row[] = {phase_names[PLAN_PRE_DATA], "rename", target, NULL, note};

	srf_put_texts(rsinfo, row);
}

/* Has the plan itself said that this name is another? */
static bool
is_known_change(List *names, const char *kind, const char *source)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		NameChange *change = lfirst(lc);

		if (strcmp(change->kind, kind) == 0 && strcmp(change->source, source) == 0)
			return true;
	}
	return false;
}

/*
 * Names that the plan changed, and those that rules give: a row each, after
 * the statements.
 */
static void
put_renames(ReturnSetInfo *rsinfo, const PrecheckContext *pc, const PlanOptions *options,
			List *tables, List *names)
{
	NameCase	name_case = (NameCase) pc->options->name_case;
	ListCell   *lc;
	ListCell   *lc2;

	if (name_case == NAME_CASE_DEFAULT && pc->source->own_definitions)
		name_case = NAME_CASE_SOURCE;
	foreach(lc, names)
	{
		NameChange *change = lfirst(lc);

		put_rename(rsinfo, change->target,
				   psprintf("%s %s becomes %s (%s)", change->kind, change->source,
							change->target, change->reason));
	}
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *source = psprintf("%s.%s", def->schema, def->name);

		if (def->target_name == NULL || def->target_schema == NULL)
			continue;
		if (!is_known_change(names, "table", source) &&
			(strcmp(def->target_name, plan_name(def->name, name_case, false)) != 0 ||
			 strcmp(def->target_schema, plan_name(def->schema, name_case, false)) != 0))
			put_rename(rsinfo, def->target_name,
					   psprintf("table %s becomes %s (rule)", source,
								plan_table_name(def)));
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);
			char	   *column = psprintf("%s.%s", source, col->name);

			/* a generated one that does not translate is reported with its table */
			if (col->left_out && !(options->mysql && col->generation_expr))
				put_rename(rsinfo, col->name,
						   psprintf("column %s is left out (rule)", column));
			else if (col->target_name != NULL &&
					 !is_known_change(names, "column", column) &&
					 strcmp(col->target_name, plan_name(col->name, name_case, true)) != 0)
				put_rename(rsinfo, col->target_name,
						   psprintf("column %s becomes %s (rule)", column,
									quote_identifier(col->target_name)));
		}
	}
}

Datum
dtsmig_preview_schema(PG_FUNCTION_ARGS)
{
	PrecheckContext pc;
	TaskIdentity caller;
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	List	   *tables;
	List	   *plan;
	List	   *names = NIL;
	PlanOptions *options;
	ListCell   *lc;

	open_task(fcinfo, &pc, &caller);
	attach(&pc);
	pc.conn = pc.source->connect(pc.info);
	tables = describe_selected(pc.selection, pc.source, pc.conn, pc.info);
	options = plan_options(pc.options, pc.selection);
	plan = plan_selected(pc.source, pc.conn, pc.info, tables, options, &names);
	if (!pc.source->own_definitions && !pc.dest->elsewhere)
		precheck_views(tables, plan, options);
	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		const char *row[] = {phase_names[st->phase], st->kind, st->name, st->sql,
		st->notes ? linitial(st->notes) : st->note};
		ListCell   *lc2;

		/* a row for each further note, without the statement */
		srf_put_texts(rsinfo, row);
		row[3] = NULL;
		for_each_from(lc2, st->notes, 1)
		{
			row[4] = lfirst(lc2);
			srf_put_texts(rsinfo, row);
		}
	}
	put_renames(rsinfo, &pc, options, tables, names);
	pc.source->close(pc.conn);
	task_act_end(&caller);
	return (Datum) 0;
}
