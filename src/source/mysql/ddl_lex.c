/*-------------------------------------------------------------------------
 *
 * ddl_lex.c
 *	  Tokens of statements of the MySQL family, as a client wrote them.
 *
 * sql_mode decides on "text" and on backslashes. A versioned comment is code
 * for servers of that version or a later one: MySQL's has five or six digits
 * (50100 is 5.1.0), MariaDB's may have six (101100 is 10.11.0), and MariaDB
 * skips those of MySQL 5.7 and later. Of M-comments MariaDB alone reads
 * the code.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "source/mysql/binlog_query.h"
#include "source/mysql/ddl_lex.h"

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
		c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

void
ddl_lex_init(DdlLexer *lexer, const char *sql, const DdlDialect *dialect)
{
	memset(lexer, 0, sizeof(*lexer));
	lexer->dialect = dialect;
	lexer->sql = sql;
	lexer->len = strlen(sql);
}

static bool
looking_at(const DdlLexer *lexer, const char *text)
{
	return strncmp(lexer->sql + lexer->pos, text, strlen(text)) == 0;
}

/* Is the code of a versioned comment read by this server? */
static bool
comment_is_code(const DdlLexer *lexer, bool m, long version)
{
	const DdlDialect *d = lexer->dialect;

	if (m && !d->mariadb)
		return false;
	if (version == 0)
		return true;
	/* MySQL's own, which MariaDB does not have */
	if (d->mariadb && !m && version >= 50700 && version <= 99999)
		return false;
	return d->version >= version;
}

/* At the start of a comment? Then moves past it, or into its code. */
static bool
skip_comment(DdlLexer *lexer)
{
	const char *s = lexer->sql;
	const char *end;

	if (s[lexer->pos] == '#' ||
		(looking_at(lexer, "--") &&
		 (s[lexer->pos + 2] == '\0' || is_space(s[lexer->pos + 2]))))
	{
		while (s[lexer->pos] != '\0' && s[lexer->pos] != '\n')
			lexer->pos++;
		return true;
	}
	if (lexer->in_code && looking_at(lexer, "*/"))
	{
		lexer->in_code = false;
		lexer->pos += 2;
		return true;
	}
	if (!looking_at(lexer, "/*"))
		return false;
	if (looking_at(lexer, "/*!") || looking_at(lexer, "/*M!"))
	{
		bool		m = s[lexer->pos + 2] == 'M';
		int			p = lexer->pos + (m ? 4 : 3);
		int			digits = 0;
		long		version = 0;

		while (digits < 6 && is_digit(s[p + digits]))
			version = version * 10 + (s[p + digits++] - '0');
		/* four digits or fewer are no version but code */
		if (digits < 5)
			digits = version = 0;
		if (comment_is_code(lexer, m, version))
		{
			lexer->pos = p + digits;
			lexer->in_code = true;
			return true;
		}
	}
	end = strstr(s + lexer->pos + 2, "*/");
	lexer->pos = end == NULL ? lexer->len : (int) (end - s) + 2;
	return true;
}

static void
skip_space(DdlLexer *lexer)
{
	for (;;)
	{
		while (is_space(lexer->sql[lexer->pos]))
			lexer->pos++;
		if (!skip_comment(lexer))
			return;
	}
}

static void
bad(DdlToken *token, const char *why)
{
	token->kind = DDL_TOK_BAD;
	token->text = pstrdup(why);
}

/* What a character after a backslash stands for. */
static char
unescape(char c)
{
	switch (c)
	{
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'b':
			return '\b';
		case 'Z':
			return '\032';
		default:
			return c;
	}
}

/* A text that has a byte 0x00 in it, as the digits of its bytes. */
static void
make_hex(DdlToken *token, StringInfo buf)
{
	StringInfoData hex;

	initStringInfo(&hex);
	for (int i = 0; i < buf->len; i++)
		appendStringInfo(&hex, "%02X", (unsigned char) buf->data[i]);
	token->kind = DDL_TOK_HEX;
	token->text = hex.data;
}

/*
 * Body of a string or name from its opening quote on. A string with a byte
 * 0x00 becomes one of hexadecimal digits.
 */
static void
read_quoted(DdlLexer *lexer, DdlToken *token, bool escapes)
{
	const char *s = lexer->sql;
	char		quote = s[lexer->pos++];
	bool		zero = false;
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		char		c = s[lexer->pos];

		if (c == '\0')
		{
			bad(token, "a quote without an end");
			return;
		}
		lexer->pos++;
		if (c == quote)
		{
			if (s[lexer->pos] != quote)
				break;
			lexer->pos++;
		}
		else if (c == '\\' && escapes)
		{
			c = s[lexer->pos];
			if (c == '\0')
			{
				bad(token, "a quote without an end");
				return;
			}
			lexer->pos++;
			/* wildcards keep their backslash */
			if (c == '%' || c == '_')
				appendStringInfoChar(&buf, '\\');
			else if (c == '0')
			{
				zero = true;
				c = '\0';
			}
			else
				c = unescape(c);
		}
		appendStringInfoChar(&buf, c);
	}
	token->text = buf.data;
	if (zero)
		make_hex(token, &buf);
}

/* A string, and those that follow it and are one with it. */
static void
read_string(DdlLexer *lexer, DdlToken *token)
{
	bool		ansi = (lexer->dialect->sql_mode & BINLOG_MODE_ANSI_QUOTES) != 0;
	bool		escapes =
		!(lexer->dialect->sql_mode & BINLOG_MODE_NO_BACKSLASH_ESCAPES);
	char	   *text = NULL;

	for (;;)
	{
		int			save;
		bool		code = lexer->in_code;

		read_quoted(lexer, token, escapes);
		if (token->kind == DDL_TOK_BAD)
			return;
		if (token->kind == DDL_TOK_HEX)
		{
			token->charset = "utf8mb4";
			if (text != NULL)
				bad(token, "strings that follow each other, one with byte 0x00");
			return;
		}
		text = text == NULL ? token->text : psprintf("%s%s", text, token->text);
		token->kind = DDL_TOK_STRING;
		token->text = text;
		token->end = save = lexer->pos;
		skip_space(lexer);
		if (lexer->sql[lexer->pos] != '\'' &&
			(ansi || lexer->sql[lexer->pos] != '"'))
		{
			lexer->pos = save;
			lexer->in_code = code;
			return;
		}
	}
}

/* The digits of x'..' and b'..', from the quote on. */
static bool
read_digits(DdlLexer *lexer, DdlToken *token, DdlTokenKind kind)
{
	const char *s = lexer->sql;
	int			start = lexer->pos + 1;
	int			p = start;

	while (kind == DDL_TOK_HEX ? is_hex(s[p]) : (s[p] == '0' || s[p] == '1'))
		p++;
	if (s[p] != '\'')
		return false;
	token->kind = kind;
	token->text = pnstrdup(s + start, p - start);
	lexer->pos = p + 1;
	return true;
}

/* 12, 1.5, .5, 1e-3, 0x1F, 0b01; or a word that begins with digits. */
static void
read_number(DdlLexer *lexer, DdlToken *token)
{
	const char *s = lexer->sql + lexer->pos;
	int			n = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'b'))
	{
		n = 2;
		while (s[1] == 'x' ? is_hex(s[n]) : (s[n] == '0' || s[n] == '1'))
			n++;
		if (n > 2 && !is_word(s[n]))
		{
			token->kind = s[1] == 'x' ? DDL_TOK_HEX : DDL_TOK_BIT;
			token->text = pnstrdup(s + 2, n - 2);
			lexer->pos += n;
			return;
		}
		n = 0;
	}
	token->kind = DDL_TOK_NUMBER;
	while (is_digit(s[n]))
		n++;
	if (s[n] == '.' && !lexer->after_dot)
	{
		n++;
		while (is_digit(s[n]))
			n++;
	}
	if ((s[n] == 'e' || s[n] == 'E') &&
		(is_digit(s[n + 1]) ||
		 ((s[n + 1] == '+' || s[n + 1] == '-') && is_digit(s[n + 2]))))
	{
		n += 2;
		while (is_digit(s[n]))
			n++;
	}
	if (is_word(s[n]) && memchr(s, '.', n) == NULL)
	{
		token->kind = DDL_TOK_WORD;
		while (is_word(s[n]))
			n++;
	}
	else if (lexer->after_dot)
		token->kind = DDL_TOK_WORD;
	token->text = pnstrdup(s, n);
	lexer->pos += n;
}

static void
read_word(DdlLexer *lexer, DdlToken *token)
{
	const char *s = lexer->sql + lexer->pos;
	int			n = 0;

	if (s[1] == '\'' && !lexer->after_dot)
	{
		DdlTokenKind kind = s[0] == 'x' || s[0] == 'X' ? DDL_TOK_HEX :
			s[0] == 'b' || s[0] == 'B' ? DDL_TOK_BIT : DDL_TOK_END;

		if (kind != DDL_TOK_END)
		{
			lexer->pos++;
			if (read_digits(lexer, token, kind))
				return;
			bad(token, "a literal of other than its digits");
			return;
		}
		if (s[0] == 'n' || s[0] == 'N')
		{
			lexer->pos++;
			read_string(lexer, token);
			token->charset = "utf8";
			return;
		}
	}
	while (is_word(s[n]))
		n++;
	token->kind = DDL_TOK_WORD;
	token->text = pnstrdup(s, n);
	lexer->pos += n;

	/* _utf8mb4'text', _latin1 X'E9', _latin1 0xE9 */
	if (token->text[0] == '_' && n > 1)
	{
		int			save = lexer->pos;
		bool		code = lexer->in_code;
		char	   *introducer = token->text;
		char		c;

		skip_space(lexer);
		c = lexer->sql[lexer->pos];
		for (char *p = introducer; *p != '\0'; p++)
			*p = pg_ascii_tolower((unsigned char) *p);
		if (c == '\'' ||
			(c == '"' && !(lexer->dialect->sql_mode & BINLOG_MODE_ANSI_QUOTES)))
		{
			read_string(lexer, token);
			token->charset = introducer + 1;
			return;
		}
		if (((c == 'x' || c == 'X') && lexer->sql[lexer->pos + 1] == '\'') ||
			(c == '0' && lexer->sql[lexer->pos + 1] == 'x'))
		{
			if (c == '0')
				read_number(lexer, token);
			else
				read_word(lexer, token);
			if (token->kind == DDL_TOK_HEX || token->kind == DDL_TOK_BAD)
			{
				token->charset = introducer + 1;
				return;
			}
		}
		token->kind = DDL_TOK_WORD;
		token->text = pnstrdup(s, n);
		lexer->pos = save;
		lexer->in_code = code;
	}
}

static void
read_variable(DdlLexer *lexer, DdlToken *token)
{
	const char *s = lexer->sql;
	int			start = lexer->pos;

	while (s[lexer->pos] == '@')
		lexer->pos++;
	if (s[lexer->pos] == '`' || s[lexer->pos] == '\'' || s[lexer->pos] == '"')
	{
		read_quoted(lexer, token, s[lexer->pos] != '`');
		if (token->kind == DDL_TOK_BAD)
			return;
	}
	else
		while (is_word(s[lexer->pos]) || s[lexer->pos] == '.')
			lexer->pos++;
	token->kind = DDL_TOK_VARIABLE;
	token->text = pnstrdup(s + start, lexer->pos - start);
}

static void
read_operator(DdlLexer *lexer, DdlToken *token)
{
	static const char *const ops[] = {"->>", "<=>", "->", "<<", ">>", "<=",
	">=", "<>", "!=", ":=", "&&", "||"};
	int			n = 1;

	for (int i = 0; i < lengthof(ops); i++)
	{
		if (looking_at(lexer, ops[i]))
		{
			n = strlen(ops[i]);
			break;
		}
	}
	token->kind = DDL_TOK_OP;
	token->text = pnstrdup(lexer->sql + lexer->pos, n);
	lexer->pos += n;
}

DdlToken
ddl_lex_next(DdlLexer *lexer)
{
	DdlToken	token = {0};
	bool		ansi = (lexer->dialect->sql_mode & BINLOG_MODE_ANSI_QUOTES) != 0;
	char		c;

	skip_space(lexer);
	token.start = token.end = lexer->pos;
	c = lexer->sql[lexer->pos];
	if (c == '\0')
	{
		token.kind = DDL_TOK_END;
		token.text = "";
		return token;
	}
	if (c == '`' || (c == '"' && ansi))
	{
		token.kind = DDL_TOK_NAME;
		read_quoted(lexer, &token, false);
	}
	else if (c == '\'' || c == '"')
		read_string(lexer, &token);
	else if (c == '@')
		read_variable(lexer, &token);
	else if (is_digit(c) || (c == '.' && is_digit(lexer->sql[lexer->pos + 1]) &&
							 !lexer->after_dot &&
							 (lexer->pos == 0 ||
							  !is_word(lexer->sql[lexer->pos - 1]))))
		read_number(lexer, &token);
	else if (is_word(c))
		read_word(lexer, &token);
	else
		read_operator(lexer, &token);
	token.end = lexer->pos;
	lexer->after_dot = token.kind == DDL_TOK_OP && strcmp(token.text, ".") == 0;
	return token;
}
