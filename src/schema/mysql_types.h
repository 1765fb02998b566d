/*-------------------------------------------------------------------------
 *
 * mysql_types.h
 *	  Types of the MySQL family as PostgreSQL types.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MYSQL_TYPES_H
#define DTSMIG_MYSQL_TYPES_H

#include "schema/plan_internal.h"

/* What kind of value an expression has; coarser than a type. */
typedef enum PgClass
{
	PGC_UNKNOWN,				/* a NULL, or not known */
	PGC_INT,
	PGC_NUMERIC,
	PGC_FLOAT,
	PGC_BOOL,
	PGC_TEXT,
	PGC_BYTEA,
	PGC_DATE,
	PGC_TIMESTAMP,
	PGC_TIMESTAMPTZ,
	PGC_TIME,
	PGC_INTERVAL,
	PGC_BIT,
	PGC_JSON,
	PGC_ENUM,
	PGC_SET,					/* text[] */
	PGC_UUID,
	PGC_INET,
	PGC_GEOMETRY,
	PGC_OTHER
} PgClass;

/* The class of a column by its pg_type, which must be set. */
extern PgClass mysql_column_class(const TableColumn *col);

/*
 * Chooses pg_type, pg_collation and target_nullable. The name of an enum type
 * is wanted in enum_type ("schema"."type"; NULL: <table>_<column>).
 */
extern void mysql_map_column(TableDef *def, TableColumn *col,
							 const PlanOptions *options,
							 const char *enum_type, PlanNotes *notes);

/* Is an ENUM column to become an enum type of its own? */
extern bool mysql_wants_enum_type(const TableColumn *col,
								  const PlanOptions *options);

/*
 * Gives a geometry column the type and SRID that its source really holds
 * values to. A GEOMETRYCOLLECTION takes multipoints and the like everywhere,
 * and any kind in MariaDB, which puts no value to the test of REF_SYSTEM_ID
 * either. MySQL before 8.0 takes any kind into any column.
 */
extern void mysql_loosen_geometry(TableColumn *col, bool mariadb, int version);

/* Is it a date or a time with a date? Those can hold zero dates. */
extern bool mysql_is_date_type(const TableColumn *col);

/* Does it compare case-insensitively? */
extern bool mysql_is_ci(const TableColumn *col);

/* Zero or impossible date, as text: 0000-00-00, 2020-02-31 */
extern bool mysql_is_zero_date(const char *literal);

/* The column's DEFAULT in PostgreSQL's SQL; NULL: none. */
extern char *mysql_map_default(const TableDef *def, const TableColumn *col,
							   const PlanOptions *options, PlanNotes *notes);

#endif							/* DTSMIG_MYSQL_TYPES_H */
