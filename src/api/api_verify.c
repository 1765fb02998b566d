/*-------------------------------------------------------------------------
 *
 * api_verify.c
 *	  SQL functions that compare a task's tables with the source's.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "api/srf.h"
#include "store/difference.h"
#include "catalog/pg_type.h"
#include "store/states.h"
#include "store/task.h"
#include "store/verify_run.h"
#include "check/verify.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "worker/destination.h"
#include "worker/task_run.h"

DTS_FUNCTION(dtsmig_verify);
DTS_FUNCTION(dtsmig_repair);

static VerifyMode
mode_of(const char *name)
{
	if (strcmp(name, "full") == 0)
		return VERIFY_FULL;
	if (strcmp(name, "sample") == 0)
		return VERIFY_SAMPLE;
	if (strcmp(name, "incremental") == 0)
		return VERIFY_INCREMENTAL;
	if (strcmp(name, "schema") == 0)
		return VERIFY_SCHEMA;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid mode \"%s\" of a verification", name),
			 errhint("Modes are full, sample, incremental and schema.")));
	return VERIFY_FULL;
}

static List *
text_list(Datum array)
{
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	List	   *list = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			list = lappend(list, TextDatumGetCString(elems[i]));
	return list;
}

/* What is not copied yet need not be compared. */
static void
check_state(const TaskRecord *task, VerifyMode mode)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a verification has to see what the task applies meanwhile"),
				 errhint("Use isolation level READ COMMITTED.")));
	if (mode == VERIFY_SCHEMA ? strcmp(task->step, "new") != 0 :
		strcmp(task->step, "changes") == 0 || strcmp(task->step, "done") == 0 ||
		strcmp(task->status, "completed") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("task \"%s\" has not copied its tables yet", task->name),
			 errhint("Use wait_for(task, 'incremental').")));
}

static Datum
json_datum(const char *text)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

static void
put_result(ReturnSetInfo *rsinfo, const VerifyResult *r, bool data)
{
	static const char *const kinds[] = {"missing", "extra", "differs"};
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = Int64GetDatum(r->id);
	values[1] = CStringGetTextDatum(r->table);
	values[2] = CStringGetTextDatum(kinds[r->kind]);
	nulls[3] = r->key == NULL || !data;
	values[3] = !nulls[3] ? json_datum(r->key) : (Datum) 0;
	nulls[4] = r->differences == NULL || !data;
	values[4] = !nulls[4] ? json_datum(r->differences) : (Datum) 0;
	values[5] = TimestampTzGetDatum(r->seen);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* What a destination elsewhere cannot be asked. */
static void
check_elsewhere(const Verify *v)
{
	if (!v->dest->elsewhere)
		return;
	if (v->mode == VERIFY_INCREMENTAL)
		task_check_local(v->task, "mode incremental of verify",
						 "Which rows were written last is not seen there. Use full, or sample.");
}

/* The destination is left with the call: nothing is written there. */
static void
run_verify(Verify *v, List *tables)
{
	v->dest = destination_attach(v->task, v->options, v->task->owner, false);
	PG_TRY();
	{
		check_elsewhere(v);
		verify_task(v, tables);
	}
	PG_FINALLY();
	{
		v->dest->detach();
	}
	PG_END_TRY();
}

Datum
dtsmig_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig verification",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Verify		v = {0};
	TaskIdentity caller;
	bool		own;
	ListCell   *lc;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("task, mode, sample and max_differences must not be null")));
	v.task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	task_check_operator(v.task);
	own = task_is_owners(v.task);
	if (!own)
		server_check_usage(v.task->source, GetUserId());
	if (!own && strcmp(v.task->destination, DEST_LOCAL) != 0)
		server_check_usage(v.task->destination, GetUserId());
	v.mode = mode_of(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	v.sample = PG_GETARG_FLOAT8(3);
	v.max_differences = PG_GETARG_INT64(4);
	if (!(v.sample > 0 && v.sample <= 1) || v.max_differences < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be above 0 and at most 1, max_differences at least 1")));
	check_state(v.task, v.mode);
	v.cxt = cxt;
	v.options = options_parse(v.task->options);
	v.rate = v.options->verify_rate;
	v.selection = selection_parse(v.task->objects);
	task_act_as_owner(v.task, &caller);
	v.info = task_connection(v.task, v.task->owner);
	v.source = source_routine(v.info->server_type);
	run_verify(&v, PG_ARGISNULL(2) ? NIL : text_list(PG_GETARG_DATUM(2)));
	if (!PG_ARGISNULL(2))
	{
		Oid			function;
		bool		varlena;

		getTypeOutputInfo(TEXTARRAYOID, &function, &varlena);
		store_verify_set_tables(v.run_id,
								OidOutputFunctionCall(function, PG_GETARG_DATUM(2)));
	}
	foreach(lc, v.results)
		put_result(rsinfo, lfirst(lc), own);
	v.source->close(v.conn);
	task_act_end(&caller);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return (Datum) 0;
}

/* ------------------------------------------------------------------ repair */

/* Marks what is asked for; returns how many. */
static int64
ask_for_repair(const TaskRecord *task, const char *ids, int64 run_id)
{
	DifferenceFilter asked = {task->id, ids, run_id};
	char	   *table;
	int64		generated = store_differences_generated(&asked, &table);

	if (generated > 0)
		ereport(WARNING,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg(INT64_FORMAT " rows differ in columns alone that are generated at the destination: repair cannot change them",
						generated),
				 errdetail("One of their tables is \"%s\".", table),
				 errhint("ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION makes the column, see dtsmig.verify_results, a plain one; then resync_table brings the source's values.")));
	return store_differences_ask(&asked);
}

/* What was asked for by its id and cannot be had. */
static void
check_ids(const TaskRecord *task, const char *ids)
{
	const RefusedDifference *d = store_differences_refused(task->id, ids);

	if (d == NULL)
		return;
	if (d->state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("task \"%s\" has no verification result %s", task->name,
						d->id),
				 errhint("The view dtsmig.verify_results lists them.")));
	if (strcmp(d->state, DIFFERENCE_STATE_REPAIRED) == 0 ||
		strcmp(d->state, DIFFERENCE_STATE_REPAIRING) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("result %s is %s already", d->id, d->state)));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("result %s is no row of a table with a key", d->id),
			 errhint("Use resync_table to copy a table again, DDL to fix a definition.")));
}

/* Of a task that follows nothing. */
static void
repair_now(TaskRecord *task)
{
	TaskRun    *run = palloc0(sizeof(TaskRun));
	TaskIdentity caller;

	task_act_as_owner(task, &caller);
	run->cxt = CurrentMemoryContext;
	run->task = task;
	run->options = options_parse(task->options);
	run->selection = selection_parse(task->objects);
	run->info = task_connection(task, task->owner);
	run->source = source_routine(run->info->server_type);
	run->dest = destination_attach(task, run->options, task->owner, false);
	PG_TRY();
	{
		repair_at_once(run);
	}
	PG_CATCH();
	{
		/* an error that is caught leaves no statement that goes there */
		run->dest->detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
	task_act_end(&caller);
}

Datum
dtsmig_repair(PG_FUNCTION_ARGS)
{
	TaskRecord *task;
	char	   *ids = NULL;
	int64		n;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("task must not be null")));
	task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	task_check_owner(task);
	if (strcmp(task->wanted, "released") == 0 || strcmp(task->status, "cut_over") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" is %s: its source counts no more", task->name,
						task->status)));
	if (!PG_ARGISNULL(1))
	{
		Oid			function;
		bool		varlena;

		getTypeOutputInfo(INT8ARRAYOID, &function, &varlena);
		ids = OidOutputFunctionCall(function, PG_GETARG_DATUM(1));
		check_ids(task, ids);
	}
	n = ask_for_repair(task, ids, PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2));
	if (n > 0 && !task->do_incremental)
		repair_now(task);
	PG_RETURN_INT64(n);
}
