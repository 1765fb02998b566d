/*-------------------------------------------------------------------------
 *
 * shape_rows.h
 *	  Rows on their way through a rule: filter, set, another key.
 *
 *	  row of the source --filter--> --set--> row of the destination
 *			|	  \
 *			|	   +--> skipped
 *			+-- UPDATE: in before and after: UPDATE; before alone: DELETE;
 *				after alone: INSERT
 *
 * One Shape serves copies, changes and verification, so that they agree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_ROWS_H
#define DTSMIG_SHAPE_ROWS_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "core/change.h"
#include "core/relation.h"
#include "transform/rule.h"

typedef struct Shape Shape;

/*
 * Gives rel its shape and rel->out, which bind joins with the destination's
 * table (DestRoutine.bind_relation). Columns of rel that an expression uses are
 * decoded. To be called before the source prepares rel; in a transaction.
 * Raises what shape_expr_compile raises.
 */
extern void shape_open(SourceRelation *rel, const ShapeRule *rule,
					   void (*bind) (SourceRelation *rel));

/*
 * The change that the destination is to apply, good until the next call;
 * values that are new are in rowcxt. NULL: none. Raises an error where the
 * source has not reported a value that it takes to know.
 */
extern Change *shape_change(Shape *shape, const Change *change,
							TimestampTz commit_time, MemoryContext rowcxt);

/*
 * A row that is loaded, in the current context, which is reset by the caller:
 * values of rel->out. False: the filter leaves it out.
 */
extern bool shape_row(Shape *shape, const Datum *values, const bool *nulls,
					  Datum *out_values, bool *out_nulls);

struct SourceRows;

/*
 * Appends the next row of a copy in the format of rel->out, for
 * DestRoutine.load; false at the end. next: gives the rows, as
 * SourceRoutine.next_copy.
 */
extern bool shape_next_copy(bool (*next) (struct SourceRows *rows, StringInfo buf),
							struct SourceRows *rows, SourceRelation *rel,
							StringInfo buf);

/*
 * A column of varying length outside the source's key that an expression uses;
 * NULL: there is none.
 */
extern const char *shape_needs_whole_row(const Shape *shape);

/* Is the key at the destination the source's, value for value? */
extern bool shape_keeps_key(const Shape *shape);

/*
 * Can the value of a column of rel->out be compared with the source's: does it
 * depend on the row alone?
 */
extern bool shape_column_is_steady(const Shape *shape, int column);

/* Does a column of rel go to it as it is? */
extern bool shape_column_is_plain(const Shape *shape, int column);
/* NULL: there is none. */
extern const struct ShapeExpr *shape_filter(const Shape *shape);

/*
 * Can the values that "set" makes (the steady ones) be made again from a row
 * that is stored at the destination? Are there any?
 */
extern bool shape_can_check(const Shape *shape);
extern bool shape_has_checks(const Shape *shape);
/*
 * Are they in this row what they should be? values of rel->out. Raises what
 * expressions raise of a row that the source may never have had.
 */
extern bool shape_check_row(Shape *shape, const Datum *values,
							const bool *nulls);

#endif							/* DTSMIG_SHAPE_ROWS_H */
