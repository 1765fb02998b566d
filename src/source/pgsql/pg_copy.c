/*-------------------------------------------------------------------------
 *
 * pg_copy.c
 *	  Full load from a PostgreSQL source: snapshots, ranges, rows.
 *
 * Rows come by COPY … TO STDOUT, in the binary format where every type's
 * binary form is the same on both sides, else as text, and go into the
 * destination's COPY as they are: what the source wrote, the destination reads.
 *
 *	  source: COPY (SELECT … FROM ONLY t WHERE ctid …) TO STDOUT
 *	     --> CopyData messages, a row each --> pg_next_copy --> COPY FROM
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"
#include "source/pgsql/pg_money.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "core/table_owner.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* A range should not hold more than so much of heap and TOAST. */
#define RANGE_BYTES (INT64CONST(512) * 1024 * 1024)

/* ------------------------------------------------------------- snapshots */

/*
 * The text of a shared snapshot: its name and its position, or "-" if it has
 * none (a task that does not follow changes).
 */
char *
pg_share_snapshot(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;
	const ConnectionInfo *info = pg_info(source->sql);

	if (source->snapshot == NULL)
	{
		/* it lives as long as the source, not as this transaction */
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(source));

		if (info->stream_name != NULL)
			pg_snapshot_by_slot(source);
		else
		{
			source->exporter = pg_connect(info, PG_CONN_SQL);
			pg_run(source->exporter,
							"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
			source->snapshot = pg_select_text(source->exporter, "snapshot",
											  "SELECT pg_catalog.pg_export_snapshot()");
		}
		MemoryContextSwitchTo(old);
	}
	return psprintf("%s %s", source->snapshot,
					source->snapshot_lsn ? source->snapshot_lsn : "-");
}

static void
end_transaction(PgConn *conn)
{
	if (pg_in_transaction(conn))
		pg_run(conn, "ROLLBACK");
}

void
pg_end_snapshot(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;

	end_transaction(source->sql);
	if (source->exporter != NULL)
		pg_close(source->exporter);
	source->exporter = NULL;
	source->snapshot = source->snapshot_lsn = NULL;
}

void
pg_begin_transaction(SourceConn *conn, const char *mode)
{
	PgSource   *source = (PgSource *) conn;

	pg_runf(source->sql, "BEGIN ISOLATION LEVEL REPEATABLE READ %s", mode);
	if (source->pid == 0)
		source->pid = strtol(pg_select_text(source->sql, "process",
											"SELECT pg_catalog.pg_backend_pid()::pg_catalog.text"),
							 NULL, 10);
}

/* Tables that it has read stay locked to its end, and are looked at once. */
void
pg_begin_read(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;

	pg_begin_transaction(conn, "READ ONLY; SAVEPOINT dtsmig_base");
	source->holds = true;
	source->held = NIL;
}

void
pg_end_read(SourceConn *conn)
{
	PgSource   *source = (PgSource *) conn;

	end_transaction(source->sql);
	source->holds = false;
	list_free(source->held);
	source->held = NIL;
}

void
pg_open_snapshot(SourceConn *conn, const char *shared, SourceSnapshot *snapshot)
{
	PgSource   *source = (PgSource *) conn;
	char	   *name;
	char	   *lsn;
	ErrorData  *edata;

	if (shared == NULL)
		shared = pg_share_snapshot(conn);
	name = pstrdup(shared);
	lsn = strchr(name, ' ');
	if (lsn == NULL)
		elog(ERROR, "malformed snapshot \"%s\"", shared);
	*lsn++ = '\0';
	end_transaction(source->sql);
	pg_run(source->sql,
					"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (!pg_try_run(source->sql, psprintf("SET TRANSACTION SNAPSHOT %s",
										  pg_quote_literal(name)), &edata))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the snapshot of server \"%s\" cannot be opened: %s",
						pg_info(source->sql)->server_name, edata->message),
				 errdetail("The session that held it has ended.")));
	snapshot->low = snapshot->high = strcmp(lsn, "-") == 0 ? NULL : pstrdup(lsn);
	snapshot->exact = true;
}

void
pg_open_table_snapshot(SourceConn *conn, const ConnectionInfo *info,
					   const SourceRelation *rel, SourceSnapshot *snapshot)
{
	pg_open_snapshot(conn, NULL, snapshot);
}

/* ----------------------------------------------------------------- ranges */

/* Rows lie so much in the order of a key that its index reads them fast. */
#define CORRELATION_WANTED "0.9"

/*
 * By the first column of the primary key, cut where its statistics say that
 * as many rows lie between; NIL: that would be no good. For versions before
 * 14, where a condition on ctid that names a range reads the whole table.
 * Wherever the cuts are, each row is in one range: the column is not null.
 */
static List *
key_ranges(PgConn *sql, const SourceRelation *rel, int64 pieces)
{
	PgResult   *r;
	List	   *ranges = NIL;
	char	   *low = NULL;

	r = pg_selectf(sql, "bounds of ranges", "ttt",
				   "SELECT pg_catalog.quote_ident(a.attname), b.bound, "
				   "pg_catalog.format_type(a.atttypid, a.atttypmod) "
				   "FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "JOIN pg_catalog.pg_index i ON i.indrelid = c.oid "
				   "AND i.indisprimary AND i.indisvalid "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
				   "AND a.attnum = i.indkey[0] AND a.attnotnull "
				   "JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname "
				   "AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited "
				   "CROSS JOIN LATERAL pg_catalog.unnest(s.histogram_bounds::pg_catalog.text::pg_catalog.text[]) "
				   "WITH ORDINALITY b(bound, nth) "
				   "WHERE n.nspname = %s AND c.relname = %s "
				   "AND pg_catalog.abs(s.correlation) >= " CORRELATION_WANTED
				   " ORDER BY b.nth", pg_quote_literal(rel->schema),
				   pg_quote_literal(rel->name));
	if (r->nrows < 3)
		return NIL;
	pieces = Min(pieces, r->nrows - 1);
	if (pieces < 2)
		return NIL;
	for (int64 i = 1; i <= pieces; i++)
	{
		SourceRange *range = palloc0(sizeof(SourceRange));
		int			row = (r->nrows - 1) * i / pieces;
		char	   *name = pg_text(r, row, 0);
		char	   *high = psprintf("%s::%s", pg_quote_literal(pg_text(r, row, 1)),
									pg_text(r, row, 2));

		range->rows_estimate = rel->def->rows_estimate / pieces;
		if (low && i < pieces)
			range->condition = psprintf("%s >= %s AND %s < %s", name, low, name, high);
		else if (low)
			range->condition = psprintf("%s >= %s", name, low);
		else
			range->condition = psprintf("%s < %s", name, high);
		low = high;
		ranges = lappend(ranges, range);
	}
	return ranges;
}

/* By blocks of the heap. */
List *
pg_plan_ranges(SourceConn *conn, SourceRelation *rel, int64 rows_per_range)
{
	PgConn	   *sql = ((PgSource *) conn)->sql;
	SourceRange *range;
	List	   *ranges = NIL;
	int64		rows = rel->def->rows_estimate;
	int64		bytes = rel->def->data_bytes;
	int64		pages;
	int64		pieces;
	PgResult   *r;

	/* no size: it was dropped since the snapshot */
	r = pg_selectf(sql, "size of a table", "I",
				   "SELECT pg_catalog.pg_relation_size(c.oid) "
				   "/ pg_catalog.current_setting('block_size')::pg_catalog.int8 "
				   "FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE n.nspname = %s AND c.relname = %s",
				   pg_quote_literal(rel->schema), pg_quote_literal(rel->name));
	pages = r->nrows > 0 && !pg_is_null(r, 0, 0) ? pg_bigint(r, 0, 0) : 0;
	pieces = Max(rows / Max(rows_per_range, 1), bytes / RANGE_BYTES) + 1;
	pieces = Min(pieces, Max(pages / 16, 1));
	if (pg_version_num(sql) < 140000 && pieces > 1)
	{
		ranges = key_ranges(sql, rel, pieces);
		if (ranges != NIL)
			return ranges;
		pieces = 1;
	}
	for (int64 i = 0; i < pieces; i++)
	{
		int64		first = pages * i / pieces;
		int64		last = pages * (i + 1) / pieces;

		range = palloc0(sizeof(SourceRange));
		range->rows_estimate = rows / pieces;
		if (pieces > 1)
		{
			StringInfoData buf;

			initStringInfo(&buf);
			if (i > 0)
				appendStringInfo(&buf, "ctid >= '(" INT64_FORMAT ",0)'", first);
			if (i < pieces - 1)
				appendStringInfo(&buf, "%sctid < '(" INT64_FORMAT ",0)'",
								 i > 0 ? " AND " : "", last);
			range->condition = buf.data;
		}
		ranges = lappend(ranges, range);
	}
	return ranges;
}

/* ---------------------------------------------------------------- columns */

/*
 * Types of pg_catalog whose binary form holds OIDs, or depends on a setting or
 * a version.
 */
static bool
is_portable(Oid typid)
{
	switch (typid)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGCOLLATIONOID:
		case ACLITEMOID:
		case RECORDOID:
		case RECORDARRAYOID:
		case CSTRINGOID:
		case XMLOID:
			return false;
		default:
			return true;
	}
}

/* Is the source's binary form that of the destination's type? */
static bool
same_binary(const char *base_type, Oid typid)
{
	HeapTuple	tup;
	Form_pg_type type;
	Oid			element = get_element_type(typid);
	bool		same;

	if (base_type[0] == '\0' || !is_portable(typid) ||
		(OidIsValid(element) && !is_portable(element)))
		return false;
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	if (!HeapTupleIsValid(tup))
		return false;
	type = (Form_pg_type) GETSTRUCT(tup);
	same = type->typnamespace == PG_CATALOG_NAMESPACE &&
		OidIsValid(type->typreceive) &&
		strcmp(NameStr(type->typname), base_type) == 0;
	ReleaseSysCache(tup);
	return same;
}

void
pg_prepare_relation(SourceConn *conn, SourceRelation *rel, TypePolicy *policy)
{
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);

	pg_money_check(((PgSource *) conn)->sql, rel);
	rel->text_rows = false;
	for (int i = 0; i < rel->ncolumns; i++)
	{
		SourceColumn *col = &rel->columns[i];
		TableColumn *def = list_nth(rel->def->columns, i);
		PgColumn   *pc;
		Oid			function;

		if (!col->replicated)
			continue;
		pc = palloc0(sizeof(PgColumn));
		col->engine = pc;
		getTypeInputInfo(col->typid, &function, &pc->input_ioparam);
		fmgr_info_cxt(function, &pc->input, rel->cxt);
		pc->code = table_owner_of_domain(col->typid);
		pc->binary = same_binary(def->base_type, col->typid);
		if (pc->binary)
		{
			getTypeBinaryInputInfo(col->typid, &function, &pc->receive_ioparam);
			fmgr_info_cxt(function, &pc->receive, rel->cxt);
		}
		else
			rel->text_rows = true;
	}
	pg_push_filter(rel);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------- rows */

struct SourceRows
{
	PgConn	   *conn;
	bool		locked;			/* within a savepoint, whose end lets go */
	bool		keeps;			/* locks of rows stay */
	bool		sent;			/* nothing has been received yet */
	bool		text;
	bool		begun;			/* the binary header has been skipped */
	bool		ended;			/* so has the trailer */
	int64		nrows;			/* messages, each of which is a row */
	char	   *name;			/* of the table, quoted */
};

/*
 * Catalogs are read as they are now, not as the snapshot has them: is the
 * table still the one that the snapshot knows, and that is meant? One that was
 * written again since (ALTER TABLE … TYPE, TRUNCATE) would look empty, and
 * another that has got its name by now has other rows. From here on it is locked
 * against that; the lock is that of any SELECT, and held for these rows alone.
 */
static void
lock_table(SourceRows *rows, const SourceRelation *rel)
{
	char	   *name = pg_quote_qualified(rel->schema, rel->name);
	const char *own = rel->def->source_id == NULL ? "" :
		psprintf(" AND c.oid = %s", pg_quote_literal(rel->def->source_id));
	PgResult   *r;

	if (!rows->locked)
		pg_run(rows->conn, "SAVEPOINT dtsmig_rows");
	rows->locked = true;
	pg_runf(rows->conn, "LOCK TABLE ONLY %s IN ACCESS SHARE MODE", name);
	r = pg_selectf(rows->conn, "table of the snapshot", "i",
				   "SELECT 1 FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE n.nspname = %s AND c.relname = %s "
				   "AND c.oid = %s::pg_catalog.regclass "
				   "AND c.relfilenode = pg_catalog.pg_relation_filenode(c.oid)%s",
				   pg_quote_literal(rel->schema), pg_quote_literal(rel->name),
				   pg_quote_literal(name), own);
	if (r->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("table %s of the source is another than in the snapshot",
						name),
				 errdetail("A statement has made it or its rows again since, or given its name to another.")));
}

static void
unlock_table(SourceRows *rows)
{
	if (rows->locked && rows->keeps && !pg_is_failed(rows->conn))
		pg_run(rows->conn, "RELEASE SAVEPOINT dtsmig_rows");
	else if (rows->locked)
		pg_run(rows->conn, "ROLLBACK TO SAVEPOINT dtsmig_rows; "
						"RELEASE SAVEPOINT dtsmig_rows");
	rows->locked = false;
}

char *
pg_column(const SourceRelation *rel, int column)
{
	char	   *name = pg_quote_name(rel->columns[column].name);

	return rel->text_rows && rel->columns[column].typid == MONEYOID ? pg_money_text(name) : name;
}

static void
append_columns(StringInfo sql, const SourceRelation *rel)
{
	bool		any = false;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		appendStringInfo(sql, "%s%s", any ? ", " : "", pg_column(rel, i));
		any = true;
	}
}

char *
pg_rows_query(SourceRelation *rel, const SourceRange *range, const char *select)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", select ? select : "");
	if (select == NULL)
		append_columns(&sql, rel);
	appendStringInfo(&sql, " FROM ONLY %s",
					 pg_quote_qualified(rel->schema, rel->name));
	if (rel->pushed != NULL && range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE (%s) AND (%s)", rel->pushed, range->condition);
	else if (rel->pushed != NULL)
		appendStringInfo(&sql, " WHERE %s", rel->pushed);
	else if (range != NULL && range->condition != NULL)
		appendStringInfo(&sql, " WHERE %s", range->condition);
	return sql.data;
}

/* What an earlier error has left of a savepoint goes. */
void
pg_recover(PgConn *conn)
{
	ErrorData  *edata;

	(void) pg_try_run(conn, "SELECT 1", &edata);
	if (edata != NULL)
		pg_run(conn, "ROLLBACK TO SAVEPOINT dtsmig_rows");
}

/* The same in a transaction of pg_begin_read, whose errors take all locks back. */
static void
hold_table(SourceRows *rows, PgSource *source, const SourceRelation *rel)
{
	MemoryContext old;

	if (pg_is_failed(source->sql))
	{
		pg_run(source->sql, "ROLLBACK TO SAVEPOINT dtsmig_base");
		list_free(source->held);
		source->held = NIL;
	}
	if (rel->def->source_id != NULL &&
		list_member_oid(source->held, (Oid) strtoul(rel->def->source_id, NULL, 10)))
		return;
	lock_table(rows, rel);
	rows->locked = false;
	pg_run(source->sql, "RELEASE SAVEPOINT dtsmig_rows");
	if (rel->def->source_id == NULL)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(source));
	source->held = lappend_oid(source->held, (Oid) strtoul(rel->def->source_id, NULL, 10));
	MemoryContextSwitchTo(old);
}

/*
 * The table is locked for rows to come; within a transaction it is the one of
 * the snapshot. SQL to stand in front of their statement, or NULL.
 */
static char *
begin_rows(SourceRows *rows, SourceConn *conn, const SourceRelation *rel)
{
	PgSource   *source = (PgSource *) conn;

	rows->conn = source->sql;
	rows->text = rel->text_rows;
	rows->name = pg_quote_qualified(rel->schema, rel->name);
	if (!pg_in_transaction(rows->conn))
		return pg_before_reading(rows->conn, rows->name);

	if (source->holds)
	{
		hold_table(rows, source, rel);
		return NULL;
	}
	pg_recover(rows->conn);
	lock_table(rows, rel);
	return NULL;
}

static void
receive_rows(SourceRows *rows)
{
	rows->sent = false;
	pg_copy_receive(rows->conn);
}

int
pg_rows_socket(SourceConn *conn)
{
	return pg_socket_of(((PgSource *) conn)->sql);
}

SourceRows *
pg_open_rows(SourceConn *conn, SourceRelation *rel, const SourceRange *range)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));
	char	   *before = begin_rows(rows, conn, rel);

	rows->keeps = range != NULL && range->locks;
	pg_copy_send(rows->conn, psprintf("%sCOPY (%s) TO STDOUT (FORMAT %s)",
									  before ? before : "",
									  pg_rows_query(rel, range, NULL),
									  rows->text ? "text" : "binary"));
	rows->sent = true;
	if (range == NULL || !range->sent)
		receive_rows(rows);
	return rows;
}

/* Within a transaction. */
SourceRows *
pg_open_join(SourceConn *conn, SourceRelation *rel, List *tables, const char *sql)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));
	ListCell   *lc;

	foreach(lc, tables)
	{
		if (lc == list_head(tables) || ((PgSource *) conn)->holds)
			(void) begin_rows(rows, conn, lfirst(lc));
		else
			lock_table(rows, lfirst(lc));
	}
	rows->text = rel->text_rows;
	pg_copy_open(rows->conn, psprintf("COPY (%s) TO STDOUT (FORMAT %s)", sql,
									  rows->text ? "text" : "binary"));
	return rows;
}

/* A statement that writes, without what it returns. */
SourceRows *
pg_open_written(SourceConn *conn, SourceRelation *rel, const char *sql)
{
	SourceRows *rows = palloc0(sizeof(SourceRows));
	StringInfoData columns;

	rows->conn = ((PgSource *) conn)->sql;
	rows->text = rel->text_rows;
	rows->name = pg_quote_qualified(rel->schema, rel->name);
	initStringInfo(&columns);
	append_columns(&columns, rel);
	pg_copy_open(rows->conn, psprintf("COPY (%s RETURNING %s) TO STDOUT (FORMAT %s)", sql,
									  columns.data, rows->text ? "text" : "binary"));
	return rows;
}

char *
pg_rows_value(SourceConn *conn, SourceRelation *rel, const SourceRange *range,
			  const char *select)
{
	SourceRows	rows = {0};
	char	   *before = begin_rows(&rows, conn, rel);
	char	   *value = pg_select_text_or_null(rows.conn, "value of a table",
											   psprintf("%s%s", before ? before : "",
														pg_rows_query(rel, range, select)));

	unlock_table(&rows);
	return value;
}

/* Length of the header of a binary COPY in a message; an error if there is none. */
static Size
header_length(const char *data, Size len)
{
	uint32		extension;

	if (len < 19 || memcmp(data, "PGCOPY\n\377\r\n\0", 11) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source's COPY does not begin with a header")));
	memcpy(&extension, data + 15, 4);
	extension = pg_ntoh32(extension);
	if (extension > len - 19)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the header of the source's COPY is cut off")));
	return 19 + extension;
}

/* All rows that the source has counted in its snapshot have come. */
static void
check_count(const SourceRows *rows)
{
	int64		copied = pg_copied(rows->conn);

	if (copied >= 0 && copied != rows->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source copied " INT64_FORMAT " rows of table %s, and " INT64_FORMAT " arrived",
						copied, rows->name, rows->nrows),
				 errhint("Connect to the server itself if a pooler stands before it, and resume the task.")));
}

bool
pg_next_copy(SourceRows *rows, StringInfo buf)
{
	const char *data;
	Size		len;

	if (rows->sent)
		receive_rows(rows);
	for (;;)
	{
		if (pg_copy_next(rows->conn, &data, &len, -1) < 0)
		{
			check_count(rows);
			return false;
		}
		if (!rows->text && !rows->begun)
		{
			Size		header = header_length(data, len);

			rows->begun = true;
			data += header;
			len -= header;
			if (len == 0)
				continue;
		}
		/* rows behind an end would be left out, by whoever reads the bytes */
		if (rows->ended || (rows->text && len >= 2 && memcmp(data, "\\.", 2) == 0))
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("the source's COPY of table %s ends in the middle",
							rows->name)));
		/* the trailer */
		if (!rows->text && len == 2 && memcmp(data, "\377\377", 2) == 0)
		{
			rows->ended = true;
			continue;
		}
		appendBinaryStringInfo(buf, data, (int) len);
		rows->nrows++;
		return true;
	}
}

void
pg_close_rows(SourceRows *rows)
{
	if (rows->sent)
		receive_rows(rows);
	pg_copy_stop(rows->conn);
	unlock_table(rows);
	pfree(rows);
}

void
pg_interrupt(SourceConn *conn, const ConnectionInfo *info)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig interrupt",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	PgConn	   *other = pg_connect(info, PG_CONN_SQL);

	pg_runf(other, "SELECT pg_catalog.pg_cancel_backend(" INT64_FORMAT ")",
			((PgSource *) conn)->pid);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
