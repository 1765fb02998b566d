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
#include "source/mysql/my_conn.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_values.h"

struct SourceRows
{
	MyConn	   *conn;
	SourceRelation *rel;
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
