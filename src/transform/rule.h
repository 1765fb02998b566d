/*-------------------------------------------------------------------------
 *
 * rule.h
 *	  What a rule of create_task's objects says of the shape of a table's rows
 *	  at the destination: columns, filter, set, operations, primary_key; and of
 *	  where these are kept: distribution_key, storage.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RULE_H
#define DTSMIG_RULE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* One entry of "columns". */
typedef struct RuleColumn
{
	char	   *name;			/* at the source */
	char	   *target;			/* NULL: left out */
} RuleColumn;

/* One entry of "set". */
typedef struct RuleSet
{
	char	   *target;			/* column at the destination */
	char	   *expr;			/* SQL over the source row */
} RuleSet;

/* Operations that a rule can leave out. */
#define OPERATION_INSERT		0x0001
#define OPERATION_UPDATE		0x0002
#define OPERATION_DELETE		0x0004
#define OPERATION_TRUNCATE		0x0008
#define OPERATION_CREATE_TABLE	0x0010
#define OPERATION_ALTER_TABLE	0x0020
#define OPERATION_DROP_TABLE	0x0040
#define OPERATION_RENAME_TABLE	0x0080
#define OPERATION_ROWS			0x0007
#define OPERATION_DDL			0x00F0
#define OPERATION_ALL			0x00FF

/* On which nodes of a distributed destination rows are; distribution_key. */
typedef enum RulePlacement
{
	PLACEMENT_DEFAULT,			/* the rule says nothing */
	PLACEMENT_KEY,				/* by the values of columns */
	PLACEMENT_REFERENCE,		/* all on each node */
	PLACEMENT_RANDOM,
	PLACEMENT_LOCAL				/* on the node that the task is connected to */
} RulePlacement;

typedef struct ShapeRule
{
	int			number;			/* of the rule, in messages */
	bool		exact;			/* it names one table, not a pattern */
	bool		any;			/* it says something of the shape */
	bool		take_just;		/* columns that are not named are left out */
	List	   *columns;		/* RuleColumn * */
	char	   *filter;			/* NULL: none */
	List	   *set;			/* RuleSet * */
	List	   *primary_key;	/* char *: columns at the destination; NIL: the
								 * source's key */
	uint32		operations;		/* OPERATION_…: what is applied */
	RulePlacement placement;
	List	   *distribution_key;	/* char *: columns at the destination */
	char	   *storage;		/* what follows the columns in CREATE TABLE; NULL */
} ShapeRule;

/*
 * Takes a key of a rule. False: it is none of the shape's. Raises 22023 for a
 * value that it cannot have.
 */
extern bool rule_take(ShapeRule *rule, const char *key, const JsonbValue *v);

/* Must rows be looked at on their way? */
static inline bool
rule_reads_rows(const ShapeRule *rule)
{
	return rule != NULL && (rule->filter != NULL || rule->set != NIL ||
							rule->primary_key != NIL);
}

#endif							/* DTSMIG_RULE_H */
