/*-------------------------------------------------------------------------
 *
 * pg_capture.c
 *	  The capture of DDL at a PostgreSQL source: what is installed at it for a
 *	  stream, and how it is removed. pg_record.c reads its rows.
 *
 * In schema dtsmig_source a stream has a table of its name, which its
 * publication publishes, functions, and three event triggers. A statement's
 * row lies in the log between the rows that were written before and after it.
 * The row holds the text that the statement stands in (the client's query, or
 * the statement of a function that ran it), the objects that it touched, and
 * the tables among them as they are after it.
 *
 * The hooks also keep the publication: a new table that the task selects is
 * added in the transaction that makes it, so that its first rows are
 * published; and REPLICA IDENTITY FULL is set for one without a key, which
 * could not be updated else, until it has one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "core/ddl_settings.h"
#include "source/pgsql/pg_capture_sql.h"
#include "utils/builtins.h"

#define CAPTURE_SCHEMA PG_CAPTURE_SCHEMA

/* Held by whoever makes or takes away what is in that schema. */
#define CAPTURE_LOCK "pg_catalog.hashtext('" CAPTURE_SCHEMA "')"

typedef struct Hook
{
	const char *event;
	const char *suffix;
	const char *call;			/* the body's statement */
} Hook;

static const Hook hooks[] = {
	{"ddl_command_end", "ddl",
		"IF TG_TAG NOT LIKE 'DROP %' THEN PERFORM " CAPTURE_SCHEMA ".@stream_command@(stack, current_query(), TG_TAG, schemas); END IF;"},
	{"sql_drop", "drop",
		"PERFORM " CAPTURE_SCHEMA ".@stream_dropped@(stack, current_query(), TG_TAG, schemas);"},
	{"table_rewrite", "rewrite",
	"PERFORM " CAPTURE_SCHEMA ".@stream_rewritten@(TG_TAG, current_query());"},
};

/*
 * Statements that are never replicated: what a publication or a connection to
 * elsewhere says, which may hold passwords.
 */
#define IGNORED_TAGS \
	"'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION', " \
	"'CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION', " \
	"'CREATE USER MAPPING', 'ALTER USER MAPPING', 'DROP USER MAPPING', " \
	"'CREATE SERVER', 'ALTER SERVER', 'DROP SERVER', " \
	"'CREATE FOREIGN DATA WRAPPER', 'ALTER FOREIGN DATA WRAPPER', " \
	"'DROP FOREIGN DATA WRAPPER', 'SECURITY LABEL'"

/* Settings that are recorded with a statement, as an array of the source. */
static char *
setting_names(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; ddl_setting_names[i] != NULL; i++)
		appendStringInfo(&buf, "%s%s", i ? ", " : "ARRAY[",
						 pg_quote_literal(ddl_setting_names[i]));
	appendStringInfoString(&buf, "]::text[]");
	return buf.data;
}

/* One @name@ of a template; raises an error for one that is not known. */
static char *
template_value(PgConn *conn, const char *name, bool superuser)
{
	const ConnectionInfo *info = pg_info(conn);
	int			version = pg_version_num(conn);
	Size		stream = strlen("stream_");

	if (strcmp(name, "stream") == 0)
		return pg_quote_name(info->stream_name);
	if (strcmp(name, "stream_literal") == 0 ||
		strcmp(name, "publication_literal") == 0)
		return pg_quote_literal(info->stream_name);
	if (strncmp(name, "stream_", stream) == 0)
		return pg_quote_name(psprintf("%s_%s", info->stream_name, name + stream));
	if (strcmp(name, "rules") == 0)
		return info->stream_objects ? pg_quote_literal(info->stream_objects) :
			pstrdup("'null'");
	if (strcmp(name, "generated") == 0)
		return pstrdup(version >= 120000 ? "a.attgenerated" : "''");
	if (strcmp(name, "missing") == 0)
		return pstrdup(version >= 110000 ?
					   "CASE WHEN a.atthasmissing THEN a.attmissingval::text END" :
					   "NULL::text");
	if (strcmp(name, "nkeys") == 0)
		return pstrdup(version >= 110000 ? "i.indnkeyatts" : "i.indnatts");
	/* since 18 the identity must not hold a column that is not published */
	if (strcmp(name, "publish_generated") == 0)
		return version < 180000 ? pstrdup("") :
			psprintf("IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attgenerated = 's') THEN "
					 "EXECUTE format('ALTER PUBLICATION %%I SET (publish_generated_columns = stored)', %s); END IF;\n      ",
					 pg_quote_literal(info->stream_name));
	if (strcmp(name, "settings") == 0)
		return setting_names();
	if (strcmp(name, "ignored") == 0)
		return pstrdup(IGNORED_TAGS);
	if (strcmp(name, "trouble") == 0)
		return pstrdup(pg_capture_trouble);
	if (strcmp(name, "messages") == 0)
		return pstrdup(superuser ? "SET lc_messages = 'C'" : "");
	elog(ERROR, "capture template has unknown name \"%s\"", name);
	return NULL;
}

/* Puts values for @name@; call and hook, if given, for @call@ and @hook@. */
static void
fill(StringInfo out, PgConn *conn, const char *template, bool superuser,
	 const char *call, const char *hook)
{
	const char *c = template;

	while (*c)
	{
		const char *end;
		char	   *name;

		if (*c != '@')
		{
			appendStringInfoChar(out, *c++);
			continue;
		}
		end = strchr(c + 1, '@');
		name = pnstrdup(c + 1, end - c - 1);
		if (call && strcmp(name, "call") == 0)
			fill(out, conn, call, superuser, NULL, NULL);
		else if (hook && strcmp(name, "hook") == 0)
			appendStringInfoString(out, hook);
		else
			appendStringInfoString(out, template_value(conn, name, superuser));
		c = end + 1;
	}
}

static char *
trigger_name(const char *stream, const Hook *hook)
{
	return pg_quote_name(psprintf("%s_%s", stream, hook->suffix));
}

static char *
hook_name(const char *stream, const Hook *hook)
{
	return pg_quote_name(psprintf("%s_capture_%s", stream, hook->suffix));
}

/*
 * Somebody else may have made the schema, or have got hold of it since: then
 * what it holds is not read, and not run.
 */
char *
pg_capture_is_foreign(PgConn *conn)
{
	return pg_select_text_or_null(conn, "owner of the capture", pg_capture_trouble);
}

static void
refuse_foreign(PgConn *conn)
{
	char	   *why = pg_capture_is_foreign(conn);

	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("schema %s at the source is not the account's own: %s",
						CAPTURE_SCHEMA, why),
				 errdetail("Whoever owns it could run functions with the privileges of whoever runs DDL at the source, and statements at the destination."),
				 errhint("At the source, look at what it holds; then ALTER SCHEMA %s RENAME TO …, or drop it, and release the task.",
						 CAPTURE_SCHEMA)));
}

/* Where replica identities are noted, as one query. */
char *
pg_identity_table_sql(PgConn *conn)
{
	StringInfoData sql;

	refuse_foreign(conn);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SET LOCAL client_min_messages = warning;\n"
						   "SELECT pg_catalog.pg_advisory_xact_lock(" CAPTURE_LOCK ");\n");
	for (int i = 0; i < PG_CAPTURE_IDENTITY_PARTS; i++)
	{
		fill(&sql, conn, pg_capture_parts[i], false, NULL, NULL);
		appendStringInfoString(&sql, ";\n");
	}
	return sql.data;
}

/* All of the installation as one query, and so as one transaction. */
static char *
installation(PgConn *conn, bool superuser)
{
	const char *stream = pg_info(conn)->stream_name;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SET LOCAL client_min_messages = warning;\n"
						   "SELECT pg_catalog.pg_advisory_xact_lock(" CAPTURE_LOCK ");\n");
	for (int i = 0; pg_capture_parts[i] != NULL; i++)
	{
		fill(&sql, conn, pg_capture_parts[i], superuser, NULL, NULL);
		appendStringInfoString(&sql, ";\n");
	}
	for (int i = 0; i < lengthof(hooks); i++)
	{
		char	   *trigger = trigger_name(stream, &hooks[i]);

		fill(&sql, conn, pg_capture_hook, superuser, hooks[i].call,
			 hook_name(stream, &hooks[i]));
		appendStringInfo(&sql, ";\nDROP EVENT TRIGGER IF EXISTS %s;\n"
						 "CREATE EVENT TRIGGER %s ON %s EXECUTE PROCEDURE "
						 CAPTURE_SCHEMA ".%s();\n", trigger, trigger,
						 hooks[i].event, hook_name(stream, &hooks[i]));
	}
	return sql.data;
}

char *
pg_install_capture(PgConn *conn)
{
	ErrorData  *edata = NULL;
	bool		is_superuser = pg_select_bool(conn, "superuser",
											  "SELECT rolsuper FROM pg_catalog.pg_roles "
											  "WHERE rolname = CURRENT_USER");

	refuse_foreign(conn);
	if (pg_try_run(conn, installation(conn, is_superuser), &edata))
		return NULL;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) !=
		ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_PRIVILEGE) &&
		ERRCODE_TO_CATEGORY(edata->sqlerrcode) !=
		ERRCODE_TO_CATEGORY(ERRCODE_READ_ONLY_SQL_TRANSACTION))
		ereport(ERROR,
				/* somebody else makes the schema at this moment: that passes */
				(errcode(edata->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ?
						 ERRCODE_T_R_SERIALIZATION_FAILURE : edata->sqlerrcode),
				 errmsg("the capture of DDL cannot be installed at the source: %s",
						edata->message)));
	return psprintf("DDL of the source is not followed: %s%s%s. A statement that changes the columns of a table of the task will stop it.",
					edata->message, edata->hint ? ". " : "",
					edata->hint ? edata->hint : "");
}

/*
 * The mark that is kept of it: the event triggers, and what made or altered them
 * last; or one of the words of MarkTest.
 */
void
pg_check_capture(PgConn *conn, const StreamCallbacks *callbacks)
{
	const char *stream = pg_info(conn)->stream_name;
	bool		whole;
	bool		none;
	PgResult   *r;

	refuse_foreign(conn);
	r = pg_selectf(conn, "capture of DDL", "it",
				   "SELECT pg_catalog.count(t.oid), COALESCE(pg_catalog.string_agg("
				   "pg_catalog.concat(t.oid, '/', t.xmin), ' ' ORDER BY t.evtname), '') "
				   "FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "LEFT JOIN pg_catalog.pg_event_trigger t ON t.evtname IN (%s, %s, %s) "
				   "AND t.evtenabled IN ('O', 'A') "
				   "WHERE n.nspname = '" CAPTURE_SCHEMA "' AND c.relname = %s "
				   "GROUP BY c.oid",
				   pg_quote_literal(psprintf("%s_ddl", stream)),
				   pg_quote_literal(psprintf("%s_drop", stream)),
				   pg_quote_literal(psprintf("%s_rewrite", stream)),
				   pg_quote_literal(stream));
	none = r->nrows == 0;
	whole = none || pg_bigint(r, 0, 0) == lengthof(hooks);
	if (callbacks->same_mark(callbacks->arg, NULL, none ? MARK_NONE :
							 whole ? pg_text(r, 0, 1) : MARK_PART) && whole)
		return;
	if (!whole)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("the capture of DDL at the source is not whole: event triggers of \"%s\" are gone or disabled",
						stream),
				 errdetail("Statements that were run meanwhile are not known."),
				 errhint("Compare the schemas; then DROP TABLE %s CASCADE at the source lets the task follow rows alone, or release it and start a new one.",
						 pg_quote_qualified(CAPTURE_SCHEMA, stream))));
	if (none)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("the capture of DDL \"%s\" was removed from the source", stream),
				 errdetail("Statements that are run from now on are not known."),
				 errhint("To follow rows alone, resume the task. Else: " SOURCE_NEW_TASK_HINT)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("the capture of DDL \"%s\" at the source was disabled, or made again, for a while",
					stream),
			 errdetail("Statements that were run meanwhile are not known."),
			 errhint("Compare the schemas, for example by dtsmig.verify(task, 'schema'), and resume the task; or release it and start a new one.")));
}

/* Does the schema hold nothing but what belongs to this stream? */
static bool
is_last_stream(PgConn *conn, const char *stream)
{
	PgResult   *r;

	r = pg_selectf(conn, "streams", "i",
				   "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c "
				   "WHERE c.relkind = 'r' AND c.relname NOT IN (%s, %s) "
				   "AND c.relnamespace = (SELECT oid FROM "
				   "pg_catalog.pg_namespace WHERE nspname = '"
				   CAPTURE_SCHEMA "')", pg_quote_literal(stream),
				   pg_quote_literal(psprintf("%s_identity", stream)));
	return pg_bigint(r, 0, 0) == 0;
}

List *
pg_capture_removal(PgConn *conn, char **note)
{
	static const char *const functions[] = {"selected(text, text)",
		"state(oid[])", "write(text, text, text, jsonb)",
		"origin(text, text, name[])", "mind(oid[])",
		"command(text, text, text, name[])",
	"dropped(text, text, text, name[])", "rewritten(text, text)"};
	const char *stream = pg_info(conn)->stream_name;
	List	   *sql = NIL;

	*note = NULL;
	if (pg_select_text_or_null(conn, "schema of the capture",
							   "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '"
							   CAPTURE_SCHEMA "'") == NULL)
		return NIL;
	/* until the connection is closed: another task may be about to come */
	pg_run(conn, "SELECT pg_catalog.pg_advisory_lock(" CAPTURE_LOCK ")");
	for (int i = 0; i < lengthof(hooks); i++)
		sql = lappend(sql, psprintf("DROP EVENT TRIGGER IF EXISTS %s",
									trigger_name(stream, &hooks[i])));
	/* what somebody else has put there is left alone */
	if (pg_capture_is_foreign(conn) != NULL)
		return sql;
	sql = list_concat(sql, pg_identities_back(conn, note));
	if (is_last_stream(conn, stream))
		return lappend(sql, pstrdup("DROP SCHEMA IF EXISTS " CAPTURE_SCHEMA " CASCADE"));
	for (int i = 0; i < lengthof(hooks); i++)
		sql = lappend(sql, psprintf("DROP FUNCTION IF EXISTS " CAPTURE_SCHEMA ".%s()",
									hook_name(stream, &hooks[i])));
	for (int i = 0; i < lengthof(functions); i++)
	{
		const char *args = strchr(functions[i], '(');

		sql = lappend(sql, psprintf("DROP FUNCTION IF EXISTS " CAPTURE_SCHEMA ".%s%s",
									pg_quote_name(psprintf("%s_%.*s", stream,
														   (int) (args - functions[i]),
														   functions[i])), args));
	}
	return lappend(sql, psprintf("DROP TABLE IF EXISTS %s, %s",
								 pg_quote_qualified(CAPTURE_SCHEMA, stream),
								 pg_quote_qualified(CAPTURE_SCHEMA,
													psprintf("%s_identity", stream))));
}

bool
pg_is_capture(const char *schema, const char *table)
{
	return strcmp(schema, CAPTURE_SCHEMA) == 0 && strstr(table, "_identity") == NULL;
}

/* The number of the last statement that was captured; NULL: none, or no capture. */
static char *
last_captured(PgConn *conn)
{
	const char *stream = pg_info(conn)->stream_name;
	PgResult   *r;

	r = pg_selectf(conn, "capture of DDL", "i",
				   "SELECT 1 FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE n.nspname = '" CAPTURE_SCHEMA "' AND c.relname = %s",
				   pg_quote_literal(stream));
	if (r->nrows == 0 || pg_capture_is_foreign(conn) != NULL)
		return NULL;
	return pg_select_text_or_null(conn, "last statement captured",
								  psprintf("SELECT pg_catalog.max(id) FROM %s",
										 pg_quote_qualified(CAPTURE_SCHEMA, stream)));
}

bool
pg_ddl_since_snapshot(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	PgConn	   *fresh;
	char	   *then;
	char	   *now;

	if (pg_info(sql)->stream_name == NULL)
		return false;
	fresh = pg_connect(pg_info(sql), PG_CONN_SQL);
	then = last_captured(sql);
	now = last_captured(fresh);
	pg_close(fresh);
	return now != NULL && (then == NULL || strcmp(then, now) != 0);
}
