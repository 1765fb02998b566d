/*-------------------------------------------------------------------------
 *
 * pg_push.c
 *	  Filters as a PostgreSQL source can do them (see transform/shape_push.h):
 *	  over columns that have the same type on both sides. Texts are compared
 *	  for equality alone, for their order hangs on a collation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "schema/model.h"
#include "schema/pg_check_sql.h"
#include "source/pgsql/pg_engine.h"
#include "transform/shape_push.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef enum Family
{
	FAMILY_NONE,
	FAMILY_NUMBER,				/* written bare */
	FAMILY_FLOAT,
	FAMILY_TIME,				/* date, timestamp, timestamptz */
	FAMILY_PLAIN,				/* bool, uuid: quoted */
	FAMILY_TEXT,				/* equal or not equal */
	FAMILY_ENUM					/* the same, by label */
} Family;

static Family
family_of(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			return FAMILY_NUMBER;
		case FLOAT4OID:
		case FLOAT8OID:
			return FAMILY_FLOAT;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return FAMILY_TIME;
		case BOOLOID:
		case UUIDOID:
			return FAMILY_PLAIN;
		case TEXTOID:
		case VARCHAROID:
			return FAMILY_TEXT;
		default:
			return type_is_enum(type) ? FAMILY_ENUM : FAMILY_NONE;
	}
}

/* FAMILY_NONE: of another type at the source. */
static Family
family_of_column(const SourceRelation *rel, int column)
{
	const SourceColumn *col = &rel->columns[column];
	const TableColumn *def = list_nth(rel->def->columns, column);
	Family		family = family_of(col->typid);

	if (family == FAMILY_ENUM)
		return def->base_type != NULL && def->base_type[0] == '\0' ? family : FAMILY_NONE;
	return def->source_type != NULL &&
		strcmp(def->source_type,
			   format_type_with_typemod(col->typid, col->typmod)) == 0 ? family : FAMILY_NONE;
}

static void
append_column(StringInfo buf, const SourceColumn *col, Family family)
{
	const char *name = quote_identifier(col->name);

	/* a cast of the enum can be a function of whoever owns it */
	if (family == FAMILY_ENUM)
		appendStringInfoString(buf, pg_check_text(name, false));
	else
		appendStringInfo(buf, family == FAMILY_TEXT ? "%s::pg_catalog.text" : "%s", name);
}

/* A constant that goes with a column of this family. */
static bool
append_constant(StringInfo buf, const Const *c, Family family)
{
	Family		own = family_of(c->consttype);
	Oid			out;
	bool		varlena;
	char	   *text;

	if (own == FAMILY_NONE || (own != family && !(own == FAMILY_NUMBER && family == FAMILY_FLOAT)))
		return false;
	getTypeOutputInfo(c->consttype, &out, &varlena);
	text = OidOutputFunctionCall(out, c->constvalue);
	if (own == FAMILY_NUMBER)
	{
		if (strspn(text, "-0123456789.") != strlen(text))
			return false;		/* NaN and Infinity */
		appendStringInfo(buf, "(%s)", text);
		return true;
	}
	appendStringInfoString(buf, quote_literal_cstr(text));
	if (own != FAMILY_TEXT && own != FAMILY_ENUM)
		appendStringInfo(buf, "::pg_catalog.%s",
						 quote_identifier(own == FAMILY_FLOAT ? "float8" :
										  c->consttype == UUIDOID ? "uuid" :
										  c->consttype == BOOLOID ? "bool" :
										  c->consttype == DATEOID ? "date" :
										  c->consttype == TIMESTAMPOID ? "timestamp" :
										  "timestamptz"));
	return true;
}

static bool
compare(StringInfo buf, const SourceRelation *rel, int column, const char *op,
		const Const *value)
{
	Family		family = family_of_column(rel, column);

	if (family == FAMILY_NONE ||
		((family == FAMILY_TEXT || family == FAMILY_ENUM) &&
		 strcmp(op, "=") != 0 && strcmp(op, "<>") != 0))
		return false;
	append_column(buf, &rel->columns[column], family);
	appendStringInfo(buf, " OPERATOR(pg_catalog.%s) ", op);
	return append_constant(buf, value, family);
}

static bool
is_null(StringInfo buf, const SourceRelation *rel, int column)
{
	if (family_of(rel->columns[column].typid) == FAMILY_NONE)
		return false;
	appendStringInfo(buf, "%s IS NULL", quote_identifier(rel->columns[column].name));
	return true;
}

static bool
is_true(StringInfo buf, const SourceRelation *rel, int column)
{
	if (rel->columns[column].typid != BOOLOID ||
		family_of_column(rel, column) == FAMILY_NONE)
		return false;
	append_column(buf, &rel->columns[column], FAMILY_PLAIN);
	return true;
}

const PushDialect pg_push_dialect = {compare, is_null, is_true, NULL, 0};

void
pg_push_filter(SourceRelation *rel)
{
	const ShapeExpr *filter = rel->shape ? shape_filter(rel->shape) : NULL;

	rel->pushed = filter == NULL ? NULL :
		shape_push_filter(filter, rel, &pg_push_dialect, &rel->pushed_whole);
}
