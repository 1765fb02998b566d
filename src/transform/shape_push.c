/*-------------------------------------------------------------------------
 *
 * shape_push.c
 *	  What of a filter a source can do itself, so that rows which would not
 *	  pass need not travel, and need not be counted when it is verified.
 *
 * The filter is run by the task in any case; the source may only leave out rows
 * that would not pass it. So only what means the same on every server and in
 * every setting is handed to it: comparisons of a column with a constant of a
 * simple type, lists of constants, IS NULL, and AND, OR, NOT and IS TRUE of
 * these. Of the parts of an AND those that cannot be handed over are left out.
 * An engine writes comparisons in its SQL (PushDialect), or says that it
 * cannot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape_push.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct Push
{
	StringInfoData sql;
	const SourceRelation *rel;
	const PushDialect *dialect;
	Bitmapset  *used;			/* columns */
} Push;

static bool push(Push *p, Node *node);

/* Without casts that are added without being asked for. */
static Node *
strip(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType) &&
			((RelabelType *) node)->relabelformat == COERCE_IMPLICIT_CAST)
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr) &&
				 ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST &&
				 list_length(((FuncExpr *) node)->args) == 1 &&
				 get_func_namespace(((FuncExpr *) node)->funcid) == PG_CATALOG_NAMESPACE)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* The column; -1: it is none. */
static int
column_of(const Push *p, Node *node)
{
	int			i;

	node = strip(node);
	i = IsA(node, Var) ? ((Var *) node)->varattno - 1 : -1;
	return i < p->rel->ncolumns ? i : -1;
}

/* NULL: it is none, or NULL. */
static const Const *
constant_of(Node *node)
{
	node = strip(node);
	if (!IsA(node, Const))
		node = strip(eval_const_expressions(NULL, node));
	return IsA(node, Const) && !((Const *) node)->constisnull ?
		(Const *) node : NULL;
}

/* Name of the comparison; NULL: another operator. */
static const char *
comparison(Oid opno, bool swapped)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
	static const char *const swaps[] = {"=", "<>", ">", ">=", "<", "<="};
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(opno));
	Form_pg_operator op;
	const char *result = NULL;

	if (!HeapTupleIsValid(tup))
		return NULL;
	op = (Form_pg_operator) GETSTRUCT(tup);
	for (int i = 0; i < lengthof(names); i++)
		if (op->oprnamespace == PG_CATALOG_NAMESPACE &&
			strcmp(NameStr(op->oprname), names[i]) == 0)
			result = swapped ? swaps[i] : names[i];
	ReleaseSysCache(tup);
	return result;
}

static bool
compare(Push *p, int column, const char *op, Node *node)
{
	const Const *value = constant_of(node);

	p->used = bms_add_member(p->used, column);
	return op != NULL && value != NULL &&
		p->dialect->compare(&p->sql, p->rel, column, op, value);
}

/* Equal is what has equal bytes. */
static bool
is_exact(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

static bool
push_comparison(Push *p, OpExpr *op)
{
	int			column;
	bool		swapped = false;

	if (list_length(op->args) != 2 || !is_exact(op->inputcollid))
		return false;
	column = column_of(p, linitial(op->args));
	if (column < 0)
	{
		column = column_of(p, lsecond(op->args));
		swapped = true;
	}
	return column >= 0 &&
		compare(p, column, comparison(op->opno, swapped),
				swapped ? linitial(op->args) : lsecond(op->args));
}

/* NULL: no list. Its elements may be cast, each in a way that is skipped. */
static ArrayExpr *
list_of(Node *node)
{
	node = strip(node);
	if (IsA(node, ArrayCoerceExpr) &&
		((ArrayCoerceExpr *) node)->coerceformat == COERCE_IMPLICIT_CAST &&
		IsA(strip((Node *) ((ArrayCoerceExpr *) node)->elemexpr), CaseTestExpr))
		node = strip((Node *) ((ArrayCoerceExpr *) node)->arg);
	return IsA(node, ArrayExpr) && !((ArrayExpr *) node)->multidims &&
		((ArrayExpr *) node)->elements != NIL ? (ArrayExpr *) node : NULL;
}

/* column IN (constants), NOT IN */
static bool
push_list(Push *p, ScalarArrayOpExpr *op)
{
	int			column = column_of(p, linitial(op->args));
	ArrayExpr  *array = list_of(lsecond(op->args));
	const char *name;
	ListCell   *lc;

	if (column < 0 || array == NULL || !is_exact(op->inputcollid) ||
		(p->dialect->max_list > 0 &&
		 list_length(array->elements) > p->dialect->max_list))
		return false;
	name = comparison(op->opno, false);
	foreach(lc, array->elements)
	{
		appendStringInfoString(&p->sql, lc == list_head(array->elements) ? "" :
							   op->useOr ? " OR " : " AND ");
		if (!compare(p, column, name, lfirst(lc)))
			return false;
	}
	return true;
}

static bool
push_null_test(Push *p, NullTest *test)
{
	int			column = column_of(p, (Node *) test->arg);

	if (column < 0 || test->argisrow)
		return false;
	p->used = bms_add_member(p->used, column);
	if (test->nulltesttype == IS_NOT_NULL)
		appendStringInfoString(&p->sql, "NOT ");
	return p->dialect->is_null(&p->sql, p->rel, column);
}

static bool
push_boolean_test(Push *p, BooleanTest *test)
{
	static const char *const names[] = {
		[IS_TRUE] = "TRUE", [IS_NOT_TRUE] = "NOT TRUE",
		[IS_FALSE] = "FALSE", [IS_NOT_FALSE] = "NOT FALSE",
		[IS_UNKNOWN] = "UNKNOWN", [IS_NOT_UNKNOWN] = "NOT UNKNOWN",
	};

	if (!push(p, (Node *) test->arg))
		return false;
	appendStringInfo(&p->sql, " IS %s", names[test->booltesttype]);
	return true;
}

/* Of an AND the parts that can be pushed, if whole is given. */
static bool
push_bool(Push *p, BoolExpr *expr, bool *whole)
{
	bool		any = false;
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR)
	{
		appendStringInfoString(&p->sql, "NOT ");
		return push(p, linitial(expr->args));
	}
	foreach(lc, expr->args)
	{
		int			before = p->sql.len;

		if (any)
			appendStringInfoString(&p->sql, expr->boolop == AND_EXPR ? " AND " : " OR ");
		if (push(p, lfirst(lc)))
		{
			any = true;
			continue;
		}
		if (whole == NULL || expr->boolop == OR_EXPR)
			return false;
		*whole = false;
		p->sql.len = before;
		p->sql.data[before] = '\0';
	}
	return any;
}

/* Appends the whole of a condition; false: it cannot be, and sql is spoilt. */
static bool
push(Push *p, Node *node)
{
	bool		done = false;

	check_stack_depth();
	appendStringInfoChar(&p->sql, '(');
	if (IsA(node, BoolExpr))
		done = push_bool(p, (BoolExpr *) node, NULL);
	else if (IsA(node, OpExpr))
		done = push_comparison(p, (OpExpr *) node);
	else if (IsA(node, ScalarArrayOpExpr))
		done = push_list(p, (ScalarArrayOpExpr *) node);
	else if (IsA(node, NullTest))
		done = push_null_test(p, (NullTest *) node);
	else if (IsA(node, BooleanTest))
		done = push_boolean_test(p, (BooleanTest *) node);
	else if (IsA(node, Var) && column_of(p, node) >= 0)
	{
		p->used = bms_add_member(p->used, column_of(p, node));
		done = p->dialect->is_true(&p->sql, p->rel, column_of(p, node));
	}
	appendStringInfoChar(&p->sql, ')');
	return done;
}

/* Rows of which the condition does not decide are asked for. */
static void
add_doubts(Push *p)
{
	StringInfoData doubts;
	int			i = -1;

	if (p->dialect->add_doubt == NULL)
		return;
	initStringInfo(&doubts);
	while ((i = bms_next_member(p->used, i)) >= 0)
	{
		int			before = doubts.len;

		appendStringInfoString(&doubts, " OR ");
		p->dialect->add_doubt(&doubts, p->rel, i);
		if (doubts.len == before + 4)
			doubts.data[doubts.len = before] = '\0';
	}
	if (doubts.len > 0)
	{
		char	   *sql = pstrdup(p->sql.data);

		resetStringInfo(&p->sql);
		appendStringInfo(&p->sql, "(%s)%s", sql, doubts.data);
	}
}

char *
shape_push_filter(const ShapeExpr *filter, const SourceRelation *rel,
				  const PushDialect *dialect, bool *whole)
{
	Push		p = {.rel = rel, .dialect = dialect};
	Node	   *node = (Node *) filter->expr;
	int			level = NewGUCNestLevel();
	bool		done;

	/* as any server reads it */
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("timezone", "UTC", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "3", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&p.sql);
	*whole = true;
	if (IsA(node, BoolExpr))
		done = push_bool(&p, (BoolExpr *) node, whole);
	else
		done = push(&p, node);
	if (done)
		add_doubts(&p);
	AtEOXact_GUC(true, level);
	*whole &= done;
	return done ? p.sql.data : NULL;
}
