/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  The writer of the engine "local": transactions, flushes, and the table
 *	  of its functions.
 *
 *	  change -> batch -- full, barrier, commit --> flush
 *	                                                 |
 *	                        subtransaction: apply_sets
 *	                            |ok           |error of a row
 *	                            |             v
 *	                            |      rolled back, apply_rows
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
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "dest/local/local.h"

/* The row context keeps this much between flushes. */
#define ROW_CONTEXT_KEEP (1024 * 1024)
#define ROW_CONTEXT_BLOCK (8 * 1024 * 1024)

/* Overhead of a change in memory, beyond its size in the source's log. */
#define CHANGE_OVERHEAD 200

static void apply_flush(LocalWriter *w, bool reset_rows);
static void flush_for_batch(Batch *b);
static void apply_one(Batch *b, ApplyOp *op);

static const BatchRoutine local_batch = {
	.table_size = sizeof(LocalTable),
	.edge_size = sizeof(LocalEdge),
	.flush = flush_for_batch,
	.one = apply_one
};

static DestWriter *
local_open(const DestOptions *options)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext,
											  "dtsmig apply",
											  ALLOCSET_DEFAULT_SIZES);
	LocalWriter *w = MemoryContextAllocZero(cxt, sizeof(LocalWriter));
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
	w->batch.routine = &local_batch;
	w->batch.overwrite = options->overwrite;
	apply_stmt_init();
	apply_table_watch(&w->batch);
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
make_table(LocalWriter *w, SourceRelation *rel)
{
	ApplyTable *table = batch_table_make(&w->batch, rel);

	local_table(table)->relid = rel->target_relid;
	return table;
}

static void
local_set_relations(DestWriter *writer, SourceRelation **rels, int nrels)
{
	LocalWriter *w = (LocalWriter *) writer;
	int			i;

	apply_flush(w, true);

	/* The relations of before may be gone: nothing of them is looked at. */
	cascade_forget(&w->batch);
	for (i = 0; i < w->batch.ntables; i++)
		apply_table_forget(w->batch.tables[i]);
	w->batch.ntables = 0;
	w->batch.maxtables = 0;
	w->batch.tables = NULL;
	MemoryContextReset(w->batch.table_cxt);

	for (i = 0; i < nrels; i++)
		make_table(w, rels[i]);
	cascade_build(&w->batch);
}

static MemoryContext
local_row_context(DestWriter *writer)
{
	return ((LocalWriter *) writer)->batch.row_cxt;
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
flush_sets(LocalWriter *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(w->batch.flush_cxt);
	PG_TRY();
	{
		int			nestlevel = apply_settings_begin();

		PushActiveSnapshot(GetTransactionSnapshot());
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		MemoryContextSwitchTo(w->batch.flush_cxt);
		apply_sets(&w->batch);
		SPI_finish();
		PopActiveSnapshot();
		apply_settings_end(nestlevel);
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
flush_rows(LocalWriter *w, ApplyOp *single)
{
	int			nestlevel = apply_settings_begin();
	MemoryContext oldcxt;

	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	oldcxt = MemoryContextSwitchTo(w->batch.flush_cxt);
	if (single)
		apply_row(&w->batch, single);
	else
		apply_rows(&w->batch);
	MemoryContextSwitchTo(oldcxt);
	SPI_finish();
	PopActiveSnapshot();
	apply_settings_end(nestlevel);
}

/* Rows that wait for statements: those of a failed attempt are gone with it. */
static void
drop_stores(LocalWriter *w)
{
	int			i;

	for (i = 0; i < w->batch.ndirty; i++)
		apply_table_drop_stores(w->batch.dirty[i]);
}

static void
forget_batch(LocalWriter *w)
{
	drop_stores(w);
	batch_reset(&w->batch);
}

/*
 * Writes the batch. reset_rows: nothing in the row context is needed any more.
 */
static void
apply_flush(LocalWriter *w, bool reset_rows)
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
	apply_flush((LocalWriter *) b, false);
}

/* Does one operation at once; the batch is empty. */
static void
apply_one(Batch *b, ApplyOp *op)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	Assert(b->nops == 0);
	begin_transaction();
	flush_rows((LocalWriter *) b, op);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(b->flush_cxt);
}

/* Does the TRUNCATE that has been gathered. */
static void
truncate_tables(LocalWriter *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	if (w->truncate == NIL)
		return;
	begin_transaction();
	local_truncate_run(w);
	MemoryContextSwitchTo(oldcxt);
}

static void
truncate_table(LocalWriter *w, const Change *change)
{
	apply_flush(w, true);
	local_truncate_take(w, change);
	if (!change->more)
		truncate_tables(w);
}

static void
local_change(DestWriter *writer, const Change *change)
{
	LocalWriter *w = (LocalWriter *) writer;
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
local_flush(DestWriter *writer)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	apply_flush((LocalWriter *) writer, true);
	truncate_tables((LocalWriter *) writer);
	begin_transaction();
	MemoryContextSwitchTo(oldcxt);
}

static void
local_commit(DestWriter *writer, PositionWriter write_position, void *arg)
{
	LocalWriter *w = (LocalWriter *) writer;
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
local_abort(DestWriter *writer)
{
	LocalWriter *w = (LocalWriter *) writer;
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
		apply_table_drop_stores(w->batch.tables[i]);
	MemoryContextReset(w->batch.row_cxt);
	MemoryContextReset(w->batch.flush_cxt);
}

static void
local_close(DestWriter *writer)
{
	LocalWriter *w = (LocalWriter *) writer;
	int			i;

	cascade_forget(&w->batch);
	for (i = 0; i < w->batch.ntables; i++)
		apply_table_forget(w->batch.tables[i]);
	apply_table_watch(NULL);
	MemoryContextDelete(w->batch.cxt);
}

const DestRoutine local_dest_routine = {
	.engine = DEST_LOCAL,
	.attach = local_attach,
	.detach = local_detach,
	.identify = local_identify,
	.value = local_value,
	.claim = local_claim,
	.recorded = local_recorded,
	.unclaim = local_unclaim,
	.record = local_record,
	.position = local_position,
	.set_position = local_set_position,
	.forget_task = local_forget_task,
	.bind_relation = local_bind_relation,
	.bind_to_compare = local_bind_to_compare,
	.refuses_table = local_refuses_table,
	.load = local_load,
	.mark_changes = local_mark_changes,
	.mark_copy = local_mark_copy,
	.forget_mark = local_forget_mark,
	.open = local_open,
	.set_relations = local_set_relations,
	.row_context = local_row_context,
	.change = local_change,
	.flush = local_flush,
	.commit = local_commit,
	.abort = local_abort,
	.close = local_close
};
