/*-------------------------------------------------------------------------
 *
 * my_field.c
 *	  Tables of a MySQL-family server that rows are written to, and their
 *	  columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_value.h"

/* Does its collation take texts for equal that are not the same? */
static bool
is_inexact(const char *type, const char *collation)
{
	static const char *const exact[] = {"_0900_bin", "_nopad_bin"};

	if (collation == NULL || strcmp(type, "enum") == 0 || strcmp(type, "set") == 0)
		return false;
	for (int i = 0; i < lengthof(exact); i++)
	{
		Size		len = strlen(exact[i]);

		if (strlen(collation) > len &&
			strcmp(collation + strlen(collation) - len, exact[i]) == 0)
			return false;
	}
	return strcmp(collation, "binary") != 0;
}

int
my_field_find(const MyField *fields, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(fields[i].bare, name) == 0)
			return i;
	for (int i = 0; i < n; i++)
		if (pg_strcasecmp(fields[i].bare, name) == 0)
			return i;
	return -1;
}

/* From it on MySQL keeps the last of keys that are equal in JSON. */
#define LAST_KEY_VERSION 80003

static void
read_field(MyField *field, MyConn *conn, const MyResult *r, int i)
{
	const char *extra = my_get_text(r, i, 5);
	char	   *fsp = my_get_text_or_null(r, i, 4);
	char	   *length = my_get_text_or_null(r, i, 6);
	char	   *scale = my_get_text_or_null(r, i, 8);

	field->bare = my_get_text(r, i, 0);
	field->name = my_quote_identifier(field->bare);
	field->type = my_get_text(r, i, 2);
	field->not_null = strcmp(my_get_text(r, i, 1), "NO") == 0;
	field->generated = strstr(extra, "VIRTUAL") != NULL || strstr(extra, "STORED") != NULL ||
		strstr(extra, "PERSISTENT") != NULL;
	field->inexact = is_inexact(field->type, my_get_text_or_null(r, i, 3));
	field->fsp = fsp ? Min(Max(atoi(fsp), 0), 6) : 0;
	field->length = length ? (Size) strtoull(length, NULL, 10) : 0;
	field->labels = my_field_is_type(field, " enum set ") ?
		my_get_text(r, i, 7) : NULL;
	field->decimals = scale && my_field_is_type(field, " float double ") ?
		Min(atoi(scale), 30) : -1;
	field->json = strcmp(field->type, "json") == 0 && !my_is_mariadb(conn);
	field->first_key = my_version_num(conn) < LAST_KEY_VERSION;
}

MyField *
my_fields(MyConn *conn, const char *schema, const char *name, int *n)
{
	MyResult   *r = my_query(conn, psprintf("SELECT column_name, is_nullable, LOWER(data_type), collation_name, "
											"datetime_precision, UPPER(extra), "
											"COALESCE(character_maximum_length, IF(data_type = 'bit', numeric_precision, NULL)), column_type, numeric_scale "
											"FROM information_schema.columns "
											"WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
											my_quote_literal(schema), my_quote_literal(name)), 9);
	MyField    *fields = palloc0(sizeof(MyField) * Max(my_nrows(r), 1));

	*n = my_nrows(r);
	for (int i = 0; i < *n; i++)
		read_field(&fields[i], conn, r, i);
	return fields;
}

/* Does a database hold accounts and rights, or what the server knows of itself? */
static bool
is_of_server(const char *schema)
{
	static const char *const names[] = {"mysql", "sys", "information_schema",
	"performance_schema"};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(schema, names[i]) == 0)
			return true;
	return false;
}

char *
my_table_kind(MyConn *conn, const char *schema, const char *name, char **reason)
{
	MyResult   *r = my_query(conn, psprintf("SELECT t.table_type, t.engine, e.transactions "
											"FROM information_schema.tables t "
											"LEFT JOIN information_schema.engines e ON e.engine = t.engine "
											"WHERE t.table_schema = %s AND t.table_name = %s",
											my_quote_literal(schema),
											my_quote_literal(name)), 3);
	char	   *kind;
	char	   *transactions;

	*reason = NULL;
	if (is_of_server(schema))
	{
		*reason = psprintf("Database %s is the server's own.", schema);
		return "BASE TABLE";
	}
	if (my_nrows(r) == 0)
		return NULL;
	kind = my_get_text(r, 0, 0);
	transactions = my_get_text_or_null(r, 0, 2);
	if (strcmp(kind, "BASE TABLE") != 0)
		*reason = psprintf("It is no plain table: %s.", kind);
	else if (transactions == NULL || strcmp(transactions, "YES") != 0)
		*reason = psprintf("Its engine %s has no transactions: what is written to it cannot be taken back.",
						   my_get_text_or_null(r, 0, 1));
	return kind;
}
