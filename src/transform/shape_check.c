/*-------------------------------------------------------------------------
 *
 * shape_check.c
 *	  What can be known of a rule from rows as they are at the destination.
 *
 * What "set" makes of columns that are as they are at the source can be
 * made again from the row that is stored. So a row need not travel to be
 * verified: the source sums up the columns that go as they are, and the others
 * are checked here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "transform/shape_impl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* ---------------------------------------------------------------- questions */

bool
shape_column_is_steady(const Shape *shape, int column)
{
	for (int s = 0; s < shape->nsets; s++)
		if (shape->sets[s].column == column)
			return !shape->sets[s].expr->variable && !shape->sets[s].expr->stable;
	return true;
}

bool
shape_keeps_key(const Shape *shape)
{
	const SourceRelation *rel = shape->rel;
	const SourceRelation *out = shape->out;

	if (rel->nkey != out->nkey)
		return false;
	for (int k = 0; k < rel->nkey; k++)
		if (rel->key[k] != out->key[k] || shape_is_set(shape, out->key[k]))
			return false;
	return true;
}

const char *
shape_needs_whole_row(const Shape *shape)
{
	int			i = -1;

	while ((i = bms_next_member(shape->used, i)) >= 0)
	{
		const SourceColumn *col = &shape->rel->columns[i];

		if (col->typlen == -1 && !col->in_key)
			return col->name;
	}
	return NULL;
}

bool
shape_column_is_plain(const Shape *shape, int column)
{
	return column < shape->rel->ncolumns && shape->out->columns[column].replicated &&
		!shape_is_set(shape, column);
}

const ShapeExpr *
shape_filter(const Shape *shape)
{
	return shape->filter;
}

/* ---------------------------------------------------------- rows as stored */

bool
shape_can_check(const Shape *shape)
{
	for (int s = 0; s < shape->nsets; s++)
	{
		const ShapeSet *set = &shape->sets[s];
		int			i = -1;

		if (!shape_column_is_steady(shape, set->column))
			continue;
		while ((i = bms_next_member(set->expr->columns, i)) >= 0)
			if (!shape_column_is_plain(shape, i))
				return false;
	}
	return true;
}

bool
shape_has_checks(const Shape *shape)
{
	for (int s = 0; s < shape->nsets; s++)
		if (shape_column_is_steady(shape, shape->sets[s].column))
			return true;
	return false;
}

/* As verification compares values of two sides. */
static bool
same_value(const SourceColumn *col, Datum a, Datum b)
{
	Oid			function;
	bool		varlena;

	if (datum_image_eq(a, b, col->typbyval, col->typlen))
		return true;
	getTypeOutputInfo(col->typid, &function, &varlena);
	return strcmp(OidOutputFunctionCall(function, a),
				  OidOutputFunctionCall(function, b)) == 0;
}

bool
shape_check_row(Shape *shape, const Datum *values, const bool *nulls)
{
	Row			row = {unconstify(Datum *, values), shape->old.status};

	for (int i = 0; i < shape->rel->ncolumns; i++)
		row.status[i] = !shape_column_is_plain(shape, i) || nulls[i] ?
			COLUMN_NULL : COLUMN_VALUE;
	shape_fill_slot(shape, &row, NULL, "load", GetCurrentTransactionStartTimestamp());
	for (int s = 0; s < shape->nsets; s++)
	{
		ShapeSet   *set = &shape->sets[s];
		Datum		value;
		bool		isnull;

		if (!shape_column_is_steady(shape, set->column))
			continue;
		value = shape_run(shape, set->state, "expression of \"set\"", &isnull);
		if (isnull != nulls[set->column] ||
			(!isnull && !same_value(&shape->out->columns[set->column], value,
									values[set->column])))
			return false;
	}
	return true;
}
