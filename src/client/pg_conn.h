/*-------------------------------------------------------------------------
 *
 * pg_conn.h
 *	  A connection to a PostgreSQL server as source, or as destination.
 *
 * pg_conn.c is where libpq is called: it connects, authenticates, encrypts and
 * frames messages; every wait for the network is a latch wait, so that SIGTERM
 * and query cancel are answered while the source is silent. A connection
 * belongs to the memory context that was current when it was opened: when that
 * is reset or deleted, the socket is closed.
 *
 * Errors of the source are raised with its message, detail, hint and SQLSTATE;
 * the CONTEXT names the server. A lost connection is 08006.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_CONN_H
#define DTSMIG_PG_CONN_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "client/connection.h"
#include "client/pg_result.h"

typedef struct PgConn PgConn;

/*
 * Is the current role a superuser? What only the operating system's account
 * has, as files below its home, is used for superusers alone. Works between
 * transactions, too.
 */
extern bool pg_caller_is_superuser(void);

/* The name of a file that there is not: libpq takes a default for none. */
#define PG_NO_FILE "/nonexistent/dtsmig"

typedef enum PgConnKind
{
	PG_CONN_SQL,				/* a plain session */
	PG_CONN_REPLICATION,		/* replication=database: SQL, and the commands
								 * of the replication protocol */
	PG_CONN_DESTINATION			/* a plain session that writes */
} PgConnKind;

/*
 * Opens a session with this database's encoding, an empty search_path, and the
 * output formats that lose nothing (see pg_session.c); timeouts are off. info
 * is copied. Raises 08001 where it fails, 55000 where a setting cannot be had.
 */
extern PgConn *pg_connect(const ConnectionInfo *info, PgConnKind kind);
extern void pg_close(PgConn *conn);

/* With hostaddr, where it is connected to. */
extern const ConnectionInfo *pg_info(PgConn *conn);
/* 150004 */
extern int	pg_version_num(PgConn *conn);
/* As the server says it, palloc'd; "": not reported */
extern char *pg_server_version(PgConn *conn);
/* Is that the encoding of its database? */
extern bool pg_is_utf8(PgConn *conn);
/* NULL: the connection is not encrypted */
extern const char *pg_tls_cipher(PgConn *conn);

/* Is a transaction open (or failed and not ended)? */
extern bool pg_in_transaction(PgConn *conn);

/*
 * Runs a query by the simple protocol. name says in a message what was asked,
 * shape which columns are expected: see pg_result.h.
 */
extern PgResult *pg_select(PgConn *conn, const char *name, const char *shape,
						   const char *sql);
/* pg_select of a formatted text */
extern PgResult *pg_selectf(PgConn *conn, const char *name, const char *shape,
							const char *fmt,...) pg_attribute_printf(4, 5);
/*
 * As pg_select, but an error of the source (not a lost connection) is
 * returned: NULL and *edata (palloc'd). The session's transaction is as the
 * error left it.
 */
extern PgResult *pg_try_select(PgConn *conn, const char *name,
							   const char *shape, const char *sql,
							   ErrorData **edata);
/* One text, palloc'd; an error if there is none. */
extern char *pg_select_text(PgConn *conn, const char *name, const char *sql);
/* The same; NULL if there is no row, or NULL in it. */
extern char *pg_select_text_or_null(PgConn *conn, const char *name,
									const char *sql);
/* No row and NULL count as false. */
extern bool pg_select_bool(PgConn *conn, const char *name, const char *sql);

/*
 * Runs statements; rows that they give are thrown away. On a replication
 * connection: its commands too.
 */
extern void pg_run(PgConn *conn, const char *sql);
extern void pg_runf(PgConn *conn, const char *fmt,...) pg_attribute_printf(2, 3);
/* Runs one that writes: rows that it has written. */
extern int64 pg_write(PgConn *conn, const char *sql);
/* False: an error of the source, in *edata */
extern bool pg_try_run(PgConn *conn, const char *sql, ErrorData **edata);
/* pg_select in two steps, between which the source works. */
extern void pg_ask(PgConn *conn, const char *sql);
extern PgResult *pg_answer(PgConn *conn, const char *name, const char *shape);

/*
 * A table whose name a view gets would run the view's functions as this
 * account: a session is opened with views refused, by sources that can (minor
 * releases of August 2024 and later): whether it can. DDL that is run by it may
 * fire event triggers that read views.
 */
extern bool pg_tables_only(PgConn *conn, bool on);
/* Did the source take that setting when the session began? */
extern bool pg_is_tables_only(PgConn *conn);
/*
 * SQL to go in front of a statement that reads the table (quoted): it locks it,
 * and raises an error unless it is a table, in the transaction that the whole
 * text is. NULL: the source refuses views and foreign tables by itself.
 */
extern char *pg_before_reading(PgConn *conn, const char *name);

/*
 * From now on a wait for this connection fails (08006) when the source has
 * said nothing for so long; -1: it waits for ever. Returns what held before.
 */
extern long pg_set_patience(PgConn *conn, long ms);

/* palloc'd, quoted for the source */
extern char *pg_quote_literal(const char *value);
extern char *pg_quote_name(const char *name);
/* "schema"."name" */
extern char *pg_quote_qualified(const char *schema, const char *name);

/*
 * COPY out. pg_copy_open runs COPY … TO STDOUT, or START_REPLICATION on a
 * replication connection. pg_copy_next gives the payload of the next CopyData
 * message: 1 and *data, *len, valid until the next call on the connection; 0
 * if none came within timeout_ms (-1: wait, 0: don't); -1 at the end of the
 * COPY.
 */
extern void pg_copy_open(PgConn *conn, const char *sql);
/* The same in two steps; nothing else may be asked in between. */
extern void pg_copy_send(PgConn *conn, const char *sql);
extern void pg_copy_receive(PgConn *conn);
extern int	pg_socket_of(PgConn *conn);
extern int	pg_copy_next(PgConn *conn, const char **data, Size *len,
						 long timeout_ms);
/* Rows that the COPY which has come to its end has sent; -1: it does not say. */
extern int64 pg_copied(PgConn *conn);
/* Ends a COPY that has not come to its end; the session can be used again. */
extern void pg_copy_stop(PgConn *conn);
/* Sends one CopyData message: rows, or feedback of a replication stream. */
extern void pg_copy_put(PgConn *conn, const char *data, Size len);
/* COPY in: COPY … FROM STDIN, any number of pg_copy_put, its end: the rows. */
extern void pg_copy_in_open(PgConn *conn, const char *sql);
extern int64 pg_copy_in_end(PgConn *conn);

/*
 * Prepares a statement, and runs it with parameters in binary form (value NULL:
 * SQL NULL). Rows that it gives are thrown away; returns how many it processed.
 */
extern void pg_prepare(PgConn *conn, const char *statement, const char *sql);
extern int64 pg_execute(PgConn *conn, const char *statement, int n,
						const char *const *values, const int *lengths);
/* The same; the rows that it gives, as text. */
extern PgResult *pg_execute_rows(PgConn *conn, const char *statement, int n,
								 const char *const *values, const int *lengths,
								 const char *name, const char *shape);
/* Is nothing under way, so that the next statement can be sent? */
extern bool pg_is_idle(PgConn *conn);
/* Has a statement failed in the transaction, so that COMMIT would roll back? */
extern bool pg_is_failed(PgConn *conn);

#endif							/* DTSMIG_PG_CONN_H */
