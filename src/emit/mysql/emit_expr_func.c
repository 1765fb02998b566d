/*-------------------------------------------------------------------------
 *
 * emit_expr_func.c
 *	  Functions and casts of PostgreSQL in MySQL's SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_expr_internal.h"

#include "lib/stringinfo.h"

#define MAX_ARGS 8

typedef struct Call
{
	const char *name;
	EmitExpr		args[MAX_ARGS];
	int			n;
} Call;

/* A constant integer of at least so much? */
static bool
is_least(const EmitExpr *e, int least)
{
	return e->literal && e->class == MY_INT && e->text != NULL && atoi(e->text) >= least;
}

static bool
are_texts(const Call *c)
{
	for (int i = 0; i < c->n; i++)
	{
		if (!emit_is_text(c->args[i].class))
			return false;
	}
	return c->n > 0;
}

static EmitExpr
note_letters(Walk *w, EmitExpr e)
{
	if (w->notes != NULL)
		plan_note(w->notes, "lower and upper of letters beyond ASCII are as %s has them",
				  w->target->name);
	return e;
}

static EmitExpr
text_function(Walk *w, const Call *c)
{
	const EmitExpr *a = c->args;
	const char *name = c->name;
	StringInfoData buf;

	if (c->n == 1 && strcmp(name, "lower") == 0)
		return note_letters(w, emit_made(MY_TEXT, psprintf("LOWER(%s)", a[0].sql)));
	if (c->n == 1 && strcmp(name, "upper") == 0)
		return note_letters(w, emit_made(MY_TEXT, psprintf("UPPER(%s)", a[0].sql)));
	if (c->n == 1 && (strcmp(name, "length") == 0 || strcmp(name, "char_length") == 0 ||
					  strcmp(name, "character_length") == 0))
		return emit_made(MY_INT, psprintf("CHAR_LENGTH(%s)", a[0].sql));
	if (c->n == 1 && strcmp(name, "octet_length") == 0 && a[0].class == MY_TEXT)
		return emit_made(MY_INT, psprintf("LENGTH(%s)", a[0].sql));
	if (c->n == 1 && strcmp(name, "btrim") == 0)
		return emit_made(MY_TEXT, psprintf("TRIM(%s)", a[0].sql));
	if (c->n == 1 && (strcmp(name, "ltrim") == 0 || strcmp(name, "rtrim") == 0))
		return emit_made(MY_TEXT, psprintf("%s(%s)", name[0] == 'l' ? "LTRIM" : "RTRIM", a[0].sql));
	if (c->n == 3 && strcmp(name, "replace") == 0)
		return emit_made(MY_TEXT, psprintf("REPLACE(%s, %s, %s)", a[0].sql, a[1].sql, a[2].sql));
	if (strcmp(name, "concat") != 0)
		return emit_refuse(w, "function %s", name);
	initStringInfo(&buf);
	for (int i = 0; i < c->n; i++)
		appendStringInfo(&buf, "%sCOALESCE(%s, '')", i ? ", " : "CONCAT(", a[i].sql);
	return emit_made(MY_TEXT, psprintf("%s)", buf.data));
}

/* Parts of a text, from a place and of a length that are constants. */
static EmitExpr
text_part(Walk *w, const Call *c)
{
	const EmitExpr *a = c->args;
	bool		left = strcmp(c->name, "left") == 0;

	if (!emit_is_text(a[0].class) || c->n > 3)
		return emit_refuse(w, "function %s of %s", c->name, emit_class_name(a[0].class));
	if (left || strcmp(c->name, "right") == 0)
	{
		if (c->n != 2 || !is_least(&a[1], 0))
			return emit_refuse(w, "function %s with a length that is no constant", c->name);
		return emit_made(MY_TEXT, psprintf("%s(%s, %s)", left ? "LEFT" : "RIGHT", a[0].sql, a[1].sql));
	}
	if (c->n < 2 || !is_least(&a[1], 1) || (c->n == 3 && !is_least(&a[2], 0)))
		return emit_refuse(w, "function %s with a place that is no constant, or before the text", c->name);
	return emit_made(MY_TEXT, c->n == 2 ? psprintf("SUBSTR(%s, %s)", a[0].sql, a[1].sql) :
					 psprintf("SUBSTR(%s, %s, %s)", a[0].sql, a[1].sql, a[2].sql));
}

static EmitExpr
number_function(Walk *w, const Call *c)
{
	const EmitExpr *a = c->args;

	if (c->n == 1 && strcmp(c->name, "abs") == 0)
		return emit_made(a[0].class, psprintf("ABS(%s)", a[0].sql));
	if (c->n == 1 && strcmp(c->name, "floor") == 0)
		return emit_made(a[0].class, psprintf("FLOOR(%s)", a[0].sql));
	if (c->n == 1 && (strcmp(c->name, "ceil") == 0 || strcmp(c->name, "ceiling") == 0))
		return emit_made(a[0].class, psprintf("CEILING(%s)", a[0].sql));
	if (c->n == 2 && strcmp(c->name, "mod") == 0 && a[0].class == MY_INT && a[1].class == MY_INT)
		return emit_made(MY_INT, psprintf("(%s %% %s)", a[0].sql, a[1].sql));
	if (strcmp(c->name, "round") == 0 && a[0].class == MY_DECIMAL &&
		(c->n == 1 || (c->n == 2 && is_least(&a[1], 0))))
		return emit_made(MY_DECIMAL, c->n == 1 ? psprintf("ROUND(%s)", a[0].sql) :
						 psprintf("ROUND(%s, %s)", a[0].sql, a[1].sql));
	return emit_refuse(w, "function %s of %s", c->name, emit_class_name(a[0].class));
}

/* EXTRACT of what does not depend on a time zone, and is a whole number. */
static EmitExpr
extract(Walk *w, const Call *c)
{
	static const char *const fields[] = {"year", "quarter", "month", "day", "hour", "minute"};
	const EmitExpr *a = c->args;

	for (int i = 0; c->n == 2 && a[0].literal && a[0].text != NULL && i < lengthof(fields); i++)
	{
		if (pg_strcasecmp(a[0].text, fields[i]) != 0)
			continue;
		if (a[1].class == MY_DATETIME || (a[1].class == MY_DATE && i < 4) ||
			(a[1].class == MY_TIME && i >= 4))
			return emit_made(MY_DECIMAL, psprintf("EXTRACT(%s FROM %s)", fields[i], a[1].sql));
	}
	return emit_refuse(w, "function %s of that field", c->name);
}

EmitExpr
emit_function(Walk *w, FuncCall *call)
{
	static const char *const parts[] = {"left", "right", "substr", "substring"};
	Call		c = {0};
	ListCell   *lc;

	c.name = emit_own_name(call->funcname);
	if (c.name == NULL)
		return emit_refuse(w, "function %s", strVal(llast(call->funcname)));
	if (call->agg_order || call->agg_filter || call->over || call->agg_distinct ||
		call->agg_star || call->func_variadic || list_length(call->args) > MAX_ARGS)
		return emit_refuse(w, "function %s", c.name);
	foreach(lc, call->args)
	{
		EmitExpr		e;

		if (IsA(lfirst(lc), NamedArgExpr))
			return emit_refuse(w, "function %s", c.name);
		e = emit_walk(w, lfirst(lc));
		if (e.sql == NULL)
			return e;
		c.args[c.n++] = e;
	}
	if (c.n == 0)
		return emit_refuse(w, "function %s", c.name);
	if (strcmp(c.name, "extract") == 0 || strcmp(c.name, "date_part") == 0)
		return extract(w, &c);
	for (int i = 0; i < lengthof(parts); i++)
	{
		if (strcmp(c.name, parts[i]) == 0)
			return text_part(w, &c);
	}
	if (are_texts(&c))
		return text_function(w, &c);
	if (emit_is_number(c.args[0].class))
		return number_function(w, &c);
	return emit_refuse(w, "function %s of %s", c.name, emit_class_name(c.args[0].class));
}

/* ------------------------------------------------------------------ casts */

/* First and second number of a type's modifiers; -1. */
static int
modifier(const TypeName *type, int n)
{
	A_Const    *c;

	if (list_length(type->typmods) <= n)
		return -1;
	c = (A_Const *) list_nth(type->typmods, n);
	return IsA(c, A_Const) && nodeTag(&c->val) == T_Integer ? intVal(&c->val) : -1;
}

static EmitExpr
cast_literal(Walk *w, EmitExpr e, EmitClass class, const char *name, const TypeName *type)
{
	char	   *why = NULL;
	int			length = modifier(type, 0);

	/* the value is cut, or rounded, to what the type says */
	if (length >= 0 && (class == MY_TEXT || class == MY_CHAR) && strlen(e.text) > length)
		return emit_refuse(w, "a constant that is longer than its type");
	e.sql = emit_literal(class, name, e.text, &why);
	e.class = class;
	if (e.sql == NULL)
		return emit_refuse(w, "%s", why);
	return e;
}

static EmitExpr
to_text(Walk *w, EmitExpr e, const TypeName *type)
{
	int			length = modifier(type, 0);

	if (e.class == MY_INT)
		e = emit_made(MY_TEXT, psprintf("CAST(%s AS CHAR)", e.sql));
	else if (!emit_is_text(e.class) && e.class != MY_ENUM && e.class != MY_UUID)
		return emit_refuse(w, "a cast of %s to text", emit_class_name(e.class));
	if (e.class == MY_ENUM || e.class == MY_UUID)
		e = emit_made(MY_TEXT, psprintf("CONCAT(%s)", e.sql));
	e.class = MY_TEXT;
	e.literal = false;
	return length > 0 ? emit_made(MY_TEXT, psprintf("LEFT(%s, %d)", e.sql, length)) : e;
}

static EmitExpr
to_number(Walk *w, EmitExpr e, EmitClass class, const TypeName *type)
{
	if (class == MY_INT && e.class == MY_INT)
		return e;
	if (class == MY_INT && e.class == MY_BOOL)
		return emit_made(MY_INT, psprintf("(%s + 0)", e.sql));
	if (class == MY_INT && e.class == MY_DECIMAL)
		return emit_made(MY_INT, psprintf("CAST(%s AS SIGNED)", e.sql));
	if (class == MY_DECIMAL && (e.class == MY_INT || e.class == MY_DECIMAL))
	{
		int			precision = modifier(type, 0);
		int			scale = Max(modifier(type, 1), 0);

		if (precision > 65 || scale > 30 || scale > precision)
			return precision < 0 ? (e.class = MY_DECIMAL, e) :
				emit_refuse(w, "a cast to numeric of so many digits");
		e = emit_made(MY_DECIMAL, psprintf("CAST(%s AS DECIMAL(%d,%d))", e.sql, precision, scale));
		e.scale = scale;
		return e;
	}
	if (class == MY_DOUBLE && (e.class == MY_INT || e.class == MY_DECIMAL))
		return emit_made(MY_DOUBLE, psprintf("(%s + 0e0)", e.sql));
	if (class == e.class && class == MY_DOUBLE)
		return e;
	return emit_refuse(w, "a cast of %s to %s", emit_class_name(e.class), emit_class_name(class));
}

EmitExpr
emit_cast(Walk *w, TypeCast *cast)
{
	const TypeName *type = cast->typeName;
	const char *name = emit_own_name(type->names);
	EmitExpr		e = emit_walk(w, cast->arg);
	EmitClass		class;

	if (e.sql == NULL)
		return e;
	if (e.literal && e.text == NULL)
		return e;				/* NULL is one of any type */
	if (type->arrayBounds != NIL || type->setof)
		return emit_refuse(w, "an array");
	class = name ? emit_class(name, true, 'b', false) : MY_FORM;
	if (class == MY_FORM)
	{
		/* a label of an enum is known by what it is compared with */
		if (e.literal && e.class == MY_TEXT && (name == NULL || list_length(type->names) == 1))
		{
			e.class = MY_ENUM;
			return e;
		}
		return emit_refuse(w, "a cast to %s", name ? name : "a type of its own");
	}
	if (e.literal && (e.class == MY_TEXT || e.class == MY_BIT || emit_is_number(e.class)) &&
		(class != MY_DECIMAL || modifier(type, 0) < 0))
	{
		if (class == MY_INT && e.class == MY_DECIMAL)
			return to_number(w, e, class, type);
		return cast_literal(w, e, class, name, type);
	}
	switch (class)
	{
		case MY_TEXT:
			return to_text(w, e, type);
		case MY_CHAR:
			/* it loses blanks at its end, and is one of characters */
			if (e.class == MY_CHAR && modifier(type, 0) < 0)
				return e;
			return emit_refuse(w, "a cast to character");
		case MY_INT:
		case MY_DECIMAL:
		case MY_DOUBLE:
			return to_number(w, e, class, type);
		case MY_BOOL:
			if (e.class == MY_BOOL)
				return e;
			if (e.class == MY_INT)
				return emit_made(MY_BOOL, psprintf("(%s <> 0)", e.sql));
			break;
		case MY_DATE:
			if (e.class == MY_DATETIME)
				return emit_made(MY_DATE, psprintf("CAST(%s AS DATE)", e.sql));
			break;
		default:
			break;
	}
	if (class == e.class && type->typmods == NIL)
		return e;
	return emit_refuse(w, "a cast of %s to %s", emit_class_name(e.class), emit_class_name(class));
}

EmitExpr
emit_current(Walk *w, SQLValueFunction *f)
{
	return emit_refuse(w, "the time or user of now");
}
