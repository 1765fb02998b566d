/*-------------------------------------------------------------------------
 *
 * my_charset.c
 *	  Character sets of the MySQL family.
 *
 * Four sorts:
 *	  UTF-8 (utf8, utf8mb3, utf8mb4, ascii): verified, not changed.
 *	  Single-byte sets: a table of 256 UTF-8 sequences, asked of the source
 *	  itself, whose latin1 is cp1252 and whose other sets have ideas of their
 *	  own too. Kept for the life of the process.
 *	  ucs2, utf16, utf16le, utf32: decoded here.
 *	  East Asian multi-byte sets: PostgreSQL's conversion functions, looked up
 *	  once, so that no catalog is needed when a value comes.
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

#include "source/mysql/my_charset.h"

typedef enum CharsetKind
{
	CHARSET_UTF8,
	CHARSET_TABLE,
	CHARSET_UTF16BE,			/* ucs2 too: a surrogate there is an error of
								 * the source that utf16's rules catch */
	CHARSET_UTF16LE,
	CHARSET_UTF32,
	CHARSET_PG
} CharsetKind;

struct MyCharset
{
	char		name[NAMEDATALEN];
	CharsetKind kind;
	bool		ascii;			/* bytes under 0x80 stand for themselves */
	int			encoding;		/* CHARSET_PG */
	FmgrInfo	to_utf8;
	uint8		length[256];	/* CHARSET_TABLE */
	uint8		bytes[256][4];
};

/* Fixed sets. A set that is not here is a single-byte one. */
static const struct
{
	const char *name;
	CharsetKind kind;
	int			encoding;
}			known_charsets[] =
{
	{"ascii", CHARSET_UTF8, PG_UTF8},
	{"big5", CHARSET_PG, PG_BIG5},
	{"cp932", CHARSET_PG, PG_SJIS},
	{"eucjpms", CHARSET_PG, PG_EUC_JP},
	{"euckr", CHARSET_PG, PG_UHC},
	{"gb18030", CHARSET_PG, PG_GB18030},
	{"gb2312", CHARSET_PG, PG_EUC_CN},
	{"gbk", CHARSET_PG, PG_GBK},
	{"sjis", CHARSET_PG, PG_SJIS},
	{"ucs2", CHARSET_UTF16BE, 0},
	{"ujis", CHARSET_PG, PG_EUC_JP},
	{"utf16", CHARSET_UTF16BE, 0},
	{"utf16le", CHARSET_UTF16LE, 0},
	{"utf32", CHARSET_UTF32, 0},
	{"utf8", CHARSET_UTF8, PG_UTF8},
	{"utf8mb3", CHARSET_UTF8, PG_UTF8},
	{"utf8mb4", CHARSET_UTF8, PG_UTF8}
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
	res = my_query(conn, sql.data);
	if (res->nrows != 1 || res->ncolumns != 256)
		elog(ERROR, "unexpected answer to a query for character set \"%s\"",
			 cs->name);

	cs->ascii = true;
	for (i = 0; i < 256; i++)
	{
		const char *hex = res->values[0][i];
		Size		n = hex ? res->lengths[0][i] / 2 : 0;
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
				elog(ERROR, "unexpected answer to a query for character set \"%s\"",
					 cs->name);
			cs->bytes[i][j] = (uint8) byte;
		}
		if (i < 0x80 && (n != 1 || cs->bytes[i][0] != i))
			cs->ascii = false;
	}
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

	if (cs->kind == CHARSET_TABLE)
	{
		if (conn == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
					 errmsg("character set \"%s\" is not known yet, and there is no connection to ask the source",
							name)));
		load_table(conn, cs);
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
pg_attribute_noreturn()
static void
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
	if (cs->ascii && my_is_ascii(data, *len))
		return data;
	switch (cs->kind)
	{
		case CHARSET_UTF8:
			break;				/* verified when it is stored */
		case CHARSET_TABLE:
			return table_to_utf8(cs, data, len);
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
