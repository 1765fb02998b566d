/*
 * worker.c
 *	  What the worker's files call of others, which decide nothing about rows:
 *	  rules that give rows another shape are left out, and so are sequences,
 *	  throttles and views; DDL is a statement after which a table is to be
 *	  copied again.
 */
#include "model.h"

#include "access/xact.h"
#include "store/sql.h"
#include "check/verify.h"
#include "dest/local/local.h"
#include "fdw/fdw_options.h"
#include "utils/memutils.h"
#include "worker/statement.h"
#include "worker/task_watch.h"
#include "worker/trouble.h"
#include "worker/worker.h"

uint64		source_statements = 0;
static TaskShared task_shared;

/* ------------------------------------------------------------- definitions */

int
table_of(const SourceRelation *rel)
{
	return rel->table_id - 1;
}

TableDef *
def_of(int table)
{
	const TableSpec *spec = &plan.spec[table];
	TableDef   *def = palloc0(sizeof(TableDef));

	def->schema = def->target_schema = "s";
	def->name = def->target_name = (char *) spec->name;
	for (int i = 0; i < spec->ncols; i++)
	{
		TableColumn *col = palloc0(sizeof(TableColumn));

		col->name = col->target_name = psprintf("c%d", i);
		col->source_type = col->base_type = "bigint";
		def->columns = lappend(def->columns, col);
	}
	if (spec->parent >= 0)
	{
		TableForeignKey *fk = palloc0(sizeof(TableForeignKey));

		fk->name = "fk";
		fk->columns = lappend(NIL, psprintf("c%d", spec->fk));
		fk->ref_schema = "s";
		fk->ref_table = (char *) plan.spec[spec->parent].name;
		fk->ref_columns = lappend(NIL, "c0");
		/*
		 * what a PostgreSQL source reports row by row is not followed in the
		 * model
		 */
		fk->on_delete = plan.kind == SOURCE_PGSQL ? "NO ACTION" : "CASCADE";
		fk->on_update = plan.moves ? "CASCADE" : "NO ACTION";
		def->foreign_keys = lappend(NIL, fk);
	}
	return def;
}

TableDef *
model_from_jsonb(Jsonb *jb)
{
	return def_of((int) (intptr_t) jb - 1);
}

TableColumn *
model_find_column(const TableDef *def, const char *name)
{
	ListCell   *lc;

	foreach(lc, def->columns)
		if (strcmp(((TableColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Definitions do not change. */
Jsonb *
model_to_jsonb(const TableDef *def)
{
	static int32 one[2];

	SET_VARSIZE(one, sizeof(one));
	return (Jsonb *) one;
}

TableIndex *
model_row_key(const TableDef *def)
{
	TableIndex *key = NULL;

	for (int t = 0; t < plan.ntables; t++)
		for (int i = 0; strcmp(plan.spec[t].name, def->name) == 0 && i < plan.spec[t].nkey; i++)
		{
			IndexPart  *part = palloc0(sizeof(IndexPart));

			if (key == NULL)
				key = palloc0(sizeof(TableIndex));
			part->column = psprintf("c%d", i);
			key->parts = lappend(key->parts, part);
		}
	return key;
}

char *
plan_table_name(const TableDef *def)
{
	return psprintf("%s.%s", def->target_schema, def->target_name);
}

List *
describe_selected(const Selection *selection, const SourceRoutine *source,
				  SourceConn *conn, const ConnectionInfo *info)
{
	return source->describe(conn, NIL);
}

/* ALTER TABLE s.t ALTER COLUMN c DROP NOT NULL */
void
statement_execute(const char *statement, bool script)
{
	for (int i = 0; i < plan.ntables; i++)
		if (strcmp(statement, psprintf("ALTER TABLE s.%s ALTER COLUMN c%d DROP NOT NULL",
									   plan.spec[i].name, plan.spec[i].dates)) == 0)
		{
			trace("%s", statement);
			db_rec_write(i)->not_null = false;
			return;
		}
	model_fail("test/model/worker.c does not know this statement: %s", statement);
}

/* The function is the user's: no transaction of the worker's is open. */
void
alert_call(int64 task_id, const char *function, List *reported)
{
	if (!db_in_no_transaction())
		model_fail("the user's function is called inside of a transaction");
}

List *
task_pairs(TaskRun *run)
{
	List	   *pairs = NIL;

	for (int i = 0; i < plan.ntables; i++)
	{
		PlanPair   *pair = palloc0(sizeof(PlanPair));

		pair->id = i + 1;
		pair->before = pair->after = def_of(i);
		pairs = lappend(pairs, pair);
	}
	return pairs;
}

PlanPair *
task_pair_of(List *pairs, int64 table_id)
{
	ListCell   *lc;

	foreach(lc, pairs)
		if (((PlanPair *) lfirst(lc))->id == table_id)
			return lfirst(lc);
	return NULL;
}

void
task_store_pairs(TaskRun *run, List *pairs, const char *position, List **changed)
{
	ListCell   *lc;

	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);
		DbRec	   *rec;

		if (!pair->differs)
			continue;
		rec = db_rec_write((int) pair->id - 1);
		rec->generation++;
		strlcpy(rec->def_from, position ? position : "", POS_SIZE);
	}
}

PlanChange *
plan_change(List *pairs, const PlanOptions *options, TimestampTz moment)
{
	return palloc0(sizeof(PlanChange));
}

bool
task_try_plan(TaskRun *run, List *pairs, PlanChange *change, List **foreign_keys,
			  char **why)
{
	return true;
}

/* As run_definitions.c has it. */
void
task_mark_resync(TaskRun *run, int64 table_id, const char *why)
{
	trace("table %s is to be copied again: %s", plan.spec[table_id - 1].name, why);
	(void) store_query("UPDATE dtsmig.task_table SET state = 'resync', "
					   "resync_step = NULL "
					   "WHERE table_id = $1 RETURNING source_schema, source_table",
					   "i", table_id);
}

/* ---------------------------------------------------------------------- DDL */

/* A statement that gives rows other values: the table is copied again. */
void
task_replicate_ddl(TaskRun *run, const Change *change, bool in_transaction,
			   char *position, PositionWriter write_position, void *arg,
			   DdlReplicated *replicated)
{
	memset(replicated, 0, sizeof(*replicated));
	replicated->cxt = AllocSetContextCreate(run->cxt, "replicated", ALLOCSET_SMALL_SIZES);
	StartTransactionCommand();
	for (int i = 0; i < plan.ntables; i++)
		if (strcmp(change->ddl_sql + strlen("ALTER TABLE "), plan.spec[i].name) == 0)
			task_mark_resync(run, i + 1, "it was rewritten");
	write_position(arg);
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	replicated->resync = true;
}

void
task_replicate_record(TaskRun *run, Change *change, const char *position,
				  DdlReplicated *replicated)
{
	model_fail("no record of DDL is made");
}

bool
types_may_fit_later(TaskRun *run, int sqlerrcode)
{
	return false;
}

/* ----------------------------------------------------------- jobs, the task */

/* Makes a key, or the unique index of a table. */
char *
statement_run_in_transaction(int64 object_id, const char *statement, bool script,
							 bool may_be_made)
{
	const DbJob *job = db_job((int) object_id - 1);
	const TableSpec *spec = &plan.spec[job->table];
	const MTable *t = db_rows(job->table);

	if (!job->unique)
		return NULL;
	for (int i = 0; i < t->n; i++)
		for (int j = 0; j < i; j++)
			if (t->rows[i].v[spec->unique] != MNULL &&
				t->rows[i].v[spec->unique] == t->rows[j].v[spec->unique])
				model_fail("values of %s are not unique after the copy: %s",
						   spec->name, table_text(t, spec->ncols));
	db_rec_write(job->table)->unique = true;
	return NULL;
}

TaskRecord *
task_load_id(int64 id, bool for_update)
{
	TaskRecord *task = palloc0(sizeof(TaskRecord));

	task->id = 1;
	task->name = task->source = "model";
	task->do_schema = task->do_full = task->do_incremental = true;
	task->wanted = task->status = "running";
	task->step = pstrdup(db_task()->step);
	task->start_position = pstrdup(db_task()->start);
	task->target_position = db_task()->target[0] ? pstrdup(db_task()->target) : NULL;
	task->consistent = strcmp(db_task()->step, "changes") == 0;
	return task;
}

TaskOptions *
options_parse(Jsonb *options)
{
	TaskOptions *o = palloc0(sizeof(TaskOptions));

	o->conflict = CONFLICT_REPORT;
	o->copy_workers = plan.workers;
	o->rows_per_range = 10;
	o->batch_rows = plan.batch_rows;
	o->batch_memory = 1;
	o->batch_delay = plan.batch_delay;
	return o;
}

ConnectionInfo *
task_connection(const TaskRecord *task, Oid user)
{
	ConnectionInfo *info = palloc0(sizeof(ConnectionInfo));

	info->server_name = "source";
	info->server_type = "model";
	return info;
}

void
run_post_data(TaskRun *run)
{
	StartTransactionCommand();
	task_set_step(run, "incremental", "changes");
	CommitTransactionCommand();
	run->task->consistent = true;
}

/* Errors that were not made here are faults. */
TroubleEnd
trouble_note(int64 task_id, const ErrorData *edata, TimestampTz running_since)
{
	if (edata->sqlerrcode != ERRCODE_CONNECTION_FAILURE &&
		edata->sqlerrcode != ERRCODE_ADMIN_SHUTDOWN &&
		edata->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE)
		model_fail("the task fails: %s", edata->message);
	source_run_ended();
	return TROUBLE_RETRY;
}

void
line_may_break(void)
{
	yield();
	if (plan.errors > 0 && chance(1))
	{
		plan.errors--;
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the line to the source breaks")));
	}
}

/* -------------------------------------------------------- shared memory */

TaskShared *
shared_create(int64 task_id, dsm_handle *handle)
{
	memset(&task_shared, 0, sizeof(task_shared));
	task_shared.task_id = task_id;
	*handle = 1;
	return &task_shared;
}

TaskShared *
shared_attach(dsm_handle handle)
{
	return &task_shared;
}

void
shared_set_text(char *field, const char *text)
{
	strlcpy(field, text ? text : "", SHARED_TEXT);
}

void
shared_set_position(char *field, const char *text)
{
	strlcpy(field, text, SHARED_POSITION);
}

void
shared_store_error(SharedError *error, const ErrorData *edata)
{
	memset(error, 0, sizeof(*error));
	error->sqlerrcode = edata->sqlerrcode;
	strlcpy(error->message, edata->message, sizeof(error->message));
}

int
WaitLatch(Latch *latch, int wakeEvents, long timeout, uint32 wait_event_info)
{
	yield();
	return WL_TIMEOUT;
}

uint64
throttle_portion(const Throttle *throttle)
{
	return PG_UINT64_MAX;
}

/* ------------------------------------------------------------------ repair */

/* The key of a row that is to be repaired; a number in place of a document. */
JsonbValue *
getIthJsonbValueFromContainer(JsonbContainer *sheader, uint32 i)
{
	Jsonb	   *jb = (Jsonb *) ((char *) sheader - offsetof(Jsonb, root));
	JsonbValue *v = palloc0(sizeof(JsonbValue));

	v->type = jbvString;
	v->val.string.val = psprintf("%lld", (long long) (intptr_t) jb - 1);
	v->val.string.len = strlen(v->val.string.val);
	return v;
}

char *
verify_key_source(Verify *v, const SourceRelation *rel, char *const *key)
{
	return psprintf("%s:%lld", key[0], atoll(key[0]) + 1);
}

char *
verify_key_dest(const Verify *v, const SourceRelation *rel, char *const *key)
{
	return psprintf("key %s", key[0]);
}

/* One row at a time is asked for. */
void
verify_rows_source(Verify *v, SourceRelation *rel, const char *condition,
				  TextRowTaker take, void *arg)
{
	TextRow		row = {0};
	char	   *key = pstrdup(condition);

	key[strcspn(key, ":)")] = '\0';
	key += strspn(key, "(");
	row.key = &key;
	(void) take(arg, rel, &row);
}

void
source_run_ended(void)
{
	source_lose_export();
}
