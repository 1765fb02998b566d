/*-------------------------------------------------------------------------
 *
 * distribution.h
 *	  How the tables of a plan are spread over the nodes of a distributed
 *	  destination, and where their rows are stored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DISTRIBUTION_H
#define DTSMIG_DISTRIBUTION_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "schema/plan.h"
#include "transform/select.h"

/* A parent of so many rows or less may be kept whole on each node. */
#define DISTRIBUTION_SMALL_ROWS 100000

/* Where a table that exists already has its rows. */
typedef struct KnownPlacement
{
	TableDef   *def;			/* its names, and columns that are referred to */
	RulePlacement placement;
	char	   *column;			/* of PLACEMENT_KEY, at the destination; else NULL */
} KnownPlacement;

/*
 * Adds to a plan what rules say by distribution_key and storage, and, at a
 * distributed destination, what follows from keys and foreign keys where they
 * say nothing; for the tables (TableDef *) that it makes. Takes out, with a
 * note, unique and foreign keys that the distribution does not allow. known:
 * tables (KnownPlacement *) that exist already, and that these refer to.
 * Raises 22023 for a rule that cannot be followed.
 */
extern List *distribution_plan(const PlanOptions *options, List *plan,
							   List *tables, List *known);

#endif							/* DTSMIG_DISTRIBUTION_H */
