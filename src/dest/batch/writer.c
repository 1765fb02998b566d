/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  The way of changes through a batch, for any engine: transactions and
 *	  flushes.
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
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "dest/batch/batch.h"

/* The row context keeps this much between flushes. */
#define ROW_CONTEXT_KEEP (1024 * 1024)
#define ROW_CONTEXT_BLOCK (8 * 1024 * 1024)

/* What a batch holds where the caller sets no limit. */
#define DEFAULT_BATCH_ROWS 10000
#define DEFAULT_BATCH_BYTES (64 * 1024 * 1024)

static void apply_flush(Batch *w, bool reset_rows);

DestWriter *
batch_open(const BatchRoutine *routine, const DestOptions *options)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext,
											  "dtsmig apply",
											  ALLOCSET_DEFAULT_SIZES);
	Batch	   *w = MemoryContextAllocZero(cxt, routine->batch_size);
	MemoryContext oldcxt;

	w->options = *options;
	if (w->options.batch_rows <= 0)
		w->options.batch_rows = DEFAULT_BATCH_ROWS;
	if (w->options.batch_bytes <= 0)
		w->options.batch_bytes = DEFAULT_BATCH_BYTES;
	w->cxt = cxt;
	w->table_cxt = AllocSetContextCreate(cxt, "dtsmig apply tables",
										 ALLOCSET_DEFAULT_SIZES);
	w->row_cxt = AllocSetContextCreate(cxt, "dtsmig apply rows",
									   ROW_CONTEXT_KEEP, ROW_CONTEXT_KEEP,
									   ROW_CONTEXT_BLOCK);
	w->flush_cxt = AllocSetContextCreate(cxt, "dtsmig apply flush",
										 ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(cxt);
	initStringInfo(&w->keybuf);
	MemoryContextSwitchTo(oldcxt);
	w->routine = routine;
	w->overwrite = options->overwrite;
	w->changed_only = options->changed_only;
	if (routine->open)
		routine->open(w);
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
make_table(Batch *w, SourceRelation *rel)
{
	ApplyTable *table = batch_table_make(w, rel);

	w->routine->table_made(table);
	return table;
}

void
batch_set_relations(DestWriter *writer, SourceRelation **rels, int nrels)
{
	Batch	   *w = (Batch *) writer;
	int			i;

	apply_flush(w, true);

	/* The relations of before may be gone: nothing of them is looked at. */
	w->routine->forget_tables(w);
	w->ntables = 0;
	w->maxtables = 0;
	w->tables = NULL;
	MemoryContextReset(w->table_cxt);

	for (i = 0; i < nrels; i++)
		make_table(w, rels[i]);
	cascade_build(w);
}

MemoryContext
batch_row_context(DestWriter *writer)
{
	return ((Batch *) writer)->row_cxt;
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

static int
enter(Batch *w)
{
	return w->routine->enter ? w->routine->enter(w) : 0;
}

static void
leave(Batch *w, int entered)
{
	if (w->routine->leave)
		w->routine->leave(entered);
}

/*
 * Writes the batch as sets, in a subtransaction. False: a row was in the way,
 * and nothing has been done. Other errors go to the caller.
 */
static bool
flush_sets(Batch *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(w->flush_cxt);
	PG_TRY();
	{
		int			entered = enter(w);

		MemoryContextSwitchTo(w->flush_cxt);
		sets_write(w);
		leave(w, entered);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(oldcxt);
		CurrentResourceOwner = oldowner;
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(w->flush_cxt);
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
flush_rows(Batch *w, ApplyOp *single)
{
	int			entered = enter(w);
	MemoryContext oldcxt = MemoryContextSwitchTo(w->flush_cxt);

	if (single)
		rows_write_one(w, single);
	else
		rows_write(w);
	MemoryContextSwitchTo(oldcxt);
	leave(w, entered);
}

/* Rows that wait for statements: those of a failed attempt are gone with it. */
static void
drop_stores(Batch *w)
{
	int			i;

	for (i = 0; i < w->ndirty; i++)
		w->routine->drop_rows(w->dirty[i]);
}

static void
forget_batch(Batch *w)
{
	drop_stores(w);
	batch_reset(w);
}

/*
 * Writes the batch. reset_rows: nothing in the row context is needed any more.
 */
static void
apply_flush(Batch *w, bool reset_rows)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	if (w->nops > 0)
	{
		begin_transaction();
		if (w->suspect || !flush_sets(w))
		{
			drop_stores(w);
			MemoryContextReset(w->flush_cxt);
			flush_rows(w, NULL);
		}
		forget_batch(w);
		MemoryContextReset(w->flush_cxt);
	}
	MemoryContextSwitchTo(oldcxt);
	if (reset_rows)
		MemoryContextReset(w->row_cxt);
}

void
writer_flush(Batch *b)
{
	apply_flush(b, false);
}

void
writer_one(Batch *b, ApplyOp *op)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	Assert(b->nops == 0);
	begin_transaction();
	flush_rows(b, op);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(b->flush_cxt);
}

/* Does the TRUNCATE that has been gathered. */
static void
truncate_tables(Batch *w)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	List	   *tables;
	bool		restart = w->restart;

	if (w->truncate == NIL)
		return;
	begin_transaction();
	tables = w->truncate;
	w->truncate = NIL;
	w->restart = false;
	MemoryContextSwitchTo(w->flush_cxt);
	w->routine->truncate_run(w, tables, restart);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(w->flush_cxt);
	list_free(tables);
}

static void
truncate_table(Batch *w, const Change *change)
{
	MemoryContext oldcxt;

	apply_flush(w, true);
	oldcxt = MemoryContextSwitchTo(w->cxt);
	if (!change->copied)
		w->routine->truncate_take(w, change->rel);
	w->restart |= change->restart_identity;
	MemoryContextSwitchTo(oldcxt);
	if (!change->more)
		truncate_tables(w);
}

void
batch_change(DestWriter *writer, const Change *change)
{
	Batch	   *w = (Batch *) writer;
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
			batch_take(w, table, change);
			break;
		case CHANGE_TRUNCATE:
			truncate_table(w, change);
			break;
		default:
			elog(ERROR, "change of kind %d is none of a row",
				 (int) change->kind);
	}
	if (w->nops >= w->options.batch_rows ||
		w->bytes >= w->options.batch_bytes ||
		MemoryContextMemAllocated(w->row_cxt, false) >=
		ROW_CONTEXT_KEEP + 2 * w->options.batch_bytes)
		apply_flush(w, true);
}

void
batch_flush(DestWriter *writer)
{
	MemoryContext oldcxt = CurrentMemoryContext;

	apply_flush((Batch *) writer, true);
	truncate_tables((Batch *) writer);
	begin_transaction();
	MemoryContextSwitchTo(oldcxt);
}

void
batch_commit(DestWriter *writer, PositionWriter write_position, void *arg)
{
	Batch	   *w = (Batch *) writer;
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
	 * The source gets to know of it, and may forget what is committed: whatever
	 * synchronous_commit is, this and all that was committed before survives
	 * a crash.
	 */
	XLogFlush(XactLastCommitEnd);
	MemoryContextSwitchTo(oldcxt);

	pgstat_report_stat(false);
}

void
batch_abort(DestWriter *writer)
{
	Batch	   *w = (Batch *) writer;
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
	for (i = 0; i < w->ntables; i++)
		w->routine->drop_rows(w->tables[i]);
	MemoryContextReset(w->row_cxt);
	MemoryContextReset(w->flush_cxt);
}

void
batch_close(DestWriter *writer)
{
	Batch	   *w = (Batch *) writer;

	w->routine->forget_tables(w);
	if (w->routine->close)
		w->routine->close(w);
	MemoryContextDelete(w->cxt);
}
