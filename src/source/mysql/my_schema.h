/*-------------------------------------------------------------------------
 *
 * my_schema.h
 *	  What a MySQL-family source says of its tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_SCHEMA_H
#define DTSMIG_MY_SCHEMA_H

#include "source/source.h"

/* SourceRoutine.list_schemas */
extern List *my_list_schemas(SourceConn *conn, const ConnectionInfo *info);
/* SourceRoutine.has_schema */
extern bool my_has_schema(SourceConn *conn, const char *schema);
/* SourceRoutine.describe_table */
extern TableDef *my_describe_table(SourceConn *conn, const char *schema,
								   const char *table);
/* SourceRoutine.describe */
extern List *my_describe(SourceConn *conn, List *schemas);

/* my_schema_defaults.c */
extern struct DdlDefaults *my_ddl_defaults(SourceConn *conn);

#endif							/* DTSMIG_MY_SCHEMA_H */
