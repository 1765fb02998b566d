/*-------------------------------------------------------------------------
 *
 * emit_expr.c
 *	  Expressions of PostgreSQL in MySQL's SQL.
 *
 *	  text --raw_parser--> tree --emit_walk--> SQL, or the reason why not
 *
 * What is translated means the same in both for every value; whatever is not
 * known to do so is refused. So each part has a class: of text two may be equal
 * or not, but which is less depends on the collation, and the like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_expr_internal.h"

#include "compat.h"
#include "core/attempt.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parser.h"

/* Deeper ones are nobody's. */
#define MAX_DEPTH 200

EmitExpr
emit_refuse(Walk *w, const char *fmt,...)
{
	EmitExpr		none = {0};
	char		text[512];
	va_list		args;

	if (w->why != NULL)
		return none;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	w->why = pnstrdup(text, pg_mbcliplen(text, strlen(text), sizeof(text) - 1));
	return none;
}

EmitExpr
emit_made(EmitClass class, char *sql)
{
	EmitExpr		e = {0};

	e.class = class;
	e.scale = class == MY_DECIMAL ? MY_MAX_SCALE : 0;
	e.sql = sql;
	return e;
}

const char *
emit_class_name(EmitClass class)
{
	switch (class)
	{
		case MY_UNKNOWN:
			return "NULL";
		case MY_BOOL:
			return "boolean";
		case MY_INT:
			return "integer";
		case MY_DECIMAL:
			return "numeric";
		case MY_REAL:
			return "real";
		case MY_DOUBLE:
			return "double precision";
		case MY_TEXT:
			return "text";
		case MY_CHAR:
			return "character";
		case MY_ENUM:
			return "an enum";
		case MY_BYTES:
			return "bytea";
		case MY_DATE:
			return "date";
		case MY_TIME:
			return "time";
		case MY_DATETIME:
			return "timestamp";
		case MY_INSTANT:
			return "timestamptz";
		case MY_UUID:
			return "uuid";
		case MY_JSON:
			return "json";
		case MY_ARRAY:
			return "an array";
		case MY_BIT:
			return "bit";
		case MY_FORM:
			break;
	}
	return "a type that MySQL does not have";
}

bool
emit_is_number(EmitClass class)
{
	return class == MY_INT || class == MY_DECIMAL || class == MY_DOUBLE;
}

bool
emit_is_text(EmitClass class)
{
	return class == MY_TEXT || class == MY_CHAR;
}

bool
emit_same_class(Walk *w, EmitExpr *a, EmitExpr *b, const char *what)
{
	if (a->sql == NULL || b->sql == NULL)
		return false;
	if (a->class == MY_UNKNOWN || b->class == MY_UNKNOWN)
		return true;
	if (a->class == MY_FORM || a->class == MY_JSON || a->class == MY_ARRAY ||
		a->class == MY_REAL || a->class == MY_BIT)
	{
		emit_refuse(w, "%s of %s", what, emit_class_name(a->class));
		return false;
	}
	if (a->class == b->class || (emit_is_number(a->class) && emit_is_number(b->class)) ||
		(emit_is_text(a->class) && emit_is_text(b->class)))
		return true;
	emit_refuse(w, "%s of %s and %s", what, emit_class_name(a->class), emit_class_name(b->class));
	return false;
}

bool
emit_has_order(Walk *w, const EmitExpr *a, const EmitExpr *b)
{
	EmitClass		class = a->class == MY_UNKNOWN ? b->class : a->class;

	if (class == MY_ENUM || class == MY_UUID || class == MY_BYTES)
	{
		emit_refuse(w, "the order of values of %s", emit_class_name(class));
		return false;
	}
	if (emit_is_text(class) && !(a->by_code || b->by_code))
	{
		emit_refuse(w, "the order of texts, which depends on the collation");
		return false;
	}
	return true;
}

const char *
emit_own_name(List *names)
{
	if (list_length(names) == 2 && strcmp(strVal(linitial(names)), "pg_catalog") == 0)
		return strVal(lsecond(names));
	return list_length(names) == 1 ? strVal(linitial(names)) : NULL;
}

/* ---------------------------------------------------------------- parsing */

typedef struct Parsing
{
	const char *text;
	List	   *statements;
} Parsing;

static void
parse(void *arg)
{
	Parsing    *p = arg;

	p->statements = raw_parser(psprintf("SELECT (%s\n)", p->text), RAW_PARSE_DEFAULT);
}

Node *
emit_parse(const char *expr)
{
	Parsing		p = {expr, NIL};
	SelectStmt *select;

	if (attempt(parse, &p) != NULL || list_length(p.statements) != 1)
		return NULL;
	select = (SelectStmt *) linitial_node(RawStmt, p.statements)->stmt;
	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		list_length(select->targetList) != 1 || select->fromClause ||
		select->whereClause || select->valuesLists)
		return NULL;
	return linitial_node(ResTarget, select->targetList)->val;
}

static const char *
const_text(const A_Const *c)
{
	switch (nodeTag(&c->val))
	{
		case T_Integer:
			return psprintf("%d", intVal(&c->val));
		case T_Float:
			return castNode(Float, &c->val)->fval;
		case T_Boolean:
			return boolVal(&c->val) ? "t" : "f";
		case T_String:
			return strVal(&c->val);
		case T_BitString:
			return castNode(BitString, &c->val)->bsval + 1;
		default:
			return "";
	}
}

const char *
emit_constant(Node *node, bool *null)
{
	*null = false;
	while (node != NULL && IsA(node, TypeCast))
		node = ((TypeCast *) node)->arg;
	if (node == NULL)
		return NULL;
	if (IsA(node, A_Const))
	{
		*null = ((A_Const *) node)->isnull;
		return const_text((A_Const *) node);
	}
	/* '-1' of a number that was not folded into one constant */
	if (IsA(node, A_Expr) && ((A_Expr *) node)->kind == AEXPR_OP &&
		((A_Expr *) node)->lexpr == NULL)
	{
		const char *op = emit_own_name(((A_Expr *) node)->name);
		const char *text = emit_constant(((A_Expr *) node)->rexpr, null);

		if (op != NULL && strcmp(op, "-") == 0 && text != NULL && text[0] >= '0' && text[0] <= '9')
			return psprintf("-%s", text);
	}
	return NULL;
}

/* ---------------------------------------------------------------- walking */

static EmitExpr
walk_constant(Walk *w, A_Const *c)
{
	EmitExpr		e = {0};

	e.literal = true;
	e.not_null = !c->isnull;
	if (c->isnull)
	{
		e.sql = "NULL";
		return e;
	}
	e.text = const_text(c);
	switch (nodeTag(&c->val))
	{
		case T_Integer:
			e.class = MY_INT;
			e.sql = (char *) e.text;
			break;
		case T_Float:
			e.class = strpbrk(e.text, ".eE") ? MY_DECIMAL : MY_INT;
			/* with an exponent MySQL makes it a double */
			if (strpbrk(e.text, "eE"))
				return emit_refuse(w, "the number %s", e.text);
			e.sql = (char *) e.text;
			if (strchr(e.text, '.') != NULL)
				e.scale = strlen(strchr(e.text, '.')) - 1;
			break;
		case T_Boolean:
			e.class = MY_BOOL;
			e.sql = boolVal(&c->val) ? "TRUE" : "FALSE";
			break;
		case T_BitString:
			e.class = MY_BIT;
			if (e.text[0] == '\0' || strspn(e.text, "01") != strlen(e.text))
				return emit_refuse(w, "the bits %s", e.text);
			e.sql = psprintf("b'%s'", e.text);
			break;
		default:
			e.class = MY_TEXT;
			e.sql = my_quote_literal(e.text);
	}
	return e;
}

static EmitExpr
walk_column(Walk *w, ColumnRef *ref)
{
	Node	   *last = llast(ref->fields);
	EmitColumn *c;
	EmitExpr		e = {0};
	const char *name;

	if (!IsA(last, String))
		return emit_refuse(w, "a whole row");
	name = strVal(last);
	if (w->value != NULL && list_length(ref->fields) == 1 && strcmp(name, "value") == 0)
		name = w->value;
	c = w->table ? emit_find_column(w->table, name) : NULL;
	if (c == NULL)
		return emit_refuse(w, "\"%s\", which is no column", name);
	if (c->name == NULL)
		return emit_refuse(w, "column \"%s\", which is left out", name);
	if (c->auto_increment)
		return emit_refuse(w, "column \"%s\", which is AUTO_INCREMENT", name);
	if (w->use == MY_USE_GENERATED && c->def->generation_expr != NULL)
		return emit_refuse(w, "column \"%s\", which is generated itself", name);
	/* with sql_mode PAD_CHAR_TO_FULL_LENGTH it would have its blanks */
	e.sql = c->class == MY_CHAR || c->class == MY_UUID ? psprintf("RTRIM(%s)", c->name) : c->name;
	e.class = c->class;
	if (c->class == MY_DECIMAL && sscanf(c->type, "DECIMAL(%*d,%d)", &e.scale) != 1)
		e.scale = MY_MAX_SCALE;
	e.not_null = c->not_null;
	e.by_code = c->def->collation != NULL &&
		(strcmp(c->def->collation, "C") == 0 || strcmp(c->def->collation, "POSIX") == 0 ||
		 strcmp(c->def->collation, "ucs_basic") == 0);
	return e;
}

static EmitExpr
walk_boolean(Walk *w, BoolExpr *b)
{
	StringInfoData buf;
	ListCell   *lc;
	const char *op = b->boolop == AND_EXPR ? " AND " : " OR ";

	initStringInfo(&buf);
	foreach(lc, b->args)
	{
		EmitExpr		e = emit_walk(w, lfirst(lc));

		if (e.sql == NULL)
			return e;
		if (e.class != MY_BOOL && e.class != MY_UNKNOWN)
			return emit_refuse(w, "a condition of %s", emit_class_name(e.class));
		appendStringInfo(&buf, "%s%s", buf.len ? op : b->boolop == NOT_EXPR ? "(NOT " : "(",
						 e.sql);
	}
	appendStringInfoChar(&buf, ')');
	return emit_made(MY_BOOL, buf.data);
}

static EmitExpr
walk_null_test(Walk *w, NullTest *t)
{
	EmitExpr		e = emit_walk(w, (Node *) t->arg);

	if (e.sql == NULL)
		return e;
	/* a row is "IS NULL" when its fields are */
	if (e.class == MY_FORM)
		return emit_refuse(w, "IS NULL of %s", emit_class_name(e.class));
	return emit_made(MY_BOOL, psprintf("(%s IS %sNULL)", e.sql,
									   t->nulltesttype == IS_NULL ? "" : "NOT "));
}

static EmitExpr
walk_boolean_test(Walk *w, BooleanTest *t)
{
	static const char *const words[] = {"TRUE", "NOT TRUE", "FALSE", "NOT FALSE",
	"UNKNOWN", "NOT UNKNOWN"};
	EmitExpr		e = emit_walk(w, (Node *) t->arg);

	if (e.sql == NULL)
		return e;
	if (e.class != MY_BOOL)
		return emit_refuse(w, "a condition of %s", emit_class_name(e.class));
	return emit_made(MY_BOOL, psprintf("(%s IS %s)", e.sql, words[t->booltesttype]));
}

/* Several values of one class; the joint one, or NULL in sql. */
static EmitExpr
walk_values(Walk *w, List *args, const char *what, StringInfo buf, bool *all_not_null)
{
	EmitExpr		first = {0};
	ListCell   *lc;

	*all_not_null = true;
	foreach(lc, args)
	{
		EmitExpr		e = emit_walk(w, lfirst(lc));

		if (e.sql == NULL)
			return e;
		if (first.sql != NULL && !emit_same_class(w, &first, &e, what))
			return emit_refuse(w, "%s", what);
		*all_not_null &= e.not_null;
		if (first.sql == NULL || first.class == MY_UNKNOWN)
			first = e;
		else if (emit_is_number(e.class))
			first.class = Max(first.class, e.class);
		appendStringInfo(buf, "%s%s", buf->len ? ", " : "", e.sql);
	}
	return first;
}

static EmitExpr
walk_coalesce(Walk *w, CoalesceExpr *c)
{
	StringInfoData buf;
	bool		not_null;
	EmitExpr		e;

	initStringInfo(&buf);
	e = walk_values(w, c->args, "COALESCE", &buf, &not_null);
	if (e.sql == NULL)
		return e;
	return emit_made(e.class, psprintf("COALESCE(%s)", buf.data));
}

/* PostgreSQL skips NULL, MySQL does not. */
static EmitExpr
walk_min_max(Walk *w, MinMaxExpr *m)
{
	const char *name = m->op == IS_GREATEST ? "GREATEST" : "LEAST";
	StringInfoData buf;
	bool		not_null;
	EmitExpr		e;

	initStringInfo(&buf);
	e = walk_values(w, m->args, name, &buf, &not_null);
	if (e.sql == NULL || !emit_has_order(w, &e, &e))
		return emit_refuse(w, "%s", name);
	if (not_null)
		return emit_made(e.class, psprintf("%s(%s)", name, buf.data));
	if (list_length(m->args) == 2)
	{
		EmitExpr		a = emit_walk(w, linitial(m->args));
		EmitExpr		b = emit_walk(w, lsecond(m->args));

		return emit_made(e.class, psprintf("%s(COALESCE(%s, %s), COALESCE(%s, %s))",
										   name, a.sql, b.sql, b.sql, a.sql));
	}
	return emit_refuse(w, "%s of more than two values that can be NULL", name);
}

static EmitExpr
walk_case(Walk *w, CaseExpr *c)
{
	StringInfoData buf;
	EmitExpr		subject = {0};
	EmitExpr		result = {0};
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "(CASE");
	if (c->arg != NULL)
	{
		subject = emit_walk(w, (Node *) c->arg);
		if (subject.sql == NULL)
			return subject;
		appendStringInfo(&buf, " %s", subject.sql);
	}
	foreach(lc, c->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);
		EmitExpr		condition = emit_walk(w, (Node *) when->expr);
		EmitExpr		value = emit_walk(w, (Node *) when->result);

		if (condition.sql == NULL || value.sql == NULL)
			return emit_refuse(w, "CASE");
		if (c->arg != NULL && !emit_same_class(w, &subject, &condition, "CASE"))
			return emit_refuse(w, "CASE");
		if (c->arg == NULL && condition.class != MY_BOOL)
			return emit_refuse(w, "a condition of %s", emit_class_name(condition.class));
		if (result.sql != NULL && !emit_same_class(w, &result, &value, "CASE"))
			return emit_refuse(w, "CASE");
		if (result.sql == NULL || result.class == MY_UNKNOWN)
			result = value;
		appendStringInfo(&buf, " WHEN %s THEN %s", condition.sql, value.sql);
	}
	if (c->defresult != NULL)
	{
		EmitExpr		value = emit_walk(w, (Node *) c->defresult);

		if (value.sql == NULL || !emit_same_class(w, &result, &value, "CASE"))
			return emit_refuse(w, "CASE");
		if (result.class == MY_UNKNOWN)
			result = value;
		appendStringInfo(&buf, " ELSE %s", value.sql);
	}
	appendStringInfoString(&buf, " END)");
	return emit_made(result.class, buf.data);
}

static EmitExpr
walk_collate(Walk *w, CollateClause *c)
{
	EmitExpr		e = emit_walk(w, c->arg);
	const char *name = emit_own_name(c->collname);

	if (e.sql == NULL)
		return e;
	if (name == NULL || (strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0 &&
						 strcmp(name, "default") != 0))
		return emit_refuse(w, "a collation");
	e.by_code = strcmp(name, "default") != 0;
	return e;
}

EmitExpr
emit_walk(Walk *w, Node *node)
{
	EmitExpr		e = {0};

	check_stack_depth();
	if (w->why != NULL)
		return e;
	if (++w->depth > MAX_DEPTH)
		return emit_refuse(w, "its size");
	switch (nodeTag(node))
	{
		case T_A_Const:
			e = walk_constant(w, (A_Const *) node);
			break;
		case T_ColumnRef:
			e = walk_column(w, (ColumnRef *) node);
			break;
		case T_BoolExpr:
			e = walk_boolean(w, (BoolExpr *) node);
			break;
		case T_NullTest:
			e = walk_null_test(w, (NullTest *) node);
			break;
		case T_BooleanTest:
			e = walk_boolean_test(w, (BooleanTest *) node);
			break;
		case T_CoalesceExpr:
			e = walk_coalesce(w, (CoalesceExpr *) node);
			break;
		case T_MinMaxExpr:
			e = walk_min_max(w, (MinMaxExpr *) node);
			break;
		case T_CaseExpr:
			e = walk_case(w, (CaseExpr *) node);
			break;
		case T_CollateClause:
			e = walk_collate(w, (CollateClause *) node);
			break;
		case T_A_Expr:
			e = emit_operator(w, (A_Expr *) node);
			break;
		case T_FuncCall:
			e = emit_function(w, (FuncCall *) node);
			break;
		case T_TypeCast:
			e = emit_cast(w, (TypeCast *) node);
			break;
		case T_SQLValueFunction:
			e = emit_current(w, (SQLValueFunction *) node);
			break;
		case T_SubLink:
			e = emit_refuse(w, "a subquery");
			break;
		case T_A_ArrayExpr:
			e = emit_refuse(w, "an array");
			break;
		case T_A_Indirection:
			e = emit_refuse(w, "a part of a value");
			break;
		case T_RowExpr:
			e = emit_refuse(w, "a row");
			break;
		default:
			e = emit_refuse(w, "what it is made of");
	}
	w->depth--;
	if (e.sql == NULL && w->why == NULL)
		return emit_refuse(w, "what it is made of");
	return e;
}

char *
emit_translate(const char *expr, const EmitTable *table, const char *value,
			   const EmitTarget *target, EmitUse use, PlanNotes *notes, char **why)
{
	Walk		w = {0};
	Node	   *node = emit_parse(expr);
	EmitExpr		e;

	w.table = table;
	w.value = value;
	w.target = target;
	w.use = use;
	w.notes = notes;
	if (node == NULL)
	{
		*why = "it cannot be read";
		return NULL;
	}
	e = emit_walk(&w, node);
	if (e.sql != NULL && use == MY_USE_CHECK && e.class != MY_BOOL && e.class != MY_UNKNOWN)
		e = emit_refuse(&w, "a condition of %s", emit_class_name(e.class));
	if (e.sql == NULL)
		*why = w.why;
	return e.sql;
}
