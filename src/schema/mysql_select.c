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

typedef struct MyQuery
{
	MyExpr		x;
	List	   *tables;			/* TableDef * */
	const char *schema;
	List	   *named;			/* MyFrom *, of WITH */
	List	   *outputs;		/* MyOutput *, of the select list read last */
	List	   *used;			/* TableDef *: of FROM */
	MyGroup		group;			/* of the SELECT that is being read */
} MyQuery;

static char *parse_table_refs(MyQuery *q);
static char *parse_query(MyQuery *q);

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

/* [AS] `alias` */
static void
parse_alias(MyExpr *x, MyFrom *from)
{
	my_expr_accept(x, "AS");
	if (is_reserved_after_table(x))
		return;
	from->alias = x->token.text;
	my_expr_next(x);
}

static MyFrom *
find_named(MyQuery *q, const char *name)
{
	ListCell   *lc;

	foreach(lc, q->named)
	{
		MyFrom	   *from = lfirst(lc);

		if (strcmp(from->alias, name) == 0)
			return from;
	}
	return NULL;
}

/* `db`.`table` [AS] `alias`, or a name of WITH */
static char *
parse_table(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	MyFrom	   *from = palloc0(sizeof(MyFrom));
	char	   *name = x->token.text;
	MyFrom	   *named;

	if (x->token.kind != TOK_NAME && x->token.kind != TOK_WORD)
	{
		my_expr_fail(x, "a table expected");
		return "";
	}
	from->schema = pstrdup(q->schema);
	from->alias = name;
	my_expr_next(x);
	named = my_expr_is(x, ".") ? NULL : find_named(q, name);
	if (my_expr_accept(x, "."))
	{
		from->schema = name;
		from->alias = name = x->token.text;
		my_expr_next(x);
	}
	parse_alias(x, from);
	x->from = lappend(x->from, from);
	if (named != NULL)
	{
		from->schema = NULL;
		from->outputs = named->outputs;
		return psprintf("%s AS %s", quote_identifier(name),
						pstrdup(quote_identifier(from->alias)));
	}
	from->def = plan_find_table(q->tables, from->schema, name);
	if (from->def == NULL)
	{
		my_expr_fail(x, "table %s.%s is not selected, or a view that does not translate",
					 from->schema, name);
		return "";
	}
	q->used = list_append_unique_ptr(q->used, (void *) from->def);
	return psprintf("%s AS %s", plan_table_name(from->def),
					quote_identifier(from->alias));
}

/* (SELECT …) `alias`, from SELECT on */
static char *
parse_derived_table(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	MyFrom	   *from = palloc0(sizeof(MyFrom));
	char	   *sql = parse_query(q);

	from->outputs = q->outputs;
	my_expr_expect(x, ")");
	parse_alias(x, from);
	if (from->alias == NULL)
	{
		my_expr_fail(x, "a subquery without a name");
		return "";
	}
	x->from = lappend(x->from, from);
	return psprintf("(%s) AS %s", sql, quote_identifier(from->alias));
}

static char *
parse_table_factor(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	char	   *sql;

	if (!my_expr_accept(x, "("))
		return parse_table(q);
	if (my_expr_is(x, "SELECT"))
		return parse_derived_table(q);
	sql = parse_table_refs(q);
	my_expr_expect(x, ")");
	return strstr(sql, " JOIN ") != NULL ? psprintf("(%s)", sql) : sql;
}

/* A condition; *text receives it as the source has it. */
static char *
parse_condition(MyExpr *x, char **text)
{
	int			start = x->token.start;
	char	   *sql = my_condition(x, my_expr_parse(x));

	*text = x->why != NULL ? "" :
		pnstrdup(x->lexer.sql + start, Max(x->token.start - start, 0));
	return sql;
}

/* right: of a left join, if that is one table; NULL: it says nothing. */
static char *
parse_join_condition(MyQuery *q, bool inner, MyFrom *right)
{
	char	   *text;
	char	   *sql = parse_condition(&q->x, &text);

	if (inner)
		my_group_condition(&q->x, &q->group, text);
	else if (right != NULL)
		my_group_left_join(&q->x, &q->group, right, text);
	return sql;
}

static char *
parse_table_refs(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	char	   *sql = parse_table_factor(q);

	for (;;)
	{
		const char *kind = NULL;
		char	   *right;
		int			tables = list_length(x->from);

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
						   parse_join_condition(q, strcmp(kind, "INNER") == 0,
												strcmp(kind, "LEFT") == 0 &&
												list_length(x->from) == tables + 1 ?
												llast(x->from) : NULL));
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

/* The refs read since then are one, and all of an expression: that one. */
static MyRef *
only_ref(MyExpr *x, int before, const char *sql)
{
	MyRef	   *ref;

	if (list_length(x->refs) != before + 1)
		return NULL;
	ref = llast(x->refs);
	return strcmp(ref->sql, sql) == 0 ? ref : NULL;
}

static char *
parse_select_list(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	StringInfoData sql;
	List	   *outputs = NIL;

	initStringInfo(&sql);
	do
	{
		MyOutput   *output = palloc0(sizeof(MyOutput));
		int			before = list_length(x->refs);
		MyVal		v = my_expr_parse(x);

		output->ref = only_ref(x, before, v.sql);
		/* conditions are numbers at the source */
		if (v.cls == PGC_BOOL && v.col == NULL)
			v = my_number(x, v);
		if (v.is_string)
			v.sql = psprintf("%s::text", v.sql);
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "", v.sql);
		output->val = v;
		output->name = v.col != NULL ? v.col->name : "?column?";
		if (my_expr_accept(x, "AS"))
		{
			output->name = x->token.text;
			appendStringInfo(&sql, " AS %s", quote_identifier(output->name));
			my_expr_next(x);
		}
		outputs = lappend(outputs, output);
	} while (my_expr_accept(x, ","));
	q->outputs = outputs;
	return sql.data;
}

/*
 * An alias of the select list alone, or an expression. *ref receives the
 * column that it is, if it is no more than that.
 */
static char *
parse_order_item(MyExpr *x, List *outputs, MyRef **ref)
{
	ListCell   *lc;
	int			before = list_length(x->refs);
	char	   *sql;

	if (x->token.kind == TOK_NAME)
	{
		foreach(lc, outputs)
		{
			MyOutput   *output = lfirst(lc);
			MyLexer		lexer = x->lexer;
			MyToken		token = x->token;

			if (pg_strcasecmp(output->name, x->token.text) != 0)
				continue;
			my_expr_next(x);
			if (my_expr_is(x, ",") || my_expr_is(x, ")") ||
				my_expr_is(x, "ASC") || my_expr_is(x, "DESC") ||
				my_expr_is(x, "LIMIT") || my_expr_is(x, "ORDER") ||
				my_expr_is(x, "HAVING") || my_expr_is(x, "UNION") ||
				x->token.kind == TOK_END)
			{
				*ref = output->ref;
				return pstrdup(quote_identifier(output->name));
			}
			x->lexer = lexer;
			x->token = token;
		}
	}
	sql = my_expr_parse(x).sql;
	*ref = only_ref(x, before, sql);
	return sql;
}

static char *
order_items(MyExpr *x, List *outputs)
{
	StringInfoData sql;

	initStringInfo(&sql);
	do
	{
		MyRef	   *ref;
		char	   *item = parse_order_item(x, outputs, &ref);
		bool		descending = my_expr_accept(x, "DESC");

		if (!descending)
			my_expr_accept(x, "ASC");
		/* NULL is the lowest value at the source */
		appendStringInfo(&sql, "%s%s%s", sql.len > 0 ? ", " : "", item,
						 descending ? " DESC NULLS LAST" : " NULLS FIRST");
	} while (my_expr_accept(x, ","));
	return sql.data;
}

char *
my_order_items(MyExpr *x)
{
	return order_items(x, NIL);
}

static void
parse_limit(MyQuery *q, StringInfo sql)
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

MyVal
my_window(MyExpr *x, MyVal v)
{
	StringInfoData sql;

	if (x->query == NULL || !my_expr_accept(x, "OVER"))
		return v;
	/* a rounded average, say, is no call of a function any more */
	if (strncmp(v.sql, "round(", 6) == 0)
		my_expr_fail(x, "a window of such an aggregate");
	initStringInfo(&sql);
	my_expr_expect(x, "(");
	if (my_expr_accept(x, "PARTITION"))
	{
		my_expr_expect(x, "BY");
		do
		{
			appendStringInfo(&sql, "%s%s",
							 sql.len > 0 ? ", " : "PARTITION BY ",
							 my_expr_parse(x).sql);
		} while (my_expr_accept(x, ","));
	}
	if (my_expr_accept(x, "ORDER"))
	{
		my_expr_expect(x, "BY");
		appendStringInfo(&sql, "%sORDER BY %s", sql.len > 0 ? " " : "",
						 my_order_items(x));
	}
	my_expr_expect(x, ")");
	v.sql = psprintf("%s OVER (%s)", v.sql, sql.data);
	v.col = NULL;
	return v;
}

/* GROUP BY's columns; *grouped (MyRef *) receives those that are columns. */
static void
parse_group_by(MyQuery *q, StringInfo sql, List *outputs, List **grouped)
{
	MyExpr	   *x = &q->x;
	bool		first = true;

	my_expr_expect(x, "BY");
	do
	{
		MyRef	   *ref;

		appendStringInfo(sql, "%s%s", first ? " GROUP BY " : ", ",
						 parse_order_item(x, outputs, &ref));
		first = false;
		if (ref != NULL)
			*grouped = lappend(*grouped, ref);
	} while (my_expr_accept(x, ","));
	if (my_expr_is(x, "WITH"))
		my_expr_fail(x, "WITH ROLLUP");
}

/* What follows FROM; refs (MyRef *): of the select list. */
static void
parse_select_rest(MyQuery *q, StringInfo sql, List *outputs, List *refs)
{
	MyExpr	   *x = &q->x;
	bool		groups = false;
	List	   *grouped = NIL;
	StringInfoData rest;
	int			before;
	ListCell   *lc;

	if (my_expr_accept(x, "WHERE"))
	{
		char	   *text;

		appendStringInfo(sql, " WHERE %s", parse_condition(x, &text));
		my_group_condition(x, &q->group, text);
	}
	if (my_expr_accept(x, "GROUP"))
	{
		parse_group_by(q, sql, outputs, &grouped);
		groups = true;
	}
	initStringInfo(&rest);
	before = list_length(x->refs);
	if (my_expr_accept(x, "HAVING"))
		appendStringInfo(&rest, " HAVING %s", my_condition(x, my_expr_parse(x)));
	if (my_expr_accept(x, "ORDER"))
	{
		my_expr_expect(x, "BY");
		appendStringInfo(&rest, " ORDER BY %s", order_items(x, outputs));
	}
	refs = list_concat_copy(refs, list_copy_tail(x->refs, before));
	foreach(lc, groups && x->why == NULL ?
			my_group_columns(x, &q->group, grouped, refs) : NIL)
		appendStringInfo(sql, ", %s", (char *) lfirst(lc));
	appendStringInfoString(sql, rest.data);
	if (my_expr_accept(x, "LIMIT"))
		parse_limit(q, sql);
}

/* The text of one SELECT; its columns are in q->outputs. */
static char *
parse_select_body(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	StringInfoData sql;
	MyLexer		list_lexer;
	MyToken		list_token;
	MyLexer		after_lexer;
	MyToken		after_token;
	char	   *from = NULL;
	List	   *outputs;
	List	   *refs;
	int			before;
	bool		distinct;

	my_expr_expect(x, "SELECT");
	distinct = my_expr_accept(x, "DISTINCT");
	my_expr_accept(x, "STRAIGHT_JOIN");

	list_lexer = x->lexer;
	list_token = x->token;
	skip_select_list(x);
	if (my_expr_accept(x, "FROM"))
		from = parse_table_refs(q);
	if (x->why != NULL)
		return "";
	after_lexer = x->lexer;
	after_token = x->token;
	x->lexer = list_lexer;
	x->token = list_token;

	initStringInfo(&sql);
	before = list_length(x->refs);
	appendStringInfo(&sql, "SELECT %s%s", distinct ? "DISTINCT " : "",
					 parse_select_list(q));
	refs = list_copy_tail(x->refs, before);
	outputs = q->outputs;
	if (x->why == NULL && from != NULL && !my_expr_is(x, "FROM"))
		my_expr_fail(x, "syntax near \"%s\"", x->lexer.sql + x->token.start);
	if (x->why != NULL)
		return "";
	x->lexer = after_lexer;
	x->token = after_token;

	if (from != NULL)
		appendStringInfo(&sql, " FROM %s", from);
	parse_select_rest(q, &sql, outputs, refs);
	q->outputs = outputs;
	return sql.data;
}

static char *
parse_select(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	List	   *from = x->from;
	List	   *outer = x->outer;
	MyGroup		group = q->group;
	char	   *sql;

	memset(&q->group, 0, sizeof(q->group));
	if (++x->depth > 50)
		my_expr_fail(x, "subqueries this deep");
	if (from != NIL)
		x->outer = lcons(from, list_copy(outer));
	x->from = NIL;
	sql = parse_select_body(q);
	x->from = from;
	x->outer = outer;
	q->group = group;
	x->depth--;
	return sql;
}

/* SELECT … [UNION [ALL] SELECT …] */
static char *
parse_query(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	char	   *sql = parse_select(q);
	List	   *outputs = q->outputs;

	while (my_expr_accept(x, "UNION"))
	{
		bool		all = my_expr_accept(x, "ALL");

		sql = psprintf("%s UNION %s%s", sql, all ? "ALL " : "", parse_select(q));
	}
	q->outputs = outputs;
	return sql;
}

/* WITH `name` AS (SELECT …), … */
static char *
parse_with(MyQuery *q)
{
	MyExpr	   *x = &q->x;
	StringInfoData sql;

	if (!my_expr_accept(x, "WITH"))
		return "";
	if (my_expr_is(x, "RECURSIVE"))
		my_expr_fail(x, "WITH RECURSIVE");
	initStringInfo(&sql);
	do
	{
		MyFrom	   *named = palloc0(sizeof(MyFrom));
		char	   *query;

		named->alias = x->token.text;
		my_expr_next(x);
		if (my_expr_is(x, "("))
			my_expr_fail(x, "WITH and a list of columns");
		my_expr_expect(x, "AS");
		my_expr_expect(x, "(");
		query = parse_query(q);
		my_expr_expect(x, ")");
		named->outputs = q->outputs;
		q->named = lappend(q->named, named);
		appendStringInfo(&sql, "%s%s AS (%s)", sql.len > 0 ? ", " : "WITH ",
						 quote_identifier(named->alias), query);
	} while (my_expr_accept(x, ","));
	appendStringInfoChar(&sql, ' ');
	return sql.data;
}

/* val (may be NULL) receives the class of its only column. */
char *
my_subquery(MyExpr *x, MyVal *val)
{
	MyQuery    *q = x->query;
	char	   *sql;

	if (val != NULL)
		*val = my_val("NULL", PGC_UNKNOWN);
	if (q == NULL)
	{
		my_expr_fail(x, "a subquery");
		return "";
	}
	sql = parse_query(q);
	if (val == NULL || x->why != NULL)
		return sql;
	if (list_length(q->outputs) != 1)
		my_expr_fail(x, "a row value");
	else
		*val = ((MyOutput *) linitial(q->outputs))->val;
	val->literal = NULL;
	val->is_string = false;
	val->json_doc = NULL;
	return sql;
}

MyExprResult
mysql_translate_query(const char *query, List *tables, const char *schema)
{
	MyExprResult result = {0};
	MyQuery		q = {0};
	char	   *with;
	char	   *sql;

	if (query == NULL || query[0] == '\0')
	{
		result.why = "its definition cannot be read by this account";
		return result;
	}
	my_expr_init(&q.x, query, MY_EXPR_QUERY);
	q.x.query = &q;
	q.tables = tables;
	q.schema = schema;
	with = parse_with(&q);
	sql = parse_query(&q);
	if (q.x.why == NULL && q.x.token.kind != TOK_END)
		my_expr_fail(&q.x, "syntax near \"%s\"", query + q.x.token.start);
	result.why = q.x.why;
	if (q.x.why == NULL)
	{
		result.sql = psprintf("%s%s", with, sql);
		result.note = q.x.note.data;
		result.tables = q.used;
	}
	return result;
}
