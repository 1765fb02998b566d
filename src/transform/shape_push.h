/*-------------------------------------------------------------------------
 *
 * shape_push.h
 *	  What of a filter a source can do itself, in its own SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_PUSH_H
#define DTSMIG_SHAPE_PUSH_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/primnodes.h"

#include "core/relation.h"
#include "transform/shape_expr.h"

/*
 * How an engine writes the parts of a condition. Each appends to buf what is
 * true, false or NULL at the source exactly where it is in this database, over
 * the value that the task makes of the source's; or returns false, for what is
 * not certain to be.
 */
typedef struct PushDialect
{
	/* op: "=", "<>", "<", "<=", ">" or ">=" */
	bool		(*compare) (StringInfo buf, const SourceRelation *rel,
							int column, const char *op, const Const *value);
	bool		(*is_null) (StringInfo buf, const SourceRelation *rel,
							int column);
	/* a boolean column as a condition */
	bool		(*is_true) (StringInfo buf, const SourceRelation *rel,
							int column);
	/*
	 * The condition for rows of which compare and is_null do not hold, because
	 * reading them is an error, or for another reason: they are always asked
	 * for. Appends nothing where there are none. May be NULL.
	 */
	void		(*add_doubt) (StringInfo buf, const SourceRelation *rel,
							  int column);
	int			max_list;		/* values of a list that it can look through for
								 * each row; 0: any number */
} PushDialect;

/*
 * A condition in SQL over the source's columns, in the current context, that
 * holds for every row which passes the filter; NULL: there is none. *whole: it
 * holds for no other row, but those in doubt. rel's columns have the types that
 * the filter was compiled with. A transaction is open.
 */
extern char *shape_push_filter(const ShapeExpr *filter,
							   const SourceRelation *rel,
							   const PushDialect *dialect, bool *whole);

#endif							/* DTSMIG_SHAPE_PUSH_H */
