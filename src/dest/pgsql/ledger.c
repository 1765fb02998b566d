/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  What a destination elsewhere knows of a task: the table dtsmig_ledger
 *	  there, written in the transactions of the rows.
 *
 *	  position	of the source's log, up to which changes are applied
 *	  job:17	a range of rows that is loaded
 *	  object:5	a statement of the schema that has been run
 *
 * A piece of work is claimed before it is done: who comes after a transaction
 * that may still commit waits for it. The position is only moved from where it
 * is believed to be, so that of two who follow the same log one fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/attempt.h"
#include "dest/ledger_position.h"
#include "dest/pgsql/pgsql.h"
#include "dest/twin.h"
#include "utils/memutils.h"


static MemoryContext ledger_cxt = NULL;
static char *table = NULL;		/* quoted schema.table; NULL: none is kept */
static char *task = NULL;		/* a literal */
static LedgerPosition at;

void
ledger_close(void)
{
	if (ledger_cxt != NULL)
		MemoryContextDelete(ledger_cxt);
	ledger_cxt = NULL;
	table = task = NULL;
	memset(&at, 0, sizeof(at));
}

/* NULL: there is no row. settled: as it is after whoever is about to change it. */
static char *
read_value(PgConn *conn, const char *key, bool settled)
{
	PgResult   *r = pg_selectf(conn, "ledger", "T",
							   "SELECT value FROM %s WHERE task = %s AND key = %s%s",
							   table, task, pg_quote_literal(key),
							   settled ? " FOR UPDATE" : "");

	return r->nrows > 0 ? pg_text_or_null(r, 0, 0) : NULL;
}

static bool
is_there(PgConn *conn)
{
	return pg_select_bool(conn, "ledger",
						  psprintf("SELECT pg_catalog.to_regclass(%s) IS NOT NULL",
								   pg_quote_literal(table)));
}

/*
 * What somebody else may have made first runs nothing of theirs: triggers,
 * defaults and indexes of a table are its owner's to add, and who owns the
 * schema can put another table in its place.
 */
static void
check_owner(PgConn *conn, const DestPlace *place)
{
	PgResult   *r;

	r = pg_selectf(conn, "owner of the ledger", "btt",
				   "SELECT c.relkind = 'r' AND c.relowner = u.oid AND "
				   "(n.nspowner = u.oid OR COALESCE((SELECT o.rolsuper "
				   "FROM pg_catalog.pg_roles o WHERE o.oid = n.nspowner), false)), "
				   "pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.pg_get_userbyid(n.nspowner) "
				   "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, "
				   "pg_catalog.pg_roles u WHERE u.rolname = current_user "
				   "AND c.oid = pg_catalog.to_regclass(%s)", pg_quote_literal(table));
	if (r->nrows > 0 && pg_bool(r, 0, 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("table %s at server \"%s\" does not belong to the account of the task", table,
					place->info->server_name),
			 r->nrows > 0 ? errdetail("The table belongs to role \"%s\", its schema to \"%s\". Whoever owns them could run anything as the account.",
									  pg_text(r, 0, 1), pg_text(r, 0, 2)) : 0,
			 errhint("At the destination: CREATE SCHEMA … AUTHORIZATION %s; and name it by the task's option ledger_schema.",
							 pg_quote_name(place->info->user ? place->info->user : "…"))));
}

/*
 * Made at once with the end of what default privileges give others on it:
 * whoever may make a trigger on it would run code as the account.
 */
static void
make_table(PgConn *conn, const DestPlace *place)
{
	char	   *name = pg_quote_literal(table);
	char	   *revoke = psprintf("DECLARE r record; BEGIN FOR r IN SELECT DISTINCT "
								  "CASE WHEN a.grantee = 0::pg_catalog.oid THEN 'PUBLIC' "
								  "ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END AS grantee "
								  "FROM pg_catalog.pg_class c CROSS JOIN pg_catalog.aclexplode(c.relacl) a "
								  "WHERE c.oid = %s::pg_catalog.regclass AND a.grantee <> c.relowner LOOP "
								  "EXECUTE 'REVOKE ALL ON TABLE ' || %s || ' FROM ' || r.grantee; END LOOP; END",
								  name, name);

	if (!pg_select_bool(conn, "schema of the ledger",
						psprintf("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s)",
								 pg_quote_literal(place->ledger_schema))))
		pg_runf(conn, "CREATE SCHEMA IF NOT EXISTS %s", pg_quote_name(place->ledger_schema));
	pg_runf(conn, "CREATE TABLE IF NOT EXISTS %s (task text NOT NULL, key text NOT NULL, "
			"value text, PRIMARY KEY (task, key)); "
			"COMMENT ON TABLE %s IS 'What dtsmig has done in this database, by task: written with the rows; not to be changed by hand'; "
			"DO %s", table, table, pg_quote_literal(revoke));
}

/* Between two transactions there. */
void
ledger_open(PgConn *conn, const DestPlace *place)
{
	MemoryContext old;
	char	   *position;

	ledger_close();
	if (place->task == NULL)
		return;
	ledger_cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig ledger",
									   ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(ledger_cxt);
	table = pg_quote_qualified(place->ledger_schema, LEDGER_TABLE);
	task = pg_quote_literal(place->task);
	if (!is_there(conn))
	{
		if (!place->keeps_ledger)
		{
			table = NULL;
			MemoryContextSwitchTo(old);
			return;
		}
		make_table(conn, place);
	}
	check_owner(conn, place);
	/* a COMMIT whose reply was lost may still be under way */
	position = read_value(conn, LEDGER_POSITION_KEY, place->keeps_ledger);
	at.committed = position ? pstrdup(position) : NULL;
	MemoryContextSwitchTo(old);
}

bool
ledger_takes_on_conflict(PgConn *conn)
{
	ErrorData  *edata;

	return table == NULL ||
		pg_try_run(conn, psprintf("EXPLAIN INSERT INTO %s (task, key, value) VALUES ('', '', '') ON CONFLICT DO NOTHING",
								  table), &edata) ||
		(edata->sqlerrcode != ERRCODE_SYNTAX_ERROR && edata->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED);
}

void
ledger_committed(bool done)
{
	ledger_position_settle(&at, done);
}

static void
run_insert(void *sql)
{
	pg_run(session_use(), sql);
}

/* A row that there was not; false: there is one, of a transaction that has committed. */
static bool
insert_row(const char *key, const char *value)
{
	char	   *sql;
	ErrorData  *edata;

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no ledger at server \"%s\"", session_server())));
	sql = psprintf("INSERT INTO %s (task, key, value) VALUES (%s, %s, %s)",
				   table, task, pg_quote_literal(key), pg_quote_literal(value));
	if (session_has_on_conflict())
	{
		PgConn	   *conn = session_use();

		pg_runf(conn, "%s ON CONFLICT DO NOTHING", sql);
		return pg_copied(conn) == 1;
	}
	edata = attempt(run_insert, sql);
	if (edata != NULL && edata->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(edata);
	return edata == NULL;
}

char *
ledger_claim(const char *key)
{
	char	   *value;

	if (insert_row(key, ""))
		return NULL;
	value = read_value(session_use(), key, false);
	return value ? value : pstrdup("");
}

char *
ledger_recorded(const char *key)
{
	return read_value(session_use(), key, false);
}

void
ledger_unclaim(const char *key)
{
	pg_runf(session_use(), "DELETE FROM %s WHERE task = %s AND key = %s", table,
			task, pg_quote_literal(key));
}

void
ledger_record(const char *key, const char *value)
{
	pg_runf(session_use(), "UPDATE %s SET value = %s WHERE task = %s AND key = %s",
			table, pg_quote_literal(value), task, pg_quote_literal(key));
}

char *
ledger_position(void)
{
	return at.committed;
}

void
ledger_set_position(const char *position)
{
	const char *from = ledger_position_now(&at);
	MemoryContext old;
	bool		moved;

	/* an idle source's */
	if (from != NULL && strcmp(from, position) == 0 && !twin_is_open())
		return;
	old = MemoryContextSwitchTo(CurTransactionContext);
	if (from == NULL)
		moved = insert_row(LEDGER_POSITION_KEY, position);
	else
	{
		PgConn	   *conn = session_use();

		pg_runf(conn, "UPDATE %s SET value = %s WHERE task = %s AND key = '" LEDGER_POSITION_KEY "' AND value = %s",
				table, pg_quote_literal(position), task, pg_quote_literal(from));
		moved = pg_copied(conn) == 1;
	}
	if (!moved)
		ledger_position_refuse(session_server(), from);
	ledger_position_move(&at, ledger_cxt, position);
	MemoryContextSwitchTo(old);
}

void
ledger_forget_task(void)
{
	if (table != NULL)
		pg_runf(session_use(), "DELETE FROM %s WHERE task = %s", table, task);
}
