/*-------------------------------------------------------------------------
 *
 * cascade.c
 *	  Follows the foreign key actions of the source. The MySQL family runs
 *	  them inside its storage engine and never logs what they did.
 *
 * An edge leads from a parent to a child that a foreign key lets follow.
 * What a DELETE of parent rows does is written as sets, edge by edge:
 *
 *	  rows b (old values of the referenced columns)
 *	  DELETE FROM child USING b WHERE child.fk = b.c RETURNING …
 *	  -> the rows deleted, as rows b of the child's own edges, and so on
 *
 * That has to happen at the right moment: children that come later stay. So
 *
 * - before a DELETE with cascades is taken, the batch is flushed if a table
 *   in its reach has an INSERT or UPDATE pending;
 * - before an INSERT or UPDATE of a table in reach of pending cascades is
 *   taken, the batch is flushed.
 *
 * DELETEs commute with cascades: a row that the source deleted by itself was
 * no child of a row deleted before. An UPDATE of referenced columns with
 * cascades is done alone, between two flushes.
 *
 * A child whose copy was taken after the change has the effect already, and
 * is left alone: rows that came later would be lost with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "dest/local/local.h"
#include "schema/model.h"

/* InnoDB follows no cascade deeper than this. */
#define MAX_DEPTH 15

static CascadeAction
parse_action(const char *action, CascadeAction cascade)
{
	if (action == NULL)
		return CASCADE_NONE;
	if (pg_strcasecmp(action, "CASCADE") == 0)
		return cascade;
	if (pg_strcasecmp(action, "SET NULL") == 0)
		return CASCADE_SET_NULL;
	return CASCADE_NONE;
}

static ApplyTable *
find_parent(LocalWriter *w, const TableForeignKey *fk, const char *schema)
{
	ApplyTable *folded = NULL;
	int			i;

	if (fk->ref_schema)
		schema = fk->ref_schema;
	for (i = 0; i < w->ntables; i++)
	{
		SourceRelation *rel = w->tables[i]->rel;

		if (strcmp(rel->schema, schema) == 0 &&
			strcmp(rel->name, fk->ref_table) == 0)
			return w->tables[i];
		/* servers on file systems that fold case */
		if (pg_strcasecmp(rel->schema, schema) == 0 &&
			pg_strcasecmp(rel->name, fk->ref_table) == 0)
			folded = w->tables[i];
	}
	return folded;
}

/* Columns of the source by name; false if one is not carried. */
static bool
find_columns(SourceRelation *rel, List *names, int *cols)
{
	ListCell   *lc;
	int			n = 0;
	int			i;

	foreach(lc, names)
	{
		for (i = 0; i < rel->ncolumns; i++)
		{
			if (pg_strcasecmp(rel->columns[i].name, lfirst(lc)) == 0)
				break;
		}
		if (i == rel->ncolumns || !rel->columns[i].carried)
			return false;
		cols[n++] = i;
	}
	return true;
}

/*
 * Where rows of several tables go into one, marked by a constant, a parent's
 * children are those with its mark.
 */
static void
add_marks(CascadeEdge *edge)
{
	const SourceRelation *parent = edge->parent->rel;
	const SourceRelation *child = edge->child->rel;

	for (int i = 0; i < parent->ncolumns; i++)
	{
		const SourceColumn *a = &parent->columns[i];

		for (int j = 0; a->constant && j < child->ncolumns; j++)
		{
			const SourceColumn *b = &child->columns[j];

			if (b->constant == NULL || edge->n == INDEX_MAX_KEYS ||
				a->typid != b->typid ||
				strcmp(a->target_name, b->target_name) != 0 ||
				strcmp(a->constant, b->constant) != 0)
				continue;
			edge->ref[edge->n] = i;
			edge->fk[edge->n++] = j;
		}
	}
}

static void
add_edge(LocalWriter *w, ApplyTable *child, const TableForeignKey *fk)
{
	CascadeEdge *edge = palloc0(sizeof(CascadeEdge));

	edge->on_delete = parse_action(fk->on_delete, CASCADE_DELETE);
	edge->on_update = parse_action(fk->on_update, CASCADE_UPDATE);
	if (edge->on_delete == CASCADE_NONE && edge->on_update == CASCADE_NONE)
		return;
	edge->child = child;
	edge->parent = find_parent(w, fk, child->rel->schema);
	if (edge->parent == NULL)
		return;					/* not selected: its changes don't come */
	edge->n = list_length(fk->columns);
	if (edge->n == 0 || edge->n > INDEX_MAX_KEYS ||
		list_length(fk->ref_columns) != edge->n)
		return;
	edge->ref = palloc(sizeof(int) * INDEX_MAX_KEYS);
	edge->fk = palloc(sizeof(int) * INDEX_MAX_KEYS);
	if (!find_columns(edge->parent->rel, fk->ref_columns, edge->ref) ||
		!find_columns(child->rel, fk->columns, edge->fk))
	{
		ereport(WARNING,
				(errmsg("cascades from table \"%s.%s\" to \"%s.%s\" cannot be followed",
						edge->parent->rel->schema, edge->parent->rel->name,
						child->rel->schema, child->rel->name),
				 errdetail("A column of foreign key \"%s\" is left out at the destination.",
						   fk->name ? fk->name : "")));
		return;
	}
	edge->nfk = edge->n;
	add_marks(edge);
	edge->parent->edges = lappend(edge->parent->edges, edge);
	if (edge->on_delete != CASCADE_NONE)
	{
		edge->parent->delete_edges = true;
		edge->child->child = true;
	}
	if (edge->on_update != CASCADE_NONE)
		edge->parent->update_edges = true;
}

/* Adds the tables that edges lead to from table, near and far. */
static Bitmapset *
add_reach(Bitmapset *reach, ApplyTable *table)
{
	ListCell   *lc;

	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);

		if (bms_is_member(edge->child->id, reach))
			continue;
		reach = bms_add_member(reach, edge->child->id);
		reach = add_reach(reach, edge->child);
	}
	return reach;
}

/* Finds the edges between all tables of the writer. */
void
cascade_build(LocalWriter *w)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(w->table_cxt);
	ListCell   *lc;
	int			i;

	for (i = 0; i < w->ntables; i++)
	{
		ApplyTable *child = w->tables[i];

		if (child->rel->def == NULL)
			continue;
		foreach(lc, child->rel->def->foreign_keys)
			add_edge(w, child, lfirst(lc));
	}
	for (i = 0; i < w->ntables; i++)
		w->tables[i]->reach = add_reach(NULL, w->tables[i]);
	MemoryContextSwitchTo(oldcxt);
}

static void
forget_edge(CascadeEdge *edge)
{
	int			i;

	for (i = 0; i < CASCADE_NACTIONS; i++)
	{
		if (edge->plan[i])
			SPI_freeplan(edge->plan[i]);
		edge->plan[i] = NULL;
		edge->sql[i] = NULL;
	}
}

/* Forgets the plans that a table has part in. */
void
cascade_forget(ApplyTable *table)
{
	LocalWriter *w = table->writer;
	ListCell   *lc;
	int			i;

	for (i = 0; i < w->ntables; i++)
	{
		foreach(lc, w->tables[i]->edges)
		{
			CascadeEdge *edge = lfirst(lc);

			if (edge->child == table || edge->parent == table)
				forget_edge(edge);
		}
	}
}

/*
 * May a change be part of the child's copy, so that the copy has what the
 * change did to the child?
 */
static bool
copy_has(const CascadeEdge *edge, SourcePos pos)
{
	return source_pos_is_set(pos) &&
		source_pos_cmp(pos, edge->child->rel->snap_lo) < 0;
}

static bool
row_value_differs(const SourceColumn *col, const Row *old, const Row *new,
				  int i)
{
	if (!row_has(new, i))
		return false;
	/* a minimal image has only what was changed */
	if (!row_has(old, i))
		return true;
	if (old->status[i] != new->status[i])
		return true;
	if (old->status[i] == COLUMN_NULL)
		return false;
	return !datumIsEqual(old->values[i], new->values[i], col->typbyval,
						 col->typlen);
}

/* Does an UPDATE change columns that an edge with an action refers to? */
bool
cascade_update_matters(ApplyTable *table, const Row *old, const Row *new)
{
	ListCell   *lc;
	int			i;

	if (old->values == NULL)
		return false;
	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);

		if (edge->on_update == CASCADE_NONE)
			continue;
		for (i = 0; i < edge->n; i++)
		{
			if (row_value_differs(&table->rel->columns[edge->ref[i]], old, new,
								  edge->ref[i]))
				return true;
		}
	}
	return false;
}

/* Has a table in reach INSERTs or UPDATEs pending? */
bool
cascade_must_wait(LocalWriter *w, ApplyTable *table)
{
	int			id = -1;

	while ((id = bms_next_member(table->reach, id)) >= 0)
	{
		if (w->tables[id]->writes)
			return true;
	}
	return false;
}

/* Notes a DELETE whose cascades are to be followed at the flush. */
void
cascade_queue(LocalWriter *w, ApplyTable *table, ApplyOp *op)
{
	int			id = -1;

	if (table->ncascades == 0)
	{
		while ((id = bms_next_member(table->reach, id)) >= 0)
			w->tables[id]->waited = true;
		w->cascading = true;
	}
	if (table->ncascades == table->maxcascades)
	{
		table->maxcascades = Max(64, table->maxcascades * 2);
		table->cascades = table->cascades ?
			repalloc_huge(table->cascades,
						  sizeof(ApplyOp *) * table->maxcascades) :
			MemoryContextAllocHuge(w->table_cxt,
								   sizeof(ApplyOp *) * table->maxcascades);
	}
	table->cascades[table->ncascades++] = op;
}

/*
 * Does an edge of the child follow when an action on the edge before it has
 * changed the child's rows?
 */
bool
cascade_follows(const CascadeEdge *before, CascadeAction action,
				const CascadeEdge *next)
{
	int			i;
	int			j;

	if (action == CASCADE_DELETE)
		return next->on_delete != CASCADE_NONE;
	if (next->on_update == CASCADE_NONE)
		return false;
	for (i = 0; i < before->n; i++)
	{
		for (j = 0; j < next->n; j++)
		{
			if (before->fk[i] == next->ref[j])
				return true;
		}
	}
	return false;
}

/* What follows on an edge, of a row to which action was done. */
CascadeAction
cascade_next(CascadeAction action, const CascadeEdge *next)
{
	return action == CASCADE_DELETE ? next->on_delete : next->on_update;
}

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
static char *
rows_column(const CascadeEdge *edge, char prefix, int i)
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
					appendStringInfoString(sql, rows_column(edge, 'c', at));
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

/* Is there an index by which children are found? Plans depend on it. */
static void
check_index(CascadeEdge *edge)
{
	AttrNumber	attnums[INDEX_MAX_KEYS];
	bool		index;
	int			i;

	if (edge->index_asked == edge->child->resolutions)
		return;
	for (i = 0; i < edge->nfk; i++)
		attnums[i] = edge->child->rel->columns[edge->fk[i]].target_attnum;
	index = apply_has_index(edge->child->relid, edge->nfk, attnums, NULL);
	if (index != edge->index)
		forget_edge(edge);
	edge->index = index;
	edge->index_asked = edge->child->resolutions;
}

/* Builds the statement of an edge and action, if there is none. */
static void
prepare_edge(LocalWriter *w, CascadeEdge *edge, CascadeAction action)
{
	ApplyTable *child = edge->child;
	MemoryContext oldcxt;
	const char *only;
	StringInfoData sql;
	int			i;
	int			pass;

	apply_table_resolve(edge->parent);
	apply_table_resolve(child);
	check_index(edge);
	if (edge->sql[action] != NULL)
		return;

	oldcxt = MemoryContextSwitchTo(w->table_cxt);
	only = child->partitioned ? "" : "ONLY ";
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
							 rows_column(edge, 'n', i));
		appendStringInfoString(&sql, " FROM " ROWS_NAME " AS b");
	}
	for (i = 0; i < edge->n; i++)
		appendStringInfo(&sql, " %s %s", i > 0 ? "AND" : "WHERE",
						 apply_equality(child_column(edge, edge->fk[i]),
										rows_column(edge, 'c', i),
										child->rel->columns[edge->fk[i]].typid));
	edge->out[action] = returning_desc(edge, action);
	append_returning(&sql, edge, action);

	edge->in[action] = CreateTemplateTupleDesc(edge->n * (action == CASCADE_UPDATE ? 2 : 1));
	for (pass = 0; pass < (action == CASCADE_UPDATE ? 2 : 1); pass++)
	{
		for (i = 0; i < edge->n; i++)
		{
			SourceColumn *col = &edge->parent->rel->columns[edge->ref[i]];
			int			attno = pass * edge->n + i + 1;

			TupleDescInitEntry(edge->in[action], attno,
							   psprintf("%c%d", pass == 0 ? 'c' : 'n', i + 1),
							   col->typid, -1, 0);
			TupleDescInitEntryCollation(edge->in[action], attno,
										col->collation);
		}
	}

	edge->sql[action] = sql.data;
	MemoryContextSwitchTo(oldcxt);
}

/* A store for the rows of a statement. */
static Tuplestorestate *
make_store(LocalWriter *w)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(w->flush_cxt);
	Tuplestorestate *store = tuplestore_begin_heap(true, false, 16 * 1024);

	MemoryContextSwitchTo(oldcxt);
	return store;
}

static void run_edge(LocalWriter *w, CascadeEdge *edge, CascadeAction action,
					 Tuplestorestate *rows, int64 nrows, SourcePos pos,
					 int depth);

/* Hands the rows that an edge's statement returned to the edges that follow. */
static void
follow(LocalWriter *w, CascadeEdge *edge, CascadeAction action,
	   Tuplestorestate *returned, SourcePos pos, int depth)
{
	TupleTableSlot *slot;
	int			offset = 0;
	ListCell   *lc;

	slot = MakeSingleTupleTableSlot(edge->out[action], &TTSOpsMinimalTuple);
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
		if (!copy_has(next, pos))
		{
			rows = make_store(w);
			prepare_edge(w, next, next_act);
			tuplestore_rescan(returned);
			while (tuplestore_gettupleslot(returned, true, false, slot))
			{
				slot_getallattrs(slot);
				tuplestore_putvalues(rows, next->in[next_act],
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
run_edge(LocalWriter *w, CascadeEdge *edge, CascadeAction action,
		 Tuplestorestate *rows, int64 nrows, SourcePos pos, int depth)
{
	Tuplestorestate *returned = NULL;
	DestReceiver *receiver = NULL;
	uint64		processed;

	if (nrows == 0)
		return;
	/* Deleted rows run out by themselves; updated ones need not. */
	if (action != CASCADE_DELETE && depth >= MAX_DEPTH)
		return;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	prepare_edge(w, edge, action);
	if (edge->out[action] != NULL)
	{
		returned = make_store(w);
		receiver = CreateTuplestoreDestReceiver();
		SetTuplestoreDestReceiverParams(receiver, returned, w->flush_cxt,
										false, NULL, NULL);
	}
	processed = apply_execute(w, &edge->plan[action], edge->sql[action],
							  edge->child->rel->target_relid,
							  edge->in[action], rows, nrows,
							  edge->index ?
							  edge->child->rel->target_relid : InvalidOid,
							  receiver);
	w->current.cascaded += processed;
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
	tuplestore_putvalues(store, edge->in[action], values, nulls);
	return true;
}

/* Is a position before the copy of any table in reach? */
static bool
before_some_copy(LocalWriter *w, ApplyTable *table, SourcePos pos)
{
	int			id = -1;

	if (!source_pos_is_set(pos))
		return false;
	while ((id = bms_next_member(table->reach, id)) >= 0)
	{
		if (source_pos_cmp(pos, w->tables[id]->rel->snap_lo) < 0)
			return true;
	}
	return false;
}

/* Does what DELETEs of rows of a table do to others. SPI is connected. */
void
cascade_deletes(LocalWriter *w, ApplyTable *table, ApplyOp **ops, int nops)
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
		bool		before = before_some_copy(w, table, pos);
		int			end = i + 1;

		while (end < nops &&
			   (before ? source_pos_cmp(ops[end]->pos, pos) == 0 :
				!before_some_copy(w, table, ops[end]->pos)))
			end++;
		foreach(lc, table->edges)
		{
			CascadeEdge *edge = lfirst(lc);
			Tuplestorestate *store;
			int64		nrows = 0;
			int			j;

			if (edge->on_delete == CASCADE_NONE || copy_has(edge, pos))
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
cascade_update(LocalWriter *w, ApplyTable *table, ApplyOp *op)
{
	ListCell   *lc;
	int			i;

	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);
		Tuplestorestate *store;
		bool		differs = false;

		if (edge->on_update == CASCADE_NONE || copy_has(edge, op->pos))
			continue;
		for (i = 0; i < edge->n; i++)
			differs |= row_value_differs(&table->rel->columns[edge->ref[i]],
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
