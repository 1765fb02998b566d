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

#include "source/mysql/my_conn.h"
#include "source/mysql/my_precheck.h"

#define PRECHECK_PASSED "passed"
#define PRECHECK_WARNING "warning"
#define PRECHECK_FAILED "failed"

typedef struct MyPrecheck
{
	MyConn	   *conn;
	List	   *tables;			/* TableDef *, selected */
	bool		full;
	bool		incremental;
	List	   *items;			/* PrecheckItem * */
	MyResult   *variables;		/* name, value */
} MyPrecheck;

/* my_precheck.c */
extern void my_precheck_add(MyPrecheck *p, const char *item,
							const char *status, char *found, char *advice);
/* A global variable; NULL: this server has none of that name. */
extern char *my_precheck_variable(MyPrecheck *p, const char *name);

/* my_precheck_server.c */
extern void my_precheck_server(MyPrecheck *p);
extern void my_precheck_privileges(MyPrecheck *p);
extern void my_precheck_binlog(MyPrecheck *p);

/* my_precheck_tables.c */
extern void my_precheck_tables(MyPrecheck *p);

#endif							/* DTSMIG_MY_PRECHECK_IMPL_H */
