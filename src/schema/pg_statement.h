/*-------------------------------------------------------------------------
 *
 * pg_statement.h
 *	  One statement out of a text of PostgreSQL's SQL, by what an event
 *	  trigger reports it. Pure: text in, text out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_STATEMENT_H
#define DTSMIG_PG_STATEMENT_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

typedef struct PgStatement
{
	char	   *sql;			/* it alone; without CONCURRENTLY, where that is
								 * not possible in a transaction */
	Node	   *tree;			/* as the parser gives it */
} PgStatement;

/*
 * Is what a statement is about, as it names it, what the record names? schema
 * is NULL where the statement says none.
 */
typedef struct PgStatementTest
{
	bool		(*relation) (void *arg, const char *schema, const char *name);
	bool		(*object) (void *arg, const char *schema, const char *name);
	void	   *arg;
} PgStatementTest;

/*
 * The statement of a text whose command tag is tag, and that test says is one
 * on the same object: the nth_name-th of those that name the relation, else
 * the nth with the tag; counted from 1 and beyond the last from the first
 * again (a loop that runs the text many times). Statements that the text
 * itself rolls back do not count. NULL: there is none, or *ambiguous: one that
 * has done nothing may have been counted.
 * Raises the parser's error for a text that is no SQL of this server.
 */
extern PgStatement *pg_statement_find(const char *text, const char *tag,
									  const PgStatementTest *test,
									  int nth, int nth_name, bool *ambiguous);
/* The statement at this place, from 1; NULL if there is none that fits. */
extern PgStatement *pg_statement_at(const char *text, int place,
									const PgStatementTest *test);
/* RangeVar *: relations that it names other than the one that it is about. */
extern List *pg_statement_relations(const Node *tree);
/*
 * Does the text drop something of one of these names (char *; NIL: anything)
 * with CASCADE?
 */
extern bool pg_statement_cascades(const char *text, List *names);

/* What an ALTER TABLE that rewrites rows puts into them. */
typedef struct PgValues
{
	bool		volatile_kind;	/* values that only the source knows, surely */
	List	   *functions;		/* char *: names of functions that decide it */
	List	   *silent;			/* char *: new columns without a default of their own;
								 * a domain has one, perhaps */
} PgValues;

extern void pg_statement_values(const Node *tree, PgValues *values);
/*
 * ALTER TABLE … DETACH PARTITION … CONCURRENTLY, which leaves the partition
 * with a CHECK that says what the bounds said: the partition; NULL: it is not.
 */
extern const RangeVar *pg_statement_detached(const Node *tree);
/*
 * Does it have triggers or rules act on replicated rows, too (ENABLE ALWAYS,
 * ENABLE REPLICA)? *more: and does it do something else?
 */
extern bool pg_statement_enables_always(const Node *tree, bool *more);
/* Is it an ALTER TABLE … SET LOGGED? */
extern bool pg_statement_sets_logged(const Node *tree);
/* Does it give a relation or schema the name that it has? */
extern bool pg_statement_renames_nothing(const char *sql);
/*
 * Do values of the type that it alters have other texts after it: TYPTYPE_ENUM
 * or TYPTYPE_COMPOSITE of pg_type.h, or 0.
 */
extern char pg_statement_alters_values(const Node *tree);
/* Does the text make a function or procedure that is SECURITY DEFINER? */
extern bool pg_statement_is_definer(const char *sql);
/* Does it only say who owns what, or who may do what? */
extern bool pg_statement_is_owner(const Node *tree);
/*
 * Does it say who may do what? *names_role: as whom it does is no matter (it
 * does not speak of what the role makes that runs it).
 */
extern bool pg_statement_is_grant(const Node *tree, bool *names_role);

#endif							/* DTSMIG_PG_STATEMENT_H */
