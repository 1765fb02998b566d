/*-------------------------------------------------------------------------
 *
 * table_owner.h
 *	  Code of a table's owner runs with that owner's rights.
 *
 * Whoever owns a table of the destination decides what its defaults,
 * generated columns, CHECKs, index expressions, domains and triggers run. They
 * run as the current user where rows are written or read, and that is the
 * task's owner, perhaps a superuser. So what touches the table of somebody
 * else is done as its owner, in a security-restricted operation, as the
 * server's own logical replication does it.
 *
 *	  table_owner_begin(relid, RowExclusiveLock, &scope);
 *	  ... SPI over that table ...
 *	  table_owner_end(&scope);
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TABLE_OWNER_H
#define DTSMIG_TABLE_OWNER_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

/* On the caller's stack, from begin to end. */
typedef struct TableOwner
{
	bool		switched;		/* else nothing is different */
	Oid			owner;
	Oid			user;			/* before it */
	int			context;
	int			within;			/* the security context inside */
	int			nestlevel;		/* of settings */
	Oid			acting;
	int			acting_level;
} TableOwner;

/*
 * Locks the table (to the end of the transaction; lockmode is that of the
 * statement to come, or a weaker one) and switches to its owner. Nothing is
 * switched where the owner is the current user, or could become it anyway (by
 * SET ROLE; a superuser). Errors: 42P01 the table is gone; 42501 the current
 * user may not SET ROLE to the owner. An error inside needs no end: the
 * (sub)transaction's abort restores the user.
 */
extern void table_owner_begin(Oid relid, LOCKMODE lockmode, TableOwner *scope);

/*
 * The same for tables that one statement is on, which are locked; NIL: nothing
 * is switched. False, and nothing switched: they belong to different roles,
 * and not all are trusted.
 */
extern bool table_owner_begin_all(List *relids, TableOwner *scope);

/* Would TRUNCATE of the tables, which are locked, run triggers of others? */
extern bool table_owner_truncate_runs_code(List *relids);

/* The same for a role; InvalidOid: nothing is switched. */
extern void table_owner_begin_as(Oid role, TableOwner *scope);

/*
 * Switches to the role in any case, unless it is the current user, who may SET
 * ROLE to it.
 */
extern void table_owner_become(Oid role, TableOwner *scope);

/*
 * The same around reading a value for a column of the table, whose type runs
 * code (see table_owner_of_domain; InvalidOid: it does not, and nothing is
 * switched). Where there is no table yet, as the owner of that code.
 */
extern void table_owner_begin_value(Oid relid, Oid code, TableOwner *scope);

/* Restores the user, and the settings that the owner's code has changed. */
extern void table_owner_end(const TableOwner *scope);

/*
 * Between these two, inside of a scope, the task's owner is at work again: its
 * own expressions, and the reading of the source.
 */
extern void table_owner_pause(const TableOwner *scope);
extern void table_owner_resume(const TableOwner *scope);

/* Its owner; 42P01: the table is gone. */
extern Oid	table_owner_of(Oid relid);

/* Is the owner the current user, or somebody who could become it? */
extern bool table_owner_is_trusted(Oid relid);

/* The same of a role. */
extern bool table_owner_is_trusted_role(Oid role);


/* Whose code is at work just now; InvalidOid: nobody else's. */
extern Oid	table_owner_acting(void);

/*
 * Does reading a value of the type run somebody's code: that of a domain
 * inside of an array, a range or a composite type? The owner of that domain;
 * InvalidOid: it does not.
 */
extern Oid	table_owner_of_domain(Oid typid);

#endif							/* DTSMIG_TABLE_OWNER_H */
