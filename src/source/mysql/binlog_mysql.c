/*-------------------------------------------------------------------------
 *
 * binlog_mysql.c
 *	  Events that only MySQL writes.
 *
 * Layouts: libbinlogevents (control_events.h, compression/payload_event…) and
 * the serialization library of MySQL 8.3 and later.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_mysql.h"

#include <string.h>
#include <zstd.h>

/* The largest event a server sends (its max_allowed_packet is at most this). */
#define MAX_EVENT_SIZE	((uint64_t) 0x7fffffff)

/* fields of TRANSACTION_PAYLOAD */
enum
{
	PAYLOAD_END = 0, PAYLOAD_SIZE, PAYLOAD_COMPRESSION, PAYLOAD_PLAIN_SIZE
};

#define COMPRESSION_ZSTD	0
#define COMPRESSION_NONE	255

/* fields of HEARTBEAT_V2 */
enum
{
	HEARTBEAT_END = 0, HEARTBEAT_FILE, HEARTBEAT_POSITION
};

/* fields of GTID_TAGGED */
enum
{
	TAGGED_FLAGS = 0, TAGGED_UUID, TAGGED_NUMBER, TAGGED_TAG
};

/*
 * Integer of the serialization library: as many ones at the low end of the
 * first byte as bytes follow it; the value is above them.
 */
static uint64_t
read_varint(BinlogCursor *cur)
{
	const uint8_t *p = binlog_cursor_bytes(cur, 1);
	int			more = 0;
	uint64_t	rest;

	if (p == NULL)
		return 0;
	while (more < 8 && (*p >> more & 1) != 0)
		more++;
	if (more == 8)
		return binlog_cursor_uint(cur, 8);
	rest = binlog_cursor_uint(cur, more);
	if (more == 7)
		return rest;
	return (uint64_t) (*p >> (more + 1)) | rest << (7 - more);
}

/*
 * Version, size of all, last field that must be known; then fields with their
 * number before them. The ones of interest come first.
 */
static bool
read_tagged(const BinlogEvent *event, BinlogMysqlGtid *gtid,
			BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	bool		uuid = false;
	bool		number = false;
	int			i;

	if (read_varint(&cur) != 1)
		return binlog_fail(error, "GTID_TAGGED event has an unknown version");
	read_varint(&cur);
	read_varint(&cur);
	while (!cur.failed && cur.p < cur.end)
	{
		uint64_t	v;
		const uint8_t *p;

		switch (read_varint(&cur))
		{
			case TAGGED_FLAGS:
				gtid->flags = (uint8_t) read_varint(&cur);
				continue;
			case TAGGED_UUID:
				for (i = 0; i < BINLOG_UUID_SIZE; i++)
					gtid->uuid[i] = (uint8_t) read_varint(&cur);
				uuid = true;
				continue;
			case TAGGED_NUMBER:
				/* signed: the sign is the lowest bit */
				v = read_varint(&cur);
				if (v & 1)
					cur.failed = true;
				gtid->number = v >> 1;
				number = true;
				continue;
			case TAGGED_TAG:
				v = read_varint(&cur);
				p = binlog_cursor_bytes(&cur, v);
				if (p == NULL || v >= BINLOG_TAG_SIZE || memchr(p, '\0', v) != NULL)
					return binlog_fail(error, "GTID_TAGGED event is damaged");
				memcpy(gtid->tag, p, v);
				gtid->tag[v] = '\0';
				continue;
			default:
				break;
		}
		break;
	}
	if (cur.failed || !uuid || !number || gtid->number == 0)
		return binlog_fail(error, "GTID_TAGGED event is damaged");
	return true;
}

bool
binlog_read_mysql_gtid(const BinlogEvent *event, BinlogMysqlGtid *gtid,
					   BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	const uint8_t *uuid;

	memset(gtid, 0, sizeof(*gtid));
	if (event->type == BINLOG_MYSQL_GTID_TAGGED)
		return read_tagged(event, gtid, error);
	gtid->flags = (uint8_t) binlog_cursor_uint(&cur, 1);
	uuid = binlog_cursor_bytes(&cur, BINLOG_UUID_SIZE);
	gtid->number = binlog_cursor_uint(&cur, 8);
	if (cur.failed)
		return binlog_fail(error, "%s event is damaged",
						   binlog_event_name(event->type));
	memcpy(gtid->uuid, uuid, BINLOG_UUID_SIZE);
	if (event->type == BINLOG_MYSQL_ANONYMOUS_GTID)
		gtid->number = 0;
	else if (gtid->number == 0 || gtid->number > UINT64_C(0x7fffffffffffffff))
		return binlog_fail(error, "GTID_LOG event has no number");
	return true;
}

bool
binlog_read_heartbeat_v2(const BinlogEvent *event, const char **file,
						 size_t *len, uint64_t *position, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	*file = NULL;
	*len = 0;
	*position = 0;
	while (!cur.failed && cur.p < cur.end)
	{
		uint64_t	type = binlog_cursor_packed(&cur);
		uint64_t	size;
		BinlogCursor field;

		if (type == HEARTBEAT_END)
			break;
		size = binlog_cursor_packed(&cur);
		field.p = binlog_cursor_bytes(&cur, size);
		if (field.p == NULL)
			break;
		field.end = field.p + size;
		field.failed = false;
		if (type == HEARTBEAT_FILE)
		{
			*file = (const char *) field.p;
			*len = (size_t) size;
		}
		else if (type == HEARTBEAT_POSITION)
		{
			*position = binlog_cursor_packed(&field);
			if (field.failed)
				cur.failed = true;
		}
	}
	if (cur.failed || (*file != NULL && memchr(*file, '\0', *len) != NULL))
		return binlog_fail(error, "HEARTBEAT_V2 event is damaged");
	return true;
}

/* Fields with type, length and value, up to one of type 0; then the bytes. */
bool
binlog_payload_open(BinlogPayload *payload, const BinlogEvent *event,
					BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	uint64_t	compression = COMPRESSION_NONE;
	uint64_t	size = 0;
	bool		has_plain = false;

	payload->active = false;
	payload->left = 0;
	for (;;)
	{
		uint64_t	type = binlog_cursor_packed(&cur);
		uint64_t	len;
		uint64_t	value;
		BinlogCursor field;

		if (cur.failed)
			return binlog_fail(error, "TRANSACTION_PAYLOAD event is damaged");
		if (type == PAYLOAD_END)
			break;
		len = binlog_cursor_packed(&cur);
		field.p = binlog_cursor_bytes(&cur, len);
		if (field.p == NULL)
			return binlog_fail(error, "TRANSACTION_PAYLOAD event is damaged");
		field.end = field.p + len;
		field.failed = false;
		value = binlog_cursor_packed(&field);
		if (field.failed && type <= PAYLOAD_PLAIN_SIZE)
			return binlog_fail(error, "TRANSACTION_PAYLOAD event is damaged");
		if (type == PAYLOAD_COMPRESSION)
			/* 255 is no packed integer: the writer has a longer form */
			compression = value;
		else if (type == PAYLOAD_SIZE)
			size = value;
		else if (type == PAYLOAD_PLAIN_SIZE)
		{
			payload->left = value;
			has_plain = true;
		}
	}
	payload->in = binlog_cursor_bytes(&cur, size);
	if (payload->in == NULL)
		return binlog_fail(error, "TRANSACTION_PAYLOAD event is damaged");
	payload->end = payload->in + size;
	payload->compressed = compression == COMPRESSION_ZSTD;
	if (!payload->compressed && compression != COMPRESSION_NONE)
		return binlog_fail(error, "transaction is compressed in an unknown way (%u)",
						   (unsigned) compression);
	if (!payload->compressed)
		payload->left = size;
	else
	{
		if (!has_plain)
			return binlog_fail(error, "TRANSACTION_PAYLOAD event does not have its size");
		if (payload->stream == NULL)
			payload->stream = ZSTD_createDStream();
		if (payload->stream == NULL ||
			ZSTD_isError(ZSTD_initDStream(payload->stream)))
			return binlog_fail(error, "no memory to uncompress a transaction");
	}
	payload->active = true;
	return true;
}

/* Exactly len plain bytes into to. */
static bool
payload_bytes(BinlogPayload *payload, uint8_t *to, size_t len,
			  BinlogError *error)
{
	ZSTD_inBuffer in = {payload->in, (size_t) (payload->end - payload->in), 0};
	ZSTD_outBuffer out = {to, len, 0};

	while (out.pos < out.size)
	{
		size_t		in_before = in.pos;
		size_t		out_before = out.pos;
		size_t		rc = ZSTD_decompressStream(payload->stream, &out, &in);

		if (ZSTD_isError(rc))
			return binlog_fail(error, "compressed transaction is damaged: %s",
							   ZSTD_getErrorName(rc));
		if (in.pos == in_before && out.pos == out_before)
			return binlog_fail(error, "compressed transaction ends too early");
	}
	payload->in += in.pos;
	return true;
}

bool
binlog_payload_next(BinlogPayload *payload, BinlogBuffer *buf,
					const uint8_t **data, size_t *len, BinlogError *error)
{
	uint8_t		header[BINLOG_HEADER_SIZE];
	const uint8_t *h = payload->compressed ? header : payload->in;
	BinlogCursor cur;
	uint64_t	size;

	if (payload->left == 0)
	{
		payload->active = false;
		return false;
	}
	if (payload->left < BINLOG_HEADER_SIZE)
		return binlog_fail(error, "transaction ends in the header of an event");
	if (payload->compressed &&
		!payload_bytes(payload, header, BINLOG_HEADER_SIZE, error))
		return false;
	cur.p = h + 9;
	cur.end = h + BINLOG_HEADER_SIZE;
	cur.failed = false;
	size = binlog_cursor_uint(&cur, 4);
	if (size < BINLOG_HEADER_SIZE || size > payload->left ||
		size > MAX_EVENT_SIZE)
		return binlog_fail(error, "event of %u bytes does not fit in its transaction",
						   (unsigned) size);
	payload->left -= size;
	*len = (size_t) size;
	if (!payload->compressed)
	{
		*data = payload->in;
		payload->in += size;
		return true;
	}
	if (size > buf->size && !buf->grow(buf, (size_t) size))
		return binlog_fail(error, "no memory for an event of %u bytes",
						   (unsigned) size);
	memcpy(buf->data, header, BINLOG_HEADER_SIZE);
	*data = buf->data;
	return payload_bytes(payload, buf->data + BINLOG_HEADER_SIZE,
						 (size_t) size - BINLOG_HEADER_SIZE, error);
}

void
binlog_payload_free(BinlogPayload *payload)
{
	if (payload->stream != NULL)
		ZSTD_freeDStream(payload->stream);
	payload->stream = NULL;
	payload->active = false;
}
