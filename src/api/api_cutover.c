/*-------------------------------------------------------------------------
 *
 * api_cutover.c
 *	  The SQL function that ends a task with the application moving here.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "api/api_task.h"
#include "store/alert.h"
#include "store/sql.h"
#include "store/task.h"
#include "check/advance.h"
#include "check/cutover.h"
#include "check/unfollowed.h"
#include "core/attempt.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "store/object.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/destination.h"
#include "worker/statement.h"

DTS_FUNCTION(dtsmig_cutover);

static long
milliseconds(const Interval *i)
{
	return (long) ((i->time + (i->day + i->month * DAYS_PER_MONTH) * USECS_PER_DAY) / 1000);
}

static void
set_verify(CutoverOptions *options, const char *name)
{
	static const char *const names[] = {"full", "sample", "incremental", "schema"};

	if (strcmp(name, "none") == 0)
		return;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) != 0)
			continue;
		options->verify = true;
		options->mode = (VerifyMode) i;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid verification \"%s\"", name),
			 errhint("It is full, sample, incremental, schema or none.")));
}

/* What a destination elsewhere cannot be asked yet. */
static void
check_elsewhere(const Verify *v, const CutoverOptions *options)
{
	if (!v->dest->elsewhere)
		return;
	if (options->verify && options->mode == VERIFY_INCREMENTAL)
		task_check_local(v->task, "cutover with this verification",
						 "Use verify => 'full', 'sample', 'schema' or 'none'.");
}

typedef struct Making
{
	const char *statement;
	bool		script;
} Making;

static void
make_object(void *arg)
{
	const Making *m = arg;

	statement_execute(m->statement, m->script);
}

/*
 * What would have acted on rows that come, at a destination where that cannot
 * be disabled, is made now: foreign keys, triggers.
 */
static void
make_waiting(const Verify *v, bool accept)
{
	ListCell   *lc;

	if (!v->dest->elsewhere)
		return;
	foreach(lc, objects_waiting(v->task->id))
	{
		WaitingObject *o = lfirst(lc);
		Making		making = {o->statement, v->source->scripts};
		ErrorData  *edata = attempt(make_object, &making);
		char	   *error;

		/* that there may be of a cutover whose hub died after the commit there */
		if (edata == NULL || statement_is_made(edata->sqlerrcode))
		{
			object_set_made(o->id);
			continue;
		}
		if (!statement_is_wrong(edata->sqlerrcode))
			ReThrowError(edata);
		error = edata->detail ? psprintf("%s %s", edata->message, edata->detail) : edata->message;
		if (!accept)
			cutover_refuse(v, psprintf("%s cannot be made at the destination", o->title), error,
						   psprintf("Fix what is in its way, or say accept_differences. The statement: %s",
									o->statement));
		task_warn(v->task, psprintf("%s is not made at the destination", o->title), error,
				  psprintf("Fix what is in its way, then: %s", o->statement));
	}
}

/* From here on the task is over; its worker has applied all up to position. */
static void
finish(Verify *v, const CutoverOptions *options, const char *position,
	   bool release, int64 margin)
{
	TaskRecord *task = task_load_id(v->task->id, true);
	bool		read_only = options->make_read_only || v->source->is_read_only(v->conn);

	if (task == NULL || strcmp(task->wanted, "running") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" was stopped meanwhile", v->task->name)));
	/* asked for while the verification ran; from now on nobody can */
	cutover_check_waits(v);
	make_waiting(v, options->accept_differences);
	(void) store_exec("UPDATE dtsmig.task SET wanted = $2, status = 'cut_over', "
					  "cutover_position = $3, cutover_at = pg_catalog.clock_timestamp(), "
					  "retrying_since = NULL, retrying_until = NULL, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "itt", task->id, release ? "released" : "idle", position);
	stop_worker(task);
	/*
	 * the application is sent to the destination, with sequences as they are by
	 * then
	 */
	ForceSyncCommit();
	(void) alert_clear(task->id, NULL, NULL, 0);
	advance_past_rows(task, v->dest);
	advance_past_source(v, margin);
	unfollowed_enable(v);
	if (release)
		source_end_at_commit(task);
	task_log_event(task->id, "info", psprintf("the task is cut over at %s", position),
				   read_only ? "The source is read-only." :
				   "The source can still be written to; what is written to it from now on is lost.",
				   NULL, NULL);
}

/* v->dest is attached. */
static char *
cut_over(Verify *v, const CutoverOptions *options, bool release, int64 margin)
{
	char	   *position;

	check_elsewhere(v, options);
	position = cutover_check(v, options);
	finish(v, options, position, release, margin);
	v->source->close(v->conn);
	return position;
}

Datum
dtsmig_cutover(PG_FUNCTION_ARGS)
{
	Verify		v = {0};
	CutoverOptions options = {0};
	TaskIdentity caller;
	char	   *volatile position = NULL;
	int64		margin;

	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments of cutover must not be null")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a cutover has to see what the task applies meanwhile"),
				 errhint("Use isolation level READ COMMITTED.")));
	v.task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	task_check_owner(v.task);
	set_verify(&options, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	options.make_read_only = PG_GETARG_BOOL(2);
	options.accept_differences = PG_GETARG_BOOL(3);
	options.quiet_ms = milliseconds(PG_GETARG_INTERVAL_P(4));
	options.timeout_ms = milliseconds(PG_GETARG_INTERVAL_P(5));
	options.sample = 0.05;
	margin = PG_GETARG_INT64(6);
	if (options.quiet_ms < 0 || options.timeout_ms <= 0 || margin < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quiet and margin must not be negative, timeout must be positive")));
	v.cxt = CurrentMemoryContext;
	v.max_differences = 1000;
	v.options = options_parse(v.task->options);
	v.rate = v.options->verify_rate;
	v.selection = selection_parse(v.task->objects);
	task_act_as_owner(v.task, &caller);
	v.info = task_connection(v.task, v.task->owner);
	v.source = source_routine(v.info->server_type);
	source_end_expect();
	v.dest = destination_attach(v.task, v.options, v.task->owner, false);
	PG_TRY();
	{
		position = cut_over(&v, &options, PG_GETARG_BOOL(7), margin);
	}
	PG_CATCH();
	{
		/* an error that is caught leaves no statement that goes there */
		v.dest->detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
	task_act_end(&caller);
	PG_RETURN_TEXT_P(cstring_to_text(position));
}
