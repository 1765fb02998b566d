/*-------------------------------------------------------------------------
 *
 * my_session.c
 *	  What a session at a MySQL-family source must be like.
 *
 * What a SELECT returns depends on settings that others have a say in: the
 * server's defaults, init_connect, which runs for every account that is no
 * administrator's, skip_character_set_client_handshake, a proxy on the way.
 * Each setting that changes, cuts or refuses what is read is set here, after
 * all of them, and read back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "client/my_conn.h"
#include "client/my_conn_impl.h"

typedef struct Setting
{
	const char *name;
	const char *value;			/* as SQL; NULL: it is set by SET NAMES */
	const char *shown;			/* as it reads then */
} Setting;

static const Setting settings[] = {
	/* texts: which character set they come and go in */
	{"character_set_client", NULL, "utf8mb4"},
	{"character_set_connection", NULL, "utf8mb4"},
	{"character_set_results", NULL, "utf8mb4"},
	/* TIMESTAMP is shown in the session's zone */
	{"time_zone", "'+00:00'", "+00:00"},
	/* what literals and operators mean; CHAR with its trailing blanks, or not */
	{"sql_mode", "''", ""},
	/* "WHERE id IS NULL" would find the row that was inserted last */
	{"sql_auto_is_null", "0", "0"},
	/* a SELECT would be cut off without a word, or refused */
	{"sql_select_limit", "18446744073709551615", "18446744073709551615"},
	{"sql_big_selects", "1", "1"},
	/* a snapshot that nobody asked for would stay open */
	{"autocommit", "1", "1"},
};

void
conn_prepare_session(MyConn *conn)
{
	StringInfoData set;
	StringInfoData get;
	MyResult   *res;

	initStringInfo(&set);
	initStringInfo(&get);
	for (int i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];

		if (s->value != NULL)
			appendStringInfo(&set, "%s%s = %s", set.len ? ", " : "SET SESSION ",
							 s->name, s->value);
		appendStringInfo(&get, "%s@@SESSION.%s", i ? ", " : "SELECT ", s->name);
	}
	my_query(conn, "SET NAMES utf8mb4", 0);
	/* and it may not end while we are busy at the destination */
	appendStringInfoString(&set, ", net_write_timeout = 28800, "
						   "net_read_timeout = 28800, wait_timeout = 28800");
	my_query(conn, set.data, 0);
	if (my_is_mariadb(conn))
		my_query(conn, "SET SESSION max_statement_time = 0", 0);
	else if (my_version_num(conn) >= 50708)
		my_query(conn, "SET SESSION max_execution_time = 0", 0);

	res = my_query(conn, get.data, lengthof(settings));
	for (int i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];
		char	   *shown = my_nrows(res) == 1 ? my_get_text_or_null(res, 0, i) : NULL;

		if (shown == NULL || strcmp(shown, s->shown) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("%s does not let a session set %s", conn_where(conn), s->name),
					 errdetail("It is \"%s\" after it was set to \"%s\"; values would not arrive as they are.",
							   shown ? shown : "NULL", s->shown),
					 errhint("Connect to the server itself if a proxy stands before it.")));
	}
}

/* A grantee is 'user'@'host'; a user may have @ in its name. */
bool
my_writes_read_only(MyConn *conn)
{
	return my_query_int64(conn, "SELECT COUNT(*) FROM information_schema.user_privileges "
						  "WHERE REPLACE(privilege_type, '_', ' ') IN ('SUPER', 'CONNECTION ADMIN', 'READ ONLY ADMIN') "
						  "AND grantee = CONCAT(x'27', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - "
						  "CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1), x'274027', "
						  "SUBSTRING_INDEX(CURRENT_USER(), '@', -1), x'27')") > 0;
}
