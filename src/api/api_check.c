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

/* The task of the first argument, connected to its source, as its owner. */
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
	pc->conn = pc->source->connect(info);
}

Datum
dtsmig_precheck(PG_FUNCTION_ARGS)
{
	PrecheckContext pc;
	TaskIdentity caller;
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	List	   *items;
	ListCell   *lc;

	open_task(fcinfo, &pc, &caller);
	items = precheck_collect(&pc);
	(void) precheck_store(pc.task->id, items);
	foreach(lc, items)
	{
		PrecheckItem *i = lfirst(lc);
		const char *row[] = {i->item, i->status, i->found, i->advice};

		srf_put_texts(rsinfo, row);
	}
	pc.source->close(pc.conn);
	task_act_end(&caller);
	return (Datum) 0;
}

static const char *const phase_names[] =
{"pre_data", "key", "unique", "index", "post_data"};

Datum
dtsmig_preview_schema(PG_FUNCTION_ARGS)
{
	PrecheckContext pc;
	TaskIdentity caller;
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	List	   *plan;
	ListCell   *lc;

	open_task(fcinfo, &pc, &caller);
	plan = plan_selected(pc.source, pc.conn, pc.info,
						 describe_selected(pc.selection, pc.source, pc.conn, pc.info),
						 plan_options(pc.options, pc.selection), NULL);
	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		const char *row[] = {phase_names[st->phase], st->kind, st->name, st->sql,
		st->note};

		srf_put_texts(rsinfo, row);
	}
	pc.source->close(pc.conn);
	task_act_end(&caller);
	return (Datum) 0;
}
