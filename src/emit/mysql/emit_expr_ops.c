/*-------------------------------------------------------------------------
 *
 * emit_expr_ops.c
 *	  Operators of PostgreSQL in MySQL's SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_expr_internal.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "core/attempt.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

static bool
is_one_of(const char *op, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(op, list[i]) == 0)
			return true;
	}
	return false;
}

/* Where texts are equal in spite of blanks at their end, that is said. */
static void
note_blanks(Walk *w, EmitClass class)
{
	if (emit_is_text(class) && w->target->pads && w->notes != NULL)
		plan_note(w->notes, "%s compares texts without regard to blanks at their end",
				  w->target->name);
}

static EmitExpr
compare(Walk *w, const char *op, EmitExpr a, EmitExpr b)
{
	bool		order = op[0] != '=' && strcmp(op, "<>") != 0;

	if (!emit_same_class(w, &a, &b, op) || (order && !emit_has_order(w, &a, &b)))
		return emit_refuse(w, "operator %s", op);
	note_blanks(w, a.class);
	return emit_made(MY_BOOL, psprintf("(%s %s %s)", a.sql, op, b.sql));
}

static EmitExpr
calculate(Walk *w, const char *op, EmitExpr a, EmitExpr b)
{
	EmitClass		class = Max(a.class, b.class);
	EmitExpr		e;

	if (a.sql == NULL || b.sql == NULL)
		return emit_refuse(w, "operator %s", op);
	if (!emit_is_number(a.class) || !emit_is_number(b.class))
		return emit_refuse(w, "operator %s of %s and %s", op, emit_class_name(a.class),
						   emit_class_name(b.class));
	if (strcmp(op, "/") == 0 && class == MY_DECIMAL)
		return emit_refuse(w, "a division of numeric, which has other digits behind the point");
	if (strcmp(op, "%") == 0 && class == MY_DOUBLE)
		return emit_refuse(w, "operator %% of double precision");
	if (strcmp(op, "*") == 0 && class == MY_DECIMAL && a.scale + b.scale > MY_MAX_SCALE)
		return emit_refuse(w, "a product of numeric with more than %d digits behind the point, which would be rounded",
						   MY_MAX_SCALE);
	if (strcmp(op, "/") == 0 && class == MY_INT)
		op = "DIV";
	e = emit_made(class, psprintf("(%s %s %s)", a.sql, op, b.sql));
	if (class == MY_DECIMAL)
		e.scale = strcmp(op, "*") == 0 ? a.scale + b.scale : Max(a.scale, b.scale);
	return e;
}

static EmitExpr
like(Walk *w, const char *op, EmitExpr a, EmitExpr b)
{
	int			len;
	int			escapes = 0;

	/* of character(n) the blanks that fill it up count in PostgreSQL */
	if (a.class != MY_TEXT || !b.literal || b.text == NULL || !emit_is_text(b.class))
		return emit_refuse(w, "LIKE of anything but a text and a constant");
	len = strlen(b.text);
	while (escapes < len && b.text[len - 1 - escapes] == '\\')
		escapes++;
	if (escapes % 2 == 1)
		return emit_refuse(w, "LIKE with a pattern that ends in an escape");
	/* blanks at the end of a pattern count, in both */
	return emit_made(MY_BOOL, psprintf("(%s %s %s)", a.sql, op, my_quote_literal(b.text)));
}

static EmitExpr
two_sided(Walk *w, const char *op, EmitExpr a, EmitExpr b)
{
	static const char *const comparisons[] = {"=", "<>", "<", ">", "<=", ">="};
	static const char *const calculations[] = {"+", "-", "*", "/", "%"};

	if (a.sql == NULL || b.sql == NULL)
		return emit_refuse(w, "operator %s", op);
	if (is_one_of(op, comparisons, lengthof(comparisons)))
		return compare(w, op, a, b);
	if (is_one_of(op, calculations, lengthof(calculations)))
		return calculate(w, op, a, b);
	if (strcmp(op, "||") == 0)
	{
		if (!emit_is_text(a.class) || !emit_is_text(b.class))
			return emit_refuse(w, "operator || of %s and %s", emit_class_name(a.class),
							   emit_class_name(b.class));
		return emit_made(MY_TEXT, psprintf("CONCAT(%s, %s)", a.sql, b.sql));
	}
	if (strcmp(op, "~~") == 0)
		return like(w, "LIKE", a, b);
	if (strcmp(op, "!~~") == 0)
		return like(w, "NOT LIKE", a, b);
	return emit_refuse(w, "operator %s", op);
}

/* ------------------------------------------------- lists of alternatives */

typedef struct Elements
{
	const char *text;
	Datum	   *values;
	bool	   *nulls;
	int			n;
} Elements;

static void
read_elements(void *arg)
{
	Elements   *e = arg;
	Datum		array = OidFunctionCall3(F_ARRAY_IN, CStringGetDatum(e->text),
										 ObjectIdGetDatum(TEXTOID), Int32GetDatum(-1));

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &e->values, &e->nulls, &e->n);
}

static EmitExpr
in_list(Walk *w, EmitExpr a, List *elements, bool not)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, elements)
	{
		EmitExpr		e = emit_walk(w, lfirst(lc));

		if (!emit_same_class(w, &a, &e, "IN"))
			return emit_refuse(w, "IN");
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", e.sql);
	}
	if (buf.len == 0)
		return emit_refuse(w, "an empty list");
	note_blanks(w, a.class);
	return emit_made(MY_BOOL, psprintf("(%s %sIN (%s))", a.sql, not ? "NOT " : "", buf.data));
}

/* '{a,b}': its elements are of the class of what is compared with them. */
static EmitExpr
in_constant(Walk *w, EmitExpr a, const char *list, bool not)
{
	Elements	e = {list, NULL, NULL, 0};
	StringInfoData buf;
	char	   *why = NULL;

	if (a.class == MY_FORM || a.class == MY_JSON || a.class == MY_ARRAY ||
		a.class == MY_REAL || a.class == MY_BIT)
		return emit_refuse(w, "IN of %s", emit_class_name(a.class));
	if (attempt(read_elements, &e) != NULL || e.n == 0)
		return emit_refuse(w, "a list that cannot be read, or is empty");
	initStringInfo(&buf);
	for (int i = 0; i < e.n; i++)
	{
		char	   *sql = e.nulls[i] ? "NULL" :
			emit_literal(a.class, NULL, TextDatumGetCString(e.values[i]), &why);

		if (sql == NULL)
			return emit_refuse(w, "%s", why);
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", sql);
	}
	note_blanks(w, a.class);
	return emit_made(MY_BOOL, psprintf("(%s %sIN (%s))", a.sql, not ? "NOT " : "", buf.data));
}

/* = ANY (ARRAY[…]) is what IN is stored as, <> ALL NOT IN. */
static EmitExpr
any_of(Walk *w, A_Expr *expr, bool not)
{
	const char *op = emit_own_name(expr->name);
	EmitExpr		a = emit_walk(w, expr->lexpr);
	Node	   *list = expr->rexpr;
	bool		null;

	if (a.sql == NULL)
		return a;
	if (op == NULL || strcmp(op, not ? "<>" : "=") != 0)
		return emit_refuse(w, "ANY or ALL with another operator than IN has");
	while (IsA(list, TypeCast) && !IsA(((TypeCast *) list)->arg, A_Const))
		list = ((TypeCast *) list)->arg;
	if (IsA(list, A_ArrayExpr))
		return in_list(w, a, ((A_ArrayExpr *) list)->elements, not);
	if (IsA(list, TypeCast) && ((TypeCast *) list)->typeName->arrayBounds != NIL)
	{
		const char *text = emit_constant(list, &null);

		if (text != NULL && !null)
			return in_constant(w, a, text, not);
	}
	return emit_refuse(w, "ANY or ALL of anything but a list");
}

static EmitExpr
between(Walk *w, A_Expr *expr)
{
	List	   *bounds = castNode(List, expr->rexpr);
	bool		not = expr->kind == AEXPR_NOT_BETWEEN;
	EmitExpr		a = emit_walk(w, expr->lexpr);
	EmitExpr		low = emit_walk(w, linitial(bounds));
	EmitExpr		high = emit_walk(w, lsecond(bounds));

	if (!emit_same_class(w, &a, &low, "BETWEEN") || !emit_same_class(w, &a, &high, "BETWEEN") ||
		!emit_has_order(w, &a, &low))
		return emit_refuse(w, "BETWEEN");
	return emit_made(MY_BOOL, psprintf("(%s %sBETWEEN %s AND %s)", a.sql, not ? "NOT " : "",
									   low.sql, high.sql));
}

EmitExpr
emit_operator(Walk *w, A_Expr *expr)
{
	const char *op = emit_own_name(expr->name);
	EmitExpr		a;
	EmitExpr		b;

	if (op == NULL)
		return emit_refuse(w, "an operator of its own");
	switch (expr->kind)
	{
		case AEXPR_OP:
			b = emit_walk(w, expr->rexpr);
			if (expr->lexpr != NULL)
				return two_sided(w, op, emit_walk(w, expr->lexpr), b);
			if (b.sql == NULL)
				return b;
			if ((strcmp(op, "-") != 0 && strcmp(op, "+") != 0) || !emit_is_number(b.class))
				return emit_refuse(w, "operator %s of %s", op, emit_class_name(b.class));
			return emit_made(b.class, psprintf("(%s%s)", op, b.sql));
		case AEXPR_OP_ANY:
			return any_of(w, expr, false);
		case AEXPR_OP_ALL:
			return any_of(w, expr, true);
		case AEXPR_IN:
			a = emit_walk(w, expr->lexpr);
			return a.sql == NULL ? a : in_list(w, a, castNode(List, expr->rexpr), op[0] == '<');
		case AEXPR_LIKE:
			return two_sided(w, op, emit_walk(w, expr->lexpr), emit_walk(w, expr->rexpr));
		case AEXPR_BETWEEN:
		case AEXPR_NOT_BETWEEN:
			return between(w, expr);
		case AEXPR_DISTINCT:
		case AEXPR_NOT_DISTINCT:
			a = emit_walk(w, expr->lexpr);
			b = emit_walk(w, expr->rexpr);
			if (!emit_same_class(w, &a, &b, "IS DISTINCT FROM"))
				return emit_refuse(w, "IS DISTINCT FROM");
			note_blanks(w, a.class);
			return emit_made(MY_BOOL, psprintf("(%s%s <=> %s)",
											   expr->kind == AEXPR_DISTINCT ? "NOT " : "",
											   a.sql, b.sql));
		case AEXPR_NULLIF:
			a = emit_walk(w, expr->lexpr);
			b = emit_walk(w, expr->rexpr);
			if (!emit_same_class(w, &a, &b, "NULLIF"))
				return emit_refuse(w, "NULLIF");
			note_blanks(w, a.class);
			return emit_made(a.class, psprintf("NULLIF(%s, %s)", a.sql, b.sql));
		default:
			return emit_refuse(w, "operator %s", op);
	}
}
