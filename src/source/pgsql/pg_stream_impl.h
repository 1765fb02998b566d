/*-------------------------------------------------------------------------
 *
 * pg_stream_impl.h
 *	  What the files of the change stream share: pg_stream.c (the wire, and
 *	  transactions), pg_stream_rows.c (relations and rows), pg_stream_published.c (what is
 *	  published), pg_stream_spool.c
 *	  (transactions in progress), pg_stream_early.c (one of them reported before
 *	  its end), pg_values.c (values).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_STREAM_IMPL_H
#define DTSMIG_PG_STREAM_IMPL_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "utils/hsearch.h"

#include "source/pgsql/pg_engine.h"
#include "source/pgsql/pgoutput.h"

/* A relation as the source has reported it last, and who receives it. */
typedef struct PgRelation
{
	Oid			relid;			/* at the source; hash key */
	MemoryContext cxt;			/* of what follows */
	char	   *schema;
	char	   *name;
	char		identity;		/* replica identity: d, n, f, i */
	int			natts;
	char	  **att_names;
	Oid		   *att_types;		/* at the source */
	bool	   *att_identity;
	bool		capture;		/* the helper table of DDL capture */

	/* good while epoch is the stream's */
	uint64		epoch;
	SourceRelation *rel;		/* NULL: not followed */
	int		   *columns;		/* of each attribute: index into rel->columns of
								 * a column that is replicated, or -1 */
	const char *unsent_key;		/* key column that old rows do not have; NULL */
	bool		needs_catalog;	/* values are read inside of a transaction only */
} PgRelation;

/* A transaction in progress, as far as it has come. */
typedef struct PgSpool PgSpool;

struct SourceStream
{
	MemoryContext cxt;
	PgConn	   *conn;
	StreamCallbacks callbacks;
	TypePolicy *policy;
	char	   *name;			/* of slot and publication */
	bool		binary;			/* values were asked for in binary form */
	bool		own_changes;	/* what came with an origin is skipped */
	char	   *publication;	/* see pg_check_publication */
	HTAB	   *published;		/* of pg_stream_published.c */
	bool		give_up;		/* and that was wrong: see pg_next_change */

	/* the wire */
	XLogRecPtr	received;
	XLogRecPtr	confirmed;		/* durable at the destination */
	XLogRecPtr	reported_received;	/* as the last report said */
	XLogRecPtr	reported_confirmed;
	TimestampTz reported;
	bool		report_now;		/* the source asks for a report */
	long		report_ms;		/* a report at least so often */
	XLogRecPtr	idle;			/* there is nothing for us before it */
	TimestampTz idle_since;
	TimestampTz beaten;			/* the last HEARTBEAT */

	/* positions */
	SourcePos	start;
	SourcePos	position;		/* after the last COMMIT or HEARTBEAT reported */

	/* the transaction that is being reported */
	XLogRecPtr	first_lsn;		/* a record of it that is not after its first row
								 * or statement that is published */
	bool		in_transaction;
	bool		begun;			/* BEGIN was handed out */
	XLogRecPtr	commit_lsn;		/* start of its commit record */
	XLogRecPtr	end_lsn;		/* end of it; while it is replayed */
	TimestampTz commit_time;
	uint64		nchanges;		/* messages of rows and TRUNCATE so far */
	uint64		skip;			/* so many of them were applied before */

	/* transactions in progress */
	TransactionId streaming;	/* between STREAM START and STOP; else invalid */
	const char *held;			/* a message that came during a replay and has to
								 * wait for its end; NULL */
	Size		held_len;
	int			unpumped;		/* messages replayed since the wire was looked at */
	HTAB	   *spools;
	PgSpool    *replay;			/* is being reported */
	char	   *replay_buf;
	Size		replay_size;

	/* the one of them that is reported as it comes: pg_stream_early.c */
	TransactionId early;		/* invalid: none */
	List	   *early_relations;	/* Oids that it alone has described */
	MemoryContext early_cxt;

	/* relations */
	HTAB	   *relations;
	PgRelation *last;
	uint64		epoch;			/* of bindings to SourceRelations */

	/* the message at hand */
	PgOutputMessage *msg;
	Size		msg_len;
	XLogRecPtr	msg_lsn;		/* where the source says that it stands */
	bool		waiting;		/* it is to be known at the next call */
	uint32		truncated;		/* so many of its relations are done */

	Change		change;
	int			row_size;		/* columns that the arrays have room for */
	Row			old;
	Row			new;
	MemoryContext ddl_cxt;		/* of the DDL reported last */
};

/* pg_stream_rows.c */
extern void stream_relations_init(SourceStream *stream);
extern void stream_take_relation(SourceStream *stream);
/* Is the relation of this RELATION, or row, known? Is it as it was? */
extern bool stream_knows_relation(SourceStream *stream, Oid relid);
extern bool stream_is_relation(SourceStream *stream);
extern void stream_forget_relation(SourceStream *stream, Oid relid);
/* Is the row at hand one of the helper table of DDL capture? */
extern bool stream_is_capture(SourceStream *stream);
/* May its values have other texts by now? */
extern bool stream_is_stale(SourceStream *stream);
/* Relations have to be asked for again. */
extern void stream_forget_bindings(SourceStream *stream);
/*
 * Reports the row change or TRUNCATE at hand; NULL: nothing (more) of it is for
 * us. While stream->waiting it wants to be called again for the same message.
 */
extern Change *stream_report(SourceStream *stream, MemoryContext rowcxt);

/* pg_stream_published.c */

/*
 * Raises an error if a table that is followed is not published, or has not
 * been since the last time, or has a name that no statement in the stream has
 * given it.
 */
extern void stream_check_published(SourceStream *stream, PgConn *conn);
/* May values of all published tables come in binary form? */
extern bool stream_all_binary(SourceStream *stream, PgConn *conn);

/* pg_stream_spool.c */
extern void spool_init(SourceStream *stream);
extern void spool_write(SourceStream *stream, TransactionId xid,
						TransactionId subxid, const char *data, Size len);
extern void spool_abort(SourceStream *stream, TransactionId xid,
						TransactionId subxid);
/* Starts to read a transaction, *first_lsn: its first; NULL: nothing of it came. */
extern PgSpool *spool_open(SourceStream *stream, TransactionId xid,
						   XLogRecPtr *first_lsn);
/* Next message, in stream->replay_buf; false at the end. */
extern bool spool_read(SourceStream *stream, PgSpool *spool, Size *len);
extern void spool_drop(SourceStream *stream, PgSpool *spool);

/* pg_stream_early.c */

/* STREAM START: is it to be known as it comes? */
extern void early_start(SourceStream *stream, TransactionId xid, bool first);
extern Change *early_report(SourceStream *stream, MemoryContext rowcxt);
extern Change *early_void(SourceStream *stream);
extern bool early_commit(SourceStream *stream);

/* pg_values.c */

/*
 * Makes Datums of a row's columns in rowcxt; columns that are not sent are
 * COLUMN_ABSENT. key_only: only columns of the replica identity are reported.
 */
extern void pg_read_row(SourceStream *stream, PgRelation *table,
						const PgOutputColumn *columns, int ncolumns,
						bool key_only, MemoryContext rowcxt, Row *row);
/* Does reading values of this column look into the catalog? */
extern bool pg_value_needs_catalog(const PgColumn *column, bool binary);
/* Texts of a row of the helper table, in the current context. */
extern char **pg_read_texts(PgRelation *table, const PgOutputColumn *columns,
							int ncolumns);

#endif							/* DTSMIG_PG_STREAM_IMPL_H */
