/*-------------------------------------------------------------------------
 *
 * my_conn.c
 *	  Connections to MySQL-family servers, on MariaDB Connector/C.
 *
 * The library's own waits sleep in poll() and retry EINTR for ever, so a
 * worker could not be stopped while its source is silent. Therefore nothing
 * here waits inside the library: connecting, commands and packets go through
 * its non-blocking interface, which returns what it wants to wait for. We wait
 * for that on latch and socket, and continue the call, or give it up.
 *
 *		idle --start--> (returned) --> idle
 *		  start, cont --> suspended --wait, cont--> (returned) --> idle
 *		suspended --interrupt or no patience left--> broken off --> broken
 *		suspended --timeout of my_read_packet--> suspended: read on later
 *
 * The interface has no call for a single command or packet, but it has
 * mysql_read_query_result_start, which runs the connection's method
 * db_read_query_result. For the moment of the start that method is ours
 * (enter_call), and does what the connection was asked for. It runs on the
 * library's small stack, where nothing of PostgreSQL may run: no palloc, no
 * ereport. Where many packets follow, it reads on until there is nothing more
 * to read or our buffer is full: a change of stacks costs some system calls on
 * some machines.
 *
 * Only <mysql.h> is needed, and of its structures only what Connector/C 3.0
 * to 3.4 have in common: MYSQL.methods, MYSQL.net.read_pos, and the first
 * members of st_mariadb_methods.
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
#undef list_length
#undef list_free
#undef list_delete

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "client/my_conn.h"
#include "client/my_conn_impl.h"
#include "client/my_error.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Largest packet, and so largest row, that we accept. */
#define MY_MAX_PACKET	(1024L * 1024 * 1024)

/*
 * Stack of the library's suspended calls. Its default, 60 kB, is little for a
 * TLS handshake or a look-up of a name. What is not touched takes no memory.
 */
#define CALL_STACK_SIZE	(256 * 1024)

/* In place of a command: read a packet; packets up to one with the end. */
#define READ_ONE	(-1)
#define READ_MANY	(-2)

/* So much is read ahead of who asks for packets. */
#define BATCH_SIZE	(64 * 1024)

struct MyConn
{
	MYSQL	   *mysql;
	bool		connected;		/* the handshake is done */
	bool		streaming;		/* rows or events have not ended */
	bool		destination;	/* it is written to */
	MyUse		use;
	bool		broken;			/* a call was given up */
	char	   *where;			/* "server "x" (host:port)", for errors */

	/* the call under way */
	int			connecting;		/* suspended mysql_real_connect: its wishes */
	int			wishes;			/* the same of a command or packet; 0: none */
	int			command;		/* what it does, or READ_… */
	const void *payload;
	Size		payload_len;
	bool		failed;			/* false once it has returned and done it */
	const struct st_mariadb_methods *methods;	/* the library's own */

	/* packets that were read: first those in batch, each behind its length */
	char	   *batch;
	Size		batch_at;		/* where the next one begins */
	Size		batch_end;
	bool		has_packet;		/* then one that lies with the library */
	unsigned long packet_len;
	size_t		heard;			/* see my_heard */

	MemoryContext cxt;
	MemoryContextCallback cleanup;
};

/* How long a read waits for the peer; -1: for ever. See my_set_patience. */
static long patience_ms = -1;

long
my_set_patience(long ms)
{
	long		old = patience_ms;

	patience_ms = ms;
	return old;
}

/* For what the library reads by itself; with TLS that is the socket. */
static void
set_nonblocking(MyConn *conn)
{
	int			flags;

	conn->use.fd = mysql_get_socket(conn->mysql);
	flags = fcntl(conn->use.fd, F_GETFL);
	if (flags < 0 || fcntl(conn->use.fd, F_SETFL, flags | O_NONBLOCK) < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not set the connection to non-blocking mode: %m")));
}

/* ------------------------------------------------------------------ calls */

/*
 * Of OpenSSL, where the library uses that: it asks SSL_get_error about a call,
 * which looks at the thread's queue of errors first. One that is left in it by
 * another connection, of ours or of libpq, would be taken for this one's.
 */
extern void ERR_clear_error(void) __attribute__((weak));

static void
forget_tls_errors(void)
{
	if (ERR_clear_error != NULL)
		ERR_clear_error();
}

/* Whose call is being started. */
static MyConn *starting;

/* On the library's stack: reads packets. */
static void
read_packets(MyConn *conn)
{
	for (;;)
	{
		unsigned long len = mysql_net_read_packet(conn->mysql);
		const uint8 *data = (const uint8 *) conn->mysql->net.read_pos;
		uint32		size = (uint32) len;

		if (len == packet_error)
			return;
		if (conn->command == READ_ONE ||
			len + sizeof(size) > BATCH_SIZE - conn->batch_end)
		{
			conn->packet_len = len;
			conn->has_packet = true;
			break;
		}
		memcpy(conn->batch + conn->batch_end, &size, sizeof(size));
		memcpy(conn->batch + conn->batch_end + sizeof(size), data, len);
		conn->batch_end += sizeof(size) + len;
		if (conn_is_eof(data, len))
			break;
	}
	conn->failed = false;
}

/* On the library's stack: what the call does. */
static int
enter_call(MYSQL *mysql)
{
	MyConn	   *conn = starting;

	mysql->methods = conn->methods;
	if (conn->command < 0)
		read_packets(conn);
	else
		conn->failed = conn->methods->db_command(mysql, conn->command,
												 conn->payload,
												 conn->payload_len, 1,
												 NULL) != 0;
	return 0;
}

/*
 * Starts a call; it has returned when conn->wishes is 0. The library looks at
 * nothing else in our table: a table that has grown in a later version is
 * none of our concern.
 */
static void
start_call(MyConn *conn, int command, const void *payload, Size len)
{
	static const struct st_mariadb_methods entry =
	{
		.db_read_query_result = enter_call
	};
	my_bool		ret;

	conn->command = command;
	conn->payload = payload;
	conn->payload_len = len;
	conn->failed = true;		/* until it has done its work */
	conn->methods = conn->mysql->methods;
	conn->mysql->methods = &entry;
	starting = conn;
	forget_tls_errors();
	conn->wishes = mysql_read_query_result_start(&ret, conn->mysql);
	conn->mysql->methods = conn->methods;
}

static void
continue_call(MyConn *conn, int events)
{
	my_bool		ret;

	if (conn->batch_at == conn->batch_end)
		conn->batch_at = conn->batch_end = 0;
	forget_tls_errors();
	conn->wishes = mysql_read_query_result_cont(&ret, conn->mysql, events);
}

/* From now on the library finds the end of the stream, and nobody to write to. */
static void
shut_down(MYSQL *mysql)
{
	int			fd = mysql_get_socket(mysql);

	if (fd >= 0)
		(void) shutdown(fd, SHUT_RDWR);
}

/*
 * Makes suspended calls return, so that the library gives back what they hold.
 * They have failed then. Raises no error.
 */
static void
break_off(MyConn *conn)
{
	while (conn->connecting != 0 || conn->wishes != 0)
	{
		MYSQL	   *ret;

		conn->broken = true;

		shut_down(conn->mysql);
		if (conn->connecting != 0)
			conn->connecting = mysql_real_connect_cont(&ret, conn->mysql,
													   MYSQL_WAIT_TIMEOUT);
		else
			continue_call(conn, MYSQL_WAIT_TIMEOUT);
		conn->batch_at = conn->batch_end = 0;
		conn->has_packet = false;
		conn->failed = true;
	}
}

/*
 * Waits until the call returns, or has read packets. Returns 1 then, 0 if the
 * peer has said nothing for timeout_ms (-1: any time), -1 at an interrupt.
 */
static int
await_call(MyConn *conn, long timeout_ms)
{
	while (conn->wishes != 0 && conn->batch_at == conn->batch_end)
	{
		int			rc = conn_wait(conn->use.fd,
										 (conn->wishes & MYSQL_WAIT_READ) != 0,
										 timeout_ms);

		if (rc <= 0)
			return rc;
		continue_call(conn, conn->wishes & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE));
	}
	return 1;
}

/* As await_call; where that gives up, so does this. */
static void
finish_call(MyConn *conn, long timeout_ms)
{
	if (await_call(conn, timeout_ms) <= 0)
		break_off(conn);
}

/*
 * Where the library waits by itself after all: in the handshake of TLS. Runs
 * on its stack.
 */
static TimestampTz handshake_ends;

static int
wait_in_library(my_socket fd, my_bool is_read, int timeout)
{
	for (;;)
	{
		struct pollfd p = {.fd = fd,.events = is_read ? POLLIN : POLLOUT};
		int			rc;

		if (ProcDiePending || QueryCancelPending)
		{
			errno = EINTR;
			return -1;
		}
		rc = poll(&p, 1, 200);
		if (rc > 0 || (rc < 0 && errno != EINTR))
			return rc;
		if (GetCurrentTimestamp() >= handshake_ends)
		{
			errno = ETIMEDOUT;
			return 0;
		}
	}
}

/* ----------------------------------------------------------------- errors */

/* Message of the source, in the server's encoding, palloc'd. */
char *
conn_message(MyConn *conn)
{
	const char *msg = mysql_error(conn->mysql);
	Size		len;

	if (!pg_verify_mbstr(PG_UTF8, msg, strlen(msg), true))
		return pstrdup("(message in an unknown encoding)");
	len = strlen(msg);
	return conn_from_utf8(msg, &len);
}

/*
 * Has the source refused to send transactions with or without GTID because of
 * its gtid_mode? There may be another way to ask for them (my_stream_open.c).
 */
static bool
is_gtid_mode(unsigned int err, const char *message)
{
	return err == 1236 && (strstr(message, "GTID_MODE") != NULL ||
						   strstr(message, "AUTO_POSITION") != NULL);
}

/* Raises the error that the library holds for conn; never returns. */
void
conn_raise(MyConn *conn, const char *doing)
{
	unsigned int err = mysql_errno(conn->mysql);
	bool		login = !conn->connected;
	bool		mode = is_gtid_mode(err, mysql_error(conn->mysql));

	/* an interrupt made the call fail: say so instead */
	CHECK_FOR_INTERRUPTS();

	/* a deadlock has rolled back all of the transaction */
	conn->use.in_transaction &= err != 1213;
	if (err == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("lost connection to %s while %s", conn->where, doing)));
	ereport(ERROR,
			(errcode(mode ? ERRCODE_OBJECT_IN_USE :
					 my_sqlerrcode(err, mysql_sqlstate(conn->mysql))),
			 login ?
			 errmsg("could not connect to %s: %s", conn->where,
					conn_message(conn)) :
			 errmsg("error of %s while %s: %s", conn->where, doing,
					conn_message(conn)),
			 errdetail("The %s reported error %u, SQLSTATE %s.",
					   conn->destination ? "destination" : "source", err,
					   my_shown_state(mysql_sqlstate(conn->mysql))),
			 err == 1045 ?
			 errhint("Check user and password of the user mapping, and the hosts the account may connect from.") :
			 (err == 2002 || err == 2003) ?
			 errhint("Check host and port of the server, and that it is running.") :
			 mode ?
			 errhint(GTID_MODE_HINT) :
			 err == 1236 ?
			 errhint("If the log was purged, restart the task with a new full load, and keep logs longer (binlog_expire_logs_seconds).") : 0));
}

int
my_last_errno(MyConn *conn)
{
	return (int) mysql_errno(conn->mysql);
}

int
my_last_code(MyConn *conn)
{
	return my_sqlerrcode(mysql_errno(conn->mysql), mysql_sqlstate(conn->mysql));
}

const char *
conn_where(MyConn *conn)
{
	return conn->where;
}

/* ------------------------------------------------------ opening, closing */

/*
 * What Connector/C 3.4 verifies is not what ssl_mode says: with an authority's
 * certificate the server's name, too, which only verify-full asks for; for
 * 127.0.0.1 and ::1 nothing, or with such a certificate all but the name. In
 * that case this decides, by what the handshake has found of trust and dates.
 * (Other TLS libraries than OpenSSL find nothing in the handshake.)
 */
#if MARIADB_PACKAGE_VERSION_ID >= 30410
static MYSQL *verifying;

static int
verify_authority(void *tls, unsigned int flags)
{
	return verifying->net.tls_verify_status != MARIADB_TLS_VERIFY_OK;
}

static void
verify_by_handshake(MYSQL *mysql)
{
	const char *library = NULL;

	verifying = mysql;
	if (mariadb_get_infov(mysql, MARIADB_TLS_LIBRARY, &library) == 0 &&
		library != NULL && strncmp(library, "OpenSSL", 7) == 0)
		(void) mysql_options(mysql, MARIADB_OPT_TLS_VERIFICATION_CALLBACK,
							 (const void *) verify_authority);
}
#else
#define verify_by_handshake(mysql) ((void) 0)
#endif

static void
conn_cleanup(void *arg)
{
	MyConn	   *conn = arg;

	MYSQL	   *mysql = conn->mysql;
	int			wishes;

	if (mysql == NULL)
		return;
	break_off(conn);
	conn->mysql = NULL;

	/*
	 * A quiet connection says goodbye, if that goes without a wait; nobody
	 * listens to the others.
	 */
	if (!conn->connected || conn->streaming)
		shut_down(mysql);
	forget_tls_errors();
	wishes = mysql_close_start(mysql);
	while (wishes != 0)
	{
		shut_down(mysql);
		wishes = mysql_close_cont(mysql, MYSQL_WAIT_TIMEOUT);
	}
}

void
my_close(MyConn *conn)
{
	conn_cleanup(conn);
}

/*
 * Waits for what a suspended mysql_real_connect wants; returns what happened.
 * Its timeouts are connect_timeout.
 */
static int
wait_for_connect(MyConn *conn)
{
	int			fd = mysql_get_socket(conn->mysql);
	struct timeval second = {.tv_sec = 1};
	long		timeout = -1;
	int			rc;

	if (fd < 0)
		return MYSQL_WAIT_TIMEOUT;

	/* the handshake of TLS reads the socket in the library's own way */
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (conn->connecting & MYSQL_WAIT_TIMEOUT)
		timeout = mysql_get_timeout_value_ms(conn->mysql);
	rc = conn_wait(fd, (conn->connecting & MYSQL_WAIT_READ) != 0, timeout);
	if (rc > 0)
		return conn->connecting & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
	CHECK_FOR_INTERRUPTS();
	return MYSQL_WAIT_TIMEOUT;
}

static void
set_options(MyConn *conn, const ConnectionInfo *info)
{
	MYSQL	   *mysql = conn->mysql;
	unsigned int timeout = info->connect_timeout > 0 ? info->connect_timeout : 10;
	size_t		stack_size = CALL_STACK_SIZE;
	unsigned int protocol = MYSQL_PROTOCOL_TCP;
	unsigned int off = 0;
	unsigned long max_packet = MY_MAX_PACKET;
	my_bool		yes = 1;
	my_bool		no = 0;

	if (mysql_options(mysql, MYSQL_OPT_NONBLOCK, &stack_size) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	mysql_options(mysql, MARIADB_OPT_IO_WAIT, wait_in_library);
	handshake_ends = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 timeout * INT64CONST(1000));
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
	if (info->ssl_mode != SSL_MODE_VERIFY_FULL ? info->ssl_ca != NULL :
		info->host == NULL || strcmp(info->host, "127.0.0.1") == 0 ||
		strcmp(info->host, "::1") == 0)
		verify_by_handshake(mysql);
}

MyConn *
my_connect_as(const ConnectionInfo *info, bool destination)
{
	MyConn	   *conn = palloc0(sizeof(MyConn));
	const char *host = info->host ? info->host : "127.0.0.1";
	const char *unix_socket = host[0] == '/' ? host : NULL;
	MYSQL	   *ret = NULL;

	conn->cxt = CurrentMemoryContext;
	conn->batch = palloc(BATCH_SIZE);
	conn->use.fd = -1;
	conn->destination = destination;
	conn->use.server = pstrdup(info->server_name);
	conn->where = unix_socket ?
		psprintf("server \"%s\" (%s)", info->server_name, host) :
		psprintf("server \"%s\" (%s:%d)", info->server_name, host, info->port);
	conn->mysql = mysql_init(NULL);
	if (conn->mysql == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	conn->cleanup.func = conn_cleanup;
	conn->cleanup.arg = conn;
	MemoryContextRegisterResetCallback(conn->cxt, &conn->cleanup);
	set_options(conn, info);

	conn->connecting =
		mysql_real_connect_start(&ret, conn->mysql, unix_socket ? NULL : host,
								 conn_to_utf8(info->user),
								 info->password ? conn_to_utf8(info->password) : "",
								 conn_to_utf8(info->dbname),
								 info->port, unix_socket,
								 CLIENT_REMEMBER_OPTIONS |
								 (destination || info->writes ? CLIENT_FOUND_ROWS : 0));
	while (conn->connecting != 0)
	{
		int			events = wait_for_connect(conn);

		forget_tls_errors();
		conn->connecting = mysql_real_connect_cont(&ret, conn->mysql, events);
	}
	if (ret == NULL)
		conn_raise(conn, "connecting");
	conn->connected = true;
	set_nonblocking(conn);
	conn_watch_peer(conn->use.fd);

	/* the library goes on without TLS where a server has none */
	if (info->ssl_mode >= SSL_MODE_REQUIRE &&
		mysql_get_ssl_cipher(conn->mysql) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to %s: it offers no TLS, but ssl_mode demands it",
						conn->where)));

	conn_prepare_session(conn);
	if (info->server_uid != NULL &&
		strcmp(my_server_uid(conn), info->server_uid) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("%s is another server than a moment ago", conn->where)));
	return conn;
}

bool
my_is_idle(MyConn *conn)
{
	unsigned int err;

	if (conn->mysql == NULL || !conn->connected || conn->streaming || conn->broken)
		return false;
	err = mysql_errno(conn->mysql);
	/* of the library: the line; of the server: it has ended the session */
	return !(err >= 2000 && err < 3000) && err != 1053 && err != 1927 && err != 4031;
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
	char	   *text = pnstrdup(mysql_get_server_info(conn->mysql), 100);

	for (char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return text;
}

uint64
my_session_id(MyConn *conn)
{
	return mysql_thread_id(conn->mysql);
}

const char *
my_tls_cipher(MyConn *conn)
{
	return mysql_get_ssl_cipher(conn->mysql);
}

/* ------------------------------------------------- commands and packets */

bool
conn_send(MyConn *conn, int command, const void *payload, Size len)
{
	if (conn->mysql == NULL || !conn->connected)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("the connection to %s is closed", conn->where)));
	if (conn->streaming)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the connection to %s has an answer that was not read",
						conn->where)));
	start_call(conn, command, payload, len);
	finish_call(conn, -1);
	conn->streaming = !conn->failed;
	return conn->streaming;
}

void
conn_answered(MyConn *conn)
{
	conn->streaming = false;
}

void
conn_set_status(MyConn *conn, unsigned int status)
{
	conn->use.in_transaction = (status & SERVER_STATUS_IN_TRANS) != 0;
}

/* The next of the packets that were read; false: there is none. */
static bool
take_packet(MyConn *conn, const uint8 **data, Size *len)
{
	uint32		size;

	if (conn->batch_at < conn->batch_end)
	{
		memcpy(&size, conn->batch + conn->batch_at, sizeof(size));
		*data = (const uint8 *) conn->batch + conn->batch_at + sizeof(size);
		*len = size;
		conn->batch_at += sizeof(size) + size;
		return true;
	}
	if (!conn->has_packet)
		return false;
	conn->has_packet = false;
	*data = (const uint8 *) conn->mysql->net.read_pos;
	*len = conn->packet_len;
	return true;
}

/*
 * None of the packets that were read is left: reads on, unless the last call
 * has failed behind them.
 */
static void
read_on(MyConn *conn, bool many)
{
	if (conn->wishes != 0)
		continue_call(conn, conn->wishes & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE));
	else if (!conn->failed)
	{
		conn->batch_at = conn->batch_end = 0;
		start_call(conn, many ? READ_MANY : READ_ONE, NULL, 0);
	}
}

bool
conn_read(MyConn *conn, bool many, const uint8 **data, Size *len)
{
	if (take_packet(conn, data, len))
		return true;
	read_on(conn, many);
	finish_call(conn, patience_ms);
	if (take_packet(conn, data, len))
		return true;
	conn->streaming = false;
	return false;
}

void
my_command(MyConn *conn, int command, const void *payload, Size len)
{
	if (!conn_send(conn, command, payload, len))
		conn_raise(conn, "sending a replication command");
}

void
my_command_ok(MyConn *conn, int command, const void *payload, Size len)
{
	const uint8 *data;

	my_command(conn, command, payload, len);
	if (!conn_read(conn, false, &data, &len))
		conn_raise(conn, "sending a replication command");
	conn_answered(conn);
}

bool
my_read_packet(MyConn *conn, long timeout_ms, const uint8 **data, Size *len)
{
	if (!take_packet(conn, data, len))
	{
		read_on(conn, true);
		if (timeout_ms < 0)
			finish_call(conn, patience_ms);
		else if (await_call(conn, timeout_ms) <= 0)
		{
			CHECK_FOR_INTERRUPTS();
			return false;
		}
		if (!take_packet(conn, data, len))
		{
			conn->streaming = false;
			conn_raise(conn, "reading the log");
		}
	}
	if (conn_is_eof(*data, *len))
		*len = 0;
	return true;
}

bool
my_heard(MyConn *conn)
{
	size_t		before = conn->heard;

	if (conn->wishes == 0)
		return true;			/* nobody waits for anything */
	(void) mariadb_get_infov(conn->mysql, MARIADB_CONNECTION_BYTES_READ,
							 &conn->heard);
	return conn->heard != before;
}

MyUse *
my_use(MyConn *conn)
{
	return &conn->use;
}
