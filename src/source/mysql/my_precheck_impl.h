/*-------------------------------------------------------------------------
 *
 * my_precheck_impl.h
 *	  What the my_precheck*.c files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_PRECHECK_IMPL_H
#define DTSMIG_MY_PRECHECK_IMPL_H

#include "lib/stringinfo.h"

#include "client/my_conn.h"
#include "source/mysql/my_precheck.h"

/* How many things an item names before it says how many more there are. */
#define NAMES_SHOWN 20

typedef struct MyPrecheck
{
	MyConn	   *conn;
	const PrecheckScope *scope;
	List	   *tables;			/* TableDef *, selected */
	bool		full;
	bool		incremental;
	List	   *items;			/* PrecheckItem * */
	MyResult   *variables;		/* name, value */
	char	   *account;		/* as GRANT wants it: 'user'@'host' */
} MyPrecheck;

/* my_precheck.c */
extern PrecheckItem *my_precheck_add(MyPrecheck *p, const char *item,
									 const char *status, const char *found,
									 const char *advice);
/* A global variable; NULL: this server has none of that name. */
extern char *my_precheck_variable(MyPrecheck *p, const char *name);
extern bool my_precheck_is_on(const char *value);
/* A statement at the source that sets a global variable, for good if it can. */
extern void my_precheck_set(MyPrecheck *p, PrecheckItem *item,
							const char *name, const char *value);
/* `schema`.`table` */
extern char *my_precheck_name(const TableDef *def);

/* my_precheck_server.c */
extern void my_precheck_server(MyPrecheck *p);
extern void my_precheck_privileges(MyPrecheck *p);
/* Has the account a privilege, on all or on some databases? */
extern bool my_precheck_may(MyPrecheck *p, const char *privilege);

/* my_precheck_binlog.c */
extern void my_precheck_binlog(MyPrecheck *p);

/* my_precheck_tables.c */
extern void my_precheck_tables(MyPrecheck *p);

/* my_precheck_values.c */
extern void my_precheck_values(MyPrecheck *p);

#endif							/* DTSMIG_MY_PRECHECK_IMPL_H */
