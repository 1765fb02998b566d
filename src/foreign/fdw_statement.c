/*-------------------------------------------------------------------------
 *
 * fdw_statement.c
 *	  Statements that write rows of a foreign table at the source.
 *
 *	  INSERT INTO t (a, b) VALUES (…, …), (…, …)
 *	  UPDATE t SET b = … WHERE a = …
 *	  DELETE FROM t WHERE a = …
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_statement.h"

#include "source/write.h"

static const SourceWriteRoutine *
engine(const FdwTable *table)
{
	return table->c->source->write;
}

static void
append_name(StringInfo sql, const FdwTable *table, int attno)
{
	appendStringInfoString(sql, table->c->source->quote_name(fdw_table_column(table, attno)->name));
}

/* slot NULL: what stands for a value. */
static void
append_value(StringInfo sql, const FdwTable *table, int attno, TupleTableSlot *slot)
{
	if (slot == NULL)
		appendStringInfoChar(sql, '?');
	else
		engine(table)->value(sql, table->rel, table->source_of[attno - 1],
							 slot->tts_values[attno - 1], slot->tts_isnull[attno - 1]);
}

void
fdw_statement_insert(StringInfo sql, const FdwTable *table, const Bitmapset *columns)
{
	int			attno = -1;
	bool		any = false;

	appendStringInfo(sql, "INSERT INTO %s", engine(table)->table(table->rel, false));
	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		appendStringInfoString(sql, any ? ", " : " (");
		append_name(sql, table, attno);
		any = true;
	}
	appendStringInfoString(sql, any ? ") VALUES " : engine(table)->defaults);
}

void
fdw_statement_row(StringInfo sql, const FdwTable *table, const Bitmapset *columns,
				  TupleTableSlot *slot)
{
	int			attno = -1;
	bool		any = false;

	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		appendStringInfoString(sql, any ? ", " : "(");
		append_value(sql, table, attno, slot);
		any = true;
	}
	if (any)
		appendStringInfoChar(sql, ')');
}

/* A key that was made of something else would find other rows, or none. */
void
fdw_statement_match(StringInfo sql, const FdwTable *table, int attno, Datum value, bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("a row of table \"%s\".\"%s\" cannot be found by its key: column \"%s\" is read as NULL",
						table->schema, table->name, fdw_table_column(table, attno)->name),
				 errhint("ALTER FOREIGN TABLE … ALTER COLUMN … OPTIONS (key 'true') names other columns as key.")));
	engine(table)->match(sql, table->rel, table->source_of[attno - 1], value);
}

static void
append_key(StringInfo sql, const FdwTable *table, const FdwKeyValues *key)
{
	for (int i = 0; i < key->n; i++)
	{
		appendStringInfoString(sql, i > 0 ? " AND " : "");
		if (key->values != NULL)
			fdw_statement_match(sql, table, key->attnos[i], key->values[i], key->nulls[i]);
		else
		{
			append_name(sql, table, key->attnos[i]);
			appendStringInfoString(sql, " = ?");
		}
	}
}

void
fdw_statement_update(StringInfo sql, const FdwTable *table, const Bitmapset *columns,
					 TupleTableSlot *slot, const FdwKeyValues *key)
{
	int			attno = -1;
	bool		any = false;

	appendStringInfo(sql, "UPDATE %s SET ", engine(table)->table(table->rel, true));
	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		appendStringInfoString(sql, any ? ", " : "");
		append_name(sql, table, attno);
		appendStringInfoString(sql, " = ");
		append_value(sql, table, attno, slot);
		any = true;
	}
	appendStringInfoString(sql, " WHERE ");
	append_key(sql, table, key);
}

void
fdw_statement_delete(StringInfo sql, const FdwTable *table, const FdwKeyValues *key)
{
	appendStringInfo(sql, "DELETE FROM %s WHERE ", engine(table)->table(table->rel, true));
	append_key(sql, table, key);
}

void
fdw_statement_condition(StringInfo sql, const FdwTable *table, const FdwKeyValues *key)
{
	append_key(sql, table, key);
}
