/*-------------------------------------------------------------------------
 *
 * pg_precheck_impl.h
 *	  What the pg_precheck*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_PRECHECK_IMPL_H
#define DTSMIG_PG_PRECHECK_IMPL_H

#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#define PRECHECK_PASSED "passed"
#define PRECHECK_WARNING "warning"
#define PRECHECK_FAILED "failed"

/* How many things an item names before it says how many more there are. */
#define PRECHECK_SHOWN 5

typedef struct PgPrecheck
{
	PgConn	   *conn;
	List	   *tables;			/* TableDef *, selected */
	char	   *table_list;		/* ('s', 't'), … of them; NULL: none */
	bool		full;
	bool		incremental;
	char	   *account;
	bool		superuser;
	List	   *items;			/* PrecheckItem * */
} PgPrecheck;

/* pg_precheck.c */
extern void pg_precheck_add(PgPrecheck *p, const char *item,
							const char *status, char *found, char *advice);
/*
 * One item of the rows of a query (what, SQL): passed if there are none; else
 * status, with the first of what is found after text, and all of the SQL.
 */
extern void pg_precheck_rows(PgPrecheck *p, const char *item,
							 const char *status, const char *text,
							 const char *passed, const char *advice,
							 const char *sql);

/* pg_precheck_tables.c */
extern void pg_precheck_tables(PgPrecheck *p);

#endif							/* DTSMIG_PG_PRECHECK_IMPL_H */
