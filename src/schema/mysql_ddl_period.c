/*-------------------------------------------------------------------------
 *
 * mysql_ddl_period.c
 *	  Application-time periods of MariaDB in statements that change tables.
 *
 * A period `p` (`a`, `b`) makes its columns NOT NULL and has a check of its
 * own name that `a` < `b`. An index with p WITHOUT OVERLAPS has b and a as
 * its last parts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/mysql_ddl_internal.h"
#include "schema/mysql_lex.h"

/* Reads what SHOW CREATE TABLE says of a period. */
static bool
read_period(const char *text, char **name, char **from, char **to)
{
	char	  **names[] = {name, from, to};
	MyLexer		lexer;
	MyToken		token;
	int			n = 0;

	if (text == NULL)
		return false;
	mysql_lex_init(&lexer, text);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD && n < lengthof(names))
		if (token.kind == TOK_NAME || token.kind == TOK_WORD)
			*names[n++] = token.text;
	return n == lengthof(names);
}

void
mysql_ddl_drop_period(MyDdl *d, const DdlAction *action)
{
	List	   *checks = NIL;
	char	   *from;
	char	   *to;
	ListCell   *lc;

	if (!mysql_ddl_is_period(d, action->name, &from, &to))
		return;
	foreach(lc, d->def->checks)
	{
		TableCheck *check = lfirst(lc);

		if (pg_strcasecmp(check->name, action->name) != 0)
			checks = lappend(checks, check);
	}
	d->def->checks = checks;
	d->def->periods = NULL;
}

void
mysql_ddl_add_period(MyDdl *d, const DdlAction *action)
{
	TableCheck *check = palloc0(sizeof(TableCheck));
	char	   *name;
	char	   *columns[2];
	ListCell   *lc;

	if (action->if_exists && d->def->periods != NULL)
		return;
	if (!read_period(action->text, &name, &columns[0], &columns[1]))
	{
		mysql_ddl_fail(d, "period \"%s\" is not understood", action->name);
		return;
	}
	for (int i = 0; i < lengthof(columns); i++)
	{
		TableColumn *col = NULL;

		foreach(lc, d->def->columns)
		{
			if (pg_strcasecmp(((TableColumn *) lfirst(lc))->name, columns[i]) == 0)
				col = lfirst(lc);
		}
		if (col == NULL)
		{
			mysql_ddl_fail(d, "column \"%s\" is not known", columns[i]);
			return;
		}
		col->nullable = false;
		columns[i] = col->name;
	}
	check->name = action->name;
	check->expr = psprintf("`%s` < `%s`", columns[0], columns[1]);
	check->enforced = true;
	d->def->checks = lappend(d->def->checks, check);
	d->def->periods = psprintf("`%s` (`%s`, `%s`)", action->name, columns[0],
							   columns[1]);
}

bool
mysql_ddl_is_period(MyDdl *d, const char *name, char **from, char **to)
{
	char	   *period;

	return read_period(d->def->periods, &period, from, to) &&
		pg_strcasecmp(period, name) == 0;
}
