/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Writes a batch operation by operation, in source order.
 *
 * Done when the batch cannot be written as sets: two rows that exchange unique
 * values pass row by row, as they did at the source; and what really cannot be
 * written fails with the row named.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "dest/batch/batch.h"

/* Runs one statement for one row. */
static uint64
run_one(ApplyTable *table, StmtKind kind, bool loose, const Row *old,
		const Row *row)
{
	const BatchRoutine *routine = table->batch->routine;
	BatchStmt  *stmt = routine->stmt(table, kind, row);

	routine->put(stmt, loose, old, row, 1);
	return routine->run(stmt, loose);
}

static void
write_row(ApplyTable *table, const ApplyOp *op)
{
	if (!op->loose)
		run_one(table, STMT_INSERT, false, NULL, &op->new);
	else if (table->arbiter && !table->any_identity_always)
		run_one(table, STMT_UPSERT, true, NULL, &op->new);
	else
	{
		run_one(table, STMT_DELETE, true, &op->new, NULL);
		run_one(table, STMT_INSERT, true, NULL, &op->new);
	}
}

/*
 * An UPDATE that is not whole and changes the key, of a row that need not be as
 * the source had it.
 *
 * Where the copy may have it, rows may have been read before and after it, those
 * of the old key and those of the new; and either key may have been another
 * row's since, to which what was logged of the first must not be done. The rows
 * at the destination do not say which it was: the table is copied again.
 */
static void
rekey_loose(ApplyTable *table, ApplyOp *op)
{
	if (op->idempotent)
	{
		table->rel->torn = "Keys changed while it was copied, and the log does not hold whole rows.";
		return;
	}
	if (table->batch->routine->fetch_row(table, &op->new, NULL))
	{
		run_one(table, STMT_DELETE, true, &op->old, NULL);
		return;
	}
	if (table->batch->routine->fetch_row(table, &op->old, &op->new))
	{
		run_one(table, STMT_DELETE, true, &op->old, NULL);
		run_one(table, STMT_INSERT, true, NULL, &op->new);
	}
}

static void
update_row(ApplyTable *table, ApplyOp *op)
{
	const Row  *key = op->old.values != NULL ? &op->old : &op->new;
	bool		whole = op->complete;

	if (op->loose && op->rekey && !op->complete)
	{
		rekey_loose(table, op);
		return;
	}
	if (!op->complete && sets_identity(table, &op->new, op->rekey))
		whole = table->batch->routine->fetch_row(table, key, &op->new);
	if (op->loose && op->complete)
	{
		if (op->rekey)
			run_one(table, STMT_DELETE, true, &op->old, NULL);
		write_row(table, op);
	}
	else if (whole && sets_identity(table, &op->new, op->rekey))
	{
		op_check_found(op, run_one(table, STMT_DELETE, op->loose, key, NULL));
		run_one(table, STMT_INSERT, op->loose, NULL, &op->new);
	}
	else
	{
		uint64		found = run_one(table, op->rekey ? STMT_REKEY : STMT_UPDATE,
									op->loose, key, &op->new);

		op_check_found(op, found);

		/*
		 * A cascade of a parent, from before the row was copied, has taken it
		 * by what it was when it was copied; or it has been deleted since.
		 */
		if (found == 0 && op->idempotent && table->child)
			table->rel->torn = "A cascade may have reached rows that were copied after it, and the log does not hold whole rows.";
	}
}

static void
do_op(Batch *w, ApplyOp *op)
{
	ApplyTable *table = op->table;

	/* an operation before it in the batch has found that out */
	op->copied |= table->rel->torn != NULL;
	if (w->routine->resolve)
		w->routine->resolve(table);
	/* what is not logged of the old row is read, where it is still as it was */
	if (op->cascade && !op->copied && table->rel->nkey > 0 &&
		cascade_lacks_old(table, op))
		(void) w->routine->fetch_row(table, &op->old, &op->old);
	if (op->copied)
		 /* only the cascade */ ;
	else if (table->rel->nkey == 0)
	{
		if (op->kind != CHANGE_INSERT)
			op_check_found(op, run_one(table, STMT_DELETE_IMAGE, op->loose,
									&op->old, NULL));
		if (op->kind != CHANGE_DELETE)
			run_one(table, STMT_INSERT, op->loose, NULL, &op->new);
	}
	else if (op->kind == CHANGE_INSERT)
		write_row(table, op);
	else if (op->kind == CHANGE_UPDATE)
		update_row(table, op);
	else
		op_check_found(op, run_one(table, STMT_DELETE, op->loose, &op->old,
								NULL));
	if (op->cascade)
	{
		/* tables may be torn by now that were not when it was taken */
		zone_cascade(table, op);
		if (op->kind == CHANGE_DELETE)
			w->routine->follow_deletes(w, table, &op, 1);
		else
			w->routine->follow_update(w, table, op);
	}
}

typedef struct RowStep
{
	Batch	   *w;
	ApplyOp    *op;
	MemoryContext cxt;
} RowStep;

static void
row_step(void *arg)
{
	RowStep    *step = arg;
	const BatchRoutine *routine = step->w->routine;
	int			entered = routine->enter ? routine->enter(step->w) : 0;

	MemoryContextSwitchTo(step->cxt);
	do_op(step->w, step->op);
	if (routine->leave)
		routine->leave(entered);
}

/*
 * Does an operation that the copy may have. Where it has what came after it as
 * well, a value that is unique may be another row's by now, which the source
 * gave it later: then the table is copied again.
 */
static void
do_idempotent(Batch *w, ApplyOp *op)
{
	RowStep		step = {w, op, CurrentMemoryContext};
	ErrorData  *error = attempt(row_step, &step);

	if (error == NULL)
		return;
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(error);
	w->routine->drop_rows(op->table);
	op->table->rel->torn = "Unique values went from row to row while it was copied.";
}

/* Does one operation. A transaction is open. */
void
rows_write_one(Batch *w, ApplyOp *op)
{
	ErrorContextCallback callback;

	CHECK_FOR_INTERRUPTS();
	op_push_context(op, &callback);
	if (op->idempotent && op->table->rel->torn == NULL)
		do_idempotent(w, op);
	else
		do_op(w, op);
	error_context_stack = callback.previous;
}

/* Does the batch. A transaction is open. */
void
rows_write(Batch *w)
{
	MemoryContext cxt = AllocSetContextCreate(w->flush_cxt, "dtsmig rows",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(cxt);
	int64		i;

	for (i = 0; i < w->nops; i++)
	{
		rows_write_one(w, w->ops[i]);
		MemoryContextReset(cxt);
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(cxt);
}
