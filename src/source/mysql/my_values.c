/*-------------------------------------------------------------------------
 *
 * my_values.c
 *	  MySQL-family values: decoders are chosen, rows taken apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "core/copy_text.h"
#include "core/error_place.h"
#include "core/table_owner.h"
#include "source/mysql/my_value_impl.h"

/* The source's type names, as information_schema has them in data_type. */
static const struct
{
	const char *name;
	MyKind		kind;
	uint8		int_type;
	bool		is_blob;
}			source_types[] =
{
	{"bigint", MY_INT, MYSQL_T_LONGLONG},
	{"binary", MY_BINARY},
	{"bit", MY_BIT},
	{"blob", MY_BINARY, 0, true},
	{"char", MY_TEXT},
	{"date", MY_DATE},
	{"datetime", MY_DATETIME},
	{"decimal", MY_DECIMAL},
	{"double", MY_DOUBLE},
	{"enum", MY_ENUM},
	{"float", MY_FLOAT},
	{"geomcollection", MY_GEOMETRY},
	{"geometry", MY_GEOMETRY},
	{"geometrycollection", MY_GEOMETRY},
	{"inet4", MY_INET},
	{"inet6", MY_INET},
	{"int", MY_INT, MYSQL_T_LONG},
	{"integer", MY_INT, MYSQL_T_LONG},
	{"json", MY_JSON},
	{"linestring", MY_GEOMETRY},
	{"longblob", MY_BINARY, 0, true},
	{"longtext", MY_TEXT, 0, true},
	{"mediumblob", MY_BINARY, 0, true},
	{"mediumint", MY_INT, MYSQL_T_INT24},
	{"mediumtext", MY_TEXT, 0, true},
	{"multilinestring", MY_GEOMETRY},
	{"multipoint", MY_GEOMETRY},
	{"multipolygon", MY_GEOMETRY},
	{"numeric", MY_DECIMAL},
	{"point", MY_GEOMETRY},
	{"polygon", MY_GEOMETRY},
	{"set", MY_SET},
	{"smallint", MY_INT, MYSQL_T_SHORT},
	{"text", MY_TEXT, 0, true},
	{"time", MY_TIME},
	{"timestamp", MY_TIMESTAMP},
	{"tinyblob", MY_BINARY, 0, true},
	{"tinyint", MY_INT, MYSQL_T_TINY},
	{"tinytext", MY_TEXT, 0, true},
	{"uuid", MY_UUID},
	{"varbinary", MY_BINARY},
	{"varchar", MY_TEXT},
	{"vector", MY_VECTOR},
	{"year", MY_INT, MYSQL_T_YEAR}
};

/* ------------------------------------------------------------------------
 * Preparation
 * ------------------------------------------------------------------------
 */

/*
 * What the column is at the source.
 */
static void
set_kind(MyColumn *c)
{
	TableColumn *def = c->def;
	int			i;

	for (i = 0; i < lengthof(source_types); i++)
		if (strcmp(source_types[i].name, def->base_type) == 0)
			break;
	if (i == lengthof(source_types))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s of column \"%s\" of source table \"%s\".\"%s\" is not supported",
						def->source_type, def->name, c->table->rel->schema,
						c->table->rel->name),
				 errhint("Leave the column out with a rule in the task's \"objects\".")));
	c->kind = source_types[i].kind;
	c->int_type = source_types[i].int_type;
	c->is_blob = source_types[i].is_blob;

	if (c->kind == MY_TEXT && def->charset != NULL &&
		strcmp(def->charset, "binary") == 0)
		c->kind = MY_BINARY;
	else if (c->kind == MY_TEXT && def->is_json)
		c->kind = MY_JSON;

	if (c->kind == MY_UUID || strcmp(def->base_type, "inet6") == 0)
		c->pad_to = 16;
	else if (c->kind == MY_INET)
		c->pad_to = 4;
	else if (strcmp(def->base_type, "binary") == 0)
		c->pad_to = def->length;
}

/*
 * The members of an ENUM or SET, with the OIDs of the enum's values.
 */
static void
set_labels(MyColumn *c)
{
	ListCell   *lc;
	int			i = 0;

	c->nlabels = list_length(c->def->labels);
	c->labels = palloc0(sizeof(MyLabel) * Max(c->nlabels, 1));
	foreach(lc, c->def->labels)
	{
		MyLabel    *label = &c->labels[i++];

		label->text = pstrdup((char *) lfirst(lc));
		label->utf8 = pg_server_to_any(label->text, strlen(label->text),
									   PG_UTF8);
		label->len = strlen(label->utf8);
		if (label->len == 0)
			c->has_empty_label = true;
		if (c->is_enum)
			my_load_label(c, label);
	}
}

/*
 * What the column is at the destination: the functions of its type.
 */
static void
set_destination(MyColumn *c)
{
	Oid			typid = c->col->typid;
	HeapTuple	tup;
	Form_pg_type type;

	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", typid);
	type = (Form_pg_type) GETSTRUCT(tup);
	if (!type->typisdefined)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type %s is only a shell", format_type_be(typid))));
	fmgr_info_cxt(type->typinput, &c->infn, c->table->rel->cxt);
	c->inparam = getTypeIOParam(tup);
	fmgr_info_cxt(type->typoutput, &c->outfn, c->table->rel->cxt);
	if (OidIsValid(type->typsend))
		fmgr_info_cxt(type->typsend, &c->sendfn, c->table->rel->cxt);
	c->is_enum = type->typtype == TYPTYPE_ENUM;
	c->textlike = type->typtype == TYPTYPE_BASE && type->typlen == -1 &&
		IsBinaryCoercible(typid, TEXTOID);
	ReleaseSysCache(tup);
	c->typelem = get_element_type(typid);
	c->code = table_owner_of_domain(typid);
}

void
my_values_prepare(SourceRelation *rel, MyConn *conn, TypePolicy *policy)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(rel->cxt);
	MyTable    *table = palloc0(sizeof(MyTable));
	ListCell   *lc;
	int			i = 0;

	if (list_length(rel->def->columns) != rel->ncolumns || rel->ncolumns == 0)
		elog(ERROR, "relation \"%s\".\"%s\" has %d columns, its definition %d",
			 rel->schema, rel->name, rel->ncolumns,
			 list_length(rel->def->columns));

	table->rel = rel;
	table->columns = palloc0(sizeof(MyColumn) * rel->ncolumns);
	table->replicated = palloc0(sizeof(MyColumn *) * rel->ncolumns);
	table->rowcxt = AllocSetContextCreate(rel->cxt, "dtsmig row to copy",
										  ALLOCSET_DEFAULT_SIZES);
	my_charset_init();
	rel->text_rows = false;

	foreach(lc, rel->def->columns)
	{
		MyColumn   *c = &table->columns[i];

		c->index = i;
		c->table = table;
		c->col = &rel->columns[i++];
		c->def = (TableColumn *) lfirst(lc);
		c->policy = policy;
		c->col->engine = c;
		if (!c->col->replicated || !OidIsValid(c->col->typid))
		{
			/* the log is still checked against its type, if that is known */
			c->col->engine = c;
			set_kind(c);
			if (c->kind == MY_ENUM || c->kind == MY_SET)
				c->nlabels = list_length(c->def->labels);
			continue;
		}

		set_kind(c);
		set_destination(c);
		if (c->kind == MY_ENUM || c->kind == MY_SET)
			set_labels(c);
		if (c->kind == MY_TEXT || c->kind == MY_JSON)
			c->charset = my_charset_get(conn, c->def->charset ?
										c->def->charset : "utf8mb4");
		/* PostGIS receives no rings that are open, but it reads them */
		rel->text_rows |= c->kind == MY_GEOMETRY && !c->textlike &&
			c->col->typid != BYTEAOID;
		my_prepare_zero_date(c);
		c->text_datum = my_choose_text(c);
		c->text_copy = my_choose_copy(c);
		table->replicated[table->nreplicated++] = c;
	}
	my_push_filter(rel);
	MemoryContextSwitchTo(oldcxt);
}

char *
my_select_expression(const SourceRelation *rel, int col)
{
	MyColumn   *c = (MyColumn *) rel->columns[col].engine;
	char	   *name = my_quote_identifier(rel->columns[col].name);

	/*
	 * FLOAT is printed with 6 digits, and DOUBLE(M,D) with D decimals, which
	 * do not have all their bits; as a product with a double they are printed
	 * as the double that they are.
	 */
	if (c->kind == MY_FLOAT ||
		(c->kind == MY_DOUBLE && strchr(c->def->source_type, '(') != NULL))
		return psprintf("%s * 1e0", name);
	return name;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

typedef enum FieldState
{
	FIELD_VALUE,
	FIELD_NULL,
	FIELD_BROKEN
} FieldState;

/*
 * The next field of a row of the text protocol.
 */
static inline FieldState
read_field(const uint8 **p, const uint8 *end, const uint8 **data, Size *len)
{
	const uint8 *at = *p;
	uint64		n;

	if (unlikely(at >= end))
		return FIELD_BROKEN;
	n = *at++;
	if (unlikely(n > 250))
	{
		int			bytes;
		int			i;

		if (n == 251)
		{
			*p = at;
			return FIELD_NULL;
		}
		if (n == 255)
			return FIELD_BROKEN;
		bytes = n == 252 ? 2 : n == 253 ? 3 : 8;
		if (end - at < bytes)
			return FIELD_BROKEN;
		n = 0;
		for (i = bytes - 1; i >= 0; i--)
			n = n << 8 | at[i];
		at += bytes;
	}
	if (unlikely(n > (uint64) (end - at)))
		return FIELD_BROKEN;
	*data = at;
	*len = (Size) n;
	*p = at + n;
	return FIELD_VALUE;
}

/*
 * The same; false if it is NULL, an error if it is broken.
 */
static inline bool
next_field(MyTable *table, const uint8 **p, const uint8 *end,
		   const uint8 **data, Size *len)
{
	FieldState	state = read_field(p, end, data, len);

	if (unlikely(state == FIELD_BROKEN))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("row of table \"%s\".\"%s\" is malformed",
						table->rel->schema, table->rel->name)));
	return state == FIELD_VALUE;
}

/*
 * Appends at most 64 printable bytes of a key's value.
 */
static void
append_shown(StringInfo buf, const uint8 *data, Size len)
{
	Size		i;

	for (i = 0; i < Min(len, 64); i++)
		appendStringInfoChar(buf, data[i] >= ' ' && data[i] < 0x7f ?
							 data[i] : '?');
	if (len > 64)
		appendStringInfoString(buf, "...");
}

/*
 * Says which row and column an error is about. The row is named by its key:
 * from the packet, or what has been read of it from the log.
 */
static void
value_error_context(void *arg)
{
	StringInfoData line;
	MyTable    *table = (MyTable *) arg;
	SourceRelation *rel = table->rel;
	StringInfoData names;
	StringInfoData values;
	const uint8 *p = table->packet;
	int			i;

	initStringInfo(&names);
	initStringInfo(&values);
	if (p != NULL)
	{
		for (i = 0; i < table->nreplicated; i++)
		{
			const uint8 *end = table->packet + table->packet_len;
			const uint8 *data = NULL;
			Size		len = 0;
			FieldState	state = read_field(&p, end, &data, &len);

			if (state == FIELD_BROKEN)
				break;
			if (state == FIELD_VALUE && table->replicated[i]->col->in_key)
			{
				appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
								 table->replicated[i]->col->name);
				if (values.len > 0)
					appendStringInfoString(&values, ", ");
				append_shown(&values, data, len);
			}
		}
	}
	else if (table->row != NULL && table->current != NULL)
	{
		for (i = 0; i < table->current->index; i++)
		{
			SourceColumn *col = &rel->columns[i];
			Datum		value = table->row->values[i];

			if (!col->in_key || table->row->status[i] != COLUMN_VALUE ||
				(col->typid != INT2OID && col->typid != INT4OID &&
				 col->typid != INT8OID))
				continue;
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 col->name);
			appendStringInfo(&values, "%s" INT64_FORMAT,
							 values.len > 0 ? ", " : "",
							 col->typid == INT2OID ? DatumGetInt16(value) :
							 col->typid == INT4OID ? DatumGetInt32(value) :
							 DatumGetInt64(value));
		}
	}

	initStringInfo(&line);
	appendStringInfo(&line, "source table \"%s\".\"%s\"", rel->schema, rel->name);
	if (table->current != NULL)
		appendStringInfo(&line, ", column \"%s\"", table->current->col->name);
	if (table->current != NULL && names.len > 0)
		appendStringInfo(&line, ", row with key (%s)=(%s)", names.data, values.data);
	error_place_context(rel->schema, rel->name, line.data);
}

/* Returns where the row ends. */
static const uint8 *
row_to_binary(MyTable *table, const uint8 *p, const uint8 *end, StringInfo buf)
{
	uint16		n16 = pg_hton16((uint16) table->nreplicated);
	int			i;

	enlargeStringInfo(buf, 2);
	memcpy(buf->data + buf->len, &n16, 2);
	buf->len += 2;
	for (i = 0; i < table->nreplicated; i++)
	{
		MyColumn   *c = table->replicated[i];
		const uint8 *data;
		Size		n;

		table->current = c;
		if (next_field(table, &p, end, &data, &n))
		{
			if (unlikely(n + MY_COPY_ROOM >= (Size) (buf->maxlen - buf->len)))
			{
				if (n > MaxAllocSize - MY_COPY_ROOM)
					ereport(ERROR,
							(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							 errmsg("value of %zu bytes is too long", n)));
				enlargeStringInfo(buf, (int) (n + MY_COPY_ROOM));
			}
			c->text_copy(c, data, n, buf);
		}
		else
		{
			enlargeStringInfo(buf, 4);
			memset(buf->data + buf->len, 0xFF, 4);
			buf->len += 4;
		}
	}
	return p;
}

/*
 * As text, for types whose receive function refuses what their input function
 * takes.
 */
static const uint8 *
row_to_text(MyTable *table, const uint8 *p, const uint8 *end, StringInfo buf)
{
	for (int i = 0; i < table->nreplicated; i++)
	{
		MyColumn   *c = table->replicated[i];
		const uint8 *data;
		Size		n;
		Datum		value;

		table->current = c;
		copy_text_put(buf, next_field(table, &p, end, &data, &n) &&
					  c->text_datum(c, data, n, &value) ?
					  OutputFunctionCall(&c->outfn, value) : NULL, i == 0);
	}
	copy_text_end(buf);
	return p;
}

void
my_row_to_copy(SourceRelation *rel, const uint8 *packet, Size len,
			   StringInfo buf)
{
	MyTable    *table = ((MyColumn *) rel->columns[0].engine)->table;
	ErrorContextCallback errctx;
	MemoryContext oldcxt;
	const uint8 *p = packet;
	const uint8 *end = packet + len;

	errctx.callback = value_error_context;
	errctx.arg = table;
	errctx.previous = error_context_stack;
	error_context_stack = &errctx;
	table->current = NULL;
	table->packet = packet;
	table->packet_len = len;
	table->row = NULL;
	oldcxt = MemoryContextSwitchTo(table->rowcxt);

	if (rel->text_rows)
		p = row_to_text(table, p, end, buf);
	else
		p = row_to_binary(table, p, end, buf);
	if (unlikely(p != end))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("row of table \"%s\".\"%s\" has more columns than were asked for",
						rel->schema, rel->name)));

	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(table->rowcxt);
	error_context_stack = errctx.previous;
	table->packet = NULL;
}

void
my_row_from_text(SourceRelation *rel, const uint8 *packet, Size len, Row *row)
{
	MyTable    *table = ((MyColumn *) rel->columns[0].engine)->table;
	ErrorContextCallback errctx;
	const uint8 *p = packet;
	const uint8 *end = packet + len;
	int			i;

	errctx.callback = value_error_context;
	errctx.arg = table;
	errctx.previous = error_context_stack;
	error_context_stack = &errctx;
	table->current = NULL;
	table->packet = packet;
	table->packet_len = len;
	table->row = NULL;

	if (table->nreplicated < rel->ncolumns)
	{
		memset(row->values, 0, sizeof(Datum) * rel->ncolumns);
		memset(row->status, COLUMN_ABSENT, rel->ncolumns);
	}
	for (i = 0; i < table->nreplicated; i++)
	{
		MyColumn   *c = table->replicated[i];
		const uint8 *data;
		Size		n;

		table->current = c;
		if (next_field(table, &p, end, &data, &n) &&
			c->text_datum(c, data, n, &row->values[c->index]))
			row->status[c->index] = COLUMN_VALUE;
		else
		{
			row->values[c->index] = (Datum) 0;
			row->status[c->index] = COLUMN_NULL;
		}
	}
	if (unlikely(p != end))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("row of table \"%s\".\"%s\" has more columns than were asked for",
						rel->schema, rel->name)));

	error_context_stack = errctx.previous;
	table->packet = NULL;
}

/* Errors below name the column from now on. */
static void
enter_value(MyColumn *c, ErrorContextCallback *errctx, Row *row)
{
	MyTable    *table = c->table;

	errctx->callback = value_error_context;
	errctx->arg = table;
	errctx->previous = error_context_stack;
	error_context_stack = errctx;
	table->current = c;
	table->packet = NULL;
	table->row = row;
}

static void
leave_value(MyColumn *c, ErrorContextCallback *errctx, Row *row,
			bool has_value)
{
	if (has_value)
		row->status[c->index] = COLUMN_VALUE;
	else
	{
		row->values[c->index] = (Datum) 0;
		row->status[c->index] = COLUMN_NULL;
	}
	error_context_stack = errctx->previous;
	c->table->row = NULL;
}

static bool
leave_out(MyColumn *c, int col, Row *row)
{
	if (likely(c->text_datum != NULL))
		return false;
	row->values[col] = (Datum) 0;
	row->status[col] = COLUMN_ABSENT;
	return true;
}

void
my_value_from_binlog(SourceRelation *rel, int col, const uint8 *data, Size len,
					 Row *row)
{
	MyColumn   *c = (MyColumn *) rel->columns[col].engine;
	ErrorContextCallback errctx;

	if (leave_out(c, col, row))
		return;
	Assert(c->binlog != NULL);
	enter_value(c, &errctx, row);
	leave_value(c, &errctx, row, c->binlog(c, data, len, &row->values[col]));
}

void
my_json_from_diffs(SourceRelation *rel, int col, const uint8 *before,
				   Size before_len, const uint8 *diffs, Size diffs_len,
				   Row *row)
{
	MyColumn   *c = (MyColumn *) rel->columns[col].engine;
	ErrorContextCallback errctx;

	if (leave_out(c, col, row))
		return;
	enter_value(c, &errctx, row);
	leave_value(c, &errctx, row,
				my_binlog_json_diffs(c, before, before_len, diffs, diffs_len,
									 &row->values[col]));
}

void
my_value_by_default(SourceRelation *rel, int col, Row *row)
{
	MyColumn   *c = (MyColumn *) rel->columns[col].engine;
	ErrorContextCallback errctx;
	const char *text;
	Size		len;

	if (leave_out(c, col, row))
		return;
	text = my_default_text(c->def, &len);
	if (text == NULL)
		return;
	enter_value(c, &errctx, row);
	leave_value(c, &errctx, row, c->text_datum(c, (const uint8 *) text, len,
											   &row->values[col]));
}
