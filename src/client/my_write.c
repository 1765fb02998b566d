/*-------------------------------------------------------------------------
 *
 * my_write.c
 *	  Sessions at a MySQL-family server that write.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_write.h"

/* So much of a packet is not the statement's. */
#define PACKET_MARGIN 1024

typedef struct Setting
{
	const char *name;
	const char *value;			/* as SQL */
	const char *shown;			/* as it reads then */
} Setting;

static const Setting settings[] = {
	{"unique_checks", "1", "1"},
	{"sql_safe_updates", "0", "0"},
	{"sql_notes", "1", "1"},
	{"completion_type", "0", "NO_CHAIN"},
	{"sql_big_selects", "1", "1"},
	{"innodb_lock_wait_timeout", "60", "60"},
};

/* A value that does not fit is an error; nothing else changes what is written. */
static const char *const modes[] = {
	"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "NO_ZERO_IN_DATE", "NO_ZERO_DATE",
	"ERROR_FOR_DIVISION_BY_ZERO", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION"
};

pg_noreturn static void
refuse_setting(const char *server, const char *name, const char *shown)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("server \"%s\" does not let a session set %s", server, name),
			 errdetail("It is \"%s\" after it was set; values would not be stored as they are.", shown),
			 errhint("Connect to the server itself if a proxy stands before it.")));
}

static void
set_mode(MyConn *conn, const char *server)
{
	StringInfoData words;
	char	   *shown;
	char	   *rest;
	char	   *word;
	int			found = 0;

	initStringInfo(&words);
	for (int i = 0; i < lengthof(modes); i++)
		appendStringInfo(&words, "%s%s", i > 0 ? "," : "", modes[i]);
	my_query(conn, psprintf("SET SESSION sql_mode = '%s'", words.data), 0);
	shown = my_query_text(conn, "SELECT @@SESSION.sql_mode");
	rest = pstrdup(shown);
	while ((word = strsep(&rest, ",")) != NULL)
	{
		bool		known = false;

		for (int i = 0; i < lengthof(modes); i++)
			known |= strcmp(word, modes[i]) == 0;
		if (!known)
			refuse_setting(server, "sql_mode", shown);
		found++;
	}
	if (found != lengthof(modes))
		refuse_setting(server, "sql_mode", shown);
}

static void
set(MyConn *conn, const char *server, const Setting *s)
{
	char	   *shown;

	my_query(conn, psprintf("SET SESSION %s = %s", s->name, s->value), 0);
	shown = my_query_text(conn, psprintf("SELECT @@SESSION.%s", s->name));
	if (strcmp(shown, s->shown) != 0)
		refuse_setting(server, s->name, shown);
}

void
my_write_prepare_session(MyConn *conn, const char *server, bool foreign_keys)
{
	const char *checks = foreign_keys ? "1" : "0";
	const Setting keys = {"foreign_key_checks", checks, checks};

	if (my_use(conn)->strict)
		return;
	set(conn, server, &keys);
	for (int i = 0; i < lengthof(settings); i++)
		set(conn, server, &settings[i]);
	set_mode(conn, server);
	my_use(conn)->strict = true;
}

Size
my_write_max_statement(MyConn *conn)
{
	Size		packet = (Size) my_query_int64(conn, "SELECT @@SESSION.max_allowed_packet");

	return packet > 2 * PACKET_MARGIN ? packet - PACKET_MARGIN : packet / 2;
}

/* What a statement may warn of though it has stored what it was given. */
static bool
is_harmless(int64 code)
{
	return code == 1287 ||		/* something will not exist in later versions */
		code == 1592 ||			/* a log of statements may not repeat it */
		code == 3719;			/* "utf8" means another character set later */
}

void
my_write_check_warnings(MyConn *conn, const char *server, int *warned_row)
{
	MyResult   *r = my_query(conn, "SHOW WARNINGS", 3);

	/* which not every account may set */
	if (my_nrows(r) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("server \"%s\" has warned of a value that it was given, and does not say of which",
						server),
				 errhint("Run at the server: SET GLOBAL max_error_count = 1024; and resume the task, or repeat the statement.")));
	for (int i = 0; i < my_nrows(r); i++)
	{
		char	   *message = my_get_text(r, i, 2);
		char	   *at = strstr(message, " at row ");

		if (is_harmless(my_get_int64(r, i, 1)))
			continue;
		*warned_row = at ? atoi(at + strlen(" at row ")) : 0;
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("server \"%s\" would not store a value as it is: %s",
						server, message),
				 errdetail("It warned of it, with code %s.", my_get_text(r, i, 1))));
	}
}
