/*-------------------------------------------------------------------------
 *
 * my_stream.c
 *	  The change stream of a MySQL-family source: its life, and transactions.
 *
 * Events come one at a time and are looked at where the connection has put
 * them. What they mean depends on where the stream is:
 *
 *			  GTID(standalone),						statement
 *			  MySQL's GTID			  +------------+ (DDL, or BEGIN + COMMIT)
 *		+---------------------------> | STANDALONE | -----------------+
 *		|							  +-----+------+				  |
 *		|								BEGIN |	  XA START			  |
 *	+---+--+   GTID, BEGIN, rows	+---------v------+				  |
 *	| IDLE | ---------------------> | IN_TRANSACTION | --XID, COMMIT--+
 *	+---^--+						+----------------+				  |
 *		|	   GTID(prepared XA)	+-----------+					  |
 *		+	---------------------->	| PREPARING | --XA_PREPARE--------+
 *		|							+-----------+					  |
 *		+-------------------------------------------------------------+
 *
 * - The rows of an XA transaction are not reported when they come by, for nobody
 *	 knows yet whether it will commit. Its place is kept in the position's
 *	 text; at XA COMMIT a second connection reads those rows again, and they
 *	 are reported as a transaction of that moment.
 * - A transaction without an end, because the source crashed while it wrote
 *	 it, or one that ends with ROLLBACK, is void. As its rows have been reported
 *	 already, a ROLLBACK is reported and its place remembered: a stream that this
 *	 process opens before it passes it over (my_stream_void.c). The same for
 *	 ROLLBACK TO a savepoint, except that an error (40000) is raised.
 *
 * - A statement may share its transaction with rows (CREATE TABLE … SELECT).
 *	 The position after it is the start of the transaction, and that so many
 *	 statements of it are done. Of it, by its GTID: another server may have
 *	 the transactions of several domains in another order.
 *
 * Memory: an event, in the connection's buffer, and once more if it has to
 * be uncompressed; the tables that TABLE_MAPs announced. Nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_stream_impl.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A source that sends no heartbeat for so long is taken for dead. */
#define SILENCE_LIMIT_MS	30000

/* After so many events without a change a look is taken at the clock. */
#define EVENTS_PER_LOOK		256

/* A buffer larger than that is given back after the event it was for. */
#define PLAIN_KEEP_SIZE		(16 * 1024 * 1024)

/* ------------------------------------------------------------- reporting */

static void
event_context(void *arg)
{
	SourceStream *stream = arg;

	if (stream->reader->file[0] == '\0')
		errcontext("binary log after GTID %s",
				   my_position_gtids(&stream->done));
	else if (stream->event.type == 0)
		errcontext("binary log \"%s\", position " UINT64_FORMAT,
				   stream->reader->file, stream->reader->offset);
	else
		errcontext("binary log \"%s\", event %s that ends at " UINT64_FORMAT,
				   stream->reader->file, binlog_event_name(stream->event.type),
				   stream->reader->offset);
}

void
stream_error(SourceStream *stream, const BinlogError *error)
{
	StreamReader *r = stream->reader;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("could not read binary log \"%s\" near position " UINT64_FORMAT ": %s",
					r->file, r->offset, error->message)));
}

SourcePos
stream_end_pos(SourceStream *stream)
{
	SourcePos	pos;

	pos.segment = stream->main.segment;
	pos.offset = stream->main.offset;
	return pos;
}

TimestampTz
stream_event_time(SourceStream *stream)
{
	return time_t_to_timestamptz((pg_time_t) stream->event.timestamp);
}

/* --------------------------------------------------------------- reporting */

Change *
stream_queue(SourceStream *stream, ChangeKind kind)
{
	Change	   *change;

	if (stream->queue_len == STREAM_QUEUE_SIZE)
		elog(ERROR, "queue of the change stream is full");
	change = &stream->queue[(stream->queue_head + stream->queue_len++) %
							STREAM_QUEUE_SIZE];
	memset(change, 0, sizeof(*change));
	change->kind = kind;
	change->pos = kind == CHANGE_BEGIN || kind == CHANGE_TRUNCATE ?
		stream->start : stream_end_pos(stream);
	if (kind != CHANGE_HEARTBEAT)
		change->commit_time = stream_event_time(stream);
	return change;
}

void
stream_begin(SourceStream *stream)
{
	MemoryContextReset(stream->txcxt);
	stream->savepoints = NIL;
	stream->state = STREAM_IN_TRANSACTION;
	stream->begin_sent = false;
	stream->transactions++;
	stream->statements = 0;
	stream->rows_sent = 0;
	stream->transactional_sent = false;
	stream->other_sent = false;
}

/*
 * Reports BEGIN: with the first thing in the transaction that is of interest.
 */
void
stream_report_begin(SourceStream *stream)
{
	if (!stream->begin_sent)
		stream_queue(stream, CHANGE_BEGIN);
	stream->begin_sent = true;
}

void
stream_commit(SourceStream *stream)
{
	stream_report_begin(stream);
	stream_queue(stream, CHANGE_COMMIT);
	stream->state = STREAM_IDLE;
}

/* A transaction of which nothing is of interest: the position moves on. */
void
stream_move(SourceStream *stream)
{
	stream_begin(stream);
	stream_commit(stream);
}

char *
stream_group(const SourceStream *stream)
{
	MyGtidSet	set = {0};
	StringInfoData buf;

	if (!stream->has_gtid || (!stream->mariadb && stream->mysql_gtid.number == 0))
		return NULL;
	if (stream->mariadb)
		return psprintf("%u-%u-" UINT64_FORMAT, stream->gtid.domain,
						stream->gtid_server_id, (uint64) stream->gtid.seq);
	my_gtid_set_add(&set, stream->mysql_gtid.uuid, stream->mysql_gtid.tag,
					stream->mysql_gtid.number, stream->mysql_gtid.number);
	initStringInfo(&buf);
	my_gtid_set_text(&set, &buf);
	return buf.data;
}

/* Notes where the stream is, once the end of a transaction is handed out. */
static void
note_done(SourceStream *stream, ChangeKind kind)
{
	MyPosition *done = &stream->done;
	StreamReader *r = &stream->main;

	if (strcmp(done->file, r->file) != 0)
		strlcpy(done->file, r->file, MY_FILE_SIZE);
	done->offset = r->offset;
	done->statements = 0;
	if (done->group != NULL)
		pfree(done->group);
	done->group = NULL;
	if (kind == CHANGE_DDL && stream->state == STREAM_IN_TRANSACTION &&
		!stream->begin_sent)
	{
		/* the rest of the transaction cannot be had without its beginning */
		done->offset = stream->start.offset;
		done->statements = stream->statements;
		done->group = stream_group(stream);
	}
	if (stream->has_gtid && stream->state == STREAM_IDLE)
	{
		if (stream->mariadb)
			my_position_add_gtid(done, stream->gtid.domain,
								 stream->gtid_server_id, stream->gtid.seq);
		else if (done->set.n > 0 || stream->set_is_known)
			my_gtid_set_add(&done->set, stream->mysql_gtid.uuid,
							stream->mysql_gtid.tag, stream->mysql_gtid.number,
							stream->mysql_gtid.number);
		stream->has_gtid = false;
	}
	if (stream->ended_xid != NULL && kind == CHANGE_COMMIT)
	{
		my_position_remove_prepared(done, stream->ended_xid);
		pfree(stream->ended_xid);
		stream->ended_xid = NULL;
	}
	if (stream->prepared_xid != NULL && kind == CHANGE_COMMIT)
	{
		my_position_add_prepared(done, stream->prepared_xid, r->file,
								 stream->start.offset);
		pfree(stream->prepared_xid);
		stream->prepared_xid = NULL;
	}
}

static Change *
dequeue(SourceStream *stream)
{
	Change	   *change = &stream->queue[stream->queue_head];

	stream->queue_head = (stream->queue_head + 1) % STREAM_QUEUE_SIZE;
	stream->queue_len--;

	/* one that an event of the next file ended leaves the position as it is */
	if ((change->kind == CHANGE_COMMIT || change->kind == CHANGE_HEARTBEAT ||
		 change->kind == CHANGE_DDL) &&
		source_pos_cmp(change->pos, stream_end_pos(stream)) == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->eventcxt);

		if (change->kind == CHANGE_DDL)
			change->ddl_before = my_position_text(&stream->done);
		MemoryContextSwitchTo(stream->cxt);
		note_done(stream, change->kind);
		MemoryContextSwitchTo(old);
	}
	return change;
}

/*
 * A new file or a new transaction begins: one that is still open will never
 * end, for the source crashed while it wrote it.
 */
static void
end_unfinished(SourceStream *stream)
{
	stream_forget_maps(stream);
	if (stream->state == STREAM_IN_TRANSACTION && stream->begin_sent)
	{
		stream->has_gtid = false;
		stream_void(stream, stream->start.offset);

		/* it ended before this event, which has a place of its own */
		stream->queue[(stream->queue_head + stream->queue_len - 1) %
					  STREAM_QUEUE_SIZE].pos.offset = stream->main.event_start;
	}
	stream->state = STREAM_IDLE;
	stream->has_gtid = false;
}

/* ---------------------------------------------------------------- events */

/* Nothing came: is the source still alive? */
static void
check_silence(SourceStream *stream)
{
	StreamReader *r = stream->reader;
	TimestampTz now = GetCurrentTimestamp();

	if (r->silent_since == 0 || my_heard(r->conn))
		r->silent_since = now;
	else if (TimestampDifferenceExceeds(r->silent_since, now, SILENCE_LIMIT_MS))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("server \"%s\" has sent no heartbeat for %d seconds",
						stream->info.server_name, SILENCE_LIMIT_MS / 1000)));
}

/*
 * Moves the reader's offset to the end of the event. The header has its low
 * 32 bits; files grow beyond those by a large transaction.
 */
static void
move_offset(StreamReader *r, const BinlogEvent *event, bool mariadb)
{
	uint64		end;

	if (event->log_pos == 0 || (event->flags & BINLOG_F_ARTIFICIAL) != 0 ||
		event->type == BINLOG_HEARTBEAT)
	{
		r->event_start = r->offset;
		/*
		 * MariaDB 11.7 and later leave the end out of what they gather until
		 * the commit (binlog_legacy_event_pos); and all out of what a stream
		 * begins with.
		 */
		if (mariadb && event->log_pos == 0 && (event->flags & BINLOG_F_ARTIFICIAL) == 0 &&
			event->type != BINLOG_HEARTBEAT && event->type != BINLOG_ROTATE &&
			event->type != BINLOG_FORMAT_DESCRIPTION && event->type != BINLOG_GTID_LIST &&
			event->type != BINLOG_CHECKPOINT && event->type != BINLOG_START_ENCRYPTION)
			r->offset += event->size;
		return;
	}
	end = (r->offset & ~UINT64CONST(0xffffffff)) | event->log_pos;
	if (end < r->offset)
		end += UINT64CONST(1) << 32;
	r->offset = end;
	r->event_start = end >= event->size ? end - event->size : 0;
}

bool
stream_read_event(SourceStream *stream, long timeout_ms)
{
	StreamReader *r = stream->reader;
	const uint8 *data;
	Size		len;
	BinlogError error;

	if (!my_read_packet(r->conn, timeout_ms, &data, &len))
	{
		check_silence(stream);
		return false;
	}
	r->silent_since = 0;
	if (len == 0 || data[0] != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("server \"%s\" has ended the stream of its binary log",
						stream->info.server_name)));
	if (!binlog_open_event(&r->format, data + 1, len - 1, &stream->event,
						   &error))
		stream_error(stream, &error);
	if (stream->event.size != len - 1)
	{
		binlog_fail(&error, "event has %u of %zu bytes", stream->event.size,
					(size_t) len - 1);
		stream_error(stream, &error);
	}
	move_offset(r, &stream->event, stream->mariadb);
	return true;
}

static void
set_file(StreamReader *r, const char *file, size_t len)
{
	if (len >= MY_FILE_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("name of a binary log is too long")));
	memcpy(r->file, file, len);
	r->file[len] = '\0';
	r->segment = my_file_segment(r->file);
}

static void
handle_rotate(SourceStream *stream)
{
	BinlogRotate rotate;
	BinlogError error;

	if (!binlog_read_rotate(&stream->event, &rotate, &error))
		stream_error(stream, &error);
	end_unfinished(stream);
	set_file(&stream->main, rotate.file, rotate.file_len);
	stream->main.offset = rotate.position;
}

/* MariaDB's GTID begins a transaction, or stands before one statement. */
static void
handle_gtid(SourceStream *stream)
{
	BinlogError error;

	end_unfinished(stream);
	if (!binlog_read_gtid(&stream->event, &stream->gtid, &error))
		stream_error(stream, &error);
	stream->has_gtid = true;
	stream->gtid_server_id = stream->event.server_id;
	stream->start.segment = stream->main.segment;
	stream->start.offset = stream->main.event_start;
	if (stream->gtid.flags & BINLOG_GTID_PREPARED_XA)
		stream->state = STREAM_PREPARING;
	else if (stream->gtid.flags &
			 (BINLOG_GTID_STANDALONE | BINLOG_GTID_COMPLETED_XA))
		stream->state = STREAM_STANDALONE;
	else
		stream_begin(stream);
}

/*
 * The head of a file has the state of all domains before it. A stream that was
 * asked for by GTID begins somewhere in the file, behind that state: it knows its
 * own, and notes each transaction from there on.
 */
static void
handle_gtid_list(SourceStream *stream)
{
	BinlogGtidList list;
	BinlogError error;
	MemoryContext old;
	uint32		i;

	if (stream->by_gtid || (stream->event.flags & BINLOG_F_ARTIFICIAL) != 0)
		return;
	if (!binlog_read_gtid_list(&stream->event, &list, &error))
		stream_error(stream, &error);
	old = MemoryContextSwitchTo(stream->cxt);
	for (i = 0; i < list.count; i++)
	{
		uint32		domain;
		uint32		server_id;
		uint64		seq;

		/* of a domain, the latest comes last */
		binlog_gtid_list_entry(&list, i, &domain, &server_id, &seq);
		my_position_add_gtid(&stream->done, domain, server_id, seq);
	}
	MemoryContextSwitchTo(old);
}

static void
handle_heartbeat(SourceStream *stream)
{
	StreamReader *r = &stream->main;
	const char *file;
	size_t		len;
	uint64		end;

	stream_heartbeat_place(stream, &file, &len, &end);
	if (len > 0 && (strlen(r->file) != len || memcmp(r->file, file, len) != 0))
	{
		end_unfinished(stream);
		set_file(r, file, len);
		r->offset = stream->event.type == BINLOG_HEARTBEAT ?
			stream->event.log_pos : end;
	}
	else if (end > r->offset)
		r->offset = end;
	if (stream->state == STREAM_IDLE && r->offset > 0)
		stream_queue(stream, CHANGE_HEARTBEAT);
}

/* The rows of an XA transaction have come by; they wait for its COMMIT. */
static void
handle_xa_prepare(SourceStream *stream)
{
	BinlogXid	xid;
	bool		one_phase;
	BinlogError error;

	if (!binlog_read_xa_prepare(&stream->event, &one_phase, &xid, &error))
		stream_error(stream, &error);
	stream_forget_maps(stream);
	if (stream->state == STREAM_IN_TRANSACTION)
		stream_commit(stream);
	else if (stream->state == STREAM_PREPARING)
		stream_prepared(stream, &xid, one_phase);
}

bool
stream_skips(SourceStream *stream, const char *what)
{
	const StreamReader *r = stream->reader;

	return stream->callbacks.skips != NULL &&
		stream->callbacks.skips(stream->callbacks.arg,
								psprintf("event %s:" UINT64_FORMAT, r->file,
										 r->event_start), what);
}

static void
handle_incident(SourceStream *stream)
{
	BinlogIncident incident;
	BinlogError error;
	char	   *message;

	if (!binlog_read_incident(&stream->event, &incident, &error))
		stream_error(stream, &error);
	message = stream_to_server(incident.message, incident.message_len);
	if (stream_settle(stream) || stream_skips(stream, psprintf("incident: %s", message)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the source has logged an incident at position " UINT64_FORMAT " of \"%s\": %s",
					stream->main.event_start, stream->main.file, message),
			 errdetail("Changes before it may be missing from the binary log."),
			 errhint("Leave it out, and have each table copied again (dtsmig.resync_table) that may have been written.")));
}

static void
unknown_event(SourceStream *stream)
{
	uint8		type = stream->event.type;

	if ((stream->event.flags & BINLOG_F_IGNORABLE) || stream_settle(stream) ||
		stream_skips(stream, psprintf("event of type %d (%s)", type,
									  binlog_event_name(type))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("event of type %d (%s) at position " UINT64_FORMAT " of \"%s\" is not supported",
					type, binlog_event_name(type), stream->main.event_start,
					stream->main.file),
			 errdetail("The source does not mark it as one that may be skipped. All that is before it is applied."),
			 errhint("Leave it out, and have the tables copied again that it changed.")));
}

static void
handle_event(SourceStream *stream)
{
	uint8		type = stream->event.type;

	if (binlog_is_rows_event(type))
	{
		stream_rows(stream);
		return;
	}
	switch (type)
	{
		case BINLOG_ANNOTATE_ROWS:
			stream_annotate(stream);
			break;
		case BINLOG_TABLE_MAP:
			stream_table_map(stream);
			break;
		case BINLOG_XID:
			if (stream->state == STREAM_IN_TRANSACTION)
				stream_commit(stream);
			else
				stream_move(stream);
			break;
		case BINLOG_QUERY:
		case BINLOG_QUERY_COMPRESSED:
		case BINLOG_EXECUTE_LOAD_QUERY:
			stream_query(stream);
			break;
		case BINLOG_GTID:
			handle_gtid(stream);
			break;
		case BINLOG_MYSQL_GTID:
		case BINLOG_MYSQL_ANONYMOUS_GTID:
		case BINLOG_MYSQL_GTID_TAGGED:
			end_unfinished(stream);
			stream_mysql_gtid(stream);
			break;
		case BINLOG_MYSQL_PREVIOUS_GTIDS:
			stream_previous_gtids(stream);
			break;
		case BINLOG_MYSQL_TRANSACTION_PAYLOAD:
			stream_open_payload(stream);
			break;
		case BINLOG_FORMAT_DESCRIPTION:
			end_unfinished(stream);
			break;
		case BINLOG_ROTATE:
			handle_rotate(stream);
			break;
		case BINLOG_HEARTBEAT:
		case BINLOG_MYSQL_HEARTBEAT_V2:
			handle_heartbeat(stream);
			break;
		case BINLOG_GTID_LIST:
			handle_gtid_list(stream);
			break;
		case BINLOG_XA_PREPARE:
			handle_xa_prepare(stream);
			break;
		case BINLOG_INCIDENT:
			handle_incident(stream);
			break;
		case BINLOG_STOP:
		case BINLOG_INTVAR:		/* of the statement that follows */
		case BINLOG_RAND:
		case BINLOG_USER_VAR:
		case BINLOG_BEGIN_LOAD_QUERY:	/* of an EXECUTE_LOAD_QUERY */
		case BINLOG_APPEND_BLOCK:
		case BINLOG_DELETE_FILE:
		case BINLOG_IGNORABLE:
		case BINLOG_ROWS_QUERY:
		case BINLOG_CHECKPOINT:
		case BINLOG_START_ENCRYPTION:	/* the server sends plain events */
		case BINLOG_MYSQL_TRANSACTION_CONTEXT:
		case BINLOG_MYSQL_VIEW_CHANGE:
			break;
		default:
			unknown_event(stream);
			break;
	}
}

/* ------------------------------------------------------------------ life */

/* An event of a transaction that is read again. */
static void
handle_replayed(SourceStream *stream)
{
	uint8		type = stream->event.type;

	if (type == BINLOG_ANNOTATE_ROWS)
		stream_annotate(stream);
	else if (type == BINLOG_TABLE_MAP)
		stream_table_map(stream);
	else if (binlog_is_rows_event(type))
		stream_rows(stream);
	else if (type == BINLOG_QUERY || type == BINLOG_QUERY_COMPRESSED)
		stream_replayed_query(stream);
	else if (type == BINLOG_MYSQL_TRANSACTION_PAYLOAD)
		stream_open_payload(stream);
	else if (type == BINLOG_XA_PREPARE)
	{
		/* it may have come in a payload that the connection holds */
		stream->payload.active = false;
		MemoryContextDelete(stream->replaycxt);
		stream->replay.conn = NULL;
		stream->reader = &stream->main;
		stream_forget_maps(stream);
		stream_commit(stream);
		stream->queue[(stream->queue_head + stream->queue_len - 1) %
					  STREAM_QUEUE_SIZE].commit_time = stream->replay_time;
	}
}

static void
dispatch(SourceStream *stream)
{
	if (stream->reader == &stream->replay)
		handle_replayed(stream);
	else
		handle_event(stream);
}

/*
 * Much has been read of a transaction that is of no interest, or the rest of
 * one keeps us waiting: the source is alive (check_silence sees to that), but
 * the position can't move on yet.
 */
static Change *
still_reading(SourceStream *stream)
{
	Change	   *change = stream_queue(stream, CHANGE_HEARTBEAT);

	change->pos.segment = my_file_segment(stream->done.file);
	change->pos.offset = stream->done.offset;
	return dequeue(stream);
}

/*
 * What is left of timeout_ms since *started, which is set by the first look
 * at the clock: most changes need none.
 */
static long
time_left(TimestampTz *started, long timeout_ms)
{
	TimestampTz now;

	if (timeout_ms <= 0)
		return 0;
	now = GetCurrentTimestamp();
	if (*started == 0)
		*started = now;
	return TimestampDifferenceMilliseconds(now,
										   TimestampTzPlusMilliseconds(*started, timeout_ms));
}

static Change *
next_change(SourceStream *stream, MemoryContext rowcxt, long timeout_ms)
{
	TimestampTz started = 0;
	int			events = 0;

	for (;;)
	{
		if (stream->queue_len > 0)
			return dequeue(stream);
		if (stream_rows_pending(stream))
		{
			Change	   *change = stream_next_row(stream, rowcxt);

			if (change != NULL)
				return change;
			continue;
		}
		if (stream->voided)
			stream_reopen();

		if (stream->plain.size > PLAIN_KEEP_SIZE)
		{
			pfree(stream->plain.data);
			stream->plain.data = NULL;
			stream->plain.size = 0;
		}
		if (!stream->payload.active &&
			stream->payload_buf.size > PLAIN_KEEP_SIZE)
		{
			pfree(stream->payload_buf.data);
			stream->payload_buf.data = NULL;
			stream->payload_buf.size = 0;
		}
		CHECK_FOR_INTERRUPTS();
		if (stream->settling)
		{
			dispatch(stream);
			stream->settling = false;
			continue;
		}
		if (events++ % EVENTS_PER_LOOK == EVENTS_PER_LOOK - 1 &&
			time_left(&started, timeout_ms) == 0)
			return still_reading(stream);
		if (!stream_payload_event(stream) && !stream_read_event(stream, 0))
		{
			long		left = time_left(&started, timeout_ms);

			if (left == 0 || !stream_read_event(stream, left))
				return stream->state == STREAM_IN_TRANSACTION &&
					timeout_ms > 0 ? still_reading(stream) : NULL;
		}
		dispatch(stream);
	}
}

Change *
my_next_change(SourceStream *stream, MemoryContext rowcxt, long timeout_ms)
{
	ErrorContextCallback callback;
	Change	   *change;

	callback.callback = event_context;
	callback.arg = stream;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	change = next_change(stream, rowcxt, timeout_ms);
	error_context_stack = callback.previous;
	return change;
}

char *
my_stream_position(SourceStream *stream)
{
	return my_position_text(&stream->done);
}

/* A binlog keeps its files as long as it is configured to, read or not. */
void
my_confirm(SourceStream *stream, const char *position)
{
}

void
my_close_changes(SourceStream *stream)
{
	MemoryContextDelete(stream->cxt);
}
