/*-------------------------------------------------------------------------
 *
 * verify_text.c
 *	  Rows of the destination as text and as numbers, the way a source makes them: see
 *	  schema/check_sql.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include <math.h>
#include <zlib.h>

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "parser/parse_coerce.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* From this exponent on, and below its negative, MySQL writes one. */
#define MYSQL_EXPONENT 15

typedef struct ColumnText
{
	CheckForm	form;
	Oid			typid;
	bool		nullable;
	int			fsp;			/* digits of seconds */
	FmgrInfo	output;
	FmgrInfo	to_text;		/* the cast's function; InvalidOid: has none */
	FmgrInfo	hash;			/* CHECK_HASH */
} ColumnText;

struct RowText
{
	CheckDigest digest;
	int			ncolumns;		/* of the relation */
	ColumnText *columns;
	StringInfoData text;
	StringInfoData lengths;
};

/*
 * A cast to text is not what the output function writes, of inet and bool for
 * two. One that is not the server's own would run somebody's function, and is
 * not taken at the source either.
 */
static void
find_cast(ColumnText *c)
{
	Oid			function;

	if (find_coercion_pathway(TEXTOID, getBaseType(c->typid), COERCION_EXPLICIT,
							  &function) == COERCION_PATH_FUNC &&
		function < FirstNormalObjectId &&
		get_func_nargs(function) == 1)
		fmgr_info(function, &c->to_text);
}

static void
find_hash(ColumnText *c)
{
	TypeCacheEntry *type = lookup_type_cache(c->typid,
											 TYPECACHE_HASH_EXTENDED_PROC_FINFO);

	if (!OidIsValid(type->hash_extended_proc_finfo.fn_oid))
		elog(ERROR, "type %u has no hash function", c->typid);
	fmgr_info_copy(&c->hash, &type->hash_extended_proc_finfo, CurrentMemoryContext);
}

RowText *
row_text_make(const SourceRelation *rel, const CheckForm *forms,
			  CheckDigest digest)
{
	RowText    *rt = palloc0(sizeof(RowText));

	rt->digest = digest;
	rt->ncolumns = rel->ncolumns;
	rt->columns = palloc0(sizeof(ColumnText) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		ColumnText *c = &rt->columns[i];
		Oid			function;
		bool		varlena;

		c->form = forms[i];
		c->typid = rel->columns[i].typid;
		c->nullable = !rel->columns[i].target_not_null;
		c->fsp = ((TableColumn *) list_nth(rel->def->columns, i))->fsp;
		if (forms[i] == CHECK_FETCH)
			continue;
		getTypeOutputInfo(c->typid, &function, &varlena);
		fmgr_info(function, &c->output);
		if (digest != CHECK_CRC32)
			find_cast(c);
		if (forms[i] == CHECK_HASH)
			find_hash(c);
	}
	initStringInfo(&rt->text);
	initStringInfo(&rt->lengths);
	return rt;
}

/* ------------------------------------------------------------------ writing */

/* Of every row of a table: no function is called that need not be. */
static inline char *
room(StringInfo buf, int len)
{
	if (unlikely(buf->maxlen - buf->len <= len))
		enlargeStringInfo(buf, len);
	return buf->data + buf->len;
}

static inline void
put(StringInfo buf, const char *data, int len)
{
	memcpy(room(buf, len), data, len);
	buf->len += len;
}

static inline void
put_string(StringInfo buf, const char *text)
{
	put(buf, text, (int) strlen(text));
}

static inline void
put_char(StringInfo buf, char ch)
{
	*room(buf, 1) = ch;
	buf->len++;
}

static inline void
put_int64(StringInfo buf, int64 n)
{
	buf->len += pg_lltoa(n, room(buf, MAXINT8LEN + 1));
}

/* ------------------------------------------------------------------ values */

/*
 * MySQL writes the shortest digits that read back the same, as we do, but
 * another notation: "1e15", "0.00001".
 */
static void
put_double(StringInfo buf, double d)
{
	char	   *text = float8out_internal(d);
	char	   *e = strchr(text, 'e');
	int			exponent;
	const char *digit;

	if (e == NULL)
	{
		int			whole = strcspn(text[0] == '-' ? text + 1 : text, ".");

		/* PostgreSQL writes all digits up to 1e15 */
		if (whole <= MYSQL_EXPONENT)
		{
			put_string(buf, text);
			return;
		}
	}
	exponent = e ? atoi(e + 1) : 0;
	if (e == NULL || exponent >= MYSQL_EXPONENT || exponent < -MYSQL_EXPONENT)
	{
		appendBinaryStringInfo(buf, text, e ? e - text : strlen(text));
		if (e)
			appendStringInfo(buf, "e%d", exponent);
		return;
	}
	if (*text == '-')
		appendStringInfoChar(buf, *text++);
	if (exponent >= 0)
	{
		/* 1.5e+14: not what PostgreSQL writes so; it just seems to differ */
		appendStringInfoString(buf, text);
		return;
	}
	appendStringInfoString(buf, "0.");
	for (int i = -1; i > exponent; i--)
		appendStringInfoChar(buf, '0');
	for (digit = text; digit < e; digit++)
		if (*digit != '.')
			appendStringInfoChar(buf, *digit);
}

/* "2024-01-01 10:00:00.5+00" with fsp digits, and no zone. */
static void
put_datetime_text(StringInfo buf, const char *text, int fsp)
{
	int			len = (int) strcspn(text, "+");
	const char *point = memchr(text, '.', len);
	int			digits = point ? len - (int) (point - text) - 1 : 0;

	put(buf, text, len);
	if (fsp > 0 && point == NULL)
		put_char(buf, '.');
	for (; digits < fsp; digits++)
		put_char(buf, '0');
}

static char *
put_part(char *at, uint32 n, int width, char after)
{
	at = pg_ultostr_zeropad(at, n, width);
	*at = after;
	return at + 1;
}

/* The same of what any timestamp of MySQL's is; false: it is another. */
static bool
put_timestamp(StringInfo buf, Timestamp t, int fsp)
{
	static const int unit[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	struct pg_tm tm;
	fsec_t		fsec;
	char	   *start = room(buf, MAXDATELEN);
	char	   *at = start;

	if (TIMESTAMP_NOT_FINITE(t) || fsp < 0 || fsp > 6 ||
		timestamp2tm(t, NULL, &tm, &fsec, NULL, NULL) != 0 ||
		tm.tm_year < 1 || tm.tm_year > 9999 || fsec % unit[fsp] != 0)
		return false;
	at = put_part(at, tm.tm_year, 4, '-');
	at = put_part(at, tm.tm_mon, 2, '-');
	at = put_part(at, tm.tm_mday, 2, ' ');
	at = put_part(at, tm.tm_hour, 2, ':');
	at = put_part(at, tm.tm_min, 2, ':');
	at = put_part(at, tm.tm_sec, 2, '.');
	if (fsp > 0)
		at = pg_ultostr_zeropad(at, fsec / unit[fsp], fsp);
	else
		at--;
	buf->len += (int) (at - start);
	return true;
}

/* Zones are UTC: see verify_pin_settings. */
static void
put_datetime(StringInfo buf, ColumnText *c, Datum value)
{
	if ((c->typid != TIMESTAMPOID && c->typid != TIMESTAMPTZOID) ||
		!put_timestamp(buf, DatumGetTimestamp(value), c->fsp))
		put_datetime_text(buf, OutputFunctionCall(&c->output, value), c->fsp);
}

static uint64
digest_bytes(CheckDigest digest, const char *data, int len)
{
	switch (digest)
	{
		case CHECK_CRC32:
			return crc32(0, (const Bytef *) data, len);
		case CHECK_RECORD:
		case CHECK_HASH64:
			return DatumGetUInt64(hash_any_extended((const unsigned char *) data,
													len, 0));
		case CHECK_HASH32:
			break;
	}
	return (uint64) (int64) (int32) DatumGetUInt32(hash_any((const unsigned char *) data,
															len));
}

static void
put_digest(RowText *rt, const char *data, int len)
{
	put_int64(&rt->text, (int64) digest_bytes(rt->digest, data, len));
}

static void
put_hex(StringInfo buf, const char *bytes, int len, const char *digits)
{
	char	   *at = room(buf, len * 2);

	for (int i = 0; i < len; i++)
	{
		*at++ = digits[((uint8) bytes[i]) >> 4];
		*at++ = digits[((uint8) bytes[i]) & 15];
	}
	buf->len += len * 2;
}

static void
put_bytes(RowText *rt, ColumnText *c, Datum value)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	char	   *data = VARDATA_ANY(bytes);
	int			len = VARSIZE_ANY_EXHDR(bytes);

	if (c->form == CHECK_HEX)
		put_hex(&rt->text, data, len, "0123456789ABCDEF");
	else if (rt->digest == CHECK_CRC32)
		put_digest(rt, data, len);
	else
		put_string(&rt->text,
				   TextDatumGetCString(DirectFunctionCall1(md5_bytea, value)));
}

/* The text of a value; *len: in bytes. Not terminated. */
static char *
text_of(ColumnText *c, Datum value, int *len)
{
	char	   *data;

	if (c->form == CHECK_LIST)
		value = OidFunctionCall2Coll(F_ARRAY_TO_STRING_ANYARRAY_TEXT, C_COLLATION_OID,
									 value, CStringGetTextDatum(","));
	else if (OidIsValid(c->to_text.fn_oid))
		value = FunctionCall1Coll(&c->to_text, DEFAULT_COLLATION_OID, value);
	if (c->form == CHECK_LIST || OidIsValid(c->to_text.fn_oid) ||
		c->typid == TEXTOID || c->typid == VARCHAROID)
	{
		text	   *t = DatumGetTextPP(value);

		*len = VARSIZE_ANY_EXHDR(t);
		return VARDATA_ANY(t);
	}
	data = OutputFunctionCall(&c->output, value);
	*len = (int) strlen(data);
	/* MySQL's have none at their end */
	if (c->typid == BPCHAROID)
		*len = bpchartruelen(data, *len);
	return data;
}

/* The text's length. */
static int
put_text(RowText *rt, ColumnText *c, Datum value)
{
	int			len;
	char	   *data = text_of(c, value, &len);

	if (c->form == CHECK_TEXT_DIGEST)
		put_digest(rt, data, len);
	else
		put(&rt->text, data, len);
	return len;
}

static int64
integer_of(const ColumnText *c, Datum value)
{
	return c->typid == INT4OID ? DatumGetInt32(value) :
		c->typid == INT2OID ? DatumGetInt16(value) : DatumGetInt64(value);
}

static void
put_integer(StringInfo buf, ColumnText *c, Datum value)
{
	/* an unsigned bigint of MySQL's */
	if (c->typid == NUMERICOID)
		put_string(buf, OutputFunctionCall(&c->output, value));
	else
		put_int64(buf, integer_of(c, value));
}

/* In the order of float8send() and int8send(). */
static uint64
float_bytes(const ColumnText *c, Datum value)
{
	double		d = c->typid == FLOAT4OID ? DatumGetFloat4(value) : DatumGetFloat8(value);
	uint64		bits;

	memcpy(&bits, &d, sizeof(bits));
	return pg_hton64(bits);
}

/* The length of a text. */
static int
put_value(RowText *rt, ColumnText *c, Datum value)
{
	StringInfo	buf = &rt->text;

	switch (c->form)
	{
		case CHECK_FETCH:
		case CHECK_HASH:
			break;
		case CHECK_INTEGER:
			put_integer(buf, c, value);
			break;
		case CHECK_OUTPUT:
			put_string(buf, OutputFunctionCall(&c->output, value));
			break;
		case CHECK_BOOLEAN:
			put_char(buf, DatumGetBool(value) ? '1' : '0');
			break;
		case CHECK_DOUBLE:
			put_double(buf, c->typid == FLOAT4OID ? DatumGetFloat4(value) :
					   DatumGetFloat8(value));
			break;
		case CHECK_DATETIME:
			put_datetime(buf, c, value);
			break;
		case CHECK_MICROSECONDS:
			{
				Interval   *i = DatumGetIntervalP(value);

				put_int64(buf, i->time + i->day * USECS_PER_DAY);
				break;
			}
		case CHECK_HOST:
			put_string(buf,
					   TextDatumGetCString(DirectFunctionCall1(network_host, value)));
			break;
		case CHECK_HEX:
		case CHECK_BYTES_DIGEST:
			put_bytes(rt, c, value);
			break;
		case CHECK_TEXT:
		case CHECK_LIST:
		case CHECK_TEXT_DIGEST:
			return put_text(rt, c, value);
		case CHECK_FLOAT_BYTES:
			{
				uint64		bytes = float_bytes(c, value);

				put_hex(buf, (const char *) &bytes, sizeof(bytes), "0123456789abcdef");
				break;
			}
	}
	return 0;
}

/* -------------------------------------------------------------------- rows */

/* Of a value, as hash_record_extended() takes it. */
static uint64
value_hash(ColumnText *c, Datum value)
{
	uint64		bytes;
	char	   *data;
	int			len;

	switch (c->form)
	{
		case CHECK_FLOAT_BYTES:
		case CHECK_INTEGER:
			bytes = c->form == CHECK_FLOAT_BYTES ? float_bytes(c, value) :
				pg_hton64((uint64) integer_of(c, value));
			return DatumGetUInt64(hash_any_extended((unsigned char *) &bytes,
													sizeof(bytes), 0));
		case CHECK_TEXT:
			data = text_of(c, value, &len);
			return DatumGetUInt64(hash_any_extended((unsigned char *) data, len, 0));
		default:
			return DatumGetUInt64(FunctionCall2Coll(&c->hash, DEFAULT_COLLATION_OID,
													value, Int64GetDatum(0)));
	}
}

static uint64
record_number(RowText *rt, const Datum *values, const bool *nulls,
			  const int *columns, int n)
{
	uint64		hash = 0;
	char		digits[MAXINT8LEN + 1];

	for (int i = 0; i < n; i++)
	{
		int			k = columns ? columns[i] : i;
		ColumnText *c = &rt->columns[k];

		if (c->form != CHECK_FETCH)
			hash = hash * 31 + (nulls[k] ? 0 : value_hash(c, values[k]));
	}
	return digest_bytes(rt->digest, digits, pg_lltoa((int64) hash, digits));
}

/* The number of these columns (NULL: all) of a row. */
uint64
row_text_number(RowText *rt, const Datum *values, const bool *nulls,
				const int *columns, int n)
{
	bool		any = false;
	bool		left_out = false;

	if (rt->digest == CHECK_RECORD)
		return record_number(rt, values, nulls, columns, n);
	rt->text.len = rt->lengths.len = 0;
	for (int i = 0; i < n; i++)
	{
		int			k = columns ? columns[i] : i;
		ColumnText *c = &rt->columns[k];
		int			len = -1;

		if (c->form == CHECK_FETCH || (nulls[k] && !c->nullable))
			continue;
		if (any)
			put_char(&rt->text, '|');
		any = true;
		if (!nulls[k])
			len = put_value(rt, c, values[k]);
		else if (c->form == CHECK_HEX)
			put_char(&rt->text, '-');
		if (c->form != CHECK_TEXT && c->form != CHECK_LIST)
			continue;
		if (!c->nullable && !left_out)
		{
			left_out = true;
			continue;
		}
		put_char(&rt->lengths, '|');
		if (len >= 0)
			put_int64(&rt->lengths, len);
	}
	if (rt->lengths.len > 0)
		put(&rt->text, rt->lengths.data, rt->lengths.len);
	if (rt->digest == CHECK_CRC32)
	{
		char		inner[MAXINT8LEN + 1];
		int			len = pg_lltoa((int64) crc32(0, (const Bytef *) rt->text.data,
												 rt->text.len), inner);

		return crc32(0, (const Bytef *) inner, len);
	}
	return digest_bytes(rt->digest, rt->text.data, rt->text.len);
}
