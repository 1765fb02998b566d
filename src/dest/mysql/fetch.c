/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Rows as they are at the destination, for changes whose images are not
 *	  whole: what they lack is read from the destination.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "dest/mysql/mysql.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* A column as a text that the type in flight takes. */
static char *
readable(const ApplyTable *table, int col)
{
	const MyField *column = &((const MyTarget *) table->rel->bound)->columns[col];

	switch (column->form)
	{
		case FORM_BYTEA:
			return psprintf("CONCAT('\\\\x', HEX(%s))", column->name);
		case FORM_BIT:
			return psprintf("BIN(%s)", column->name);
		default:
			return column->name;
	}
}

static Datum
value_of(const SourceRelation *rel, int col, char *text)
{
	const MyField *column = &((const MyTarget *) rel->bound)->columns[col];
	Oid			input;
	Oid			ioparam;

	/* such a value is large, and what the source has left out of the log */
	if (column->form == FORM_ARRAY || column->form == FORM_BIT_BYTES ||
		column->form == FORM_BIT || column->form == FORM_MONEY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s.%s\" cannot be read back from the destination",
						rel->columns[col].name, rel->schema, rel->name),
				 errhint("Let the source log whole rows: ALTER TABLE … REPLICA IDENTITY FULL."),
				 ERR_SOURCE_TABLE(rel)));
	getTypeInputInfo(rel->columns[col].typid, &input, &ioparam);
	return OidInputFunctionCall(input, text, ioparam, -1);
}

/* See BatchRoutine. */
bool
my_fetch_row(ApplyTable *table, const Row *key, Row *row)
{
	Batch	   *b = table->batch;
	const SourceRelation *rel = table->rel;
	MemoryContext old = MemoryContextSwitchTo(b->flush_cxt);
	MyConn	   *conn = mysql_use();
	StringInfoData sql;
	MyResult   *r;
	bool		found;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < table->ncols; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", readable(table, table->cols[i]));
	appendStringInfo(&sql, " FROM %s WHERE ", table->qualified);
	for (int i = 0; i < rel->nkey; i++)
	{
		appendStringInfoString(&sql, i > 0 ? " AND " : "");
		my_value_append_match(&sql, rel, rel->key[i], key->values[rel->key[i]], false);
	}
	appendStringInfoString(&sql, " FOR UPDATE");
	mysql_several(conn, false);
	r = my_query(conn, sql.data, table->ncols);
	found = my_nrows(r) == 1;
	MemoryContextSwitchTo(b->row_cxt);
	for (int i = 0; found && row != NULL && i < table->ncols; i++)
	{
		int			c = table->cols[i];
		char	   *text;

		if (row_has(row, c))
			continue;
		text = my_get_text_or_null(r, 0, i);
		row->status[c] = text == NULL ? COLUMN_NULL : COLUMN_VALUE;
		if (text != NULL)
			row->values[c] = value_of(rel, c, text);
	}
	MemoryContextSwitchTo(old);
	return found;
}
