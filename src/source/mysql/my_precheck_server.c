/*-------------------------------------------------------------------------
 *
 * my_precheck_server.c
 *	  Precheck of the source server: version, the account's rights, binlog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"

void
my_precheck_server(MyPrecheck *p)
{
	bool		mariadb = my_is_mariadb(p->conn);
	int			version = my_version_num(p->conn);
	char	   *text = psprintf("%s %s", mariadb ? "MariaDB" : "MySQL",
								my_version_text(p->conn));

	if (mariadb && version < 100600)
		my_precheck_add(p, "source_version", PRECHECK_WARNING, text,
						"MariaDB before 10.6 is not tested; upgrade the source if you can.");
	else if (!mariadb && version < 50600)
		my_precheck_add(p, "source_version", PRECHECK_FAILED, text,
						"MySQL 5.6 is the oldest that can be moved: upgrade the source.");
	else
		my_precheck_add(p, "source_version", PRECHECK_PASSED, text, NULL);
}

/* The privileges of one GRANT line on *.*, else false. */
static bool
is_global_grant(const char *line, char **privileges)
{
	const char *on = strstr(line, " ON *.* TO ");

	if (pg_strncasecmp(line, "GRANT ", 6) != 0 || on == NULL)
		return false;
	*privileges = pnstrdup(line + 6, on - line - 6);
	return true;
}

/* Is the privilege in a comma-separated list? */
static bool
has_privilege(const char *list, const char *privilege)
{
	Size		len = strlen(privilege);

	while (*list != '\0')
	{
		while (*list == ' ' || *list == ',')
			list++;
		if (pg_strncasecmp(list, privilege, len) == 0 &&
			(list[len] == ',' || list[len] == '\0'))
			return true;
		while (*list != '\0' && *list != ',')
			list++;
	}
	return false;
}

/*
 * GRANT lines in force for the account: its own, those of its active roles,
 * and (MariaDB 10.11) those of PUBLIC.
 */
static List *
grant_lines(MyPrecheck *p)
{
	const char *queries[3] = {"SHOW GRANTS", NULL, NULL};
	List	   *lines = NIL;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;

	if (my_is_mariadb(p->conn))
	{
		if (my_version_num(p->conn) >= 101100)
			queries[1] = "SHOW GRANTS FOR PUBLIC";
	}
	else if (my_version_num(p->conn) >= 80000)
	{
		char	   *roles = my_query_value(p->conn, "SELECT CURRENT_ROLE()");

		if (roles != NULL && strcmp(roles, "NONE") != 0)
			queries[1] = psprintf("SHOW GRANTS FOR CURRENT_USER() USING %s", roles);
	}
	for (int i = 0; i < lengthof(queries); i++)
	{
		if (queries[i] == NULL ||
			!my_try_query(p->conn, queries[i], &res, &errmsg, &my_errno))
			continue;
		for (int row = 0; row < res->nrows; row++)
			lines = lappend(lines, res->values[row][0]);
	}
	return lines;
}

static bool
has_global_privilege(List *lines, const char *const *names, int n)
{
	ListCell   *lc;

	foreach(lc, lines)
	{
		char	   *privileges;

		if (!is_global_grant(lfirst(lc), &privileges))
			continue;
		if (has_privilege(privileges, "ALL PRIVILEGES") ||
			has_privilege(privileges, "ALL"))
			return true;
		for (int i = 0; i < n; i++)
		{
			if (has_privilege(privileges, names[i]))
				return true;
		}
	}
	return false;
}

/* The account as GRANT wants it: 'user'@'host' */
static char *
account_name(MyPrecheck *p)
{
	char	   *account = my_query_value(p->conn, "SELECT CURRENT_USER()");
	char	   *at = account == NULL ? NULL : strrchr(account, '@');

	if (at == NULL)
		return "the account";
	return psprintf("%s@%s", my_quote_literal(pnstrdup(account, at - account)),
					my_quote_literal(at + 1));
}

static void
check_select(MyPrecheck *p, const char *account)
{
	StringInfoData missing;
	ListCell   *lc;
	int			n = 0;
	int			checked = 0;

	initStringInfo(&missing);
	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);
		MyResult   *res;
		char	   *errmsg;
		int			my_errno;
		char	   *name = psprintf("%s.%s", my_quote_identifier(def->schema),
									my_quote_identifier(def->name));

		if (!model_has_rows(def))
			continue;
		checked++;
		if (my_try_query(p->conn, psprintf("SELECT * FROM %s LIMIT 0", name),
						 &res, &errmsg, &my_errno))
			continue;
		if (n++ < 20)
			appendStringInfo(&missing, "%sGRANT SELECT ON %s TO %s;",
							 n > 1 ? " " : "", name, account);
	}
	if (n > 0)
		my_precheck_add(p, "select_privilege", PRECHECK_FAILED,
						psprintf("%d of %d tables cannot be read", n, checked),
						missing.data);
	else
		my_precheck_add(p, "select_privilege", PRECHECK_PASSED,
						psprintf("%d tables can be read", checked), NULL);
}

/* Is the privilege granted anywhere, on all or on some databases? */
static bool
has_some_privilege(List *lines, const char *privilege)
{
	ListCell   *lc;

	foreach(lc, lines)
	{
		const char *line = lfirst(lc);
		const char *on = strstr(line, " ON ");
		char	   *privileges;

		if (on == NULL || pg_strncasecmp(line, "GRANT ", 6) != 0)
			continue;
		privileges = pnstrdup(line + 6, on - line - 6);
		if (has_privilege(privileges, "ALL PRIVILEGES") ||
			has_privilege(privileges, "ALL") ||
			has_privilege(privileges, privilege))
			return true;
	}
	return false;
}

/*
 * MySQL tells no exact position of a snapshot; what takes its place needs
 * privileges (see my_snapshot.c).
 */
static void
check_exact_start(MyPrecheck *p, List *lines, const char *account)
{
	static const char *const reload[] = {"RELOAD"};
	char	   *gtid_mode = my_precheck_variable(p, "gtid_mode");
	bool		gtids = gtid_mode != NULL && pg_strcasecmp(gtid_mode, "ON") == 0;
	int			keyless = 0;
	ListCell   *lc;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		keyless += model_has_rows(def) && model_row_key(def) == NULL;
	}
	if (keyless > 0 && !has_some_privilege(lines, "LOCK TABLES"))
		my_precheck_add(p, "lock_tables_privilege", PRECHECK_FAILED,
						psprintf("%d tables have no key, so that each has to be locked for a moment when its copy begins, and %s may not lock tables",
								 keyless, account),
						psprintf("Give each a key, or: GRANT LOCK TABLES ON *.* TO %s;", account));
	if (!gtids && !has_global_privilege(lines, reload, lengthof(reload)))
		my_precheck_add(p, "reload_privilege", PRECHECK_WARNING,
						psprintf("gtid_mode is not ON, and %s may not begin a new file of the binlog: a transaction that waits for its commit in the moment of the start could be missed",
								 account),
						psprintf("GRANT RELOAD ON *.* TO %s; or set gtid_mode = ON.", account));
}

void
my_precheck_privileges(MyPrecheck *p)
{
	static const char *const slave_names[] = {"REPLICATION SLAVE",
	"REPLICATION REPLICA"};
	static const char *const monitor_names[] = {"BINLOG MONITOR",
	"REPLICATION CLIENT", "SUPER"};
	char	   *account = account_name(p);
	List	   *lines;
	bool		slave;
	bool		monitor;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	const char *status_query;

	check_select(p, account);
	if (!p->incremental && !p->full)
		return;

	lines = grant_lines(p);
	slave = has_global_privilege(lines, slave_names, lengthof(slave_names));

	/* the right to ask for the log's end is tried rather than read */
	status_query = my_log_status_query(p->conn);
	if (!my_is_mariadb(p->conn) && p->incremental && p->full)
		check_exact_start(p, lines, account);
	monitor = my_try_query(p->conn, status_query, &res, &errmsg, &my_errno) ||
		has_global_privilege(lines, monitor_names, lengthof(monitor_names));
	if (!p->incremental)
		return;
	if (slave && monitor)
	{
		my_precheck_add(p, "replication_privilege", PRECHECK_PASSED,
						psprintf("%s may read the binlog", account), NULL);
		return;
	}
	my_precheck_add(p, "replication_privilege", PRECHECK_FAILED,
					psprintf("%s lacks %s%s%s", account,
							 slave ? "" : "REPLICATION SLAVE",
							 slave || monitor ? "" : " and ",
							 monitor ? "" : my_is_mariadb(p->conn) ?
							 "BINLOG MONITOR" : "REPLICATION CLIENT"),
					psprintf("GRANT REPLICATION SLAVE, %s ON *.* TO %s;",
							 my_is_mariadb(p->conn) ? "BINLOG MONITOR" :
							 "REPLICATION CLIENT", account));
}

static bool
is_on(const char *value)
{
	return value != NULL && (pg_strcasecmp(value, "ON") == 0 ||
							 strcmp(value, "1") == 0);
}

static void
check_log_bin(MyPrecheck *p)
{
	char	   *server_id = my_precheck_variable(p, "server_id");

	if (is_on(my_precheck_variable(p, "log_bin")))
		my_precheck_add(p, "log_bin", PRECHECK_PASSED, "the binlog is on", NULL);
	else
		my_precheck_add(p, "log_bin", PRECHECK_FAILED, "the binlog is off",
						"Set log_bin in the source's configuration and restart it.");
	if (server_id == NULL || strcmp(server_id, "0") == 0)
		my_precheck_add(p, "server_id", PRECHECK_FAILED, "server_id is 0",
						"SET GLOBAL server_id = 1; and in the source's configuration.");
	else
		my_precheck_add(p, "server_id", PRECHECK_PASSED,
						psprintf("server_id is %s", server_id), NULL);
}

static void
check_format(MyPrecheck *p)
{
	char	   *format = my_precheck_variable(p, "binlog_format");
	char	   *image = my_precheck_variable(p, "binlog_row_image");

	/* a server without the variable knows nothing but ROW */
	if (format == NULL || pg_strcasecmp(format, "ROW") == 0)
		my_precheck_add(p, "binlog_format", PRECHECK_PASSED, "ROW", NULL);
	else
		my_precheck_add(p, "binlog_format", PRECHECK_FAILED, format,
						"SET GLOBAL binlog_format = 'ROW'; and in the source's configuration. Sessions that are open keep the old format until they reconnect.");
	if (image == NULL || pg_strcasecmp(image, "FULL") == 0)
		my_precheck_add(p, "binlog_row_image", PRECHECK_PASSED, "FULL", NULL);
	else
		my_precheck_add(p, "binlog_row_image", PRECHECK_WARNING,
						psprintf("%s: the log does not hold whole rows, so filters and repairs see less",
								 image),
						"SET GLOBAL binlog_row_image = 'FULL'; and in the source's configuration. Sessions that are open keep the old setting until they reconnect.");
}

/* Where a task can go on when the source fails over to a replica. */
static void
check_gtids(MyPrecheck *p)
{
	char	   *mode = my_precheck_variable(p, "gtid_mode");

	if (my_is_mariadb(p->conn))
		return;
	if (mode != NULL && pg_strcasecmp(mode, "ON") == 0)
		my_precheck_add(p, "gtid_mode", PRECHECK_PASSED, "ON", NULL);
	else
		my_precheck_add(p, "gtid_mode", PRECHECK_WARNING,
						psprintf("%s: the task cannot go on after the source has failed over to a replica",
								 mode == NULL ? "not known" : mode),
						"Set gtid_mode = ON (with enforce_gtid_consistency = ON) at the source.");
}

/* A change of a JSON value needs the value before it. */
static void
check_partial_json(MyPrecheck *p)
{
	char	   *options = my_precheck_variable(p, "binlog_row_value_options");
	char	   *image = my_precheck_variable(p, "binlog_row_image");

	if (options == NULL || pg_strcasecmp(options, "PARTIAL_JSON") != 0)
		return;
	if (image == NULL || pg_strcasecmp(image, "FULL") == 0)
		my_precheck_add(p, "binlog_row_value_options", PRECHECK_PASSED,
						"PARTIAL_JSON, with the value before it", NULL);
	else
		my_precheck_add(p, "binlog_row_value_options", PRECHECK_FAILED,
						psprintf("PARTIAL_JSON, and binlog_row_image is %s: the log does not hold what partial updates of JSON change",
								 image),
						"SET GLOBAL binlog_row_value_options = ''; or SET GLOBAL binlog_row_image = 'FULL'; and in the source's configuration. Sessions that are open keep the old setting until they reconnect.");
}

/* A replica logs what it replicates only if told so. */
static void
check_replica(MyPrecheck *p)
{
	char	   *log_updates = my_precheck_variable(p, "log_slave_updates");
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	const char *query;

	if (log_updates == NULL)
		log_updates = my_precheck_variable(p, "log_replica_updates");
	if (my_is_mariadb(p->conn))
		query = "SHOW ALL SLAVES STATUS";
	else
		query = my_version_num(p->conn) >= 80022 ? "SHOW REPLICA STATUS" :
			"SHOW SLAVE STATUS";
	if (!my_try_query(p->conn, query, &res, &errmsg, &my_errno))
	{
		if (is_on(log_updates))
			my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED, "ON", NULL);
		else if (is_on(my_precheck_variable(p, "read_only")))
			my_precheck_add(p, "log_slave_updates", PRECHECK_WARNING,
							"the source is read-only and log_slave_updates is OFF; this account may not see whether it is a replica",
							"If it is a replica, set log_slave_updates = ON in its configuration and restart it, or use the primary as the source.");
		return;
	}
	if (res->nrows == 0)
		my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED,
						"the source is not a replica", NULL);
	else if (is_on(log_updates))
		my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED,
						"the source is a replica, and logs what it replicates", NULL);
	else
		my_precheck_add(p, "log_slave_updates", PRECHECK_FAILED,
						"the source is a replica and does not log what it replicates",
						"Set log_slave_updates = ON in its configuration and restart it, or use the primary as the source.");
}

/* Seconds that the binlog is kept; 0: for ever, or not known. */
static int64
retention(MyPrecheck *p)
{
	char	   *seconds = my_precheck_variable(p, "binlog_expire_logs_seconds");
	char	   *days = my_precheck_variable(p, "expire_logs_days");
	char	   *purge = my_precheck_variable(p, "binlog_expire_logs_auto_purge");
	int64		kept = 0;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;

	if (purge == NULL || is_on(purge))
	{
		if (seconds != NULL)
			kept = strtoll(seconds, NULL, 10);
		if (kept == 0 && days != NULL)
			kept = (int64) (strtod(days, NULL) * 86400);
	}
	/* a managed service has a rule of its own; NULL: as soon as possible */
	if (my_try_query(p->conn,
					 "SELECT value FROM mysql.rds_configuration"
					 " WHERE name = 'binlog retention hours'",
					 &res, &errmsg, &my_errno) && res->nrows == 1)
		kept = res->values[0][0] == NULL ? 1 :
			strtoll(res->values[0][0], NULL, 10) * 3600;
	return kept;
}

static void
check_retention(MyPrecheck *p)
{
	int64		kept = retention(p);
	int64		wanted = p->full ? 7 * 86400 : 86400;
	char	   *total = my_precheck_variable(p, "max_binlog_total_size");
	bool		by_days = my_precheck_variable(p, "binlog_expire_logs_seconds") == NULL;

	if (total != NULL && strcmp(total, "0") != 0)
		my_precheck_add(p, "binlog_retention", PRECHECK_WARNING,
						psprintf("the binlog is kept to a size of %s bytes, whatever time that is", total),
						"SET GLOBAL max_binlog_total_size = 0;");
	if (kept == 0 || kept >= wanted)
		my_precheck_add(p, "binlog_retention", PRECHECK_PASSED,
						kept == 0 ? "the binlog is not purged by age" :
						psprintf("the binlog is kept for " INT64_FORMAT " hours", kept / 3600),
						NULL);
	else
		my_precheck_add(p, "binlog_retention", PRECHECK_WARNING,
						psprintf("the binlog is kept for " INT64_FORMAT " hours; a pause longer than that loses the task",
								 kept / 3600),
						by_days ?
						psprintf("SET GLOBAL expire_logs_days = %d;", (int) (wanted / 86400)) :
						psprintf("SET GLOBAL binlog_expire_logs_seconds = " INT64_FORMAT ";", wanted));
}

/* binlog_do_db and binlog_ignore_db leave whole databases out of the log. */
static void
check_filters(MyPrecheck *p)
{
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	char	   *doing;
	char	   *ignoring;

	if (!my_try_query(p->conn,
					  my_log_status_query(p->conn),
					  &res, &errmsg, &my_errno) || res->nrows != 1)
		return;
	doing = my_value(res, 0, "Binlog_Do_DB");
	ignoring = my_value(res, 0, "Binlog_Ignore_DB");
	if ((doing == NULL || doing[0] == '\0') &&
		(ignoring == NULL || ignoring[0] == '\0'))
		return;
	my_precheck_add(p, "binlog_filters", PRECHECK_WARNING,
					psprintf("the source leaves databases out of its binlog (binlog_do_db: %s, binlog_ignore_db: %s)",
							 doing == NULL ? "" : doing,
							 ignoring == NULL ? "" : ignoring),
					"Make sure that no selected database is left out, or take these settings out of the source's configuration and restart it.");
}

void
my_precheck_binlog(MyPrecheck *p)
{
	check_log_bin(p);
	check_format(p);
	check_partial_json(p);
	check_gtids(p);
	check_replica(p);
	check_retention(p);
	check_filters(p);
}
