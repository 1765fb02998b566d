/*-------------------------------------------------------------------------
 *
 * binlog_event.h
 *	  Events of a binlog, version 4: the common header, the checksum and every
 *	  event that is not about rows. Pure: no server function is called.
 *
 * An event is looked at where it lies: pointers in the structs below point
 * into the caller's bytes (or into the BinlogBuffer where an event had to be
 * uncompressed) and live as long as those. Functions return false, with the
 * reason in a BinlogError, for bytes that are no such event.
 *
 * Layouts as in MySQL's "Binlog Event" documentation, and in MariaDB's
 * knowledge base ("Replication Protocol", one page for each event).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_EVENT_H
#define DTSMIG_BINLOG_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BINLOG_MAGIC		"\xfe" "bin"
#define BINLOG_MAGIC_SIZE	4
#define BINLOG_HEADER_SIZE	19
#define BINLOG_CHECKSUM_SIZE 4

enum
{
	BINLOG_START_V3 = 1, BINLOG_QUERY = 2, BINLOG_STOP = 3, BINLOG_ROTATE = 4,
	BINLOG_INTVAR = 5, BINLOG_LOAD = 6, BINLOG_SLAVE = 7,
	BINLOG_CREATE_FILE = 8, BINLOG_APPEND_BLOCK = 9, BINLOG_EXEC_LOAD = 10,
	BINLOG_DELETE_FILE = 11, BINLOG_NEW_LOAD = 12, BINLOG_RAND = 13,
	BINLOG_USER_VAR = 14, BINLOG_FORMAT_DESCRIPTION = 15, BINLOG_XID = 16,
	BINLOG_BEGIN_LOAD_QUERY = 17, BINLOG_EXECUTE_LOAD_QUERY = 18,
	BINLOG_TABLE_MAP = 19,
	BINLOG_WRITE_ROWS_V1 = 23, BINLOG_UPDATE_ROWS_V1 = 24,
	BINLOG_DELETE_ROWS_V1 = 25, BINLOG_INCIDENT = 26, BINLOG_HEARTBEAT = 27,
	BINLOG_IGNORABLE = 28, BINLOG_ROWS_QUERY = 29,
	BINLOG_WRITE_ROWS = 30, BINLOG_UPDATE_ROWS = 31, BINLOG_DELETE_ROWS = 32,

	/* MySQL */
	BINLOG_MYSQL_GTID = 33, BINLOG_MYSQL_ANONYMOUS_GTID = 34,
	BINLOG_MYSQL_PREVIOUS_GTIDS = 35, BINLOG_MYSQL_TRANSACTION_CONTEXT = 36,
	BINLOG_MYSQL_VIEW_CHANGE = 37, BINLOG_XA_PREPARE = 38,	/* MariaDB, too */
	BINLOG_MYSQL_PARTIAL_UPDATE_ROWS = 39,
	BINLOG_MYSQL_TRANSACTION_PAYLOAD = 40, BINLOG_MYSQL_HEARTBEAT_V2 = 41,
	BINLOG_MYSQL_GTID_TAGGED = 42,

	/* MariaDB */
	BINLOG_ANNOTATE_ROWS = 160, BINLOG_CHECKPOINT = 161, BINLOG_GTID = 162,
	BINLOG_GTID_LIST = 163, BINLOG_START_ENCRYPTION = 164,
	BINLOG_QUERY_COMPRESSED = 165, BINLOG_WRITE_ROWS_COMPRESSED_V1 = 166,
	BINLOG_UPDATE_ROWS_COMPRESSED_V1 = 167,
	BINLOG_DELETE_ROWS_COMPRESSED_V1 = 168,
	BINLOG_WRITE_ROWS_COMPRESSED = 169, BINLOG_UPDATE_ROWS_COMPRESSED = 170,
	BINLOG_DELETE_ROWS_COMPRESSED = 171
};

/* header flags */
#define BINLOG_F_IN_USE			0x0001
#define BINLOG_F_THREAD_SPECIFIC 0x0004
#define BINLOG_F_SUPPRESS_USE	0x0008
#define BINLOG_F_ARTIFICIAL		0x0020
#define BINLOG_F_IGNORABLE		0x0080	/* may be skipped if not known */

enum
{
	BINLOG_CHECKSUM_OFF = 0, BINLOG_CHECKSUM_CRC32 = 1
};

typedef struct BinlogError
{
	char		message[160];
} BinlogError;

/*
 * Memory for an event that is uncompressed; the caller's. grow makes size at
 * least wanted (old bytes need not be kept), or returns false.
 */
typedef struct BinlogBuffer
{
	uint8_t    *data;
	size_t		size;
	bool		(*grow) (struct BinlogBuffer *buf, size_t wanted);
} BinlogBuffer;

/* What FORMAT_DESCRIPTION says of the events after it. */
typedef struct BinlogFormat
{
	bool		known;			/* one has been read */
	bool		mariadb;
	uint8_t		checksum;		/* BINLOG_CHECKSUM_… of later events */
	uint8_t		header_size;
	uint32_t	created;		/* 0: a log's format sent again mid-file */
	char		server_version[51];
	uint8_t		post_header[256];	/* by type; 0: type not known */
} BinlogFormat;

/* Any event: the common header, and the bytes between it and the checksum. */
typedef struct BinlogEvent
{
	uint32_t	timestamp;		/* seconds since 1970 */
	uint8_t		type;
	uint32_t	server_id;
	uint32_t	size;			/* of the whole event */
	uint32_t	log_pos;		/* low 32 bits of its end in the file; 0: made
								 * up by the server */
	uint16_t	flags;
	const uint8_t *body;
	const uint8_t *end;
} BinlogEvent;

typedef struct BinlogRotate
{
	uint64_t	position;
	const char *file;			/* not NUL-terminated */
	size_t		file_len;
} BinlogRotate;

typedef struct BinlogQuery
{
	uint32_t	thread_id;
	uint32_t	exec_time;
	uint16_t	error_code;
	uint32_t	flags2;
	bool		has_sql_mode;
	uint64_t	sql_mode;
	uint16_t	client_charset; /* collation number of the text; 0: not said */
	const char *time_zone;		/* of the session, if the statement needs it; else
								 * NULL; not NUL-terminated */
	size_t		time_zone_len;
	uint8_t		gtid_flags3;	/* MariaDB: with ALTER in two phases */
	const char *schema;			/* default database; may be empty */
	size_t		schema_len;
	const char *sql;
	size_t		sql_len;
} BinlogQuery;

/* flags of MariaDB's GTID event */
#define BINLOG_GTID_STANDALONE		0x01	/* no XID or COMMIT follows */
#define BINLOG_GTID_GROUP_COMMIT	0x02
#define BINLOG_GTID_TRANSACTIONAL	0x04
#define BINLOG_GTID_DDL				0x20
#define BINLOG_GTID_PREPARED_XA		0x40
#define BINLOG_GTID_COMPLETED_XA	0x80
/* its second set of flags */
#define BINLOG_GTID_START_ALTER		0x02
#define BINLOG_GTID_COMMIT_ALTER	0x04
#define BINLOG_GTID_ROLLBACK_ALTER	0x08

/* An XA transaction's name. */
typedef struct BinlogXid
{
	uint32_t	format_id;
	uint32_t	gtrid_len;
	uint32_t	bqual_len;
	const uint8_t *data;		/* gtrid_len + bqual_len bytes */
} BinlogXid;

typedef struct BinlogGtid
{
	uint32_t	domain;
	uint64_t	seq;			/* with the event's server_id: the GTID */
	uint8_t		flags;			/* BINLOG_GTID_STANDALONE … */
	uint8_t		flags_extra;	/* BINLOG_GTID_START_ALTER … */
	uint64_t	commit_id;
	uint64_t	start_alter_seq;
	BinlogXid	xa;				/* with …_PREPARED_XA, …_COMPLETED_XA */
} BinlogGtid;

typedef struct BinlogGtidList
{
	uint32_t	count;
	const uint8_t *entries;		/* see binlog_gtid_list_entry */
} BinlogGtidList;

typedef struct BinlogIncident
{
	uint16_t	number;
	const char *message;
	size_t		message_len;
} BinlogIncident;

/* A cursor: reads little-endian; past the end it yields 0 and has failed. */
typedef struct BinlogCursor
{
	const uint8_t *p;
	const uint8_t *end;
	bool		failed;
} BinlogCursor;

extern uint64_t binlog_cursor_uint(BinlogCursor *cur, int bytes);
/* MySQL's length-encoded integer */
extern uint64_t binlog_cursor_packed(BinlogCursor *cur);
/* len bytes, or NULL */
extern const uint8_t *binlog_cursor_bytes(BinlogCursor *cur, uint64_t len);

/* Sets an error's message as printf; returns false. */
extern bool binlog_fail(BinlogError *error, const char *fmt,...)
#if defined(__GNUC__)
			__attribute__((format(printf, 2, 3)))
#endif
;

/* "QUERY", "TABLE_MAP" …, or "unknown" */
extern const char *binlog_event_name(uint8_t type);

/* For a stream of which no FORMAT_DESCRIPTION has been read yet. */
extern void binlog_format_init(BinlogFormat *format);

/*
 * Reads the header of the event in data and verifies its checksum. len may be
 * longer than the event. A FORMAT_DESCRIPTION sets *format.
 */
extern bool binlog_open_event(BinlogFormat *format, const uint8_t *data,
							  size_t len, BinlogEvent *event,
							  BinlogError *error);

extern bool binlog_read_rotate(const BinlogEvent *event, BinlogRotate *rotate,
							   BinlogError *error);
/* QUERY, QUERY_COMPRESSED (sql in buf, then), EXECUTE_LOAD_QUERY */
extern bool binlog_read_query(const BinlogEvent *event, BinlogBuffer *buf,
							  BinlogQuery *query, BinlogError *error);
extern bool binlog_read_xid(const BinlogEvent *event, uint64_t *xid,
							BinlogError *error);
extern bool binlog_read_xa_prepare(const BinlogEvent *event, bool *one_phase,
								   BinlogXid *xid, BinlogError *error);
extern bool binlog_read_gtid(const BinlogEvent *event, BinlogGtid *gtid,
							 BinlogError *error);
extern bool binlog_read_gtid_list(const BinlogEvent *event,
								  BinlogGtidList *list, BinlogError *error);
extern void binlog_gtid_list_entry(const BinlogGtidList *list, uint32_t i,
								   uint32_t *domain, uint32_t *server_id,
								   uint64_t *seq);
extern bool binlog_read_incident(const BinlogEvent *event,
								 BinlogIncident *incident, BinlogError *error);
/* The name in HEARTBEAT and in BINLOG_CHECKPOINT, the text of ANNOTATE_ROWS. */
extern bool binlog_read_text(const BinlogEvent *event, const char **text,
							 size_t *len, BinlogError *error);

/*
 * Size of what MariaDB's log compression made smaller, -1 if damaged; and the
 * plain bytes into buf, as many as *size says.
 */
extern bool binlog_uncompress(const uint8_t *data, const uint8_t *end,
							  BinlogBuffer *buf, size_t *size,
							  BinlogError *error);

#endif							/* DTSMIG_BINLOG_EVENT_H */
