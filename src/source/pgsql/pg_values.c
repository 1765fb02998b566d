/*-------------------------------------------------------------------------
 *
 * pg_values.c
 *	  Values of the change stream as Datums of the destination's types: by the
 *	  type's input function from text, by its receive function from binary.
 *
 * Where a function wants a value followed by a NUL, the byte behind the value
 * in the message is set to 0 for the call and put back: it is the next
 * column's, and the message is a buffer that is ours until the next one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_money.h"
#include "source/pgsql/pg_stream_impl.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "core/error_place.h"
#include "core/table_owner.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* For messages about a value. */
typedef struct ValueContext
{
	const SourceRelation *rel;
	const SourceColumn *column; /* NULL: none is at hand */
	XLogRecPtr	lsn;
} ValueContext;

static void
value_context(void *arg)
{
	ValueContext *v = arg;

	if (v->column != NULL)
		error_place_context(v->rel->schema, v->rel->name,
							psprintf("column \"%s\" of table \"%s.%s\" at the source, transaction at %X/%X",
									 v->column->name, v->rel->schema, v->rel->name,
									 (uint32) (v->lsn >> 32), (uint32) v->lsn));
}

/* Functions that never look into the catalog. */
static bool
is_plain_function(Oid function)
{
	switch (function)
	{
		case F_BOOLIN:
		case F_BOOLRECV:
		case F_CASH_RECV:
		case F_INT2IN:
		case F_INT2RECV:
		case F_INT4IN:
		case F_INT4RECV:
		case F_INT8IN:
		case F_INT8RECV:
		case F_FLOAT4IN:
		case F_FLOAT4RECV:
		case F_FLOAT8IN:
		case F_FLOAT8RECV:
		case F_NUMERIC_IN:
		case F_NUMERIC_RECV:
		case F_TEXTIN:
		case F_TEXTRECV:
		case F_VARCHARIN:
		case F_VARCHARRECV:
		case F_BPCHARIN:
		case F_BPCHARRECV:
		case F_BYTEAIN:
		case F_BYTEARECV:
		case F_DATE_IN:
		case F_DATE_RECV:
		case F_TIME_IN:
		case F_TIME_RECV:
		case F_TIMETZ_IN:
		case F_TIMETZ_RECV:
		case F_TIMESTAMP_IN:
		case F_TIMESTAMP_RECV:
		case F_TIMESTAMPTZ_IN:
		case F_TIMESTAMPTZ_RECV:
		case F_INTERVAL_IN:
		case F_INTERVAL_RECV:
		case F_UUID_IN:
		case F_UUID_RECV:
		case F_JSON_IN:
		case F_JSON_RECV:
		case F_JSONB_IN:
		case F_JSONB_RECV:
		case F_BIT_IN:
		case F_BIT_RECV:
		case F_VARBIT_IN:
		case F_VARBIT_RECV:
		case F_INET_IN:
		case F_INET_RECV:
		case F_CIDR_IN:
		case F_CIDR_RECV:
		case F_MACADDR_IN:
		case F_MACADDR_RECV:
			return true;
		default:
			return false;
	}
}

bool
pg_value_needs_catalog(const PgColumn *column, bool binary)
{
	return !is_plain_function(column->input.fn_oid) ||
		(binary && column->binary && !is_plain_function(column->receive.fn_oid));
}

/*
 * Functions that look into the catalog, or run the user's code (a domain's
 * CHECK), want a transaction and a snapshot. Returns what leave_catalog is to
 * end.
 */
#define ENTERED_TRANSACTION 1
#define ENTERED_SNAPSHOT	2

static int
enter_catalog(void)
{
	MemoryContext cxt = CurrentMemoryContext;
	int			entered = 0;

	if (!IsTransactionState())
	{
		StartTransactionCommand();
		entered |= ENTERED_TRANSACTION;
	}
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		entered |= ENTERED_SNAPSHOT;
	}
	MemoryContextSwitchTo(cxt);
	return entered;
}

static void
leave_catalog(int entered)
{
	MemoryContext cxt = CurrentMemoryContext;

	if (entered & ENTERED_SNAPSHOT)
		PopActiveSnapshot();
	if (entered & ENTERED_TRANSACTION)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
}

static Datum
read_text(const SourceRelation *rel, PgColumn *pc, const SourceColumn *column,
		  const PgOutputColumn *value)
{
	TableOwner	owner;
	char	   *str = (char *) value->data;
	char		saved;
	Datum		datum;

	/* a source in SQL_ASCII sends any bytes; a NUL would cut the value */
	if (!pg_verify_mbstr(GetDatabaseEncoding(), str, value->len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("the source sent a value that is no valid %s",
						GetDatabaseEncodingName())));
	if (pc->input.fn_oid == F_CASH_IN)
		return pg_money_read(str, value->len);
	if (pc->input.fn_oid == F_TEXTIN)
		return PointerGetDatum(cstring_to_text_with_len(str, value->len));
	saved = str[value->len];
	str[value->len] = '\0';
	table_owner_begin_value(rel->out->target_relid, pc->code, &owner);
	datum = InputFunctionCall(&pc->input, str, pc->input_ioparam,
							  column->typmod);
	table_owner_end(&owner);
	str[value->len] = saved;
	return datum;
}

static Datum
read_binary(const SourceRelation *rel, PgColumn *pc, const SourceColumn *column,
			const PgOutputColumn *value)
{
	TableOwner	owner;
	StringInfoData buf;
	Datum		datum;
	char		saved;

	if (!pc->binary || !OidIsValid(pc->receive.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source sent a value of type %s in binary form",
						column->source_type)));
	buf.data = (char *) value->data;
	buf.len = value->len;
	buf.maxlen = value->len + 1;
	buf.cursor = 0;
	saved = buf.data[buf.len];
	buf.data[buf.len] = '\0';
	table_owner_begin_value(rel->out->target_relid, pc->code, &owner);
	datum = ReceiveFunctionCall(&pc->receive, &buf, pc->receive_ioparam,
								column->typmod);
	table_owner_end(&owner);
	buf.data[buf.len] = saved;
	if (buf.cursor != buf.len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("incorrect binary data format")));
	return datum;
}

void
pg_read_row(SourceStream *stream, PgRelation *table,
			const PgOutputColumn *columns, int ncolumns, bool key_only,
			MemoryContext rowcxt, Row *row)
{
	SourceRelation *rel = table->rel;
	MemoryContext old = MemoryContextSwitchTo(rowcxt);
	ErrorContextCallback callback;
	ValueContext v = {rel, NULL, stream->commit_lsn};
	int			entered = 0;

	memset(row->status, COLUMN_ABSENT, rel->ncolumns);
	if (ncolumns != table->natts)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a row of table \"%s.%s\" has %d columns, its relation %d",
						table->schema, table->name, ncolumns, table->natts)));
	callback.callback = value_context;
	callback.arg = &v;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (table->needs_catalog)
		entered = enter_catalog();
	for (int i = 0; i < ncolumns; i++)
	{
		int			c = table->columns[i];
		const SourceColumn *column;
		PgColumn   *pc;

		if (c < 0 || (key_only && !table->att_identity[i]))
			continue;
		column = &rel->columns[c];
		pc = column->engine;
		v.column = column;
		row->values[c] = (Datum) 0;
		switch (columns[i].form)
		{
			case PGOUTPUT_NULL:
				row->status[c] = COLUMN_NULL;
				break;
			case PGOUTPUT_UNCHANGED:
				row->status[c] = COLUMN_UNCHANGED;
				break;
			case PGOUTPUT_TEXT:
				row->values[c] = read_text(rel, pc, column, &columns[i]);
				row->status[c] = COLUMN_VALUE;
				break;
			case PGOUTPUT_BINARY:
				row->values[c] = read_binary(rel, pc, column, &columns[i]);
				row->status[c] = COLUMN_VALUE;
				break;
		}
	}
	if (table->needs_catalog)
		leave_catalog(entered);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/*
 * A value in binary form; the types that the capture's table has are the same
 * everywhere. The source says which type it is, and no other is read so.
 */
static char *
binary_to_text(Oid typid, const PgOutputColumn *value)
{
	StringInfoData buf;
	Oid			function;
	Oid			ioparam;
	bool		varlena;
	Datum		datum;

	if (typid != TEXTOID && typid != INT4OID && typid != INT8OID &&
		typid != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source sent a value of type %u in binary form", typid)));
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (const char *) value->data, value->len);
	getTypeBinaryInputInfo(typid, &function, &ioparam);
	datum = OidReceiveFunctionCall(function, &buf, ioparam, -1);
	getTypeOutputInfo(typid, &function, &varlena);
	return OidOutputFunctionCall(function, datum);
}

char	  **
pg_read_texts(PgRelation *table, const PgOutputColumn *columns, int ncolumns)
{
	char	  **texts = palloc0(sizeof(char *) * Max(ncolumns, 1));
	int			entered;

	if (ncolumns != table->natts)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a row of table \"%s.%s\" has %d columns, its relation %d",
						table->schema, table->name, ncolumns, table->natts)));
	entered = enter_catalog();
	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i].form == PGOUTPUT_TEXT)
		{
			texts[i] = pnstrdup((const char *) columns[i].data, columns[i].len);
			(void) pg_verify_mbstr(GetDatabaseEncoding(), texts[i],
								   columns[i].len, false);
		}
		else if (columns[i].form == PGOUTPUT_BINARY)
			texts[i] = binary_to_text(table->att_types[i], &columns[i]);
	}
	leave_catalog(entered);
	return texts;
}
