/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Gathers changes into a batch: the operations in source order, and their
 *	  net effect by table and key.
 *
 * An entry of a table with a key goes through
 *
 *	  first operation	existed		present
 *	  INSERT			no			yes
 *	  UPDATE			yes			yes
 *	  DELETE			yes			no
 *
 * and afterwards each operation only moves "present" and merges values by
 * column. What is written in the end follows from the two flags: UPDATE, DELETE,
 * INSERT or nothing. An UPDATE that changes the key is a DELETE of the old and
 * an INSERT of the new.
 *
 * Of a table without a key an entry stands for all rows with the same bytes,
 * and counts how many more or fewer of them there are.
 *
 * Some changes cannot join the batch as it stands; then the batch is flushed
 * first ("barrier"). The values of the change at hand survive that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "dest/batch/batch.h"

/* After a barrier, rows up to this size wait for the next full flush. */
#define BARRIER_KEEP_BYTES (1024 * 1024)

/* A key buffer that a huge row made larger than this is given back. */
#define KEYBUF_KEEP_BYTES (1024 * 1024)
#define KEYBUF_BYTES 1024		/* else it is of this size again */

/* A value that is this long and did not change is not written again. */
#define UNCHANGED_MIN_BYTES 2048

ApplyTable *
batch_table_make(Batch *b, SourceRelation *rel)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(b->table_cxt);
	ApplyTable *table = palloc0(b->routine->table_size);
	int			i;

	table->batch = b;
	table->rel = rel;
	table->cols = palloc(sizeof(int) * Max(rel->ncolumns, 1));
	for (i = 0; i < rel->ncolumns; i++)
	{
		if (rel->columns[i].replicated)
			table->cols[table->ncols++] = i;
	}
	table->int_key = rel->nkey == 1 &&
		rel->columns[rel->key[0]].typbyval;

	if (b->ntables == b->maxtables)
	{
		b->maxtables = Max(16, b->maxtables * 2);
		b->tables = b->tables ?
			repalloc(b->tables, sizeof(ApplyTable *) * b->maxtables) :
			palloc(sizeof(ApplyTable *) * b->maxtables);
	}
	table->id = b->ntables;
	b->tables[b->ntables++] = table;
	rel->dest = table;
	MemoryContextSwitchTo(oldcxt);
	return table;
}

static void
copy_row(ApplyTable *table, char **place, const Row *from, Row *to)
{
	int			n = table->rel->ncolumns;

	to->values = (Datum *) *place;
	*place += sizeof(Datum) * n;
	to->status = (uint8 *) *place;
	*place += MAXALIGN(n);
	memcpy(to->values, from->values, sizeof(Datum) * n);
	memcpy(to->status, from->status, n);
}

static bool
row_is_complete(ApplyTable *table, const Row *row)
{
	uint8		worst = COLUMN_VALUE;
	int			i;

	for (i = 0; i < table->ncols; i++)
		worst = Max(worst, row->status[table->cols[i]]);
	return worst <= COLUMN_NULL;
}

/* Does an UPDATE change the key? */
static bool
key_changes(ApplyTable *table, const Change *change)
{
	SourceRelation *rel = table->rel;
	int			i;

	if (change->old.values == NULL)
		return false;
	for (i = 0; i < rel->nkey; i++)
	{
		int			col = rel->key[i];

		if (change->new.status[col] == COLUMN_VALUE &&
			change->old.status[col] == COLUMN_VALUE &&
			!entries_same_value(&rel->columns[col], change->old.values[col],
						change->new.values[col]))
			return true;
	}
	return false;
}

/*
 * A value of min_bytes and more that an UPDATE has but does not change is left
 * out, so that it is not stored (and logged) a second time. 0: any value.
 */
static void
drop_unchanged(ApplyTable *table, const Row *old, Row *new, Size min_bytes)
{
	SourceRelation *rel = table->rel;
	int			i;

	for (i = 0; i < table->ncols; i++)
	{
		int			col = table->cols[i];
		const SourceColumn *column = &rel->columns[col];

		if (column->in_key || new->status[col] != old->status[col])
			continue;
		if (new->status[col] == COLUMN_VALUE ?
			((min_bytes == 0 || (column->typlen == -1 &&
								 VARSIZE_ANY(DatumGetPointer(new->values[col])) >= min_bytes)) &&
			 entries_same_value(column, old->values[col], new->values[col])) :
			min_bytes == 0 && new->status[col] == COLUMN_NULL)
			new->status[col] = COLUMN_UNCHANGED;
	}
}

/* The operation that a change asks for, with arrays of its own. */
static ApplyOp *
op_make(Batch *b, ApplyTable *table, const Change *change)
{
	SourceRelation *rel = table->rel;
	Size		row_size = MAXALIGN(sizeof(Datum) * rel->ncolumns) +
		MAXALIGN(rel->ncolumns);
	bool		loose = change->idempotent || b->overwrite;
	bool		rekey = false;
	bool		cascade = false;
	bool		keep_old = false;
	bool		keep_new = change->kind != CHANGE_DELETE;
	ApplyOp    *op;
	char	   *place;
	int			i;

	if (change->kind == CHANGE_DELETE)
	{
		keep_old = true;
		cascade = table->delete_edges && !change->no_cascade;
	}
	else if (change->kind == CHANGE_UPDATE)
	{
		rekey = key_changes(table, change);
		cascade = table->update_edges && !change->no_cascade &&
			cascade_update_matters(table, &change->old, &change->new);
		keep_old = rekey || cascade || rel->nkey == 0;
		/* the key may come with the old image only */
		for (i = 0; i < rel->nkey && !keep_old; i++)
			keep_old = !row_has(&change->new, rel->key[i]);
	}

	op = MemoryContextAlloc(b->row_cxt, MAXALIGN(sizeof(ApplyOp)) +
							row_size * (keep_old + keep_new));
	op->table = table;
	op->kind = change->kind;
	op->loose = loose;
	op->idempotent = change->idempotent && !change->lenient;
	op->lenient = change->lenient;
	op->copied = change->copied || table->rel->torn != NULL;
	op->rekey = rekey;
	op->cascade = cascade;
	op->pos = change->pos;
	op->complete = false;
	op->update_only = change->update_only && change->kind == CHANGE_UPDATE;
	op->old.values = op->new.values = NULL;
	op->old.status = op->new.status = NULL;
	place = (char *) op + MAXALIGN(sizeof(ApplyOp));
	if (keep_old)
		copy_row(table, &place, &change->old, &op->old);
	if (keep_new)
	{
		copy_row(table, &place, &change->new, &op->new);
		if (change->kind == CHANGE_UPDATE && rel->nkey > 0 && !loose &&
			change->old.values != NULL && (b->changed_only ||
										   (!rekey && change->bytes >= UNCHANGED_MIN_BYTES)))
			drop_unchanged(table, &change->old, &op->new,
						   b->changed_only ? 0 : UNCHANGED_MIN_BYTES);
		/* an incomplete one is never inserted */
		op->complete = !op->update_only && row_is_complete(table, &op->new);
	}
	return op;
}

static void
op_add(Batch *b, ApplyOp *op)
{
	if (b->nops == b->maxops)
	{
		b->maxops = Max(1024, b->maxops * 2);
		b->ops = b->ops ?
			repalloc_huge(b->ops, sizeof(ApplyOp *) * b->maxops) :
			MemoryContextAllocHuge(b->cxt, sizeof(ApplyOp *) * b->maxops);
	}
	b->ops[b->nops++] = op;
}

/*
 * Flushes the batch before an operation, which is then made again: where the
 * old rows take much memory, its values move over.
 */
static void
barrier(Batch *b, ApplyTable *table, ApplyOp **op)
{
	MemoryContext tmp;
	MemoryContext oldcxt;
	Row			rows[2];
	int			r;
	int			i;
	Change		change;

	writer_flush(b);
	if (MemoryContextMemAllocated(b->row_cxt, false) < BARRIER_KEEP_BYTES)
		return;

	/* Out to a temporary context, and back after the reset. */
	tmp = AllocSetContextCreate(b->cxt, "dtsmig barrier",
								ALLOCSET_DEFAULT_SIZES);
	rows[0] = (*op)->old;
	rows[1] = (*op)->new;
	oldcxt = MemoryContextSwitchTo(tmp);
	for (r = 0; r < 2; r++)
	{
		Row			row = rows[r];
		char	   *place;

		if (row.values == NULL)
			continue;
		place = palloc(MAXALIGN(sizeof(Datum) * table->rel->ncolumns) +
					   MAXALIGN(table->rel->ncolumns));
		copy_row(table, &place, &row, &rows[r]);
		for (i = 0; i < table->ncols; i++)
		{
			int			col = table->cols[i];

			if (row.status[col] == COLUMN_VALUE)
				rows[r].values[col] = datumCopy(row.values[col],
												table->rel->columns[col].typbyval,
												table->rel->columns[col].typlen);
		}
	}
	memset(&change, 0, sizeof(change));
	change.kind = (*op)->kind;
	change.copied = (*op)->copied;
	change.idempotent = (*op)->idempotent || (*op)->lenient;
	change.lenient = (*op)->lenient;
	change.no_cascade = !(*op)->cascade;
	change.update_only = (*op)->update_only;
	change.pos = (*op)->pos;
	MemoryContextReset(b->row_cxt);
	MemoryContextSwitchTo(b->row_cxt);
	for (r = 0; r < 2; r++)
	{
		for (i = 0; rows[r].values != NULL && i < table->ncols; i++)
		{
			int			col = table->cols[i];

			if (rows[r].status[col] == COLUMN_VALUE)
				rows[r].values[col] = datumCopy(rows[r].values[col],
												table->rel->columns[col].typbyval,
												table->rel->columns[col].typlen);
		}
	}
	change.old = rows[0];
	change.new = rows[1];
	*op = op_make(b, table, &change);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(tmp);
}

/* Lays the values of an UPDATE over what the entry has. */
static void
entry_merge(ApplyTable *table, ApplyEntry *entry, ApplyOp *op)
{
	Batch	   *b = table->batch;
	int			i;

	if (op->complete || entry->row.values == NULL)
	{
		entry->row = op->new;
		entry->complete = op->complete;
		entry->owned = false;
		return;
	}
	if (!entry->owned)
	{
		Row			shared = entry->row;
		char	   *place;

		place = MemoryContextAlloc(b->row_cxt,
								   MAXALIGN(sizeof(Datum) * table->rel->ncolumns) +
								   MAXALIGN(table->rel->ncolumns));
		copy_row(table, &place, &shared, &entry->row);
		entry->owned = true;
	}
	for (i = 0; i < table->ncols; i++)
	{
		int			col = table->cols[i];

		if (row_has(&op->new, col))
		{
			entry->row.values[col] = op->new.values[col];
			entry->row.status[col] = op->new.status[col];
		}
	}
	if (!entry->complete && !op->update_only)
		entry->complete = row_is_complete(table, &entry->row);
}

static void
take_delete(Batch *b, ApplyTable *table, ApplyOp *op)
{
	bool		found;
	ApplyEntry *entry = entries_get(table, &op->old, &found);

	if (!found)
		entry->existed = true;
	else if (!entry->present && !op->loose)
		b->suspect = true;
	entry->present = false;
	entry->loose |= op->loose;
	entry->row.values = NULL;
	entry->complete = false;
}

/* False: needs a barrier first. */
static bool
take_insert(Batch *b, ApplyTable *table, ApplyOp *op)
{
	bool		found;
	ApplyEntry *entry = entries_get(table, &op->new, &found);

	if (found)
	{
		/*
		 * The columns that it lacks are to get their defaults, not what the
		 * row had before.
		 */
		if (!op->complete && entry->existed && !entry->present)
			return false;
		if (entry->present && !op->loose)
			b->suspect = true;
	}
	entry->present = true;
	entry->loose |= op->loose;
	entry->row = op->new;
	entry->owned = false;
	entry->complete = op->complete;
	return true;
}

static void
take_update(Batch *b, ApplyTable *table, ApplyOp *op)
{
	bool		found;
	bool		key_is_new = true;
	ApplyEntry *entry;
	int			i;

	for (i = 0; i < table->rel->nkey; i++)
		key_is_new &= op->new.status[table->rel->key[i]] == COLUMN_VALUE;
	entry = entries_get(table, key_is_new ? &op->new : &op->old, &found);
	if (!found)
		entry->existed = true;
	else if (!entry->present && !op->loose)
		b->suspect = true;
	entry->present = true;
	entry->loose |= op->loose;
	entry_merge(table, entry, op);
}

/* Fills what the new row lacks from another image of the row. */
static void
complete_row(ApplyTable *table, ApplyOp *op, const Row *from)
{
	int			i;

	for (i = 0; i < table->ncols; i++)
	{
		int			col = table->cols[i];

		if (!row_has(&op->new, col) && row_has(from, col))
		{
			op->new.values[col] = from->values[col];
			op->new.status[col] = from->status[col];
		}
	}
	op->complete = row_is_complete(table, &op->new);
}

/* False: must be done on its own. */
static bool
take_rekey(Batch *b, ApplyTable *table, ApplyOp *op)
{
	/* what it leaves alone would be written again */
	if (op->update_only || (b->changed_only && !op->complete))
		return false;
	if (!op->complete)
		complete_row(table, op, &op->old);
	if (!op->complete)
	{
		ApplyEntry *entry = entries_find(table, &op->old);

		if (entry != NULL && entry->row.values != NULL)
			complete_row(table, op, &entry->row);
		if (!op->complete)
			return false;
	}
	take_delete(b, table, op);
	return take_insert(b, table, op);
}

static void
count_row(ApplyTable *table, const Row *row, int by, bool loose)
{
	bool		found;
	ApplyEntry *entry = entries_get(table, row, &found);

	entry->count += by;
	entry->loose |= loose;
	entry->row = *row;
}

/* Whole rows alone are found, and left, in a table without a key. */
static void
complete_keyless(ApplyTable *table, ApplyOp *op)
{
	if (op->kind == CHANGE_INSERT)
		return;
	if (!row_is_complete(table, &op->old))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("change of table \"%s.%s\", which has no key, lacks a column of the old row",
						table->rel->schema, table->rel->name),
				 errhint("Let the source log full row images (binlog_row_image = FULL, or REPLICA IDENTITY FULL), or give the table a primary key."),
				 ERR_SOURCE_TABLE(table->rel)));
	if (op->kind == CHANGE_UPDATE && !op->complete)
		complete_row(table, op, &op->old);
}

static void
take_keyless(Batch *b, ApplyTable *table, ApplyOp *op)
{
	if (op->kind != CHANGE_INSERT)
		count_row(table, &op->old, -1, op->loose);
	if (op->kind != CHANGE_DELETE)
		count_row(table, &op->new, 1, op->loose);
}

/* Takes a row change into the batch. */
void
batch_take(Batch *b, ApplyTable *table, const Change *change)
{
	ApplyOp    *op;
	bool		alone = false;

	if (unlikely((change->copied || table->rel->torn != NULL) &&
				 !(change->kind == CHANGE_DELETE && table->delete_edges) &&
				 !(change->kind == CHANGE_UPDATE && table->update_edges)))
		return;
	if (unlikely(change->idempotent && table->rel->nkey == 0 &&
				 !change->copied))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("change of table \"%s.%s\" may be in its copy already, and the table has no key to find out",
						table->rel->schema, table->rel->name),
				 errhint("Have the table copied again, or give it a primary key."),
				 ERR_SOURCE_TABLE(table->rel)));

	op = op_make(b, table, change);
	if (unlikely(op->copied && !op->cascade))
		return;

	if (table->rel->nkey == 0 && !op->copied)
		complete_keyless(table, op);
	if (unlikely(op->cascade))
	{
		zone_cascade(table, op);
		if (op->kind == CHANGE_UPDATE || cascade_lacks_old(table, op))
			alone = true;
		else if (cascade_must_wait(b, table))
			barrier(b, table, &op);
	}
	if (unlikely(table->waited && op->kind != CHANGE_DELETE && !alone))
		barrier(b, table, &op);

	if (op->copied)
		 /* nothing but the cascade */ ;
	else if (alone)
		 /* see below */ ;
	else if (table->rel->nkey == 0)
		take_keyless(b, table, op);
	else if (op->kind == CHANGE_DELETE)
		take_delete(b, table, op);
	else if (op->kind == CHANGE_INSERT)
	{
		if (!take_insert(b, table, op))
		{
			barrier(b, table, &op);
			take_insert(b, table, op);
		}
	}
	else if (!op->rekey)
		take_update(b, table, op);
	else
		alone = !take_rekey(b, table, op);

	if (unlikely(alone))
	{
		barrier(b, table, &op);
		writer_one(b, op);
		return;
	}
	if (op->kind != CHANGE_DELETE)
		table->writes = true;
	op_add(b, op);
	b->bytes += change->bytes;
	if (unlikely(op->cascade))
		cascade_queue(b, table, op);
}

/* Forgets the batch; what row_cxt holds is the caller's business. */
void
batch_reset(Batch *b)
{
	int			i;

	for (i = 0; i < b->ndirty; i++)
	{
		ApplyTable *table = b->dirty[i];

		entries_reset(table);
		table->dirty = false;
		table->writes = false;
	}
	for (i = 0; b->cascading && i < b->ntables; i++)
	{
		b->tables[i]->waited = false;
		b->tables[i]->ncascades = 0;
	}
	b->cascading = false;
	b->ndirty = 0;
	b->nops = 0;
	b->bytes = 0;
	b->suspect = false;
	if (b->keybuf.maxlen > KEYBUF_KEEP_BYTES)
	{
		pfree(b->keybuf.data);
		b->keybuf.data = MemoryContextAlloc(b->cxt, KEYBUF_BYTES);
		b->keybuf.maxlen = KEYBUF_BYTES;
		resetStringInfo(&b->keybuf);
	}
}
