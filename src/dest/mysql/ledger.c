/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  What a destination of the MySQL family knows of a task: the table
 *	  dtsmig_ledger at the destination, written in the transactions of the rows.
 *
 *	  position	of the source's log, up to which changes are applied
 *	  job:17	a range of rows that is loaded
 *	  object:5	a statement of the schema that has been run
 *
 * As dest/pgsql has it, but for statements that change definitions, which commit
 * by themselves:
 *
 *	  claim --> "begun", COMMIT --> the statement --> done, with what follows
 *	                                   |fails
 *	                                   +--> not claimed, COMMIT
 *
 * Whoever finds one that was begun, and does not know what became of it, runs
 * it again: an error that says that its object exists (or is gone) means that
 * it was done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/ledger_position.h"
#include "dest/mysql/mysql.h"
#include "dest/twin.h"
#include "utils/memutils.h"

#define LEDGER_DATABASE "dtsmig_ledger"
#define BEGUN "begun"

static MemoryContext ledger_cxt = NULL;
static char *table = NULL;		/* quoted database.table; NULL: none is kept */
static char *task = NULL;		/* a literal */
static LedgerPosition at;
static char *claimed = NULL;	/* key that was claimed last in it, a literal */
static bool claimed_begun = false;	/* … and begun by somebody before */

void
my_ledger_close(void)
{
	if (ledger_cxt != NULL)
		MemoryContextDelete(ledger_cxt);
	ledger_cxt = NULL;
	table = task = claimed = NULL;
	claimed_begun = false;
	memset(&at, 0, sizeof(at));
}

/*
 * NULL: there is no row. now: as it is, whatever the transaction has seen before,
 * and whoever is about to change it.
 */
static char *
read_value(MyConn *conn, const char *key, bool now)
{
	MyResult   *r = my_query(conn, psprintf("SELECT value FROM %s WHERE task = %s AND `key` = %s%s",
											table, task, my_quote_literal(key),
											now ? " FOR UPDATE" : ""), 1);

	return my_nrows(r) > 0 ? my_get_text(r, 0, 0) : NULL;
}

/*
 * The option names a database; its default gives way to the one that the
 * server's options name.
 */
static const char *
ledger_database(const DestPlace *place)
{
	if (place->info->dbname != NULL && place->info->dbname[0] != '\0' &&
		strcmp(place->ledger_schema, LEDGER_DATABASE) == 0)
		return place->info->dbname;
	return place->ledger_schema;
}

static void
make_table(MyConn *conn, const char *database)
{
	if (my_query_int64(conn, psprintf("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s",
									  my_quote_literal(database))) == 0)
		my_query(conn, psprintf("CREATE DATABASE IF NOT EXISTS %s", my_quote_identifier(database)), 0);
	my_query(conn, psprintf("CREATE TABLE IF NOT EXISTS %s ("
							"task VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
							"`key` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
							"value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
							"PRIMARY KEY (task, `key`)) ENGINE=InnoDB "
							"COMMENT='What dtsmig has done in this database, by task: written with the rows; not to be changed by hand'",
							table), 0);
}

/* It keeps what was committed with the rows, and nothing else. */
static bool
exists_database(MyConn *conn, const char *database)
{
	MyResult   *r = my_query(conn, psprintf("SELECT table_type = 'BASE TABLE' AND engine = 'InnoDB' "
											"FROM information_schema.tables "
											"WHERE table_schema = %s AND table_name = '" LEDGER_TABLE "'",
											my_quote_literal(database)), 1);
	char	   *good;

	if (my_nrows(r) == 0)
		return false;
	good = my_get_text_or_null(r, 0, 0);
	if (good == NULL || strcmp(good, "1") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s at server \"%s\" is no table of InnoDB", table, mysql_server()),
				 errhint("Name another database by the task's option ledger_schema.")));
	return true;
}

/* Between two transactions at the destination. */
void
my_ledger_open(MyConn *conn, const DestPlace *place)
{
	MemoryContext old;
	const char *database;
	char	   *position;

	my_ledger_close();
	if (place->task == NULL)
		return;
	ledger_cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig ledger",
									   ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(ledger_cxt);
	database = ledger_database(place);
	table = psprintf("%s." LEDGER_TABLE, my_quote_identifier(database));
	task = my_quote_literal(place->task);
	if (!exists_database(conn, database))
	{
		if (!place->keeps_ledger)
		{
			table = NULL;
			MemoryContextSwitchTo(old);
			return;
		}
		make_table(conn, database);
		(void) exists_database(conn, database);
	}
	/* a COMMIT whose reply was lost may still be under way */
	position = read_value(conn, LEDGER_POSITION_KEY, place->keeps_ledger);
	at.committed = position ? pstrdup(position) : NULL;
	MemoryContextSwitchTo(old);
}

static void
forget_claim(void)
{
	if (claimed != NULL)
		pfree(claimed);
	claimed = NULL;
	claimed_begun = false;
}

void
my_ledger_committed(bool done)
{
	forget_claim();
	ledger_position_settle(&at, done);
}

char *
my_ledger_claim(const char *key)
{
	MyConn	   *conn = mysql_use();
	char	   *literal = my_quote_literal(key);
	char	   *sql = psprintf("INSERT INTO %s (task, `key`, value) VALUES (%s, %s, '')",
							   table, task, literal);
	char	   *message;
	int			err;
	char	   *value = NULL;

	forget_claim();
	if (!my_try_query(conn, sql, 0, NULL, &message, &err))
	{
		if (err != 1062)
			my_raise_error(conn, "claiming work in the ledger");
		value = read_value(conn, key, true);
		/* it was taken back since, or it was begun */
		if (value == NULL)
			mysql_run(conn, sql);
		else if (strcmp(value, BEGUN) != 0)
			return value;
	}
	claimed = MemoryContextStrdup(ledger_cxt, literal);
	claimed_begun = value != NULL;
	return NULL;
}

char *
my_ledger_recorded(const char *key)
{
	char	   *value = read_value(mysql_use(), key, false);

	return value != NULL && strcmp(value, BEGUN) == 0 ? NULL : value;
}

bool
my_ledger_begun(const char *key)
{
	return table != NULL &&
		my_nrows(my_query(mysql_use(), psprintf("SELECT 1 FROM %s WHERE task = %s AND LEFT(`key`, %d) = %s LIMIT 1",
												table, task, (int) strlen(key), my_quote_literal(key)), 1)) > 0;
}

void
my_ledger_unclaim(const char *key)
{
	mysql_runf(mysql_use(), "DELETE FROM %s WHERE task = %s AND `key` = %s", table,
			   task, my_quote_literal(key));
}

static void
set_value(MyConn *conn, const char *literal, const char *value)
{
	mysql_runf(conn, "UPDATE %s SET value = %s WHERE task = %s AND `key` = %s",
			   table, my_quote_literal(value), task, literal);
}

void
my_ledger_record(const char *key, const char *value)
{
	set_value(mysql_use(), my_quote_literal(key), value);
}

bool
my_ledger_begin(MyConn *conn)
{
	bool		known = !claimed_begun;

	if (claimed != NULL)
		set_value(conn, claimed, BEGUN);
	mysql_run(conn, "COMMIT");
	twin_has_committed();
	return known;
}

void
my_ledger_end(MyConn *conn, bool done)
{
	if (claimed == NULL)
		return;
	if (done)
		set_value(conn, claimed, "");
	else
		mysql_runf(conn, "DELETE FROM %s WHERE task = %s AND `key` = %s", table, task,
				   claimed);
	forget_claim();
}

char *
my_ledger_position(void)
{
	return at.committed;
}

void
my_ledger_set_position(const char *position)
{
	const char *from = ledger_position_now(&at);
	MemoryContext old;
	MyConn	   *conn;
	bool		set;

	/* an idle source's */
	if (from != NULL && strcmp(from, position) == 0 && !twin_is_open())
		return;
	old = MemoryContextSwitchTo(CurTransactionContext);
	conn = mysql_use();
	if (from == NULL)
	{
		char	   *stored = read_value(conn, LEDGER_POSITION_KEY, true);

		set = stored == NULL &&
			mysql_runf(conn, "INSERT INTO %s (task, `key`, value) VALUES (%s, '" LEDGER_POSITION_KEY "', %s)",
					   table, task, my_quote_literal(position)) == 1;
	}
	else
		set = mysql_runf(conn, "UPDATE %s SET value = %s WHERE task = %s AND `key` = '" LEDGER_POSITION_KEY "' AND value = %s",
						 table, my_quote_literal(position), task, my_quote_literal(from)) == 1;
	if (!set)
		ledger_position_refuse(mysql_server(), from);
	ledger_position_move(&at, ledger_cxt, position);
	MemoryContextSwitchTo(old);
}

void
my_ledger_forget_task(void)
{
	if (table != NULL)
		mysql_runf(mysql_use(), "DELETE FROM %s WHERE task = %s", table, task);
}
