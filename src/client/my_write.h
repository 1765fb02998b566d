/*-------------------------------------------------------------------------
 *
 * my_write.h
 *	  Sessions at a MySQL-family server that write.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_WRITE_H
#define DTSMIG_MY_WRITE_H

#include "client/my_conn.h"

/*
 * From now on a value that does not fit is an error, and nothing else changes
 * what is written; raises 55000 where the server does not let us.
 */
extern void my_write_prepare_session(MyConn *conn, const char *server, bool foreign_keys);
/* Bytes that a statement may have. */
extern Size my_write_max_statement(MyConn *conn);
/*
 * The last statement has been warned of: an error, but where it has stored what
 * it was given. *warned_row: of several, from 1; 0: it does not say.
 */
extern void my_write_check_warnings(MyConn *conn, const char *server, int *warned_row);

#endif							/* DTSMIG_MY_WRITE_H */
