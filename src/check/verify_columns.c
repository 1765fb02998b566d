/*-------------------------------------------------------------------------
 *
 * verify_columns.c
 *	  How columns get their values at the destination: generated ones by the expression of
 *	  the source's, identity, defaults.
 *
 * Expressions are compared as this server writes them: the one that the task
 * would make now is parsed over the table that exists, and written as the one
 * that is stored is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "access/transam.h"
#include "catalog/heap.h"
#include "core/attempt.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "tables/describe.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

static void
add(Verify *v, const TableDef *def, DifferenceKind kind, const char *object,
	const char *there, const char *here)
{
	verify_add_object(v, NULL, def->schema, def->name, kind, object, there, here);
}

/* -------------------------------------------------------------- expressions */

typedef struct Writing
{
	const char *expr;
	Relation	rel;			/* the table that it is over */
	Form_pg_attribute att;
	Node	   *node;			/* as this server would store it … */
	char	   *text;			/* … and write it */
} Writing;

static void
write_expression(void *arg)
{
	Writing    *w = arg;
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(psprintf("SELECT (%s)", w->expr),
														RAW_PARSE_DEFAULT));
	ResTarget  *target = linitial_node(ResTarget,
									   castNode(SelectStmt, raw->stmt)->targetList);
	Node	   *node;

	item = addRangeTableEntryForRelation(pstate, w->rel, AccessShareLock, NULL,
										 false, true);
	addNSItemToQuery(pstate, item, true, true, true);
	node = cookDefault(pstate, target->val, w->att->atttypid, w->att->atttypmod,
					   NameStr(w->att->attname), w->att->attgenerated);
	w->node = node;
	w->text = deparse_expression(node,
								 deparse_context_for(RelationGetRelationName(w->rel),
													 RelationGetRelid(w->rel)),
								 false, false);
}

/* NULL where it is none that can be had here. *node: parsed; or node is NULL. */
static char *
try_expression(const char *expr, Relation rel, const Form_pg_attribute att,
			   Node **node)
{
	Writing		w = {expr, rel, att, NULL, NULL};
	ErrorData  *edata = attempt(write_expression, &w);

	if (edata == NULL && node != NULL)
		*node = w.node;
	if (edata == NULL)
		return w.text;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(edata);
	return NULL;
}

/* What is stored at the destination; NULL: nothing. */
static Node *
node_here(Relation rel, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	}
	return NULL;
}

/* The same, written as write_expression does. */
static char *
expression_here(Relation rel, AttrNumber attnum)
{
	Node	   *node = node_here(rel, attnum);

	return node == NULL ? NULL :
		deparse_expression(node, deparse_context_for(RelationGetRelationName(rel),
													 RelationGetRelid(rel)),
						   false, false);
}

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
has_foreign_function(Node *node, void *context)
{
	return node != NULL &&
		(check_functions_in_node(node, is_foreign_function, NULL) ||
		 expression_tree_walker(node, has_foreign_function, context));
}

/*
 * The value of a default, where it is one whatever the session and the time,
 * and the server's own functions alone make it; NULL: it has none.
 */
static Const *
constant_of(Node *node)
{
	if (has_foreign_function(node, NULL) ||
		contain_mutable_functions(node))
		return NULL;
	node = eval_const_expressions(NULL, node);
	return IsA(node, Const) ? (Const *) node : NULL;
}

/* The time of the transaction, cast or rounded to the column's type? */
static bool
is_now(Node *node)
{
	while (node != NULL)
	{
		if (IsA(node, SQLValueFunction))
		{
			SQLValueFunction *f = (SQLValueFunction *) node;

			return f->op == SVFOP_CURRENT_TIMESTAMP || f->op == SVFOP_CURRENT_TIMESTAMP_N ||
				f->op == SVFOP_LOCALTIMESTAMP || f->op == SVFOP_LOCALTIMESTAMP_N;
		}
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr))
		{
			FuncExpr   *f = (FuncExpr *) node;

			if (f->args == NIL)
				return f->funcid == F_NOW || f->funcid == F_TRANSACTION_TIMESTAMP;
			if (f->funcid != F_TIMESTAMP_TIMESTAMPTZ && f->funcid != F_TIMESTAMPTZ_TIMESTAMP &&
				f->funcid != F_TIMESTAMP_TIMESTAMP_INT4 && f->funcid != F_TIMESTAMPTZ_TIMESTAMPTZ_INT4)
				return false;
			node = linitial(f->args);
		}
		else
			return false;
	}
	return false;
}

/* Are two defaults of a column one value, however they are written? */
static bool
are_same_value(Node *a, Node *b)
{
	Const	   *x = constant_of(a);
	Const	   *y = constant_of(b);

	if (is_now(a) && is_now(b))
		return true;
	if (x == NULL || y == NULL || x->consttype != y->consttype)
		return false;
	return x->constisnull || y->constisnull ? x->constisnull == y->constisnull :
		datumIsEqual(x->constvalue, y->constvalue, x->constbyval, x->constlen);
}

/* ------------------------------------------------------------------ columns */

/* What the task would make of the column now. */
static void
wanted_parts(Verify *v, TableDef *def, TableColumn *col, PlanColumn *parts)
{
	if (!v->source->own_definitions)
	{
		plan_column_parts(def, col, plan_options(v->options, v->selection), parts);
		if (parts->default_expr && pg_strcasecmp(parts->default_expr, "NULL") == 0)
			parts->default_expr = NULL;
		return;
	}
	/* the source's own words */
	memset(parts, 0, sizeof(*parts));
	parts->generated = col->generation_expr;
	parts->identity = col->auto_increment;
	parts->default_expr = col->default_expr;
}

static const char *
yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void
compare_generated(Verify *v, const TableDef *def, const PlanColumn *parts,
				  Relation rel, const Form_pg_attribute att, const char *object)
{
	char	   *found = att->attgenerated ? expression_here(rel, att->attnum) : NULL;
	char	   *wanted;

	if (parts->generated == NULL && found == NULL)
		return;
	object = psprintf("%s: generated", object);
	if (parts->generated == NULL || found == NULL)
	{
		add(v, def, DIFFERENCE_DIFFERS, object,
			parts->generated ? parts->generated : "no", found ? found : "no");
		return;
	}
	wanted = try_expression(parts->generated, rel, att, NULL);
	if (wanted != NULL && strcmp(wanted, found) != 0)
		add(v, def, DIFFERENCE_DIFFERS, object, wanted, found);
}

/*
 * Of the MySQL family; a PostgreSQL source's own words may name objects that
 * have other names here.
 */
static void
compare_default(Verify *v, const TableDef *def, const char *expr, Relation rel,
				const Form_pg_attribute att, const char *object)
{
	Node	   *node = NULL;
	char	   *wanted = try_expression(expr, rel, att, &node);
	char	   *found = expression_here(rel, att->attnum);

	if (wanted == NULL || found == NULL || strcmp(wanted, found) == 0 ||
		are_same_value(node, node_here(rel, att->attnum)))
		return;
	add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: default", object), wanted, found);
}

/* The rule's names for columns are not those of the source's expressions. */
static bool
are_names_changed(const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name == NULL || strcmp(col->target_name, col->name) != 0)
			return true;
	}
	return false;
}

void
verify_column_parts(Verify *v, TableDef *def, TableColumn *col, Relation rel)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), col->target_name);
	char	   *object = psprintf("column %s", col->target_name);
	Form_pg_attribute att;
	PlanColumn	parts;
	bool		has_default;

	if (attnum <= 0 || col->pg_type == NULL)
		return;
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	wanted_parts(v, def, col, &parts);
	if (!v->source->own_definitions || !are_names_changed(def) ||
		parts.generated == NULL || !att->attgenerated)
		compare_generated(v, def, &parts, rel, att, object);
	if (parts.generated != NULL || att->attgenerated)
		return;
	if (parts.identity != (att->attidentity != '\0'))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: identity", object),
			yes_no(parts.identity), yes_no(att->attidentity != '\0'));
	has_default = att->atthasdef;
	if ((parts.default_expr != NULL) != has_default)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: default", object),
			parts.default_expr ? parts.default_expr : "none",
			has_default ? expression_here(rel, attnum) : "none");
	else if (has_default && !v->source->own_definitions)
		compare_default(v, def, parts.default_expr, rel, att, object);
}

/* Are two expressions without functions and columns one value? */
static bool
are_same_elsewhere(const Verify *v, const char *a, const char *b)
{
	return strchr(a, '(') == NULL && strchr(b, '(') == NULL &&
		v->dest->check->value(psprintf("SELECT 1 WHERE CAST((%s) AS pg_catalog.text) IS NOT DISTINCT FROM "
									   "CAST((%s) AS pg_catalog.text)", a, b)) != NULL;
}

/* As the destination writes it. */
static void
compare_expression_elsewhere(Verify *v, const TableDef *def, const TableColumn *col,
							 const char *relation, const DestColumn *there,
							 const char *expr, bool generated)
{
	char	   *wanted = v->dest->check->expression(relation, quote_identifier(col->target_name),
													there->type, expr, generated);

	if (wanted == NULL || strcmp(wanted, there->expression) == 0 ||
		(!generated && are_same_elsewhere(v, wanted, there->expression)))
		return;
	add(v, def, DIFFERENCE_DIFFERS, psprintf("column %s: %s", col->target_name,
											 generated ? "generated" : "default"),
		wanted, there->expression);
}

void
verify_column_parts_elsewhere(Verify *v, TableDef *def, TableColumn *col,
							  const char *relation, const DestColumn *there)
{
	char	   *object = psprintf("column %s", col->target_name);
	PlanColumn	parts;

	if (col->pg_type == NULL)
		return;
	wanted_parts(v, def, col, &parts);
	if ((parts.generated != NULL) != there->generated)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: generated", object),
			parts.generated ? parts.generated : "no",
			there->generated ? there->expression : "no");
	else if (parts.generated != NULL && there->expression != NULL &&
			 (!v->source->own_definitions || !are_names_changed(def)))
		compare_expression_elsewhere(v, def, col, relation, there, parts.generated, true);
	if (parts.generated != NULL || there->generated)
		return;
	if (parts.identity != there->identity)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: identity", object),
			yes_no(parts.identity), yes_no(there->identity));
	if ((parts.default_expr != NULL) != (there->expression != NULL))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: default", object),
			parts.default_expr ? parts.default_expr : "none",
			there->expression ? there->expression : "none");
	else if (there->expression != NULL && !v->source->own_definitions)
		compare_expression_elsewhere(v, def, col, relation, there, parts.default_expr, false);
}

/*
 * The definition of the source with the names and types that the catalog has
 * for what is here.
 */
void
verify_dress(TableDef *now, const TableDef *planned)
{
	ListCell   *lc;

	now->target_schema = planned->target_schema;
	now->target_name = planned->target_name;
	foreach(lc, now->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *known = model_find_column(planned, col->name);

		col->target_name = known ? known->target_name : NULL;
		col->pg_type = known ? known->pg_type : NULL;
		col->pg_collation = known ? known->pg_collation : NULL;
		col->target_nullable = known ? known->target_nullable : true;
		col->target_generated = known ? known->target_generated : false;
		col->left_out = known ? known->left_out : true;
	}
}
