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

#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

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
	SourceRelation *rel = table->rel;
	TupleDesc	desc;
	Tuplestorestate *store;
	StringInfoData sql;
	MemoryContext oldcxt;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	int			i;

	if (rel->nkey == 0 || !cascade_lacks_old(table, op))
		return;

	oldcxt = MemoryContextSwitchTo(w->flush_cxt);
	desc = CreateTemplateTupleDesc(rel->nkey);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (i = 0; i < table->ncols; i++)
		appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "",
						 quote_identifier(rel->columns[table->cols[i]].target_name));
	appendStringInfo(&sql, " FROM %s%s AS t, " ROWS_NAME " AS b",
					 table->partitioned ? "" : "ONLY ", table->qualified);
	for (i = 0; i < rel->nkey; i++)
	{
		SourceColumn *col = &rel->columns[rel->key[i]];

		TupleDescInitEntry(desc, i + 1, psprintf("o%d", i + 1), col->typid,
						   -1, 0);
		TupleDescInitEntryCollation(desc, i + 1, col->collation);
		appendStringInfo(&sql, " %s %s", i > 0 ? "AND" : "WHERE",
						 apply_equality(psprintf("t.%s", quote_identifier(col->target_name)),
										psprintf("b.o%d", i + 1),
										col->typid));
		values[i] = op->old.values[rel->key[i]];
		nulls[i] = false;
	}
	store = tuplestore_begin_heap(true, false, 64);
	tuplestore_putvalues(store, desc, values, nulls);
	(void) apply_execute(w, NULL, sql.data, desc, store, 1,
						 table->key_index ? table->relid : InvalidOid, NULL);
	tuplestore_end(store);

	MemoryContextSwitchTo(w->row_cxt);
	for (i = 0; SPI_processed == 1 && i < table->ncols; i++)
	{
		SourceColumn *col = &rel->columns[table->cols[i]];
		Datum		value;
		bool		isnull;

		if (row_has(&op->old, table->cols[i]))
			continue;
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
							  i + 1, &isnull);
		if (isnull)
			op->old.status[table->cols[i]] = COLUMN_NULL;
		else
		{
			op->old.status[table->cols[i]] = COLUMN_VALUE;
			if (col->typlen == -1)
				value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
			else
				value = datumCopy(value, col->typbyval, col->typlen);
			op->old.values[table->cols[i]] = value;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(oldcxt);
}
