/*-------------------------------------------------------------------------
 *
 * pg_names_walk.c
 *	  Marks, by the parse tree of a statement, what the names in its text are.
 *
 * The tree distinguishes columns from objects, functions from tables, and
 * tables of a query from others; all that it says nothing of is the qualified
 * name of an object. Of utility statements only those parts are walked that can
 * hold an expression, a query, or a name without a schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "schema/pg_names_internal.h"

static bool walk(Node *node, void *context);
static void walk_utility(NamesRun *run, Node *node);

static void
mark(NamesRun *run, int location, NameMark what)
{
	if (location >= 0 && location < run->len)
		run->marks[location] = what;
}

/* A relation that a utility statement names. */
static void
mark_relation(NamesRun *run, RangeVar *rv)
{
	if (rv != NULL && rv->schemaname == NULL)
		mark(run, rv->location, MARK_RELATION);
}

static void
mark_relations(NamesRun *run, List *list)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (IsA(lfirst(lc), RangeVar))
			mark_relation(run, lfirst(lc));
	}
}

static const char *
string_constant(Node *node)
{
	A_Const    *con = (A_Const *) node;

	if (node == NULL || !IsA(node, A_Const) || nodeTag(&con->val) != T_String)
		return NULL;
	return strVal(&con->val);
}

/* ------------------------------------------------------------------ scopes */

/* Adds the names that items of a FROM clause have in their query. */
static List *
from_names(List *names, Node *item)
{
	ListCell   *lc;
	Alias	   *alias = NULL;

	if (item == NULL)
		return names;
	switch (nodeTag(item))
	{
		case T_List:
			foreach(lc, (List *) item)
				names = from_names(names, lfirst(lc));
			return names;
		case T_RangeVar:
			alias = ((RangeVar *) item)->alias;
			if (alias == NULL)
				return lappend(names, ((RangeVar *) item)->relname);
			break;
		case T_RangeSubselect:
			alias = ((RangeSubselect *) item)->alias;
			break;
		case T_RangeFunction:
			alias = ((RangeFunction *) item)->alias;
			break;
		case T_RangeTableFunc:
			alias = ((RangeTableFunc *) item)->alias;
			break;
		case T_RangeTableSample:
			return from_names(names, ((RangeTableSample *) item)->relation);
		case T_JoinExpr:
			names = from_names(names, ((JoinExpr *) item)->larg);
			names = from_names(names, ((JoinExpr *) item)->rarg);
			alias = ((JoinExpr *) item)->alias;
			break;
		default:
			break;
	}
	return alias ? lappend(names, alias->aliasname) : names;
}

/* Names of WITH stand for no table, whatever schemas hold. */
static void
note_ctes(NamesRun *run, WithClause *with)
{
	ListCell   *lc;

	if (with != NULL)
		foreach(lc, with->ctes)
			run->ctes = lappend(run->ctes,
								((CommonTableExpr *) lfirst(lc))->ctename);
}

static bool
is_cte(NamesRun *run, const RangeVar *rv)
{
	ListCell   *lc;

	if (rv->schemaname == NULL)
		foreach(lc, run->ctes)
			if (strcmp(lfirst(lc), rv->relname) == 0)
				return true;
	return false;
}

static bool
in_scope(NamesRun *run, const char *name)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, run->scopes)
		foreach(lc2, (List *) lfirst(lc))
			if (strcmp(lfirst(lc2), name) == 0)
				return true;
	return false;
}

/* ------------------------------------------------------------- expressions */

static void
visit_column(NamesRun *run, ColumnRef *ref)
{
	Node	   *first = linitial(ref->fields);

	if (list_length(ref->fields) == 1 || !IsA(first, String))
		return;
	if (list_length(ref->fields) == 2)
	{
		bool		own = run->own != NULL && !in_scope(run, strVal(first)) &&
			strcmp(run->own->relname, strVal(first)) == 0;

		mark(run, ref->location, own ? MARK_OWN_COLUMN : MARK_LEAVE);
	}
	else if (list_length(ref->fields) == 3 && run->scopes != NIL)
		mark(run, ref->location, MARK_QUERY_COLUMN);
}

/* Marks a string that one of the types for names makes a name. */
static void
visit_cast(NamesRun *run, TypeCast *cast)
{
	static const char *const relations[] = {"regclass", "regtype"};
	static const char *const others[] = {"regproc", "regcollation",
	"regconfig", "regdictionary"};
	const char *type;

	if (string_constant(cast->arg) == NULL || cast->typeName->names == NIL)
		return;
	if (list_length(cast->typeName->names) > 1 &&
		strcmp(strVal(linitial(cast->typeName->names)), "pg_catalog") != 0)
		return;
	type = strVal(llast(cast->typeName->names));
	for (int i = 0; i < lengthof(relations); i++)
		if (strcmp(type, relations[i]) == 0)
			mark(run, ((A_Const *) cast->arg)->location, MARK_LITERAL);
	for (int i = 0; i < lengthof(others); i++)
		if (strcmp(type, others[i]) == 0)
			mark(run, ((A_Const *) cast->arg)->location, MARK_LITERAL_OTHER);
	if (strcmp(type, "regnamespace") == 0)
		mark(run, ((A_Const *) cast->arg)->location, MARK_LITERAL_SCHEMA);
}

static void
visit_function(NamesRun *run, FuncCall *call)
{
	static const char *const sequence_functions[] = {"nextval", "currval",
	"setval"};
	const char *name = strVal(llast(call->funcname));

	if (list_length(call->funcname) > 1)
		mark(run, call->location, MARK_FUNCTION);
	if (call->args == NIL || string_constant(linitial(call->args)) == NULL)
		return;
	for (int i = 0; i < lengthof(sequence_functions); i++)
		if (strcmp(name, sequence_functions[i]) == 0)
			mark(run, ((A_Const *) linitial(call->args))->location,
				 MARK_LITERAL);
}

static void
visit_targets(NamesRun *run, List *targets)
{
	ListCell   *lc;

	foreach(lc, targets)
		mark(run, ((ResTarget *) lfirst(lc))->location, MARK_LEAVE);
}

/* A query with the names of its tables in scope. */
static bool
walk_query(NamesRun *run, Node *node)
{
	List	   *save = run->scopes;
	List	   *names = NIL;
	bool		result;

	switch (nodeTag(node))
	{
		case T_SelectStmt:
			note_ctes(run, ((SelectStmt *) node)->withClause);
			names = from_names(NIL, (Node *) ((SelectStmt *) node)->fromClause);
			break;
		case T_InsertStmt:
			note_ctes(run, ((InsertStmt *) node)->withClause);
			names = from_names(NIL, (Node *) ((InsertStmt *) node)->relation);
			visit_targets(run, ((InsertStmt *) node)->cols);
			if (((InsertStmt *) node)->onConflictClause)
				visit_targets(run, ((InsertStmt *) node)->onConflictClause->targetList);
			break;
		case T_UpdateStmt:
			note_ctes(run, ((UpdateStmt *) node)->withClause);
			names = from_names(NIL, (Node *) ((UpdateStmt *) node)->relation);
			names = from_names(names, (Node *) ((UpdateStmt *) node)->fromClause);
			visit_targets(run, ((UpdateStmt *) node)->targetList);
			break;
		case T_DeleteStmt:
			note_ctes(run, ((DeleteStmt *) node)->withClause);
			names = from_names(NIL, (Node *) ((DeleteStmt *) node)->relation);
			names = from_names(names, (Node *) ((DeleteStmt *) node)->usingClause);
			break;
		default:
			break;
	}
	run->scopes = lcons(names, run->scopes);
	result = raw_expression_tree_walker(node, walk, run);
	run->scopes = save;
	return result;
}

static bool
walk(Node *node, void *context)
{
	NamesRun   *run = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_ColumnRef:
			visit_column(run, (ColumnRef *) node);
			return false;
		case T_TypeCast:
			visit_cast(run, (TypeCast *) node);
			break;
		case T_FuncCall:
			visit_function(run, (FuncCall *) node);
			break;
		case T_TypeName:
			if (((TypeName *) node)->pct_type &&
				list_length(((TypeName *) node)->names) == 2)
				mark(run, ((TypeName *) node)->location, MARK_LEAVE);
			break;
		case T_RangeVar:
			if (is_cte(run, (RangeVar *) node))
				;
			else if (((RangeVar *) node)->alias == NULL)
				mark(run, ((RangeVar *) node)->location, MARK_QUERY_TABLE);
			else
				mark_relation(run, (RangeVar *) node);
			return false;
		case T_LockingClause:	/* names tables of the query */
			return false;
		case T_IntoClause:
			mark_relation(run, ((IntoClause *) node)->rel);
			return false;
		case T_ReturnStmt:
			return walk(((ReturnStmt *) node)->returnval, run);
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
			return walk_query(run, node);
		default:
			break;
	}
	return raw_expression_tree_walker(node, walk, run);
}

/* -------------------------------------------------------------- utilities */

static void
walk_list(NamesRun *run, List *list)
{
	ListCell   *lc;

	foreach(lc, list)
		walk_utility(run, lfirst(lc));
}

static void
walk_constraint(NamesRun *run, Constraint *con)
{
	ListCell   *lc;

	(void) walk(con->raw_expr, run);
	(void) walk(con->where_clause, run);
	foreach(lc, con->exclusions)
		(void) walk(linitial((List *) lfirst(lc)), run);
	mark_relation(run, con->pktable);
}

static void
walk_column(NamesRun *run, ColumnDef *col)
{
	(void) walk((Node *) col->typeName, run);
	(void) walk(col->raw_default, run);
	walk_list(run, col->constraints);
}

static void
walk_create(NamesRun *run, CreateStmt *stmt)
{
	run->own = stmt->relation;
	mark_relation(run, stmt->relation);
	mark_relations(run, stmt->inhRelations);
	walk_list(run, stmt->tableElts);
	walk_list(run, stmt->constraints);
	walk_utility(run, (Node *) stmt->partbound);
	if (stmt->partspec != NULL)
	{
		ListCell   *lc;

		foreach(lc, stmt->partspec->partParams)
			(void) walk(((PartitionElem *) lfirst(lc))->expr, run);
	}
}

/* Values of search_path. */
static void
walk_setting(NamesRun *run, VariableSetStmt *stmt)
{
	ListCell   *lc;

	if (stmt->name == NULL || pg_strcasecmp(stmt->name, "search_path") != 0)
		return;
	foreach(lc, stmt->args)
		if (string_constant(lfirst(lc)) != NULL)
			mark(run, ((A_Const *) lfirst(lc))->location, MARK_LITERAL_SCHEMA);
}

static void
walk_options(NamesRun *run, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);

		if (IsA(def, DefElem) && def->arg != NULL &&
			IsA(def->arg, VariableSetStmt))
			walk_setting(run, (VariableSetStmt *) def->arg);
	}
}

static void
walk_function(NamesRun *run, CreateFunctionStmt *stmt)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, stmt->parameters)
	{
		FunctionParameter *par = lfirst(lc);

		(void) walk((Node *) par->argType, run);
		(void) walk(par->defexpr, run);
	}
	(void) walk((Node *) stmt->returnType, run);
	walk_options(run, stmt->options);
	if (stmt->sql_body == NULL)
		return;
	if (!IsA(stmt->sql_body, List))
		(void) walk(stmt->sql_body, run);
	else
		foreach(lc, (List *) stmt->sql_body)
			foreach(lc2, (List *) lfirst(lc))
				(void) walk(lfirst(lc2), run);
}

static void
walk_alter_command(NamesRun *run, AlterTableCmd *cmd)
{
	if (cmd->def == NULL)
		return;
	if (cmd->subtype == AT_ColumnDefault)
		(void) walk(cmd->def, run);
	else
		walk_utility(run, cmd->def);
}

static void
walk_utility(NamesRun *run, Node *node)
{
	if (node == NULL)
		return;
	switch (nodeTag(node))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
			(void) walk(node, run);
			break;
		case T_CreateStmt:
			walk_create(run, (CreateStmt *) node);
			break;
		case T_CreateForeignTableStmt:
			walk_create(run, &((CreateForeignTableStmt *) node)->base);
			break;
		case T_ColumnDef:
			walk_column(run, (ColumnDef *) node);
			break;
		case T_Constraint:
			walk_constraint(run, (Constraint *) node);
			break;
		case T_TableLikeClause:
			mark_relation(run, ((TableLikeClause *) node)->relation);
			break;
		case T_PartitionCmd:
			mark_relation(run, ((PartitionCmd *) node)->name);
			walk_utility(run, (Node *) ((PartitionCmd *) node)->bound);
			break;
		case T_PartitionBoundSpec:
			(void) walk((Node *) ((PartitionBoundSpec *) node)->listdatums, run);
			(void) walk((Node *) ((PartitionBoundSpec *) node)->lowerdatums, run);
			(void) walk((Node *) ((PartitionBoundSpec *) node)->upperdatums, run);
			break;
		case T_AlterTableStmt:
			{
				AlterTableStmt *stmt = (AlterTableStmt *) node;
				ListCell   *lc;

				run->own = stmt->relation;
				mark_relation(run, stmt->relation);
				foreach(lc, stmt->cmds)
					walk_alter_command(run, lfirst(lc));
				break;
			}
		case T_IndexStmt:
			{
				IndexStmt  *stmt = (IndexStmt *) node;

				run->own = stmt->relation;
				mark_relation(run, stmt->relation);
				(void) walk((Node *) stmt->indexParams, run);
				(void) walk(stmt->whereClause, run);
				break;
			}
		case T_CreateStatsStmt:
			{
				CreateStatsStmt *stmt = (CreateStatsStmt *) node;
				ListCell   *lc;

				mark_relations(run, stmt->relations);
				if (stmt->relations != NIL && IsA(linitial(stmt->relations), RangeVar))
					run->own = linitial(stmt->relations);
				foreach(lc, stmt->exprs)
					(void) walk(((StatsElem *) lfirst(lc))->expr, run);
				break;
			}
		case T_ViewStmt:
			mark_relation(run, ((ViewStmt *) node)->view);
			(void) walk(((ViewStmt *) node)->query, run);
			break;
		case T_CreateTableAsStmt:
			mark_relation(run, ((CreateTableAsStmt *) node)->into->rel);
			walk_utility(run, ((CreateTableAsStmt *) node)->query);
			break;
		case T_RuleStmt:
			mark_relation(run, ((RuleStmt *) node)->relation);
			(void) walk(((RuleStmt *) node)->whereClause, run);
			walk_list(run, ((RuleStmt *) node)->actions);
			break;
		case T_CreatePolicyStmt:
			run->own = ((CreatePolicyStmt *) node)->table;
			mark_relation(run, run->own);
			(void) walk(((CreatePolicyStmt *) node)->qual, run);
			(void) walk(((CreatePolicyStmt *) node)->with_check, run);
			break;
		case T_AlterPolicyStmt:
			run->own = ((AlterPolicyStmt *) node)->table;
			mark_relation(run, run->own);
			(void) walk(((AlterPolicyStmt *) node)->qual, run);
			(void) walk(((AlterPolicyStmt *) node)->with_check, run);
			break;
		case T_CreateTrigStmt:
			mark_relation(run, ((CreateTrigStmt *) node)->relation);
			mark_relation(run, ((CreateTrigStmt *) node)->constrrel);
			(void) walk(((CreateTrigStmt *) node)->whenClause, run);
			break;
		case T_CreateFunctionStmt:
			walk_function(run, (CreateFunctionStmt *) node);
			break;
		case T_AlterFunctionStmt:
			walk_options(run, ((AlterFunctionStmt *) node)->actions);
			break;
		case T_CreateDomainStmt:
			walk_list(run, ((CreateDomainStmt *) node)->constraints);
			break;
		case T_AlterDomainStmt:
			{
				AlterDomainStmt *stmt = (AlterDomainStmt *) node;

				/* 'T' is ALTER DOMAIN … SET DEFAULT */
				if (stmt->subtype == 'T')
					(void) walk(stmt->def, run);
				else
					walk_utility(run, stmt->def);
				break;
			}
		case T_VariableSetStmt:
			walk_setting(run, (VariableSetStmt *) node);
			break;
		case T_AlterRoleSetStmt:
			walk_setting(run, ((AlterRoleSetStmt *) node)->setstmt);
			break;
		case T_AlterDatabaseSetStmt:
			walk_setting(run, ((AlterDatabaseSetStmt *) node)->setstmt);
			break;
		case T_CreateSeqStmt:
			mark_relation(run, ((CreateSeqStmt *) node)->sequence);
			break;
		case T_AlterSeqStmt:
			mark_relation(run, ((AlterSeqStmt *) node)->sequence);
			break;
		case T_CompositeTypeStmt:
			mark_relation(run, ((CompositeTypeStmt *) node)->typevar);
			break;
		case T_RenameStmt:
			mark_relation(run, ((RenameStmt *) node)->relation);
			break;
		case T_AlterObjectSchemaStmt:
			mark_relation(run, ((AlterObjectSchemaStmt *) node)->relation);
			break;
		case T_TruncateStmt:
			mark_relations(run, ((TruncateStmt *) node)->relations);
			break;
		case T_GrantStmt:
			mark_relations(run, ((GrantStmt *) node)->objects);
			break;
		case T_RefreshMatViewStmt:
			mark_relation(run, ((RefreshMatViewStmt *) node)->relation);
			break;
		case T_CreateSchemaStmt:
			walk_list(run, ((CreateSchemaStmt *) node)->schemaElts);
			break;
		default:
			/* holds names of objects only */
			break;
	}
}

void
names_walk_statement(NamesRun *run, Node *stmt)
{
	run->own = NULL;
	run->scopes = run->ctes = NIL;
	walk_utility(run, stmt);
}
