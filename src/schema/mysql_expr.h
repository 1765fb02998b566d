/*-------------------------------------------------------------------------
 *
 * mysql_expr.h
 *	  SQL expressions of the MySQL family as PostgreSQL expressions.
 *
 * An expression is translated only where its value is known to be the same;
 * else the result says why not. Where it is used matters: a generated column
 * or an index wants immutable functions, and must not fail on any row that
 * the source accepted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_EXPR_H
#define DTSMIG_MYSQL_EXPR_H

#include "schema/model.h"
#include "schema/mysql_types.h"

typedef enum MyExprUse
{
	MY_EXPR_DEFAULT,			/* no columns; volatile functions welcome */
	MY_EXPR_GENERATED,			/* immutable, exact */
	MY_EXPR_INDEX,				/* immutable */
	MY_EXPR_CHECK,				/* a condition; must accept what MySQL accepted */
	MY_EXPR_QUERY				/* views */
} MyExprUse;

typedef struct MyExprResult
{
	char	   *sql;			/* NULL: does not translate */
	char	   *why;			/* … because of this */
	char	   *note;			/* what may differ; NULL: nothing */
	PgClass		from;			/* class of its value */
	PgClass		cls;			/* the same, as the class that was wanted */
	int			scale;			/* digits after the point, of a decimal or a
								 * second; -1: not known */
	const TableColumn *col;		/* it is this column and nothing else; NULL */
	bool		small;			/* an integer from 0 to 127 */
	int			width;			/* PGC_INT: bytes of the type that has room for it */
	List	   *tables;			/* of a query: TableDef *, in its FROM clauses */
} MyExprResult;

/*
 * def (may be NULL) gives the columns; they must have pg_type and
 * target_name. want is the class that the value is to have (PGC_BOOL for a
 * condition), PGC_UNKNOWN: any.
 */
extern MyExprResult mysql_translate_expression(const char *expr,
											   const TableDef *def,
											   MyExprUse use, PgClass want);

/* A SELECT of a view over the tables of the list. */
extern MyExprResult mysql_translate_query(const char *query, List *tables,
										  const char *schema);

#endif							/* DTSMIG_MYSQL_EXPR_H */
