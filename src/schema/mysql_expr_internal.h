/*-------------------------------------------------------------------------
 *
 * mysql_expr_internal.h
 *	  What the files of the expression translator share.
 *
 * The translator is one pass: a recursive descent over the source's tokens
 * whose functions return the PostgreSQL text of what they read, with its
 * class. What does not translate sets MyExpr.why; from then on the input
 * reads as ended, and the caller throws the text away.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_EXPR_INTERNAL_H
#define DTSMIG_MYSQL_EXPR_INTERNAL_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "schema/mysql_expr.h"
#include "schema/mysql_lex.h"

typedef struct MyVal
{
	char	   *sql;			/* safe to combine with any operator */
	PgClass		cls;
	int			width;			/* PGC_INT, PGC_FLOAT: bytes */
	int			scale;			/* PGC_INT, PGC_NUMERIC: digits after the
								 * point; PGC_TIMESTAMP…: of a second; -1:
								 * not known */
	bool		small;			/* an integer from 0 to 127 */
	bool		ci;				/* text that compares case-insensitively */
	char	   *literal;		/* a literal's text; else NULL */
	bool		is_string;		/* … of a string literal */
	const TableColumn *col;		/* a plain column */
	char	   *json_doc;		/* result of JSON_EXTRACT: the document, */
	char	   *json_path;		/* and '{a,b}' as a quoted literal */
} MyVal;

/* A column of a subquery. */
typedef struct MyOutput
{
	char	   *name;
	MyVal		val;			/* its sql is of no use outside */
	struct MyRef *ref;			/* a column and nothing else; NULL */
} MyOutput;

/* A table of a FROM clause. */
typedef struct MyFrom
{
	char	   *alias;			/* as the source spells it */
	char	   *schema;			/* NULL: a subquery */
	const TableDef *def;
	List	   *outputs;		/* MyOutput *, of a subquery */
	int			in_aggregate;	/* is the argument of one being read? */
	bool		determined;		/* see mysql_group.c */
} MyFrom;

/* A column of a query where it is used. */
typedef struct MyRef
{
	MyFrom	   *from;
	const char *name;			/* its spelling in the table's definition */
	char	   *sql;
	bool		aggregated;		/* in the argument of an aggregate */
	bool		folds;			/* values that are equal at the source may differ */
} MyRef;

struct MyQuery;

typedef struct MyExpr
{
	MyLexer		lexer;
	MyToken		token;			/* the next one */
	const TableDef *def;		/* columns; NULL: any name goes */
	struct MyQuery *query;		/* the query it is part of; NULL: none */
	List	   *from;			/* MyFrom *, in a query */
	List	   *outer;			/* List *s like it, of the queries around it,
								 * the nearest first */
	List	   *refs;			/* MyRef *, of all columns read so far */
	MyExprUse	use;
	char	   *why;			/* does not translate */
	StringInfoData note;		/* data == NULL: none */
	int			depth;			/* of nesting */
	int			operators;		/* that it has so far */
} MyExpr;

/* Each operator writes its operands again: their number is what memory takes. */
#define MY_EXPR_OPERATORS 2000
/* Some write an operand twice, and nested ones twice as often each. */
#define MY_EXPR_LENGTH (64 * 1024)

/* mysql_expr.c */
extern void my_expr_init(MyExpr *x, const char *sql, MyExprUse use);
extern void my_expr_next(MyExpr *x);
extern bool my_expr_is(MyExpr *x, const char *word);
extern bool my_expr_accept(MyExpr *x, const char *word);
extern void my_expr_expect(MyExpr *x, const char *word);
extern void my_expr_fail(MyExpr *x, const char *fmt,...) pg_attribute_printf(2, 3);
extern void my_expr_note(MyExpr *x, const char *note);
extern MyVal my_expr_parse(MyExpr *x);	/* a whole expression */
extern MyVal my_expr_parse_value(MyExpr *x);	/* binds tighter than AND, = */

/* Must the functions be immutable? */
static inline bool
my_expr_immutable(const MyExpr *x)
{
	return x->use == MY_EXPR_GENERATED || x->use == MY_EXPR_INDEX;
}

/* Would a value that differs a little do harm? */
static inline bool
my_expr_exact(const MyExpr *x)
{
	return x->use == MY_EXPR_GENERATED || x->use == MY_EXPR_CHECK;
}

/* mysql_column.c */
extern MyVal my_expr_column(MyExpr *x, List *parts);
/* The column of one of x->from; NULL: none has it. */
extern MyRef *my_expr_find_ref(MyExpr *x, List *parts);

/* mysql_value.c */
/* One more of them; an error if there are too many. */
extern void my_expr_operator(MyExpr *x);
/* The value, or NULL and a failure where its text has grown too long. */
extern MyVal my_expr_bounded(MyExpr *x, MyVal v);
extern MyVal my_val(char *sql, PgClass cls);
extern MyVal my_val_int(char *sql, int width);
extern MyVal my_val_string(const char *text);
extern MyVal my_val_column(const TableColumn *col, char *sql);
extern char *my_condition(MyExpr *x, MyVal v);
extern char *my_text(MyExpr *x, MyVal v);
extern MyVal my_number(MyExpr *x, MyVal v);
extern char *my_widen(MyVal v); /* to the width that MySQL computes in */
extern char *my_integer(MyExpr *x, MyVal v);	/* as PGC_INT or fail */
extern MyVal my_coerce(MyExpr *x, MyVal v, PgClass want);
extern MyVal my_arithmetic(MyExpr *x, MyVal a, const char *op, MyVal b);
extern void my_prepare_comparison(MyExpr *x, MyVal *a, const char *op,
								  MyVal *b);
extern MyVal my_compare(MyExpr *x, MyVal a, const char *op, MyVal b);
extern MyVal my_like(MyExpr *x, MyVal a, MyVal b, bool negated, bool regexp);
/* Brings the branches of a CASE to one class. */
extern MyVal my_unify(MyExpr *x, MyVal *vals, int n);
/* Is it an integer from 0 to 127, whatever the row? */
extern bool my_is_small(const MyVal *v);
extern bool my_is_int_literal(const MyVal *v, int64 *value);
/* Date or timestamp literal where a string stands for one. */
extern MyVal my_temporal(MyExpr *x, MyVal v);

/* mysql_select.c: (SELECT …), after the parenthesis and up to its end */
extern char *my_subquery(MyExpr *x, MyVal *val);
/* OVER (…), if it follows the call of a function */
extern MyVal my_window(MyExpr *x, MyVal v);
/* ORDER BY's items, after BY, with a comma between */
extern char *my_order_items(MyExpr *x);

/* mysql_aggregate.c: true if the name is an aggregate; after the parenthesis */
extern bool my_aggregate(MyExpr *x, const char *name, MyVal *result);

/* mysql_group.c */
typedef struct MyGroup
{
	List	   *pairs;			/* MyPair *: columns that are equal */
	List	   *joins;			/* MyOuterJoin * */
} MyGroup;

/* What a condition (source text) of WHERE or an inner join says is equal. */
extern void my_group_condition(MyExpr *x, MyGroup *group, const char *text);
/* The condition of a left join whose right side is one table. */
extern void my_group_left_join(MyExpr *x, MyGroup *group, MyFrom *right,
							   const char *text);
/*
 * Columns of refs (MyRef *) to be added to GROUP BY, as each of its columns
 * (grouped, MyRef *) determines them: char *, each once.
 */
extern List *my_group_columns(MyExpr *x, MyGroup *group, List *grouped,
							  List *refs);

/* mysql_func.c */
extern MyVal my_function(MyExpr *x, const char *name);
extern MyVal my_concat(MyExpr *x, MyVal a, MyVal b);
/* mysql_func_json.c: true if the name is one of its functions */
extern bool my_json_function(MyExpr *x, const char *name, MyVal *args,
							 int nargs, MyVal *result);
/* doc->path and doc->>path */
extern MyVal my_json_extract(MyExpr *x, MyVal doc, MyVal path, bool text);
/* mysql_func_date.c: true if the name is one of its functions */
extern bool my_date_function(MyExpr *x, const char *name, MyVal *args,
							 int nargs, MyVal *result);
/* INTERVAL n unit, after the word INTERVAL; the word is the unit */
extern MyVal my_interval_arithmetic(MyExpr *x, MyVal date, bool subtract);
/* A date in a format of DATE_FORMAT, as text; fails where it cannot. */
extern char *my_date_text(MyExpr *x, MyVal v, const char *format);
extern MyVal my_extract(MyExpr *x, const char *unit, MyVal v);

#endif							/* DTSMIG_MYSQL_EXPR_INTERNAL_H */
