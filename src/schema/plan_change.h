/*-------------------------------------------------------------------------
 *
 * plan_change.h
 *	  From the definitions of before and after to the statements that change
 *	  the destination's tables.
 *
 * Both sets of definitions are planned as if they were new (plan_schema); what
 * the plans do not share is dropped or made. Tables, columns and enum types
 * alone are altered in place. So a table that has been through any number of
 * changes is the table that a fresh plan would make, but for the names of
 * what kept its name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PLAN_CHANGE_H
#define DTSMIG_PLAN_CHANGE_H

#include "datatype/timestamp.h"
#include "schema/plan.h"

typedef struct PlanPair
{
	int64		id;				/* the caller's */
	TableDef   *before;			/* with its target part; NULL: a new table */
	TableDef   *after;			/* its columns and indexes say their origin;
								 * the target part is filled in. NULL: dropped;
								 * before itself: not touched by the statement */
	bool		emptied;		/* it has no rows, or they are copied again */
	bool		loose;			/* the source stored something else where a value
								 * did not fit its new type */
	bool		differs;		/* out: there is a statement for it, or its
								 * definition is another */
	char	   *copy_why;		/* out: its rows have to be copied again, because
								 * of this; its statements assume them gone */
} PlanPair;

typedef struct PlanChange
{
	List	   *run;			/* PlanStatement *, in order */
	List	   *gone;			/* PlanStatement * of the old plan that made what is
								 * dropped now */
	List	   *plan;			/* PlanStatement *: all that makes the tables as they
								 * are to be */
} PlanChange;

/*
 * pairs: PlanPair *, all tables of the task. moment: when the source ran the
 * statement, for what new columns hold.
 */
extern PlanChange *plan_change(List *pairs, const PlanOptions *options,
							   TimestampTz moment);

#endif							/* DTSMIG_PLAN_CHANGE_H */
