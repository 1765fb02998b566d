/*-------------------------------------------------------------------------
 *
 * binlog_event.c
 *	  Events of a binlog that are not about rows.
 *
 * Nothing here trusts a length from the wire: every read goes through a
 * BinlogCursor, which never leaves the event.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* The largest event a server sends (its max_allowed_packet is at most this). */
#define MAX_PLAIN_SIZE	((size_t) 0x7fffffff)

/* Up to so many bytes, our CRC is faster than zlib's. */
#define SHORT_CRC	400

/* lengths of parts of events */
#define GTID_FIXED_SIZE			19
#define GTID_LIST_ENTRY_SIZE	16
#define LOAD_QUERY_EXTRA_SIZE	13

/* status variables of QUERY */
enum
{
	Q_FLAGS2 = 0, Q_SQL_MODE, Q_CATALOG, Q_AUTO_INCREMENT, Q_CHARSET,
	Q_TIME_ZONE, Q_CATALOG_NZ, Q_LC_TIME_NAMES, Q_CHARSET_DATABASE,
	Q_TABLE_MAP_FOR_UPDATE, Q_MASTER_DATA_WRITTEN, Q_INVOKER,
	Q_UPDATED_DB_NAMES, Q_MICROSECONDS,
	Q_EXPLICIT_DEFAULTS_FOR_TIMESTAMP = 16, Q_DDL_LOGGED_WITH_XID,
	Q_DEFAULT_COLLATION_FOR_UTF8MB4, Q_SQL_REQUIRE_PRIMARY_KEY,
	Q_DEFAULT_TABLE_ENCRYPTION,
	Q_HRNOW = 128, Q_XID, Q_GTID_FLAGS3, Q_CHARACTER_SET_COLLATIONS
};

uint64_t
binlog_cursor_uint(BinlogCursor *cur, int bytes)
{
	uint64_t	v = 0;
	int			i;

	if (cur->failed || cur->end - cur->p < bytes)
	{
		cur->failed = true;
		return 0;
	}
	for (i = bytes - 1; i >= 0; i--)
		v = v << 8 | cur->p[i];
	cur->p += bytes;
	return v;
}

uint64_t
binlog_cursor_packed(BinlogCursor *cur)
{
	uint64_t	first = binlog_cursor_uint(cur, 1);

	switch (first)
	{
		case 251:
		case 255:
			cur->failed = true;
			return 0;
		case 252:
			return binlog_cursor_uint(cur, 2);
		case 253:
			return binlog_cursor_uint(cur, 3);
		case 254:
			return binlog_cursor_uint(cur, 8);
		default:
			return first;
	}
}

const uint8_t *
binlog_cursor_bytes(BinlogCursor *cur, uint64_t len)
{
	const uint8_t *p = cur->p;

	if (cur->failed || len > (uint64_t) (cur->end - cur->p))
	{
		cur->failed = true;
		return NULL;
	}
	cur->p += len;
	return p;
}

bool
binlog_fail(BinlogError *error, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return false;
}

const char *
binlog_event_name(uint8_t type)
{
	static const char *const low[] = {
		"UNKNOWN", "START_V3", "QUERY", "STOP", "ROTATE", "INTVAR", "LOAD",
		"SLAVE", "CREATE_FILE", "APPEND_BLOCK", "EXEC_LOAD", "DELETE_FILE",
		"NEW_LOAD", "RAND", "USER_VAR", "FORMAT_DESCRIPTION", "XID",
		"BEGIN_LOAD_QUERY", "EXECUTE_LOAD_QUERY", "TABLE_MAP",
		"PRE_GA_WRITE_ROWS", "PRE_GA_UPDATE_ROWS", "PRE_GA_DELETE_ROWS",
		"WRITE_ROWS_V1", "UPDATE_ROWS_V1", "DELETE_ROWS_V1", "INCIDENT",
		"HEARTBEAT", "IGNORABLE", "ROWS_QUERY", "WRITE_ROWS", "UPDATE_ROWS",
		"DELETE_ROWS", "GTID_LOG", "ANONYMOUS_GTID", "PREVIOUS_GTIDS",
		"TRANSACTION_CONTEXT", "VIEW_CHANGE", "XA_PREPARE",
		"PARTIAL_UPDATE_ROWS", "TRANSACTION_PAYLOAD", "HEARTBEAT_V2",
		"GTID_TAGGED"
	};
	static const char *const high[] = {
		"ANNOTATE_ROWS", "BINLOG_CHECKPOINT", "GTID", "GTID_LIST",
		"START_ENCRYPTION", "QUERY_COMPRESSED", "WRITE_ROWS_COMPRESSED_V1",
		"UPDATE_ROWS_COMPRESSED_V1", "DELETE_ROWS_COMPRESSED_V1",
		"WRITE_ROWS_COMPRESSED", "UPDATE_ROWS_COMPRESSED",
		"DELETE_ROWS_COMPRESSED"
	};

	if (type < sizeof(low) / sizeof(low[0]))
		return low[type];
	if (type >= BINLOG_ANNOTATE_ROWS &&
		type - BINLOG_ANNOTATE_ROWS < (int) (sizeof(high) / sizeof(high[0])))
		return high[type - BINLOG_ANNOTATE_ROWS];
	return low[0];
}

void
binlog_format_init(BinlogFormat *format)
{
	memset(format, 0, sizeof(*format));
	format->header_size = BINLOG_HEADER_SIZE;
}

/*
 * CRC-32 as zlib's, which needs twice the time for pieces as short as most
 * events are: 16 bytes a step, with a table for each of them.
 */
static uint32_t
short_crc(uint32_t crc, const uint8_t *p, size_t len)
{
	static uint32_t table[16][256];
	static bool ready = false;
	int			i;
	int			t;

	if (!ready)
	{
		for (i = 0; i < 256; i++)
		{
			uint32_t	c = i;

			for (t = 0; t < 8; t++)
				c = c & 1 ? c >> 1 ^ UINT32_C(0xedb88320) : c >> 1;
			table[0][i] = c;
		}
		for (t = 1; t < 16; t++)
			for (i = 0; i < 256; i++)
				table[t][i] = table[t - 1][i] >> 8 ^
					table[0][table[t - 1][i] & 0xff];
		ready = true;
	}
	crc = ~crc;
	for (; len >= 16; p += 16, len -= 16)
	{
		uint32_t	x = crc ^ (p[0] | p[1] << 8 | p[2] << 16 |
							   (uint32_t) p[3] << 24);

		crc = table[15][x & 0xff] ^ table[14][x >> 8 & 0xff] ^
			table[13][x >> 16 & 0xff] ^ table[12][x >> 24];
		for (i = 4; i < 16; i++)
			crc ^= table[15 - i][p[i]];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

static uint32_t
any_crc(uint32_t crc, const uint8_t *p, size_t len)
{
	return len < SHORT_CRC ? short_crc(crc, p, len) :
		(uint32_t) crc32_z(crc, p, len);
}

/*
 * The CRC of an event. That of a FORMAT_DESCRIPTION was made before the log
 * was marked as in use.
 */
static uint32_t
event_crc(const uint8_t *data, size_t len, uint8_t type)
{
	uint8_t		flags[2];
	uint32_t	crc;

	if (type != BINLOG_FORMAT_DESCRIPTION)
		return any_crc(0, data, len);
	flags[0] = data[17] & ~BINLOG_F_IN_USE;
	flags[1] = data[18];
	crc = any_crc(0, data, 17);
	crc = any_crc(crc, flags, 2);
	return any_crc(crc, data + BINLOG_HEADER_SIZE, len - BINLOG_HEADER_SIZE);
}

static bool
crc_matches(const uint8_t *data, size_t size, uint8_t type)
{
	BinlogCursor cur = {data + size - BINLOG_CHECKSUM_SIZE, data + size, false};

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return true;
#endif
	return (uint32_t) binlog_cursor_uint(&cur, 4) ==
		event_crc(data, size - BINLOG_CHECKSUM_SIZE, type);
}

/* Does a server of this version write the checksum algorithm and a CRC? */
static bool
version_has_checksum(const char *version, bool mariadb)
{
	int			major = 0;
	int			minor = 0;
	int			patch = 0;

	if (sscanf(version, "%3d.%3d.%3d", &major, &minor, &patch) < 2)
		return false;
	if (mariadb)
		return major * 100 + minor >= 503;
	return major * 10000 + minor * 100 + patch >= 50601;
}

/*
 * FORMAT_DESCRIPTION: version (2), server version (50), created (4), header
 * size (1), post-header sizes from type 1 on; then, if the server knows
 * checksums, the algorithm (1) and a CRC, which is there even if the
 * algorithm is "none".
 */
static bool
read_format(BinlogEvent *event, const uint8_t *data, BinlogFormat *format,
			BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	BinlogFormat f;
	unsigned	version;
	const uint8_t *text;
	size_t		ntypes;

	memset(&f, 0, sizeof(f));
	version = (unsigned) binlog_cursor_uint(&cur, 2);
	text = binlog_cursor_bytes(&cur, 50);
	f.created = (uint32_t) binlog_cursor_uint(&cur, 4);
	f.header_size = (uint8_t) binlog_cursor_uint(&cur, 1);
	if (cur.failed)
		return binlog_fail(error, "FORMAT_DESCRIPTION event is too short");
	if (version != 4 || f.header_size != BINLOG_HEADER_SIZE)
		return binlog_fail(error,
						   "binlog version %u with headers of %d bytes is not supported",
						   version, f.header_size);
	memcpy(f.server_version, text, 50);
	f.mariadb = strstr(f.server_version, "MariaDB") != NULL;

	if (version_has_checksum(f.server_version, f.mariadb))
	{
		if (cur.end - cur.p < 1 + BINLOG_CHECKSUM_SIZE)
			return binlog_fail(error, "FORMAT_DESCRIPTION event is too short");
		cur.end -= 1 + BINLOG_CHECKSUM_SIZE;
		f.checksum = *cur.end;
		if (f.checksum > BINLOG_CHECKSUM_CRC32)
			return binlog_fail(error, "checksum algorithm %d is not supported",
							   f.checksum);
		if (f.checksum == BINLOG_CHECKSUM_CRC32 &&
			!crc_matches(data, event->size, event->type))
			return binlog_fail(error, "checksum of FORMAT_DESCRIPTION does not match");
		event->end = cur.end;
	}
	ntypes = (size_t) (cur.end - cur.p);
	if (ntypes > sizeof(f.post_header) - 1)
		return binlog_fail(error, "FORMAT_DESCRIPTION event is too long");
	memcpy(f.post_header + 1, cur.p, ntypes);
	f.known = true;
	*format = f;
	return true;
}

bool
binlog_open_event(BinlogFormat *format, const uint8_t *data, size_t len,
				  BinlogEvent *event, BinlogError *error)
{
	BinlogCursor cur = {data, data + len, false};
	bool		has_crc;

	event->timestamp = (uint32_t) binlog_cursor_uint(&cur, 4);
	event->type = (uint8_t) binlog_cursor_uint(&cur, 1);
	event->server_id = (uint32_t) binlog_cursor_uint(&cur, 4);
	event->size = (uint32_t) binlog_cursor_uint(&cur, 4);
	event->log_pos = (uint32_t) binlog_cursor_uint(&cur, 4);
	event->flags = (uint16_t) binlog_cursor_uint(&cur, 2);
	if (cur.failed)
		return binlog_fail(error, "event of %zu bytes has no whole header", len);
	if (event->size < BINLOG_HEADER_SIZE || event->size > len)
		return binlog_fail(error, "event of type %d says it has %u bytes, but there are %zu",
						   event->type, event->size, len);
	event->body = cur.p;
	event->end = data + event->size;

	if (event->type == BINLOG_FORMAT_DESCRIPTION)
		return read_format(event, data, format, error);

	/*
	 * A ROTATE that the server makes up comes before the format of the file
	 * it announces: whether it has a checksum is seen by trying.
	 */
	if (event->size < BINLOG_HEADER_SIZE + BINLOG_CHECKSUM_SIZE)
		has_crc = false;
	else if (event->type == BINLOG_ROTATE || !format->known)
		has_crc = crc_matches(data, event->size, event->type);
	else
		has_crc = format->checksum == BINLOG_CHECKSUM_CRC32;

	if (!has_crc && format->checksum == BINLOG_CHECKSUM_CRC32 &&
		(event->type != BINLOG_ROTATE || event->log_pos != 0))
		return binlog_fail(error, "event of type %s has no valid checksum",
						   binlog_event_name(event->type));
	if (has_crc)
	{
		if (event->type != BINLOG_ROTATE && format->known &&
			!crc_matches(data, event->size, event->type))
			return binlog_fail(error, "checksum of event of type %s does not match",
							   binlog_event_name(event->type));
		event->end -= BINLOG_CHECKSUM_SIZE;
	}
	return true;
}

bool
binlog_read_rotate(const BinlogEvent *event, BinlogRotate *rotate,
				   BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	rotate->position = binlog_cursor_uint(&cur, 8);
	rotate->file = (const char *) cur.p;
	rotate->file_len = (size_t) (cur.end - cur.p);
	if (cur.failed || rotate->file_len == 0 ||
		memchr(rotate->file, '\0', rotate->file_len) != NULL)
		return binlog_fail(error, "ROTATE event names no file");
	return true;
}

/* Reads the status variables; stops at one that is not known, as servers do. */
static void
read_status_vars(BinlogCursor *cur, BinlogQuery *query)
{
	uint64_t	n;

	while (!cur->failed && cur->p < cur->end)
	{
		switch (binlog_cursor_uint(cur, 1))
		{
			case Q_FLAGS2:
				query->flags2 = (uint32_t) binlog_cursor_uint(cur, 4);
				break;
			case Q_SQL_MODE:
				query->sql_mode = binlog_cursor_uint(cur, 8);
				query->has_sql_mode = !cur->failed;
				break;
			case Q_CATALOG:
				n = binlog_cursor_uint(cur, 1);
				binlog_cursor_bytes(cur, n + 1);
				break;
			case Q_TIME_ZONE:
				n = binlog_cursor_uint(cur, 1);
				query->time_zone = (const char *) binlog_cursor_bytes(cur, n);
				query->time_zone_len = query->time_zone != NULL ? n : 0;
				break;
			case Q_CATALOG_NZ:
				n = binlog_cursor_uint(cur, 1);
				binlog_cursor_bytes(cur, n);
				break;
			case Q_CHARSET:
				query->client_charset = (uint16_t) binlog_cursor_uint(cur, 2);
				binlog_cursor_bytes(cur, 4);
				break;
			case Q_INVOKER:
				n = binlog_cursor_uint(cur, 1);
				binlog_cursor_bytes(cur, n);
				n = binlog_cursor_uint(cur, 1);
				binlog_cursor_bytes(cur, n);
				break;
			case Q_UPDATED_DB_NAMES:
				n = binlog_cursor_uint(cur, 1);
				if (n == 254)	/* too many to be named */
					break;
				while (n-- > 0 && !cur->failed)
					while (binlog_cursor_uint(cur, 1) != 0)
						;
				break;
			case Q_AUTO_INCREMENT:
			case Q_MASTER_DATA_WRITTEN:
				binlog_cursor_bytes(cur, 4);
				break;
			case Q_LC_TIME_NAMES:
			case Q_CHARSET_DATABASE:
			case Q_DEFAULT_COLLATION_FOR_UTF8MB4:
				binlog_cursor_bytes(cur, 2);
				break;
			case Q_MICROSECONDS:
			case Q_HRNOW:
				binlog_cursor_bytes(cur, 3);
				break;
			case Q_TABLE_MAP_FOR_UPDATE:
			case Q_DDL_LOGGED_WITH_XID:
			case Q_XID:
				binlog_cursor_bytes(cur, 8);
				break;
			case Q_EXPLICIT_DEFAULTS_FOR_TIMESTAMP:
			case Q_SQL_REQUIRE_PRIMARY_KEY:
			case Q_DEFAULT_TABLE_ENCRYPTION:
				binlog_cursor_bytes(cur, 1);
				break;
			case Q_GTID_FLAGS3:
				query->gtid_flags3 = (uint8_t) binlog_cursor_uint(cur, 1);
				if (query->gtid_flags3 &
					(BINLOG_GTID_COMMIT_ALTER | BINLOG_GTID_ROLLBACK_ALTER))
					binlog_cursor_bytes(cur, 8);
				break;
			case Q_CHARACTER_SET_COLLATIONS:
				/* MariaDB 11.5 and later, before those of lower numbers */
				n = binlog_cursor_uint(cur, 1);
				binlog_cursor_bytes(cur, 4 * n);
				break;
			default:
				return;
		}
	}
}

bool
binlog_read_query(const BinlogEvent *event, BinlogBuffer *buf,
				  BinlogQuery *query, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	BinlogCursor vars;
	uint64_t	vars_len;
	uint64_t	schema_len;
	size_t		size;

	memset(query, 0, sizeof(*query));
	query->thread_id = (uint32_t) binlog_cursor_uint(&cur, 4);
	query->exec_time = (uint32_t) binlog_cursor_uint(&cur, 4);
	schema_len = binlog_cursor_uint(&cur, 1);
	query->error_code = (uint16_t) binlog_cursor_uint(&cur, 2);
	vars_len = binlog_cursor_uint(&cur, 2);
	if (event->type == BINLOG_EXECUTE_LOAD_QUERY)
		binlog_cursor_bytes(&cur, LOAD_QUERY_EXTRA_SIZE);
	vars.p = binlog_cursor_bytes(&cur, vars_len);
	query->schema = (const char *) binlog_cursor_bytes(&cur, schema_len);
	query->schema_len = schema_len;
	if (binlog_cursor_uint(&cur, 1) != 0 || cur.failed)
		return binlog_fail(error, "%s event is damaged",
						   binlog_event_name(event->type));
	vars.end = vars.p + vars_len;
	vars.failed = false;
	read_status_vars(&vars, query);

	if (event->type == BINLOG_QUERY_COMPRESSED)
	{
		if (!binlog_uncompress(cur.p, cur.end, buf, &size, error))
			return false;
		query->sql = (const char *) buf->data;
		query->sql_len = size;
	}
	else
	{
		query->sql = (const char *) cur.p;
		query->sql_len = (size_t) (cur.end - cur.p);
	}
	return true;
}

bool
binlog_read_xid(const BinlogEvent *event, uint64_t *xid, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	*xid = binlog_cursor_uint(&cur, 8);
	if (cur.failed)
		return binlog_fail(error, "XID event is too short");
	return true;
}

bool
binlog_read_xa_prepare(const BinlogEvent *event, bool *one_phase,
					   BinlogXid *xid, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	*one_phase = binlog_cursor_uint(&cur, 1) != 0;
	xid->format_id = (uint32_t) binlog_cursor_uint(&cur, 4);
	xid->gtrid_len = (uint32_t) binlog_cursor_uint(&cur, 4);
	xid->bqual_len = (uint32_t) binlog_cursor_uint(&cur, 4);
	xid->data = binlog_cursor_bytes(&cur, (uint64_t) xid->gtrid_len +
									xid->bqual_len);
	if (cur.failed || xid->gtrid_len > 64 || xid->bqual_len > 64)
		return binlog_fail(error, "XA_PREPARE event is damaged");
	return true;
}

/*
 * MariaDB's GTID: sequence number (8), domain (4), flags (1); then the commit
 * id (8) or zeros up to 19 bytes; then the name of an XA transaction, and
 * more flags with what they announce.
 */
bool
binlog_read_gtid(const BinlogEvent *event, BinlogGtid *gtid,
				 BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	memset(gtid, 0, sizeof(*gtid));
	gtid->seq = binlog_cursor_uint(&cur, 8);
	gtid->domain = (uint32_t) binlog_cursor_uint(&cur, 4);
	gtid->flags = (uint8_t) binlog_cursor_uint(&cur, 1);
	if (gtid->flags & BINLOG_GTID_GROUP_COMMIT)
		gtid->commit_id = binlog_cursor_uint(&cur, 8);
	if (gtid->flags & (BINLOG_GTID_PREPARED_XA | BINLOG_GTID_COMPLETED_XA))
	{
		gtid->xa.format_id = (uint32_t) binlog_cursor_uint(&cur, 4);
		gtid->xa.gtrid_len = (uint32_t) binlog_cursor_uint(&cur, 1);
		gtid->xa.bqual_len = (uint32_t) binlog_cursor_uint(&cur, 1);
		gtid->xa.data = binlog_cursor_bytes(&cur, gtid->xa.gtrid_len +
											gtid->xa.bqual_len);
		if (gtid->xa.gtrid_len > 64 || gtid->xa.bqual_len > 64)
			cur.failed = true;
	}
	if (cur.failed || event->end - event->body < GTID_FIXED_SIZE)
		return binlog_fail(error, "GTID event is damaged");

	if (cur.p < cur.end)
		gtid->flags_extra = (uint8_t) binlog_cursor_uint(&cur, 1);
	if (gtid->flags_extra & 0x01)	/* number of engines in it */
		binlog_cursor_uint(&cur, 1);
	if (gtid->flags_extra &
		(BINLOG_GTID_COMMIT_ALTER | BINLOG_GTID_ROLLBACK_ALTER))
		gtid->start_alter_seq = binlog_cursor_uint(&cur, 8);
	if (cur.failed)
		return binlog_fail(error, "GTID event is damaged");
	return true;
}

bool
binlog_read_gtid_list(const BinlogEvent *event, BinlogGtidList *list,
					  BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	/* the upper four bits are flags for replicas */
	list->count = (uint32_t) binlog_cursor_uint(&cur, 4) & 0x0fffffff;
	list->entries = binlog_cursor_bytes(&cur, (uint64_t) list->count *
										GTID_LIST_ENTRY_SIZE);
	if (cur.failed)
		return binlog_fail(error, "GTID_LIST event is too short");
	return true;
}

void
binlog_gtid_list_entry(const BinlogGtidList *list, uint32_t i,
					   uint32_t *domain, uint32_t *server_id, uint64_t *seq)
{
	const uint8_t *p = list->entries + (size_t) i * GTID_LIST_ENTRY_SIZE;
	BinlogCursor cur = {p, p + GTID_LIST_ENTRY_SIZE, false};

	*domain = (uint32_t) binlog_cursor_uint(&cur, 4);
	*server_id = (uint32_t) binlog_cursor_uint(&cur, 4);
	*seq = binlog_cursor_uint(&cur, 8);
}

bool
binlog_read_incident(const BinlogEvent *event, BinlogIncident *incident,
					 BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	incident->number = (uint16_t) binlog_cursor_uint(&cur, 2);
	incident->message_len = binlog_cursor_uint(&cur, 1);
	incident->message = (const char *)
		binlog_cursor_bytes(&cur, incident->message_len);
	if (cur.failed)
		return binlog_fail(error, "INCIDENT event is too short");
	return true;
}

bool
binlog_read_text(const BinlogEvent *event, const char **text, size_t *len,
				 BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};

	*len = (size_t) (cur.end - cur.p);
	if (event->type == BINLOG_CHECKPOINT)
		*len = binlog_cursor_uint(&cur, 4);
	*text = (const char *) binlog_cursor_bytes(&cur, *len);
	if (cur.failed)
		return binlog_fail(error, "%s event is too short",
						   binlog_event_name(event->type));
	return true;
}

/*
 * A byte with the top bit set, the algorithm (0: zlib) in the next three and
 * the number of bytes of the plain length in the lowest three; that length,
 * big-endian; a zlib stream.
 */
bool
binlog_uncompress(const uint8_t *data, const uint8_t *end, BinlogBuffer *buf,
				  size_t *size, BinlogError *error)
{
	BinlogCursor cur = {data, end, false};
	unsigned	head = (unsigned) binlog_cursor_uint(&cur, 1);
	int			n = head & 0x07;
	size_t		plain = 0;
	uLongf		got;

	if (cur.failed || (head & 0xf0) != 0x80 || n < 1 || n > 4)
		return binlog_fail(error, "compressed event has an unknown header");
	while (n-- > 0)
		plain = plain << 8 | (size_t) binlog_cursor_uint(&cur, 1);
	if (cur.failed || plain > MAX_PLAIN_SIZE)
		return binlog_fail(error, "compressed event is damaged");

	/* zlib makes nothing smaller than by a factor of 1032 */
	if (plain / 1100 > (size_t) (cur.end - cur.p))
		return binlog_fail(error, "compressed event is damaged");
	if (plain + 1 > buf->size && !buf->grow(buf, plain + 1))
		return binlog_fail(error, "no memory for an event of %zu bytes", plain);
	got = (uLongf) plain;
	if (uncompress(buf->data, &got, cur.p, (uLong) (cur.end - cur.p)) != Z_OK ||
		got != plain)
		return binlog_fail(error, "compressed event is damaged");
	*size = plain;
	return true;
}
