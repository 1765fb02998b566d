/*-------------------------------------------------------------------------
 *
 * my_stream_mysql.c
 *	  What only MySQL's change stream has: GTIDs with the name of a server,
 *	  heartbeats of version 2, and transactions in one compressed event.
 *
 * The events in such a payload are looked at as if they came one by one. They
 * have no place of their own: while they last, the stream stands at the end of
 * the event that holds them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_stream_impl.h"

#include "utils/memutils.h"

/*
 * A new file or a new transaction begins; what follows the GTID shows what it
 * is.
 */
void
stream_mysql_gtid(SourceStream *stream)
{
	BinlogMysqlGtid gtid;
	BinlogError error;

	if (!binlog_read_mysql_gtid(&stream->event, &gtid, &error))
		stream_error(stream, &error);
	stream->start.segment = stream->main.segment;
	stream->start.offset = stream->main.event_start;
	stream->state = STREAM_STANDALONE;
	stream->mysql_gtid = gtid;
	stream->has_gtid = gtid.number > 0;
}

/*
 * The head of a file has all GTIDs before it. A task that began while the source
 * had none takes them up at this point, where all that is before is done: from
 * then on its position has a set.
 */
void
stream_previous_gtids(SourceStream *stream)
{
	MemoryContext old;
	MyGtidSet	set = {0};

	if ((stream->event.flags & BINLOG_F_ARTIFICIAL) != 0 || stream->done.set.n > 0)
		return;
	old = MemoryContextSwitchTo(stream->cxt);
	stream->set_is_known = my_gtid_set_decode(&set, stream->event.body,
											  stream->event.end - stream->event.body);
	if (stream->set_is_known)
		stream->done.set = set;
	MemoryContextSwitchTo(old);
}

/* The place where the source is, in a heartbeat of either version. */
void
stream_heartbeat_place(SourceStream *stream, const char **file, size_t *len,
					   uint64 *end)
{
	StreamReader *r = &stream->main;
	BinlogError error;

	if (stream->event.type == BINLOG_HEARTBEAT)
	{
		if (!binlog_read_text(&stream->event, file, len, &error))
			stream_error(stream, &error);
		*end = (r->offset & ~UINT64CONST(0xffffffff)) | stream->event.log_pos;
		return;
	}
	if (!binlog_read_heartbeat_v2(&stream->event, file, len, end, &error))
		stream_error(stream, &error);
}

/* Frees what is not palloc'd. */
static void
free_payload(void *arg)
{
	binlog_payload_free(arg);
}

static bool
grow_payload(BinlogBuffer *buf, size_t wanted)
{
	SourceStream *stream = (SourceStream *)
		((char *) buf - offsetof(SourceStream, payload_buf));

	return stream_grow(stream, buf, wanted);
}

void
stream_mysql_init(SourceStream *stream)
{
	stream->payload_cleanup.func = free_payload;
	stream->payload_cleanup.arg = &stream->payload;
	MemoryContextRegisterResetCallback(stream->cxt, &stream->payload_cleanup);
	stream->payload_buf.grow = grow_payload;
}

/* A transaction in one event: the events in it come next. */
void
stream_open_payload(SourceStream *stream)
{
	BinlogError error;

	if (!binlog_payload_open(&stream->payload, &stream->event, &error))
		stream_error(stream, &error);
	stream->payload_format = stream->reader->format;
	stream->payload_format.checksum = BINLOG_CHECKSUM_OFF;
	stream->payload_start = stream->reader->event_start;
}

/* The next event of the payload; false when there is none. */
bool
stream_payload_event(SourceStream *stream)
{
	const uint8 *data;
	size_t		len;
	BinlogError error;

	if (!stream->payload.active)
		return false;
	if (!binlog_payload_next(&stream->payload, &stream->payload_buf, &data,
							 &len, &error))
	{
		if (!stream->payload.active)
			return false;
		stream_error(stream, &error);
	}
	if (!binlog_open_event(&stream->payload_format, data, len, &stream->event,
						   &error))
		stream_error(stream, &error);
	switch (stream->event.type)
	{
		case BINLOG_FORMAT_DESCRIPTION:
		case BINLOG_ROTATE:
		case BINLOG_MYSQL_TRANSACTION_PAYLOAD:
			binlog_fail(&error, "an event of type %s lies in a transaction",
						binlog_event_name(stream->event.type));
			stream_error(stream, &error);
	}
	stream->event.log_pos = 0;
	stream->reader->event_start = stream->payload_start;
	return true;
}

/*
 * Is the current transaction in a position that is known by GTID alone? Such
 * positions are few, and asked of again and again: they are kept.
 */
bool
my_stream_is_in(SourceStream *stream, const char *position)
{
	KnownPosition *known = NULL;
	ListCell   *lc;
	int			i;

	if (!stream->has_gtid)
		return false;
	foreach(lc, stream->known)
	{
		known = lfirst(lc);
		if (strcmp(known->text, position) == 0)
			break;
		known = NULL;
	}
	if (known == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->cxt);

		known = palloc0(sizeof(KnownPosition));
		known->text = pstrdup(position);
		my_position_read(position, &known->pos);
		stream->known = lappend(stream->known, known);
		MemoryContextSwitchTo(old);
	}
	if (!stream->mariadb)
		return my_gtid_set_contains(&known->pos.set, stream->mysql_gtid.uuid,
									stream->mysql_gtid.tag,
									stream->mysql_gtid.number);
	for (i = 0; i < known->pos.ngtids; i++)
		if (known->pos.gtids[i].domain == stream->gtid.domain)
			return stream->gtid.seq <= known->pos.gtids[i].seq;
	return false;
}
