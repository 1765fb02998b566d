/*-------------------------------------------------------------------------
 *
 * shape_impl.h
 *	  A rule at work: what the files that run its expressions share.
 *
 *	  shape_rows.c		opens it; rows of copies and changes
 *	  shape_check.c		what can be known of it from rows as they are at the destination
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_IMPL_H
#define DTSMIG_SHAPE_IMPL_H

#include "postgres.h"
#include "executor/executor.h"

#include "core/copy_row.h"
#include "transform/shape_expr.h"
#include "transform/shape_rows.h"

typedef struct ShapeSet
{
	const RuleSet *rule;
	int			column;			/* of rel->out */
	ShapeExpr  *expr;
	ExprState  *state;
} ShapeSet;

struct Shape
{
	SourceRelation *rel;
	SourceRelation *out;
	const ShapeRule *rule;
	ExprScope	scope;
	ShapeExpr  *filter;
	ExprState  *filter_state;
	int			nsets;
	ShapeSet   *sets;
	EState	   *estate;
	ExprContext *econtext;
	TupleTableSlot *slot;
	Bitmapset  *used;			/* columns that expressions use */
	Bitmapset  *missing;		/* of them, those that the row in slot lacks */

	Change		change;
	Row			old;
	Row			new;

	/* for copies; made when they are needed */
	CopyReader *reader;
	CopyWriter *writer;
	MemoryContext copycxt;
	Datum	   *in_values;
	bool	   *in_nulls;
	Datum	   *out_values;
	bool	   *out_nulls;
};

/* Is a column of rel->out made by "set"? */
extern bool shape_is_set(const Shape *shape, int column);

/*
 * Puts a row into the slot; what row lacks comes from other (may be NULL).
 */
extern void shape_fill_slot(Shape *shape, const Row *row, const Row *other,
							const char *operation, TimestampTz commit_time);
/*
 * Runs an expression over the slot; the value is good until that is filled
 * again. what: for errors.
 */
extern Datum shape_run(Shape *shape, ExprState *state, const char *what,
					   bool *isnull);

#endif							/* DTSMIG_SHAPE_IMPL_H */
