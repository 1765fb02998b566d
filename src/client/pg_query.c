/*-------------------------------------------------------------------------
 *
 * pg_query.c
 *	  Queries of a PostgreSQL source in the forms that they are needed in, and
 *	  the quoting of what goes into them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_conn.h"

#include "utils/builtins.h"

PgResult *
pg_select(PgConn *conn, const char *name, const char *shape, const char *sql)
{
	pg_ask(conn, sql);
	return pg_answer(conn, name, shape);
}

static char *format_text(const char *fmt, va_list args_in) pg_attribute_printf(1, 0);

static char *
format_text(const char *fmt, va_list args_in)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_copy(args, args_in);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			return buf.data;
		enlargeStringInfo(&buf, needed);
	}
}

PgResult *
pg_selectf(PgConn *conn, const char *name, const char *shape,
		   const char *fmt,...)
{
	va_list		args;
	char	   *sql;

	va_start(args, fmt);
	sql = format_text(fmt, args);
	va_end(args);
	return pg_select(conn, name, shape, sql);
}

void
pg_runf(PgConn *conn, const char *fmt,...)
{
	va_list		args;
	char	   *sql;

	va_start(args, fmt);
	sql = format_text(fmt, args);
	va_end(args);
	pg_run(conn, sql);
}

int64
pg_write(PgConn *conn, const char *sql)
{
	pg_run(conn, sql);
	return pg_copied(conn);
}

bool
pg_tables_only(PgConn *conn, bool on)
{
	return pg_selectf(conn, "kinds of relations", "t",
					  "SELECT pg_catalog.set_config(name, %s, false) "
					  "FROM pg_catalog.pg_settings WHERE name = 'restrict_nonsystem_relation_kind'",
					  on ? "'view, foreign-table'" : "''")->nrows > 0;
}

char *
pg_before_reading(PgConn *conn, const char *name)
{
	char	   *message = psprintf("%s is not a table", name);

	if (pg_is_tables_only(conn))
		return NULL;
	return psprintf("LOCK TABLE ONLY %s IN ACCESS SHARE MODE; DO %s; ", name,
					pg_quote_literal(psprintf("BEGIN IF (SELECT c.relkind FROM pg_catalog.pg_class c "
											  "WHERE c.oid = %s::pg_catalog.regclass) NOT IN ('r', 'p') THEN "
											  "RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = %s; "
											  "END IF; END", pg_quote_literal(name),
											  pg_quote_literal(message))));
}

char *
pg_select_text(PgConn *conn, const char *name, const char *sql)
{
	return pg_text(pg_select(conn, name, "t", sql), 0, 0);
}

char *
pg_select_text_or_null(PgConn *conn, const char *name, const char *sql)
{
	PgResult   *r = pg_select(conn, name, "T", sql);

	return r->nrows > 0 ? pg_text_or_null(r, 0, 0) : NULL;
}

bool
pg_select_bool(PgConn *conn, const char *name, const char *sql)
{
	PgResult   *r = pg_select(conn, name, "B", sql);

	return r->nrows > 0 && pg_bool(r, 0, 0);
}

/* ---------------------------------------------------------------- quoting */

char *
pg_quote_literal(const char *value)
{
	return quote_literal_cstr(value);
}

/* Always quoted: keywords differ between versions. */
char *
pg_quote_name(const char *name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '"');
	for (; *name; name++)
	{
		if (*name == '"')
			appendStringInfoChar(&buf, '"');
		appendStringInfoChar(&buf, *name);
	}
	appendStringInfoChar(&buf, '"');
	return buf.data;
}

char *
pg_quote_qualified(const char *schema, const char *name)
{
	return psprintf("%s.%s", pg_quote_name(schema), pg_quote_name(name));
}
