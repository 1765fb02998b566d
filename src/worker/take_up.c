/*-------------------------------------------------------------------------
 *
 * take_up.c
 *	  A task follows changes from a new position on (see take_up.h).
 *
 * The slot of a PostgreSQL source is made before the other task is verified, for
 * the verification writes into this database, and a slot waits for whoever has
 * written and not committed. Its task begins later in the log, where the other
 * has ended: what it has written is before that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/take_up.h"

#include "access/xact.h"
#include "check/local_source.h"
#include "check/precheck.h"
#include "core/attempt.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "schema/model.h"
#include "storage/lock.h"
#include "store/states.h"
#include "store/table.h"
#include "store/version.h"
#include "store/way_back.h"
#include "tables/describe.h"
#include "utils/builtins.h"
#include "worker/task_run.h"

/* Advisory lock class of a task that is being taken up: "dtu". */
#define TAKE_UP_LOCK_CLASS 0x647475

/* Held until the transaction ends; false: somebody else has it. */
static bool
lock_take_up(int64 task_id, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, TAKE_UP_LOCK_CLASS, (uint32) task_id, 3);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* --------------------------------------------------------------- precheck */

static void
refuse_failed(const TakeUp *t)
{
	StringInfoData detail;
	ListCell   *lc;
	int			n = 0;

	initStringInfo(&detail);
	foreach(lc, t->items)
	{
		const PrecheckItem *i = lfirst(lc);

		if (strcmp(i->status, PRECHECK_FAILED) == 0)
			appendStringInfo(&detail, "%s%s: %s.", n++ > 0 ? "\n" : "", i->item, i->found);
	}
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no way back: the precheck of task \"%s\" failed", t->task.name),
				 errdetail_internal("%s", detail.data),
				 errhint("SELECT * FROM dtsmig.precheck(%s) says what to do.",
						 quote_literal_cstr(t->task.name))));
}

/* Its tables, and under which names their rows go. */
static List *
planned_tables(TakeUp *t)
{
	PlanOptions *options = plan_options(t->options, t->selection);
	List	   *tables = describe_selected(t->selection, t->source, t->conn, t->info);
	List	   *names = NIL;

	options->targets_only = true;
	(void) plan_selected(t->source, t->conn, t->info, tables, options, &names);
	return tables;
}

TakeUp *
take_up_prepare(const TaskRecord *task)
{
	TakeUp	   *t = palloc0(sizeof(TakeUp));
	PrecheckContext pc = {0};
	const DestRoutine *dest;

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a cutover with a way back must be the first thing that writes in its transaction"),
				 errhint("Call it outside of a transaction block.")));
	(void) lock_take_up(task->id, true);
	t->task = *task;
	t->task.do_schema = t->task.do_full = false;
	t->options = options_parse(task->options);
	t->selection = selection_parse(task->objects);
	t->info = task_connection(&t->task, task->owner);
	t->source = source_routine(t->info->server_type);
	t->conn = t->source->connect(t->info);
	source_check_local(&t->task, t->source, t->conn);

	dest = destination_attach(&t->task, t->options, task->owner, false);
	pc.task = &t->task;
	pc.options = t->options;
	pc.selection = t->selection;
	pc.info = t->info;
	pc.source = t->source;
	pc.conn = t->conn;
	pc.dest = dest;
	t->items = precheck_collect(&pc);
	refuse_failed(t);
	t->tables = planned_tables(t);
	dest->detach();

	if (t->source->prepare_changes != NULL)
	{
		char	   *note = t->source->prepare_changes(t->conn, t->info, t->tables);

		if (note != NULL)
			ereport(NOTICE, (errmsg("%s", note)));
		/* its snapshot is not needed: no row is copied */
		(void) t->source->start_position(t->conn);
		if (t->source->end_snapshot != NULL)
			t->source->end_snapshot(t->conn);
	}
	return t;
}

/* Tables of a PostgreSQL source in these schemas (an array), but for those known. */
#define TABLES_OF \
	"SELECT %s FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n " \
	"ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition " \
	"AND n.nspname = ANY (%s::pg_catalog.text[]) " \
	"AND NOT pg_catalog.format('%%I.%%I', n.nspname, c.relname) = ANY (%s::pg_catalog.text[])"

static char *
known_tables(TakeUp *t)
{
	StringInfoData schemas;
	ListCell   *lc;

	if (!t->source->own_definitions)
		return NULL;
	initStringInfo(&schemas);
	appendStringInfoString(&schemas, "ARRAY[''");
	foreach(lc, t->tables)
		appendStringInfo(&schemas, ", %s", quote_literal_cstr(((TableDef *) lfirst(lc))->schema));
	appendStringInfoChar(&schemas, ']');
	return t->source->check_value(t->conn, psprintf(TABLES_OF, "pg_catalog.array_agg("
													"pg_catalog.format('%I.%I', n.nspname, c.relname))::pg_catalog.text",
													schemas.data, "'{}'"));
}

char *
take_up_no_return(const TaskRecord *task, const SourceRoutine *source, SourceConn *conn)
{
	char	   *schemas;
	char	   *known;
	char	   *come;

	if (task->reverse_of == 0)
		return store_way_back_failed(task->id);
	if (!source->own_definitions || !store_known_tables(task->id, &schemas, &known))
		return NULL;
	come = source->check_value(conn, psprintf(TABLES_OF, "pg_catalog.string_agg("
											  "pg_catalog.format('%I.%I', n.nspname, c.relname), ', ' ORDER BY 1)",
											  quote_literal_cstr(schemas),
											  quote_literal_cstr(known)));
	return come ? psprintf("tables have come that the other end does not have: %s", come) : NULL;
}

void
take_up_mark(TakeUp *t)
{
	List	   *now;
	ListCell   *la;
	ListCell   *lb;
	bool		same;

	/* that of a slot lies further back, see above */
	t->position = t->source->prepare_changes != NULL ?
		t->source->current_position(t->conn) : t->source->start_position(t->conn);
	if (t->position == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no way back: the source of task \"%s\" keeps no log to follow",
						t->task.name),
				 errhint("Switch its binary log on.")));
	now = describe_selected(t->selection, t->source, t->conn, t->info);
	same = list_length(now) == list_length(t->tables);
	forboth(la, now, lb, t->tables)
		same = same && task_same_table(lfirst(la), lfirst(lb));
	t->known = known_tables(t);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables were altered while the cutover was under way"),
				 errhint("Call it again.")));
}

/* ---------------------------------------------------------------- catalog */

static void
store_table(const TakeUp *t, TableDef *def)
{
	WayBackTable names = {0};
	int64		id;

	names.schema = def->schema;
	names.name = def->name;
	names.target_schema = def->target_schema;
	names.target_name = def->target_name;
	id = store_table_take_up(t->task.id, &names, model_row_key(def) != NULL, t->position);
	store_version_add(id, t->position, model_to_jsonb(def));
}

static bool
is_taken(const TakeUp *t, const char *schema, const char *table)
{
	ListCell   *lc;

	foreach(lc, t->tables)
	{
		const TableDef *def = lfirst(lc);

		if (model_has_rows(def) && strcmp(def->schema, schema) == 0 &&
			strcmp(def->name, table) == 0)
			return true;
	}
	return false;
}

void
take_up_store(TakeUp *t)
{
	ListCell   *lc;

	foreach(lc, store_way_back_tables(t->task.id))
	{
		const WayBackTable *names = lfirst(lc);

		if (!is_taken(t, names->schema, names->name))
			store_table_delete(names->id);
	}
	foreach(lc, t->tables)
		if (model_has_rows(lfirst(lc)))
			store_table(t, lfirst(lc));
	store_task_take_up(t->task.id, t->position, t->task.objects, t->known);
	(void) precheck_store(t->task.id, t->items);
	task_log_event(t->task.id, "info", "the task is taken up",
				   psprintf("Changes will be followed from %s.", t->position), NULL, NULL);
}

void
take_up_give_up(TakeUp *t)
{
	char	   *note;

	if (t->source->prepare_changes != NULL && t->source->release != NULL)
		(void) t->source->release(t->info, &note);
}

static void
clear_source(void *arg)
{
	const TaskRecord *task = arg;
	ConnectionInfo *info = task_connection(task, task->owner);
	const SourceRoutine *source = source_routine(info->server_type);
	char	   *note;

	if (source->prepare_changes != NULL && source->release != NULL)
		(void) source->release(info, &note);
}

void
take_up_clear(const TaskRecord *task)
{
	TaskRecord *partner = task_load_partner(task, false);
	ErrorData  *edata;

	if (partner == NULL || partner->owner != task->owner ||
		strcmp(partner->wanted, TASK_WANTED_RUNNING) == 0 ||
		!partner->do_incremental || !lock_take_up(partner->id, false))
		return;
	/* a source that is out of reach keeps no task from going on */
	edata = attempt(clear_source, partner);
	if (edata != NULL && ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
		ReThrowError(edata);
}
