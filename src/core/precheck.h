/*-------------------------------------------------------------------------
 *
 * precheck.h
 *	  The vocabulary of the precheck: its items, and one finding of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CORE_PRECHECK_H
#define DTSMIG_CORE_PRECHECK_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "core/policy.h"

#define PRECHECK_PASSED "passed"
#define PRECHECK_WARNING "warning"
#define PRECHECK_FAILED "failed"
#define PRECHECK_IGNORED "ignored"	/* a warning, by ignore_precheck */

#define AT_SOURCE "source"
#define AT_DESTINATION "destination"

/* Something that is looked at: a row of dtsmig.precheck_items. */
typedef struct PrecheckDef
{
	const char *name;
	const char *side;			/* AT_SOURCE, AT_DESTINATION, or "both" */
	const char *sources;		/* "any", "MySQL family", "PostgreSQL" */
	const char *description;
} PrecheckDef;

/* One finding; a row of precheck_results. */
typedef struct PrecheckItem
{
	const char *item;			/* PrecheckDef.name */
	const char *status;
	char	   *found;
	char	   *advice;			/* what to do, in words; NULL: nothing */
	char	   *sql;			/* statements, each ended by a semicolon, after
								 * which the item passes; NULL: no SQL does it */
	const char *run_at;			/* where: AT_SOURCE, AT_DESTINATION */
} PrecheckItem;

/* What a source's precheck has to know of the task. */
typedef struct PrecheckScope
{
	const char *task;			/* its name */
	bool		superuser;		/* is the task's role one? */
	List	   *tables;			/* TableDef *, selected */
	bool		full;
	bool		incremental;
	const TypePolicy *policy;
	const char *search_path;	/* option of the task; "": none */
	bool		elsewhere;		/* the destination is not this database: what this one has
								 * says nothing of it */
} PrecheckScope;

/* The table; *n is set to its length. */
extern const PrecheckDef *precheck_table(int *n);
/* NULL: there is none of that name. */
extern const PrecheckDef *precheck_def(const char *name);

/*
 * Appends a finding. found and advice (may be NULL) are kept, not copied.
 * Raises an internal error for an item that the table does not have.
 */
extern PrecheckItem *precheck_add(List **items, const char *item,
								  const char *status, const char *found,
								  const char *advice);
/* Adds a statement (without semicolon) to what fixes it. */
extern void precheck_sql(PrecheckItem *item, const char *run_at,
						 const char *format,...) pg_attribute_printf(3, 4);
/* All that is to be done, in one text; NULL: nothing. */
extern char *precheck_advice(const PrecheckItem *item);
/* The statement that sets an option of the task. */
extern void precheck_option(PrecheckItem *item, const char *task,
							const char *option, const char *value);

/*
 * Rules for objects, as JSON, that select more tables: precheck_rule adds one
 * to a List (each table once), precheck_rules makes the advice of them; NULL
 * of none.
 */
extern List *precheck_rule(List *rules, const char *schema, const char *table);
extern char *precheck_rules(List *rules);

#endif							/* DTSMIG_CORE_PRECHECK_H */
