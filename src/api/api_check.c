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
#include "catalog/books.h"
#include "catalog/task.h"
#include "check/precheck.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "source/source.h"
#include "transform/describe.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

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
	if (precheck_connect(&pc, &items))
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

/*
 * Names that the plan changed, and those that rules give: a row each, after
 * the statements.
 */
static void
put_renames(ReturnSetInfo *rsinfo, List *tables, List *names)
{
	List	   *all = list_copy(names);
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *source = psprintf("%s.%s", def->schema, def->name);
		bool		known = false;
		ListCell   *lc2;
		NameChange *change;

		foreach(lc2, names)
			known |= strcmp(((NameChange *) lfirst(lc2))->kind, "table") == 0 &&
				strcmp(((NameChange *) lfirst(lc2))->source, source) == 0;
		if (known || def->target_name == NULL || strcmp(def->name, def->target_name) == 0)
			continue;
		change = palloc0(sizeof(NameChange));
		change->kind = "table";
		change->source = source;
		change->target = def->target_name;
		change->reason = "rule";
		all = lappend(all, change);
	}
	foreach(lc, all)
	{
		NameChange *change = lfirst(lc);
		const char *row[] = {phase_names[PLAN_PRE_DATA], "rename", change->target,
			NULL,
			psprintf("%s %s becomes %s (%s)", change->kind, change->source,
					 change->target, change->reason)};

		srf_put_texts(rsinfo, row);
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
	ListCell   *lc;

	open_task(fcinfo, &pc, &caller);
	pc.conn = pc.source->connect(pc.info);
	tables = describe_selected(pc.selection, pc.source, pc.conn, pc.info);
	plan = plan_selected(pc.source, pc.conn, pc.info, tables,
						 plan_options(pc.options, pc.selection), &names);
	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		const char *row[] = {phase_names[st->phase], st->kind, st->name, st->sql,
		st->note};

		srf_put_texts(rsinfo, row);
	}
	put_renames(rsinfo, tables, names);
	pc.source->close(pc.conn);
	task_act_end(&caller);
	return (Datum) 0;
}
