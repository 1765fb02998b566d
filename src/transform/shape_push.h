/*-------------------------------------------------------------------------
 *
 * shape_push.h
 *	  What of a filter a PostgreSQL source can do itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_PUSH_H
#define DTSMIG_SHAPE_PUSH_H

#include "postgres.h"

#include "core/relation.h"
#include "transform/shape_expr.h"

/*
 * A condition in SQL over the source's columns, in the current context, that
 * holds for every row which passes the filter; NULL: there is none. rel's
 * columns have the types that the filter was compiled with. A transaction is
 * open.
 */
extern char *shape_push_filter(const ShapeExpr *filter,
							   const SourceRelation *rel);

#endif							/* DTSMIG_SHAPE_PUSH_H */
