/*-------------------------------------------------------------------------
 *
 * mysql_aggregate.c
 *	  Aggregates in the expression translator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"

/* Items of ORDER BY that an aggregate with DISTINCT may have. */
#define MAX_ORDER_ITEMS 8

static bool
is_func(const char *name, const char *a)
{
	return pg_strcasecmp(name, a) == 0;
}

typedef struct OrderItem
{
	MyVal		val;
	bool		descending;
} OrderItem;

static int
order_items(MyExpr *x, OrderItem *items)
{
	int			n = 0;

	my_expr_expect(x, "BY");
	do
	{
		if (n == MAX_ORDER_ITEMS)
		{
			my_expr_fail(x, "ORDER BY with more than %d items", MAX_ORDER_ITEMS);
			break;
		}
		items[n].val = my_expr_parse(x);
		items[n].descending = my_expr_accept(x, "DESC");
		if (!items[n++].descending)
			my_expr_accept(x, "ASC");
	} while (my_expr_accept(x, ","));
	return n;
}

/* NULL is the lowest value at the source. */
static char *
order_clause(const char *sql, bool descending)
{
	return psprintf("%s%s", sql, descending ? " DESC NULLS LAST" : " NULLS FIRST");
}

/* Is there a least one of such values? */
static bool
has_order(const MyVal *v)
{
	switch (v->cls)
	{
		case PGC_INT:
		case PGC_NUMERIC:
		case PGC_FLOAT:
		case PGC_TEXT:
		case PGC_DATE:
		case PGC_TIMESTAMP:
		case PGC_TIMESTAMPTZ:
		case PGC_TIME:
		case PGC_ENUM:
			return true;
		default:
			return false;
	}
}

/*
 * DISTINCT texts in the order of something else, which no aggregate of
 * PostgreSQL does: of equal ones the first counts. The inner aggregates are of
 * the query around.
 */
static char *
distinct_in_order(MyExpr *x, const char *text, const char *separator,
				  OrderItem *items, int n)
{
	StringInfoData arrays;
	StringInfoData names;
	StringInfoData firsts;
	StringInfoData order;

	initStringInfo(&arrays);
	initStringInfo(&names);
	initStringInfo(&firsts);
	initStringInfo(&order);
	for (int i = 0; i < n; i++)
	{
		if (!has_order(&items[i].val))
			my_expr_fail(x, "GROUP_CONCAT with DISTINCT in such an order");
		appendStringInfo(&arrays, ", array_agg(%s)", items[i].val.sql);
		appendStringInfo(&names, ", o%d", i);
		appendStringInfo(&firsts, ", %s(i.o%d) AS o%d",
						 items[i].descending ? "max" : "min", i, i);
		appendStringInfo(&order, "%s%s", i > 0 ? ", " : "",
						 order_clause(psprintf("u.o%d", i), items[i].descending));
	}
	return psprintf("(SELECT string_agg(u.v, %s ORDER BY %s) FROM "
					"(SELECT i.v%s FROM unnest(array_agg(%s::text)%s) AS i (v%s) GROUP BY i.v) AS u)",
					separator, order.data, firsts.data, text, arrays.data,
					names.data);
}

/* GROUP_CONCAT([DISTINCT] v [ORDER BY …] [SEPARATOR s]), after the parenthesis */
static MyVal
group_concat(MyExpr *x)
{
	bool		distinct = my_expr_accept(x, "DISTINCT");
	int			before = list_length(x->refs);
	MyVal		v = my_expr_parse(x);
	bool		constant = list_length(x->refs) == before;
	char	   *text = my_text(x, v);
	char	   *separator = quote_literal_cstr(",");
	OrderItem	items[MAX_ORDER_ITEMS];
	int			n = 0;
	StringInfoData order;
	char	   *sql;

	if (my_expr_is(x, ","))
		my_expr_fail(x, "GROUP_CONCAT of several values");
	if (my_expr_accept(x, "ORDER"))
		n = order_items(x, items);
	if (my_expr_accept(x, "SEPARATOR"))
	{
		separator = quote_literal_cstr(x->token.text);
		my_expr_next(x);
	}
	my_expr_expect(x, ")");
	my_expr_note(x, "string_agg() is not cut at group_concat_max_len");

	initStringInfo(&order);
	for (int i = 0; i < n; i++)
		appendStringInfo(&order, "%s%s", i > 0 ? ", " : " ORDER BY ",
						 order_clause(items[i].val.sql, items[i].descending));
	if (!distinct || n == 0)
		sql = psprintf("string_agg(%s%s::text, %s%s)", distinct ? "DISTINCT " : "",
					   text, separator, order.data);
	else if (n == 1 && v.cls == PGC_TEXT && strcmp(items[0].val.sql, v.sql) == 0)
		sql = psprintf("string_agg(DISTINCT %s::text, %s ORDER BY %s)", text, separator,
					   order_clause(psprintf("%s::text", text), items[0].descending));
	else
	{
		if (constant)
			my_expr_fail(x, "GROUP_CONCAT with DISTINCT of a constant");
		sql = distinct_in_order(x, text, separator, items, n);
	}
	return my_val(sql, PGC_TEXT);
}

static bool
read_aggregate(MyExpr *x, const char *name, MyVal *result)
{
	static const char *const names[] = {"count", "sum", "avg", "min", "max"};
	bool		distinct;
	MyVal		v;
	int			which = -1;

	if (x->use != MY_EXPR_QUERY)
		return false;
	if (is_func(name, "group_concat"))
	{
		*result = group_concat(x);
		return true;
	}
	for (int i = 0; i < lengthof(names); i++)
	{
		if (is_func(name, names[i]))
			which = i;
	}
	if (which < 0)
		return false;
	if (my_expr_accept(x, "*"))
	{
		my_expr_expect(x, ")");
		*result = my_val_int("count(*)", 8);
		return true;
	}
	distinct = my_expr_accept(x, "DISTINCT");
	v = my_expr_parse(x);
	my_expr_expect(x, ")");
	if (which == 0)
		*result = my_val_int(psprintf("count(%s%s)", distinct ? "DISTINCT " : "", v.sql), 8);
	else if (which >= 3)
	{
		if (v.cls == PGC_ENUM || v.cls == PGC_BOOL)
			my_expr_fail(x, "%s of such a value", name);
		*result = my_val(psprintf("%s(%s)", names[which], v.sql), v.cls);
		result->scale = v.scale;
		result->ci = v.ci;
	}
	else
	{
		v = my_number(x, v);
		*result = my_val(psprintf("%s(%s%s)", names[which],
								  distinct ? "DISTINCT " : "", v.sql),
						 v.cls == PGC_FLOAT ? PGC_FLOAT : PGC_NUMERIC);
		result->scale = v.scale;
		if (which == 2 && v.cls != PGC_FLOAT && v.scale >= 0)
		{
			result->sql = psprintf("round(%s, %d)", result->sql, v.scale + 4);
			result->scale = v.scale + 4;
		}
	}
	return true;
}

bool
my_aggregate(MyExpr *x, const char *name, MyVal *result)
{
	List	   *tables = x->from;
	ListCell   *lc;
	bool		found;

	foreach(lc, tables)
		((MyFrom *) lfirst(lc))->in_aggregate++;
	found = read_aggregate(x, name, result);
	foreach(lc, tables)
		((MyFrom *) lfirst(lc))->in_aggregate--;
	return found;
}
