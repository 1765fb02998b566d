/*-------------------------------------------------------------------------
 *
 * binlog_mysql.h
 *	  Events that only MySQL writes: its GTIDs, heartbeats of version 2, and
 *	  transactions that lie compressed in one event. Pure: no server function
 *	  is called.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_MYSQL_H
#define DTSMIG_BINLOG_MYSQL_H

#include "source/mysql/binlog_event.h"

#define BINLOG_UUID_SIZE	16
#define BINLOG_TAG_SIZE		33	/* 32 and a NUL */

/* GTID_LOG, ANONYMOUS_GTID, GTID_TAGGED */
typedef struct BinlogMysqlGtid
{
	uint8_t		flags;
	uint8_t		uuid[BINLOG_UUID_SIZE];
	uint64_t	number;			/* 0: anonymous */
	char		tag[BINLOG_TAG_SIZE];	/* "": none */
} BinlogMysqlGtid;

/*
 * A TRANSACTION_PAYLOAD being read, event by event. stream outlives it: it is
 * kept for the next one, until binlog_payload_free.
 */
typedef struct BinlogPayload
{
	bool		active;
	bool		compressed;
	const uint8_t *in;
	const uint8_t *end;
	uint64_t	left;			/* plain bytes to come, as announced */
	void	   *stream;			/* ZSTD_DStream */
} BinlogPayload;

extern bool binlog_read_mysql_gtid(const BinlogEvent *event,
								   BinlogMysqlGtid *gtid, BinlogError *error);
/* *file is not NUL-terminated; *position 0 where it is not reported */
extern bool binlog_read_heartbeat_v2(const BinlogEvent *event,
									 const char **file, size_t *len,
									 uint64_t *position, BinlogError *error);

extern bool binlog_payload_open(BinlogPayload *payload,
								const BinlogEvent *event, BinlogError *error);
/*
 * The next event of a payload, whole and without checksum, in buf or in the
 * payload's own bytes. False with payload->active unset: there is no more;
 * false otherwise: damage.
 */
extern bool binlog_payload_next(BinlogPayload *payload, BinlogBuffer *buf,
								const uint8_t **data, size_t *len,
								BinlogError *error);
extern void binlog_payload_free(BinlogPayload *payload);

#endif							/* DTSMIG_BINLOG_MYSQL_H */
