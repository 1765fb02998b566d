/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  What a server elsewhere can, found out on a scratch table: names and
 *	  versions of what is built on PostgreSQL say little.
 *
 *	  schema dtsmig_probe_… (of this account, with the time in its comment)
 *	    -> table -> statements, each in a transaction that is rolled back
 *	    -> schema dropped, after an error, too
 *
 * The schema is the account's own, so that nobody else can put another table in
 * its place. What a hub that died has left is dropped by whoever looks next as
 * the same account, when it is old enough to be nobody's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core/attempt.h"
#include "dest/pgsql/pgsql.h"

#define PREFIX "dtsmig_probe_"
#define COMMENT "scratch of a precheck of dtsmig, "
/* Nobody's precheck takes that long. */
#define LEFT_SECONDS "3600"
/* For the end, after which nobody waits. */
#define DROP_PATIENCE_MS 5000

typedef struct Scratch
{
	PgConn	   *conn;
	char	   *schema;			/* quoted */
	char	   *table;			/* quoted, with its schema */
	const char *sql;			/* of the step under way */
} Scratch;

/* An error that says nothing of what the server can is raised. */
static bool
is_answer(ErrorData *edata)
{
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	if (category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) ||
		edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		ThrowErrorData(edata);
	return true;
}

static bool
runs(Scratch *s, const char *sql)
{
	ErrorData  *edata;

	return pg_try_run(s->conn, sql, &edata) || !is_answer(edata);
}

/* Does it run, in a transaction that is rolled back? */
static bool
works(Scratch *s, const char *sql)
{
	bool		ok;

	pg_run(s->conn, "BEGIN");
	ok = runs(s, sql);
	pg_run(s->conn, "ROLLBACK");
	return ok;
}

static int64
rows_of(Scratch *s)
{
	return pg_bigint(pg_selectf(s->conn, "rows of a scratch table", "i",
								"SELECT pg_catalog.count(*) FROM %s", s->table), 0, 0);
}

/* attempt: one row by COPY, as a load of text does it */
static void
copy_row(void *arg)
{
	Scratch    *s = arg;

	pg_copy_in_open(s->conn, psprintf("COPY %s (id, k, v) FROM STDIN (FORMAT text)", s->table));
	pg_copy_put(s->conn, s->sql, strlen(s->sql));
	(void) pg_copy_in_end(s->conn);
}

/* The same by an array, as changes come. */
static void
execute_row(void *arg)
{
	Scratch    *s = arg;
	PgArray		a;
	const char *value;
	int			len;

	array_init(&a, TEXTOID, TEXTOID);
	array_put_text(&a, s->sql);
	value = array_take(&a, &len);
	pg_prepare(s->conn, "dtsmig_probe",
			   psprintf("INSERT INTO %s (id, k, v) SELECT 2, 2, b.c1 FROM unnest($1::pg_catalog.text[]) AS b(c1)",
						s->table));
	(void) pg_execute(s->conn, "dtsmig_probe", 1, &value, &len);
}

static bool
can(Scratch *s, void (*step) (void *arg), const char *sql)
{
	ErrorData  *edata;

	s->sql = sql;
	edata = attempt(step, s);
	return edata == NULL || !is_answer(edata);
}

/* Is the value of the row NULL, that was an empty string? */
static bool
is_null(Scratch *s, int id)
{
	return pg_select_bool(s->conn, "an empty string",
						  psprintf("SELECT v IS NULL FROM %s WHERE id = %d", s->table, id));
}

static void
look_at_transactions(Scratch *s, DestProbe *p)
{
	pg_run(s->conn, "BEGIN");
	p->undoes_copy = can(s, copy_row, "1\t1\tx\n2\t2\tx\n3\t3\tx\n");
	pg_run(s->conn, "ROLLBACK");
	p->undoes_copy = p->undoes_copy && rows_of(s) == 0;

	pg_runf(s->conn, "DELETE FROM %s", s->table);
	pg_runf(s->conn, "INSERT INTO %s (id, k, v) VALUES (1, 1, 'x')", s->table);
	pg_run(s->conn, "BEGIN");
	p->savepoints = runs(s, psprintf("SAVEPOINT probe; DELETE FROM %s; ROLLBACK TO SAVEPOINT probe; "
									 "RELEASE SAVEPOINT probe", s->table)) && rows_of(s) == 1;
	pg_run(s->conn, "ROLLBACK");

	p->undoes_truncate = works(s, psprintf("TRUNCATE %s", s->table)) && rows_of(s) == 1;
	p->undoes_definitions = works(s, psprintf("CREATE TABLE %s.undone (a integer)", s->schema)) &&
		!pg_select_bool(s->conn, "a table that was rolled back",
						psprintf("SELECT pg_catalog.to_regclass(%s) IS NOT NULL",
								 pg_quote_literal(psprintf("%s.undone", s->schema))));
}

static void
look_at_statements(Scratch *s, DestProbe *p)
{
	const char *insert = psprintf("INSERT INTO %s AS t (id, k, v) VALUES (1, 2, 'y') ON CONFLICT", s->table);

	p->temporary_tables = works(s, psprintf("CREATE TEMPORARY TABLE dtsmig_stage ON COMMIT DROP AS "
											"SELECT id, v FROM %s WITH NO DATA", s->table));
	p->deferrable = works(s, psprintf("CREATE TABLE %s.deferred (a integer UNIQUE DEFERRABLE INITIALLY DEFERRED)",
									  s->schema));
	p->sequences = works(s, psprintf("CREATE SEQUENCE %s.numbers; SELECT pg_catalog.setval(%s, 5)",
									 s->schema, pg_quote_literal(psprintf("%s.numbers", s->schema))));
	p->on_conflict = works(s, psprintf("%s DO NOTHING", insert)) &&
		works(s, psprintf("%s (id) DO UPDATE SET k = excluded.k, v = excluded.v", insert));
	p->on_conflict_key = p->on_conflict &&
		works(s, psprintf("%s (id) DO UPDATE SET id = excluded.id", insert));
}

static void
look_at_empty_strings(Scratch *s, DestProbe *p)
{
	pg_run(s->conn, "BEGIN");
	pg_runf(s->conn, "DELETE FROM %s; INSERT INTO %s (id, k, v) VALUES (1, 1, '')", s->table, s->table);
	p->empty_literal = is_null(s, 1);
	p->empty_parameter = can(s, execute_row, "") && is_null(s, 2);
	if (!pg_is_failed(s->conn))
		p->empty_copy = can(s, copy_row, "3\t3\t\n") && is_null(s, 3);
	pg_run(s->conn, "ROLLBACK");
}

/* What is left of others that died. */
static void
drop_left(Scratch *s)
{
	PgResult   *r;

	r = pg_select(s->conn, "scratch schemas", "t",
				  "SELECT n.nspname FROM pg_catalog.pg_namespace n "
				  "JOIN pg_catalog.pg_roles u ON u.oid = n.nspowner AND u.rolname = current_user "
				  "WHERE pg_catalog.starts_with(n.nspname, '" PREFIX "') AND "
				  "pg_catalog.date_part('epoch', pg_catalog.now()) - " LEFT_SECONDS " > "
				  "CAST(pg_catalog.substring(pg_catalog.obj_description(n.oid, 'pg_namespace'), "
				  "'^" COMMENT "([0-9]{1,12})$') AS pg_catalog.float8)");
	for (int i = 0; i < r->nrows; i++)
		(void) runs(s, psprintf("DROP SCHEMA %s CASCADE", pg_quote_name(pg_text(r, i, 0))));
}

/* NULL, or why not */
static char *
make_scratch(Scratch *s)
{
	uint64		number;
	ErrorData  *edata;

	if (pg_select_bool(s->conn, "state of the server",
					   "SELECT pg_catalog.pg_is_in_recovery()"))
		return pstrdup("it is a standby");
	drop_left(s);
	if (!pg_strong_random(&number, sizeof(number)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	s->schema = pg_quote_name(psprintf(PREFIX "%016llx", (unsigned long long) number));
	s->table = psprintf("%s.scratch", s->schema);
	if (!pg_try_run(s->conn, psprintf("CREATE SCHEMA %s", s->schema), &edata) && is_answer(edata))
	{
		s->schema = NULL;
		return edata->message;
	}
	pg_runf(s->conn, "COMMENT ON SCHEMA %s IS %s", s->schema,
			pg_quote_literal(psprintf(COMMENT INT64_FORMAT,
									  pg_bigint(pg_select(s->conn, "time", "i",
														  "SELECT CAST(pg_catalog.date_part('epoch', pg_catalog.now()) AS pg_catalog.int8)"),
												0, 0))));
	if (!pg_try_run(s->conn, psprintf("CREATE TABLE %s (id integer PRIMARY KEY, k integer, v text)", s->table),
					&edata) && is_answer(edata))
		return edata->message;
	return NULL;
}

static void
drop_scratch(Scratch *s)
{
	PgConn	   *conn = s->conn;
	ErrorData  *edata;

	/* after an error something may be under way on it */
	if (s->schema != NULL && !pg_is_idle(conn))
	{
		pg_close(conn);
		conn = session_open();
	}
	(void) pg_set_patience(conn, DROP_PATIENCE_MS);
	(void) pg_try_run(conn, "ROLLBACK", &edata);
	if (s->schema != NULL)
		(void) pg_try_run(conn, psprintf("DROP SCHEMA %s CASCADE", s->schema), &edata);
	pg_close(conn);
}

typedef struct Look
{
	Scratch		scratch;
	DestProbe  *found;
} Look;

/* attempt */
static void
look(void *arg)
{
	Look	   *l = arg;

	l->found->missing = make_scratch(&l->scratch);
	if (l->found->missing != NULL)
	{
		l->found->empty_literal = l->found->empty_parameter = l->found->empty_copy =
			pg_select_bool(l->scratch.conn, "an empty string", "SELECT '' IS NULL");
		return;
	}
	look_at_transactions(&l->scratch, l->found);
	look_at_statements(&l->scratch, l->found);
	look_at_empty_strings(&l->scratch, l->found);
}

/* attempt */
static void
clean(void *arg)
{
	drop_scratch(&((Look *) arg)->scratch);
}

/* See DestRoutine. */
void
probe_destination(DestProbe *p)
{
	Look		l = {0};
	ErrorData  *edata;
	ErrorData  *left;

	memset(p, 0, sizeof(*p));
	l.found = p;
	l.scratch.conn = session_open();
	edata = attempt(look, &l);
	/* what cannot be dropped now is so by a later precheck */
	left = attempt(clean, &l);
	if (edata == NULL)
		edata = left;
	if (edata != NULL)
		ReThrowError(edata);
}
