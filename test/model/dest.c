/*
 * dest.c
 *	  The destination's tables: what statements of the writer do to them, in
 *	  place of SQL (apply_stmt.c, apply_table.c, apply_fetch.c, load.c,
 *	  truncate.c and the statements of cascade.c).
 */
#include "model.h"

#include "dest/local/local.h"
#include "executor/tstoreReceiver.h"
#include "utils/memutils.h"

uint64		SPI_processed = 0;

/* ------------------------------------------------------------------- rows */

int
row_find(const MTable *t, const TableSpec *spec, const MRow *key)
{
	int			n = spec->nkey ? spec->nkey : spec->ncols;

	for (int i = 0; i < t->n; i++)
		if (memcmp(t->rows[i].v, key->v, sizeof(int64) * n) == 0)
			return i;
	return -1;
}

static void
remove_row(MTable *t, int i)
{
	t->rows[i] = t->rows[--t->n];
}

static void
violate(int table, const MRow *row, const char *index)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("duplicate key value violates unique constraint of table %s (%s %lld)",
					plan.spec[table].name, index, (long long) row->v[0])));
}

/* except: the row's own place; -1: it is a new one */
static void
check_unique(int table, const MTable *t, const MRow *row, int except)
{
	const TableSpec *spec = &plan.spec[table];

	for (int i = 0; i < t->n; i++)
	{
		if (i == except)
			continue;
		if (spec->nkey > 0 &&
			memcmp(t->rows[i].v, row->v, sizeof(int64) * spec->nkey) == 0)
			violate(table, row, "key");
		if (spec->unique >= 0 && db_rec(table)->unique &&
			row->v[spec->unique] != MNULL &&
			t->rows[i].v[spec->unique] == row->v[spec->unique])
			violate(table, row, "unique");
	}
}

static void
check_not_null(int table, const MRow *row)
{
	if (db_rec(table)->not_null && row->v[plan.spec[table].dates] == MNULL)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column of table %s (key %lld)",
						plan.spec[table].name, (long long) row->v[0])));
}

static void
insert_row(int table, const MRow *row)
{
	MTable	   *t = db_rows_write(table);

	check_not_null(table, row);
	check_unique(table, t, row, -1);
	if (t->n == MAX_ROWS)
		model_fail("table %s at the destination is full", plan.spec[table].name);
	t->rows[t->n++] = *row;
}

/* ------------------------------------------------------------- statements */

/* Rows of the two arrays of a change, as they were put. */
typedef struct Put
{
	MRow		old;
	MRow		new;
	bool		has[NCOLS];
	int64		count;
} Put;

struct Tuplestorestate
{
	int			n;
	int			max;
	Put		   *puts;
	/* of a statement's RETURNING */
	int			width;
	int			nrows;
	int			next;
	Datum	   *values;
	Datum	   *news;			/* that values become */
};

BatchStmt *
apply_stmt(ApplyTable *table, StmtKind kind, const Row *row)
{
	uint8		mask[NCOLS] = {0};
	ListCell   *lc;
	ApplyStmt  *stmt;
	MemoryContext old;

	for (int i = 0; row && i < table->ncols; i++)
		mask[i] = row_has(row, table->cols[i]);
	foreach(lc, table->stmts)
	{
		stmt = lfirst(lc);
		if (stmt->base.kind == kind && memcmp(stmt->mask, mask, NCOLS) == 0)
			return &stmt->base;
	}
	old = MemoryContextSwitchTo(table->batch->table_cxt);
	stmt = palloc0(sizeof(ApplyStmt));
	stmt->base.table = table;
	stmt->base.kind = kind;
	stmt->mask = palloc(NCOLS);
	memcpy(stmt->mask, mask, NCOLS);
	table->stmts = lappend(table->stmts, stmt);
	MemoryContextSwitchTo(old);
	return &stmt->base;
}

static int64
value_of(const Row *row, int col)
{
	if (!row_has(row, col))
		model_fail("column %d is written, and is not known", col);
	return row->status[col] == COLUMN_NULL ? MNULL : (int64) row->values[col];
}

void
apply_stmt_put(BatchStmt *to, bool loose, const Row *old, const Row *row,
			   int64 count)
{
	ApplyStmt  *stmt = local_stmt(to);
	ApplyTable *table = stmt->base.table;
	MemoryContext oldcxt = MemoryContextSwitchTo(table->batch->flush_cxt);
	Tuplestorestate *store = stmt->store[loose];
	Put		   *put;

	if (store == NULL)
	{
		store = stmt->store[loose] = palloc0(sizeof(*store));
		stmt->base.waits[loose] = true;
		store->max = 64;
		store->puts = palloc(sizeof(Put) * store->max);
	}
	if (store->n == store->max)
	{
		store->max *= 2;
		store->puts = repalloc(store->puts, sizeof(Put) * store->max);
	}
	put = &store->puts[store->n++];
	memset(put, 0, sizeof(*put));
	if (stmt->base.kind == STMT_DELETE_IMAGE)
		for (int i = 0; i < table->ncols; i++)
			put->old.v[i] = value_of(old, i);
	else if (stmt->base.kind <= STMT_REKEY)
		for (int i = 0; i < table->rel->nkey; i++)
			put->old.v[i] = value_of(old, table->rel->key[i]);
	for (int i = 0; row != NULL && i < table->ncols; i++)
	{
		put->has[i] = stmt->mask[i];
		put->new.v[i] = stmt->mask[i] ? value_of(row, i) : MNULL;
	}
	put->count = count;
	stmt->base.nrows[loose] += stmt->base.kind == STMT_DELETE_IMAGE ? count : 1;
	MemoryContextSwitchTo(oldcxt);
}

/* Sets columns of the row at a place, as UPDATE may. */
static void
update_at(ApplyTable *table, int id, int at, const Put *put, bool keys)
{
	const TableSpec *spec = &plan.spec[id];
	MTable	   *t = db_rows_write(id);
	MRow		row = t->rows[at];

	for (int i = 0; i < spec->ncols; i++)
		if (put->has[i] && (keys || i >= spec->nkey) && !table->identity_always[i])
			row.v[i] = put->new.v[i];
	check_not_null(id, &row);
	check_unique(id, t, &row, at);
	t->rows[at] = row;
}

static uint64
run_put(ApplyStmt *stmt, const Put *put)
{
	int			id = table_of(stmt->base.table->rel);
	const TableSpec *spec = &plan.spec[id];
	int			at;

	switch (stmt->base.kind)
	{
		case STMT_DELETE:
			at = row_find(db_rows(id), spec, &put->old);
			if (at < 0)
				return 0;
			remove_row(db_rows_write(id), at);
			return 1;
		case STMT_DELETE_IMAGE:
			for (int64 n = 0; n < put->count; n++)
			{
				at = row_find(db_rows(id), spec, &put->old);
				if (at < 0)
					return n;
				remove_row(db_rows_write(id), at);
			}
			return put->count;
		case STMT_UPDATE:
		case STMT_REKEY:
			at = row_find(db_rows(id), spec, &put->old);
			if (at < 0)
				return 0;
			update_at(stmt->base.table, id, at, put, stmt->base.kind == STMT_REKEY);
			return 1;
		case STMT_UPSERT:
			at = row_find(db_rows(id), spec, &put->new);
			if (at >= 0)
			{
				update_at(stmt->base.table, id, at, put, false);
				return 1;
			}
			/* fall through */
		case STMT_INSERT:
			insert_row(id, &put->new);
			return 1;
	}
	return 0;
}

uint64
apply_stmt_run(BatchStmt *to, bool loose)
{
	ApplyStmt  *stmt = local_stmt(to);
	Tuplestorestate *store = stmt->store[loose];
	uint64		processed = 0;

	stmt->store[loose] = NULL;
	stmt->base.waits[loose] = false;
	stmt->base.nrows[loose] = 0;
	for (int i = 0; i < store->n; i++)
		processed += run_put(stmt, &store->puts[i]);
	return processed;
}

bool
apply_fetch_row(ApplyTable *table, const Row *key, Row *row)
{
	int			id = table_of(table->rel);
	MRow		wanted = {{0}};
	int			at;

	for (int i = 0; i < table->rel->nkey; i++)
		wanted.v[i] = value_of(key, table->rel->key[i]);
	at = row_find(db_rows(id), &plan.spec[id], &wanted);
	if (at < 0)
		return false;
	for (int i = 0; row != NULL && i < table->ncols; i++)
	{
		int64		value = db_rows(id)->rows[at].v[i];

		if (row_has(row, i))
			continue;
		row->status[i] = value == MNULL ? COLUMN_NULL : COLUMN_VALUE;
		row->values[i] = (Datum) value;
	}
	return true;
}

/* ------------------------------------------------------------------ tables */

void
apply_table_watch(Batch *w)
{
}

void
apply_table_resolve(ApplyTable *table)
{
	MemoryContext old;

	if (local_table(table)->resolved)
		return;
	old = MemoryContextSwitchTo(table->batch->table_cxt);
	local_table(table)->resolved = true;
	table->qualified = pstrdup(table->rel->name);
	local_table(table)->key_index = table->arbiter = table->rel->nkey > 0;
	table->identity_always = palloc0(sizeof(bool) * NCOLS);
	table->out_func = palloc0(sizeof(Oid) * NCOLS);
	if (plan.spec[table_of(table->rel)].identity >= 0)
	{
		table->identity_always[plan.spec[table_of(table->rel)].identity] = true;
		table->any_identity_always = true;
	}
	MemoryContextSwitchTo(old);
}

void
apply_table_forget(ApplyTable *table)
{
}

void
apply_table_drop_stores(ApplyTable *table)
{
	ListCell   *lc;

	foreach(lc, table->stmts)
	{
		ApplyStmt  *stmt = lfirst(lc);

		stmt->store[0] = stmt->store[1] = NULL;
		stmt->base.waits[0] = stmt->base.waits[1] = false;
		stmt->base.nrows[0] = stmt->base.nrows[1] = 0;
	}
}

/* -------------------------------------------------------------------- load */

uint64
local_load(SourceRelation *rel, LoadProducer producer, void *arg, LoadMode mode)
{
	int			id = table_of(rel);
	StringInfoData buf;
	uint64		n = 0;
	bool		more = true;

	initStringInfo(&buf);
	while (more)
		more = producer(arg, &buf);
	if (mode == LOAD_REPLACE)
		db_rows_write(id)->n = 0;
	for (int at = 0; at + (int) sizeof(MRow) <= buf.len; at += sizeof(MRow))
	{
		MRow		row;

		memcpy(&row, buf.data + at, sizeof(row));
		insert_row(id, &row);
		n++;
	}
	return n;
}

void
local_bind_relation(SourceRelation *rel)
{
	rel->target_relid = 1000 + table_of(rel);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		rel->columns[i].target_attnum = i + 1;
		rel->columns[i].typid = INT8OID;
		rel->columns[i].typlen = 8;
		rel->columns[i].typbyval = true;
		rel->columns[i].target_not_null = db_rec(table_of(rel))->not_null &&
			plan.spec[table_of(rel)].dates == i;
	}
}

void
local_truncate_take(Batch *w, SourceRelation *rel)
{
	w->truncate = lappend(w->truncate, (void *) (intptr_t) (table_of(rel) + 1));
}

void
local_truncate_run(Batch *w, List *tables, bool restart)
{
	ListCell   *lc;

	foreach(lc, tables)
		db_rows_write((int) (intptr_t) lfirst(lc) - 1)->n = 0;
}

/*
 * What the worker runs as SQL text itself: "TRUNCATE s.t, …", "TRUNCATE ONLY",
 * "DELETE FROM ONLY s.t WHERE <key>" of a repair.
 */
void
task_spi(const char *sql)
{
	bool		known = false;

	for (int i = 0; i < plan.ntables; i++)
	{
		char		name[16];
		const char *at;

		snprintf(name, sizeof(name), "s.%s", plan.spec[i].name);
		at = strstr(sql, name);
		if (at == NULL)
			continue;
		known = true;
		if (strncmp(sql, "TRUNCATE ", 9) == 0)
			db_rows_write(i)->n = 0;
		else if (strncmp(sql, "DELETE FROM ", 12) == 0 && strstr(at, " WHERE key ") != NULL)
		{
			MRow		key = {{atoll(strstr(at, " WHERE key ") + 11)}};
			int			found = row_find(db_rows(i), &plan.spec[i], &key);

			if (found >= 0)
				remove_row(db_rows_write(i), found);
		}
		else
			known = false;
	}
	if (!known)
		model_fail("test/model/dest.c does not know this statement: %s", sql);
}

/* ---------------------------------------------------------------- cascades */

/* Rows of the referenced values, and what a statement returns. */
Tuplestorestate *
tuplestore_begin_heap(bool randomAccess, bool interXact, int maxKBytes)
{
	return palloc0(sizeof(Tuplestorestate));
}

void
tuplestore_putvalues(Tuplestorestate *state, TupleDesc tdesc,
					 Datum *values, bool *isnull)
{
	/* one column: the key; or two, what it was and what it is */
	if (state->news == NULL)
		state->news = palloc0(sizeof(Datum) * 256);
	state->values = state->values == NULL ? palloc(sizeof(Datum) * 256) : state->values;
	if (state->nrows == 256)
		model_fail("a cascade of too many rows");
	if (tdesc != NULL && tdesc->natts == 2)
		state->news[state->nrows] = values[1];
	state->values[state->nrows++] = isnull[0] ? (Datum) MNULL : values[0];
}

void
tuplestore_end(Tuplestorestate *state)
{
}

void
tuplestore_rescan(Tuplestorestate *state)
{
	state->next = 0;
}

bool
tuplestore_gettupleslot(Tuplestorestate *state, bool forward, bool copy,
						TupleTableSlot *slot)
{
	if (state->next >= state->nrows)
		return false;
	slot->tts_values[0] = state->values[state->next];
	slot->tts_isnull[0] = (int64) state->values[state->next] == MNULL;
	slot->tts_nvalid = 1;
	state->next++;
	return true;
}

typedef struct Receiver
{
	DestReceiver pub;
	Tuplestorestate *store;
} Receiver;

static void
destroy_receiver(DestReceiver *self)
{
}

DestReceiver *
CreateTuplestoreDestReceiver(void)
{
	Receiver   *r = palloc0(sizeof(Receiver));

	r->pub.rDestroy = destroy_receiver;
	return &r->pub;
}

void
SetTuplestoreDestReceiverParams(DestReceiver *self, Tuplestorestate *tStore,
								MemoryContext tContext, bool detoast,
								TupleDesc target_tupdesc,
								const char *map_failure_msg)
{
	((Receiver *) self)->store = tStore;
}

static CascadeEdge *
edge_of(Batch *w, const char *sql)
{
	for (int i = 0; i < w->ntables; i++)
	{
		ListCell   *lc;

		foreach(lc, w->tables[i]->edges)
		{
			CascadeEdge *edge = lfirst(lc);

			if (local_edge(edge)->sql[CASCADE_DELETE] == sql ||
				local_edge(edge)->sql[CASCADE_UPDATE] == sql)
				return edge;
		}
	}
	model_fail("a statement of no cascade: %s", sql);
}

/* UPDATE of the children of rows, whose keys have changed. */
static uint64
move_children(const CascadeEdge *edge, int child, const Tuplestorestate *store)
{
	uint64		n = 0;

	for (int r = 0; r < store->nrows; r++)
		for (int i = 0; i < db_rows(child)->n; i++)
			if (db_rows(child)->rows[i].v[edge->fk[0]] == (int64) store->values[r])
			{
				db_rows_write(child)->rows[i].v[edge->fk[0]] = (int64) store->news[r];
				n++;
			}
	return SPI_processed = n;
}

/* DELETE of the children of rows, RETURNING their keys. */
uint64
apply_execute(Batch *w, SPIPlanPtr *kept, const char *sql,
			  Oid relid,
			  TupleDesc tupdesc, Tuplestorestate *store, int64 nrows,
			  Oid force_relid, DestReceiver *receiver)
{
	CascadeEdge *edge = edge_of(w, sql);
	int			child = table_of(edge->child->rel);
	uint64		n = 0;

	if (sql == local_edge(edge)->sql[CASCADE_UPDATE])
		return move_children(edge, child, store);
	for (int r = 0; r < store->nrows; r++)
		for (int i = 0; i < db_rows(child)->n;)
		{
			bool		isnull = false;

			if (db_rows(child)->rows[i].v[edge->fk[0]] != (int64) store->values[r])
			{
				i++;
				continue;
			}
			if (receiver != NULL)
				tuplestore_putvalues(((Receiver *) receiver)->store, NULL,
									 (Datum *) &db_rows(child)->rows[i].v[0], &isnull);
			remove_row(db_rows_write(child), i);
			n++;
		}
	return SPI_processed = n;
}

TupleTableSlot *
MakeSingleTupleTableSlot(TupleDesc tupdesc, const TupleTableSlotOps *tts_ops)
{
	TupleTableSlot *slot = palloc0(sizeof(TupleTableSlot));

	slot->tts_values = palloc0(sizeof(Datum) * 8);
	slot->tts_isnull = palloc0(sizeof(bool) * 8);
	slot->tts_tupleDescriptor = tupdesc;
	return slot;
}

void
ExecDropSingleTupleTableSlot(TupleTableSlot *slot)
{
}

TupleDesc
CreateTemplateTupleDesc(int natts)
{
	TupleDesc	desc = palloc0(sizeof(TupleDescData) + 8 * sizeof(FormData_pg_attribute));

	desc->natts = natts;
	return desc;
}

bool
apply_has_index(Oid relid, int ncolumns, const AttrNumber *attnums, bool *arbiter)
{
	return true;
}

char *
apply_equality(const char *left, const char *right, Oid typid)
{
	return psprintf("%s = %s", left, right);
}
