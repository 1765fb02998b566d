/*-------------------------------------------------------------------------
 *
 * apply_cascade.c
 *	  Follows cascades (see dest/batch/cascade.c) by SQL.
 *
 * What a DELETE of parent rows does is written as sets, edge by edge:
 *
 *	  rows b (old values of the referenced columns)
 *	  DELETE FROM child USING b WHERE child.fk = b.c RETURNING …
 *	  -> the rows deleted, as rows b of the child's own edges, and so on
 *
 * What a minimal row image leaves out of a parent's old row, although a
 * foreign key refers to it, is read from the table, where the row is still as
 * it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "dest/local/local.h"

/* Position of a child's column in the foreign key; -1 */
static int
fk_position(const CascadeEdge *edge, int col)
{
	int			i;

	for (i = 0; i < edge->n; i++)
	{
		if (edge->fk[i] == col)
			return i;
	}
	return -1;
}

/* "b.c1", with a cast where parent and child differ in type */
char *
cascade_rows_column(const CascadeEdge *edge, char prefix, int i)
{
	Oid			ptype = edge->parent->rel->columns[edge->ref[i]].typid;
	Oid			ctype = edge->child->rel->columns[edge->fk[i]].typid;

	if (ptype == ctype)
		return psprintf("b.%c%d", prefix, i + 1);
	return psprintf("CAST(b.%c%d AS %s)", prefix, i + 1,
					format_type_be_qualified(ctype));
}

static char *
child_column(const CascadeEdge *edge, int col)
{
	return psprintf("t.%s",
					quote_identifier(edge->child->rel->columns[col].target_name));
}

/*
 * RETURNING for the edges that follow: for each its referenced columns as they
 * were, and unless the rows were deleted also as they are.
 */
static void
append_returning(StringInfo sql, const CascadeEdge *edge, CascadeAction action)
{
	int			n = 0;
	int			pass;
	int			i;
	ListCell   *lc;

	foreach(lc, edge->child->edges)
	{
		const CascadeEdge *next = lfirst(lc);

		if (!cascade_follows(edge, action, next))
			continue;
		for (pass = 0; pass < (action == CASCADE_DELETE ? 1 : 2); pass++)
		{
			for (i = 0; i < next->n; i++)
			{
				int			at = fk_position(edge, next->ref[i]);
				bool		changed = action != CASCADE_DELETE && at >= 0;

				appendStringInfoString(sql, n++ > 0 ? ", " : " RETURNING ");
				if (changed && pass == 0)
					appendStringInfoString(sql, cascade_rows_column(edge, 'c', at));
				else
					appendStringInfoString(sql,
										   child_column(edge, next->ref[i]));
			}
		}
	}
}

static TupleDesc
returning_desc(const CascadeEdge *edge, CascadeAction action)
{
	TupleDesc	desc;
	int			n = 0;
	int			pass;
	int			i;
	ListCell   *lc;

	foreach(lc, edge->child->edges)
	{
		const CascadeEdge *next = lfirst(lc);

		if (cascade_follows(edge, action, next))
			n += next->n * (action == CASCADE_DELETE ? 1 : 2);
	}
	if (n == 0)
		return NULL;
	desc = CreateTemplateTupleDesc(n);
	n = 0;
	foreach(lc, edge->child->edges)
	{
		const CascadeEdge *next = lfirst(lc);

		if (!cascade_follows(edge, action, next))
			continue;
		for (pass = 0; pass < (action == CASCADE_DELETE ? 1 : 2); pass++)
		{
			for (i = 0; i < next->n; i++)
				TupleDescInitEntry(desc, ++n, NULL,
								   edge->child->rel->columns[next->ref[i]].typid,
								   -1, 0);
		}
	}
	return desc;
}

static void
forget_edge(CascadeEdge *edge)
{
	int			i;

	for (i = 0; i < CASCADE_NACTIONS; i++)
	{
		if (local_edge(edge)->plan[i])
			SPI_freeplan(local_edge(edge)->plan[i]);
		local_edge(edge)->plan[i] = NULL;
		local_edge(edge)->sql[i] = NULL;
	}
}

/* Forgets the plans of an edge, if those of one of its tables were forgotten. */
static void
check_plans(CascadeEdge *edge)
{
	uint32		forgotten = local_table(edge->parent)->forgotten +
		local_table(edge->child)->forgotten;

	if (local_edge(edge)->forgotten != forgotten)
		forget_edge(edge);
	local_edge(edge)->forgotten = forgotten;
}

/* Forgets the plans of all edges. */
void
cascade_forget(Batch *w)
{
	ListCell   *lc;
	int			i;

	for (i = 0; i < w->ntables; i++)
	{
		foreach(lc, w->tables[i]->edges)
			forget_edge(lfirst(lc));
	}
}

/* Is there an index by which children are found? Plans depend on it. */
static void
check_index(CascadeEdge *edge)
{
	AttrNumber	attnums[INDEX_MAX_KEYS];
	bool		index;
	int			i;

	if (local_edge(edge)->index_asked == local_table(edge->child)->resolutions)
		return;
	for (i = 0; i < edge->nfk; i++)
		attnums[i] = edge->child->rel->columns[edge->fk[i]].target_attnum;
	index = apply_has_index(local_table(edge->child)->relid, edge->nfk, attnums, NULL);
	if (index != local_edge(edge)->index)
		forget_edge(edge);
	local_edge(edge)->index = index;
	local_edge(edge)->index_asked = local_table(edge->child)->resolutions;
}

/* Builds the statement of an edge and action, if there is none. */
static void
prepare_edge(Batch *w, CascadeEdge *edge, CascadeAction action)
{
	ApplyTable *child = edge->child;
	MemoryContext oldcxt;
	const char *only;
	StringInfoData sql;
	int			i;
	int			pass;

	apply_table_resolve(edge->parent);
	apply_table_resolve(child);
	check_plans(edge);
	check_index(edge);
	if (local_edge(edge)->sql[action] != NULL)
		return;

	oldcxt = MemoryContextSwitchTo(w->table_cxt);
	only = local_table(child)->partitioned ? "" : "ONLY ";
	initStringInfo(&sql);
	if (action == CASCADE_DELETE)
		appendStringInfo(&sql, "DELETE FROM %s%s AS t USING " ROWS_NAME " AS b",
						 only, child->qualified);
	else
	{
		appendStringInfo(&sql, "UPDATE %s%s AS t SET ", only,
						 child->qualified);
		for (i = 0; i < edge->nfk; i++)
			appendStringInfo(&sql, "%s%s = %s", i > 0 ? ", " : "",
							 quote_identifier(child->rel->columns[edge->fk[i]].target_name),
							 action == CASCADE_SET_NULL ? "NULL" :
							 cascade_rows_column(edge, 'n', i));
		appendStringInfoString(&sql, " FROM " ROWS_NAME " AS b");
	}
	for (i = 0; i < edge->n; i++)
		appendStringInfo(&sql, " %s %s", i > 0 ? "AND" : "WHERE",
						 apply_equality(child_column(edge, edge->fk[i]),
										cascade_rows_column(edge, 'c', i),
										child->rel->columns[edge->fk[i]].typid));
	local_edge(edge)->out[action] = returning_desc(edge, action);
	append_returning(&sql, edge, action);

	local_edge(edge)->in[action] =
		CreateTemplateTupleDesc(edge->n * (action == CASCADE_UPDATE ? 2 : 1));
	for (pass = 0; pass < (action == CASCADE_UPDATE ? 2 : 1); pass++)
	{
		for (i = 0; i < edge->n; i++)
		{
			SourceColumn *col = &edge->parent->rel->columns[edge->ref[i]];
			int			attno = pass * edge->n + i + 1;

			TupleDescInitEntry(local_edge(edge)->in[action], attno,
							   psprintf("%c%d", pass == 0 ? 'c' : 'n', i + 1),
							   col->typid, -1, 0);
			TupleDescInitEntryCollation(local_edge(edge)->in[action], attno,
										col->collation);
		}
	}

	local_edge(edge)->sql[action] = sql.data;
	MemoryContextSwitchTo(oldcxt);
}

/* A store for the rows of a statement. */
static Tuplestorestate *
make_store(Batch *w)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(w->flush_cxt);
	Tuplestorestate *store = tuplestore_begin_heap(true, false, 16 * 1024);

	MemoryContextSwitchTo(oldcxt);
	return store;
}

static void run_edge(Batch *w, CascadeEdge *edge, CascadeAction action,
					 Tuplestorestate *rows, int64 nrows, SourcePos pos,
					 int depth);

/* Hands the rows that an edge's statement returned to the edges that follow. */
static void
follow(Batch *w, CascadeEdge *edge, CascadeAction action,
	   Tuplestorestate *returned, SourcePos pos, int depth)
{
	TupleTableSlot *slot;
	int			offset = 0;
	ListCell   *lc;

	slot = MakeSingleTupleTableSlot(local_edge(edge)->out[action], &TTSOpsMinimalTuple);
	foreach(lc, edge->child->edges)
	{
		CascadeEdge *next = lfirst(lc);
		CascadeAction next_act = cascade_next(action, next);
		Tuplestorestate *rows;
		int64		nrows = 0;
		int			width;

		if (!cascade_follows(edge, action, next))
			continue;
		width = next->n * (action == CASCADE_DELETE ? 1 : 2);
		if (!cascade_copy_has(next, pos))
		{
			rows = make_store(w);
			prepare_edge(w, next, next_act);
			tuplestore_rescan(returned);
			while (tuplestore_gettupleslot(returned, true, false, slot))
			{
				slot_getallattrs(slot);
				tuplestore_putvalues(rows, local_edge(next)->in[next_act],
									 slot->tts_values + offset,
									 slot->tts_isnull + offset);
				nrows++;
			}
			run_edge(w, next, next_act, rows, nrows, pos, depth + 1);
			tuplestore_end(rows);
		}
		offset += width;
	}
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Does an edge's action for the rows; then what follows from it. pos: where
 * the transaction of the change starts.
 */
static void
run_edge(Batch *w, CascadeEdge *edge, CascadeAction action,
		 Tuplestorestate *rows, int64 nrows, SourcePos pos, int depth)
{
	Tuplestorestate *returned = NULL;
	DestReceiver *receiver = NULL;
	uint64		processed;

	if (nrows == 0)
		return;
	/* Deleted rows run out by themselves; updated ones need not. */
	if (action != CASCADE_DELETE && depth >= CASCADE_MAX_DEPTH)
		return;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	prepare_edge(w, edge, action);
	if (local_edge(edge)->out[action] != NULL)
	{
		returned = make_store(w);
		receiver = CreateTuplestoreDestReceiver();
		SetTuplestoreDestReceiverParams(receiver, returned, w->flush_cxt,
										false, NULL, NULL);
	}
	processed = apply_execute(w, &local_edge(edge)->plan[action], local_edge(edge)->sql[action],
							  edge->child->rel->target_relid,
							  local_edge(edge)->in[action], rows, nrows,
							  local_edge(edge)->index ?
							  edge->child->rel->target_relid : InvalidOid,
							  receiver);
	if (action != CASCADE_DELETE)
		local_table(edge->child)->written += processed;
	loose_check(w, edge, action, rows, nrows);
	if (returned != NULL)
	{
		receiver->rDestroy(receiver);
		if (processed > 0)
			follow(w, edge, action, returned, pos, depth);
		tuplestore_end(returned);
	}
}

/*
 * Puts the referenced columns of a row into a store: as the edge's action
 * wants them. False if it cannot have children.
 */
static bool
put_refs(CascadeEdge *edge, CascadeAction action, Tuplestorestate *store,
		 const ApplyOp *op)
{
	Datum		values[2 * INDEX_MAX_KEYS];
	bool		nulls[2 * INDEX_MAX_KEYS];
	int			i;

	for (i = 0; i < edge->n; i++)
	{
		int			col = edge->ref[i];

		if (!row_has(&op->old, col))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("change of table \"%s.%s\" lacks column \"%s\" of the old row, which a foreign key refers to",
							edge->parent->rel->schema, edge->parent->rel->name,
							edge->parent->rel->columns[col].name),
					 errhint("Set binlog_row_image = FULL at the source, and have the table copied again."),
					 ERR_SOURCE_TABLE(edge->parent->rel)));
		if (op->old.status[col] == COLUMN_NULL)
			return false;
		values[i] = op->old.values[col];
		nulls[i] = false;
		if (action == CASCADE_UPDATE)
		{
			const Row  *new = row_has(&op->new, col) ? &op->new : &op->old;

			values[edge->n + i] = new->values[col];
			nulls[edge->n + i] = new->status[col] == COLUMN_NULL;
		}
	}
	tuplestore_putvalues(store, local_edge(edge)->in[action], values, nulls);
	return true;
}

/* Does what DELETEs of rows of a table do to others. SPI is connected. */
void
cascade_deletes(Batch *w, ApplyTable *table, ApplyOp **ops, int nops)
{
	ListCell   *lc;
	int			i = 0;

	/*
	 * All at once, once every table is past its copy; before that position by
	 * position, since a copy has all of one or nothing.
	 */
	while (i < nops)
	{
		SourcePos	pos = ops[i]->pos;
		bool		before = cascade_before_copy(w, table, pos);
		int			end = i + 1;

		while (end < nops &&
			   (before ? source_pos_cmp(ops[end]->pos, pos) == 0 :
				!cascade_before_copy(w, table, ops[end]->pos)))
			end++;
		foreach(lc, table->edges)
		{
			CascadeEdge *edge = lfirst(lc);
			Tuplestorestate *store;
			int64		nrows = 0;
			int			j;

			if (edge->on_delete == CASCADE_NONE || cascade_copy_has(edge, pos))
				continue;
			prepare_edge(w, edge, edge->on_delete);
			store = make_store(w);
			for (j = i; j < end; j++)
				nrows += put_refs(edge, edge->on_delete, store, ops[j]);
			run_edge(w, edge, edge->on_delete, store, nrows, pos, 0);
			tuplestore_end(store);
		}
		i = end;
	}
}

/* Does what an UPDATE of a row does to others. SPI is connected. */
void
cascade_update(Batch *w, ApplyTable *table, ApplyOp *op)
{
	ListCell   *lc;
	int			i;

	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);
		Tuplestorestate *store;
		bool		differs = false;

		if (edge->on_update == CASCADE_NONE || cascade_copy_has(edge, op->pos))
			continue;
		for (i = 0; i < edge->n; i++)
			differs |= cascade_value_differs(&table->rel->columns[edge->ref[i]],
											 &op->old, &op->new, edge->ref[i]);
		if (!differs)
			continue;
		prepare_edge(w, edge, edge->on_update);
		store = make_store(w);
		if (put_refs(edge, edge->on_update, store, op))
			run_edge(w, edge, edge->on_update, store, 1, op->pos, 0);
		tuplestore_end(store);
	}
}
