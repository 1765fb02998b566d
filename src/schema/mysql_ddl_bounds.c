/*-------------------------------------------------------------------------
 *
 * mysql_ddl_bounds.c
 *	  Bounds of partitions in a statement, as the source keeps them.
 *
 * UNIX_TIMESTAMP('2021-01-01') is read in the session's zone, and becomes a
 * number, as do the days of TO_DAYS('2021-01-01'). information_schema shows
 * those; of a statement in the log we have to find them out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/datetime.h"

#include "schema/mysql_ddl_internal.h"
#include "schema/mysql_lex.h"

/* TO_DAYS('0001-01-01') */
#define TO_DAYS_YEAR_ONE 366

/* What a function gives for a literal (with its quotes); false: not known. */
static bool
bound_of(const MyDdl *d, const MyToken *function, const char *literal,
		 int64 *value)
{
	bool		unix_time = mysql_token_is(function, "unix_timestamp");
	int			y,
				mo,
				day,
				h,
				mi,
				s;
	char	   *text;

	if ((!unix_time && !mysql_token_is(function, "to_days")) ||
		d->defaults->temporal == NULL)
		return false;
	text = d->defaults->temporal(d->defaults->conn, unix_time ? "timestamp" : "datetime",
								 d->stmt->time_zone, literal);
	if (text == NULL ||
		sscanf(text, "'%4d-%2d-%2d %2d:%2d:%2d", &y, &mo, &day, &h, &mi, &s) != 6 ||
		y < 1 || mo < 1 || day < 1)
		return false;
	*value = unix_time ?
		(int64) (date2j(y, mo, day) - UNIX_EPOCH_JDATE) * SECS_PER_DAY +
		h * SECS_PER_HOUR + mi * SECS_PER_MINUTE + s :
		date2j(y, mo, day) - date2j(1, 1, 1) + TO_DAYS_YEAR_ONE;
	return true;
}

char *
mysql_ddl_bounds(const MyDdl *d, const char *text)
{
	StringInfoData buf;
	MyLexer		lexer;
	MyToken		token;
	int			done = 0;

	initStringInfo(&buf);
	mysql_lex_init(&lexer, text);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END && token.kind != TOK_BAD)
	{
		MyLexer		ahead = lexer;
		MyToken		open;
		MyToken		literal;
		MyToken		close;
		int64		value;

		if (token.kind != TOK_WORD)
			continue;
		open = mysql_lex_next(&ahead);
		literal = mysql_lex_next(&ahead);
		close = mysql_lex_next(&ahead);
		if (!mysql_token_is(&open, "(") || literal.kind != TOK_STRING ||
			!mysql_token_is(&close, ")") ||
			!bound_of(d, &token, pnstrdup(text + literal.start, close.start - literal.start),
					  &value))
			continue;
		appendBinaryStringInfo(&buf, text + done, token.start - done);
		appendStringInfo(&buf, INT64_FORMAT, value);
		done = ahead.pos;
		lexer = ahead;
	}
	appendStringInfoString(&buf, text + done);
	return buf.data;
}
