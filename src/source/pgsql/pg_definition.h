/*-------------------------------------------------------------------------
 *
 * pg_definition.h
 *	  Definitions of tables as facts, for a destination that is not PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_DEFINITION_H
#define DTSMIG_PG_DEFINITION_H

#include "postgres.h"

#include "client/pg_conn.h"
#include "schema/definition.h"
#include "source/source.h"

/* pg_definition.c; tables: TableDef * */
extern SchemaDefinition *pg_read_definitions(SourceConn *source, List *tables);
/* The table of an OID; raises 08P01 for one that was not asked for. */
extern TableDefinition *pg_definition_find(const SchemaDefinition *schema, Oid oid);

/* pg_measure.c */
extern int64 pg_measure(SourceConn *source, const TableDef *def, const char *column,
						SourceMeasure what);

/*
 * pg_definition_keys.c: indexes, constraints, and what else there is; ids:
 * OIDs of the tables, separated by commas.
 */
extern void pg_definition_keys(PgConn *conn, SchemaDefinition *schema, const char *ids);

#endif							/* DTSMIG_PG_DEFINITION_H */
