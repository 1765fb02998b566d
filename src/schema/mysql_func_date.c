/*-------------------------------------------------------------------------
 *
 * mysql_func_date.c
 *	  Date and time functions in the expression translator.
 *
 * A TIMESTAMP of the source is timestamptz at the destination, and its parts
 * depend on the session's time zone in both: no good for what must be
 * immutable.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

static bool
is_name(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (pg_strcasecmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

#define IS_NAME(name, list) is_name(name, list, lengthof(list))

/* A value that a date function reads a date from. */
static MyVal
date_argument(MyExpr *x, MyVal v)
{
	v = my_temporal(x, v);
	switch (v.cls)
	{
		case PGC_TIMESTAMPTZ:
			if (my_expr_immutable(x))
				my_expr_fail(x, "a TIMESTAMP, whose parts depend on the session's time zone");
			break;
		case PGC_DATE:
		case PGC_TIMESTAMP:
		case PGC_UNKNOWN:
			break;
		default:
			my_expr_fail(x, "a date function of a value that is no date");
	}
	return v;
}

static MyVal
integer_of(char *sql)
{
	return my_val_int(psprintf("(%s)::integer", sql), 4);
}

MyVal
my_extract(MyExpr *x, const char *unit, MyVal v)
{
	static const char *const date_units[] = {"year", "month", "day", "quarter"};
	static const char *const time_units[] = {"hour", "minute", "second",
	"microsecond"};

	if (IS_NAME(unit, time_units))
	{
		if (v.cls != PGC_TIME)
			v = date_argument(x, v);
		if (v.cls == PGC_DATE)
			return my_val_int("0", 4);
		if (pg_strcasecmp(unit, "second") == 0)
			return integer_of(psprintf("floor(extract(second FROM %s))", v.sql));
		if (pg_strcasecmp(unit, "microsecond") == 0)
			return integer_of(psprintf("extract(microseconds FROM %s)::bigint %% 1000000", v.sql));
		return integer_of(psprintf("extract(%s FROM %s)",
								   pg_strcasecmp(unit, "hour") == 0 ? "hour" : "minute",
								   v.sql));
	}
	if (!IS_NAME(unit, date_units))
	{
		my_expr_fail(x, "unit %s", unit);
		return v;
	}
	v = date_argument(x, v);
	for (int i = 0; i < lengthof(date_units); i++)
	{
		if (pg_strcasecmp(unit, date_units[i]) == 0)
			return integer_of(psprintf("extract(%s FROM %s)", date_units[i], v.sql));
	}
	return v;
}

/* date ± n units; n is already translated */
static MyVal
add_interval(MyExpr *x, MyVal date, const char *n, const char *unit,
			 bool subtract)
{
	static const char *const day_units[] = {"day", "week", "month", "year"};
	static const char *const clock_units[] = {"hour", "minute", "second"};
	char	   *sql;
	bool		whole_days = true;
	MyVal		result;

	date = date_argument(x, date);
	if (my_expr_exact(x) && strspn(n, "0123456789") != strlen(n))
		my_expr_fail(x, "an INTERVAL that is no constant");
	if (pg_strcasecmp(unit, "quarter") == 0)
	{
		n = psprintf("(%s * 3)", n);
		unit = "month";
	}
	if (IS_NAME(unit, clock_units))
		whole_days = false;
	else if (!IS_NAME(unit, day_units))
	{
		my_expr_fail(x, "unit %s", unit);
		return date;
	}
	for (int i = 0; i < lengthof(day_units); i++)
	{
		if (pg_strcasecmp(unit, day_units[i]) == 0)
			unit = day_units[i];
	}
	for (int i = 0; i < lengthof(clock_units); i++)
	{
		if (pg_strcasecmp(unit, clock_units[i]) == 0)
			unit = clock_units[i];
	}
	sql = psprintf("(%s %s %s * interval '1 %s')", date.sql,
				   subtract ? "-" : "+", n, unit);
	result = my_val(sql, date.cls);
	result.scale = date.scale;
	if (date.cls == PGC_DATE && !whole_days)
	{
		result.cls = PGC_TIMESTAMP;
		result.scale = 0;
	}
	else if (date.cls == PGC_DATE)
		result.sql = psprintf("(%s)::date", sql);

	/* past the year 9999 the source has NULL */
	if (my_expr_exact(x) && !subtract)
		result.sql = psprintf("(CASE WHEN %s < '10000-01-01' THEN %s END)",
							  result.sql, result.sql);
	return my_expr_bounded(x, result);
}

MyVal
my_interval_arithmetic(MyExpr *x, MyVal date, bool subtract)
{
	MyVal		n = my_expr_parse_value(x);
	char	   *unit = x->token.text;

	/* INTERVAL '1' DAY */
	if (n.is_string && strspn(n.literal, "0123456789") == strlen(n.literal) &&
		n.literal[0] != '\0')
		n = my_val_int(n.literal, 8);
	if (x->token.kind != TOK_WORD)
		my_expr_fail(x, "INTERVAL without a unit");
	my_expr_next(x);
	return add_interval(x, date, my_integer(x, n), unit, subtract);
}

/* %Y-%m-%d of DATE_FORMAT as a format of to_char; NULL: something else */
static char *
date_format(const char *format)
{
	static const struct
	{
		char		letter;
		const char *to_char;
	}			codes[] = {
		{'Y', "YYYY"}, {'y', "YY"}, {'m', "MM"}, {'d', "DD"}, {'H', "HH24"},
		{'i', "MI"}, {'s', "SS"}, {'S', "SS"}, {'f', "US"}, {'c', "FMMM"},
		{'e', "FMDD"}, {'k', "FMHH24"}, {'h', "HH12"}, {'I', "HH12"},
		{'l', "FMHH12"}, {'p', "AM"}, {'j', "DDD"}, {'M', "FMMonth"},
		{'b', "Mon"}, {'W', "FMDay"}, {'a', "Dy"}, {'T', "HH24:MI:SS"},
		{'v', "IW"}, {'x', "IYYY"}
	};
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *p = format; *p != '\0'; p++)
	{
		const char *code = NULL;

		if (*p != '%')
		{
			if (strchr("-/:. ,", *p) != NULL)
				appendStringInfoChar(&buf, *p);
			else if (*p == '"' || *p == '\\')
				return NULL;
			else
			{
				/* words are quoted, so that no letter of them is a code */
				int			n = strcspn(p, "%-/:. ,\"\\");

				appendStringInfo(&buf, "\"%.*s\"", n, p);
				p += n - 1;
			}
			continue;
		}
		p++;
		for (int i = 0; i < lengthof(codes); i++)
		{
			if (codes[i].letter == *p)
				code = codes[i].to_char;
		}
		if (code == NULL)
			return NULL;
		appendStringInfoString(&buf, code);
	}
	return buf.data;
}

/*
 * to_char() is only stable, for names of months may follow a setting. The
 * numbers alone can be put together from immutable functions.
 */
static char *
immutable_format(MyVal v, const char *format)
{
	static const struct
	{
		char		letter;
		const char *field;
		int			width;
	}			codes[] = {
		{'Y', "year", 4}, {'m', "month", 2}, {'d', "day", 2}, {'H', "hour", 2},
		{'i', "minute", 2}, {'s', "second", 2}, {'S', "second", 2}
	};
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '(');
	for (const char *p = format; *p != '\0'; p++)
	{
		bool		found = false;

		if (buf.len > 1)
			appendStringInfoString(&buf, " || ");
		if (*p != '%')
		{
			int			n = strcspn(p, "%");

			appendStringInfoString(&buf, quote_literal_cstr(pnstrdup(p, n)));
			p += n - 1;
			continue;
		}
		p++;
		for (int i = 0; i < lengthof(codes) && *p != '\0'; i++)
		{
			if (codes[i].letter != *p)
				continue;
			found = true;
			appendStringInfo(&buf, "lpad(floor(extract(%s FROM %s))::text, %d, '0')",
							 codes[i].field, v.sql, codes[i].width);
		}
		if (!found)
			return NULL;
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

char *
my_date_text(MyExpr *x, MyVal v, const char *format)
{
	char	   *sql;

	if (v.cls == PGC_DATE)
		v.sql = psprintf("%s::timestamp", v.sql);
	if (my_expr_immutable(x))
	{
		sql = format[0] == '\0' || v.cls == PGC_TIMESTAMPTZ ? NULL :
			immutable_format(v, format);
		if (sql != NULL)
			return sql;
	}
	else
	{
		sql = date_format(format);
		if (sql != NULL)
			return psprintf("to_char(%s, %s)", v.sql, quote_literal_cstr(sql));
	}
	my_expr_fail(x, "a date as text in format %s", format);
	return v.sql;
}

/*
 * NOW(), CURDATE() and so on; the time zone is the session's, as at the source
 */
static bool
clock_function(MyExpr *x, const char *name, MyVal *args, int nargs,
			   MyVal *result)
{
	static const char *const now_names[] = {"now", "current_timestamp",
	"localtime", "localtimestamp", "sysdate"};
	static const char *const today_names[] = {"curdate", "current_date"};
	static const char *const time_names[] = {"curtime", "current_time"};
	int64		fsp = 0;
	char	   *precision = "";

	if (nargs > 1 || (nargs == 1 && !my_is_int_literal(&args[0], &fsp)))
		return false;
	if (nargs == 1 && fsp > 0)
		precision = psprintf("(%d)", (int) fsp);
	if (IS_NAME(name, now_names))
		*result = my_val(psprintf("CURRENT_TIMESTAMP%s", precision), PGC_TIMESTAMPTZ);
	else if (IS_NAME(name, today_names) && nargs == 0)
		*result = my_val("CURRENT_DATE", PGC_DATE);
	else if (IS_NAME(name, time_names))
		*result = my_val(psprintf("LOCALTIME%s", precision), PGC_TIME);
	else if (pg_strcasecmp(name, "utc_timestamp") == 0)
		*result = my_val(psprintf("(CURRENT_TIMESTAMP%s AT TIME ZONE 'UTC')", precision), PGC_TIMESTAMP);
	else if (pg_strcasecmp(name, "utc_date") == 0 && nargs == 0)
		*result = my_val("(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')::date", PGC_DATE);
	else if (pg_strcasecmp(name, "unix_timestamp") == 0 && nargs == 0)
		*result = my_val("floor(extract(epoch FROM CURRENT_TIMESTAMP))::bigint", PGC_INT);
	else
		return false;
	if (x->use != MY_EXPR_DEFAULT && x->use != MY_EXPR_QUERY)
		my_expr_fail(x, "%s, which is not immutable", name);
	return true;
}

static MyVal
timestamp_of(MyExpr *x, MyVal v)
{
	v = date_argument(x, v);
	if (v.cls == PGC_DATE)
	{
		v.sql = psprintf("%s::timestamp", v.sql);
		v.scale = 0;
	}
	return v;
}

/* TIMESTAMPDIFF(unit, a, b): whole units from a to b */
static MyVal
timestamp_diff(MyExpr *x, const char *unit, MyVal a, MyVal b)
{
	static const char *const units[] = {"second", "minute", "hour", "day",
	"week"};
	static const int seconds[] = {1, 60, 3600, 86400, 604800};

	a = timestamp_of(x, a);
	b = timestamp_of(x, b);
	if ((a.cls == PGC_TIMESTAMPTZ) != (b.cls == PGC_TIMESTAMPTZ))
		my_expr_fail(x, "a TIMESTAMP and a value that has no time zone");
	for (int i = 0; i < lengthof(units); i++)
	{
		if (pg_strcasecmp(unit, units[i]) == 0)
			return my_val_int(psprintf("trunc(extract(epoch FROM (%s - %s)) / %d)::bigint",
									   b.sql, a.sql, seconds[i]), 8);
	}
	my_expr_fail(x, "unit %s", unit);
	return a;
}

/* Functions of one date that give an integer: the part, and what is added. */
static const struct
{
	const char *name;
	const char *format;
}			part_functions[] = {
	{"year", "extract(year FROM %s)"},
	{"month", "extract(month FROM %s)"},
	{"day", "extract(day FROM %s)"},
	{"dayofmonth", "extract(day FROM %s)"},
	{"quarter", "extract(quarter FROM %s)"},
	{"dayofyear", "extract(doy FROM %s)"},
	{"dayofweek", "extract(dow FROM %s) + 1"},
	{"weekday", "extract(isodow FROM %s) - 1"},
	{"weekofyear", "extract(week FROM %s)"},
	{"to_days", "%s::date - DATE '0001-01-01' + 366"},
};

static bool
one_date_function(MyExpr *x, const char *name, MyVal arg, MyVal *result)
{
	static const char *const time_names[] = {"hour", "minute", "second",
	"microsecond"};

	for (int i = 0; i < lengthof(part_functions); i++)
	{
		StringInfoData sql;
		const char *format = part_functions[i].format;
		const char *at = strstr(format, "%s");

		if (pg_strcasecmp(name, part_functions[i].name) != 0)
			continue;
		initStringInfo(&sql);
		appendBinaryStringInfo(&sql, format, at - format);
		appendStringInfoString(&sql, date_argument(x, arg).sql);
		appendStringInfoString(&sql, at + 2);
		*result = integer_of(sql.data);
		return true;
	}
	if (IS_NAME(name, time_names))
		*result = my_extract(x, name, arg);
	else if (pg_strcasecmp(name, "date") == 0)
	{
		MyVal		v = date_argument(x, arg);

		*result = my_val(psprintf("(%s)::date", v.sql), PGC_DATE);
	}
	else if (pg_strcasecmp(name, "time") == 0 && arg.cls != PGC_DATE)
	{
		MyVal		v = date_argument(x, arg);

		*result = my_val(psprintf("(%s)::time", v.sql), PGC_TIME);
		result->scale = v.scale;
	}
	else if (pg_strcasecmp(name, "timestamp") == 0)
	{
		MyVal		v = timestamp_of(x, arg);

		*result = my_val(v.sql, PGC_TIMESTAMP);
		result->scale = v.scale;
	}
	else if (pg_strcasecmp(name, "last_day") == 0)
		*result = my_val(psprintf("(date_trunc('month', %s) + interval '1 month - 1 day')::date",
								  timestamp_of(x, arg).sql), PGC_DATE);
	else if (pg_strcasecmp(name, "unix_timestamp") == 0 &&
			 arg.cls == PGC_TIMESTAMPTZ && !my_expr_immutable(x))
		*result = my_val(arg.col != NULL && arg.col->fsp > 0 ?
						 psprintf("extract(epoch FROM %s)", arg.sql) :
						 psprintf("extract(epoch FROM %s)::bigint", arg.sql),
						 arg.col != NULL && arg.col->fsp > 0 ? PGC_NUMERIC : PGC_INT);
	else if (pg_strcasecmp(name, "from_unixtime") == 0 && !my_expr_immutable(x))
		*result = my_val(psprintf("to_timestamp(%s)", my_number(x, arg).sql), PGC_TIMESTAMPTZ);
	else
		return false;
	return true;
}

bool
my_date_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				 MyVal *result)
{
	if (clock_function(x, name, args, nargs, result))
		return true;
	if (nargs == 1)
		return one_date_function(x, name, args[0], result);
	if (nargs == 2 && pg_strcasecmp(name, "datediff") == 0)
	{
		MyVal		a = date_argument(x, args[0]);
		MyVal		b = date_argument(x, args[1]);

		*result = my_val_int(psprintf("((%s)::date - (%s)::date)", a.sql, b.sql), 4);
		return true;
	}
	if (nargs == 2 && (pg_strcasecmp(name, "adddate") == 0 ||
					   pg_strcasecmp(name, "subdate") == 0))
	{
		*result = add_interval(x, args[0], my_integer(x, args[1]), "day",
							   pg_strcasecmp(name, "subdate") == 0);
		return true;
	}
	if (nargs == 2 && pg_strcasecmp(name, "week") == 0)
	{
		int64		mode;

		if (!my_is_int_literal(&args[1], &mode) || mode != 3)
			my_expr_fail(x, "WEEK in a mode other than 3");
		*result = integer_of(psprintf("extract(week FROM %s)",
									  date_argument(x, args[0]).sql));
		return true;
	}
	if (nargs == 2 && pg_strcasecmp(name, "date_format") == 0)
	{
		if (!args[1].is_string)
			my_expr_fail(x, "DATE_FORMAT with a format that is no constant");
		else
			*result = my_val(my_date_text(x, date_argument(x, args[0]),
										  args[1].literal), PGC_TEXT);
		return true;
	}
	if (nargs == 3 && pg_strcasecmp(name, "timestampdiff") == 0)
	{
		*result = timestamp_diff(x, args[0].sql, args[1], args[2]);
		return true;
	}
	return false;
}
