/*-------------------------------------------------------------------------
 *
 * mysql_assign.c
 *	  What becomes of an expression's value in a column of the MySQL family.
 *
 * A session that is not strict stores something else where a value does not
 * fit: the end of a number's range, the beginning of a text. In PostgreSQL that
 * is an error, or, where its type has room for more, another value without a
 * word. So a column stays generated only where
 *
 *	  - the value fits, as far as its type shows (a column of the same type or
 *		a smaller one; a condition; small constants), or
 *	  - what the source makes of it is said in SQL: the nearest number that there
 *		is room for, the beginning of a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "schema/mysql_assign.h"
#include "schema/mysql_types.h"

/* Bytes of an integer type of the source; 0: it is none. */
static int
integer_width(const TableColumn *col)
{
	static const struct
	{
		const char *type;
		int			width;
	}			types[] = {{"tinyint", 1}, {"smallint", 2}, {"mediumint", 3},
	{"int", 4}, {"integer", 4}, {"bigint", 8}};

	for (int i = 0; i < lengthof(types); i++)
		if (strcmp(col->base_type, types[i].type) == 0)
			return types[i].width;
	return 0;
}

/* Digits before the point that a number of the source can have. */
static int
integer_digits(const TableColumn *col)
{
	static const int digits[] = {0, 3, 5, 8, 10, 0, 0, 0, 20};

	return strcmp(col->base_type, "decimal") == 0 ?
		col->precision - Max(col->scale, 0) : digits[integer_width(col)];
}

/* Can a number of one column be below what the other's can? */
static bool
loses_sign(const TableColumn *col, const TableColumn *from)
{
	return col->is_unsigned && !from->is_unsigned;
}

/* Longer ones would be repeated too often. */
#define MAX_CLAMPED 1000

/* A number beyond a signed type's ends becomes the end. */
static const char *
clamp(MyExprResult *result, const char *min, const char *max)
{
	char	   *sql = result->sql;

	if (strlen(sql) > MAX_CLAMPED)
		return "values that its type has no room for are stored as the nearest that it has at the source";
	result->sql = psprintf("CASE WHEN (%s) < %s THEN %s WHEN (%s) > %s THEN %s ELSE (%s) END",
						   sql, min, min, sql, max, max, sql);
	return NULL;
}

static const char *
into_integer(const TableColumn *col, MyExprResult *result)
{
	const TableColumn *from = result->col;
	int			width = integer_width(col);

	if (result->small)
		return NULL;
	if (result->from == PGC_FLOAT)
		return "a float value in a column of integers";
	if (from != NULL && integer_width(from) > 0)
		return loses_sign(col, from) || integer_width(from) > width ||
			(from->is_unsigned && !col->is_unsigned && integer_width(from) == width) ?
			"its type is narrower than what it is made of" : NULL;
	/* beyond a bigint the source raises an error, too */
	if (!col->is_unsigned && (width == 4 || width == 8) &&
		result->from == PGC_INT && result->width <= width)
		return NULL;
	if (!col->is_unsigned && width == 4)
		return clamp(result, "(-2147483648)", "2147483647");
	if (!col->is_unsigned && width == 8)
		return clamp(result, "(-9223372036854775808)", "9223372036854775807");
	return "values that its type has no room for are stored as the nearest that it has at the source";
}

/* The largest number of a decimal type: 99.9 */
static char *
largest(int digits, int scale)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < digits; i++)
		appendStringInfoChar(&buf, '9');
	appendStringInfoString(&buf, digits > 0 ? "" : "0");
	for (int i = 0; i < scale; i++)
		appendStringInfoString(&buf, i == 0 ? ".9" : "9");
	return buf.data;
}

static const char *
into_decimal(const TableColumn *col, MyExprResult *result)
{
	const TableColumn *from = result->col;
	int			digits = integer_digits(col);
	char	   *max;

	if (from != NULL && integer_digits(from) > 0)
		return loses_sign(col, from) || integer_digits(from) > digits ||
			from->scale > col->scale ?
			"its type is narrower than what it is made of" : NULL;
	if (result->small && digits >= 3)
		return NULL;
	if (result->from == PGC_FLOAT)
		return "a float value in a column of decimals";
	if (col->is_unsigned)
		return "negative values are stored as 0 at the source";
	/* a bigint has 19 */
	if (result->from == PGC_INT && digits >= (result->width <= 4 ? 10 : 19))
		return NULL;
	max = largest(digits, Max(col->scale, 0));
	return clamp(result, psprintf("(-%s)", max), max);
}

static const char *
into_float(const TableColumn *col, const MyExprResult *result)
{
	if (result->col != NULL && strcmp(result->col->source_type, col->source_type) == 0)
		return NULL;
	if (strchr(col->source_type, ',') != NULL)
		return "values are rounded to its digits at the source";
	if (col->is_unsigned && !result->small)
		return "negative values are stored as 0 at the source";
	return NULL;
}

static const char *
into_text(const TableColumn *col, MyExprResult *result)
{
	const TableColumn *from = result->col;
	bool		is_char = strcmp(col->base_type, "char") == 0 ||
		strcmp(col->base_type, "nchar") == 0;
	bool		is_varchar = strcmp(col->base_type, "varchar") == 0 ||
		strcmp(col->base_type, "nvarchar") == 0;

	if (from != NULL && result->from == PGC_TEXT && (is_char || is_varchar) &&
		(from->length < 0 || from->length > col->length))
		return "its type is narrower than what it is made of";
	if (strcmp(col->base_type, "tinytext") == 0 &&
		(from == NULL || strcmp(from->base_type, "tinytext") != 0))
		return "text that its type has no room for is cut at the source";
	/* what is longer is cut */
	if (from == NULL && (is_char || is_varchar))
		result->sql = psprintf("\"left\"(%s, %d)", result->sql, (int) col->length);
	if (is_char)
		result->sql = psprintf("rtrim(%s, ' ')", result->sql);
	return NULL;
}

static const char *
into_binary(const TableColumn *col, const MyExprResult *result)
{
	const TableColumn *from = result->col;

	if (strcmp(col->base_type, "binary") != 0 &&
		strcmp(col->base_type, "varbinary") != 0 &&
		strcmp(col->base_type, "tinyblob") != 0)
		return NULL;
	if (from == NULL || strcmp(from->base_type, col->base_type) != 0 ||
		from->length > col->length ||
		(from->length != col->length && strcmp(col->base_type, "binary") == 0))
		return "bytes are cut or filled up to its length at the source";
	return NULL;
}

void
mysql_assign(const TableColumn *col, MyExprResult *result)
{
	const char *why = NULL;

	switch (mysql_column_class(col))
	{
		case PGC_INT:
		case PGC_NUMERIC:
			if (strcmp(col->base_type, "year") == 0)
				why = result->col != NULL && strcmp(result->col->base_type, "year") == 0 ?
					NULL : "years that its type has no room for are stored as 0 at the source";
			else
				why = integer_width(col) > 0 ? into_integer(col, result) :
					into_decimal(col, result);
			break;
		case PGC_FLOAT:
			why = into_float(col, result);
			break;
		case PGC_TEXT:
			why = into_text(col, result);
			break;
		case PGC_BYTEA:
			why = into_binary(col, result);
			break;
		case PGC_BIT:
			if (result->col == NULL || result->col->length != col->length)
				why = "bits that its type has no room for are lost at the source";
			break;
		default:
			break;
	}
	if (why != NULL)
	{
		result->sql = NULL;
		result->why = unconstify(char *, why);
	}
}
