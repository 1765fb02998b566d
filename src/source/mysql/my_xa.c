/*-------------------------------------------------------------------------
 *
 * my_xa.c
 *	  XA transactions of a MySQL-family source that are in the log before any
 *	  snapshot has them.
 *
 * XA COMMIT of a prepared transaction is written to the log; then InnoDB ends
 * the transaction, which takes a moment, or seconds where a full-text index
 * takes up its rows. MariaDB's position of a snapshot, and a new file of
 * MySQL's log, may lie between the two: they say that the transaction is in,
 * and it is not.
 *
 *		XA PREPARE		XA COMMIT: counted, logged, visible, gone
 *	 ---|-------------------|---------|-------|--------|---
 *		XA RECOVER lists it ...........................
 *
 * So all that a place of the log has is visible as soon as none is left of
 * those that XA RECOVER listed after the place was taken. And a snapshot is
 * exact if XA RECOVER listed nothing before it, and no XA COMMIT has begun
 * since. One that stays prepared is taken to be left alone when no XA COMMIT has
 * begun for LEFT_MS: it is none that is being committed, which does not take so
 * long. For the same reason a place that is so old has nothing that is not
 * visible, whatever is still prepared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "source/mysql/my_xa.h"

/* So long may it take to end a transaction that is in the log. */
#define LEFT_MS 30000
/* How often the source is asked for them meanwhile. */
#define LOOK_US 10000

/* One that XA RECOVER has listed, and since when it does. */
typedef struct Listed
{
	char	   *name;
	TimestampTz since;
} Listed;

static List *listed = NIL;		/* Listed *, in TopMemoryContext */

/* Statements that had begun at the last look, and since when it is that many. */
static int64 commits = -1;
static TimestampTz commits_since = 0;

static bool
has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* All that XA RECOVER lists. */
static List *
recover(MyConn *conn)
{
	bool		mariadb = my_is_mariadb(conn);
	bool		text = mariadb || my_version_num(conn) >= 50700;
	MyResult   *res;
	char	   *message;
	int			my_errno;
	List	   *names = NIL;

	if (!my_try_query(conn, mariadb ? "XA RECOVER FORMAT = 'SQL'" :
					  text ? "XA RECOVER CONVERT XID" : "XA RECOVER", 4,
					  &res, &message, &my_errno))
		return NIL;
	for (int i = 0; i < my_nrows(res); i++)
		names = lappend(names, psprintf(INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " %s",
										my_get_int64(res, i, 0), my_get_int64(res, i, 1),
										my_get_int64(res, i, 2),
										text ? my_get_text(res, i, 3) : ""));
	return names;
}

List *
my_xa_in_doubt(MyConn *conn)
{
	int64		begun = my_xa_commits(conn);
	List	   *names = recover(conn);
	List	   *before = listed;
	List	   *doubt = NIL;
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *lc;
	ListCell   *lc2;

	if (begun != commits)
		commits_since = now;
	commits = begun;
	listed = NIL;
	foreach(lc, names)
	{
		char	   *name = lfirst(lc);
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		Listed	   *l = palloc(sizeof(Listed));

		l->name = pstrdup(name);
		l->since = now;
		foreach(lc2, before)
			if (strcmp(((Listed *) lfirst(lc2))->name, name) == 0)
				l->since = ((Listed *) lfirst(lc2))->since;
		listed = lappend(listed, l);
		MemoryContextSwitchTo(old);
		if (!TimestampDifferenceExceeds(Max(l->since, commits_since), now, LEFT_MS))
			doubt = lappend(doubt, name);
	}
	foreach(lc, before)
		pfree(((Listed *) lfirst(lc))->name);
	list_free_deep(before);
	return doubt;
}

int64
my_xa_commits(MyConn *conn)
{
	MyResult   *res = my_query(conn, "SHOW GLOBAL STATUS LIKE 'Com\\_xa\\_commit'", 2);

	return my_nrows(res) > 0 ? my_get_int64(res, 0, 1) : 0;
}

List *
my_xa_still(List *a, List *b)
{
	List	   *still = NIL;
	ListCell   *lc;

	foreach(lc, a)
		if (has_name(b, lfirst(lc)))
			still = lappend(still, lfirst(lc));
	return still;
}

bool
my_xa_is_old(TimestampTz taken)
{
	return TimestampDifferenceExceeds(taken, GetCurrentTimestamp(), LEFT_MS);
}

void
my_xa_wait(MyConn *conn)
{
	TimestampTz began = GetCurrentTimestamp();
	List	   *doubt = my_xa_in_doubt(conn);

	while (doubt != NIL && !my_xa_is_old(began))
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(LOOK_US);
		doubt = my_xa_still(doubt, my_xa_in_doubt(conn));
	}
}
