/*-------------------------------------------------------------------------
 *
 * shape_push.c
 *	  What of a filter a PostgreSQL source can do itself, so that rows which
 *	  would not pass need not travel.
 *
 * The filter is run here in any case; the source may only leave out rows that
 * would not pass here. So only what means the same on every server and in
 * every setting is handed to it: comparisons of a column with a constant of a
 * simple type, lists of constants, IS NULL, and AND, OR, NOT of these; texts
 * are compared for equality alone, for their order hangs on a collation. Of
 * the parts of an AND those that cannot be handed over are left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape_push.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "schema/model.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

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

static bool push(StringInfo buf, Node *node, const SourceRelation *rel);

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

/* Without casts that a source adds by itself. */
static Node *
strip(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType) &&
			((RelabelType *) node)->relabelformat == COERCE_IMPLICIT_CAST)
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr) &&
				 ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST &&
				 list_length(((FuncExpr *) node)->args) == 1 &&
				 family_of(((FuncExpr *) node)->funcresulttype) != FAMILY_NONE)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* The column, if it has the same type on both sides; else NULL. */
static const SourceColumn *
column_of(Node *node, const SourceRelation *rel, Family *family)
{
	const SourceColumn *col;
	const TableColumn *def;
	int			i;

	node = strip(node);
	if (!IsA(node, Var))
		return NULL;
	i = ((Var *) node)->varattno - 1;
	if (i < 0 || i >= rel->ncolumns)
		return NULL;
	col = &rel->columns[i];
	def = list_nth(rel->def->columns, i);
	*family = family_of(col->typid);
	if (*family == FAMILY_NONE)
		return NULL;
	if (*family == FAMILY_ENUM ? def->base_type == NULL || def->base_type[0] != '\0' :
		def->source_type == NULL ||
		strcmp(def->source_type, format_type_with_typemod(col->typid, col->typmod)) != 0)
		return NULL;
	return col;
}

static void
append_column(StringInfo buf, const SourceColumn *col, Family family)
{
	appendStringInfoString(buf, quote_identifier(col->name));
	if (family == FAMILY_TEXT || family == FAMILY_ENUM)
		appendStringInfoString(buf, "::pg_catalog.text");
}

/* A constant that goes with a column of this family. */
static bool
append_constant(StringInfo buf, Node *node, Family family)
{
	Const	   *c = (Const *) strip(node);
	Family		own;
	Oid			out;
	bool		varlena;
	char	   *text;

	if (!IsA(c, Const) || c->constisnull)
		return false;
	own = family_of(c->consttype);
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

/* Name of a comparison that a family takes; NULL: another operator. */
static char *
comparison(Oid opno, Family family, bool swapped)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
	static const char *const swaps[] = {"=", "<>", ">", ">=", "<", "<="};
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(opno));
	Form_pg_operator op;
	char	   *result = NULL;

	if (!HeapTupleIsValid(tup))
		return NULL;
	op = (Form_pg_operator) GETSTRUCT(tup);
	for (int i = 0; i < lengthof(names); i++)
		if (op->oprnamespace == PG_CATALOG_NAMESPACE &&
			strcmp(NameStr(op->oprname), names[i]) == 0 &&
			(i < 2 || (family != FAMILY_TEXT && family != FAMILY_ENUM)))
			result = psprintf("OPERATOR(pg_catalog.%s)",
							  swapped ? swaps[i] : names[i]);
	ReleaseSysCache(tup);
	return result;
}

static bool
push_comparison(StringInfo buf, OpExpr *op, const SourceRelation *rel)
{
	const SourceColumn *col;
	Family		family = FAMILY_NONE;
	bool		swapped = false;
	char	   *name;

	if (list_length(op->args) != 2)
		return false;
	if ((OidIsValid(op->inputcollid) &&
		 !get_collation_isdeterministic(op->inputcollid)))
		return false;
	col = column_of(linitial(op->args), rel, &family);
	if (col == NULL)
	{
		col = column_of(lsecond(op->args), rel, &family);
		swapped = true;
	}
	if (col == NULL || (name = comparison(op->opno, family, swapped)) == NULL)
		return false;
	append_column(buf, col, family);
	appendStringInfo(buf, " %s ", name);
	return append_constant(buf, swapped ? linitial(op->args) : lsecond(op->args),
						   family);
}

/* column IN (constants), NOT IN */
static bool
push_list(StringInfo buf, ScalarArrayOpExpr *op, const SourceRelation *rel)
{
	Family		family = FAMILY_NONE;
	const SourceColumn *col = column_of(linitial(op->args), rel, &family);
	ArrayExpr  *array = (ArrayExpr *) strip(lsecond(op->args));
	char	   *name;
	ListCell   *lc;

	if (col == NULL || !IsA(array, ArrayExpr) || array->multidims ||
		array->elements == NIL ||
		(OidIsValid(op->inputcollid) &&
		 !get_collation_isdeterministic(op->inputcollid)))
		return false;
	name = comparison(op->opno, family, false);
	if (name == NULL)
		return false;
	foreach(lc, array->elements)
	{
		appendStringInfoString(buf, lc == list_head(array->elements) ? "" :
							   op->useOr ? " OR " : " AND ");
		append_column(buf, col, family);
		appendStringInfo(buf, " %s ", name);
		if (!append_constant(buf, lfirst(lc), family))
			return false;
	}
	return true;
}

static bool
push_null_test(StringInfo buf, NullTest *test, const SourceRelation *rel)
{
	Node	   *node = strip((Node *) test->arg);
	int			i = IsA(node, Var) ? ((Var *) node)->varattno - 1 : -1;

	if (i < 0 || i >= rel->ncolumns || test->argisrow ||
		family_of(rel->columns[i].typid) == FAMILY_NONE)
		return false;
	appendStringInfo(buf, "%s IS %sNULL", quote_identifier(rel->columns[i].name),
					 test->nulltesttype == IS_NULL ? "" : "NOT ");
	return true;
}

/* Of an AND the parts that can be pushed, if whole is false. */
static bool
push_bool(StringInfo buf, BoolExpr *expr, const SourceRelation *rel, bool whole)
{
	bool		any = false;
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR)
	{
		appendStringInfoString(buf, "NOT ");
		return push(buf, linitial(expr->args), rel);
	}
	foreach(lc, expr->args)
	{
		int			before = buf->len;

		if (any)
			appendStringInfoString(buf, expr->boolop == AND_EXPR ? " AND " : " OR ");
		if (push(buf, lfirst(lc), rel))
		{
			any = true;
			continue;
		}
		if (whole || expr->boolop == OR_EXPR)
			return false;
		buf->len = before;
		buf->data[before] = '\0';
	}
	return any;
}

/* Appends the whole of a condition; false: it cannot be, and buf is spoilt. */
static bool
push(StringInfo buf, Node *node, const SourceRelation *rel)
{
	Family		family;
	bool		done;

	appendStringInfoChar(buf, '(');
	if (IsA(node, BoolExpr))
		done = push_bool(buf, (BoolExpr *) node, rel, true);
	else if (IsA(node, OpExpr))
		done = push_comparison(buf, (OpExpr *) node, rel);
	else if (IsA(node, ScalarArrayOpExpr))
		done = push_list(buf, (ScalarArrayOpExpr *) node, rel);
	else if (IsA(node, NullTest))
		done = push_null_test(buf, (NullTest *) node, rel);
	else if (IsA(node, Var) && ((Var *) node)->vartype == BOOLOID)
	{
		const SourceColumn *col = column_of(node, rel, &family);

		done = col != NULL;
		if (done)
			append_column(buf, col, family);
	}
	else
		done = false;
	appendStringInfoChar(buf, ')');
	return done;
}

char *
shape_push_filter(const ShapeExpr *filter, const SourceRelation *rel)
{
	StringInfoData buf;
	Node	   *node = (Node *) filter->expr;
	int			level = NewGUCNestLevel();
	bool		done;

	/* as any server reads it */
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "3", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&buf);
	if (IsA(node, BoolExpr))
		done = push_bool(&buf, (BoolExpr *) node, rel, false);
	else
		done = push(&buf, node, rel);
	AtEOXact_GUC(true, level);
	return done ? buf.data : NULL;
}
