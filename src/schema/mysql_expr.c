/*-------------------------------------------------------------------------
 *
 * mysql_expr.c
 *	  The grammar of the expression translator.
 *
 * Operators by precedence, weakest first (MySQL's manual, "Operator
 * Precedence"):
 *
 *		OR ||, XOR, AND &&, NOT, comparison IS LIKE REGEXP IN BETWEEN,
 *		|, &, << >>, - +, * / DIV % MOD, ^, |||, unary - ~, !, BINARY COLLATE
 *
 * ||| is || under PIPES_AS_CONCAT (see ddl_parse.c).
 *
 * Every operation is put in parentheses, so that PostgreSQL's own precedence
 * plays no part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

#define MAX_EXPR_DEPTH 200
#define MAX_BRANCHES 256

static MyVal parse_or(MyExpr *x);
static MyVal parse_unary(MyExpr *x);

void
my_expr_init(MyExpr *x, const char *sql, MyExprUse use)
{
	memset(x, 0, sizeof(MyExpr));
	mysql_lex_init(&x->lexer, sql);
	x->use = use;
	my_expr_next(x);
}

void
my_expr_next(MyExpr *x)
{
	if (x->why != NULL)
	{
		x->token.kind = TOK_END;
		x->token.text = "";
		return;
	}
	x->token = mysql_lex_next(&x->lexer);
	if (x->token.kind == TOK_BAD)
		my_expr_fail(x, "%s", x->token.text);
}

void
my_expr_fail(MyExpr *x, const char *fmt,...)
{
	StringInfoData buf;

	x->token.kind = TOK_END;
	x->token.text = "";
	if (x->why != NULL)
		return;
	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	x->why = buf.data;
}

void
my_expr_note(MyExpr *x, const char *note)
{
	if (x->note.data == NULL)
		initStringInfo(&x->note);
	else if (strstr(x->note.data, note) != NULL)
		return;
	if (x->note.len > 0)
		appendStringInfoString(&x->note, "; ");
	appendStringInfoString(&x->note, note);
}

bool
my_expr_is(MyExpr *x, const char *word)
{
	return mysql_token_is(&x->token, word);
}

bool
my_expr_accept(MyExpr *x, const char *word)
{
	if (!my_expr_is(x, word))
		return false;
	my_expr_next(x);
	return true;
}

void
my_expr_expect(MyExpr *x, const char *word)
{
	if (!my_expr_accept(x, word))
		my_expr_fail(x, "\"%s\" expected near \"%s\"", word,
					 x->lexer.sql + x->token.start);
}

static MyVal
parse_number(MyExpr *x)
{
	char	   *text = x->token.text;
	MyVal		v;
	char	   *point = strchr(text, '.');

	if (strpbrk(text, "eE") != NULL)
		v = my_val(psprintf("%s::double precision", text), PGC_FLOAT);
	else if (point != NULL)
	{
		v = my_val(text, PGC_NUMERIC);
		v.scale = strlen(point + 1);
	}
	else if (strlen(text) > 18)
	{
		v = my_val(text, PGC_NUMERIC);
		v.scale = 0;
	}
	else
		v = my_val_int(text, 8);
	v.literal = text;
	my_expr_next(x);
	return v;
}

static MyVal
parse_string(MyExpr *x)
{
	StringInfoData text;
	const char *charset = x->token.charset;

	if (charset != NULL && strncmp(charset, "utf8", 4) != 0 &&
		strcmp(charset, "ascii") != 0)
	{
		/* the bytes mean the same as long as they are ASCII */
		for (const char *p = x->token.text; *p != '\0'; p++)
		{
			if (IS_HIGHBIT_SET(*p))
			{
				my_expr_fail(x, "a string in character set %s", charset);
				break;
			}
		}
	}
	initStringInfo(&text);
	appendStringInfoString(&text, x->token.text);
	my_expr_next(x);
	/* 'a' 'b' is one string */
	while (x->token.kind == TOK_STRING)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&text, x->token.text);
		my_expr_next(x);
	}
	return my_val_string(text.data);
}

/* 0x… and b'…' are byte strings, and numbers where a number is wanted. */
static MyVal
parse_hex_or_bit(MyExpr *x)
{
	char	   *digits = x->token.text;
	bool		hex = x->token.kind == TOK_HEX;
	MyVal		v;

	if (hex && x->token.charset == NULL)
		v = my_val(psprintf("'\\x%s%s'::bytea", strlen(digits) % 2 ? "0" : "",
							digits), PGC_BYTEA);
	else if (!hex && strlen(digits) < 63)
		v = my_val_int(psprintf("%lld", strtoll(digits, NULL, 2)), 8);
	else
	{
		v = my_val("NULL", PGC_UNKNOWN);
		my_expr_fail(x, "literal %s", digits);
	}
	my_expr_next(x);
	return v;
}

static MyVal
parse_case(MyExpr *x)
{
	MyVal		vals[MAX_BRANCHES];
	char	   *whens[MAX_BRANCHES];
	MyVal		subject = {0};
	bool		has_subject = !my_expr_is(x, "WHEN");
	bool		has_else = false;
	int			n = 0;
	StringInfoData sql;
	MyVal		result;

	if (has_subject)
		subject = parse_or(x);
	while (my_expr_accept(x, "WHEN") && n < MAX_BRANCHES - 1)
	{
		MyVal		when = parse_or(x);

		whens[n] = has_subject ? my_compare(x, subject, "=", when).sql :
			my_condition(x, when);
		my_expr_expect(x, "THEN");
		vals[n++] = parse_or(x);
	}
	if (my_expr_accept(x, "ELSE"))
	{
		has_else = true;
		vals[n++] = parse_or(x);
	}
	my_expr_expect(x, "END");
	result = my_unify(x, vals, n);

	initStringInfo(&sql);
	appendStringInfoString(&sql, "CASE");
	for (int i = 0; i < n - (has_else ? 1 : 0); i++)
		appendStringInfo(&sql, " WHEN %s THEN %s", whens[i], vals[i].sql);
	if (has_else)
		appendStringInfo(&sql, " ELSE %s", vals[n - 1].sql);
	appendStringInfoString(&sql, " END");
	result.sql = psprintf("(%s)", sql.data);
	return result;
}

/* DATE '2020-01-01' and its like */
static MyVal
typed_literal(MyExpr *x)
{
	MyVal		v = my_val_string(x->token.text);
	MyVal		t = my_temporal(x, v);

	if (t.cls != PGC_DATE && t.cls != PGC_TIMESTAMP)
		my_expr_fail(x, "literal %s", v.sql);
	my_expr_next(x);
	return t;
}

static bool
is_niladic(const char *word)
{
	static const char *const words[] = {"current_timestamp", "current_date",
		"current_time", "localtime", "localtimestamp", "utc_timestamp",
	"utc_date", "current_user"};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (pg_strcasecmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static MyVal
parse_name(MyExpr *x)
{
	char	   *word = x->token.text;
	bool		quoted = x->token.kind == TOK_NAME;
	List	   *parts = list_make1(word);

	my_expr_next(x);
	if (!quoted)
	{
		if (my_expr_is(x, "(") || is_niladic(word))
			return my_window(x, my_function(x, word));
		if (x->token.kind == TOK_STRING &&
			(pg_strcasecmp(word, "date") == 0 ||
			 pg_strcasecmp(word, "timestamp") == 0))
			return typed_literal(x);
	}
	while (my_expr_accept(x, "."))
	{
		if (x->token.kind != TOK_NAME && x->token.kind != TOK_WORD)
			my_expr_fail(x, "a name expected after \".\"");
		parts = lappend(parts, x->token.text);
		my_expr_next(x);
	}
	if (my_expr_is(x, "("))
	{
		my_expr_fail(x, "stored function %s", word);
		return my_val("NULL", PGC_UNKNOWN);
	}
	return my_expr_column(x, parts);
}

static MyVal
parse_primary(MyExpr *x)
{
	MyVal		v;

	switch (x->token.kind)
	{
		case TOK_NUMBER:
			return parse_number(x);
		case TOK_STRING:
			return parse_string(x);
		case TOK_HEX:
		case TOK_BIT:
			return parse_hex_or_bit(x);
		case TOK_NAME:
			return parse_name(x);
		case TOK_OP:
			if (!my_expr_accept(x, "("))
				break;
			if (my_expr_is(x, "SELECT"))
			{
				char	   *sql = my_subquery(x, &v);

				my_expr_expect(x, ")");
				v.sql = psprintf("(%s)", sql);
				return v;
			}
			v = parse_or(x);
			if (my_expr_is(x, ","))
				my_expr_fail(x, "a row value");
			my_expr_expect(x, ")");
			return v;
		case TOK_WORD:
			if (my_expr_accept(x, "NULL"))
				return my_val("NULL", PGC_UNKNOWN);
			if (my_expr_accept(x, "TRUE"))
				return my_val("true", PGC_BOOL);
			if (my_expr_accept(x, "FALSE"))
				return my_val("false", PGC_BOOL);
			if (my_expr_accept(x, "CASE"))
				return parse_case(x);
			if (my_expr_accept(x, "EXISTS"))
			{
				my_expr_expect(x, "(");
				v = my_val(psprintf("EXISTS (%s)", my_subquery(x, NULL)), PGC_BOOL);
				my_expr_expect(x, ")");
				return v;
			}
			if (my_expr_is(x, "MATCH"))
			{
				my_expr_fail(x, "%s", x->token.text);
				break;
			}
			if (my_expr_accept(x, "INTERVAL"))
			{
				/* INTERVAL 1 DAY + date */
				my_expr_fail(x, "an interval before its date");
				break;
			}
			return parse_name(x);
		default:
			break;
	}
	my_expr_fail(x, "syntax near \"%s\"", x->lexer.sql + x->token.start);
	return my_val("NULL", PGC_UNKNOWN);
}

/* doc->'$.a' and doc->>'$.a', COLLATE */
static MyVal
parse_postfix(MyExpr *x)
{
	MyVal		v = parse_primary(x);

	for (;;)
	{
		if (my_expr_is(x, "->") || my_expr_is(x, "->>"))
		{
			bool		text = my_expr_is(x, "->>");

			my_expr_next(x);
			my_expr_operator(x);
			v = my_expr_bounded(x, my_json_extract(x, v, parse_primary(x), text));
		}
		else if (my_expr_accept(x, "COLLATE"))
		{
			Size		len = strlen(x->token.text);

			v.ci = !(len > 4 && strcmp(x->token.text + len - 4, "_bin") == 0) &&
				pg_strcasecmp(x->token.text, "binary") != 0;
			my_expr_next(x);
		}
		else
			return v;
	}
}

static MyVal
parse_unary(MyExpr *x)
{
	MyVal		v;

	if (++x->depth > MAX_EXPR_DEPTH)
		my_expr_fail(x, "an expression this deep");
	if (my_expr_accept(x, "-"))
	{
		char	   *literal;

		v = my_number(x, parse_unary(x));
		literal = v.literal;
		v.sql = psprintf("(-%s)", my_widen(v));
		v.width = 8;
		v.literal = literal == NULL ? NULL : psprintf("-%s", literal);
		v.col = NULL;
	}
	else if (my_expr_accept(x, "+"))
		v = parse_unary(x);
	else if (my_expr_accept(x, "!"))
		v = my_val(psprintf("(NOT %s)", my_condition(x, parse_unary(x))), PGC_BOOL);
	else if (my_expr_is(x, "~"))
	{
		my_expr_fail(x, "operator ~, which is of 64 unsigned bits");
		v = my_val("NULL", PGC_UNKNOWN);
	}
	else if (my_expr_accept(x, "BINARY"))
	{
		v = parse_unary(x);
		v.ci = false;
	}
	else
		v = parse_postfix(x);
	x->depth--;
	return v;
}

static MyVal
parse_concat(MyExpr *x)
{
	MyVal		v = parse_unary(x);

	while (my_expr_accept(x, "|||"))
	{
		my_expr_operator(x);
		v = my_concat(x, v, parse_unary(x));
	}
	return v;
}

static MyVal
parse_xor_bits(MyExpr *x)
{
	MyVal		v = parse_concat(x);

	while (my_expr_accept(x, "^"))
		v = my_arithmetic(x, v, "#", parse_concat(x));
	return v;
}

static MyVal
parse_product(MyExpr *x)
{
	MyVal		v = parse_xor_bits(x);

	for (;;)
	{
		if (my_expr_accept(x, "*"))
			v = my_arithmetic(x, v, "*", parse_xor_bits(x));
		else if (my_expr_accept(x, "/"))
			v = my_arithmetic(x, v, "/", parse_xor_bits(x));
		else if (my_expr_accept(x, "DIV"))
			v = my_arithmetic(x, v, "DIV", parse_xor_bits(x));
		else if (my_expr_accept(x, "%") || my_expr_accept(x, "MOD"))
			v = my_arithmetic(x, v, "%", parse_xor_bits(x));
		else
			return v;
	}
}

static MyVal
parse_sum(MyExpr *x)
{
	MyVal		v = parse_product(x);

	while (my_expr_is(x, "+") || my_expr_is(x, "-"))
	{
		bool		minus = my_expr_is(x, "-");

		my_expr_next(x);
		if (my_expr_accept(x, "INTERVAL"))
			v = my_interval_arithmetic(x, v, minus);
		else
			v = my_arithmetic(x, v, minus ? "-" : "+", parse_product(x));
	}
	return v;
}

static MyVal
parse_shift(MyExpr *x)
{
	MyVal		v = parse_sum(x);

	while (my_expr_is(x, "<<") || my_expr_is(x, ">>"))
	{
		bool		left = my_expr_is(x, "<<");
		MyVal		by;
		int64		a;
		int64		b;

		my_expr_next(x);
		by = parse_sum(x);
		if (my_is_int_literal(&v, &a) && my_is_int_literal(&by, &b) && a >= 0 &&
			a < (1 << 20) && b >= 0 && b < 40)
		{
			v = my_val_int(psprintf(INT64_FORMAT, left ? a << b : a >> b), 8);
			v.literal = v.sql;
		}
		else
			my_expr_fail(x, "a shift, which is of 64 unsigned bits");
	}
	return v;
}

static MyVal
parse_bit_and(MyExpr *x)
{
	MyVal		v = parse_shift(x);

	while (my_expr_accept(x, "&"))
		v = my_arithmetic(x, v, "&", parse_shift(x));
	return v;
}

static MyVal
parse_bit_or(MyExpr *x)
{
	MyVal		v = parse_bit_and(x);

	while (my_expr_accept(x, "|"))
		v = my_arithmetic(x, v, "|", parse_bit_and(x));
	return v;
}

MyVal
my_expr_parse_value(MyExpr *x)
{
	return parse_bit_or(x);
}

/* v IN (SELECT …), from SELECT on */
static MyVal
in_subquery(MyExpr *x, MyVal v, bool negated)
{
	MyVal		item;
	char	   *sql = my_subquery(x, &item);
	char	   *as_is = item.sql;

	my_expr_expect(x, ")");
	my_prepare_comparison(x, &v, "=", &item);
	if (item.sql != as_is)
		my_expr_fail(x, "IN with a subquery of another type");
	return my_val(psprintf("(%s %sIN (%s))", v.sql, negated ? "NOT " : "", sql),
				  PGC_BOOL);
}

static MyVal
parse_in(MyExpr *x, MyVal v, bool negated)
{
	StringInfoData sql;
	char	   *left = NULL;

	initStringInfo(&sql);
	my_expr_expect(x, "(");
	if (my_expr_is(x, "SELECT"))
		return in_subquery(x, v, negated);
	do
	{
		MyVal		a = v;
		MyVal		item = parse_or(x);

		CHECK_FOR_INTERRUPTS();
		if (sql.len > MY_EXPR_LENGTH)
			my_expr_fail(x, "an expression that would become so long");
		my_prepare_comparison(x, &a, "=", &item);
		if (left != NULL && strcmp(left, a.sql) != 0)
			my_expr_fail(x, "IN with values of several types");
		appendStringInfo(&sql, "%s%s", left == NULL ? "" : ", ", item.sql);
		left = a.sql;
	} while (my_expr_accept(x, ","));
	my_expr_expect(x, ")");
	return my_val(psprintf("(%s %sIN (%s))", left, negated ? "NOT " : "",
						   sql.data), PGC_BOOL);
}

static MyVal
parse_between(MyExpr *x, MyVal v, bool negated)
{
	MyVal		low = my_expr_parse_value(x);
	MyVal		high;
	char	   *sql;

	my_expr_expect(x, "AND");
	high = my_expr_parse_value(x);
	sql = psprintf("(%s AND %s)", my_compare(x, v, ">=", low).sql,
				   my_compare(x, v, "<=", high).sql);
	return my_expr_bounded(x, my_val(negated ? psprintf("(NOT %s)", sql) : sql, PGC_BOOL));
}

static MyVal
parse_is(MyExpr *x, MyVal v)
{
	bool		negated = my_expr_accept(x, "NOT");
	const char *not_word = negated ? "NOT " : "";

	if (my_expr_accept(x, "NULL"))
		return my_val(psprintf("(%s IS %sNULL)", v.sql, not_word), PGC_BOOL);
	if (my_expr_accept(x, "TRUE"))
		return my_val(psprintf("(%s IS %sTRUE)", my_condition(x, v), not_word), PGC_BOOL);
	if (my_expr_accept(x, "FALSE"))
		return my_val(psprintf("(%s IS %sFALSE)", my_condition(x, v), not_word), PGC_BOOL);
	if (my_expr_accept(x, "UNKNOWN"))
		return my_val(psprintf("(%s IS %sNULL)", my_condition(x, v), not_word), PGC_BOOL);
	my_expr_fail(x, "IS with \"%s\"", x->token.text);
	return v;
}

static MyVal
parse_like(MyExpr *x, MyVal v, bool negated, bool regexp)
{
	MyVal		pattern = my_expr_parse_value(x);

	if (!regexp && my_expr_accept(x, "ESCAPE"))
	{
		if (x->token.kind != TOK_STRING || strcmp(x->token.text, "\\") != 0)
			my_expr_fail(x, "LIKE with an ESCAPE of its own");
		my_expr_next(x);
	}
	return my_like(x, v, pattern, negated, regexp);
}

static MyVal
parse_comparison(MyExpr *x)
{
	static const char *const operators[] = {"=", "<=>", "<>", "!=", "<=", ">=",
	"<", ">"};
	MyVal		v = parse_bit_or(x);

	for (int n = 0;; n++)
	{
		bool		negated;
		const char *op = NULL;

		/* each takes the one before into itself */
		if (n > 0)
			v = my_expr_bounded(x, v);
		if (n > 1)
			my_expr_operator(x);

		for (int i = 0; i < lengthof(operators); i++)
		{
			if (my_expr_is(x, operators[i]))
				op = operators[i];
		}
		if (op != NULL)
		{
			my_expr_next(x);
			v = my_compare(x, v, op, parse_bit_or(x));
			continue;
		}
		if (my_expr_accept(x, "IS"))
		{
			v = parse_is(x, v);
			continue;
		}
		negated = my_expr_accept(x, "NOT");
		if (my_expr_accept(x, "IN"))
			v = parse_in(x, v, negated);
		else if (my_expr_accept(x, "BETWEEN"))
			v = parse_between(x, v, negated);
		else if (my_expr_accept(x, "LIKE"))
			v = parse_like(x, v, negated, false);
		else if (my_expr_accept(x, "REGEXP") || my_expr_accept(x, "RLIKE"))
			v = parse_like(x, v, negated, true);
		else
		{
			if (negated)
				my_expr_fail(x, "NOT before \"%s\"", x->token.text);
			return v;
		}
	}
}

static MyVal
parse_not(MyExpr *x)
{
	if (my_expr_accept(x, "NOT"))
	{
		MyVal		v;

		if (++x->depth > MAX_EXPR_DEPTH)
			my_expr_fail(x, "an expression this deep");
		v = parse_not(x);
		x->depth--;
		return my_val(psprintf("(NOT %s)", my_condition(x, v)), PGC_BOOL);
	}
	return parse_comparison(x);
}

static MyVal
parse_and(MyExpr *x)
{
	MyVal		v = parse_not(x);

	while (my_expr_accept(x, "AND") || my_expr_accept(x, "&&"))
	{
		char	   *left = my_condition(x, v);

		my_expr_operator(x);
		v = my_val(psprintf("(%s AND %s)", left,
							my_condition(x, parse_not(x))), PGC_BOOL);
	}
	return v;
}

static MyVal
parse_xor(MyExpr *x)
{
	MyVal		v = parse_and(x);

	while (my_expr_accept(x, "XOR"))
	{
		char	   *left = my_condition(x, v);

		my_expr_operator(x);
		v = my_val(psprintf("(%s <> %s)", left,
							my_condition(x, parse_and(x))), PGC_BOOL);
	}
	return v;
}

static MyVal
parse_or(MyExpr *x)
{
	MyVal		v;

	check_stack_depth();
	if (++x->depth > MAX_EXPR_DEPTH)
		my_expr_fail(x, "an expression this deep");
	v = parse_xor(x);
	while (my_expr_accept(x, "OR") || my_expr_accept(x, "||"))
	{
		char	   *left = my_condition(x, v);

		my_expr_operator(x);
		v = my_val(psprintf("(%s OR %s)", left,
							my_condition(x, parse_xor(x))), PGC_BOOL);
	}
	x->depth--;
	return my_expr_bounded(x, v);
}

MyVal
my_expr_parse(MyExpr *x)
{
	return parse_or(x);
}
