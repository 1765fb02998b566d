/*-------------------------------------------------------------------------
 *
 * pgoutput.h
 *	  Messages of the output plugin "pgoutput", protocol 1 to 4. Pure: no
 *	  server function is called, nothing is allocated.
 *
 * The format is chapter "Logical Replication Message Formats" of PostgreSQL's
 * manual. A message is one CopyData payload of the replication stream behind
 * its XLogData header, or one row of pg_logical_slot_peek_binary_changes.
 *
 *	  protocol	server	what it brought
 *	  1			10		transactions, relations, rows; TRUNCATE with 11
 *	  2			14		streams of transactions in progress, MESSAGE
 *	  3			15		two-phase transactions
 *	  4			16		LSN and time of a STREAM ABORT
 *
 * Between STREAM START and STREAM STOP each message of a row or relation
 * has the number of the (sub)transaction that it belongs to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PGOUTPUT_H
#define DTSMIG_PGOUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No server makes wider tuples (MaxTupleAttributeNumber). */
#define PGOUTPUT_MAX_COLUMNS	1664

/* First byte of a message */
typedef enum PgOutputKind
{
	PGOUTPUT_BEGIN = 'B',
	PGOUTPUT_COMMIT = 'C',
	PGOUTPUT_ORIGIN = 'O',
	PGOUTPUT_RELATION = 'R',
	PGOUTPUT_TYPE = 'Y',
	PGOUTPUT_INSERT = 'I',
	PGOUTPUT_UPDATE = 'U',
	PGOUTPUT_DELETE = 'D',
	PGOUTPUT_TRUNCATE = 'T',
	PGOUTPUT_MESSAGE = 'M',
	PGOUTPUT_STREAM_START = 'S',
	PGOUTPUT_STREAM_STOP = 'E',
	PGOUTPUT_STREAM_COMMIT = 'c',
	PGOUTPUT_STREAM_ABORT = 'A',
	PGOUTPUT_BEGIN_PREPARE = 'b',
	PGOUTPUT_PREPARE = 'P',
	PGOUTPUT_COMMIT_PREPARED = 'K',
	PGOUTPUT_ROLLBACK_PREPARED = 'r',
	PGOUTPUT_STREAM_PREPARE = 'p'
} PgOutputKind;

/* A column of a row */
typedef enum PgOutputForm
{
	PGOUTPUT_NULL = 'n',
	PGOUTPUT_UNCHANGED = 'u',	/* out-of-line value that was not logged again */
	PGOUTPUT_TEXT = 't',		/* the type's output function */
	PGOUTPUT_BINARY = 'b'		/* the type's send function */
} PgOutputForm;

typedef struct PgOutputColumn
{
	uint8_t		form;			/* PgOutputForm */
	uint32_t	len;			/* of data; TEXT, BINARY */
	const uint8_t *data;		/* in the message; not followed by a NUL */
} PgOutputColumn;

/* A column of a relation */
typedef struct PgOutputAttribute
{
	bool		identity;		/* part of the replica identity */
	const char *name;			/* in the message, followed by a NUL */
	uint32_t	type_oid;		/* at the source */
	int32_t		typmod;
} PgOutputAttribute;

/* What the old row of an UPDATE or DELETE holds. */
typedef enum PgOutputOld
{
	PGOUTPUT_OLD_NONE = 0,
	PGOUTPUT_OLD_KEY = 'K',		/* columns of the replica identity; others NULL */
	PGOUTPUT_OLD_ROW = 'O'		/* all columns */
} PgOutputOld;

#define PGOUTPUT_TRUNCATE_CASCADE			0x01
#define PGOUTPUT_TRUNCATE_RESTART_IDENTITY	0x02

#define PGOUTPUT_MESSAGE_TRANSACTIONAL		0x01

/*
 * One message. Fields that its kind does not have are unspecified. Times are
 * microseconds since 2000-01-01 00:00 UTC.
 */
typedef struct PgOutputMessage
{
	uint8_t		kind;			/* PgOutputKind */

	/*
	 * BEGIN, STREAM *, *PREPARE*: the transaction. Messages inside of a
	 * stream: the (sub)transaction they belong to. Others: 0.
	 */
	uint32_t	xid;
	uint32_t	subxid;			/* STREAM_ABORT: what is aborted; xid or a part of it */
	bool		first;			/* STREAM_START: first part of its transaction */
	const char *gid;			/* two-phase: the user's name of the transaction */

	/*
	 * BEGIN, COMMIT, STREAM_COMMIT, COMMIT_PREPARED: where the commit record
	 * starts. BEGIN_PREPARE, PREPARE, STREAM_PREPARE: where the prepare record
	 * starts. ROLLBACK_PREPARED: where the prepare record ends. ORIGIN,
	 * MESSAGE: its own. STREAM_ABORT: where the abort record is; 0: not reported.
	 */
	uint64_t	lsn;
	uint64_t	end_lsn;		/* of those with a record: where it ends */
	int64_t		time;			/* of the commit, prepare, rollback, abort */
	int64_t		prepare_time;	/* ROLLBACK_PREPARED */

	uint32_t	relid;			/* RELATION, rows; TYPE: the type's OID */
	const char *schema;			/* RELATION, TYPE; empty: pg_catalog */
	const char *name;			/* RELATION, TYPE; ORIGIN: its name; MESSAGE: prefix */
	uint8_t		replica_identity;	/* RELATION: d, n, f, i as in pg_class */
	int			nattributes;

	uint8_t		old_kind;		/* PgOutputOld; UPDATE, DELETE */
	int			nold;			/* columns in old */
	int			nnew;			/* columns in new */

	uint8_t		flags;			/* TRUNCATE, MESSAGE */
	uint32_t	nrelids;		/* TRUNCATE */
	const uint8_t *relids;		/* for pgoutput_relid */
	const uint8_t *content;		/* MESSAGE */
	uint32_t	content_len;

	PgOutputAttribute attributes[PGOUTPUT_MAX_COLUMNS];
	PgOutputColumn old[PGOUTPUT_MAX_COLUMNS];
	PgOutputColumn new[PGOUTPUT_MAX_COLUMNS];
} PgOutputMessage;

typedef struct PgOutputError
{
	size_t		offset;			/* in the message */
	char		text[160];
} PgOutputError;

/*
 * Reads one message. in_stream: it comes between STREAM START and STREAM STOP.
 * False with *error set where the bytes are no message; what msg holds is
 * unspecified then. Pointers in msg lead into data.
 */
extern bool pgoutput_decode(const uint8_t *data, size_t len, bool in_stream,
							PgOutputMessage *msg, PgOutputError *error);

/* i-th relation of a TRUNCATE, i < nrelids */
extern uint32_t pgoutput_relid(const PgOutputMessage *msg, uint32_t i);

#endif							/* DTSMIG_PGOUTPUT_H */
