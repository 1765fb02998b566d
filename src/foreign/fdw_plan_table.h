/*-------------------------------------------------------------------------
 *
 * fdw_plan_table.h
 *	  What the planner keeps with a relation (RelOptInfo.fdw_private).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_PLAN_TABLE_H
#define DTSMIG_FDW_PLAN_TABLE_H

#include "postgres.h"
#include "nodes/pathnodes.h"

#include "foreign/fdw_table.h"

/* Of a connection that is open, as in postgres_fdw. */
#define STARTUP_COST 100.0
#define ROW_COST 0.01

/* Fewer rows are read to their end when the scan ends early. */
#define FEW_ROWS 10000

typedef struct PlanTable
{
	FdwTable   *table;
	bool		exact;			/* the source can do all conditions */
	List	   *conditions;		/* those without rows of other tables */
	List	   *aggregates;		/* of an upper relation: Aggref * */
	RelOptInfo *input;

	/* of a join; else NULL, NIL */
	RelOptInfo *outer;
	RelOptInfo *inner;
	List	   *equal;			/* see FDW_JOIN_EQUAL */
} PlanTable;

#endif							/* DTSMIG_FDW_PLAN_TABLE_H */
