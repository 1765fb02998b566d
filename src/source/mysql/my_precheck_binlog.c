/*-------------------------------------------------------------------------
 *
 * my_precheck_binlog.c
 *	  Precheck of a MySQL-family source's binlog: that it is written, that it
 *	  holds whole rows of every selected table, and for how long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"

#define OPEN_SESSIONS \
	"Put it into the source's configuration, too. Sessions that are open keep the old setting until they connect again."

static void
check_log_bin(MyPrecheck *p)
{
	char	   *server_id = my_precheck_variable(p, "server_id");
	PrecheckItem *item;

	if (my_precheck_is_on(my_precheck_variable(p, "log_bin")))
		my_precheck_add(p, "log_bin", PRECHECK_PASSED, "the binlog is on", NULL);
	else
		my_precheck_add(p, "log_bin", PRECHECK_FAILED, "the binlog is off",
						"Put this into the source's configuration and restart it: log_bin = binlog");
	if (server_id != NULL && strcmp(server_id, "0") != 0)
	{
		my_precheck_add(p, "server_id", PRECHECK_PASSED,
						psprintf("server_id is %s", server_id), NULL);
		return;
	}
	item = my_precheck_add(p, "server_id", PRECHECK_FAILED, "server_id is 0",
						   "Give the source a number that no other server of its replication has, in its configuration, too.");
	my_precheck_set(p, item, "server_id", "1");
}

static void
check_format(MyPrecheck *p)
{
	char	   *format = my_precheck_variable(p, "binlog_format");
	char	   *image = my_precheck_variable(p, "binlog_row_image");
	PrecheckItem *item;

	/* a server without the variable knows nothing but ROW */
	if (format == NULL || pg_strcasecmp(format, "ROW") == 0)
		my_precheck_add(p, "binlog_format", PRECHECK_PASSED, "ROW", NULL);
	else
	{
		item = my_precheck_add(p, "binlog_format", PRECHECK_FAILED,
							   psprintf("binlog_format is %s", format),
							   OPEN_SESSIONS);
		my_precheck_set(p, item, "binlog_format", "'ROW'");
	}
	if (image == NULL || pg_strcasecmp(image, "FULL") == 0)
		my_precheck_add(p, "binlog_row_image", PRECHECK_PASSED, "FULL", NULL);
	else
	{
		item = my_precheck_add(p, "binlog_row_image", PRECHECK_WARNING,
							   psprintf("binlog_row_image is %s: the log does not hold whole rows, so filters and repairs see less",
										image),
							   OPEN_SESSIONS);
		my_precheck_set(p, item, "binlog_row_image", "'FULL'");
	}
}

/* Where a task can go on when the source fails over to a replica. */
static void
check_gtids(MyPrecheck *p)
{
	char	   *mode = my_precheck_variable(p, "gtid_mode");
	PrecheckItem *item;

	if (my_is_mariadb(p->conn))
		return;
	if (mode != NULL && pg_strcasecmp(mode, "ON") == 0)
	{
		my_precheck_add(p, "gtid_mode", PRECHECK_PASSED, "ON", NULL);
		return;
	}
	item = my_precheck_add(p, "gtid_mode", PRECHECK_WARNING,
						   psprintf("gtid_mode is %s: the task cannot go on after the source has failed over to a replica",
									mode == NULL ? "not known" : mode),
						   NULL);
	if (my_version_num(p->conn) < 50706)
	{
		item->advice = "Put this into the source's configuration and restart it: gtid_mode = ON, enforce_gtid_consistency = ON";
		return;
	}
	item->advice = "On the source's replicas, too, each step everywhere before the next.";
	my_precheck_set(p, item, "enforce_gtid_consistency", "ON");
	if (mode != NULL && pg_strcasecmp(mode, "OFF") == 0)
		my_precheck_set(p, item, "gtid_mode", "OFF_PERMISSIVE");
	if (mode != NULL && pg_strcasecmp(mode, "ON_PERMISSIVE") != 0)
		my_precheck_set(p, item, "gtid_mode", "ON_PERMISSIVE");
	my_precheck_set(p, item, "gtid_mode", "ON");
}

/* A change of a JSON value needs the value before it. */
static void
check_partial_json(MyPrecheck *p)
{
	char	   *options = my_precheck_variable(p, "binlog_row_value_options");
	char	   *image = my_precheck_variable(p, "binlog_row_image");
	PrecheckItem *item;

	if (options == NULL || pg_strcasecmp(options, "PARTIAL_JSON") != 0)
		return;
	if (image == NULL || pg_strcasecmp(image, "FULL") == 0)
	{
		my_precheck_add(p, "binlog_row_value_options", PRECHECK_PASSED,
						"PARTIAL_JSON, with the value before it", NULL);
		return;
	}
	item = my_precheck_add(p, "binlog_row_value_options", PRECHECK_FAILED,
						   psprintf("PARTIAL_JSON, and binlog_row_image is %s: the log does not hold what partial updates of JSON change",
									image),
						   OPEN_SESSIONS);
	my_precheck_set(p, item, "binlog_row_image", "'FULL'");
}

/* A replica logs what it replicates only if it is configured to. */
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
	if (!my_try_query(p->conn, query, 0, &res, &errmsg, &my_errno))
	{
		PrecheckItem *item;

		if (my_precheck_is_on(log_updates))
		{
			my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED, "ON", NULL);
			return;
		}
		item = my_precheck_add(p, "log_slave_updates", PRECHECK_WARNING,
							   psprintf("log_slave_updates is OFF, and %s may not see whether the source is a replica: what it replicates would be lost then",
										p->account),
							   "Then run the precheck again.");
		precheck_sql(item, AT_SOURCE, "GRANT %s ON *.* TO %s",
					 my_is_mariadb(p->conn) ? "REPLICA MONITOR" :
					 "REPLICATION CLIENT", p->account);
		return;
	}
	if (my_nrows(res) == 0)
		my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED,
						"the source is not a replica", NULL);
	else if (my_precheck_is_on(log_updates))
		my_precheck_add(p, "log_slave_updates", PRECHECK_PASSED,
						"the source is a replica, and logs what it replicates", NULL);
	else
		my_precheck_add(p, "log_slave_updates", PRECHECK_FAILED,
						"the source is a replica and does not log what it replicates",
						"Use the primary as the source; or put this into the replica's configuration and restart it: log_slave_updates = ON");
}

/*
 * For how many seconds the source keeps its binlog; 0: without end, or it is
 * not known. *managed: by a managed service's rule of its own.
 */
static int64
retention(MyPrecheck *p, bool *managed)
{
	char	   *seconds = my_precheck_variable(p, "binlog_expire_logs_seconds");
	char	   *days = my_precheck_variable(p, "expire_logs_days");
	char	   *purge = my_precheck_variable(p, "binlog_expire_logs_auto_purge");
	int64		kept = 0;
	MyResult   *res;
	char	   *errmsg;
	int			my_errno;

	if (purge == NULL || my_precheck_is_on(purge))
	{
		if (seconds != NULL)
			kept = strtoll(seconds, NULL, 10);
		if (kept == 0 && days != NULL)
			kept = (int64) (strtod(days, NULL) * 86400);
	}
	/* NULL: it is purged as soon as possible */
	*managed = my_try_query(p->conn,
							"SELECT value FROM mysql.rds_configuration"
							" WHERE name = 'binlog retention hours'", 1,
							&res, &errmsg, &my_errno) && my_nrows(res) == 1;
	if (*managed)
		kept = my_get_text_or_null(res, 0, 0) == NULL ? 1 :
			strtoll(my_get_text(res, 0, 0), NULL, 10) * 3600;
	return kept;
}

static void
check_retention(MyPrecheck *p)
{
	bool		managed;
	int64		kept = retention(p, &managed);
	int64		wanted = p->full ? 7 * 86400 : 86400;
	char	   *total = my_precheck_variable(p, "max_binlog_total_size");
	bool		by_size = total != NULL && strcmp(total, "0") != 0;
	PrecheckItem *item;

	if (by_size)
	{
		item = my_precheck_add(p, "binlog_retention", PRECHECK_WARNING,
							   psprintf("the binlog is kept to a size of %s bytes, whatever time that is", total),
							   "Put it into the source's configuration, too, and watch its disk.");
		precheck_sql(item, AT_SOURCE, "SET GLOBAL max_binlog_total_size = 0");
	}
	if (kept > 0 && kept < wanted)
	{
		item = my_precheck_add(p, "binlog_retention", PRECHECK_WARNING,
							   psprintf("the binlog is kept for " INT64_FORMAT " hours; a pause longer than that loses the task",
										kept / 3600),
							   managed ? "Keep it for longer." :
							   "Put it into the source's configuration, too, and watch its disk.");
		if (managed)
			precheck_sql(item, AT_SOURCE,
						 "CALL mysql.rds_set_configuration('binlog retention hours', %d)",
						 (int) (wanted / 3600));
		else if (my_precheck_variable(p, "binlog_expire_logs_seconds") != NULL)
			my_precheck_set(p, item, "binlog_expire_logs_seconds",
							psprintf(INT64_FORMAT, wanted));
		else
			my_precheck_set(p, item, "expire_logs_days",
							psprintf("%d", (int) (wanted / 86400)));
	}
	else if (!by_size)
		my_precheck_add(p, "binlog_retention", PRECHECK_PASSED,
						kept == 0 ? "the binlog is not purged by age" :
						psprintf("the binlog is kept for " INT64_FORMAT " hours", kept / 3600),
						NULL);
}

/* Is the name in a list as SHOW MASTER STATUS prints it, without quotes? */
static bool
is_listed(const char *list, const char *name)
{
	Size		len = strlen(name);

	for (const char *p = list; p != NULL && *p != '\0';)
	{
		const char *end = strchrnul(p, ',');

		while (*p == ' ')
			p++;
		if (end - p == len && pg_strncasecmp(p, name, len) == 0)
			return true;
		p = *end == ',' ? end + 1 : end;
	}
	return false;
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
	StringInfoData lost;
	List	   *seen = NIL;
	ListCell   *lc;

	if (!my_try_query(p->conn, my_log_status_query(p->conn), 2, &res,
					  &errmsg, &my_errno) || my_nrows(res) != 1)
		return;
	doing = my_value_or_null(res, 0, "Binlog_Do_DB");
	ignoring = my_value_or_null(res, 0, "Binlog_Ignore_DB");
	initStringInfo(&lost);
	foreach(lc, p->tables)
	{
		char	   *schema = ((TableDef *) lfirst(lc))->schema;
		ListCell   *lc2;
		bool		known = false;

		foreach(lc2, seen)
			known = known || strcmp(lfirst(lc2), schema) == 0;
		if (known)
			continue;
		seen = lappend(seen, schema);
		if ((doing != NULL && doing[0] != '\0' && !is_listed(doing, schema)) ||
			is_listed(ignoring, schema))
			appendStringInfo(&lost, "%s%s", lost.len ? ", " : "", schema);
	}
	if (lost.len == 0)
		my_precheck_add(p, "binlog_filters", PRECHECK_PASSED,
						"every selected database is in the binlog", NULL);
	else
		my_precheck_add(p, "binlog_filters", PRECHECK_FAILED,
						psprintf("the source leaves databases out of its binlog: %s", lost.data),
						"Take binlog_do_db and binlog_ignore_db out of the source's configuration and restart it.");
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
