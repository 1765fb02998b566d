/*-------------------------------------------------------------------------
 *
 * my_precheck_values.c
 *	  Precheck of what a MySQL-family source's rows hold, by the task's
 *	  policies: values that a type chosen for the destination does not take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"
#include "source/mysql/my_zero_dates.h"

/* A look at one table's data may take this long, in seconds. */
#define LOOK_SECONDS 20

/* Errors that mean that the time was up: MariaDB, MySQL. */

/* A kind of finding. */
typedef enum LookKind
{
	LOOK_BOOLEAN,
	LOOK_TIME,
	LOOK_ZERO_DATE,
	LOOK_KINDS
} LookKind;

static const struct
{
	const char *item;
	const char *what;			/* after the column's name */
	const char *clean;
	const char *advice;			/* before a SELECT that finds the rows */
	const char *option;			/* that takes such values */
	const char *value;
}			kinds[LOOK_KINDS] =
{
	[LOOK_BOOLEAN] = {"boolean_values",
		"has values other than 0, 1 and NULL, and is to become boolean",
		"columns that become boolean hold 0, 1 and NULL alone",
	"Leave it a smallint by the option, or fix the values: ", "tinyint1", "smallint"},
	[LOOK_TIME] = {"time_values",
		"has values outside of 00:00:00 to 24:00:00, which time does not take",
		"every TIME is one of a day",
	"Make it an interval by the option, or fix the values: ", "time", "interval"},
	[LOOK_ZERO_DATE] = {"zero_date_values",
		"has zero dates, and option zero_date is error",
		"there are no zero dates",
	"Take them as NULL by the option (or as a date of your choice), or fix the values: ", "zero_date", "null"},
};

/* What to look for in one column. */
typedef struct Look
{
	LookKind	kind;
	const TableColumn *col;
	char	   *condition;
} Look;

static bool
is_date(const TableColumn *col)
{
	return strcmp(col->base_type, "date") == 0 ||
		strcmp(col->base_type, "datetime") == 0 ||
		strcmp(col->base_type, "timestamp") == 0;
}

static Look *
look_for(const TableColumn *col, const TypePolicy *policy)
{
	char	   *name = my_quote_identifier(col->name);
	Look	   *look = palloc0(sizeof(Look));

	look->col = col;
	if (policy->tinyint1_boolean && !col->auto_increment &&
		strncmp(col->source_type, "tinyint(1)", 10) == 0)
	{
		look->kind = LOOK_BOOLEAN;
		look->condition = psprintf("%s NOT IN (0, 1)", name);
	}
	else if (strcmp(col->base_type, "time") == 0 && !policy->time_interval)
	{
		look->kind = LOOK_TIME;
		look->condition = psprintf("%s < '00:00:00' OR %s > '24:00:00'", name, name);
	}
	else if (is_date(col) && policy->zero_date == ZERO_DATE_ERROR)
	{
		look->kind = LOOK_ZERO_DATE;
		look->condition = my_zero_date_condition(name);
	}
	else
		return NULL;
	return look;
}

/* Reads the table once, for all of its columns. */
static void
look_at_table(MyPrecheck *p, const TableDef *def, List *looks, bool *found)
{
	StringInfoData sql;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	ListCell   *lc;
	int			i = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, my_limited_select(p->conn, LOOK_SECONDS));
	foreach(lc, looks)
	{
		Look	   *look = lfirst(lc);

		appendStringInfo(&sql, "%sMAX(%s)", i++ > 0 ? ", " : "", look->condition);
	}
	appendStringInfo(&sql, " FROM %s", my_precheck_name(def));
	if (!my_try_query(p->conn, sql.data, list_length(looks), &res, &errmsg, &my_errno))
	{
		bool		timeout = my_errno == ER_STATEMENT_TIMEOUT ||
			my_errno == ER_QUERY_TIMEOUT;
		bool		said[LOOK_KINDS] = {false};

		foreach(lc, looks)
		{
			LookKind	kind = ((Look *) lfirst(lc))->kind;

			if (said[kind])
				continue;
			said[kind] = found[kind] = true;
			my_precheck_add(p, kinds[kind].item, PRECHECK_WARNING,
							psprintf("%s.%s was not looked at: %s", def->schema,
									 def->name, timeout ?
									 psprintf("it would take more than %d s", LOOK_SECONDS) :
									 errmsg),
							psprintf("Run this when there is time; a 1 names a column that does not fit: %s;",
									 strstr(sql.data, "SELECT")));
		}
		return;
	}
	i = 0;
	foreach(lc, looks)
	{
		Look	   *look = lfirst(lc);
		LookKind	kind = look->kind;
		char	   *value = my_get_text_or_null(res, 0, i);
		PrecheckItem *item;

		i++;
		if (value == NULL || strcmp(value, "0") == 0)
			continue;
		found[kind] = true;
		item = my_precheck_add(p, kinds[kind].item, PRECHECK_FAILED,
							   psprintf("%s.%s.%s %s", def->schema, def->name,
										look->col->name, kinds[kind].what),
							   psprintf("%sSELECT * FROM %s WHERE %s;",
										kinds[kind].advice,
										my_precheck_name(def), look->condition));
		precheck_option(item, p->scope->task, kinds[kind].option,
						kinds[kind].value);
	}
}

/* Where the policy for zero dates costs a NOT NULL. */
static void
check_zero_dates(MyPrecheck *p)
{
	StringInfoData names;
	StringInfoData unknown;
	ListCell   *lc;
	ListCell   *lc2;
	int			n = 0;
	int			m = 0;
	PrecheckItem *item;

	my_look_at_values((SourceConn *) p->conn, p->tables, p->scope->policy);
	initStringInfo(&names);
	initStringInfo(&unknown);
	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->not_looked != NULL && m++ < NAMES_SHOWN)
			appendStringInfo(&unknown, "%s%s.%s (%s)", m > 1 ? ", " : "",
							 def->schema, def->name, def->not_looked);
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->zero_dates && n++ < NAMES_SHOWN)
				appendStringInfo(&names, "%s%s.%s.%s", n > 1 ? ", " : "",
								 def->schema, def->name, col->name);
		}
	}
	if (n > NAMES_SHOWN)
		appendStringInfo(&names, " and %d more", n - NAMES_SHOWN);
	if (m > NAMES_SHOWN)
		appendStringInfo(&unknown, " and %d more", m - NAMES_SHOWN);
	if (n > 0)
	{
		item = my_precheck_add(p, "zero_dates", PRECHECK_WARNING,
							   psprintf("these hold zero dates, or have one as default, and lose NOT NULL, as such dates become NULL: %s",
										names.data),
							   "Correct the values, or to keep NOT NULL let zero dates be an error by the option, or a date of your choice.");
		precheck_option(item, p->scope->task, "zero_date", "error");
	}
	if (m > 0)
		my_precheck_add(p, "zero_dates", PRECHECK_WARNING,
						psprintf("not all rows were looked at for zero dates: %s", unknown.data),
						"Nothing has to be done: a column whose first zero date comes later loses NOT NULL then, with an alert.");
	if (n == 0 && m == 0)
		my_precheck_add(p, "zero_dates", PRECHECK_PASSED,
						"no column loses NOT NULL", NULL);
}

void
my_precheck_values(MyPrecheck *p)
{
	bool		looked[LOOK_KINDS] = {false};
	bool		found[LOOK_KINDS] = {false};
	ListCell   *lc;
	ListCell   *lc2;

	check_zero_dates(p);
	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);
		List	   *looks = NIL;

		if (!model_has_rows(def))
			continue;
		foreach(lc2, def->columns)
		{
			Look	   *look;

			if (((TableColumn *) lfirst(lc2))->left_out ||
				(look = look_for(lfirst(lc2), p->scope->policy)) == NULL)
				continue;
			looked[look->kind] = true;
			looks = lappend(looks, look);
		}
		if (looks != NIL)
			look_at_table(p, def, looks, found);
	}
	for (int kind = 0; kind < LOOK_KINDS; kind++)
	{
		if (!found[kind])
			my_precheck_add(p, kinds[kind].item, PRECHECK_PASSED,
							looked[kind] ? kinds[kind].clean :
							"there is no column to look at", NULL);
	}
}
