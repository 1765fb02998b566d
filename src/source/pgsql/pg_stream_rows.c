/*-------------------------------------------------------------------------
 *
 * pg_stream_rows.c
 *	  Relations and rows in the change stream.
 *
 * The source describes a relation (RELATION) before its first row, and again
 * when its definition has changed; rows name it by its OID. What was reported
 * is kept; which SourceRelation receives it is asked when it is needed, and
 * asked again after DDL. Columns are matched by name. A column that is new at
 * the source, or gone, is an error: where DDL is followed, the statement comes
 * before the row and the definition has changed already.
 *
 *	  INSERT	new
 *	  UPDATE	new; old row, old key, or none: the key has not changed then
 *	  DELETE	old row or old key
 *	  TRUNCATE	one change for each table that is followed
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_stream_impl.h"

#include "access/transam.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* More than any name has, in any encoding and build. */
#define NAME_MAX_BYTES 1024

void
stream_relations_init(SourceStream *stream)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(PgRelation);
	ctl.hcxt = stream->cxt;
	stream->relations = hash_create("dtsmig source relations", 64, &ctl,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	stream->epoch = 1;
}

void
stream_forget_bindings(SourceStream *stream)
{
	stream->epoch++;
}

/*
 * Names of a description go into messages, which are stored: they must be text,
 * and of a length that a name has. The names of columns must differ.
 */
static void
check_name(const char *name)
{
	Size		len = strlen(name);

	if (len > NAME_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source describes a table by a name of %zu bytes", len)));
	if (!pg_verify_mbstr(GetDatabaseEncoding(), name, len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("the source describes a table by a name that is no valid %s",
						GetDatabaseEncodingName())));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
check_relation(const PgOutputMessage *msg)
{
	const char **names = palloc(sizeof(char *) * Max(msg->nattributes, 1));

	check_name(msg->schema);
	check_name(msg->name);
	for (int i = 0; i < msg->nattributes; i++)
		check_name(names[i] = msg->attributes[i].name);
	qsort(names, msg->nattributes, sizeof(char *), compare_names);
	for (int i = 1; i < msg->nattributes; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("the source describes a table that has column \"%s\" twice",
							names[i])));
	pfree(names);
}

/* RELATION */
void
stream_take_relation(SourceStream *stream)
{
	const PgOutputMessage *msg = stream->msg;
	Oid			relid = msg->relid;
	MemoryContext old;
	PgRelation *table;
	bool		found;

	check_relation(msg);
	stream->last = NULL;
	table = hash_search(stream->relations, &relid, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) table + sizeof(relid), 0,
			   sizeof(PgRelation) - sizeof(relid));
		table->cxt = AllocSetContextCreate(stream->cxt, "dtsmig source relation",
										   ALLOCSET_SMALL_SIZES);
	}
	else
		MemoryContextReset(table->cxt);
	table->epoch = 0;
	old = MemoryContextSwitchTo(table->cxt);
	table->schema = pstrdup(msg->schema[0] ? msg->schema : "pg_catalog");
	table->name = pstrdup(msg->name);
	table->identity = msg->replica_identity;
	table->natts = msg->nattributes;
	table->att_names = palloc(sizeof(char *) * Max(table->natts, 1));
	table->att_types = palloc(sizeof(Oid) * Max(table->natts, 1));
	table->att_identity = palloc(sizeof(bool) * Max(table->natts, 1));
	table->columns = palloc(sizeof(int) * Max(table->natts, 1));
	for (int i = 0; i < table->natts; i++)
	{
		table->att_names[i] = pstrdup(msg->attributes[i].name);
		table->att_types[i] = msg->attributes[i].type_oid;
		table->att_identity[i] = msg->attributes[i].identity;
	}
	table->capture = pg_is_capture(table->schema, table->name);
	MemoryContextSwitchTo(old);
}

bool
stream_knows_relation(SourceStream *stream, Oid relid)
{
	return hash_search(stream->relations, &relid, HASH_FIND, NULL) != NULL;
}

bool
stream_is_relation(SourceStream *stream)
{
	const PgOutputMessage *msg = stream->msg;
	PgRelation *table = hash_search(stream->relations, &msg->relid, HASH_FIND, NULL);

	if (table == NULL || table->natts != msg->nattributes ||
		table->identity != msg->replica_identity ||
		strcmp(table->schema, msg->schema[0] ? msg->schema : "pg_catalog") != 0 ||
		strcmp(table->name, msg->name) != 0)
		return false;
	for (int i = 0; i < table->natts; i++)
		if (strcmp(table->att_names[i], msg->attributes[i].name) != 0 ||
			table->att_types[i] != msg->attributes[i].type_oid ||
			table->att_identity[i] != msg->attributes[i].identity)
			return false;
	return true;
}

void
stream_forget_relation(SourceStream *stream, Oid relid)
{
	PgRelation *table = hash_search(stream->relations, &relid, HASH_FIND, NULL);

	stream->last = NULL;
	if (table == NULL)
		return;
	MemoryContextDelete(table->cxt);
	(void) hash_search(stream->relations, &relid, HASH_REMOVE, NULL);
}

static PgRelation *
find_relation(SourceStream *stream, Oid relid)
{
	PgRelation *table = stream->last;

	if (table != NULL && table->relid == relid)
		return table;
	table = hash_search(stream->relations, &relid, HASH_FIND, NULL);
	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source sent a change of relation %u, which it has not described",
						relid)));
	stream->last = table;
	return table;
}

bool
stream_is_capture(SourceStream *stream)
{
	return find_relation(stream, stream->msg->relid)->capture;
}

/* ---------------------------------------------------------------- binding */

static void
definition_differs(const PgRelation *table, const char *message,
				   const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s.%s\" was altered at the source", table->schema,
					table->name),
			 errdetail(message, column),
			 errhint("Alter the table at the destination in the same way, and have it copied again."),
			 ERR_SOURCE_TABLE(table)));
}

/* Joins what the source has reported with the columns of the SourceRelation. */
static void
match_columns(SourceStream *stream, PgRelation *table)
{
	SourceRelation *rel = table->rel;
	int			replicated = 0;
	int			matched = 0;

	table->needs_catalog = false;
	for (int i = 0; i < table->natts; i++)
	{
		const SourceColumn *column = NULL;
		const PgColumn *pc;
		int			c;

		for (c = 0; c < rel->ncolumns && column == NULL; c++)
			if (strcmp(rel->columns[c].name, table->att_names[i]) == 0)
				column = &rel->columns[c];
		table->columns[i] = -1;
		if (column == NULL)
			definition_differs(table, "Column \"%s\" is not known.",
							   table->att_names[i]);
		if (!column->replicated)
			continue;
		table->columns[i] = c - 1;
		matched++;
		pc = column->engine;
		if (pc->binary && stream->binary && column->typid != table->att_types[i] &&
			table->att_types[i] < FirstNormalObjectId)
			definition_differs(table, "Column \"%s\" has another type.",
							   table->att_names[i]);
		table->needs_catalog |= pg_value_needs_catalog(pc, stream->binary);
		stream->give_up |= stream->binary && !pc->binary;
	}
	for (int c = 0; c < rel->ncolumns; c++)
		replicated += rel->columns[c].replicated;
	for (int c = 0; c < rel->ncolumns && matched < replicated; c++)
	{
		bool		found = false;

		for (int i = 0; i < table->natts && !found; i++)
			found = table->columns[i] == c;
		if (rel->columns[c].replicated && !found)
			definition_differs(table, "Column \"%s\" is gone.",
							   rel->columns[c].name);
	}
}

/*
 * A key column at the destination that is not sent of old rows; NULL: all are.
 */
static const char *
find_unsent_key(const PgRelation *table)
{
	const SourceRelation *rel = table->rel;

	for (int k = 0; k < rel->nkey && table->identity != 'f'; k++)
	{
		bool		reported = false;

		for (int i = 0; i < table->natts && !reported; i++)
			reported = table->columns[i] == rel->key[k] && table->att_identity[i];
		if (!reported)
			return rel->columns[rel->key[k]].name;
	}
	return NULL;
}

/*
 * An UPDATE or DELETE of a row that cannot be found at the destination by what
 * is reported: an UPDATE of the key would not even be seen.
 */
static void
refuse_identity(const PgRelation *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the replica identity of table \"%s.%s\" at the source does not hold key column \"%s\"",
					table->schema, table->name, table->unsent_key),
			 errdetail("It was altered after this task had described the table."),
			 errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL at the source, and have the table copied again.",
					 pg_quote_qualified(table->schema, table->name)),
			 ERR_SOURCE_TABLE(table)));
}

static void
grow_rows(SourceStream *stream, int ncolumns)
{
	Row		   *rows[2] = {&stream->old, &stream->new};

	if (ncolumns <= stream->row_size)
		return;
	ncolumns = Max(ncolumns, 64);
	for (int r = 0; r < 2; r++)
	{
		if (rows[r]->values)
		{
			pfree(rows[r]->values);
			pfree(rows[r]->status);
		}
		rows[r]->values = MemoryContextAllocZero(stream->cxt, sizeof(Datum) * ncolumns);
		rows[r]->status = MemoryContextAllocZero(stream->cxt, ncolumns);
	}
	stream->row_size = ncolumns;
}

/* Who receives the table in this transaction? */
static SourceRelation *
receiver(SourceStream *stream, PgRelation *table)
{
	SourcePos	pos = {stream->commit_lsn, stream->nchanges};
	char		id[12];

	if (table->epoch == stream->epoch && table->rel != NULL)
		return table->rel;
	/* by its OID: a transaction that began earlier may have an older name */
	snprintf(id, sizeof(id), "%u", table->relid);
	table->rel = stream->callbacks.lookup(stream->callbacks.arg, id,
										  table->schema, table->name, pos);
	if (table->rel != NULL)
	{
		match_columns(stream, table);
		table->unsent_key = find_unsent_key(table);
		grow_rows(stream, table->rel->ncolumns);
	}
	table->epoch = stream->epoch;
	return table->rel;
}

/*
 * ------------------------------------------------------------------ reporting
 */

static Change *
make_change(SourceStream *stream, ChangeKind kind)
{
	Change	   *change = &stream->change;

	memset(change, 0, sizeof(Change));
	change->kind = kind;
	change->pos.segment = stream->commit_lsn;
	change->commit_time = stream->commit_time;
	return change;
}

/* The transaction has something for us: BEGIN first, then this message again. */
static Change *
report_begin(SourceStream *stream)
{
	stream->begun = true;
	stream->waiting = true;
	return make_change(stream, CHANGE_BEGIN);
}

/* An UPDATE that leaves the key as it was has the new row only. */
static void
old_from_new(SourceStream *stream, const SourceRelation *rel)
{
	memset(stream->old.status, COLUMN_ABSENT, rel->ncolumns);
	for (int k = 0; k < rel->nkey; k++)
	{
		int			c = rel->key[k];

		if (stream->new.status[c] > COLUMN_NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("the source has not logged key column \"%s\" of an UPDATE of table \"%s.%s\"",
							rel->columns[c].name, rel->schema, rel->name),
					 errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL at the source, and have the table copied again.",
							 pg_quote_qualified(rel->schema, rel->name)),
					 ERR_SOURCE_TABLE(rel)));
		stream->old.status[c] = stream->new.status[c];
		stream->old.values[c] = stream->new.values[c];
	}
}

static Change *
report_row(SourceStream *stream, PgRelation *table, MemoryContext rowcxt)
{
	const PgOutputMessage *msg = stream->msg;
	SourceRelation *rel = table->rel;
	Change	   *change;

	if (msg->kind != PGOUTPUT_INSERT && table->unsent_key != NULL)
		refuse_identity(table);
	if (msg->kind != PGOUTPUT_DELETE)
		pg_read_row(stream, table, msg->new, msg->nnew, false, rowcxt,
					&stream->new);
	if (msg->old_kind != PGOUTPUT_OLD_NONE)
		pg_read_row(stream, table, msg->old, msg->nold,
					msg->old_kind == PGOUTPUT_OLD_KEY, rowcxt, &stream->old);
	else if (msg->kind == PGOUTPUT_UPDATE)
		old_from_new(stream, rel);
	change = make_change(stream, msg->kind == PGOUTPUT_INSERT ? CHANGE_INSERT :
						 msg->kind == PGOUTPUT_UPDATE ? CHANGE_UPDATE : CHANGE_DELETE);
	change->rel = rel;
	change->bytes = stream->msg_len;
	if (msg->kind != PGOUTPUT_DELETE)
		change->new = stream->new;
	if (msg->kind != PGOUTPUT_INSERT)
		change->old = stream->old;
	stream->waiting = false;
	return change;
}

/*
 * CaptureRename. The source does not describe a relation again because its
 * schema is called otherwise (before 18).
 */
static void
rename_relation(void *arg, Oid relid, const char *schema, const char *name)
{
	SourceStream *stream = arg;
	PgRelation *table = hash_search(stream->relations, &relid, HASH_FIND, NULL);

	if (table == NULL)
		return;
	table->schema = MemoryContextStrdup(table->cxt, schema);
	table->name = MemoryContextStrdup(table->cxt, name);
}

/* A row of the helper table: a statement of the source. */
static Change *
report_ddl(SourceStream *stream, PgRelation *table)
{
	const PgOutputMessage *msg = stream->msg;
	SourcePos	before = {stream->commit_lsn, stream->nchanges - 1};
	MemoryContext old;
	Change		ddl;
	Change	   *change;
	bool		ours;

	stream->waiting = false;
	if (msg->kind != PGOUTPUT_INSERT)
		return NULL;
	MemoryContextReset(stream->ddl_cxt);
	old = MemoryContextSwitchTo(stream->ddl_cxt);
	memset(&ddl, 0, sizeof(ddl));
	ours = pg_capture_change(table->natts, table->att_names,
							 pg_read_texts(table, msg->new, msg->nnew),
							 stream->name, &ddl);
	ddl.ddl_before = pg_position_text(before);
	MemoryContextSwitchTo(old);
	if (!ours)
		return NULL;
	if (!stream->begun)
		return report_begin(stream);
	change = make_change(stream, CHANGE_DDL);
	*change = ddl;
	change->kind = CHANGE_DDL;
	change->pos.segment = stream->commit_lsn;
	change->pos.offset = stream->nchanges;
	change->commit_time = stream->commit_time;
	change->bytes = stream->msg_len;
	pg_capture_renames(ddl.ddl_record, rename_relation, stream);
	stream_forget_bindings(stream);
	return change;
}

/*
 * The values of its row were reported by a catalog that may be older than a
 * statement which the consumer has done (see SourceRelation.types_from): the
 * transaction began before that committed. Of its own statements the source
 * knows.
 */
static bool
is_stale(const SourceStream *stream, const PgRelation *table)
{
	const SourceRelation *rel = table->rel;

	return unlikely(source_pos_is_set(rel->types_from)) &&
		stream->first_lsn < rel->types_from.segment &&
		stream->commit_lsn != rel->types_from.segment;
}

bool
stream_is_stale(SourceStream *stream)
{
	PgRelation *table = find_relation(stream, stream->msg->relid);

	return !table->capture && receiver(stream, table) != NULL &&
		is_stale(stream, table);
}

static Change *
report_stale(SourceStream *stream, PgRelation *table)
{
	Change	   *change = make_change(stream, CHANGE_STALE);

	change->rel = table->rel;
	stream->waiting = false;
	/* it will not be followed before it is copied */
	stream_forget_bindings(stream);
	return change;
}

/* The next table of the TRUNCATE at hand that is followed; NULL: no more. */
static PgRelation *
next_truncated(SourceStream *stream)
{
	const PgOutputMessage *msg = stream->msg;

	for (; stream->truncated < msg->nrelids; stream->truncated++)
	{
		PgRelation *table = find_relation(stream, pgoutput_relid(msg, stream->truncated));

		if (!table->capture && receiver(stream, table) != NULL)
			return table;
	}
	return NULL;
}

static Change *
report_truncate(SourceStream *stream)
{
	const PgOutputMessage *msg = stream->msg;
	PgRelation *table = next_truncated(stream);
	Change	   *change;

	stream->waiting = false;
	if (table == NULL)
		return NULL;
	if (!stream->begun)
		return report_begin(stream);
	stream->truncated++;
	stream->waiting = next_truncated(stream) != NULL;
	change = make_change(stream, CHANGE_TRUNCATE);
	change->rel = table->rel;
	change->bytes = stream->msg_len;
	change->more = stream->waiting;
	change->restart_identity = (msg->flags & PGOUTPUT_TRUNCATE_RESTART_IDENTITY) != 0;
	return change;
}

Change *
stream_report(SourceStream *stream, MemoryContext rowcxt)
{
	const PgOutputMessage *msg = stream->msg;
	PgRelation *table;

	if (!stream->waiting)
	{
		stream->nchanges++;
		stream->truncated = 0;
	}
	if (stream->nchanges <= stream->skip)
		return NULL;
	if (msg->kind == PGOUTPUT_TRUNCATE)
		return report_truncate(stream);
	table = find_relation(stream, msg->relid);
	if (table->capture)
		return report_ddl(stream, table);
	if (receiver(stream, table) == NULL)
	{
		stream->waiting = false;
		return NULL;
	}
	if (stream->give_up)
		return make_change(stream, CHANGE_ROLLBACK);
	if (!stream->begun)
		return report_begin(stream);
	if (is_stale(stream, table))
		return report_stale(stream, table);
	return report_row(stream, table, rowcxt);
}
