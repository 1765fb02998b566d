/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The session at a PostgreSQL server elsewhere, and its transaction.
 *
 * Its transaction follows the one of this process: dest/twin.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "core/one_statement.h"
#include "dest/pgsql/pgsql.h"
#include "dest/twin.h"
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
static bool disables_triggers = false;
static bool ivorysql = false;
static bool citus = false;		/* its tables may be distributed by Citus */
static bool greenplum = false;	/* they are, as the Greenplum family does it */
static bool on_conflict = true;
static PlanMode plan_mode = PLAN_UNKNOWN;
static bool forgets_statements = false;
static bool written = false;	/* by statements, and not committed yet */
static List *idle_readers = NIL;	/* PgConn * */

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

/*
 * IvorySQL: names and empty strings as PostgreSQL has them, on its port for
 * Oracle's dialect, too.
 */
static const struct
{
	const char *name;
	const char *value;
}			as_postgresql[] = {
	{"ivorysql.compatible_mode", "pg"},
	{"ivorysql.identifier_case_switch", "normal"},
	{"ivorysql.enable_emptystring_to_NULL", "off"},
	{"nls_length_semantics", "char"},
};

static void
drop_connection(void)
{
	if (conn != NULL)
		pg_close(conn);
	conn = NULL;
}

/* Each setting is read back: rows would be others if it was not taken. */
static void
speak_postgresql(PgConn *c)
{
	ivorysql = pg_select_bool(c, "settings of IvorySQL",
							  "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_settings "
							  "WHERE name = 'ivorysql.compatible_mode')");
	for (int i = 0; ivorysql && i < lengthof(as_postgresql); i++)
	{
		const char *name = as_postgresql[i].name;
		const char *value = as_postgresql[i].value;
		ErrorData  *edata;
		PgResult   *r;

		(void) pg_try_run(c, psprintf("SET %s = %s", name, value), &edata);
		r = pg_selectf(c, name, "t",
					   "SELECT setting FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) = pg_catalog.lower(%s)",
					   pg_quote_literal(name));
		if (r->nrows > 0 && strcmp(pg_text(r, 0, 0), value) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("server \"%s\" keeps setting %s at \"%s\"",
							place.info->server_name, name, pg_text(r, 0, 0)),
					 errdetail("Names or empty strings would become others at it."),
					 errhint("At the destination: ALTER ROLE %s SET %s = %s;",
							 pg_quote_name(place.info->user ? place.info->user : "…"), name, value)));
	}
}

PgConn *
session_open(void)
{
	PgConn	   *c = pg_connect(place.info, PG_CONN_DESTINATION);
	ErrorData  *edata;

	speak_postgresql(c);
	for (int i = 0; i < lengthof(wishes); i++)
		(void) pg_try_run(c, wishes[i], &edata);
	return c;
}

/* Between two transactions, or at the first use in one. */
static void
connect_there(void)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);
	ErrorData  *edata;

	conn = session_open();
	number++;
	plan_mode = PLAN_UNKNOWN;
	disables_triggers = pg_try_run(conn, "SET session_replication_role = replica",
								&edata);
	citus = pg_select_bool(conn, "extension citus",
						   "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'citus')");
	greenplum = pg_select_bool(conn, "catalog of Greenplum",
							   "SELECT pg_catalog.to_regclass('pg_catalog.gp_distribution_policy') IS NOT NULL");
	for (int i = 0; citus && i < lengthof(citus_wishes); i++)
		pg_run(conn, citus_wishes[i]);
	ledger_open(conn, &place);
	on_conflict = ledger_takes_on_conflict(conn);
	if (place.search_path != NULL && place.search_path[0] != '\0')
		pg_runf(conn, "SET search_path = %s, pg_temp", place.search_path);
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- readers */

/* What a session that only reads is like. */
static const char *const reader_wishes[] =
{
	"SET default_transaction_read_only = on",
	"SET default_transaction_deferrable = off",
	"SET client_min_messages = warning",
	"SET jit = off",
	"SET tcp_keepalives_idle = 10",
	"SET tcp_keepalives_interval = 5",
	"SET tcp_keepalives_count = 4",
	"SET tcp_user_timeout = 30000",
	"SET client_connection_check_interval = 10000",
};

PgConn *
session_reader(void)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);
	PgConn	   *reader = NULL;
	ErrorData  *edata;

	while (reader == NULL && idle_readers != NIL)
	{
		reader = llast(idle_readers);
		idle_readers = list_delete_last(idle_readers);
		if (pg_is_idle(reader))
			continue;
		pg_close(reader);
		reader = NULL;
	}
	if (reader == NULL)
	{
		reader = pg_connect(place.info, PG_CONN_DESTINATION);
		speak_postgresql(reader);
		for (int i = 0; i < lengthof(reader_wishes); i++)
			(void) pg_try_run(reader, reader_wishes[i], &edata);
	}
	MemoryContextSwitchTo(old);
	return reader;
}

void
session_reader_done(PgConn *reader, bool idle)
{
	MemoryContext old = MemoryContextSwitchTo(session_cxt);

	if (idle)
		idle_readers = lappend(idle_readers, reader);
	else
		pg_close(reader);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------ transactions */

static void
run_twin(const char *sql)
{
	pg_run(conn, sql);
	if (citus && disables_triggers && strcmp(sql, "BEGIN") == 0)
		pg_run(conn, SET_REPLICA);
}

static void
check_not_failed(void)
{
	/* it would end as a rollback, without an error */
	if (pg_is_failed(conn))
		ereport(ERROR,
				(errcode(ERRCODE_IN_FAILED_SQL_TRANSACTION),
				 errmsg("the transaction at server \"%s\" has failed",
						place.info->server_name)));
}

static void
forget_plan_mode(void)
{
	plan_mode = PLAN_UNKNOWN;
}

static void
transaction_ended(bool committed)
{
	written = false;
	ledger_committed(committed);
}

static const TwinRoutine twin_routine = {
	.run = run_twin,
	.server = session_server,
	.before_commit = check_not_failed,
	.reset = forget_plan_mode,
	.ended = transaction_ended,
	.detach = session_detach
};

PgConn *
session_use(void)
{
	Assert(session_cxt != NULL && IsTransactionState());
	if (conn != NULL && !pg_is_idle(conn))
	{
		drop_connection();
		if (twin_is_lost())
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("lost the connection to server \"%s\"",
							place.info->server_name)));
	}
	if (conn == NULL)
		connect_there();
	twin_begin();
	if (forgets_statements)
	{
		pg_run(conn, "DEALLOCATE ALL");
		forgets_statements = false;
		number++;
	}
	return conn;
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

bool
session_is_greenplum(void)
{
	return greenplum;
}

bool
session_has_on_conflict(void)
{
	return on_conflict;
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
	{
		/* setval is not undone, whatever becomes of the transaction */
		written |= strncmp(sql, "SELECT ", 7) != 0;
		pg_run(c, sql);
	}
	n = (uint64) Max(pg_copied(c), 0);
	if (origin)
		pg_run(c, SET_REPLICA);
	return n;
}

/*
 * Citus does its own work in triggers: a TRUNCATE while triggers are disabled
 * would leave the rows of distributed tables as they are, without an error. What
 * is set reaches the nodes as the text of its query, so that has to be alone.
 */
void
session_run_with_triggers(const char *sql)
{
	(void) run_there(sql, NULL);
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

	one_statement_runs_by(NULL, true);
	session_cxt = NULL;
	twin_detach();
	conn = NULL;
	idle_readers = NIL;
	written = false;
	ledger_close();
	/* closes the connection */
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

void
session_attach(const DestPlace *at)
{
	MemoryContext old;

	/* what one call has done there waits for COMMIT */
	if (session_cxt != NULL && place.one_call && written && twin_is_open())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this transaction has changed definitions at server \"%s\" already",
						place.info->server_name),
				 errhint("Commit it first.")));
	session_detach();
	session_cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig destination",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(session_cxt);
	place = *dest_place_copy(at);
	MemoryContextSwitchTo(old);
	twin_attach(&twin_routine, place.one_call);
	one_statement_runs_by(run_there, true);
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
	id->product = ivorysql ? "IvorySQL" : citus ? "Citus" :
		greenplum ? "Greenplum family" : "PostgreSQL";
	id->version = pg_server_version(conn);
	id->version_num = pg_version_num(conn);
	id->account = pg_text(r, 0, 0);
	id->database = pg_text(r, 0, 1);
	id->disables_triggers = disables_triggers;
	id->tls = pg_tls_cipher(conn) != NULL;
}
