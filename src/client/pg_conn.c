/*-------------------------------------------------------------------------
 *
 * pg_conn.c
 *	  Connections to a PostgreSQL source, on libpq's non-blocking calls.
 *
 *	  ask --> PQsend… --> flush --> wait (latch, socket) --> PQconsumeInput
 *	                                   ^                          |
 *	                                   +---- busy: nothing yet <--+
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "client/pg_conn_impl.h"
#include "client/pg_session.h"
#include "client/pg_socket.h"

#include "access/xact.h"
#include "core/wait.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

extern char **environ;

/* Bytes of a message of the source that are taken. */
#define MESSAGE_MAX 8192

void
pg_conn_clear(PgConn *conn)
{
	PQclear(conn->result);
	conn->result = NULL;
}

static void
forget(PgConn *conn)
{
	pg_conn_clear(conn);
	if (conn->copybuf)
		PQfreemem(conn->copybuf);
	conn->copybuf = NULL;
	if (conn->pq)
		PQfinish(conn->pq);
	conn->pq = NULL;
}

static void
context_is_gone(void *arg)
{
	forget(arg);
}

/* ----------------------------------------------------------------- errors */

/*
 * libpq's message ends with a newline. What a source says is logged and stored
 * by this function, and may be anything.
 */
static char *
message_of(const char *text)
{
	Size		n = text ? strnlen(text, MESSAGE_MAX) : 0;
	char	   *m = pnstrdup(text ? text : "", n);

	if (n == MESSAGE_MAX)
		m[n = pg_mbcliplen(m, n, n - 4)] = '\0';
	if (!pg_verify_mbstr(GetDatabaseEncoding(), m, n, true))
		for (char *c = m; *c; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	while (n > 0 && (m[n - 1] == '\n' || m[n - 1] == ' '))
		m[--n] = '\0';
	return m;
}

void
pg_conn_lost(PgConn *conn)
{
	char	   *m = message_of(PQerrorMessage(conn->pq));

	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("lost the connection to server \"%s\"", conn->info.server_name),
			 m[0] ? errdetail("%s", m) : 0));
}

ErrorData *
pg_conn_error_of(PgConn *conn, const PGresult *res)
{
	ErrorData  *e = palloc0(sizeof(ErrorData));
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);

	e->elevel = ERROR;
	e->sqlerrcode = state && strlen(state) == 5 &&
		strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 ?
		MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]) :
		ERRCODE_CONNECTION_FAILURE;
	/* success and warnings are no errors */
	if (state && state[0] == '0' && state[1] <= '2')
		e->sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
	e->message = message_of(primary ? primary : PQresultErrorMessage(res));
	e->detail = detail ? message_of(detail) : NULL;

	/*
	 * A look at the catalogs stumbles over what is dropped at that moment
	 * ("could not open relation with OID …"): that passes.
	 */
	if (e->sqlerrcode == ERRCODE_INTERNAL_ERROR)
	{
		e->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
		if (e->detail == NULL)
			e->detail = pstrdup("The source calls it an internal error (XX000).");
	}
	e->hint = hint ? message_of(hint) : NULL;
	return e;
}

void
pg_conn_raise(PgConn *conn, const ErrorData *e)
{
	ereport(ERROR,
			(errcode(e->sqlerrcode),
			 errmsg("%s", e->message),
			 e->detail ? errdetail("%s", e->detail) : 0,
			 e->hint ? errhint("%s", e->hint) : 0,
			 errcontext("server \"%s\"", conn->info.server_name)));
}

/* ---------------------------------------------------------------- waiting */

/* False: timeout. */
bool
pg_conn_wait_socket(int fd, int events, long timeout_ms)
{
	return (pg_socket_wait(fd, events, timeout_ms) & WL_TIMEOUT) == 0;
}

/* Until the socket is ready, as long as patience lasts. */
void
pg_conn_wait(PgConn *conn, int events)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													Max(conn->patience, 0));

	for (;;)
	{
		long		left = -1;

		if (PQsocket(conn->pq) < 0)
			pg_conn_lost(conn);
		if (conn->patience >= 0)
		{
			left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
			if (left <= 0)
				ereport(ERROR,
						(errcode(ERRCODE_CONNECTION_FAILURE),
						 errmsg("server \"%s\" does not answer",
								conn->info.server_name)));
		}
		if (pg_socket_wait(PQsocket(conn->pq), events, left) & events)
			return;
	}
}

void
pg_conn_consume(PgConn *conn)
{
	PGnotify   *notify;

	if (!PQconsumeInput(conn->pq))
		pg_conn_lost(conn);
	/* nobody listens; the library would keep what comes nevertheless */
	while ((notify = PQnotifies(conn->pq)) != NULL)
		PQfreemem(notify);
}

/* Sends all that libpq has queued. */
void
pg_conn_flush(PgConn *conn)
{
	int			rc;

	while ((rc = PQflush(conn->pq)) > 0)
	{
		pg_conn_wait(conn, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE);
		pg_conn_consume(conn);
	}
	if (rc < 0)
		pg_conn_lost(conn);
}

/* The next result of what was asked; NULL: there are no more. */
PGresult *
pg_conn_next_result(PgConn *conn)
{
	PGresult   *res;

	pg_conn_flush(conn);
	while (PQisBusy(conn->pq))
	{
		pg_conn_wait(conn, WL_SOCKET_READABLE);
		pg_conn_consume(conn);
	}
	res = PQgetResult(conn->pq);
	if (PQstatus(conn->pq) == CONNECTION_BAD &&
		(res == NULL || PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL))
	{
		PQclear(res);
		pg_conn_lost(conn);
	}
	return res;
}

long
pg_set_patience(PgConn *conn, long ms)
{
	long		old = conn->patience;

	conn->patience = ms;
	return old;
}

/* ------------------------------------------------------------- connecting */

static const char *
ssl_mode_text(SslMode mode)
{
	switch (mode)
	{
		case SSL_MODE_DISABLE:
			return "disable";
		case SSL_MODE_REQUIRE:
			return "require";
		case SSL_MODE_VERIFY_CA:
			return "verify-ca";
		case SSL_MODE_VERIFY_FULL:
			return "verify-full";
		case SSL_MODE_PREFER:
			break;
	}
	return "prefer";
}

pg_noreturn static void raise_not_connected(PgConn *conn, const char *why);

static void
raise_not_connected(PgConn *conn, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not connect to server \"%s\"", conn->info.server_name),
			 errdetail("%s", why)));
}

/*
 * A worker connects between transactions, and who is a superuser stands in the
 * catalog.
 */
bool
pg_caller_is_superuser(void)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		alone = !IsTransactionState();
	bool		result;

	if (alone)
		StartTransactionCommand();
	result = superuser();
	if (alone)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return result;
}

/*
 * The library would fall back on what the operating system's account of this
 * server has: its password file, its certificate, its name. That is not the
 * task owner's to use, unless a superuser.
 */
static void
require_password(const ConnectionInfo *info)
{
	if ((info->password && info->password[0]) || pg_caller_is_superuser())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
			 errmsg("password is required"),
			 errdetail("Non-superusers must provide a password in the user mapping."),
			 errhint("ALTER USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (ADD password '…');",
					 quote_identifier(info->server_name))));
}

/* What the source notes on the way. Called by libpq: must not raise errors. */
static void
log_notice(void *arg, const char *message)
{
	if (message[strspn(message, "\t\n !\"#$%&'()*+,-./0123456789:;<=>?@"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
					   "abcdefghijklmnopqrstuvwxyz{|}~")] == '\0')
		elog(DEBUG1, "source: %.500s", message);
}

/* The library also takes parameters from PGHOSTADDR, PGSERVICE and the like. */
static PGconn *
start_connection(const char *const *keys, const char *const *values)
{
	List	   *names = NIL;
	List	   *settings = NIL;
	PGconn	   *pq;
	ListCell   *lc;
	ListCell   *lc2;

	for (char **e = environ; *e; e++)
	{
		const char *equals = strchr(*e, '=');

		if (strncmp(*e, "PG", 2) != 0 || equals == NULL)
			continue;
		names = lappend(names, pnstrdup(*e, equals - *e));
		settings = lappend(settings, pstrdup(equals + 1));
	}
	foreach(lc, names)
		(void) unsetenv(lfirst(lc));
	pq = PQconnectStartParams(keys, values, 0);
	forboth(lc, names, lc2, settings)
		(void) setenv(lfirst(lc), lfirst(lc2), 1);
	return pq;
}

static void
establish(PgConn *conn, PgConnKind kind)
{
	const ConnectionInfo *info = &conn->info;
	const char *keys[32];
	const char *values[32];
	int			n = 0;
	TimestampTz deadline;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

#define PARAM(k, v) \
	do { if ((v) != NULL) { keys[n] = (k); values[n++] = (v); } } while (0)
	PARAM("host", info->host ? info->host : "localhost");
	PARAM("hostaddr", info->hostaddr);
	PARAM("port", psprintf("%d", info->port));
	PARAM("user", info->user);
	PARAM("password", info->password);
	PARAM("dbname", info->dbname ? info->dbname : "postgres");
	PARAM("sslmode", ssl_mode_text(info->ssl_mode));
	PARAM("sslrootcert", info->ssl_ca);
	PARAM("sslcert", info->ssl_cert);
	PARAM("sslkey", info->ssl_key);
	PARAM("client_encoding", GetDatabaseEncodingName());
	PARAM("application_name", info->stream_name ? info->stream_name :
		  info->application ? info->application : "dtsmig");
	PARAM("options", PG_SESSION_OPTIONS);
	PARAM("keepalives_idle", "10");
	PARAM("keepalives_interval", "5");
	PARAM("keepalives_count", "4");
	PARAM("tcp_user_timeout", "30000");
	PARAM("replication", kind == PG_CONN_REPLICATION ? "database" : NULL);
	if (!pg_caller_is_superuser())
	{
		/* nor what else the operating system's account has */
		PARAM("passfile", "/dev/null");
		PARAM("gssencmode", "disable");
		if (info->ssl_cert == NULL)
			PARAM("sslcert", PG_NO_FILE);
	}
#undef PARAM
	keys[n] = values[n] = NULL;

	conn->pq = start_connection(keys, values);
	if (conn->pq == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (PQstatus(conn->pq) == CONNECTION_BAD)
		raise_not_connected(conn, message_of(PQerrorMessage(conn->pq)));
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   (int64) info->connect_timeout * 1000);
	while (status != PGRES_POLLING_OK)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   deadline);
		int			events = status == PGRES_POLLING_READING ?
			WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;

		if (status == PGRES_POLLING_FAILED)
			raise_not_connected(conn, message_of(PQerrorMessage(conn->pq)));
		if (left <= 0)
			raise_not_connected(conn, psprintf("No answer within %d seconds.",
											   info->connect_timeout));
		/* libpq takes a connection that is still being made for a made one */
		if (pg_socket_wait(PQsocket(conn->pq), events, left) & events)
			status = PQconnectPoll(conn->pq);
	}
	if (!PQconnectionUsedPassword(conn->pq) && !pg_caller_is_superuser())
		ereport(ERROR,
				(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
				 errmsg("password is required"),
				 errdetail("Non-superusers cannot connect if the server does not request a password."),
				 errhint("The source's pg_hba.conf must ask for the password.")));
	if (PQhostaddr(conn->pq) != NULL && PQhostaddr(conn->pq)[0] != '\0')
		conn->info.hostaddr = pstrdup(PQhostaddr(conn->pq));
	PQsetNoticeProcessor(conn->pq, log_notice, conn);
	if (PQsetnonblocking(conn->pq, 1) != 0)
		pg_conn_lost(conn);
}

static char *
copy_text(const char *s)
{
	return s ? pstrdup(s) : NULL;
}

static void
copy_info(ConnectionInfo *to, const ConnectionInfo *from)
{
	*to = *from;
	to->server_name = copy_text(from->server_name);
	to->server_type = copy_text(from->server_type);
	to->host = copy_text(from->host);
	to->hostaddr = copy_text(from->hostaddr);
	to->user = copy_text(from->user);
	to->password = copy_text(from->password);
	to->dbname = copy_text(from->dbname);
	to->ssl_ca = copy_text(from->ssl_ca);
	to->ssl_cert = copy_text(from->ssl_cert);
	to->ssl_key = copy_text(from->ssl_key);
	to->stream_name = copy_text(from->stream_name);
	to->stream_objects = copy_text(from->stream_objects);
	to->server_uid = copy_text(from->server_uid);
}

PgConn *
pg_connect(const ConnectionInfo *info, PgConnKind kind)
{
	PgConn	   *conn;

	require_password(info);
	conn = palloc0(sizeof(PgConn));
	copy_info(&conn->info, info);
	conn->patience = -1;
	conn->callback.func = context_is_gone;
	conn->callback.arg = conn;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &conn->callback);
	establish(conn, kind);
	if (pg_version_num(conn) < 100000)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" is PostgreSQL %s", info->server_name,
						pg_server_version(conn)),
				 errhint("Servers from version 10 on are supported.")));
	pg_prepare_session(conn);
	if (kind == PG_CONN_SQL)
		conn->tables_only = pg_tables_only(conn, true);
	return conn;
}

void
pg_close(PgConn *conn)
{
	forget(conn);
}

const ConnectionInfo *
pg_info(PgConn *conn)
{
	return &conn->info;
}

bool
pg_is_tables_only(PgConn *conn)
{
	return conn->tables_only;
}

int
pg_version_num(PgConn *conn)
{
	return PQserverVersion(conn->pq);
}

char *
pg_server_version(PgConn *conn)
{
	return message_of(PQparameterStatus(conn->pq, "server_version"));
}

bool
pg_is_utf8(PgConn *conn)
{
	const char *encoding = PQparameterStatus(conn->pq, "server_encoding");

	return encoding != NULL && strcmp(encoding, "UTF8") == 0;
}

const char *
pg_tls_cipher(PgConn *conn)
{
	return PQsslInUse(conn->pq) ? PQsslAttribute(conn->pq, "cipher") : NULL;
}

bool
pg_in_transaction(PgConn *conn)
{
	PGTransactionStatusType status = PQtransactionStatus(conn->pq);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* ---------------------------------------------------------------- queries */

/* The rows of one result, in single-row mode: one, or none with its end. */
static void
take_rows(PgResult *r, const PGresult *res, bool *begun)
{
	if (!*begun)
		pg_result_columns(r, PQnfields(res));
	*begun = true;
	for (int i = 0; i < PQntuples(res); i++)
	{
		pg_result_row(r);
		for (int j = 0; j < PQnfields(res); j++)
			pg_result_value(r, j, PQgetisnull(res, i, j) ? NULL :
							PQgetvalue(res, i, j), PQgetlength(res, i, j));
	}
}

/*
 * Reads all results of what was sent; rows go to r, or nowhere if that is
 * NULL. False: an error of the source, in *edata.
 */
bool
pg_conn_gather(PgConn *conn, PgResult *r, ErrorData **edata)
{
	bool		begun = false;
	int			nresults = 0;

	*edata = NULL;
	while ((conn->result = pg_conn_next_result(conn)) != NULL)
	{
		PGresult   *res = conn->result;
		ExecStatusType status = PQresultStatus(res);

		nresults += status == PGRES_TUPLES_OK;
		if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
			conn->copied = PQcmdTuples(res)[0] ? strtoll(PQcmdTuples(res), NULL, 10) : -1;
		if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE)
		{
			if (r != NULL && nresults > 1)
				pg_result_columns(r, -1);
			if (r != NULL && *edata == NULL)
				take_rows(r, res, &begun);
		}
		else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
				 status == PGRES_COPY_BOTH)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("a statement began a COPY where none was expected")));
		else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY &&
				 *edata == NULL)
			*edata = pg_conn_error_of(conn, res);
		pg_conn_clear(conn);
	}
	if (*edata != NULL)
		return false;
	if (r != NULL && !begun)
		pg_result_columns(r, 0);
	return true;
}

void
pg_conn_check(PgConn *conn)
{
	if (conn->pq == NULL || PQstatus(conn->pq) == CONNECTION_BAD)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("lost the connection to server \"%s\"",
						conn->info.server_name)));
	if (conn->copying)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a COPY is under way on this connection")));
}

void
pg_ask(PgConn *conn, const char *sql)
{
	pg_conn_check(conn);
	source_statements++;
	pg_conn_clear(conn);
	if (!PQsendQuery(conn->pq, sql))
		pg_conn_lost(conn);
	/* the library would hold any number of rows before it gives one */
	(void) PQsetSingleRowMode(conn->pq);
}

PgResult *
pg_answer(PgConn *conn, const char *name, const char *shape)
{
	PgResult   *r = pg_result_begin(name, shape);
	ErrorData  *edata;

	if (!pg_conn_gather(conn, r, &edata))
		pg_conn_raise(conn, edata);
	return r;
}

PgResult *
pg_try_select(PgConn *conn, const char *name, const char *shape,
			  const char *sql, ErrorData **edata)
{
	PgResult   *r = pg_result_begin(name, shape);

	pg_ask(conn, sql);
	return pg_conn_gather(conn, r, edata) ? r : NULL;
}

void
pg_run(PgConn *conn, const char *sql)
{
	ErrorData  *edata;

	if (!pg_try_run(conn, sql, &edata))
		pg_conn_raise(conn, edata);
}

bool
pg_try_run(PgConn *conn, const char *sql, ErrorData **edata)
{
	pg_ask(conn, sql);
	return pg_conn_gather(conn, NULL, edata);
}
