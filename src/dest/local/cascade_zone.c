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
 * They can be told from others once the log has been followed past the copies
 * of all tables concerned: then every row has its parent, except these. Until
 * then (zone_end), changes of tables that can have such rows are applied so
 * that they do not mind them: an INSERT may find the row still there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "dest/local/local.h"

static SourcePos
later(SourcePos a, SourcePos b)
{
	return source_pos_cmp(a, b) < 0 ? b : a;
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

	/* Where an edge leads from a table that cascades reach themselves. */
	for (i = 0; i < w->ntables; i++)
	{
		foreach(lc, w->tables[i]->edges)
		{
			CascadeEdge *edge = lfirst(lc);

			if (edge->on_delete == CASCADE_NONE || !edge->parent->child)
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

/*
 * Does to the rows whose parents are gone what the foreign key says; returns
 * how many there were.
 */
static uint64
mend_edge(LocalWriter *w, CascadeEdge *edge)
{
	SourceRelation *parent = edge->parent->rel;
	SourceRelation *child = edge->child->rel;
	StringInfoData sql;
	int			rc;
	int			i;

	initStringInfo(&sql);
	if (edge->on_delete == CASCADE_DELETE)
		appendStringInfo(&sql, "DELETE FROM %s%s AS t",
						 edge->child->partitioned ? "" : "ONLY ",
						 edge->child->qualified);
	else
	{
		appendStringInfo(&sql, "UPDATE %s%s AS t SET ",
						 edge->child->partitioned ? "" : "ONLY ",
						 edge->child->qualified);
		for (i = 0; i < edge->nfk; i++)
			appendStringInfo(&sql, "%s%s = NULL", i > 0 ? ", " : "",
							 quote_identifier(child->columns[edge->fk[i]].target_name));
	}
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
	appendStringInfoChar(&sql, ')');

	rc = SPI_execute(sql.data, false, 0);
	if (rc != SPI_OK_DELETE && rc != SPI_OK_UPDATE)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	if (SPI_processed > 0)
		ereport(LOG,
				(errmsg("cascades while tables were copied: %llu rows of table \"%s.%s\" followed their parents in \"%s.%s\"",
						(unsigned long long) SPI_processed,
						child->target_schema, child->target_name,
						parent->target_schema, parent->target_name)));
	w->current.cascaded += SPI_processed;
	return SPI_processed;
}

/*
 * The log has been followed past the zone: mends all edges, until nothing is
 * left to do. A transaction is open.
 */
void
zone_passed(LocalWriter *w)
{
	uint64		found;
	int			i;
	ListCell   *lc;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	do
	{
		found = 0;
		for (i = 0; i < w->ntables; i++)
		{
			foreach(lc, w->tables[i]->edges)
			{
				CascadeEdge *edge = lfirst(lc);

				if (edge->on_delete == CASCADE_NONE || !edge->parent->child)
					continue;
				apply_table_resolve(edge->parent);
				apply_table_resolve(edge->child);
				found += mend_edge(w, edge);
			}
		}
	} while (found > 0);
	SPI_finish();
}
