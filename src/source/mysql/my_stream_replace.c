/*-------------------------------------------------------------------------
 *
 * my_stream_replace.c
 *	  Images that are not whole: which UPDATEs of MariaDB's log were a REPLACE?
 *
 * A REPLACE that meets a row is logged as an UPDATE of it. What the statement
 * does not name has got its default at the source, and an image that is not
 * whole (binlog_row_image MINIMAL, NOBLOB) leaves it out like what an UPDATE
 * does not set. The statement's text shows it: the source has it in its log
 * (binlog_annotate_row_events), and sends it to those who ask. That is done
 * from the first row on of which nothing else shows it: the stream is opened
 * again.
 *
 * Rows of a table are of the statement itself if it names the table as the one
 * that it writes to: no trigger and no function may write to it meanwhile. All
 * others may be of a REPLACE in one of those.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_stream_impl.h"

#include "utils/datum.h"
#include "utils/memutils.h"

/* So much of a statement is kept: what it does is said at its beginning. */
#define ANNOTATION_KEPT (16 * 1024)

/* Has a row come in this process that takes a statement's text to be read? */
static bool texts_wanted = false;

bool
stream_wants_texts(void)
{
	return texts_wanted;
}

/* The text of the statement whose tables and rows come next. */
void
stream_annotate(SourceStream *stream)
{
	const char *text;
	size_t		len;
	BinlogError error;

	if (!binlog_read_text(&stream->event, &text, &len, &error))
		stream_error(stream, &error);
	if (stream->annotation == NULL)
		stream->annotation = MemoryContextAlloc(stream->cxt, ANNOTATION_KEPT);
	stream->annotation_len = Min(len, ANNOTATION_KEPT);
	memcpy(stream->annotation, text, stream->annotation_len);
	stream->annotation_serial = stream->map_serial;
}

/*
 * May two values of a column be the same to a key, although their bytes differ?
 * Texts by their collation, numbers by the sign of zero.
 */
static bool
may_be_equal(const TableColumn *col)
{
	return col->charset != NULL || strcmp(col->base_type, "float") == 0 ||
		strcmp(col->base_type, "double") == 0;
}

/* May the old row have the value that a column gets for want of one? */
static bool
may_have_default(const StreamTable *table, int i, const BinlogField *old)
{
	SourceRelation *rel = table->rel;
	const SourceColumn *column = &rel->columns[i];
	const TableColumn *col = list_nth(rel->def->columns, i);
	Row			was;
	Row			by_default;

	/* NULL is equal to nothing; a number that is generated, to none that was */
	if (col->auto_increment ||
		(col->nullable && col->default_expr == NULL && col->generation_expr == NULL))
		return false;
	if (old->state == BINLOG_FIELD_NULL)
		return false;
	if (old->state != BINLOG_FIELD_VALUE || !column->replicated || may_be_equal(col) ||
		col->generation_expr != NULL || table->columns[i].type != table->plain[i].type)
		return true;

	was.values = palloc0(rel->ncolumns * sizeof(Datum));
	was.status = palloc0(rel->ncolumns * sizeof(*was.status));
	by_default.values = palloc0(rel->ncolumns * sizeof(Datum));
	by_default.status = palloc0(rel->ncolumns * sizeof(*by_default.status));
	by_default.status[i] = COLUMN_ABSENT;
	my_value_from_binlog(rel, i, old->data, old->size, &was);
	my_value_by_default(rel, i, &by_default);
	/* one that is no literal is in the image */
	return was.status[i] == COLUMN_VALUE && by_default.status[i] == COLUMN_VALUE &&
		datumIsEqual(was.values[i], by_default.values[i], column->typbyval, column->typlen);
}

/* May a new row that is inserted meet the old one by this index? */
static bool
may_meet(const StreamTable *table, const TableIndex *index,
		 const BinlogField *old, const BinlogField *new)
{
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		int			i;

		for (i = 0; i < table->nvisible; i++)
			if (part->column != NULL &&
				pg_strcasecmp(table->rel->columns[i].name, part->column) == 0)
				break;
		if (i == table->nvisible)
			continue;
		if (new[i].state == BINLOG_FIELD_ABSENT)
		{
			if (!may_have_default(table, i, &old[i]))
				return false;
			continue;
		}
		if (new[i].state == BINLOG_FIELD_NULL || old[i].state == BINLOG_FIELD_NULL)
			return false;
		if (new[i].state != BINLOG_FIELD_VALUE || old[i].state != BINLOG_FIELD_VALUE)
			continue;
		if ((old[i].size != new[i].size ||
			 memcmp(old[i].data, new[i].data, old[i].size) != 0) &&
			part->prefix == 0 && !may_be_equal(list_nth(table->rel->def->columns, i)))
			return false;
	}
	return true;
}

/*
 * Can the images be those of a REPLACE that has left out columns? Then the new
 * row meets the old one by a unique key, whose columns it has, or their defaults.
 */
static bool
may_be_replace(const StreamTable *table, const BinlogField *old,
			   const BinlogField *new)
{
	const SourceRelation *rel = table->rel;
	bool		whole = true;
	ListCell   *lc;
	int			i;

	for (i = 0; i < table->nvisible && whole; i++)
		whole = !rel->columns[i].replicated || new[i].state != BINLOG_FIELD_ABSENT ||
			((TableColumn *) list_nth(rel->def->columns, i))->generation_expr != NULL;
	if (whole)
		return false;
	foreach(lc, rel->def->indexes)
	{
		const TableIndex *index = lfirst(lc);

		if (index->kind <= INDEX_UNIQUE && may_meet(table, index, old, new))
			return true;
	}
	return false;
}

/* Has the statement a table of the same name in another database? */
static bool
has_namesake(SourceStream *stream, const StreamTable *table)
{
	HASH_SEQ_STATUS seq;
	StreamTable *other;
	bool		found = false;

	hash_seq_init(&seq, stream->tables);
	while ((other = hash_seq_search(&seq)) != NULL)
		found |= other != table && other->map_serial == table->map_serial &&
			other->name != NULL && strcmp(other->name, table->name) == 0;
	return found;
}

/* Is it certain that the statement has updated the rows of its table? */
static bool
is_update(SourceStream *stream, const StreamTable *table)
{
	static const char *const verbs[] = {"update", "insert", "delete"};
	BinlogStatement stmt;
	BinlogName	name;
	bool		all_rows;
	bool		updates = false;

	if (stream->annotation == NULL || stream->annotation_serial != table->map_serial)
		return false;
	/* a mode that reads it otherwise has names in quotes, which are none to this parser */
	binlog_classify(stream->annotation, stream->annotation_len, 0, &stmt);
	if (!binlog_statement_target(&stmt, &name, &all_rows))
		return false;
	for (int i = 0; i < lengthof(verbs); i++)
		updates |= stmt.len - stmt.names_at > strlen(verbs[i]) &&
			pg_strncasecmp(stmt.sql + stmt.names_at, verbs[i], strlen(verbs[i])) == 0;
	if (!updates || strcmp(stream_name(stream, name.table), table->name) != 0)
		return false;
	return name.has_schema ?
		strcmp(stream_name(stream, name.schema), table->schema) == 0 :
		!has_namesake(stream, table);
}

bool
stream_is_replaced(SourceStream *stream, StreamTable *table,
				   const BinlogField *old, const BinlogField *new)
{
	if (!may_be_replace(table, old, new))
		return false;
	if (!stream->has_texts)
	{
		texts_wanted = true;
		stream_again(stream);
		return false;
	}
	if (table->judged_serial != table->map_serial || !table->judged)
	{
		table->judged_serial = table->map_serial;
		table->judged = true;
		table->updated = is_update(stream, table);
	}
	return !table->updated;
}

/*
 * Does the image of a row lack columns of the key by which rows are found at the destination?
 * Statements may have left the source with another unique key than the one that
 * is known to stand for a primary key.
 */
bool
stream_lacks_key(const StreamTable *table, const BinlogField *fields)
{
	const SourceRelation *rel = table->rel;

	for (int i = 0; i < rel->nkey; i++)
		if (fields[rel->key[i]].state == BINLOG_FIELD_ABSENT)
			return true;
	return false;
}
