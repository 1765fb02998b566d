/*-------------------------------------------------------------------------
 *
 * error_place.c
 *	  Which table of the source an error is about.
 *
 * A callback also runs for errors that are caught, and for messages that are
 * none. So the line of the context is kept with the table: an error is about
 * it only if its context has that line.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/error_place.h"

/* A name of MySQL has 64 characters of four bytes at most. */
#define NAME_SIZE 260
#define LINE_SIZE 1024

static char place_schema[NAME_SIZE];
static char place_table[NAME_SIZE];
static char place_line[LINE_SIZE];
static bool skippable = false;

void
error_place_context(const char *schema, const char *table, const char *line)
{
	errcontext("%s", line);
	strlcpy(place_schema, schema, NAME_SIZE);
	strlcpy(place_table, table, NAME_SIZE);
	strlcpy(place_line, line, LINE_SIZE);
}

bool
error_place_of(const ErrorData *edata, const char **schema, const char **table)
{
	if (place_line[0] == '\0' || edata->context == NULL ||
		strstr(edata->context, place_line) == NULL)
		return false;
	*schema = place_schema;
	*table = place_table;
	return true;
}

void
error_place_set_skippable(void)
{
	skippable = true;
}

bool
error_place_is_skippable(void)
{
	return skippable;
}

void
error_place_reset(void)
{
	skippable = false;
	place_line[0] = '\0';
}
