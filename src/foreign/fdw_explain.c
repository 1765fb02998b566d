/*-------------------------------------------------------------------------
 *
 * fdw_explain.c
 *	  EXPLAIN over foreign tables.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_explain.h"

#include "nodes/nodeFuncs.h"
#include "utils/ruleutils.h"

bool
fdw_has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, fdw_has_parameter, context);
}

void
fdw_explain_parameters(ForeignScanState *node, List *clauses, ExplainState *es)
{
	List	   *shown = NIL;
	List	   *context;
	ListCell   *lc;

	context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, NIL);
	foreach(lc, clauses)
	{
		if (fdw_has_parameter(lfirst(lc), NULL))
			shown = lappend(shown, deparse_expression(lfirst(lc), context, false, false));
	}
	if (shown != NIL)
		ExplainPropertyList("Remote Conditions", shown, es);
}
