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
	bool		done;			/* the last row has been read */
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

/* The next row's packet; false: there is none. */
static bool
next_packet(SourceRows *rows, const uint8 **packet, Size *len)
{
	if (rows->packet != NULL)
	{
		*packet = rows->packet;
		*len = rows->len;
		rows->packet = NULL;
		return true;
	}
	if (!rows->done && !my_stream_next(rows->conn, packet, len))
		rows->done = true;
	return !rows->done;
}

/*
 * A transaction keeps what it has read from being altered, which stops all who
 * come after the one that wants to alter it, and so perhaps ourselves. MySQL
 * lets go when a savepoint is returned to, and keeps the snapshot; MariaDB does
 * so only where the session writes no log (SourceSnapshot.holds_tables).
 */
#define LET_GO "ROLLBACK TO SAVEPOINT " MY_SNAPSHOT_SAVEPOINT

static bool
can_let_go(MyConn *conn)
{
	return my_in_transaction(conn) && !my_is_mariadb(conn);
}

SourceRows *
my_open_rows(SourceConn *conn, SourceRelation *rel, const SourceRange *range)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));
	StringInfoData sql;
	MemoryContext cxt = CurrentMemoryContext;
	int			ncarried = 0;
	volatile int n = 0;
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
	if (rel->pushed != NULL && range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE (%s) AND %s", range->condition, rel->pushed);
	else if (rel->pushed != NULL)
		appendStringInfo(&sql, " WHERE %s", rel->pushed);
	else if (range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE %s", range->condition);

	rows->conn = (MyConn *) conn;
	rows->rel = rel;
	PG_TRY();
	{
		n = my_stream_query(rows->conn, sql.data);
		/* with the first row comes what is wrong with the table */
		if (!my_stream_next(rows->conn, &rows->packet, &rows->len))
		{
			rows->packet = NULL;
			rows->done = true;
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_CONNECTION_EXCEPTION &&
			can_let_go(rows->conn))
			(void) my_try_query(rows->conn, LET_GO, 0, NULL, NULL, NULL);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (n != ncarried)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("source sends %d columns of table \"%s\".\"%s\", %d were asked for",
						n, rel->schema, rel->name, ncarried)));
	pfree(sql.data);
	return rows;
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
	pfree(rows);
}
