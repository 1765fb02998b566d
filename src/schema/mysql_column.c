/*-------------------------------------------------------------------------
 *
 * mysql_column.c
 *	  References to columns in the expression translator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_assign.h"
#include "schema/mysql_expr_internal.h"

static MyVal
unknown_value(void)
{
	return my_val("NULL", PGC_UNKNOWN);
}

static MyRef *
new_ref(MyFrom *from, const char *name, const MyVal *val)
{
	MyRef	   *ref = palloc0(sizeof(MyRef));

	ref->from = from;
	ref->name = name;
	ref->sql = val->sql;
	ref->aggregated = from->in_aggregate > 0;
	ref->folds = val->cls == PGC_TEXT || val->cls == PGC_UNKNOWN || val->ci;
	return ref;
}

/* The column in one table of FROM; NULL: it has none of that name. */
static MyRef *
from_column(MyFrom *from, const char *name, MyVal *val)
{
	ListCell   *lc;
	char	   *alias = pstrdup(quote_identifier(from->alias));

	if (from->def != NULL)
	{
		TableColumn *col = model_find_column(from->def, name);

		if (col == NULL || col->target_name == NULL)
			return NULL;
		*val = my_val_column(col, psprintf("%s.%s", alias,
										   quote_identifier(col->target_name)));
		return new_ref(from, col->name, val);
	}
	foreach(lc, from->outputs)
	{
		MyOutput   *output = lfirst(lc);

		if (pg_strcasecmp(output->name, name) != 0)
			continue;
		*val = output->val;
		val->literal = NULL;
		val->is_string = false;
		val->json_doc = NULL;
		val->sql = psprintf("%s.%s", alias, quote_identifier(output->name));
		return new_ref(from, output->name, val);
	}
	return NULL;
}

static MyRef *
find_in_from(List *tables, List *parts, MyVal *val)
{
	const char *name = llast(parts);
	const char *table = list_length(parts) > 1 ?
		list_nth(parts, list_length(parts) - 2) : NULL;
	ListCell   *lc;

	foreach(lc, tables)
	{
		MyFrom	   *from = lfirst(lc);
		MyRef	   *ref;

		if (table != NULL && strcmp(from->alias, table) != 0)
			continue;
		if (list_length(parts) > 2 &&
			(from->schema == NULL || strcmp(from->schema, linitial(parts)) != 0))
			continue;
		ref = from_column(from, name, val);
		if (ref != NULL)
			return ref;
	}
	return NULL;
}

MyRef *
my_expr_find_ref(MyExpr *x, List *parts)
{
	MyVal		val;

	return find_in_from(x->from, parts, &val);
}

/* In a query: the first table of FROM that has it, from the inside out. */
static MyVal
query_column(MyExpr *x, List *parts)
{
	MyVal		val;
	MyRef	   *ref = find_in_from(x->from, parts, &val);
	ListCell   *lc;

	foreach(lc, x->outer)
	{
		if (ref == NULL)
			ref = find_in_from(lfirst(lc), parts, &val);
	}
	if (ref != NULL)
	{
		x->refs = lappend(x->refs, ref);
		return val;
	}
	my_expr_fail(x, "column %s is not known", (char *) llast(parts));
	return unknown_value();
}

/* A generated column cannot refer to another: its expression can. */
static MyVal
generated_column(MyExpr *x, const TableColumn *col)
{
	MyExprResult inner;

	inner = mysql_translate_expression(col->generation_expr, x->def,
									   MY_EXPR_GENERATED,
									   mysql_column_class(col));
	if (inner.sql != NULL)
		mysql_assign(col, &inner);
	if (inner.sql == NULL)
	{
		my_expr_fail(x, "column %s: %s", col->name, inner.why);
		return unknown_value();
	}
	return my_val_column(col, psprintf("(%s)::%s", inner.sql, col->pg_type));
}

/* A column, by its parts: [[schema.]table.]column */
MyVal
my_expr_column(MyExpr *x, List *parts)
{
	const char *name = llast(parts);
	const TableColumn *col;

	if (x->use == MY_EXPR_DEFAULT)
	{
		my_expr_fail(x, "a default that refers to column %s", name);
		return unknown_value();
	}
	if (x->query != NULL)
		return query_column(x, parts);
	if (x->def == NULL)
		return my_val_column(NULL, pstrdup(quote_identifier(name)));

	col = model_find_column(x->def, name);
	if (col == NULL || col->target_name == NULL)
	{
		my_expr_fail(x, "column %s is left out", name);
		return unknown_value();
	}
	if (x->use == MY_EXPR_GENERATED && col->generation_expr != NULL)
		return generated_column(x, col);
	return my_val_column(col, pstrdup(quote_identifier(col->target_name)));
}
