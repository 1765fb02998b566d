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
/*
 * Which columns of what the source has now can be NOT NULL: not those of which
 * it is known, or not known at all, that rows hold what becomes NULL.
 */
extern void resync_look_at_values(TaskRun *run, TableDef *def,
								  const TableDef *old);

#endif							/* DTSMIG_RESYNC_SHAPE_H */
