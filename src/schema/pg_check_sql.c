/*-------------------------------------------------------------------------
 *
 * pg_check_sql.c
 *	  The number of a row in PostgreSQL's SQL (see check_sql.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/pg_check_sql.h"

#include "lib/stringinfo.h"

#define CONCAT_MAX 99

static char *
digest_of(CheckDigest digest, const char *text)
{
	return psprintf(digest == CHECK_HASH32 ?
					"hashtext((%s) COLLATE \"C\")::int8" :
					"hashtextextended((%s) COLLATE \"C\", 0)", text);
}

/*
 * A cast of a type that is not the server's own can be a function of whoever
 * owns the type, and would run as this account: such a value is written by its
 * output function, as COPY does.
 */
char *
pg_check_text(const char *name, bool has_cast)
{
	if (has_cast)
		return psprintf("%s::text", name);
	return psprintf("CASE WHEN %s IS DISTINCT FROM NULL THEN format('%%s', %s) END",
					name, name);
}

static char *
text_of(const PgCheckColumn *column)
{
	return pg_check_text(column->name, column->has_cast);
}

static char *
expression_of(const PgCheckColumn *column, CheckDigest digest)
{
	switch (column->form)
	{
		case CHECK_TEXT_DIGEST:
			return digest_of(digest, text_of(column));
		case CHECK_BYTES_DIGEST:
			return psprintf("md5(%s)", column->name);
		case CHECK_FLOAT_BYTES:
			return psprintf("encode(float8send(%s::float8), 'hex')", column->name);
		default:
			if (column->money)
				return psprintf("('x' || encode(cash_send(%s::money), 'hex'))::bit(64)::int8",
								column->name);
			return pstrdup(column->name);
	}
}

/* A function takes 100 arguments at most; none of these is NULL. */
static char *
concat_all(List *expressions)
{
	List	   *groups = NIL;
	List	   *group = NIL;
	ListCell   *lc;

	if (list_length(expressions) < CONCAT_MAX)
		return check_concat(expressions);
	foreach(lc, expressions)
	{
		group = lappend(group, lfirst(lc));
		if (list_length(group) < CONCAT_MAX - 1 && lnext(expressions, lc) != NULL)
			continue;
		groups = lappend(groups, check_concat(group));
		group = NIL;
	}
	return check_concat(groups);
}

/* Values, lengths of these columns: see check_sql.h. concat(NULL) is ''. */
static char *
row_text(CheckDigest digest, const PgCheckColumn *columns, const int *which, int n)
{
	List	   *values = NIL;
	List	   *lengths = NIL;
	bool		left_out = false;

	for (int i = 0; i < n; i++)
	{
		const PgCheckColumn *column = &columns[which ? which[i] : i];

		if (column->form == CHECK_FETCH)
			continue;
		values = lappend(values, psprintf(column->not_null ? "%s" : "concat(%s)",
										  expression_of(column, digest)));
		if (column->form == CHECK_TEXT && column->not_null && !left_out)
			left_out = true;
		else if (column->form == CHECK_TEXT)
			lengths = lappend(lengths, psprintf("concat(octet_length(%s))",
												text_of(column)));
	}
	return concat_all(list_concat(values, lengths));
}

/* The row's hash as text. */
static char *
record_text(const PgCheckColumn *columns, const int *which, int n)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "hash_record_extended(ROW(");
	for (int i = 0, values = 0; i < n; i++)
	{
		const PgCheckColumn *column = &columns[which ? which[i] : i];

		if (column->form == CHECK_FETCH)
			continue;
		appendStringInfo(&buf, column->form == CHECK_FLOAT_BYTES ? "%sfloat8send(%s::float8)" :
						 column->form == CHECK_INTEGER && column->money ? "%scash_send(%s::money)" :
						 column->form == CHECK_INTEGER ? "%sint8send(%s::int8)" :
						 "%s%s",
						 values++ > 0 ? ", " : "",
						 column->form == CHECK_TEXT ? text_of(column) : column->name);
	}
	appendStringInfoString(&buf, "), 0)::text");
	return buf.data;
}

char *
pg_check_number(CheckDigest digest, const PgCheckColumn *columns, const int *which,
				int n)
{
	return digest_of(digest, digest == CHECK_RECORD ?
					 record_text(columns, which, n) :
					 row_text(digest, columns, which, n));
}
