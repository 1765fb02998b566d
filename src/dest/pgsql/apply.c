/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  The writer of the engine "postgresql": transactions, flushes, and the
 *	  table of its functions.
 *
 *	  change -> batch -- full, barrier, commit --> flush
 *	                                                 |
 *	                        subtransaction: sets_write
 *	                            |ok           |error of a row
 *	                            |             v
 *	                            |      rolled back, rows_write
 *	                            v             |ok       |error
 *	                          done <----------+         v
 *	                                              to the caller, who aborts
 *
 * The destination transaction starts with the first flush and ends in commit;
 * it may span many source transactions, and one source transaction may need
 * many flushes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "core/attempt.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "dest/pgsql/pgsql.h"

/* The row context keeps this much between flushes. */
#define ROW_CONTEXT_KEEP (1024 * 1024)
#define ROW_CONTEXT_BLOCK (8 * 1024 * 1024)

/* Overhead of a change in memory, beyond its size in the source's log. */
#define CHANGE_OVERHEAD 200

static void apply_flush(PgWriter *w, bool reset_rows);
static void flush_for_batch(Batch *b);
static void apply_one(Batch *b, ApplyOp *op);

static const BatchRoutine pgsql_batch = {
	.table_size = sizeof(PgTable),
	.edge_size = sizeof(PgEdge),
	.flush = flush_for_batch,
	.one = apply_one
};

static DestWriter *
pgsql_open(const DestOptions *options)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext,
											  "dtsmig apply",
											  ALLOCSET_DEFAULT_SIZES);
	PgWriter *w = MemoryContextAllocZero(cxt, sizeof(PgWriter));
	MemoryContext oldcxt;

	w->options = *options;
	if (w->options.batch_rows <= 0)
		w->options.batch_rows = 10000;
	if (w->options.batch_bytes <= 0)
		w->options.batch_bytes = 64 * 1024 * 1024;
	w->batch.cxt = cxt;
	w->batch.table_cxt = AllocSetContextCreate(cxt, "dtsmig apply tables",
											   ALLOCSET_DEFAULT_SIZES);
	w->batch.row_cxt = AllocSetContextCreate(cxt, "dtsmig apply rows",
											 ROW_CONTEXT_KEEP, ROW_CONTEXT_KEEP,
											 ROW_CONTEXT_BLOCK);
	w->batch.flush_cxt = AllocSetContextCreate(cxt, "dtsmig apply flush",
											   ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(cxt);
	initStringInfo(&w->batch.keybuf);
	MemoryContextSwitchTo(oldcxt);
	w->batch.routine = &pgsql_batch;
	w->batch.overwrite = options->overwrite;
	return (DestWriter *) w;
}

static void
begin_transaction(void)
{
	if (!IsTransactionState())
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
	}
}

static ApplyTable *
make_table(PgWriter *w, SourceRelation *rel)
{
	ApplyTable *table = batch_table_make(&w->batch, rel);

	pg_table(table)->target = rel->bound;
	table->out_func = pg_table(table)->target->out_func;
	return table;
}

static void
pgsql_set_relations(DestWriter *writer, SourceRelation **rels, int nrels)
{
	PgWriter *w = (PgWriter *) writer;
	int			i;

	apply_flush(w, true);

	/* The relations of before may be gone: nothing of them is looked at. */
	session_forget_statements();
	w->batch.ntables = 0;
	w->batch.maxtables = 0;
	w->batch.tables = NULL;
	MemoryContextReset(w->batch.table_cxt);

	for (i = 0; i < nrels; i++)
		make_table(w, rels[i]);
	cascade_build(&w->batch);
}

static MemoryContext
pgsql_row_context(DestWriter *writer)
{
	return ((PgWriter *) writer)->batch.row_cxt;
}

/*
 * Is an error one that a single row or the order of rows can cause, so that
 * going row by row may pass, or name the row?
 */
static bool
row_error(const ErrorData *edata)
{
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case MAKE_SQLSTATE('0', '2', '0', '0', '0'):	/* no data */
		case MAKE_SQLSTATE('2', '1', '0', '0', '0'):	/* cardinality */
		case MAKE_SQLSTATE('2', '2', '0', '0', '0'):	/* data */
		case MAKE_SQLSTATE('2', '3', '0', '0', '0'):	/* integrity */
		case MAKE_SQLSTATE('2', '7', '0', '0', '0'):	/* triggered change */
		case MAKE_SQLSTATE('4', '4', '0', '0', '0'):	/* check option */
		case MAKE_SQLSTATE('5', '4', '0', '0', '0'):	/* program limit */
		case MAKE_SQLSTATE('P', '0', '0', '0', '0'):	/* PL/pgSQL */
			return true;
		default:
			return false;
	}
}

/*
 * Writes the batch as sets, in a subtransaction. False: a row was in the way,
 * and nothing has been done. Other errors go to the caller.
 */
static bool
flush_sets(PgWriter *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(w->batch.flush_cxt);
	PG_TRY();
	{
		sets_write(&w->batch);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(oldcxt);
		CurrentResourceOwner = oldowner;
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(w->batch.flush_cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(oldcxt);
		CurrentResourceOwner = oldowner;
		if (!row_error(edata))
			ReThrowError(edata);
		elog(DEBUG1, "going row by row: %s", edata->message);
	}
	PG_END_TRY();
	return done;
}

static void
flush_rows(PgWriter *w, ApplyOp *single)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(w->batch.flush_cxt);

	if (single)
		rows_write_one(&w->batch, single);
	else
		rows_write(&w->batch);
	MemoryContextSwitchTo(oldcxt);
}

/* Rows that wait for statements: those of a failed attempt are gone with it. */
static void
drop_stores(PgWriter *w)
{
	int			i;

	for (i = 0; i < w->batch.ndirty; i++)
		stmt_drop_rows(w->batch.dirty[i]);
}

static void
forget_batch(PgWriter *w)
{
	drop_stores(w);
	batch_reset(&w->batch);
}

/*
 * Writes the batch. reset_rows: nothing in the row context is needed any more.
 */
static void
apply_flush(PgWriter *w, bool reset_rows)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	if (w->batch.nops > 0)
	{
		begin_transaction();
		if (w->batch.suspect || !flush_sets(w))
		{
			drop_stores(w);
			MemoryContextReset(w->batch.flush_cxt);
			flush_rows(w, NULL);
		}
		forget_batch(w);
		MemoryContextReset(w->batch.flush_cxt);
	}
	MemoryContextSwitchTo(oldcxt);
	if (reset_rows)
		MemoryContextReset(w->batch.row_cxt);
}

static void
flush_for_batch(Batch *b)
{
	apply_flush((PgWriter *) b, false);
}

/* Does one operation at once; the batch is empty. */
static void
apply_one(Batch *b, ApplyOp *op)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	Assert(b->nops == 0);
	begin_transaction();
	flush_rows((PgWriter *) b, op);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(b->flush_cxt);
}

static void
truncate_take(PgWriter *w, const Change *change)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(w->batch.cxt);

	if (!change->copied)
		w->truncate = list_append_unique(w->truncate, change->rel->bound);
	w->restart |= change->restart_identity;
	MemoryContextSwitchTo(oldcxt);
}

static void
run_truncate(void *sql)
{
	session_run_with_triggers(sql);
}

/* Where another table's foreign key, or a missing right, forbids it: DELETE. */
static void
truncate_run(PgWriter *w)
{
	StringInfoData names;
	ErrorData  *edata;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, w->truncate)
	{
		const PgTarget *target = lfirst(lc);

		appendStringInfo(&names, "%s%s%s", names.len ? ", " : "",
						 target->partitioned ? "" : "ONLY ", target->qualified);
	}
	edata = attempt(run_truncate, psprintf("TRUNCATE %s%s", names.data,
										   w->restart ? " RESTART IDENTITY" : ""));
	if (edata != NULL && edata->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED &&
		edata->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
		ReThrowError(edata);
	if (edata != NULL)
	{
		ereport(LOG,
				(errmsg("rows are deleted where the source has truncated %s",
						names.data),
				 errdetail("The reason: %s.", edata->message)));
		foreach(lc, w->truncate)
		{
			const PgTarget *target = lfirst(lc);

			pg_runf(session_use(), "DELETE FROM %s%s",
					target->partitioned ? "" : "ONLY ", target->qualified);
		}
	}
	list_free(w->truncate);
	w->truncate = NIL;
	w->restart = false;
}

/* Does the TRUNCATE that has been gathered. */
static void
truncate_tables(PgWriter *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	if (w->truncate == NIL)
		return;
	begin_transaction();
	MemoryContextSwitchTo(CurTransactionContext);
	truncate_run(w);
	MemoryContextSwitchTo(oldcxt);
}

static void
truncate_table(PgWriter *w, const Change *change)
{
	apply_flush(w, true);
	truncate_take(w, change);
	if (!change->more)
		truncate_tables(w);
}

static void
pgsql_change(DestWriter *writer, const Change *change)
{
	PgWriter *w = (PgWriter *) writer;
	ApplyTable *table = change->rel->dest;

	if (unlikely(table == NULL))
		table = make_table(w, change->rel);

	/* a rule has swallowed the last of its tables */
	if (unlikely(w->truncate != NIL) && change->kind != CHANGE_TRUNCATE)
		truncate_tables(w);
	switch (change->kind)
	{
		case CHANGE_INSERT:
		case CHANGE_UPDATE:
		case CHANGE_DELETE:
			batch_take(&w->batch, table, change);
			break;
		case CHANGE_TRUNCATE:
			truncate_table(w, change);
			break;
		default:
			elog(ERROR, "change of kind %d is none of a row",
				 (int) change->kind);
	}
	if (w->batch.nops >= w->options.batch_rows ||
		w->batch.bytes >= w->options.batch_bytes ||
		MemoryContextMemAllocated(w->batch.row_cxt, false) >=
		ROW_CONTEXT_KEEP + 2 * w->options.batch_bytes)
		apply_flush(w, true);
}

static void
pgsql_flush(DestWriter *writer)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	apply_flush((PgWriter *) writer, true);
	truncate_tables((PgWriter *) writer);
	begin_transaction();
	MemoryContextSwitchTo(oldcxt);
}

static void
pgsql_commit(DestWriter *writer, PositionWriter write_position, void *arg)
{
	PgWriter *w = (PgWriter *) writer;
	MemoryContext oldcxt = CurrentMemoryContext;

	apply_flush(w, true);
	truncate_tables(w);
	begin_transaction();
	if (write_position)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		write_position(arg);
		PopActiveSnapshot();
	}
	CommitTransactionCommand();

	/*
	 * The source is told of it, and may forget what is here: whatever
	 * synchronous_commit is, this and all that was committed before survives
	 * a crash.
	 */
	XLogFlush(XactLastCommitEnd);
	MemoryContextSwitchTo(oldcxt);

	pgstat_report_stat(false);
}

static void
pgsql_abort(DestWriter *writer)
{
	PgWriter *w = (PgWriter *) writer;
	MemoryContext oldcxt = CurrentMemoryContext;
	MemoryContext cxt;
	int			i;

	/* Is the caller's context one that goes with the transaction? */
	for (cxt = oldcxt; cxt != NULL; cxt = MemoryContextGetParent(cxt))
	{
		if (cxt == TopTransactionContext || cxt == ErrorContext)
			oldcxt = TopMemoryContext;
	}
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(oldcxt);
	forget_batch(w);
	w->truncate = NIL;
	w->restart = false;
	for (i = 0; i < w->batch.ntables; i++)
		stmt_drop_rows(w->batch.tables[i]);
	MemoryContextReset(w->batch.row_cxt);
	MemoryContextReset(w->batch.flush_cxt);
}

static void
pgsql_close(DestWriter *writer)
{
	PgWriter   *w = (PgWriter *) writer;

	session_forget_statements();
	MemoryContextDelete(w->batch.cxt);
}

static char *
mark_nothing(const char *name)
{
	return NULL;
}

static void
forget_nothing(const char *name)
{
}

const DestRoutine pgsql_dest_routine = {
	.engine = DEST_PGSQL,
	.elsewhere = true,
	.attach = session_attach,
	.detach = session_detach,
	.identify = session_identify,
	.value = session_value,
	.claim = ledger_claim,
	.recorded = ledger_recorded,
	.unclaim = ledger_unclaim,
	.record = ledger_record,
	.position = ledger_position,
	.set_position = ledger_set_position,
	.forget_task = ledger_forget_task,
	.bind_relation = target_bind,
	.bind_to_compare = target_bind_to_compare,
	.refuses_table = target_refuses,
	.load = pgsql_load,
	.mark_changes = mark_nothing,
	.mark_copy = forget_nothing,
	.forget_mark = forget_nothing,
	.open = pgsql_open,
	.set_relations = pgsql_set_relations,
	.row_context = pgsql_row_context,
	.change = pgsql_change,
	.flush = pgsql_flush,
	.commit = pgsql_commit,
	.abort = pgsql_abort,
	.close = pgsql_close
};
