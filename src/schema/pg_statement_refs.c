/*-------------------------------------------------------------------------
 *
 * pg_statement_refs.c
 *	  The relations that a statement names other than the one that it is about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/pg_statement.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

typedef struct Relations
{
	List	   *all;			/* RangeVar * */
	List	   *ctes;			/* char * */
} Relations;

static bool
collect_relations(Node *node, void *arg)
{
	Relations  *r = arg;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			r->all = lappend(r->all, node);
			return false;
		case T_CommonTableExpr:
			r->ctes = lappend(r->ctes, ((CommonTableExpr *) node)->ctename);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, collect_relations, arg);
}

/* What of a utility statement the server's walker does not go into. */
static void
collect_utility(Node *tree, Relations *r)
{
	ListCell   *lc;
	ListCell   *lc2;

	switch (nodeTag(tree))
	{
		case T_CreateStmt:
			{
				CreateStmt *st = (CreateStmt *) tree;

				(void) collect_relations((Node *) st->inhRelations, r);
				foreach(lc, st->tableElts)
				{
					List	   *constraints = list_make1(lfirst(lc));

					if (IsA(lfirst(lc), TableLikeClause))
						(void) collect_relations((Node *)
												 ((TableLikeClause *) lfirst(lc))->relation, r);
					else if (IsA(lfirst(lc), ColumnDef))
						constraints = ((ColumnDef *) lfirst(lc))->constraints;
					foreach(lc2, constraints)
						if (IsA(lfirst(lc2), Constraint))
							(void) collect_relations((Node *)
													 ((Constraint *) lfirst(lc2))->pktable, r);
				}
				break;
			}
		case T_AlterTableStmt:
			foreach(lc, ((AlterTableStmt *) tree)->cmds)
			{
				Node	   *def = lfirst_node(AlterTableCmd, lc)->def;
				List	   *constraints = def ? list_make1(def) : NIL;

				if (def != NULL && IsA(def, RangeVar))
					(void) collect_relations(def, r);
				else if (def != NULL && IsA(def, PartitionCmd))
					(void) collect_relations((Node *) ((PartitionCmd *) def)->name, r);
				else if (def != NULL && IsA(def, ColumnDef))
					constraints = ((ColumnDef *) def)->constraints;
				foreach(lc2, constraints)
					if (IsA(lfirst(lc2), Constraint))
						(void) collect_relations((Node *)
													 ((Constraint *) lfirst(lc2))->pktable, r);
			}
			break;
		case T_ViewStmt:
			(void) collect_relations(((ViewStmt *) tree)->query, r);
			break;
		case T_CreateTableAsStmt:
			(void) collect_relations(((CreateTableAsStmt *) tree)->query, r);
			break;
		case T_RuleStmt:
			(void) collect_relations(((RuleStmt *) tree)->whereClause, r);
			(void) collect_relations((Node *) ((RuleStmt *) tree)->actions, r);
			break;
		case T_CreatePolicyStmt:
			(void) collect_relations(((CreatePolicyStmt *) tree)->qual, r);
			(void) collect_relations(((CreatePolicyStmt *) tree)->with_check, r);
			break;
		case T_AlterPolicyStmt:
			(void) collect_relations(((AlterPolicyStmt *) tree)->qual, r);
			(void) collect_relations(((AlterPolicyStmt *) tree)->with_check, r);
			break;
		case T_GrantStmt:
			if (((GrantStmt *) tree)->objtype == OBJECT_TABLE ||
				((GrantStmt *) tree)->objtype == OBJECT_SEQUENCE)
				(void) collect_relations((Node *) ((GrantStmt *) tree)->objects, r);
			break;
		case T_CreateFunctionStmt:
			(void) collect_relations(((CreateFunctionStmt *) tree)->sql_body, r);
			break;
		case T_CreateTrigStmt:
			(void) collect_relations((Node *) ((CreateTrigStmt *) tree)->constrrel, r);
			break;
		default:
			break;
	}
}

List *
pg_statement_relations(const Node *tree)
{
	Relations	r = {NIL, NIL};
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	collect_utility(unconstify(Node *, tree), &r);
	foreach(lc, r.all)
	{
		RangeVar   *rv = lfirst(lc);
		bool		cte = false;

		if (rv->schemaname == NULL)
			foreach(lc2, r.ctes)
				cte |= strcmp(lfirst(lc2), rv->relname) == 0;
		if (!cte)
			result = lappend(result, rv);
	}
	return result;
}
