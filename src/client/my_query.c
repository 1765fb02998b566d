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

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "compat.h"
#include "client/my_conn.h"
#include "client/my_conn_impl.h"

#define COM_QUERY 3
#define COM_SET_OPTION 27

/* Of the status: another answer follows. */
#define MORE_RESULTS 8

/* Of all servers of the family */
#define MAX_COLUMNS 4096

/* A column's definition has some names and numbers. */
#define MAX_DEFINITION 65536

/* Largest answer that is kept in memory: what describes a source is small. */
#define MAX_ANSWER_SIZE (INT64CONST(512) * 1024 * 1024)

/* As much of a statement stands in an error. */
#define MAX_SHOWN 200

/* A field is NULL; no length has this value */
#define NULL_FIELD PG_UINT64_MAX

struct MyResult
{
	const char *where;			/* the server and */
	const char *sql;			/* the statement, for errors */
	int			ncolumns;
	int			nrows;
	char	  **names;			/* column labels */
	char	 ***values;			/* [row][column]; NULL is SQL NULL; each is
								 * NUL-terminated */
};

/* Where we are in a packet */
typedef struct Cursor
{
	const uint8 *pos;
	const uint8 *end;
	MyConn	   *conn;
	const char *sql;			/* what is answered, for errors */
} Cursor;

/* ------------------------------------------------------------------- text */

/*
 * Text in another encoding, palloc'd. Conversions are looked up in the
 * catalog, which takes a transaction; a stream is read between transactions.
 */
static char *
convert_text(const char *text, Size len, int from, int to)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		alone = !IsTransactionState();
	char	   *result;
	Size		i;

	for (i = 0; i < len && !IS_HIGHBIT_SET(text[i]); i++)
		 /* ASCII is the same everywhere */ ;
	if (i == len || from == to)
		return pnstrdup(text, len);
	if (alone)
		StartTransactionCommand();
	MemoryContextSwitchTo(cxt);
	result = (char *) pg_do_encoding_conversion((unsigned char *) pnstrdup(text, len),
												len, from, to);
	if (alone)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return result;
}

char *
conn_to_utf8(const char *text)
{
	if (text == NULL)
		return NULL;
	return convert_text(text, strlen(text), GetDatabaseEncoding(), PG_UTF8);
}

char *
conn_from_utf8(const char *text, Size *len)
{
	char	   *result;

	if (GetDatabaseEncoding() == PG_UTF8 ||
		!pg_verify_mbstr(PG_UTF8, text, *len, true))
	{
		/* not pnstrdup: there may be zero bytes in it */
		result = palloc(*len + 1);
		memcpy(result, text, *len);
		result[*len] = '\0';
		return result;
	}
	result = convert_text(text, *len, PG_UTF8, GetDatabaseEncoding());
	*len = strlen(result);
	return result;
}

/* ---------------------------------------------------------------- packets */

/* So much of a statement as errors show. */
static char *
shown(const char *sql)
{
	return pnstrdup(sql, pg_mbcliplen(sql, strlen(sql), MAX_SHOWN));
}

/* An answer that is none: the rest of what comes means nothing. */
pg_noreturn static void
violation(MyConn *conn, const char *sql)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("unexpected answer of %s to \"%s\"", conn_where(conn),
					shown(sql))));
}

/* An answer that lacks something; it has been read whole. */
pg_noreturn static void
unexpected(const MyResult *res, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("unexpected answer of %s to \"%s\"", res->where, res->sql),
			 errdetail_internal("%s", detail)));
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

	if (!conn_read(conn, false, &c.pos, &len))
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

		if (!conn_read(conn, true, &c.pos, &len))
			return false;
		c.end = c.pos + len;
		if (conn_is_eof(c.pos, len) != (i == ncolumns) || len > MAX_DEFINITION)
			violation(conn, sql);
		if (i == ncolumns)
			end_of_rows(conn, c.pos, len);
		if (i == ncolumns || names == NULL)
			continue;

		/* catalog, schema, table, original table, name, ... */
		for (int k = 0; k < 5; k++)
			name = read_string(&c, &len);
		names[i] = name ? conn_from_utf8(name, &len) : pstrdup("");
		if (!pg_verify_mbstr(GetDatabaseEncoding(), names[i], strlen(names[i]), true))
			violation(conn, sql);
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
static char **
read_row(Cursor *c, int ncolumns)
{
	char	  **values = palloc(sizeof(char *) * ncolumns);

	for (int i = 0; i < ncolumns; i++)
	{
		Size		len;
		const char *value = read_string(c, &len);

		values[i] = value ? conn_from_utf8(value, &len) : NULL;
	}
	if (c->pos != c->end)
		violation(c->conn, c->sql);
	return values;
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

	res->where = conn_where(conn);
	res->sql = shown(sql);
	if (!read_head(conn, sql, &res->ncolumns))
		return NULL;
	if (res->ncolumns == 0)
		return res;
	res->names = palloc0(sizeof(char *) * res->ncolumns);
	if (!read_columns(conn, sql, res->ncolumns, res->names))
		return NULL;
	res->values = palloc(sizeof(char **) * nalloc);
	for (;;)
	{
		if (!conn_read(conn, true, &c.pos, &len))
			return NULL;
		c.end = c.pos + len;
		if (conn_is_eof(c.pos, len))
			break;
		size += len + sizeof(char **) + sizeof(char *) * res->ncolumns;
		if (size > MAX_ANSWER_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("answer of %s to \"%s\" is larger than %d MB",
							conn_where(conn), shown(sql),
							(int) (MAX_ANSWER_SIZE / (1024 * 1024)))));
		if (res->nrows == nalloc)
		{
			nalloc *= 2;
			res->values = repalloc_huge(res->values, sizeof(char **) * nalloc);
		}
		res->values[res->nrows++] = read_row(&c, res->ncolumns);
		CHECK_FOR_INTERRUPTS();
	}
	end_of_rows(conn, c.pos, len);
	conn_answered(conn);
	return res;
}

bool
my_try_query(MyConn *conn, const char *sql, int ncolumns, MyResult **result,
			 char **errmsg, int *my_errno)
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
	if (res->ncolumns < ncolumns)
		unexpected(res, psprintf("It has %d columns; %d were expected.",
								 res->ncolumns, ncolumns));
	if (result)
		*result = res;
	return true;
}

MyResult *
my_query(MyConn *conn, const char *sql, int ncolumns)
{
	MyResult   *res;

	if (!my_try_query(conn, sql, ncolumns, &res, NULL, NULL))
		conn_raise(conn, psprintf("running \"%s\"", shown(sql)));
	return res;
}

/* -------------------------------------------------------------- execution */

/* The server takes several statements in one text, or one alone. */
void
my_allow_several(MyConn *conn, bool several)
{
	uint8		payload[2] = {several ? 0 : 1, 0};

	my_command_ok(conn, COM_SET_OPTION, payload, sizeof(payload));
}

bool
my_execute_send(MyConn *conn, const char *sql, Size len)
{
	char	   *utf8 = NULL;
	bool		sent;

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		utf8 = convert_text(sql, len, GetDatabaseEncoding(), PG_UTF8);
		sql = utf8;
		len = strlen(utf8);
	}
	sent = conn_send(conn, COM_QUERY, sql, len);
	if (utf8)
		pfree(utf8);
	return sent;
}

int
my_execute_receive(MyConn *conn, int n, MyDone *done)
{
	for (int i = 0; i < n; i++)
	{
		Cursor		c = {.conn = conn,.sql = "a statement that changes rows"};
		unsigned int status;
		Size		len;

		if (!conn_read(conn, false, &c.pos, &len))
			return i;
		c.end = c.pos + len;
		if (read_length(&c) != 0)
			violation(conn, c.sql);
		done[i].rows = read_length(&c);
		(void) read_length(&c); /* id inserted */
		status = read_number(&c, 2);
		done[i].warnings = read_number(&c, 2);
		conn_set_status(conn, status);
		if (((status & MORE_RESULTS) != 0) != (i < n - 1))
			violation(conn, c.sql);
	}
	conn_answered(conn);
	return n;
}

int
my_execute(MyConn *conn, const char *sql, Size len, int n, MyDone *done)
{
	return my_execute_send(conn, sql, len) ? my_execute_receive(conn, n, done) : 0;
}

void
my_raise_error(MyConn *conn, const char *doing)
{
	CHECK_FOR_INTERRUPTS();
	conn_raise(conn, doing);
}

/* ----------------------------------------------------------------- values */

int
my_nrows(const MyResult *res)
{
	return res->nrows;
}

char *
my_get_text_or_null(const MyResult *res, int row, int column)
{
	char	   *value;

	if (row < 0 || row >= res->nrows)
		unexpected(res, psprintf("It has %d rows; row %d was expected.",
								 res->nrows, row + 1));
	if (column < 0 || column >= res->ncolumns)
		unexpected(res, psprintf("It has %d columns; column %d was expected.",
								 res->ncolumns, column + 1));
	value = res->values[row][column];
	if (value != NULL &&
		!pg_verify_mbstr(GetDatabaseEncoding(), value, strlen(value), true))
		unexpected(res, psprintf("Its column \"%s\" is no text.", res->names[column]));
	return value;
}

char *
my_get_text(const MyResult *res, int row, int column)
{
	char	   *value = my_get_text_or_null(res, row, column);

	if (value == NULL)
		unexpected(res, psprintf("Its column \"%s\" is NULL.", res->names[column]));
	return value;
}

static bool
is_integer(const char *text)
{
	Size		digits;

	if (*text == '-')
		text++;
	digits = strspn(text, "0123456789");
	return digits > 0 && digits <= 20 && text[digits] == '\0';
}

static char *
check_number(const MyResult *res, int column, char *text)
{
	if (!is_integer(text))
		unexpected(res, psprintf("Its column \"%s\" is no integer.",
								 res->names[column]));
	return text;
}

int64
my_get_int64(const MyResult *res, int row, int column)
{
	/* strtoll takes the nearest */
	return strtoll(check_number(res, column, my_get_text(res, row, column)), NULL, 10);
}

void
my_refuse(const char *what, const char *value)
{
	Size		len = strlen(value);

	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("unexpected %s \"%s\" from the source", what,
					pg_verify_mbstr(GetDatabaseEncoding(), value, len, true) ?
					pnstrdup(value, pg_mbcliplen(value, len, MAX_SHOWN)) : "?")));
}

static int
find_column(const MyResult *res, const char *label)
{
	for (int i = 0; i < res->ncolumns; i++)
		if (pg_strcasecmp(res->names[i], label) == 0)
			return i;
	unexpected(res, psprintf("It has no column \"%s\".", label));
}

char *
my_value(const MyResult *res, int row, const char *label)
{
	return my_get_text(res, row, find_column(res, label));
}

char *
my_value_or_null(const MyResult *res, int row, const char *label)
{
	return my_get_text_or_null(res, row, find_column(res, label));
}

int64
my_value_int64(const MyResult *res, int row, const char *label, int64 if_null)
{
	int			column = find_column(res, label);

	if (my_get_text_or_null(res, row, column) == NULL)
		return if_null;
	return my_get_int64(res, row, column);
}

char *
my_value_number_or_null(const MyResult *res, int row, const char *label)
{
	int			column = find_column(res, label);
	char	   *value = my_get_text_or_null(res, row, column);

	return value == NULL ? NULL : check_number(res, column, value);
}

char *
my_value_number(const MyResult *res, int row, const char *label)
{
	int			column = find_column(res, label);

	return check_number(res, column, my_get_text(res, row, column));
}

char *
my_query_text(MyConn *conn, const char *sql)
{
	return my_get_text(my_query(conn, sql, 1), 0, 0);
}

int64
my_query_int64(MyConn *conn, const char *sql)
{
	return my_get_int64(my_query(conn, sql, 1), 0, 0);
}

char *
my_query_text_or_null(MyConn *conn, const char *sql)
{
	MyResult   *res = my_query(conn, sql, 1);

	return res->nrows > 0 ? my_get_text_or_null(res, 0, 0) : NULL;
}

/* ------------------------------------------------------- of the server */

/* MariaDB is named by server_id alone; MySQL has server_uuid too. */
char *
my_server_uid(MyConn *conn)
{
	char	   *id = my_query_text(conn, "SELECT @@global.server_id");
	MyResult   *uid = my_query(conn, "SHOW GLOBAL VARIABLES LIKE 'server_uuid'", 2);

	return my_nrows(uid) > 0 ?
		psprintf("server_id %s, server_uuid %s", id, my_get_text(uid, 0, 1)) :
		psprintf("server_id %s", id);
}

const char *
my_log_status_query(MyConn *conn)
{
	return !my_is_mariadb(conn) && my_version_num(conn) >= 80400 ?
		"SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

/* ------------------------------------------------------------ row streams */

void
my_send_query(MyConn *conn, const char *sql)
{
	if (!send_query(conn, sql))
		conn_raise(conn, psprintf("running \"%s\"", shown(sql)));
}

int
my_stream_columns(MyConn *conn, const char *sql)
{
	int			ncolumns;

	if (!read_head(conn, sql, &ncolumns))
		conn_raise(conn, psprintf("running \"%s\"", shown(sql)));
	if (ncolumns == 0)
		violation(conn, sql);
	if (!read_columns(conn, sql, ncolumns, NULL))
		conn_raise(conn, psprintf("running \"%s\"", shown(sql)));
	return ncolumns;
}

int
my_stream_query(MyConn *conn, const char *sql)
{
	my_send_query(conn, sql);
	return my_stream_columns(conn, sql);
}

bool
my_stream_next(MyConn *conn, const uint8 **row, Size *len)
{
	CHECK_FOR_INTERRUPTS();
	if (!conn_read(conn, true, row, len))
		conn_raise(conn, "reading rows");
	if (!conn_is_eof(*row, *len))
		return true;
	end_of_rows(conn, *row, *len);
	conn_answered(conn);
	return false;
}

void
my_row_values(MyConn *conn, const uint8 *row, Size len, int n, const char **values,
			  Size *lens)
{
	Cursor		c = {row, row + len, conn, "rows"};

	for (int i = 0; i < n; i++)
		values[i] = read_string(&c, &lens[i]);
	if (c.pos != c.end)
		violation(conn, "rows");
}
