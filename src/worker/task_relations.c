/*-------------------------------------------------------------------------
 *
 * task_relations.c
 *	  The tables of a task, out of the books and ready for rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "catalog/books.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

void
task_set_step(TaskRun *run, const char *phase, const char *step)
{
	(void) books_exec("UPDATE dtsmig.task SET phase = $2, step = $3, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "itt", run->task->id, phase, step);
	run->task->step = MemoryContextStrdup(run->cxt, step);
}

SourceRelation *
task_make_relation(MemoryContext cxt, int64 table_id, TableDef *def)
{
	MemoryContext old;
	SourceRelation *rel;
	TableIndex *key;
	ListCell   *lc;
	int			i = 0;

	cxt = AllocSetContextCreate(cxt, "dtsmig relation", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	rel = palloc0(sizeof(SourceRelation));
	rel->cxt = cxt;
	rel->table_id = (int) table_id;
	rel->generation = 1;
	rel->def = def;
	rel->out = rel;
	rel->applied = OPERATION_ALL;
	rel->schema = def->schema;
	rel->name = def->name;
	rel->target_schema = def->target_schema;
	rel->target_name = def->target_name;
	rel->ncolumns = list_length(def->columns);
	rel->columns = palloc0(sizeof(SourceColumn) * Max(rel->ncolumns, 1));
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		SourceColumn *sc = &rel->columns[i++];

		sc->name = col->name;
		sc->source_type = col->source_type;
		sc->target_name = col->target_name;
		sc->carried = col->target_name != NULL;
	}
	key = model_row_key(def);
	if (key)
	{
		rel->key = palloc(sizeof(int) * list_length(key->parts));
		foreach(lc, key->parts)
		{
			IndexPart  *part = lfirst(lc);

			for (i = 0; i < rel->ncolumns; i++)
				if (pg_strcasecmp(rel->columns[i].name, part->column) == 0)
				{
					rel->columns[i].in_key = true;
					rel->key[rel->nkey++] = i;
				}
		}
	}
	MemoryContextSwitchTo(old);
	return rel;
}

#define RELATION_QUERY \
	"SELECT t.table_id, v.definition, t.snapshot_low, t.snapshot_high, " \
	"v.generation, v.from_position, t.state = 'resync', t.described_position, " \
	"t.resync_step, t.types_position, t.one_snapshot, t.source_mark " \
	"FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position " \
	"FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v " \
	"ON true "

static ResyncStep
resync_step(const char *name)
{
	static const char *const names[] = {"", "asked", "copying", "copied", "replay"};

	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (ResyncStep) i;
	return RESYNC_NONE;
}

/* anyway: it is bound, too, if its rows are to be copied again */
static SourceRelation *
open_relation(MemoryContext cxt, const BookRows *rows, int row, bool anyway,
			  const Selection *selection,
			  const SourceRoutine *source, SourceConn *conn,
			  const DestRoutine *dest, TypePolicy *policy)
{
	TableDef   *def = model_from_jsonb(book_jsonb(rows, row, 1));
	SourceRelation *rel = task_make_relation(cxt, book_int(rows, row, 0), def);
	char	  **v = rows->values[row];
	const ShapeRule *rule = selection_shape(selection, def->schema, def->name);

	if (v[3] && v[3][0] && !source->position_has_place(v[3]))
		rel->snap_elsewhere = MemoryContextStrdup(rel->cxt, v[3]);
	if (v[2] && v[2][0] && !rel->snap_elsewhere &&
		!source->position_has_place(v[2]))
		rel->snap_set = MemoryContextStrdup(rel->cxt, v[2]);
	else if (v[2] && v[2][0])
		rel->snap_lo = source->parse_position(v[2]);
	if (v[3] && v[3][0])
		rel->snap_hi = source->parse_position(v[3]);
	rel->generation = (uint32) book_int(rows, row, 4);
	if (v[5] && v[5][0])
		rel->def_from = source->parse_position(v[5]);
	rel->unsure = rel->snap_hi;
	if (v[7] && v[7][0])
	{
		SourcePos	described = source->parse_position(v[7]);

		if (source_pos_cmp(described, rel->unsure) > 0)
			rel->unsure = described;
	}
	rel->one_snapshot = book_bool(rows, row, 10);
	if (v[11] != NULL)
		rel->source_mark = MemoryContextStrdup(rel->cxt, v[11]);
	if (v[9] && v[9][0])
		rel->types_from = source->parse_position(v[9]);
	if (book_bool(rows, row, 6))
		rel->resync_step = resync_step(v[8]);
	rel->resync = book_bool(rows, row, 6) && rel->resync_step != RESYNC_REPLAY;
	if (rel->resync && !anyway)
		return rel;
	if (rule != NULL)
		rel->applied = rule->operations;
	if (rule_reads_rows(rule))
		shape_open(rel, rule, dest->bind_relation);
	else
		dest->bind_relation(rel);
	source->prepare_relation(conn, rel, policy);
	rel->out->text_rows = rel->text_rows;
	rel->out->one_snapshot = rel->one_snapshot;
	return rel;
}

static SourceRelation *
open_one(MemoryContext cxt, int64 table_id, bool anyway,
		 const Selection *selection, const SourceRoutine *source, SourceConn *conn,
		 const DestRoutine *dest, TypePolicy *policy)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	BookRows   *rows;
	SourceRelation *rel;

	rows = books_query(RELATION_QUERY "WHERE t.table_id = $1", "i", table_id);
	if (rows->nrows != 1)
		elog(ERROR, "table " INT64_FORMAT " is not in the books", table_id);
	rel = open_relation(cxt, rows, 0, anyway, selection, source, conn, dest,
						policy);
	MemoryContextSwitchTo(old);
	return rel;
}

SourceRelation *
task_open_relation(MemoryContext cxt, int64 table_id,
				   const Selection *selection, const SourceRoutine *source, SourceConn *conn,
				   const DestRoutine *dest, TypePolicy *policy)
{
	return open_one(cxt, table_id, false, selection, source, conn, dest, policy);
}

SourceRelation *
task_open_to_copy(TaskRun *run, MemoryContext cxt, int64 table_id,
				  SourceConn *conn)
{
	return open_one(cxt, table_id, true, run->selection, run->source, conn,
					run->dest, &run->options->policy);
}

void
task_open_relations(TaskRun *run)
{
	BookRows   *rows;
	MemoryContext old;

	if (run->relcxt != NULL)
		MemoryContextDelete(run->relcxt);
	run->relcxt = AllocSetContextCreate(run->cxt, "dtsmig relations",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(run->relcxt);
	rows = books_query(RELATION_QUERY "WHERE t.task_id = $1 ORDER BY t.table_id",
					   "i", run->task->id);
	run->nrels = rows->nrows;
	run->rels = palloc0(sizeof(SourceRelation *) * Max(rows->nrows, 1));
	for (int i = 0; i < rows->nrows; i++)
		run->rels[i] = open_relation(run->relcxt, rows, i, false, run->selection, run->source,
									 run->conn, run->dest,
									 &run->options->policy);
	MemoryContextSwitchTo(old);
}

void
task_refresh_relation(TaskRun *run, int64 table_id)
{
	MemoryContext old = MemoryContextSwitchTo(run->relcxt);
	SourceRelation **rels = palloc0(sizeof(SourceRelation *) *
									(run->nrels + 1));
	BookRows   *rows;
	int			n = 0;

	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i]->table_id != table_id)
			rels[n++] = run->rels[i];
	rows = books_query(RELATION_QUERY "WHERE t.table_id = $1", "i", table_id);
	if (rows->nrows == 1)
		rels[n++] = open_relation(run->relcxt, rows, 0, false, run->selection, run->source, run->conn,
								  run->dest, &run->options->policy);
	pfree(run->rels);
	run->rels = rels;
	run->nrels = n;
	MemoryContextSwitchTo(old);
}

SourceRelation *
task_find_relation(TaskRun *run, const char *schema, const char *table)
{
	for (int i = 0; i < run->nrels; i++)
		if (strcmp(run->rels[i]->name, table) == 0 &&
			strcmp(run->rels[i]->schema, schema) == 0)
			return run->rels[i];
	return NULL;
}

typedef struct TableKey
{
	char		name[NAMEDATALEN * 8 + 2];	/* schema NUL table, zero-padded */
} TableKey;

typedef struct TableEntry
{
	TableKey	key;
	SourceRelation *rel;
} TableEntry;

static bool
table_key(TableKey *key, const char *schema, const char *table)
{
	Size		s = strlen(schema);
	Size		t = strlen(table);

	memset(key, 0, sizeof(*key));
	if (s + t + 2 > sizeof(key->name))
		return false;
	memcpy(key->name, schema, s);
	memcpy(key->name + s + 1, table, t);
	return true;
}

HTAB *
task_index_relations(TaskRun *run)
{
	HASHCTL		ctl;
	HTAB	   *tables;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(TableKey);
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = run->cxt;
	tables = hash_create("dtsmig relations", Max(run->nrels, 16), &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		TableKey	key;
		TableEntry *entry;

		if (table_key(&key, rel->schema, rel->name))
		{
			entry = hash_search(tables, &key, HASH_ENTER, NULL);
			entry->rel = rel;
		}
		/* no schema has an empty name */
		if (rel->def->source_id != NULL && table_key(&key, "", rel->def->source_id))
		{
			entry = hash_search(tables, &key, HASH_ENTER, NULL);
			entry->rel = rel;
		}
	}
	return tables;
}

static SourceRelation *
indexed(HTAB *tables, const char *schema, const char *table)
{
	TableKey	key;
	TableEntry *entry;

	if (!table_key(&key, schema, table))
		return NULL;
	entry = hash_search(tables, &key, HASH_FIND, NULL);
	return entry == NULL ? NULL : entry->rel;
}

SourceRelation *
task_indexed_relation(HTAB *tables, const char *id, const char *schema,
					  const char *table)
{
	SourceRelation *rel = id == NULL ? NULL : indexed(tables, "", id);

	if (rel != NULL)
		return rel;
	rel = indexed(tables, schema, table);
	/* another table that has got, or had, this name */
	if (rel != NULL && id != NULL && rel->def->source_id != NULL)
		return NULL;
	return rel;
}

/*
 * A table that is to be copied again, of which nothing is read yet, may have any
 * mark. One is only stored in a transaction of its own: the next look does it
 * otherwise.
 */
bool
task_same_mark(HTAB *tables, const char *id, const char *mark)
{
	SourceRelation *rel = task_indexed_relation(tables, id, "", "");
	char	   *whole;
	MemoryContext old = CurrentMemoryContext;

	if (rel == NULL)
		return true;
	whole = psprintf("%s/%s", id, mark);
	if (rel->source_mark != NULL && strcmp(rel->source_mark, whole) == 0)
		return true;
	if (rel->source_mark != NULL && strncmp(rel->source_mark, whole, strlen(id) + 1) == 0 &&
		!(rel->resync && rel->resync_step <= RESYNC_ASKED))
		return false;
	if (IsTransactionState())
		return true;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	/* of many tables at a time; one that a crash loses is seen anew */
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	(void) books_exec("UPDATE dtsmig.task_table SET source_mark = $2 WHERE table_id = $1",
					  "it", (int64) rel->table_id, whole);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	rel->source_mark = MemoryContextStrdup(rel->cxt, whole);
	return true;
}

/* Are new tables of this schema the task's? */
static bool
schema_is_selected(TaskRun *run, const char *schema)
{
	static const char *const system_schemas[] = {"information_schema",
	"performance_schema", "mysql", "sys", "ndbinfo"};
	List	   *named = selection_schemas(run->selection);
	ListCell   *lc;

	for (int i = 0; i < run->nrels; i++)
		if (strcmp(run->rels[i]->schema, schema) == 0)
			return true;
	foreach(lc, named)
	{
		if (strcmp(lfirst(lc), schema) == 0)
			return true;
	}
	if (named != NIL)
		return false;
	if (run->info->dbname != NULL && run->info->dbname[0] != '\0')
		return strcmp(run->info->dbname, schema) == 0;
	for (int i = 0; i < lengthof(system_schemas); i++)
		if (pg_strcasecmp(system_schemas[i], schema) == 0)
			return false;
	return true;
}

bool
task_selects(TaskRun *run, const char *schema, const char *table)
{
	if (table == NULL)
	{
		for (int i = 0; i < run->nrels; i++)
			if (strcmp(run->rels[i]->schema, schema) == 0)
				return true;
		return false;
	}
	if (task_find_relation(run, schema, table) != NULL)
		return true;
	return schema_is_selected(run, schema) &&
		selection_has(run->selection, schema, table);
}

bool
task_copy_has(TaskRun *run, const SourceRelation *rel, SourcePos pos)
{
	return rel->snap_set != NULL && run->stream != NULL &&
		source_pos_cmp(pos, rel->snap_hi) <= 0 &&
		run->source->stream_is_in(run->stream, rel->snap_set);
}
