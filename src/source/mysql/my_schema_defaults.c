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

DdlDefaults *
my_ddl_defaults(SourceConn *sc)
{
	MyConn	   *conn = (MyConn *) sc;
	DdlDefaults *defaults = palloc0(sizeof(DdlDefaults));
	MyResult   *res;

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
