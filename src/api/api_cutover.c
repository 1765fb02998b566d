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
#include "check/local_source.h"
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
#include "worker/take_up.h"

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

/* A cutover, and the way back that begins with it. */
typedef struct Cutover
{
	Verify	   *v;
	CutoverOptions options;
	bool		release;
	int64		margin;
	TaskRecord *partner;		/* the task in the other direction; NULL: none */
	TakeUp	   *back;			/* that task, to be taken up; NULL: not */
	char	   *position;		/* where the source ended */
} Cutover;

/* What a destination elsewhere cannot be asked yet. */
static void
check_elsewhere(Cutover *c)
{
	const Verify *v = c->v;
	CutoverOptions *options = &c->options;

	if (!v->dest->elsewhere)
		return;
	/* what PostgreSQL does not have stays there, and would differ */
	if (options->verify && c->partner != NULL && v->dest->mysql_sql)
	{
		task_warn(v->task, "rows are not compared: that is not possible yet of a way back into the MySQL family",
				  NULL, NULL);
		options->verify = false;
	}
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
finish(Cutover *c)
{
	Verify	   *v = c->v;
	const CutoverOptions *options = &c->options;
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
					  "retrying_since = NULL, retrying_until = NULL, fenced = $4, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "ittb", task->id, c->release && !c->back ? "released" : "idle",
					  c->position, (int) options->make_read_only);
	stop_worker(task);
	/*
	 * the application is sent to the destination, with sequences as they are by
	 * then
	 */
	ForceSyncCommit();
	(void) alert_clear(task->id, NULL, NULL, 0);
	advance_past_rows(task, v->dest);
	advance_past_source(v, c->margin);
	unfollowed_enable(v);
	/* with a way back, the other task's worker does it: a crash leaves both whole */
	if (c->release && !c->back)
		source_end_at_commit(task);
	task_log_event(task->id, "info", psprintf("the task is cut over at %s", c->position),
				   read_only ? "The source is read-only." :
				   "The source can still be written to; what is written to it from now on is lost.",
				   NULL, NULL);
	if (c->back)
	{
		take_up_store(c->back);
		start_worker(task_load_id(c->back->task.id, true));
	}
}

/* v->dest is attached. */
static void
cut_over(void *arg)
{
	Cutover    *c = arg;
	Verify	   *v = c->v;

	check_elsewhere(c);
	c->position = cutover_check(v, &c->options);
	if (c->back)
		take_up_mark(c->back);
	finish(c);
	v->source->close(v->conn);
}

/*
 * The same with a way back: where it is refused, nothing is left at the source
 * of that.
 */
static void
cut_over_and_back(Cutover *c)
{
	ErrorData  *edata = attempt(cut_over, c);

	if (edata != NULL)
	{
		take_up_give_up(c->back);
		ReThrowError(edata);
	}
	c->back->source->close(c->back->conn);
}

/* The task in the other direction; asked for: it is taken up. */
static void
find_back(Cutover *c, bool asked)
{
	TaskRecord *task = c->v->task;

	c->partner = task_load_partner(task, false);
	c->options.reverse = asked;
	if (!asked)
		return;
	if (c->partner == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" has no way back", task->name),
				 errhint("SELECT dtsmig.reverse_task(%s) makes it.", quote_literal_cstr(task->name))));
	if (c->partner->owner != task->owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tasks \"%s\" and \"%s\" belong to different roles", task->name,
						c->partner->name)));
	if (strcmp(c->partner->wanted, "idle") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" cannot be taken up: it is %s", c->partner->name,
						c->partner->status)));
	reverse_renew(task, c->partner);
	c->back = take_up_prepare(c->partner);
}

Datum
dtsmig_cutover(PG_FUNCTION_ARGS)
{
	Verify		v = {0};
	Cutover		c = {.v = &v};
	CutoverOptions *options = &c.options;
	TaskIdentity caller;

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
	set_verify(options, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	options->make_read_only = PG_GETARG_BOOL(2);
	options->accept_differences = PG_GETARG_BOOL(3);
	options->quiet_ms = milliseconds(PG_GETARG_INTERVAL_P(4));
	options->timeout_ms = milliseconds(PG_GETARG_INTERVAL_P(5));
	options->sample = 0.05;
	c.margin = PG_GETARG_INT64(6);
	c.release = PG_GETARG_BOOL(7);
	if (options->quiet_ms < 0 || options->timeout_ms <= 0 || c.margin < 0)
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
	if (source_is_local(v.task))
		v.info->own_pid = MyProcPid;
	find_back(&c, PG_NARGS() > 8 && PG_GETARG_BOOL(8));
	source_end_expect();
	v.dest = destination_attach(v.task, v.options, v.task->owner, false);
	PG_TRY();
	{
		if (c.back)
			cut_over_and_back(&c);
		else
			cut_over(&c);
	}
	PG_CATCH();
	{
		/* an error that is caught leaves no statement that goes there */
		v.dest->detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
	task_act_end(&caller);
	PG_RETURN_TEXT_P(cstring_to_text(c.position));
}
