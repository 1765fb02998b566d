/*-------------------------------------------------------------------------
 *
 * my_conn.c
 *	  Connections to MySQL-family servers, on MariaDB Connector/C.
 *
 * The library's own waits sleep in poll() and retry EINTR for ever, so a
 * worker could not be stopped while its source is silent. Two things mend
 * that. Connecting uses the library's non-blocking interface. Afterwards the
 * connection's transport methods (struct st_ma_pvio_methods, public in
 * ma_pvio.h) are replaced by ours, which wait on latch and socket, and fail
 * the call when an interrupt is pending. We never jump out of the library:
 * the interrupt is raised once it has returned.
 *
 * A connection that failed in the middle of anything is broken for good; its
 * owner opens another.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

/* names that pg_list.h declares too */
#define list_length my_list_length
#define list_free my_list_free
#define list_delete my_list_delete
#include <mysql.h>
#include <ma_pvio.h>
#undef list_length
#undef list_free
#undef list_delete

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/mysql/my_conn.h"
#include "source/mysql/my_error.h"

#include "access/xact.h"
#include "core/wait.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Largest packet, and so largest row, that we accept. */
#define MY_MAX_PACKET	(1024L * 1024 * 1024)

/* Of OpenSSL, which Connector/C and the server have both loaded, or neither. */
extern int	SSL_pending(const void *ssl) __attribute__((weak));

/*
 * Head of the library's struct st_ma_pvio_tls, the same in Connector/C 3.0 to
 * 3.4; its own header can't be included (in 3.4 it wants one that is not
 * installed). Looked into only where the library says it is one of those.
 */
typedef struct TlsHead
{
	void	   *data;
	MARIADB_PVIO *pvio;
	void	   *ssl;
} TlsHead;

#define TLS_HEAD_KNOWN_UNTIL 30500

struct MyConn
{
	MYSQL	   *mysql;
	MYSQL_RES  *result;			/* being read; freed with the connection */
	bool		connected;		/* the handshake is done */
	bool		streaming;		/* rows or events have not ended */
	bool		openssl;		/* TLS by OpenSSL, in a layout that we know */
	int			fd;
	char	   *where;			/* "server "x" (host:port)", for errors */
	MemoryContext cxt;
	MemoryContextCallback cleanup;
};

static PVIO_METHODS hooked_methods;

/* How long a read waits for the peer; -1: for ever. See my_set_patience. */
static long patience_ms = -1;

/* ---------------------------------------------------------------- waiting */

/*
 * Waits until fd can be read or written. Returns 1 when it can, 0 at the
 * timeout, -1 when an interrupt wants the process's attention. Raises no
 * error: library frames may lie below.
 */
static int
wait_for_socket(int fd, bool for_read, long timeout_ms)
{
	TimestampTz deadline = 0;

	if (timeout_ms >= 0)
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   timeout_ms);
	for (;;)
	{
		int			events;
		int			rc;
		long		left = -1;

		if (ProcDiePending || QueryCancelPending)
			return -1;
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();

		events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
			(for_read ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE);
		if (timeout_ms >= 0)
		{
			left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   deadline);
			events |= WL_TIMEOUT;
		}
		rc = WaitLatchOrSocket(MyLatch, events, fd, left, dts_wait_event(DTS_WAIT_SOURCE));
		if (rc & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE))
			return 1;
		if (rc & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (rc & WL_TIMEOUT)
			return 0;
	}
}

long
my_set_patience(long ms)
{
	long		old = patience_ms;

	patience_ms = ms;
	return old;
}

static ssize_t
hook_read(MARIADB_PVIO *pvio, uchar *buffer, size_t length)
{
	int			fd = mysql_get_socket(pvio->mysql);

	for (;;)
	{
		ssize_t		r = recv(fd, buffer, length, MSG_DONTWAIT);

		if (r >= 0)
			return r;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		if (wait_for_socket(fd, true, patience_ms) <= 0)
			return -1;
	}
}

static ssize_t
hook_write(MARIADB_PVIO *pvio, const uchar *buffer, size_t length)
{
	int			fd = mysql_get_socket(pvio->mysql);

	for (;;)
	{
		ssize_t		r = send(fd, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r >= 0)
			return r;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		if (wait_for_socket(fd, false, -1) < 0)
			return -1;
	}
}

/* For TLS, whose library reads the socket itself. */
static int
hook_wait(MARIADB_PVIO *pvio, my_bool is_read, int timeout)
{
	return wait_for_socket(mysql_get_socket(pvio->mysql), is_read, patience_ms);
}

/* The socket stays non-blocking, whatever the library would like. */
static int
hook_blocking(MARIADB_PVIO *pvio, my_bool value, my_bool *old_value)
{
	if (old_value)
		*old_value = value;
	return 0;
}

/*
 * A peer that is gone without a word is noticed by the kernel, within about
 * half a minute, whether we wait for it or write to it. Failure is no error:
 * the connection may be a socket file.
 */
static void
watch_peer(int fd)
{
	int			on = 1;
	int			idle = 10;
	int			interval = 5;
	int			count = 4;

	(void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
#endif
#ifdef TCP_USER_TIMEOUT
	{
		int			ms = 30000;

		(void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	}
#endif
}

static void
install_hooks(MyConn *conn)
{
	MARIADB_PVIO *pvio = conn->mysql->net.pvio;
	int			flags;

	hooked_methods = *pvio->methods;
	hooked_methods.read = hook_read;
	hooked_methods.write = hook_write;
	hooked_methods.wait_io_or_timeout = hook_wait;
	hooked_methods.blocking = hook_blocking;
	pvio->methods = &hooked_methods;

	conn->fd = mysql_get_socket(conn->mysql);
	watch_peer(conn->fd);
	flags = fcntl(conn->fd, F_GETFL);
	if (flags < 0 || fcntl(conn->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not set the connection to non-blocking mode: %m")));
}

/* ----------------------------------------------------------------- errors */

/*
 * Text in another encoding, palloc'd. Conversions are looked up in the
 * catalog, which takes a transaction; a stream is read between transactions.
 */
static char *
convert_text(const char *text, Size len, int from, int to)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		alone = !IsTransactionState();
	char	   *result;
	Size		i;

	for (i = 0; i < len && !IS_HIGHBIT_SET(text[i]); i++)
		 /* ASCII is the same everywhere */ ;
	if (i == len || from == to)
		return pnstrdup(text, len);
	if (alone)
		StartTransactionCommand();
	MemoryContextSwitchTo(cxt);
	result = (char *) pg_do_encoding_conversion((unsigned char *) pnstrdup(text, len),
												len, from, to);
	if (alone)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return result;
}

static char *
to_utf8(const char *text)
{
	if (text == NULL)
		return NULL;
	return convert_text(text, strlen(text), GetDatabaseEncoding(), PG_UTF8);
}

/* Message of the source, in the server's encoding, palloc'd. */
static char *
source_message(MyConn *conn)
{
	const char *msg = mysql_error(conn->mysql);

	if (!pg_verify_mbstr(PG_UTF8, msg, strlen(msg), true))
		return pstrdup("(message in an unknown encoding)");
	return convert_text(msg, strlen(msg), PG_UTF8, GetDatabaseEncoding());
}

/* Raises the error that the library holds for conn; never returns. */
static void
raise_source_error(MyConn *conn, const char *doing)
{
	unsigned int err = mysql_errno(conn->mysql);
	bool		login = !conn->connected;

	/* an interrupt made the call fail: say so instead */
	CHECK_FOR_INTERRUPTS();

	if (err == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("lost connection to %s while %s", conn->where, doing)));
	ereport(ERROR,
			(errcode(my_sqlerrcode(err, mysql_sqlstate(conn->mysql))),
			 login ?
			 errmsg("could not connect to %s: %s", conn->where,
					source_message(conn)) :
			 errmsg("error of %s while %s: %s", conn->where, doing,
					source_message(conn)),
			 errdetail("The source reported error %u, SQLSTATE %s.", err,
					   mysql_sqlstate(conn->mysql)),
			 err == 1045 ?
			 errhint("Check user and password of the user mapping, and the hosts the account may connect from.") :
			 (err == 2002 || err == 2003) ?
			 errhint("Check host and port of the server, and that it is running.") :
			 err == 1236 ?
			 errhint("If the log was purged, restart the task with a new full load, and keep logs longer (binlog_expire_logs_seconds).") : 0));
}

int
my_last_errno(MyConn *conn)
{
	return (int) mysql_errno(conn->mysql);
}

/* ------------------------------------------------------ opening, closing */

static void
conn_cleanup(void *arg)
{
	MyConn	   *conn = arg;

	if (conn->result)
	{
		conn->mysql->status = MYSQL_STATUS_READY;
		mysql_free_result(conn->result);
		conn->result = NULL;
	}
	if (conn->mysql)
	{
		MYSQL	   *mysql = conn->mysql;

		conn->mysql = NULL;

		/*
		 * A quiet connection says goodbye. Any other is shut down first, so
		 * that the library's goodbye can't block on a full socket.
		 */
		if (!conn->connected || conn->streaming)
		{
			int			fd = mysql_get_socket(mysql);

			if (fd >= 0)
				(void) shutdown(fd, SHUT_RDWR);
		}
		mysql_close(mysql);
	}
}

void
my_close(MyConn *conn)
{
	conn_cleanup(conn);
}

/* Turns the library's wish into a wait; returns what happened. */
static int
wait_for_library(MyConn *conn, int status)
{
	int			fd = mysql_get_socket(conn->mysql);
	long		timeout = -1;
	int			rc;

	if (status & MYSQL_WAIT_TIMEOUT)
		timeout = mysql_get_timeout_value_ms(conn->mysql);
	if (fd < 0)
		return MYSQL_WAIT_TIMEOUT;
	rc = wait_for_socket(fd, (status & MYSQL_WAIT_READ) != 0, timeout);
	if (rc < 0)
	{
		CHECK_FOR_INTERRUPTS();
		return MYSQL_WAIT_TIMEOUT;
	}
	if (rc == 0)
		return MYSQL_WAIT_TIMEOUT;
	return status & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
}

static void
set_options(MyConn *conn, const ConnectionInfo *info)
{
	MYSQL	   *mysql = conn->mysql;
	unsigned int timeout = info->connect_timeout > 0 ? info->connect_timeout : 10;
	unsigned int protocol = MYSQL_PROTOCOL_TCP;
	unsigned int off = 0;
	unsigned long max_packet = MY_MAX_PACKET;
	my_bool		yes = 1;
	my_bool		no = 0;

	mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
	mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &max_packet);
	/* a source that lies must not be given files or a clear password */
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
				  "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519");
	mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
				   info->application ? info->application : "dtsmig");
	if (info->host == NULL || info->host[0] != '/')
		mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);

	if (info->ssl_mode == SSL_MODE_DISABLE)
		return;
	mysql_ssl_set(mysql, info->ssl_key, info->ssl_cert, info->ssl_ca, NULL,
				  NULL);
	mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
				  info->ssl_mode == SSL_MODE_VERIFY_FULL ? &yes : &no);
	if (info->ssl_mode != SSL_MODE_PREFER)
		mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
}

MyConn *
my_connect(const ConnectionInfo *info)
{
	MyConn	   *conn = palloc0(sizeof(MyConn));
	const char *host = info->host ? info->host : "127.0.0.1";
	const char *unix_socket = host[0] == '/' ? host : NULL;
	const char *tls_library = NULL;
	MYSQL	   *ret = NULL;
	int			status;

	conn->cxt = CurrentMemoryContext;
	conn->fd = -1;
	conn->where = unix_socket ?
		psprintf("server \"%s\" (%s)", info->server_name, host) :
		psprintf("server \"%s\" (%s:%d)", info->server_name, host, info->port);
	conn->mysql = mysql_init(NULL);
	if (conn->mysql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	conn->cleanup.func = conn_cleanup;
	conn->cleanup.arg = conn;
	MemoryContextRegisterResetCallback(conn->cxt, &conn->cleanup);
	set_options(conn, info);

	status = mysql_real_connect_start(&ret, conn->mysql,
									  unix_socket ? NULL : host,
									  to_utf8(info->user),
									  info->password ? to_utf8(info->password) : "",
									  to_utf8(info->dbname),
									  info->port, unix_socket,
									  CLIENT_REMEMBER_OPTIONS);
	while (status)
		status = mysql_real_connect_cont(&ret, conn->mysql,
										 wait_for_library(conn, status));
	if (ret == NULL)
		raise_source_error(conn, "connecting");
	conn->connected = true;
	install_hooks(conn);

	/* the library goes on without TLS where a server has none */
	if (info->ssl_mode >= SSL_MODE_REQUIRE &&
		mysql_get_ssl_cipher(conn->mysql) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to %s: it offers no TLS, but ssl_mode demands it",
						conn->where)));
	if (mariadb_get_infov(conn->mysql, MARIADB_TLS_LIBRARY, &tls_library) == 0 &&
		tls_library)
		conn->openssl = strncmp(tls_library, "OpenSSL", 7) == 0 &&
			mysql_get_client_version() < TLS_HEAD_KNOWN_UNTIL;

	/*
	 * Nothing may change a value on its way, nor end the session while we are
	 * busy at the destination.
	 */
	my_query(conn, "SET SESSION time_zone = '+00:00', sql_mode = '', "
			 "net_write_timeout = 28800, net_read_timeout = 28800, "
			 "wait_timeout = 28800, sql_select_limit = DEFAULT");
	if (my_is_mariadb(conn))
		my_query(conn, "SET SESSION max_statement_time = 0");
	else if (my_version_num(conn) >= 50708)
		my_query(conn, "SET SESSION max_execution_time = 0");
	if (info->server_uid != NULL &&
		strcmp(my_server_uid(conn), info->server_uid) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("%s is another server than a moment ago", conn->where)));
	return conn;
}

/* MariaDB is named by server_id alone; MySQL has server_uuid too. */
char *
my_server_uid(MyConn *conn)
{
	char	   *id = my_query_value(conn, "SELECT @@global.server_id");
	MyResult   *uid = my_query(conn, "SHOW GLOBAL VARIABLES LIKE 'server_uuid'");

	return uid->nrows ?
		psprintf("server_id %s, server_uuid %s", id, uid->values[0][1]) :
		psprintf("server_id %s", id);
}

const char *
my_log_status_query(MyConn *conn)
{
	return !my_is_mariadb(conn) && my_version_num(conn) >= 80400 ?
		"SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

bool
my_is_mariadb(MyConn *conn)
{
	return strstr(mysql_get_server_info(conn->mysql), "MariaDB") != NULL;
}

int
my_version_num(MyConn *conn)
{
	return (int) mysql_get_server_version(conn->mysql);
}

const char *
my_version_text(MyConn *conn)
{
	return mysql_get_server_info(conn->mysql);
}

const char *
my_tls_cipher(MyConn *conn)
{
	return mysql_get_ssl_cipher(conn->mysql);
}

/* ---------------------------------------------------------------- queries */

static void
check_ready(MyConn *conn)
{
	if (conn->mysql == NULL || !conn->connected)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("the connection to %s is closed", conn->where)));
	if (conn->streaming)
		elog(ERROR, "connection to %s is busy with a row stream", conn->where);
}

/* Copies the library's stored result into the current context. */
static MyResult *
copy_result(MyConn *conn)
{
	MyResult   *res = palloc0(sizeof(MyResult));
	MYSQL_FIELD *fields;

	res->ncolumns = mysql_num_fields(conn->result);
	res->nrows = (int) mysql_num_rows(conn->result);
	fields = mysql_fetch_fields(conn->result);
	res->names = palloc(sizeof(char *) * Max(res->ncolumns, 1));
	for (int i = 0; i < res->ncolumns; i++)
		res->names[i] = pstrdup(fields[i].name);
	res->values = palloc_extended(sizeof(char **) * Max(res->nrows, 1),
								  MCXT_ALLOC_HUGE);
	res->lengths = palloc_extended(sizeof(Size *) * Max(res->nrows, 1),
								   MCXT_ALLOC_HUGE);
	for (int r = 0; r < res->nrows; r++)
	{
		MYSQL_ROW	row = mysql_fetch_row(conn->result);
		unsigned long *lengths = mysql_fetch_lengths(conn->result);

		res->values[r] = palloc(sizeof(char *) * res->ncolumns);
		res->lengths[r] = palloc(sizeof(Size) * res->ncolumns);
		for (int c = 0; c < res->ncolumns; c++)
		{
			char	   *v = NULL;
			Size		len = 0;

			if (row[c] != NULL)
			{
				len = lengths[c];
				v = pnstrdup(row[c], len);
				if (GetDatabaseEncoding() != PG_UTF8 &&
					pg_verify_mbstr(PG_UTF8, v, len, true))
				{
					v = convert_text(v, len, PG_UTF8, GetDatabaseEncoding());
					len = strlen(v);
				}
			}
			res->values[r][c] = v;
			res->lengths[r][c] = len;
		}
	}
	return res;
}

bool
my_try_query(MyConn *conn, const char *sql, MyResult **result, char **errmsg,
			 int *my_errno)
{
	char	   *utf8 = to_utf8(sql);
	MyResult   *res = NULL;

	check_ready(conn);
	source_statements++;
	if (mysql_real_query(conn->mysql, utf8, strlen(utf8)) == 0)
	{
		conn->result = mysql_store_result(conn->mysql);
		if (conn->result != NULL)
		{
			res = copy_result(conn);
			mysql_free_result(conn->result);
			conn->result = NULL;
		}
		else if (mysql_field_count(conn->mysql) == 0)
			res = palloc0(sizeof(MyResult));
	}
	if (res == NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (errmsg)
			*errmsg = source_message(conn);
		if (my_errno)
			*my_errno = (int) mysql_errno(conn->mysql);
		return false;
	}
	if (result)
		*result = res;
	return true;
}

MyResult *
my_query(MyConn *conn, const char *sql)
{
	MyResult   *res;

	if (!my_try_query(conn, sql, &res, NULL, NULL))
		raise_source_error(conn, psprintf("running \"%.200s\"", sql));
	return res;
}

char *
my_query_value(MyConn *conn, const char *sql)
{
	MyResult   *res = my_query(conn, sql);

	return res->nrows > 0 && res->ncolumns > 0 ? res->values[0][0] : NULL;
}

char *
my_value(MyResult *res, int row, const char *label)
{
	for (int c = 0; c < res->ncolumns; c++)
		if (pg_strcasecmp(res->names[c], label) == 0)
			return res->values[row][c];
	elog(ERROR, "the source's answer has no column \"%s\"", label);
	return NULL;
}

/* ---------------------------------------------------------------- streams */

/* The connection takes queries again: of a row stream, no more will come. */
static void
rows_ended(MyConn *conn)
{
	/* the library believes it would read the rows itself */
	conn->mysql->status = MYSQL_STATUS_READY;
	mysql_free_result(conn->result);
	conn->result = NULL;
	conn->streaming = false;
}

/* Reads the next packet whole; packet_error raises an error. */
static Size
read_packet(MyConn *conn, const uint8 **data, const char *doing)
{
	unsigned long len = mysql_net_read_packet(conn->mysql);

	if (len == packet_error)
	{
		rows_ended(conn);
		raise_source_error(conn, doing);
	}
	*data = (const uint8 *) conn->mysql->net.read_pos;
	return len;
}

static inline bool
is_eof_packet(const uint8 *data, Size len)
{
	return len > 0 && len < 9 && data[0] == 0xFE;
}

int
my_stream_query(MyConn *conn, const char *sql)
{
	char	   *utf8 = to_utf8(sql);

	check_ready(conn);
	source_statements++;
	if (mysql_real_query(conn->mysql, utf8, strlen(utf8)) != 0)
		raise_source_error(conn, psprintf("running \"%.200s\"", sql));
	conn->result = mysql_use_result(conn->mysql);
	if (conn->result == NULL)
		raise_source_error(conn, psprintf("running \"%.200s\"", sql));
	conn->streaming = true;
	return mysql_num_fields(conn->result);
}

bool
my_stream_next(MyConn *conn, const uint8 **row, Size *len)
{
	*len = read_packet(conn, row, "reading rows");
	if (!is_eof_packet(*row, *len))
		return true;
	rows_ended(conn);
	return false;
}

void
my_command(MyConn *conn, int command, const void *payload, Size len)
{
	check_ready(conn);
	if (conn->mysql->methods->db_command(conn->mysql, command, payload, len, 1,
										 NULL) != 0)
		raise_source_error(conn, "sending a replication command");

	/* COM_REGISTER_SLAVE has a short answer, a dump an endless one */
	conn->streaming = command != 21;
}

bool
my_in_transaction(MyConn *conn)
{
	return (conn->mysql->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

bool
my_has_data(MyConn *conn)
{
	MARIADB_PVIO *pvio = conn->mysql->net.pvio;
	char		byte;

	if (pvio->cache && pvio->cache + pvio->cache_size > pvio->cache_pos)
		return true;
	if (pvio->ctls && conn->openssl && SSL_pending &&
		SSL_pending(((TlsHead *) pvio->ctls)->ssl) > 0)
		return true;

	/* also true at end of file: the read that follows reports it */
	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
		(errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool
my_read_packet(MyConn *conn, long timeout_ms, const uint8 **data, Size *len)
{
	if (timeout_ms >= 0 && !my_has_data(conn))
	{
		int			rc = 0;

		if (timeout_ms > 0)
			rc = wait_for_socket(conn->fd, true, timeout_ms);
		CHECK_FOR_INTERRUPTS();
		if (rc <= 0)
			return false;
	}
	*len = read_packet(conn, data, "reading the log");
	if (is_eof_packet(*data, *len))
		*len = 0;
	return true;
}
