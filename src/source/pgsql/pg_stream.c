/*-------------------------------------------------------------------------
 *
 * pg_stream.c
 *	  The change stream of a PostgreSQL source: the wire, and transactions.
 *
 *	  CopyData ── 'w' message of pgoutput ──> begin/end of a transaction
 *	     │                              │──> relation, row  (pg_stream_rows.c)
 *	     │                              └──> of a transaction in progress:
 *	     │                                   spooled, reported at its commit or
 *	     │                                   as it comes (pg_stream_early.c)
 *	     └─────── 'k' keepalive ──────────> position while idle
 *
 * Transactions come whole and in the order of their commits. A position is
 * the end of a commit record: from there on the source reports what commits
 * later. A transaction stands at the start of its commit record, which is how
 * the source itself compares it with a slot's and with a snapshot's position.
 * Inside of a transaction a position is "that start + n messages of rows": a
 * stream opened at it skips the first n of them.
 *
 * What is reported to the source as flushed is only what was confirmed. When
 * the source has nothing for this task, its keepalives say how far it has
 * read; that becomes a HEARTBEAT, is stored and confirmed like a commit, and
 * lets the source remove its log.
 *
 * Prepared transactions are reported at their COMMIT PREPARED, because the slot
 * has no two_phase: nothing has to be kept for one that is still open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_stream_impl.h"

#include "access/transam.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bswap.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A report to the source at least so often; and no oftener, unless asked. */
#define REPORT_MS			10000
#define REPORT_PAUSE_MS		100

/* The source is idle when it has said nothing else for so long. */
#define IDLE_MS				100

/* The same heartbeat is reported again after so long. */
#define HEARTBEAT_MS		1000

/*
 * An apply of that long without a word is no reason for the source to break
 * the connection (where it lets us set that: since 12).
 */
#define SENDER_TIMEOUT_MS	300000

/* How long to wait until another reader of the slot has gone. */
#define READER_WAIT_MS		10000

/* A question that is not answered for so long: the source is out of reach. */
#define ANSWER_MS			20000

/* 'w', start, end, time; 'k', end, time, reply wanted */
#define DATA_HEADER			25
#define KEEPALIVE_SIZE		18
#define REPORT_SIZE			34

/* After so many messages of a replay the wire is looked at, for so many. */
#define PUMP_EVERY			64
#define PUMP_MESSAGES		256

static XLogRecPtr
read_u64(const char *p)
{
	uint64		n;

	memcpy(&n, p, sizeof(n));
	return pg_ntoh64(n);
}

static void
write_u64(char *p, uint64 value)
{
	uint64		n = pg_hton64(value);

	memcpy(p, &n, sizeof(n));
}

/* ---------------------------------------------------------------- reports */

static void
report(SourceStream *stream, TimestampTz now)
{
	char		buf[REPORT_SIZE];

	buf[0] = 'r';
	write_u64(buf + 1, Max(stream->received, stream->confirmed));
	write_u64(buf + 9, stream->confirmed);
	write_u64(buf + 17, stream->confirmed);
	write_u64(buf + 25, now);
	buf[33] = 0;
	pg_copy_put(stream->conn, buf, sizeof(buf));
	stream->reported_received = stream->received;
	stream->reported_confirmed = stream->confirmed;
	stream->reported = now;
	stream->report_now = false;
}

/* waiting: there is nothing to be read */
static void
report_if_due(SourceStream *stream, TimestampTz now, bool waiting)
{
	bool		news = stream->confirmed > stream->reported_confirmed ||
		(waiting && stream->received > stream->reported_received);

	if (stream->report_now ||
		(news && TimestampDifferenceExceeds(stream->reported, now,
											waiting ? REPORT_PAUSE_MS : 1000)) ||
		TimestampDifferenceExceeds(stream->reported, now, stream->report_ms))
		report(stream, now);
}

void
pg_keep_alive(SourceStream *stream)
{
	report_if_due(stream, GetCurrentTimestamp(), false);
}

/* --------------------------------------------------------------- the wire */

typedef enum WireEvent
{
	WIRE_NOTHING,				/* within the time given */
	WIRE_IDLE,					/* a heartbeat is due */
	WIRE_MESSAGE				/* decoded: stream->msg */
} WireEvent;

static void
decode(SourceStream *stream, const char *data, Size len, bool in_stream,
	   XLogRecPtr lsn)
{
	PgOutputError error;

	if (!pgoutput_decode((const uint8_t *) data, len, in_stream, stream->msg,
						 &error))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source's change at %X/%X is not understood: %s",
						(uint32) (lsn >> 32), (uint32) lsn, error.text),
				 errdetail("At byte %zu of %zu.", error.offset, len)));
	stream->msg_len = len;
}

/* There is nothing for us before lsn. */
static void
note_idle(SourceStream *stream, XLogRecPtr lsn, TimestampTz now)
{
	if (lsn <= stream->idle || lsn <= stream->position.segment)
		return;
	if (stream->idle <= stream->position.segment)
		stream->idle_since = now;
	stream->idle = lsn;
}

static void
bad_message(const char *data, Size len)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("message 0x%02x of %zu bytes in the source's replication stream",
					len > 0 ? (unsigned char) data[0] : 0, len)));
}

static void
take_keepalive(SourceStream *stream, const char *data, Size len,
			   TimestampTz now)
{
	XLogRecPtr	end;

	if (len < KEEPALIVE_SIZE)
		bad_message(data, len);
	end = read_u64(data + 1);
	stream->received = Max(stream->received, end);
	if (!stream->in_transaction)
		note_idle(stream, end, now);
	if (data[17] != 0)
		stream->report_now = true;
}

/*
 * A heartbeat is reported again until its position is confirmed: the worker does
 * not record each of them, and an idle source may say nothing more.
 */
static bool
is_unconfirmed(SourceStream *stream, TimestampTz now)
{
	return !stream->in_transaction && !TransactionIdIsValid(stream->early) &&
		stream->position.segment == stream->idle &&
		stream->confirmed < stream->idle &&
		TimestampDifferenceExceeds(stream->beaten, now, HEARTBEAT_MS);
}

/* As pg_copy_next, but first what was held. */
static int
next_message(SourceStream *stream, const char **data, Size *len, long timeout_ms)
{
	if (stream->held == NULL)
		return pg_copy_next(stream->conn, data, len, timeout_ms);
	*data = stream->held;
	*len = stream->held_len;
	stream->held = NULL;
	return 1;
}

/* Decodes an XLogData; *data, *len become those of the message in it. */
static void
open_data(SourceStream *stream, const char **data, Size *len)
{
	XLogRecPtr	start = read_u64(*data + 1);
	XLogRecPtr	end = read_u64(*data + 9);

	stream->received = Max(stream->received, Max(start, end));
	stream->msg_lsn = start;
	*data += DATA_HEADER;
	*len -= DATA_HEADER;
	decode(stream, *data, *len, TransactionIdIsValid(stream->streaming), start);
}

/* *data, *len: the message in the XLogData, valid until the next call */
static WireEvent
read_wire(SourceStream *stream, const char **data, Size *len, long timeout_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline = TimestampTzPlusMilliseconds(now, timeout_ms);
	bool		waiting = false;

	for (;;)
	{
		bool		idle = !stream->in_transaction &&
			!TransactionIdIsValid(stream->early) &&
			stream->idle > stream->position.segment;
		long		wait = 0;
		int			rc;

		report_if_due(stream, now, waiting);
		if (waiting)
		{
			wait = TimestampDifferenceMilliseconds(now, deadline);
			if (wait <= 0)
				return idle || is_unconfirmed(stream, now) ? WIRE_IDLE : WIRE_NOTHING;
			if (idle && TimestampDifferenceExceeds(stream->idle_since, now, IDLE_MS))
				return WIRE_IDLE;
			if (idle || stream->received > stream->reported_received ||
				stream->confirmed > stream->reported_confirmed)
				wait = Min(wait, IDLE_MS);
		}
		rc = next_message(stream, data, len, wait);
		if (rc < 0)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("server \"%s\" has ended the stream of changes",
							pg_info(stream->conn)->server_name)));
		if (rc == 0)
		{
			waiting = true;
			now = GetCurrentTimestamp();
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (*len >= DATA_HEADER && (*data)[0] == 'w')
		{
			open_data(stream, data, len);
			return WIRE_MESSAGE;
		}
		if (*len == 0 || (*data)[0] != 'k')
			bad_message(*data, *len);
		now = GetCurrentTimestamp();
		take_keepalive(stream, *data, *len, now);
		/* keepalives alone must not keep us here */
		if (!stream->in_transaction && stream->idle > stream->position.segment &&
			TimestampDifferenceExceeds(stream->idle_since, now, IDLE_MS))
			waiting = true;
	}
}

/* ----------------------------------------------------------- transactions */

static Change *
plain_change(SourceStream *stream, ChangeKind kind, XLogRecPtr lsn)
{
	Change	   *change = &stream->change;

	memset(change, 0, sizeof(Change));
	change->kind = kind;
	change->pos.segment = lsn;
	change->commit_time = kind == CHANGE_COMMIT ? stream->commit_time : 0;
	return change;
}

static void
begin_transaction(SourceStream *stream, XLogRecPtr commit_lsn, TimestampTz time)
{
	stream->in_transaction = true;
	stream->begun = false;
	stream->commit_lsn = commit_lsn;
	stream->commit_time = time;
	stream->nchanges = 0;
	stream->skip = 0;
	if (commit_lsn < stream->start.segment)
		stream->skip = PG_UINT64_MAX;	/* not to be known at all */
	else if (commit_lsn == stream->start.segment)
		stream->skip = stream->start.offset;
}

/* COMMIT; NULL for one that had nothing for us. */
static Change *
end_transaction(SourceStream *stream, XLogRecPtr end_lsn, TimestampTz time)
{
	stream->in_transaction = false;
	stream->commit_time = time;
	if (!stream->begun)
	{
		note_idle(stream, end_lsn, GetCurrentTimestamp());
		return NULL;
	}
	stream->position.segment = end_lsn;
	stream->position.offset = 0;
	return plain_change(stream, CHANGE_COMMIT, end_lsn);
}

static void
out_of_place(SourceStream *stream)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("message of kind '%c' is out of place in the source's stream of changes",
					stream->msg->kind)));
}

/*
 * A message between STREAM START and STREAM STOP is kept; those that say
 * nothing of rows are skipped.
 */
static void
take_streamed(SourceStream *stream, const char *data, Size len)
{
	switch (stream->msg->kind)
	{
		case PGOUTPUT_STREAM_STOP:
			stream->streaming = InvalidTransactionId;
			break;
		case PGOUTPUT_RELATION:
		case PGOUTPUT_INSERT:
		case PGOUTPUT_UPDATE:
		case PGOUTPUT_DELETE:
		case PGOUTPUT_TRUNCATE:
			spool_write(stream, stream->streaming, stream->msg->xid, data, len);
			break;
		default:
			break;
	}
}

/*
 * Takes in parts of transactions in progress that have come while another is
 * replayed, so that the source goes on decoding meanwhile. The first message
 * of another kind has to wait, and all that follow it.
 */
static void
pump(SourceStream *stream)
{
	for (int i = 0; i < PUMP_MESSAGES && stream->held == NULL; i++)
	{
		const char *data;
		Size		len;

		if (pg_copy_next(stream->conn, &data, &len, 0) <= 0)
			return;
		if (len > 0 && data[0] == 'k')
			take_keepalive(stream, data, len, GetCurrentTimestamp());
		else if (len > DATA_HEADER && data[0] == 'w' &&
				 (TransactionIdIsValid(stream->streaming) ||
				  data[DATA_HEADER] == PGOUTPUT_STREAM_START))
		{
			open_data(stream, &data, &len);
			if (TransactionIdIsValid(stream->streaming))
				take_streamed(stream, data, len);
			else if (TransactionIdIsValid(stream->msg->xid))
				stream->streaming = stream->msg->xid;
			else
				out_of_place(stream);
		}
		else
		{
			stream->held = data;
			stream->held_len = len;
		}
	}
	report_if_due(stream, GetCurrentTimestamp(), false);
}

/* Reports what is left of a transaction that was in progress. */
static Change *
replay(SourceStream *stream, MemoryContext rowcxt)
{
	const PgOutputMessage *msg = stream->msg;
	Change	   *change;
	Size		len;

	for (;;)
	{
		if (!stream->waiting && ++stream->unpumped >= PUMP_EVERY)
		{
			stream->unpumped = 0;
			pump(stream);
		}
		if (!stream->waiting &&
			(stream->replay == NULL || !spool_read(stream, stream->replay, &len)))
			break;
		if (!stream->waiting)
		{
			decode(stream, stream->replay_buf, len, true, stream->commit_lsn);
			CHECK_FOR_INTERRUPTS();
		}
		if (msg->kind == PGOUTPUT_RELATION)
			stream_take_relation(stream);
		else if ((change = stream_report(stream, rowcxt)) != NULL)
			return change;
	}
	if (stream->replay != NULL)
		spool_drop(stream, stream->replay);
	stream->replay = NULL;
	change = end_transaction(stream, stream->end_lsn, stream->commit_time);
	stream->end_lsn = InvalidXLogRecPtr;
	return change;
}

/* A message outside of the parts of transactions in progress. */
static Change *
take_message(SourceStream *stream, MemoryContext rowcxt)
{
	const PgOutputMessage *msg = stream->msg;
	Change	   *change;

	switch (msg->kind)
	{
		case PGOUTPUT_BEGIN:
			if (stream->in_transaction)
				out_of_place(stream);
			change = early_void(stream);
			begin_transaction(stream, msg->lsn, msg->time);
			stream->first_lsn = stream->msg_lsn;
			return change;
		case PGOUTPUT_COMMIT:
			if (!stream->in_transaction || msg->lsn != stream->commit_lsn)
				out_of_place(stream);
			return end_transaction(stream, msg->end_lsn, msg->time);
		case PGOUTPUT_RELATION:
			stream_take_relation(stream);
			return NULL;
		case PGOUTPUT_INSERT:
		case PGOUTPUT_UPDATE:
		case PGOUTPUT_DELETE:
		case PGOUTPUT_TRUNCATE:
			if (!stream->in_transaction)
				out_of_place(stream);
			return stream_report(stream, rowcxt);
		case PGOUTPUT_ORIGIN:
			/* since 16 the source does not send such transactions */
			if (stream->own_changes)
				stream->skip = PG_UINT64_MAX;
			return NULL;
		case PGOUTPUT_TYPE:
		case PGOUTPUT_MESSAGE:
			return NULL;
		case PGOUTPUT_STREAM_START:
			if (stream->in_transaction || !TransactionIdIsValid(msg->xid))
				out_of_place(stream);
			early_start(stream, msg->xid, msg->first);
			stream->streaming = msg->xid;
			return NULL;
		case PGOUTPUT_STREAM_ABORT:
			change = msg->xid == stream->early ? early_void(stream) : NULL;
			spool_abort(stream, msg->xid, msg->subxid);
			return change;
		case PGOUTPUT_STREAM_COMMIT:
			if (stream->in_transaction)
				out_of_place(stream);
			if (early_commit(stream))
				return end_transaction(stream, msg->end_lsn, msg->time);
			change = early_void(stream);
			begin_transaction(stream, msg->lsn, msg->time);
			stream->end_lsn = msg->end_lsn;
			stream->replay = spool_open(stream, msg->xid, &stream->first_lsn);
			return change;
		default:
			/* the slot has no two_phase, see pg_slot.c */
			out_of_place(stream);
			return NULL;
	}
}

/*
 * Name of a stream that must not ask for binary values again: DDL inside of a
 * transaction has made a column whose binary form is not the same at the
 * destination. The consumer goes back to what it committed last, where the
 * column is not known yet, so that this has to be kept until the process ends.
 */
static char text_only[NAMEDATALEN];

/*
 * CHANGE_ROLLBACK, as change.h has it, when values come in a form that cannot
 * be read.
 */
Change *
pg_next_change(SourceStream *stream, MemoryContext rowcxt, long timeout_ms)
{
	if (stream->give_up)
		ereport(ERROR,
				(errcode(ERRCODE_TRANSACTION_ROLLBACK),
				 errmsg("the stream of changes has to be opened again")));
	for (;;)
	{
		Change	   *change = NULL;
		const char *data;
		Size		len;

		if (stream->end_lsn != InvalidXLogRecPtr)
		{
			report_if_due(stream, GetCurrentTimestamp(), false);
			change = replay(stream, rowcxt);
		}
		else if (stream->waiting)
			change = stream_report(stream, rowcxt);
		else
		{
			switch (read_wire(stream, &data, &len, timeout_ms))
			{
				case WIRE_NOTHING:
					return NULL;
				case WIRE_IDLE:
					stream->beaten = GetCurrentTimestamp();
					stream->position.segment = stream->idle;
					stream->position.offset = 0;
					change = plain_change(stream, CHANGE_HEARTBEAT, stream->idle);
					break;
				case WIRE_MESSAGE:
					if (TransactionIdIsValid(stream->streaming))
					{
						bool		early = stream->streaming == stream->early;

						take_streamed(stream, data, len);
						if (early)
							change = early_report(stream, rowcxt);
					}
					else
						change = take_message(stream, rowcxt);
					break;
			}
		}
		if (stream->give_up)
			strlcpy(text_only, stream->name, sizeof(text_only));
		if (change != NULL)
			return change;
	}
}

/* -------------------------------------------------------------- positions */

char *
pg_stream_position(SourceStream *stream)
{
	if (stream->in_transaction && stream->begun)
		return pg_position_text((SourcePos) {stream->commit_lsn,
											 stream->nchanges});
	return pg_position_text(stream->position);
}

void
pg_confirm(SourceStream *stream, const char *position)
{
	XLogRecPtr	lsn = pg_parse_position(position).segment;

	/* it is sent when the wire is looked at next */
	stream->confirmed = Max(stream->confirmed, lsn);
}

/* ------------------------------------------------------- opening, closing */

/*
 * A worker that has died may have left its connection open, and a line that
 * was cut gives the source no sign of life: whoever was silent for long is
 * ended.
 */
static void
wait_for_slot(PgConn *conn)
{
	for (int waited = 0;; waited += 100)
	{
		bool		stale;
		int			pid = pg_slot_reader(conn, &stale);

		if (pid == 0)
			return;
		if (stale)
			pg_runf(conn, "SELECT pg_catalog.pg_terminate_backend(%d)", pid);
		if (waited >= READER_WAIT_MS)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("replication slot \"%s\" is being read by process %d of the source",
							pg_info(conn)->stream_name, pid),
					 errhint("Only one worker may follow a task's slot. One that has lost its connection is ended after a while.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 100, dts_wait_event(DTS_WAIT_SLOT));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* How often the source wants to hear of us; lets it wait longer if it may. */
static long
set_sender_timeout(PgConn *conn)
{
	PgResult   *r;
	long		ms;

	r = pg_select(conn, "wal_sender_timeout", "i",
				  "SELECT setting FROM pg_catalog.pg_settings "
				  "WHERE name = 'wal_sender_timeout'");
	ms = r->nrows > 0 ? (long) pg_bigint(r, 0, 0) : 0;
	if (ms > 0 && ms < SENDER_TIMEOUT_MS && pg_version_num(conn) >= 120000)
	{
		pg_runf(conn, "SET wal_sender_timeout = %d", SENDER_TIMEOUT_MS);
		ms = SENDER_TIMEOUT_MS;
	}
	return ms > 0 ? Min(REPORT_MS, ms / 3) : REPORT_MS;
}

static void
start_replication(SourceStream *stream)
{
	int			version = pg_version_num(stream->conn);
	StringInfoData buf;
	bool		streaming = version >= 140000;

	/* a transaction in progress has not got its origin yet */
	if (stream->own_changes && version < 160000)
		streaming = false;
	initStringInfo(&buf);
	appendStringInfo(&buf, "START_REPLICATION SLOT %s LOGICAL %s "
					 "(proto_version '%d', publication_names %s",
					 pg_quote_name(stream->name),
					 pg_lsn_text(stream->start.segment),
					 version >= 160000 ? 4 : !streaming ? 1 :
					 version >= 150000 ? 3 : 2,
					 pg_quote_literal(pg_quote_name(stream->name)));
	if (streaming)
		appendStringInfoString(&buf, ", streaming 'on'");
	if (version >= 140000 && stream->binary)
		appendStringInfoString(&buf, ", binary 'true'");
	if (version >= 160000 && stream->own_changes)
		appendStringInfoString(&buf, ", origin 'none'");
	appendStringInfoChar(&buf, ')');
	pg_copy_open(stream->conn, buf.data);
	pfree(buf.data);
}

SourceStream *
pg_open_changes(const ConnectionInfo *info, const char *position,
				const StreamCallbacks *callbacks, TypePolicy *policy)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig pgoutput stream",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SourceStream *stream = palloc0(sizeof(SourceStream));
	PgConn	   *sql;

	stream->cxt = cxt;
	stream->callbacks = *callbacks;
	stream->policy = policy;
	stream->name = pstrdup(info->stream_name);
	stream->own_changes = info->own_changes;
	stream->start = stream->position = pg_parse_position(position);
	stream->confirmed = stream->received = stream->start.segment;
	if (info->keep_from != NULL)
		stream->confirmed = Min(stream->confirmed,
								pg_parse_position(info->keep_from).segment);
	stream->msg = palloc(sizeof(PgOutputMessage));
	stream->ddl_cxt = AllocSetContextCreate(cxt, "dtsmig DDL of the source",
											ALLOCSET_SMALL_SIZES);
	stream_relations_init(stream);
	spool_init(stream);

	/*
	 * Not over the connection that will send the changes: its process would
	 * keep what tables look like now, and report older rows by that.
	 */
	sql = pg_connect(info, PG_CONN_SQL);
	pg_check_slot(sql, position);
	stream->publication = pg_check_publication(sql);
	stream_check_published(stream, sql);
	pg_check_capture(sql, &stream->callbacks);
	stream->binary = pg_version_num(sql) >= 140000 &&
		strcmp(text_only, stream->name) != 0 && stream_all_binary(stream, sql);
	wait_for_slot(sql);
	stream->conn = pg_connect(info, PG_CONN_REPLICATION);
	stream->report_ms = set_sender_timeout(stream->conn);
	start_replication(stream);
	/* once more: until it was ours somebody else could read it, and move it on */
	pg_check_slot(sql, position);
	pg_close(sql);
	stream->reported = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	return stream;
}

/*
 * What somebody does to the publication or to the capture of DDL says nothing
 * in the log.
 */
void
pg_check_changes(SourceStream *stream, SourceConn *conn)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	long		patience = pg_set_patience(sql, ANSWER_MS);
	char	   *publication = pg_check_publication(sql);

	if (strcmp(publication, stream->publication) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("publication \"%s\" at the source was altered while its changes were followed",
						stream->name),
				 errdetail("Changes that were made meanwhile may be missing."),
				 errhint("If nothing was written meanwhile, or dtsmig.verify finds no difference, resume the task. Else: " SOURCE_NEW_TASK_HINT)));
	stream_check_published(stream, sql);
	pg_check_capture(sql, &stream->callbacks);
	(void) pg_set_patience(sql, patience);
}

void
pg_close_changes(SourceStream *stream)
{
	/* what the source still sends is not waited for */
	pg_close(stream->conn);
	MemoryContextDelete(stream->cxt);
}
