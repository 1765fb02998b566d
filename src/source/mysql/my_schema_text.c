/*-------------------------------------------------------------------------
 *
 * my_schema_text.c
 *	  Expressions as information_schema of MySQL 8 and later shows them.
 *
 * The quotes of their strings are escaped, and a string beyond ASCII, which has
 * the character set of its session before it, is shown byte by byte: what is
 * _utf8mb4'é' in SHOW CREATE TABLE is _utf8mb4'Ã©' in that text, each byte a
 * character of ISO 8859-1.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "schema/mysql_lex.h"
#include "source/mysql/my_schema_impl.h"

static char *
unescape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '\\' && (p[1] == '\'' || p[1] == '\\'))
			p++;
		appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}

/*
 * The bytes that characters of ISO 8859-1 stand for; NULL: there are others, or
 * all are ASCII.
 */
static char *
bytes_shown(const char *text)
{
	const unsigned char *utf8 = (unsigned char *)
		pg_server_to_any(text, strlen(text), PG_UTF8);
	StringInfoData buf;
	bool		ascii = true;

	initStringInfo(&buf);
	for (; *utf8 != '\0'; utf8++)
	{
		if (!IS_HIGHBIT_SET(*utf8))
			appendStringInfoChar(&buf, (char) *utf8);
		else if ((*utf8 == 0xc2 || *utf8 == 0xc3) && utf8[1] != '\0')
		{
			appendStringInfoChar(&buf, (char) ((*utf8 & 0x03) << 6 | (utf8[1] & 0x3f)));
			utf8++;
			ascii = false;
		}
		else
			return NULL;
	}
	return ascii ? NULL : buf.data;
}

static char *
hex_of(const char *bytes)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *bytes != '\0'; bytes++)
		appendStringInfo(&buf, "%02X", (unsigned char) *bytes);
	return buf.data;
}

/* Bytes of a character set as UTF-8; NULL: they are none of it. */
static char *
as_utf8(MyConn *conn, const char *bytes, const char *charset)
{
	int			len = strlen(bytes);
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;

	if (strncmp(charset, "utf8", 4) == 0)
		return pg_verify_mbstr(PG_UTF8, bytes, len, true) ? pstrdup(bytes) : NULL;
	if (strspn(charset, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(charset) ||
		!my_try_query(conn, psprintf("SELECT CONVERT(_%s X'%s' USING utf8mb4)",
									 charset, hex_of(bytes)), 1, &res, &errmsg, &my_errno) ||
		my_nrows(res) == 0 || my_get_text_or_null(res, 0, 0) == NULL)
		return NULL;
	bytes = my_get_text(res, 0, 0);
	return pg_server_to_any(bytes, strlen(bytes), PG_UTF8);
}

char *
my_shown_expression(MyConn *conn, const char *text, bool binary)
{
	char	   *expr = unescape(text);
	StringInfoData buf;
	MyLexer		lexer;
	int			done = 0;

	initStringInfo(&buf);
	mysql_lex_init(&lexer, expr);
	for (;;)
	{
		MyToken		token = mysql_lex_next(&lexer);
		char	   *bytes;
		char	   *utf8;

		if (token.kind == TOK_END || token.kind == TOK_BAD)
			break;
		if (token.kind != TOK_STRING || token.charset == NULL ||
			(bytes = bytes_shown(token.text)) == NULL)
			continue;
		utf8 = binary || strcmp(token.charset, "binary") == 0 ? NULL :
			as_utf8(conn, bytes, token.charset);
		if (utf8 == NULL && !binary && strcmp(token.charset, "binary") != 0)
			continue;
		appendBinaryStringInfo(&buf, expr + done, token.start - done);
		if (utf8 != NULL)
			appendStringInfo(&buf, "_utf8mb4%s",
							 my_quote_literal(pg_any_to_server(utf8, strlen(utf8), PG_UTF8)));
		else
			appendStringInfo(&buf, "X'%s'", hex_of(bytes));
		done = lexer.pos;
	}
	appendStringInfoString(&buf, expr + done);
	return buf.data;
}
