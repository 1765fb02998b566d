/*-------------------------------------------------------------------------
 *
 * my_zero_dates.h
 *	  A look at the values of tables, with an end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_ZERO_DATES_H
#define DTSMIG_MY_ZERO_DATES_H

#include "client/my_conn.h"
#include "source/source.h"

/* What ends a SELECT that takes too long: MariaDB's and MySQL's error. */
#define ER_STATEMENT_TIMEOUT 1969
#define ER_QUERY_TIMEOUT 3024

/* "SELECT ", with a limit of so many seconds where the server knows one. */
extern char *my_limited_select(MyConn *conn, int seconds);
/* A condition: is the value of a column (quoted) no date of the calendar? */
extern char *my_zero_date_condition(const char *name);
/* SourceRoutine.look_at_values */
extern void my_look_at_values(SourceConn *conn, List *tables,
							  const TypePolicy *policy);

#endif							/* DTSMIG_MY_ZERO_DATES_H */
