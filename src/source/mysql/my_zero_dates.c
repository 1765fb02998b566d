/*-------------------------------------------------------------------------
 *
 * my_zero_dates.c
 *	  Zero dates in columns that are NOT NULL, looked for before tables are
 *	  made: under the policy "null" such a column cannot stay NOT NULL.
 *
 * One query a table, for all of its columns, with an end: of a large table the
 * first rows are looked at. A column without a find keeps NOT NULL; should
 * such a date turn up later, it loses it then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_zero_dates.h"

#include "lib/stringinfo.h"

#include "schema/mysql_types.h"

/* Rows of a table that are looked at, where it has many more. */
#define LOOK_ROWS 2000000
#define LOOK_SECONDS 20

char *
my_limited_select(MyConn *conn, int seconds)
{
	if (my_is_mariadb(conn))
		return psprintf("SET STATEMENT max_statement_time = %d FOR SELECT ", seconds);
	return psprintf("SELECT /*+ MAX_EXECUTION_TIME(%d) */ ", seconds * 1000);
}

char *
my_zero_date_condition(const char *name)
{
	return psprintf("MONTH(%s) = 0 OR DAYOFMONTH(%s) = 0 OR YEAR(%s) = 0 OR "
					"(DAYOFMONTH(%s) > 28 AND DAYOFMONTH(%s) > COALESCE(DAYOFMONTH(LAST_DAY(%s)), 0))",
					name, name, name, name, name, name);
}

/* Would the policy take its NOT NULL, if it held a zero date? */
static bool
is_at_stake(const TableDef *def, const TableColumn *col)
{
	return !col->nullable && !col->left_out && mysql_is_date_type(col) &&
		col->generation_expr == NULL && !model_in_source_key(def, col);
}

/* One that is declared to be given zero dates has them sooner or later. */
static bool
has_zero_default(const TableColumn *col)
{
	const char *text = col->default_expr;

	return text != NULL && text[0] == '\'' && mysql_is_zero_date(text + 1);
}

static void
look_at_table(MyConn *conn, TableDef *def, List *columns)
{
	char	   *table = psprintf("%s.%s", my_quote_identifier(def->schema),
								 my_quote_identifier(def->name));
	bool		part = def->rows_estimate > 2 * (int64) LOOK_ROWS;
	StringInfoData sql;
	StringInfoData names;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	int			i = 0;
	ListCell   *lc;

	initStringInfo(&sql);
	initStringInfo(&names);
	appendStringInfoString(&sql, my_limited_select(conn, LOOK_SECONDS));
	foreach(lc, columns)
	{
		char	   *name = my_quote_identifier(((TableColumn *) lfirst(lc))->name);

		appendStringInfo(&sql, "%sMAX(%s)", i > 0 ? ", " : "",
						 my_zero_date_condition(name));
		appendStringInfo(&names, "%s%s", i++ > 0 ? ", " : "", name);
	}
	if (part)
		appendStringInfo(&sql, " FROM (SELECT %s FROM %s LIMIT %d) x", names.data,
						 table, LOOK_ROWS);
	else
		appendStringInfo(&sql, " FROM %s", table);
	if (!my_try_query(conn, sql.data, i, &res, &errmsg, &my_errno))
	{
		def->not_looked = my_errno == ER_STATEMENT_TIMEOUT || my_errno == ER_QUERY_TIMEOUT ?
			psprintf("it would take more than %d s", LOOK_SECONDS) : errmsg;
		return;
	}
	if (part)
		def->not_looked = psprintf("the first %d rows were", LOOK_ROWS);
	i = 0;
	foreach(lc, columns)
	{
		char	   *value = my_get_text_or_null(res, 0, i++);

		((TableColumn *) lfirst(lc))->zero_dates |= value != NULL && strcmp(value, "0") != 0;
	}
}

void
my_look_at_values(SourceConn *source, List *tables, const TypePolicy *policy)
{
	MyConn	   *conn = (MyConn *) source;
	ListCell   *lc;
	ListCell   *lc2;

	if (policy->zero_date != ZERO_DATE_NULL)
		return;
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		List	   *columns = NIL;

		if (!model_has_rows(def) || def->looked)
			continue;
		def->looked = true;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (!is_at_stake(def, col) || col->zero_dates)
				continue;
			if (has_zero_default(col))
				col->zero_dates = true;
			else
				columns = lappend(columns, col);
		}
		if (columns != NIL)
			look_at_table(conn, def, columns);
	}
}
