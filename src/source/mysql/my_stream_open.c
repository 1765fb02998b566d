/*-------------------------------------------------------------------------
 *
 * my_stream_open.c
 *	  The beginning of a change stream: does its log still have the position, and the
 *	  handshake of a replica.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_stream_impl.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* commands of the protocol */
#define COM_BINLOG_DUMP		18
#define COM_REGISTER_SLAVE	21
#define COM_BINLOG_DUMP_GTID	30

/* flag of a dump: heartbeats of version 2, with positions past 4 GB */
#define DUMP_HEARTBEAT_V2	0x02
/* the same of MariaDB: texts of the statements that rows are of */
#define DUMP_ANNOTATE_ROWS	0x02

/* A server id of ours lies in this range, if none is set. */
#define SERVER_ID_BASE		0xA0000000
#define SERVER_ID_MASK		0x0FFFFFFF

/* So often, ten times a second, a source is asked for what it is to have. */
#define EXECUTED_TRIES 50

/* Runs what some servers do not know. */
static void
try_query(MyConn *conn, const char *sql)
{
	char	   *message;
	int			my_errno;

	(void) my_try_query(conn, sql, 0, NULL, &message, &my_errno);
}

#define LOST_HINT "Have the source keep its logs longer (binlog_expire_logs_seconds). " SOURCE_NEW_TASK_HINT

static void
lost_position(SourceStream *stream, const char *first)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("binary log \"%s\" is no longer on server \"%s\": changes from position " UINT64_FORMAT " on are lost",
					stream->done.file, stream->info.server_name,
					stream->done.offset),
			 errdetail("The first binary log there is \"%s\".", first),
			 errhint(LOST_HINT)));
}

/*
 * MySQL by GTID: what we have must be known at the source, and what we lack
 * must be in its logs.
 */
static void
check_gtid_set(SourceStream *stream)
{
	MyConn	   *conn = stream->main.conn;
	char	   *set = my_quote_literal(my_position_gtids(&stream->done));
	char	   *unknown;
	char	   *lost;

	/*
	 * A transaction is in the log, and may be applied at the destination,
	 * before the source counts it as executed: it may wait for a replica to
	 * acknowledge it.
	 */
	for (int tries = 1;; tries++)
	{
		unknown = my_query_text(conn, psprintf("SELECT GTID_SUBTRACT(%s, @@global.gtid_executed)",
											   set));
		if (unknown[0] == '\0')
			break;
		if (tries >= EXECUTED_TRIES)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("server \"%s\" lacks transactions that are applied at the destination: %s",
							stream->info.server_name, unknown),
					 errdetail("It has executed %s.",
							   my_query_text(conn, "SELECT @@global.gtid_executed")),
					 errhint("The task goes on when it has caught up. If it never had them: " SOURCE_NEW_TASK_HINT)));
		CHECK_FOR_INTERRUPTS();
		pg_usleep(100000L);
	}
	lost = my_query_text(conn, psprintf("SELECT GTID_SUBTRACT(@@global.gtid_purged, %s)",
										set));
	if (lost[0] == '\0')
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 stream->done.file[0] == '\0' ?
			 errmsg("binary logs of server \"%s\" are purged: transactions from GTID %s on are lost",
					stream->info.server_name, lost) :
			 errmsg("binary logs of server \"%s\" are purged: changes from position " UINT64_FORMAT " of \"%s\" on are lost",
					stream->info.server_name, stream->done.offset,
					stream->done.file),
			 errdetail("Transactions that are no longer in its log: %s.", lost),
			 errhint(LOST_HINT)));
}

/*
 * Looks for the start position among the logs of the source. An account that
 * may not list them is left to what the source says of the position.
 */
static void
check_logs(SourceStream *stream)
{
	MyPosition *start = &stream->done;
	MyResult   *logs;
	char	   *message;
	int			my_errno;
	int			i;

	if (!my_try_query(stream->main.conn, "SHOW BINARY LOGS", 2, &logs,
					  &message, &my_errno))
	{
		if (my_errno == 1381)	/* not using binary logging */
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("server \"%s\" writes no binary log",
							stream->info.server_name),
					 errhint("Start it with log_bin and binlog_format = ROW.")));
		return;
	}
	if (my_nrows(logs) == 0)
		return;
	for (i = 0; i < my_nrows(logs); i++)
		if (strcmp(my_get_text(logs, i, 0), start->file) == 0)
			break;
	if (i < my_nrows(logs))
	{
		uint64		size = Max(my_get_int64(logs, i, 1), 0);

		if (start->offset <= size)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("position " UINT64_FORMAT " is past the end of binary log \"%s\" of server \"%s\"",
						start->offset, start->file, stream->info.server_name),
				 errdetail("The log ends at " UINT64_FORMAT ".", size),
				 errhint("If the server was replaced by hand, point the foreign server at the right one. If it lost a part of its log in a crash or was restored from a backup: " SOURCE_NEW_TASK_HINT)));
	}
	if (my_file_segment(start->file) < my_file_segment(my_get_text(logs, 0, 0)))
		lost_position(stream, my_get_text(logs, 0, 0));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("server \"%s\" has no binary log \"%s\"",
					stream->info.server_name, start->file),
			 errdetail("Its binary logs are \"%s\" to \"%s\".",
					   my_get_text(logs, 0, 0), my_get_text(logs, my_nrows(logs) - 1, 0)),
			 errhint("If the server was replaced by hand, point the foreign server at the right one. If its logs were reset: " SOURCE_NEW_TASK_HINT)));
}

/*
 * Are these the GTID states of one place? A domain may be missing in one of
 * them, as domains can be deleted; but not differ, nor may all be missing.
 */
static bool
same_gtids(const MyPosition *a, const MyPosition *b)
{
	bool		common = false;
	int			i;
	int			j;

	for (i = 0; i < a->ngtids; i++)
		for (j = 0; j < b->ngtids; j++)
		{
			if (a->gtids[i].domain != b->gtids[j].domain)
				continue;
			if (a->gtids[i].seq != b->gtids[j].seq ||
				a->gtids[i].server_id != b->gtids[j].server_id)
				return false;
			common = true;
		}
	return common || a->ngtids == 0;
}

/*
 * Asks for the GTID state at the start. Where the position has one as well,
 * they must be the same: a log of the same name on another server, or one
 * written again after RESET MASTER, is not the one we have read. The source
 * reads the file up to that position, some 500 MB a second.
 */
static void
check_gtids(SourceStream *stream)
{
	MyPosition *start = &stream->done;
	MyPosition	source;
	MyResult   *res;
	char	   *message;
	int			my_errno;
	char	   *gtids;

	if (!my_try_query(stream->main.conn,
					  psprintf("SELECT BINLOG_GTID_POS(%s, " UINT64_FORMAT ")",
							   my_quote_literal(start->file), start->offset),
					  1, &res, &message, &my_errno) ||
		(gtids = my_get_text_or_null(res, 0, 0)) == NULL)
		return;
	memset(&source, 0, sizeof(source));
	if (!my_position_set_gtids(&source, gtids))
		return;
	if (!same_gtids(start, &source))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("binary log \"%s\" of server \"%s\" is not the one that has been read up to position " UINT64_FORMAT,
						start->file, stream->info.server_name, start->offset),
				 errdetail("The GTID state there is \"%s\", but was \"%s\".",
						   gtids, my_position_gtids(start)),
				 errhint("If the server was replaced by hand, point the foreign server at the right one. If its logs were reset: " SOURCE_NEW_TASK_HINT)));
	if (start->ngtids == 0)
		(void) my_position_set_gtids(start, gtids);
}

/*
 * The type of the first event after a place that begins a transaction: "Gtid",
 * "Anonymous_Gtid". NULL: there is none, or the account may not ask.
 */
static char *
next_group(MyConn *conn, const char *file, uint64 offset)
{
	MyResult   *logs;
	char	   *message;
	int			my_errno;
	bool		found = false;

	if (!my_try_query(conn, "SHOW BINARY LOGS", 2, &logs, &message, &my_errno))
		return NULL;
	for (int i = 0; i < my_nrows(logs); i++)
	{
		char	   *name = my_get_text(logs, i, 0);
		MyResult   *events;

		if (!found && strcmp(name, file) != 0)
			continue;
		if (!my_try_query(conn, psprintf("SHOW BINLOG EVENTS IN %s FROM " UINT64_FORMAT " LIMIT 8",
										 my_quote_literal(name),
										 found ? UINT64CONST(4) : offset),
						  5, &events, &message, &my_errno))
			return NULL;
		found = true;
		for (int e = 0; e < my_nrows(events); e++)
		{
			char	   *type = my_get_text(events, e, 2);

			/* Gtid_tagged, too; but Previous_gtids is none */
			if (pg_strncasecmp(type, "Anonymous", 9) == 0 ||
				pg_strncasecmp(type, "Gtid", 4) == 0)
				return type;
		}
	}
	return NULL;
}

/*
 * MySQL's log is asked for by GTID wherever there are any: the state in the
 * position is exact, while its place may lie behind transactions that were
 * written but not yet visible when the place was asked for.
 *
 * The source does that with gtid_mode = ON alone; and transactions without GTID
 * it leaves out then, without a word where they lie before a file in which all
 * is new. It does not send them at all while gtid_mode is ON.
 */
static bool
goes_by_gtid(SourceStream *stream)
{
	MyConn	   *conn = stream->main.conn;
	MyPosition *start = &stream->done;
	char	   *next;

	if (stream->mariadb || start->set.n == 0)
		return false;
	if (start->file[0] == '\0')
		return true;
	if (my_version_num(conn) >= 50700 &&
		pg_strcasecmp(my_query_text(conn, "SELECT @@global.gtid_mode"), "ON") != 0)
		return false;
	next = next_group(conn, start->file, start->offset);
	if (next != NULL && pg_strncasecmp(next, "Anonymous", 9) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("transactions without GTID follow position " UINT64_FORMAT " of \"%s\", which server \"%s\" does not send while its gtid_mode is ON",
						start->offset, start->file, stream->info.server_name),
				 errhint(GTID_MODE_HINT)));
	return true;
}

/* Looks at where the stream is to start, and at what else it must know. */
static void
check_start(SourceStream *stream)
{
	MyConn	   *conn = stream->main.conn;

	stream->fold_names = my_query_int64(conn, "SELECT @@lower_case_table_names") != 0;
	if (stream->mariadb ? stream->done.set.n > 0 : stream->done.ngtids > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("position \"%s\" is not one of a server like \"%s\"",
						my_position_text(&stream->done),
						stream->info.server_name),
				 errdetail("The server is %s %s.",
						   stream->mariadb ? "MariaDB" : "MySQL",
						   my_version_text(conn))));

	stream->by_gtid = goes_by_gtid(stream);
	if (stream->by_gtid)
	{
		check_gtid_set(stream);
		return;
	}
	if (stream->done.file[0] == '\0')
		return;
	check_logs(stream);
	if (stream->mariadb)
		check_gtids(stream);
}

static uint32
choose_server_id(const ConnectionInfo *info)
{
	uint32		id;

	if (info->replication_server_id != 0)
		return info->replication_server_id;
	if (!pg_strong_random(&id, sizeof(id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random server id")));
	return SERVER_ID_BASE | (id & SERVER_ID_MASK);
}

static void
append_le(StringInfo buf, uint32 v, int bytes)
{
	for (; bytes > 0; bytes--, v >>= 8)
		appendStringInfoChar(buf, (char) (v & 0xff));
}

/* COM_REGISTER_SLAVE makes us show up in SHOW REPLICA HOSTS. */
static void
register_replica(MyConn *conn, uint32 server_id)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_le(&buf, server_id, 4);
	append_le(&buf, 0, 3);		/* host, user, password: empty */
	append_le(&buf, 0, 2);		/* port */
	append_le(&buf, 0, 4);		/* rank */
	append_le(&buf, 0, 4);		/* id of the source: filled in by the source */
	my_command_ok(conn, COM_REGISTER_SLAVE, buf.data, buf.len);
}

/*
 * Sends the source what we understand and asks for its log: from file and
 * offset on, or (by_gtid not NULL) from a GTID state on. Heartbeats come each
 * second. A consumer that is slow must not be taken for dead.
 */
static void
start_dump(MyConn *conn, const ConnectionInfo *info, const char *file,
		   uint64 offset, const MyPosition *by_gtid)
{
	uint32		server_id = choose_server_id(info);
	uint32		flags = 0;
	StringInfoData buf;
	StringInfoData set;

	try_query(conn, "SET @master_binlog_checksum = @@global.binlog_checksum");
	try_query(conn, "SET @source_binlog_checksum = @@global.binlog_checksum");
	try_query(conn, "SET @master_heartbeat_period = 1000000000");
	try_query(conn, "SET @source_heartbeat_period = 1000000000");
	try_query(conn, "SET SESSION net_write_timeout = 31536000");
	if (my_is_mariadb(conn))
	{
		my_query(conn, "SET @mariadb_slave_capability = 4", 0);
		if (stream_wants_texts())
			flags = DUMP_ANNOTATE_ROWS;
		if (by_gtid)
		{
			my_query(conn, psprintf("SET @slave_connect_state = %s",
									my_quote_literal(my_position_gtids(by_gtid))), 0);
			my_query(conn, "SET @slave_gtid_strict_mode = 0", 0);
			my_query(conn, "SET @slave_gtid_ignore_duplicates = 0", 0);
		}
	}
	else if (my_version_num(conn) >= 80026)
		flags = DUMP_HEARTBEAT_V2;
	register_replica(conn, server_id);

	initStringInfo(&buf);
	if (by_gtid && !my_is_mariadb(conn))
	{
		initStringInfo(&set);
		my_gtid_set_encode(&by_gtid->set, &set);
		append_le(&buf, flags, 2);
		append_le(&buf, server_id, 4);
		append_le(&buf, 0, 4);	/* name of a file: none */
		append_le(&buf, 4, 4);	/* offset, 8 bytes */
		append_le(&buf, 0, 4);
		append_le(&buf, set.len, 4);
		appendBinaryStringInfo(&buf, set.data, set.len);
		my_command(conn, COM_BINLOG_DUMP_GTID, buf.data, buf.len);
		return;
	}
	append_le(&buf, by_gtid ? 4 : (uint32) offset, 4);
	append_le(&buf, flags, 2);	/* wait at the end */
	append_le(&buf, server_id, 4);
	appendStringInfoString(&buf, file);
	my_command(conn, COM_BINLOG_DUMP, buf.data, buf.len);
}

/* ------------------------------------------------------------------ opening */

bool
stream_grow(SourceStream *stream, BinlogBuffer *buf, size_t wanted)
{
	if (wanted > MaxAllocHugeSize)
		return false;
	wanted = Max(wanted, 64 * 1024);
	if (buf->data != NULL)
		pfree(buf->data);
	buf->data = NULL;
	buf->size = 0;
	buf->data = MemoryContextAllocHuge(stream->cxt, wanted);
	buf->size = wanted;
	return true;
}

static bool
grow_plain(BinlogBuffer *buf, size_t wanted)
{
	SourceStream *stream = (SourceStream *)
		((char *) buf - offsetof(SourceStream, plain));

	return stream_grow(stream, buf, wanted);
}

static void
start_reader(SourceStream *stream, const char *file, uint64 offset,
			 const MyPosition *by_gtid)
{
	StreamReader *r = stream->reader;

	binlog_format_init(&r->format);
	strlcpy(r->file, file, MY_FILE_SIZE);
	r->segment = my_file_segment(file);
	r->offset = offset;
	start_dump(r->conn, &stream->info, file, offset, by_gtid);
}

static char *
copy_string(const char *s)
{
	return s ? pstrdup(s) : NULL;
}

static void
copy_info(ConnectionInfo *to, const ConnectionInfo *from)
{
	*to = *from;
	to->server_name = pstrdup(from->server_name ? from->server_name : "");
	to->server_type = copy_string(from->server_type);
	to->host = copy_string(from->host);
	to->user = copy_string(from->user);
	to->password = copy_string(from->password);
	to->dbname = copy_string(from->dbname);
	to->ssl_ca = copy_string(from->ssl_ca);
	to->ssl_cert = copy_string(from->ssl_cert);
	to->ssl_key = copy_string(from->ssl_key);
	to->server_uid = copy_string(from->server_uid);
}

SourceStream *
my_open_changes(const ConnectionInfo *info, const char *position,
				const StreamCallbacks *callbacks, TypePolicy *policy)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig change stream",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SourceStream *stream = palloc0(sizeof(SourceStream));

	stream->cxt = cxt;
	stream->eventcxt = AllocSetContextCreate(cxt, "dtsmig event",
											 ALLOCSET_SMALL_SIZES);
	stream->txcxt = AllocSetContextCreate(cxt, "dtsmig source transaction",
										  ALLOCSET_SMALL_SIZES);
	copy_info(&stream->info, info);
	stream->callbacks = *callbacks;
	stream->policy = policy;
	stream->plain.grow = grow_plain;
	stream->reader = &stream->main;
	my_position_read(position, &stream->done);
	stream->skip_statements = stream->done.statements;
	stream->skip_group = copy_string(stream->done.group);
	stream_rows_init(stream);
	stream_mysql_init(stream);

	stream->main.conn = my_connect(&stream->info);
	stream->mariadb = my_is_mariadb(stream->main.conn);
	stream->has_texts = stream_wants_texts();
	check_start(stream);

	/* offsets past 4 GB can't be asked for; a GTID state can */
	stream->by_gtid = stream->done.file[0] == '\0' || stream->by_gtid ||
		(stream->done.offset > PG_UINT32_MAX && stream->mariadb);
	start_reader(stream, stream->by_gtid ? "" : stream->done.file,
				 stream->by_gtid ? 0 : stream->done.offset,
				 stream->by_gtid ? &stream->done : NULL);
	MemoryContextSwitchTo(old);
	return stream;
}

/*
 * The main reader waits while the rows of an XA transaction that has been
 * committed are read from their place, on a connection of its own.
 */
void
stream_start_replay(SourceStream *stream, const char *file, uint64 offset)
{
	MemoryContext old;

	stream->replaycxt = AllocSetContextCreate(stream->cxt, "dtsmig replay",
											  ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(stream->replaycxt);
	stream->replay_time = stream_event_time(stream);
	memset(&stream->replay, 0, sizeof(stream->replay));
	stream->replay.conn = my_connect(&stream->info);
	stream->reader = &stream->replay;
	start_reader(stream, file, offset, NULL);
	MemoryContextSwitchTo(old);
}
