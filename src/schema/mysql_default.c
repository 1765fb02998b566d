/*-------------------------------------------------------------------------
 *
 * mysql_default.c
 *	  DEFAULT of a column, from the source's expression.
 *
 * A literal becomes a literal of the column's type in PostgreSQL; what its type
 * would not take (a zero date, a time past 24 hours) follows the policies.
 * Anything else goes through the expression translator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "schema/mysql_expr.h"
#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"

/* Zero year, month or day, or a day that the month has not. */
bool
mysql_is_zero_date(const char *literal)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			y,
				m,
				d;

	if (sscanf(literal, "%4d-%2d-%2d", &y, &m, &d) != 3)
		return false;
	if (y == 0 || m < 1 || m > 12 || d < 1)
		return true;
	if (m == 2 && d == 29)
		return !((y % 4 == 0 && y % 100 != 0) || y % 400 == 0);
	return d > days[m - 1];
}

/* The text of a literal with an optional sign, alone in expr; else NULL. */
static char *
lone_literal(const char *expr, MyTokenKind *kind, char **charset)
{
	MyLexer		lexer;
	MyToken		token;
	bool		minus = false;

	mysql_lex_init(&lexer, expr);
	token = mysql_lex_next(&lexer);
	if (mysql_token_is(&token, "-") || mysql_token_is(&token, "+"))
	{
		minus = token.text[0] == '-';
		token = mysql_lex_next(&lexer);
		if (token.kind != TOK_NUMBER)
			return NULL;
	}
	if (token.kind != TOK_STRING && token.kind != TOK_NUMBER &&
		token.kind != TOK_HEX && token.kind != TOK_BIT)
		return NULL;
	if (mysql_lex_next(&lexer).kind != TOK_END)
		return NULL;
	*kind = token.kind;
	*charset = token.charset;
	return minus ? psprintf("-%s", token.text) : token.text;
}

static bool
is_number(const char *s)
{
	char	   *end;

	if (*s == '\0' || isspace((unsigned char) *s))
		return false;
	(void) strtod(s, &end);
	return *end == '\0' && strspn(s, "+-0123456789.eE") == strlen(s);
}

static char *
hex_to_bytea(const char *digits)
{
	return psprintf("'\\x%s%s'::bytea", strlen(digits) % 2 ? "0" : "", digits);
}

/*
 * Bytes of a character set as text of this database, quoted; NULL: which
 * characters they are is not known.
 */
static char *
text_of_bytes(const char *bytes, int len, const char *charset)
{
	bool		ascii = true;
	int			encoding;

	for (int i = 0; i < len; i++)
	{
		if (bytes[i] == '\0')
			return NULL;
		ascii = ascii && !IS_HIGHBIT_SET(bytes[i]);
	}
	if (charset == NULL || strncmp(charset, "utf8", 4) == 0 || ascii)
		encoding = PG_UTF8;
	else if (strcmp(charset, "latin1") == 0)
		encoding = PG_WIN1252;
	else
		return NULL;
	if (!pg_verify_mbstr(encoding, bytes, len, true))
		return NULL;
	return quote_literal_cstr(pg_any_to_server(pnstrdup(bytes, len), len, encoding));
}

/*
 * A literal as text of a column: X'41' and b'1000001' are the bytes of its
 * character set, _latin1'x' those of its own.
 */
static char *
text_default(const TableColumn *col, const char *text, MyTokenKind kind,
			 const char *charset)
{
	StringInfoData bytes;
	int			bits = kind == TOK_BIT ? 8 : 2;
	int			len = strlen(text);
	int			first = len % bits;

	if (kind == TOK_STRING)
		return charset == NULL || strncmp(charset, "utf8", 4) == 0 ?
			quote_literal_cstr(text) : text_of_bytes(text, len, charset);
	if (kind == TOK_NUMBER)
		return quote_literal_cstr(text);
	if (kind != TOK_HEX && kind != TOK_BIT)
		return NULL;
	initStringInfo(&bytes);
	for (int i = first > 0 ? first - bits : 0; i < len; i += bits)
	{
		char		part[9] = {0};

		memcpy(part, text + Max(i, 0), bits + Min(i, 0));
		appendStringInfoChar(&bytes, (char) strtoul(part, NULL, kind == TOK_BIT ? 2 : 16));
	}
	return text_of_bytes(bytes.data, bytes.len, charset ? charset : col->charset);
}

/* BINARY(n) is filled up with zero bytes, of which n are there. */
static char *
filled_bytes(const TableColumn *col, StringInfo hex, int n)
{
	for (; strcmp(col->base_type, "binary") == 0 && n < col->length; n++)
		appendStringInfoString(hex, "00");
	return hex_to_bytea(hex->data);
}

/* As MySQL 8 shows it, and as it may be written: 0x6162 */
static char *
hex_default(const TableColumn *col, const char *text)
{
	StringInfoData hex;

	initStringInfo(&hex);
	appendStringInfo(&hex, "%s%s", strlen(text) % 2 == 1 ? "0" : "", text);
	return filled_bytes(col, &hex, hex.len / 2);
}

/* A string with an introducer, which its bytes are in; NULL: not known. */
static char *
bytes_of_text(const TableColumn *col, const char *text, const char *charset)
{
	StringInfoData hex;
	bool		utf8 = strncmp(charset, "utf8", 4) == 0;
	const char *bytes = pg_server_to_any(text, strlen(text), PG_UTF8);

	initStringInfo(&hex);
	for (; *bytes != '\0'; bytes++)
	{
		if (IS_HIGHBIT_SET(*bytes) && !utf8)
			return NULL;
		appendStringInfo(&hex, "%02x", (unsigned char) *bytes);
	}
	return filled_bytes(col, &hex, hex.len / 2);
}

/*
 * A binary default as the source spells it: 'ab\0'. Zero bytes are the reason
 * for not using the lexer's text. What the source could not show as text is
 * a '?' or not ASCII; NULL then.
 */
static char *
bytes_default(const TableColumn *col)
{
	StringInfoData hex;
	const char *p = col->default_expr;
	int			n = 0;

	if (*p++ != '\'')
		return NULL;
	initStringInfo(&hex);
	for (; *p != '\0' && !(*p == '\'' && p[1] == '\0'); p++, n++)
	{
		char		c = *p;

		if (c == '?' || IS_HIGHBIT_SET(c))
			return NULL;
		if (c == '\\' && p[1] != '\0')
		{
			c = *++p;
			c = c == '0' ? '\0' : c == 'n' ? '\n' : c == 'r' ? '\r' :
				c == 't' ? '\t' : c == 'b' ? '\b' : c == 'Z' ? '\032' : c;
		}
		else if (c == '\'')
			p++;
		appendStringInfo(&hex, "%02x", (unsigned char) c);
	}
	return filled_bytes(col, &hex, n);
}

/* b'101', and numbers, as a bit string of the column's length */
static char *
bits_default(const TableColumn *col, const char *text, MyTokenKind kind)
{
	uint64		value = 0;
	int			n = Max(col->length, 1);
	StringInfoData bits;

	if (kind == TOK_BIT)
		value = strtoull(text, NULL, 2);
	else if (kind == TOK_HEX)
		value = strtoull(text, NULL, 16);
	else if (kind == TOK_NUMBER)
		value = strtoull(text, NULL, 10);
	else
		return NULL;
	initStringInfo(&bits);
	for (int i = n - 1; i >= 0; i--)
		appendStringInfoChar(&bits, (value >> i) & 1 ? '1' : '0');
	return psprintf("B'%s'", bits.data);
}

static char *
set_default(const char *text)
{
	StringInfoData array;
	const char *p = text;

	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	while (*p != '\0')
	{
		const char *comma = strchr(p, ',');
		int			len = comma == NULL ? (int) strlen(p) : (int) (comma - p);

		appendStringInfoString(&array, array.len > 1 ? ",\"" : "\"");
		for (int i = 0; i < len; i++)
		{
			if (p[i] == '"' || p[i] == '\\')
				appendStringInfoChar(&array, '\\');
			appendStringInfoChar(&array, p[i]);
		}
		appendStringInfoChar(&array, '"');
		p += len + (comma != NULL ? 1 : 0);
	}
	appendStringInfoChar(&array, '}');
	return psprintf("%s::text[]", quote_literal_cstr(array.data));
}

/* A date of the source, checked; the policy says what becomes of a zero. */
static char *
date_default(const TableColumn *col, const char *text,
			 const TypePolicy *policy, PlanNotes *notes)
{
	int			y,
				m,
				d;

	if (mysql_is_zero_date(text))
	{
		switch (policy->zero_date)
		{
			case ZERO_DATE_NULL:
				plan_warn(notes, "%s: DEFAULT '%s' is no date and is left out (option zero_date)",
						  col->name, text);
				return NULL;
			case ZERO_DATE_ERROR:
				plan_warn(notes, "%s: DEFAULT '%s' is no date and is left out; option zero_date = error stops at such values",
						  col->name, text);
				return NULL;
			case ZERO_DATE_LITERAL:
				plan_note(notes, "%s: DEFAULT '%s' becomes '%s' (option zero_date)",
						  col->name, text, policy->zero_date_literal);
				return quote_literal_cstr(policy->zero_date_literal);
		}
	}
	if (sscanf(text, "%4d-%2d-%2d", &y, &m, &d) != 3 ||
		strspn(text, "0123456789-:. T") != strlen(text))
	{
		plan_warn(notes, "%s: DEFAULT '%s' is left out", col->name, text);
		return NULL;
	}
	/* the source was asked with time zone +00:00 */
	if (strcmp(col->base_type, "timestamp") == 0)
		return quote_literal_cstr(psprintf("%s+00", text));
	return quote_literal_cstr(text);
}

static char *
time_default(const TableColumn *col, const char *text, PgClass cls,
			 PlanNotes *notes)
{
	int			hour;

	if (cls == PGC_TIME &&
		(sscanf(text, "%d:", &hour) != 1 || hour < 0 || hour > 24 || text[0] == '-'))
	{
		plan_warn(notes, "%s: DEFAULT '%s' is out of range for time and is left out (option time = interval takes it)",
				  col->name, text);
		return NULL;
	}
	return quote_literal_cstr(text);
}

/* A literal of the source as a literal of the column's type; NULL: none. */
static char *
literal_default(const TableColumn *col, const char *text, MyTokenKind kind,
				const char *charset, const PlanOptions *options, PlanNotes *notes)
{
	PgClass		cls = mysql_column_class(col);
	char	   *sql = NULL;

	switch (cls)
	{
		case PGC_INT:
		case PGC_NUMERIC:
		case PGC_FLOAT:
			if (kind == TOK_BIT || kind == TOK_HEX)
				sql = psprintf("%llu", strtoull(text, NULL, kind == TOK_BIT ? 2 : 16));
			else if (is_number(text))
				sql = pstrdup(text);
			break;
		case PGC_BOOL:
			if (kind == TOK_BIT || is_number(text))
				sql = pstrdup(strtod(text, NULL) != 0 ? "true" : "false");
			break;
		case PGC_BIT:
			sql = bits_default(col, text, kind);
			break;
		case PGC_BYTEA:
			sql = kind == TOK_HEX ? hex_default(col, text) :
				kind == TOK_STRING && charset != NULL ? bytes_of_text(col, text, charset) :
				bytes_default(col);
			break;
		case PGC_DATE:
		case PGC_TIMESTAMP:
		case PGC_TIMESTAMPTZ:
			return date_default(col, text, options->policy, notes);
		case PGC_TIME:
		case PGC_INTERVAL:
			return time_default(col, text, cls, notes);
		case PGC_SET:
			sql = set_default(text);
			break;
		case PGC_ENUM:
		case PGC_TEXT:
		case PGC_JSON:
		case PGC_UUID:
		case PGC_INET:
			if (kind != TOK_NUMBER || cls == PGC_TEXT)
				sql = text_default(col, text, kind, charset);
			break;
		default:
			break;
	}
	if (sql == NULL)
		plan_warn(notes, "%s: DEFAULT %s is left out", col->name,
				  col->default_expr);
	return sql;
}

char *
mysql_map_default(const TableDef *def, const TableColumn *col,
				  const PlanOptions *options, PlanNotes *notes)
{
	MyTokenKind kind;
	MyExprResult result;
	PgClass		cls = mysql_column_class(col);
	char	   *text;
	char	   *charset;

	if (col->default_expr == NULL || pg_strcasecmp(col->default_expr, "NULL") == 0)
		return NULL;
	if (cls == PGC_BYTEA && col->default_expr[0] == '\'')
		return literal_default(col, "", TOK_STRING, NULL, options, notes);
	text = lone_literal(col->default_expr, &kind, &charset);
	if (text != NULL)
		return literal_default(col, text, kind, charset, options, notes);

	result = mysql_translate_expression(col->default_expr, def,
										MY_EXPR_DEFAULT, cls);
	if (result.sql == NULL)
	{
		plan_warn(notes, "%s: DEFAULT %s is left out: it does not translate (%s)",
				  col->name, col->default_expr, result.why);
		return NULL;
	}
	if (result.note != NULL)
		plan_note(notes, "%s: %s", col->name, result.note);
	/* datetime takes the session's local time, as at the source */
	if (cls == PGC_TIMESTAMP && result.cls == PGC_TIMESTAMPTZ &&
		strncmp(result.sql, "CURRENT_TIMESTAMP", 17) == 0)
		return psprintf("LOCALTIMESTAMP%s", result.sql + 17);
	if (strpbrk(result.sql, " (") != NULL)
		return psprintf("(%s)", result.sql);
	return result.sql;
}
