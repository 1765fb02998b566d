/*-------------------------------------------------------------------------
 *
 * copy_text.c
 *	  Rows in COPY's text format, as its documentation has it: tabs between
 *	  values, \N for null, a backslash before what would mean something else.
 *
 * No byte of a character of a server encoding is one of those.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/copy_text.h"

void
copy_text_put(StringInfo buf, const char *value, bool first)
{
	if (!first)
		appendStringInfoChar(buf, '\t');
	if (value == NULL)
	{
		appendStringInfoString(buf, "\\N");
		return;
	}
	for (;;)
	{
		size_t		plain = strcspn(value, "\\\t\n\r");

		appendBinaryStringInfo(buf, value, (int) plain);
		value += plain;
		switch (*value++)
		{
			case '\0':
				return;
			case '\t':
				appendStringInfoString(buf, "\\t");
				break;
			case '\n':
				appendStringInfoString(buf, "\\n");
				break;
			case '\r':
				appendStringInfoString(buf, "\\r");
				break;
			default:
				appendStringInfoString(buf, "\\\\");
				break;
		}
	}
}

void
copy_text_end(StringInfo buf)
{
	appendStringInfoChar(buf, '\n');
}
