/*-------------------------------------------------------------------------
 *
 * my_rows.c
 *	  Reading tables of a MySQL-family source: row streams.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "client/my_conn.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_snapshot.h"
#include "source/mysql/my_values.h"

struct SourceRows
{
	MyConn	   *conn;
	SourceRelation *rel;
	const uint8 *packet;		/* a row that was read ahead, or NULL */
	Size		len;
	uint64		nread;			/* packets of rows that have come */
	bool		done;			/* the last row has been read */
	bool		counted;		/* by the source, too */
	bool		sent;			/* nothing has been received yet … */
	char	   *sql;			/* … in answer to this */
};

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

void
my_prepare_relation(SourceConn *conn, SourceRelation *rel, TypePolicy *policy)
{
	my_values_prepare(rel, (MyConn *) conn, policy);
}

/*
 * All rows have come: are there as many as the SELECT has found? It counts
 * them where they are read, before any limit that a session, a server or a
 * proxy on the way puts on what is sent (SQL_CALC_FOUND_ROWS): that is what
 * count(*) of the same condition in the same snapshot gives, without reading
 * them a second time.
 */
static void
check_number(SourceRows *rows)
{
	int64		found = my_query_int64(rows->conn, "SELECT FOUND_ROWS()");

	if (found == (int64) rows->nread)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the source has found " INT64_FORMAT " rows of table \"%s\".\"%s\", but " UINT64_FORMAT " have arrived",
					found, rows->rel->schema, rows->rel->name, rows->nread),
			 errhint("Does a proxy on the way limit the rows of an answer, or rewrite queries? Connect to the server itself.")));
}

/* The next row's packet as it comes; false: there is none. */
static bool
receive_packet(SourceRows *rows, const uint8 **packet, Size *len)
{
	if (rows->done)
		return false;
	if (my_stream_next(rows->conn, packet, len))
	{
		rows->nread++;
		return true;
	}
	rows->done = true;
	if (rows->counted)
		check_number(rows);
	return false;
}

static void receive_rows(SourceRows *rows);

/* The next row's packet; false: there is none. */
static bool
next_packet(SourceRows *rows, const uint8 **packet, Size *len)
{
	if (rows->sent)
		receive_rows(rows);
	if (rows->packet != NULL)
	{
		*packet = rows->packet;
		*len = rows->len;
		rows->packet = NULL;
		return true;
	}
	return receive_packet(rows, packet, len);
}

/*
 * A transaction keeps what it has read from being altered, which stops all who
 * come after the one that wants to alter it, and so perhaps ourselves. MySQL
 * lets go when a savepoint is returned to, and keeps the snapshot; MariaDB does
 * so only where the session writes no log (SourceSnapshot.holds_tables). What
 * the transaction has written would go, too.
 */
#define LET_GO "ROLLBACK TO SAVEPOINT " MY_SNAPSHOT_SAVEPOINT

static bool
can_let_go(MyConn *conn)
{
	return my_in_transaction(conn) && !my_is_mariadb(conn) && !my_use(conn)->writing;
}

/* See check_number. */
static bool
is_counted(const SourceRange *range)
{
	return range == NULL || !range->part;
}

static int
count_replicated(const SourceRelation *rel)
{
	int			nreplicated = 0;

	for (int i = 0; i < rel->ncolumns; i++)
		nreplicated += rel->columns[i].replicated && OidIsValid(rel->columns[i].typid);
	return nreplicated;
}

char *
my_rows_query(SourceRelation *rel, const SourceRange *range, const char *select)
{
	StringInfoData sql;
	int			nreplicated = 0;

	initStringInfo(&sql);
	/* before who waits to write: for the end of our own lock, perhaps */
	appendStringInfo(&sql, "SELECT %s%s/*!40001 SQL_NO_CACHE */ ",
					 my_lacks_rows(rel) ? "HIGH_PRIORITY " : "",
					 select == NULL && is_counted(range) ? "SQL_CALC_FOUND_ROWS " : "");
	if (select != NULL)
		appendStringInfoString(&sql, select);
	for (int i = 0; select == NULL && i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated || !OidIsValid(rel->columns[i].typid))
			continue;
		if (nreplicated++ > 0)
			appendStringInfoString(&sql, ", ");
		appendStringInfoString(&sql, my_select_expression(rel, i));
	}
	appendStringInfo(&sql, " FROM %s.%s", my_quote_identifier(rel->schema),
					 my_quote_identifier(rel->name));
	if (rel->pushed != NULL && range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE (%s) AND %s", range->condition, rel->pushed);
	else if (rel->pushed != NULL)
		appendStringInfo(&sql, " WHERE %s", rel->pushed);
	else if (range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE %s", range->condition);
	return sql.data;
}

char *
my_rows_value(SourceConn *conn, SourceRelation *rel, const SourceRange *range,
			  const char *select)
{
	char	   *value = my_query_text_or_null((MyConn *) conn,
											  my_rows_query(rel, range, select));

	if (can_let_go((MyConn *) conn))
		(void) my_query((MyConn *) conn, LET_GO, 0);
	return value;
}

/* The answer to what was sent begins. */
static void
receive_rows(SourceRows *rows)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile int n = 0;

	rows->sent = false;
	PG_TRY();
	{
		n = my_stream_columns(rows->conn, rows->sql);
		/* with the first row comes what is wrong with the table */
		if (!receive_packet(rows, &rows->packet, &rows->len))
			rows->packet = NULL;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		rows->done = true;
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_CONNECTION_EXCEPTION &&
			can_let_go(rows->conn))
			(void) my_try_query(rows->conn, LET_GO, 0, NULL, NULL, NULL);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (n != count_replicated(rows->rel))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("source sends %d columns of table \"%s\".\"%s\", %d were asked for",
						n, rows->rel->schema, rows->rel->name, count_replicated(rows->rel))));
}

static SourceRows *
open_select(SourceConn *conn, SourceRelation *rel, const char *sql, bool counted, bool sent)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));

	if (count_replicated(rel) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("no column of table \"%s\".\"%s\" goes to the destination",
						rel->schema, rel->name)));
	rows->conn = (MyConn *) conn;
	rows->rel = rel;
	rows->counted = counted;
	rows->sql = pstrdup(sql);
	my_send_query(rows->conn, sql);
	rows->sent = true;
	if (!sent)
		receive_rows(rows);
	return rows;
}

SourceRows *
my_open_rows(SourceConn *conn, SourceRelation *rel, const SourceRange *range)
{
	char	   *sql = my_rows_query(rel, range, NULL);
	SourceRows *rows = open_select(conn, rel, sql, is_counted(range),
								   range != NULL && range->sent);

	pfree(sql);
	return rows;
}

SourceRows *
my_open_join(SourceConn *conn, SourceRelation *rel, List *tables, const char *sql)
{
	return open_select(conn, rel, sql, false, false);
}

int
my_rows_socket(SourceConn *conn)
{
	return my_use((MyConn *) conn)->fd;
}

bool
my_next_row(SourceRows *rows, Row *row)
{
	const uint8 *packet;
	Size		len;

	if (!next_packet(rows, &packet, &len))
		return false;
	my_row_from_text(rows->rel, packet, len, row);
	return true;
}

bool
my_next_copy(SourceRows *rows, StringInfo buf)
{
	const uint8 *packet;
	Size		len;

	if (!next_packet(rows, &packet, &len))
		return false;
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

	while (next_packet(rows, &packet, &len))
		CHECK_FOR_INTERRUPTS();
	if (can_let_go(rows->conn))
		(void) my_query(rows->conn, LET_GO, 0);
	pfree(rows->sql);
	pfree(rows);
}

void
my_interrupt(SourceConn *conn, const ConnectionInfo *info)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig interrupt",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	MyConn	   *other = my_connect(info);
	char	   *message;
	int			my_errno;

	/* the statement may have come to its end meanwhile */
	(void) my_try_query(other, psprintf("KILL QUERY " UINT64_FORMAT,
										 my_session_id((MyConn *) conn)),
						0, NULL, &message, &my_errno);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
