/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Rows as they are at the destination, for changes whose images are not
 *	  whole: what they lack is read there, where the row is as it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "dest/pgsql/pgsql.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static Datum
value_of(const SourceColumn *col, char *text)
{
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(col->typid, &input, &ioparam);
	return OidInputFunctionCall(input, text, ioparam, -1);
}

/* What a row lacks is taken from the answer; columns as in table->cols. */
static void
take_columns(ApplyTable *table, const PgResult *r, Row *row)
{
	for (int i = 0; i < table->ncols; i++)
	{
		int			c = table->cols[i];
		char	   *text;

		if (row_has(row, c))
			continue;
		text = pg_text_or_null(r, 0, i);
		row->status[c] = text == NULL ? COLUMN_NULL : COLUMN_VALUE;
		if (text != NULL)
			row->values[c] = value_of(&table->rel->columns[c], text);
	}
}

/* See BatchRoutine. */
bool
fetch_row(ApplyTable *table, const Row *key, Row *row)
{
	Batch	   *b = table->batch;
	SourceRelation *rel = table->rel;
	MemoryContext old = MemoryContextSwitchTo(b->flush_cxt);
	PgConn	   *conn = session_use();
	StringInfoData sql;
	StringInfoData shape;
	char	   *name = session_statement_name();
	const char **values = palloc(sizeof(char *) * rel->nkey);
	int		   *lengths = palloc(sizeof(int) * rel->nkey);
	PgResult   *r;
	bool		found;

	initStringInfo(&sql);
	initStringInfo(&shape);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < table->ncols; i++)
	{
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", stmt_column(table, table->cols[i]));
		appendStringInfoChar(&shape, 'T');
	}
	appendStringInfo(&sql, " FROM %s%s AS t, %s(", stmt_only(table),
					 pg_table(table)->target->qualified, array_rows_from(rel->nkey));
	for (int i = 0; i < rel->nkey; i++)
		appendStringInfo(&sql, "%s$%d::%s", i > 0 ? ", " : "", i + 1,
						 array_type(array_element(&rel->columns[rel->key[i]])));
	appendStringInfoString(&sql, ") AS b(");
	for (int i = 0; i < rel->nkey; i++)
		appendStringInfo(&sql, "%so%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');
	for (int i = 0; i < rel->nkey; i++)
	{
		SourceColumn *col = &rel->columns[rel->key[i]];
		PgArray    *a = palloc(sizeof(PgArray));

		appendStringInfo(&sql, " %s %s OPERATOR(pg_catalog.=) %s", i > 0 ? "AND" : "WHERE",
						 stmt_column(table, rel->key[i]),
						 stmt_value(table, rel->key[i], psprintf("b.o%d", i + 1)));
		array_init(a, array_element(col), col->typid);
		array_put(a, key->values[rel->key[i]], false);
		values[i] = array_take(a, &lengths[i]);
	}
	session_by_index(pg_table(table)->target->key_index);
	pg_prepare(conn, name, sql.data);
	r = pg_execute_rows(conn, name, rel->nkey, values, lengths, "row", shape.data);
	pg_runf(conn, "DEALLOCATE %s", name);
	found = r->nrows == 1;
	MemoryContextSwitchTo(b->row_cxt);
	if (found && row != NULL)
		take_columns(table, r, row);
	MemoryContextSwitchTo(old);
	return found;
}
