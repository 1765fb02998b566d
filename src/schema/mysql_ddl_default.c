/*-------------------------------------------------------------------------
 *
 * mysql_ddl_default.c
 *	  A literal after DEFAULT in a statement, as the source keeps it.
 *
 * The text of a statement is read in its session, and the value that it stands
 * for becomes one of the column's type: a TIMESTAMP in the session's zone,
 * bytes in the column's character set, digits that there is no room for cut or
 * rounded. information_schema shows what has come of it; of a statement in the
 * log we have to find it out. What is no literal stays as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "schema/mysql_ddl_internal.h"
#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"

/* A literal with an optional sign and perhaps in parentheses, alone in expr. */
static bool
lone_token(const char *expr, MyToken *token)
{
	MyLexer		lexer;
	int			depth = 0;

	mysql_lex_init(&lexer, expr);
	*token = mysql_lex_next(&lexer);
	for (; mysql_token_is(token, "("); depth++)
		*token = mysql_lex_next(&lexer);
	if (token->kind != TOK_STRING && token->kind != TOK_NUMBER &&
		token->kind != TOK_HEX && token->kind != TOK_BIT)
		return false;
	for (; depth > 0; depth--)
	{
		MyToken		close = mysql_lex_next(&lexer);

		if (!mysql_token_is(&close, ")"))
			return false;
	}
	return mysql_lex_next(&lexer).kind == TOK_END;
}

/* DATE '2020-01-01' and its like, alone in expr */
static bool
is_typed_literal(const char *expr)
{
	MyLexer		lexer;
	MyToken		token;

	mysql_lex_init(&lexer, expr);
	token = mysql_lex_next(&lexer);
	return (mysql_token_is(&token, "date") || mysql_token_is(&token, "time") ||
			mysql_token_is(&token, "timestamp")) &&
		mysql_lex_next(&lexer).kind == TOK_STRING &&
		mysql_lex_next(&lexer).kind == TOK_END;
}

/* 'text' as information_schema spells it */
static char *
quoted(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '\'');
	for (; *text != '\0'; text++)
	{
		if (*text == '\'' || *text == '\\')
			appendStringInfoChar(&buf, *text);
		appendStringInfoChar(&buf, *text);
	}
	appendStringInfoChar(&buf, '\'');
	return buf.data;
}

/* ------------------------------------------------------------ temporal types */

static void
temporal_default(const MyDdl *d, TableColumn *col)
{
	MyToken		token;
	char	   *value;
	char	   *point;

	if (d->defaults->temporal == NULL ||
		!(lone_token(col->default_expr, &token) || is_typed_literal(col->default_expr)) ||
		(col->default_expr[0] == '\'' && mysql_is_zero_date(col->default_expr + 1) &&
		 strcmp(col->base_type, "time") != 0))
		return;
	value = d->defaults->temporal(d->defaults->conn, col->base_type,
								  d->stmt->time_zone, col->default_expr);
	if (value == NULL)
		return;
	/* '….123456': as many as there is room for, if they are cut; no zeros */
	point = strchr(value, '.');
	if (point != NULL)
	{
		char	   *end = value + strlen(value) - 1;

		if (d->stmt->cuts_seconds && end - point - 1 > col->fsp)
			end = point + col->fsp + 1;
		while (end > point && end[-1] == '0')
			end--;
		if (end - point == 1)
			end = point;
		strcpy(end, "'");
	}
	col->default_expr = value;
}

/* --------------------------------------------------------------------- texts */

/* The digits of a hexadecimal or bit literal, or the bytes of a string. */
static char *
hex_of(const MyToken *token)
{
	StringInfoData buf;
	int			len = strlen(token->text);

	if (token->kind == TOK_HEX)
		return len % 2 ? psprintf("0%s", token->text) : token->text;
	initStringInfo(&buf);
	if (token->kind == TOK_BIT)
	{
		for (int i = len % 8 ? len % 8 - 8 : 0; i < len; i += 8)
		{
			char		part[9] = {0};

			memcpy(part, token->text + Max(i, 0), 8 + Min(i, 0));
			appendStringInfo(&buf, "%02lX", strtoul(part, NULL, 2));
		}
	}
	else
	{
		char	   *utf8 = pg_server_to_any(token->text, len, PG_UTF8);

		for (; *utf8 != '\0'; utf8++)
			appendStringInfo(&buf, "%02X", (unsigned char) *utf8);
	}
	return buf.data;
}

/* UTF-8 in hexadecimal as text of this database; NULL: it can't be. */
static char *
text_of(const char *hex)
{
	int			len = strlen(hex) / 2;
	char	   *bytes = palloc(len + 1);

	for (int i = 0; i < len; i++)
	{
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1 || byte == 0)
			return NULL;
		bytes[i] = (char) byte;
	}
	bytes[len] = '\0';
	if (!pg_verify_mbstr(PG_UTF8, bytes, len, true))
		return NULL;
	return pg_any_to_server(bytes, len, PG_UTF8);
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (IS_HIGHBIT_SET(*text))
			return false;
	}
	return true;
}

static void
text_default(const MyDdl *d, TableColumn *col)
{
	MyToken		token;
	char	   *text;
	char	   *hex;
	const char *from;

	if (!lone_token(col->default_expr, &token))
		return;
	text = token.text;
	if (token.kind == TOK_HEX || token.kind == TOK_BIT ||
		(token.charset != NULL && !is_ascii(text)))
	{
		if (d->defaults->convert == NULL)
			return;
		/* bytes without a character set are the column's own */
		from = token.charset != NULL && strcmp(token.charset, "binary") != 0 ?
			token.charset : col->charset;
		hex = from == NULL ? NULL :
			d->defaults->convert(d->defaults->conn, hex_of(&token), from, "utf8mb4");
		text = hex == NULL ? NULL : text_of(hex);
		if (text == NULL)
			return;
	}
	else if (token.kind == TOK_NUMBER)
		return;
	/* CHAR has no blanks at its end, nor have labels */
	if (strcmp(col->base_type, "char") == 0 || strcmp(col->base_type, "enum") == 0)
	{
		int			len = strlen(text);

		while (len > 0 && text[len - 1] == ' ')
			len--;
		text = pnstrdup(text, len);
	}
	col->default_expr = quoted(text);
}

/* Bytes are those that the client has sent, or those of an introducer's set. */
static void
binary_default(const MyDdl *d, TableColumn *col)
{
	MyToken		token;
	const char *to = d->stmt->charset_of_literals;
	char	   *hex;

	if (!lone_token(col->default_expr, &token) ||
		(token.kind != TOK_STRING && token.kind != TOK_HEX))
		return;
	if (token.charset != NULL)
		to = NULL;
	hex = hex_of(&token);
	if (token.kind == TOK_STRING && to != NULL && !is_ascii(token.text))
		hex = d->defaults->convert == NULL ? NULL :
			d->defaults->convert(d->defaults->conn, hex, "utf8mb4", to);
	if (hex == NULL)
		return;
	/* BINARY(n) is filled up with zero bytes */
	while (strcmp(col->base_type, "binary") == 0 && strlen(hex) < 2 * col->length)
		hex = psprintf("%s00", hex);
	col->default_expr = psprintf("x'%s'", hex);
}

/* ------------------------------------------------------------------- numbers */

/* FLOAT(7,2) keeps two digits. */
static void
float_default(TableColumn *col)
{
	const char *digits = strchr(col->source_type, ',');
	MyToken		token;
	bool		minus = col->default_expr[0] == '-';

	if (digits == NULL || !lone_token(col->default_expr + (minus ? 1 : 0), &token) ||
		(token.kind != TOK_NUMBER && token.kind != TOK_STRING))
		return;
	col->default_expr = psprintf("%s%.*f", minus ? "-" : "", Min(atoi(digits + 1), 30),
								 strtod(token.text, NULL));
}

/*
 * ---------------------------------------------------------- what does not
 * exist
 */

/* Bytes in hexadecimal as MariaDB writes them where it has no room for them. */
static char *
garbled(const char *hex, bool text)
{
	StringInfoData buf;
	int			len;

	initStringInfo(&buf);
	for (const char *p = hex; p[0] != '\0' && p[1] != '\0'; p += len)
	{
		len = 2;
		if (text ? p[0] != 'F' : p[0] < '8')
			appendBinaryStringInfo(&buf, p, 2);
		else
		{
			appendStringInfoString(&buf, "3F");
			len = text ? Min(8, (int) strlen(p)) : 2;
		}
	}
	return buf.data;
}

/*
 * Of CREATE TABLE … SELECT MariaDB logs a text of its own, with '?' for
 * characters of four bytes, and for bytes beyond ASCII in binary columns. The
 * table's default, where it would be written so, is the one.
 */
static void
garbled_default(const MyDdl *d, TableColumn *col)
{
	bool		text = col->charset != NULL;
	MyToken		token;
	char	   *logged;
	char	   *current;

	if (!d->defaults->mariadb || d->defaults->current == NULL ||
		!lone_token(col->default_expr, &token) ||
		(token.kind != TOK_STRING && (text || token.kind != TOK_HEX)))
		return;
	logged = hex_of(&token);
	for (char *p = logged; *p != '\0'; p++)
		*p = pg_ascii_toupper((unsigned char) *p);
	if (strstr(logged, "3F") == NULL)
		return;
	current = d->defaults->current(d->defaults->conn, d->def->schema, d->def->name,
								   col->name, text);
	if (current == NULL || strcmp(current, logged) == 0 ||
		strcmp(garbled(current, text), logged) != 0)
		return;
	if (!text)
		col->default_expr = psprintf("x'%s'", current);
	else if ((current = text_of(current)) != NULL)
		col->default_expr = quoted(current);
}

void
mysql_ddl_default(const MyDdl *d, TableColumn *col)
{
	if (col->default_expr == NULL || pg_strcasecmp(col->default_expr, "NULL") == 0)
		return;
	if (mysql_is_date_type(col) || strcmp(col->base_type, "time") == 0)
		temporal_default(d, col);
	else if (col->charset != NULL)
	{
		text_default(d, col);
		garbled_default(d, col);
	}
	else if (strstr(col->base_type, "binary") != NULL ||
			 strstr(col->base_type, "blob") != NULL)
	{
		binary_default(d, col);
		garbled_default(d, col);
	}
	else if (strcmp(col->base_type, "float") == 0 || strcmp(col->base_type, "double") == 0)
		float_default(col);
}
