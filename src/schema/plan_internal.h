/*-------------------------------------------------------------------------
 *
 * plan_internal.h
 *	  What the plan_*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PLAN_INTERNAL_H
#define DTSMIG_PLAN_INTERNAL_H

#include "lib/stringinfo.h"
#include "utils/hsearch.h"

#include "schema/plan.h"

/* Notes on one statement, joined with "; ". */
typedef struct PlanNotes
{
	StringInfoData text;		/* data == NULL: none yet */
	List	   *each;			/* char *: the same, one by one */
	bool		warning;
	bool		fatal;

	/* columns of which the same is said; see plan_notes_flush */
	List	   *ci_columns;		/* char * */
	List	   *nulled_columns;
	List	   *raw_columns;	/* geometry as bytea */
} PlanNotes;

typedef struct SchemaPlan
{
	const PlanOptions *options;
	List	   *tables;			/* TableDef * */
	List	   *statements;		/* PlanStatement * */
	List	   *names;			/* NameChange * */
	PlanNotes  *table_notes;	/* on the columns of each of tables */
	HTAB	   *taken;			/* names in use, by schema and name space */
} SchemaPlan;

/* plan.c */
extern PlanStatement *plan_add(SchemaPlan *state, PlanPhase phase,
							   const char *kind, const TableDef *def,
							   const char *name, char *sql, PlanNotes *notes);
extern void plan_note(PlanNotes *notes, const char *fmt,...) pg_attribute_printf(2, 3);
extern void plan_warn(PlanNotes *notes, const char *fmt,...) pg_attribute_printf(2, 3);
/* Writes the notes on several columns. */
extern void plan_notes_flush(PlanNotes *notes);
extern TableDef *plan_find_table(List *tables, const char *schema,
								 const char *name);
/* Quoted, comma-separated target names of a list of source names. */
extern char *plan_column_list(const TableDef *def, List *names);

/* names.c */
extern void plan_names_init(SchemaPlan *state);
/* Takes a name in schema (space: "" for relations and types); false: taken. */
extern bool plan_name_take(SchemaPlan *state, const char *schema,
						   const char *space, const char *name);
/* A free name: wanted, else <table>_<wanted>, else with a number; taken. */
extern char *plan_name_unique(SchemaPlan *state, const TableDef *def,
							  const char *space, const char *wanted,
							  const char *kind, const char *source);
extern void plan_name_changed(SchemaPlan *state, const char *kind,
							  char *source, const char *target,
							  const char *reason);
/* Target names of all schemas, tables, columns. */
extern void plan_assign_names(SchemaPlan *state);
/* … of indexes and constraints, which make way for those and for types. */
extern void plan_assign_index_names(SchemaPlan *state);
/* The case policy alone. */
extern char *plan_name_fold(const char *name, NameCase name_case,
							bool is_column);

/* plan_columns.c: types of all columns, the enum types made for them */
extern void plan_columns(SchemaPlan *state);

/* plan_keys.c: one type for both ends of every foreign key */
extern void plan_unify_keys(SchemaPlan *state);

/* plan_table.c */
extern void plan_tables(SchemaPlan *state);
/* plan_partition.c: " PARTITION BY …", or NULL; children receives statements */
extern char *plan_partition_clause(SchemaPlan *state, TableDef *def,
								   List **children, PlanNotes *notes);
/* plan_index.c */
extern void plan_indexes(SchemaPlan *state);
/* plan_constraint.c */
extern void plan_constraints(SchemaPlan *state);
/* plan_trigger.c */
extern void plan_triggers(SchemaPlan *state);
/* plan_view.c */
extern void plan_views(SchemaPlan *state);

#endif							/* DTSMIG_PLAN_INTERNAL_H */
