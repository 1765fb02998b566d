/*-------------------------------------------------------------------------
 *
 * mysql_translate.c
 *	  An expression of the MySQL family as one of PostgreSQL: what others call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "schema/mysql_expr_internal.h"

/* Takes the outer parentheses off, where they are one pair. */
static char *
strip_parentheses(char *sql)
{
	int			len = strlen(sql);
	int			depth = 0;

	if (len < 2 || sql[0] != '(' || sql[len - 1] != ')' ||
		strpbrk(sql, "'\"") != NULL)
		return sql;
	for (int i = 0; i < len; i++)
	{
		depth += sql[i] == '(' ? 1 : sql[i] == ')' ? -1 : 0;
		if (depth == 0 && i < len - 1)
			return sql;
	}
	return pnstrdup(sql + 1, len - 2);
}

MyExprResult
mysql_translate_expression(const char *expr, const TableDef *def,
						   MyExprUse use, PgClass want)
{
	MyExprResult result = {0};
	MyExpr		x;
	MyVal		v;

	check_stack_depth();
	/* what it becomes would be too long, too */
	if (strlen(expr) > 2 * MY_EXPR_LENGTH)
	{
		result.why = "an expression so long";
		return result;
	}
	my_expr_init(&x, expr, use);
	x.def = def;
	v = my_expr_parse(&x);
	result.small = my_is_small(&v);
	result.from = v.cls;
	result.width = v.width;
	v = my_coerce(&x, v, want);
	if (x.why == NULL && x.token.kind != TOK_END)
		my_expr_fail(&x, "syntax near \"%s\"", expr + x.token.start);
	result.why = x.why;
	result.cls = v.cls;
	result.scale = v.scale;
	result.col = v.literal == NULL ? v.col : NULL;
	result.sql = x.why == NULL ? strip_parentheses(v.sql) : NULL;
	result.note = x.why == NULL ? x.note.data : NULL;
	return result;
}
