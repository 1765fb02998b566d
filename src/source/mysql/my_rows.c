/*-------------------------------------------------------------------------
 *
 * my_rows.c
 *	  Reading tables of a MySQL-family source: snapshots and row streams.
 *
 * MariaDB says with a consistent snapshot which position of the binlog it
 * stands for, without a lock: START TRANSACTION WITH CONSISTENT SNAPSHOT and
 * the session's status variables binlog_snapshot_file and _position.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "compat.h"
#include "source/mysql/my_conn.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_values.h"

/* Seconds that the source waits for us while the destination is slow. */
#define WRITE_TIMEOUT 3600
#define IDLE_TIMEOUT 86400

/* Error numbers of the source. */
#define MY_ER_ACCESS_DENIED 1227
#define MY_ER_NO_LOG 1381

struct SourceRows
{
	MyConn	   *conn;
	SourceRelation *rel;
	bool		done;			/* the last row has been read */
};

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
		elog(ERROR, "unexpected binlog offset \"%s\"", offset);
	gtid = my_query_value(conn, psprintf("SELECT BINLOG_GTID_POS(%s, %s)",
										 my_quote_literal(file), offset));
	return my_format_position(file, strtoull(offset, NULL, 10), gtid);
}

/* A question that takes longer tells of a dead line. */
#define ANSWER_LIMIT_MS 30000

/*
 * Asks for something of the log; NULL if the server keeps none, or the
 * account may not know (the precheck says which privilege that takes).
 */
static MyResult *
ask_log(MyConn *conn, const char *sql)
{
	MyResult   *res;
	char	   *message;
	int			number;
	long		patience = my_set_patience(ANSWER_LIMIT_MS);
	volatile bool ok = false;

	PG_TRY();
	{
		ok = my_try_query(conn, sql, &res, &message, &number);
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
	return my_query(conn, sql);	/* raises it */
}

char *
my_current_position(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;
	MyResult   *res;
	char	   *file;
	char	   *offset;

	res = ask_log(conn, !my_is_mariadb(conn) && my_version_num(conn) >= 80400 ?
				  "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS");
	if (res == NULL || res->nrows == 0)
		return NULL;
	file = my_value(res, 0, "File");
	offset = my_value(res, 0, "Position");
	if (file == NULL || offset == NULL)
		return NULL;
	if (my_is_mariadb(conn))
		return mariadb_position(conn, file, offset);

	/* MySQL's GTID sets are no part of a position yet */
	return my_format_position(file, strtoull(offset, NULL, 10), NULL);
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

	res = ask_log(conn, "SHOW BINARY LOGS");
	if (res == NULL || res->nrows == 0)
		return -1;
	if (log_end != NULL && res->values[res->nrows - 1][1] != NULL)
		*log_end = psprintf("%s:%s", res->values[res->nrows - 1][0],
							res->values[res->nrows - 1][1]);
	for (i = 0; i < res->nrows; i++)
	{
		if (!found && strcmp(res->values[i][0], file) == 0)
			found = true;
		if (found && res->values[i][1] != NULL)
			distance += strtoll(res->values[i][1], NULL, 10);
	}
	return found ? Max(distance, 0) : -1;
}

/* ------------------------------------------------------------------------
 * Snapshot
 * ------------------------------------------------------------------------
 */

char *
my_open_snapshot(SourceConn *source)
{
	MyConn	   *conn = (MyConn *) source;
	MyResult   *res;
	char	   *file = NULL;
	char	   *offset = NULL;
	int			i;

	if (!my_is_mariadb(conn))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("consistent snapshots of MySQL %s are not supported",
						my_version_text(conn)),
				 errdetail("Only MariaDB says which position of its binary log a snapshot stands for.")));

	(void) my_query(conn, psprintf("SET SESSION net_write_timeout = %d, wait_timeout = %d, max_statement_time = 0",
								   WRITE_TIMEOUT, IDLE_TIMEOUT));
	(void) my_query(conn, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
	(void) my_query(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
	res = my_query(conn, "SHOW STATUS LIKE 'binlog\\_snapshot\\_%'");
	for (i = 0; i < res->nrows; i++)
	{
		if (pg_strcasecmp(res->values[i][0], "binlog_snapshot_file") == 0)
			file = res->values[i][1];
		else if (pg_strcasecmp(res->values[i][0],
							   "binlog_snapshot_position") == 0)
			offset = res->values[i][1];
	}
	if (file == NULL || *file == '\0' || offset == NULL)
		return NULL;
	return mariadb_position(conn, file, offset);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

void
my_prepare_relation(SourceConn *conn, SourceRelation *rel, TypePolicy *policy)
{
	my_values_prepare(rel, (MyConn *) conn, policy);
}

SourceRows *
my_open_rows(SourceConn *conn, SourceRelation *rel, const SourceRange *range)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));
	StringInfoData sql;
	int			ncarried = 0;
	int			n;
	int			i;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT /*!40001 SQL_NO_CACHE */ ");
	for (i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].carried || !OidIsValid(rel->columns[i].typid))
			continue;
		if (ncarried++ > 0)
			appendStringInfoString(&sql, ", ");
		appendStringInfoString(&sql, my_select_expression(rel, i));
	}
	if (ncarried == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("no column of table \"%s\".\"%s\" goes to the destination",
						rel->schema, rel->name)));
	appendStringInfo(&sql, " FROM %s.%s", my_quote_identifier(rel->schema),
					 my_quote_identifier(rel->name));
	if (range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE %s", range->condition);

	rows->conn = (MyConn *) conn;
	rows->rel = rel;
	n = my_stream_query(rows->conn, sql.data);
	if (n != ncarried)
		elog(ERROR, "source sends %d columns of table \"%s\".\"%s\", %d were asked for",
			 n, rel->schema, rel->name, ncarried);
	pfree(sql.data);
	return rows;
}

bool
my_next_row(SourceRows *rows, Row *row)
{
	const uint8 *packet;
	Size		len;

	if (rows->done || !my_stream_next(rows->conn, &packet, &len))
	{
		rows->done = true;
		return false;
	}
	my_row_from_text(rows->rel, packet, len, row);
	return true;
}

bool
my_next_copy(SourceRows *rows, StringInfo buf)
{
	const uint8 *packet;
	Size		len;

	if (rows->done || !my_stream_next(rows->conn, &packet, &len))
	{
		rows->done = true;
		return false;
	}
	my_row_to_copy(rows->rel, packet, len, buf);
	return true;
}

/*
 * Rows that were not read are read and thrown away: the protocol knows no
 * other way to get the connection back.
 */
void
my_close_rows(SourceRows *rows)
{
	const uint8 *packet;
	Size		len;

	while (!rows->done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!my_stream_next(rows->conn, &packet, &len))
			rows->done = true;
	}
	pfree(rows);
}
