/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The session at a PostgreSQL server elsewhere, and its transaction.
 *
 * The transaction there follows the one here, as that of a foreign table does:
 *
 *	  here						there
 *	  first use					BEGIN, a SAVEPOINT for each subtransaction
 *	  subtransaction ends		RELEASE; or ROLLBACK TO, before what comes next
 *	  before the commit			COMMIT
 *	  abort						ROLLBACK, before what comes next
 *
 * So what was done there is committed, or perhaps is, when the transaction here
 * ends between the two commits; the ledger tells (ledger.c). Nothing is sent
 * while a transaction here is being aborted: a connection on which something is
 * still under way then is closed by whoever wants to use it next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "core/one_statement.h"
#include "dest/pgsql/pgsql.h"
#include "utils/memutils.h"

typedef enum PlanMode
{
	PLAN_UNKNOWN,
	PLAN_BY_INDEX,
	PLAN_FREE
} PlanMode;

#define SET_REPLICA "SET LOCAL session_replication_role = replica"
#define SET_ORIGIN "SET LOCAL session_replication_role = origin"

static MemoryContext session_cxt = NULL;	/* NULL: nothing is attached */
static DestPlace place;
static PgConn *conn = NULL;
static uint32 number = 0;
static uint32 names = 0;
static int	level = 0;			/* nesting that the transaction there has got to; 0:
								 * there is none */
static int	back_to = 0;		/* its savepoint to roll back to; 0: none */
static bool void_transaction = false;	/* it is to be rolled back */
static bool disables_triggers = false;
static bool citus = false;		/* tables there may be distributed by Citus */
static PlanMode plan_mode = PLAN_UNKNOWN;
static bool registered = false;
static bool forgets_statements = false;

/* What the session is like, as far as the server and the role let it be. */
static const char *const wishes[] =
{
	"SELECT pg_catalog.set_config('synchronous_commit', 'on', false) "
	"WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local')",
	"SET default_transaction_read_only = off",
	"SET default_transaction_deferrable = off",
	"SET client_min_messages = warning",
	"SET check_function_bodies = off",
	"SET jit = off",
	"SET plan_cache_mode = force_generic_plan",
	/* a hub that is gone must not leave its locks behind */
	"SET tcp_keepalives_idle = 10",
	"SET tcp_keepalives_interval = 5",
	"SET tcp_keepalives_count = 4",
	"SET tcp_user_timeout = 30000",
	"SET client_connection_check_interval = 10000",
};

/*
 * Citus: only what is set for a transaction reaches its nodes; a table on each
 * node and distributed ones are written in one transaction.
 */
static const char *const citus_wishes[] =
{
	"SET citus.propagate_set_commands = 'local'",
	"SET citus.multi_shard_modify_mode = 'sequential'",
	/* it has no plan for statements whose parameters are not known */
	"SET plan_cache_mode = force_custom_plan",
};

static void
drop_connection(void)
{
	if (conn != NULL)
		pg_close(conn);
	conn = NULL;
	level = back_to = 0;
	void_transaction = false;
}

/* Between two transactions, or at the first use in one. */
static void
connect_there(void)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);
	ErrorData  *edata;

	conn = pg_connect(place.info, PG_CONN_DESTINATION);
	number++;
	level = back_to = 0;
	void_transaction = false;
	plan_mode = PLAN_UNKNOWN;
	for (int i = 0; i < lengthof(wishes); i++)
		(void) pg_try_run(conn, wishes[i], &edata);
	disables_triggers = pg_try_run(conn, "SET session_replication_role = replica",
								&edata);
	citus = pg_select_bool(conn, "extension citus",
						   "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'citus')");
	for (int i = 0; citus && i < lengthof(citus_wishes); i++)
		pg_run(conn, citus_wishes[i]);
	if (place.search_path != NULL && place.search_path[0] != '\0')
		pg_runf(conn, "SET search_path = %s, pg_temp", place.search_path);
	ledger_open(conn, &place);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------ transactions */

/* The savepoints that were given up here are given up there. */
static void
settle_savepoints(void)
{
	if (back_to == 0)
		return;
	pg_runf(conn, "ROLLBACK TO SAVEPOINT s%d; RELEASE SAVEPOINT s%d", back_to, back_to);
	back_to = 0;
	plan_mode = PLAN_UNKNOWN;
}

static void
commit_there(void)
{
	if (level == 0)
		return;
	settle_savepoints();
	/* it would end as a rollback, without an error */
	if (pg_is_failed(conn))
		ereport(ERROR,
				(errcode(ERRCODE_IN_FAILED_SQL_TRANSACTION),
				 errmsg("the transaction at server \"%s\" has failed",
						place.info->server_name)));
	pg_run(conn, "COMMIT");
	level = 0;
	plan_mode = PLAN_UNKNOWN;
	ledger_committed(true);
}

static void
transaction_event(XactEvent event, void *arg)
{
	if (session_cxt == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			commit_there();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (level > 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that has written to server \"%s\"",
								place.info->server_name)));
			break;
		case XACT_EVENT_ABORT:
			if (level > 0)
				void_transaction = true;
			level = back_to = 0;
			ledger_committed(false);
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
			if (place.one_call)
				session_detach();
			break;
		default:
			break;
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid,
					 SubTransactionId parent, void *arg)
{
	int			nest = GetCurrentTransactionNestLevel();

	if (session_cxt == NULL || level < nest)
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
	{
		settle_savepoints();
		pg_runf(conn, "RELEASE SAVEPOINT s%d", nest);
		level = nest - 1;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		back_to = nest;
		level = nest - 1;
	}
}

PgConn *
session_use(void)
{
	int			nest = GetCurrentTransactionNestLevel();

	Assert(session_cxt != NULL && IsTransactionState());
	if (conn != NULL && !pg_is_idle(conn))
	{
		bool		lost = level > 0;
		int			was = level;

		drop_connection();
		if (lost && was > 0)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("lost the connection to server \"%s\"",
							place.info->server_name)));
	}
	if (conn == NULL)
		connect_there();
	if (void_transaction)
	{
		pg_run(conn, "ROLLBACK");
		void_transaction = false;
		plan_mode = PLAN_UNKNOWN;
	}
	settle_savepoints();
	if (forgets_statements)
	{
		pg_run(conn, "DEALLOCATE ALL");
		forgets_statements = false;
		number++;
	}
	if (level == 0)
	{
		pg_run(conn, "BEGIN");
		level = 1;
		if (citus && disables_triggers)
			pg_run(conn, SET_REPLICA);
	}
	for (; level < nest; level++)
		pg_runf(conn, "SAVEPOINT s%d", level + 1);
	return conn;
}

bool
session_is_open(void)
{
	return level > 0;
}

/* ------------------------------------------------------------- statements */

char *
session_value(const char *sql)
{
	PgResult   *r = pg_select(session_use(), "statement", "T", sql);

	return r->nrows > 0 ? pg_text_or_null(r, 0, 0) : NULL;
}

bool
session_is_citus(void)
{
	return citus;
}

/*
 * Citus does its own work in triggers: a TRUNCATE while triggers are disabled
 * would leave the rows of distributed tables as they are, without an error. What
 * is set reaches the nodes as the text of its query, so that has to be alone.
 */
void
session_run_with_triggers(const char *sql)
{
	PgConn	   *c = session_use();
	bool		origin = citus && disables_triggers;

	if (origin)
		pg_run(c, SET_ORIGIN);
	pg_run(c, sql);
	if (origin)
		pg_run(c, SET_REPLICA);
}

/* StatementRunner */
static uint64
run_there(const char *sql, char **value)
{
	PgConn	   *c = session_use();
	bool		origin = citus && disables_triggers;
	uint64		n;

	if (origin)
		pg_run(c, SET_ORIGIN);
	if (value != NULL)
		*value = session_value(sql);
	else
		pg_run(c, sql);
	n = (uint64) Max(pg_copied(c), 0);
	if (origin)
		pg_run(c, SET_REPLICA);
	return n;
}

uint32
session_number(void)
{
	return number;
}

const char *
session_server(void)
{
	return place.info->server_name;
}

void
session_forget_statements(void)
{
	forgets_statements = true;
}

char *
session_statement_name(void)
{
	return psprintf("dtsmig_%u", ++names);
}

void
session_by_index(bool by_index)
{
	PlanMode	wanted = by_index ? PLAN_BY_INDEX : PLAN_FREE;
	const char *value = by_index ? "off" : "on";

	/* the nodes of Citus plan for themselves */
	if (plan_mode == wanted || citus)
		return;
	pg_runf(session_use(), "SET LOCAL enable_seqscan = %s; SET LOCAL enable_hashjoin = %s; "
			"SET LOCAL enable_mergejoin = %s", value, value, value);
	plan_mode = wanted;
}

/* ---------------------------------------------------------------- routine */

void
session_detach(void)
{
	MemoryContext cxt = session_cxt;

	one_statement_runs_by(NULL);
	session_cxt = NULL;
	level = back_to = 0;
	void_transaction = false;
	conn = NULL;
	ledger_close();
	/* closes the connection */
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

static char *
copy(const char *s)
{
	return s ? pstrdup(s) : NULL;
}

void
session_attach(const DestPlace *at)
{
	MemoryContext old;
	ConnectionInfo *info;

	session_detach();
	if (!registered)
	{
		RegisterXactCallback(transaction_event, NULL);
		RegisterSubXactCallback(subtransaction_event, NULL);
		registered = true;
	}
	session_cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig destination",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(session_cxt);
	place = *at;
	info = palloc(sizeof(ConnectionInfo));
	*info = *at->info;
	info->server_name = copy(info->server_name);
	info->server_type = copy(info->server_type);
	info->host = copy(info->host);
	info->hostaddr = copy(info->hostaddr);
	info->user = copy(info->user);
	info->password = copy(info->password);
	info->dbname = copy(info->dbname);
	info->ssl_ca = copy(info->ssl_ca);
	info->ssl_cert = copy(info->ssl_cert);
	info->ssl_key = copy(info->ssl_key);
	info->application = copy(info->application);
	info->stream_name = info->stream_objects = info->server_uid = info->keep_from = NULL;
	place.info = info;
	place.task = copy(at->task);
	place.ledger_schema = copy(at->ledger_schema);
	place.search_path = copy(at->search_path);
	MemoryContextSwitchTo(old);
	one_statement_runs_by(run_there);
	PG_TRY();
	{
		connect_there();
	}
	PG_CATCH();
	{
		session_detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
session_identify(DestIdentity *id)
{
	PgResult   *r;

	memset(id, 0, sizeof(*id));
	r = pg_select(session_use(), "identity", "tt",
				  "SELECT current_user, pg_catalog.current_database()");
	id->product = "PostgreSQL";
	id->version = pg_server_version(conn);
	id->version_num = pg_version_num(conn);
	id->account = pg_text(r, 0, 0);
	id->database = pg_text(r, 0, 1);
	id->disables_triggers = disables_triggers;
	id->tls = pg_tls_cipher(conn) != NULL;
}
