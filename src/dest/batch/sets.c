/*-------------------------------------------------------------------------
 *
 * sets.c
 *	  Writes the net effect of a batch with as few statements as possible.
 *
 * Order: what goes from any table, what follows from that by cascades, then
 * what changes and what comes. A count that differs from what the batch
 * expects is an error of a set; the caller then goes row by row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/batch/batch.h"
#include "miscadmin.h"

static void
put(ApplyTable *table, StmtKind kind, const Row *columns, bool loose, const Row *old,
	const Row *row, int64 count)
{
	const BatchRoutine *routine = table->batch->routine;

	routine->put(routine->stmt(table, kind, columns), loose, old, row, count);
}

/*
 * Would an UPDATE to this row have to set a column that it cannot: GENERATED
 * ALWAYS AS IDENTITY, or (a key's) one by which rows are distributed?
 */
bool
sets_identity(const ApplyTable *table, const Row *row, bool keys)
{
	for (int i = 0; i < table->ncols; i++)
	{
		int			c = table->cols[i];

		if (table->identity_always[c] && row_has(row, c) &&
			(keys || !table->rel->columns[c].in_key))
			return true;
	}
	return false;
}

/* Puts an entry of a table with a key where it belongs. */
static void
distribute(ApplyTable *table, ApplyEntry *entry)
{
	bool		loose = entry->loose;

	if (!entry->present)
	{
		if (entry->existed || loose)
			put(table, STMT_DELETE, NULL, loose, &entry->key, NULL, 0);
		return;
	}

	if (!entry->existed && !loose)
		put(table, STMT_INSERT, &entry->row, false, NULL, &entry->row, 0);
	else if (loose && (entry->complete || !entry->existed))
	{
		if (table->arbiter && !table->any_identity_always)
			put(table, STMT_UPSERT, &entry->row, true, NULL, &entry->row, 0);
		else
		{
			put(table, STMT_DELETE, NULL, true, &entry->key, NULL, 0);
			put(table, STMT_INSERT, &entry->row, true, NULL, &entry->row, 0);
		}
	}
	else if (table->any_identity_always && entry->complete)
	{
		/* UPDATE cannot set GENERATED ALWAYS AS IDENTITY */
		put(table, STMT_DELETE, NULL, loose, &entry->key, NULL, 0);
		put(table, STMT_INSERT, &entry->row, loose, NULL, &entry->row, 0);
	}
	else
	{
		/* what such a row lacks is read row by row */
		if (sets_identity(table, &entry->row, false))
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("a row of table %s is not whole", table->qualified)));
		put(table, STMT_UPDATE, &entry->row, loose, &entry->key, &entry->row, 0);
	}
}

static void
distribute_keyless(ApplyTable *table, ApplyEntry *entry)
{
	int64		i;

	if (entry->count < 0)
		put(table, STMT_DELETE_IMAGE, NULL, entry->loose, &entry->row, NULL, -entry->count);
	for (i = 0; i < entry->count; i++)
		put(table, STMT_INSERT, &entry->row, false, NULL, &entry->row, 0);
}

/*
 * Runs a table's statements of a kind that have got rows. UPDATEs of rows that
 * are not whole, in a table that cascades reach, are looked at row by row where
 * one is missing: see rows.c.
 */
static void
run_kind(ApplyTable *table, StmtKind kind)
{
	ListCell   *lc;
	int			loose;

	foreach(lc, table->stmts)
	{
		BatchStmt  *stmt = lfirst(lc);

		if (stmt->kind != kind)
			continue;
		for (loose = 0; loose < 2; loose++)
		{
			int64		expected = stmt->nrows[loose];
			uint64		processed;

			if (!stmt->waits[loose])
				continue;
			CHECK_FOR_INTERRUPTS();
			processed = table->batch->routine->run(stmt, loose);
			/*
			 * a row that does not exist may have gone by a cascade, see below
			 */
			if (processed != (uint64) expected &&
				(!loose || (kind == STMT_UPDATE && table->child)))
				ereport(ERROR,
						(errcode(ERRCODE_NO_DATA_FOUND),
						 errmsg("%llu rows of table %s were hit, not %lld",
								(unsigned long long) processed,
								table->qualified, (long long) expected)));
		}
	}
}

/* Writes the batch. A transaction is open. */
void
sets_write(Batch *w)
{
	int			i;
	int			j;

	for (i = 0; i < w->ndirty; i++)
	{
		ApplyTable *table = w->dirty[i];

		if (w->routine->resolve)
			w->routine->resolve(table);
		entries_sort(table);
		for (j = 0; j < table->nentries; j++)
		{
			if (table->rel->nkey > 0)
				distribute(table, table->entries[j]);
			else
				distribute_keyless(table, table->entries[j]);
		}
	}

	for (i = 0; i < w->ndirty; i++)
	{
		run_kind(w->dirty[i], STMT_DELETE);
		run_kind(w->dirty[i], STMT_DELETE_IMAGE);
	}
	for (i = 0; w->cascading && i < w->ntables; i++)
	{
		ApplyTable *table = w->tables[i];

		if (table->ncascades > 0)
			w->routine->follow_deletes(w, table, table->cascades, table->ncascades);
	}
	for (i = 0; i < w->ndirty; i++)
	{
		run_kind(w->dirty[i], STMT_UPDATE);
		run_kind(w->dirty[i], STMT_INSERT);
		run_kind(w->dirty[i], STMT_UPSERT);
	}
}
