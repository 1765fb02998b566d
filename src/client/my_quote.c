/*-------------------------------------------------------------------------
 *
 * my_quote.c
 *	  Names and values in statements for a MySQL-family server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_conn.h"

char *
my_quote_identifier(const char *name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '`');
	for (; *name; name++)
	{
		if (*name == '`')
			appendStringInfoChar(&buf, '`');
		appendStringInfoChar(&buf, *name);
	}
	appendStringInfoChar(&buf, '`');
	return buf.data;
}

/* Sessions run with sql_mode '': backslash escapes. */
char *
my_quote_literal(const char *value)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '\'');
	for (; *value; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(&buf, *value);
		appendStringInfoChar(&buf, *value);
	}
	appendStringInfoChar(&buf, '\'');
	return buf.data;
}
