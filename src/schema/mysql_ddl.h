/*-------------------------------------------------------------------------
 *
 * mysql_ddl.h
 *	  What a statement makes of a table's definition, as the MySQL family
 *	  would describe it afterwards. Nothing is asked of the source.
 *
 * The new definition shares nothing with the old one. Its columns and indexes
 * say in origin which one of the old definition they were; their target names
 * are kept where the name is, else NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_DDL_H
#define DTSMIG_MYSQL_DDL_H

#include "schema/ddl.h"

typedef struct DdlOutcome
{
	TableDef   *def;			/* NULL: see error */
	char	   *error;			/* why the statement cannot be followed */
	char	   *rows_change;	/* rows come or go that the log does not have */
	DdlTable   *rows_with;		/* … those of this table, too */
	DdlTable   *renamed;		/* ALTER TABLE … RENAME TO; def has the old name */
} DdlOutcome;

/*
 * Applies the actions of CREATE TABLE (old: an empty definition with its name
 * alone) or ALTER TABLE.
 */
extern void mysql_ddl_apply(const TableDef *old, const DdlStatement *stmt,
							const DdlDefaults *defaults, DdlOutcome *outcome);

/* A definition without columns, for CREATE TABLE. */
extern TableDef *mysql_ddl_empty(const DdlTable *name,
								 const DdlDefaults *defaults,
								 const DdlStatement *stmt);
/*
 * The default collation of a schema after CREATE or ALTER DATABASE; NULL: not
 * known. defaults->schemas has those before the statement.
 */
extern char *mysql_ddl_schema_collation(const DdlStatement *stmt,
										const DdlDefaults *defaults);
/* CREATE TABLE … LIKE */
extern TableDef *mysql_ddl_like(const DdlTable *name, const TableDef *model);

/* A deep copy; every column and index is its own origin. */
extern TableDef *mysql_ddl_copy(const TableDef *def);

/*
 * Another table (or the same) has become parent, whose definition was old:
 * foreign keys of def follow its names. True if there was one.
 */
extern bool mysql_ddl_follow_parent(TableDef *def, const TableDef *old,
									const TableDef *parent);

/* Names in expressions of def follow a new name of its columns. */
extern char *mysql_ddl_rename_in(const char *expr, List *columns);

/*
 * What a table whose partitions were those of before has at the destination,
 * where they become those of after at the source. Partitions that are dropped or
 * put together there stay here, and so do all, if it is partitioned by something
 * else: that moves rows between them. plan_partition.c takes of RANGE what lies
 * above those before, of LIST the values that are new.
 */
extern char *mysql_partitions_kept(char *before, const char *after);

/* Character set of a collation, palloc'd. */
extern char *mysql_collation_charset(const char *collation);

#endif							/* DTSMIG_MYSQL_DDL_H */
