/*-------------------------------------------------------------------------
 *
 * apply_loose.c
 *	  Children that refer to their parent by a collation of the source alone:
 *	  'A', or 'a ', to 'a'.
 *
 * An action of a foreign key reaches them at the source, and is done at the
 * destination to those that are equal byte by byte (apply_cascade.c): no
 * collation of this server is just the source's. But a child that has the value
 * of a parent, byte by byte, has that one for its parent, for there is one by
 * the collation. So the others are those that have the value of none; if there
 * are any when an action is done, their table is copied again.
 *
 * That takes a look at the whole table, which is spared while neither table was
 * written to since the last one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "dest/local/local.h"

static Oid
owner_of(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	Oid			owner;

	if (!RelationIsValid(rel))
		return InvalidOid;
	owner = rel->rd_rel->relowner;
	RelationClose(rel);
	return owner;
}

static char *
column_of(char alias, const ApplyTable *table, int col)
{
	return psprintf("%c.%s", alias,
					quote_identifier(table->rel->columns[col].target_name));
}

/* Is there a child that has the value of no parent, nor is about to? */
static char *
search_sql(const CascadeEdge *edge, CascadeAction action)
{
	const SourceRelation *child = edge->child->rel;
	StringInfoData sql;
	int			i;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT 1 FROM %s%s AS t WHERE true",
					 local_table(edge->child)->partitioned ? "" : "ONLY ",
					 edge->child->qualified);
	for (i = 0; i < edge->n; i++)
		appendStringInfo(&sql, " AND %s IS NOT NULL",
						 column_of('t', edge->child, edge->fk[i]));
	appendStringInfo(&sql, " AND NOT EXISTS (SELECT 1 FROM %s%s AS p WHERE true",
					 local_table(edge->parent)->partitioned ? "" : "ONLY ",
					 edge->parent->qualified);
	for (i = 0; i < edge->n; i++)
	{
		Oid			ptype = edge->parent->rel->columns[edge->ref[i]].typid;
		Oid			ctype = child->columns[edge->fk[i]].typid;
		char	   *ref = column_of('p', edge->parent, edge->ref[i]);

		if (ptype != ctype)
			ref = psprintf("CAST(%s AS %s)", ref, format_type_be_qualified(ctype));
		appendStringInfo(&sql, " AND %s",
						 apply_equality(column_of('t', edge->child, edge->fk[i]),
										ref, ctype));
	}
	appendStringInfoChar(&sql, ')');
	if (action == CASCADE_UPDATE)
	{
		appendStringInfoString(&sql, " AND NOT EXISTS (SELECT 1 FROM " ROWS_NAME " AS b WHERE true");
		for (i = 0; i < edge->n; i++)
			appendStringInfo(&sql, " AND %s",
							 apply_equality(column_of('t', edge->child, edge->fk[i]),
											cascade_rows_column(edge, 'n', i),
											child->columns[edge->fk[i]].typid));
		appendStringInfoChar(&sql, ')');
	}
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

/* After an edge's action has been done for the rows. SPI is connected. */
void
loose_check(Batch *w, CascadeEdge *edge, CascadeAction action,
			Tuplestorestate *rows, int64 nrows)
{
	SourceRelation *child = edge->child->rel;
	uint64		written = local_table(edge->child)->written +
		local_table(edge->parent)->written + 1;
	bool		found;

	if (!edge->loose || child->torn != NULL || local_edge(edge)->exact_at == written)
		return;

	/* what runs as the owner of one must not need to read the other */
	found = !edge->unique ||
		owner_of(child->target_relid) != owner_of(edge->parent->rel->target_relid);
	if (!found)
	{
		tuplestore_rescan(rows);
		found = apply_execute(w, NULL, search_sql(edge, action), child->target_relid,
							  local_edge(edge)->in[action], rows, nrows,
							  InvalidOid, NULL) > 0;
	}
	if (found)
		child->torn = "An action of a foreign key may have reached rows that refer to their parent by the source's collation alone.";
	else
		local_edge(edge)->exact_at = written;
}
