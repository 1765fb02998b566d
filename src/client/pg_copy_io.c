/*-------------------------------------------------------------------------
 *
 * pg_copy_io.c
 *	  COPY in both directions, and the replication stream, on libpq's
 *	  non-blocking calls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/pg_conn_impl.h"

#include "storage/latch.h"
#include "utils/timestamp.h"

void
pg_copy_send(PgConn *conn, const char *sql)
{
	pg_conn_check(conn);
	source_statements++;
	if (!PQsendQuery(conn->pq, sql))
		pg_conn_lost(conn);
	pg_conn_flush(conn);
}

void
pg_copy_receive(PgConn *conn)
{
	PGresult   *res;
	ExecStatusType status;
	ErrorData  *edata = NULL;

	/* another command may stand in front of it (see pg_before_reading) */
	while ((status = PQresultStatus(res = pg_conn_next_result(conn))) == PGRES_COMMAND_OK)
		PQclear(res);
	if (status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH)
		edata = pg_conn_error_of(conn, res);
	PQclear(res);
	conn->copied = -1;
	if (edata != NULL)
	{
		ErrorData  *more;

		(void) pg_conn_gather(conn, NULL, &more);
		pg_conn_raise(conn, edata);
	}
	conn->copying = true;
	conn->replication = status == PGRES_COPY_BOTH;
}

void
pg_copy_open(PgConn *conn, const char *sql)
{
	pg_copy_send(conn, sql);
	pg_copy_receive(conn);
}

int
pg_socket_of(PgConn *conn)
{
	return PQsocket(conn->pq);
}

/* The COPY has ended: its command tag, or an error. */
static void
end_copy(PgConn *conn)
{
	ErrorData  *edata;

	conn->copying = false;
	if (!pg_conn_gather(conn, NULL, &edata))
		pg_conn_raise(conn, edata);
}

int
pg_copy_next(PgConn *conn, const char **data, Size *len, long timeout_ms)
{
	TimestampTz deadline = 0;

	if (conn->copybuf)
	{
		PQfreemem(conn->copybuf);
		conn->copybuf = NULL;
	}
	if (!conn->copying)
		return -1;
	for (;;)
	{
		int			n = PQgetCopyData(conn->pq, &conn->copybuf, 1);
		long		left = -1;

		if (n > 0)
		{
			*data = conn->copybuf;
			*len = n;
			return 1;
		}
		if (n == -1)
		{
			end_copy(conn);
			return -1;
		}
		if (n == -2)
			pg_conn_lost(conn);
		if (timeout_ms < 0)
			pg_conn_wait(conn, WL_SOCKET_READABLE);
		else
		{
			if (deadline == 0)
				deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   timeout_ms);
			else
			{
				left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   deadline);
				if (left <= 0)
					return 0;
			}
			if (left < 0)
				left = timeout_ms;
			(void) pg_conn_wait_socket(PQsocket(conn->pq), WL_SOCKET_READABLE, left);
		}
		pg_conn_consume(conn);
	}
}

int64
pg_copied(PgConn *conn)
{
	return conn->copied;
}

void
pg_copy_stop(PgConn *conn)
{
	const char *data;
	Size		len;

	if (!conn->copying)
		return;
	if (conn->replication)
	{
		if (PQputCopyEnd(conn->pq, NULL) < 0)
			pg_conn_lost(conn);
		pg_conn_flush(conn);
	}
	while (pg_copy_next(conn, &data, &len, -1) > 0)
		;
}

void
pg_copy_put(PgConn *conn, const char *data, Size len)
{
	int			rc;

	while ((rc = PQputCopyData(conn->pq, data, (int) len)) == 0)
		pg_conn_flush(conn);
	if (rc < 0)
		pg_conn_lost(conn);
	pg_conn_flush(conn);
}

void
pg_copy_in_open(PgConn *conn, const char *sql)
{
	PGresult   *res;

	pg_conn_check(conn);
	if (!PQsendQuery(conn->pq, sql))
		pg_conn_lost(conn);
	res = pg_conn_next_result(conn);
	if (PQresultStatus(res) != PGRES_COPY_IN)
	{
		ErrorData  *edata = pg_conn_error_of(conn, res);
		ErrorData  *more;

		PQclear(res);
		(void) pg_conn_gather(conn, NULL, &more);
		pg_conn_raise(conn, edata);
	}
	PQclear(res);
	conn->copied = -1;
	conn->copying = true;
	conn->replication = false;
}

int64
pg_copy_in_end(PgConn *conn)
{
	int			rc;

	while ((rc = PQputCopyEnd(conn->pq, NULL)) == 0)
		pg_conn_flush(conn);
	if (rc < 0)
		pg_conn_lost(conn);
	pg_conn_flush(conn);
	end_copy(conn);
	return conn->copied;
}
