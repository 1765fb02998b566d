/*-------------------------------------------------------------------------
 *
 * my_values_binlog.c
 *	  Values of the binlog as Datums.
 *
 * Numbers and times have functions of their own. Everything whose bytes are
 * those of the text protocol, once length, padding, compression and character
 * set have been dealt with, goes on to the column's text decoder; so does a
 * pair of types without a function in this file, in the text form of the value.
 *
 * As MariaDB logs them: CHAR without trailing spaces and BINARY without
 * trailing 0x00; UUID, INET4 and INET6 as a STRING of 16, 4 and 16 bytes in
 * the order of their text, with trailing 0x00 taken off too; VIRTUAL columns
 * like any other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "source/mysql/my_value_impl.h"

/* 1970-01-01 in seconds of PostgreSQL's epoch */
#define UNIX_EPOCH_SECONDS \
	((int64) (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * SECS_PER_DAY)

/*
 * Hands a value in the form of the text protocol to the text decoder.
 */
static bool
via_text(MyColumn *c, const char *str, Size len, Datum *value)
{
	return c->text_datum(c, (const uint8 *) str, len, value);
}

/*
 * Bytes that the log should not hold.
 */
pg_noreturn static void
corrupt(MyColumn *c)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the log holds no valid value of type %s",
					c->col->source_type)));
}

/* ------------------------------------------------------------------------
 * Numbers
 * ------------------------------------------------------------------------
 */

static bool
binlog_int(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		i = binlog_get_int(&c->wire, data, c->def->is_unsigned);

	if (unlikely(i < 0 && c->def->is_unsigned))
		my_out_of_range(c, psprintf(UINT64_FORMAT, (uint64) i));
	return c->put_int(c, i, value);
}

static bool
binlog_int_text(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		i = binlog_get_int(&c->wire, data, c->def->is_unsigned);
	char		str[32];

	snprintf(str, sizeof(str), c->def->is_unsigned ? UINT64_FORMAT :
			 INT64_FORMAT, i);
	return via_text(c, str, strlen(str), value);
}

static bool
binlog_year_text(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	char		str[32];

	snprintf(str, sizeof(str), "%04d",
			 (int) binlog_get_int(&c->wire, data, true));
	return via_text(c, str, strlen(str), value);
}

static bool
binlog_int_numeric(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		i = binlog_get_int(&c->wire, data, c->def->is_unsigned);

	if (unlikely((i < 0 && c->def->is_unsigned) || c->scale_typmod))
		return binlog_int_text(c, data, len, value);
	*value = NumericGetDatum(int64_to_numeric(i));
	return true;
}

static bool
binlog_decimal(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	char		str[BINLOG_DECIMAL_BUFSIZE];

	if (!binlog_get_decimal(&c->wire, data, str))
		corrupt(c);
	return via_text(c, str, strlen(str), value);
}

/*
 * FLOAT and DOUBLE into real, double precision or another type.
 */
static bool
binlog_float(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	double		d = c->wire.type == MYSQL_T_FLOAT ?
		(double) binlog_get_float(data) : binlog_get_double(data);
	char	   *str;

	if (c->col->typid == FLOAT8OID)
	{
		*value = Float8GetDatum(d);
		return true;
	}
	if (c->col->typid == FLOAT4OID && c->wire.type == MYSQL_T_FLOAT)
	{
		*value = Float4GetDatum((float4) d);
		return true;
	}
	str = DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(d)));
	return via_text(c, str, strlen(str), value);
}

/* ------------------------------------------------------------------------
 * Dates and times
 * ------------------------------------------------------------------------
 */

static bool
binlog_date(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;
	int32		date;

	if (!binlog_get_temporal(&c->wire, data, &t))
		corrupt(c);
	if (!my_temporal_date(c, &t, &date))
		return false;
	*value = DateADTGetDatum(date);
	return true;
}

static bool
binlog_datetime(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;
	int64		ts;

	if (!binlog_get_temporal(&c->wire, data, &t))
		corrupt(c);
	if (!my_temporal_timestamp(c, &t, &ts))
		return false;
	*value = TimestampGetDatum(ts);
	if (c->scale_typmod)
		*value = my_scale_temporal(c, *value);
	return true;
}

/*
 * TIMESTAMP into timestamptz or timestamp, both in UTC; 0 is the zero date.
 */
static bool
binlog_timestamp(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		seconds;
	uint32		usec;
	int64		ts;

	if (!binlog_get_timestamp(&c->wire, data, &seconds, &usec))
		corrupt(c);
	if (unlikely(seconds == 0 && usec == 0))
	{
		MyTemporal	zero = {0};

		if (!my_temporal_timestamp(c, &zero, &ts))
			return false;
	}
	else
		ts = (seconds + UNIX_EPOCH_SECONDS) * USECS_PER_SEC + usec;
	*value = TimestampTzGetDatum(ts);
	if (c->scale_typmod)
		*value = my_scale_temporal(c, *value);
	return true;
}

static bool
binlog_time(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;

	if (!binlog_get_temporal(&c->wire, data, &t))
		corrupt(c);
	*value = TimeADTGetDatum(my_temporal_time(c, &t));
	if (c->scale_typmod)
		*value = my_scale_temporal(c, *value);
	return true;
}

static bool
binlog_interval(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;

	if (!binlog_get_temporal(&c->wire, data, &t))
		corrupt(c);
	*value = my_interval_datum(c, &t);
	return true;
}

/*
 * Any of them as the text protocol would have spelt it.
 */
static bool
binlog_temporal_text(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	MyTemporal	t;
	char		str[64];
	int			n = 0;

	if (c->kind == MY_TIMESTAMP)
	{
		int64		seconds;
		int64		day;

		memset(&t, 0, sizeof(t));
		if (!binlog_get_timestamp(&c->wire, data, &seconds, &t.usec))
			corrupt(c);
		if (seconds != 0 || t.usec != 0)
		{
			int			year;
			int			month;
			int			mday;

			day = seconds / SECS_PER_DAY;
			j2date((int) day + UNIX_EPOCH_JDATE, &year, &month, &mday);
			t.year = year;
			t.month = month;
			t.day = mday;
			seconds %= SECS_PER_DAY;
			t.hour = seconds / 3600;
			t.minute = seconds / 60 % 60;
			t.second = seconds % 60;
		}
	}
	else if (!binlog_get_temporal(&c->wire, data, &t))
		corrupt(c);

	if (c->kind == MY_TIME)
		n = snprintf(str, sizeof(str), "%s%02u:%02u:%02u",
					 t.negative ? "-" : "", t.hour, t.minute, t.second);
	else
	{
		n = snprintf(str, sizeof(str), "%04u-%02u-%02u", t.year, t.month,
					 t.day);
		if (c->kind != MY_DATE)
			n += snprintf(str + n, sizeof(str) - n, " %02u:%02u:%02u", t.hour,
						  t.minute, t.second);
	}
	if (c->def->fsp > 0)
	{
		snprintf(str + n, sizeof(str) - n, ".%06u", t.usec);
		n += 1 + Min(c->def->fsp, 6);
	}
	return via_text(c, str, n, value);
}

/* ------------------------------------------------------------------------
 * Text and bytes
 * ------------------------------------------------------------------------
 */

/*
 * Text in the column's character set.
 */
static bool
binlog_text(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	const uint8 *bytes;
	size_t		n;
	Size		nbytes;

	binlog_get_bytes(&c->wire, data, &bytes, &n);
	nbytes = n;
	bytes = my_charset_to_utf8(c->charset, bytes, &nbytes);
	return c->text_datum(c, bytes, nbytes, value);
}

static bool
binlog_bytes(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	const uint8 *bytes;
	size_t		n;

	binlog_get_bytes(&c->wire, data, &bytes, &n);
	return c->text_datum(c, bytes, n, value);
}

/*
 * Fixed-length bytes, with the 0x00 that the log leaves out at their end.
 */
static uint8 *
padded(MyColumn *c, const uint8 *data)
{
	const uint8 *bytes;
	size_t		n;
	uint8	   *full;

	binlog_get_bytes(&c->wire, data, &bytes, &n);
	if (n > c->pad_to)
		corrupt(c);
	full = palloc0(c->pad_to + 1);
	memcpy(full, bytes, n);
	return full;
}

static bool
binlog_padded(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	return c->text_datum(c, padded(c, data), c->pad_to, value);
}

/*
 * MariaDB's COMPRESSED columns, text and binary.
 */
static bool
binlog_compressed(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	const uint8 *bytes;
	size_t		n;
	Size		size;
	int64		plain_size;
	uint8	   *plain;
	const uint8 *utf8;

	binlog_get_bytes(&c->wire, data, &bytes, &n);
	plain_size = binlog_column_plain_size(bytes, n);
	if (plain_size < 0)
		corrupt(c);
	if (plain_size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of " INT64_FORMAT " bytes is too long",
						plain_size)));
	size = (Size) plain_size;
	plain = palloc(size + 1);
	if (!binlog_column_uncompress(bytes, n, plain, size))
		corrupt(c);
	utf8 = plain;
	if (c->charset != NULL)
		utf8 = my_charset_to_utf8(c->charset, plain, &size);
	return c->text_datum(c, utf8, size, value);
}

static bool
binlog_uuid(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint8	   *b = padded(c, data);
	char		str[40];

	if (c->col->typid == UUIDOID)
	{
		*value = my_uuid_datum(b);
		return true;
	}
	snprintf(str, sizeof(str),
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
			 b[11], b[12], b[13], b[14], b[15]);
	return via_text(c, str, strlen(str), value);
}

static bool
binlog_inet(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint8	   *b = padded(c, data);
	char		str[INET6_ADDRSTRLEN];

	if (c->col->typid == INETOID)
	{
		*value = my_inet_datum(b, c->pad_to);
		return true;
	}
	if (inet_ntop(c->pad_to == 4 ? AF_INET : AF_INET6, b, str,
				  sizeof(str)) == NULL)
		corrupt(c);
	return via_text(c, str, strlen(str), value);
}

/* ------------------------------------------------------------------------
 * ENUM and SET
 * ------------------------------------------------------------------------
 */

static bool
binlog_enum(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	int64		i = binlog_get_int(&c->wire, data, true);

	if (unlikely(i == 0))
	{
		if (!c->has_empty_label)
			return my_enum_zero(c);
		return via_text(c, "", 0, value);
	}
	if (unlikely(i > c->nlabels))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("value number " INT64_FORMAT " of ENUM column \"%s\" is beyond its %d known members",
						i, c->col->name, c->nlabels)));
	if (c->is_enum)
		return my_label_datum(c, (int) i - 1, value);
	return via_text(c, c->labels[i - 1].utf8, c->labels[i - 1].len, value);
}

static bool
binlog_set(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	uint64		bits = (uint64) binlog_get_int(&c->wire, data, true);
	StringInfoData buf;
	int			i;

	if (c->nlabels < 64 && (bits >> c->nlabels) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("value of SET column \"%s\" has members beyond its %d known ones",
						c->col->name, c->nlabels)));
	initStringInfo(&buf);
	for (i = 0; i < c->nlabels; i++)
	{
		if ((bits >> i & 1) == 0)
			continue;
		if (buf.len > 0)
			appendStringInfoChar(&buf, ',');
		appendBinaryStringInfo(&buf, c->labels[i].utf8, c->labels[i].len);
	}
	return via_text(c, buf.data, buf.len, value);
}

/* ------------------------------------------------------------------------
 * Choice
 * ------------------------------------------------------------------------
 */

/*
 * The decoder for the column as it is bound to c->wire.
 */
MyBinlogToDatum
my_choose_binlog(MyColumn *c)
{
	Oid			typid = c->col->typid;

	if (c->wire.type == MYSQL_T_VARCHAR_COMPRESSED ||
		c->wire.type == MYSQL_T_BLOB_COMPRESSED)
		return binlog_compressed;

	switch (c->kind)
	{
		case MY_INT:
			if (c->put_int != NULL)
				return binlog_int;
			if (c->wire.type == MYSQL_T_YEAR)
				return binlog_year_text;
			return typid == NUMERICOID ? binlog_int_numeric : binlog_int_text;
		case MY_DECIMAL:
			return binlog_decimal;
		case MY_FLOAT:
		case MY_DOUBLE:
			return binlog_float;
		case MY_DATE:
		case MY_DATETIME:
			if (typid == DATEOID)
				return binlog_date;
			if (typid == TIMESTAMPOID || typid == TIMESTAMPTZOID)
				return binlog_datetime;
			return binlog_temporal_text;
		case MY_TIMESTAMP:
			if (typid == TIMESTAMPOID || typid == TIMESTAMPTZOID)
				return binlog_timestamp;
			return binlog_temporal_text;
		case MY_TIME:
			if (typid == TIMEOID)
				return binlog_time;
			if (typid == INTERVALOID)
				return binlog_interval;
			return binlog_temporal_text;
		case MY_JSON:
			if (c->wire.type == MYSQL_T_JSON)
				return my_binlog_json;
			/* FALLTHROUGH */
		case MY_TEXT:
			return c->charset != NULL ? binlog_text : binlog_bytes;
		case MY_BINARY:
			return c->pad_to > 0 ? binlog_padded : binlog_bytes;
		case MY_BIT:
		case MY_GEOMETRY:
		case MY_VECTOR:
			return binlog_bytes;
		case MY_ENUM:
			return binlog_enum;
		case MY_SET:
			return binlog_set;
		case MY_UUID:
			return binlog_uuid;
		case MY_INET:
			return binlog_inet;
	}
	return NULL;
}

/*
 * The column's type in the log is one of its type at the source.
 */
static bool
wire_fits(const MyColumn *c, const BinlogColumn *w)
{
	const TableColumn *def = c->def;
	bool		is_string = w->type == MYSQL_T_VARCHAR ||
		w->type == MYSQL_T_VAR_STRING || w->type == MYSQL_T_STRING ||
		w->type == MYSQL_T_VARCHAR_COMPRESSED;
	bool		is_blob = w->type == MYSQL_T_BLOB ||
		w->type == MYSQL_T_TINY_BLOB || w->type == MYSQL_T_MEDIUM_BLOB ||
		w->type == MYSQL_T_LONG_BLOB || w->type == MYSQL_T_BLOB_COMPRESSED;

	switch (c->kind)
	{
		case MY_INT:
			return w->type == c->int_type;
		case MY_DECIMAL:
			return w->type == MYSQL_T_NEWDECIMAL &&
				w->meta == (def->precision << 8 | def->scale);
		case MY_FLOAT:
			return w->type == MYSQL_T_FLOAT;
		case MY_DOUBLE:
			return w->type == MYSQL_T_DOUBLE;
		case MY_BIT:
			return w->type == MYSQL_T_BIT && w->meta == def->length;
		case MY_DATE:
			return w->type == MYSQL_T_DATE || w->type == MYSQL_T_NEWDATE;
		case MY_DATETIME:
			return w->type == MYSQL_T_DATETIME ||
				(w->type == MYSQL_T_DATETIME2 && w->meta == def->fsp);
		case MY_TIMESTAMP:
			return w->type == MYSQL_T_TIMESTAMP ||
				(w->type == MYSQL_T_TIMESTAMP2 && w->meta == def->fsp);
		case MY_TIME:
			return w->type == MYSQL_T_TIME ||
				(w->type == MYSQL_T_TIME2 && w->meta == def->fsp);
		case MY_TEXT:
		case MY_BINARY:
			if (c->is_blob)
				return is_blob;
			/* the reader may have made a COMPRESSED column plain */
			return is_string &&
				(def->length < 0 ||
				 strstr(def->source_type, "COMPRESSED") != NULL ||
				 (w->meta >= def->length &&
				  w->meta <= def->length * (c->kind == MY_TEXT ? 4 : 1)));
		case MY_JSON:
			return is_string || is_blob || w->type == MYSQL_T_JSON;
		case MY_ENUM:
			return w->type == MYSQL_T_ENUM &&
				w->meta == (c->nlabels < 256 ? 1 : 2);
		case MY_SET:
			return w->type == MYSQL_T_SET && w->meta * 8 >= c->nlabels;
		case MY_UUID:
		case MY_INET:
			return w->type == MYSQL_T_STRING && w->meta == c->pad_to;
		case MY_GEOMETRY:
			return w->type == MYSQL_T_GEOMETRY;
		case MY_VECTOR:
			return is_string || w->type == MYSQL_T_VECTOR;
	}
	return false;
}

void
my_values_bind_binlog(SourceRelation *rel, const BinlogColumn *columns,
					  int ncolumns)
{
	MyTable    *table = ((MyColumn *) rel->columns[0].engine)->table;
	int			i;

	if (table->bound != NULL && table->nbound == ncolumns)
	{
		for (i = 0; i < ncolumns; i++)
		{
			const BinlogColumn *a = &table->bound[i];
			const BinlogColumn *b = &columns[i];

			if (a->type != b->type || a->meta != b->meta)
				break;
		}
		if (i == ncolumns)
			return;
	}

	if (ncolumns != rel->ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("table \"%s\".\"%s\" has %d columns in the log, but %d are known",
						rel->schema, rel->name, ncolumns, rel->ncolumns),
				 errdetail("The definition of the table has changed at the source."),
				 errhint("The table has to be copied again."),
				 ERR_SOURCE_TABLE(rel)));

	/* not bound, should one of the columns not fit */
	if (table->bound == NULL)
		table->bound = MemoryContextAlloc(rel->cxt,
										  sizeof(BinlogColumn) * ncolumns);
	table->nbound = 0;
	for (i = 0; i < ncolumns; i++)
	{
		MyColumn   *c = &table->columns[i];

		if (!wire_fits(c, &columns[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table \"%s\".\"%s\" is logged as type %d (metadata %d), which is not its known type %s",
							c->col->name, rel->schema, rel->name,
							columns[i].type, columns[i].meta,
							c->col->source_type),
					 errdetail("The definition of the table has changed at the source."),
					 errhint("The table has to be copied again."),
					 ERR_SOURCE_TABLE(rel),
					 err_generic_string(PG_DIAG_COLUMN_NAME, c->col->name)));
		table->bound[i] = columns[i];
		c->wire = columns[i];
		if (c->text_datum == NULL)
			continue;			/* not replicated */
		c->binlog = my_choose_binlog(c);
	}
	table->nbound = ncolumns;
}
