/*-------------------------------------------------------------------------
 *
 * task_relations.c
 *	  The tables of a run: opened, found by name, one of them opened again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/origin.h"
#include "store/progress.h"
#include "store/table.h"
#include "tables/relations.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

void
task_set_step(TaskRun *run, const char *phase, const char *step)
{
	store_task_set_step(run->task->id, phase, step);
	run->task->step = MemoryContextStrdup(run->cxt, step);
}

/* As the run opens its tables, over this connection. */
static TableContext
context_of(const TaskRun *run, SourceConn *conn)
{
	TableContext tc = {run->selection, run->source, conn, run->dest, &run->options->policy,
		.unbound = run->behind};

	return tc;
}

static SourceRelation *
open_one(TaskRun *run, MemoryContext cxt, int64 table_id, bool anyway, SourceConn *conn)
{
	TableContext tc = context_of(run, conn);

	return relations_open_one(cxt, table_id, anyway, &tc);
}

SourceRelation *
task_open_relation(TaskRun *run, MemoryContext cxt, int64 table_id, SourceConn *conn)
{
	return open_one(run, cxt, table_id, false, conn);
}

SourceRelation *
task_open_to_copy(TaskRun *run, MemoryContext cxt, int64 table_id,
				  SourceConn *conn)
{
	return open_one(run, cxt, table_id, true, conn);
}

void
task_open_relations(TaskRun *run)
{
	TableContext tc = context_of(run, run->conn);

	if (run->relcxt != NULL)
		MemoryContextDelete(run->relcxt);
	run->nrels = 0;
	run->rels = NULL;
	run->relcxt = AllocSetContextCreate(run->cxt, "dtsmig relations",
										ALLOCSET_DEFAULT_SIZES);
	run->rels = relations_open(run->relcxt, run->task->id, &tc, &run->nrels);
}

void
task_refresh_relation(TaskRun *run, int64 table_id)
{
	MemoryContext old = MemoryContextSwitchTo(run->relcxt);
	TableContext tc = context_of(run, run->conn);
	SourceRelation **rels = palloc0(sizeof(SourceRelation *) *
									(run->nrels + 1));
	SourceRelation *rel;
	int			n = 0;

	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i]->table_id != table_id)
			rels[n++] = run->rels[i];
	rel = relations_try_open_one(run->relcxt, table_id, false, &tc);
	if (rel != NULL)
		rels[n++] = rel;
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
 * May another record the source's statements from here on? After none, or one
 * that was said to record a part of them, any may.
 */
static bool
may_follow(const char *was)
{
	return was == NULL || strcmp(was, MARK_NONE) == 0 || strcmp(was, MARK_PART) == 0;
}

/* Does the same record them as before, or one that may follow it? */
static bool
same_capture(TaskRun *run, const char *mark)
{
	MemoryContext old = CurrentMemoryContext;
	char	   *was = run->source_mark;
	bool		good;

	if (was != NULL && strcmp(was, mark) == 0)
		return true;
	if (IsTransactionState() && may_follow(was))
		return true;			/* the next look stores it */
	/* an error follows, unless there is no transaction */
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(old);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	was = store_source_change_mark(run->task->id, mark);
	good = may_follow(was) || strcmp(was, mark) == 0;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	run->source_mark = MemoryContextStrdup(run->cxt, mark);
	return good;
}

/*
 * A table that is to be copied again, of which nothing is read yet, may have any
 * mark. One is only stored in a transaction of its own: the next look does it
 * otherwise.
 */
bool
task_same_mark(TaskRun *run, HTAB *tables, const char *id, const char *mark)
{
	SourceRelation *rel;
	char	   *whole;
	MemoryContext old = CurrentMemoryContext;

	if (id == NULL)
		return same_capture(run, mark);
	rel = task_indexed_relation(tables, id, "", "");
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
	/* of many tables at a time; one that a crash loses is stored at the next look */
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	store_table_set_mark(rel->table_id, whole);
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

/*
 * What came before the definition is in the copy, see relation.h. A copy that is
 * known by GTIDs may lack what was logged before, but became visible after it: it
 * held a lock on the table, which has had the same definition since.
 */
bool
task_definition_passes(TaskRun *run, const SourceRelation *rel, SourcePos pos)
{
	return rel->generation > 1 && source_pos_cmp(pos, rel->def_from) < 0 &&
		(rel->snap_set == NULL || run->stream == NULL ||
		 source_pos_cmp(rel->def_from, rel->snap_hi) > 0 ||
		 source_pos_cmp(pos, rel->snap_hi) > 0);
}

bool
task_all_copied(TaskRun *run, SourcePos pos)
{
	for (int i = 0; i < run->nrels; i++)
	{
		const SourceRelation *rel = run->rels[i];

		if (!rel->resync && (rel->snap_elsewhere != NULL ||
							 source_pos_cmp(pos, rel->snap_lo) >= 0))
			return false;
	}
	return true;
}
