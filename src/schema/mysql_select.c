/*-------------------------------------------------------------------------
 *
 * mysql_select.c
 *	  SELECT statements of views, in the canonical form in which
 *	  information_schema prints them: every name qualified, every join with
 *	  its parentheses.
 *
 * The select list is read twice: names get their types from FROM, so it is
 * skipped first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_expr_internal.h"
#include "schema/plan_internal.h"

typedef struct QueryState
{
	MyExpr		x;
	List	   *tables;
	const char *schema;
	List	   *aliases;		/* of the select list */
} QueryState;

static char *parse_table_refs(QueryState *q);

static bool
is_reserved_after_table(MyExpr *x)
{
	static const char *const words[] = {"join", "left", "right", "inner",
		"cross", "straight_join", "on", "where", "group", "having", "order",
		"limit", "union", "using", "natural", "procedure", "for", "lock",
		"use", "force", "ignore", "partition", "window", "intersect",
	"except"};

	if (x->token.kind == TOK_NAME)
		return false;
	if (x->token.kind != TOK_WORD)
		return true;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (my_expr_is(x, words[i]))
			return true;
	}
	return false;
}

/* `db`.`table` [AS] `alias` */
static char *
parse_table(QueryState *q)
{
	MyExpr	   *x = &q->x;
	MyFrom	   *from = palloc0(sizeof(MyFrom));
	char	   *name = x->token.text;

	if (x->token.kind != TOK_NAME && x->token.kind != TOK_WORD)
	{
		my_expr_fail(x, "a table expected");
		return "";
	}
	from->schema = pstrdup(q->schema);
	my_expr_next(x);
	if (my_expr_accept(x, "."))
	{
		from->schema = name;
		name = x->token.text;
		my_expr_next(x);
	}
	from->alias = name;
	my_expr_accept(x, "AS");
	if (!is_reserved_after_table(x))
	{
		from->alias = x->token.text;
		my_expr_next(x);
	}
	from->def = plan_find_table(q->tables, from->schema, name);
	if (from->def == NULL)
	{
		my_expr_fail(x, "table %s.%s is not selected, or a view that does not translate",
					 from->schema, name);
		return "";
	}
	x->from = lappend(x->from, from);
	return psprintf("%s AS %s", plan_table_name(from->def),
					quote_identifier(from->alias));
}

static char *
parse_table_factor(QueryState *q)
{
	MyExpr	   *x = &q->x;
	char	   *sql;

	if (!my_expr_accept(x, "("))
		return parse_table(q);
	if (my_expr_is(x, "SELECT"))
	{
		my_expr_fail(x, "a subquery");
		return "";
	}
	sql = parse_table_refs(q);
	my_expr_expect(x, ")");
	return strpbrk(sql, "(") != NULL || strstr(sql, " JOIN ") != NULL ?
		psprintf("(%s)", sql) : sql;
}

static char *
parse_join_condition(QueryState *q)
{
	return my_condition(&q->x, my_expr_parse(&q->x));
}

static char *
parse_table_refs(QueryState *q)
{
	MyExpr	   *x = &q->x;
	char	   *sql = parse_table_factor(q);

	for (;;)
	{
		const char *kind = NULL;
		char	   *right;

		if (my_expr_accept(x, ","))
		{
			sql = psprintf("%s CROSS JOIN %s", sql, parse_table_factor(q));
			continue;
		}
		if (my_expr_accept(x, "LEFT") || my_expr_is(x, "RIGHT"))
		{
			kind = my_expr_accept(x, "RIGHT") ? "RIGHT" : "LEFT";
			my_expr_accept(x, "OUTER");
			my_expr_expect(x, "JOIN");
		}
		else if (my_expr_accept(x, "INNER") || my_expr_accept(x, "CROSS"))
		{
			kind = "INNER";
			my_expr_expect(x, "JOIN");
		}
		else if (my_expr_accept(x, "JOIN") || my_expr_accept(x, "STRAIGHT_JOIN"))
			kind = "INNER";
		else
			return sql;

		right = parse_table_factor(q);
		if (my_expr_accept(x, "ON"))
			sql = psprintf("%s %s JOIN %s ON %s", sql, kind, right,
						   parse_join_condition(q));
		else if (strcmp(kind, "INNER") == 0 && !my_expr_is(x, "USING"))
			sql = psprintf("%s CROSS JOIN %s", sql, right);
		else
			my_expr_fail(x, "a join without ON");
	}
}

/* Skips to FROM (or what ends a select list) outside of parentheses. */
static void
skip_select_list(MyExpr *x)
{
	int			depth = 0;

	for (; x->token.kind != TOK_END; my_expr_next(x))
	{
		if (my_expr_is(x, "("))
			depth++;
		else if (my_expr_is(x, ")"))
			depth--;
		else if (depth == 0 && (my_expr_is(x, "FROM") || my_expr_is(x, "UNION")))
			return;
	}
}

static char *
parse_select_list(QueryState *q)
{
	MyExpr	   *x = &q->x;
	StringInfoData sql;

	initStringInfo(&sql);
	q->aliases = NIL;
	do
	{
		MyVal		v = my_expr_parse(x);
		char	   *text;

		/* conditions are numbers there */
		text = v.cls == PGC_BOOL && v.col == NULL ? my_number(x, v).sql : v.sql;
		if (v.is_string)
			text = psprintf("%s::text", text);
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "", text);
		if (my_expr_accept(x, "AS"))
		{
			appendStringInfo(&sql, " AS %s", quote_identifier(x->token.text));
			q->aliases = lappend(q->aliases, x->token.text);
			my_expr_next(x);
		}
	} while (my_expr_accept(x, ","));
	return sql.data;
}

/* An alias of the select list alone, or an expression. */
static char *
parse_order_item(QueryState *q)
{
	MyExpr	   *x = &q->x;
	ListCell   *lc;

	if (x->token.kind == TOK_NAME)
	{
		foreach(lc, q->aliases)
		{
			MyExpr		saved = *x;

			if (pg_strcasecmp(lfirst(lc), x->token.text) != 0)
				continue;
			my_expr_next(x);
			if (!my_expr_is(x, "."))
				return pstrdup(quote_identifier(lfirst(lc)));
			*x = saved;
		}
	}
	return my_expr_parse(x).sql;
}

static void
parse_order_by(QueryState *q, StringInfo sql)
{
	MyExpr	   *x = &q->x;
	bool		first = true;

	my_expr_expect(x, "BY");
	do
	{
		char	   *item = parse_order_item(q);
		bool		descending = my_expr_accept(x, "DESC");

		if (!descending)
			my_expr_accept(x, "ASC");
		/* NULL is the lowest value there */
		appendStringInfo(sql, "%s%s%s", first ? " ORDER BY " : ", ", item,
						 descending ? " DESC NULLS LAST" : " NULLS FIRST");
		first = false;
	} while (my_expr_accept(x, ","));
}

static void
parse_limit(QueryState *q, StringInfo sql)
{
	MyExpr	   *x = &q->x;
	char	   *a = x->token.text;
	char	   *b = NULL;
	bool		comma;

	if (x->token.kind != TOK_NUMBER)
		my_expr_fail(x, "LIMIT that is no number");
	my_expr_next(x);
	comma = my_expr_is(x, ",");
	if (my_expr_accept(x, ",") || my_expr_accept(x, "OFFSET"))
	{
		b = x->token.text;
		if (x->token.kind != TOK_NUMBER)
			my_expr_fail(x, "LIMIT that is no number");
		my_expr_next(x);
	}
	if (b == NULL)
		appendStringInfo(sql, " LIMIT %s", a);
	else
		appendStringInfo(sql, " LIMIT %s OFFSET %s", comma ? b : a, comma ? a : b);
}

static char *
parse_select(QueryState *q)
{
	MyExpr	   *x = &q->x;
	StringInfoData sql;
	MyExpr		list_start;
	MyExpr		after;
	char	   *from = NULL;
	bool		distinct;

	my_expr_expect(x, "SELECT");
	distinct = my_expr_accept(x, "DISTINCT");
	my_expr_accept(x, "STRAIGHT_JOIN");
	x->from = NIL;

	list_start = *x;
	skip_select_list(x);
	if (my_expr_accept(x, "FROM"))
		from = parse_table_refs(q);
	if (x->why != NULL)
		return "";
	after = *x;
	x->lexer = list_start.lexer;
	x->token = list_start.token;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s%s", distinct ? "DISTINCT " : "",
					 parse_select_list(q));
	if (x->why != NULL)
		return "";
	if (from != NULL && !my_expr_is(x, "FROM"))
	{
		my_expr_fail(x, "syntax near \"%s\"", x->lexer.sql + x->token.start);
		return "";
	}
	x->lexer = after.lexer;
	x->token = after.token;

	if (from != NULL)
		appendStringInfo(&sql, " FROM %s", from);
	if (my_expr_accept(x, "WHERE"))
		appendStringInfo(&sql, " WHERE %s", my_condition(x, my_expr_parse(x)));
	if (my_expr_accept(x, "GROUP"))
	{
		bool		first = true;

		my_expr_expect(x, "BY");
		do
		{
			appendStringInfo(&sql, "%s%s", first ? " GROUP BY " : ", ",
							 parse_order_item(q));
			first = false;
		} while (my_expr_accept(x, ","));
		if (my_expr_is(x, "WITH"))
			my_expr_fail(x, "WITH ROLLUP");
	}
	if (my_expr_accept(x, "HAVING"))
		appendStringInfo(&sql, " HAVING %s", my_condition(x, my_expr_parse(x)));
	if (my_expr_accept(x, "ORDER"))
		parse_order_by(q, &sql);
	if (my_expr_accept(x, "LIMIT"))
		parse_limit(q, &sql);
	return sql.data;
}

MyExprResult
mysql_translate_query(const char *query, List *tables, const char *schema)
{
	MyExprResult result = {0};
	QueryState	q = {0};
	char	   *sql;

	if (query == NULL || query[0] == '\0')
	{
		result.why = "its definition cannot be read by this account";
		return result;
	}
	my_expr_init(&q.x, query, MY_EXPR_QUERY);
	q.x.in_query = true;
	q.tables = tables;
	q.schema = schema;
	sql = parse_select(&q);
	while (my_expr_accept(&q.x, "UNION"))
	{
		bool		all = my_expr_accept(&q.x, "ALL");

		sql = psprintf("%s UNION %s%s", sql, all ? "ALL " : "", parse_select(&q));
	}
	if (q.x.why == NULL && q.x.token.kind != TOK_END)
		my_expr_fail(&q.x, "syntax near \"%s\"", query + q.x.token.start);
	result.why = q.x.why;
	if (q.x.why == NULL)
	{
		result.sql = sql;
		result.note = q.x.note.data;
	}
	return result;
}
