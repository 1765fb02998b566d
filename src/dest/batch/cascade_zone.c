/*-------------------------------------------------------------------------
 *
 * cascade_zone.c
 *	  Cascades through tables that were copied at different times.
 *
 * Let a row of p be deleted, with cascades to c and from c to g. If a part
 * of g was copied before that and a part of c after it, rows of c that
 * went with it may be missing at the destination, so that nothing shows which
 * rows of g have gone with those; and the log does not say. Rows of g would be
 * left; that their parents do not exist does not show it, for the source may
 * have such rows itself (made with foreign_key_checks = 0), and another row of
 * c may have got the key since. So g is copied again, in one snapshot with what
 * cascades reach from it. The mark commits with the change.
 *
 * Let a key of p be deleted, or change, and another row's key become that one,
 * with its rows of c. A part of c that was copied after both has those rows under
 * that key already: what happened to the key's former rows, done again, takes
 * them along, and the log does not bring them back, for it has no row of c. So
 * where a change of a key cascades to c between the first and the last snapshot
 * of its copy, c is copied again.
 *
 * Once c is to be copied again, its rows are left alone, and no longer show which
 * rows of g go with them: g is copied again with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/batch/batch.h"

/*
 * May rows of the parent of an edge be missing at a position, because they were
 * copied after it, while rows of the child are not as they were after it? Of
 * copies of one moment too, where that is not known exactly: what is done again
 * may have brought back rows of the child.
 */
static bool
is_apart(const CascadeEdge *edge, SourcePos pos)
{
	const SourceRelation *parent = edge->parent->rel;
	const SourceRelation *child = edge->child->rel;

	return source_pos_cmp(pos, parent->snap_hi) < 0 &&
		source_pos_cmp(pos, child->snap_lo) >= 0;
}

/* May some of the child's rows have been copied before a position, some after? */
static bool
is_between(const CascadeEdge *edge, SourcePos pos)
{
	const SourceRelation *child = edge->child->rel;

	return source_pos_cmp(pos, child->snap_lo) >= 0 &&
		source_pos_cmp(pos, child->snap_hi) < 0;
}

/* What follows when an action on an edge has changed the child's rows. */
static void
walk(const CascadeEdge *edge, CascadeAction action, SourcePos pos, int depth)
{
	ListCell   *lc;

	foreach(lc, edge->child->edges)
	{
		const CascadeEdge *next = lfirst(lc);

		if (depth >= CASCADE_MAX_DEPTH || !cascade_follows(edge, action, next))
			continue;
		if (next->child->rel->torn == NULL && is_apart(next, pos))
			next->child->rel->torn = "A cascade went through tables that were copied at different times.";
		if (next->child->rel->torn == NULL && edge->child->rel->torn != NULL &&
			!cascade_copy_has(next, pos))
			next->child->rel->torn = "A cascade went through a table that is to be copied again.";
		walk(next, cascade_next(action, next), pos, depth + 1);
	}
}

/*
 * An operation has cascades: tables that they leave in a state that nobody
 * knows are to be copied again.
 */
void
zone_cascade(ApplyTable *table, const ApplyOp *op)
{
	ListCell   *lc;

	if (!source_pos_is_set(op->pos))
		return;
	foreach(lc, table->edges)
	{
		const CascadeEdge *edge = lfirst(lc);
		CascadeAction action = op->kind == CHANGE_DELETE ? edge->on_delete :
			edge->on_update;

		if (action == CASCADE_NONE)
			continue;
		if (action == CASCADE_UPDATE && edge->child->rel->torn == NULL &&
			is_between(edge, op->pos))
			edge->child->rel->torn = "A key that its rows refer to changed between the snapshots of its copy.";
		walk(edge, action, op->pos, 0);
	}
}
