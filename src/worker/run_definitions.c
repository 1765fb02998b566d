/*-------------------------------------------------------------------------
 *
 * run_definitions.c
 *	  Changed definitions: the statements for them at the destination, and
 *	  their versions in the catalog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/states.h"
#include "store/object.h"
#include "store/table.h"
#include "store/version.h"
#include "core/attempt.h"
#include "core/one_statement.h"
#include "executor/spi.h"
#include "schema/mysql_ddl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/run_ddl_pg.h"
#include "worker/statement.h"

/* Runs a statement through SPI as the task's role. */
void
task_spi(const char *sql)
{
	(void) run_one_statement(sql);
	CommandCounterIncrement();
}

void
task_spi_source(const char *sql)
{
	(void) run_source_statement(sql);
	CommandCounterIncrement();
}

/* What somebody has given to skip_change: as many as there are. */
void
task_spi_script(const char *sql)
{
	int			rc;

	if (one_statement_is_elsewhere())
	{
		/* what it sets is its own alone */
		List	   *before = one_statement_is_postgres() ? dest_settings() : NIL;

		run_source_script(sql);
		if (before != NIL)
			dest_settings_set(before);
		return;
	}
	SPI_connect();
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	SPI_finish();
	CommandCounterIncrement();
}

List *
task_pairs(TaskRun *run)
{
	List	   *pairs = NIL;

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		PlanPair   *pair;

		if (rel->def->columns == NIL)
			continue;
		pair = palloc0(sizeof(PlanPair));
		pair->id = rel->table_id;
		pair->before = pair->after = rel->def;
		pairs = lappend(pairs, pair);
	}
	return pairs;
}

PlanPair *
task_pair_of(List *pairs, int64 table_id)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->id == table_id)
			return pair;
	}
	return NULL;
}

PlanPair *
task_pair_by_name(List *pairs, const DdlTable *t)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->after != NULL && strcmp(pair->after->name, t->name) == 0 &&
			strcmp(pair->after->schema, t->schema) == 0)
			return pair;
	}
	return NULL;
}

/* Have objects of this phase been made already? */
static bool
phase_is_done(TaskRun *run, PlanPhase phase)
{
	return strcmp(run->task->step, TASK_STEP_CHANGES) == 0 ||
		phase == PLAN_PRE_DATA || phase == PLAN_KEY || phase == PLAN_INDEX;
}

static const char *
waiting_phase(PlanPhase phase)
{
	return phase == PLAN_UNIQUE ? OBJECT_PHASE_UNIQUE : OBJECT_PHASE_POST_DATA;
}

NewObject
task_object_of(const PlanStatement *st, const char *phase, const char *state)
{
	NewObject	object = {
		.phase = phase,
		.kind = st->kind,
		.name = st->name,
		.state = state,
		.schema = st->schema,
		.table = st->table,
		.target_schema = st->target_schema,
		.statement = st->sql,
		.note = st->note,
		.warning = st->warning,
	};

	return object;
}

/* An object for a phase that comes later. */
static void
keep_for_later(TaskRun *run, const PlanStatement *st)
{
	NewObject	object = task_object_of(st, waiting_phase(st->phase),
										OBJECT_STATE_WAITING);

	object_add(run->task->id, &object);
}

/* The pair of a table that is there before and after, and differs; NULL: none. */
static PlanPair *
altered_pair(List *pairs, const PlanStatement *st)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->before != NULL && pair->after != NULL && pair->differs &&
			st->schema != NULL && st->table != NULL &&
			strcmp(pair->after->schema, st->schema) == 0 &&
			strcmp(pair->after->name, st->table) == 0)
			return pair;
	}
	return NULL;
}

/*
 * What is made of altered tables after the rows is what their new plan says: a
 * name that has changed stands in each such statement.
 */
static void
replace_later(TaskRun *run, List *pairs, const PlanChange *change)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->before != NULL && pair->after != NULL && pair->differs)
			object_forget_later(pair->id);
	}
	foreach(lc, change->plan)
	{
		PlanStatement *st = lfirst(lc);
		PlanPair   *pair = st->sql == NULL || phase_is_done(run, st->phase) ? NULL :
			altered_pair(pairs, st);
		NewObject	object;

		if (pair == NULL || object_is_known(pair->id, st->kind, st->name))
			continue;
		object = task_object_of(st, waiting_phase(st->phase), OBJECT_STATE_WAITING);
		object.table_id = pair->id;
		object_add(run->task->id, &object);
	}
}

/* Does no row need what the statement makes? As OBJECT_IS_OPTIONAL has it. */
static bool
is_optional(const PlanStatement *st)
{
	return strcmp(st->kind, "comment") == 0 || strcmp(st->kind, "trigger") == 0 ||
		(strcmp(st->kind, "function") == 0 && st->table != NULL) ||
		(strcmp(st->kind, "index") == 0 && st->phase == PLAN_INDEX);
}

static void
run_one(void *arg)
{
	task_spi(arg);
}

/* What a statement of the source makes along with its table, if it can be. */
static void
run_optional(TaskRun *run, const PlanStatement *st)
{
	ErrorData  *edata = attempt(run_one, st->sql);
	NewObject	object;
	char	   *title;
	bool		known;

	if (edata != NULL && (!statement_is_wrong(edata->sqlerrcode) ||
						  task_is_view_error(edata->sqlerrcode) ||
						  edata->sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE))
		ReThrowError(edata);
	object = task_object_of(st, OBJECT_PHASE_POST_DATA,
							edata ? OBJECT_STATE_FAILED : OBJECT_STATE_DONE);
	object.note = NULL;
	object.warning = false;
	object.error = edata ? edata->message : NULL;
	object.error_code = edata ? unpack_sql_state(edata->sqlerrcode) : NULL;
	known = object_replace(run->task->id, &object);
	if (edata == NULL)
		return;
	if (!known)
		object_add(run->task->id, &object);
	title = psprintf("%s %s.%s", st->kind, st->target_schema, st->name);
	object_log_failed(run->task, title, edata->message);
}

/*
 * foreign_keys (may be NULL) receives those statements that make foreign keys,
 * which are not run then.
 */
void
task_run_plan(TaskRun *run, List *pairs, PlanChange *change,
			  List **foreign_keys)
{
	ListCell   *lc;

	/* what was to be made later, and is not wanted any more */
	foreach(lc, change->gone)
	{
		PlanStatement *st = lfirst(lc);

		if (!phase_is_done(run, st->phase))
			object_forget(run->task->id, st->kind, st->name, st->sql);
	}
	if (!phase_is_done(run, PLAN_POST_DATA))
		replace_later(run, pairs, change);
	foreach(lc, change->run)
	{
		PlanStatement *st = lfirst(lc);

		/* what a distributed destination cannot have, or has by itself */
		if (st->sql == NULL)
		{
			if (st->warning && !run->behind)
				task_log_event(run->task->id, "warning",
							   psprintf("%s %s is not made at the destination", st->kind, st->name),
							   st->note, NULL, NULL);
			continue;
		}
		if (!phase_is_done(run, st->phase) && altered_pair(pairs, st) != NULL)
			continue;
		if (!phase_is_done(run, st->phase) ||
			destination_defers(st->kind, run->task->do_incremental))
			keep_for_later(run, st);
		else if (run->behind)
			continue;			/* it was run at the destination */
		else if (foreign_keys != NULL && strcmp(st->kind, "foreign key") == 0 &&
				 st->phase == PLAN_POST_DATA)
			*foreign_keys = lappend(*foreign_keys, st);
		else if (is_optional(st) && st->target_schema != NULL)
			run_optional(run, st);
		else
		{
			elog(DEBUG1, "dtsmig DDL: %s", st->sql);
			task_spi(st->sql);
		}
	}
}

bool
task_is_row_error(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) ||
		sqlerrcode == ERRCODE_CANNOT_COERCE ||
		sqlerrcode == ERRCODE_DATATYPE_MISMATCH;
}

typedef struct PlanStep
{
	TaskRun    *run;
	List	   *pairs;
	PlanChange *change;
	List	   *views;
	List	  **foreign_keys;
} PlanStep;

static void
run_plan(void *arg)
{
	const PlanStep *step = arg;

	task_drop_views(step->views);
	task_run_plan(step->run, step->pairs, step->change, step->foreign_keys);
	task_make_views(step->run, step->views);
}

/* Runs a plan in a subtransaction, without views; NULL: done. */
static ErrorData *
try_once(TaskRun *run, List *pairs, PlanChange *change, List *views,
		 List **foreign_keys)
{
	PlanStep	step = {run, pairs, change, views, foreign_keys};
	ErrorData  *edata = attempt(run_plan, &step);

	if (edata != NULL && !statement_is_wrong(edata->sqlerrcode))
		ReThrowError(edata);
	return edata;
}

/*
 * A label that is new can be used once it is committed: of a plan that adds
 * some and uses them (as a default, say) those statements are kept.
 */
static void
keep_labels(TaskRun *run, PlanChange *change)
{
	MemoryContext old = MemoryContextSwitchTo(run->cxt);
	ListCell   *lc;

	run->labels = NIL;
	foreach(lc, change->run)
	{
		PlanStatement *st = lfirst(lc);

		if (strcmp(st->kind, "type") == 0 &&
			strstr(st->sql, " ADD VALUE IF NOT EXISTS ") != NULL)
			run->labels = lappend(run->labels, pstrdup(st->sql));
	}
	MemoryContextSwitchTo(old);
}

/*
 * The statements can be repeated: after a crash the one that they are part of
 * is read again, finds the labels, and goes on.
 */
void
task_commit_labels(TaskRun *run)
{
	ListCell   *lc;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, run->labels)
		task_spi(lfirst(lc));
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	run->labels = NIL;
}

bool
task_try_plan(TaskRun *run, List *pairs, PlanChange *change,
			  List **foreign_keys, char **why)
{
	List	   *before = foreign_keys ? list_copy(*foreign_keys) : NIL;
	ErrorData  *error = try_once(run, pairs, change, NIL, foreign_keys);

	run->labels = NIL;
	if (error != NULL && task_is_view_error(error->sqlerrcode))
	{
		char	   *others;
		List	   *views = task_views_of(run, pairs, &others);

		if (others != NULL)
		{
			*why = psprintf("at the destination: %s; drop %s, which uses the table, resume_task, and create it again afterwards",
							error->message, others);
			return false;
		}
		if (views != NIL)
		{
			if (foreign_keys)
				*foreign_keys = before;
			error = try_once(run, pairs, change, views, foreign_keys);
		}
	}
	if (error != NULL && error->sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
	{
		keep_labels(run, change);
		*why = pstrdup("a label is used before it is committed");
		return false;
	}
	if (error == NULL)
		return true;
	if (!task_is_row_error(error->sqlerrcode))
		*why = psprintf("at the destination: %s", error->message);
	else
		elog(LOG, "DDL is replicated by copying the table again: %s",
			 error->message);
	return false;
}

StoreTableNames
task_names_of(const TableDef *def)
{
	StoreTableNames names = {def->schema, def->name, def->target_schema,
	def->target_name, model_row_key(def) != NULL};

	return names;
}

/* A table that is new; with its first definition. */
static int64
insert_table(TaskRun *run, const TableDef *def, const char *state,
			 const char *position)
{
	StoreTableNames names = task_names_of(def);
	int64		id = store_table_add(run->task->id, &names, state, 0, 0);

	store_version_add(id, position, model_to_jsonb(def));
	return id;
}

static void
note_changed(List **changed, int64 id)
{
	int64	   *copy;

	if (changed == NULL)
		return;
	copy = palloc(sizeof(int64));
	*copy = id;
	*changed = lappend(*changed, copy);
}

void
task_store_pairs(TaskRun *run, List *pairs, const char *position,
				 List **changed)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (!pair->differs)
			continue;
		if (pair->after == NULL)
			store_table_delete(pair->id);
		else if (pair->id == 0)
			pair->id = insert_table(run, pair->after, TABLE_STATE_READY, position);
		else
		{
			StoreTableNames names = task_names_of(pair->after);

			store_table_rename(pair->id, &names);
			store_version_add(pair->id, position, model_to_jsonb(pair->after));
		}
		note_changed(changed, pair->id);
	}
}

void
task_mark_resync(TaskRun *run, int64 table_id, const char *why)
{
	StoreName  *table = store_table_mark_resync(table_id);

	if (table != NULL)
		task_log_event(run->task->id, "info",
					   psprintf("table \"%s\".\"%s\" is to be copied again",
								table->schema, table->name),
					   why, NULL, NULL);
}

void
task_take_in(TaskRun *run, const char *schema, const char *table,
			 const char *position)
{
	TableDef   *def = palloc0(sizeof(TableDef));

	def->schema = pstrdup(schema);
	def->name = pstrdup(table);
	(void) selection_match(run->selection, schema, table, &def->target_schema,
						   &def->target_name);
	if (def->target_schema == NULL)
		def->target_schema = plan_name(schema, (NameCase) run->options->name_case,
									   false);
	if (def->target_name == NULL)
		def->target_name = plan_name(table, (NameCase) run->options->name_case,
									 false);
	(void) insert_table(run, def, TABLE_STATE_RESYNC, position);
	task_log_event(run->task->id, "info",
				   psprintf("table \"%s\".\"%s\" is taken in", schema, table),
				   NULL, NULL, NULL);
}

bool
task_is_empty(const TableDef *def)
{
	return run_one_statement(psprintf("SELECT FROM ONLY %s LIMIT 1",
									  plan_table_name(def))) == 0;
}

TableDef *
task_renamed(TaskRun *run, const TableDef *def, const DdlTable *to)
{
	TableDef   *after = mysql_ddl_copy(def);
	char	   *old_key = plan_name_with_suffix(def->target_name, "_pkey");
	ListCell   *lc;

	after->schema = pstrdup(to->schema);
	after->name = pstrdup(to->name);
	(void) selection_match(run->selection, after->schema, after->name,
						   &after->target_schema, &after->target_name);
	foreach(lc, after->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->kind == INDEX_PRIMARY && index->target_name != NULL &&
			strcmp(index->target_name, old_key) == 0)
			index->target_name = NULL;
	}
	/* InnoDB's own names of foreign keys follow */
	foreach(lc, after->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);
		Size		len = strlen(def->name);

		if (strncmp(fk->name, def->name, len) == 0 &&
			strncmp(fk->name + len, "_ibfk_", 6) == 0)
			fk->name = psprintf("%s%s", to->name, fk->name + len);
		if (strcmp(fk->ref_schema, def->schema) == 0 &&
			strcmp(fk->ref_table, def->name) == 0)
		{
			fk->ref_schema = after->schema;
			fk->ref_table = after->name;
		}
	}
	return after;
}
