/*-------------------------------------------------------------------------
 *
 * mysql_lex.c
 *	  Tokens of the MySQL family's SQL.
 *
 * Strings follow the default sql_mode: backslash escapes, and "text" is a
 * string. An introducer (_utf8mb4'text') is taken with its string.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "schema/mysql_lex.h"

void
mysql_lex_init(MyLexer *lexer, const char *sql)
{
	lexer->sql = sql;
	lexer->pos = 0;
}

bool
mysql_token_is(const MyToken *token, const char *word)
{
	return (token->kind == TOK_WORD || token->kind == TOK_OP) &&
		pg_strcasecmp(token->text, word) == 0;
}

static bool
is_word_char(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' ||
		IS_HIGHBIT_SET(c);
}

static void
skip_space(MyLexer *lexer)
{
	const char *s = lexer->sql;

	for (;;)
	{
		while (s[lexer->pos] != '\0' && isspace((unsigned char) s[lexer->pos]))
			lexer->pos++;
		if (s[lexer->pos] == '/' && s[lexer->pos + 1] == '*' &&
			s[lexer->pos + 2] != '!')
		{
			const char *end = strstr(s + lexer->pos + 2, "*/");

			lexer->pos = end == NULL ? (int) strlen(s) : (int) (end + 2 - s);
			continue;
		}
		if (s[lexer->pos] == '#' ||
			(s[lexer->pos] == '-' && s[lexer->pos + 1] == '-' &&
			 isspace((unsigned char) s[lexer->pos + 2])))
		{
			while (s[lexer->pos] != '\0' && s[lexer->pos] != '\n')
				lexer->pos++;
			continue;
		}
		return;
	}
}

static void
bad_token(MyToken *token, const char *why)
{
	token->kind = TOK_BAD;
	token->text = pstrdup(why);
}

/* The body of a string or name up to its closing quote, unescaped. */
static void
read_quoted(MyLexer *lexer, MyToken *token, bool escapes)
{
	const char *s = lexer->sql;
	char		quote = s[lexer->pos++];
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		char		c = s[lexer->pos];

		if (c == '\0')
		{
			bad_token(token, "unterminated string");
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
			char		e = s[lexer->pos];

			if (e == '\0')
			{
				bad_token(token, "unterminated string");
				return;
			}
			lexer->pos++;
			switch (e)
			{
				case '0':
					bad_token(token, "a string with byte 0x00");
					return;
				case 'n':
					c = '\n';
					break;
				case 'r':
					c = '\r';
					break;
				case 't':
					c = '\t';
					break;
				case 'b':
					c = '\b';
					break;
				case 'Z':
					c = '\032';
					break;
				case '%':
				case '_':
					/* kept, for LIKE */
					appendStringInfoChar(&buf, '\\');
					c = e;
					break;
				default:
					c = e;
			}
		}
		appendStringInfoChar(&buf, c);
	}
	token->text = buf.data;
}

static void
read_digits(MyLexer *lexer, MyToken *token, MyTokenKind kind, bool quoted)
{
	const char *s = lexer->sql;
	int			start = lexer->pos;

	while (kind == TOK_HEX ? isxdigit((unsigned char) s[lexer->pos]) :
		   (s[lexer->pos] == '0' || s[lexer->pos] == '1'))
		lexer->pos++;
	token->kind = kind;
	token->text = pnstrdup(s + start, lexer->pos - start);
	if (quoted)
	{
		if (s[lexer->pos] == '\'')
			lexer->pos++;
		else
			bad_token(token, "malformed literal");
	}
}

static void
read_number(MyLexer *lexer, MyToken *token)
{
	const char *s = lexer->sql;
	int			start = lexer->pos;
	int			p = start;

	while (isdigit((unsigned char) s[p]))
		p++;
	if (s[p] == '.')
	{
		p++;
		while (isdigit((unsigned char) s[p]))
			p++;
	}
	if ((s[p] == 'e' || s[p] == 'E') &&
		(isdigit((unsigned char) s[p + 1]) ||
		 ((s[p + 1] == '-' || s[p + 1] == '+') &&
		  isdigit((unsigned char) s[p + 2]))))
	{
		p += 2;
		while (isdigit((unsigned char) s[p]))
			p++;
	}
	token->kind = TOK_NUMBER;
	token->text = pnstrdup(s + start, p - start);
	lexer->pos = p;
}

static void
read_word(MyLexer *lexer, MyToken *token)
{
	const char *s = lexer->sql;
	int			start = lexer->pos;
	int			after;

	while (is_word_char(s[lexer->pos]))
		lexer->pos++;
	token->kind = TOK_WORD;
	token->text = pnstrdup(s + start, lexer->pos - start);

	if (token->text[0] == '_')
	{
		/* an introducer, if a string or a hex literal follows */
		char	   *charset = token->text + 1;
		MyToken		next;

		after = lexer->pos;
		/* another word like this is none, and a thousand of them no recursion */
		skip_space(lexer);
		if (s[lexer->pos] == '_')
			next.kind = TOK_WORD;
		else
			next = mysql_lex_next(lexer);
		if (next.kind == TOK_STRING || next.kind == TOK_HEX)
		{
			*token = next;
			token->start = start;
			token->charset = charset;
			for (char *p = charset; *p != '\0'; p++)
				*p = pg_tolower((unsigned char) *p);
		}
		else
			lexer->pos = after;
	}
	else if (pg_strcasecmp(token->text, "N") == 0 && s[lexer->pos] == '\'')
	{
		token->kind = TOK_STRING;
		read_quoted(lexer, token, true);
	}
}

static void
read_operator(MyLexer *lexer, MyToken *token)
{
	/* "|||": what ddl_parse.c makes of "||" that is CONCAT */
	static const char *const operators[] = {"|||", "<=>", "->>", "<<", ">>", "<=",
	">=", "<>", "!=", "||", "&&", ":=", "->"};
	const char *s = lexer->sql + lexer->pos;

	token->kind = TOK_OP;
	for (int i = 0; i < lengthof(operators); i++)
	{
		int			len = strlen(operators[i]);

		if (strncmp(s, operators[i], len) == 0)
		{
			token->text = pstrdup(operators[i]);
			lexer->pos += len;
			return;
		}
	}
	token->text = pnstrdup(s, 1);
	lexer->pos++;
}

MyToken
mysql_lex_next(MyLexer *lexer)
{
	MyToken		token = {TOK_END, NULL, NULL, 0};
	const char *s = lexer->sql;
	char		c;

	skip_space(lexer);
	token.start = lexer->pos;
	c = s[lexer->pos];
	if (c == '\0')
		token.text = pstrdup("");
	else if (c == '`')
	{
		token.kind = TOK_NAME;
		read_quoted(lexer, &token, false);
	}
	else if (c == '\'' || c == '"')
	{
		token.kind = TOK_STRING;
		read_quoted(lexer, &token, true);
	}
	else if ((c == 'x' || c == 'X' || c == 'b' || c == 'B') &&
			 s[lexer->pos + 1] == '\'')
	{
		lexer->pos += 2;
		read_digits(lexer, &token, c == 'x' || c == 'X' ? TOK_HEX : TOK_BIT,
					true);
	}
	else if (c == '0' && (s[lexer->pos + 1] == 'x' || s[lexer->pos + 1] == 'b') &&
			 isxdigit((unsigned char) s[lexer->pos + 2]))
	{
		lexer->pos += 2;
		read_digits(lexer, &token,
					s[lexer->pos - 1] == 'x' ? TOK_HEX : TOK_BIT, false);
	}
	else if (isdigit((unsigned char) c) ||
			 (c == '.' && isdigit((unsigned char) s[lexer->pos + 1])))
		read_number(lexer, &token);
	else if (is_word_char(c))
		read_word(lexer, &token);
	else
		read_operator(lexer, &token);
	return token;
}
