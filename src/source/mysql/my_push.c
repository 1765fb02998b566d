/*-------------------------------------------------------------------------
 *
 * my_push.c
 *	  Filters as a MySQL-family source can do them (see
 *	  transform/shape_push.h).
 *
 * Little means the same in both worlds: integers and decimals, dates and times
 * (of UTC, as the session is), booleans, and texts where their bytes are
 * compared and not what a collation makes of them. A policy that makes
 * something else of a value is part of the condition where it makes NULL of it;
 * rows with any other such value are in doubt.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "transform/shape_push.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "client/my_conn.h"
#include "source/mysql/my_value_impl.h"

/* Digits of a number that any of them reads exactly. */
#define MAX_DIGITS 28

/* Each value of a list is a comparison of its own for every row. */
#define MAX_LIST 100

typedef enum Family
{
	FAMILY_NONE,
	FAMILY_BOOLEAN,
	FAMILY_NUMBER,
	FAMILY_DATE,
	FAMILY_TIMESTAMP,
	FAMILY_TIMESTAMPTZ,
	FAMILY_TEXT,				/* equal or not equal */
	FAMILY_ENUM					/* the same, by label */
} Family;

/*
 * FAMILY_NONE also for a column whose type at the destination is not the type
 * map's.
 */
static Family
family_of(const MyColumn *c)
{
	Oid			typid = InvalidOid;
	int32		typmod;

	if (c->def->pg_type == NULL)
		return FAMILY_NONE;
	dts_parse_type(c->def->pg_type, &typid, &typmod);
	if (typid != c->col->typid || typmod != c->col->typmod)
		return FAMILY_NONE;
	switch (c->kind)
	{
		case MY_INT:
			return typid == BOOLOID ? FAMILY_BOOLEAN :
				typid == INT2OID || typid == INT4OID || typid == INT8OID ||
				typid == NUMERICOID ? FAMILY_NUMBER : FAMILY_NONE;
		case MY_DECIMAL:
			return typid == NUMERICOID ? FAMILY_NUMBER : FAMILY_NONE;
		case MY_BIT:
			return typid == BOOLOID ? FAMILY_BOOLEAN : FAMILY_NONE;
		case MY_DATE:
			return typid == DATEOID ? FAMILY_DATE : FAMILY_NONE;
		case MY_DATETIME:
			return typid == TIMESTAMPOID ? FAMILY_TIMESTAMP : FAMILY_NONE;
		case MY_TIMESTAMP:
			return typid == TIMESTAMPTZOID ? FAMILY_TIMESTAMPTZ : FAMILY_NONE;
		case MY_TEXT:
			return typid == TEXTOID || typid == VARCHAROID ||
				typid == BPCHAROID ? FAMILY_TEXT : FAMILY_NONE;
		case MY_ENUM:
			return type_is_enum(typid) ? FAMILY_ENUM :
				typid == TEXTOID || typid == VARCHAROID ? FAMILY_TEXT : FAMILY_NONE;
		default:
			return FAMILY_NONE;
	}
}

static bool
is_temporal(const MyColumn *c)
{
	return c->kind == MY_DATE || c->kind == MY_DATETIME || c->kind == MY_TIMESTAMP;
}

/* Of a date: does the calendar have it? NULL, or false, if not. */
static char *
is_valid_date(const char *name)
{
	return psprintf("YEAR(%s) > 0 AND MONTH(%s) > 0 AND "
					"DAYOFMONTH(%s) BETWEEN 1 AND IFNULL(DAYOFMONTH(LAST_DAY(%s)), 0)",
					name, name, name, name);
}

/* Bytes, as the row's text has them. */
static char *
bytes_of(const char *name)
{
	return psprintf("CAST(CONVERT(%s USING utf8mb4) AS BINARY)", name);
}

/* ---------------------------------------------------------------- constants */

static char *
output_of(const Const *value)
{
	Oid			out;
	bool		varlena;

	getTypeOutputInfo(value->consttype, &out, &varlena);
	return OidOutputFunctionCall(out, value->constvalue);
}

static char *
number_literal(const Const *value)
{
	char	   *text;

	if (value->consttype != INT2OID && value->consttype != INT4OID &&
		value->consttype != INT8OID && value->consttype != NUMERICOID)
		return NULL;
	text = output_of(value);
	return strspn(text, "-0123456789.") == strlen(text) &&
		strlen(text) <= MAX_DIGITS ? psprintf("(%s)", text) : NULL;
}

/* Years of four digits. */
static char *
temporal_literal(Family family, const Const *value)
{
	Oid			typid = value->consttype;
	char	   *text = output_of(value);
	bool		time = typid != DATEOID;

	if (strspn(text, "0123456789-: .+") != strlen(text) || strlen(text) < 10 ||
		text[4] != '-' || strncmp(text, "0000", 4) == 0)
		return NULL;			/* infinity, BC */
	switch (family)
	{
		case FAMILY_DATE:
			return typid == DATEOID ? psprintf("DATE'%s'", text) : NULL;
		case FAMILY_TIMESTAMP:
			return typid == TIMESTAMPOID || typid == DATEOID ?
				psprintf("TIMESTAMP'%s%s'", text, time ? "" : " 00:00:00") : NULL;
		case FAMILY_TIMESTAMPTZ:
			/* in UTC: see shape_push_filter */
			return typid == TIMESTAMPTZOID ?
				psprintf("TIMESTAMP'%.*s'", (int) strcspn(text, "+"), text) : NULL;
		default:
			return NULL;
	}
}

static char *
text_literal(const MyColumn *c, const Const *value)
{
	char	   *text;
	char	   *hex;
	int			len;

	if (value->consttype != TEXTOID && value->consttype != VARCHAROID &&
		(value->consttype != BPCHAROID || c->col->typid != BPCHAROID) &&
		!type_is_enum(value->consttype))
		return NULL;
	text = output_of(value);
	len = (int) strlen(text);
	if (value->consttype == BPCHAROID)
		len = bpchartruelen(text, len);
	text = pg_server_to_any(pnstrdup(text, len), len, PG_UTF8);
	len = (int) strlen(text);
	hex = palloc(len * 2 + 1);
	hex[hex_encode(text, len, hex)] = '\0';
	return psprintf("X'%s'", hex);
}

/* --------------------------------------------------------------- conditions */

/* A condition, or NULL where the policy makes NULL of the column. */
static void
append_guarded(StringInfo buf, const MyColumn *c, const char *name,
			   const char *condition, const char *otherwise)
{
	if (is_temporal(c) && c->policy->zero_date == ZERO_DATE_NULL)
		appendStringInfo(buf, "IF(%s, %s, %s)", is_valid_date(name), condition,
						 otherwise);
	else if (c->kind == MY_ENUM && c->policy->enum_error == ENUM_ERROR_NULL)
		appendStringInfo(buf, "IF(%s + 0 = 0, %s, %s)", name, otherwise,
						 condition);
	else
		appendStringInfoString(buf, condition);
}

static bool
compare(StringInfo buf, const SourceRelation *rel, int column, const char *op,
		const Const *value)
{
	const MyColumn *c = rel->columns[column].engine;
	char	   *name = my_quote_identifier(rel->columns[column].name);
	Family		family = family_of(c);
	bool		equality = strcmp(op, "=") == 0 || strcmp(op, "<>") == 0;
	char	   *literal = NULL;
	char	   *operand = name;

	switch (family)
	{
		case FAMILY_NONE:
			break;
		case FAMILY_BOOLEAN:
			if (equality && value->consttype == BOOLOID)
				literal = DatumGetBool(value->constvalue) ? "1" : "0";
			operand = psprintf("(%s + 0)", name);
			break;
		case FAMILY_NUMBER:
			literal = number_literal(value);
			/* a year compares with numbers below 100 as one of this century */
			if (c->int_type == MYSQL_T_YEAR && c->kind == MY_INT)
				operand = psprintf("(%s + 0)", name);
			break;
		case FAMILY_DATE:
		case FAMILY_TIMESTAMP:
		case FAMILY_TIMESTAMPTZ:
			literal = temporal_literal(family, value);
			break;
		case FAMILY_TEXT:
		case FAMILY_ENUM:
			if (equality)
				literal = text_literal(c, value);
			operand = bytes_of(name);
			break;
	}
	if (literal == NULL)
		return false;
	append_guarded(buf, c, name, psprintf("%s %s %s", operand, op, literal), "NULL");
	return true;
}

/*
 * Not IS NULL, which holds for '0000-00-00', and for the row that was inserted
 * last.
 */
static bool
is_null(StringInfo buf, const SourceRelation *rel, int column)
{
	const MyColumn *c = rel->columns[column].engine;
	char	   *name = my_quote_identifier(rel->columns[column].name);

	if (family_of(c) == FAMILY_NONE && c->kind != MY_FLOAT &&
		c->kind != MY_DOUBLE && c->kind != MY_BINARY)
		return false;
	appendStringInfoChar(buf, '(');
	append_guarded(buf, c, name, psprintf("%s <=> NULL", name), "1");
	appendStringInfoChar(buf, ')');
	return true;
}

static bool
is_true(StringInfo buf, const SourceRelation *rel, int column)
{
	if (family_of(rel->columns[column].engine) != FAMILY_BOOLEAN)
		return false;
	appendStringInfo(buf, "(%s + 0) = 1",
					 my_quote_identifier(rel->columns[column].name));
	return true;
}

/* Values that are an error to read, or that a policy makes others of. */
static void
add_doubt(StringInfo buf, const SourceRelation *rel, int column)
{
	const MyColumn *c = rel->columns[column].engine;
	char	   *name = my_quote_identifier(rel->columns[column].name);

	if (c->col->typid == BOOLOID)
		appendStringInfo(buf, "(%s + 0) NOT IN (0, 1)", name);
	else if (is_temporal(c) && c->policy->zero_date != ZERO_DATE_NULL)
		appendStringInfo(buf, "IF(%s, 0, NOT (%s <=> NULL))", is_valid_date(name),
						 name);
	else if (c->kind == MY_ENUM && c->policy->enum_error != ENUM_ERROR_NULL)
		appendStringInfo(buf, "(%s + 0 = 0)", name);
	else if (c->kind == MY_TEXT)
		appendStringInfo(buf, "LOCATE(X'00', %s) > 0", bytes_of(name));
}

const PushDialect my_push_dialect = {compare, is_null, is_true, add_doubt, MAX_LIST};

void
my_push_filter(SourceRelation *rel)
{
	const ShapeExpr *filter = rel->shape ? shape_filter(rel->shape) : NULL;

	rel->pushed = filter == NULL ? NULL :
		shape_push_filter(filter, rel, &my_push_dialect, &rel->pushed_whole);
	/* tables are read by ranges of their key, and not by another index */
	if (rel->pushed != NULL)
		rel->pushed = psprintf("IF(%s, 1, 0) = 1", rel->pushed);
}
