/*-------------------------------------------------------------------------
 *
 * api_task.c
 *	  SQL functions that make, drive and end tasks.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "api/api_task.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "check/advance.h"
#include "check/local_source.h"
#include "commands/dbcommands.h"
#include "core/attempt.h"
#include "core/choices.h"
#include "core/options.h"
#include "core/wait.h"
#include "parser/parse_func.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "source/source.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "store/alert.h"
#include "store/sql.h"
#include "store/task.h"
#include "tables/sequences.h"
#include "transform/select.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "worker/task_run.h"
#include "worker/worker.h"

DTS_FUNCTION(dtsmig_create_task);
DTS_FUNCTION(dtsmig_alter_task);
DTS_FUNCTION(dtsmig_start_task);
DTS_FUNCTION(dtsmig_pause_task);
DTS_FUNCTION(dtsmig_resume_task);
DTS_FUNCTION(dtsmig_release_task);
DTS_FUNCTION(dtsmig_drop_task);
DTS_FUNCTION(dtsmig_wait_for);

/* How long pause_task waits for the worker to end. */
#define STOP_WAIT_MS 10000

static char *
text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static void
required(const void *value, const char *name)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/* The task of the first argument, locked; the caller may operate it. */
static TaskRecord *
operated_task(FunctionCallInfo fcinfo)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);

	task_check_operator(task);
	return task;
}

/* The same; the caller owns it. */
static TaskRecord *
own_task(FunctionCallInfo fcinfo)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);

	task_check_owner(task);
	return task;
}

/* Checks migration_types and writes them in their order: "{schema,full}". */
static char *
check_migration_types(ArrayType *array)
{
	static const char *const known[] = {"schema", "full", "incremental"};
	bool		given[lengthof(known)] = {false};
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	StringInfoData buf;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *type = nulls[i] ? "NULL" : TextDatumGetCString(elems[i]);
		bool		found = false;

		for (int k = 0; k < lengthof(known); k++)
			if (strcmp(type, known[k]) == 0)
				found = given[k] = true;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid migration type \"%s\"", type),
					 errhint("Migration types are schema, full and incremental.")));
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("migration_types must not be empty"),
				 errhint("Migration types are schema, full and incremental.")));
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	for (int k = 0; k < lengthof(known); k++)
		if (given[k])
			appendStringInfo(&buf, "%s%s", buf.len > 1 ? "," : "", known[k]);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* A function for alerts has to exist when it is named. */
static void
check_alert_function(const TaskOptions *options)
{
	Oid			types[1] = {JSONBOID};

	if (options->alert_function[0] != '\0')
		(void) LookupFuncName(dts_qualified_name_list(options->alert_function), 1,
							  types, false);
}

/* Options that a destination elsewhere cannot have yet. */
static void
check_elsewhere(const char *destination, const TaskOptions *options)
{
	const char *name = NULL;
	const char *value = "true";

	if (strcmp(destination, DEST_LOCAL) == 0)
		return;
	if (options->conflict == CONFLICT_IGNORE)
	{
		name = "conflict";
		value = "ignore";
	}
	else if (options->owners)
		name = "owners";
	else if (options->grants)
		name = "grants";
	else if (options->tablespaces)
		name = "tablespaces";
	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("task option \"%s\" cannot be \"%s\" yet where the destination is elsewhere",
						name, value)));
}

/* This database as a source is a server of that name. */
static void
check_here(const char *source)
{
	if (strcmp(source, SOURCE_LOCAL) != 0 || foreign_server_type(source) != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("server \"%s\" does not exist", source),
			 errdetail("A source of that name is this database, which is reached as others are: by a server and a user mapping."),
			 errhint("CREATE SERVER %s TYPE 'postgresql' FOREIGN DATA WRAPPER dtsmig_fdw OPTIONS (host '127.0.0.1', port '%s', dbname %s); CREATE USER MAPPING FOR %s SERVER %s OPTIONS (user %s, password '...');",
					 source, GetConfigOption("port", false, false),
					 quote_literal_cstr(get_database_name(MyDatabaseId)),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)), source,
					 quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

Datum
dtsmig_create_task(PG_FUNCTION_ARGS)
{
	char	   *name = text_arg(fcinfo, 0);
	char	   *source = text_arg(fcinfo, 1);
	char	   *destination = text_arg(fcinfo, 2);
	Jsonb	   *objects = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	Jsonb	   *options = PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5);
	ConnectionInfo *info;
	StoreRows   *rows;
	char	   *types;

	required(source, "source");
	required(PG_ARGISNULL(3) ? NULL : source, "migration_types");
	types = check_migration_types(PG_GETARG_ARRAYTYPE_P(3));
	if (destination == NULL)
		destination = "local";
	if (name != NULL && (name[0] == '\0' || strlen(name) >= NAMEDATALEN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a task's name has 1 to %d bytes", NAMEDATALEN - 1)));
	if (name != NULL && strspn(name, "0123456789") == strlen(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a task's name cannot be a number"),
				 errhint("Functions take a task's name or its id.")));
	check_alert_function(options_parse(options));
	check_elsewhere(destination, options_parse(options));
	(void) selection_parse(objects);
	if (is_connection_uri(source))
		source = server_from_uri(source);
	check_here(source);
	info = connection_info(source, GetUserId());
	(void) source_routine(info->server_type);
	destination_check(destination, source, GetUserId());

	if (name == NULL)
	{
		rows = store_query("SELECT pg_catalog.left($1, 40) || '_' || "
						   "(SELECT COALESCE(max(task_id), 0) + 1 FROM dtsmig.task)",
						   "t", source);
		name = rows->values[0][0];
	}
	rows = store_query("SELECT 1 FROM dtsmig.task WHERE task_name = $1", "t", name);
	if (rows->nrows > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("task \"%s\" already exists", name)));
	rows = store_query("INSERT INTO dtsmig.task (task_name, owner, source, destination, "
					   "migration_types, objects, options) VALUES "
					   "($1, $2::oid, $3, $4, $5::text[], $6, COALESCE($7, '{}')) "
					   "RETURNING task_id", "tittt" "jj", name, (int64) GetUserId(),
					   source, destination, types, objects, options);
	PG_RETURN_INT64(store_int(rows, 0, 0));
}

Datum
dtsmig_alter_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = own_task(fcinfo);
	Jsonb	   *changes = PG_GETARG_JSONB_P(1);
	StoreRows   *rows;

	check_alert_function(options_parse(changes));
	rows = store_query("UPDATE dtsmig.task SET "
					   "options = pg_catalog.jsonb_strip_nulls(options || $2), "
					   "updated = pg_catalog.clock_timestamp() "
					   "WHERE task_id = $1 RETURNING options", "ij", task->id, changes);
	/* together they must make sense too */
	check_elsewhere(task->destination, options_parse(store_jsonb(rows, 0, 0)));
	PG_RETURN_VOID();
}

static void
check_limit(const TaskRecord *task)
{
	StoreRows   *rows;

	if (superuser_arg(task->owner))
		return;
	/* one after the other, each with what the one before has committed */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("starting a task needs isolation level read committed")));
	LockSharedObject(AuthIdRelationId, task->owner, 0, ShareUpdateExclusiveLock);
	rows = store_query("SELECT pg_catalog.count(*) FROM dtsmig.task "
					   "WHERE owner = $1::oid AND wanted = 'running'", "i",
					   (int64) task->owner);
	if (store_int(rows, 0, 0) > max_tasks_per_role)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many tasks of role \"%s\" are running",
						GetUserNameFromId(task->owner, false)),
				 errdetail("dtsmig.max_tasks_per_role is %d.", max_tasks_per_role),
				 errhint("Pause one, or let a superuser raise it.")));
}

void
start_worker(TaskRecord *task)
{
	TaskRecord *partner = task_load_partner(task, false);

	/* each would bring back what the other has brought */
	if (partner != NULL && strcmp(partner->wanted, "running") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot start task \"%s\": task \"%s\", which goes the other way, is running",
						task->name, partner->name),
				 errhint("SELECT dtsmig.cutover(%s, reverse => true) ends that one, and starts this one.",
						 quote_literal_cstr(partner->name))));
	/* the user may have lost the right to the server since */
	(void) connection_info(task->source, task->owner);
	destination_check(task->destination, task->source, task->owner);
	(void) store_exec("UPDATE dtsmig.task SET wanted = 'running', status = CASE WHEN "
					  "status IN ('created', 'precheck_failed') THEN 'prechecking' "
					  "ELSE 'running' END, retrying_since = NULL, "
					  "failed_since = NULL, resume_at = NULL, "
					  "retrying_until = NULL, updated = pg_catalog.clock_timestamp() "
					  "WHERE task_id = $1", "i", task->id);
	check_limit(task);
	if (!task_worker_start(MyDatabaseId, task->owner, task->id,
						   GetTopTransactionId()))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free"),
				 errhint("Raise max_worker_processes.")));
}

static void
refuse(const TaskRecord *task, const char *action, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s task \"%s\": it is %s", action, task->name,
					strcmp(task->wanted, "running") == 0 ? "running" : task->status),
			 hint ? errhint("%s", hint) : 0));
}

Datum
dtsmig_start_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = own_task(fcinfo);

	if (strcmp(task->wanted, "running") == 0)
		refuse(task, "start", NULL);
	if (strcmp(task->status, "created") != 0 &&
		strcmp(task->status, "precheck_failed") != 0)
		refuse(task, "start",
			   strcmp(task->status, "paused") == 0 || strcmp(task->status, "failed") == 0 ?
			   "Use resume_task." : NULL);
	if (task->reverse_of != 0)
		refuse(task, "start", "It is a way back: cutover of the other task, with reverse => true, starts it.");
	start_worker(task);
	PG_RETURN_VOID();
}

Datum
dtsmig_resume_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = operated_task(fcinfo);

	/*
	 * A task that is wanted but whose worker is gone (the server was restarted
	 * without a launcher) may be started too; a second worker finds the
	 * first's lock and ends.
	 */
	if (strcmp(task->status, "paused") != 0 && strcmp(task->status, "failed") != 0 &&
		strcmp(task->wanted, "running") != 0)
		refuse(task, "resume",
			   strcmp(task->status, "created") == 0 ? "Use start_task." : NULL);
	start_worker(task);
	PG_RETURN_VOID();
}

/* Ends the task's worker, if there is one. */
void
stop_worker(const TaskRecord *task)
{
	StoreRows   *rows;

	rows = store_query("SELECT runtime_handle FROM dtsmig.task WHERE task_id = $1 "
					   "AND runtime_handle IS NOT NULL", "i", task->id);
	if (rows->nrows == 0)
		return;
	if (!task_worker_stop((dsm_handle) store_int(rows, 0, 0), task->id, STOP_WAIT_MS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the worker of task \"%s\" did not end within %d seconds",
						task->name, STOP_WAIT_MS / 1000)));
}

Datum
dtsmig_pause_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = operated_task(fcinfo);

	if (strcmp(task->wanted, "running") != 0)
		refuse(task, "pause", NULL);
	(void) store_exec("UPDATE dtsmig.task SET wanted = 'paused', status = 'paused', "
					  "retrying_since = NULL, retrying_until = NULL, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "i", task->id);
	stop_worker(task);
	(void) alert_clear(task->id, NULL, NULL, 0);
	PG_RETURN_VOID();
}

static void
read_sequences(void *arg)
{
	const TaskRecord *task = arg;
	char	   *type = foreign_server_type(task->source);
	const SourceRoutine *source = type ? source_routine(type) : NULL;
	SourceConn *conn;

	if (source == NULL || source->sequences == NULL || !task->consistent)
		return;
	conn = source->connect(task_connection(task, task->owner));
	(void) advance_sequences(source, conn, selection_parse(task->objects),
							 options_parse(task->options), NULL);
	source->close(conn);
}

static void
note_end(void *task)
{
	source_end_at_commit(task);
}

/* A source that is gone must not keep the task: false, and a warning. */
static bool
try_at_source(const TaskRecord *task, void (*step) (void *), const char *detail)
{
	ErrorData  *edata = attempt(step, unconstify(TaskRecord *, task));

	if (edata == NULL)
		return true;
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(edata);
	ereport(WARNING,
			(errmsg("the source of task \"%s\" could not be asked: %s",
					task->name, edata->message),
			 errdetail("%s", detail),
			 errhint("docs/tutorial-postgresql.md has the statements that remove what a task makes at a PostgreSQL source.")));
	return false;
}

void
end_at_source(const TaskRecord *task)
{
	if (try_at_source(task, note_end, "What the task made at the source is left."))
		(void) try_at_source(task, read_sequences,
							 "Sequences at the destination may be behind the source's.");
}

Datum
dtsmig_release_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = own_task(fcinfo);
	const DestRoutine *dest;
	TaskIdentity caller;

	if (strcmp(task->wanted, "released") == 0)
		refuse(task, "release", NULL);
	(void) store_exec("UPDATE dtsmig.task SET wanted = 'released', status = 'released', "
					  "retrying_since = NULL, retrying_until = NULL, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "i", task->id);
	stop_worker(task);
	/* what goes at the source does not come back */
	ForceSyncCommit();
	task_act_as_owner(task, &caller);
	source_end_expect();
	/* sequences are set there */
	dest = destination_attach(task, options_parse(task->options), task->owner, false);
	end_at_source(task);
	advance_past_rows(task, dest);
	if (strcmp(task->destination, DEST_LOCAL) == 0)
		dest_routine(DEST_LOCAL)->forget_mark(task_origin_name(task));
	task_act_end(&caller);
	(void) alert_clear(task->id, NULL, NULL, 0);
	task_log_event(task->id, "info", "the task is released", NULL, NULL, NULL);
	PG_RETURN_VOID();
}

static void
forget_there(void *arg)
{
	const TaskRecord *task = arg;

	destination_attach(task, options_parse(task->options), task->owner,
					   false)->forget_task();
}

/*
 * What ends at the source, and its sequences at the destination: that may be
 * gone, and is never another task's of this transaction.
 */
static void
reach(void *arg)
{
	const TaskRecord *task = arg;

	(void) destination_attach(task, options_parse(task->options), task->owner, false);
}

static void
end_of_dropped(const TaskRecord *task)
{
	ErrorData  *edata;

	/* its sequences stand where the cutover has set them */
	if (strcmp(task->status, TASK_STATUS_CUT_OVER) == 0 ||
		strcmp(task->status, TASK_STATUS_CREATED) == 0)
	{
		(void) try_at_source(task, note_end, "What the task made at the source is left.");
		return;
	}
	edata = attempt(reach, unconstify(TaskRecord *, task));
	if (edata == NULL)
		end_at_source(task);
	else if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			 edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(edata);
	else
		(void) try_at_source(task, note_end, "What the task made at the source is left.");
}

/* A destination that is gone must not keep the task. */
static void
forget_ledger(TaskRecord *task)
{
	TaskIdentity caller;
	ErrorData  *edata;

	task_act_as_owner(task, &caller);
	edata = attempt(forget_there, task);
	task_act_end(&caller);
	if (edata == NULL)
		return;
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(edata);
	ereport(WARNING,
			(errmsg("the destination of task \"%s\" could not be asked: %s",
					task->name, edata->message),
			 errdetail("What its ledger has of the task is left.")));
}

Datum
dtsmig_drop_task(PG_FUNCTION_ARGS)
{
	TaskRecord *task = own_task(fcinfo);
	TaskIdentity caller;

	if (strcmp(task->wanted, "running") == 0)
		refuse(task, "drop", "Use pause_task or release_task first.");
	if (strcmp(task->wanted, "released") != 0 &&
		(strcmp(task->status, "created") != 0 || task->reverse_of != 0))
	{
		task_act_as_owner(task, &caller);
		end_of_dropped(task);
		if (strcmp(task->destination, DEST_LOCAL) == 0)
			dest_routine(DEST_LOCAL)->forget_mark(task_origin_name(task));
		task_act_end(&caller);
	}
	if (strcmp(task->destination, DEST_LOCAL) != 0)
		forget_ledger(task);
	(void) store_exec("DELETE FROM dtsmig.task WHERE task_id = $1", "i", task->id);
	(void) store_exec("DELETE FROM dtsmig.metric WHERE task_id = $1", "i", task->id);
	(void) store_exec("DELETE FROM dtsmig.alert WHERE task_id = $1", "i", task->id);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- waiting */

static int
phase_rank(const char *phase)
{
	if (phase == NULL)
		return 0;
	return strcmp(phase, "schema") == 0 ? 1 : strcmp(phase, "full") == 0 ? 2 : 3;
}

static bool
is_phase(const char *target)
{
	return strcmp(target, "schema") == 0 || strcmp(target, "full") == 0 ||
		strcmp(target, "incremental") == 0;
}

static bool
is_status(const char *target)
{
	static const char *const all[] = {"created", "prechecking", "precheck_failed",
		"running", "retrying", "paused", "failed", "completed", "cut_over",
	"released"};

	for (int i = 0; i < lengthof(all); i++)
		if (strcmp(target, all[i]) == 0)
			return true;
	return false;
}

/*
 * Has the task reached it? Raises an error if it never will. A task whose
 * worker is gone is nowhere; the view says so.
 */
static bool
has_reached(int64 id, const char *target)
{
	StoreRows   *rows;
	char	   *status;
	char	   *phase;
	bool		consistent;

	rows = store_query("SELECT CASE WHEN v.status = 'failed' AND t.status <> 'failed' "
					   "AND t.updated > pg_catalog.clock_timestamp() - interval '60 seconds' "
					   "THEN 'retrying' ELSE v.status END, t.phase, "
					   "t.consistent_since IS NOT NULL, t.task_name, v.last_error, "
					   "v.last_error_hint FROM dtsmig.task t JOIN dtsmig.tasks v "
					   "ON v.id = t.task_id WHERE t.task_id = $1", "i", id);
	if (rows->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the task does not exist any more")));
	status = rows->values[0][0];
	phase = rows->values[0][1];
	consistent = store_bool(rows, 0, 2);
	if (strcmp(status, target) == 0)
		return true;
	if (is_phase(target) && phase_rank(phase) >= phase_rank(target) &&
		(strcmp(target, "incremental") != 0 || consistent))
		return true;
	if (strcmp(status, "failed") == 0 || strcmp(status, "precheck_failed") == 0 ||
		strcmp(status, "completed") == 0 || strcmp(status, "released") == 0 ||
		strcmp(status, "cut_over") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" is %s and will not become %s",
						rows->values[0][3], status, target),
				 rows->values[0][4] && strcmp(status, "failed") == 0 ?
				 errdetail("%s", rows->values[0][4]) : 0,
				 strcmp(status, "precheck_failed") == 0 ?
				 errhint("See dtsmig.precheck_results.") :
				 rows->values[0][5] ? errhint("%s", rows->values[0][5]) : 0));
	return false;
}

Datum
dtsmig_wait_for(PG_FUNCTION_ARGS)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	char	   *target = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TimestampTz deadline;

	task_check_reader(task);
	if (!is_phase(target) && !is_status(target))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is neither a status nor a phase", target),
				 errhint("A phase is schema, full or incremental; for statuses see the view dtsmig.tasks.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("wait_for needs isolation level read committed")));
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(GetCurrentTimestamp()),
													   PG_GETARG_DATUM(2)));
	while (!has_reached(task->id, target))
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("task \"%s\" did not reach %s in time", task->name, target)));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 100, dts_wait_event(DTS_WAIT_TASK));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_VOID();
}
