/*-------------------------------------------------------------------------
 *
 * shape_expr.h
 *	  Expressions of "filter" and "set": PostgreSQL's SQL over one row of the
 *	  source, run in this database.
 *
 * Columns have their names at the source, with or without the table's name in
 * front, and the values that the destination stores, types mapped. Names of
 * functions and operators are looked for in pg_catalog alone; others are
 * written with their schema. In addition to columns there are
 *
 *		dtsmig.operation		text: load, insert, update or delete
 *		dtsmig.commit_time		timestamptz: when the source committed the row;
 *								of a row that is loaded, when that was
 *		dtsmig.source_schema	text: names of the table at the source
 *		dtsmig.source_table
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHAPE_EXPR_H
#define DTSMIG_SHAPE_EXPR_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

/* A column that an expression may name. */
typedef struct ExprColumn
{
	const char *name;
	Oid			typid;			/* InvalidOid: cannot be named, because of */
	int32		typmod;
	Oid			collation;
	const char *refused;		/* this */
} ExprColumn;

typedef struct ExprScope
{
	const char *schema;			/* of the table at the source */
	const char *table;
	bool		any_case;		/* names of columns do not differ by case alone */
	int			ncolumns;
	ExprColumn *columns;
} ExprScope;

typedef struct ShapeExpr
{
	Expr	   *expr;
	Oid			typid;
	int32		typmod;
	Oid			collation;
	Bitmapset  *columns;		/* of the scope that it uses */
	bool		variable;		/* it uses the operation or the commit time */
	bool		stable;			/* it may have another result at another time */
} ShapeExpr;

/*
 * Is the text one expression? Raises 42601 or 0A000 if not. what: which one,
 * for messages.
 */
extern void shape_expr_check(const char *text, const char *what);

/*
 * Compiles in the current context; a transaction is open. wanted: the type to
 * be assigned to, InvalidOid: its own. Raises an error for what is no such
 * expression: unknown columns, subqueries, aggregates, volatile functions; of
 * a filter also functions that have another result at another time.
 */
extern ShapeExpr *shape_expr_compile(const char *text, const char *what,
									 const ExprScope *scope, bool filter,
									 Oid wanted, int32 typmod);
/*
 * The value of an expression that is the same for every row of a table, as
 * text; NULL: it is not, or it is NULL. A transaction is open.
 */
extern char *shape_expr_constant(const char *text, const char *schema,
								 const char *table);

/* Columns of the tuple that it is run over: those of the scope, then these. */
#define EXPR_VARIABLES 2		/* operation, commit time */

extern TupleDesc shape_expr_tupdesc(const ExprScope *scope);

#endif							/* DTSMIG_SHAPE_EXPR_H */
