/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Rows of the full load, by INSERT of many rows at a time. LOAD DATA LOCAL
 *	  would be INSERT IGNORE, and is switched off at most servers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/attempt.h"
#include "core/copy_row.h"
#include "core/error_place.h"
#include "dest/mysql/mysql.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A statement has about so many bytes; a buffer that a row made larger than
 * the second is given back. */
#define LOAD_STATEMENT_BYTES (1024 * 1024)
#define LOAD_BUFFER_KEEP (8 * 1024 * 1024)

/* So much of a row that is refused is shown. */
#define SHOWN_BYTES 200

typedef struct Load
{
	SourceRelation *rel;
	MemoryContext cxt;			/* of what lasts longer than a row */
	char	   *head;
	Size		head_len;
	StringInfoData sql;
	List	   *starts;			/* of rows in sql, after the first */
	int			nrows;
	uint64		stored;
	Datum	   *values;			/* the row that is being written; else NULL */
	bool	   *nulls;
	const char *shown;			/* one that was refused */
} Load;

static void
load_context(void *arg)
{
	Load	   *load = arg;
	SourceRelation *rel = load->rel;
	const MyTarget *target = rel->bound;
	StringInfoData row;

	initStringInfo(&row);
	if (load->shown != NULL)
		appendStringInfo(&row, "%.*s", SHOWN_BYTES, load->shown);
	else if (load->values != NULL)
	{
		for (int i = 0; i < rel->nkey; i++)
		{
			int			c = rel->key[i];

			appendStringInfo(&row, "%s%s=%s", i > 0 ? ", " : "", rel->columns[c].name,
							 load->nulls[c] ? "null" :
							 OidOutputFunctionCall(target->out_func[c], load->values[c]));
		}
	}
	error_place_context(rel->schema, rel->name,
						row.len > 0 ?
						psprintf("loading table \"%s.%s\", row (%s)", rel->schema, rel->name, row.data) :
						psprintf("loading table \"%s.%s\"", rel->schema, rel->name));
}

static void
begin_statement(Load *load)
{
	MemoryContext old = MemoryContextSwitchTo(load->cxt);

	if (load->sql.maxlen > LOAD_BUFFER_KEEP)
	{
		pfree(load->sql.data);
		initStringInfo(&load->sql);
	}
	else
		resetStringInfo(&load->sql);
	appendBinaryStringInfo(&load->sql, load->head, load->head_len);
	load->nrows = 0;
	list_free(load->starts);
	load->starts = NIL;
	MemoryContextSwitchTo(old);
}

static uint64
write_text(const char *sql, Size len)
{
	MyConn	   *conn = mysql_use_for_rows();

	mysql_several(conn, false);
	return mysql_write(conn, sql, len, 1);
}

static void
send_statement(void *arg)
{
	Load	   *load = arg;
	uint64		stored = write_text(load->sql.data, load->sql.len);

	if (stored != (uint64) load->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("of %d rows " UINT64_FORMAT " were stored in table %s", load->nrows, stored,
						((MyTarget *) load->rel->bound)->qualified)));
	load->stored += stored;
}

/* Row by row, up to the one that is refused; the error names it. */
static void
send_rows(Load *load)
{
	Size		start = load->head_len;
	StringInfoData one;

	initStringInfo(&one);
	for (int i = 0; i < load->nrows; i++)
	{
		Size		end = i < load->nrows - 1 ? (Size) list_nth_int(load->starts, i) : (Size) load->sql.len;

		resetStringInfo(&one);
		appendBinaryStringInfo(&one, load->head, load->head_len);
		/* without the comma between */
		appendBinaryStringInfo(&one, load->sql.data + start,
							   end - start - (i < load->nrows - 1 ? 1 : 0));
		load->shown = one.data + load->head_len;
		load->stored += write_text(one.data, one.len);
		start = end;
	}
	load->shown = NULL;
	pfree(one.data);
}

static bool
is_of_row(int code)
{
	int			category = ERRCODE_TO_CATEGORY(code);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED);
}

static void
send_load(Load *load)
{
	ErrorData  *edata;

	if (load->nrows == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	load->values = NULL;
	if (load->nrows == 1)
		send_rows(load);
	else if ((edata = attempt(send_statement, load)) != NULL)
	{
		if (!is_of_row(edata->sqlerrcode))
			ReThrowError(edata);
		send_rows(load);
	}
	begin_statement(load);
}

static void
add_row(Load *load, Datum *values, bool *nulls)
{
	SourceRelation *rel = load->rel;
	Size		start = load->sql.len;
	Size		limit = Min(LOAD_STATEMENT_BYTES, mysql_max_statement());
	bool		any = false;

	load->values = values;
	load->nulls = nulls;
	if (load->nrows > 0)
		appendStringInfoChar(&load->sql, ',');
	appendStringInfoChar(&load->sql, '(');
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		if (any)
			appendStringInfoChar(&load->sql, ',');
		any = true;
		value_append(&load->sql, rel, i, values[i], nulls[i]);
	}
	appendStringInfoChar(&load->sql, ')');
	my_check_size(rel, -1, load->head_len + load->sql.len - start);
	if (load->nrows > 0 && (Size) load->sql.len > mysql_max_statement())
	{
		/* it goes into the next one */
		Size		len = load->sql.len - start - 1;
		char	   *row = memcpy(MemoryContextAllocHuge(CurrentMemoryContext, len),
								 load->sql.data + start + 1, len);

		load->sql.len = (int) start;
		send_load(load);
		appendBinaryStringInfo(&load->sql, row, (int) len);
		pfree(row);
		load->nrows = 1;
	}
	else
	{
		MemoryContext old = MemoryContextSwitchTo(load->cxt);

		if (load->nrows++ > 0)
			load->starts = lappend_int(load->starts, (int) start + 1);
		MemoryContextSwitchTo(old);
	}
	if ((Size) load->sql.len >= limit)
		send_load(load);
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
	initStringInfo(&load.sql);
	initStringInfo(&buf);
	begin_statement(&load);
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
			send_load(&load);
		error_context_stack = callback.previous;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return load.stored;
}
