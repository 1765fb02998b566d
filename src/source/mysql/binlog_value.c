/*-------------------------------------------------------------------------
 *
 * binlog_value.c
 *	  Values of row events. Pure: bytes in, numbers out.
 *
 * Little-endian are the integers, the old temporal types and every length;
 * big-endian are BIT, DECIMAL and the temporal types with fractions. A reader
 * trusts that binlog_value_size has measured its value, and nothing else:
 * digits and dates are looked at before they are believed.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_value.h"

#include <string.h>
#include <zlib.h>

/* bytes for 0 to 9 decimal digits */
static const uint8_t digit_bytes[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

static const uint32_t powers10[10] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000
};

/* bytes of a value with 0 to 6 fraction digits, MariaDB's older formats */
static const uint8_t hires_time_bytes[7] = {3, 4, 4, 5, 5, 5, 6};
static const uint8_t hires_datetime_bytes[7] = {5, 6, 6, 7, 7, 7, 8};
static const uint8_t hires_fraction_bytes[7] = {0, 1, 1, 2, 2, 3, 3};

/* what a TIME of that format is shifted by: 838:59:59 and a second */
#define HIRES_TIME_ZERO		INT64_C(3020400)

static inline uint64_t
get_le(const uint8_t *p, int n)
{
	uint64_t	v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static inline uint64_t
get_be(const uint8_t *p, int n)
{
	uint64_t	v = 0;
	int			i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Length prefix of n bytes and as many bytes as it says. */
static int64_t
prefixed_size(const uint8_t *p, const uint8_t *end, int n)
{
	uint64_t	len;

	if (end - p < n)
		return -1;
	len = get_le(p, n);
	if (len > (uint64_t) (end - p - n))
		return -1;
	return (int64_t) len + n;
}

static int
decimal_size(uint16_t meta)
{
	int			precision = meta >> 8;
	int			scale = meta & 0xff;
	int			whole = precision - scale;

	if (precision > 65 || precision == 0 || whole < 0)
		return -1;
	return whole / 9 * 4 + digit_bytes[whole % 9] +
		scale / 9 * 4 + digit_bytes[scale % 9];
}

/* Fixed sizes of the types; -1 if the size depends on the value. */
static int64_t
fixed_size(const BinlogColumn *col)
{
	switch (col->type)
	{
		case MYSQL_T_NULL:
			return 0;
		case MYSQL_T_TINY:
		case MYSQL_T_YEAR:
			return 1;
		case MYSQL_T_SHORT:
			return 2;
		case MYSQL_T_INT24:
		case MYSQL_T_DATE:
		case MYSQL_T_NEWDATE:
			return 3;
		case MYSQL_T_LONG:
		case MYSQL_T_FLOAT:
			return 4;
		case MYSQL_T_DOUBLE:
		case MYSQL_T_LONGLONG:
			return 8;
		case MYSQL_T_TIMESTAMP:
			return col->meta > 6 ? -1 : 4 + hires_fraction_bytes[col->meta];
		case MYSQL_T_TIME:
			return col->meta > 6 ? -1 : hires_time_bytes[col->meta];
		case MYSQL_T_DATETIME:
			return col->meta > 6 ? -1 :
				col->meta == 0 ? 8 : hires_datetime_bytes[col->meta];
		case MYSQL_T_TIMESTAMP2:
			return col->meta > 6 ? -1 : 4 + (col->meta + 1) / 2;
		case MYSQL_T_DATETIME2:
			return col->meta > 6 ? -1 : 5 + (col->meta + 1) / 2;
		case MYSQL_T_TIME2:
			return col->meta > 6 ? -1 : 3 + (col->meta + 1) / 2;
		case MYSQL_T_NEWDECIMAL:
			return decimal_size(col->meta);
		case MYSQL_T_ENUM:
			return col->meta == 1 || col->meta == 2 ? col->meta : -1;
		case MYSQL_T_SET:
			return col->meta >= 1 && col->meta <= 8 ? col->meta : -1;
		case MYSQL_T_BIT:
			return col->meta >= 1 && col->meta <= 64 ? (col->meta + 7) / 8 : -1;
		default:
			return -1;
	}
}

int64_t
binlog_fixed_size(const BinlogColumn *col)
{
	return fixed_size(col);
}

int64_t
binlog_value_size(const BinlogColumn *col, const uint8_t *p,
				  const uint8_t *end)
{
	int64_t		size;

	switch (col->type)
	{
		case MYSQL_T_VARCHAR:
		case MYSQL_T_VAR_STRING:
		case MYSQL_T_STRING:
		case MYSQL_T_VARCHAR_COMPRESSED:
			return prefixed_size(p, end, col->meta > 255 ? 2 : 1);

		case MYSQL_T_TINY_BLOB:
		case MYSQL_T_MEDIUM_BLOB:
		case MYSQL_T_LONG_BLOB:
		case MYSQL_T_BLOB:
		case MYSQL_T_BLOB_COMPRESSED:
		case MYSQL_T_JSON:
		case MYSQL_T_GEOMETRY:
		case MYSQL_T_VECTOR:
			if (col->meta < 1 || col->meta > 4)
				return -1;
			return prefixed_size(p, end, col->meta);

		default:
			size = fixed_size(col);
			return size > end - p ? -1 : size;
	}
}

/* Sign-extends the low n bytes of v. */
static inline int64_t
extend(uint64_t v, int n)
{
	uint64_t	sign = UINT64_C(1) << (n * 8 - 1);

	return (int64_t) ((v ^ sign) - sign);
}

int64_t
binlog_get_int(const BinlogColumn *col, const uint8_t *p, bool is_unsigned)
{
	int			n;

	switch (col->type)
	{
		case MYSQL_T_TINY:
			return is_unsigned ? (int64_t) *p : (int64_t) (int8_t) *p;
		case MYSQL_T_SHORT:
			n = 2;
			break;
		case MYSQL_T_INT24:
			n = 3;
			break;
		case MYSQL_T_LONG:
			n = 4;
			break;
		case MYSQL_T_LONGLONG:
			return (int64_t) get_le(p, 8);
		case MYSQL_T_YEAR:
			return *p == 0 ? 0 : *p + 1900;
		case MYSQL_T_ENUM:
		case MYSQL_T_SET:
			return (int64_t) get_le(p, col->meta);
		case MYSQL_T_BIT:
			return (int64_t) get_be(p, (col->meta + 7) / 8);
		default:
			return 0;
	}
	return is_unsigned ? (int64_t) get_le(p, n) : extend(get_le(p, n), n);
}

float
binlog_get_float(const uint8_t *p)
{
	uint32_t	bits = (uint32_t) get_le(p, 4);
	float		f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

double
binlog_get_double(const uint8_t *p)
{
	uint64_t	bits = get_le(p, 8);
	double		d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/*
 * Reads ndigits decimal digits (at most 9), big-endian in digit_bytes, each
 * byte xored with flip; false if they are too large a number.
 */
static bool
decimal_group(const uint8_t *p, int ndigits, uint8_t flip, char *out)
{
	uint32_t	v = 0;
	int			i;

	for (i = 0; i < digit_bytes[ndigits]; i++)
		v = v << 8 | (uint8_t) (p[i] ^ flip);
	if (v >= powers10[ndigits])
		return false;
	for (i = ndigits - 1; i >= 0; i--)
	{
		out[i] = (char) ('0' + v % 10);
		v /= 10;
	}
	return true;
}

/*
 * DECIMAL: the whole part in groups of 9 digits with the short group first,
 * the fraction with the short group last. The first bit is the inverted sign;
 * a negative value has all its other bits inverted.
 */
bool
binlog_get_decimal(const BinlogColumn *col, const uint8_t *p,
				   char buf[BINLOG_DECIMAL_BUFSIZE])
{
	int			scale = col->meta & 0xff;
	int			whole = (col->meta >> 8) - scale;
	int			size = decimal_size(col->meta);
	uint8_t		copy[40];
	uint8_t		flip;
	char		digits[80];
	int			ndigits = 0;
	int			pos = 0;
	int			i;
	char	   *out = buf;
	bool		zero = true;

	if (size < 1 || size > (int) sizeof(copy))
		return false;
	memcpy(copy, p, size);
	flip = (copy[0] & 0x80) ? 0 : 0xff;
	copy[0] ^= 0x80;

	if (whole % 9 > 0)
	{
		if (!decimal_group(copy, whole % 9, flip, digits))
			return false;
		pos += digit_bytes[whole % 9];
		ndigits += whole % 9;
	}
	for (i = 0; i < whole / 9 + scale / 9; i++)
	{
		if (!decimal_group(copy + pos, 9, flip, digits + ndigits))
			return false;
		pos += 4;
		ndigits += 9;
	}
	if (scale % 9 > 0)
	{
		if (!decimal_group(copy + pos, scale % 9, flip, digits + ndigits))
			return false;
		ndigits += scale % 9;
	}

	for (i = 0; i < ndigits && zero; i++)
		zero = digits[i] == '0';
	if (flip != 0 && !zero)
		*out++ = '-';
	for (i = 0; i < whole - 1 && digits[i] == '0'; i++)
		;
	if (whole == 0)
		*out++ = '0';
	for (; i < whole; i++)
		*out++ = digits[i];
	if (scale > 0)
	{
		*out++ = '.';
		memcpy(out, digits + whole, scale);
		out += scale;
	}
	*out = '\0';
	return true;
}

static bool
set_date(MyTemporal *out, uint64_t year, uint32_t month, uint32_t day)
{
	if (year > 9999 || month > 12 || day > 31)
		return false;
	out->year = (uint32_t) year;
	out->month = month;
	out->day = day;
	return true;
}

static bool
set_time(MyTemporal *out, uint64_t hour, uint32_t minute, uint32_t second,
		 uint32_t usec, uint32_t max_hour)
{
	if (hour > max_hour || minute > 59 || second > 59 || usec > 999999)
		return false;
	out->hour = (uint32_t) hour;
	out->minute = minute;
	out->second = second;
	out->usec = usec;
	return true;
}

/* Fraction as logged by the "2" types: in units of 1/100 of its bytes. */
static uint32_t
fraction_usec(uint64_t frac, int fsp)
{
	static const uint32_t unit[4] = {0, 10000, 100, 1};

	return (uint32_t) frac * unit[(fsp + 1) / 2];
}

static bool
get_time2(int fsp, const uint8_t *p, MyTemporal *out)
{
	int			fbits = (fsp + 1) / 2 * 8;
	int64_t		v = (int64_t) get_be(p, 3 + fbits / 8) -
		(INT64_C(0x800000) << fbits);
	uint64_t	hms;

	if (v < 0)
	{
		out->negative = true;
		v = -v;
	}
	hms = (uint64_t) v >> fbits;
	return set_time(out, hms >> 12, hms >> 6 & 0x3f, hms & 0x3f,
					fraction_usec(v & ((INT64_C(1) << fbits) - 1), fsp), 838);
}

static bool
get_datetime2(int fsp, const uint8_t *p, MyTemporal *out)
{
	int			fbytes = (fsp + 1) / 2;
	uint64_t	v = get_be(p, 5);
	uint64_t	ym;

	if ((v & UINT64_C(0x8000000000)) == 0)
		return false;
	v &= UINT64_C(0x7fffffffff);
	ym = v >> 22;
	return set_date(out, ym / 13, ym % 13, v >> 17 & 0x1f) &&
		set_time(out, v >> 12 & 0x1f, v >> 6 & 0x3f, v & 0x3f,
				 fraction_usec(get_be(p + 5, fbytes), fsp), 23);
}

/* YYYYMMDDhhmmss as a number */
static bool
get_datetime(const uint8_t *p, MyTemporal *out)
{
	uint64_t	v = get_le(p, 8);
	uint32_t	hms = v % 1000000;
	uint64_t	ymd = v / 1000000;

	return set_date(out, ymd / 10000, ymd / 100 % 100, ymd % 100) &&
		set_time(out, hms / 10000, hms / 100 % 100, hms % 100, 0, 23);
}

/*
 * MariaDB's older types with fractions: one number counted in units of the
 * last digit, with months of 32 days and years of 13 months.
 */
static bool
get_hires(const BinlogColumn *col, const uint8_t *p, MyTemporal *out)
{
	int64_t		unit = powers10[col->meta];
	bool		is_time = col->type == MYSQL_T_TIME;
	int			size = is_time ? hires_time_bytes[col->meta] :
		hires_datetime_bytes[col->meta];
	int64_t		v = (int64_t) get_be(p, size);
	uint32_t	usec;
	uint32_t	second;
	uint32_t	minute;

	if (is_time)
	{
		v -= HIRES_TIME_ZERO * unit;
		if (v < 0)
		{
			out->negative = true;
			v = -v;
		}
	}
	else if (v < 0)
		return false;
	usec = (uint32_t) (v % unit) * powers10[6 - col->meta];
	v /= unit;
	second = v % 60;
	v /= 60;
	minute = v % 60;
	v /= 60;
	if (is_time)
		return set_time(out, v, minute, second, usec, 838);
	if (!set_time(out, v % 24, minute, second, usec, 23))
		return false;
	v /= 24;
	return set_date(out, v / 32 / 13, v / 32 % 13, v % 32);
}

bool
binlog_get_temporal(const BinlogColumn *col, const uint8_t *p,
					MyTemporal *out)
{
	uint32_t	v;
	int64_t		t;

	memset(out, 0, sizeof(*out));
	switch (col->type)
	{
		case MYSQL_T_DATE:
		case MYSQL_T_NEWDATE:
			v = (uint32_t) get_le(p, 3);
			return set_date(out, v >> 9, v >> 5 & 0xf, v & 0x1f);
		case MYSQL_T_TIME:
			if (col->meta > 0)
				return get_hires(col, p, out);
			t = extend(get_le(p, 3), 3);
			out->negative = t < 0;
			if (t < 0)
				t = -t;
			return set_time(out, t / 10000, t / 100 % 100, t % 100, 0, 838);
		case MYSQL_T_TIME2:
			return get_time2(col->meta, p, out);
		case MYSQL_T_DATETIME:
			if (col->meta > 0)
				return get_hires(col, p, out);
			return get_datetime(p, out);
		case MYSQL_T_DATETIME2:
			return get_datetime2(col->meta, p, out);
		default:
			return false;
	}
}

bool
binlog_get_timestamp(const BinlogColumn *col, const uint8_t *p,
					 int64_t *seconds, uint32_t *usec)
{
	if (col->type == MYSQL_T_TIMESTAMP2)
	{
		*seconds = (int64_t) get_be(p, 4);
		*usec = fraction_usec(get_be(p + 4, (col->meta + 1) / 2), col->meta);
	}
	else if (col->type == MYSQL_T_TIMESTAMP && col->meta > 0)
	{
		*seconds = (int64_t) get_be(p, 4);
		*usec = (uint32_t) get_be(p + 4, hires_fraction_bytes[col->meta]);
		if (*usec >= powers10[col->meta])
			return false;
		*usec *= powers10[6 - col->meta];
	}
	else if (col->type == MYSQL_T_TIMESTAMP)
	{
		*seconds = (int64_t) get_le(p, 4);
		*usec = 0;
	}
	else
		return false;
	return *usec <= 999999;
}

void
binlog_get_bytes(const BinlogColumn *col, const uint8_t *p,
				 const uint8_t **data, size_t *len)
{
	int			n = 0;

	switch (col->type)
	{
		case MYSQL_T_VARCHAR:
		case MYSQL_T_VAR_STRING:
		case MYSQL_T_STRING:
		case MYSQL_T_VARCHAR_COMPRESSED:
			n = col->meta > 255 ? 2 : 1;
			break;
		case MYSQL_T_TINY_BLOB:
		case MYSQL_T_MEDIUM_BLOB:
		case MYSQL_T_LONG_BLOB:
		case MYSQL_T_BLOB:
		case MYSQL_T_BLOB_COMPRESSED:
		case MYSQL_T_JSON:
		case MYSQL_T_GEOMETRY:
		case MYSQL_T_VECTOR:
			n = col->meta;
			break;
		default:
			*data = p;
			*len = (size_t) fixed_size(col);
			return;
	}
	*data = p + n;
	*len = (size_t) get_le(p, n);
}

/*
 * A compressed value begins with a byte: the method in its high half (0: the
 * rest is plain, 8: zlib), a flag 0x08 for a stream without zlib's header,
 * and how many bytes of plain length follow, big-endian. An empty value has
 * no bytes at all.
 */
int64_t
binlog_column_plain_size(const uint8_t *data, size_t len)
{
	int			n;

	if (len == 0)
		return 0;
	if (data[0] == 0)
		return (int64_t) len - 1;
	n = data[0] & 0x07;
	if ((data[0] & 0xf0) != 0x80 || n < 1 || n > 4 || len < (size_t) n + 1)
		return -1;
	return (int64_t) get_be(data + 1, n);
}

bool
binlog_column_uncompress(const uint8_t *data, size_t len, uint8_t *out,
						 size_t size)
{
	z_stream	z;
	int			n;
	int			rc;

	if (len == 0)
		return size == 0;
	if (data[0] == 0)
	{
		if (size != len - 1)
			return false;
		if (size > 0)
			memcpy(out, data + 1, size);
		return true;
	}
	n = data[0] & 0x07;
	memset(&z, 0, sizeof(z));
	z.next_in = (Bytef *) data + 1 + n;
	z.avail_in = (uInt) (len - 1 - n);
	z.next_out = out;
	z.avail_out = (uInt) size;
	if (inflateInit2(&z, data[0] & 0x08 ? -MAX_WBITS : MAX_WBITS) != Z_OK)
		return false;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return rc == Z_STREAM_END && z.total_out == size;
}
