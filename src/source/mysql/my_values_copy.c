/*-------------------------------------------------------------------------
 *
 * my_values_copy.c
 *	  Values of the text protocol as fields of COPY (FORMAT binary): a length
 *	  in network order and the bytes that the destination type's receive
 *	  function reads, or -1 for NULL.
 *
 * This is the way of the full load, so that the usual pairs of types write
 * into the buffer of COPY at once, without a Datum in between. my_row_to_copy
 * has made room for a value and MY_COPY_ROOM bytes before it calls one of
 * these; only what may write more makes room itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "source/mysql/my_number.h"
#include "source/mysql/my_value_impl.h"

/* Of numeric_recv; the server keeps them to itself. */
#define NUMERIC_WIRE_POS 0x0000
#define NUMERIC_WIRE_NEG 0x4000

static inline void
put16(char *p, uint16 v)
{
	v = pg_hton16(v);
	memcpy(p, &v, 2);
}

static inline void
put32(char *p, uint32 v)
{
	v = pg_hton32(v);
	memcpy(p, &v, 4);
}

static inline void
put64(char *p, uint64 v)
{
	v = pg_hton64(v);
	memcpy(p, &v, 8);
}

static inline void
field_null(StringInfo buf)
{
	put32(buf->data + buf->len, (uint32) -1);
	buf->len += 4;
}

static inline void
field16(StringInfo buf, uint16 v)
{
	put32(buf->data + buf->len, 2);
	put16(buf->data + buf->len + 4, v);
	buf->len += 6;
}

static inline void
field32(StringInfo buf, uint32 v)
{
	put32(buf->data + buf->len, 4);
	put32(buf->data + buf->len + 4, v);
	buf->len += 8;
}

static inline void
field64(StringInfo buf, uint64 v)
{
	put32(buf->data + buf->len, 8);
	put64(buf->data + buf->len + 4, v);
	buf->len += 12;
}

/* For values that came with the packet, for which there is room. */
static inline void
field_bytes(StringInfo buf, const uint8 *data, Size len)
{
	put32(buf->data + buf->len, (uint32) len);
	memcpy(buf->data + buf->len + 4, data, len);
	buf->len += 4 + len;
}

/* For values made on the way. */
static void
field_long(StringInfo buf, const uint8 *data, Size len)
{
	if (len > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long", len)));
	enlargeStringInfo(buf, (int) len + 4);
	field_bytes(buf, data, len);
}

/* ------------------------------------------------------------------------
 * The general way: the Datum, through the type's send function
 * ------------------------------------------------------------------------
 */

static void
copy_general(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	Datum		value;
	bytea	   *sent;

	if (!c->text_datum(c, data, len, &value))
	{
		field_null(buf);
		return;
	}
	sent = SendFunctionCall(&c->sendfn, value);
	field_long(buf, (const uint8 *) VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
}

/* ------------------------------------------------------------------------
 * Numbers
 * ------------------------------------------------------------------------
 */

static void
copy_int2(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	int64		i;

	if (unlikely(!my_parse_int64(data, len, &i)))
		i = my_text_int(c, data, len);
	if (unlikely(i < PG_INT16_MIN || i > PG_INT16_MAX))
		my_out_of_range(c, psprintf(INT64_FORMAT, i));
	field16(buf, (uint16) i);
}

static void
copy_int4(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	int64		i;

	if (unlikely(!my_parse_int64(data, len, &i)))
		i = my_text_int(c, data, len);
	if (unlikely(i < PG_INT32_MIN || i > PG_INT32_MAX))
		my_out_of_range(c, psprintf(INT64_FORMAT, i));
	field32(buf, (uint32) i);
}

static void
copy_int8(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	int64		i;

	if (unlikely(!my_parse_int64(data, len, &i)))
		i = my_text_int(c, data, len);
	field64(buf, (uint64) i);
}

static void
field_bool(MyColumn *c, int64 i, StringInfo buf)
{
	Datum		value;

	(void) my_int_datum_bool(c, i, &value);
	put32(buf->data + buf->len, 1);
	buf->data[buf->len + 4] = (char) i;
	buf->len += 5;
}

static void
copy_bool(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	field_bool(c, my_text_int(c, data, len), buf);
}

static void
copy_bit_bool(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	field_bool(c, (int64) my_bit_value(c, data, len), buf);
}

/*
 * A decimal, [-]digits[.digits], as numeric_recv reads it: count of base-
 * 10000 digits, weight of the first, sign, display scale, digits.
 */
void
my_put_numeric(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	const uint8 *p = data;
	const uint8 *end = data + len;
	const uint8 *first;			/* of the integer part, without zeros */
	const uint8 *point;
	char	   *head;
	char	   *out;
	uint16		sign = NUMERIC_WIRE_POS;
	int			nint;
	int			nfrac;
	int			ndigits;
	int			weight;

	if (p < end && *p == '-')
	{
		sign = NUMERIC_WIRE_NEG;
		p++;
	}
	if (p == end)
		my_bad_value(c, data, len);
	while (p < end && *p == '0')
		p++;
	first = p;
	while (p < end && (uint8) (*p - '0') <= 9)
		p++;
	point = p;
	nint = point - first;
	nfrac = 0;
	if (p < end)
	{
		if (*p != '.')
			my_bad_value(c, data, len);
		for (p++; p < end; p++)
			if ((uint8) (*p - '0') > 9)
				my_bad_value(c, data, len);
		nfrac = end - point - 1;
	}
	/* beyond that it is no DECIMAL of any source */
	if (nint + nfrac > 1000)
		my_bad_value(c, data, len);

	/* 12 bytes and 2 for 4 digits: that is within len + MY_COPY_ROOM */
	head = buf->data + buf->len;
	out = head + 12;

	/* integer part: the first digit may stand for less than 4 */
	weight = (nint + 3) / 4 - 1;
	p = first;
	if (nint > 0)
	{
		int			n = (nint - 1) % 4 + 1;
		uint32		v = 0;

		for (; n > 0; n--)
			v = v * 10 + (*p++ - '0');
		put16(out, v);
		out += 2;
		for (; p < point; p += 4)
		{
			v = (p[0] - '0') * 1000 + (p[1] - '0') * 100 +
				(p[2] - '0') * 10 + (p[3] - '0');
			put16(out, v);
			out += 2;
		}
	}

	/* fraction: the last may */
	if (nfrac > 0)
	{
		p = point + 1;
		for (; end - p >= 4; p += 4)
		{
			put16(out, (p[0] - '0') * 1000 + (p[1] - '0') * 100 +
				  (p[2] - '0') * 10 + (p[3] - '0'));
			out += 2;
		}
		if (p < end)
		{
			uint32		v = (p[0] - '0') * 1000;

			if (end - p > 1)
				v += (p[1] - '0') * 100;
			if (end - p > 2)
				v += (p[2] - '0') * 10;
			put16(out, v);
			out += 2;
		}
	}

	/* no zeros at the end, to write less */
	while (out > head + 12 && out[-1] == 0 && out[-2] == 0)
		out -= 2;
	ndigits = (out - head - 12) / 2;
	if (ndigits == 0)
	{
		weight = 0;
		sign = NUMERIC_WIRE_POS;
	}

	put32(head, 8 + 2 * ndigits);
	put16(head + 4, ndigits);
	put16(head + 6, (uint16) weight);
	put16(head + 8, sign);
	put16(head + 10, nfrac);
	buf->len = out - buf->data;
}

static void
copy_float8(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	union
	{
		double		d;
		uint64		i;
	}			u;

	if (!my_parse_double(data, len, &u.d))
		my_bad_value(c, data, len);
	field64(buf, u.i);
}

static void
copy_float4(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	double		d;
	union
	{
		float		f;
		uint32		i;
	}			u;

	if (!my_parse_double(data, len, &d))
		my_bad_value(c, data, len);
	u.f = (float) d;
	if (isinf(u.f))
		my_out_of_range(c, pnstrdup((const char *) data, len));
	field32(buf, u.i);
}

/* ------------------------------------------------------------------------
 * Dates and times
 * ------------------------------------------------------------------------
 */

static void
copy_date(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	MyTemporal	t;
	int32		date;

	if (!my_parse_datetime(data, len, &t))
		my_bad_value(c, data, len);
	if (my_temporal_date(c, &t, &date))
		field32(buf, (uint32) date);
	else
		field_null(buf);
}

static void
copy_timestamp(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	MyTemporal	t;
	int64		ts;

	if (!my_parse_datetime(data, len, &t))
		my_bad_value(c, data, len);
	if (my_temporal_timestamp(c, &t, &ts))
		field64(buf, (uint64) ts);
	else
		field_null(buf);
}

static void
copy_time(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	MyTemporal	t;

	if (!my_parse_time(data, len, &t))
		my_bad_value(c, data, len);
	field64(buf, (uint64) my_temporal_time(c, &t));
}

static void
copy_interval(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	MyTemporal	t;
	char	   *p = buf->data + buf->len;

	if (!my_parse_time(data, len, &t))
		my_bad_value(c, data, len);
	put32(p, 16);
	put64(p + 4, (uint64) my_temporal_interval(&t));
	put32(p + 12, 0);			/* days */
	put32(p + 16, 0);			/* months */
	buf->len += 20;
}

/* ------------------------------------------------------------------------
 * Text and bytes
 * ------------------------------------------------------------------------
 */

/*
 * Into a database in UTF-8. The receive functions verify text against the
 * client encoding, which is the database's in a worker, so that looking at it
 * twice would only take time.
 */
static void
copy_utf8(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	if (unlikely(memchr(data, 0, len) != NULL))
	{
		data = my_clean_text(c, data, &len);
		field_long(buf, data, len);
		return;
	}
	field_bytes(buf, data, len);
}

static void
copy_text(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	data = my_clean_text(c, data, &len);
	field_long(buf, data, len);
}

static void
copy_json(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	data = my_clean_text(c, data, &len);
	field_long(buf, data, len);
}

static void
copy_jsonb(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	data = my_clean_json(c, data, &len);
	if (len >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("JSON of %zu bytes is too long", len)));
	enlargeStringInfo(buf, (int) len + 5);
	put32(buf->data + buf->len, (uint32) len + 1);
	buf->data[buf->len + 4] = 1;	/* version */
	memcpy(buf->data + buf->len + 5, data, len);
	buf->len += 5 + len;
}

static void
copy_bytes(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	field_bytes(buf, data, len);
}

static void
copy_geometry(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	uint32		srid;

	my_geometry_wkb(c, &data, &len, &srid);
	field_bytes(buf, data, len);
}

static void
copy_enum(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	if (unlikely(len == 0 && !c->has_empty_label))
	{
		if (!my_enum_zero(c))
			field_null(buf);
		return;
	}
	copy_text(c, data, len, buf);
}

/*
 * "a,b" as a one-dimensional array of text, for array_recv.
 */
static void
copy_set(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	const uint8 *end;
	int			start = buf->len;
	int			n = 0;

	data = my_clean_text(c, data, &len);
	end = data + len;
	if (len > MaxAllocSize / 8)
		my_bad_value(c, data, len);
	enlargeStringInfo(buf, (int) len * 5 + 32);
	put32(buf->data + start + 4, len > 0 ? 1 : 0);	/* dimensions */
	put32(buf->data + start + 8, 0);	/* no NULL in it */
	put32(buf->data + start + 12, c->typelem);
	buf->len += 16;
	if (len > 0)
	{
		buf->len += 8;			/* length and lower bound come below */
		for (;;)
		{
			const uint8 *comma = memchr(data, ',', end - data);

			field_bytes(buf, data, (comma ? comma : end) - data);
			n++;
			if (comma == NULL)
				break;
			data = comma + 1;
		}
		put32(buf->data + start + 16, n);
		put32(buf->data + start + 20, 1);
	}
	put32(buf->data + start, buf->len - start - 4);
}

/* ------------------------------------------------------------------------
 * The rest
 * ------------------------------------------------------------------------
 */

static void
copy_uuid(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	uint8		bytes[16];

	if (!my_uuid_parse(data, len, bytes))
	{
		copy_general(c, data, len, buf);
		return;
	}
	field_bytes(buf, bytes, 16);
}

static void
copy_uuid_bytes(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	if (len != 16)
		my_bad_value(c, data, len);
	field_bytes(buf, data, 16);
}

static void
copy_inet(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	uint8		wire[8] = {PGSQL_AF_INET, 32, 0, 4};

	if (!my_inet4_parse(data, len, wire + 4))
	{
		copy_general(c, data, len, buf);
		return;
	}
	field_bytes(buf, wire, sizeof(wire));
}

static void
copy_bit(MyColumn *c, const uint8 *data, Size len, StringInfo buf)
{
	uint64		v = my_bit_value(c, data, len);
	int			bits = c->def->length;
	int			nbytes = (bits + 7) / 8;
	char	   *p = buf->data + buf->len;
	int			i;

	v <<= 64 - bits;
	put32(p, 4 + nbytes);
	put32(p + 4, bits);
	for (i = 0; i < nbytes; i++)
		p[8 + i] = (char) (v >> (56 - 8 * i));
	buf->len += 8 + nbytes;
}

/*
 * Chooses by destination type, then by source kind, as my_choose_text does.
 */
MyTextToCopy
my_choose_copy(MyColumn *c)
{
	bool		is_number = c->kind == MY_INT || c->kind == MY_DECIMAL;
	bool		is_float = is_number || c->kind == MY_FLOAT ||
		c->kind == MY_DOUBLE;
	bool		is_date = c->kind == MY_DATE || c->kind == MY_DATETIME ||
		c->kind == MY_TIMESTAMP;
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;

	switch (c->col->typid)
	{
		case BOOLOID:
			if (is_number)
				return copy_bool;
			if (c->kind == MY_BIT)
				return copy_bit_bool;
			break;
		case INT2OID:
			if (is_number)
				return copy_int2;
			break;
		case INT4OID:
			if (is_number)
				return copy_int4;
			break;
		case INT8OID:
			if (is_number)
				return copy_int8;
			break;
		case NUMERICOID:
			if (is_number)
				return my_put_numeric;
			break;
		case FLOAT4OID:
			if (is_float)
				return copy_float4;
			break;
		case FLOAT8OID:
			if (is_float)
				return copy_float8;
			break;
		case DATEOID:
			if (is_date)
				return copy_date;
			break;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			if (is_date)
				return copy_timestamp;
			break;
		case TIMEOID:
			if (c->kind == MY_TIME)
				return copy_time;
			break;
		case INTERVALOID:
			if (c->kind == MY_TIME)
				return copy_interval;
			break;
		case JSONOID:
			if (c->kind == MY_JSON || c->kind == MY_TEXT)
				return copy_json;
			break;
		case JSONBOID:
			if (c->kind == MY_JSON || c->kind == MY_TEXT)
				return copy_jsonb;
			break;
		case BYTEAOID:
			if (c->kind == MY_BINARY || c->kind == MY_TEXT ||
				c->kind == MY_JSON || c->kind == MY_BIT ||
				c->kind == MY_VECTOR)
				return copy_bytes;
			if (c->kind == MY_GEOMETRY)
				return copy_geometry;
			break;
		case UUIDOID:
			if (c->kind == MY_UUID || c->kind == MY_TEXT)
				return copy_uuid;
			if (c->kind == MY_BINARY && c->def->length == 16)
				return copy_uuid_bytes;
			break;
		case INETOID:
			if (c->kind == MY_INET)
				return copy_inet;
			break;
		case BITOID:
		case VARBITOID:
			if (c->kind == MY_BIT && c->def->length >= 1 && c->def->length <= 64)
				return copy_bit;
			break;
		default:
			break;
	}

	if (c->kind == MY_ENUM && (c->is_enum || c->textlike))
		return copy_enum;
	if (c->textlike && c->kind != MY_BIT && c->kind != MY_GEOMETRY &&
		c->kind != MY_VECTOR)
		return utf8 && c->kind != MY_BINARY ? copy_utf8 : copy_text;
	if (c->kind == MY_SET && (c->typelem == TEXTOID || c->typelem == VARCHAROID))
		return copy_set;
	return copy_general;
}
