/*-------------------------------------------------------------------------
 *
 * my_stream_query.c
 *	  QUERY events in the change stream: ends of transactions, DDL, and rows
 *	  that are hidden in statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_charset.h"
#include "source/mysql/ddl_parse.h"
#include "source/mysql/ddl_fold.h"
#include "source/mysql/my_stream_impl.h"

#include "mb/pg_wchar.h"
#include "schema/model.h"
#include "utils/memutils.h"

/* How much of a statement an error shows. */
#define STATEMENT_SHOWN 200
/* Temporary tables that are remembered. */
#define MAX_TEMPORARY 10000

/* What a search of the names in a statement is for, and has found. */
typedef struct NameSearch
{
	SourceStream *stream;
	const char *default_schema;
	bool		utf8;			/* the statement's text is */
	char	   *schema;			/* of the first selected table */
	char	   *table;			/* NULL: the schema itself */
} NameSearch;

char *
stream_name(SourceStream *stream, const char *name)
{
	char	   *s = stream_to_server(name, strlen(name));

	return stream->fold_names ? ddl_fold_name(s) : s;
}

static bool
name_found(void *arg, const BinlogName *name)
{
	NameSearch *search = arg;
	SourceStream *stream = search->stream;
	const char *schema = search->default_schema;
	char	   *table = NULL;

	/* a name that we can't read may be any */
	if (!search->utf8 &&
		(!my_is_ascii((const uint8 *) name->schema, strlen(name->schema)) ||
		 !my_is_ascii((const uint8 *) name->table, strlen(name->table))))
	{
		search->schema = pstrdup(schema);
		return true;
	}
	if (name->has_schema)
		schema = stream_name(stream, name->schema);
	if (name->table[0] != '\0')
		table = stream_name(stream, name->table);
	if (schema[0] == '\0' ||
		!stream->callbacks.selected(stream->callbacks.arg, schema, table))
		return false;
	search->schema = pstrdup(schema);
	search->table = table;
	return true;
}

/* ------------------------------------------------------ temporary tables */

static StreamTemporary *
find_temporary(SourceStream *stream, uint32 thread, const char *schema,
			   const char *table)
{
	ListCell   *lc;

	foreach(lc, stream->temporary)
	{
		StreamTemporary *t = lfirst(lc);

		if (t->thread == thread && strcmp(t->schema, schema) == 0 &&
			strcmp(t->table, table) == 0)
			return t;
	}
	return NULL;
}

/* What a statement on temporary tables names. */
typedef struct TemporarySearch
{
	SourceStream *stream;
	const char *default_schema;
	uint32		thread;
	bool		drop;
} TemporarySearch;

static bool
temporary_found(void *arg, const BinlogName *name)
{
	TemporarySearch *search = arg;
	SourceStream *stream = search->stream;
	const char *schema = name->has_schema ? stream_name(stream, name->schema) :
		search->default_schema;
	char	   *table = stream_name(stream, name->table);
	StreamTemporary *t = find_temporary(stream, search->thread, schema, table);

	if (search->drop && t != NULL)
		stream->temporary = list_delete_ptr(stream->temporary, t);
	else if (!search->drop && t == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->cxt);

		if (list_length(stream->temporary) >= MAX_TEMPORARY)
			stream->temporary = list_delete_first(stream->temporary);
		t = palloc(sizeof(StreamTemporary));
		t->thread = search->thread;
		t->schema = pstrdup(schema);
		t->table = pstrdup(table);
		stream->temporary = lappend(stream->temporary, t);
		MemoryContextSwitchTo(old);
	}
	return false;
}

static void
note_temporary(SourceStream *stream, const BinlogStatement *stmt,
			   const BinlogQuery *query, const char *schema)
{
	TemporarySearch search = {stream, schema, query->thread_id,
	stmt->kind == BINLOG_STMT_DROP_TABLE};

	if (stmt->kind == BINLOG_STMT_CREATE_TABLE || search.drop)
		(void) binlog_statement_names(stmt, temporary_found, &search);
}

/* ------------------------------------------------- rows as statements */

static void report_truncate(SourceStream *stream, SourceRelation *rel);

/*
 * The table that a statement writes to, if it is one that is followed: what
 * else it names is only read. *known: the statement's form shows it; else any
 * name in it may be such a table.
 */
static SourceRelation *
written_table(SourceStream *stream, const BinlogStatement *stmt,
			  const BinlogQuery *query, const char *schema, bool *known,
			  bool *all_rows)
{
	BinlogName	name;
	char	   *table;

	*known = false;
	if (!binlog_statement_target(stmt, &name, all_rows))
		return NULL;
	/* a name that we can't read may be any */
	if (!stream_is_utf8_client(query->client_charset) &&
		(!my_is_ascii((const uint8 *) name.schema, strlen(name.schema)) ||
		 !my_is_ascii((const uint8 *) name.table, strlen(name.table))))
		return NULL;
	*known = true;
	if (name.has_schema)
		schema = stream_name(stream, name.schema);
	table = stream_name(stream, name.table);
	if (schema[0] == '\0' ||
		find_temporary(stream, query->thread_id, schema, table) != NULL ||
		!stream->callbacks.selected(stream->callbacks.arg, schema, table))
		return NULL;
	return stream->callbacks.lookup(stream->callbacks.arg, NULL, schema, table,
									stream->start);
}

/*
 * A statement that changes rows: only harmless if nothing that we follow can
 * be among them. True: it has been reported as a change.
 */
static bool
check_data(SourceStream *stream, const BinlogStatement *stmt,
		   const BinlogQuery *query, const char *schema)
{
	NameSearch	search = {stream, schema, stream_is_utf8_client(query->client_charset),
	NULL, NULL};
	int			shown = (int) Min(stmt->len, STATEMENT_SHOWN);
	StreamReader *r = stream->reader;
	bool		known;
	bool		all_rows;
	SourceRelation *rel;
	char	   *what;

	if (void_contains(stream, r->event_start))
		return false;
	rel = written_table(stream, stmt, query, schema, &known, &all_rows);
	if (known && rel == NULL)
		return false;
	/* a MEMORY table is empty after a restart, which the log says so */
	if (known && all_rows && rel->def->engine != NULL &&
		pg_strcasecmp(rel->def->engine, "MEMORY") == 0)
	{
		report_truncate(stream, rel);
		return true;
	}
	if (!known && !(schema[0] != '\0' &&
					stream->callbacks.selected(stream->callbacks.arg, schema, NULL)) &&
		!binlog_statement_names(stmt, name_found, &search))
		return false;
	if (stream_settle(stream))
		return false;
	what = psprintf("in database \"%s\": %s", schema, stream_to_server(stmt->sql, shown));
	if (stream_skips(stream, what))
		return false;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the source has logged a change as a statement at position " UINT64_FORMAT " of \"%s\"",
					r->event_start, r->file),
			 errdetail("Statement in database \"%s\": %s", schema,
					   stream_to_server(stmt->sql, shown)),
			 errhint("Set binlog_format = ROW at the source, globally and in every session; have the table copied again that the statement wrote to."),
			 rel ? (ERR_SOURCE_TABLE(rel)) : 0));
	return false;
}

static void
parse_ddl(SourceStream *stream, const BinlogStatement *stmt,
		  const BinlogQuery *query, Change *change)
{
	DdlInput	input = {0};

	input.sql = change->ddl_sql;
	input.schema = change->ddl_schema;
	input.dialect.mariadb = stream->mariadb;
	input.dialect.version = my_version_num(stream->main.conn);
	input.dialect.sql_mode = stmt->sql_mode;
	input.fold_names = stream->fold_names;
	change->ddl = ddl_parse(&input, &change->ddl_error);
	if (change->ddl == NULL)
		return;
	change->ddl->loose = (stmt->sql_mode & BINLOG_MODE_STRICT) == 0;
	if (query->time_zone_len > 0)
		change->ddl->time_zone = pnstrdup(query->time_zone, query->time_zone_len);
	change->ddl->charset_of_literals = stream->literals == NULL ? NULL :
		pstrdup(stream->literals);
	change->ddl->cuts_seconds = stream->mariadb ?
		!(stmt->sql_mode & BINLOG_MODE_ROUND_FRACTIONAL) :
		(stmt->sql_mode & BINLOG_MODE_TRUNCATE_FRACTIONAL) != 0;
}

static void
report_ddl(SourceStream *stream, const BinlogStatement *stmt,
		 const BinlogQuery *query, const char *schema, SourceRelation *rel)
{
	Change	   *change = stream_queue(stream, CHANGE_DDL);

	change->ddl_schema = (char *) schema;
	change->ddl_sql = stream_to_server(stmt->sql, stmt->len);
	change->rel = rel;
	change->bytes = stream->event.size;
	parse_ddl(stream, stmt, query, change);
}

/* A statement that is a transaction of its own has been dealt with. */
static void
end_statement(SourceStream *stream)
{
	if (stream->state != STREAM_IN_TRANSACTION &&
		stream->state != STREAM_PREPARING)
		stream_move(stream);
}

static void
report_truncate(SourceStream *stream, SourceRelation *rel)
{
	bool		alone = stream->state != STREAM_IN_TRANSACTION;
	Change	   *change;

	if (alone)
		stream_begin(stream);
	stream_report_begin(stream);
	change = stream_queue(stream, CHANGE_TRUNCATE);
	change->rel = rel;
	change->bytes = stream->event.size;
	if (alone)
		stream_commit(stream);
}

/*
 * Does the statement say which character set a database has? One that does not
 * parse is no reason to stop: it changes no table.
 */
static bool
has_charset(SourceStream *stream, const BinlogStatement *stmt,
			  const BinlogQuery *query, char *schema)
{
	Change		change = {0};

	change.ddl_schema = schema;
	change.ddl_sql = stream_to_server(stmt->sql, stmt->len);
	parse_ddl(stream, stmt, query, &change);
	return change.ddl != NULL &&
		(change.ddl->kind == DDL_CREATE_SCHEMA || change.ddl->charset != NULL ||
		 change.ddl->collation != NULL);
}

/*
 * DDL: of interest if it hits a selected table, or drops a selected database.
 * An ALTER that the source logs in two phases counts when it commits.
 */
static void
handle_ddl(SourceStream *stream, const BinlogStatement *stmt,
		   const BinlogQuery *query, const char *schema)
{
	NameSearch	search = {stream, schema, stream_is_utf8_client(query->client_charset),
	NULL, NULL};
	uint8		phase = stream->has_gtid ?
		stream->gtid.flags_extra : query->gtid_flags3;
	SourceRelation *rel = NULL;

	if (stmt->kind == BINLOG_STMT_CREATE_DATABASE ||
		stmt->kind == BINLOG_STMT_ALTER_DATABASE)
	{
		if (!has_charset(stream, stmt, query, (char *) schema))
		{
			end_statement(stream);
			return;
		}
	}
	else if (stmt->temporary)
	{
		note_temporary(stream, stmt, query, schema);
		end_statement(stream);
		return;
	}
	else if ((phase & (BINLOG_GTID_START_ALTER | BINLOG_GTID_ROLLBACK_ALTER)) ||
			 !binlog_statement_names(stmt, name_found, &search))
	{
		end_statement(stream);
		return;
	}
	if (search.table)
		rel = stream->callbacks.lookup(stream->callbacks.arg, NULL, search.schema,
									   search.table, stream->start);
	if (stmt->kind == BINLOG_STMT_TRUNCATE && rel != NULL)
	{
		report_truncate(stream, rel);
		return;
	}
	report_ddl(stream, stmt, query, schema, rel);
	if (stream->state != STREAM_IN_TRANSACTION)
		stream->state = STREAM_IDLE;
}

/* Was it done, and its transaction not, before the stream was opened? */
static bool
is_done(SourceStream *stream)
{
	char	   *group;

	if (stream->state != STREAM_IN_TRANSACTION ||
		++stream->statements > stream->skip_statements)
		return false;
	if (stream->skip_group == NULL)
		return stream->transactions == 1;
	group = stream_group(stream);
	return group != NULL && strcmp(group, stream->skip_group) == 0;
}

/*
 * ROLLBACK, as a replica would do it: changes of tables that can't roll back
 * stay. A transaction that has both would need to be split.
 */
static void
handle_rollback(SourceStream *stream)
{
	if (stream->state != STREAM_IN_TRANSACTION)
		stream_move(stream);
	else if (!stream->other_sent)
		stream_void(stream, stream->start.offset);
	else if (!stream->transactional_sent ||
			 stream_skips(stream, "ROLLBACK of a transaction that has changed transactional and other tables"))
		stream_commit(stream);
	else
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a transaction that ends with ROLLBACK at position " UINT64_FORMAT " of \"%s\" has changed transactional and other tables",
						stream->main.offset, stream->main.file),
				 errdetail("Rows of tables without transactions stay, those of others do not; the log does not say which is which."),
				 errhint("skip_change applies all that it changed; have the tables with transactions copied again after that.")));
}

/* Text behind the keywords of a SAVEPOINT statement. */
static char *
savepoint_name(const BinlogStatement *stmt)
{
	return pnstrdup(stmt->sql + stmt->names_at, stmt->len - stmt->names_at);
}

static void
handle_savepoint(SourceStream *stream, const BinlogStatement *stmt)
{
	MemoryContext old;
	StreamSavepoint *save;

	if (stream->state != STREAM_IN_TRANSACTION)
		return;
	old = MemoryContextSwitchTo(stream->txcxt);
	save = palloc(sizeof(StreamSavepoint));
	save->name = savepoint_name(stmt);
	save->offset = stream->reader->offset;
	save->rows_sent = stream->rows_sent;
	stream->savepoints = lappend(stream->savepoints, save);
	MemoryContextSwitchTo(old);
}

/*
 * What came since the savepoint is void. If some of it was reported, the consumer
 * cannot take that back alone: it starts again from its last commit.
 */
static void
handle_rollback_to(SourceStream *stream, const BinlogStatement *stmt)
{
	char	   *name = savepoint_name(stmt);
	ListCell   *lc;
	StreamSavepoint *found = NULL;

	if (stream->state != STREAM_IN_TRANSACTION)
		return;
	/* names_at is at TO [SAVEPOINT] */
	name += 2;
	while (*name == ' ')
		name++;
	if (pg_strncasecmp(name, "savepoint ", 10) == 0)
		name += 10;
	foreach(lc, stream->savepoints)
	{
		StreamSavepoint *save = lfirst(lc);

		if (pg_strcasecmp(save->name, name) == 0)
			found = save;
	}
	if (found == NULL &&
		stream_skips(stream, "ROLLBACK TO a savepoint that is not known"))
		return;
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("ROLLBACK TO a savepoint that is not known at position " UINT64_FORMAT " of \"%s\"",
						stream->reader->offset, stream->reader->file),
				 errdetail("The log has no SAVEPOINT of this name in the transaction."),
				 errhint("Without it, what the transaction has rolled back is applied: have the tables copied again that it wrote to.")));
	if (stream->rows_sent == found->rows_sent)
		return;
	/* events of a compressed transaction have no place of their own */
	if (stream->reader->offset <= found->offset)
	{
		if (stream_skips(stream, "ROLLBACK TO a savepoint in a compressed transaction"))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ROLLBACK TO a savepoint in a compressed transaction at position " UINT64_FORMAT " of \"%s\" is not supported",
						stream->reader->event_start, stream->reader->file),
				 errhint("Skip it, so that what the transaction has rolled back is applied, and have the tables copied again that it wrote to. Set binlog_transaction_compression = OFF at the source for such transactions.")));
	}
	void_add(stream, found->offset, stream->reader->offset);
	stream_reopen();
}

/* The name of an XA transaction as XA statements in the log write it. */
static char *
xid_text(const BinlogXid *xid)
{
	StringInfoData buf;
	uint32		i;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "X'");
	for (i = 0; i < xid->gtrid_len; i++)
		appendStringInfo(&buf, "%02x", xid->data[i]);
	appendStringInfoString(&buf, "',X'");
	for (i = 0; i < xid->bqual_len; i++)
		appendStringInfo(&buf, "%02x", xid->data[xid->gtrid_len + i]);
	appendStringInfo(&buf, "',%u", xid->format_id);
	return buf.data;
}

/*
 * An XA transaction has been prepared: noted for its COMMIT. In one phase, it
 * has committed as well.
 */
void
stream_prepared(SourceStream *stream, const BinlogXid *xid, bool one_phase)
{
	MemoryContext old;

	if (one_phase)
	{
		stream_begin(stream);
		stream_start_replay(stream, stream->main.file, stream->start.offset);
		return;
	}
	old = MemoryContextSwitchTo(stream->cxt);
	stream->prepared_xid = xid_text(xid);
	MemoryContextSwitchTo(old);
	stream_move(stream);
}

/* XA COMMIT and XA ROLLBACK of a transaction that was prepared. */
static void
handle_xa_end(SourceStream *stream, const BinlogStatement *stmt)
{
	const char *p = stmt->sql + stmt->names_at;
	const char *end = stmt->sql + stmt->len;
	StringInfoData name;
	const MyPrepared *x;

	/* from X'..' on, in lower-case digits and without spaces */
	while (p < end && pg_strncasecmp(p, "x'", Min(2, end - p)) != 0)
		p++;
	initStringInfo(&name);
	for (; p < end && *p != ';'; p++)
		if (*p != ' ')
			appendStringInfoChar(&name, *p == 'X' ? 'X' : pg_tolower(*p));
	x = my_position_find_prepared(&stream->done, name.data);
	if (stmt->kind == BINLOG_STMT_XA_COMMIT && x == NULL)
	{
		if (stream_settle(stream))
			return;
		if ((stream->callbacks.copied != NULL &&
			 stream->callbacks.copied(stream->callbacks.arg, stream->start)) ||
			stream_skips(stream, psprintf("XA COMMIT %s", name.data)))
		{
			stream_move(stream);
			return;
		}
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("XA transaction %s, committed at position " UINT64_FORMAT " of \"%s\", was prepared before the stream's start",
						name.data, stream->main.event_start, stream->main.file),
				 errdetail("Its rows lie in the log before the place where the task began to read."),
				 errhint("Leave it out, and have the tables copied again that it wrote to. Start tasks when no XA transaction is in doubt at the source (XA RECOVER).")));
	}
	if (x != NULL)
		stream->ended_xid = MemoryContextStrdup(stream->cxt, name.data);
	if (stmt->kind == BINLOG_STMT_XA_ROLLBACK)
	{
		stream_move(stream);
		return;
	}
	stream_begin(stream);
	stream_start_replay(stream, x->file, x->offset);
}

static void
handle_begin(SourceStream *stream)
{
	if (stream->state == STREAM_IN_TRANSACTION)
		return;					/* MariaDB's GTID did it */
	if (stream->state == STREAM_IDLE)
	{
		stream->start.segment = stream->main.segment;
		stream->start.offset = stream->main.event_start;
	}
	stream_begin(stream);
}

static void
handle_commit(SourceStream *stream)
{
	if (stream->state == STREAM_IN_TRANSACTION)
		stream_commit(stream);
	else
		stream_move(stream);
}

/*
 * A statement of an XA transaction whose rows are read again. What it is besides
 * savepoints was dealt with when it came by for the first time.
 */
void
stream_replayed_query(SourceStream *stream)
{
	BinlogQuery query;
	BinlogStatement stmt;
	BinlogError error;

	if (!binlog_read_query(&stream->event, &stream->plain, &query, &error))
		stream_error(stream, &error);
	binlog_classify(query.sql, query.sql_len, query.sql_mode, &stmt);
	stream_forget_maps(stream);
	if (stmt.kind == BINLOG_STMT_SAVEPOINT)
		handle_savepoint(stream, &stmt);
	else if (stmt.kind == BINLOG_STMT_ROLLBACK_TO)
		handle_rollback_to(stream, &stmt);
}

void
stream_query(SourceStream *stream)
{
	BinlogQuery query;
	BinlogStatement stmt;
	BinlogError error;
	MemoryContext old;
	char	   *schema;

	if (!binlog_read_query(&stream->event, &stream->plain, &query, &error))
		stream_error(stream, &error);
	binlog_classify(query.sql, query.sql_len, query.sql_mode, &stmt);
	stream_forget_maps(stream);

	switch (stmt.kind)
	{
		case BINLOG_STMT_BEGIN:
			handle_begin(stream);
			return;
		case BINLOG_STMT_COMMIT:
			handle_commit(stream);
			return;
		case BINLOG_STMT_ROLLBACK:
			handle_rollback(stream);
			return;
		case BINLOG_STMT_EMPTY:
			end_statement(stream);
			return;
		case BINLOG_STMT_XA_START:
			if (stream->state == STREAM_IDLE)
			{
				stream->start.segment = stream->main.segment;
				stream->start.offset = stream->main.event_start;
			}
			stream->state = STREAM_PREPARING;
			return;
		case BINLOG_STMT_XA_END:
		case BINLOG_STMT_XA_PREPARE:
		case BINLOG_STMT_RELEASE:
			return;
		default:
			break;
	}

	MemoryContextReset(stream->eventcxt);
	old = MemoryContextSwitchTo(stream->eventcxt);
	schema = stream_to_server(query.schema, query.schema_len);
	if (stream->state == STREAM_IDLE)
	{
		stream->start.segment = stream->main.segment;
		stream->start.offset = stream->main.event_start;
	}
	if (stmt.kind == BINLOG_STMT_SAVEPOINT)
		handle_savepoint(stream, &stmt);
	else if (stmt.kind == BINLOG_STMT_ROLLBACK_TO)
		handle_rollback_to(stream, &stmt);
	else if (stmt.kind == BINLOG_STMT_XA_COMMIT ||
			 stmt.kind == BINLOG_STMT_XA_ROLLBACK)
		handle_xa_end(stream, &stmt);
	else if (binlog_stmt_is_ddl(stmt.kind))
	{
		stream->literals = stream_statement_to_utf8(stream, &query);
		binlog_classify(query.sql, query.sql_len, query.sql_mode, &stmt);
		if (!is_done(stream))
			handle_ddl(stream, &stmt, &query, schema);
	}
	else
	{
		if ((stmt.kind == BINLOG_STMT_DATA || stmt.kind == BINLOG_STMT_UNKNOWN) &&
			check_data(stream, &stmt, &query, schema))
			;					/* reported, with where it ends */
		else if (!stream->settling)
			end_statement(stream);
	}
	MemoryContextSwitchTo(old);
}
