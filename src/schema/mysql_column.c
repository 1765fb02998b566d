/*-------------------------------------------------------------------------
 *
 * mysql_column.c
 *	  References to columns in the expression translator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

static MyVal
unknown_value(void)
{
	return my_val("NULL", PGC_UNKNOWN);
}

/* In a query: the first table of FROM that has it. */
static MyVal
query_column(MyExpr *x, List *parts)
{
	const char *name = llast(parts);
	const char *table = list_length(parts) > 1 ?
		list_nth(parts, list_length(parts) - 2) : NULL;
	ListCell   *lc;

	foreach(lc, x->from)
	{
		MyFrom	   *from = lfirst(lc);
		TableColumn *col;

		if (table != NULL && strcmp(from->alias, table) != 0)
			continue;
		if (list_length(parts) > 2 && strcmp(from->schema, linitial(parts)) != 0)
			continue;
		col = model_find_column(from->def, name);
		if (col != NULL && col->target_name != NULL)
			return my_val_column(col, psprintf("%s.%s",
											   quote_identifier(from->alias),
											   quote_identifier(col->target_name)));
	}
	my_expr_fail(x, "column %s is not known", name);
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
	if (x->in_query)
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
