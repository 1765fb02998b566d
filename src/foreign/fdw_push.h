/*-------------------------------------------------------------------------
 *
 * fdw_push.h
 *	  Conditions of a query as the source can do them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_PUSH_H
#define DTSMIG_FDW_PUSH_H

#include "postgres.h"
#include "nodes/execnodes.h"

#include "foreign/fdw_table.h"

/*
 * Clauses (of an AND) in the source's SQL; NULL: there is no condition. What
 * cannot be said in it is left out, so that all clauses are tested locally,
 * too.
 * *exact: a row meets it if, and only if, it meets all clauses.
 */
extern char *fdw_push(const FdwTable *table, List *clauses, bool *exact);

/*
 * The same with parameters in their places, as econtext has them. *never: no
 * row can meet the clauses.
 */
extern char *fdw_push_values(const FdwTable *table, List *clauses,
							 PlanState *parent, ExprContext *econtext,
							 bool *exact, bool *never);

/*
 * Does an integer column of the source mean the same in its SQL as in that of
 * this server?
 */
extern bool fdw_push_is_integer(const FdwTable *table, int attno);

#endif							/* DTSMIG_FDW_PUSH_H */
