/*-------------------------------------------------------------------------
 *
 * definition.h
 *	  What a PostgreSQL source says of tables that are made in another product:
 *	  types taken apart, keys, constraints and expressions, each as a fact. Where
 *	  the destination is PostgreSQL, pg_dump's statements serve instead.
 *
 * Expressions are SQL as pg_get_expr writes it. All of it is palloc'd, and lives
 * as long as a plan is made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEFINITION_H
#define DTSMIG_DEFINITION_H

#include "postgres.h"

#include "schema/model.h"

typedef struct ColumnDefinition
{
	TableColumn *col;			/* of TableDefinition.def: its names */
	char	   *type;			/* name of its type, below domains; of an array
								 * that of an element */
	char	   *type_text;		/* the column's type in full */
	bool		builtin;		/* that type is pg_catalog's */
	char		kind;			/* b base, c composite, e enum, r range, m … */
	bool		array;
	int32		typmod;			/* -1: none */
	char	   *domain;			/* NULL: none */
	List	   *labels;			/* char *, of an enum */
	bool		not_null;		/* its own, or a domain's */
	char	   *collation;		/* NULL: the database's own */
	char	   *default_expr;	/* NULL: none */
	char	   *generation_expr;	/* NULL: it is not generated */
	bool		is_virtual;
	char		identity;		/* a always, d by default, 0 none */
	char	   *next_value;		/* of the sequence that it owns, decimal; NULL */
	int64		increment;
	char	   *comment;
} ColumnDefinition;

typedef struct IndexPartDefinition
{
	char	   *column;			/* source name; NULL: an expression */
	char	   *expr;
	bool		descending;
	char	   *collation;		/* another than the column's; NULL */
} IndexPartDefinition;

typedef struct IndexDefinition
{
	char	   *name;
	bool		primary;
	bool		is_unique;
	bool		exclusion;
	bool		deferrable;
	bool		nulls_not_distinct;
	char	   *method;			/* "btree" */
	char	   *predicate;		/* NULL: all rows */
	bool		includes;		/* it has columns outside of its key */
	char	   *comment;
	List	   *parts;			/* IndexPartDefinition * */
} IndexDefinition;

typedef struct ForeignKeyDefinition
{
	char	   *name;
	List	   *columns;		/* char *, source names */
	char	   *ref_schema;
	char	   *ref_table;
	List	   *ref_columns;
	const char *on_update;		/* "NO ACTION", … */
	const char *on_delete;
	bool		some_columns;	/* ON DELETE SET … of some of them */
	bool		full;			/* MATCH FULL */
	bool		deferrable;
	bool		validated;
} ForeignKeyDefinition;

typedef struct CheckDefinition
{
	char	   *name;
	char	   *expr;
	char	   *value;			/* column that VALUE stands for, of a domain's;
								 * NULL: a table's own */
	bool		validated;
	bool		enforced;
} CheckDefinition;

typedef struct TableDefinition
{
	TableDef   *def;
	char	   *partition_of;	/* "schema.table"; NULL: no partition */
	List	   *columns;		/* ColumnDefinition * */
	List	   *indexes;		/* IndexDefinition *; the primary key first */
	List	   *foreign_keys;	/* ForeignKeyDefinition * */
	List	   *checks;			/* CheckDefinition * */
} TableDefinition;

/* What the source has besides tables, their columns, keys and constraints. */
typedef struct OtherObject
{
	char	   *kind;			/* "view", "function", "trigger", … */
	char	   *schema;
	char	   *table;			/* that it belongs to; NULL: none */
	char	   *name;
} OtherObject;

typedef struct SchemaDefinition
{
	List	   *tables;			/* TableDefinition *, in the order of those asked for */
	List	   *others;			/* OtherObject * */
} SchemaDefinition;

#endif							/* DTSMIG_DEFINITION_H */
