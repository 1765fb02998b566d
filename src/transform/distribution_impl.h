/*-------------------------------------------------------------------------
 *
 * distribution_impl.h
 *	  What the distribution*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DISTRIBUTION_IMPL_H
#define DTSMIG_DISTRIBUTION_IMPL_H

#include "transform/distribution.h"

typedef struct Piece Piece;

struct Piece
{
	TableDef   *def;
	const ShapeRule *rule;		/* NULL: none */
	PlanStatement *made;		/* CREATE TABLE; NULL: not of this plan */
	List	   *parts;			/* PlanStatement *: those of its partitions, where they
								 * are tables of the plan */
	List	   *candidates;		/* char *: target names of the columns that all its
								 * unique keys hold */
	bool		has_key;
	bool		any_unique;		/* it has a unique key, that may hold NULL */
	List	   *parents;		/* Tie *: foreign keys of this table */
	List	   *children;		/* Tie *: foreign keys to it */
	RulePlacement placement;	/* PLACEMENT_DEFAULT: not known yet */
	char	   *column;			/* target name, with PLACEMENT_KEY */
	List	   *columns;		/* char *: all of them, where a rule names several */
	Piece	   *family;			/* the first of those that are together */
	const char *why;			/* NULL: a rule says so */
};

/* A foreign key. */
typedef struct Tie
{
	Piece	   *child;
	Piece	   *parent;
	TableForeignKey *fk;
} Tie;

typedef struct Pieces
{
	const PlanOptions *options;
	List	   *plan;
	List	   *all;			/* Piece * */
} Pieces;

static inline bool
is_unique_index(const TableIndex *index)
{
	return index->kind == INDEX_PRIMARY || index->kind == INDEX_UNIQUE;
}

/* distribution.c */
extern List *distribution_index_columns(const TableDef *def, const TableIndex *index);
extern bool distribution_has_name(List *names, const char *name);
extern char *distribution_child_column(const Tie *tie, const char *parent_column);
extern Piece *distribution_find_piece(Pieces *ps, const char *schema, const char *table);

/* distribution_greenplum.c */
/* What a rule says, and where nothing is to be chosen. */
extern void greenplum_follow_rule(Piece *p);
extern void greenplum_place(Piece *p);
/* Adds the clauses to the statements that make the tables; says why. */
extern List *greenplum_statements(Pieces *ps);

/* distribution_statements.c */
/* Adds to the end of CREATE TABLE, which others may follow in the same text. */
extern void distribution_append(PlanStatement *made, const char *clause);
/* A statement of kind "distribution", without SQL yet. */
extern PlanStatement *distribution_statement(const Piece *p);
/* Finds the statements that make the tables; adds what rules say of storage. */
extern void distribution_look_at_plan(Pieces *ps);
/* Changes or leaves out statements that a placed table cannot take. */
extern void distribution_take_out(Pieces *ps, Piece *p);
/* The plan, with the statements that place the tables. */
extern List *distribution_statements(Pieces *ps);

#endif							/* DTSMIG_DISTRIBUTION_IMPL_H */
