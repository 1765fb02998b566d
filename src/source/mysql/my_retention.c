/*-------------------------------------------------------------------------
 *
 * my_retention.c
 *	  How long the source keeps its binlog, and what is left of that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_retention.h"

#include "client/my_conn.h"
#include "source/mysql/my_snapshot.h"

/* A living server answers within this. */
#define ANSWER_LIMIT_MS 10000

/* A server variable's number; -1: there is none of that name. */
static double
number(MyResult *variables, const char *name)
{
	for (int i = 0; i < my_nrows(variables); i++)
	{
		char	   *value = my_get_text_or_null(variables, i, 1);

		if (pg_strcasecmp(my_get_text(variables, i, 0), name) != 0 || value == NULL)
			continue;
		if (pg_strcasecmp(value, "OFF") == 0)
			return 0;
		if (pg_strcasecmp(value, "ON") == 0)
			return 1;
		return strtod(value, NULL);
	}
	return -1;
}

/* Seconds that the binlog is kept by age; 0: for ever, or not known. */
static double
kept_seconds(MyConn *conn, MyResult *variables)
{
	double		seconds = 0;
	MyResult   *res;
	char	   *message;
	int			my_errno;

	if (number(variables, "binlog_expire_logs_auto_purge") != 0)
	{
		seconds = Max(number(variables, "binlog_expire_logs_seconds"), 0);
		if (seconds == 0)
			seconds = Max(number(variables, "expire_logs_days"), 0) * 86400;
	}
	/* a managed service has a rule of its own; NULL: as soon as possible */
	if (my_try_query(conn, "SELECT value FROM mysql.rds_configuration"
					 " WHERE name = 'binlog retention hours'", 1,
					 &res, &message, &my_errno) && my_nrows(res) == 1)
		seconds = my_get_text_or_null(res, 0, 0) == NULL ? 1 :
			strtod(my_get_text(res, 0, 0), NULL) * 3600;
	return seconds;
}

/*
 * A log file goes when its last event is too old: what a reader wants next
 * cannot be older than the reader is late.
 */
static void
look(SourceConn *source, const char *position, double latency, LogLeft *left)
{
	MyConn	   *conn = (MyConn *) source;
	MyResult   *variables;
	double		seconds;
	double		size;

	variables = my_query(conn, "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
						 "('binlog_expire_logs_seconds', 'expire_logs_days', "
						 "'binlog_expire_logs_auto_purge', 'max_binlog_total_size')", 2);
	seconds = kept_seconds(conn, variables);
	size = number(variables, "max_binlog_total_size");
	if (seconds > 0)
	{
		left->share = Max(1 - latency / seconds, 0);
		left->found = psprintf("the binlog is kept for %.0f seconds, and is read %.0f seconds late",
							   seconds, latency);
		left->advice = number(variables, "binlog_expire_logs_seconds") < 0 ?
			"At the source: SET GLOBAL expire_logs_days = 7;" :
			"At the source: SET GLOBAL binlog_expire_logs_seconds = 604800;";
	}
	if (size > 0)
	{
		double		behind = (double) my_log_distance(source, position, NULL);

		if (behind >= 0 && (left->share < 0 || 1 - behind / size < left->share))
		{
			left->share = Max(1 - behind / size, 0);
			left->found = psprintf("the binlog is kept up to %.0f bytes, of which %.0f are to be read",
								   size, behind);
			left->advice = "At the source: SET GLOBAL max_binlog_total_size = 0;";
		}
	}
}

void
my_log_left(SourceConn *source, const char *position, double latency,
			LogLeft *left)
{
	long		patience = my_set_patience(ANSWER_LIMIT_MS);

	PG_TRY();
	{
		look(source, position, latency, left);
	}
	PG_FINALLY();
	{
		(void) my_set_patience(patience);
	}
	PG_END_TRY();
}
