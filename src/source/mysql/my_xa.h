/*-------------------------------------------------------------------------
 *
 * my_xa.h
 *	  XA transactions of a MySQL-family source that are in the log before any
 *	  snapshot has them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_XA_H
#define DTSMIG_MY_XA_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "client/my_conn.h"

/*
 * Names (char *) of those that are prepared, or are being committed; without
 * those that are left alone, as nobody has committed any for long. NIL where the
 * account may not ask.
 */
extern List *my_xa_in_doubt(MyConn *conn);
/* How many XA COMMIT statements have begun at the server. */
extern int64 my_xa_commits(MyConn *conn);
/* The names of a that are in b, too. */
extern List *my_xa_still(List *a, List *b);
/* Is all that a place of the log had at that time visible? */
extern bool my_xa_is_old(TimestampTz taken);
/* Returns when all is visible that is in the log now. */
extern void my_xa_wait(MyConn *conn);

#endif							/* DTSMIG_MY_XA_H */
