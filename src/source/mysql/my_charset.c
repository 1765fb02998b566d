/*-------------------------------------------------------------------------
 *
 * my_charset.c
 *	  Character sets of the MySQL family.
 *
 * Four sorts:
 *	  UTF-8 (utf8, utf8mb3, utf8mb4, ascii): verified, not changed.
 *	  ucs2, utf16, utf16le, utf32: decoded here.
 *	  Single-byte sets, and the East Asian sets of two and three bytes: tables
 *	  asked of the source itself, whose latin1 is cp1252, whose sjis has
 *	  another backslash than ours, and so on. Kept for the life of the process.
 *	  gb18030: PostgreSQL's conversion function, looked up once, so that no
 *	  catalog is needed when a value comes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "compat.h"
#include "source/mysql/my_charset.h"

typedef enum CharsetKind
{
	CHARSET_UTF8,
	CHARSET_TABLE,
	CHARSET_PAIRS,
	CHARSET_UTF16BE,			/* ucs2 too: a surrogate there is an error of
								 * the source that utf16's rules catch */
	CHARSET_UTF16LE,
	CHARSET_UTF32,
	CHARSET_PG
} CharsetKind;

/* No character; a lead byte. */
#define NO_CHAR 0xFFFF

/* A range of bytes, both ends in it; last 0: none. */
typedef struct ByteRange
{
	uint8		first;
	uint8		last;
} ByteRange;

struct MyCharset
{
	char		name[NAMEDATALEN];
	CharsetKind kind;
	bool		ascii;			/* bytes under 0x80 stand for themselves */
	int			encoding;		/* CHARSET_PG */
	FmgrInfo	to_utf8;
	uint8		length[256];	/* CHARSET_TABLE: UTF-8 of each byte */
	uint8		bytes[256][4];
	uint16		single[256];	/* CHARSET_PAIRS: UTF-16, or NO_CHAR */
	uint16	   *pairs[256];		/* by lead byte, NULL if it is none: UTF-16 */
	uint16	   *triples[256];	/* the same behind a 0x8F */
};

/*
 * Sets that are not single-byte ones. For pairs, all lead and trail bytes
 * that the source takes for well-formed; the 8F behind which a third byte
 * follows has the same ranges.
 */
static const struct
{
	const char *name;
	CharsetKind kind;
	int			encoding;
	ByteRange	lead[2];
	ByteRange	trail[3];
	bool		has_8f;
}			known_charsets[] =
{
	{"ascii", CHARSET_UTF8},
	{"big5", CHARSET_PAIRS, 0, {{0xA1, 0xF9}}, {{0x40, 0x7E}, {0xA1, 0xFE}}},
	{"cp932", CHARSET_PAIRS, 0, {{0x81, 0x9F}, {0xE0, 0xFC}},
	{{0x40, 0x7E}, {0x80, 0xFC}}},
	{"eucjpms", CHARSET_PAIRS, 0, {{0xA1, 0xFE}}, {{0xA1, 0xFE}}, true},
	{"euckr", CHARSET_PAIRS, 0, {{0x81, 0xFE}},
	{{0x41, 0x5A}, {0x61, 0x7A}, {0x81, 0xFE}}},
	{"gb18030", CHARSET_PG, PG_GB18030},
	{"gb2312", CHARSET_PAIRS, 0, {{0xA1, 0xF7}}, {{0xA1, 0xFE}}},
	{"gbk", CHARSET_PAIRS, 0, {{0x81, 0xFE}}, {{0x40, 0x7E}, {0x80, 0xFE}}},
	{"sjis", CHARSET_PAIRS, 0, {{0x81, 0x9F}, {0xE0, 0xFC}},
	{{0x40, 0x7E}, {0x80, 0xFC}}},
	{"ucs2", CHARSET_UTF16BE},
	{"ujis", CHARSET_PAIRS, 0, {{0xA1, 0xFE}}, {{0xA1, 0xFE}}, true},
	{"utf16", CHARSET_UTF16BE},
	{"utf16le", CHARSET_UTF16LE},
	{"utf32", CHARSET_UTF32},
	{"utf8", CHARSET_UTF8},
	{"utf8mb3", CHARSET_UTF8},
	{"utf8mb4", CHARSET_UTF8}
};

static List *charsets = NIL;	/* MyCharset *, in TopMemoryContext */

/* UTF-8 to the database's encoding; fn_oid is invalid if nothing is to do. */
static FmgrInfo to_server;
static bool to_server_ready = false;

/*
 * Looks up the default conversion between two encodings.
 */
static void
load_conversion(int from, int to, FmgrInfo *finfo)
{
	Oid			proc = FindDefaultConversionProc(from, to);

	if (!OidIsValid(proc))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
						pg_encoding_to_char(from), pg_encoding_to_char(to))));
	fmgr_info_cxt(proc, finfo, TopMemoryContext);
}

/*
 * Calls a conversion function. Result palloc'd, NUL-terminated.
 */
static uint8 *
call_conversion(const FmgrInfo *finfo, int from, int to, const uint8 *data,
				Size *len)
{
	Size		room = *len * MAX_CONVERSION_GROWTH + 1;
	char	   *out;

	if (*len >= MaxAllocSize / MAX_CONVERSION_GROWTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long for encoding conversion",
						*len)));
	out = palloc(room);
	FunctionCall6Coll((FmgrInfo *) finfo, InvalidOid,
					  Int32GetDatum(from), Int32GetDatum(to),
					  CStringGetDatum((const char *) data),
					  CStringGetDatum(out), Int32GetDatum((int32) *len),
					  BoolGetDatum(false));
	*len = strlen(out);
	if (room > 1000000)
		out = repalloc(out, *len + 1);
	return (uint8 *) out;
}

/*
 * Reads the 256 characters of a single-byte set from the source.
 */
static void
load_table(MyConn *conn, MyCharset *cs)
{
	StringInfoData sql;
	MyResult   *res;
	int			i;

	initStringInfo(&sql);
	for (i = 0; i < 256; i++)
		appendStringInfo(&sql, "%sHEX(CONVERT(_%s X'%02X' USING utf8mb4))",
						 i == 0 ? "SELECT " : ", ", cs->name, i);
	res = my_query(conn, sql.data, 256);

	cs->ascii = true;
	for (i = 0; i < 256; i++)
	{
		const char *hex = my_get_text_or_null(res, 0, i);
		Size		n = hex ? strlen(hex) / 2 : 0;
		Size		j;

		if (n < 1 || n > 4)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("character set \"%s\" of the source is not supported",
							cs->name),
					 errdetail("Byte 0x%02X of it is not one character.", i)));
		cs->length[i] = n;
		for (j = 0; j < n; j++)
		{
			unsigned int byte;

			if (sscanf(hex + 2 * j, "%2x", &byte) != 1)
				my_refuse("characters of character set", cs->name);
			cs->bytes[i][j] = (uint8) byte;
		}
		if (i < 0x80 && (n != 1 || cs->bytes[i][0] != i))
			cs->ascii = false;
	}
}

static bool
in_ranges(const ByteRange *ranges, int n, int byte)
{
	int			i;

	for (i = 0; i < n && ranges[i].last != 0; i++)
		if (byte >= ranges[i].first && byte <= ranges[i].last)
			return true;
	return false;
}

/*
 * One column of the query for a set of pairs: all characters behind prefix.
 */
static void
append_row_query(StringInfo sql, const MyCharset *cs, const char *prefix,
				 const ByteRange *trail)
{
	int			i;

	appendStringInfo(sql, "%sHEX(CONVERT(_%s X'",
					 sql->len == 0 ? "SELECT " : ", ", cs->name);
	for (i = 0; i < 256; i++)
		if (in_ranges(trail, 3, i))
			appendStringInfo(sql, "%s%02X", prefix, i);
	appendStringInfoString(sql, "' USING utf16))");
}

/*
 * Its answer, as UTF-16 by trail byte.
 */
static uint16 *
read_row(const MyCharset *cs, const char *hex, const ByteRange *trail)
{
	uint16	   *row = MemoryContextAlloc(TopMemoryContext,
										 sizeof(uint16) * 256);
	int			i;

	for (i = 0; i < 256; i++)
	{
		unsigned int unit;

		row[i] = NO_CHAR;
		if (!in_ranges(trail, 3, i))
			continue;
		if (hex == NULL || strlen(hex) < 4 || sscanf(hex, "%4x", &unit) != 1)
			my_refuse("characters of character set", cs->name);
		row[i] = (uint16) unit;
		hex += 4;
	}
	if (*hex != '\0')
		my_refuse("characters of character set", cs->name);
	return row;
}

/*
 * Reads the characters of a set of one, two and three bytes from the source:
 * a column for each lead byte.
 */
static void
load_pairs(MyConn *conn, MyCharset *cs, const ByteRange *lead,
		   const ByteRange *trail, bool has_8f)
{
	static const ByteRange low[3] = {{0x00, 0x7F}};
	static const ByteRange kana[3] = {{0xA1, 0xDF}};
	bool		euc = has_8f;
	bool		has_kana = euc || lead[1].last != 0;	/* Japanese */
	StringInfoData sql;
	MyResult   *res;
	uint16	   *row;
	int			column = 0;
	int			i;

	initStringInfo(&sql);
	append_row_query(&sql, cs, "", low);
	if (has_kana)
		append_row_query(&sql, cs, euc ? "8E" : "", kana);
	for (i = 0; i < 256; i++)
		if (in_ranges(lead, 2, i))
			append_row_query(&sql, cs, psprintf("%02X", i), trail);
	for (i = 0; has_8f && i < 256; i++)
		if (in_ranges(lead, 2, i))
			append_row_query(&sql, cs, psprintf("8F%02X", i), trail);

	res = my_query(conn, sql.data, 1);
	row = read_row(cs, my_get_text(res, 0, column++), low);
	memcpy(cs->single, row, sizeof(cs->single));
	pfree(row);
	if (has_kana)
	{
		row = read_row(cs, my_get_text(res, 0, column++), kana);
		if (euc)
			cs->pairs[0x8E] = row;
		else
		{
			for (i = 0xA1; i <= 0xDF; i++)
				cs->single[i] = row[i];
			pfree(row);
		}
	}
	for (i = 0; i < 256; i++)
		if (in_ranges(lead, 2, i))
			cs->pairs[i] = read_row(cs, my_get_text(res, 0, column++), trail);
	for (i = 0; has_8f && i < 256; i++)
		if (in_ranges(lead, 2, i))
			cs->triples[i] = read_row(cs, my_get_text(res, 0, column++), trail);

	cs->ascii = true;
	for (i = 0; i < 0x80; i++)
		if (cs->single[i] != i)
			cs->ascii = false;
}

MyCharset *
my_charset_get(MyConn *conn, const char *name)
{
	ListCell   *lc;
	MyCharset  *cs;
	MemoryContext oldcxt;
	int			i;

	foreach(lc, charsets)
	{
		cs = (MyCharset *) lfirst(lc);
		if (strcmp(cs->name, name) == 0)
			return cs;
	}

	/* The name goes into a query as it is. */
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) ||
		strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("character set \"%s\" of the source is not supported",
						name)));

	cs = palloc0(sizeof(MyCharset));
	strlcpy(cs->name, name, sizeof(cs->name));
	cs->kind = CHARSET_TABLE;
	for (i = 0; i < lengthof(known_charsets); i++)
	{
		if (strcmp(known_charsets[i].name, name) == 0)
		{
			cs->kind = known_charsets[i].kind;
			cs->encoding = known_charsets[i].encoding;
			break;
		}
	}

	if (cs->kind == CHARSET_TABLE || cs->kind == CHARSET_PAIRS)
	{
		if (conn == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
					 errmsg("character set \"%s\" is not known yet, and there is no connection to ask the source",
							name)));
		if (cs->kind == CHARSET_TABLE)
			load_table(conn, cs);
		else
			load_pairs(conn, cs, known_charsets[i].lead,
					   known_charsets[i].trail, known_charsets[i].has_8f);
	}
	else if (cs->kind == CHARSET_PG)
	{
		cs->ascii = true;
		load_conversion(cs->encoding, PG_UTF8, &cs->to_utf8);
	}
	else if (cs->kind == CHARSET_UTF8)
		cs->ascii = true;

	oldcxt = MemoryContextSwitchTo(TopMemoryContext);
	{
		MyCharset  *keep = palloc(sizeof(MyCharset));

		memcpy(keep, cs, sizeof(MyCharset));
		charsets = lappend(charsets, keep);
		pfree(cs);
		cs = keep;
	}
	MemoryContextSwitchTo(oldcxt);
	return cs;
}

/*
 * Raises the error for bytes that are no character of the set.
 */
pg_noreturn static void
bad_bytes(const MyCharset *cs, const uint8 *data, Size left)
{
	char		hex[4 * 5 + 1];
	int			n = Min(left, 4);
	int			i;

	hex[0] = '\0';
	for (i = 0; i < n; i++)
		snprintf(hex + 5 * i, sizeof(hex) - 5 * i, " 0x%02x", data[i]);
	ereport(ERROR,
			(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
			 errmsg("invalid byte sequence for character set \"%s\":%s",
					cs->name, hex)));
}

static const uint8 *
table_to_utf8(const MyCharset *cs, const uint8 *data, Size *len)
{
	uint8	   *out;
	uint8	   *o;
	Size		i;

	if (*len > MaxAllocSize / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long for encoding conversion",
						*len)));
	o = out = palloc(*len * 4 + 1);
	for (i = 0; i < *len; i++)
	{
		memcpy(o, cs->bytes[data[i]], 4);
		o += cs->length[data[i]];
	}
	*len = o - out;
	return out;
}

/*
 * Writes a character as UTF-8; returns where the next one goes.
 */
static inline uint8 *
put_utf8(uint8 *o, uint32 ch)
{
	if (ch < 0x80)
		*o++ = ch;
	else if (ch < 0x800)
	{
		*o++ = 0xC0 | (ch >> 6);
		*o++ = 0x80 | (ch & 0x3F);
	}
	else if (ch < 0x10000)
	{
		*o++ = 0xE0 | (ch >> 12);
		*o++ = 0x80 | ((ch >> 6) & 0x3F);
		*o++ = 0x80 | (ch & 0x3F);
	}
	else
	{
		*o++ = 0xF0 | (ch >> 18);
		*o++ = 0x80 | ((ch >> 12) & 0x3F);
		*o++ = 0x80 | ((ch >> 6) & 0x3F);
		*o++ = 0x80 | (ch & 0x3F);
	}
	return o;
}

/*
 * Sets of one, two and three bytes.
 */
static const uint8 *
pairs_to_utf8(const MyCharset *cs, const uint8 *data, Size *len)
{
	const uint8 *end = data + *len;
	uint8	   *out;
	uint8	   *o;

	if (*len > MaxAllocSize / 3)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long for encoding conversion",
						*len)));
	o = out = palloc(*len * 3 + 1);
	while (data < end)
	{
		Size		left = end - data;
		uint16		ch = cs->single[data[0]];

		if (ch != NO_CHAR)
			data++;
		else
		{
			const uint16 *row = cs->pairs[data[0]];

			if (row != NULL && left >= 2)
			{
				ch = row[data[1]];
				if (ch == NO_CHAR)
					bad_bytes(cs, data, left);
				data += 2;
			}
			else if (data[0] == 0x8F && left >= 3 && cs->triples[data[1]])
			{
				ch = cs->triples[data[1]][data[2]];
				if (ch == NO_CHAR)
					bad_bytes(cs, data, left);
				data += 3;
			}
			else
				bad_bytes(cs, data, left);
		}
		o = put_utf8(o, ch);
	}
	*len = o - out;
	return out;
}

/*
 * UTF-16 of both byte orders, and UTF-32.
 */
static const uint8 *
wide_to_utf8(const MyCharset *cs, const uint8 *data, Size *len)
{
	const uint8 *end = data + *len;
	uint8	   *out;
	uint8	   *o;
	int			hi = cs->kind == CHARSET_UTF16LE ? 1 : 0;

	if (*len > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long for encoding conversion",
						*len)));
	/* 2 bytes become at most 3, 4 at most 4 */
	o = out = palloc(*len * 3 / 2 + 4);
	while (data < end)
	{
		Size		left = end - data;
		uint32		ch;

		if (cs->kind == CHARSET_UTF32)
		{
			if (left < 4)
				bad_bytes(cs, data, left);
			ch = (uint32) data[0] << 24 | (uint32) data[1] << 16 |
				(uint32) data[2] << 8 | data[3];
			if (ch > 0x10FFFF || (ch >= 0xD800 && ch <= 0xDFFF))
				bad_bytes(cs, data, left);
			data += 4;
		}
		else
		{
			if (left < 2)
				bad_bytes(cs, data, left);
			ch = (uint32) data[hi] << 8 | data[1 - hi];
			if (ch >= 0xD800 && ch <= 0xDBFF)
			{
				uint32		low;

				if (left < 4)
					bad_bytes(cs, data, left);
				low = (uint32) data[2 + hi] << 8 | data[3 - hi];
				if (low < 0xDC00 || low > 0xDFFF)
					bad_bytes(cs, data, left);
				ch = 0x10000 + ((ch & 0x3FF) << 10) + (low & 0x3FF);
				data += 2;
			}
			else if (ch >= 0xDC00 && ch <= 0xDFFF)
				bad_bytes(cs, data, left);
			data += 2;
		}

		o = put_utf8(o, ch);
	}
	*len = o - out;
	return out;
}

/*
 * PostgreSQL's conversion functions end at a 0x00; text with one is converted
 * in pieces, so that the NUL policy sees it.
 */
static const uint8 *
pg_to_utf8(const MyCharset *cs, const uint8 *data, Size *len)
{
	const uint8 *end = data + *len;
	StringInfoData out;

	if (memchr(data, 0, *len) == NULL)
		return call_conversion(&cs->to_utf8, cs->encoding, PG_UTF8, data, len);

	initStringInfo(&out);
	while (data < end)
	{
		const uint8 *nul = memchr(data, 0, end - data);
		Size		n = (nul ? nul : end) - data;
		Size		n8 = n;

		if (n > 0)
		{
			const uint8 *piece = call_conversion(&cs->to_utf8, cs->encoding,
												 PG_UTF8, data, &n8);

			appendBinaryStringInfo(&out, (const char *) piece, n8);
		}
		data += n;
		if (nul)
		{
			appendStringInfoChar(&out, '\0');
			data++;
		}
	}
	*len = out.len;
	return (const uint8 *) out.data;
}

const uint8 *
my_charset_to_utf8(const MyCharset *cs, const uint8 *data, Size *len)
{
	if (cs->kind == CHARSET_UTF8)
		return data;			/* verified when it is stored */
	if (cs->ascii && my_is_ascii(data, *len))
		return data;
	switch (cs->kind)
	{
		case CHARSET_UTF8:
			break;
		case CHARSET_TABLE:
			return table_to_utf8(cs, data, len);
		case CHARSET_PAIRS:
			return pairs_to_utf8(cs, data, len);
		case CHARSET_UTF16BE:
		case CHARSET_UTF16LE:
		case CHARSET_UTF32:
			return wide_to_utf8(cs, data, len);
		case CHARSET_PG:
			return pg_to_utf8(cs, data, len);
	}
	return data;
}

void
my_charset_init(void)
{
	int			encoding = GetDatabaseEncoding();

	if (to_server_ready)
		return;
	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
		load_conversion(PG_UTF8, encoding, &to_server);
	to_server_ready = true;
}

const uint8 *
my_utf8_to_server(const uint8 *data, Size *len)
{
	if (my_is_ascii(data, *len))
		return data;
	if (*len > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text of %zu bytes is too long", *len)));
	(void) pg_verify_mbstr(PG_UTF8, (const char *) data, *len, false);
	if (!OidIsValid(to_server.fn_oid))
		return data;
	return call_conversion(&to_server, PG_UTF8, GetDatabaseEncoding(), data,
						   len);
}
