/*-------------------------------------------------------------------------
 *
 * my_stream_text.c
 *	  Text of a MySQL-family source's log: in which character set it is.
 *
 * A statement is logged in the character set of the client that sent it; its
 * status variables say which. It is made UTF-8 before anybody reads names or
 * literals in it. What has an introducer (_latin1'...') is in another one
 * inside, and becomes a literal in hexadecimal first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "source/mysql/my_charset.h"
#include "source/mysql/my_stream_impl.h"

/* Character sets of clients that have been met. */
typedef struct ClientCharset
{
	uint16		collation;
	char	   *name;			/* NULL: the source does not know it */
	MyCharset  *charset;
} ClientCharset;

static List *client_charsets = NIL; /* ClientCharset *, in TopMemoryContext */

/*
 * Is the text of a client with this collation number UTF-8? MariaDB's NOPAD
 * collations are 1024 above the others, its UCA 14 ones begin at 2048.
 */
bool
stream_is_utf8_client(uint16 collation)
{
	if (collation >= 1024 && collation < 2048)
		collation -= 1024;
	return collation == 0 || collation == 33 || collation == 45 ||
		collation == 46 || collation == 76 || collation == 83 ||
		(collation >= 192 && collation <= 247) ||
		(collation >= 255 && collation <= 323) ||
		(collation >= 576 && collation <= 578) ||
		(collation >= 608 && collation <= 610) || collation >= 2048;
}

static char *
latin1_to_utf8(const char *text, size_t len)
{
	char	   *utf8 = palloc(len * 2 + 1);
	char	   *out = utf8;
	size_t		i;

	for (i = 0; i < len; i++)
	{
		uint8		c = (uint8) text[i];

		if (c >= 0x80)
		{
			*out++ = (char) (0xc0 | c >> 6);
			c = 0x80 | (c & 0x3f);
		}
		if (c != 0)
			*out++ = (char) c;
	}
	*out = '\0';
	return utf8;
}

/* What the database's encoding lacks stays as it is: no selected name has it. */
static char *
convert_or_keep(char *utf8)
{
	MemoryContext cxt = CurrentMemoryContext;
	char	   *volatile result = utf8;

	PG_TRY();
	{
		Size		len = strlen(utf8);
		const uint8 *converted = my_utf8_to_server((const uint8 *) utf8, &len);

		result = pnstrdup((const char *) converted, len);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

/*
 * Text of the log in the server's encoding, palloc'd. It is UTF-8, or else
 * meant to be shown to people: then it is read as Latin 1.
 */
char *
stream_to_server(const char *text, size_t len)
{
	char	   *utf8;

	if (my_is_ascii((const uint8 *) text, len))
		return pnstrdup(text, len);
	if (pg_verify_mbstr(PG_UTF8, text, len, true))
		utf8 = pnstrdup(text, len);
	else
		utf8 = latin1_to_utf8(text, len);
	return GetDatabaseEncoding() == PG_UTF8 ? utf8 : convert_or_keep(utf8);
}

/* ------------------------------------------------------ statements of clients */

/*
 * The character set of a collation's number, asked of the source once, over a
 * connection of its own: the stream's is busy.
 */
static ClientCharset *
find_client_charset(SourceStream *stream, uint16 collation)
{
	ClientCharset *c;
	ListCell   *lc;
	MemoryContext cxt = CurrentMemoryContext;
	bool		alone = !IsTransactionState();
	MyConn	   *conn;
	char	   *name;

	foreach(lc, client_charsets)
	{
		c = lfirst(lc);
		if (c->collation == collation)
			return c;
	}
	conn = my_connect(&stream->info);
	name = my_query_text_or_null(conn, psprintf("SELECT CHARACTER_SET_NAME FROM information_schema.COLLATIONS "
												"WHERE ID = %u", collation));
	/* conversions of PostgreSQL are looked up in its catalog */
	if (alone)
		StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	c = palloc0(sizeof(ClientCharset));
	c->collation = collation;
	if (name != NULL)
	{
		c->name = pstrdup(name);
		MemoryContextSwitchTo(cxt);
		c->charset = my_charset_get(conn, c->name);
		MemoryContextSwitchTo(TopMemoryContext);
	}
	client_charsets = lappend(client_charsets, c);
	if (alone)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	my_close(conn);
	return c;
}

static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/*
 * Does a character of two bytes begin at this place, of which the second may be
 * that of a quote or a backslash? charset: of the client; NULL: UTF-8.
 */
static bool
begins_pair(const char *charset, char c)
{
	uint8		byte = (uint8) c;

	if (charset == NULL || byte < 0x81)
		return false;
	if (strcmp(charset, "sjis") == 0 || strcmp(charset, "cp932") == 0)
		return byte <= 0x9F || (byte >= 0xE0 && byte <= 0xFC);
	return strcmp(charset, "gbk") == 0 || strcmp(charset, "big5") == 0 ||
		strcmp(charset, "gb18030") == 0;
}

/* Where what begins at p with a quote ends: behind its last byte. */
static const char *
quoted_end(const char *p, const char *end, bool escapes, const char *charset)
{
	char		quote = *p++;

	for (; p < end; p++)
	{
		if (begins_pair(charset, *p))
			p++;
		else if (*p == '\\' && escapes && quote != '`')
			p++;
		else if (*p == quote && (p + 1 == end || p[1] != quote))
			return p + 1;
		else if (*p == quote)
			p++;
	}
	return end;
}

/* The bytes of a string, from its opening quote on, in hexadecimal. */
static void
append_hex(StringInfo buf, const char *p, const char *end, bool escapes,
		   const char *charset)
{
	char		quote = *p++;

	for (end--; p < end; p++)
	{
		char		c = *p;

		if (begins_pair(charset, c) && p + 1 < end)
		{
			appendStringInfo(buf, "%02X", (unsigned char) c);
			c = *++p;
		}
		else if (c == '\\' && escapes && p + 1 < end)
		{
			c = *++p;
			c = c == '0' ? '\0' : c == 'n' ? '\n' : c == 'r' ? '\r' :
				c == 't' ? '\t' : c == 'b' ? '\b' : c == 'Z' ? '\032' : c;
		}
		else if (c == quote)
			p++;
		appendStringInfo(buf, "%02X", (unsigned char) c);
	}
}

/* Where a comment that begins at p ends; NULL: there is none, or it is code. */
static const char *
comment_end(const char *p, const char *end)
{
	if (*p == '#' || (end - p > 2 && p[0] == '-' && p[1] == '-' &&
					  (unsigned char) p[2] <= ' '))
	{
		while (p < end && *p != '\n')
			p++;
		return p;
	}
	if (end - p < 4 || p[0] != '/' || p[1] != '*' || p[2] == '!' ||
		(p[2] == 'M' && p[3] == '!'))
		return NULL;
	for (p += 2; p + 1 < end; p++)
	{
		if (p[0] == '*' && p[1] == '/')
			return p + 2;
	}
	return end;
}

/*
 * Strings with an introducer and bytes beyond ASCII as X'...'; the rest as it
 * is. charset: of the client; NULL: UTF-8.
 */
static char *
introduced_as_hex(const char *sql, size_t len, uint64 sql_mode,
				  const char *charset)
{
	bool		escapes = !(sql_mode & BINLOG_MODE_NO_BACKSLASH_ESCAPES);
	bool		ansi = (sql_mode & BINLOG_MODE_ANSI_QUOTES) != 0;
	const char *p = sql;
	const char *end = sql + len;
	StringInfoData buf;

	initStringInfo(&buf);
	while (p < end)
	{
		const char *from = p;
		const char *q;
		const char *next;

		if (*p == '\'' || *p == '"' || *p == '`')
			p = quoted_end(p, end, escapes && !(*p == '"' && ansi), charset);
		else if ((next = comment_end(p, end)) != NULL)
			p = next;
		else if (is_word_byte(*p))
		{
			while (p < end && is_word_byte(*p))
				p++;
			for (q = p; q < end && (unsigned char) *q <= ' ';)
				q++;
			if (*from == '_' && p - from > 1 && q < end &&
				(*q == '\'' || (*q == '"' && !ansi)))
			{
				next = quoted_end(q, end, escapes, charset);
				if (!my_is_ascii((const uint8 *) q, next - q))
				{
					appendBinaryStringInfo(&buf, from, p - from);
					appendStringInfoString(&buf, " X'");
					append_hex(&buf, q, next, escapes, charset);
					appendStringInfoChar(&buf, '\'');
					p = from = next;
				}
			}
		}
		else
			p++;
		appendBinaryStringInfo(&buf, from, p - from);
	}
	return buf.data;
}

/* UTF-8 of a text; NULL: it is not in this character set. */
static char *
client_to_utf8(const MyCharset *charset, const char *text)
{
	MemoryContext cxt = CurrentMemoryContext;
	char	   *volatile result = NULL;

	PG_TRY();
	{
		Size		len = strlen(text);
		const uint8 *utf8 = my_charset_to_utf8(charset, (const uint8 *) text, &len);

		result = pnstrdup((const char *) utf8, len);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_CHARACTER_NOT_IN_REPERTOIRE)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

/*
 * Is the statement one that the server has written itself, and in UTF-8,
 * whatever its client speaks? CREATE TABLE … SELECT is logged so, and drops of
 * what a session has left behind.
 */
static bool
is_servers_own(const char *sql, size_t len)
{
	char	   *text = pnstrdup(sql, len);
	bool		own = (strncmp(text, "CREATE ", 7) == 0 &&
					   (strstr(text, "` (\n  `") != NULL ||
						strstr(text, "\" (\n  \"") != NULL)) ||
		strstr(text, "/* generated by server */") != NULL;

	pfree(text);
	return own && pg_verify_mbstr(PG_UTF8, sql, len, true);
}

/*
 * Makes query's text UTF-8. Returns the character set that it was in, where
 * something in it is not ASCII; NULL: UTF-8. What is no text of that set stays
 * as it is.
 */
const char *
stream_statement_to_utf8(SourceStream *stream, BinlogQuery *query)
{
	bool		utf8 = stream_is_utf8_client(query->client_charset);
	ClientCharset *client = NULL;
	bool		own = is_servers_own(query->sql, query->sql_len);
	char	   *text;

	/* the server writes backslashes whatever the mode of the session is */
	if (own)
		query->sql_mode &= ~BINLOG_MODE_NO_BACKSLASH_ESCAPES;
	if (my_is_ascii((const uint8 *) query->sql, query->sql_len) ||
		(utf8 && pg_verify_mbstr(PG_UTF8, query->sql, query->sql_len, true)))
		return NULL;
	if (!utf8 && own)
	{
		query->client_charset = 0;
		return NULL;
	}
	if (!utf8)
	{
		client = find_client_charset(stream, query->client_charset);
		if (client->name == NULL)
			return NULL;
	}
	text = introduced_as_hex(query->sql, query->sql_len, query->sql_mode,
							 client == NULL ? NULL : client->name);
	if (client != NULL)
		text = client_to_utf8(client->charset, text);
	if (text == NULL || !pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
		return NULL;
	query->sql = text;
	query->sql_len = strlen(text);
	query->client_charset = 0;
	return client != NULL ? client->name : NULL;
}
