/*-------------------------------------------------------------------------
 *
 * my_precheck.c
 *	  The precheck of a MySQL-family source: its entry point, and what its
 *	  parts share.
 *
 * Every item that does not pass says what to do; in SQL where that is SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"

PrecheckItem *
my_precheck_add(MyPrecheck *p, const char *item, const char *status,
				const char *found, const char *advice)
{
	return precheck_add(&p->items, item, status, found, advice);
}

char *
my_precheck_variable(MyPrecheck *p, const char *name)
{
	for (int i = 0; i < my_nrows(p->variables); i++)
	{
		if (pg_strcasecmp(my_get_text(p->variables, i, 0), name) == 0)
			return my_get_text_or_null(p->variables, i, 1);
	}
	return NULL;
}

bool
my_precheck_is_on(const char *value)
{
	return value != NULL && (pg_strcasecmp(value, "ON") == 0 ||
							 strcmp(value, "1") == 0);
}

void
my_precheck_set(MyPrecheck *p, PrecheckItem *item, const char *name,
				const char *value)
{
	/* MySQL 8 can keep it over a restart */
	bool		persist = !my_is_mariadb(p->conn) &&
		my_version_num(p->conn) >= 80000;

	precheck_sql(item, AT_SOURCE, "SET %s %s = %s",
				 persist ? "PERSIST" : "GLOBAL", name, value);
}

char *
my_precheck_name(const TableDef *def)
{
	return psprintf("%s.%s", my_quote_identifier(def->schema),
					my_quote_identifier(def->name));
}

/* 'user'@'host' */
static char *
account_name(MyPrecheck *p)
{
	char	   *account = my_query_text(p->conn, "SELECT CURRENT_USER()");
	char	   *at = strrchr(account, '@');

	if (at == NULL)
		return "CURRENT_USER";
	return psprintf("%s@%s", my_quote_literal(pnstrdup(account, at - account)),
					my_quote_literal(at + 1));
}

List *
my_precheck(SourceConn *conn, const PrecheckScope *scope)
{
	MyPrecheck	p = {0};

	p.conn = (MyConn *) conn;
	p.scope = scope;
	p.tables = scope->tables;
	p.full = scope->full;
	p.incremental = scope->incremental;
	p.account = account_name(&p);
	p.variables = my_query(p.conn,
						   "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("
						   "'log_bin', 'binlog_format', 'binlog_row_image',"
						   " 'log_slave_updates', 'log_replica_updates',"
						   " 'server_id', 'expire_logs_days',"
						   " 'binlog_expire_logs_seconds',"
						   " 'binlog_expire_logs_auto_purge',"
						   " 'max_binlog_total_size', 'read_only',"
						   " 'binlog_row_value_options', 'gtid_mode',"
						   " 'enforce_gtid_consistency', 'version_comment')", 2);
	my_precheck_server(&p);
	my_precheck_privileges(&p);
	if (p.incremental)
		my_precheck_binlog(&p);
	my_precheck_tables(&p);
	my_precheck_values(&p);
	return p.items;
}
