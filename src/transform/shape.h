/*-------------------------------------------------------------------------
 *
 * shape.h
 *	  Tables that look otherwise at the destination than at the source, by a
 *	  rule of create_task's objects: their definitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_H
#define DTSMIG_SHAPE_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "schema/plan.h"
#include "transform/select.h"

/*
 * Marks the columns of a definition that rules leave out, and gives target
 * names to those that they rename. before: what it was before a statement of
 * the source (its columns are named by TableColumn.origin); NULL: it is new.
 */
extern void shape_columns(const Selection *sel, TableDef *def,
						  const TableDef *before);

/* Is a column called otherwise at the destination, or left out? */
extern bool shape_has_other_columns(const TableDef *def);

/*
 * A statement that gives a table at the destination the column names of the
 * source, or takes them back; columns that are not there are skipped.
 * mentioned: statements (char *) that are to be run under the source's names;
 * a column that is left out and that they mention exists for so long.
 */
extern char *shape_names_to_source(const TableDef *def, List *mentioned);
extern char *shape_names_to_target(const TableDef *def);
/* Does a statement mention the table? */
extern bool shape_is_mentioned(const TableDef *def, const char *sql);

/*
 * A plan of a source that plans its own objects has the source's column names:
 * adds what makes them the destination's.
 */
extern List *shape_plan_names(List *plan, List *tables);

/*
 * Adds to a plan what makes the columns that rules set, and the keys that they
 * choose, and takes out what does not go with these; for the tables (TableDef
 * *) that it makes. own_names: see shape_plan_names. Raises what
 * shape_expr_compile raises.
 */
extern List *shape_plan_rows(const Selection *sel, List *plan, List *tables,
							 bool own_names);
/* Takes out of statements that alter tables what is not the source's to say. */
extern List *shape_plan_change(const Selection *sel, List *statements);

/* Does a rule leave out this operation (OPERATION_…) of a table? */
extern bool shape_leaves_out(const Selection *sel, const char *schema,
							 const char *table, uint32 operation);
/*
 * The source altered a table, the destination does not follow: what came is
 * left out, what stayed is at the destination as it was.
 */
extern void shape_freeze(TableDef *def, const TableDef *before);

#endif							/* DTSMIG_SHAPE_H */
