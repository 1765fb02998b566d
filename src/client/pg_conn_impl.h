/*-------------------------------------------------------------------------
 *
 * pg_conn_impl.h
 *	  What the files share that call libpq on a PgConn; nobody else includes
 *	  this.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_CONN_IMPL_H
#define DTSMIG_PG_CONN_IMPL_H

#include "postgres.h"

#include "compat.h"
#include "client/pg_conn.h"

#include <libpq-fe.h>

struct PgConn
{
	PGconn	   *pq;
	ConnectionInfo info;
	char	   *copybuf;		/* of the last CopyData message; libpq's */
	PGresult   *result;			/* that is being read */
	long		patience;		/* ms; -1: for ever */
	int64		copied;			/* rows, as the last COPY's tag says; -1: it says none */
	bool		copying;
	bool		replication;	/* copying both ways */
	bool		tables_only;	/* the source refuses to read anything else */
	MemoryContextCallback callback;
};

extern void pg_conn_clear(PgConn *conn);
/* Raises 08006, with what libpq says. */
pg_noreturn extern void pg_conn_lost(PgConn *conn);
/* An error as the server says it, palloc'd; and raised. */
extern ErrorData *pg_conn_error_of(PgConn *conn, const PGresult *res);
pg_noreturn extern void pg_conn_raise(PgConn *conn, const ErrorData *e);
/* False: timeout. */
extern bool pg_conn_wait_socket(int fd, int events, long timeout_ms);
/* Until the socket is ready, as long as patience lasts. */
extern void pg_conn_wait(PgConn *conn, int events);
extern void pg_conn_consume(PgConn *conn);
/* Sends all that libpq has queued. */
extern void pg_conn_flush(PgConn *conn);
/* The next result of what was asked; NULL: there are no more. */
extern PGresult *pg_conn_next_result(PgConn *conn);
/*
 * Reads all results of what was sent; rows go to r, or nowhere if that is
 * NULL. False: an error of the server, in *edata.
 */
extern bool pg_conn_gather(PgConn *conn, PgResult *r, ErrorData **edata);
/* Raises an error unless something can be asked now. */
extern void pg_conn_check(PgConn *conn);

#endif							/* DTSMIG_PG_CONN_IMPL_H */
