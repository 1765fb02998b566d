/*-------------------------------------------------------------------------
 *
 * model.h
 *	  Tables as a neutral model: what a source engine describes and a DDL
 *	  emitter writes. Strings are in the server's encoding.
 *
 * A source engine fills the source part. The type map and the name policy
 * fill the target part. TableDefs are palloc'd in the caller's context and
 * can be stored as jsonb (model_to_jsonb) and read back (model_from_jsonb).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MODEL_H
#define DTSMIG_MODEL_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct TableColumn
{
	/* source */
	char	   *name;
	char	   *source_type;	/* in full: "int(10) unsigned" */
	char	   *base_type;		/* lower-case type name alone: "int" */
	int64		length;			/* characters (text), bytes (binary), bits
								 * (bit); -1 where it means nothing */
	int			precision;		/* decimal digits; -1 */
	int			scale;			/* decimal scale; -1 */
	int			fsp;			/* fractional second digits; 0 */
	bool		is_unsigned;
	bool		nullable;
	bool		auto_increment;
	bool		invisible;
	bool		source_key;		/* of the key by which the source takes rows; as
								 * described just now, not stored */
	bool		row_end;		/* end of a row's life in a system-versioned table */
	bool		is_json;		/* MySQL JSON, or MariaDB's LONGTEXT with
								 * CHECK (json_valid(col)) */
	char	   *charset;		/* NULL for non-text */
	char	   *collation;
	List	   *labels;			/* char *: ENUM and SET members, unquoted */
	char	   *default_expr;	/* as the source spells it, an SQL expression;
								 * NULL: none */
	bool		on_update_now;	/* ON UPDATE CURRENT_TIMESTAMP */
	char	   *generation_expr;	/* NULL: not generated */
	bool		generated_stored;
	char	   *comment;		/* NULL: none */
	bool		zero_dates;		/* NOT NULL, and rows hold dates that become NULL */
	int			srid;			/* of a geometry column that has one; else 0 */

	/* target */
	bool		left_out;		/* by a rule; set before plan_schema */
	char	   *target_name;	/* NULL: left out by a rule */
	char	   *pg_type;		/* SQL text, quoted as needed: numeric(20,0) */
	char	   *pg_collation;	/* SQL text, quoted; NULL: the default one */
	bool		target_nullable;
	bool		target_generated;	/* GENERATED ALWAYS AS … STORED at the destination */

	/* of a definition that DDL has just made, see schema/mysql_ddl.h */
	char	   *origin;			/* name it had before; NULL: a new column */
} TableColumn;

typedef enum IndexKind
{
	INDEX_PRIMARY,
	INDEX_UNIQUE,
	INDEX_PLAIN,
	INDEX_FULLTEXT,				/* from here on: not by the order of values */
	INDEX_SPATIAL,
	INDEX_VECTOR				/* MariaDB's, for nearest neighbours */
} IndexKind;

typedef struct IndexPart
{
	char	   *column;			/* source column name, or NULL with expr */
	char	   *expr;			/* functional key part, in source's SQL */
	int			prefix;			/* characters or bytes; 0: whole column */
	bool		descending;
} IndexPart;

typedef struct TableIndex
{
	char	   *name;
	char	   *target_name;
	IndexKind	kind;
	List	   *parts;			/* IndexPart * */
	char	   *distance;		/* of a vector index: "cosine"; NULL: euclidean */
	bool		invisible;
	char	   *comment;
	bool		partial;		/* of some rows alone; not stored */
	bool		for_key;		/* made by the source for a foreign key; an index
								 * that does as well replaces it */
	char	   *origin;			/* as of a column */
} TableIndex;

typedef struct TableForeignKey
{
	char	   *name;
	char	   *target_name;
	List	   *columns;		/* char *, source names */
	char	   *ref_schema;
	char	   *ref_table;
	List	   *ref_columns;
	char	   *on_update;		/* RESTRICT, CASCADE, SET NULL, NO ACTION */
	char	   *on_delete;
} TableForeignKey;

typedef struct TableCheck
{
	char	   *name;
	char	   *target_name;
	char	   *expr;			/* source's SQL */
	bool		enforced;
} TableCheck;

typedef struct TableDef
{
	/* source */
	char	   *schema;
	char	   *name;
	bool		is_view;
	char	   *view_definition;
	char	   *engine;			/* InnoDB, MyISAM, … */
	char	   *collation;
	char	   *comment;
	int64		rows_estimate;
	int64		data_bytes;		/* heap (clustered index) size estimate */
	char	   *auto_increment; /* next value, decimal text; NULL: none */
	char	   *partitions;		/* PARTITION BY … text; NULL: none */
	List	   *columns;		/* TableColumn * */
	List	   *indexes;		/* TableIndex *; the primary key first */
	List	   *foreign_keys;	/* TableForeignKey * */
	List	   *checks;			/* TableCheck * */
	bool		is_sequence;	/* MariaDB: a sequence object; no rows to copy */
	bool		system_versioned;	/* MariaDB: keeps a history of its rows */
	bool		unreadable;		/* the source lists it, but shows no columns:
								 * damaged, or being altered just now */
	char	   *periods;		/* MariaDB: application-time periods; NULL */
	char	   *source_id;		/* PostgreSQL: the OID, which outlives a name */
	char	   *replica_identity;	/* PostgreSQL: d, n, f, i as in pg_class */
	char	   *sequence_options;	/* of a sequence, PostgreSQL's words */

	/* of a look at its values before it is made; not stored */
	bool		looked;
	char	   *not_looked;		/* why not at all rows; NULL: it was */

	/* target */
	char	   *target_schema;
	char	   *target_name;
	bool		merged;			/* in a plan: into a table before it that has
								 * the same target; not stored */
} TableDef;

/* When a statement of a schema plan is run. */
typedef enum PlanPhase
{
	PLAN_PRE_DATA,				/* schemas, types, tables, before any row */
	PLAN_KEY,					/* primary keys: after a table's rows */
	PLAN_UNIQUE,				/* other unique indexes: once the table is
								 * consistent */
	PLAN_INDEX,					/* other indexes: after a table's rows */
	PLAN_POST_DATA				/* foreign keys, triggers, identity values,
								 * views: after all tables */
} PlanPhase;

/* One statement of a schema plan; a row of preview_schema and task_objects. */
typedef struct PlanStatement
{
	PlanPhase	phase;
	const char *kind;			/* "schema", "type", "table", "primary key",
								 * "index", "foreign key", "check", "trigger",
								 * "function", "identity", "comment", "view" */
	char	   *schema;			/* source names of the table it belongs to; */
	char	   *table;			/* NULL where it belongs to none */
	char	   *name;			/* name at the destination */
	char	   *target_schema;	/* its schema at the destination; NULL: see name */
	char	   *sql;			/* NULL: skipped; the note says why */
	char	   *note;			/* what is lost or changed; NULL: nothing */
	List	   *notes;			/* char *: the same, one by one */
	bool		warning;		/* the note is one the precheck should show */
	bool		fatal;			/* … and that must keep the task from starting */
} PlanStatement;

/* Does it hold rows to copy and follow (no view, no sequence)? */
static inline bool
model_has_rows(const TableDef *def)
{
	return !def->is_view && !def->is_sequence;
}

extern TableColumn *model_find_column(const TableDef *def, const char *name);
/* The one that has this name at the destination; NULL: none. */
extern TableColumn *model_find_target_column(const TableDef *def, const char *target);
extern TableIndex *model_row_key(const TableDef *def);
extern bool model_in_source_key(const TableDef *def, const TableColumn *col);
extern Jsonb *model_to_jsonb(const TableDef *def);
extern TableDef *model_from_jsonb(Jsonb *jb);
/* The same of an object inside of a jsonb. */
extern TableDef *model_from_container(JsonbContainer *object);

#endif							/* DTSMIG_MODEL_H */
