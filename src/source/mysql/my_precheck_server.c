/*-------------------------------------------------------------------------
 *
 * my_precheck_server.c
 *	  Precheck of the source server: its version and the account's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_error.h"
#include "source/mysql/my_precheck_impl.h"
#include "source/mysql/my_snapshot.h"

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
		char	   *roles = my_query_text_or_null(p->conn, "SELECT CURRENT_ROLE()");

		if (roles != NULL && strcmp(roles, "NONE") != 0)
			queries[1] = psprintf("SHOW GRANTS FOR CURRENT_USER() USING %s", roles);
	}
	for (int i = 0; i < lengthof(queries); i++)
	{
		if (queries[i] == NULL ||
			!my_try_query(p->conn, queries[i], 1, &res, &errmsg, &my_errno))
			continue;
		for (int row = 0; row < my_nrows(res); row++)
			lines = lappend(lines, my_get_text(res, row, 0));
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

static void
check_select(MyPrecheck *p)
{
	PrecheckItem *item = NULL;
	ListCell   *lc;
	int			n = 0;
	int			checked = 0;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);
		MyResult   *res;
		char	   *errmsg;
		int			my_errno;
		char	   *name = my_precheck_name(def);

		if (!model_has_rows(def))
			continue;
		checked++;
		if (my_try_query(p->conn, psprintf("SELECT * FROM %s LIMIT 0", name),
						 0, &res, &errmsg, &my_errno) ||
			my_errno == MY_ER_NO_SUCH_TABLE)	/* dropped or renamed meanwhile */
			continue;
		if (n++ == 0)
			item = my_precheck_add(p, "privileges", PRECHECK_FAILED, NULL,
								   "Grant the right to read them.");
		precheck_sql(item, AT_SOURCE, "GRANT SELECT ON %s TO %s", name, p->account);
	}
	if (n > 0)
		item->found = psprintf("%d of %d tables cannot be read", n, checked);
	else
		my_precheck_add(p, "privileges", PRECHECK_PASSED,
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

bool
my_precheck_may(MyPrecheck *p, const char *privilege)
{
	return has_some_privilege(grant_lines(p), privilege);
}

/*
 * Tables that are locked when they are copied (see my_snapshot.c): those that
 * no snapshot has, and on MySQL those without a key.
 */
static void
check_locks(MyPrecheck *p, List *lines)
{
	int			keyless = 0;
	int			held = 0;
	char	   *found;
	PrecheckItem *item;
	ListCell   *lc;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def))
			continue;
		if (!my_is_transactional(def))
			held++;
		else if (!my_is_mariadb(p->conn) && model_row_key(def) == NULL)
			keyless++;
	}
	found = keyless > 0 ?
		psprintf("%d tables have no key, so that each has to be locked for a moment when its copy begins", keyless) : "";
	if (held > 0)
		found = psprintf("%s%s%d tables are of an engine without transactions, so that each has to be locked while it is copied",
						 found, keyless > 0 ? "; " : "", held);
	if (keyless + held > 0 && !has_some_privilege(lines, "LOCK TABLES"))
	{
		item = my_precheck_add(p, "lock_tables_privilege", PRECHECK_FAILED,
							   psprintf("%s, and %s may not lock tables", found, p->account),
							   keyless > 0 ? "Grant it, or give each table a key." :
							   "Grant it, or give each table another engine.");
		precheck_sql(item, AT_SOURCE, "GRANT LOCK TABLES ON *.* TO %s", p->account);
	}
	else if (keyless + held > 0 || !my_is_mariadb(p->conn))
		my_precheck_add(p, "lock_tables_privilege", PRECHECK_PASSED,
						keyless + held > 0 ? "tables that have to be locked can be" :
						"no table has to be locked", NULL);
}

/*
 * MySQL gives no exact position of a snapshot; what takes its place needs
 * privileges (see my_snapshot.c).
 */
static void
check_exact_start(MyPrecheck *p, List *lines)
{
	static const char *const reload[] = {"RELOAD"};
	char	   *gtid_mode = my_precheck_variable(p, "gtid_mode");
	bool		gtids = gtid_mode != NULL && pg_strcasecmp(gtid_mode, "ON") == 0;
	PrecheckItem *item;

	if (!gtids && !has_global_privilege(lines, reload, lengthof(reload)))
	{
		item = my_precheck_add(p, "reload_privilege", PRECHECK_WARNING,
							   psprintf("gtid_mode is not ON, and %s may not begin a new file of the binlog: a transaction that waits for its commit in the moment of the start could be missed",
										p->account),
							   "Grant it, or set gtid_mode = ON.");
		precheck_sql(item, AT_SOURCE, "GRANT RELOAD ON *.* TO %s", p->account);
	}
	else
		my_precheck_add(p, "reload_privilege", PRECHECK_PASSED,
						gtids ? "not needed: gtid_mode is ON" :
						"the account may begin a new file of the binlog", NULL);
}

void
my_precheck_privileges(MyPrecheck *p)
{
	static const char *const slave_names[] = {"REPLICATION SLAVE",
	"REPLICATION REPLICA"};
	static const char *const monitor_names[] = {"BINLOG MONITOR",
	"REPLICATION CLIENT", "SUPER"};
	const char *monitor_name = my_is_mariadb(p->conn) ? "BINLOG MONITOR" :
		"REPLICATION CLIENT";
	List	   *lines;
	bool		slave;
	bool		monitor;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;
	PrecheckItem *item;

	check_select(p);
	if (!p->incremental)
		return;

	lines = grant_lines(p);
	if (p->full)
		check_locks(p, lines);
	if (!my_is_mariadb(p->conn) && p->full)
		check_exact_start(p, lines);
	slave = has_global_privilege(lines, slave_names, lengthof(slave_names));
	/* the right to ask for the log's end is tried rather than read */
	monitor = my_try_query(p->conn, my_log_status_query(p->conn), 0, &res, &errmsg,
						   &my_errno) ||
		has_global_privilege(lines, monitor_names, lengthof(monitor_names));
	if (slave && monitor)
	{
		my_precheck_add(p, "replication", PRECHECK_PASSED,
						psprintf("%s may read the binlog", p->account), NULL);
		return;
	}
	item = my_precheck_add(p, "replication", PRECHECK_FAILED,
						   psprintf("%s lacks %s%s%s", p->account,
									slave ? "" : "REPLICATION SLAVE",
									slave || monitor ? "" : " and ",
									monitor ? "" : monitor_name),
						   "Grant the right to read the binlog.");
	precheck_sql(item, AT_SOURCE, "GRANT REPLICATION SLAVE, %s ON *.* TO %s",
				 monitor_name, p->account);
}
