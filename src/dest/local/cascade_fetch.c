/*-------------------------------------------------------------------------
 *
 * cascade_fetch.c
 *	  What a minimal row image leaves out of a parent's old row, although a
 *	  foreign key refers to it: read from the destination, where the row is
 *	  still as it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/local/local.h"

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

/*
 * Completes the old row of an operation from the destination, before the
 * operation is done. Without a row there it stays as it is. SPI is connected.
 */
void
cascade_fetch_old(LocalWriter *w, ApplyTable *table, ApplyOp *op)
{
	if (table->rel->nkey > 0 && cascade_lacks_old(table, op))
		(void) apply_fetch_row(table, &op->old, &op->old);
}
