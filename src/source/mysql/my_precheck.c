/*-------------------------------------------------------------------------
 *
 * my_precheck.c
 *	  The precheck of a MySQL-family source: its entry points, and what needs
 *	  a look at the data.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"

/* A look at one table's data may take this long, in seconds. */
#define LOOK_SECONDS 20

/* Errors that mean that the time was up: MariaDB, MySQL. */
#define ER_STATEMENT_TIMEOUT 1969
#define ER_QUERY_TIMEOUT 3024

void
my_precheck_add(MyPrecheck *p, const char *item, const char *status,
				char *found, char *advice)
{
	PrecheckItem *i = palloc0(sizeof(PrecheckItem));

	i->item = item;
	i->status = status;
	i->found = found;
	i->advice = advice;
	p->items = lappend(p->items, i);
}

char *
my_precheck_variable(MyPrecheck *p, const char *name)
{
	for (int i = 0; i < p->variables->nrows; i++)
	{
		if (pg_strcasecmp(p->variables->values[i][0], name) == 0)
			return p->variables->values[i][1];
	}
	return NULL;
}

List *
my_precheck(SourceConn *conn, List *tables, bool full, bool incremental)
{
	MyPrecheck	p = {0};

	p.conn = (MyConn *) conn;
	p.tables = tables;
	p.full = full;
	p.incremental = incremental;
	p.variables = my_query(p.conn,
						   "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("
						   "'log_bin', 'binlog_format', 'binlog_row_image',"
						   " 'log_slave_updates', 'log_replica_updates',"
						   " 'server_id', 'expire_logs_days',"
						   " 'binlog_expire_logs_seconds',"
						   " 'binlog_expire_logs_auto_purge',"
						   " 'max_binlog_total_size', 'read_only',"
						   " 'binlog_row_value_options', 'gtid_mode',"
						   " 'version_comment')");
	my_precheck_server(&p);
	my_precheck_privileges(&p);
	if (incremental)
		my_precheck_binlog(&p);
	my_precheck_tables(&p);
	return p.items;
}

/* What to look for in one column, if anything. */
typedef struct Look
{
	const TableColumn *col;
	const char *item;
	char	   *condition;
	const char *status;
	const char *what;
	const char *advice;
} Look;

static bool
look_for(const TableColumn *col, const TypePolicy *policy, Look *look)
{
	char	   *name = my_quote_identifier(col->name);

	look->col = col;
	if (policy->tinyint1_boolean && !col->auto_increment &&
		strncmp(col->source_type, "tinyint(1)", 10) == 0)
	{
		look->item = "boolean_values";
		look->condition = psprintf("%s NOT IN (0, 1)", name);
		look->status = PRECHECK_FAILED;
		look->what = "has values other than 0, 1 and NULL, and is to become boolean";
		look->advice = "Set option tinyint1 to smallint, or mend the values: ";
		return true;
	}
	if (strcmp(col->base_type, "time") == 0 && !policy->time_interval)
	{
		look->item = "time_values";
		look->condition = psprintf("%s < '00:00:00' OR %s > '24:00:00'", name, name);
		look->status = PRECHECK_FAILED;
		look->what = "has values outside of 00:00:00 to 24:00:00, which time does not take";
		look->advice = "Set option time to interval, or mend the values: ";
		return true;
	}
	if (policy->zero_date == ZERO_DATE_ERROR &&
		(strcmp(col->base_type, "date") == 0 ||
		 strcmp(col->base_type, "datetime") == 0 ||
		 strcmp(col->base_type, "timestamp") == 0))
	{
		look->item = "zero_date_values";
		look->condition = psprintf("MONTH(%s) = 0 OR DAYOFMONTH(%s) = 0", name, name);
		look->status = PRECHECK_FAILED;
		look->what = "has zero dates, and option zero_date is error";
		look->advice = "Set option zero_date to null or to a date, or mend the values: ";
		return true;
	}
	return false;
}

static char *
table_name(const TableDef *def)
{
	return psprintf("%s.%s", my_quote_identifier(def->schema),
					my_quote_identifier(def->name));
}

/* One pass over the table for all of its columns. */
static void
look_at_table(MyPrecheck *p, const TableDef *def, List *looks)
{
	StringInfoData sql;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	ListCell   *lc;
	int			i = 0;
	bool		mariadb = my_is_mariadb(p->conn);

	initStringInfo(&sql);
	if (mariadb)
		appendStringInfo(&sql, "SET STATEMENT max_statement_time = %d FOR ",
						 LOOK_SECONDS);
	appendStringInfo(&sql, "SELECT %s", mariadb ? "" :
					 psprintf("/*+ MAX_EXECUTION_TIME(%d) */ ", LOOK_SECONDS * 1000));
	foreach(lc, looks)
	{
		Look	   *look = lfirst(lc);

		appendStringInfo(&sql, "%sMAX(%s)", i++ > 0 ? ", " : "", look->condition);
	}
	appendStringInfo(&sql, " FROM %s", table_name(def));
	if (!my_try_query(p->conn, sql.data, &res, &errmsg, &my_errno))
	{
		bool		timeout = my_errno == ER_STATEMENT_TIMEOUT ||
			my_errno == ER_QUERY_TIMEOUT;

		my_precheck_add(p, ((Look *) linitial(looks))->item, PRECHECK_WARNING,
						psprintf("%s.%s was not looked at: %s", def->schema,
								 def->name, timeout ?
								 psprintf("it would take more than %d s", LOOK_SECONDS) :
								 errmsg),
						psprintf("Run this when there is time; a 1 names a column that does not fit: %s;",
								 strstr(sql.data, "SELECT")));
		return;
	}
	i = 0;
	foreach(lc, looks)
	{
		Look	   *look = lfirst(lc);
		char	   *value = res->nrows == 1 ? res->values[0][i] : NULL;

		i++;
		if (value == NULL || strcmp(value, "0") == 0)
			continue;
		my_precheck_add(p, look->item, look->status,
						psprintf("%s.%s.%s %s", def->schema, def->name,
								 look->col->name, look->what),
						psprintf("%sSELECT * FROM %s WHERE %s;", look->advice,
								 table_name(def), look->condition));
	}
}

/* Where the policy for zero dates costs a NOT NULL. */
static void
check_zero_dates(MyPrecheck *p, List *tables)
{
	StringInfoData names;
	ListCell   *lc;
	ListCell   *lc2;
	int			n = 0;

	initStringInfo(&names);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def))
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->nullable || col->left_out ||
				model_in_source_key(def, col) ||
				(strcmp(col->base_type, "date") != 0 &&
				 strcmp(col->base_type, "datetime") != 0 &&
				 strcmp(col->base_type, "timestamp") != 0))
				continue;
			if (n++ < 20)
				appendStringInfo(&names, "%s%s.%s.%s", n > 1 ? ", " : "",
								 def->schema, def->name, col->name);
		}
	}
	if (n > 20)
		appendStringInfo(&names, " and %d more", n - 20);
	if (n > 0)
		my_precheck_add(p, "zero_dates", PRECHECK_WARNING,
						psprintf("zero dates become NULL, so NOT NULL is dropped (but in a key, where they stop the task): %s",
								 names.data),
						"Set option zero_date to error or to a date to keep NOT NULL.");
}

List *
my_precheck_values(SourceConn *conn, List *tables, const TypePolicy *policy)
{
	MyPrecheck	p = {0};
	ListCell   *lc;
	ListCell   *lc2;
	int			looked = 0;

	p.conn = (MyConn *) conn;
	if (policy->zero_date == ZERO_DATE_NULL)
		check_zero_dates(&p, tables);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		List	   *looks = NIL;

		if (!model_has_rows(def))
			continue;
		foreach(lc2, def->columns)
		{
			Look		look = {0};

			if (((TableColumn *) lfirst(lc2))->left_out ||
				!look_for(lfirst(lc2), policy, &look))
				continue;
			looks = lappend(looks, memcpy(palloc(sizeof(Look)), &look, sizeof(Look)));
		}
		if (looks == NIL)
			continue;
		look_at_table(&p, def, looks);
		looked++;
	}
	if (p.items == NIL && looked > 0)
		my_precheck_add(&p, "values", PRECHECK_PASSED,
						psprintf("%d tables were looked at for values that do not fit", looked),
						NULL);
	return p.items;
}
