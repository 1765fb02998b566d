/*-------------------------------------------------------------------------
 *
 * plan_change_internal.h
 *	  What plan_change.c (plans against each other), plan_alter.c (columns)
 *	  and plan_convert.c (values) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PLAN_CHANGE_INTERNAL_H
#define DTSMIG_PLAN_CHANGE_INTERNAL_H

#include "schema/plan_change.h"
#include "schema/plan_internal.h"

typedef struct ChangeState
{
	const PlanOptions *options;
	TimestampTz moment;
	List	   *pairs;			/* TablePair * */
	PlanChange *change;
} ChangeState;

/* A PlanPair, with what lies between its two ends. */
typedef struct TablePair
{
	PlanPair   *pair;
	TableDef   *middle;			/* before, with the names of after; NULL if one of
								 * the two is missing */
	TableDef   *after;
	List	   *rebuilt;		/* char *: columns dropped and made again */
	bool		retyped;		/* a column has got another type */
} TablePair;

/* One statement of no phase of its own, to be run in its turn. */
extern void change_run(ChangeState *state, const TableDef *def,
					   const char *kind, char *sql);

extern bool change_gives_way(const TableDef *after, const TableIndex *index);

/* plan_alter.c */
/* Which columns are retyped and rebuilt; before anything is run. */
extern void alter_look(ChangeState *state, TablePair *t);
/* DROP and RENAME COLUMN, RENAME of table and indexes. */
extern void alter_names(ChangeState *state, TablePair *t);
/* Types, values, defaults; ADD COLUMN. */
extern void alter_columns(ChangeState *state, TablePair *t);
/* Enum types: made, extended, replaced. */
extern void alter_types(ChangeState *state, List *old_plan, List *new_plan);
extern void drop_types(ChangeState *state, List *old_plan, List *new_plan);

/* plan_convert.c */
typedef enum Conversion
{
	CONVERT_SAME,				/* nothing to do */
	CONVERT_CAST,				/* ALTER TYPE … USING */
	CONVERT_COPY				/* values have to come from the source */
} Conversion;

/*
 * loose: as PlanPair has it. name: the column in SQL. *using: an expression for
 * CONVERT_CAST.
 */
extern Conversion convert_column(const TableColumn *from, const TableColumn *to,
								 bool loose, const char *name, char **using);
/*
 * What rows get in a new column without a default, as SQL; NULL: it has to
 * come from the source.
 */
extern char *convert_implicit_default(const TableColumn *col,
									  const PlanOptions *options);

#endif							/* DTSMIG_PLAN_CHANGE_INTERNAL_H */
