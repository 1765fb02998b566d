/*-------------------------------------------------------------------------
 *
 * emit.h
 *	  From definitions of a PostgreSQL source to the statements that make them
 *	  in MySQL or MariaDB.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_EMIT_MYSQL_H
#define DTSMIG_EMIT_MYSQL_H

#include "postgres.h"

#include "schema/definition.h"
#include "schema/plan.h"

/* A destination, and what its version and settings allow; see emit_target.c. */
typedef struct EmitTarget
{
	bool		mariadb;
	int			version;		/* 80017, 101106 */
	char	   *name;			/* "MySQL 8.0.17", for people */
	bool		folds_tables;	/* names of tables do not differ by case alone */
	int			column_bytes;	/* of one column in a key, at most */
	int			key_bytes;		/* of a whole key */
	int			page_bytes;		/* of a row within its page */
	bool		strict;			/* refuses a table whose rows could be longer */
	bool		dynamic;		/* ROW_FORMAT = DYNAMIC can be had */
	const char *collation;		/* binary; see pads */
	bool		pads;			/* … and compares without trailing blanks */
	bool		json;			/* has type JSON */
	bool		checks;			/* enforces CHECK */
	bool		generated;		/* has generated columns */
	bool		text_defaults;	/* LONGTEXT and the like can have a default */
	bool		expr_defaults;	/* a default can be an expression */
	bool		invisible;		/* columns can be invisible */
	bool		descending;		/* keys can be in descending order */
} EmitTarget;

/* Limits of InnoDB and of the server. */
#define MY_MAX_COLUMNS 1017
#define MY_MAX_INDEXES 64		/* besides the primary key */
#define MY_MAX_PARTS 16
#define MY_MAX_ROW 65535

/* A text, or a name, quoted. */
extern char *emit_quote(const char *text);
extern char *emit_quote_name(const char *name);

/* Of a server that says version() and @@version_comment so. */
extern EmitTarget *emit_target_of(const char *version);
/* Of the destination that this process is attached to; NULL: it is no MySQL. */
extern EmitTarget *emit_target_read(void);

/*
 * Names at the destination, by rule (filled already) or by the name policy:
 * as it can have them. names (may be NULL) receives NameChanges.
 */
extern void emit_names(List *tables, const PlanOptions *options, List **names);

/*
 * The statements (PlanStatement *) that make what was described, each a single
 * one, and a row without statement for each object that is not made. Names have
 * been given.
 */
extern List *emit_plan(SchemaDefinition *schema, const PlanOptions *options);

/* What the statements make, to be compared with a catalog. */
typedef struct EmitMadeColumn
{
	const TableColumn *col;
	char	   *type;			/* as information_schema has it, without display widths */
	bool		not_null;
	bool		auto_increment;
	bool		generated;
	bool		has_default;
} EmitMadeColumn;

typedef struct EmitMadeKey
{
	char	   *name;
	List	   *columns;		/* char *, names at the destination */
	bool		unique;
} EmitMadeKey;

typedef struct EmitMade
{
	const TableDef *table;
	List	   *columns;		/* EmitMadeColumn * */
	List	   *keys;			/* EmitMadeKey * */
	List	   *foreign_keys;	/* char *, names of constraints */
} EmitMade;

/* EmitMade *, of all tables. Names have been given. */
extern List *emit_wanted(SchemaDefinition *schema, const PlanOptions *options);

/* emit_alter.c: fills sql, rows_unknown and why */
extern void emit_alter(TableAlter *change, const PlanOptions *options);
/* What makes a table, char *; NIL and *why: it cannot be made. */
extern List *emit_create(TableDef *def, const PlanOptions *options, char **why);
/* CREATE INDEX of a table; NULL and *why: it is lost. */
extern char *emit_create_index(TableDef *def, const Node *tree, const char *name,
							   const PlanOptions *options, char **why);

/*
 * What a text in a key can be at most at the destination, for a look at the data:
 * EmitKeyText * of all columns whose type at the source has no such limit.
 */
typedef struct EmitKeyText
{
	const TableDef *table;
	const char *column;			/* source name */
	int			length;			/* characters, or bytes */
	bool		bytes;
} EmitKeyText;

extern List *emit_key_texts(SchemaDefinition *schema, const PlanOptions *options);

#endif							/* DTSMIG_EMIT_MYSQL_H */
