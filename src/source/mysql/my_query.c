/*-------------------------------------------------------------------------
 *
 * my_query.c
 *	  Statements and their answers, in the text protocol of the MySQL family.
 *
 * An answer is an OK packet, or a result set: a packet with the number of
 * columns, one per column with its definition, an EOF packet, one packet per
 * row, an EOF packet. An error packet may stand in the place of any of them.
 * (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html)
 * What the source sends is checked: an answer of another form breaks the
 * connection.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "source/mysql/my_conn.h"
#include "source/mysql/my_conn_impl.h"

#define COM_QUERY 3

/* Of all servers of the family */
#define MAX_COLUMNS 4096

/* Largest answer that is kept in memory: what describes a source is small. */
#define MAX_ANSWER_SIZE (INT64CONST(512) * 1024 * 1024)

/* A field is NULL; no length has this value */
#define NULL_FIELD PG_UINT64_MAX

/* Where we are in a packet */
typedef struct Cursor
{
	const uint8 *pos;
	const uint8 *end;
	MyConn	   *conn;
	const char *sql;			/* what is answered, for errors */
} Cursor;

static void
violation(MyConn *conn, const char *sql)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("unexpected answer of %s to \"%.200s\"", conn_where(conn), sql)));
}

static uint64
read_number(Cursor *c, int bytes)
{
	uint64		value = 0;

	if (c->end - c->pos < bytes)
		violation(c->conn, c->sql);
	for (int i = 0; i < bytes; i++)
		value |= (uint64) *c->pos++ << (8 * i);
	return value;
}

/* A length-encoded number, or NULL_FIELD. */
static uint64
read_length(Cursor *c)
{
	uint8		first = read_number(c, 1);

	switch (first)
	{
		case 0xFB:
			return NULL_FIELD;
		case 0xFC:
			return read_number(c, 2);
		case 0xFD:
			return read_number(c, 3);
		case 0xFE:
			return read_number(c, 8);
		case 0xFF:
			violation(c->conn, c->sql);
	}
	return first;
}

/* A length-encoded string; NULL for SQL NULL. */
static const char *
read_string(Cursor *c, Size *len)
{
	uint64		n = read_length(c);
	const char *string = (const char *) c->pos;

	*len = 0;
	if (n == NULL_FIELD)
		return NULL;
	if (n > (uint64) (c->end - c->pos))
		violation(c->conn, c->sql);
	c->pos += n;
	*len = n;
	return string;
}

static void
end_of_rows(MyConn *conn, const uint8 *data, Size len)
{
	if (len >= 5)
		conn_set_status(conn, data[3] | data[4] << 8);
}

/*
 * Reads the head of an answer: sets *ncolumns, 0 for an OK packet, with which
 * the answer ends. False at an error.
 */
static bool
read_head(MyConn *conn, const char *sql, int *ncolumns)
{
	Cursor		c = {.conn = conn,.sql = sql};
	Size		len;
	uint64		n;

	if (!conn_read(conn, &c.pos, &len))
		return false;
	c.end = c.pos + len;
	n = read_length(&c);
	if (n == 0)
	{
		(void) read_length(&c); /* rows affected */
		(void) read_length(&c); /* id inserted */
		conn_set_status(conn, read_number(&c, 2));
		conn_answered(conn);
	}
	else if (n > MAX_COLUMNS)	/* or it wants a file of ours */
		violation(conn, sql);
	*ncolumns = n;
	return true;
}

/*
 * Reads the definitions of columns, and their names into *names if that is
 * not NULL. False at an error.
 */
static bool
read_columns(MyConn *conn, const char *sql, int ncolumns, char **names)
{
	Cursor		c = {.conn = conn,.sql = sql};
	Size		len;

	for (int i = 0; i <= ncolumns; i++)
	{
		const char *name = NULL;

		if (!conn_read(conn, &c.pos, &len))
			return false;
		c.end = c.pos + len;
		if (conn_is_eof(c.pos, len) != (i == ncolumns))
			violation(conn, sql);
		if (i == ncolumns)
			end_of_rows(conn, c.pos, len);
		if (i == ncolumns || names == NULL)
			continue;

		/* catalog, schema, table, original table, name, ... */
		for (int k = 0; k < 5; k++)
			name = read_string(&c, &len);
		names[i] = name ? conn_from_utf8(name, &len) : pstrdup("");
	}
	return true;
}

/* ---------------------------------------------------------------- queries */

static bool
send_query(MyConn *conn, const char *sql)
{
	char	   *utf8 = conn_to_utf8(sql);
	bool		sent;

	source_statements++;
	sent = conn_send(conn, COM_QUERY, utf8, strlen(utf8));
	pfree(utf8);
	return sent;
}

/* Reads a row's packet into memory. */
static void
read_row(Cursor *c, int ncolumns, char ***values, Size **lengths)
{
	char	  **v = palloc(sizeof(char *) * ncolumns);
	Size	   *l = palloc(sizeof(Size) * ncolumns);

	for (int i = 0; i < ncolumns; i++)
	{
		const char *value = read_string(c, &l[i]);

		v[i] = value ? conn_from_utf8(value, &l[i]) : NULL;
	}
	if (c->pos != c->end)
		violation(c->conn, c->sql);
	*values = v;
	*lengths = l;
}

/* Reads an answer into the current context; NULL at an error. */
static MyResult *
read_result(MyConn *conn, const char *sql)
{
	MyResult   *res = palloc0(sizeof(MyResult));
	Cursor		c = {.conn = conn,.sql = sql};
	int			nalloc = 16;
	int64		size = 0;
	Size		len;

	if (!read_head(conn, sql, &res->ncolumns))
		return NULL;
	if (res->ncolumns == 0)
		return res;
	res->names = palloc0(sizeof(char *) * res->ncolumns);
	if (!read_columns(conn, sql, res->ncolumns, res->names))
		return NULL;
	res->values = palloc(sizeof(char **) * nalloc);
	res->lengths = palloc(sizeof(Size *) * nalloc);
	for (;;)
	{
		if (!conn_read(conn, &c.pos, &len))
			return NULL;
		c.end = c.pos + len;
		if (conn_is_eof(c.pos, len))
			break;
		size += len + sizeof(char **) + sizeof(Size *);
		if (size > MAX_ANSWER_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("answer of %s to \"%.200s\" is larger than %d MB",
							conn_where(conn), sql,
							(int) (MAX_ANSWER_SIZE / (1024 * 1024)))));
		if (res->nrows == nalloc)
		{
			nalloc *= 2;
			res->values = repalloc_huge(res->values, sizeof(char **) * nalloc);
			res->lengths = repalloc_huge(res->lengths, sizeof(Size *) * nalloc);
		}
		read_row(&c, res->ncolumns, &res->values[res->nrows],
				 &res->lengths[res->nrows]);
		res->nrows++;
		CHECK_FOR_INTERRUPTS();
	}
	end_of_rows(conn, c.pos, len);
	conn_answered(conn);
	return res;
}

bool
my_try_query(MyConn *conn, const char *sql, MyResult **result, char **errmsg,
			 int *my_errno)
{
	MyResult   *res = NULL;

	if (send_query(conn, sql))
		res = read_result(conn, sql);
	if (res == NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (errmsg)
			*errmsg = conn_message(conn);
		if (my_errno)
			*my_errno = my_last_errno(conn);
		return false;
	}
	if (result)
		*result = res;
	return true;
}

MyResult *
my_query(MyConn *conn, const char *sql)
{
	MyResult   *res;

	if (!my_try_query(conn, sql, &res, NULL, NULL))
		conn_raise(conn, psprintf("running \"%.200s\"", sql));
	return res;
}

char *
my_query_value(MyConn *conn, const char *sql)
{
	MyResult   *res = my_query(conn, sql);

	return res->nrows > 0 && res->ncolumns > 0 ? res->values[0][0] : NULL;
}

char *
my_value(MyResult *res, int row, const char *label)
{
	for (int c = 0; c < res->ncolumns; c++)
		if (pg_strcasecmp(res->names[c], label) == 0)
			return res->values[row][c];
	elog(ERROR, "the source's answer has no column \"%s\"", label);
	return NULL;
}

/* ------------------------------------------------------------ row streams */

void
my_send_query(MyConn *conn, const char *sql)
{
	if (!send_query(conn, sql))
		conn_raise(conn, psprintf("running \"%.200s\"", sql));
}

static int
stream_columns(MyConn *conn, const char *sql)
{
	int			ncolumns;

	if (!read_head(conn, sql, &ncolumns))
		conn_raise(conn, psprintf("running \"%.200s\"", sql));
	if (ncolumns == 0)
		violation(conn, sql);
	if (!read_columns(conn, sql, ncolumns, NULL))
		conn_raise(conn, psprintf("running \"%.200s\"", sql));
	return ncolumns;
}

int
my_stream_columns(MyConn *conn)
{
	return stream_columns(conn, "a query");
}

int
my_stream_query(MyConn *conn, const char *sql)
{
	my_send_query(conn, sql);
	return stream_columns(conn, sql);
}

bool
my_stream_next(MyConn *conn, const uint8 **row, Size *len)
{
	if (!conn_read(conn, row, len))
		conn_raise(conn, "reading rows");
	if (!conn_is_eof(*row, *len))
		return true;
	end_of_rows(conn, *row, *len);
	conn_answered(conn);
	return false;
}
