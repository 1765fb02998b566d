/*-------------------------------------------------------------------------
 *
 * ddl_rename.c
 *	  Statements of a MySQL source that give tables other names.
 *
 * Tables go by their names at such a source. One that was copied again has what
 * had its name when it was read: a statement before that gives the name to it,
 * or takes it from another table. So a name may exist before the log has it, or
 * be another table's already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl.h"

#include "transform/shape.h"

void
replay_rename_pair(Replay *c, PlanPair *pair, const DdlTable *to)
{
	TableDef   *after = task_renamed(c->run, pair->before, to);

	/* on the way to a name that is selected, by one that nobody else has */
	if (!replay_selected(c, to))
	{
		after->target_schema = pair->before->target_schema;
		after->target_name = plan_name_with_suffix(pair->before->target_name,
												   "_moving");
	}
	/* plain names as plan_schema would give them */
	if (after->target_schema == NULL)
		after->target_schema = plan_name(after->schema, c->plan->name_case, false);
	if (after->target_name == NULL)
		after->target_name = plan_name(after->name, c->plan->name_case, false);
	pair->after = after;
	replay_sync_parents(c, pair->before, after);
}

const DdlTable *
replay_new_name(Replay *c)
{
	const DdlTable *name = NULL;
	ListCell   *lc;

	foreach(lc, c->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind == DDL_RENAME_TABLE_TO)
			name = action->table;
	}
	return name;
}

/* Takes a table in, if nothing has the name. */
static void
take_name(Replay *c, const DdlTable *name)
{
	SourceRelation *waiting = replay_find(c, name);

	if (!replay_selected(c, name) || task_pair_by_name(c->pairs, name) != NULL ||
		(waiting != NULL && waiting->def->columns == NIL))
		return;
	replay_take_in(c, name);
}

void
replay_drop_renamed(Replay *c, const DdlTable *name, SourceRelation *rel)
{
	if (replay_drop_without_table(c, name, rel))
		return;
	replay_drop_relation(c, rel);
	replay_execute(c);
	replay_settle(c);
}

bool
replay_rename_is_read(Replay *c, const DdlTable *from, SourceRelation *rel,
					 const DdlTable *to, bool passed_on)
{
	PlanPair   *taken = task_pair_by_name(c->pairs, to);

	if (replay_is_known(c, rel))
	{
		if (!passed_on)
			take_name(c, to);
		return true;
	}
	if (taken == NULL || taken->id == rel->table_id)
		return false;
	/* the source had no table of this name then: it was read later */
	for (int i = 0; i < c->run->nrels; i++)
		if (c->run->rels[i]->table_id == taken->id &&
			!replay_is_known(c, c->run->rels[i]))
			replay_mark(c, c->run->rels[i],
					   "another table got its name while the task copied it");
	replay_drop_renamed(c, from, rel);
	return true;
}

/*
 * One step of RENAME TABLE. The relations of the run have the names of before
 * the statement; the pairs follow it. passed_on: a later step takes the new
 * name from the table; comes_back: the name that it has in the end is selected.
 */
static void
rename_step(Replay *c, const DdlTable *from, const DdlTable *to, bool passed_on,
			bool comes_back)
{
	PlanPair   *pair = task_pair_by_name(c->pairs, from);
	SourceRelation *rel = NULL;

	for (int i = 0; i < c->run->nrels && pair != NULL; i++)
		if (c->run->rels[i]->table_id == pair->id)
			rel = c->run->rels[i];
	if (pair == NULL || rel == NULL)
	{
		SourceRelation *waiting = replay_find(c, from);

		/* nothing will be found under that name */
		if (waiting != NULL && waiting->def->columns == NIL &&
			!replay_is_known(c, waiting))
			replay_drop_relation(c, waiting);
		if (!passed_on)
			take_name(c, to);
		return;
	}
	if (replay_rename_is_read(c, from, rel, to, passed_on))
		return;
	if (!replay_selected(c, to) && !comes_back)
	{
		replay_leave(c, rel, to);
		return;
	}
	/* what the copy read under this name is another table now */
	if (rel->resync || replay_is_unsure(c, rel))
		replay_mark(c, rel, "it was renamed while the task copied it");
	c->touched = list_make1(pair);
	replay_rename_pair(c, pair, to);
	if (replay_leaves_out(c, from, OPERATION_RENAME_TABLE))
	{
		ListCell   *lc;
		ListCell   *lc2;

		pair->after->target_schema = pair->before->target_schema;
		pair->after->target_name = pair->before->target_name;
		forboth(lc, pair->after->indexes, lc2, pair->before->indexes)
			((TableIndex *) lfirst(lc))->target_name =
				((TableIndex *) lfirst(lc2))->target_name;
		pair->differs = true;
		task_store_pairs(c->run, list_make1(pair), c->position,
						 &c->replicated->changed);
		replay_settle(c);
		return;
	}
	replay_execute(c);
	replay_settle(c);
}

void
replay_rename(Replay *c)
{
	List	   *tables = c->stmt->tables;

	for (int i = 0; i + 1 < list_length(tables) && c->why == NULL; i += 2)
	{
		const DdlTable *to = list_nth(tables, i + 1);
		const DdlTable *last = to;
		bool		passed_on = false;

		for (int j = i + 2; j + 1 < list_length(tables); j += 2)
		{
			const DdlTable *from = list_nth(tables, j);

			passed_on |= strcmp(from->name, to->name) == 0 &&
				strcmp(from->schema, to->schema) == 0;
			if (strcmp(from->name, last->name) == 0 &&
				strcmp(from->schema, last->schema) == 0)
				last = list_nth(tables, j + 1);
		}
		rename_step(c, list_nth(tables, i), to, passed_on, replay_selected(c, last));
	}
}
