/*-------------------------------------------------------------------------
 *
 * my_special.c
 *	  Values that are neither numbers, text nor time: BIT, UUID, INET4 and
 *	  INET6, GEOMETRY, VECTOR, SET; and the text form of any value.
 *
 * In both ways BIT is big-endian bytes, VECTOR little-endian float4s, and
 * GEOMETRY a little-endian SRID of 4 bytes and WKB.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"
#include "utils/varbit.h"

#include "source/mysql/my_value_impl.h"

/* SRID_MAXIMUM of PostGIS */
#define POSTGIS_SRID_MAX 999999

static const int8 hex_value[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
	['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16
};

/*
 * xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx as 16 bytes; false if it is not so.
 */
bool
my_uuid_parse(const uint8 *data, Size len, uint8 out[16])
{
	static const uint8 at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28,
	30, 32, 34};
	int			i;

	if (len != 36 || data[8] != '-' || data[13] != '-' || data[18] != '-' ||
		data[23] != '-')
		return false;
	for (i = 0; i < 16; i++)
	{
		int			hi = hex_value[data[at[i]]];
		int			lo = hex_value[data[at[i] + 1]];

		if (hi == 0 || lo == 0)
			return false;
		out[i] = (uint8) ((hi - 1) << 4 | (lo - 1));
	}
	return true;
}

/*
 * a.b.c.d as 4 bytes; false if it is not so.
 */
bool
my_inet4_parse(const uint8 *data, Size len, uint8 out[4])
{
	const uint8 *end = data + len;
	int			i;

	for (i = 0; i < 4; i++)
	{
		uint32		n = 0;
		int			digits = 0;

		if (i > 0 && (data >= end || *data++ != '.'))
			return false;
		while (data < end && *data >= '0' && *data <= '9' && digits < 3)
		{
			n = n * 10 + (*data++ - '0');
			digits++;
		}
		if (digits == 0 || n > 255)
			return false;
		out[i] = (uint8) n;
	}
	return data == end;
}

Datum
my_uuid_datum(const uint8 bytes[16])
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	memcpy(uuid->data, bytes, 16);
	return UUIDPGetDatum(uuid);
}

/*
 * An inet of one host, from 4 or 16 bytes.
 */
Datum
my_inet_datum(const uint8 *bytes, int n)
{
	char		wire[20];
	StringInfoData buf;

	wire[0] = n == 4 ? PGSQL_AF_INET : PGSQL_AF_INET6;
	wire[1] = n * 8;
	wire[2] = 0;
	wire[3] = n;
	memcpy(wire + 4, bytes, n);
	buf.data = wire;
	buf.len = buf.maxlen = 4 + n;
	buf.cursor = 0;
	return DirectFunctionCall1(inet_recv, PointerGetDatum(&buf));
}

Datum
my_bytea_datum(const uint8 *data, Size len)
{
	bytea	   *b;

	if (len > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of %zu bytes is too long", len)));
	b = palloc(VARHDRSZ + len);
	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), data, len);
	return PointerGetDatum(b);
}

/*
 * BIT(M) as a number.
 */
uint64
my_bit_value(MyColumn *c, const uint8 *data, Size len)
{
	uint64		v = 0;
	Size		i;

	if (len > 8)
		my_bad_value(c, data, len);
	for (i = 0; i < len; i++)
		v = v << 8 | data[i];
	return v;
}

/*
 * BIT(M) as a bit string of M bits, which PostgreSQL aligns to the left.
 */
Datum
my_bit_datum(MyColumn *c, const uint8 *data, Size len)
{
	uint64		v = my_bit_value(c, data, len);
	int			bits = c->def->length;
	int			nbytes = (bits + 7) / 8;
	VarBit	   *vb = palloc0(VARBITTOTALLEN(bits));
	int			i;

	SET_VARSIZE(vb, VARBITTOTALLEN(bits));
	VARBITLEN(vb) = bits;
	v <<= 64 - bits;
	for (i = 0; i < nbytes; i++)
		VARBITS(vb)[i] = (bits8) (v >> (56 - 8 * i));
	return VarBitPGetDatum(vb);
}

static inline uint32
get_uint32_le(const uint8 *p)
{
	return (uint32) p[0] | (uint32) p[1] << 8 | (uint32) p[2] << 16 |
		(uint32) p[3] << 24;
}

/*
 * Zero bytes: what ADD COLUMN ... NOT NULL gives to the existing rows.
 */
static void
no_value(MyColumn *c)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" of type %s is NOT NULL and has an empty value, which is none at the destination",
					c->col->name, c->col->source_type),
			 MY_ERR_COLUMN(c),
			 errhint("Give the column a value in all rows at the source, then resume the task.")));
}

/*
 * Takes the SRID off a geometry: *data and *len become its WKB.
 */
void
my_geometry_wkb(MyColumn *c, const uint8 **data, Size *len, uint32 *srid)
{
	const uint8 *p = *data;

	if (*len == 0)
		no_value(c);
	if (*len < 9)
		my_bad_value(c, p, *len);
	*srid = get_uint32_le(p);
	*data += 4;
	*len -= 4;
}

/* PostGIS would put another one in its place. */
static void
bad_srid(MyColumn *c, uint32 srid)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("SRID %u of a geometry is out of range for PostGIS, which takes 0 to %d",
					srid, POSTGIS_SRID_MAX),
			 MY_ERR_COLUMN(c),
			 errhint("Give it another SRID at the source, or leave the column out.")));
}

/* MySQL takes vectors that are shorter than the column's. */
static void
bad_dimensions(MyColumn *c, int n)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("a vector of %d dimensions does not fit type vector(%d)",
					n, c->col->typmod),
			 MY_ERR_COLUMN(c),
			 errhint("At the destination, ALTER TABLE ... ALTER COLUMN %s TYPE vector makes room for vectors of any length.",
					 quote_identifier(c->col->name))));
}

static float4
read_float4(const uint8 *p)
{
	union
	{
		uint32		i;
		float4		f;
	}			u;

	u.i = get_uint32_le(p);
	return u.f;
}

/*
 * VECTOR as real[].
 */
Datum
my_vector_datum(MyColumn *c, const uint8 *data, Size len)
{
	int			n = len / 4;
	Datum	   *elems;
	int			i;

	if (len % 4 != 0)
		my_bad_value(c, data, len);
	elems = palloc(sizeof(Datum) * Max(n, 1));
	for (i = 0; i < n; i++)
		elems[i] = Float4GetDatum(read_float4(data + 4 * i));
	return PointerGetDatum(construct_array(elems, n, FLOAT4OID, sizeof(float4),
										   true, TYPALIGN_INT));
}

/*
 * SET, as the text protocol has it ("a,b"), as text[]. data is in the
 * database's encoding.
 */
Datum
my_set_datum(MyColumn *c, const uint8 *data, Size len)
{
	Datum	   *elems;
	int			n = 0;
	const uint8 *end = data + len;

	if (len == 0)
		return PointerGetDatum(construct_empty_array(c->typelem));
	elems = palloc(sizeof(Datum) * 64);
	for (;;)
	{
		const uint8 *comma = memchr(data, ',', end - data);

		if (n == 64)
			my_bad_value(c, data, len);
		elems[n++] = PointerGetDatum(cstring_to_text_with_len((const char *) data,
															  (comma ? comma : end) - data));
		if (comma == NULL)
			break;
		data = comma + 1;
	}
	return PointerGetDatum(construct_array(elems, n, c->typelem, -1, false,
										   TYPALIGN_INT));
}

/*
 * One element of an array literal.
 */
static void
append_label(StringInfo buf, const uint8 *data, Size len)
{
	Size		i;

	appendStringInfoChar(buf, '"');
	for (i = 0; i < len; i++)
	{
		if (data[i] == '"' || data[i] == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, data[i]);
	}
	appendStringInfoChar(buf, '"');
}

/*
 * Text that the destination type's input function can read, in the database's
 * encoding, palloc'd, NUL-terminated; from a value in the form of the text
 * protocol.
 */
char *
my_text_form(MyColumn *c, const uint8 *data, Size len)
{
	StringInfoData buf;
	Size		i;

	switch (c->kind)
	{
		case MY_BIT:
			{
				uint64		v = my_bit_value(c, data, len);
				int			bits = c->def->length;

				initStringInfo(&buf);
				while (--bits >= 0)
					appendStringInfoChar(&buf, '0' + ((v >> bits) & 1));
				return buf.data;
			}
		case MY_GEOMETRY:
			{
				uint32		srid;
				uint32		type;
				bool		le;

				/* extended WKB in hex, which PostGIS reads */
				my_geometry_wkb(c, &data, &len, &srid);
				if (srid > POSTGIS_SRID_MAX)
					bad_srid(c, srid);
				le = data[0] == 1;
				type = le ? get_uint32_le(data + 1) :
					pg_bswap32(get_uint32_le(data + 1));
				initStringInfo(&buf);
				if (srid != 0)
					type |= 0x20000000;
				if (le)
					appendStringInfo(&buf, "01%08X", pg_bswap32(type));
				else
					appendStringInfo(&buf, "00%08X", type);
				if (srid != 0)
					appendStringInfo(&buf, "%08X", le ? pg_bswap32(srid) : srid);
				for (i = 5; i < len; i++)
					appendStringInfo(&buf, "%02X", data[i]);
				return buf.data;
			}
		case MY_VECTOR:
			{
				bool		array = OidIsValid(c->typelem);

				if (len % 4 != 0)
					my_bad_value(c, data, len);
				if (len == 0 && !array)
					no_value(c);
				if (!array && c->col->typmod > 0 && len / 4 != c->col->typmod)
					bad_dimensions(c, len / 4);
				initStringInfo(&buf);
				appendStringInfoChar(&buf, array ? '{' : '[');
				for (i = 0; i < len; i += 4)
				{
					char	   *f = DatumGetCString(DirectFunctionCall1(float4out,
													Float4GetDatum(read_float4(data + i))));

					if (i > 0)
						appendStringInfoChar(&buf, ',');
					appendStringInfoString(&buf, f);
				}
				appendStringInfoChar(&buf, array ? '}' : ']');
				return buf.data;
			}
		default:
			break;
	}

	data = my_clean_text(c, data, &len);
	if (c->kind == MY_SET && OidIsValid(c->typelem))
	{
		const uint8 *end = data + len;

		initStringInfo(&buf);
		appendStringInfoChar(&buf, '{');
		while (len > 0)
		{
			const uint8 *comma = memchr(data, ',', end - data);

			append_label(&buf, data, (comma ? comma : end) - data);
			if (comma == NULL)
				break;
			appendStringInfoChar(&buf, ',');
			data = comma + 1;
		}
		appendStringInfoChar(&buf, '}');
		return buf.data;
	}
	return pnstrdup((const char *) data, len);
}
