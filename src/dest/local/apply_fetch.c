/*-------------------------------------------------------------------------
 *
 * apply_fetch.c
 *	  Rows as they are at the destination, for changes whose images are not
 *	  whole: what they lack is read from the destination's row as it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "dest/local/local.h"

/* What a row lacks is taken from the tuple; columns as in table->cols. */
static void
take_columns(ApplyTable *table, HeapTuple tuple, TupleDesc desc, Row *row)
{
	for (int i = 0; i < table->ncols; i++)
	{
		int			c = table->cols[i];
		SourceColumn *col = &table->rel->columns[c];
		Datum		value;
		bool		isnull;

		if (row_has(row, c))
			continue;
		value = SPI_getbinval(tuple, desc, i + 1, &isnull);
		row->status[c] = isnull ? COLUMN_NULL : COLUMN_VALUE;
		if (isnull)
			continue;
		if (col->typlen == -1)
			value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		else
			value = datumCopy(value, col->typbyval, col->typlen);
		row->values[c] = value;
	}
}

/* See BatchRoutine. The table is resolved, and SPI connected. */
bool
apply_fetch_row(ApplyTable *table, const Row *key, Row *row)
{
	Batch	   *w = table->batch;
	SourceRelation *rel = table->rel;
	TupleDesc	desc;
	Tuplestorestate *store;
	StringInfoData sql;
	MemoryContext oldcxt;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	bool		found;
	int			i;

	oldcxt = MemoryContextSwitchTo(w->flush_cxt);
	desc = CreateTemplateTupleDesc(rel->nkey);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (i = 0; i < table->ncols; i++)
		appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "",
						 quote_identifier(rel->columns[table->cols[i]].target_name));
	appendStringInfo(&sql, " FROM %s%s AS t, " ROWS_NAME " AS b",
					 local_table(table)->partitioned ? "" : "ONLY ", table->qualified);
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
		values[i] = key->values[rel->key[i]];
		nulls[i] = false;
	}
	store = tuplestore_begin_heap(true, false, 64);
	tuplestore_putvalues(store, desc, values, nulls);
	(void) apply_execute(w, NULL, sql.data, local_table(table)->relid, desc, store, 1,
						 local_table(table)->key_index ?
						 local_table(table)->relid : InvalidOid, NULL);
	tuplestore_end(store);
	found = SPI_processed == 1;

	MemoryContextSwitchTo(w->row_cxt);
	if (found && row != NULL)
		take_columns(table, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(oldcxt);
	return found;
}
