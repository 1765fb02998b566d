/*-------------------------------------------------------------------------
 *
 * binlog_json.c
 *	  MySQL's binary JSON as text.
 *
 * Layout as in MySQL's sql-common/json_binary.h. A value is a type byte and
 * its bytes. An object or array has the number of its elements and its size,
 * 2 bytes each if small, 4 if large; then of each key its offset and its
 * length (2); then of each value its type and its offset, or in that place
 * the value itself if it is short enough. Offsets count from the first byte
 * behind the type.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_json.h"

#include <stdio.h>
#include <string.h>

#include "source/mysql/binlog_json_impl.h"
#include "source/mysql/binlog_value.h"

/* of libpgcommon, common/shortest_dec.h */
extern int	double_to_shortest_decimal_buf(double f, char *result);

#define DOUBLE_TEXT_SIZE	32

/* Digits before and behind the point up to which MySQL writes no exponent. */
#define MAX_PLAIN_DIGITS	15

/*
 * No value's text is longer than so many times its bytes. Damaged values could
 * hold one part many times.
 */
#define TEXT_FACTOR			32
#define TEXT_EXTRA			1024

/* A line of base64. */
#define BASE64_LINE			76

static uint32_t
get_le(const uint8_t *p, int bytes)
{
	uint32_t	v = 0;

	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static uint64_t
get_le8(const uint8_t *p)
{
	return (uint64_t) get_le(p + 4, 4) << 32 | get_le(p, 4);
}

/* --------------------------------------------------------------- appending */

static bool
put(BinlogText *out, const char *s, size_t len, BinlogError *error)
{
	if (len > out->size - out->len && !out->grow(out, out->len + len))
		return binlog_fail(error, "no memory for JSON of %zu bytes",
						   out->len + len);
	memcpy(out->data + out->len, s, len);
	out->len += len;
	return true;
}

static bool
put_char(BinlogText *out, char c, BinlogError *error)
{
	if (out->len < out->size)
	{
		out->data[out->len++] = c;
		return true;
	}
	return put(out, &c, 1, error);
}

static bool
put_string(BinlogText *out, const uint8_t *s, size_t len, BinlogError *error)
{
	size_t		begin = 0;

	if (!put_char(out, '"', error))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		uint8_t		c = s[i];
		char		esc[8];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		switch (c)
		{
			case '"':
			case '\\':
				snprintf(esc, sizeof(esc), "\\%c", c);
				break;
			case '\b':
				strcpy(esc, "\\b");
				break;
			case '\f':
				strcpy(esc, "\\f");
				break;
			case '\n':
				strcpy(esc, "\\n");
				break;
			case '\r':
				strcpy(esc, "\\r");
				break;
			case '\t':
				strcpy(esc, "\\t");
				break;
			default:
				snprintf(esc, sizeof(esc), "\\u%04x", c);
				break;
		}
		if (!put(out, (const char *) s + begin, i - begin, error) ||
			!put(out, esc, strlen(esc), error))
			return false;
		begin = i + 1;
	}
	return put(out, (const char *) s + begin, len - begin, error) &&
		put_char(out, '"', error);
}

/* The shortest digits that read back as d, in MySQL's form. */
static bool
put_double(BinlogText *out, double d, BinlogError *error)
{
	char		shortest[DOUBLE_TEXT_SIZE];
	char		digits[DOUBLE_TEXT_SIZE];
	char		text[64];
	int			n = 0;
	int			point = 0;		/* value: 0.digits * 10^point */
	bool		seen_point = false;
	char	   *t = text;
	const char *p;
	int			len;

	if (d != d || d - d != 0)
		return binlog_fail(error, "a JSON number is not finite");
	len = double_to_shortest_decimal_buf(d, shortest);
	shortest[len] = '\0';
	p = shortest;
	if (*p == '-')
		*t++ = *p++;
	for (; *p != '\0' && *p != 'e'; p++)
	{
		if (*p == '.')
			seen_point = true;
		else
		{
			if (!seen_point)
				point++;
			if (n > 0 || *p != '0')
				digits[n++] = *p;
			else
				point--;
		}
	}
	if (*p == 'e')
	{
		int			exponent = 0;

		sscanf(p + 1, "%d", &exponent);
		point += exponent;
	}
	while (n > 0 && digits[n - 1] == '0')
		n--;
	if (n == 0)
		t += sprintf(t, "0.0");
	else if (point > MAX_PLAIN_DIGITS || point < 1 - MAX_PLAIN_DIGITS)
	{
		*t++ = digits[0];
		if (n > 1)
			t += sprintf(t, ".%.*s", n - 1, digits + 1);
		t += sprintf(t, "e%d", point - 1);
	}
	else if (point <= 0)
	{
		t += sprintf(t, "0.");
		for (int i = point; i < 0; i++)
			*t++ = '0';
		t += sprintf(t, "%.*s", n, digits);
	}
	else if (n <= point)
	{
		t += sprintf(t, "%.*s", n, digits);
		for (int i = n; i < point; i++)
			*t++ = '0';
		t += sprintf(t, ".0");
	}
	else
		t += sprintf(t, "%.*s.%.*s", point, digits, n - point, digits + point);
	return put(out, text, t - text, error);
}

static bool
put_base64(BinlogText *out, int type, const uint8_t *data, size_t len,
		   BinlogError *error)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char		head[32];
	int			column = 0;

	snprintf(head, sizeof(head), "\"base64:type%d:", type);
	if (!put(out, head, strlen(head), error))
		return false;
	for (size_t i = 0; i < len; i += 3)
	{
		uint32_t	v = (uint32_t) data[i] << 16;
		char		four[4];

		if (i + 1 < len)
			v |= (uint32_t) data[i + 1] << 8;
		if (i + 2 < len)
			v |= data[i + 2];
		four[0] = alphabet[v >> 18];
		four[1] = alphabet[v >> 12 & 63];
		four[2] = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		four[3] = i + 2 < len ? alphabet[v & 63] : '=';
		if (column == BASE64_LINE)
		{
			if (!put(out, "\\n", 2, error))
				return false;
			column = 0;
		}
		if (!put(out, four, 4, error))
			return false;
		column += 4;
	}
	return put_char(out, '"', error);
}

/* DATE, TIME, DATETIME and TIMESTAMP as packed numbers. */
static bool
put_temporal(BinlogText *out, int type, int64_t packed, BinlogError *error)
{
	bool		negative = packed < 0;
	uint64_t	v = negative ? -(uint64_t) packed : (uint64_t) packed;
	unsigned	usec = (unsigned) (v & 0xffffff);
	uint64_t	hms = v >> 24 & 0x1ffff;
	uint64_t	ymd = v >> 41;
	char		text[64];

	if (type == MYSQL_T_TIME)
		snprintf(text, sizeof(text), "\"%s%02u:%02u:%02u.%06u\"",
				 negative ? "-" : "", (unsigned) (v >> 36 & 0x3ff),
				 (unsigned) (v >> 30 & 63), (unsigned) (v >> 24 & 63), usec);
	else if (type == MYSQL_T_DATE)
		snprintf(text, sizeof(text), "\"%04u-%02u-%02u\"",
				 (unsigned) (ymd >> 5) / 13, (unsigned) (ymd >> 5) % 13,
				 (unsigned) (ymd & 31));
	else
		snprintf(text, sizeof(text), "\"%04u-%02u-%02u %02u:%02u:%02u.%06u\"",
				 (unsigned) (ymd >> 5) / 13, (unsigned) (ymd >> 5) % 13,
				 (unsigned) (ymd & 31), (unsigned) (hms >> 12),
				 (unsigned) (hms >> 6 & 63), (unsigned) (hms & 63), usec);
	return put(out, text, strlen(text), error);
}

/* ----------------------------------------------------------------- reading */

/* Length of a string or opaque value: 7 bits a byte, the lowest first. */
static bool
read_length(const uint8_t **p, const uint8_t *end, size_t *len)
{
	uint64_t	v = 0;

	for (int i = 0; i < 5; i++)
	{
		if (*p >= end)
			return false;
		v |= (uint64_t) (**p & 0x7f) << (7 * i);
		if ((*(*p)++ & 0x80) == 0)
		{
			*len = (size_t) v;
			return v <= (uint64_t) (end - *p);
		}
	}
	return false;
}

static bool
damaged(BinlogError *error)
{
	return binlog_fail(error, "a JSON value is damaged");
}

bool
binlog_json_container(const BinlogJsonValue *value, BinlogJsonContainer *c)
{
	int			w;
	size_t		heads;

	c->is_object = value->type == JSON_SMALL_OBJECT ||
		value->type == JSON_LARGE_OBJECT;
	c->width = w = value->type == JSON_LARGE_OBJECT ||
		value->type == JSON_LARGE_ARRAY ? 4 : 2;
	c->data = value->data;
	if (value->len < (size_t) w * 2)
		return false;
	c->count = get_le(value->data, w);
	c->size = get_le(value->data + w, w);
	heads = (size_t) w * 2 + (size_t) c->count *
		((c->is_object ? w + 2 : 0) + 1 + w);
	return c->size <= value->len && heads <= c->size;
}

bool
binlog_json_key(const BinlogJsonContainer *c, uint32_t i, const uint8_t **key,
				size_t *len)
{
	const uint8_t *entry = c->data + c->width * 2 +
		(size_t) i * (c->width + 2);
	uint32_t	offset = get_le(entry, c->width);

	*len = get_le(entry + c->width, 2);
	*key = c->data + offset;
	return offset <= c->size && *len <= c->size - offset;
}

bool
binlog_json_element(const BinlogJsonContainer *c, uint32_t i,
					BinlogJsonValue *value)
{
	int			w = c->width;
	const uint8_t *entry = c->data + w * 2 +
		(c->is_object ? (size_t) c->count * (w + 2) : 0) +
		(size_t) i * (1 + w);
	uint32_t	offset;

	value->type = entry[0];
	if (value->type == JSON_LITERAL || value->type == JSON_INT16 ||
		value->type == JSON_UINT16 ||
		(w == 4 && (value->type == JSON_INT32 || value->type == JSON_UINT32)))
	{
		value->data = entry + 1;
		value->len = w;
		return true;
	}
	offset = get_le(entry + 1, w);
	/* a value lies behind the heads: no container can hold itself */
	if (offset > c->size ||
		offset < (uint32_t) (entry - c->data) + 1 + w)
		return false;
	value->data = c->data + offset;
	value->len = c->size - offset;
	return true;
}

static bool
put_opaque(const BinlogJsonValue *value, BinlogText *out, BinlogError *error)
{
	const uint8_t *p = value->data;
	const uint8_t *end = p + value->len;
	size_t		len;
	int			type;

	if (p >= end)
		return damaged(error);
	type = *p++;
	if (!read_length(&p, end, &len))
		return damaged(error);
	if (type == MYSQL_T_NEWDECIMAL)
	{
		BinlogColumn col = {MYSQL_T_NEWDECIMAL, 0, false, false};
		char		text[BINLOG_DECIMAL_BUFSIZE];

		if (len < 2)
			return damaged(error);
		col.meta = (uint16_t) (p[0] << 8 | p[1]);
		if (p[1] > p[0] || binlog_fixed_size(&col) != (int64_t) len - 2 ||
			!binlog_get_decimal(&col, p + 2, text))
			return damaged(error);
		return put(out, text, strlen(text), error);
	}
	if (type == MYSQL_T_DATE || type == MYSQL_T_TIME ||
		type == MYSQL_T_DATETIME || type == MYSQL_T_TIMESTAMP)
	{
		if (len != 8)
			return damaged(error);
		return put_temporal(out, type, (int64_t) get_le8(p), error);
	}
	return put_base64(out, type, p, len, error);
}

static bool
put_container(const BinlogJsonValue *value, int depth, BinlogText *out,
			  BinlogError *error)
{
	BinlogJsonContainer c;

	if (depth > BINLOG_JSON_MAX_DEPTH || !binlog_json_container(value, &c))
		return damaged(error);
	if (!put_char(out, c.is_object ? '{' : '[', error))
		return false;
	for (uint32_t i = 0; i < c.count; i++)
	{
		BinlogJsonValue element;

		if (i > 0 && !put(out, ", ", 2, error))
			return false;
		if (c.is_object)
		{
			const uint8_t *key;
			size_t		len;

			if (!binlog_json_key(&c, i, &key, &len))
				return damaged(error);
			if (!put_string(out, key, len, error) || !put(out, ": ", 2, error))
				return false;
		}
		if (!binlog_json_element(&c, i, &element) || out->len > out->limit)
			return damaged(error);
		if (!binlog_json_put(&element, depth, out, error))
			return false;
	}
	return put_char(out, c.is_object ? '}' : ']', error);
}

static bool
put_number(const BinlogJsonValue *value, int bytes, BinlogText *out,
		   BinlogError *error)
{
	char		text[32];
	uint64_t	v;

	if (value->len < (size_t) bytes)
		return damaged(error);
	v = bytes == 8 ? get_le8(value->data) : get_le(value->data, bytes);
	switch (value->type)
	{
		case JSON_INT16:
			snprintf(text, sizeof(text), "%d", (int) (int16_t) v);
			break;
		case JSON_INT32:
			snprintf(text, sizeof(text), "%d", (int) (int32_t) v);
			break;
		case JSON_INT64:
			snprintf(text, sizeof(text), "%lld", (long long) v);
			break;
		default:
			snprintf(text, sizeof(text), "%llu", (unsigned long long) v);
			break;
	}
	return put(out, text, strlen(text), error);
}

bool
binlog_json_put(const BinlogJsonValue *value, int depth, BinlogText *out,
				BinlogError *error)
{
	const uint8_t *p = value->data;
	size_t		len;
	union
	{
		uint64_t	i;
		double		d;
	}			u;

	switch (value->type)
	{
		case JSON_SMALL_OBJECT:
		case JSON_LARGE_OBJECT:
		case JSON_SMALL_ARRAY:
		case JSON_LARGE_ARRAY:
			return put_container(value, depth + 1, out, error);
		case JSON_LITERAL:
			if (value->len < 1 || p[0] > 2)
				return damaged(error);
			return p[0] == 0 ? put(out, "null", 4, error) :
				p[0] == 1 ? put(out, "true", 4, error) :
				put(out, "false", 5, error);
		case JSON_INT16:
		case JSON_UINT16:
			return put_number(value, 2, out, error);
		case JSON_INT32:
		case JSON_UINT32:
			return put_number(value, 4, out, error);
		case JSON_INT64:
		case JSON_UINT64:
			return put_number(value, 8, out, error);
		case JSON_DOUBLE:
			if (value->len < 8)
				return damaged(error);
			u.i = get_le8(p);
			return put_double(out, u.d, error);
		case JSON_STRING:
			if (!read_length(&p, value->data + value->len, &len))
				return damaged(error);
			return put_string(out, p, len, error);
		case JSON_OPAQUE:
			return put_opaque(value, out, error);
	}
	return binlog_fail(error, "a JSON value has unknown type %d", value->type);
}

/* An empty value is what INSERT IGNORE leaves: null. */
void
binlog_json_root(const uint8_t *data, size_t len, BinlogJsonValue *root)
{
	static const uint8_t null_value[] = {0};

	root->type = len == 0 ? JSON_LITERAL : data[0];
	root->data = len == 0 ? null_value : data + 1;
	root->len = len == 0 ? 1 : len - 1;
}

void
binlog_json_limit(BinlogText *out, size_t len)
{
	out->limit = out->len + len * TEXT_FACTOR + TEXT_EXTRA;
}

bool
binlog_json_text(const uint8_t *data, size_t len, BinlogText *out,
				 BinlogError *error)
{
	BinlogJsonValue root;

	binlog_json_limit(out, len);
	binlog_json_root(data, len, &root);
	return binlog_json_put(&root, 0, out, error);
}
