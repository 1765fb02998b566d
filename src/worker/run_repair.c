/*-------------------------------------------------------------------------
 *
 * run_repair.c
 *	  Rows that a verification found to differ are taken again from the source.
 *
 * It is done between two streams: all that lies before the applied position is
 * at the destination, nothing after it. The rows are read in a snapshot of the
 * source, which stands later in the log than that. Between the two, changes of
 * the table may be in the rows already: until the snapshot's position they are
 * applied so that doing them twice does no harm, as after the copy of the table
 * (snap_hi in core/relation.h). So a row that changes while it is repaired ends
 * up as the source has it, and no change is undone or doubled.
 *
 * For a table without a key there is no such way; it is copied again as a
 * whole (resync_table).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"
#include "worker/worker.h"

#include "access/xact.h"
#include "store/difference.h"
#include "store/table.h"
#include "catalog/pg_class.h"
#include "check/verify.h"
#include "transform/shape_rows.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/zero_dates.h"

#define REPAIR_ROWS 200

typedef struct Repair
{
	TaskRun    *run;
	MemoryContext cxt;
	SourceConn *conn;			/* that holds the snapshot */
	SourceSnapshot snapshot;
	SourceRelation *rel;
	SourceRows *rows;
} Repair;

bool
task_wants_repair(TaskRun *run)
{
	return store_differences_wait(run->task->id);
}

bool
task_wants_stop(TaskRun *run)
{
	bool		asked = false;
	ListCell   *lc;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, store_tables_waiting(run->task->id))
	{
		bool		known = false;

		for (int i = 0; i < run->nrels; i++)
			known |= run->rels[i]->table_id == *(int64 *) lfirst(lc) &&
				run->rels[i]->resync;
		asked |= !known;
	}
	asked |= run->replay_until == NULL && task_wants_repair(run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return asked;
}

/* ["1", "x"] as texts. */
static char **
key_of(Jsonb *jb, int nkey)
{
	char	  **key = palloc0(sizeof(char *) * nkey);

	for (int i = 0; i < nkey; i++)
	{
		JsonbValue *v = getIthJsonbValueFromContainer(&jb->root, i);

		if (v == NULL || v->type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the key of the table is not what it was when it was verified"),
					 errhint("Verify it again.")));
		key[i] = pnstrdup(v->val.string.val, v->val.string.len);
	}
	return key;
}

static void
delete_here(const Repair *r, const SourceRelation *rel, char *const *key)
{
	Verify		v = {0};

	v.dest = r->run->dest;
	task_spi(psprintf("DELETE FROM %s WHERE %s",
					  v.dest->check ? v.dest->check->from(rel) :
					  psprintf("%s%s", get_rel_relkind(rel->target_relid) == RELKIND_PARTITIONED_TABLE ?
							   "" : "ONLY ",
							   quote_qualified_identifier(rel->target_schema,
														  rel->target_name)),
					  verify_key_dest(&v, rel, key)));
}

/*
 * TextRowTaker: what the destination has under the key of a row that will be
 * loaded.
 */
static bool
clear_place(void *arg, SourceRelation *rel, const TextRow *row)
{
	delete_here(arg, rel, row->key);
	return true;
}

/* LoadProducer */
static bool
produce(void *arg, StringInfo buf)
{
	Repair	   *r = arg;
	bool		more;

	CHECK_FOR_INTERRUPTS();
	more = shape_next_copy(r->run->source->next_copy, r->rows, r->rel, buf);
	zero_dates_check(r->run->task, r->rel);
	return more;
}

/* Takes the rows of a condition, in the caller's transaction. */
static void
take_rows(Repair *r, const char *condition)
{
	Verify		v = {0};
	SourceRange range = {0};

	v.source = r->run->source;
	v.dest = r->run->dest;
	v.conn = r->conn;
	verify_rows_source(&v, r->rel, condition, clear_place, r);
	range.condition = unconstify(char *, condition);
	r->rows = r->run->source->open_rows(r->conn, r->rel, &range);
	(void) r->run->dest->load(r->rel->out, produce, r, LOAD_APPEND);
	r->run->source->close_rows(r->rows);
}

/* Names of columns that the destination generates, as a JSON array. */
static char *
generated_names(const SourceRelation *rel)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].generated && rel->columns[i].target_name != NULL)
		{
			appendStringInfoString(&buf, buf.len > 1 ? ", " : "");
			escape_json(&buf, rel->columns[i].target_name);
		}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

/* What no row of the source changes is not repaired; the rest: StoreDifference *. */
static List *
leave_generated(List *differences)
{
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, differences)
	{
		StoreDifference *d = lfirst(lc);

		if (d->generated)
			store_difference_failed(d->id, "The columns that differ are generated at the destination, by an expression that gives other values.");
		else
			rest = lappend(rest, d);
	}
	return rest;
}

/* Rows of one table that are to be repaired: StoreDifference *. */
static int
repair_some(Repair *r, List *differences)
{
	StringInfoData condition;
	SourceRelation *rel = r->rel;
	Verify		v = {0};
	ListCell   *lc;

	differences = leave_generated(differences);
	if (differences == NIL)
		return 0;
	v.source = r->run->source;
	v.dest = r->run->dest;
	v.conn = r->conn;
	initStringInfo(&condition);
	foreach(lc, differences)
	{
		char	  **key = key_of(((StoreDifference *) lfirst(lc))->key, rel->out->nkey);
		char	   *there = verify_key_source(&v, rel, key);

		if (there == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("rows of table \"%s\".\"%s\" cannot be found at the source by their key",
							rel->schema, rel->name),
					 errhint("Use resync_table.")));
		delete_here(r, rel, key);
		appendStringInfo(&condition, "%s(%s)", condition.len > 0 ? " OR " : "", there);
	}
	take_rows(r, condition.data);
	foreach(lc, differences)
		store_difference_repaired(((StoreDifference *) lfirst(lc))->id);
	return list_length(differences);
}

/* The changes up to the snapshot may be in the rows. */
static void
extend_zone(Repair *r)
{
	const SourceRoutine *source = r->run->source;
	char	   *end;
	char	   *high = r->snapshot.high;

	if (high == NULL || !r->run->task->do_incremental)
		return;
	store_table_many_snapshots(r->rel->table_id);
	end = store_table_zone_end(r->rel->table_id);
	if (end != NULL && end[0] != '\0' && source->position_has_place(end) &&
		source_pos_cmp(source->parse_position(end), source->parse_position(high)) >= 0)
		return;
	store_table_set_zone_end(r->rel->table_id, high);
}

/* All that is asked for of one table; a transaction is open. */
static void
repair_table(Repair *r, int64 table_id)
{
	TaskRun    *run = r->run;
	int			n = 0;
	int			level = NewGUCNestLevel();

	r->rel = task_open_relation(run, r->cxt, table_id, r->conn);
	if (r->rel->resync || r->rel->out->nkey == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg(r->rel->resync ? "table \"%s\".\"%s\" is to be copied again" :
						"table \"%s\".\"%s\" has no key to repair rows by",
						r->rel->schema, r->rel->name),
				 errhint("Use resync_table.")));
	verify_pin_settings();
	for (;;)
	{
		List	   *differences = store_differences_of(table_id, generated_names(r->rel->out),
													   REPAIR_ROWS);

		if (differences == NIL)
			break;
		n += repair_some(r, differences);
	}
	/* rows that no snapshot has are seen after they were logged */
	if (r->snapshot.high != NULL && run->source->lacks_rows != NULL &&
		run->source->lacks_rows(r->rel))
		r->snapshot.high = run->source->current_position(r->conn);
	extend_zone(r);
	task_log_event(run->task->id, "info",
				   psprintf("%d rows of table \"%s\".\"%s\" are repaired", n,
							r->rel->schema, r->rel->name),
				   r->snapshot.high ?
				   psprintf("They were taken from the source as at %s.",
							r->snapshot.high) : NULL, NULL, NULL);
	AtEOXact_GUC(true, level);
}

/*
 * Results whose repair failed say why. (A task that is stopped by a row that
 * cannot be repaired helps nobody.)
 */
static void
note_failure(TaskRun *run, int64 table_id, const ErrorData *edata)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_differences_failed(run->task->id, table_id, edata->message);
	task_log_event(run->task->id, "warning",
				   psprintf("rows could not be repaired: %s", edata->message),
				   edata->detail, edata->hint, unpack_sql_state(edata->sqlerrcode));
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static bool
is_of_connection(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES);
}

static void
begin(Repair *r, TaskRun *run, const char *applied)
{
	char	   *low;

	memset(r, 0, sizeof(*r));
	r->run = run;
	r->cxt = AllocSetContextCreate(run->cxt, "dtsmig repair",
								   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(r->cxt);
	r->conn = run->source->connect(run->info);
	task_open_snapshot(run, r->conn, applied, &r->snapshot, &low);
}

/* In the worker: between transactions, no stream is open. */
void
task_repair(TaskRun *run)
{
	MemoryContext old = CurrentMemoryContext;
	Repair		r;
	List	   *tables;
	ListCell   *lc;
	char	   *applied;
	int64	   *ids;
	int			n;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	tables = store_differences_tables(run->task->id);
	n = list_length(tables);
	ids = MemoryContextAlloc(run->cxt, sizeof(int64) * Max(n, 1));
	foreach(lc, tables)
		ids[foreach_current_index(lc)] = *(int64 *) lfirst(lc);
	applied = task_applied(run);
	if (applied != NULL)
		applied = MemoryContextStrdup(run->cxt, applied);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	for (int i = 0; i < n; i++)
	{
		volatile bool done = false;
		volatile bool failed = false;

		begin(&r, run, applied);
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		PG_TRY();
		{
			MemoryContextSwitchTo(r.cxt);
			repair_table(&r, ids[i]);
			PopActiveSnapshot();
			CommitTransactionCommand();
			done = true;
		}
		PG_CATCH();
		{
			ErrorData  *edata;

			MemoryContextSwitchTo(old);
			edata = CopyErrorData();
			if (is_of_connection(edata->sqlerrcode))
				PG_RE_THROW();
			FlushErrorState();
			AbortOutOfAnyTransaction();
			MemoryContextSwitchTo(old);
			if (zero_dates_wait())
				zero_dates_settle(run->task, run->options->alert_function);
			else
			{
				note_failure(run, ids[i], edata);
				failed = true;
			}
		}
		PG_END_TRY();
		MemoryContextSwitchTo(old);
		MemoryContextDelete(r.cxt);
		/* the same table again, whose column takes NULL now */
		if (!done && !failed)
			i--;
	}
}

/* In a backend, within its transaction: of a task that follows nothing. */
void
repair_at_once(TaskRun *run)
{
	MemoryContext old = CurrentMemoryContext;
	List	   *tables = store_differences_tables(run->task->id);
	ListCell   *lc;
	int			level = NewGUCNestLevel();
	Repair		r;

	begin(&r, run, NULL);
	/* the relation's binding has seen to it that the user may */
	(void) set_config_option("session_replication_role", "replica", PGC_SUSET,
							 PGC_S_OVERRIDE, GUC_ACTION_SAVE, true, 0, false);
	guard_begin(run->task->owner);
	PG_TRY();
	{
		foreach(lc, tables)
			repair_table(&r, *(int64 *) lfirst(lc));
	}
	PG_FINALLY();
	{
		guard_end();
	}
	PG_END_TRY();
	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(r.cxt);
}
