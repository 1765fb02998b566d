/*-------------------------------------------------------------------------
 *
 * pg_execute.c
 *	  Prepared statements, with parameters in binary form.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_conn_impl.h"

#define MAX_PARAMS 4096

void
pg_prepare(PgConn *conn, const char *statement, const char *sql)
{
	ErrorData  *edata;

	pg_conn_check(conn);
	pg_conn_clear(conn);
	if (!PQsendPrepare(conn->pq, statement, sql, 0, NULL))
		pg_conn_lost(conn);
	if (!pg_conn_gather(conn, NULL, &edata))
		pg_conn_raise(conn, edata);
}

static void
send_execute(PgConn *conn, const char *statement, int n,
			 const char *const *values, const int *lengths)
{
	int		   *formats = palloc(sizeof(int) * Max(n, 1));

	if (n > MAX_PARAMS)
		elog(ERROR, "too many parameters: %d", n);
	pg_conn_check(conn);
	pg_conn_clear(conn);
	for (int i = 0; i < n; i++)
		formats[i] = 1;
	if (!PQsendQueryPrepared(conn->pq, statement, n, values, lengths, formats, 0))
		pg_conn_lost(conn);
	pfree(formats);
	(void) PQsetSingleRowMode(conn->pq);
}

int64
pg_execute(PgConn *conn, const char *statement, int n,
		   const char *const *values, const int *lengths)
{
	ErrorData  *edata;

	send_execute(conn, statement, n, values, lengths);
	if (!pg_conn_gather(conn, NULL, &edata))
		pg_conn_raise(conn, edata);
	return conn->copied;
}

PgResult *
pg_execute_rows(PgConn *conn, const char *statement, int n,
				const char *const *values, const int *lengths,
				const char *name, const char *shape)
{
	PgResult   *r = pg_result_begin(name, shape);
	ErrorData  *edata;

	send_execute(conn, statement, n, values, lengths);
	if (!pg_conn_gather(conn, r, &edata))
		pg_conn_raise(conn, edata);
	return r;
}

bool
pg_is_idle(PgConn *conn)
{
	PGTransactionStatusType status;

	if (conn->pq == NULL || PQstatus(conn->pq) != CONNECTION_OK || conn->copying)
		return false;
	status = PQtransactionStatus(conn->pq);
	return status == PQTRANS_IDLE || status == PQTRANS_INTRANS ||
		status == PQTRANS_INERROR;
}

bool
pg_is_failed(PgConn *conn)
{
	return PQtransactionStatus(conn->pq) == PQTRANS_INERROR;
}
