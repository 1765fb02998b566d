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

	if (text == NULL)			/* REMOVE PARTITIONING */
		return NULL;
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

/* -------------------------------------------------------------- partitions */

/* Where the list of partitions, "(PARTITION …", begins; -1: there is none. */
static int
list_start(const char *text)
{
	MyLexer		lexer;
	MyToken		token;
	int			open = -1;

	mysql_lex_init(&lexer, text);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END && token.kind != TOK_BAD)
	{
		if (open >= 0 && token.kind == TOK_WORD && mysql_token_is(&token, "partition"))
			return open;
		open = mysql_token_is(&token, "(") ? token.start : -1;
	}
	return -1;
}

/* The partitions of a list of RANGE or LIST as they are written; NIL: none. */
static List *
elements(const char *text)
{
	int			start = list_start(text);
	MyLexer		lexer;
	MyToken		token;
	List	   *result = NIL;
	int			depth = 0;
	int			from = start + 1;
	bool		values = false;

	if (start < 0)
		return NIL;
	mysql_lex_init(&lexer, text + start);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END && token.kind != TOK_BAD)
	{
		int			at = start + token.start;
		bool		closes = mysql_token_is(&token, ")") && --depth == 0;

		if (mysql_token_is(&token, "("))
			depth++;
		else if (depth == 1 && token.kind == TOK_WORD && mysql_token_is(&token, "values"))
			values = true;
		else if (closes || (depth == 1 && mysql_token_is(&token, ",")))
		{
			while (from < at && text[from] == ' ')
				from++;
			result = lappend(result, pnstrdup(text + from, at - from));
			from = at + 1;
			if (closes)
				break;
		}
	}
	return values && depth == 0 ? result : NIL;
}

/* Is what stands before the lists the same method over the same columns? */
static bool
same_method(const char *a, const char *b)
{
	int			ends[] = {list_start(a), list_start(b)};
	MyLexer		one;
	MyLexer		two;

	mysql_lex_init(&one, a);
	mysql_lex_init(&two, b);
	for (;;)
	{
		MyToken		t = mysql_lex_next(&one);
		MyToken		u = mysql_lex_next(&two);

		if (t.start >= ends[0] || u.start >= ends[1])
			return t.start == ends[0] && u.start == ends[1];
		if (t.text == NULL || u.text == NULL || pg_strcasecmp(t.text, u.text) != 0)
			return false;
	}
}

/* A PARTITION BY with what a list has more than its own. */
static char *
with_more(const char *old, const char *list)
{
	List	   *own = elements(old);
	StringInfoData buf;
	ListCell   *lc;

	if (own == NIL)
		return NULL;
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, old, list_start(old));
	foreach(lc, own)
		appendStringInfo(&buf, "%s%s", lc == list_head(own) ? "(" : ", ", (char *) lfirst(lc));
	foreach(lc, elements(list))
	{
		ListCell   *lc2;
		bool		known = false;

		foreach(lc2, own)
			known = known || strcmp(lfirst(lc), lfirst(lc2)) == 0;
		if (!known)
			appendStringInfo(&buf, ", %s", (char *) lfirst(lc));
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

char *
mysql_ddl_more_partitions(const MyDdl *d, const char *text)
{
	char	   *old = d->def->partitions;
	char	   *all = old != NULL ? with_more(old, mysql_ddl_bounds(d, text)) : NULL;

	return all != NULL ? all : old;
}

char *
mysql_partitions_kept(char *before, const char *after)
{
	char	   *all;

	if (before == NULL || after == NULL || strcmp(before, after) == 0 ||
		!same_method(before, after) || elements(after) == NIL)
		return before;
	all = with_more(before, after);
	return all != NULL ? all : before;
}
