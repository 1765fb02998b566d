/*-------------------------------------------------------------------------
 *
 * plan_convert.c
 *	  What a change of type makes of values.
 *
 * The source converts its rows when a column gets another type, and logs
 * nothing of it. Where PostgreSQL's cast gives the same values, it is taken;
 * everywhere else the rows have to come from the source once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_types.h"
#include "schema/plan_change_internal.h"

static bool
is_base(const TableColumn *col, const char *base)
{
	return strcmp(col->base_type, base) == 0;
}

static bool
is_number(PgClass cls)
{
	return cls == PGC_INT || cls == PGC_NUMERIC || cls == PGC_FLOAT;
}

/* Between the number types: rounded half away from zero, both here and there. */
static Conversion
convert_number(const TableColumn *from, const TableColumn *to, PgClass f,
			   PgClass t, const char *name, char **using)
{
	/* a year is made of one or two digits in a way of its own */
	if (is_base(to, "year") != is_base(from, "year") && is_base(to, "year"))
		return CONVERT_COPY;
	/* FLOAT(7,3) rounds */
	if (strchr(to->source_type, '(') != NULL && t == PGC_FLOAT)
		return CONVERT_COPY;
	if (f == PGC_FLOAT && t != PGC_FLOAT)
		return CONVERT_COPY;
	*using = psprintf("%s::%s", name, to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_text(const TableColumn *from, const TableColumn *to, const char *name,
			 char **using)
{
	/* what the other character set lacks is lost there */
	if (from->charset != NULL && to->charset != NULL &&
		strcmp(from->charset, to->charset) != 0 &&
		strncmp(to->charset, "utf8mb4", 7) != 0 &&
		strncmp(from->charset, "ascii", 5) != 0)
		return CONVERT_COPY;
	if (is_base(to, "char") && !is_base(from, "char"))
		*using = psprintf("rtrim(%s::text, ' ')::%s", name, to->pg_type);
	else
		*using = psprintf("%s::%s", name, to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_enum(const TableColumn *to, const char *name, char **using)
{
	*using = psprintf("%s::text::%s", name, to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_timestamp(const TableColumn *from, const TableColumn *to,
				  const char *name, char **using)
{
	/* digits that go are rounded by one server and cut by the other */
	if (to->fsp < from->fsp)
		return CONVERT_COPY;
	*using = psprintf("%s::%s", name, to->pg_type);
	return CONVERT_CAST;
}

Conversion
convert_column(const TableColumn *from, const TableColumn *to,
			   const char *name, char **using)
{
	PgClass		f = mysql_column_class(from);
	PgClass		t = mysql_column_class(to);

	if (strcmp(from->pg_type, to->pg_type) == 0)
	{
		/* the same type here may be another one there */
		if (strcmp(from->base_type, to->base_type) == 0)
			return from->length > to->length && to->length > 0 &&
				(is_base(to, "binary") || is_base(to, "varbinary")) ?
				CONVERT_COPY : CONVERT_SAME;
		if (is_base(to, "year") || is_base(to, "binary") || is_base(to, "char") ||
			is_base(from, "binary") || is_base(to, "set") ||
			(f == PGC_TEXT && is_base(to, "enum")) || from->is_json != to->is_json)
			return CONVERT_COPY;
		return CONVERT_SAME;
	}
	if (is_number(f) && is_number(t))
		return convert_number(from, to, f, t, name, using);
	if (f == PGC_TEXT && t == PGC_TEXT)
		return convert_text(from, to, name, using);
	if (f == PGC_ENUM && t == PGC_ENUM)
		return convert_enum(to, name, using);
	if (f == PGC_ENUM && t == PGC_TEXT && !is_base(to, "enum"))
	{
		*using = psprintf("%s::text::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if ((f == PGC_INT || f == PGC_NUMERIC) && t == PGC_TEXT &&
		!is_base(from, "year") &&
		strstr(from->source_type, "zerofill") == NULL)
	{
		*using = psprintf("%s::text::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_SET && t == PGC_TEXT && !is_base(to, "set"))
	{
		*using = psprintf("array_to_string(%s, ',')::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == t && (f == PGC_TIMESTAMP || f == PGC_TIMESTAMPTZ ||
				   f == PGC_TIME || f == PGC_INTERVAL))
		return convert_timestamp(from, to, name, using);
	if (f == PGC_DATE && t == PGC_TIMESTAMP)
	{
		*using = psprintf("%s::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_BOOL && t == PGC_INT)
	{
		*using = psprintf("%s::integer::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_JSON && t == PGC_JSON && from->is_json == to->is_json)
	{
		*using = psprintf("%s::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	return CONVERT_COPY;
}

char *
convert_implicit_default(const TableColumn *col, const PlanOptions *options)
{
	switch (mysql_column_class(col))
	{
		case PGC_INT:
		case PGC_NUMERIC:
		case PGC_FLOAT:
			return "0";
		case PGC_BOOL:
			return "false";
		case PGC_TEXT:
			if (is_base(col, "enum"))
				return quote_literal_cstr(linitial(col->labels));
			return "''";
		case PGC_ENUM:
			return psprintf("%s::%s", quote_literal_cstr(linitial(col->labels)),
							col->pg_type);
		case PGC_SET:
			return "'{}'";
		case PGC_BYTEA:
			if (!is_base(col, "binary"))
				return "'\\x'";
			return psprintf("decode(repeat('00', %d), 'hex')",
							(int) col->length);
		case PGC_BIT:
			return psprintf("0::bit(%d)", (int) Max(col->length, 1));
		case PGC_TIME:
		case PGC_INTERVAL:
			return "'00:00:00'";
		case PGC_DATE:
		case PGC_TIMESTAMP:
		case PGC_TIMESTAMPTZ:
			if (options->policy->zero_date == ZERO_DATE_NULL &&
				col->target_nullable)
				return "NULL";
			if (options->policy->zero_date == ZERO_DATE_LITERAL)
				return quote_literal_cstr(options->policy->zero_date_literal);
			return NULL;
		case PGC_UUID:
			return "'00000000-0000-0000-0000-000000000000'";
		case PGC_INET:
			return is_base(col, "inet6") ? "'::'" : "'0.0.0.0'";
		default:
			return NULL;
	}
}
