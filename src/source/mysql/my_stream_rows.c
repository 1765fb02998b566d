/*-------------------------------------------------------------------------
 *
 * my_stream_rows.c
 *	  Tables and rows in the change stream.
 *
 * A TABLE_MAP comes before the rows of each statement, most often with the
 * same bytes as the last time: what was made of it is kept by table id, and
 * only who receives the table is asked again. The rows of a table that is not
 * selected are never looked at.
 *
 * A row is decoded when it is asked for, from where the connection has put
 * the event, straight into Datums.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "schema/mysql_lex.h"
#include "source/mysql/my_stream_impl.h"

#include "utils/memutils.h"

/* More tables than that are forgotten, all that are not in use. */
#define TABLES_KEPT 2000

/* Bytes of the length before a value that was compressed. */
#define VARCHAR_PREFIX	2
#define BLOB_PREFIX		4

void
stream_rows_init(SourceStream *stream)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(uint64);
	ctl.entrysize = sizeof(StreamTable);
	ctl.hcxt = stream->cxt;
	stream->tables = hash_create("dtsmig binlog tables", 64, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static StreamTable *
find_table(SourceStream *stream, uint64 table_id, bool enter)
{
	StreamTable *table = stream->last_table;
	bool		found;

	if (table != NULL && table->table_id == table_id)
		return table;
	table = hash_search(stream->tables, &table_id,
						enter ? HASH_ENTER : HASH_FIND, &found);
	if (!found && table != NULL)
		memset((char *) table + sizeof(table_id), 0,
			   sizeof(StreamTable) - sizeof(table_id));
	stream->last_table = table;
	return table;
}

static void
drop_tables(SourceStream *stream)
{
	HASH_SEQ_STATUS seq;
	StreamTable *table;

	hash_seq_init(&seq, stream->tables);
	while ((table = hash_seq_search(&seq)) != NULL)
	{
		if (table->map_serial == stream->map_serial)
			continue;
		if (table->cxt)
			MemoryContextDelete(table->cxt);
		hash_search(stream->tables, &table->table_id, HASH_REMOVE, NULL);
	}
	stream->last_table = NULL;
}

/* The statement has ended: its tables' numbers mean nothing any more. */
void
stream_forget_maps(SourceStream *stream)
{
	stream->map_serial++;
}

/* Makes a StreamTable of a TABLE_MAP that was not seen like that before. */
static void
build_table(SourceStream *stream, StreamTable *table,
			const BinlogTableMap *map)
{
	const BinlogEvent *event = &stream->event;
	MemoryContext old;
	BinlogError error;
	int			i;

	if (table->cxt)
		MemoryContextReset(table->cxt);
	else
		table->cxt = AllocSetContextCreate(stream->cxt, "dtsmig binlog table",
										   ALLOCSET_SMALL_SIZES);
	table->raw_len = 0;
	table->rel = NULL;
	old = MemoryContextSwitchTo(table->cxt);
	table->schema = stream_to_server(map->schema, map->schema_len);
	table->name = stream_to_server(map->table, map->table_len);
	table->ncolumns = map->ncolumns;
	table->columns = palloc(map->ncolumns * sizeof(BinlogColumn));
	table->plain = palloc(map->ncolumns * sizeof(BinlogColumn));
	table->sizes = palloc(map->ncolumns * sizeof(int8));
	if (!binlog_table_map_columns(map, table->columns, &error))
		stream_error(stream, &error);
	for (i = 0; i < map->ncolumns; i++)
	{
		BinlogColumn *col = &table->columns[i];
		BinlogColumn *plain = &table->plain[i];

		table->sizes[i] = (int8) binlog_fixed_size(col);
		*plain = *col;
		if (col->type == MYSQL_T_VARCHAR_COMPRESSED)
		{
			plain->type = MYSQL_T_VARCHAR;
			plain->meta = Max(col->meta, 256);
		}
		else if (col->type == MYSQL_T_BLOB_COMPRESSED)
		{
			plain->type = MYSQL_T_BLOB;
			plain->meta = BLOB_PREFIX;
		}
	}
	table->raw_len = event->end - event->body;
	table->raw = palloc(table->raw_len);
	memcpy(table->raw, event->body, table->raw_len);
	MemoryContextSwitchTo(old);
}

/*
 * Columns that MariaDB made before 10.1, or without mysql56_temporal_format,
 * have fraction digits that TABLE_MAP does not have: the table's definition
 * does.
 */
static void
fit_old_temporal(StreamTable *table, SourceRelation *rel)
{
	ListCell   *lc;
	int			i = 0;

	if (rel->def == NULL)
		return;
	foreach(lc, rel->def->columns)
	{
		TableColumn *def = lfirst(lc);
		BinlogColumn *col = &table->columns[i];

		if (i >= table->ncolumns)
			break;
		if (col->type == MYSQL_T_TIME || col->type == MYSQL_T_DATETIME ||
			col->type == MYSQL_T_TIMESTAMP)
		{
			col->meta = (uint16) def->fsp;
			table->plain[i].meta = col->meta;
			table->sizes[i] = (int8) binlog_fixed_size(col);
		}
		i++;
	}
}

/* Could MariaDB have made a hash of this index's columns to keep it unique? */
static bool
may_be_hashed(const TableDef *def, const TableIndex *index)
{
	ListCell   *lp;
	ListCell   *lc;

	if (index->kind != INDEX_UNIQUE)
		return false;
	foreach(lp, index->parts)
	{
		IndexPart  *part = lfirst(lp);

		foreach(lc, def->columns)
		{
			TableColumn *col = lfirst(lc);

			if (part->column != NULL && strcmp(part->column, col->name) == 0 &&
				(strstr(col->base_type, "text") || strstr(col->base_type, "blob") ||
				 strstr(col->base_type, "char") || strstr(col->base_type, "json") ||
				 strstr(col->base_type, "binary")))
				return true;
		}
	}
	return false;
}

/*
 * The log has columns that no statement shows: MariaDB keeps the hash of an
 * index too long to be unique by itself in a hidden BIGINT column at the end.
 * Returns how many columns are ours to read.
 */
static int
unhashed_columns(const StreamTable *table, const SourceRelation *rel)
{
	int			hidden = table->ncolumns - rel->ncolumns;
	int			hashed = 0;
	ListCell   *lc;
	int			i;

	if (hidden <= 0 || rel->def == NULL)
		return table->ncolumns;
	for (i = rel->ncolumns; i < table->ncolumns; i++)
		if (table->columns[i].type != MYSQL_T_LONGLONG)
			return table->ncolumns;
	foreach(lc, rel->def->indexes)
		if (may_be_hashed(rel->def, lfirst(lc)))
			hashed++;
	return hidden <= hashed ? rel->ncolumns : table->ncolumns;
}

/* TIMESTAMP(6), or the number of a transaction. */
static bool
is_row_time(const BinlogColumn *column)
{
	return (column->type == MYSQL_T_TIMESTAMP2 && column->meta == 6) ||
		column->type == MYSQL_T_LONGLONG;
}

/*
 * A system-versioned table has the ends of a row's life in two columns: hidden
 * ones at the end, unless they were declared. Sets table->row_end.
 */
static int
visible_columns(StreamTable *table, const SourceRelation *rel)
{
	int			i;

	table->row_end = -1;
	if (rel->def == NULL || !rel->def->system_versioned)
		return unhashed_columns(table, rel);
	for (i = 0; i < rel->ncolumns && i < table->ncolumns; i++)
	{
		TableColumn *col = list_nth(rel->def->columns, i);

		if (col->row_end && is_row_time(&table->columns[i]))
			table->row_end = i;
	}
	if (table->row_end >= 0)
		return unhashed_columns(table, rel);
	if (table->ncolumns != rel->ncolumns + 2 ||
		!is_row_time(&table->columns[rel->ncolumns]) ||
		!is_row_time(&table->columns[rel->ncolumns + 1]))
		return table->ncolumns;
	table->row_end = rel->ncolumns + 1;
	return rel->ncolumns;
}

/* Where the log has the names of the columns, they must be those we know. */
static void
check_names(SourceStream *stream, const BinlogTableMap *map,
			SourceRelation *rel)
{
	const uint8_t *p = map->optional;
	const uint8_t *value;
	const char *name;
	size_t		len;
	size_t		name_len;
	int			field;
	int			i = 0;
	BinlogError error;

	error.message[0] = '\0';
	while (binlog_next_optional(map, &p, &field, &value, &len, &error))
	{
		const uint8_t *q = value;

		if (field != BINLOG_META_COLUMN_NAME)
			continue;
		for (; binlog_next_name(&q, value + len, &name, &name_len); i++)
		{
			char	   *s = stream_to_server(name, name_len);

			if (i < rel->ncolumns && pg_strcasecmp(s, rel->columns[i].name) != 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("column %d of table \"%s\".\"%s\" is \"%s\" in the log, but \"%s\" is known",
								i + 1, rel->schema, rel->name, s,
								rel->columns[i].name),
						 errdetail("The definition of the table has changed at the source."),
						 errhint("The table has to be copied again."),
						 ERR_SOURCE_TABLE(rel)));
			pfree(s);
		}
	}
}

/* Room for the rows of a table. */
static void
reserve_columns(SourceStream *stream, int ncolumns)
{
	int			n;

	if (ncolumns <= stream->maxcolumns)
		return;
	n = Max(ncolumns, 64);
	stream->maxcolumns = 0;
	stream->fields = MemoryContextAlloc(stream->cxt, n * sizeof(BinlogField));
	stream->old_fields = MemoryContextAlloc(stream->cxt,
											n * sizeof(BinlogField));
	stream->change.old.values = MemoryContextAlloc(stream->cxt,
												   n * sizeof(Datum));
	stream->change.old.status = MemoryContextAlloc(stream->cxt, n);
	stream->change.new.values = MemoryContextAlloc(stream->cxt,
												   n * sizeof(Datum));
	stream->change.new.status = MemoryContextAlloc(stream->cxt, n);
	stream->maxcolumns = n;
}

/* Can changes of this table be rolled back? */
static bool
is_transactional(const SourceRelation *rel)
{
	static const char *const other[] = {
		"MyISAM", "Aria", "MEMORY", "MRG_MyISAM", "MRG_MYISAM", "CSV",
		"ARCHIVE", "BLACKHOLE", "S3", NULL
	};
	int			i;

	if (rel->def == NULL || rel->def->engine == NULL)
		return true;
	for (i = 0; other[i] != NULL; i++)
		if (pg_strcasecmp(rel->def->engine, other[i]) == 0)
			return false;
	return true;
}

/*
 * Fits a table to the relation that receives it. An error, which says that
 * the definitions differ, may have to wait: then the table is left undone.
 */
static bool
fit_relation(SourceStream *stream, StreamTable *table,
			 const BinlogTableMap *map, SourceRelation *rel)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		fit_old_temporal(table, rel);
		check_names(stream, map, rel);
		table->generation = rel->generation;
		table->nvisible = visible_columns(table, rel);
		table->transactional = is_transactional(rel);
		my_values_bind_binlog(rel, table->plain, table->nvisible);
	}
	PG_CATCH();
	{
		table->raw_len = 0;		/* not to be taken for seen */
		if (!stream_settle(stream))
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		done = false;
	}
	PG_END_TRY();
	return done;
}

void
stream_table_map(SourceStream *stream)
{
	const BinlogEvent *event = &stream->event;
	BinlogTableMap map;
	BinlogError error;
	StreamTable *table;
	SourceRelation *rel;
	SourcePos	start;
	bool		same;

	if (stream->state == STREAM_PREPARING)
		return;
	if (!binlog_read_table_map(&stream->reader->format, event, &map, &error))
		stream_error(stream, &error);
	table = find_table(stream, map.table_id, true);
	same = table->raw_len == event->end - event->body &&
		memcmp(table->raw, event->body, table->raw_len) == 0;
	if (!same)
	{
		if (hash_get_num_entries(stream->tables) > TABLES_KEPT)
		{
			drop_tables(stream);
			table = find_table(stream, map.table_id, true);
		}
		build_table(stream, table, &map);
	}
	table->map_serial = stream->map_serial;

	/* a stream may begin inside of a transaction */
	start.segment = stream->main.segment;
	start.offset = stream->main.event_start;
	if (stream->state == STREAM_IN_TRANSACTION)
		start = stream->start;
	rel = stream->callbacks.lookup(stream->callbacks.arg, NULL, table->schema,
								   table->name, start);
	if (rel == NULL)
		table->rel = NULL;
	else if (rel != table->rel || !same || rel->generation != table->generation)
	{
		table->rel = NULL;
		if (!fit_relation(stream, table, &map, rel))
			return;
		table->rel = rel;
	}
	else
		my_values_bind_binlog(rel, table->plain, table->nvisible);
	if (rel != NULL)
		reserve_columns(stream, table->ncolumns);
}

void
stream_rows(SourceStream *stream)
{
	BinlogRows *rows = &stream->rows;
	BinlogError error;
	StreamTable *table;
	uint32		serial = stream->map_serial;

	if (stream->state == STREAM_PREPARING)
		return;
	if (!binlog_read_rows(&stream->reader->format, &stream->event, rows,
						  &error))
		stream_error(stream, &error);
	if (rows->flags & BINLOG_ROWS_STMT_END)
		stream_forget_maps(stream);
	if (rows->table_id == BINLOG_DUMMY_TABLE_ID)
		return;
	table = find_table(stream, rows->table_id, false);
	if (table == NULL || table->map_serial != serial)
	{
		binlog_fail(&error, "rows of a table (number " UINT64_FORMAT ") that was not announced",
					rows->table_id);
		stream_error(stream, &error);
	}
	if (table->rel == NULL ||
		void_contains(stream, stream->reader->event_start))
		return;
	if (rows->ncolumns != table->ncolumns)
	{
		binlog_fail(&error, "rows of %d columns for a table of %d",
					rows->ncolumns, table->ncolumns);
		stream_error(stream, &error);
	}
	if (!binlog_plain_rows(rows, &stream->plain, &error))
		stream_error(stream, &error);

	/* a stream that begins inside of a transaction */
	if (stream->state != STREAM_IN_TRANSACTION)
	{
		stream->start.segment = stream->main.segment;
		stream->start.offset = stream->main.event_start;
		stream_begin(stream);
	}
	stream_report_begin(stream);
	if (table->transactional)
		stream->transactional_sent = true;
	else
		stream->other_sent = true;
	stream->table = table;
	stream->change.rel = table->rel;
	stream->change.pos = stream->start;
	stream->change.no_cascade = (rows->flags & (BINLOG_ROWS_NO_FK_CHECKS |
												BINLOG_ROWS_SQL_FK)) != 0;
}

/* A value of a COMPRESSED column, as one of an ordinary column. */
static void
decode_compressed(SourceStream *stream, StreamTable *table, int col,
				  const BinlogField *field, Row *row)
{
	int			prefix = table->plain[col].type == MYSQL_T_VARCHAR ?
		VARCHAR_PREFIX : BLOB_PREFIX;
	const uint8_t *data;
	size_t		len;
	int64		size;
	uint8	   *buf;
	int			i;

	binlog_get_bytes(&table->columns[col], field->data, &data, &len);
	size = binlog_column_plain_size(data, len);
	if (size >= 0 && (prefix == BLOB_PREFIX || size <= PG_UINT16_MAX))
	{
		buf = MemoryContextAllocHuge(CurrentMemoryContext, size + prefix);
		for (i = 0; i < prefix; i++)
			buf[i] = (uint8) (size >> (8 * i));
		if (binlog_column_uncompress(data, len, buf + prefix, size))
		{
			my_value_from_binlog(table->rel, col, buf, size + prefix, row);
			pfree(buf);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("compressed value of column \"%s\" of table \"%s\".\"%s\" is damaged",
					table->rel->columns[col].name, table->rel->schema,
					table->rel->name),
			 errhint("If CHECK TABLE and SELECT at the source find the row whole, have the table copied again."),
			 ERR_SOURCE_TABLE(table->rel)));
}

/* The changes of a JSON value, done to the value before them. */
static void
decode_partial(SourceStream *stream, StreamTable *table, int col,
			   const BinlogField *before, const BinlogField *field, Row *row)
{
	SourceRelation *rel = table->rel;
	const uint8_t *diffs;
	const uint8_t *data;
	size_t		diffs_len;
	size_t		len;

	if (before->state != BINLOG_FIELD_VALUE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the log has a partial update of column \"%s\" of table \"%s\".\"%s\" without the value before it",
						rel->columns[col].name, rel->schema, rel->name),
				 errhint("Set binlog_row_image = FULL or binlog_row_value_options = '' at the source, and have the table copied again."),
				 ERR_SOURCE_TABLE(rel)));
	binlog_get_bytes(&table->columns[col], before->data, &data, &len);
	binlog_get_bytes(&table->columns[col], field->data, &diffs, &diffs_len);
	my_json_from_diffs(rel, col, data, len, diffs, diffs_len, row);
}

/*
 * Makes Datums of a row's fields, in the current context. Where same (the
 * fields of the old row) has the same bytes, its Datum is taken. What the image
 * of a new row leaves out is the column's default.
 */
static void
decode_row(SourceStream *stream, StreamTable *table, const BinlogField *fields,
		   Row *row, bool is_new, const BinlogField *same, const Row *same_row)
{
	SourceRelation *rel = table->rel;
	SourceColumn *columns = rel->columns;
	int			i;

	for (i = 0; i < table->nvisible; i++)
	{
		const BinlogField *field = &fields[i];

		if (!columns[i].replicated || field->state == BINLOG_FIELD_ABSENT)
		{
			row->values[i] = (Datum) 0;
			row->status[i] = COLUMN_ABSENT;
			if (is_new && columns[i].replicated)
				my_value_by_default(rel, i, row);
		}
		else if (field->state == BINLOG_FIELD_NULL)
		{
			row->values[i] = (Datum) 0;
			row->status[i] = COLUMN_NULL;
		}
		else if (field->state == BINLOG_FIELD_PARTIAL)
			decode_partial(stream, table, i, &same[i], field, row);
		else if (same != NULL && same[i].state == BINLOG_FIELD_VALUE &&
				 same[i].size == field->size &&
				 memcmp(same[i].data, field->data, field->size) == 0)
		{
			row->values[i] = same_row->values[i];
			row->status[i] = same_row->status[i];
		}
		else if (table->columns[i].type != table->plain[i].type)
			decode_compressed(stream, table, i, field, row);
		else
			my_value_from_binlog(rel, i, field->data, field->size, row);
	}
}

bool
stream_rows_pending(SourceStream *stream)
{
	return stream->table != NULL;
}

/*
 * Does a row of a system-versioned table live, or is it history? The end of a
 * life that lasts is the largest TIMESTAMP(6), of 2038 or (since 11.5) of
 * 2106, or the largest number. A row that does not have its end has not ended.
 */
static bool
is_alive(const StreamTable *table, const BinlogField *fields)
{
	static const uint8_t ends[][8] = {
		{0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f},
		{0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	};
	const BinlogField *end;
	int			i;

	if (table->row_end < 0)
		return true;
	end = &fields[table->row_end];
	if (end->state != BINLOG_FIELD_VALUE)
		return true;
	for (i = 0; i < lengthof(ends); i++)
		if (end->size == (i == 2 ? 8 : 7) &&
			memcmp(end->data, ends[i], end->size) == 0)
			return true;
	return false;
}

/* Is a column of the image one that an expression names, or is made of? */
static bool
names_present(const StreamTable *table, const char *expr,
			  const BinlogField *fields)
{
	MyLexer		lexer;
	MyToken		token;

	check_stack_depth();
	mysql_lex_init(&lexer, expr);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD)
	{
		if (token.kind != TOK_WORD && token.kind != TOK_NAME)
			continue;
		for (int i = 0; i < table->nvisible; i++)
		{
			const TableColumn *col = list_nth(table->rel->def->columns, i);

			if (pg_strcasecmp(col->name, token.text) == 0 &&
				(fields[i].state != BINLOG_FIELD_ABSENT ||
				 (col->generation_expr != NULL &&
				  names_present(table, col->generation_expr, fields))))
				return true;
		}
	}
	return false;
}

/*
 * Does the image of a new row lack a value that the source has made of others,
 * and that is not made at the destination? MariaDB leaves out those of VIRTUAL
 * columns, unless the image is FULL.
 */
static bool
lacks_generated(const StreamTable *table, const BinlogField *new, bool insert)
{
	const SourceRelation *rel = table->rel;

	for (int i = 0; i < table->nvisible; i++)
	{
		const TableColumn *col;

		if (!rel->columns[i].replicated || new[i].state != BINLOG_FIELD_ABSENT)
			continue;
		col = list_nth(rel->def->columns, i);
		if (col->generation_expr != NULL &&
			(insert || names_present(table, col->generation_expr, new)))
			return true;
	}
	return false;
}

Change *
stream_next_row(SourceStream *stream, MemoryContext rowcxt)
{
	StreamTable *table = stream->table;
	BinlogRows *rows = &stream->rows;
	Change	   *change = &stream->change;
	BinlogError error;
	const uint8_t *begin = rows->rows;
	const uint8_t *p = begin;
	BinlogField *first = stream->fields;
	MemoryContext old;
	bool		was;
	bool		is;

	if (rows->kind == BINLOG_ROWS_UPDATE)
		first = stream->old_fields;
	if (!binlog_read_image(table->columns, table->sizes, table->ncolumns,
						   rows->present, &p, rows->end, first, &error))
		stream_error(stream, &error);
	if (rows->kind == BINLOG_ROWS_UPDATE &&
		!binlog_read_new_image(rows, table->columns, table->sizes,
							   table->ncolumns, &p, stream->fields, &error))
		stream_error(stream, &error);
	if (p == begin && p < rows->end)
	{
		binlog_fail(&error, "a row without a byte");
		stream_error(stream, &error);
	}
	rows->rows = p;

	/* before decoding: after an error the next call reads on */
	if (p >= rows->end)
		stream->table = NULL;
	stream->rows_sent++;
	change->bytes = p - begin;
	change->copied = false;
	change->idempotent = false;

	/* history comes and goes without us; a row that joins it is gone */
	was = rows->kind != BINLOG_ROWS_WRITE && is_alive(table, first);
	is = rows->kind != BINLOG_ROWS_DELETE && is_alive(table, stream->fields);
	if (!was && !is)
		return NULL;
	change->kind = !was ? CHANGE_INSERT : is ? CHANGE_UPDATE : CHANGE_DELETE;
	/* what the row is looked at for goes with it */
	old = MemoryContextSwitchTo(rowcxt);
	if (unlikely(rows->kind == BINLOG_ROWS_UPDATE && stream->mariadb) && was && is &&
		table->rel->out->torn == NULL &&
		source_pos_cmp(stream->start, table->rel->snap_lo) >= 0 &&
		stream_is_replaced(stream, table, first, stream->fields))
		table->rel->out->torn = "REPLACE may have given its rows defaults, and the log does not hold whole rows (binlog_row_image).";
	/* the statement's text is to be read with it */
	if (unlikely(stream->voided))
	{
		MemoryContextSwitchTo(old);
		return NULL;
	}
	if (was && unlikely(stream_lacks_key(table, first)))
	{
		if (source_pos_cmp(stream->start, table->rel->snap_lo) >= 0)
			table->rel->out->torn = "The log has its rows by another unique key (binlog_row_image).";
		MemoryContextSwitchTo(old);
		return NULL;
	}
	if (is && table->rel->out->torn == NULL &&
		source_pos_cmp(stream->start, table->rel->snap_lo) >= 0 &&
		lacks_generated(table, stream->fields, !was))
		table->rel->out->torn = "Values of a generated column are not in the log (binlog_row_image).";

	if (was)
		decode_row(stream, table, first, &change->old, false, NULL, NULL);
	if (is)
		decode_row(stream, table, stream->fields, &change->new, !was,
				   was ? first : NULL, was ? &change->old : NULL);
	MemoryContextSwitchTo(old);
	return change;
}
