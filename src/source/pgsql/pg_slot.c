/*-------------------------------------------------------------------------
 *
 * pg_slot.c
 *	  The replication slot of a task, and places in the source's log.
 *
 * The slot is made once, on a replication connection, and exports the
 * snapshot of its consistent point: what was committed before is in the
 * snapshot, what commits later comes through the slot. From then on it must
 * never be behind or ahead by other hands: each opening of the stream compares
 * it with the position in the catalog, so that a slot that was lost, invalidated,
 * dropped and made again or read by somebody else is an error and no gap.
 *
 * Prepared transactions need no slot with two_phase: without it they are reported
 * when they are committed, whole, and nothing of them has to be kept between
 * PREPARE and COMMIT PREPARED.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "core/wait.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/*
 * A source that does not answer the simplest question for so long is out of
 * reach. The stream itself cannot know: its sender may be busy reading a large
 * transaction of other tables.
 */
#define ANSWER_MS 20000

/* How long release waits for the sender of an ended worker to go. */
#define RELEASE_WAIT_MS 5000

/* ------------------------------------------------------------- positions */

char *
pg_lsn_text(XLogRecPtr lsn)
{
	return psprintf("%X/%X", (uint32) (lsn >> 32), (uint32) lsn);
}

/* A place inside of a transaction: after n of its changes. */
char *
pg_position_text(SourcePos pos)
{
	if (pos.offset == 0)
		return pg_lsn_text(pos.segment);
	return psprintf("%X/%X+" UINT64_FORMAT, (uint32) (pos.segment >> 32),
					(uint32) pos.segment, pos.offset);
}

SourcePos
pg_parse_position(const char *text)
{
	SourcePos	pos;
	uint32		hi;
	uint32		lo;
	int			used = 0;

	pos.offset = 0;
	if (sscanf(text, "%8X/%8X%n", &hi, &lo, &used) == 2 && used > 0)
	{
		char	   *end = NULL;

		pos.segment = (uint64) hi << 32 | lo;
		text += used;
		if (*text == '\0')
			return pos;
		if (*text == '+' && text[1] >= '0' && text[1] <= '9')
		{
			pos.offset = strtoull(text + 1, &end, 10);
			if (*end == '\0')
				return pos;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("\"%s\" is no position in the log of a PostgreSQL server",
					text)));
	return pos;
}

/*
 * A record that starts a page is said to start behind the page's header,
 * while the one before it ends at the page's start: no sender ever gets to it.
 * The long header of a log file's first page is 40 bytes, any other's 24.
 */
static uint64
without_page_header(uint64 lsn)
{
	if (lsn % 8192 == 24)
		return lsn - 24;
	if (lsn % (1024 * 1024) == 40)
		return lsn - 40;
	return lsn;
}

char *
pg_current_position(SourceConn *conn)
{
	char	   *text = pg_select_text_or_null(((PgSource *) conn)->sql, "end of the log",
											   "SELECT " PG_LOG_END);

	if (text == NULL)
		return NULL;
	return pg_lsn_text(without_page_header(pg_parse_position(text).segment));
}

int64
pg_log_distance(SourceConn *conn, const char *position, char **end)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	long		patience = pg_set_patience(sql, ANSWER_MS);
	char	   *text = pg_select_text_or_null(sql, "end of the log",
											   "SELECT " PG_LOG_END);
	uint64		at = pg_parse_position(position).segment;
	uint64		last;

	(void) pg_set_patience(sql, patience);
	if (end)
		*end = text;
	if (text == NULL)
		return -1;
	last = pg_parse_position(text).segment;
	return last > at ? (int64) (last - at) : 0;
}

/*
 * What the slot may still fall behind, of max_slot_wal_keep_size. Before 13 a
 * slot keeps all, as it does by default.
 */
void
pg_log_left(SourceConn *conn, const char *position, double latency,
			LogLeft *left)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	long		patience;
	PgResult   *r;
	double		size;

	if (pg_version_num(sql) < 130000 || pg_info(sql)->stream_name == NULL)
		return;
	patience = pg_set_patience(sql, ANSWER_MS);
	r = pg_selectf(sql, "log that is left", "nN",
				   "SELECT v.setting::float8 * 1048576, s.safe_wal_size::float8 "
				   "FROM pg_catalog.pg_replication_slots s, pg_catalog.pg_settings v "
				   "WHERE s.slot_name = %s AND v.name = 'max_slot_wal_keep_size'",
				   pg_quote_literal(pg_info(sql)->stream_name));
	(void) pg_set_patience(sql, patience);
	if (r->nrows == 0 || pg_is_null(r, 0, 1))
		return;
	size = pg_number(r, 0, 0);
	if (size <= 0)
		return;
	left->share = Min(Max(pg_number(r, 0, 1) / size, 0), 1);
	left->found = psprintf("the source may write %.0f more bytes of log before it drops the task's slot",
						   Max(pg_number(r, 0, 1), 0));
	left->advice = "At the source: ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf();";
}

/* ------------------------------------------------------------------ slot */

/* Says what the new slot will wait for. */
static void
log_running(PgConn *conn)
{
	PgResult   *r;

	r = pg_select(conn, "running transactions", "iT",
				  "SELECT pg_catalog.count(*), pg_catalog.min(t.at) FROM ("
				  "SELECT a.xact_start AS at FROM pg_catalog.pg_stat_activity a "
				  "WHERE a.backend_xid IS NOT NULL "
				  "AND a.pid <> pg_catalog.pg_backend_pid() UNION ALL "
				  "SELECT x.prepared FROM pg_catalog.pg_prepared_xacts x) t");
	if (pg_bigint(r, 0, 0) != 0)
		ereport(LOG,
				(errmsg("the replication slot waits for the end of %s transactions that run at the source",
						pg_text(r, 0, 0)),
				 pg_is_null(r, 0, 1) ? 0 :
				 errdetail("The oldest began at %s; prepared ones count.",
						   pg_text(r, 0, 1))));
}

/*
 * Makes a slot on a replication connection, which then holds its snapshot.
 * Returns the consistent point.
 */
static char *
make_slot(PgSource *source, const char *name, bool temporary)
{
	PgConn	   *sql = source->sql;
	int			version = pg_version_num(sql);
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(source));
	StringInfoData buf;
	PgResult   *r;

	log_running(sql);
	if (source->exporter != NULL)
		pg_close(source->exporter);
	source->exporter = pg_connect(pg_info(sql), PG_CONN_REPLICATION);
	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE_REPLICATION_SLOT %s%s LOGICAL pgoutput",
					 pg_quote_name(name), temporary ? " TEMPORARY" : "");
	if (version < 150000)
		appendStringInfoString(&buf, " EXPORT_SNAPSHOT");
	else
	{
		/* it outlives its server where a standby takes it over */
		bool		failover = !temporary && version >= 170000 &&
			!pg_select_bool(sql, "recovery", "SELECT pg_catalog.pg_is_in_recovery()");

		appendStringInfo(&buf, " (SNAPSHOT 'export'%s)",
						 failover ? ", FAILOVER true" : "");
	}
	r = pg_select(source->exporter, "new replication slot", "tttT", buf.data);
	source->snapshot = pg_text(r, 0, 2);
	source->snapshot_lsn = pg_text(r, 0, 1);
	(void) pg_parse_position(source->snapshot_lsn);
	MemoryContextSwitchTo(old);
	return pstrdup(source->snapshot_lsn);
}

/*
 * Columns of the slot; those that a version does not have are NULL. One row,
 * or none.
 */
enum
{
	SLOT_PLUGIN, SLOT_OF_DATABASE, SLOT_ACTIVE_PID, SLOT_RESTART, SLOT_CONFIRMED,
	SLOT_WAL_STATUS, SLOT_CONFLICTING, SLOT_REASON, SLOT_TWO_PHASE, SLOT_LOG_END
};

static PgResult *
look_at_slot(PgConn *conn)
{
	int			version = pg_version_num(conn);

	return pg_selectf(conn, "replication slot", "TBITTTBTBT",
					 "SELECT s.plugin, s.database = pg_catalog.current_database(), "
					 "s.active_pid, s.restart_lsn, s.confirmed_flush_lsn, %s, %s, %s, %s, "
					 PG_LOG_END " FROM pg_catalog.pg_replication_slots s "
					 "WHERE s.slot_name = %s",
					 version >= 130000 ? "s.wal_status" : "NULL",
					 version >= 160000 ? "s.conflicting" : "NULL",
					 version >= 170000 ? "s.invalidation_reason" : "NULL",
					 version >= 140000 ? "s.two_phase" : "NULL",
					 pg_quote_literal(pg_info(conn)->stream_name));
}

/* The name is taken by something that cannot be this task's slot. */
static void
check_own(PgConn *conn, const PgResult *slot)
{
	if (pg_is_null(slot, 0, SLOT_PLUGIN) ||
		strcmp(pg_text(slot, 0, SLOT_PLUGIN), "pgoutput") != 0 ||
		!pg_bool(slot, 0, SLOT_OF_DATABASE) || pg_bool(slot, 0, SLOT_TWO_PHASE))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("replication slot \"%s\" at the source is not one of dtsmig",
						pg_info(conn)->stream_name),
				 errhint("Drop it, if nobody needs it: SELECT pg_drop_replication_slot(%s);",
						 pg_quote_literal(pg_info(conn)->stream_name))));
}

char *
pg_create_slot(PgSource *source)
{
	const char *name = pg_info(source->sql)->stream_name;
	PgResult   *r = look_at_slot(source->sql);

	if (r->nrows == 0)
		return make_slot(source, name, false);
	check_own(source->sql, r);
	if (pg_is_null(r, 0, SLOT_CONFIRMED))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("replication slot \"%s\" is still being made at the source",
						name)));
	return pg_text(r, 0, SLOT_CONFIRMED);
}

char *
pg_start_position(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;

	/* a task that does not follow the log keeps nothing at the source */
	if (pg_info(source->sql)->stream_name == NULL)
		return NULL;
	return pg_create_slot(source);
}

void
pg_snapshot_by_slot(PgSource *source)
{
	/* several sessions may do this at a time */
	(void) make_slot(source,
					 psprintf("%.40s_%s", pg_info(source->sql)->stream_name,
							  pg_text(pg_select(source->sql, "process", "i",
												"SELECT pg_catalog.pg_backend_pid()"), 0, 0)),
					 true);
}

static void
lost(PgConn *conn, const char *message, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg(message, pg_info(conn)->stream_name),
			 detail ? errdetail_internal("%s", detail) : 0,
			 errhint("Changes may be missing from this position on. " SOURCE_NEW_TASK_HINT)));
}

void
pg_check_slot(PgConn *conn, const char *position)
{
	uint64		at = pg_parse_position(position).segment;
	PgResult   *slot = look_at_slot(conn);
	const char *text;

	if (slot->nrows == 0)
		lost(conn, "replication slot \"%s\" does not exist at the source any more",
			 NULL);
	check_own(conn, slot);
	if (!pg_is_null(slot, 0, SLOT_REASON))
		lost(conn, "replication slot \"%s\" was invalidated by the source",
			 psprintf("Reason: %s.", pg_text(slot, 0, SLOT_REASON)));
	if (pg_bool(slot, 0, SLOT_CONFLICTING))
		lost(conn, "replication slot \"%s\" was invalidated by the source",
			 "Reason: it conflicted with recovery.");
	text = pg_text_or_null(slot, 0, SLOT_WAL_STATUS);
	if (pg_is_null(slot, 0, SLOT_RESTART) ||
		(text != NULL && strcmp(text, "lost") == 0))
		lost(conn, "replication slot \"%s\" has lost the log that it needs",
			 "The source has removed it, see its setting max_slot_wal_keep_size.");
	text = pg_text_or_null(slot, 0, SLOT_CONFIRMED);
	if (text != NULL && pg_parse_position(text).segment > at)
		lost(conn, "replication slot \"%s\" stands after the position that was applied last",
			 psprintf("The slot was dropped and made again, or read by somebody else: it stands at %s, this task at %s.",
					  text, position));
	text = pg_text_or_null(slot, 0, SLOT_LOG_END);
	if (text != NULL && pg_parse_position(text).segment < at)
		lost(conn, "the source's log ends before the position that was applied last (slot \"%s\")",
			 psprintf("The log ends at %s, this task is at %s: the source was restored, or a standby took over that had not received all.",
					  text, position));
}

/*
 * Whoever reads the slot now: 0 if nobody. stale: has it been silent for a
 * long time (the connection of a worker that is gone)?
 */
int
pg_slot_reader(PgConn *conn, bool *stale)
{
	PgResult   *r;

	r = pg_selectf(conn, "reader of the slot", "IB",
				   "SELECT s.active_pid, %s FROM pg_catalog.pg_replication_slots s "
				   "LEFT JOIN pg_catalog.pg_stat_replication a ON a.pid = s.active_pid "
				   "WHERE s.slot_name = %s",
				   pg_version_num(conn) >= 120000 ?
				   "a.reply_time < pg_catalog.clock_timestamp() - interval '40 s' AND "
				   "a.backend_start < pg_catalog.clock_timestamp() - interval '40 s'" :
				   "false",
				   pg_quote_literal(pg_info(conn)->stream_name));
	*stale = r->nrows > 0 && pg_bool(r, 0, 1);
	if (r->nrows == 0 || pg_is_null(r, 0, 0))
		return 0;
	return (int) pg_bigint(r, 0, 0);
}

/* --------------------------------------------------------------- release */

typedef struct Release
{
	PgConn	   *conn;			/* NULL: not connected */
	bool		begun;			/* something may be gone */
	StringInfoData left;		/* SQL that could not be run */
	char	   *note;			/* what else was done; NULL: nothing */
} Release;

static void
leave(Release *r, const char *sql, const char *reason)
{
	if (reason != NULL)
		appendStringInfoString(&r->left, "-- ");
	for (; reason != NULL && *reason; reason++)
	{
		appendStringInfoChar(&r->left, *reason);
		if (*reason == '\n')
			appendStringInfoString(&r->left, "-- ");
	}
	if (r->left.len > 0 && r->left.data[r->left.len - 1] != '\n')
		appendStringInfoChar(&r->left, '\n');
	appendStringInfo(&r->left, "%s;\n", sql);
}

static void
run(Release *r, const char *sql)
{
	ErrorData  *edata;

	if (!pg_try_run(r->conn, sql, &edata))
		leave(r, sql, edata->message);
}

static void
drop_slot(Release *r)
{
	const char *name = pg_info(r->conn)->stream_name;
	char	   *sql = psprintf("SELECT pg_catalog.pg_drop_replication_slot(%s)",
							   pg_quote_literal(name));
	ErrorData  *edata = NULL;

	for (int waited = 0;; waited += 100)
	{
		PgResult   *slot = look_at_slot(r->conn);

		if (slot->nrows == 0)
			return;
		if (!pg_is_null(slot, 0, SLOT_ACTIVE_PID) && waited == 1000)
			(void) pg_try_run(r->conn,
							  psprintf("SELECT pg_catalog.pg_terminate_backend(%s)",
									   pg_text(slot, 0, SLOT_ACTIVE_PID)), &edata);
		if (pg_is_null(slot, 0, SLOT_ACTIVE_PID) || waited >= RELEASE_WAIT_MS)
		{
			if (pg_try_run(r->conn, sql, &edata))
				return;
			if (waited >= RELEASE_WAIT_MS)
				break;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 100, dts_wait_event(DTS_WAIT_SLOT));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	leave(r, sql, edata->message);
}

static void
release_all(Release *r, const ConnectionInfo *info)
{
	ListCell   *lc;

	List	   *capture;

	r->conn = pg_connect(info, PG_CONN_SQL);
	/* a cutover may have made it the database's default */
	pg_run(r->conn, "SET default_transaction_read_only = off");
	pg_tables_only(r->conn, false);
	capture = pg_capture_removal(r->conn, &r->note);
	r->begun = true;
	foreach(lc, capture)
		run(r, lfirst(lc));
	drop_slot(r);
	run(r, psprintf("DROP PUBLICATION IF EXISTS %s",
					pg_quote_name(info->stream_name)));
	pg_close(r->conn);
	r->conn = NULL;
}

char *
pg_release(const ConnectionInfo *info, char **note)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext cxt = AllocSetContextCreate(caller, "dtsmig release",
											  ALLOCSET_DEFAULT_SIZES);
	Release    *r = palloc0(sizeof(Release));
	char	   *left = NULL;

	initStringInfo(&r->left);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		release_all(r, info);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		/* half of it gone, the task could not go on */
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED && !r->begun)
			PG_RE_THROW();
		FlushErrorState();
		resetStringInfo(&r->left);
		leave(r, psprintf("SELECT pg_catalog.pg_drop_replication_slot(slot_name) "
						  "FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
						  pg_quote_literal(info->stream_name)),
			  edata->detail ? psprintf("%s: %s", edata->message, edata->detail) :
			  edata->message);
		leave(r, psprintf("DROP PUBLICATION IF EXISTS %s",
						  pg_quote_name(info->stream_name)), NULL);
		appendStringInfo(&r->left, "-- and what schema dtsmig_source holds by the name %s\n",
						 info->stream_name);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	*note = r->note && r->left.len == 0 ? pstrdup(r->note) : NULL;
	MemoryContextDelete(cxt);
	if (r->left.len > 0)
		left = pstrdup(r->left.data);
	pfree(r->left.data);
	pfree(r);
	return left;
}
