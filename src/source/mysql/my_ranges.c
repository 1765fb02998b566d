/*-------------------------------------------------------------------------
 *
 * my_ranges.c
 *	  Cuts a table into ranges of its row key.
 *
 * A single integer key whose values lie close enough is cut evenly between
 * its least and greatest value, which costs nothing. Where they do not, or
 * where more columns follow the integer, its values are halved until the
 * optimizer's estimate (EXPLAIN) says that a part is small enough. Any other
 * key, and a part that has one integer only, is walked: from boundary to
 * boundary, the key of the row n places further in key order is asked for,
 * which reads the key once.
 *
 * A range is a condition lo <= key AND key < hi in the source's SQL; the
 * first has no lo and the last no hi. All comparisons are the source's own:
 * that its collations sort otherwise than ours does not matter, nor whether
 * an estimate was right. Keys have no NULL. A composite key is compared
 * column by column, in a form that the source's optimizer turns into ranges
 * of the index, which it does not for (a, b) >= (1, 2).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "client/my_conn.h"
#include "source/mysql/my_rows.h"
#include "source/mysql/my_value_impl.h"

/* No more than these, however small a range is asked for. */
#define MAX_RANGES 10000

/* A key with more than this many values for a row is not cut evenly. */
#define MAX_SPARSENESS 8

/* Values lo to hi of an integer, counted from the least value. */
typedef struct IntRange
{
	uint64		lo;
	uint64		hi;				/* the last one in it */
	int64		rows;			/* estimate */
} IntRange;

/* The row key, ready for SQL. */
typedef struct RangeKey
{
	int			n;
	char	  **operand;		/* what is compared */
	char	  **fetch;			/* what is selected to make a literal of */
	char	   *order;			/* "`a`, `b`" */
	char	   *from;			/* table, with a hint for the key's index */
	MyColumn  **columns;
} RangeKey;

/* ------------------------------------------------------------------------
 * Keys and literals
 * ------------------------------------------------------------------------
 */

/*
 * The name of the index over exactly these key columns; NULL: none found.
 */
static char *
key_index(SourceRelation *rel)
{
	ListCell   *lc;

	foreach(lc, rel->def->indexes)
	{
		TableIndex *index = (TableIndex *) lfirst(lc);
		ListCell   *lp;
		int			i = 0;

		if ((index->kind != INDEX_PRIMARY && index->kind != INDEX_UNIQUE) ||
			list_length(index->parts) != rel->nkey || index->invisible)
			continue;
		foreach(lp, index->parts)
		{
			IndexPart  *part = (IndexPart *) lfirst(lp);

			if (part->column == NULL || part->prefix != 0 ||
				strcmp(part->column, rel->columns[rel->key[i]].name) != 0)
				break;
			i++;
		}
		if (i == rel->nkey)
			return index->kind == INDEX_PRIMARY ? pstrdup("PRIMARY") :
				index->name;
	}
	return NULL;
}

static RangeKey *
make_key(SourceRelation *rel)
{
	RangeKey   *key = palloc0(sizeof(RangeKey));
	StringInfoData order;
	char	   *index = key_index(rel);
	int			i;

	key->n = rel->nkey;
	key->operand = palloc(sizeof(char *) * key->n);
	key->fetch = palloc(sizeof(char *) * key->n);
	key->columns = palloc(sizeof(MyColumn *) * key->n);
	initStringInfo(&order);
	for (i = 0; i < key->n; i++)
	{
		SourceColumn *col = &rel->columns[rel->key[i]];
		MyColumn   *c = (MyColumn *) col->engine;
		char	   *name = my_quote_identifier(col->name);

		key->columns[i] = c;
		key->operand[i] = name;
		switch (c->kind)
		{
			case MY_ENUM:
			case MY_SET:
				/* they sort as numbers, but compare with strings as strings */
				key->operand[i] = psprintf("(%s + 0)", name);
				key->fetch[i] = key->operand[i];
				break;
			case MY_BIT:
				key->fetch[i] = psprintf("%s + 0", name);
				break;
			case MY_FLOAT:
				key->fetch[i] = psprintf("%s * 1e0", name);
				break;
			case MY_TEXT:
			case MY_BINARY:
			case MY_JSON:
			case MY_GEOMETRY:
			case MY_VECTOR:
				key->fetch[i] = psprintf("HEX(%s)", name);
				break;
			default:
				key->fetch[i] = name;
		}
		appendStringInfo(&order, "%s%s", i > 0 ? ", " : "", name);
	}
	key->order = order.data;
	key->from = psprintf("%s.%s", my_quote_identifier(rel->schema),
						 my_quote_identifier(rel->name));
	if (index != NULL)
		key->from = psprintf("%s FORCE INDEX (%s)", key->from,
							 my_quote_identifier(index));
	return key;
}

/*
 * A fetched value as a literal that compares with the column as the value
 * itself does: text in the column's own character set, so that the source
 * converts the literal and not the column.
 */
static char *
key_literal(RangeKey *key, int i, const char *value)
{
	MyColumn   *c = key->columns[i];

	switch (c->kind)
	{
		case MY_INT:
		case MY_DECIMAL:
		case MY_ENUM:
		case MY_SET:
		case MY_BIT:
			/* a number from 0 to 99 is another year */
			if (c->int_type == MYSQL_T_YEAR)
				return my_quote_literal(value);
			if (strspn(value, "+-0123456789.") != strlen(value))
				my_refuse("key value", value);
			return pstrdup(value);
		case MY_FLOAT:
		case MY_DOUBLE:
			if (strspn(value, "+-0123456789.eE") != strlen(value))
				my_refuse("key value", value);
			return psprintf(strpbrk(value, "eE") ? "%s" : "%se0", value);
		case MY_TEXT:
		case MY_JSON:
			return psprintf("_%s X'%s'",
							c->def->charset ? c->def->charset : "utf8mb4",
							value);
		case MY_BINARY:
		case MY_GEOMETRY:
		case MY_VECTOR:
			return psprintf("X'%s'", value);
		default:
			return my_quote_literal(value);
	}
}

/* ------------------------------------------------------------------------
 * Conditions
 * ------------------------------------------------------------------------
 */

/*
 * key >= bound, or key < bound; (a, b) >= (1, 2) becomes
 * (a >= 1 AND (a > 1 OR (a = 1 AND b >= 2))). The first comparison follows
 * from the others, but gives the optimizer its range.
 */
static void
append_bound(StringInfo buf, RangeKey *key, char **bound, bool lower, int i)
{
	const char *op = lower ? ">" : "<";

	if (i == key->n - 1)
	{
		appendStringInfo(buf, "%s %s %s", key->operand[i],
						 lower ? ">=" : "<", bound[i]);
		return;
	}
	appendStringInfo(buf, "(%s %s= %s AND (%s %s %s OR (%s = %s AND ",
					 key->operand[i], op, bound[i],
					 key->operand[i], op, bound[i],
					 key->operand[i], bound[i]);
	append_bound(buf, key, bound, lower, i + 1);
	appendStringInfoString(buf, ")))");
}

/* lo, hi: NULL is open */
static char *
range_condition(RangeKey *key, char **lo, char **hi)
{
	StringInfoData buf;

	if (lo == NULL && hi == NULL)
		return NULL;
	initStringInfo(&buf);
	if (lo != NULL)
		append_bound(&buf, key, lo, true, 0);
	if (lo != NULL && hi != NULL)
		appendStringInfoString(&buf, " AND ");
	if (hi != NULL)
		append_bound(&buf, key, hi, false, 0);
	return buf.data;
}

static char *
both(const char *a, char *b)
{
	return a == NULL ? b : b == NULL ? pstrdup(a) :
		psprintf("%s AND %s", a, b);
}

static SourceRange *
make_range(char *condition, int64 rows)
{
	SourceRange *range = palloc0(sizeof(SourceRange));

	range->condition = condition;
	range->rows_estimate = rows;
	return range;
}

/* ------------------------------------------------------------------------
 * Cutting
 * ------------------------------------------------------------------------
 */

/*
 * The least value of the key's first column, an integer, and how many values
 * there are up to the greatest, less one; false if there is no row.
 */
static bool
int_bounds(MyConn *conn, RangeKey *key, uint64 *min, uint64 *span)
{
	MyResult   *res = my_query(conn, psprintf("SELECT MIN(%s), MAX(%s) FROM %s",
											  key->operand[0],
											  key->operand[0], key->from), 2);
	char	   *lo = my_get_text_or_null(res, 0, 0);
	char	   *hi = my_get_text_or_null(res, 0, 1);

	if (lo == NULL || hi == NULL)
		return false;
	/* two's complement: the difference comes out right for both */
	if (key->columns[0]->def->is_unsigned)
	{
		*min = strtoull(lo, NULL, 10);
		*span = strtoull(hi, NULL, 10) - *min;
	}
	else
	{
		*min = (uint64) strtoll(lo, NULL, 10);
		*span = (uint64) strtoll(hi, NULL, 10) - *min;
	}
	return true;
}

static char *
int_literal(RangeKey *key, uint64 value)
{
	return key->columns[0]->def->is_unsigned ?
		psprintf(UINT64_FORMAT, value) :
		psprintf(INT64_FORMAT, (int64) value);
}

/*
 * first column >= lo AND < hi; NULL is open.
 */
static char *
int_condition(RangeKey *key, char *lo, char *hi)
{
	RangeKey	first = *key;

	first.n = 1;
	return range_condition(&first, lo ? &lo : NULL, hi ? &hi : NULL);
}

/*
 * Cuts evenly.
 */
static List *
cut_evenly(RangeKey *key, uint64 min, uint64 span, int64 rows, int64 nranges)
{
	List	   *ranges = NIL;
	char	   *lo = NULL;
	uint64		step;
	int64		i;

	if ((uint64) nranges > span)
		nranges = Max((int64) span, 1);
	step = span / nranges + 1;
	for (i = 1; i <= nranges; i++)
	{
		char	   *hi = NULL;

		if (i < nranges && step * i <= span)
			hi = int_literal(key, min + step * i);
		ranges = lappend(ranges, make_range(int_condition(key, lo, hi),
											rows / nranges));
		if (hi == NULL)
			break;
		lo = hi;
	}
	return ranges;
}

/*
 * What the optimizer thinks: rows between two values of the first column.
 */
static int64
estimate(MyConn *conn, RangeKey *key, uint64 lo, uint64 hi)
{
	MyResult   *res;

	/* not as a tree, which MySQL 9 writes by default */
	res = my_query(conn, psprintf("EXPLAIN FORMAT = TRADITIONAL SELECT 1 FROM %s WHERE %s >= %s AND %s <= %s",
								  key->from, key->operand[0],
								  int_literal(key, lo), key->operand[0],
								  int_literal(key, hi)), 1);
	return my_nrows(res) == 1 ? my_value_int64(res, 0, "rows", 0) : 0;
}

/*
 * Halves lo to hi until a part has few enough rows; small neighbours become
 * one. Appends to *parts.
 */
static void
halve(MyConn *conn, RangeKey *key, uint64 min, uint64 lo, uint64 hi,
	  int64 rows, int64 rows_per_range, List **parts)
{
	IntRange   *last = *parts ? (IntRange *) llast(*parts) : NULL;
	uint64		mid = lo + (hi - lo) / 2;
	int64		left;
	int64		right;

	CHECK_FOR_INTERRUPTS();
	if (rows <= rows_per_range + rows_per_range / 2 || lo == hi ||
		list_length(*parts) >= MAX_RANGES)
	{
		if (last != NULL && last->rows + rows <= rows_per_range)
		{
			last->hi = hi;
			last->rows += rows;
		}
		else
		{
			last = palloc(sizeof(IntRange));
			last->lo = lo;
			last->hi = hi;
			last->rows = rows;
			*parts = lappend(*parts, last);
		}
		return;
	}

	left = estimate(conn, key, min + lo, min + mid);
	right = estimate(conn, key, min + mid + 1, min + hi);
	/* the proportion counts; half each where there is none */
	left = left + right <= 0 ? rows / 2 :
		(int64) ((double) rows * left / ((double) left + right));
	right = rows - left;
	halve(conn, key, min, lo, mid, left, rows_per_range, parts);
	halve(conn, key, min, mid + 1, hi, right, rows_per_range, parts);
}

/*
 * Walks the key in steps of so many rows, of those rows that meet a condition
 * (NULL: of all).
 */
static List *
cut_walking(MyConn *conn, RangeKey *key, const char *among,
			int64 rows_per_range)
{
	StringInfoData fetch;
	List	   *ranges = NIL;
	char	  **lo = NULL;
	int			i;

	initStringInfo(&fetch);
	for (i = 0; i < key->n; i++)
		appendStringInfo(&fetch, "%s%s", i > 0 ? ", " : "", key->fetch[i]);

	for (;;)
	{
		char	   *from = both(among, range_condition(key, lo, NULL));
		char	  **hi;
		MyResult   *res;
		bool		same = lo != NULL;

		CHECK_FOR_INTERRUPTS();
		res = my_query(conn, psprintf("SELECT %s FROM %s%s%s ORDER BY %s LIMIT 1 OFFSET " INT64_FORMAT,
									  fetch.data, key->from,
									  from ? " WHERE " : "", from ? from : "",
									  key->order, rows_per_range), key->n);
		if (my_nrows(res) == 0)
			break;
		hi = palloc(sizeof(char *) * key->n);
		for (i = 0; i < key->n; i++)
		{
			if (my_get_text_or_null(res, 0, i) == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("key column \"%s\" of the source holds NULL",
								key->columns[i]->col->name)));
			hi[i] = key_literal(key, i, my_get_text(res, 0, i));
			same = same && strcmp(hi[i], lo[i]) == 0;
		}
		if (same)
			break;				/* no key after all: more rows than a range
								 * have this value */
		ranges = lappend(ranges,
						 make_range(both(among, range_condition(key, lo, hi)),
									rows_per_range));
		lo = hi;
	}
	return lappend(ranges,
				   make_range(both(among, range_condition(key, lo, NULL)),
							  rows_per_range));
}

/*
 * Cuts by halving. A single value of the first column with too many rows is
 * walked in the order of the columns behind it.
 */
static List *
cut_halving(MyConn *conn, RangeKey *key, uint64 min, uint64 span, int64 rows,
			int64 rows_per_range)
{
	List	   *parts = NIL;
	List	   *ranges = NIL;
	char	   *lo = NULL;
	ListCell   *lc;

	halve(conn, key, min, 0, span, rows, rows_per_range, &parts);
	foreach(lc, parts)
	{
		IntRange   *part = (IntRange *) lfirst(lc);
		char	   *hi = lnext(parts, lc) ?
			int_literal(key, min + part->hi + 1) : NULL;
		char	   *condition = int_condition(key, lo, hi);

		if (part->lo == part->hi && key->n > 1 &&
			part->rows > rows_per_range + rows_per_range / 2)
			ranges = list_concat(ranges, cut_walking(conn, key, condition,
													 rows_per_range));
		else
			ranges = lappend(ranges, make_range(condition, part->rows));
		lo = hi;
	}
	return ranges;
}

List *
my_plan_ranges(SourceConn *source, SourceRelation *rel, int64 rows_per_range)
{
	MyConn	   *conn = (MyConn *) source;
	int64		rows = rel->def->rows_estimate;
	int64		nranges;
	RangeKey   *key;

	if (rows_per_range <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of rows of a range must be positive")));
	if (rel->nkey == 0 || rows <= rows_per_range)
		return list_make1(make_range(NULL, Max(rows, 0)));

	if (rows / rows_per_range >= MAX_RANGES)
		rows_per_range = rows / MAX_RANGES + 1;
	nranges = (rows + rows_per_range - 1) / rows_per_range;
	key = make_key(rel);

	if (key->columns[0]->kind == MY_INT &&
		key->columns[0]->int_type != MYSQL_T_YEAR)
	{
		uint64		min;
		uint64		span;

		if (!int_bounds(conn, key, &min, &span))
			return list_make1(make_range(NULL, rows));
		if (key->n == 1 && span / MAX_SPARSENESS <= (uint64) rows)
			return cut_evenly(key, min, span, rows, nranges);
		return cut_halving(conn, key, min, span, rows, rows_per_range);
	}
	return cut_walking(conn, key, NULL, rows_per_range);
}
