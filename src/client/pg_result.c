/*-------------------------------------------------------------------------
 *
 * pg_result.c
 *	  Answers of a PostgreSQL source: checked when they come, see pg_result.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "client/pg_result.h"

#include <limits.h>
#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/*
 * What an answer may hold. The largest that is asked for, all columns of a
 * source with 100,000 tables, takes about 200 MB.
 */
#define ANSWER_MAX (INT64CONST(1024) * 1024 * 1024)
/* One value: the longest are expressions. */
#define VALUE_MAX (16 * 1024 * 1024)
/* One value that is all of an answer: names, numbers, positions. */
#define FACT_MAX (64 * 1024)

struct PgCells
{
	const char *name;			/* of the query */
	const char *shape;
	int			ncolumns;
	int			room;			/* rows */
	int64		bytes;
	char	  **values;			/* by row, then by column */
};

pg_noreturn static void bad_answer(const PgResult *r, char *detail);

static void
bad_answer(const PgResult *r, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("the source gave an answer that was not expected to query \"%s\"",
					r->cells->name),
			 errdetail_internal("%s", detail),
			 errhint("Is the source a PostgreSQL server, and is nothing between that changes what it sends?")));
}

/* ---------------------------------------------------------------- filling */

PgResult *
pg_result_begin(const char *name, const char *shape)
{
	PgResult   *r = palloc0(sizeof(PgResult));

	r->cells = palloc0(sizeof(PgCells));
	r->cells->name = name;
	r->cells->shape = shape;
	return r;
}

void
pg_result_columns(PgResult *r, int ncolumns)
{
	if (ncolumns < 0)
		bad_answer(r, "It came twice.");
	if (ncolumns != (int) strlen(r->cells->shape))
		bad_answer(r, psprintf("It has %d columns instead of %d.", ncolumns,
							   (int) strlen(r->cells->shape)));
	r->cells->ncolumns = ncolumns;
}

void
pg_result_row(PgResult *r)
{
	PgCells    *c = r->cells;
	Size		wanted;

	if (r->nrows == c->room)
	{
		c->room = Max(16, c->room * 2);
		wanted = sizeof(char *) * (Size) c->room * Max(c->ncolumns, 1);
		c->values = c->values == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, wanted) :
			repalloc_huge(c->values, wanted);
	}
	for (int i = 0; i < c->ncolumns; i++)
		c->values[(Size) r->nrows * c->ncolumns + i] = NULL;
	r->nrows++;
	c->bytes += (int64) sizeof(char *) * c->ncolumns;
	if (c->bytes > ANSWER_MAX || r->nrows >= PG_INT32_MAX / 4)
		bad_answer(r, psprintf("It is larger than %d MB.",
							   (int) (ANSWER_MAX / (1024 * 1024))));
}

static bool
is_integer(const char *text)
{
	char	   *end;

	errno = 0;
	(void) strtoll(text, &end, 10);
	return end != text && *end == '\0' && errno == 0;
}

static bool
is_oid(const char *text)
{
	char	   *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
		n <= OID_MAX;
}

static bool
is_number(const char *text)
{
	char	   *end;
	double		n;

	errno = 0;
	n = strtod(text, &end);
	return end != text && *end == '\0' && errno == 0 && isfinite(n);
}

/* Is the text one of the kind that the shape wants? */
static bool
fits(char kind, const char *text)
{
	switch (kind)
	{
		case 't':
			return true;
		case 'i':
			return is_integer(text);
		case 'b':
			return strcmp(text, "t") == 0 || strcmp(text, "f") == 0;
		case 'o':
			return is_oid(text);
		case 'n':
			return is_number(text);
	}
	elog(ERROR, "unknown kind of column \"%c\"", kind);
	return false;
}

void
pg_result_value(PgResult *r, int column, const char *text, int len)
{
	PgCells    *c = r->cells;
	char		kind = c->shape[column];
	bool		nullable = kind >= 'A' && kind <= 'Z';
	char	   *value;

	if (text == NULL)
	{
		if (!nullable)
			bad_answer(r, psprintf("Column %d is NULL.", column + 1));
		return;
	}
	if (len > (c->ncolumns == 1 ? FACT_MAX : VALUE_MAX))
		bad_answer(r, psprintf("Column %d is %d bytes long.", column + 1, len));
	c->bytes += len;
	if (c->bytes > ANSWER_MAX)
		bad_answer(r, psprintf("It is larger than %d MB.",
							   (int) (ANSWER_MAX / (1024 * 1024))));
	if (memchr(text, '\0', len) != NULL ||
		!pg_verify_mbstr(GetDatabaseEncoding(), text, len, true))
		bad_answer(r, psprintf("Column %d is not valid in encoding %s.", column + 1,
							   GetDatabaseEncodingName()));
	value = MemoryContextAllocHuge(CurrentMemoryContext, (Size) len + 1);
	memcpy(value, text, len);
	value[len] = '\0';
	if (!fits(nullable ? kind - 'A' + 'a' : kind, value))
		bad_answer(r, psprintf("Column %d is \"%.50s\".", column + 1,
							   kind == 't' ? "" : pg_any_to_server(value,
																	pg_mbcliplen(value, len, 50),
																	GetDatabaseEncoding())));
	c->values[(Size) (r->nrows - 1) * c->ncolumns + column] = value;
}

/* ---------------------------------------------------------------- reading */

/* kinds: letters that the column may have, in lower case */
static char *
cell(const PgResult *r, int row, int column, const char *kinds)
{
	const PgCells *c = r->cells;

	if (row < 0 || row >= r->nrows)
		bad_answer(r, "It has no such row.");
	if (column < 0 || column >= c->ncolumns)
		elog(ERROR, "query \"%s\" has no column %d", c->name, column);
	if (strchr(kinds, c->shape[column] | 0x20) == NULL)
		elog(ERROR, "column %d of query \"%s\" is of kind \"%c\"", column, c->name,
			 c->shape[column]);
	return c->values[(Size) row * c->ncolumns + column];
}

static char *
cell_not_null(const PgResult *r, int row, int column, const char *kinds)
{
	char	   *value = cell(r, row, column, kinds);

	if (value == NULL)
		bad_answer(r, psprintf("Column %d is NULL.", column + 1));
	return value;
}

/* Every kind can be read as text. */
char *
pg_text(const PgResult *r, int row, int column)
{
	return cell_not_null(r, row, column, "tibon");
}

char *
pg_text_or_null(const PgResult *r, int row, int column)
{
	return cell(r, row, column, "tibon");
}

int64
pg_bigint(const PgResult *r, int row, int column)
{
	return strtoll(cell_not_null(r, row, column, "io"), NULL, 10);
}

double
pg_number(const PgResult *r, int row, int column)
{
	return strtod(cell_not_null(r, row, column, "ni"), NULL);
}

Oid
pg_oid(const PgResult *r, int row, int column)
{
	return (Oid) strtoul(cell_not_null(r, row, column, "o"), NULL, 10);
}

bool
pg_bool(const PgResult *r, int row, int column)
{
	const char *value = cell(r, row, column, "b");

	return value != NULL && value[0] == 't';
}

char
pg_char(const PgResult *r, int row, int column)
{
	return cell_not_null(r, row, column, "t")[0];
}

bool
pg_is_null(const PgResult *r, int row, int column)
{
	return cell(r, row, column, "tibon") == NULL;
}
