/*-------------------------------------------------------------------------
 *
 * fdw_join.h
 *	  Joins of two foreign tables that the source does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_JOIN_H
#define DTSMIG_FDW_JOIN_H

#include "postgres.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

#include "foreign/fdw_row.h"
#include "foreign/fdw_table.h"

/*
 * FDW_JOIN of a plan's private list: a List of
 *	  the inner relation, as an Integer
 *	  List of its clauses
 *	  List of Integer: attributes that are equal, outer, inner, outer, …
 *	  List of Integer: those of the rows, of the inner relation negative
 */
enum FdwJoinPrivate
{
	FDW_JOIN_INNER,
	FDW_JOIN_CLAUSES,
	FDW_JOIN_EQUAL,
	FDW_JOIN_OUTPUT
};

/* Paths, and a plan, of a join. */
extern void fdw_get_join_paths(PlannerInfo *root, RelOptInfo *join, RelOptInfo *outer,
							   RelOptInfo *inner, JoinType type, JoinPathExtraData *extra);
extern List *fdw_join_private(const RelOptInfo *join, List **scan_tlist);

/* As it is run: tables that are bound, and what stands for the rows of both. */
typedef struct FdwJoin
{
	const List *private;
	FdwTable   *tables[2];		/* outer, inner */
	SourceRelation *rel;
	FdwRow	   *row;
} FdwJoin;

extern FdwJoin *fdw_join_open(const List *private, Oid outer, Oid role);
/*
 * The SELECT; outer: clauses of that relation. *never: it has no rows. NULL: the
 * source cannot do it any more.
 */
extern char *fdw_join_sql(const FdwJoin *join, List *outer, bool *never);

#endif							/* DTSMIG_FDW_JOIN_H */
