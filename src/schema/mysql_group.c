/*-------------------------------------------------------------------------
 *
 * mysql_group.c
 *	  GROUP BY of the MySQL family, which lets a query use columns that it does
 *	  not name.
 *
 * Where what it groups by determines such a column, naming it, too, changes no
 * group, and is what PostgreSQL wants to see. A set of columns determines
 *
 *	- all columns of a table of which it has a key that takes no NULL;
 *	- a column that is equal to one of it by WHERE or by an inner join, or to
 *	  a constant;
 *	- all columns of the right side of a left join whose condition equates a
 *	  key of it with columns of the set, and says nothing else: the row that
 *	  fits, or NULLs.
 *
 * Texts that are equal may differ in case: equality of texts says nothing.
 * Columns that are not determined are left to PostgreSQL, which refuses them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "schema/mysql_expr_internal.h"

/* a = b, or a = a constant (b is NULL) */
typedef struct MyPair
{
	MyRef	   *a;
	MyRef	   *b;
} MyPair;

typedef struct MyOuterJoin
{
	MyFrom	   *right;
	List	   *pairs;
	bool		whole;			/* the condition says nothing else */
} MyOuterJoin;

/* ------------------------------------------------------------- conditions */

static MyToken *
read_tokens(const char *text, int *n)
{
	MyLexer		lexer;
	MyToken    *tokens = palloc(sizeof(MyToken) * (strlen(text) + 1));

	*n = 0;
	mysql_lex_init(&lexer, text);
	for (;;)
	{
		MyToken		token = mysql_lex_next(&lexer);

		if (token.kind == TOK_END || token.kind == TOK_BAD)
			return tokens;
		tokens[(*n)++] = token;
	}
}

/* Where the parenthesis that opens at i closes; n if it does not. */
static int
closing(const MyToken *tokens, int i, int n)
{
	int			depth = 0;

	for (; i < n; i++)
	{
		if (mysql_token_is(&tokens[i], "("))
			depth++;
		else if (mysql_token_is(&tokens[i], ")") && --depth == 0)
			return i;
	}
	return n;
}

/* a, `t`.`a`; *i goes behind it. NULL: it is no column of these tables. */
static MyRef *
read_column(MyExpr *x, const MyToken *tokens, int *i, int n)
{
	List	   *parts = NIL;

	while (*i < n && (tokens[*i].kind == TOK_NAME || tokens[*i].kind == TOK_WORD))
	{
		parts = lappend(parts, tokens[(*i)++].text);
		if (*i >= n || !mysql_token_is(&tokens[*i], "."))
			break;
		(*i)++;
	}
	return parts == NIL ? NULL : my_expr_find_ref(x, parts);
}

/* One side of an equality: a column, or a constant (NULL); false: neither. */
static bool
read_side(MyExpr *x, const MyToken *tokens, int *i, int n, MyRef **ref)
{
	*ref = NULL;
	if (*i < n && (tokens[*i].kind == TOK_NUMBER || tokens[*i].kind == TOK_STRING))
	{
		(*i)++;
		return true;
	}
	*ref = read_column(x, tokens, i, n);
	return *ref != NULL;
}

/*
 * The equalities that must hold for tokens i to n to be true; *whole becomes
 * false if they say something else, too.
 */
static List *
read_pairs(MyExpr *x, const MyToken *tokens, int i, int n, bool *whole)
{
	int			start = i;
	List	   *pairs = NIL;
	MyRef	   *a;
	MyRef	   *b;
	bool		split = false;

	check_stack_depth();
	while (i < n && mysql_token_is(&tokens[i], "(") && closing(tokens, i, n) == n - 1)
	{
		CHECK_FOR_INTERRUPTS();
		i++;
		n--;
		start = i;
	}
	for (int k = i; k < n; k++)
	{
		if (mysql_token_is(&tokens[k], "("))
			k = closing(tokens, k, n);
		else if (mysql_token_is(&tokens[k], "OR") || mysql_token_is(&tokens[k], "||") ||
				 mysql_token_is(&tokens[k], "XOR") || mysql_token_is(&tokens[k], "NOT") ||
				 mysql_token_is(&tokens[k], "BETWEEN") || mysql_token_is(&tokens[k], "CASE"))
		{
			*whole = false;
			return NIL;
		}
	}
	for (int k = i; k < n; k++)
	{
		if (mysql_token_is(&tokens[k], "("))
			k = closing(tokens, k, n);
		else if (mysql_token_is(&tokens[k], "AND") || mysql_token_is(&tokens[k], "&&"))
		{
			pairs = list_concat(pairs, read_pairs(x, tokens, start, k, whole));
			start = k + 1;
			split = true;
		}
	}
	if (split)
		return list_concat(pairs, read_pairs(x, tokens, start, n, whole));
	if (read_side(x, tokens, &i, n, &a) && i < n && mysql_token_is(&tokens[i], "=") &&
		(i++, read_side(x, tokens, &i, n, &b)) && i == n && (a != NULL || b != NULL) &&
		!(a != NULL && a->folds) && !(b != NULL && b->folds))
	{
		MyPair	   *pair = palloc(sizeof(MyPair));

		pair->a = a != NULL ? a : b;
		pair->b = a != NULL ? b : NULL;
		return list_make1(pair);
	}
	*whole = false;
	return NIL;
}

void
my_group_condition(MyExpr *x, MyGroup *group, const char *text)
{
	int			n;
	MyToken    *tokens = read_tokens(text, &n);
	bool		whole = true;

	group->pairs = list_concat(group->pairs, read_pairs(x, tokens, 0, n, &whole));
}

void
my_group_left_join(MyExpr *x, MyGroup *group, MyFrom *right, const char *text)
{
	int			n;
	MyToken    *tokens = read_tokens(text, &n);
	MyOuterJoin *join = palloc(sizeof(MyOuterJoin));

	join->right = right;
	join->whole = true;
	join->pairs = read_pairs(x, tokens, 0, n, &join->whole);
	group->joins = lappend(group->joins, join);
}

/* ------------------------------------------------------------ what follows */

static bool
is_in(List *set, const MyFrom *from, const char *name)
{
	ListCell   *lc;

	if (from->determined)
		return true;
	foreach(lc, set)
	{
		MyRef	   *ref = lfirst(lc);

		if (ref->from == from && pg_strcasecmp(ref->name, name) == 0)
			return true;
	}
	return false;
}

/* Has the table a key, without NULL and whole, all of whose columns are in? */
static bool
has_key(const MyFrom *from, List *set)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, from->def != NULL ? from->def->indexes : NIL)
	{
		TableIndex *index = lfirst(lc);
		bool		all = index->kind == INDEX_PRIMARY || index->kind == INDEX_UNIQUE;

		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);
			TableColumn *col = part->column == NULL ? NULL :
				model_find_column(from->def, part->column);

			all = all && col != NULL && part->prefix == 0 && !col->nullable &&
				is_in(set, from, col->name);
		}
		if (all)
			return true;
	}
	return false;
}

/* The columns of the right side that a left join equates with known ones. */
static bool
fits(const MyOuterJoin *join, List *set)
{
	List	   *known = NIL;
	ListCell   *lc;

	if (!join->whole)
		return false;
	foreach(lc, join->pairs)
	{
		MyPair	   *pair = lfirst(lc);
		MyRef	   *mine = pair->a->from == join->right ? pair->a : pair->b;
		MyRef	   *other = mine == pair->a ? pair->b : pair->a;

		if (mine == NULL || mine->from != join->right ||
			(other != NULL && (other->from == join->right ||
							   !is_in(set, other->from, other->name))))
			return false;
		known = lappend(known, mine);
	}
	return has_key(join->right, known);
}

/* One more round; false: nothing new. */
static bool
grow(MyExpr *x, MyGroup *group, List **set)
{
	bool		more = false;
	ListCell   *lc;

	foreach(lc, group->pairs)
	{
		MyPair	   *pair = lfirst(lc);

		for (int i = 0; i < 2; i++)
		{
			MyRef	   *to = i == 0 ? pair->a : pair->b;
			MyRef	   *from = i == 0 ? pair->b : pair->a;

			if (to == NULL || is_in(*set, to->from, to->name) ||
				(from != NULL && !is_in(*set, from->from, from->name)))
				continue;
			*set = lappend(*set, to);
			more = true;
		}
	}
	foreach(lc, x->from)
	{
		MyFrom	   *from = lfirst(lc);

		if (!from->determined && has_key(from, *set))
			more = from->determined = true;
	}
	foreach(lc, group->joins)
	{
		MyOuterJoin *join = lfirst(lc);

		if (!join->right->determined && fits(join, *set))
			more = join->right->determined = true;
	}
	return more;
}

List *
my_group_columns(MyExpr *x, MyGroup *group, List *grouped, List *refs)
{
	List	   *set = list_copy(grouped);
	List	   *columns = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	while (grow(x, group, &set))
		;
	foreach(lc, refs)
	{
		MyRef	   *ref = lfirst(lc);
		bool		known = false;

		if (ref->aggregated || !list_member_ptr(x->from, ref->from) ||
			!is_in(set, ref->from, ref->name))
			continue;
		foreach(lc2, grouped)
			known = known || strcmp(((MyRef *) lfirst(lc2))->sql, ref->sql) == 0;
		foreach(lc2, columns)
			known = known || strcmp(lfirst(lc2), ref->sql) == 0;
		if (!known)
			columns = lappend(columns, ref->sql);
	}
	return columns;
}
