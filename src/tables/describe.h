/*-------------------------------------------------------------------------
 *
 * describe.h
 *	  The tables that a task moves, as the source has them now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DESCRIBE_H
#define DTSMIG_DESCRIBE_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "core/options.h"
#include "schema/plan.h"
#include "source/source.h"
#include "transform/select.h"

/* Selected TableDefs; target names are set where a rule gives them. */
extern List *describe_selected(const Selection *selection,
							   const SourceRoutine *source, SourceConn *conn,
							   const ConnectionInfo *info);

/*
 * The statements that make these tables, and all that goes with them, at the
 * destination: as the source's engine plans them, or plan_schema.
 */
extern List *plan_selected(const SourceRoutine *source, SourceConn *conn,
						   const ConnectionInfo *info, List *tables,
						   const PlanOptions *options, List **names);

/*
 * Adds to the plan of a table that the source has just made what rules say of
 * it, as plan_selected does.
 */
extern List *plan_new_table(const PlanOptions *options, List *plan, TableDef *def);

/* What plan_schema needs to know of options and this database. */
extern PlanOptions *plan_options(TaskOptions *options,
								 const Selection *selection);

/*
 * Copies of definitions (TableDef *, those of tables) with all of their keys, of a
 * source that does not describe these (SourceRoutine.describe_keys).
 */
extern List *describe_with_keys(const SourceRoutine *source, SourceConn *conn,
								List *tables);

#endif							/* DTSMIG_DESCRIBE_H */
