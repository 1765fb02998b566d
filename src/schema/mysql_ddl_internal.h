/*-------------------------------------------------------------------------
 *
 * mysql_ddl_internal.h
 *	  What mysql_ddl.c (columns) and mysql_ddl_keys.c (indexes and
 *	  constraints) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_DDL_INTERNAL_H
#define DTSMIG_MYSQL_DDL_INTERNAL_H

#include "schema/mysql_ddl.h"

typedef struct MyDdl
{
	const DdlStatement *stmt;
	const DdlDefaults *defaults;
	DdlOutcome *outcome;
	TableDef   *def;			/* being changed */
	List	   *old_columns;	/* those of before */
	char	   *table_collation;	/* what new columns inherit */
} MyDdl;

extern void mysql_ddl_fail(MyDdl *d, const char *fmt,...) pg_attribute_printf(2, 3);
extern TableColumn *mysql_ddl_by_origin(List *columns, const char *name);

/* mysql_ddl_default.c: a literal as the source keeps it */
extern void mysql_ddl_default(const MyDdl *d, TableColumn *col);

/* mysql_ddl_bounds.c: PARTITION BY with its bounds as the source keeps them */
extern char *mysql_ddl_bounds(const MyDdl *d, const char *text);
/* PARTITION BY of the table with the partitions of ADD PARTITION at its end. */
extern char *mysql_ddl_more_partitions(const MyDdl *d, const char *text);

/* mysql_ddl_keys.c: after the columns */
extern void mysql_ddl_keys(MyDdl *d);

/* mysql_ddl_period.c */
extern void mysql_ddl_add_period(MyDdl *d, const DdlAction *action);
extern void mysql_ddl_drop_period(MyDdl *d, const DdlAction *action);
/* Is this the table's period, from which column to which? */
extern bool mysql_ddl_is_period(MyDdl *d, const char *name, char **from,
								char **to);

#endif							/* DTSMIG_MYSQL_DDL_INTERNAL_H */
