/*-------------------------------------------------------------------------
 *
 * pg_session.c
 *	  What a session at a PostgreSQL source must be like.
 *
 * What a SELECT returns, and how values are written, depends on settings that
 * others have a say in: ALTER SYSTEM, ALTER DATABASE and ALTER ROLE … SET, a
 * login event trigger (since 17), a pooler on the way that knows nothing of
 * the options that a session is opened with. Each setting that changes, cuts
 * or refuses what is read is set here, after all of them, and read back; of a
 * replication connection too, whose changes are written as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_session.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

typedef struct Setting
{
	const char *name;
	const char *value;			/* as it reads when it is set; NULL: the
								 * encoding of this database */
} Setting;

/* Those that a version does not have are left alone. */
static const Setting settings[] = {
	{"client_encoding", NULL},
	/* literals and names in what is asked */
	{"standard_conforming_strings", "on"},
	{"search_path", ""},
	{"transform_null_equals", "off"},
	/* values as text */
	{"DateStyle", "ISO, MDY"},
	{"TimeZone", "UTC"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
	{"array_nulls", "on"},
	/* definitions as text */
	{"quote_all_identifiers", "off"},
	/* rows would be left out without a word */
	{"row_security", "off"},
	{"gin_fuzzy_search_limit", "0"},
	{"zero_damaged_pages", "off"},
	{"ignore_checksum_failure", "off"},
	/* a statement or the session would be ended while we are busy */
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"transaction_timeout", "0"},
	/* each statement sees what has been committed */
	{"default_transaction_isolation", "read committed"},
};

static const char *
value_of(const Setting *s)
{
	return s->value ? s->value : GetDatabaseEncodingName();
}

/* Those that are not as they must be: name, value wanted, value. */
static char *
differing(const char *columns)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM (VALUES ", columns);
	for (int i = 0; i < lengthof(settings); i++)
		appendStringInfo(&sql, "%s(%s, %s)", i ? ", " : "",
						 pg_quote_literal(settings[i].name),
						 pg_quote_literal(value_of(&settings[i])));
	appendStringInfoString(&sql, ") AS v(name, wanted) "
						   "WHERE pg_catalog.current_setting(v.name, true) "
						   "OPERATOR(pg_catalog.<>) v.wanted");
	return sql.data;
}

static PgResult *
read_back(PgConn *conn)
{
	return pg_select(conn, "settings of the session", "ttt",
					 differing("v.name, v.wanted, pg_catalog.current_setting(v.name, true)"));
}

void
pg_prepare_session(PgConn *conn)
{
	ErrorData  *edata;
	PgResult   *r;

	(void) pg_try_run(conn, differing("pg_catalog.set_config(v.name, v.wanted, false)"),
					  &edata);
	r = read_back(conn);
	if (r->nrows == 0)
		return;
	/* one that the account may not set keeps the others from being set */
	for (int i = 0; i < r->nrows; i++)
		(void) pg_try_run(conn, psprintf("SELECT pg_catalog.set_config(%s, %s, false)",
										 pg_quote_literal(pg_text(r, i, 0)),
										 pg_quote_literal(pg_text(r, i, 1))), &edata);
	r = read_back(conn);
	if (r->nrows > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" does not let a session set %s",
						pg_info(conn)->server_name, pg_text(r, 0, 0)),
				 errdetail("It is \"%s\" after it was set to \"%s\"; rows would not arrive as they are.",
						   pg_text(r, 0, 2), pg_text(r, 0, 1)),
				 errhint("As a superuser at the source: ALTER ROLE %s SET %s = %s; and connect to the server itself if a pooler stands before it.",
						 pg_info(conn)->user ? pg_quote_name(pg_info(conn)->user) : "CURRENT_USER",
						 pg_text(r, 0, 0), pg_quote_literal(pg_text(r, 0, 1)))));
}
