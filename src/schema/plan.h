/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  From TableDefs to the statements that make them in PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PLAN_H
#define DTSMIG_PLAN_H

#include "core/policy.h"
#include "schema/model.h"

typedef enum NameCase
{
	NAME_CASE_DEFAULT,			/* MySQL family: schemas and tables in lower
								 * case, columns as they are */
	NAME_CASE_SOURCE,
	NAME_CASE_LOWER,
	NAME_CASE_UPPER
} NameCase;

typedef struct PlanOptions
{
	NameCase	name_case;
	TypePolicy *policy;
	bool		postgis;		/* installed at the destination */
	bool		pgvector;
	bool		citext;
	int			server_version_num; /* of the destination, as 150004 */
} PlanOptions;

/* A name that was changed to fit or to differ; a row of name_map. */
typedef struct NameChange
{
	const char *kind;			/* "table", "column", "index", … */
	char	   *source;			/* schema.table or schema.table.column */
	char	   *target;
	const char *reason;			/* "case", "length", "collision" */
} NameChange;

/*
 * Fills the target part of every TableDef (names that a rule has set already
 * are kept) and returns the PlanStatements that make them, in an order that
 * can be run. names (may be NULL) receives NameChanges. One type for both
 * ends of a foreign key: the whole list is looked at together.
 */
extern List *plan_schema(List *tables, const PlanOptions *options,
						 List **names);

/*
 * Applies the case policy and the length limit to one identifier: NAMEDATALEN
 * - 1 bytes, cut at a character boundary and ended with '_' and 8 hex digits
 * of a hash of the whole name. Returns a palloc'd string.
 */
extern char *plan_name(const char *name, NameCase name_case, bool is_column);

#endif							/* DTSMIG_PLAN_H */
