/*-------------------------------------------------------------------------
 *
 * run_schema.c
 *	  Steps new, schema and post_data: precheck, the source's tables into the
 *	  catalog, and the statements that are not tied to a table's rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/alert.h"
#include "store/object.h"
#include "store/origin.h"
#include "store/precheck.h"
#include "store/progress.h"
#include "store/states.h"
#include "store/table.h"
#include "store/version.h"
#include "check/precheck.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "schema/ddl.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/statement.h"
#include "worker/task_watch.h"
#include "utils/builtins.h"

/* So often the schema is read again because it was changed meanwhile. */
#define READ_TRIES 20

#define PRECHECK_HINT "The view dtsmig.precheck_results says what to do."

static const char *
phase_name(PlanPhase phase)
{
	switch (phase)
	{
		case PLAN_PRE_DATA:
			return OBJECT_PHASE_PRE_DATA;
		case PLAN_KEY:
			return OBJECT_PHASE_KEY;
		case PLAN_UNIQUE:
			return OBJECT_PHASE_UNIQUE;
		case PLAN_INDEX:
			return OBJECT_PHASE_INDEX;
		case PLAN_POST_DATA:
			return OBJECT_PHASE_POST_DATA;
	}
	return NULL;
}

/* What keeps the task from starting, for who is to be known. */
static List *
alert_precheck(TaskRun *run)
{
	char	   *text;

	text = alert_raise(run->task->id, ALERT_FAILED, "",
					   psprintf("it has not been started: the precheck failed (%s)",
								store_precheck_failed(run->task->id)),
					   NULL, PRECHECK_HINT);
	return text ? list_make1(text) : NIL;
}

void
run_precheck(TaskRun *run)
{
	PrecheckContext pc;
	List	   *items;
	List	   *reported = NIL;
	bool		ok;

	pc.task = run->task;
	pc.options = run->options;
	pc.selection = run->selection;
	pc.info = run->info;
	pc.source = run->source;
	pc.conn = run->conn;
	pc.dest = run->dest;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_task_begin_precheck(run->task->id);
	PopActiveSnapshot();
	CommitTransactionCommand();

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	items = precheck_collect(&pc);
	ok = precheck_store(run->task->id, items);
	store_task_end_precheck(run->task->id, ok);
	if (!ok)
	{
		task_log_event(run->task->id, "error", "the precheck failed", NULL,
					   PRECHECK_HINT, NULL);
		reported = alert_precheck(run);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	if (!ok)
	{
		alert_call(run->task->id, run->options->alert_function, reported);
		proc_exit(0);
	}
}

/* One table into the catalog. */
static void
store_table(TaskRun *run, TableDef *def)
{
	StoreTableNames names = task_names_of(def);
	int64		id = store_table_add(run->task->id, &names, TABLE_STATE_WAITING,
									 def->rows_estimate, def->data_bytes);

	store_version_add(id, run->task->start_position ? run->task->start_position : "",
					  model_to_jsonb(def));
}

static void
store_statement(TaskRun *run, const PlanStatement *st)
{
	bool		run_it = run->task->do_schema && st->sql != NULL;
	NewObject	object = task_object_of(st, phase_name(st->phase),
										run_it ? OBJECT_STATE_WAITING : OBJECT_STATE_SKIPPED);

	object_add(run->task->id, &object);
}

static bool
has_table(List *tables, const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *t = lfirst(lc);

		if (strcmp(t->name, def->name) == 0 && strcmp(t->schema, def->schema) == 0)
			return true;
	}
	return false;
}

/*
 * The source's tables, and the position from which their changes are followed.
 * Where the source has snapshots to share, both are of one: which tables exist
 * and what it was prepared to report must agree. Else the position is
 * taken first, and a DDL statement after it is seen in the log.
 */
static List *
describe_and_start(TaskRun *run, char **described, DdlDefaults **defaults)
{
	const SourceRoutine *source = run->source;
	bool		prepare = source->prepare_changes && run->task->do_incremental;
	SourceSnapshot snapshot = {0};
	char	   *note = NULL;

	for (int tries = 1;; tries++)
	{
		List	   *wanted = NIL;
		List	   *tables;
		ListCell   *lc;
		bool		same = true;

		if (prepare)
		{
			char	   *said;

			wanted = describe_selected(run->selection, source, run->conn, run->info);
			said = source->prepare_changes(run->conn, run->info, wanted);
			note = said ? said : note;
		}
		run->task->start_position = source->start_position(run->conn);
		*defaults = source->ddl_defaults ? source->ddl_defaults(run->conn) : NULL;
		if (source->share_snapshot)
			source->open_snapshot(run->conn, source->share_snapshot(run->conn),
								  &snapshot);
		tables = describe_selected(run->selection, source, run->conn, run->info);
		*described = snapshot.high ? snapshot.high :
			source->current_position(run->conn);
		foreach(lc, tables)
			same = same && (!prepare || has_table(wanted, lfirst(lc)));
		if (!same && tries < 20)
		{
			source->end_snapshot(run->conn);
			continue;
		}
		if (note != NULL)
			task_log_event(run->task->id, "warning", note, NULL, NULL, NULL);

		/*
		 * The snapshot may be a later one than the start. What lies between
		 * is in all that is read from it, and DDL must not be done twice.
		 */
		if (run->task->start_position && snapshot.exact && snapshot.high)
			run->task->start_position = snapshot.high;
		return tables;
	}
}

/* What its databases add to a table that says no character set. */
static void
store_collations(TaskRun *run, const DdlDefaults *defaults)
{
	ListCell   *lc;

	if (defaults == NULL)
		return;
	store_source_forget_collations(run->task->id);
	foreach(lc, defaults->schemas)
	{
		DdlCharset *entry = lfirst(lc);

		store_source_set_collation(run->task->id, entry->name, entry->collation);
	}
}

/* Reads what the source has and plans from it. */
void
run_read_schema(TaskRun *run)
{
	List	   *tables;
	List	   *plan;
	List	   *names = NIL;
	char	   *described;
	DdlDefaults *defaults;
	PlanOptions *options;
	ListCell   *lc;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	options = plan_options(run->options, run->selection);
	options->targets_only = !run->task->do_schema;
	for (int tries = 1;; tries++)
	{
		names = NIL;
		tables = describe_and_start(run, &described, &defaults);
		plan = plan_selected(run->source, run->conn, run->info, tables, options,
							 &names);
		/* read while statements ran, it may not fit together */
		if (run->source->ddl_since_snapshot == NULL || tries == READ_TRIES ||
			!run->source->ddl_since_snapshot(run->conn))
			break;
		run->source->end_snapshot(run->conn);
	}
	if (run->task->start_position)
		run->task->start_position = MemoryContextStrdup(run->cxt,
														run->task->start_position);
	if (run->source->end_snapshot && !run->task->do_full)
		run->source->end_snapshot(run->conn);
	store_schema_forget(run->task->id);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (model_has_rows(def))
			store_table(run, def);
	}
	foreach(lc, plan)
		store_statement(run, lfirst(lc));
	foreach(lc, names)
	{
		NameChange *n = lfirst(lc);

		store_schema_add_name(run->task->id, n->kind, n->source, n->target, n->reason);
	}
	store_task_set_start(run->task->id, run->task->start_position);
	store_collations(run, defaults);
	store_tables_described(run->task->id, described);
	task_set_step(run, TASK_PHASE_SCHEMA, TASK_STEP_SCHEMA);
	task_log_event(run->task->id, "info", "read the source's tables",
				   run->task->start_position ?
				   psprintf("Changes will be followed from %s.",
							run->task->start_position) : NULL, NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/*
 * Runs a statement; returns its error. The hint of one that failed says to
 * make the object by hand: what exists at the next try is taken for it, but
 * no table that has rows already, as those of the source would join them, and
 * nothing that existed, and was in the way, before.
 */
static char *
run_statement(TaskRun *run, const ObjectToMake *object)
{
	if (object->relation != NULL && object->is_relation &&
		statement_take_made(object->id, object->relation, run->task->do_full &&
							strcmp(object->kind, "table") == 0))
		return NULL;
	return statement_run_object(object->id, object->statement,
								run->source->scripts,
								run->options->conflict == CONFLICT_IGNORE ||
								(object->may_be_made && !object->is_relation));
}

static void
begin_store(TaskRun *run)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->cxt);
}

static void
end_store(TaskRun *run)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}

/* Who is to know of what the task goes on without gets to know it. */
static void
report_objects(TaskRun *run)
{
	List	   *reported;

	begin_store(run);
	reported = object_watch(run->task->id);
	end_store(run);
	alert_call(run->task->id, run->options->alert_function, reported);
}

/* Objects that an error names; the others are in task_objects. */
#define SHOWN_OBJECTS 5

/* Without these no row can come, or be what it is at the source. */
static void
refuse_objects(TaskRun *run, List *titles, List *errors)
{
	StringInfoData names;
	StringInfoData detail;
	ListCell   *lc;
	ListCell   *lc2;
	int			n = 0;
	char	   *task = quote_literal_cstr(run->task->name);
	char	   *object = quote_literal_cstr(linitial(titles));

	initStringInfo(&names);
	initStringInfo(&detail);
	forboth(lc, titles, lc2, errors)
	{
		if (n++ == SHOWN_OBJECTS)
		{
			appendStringInfoString(&names, ", ...");
			break;
		}
		appendStringInfo(&names, "%s%s", n > 1 ? ", " : "", (char *) lfirst(lc));
		appendStringInfo(&detail, "%s%s: %s", n > 1 ? "\n" : "",
						 (char *) lfirst(lc), (char *) lfirst(lc2));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("%d objects of the schema could not be made: %s",
					list_length(titles), names.data),
			 errdetail_internal("%s", detail.data),
			 errhint("Make it by hand or drop what is in the way, or SELECT dtsmig.retry_object(%s, %s, 'CREATE ...'); or do without it: SELECT dtsmig.skip_object(%s, %s); then SELECT dtsmig.resume_task(%s); see dtsmig.task_objects.",
					 task, object, task, object, task)));
}

/*
 * Runs the waiting statements of a phase one by one, each in a transaction of
 * its own together with its mark. One that fails is noted and the others are
 * tried still; then an error names those that rows need.
 */
static void
run_statements(TaskRun *run, const char *phase)
{
	List	   *objects;
	List	   *titles = NIL;
	List	   *errors = NIL;
	bool		without = false;
	ListCell   *lc;
	MemoryContext old = MemoryContextSwitchTo(run->cxt);

	begin_store(run);
	object_take_made(run->task->id);
	objects = objects_to_make(run->task->id, phase);
	end_store(run);

	foreach(lc, objects)
	{
		const ObjectToMake *object = lfirst(lc);
		char	   *title = psprintf("%s %s", object->kind, object->name);
		char	   *error;

		CHECK_FOR_INTERRUPTS();
		if (destination_defers(object->kind, run->task->do_incremental))
			continue;
		error = run_statement(run, object);
		shared_heartbeat(run->shared);
		if (error == NULL)
			continue;
		if (object->optional)
		{
			without = true;
			begin_store(run);
			object_log_failed(run->task, title, error);
			end_store(run);
			continue;
		}
		titles = lappend(titles, title);
		errors = lappend(errors, error);
	}
	if (without)
		report_objects(run);
	MemoryContextSwitchTo(old);
	if (titles != NIL)
		refuse_objects(run, titles, errors);
}

void
run_pre_data(TaskRun *run)
{
	run_statements(run, OBJECT_PHASE_PRE_DATA);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	task_set_step(run, task_copy_phase(run), TASK_STEP_COPY);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

void
run_post_data(TaskRun *run)
{
	bool		more = run->task->do_incremental;

	run_statements(run, OBJECT_PHASE_POST_DATA);
	if (run->task->do_full)
		task_advance_sequences(run);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	task_set_step(run, more ? TASK_PHASE_INCREMENTAL : task_copy_phase(run),
				  more ? TASK_STEP_CHANGES : TASK_STEP_DONE);
	store_task_set_consistent(run->task->id);
	store_tables_set_ready(run->task->id);
	task_log_event(run->task->id, "info", more ?
				   "the destination is consistent; following changes" :
				   "the task is complete", NULL, NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	run->task->consistent = true;
}
