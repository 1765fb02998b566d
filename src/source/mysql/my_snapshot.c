/*-------------------------------------------------------------------------
 *
 * my_snapshot.c
 *	  Where the log of a MySQL-family source stands, and snapshots of its
 *	  tables.
 *
 * MariaDB says with a consistent snapshot which position of the binlog it
 * stands for, without a lock: START TRANSACTION WITH CONSISTENT SNAPSHOT and
 * the session's status variables binlog_snapshot_file and _position.
 *
 * It does so for all but XA transactions, which that position may have and the
 * snapshot lack (my_xa.c): of a snapshot that is opened while one commits, a
 * place before is known that it has all of, and it is taken again for a table
 * without a key, for which that does not do.
 *
 * MySQL does not. What is known on MySQL:
 *
 * - A transaction is written to the log, then becomes visible, then its GTID
 *	 enters gtid_executed. So a snapshot has all of a gtid_executed that was
 *	 read before it; and all that it has lies before a place of the log that
 *	 was read after it. Between the two, the snapshot may or may not have a
 *	 change, and it is applied so that twice does no harm.
 * - Without GTIDs, the place of the log says nothing of what is visible. But
 *	 a new file of the log begins only when all transactions of the one before
 *	 are: its beginning is a place like gtid_executed.
 * - A table of an engine without transactions is in no snapshot: it is locked
 *	 while its rows are read.
 * - No transaction that has changed a table is between log and visibility
 *	 while a session holds LOCK TABLES ... READ on it. A table without a key,
 *	 for which twice does harm, is locked for that moment. MySQL 5.6 waits for
 *	 such transactions only with autocommit = 0, when InnoDB locks, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "client/my_conn.h"
#include "client/my_error.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_snapshot.h"
#include "source/mysql/my_xa.h"

/* Seconds that the source waits for us while the destination is slow. */
#define WRITE_TIMEOUT 3600
#define IDLE_TIMEOUT 86400

/*
 * A lock that has to wait makes all later writers of the table wait, too: so
 * many seconds at most, and so many times.
 */
#define LOCK_SECONDS 3
#define LOCK_TRIES 20

/* So long an exact snapshot is tried for, where one that is not does. */
#define EXACT_MS 300
#define EXACT_PAUSE_US 5000

/* Error numbers of the source. */
#define MY_ER_ACCESS_DENIED 1227
#define MY_ER_LOCK_TIMEOUT 1205
#define MY_ER_NO_LOG 1381

/* ------------------------------------------------------------------------
 * Positions
 * ------------------------------------------------------------------------
 */

/*
 * Position text of MariaDB, with the GTID state at that place of the log.
 */
static char *
mariadb_position(MyConn *conn, const char *file, const char *offset)
{
	char	   *gtid;

	if (strspn(offset, "0123456789") != strlen(offset) || *offset == '\0')
		my_refuse("offset of the log", offset);
	gtid = my_query_text_or_null(conn, psprintf("SELECT BINLOG_GTID_POS(%s, %s)",
										 my_quote_literal(file), offset));
	return my_format_position(file, strtoull(offset, NULL, 10), gtid);
}

/* A question that takes longer is a sign of a dead line. */
#define ANSWER_LIMIT_MS 30000

/*
 * Asks for something of the log; NULL if the server keeps none, or the
 * account may not know (the precheck says which privilege that takes).
 */
static MyResult *
ask_log(MyConn *conn, const char *sql, int ncolumns)
{
	MyResult   *res;
	char	   *message;
	int			number;
	long		patience = my_set_patience(ANSWER_LIMIT_MS);
	volatile bool ok = false;

	PG_TRY();
	{
		ok = my_try_query(conn, sql, ncolumns, &res, &message, &number);
	}
	PG_FINALLY();
	{
		my_set_patience(patience);
	}
	PG_END_TRY();
	if (ok)
		return res;
	if (number == MY_ER_ACCESS_DENIED || number == MY_ER_NO_LOG)
		return NULL;
	return my_query(conn, sql, ncolumns);	/* raises it */
}

/* Does the server give every transaction a GTID? */
static bool
has_gtids(MyConn *conn)
{
	MyResult   *res = my_query(conn, "SHOW GLOBAL VARIABLES LIKE 'gtid\\_mode'", 2);

	return my_nrows(res) > 0 && pg_strcasecmp(my_get_text(res, 0, 1), "ON") == 0;
}

char *
my_current_position(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;
	MyResult   *res;
	char	   *file;
	char	   *offset;
	char	   *set = NULL;

	res = ask_log(conn, my_log_status_query(conn), 2);
	if (res == NULL || my_nrows(res) == 0)
		return NULL;
	file = my_value(res, 0, "File");
	offset = my_value_number(res, 0, "Position");
	if (my_is_mariadb(conn))
		return mariadb_position(conn, file, offset);
	if (has_gtids(conn))
		set = my_value_or_null(res, 0, "Executed_Gtid_Set");
	if (set != NULL && set[0] != '\0')
	{
		MyPosition	pos;

		/* the server breaks it into lines */
		memset(&pos, 0, sizeof(pos));
		if (!my_position_set_gtids(&pos, set))
			my_refuse("set of GTIDs", set);
		set = my_position_gtids(&pos);
	}
	return my_format_position(file, strtoull(offset, NULL, 10), set);
}

char *
my_start_position(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;
	char	   *position = my_current_position(source);
	char	   *message;
	int			my_errno;
	MyPosition	pos;

	if (position == NULL)
		return NULL;
	if (my_is_mariadb(conn))
	{
		/* what was prepared before ends before the snapshots are opened */
		my_xa_wait(conn);
		return position;
	}
	my_position_read(position, &pos);
	if (my_position_has_gtids(&pos))
		return position;

	/* without the right to do it (RELOAD), the precheck has warned */
	if (!my_try_query(conn, "FLUSH LOCAL BINARY LOGS", 0, NULL, &message, &my_errno))
		return position;
	position = my_current_position(source);
	if (position == NULL)
		return NULL;
	/* a new file does not wait for XA transactions */
	my_xa_wait(conn);
	my_position_read(position, &pos);
	return my_format_position(pos.file, 4, NULL);
}

int64
my_log_distance(SourceConn *source, const char *position, char **log_end)
{
	MyConn	   *conn = (MyConn *) source;
	const char *semi = strchr(position, ';');
	const char *end = semi ? semi : position + strlen(position);
	const char *colon = end;
	char	   *file;
	int64		distance = 0;
	bool		found = false;
	MyResult   *res;
	int			i;

	while (colon > position && *colon != ':')
		colon--;
	if (log_end != NULL)
		*log_end = NULL;
	if (colon == position)
		return -1;
	file = pnstrdup(position, colon - position);
	distance = -strtoll(colon + 1, NULL, 10);

	res = ask_log(conn, "SHOW BINARY LOGS", 2);
	if (res == NULL || my_nrows(res) == 0)
		return -1;
	if (log_end != NULL)
		*log_end = psprintf("%s:" INT64_FORMAT, my_get_text(res, my_nrows(res) - 1, 0),
							my_get_int64(res, my_nrows(res) - 1, 1));
	for (i = 0; i < my_nrows(res); i++)
	{
		if (!found && strcmp(my_get_text(res, i, 0), file) == 0)
			found = true;
		if (found)
			distance += my_get_int64(res, i, 1);
	}
	return found ? Max(distance, 0) : -1;
}

/* ------------------------------------------------------------------------
 * Snapshot
 * ------------------------------------------------------------------------
 */

static void
start_snapshot(MyConn *conn)
{
	(void) my_query(conn, psprintf("SET SESSION net_write_timeout = %d, wait_timeout = %d%s",
								   WRITE_TIMEOUT, IDLE_TIMEOUT,
								   my_is_mariadb(conn) ? ", max_statement_time = 0" : ""), 0);
	(void) my_query(conn, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", 0);
	(void) my_query(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", 0);
	if (!my_is_mariadb(conn))
		(void) my_query(conn, "SAVEPOINT " MY_SNAPSHOT_SAVEPOINT, 0);
}

void
my_begin_read(SourceConn *source)
{
	start_snapshot((MyConn *) source);
}

void
my_end_read(SourceConn *source)
{
	(void) my_query((MyConn *) source, "ROLLBACK", 0);
}

/* Where MariaDB's snapshot stands; NULL: the server keeps no log. */
static char *
snapshot_position(MyConn *conn)
{
	MyResult   *res = my_query(conn, "SHOW STATUS LIKE 'binlog\\_snapshot\\_%'", 2);
	char	   *file = NULL;
	char	   *offset = NULL;
	int			i;

	for (i = 0; i < my_nrows(res); i++)
	{
		if (pg_strcasecmp(my_get_text(res, i, 0), "binlog_snapshot_file") == 0)
			file = my_get_text(res, i, 1);
		else if (pg_strcasecmp(my_get_text(res, i, 0),
							   "binlog_snapshot_position") == 0)
			offset = my_get_text(res, i, 1);
	}
	if (file == NULL || *file == '\0' || offset == NULL)
		return NULL;
	return mariadb_position(conn, file, offset);
}

/*
 * MariaDB: exact if no XA transaction was being committed. Else it has all
 * before an earlier place: those that were prepared then have ended, or it is
 * so old that none of them is in the log before it.
 */
static void
open_mariadb_snapshot(MyConn *conn, SourceSnapshot *snapshot)
{
	TimestampTz began = GetCurrentTimestamp();
	char	   *first = NULL;
	TimestampTz first_taken = 0;
	List	   *doubt = NIL;	/* names, of first */

	snapshot->holds_tables = true;
	for (;;)
	{
		int64		commits = my_xa_commits(conn);
		List	   *now = my_xa_in_doubt(conn);

		start_snapshot(conn);
		snapshot->high = snapshot_position(conn);
		snapshot->exact = snapshot->high == NULL ||
			(now == NIL && my_xa_commits(conn) == commits);
		if (snapshot->exact)
		{
			snapshot->low = snapshot->high;
			return;
		}
		doubt = my_xa_still(doubt, now);
		if (first != NULL && (my_xa_is_old(first_taken) || (doubt == NIL &&
			TimestampDifferenceExceeds(began, GetCurrentTimestamp(), EXACT_MS))))
		{
			snapshot->low = first;
			return;
		}
		if (first == NULL)
		{
			first = snapshot->high;
			first_taken = GetCurrentTimestamp();
			doubt = my_xa_in_doubt(conn);
		}
		CHECK_FOR_INTERRUPTS();
		pg_usleep(EXACT_PAUSE_US);
	}
}

void
my_open_snapshot(SourceConn *source, const char *shared,
				 SourceSnapshot *snapshot)
{
	MyConn	   *conn = (MyConn *) source;

	memset(snapshot, 0, sizeof(*snapshot));
	if (my_is_mariadb(conn))
	{
		open_mariadb_snapshot(conn, snapshot);
		return;
	}
	start_snapshot(conn);
	/* what lies before the start of the changes is in it: no lower bound */
	snapshot->high = my_current_position(source);
}

/*
 * LOCK TABLES, with many short waits rather than a long one. why: a sentence
 * that says what it is for.
 */
static void
lock_tables(MyConn *conn, List *rels, const char *why)
{
	const SourceRelation *rel = linitial(rels);
	StringInfoData sql;
	char	   *message;
	int			my_errno;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, rels)
	{
		const SourceRelation *r = lfirst(lc);

		appendStringInfo(&sql, "%s%s.%s READ", sql.len == 0 ? "LOCK TABLES " : ", ",
						 my_quote_identifier(r->schema), my_quote_identifier(r->name));
	}

	(void) my_query(conn, psprintf("SET SESSION autocommit = 0, lock_wait_timeout = %d, "
								   "innodb_lock_wait_timeout = %d",
								   LOCK_SECONDS, LOCK_SECONDS), 0);
	for (int i = 0; i < LOCK_TRIES; i++)
	{
		if (my_try_query(conn, sql.data, 0, NULL, &message, &my_errno))
			return;
		/* a connection that is lost is made again */
		if (my_errno != MY_ER_LOCK_TIMEOUT)
			ereport(ERROR,
					(errcode(my_sqlerrcode(my_errno, NULL)),
					 errmsg("could not lock table \"%s\".\"%s\" at the source: %s",
							rel->schema, rel->name, message),
					 errdetail("%s", why),
					 my_sqlerrcode(my_errno, NULL) != ERRCODE_INSUFFICIENT_PRIVILEGE ? 0 :
					 errhint("GRANT LOCK TABLES to the account, or give the table a primary key and an engine with transactions.")));
		CHECK_FOR_INTERRUPTS();
	}
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not lock table \"%s\".\"%s\" at the source within %d seconds",
					rel->schema, rel->name, LOCK_SECONDS * LOCK_TRIES),
			 errdetail("%s", why),
			 errhint("Long transactions on the table keep it from being locked for a moment.")));
}

/* MariaDB: at a moment when no XA transaction commits. */
static void
open_exact_snapshot(SourceConn *source, const SourceRelation *rel,
					SourceSnapshot *snapshot)
{
	TimestampTz began = GetCurrentTimestamp();

	for (;;)
	{
		my_open_snapshot(source, NULL, snapshot);
		if (snapshot->exact)
			return;
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(),
									   LOCK_SECONDS * LOCK_TRIES * 1000))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("no snapshot of table \"%s\".\"%s\" could be had at an exact position of the log within %d seconds",
							rel->schema, rel->name, LOCK_SECONDS * LOCK_TRIES),
					 errdetail("It has no key, so that its copy has to stand at one. XA transactions, which MariaDB's snapshots do not have at the position that it gives with them, were being committed each time."),
					 errhint("Hold up XA transactions at the source for a moment (XA RECOVER lists those that are prepared), or give the table a primary key; then resume the task.")));
	}
}

void
my_open_table_snapshot(SourceConn *source, const ConnectionInfo *info,
					   const SourceRelation *rel, SourceSnapshot *snapshot)
{
	MemoryContext cxt;
	MemoryContext old;
	MyConn	   *lock;
	char	   *position;

	if (my_is_mariadb((MyConn *) source))
	{
		open_exact_snapshot(source, rel, snapshot);
		return;
	}
	memset(snapshot, 0, sizeof(*snapshot));
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig table lock",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	lock = my_connect(info);
	lock_tables(lock, list_make1(unconstify(SourceRelation *, rel)),
				"It has no key, so that its copy has to stand at an exact position of the log, for which MySQL has no way without a lock.");
	start_snapshot((MyConn *) source);
	position = my_current_position((SourceConn *) lock);
	MemoryContextSwitchTo(old);
	if (position != NULL)
		snapshot->low = snapshot->high = pstrdup(position);
	snapshot->exact = true;
	/* closes the connection, and so ends the lock */
	MemoryContextDelete(cxt);
}

bool
my_is_transactional(const TableDef *def)
{
	static const char *const engines[] = {"InnoDB", "ROCKSDB", "TokuDB",
	"ndbcluster"};

	for (int i = 0; def->engine != NULL && i < lengthof(engines); i++)
	{
		if (pg_strcasecmp(def->engine, engines[i]) == 0)
			return true;
	}
	return def->engine == NULL;
}

bool
my_lacks_rows(const SourceRelation *rel)
{
	return rel->def != NULL && !my_is_transactional(rel->def);
}

/*
 * Whoever has written to such a table has logged it before his lock of the
 * table ends; and a SELECT that began under ours goes on under its own.
 */
SourceConn *
my_hold_tables(const ConnectionInfo *info, List *rels, char **position)
{
	List	   *held = NIL;
	MyConn	   *conn;
	ListCell   *lc;

	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);

		if (my_lacks_rows(rel))
			held = lappend(held, rel);
	}
	if (held == NIL)
		return NULL;
	conn = my_connect(info);
	lock_tables(conn, held,
				"Its engine has no transactions: no snapshot has its rows, so that nobody may write to it while they are read.");
	*position = my_current_position((SourceConn *) conn);
	return (SourceConn *) conn;
}

/* ------------------------------------------------------------------------
 * Another server
 * ------------------------------------------------------------------------
 */

/* What of a MariaDB position the server lacks; NULL: nothing. */
static char *
mariadb_lacks(MyConn *conn, const MyPosition *pos)
{
	MyPosition	dest_pos;
	char	   *text = my_query_text(conn, "SELECT @@global.gtid_binlog_pos");

	memset(&dest_pos, 0, sizeof(dest_pos));
	if (!my_position_set_gtids(&dest_pos, text))
		my_refuse("GTID position", text);
	for (int i = 0; i < pos->ngtids; i++)
	{
		const MyGtid *g = &pos->gtids[i];
		int			j;

		for (j = 0; j < dest_pos.ngtids; j++)
			if (dest_pos.gtids[j].domain == g->domain)
				break;
		if (j == dest_pos.ngtids || dest_pos.gtids[j].seq < g->seq ||
			(dest_pos.gtids[j].seq == g->seq &&
			 dest_pos.gtids[j].server_id != g->server_id))
			return psprintf("%u-%u-" UINT64_FORMAT, g->domain, g->server_id,
							g->seq);
	}
	return NULL;
}

static char *
mysql_lacks(MyConn *conn, const MyPosition *pos)
{
	char	   *lacks = my_query_text(conn,
									  psprintf("SELECT GTID_SUBTRACT(%s, @@global.gtid_executed)",
											   my_quote_literal(my_position_gtids(pos))));

	return lacks[0] != '\0' ? lacks : NULL;
}

char *
my_rebase_position(SourceConn *source, const char *position)
{
	MyConn	   *conn = (MyConn *) source;
	bool		mariadb = my_is_mariadb(conn);
	MyPosition	pos;
	char	   *lacks;

	my_position_read(position, &pos);
	if (mariadb ? pos.ngtids == 0 : pos.set.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source is another server now, and position \"%s\" has no GTID by which to continue",
						position),
				 errhint("Point the foreign server at the old source; or: " SOURCE_NEW_TASK_HINT)));
	if (pos.nprepared > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source is another server now, and XA transaction %s was prepared at the old one and has not ended",
						pos.prepared[0].xid),
				 errhint("Point the foreign server at the old source; or: " SOURCE_NEW_TASK_HINT)));
	if (!mariadb && !has_gtids(conn))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source is another server now, and has gtid_mode off"),
				 errhint("Set gtid_mode = ON at the source.")));
	lacks = mariadb ? mariadb_lacks(conn, &pos) : mysql_lacks(conn, &pos);
	if (lacks != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the source is another server now, and lacks transactions that are applied at the destination: %s",
						lacks),
				 errhint("If it is a replica that has not caught up, the task goes on when it has. If it never had them, point the foreign server at the old source; or: " SOURCE_NEW_TASK_HINT)));
	pos.file[0] = '\0';
	pos.offset = 0;
	return my_position_text(&pos);
}

bool
my_covers(const char *whole, const char *part)
{
	MyPosition	a;
	MyPosition	b;

	my_position_read(whole, &a);
	my_position_read(part, &b);
	return my_position_covers(&a, &b);
}

bool
my_has_place(const char *position)
{
	return position[0] != ';';
}

char *
my_by_gtid(const char *position)
{
	MyPosition	pos;

	my_position_read(position, &pos);
	if (!my_position_has_gtids(&pos))
		return NULL;
	pos.file[0] = '\0';
	pos.offset = 0;
	return my_position_text(&pos);
}
