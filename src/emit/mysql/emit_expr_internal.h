/*-------------------------------------------------------------------------
 *
 * emit_expr_internal.h
 *	  What the files that translate expressions share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_EMIT_EXPR_INTERNAL_H
#define DTSMIG_EMIT_EXPR_INTERNAL_H

#include "emit/mysql/emit_internal.h"
#include "nodes/parsenodes.h"

typedef struct Walk
{
	const EmitTable *table;		/* NULL: there are no columns */
	const char *value;			/* column that VALUE stands for; NULL */
	const EmitTarget *target;
	EmitUse		use;
	PlanNotes  *notes;			/* may be NULL */
	char	   *why;			/* why it does not translate; the first reason */
	int			depth;
} Walk;

/* An expression that has been translated. */
typedef struct EmitExpr
{
	char	   *sql;			/* needs no parentheses; NULL: see Walk.why */
	EmitClass		class;
	int			scale;			/* of a numeric: digits behind the point, at most */
	bool		literal;
	const char *text;			/* of a literal, as PostgreSQL has it; NULL: NULL */
	bool		by_code;		/* a text that is ordered by its characters' codes */
	bool		not_null;
	const char *type;			/* of the user's, that a literal was cast to */
} EmitExpr;

/* Notes why, unless there is a reason already; an expression without SQL. */
extern EmitExpr emit_refuse(Walk *w, const char *fmt,...) pg_attribute_printf(2, 3);
extern EmitExpr emit_walk(Walk *w, Node *node);
extern EmitExpr emit_made(EmitClass class, char *sql);
/* "its name", for people */
extern const char *emit_class_name(EmitClass class);
/* Are they of one class, literals adapted? Else it is refused. */
extern bool emit_same_class(Walk *w, EmitExpr *a, EmitExpr *b, const char *what);
extern bool emit_is_number(EmitClass class);
extern bool emit_is_text(EmitClass class);
/* Can values be compared by their order? Else it is refused. */
extern bool emit_has_order(Walk *w, const EmitExpr *a, const EmitExpr *b);
/* The name of what is pg_catalog's or has no schema; NULL. */
extern const char *emit_own_name(List *names);

/* emit_expr_ops.c */
extern EmitExpr emit_operator(Walk *w, A_Expr *expr);
/* emit_expr_func.c */
extern EmitExpr emit_function(Walk *w, FuncCall *call);
extern EmitExpr emit_cast(Walk *w, TypeCast *cast);
extern EmitExpr emit_current(Walk *w, SQLValueFunction *f);

#endif							/* DTSMIG_EMIT_EXPR_INTERNAL_H */
