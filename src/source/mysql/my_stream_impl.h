/*-------------------------------------------------------------------------
 *
 * my_stream_impl.h
 *	  What the files of the change stream share: my_stream.c (life and
 *	  transactions), my_stream_open.c (handshake), my_stream_rows.c (tables
 *	  and rows), my_stream_query.c (statements),
 *	  my_stream_text.c (their text), my_stream_mysql.c (what only
 *	  MySQL has), my_stream_void.c (what is to be skipped, and errors for
 *	  good), my_stream_replace.c (rows that may have been replaced).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_STREAM_IMPL_H
#define DTSMIG_MY_STREAM_IMPL_H

#include "postgres.h"
#include "utils/hsearch.h"

#include "compat.h"
#include "source/mysql/binlog_event.h"
#include "source/mysql/binlog_mysql.h"
#include "source/mysql/binlog_query.h"
#include "source/mysql/binlog_rows.h"
#include "client/my_conn.h"
#include "source/mysql/my_stream.h"
#include "source/mysql/my_values.h"

/* Where the stream is with regard to transactions. */
typedef enum StreamState
{
	STREAM_IDLE,				/* between transactions */
	STREAM_STANDALONE,			/* a GTID came; one statement follows */
	STREAM_IN_TRANSACTION,		/* BEGIN is reported with the first change */
	STREAM_PREPARING			/* in an XA transaction up to its PREPARE;
								 * nothing is reported */
} StreamState;

/* A connection that receives a binlog, and where it stands. */
typedef struct StreamReader
{
	MyConn	   *conn;
	BinlogFormat format;
	char		file[MY_FILE_SIZE];
	uint64		segment;
	uint64		event_start;	/* of the current event */
	uint64		offset;			/* its end */
	TimestampTz silent_since;	/* 0: something came at the last look */
} StreamReader;

/* A table that a TABLE_MAP has announced. */
typedef struct StreamTable
{
	uint64		table_id;		/* hash key */
	uint32		map_serial;		/* the statement that it was mapped for */
	MemoryContext cxt;			/* of what follows */
	uint8	   *raw;			/* body of the TABLE_MAP */
	Size		raw_len;
	char	   *schema;
	char	   *name;
	int			ncolumns;
	int			nvisible;		/* all but hidden ones at the end */
	int			row_end;		/* of a system-versioned table: the column that
								 * ends a row's life; -1 */
	BinlogColumn *columns;		/* as logged */
	BinlogColumn *plain;		/* COMPRESSED types replaced by what they are
								 * once uncompressed */
	int8	   *sizes;			/* binlog_fixed_size, or -1 */
	uint32		generation;		/* of rel when columns were fitted to it */
	SourceRelation *rel;		/* NULL: not selected */
	bool		transactional;	/* its changes can be rolled back */
	uint32		judged_serial;	/* the statement of which it was decided … */
	bool		judged;			/* … */
	bool		updated;		/* … that its rows were updated, not replaced */
} StreamTable;

/* A savepoint of the current transaction. */
typedef struct StreamSavepoint
{
	char	   *name;
	uint64		offset;			/* end of its event */
	bool		begin_sent;
	bool		settling;		/* the current event is to be handled again */
	uint64		rows_sent;		/* before it */
} StreamSavepoint;

/* A temporary table that the log has reported. */
typedef struct StreamTemporary
{
	uint32		thread;			/* session at the source */
	char	   *schema;
	char	   *table;
} StreamTemporary;

/* A position that my_stream_is_in was asked of. */
typedef struct KnownPosition
{
	char	   *text;
	MyPosition	pos;
} KnownPosition;

#define STREAM_QUEUE_SIZE 4

struct SourceStream
{
	MemoryContext cxt;
	MemoryContext eventcxt;		/* reset at each statement */
	MemoryContext txcxt;		/* reset at each BEGIN */
	ConnectionInfo info;
	StreamCallbacks callbacks;
	TypePolicy *policy;
	bool		mariadb;
	bool		by_gtid;		/* the log is asked for by GTID */
	List	   *temporary;		/* StreamTemporary *: temporary tables of sessions */
	bool		fold_names;		/* the source folds names to lower case */
	const char *literals;		/* character set of the literals of the DDL at
								 * hand; NULL: UTF-8 */

	StreamReader main;
	StreamReader replay;		/* rows of an XA transaction, at its COMMIT */
	StreamReader *reader;		/* the one in use */

	/* the current event, in its reader's packet */
	BinlogEvent event;
	BinlogBuffer plain;			/* what was compressed in it */

	/* events that lie in an event of MySQL */
	BinlogPayload payload;
	BinlogBuffer payload_buf;
	BinlogFormat payload_format;
	uint64		payload_start;	/* of the event that holds them */
	MemoryContextCallback payload_cleanup;

	/* the transaction */
	StreamState state;
	SourcePos	start;			/* of its first event */
	BinlogGtid	gtid;
	uint32		gtid_server_id;
	BinlogMysqlGtid mysql_gtid;
	List	   *known;			/* KnownPosition * */
	bool		set_is_known;	/* MySQL: all of done.set's GTIDs, if it is empty */
	bool		has_gtid;
	bool		begin_sent;
	bool		settling;		/* the current event is to be handled again */
	uint64		transactions;	/* begun since the stream was opened */
	uint64		statements;		/* DDL in this one, so far */
	uint64		skip_statements;	/* so many are done of the transaction … */
	char	   *skip_group;		/* … of this GTID; NULL: of the first one */
	uint64		rows_sent;		/* row changes reported since BEGIN … */
	bool		transactional_sent; /* … of a table that can roll back, */
	bool		other_sent;		/* … of one that can't */

	/* XA transactions that begin and cease to be pending with this one */
	char	   *prepared_xid;
	char	   *ended_xid;
	MemoryContext replaycxt;	/* of the reader "replay" */
	TimestampTz replay_time;	/* commit time of the one read again */

	List	   *savepoints;		/* StreamSavepoint *, in order */
	bool		voided;			/* a ROLLBACK was reported: nothing may follow */

	/* rows of the current event still to be known */
	StreamTable *table;
	BinlogRows	rows;
	BinlogField *fields;		/* maxcolumns of each */
	BinlogField *old_fields;
	int			maxcolumns;
	HTAB	   *tables;			/* StreamTable by table_id */
	uint32		map_serial;		/* grows with each statement's end */
	StreamTable *last_table;

	/* the statement whose rows come: see my_stream_replace.c */
	bool		has_texts;		/* the source sends what it has */
	char	   *annotation;		/* its beginning; NULL: none came yet */
	size_t		annotation_len;
	uint32		annotation_serial;	/* of its TABLE_MAPs */

	/* what next_change returns */
	Change		change;
	Change		queue[STREAM_QUEUE_SIZE];
	int			queue_head;
	int			queue_len;

	/* after the COMMIT, DDL or HEARTBEAT queued last: see stream_position */
	MyPosition	done;
};

/* my_stream.c */
pg_noreturn extern void stream_error(SourceStream *stream,
									 const BinlogError *error);
extern SourcePos stream_end_pos(SourceStream *stream);
extern Change *stream_queue(SourceStream *stream, ChangeKind kind);
extern void stream_begin(SourceStream *stream);
extern void stream_report_begin(SourceStream *stream);
extern void stream_commit(SourceStream *stream);
extern void stream_move(SourceStream *stream);
extern TimestampTz stream_event_time(SourceStream *stream);
extern bool stream_read_event(SourceStream *stream, long timeout_ms);

/* The event at hand is one that the user said to skip; else it stops the task. */
extern bool stream_skips(SourceStream *stream, const char *what);

/* my_stream_mysql.c */
extern void stream_mysql_init(SourceStream *stream);
extern void stream_mysql_gtid(SourceStream *stream);
extern void stream_previous_gtids(SourceStream *stream);
/* The GTID of the transaction at hand, palloc'd; NULL: it has none. */
extern char *stream_group(const SourceStream *stream);
extern void stream_heartbeat_place(SourceStream *stream, const char **file,
								   size_t *len, uint64 *end);
extern void stream_open_payload(SourceStream *stream);
extern bool stream_payload_event(SourceStream *stream);

/* my_stream_open.c */
extern bool stream_grow(SourceStream *stream, BinlogBuffer *buf,
						size_t wanted);
extern void stream_start_replay(SourceStream *stream, const char *file,
								uint64 offset);

/* my_stream_rows.c */
extern void stream_rows_init(SourceStream *stream);
extern void stream_table_map(SourceStream *stream);
extern void stream_rows(SourceStream *stream);
extern bool stream_rows_pending(SourceStream *stream);
extern Change *stream_next_row(SourceStream *stream, MemoryContext rowcxt);
extern void stream_forget_maps(SourceStream *stream);

/* my_stream_replace.c */
extern void stream_annotate(SourceStream *stream);
/* Are texts of statements to be asked for? */
extern bool stream_wants_texts(void);
/*
 * May a REPLACE have given the new row defaults that its image leaves out? If
 * that takes the text of the statement, the stream is voided.
 */
extern bool stream_is_replaced(SourceStream *stream, StreamTable *table,
							   const BinlogField *old, const BinlogField *new);
extern bool stream_lacks_key(const StreamTable *table, const BinlogField *fields);

/* my_stream_query.c */
/* A name of a statement, as names of tables are at the destination. */
extern char *stream_name(SourceStream *stream, const char *name);
extern void stream_query(SourceStream *stream);
extern void stream_replayed_query(SourceStream *stream);
extern void stream_prepared(SourceStream *stream, const BinlogXid *xid,
							bool one_phase);

/* my_stream_text.c */
extern char *stream_to_server(const char *text, size_t len);
extern bool stream_is_utf8_client(uint16 collation);
extern const char *stream_statement_to_utf8(SourceStream *stream,
											BinlogQuery *query);

/* my_stream_void.c */
extern void void_add(const SourceStream *stream, uint64 from, uint64 to);
extern void stream_void(SourceStream *stream, uint64 from);
extern void stream_again(SourceStream *stream);
pg_noreturn extern void stream_reopen(void);
extern bool stream_settle(SourceStream *stream);
extern bool void_contains(const SourceStream *stream, uint64 offset);

#endif							/* DTSMIG_MY_STREAM_IMPL_H */
