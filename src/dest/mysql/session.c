/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The session at a server of the MySQL family that is a destination.
 *
 * Its transaction follows the one of this process: dest/twin.c. Statements that
 * change definitions commit by themselves in it: what was claimed for one is
 * noted as begun before it, and as done after it (ledger.c).
 *
 * What a value becomes that does not fit depends on the session's settings, as
 * does what a literal means: each is set here, and read back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_error.h"
#include "client/my_write.h"
#include "core/one_statement.h"
#include "dest/mysql/mysql.h"
#include "dest/twin.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* The oldest that is written to. */
#define OLDEST_MYSQL 50600
#define OLDEST_MARIADB 100600

static MemoryContext session_cxt = NULL;	/* NULL: nothing is attached */
static DestPlace *place = NULL;
static MyConn *conn = NULL;
static bool rows_written = false;	/* in the transaction that is open */
static bool several = false;	/* statements in one text */
static List *idle_readers = NIL;	/* MyConn *, in session_cxt */
static int	warned_row = 0;		/* of a statement's rows, the one that the server has
								 * warned of; 0: none */
static MyWriter writer = {.place = "the destination",.task = true};

/* A variable that not all versions have; NULL: this one has not. */
static char *
variable(const char *name)
{
	MyResult   *r = my_query(conn, psprintf("SHOW GLOBAL VARIABLES LIKE '%s'", name), 2);

	return my_nrows(r) > 0 ? my_get_text(r, 0, 1) : NULL;
}

static void
prepare_session(void)
{
	char	   *binlog = variable("binlog_format");

	my_write_prepare_session(conn, mysql_server(), false);
	/* fewer locks; the log of statements cannot have it */
	if (binlog == NULL || strcmp(binlog, "STATEMENT") != 0)
		my_query(conn, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", 0);
	/* lists of keys are looked up in the index, however long they are */
	if (variable("range_optimizer_max_mem_size") != NULL)
		my_query(conn, "SET SESSION range_optimizer_max_mem_size = 0", 0);
	if (variable("in_predicate_conversion_threshold") != NULL)
		my_query(conn, "SET SESSION in_predicate_conversion_threshold = 0", 0);
	/* what AUTO_INCREMENT is, and not what it was */
	if (variable("information_schema_stats_expiry") != NULL)
		my_query(conn, "SET SESSION information_schema_stats_expiry = 0", 0);
	writer.max_statement = my_write_max_statement(conn);
}

static bool
is_on(const char *name)
{
	const char *value = variable(name);

	return value != NULL && pg_strcasecmp(value, "OFF") != 0 && strcmp(value, "0") != 0;
}

static void
check_server(void)
{
	int			oldest = my_is_mariadb(conn) ? OLDEST_MARIADB : OLDEST_MYSQL;

	if (my_version_num(conn) < oldest)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" is too old to be a destination: %s", mysql_server(),
						my_version_text(conn)),
				 errhint("Destinations are MySQL from 5.6 and MariaDB from 10.6 on.")));
	/* a way back has it so at the old source, and an account that may write */
	if (place->keeps_ledger && (is_on("super_read_only") ||
								(is_on("read_only") && !(place->way_back && my_writes_read_only(conn)))))
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("server \"%s\" is read-only", mysql_server()),
				 errdetail("Its variable read_only or super_read_only is set, as that of a replica is."),
				 errhint("Let the server's options name the one that takes writes; or run there: SET GLOBAL read_only = 0.")));
	if (place->keeps_ledger && strcmp(my_query_text(conn, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit"), "0") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" does not write what is committed: innodb_flush_log_at_trx_commit is 0", mysql_server()),
				 errdetail("A crash of it would lose rows that are confirmed to the source."),
				 errhint("Run there: SET GLOBAL innodb_flush_log_at_trx_commit = 1; and resume the task.")));
}

static void
drop_connection(void)
{
	if (conn != NULL)
		my_close(conn);
	conn = NULL;
	rows_written = false;
}

/* Between two transactions, or at the first use in one. */
static void
connect_destination(void)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);

	conn = my_connect_destination(place->info);
	several = false;
	prepare_session();
	check_server();
	my_ledger_open(conn, place);
	MemoryContextSwitchTo(old);
}

/* ----------------------------------------------------------------- readers */

MyConn *
mysql_reader(void)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);
	MyConn	   *reader = NULL;

	while (reader == NULL && idle_readers != NIL)
	{
		reader = llast(idle_readers);
		idle_readers = list_delete_last(idle_readers);
		if (my_is_idle(reader))
			continue;
		my_close(reader);
		reader = NULL;
	}
	if (reader == NULL)
	{
		reader = my_connect(place->info);
		my_query(reader, "SET SESSION TRANSACTION READ ONLY", 0);
	}
	MemoryContextSwitchTo(old);
	return reader;
}

void
mysql_reader_done(MyConn *reader, bool idle)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);

	if (idle)
		idle_readers = lappend(idle_readers, reader);
	else
		my_close(reader);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------- transactions */

static void
run_twin(const char *sql)
{
	my_query(conn, sql, 0);
}

static void
forget_rows(void)
{
	rows_written = rows_written && twin_is_open();
}

static const TwinRoutine twin_routine = {
	.run = run_twin,
	.server = mysql_server,
	.reset = forget_rows,
	.ended = my_ledger_committed,
	.detach = mysql_detach
};

MyConn *
mysql_use(void)
{
	Assert(session_cxt != NULL);
	if (conn != NULL && !my_is_idle(conn))
	{
		drop_connection();
		if (twin_is_lost())
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("lost the connection to server \"%s\"", mysql_server())));
	}
	if (conn == NULL)
		connect_destination();
	if (!twin_is_open())
		rows_written = false;
	twin_begin();
	return conn;
}

MyConn *
mysql_use_for_rows(void)
{
	MyConn	   *c = mysql_use();

	rows_written = true;
	return c;
}

MyConn *
mysql_rows_connection(void)
{
	return conn;
}

/* --------------------------------------------------------------- statements */

uint64
mysql_run(MyConn *c, const char *sql)
{
	MyDone		done;

	if (my_execute(c, sql, strlen(sql), 1, &done) != 1)
		my_raise_error(c, psprintf("running \"%s\"",
								   pnstrdup(sql, pg_mbcliplen(sql, strlen(sql), 200))));
	return done.rows;
}

uint64
mysql_runf(MyConn *c, const char *fmt,...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	return mysql_run(c, buf.data);
}

void
mysql_several(MyConn *c, bool wanted)
{
	if (several == wanted)
		return;
	my_allow_several(c, wanted);
	several = wanted;
}

/* Of the last statement. */
static void
check_warnings(MyConn *c)
{
	my_write_check_warnings(c, mysql_server(), &warned_row);
}

int
mysql_warned_row(void)
{
	return warned_row;
}

uint64
mysql_write(MyConn *c, const char *sql, Size len, int n)
{
	MyDone	   *done = palloc(sizeof(MyDone) * n);
	uint64		rows = 0;
	bool		warned = false;

	if (my_execute(c, sql, len, n, done) != n)
		my_raise_error(c, "writing rows");
	for (int i = 0; i < n; i++)
	{
		rows += done[i].rows;
		warned |= done[i].warnings > 0;
	}
	pfree(done);
	if (warned && n == 1)
		check_warnings(c);
	else if (warned)
		/* which are those of the last one alone: one by one */
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("server \"%s\" has warned of values that it was given", mysql_server())));
	return rows;
}

void
mysql_write_send(MyConn *c, const char *sql, Size len)
{
	if (!my_execute_send(c, sql, len))
		my_raise_error(c, "writing rows");
}

/* Can a single row be to blame for an error? */
static bool
is_of_row(int code)
{
	int			category = ERRCODE_TO_CATEGORY(code);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_WITH_CHECK_OPTION_VIOLATION);
}

int64
mysql_write_receive(MyConn *c)
{
	MyDone		done;

	warned_row = 0;
	if (my_execute_receive(c, 1, &done) != 1)
	{
		if (my_is_idle(c) && is_of_row(my_last_code(c)))
			return -1;
		my_raise_error(c, "writing rows");
	}
	if (done.warnings > 0)
		check_warnings(c);
	return (int64) done.rows;
}

const MyWriter *
mysql_writer(void)
{
	return &writer;
}

char *
mysql_value(const char *sql)
{
	MyConn	   *c = mysql_use();

	mysql_several(c, false);
	return my_query_text_or_null(c, sql);
}

/* Does a statement end the transaction in which it is run? */
static bool
commits(const char *sql)
{
	static const char *const words[] = {
		"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "ANALYZE", "OPTIMIZE", "GRANT",
		"REVOKE", "LOCK", "UNLOCK"
	};

	sql += strspn(sql, " \t\r\n(");
	for (int i = 0; i < lengthof(words); i++)
		if (pg_strncasecmp(sql, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/*
 * Does an error say that a statement has been done already? Of one that may
 * have been, see my_ledger_begin.
 */
static bool
is_done_error(int err, const char *message)
{
	switch (err)
	{
		case 1007:				/* database exists */
		case 1008:				/* … does not */
		case 1050:				/* table exists */
		case 1051:				/* … does not */
		case 1060:				/* column exists */
		case 1061:				/* index exists */
		case 1068:				/* there is a primary key */
		case 1091:				/* nothing to drop */
		case 1054:				/* a column of this name to change */
		case 1146:				/* a table of this name to rename */
		case 1022:				/* foreign key exists: 5.6 */
		case 1304:				/* routine exists */
		case 1359:				/* trigger exists */
		case 1826:				/* constraint exists */
		case 3822:
			return true;
		case 1005:				/* the same of a foreign key: MariaDB */
			return strstr(message, "errno: 121") != NULL;
		default:
			return false;
	}
}

static void
run_definition(const char *sql)
{
	MyConn	   *c = mysql_use();
	bool		known;
	char	   *message;
	int			err;

	if (rows_written)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" cannot run a statement between rows of a transaction that it would commit",
						mysql_server()),
				 errdetail("The statement: %s", sql),
				 errhint("Run it at the destination by hand; where it stands for one of the source, then: SELECT dtsmig.skip_change('…'); without a statement.")));
	mysql_several(c, false);
	known = my_ledger_begin(c);
	if (my_try_query(c, sql, 0, NULL, &message, &err) ||
		(!known && is_done_error(err, message)))
	{
		my_ledger_end(mysql_use(), true);
		return;
	}
	if (my_is_idle(c))
		my_ledger_end(c, false);
	/* once more, for the error's own words */
	ereport(ERROR,
			(errcode(my_sqlerrcode(err, NULL)),
			 errmsg("error of server \"%s\" while running \"%s\": %s", mysql_server(),
					pnstrdup(sql, pg_mbcliplen(sql, strlen(sql), 200)), message),
			 errdetail("The destination reported error %d.", err)));
}

/* StatementRunner */
static uint64
run_at_destination(const char *sql, char **value)
{
	MyConn	   *c;

	if (commits(sql))
	{
		run_definition(sql);
		return 0;
	}
	c = mysql_use();
	mysql_several(c, false);
	if (value != NULL)
	{
		MyResult   *r = my_query(c, sql, 1);

		*value = my_nrows(r) > 0 ? my_get_text_or_null(r, 0, 0) : NULL;
		return (uint64) my_nrows(r);
	}
	if (pg_strncasecmp(sql, "SELECT", 6) == 0)
		return (uint64) my_nrows(my_query(c, sql, 1));
	rows_written = true;
	return mysql_run(c, sql);
}

const char *
mysql_server(void)
{
	return place->info->server_name;
}

Size
mysql_max_statement(void)
{
	return writer.max_statement;
}

/* ------------------------------------------------------------------- routine */

void
mysql_detach(void)
{
	MemoryContext cxt = session_cxt;

	one_statement_runs_by(NULL, true);
	session_cxt = NULL;
	twin_detach();
	conn = NULL;
	idle_readers = NIL;
	place = NULL;
	rows_written = false;
	my_ledger_close();
	/* closes the connection */
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

void
mysql_attach(const DestPlace *at)
{
	MemoryContext old;

	mysql_detach();
	session_cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig destination",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(session_cxt);
	place = dest_place_copy(at);
	writer.server = place->info->server_name;
	writer.policy = place->policy;
	MemoryContextSwitchTo(old);
	twin_attach(&twin_routine, place->one_call);
	one_statement_runs_by(run_at_destination, false);
	PG_TRY();
	{
		connect_destination();
	}
	PG_CATCH();
	{
		mysql_detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
mysql_identify(DestIdentity *id)
{
	MyConn	   *c = mysql_use();
	MyResult   *r = my_query(c, "SELECT CURRENT_USER(), DATABASE()", 2);

	memset(id, 0, sizeof(*id));
	id->product = my_is_mariadb(c) ? "MariaDB" : "MySQL";
	id->version = pstrdup(my_version_text(c));
	id->version_num = my_version_num(c);
	id->account = my_get_text(r, 0, 0);
	id->database = my_get_text_or_null(r, 0, 1);
	/* foreign keys are; triggers cannot be */
	id->disables_triggers = false;
	id->tls = my_tls_cipher(c) != NULL;
}
