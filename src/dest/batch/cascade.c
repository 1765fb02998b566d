/*-------------------------------------------------------------------------
 *
 * cascade.c
 *	  The foreign key actions of the source, as a graph between the tables of
 *	  a batch. The MySQL family runs them inside its storage engine and never
 *	  logs what they did, so that the destination has to follow them.
 *
 * An edge leads from a parent to a child that a foreign key lets follow. How
 * rows follow is the engine's to say; when, is said here, for children that
 * come later stay. So
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

#include "utils/datum.h"
#include "utils/memutils.h"

#include "dest/batch/batch.h"
#include "schema/model.h"

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
find_parent(Batch *b, const TableForeignKey *fk, const char *schema)
{
	ApplyTable *folded = NULL;
	int			i;

	if (fk->ref_schema)
		schema = fk->ref_schema;
	for (i = 0; i < b->ntables; i++)
	{
		SourceRelation *rel = b->tables[i]->rel;

		if (strcmp(rel->schema, schema) == 0 &&
			strcmp(rel->name, fk->ref_table) == 0)
			return b->tables[i];
		/* servers on file systems that fold case */
		if (pg_strcasecmp(rel->schema, schema) == 0 &&
			pg_strcasecmp(rel->name, fk->ref_table) == 0)
			folded = b->tables[i];
	}
	return folded;
}

/* Columns of the source by name; false if one is not replicated. */
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
		if (i == rel->ncolumns || !rel->columns[i].replicated)
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

/* Does the source take values of a column for equal that differ in bytes? */
static bool
compares_loosely(const SourceRelation *rel, int col)
{
	static const char *const exact[] = {"binary", "_0900_bin", "_nopad_bin"};
	ListCell   *lc;

	foreach(lc, rel->def->columns)
	{
		const TableColumn *c = lfirst(lc);

		if (pg_strcasecmp(c->name, rel->columns[col].name) != 0)
			continue;
		if (c->collation == NULL || c->labels != NIL)
			return false;
		for (int i = 0; i < lengthof(exact); i++)
		{
			Size		len = strlen(exact[i]);

			if (strlen(c->collation) >= len &&
				pg_strcasecmp(c->collation + strlen(c->collation) - len, exact[i]) == 0)
				return false;
		}
		return true;
	}
	return false;
}

/* Has the parent a unique index on just these columns? */
static bool
refers_to_one(const SourceRelation *parent, List *columns)
{
	ListCell   *lc;

	foreach(lc, parent->def->indexes)
	{
		const TableIndex *index = lfirst(lc);
		ListCell   *part;
		int			found = 0;

		if (index->kind > INDEX_UNIQUE ||
			list_length(index->parts) != list_length(columns))
			continue;
		foreach(part, index->parts)
		{
			const char *name = ((IndexPart *) lfirst(part))->column;
			ListCell   *col;

			foreach(col, columns)
				found += name != NULL && pg_strcasecmp(name, lfirst(col)) == 0;
		}
		if (found == list_length(columns))
			return true;
	}
	return false;
}

static void
add_edge(Batch *b, ApplyTable *child, const TableForeignKey *fk)
{
	CascadeEdge *edge = palloc0(b->routine->edge_size);

	edge->on_delete = parse_action(fk->on_delete, CASCADE_DELETE);
	edge->on_update = parse_action(fk->on_update, CASCADE_UPDATE);
	if (edge->on_delete == CASCADE_NONE && edge->on_update == CASCADE_NONE)
		return;
	edge->child = child;
	edge->parent = find_parent(b, fk, child->rel->schema);
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
	for (int i = 0; i < edge->n; i++)
		edge->loose |= compares_loosely(child->rel, edge->fk[i]);
	edge->unique = refers_to_one(edge->parent->rel, fk->ref_columns);
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

/* Finds the edges between all tables of the batch. */
void
cascade_build(Batch *b)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(b->table_cxt);
	ListCell   *lc;
	int			i;

	for (i = 0; i < b->ntables; i++)
	{
		ApplyTable *child = b->tables[i];

		if (child->rel->def == NULL)
			continue;
		foreach(lc, child->rel->def->foreign_keys)
			add_edge(b, child, lfirst(lc));
	}
	for (i = 0; i < b->ntables; i++)
		b->tables[i]->reach = add_reach(NULL, b->tables[i]);
	MemoryContextSwitchTo(oldcxt);
}

/*
 * May a change be part of the child's copy, so that the copy has what the
 * change did to the child?
 */
bool
cascade_copy_has(const CascadeEdge *edge, SourcePos pos)
{
	return source_pos_is_set(pos) &&
		source_pos_cmp(pos, edge->child->rel->snap_lo) < 0;
}

bool
cascade_value_differs(const SourceColumn *col, const Row *old, const Row *new,
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
			if (cascade_value_differs(&table->rel->columns[edge->ref[i]], old, new,
								  edge->ref[i]))
				return true;
		}
	}
	return false;
}

/* Has a table in reach INSERTs or UPDATEs pending? */
bool
cascade_must_wait(Batch *b, ApplyTable *table)
{
	int			id = -1;

	while ((id = bms_next_member(table->reach, id)) >= 0)
	{
		if (b->tables[id]->writes)
			return true;
	}
	return false;
}

/* Notes a DELETE whose cascades are to be followed at the flush. */
void
cascade_queue(Batch *b, ApplyTable *table, ApplyOp *op)
{
	int			id = -1;

	if (table->ncascades == 0)
	{
		while ((id = bms_next_member(table->reach, id)) >= 0)
			b->tables[id]->waited = true;
		b->cascading = true;
	}
	if (table->ncascades == table->maxcascades)
	{
		table->maxcascades = Max(64, table->maxcascades * 2);
		table->cascades = table->cascades ?
			repalloc_huge(table->cascades,
						  sizeof(ApplyOp *) * table->maxcascades) :
			MemoryContextAllocHuge(b->table_cxt,
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

/* Is a position before the copy of any table in reach? */
bool
cascade_before_copy(Batch *b, ApplyTable *table, SourcePos pos)
{
	int			id = -1;

	if (!source_pos_is_set(pos))
		return false;
	while ((id = bms_next_member(table->reach, id)) >= 0)
	{
		if (source_pos_cmp(pos, b->tables[id]->rel->snap_lo) < 0)
			return true;
	}
	return false;
}

/* Does the operation follow this edge? */
static bool
follows_edge(const ApplyOp *op, const CascadeEdge *edge)
{
	return (op->kind == CHANGE_DELETE ? edge->on_delete : edge->on_update) !=
		CASCADE_NONE;
}

/* Does the old row lack a column that an edge needs? */
bool
cascade_lacks_old(ApplyTable *table, const ApplyOp *op)
{
	ListCell   *lc;
	int			i;

	foreach(lc, table->edges)
	{
		CascadeEdge *edge = lfirst(lc);

		for (i = 0; follows_edge(op, edge) && i < edge->n; i++)
		{
			if (!row_has(&op->old, edge->ref[i]))
				return true;
		}
	}
	return false;
}
