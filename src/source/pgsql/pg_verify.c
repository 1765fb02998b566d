/*-------------------------------------------------------------------------
 *
 * pg_verify.c
 *	  Tables of a PostgreSQL source summed up (see schema/check_sql.h). And
 *	  what a cutover asks of the source: who still writes, and that nobody
 *	  does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_verify.h"

#include "catalog/pg_type.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "schema/pg_check_sql.h"
#include "source/pgsql/pg_engine.h"
#include "source/pgsql/pg_money.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* How long make_read_only waits for sessions to go. */
#define END_WAIT_MS 20000

/* ------------------------------------------------------------------ forms */

static bool
is_integer(const char *type)
{
	return type != NULL &&
		(strcmp(type, "smallint") == 0 || strcmp(type, "integer") == 0 ||
		 strcmp(type, "bigint") == 0);
}

/*
 * How a column goes into a record. Types that hash alike and are not the same
 * (-0, 1.00, intervals) go as text, and so does a column that has another type
 * at the destination.
 */
static CheckForm
record_form(const SourceRelation *rel, int column)
{
	const SourceColumn *col = &rel->columns[column];
	const char *type = ((TableColumn *) list_nth(rel->def->columns, column))->source_type;
	bool		same = type != NULL &&
		strcmp(type, format_type_with_typemod(col->typid, col->typmod)) == 0;

	switch (col->typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return is_integer(type) ? CHECK_INTEGER : CHECK_TEXT;
		case FLOAT4OID:
		case FLOAT8OID:
			return same ? CHECK_FLOAT_BYTES : CHECK_TEXT;
		case NUMERICOID:
			return same && col->typmod >= 0 ? CHECK_HASH : CHECK_TEXT;
		case BOOLOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case OIDOID:
		case BYTEAOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case BPCHAROID:			/* a cast to text is slow */
			return same ? CHECK_HASH : CHECK_TEXT;
		default:
			return CHECK_TEXT;
	}
}

CheckForm
pg_check_form(SourceConn *conn, const SourceRelation *rel, int column)
{
	int			version = pg_version_num(((PgSource *) conn)->sql);
	bool		old = version < 120000;

	/* its text is that of each side's lc_monetary; the number that it is, is not */
	if (pg_money_in_type(rel->columns[column].typid, NULL))
		return rel->columns[column].typid == MONEYOID && !rel->columns[column].in_key ?
			CHECK_INTEGER : CHECK_FETCH;
	if (version >= PG_CHECK_RECORD_VERSION)
		return record_form(rel, column);
	switch (rel->columns[column].typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return CHECK_INTEGER;
		case BOOLOID:
		case NUMERICOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case OIDOID:
		case BITOID:
			return CHECK_OUTPUT;
		case FLOAT4OID:
		case FLOAT8OID:
			/* 0.1 or 0.10000000000000001 */
			return old ? CHECK_FLOAT_BYTES : CHECK_OUTPUT;
		case VARCHAROID:
		case NAMEOID:
			return CHECK_TEXT;
		case BYTEAOID:
			return CHECK_BYTES_DIGEST;
		default:
			return CHECK_TEXT_DIGEST;
	}
}

/* A column as pg_check_sql wants it. */
static PgCheckColumn *
columns_of(const SourceRelation *rel, const CheckForm *forms)
{
	PgCheckColumn *columns = palloc0(sizeof(PgCheckColumn) * Max(rel->ncolumns, 1));

	for (int i = 0; i < rel->ncolumns; i++)
	{
		const TableColumn *def = list_nth(rel->def->columns, i);

		columns[i].form = forms[i];
		columns[i].name = pg_quote_name(rel->columns[i].name);
		columns[i].has_cast = def->base_type != NULL && def->base_type[0] != '\0';
		columns[i].not_null = rel->columns[i].target_not_null;
		columns[i].money = rel->columns[i].typid == MONEYOID;
	}
	return columns;
}

CheckTable *
pg_check_table(SourceConn *conn, const SourceRelation *rel,
			   const CheckForm *forms)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	CheckTable *table = palloc0(sizeof(CheckTable));
	PgCheckColumn *columns;

	table->digest = pg_version_num(sql) < 110000 ? CHECK_HASH32 :
		pg_version_num(sql) < PG_CHECK_RECORD_VERSION ? CHECK_HASH64 : CHECK_RECORD;
	table->from = psprintf("ONLY %s", pg_quote_qualified(rel->schema, rel->name));
	table->before = pg_before_reading(sql, pg_quote_qualified(rel->schema, rel->name));
	if (rel->nkey > 0 && forms[rel->key[0]] == CHECK_INTEGER)
		table->first_key = pg_quote_name(rel->columns[rel->key[0]].name);
	/* digests are of the bytes that a server has */
	if (!pg_is_utf8(sql))
		return table;
	columns = columns_of(rel, forms);
	table->number = pg_check_number(table->digest, columns, NULL, rel->ncolumns);
	table->bucket = rel->nkey == 0 ? table->number :
		pg_check_number(table->digest, columns, rel->key, rel->nkey);
	return table;
}

/* ---------------------------------------------------------------- queries */

void
pg_check_ask(SourceConn *conn, const char *sql)
{
	pg_ask(((PgSource *) conn)->sql, sql);
}

List *
pg_check_answer(SourceConn *conn)
{
	PgResult   *res = pg_answer(((PgSource *) conn)->sql, "sums of a table", "TTT");
	List	   *sums = NIL;

	for (int i = 0; i < res->nrows; i++)
		sums = lappend(sums, check_read_sum(pg_text_or_null(res, i, 0),
											pg_text_or_null(res, i, 1),
											pg_text_or_null(res, i, 2)));
	return sums;
}

char *
pg_check_value(SourceConn *conn, const char *sql)
{
	return pg_select_text_or_null(((PgSource *) conn)->sql, "check of a table", sql);
}

char *
pg_check_key(SourceConn *conn, const SourceRelation *rel, char *const *key)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < rel->nkey; i++)
	{
		const TableColumn *def = list_nth(rel->def->columns, rel->key[i]);
		bool		own = def->base_type != NULL && def->base_type[0] != '\0';

		if (rel->columns[rel->key[i]].typid == MONEYOID)
		{
			appendStringInfo(&buf, "%s%s = %s", i > 0 ? " AND " : "",
							 pg_quote_name(rel->columns[rel->key[i]].name),
							 pg_money_literal(key[i]));
			continue;
		}
		appendStringInfo(&buf, "%s%s = %s", i > 0 ? " AND " : "",
						 own ? pg_quote_name(rel->columns[rel->key[i]].name) :
						 pg_check_text(pg_quote_name(rel->columns[rel->key[i]].name), false),
						 pg_quote_literal(key[i]));
	}
	return buf.data;
}

/* ------------------------------------------------------- the end of writing */

static void
wait_ms(long ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	long		left;

	while ((left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 left, dts_wait_event(DTS_WAIT_CUTOVER));
		ResetLatch(MyLatch);
	}
}

char *
pg_open_writers(SourceConn *conn, char **hidden)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;

	*hidden = NULL;
	return pg_select_text_or_null(sql, "open writers", psprintf(
								  "SELECT format('process %%s (%%s) has written and has not committed; its transaction began at %%s', "
								  "pid, usename, coalesce(xact_start::text, 'a time that this account may not see')) FROM pg_catalog.pg_stat_activity "
								  "WHERE backend_xid IS NOT NULL AND datname = current_database() "
								  "AND pid NOT IN (pg_backend_pid(), %d) "
								  "UNION ALL SELECT format('transaction %%L is prepared and has not ended', gid) "
								  "FROM pg_catalog.pg_prepared_xacts "
								  "WHERE database = current_database() LIMIT 1",
								  pg_info(sql)->own_pid));
}

/*
 * Sessions of others in this database. Of roles that the account is no member
 * of it sees no more than that they exist, unless it may read all
 * statistics: whether they write then has to count as yes. A sender of the log
 * is known in any case, a process of the server has no role.
 */
/* %d: ConnectionInfo.own_pid */
#define OTHER_SESSIONS \
	"FROM pg_catalog.pg_stat_activity a WHERE a.datname = current_database() " \
	"AND a.pid NOT IN (pg_backend_pid(), %d) AND a.usesysid IS NOT NULL " \
	"AND (a.backend_type = 'client backend' OR a.backend_type IS NULL) " \
	"AND coalesce(a.application_name, '') !~ '^(dtsmig|dts_sync_)' " \
	"AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_replication r WHERE r.pid = a.pid)"

/* A role that is being dropped has no name. */
static const char *
role_of(const PgResult *r, int row)
{
	const char *name = pg_text_or_null(r, row, 1);

	return name ? name : "";
}

/* Ends them; NULL, or why one goes on. */
static char *
end_sessions(PgConn *sql)
{
	int			own = pg_info(sql)->own_pid;
	PgResult   *r = pg_selectf(sql, "sessions", "iTt",
							   "SELECT a.pid, a.usename, CURRENT_USER " OTHER_SESSIONS, own);
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), END_WAIT_MS);
	ErrorData  *edata;

	for (int i = 0; i < r->nrows; i++)
	{
		char	   *pid = pg_text(r, i, 0);

		if (!pg_try_run(sql, psprintf("SELECT pg_terminate_backend(%s)", pid),
						&edata))
			return psprintf("process %s of role %s can still write, and cannot be ended: %s. "
							"GRANT pg_signal_backend, pg_read_all_stats TO %s; or end it by hand.",
							pid, role_of(r, i), edata->message,
							pg_quote_name(pg_text(r, i, 2)));
	}
	for (int i = 0; i < r->nrows; i++)
	{
		while (pg_selectf(sql, "session", "i", "SELECT 1 " OTHER_SESSIONS " AND a.pid = %s",
						  own, pg_text(r, i, 0))->nrows > 0)
		{
			if (GetCurrentTimestamp() > until)
				return psprintf("process %s of role %s can still write, and does not end",
								pg_text(r, i, 0), role_of(r, i));
			wait_ms(100);
		}
	}
	return NULL;
}

/*
 * PostgreSQL has no switch for a database as a whole: new sessions are
 * read-only by default, those that are open are ended. A session that sets
 * otherwise can still write.
 */
char *
pg_make_read_only(SourceConn *conn, bool for_others)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	char	   *database = pg_select_text(sql, "database", "SELECT quote_ident(current_database())");
	char	   *role;
	char	   *failure;
	ErrorData  *edata;

	/* it may be the default by a cutover that was refused then */
	pg_run(sql, "SET default_transaction_read_only = off");
	role = pg_select_text_or_null(sql, "settings of roles",
								  "SELECT r.rolname FROM pg_catalog.pg_db_role_setting s "
								  "JOIN pg_catalog.pg_roles r ON r.oid = s.setrole "
								  "WHERE r.rolname <> CURRENT_USER AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d "
								  "WHERE d.datname = current_database())) "
								  "AND 'default_transaction_read_only=off' = ANY (s.setconfig) LIMIT 1");
	if (role != NULL)
		return psprintf("role %s has a setting of its own: ALTER ROLE %s RESET default_transaction_read_only;",
						role, pg_quote_name(role));
	if (!pg_try_run(sql, psprintf("ALTER DATABASE %s SET default_transaction_read_only = on",
								  database), &edata))
		return edata->message;
	failure = end_sessions(sql);
	if (failure != NULL)
		return failure;
	/* and one that was just about to come, with the settings before */
	wait_ms(500);
	return end_sessions(sql);
}

char *
pg_make_writable(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	ErrorData  *edata;

	pg_run(sql, "SET default_transaction_read_only = off");
	if (!pg_try_run(sql, psprintf("ALTER DATABASE %s RESET default_transaction_read_only",
								  pg_select_text(sql, "database",
												 "SELECT quote_ident(current_database())")),
					&edata))
		return edata->message;
	return NULL;
}

/* One that was open before it was set can still write. */
bool
pg_is_read_only(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;

	return pg_select_bool(sql, "read-only", psprintf(
						  "SELECT pg_is_in_recovery() OR (EXISTS (SELECT 1 "
						  "FROM pg_catalog.pg_db_role_setting s "
						  "JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase "
						  "WHERE d.datname = current_database() AND s.setrole = 0 "
						  "AND 'default_transaction_read_only=on' = ANY (s.setconfig)) "
						  "AND NOT EXISTS (SELECT 1 " OTHER_SESSIONS "))",
						  pg_info(sql)->own_pid));
}

bool
pg_constraint_open(SourceConn *conn, const char *schema, const char *table,
				   const char *name)
{
	PgResult   *r = pg_selectf(((PgSource *) conn)->sql, "constraint", "i",
							   "SELECT 1 FROM pg_catalog.pg_constraint k "
							   "JOIN pg_catalog.pg_class c ON c.oid = k.conrelid "
							   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
							   "WHERE n.nspname = %s AND c.relname = %s AND k.conname = %s "
							   "AND NOT k.convalidated", pg_quote_literal(schema),
							   pg_quote_literal(table), pg_quote_literal(name));

	return r->nrows > 0;
}
