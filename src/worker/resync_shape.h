/*-------------------------------------------------------------------------
 *
 * resync_shape.h
 *	  Definitions of tables that are copied again: what the source has now,
 *	  compared with what the catalog has.
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
/* Columns that old does not have are called as the policy of names says. */
extern void resync_name_new(TableDef *def, int name_case);
/* Of the tables of the source; NULL: it does not exist, or is without rows. */
extern TableDef *resync_find_def(List *tables, const SourceRelation *rel);
/* Do rows of the two look the same? */
extern bool resync_same_shape(const TableDef *a, const TableDef *b);
/* Is one of rels (SourceRelation *) another at the source now than before? */
extern bool resync_is_altered(TaskRun *run, List *before, List *rels);
/* Takes the rows of the task away, in the caller's transaction. */
extern void resync_empty(TaskRun *run, List *rels);
/*
 * Which columns of what the source has now can be NOT NULL: not those of which
 * it is known, or not known at all, that rows hold what becomes NULL.
 */
extern void resync_look_at_values(TaskRun *run, TableDef *def,
								  const TableDef *old);


/*
 * Why a table cannot be copied again yet, for whoever waits; NULL: it can. def:
 * what the source has of it now, or NULL; settled: the tables whose name and
 * shape are those that the task knows (resync_settle_names).
 */
extern const char *resync_why_not(TaskRun *run, const SourceRelation *rel,
								  const TableDef *def, List *settled);
/* Keeps the reason, and logs one that is new; NULL: nothing is in the way. */
extern void resync_note_wait(int64 task_id, const SourceRelation *rel,
							 const char *why);

/* Schemas of tables (SourceRelation *), each once. */
extern List *resync_schemas(List *rels);
/*
 * What the source has now in those schemas; in all, if one of the tables, which
 * is known by its identity, does not exist.
 */
extern List *resync_describe(TaskRun *run, List *rels);

/* resync_names.c: tables that the source calls otherwise ----------------- */

/*
 * Those of rels (SourceRelation *) that can be copied from a snapshot at high
 * as what the source has in it (tables), when the log is applied to applied
 * (NULL: nothing is). The others wait for a statement of the log.
 */
extern List *resync_settle_names(TaskRun *run, List *rels, List *tables,
								 const char *high, const char *applied);
/*
 * The source has no such table, with all that is in its log before at; the log
 * is applied to applied. True: no statement is to come about it.
 */
extern bool resync_is_gone(TaskRun *run, const SourceRelation *rel, const char *at,
						   const char *applied);
/* Such a table leaves the task. In a transaction. */
extern void resync_let_go(TaskRun *run, const SourceRelation *rel);
/*
 * Rows of a snapshot at high did not fit; the log is applied to applied. May they
 * when it has come to high? Then the tables wait for that, and the rest of the
 * task goes on. parallel: in a copy worker.
 */
extern bool resync_rows_may_fit(TaskRun *run, const char *high, const char *applied,
								const ErrorData *edata);
extern void resync_leave_rows(TaskRun *run, const char *high, bool parallel,
							  const ErrorData *edata);
/*
 * In the catalog, tables lose the names that they are going to change by pairs
 * (PlanPair *), so that they can exchange them.
 */
extern void resync_free_names(List *rels, List *pairs);

#endif							/* DTSMIG_RESYNC_SHAPE_H */
