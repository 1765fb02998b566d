/*-------------------------------------------------------------------------
 *
 * alter_elsewhere.h
 *	  Statements that change tables at a destination of the MySQL family.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ALTER_ELSEWHERE_H
#define DTSMIG_ALTER_ELSEWHERE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "nodes/nodes.h"

#include "schema/plan.h"

/* Fills sql, rows_unknown and why of a change. */
extern void alter_elsewhere(const PlanOptions *options, TableAlter *alter);
/* What makes a table, char *; NIL, and *why: it cannot be made. */
extern List *alter_elsewhere_create(const PlanOptions *options, TableDef *def, char **why);
/* The same of an index by its CREATE INDEX; NULL: it is lost. */
extern char *alter_elsewhere_index(const PlanOptions *options, TableDef *def, const Node *tree,
							   const char *name, char **why);
extern char *alter_elsewhere_drop_table(const TableDef *def);
/* NULL: there is no such index; or *why. */
extern char *alter_elsewhere_drop_index(const char *schema, const char *name, char **why);

#endif							/* DTSMIG_ALTER_ELSEWHERE_H */
