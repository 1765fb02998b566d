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

struct Selection;				/* transform/select.h */
struct EmitTarget;				/* emit/mysql/emit.h */

/* A table that a statement of a PostgreSQL source has changed. */
typedef struct TableAlter
{
	const TableDef *before;
	TableDef   *after;			/* with its names at the destination */
	const char *from;			/* a column that has another name after it; NULL: none */
	const char *to;
	List	   *missing;		/* char * or NULL, for each column after it: the value of
								 * rows that are older than the column */
	/* what there is to be done */
	List	   *sql;			/* char * */
	bool		rows_unknown;	/* rows get values that only the source knows */
	char	   *why;			/* it does not translate: a sentence */
} TableAlter;

/* The kind of a destination whose tables are spread over several nodes. */
typedef enum PlanDistribution
{
	DISTRIBUTION_NONE,
	DISTRIBUTION_CITUS,
	DISTRIBUTION_GREENPLUM		/* the family: a clause of CREATE TABLE */
} PlanDistribution;

typedef struct PlanOptions
{
	NameCase	name_case;
	bool		targets_only;	/* no statement will be run: fill in the names at
								 * the destination, if that is less work */
	TypePolicy *policy;
	bool		postgis;		/* installed at the destination */
	bool		pgvector;
	bool		citext;
	int			server_version_num; /* of the destination, as 150004 */
	PlanDistribution distribution;	/* of the destination */
	const struct EmitTarget *mysql;	/* the destination, if it is no PostgreSQL */

	/*
	 * Schemas of those extensions at the destination; NULL: their types are
	 * named without one.
	 */
	char	   *postgis_schema;
	char	   *pgvector_schema;
	char	   *citext_schema;

	/* PostgreSQL as source: what is replicated of what is no table */
	const struct Selection *selection;	/* rules; NULL: everything */
	bool		owners;
	bool		grants;
	bool		comments;
	bool		publications;
	bool		subscriptions;
	bool		event_triggers;
	bool		security_labels;
	bool		tablespaces;
} PlanOptions;

/* A name that was changed to fit or to differ; a row of name_map. */
typedef struct NameChange
{
	const char *kind;			/* "table", "column", "index", … */
	char	   *source;			/* schema.table or schema.table.column */
	char	   *target;
	const char *reason;			/* "case", "length", "collision", "system" */
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
 * Applies the case policy and the length limit to one identifier (a column of
 * the name of a system column gets another): NAMEDATALEN
 * - 1 bytes, cut at a character boundary and ended with '_' and 8 hex digits
 * of a hash of the whole name. Returns a palloc'd string.
 */
extern char *plan_name(const char *name, NameCase name_case, bool is_column);

/*
 * For DDL that arrives later: the pieces of plan_schema for one object. They
 * read the source part and set the target part of what they are given; notes
 * (may be NULL) receives a palloc'd text, or NULL.
 */

/* Sets pg_type, pg_collation, target_nullable of one column. */
extern void plan_column_type(TableDef *def, TableColumn *col,
							 const PlanOptions *options, char **note);
/* "name" type COLLATE … DEFAULT … NOT NULL, as in CREATE TABLE */
extern char *plan_column_definition(TableDef *def, TableColumn *col,
									const PlanOptions *options, char **note);
/* What plan_column_definition puts together. */
typedef struct PlanColumn
{
	char	   *generated;		/* expression; NULL: not generated */
	char	   *default_expr;
	bool		identity;
} PlanColumn;

extern void plan_column_parts(TableDef *def, TableColumn *col,
							  const PlanOptions *options, PlanColumn *parts);
/*
 * ALTER TABLE … ALTER COLUMN … RESTART WITH next, for the table's identity
 * column; NULL if it has none. next is decimal text (see
 * TableDef.auto_increment), margin is added to it.
 */
extern char *plan_identity_sql(const TableDef *def, const char *next,
							   int64 margin);
/* "schema"."table" at the destination */
extern char *plan_table_name(const TableDef *def);
/*
 * A name made of parts that must fit: base is cut (and ended with a hash), the
 * suffix is kept whole.
 */
extern char *plan_name_with_suffix(const char *base, const char *suffix);

/* Of a plan that exists: is the statement of this table? */
extern bool plan_statement_is_of(const PlanStatement *st, const TableDef *def);
/* Adds to a statement's notes; a warning. */
extern void plan_statement_note(PlanStatement *st, const char *note);
/* The statement is not run; the note says why. */
extern void plan_statement_leave_out(PlanStatement *st, const char *note);
/* The last statement before the rows; NULL: there is none. */
extern const PlanStatement *plan_last_of_pre_data(List *plan);
/* The plan, with more statements after this one. */
extern List *plan_insert_after(List *plan, const PlanStatement *where, List *more);

#endif							/* DTSMIG_PLAN_H */
