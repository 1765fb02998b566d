/*-------------------------------------------------------------------------
 *
 * mysql_value.c
 *	  Values inside the expression translator: their classes, and what the
 *	  source's implicit conversions come to.
 *
 * MySQL converts anything to anything. PostgreSQL does not, and where it does
 * the results may differ; so each conversion is either known to give the same
 * value, or the expression does not translate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

static const char *
class_name(PgClass cls)
{
	static const char *const names[] = {"unknown", "integer", "numeric",
		"float", "boolean", "text", "binary", "date", "datetime", "timestamp",
		"time", "interval", "bit", "json", "enum", "set", "uuid", "inet",
	"geometry", "other"};

	return names[cls];
}

static bool
is_numeric_class(PgClass cls)
{
	return cls == PGC_INT || cls == PGC_NUMERIC || cls == PGC_FLOAT;
}

static bool
is_date_class(PgClass cls)
{
	return cls == PGC_DATE || cls == PGC_TIMESTAMP || cls == PGC_TIMESTAMPTZ;
}

MyVal
my_val(char *sql, PgClass cls)
{
	MyVal		v = {0};

	v.sql = sql;
	v.cls = cls;
	v.scale = -1;
	v.width = 8;
	return v;
}

MyVal
my_val_int(char *sql, int width)
{
	MyVal		v = my_val(sql, PGC_INT);

	v.width = width;
	v.scale = 0;
	return v;
}

MyVal
my_val_string(const char *text)
{
	MyVal		v = my_val(quote_literal_cstr(text), PGC_TEXT);

	v.literal = pstrdup(text);
	v.is_string = true;
	return v;
}

MyVal
my_val_column(const TableColumn *col, char *sql)
{
	MyVal		v = my_val(sql, col == NULL ? PGC_UNKNOWN : mysql_column_class(col));

	if (col == NULL)
		return v;
	v.col = col;
	v.ci = mysql_is_ci(col) && (v.cls == PGC_TEXT || v.cls == PGC_ENUM);
	if (v.cls == PGC_INT)
	{
		v.scale = 0;
		v.width = strcmp(col->pg_type, "bigint") == 0 ? 8 :
			strcmp(col->pg_type, "integer") == 0 ? 4 : 2;
	}
	else if (v.cls == PGC_NUMERIC)
		v.scale = Max(col->scale, 0);
	else if (v.cls == PGC_FLOAT)
		v.width = strcmp(col->pg_type, "real") == 0 ? 4 : 8;
	else if (v.cls == PGC_TIMESTAMP || v.cls == PGC_TIMESTAMPTZ ||
			 v.cls == PGC_TIME)
		v.scale = col->fsp;
	return v;
}

bool
my_is_int_literal(const MyVal *v, int64 *value)
{
	char	   *end;

	if (v->literal == NULL || v->is_string || v->literal[0] == '\0')
		return false;
	errno = 0;
	*value = strtoll(v->literal, &end, 10);
	return *end == '\0' && errno == 0;
}

bool
my_is_small(const MyVal *v)
{
	int64		value;

	return v->small || v->cls == PGC_BOOL ||
		(my_is_int_literal(v, &value) && value >= 0 && value <= 127);
}

/* Does the text read as a plain decimal number? */
static bool
looks_numeric(const char *s)
{
	bool		digits = false;

	if (*s == '-' || *s == '+')
		s++;
	for (; isdigit((unsigned char) *s); s++)
		digits = true;
	if (*s == '.')
	{
		for (s++; isdigit((unsigned char) *s); s++)
			digits = true;
	}
	return digits && *s == '\0';
}

/* As a condition: what MySQL takes as true is a number that is not 0. */
char *
my_condition(MyExpr *x, MyVal v)
{
	int64		value;

	if (v.cls == PGC_BOOL)
		return v.sql;
	if (my_is_int_literal(&v, &value))
		return value != 0 ? "true" : "false";
	if (v.cls == PGC_UNKNOWN)
		return x->def == NULL && x->query == NULL && v.literal == NULL &&
			strcmp(v.sql, "NULL") != 0 ? psprintf("(%s <> 0)", v.sql) :
			psprintf("(%s)::boolean", v.sql);
	if (is_numeric_class(v.cls))
		return psprintf("(%s <> 0)", v.sql);
	if (v.cls == PGC_BIT)
		return psprintf("(%s::bigint <> 0)", v.sql);
	my_expr_fail(x, "a %s value as a condition", class_name(v.cls));
	return v.sql;
}

/* As a number. */
MyVal
my_number(MyExpr *x, MyVal v)
{
	if (is_numeric_class(v.cls) || v.cls == PGC_UNKNOWN)
		return v;
	if (v.cls == PGC_BOOL)
		return my_val_int(psprintf("(%s)::integer", v.sql), 4);
	if (v.cls == PGC_BIT)
	{
		MyVal		n = my_val_int(psprintf("(%s)::bigint", v.sql), 8);

		n.col = v.col;
		return n;
	}
	my_expr_fail(x, "a %s value as a number", class_name(v.cls));
	return v;
}

char *
my_integer(MyExpr *x, MyVal v)
{
	v = my_number(x, v);
	if (v.cls != PGC_INT && v.cls != PGC_UNKNOWN)
		my_expr_fail(x, "a %s value as an integer", class_name(v.cls));
	return v.sql;
}

/* As text. */
char *
my_text(MyExpr *x, MyVal v)
{
	if (v.literal != NULL && !v.is_string)
		return quote_literal_cstr(v.literal);
	switch (v.cls)
	{
		case PGC_TEXT:
			if (v.literal == NULL && v.col != NULL &&
				strstr(v.col->pg_type, "citext") != NULL)
				return psprintf("(%s)::text", v.sql);
			return v.sql;
		case PGC_UNKNOWN:
			return v.sql;
		case PGC_INT:
		case PGC_NUMERIC:
			/* columns that have zeros before the number */
			if (v.col != NULL && strstr(v.col->source_type, "zerofill") != NULL)
				break;
			if (v.col != NULL && strcmp(v.col->base_type, "year") == 0)
				return psprintf("lpad((%s)::text, 4, '0')", v.sql);
			if (v.cls == PGC_NUMERIC && v.scale < 0 && my_expr_exact(x))
				break;
			return psprintf("(%s)::text", v.sql);
		case PGC_BOOL:
			return psprintf("(%s)::integer::text", v.sql);
		case PGC_UUID:
			return psprintf("(%s)::text", v.sql);
		case PGC_ENUM:
			/* its output is only stable: labels can be renamed */
			if (!my_expr_immutable(x))
				return psprintf("(%s)::text", v.sql);
			break;
		case PGC_DATE:
			return my_date_text(x, v, "%Y-%m-%d");
		case PGC_TIMESTAMP:
		case PGC_TIMESTAMPTZ:
			if (v.scale == 0)
				return my_date_text(x, v, "%Y-%m-%d %H:%i:%s");
			break;
		case PGC_SET:
			if (!my_expr_immutable(x))
				return psprintf("array_to_string(%s, ',')", v.sql);
			break;
		case PGC_FLOAT:
		case PGC_JSON:
		case PGC_TIME:
		case PGC_INET:
			if (x->use == MY_EXPR_QUERY)
			{
				my_expr_note(x, psprintf("a %s value is written as text in PostgreSQL's way",
										 class_name(v.cls)));
				return psprintf("(%s)::text", v.sql);
			}
			break;
		default:
			break;
	}
	my_expr_fail(x, "a %s value as text", class_name(v.cls));
	return v.sql;
}

/* A string literal that is a date or timestamp; else v. */
MyVal
my_temporal(MyExpr *x, MyVal v)
{
	int			y,
				mo,
				d,
				h,
				mi;
	int			n = 0;

	if (!v.is_string || v.literal == NULL)
		return v;
	if (sscanf(v.literal, "%4d-%2d-%2d%n", &y, &mo, &d, &n) < 3 || n != 10)
		return v;
	if (mysql_is_zero_date(v.literal))
	{
		my_expr_fail(x, "zero date %s", v.literal);
		return v;
	}
	if (v.literal[n] == '\0')
		return my_val(psprintf("DATE %s", quote_literal_cstr(v.literal)), PGC_DATE);
	if (sscanf(v.literal + n, " %2d:%2d", &h, &mi) == 2 &&
		strspn(v.literal + n, " 0123456789:.") == strlen(v.literal + n))
	{
		char	   *point = strchr(v.literal, '.');

		v = my_val(psprintf("TIMESTAMP %s", quote_literal_cstr(v.literal)),
				   PGC_TIMESTAMP);
		v.scale = point == NULL ? 0 : (int) strlen(point + 1);
	}
	return v;
}

/*
 * Brings a value to the class of the column that takes it, as an assignment
 * would do at the source. Narrowing within a class (length, scale) is left to
 * the assignment at the destination.
 */
MyVal
my_coerce(MyExpr *x, MyVal v, PgClass want)
{
	if (want == PGC_UNKNOWN || v.cls == PGC_UNKNOWN || v.cls == want)
	{
		if (want == PGC_BOOL && v.cls == PGC_UNKNOWN)
			return my_val(my_condition(x, v), PGC_BOOL);
		return v;
	}
	switch (want)
	{
		case PGC_BOOL:
			return my_val(my_condition(x, v), PGC_BOOL);
		case PGC_INT:
			return my_number(x, v);
		case PGC_NUMERIC:
			v = my_number(x, v);
			if (v.cls == PGC_FLOAT)
				my_expr_fail(x, "a float value as decimal");
			return v;
		case PGC_FLOAT:
			return my_number(x, v);
		case PGC_TEXT:
			return my_val(my_text(x, v), PGC_TEXT);
		case PGC_DATE:
			v = my_temporal(x, v);
			if (v.cls == PGC_DATE || v.cls == PGC_TIMESTAMP)
				return my_val(psprintf("(%s)::date", v.sql), PGC_DATE);
			break;
		case PGC_TIMESTAMP:
			v = my_temporal(x, v);
			if (v.cls == PGC_DATE || v.cls == PGC_TIMESTAMP)
				return v;
			if (v.cls == PGC_TIMESTAMPTZ && !my_expr_immutable(x))
				return v;
			break;
		case PGC_TIMESTAMPTZ:
			v = my_temporal(x, v);
			if (is_date_class(v.cls) && !my_expr_immutable(x))
				return v;
			break;
		case PGC_UUID:
			if (v.cls == PGC_TEXT && v.is_string)
				return v;
			break;
		default:
			break;
	}
	my_expr_fail(x, "a %s value where %s is wanted", class_name(v.cls),
				 class_name(want));
	return v;
}

/* MySQL computes in 64 bits, and floats in double precision. */
char *
my_widen(MyVal v)
{
	if (v.literal != NULL)
		return v.sql;
	if (v.cls == PGC_INT && v.width < 8)
		return psprintf("%s::bigint", v.sql);
	if (v.cls == PGC_FLOAT && v.width < 8)
		return psprintf("%s::double precision", v.sql);
	return v.sql;
}

static PgClass
arithmetic_class(MyVal a, MyVal b)
{
	if (a.cls == PGC_UNKNOWN || b.cls == PGC_UNKNOWN)
		return PGC_UNKNOWN;
	if (a.cls == PGC_FLOAT || b.cls == PGC_FLOAT)
		return PGC_FLOAT;
	if (a.cls == PGC_NUMERIC || b.cls == PGC_NUMERIC)
		return PGC_NUMERIC;
	return PGC_INT;
}

/* Division has div_precision_increment (4) more digits than its dividend. */
static MyVal
divide(MyExpr *x, MyVal a, MyVal b)
{
	PgClass		cls = arithmetic_class(a, b);
	MyVal		v;
	int64		divisor;
	char	   *by = my_is_int_literal(&b, &divisor) && divisor != 0 ? b.sql :
		psprintf("NULLIF(%s, 0)", b.sql);

	if (cls == PGC_FLOAT)
		return my_val(psprintf("(%s / %s)", my_widen(a), by), PGC_FLOAT);
	if (cls == PGC_UNKNOWN)
	{
		my_expr_fail(x, "division of values of unknown type");
		return a;
	}
	/* … and the variable may be another, and what is stored or compared has others */
	if (my_expr_exact(x) || x->use == MY_EXPR_INDEX)
	{
		my_expr_fail(x, "the digits of a division of decimals");
		return a;
	}
	if (a.scale < 0)
	{
		my_expr_fail(x, "division of a value of unknown scale");
		return a;
	}
	v = my_val(psprintf("round(%s::numeric / %s, %d)", a.sql, by, a.scale + 4),
			   PGC_NUMERIC);
	v.scale = a.scale + 4;
	return v;
}

static bool
is_unsigned(const MyVal *v)
{
	int64		value;

	return (my_is_int_literal(v, &value) && value >= 0) || v->cls == PGC_UNKNOWN ||
		(v->col != NULL && v->literal == NULL &&
		 (v->col->is_unsigned || strcmp(v->col->base_type, "bit") == 0));
}

MyVal
my_arithmetic(MyExpr *x, MyVal a, const char *op, MyVal b)
{
	PgClass		cls;
	MyVal		v;

	my_expr_operator(x);
	a = my_number(x, a);
	b = my_number(x, b);
	if (strcmp(op, "/") == 0)
		return divide(x, a, b);
	cls = arithmetic_class(a, b);
	if (strcmp(op, "DIV") == 0)
	{
		if (cls != PGC_INT)
			my_expr_fail(x, "DIV of values that are not integers");
		return my_val_int(psprintf("(%s / NULLIF(%s, 0))", my_widen(a), b.sql), 8);
	}
	if (strcmp(op, "%") == 0)
	{
		if (cls == PGC_FLOAT)
			my_expr_fail(x, "a remainder of float values");
		v = my_val(psprintf("(%s %% NULLIF(%s, 0))", my_widen(a), b.sql), cls);
		/* of decimals 0 has no digits behind the point at the source */
		v.scale = Max(a.scale, b.scale) > 0 ? -1 : 0;
		return v;
	}
	if (op[0] == '&' || op[0] == '|' || op[0] == '#')
	{
		if (cls != PGC_INT && cls != PGC_UNKNOWN)
			my_expr_fail(x, "bits of values that are not integers");
		/* the source computes with 64 bits and no sign */
		if (my_expr_exact(x) &&
			!(op[0] == '&' ? is_unsigned(&a) || is_unsigned(&b) :
			  is_unsigned(&a) && is_unsigned(&b)))
			my_expr_fail(x, "bits of values that may be negative");
		return my_val_int(psprintf("(%s %s %s)", my_widen(a), op, my_widen(b)), 8);
	}
	v = my_val(psprintf("(%s %s %s)", my_widen(a), op, my_widen(b)), cls);
	if (a.scale >= 0 && b.scale >= 0)
		v.scale = op[0] == '*' ? a.scale + b.scale : Max(a.scale, b.scale);
	return v;
}

/* The label of an enum that a string means; NULL: none. */
static const char *
find_label(const TableColumn *col, const char *text)
{
	ListCell   *lc;

	foreach(lc, col->labels)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return lfirst(lc);
	}
	foreach(lc, col->labels)
	{
		if (mysql_is_ci(col) && pg_strcasecmp(lfirst(lc), text) == 0)
			return lfirst(lc);
	}
	return NULL;
}

static bool
compare_enum(MyExpr *x, MyVal *a, const char *op, MyVal *b)
{
	const char *label;

	if (a->cls != PGC_ENUM && b->cls == PGC_ENUM)
		return compare_enum(x, b, op, a);
	if (a->cls != PGC_ENUM)
		return false;
	/* an order of labels is not the order of their texts */
	if (strcmp(op, "=") != 0 && strcmp(op, "<>") != 0 &&
		strcmp(op, "!=") != 0 && strcmp(op, "<=>") != 0)
	{
		my_expr_fail(x, "an enum compared by order");
		return true;
	}
	if (a->col == NULL || !b->is_string)
	{
		my_expr_fail(x, "an enum compared with what is not a literal");
		return true;
	}
	label = find_label(a->col, b->literal);
	if (label == NULL)
		my_expr_fail(x, "%s is no label of column %s", b->sql, a->col->name);
	else
		b->sql = quote_literal_cstr(label);
	return true;
}

/* One side of a comparison that ignores trailing spaces, and case if ci. */
static char *
folded_text(MyVal v, bool ci)
{
	char	   *sql = v.sql;

	if (v.is_string)
	{
		int			len = strlen(v.literal);

		while (len > 0 && v.literal[len - 1] == ' ')
			len--;
		sql = quote_literal_cstr(pnstrdup(v.literal, len));
	}
	else
		sql = psprintf("rtrim(%s, ' ')", sql);
	return ci ? psprintf("lower(%s)", sql) : sql;
}

static bool
is_equality(const char *op)
{
	return strcmp(op, "=") == 0 || strcmp(op, "<>") == 0 ||
		strcmp(op, "!=") == 0 || strcmp(op, "<=>") == 0;
}

/*
 * Text against text: collations of the source may fold case and accents, and
 * most of them ignore trailing spaces.
 */
static bool
compare_text(MyExpr *x, MyVal *a, const char *op, MyVal *b)
{
	bool		ci = a->ci || b->ci;

	if (a->cls != PGC_TEXT || b->cls != PGC_TEXT)
		return false;
	if (!my_expr_exact(x) && !my_expr_immutable(x))
	{
		if (ci)
			my_expr_note(x, "text is compared with regard to case, unlike at the source");
		return true;
	}
	if (ci && (my_expr_immutable(x) || !is_equality(op)))
	{
		my_expr_fail(x, "a comparison of text without regard to case");
		return true;
	}
	a->sql = folded_text(*a, ci);
	b->sql = folded_text(*b, ci);
	if (ci)
		my_expr_note(x, "text is compared in lower case; accents count, unlike at the source");
	if (!is_equality(op))
		a->sql = psprintf("(%s COLLATE \"C\")", a->sql);
	return true;
}

/* Numbers, and a literal that can be one. */
static bool
compare_numbers(MyExpr *x, MyVal *a, MyVal *b)
{
	int64		value;

	if (a->cls == PGC_BOOL && b->cls == PGC_BOOL)
		return true;
	if (a->cls == PGC_BOOL && my_is_int_literal(b, &value) &&
		(value == 0 || value == 1))
	{
		b->sql = value == 1 ? "true" : "false";
		return true;
	}
	if (!is_numeric_class(a->cls) && a->cls != PGC_BOOL && a->cls != PGC_BIT)
		return false;
	if (b->is_string && looks_numeric(b->literal))
		*b = my_val(b->literal[0] == '-' ? psprintf("(%s)", b->literal) :
					b->literal, PGC_NUMERIC);
	if (!is_numeric_class(b->cls) && b->cls != PGC_BOOL && b->cls != PGC_BIT)
		return false;
	*a = my_number(x, *a);
	*b = my_number(x, *b);
	return true;
}

static bool
compare_dates(MyExpr *x, MyVal *a, MyVal *b)
{
	if (is_date_class(a->cls))
		*b = my_temporal(x, *b);
	if (is_date_class(b->cls))
		*a = my_temporal(x, *a);
	if (!is_date_class(a->cls) || !is_date_class(b->cls))
		return false;
	if (a->cls != b->cls &&
		(a->cls == PGC_TIMESTAMPTZ || b->cls == PGC_TIMESTAMPTZ) &&
		x->use != MY_EXPR_QUERY)
		my_expr_fail(x, "a TIMESTAMP compared with a value that has no time zone");
	return true;
}

static bool
compare_others(MyVal *a, MyVal *b)
{
	if (a->cls == PGC_UNKNOWN || b->cls == PGC_UNKNOWN)
		return true;
	if ((a->cls == PGC_UUID || a->cls == PGC_INET || a->cls == PGC_TIME) &&
		(b->is_string || a->cls == b->cls))
		return true;
	if (a->cls == PGC_TEXT && b->cls == PGC_INT && b->literal == NULL)
		return false;
	return a->cls == b->cls && a->cls == PGC_BYTEA;
}

/* Rewrites both sides so that PostgreSQL compares them as MySQL does. */
void
my_prepare_comparison(MyExpr *x, MyVal *a, const char *op, MyVal *b)
{
	if (!compare_others(a, b) && !compare_others(b, a) &&
		!compare_enum(x, a, op, b) && !compare_text(x, a, op, b) &&
		!compare_numbers(x, a, b) && !compare_numbers(x, b, a) &&
		!compare_dates(x, a, b))
		my_expr_fail(x, "a comparison of %s with %s", class_name(a->cls),
					 class_name(b->cls));
}

MyVal
my_compare(MyExpr *x, MyVal a, const char *op, MyVal b)
{
	my_prepare_comparison(x, &a, op, &b);
	if (strcmp(op, "<=>") == 0)
		op = "IS NOT DISTINCT FROM";
	else if (strcmp(op, "!=") == 0)
		op = "<>";
	return my_val(psprintf("(%s %s %s)", a.sql, op, b.sql), PGC_BOOL);
}

/* Only what means the same in both dialects of regular expressions. */
static bool
regexp_is_common(const char *p)
{
	if (strstr(p, "(?") != NULL || strstr(p, "[[.") != NULL ||
		strstr(p, "[[=") != NULL || strstr(p, "[[:<") != NULL ||
		strstr(p, "[[:>") != NULL)
		return false;
	for (; *p != '\0'; p++)
	{
		if (*p == '\\' && (p[1] == '\0' || strchr(".^$*+?()[]{}|\\-/dwsDWS", p[1]) == NULL))
			return false;
		if (*p == '\\')
			p++;
		else if ((*p == '*' || *p == '+' || *p == '?' || *p == '}') &&
				 p[1] == '+')
			return false;		/* possessive */
	}
	return true;
}

MyVal
my_like(MyExpr *x, MyVal a, MyVal b, bool negated, bool regexp)
{
	bool		ci = a.ci || b.ci;
	const char *op;

	if (ci && my_expr_immutable(x))
		my_expr_fail(x, "a match of text without regard to case");
	if (regexp && (!b.is_string || !regexp_is_common(b.literal)))
		my_expr_fail(x, "a regular expression that may differ");
	if (ci && !regexp)
		my_expr_note(x, "accents count in LIKE, unlike at the source");
	a.sql = my_text(x, a);
	b.sql = my_text(x, b);
	/* patterns do not match under a collation that folds case */
	if (a.col != NULL && a.col->pg_collation != NULL)
		a.sql = psprintf("(%s COLLATE \"default\")", a.sql);
	if (regexp)
		op = ci ? (negated ? "!~*" : "~*") : (negated ? "!~" : "~");
	else
		op = ci ? (negated ? "NOT ILIKE" : "ILIKE") :
			(negated ? "NOT LIKE" : "LIKE");
	return my_val(psprintf("(%s %s %s)", a.sql, op, b.sql), PGC_BOOL);
}

MyVal
my_unify(MyExpr *x, MyVal *vals, int n)
{
	MyVal		result = my_val(NULL, PGC_UNKNOWN);

	result.small = true;
	for (int i = 0; i < n; i++)
	{
		MyVal	   *v = &vals[i];

		result.ci = result.ci || v->ci;
		if (v->cls == PGC_UNKNOWN)
			continue;
		result.small &= my_is_small(v);
		if (result.cls == PGC_UNKNOWN)
		{
			result.cls = v->cls;
			result.width = v->width;
			result.scale = v->scale;
			result.col = v->col;
			continue;
		}
		if (result.scale >= 0 && v->scale >= 0)
			result.scale = Max(result.scale, v->scale);
		else
			result.scale = -1;
		result.width = Max(result.width, v->width);
		if (result.cls == v->cls)
			continue;
		if (is_numeric_class(result.cls) && is_numeric_class(v->cls))
			result.cls = arithmetic_class(result, *v);
		else if ((is_numeric_class(result.cls) && v->cls == PGC_BOOL) ||
				 (result.cls == PGC_BOOL && is_numeric_class(v->cls)))
			result.cls = v->cls == PGC_BOOL ? result.cls : v->cls;
		else if (is_date_class(result.cls) && v->is_string)
			continue;
		else if (result.cls == PGC_TEXT || v->cls == PGC_TEXT)
			result.cls = PGC_TEXT;
		else if (is_date_class(result.cls) && is_date_class(v->cls))
			result.cls = Max(result.cls, v->cls);
		else
			my_expr_fail(x, "branches of %s and %s", class_name(result.cls),
						 class_name(v->cls));
	}
	/*
	 * what is a number at the source must be one at the destination: TRUE is 1
	 */
	for (int i = 0; i < n; i++)
	{
		vals[i] = my_coerce(x, vals[i], result.cls);
		if (result.cls == PGC_NUMERIC && vals[i].cls == PGC_INT)
			vals[i].cls = PGC_NUMERIC;
	}
	if (result.cls != PGC_ENUM)
		result.col = NULL;
	return result;
}

/* ------------------------------------------------------------------ bounds */

void
my_expr_operator(MyExpr *x)
{
	CHECK_FOR_INTERRUPTS();
	if (++x->operators > MY_EXPR_OPERATORS)
		my_expr_fail(x, "an expression of so many operators");
}

MyVal
my_expr_bounded(MyExpr *x, MyVal v)
{
	if (strlen(v.sql) <= MY_EXPR_LENGTH)
		return v;
	my_expr_fail(x, "an expression that would become so long");
	return my_val("NULL", PGC_TEXT);
}
