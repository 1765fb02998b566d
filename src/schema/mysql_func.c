/*-------------------------------------------------------------------------
 *
 * mysql_func.c
 *	  Functions in the expression translator: the special syntaxes, strings,
 *	  numbers, control flow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

#define MAX_ARGS 64

static bool
is_func(const char *name, const char *a)
{
	return pg_strcasecmp(name, a) == 0;
}

static MyVal
fail_val(MyExpr *x, const char *name)
{
	my_expr_fail(x, "function %s", name);
	return my_val("NULL", PGC_UNKNOWN);
}

/* CASE WHEN any of them is NULL THEN NULL ELSE sql END */
static char *
null_if_any_null(MyVal *args, int nargs, const char *sql)
{
	StringInfoData buf;
	bool		any = false;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "(CASE WHEN ");
	for (int i = 0; i < nargs; i++)
	{
		if (args[i].literal != NULL)
			continue;
		appendStringInfo(&buf, "%s%s IS NULL", any ? " OR " : "", args[i].sql);
		any = true;
	}
	if (!any)
		return pstrdup(sql);
	appendStringInfo(&buf, " THEN NULL ELSE %s END)", sql);
	return buf.data;
}

static char *
join_args(MyVal *args, int nargs)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < nargs; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", args[i].sql);
	return buf.data;
}

/* A length in a type: (n) or (p,s); -1 where none is given */
static void
type_modifier(MyExpr *x, int *a, int *b)
{
	*a = *b = -1;
	if (!my_expr_accept(x, "("))
		return;
	*a = atoi(x->token.text);
	my_expr_next(x);
	if (my_expr_accept(x, ","))
	{
		*b = atoi(x->token.text);
		my_expr_next(x);
	}
	my_expr_expect(x, ")");
}

static MyVal
cast_to_char(MyExpr *x, MyVal v, int length)
{
	char	   *text = my_text(x, v);

	/* CHARSET utf8mb4, CHARACTER SET utf8mb4 */
	if (my_expr_accept(x, "CHARACTER"))
	{
		my_expr_expect(x, "SET");
		my_expr_next(x);
	}
	else if (my_expr_accept(x, "CHARSET"))
		my_expr_next(x);
	v = my_val(length < 0 ? text : psprintf("\"left\"(%s, %d)", text, length),
			   PGC_TEXT);
	v.ci = true;
	return v;
}

static MyVal
cast_to_integer(MyExpr *x, MyVal v)
{
	v = my_number(x, v);
	if (v.cls == PGC_INT)
		return v;
	if (v.cls == PGC_FLOAT)
		my_expr_fail(x, "a float value cast to an integer");
	return my_val_int(psprintf("round(%s)::bigint", v.sql), 8);
}

/* CAST(v AS type), after AS */
static MyVal
cast_value(MyExpr *x, MyVal v)
{
	char	   *type = x->token.text;
	int			a;
	int			b;

	my_expr_next(x);
	type_modifier(x, &a, &b);
	if (is_func(type, "signed") || is_func(type, "unsigned") ||
		is_func(type, "integer") || is_func(type, "int"))
	{
		if (!my_expr_accept(x, "INTEGER"))
			my_expr_accept(x, "INT");
		if (is_func(type, "unsigned") && my_expr_exact(x) && v.col != NULL &&
			!v.col->is_unsigned)
			my_expr_fail(x, "a signed value cast to unsigned");
		return cast_to_integer(x, v);
	}
	if (is_func(type, "char") || is_func(type, "nchar"))
		return cast_to_char(x, v, a);
	if (is_func(type, "decimal"))
	{
		v = my_number(x, v);
		if (v.cls == PGC_FLOAT)
			my_expr_fail(x, "a float value cast to decimal");
		v = my_val(psprintf("%s::numeric(%d,%d)", v.sql, a < 0 ? 10 : a,
							b < 0 ? 0 : b), PGC_NUMERIC);
		v.scale = b < 0 ? 0 : b;
		return v;
	}
	if (is_func(type, "double") || is_func(type, "float"))
	{
		my_expr_accept(x, "PRECISION");
		return my_val(psprintf("%s::double precision", my_number(x, v).sql),
					  PGC_FLOAT);
	}
	if (is_func(type, "date"))
		return my_coerce(x, v, PGC_DATE);
	if (is_func(type, "datetime"))
	{
		v = my_coerce(x, v, PGC_TIMESTAMP);
		a = Max(a, 0);
		if (my_expr_exact(x) && v.cls != PGC_DATE && (v.scale < 0 || v.scale > a))
			my_expr_fail(x, "fractions of a second, which are cut at the source and rounded at the destination");
		v = my_val(psprintf("(%s)::timestamp(%d)", v.sql, a), PGC_TIMESTAMP);
		v.scale = a;
		return v;
	}
	if (is_func(type, "time") &&
		(v.cls == PGC_TIME || v.cls == PGC_TIMESTAMP) && v.scale == 0)
	{
		v = my_val(psprintf("(%s)::time", v.sql), PGC_TIME);
		v.scale = 0;
		return v;
	}
	if (is_func(type, "json") && v.cls == PGC_JSON)
		return v;
	my_expr_fail(x, "a cast to %s", type);
	return v;
}

static MyVal
parse_cast(MyExpr *x, bool convert)
{
	MyVal		v = my_expr_parse(x);

	if (convert && my_expr_accept(x, "USING"))
	{
		my_expr_next(x);
		v.sql = my_text(x, v);
		v.cls = PGC_TEXT;
	}
	else
	{
		my_expr_expect(x, convert ? "," : "AS");
		v = cast_value(x, v);
	}
	my_expr_expect(x, ")");
	return v;
}

/* TRIM([LEADING|TRAILING|BOTH] [what] FROM s) */
static MyVal
parse_trim(MyExpr *x)
{
	const char *function = "btrim";
	char	   *what = NULL;
	MyVal		v = {0};
	MyVal		result;

	if (my_expr_accept(x, "LEADING"))
		function = "ltrim";
	else if (my_expr_accept(x, "TRAILING"))
		function = "rtrim";
	else
		my_expr_accept(x, "BOTH");
	if (!my_expr_is(x, "FROM"))
		v = my_expr_parse(x);
	if (my_expr_accept(x, "FROM"))
	{
		MyVal		removed = v;

		v = my_expr_parse(x);
		if (removed.sql != NULL)
		{
			/* MySQL removes a string, PostgreSQL a set of characters */
			if (!removed.is_string || strlen(removed.literal) != 1)
				my_expr_fail(x, "TRIM of more than one character");
			what = removed.sql;
		}
	}
	my_expr_expect(x, ")");
	result = my_val(what == NULL ?
					psprintf("%s(%s, ' ')", function, my_text(x, v)) :
					psprintf("%s(%s, %s)", function, my_text(x, v), what),
					PGC_TEXT);
	result.ci = v.ci;
	return result;
}

/* A length of SUBSTRING: none is negative, and NULL stays NULL. */
static char *
substring_length(MyExpr *x, MyVal *n)
{
	int64		length;
	char	   *sql;

	if (my_is_int_literal(n, &length))
		return psprintf(INT64_FORMAT, Min(Max(length, 0), PG_INT32_MAX));
	sql = my_integer(x, *n);
	return psprintf("CASE WHEN %s > 0 THEN least(%s, 2147483647)::integer WHEN %s <= 0 THEN 0 END",
					sql, sql, sql);
}

/*
 * SUBSTRING(s, from [, n]): counting from 1, or back from the end (-1 is the
 * last character); from 0, and from before the beginning, it is ''.
 */
static MyVal
substring(MyExpr *x, MyVal s, MyVal from, MyVal *n)
{
	char	   *text = my_text(x, s);
	char	   *length = n == NULL ? "" :
		psprintf(", %s", substring_length(x, n));
	int64		start;
	MyVal		v;

	if (my_is_int_literal(&from, &start) && start > 0 && start <= PG_INT32_MAX)
		v = my_val(psprintf("substr(%s, " INT64_FORMAT "%s)", text, start, length),
				   PGC_TEXT);
	else if (my_is_int_literal(&from, &start) && start < 0 && start > -PG_INT32_MAX)
		v = my_val(psprintf("(CASE WHEN char_length(%s) >= " INT64_FORMAT " THEN %s ELSE \"left\"(%s, 0) END)",
							text, -start,
							n == NULL ? psprintf("\"right\"(%s, " INT64_FORMAT ")", text, -start) :
							psprintf("substr(\"right\"(%s, " INT64_FORMAT "), 1%s)", text, -start, length),
							n == NULL ? text : psprintf("substr(%s, 1%s)", text, length)),
				   PGC_TEXT);
	else
	{
		char	   *place = my_integer(x, from);

		my_expr_operator(x);
		v = my_val(psprintf("(CASE WHEN %s > 0 THEN substr(%s, least(%s, 2147483647)::integer%s) "
							"WHEN %s < 0 AND %s >= -char_length(%s) "
							"THEN substr(%s, (char_length(%s) + %s + 1)::integer%s) "
							"WHEN %s <= 0 THEN \"left\"(substr(%s, 1%s), 0) END)",
							place, text, place, length, place, place, text,
							text, text, place, length, place, text, length),
				   PGC_TEXT);
	}
	v.ci = s.ci;
	return v;
}

/* SUBSTRING(s FROM a FOR n) and with commas, after the parenthesis */
static MyVal
parse_substring(MyExpr *x)
{
	MyVal		s = my_expr_parse(x);
	MyVal		from;
	MyVal		n;
	MyVal		v;

	if (!my_expr_accept(x, "FROM"))
		my_expr_expect(x, ",");
	from = my_expr_parse(x);
	if (my_expr_accept(x, "FOR") || my_expr_accept(x, ","))
	{
		n = my_expr_parse(x);
		v = substring(x, s, from, &n);
	}
	else
		v = substring(x, s, from, NULL);
	my_expr_expect(x, ")");
	return v;
}

static MyVal
parse_extract(MyExpr *x)
{
	char	   *unit = x->token.text;
	MyVal		v;

	my_expr_next(x);
	my_expr_expect(x, "FROM");
	v = my_extract(x, unit, my_expr_parse(x));
	my_expr_expect(x, ")");
	return v;
}

static MyVal
concat(MyExpr *x, MyVal *args, int nargs)
{
	StringInfoData buf;
	MyVal		v;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '(');
	for (int i = 0; i < nargs; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? " || " : "", my_text(x, args[i]));
	appendStringInfoChar(&buf, ')');
	v = my_val(buf.data, PGC_TEXT);
	for (int i = 0; i < nargs; i++)
		v.ci = v.ci || args[i].ci;
	return v;
}

MyVal
my_concat(MyExpr *x, MyVal a, MyVal b)
{
	MyVal		args[] = {a, b};

	return my_expr_bounded(x, concat(x, args, 2));
}

/* concat_ws() is only stable in PostgreSQL, so it is spelled out. */
static MyVal
concat_ws(MyExpr *x, MyVal *args, int nargs)
{
	StringInfoData buf;
	char	   *separator = my_text(x, args[0]);
	MyVal		v;

	if (!args[0].is_string)
		my_expr_fail(x, "CONCAT_WS with a separator that is no constant");
	initStringInfo(&buf);
	appendStringInfoString(&buf, "substr(");
	for (int i = 1; i < nargs; i++)
		appendStringInfo(&buf, "%scoalesce(%s || %s, '')", i > 1 ? " || " : "",
						 separator, my_text(x, args[i]));
	appendStringInfo(&buf, ", char_length(%s) + 1)", separator);
	v = my_val(buf.data, PGC_TEXT);
	for (int i = 1; i < nargs; i++)
		v.ci = v.ci || args[i].ci;
	return v;
}

/*
 * lower() or upper() of a column whose character set has a table of its own: of
 * latin1 not all letters have a counterpart in it. NULL: it is Unicode's.
 */
static char *
own_case(MyExpr *x, const MyVal *v, bool lower)
{
	StringInfoData from;
	StringInfoData to;
	const char *charset = v->col ? v->col->charset : NULL;

	if (charset == NULL || strncmp(charset, "utf", 3) == 0 || !my_expr_exact(x))
		return NULL;
	if (strcmp(charset, "latin1") != 0 || GetDatabaseEncoding() != PG_UTF8)
	{
		if (strcmp(charset, "ascii") != 0)
			my_expr_fail(x, "upper and lower case of character set %s", charset);
		return NULL;
	}
	initStringInfo(&from);
	initStringInfo(&to);
	for (int c = 'A'; c <= 0xde; c++)
	{
		if (c == 'Z' + 1)
			c = 0xc0;
		if (c == 0xd7)
			continue;
		appendStringInfo(&from, c < 0x80 ? "%c" : "\xc3%c", c < 0x80 ? c : c - 0x40);
		appendStringInfo(&to, c < 0x80 ? "%c" : "\xc3%c", c < 0x80 ? c + 0x20 : c - 0x20);
	}
	return psprintf("translate(%s, '%s', '%s')", v->sql, lower ? from.data : to.data,
					lower ? to.data : from.data);
}

/* Functions of strings whose result is a string. */
static bool
string_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				MyVal *result)
{
	static const struct
	{
		const char *name;
		int			nargs;
		const char *pg;
	}			same[] = {
		{"lower", 1, "lower"}, {"lcase", 1, "lower"}, {"upper", 1, "upper"},
		{"ucase", 1, "upper"}, {"reverse", 1, "reverse"},
		{"replace", 3, "replace"},
	};
	int64		n;

	for (int i = 0; i < lengthof(same); i++)
	{
		if (!is_func(name, same[i].name) || nargs != same[i].nargs)
			continue;
		for (int a = 0; a < nargs; a++)
			args[a].sql = my_text(x, args[a]);
		*result = my_val(psprintf("%s(%s)", same[i].pg, join_args(args, nargs)),
						 PGC_TEXT);
		if (i < 4)
		{
			char	   *own = own_case(x, &args[0], i < 2);

			if (own != NULL)
			{
				result->sql = own;
				result->ci = args[0].ci;
				return true;
			}
		}
		if (i < 4 && my_expr_immutable(x))
			my_expr_note(x, "which letters lower() and upper() know depends on this database's locale");
		result->ci = args[0].ci;
		return true;
	}
	if (is_func(name, "concat") && nargs > 0)
		*result = concat(x, args, nargs);
	else if (is_func(name, "concat_ws") && nargs > 1)
		*result = concat_ws(x, args, nargs);
	else if ((is_func(name, "left") || is_func(name, "right")) && nargs == 2 &&
			 my_is_int_literal(&args[1], &n) && n >= 0)
		*result = my_val(psprintf("\"%s\"(%s, " INT64_FORMAT ")",
								  is_func(name, "left") ? "left" : "right",
								  my_text(x, args[0]), n), PGC_TEXT);
	else if ((is_func(name, "substr") || is_func(name, "mid")) && nargs >= 2 &&
			 nargs <= 3)
		*result = substring(x, args[0], args[1], nargs == 3 ? &args[2] : NULL);
	else if ((is_func(name, "ltrim") || is_func(name, "rtrim")) && nargs == 1)
		*result = my_val(psprintf("%s(%s, ' ')",
								  is_func(name, "ltrim") ? "ltrim" : "rtrim",
								  my_text(x, args[0])), PGC_TEXT);
	else if ((is_func(name, "lpad") || is_func(name, "rpad")) && nargs == 3 &&
			 my_is_int_literal(&args[1], &n) && n >= 0 &&
			 args[2].is_string && args[2].literal[0] != '\0')
		*result = my_val(psprintf("%s(%s, " INT64_FORMAT ", %s)",
								  is_func(name, "lpad") ? "lpad" : "rpad",
								  my_text(x, args[0]), n, args[2].sql), PGC_TEXT);
	else if (is_func(name, "repeat") && nargs == 2 &&
			 my_is_int_literal(&args[1], &n))
		*result = my_val(psprintf("repeat(%s, " INT64_FORMAT ")",
								  my_text(x, args[0]), n), PGC_TEXT);
	else if (is_func(name, "md5") && nargs == 1 &&
			 (args[0].cls == PGC_BYTEA || args[0].literal != NULL ||
			  args[0].col == NULL || args[0].col->charset == NULL ||
			  strncmp(args[0].col->charset, "utf8", 4) == 0))
		*result = my_val(psprintf("md5(%s)", args[0].cls == PGC_BYTEA ?
								  args[0].sql : my_text(x, args[0])), PGC_TEXT);
	else if (is_func(name, "hex") && nargs == 1 && args[0].cls == PGC_BYTEA)
		*result = my_val(psprintf("upper(encode(%s, 'hex'))", args[0].sql), PGC_TEXT);
	else if (is_func(name, "sha2") && nargs == 2 && args[0].cls == PGC_BYTEA &&
			 my_is_int_literal(&args[1], &n) && (n == 256 || n == 512))
		*result = my_val(psprintf("encode(sha%d(%s), 'hex')", (int) n, args[0].sql), PGC_TEXT);
	else if (is_func(name, "unhex") && nargs == 1 && args[0].is_string &&
			 strspn(args[0].literal, "0123456789abcdefABCDEF") == strlen(args[0].literal))
		*result = my_val(psprintf("'\\x%s'::bytea", args[0].literal), PGC_BYTEA);
	else
		return false;
	if (nargs > 0 && result->cls == PGC_TEXT && args[0].ci)
		result->ci = true;
	return true;
}

/* Functions of strings whose result is a number. */
static bool
measure_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				 MyVal *result)
{
	if (nargs == 1 && (is_func(name, "length") || is_func(name, "octet_length")))
	{
		/* bytes of another character set are not these */
		if (args[0].cls != PGC_BYTEA && args[0].col != NULL &&
			args[0].col->charset != NULL &&
			strncmp(args[0].col->charset, "utf8", 4) != 0 && my_expr_exact(x))
			my_expr_fail(x, "the length in bytes of %s text", args[0].col->charset);
		*result = my_val_int(psprintf("octet_length(%s)", args[0].cls == PGC_BYTEA ?
									  args[0].sql : my_text(x, args[0])), 4);
	}
	else if (nargs == 1 && (is_func(name, "char_length") ||
							is_func(name, "character_length")))
		*result = my_val_int(args[0].cls == PGC_BYTEA ?
							 psprintf("octet_length(%s)", args[0].sql) :
							 psprintf("char_length(%s)", my_text(x, args[0])), 4);
	else if (nargs == 1 && is_func(name, "bit_length"))
		*result = my_val_int(psprintf("bit_length(%s)", args[0].cls == PGC_BYTEA ?
									  args[0].sql : my_text(x, args[0])), 4);
	else if (nargs == 2 && (is_func(name, "locate") || is_func(name, "instr")))
	{
		bool		locate = is_func(name, "locate");

		if ((args[0].ci || args[1].ci) && my_expr_exact(x))
			my_expr_fail(x, "a search in text without regard to case");
		*result = my_val_int(psprintf("strpos(%s, %s)",
									  my_text(x, args[locate ? 1 : 0]),
									  my_text(x, args[locate ? 0 : 1])), 4);
	}
	else if (nargs == 2 && is_func(name, "find_in_set") &&
			 args[1].cls == PGC_SET && args[0].is_string)
		*result = my_val_int(psprintf("coalesce(array_position(%s, %s), 0)",
									  args[1].sql, args[0].sql), 4);
	else
		return false;
	if (is_func(name, "find_in_set") && my_expr_exact(x))
		my_expr_fail(x, "the place of a member in a set");
	return true;
}

static bool
number_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				MyVal *result)
{
	static const char *const known[] = {"abs", "sign", "floor", "ceil",
		"ceiling", "round", "truncate", "pow", "power", "sqrt", "mod",
	"greatest", "least"};
	bool		found = false;
	int64		digits = 0;
	MyVal	   *a = &args[0];

	for (int i = 0; i < lengthof(known); i++)
		found = found || is_func(name, known[i]);
	if (!found || nargs == 0)
		return false;
	if (is_func(name, "greatest") || is_func(name, "least"))
	{
		*result = my_unify(x, args, nargs);
		if (result->cls == PGC_TEXT)
			my_expr_fail(x, "%s of text", name);
		result->sql = null_if_any_null(args, nargs,
									   psprintf("%s(%s)", is_func(name, "least") ?
												"least" : "greatest",
												join_args(args, nargs)));
		return true;
	}
	for (int i = 0; i < nargs; i++)
		args[i] = my_number(x, args[i]);
	if (nargs == 2 && is_func(name, "mod"))
		*result = my_arithmetic(x, *a, "%", args[1]);
	else if (nargs == 2 && (is_func(name, "pow") || is_func(name, "power")))
		*result = my_val(psprintf("power(%s::double precision, %s::double precision)",
								  a->sql, args[1].sql), PGC_FLOAT);
	else if (nargs == 1 && is_func(name, "sqrt"))
		*result = my_val(psprintf("(CASE WHEN %s >= 0 THEN sqrt(%s::double precision) END)",
								  a->sql, a->sql), PGC_FLOAT);
	else if (nargs == 1 && is_func(name, "sign"))
		*result = my_val_int(psprintf("sign(%s)::integer", a->sql), 4);
	else if (nargs == 1 && is_func(name, "abs"))
	{
		*result = *a;
		result->col = NULL;
		result->sql = psprintf("abs(%s)", my_widen(*a));
		result->width = 8;
	}
	else if (nargs == 1 && (is_func(name, "floor") || is_func(name, "ceil") ||
							is_func(name, "ceiling")))
	{
		if (a->cls == PGC_INT)
		{
			*result = *a;
			return true;
		}
		*result = my_val(psprintf("%s(%s)", is_func(name, "floor") ? "floor" : "ceil",
								  a->sql), a->cls);
		result->scale = 0;
	}
	else if (is_func(name, "round") || is_func(name, "truncate"))
	{
		const char *pg = is_func(name, "round") ? "round" : "trunc";

		if (nargs > 2 || (nargs == 2 && !my_is_int_literal(&args[1], &digits)))
			return false;
		if (a->cls == PGC_FLOAT && (digits != 0 || my_expr_exact(x)))
			my_expr_fail(x, "%s of a float value", name);
		*result = my_val(psprintf("%s(%s%s, " INT64_FORMAT ")", pg, a->sql,
								  a->cls == PGC_INT || a->cls == PGC_UNKNOWN ?
								  "::numeric" : "", digits), PGC_NUMERIC);
		if (a->cls == PGC_FLOAT)
			*result = my_val(psprintf("%s(%s)", pg, a->sql), PGC_FLOAT);
		else
			result->scale = Max((int) digits, 0);
	}
	else
		return false;
	return true;
}

static bool
control_function(MyExpr *x, const char *name, MyVal *args, int nargs,
				 MyVal *result)
{
	if (is_func(name, "if") && nargs == 3)
	{
		char	   *condition = my_condition(x, args[0]);

		*result = my_unify(x, args + 1, 2);
		result->sql = psprintf("(CASE WHEN %s THEN %s ELSE %s END)", condition,
							   args[1].sql, args[2].sql);
	}
	else if (nargs >= 1 && (is_func(name, "coalesce") ||
							((is_func(name, "ifnull") || is_func(name, "nvl")) &&
							 nargs == 2)))
	{
		*result = my_unify(x, args, nargs);
		result->sql = psprintf("COALESCE(%s)", join_args(args, nargs));
	}
	else if (is_func(name, "nullif") && nargs == 2)
	{
		MyVal		first = args[0];

		my_prepare_comparison(x, &args[0], "=", &args[1]);
		*result = first;
		result->col = NULL;
		result->literal = NULL;
		if (strcmp(first.sql, args[0].sql) == 0)
			result->sql = psprintf("NULLIF(%s, %s)", args[0].sql, args[1].sql);
		else
			result->sql = psprintf("(CASE WHEN %s = %s THEN NULL ELSE %s END)",
								   args[0].sql, args[1].sql, first.sql);
	}
	else if (is_func(name, "nvl2") && nargs == 3)
	{
		char	   *tested = args[0].sql;

		*result = my_unify(x, args + 1, 2);
		result->sql = psprintf("(CASE WHEN %s IS NOT NULL THEN %s ELSE %s END)",
							   tested, args[1].sql, args[2].sql);
	}
	else if (is_func(name, "isnull") && nargs == 1)
		*result = my_val(psprintf("(%s IS NULL)", args[0].sql), PGC_BOOL);
	else
		return false;
	return true;
}

static bool
volatile_function(MyExpr *x, const char *name, int nargs, MyVal *result)
{
	if (x->use != MY_EXPR_DEFAULT && x->use != MY_EXPR_QUERY)
		return false;
	if (is_func(name, "uuid") && nargs == 0)
	{
		*result = my_val("gen_random_uuid()", PGC_UUID);
		my_expr_note(x, "UUID() gives random (version 4) values at the destination");
	}
	else if (is_func(name, "uuid_v4") && nargs == 0)
		*result = my_val("gen_random_uuid()", PGC_UUID);
	else if (x->query != NULL && nargs == 0 &&
			 (is_func(name, "row_number") || is_func(name, "rank") ||
			  is_func(name, "dense_rank")))
		*result = my_val_int(psprintf("%s()", pg_strcasecmp(name, "rank") == 0 ? "rank" :
									  pg_strcasecmp(name, "dense_rank") == 0 ?
									  "dense_rank" : "row_number"), 8);
	else if (is_func(name, "rand") && nargs == 0)
		*result = my_val("random()", PGC_FLOAT);
	else if (is_func(name, "current_user") && nargs == 0)
		*result = my_val("CURRENT_USER::text", PGC_TEXT);
	else
		return false;
	return true;
}

/* A call; name is read, the parenthesis is next (unless there is none). */
MyVal
my_function(MyExpr *x, const char *name)
{
	MyVal		args[MAX_ARGS];
	MyVal		result;
	int			nargs = 0;

	if (my_expr_accept(x, "("))
	{
		if (is_func(name, "cast") || is_func(name, "convert"))
			return parse_cast(x, is_func(name, "convert"));
		if (is_func(name, "trim"))
			return parse_trim(x);
		if (is_func(name, "extract"))
			return parse_extract(x);
		if (is_func(name, "substring"))
			return parse_substring(x);
		if (my_aggregate(x, name, &result))
			return result;
		if (is_func(name, "timestampdiff"))
		{
			args[nargs++] = my_val(x->token.text, PGC_UNKNOWN);
			my_expr_next(x);
			my_expr_expect(x, ",");
		}
		while (!my_expr_is(x, ")") && nargs < MAX_ARGS && x->why == NULL)
		{
			if (my_expr_accept(x, "INTERVAL"))
			{
				/* DATE_ADD(date, INTERVAL 1 DAY) */
				if (nargs != 1)
					return fail_val(x, name);
				result = my_interval_arithmetic(x, args[0],
												is_func(name, "date_sub") ||
												is_func(name, "subdate"));
				my_expr_expect(x, ")");
				return result;
			}
			args[nargs++] = is_func(name, "position") ?
				my_expr_parse_value(x) : my_expr_parse(x);
			if (!my_expr_accept(x, ",") &&
				!(is_func(name, "position") && my_expr_accept(x, "IN")))
				break;
		}
		my_expr_expect(x, ")");
	}
	if (is_func(name, "position"))
		name = "locate";
	if (x->why != NULL)
		return my_val("NULL", PGC_UNKNOWN);
	if (control_function(x, name, args, nargs, &result) ||
		string_function(x, name, args, nargs, &result) ||
		measure_function(x, name, args, nargs, &result) ||
		number_function(x, name, args, nargs, &result) ||
		my_date_function(x, name, args, nargs, &result) ||
		my_json_function(x, name, args, nargs, &result) ||
		volatile_function(x, name, nargs, &result))
		return result;
	return fail_val(x, name);
}
