/*-------------------------------------------------------------------------
 *
 * my_conn.h
 *	  A connection to a MySQL-family server.
 *
 * my_conn.c is the only file that includes <mysql.h>, whose names clash with
 * PostgreSQL's. Connector/C connects, authenticates, encrypts and frames
 * packets, which my_query.c and the binlog's files read; every wait for the
 * network is a latch wait, so that SIGTERM and query cancel are answered while
 * the source is silent. A connection belongs to the memory context that was
 * current when it was opened: when that is reset or deleted, the socket is
 * closed.
 *
 * Errors of the source are raised with its message; SQLSTATE as mapped from
 * the source's error number, the DETAIL names server and number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_CONN_H
#define DTSMIG_MY_CONN_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "compat.h"
#include "client/connection.h"

typedef struct MyConn MyConn;

/* An answer in memory, in the context current at my_query. */
typedef struct MyResult MyResult;

/*
 * Opens a connection with utf8mb4, time_zone +00:00 and an sql_mode that
 * alters no value. Raises 08001 where it fails.
 */
extern MyConn *my_connect_as(const ConnectionInfo *info, bool destination);

static inline MyConn *
my_connect(const ConnectionInfo *info)
{
	return my_connect_as(info, false);
}

/* The same to be written to: an UPDATE counts the rows that it finds. */
static inline MyConn *
my_connect_destination(const ConnectionInfo *info)
{
	return my_connect_as(info, true);
}

extern void my_close(MyConn *conn);
/* Can it be asked something, as far as is known? */
extern bool my_is_idle(MyConn *conn);

extern bool my_is_mariadb(MyConn *conn);
/* 101119 for 10.11.19, 50651 for 5.6.51, 90700 for 9.7.0 */
extern int	my_version_num(MyConn *conn);
extern const char *my_version_text(MyConn *conn);
/* By which the server lists the session. */
extern uint64 my_session_id(MyConn *conn);
/* NULL: the connection is not encrypted */
extern const char *my_tls_cipher(MyConn *conn);
/* The source's number of the last error, as in an error's detail; 0: none. */
extern int	my_last_errno(MyConn *conn);

/*
 * From now on a read of any connection fails (08006) when the source has said
 * nothing for so long; -1: it waits for ever. Returns what held before. For
 * questions that a living server answers at once, and that must not hold up
 * the caller when the line is dead.
 */
extern long my_set_patience(long ms);

/*
 * Runs a statement, in the server's encoding, whose answer has to have so many
 * columns or more (0: none are looked at). What a source answers is not to be
 * trusted: an answer of another form, and whatever the functions below do not
 * find in it, raises 08P01 with the statement.
 */
extern MyResult *my_query(MyConn *conn, const char *sql, int ncolumns);
/* As my_query, but returns false and sets *errmsg (palloc'd), *my_errno. */
extern bool my_try_query(MyConn *conn, const char *sql, int ncolumns,
						 MyResult **result, char **errmsg, int *my_errno);
extern int	my_nrows(const MyResult *res);

/*
 * Values by number or by label of the column, NUL-terminated; they are text. An integer
 * beyond int64 is the nearest there is; a number's text is that of an integer,
 * fit to stand in a statement.
 */
extern char *my_get_text(const MyResult *res, int row, int column);
extern char *my_get_text_or_null(const MyResult *res, int row, int column);
extern int64 my_get_int64(const MyResult *res, int row, int column);
extern char *my_value(const MyResult *res, int row, const char *label);
extern char *my_value_or_null(const MyResult *res, int row, const char *label);
extern int64 my_value_int64(const MyResult *res, int row, const char *label,
							int64 if_null);
extern char *my_value_number(const MyResult *res, int row, const char *label);
extern char *my_value_number_or_null(const MyResult *res, int row,
									 const char *label);

/* Raises 08P01 for what a source has sent: a kind of value, and which. */
pg_noreturn extern void my_refuse(const char *what, const char *value);

/* First column of the first row; the last: NULL if none or SQL NULL. */
extern char *my_query_text(MyConn *conn, const char *sql);
extern int64 my_query_int64(MyConn *conn, const char *sql);
extern char *my_query_text_or_null(MyConn *conn, const char *sql);

/* What a statement that returns no rows has done. */
typedef struct MyDone
{
	uint64		rows;			/* changed; of a destination: found */
	uint32		warnings;
} MyDone;

/*
 * Runs n statements that return no rows, in one text with semicolons between
 * (more than one: after my_allow_several), in the server's encoding. How many have
 * been done; where that is less than n, the next one has failed: my_raise_error
 * says why.
 */
extern int	my_execute(MyConn *conn, const char *sql, Size len, int n, MyDone *done);
/* The same in two steps; nothing else may be asked in between. False: it failed. */
extern bool my_execute_send(MyConn *conn, const char *sql, Size len);
extern int	my_execute_receive(MyConn *conn, int n, MyDone *done);
/* SQLSTATE of the last error, as ereport takes it. */
extern int	my_last_code(MyConn *conn);
extern void my_allow_several(MyConn *conn, bool several);
pg_noreturn extern void my_raise_error(MyConn *conn, const char *doing);

/* palloc'd: `a``b` and 'it''s' (escaped for the connection's sql_mode) */
extern char *my_quote_identifier(const char *name);
extern char *my_quote_literal(const char *value);

/*
 * A row stream of the text protocol, without a copy in between.
 * my_send_query sends the statement; my_stream_columns reads the column
 * definitions and returns their number; my_stream_query does both.
 * my_stream_next points *row at the bytes of the next row packet (valid until
 * the next call), false at the end. A row is, for each column, a length-
 * encoded string, or 0xFB for NULL.
 */
extern void my_send_query(MyConn *conn, const char *sql);
extern int	my_stream_columns(MyConn *conn, const char *sql);
extern int	my_stream_query(MyConn *conn, const char *sql);
extern bool my_stream_next(MyConn *conn, const uint8 **row, Size *len);
/* Takes a row of n columns apart; NULL is NULL, what is not is not terminated. */
extern void my_row_values(MyConn *conn, const uint8 *row, Size len, int n,
						  const char **values, Size *lens);
/*
 * Text of the server's in this database's encoding, palloc'd. What it sends may
 * be no text: then it is left as it is.
 */
extern char *conn_from_utf8(const char *text, Size *len);

/*
 * Commands of the replication protocol. my_command sends one (payload without
 * the command byte; no answer is read), my_command_ok one that is answered by
 * an OK packet, which it reads. my_read_packet reads the next packet; it
 * returns false when the source has been silent for timeout_ms (-1: it waits
 * for ever), be it within a packet, which a later call goes on to read. The
 * packet's bytes stay valid until the next call, whatever that returns. An
 * ERR packet is raised as an error (1236 with SQLSTATE 58030-like text kept
 * whole). An EOF packet gives *len == 0.
 */
extern void my_command(MyConn *conn, int command, const void *payload,
					   Size len);
extern void my_command_ok(MyConn *conn, int command, const void *payload,
						  Size len);
extern bool my_read_packet(MyConn *conn, long timeout_ms, const uint8 **data,
						   Size *len);
/* Has the source sent anything since the last look? */
extern bool my_heard(MyConn *conn);

/* What is kept with a connection by those who use it. */
typedef struct MyUse
{
	bool		in_transaction; /* as the last answer of the server had it */
	const char *server;			/* its name in this database */
	int			fd;				/* -1: none */
	bool		strict;			/* my_write_prepare_session has come to its end */
	bool		writing;		/* a transaction of a source writes, too: nothing is rolled
								 * back to what was read */
} MyUse;
extern MyUse *my_use(MyConn *conn);

static inline bool
my_in_transaction(MyConn *conn)
{
	return my_use(conn)->in_transaction;
}

/* Which server it is: its ids, palloc'd. */
extern char *my_server_uid(MyConn *conn);
/* Does read_only of the server, but for super_read_only, let this account write? */
extern bool my_writes_read_only(MyConn *conn);
/* SHOW MASTER STATUS, or what became of it. */
extern const char *my_log_status_query(MyConn *conn);

/* What to do where gtid_mode keeps the source from sending its log. */
#define GTID_MODE_HINT \
	"Run at the source: SET GLOBAL gtid_mode = ON_PERMISSIVE (or OFF_PERMISSIVE), resume the task, and set gtid_mode to what it was when the task has caught up."

#endif							/* DTSMIG_MY_CONN_H */
