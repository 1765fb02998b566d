/*-------------------------------------------------------------------------
 *
 * resync_shape.h
 *	  Definitions of tables that are copied again: what the source has now,
 *	  beside what the books have.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RESYNC_SHAPE_H
#define DTSMIG_RESYNC_SHAPE_H

#include "postgres.h"

#include "core/relation.h"
#include "schema/model.h"
#include "worker/task_run.h"

/* Can an action of a foreign key to parent change rows of child? */
extern bool resync_is_child(const TableDef *child, const TableDef *parent);
/* What is of the same name in old stays what it is at the destination. */
extern void resync_take_targets(TableDef *def, const TableDef *old);
/* Of the tables of the source; NULL: not there, or without rows. */
extern TableDef *resync_find_def(List *tables, const SourceRelation *rel);
/* Do rows of the two look the same? */
extern bool resync_same_shape(const TableDef *a, const TableDef *b);

/* resync_names.c: tables that the source calls otherwise ----------------- */

/*
 * Those of rels (SourceRelation *) that can be copied from a snapshot at high
 * as what the source has in it (tables), when the log is applied to applied
 * (NULL: nothing is). The others wait for a statement of the log.
 */
extern List *resync_settle_names(TaskRun *run, List *rels, List *tables,
								 const char *high, const char *applied);
/*
 * In the catalog, tables lose the names that they are going to change by pairs
 * (PlanPair *), so that they can exchange them.
 */
extern void resync_free_names(List *rels, List *pairs);

#endif							/* DTSMIG_RESYNC_SHAPE_H */
