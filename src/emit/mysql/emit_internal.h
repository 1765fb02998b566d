/*-------------------------------------------------------------------------
 *
 * emit_internal.h
 *	  What the files of the room share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_EMIT_INTERNAL_H
#define DTSMIG_EMIT_INTERNAL_H

#include "client/my_conn.h"
#include "emit/mysql/emit.h"
#include "schema/plan_internal.h"

/* What values are, for literals and expressions. */
typedef enum EmitClass
{
	MY_UNKNOWN,					/* no class of its own: NULL */
	MY_BOOL,
	MY_INT,
	MY_DECIMAL,
	MY_REAL,					/* real: FLOAT, or DOUBLE in a key */
	MY_DOUBLE,
	MY_TEXT,
	MY_CHAR,					/* character(n), without its padding */
	MY_ENUM,
	MY_BYTES,
	MY_DATE,
	MY_TIME,
	MY_DATETIME,				/* timestamp */
	MY_INSTANT,					/* timestamptz, in UTC */
	MY_UUID,
	MY_JSON,
	MY_ARRAY,					/* a JSON array */
	MY_BIT,
	MY_FORM						/* PostgreSQL's text form of something else */
} EmitClass;

/* Digits of DECIMAL behind the point. */
#define MY_MAX_SCALE 30

/* A column as it is made. */
typedef struct EmitColumn
{
	const ColumnDefinition *def;
	char	   *name;			/* quoted; NULL: it is not made */
	EmitClass		class;
	char	   *type;			/* with its character set, where that is its own */
	int			chars;			/* of a text type with a length; 0 */
	int			char_bytes;		/* of one of these: 4, 1 */
	bool		elastic;		/* its length in a key is what fits */
	bool		lob;			/* stored as LONGTEXT, LONGBLOB or JSON */
	int			bytes;			/* in a row, and in a key where it is not elastic */
	bool		in_key;			/* primary, unique or foreign */
	int			key_budget;		/* bytes that keys leave it */
	int			fraction;		/* digits of a second */
	bool		not_null;
	bool		auto_increment;
	char	   *generated;		/* expression in MySQL's SQL; NULL */
	char	   *default_sql;	/* NULL: none */
} EmitColumn;

typedef struct EmitTable
{
	TableDefinition *def;
	char	   *name;			/* `db`.`table` */
	List	   *columns;		/* EmitColumn * */
	PlanNotes	notes;			/* on the table's statement */
	List	   *keys;			/* EmitMadeKey *: that are made */
	List	   *foreign_keys;	/* char *: the same, names */
} EmitTable;

typedef struct Emit
{
	SchemaPlan	plan;			/* statements, names in use */
	const EmitTarget *target;
	SchemaDefinition *schema;
	List	   *tables;			/* EmitTable * */
} Emit;

/* emit_plan.c */
extern void emit_all(Emit *emit, SchemaDefinition *schema, const PlanOptions *options);

/* emit_types.c */

/* What a type's values are; type: pg_catalog's name, or of the user's. */
extern EmitClass emit_class(const char *type, bool builtin, char kind, bool array);
/* The columns of all tables, with their natural types. */
extern void emit_columns(Emit *emit);
/* The same of one table, for a look at expressions. */
extern EmitTable *emit_table_of(TableDefinition *def, const EmitTarget *target);
extern EmitColumn *emit_find_column(const EmitTable *table, const char *source_name);
extern EmitTable *emit_find_table(const Emit *emit, const char *schema, const char *name);

/* emit_keys.c: what keys ask of types, and rows of their length */
extern void emit_fit_keys(Emit *emit);
extern void emit_fit_rows(Emit *emit);
/* Bytes of a row that are in its page, at least. */
extern int	emit_page_bytes(const EmitTable *table, const EmitTarget *target);

/* emit_literal.c: a value in PostgreSQL's text form; NULL: *why */
extern char *emit_literal(EmitClass class, const char *type, const char *text, char **why);

/* emit_expr.c */
typedef enum EmitUse
{
	MY_USE_CHECK,
	MY_USE_GENERATED,
	MY_USE_DEFAULT
} EmitUse;

/* value: the column that VALUE stands for; NULL. NULL: *why. */
extern char *emit_translate(const char *expr, const EmitTable *table, const char *value,
							const EmitTarget *target, EmitUse use, PlanNotes *notes, char **why);
/* The parse tree of an expression; NULL: it is none. */
extern Node *emit_parse(const char *expr);
/* A constant, however cast: its text; NULL: it is none. *null: it is NULL. */
extern const char *emit_constant(Node *node, bool *null);

/* emit_default.c */
extern void emit_defaults(Emit *emit, EmitTable *table);

/* emit_table.c */
extern void emit_tables(Emit *emit);
/* "`a` INT NOT NULL" */
extern char *emit_column_sql(EmitTable *table, const EmitColumn *c, const EmitTarget *target);
/* emit_index.c */
extern void emit_indexes(Emit *emit, EmitTable *table);
extern char *emit_comment(const char *text, int limit, PlanNotes *notes, const char *what);
/* emit_foreign.c */
extern void emit_foreign_keys(Emit *emit, EmitTable *table);
/* Why a foreign key cannot be made; NULL: it can. *parent: of it. */
extern char *emit_foreign_reason(const Emit *emit, const EmitTable *table,
								 const ForeignKeyDefinition *fk, EmitTable **parent);

/* emit_wanted.c: notes a key that is made; extra: one more column; NULL */
extern void emit_note_key(EmitTable *table, const IndexDefinition *index, const char *name,
						  char *extra);

/* emit_names.c: a free name, by case too, of at most 64 characters */
extern char *emit_unique_name(Emit *emit, const char *schema, const char *space,
							  const char *wanted);
/* "`a`, `b`" of source names; NULL: one is not made. */
extern char *emit_column_list(const EmitTable *table, List *names);

#endif							/* DTSMIG_EMIT_INTERNAL_H */
