/*-------------------------------------------------------------------------
 *
 * my_values_text.c
 *	  Values of the text protocol as Datums.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "source/mysql/my_number.h"
#include "core/table_owner.h"
#include "source/mysql/my_value_impl.h"

/* How much of a bad value an error shows. */
#define SHOWN_BYTES 64

/*
 * Raises the error for a value that the destination's type cannot take.
 */
void
my_bad_value(MyColumn *c, const uint8 *data, Size len)
{
	StringInfoData shown;
	bool		printable = my_is_ascii(data, Min(len, SHOWN_BYTES));
	Size		i;

	initStringInfo(&shown);
	if (!printable)
		appendStringInfoString(&shown, "0x");
	for (i = 0; i < Min(len, SHOWN_BYTES); i++)
	{
		if (!printable)
			appendStringInfo(&shown, "%02x", data[i]);
		else
			appendStringInfoChar(&shown, data[i] >= ' ' ? data[i] : '?');
	}
	if (len > SHOWN_BYTES)
		appendStringInfoString(&shown, "...");
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("value \"%s\" of source type %s does not fit destination type %s",
					shown.data, c->col->source_type,
					format_type_be(c->col->typid)),
			 MY_ERR_COLUMN(c)));
}

/*
 * Raises the error for a number that the destination's type cannot hold.
 */
void
my_out_of_range(MyColumn *c, const char *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("value %s of source type %s is out of range for destination type %s",
					value, c->col->source_type,
					format_type_be(c->col->typid)),
			 MY_ERR_COLUMN(c)));
}

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/*
 * Text with 0x00 in it, by policy.
 */
static pg_noinline const uint8 *
nul_bytes(MyColumn *c, const uint8 *data, Size *len)
{
	StringInfoData buf;
	const uint8 *end = data + *len;

	if (c->policy->nul_byte == NUL_BYTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("text of column \"%s\" holds a byte 0x00, which PostgreSQL cannot store",
						c->col->name),
				 errhint("Set the option \"nul_byte\" to \"strip\" or \"replace\", or map the column to bytea."),
				 MY_ERR_COLUMN(c)));

	c->policy->n_nul_bytes++;
	initStringInfo(&buf);
	while (data < end)
	{
		const uint8 *nul = memchr(data, 0, end - data);

		appendBinaryStringInfo(&buf, (const char *) data,
							   (nul ? nul : end) - data);
		if (nul == NULL)
			break;
		if (c->policy->nul_byte == NUL_BYTE_REPLACE)
			appendBinaryStringInfo(&buf, "\xEF\xBF\xBD", 3);
		data = nul + 1;
	}
	*len = buf.len;
	return (const uint8 *) buf.data;
}

/*
 * UTF-8 text as text that may be stored: the policy for 0x00 applied,
 * verified, in the database's encoding. Returns data itself where it can.
 */
const uint8 *
my_clean_text(MyColumn *c, const uint8 *data, Size *len)
{
	if (unlikely(memchr(data, 0, *len) != NULL))
		data = nul_bytes(c, data, len);
	return my_utf8_to_server(data, len);
}

/*
 * The same for JSON that becomes jsonb, where \u0000 is a 0x00 in a text.
 */
const uint8 *
my_clean_json(MyColumn *c, const uint8 *data, Size *len)
{
	const uint8 *end;
	const uint8 *p;
	StringInfoData buf;
	bool		found = false;

	data = my_clean_text(c, data, len);
	end = data + *len;
	p = data;
	while ((p = memchr(p, '\\', end - p)) != NULL && end - p >= 6)
	{
		if (memcmp(p, "\\u0000", 6) == 0)
		{
			found = true;
			break;
		}
		p += 2;
	}
	if (likely(!found))
		return data;

	if (c->policy->nul_byte == NUL_BYTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("JSON of column \"%s\" holds \\u0000, which jsonb cannot store",
						c->col->name),
				 errhint("Set the option \"nul_byte\" to \"strip\" or \"replace\", or \"json\" to \"json\"."),
				 MY_ERR_COLUMN(c)));

	c->policy->n_nul_bytes++;
	initStringInfo(&buf);
	for (p = data; p < end;)
	{
		if (*p != '\\')
			appendStringInfoChar(&buf, *p++);
		else if (end - p >= 6 && memcmp(p, "\\u0000", 6) == 0)
		{
			if (c->policy->nul_byte == NUL_BYTE_REPLACE)
			{
				Size		n = 3;
				const uint8 *r = my_utf8_to_server((const uint8 *) "\xEF\xBF\xBD", &n);

				appendBinaryStringInfo(&buf, (const char *) r, n);
			}
			p += 6;
		}
		else
		{
			Size		n = Min(2, end - p);

			appendBinaryStringInfo(&buf, (const char *) p, n);
			p += n;
		}
	}
	*len = buf.len;
	return (const uint8 *) buf.data;
}

bool
my_text_datum(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	text	   *t;

	data = my_clean_text(c, data, &len);
	if (len > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long", len)));
	t = palloc(VARHDRSZ + len);
	SET_VARSIZE(t, VARHDRSZ + len);
	memcpy(VARDATA(t), data, len);
	*value = PointerGetDatum(t);
	if (c->scale_typmod)
	{
		if (c->col->typid == BPCHAROID)
			*value = DirectFunctionCall3(bpchar, *value,
										 Int32GetDatum(c->col->typmod),
										 BoolGetDatum(false));
		else if (len > c->col->typmod - VARHDRSZ)
			*value = DirectFunctionCall3(varchar, *value,
										 Int32GetDatum(c->col->typmod),
										 BoolGetDatum(false));
	}
	return true;
}

bool
my_text_json(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	char	   *str;

	if (c->col->typid == JSONBOID)
	{
		data = my_clean_json(c, data, &len);
		str = pnstrdup((const char *) data, len);
		*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(str));
	}
	else
	{
		data = my_clean_text(c, data, &len);
		str = pnstrdup((const char *) data, len);
		*value = DirectFunctionCall1(json_in, CStringGetDatum(str));
	}
	pfree(str);
	return true;
}

static bool
text_bytea(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	*value = my_bytea_datum(data, len);
	return true;
}

/*
 * The way for all other pairs: the destination type's input function.
 */
static bool
text_general(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	char	   *str = my_text_form(c, data, len);
	TableOwner	owner;

	table_owner_begin_value(c->table->rel->out->target_relid, c->code, &owner);
	*value = InputFunctionCall(&c->infn, str, c->inparam, c->col->typmod);
	table_owner_end(&owner);
	return true;
}

/* ------------------------------------------------------------------------
 * Numbers
 * ------------------------------------------------------------------------
 */

bool
my_int_datum_bool(MyColumn *c, int64 i, Datum *value)
{
	if (unlikely(i != 0 && i != 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("value " INT64_FORMAT " of column \"%s\" is not a boolean",
						i, c->col->name),
				 errhint("Map the column to smallint, or change the value at the source to 0, 1 or NULL."),
				 MY_ERR_COLUMN(c)));
	*value = BoolGetDatum(i != 0);
	return true;
}

bool
my_int_datum_int2(MyColumn *c, int64 i, Datum *value)
{
	if (unlikely(i < PG_INT16_MIN || i > PG_INT16_MAX))
		my_out_of_range(c, psprintf(INT64_FORMAT, i));
	*value = Int16GetDatum((int16) i);
	return true;
}

bool
my_int_datum_int4(MyColumn *c, int64 i, Datum *value)
{
	if (unlikely(i < PG_INT32_MIN || i > PG_INT32_MAX))
		my_out_of_range(c, psprintf(INT64_FORMAT, i));
	*value = Int32GetDatum((int32) i);
	return true;
}

bool
my_int_datum_int8(MyColumn *c, int64 i, Datum *value)
{
	*value = Int64GetDatum(i);
	return true;
}

/*
 * An integer from text that is one, or a decimal with nothing behind the
 * point.
 */
int64
my_text_int(MyColumn *c, const uint8 *data, Size len)
{
	int64		i;
	const uint8 *point;

	if (likely(my_parse_int64(data, len, &i)))
		return i;
	point = memchr(data, '.', len);
	if (point != NULL)
	{
		const uint8 *p = point + 1;

		while (p < data + len && *p == '0')
			p++;
		if (p == data + len && my_parse_int64(data, point - data, &i))
			return i;
	}
	else
	{
		const uint8 *p = data;

		while (p < data + len && (*p == '-' || (*p >= '0' && *p <= '9')))
			p++;
		if (len > 0 && p == data + len)
			my_out_of_range(c, pnstrdup((const char *) data, len));
	}
	my_bad_value(c, data, len);
}

static bool
text_int(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	return c->put_int(c, my_text_int(c, data, len), value);
}

static bool
text_numeric(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		unscaled;
	int			scale;

	if (likely(my_parse_small_decimal(data, len, &unscaled, &scale)) &&
		(scale == 0 || DTS_INT64_DIV_TO_NUMERIC))
		*value = NumericGetDatum(scale == 0 ? int64_to_numeric(unscaled) :
								 int64_div_fast_to_numeric(unscaled, scale));
	else
	{
		StringInfoData wire;

		initStringInfo(&wire);
		enlargeStringInfo(&wire, len + MY_COPY_ROOM);
		my_put_numeric(c, data, len, &wire);
		wire.cursor = 4;		/* the field's length is no part of it */
		*value = DirectFunctionCall3(numeric_recv, PointerGetDatum(&wire),
									 ObjectIdGetDatum(InvalidOid),
									 Int32GetDatum(-1));
		pfree(wire.data);
	}
	if (c->scale_typmod)
		*value = DirectFunctionCall2(numeric, *value,
									 Int32GetDatum(c->col->typmod));
	return true;
}

static bool
text_float8(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	double		d;

	if (!my_parse_double(data, len, &d))
		my_bad_value(c, data, len);
	*value = Float8GetDatum(d);
	return true;
}

static bool
text_float4(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	double		d;

	if (!my_parse_double(data, len, &d))
		my_bad_value(c, data, len);
	if (isinf((float4) d))
		my_out_of_range(c, pnstrdup((const char *) data, len));
	*value = Float4GetDatum((float4) d);
	return true;
}

/* ------------------------------------------------------------------------
 * Dates and times
 * ------------------------------------------------------------------------
 */

static bool
text_date(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;
	int32		date;

	if (!my_parse_datetime(data, len, &t))
		my_bad_value(c, data, len);
	if (!my_temporal_date(c, &t, &date))
		return false;
	*value = DateADTGetDatum(date);
	return true;
}

static bool
text_timestamp(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;
	int64		ts;

	if (!my_parse_datetime(data, len, &t))
		my_bad_value(c, data, len);
	if (!my_temporal_timestamp(c, &t, &ts))
		return false;
	*value = TimestampGetDatum(ts);
	if (c->scale_typmod)
		*value = my_scale_temporal(c, *value);
	return true;
}

static bool
text_time(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;

	if (!my_parse_time(data, len, &t))
		my_bad_value(c, data, len);
	*value = TimeADTGetDatum(my_temporal_time(c, &t));
	if (c->scale_typmod)
		*value = my_scale_temporal(c, *value);
	return true;
}

Datum
my_interval_datum(MyColumn *c, const MyTemporal *t)
{
	Interval   *iv = palloc0(sizeof(Interval));

	iv->time = my_temporal_interval(t);
	if (c->scale_typmod)
		return my_scale_temporal(c, IntervalPGetDatum(iv));
	return IntervalPGetDatum(iv);
}

static bool
text_interval(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;

	if (!my_parse_time(data, len, &t))
		my_bad_value(c, data, len);
	*value = my_interval_datum(c, &t);
	return true;
}

/* ------------------------------------------------------------------------
 * ENUM and SET
 * ------------------------------------------------------------------------
 */

/*
 * The policy for index 0, the error value '': false makes it NULL.
 */
bool
my_enum_zero(MyColumn *c)
{
	c->policy->n_enum_errors++;
	if (c->policy->enum_error == ENUM_ERROR_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("ENUM column \"%s\" holds the error value '' (index 0)",
						c->col->name),
				 errhint("Set the option \"enum_error\" to \"null\", or change the value at the source."),
				 MY_ERR_COLUMN(c)));
	return false;
}

/*
 * The member of that spelling; NULL if there is none.
 */
MyLabel *
my_find_label(MyColumn *c, const uint8 *data, Size len)
{
	int			i;

	for (i = 0; i < c->nlabels; i++)
		if (c->labels[i].len == len &&
			memcmp(c->labels[i].utf8, data, len) == 0)
			return &c->labels[i];
	return NULL;
}

/*
 * The Datum of an ENUM's member by its number (from 0): an enum value, or
 * whatever else the destination is.
 */
bool
my_label_datum(MyColumn *c, int index, Datum *value)
{
	MyLabel    *label = &c->labels[index];

	if (!OidIsValid(label->oid))
		my_load_label(c, label);
	if (!OidIsValid(label->oid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("enum type %s has no value \"%s\"",
						format_type_be(c->col->typid), label->text),
				 errhint("Add it with ALTER TYPE ... ADD VALUE."),
				 MY_ERR_COLUMN(c)));
	*value = ObjectIdGetDatum(label->oid);
	return true;
}

/*
 * Looks up an enum value, if a catalog can be read now.
 */
void
my_load_label(MyColumn *c, MyLabel *label)
{
	HeapTuple	tup;

	if (!IsTransactionState() || strlen(label->text) >= NAMEDATALEN)
		return;
	tup = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(c->col->typid),
						  CStringGetDatum(label->text));
	if (!HeapTupleIsValid(tup))
		return;
	label->oid = ((Form_pg_enum) GETSTRUCT(tup))->oid;
	ReleaseSysCache(tup);
}

static bool
text_enum(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyLabel    *label = my_find_label(c, data, len);

	if (label == NULL)
	{
		if (len == 0)
			return my_enum_zero(c);
		my_bad_value(c, data, len);
	}
	return my_label_datum(c, label - c->labels, value);
}

static bool
text_enum_text(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	if (len == 0 && !c->has_empty_label)
		return my_enum_zero(c);
	return my_text_datum(c, data, len, value);
}

static bool
text_set(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	data = my_clean_text(c, data, &len);
	*value = my_set_datum(c, data, len);
	return true;
}

/* ------------------------------------------------------------------------
 * The rest
 * ------------------------------------------------------------------------
 */

static bool
text_uuid(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint8		bytes[16];

	if (!my_uuid_parse(data, len, bytes))
		return text_general(c, data, len, value);
	*value = my_uuid_datum(bytes);
	return true;
}

static bool
text_uuid_bytes(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	if (len != 16)
		my_bad_value(c, data, len);
	*value = my_uuid_datum(data);
	return true;
}

static bool
text_inet(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint8		bytes[4];

	if (!my_inet4_parse(data, len, bytes))
		return text_general(c, data, len, value);
	*value = my_inet_datum(bytes, 4);
	return true;
}

static bool
text_bit(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	*value = my_bit_datum(c, data, len);
	return true;
}

static bool
text_bit_int(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint64		v = my_bit_value(c, data, len);

	if (v > PG_INT64_MAX)
		my_out_of_range(c, psprintf(UINT64_FORMAT, v));
	return c->put_int(c, (int64) v, value);
}

static bool
text_bit_numeric(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	char	   *str = psprintf(UINT64_FORMAT, my_bit_value(c, data, len));

	return text_numeric(c, (const uint8 *) str, strlen(str), value);
}

static bool
text_geometry_bytea(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint32		srid;

	my_geometry_wkb(c, &data, &len, &srid);
	*value = my_bytea_datum(data, len);
	return true;
}

static bool
text_vector(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	*value = my_vector_datum(c, data, len);
	return true;
}

/*
 * Chooses by destination type, then by source kind; sets put_int and
 * scale_typmod as well.
 */
MyTextToDatum
my_choose_text(MyColumn *c)
{
	int32		typmod = c->col->typmod;
	TableColumn *def = c->def;
	bool		is_date = c->kind == MY_DATE || c->kind == MY_DATETIME ||
		c->kind == MY_TIMESTAMP;

	switch (c->col->typid)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			c->put_int = c->col->typid == BOOLOID ? my_int_datum_bool :
				c->col->typid == INT2OID ? my_int_datum_int2 :
				c->col->typid == INT4OID ? my_int_datum_int4 :
				my_int_datum_int8;
			if (c->kind == MY_INT || c->kind == MY_DECIMAL)
				return text_int;
			if (c->kind == MY_BIT)
				return text_bit_int;
			break;
		case NUMERICOID:
			c->scale_typmod = typmod >= VARHDRSZ &&
				!(c->kind == MY_DECIMAL &&
				  typmod == ((def->precision << 16 | def->scale) + VARHDRSZ)) &&
				!(c->kind == MY_INT && typmod == (20 << 16) + VARHDRSZ);
			if (c->kind == MY_INT || c->kind == MY_DECIMAL)
				return text_numeric;
			if (c->kind == MY_BIT)
				return text_bit_numeric;
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			if (c->kind == MY_INT || c->kind == MY_DECIMAL ||
				c->kind == MY_FLOAT || c->kind == MY_DOUBLE)
				return c->col->typid == FLOAT4OID ? text_float4 : text_float8;
			break;
		case DATEOID:
			if (is_date)
				return text_date;
			break;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			c->scale_typmod = typmod >= 0 && typmod < def->fsp;
			if (is_date)
				return text_timestamp;
			break;
		case TIMEOID:
			c->scale_typmod = typmod >= 0 && typmod < def->fsp;
			if (c->kind == MY_TIME)
				return text_time;
			break;
		case INTERVALOID:
			c->scale_typmod = typmod >= 0;
			if (c->kind == MY_TIME)
				return text_interval;
			break;
		case JSONOID:
		case JSONBOID:
			if (c->kind == MY_JSON || c->kind == MY_TEXT)
				return my_text_json;
			break;
		case BYTEAOID:
			if (c->kind == MY_BINARY || c->kind == MY_TEXT ||
				c->kind == MY_JSON || c->kind == MY_BIT ||
				c->kind == MY_VECTOR)
				return text_bytea;
			if (c->kind == MY_GEOMETRY)
				return text_geometry_bytea;
			break;
		case UUIDOID:
			if (c->kind == MY_UUID || c->kind == MY_TEXT)
				return text_uuid;
			if (c->kind == MY_BINARY && def->length == 16)
				return text_uuid_bytes;
			break;
		case INETOID:
			if (c->kind == MY_INET)
				return text_inet;
			break;
		case BITOID:
		case VARBITOID:
			if (c->kind == MY_BIT && def->length >= 1 && def->length <= 64 &&
				(typmod < 0 || typmod == def->length))
				return text_bit;
			break;
		default:
			break;
	}

	if (c->textlike)
	{
		c->scale_typmod = typmod >= 0 &&
			(c->col->typid == BPCHAROID ||
			 (c->col->typid == VARCHAROID &&
			  !(c->kind == MY_TEXT && def->length >= 0 &&
				def->length <= typmod - VARHDRSZ)));
		if (c->kind == MY_ENUM)
			return text_enum_text;
		if (c->kind != MY_BIT && c->kind != MY_GEOMETRY && c->kind != MY_VECTOR)
			return my_text_datum;
	}
	if (c->kind == MY_ENUM && c->is_enum)
		return text_enum;
	if (c->kind == MY_SET && (c->typelem == TEXTOID || c->typelem == VARCHAROID))
		return text_set;
	if (c->kind == MY_VECTOR && c->typelem == FLOAT4OID)
		return text_vector;
	return text_general;
}
