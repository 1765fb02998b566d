/*-------------------------------------------------------------------------
 *
 * resync_names.c
 *	  Tables of a PostgreSQL source that are to be copied again, and that the
 *	  source calls otherwise than the catalog does, or has created again.
 *
 * Statements come with the log, and go by the names of before: a table that is
 * called otherwise waits for the statement that has renamed it. One that was
 * not captured never comes. So the source's name is taken when the log has been
 * followed to a snapshot that had it, and the catalog's is still the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/resync_shape.h"

#include "access/xact.h"
#include "store/table.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/left_tables.h"

typedef struct NameWait
{
	int64		table_id;
	char	   *dest;			/* what the catalog calls it, */
	char	   *source;			/* and the source, in a snapshot; "": it has none */
	SourcePos	until;			/* of this position */
	bool		asked;			/* it was tried when the log had come to it */
} NameWait;

/* Rows of a copy did not fit. */
typedef struct RowsWait
{
	char	   *error;			/* this was the message */
	SourcePos	until;			/* the rows are of that position */
	bool		asked;			/* they were tried when the log had come to it */
} RowsWait;

static char *
name_of(const TableDef *def)
{
	return psprintf("%s %s.%s", def->source_id ? def->source_id : "",
					quote_identifier(def->schema), quote_identifier(def->name));
}

static NameWait *
find_wait(TaskRun *run, int64 table_id)
{
	ListCell   *lc;

	foreach(lc, run->name_waits)
	{
		NameWait   *w = lfirst(lc);

		if (w->table_id == table_id)
			return w;
	}
	return NULL;
}

static bool
same_name(const TableDef *a, const TableDef *b)
{
	return strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0;
}

/* May the table be copied as what the source has? */
static bool
is_settled(TaskRun *run, const SourceRelation *rel, const TableDef *def,
		   SourcePos high, SourcePos applied)
{
	NameWait   *w = find_wait(run, rel->table_id);
	MemoryContext old;

	if (task_same_table(rel->def, def))
	{
		if (w != NULL)
			run->name_waits = list_delete_ptr(run->name_waits, w);
		return true;
	}
	if (w != NULL && strcmp(w->dest, name_of(rel->def)) == 0 &&
		strcmp(w->source, name_of(def)) == 0)
		return source_pos_cmp(applied, w->until) >= 0;
	old = MemoryContextSwitchTo(run->cxt);
	if (w == NULL)
	{
		w = palloc(sizeof(NameWait));
		w->table_id = rel->table_id;
		run->name_waits = lappend(run->name_waits, w);
	}
	w->dest = name_of(rel->def);
	w->source = name_of(def);
	w->until = high;
	w->asked = false;
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * The source has no such table. It is gone for good if that was so before, and
 * the log has been followed to that position since: no statement that is still
 * to come drops it or gives it another name.
 */
bool
resync_is_gone(TaskRun *run, const SourceRelation *rel, const char *at,
			   const char *applied)
{
	NameWait   *w = find_wait(run, rel->table_id);
	MemoryContext old;

	if (w != NULL && w->source[0] == '\0' && strcmp(w->dest, name_of(rel->def)) == 0)
		return applied != NULL &&
			source_pos_cmp(run->source->parse_position(applied), w->until) >= 0;
	old = MemoryContextSwitchTo(run->cxt);
	if (w == NULL)
	{
		w = palloc(sizeof(NameWait));
		w->table_id = rel->table_id;
		run->name_waits = lappend(run->name_waits, w);
	}
	w->dest = name_of(rel->def);
	w->source = "";
	w->until = run->source->parse_position(at);
	w->asked = false;
	MemoryContextSwitchTo(old);
	return false;
}

void
resync_let_go(TaskRun *run, const SourceRelation *rel)
{
	if (rel->def->columns != NIL)
	{
		left_forget(run, rel, "The source has no such table any more, and its log does not show what became of it; the table at the destination stays.");
		return;
	}
	/* it was never made */
	store_table_delete(rel->table_id);
	task_log_event(run->task->id, "info",
				   psprintf("table \"%s\".\"%s\" is not at the source",
							rel->schema, rel->name), NULL, NULL, NULL);
}

/*
 * The table that has the name at the destination, and keeps it; NULL: none
 * does.
 */
static SourceRelation *
keeps_name(TaskRun *run, const SourceRelation *rel, const TableDef *def,
		   List *rels)
{
	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i] != rel && same_name(run->rels[i]->def, def) &&
			!list_member_ptr(rels, run->rels[i]))
			return run->rels[i];
	return NULL;
}

List *
resync_settle_names(TaskRun *run, List *rels, List *tables, const char *high,
					const char *applied)
{
	SourcePos	at = run->source->parse_position(high);
	SourcePos	done = applied ? run->source->parse_position(applied) : SOURCE_POS_MIN;
	List	   *settled = NIL;
	bool		more = true;
	ListCell   *lc;

	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);
		TableDef   *def = resync_find_def(tables, rel);

		/* DDL that is still to come in the log shapes the table */
		if (def != NULL && (rel->def->columns == NIL ||
							(task_same_columns(def, rel->def) &&
							 is_settled(run, rel, def, at, done))))
			settled = lappend(settled, rel);
	}
	/* two that have exchanged their names get them together */
	while (more)
	{
		more = false;
		foreach(lc, settled)
		{
			SourceRelation *rel = lfirst(lc);
			SourceRelation *other = keeps_name(run, rel, resync_find_def(tables, rel),
											   settled);

			if (other == NULL)
				continue;
			if (!other->resync)
				task_mark_resync(run, other->table_id,
								 "Another table of the source has its name by now.");
			settled = list_delete_ptr(settled, rel);
			more = true;
			break;
		}
	}
	return settled;
}

/*
 * A source whose log shapes tables has dropped a constraint or a NOT NULL, and
 * its log has that later than the rows are read. Where the log has come to
 * rows that did not fit for the same reason, nothing in it lets them in.
 */
bool
resync_rows_may_fit(TaskRun *run, const char *high, const char *applied,
					const ErrorData *edata)
{
	const RowsWait *w = run->rows_wait;
	SourcePos	pos;

	if (!run->source->logs_shapes || high == NULL || applied == NULL)
		return false;
	pos = run->source->parse_position(applied);
	if (w != NULL && source_pos_cmp(pos, w->until) >= 0 &&
		strcmp(w->error, edata->message) == 0)
		return false;
	return source_pos_cmp(pos, run->source->parse_position(high)) < 0;
}

/* The task's own worker tries what a copy worker could not, and waits. */
void
resync_leave_rows(TaskRun *run, const char *high, bool parallel, const ErrorData *edata)
{
	MemoryContext old = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (parallel)
		store_tables_stop_copying(run->task->id);
	else
		task_log_event(run->task->id, "warning",
					   psprintf("tables cannot be copied again yet: %s", edata->message),
					   psprintf("The rows are those of %s: a statement that lets them in may be still to come in the source's log.",
								high), NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	/* of the same error, the first rows count: later ones always come */
	if (run->rows_wait == NULL || strcmp(run->rows_wait->error, edata->message) != 0)
	{
		run->rows_wait = palloc0(sizeof(RowsWait));
		run->rows_wait->error = pstrdup(edata->message);
		run->rows_wait->until = run->source->parse_position(high);
	}
	MemoryContextSwitchTo(old);
}

bool
resync_names_are_due(TaskRun *run)
{
	bool		due = false;
	ListCell   *lc;

	if (run->rows_wait != NULL && !run->rows_wait->asked && run->applied != NULL &&
		source_pos_cmp(run->source->parse_position(run->applied),
					   run->rows_wait->until) >= 0)
		run->rows_wait->asked = due = true;
	foreach(lc, run->name_waits)
	{
		NameWait   *w = lfirst(lc);

		if (w->asked || run->applied == NULL ||
			source_pos_cmp(run->source->parse_position(run->applied), w->until) < 0)
			continue;
		w->asked = due = true;
	}
	return due;
}

void
resync_free_names(List *rels, List *pairs)
{
	ListCell   *lc;

	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);
		PlanPair   *pair = task_pair_of(pairs, rel->table_id);

		if (pair == NULL || same_name(rel->def, pair->after))
			continue;
		store_table_free_name(rel->table_id);
	}
}
