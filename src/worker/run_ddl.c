/*-------------------------------------------------------------------------
 *
 * run_ddl.c
 *	  Replicates a DDL statement of the source.
 *
 *	  statement -> definitions before and after -> plan_change -> SQL
 *										|
 *							catalog: versions by position
 *
 * All in one transaction with the position that it reaches. A table whose
 * rows the statement changes in a way that only the source knows is marked,
 * and copied again before the stream goes on; the same for one that the copy
 * may have read after the statement. What cannot be replicated stops the task;
 * skip_change lets it go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl.h"

#include "access/xact.h"
#include "store/origin.h"
#include "store/table.h"
#include "executor/spi.h"
#include "tables/describe.h"
#include "transform/shape.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/left_tables.h"

SourceRelation *
replay_find(Replay *c, const DdlTable *t)
{
	return task_find_relation(c->run, t->schema, t->name);
}

bool
replay_selected(Replay *c, const DdlTable *t)
{
	return selection_has(c->run->selection, t->schema, t->name);
}

bool
replay_leaves_out(Replay *c, const DdlTable *t, uint32 operation)
{
	return shape_leaves_out(c->run->selection, t->schema, t->name, operation);
}

/* Is the statement in the definition already? */
bool
replay_is_known(Replay *c, const SourceRelation *rel)
{
	if (source_pos_cmp(rel->def_from, c->change->pos) >= 0 ||
		task_copy_has(c->run, rel, c->change->pos))
		return true;
	return c->in_transaction && rel->generation > 1 &&
		source_pos_cmp(rel->def_from, c->before) >= 0;
}

bool
replay_is_unsure(Replay *c, const SourceRelation *rel)
{
	return source_pos_is_set(rel->unsure) &&
		source_pos_cmp(c->change->pos, rel->unsure) <= 0;
}

static void
mark_id(Replay *c, int64 table_id, const char *why)
{
	int64	   *id = palloc(sizeof(int64));

	task_mark_resync(c->run, table_id, why);
	*id = table_id;
	c->replicated->changed = lappend(c->replicated->changed, id);
	c->replicated->resync = true;
}

void
replay_mark(Replay *c, const SourceRelation *rel, const char *why)
{
	mark_id(c, rel->table_id, why);
}

void
replay_take_in(Replay *c, const DdlTable *t)
{
	task_take_in(c->run, t->schema, t->name, c->position);
	c->replicated->resync = true;
}

static PlanPair *
touch(Replay *c, const SourceRelation *rel)
{
	PlanPair   *pair = task_pair_of(c->pairs, rel->table_id);

	if (pair != NULL)
		c->touched = lappend(c->touched, pair);
	return pair;
}

/* Names at the destination of a table that is new or has a new name. */
static void
set_target(Replay *c, TableDef *def)
{
	char	   *schema;
	char	   *table;

	(void) selection_match(c->run->selection, def->schema, def->name, &schema,
						   &table);
	def->target_schema = schema;
	def->target_name = table;
}

void
replay_sync_parents(Replay *c, const TableDef *before, const TableDef *after)
{
	ListCell   *lc;

	foreach(lc, c->pairs)
	{
		PlanPair   *pair = lfirst(lc);
		ListCell   *lc2;

		if (pair->after == NULL || pair->after == after)
			continue;
		foreach(lc2, pair->after->foreign_keys)
		{
			TableForeignKey *fk = lfirst(lc2);

			if (strcmp(fk->ref_schema, before->schema) != 0 ||
				strcmp(fk->ref_table, before->name) != 0)
				continue;
			if (pair->after == pair->before)
				pair->after = mysql_ddl_copy(pair->before);
			(void) mysql_ddl_follow_parent(pair->after, before, after);
			break;
		}
	}
}

/* ------------------------------------------------------------ executing */

/* Tables of the statement are copied again, and left as they are till then. */
static void
copy_touched(Replay *c, const char *why)
{
	ListCell   *lc;

	foreach(lc, c->touched)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->before == NULL || pair->after == NULL)
			continue;
		mark_id(c, pair->id, pair->copy_why ? pair->copy_why : why);
	}
}

/*
 * Brings the destination from the definitions before to those after, and
 * writes these into the catalog.
 */
void
replay_execute(Replay *c)
{
	PlanChange *change;
	char	   *copy_why = NULL;
	ListCell   *lc;
	bool		run_it = !c->only_model && c->run->task->do_schema;

	foreach(lc, c->touched)
	{
		PlanPair   *pair = lfirst(lc);

		if (run_it && !c->run->behind && pair->before != NULL && pair->after != NULL)
			pair->emptied = task_is_empty(pair->before);
	}
	change = plan_change(c->pairs, c->plan, c->change->commit_time);
	foreach(lc, run_it ? c->touched : NIL)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->after != NULL && !c->run->behind &&
			c->run->options->conflict == CONFLICT_REPORT &&
			(pair->before == NULL ||
			 strcmp(plan_table_name(pair->before), plan_table_name(pair->after)) != 0))
			left_make_room(c->run, pair->after->target_schema,
						   pair->after->target_name, pair->id);
	}
	change->run = shape_plan_change(c->run->selection, change->run);
	foreach(lc, c->pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->copy_why != NULL && pair->differs)
			copy_why = pair->copy_why;
		if (pair->before == NULL)
			change->run = plan_new_table(c->plan, change->run, pair->after);
	}
	foreach(lc, run_it ? c->touched : NIL)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->before == NULL ? c->run->options->conflict == CONFLICT_IGNORE :
			pair->after != NULL && task_is_merged(c->run, pair->id))
			change->run = task_leave_done(c->run, c->change, pair, change->run,
										  &c->why);
	}
	if (c->why != NULL)
		return;
	if (run_it)
	{
		if (copy_why != NULL || (!task_try_plan(c->run, c->pairs, change, NULL,
											   &c->why) && c->why == NULL))
		{
			copy_touched(c, copy_why ? copy_why : "its rows do not fit the statement");
			return;
		}
	}
	if (c->why == NULL)
		task_store_pairs(c->run, c->pairs, c->position, &c->replicated->changed);
}

/* The definitions after are those before, for the next statement. */
void
replay_settle(Replay *c)
{
	List	   *pairs = NIL;
	ListCell   *lc;

	foreach(lc, c->pairs)
	{
		PlanPair   *pair = lfirst(lc);

		if (pair->after == NULL)
			continue;
		pair->before = pair->after;
		pair->differs = false;
		pair->copy_why = NULL;
		pair->emptied = false;
		pairs = lappend(pairs, pair);
	}
	c->pairs = pairs;
	c->touched = NIL;
}

/* ------------------------------------------------------------ statements */

void
replay_drop_relation(Replay *c, const SourceRelation *rel)
{
	PlanPair   *pair = touch(c, rel);

	if (pair != NULL)
		pair->after = NULL;
	else
	{
		/* it was never made */
		int64	   *id = palloc(sizeof(int64));

		*id = rel->table_id;
		store_table_delete(*id);
		c->replicated->changed = lappend(c->replicated->changed, id);
	}
}

static void
replay_create(Replay *c)
{
	const DdlStatement *stmt = c->stmt;
	DdlTable   *name = linitial(stmt->tables);
	SourceRelation *rel = replay_find(c, name);
	PlanPair   *pair;

	if (!replay_selected(c, name))
		return;
	if (rel == NULL && replay_leaves_out(c, name, OPERATION_CREATE_TABLE))
		return;
	if (rel != NULL)
	{
		if (replay_is_known(c, rel) || (stmt->if_exists && !stmt->or_replace))
			return;
		if (replay_is_unsure(c, rel) || rel->resync)
		{
			replay_mark(c, rel, "it was made while the task read it");
			return;
		}
		replay_drop_relation(c, rel);
		replay_execute(c);
		replay_settle(c);
		if (c->why != NULL)
			return;
	}
	pair = palloc0(sizeof(PlanPair));
	if (stmt->like != NULL)
	{
		SourceRelation *model = replay_find(c, stmt->like);

		/* one that was copied again may have a later definition */
		if (model != NULL && !model->resync && model->def->columns != NIL &&
			!replay_is_known(c, model) && !replay_is_unsure(c, model))
			pair->after = mysql_ddl_like(name, model->def);
	}
	else if (!stmt->as_select)
	{
		DdlOutcome	outcome;

		mysql_ddl_apply(mysql_ddl_empty(name, c->defaults, stmt), stmt,
						c->defaults, &outcome);
		if (outcome.error != NULL)
		{
			c->why = outcome.error;
			return;
		}
		pair->after = outcome.def;
	}
	if (pair->after == NULL)
	{
		replay_take_in(c, name);
		return;
	}
	set_target(c, pair->after);
	shape_columns(c->run->selection, pair->after, NULL);
	c->pairs = lappend(c->pairs, pair);
	c->touched = lappend(c->touched, pair);
	replay_execute(c);
}

/* A table is the task's no more: it stays at the destination. */
static void
forget(Replay *c, const SourceRelation *rel, char *why)
{
	int64	   *id = palloc(sizeof(int64));

	*id = rel->table_id;
	left_forget(c->run, rel, why);
	c->replicated->changed = lappend(c->replicated->changed, id);
	for (int i = 0; i < list_length(c->pairs); i++)
	{
		PlanPair   *pair = list_nth(c->pairs, i);

		if (pair->id == rel->table_id)
		{
			c->pairs = list_delete_nth_cell(c->pairs, i);
			break;
		}
	}
}

void
replay_leave(Replay *c, const SourceRelation *rel, const DdlTable *to)
{
	forget(c, rel, psprintf("It was renamed to \"%s\".\"%s\", which is not selected; the table at the destination stays.",
							to->schema, to->name));
}

/*
 * A table was dropped that stays at the destination, because a rule says so, or
 * because other tables' rows are in it, too: then its own rows go. False:
 * neither.
 */
bool
replay_drop_without_table(Replay *c, const DdlTable *t, const SourceRelation *rel)
{
	bool		stays = replay_leaves_out(c, t, OPERATION_DROP_TABLE);
	char	   *own;

	if (!stays && shard_is_alone(c->run->task->id, rel->table_id))
		return false;
	if (!stays && !c->only_model && !c->run->behind)
	{
		own = shard_own_rows(c->run->task->id, rel->table_id, c->run->selection);
		task_spi(psprintf("DELETE FROM %s WHERE %s", plan_table_name(rel->def), own));
	}
	forget(c, rel, stays ? "It was dropped, which a rule leaves out; the table at the destination stays." :
		   "It was dropped; other tables go into the same one, in which its rows alone are deleted.");
	return true;
}

/* An ALTER TABLE that a rule leaves out: only the source's side is noted. */
static void
freeze(Replay *c, PlanPair *pair, const DdlOutcome *outcome)
{
	TableDef   *after = outcome->def;

	if (outcome->renamed != NULL)
	{
		after->schema = pstrdup(outcome->renamed->schema);
		after->name = pstrdup(outcome->renamed->name);
	}
	shape_freeze(after, pair->before);
	pair->after = after;
	pair->differs = true;
	task_store_pairs(c->run, list_make1(pair), c->position, &c->replicated->changed);
}

/* The other table of EXCHANGE PARTITION may not know of it yet. */
static void
mark_others(Replay *c)
{
	ListCell   *lc;

	foreach(lc, c->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);
		SourceRelation *other = action->kind == DDL_ROWS_CHANGE &&
			action->table != NULL ? replay_find(c, action->table) : NULL;

		if (other != NULL && !replay_is_known(c, other))
			replay_mark(c, other, action->text);
	}
}

static void
replay_alter(Replay *c)
{
	const DdlTable *name = linitial(c->stmt->tables);
	SourceRelation *rel = replay_find(c, name);
	DdlOutcome	outcome;
	const DdlTable *to = replay_new_name(c);
	PlanPair   *pair;

	if (rel == NULL)
	{
		/* RENAME TO brings it in */
		if (to != NULL)
		{
			name = to;
			rel = replay_find(c, name);
		}
		/* it may have been out of sight when the schema was read */
		if (rel == NULL && replay_selected(c, name))
			replay_take_in(c, name);
		mark_others(c);
		return;
	}
	if (replay_is_known(c, rel))
	{
		if (to != NULL)
			(void) replay_rename_is_read(c, name, rel, to, false);
		mark_others(c);
		return;
	}
	if (rel->resync || replay_is_unsure(c, rel))
	{
		if (to != NULL)
		{
			if (replay_find(c, to) == NULL && replay_selected(c, to))
				replay_take_in(c, to);
			replay_drop_renamed(c, name, rel);
			return;
		}
		replay_mark(c, rel, "it was altered while the task copied it");
		mark_others(c);
		return;
	}
	if (to != NULL && replay_rename_is_read(c, name, rel, to, false))
	{
		mark_others(c);
		return;
	}
	pair = touch(c, rel);
	if (pair == NULL)
		return;
	mysql_ddl_apply(pair->before, c->stmt, c->defaults, &outcome);
	if (outcome.error != NULL)
	{
		c->why = outcome.error;
		return;
	}
	if (outcome.renamed != NULL && !replay_selected(c, outcome.renamed))
	{
		replay_leave(c, rel, outcome.renamed);
		return;
	}
	if (outcome.rows_change == NULL && replay_leaves_out(c, name, OPERATION_ALTER_TABLE))
	{
		freeze(c, pair, &outcome);
		return;
	}
	if (outcome.renamed != NULL)
	{
		/* first the name, then the rest */
		replay_rename_pair(c, pair, outcome.renamed);
		replay_execute(c);
		replay_settle(c);
		if (c->why != NULL)
			return;
		c->touched = list_make1(pair);
		mysql_ddl_apply(pair->before, c->stmt, c->defaults, &outcome);
	}
	pair->after = outcome.def;
	pair->loose = c->stmt->loose;
	shape_columns(c->run->selection, pair->after, pair->before);
	replay_sync_parents(c, pair->before, pair->after);
	if (outcome.rows_change != NULL)
	{
		SourceRelation *other = outcome.rows_with ?
			replay_find(c, outcome.rows_with) : NULL;

		replay_mark(c, rel, outcome.rows_change);
		if (other != NULL && !replay_is_known(c, other))
			replay_mark(c, other, outcome.rows_change);
		return;
	}
	replay_execute(c);
}

static void
replay_drop(Replay *c)
{
	ListCell   *lc;
	bool		any = false;

	foreach(lc, c->stmt->tables)
	{
		SourceRelation *rel = replay_find(c, lfirst(lc));

		if (rel == NULL || replay_is_known(c, rel) ||
			replay_drop_without_table(c, lfirst(lc), rel))
			continue;
		replay_drop_relation(c, rel);
		any = true;
	}
	if (any)
		replay_execute(c);
}

static void
replay_drop_schema(Replay *c)
{
	DdlTable   *schema = linitial(c->stmt->tables);
	bool		any = false;

	for (int i = 0; i < c->run->nrels; i++)
	{
		SourceRelation *rel = c->run->rels[i];

		DdlTable	name = {rel->schema, rel->name};

		if (strcmp(rel->schema, schema->schema) != 0 || replay_is_known(c, rel) ||
			replay_drop_without_table(c, &name, rel))
			continue;
		replay_drop_relation(c, rel);
		any = true;
	}
	if (any)
		replay_execute(c);
}

/* TRUNCATE that has not come as a row change. */
static void
replay_truncate(Replay *c)
{
	SourceRelation *rel = replay_find(c, linitial(c->stmt->tables));

	if (rel == NULL || replay_is_known(c, rel) || rel->resync)
		return;
	replay_mark(c, rel, "TRUNCATE");
}

/* CREATE or ALTER DATABASE: new tables in it have another default. */
static void
replay_schema(Replay *c)
{
	DdlTable   *name = linitial(c->stmt->tables);
	char	   *collation;

	/* IF NOT EXISTS is logged of a database that exists, too */
	for (int i = 0; i < c->run->nrels; i++)
		if (c->stmt->kind == DDL_CREATE_SCHEMA && c->stmt->if_exists &&
			strcmp(c->run->rels[i]->schema, name->schema) == 0)
			return;
	collation = mysql_ddl_schema_collation(c->stmt, c->defaults);
	if (collation != NULL)
		store_source_set_collation(c->run->task->id, name->schema, collation);
}

/* The default collations as of the position of the statement. */
static void
set_collations(Replay *c)
{
	List	   *collations = store_source_collations(c->run->task->id);
	ListCell   *lc;

	if (collations != NIL)
		c->defaults->schemas = NIL;
	foreach(lc, collations)
	{
		const StoreCollation *known = lfirst(lc);
		DdlCharset *entry = palloc0(sizeof(DdlCharset));

		entry->name = known->schema;
		entry->collation = known->collation;
		c->defaults->schemas = lappend(c->defaults->schemas, entry);
	}
}

static void
replay_statement(Replay *c)
{
	switch (c->stmt->kind)
	{
		case DDL_CREATE_TABLE:
			replay_create(c);
			break;
		case DDL_ALTER_TABLE:
			replay_alter(c);
			break;
		case DDL_DROP_TABLE:
			replay_drop(c);
			break;
		case DDL_RENAME_TABLE:
			replay_rename(c);
			break;
		case DDL_TRUNCATE:
			replay_truncate(c);
			break;
		case DDL_CREATE_SCHEMA:
		case DDL_ALTER_SCHEMA:
			replay_schema(c);
			break;
		case DDL_DROP_SCHEMA:
			replay_drop_schema(c);
			break;
		default:
			break;
	}
}

/* ------------------------------------------------------------------ entry */

void
task_replicate_ddl(TaskRun *run, const Change *change, bool in_transaction,
			   char *position, PositionWriter write_position, void *arg,
			   DdlReplicated *replicated)
{
	Replay		c = {0};
	MemoryContext cxt = AllocSetContextCreate(run->cxt, "dtsmig DDL",
											  ALLOCSET_DEFAULT_SIZES);
	char	   *user_statement = NULL;
	char	   *why = NULL;

	memset(replicated, 0, sizeof(*replicated));
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	c.run = run;
	c.change = change;
	c.stmt = change->ddl;
	c.in_transaction = in_transaction;
	c.before = run->source->parse_position(change->ddl_before);
	c.replicated = replicated;
	c.only_model = task_ddl_is_skipped(run, change, &user_statement);
	c.position = in_transaction ? change->ddl_before : position;
	if (c.only_model && user_statement != NULL && !run->behind)
		task_spi_script(user_statement);
	if (c.stmt != NULL)
	{
		c.plan = plan_options(run->options, run->selection);
		c.defaults = run->source->ddl_defaults(run->conn);
		set_collations(&c);
		c.pairs = task_pairs(run);
		replay_statement(&c);
		why = c.why;
		if (run->labels != NIL)
		{
			/* nothing of the statement is done; then again, with its labels */
			AbortOutOfAnyTransaction();
			MemoryContextSwitchTo(run->cxt);
			task_commit_labels(run);
			MemoryContextDelete(cxt);
			task_replicate_ddl(run, change, in_transaction, position, write_position,
						   arg, replicated);
			return;
		}
	}
	else if (!c.only_model)
		why = change->ddl_error ? change->ddl_error : "It is not understood";
	if (why != NULL && !c.only_model)
	{
		const DdlTable *on = c.stmt != NULL && c.stmt->tables != NIL ?
			linitial(c.stmt->tables) : NULL;

		why = MemoryContextStrdup(run->cxt, why);
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(run->cxt);
		task_refuse_ddl(run, change, psprintf("It ran in database \"%s\", after %s", change->ddl_schema ? change->ddl_schema : "",
													  change->ddl_before), why,
						on ? on->schema : NULL, on ? on->name : NULL);
	}
	if (replicated->changed != NIL || replicated->resync || c.only_model)
		task_log_event(run->task->id, c.only_model ? "warning" : "info",
					   psprintf(c.only_model ? EVENT_SKIPPED "%s" : "replicated: %s",
								task_ddl_shown(change)), NULL, NULL, NULL);
	write_position(arg);
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);

	replicated->cxt = cxt;
}
