/*-------------------------------------------------------------------------
 *
 * fdw_modify.h
 *	  Rows of foreign tables are written: what the handler offers for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_MODIFY_H
#define DTSMIG_FDW_MODIFY_H

#include "postgres.h"
#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"

/* fdw_modify_plan.c */
extern int	fdw_is_updatable(Relation rel);
extern void fdw_add_update_targets(PlannerInfo *root, Index rtindex, RangeTblEntry *rte,
								   Relation rel);
extern List *fdw_plan_modify(PlannerInfo *root, ModifyTable *plan, Index rtindex, int subplan);
/* By what name a plan's rows have an attribute of the key. */
extern char *fdw_modify_key_name(Relation rel, int attno);

/* fdw_modify.c */
extern void fdw_begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
							 int subplan, int eflags);
extern void fdw_begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo);
extern void fdw_end_modify(EState *estate, ResultRelInfo *rinfo);
extern TupleTableSlot *fdw_exec_insert(EState *estate, ResultRelInfo *rinfo,
									   TupleTableSlot *slot, TupleTableSlot *plan_slot);
extern TupleTableSlot **fdw_exec_batch_insert(EState *estate, ResultRelInfo *rinfo,
											  TupleTableSlot **slots,
											  TupleTableSlot **plan_slots, int *n);
extern int	fdw_batch_size(ResultRelInfo *rinfo);
extern TupleTableSlot *fdw_exec_update(EState *estate, ResultRelInfo *rinfo,
									   TupleTableSlot *slot, TupleTableSlot *plan_slot);
extern TupleTableSlot *fdw_exec_delete(EState *estate, ResultRelInfo *rinfo,
									   TupleTableSlot *slot, TupleTableSlot *plan_slot);
extern void fdw_explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
							   int subplan, struct ExplainState *es);

/* fdw_truncate.c */
extern void fdw_truncate(List *rels, DropBehavior behavior, bool restart);

#endif							/* DTSMIG_FDW_MODIFY_H */
