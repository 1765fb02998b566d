/*-------------------------------------------------------------------------
 *
 * plan_change.c
 *	  From the definitions of before and after to the statements that change
 *	  the destination's tables: two plans against each other.
 *
 * Order of what is run:
 *
 *	1. triggers and foreign keys that are in the way go
 *	2. tables, columns and indexes get their new names; columns go
 *	3. indexes, keys and checks that are in the way go
 *	4. enum types; columns are altered and added; tables are made
 *	5. tables and enum types go
 *	6. what the new plan has and the old had not, phase by phase
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_ddl.h"
#include "schema/plan_change_internal.h"

void
change_run(ChangeState *state, const TableDef *def, const char *kind,
		   char *sql)
{
	PlanStatement *st = palloc0(sizeof(PlanStatement));

	st->phase = PLAN_PRE_DATA;
	st->kind = kind;
	if (def != NULL)
	{
		st->schema = def->schema;
		st->table = def->name;
	}
	st->name = def != NULL ? def->target_name : "";
	st->sql = sql;
	state->change->run = lappend(state->change->run, st);
}

/* ----------------------------------------------------------- definitions */

/* Is this index of before dropped, and another has its name? */
bool
change_gives_way(const TableDef *after, const TableIndex *index)
{
	bool		taken = false;
	ListCell   *lc;

	foreach(lc, after->indexes)
	{
		TableIndex *now = lfirst(lc);

		if (now->origin == NULL)
			continue;
		if (strcmp(now->origin, index->name) == 0)
			return false;
		taken |= index->target_name != NULL && now->target_name != NULL &&
			strcmp(now->target_name, index->target_name) == 0;
	}
	return taken;
}

/* before with the names that its parts have in after; what goes is gone. */
static TableDef *
make_middle(const TableDef *before, const TableDef *after)
{
	TableDef   *mid = mysql_ddl_copy(before);
	List	   *columns = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	mid->schema = after->schema;
	mid->name = after->name;
	mid->target_schema = after->target_schema;
	mid->target_name = after->target_name;
	foreach(lc, mid->columns)
	{
		TableColumn *col = lfirst(lc);

		foreach(lc2, after->columns)
		{
			TableColumn *now = lfirst(lc2);

			if (now->origin == NULL || strcmp(now->origin, col->name) != 0)
				continue;
			col->name = now->name;
			if (col->target_name != NULL && now->target_name != NULL)
				col->target_name = now->target_name;
			columns = lappend(columns, col);
			break;
		}
	}
	mid->columns = columns;
	foreach(lc, mid->columns)
	{
		TableColumn *col = lfirst(lc);

		col->generation_expr = mysql_ddl_rename_in(col->generation_expr,
												   after->columns);
		if (col->default_expr != NULL && strchr(col->default_expr, '(') != NULL)
			col->default_expr = mysql_ddl_rename_in(col->default_expr,
													after->columns);
	}
	foreach(lc, mid->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (change_gives_way(after, index))
		{
			mid->indexes = foreach_delete_current(mid->indexes, lc);
			continue;
		}
		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);
			ListCell   *lc3;

			part->expr = mysql_ddl_rename_in(part->expr, after->columns);
			if (part->column == NULL)
				continue;
			foreach(lc3, after->columns)
			{
				TableColumn *now = lfirst(lc3);

				if (now->origin != NULL &&
					pg_strcasecmp(now->origin, part->column) == 0)
				{
					part->column = now->name;
					break;
				}
			}
			/* not one that has the name now */
			if (lc3 == NULL)
				part->column = "";
		}
		foreach(lc2, after->indexes)
		{
			TableIndex *now = lfirst(lc2);

			if (now->origin != NULL && strcmp(now->origin, index->name) == 0)
			{
				index->name = now->name;
				index->target_name = now->target_name;
				break;
			}
		}
	}
	foreach(lc, mid->checks)
	{
		TableCheck *check = lfirst(lc);

		check->expr = mysql_ddl_rename_in(check->expr, after->columns);
	}
	foreach(lc, mid->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		foreach(lc2, fk->columns)
		{
			ListCell   *lc3;

			foreach(lc3, after->columns)
			{
				TableColumn *now = lfirst(lc3);

				if (now->origin != NULL &&
					pg_strcasecmp(now->origin, lfirst(lc2)) == 0)
				{
					lfirst(lc2) = now->name;
					break;
				}
			}
		}
	}
	return mid;
}

/* ------------------------------------------------------------------ plans */

static bool
same_statement(const PlanStatement *a, const PlanStatement *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
		a->sql != NULL && b->sql != NULL && strcmp(a->sql, b->sql) == 0;
}

static bool
plan_has(List *plan, const PlanStatement *st)
{
	ListCell   *lc;

	foreach(lc, plan)
	{
		if (same_statement(lfirst(lc), st))
			return true;
	}
	return false;
}

static bool
is_kind(const PlanStatement *st, const char *kind)
{
	return strcmp(st->kind, kind) == 0;
}

static TablePair *
pair_of(ChangeState *state, const char *schema, const char *table)
{
	ListCell   *lc;

	if (schema == NULL || table == NULL)
		return NULL;
	foreach(lc, state->pairs)
	{
		TablePair  *t = lfirst(lc);
		TableDef   *def = t->after ? t->after : t->pair->before;

		if (strcmp(def->schema, schema) == 0 && strcmp(def->name, table) == 0)
			return t;
	}
	return NULL;
}

/* The statement that takes back what st has made; NULL: it goes by itself. */
static char *
drop_sql(const PlanStatement *st, const TableDef *def)
{
	char	   *table = plan_table_name(def);
	char	   *in_schema = quote_qualified_identifier(def->target_schema,
													   st->name);

	if (st->sql == NULL)
		return NULL;
	if (is_kind(st, "foreign key") || is_kind(st, "check") ||
		(is_kind(st, "primary key") && strncmp(st->sql, "ALTER", 5) == 0))
		return psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", table,
						quote_identifier(st->name));
	if (is_kind(st, "index") || is_kind(st, "primary key"))
		return psprintf("DROP INDEX IF EXISTS %s", in_schema);
	if (is_kind(st, "trigger"))
		return psprintf("DROP TRIGGER IF EXISTS %s ON %s",
						quote_identifier(st->name), table);
	if (is_kind(st, "function"))
		return psprintf("DROP FUNCTION IF EXISTS %s()", in_schema);
	return NULL;
}

static bool
is_trigger(const PlanStatement *st)
{
	return is_kind(st, "trigger") || is_kind(st, "function");
}

/* Has the index (or key) of this name a column among names, or an expression? */
static bool
index_touches(const TableDef *def, const char *target_name, List *names)
{
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->target_name == NULL ||
			strcmp(index->target_name, target_name) != 0)
			continue;
		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			if (part->column == NULL)
				return true;
			foreach(lc3, names)
			{
				if (pg_strcasecmp(part->column, lfirst(lc3)) == 0)
					return true;
			}
		}
	}
	return false;
}

/* Does a statement of both plans have to be taken back and made again? */
static bool
is_forced(ChangeState *state, const PlanStatement *st)
{
	TablePair  *t = pair_of(state, st->schema, st->table);

	if (t == NULL || t->middle == NULL || t->after == NULL)
		return false;
	if (is_trigger(st))
		return t->pair->differs;
	if (t->rebuilt == NIL)
		return false;
	if (is_kind(st, "index") || is_kind(st, "primary key"))
		return index_touches(t->after, st->name, t->rebuilt);
	return is_kind(st, "check") || is_kind(st, "foreign key");
}

/*
 * A foreign key needs its parent's key: it goes and comes with it.
 */
static bool
parent_key_changes(ChangeState *state, const PlanStatement *st, List *gone)
{
	TablePair  *t = pair_of(state, st->schema, st->table);
	ListCell   *lc;
	ListCell   *lc2;

	if (!is_kind(st, "foreign key") || t == NULL || t->after == NULL)
		return false;
	foreach(lc, t->after->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (fk->target_name == NULL || strcmp(fk->target_name, st->name) != 0)
			continue;
		foreach(lc2, gone)
		{
			PlanStatement *g = lfirst(lc2);

			if ((is_kind(g, "primary key") ||
				 (is_kind(g, "index") && g->phase == PLAN_UNIQUE)) &&
				g->table != NULL &&
				pg_strcasecmp(g->table, fk->ref_table) == 0 &&
				pg_strcasecmp(g->schema, fk->ref_schema) == 0)
				return true;
		}
	}
	return false;
}

static bool
is_compared(const PlanStatement *st)
{
	return st->sql != NULL &&
		(is_kind(st, "foreign key") || is_kind(st, "check") ||
		 is_kind(st, "primary key") || is_kind(st, "index") || is_trigger(st));
}

/* Statements of the middle plan whose objects have to go. */
static List *
find_gone(ChangeState *state, List *mid_plan, List *new_plan)
{
	List	   *gone = NIL;
	ListCell   *lc;

	foreach(lc, mid_plan)
	{
		PlanStatement *st = lfirst(lc);

		if (is_compared(st) && !is_trigger(st) &&
			(!plan_has(new_plan, st) || is_forced(state, st)))
			gone = lappend(gone, st);
	}
	foreach(lc, mid_plan)
	{
		PlanStatement *st = lfirst(lc);

		if (is_compared(st) && plan_has(new_plan, st) && !is_forced(state, st) &&
			parent_key_changes(state, st, gone))
			gone = lappend(gone, st);
	}
	return gone;
}

static void
drop_gone(ChangeState *state, List *gone, const char *kind)
{
	ListCell   *lc;

	foreach(lc, gone)
	{
		PlanStatement *st = lfirst(lc);
		TablePair  *t = pair_of(state, st->schema, st->table);
		char	   *sql;

		if (!is_kind(st, kind) || t == NULL || t->after == NULL)
			continue;
		sql = drop_sql(st, t->after);
		if (sql != NULL)
			change_run(state, t->after, st->kind, sql);
	}
}

static bool
is_among(List *defs, const TableForeignKey *fk)
{
	ListCell   *lc;

	foreach(lc, defs)
	{
		TableDef   *def = lfirst(lc);

		if (strcmp(def->name, fk->ref_table) == 0 &&
			strcmp(def->schema, fk->ref_schema) == 0)
			return true;
	}
	return false;
}

/*
 * A parent that is dropped while foreign_key_checks is off: its children's
 * keys go first. They come back with a table of its name.
 */
static void
drop_orphaned_keys(ChangeState *state, List *old_plan)
{
	List	   *dropped = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	foreach(lc, state->pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->pair->after == NULL)
			dropped = lappend(dropped, t->pair->before);
	}
	if (dropped == NIL)
		return;
	foreach(lc, old_plan)
	{
		PlanStatement *st = lfirst(lc);

		if (!is_kind(st, "foreign key") || st->sql == NULL)
			continue;
		foreach(lc2, state->pairs)
		{
			TableDef   *before = ((TablePair *) lfirst(lc2))->pair->before;

			if (before == NULL || strcmp(before->name, st->table) != 0 ||
				strcmp(before->schema, st->schema) != 0)
				continue;
			foreach(lc3, before->foreign_keys)
			{
				TableForeignKey *fk = lfirst(lc3);

				if (fk->target_name == NULL ||
					strcmp(fk->target_name, st->name) != 0 ||
					!is_among(dropped, fk))
					continue;
				change_run(state, before, st->kind, drop_sql(st, before));
				state->change->gone = lappend(state->change->gone, st);
			}
		}
	}
}

/* Keys whose parent was not there are not there either. */
static void
forget_unmade_keys(TableDef *middle, const TableDef *before, List *olds)
{
	List	   *made = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, before->foreign_keys, lc2, middle->foreign_keys)
	{
		if (is_among(olds, lfirst(lc)))
			made = lappend(made, lfirst(lc2));
	}
	middle->foreign_keys = made;
}

/* Triggers stand in the way of their columns: those of all that differs. */
static void
drop_triggers(ChangeState *state, List *old_plan)
{
	static const char *const kinds[] = {"trigger", "function"};
	ListCell   *lc;
	ListCell   *lc2;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		foreach(lc, old_plan)
		{
			PlanStatement *st = lfirst(lc);

			if (!is_kind(st, kinds[i]) || st->sql == NULL || st->table == NULL)
				continue;
			foreach(lc2, state->pairs)
			{
				TablePair  *t = lfirst(lc2);
				TableDef   *before = t->pair->before;

				if (before == NULL || !t->pair->differs ||
					strcmp(before->schema, st->schema) != 0 ||
					strcmp(before->name, st->table) != 0)
					continue;
				change_run(state, before, st->kind, drop_sql(st, before));
				state->change->gone = lappend(state->change->gone, st);
			}
		}
	}
}

static bool
is_partitioned(List *plan, const PlanStatement *st)
{
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *p = lfirst(lc);

		if (is_kind(p, "partition") && strcmp(p->schema, st->schema) == 0 &&
			strcmp(p->table, st->table) == 0)
			return true;
	}
	return false;
}

/* Partitions that have been added to a table that has some. */
static void
make_partitions(ChangeState *state, List *mid_plan, List *new_plan)
{
	ListCell   *lc;

	foreach(lc, new_plan)
	{
		PlanStatement *st = lfirst(lc);
		TablePair  *t = pair_of(state, st->schema, st->table);

		if (is_kind(st, "partition") && st->sql != NULL && t != NULL &&
			t->middle != NULL && t->pair->differs && is_partitioned(mid_plan, st) &&
			!plan_has(mid_plan, st))
			state->change->run = lappend(state->change->run, st);
	}
}

/* Tables and schemas of the new plan that do not exist. */
static void
make_tables(ChangeState *state, List *new_plan)
{
	ListCell   *lc;

	foreach(lc, new_plan)
	{
		PlanStatement *st = lfirst(lc);
		TablePair  *t = pair_of(state, st->schema, st->table);

		if (st->sql != NULL && t != NULL && t->pair->before == NULL &&
			(is_kind(st, "table") || is_kind(st, "partition") ||
			 (is_kind(st, "comment") && st->phase == PLAN_PRE_DATA)))
			state->change->run = lappend(state->change->run, st);
	}
}

static void
make_schemas(ChangeState *state, List *old_plan, List *new_plan)
{
	ListCell   *lc;

	foreach(lc, new_plan)
	{
		PlanStatement *st = lfirst(lc);

		if ((is_kind(st, "schema") || is_kind(st, "collation")) &&
			st->sql != NULL && !plan_has(old_plan, st))
			state->change->run = lappend(state->change->run, st);
	}
}

static void
drop_tables(ChangeState *state)
{
	ListCell   *lc;

	foreach(lc, state->pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->pair->after == NULL)
			change_run(state, t->pair->before, "table",
					   psprintf("DROP TABLE IF EXISTS %s",
								plan_table_name(t->pair->before)));
	}
}

/* What the new plan has more; gone: what was in both and has been dropped. */
static void
make_rest(ChangeState *state, List *mid_plan, List *new_plan, List *gone)
{
	ListCell   *lc;

	foreach(lc, new_plan)
	{
		PlanStatement *st = lfirst(lc);
		TablePair  *t = pair_of(state, st->schema, st->table);

		if (t == NULL || st->sql == NULL)
			continue;
		if (is_kind(st, "comment") && st->phase != PLAN_PRE_DATA)
		{
			if (plan_has(mid_plan, st))
				continue;
		}
		else if (is_kind(st, "identity"))
		{
			if (t->pair->before == NULL || plan_has(mid_plan, st))
				continue;
		}
		else if (!is_compared(st) ||
				 (plan_has(mid_plan, st) && !plan_has(gone, st) &&
				  !is_forced(state, st)))
			continue;
		state->change->run = lappend(state->change->run, st);
	}
}

static bool
same_definition(const TableDef *a, const TableDef *b)
{
	Jsonb	   *ja = model_to_jsonb(a);
	Jsonb	   *jb = model_to_jsonb(b);
	ListCell   *lc;

	/* dropped, and added again the same */
	foreach(lc, b->columns)
	{
		if (((TableColumn *) lfirst(lc))->origin == NULL)
			return false;
	}
	return VARSIZE(ja) == VARSIZE(jb) && memcmp(ja, jb, VARSIZE(ja)) == 0;
}

PlanChange *
plan_change(List *pairs, const PlanOptions *options, TimestampTz moment)
{
	ChangeState state = {0};
	List	   *olds = NIL;
	List	   *mids = NIL;
	List	   *news = NIL;
	List	   *old_plan;
	List	   *mid_plan;
	List	   *new_plan;
	List	   *gone;
	ListCell   *lc;
	ListCell   *lc2;

	state.options = options;
	state.moment = moment;
	state.change = palloc0(sizeof(PlanChange));
	foreach(lc, pairs)
	{
		PlanPair   *pair = lfirst(lc);
		TablePair  *t = palloc0(sizeof(TablePair));

		t->pair = pair;
		if (pair->before != NULL && pair->after != NULL && pair->after != pair->before)
			pair->after->partitions = mysql_partitions_kept(pair->before->partitions,
															pair->after->partitions);
		t->after = pair->after == pair->before ? mysql_ddl_copy(pair->before) :
			pair->after;
		state.pairs = lappend(state.pairs, t);
		if (pair->before != NULL)
			olds = lappend(olds, mysql_ddl_copy(pair->before));
		if (t->after != NULL)
			news = lappend(news, t->after);
	}
	new_plan = plan_schema(news, options, NULL);
	state.change->plan = new_plan;
	foreach(lc, state.pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->pair->before != NULL && t->after != NULL)
		{
			t->middle = make_middle(t->pair->before, t->after);
			forget_unmade_keys(t->middle, t->pair->before, olds);
			mids = lappend(mids, t->middle);
		}
	}
	/* foreign keys of the middle follow the names of their parents */
	foreach(lc, mids)
	{
		foreach(lc2, state.pairs)
		{
			TablePair  *t = lfirst(lc2);

			if (t->middle != NULL)
				(void) mysql_ddl_follow_parent(lfirst(lc), t->pair->before,
											   t->after);
		}
	}
	old_plan = plan_schema(olds, options, NULL);
	mid_plan = plan_schema(mids, options, NULL);
	foreach(lc, state.pairs)
	{
		TablePair  *t = lfirst(lc);

		t->pair->differs = t->middle == NULL ||
			!same_definition(t->pair->before, t->after);
		if (t->middle != NULL && t->pair->differs)
			alter_look(&state, t);
	}

	gone = find_gone(&state, mid_plan, new_plan);
	drop_triggers(&state, old_plan);
	drop_orphaned_keys(&state, old_plan);
	make_schemas(&state, old_plan, new_plan);
	foreach(lc, state.pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->middle != NULL && t->pair->differs)
			alter_names(&state, t);
	}
	drop_gone(&state, gone, "foreign key");
	drop_gone(&state, gone, "check");
	drop_gone(&state, gone, "primary key");
	drop_gone(&state, gone, "index");
	alter_types(&state, old_plan, new_plan);
	foreach(lc, state.pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->middle != NULL && t->pair->differs)
			alter_columns(&state, t);
	}
	make_tables(&state, new_plan);
	make_partitions(&state, mid_plan, new_plan);
	drop_tables(&state);
	drop_types(&state, old_plan, new_plan);
	make_rest(&state, mid_plan, new_plan, gone);
	state.change->gone = list_concat(state.change->gone, gone);

	/* untouched tables keep their definition, unless a key has changed it */
	foreach(lc, state.pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->pair->after == t->pair->before && t->pair->differs)
			t->pair->after = t->after;
	}
	return state.change;
}
