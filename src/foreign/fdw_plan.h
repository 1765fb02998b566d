/*-------------------------------------------------------------------------
 *
 * fdw_plan.h
 *	  What a plan says of a scan of a foreign table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_PLAN_H
#define DTSMIG_FDW_PLAN_H

#include "postgres.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

/*
 * ForeignScan.fdw_private: a List of
 *	  relation, as an Integer
 *	  List of Integer: attributes wanted; 0: all
 *	  List of Integer: attributes that rows are sorted by, negative: descending
 *	  String: most rows that are read; empty: all
 *	  Integer: may what is not read be many rows?
 *	  of an aggregate: List of the Aggrefs; else NIL
 *	  of an aggregate or join: List of clauses; else NIL
 *	  Integer, an FdwLock
 *	  of a join: see fdw_join.h; else NIL
 */
enum FdwPrivate
{
	FDW_RELATION,
	FDW_WANTED,
	FDW_ORDER,
	FDW_LIMIT,
	FDW_MANY,
	FDW_AGGREGATES,
	FDW_CLAUSES,
	FDW_LOCK,
	FDW_JOIN
};

/* What is done to the rows that are read. */
typedef enum FdwLock
{
	FDW_LOCK_NONE,
	FDW_LOCK_SHARE,
	FDW_LOCK_UPDATE
} FdwLock;

extern void fdw_get_size(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern void fdw_get_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern void fdw_get_upper_paths(PlannerInfo *root, UpperRelationKind stage,
								RelOptInfo *input, RelOptInfo *output, void *extra);
extern ForeignScan *fdw_get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid,
								 ForeignPath *path, List *tlist, List *clauses,
								 Plan *outer_plan);

/* Does the option of the table, or its server, say so? */
extern bool fdw_is_async(ForeignPath *path);

/* fdw_scan.c */
extern void fdw_begin_scan(ForeignScanState *node, int eflags);
extern TupleTableSlot *fdw_iterate_scan(ForeignScanState *node);
extern void fdw_async_request(AsyncRequest *request);
extern void fdw_async_configure(AsyncRequest *request);
extern void fdw_async_notify(AsyncRequest *request);
extern void fdw_rescan(ForeignScanState *node);
extern void fdw_end_scan(ForeignScanState *node);
extern void fdw_explain_scan(ForeignScanState *node, struct ExplainState *es);

/* fdw_analyze.c */
extern bool fdw_analyze(Relation relation, AcquireSampleRowsFunc *func,
						BlockNumber *pages);

/* fdw_import.c */
extern List *fdw_import(ImportForeignSchemaStmt *stmt, Oid server);

#endif							/* DTSMIG_FDW_PLAN_H */
