/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Rows of the full load, by INSERT of many rows at a time. LOAD DATA LOCAL
 *	  would be INSERT IGNORE, and is switched off at most servers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/copy_row.h"
#include "core/error_place.h"
#include "dest/mysql/mysql.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A statement has about so many bytes; a buffer that a row made larger than
 * the second is given back. */
#define LOAD_STATEMENT_BYTES (1024 * 1024)
#define LOAD_BUFFER_KEEP (8 * 1024 * 1024)

/* So much of a row that is refused is shown. */
#define SHOWN_BYTES 200

typedef struct Statement
{
	StringInfoData sql;
	List	   *starts;			/* of rows in sql, after the first */
	int			nrows;
} Statement;

typedef struct Load
{
	SourceRelation *rel;
	MemoryContext cxt;			/* of what lasts longer than a row */
	char	   *head;
	Size		head_len;
	Statement	statements[2];
	Statement  *next;			/* that is being filled */
	Statement  *sent;			/* that the server is at; NULL: none */
	Statement  *awaited;		/* … while its answer is looked at */
	uint64		stored;
	Datum	   *values;			/* the row that is being written; else NULL */
	bool	   *nulls;
	const char *shown;			/* one that was refused */
} Load;

/* The start of a row in a statement, as text: there can be binary strings in it. */
static void
append_shown(StringInfo buf, const char *row, Size len)
{
	Size		start = buf->len;

	len = strnlen(row, Min(len, SHOWN_BYTES + MAX_MULTIBYTE_CHAR_LEN));
	len = pg_mbcliplen(row, (int) len, SHOWN_BYTES);
	appendBinaryStringInfo(buf, row, (int) len);
	if (pg_verify_mbstr(GetDatabaseEncoding(), row, (int) len, true))
		return;
	for (Size i = start; i < (Size) buf->len; i++)
		if (IS_HIGHBIT_SET(buf->data[i]))
			buf->data[i] = '?';
}

static void
load_context(void *arg)
{
	Load	   *load = arg;
	SourceRelation *rel = load->rel;
	const MyTarget *target = rel->bound;
	StringInfoData row;

	initStringInfo(&row);
	if (load->shown != NULL)
		append_shown(&row, load->shown, strlen(load->shown));
	else if (load->awaited != NULL && mysql_warned_row() > 0 &&
			 mysql_warned_row() <= load->awaited->nrows)
	{
		const Statement *st = load->awaited;
		int			n = mysql_warned_row() - 1;
		Size		start = n == 0 ? load->head_len : (Size) list_nth_int(st->starts, n - 1);

		append_shown(&row, st->sql.data + start,
					 (n < st->nrows - 1 ? list_nth_int(st->starts, n) - 1 : st->sql.len) - start);
	}
	else if (load->values != NULL && rel->nkey > 0)
	{
		for (int i = 0; i < rel->nkey; i++)
			appendStringInfo(&row, "%s%s", i > 0 ? ", " : "(", rel->columns[rel->key[i]].name);
		for (int i = 0; i < rel->nkey; i++)
		{
			int			c = rel->key[i];

			appendStringInfo(&row, "%s%s", i > 0 ? ", " : ")=(",
							 load->nulls[c] ? "null" :
							 OidOutputFunctionCall(target->out_func[c], load->values[c]));
		}
		appendStringInfoChar(&row, ')');
	}
	error_place_context(rel->schema, rel->name,
						row.len > 0 ?
						psprintf("loading table \"%s.%s\", row %s", rel->schema, rel->name, row.data) :
						psprintf("loading table \"%s.%s\"", rel->schema, rel->name));
}

static void
begin_statement(Load *load, Statement *st)
{
	MemoryContext old = MemoryContextSwitchTo(load->cxt);

	if (st->sql.data == NULL || st->sql.maxlen > LOAD_BUFFER_KEEP)
	{
		if (st->sql.data != NULL)
			pfree(st->sql.data);
		initStringInfo(&st->sql);
	}
	else
		resetStringInfo(&st->sql);
	appendBinaryStringInfo(&st->sql, load->head, load->head_len);
	st->nrows = 0;
	list_free(st->starts);
	st->starts = NIL;
	MemoryContextSwitchTo(old);
}

/* Row by row, up to the one that is refused; the error names it. */
static void
write_rows(Load *load, const Statement *st)
{
	Size		start = load->head_len;
	MyConn	   *conn = mysql_use_for_rows();
	StringInfoData one;

	initStringInfo(&one);
	for (int i = 0; i < st->nrows; i++)
	{
		bool		last = i == st->nrows - 1;
		Size		end = last ? (Size) st->sql.len : (Size) list_nth_int(st->starts, i);

		resetStringInfo(&one);
		appendBinaryStringInfo(&one, load->head, load->head_len);
		/* without the comma between */
		appendBinaryStringInfo(&one, st->sql.data + start, end - start - (last ? 0 : 1));
		load->shown = one.data + load->head_len;
		load->stored += mysql_write(conn, one.data, one.len, 1);
		start = end;
	}
	load->shown = NULL;
	pfree(one.data);
}

/* What has become of the statement that the server is at. */
static void
receive(Load *load)
{
	Statement  *st = load->sent;
	int64		stored;

	if (st == NULL)
		return;
	load->sent = NULL;
	load->values = NULL;
	load->awaited = st;
	stored = mysql_write_receive(mysql_rows_connection());
	load->awaited = NULL;
	if (stored < 0)
		write_rows(load, st);
	else if (stored != st->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("of %d rows " INT64_FORMAT " were stored in table %s", st->nrows, stored,
						((MyTarget *) load->rel->bound)->qualified)));
	else
		load->stored += stored;
	begin_statement(load, st);
}

/* The server gets the next one, and more rows are read while it is at that. */
static void
send_next(Load *load)
{
	Statement  *st = load->next;
	MyConn	   *conn;

	if (st->nrows == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	receive(load);
	load->values = NULL;
	conn = mysql_use_for_rows();
	mysql_several(conn, false);
	mysql_write_send(conn, st->sql.data, st->sql.len);
	load->sent = st;
	load->next = st == &load->statements[0] ? &load->statements[1] : &load->statements[0];
}

static void
add_row(Load *load, Datum *values, bool *nulls)
{
	SourceRelation *rel = load->rel;
	Statement  *st = load->next;
	Size		start = st->sql.len;
	bool		any = false;
	MemoryContext old;

	load->values = values;
	load->nulls = nulls;
	appendStringInfoString(&st->sql, st->nrows > 0 ? ",(" : "(");
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		if (any)
			appendStringInfoChar(&st->sql, ',');
		any = true;
		my_value_append(&st->sql, rel, i, values[i], nulls[i]);
	}
	appendStringInfoChar(&st->sql, ')');
	my_check_size(rel, -1, load->head_len + st->sql.len - start);
	if (st->nrows > 0 && (Size) st->sql.len > mysql_max_statement())
	{
		/* it goes into the next one */
		Size		len = st->sql.len - start - 1;
		char	   *row = memcpy(MemoryContextAllocHuge(CurrentMemoryContext, len),
								 st->sql.data + start + 1, len);

		st->sql.len = (int) start;
		send_next(load);
		st = load->next;
		appendBinaryStringInfo(&st->sql, row, (int) len);
		pfree(row);
	}
	old = MemoryContextSwitchTo(load->cxt);
	if (st->nrows++ > 0)
		st->starts = lappend_int(st->starts, (int) start + 1);
	MemoryContextSwitchTo(old);
	if ((Size) st->sql.len >= Min(LOAD_STATEMENT_BYTES, mysql_max_statement()))
		send_next(load);
}

/* A table that is to be the load's alone is emptied, unless it is empty. */
static void
empty_table(SourceRelation *rel)
{
	const MyTarget *target = rel->bound;
	MyConn	   *conn = mysql_use();
	char	   *sql;

	mysql_several(conn, false);
	if (my_nrows(my_query(conn, psprintf("SELECT 1 FROM %s LIMIT 1", target->qualified), 1)) == 0)
		return;
	sql = psprintf("DELETE FROM %s", target->qualified);
	(void) mysql_write(mysql_use_for_rows(), sql, strlen(sql), 1);
}

/* See DestRoutine. A transaction is open. */
uint64
mysql_load(SourceRelation *rel, LoadProducer producer, void *arg, LoadMode mode)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig load",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext rowcxt = AllocSetContextCreate(cxt, "dtsmig load row",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	ErrorContextCallback callback;
	CopyReader *reader = copy_reader_make(rel);
	Load		load = {.rel = rel,.cxt = cxt};
	StringInfoData buf;
	Datum	   *values = palloc(sizeof(Datum) * Max(rel->ncolumns, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(rel->ncolumns, 1));
	bool		more = true;

	/* options that ask for it are refused */
	Assert(mode != LOAD_KEEP);
	if (mode == LOAD_REPLACE)
		empty_table(rel);
	load.head = my_insert_head(rel);
	load.head_len = strlen(load.head);
	initStringInfo(&buf);
	for (int i = 0; i < lengthof(load.statements); i++)
		begin_statement(&load, &load.statements[i]);
	load.next = &load.statements[0];
	while (more)
	{
		resetStringInfo(&buf);
		more = producer(arg, &buf);
		callback.callback = load_context;
		callback.arg = &load;
		callback.previous = error_context_stack;
		error_context_stack = &callback;
		for (;;)
		{
			bool		got;

			MemoryContextReset(rowcxt);
			MemoryContextSwitchTo(rowcxt);
			got = copy_reader_next(reader, &buf, values, nulls);
			if (got)
				add_row(&load, values, nulls);
			MemoryContextSwitchTo(cxt);
			if (!got)
				break;
		}
		load.values = NULL;
		if (!more)
		{
			send_next(&load);
			receive(&load);
		}
		error_context_stack = callback.previous;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return load.stored;
}
