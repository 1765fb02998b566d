/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  What the catalog of a server of the MySQL family says of a table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/mysql/mysql.h"

static MyResult *
ask(int ncolumns, char *sql)
{
	MyConn	   *conn = mysql_use();

	mysql_several(conn, false);
	return my_query(conn, sql, ncolumns);
}

/* "int(10) unsigned", and "int unsigned" of later versions, is one. */
static char *
type_of(const char *data_type, char *column_type)
{
	static const char *const integers[] = {
		"tinyint", "smallint", "mediumint", "int", "bigint", "year"
	};
	char	   *open = strchr(column_type, '(');
	char	   *close = open ? strchr(open, ')') : NULL;

	for (int i = 0; close != NULL && i < lengthof(integers); i++)
		if (strcmp(data_type, integers[i]) == 0)
			return psprintf("%.*s%s", (int) (open - column_type), column_type, close + 1);
	return column_type;
}

static List *
catalog_columns(const char *schema, const char *table)
{
	MyResult   *r = ask(6, psprintf("SELECT column_name, LOWER(data_type), column_type, is_nullable, UPPER(extra), "
									"column_default FROM information_schema.columns "
									"WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
									my_quote_literal(schema), my_quote_literal(table)));
	bool		mariadb = my_is_mariadb(mysql_use());
	List	   *columns = NIL;

	for (int i = 0; i < my_nrows(r); i++)
	{
		DestColumn *c = palloc0(sizeof(DestColumn));
		char	   *extra = my_get_text(r, i, 4);
		char	   *value = my_get_text_or_null(r, i, 5);

		c->name = my_get_text(r, i, 0);
		c->type = type_of(my_get_text(r, i, 1), my_get_text(r, i, 2));
		c->not_null = strcmp(my_get_text(r, i, 3), "NO") == 0;
		c->identity = strstr(extra, "AUTO_INCREMENT") != NULL;
		c->generated = strstr(extra, "VIRTUAL") != NULL || strstr(extra, "STORED") != NULL ||
			strstr(extra, "PERSISTENT") != NULL;
		/* MariaDB says so of a column that has none, and takes NULL */
		c->has_default = value != NULL && !(mariadb && strcmp(value, "NULL") == 0);
		columns = lappend(columns, c);
	}
	return columns;
}

static List *
catalog_keys(const char *schema, const char *table)
{
	MyResult   *r = ask(3, psprintf("SELECT index_name, column_name, non_unique FROM information_schema.statistics "
									"WHERE table_schema = %s AND table_name = %s ORDER BY index_name, seq_in_index",
									my_quote_literal(schema), my_quote_literal(table)));
	List	   *keys = NIL;
	DestKey    *key = NULL;

	for (int i = 0; i < my_nrows(r); i++)
	{
		char	   *column = my_get_text_or_null(r, i, 1);

		if (i == 0 || strcmp(my_get_text(r, i, 0), my_get_text(r, i - 1, 0)) != 0)
		{
			key = palloc0(sizeof(DestKey));
			key->unique = strcmp(my_get_text(r, i, 2), "0") == 0;
			keys = lappend(keys, key);
		}
		key->columns = lappend(key->columns, column ? column : "");
	}
	return keys;
}

/* ------------------------------------------------------------ foreign keys */

static char *
orphan_of(const char *table, const char *parent, const char *matches, const char *given,
		  const char *shown, const char *first)
{
	return psprintf("SELECT LEFT(CONCAT_WS(', '%s), 300) FROM %s f LEFT JOIN %s p ON %s "
					"WHERE %s AND p.%s IS NULL LIMIT 1", shown, table, parent, matches,
					given, first);
}

static char *
qualified(const char *schema, const char *table)
{
	return psprintf("%s.%s", my_quote_identifier(schema), my_quote_identifier(table));
}

/* Columns of the primary key, for a row to be known by. */
static char *
shown_key(const char *schema, const char *table)
{
	MyResult   *r = ask(1, psprintf("SELECT column_name FROM information_schema.key_column_usage "
									"WHERE table_schema = %s AND table_name = %s AND constraint_name = 'PRIMARY' "
									"ORDER BY ordinal_position",
									my_quote_literal(schema), my_quote_literal(table)));
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < my_nrows(r); i++)
	{
		char	   *name = my_get_text(r, i, 0);

		appendStringInfo(&buf, ", CONCAT(%s, CONVERT(f.%s USING utf8mb4))",
						 my_quote_literal(psprintf("%s=", name)), my_quote_identifier(name));
	}
	return buf.data;
}

static List *
catalog_foreign_keys(const char *schema, const char *table)
{
	MyResult   *r = ask(5, psprintf("SELECT constraint_name, column_name, referenced_table_schema, "
									"referenced_table_name, referenced_column_name "
									"FROM information_schema.key_column_usage "
									"WHERE table_schema = %s AND table_name = %s AND referenced_table_name IS NOT NULL "
									"ORDER BY constraint_name, ordinal_position",
									my_quote_literal(schema), my_quote_literal(table)));
	List	   *keys = NIL;
	StringInfoData matches;
	StringInfoData given;
	StringInfoData shown;
	char	   *first = NULL;

	for (int i = 0; i < my_nrows(r); i++)
	{
		char	   *name = my_get_text(r, i, 0);
		char	   *column = my_get_text(r, i, 1);
		char	   *quoted = my_quote_identifier(column);
		char	   *referenced = my_quote_identifier(my_get_text(r, i, 4));
		bool		ends = i == my_nrows(r) - 1 || strcmp(my_get_text(r, i + 1, 0), name) != 0;
		DestForeignKey *k;

		if (first == NULL)
		{
			first = referenced;
			initStringInfo(&matches);
			initStringInfo(&given);
			initStringInfo(&shown);
			appendStringInfoString(&shown, shown_key(schema, table));
		}
		appendStringInfo(&matches, "%sp.%s = f.%s", matches.len ? " AND " : "", referenced, quoted);
		appendStringInfo(&given, "%sf.%s IS NOT NULL", given.len ? " AND " : "", quoted);
		appendStringInfo(&shown, ", CONCAT(%s, CONVERT(f.%s USING utf8mb4))",
						 my_quote_literal(psprintf("%s=", column)), quoted);
		if (!ends)
			continue;
		k = palloc(sizeof(DestForeignKey));
		k->name = name;
		k->table = qualified(schema, table);
		k->orphan = orphan_of(k->table, qualified(my_get_text(r, i, 2), my_get_text(r, i, 3)),
							  matches.data, given.data, shown.data, first);
		k->readable = k->of_one = true;
		keys = lappend(keys, k);
		first = NULL;
	}
	return keys;
}

static List *
catalog_triggers(const char *schema, const char *table)
{
	MyResult   *r = ask(1, psprintf("SELECT trigger_name FROM information_schema.triggers "
									"WHERE event_object_schema = %s AND event_object_table = %s ORDER BY trigger_name",
									my_quote_literal(schema), my_quote_literal(table)));
	List	   *names = NIL;

	for (int i = 0; i < my_nrows(r); i++)
		names = lappend(names, psprintf("%s on %s", my_quote_identifier(my_get_text(r, i, 0)),
										qualified(schema, table)));
	return names;
}

const DestCatalogRoutine mysql_catalog_routine = {
	.columns = catalog_columns,
	.keys = catalog_keys,
	.foreign_keys = catalog_foreign_keys,
	.triggers = catalog_triggers
};
