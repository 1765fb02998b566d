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

/* How many things an item names before it says how many more there are. */
#define PRECHECK_SHOWN 5

typedef struct PgPrecheck
{
	PgConn	   *conn;
	const PrecheckScope *scope;
	List	   *tables;			/* TableDef *, selected */
	char	   *table_list;		/* ('s', 't'), … of them; NULL: none */
	bool		full;
	bool		incremental;
	char	   *account;
	bool		superuser;
	List	   *items;			/* PrecheckItem * */
} PgPrecheck;

/* pg_precheck.c */
extern PrecheckItem *pg_precheck_add(PgPrecheck *p, const char *item,
									 const char *status, const char *found,
									 const char *advice);
/*
 * One item of the rows of a query (what, statement for the source): passed if
 * there are none, and NULL is returned; else status, with the first of what is
 * found after text, and all of the statements.
 */
extern PrecheckItem *pg_precheck_rows(PgPrecheck *p, const char *item,
									  const char *status, const char *text,
									  const char *passed, const char *advice,
									  const char *sql);

/* pg_precheck_tables.c */
extern void pg_precheck_tables(PgPrecheck *p);

#endif							/* DTSMIG_PG_PRECHECK_IMPL_H */
