/*-------------------------------------------------------------------------
 *
 * shape_expr.c
 *	  Compiles expressions over a row of the source.
 *
 *	  text --raw_parser--> one expression, no subquery
 *		--transformExpr, columns by a hook--> Vars over the row
 *		--coerced, refused if volatile--> ShapeExpr
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape_expr.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "core/table_owner.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define PREFIX "SELECT ("

typedef struct ExprContextText
{
	const char *text;
	const char *what;
} ExprContextText;

/* The place of an error is one in the expression, not in the user's query. */
static void
error_context(void *arg)
{
	ExprContextText *t = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(Max(position - (int) strlen(PREFIX), 1));
		internalerrquery(t->text);
	}
	errcontext("%s", t->what);
}

static bool
is_subquery(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, is_subquery, context);
}

/* The parse tree of the one expression that text is. */
static Node *
parse(const char *text)
{
	List	   *statements = raw_parser(psprintf(PREFIX "%s\n)", text),
										RAW_PARSE_DEFAULT);
	SelectStmt *select;
	ResTarget  *target;

	select = list_length(statements) == 1 ?
		(SelectStmt *) linitial_node(RawStmt, statements)->stmt : NULL;
	if (select == NULL || !IsA(select, SelectStmt) ||
		select->op != SETOP_NONE || list_length(select->targetList) != 1 ||
		select->distinctClause || select->intoClause || select->fromClause ||
		select->whereClause || select->groupClause || select->havingClause ||
		select->windowClause || select->valuesLists || select->sortClause ||
		select->limitOffset || select->limitCount || select->lockingClause ||
		select->withClause)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not one SQL expression", text)));
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not one SQL expression", text)));
	if (is_subquery(target->val, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an expression over a row of the source cannot have a subquery"),
				 errhint("A function that is declared IMMUTABLE or STABLE can look something up.")));
	return target->val;
}

static void
push_context(ErrorContextCallback *callback, ExprContextText *t)
{
	callback->callback = error_context;
	callback->arg = t;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

void
shape_expr_check(const char *text, const char *what)
{
	ExprContextText t = {text, what};
	ErrorContextCallback callback;

	push_context(&callback, &t);
	(void) parse(text);
	error_context_stack = callback.previous;
}

/* ----------------------------------------------------------------- columns */

static int
find_column(const ExprScope *scope, const char *name)
{
	int			folded = -1;

	for (int i = 0; i < scope->ncolumns; i++)
	{
		if (strcmp(scope->columns[i].name, name) == 0)
			return i;
		if (scope->any_case && pg_strcasecmp(scope->columns[i].name, name) == 0)
			folded = i;
	}
	return folded;
}

static Node *
text_constant(const char *value)
{
	return (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
							  CStringGetTextDatum(value), false, false);
}

static Node *
find_variable(const ExprScope *scope, const char *name)
{
	if (strcmp(name, "operation") == 0)
		return (Node *) makeVar(1, scope->ncolumns + 1, TEXTOID, -1,
								DEFAULT_COLLATION_OID, 0);
	if (strcmp(name, "commit_time") == 0)
		return (Node *) makeVar(1, scope->ncolumns + 2, TIMESTAMPTZOID, -1,
								InvalidOid, 0);
	if (strcmp(name, "source_schema") == 0)
		return text_constant(scope->schema);
	if (strcmp(name, "source_table") == 0)
		return text_constant(scope->table);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("there is no variable \"dtsmig.%s\"", name),
			 errhint("Variables are dtsmig.operation, dtsmig.commit_time, dtsmig.source_schema and dtsmig.source_table.")));
	return NULL;
}

/* PreParseColumnRefHook; NULL: the parser says that there is no such thing. */
static Node *
resolve(ParseState *pstate, ColumnRef *cref)
{
	const ExprScope *scope = pstate->p_ref_hook_state;
	int			n = list_length(cref->fields);
	const ExprColumn *column;
	const char *name;
	int			i;

	if (n > 2 || !IsA(llast(cref->fields), String))
		return NULL;
	name = strVal(llast(cref->fields));
	if (n == 2)
	{
		const char *first = strVal(linitial(cref->fields));

		if (strcmp(first, "dtsmig") == 0)
			return find_variable(scope, name);
		if (strcmp(first, scope->table) != 0)
			return NULL;
	}
	i = find_column(scope, name);
	if (i < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist in table \"%s\".\"%s\" of the source",
						name, scope->schema, scope->table)));
	column = &scope->columns[i];
	if (!OidIsValid(column->typid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\".\"%s\" cannot be used in an expression: %s",
						name, scope->schema, scope->table, column->refused)));
	return (Node *) makeVar(1, i + 1, column->typid, column->typmod,
							column->collation, 0);
}

typedef struct Uses
{
	const ExprScope *scope;
	ShapeExpr  *expr;
} Uses;

static bool
note_uses(Node *node, void *context)
{
	Uses	   *uses = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		int			i = ((Var *) node)->varattno - 1;

		if (i >= uses->scope->ncolumns)
			uses->expr->variable = true;
		else
			uses->expr->columns = bms_add_member(uses->expr->columns, i);
		return false;
	}
	return expression_tree_walker(node, note_uses, context);
}

/* ----------------------------------------------------------------- compile */

/*
 * Expressions run as the task's owner, who has not asked for what the owner of
 * the column's type has made an assignment do.
 */
static void
check_cast(Oid type, Oid wanted)
{
	Oid			function;
	HeapTuple	tup;
	Oid			owner;

	if (find_coercion_pathway(wanted, type, COERCION_ASSIGNMENT, &function) !=
		COERCION_PATH_FUNC)
		return;
	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
	ReleaseSysCache(tup);
	if (!table_owner_is_trusted_role(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the cast from %s to %s runs a function of role \"%s\"",
						format_type_be(type), format_type_be(wanted),
						GetUserNameFromId(owner, false)),
				 errhint("Write the cast into the expression, if it is to run as the task's owner.")));
}

static Node *
coerce(ParseState *pstate, Node *node, bool filter, Oid wanted, int32 typmod)
{
	Oid			type = exprType(node);
	Node	   *result;

	if (filter)
		return coerce_to_boolean(pstate, node, "filter");
	if (!OidIsValid(wanted))
	{
		if (type == UNKNOWNOID)
			return coerce_type(pstate, node, type, TEXTOID, -1,
							   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
		if (get_typtype(type) == TYPTYPE_PSEUDO)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("a column cannot have type %s", format_type_be(type))));
		return node;
	}
	check_cast(type, wanted);
	result = coerce_to_target_type(pstate, node, type, wanted, typmod,
								   COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the expression is of type %s, the column of type %s",
						format_type_be(type), format_type_be(wanted)),
				 errhint("Cast the expression.")));
	return result;
}

ShapeExpr *
shape_expr_compile(const char *text, const char *what, const ExprScope *scope,
				   bool filter, Oid wanted, int32 typmod)
{
	ExprContextText t = {text, what};
	ErrorContextCallback callback;
	ShapeExpr  *result = palloc0(sizeof(ShapeExpr));
	ParseState *pstate;
	Uses		uses = {scope, result};
	Node	   *node;
	int			level = NewGUCNestLevel();

	push_context(&callback, &t);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	pstate = make_parsestate(NULL);
	pstate->p_pre_columnref_hook = resolve;
	pstate->p_ref_hook_state = unconstify(ExprScope *, scope);
	node = transformExpr(pstate, parse(text), filter ? EXPR_KIND_WHERE :
						 EXPR_KIND_UPDATE_SOURCE);
	node = coerce(pstate, node, filter, wanted, typmod);
	assign_expr_collations(pstate, node);
	if (contain_volatile_functions(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an expression over a row of the source cannot use a volatile function"),
				 errhint("It is run more than once for a row, and has to give the same each time.")));
	result->stable = contain_mutable_functions(node);
	if (filter && result->stable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a filter can use immutable functions only"),
				 errdetail("A row would be in the filter at one time, and out of it at another, without a change of it."),
				 errhint("Write times with their zone (AT TIME ZONE 'UTC'), and a date in place of now().")));
	result->expr = (Expr *) node;
	result->typid = exprType(node);
	result->typmod = exprTypmod(node);
	result->collation = exprCollation(node);
	(void) note_uses(node, &uses);
	if (filter && result->variable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a filter cannot use dtsmig.operation or dtsmig.commit_time"),
				 errhint("\"operations\" says which operations are applied.")));
	free_parsestate(pstate);
	AtEOXact_GUC(true, level);
	error_context_stack = callback.previous;
	return result;
}

TupleDesc
shape_expr_tupdesc(const ExprScope *scope)
{
	TupleDesc	desc = CreateTemplateTupleDesc(scope->ncolumns + EXPR_VARIABLES);

	for (int i = 0; i < scope->ncolumns; i++)
	{
		const ExprColumn *c = &scope->columns[i];

		TupleDescInitEntry(desc, i + 1, NULL,
						   OidIsValid(c->typid) ? c->typid : INT4OID,
						   OidIsValid(c->typid) ? c->typmod : -1, 0);
		if (OidIsValid(c->typid) && OidIsValid(c->collation))
			TupleDescInitEntryCollation(desc, i + 1, c->collation);
	}
	TupleDescInitEntry(desc, scope->ncolumns + 1, NULL, TEXTOID, -1, 0);
	TupleDescInitEntry(desc, scope->ncolumns + 2, NULL, TIMESTAMPTZOID, -1, 0);
	return desc;
}

/* Does it name anything that differs from row to row? */
static bool
is_of_row(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) node)->fields;

		return list_length(fields) != 2 || !IsA(lsecond(fields), String) ||
			strcmp(strVal(linitial(fields)), "dtsmig") != 0 ||
			strncmp(strVal(lsecond(fields)), "source_", 7) != 0;
	}
	return raw_expression_tree_walker(node, is_of_row, context);
}

char *
shape_expr_constant(const char *text, const char *schema, const char *table)
{
	ExprScope	scope = {schema, table};
	ShapeExpr  *expr;
	EState	   *estate;
	Datum		value;
	bool		isnull;
	char	   *result = NULL;

	if (is_of_row(parse(text), NULL))
		return NULL;
	expr = shape_expr_compile(text, "constant", &scope, false, InvalidOid, -1);
	if (expr->stable)
		return NULL;
	estate = CreateExecutorState();
	value = ExecEvalExprSwitchContext(ExecPrepareExpr(expr->expr, estate),
									  GetPerTupleExprContext(estate), &isnull);
	if (!isnull)
	{
		Oid			function;
		bool		varlena;

		getTypeOutputInfo(expr->typid, &function, &varlena);
		result = OidOutputFunctionCall(function, value);
	}
	FreeExecutorState(estate);
	return result;
}
