/*-------------------------------------------------------------------------
 *
 * my_schema_defaults.c
 *	  What a MySQL-family source adds to definitions that do not say it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/ddl.h"
#include "source/mysql/my_schema_impl.h"

static List *
read_pairs(MyConn *conn, const char *sql)
{
	List	   *list = NIL;
	MyResult   *res = my_query(conn, sql, 2);

	for (int i = 0; i < my_nrows(res); i++)
	{
		DdlCharset *entry = palloc0(sizeof(DdlCharset));

		entry->name = my_get_text_or_null(res, i, 0);
		entry->collation = my_get_text_or_null(res, i, 1);
		if (entry->name != NULL && entry->collation != NULL)
			list = lappend(list, entry);
	}
	return list;
}

/* Does a literal say its own zone: '2021-06-01 12:00:00+02:00'? */
static bool
says_zone(const char *literal)
{
	int			len = strlen(literal);
	const char *p = literal + len - 7;

	return len > 20 && (p[0] == '+' || p[0] == '-') && p[3] == ':';
}

/* What a query of one value gives; NULL: nothing, or an error. */
static char *
try_value(MyConn *conn, const char *sql)
{
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;

	if (!my_try_query(conn, sql, 1, &res, &errmsg, &my_errno) || my_nrows(res) == 0)
		return NULL;
	return my_get_text_or_null(res, 0, 0);
}

/* DdlDefaults.temporal; this session's zone is UTC */
static char *
temporal(void *sc, const char *type, const char *time_zone, const char *literal)
{
	MyConn	   *conn = sc;
	bool		timestamp = strcmp(type, "timestamp") == 0;
	char	   *cast = psprintf("CAST(%s AS %s)", literal,
								strcmp(type, "date") == 0 ? "DATE" :
								strcmp(type, "time") == 0 ? "TIME(6)" :
								"DATETIME(6)");
	char	   *value;

	if (timestamp && !says_zone(literal))
		cast = psprintf("CONVERT_TZ(%s, %s, '+00:00')", cast,
						time_zone != NULL ? my_quote_literal(time_zone) :
						"@@GLOBAL.time_zone");
	value = try_value(conn, psprintf("SELECT CAST(%s AS CHAR)", cast));
	if (value == NULL || strspn(value, "0123456789-:. ") != strlen(value))
		return NULL;
	return psprintf("'%s'", value);
}

static bool
is_plain_name(const char *name)
{
	return name[0] != '\0' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* DdlDefaults.convert */
static char *
convert(void *sc, const char *hex, const char *from, const char *to)
{
	char	   *value;

	if (!is_plain_name(from) || !is_plain_name(to) ||
		strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		return NULL;
	value = try_value((MyConn *) sc, psprintf("SELECT HEX(CONVERT(_%s X'%s' USING %s))",
											  from, hex, to));
	if (value == NULL || strspn(value, "0123456789ABCDEF") != strlen(value))
		return NULL;
	return value;
}

/* DdlDefaults.current */
static char *
current(void *sc, const char *schema, const char *table, const char *column,
		bool text)
{
	return my_ask_default_hex((MyConn *) sc, schema, table, column, text);
}

DdlDefaults *
my_ddl_defaults(SourceConn *sc)
{
	MyConn	   *conn = (MyConn *) sc;
	DdlDefaults *defaults = palloc0(sizeof(DdlDefaults));
	MyResult   *res;

	defaults->temporal = temporal;
	defaults->convert = convert;
	defaults->current = current;
	defaults->conn = conn;
	defaults->mariadb = my_is_mariadb(conn);
	defaults->version = my_version_num(conn);
	defaults->charsets =
		read_pairs(conn, "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME"
				   " FROM information_schema.CHARACTER_SETS");
	defaults->schemas =
		read_pairs(conn, "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME"
				   " FROM information_schema.SCHEMATA");
	defaults->collation = my_query_text(conn, "SELECT @@GLOBAL.collation_server");
	res = my_query(conn, "SHOW GLOBAL VARIABLES LIKE 'explicit_defaults_for_timestamp'", 2);
	defaults->explicit_timestamp = my_nrows(res) > 0 &&
		(strcmp(my_get_text(res, 0, 1), "ON") == 0 ||
		 strcmp(my_get_text(res, 0, 1), "1") == 0);
	return defaults;
}
