/*-------------------------------------------------------------------------
 *
 * fdw_explain.h
 *	  EXPLAIN over foreign tables: headers, and conditions with parameters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_EXPLAIN_H
#define DTSMIG_FDW_EXPLAIN_H

#include "compat.h"
#include DTS_EXPLAIN_HEADER
#include DTS_EXPLAIN_STATE_HEADER
#include "nodes/execnodes.h"

/* Is a parameter in an expression? An expression_tree_walker. */
extern bool fdw_has_parameter(Node *node, void *context);

/* Conditions that are sent with values that the plan does not have yet. */
extern void fdw_explain_parameters(ForeignScanState *node, List *clauses,
								   struct ExplainState *es);

#endif							/* DTSMIG_FDW_EXPLAIN_H */
