/*-------------------------------------------------------------------------
 *
 * pg_timeline.c
 *	  Has a server that took over all that is applied?
 *
 * A standby that is promoted begins a new timeline where it had come to. What
 * the old primary wrote after that is lost, and the new one writes other
 * transactions at the same places of the log. A position is good on it only if
 * it lies before the end of the timeline that it was read on; the log's end,
 * which soon is past it again, says nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

uint32
pg_timeline(SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	char	   *text;

	/* a standby goes on behind its promotion: its position is of either */
	text = pg_select_text_or_null(sql, "timeline",
								  "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN "
								  "pg_catalog.substr(pg_catalog.pg_walfile_name("
								  "pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END");
	return text == NULL ? 0 : (uint32) strtoul(text, NULL, 16);
}

static void
lost(uint32 old, uint32 now, const char *position, char *where)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("the server that took over as the source lacks transactions that are applied at the destination"),
			 errdetail("All up to %s is applied, of timeline %u; %s timeline %u.",
					   position, old, where, now),
			 errhint("What it lacks stays at the destination, and what it has written since would be left out. " SOURCE_NEW_TASK_HINT)));
}

/*
 * A history file names, line by line, each timeline before, and where the next
 * one left it.
 */
void
pg_check_timeline(const ConnectionInfo *info, uint32 old, uint32 now,
				  const char *position)
{
	PgConn	   *conn = pg_connect(info, PG_CONN_REPLICATION);
	PgResult   *r = pg_selectf(conn, "history of the timeline", "tt",
							   "TIMELINE_HISTORY %u", now);
	const char *line = r->nrows > 0 ? pg_text(r, 0, 1) : NULL;
	uint64		at = pg_parse_position(position).segment;

	for (; line != NULL && *line != '\0'; line = strchr(line, '\n'))
	{
		uint32		timeline;
		uint32		hi;
		uint32		lo;

		while (*line == '\n')
			line++;
		if (sscanf(line, "%u %X/%X", &timeline, &hi, &lo) != 3 || timeline != old)
			continue;
		if (at > ((uint64) hi << 32 | lo))
			lost(old, now, position,
				 psprintf("at %X/%X it went on as", hi, lo));
		pg_close(conn);
		return;
	}
	lost(old, now, position, "it is not among those before");
}
