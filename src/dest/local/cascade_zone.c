/*-------------------------------------------------------------------------
 *
 * cascade_zone.c
 *	  Cascades through tables that were copied at different times.
 *
 * Let a row of p be deleted, with cascades to c and from there to g. If g was
 * copied before that and c after it, the rows of c are not here, so that
 * nothing tells which rows of g have gone with them; and the log does not say.
 * Rows of g are left whose parents do not exist.
 *
 * Once the log has been followed past the copies of all tables concerned,
 * every row has its parent, except these, and those that the source itself has
 * without one (made with foreign_key_checks = 0). Nothing here tells one from
 * the other: such a table is copied again, in one snapshot with what cascades
 * reach from it. Until then (zone_end), changes of tables that can have such
 * rows are applied so that they do not mind them: an INSERT may find the row
 * still there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/table_owner.h"
#include "dest/local/local.h"

static SourcePos
later(SourcePos a, SourcePos b)
{
	return source_pos_cmp(a, b) < 0 ? b : a;
}

/* Was the table read at one moment? */
static bool
is_exact(const SourceRelation *rel)
{
	return rel->one_snapshot || (source_pos_is_set(rel->snap_lo) &&
								 source_pos_cmp(rel->snap_lo, rel->snap_hi) == 0);
}

/*
 * Does the edge lead from a table that cascades reach themselves, and may the
 * child, or a part of it, have been copied before the parent?
 */
static bool
is_apart(const CascadeEdge *edge)
{
	const SourceRelation *parent = edge->parent->rel;
	const SourceRelation *child = edge->child->rel;

	if (edge->on_delete == CASCADE_NONE || !edge->parent->child)
		return false;
	return !is_exact(child) || source_pos_cmp(child->snap_hi, parent->snap_hi) < 0;
}

/* Finds the end of the zone, for each table and as a whole. */
void
zone_build(LocalWriter *w)
{
	int			i;
	int			id;
	ListCell   *lc;

	w->zone_end = SOURCE_POS_MIN;
	for (i = 0; i < w->ntables; i++)
		w->tables[i]->zone_end = SOURCE_POS_MIN;

	for (i = 0; i < w->ntables; i++)
	{
		foreach(lc, w->tables[i]->edges)
		{
			CascadeEdge *edge = lfirst(lc);

			if (!is_apart(edge))
				continue;
			w->zone_end = later(w->zone_end, edge->parent->rel->snap_hi);
			w->zone_end = later(w->zone_end, edge->child->rel->snap_hi);
		}
	}
	if (!source_pos_is_set(w->zone_end))
		return;
	for (i = 0; i < w->ntables; i++)
	{
		id = -1;
		if (!w->tables[i]->delete_edges)
			continue;
		while ((id = bms_next_member(w->tables[i]->reach, id)) >= 0)
		{
			if (w->tables[id]->rel->nkey > 0)
				w->tables[id]->zone_end = w->zone_end;
		}
	}
}

/* May one role read both tables, and run what their owners put into them? */
static bool
have_one_owner(Oid a, Oid b)
{
	return table_owner_of(a) == table_owner_of(b) ||
		(table_owner_is_trusted(a) && table_owner_is_trusted(b));
}

/* Are there rows whose parents are gone? */
static bool
has_orphans(CascadeEdge *edge)
{
	SourceRelation *parent = edge->parent->rel;
	SourceRelation *child = edge->child->rel;
	StringInfoData sql;
	TableOwner	owner;
	int			rc;
	int			i;

	/* nobody may be able to read both: then it is as if there were some */
	if (!have_one_owner(parent->target_relid, child->target_relid))
		return true;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM %s%s AS t",
					 edge->child->partitioned ? "" : "ONLY ",
					 edge->child->qualified);
	for (i = 0; i < edge->n; i++)
		appendStringInfo(&sql, " %s t.%s IS NOT NULL", i > 0 ? "AND" : "WHERE",
						 quote_identifier(child->columns[edge->fk[i]].target_name));
	for (i = edge->nfk; i < edge->n; i++)
		appendStringInfo(&sql, " AND t.%s = %s",
						 quote_identifier(child->columns[edge->fk[i]].target_name),
						 quote_literal_cstr(child->columns[edge->fk[i]].constant));
	appendStringInfo(&sql, " AND NOT EXISTS (SELECT FROM %s%s AS p",
					 edge->parent->partitioned ? "" : "ONLY ",
					 edge->parent->qualified);
	for (i = 0; i < edge->n; i++)
	{
		char	   *left = psprintf("p.%s", quote_identifier(parent->columns[edge->ref[i]].target_name));
		char	   *right = psprintf("t.%s", quote_identifier(child->columns[edge->fk[i]].target_name));

		appendStringInfo(&sql, " %s %s", i > 0 ? "AND" : "WHERE",
						 apply_equality(left, right,
										parent->columns[edge->ref[i]].typid));
	}
	appendStringInfoString(&sql, ") LIMIT 1");
	table_owner_begin(child->target_relid, AccessShareLock, &owner);
	rc = SPI_execute(sql.data, true, 1);
	table_owner_end(&owner);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	return SPI_processed > 0;
}

/*
 * The log has been followed past the zone: tables with rows that have no
 * parent are copied again, and all that cascades could have taken from those.
 * A transaction is open.
 */
void
zone_passed(LocalWriter *w)
{
	int			i;
	ListCell   *lc;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (i = 0; i < w->ntables; i++)
	{
		foreach(lc, w->tables[i]->edges)
		{
			CascadeEdge *edge = lfirst(lc);

			if (!is_apart(edge) || edge->child->rel->torn != NULL)
				continue;
			apply_table_resolve(edge->parent);
			apply_table_resolve(edge->child);
			if (has_orphans(edge))
				edge->child->rel->torn = "A cascade went through tables that were copied at different times.";
		}
	}
	SPI_finish();
}
