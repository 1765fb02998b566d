/*-------------------------------------------------------------------------
 *
 * fdw_push.c
 *	  Conditions of a query as the source can do them.
 *
 * What a source may do is decided where filters of rules are (shape_push.h):
 * comparisons that mean the same at the source byte by byte. A condition is
 * handed over with columns numbered as the source has them, parameters replaced
 * by their values, and lists of constants taken apart. All of it is tested
 * locally again, so that what is left out, and rows in doubt, do no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_push.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "transform/shape_push.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* A longer list is tested locally alone. */
#define MAX_LIST 1000

typedef struct Place
{
	const FdwTable *table;
	PlanState  *parent;			/* NULL: parameters have no values yet */
	ExprContext *econtext;
} Place;

/* The array of column = ANY (array), as the list that it was written as. */
static Node *
array_as_list(const Const *array)
{
	ArrayExpr  *list = makeNode(ArrayExpr);
	ArrayType  *value = DatumGetArrayTypeP(array->constvalue);
	Oid			type = ARR_ELEMTYPE(value);
	int16		len;
	bool		byval;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (ArrayGetNItems(ARR_NDIM(value), ARR_DIMS(value)) > MAX_LIST)
		return NULL;
	get_typlenbyvalalign(type, &len, &byval, &align);
	deconstruct_array(value, type, len, byval, align, &elements, &nulls, &n);
	list->array_typeid = array->consttype;
	list->element_typeid = type;
	list->array_collid = array->constcollid;
	list->location = -1;
	for (int i = 0; i < n; i++)
		list->elements = lappend(list->elements,
								 makeConst(type, -1, array->constcollid, len,
										   elements[i], nulls[i], byval));
	return (Node *) list;
}

static Const *
parameter_value(const Place *place, Param *param)
{
	ExprState  *state = ExecInitExpr((Expr *) param, place->parent);
	int16		len;
	bool		byval;
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(state, place->econtext, &isnull);

	get_typlenbyval(param->paramtype, &len, &byval);
	return makeConst(param->paramtype, param->paramtypmod, param->paramcollid, len,
					 value, isnull, byval);
}

static Node *
put_in_place(Node *node, void *context)
{
	const Place *place = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);
		int			a = var->varattno;

		/* one that the source does not have has a number that no column has */
		var->varattno = a > 0 && a <= place->table->natts &&
			place->table->source_of[a - 1] >= 0 ?
			place->table->source_of[a - 1] + 1 : place->table->rel->ncolumns + 1;
		return (Node *) var;
	}
	if (IsA(node, Param) && place->parent != NULL)
		return (Node *) parameter_value(place, (Param *) node);
	return expression_tree_mutator(node, put_in_place, context);
}

static Node *
take_apart(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = copyObject((ScalarArrayOpExpr *) node);
		Node	   *array = lsecond(op->args);
		Node	   *list = IsA(array, Const) && !((Const *) array)->constisnull ?
			array_as_list((Const *) array) : NULL;

		if (list != NULL)
			op->args = list_make2(linitial(op->args), list);
		return (Node *) op;
	}
	return expression_tree_mutator(node, take_apart, context);
}

static bool
is_unfit(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, is_unfit, context);
}

/* In the current context. */
static char *
push(const FdwTable *table, List *clauses, bool *exact)
{
	PushDialect sure = *table->c->source->push;
	ShapeExpr	filter = {0};
	char	   *sql;
	char	   *without;
	bool		whole;

	*exact = true;
	if (clauses == NIL)
		return NULL;
	filter.expr = list_length(clauses) == 1 ? linitial(clauses) :
		makeBoolExpr(AND_EXPR, clauses, -1);
	sql = shape_push_filter(&filter, table->rel, table->c->source->push, exact);
	if (sql == NULL)
		*exact = false;
	if (sql == NULL || !*exact)
		return sql;
	/* are there rows in doubt? */
	sure.add_doubt = NULL;
	without = shape_push_filter(&filter, table->rel, &sure, &whole);
	*exact = strcmp(sql, without) == 0;
	return sql;
}

char *
fdw_push(const FdwTable *table, List *clauses, bool *exact)
{
	bool		never;

	return fdw_push_values(table, clauses, NULL, NULL, exact, &never);
}

char *
fdw_push_values(const FdwTable *table, List *clauses, PlanState *parent,
				ExprContext *econtext, bool *exact, bool *never)
{
	Place		place = {table, parent, econtext};
	List	   *list = NIL;
	bool		left_out = false;
	char	   *sql;
	ListCell   *lc;

	*never = false;
	foreach(lc, clauses)
	{
		Node	   *node = lfirst(lc);

		if (is_unfit(node, NULL) || contain_volatile_functions(node))
		{
			left_out = true;
			continue;
		}
		node = eval_const_expressions(NULL, put_in_place(node, &place));
		if (IsA(node, Const))
		{
			*never |= ((Const *) node)->constisnull ||
				!DatumGetBool(((Const *) node)->constvalue);
			continue;
		}
		list = lappend(list, take_apart(node, NULL));
	}
	sql = push(table, list, exact);
	*exact &= !left_out;
	return sql;
}

bool
fdw_push_is_integer(const FdwTable *table, int attno)
{
	const SourceRelation *rel = table->rel;
	const PushDialect *dialect = table->c->source->push;
	StringInfoData buf;
	Const	   *zero = makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(0),
								 false, true);
	int			i;
	Oid			type;

	if (attno <= 0 || attno > table->natts)
		return false;
	i = table->source_of[attno - 1];
	if (i < 0)
		return false;
	type = rel->columns[i].typid;
	initStringInfo(&buf);
	if ((type != INT2OID && type != INT4OID && type != INT8OID) ||
		!dialect->compare(&buf, rel, i, "=", zero))
		return false;
	resetStringInfo(&buf);
	if (dialect->add_doubt != NULL)
		dialect->add_doubt(&buf, rel, i);
	return buf.len == 0;
}
