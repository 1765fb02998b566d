/*-------------------------------------------------------------------------
 *
 * verify_tables.c
 *	  Which tables of a task are compared, and which of them together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "store/shared_table.h"
#include "store/verify_run.h"
#include "mb/pg_wchar.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "dest/dest.h"
#include "tables/relations.h"

/*
 * Transactions at the destination since the last verification of all rows
 * began; -1: there was none, or too long ago to be known.
 */
static int64
transactions_since(const Verify *v)
{
	int64		age = store_verify_age(v->task->id);

	return age > PG_INT32_MAX ? -1 : age;
}

bool
verify_is_wanted(const char *schema, const char *name, List *tables)
{
	ListCell   *lc;

	if (tables == NIL)
		return true;
	foreach(lc, tables)
	{
		const char *wanted = lfirst(lc);

		if (strcmp(wanted, name) == 0 ||
			strcmp(wanted, psprintf("%s.%s", schema, name)) == 0)
			return true;
	}
	return false;
}

/* Do both write the same columns at the destination, in one order? */
static bool
same_shape(const SourceRelation *a, const SourceRelation *b)
{
	a = a->out;
	b = b->out;
	if (a->ncolumns != b->ncolumns || a->nkey != b->nkey)
		return false;
	for (int i = 0; i < a->ncolumns; i++)
		if (a->columns[i].target_attnum != b->columns[i].target_attnum)
			return false;
	for (int i = 0; i < a->nkey; i++)
		if (a->key[i] != b->key[i])
			return false;
	return true;
}

/* ------------------------------------------------------------ rows of others */

static List *
tags_of(const Selection *selection, const char *schema, const char *table)
{
	return shard_tags(selection_shape(selection, schema, table), schema, table);
}

/* Are rows of a table of the source, with these tags, distinguished from those of t? */
static bool
is_distinguished(const Verify *v, const VerifyTable *t, List *tags)
{
	ListCell   *lc;

	foreach(lc, t->rels)
	{
		SourceRelation *rel = lfirst(lc);

		if (!shards_differ(tags_of(v->selection, rel->schema, rel->name), tags))
			return false;
	}
	return true;
}

/*
 * A table of another task that puts, or has put, rows into the same one at the
 * destination that cannot be distinguished from t's; NULL: there is none. A
 * task that has ended does not count where t's task has taken over its table of
 * the source: the rows are the same. Those of any other table still exist.
 */
static char *
shared_with(const Verify *v, const VerifyTable *t)
{
	ListCell   *lc;

	foreach(lc, store_tables_of_others(v->task->id, t->rel->target_schema,
									   t->rel->target_name))
	{
		const SharingTable *other = lfirst(lc);
		const Selection *theirs = selection_parse(other->objects);

		if (!is_distinguished(v, t, tags_of(theirs, other->schema, other->table)))
			return psprintf("task \"%s\"", other->task);
	}
	return NULL;
}

/* The same of this task's tables that are not compared now, or in another shape. */
static bool
shared_within(const Verify *v, const VerifyTable *t)
{
	for (int i = 0; i < v->nrels; i++)
	{
		SourceRelation *rel = v->rels[i];

		if (strcmp(rel->target_name, t->rel->target_name) == 0 &&
			strcmp(rel->target_schema, t->rel->target_schema) == 0 &&
			!list_member_ptr(t->rels, rel) &&
			!is_distinguished(v, t, tags_of(v->selection, rel->schema, rel->name)))
			return true;
	}
	return false;
}

/* Of a way back: the old source has rows that a filter has never let through. */
static bool
keeps_others(const Verify *v, const SourceRelation *rel)
{
	const ShapeRule *rule = selection_shape(v->selection, rel->schema, rel->name);

	return v->task->reverse_of != 0 && rule != NULL && rule->filter != NULL;
}

static void
find_shared(Verify *v, VerifyTable *t)
{
	char	   *other = shared_with(v, t);

	t->shared = other != NULL || shared_within(v, t) || keeps_others(v, t->rel);
	if (other != NULL)
		ereport(NOTICE,
				(errmsg("table \"%s\".\"%s\" is not searched for rows that the source does not have",
						t->rel->target_schema, t->rel->target_name),
				 errdetail("Rows of %s are in it, too, and cannot be distinguished from those of task \"%s\".",
						   other, v->task->name),
				 errhint("Let the rules of both set a column to a constant, each to another.")));
}

/* ------------------------------------------------------------------ tables */

/*
 * A table that is being copied again is as it will be when that is done: no
 * comparison shows anything.
 */
void
verify_leave_out(Verify *v, const char *schema, const char *name, List *wanted)
{
	if (wanted != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\".\"%s\" is being copied again: it cannot be compared yet",
						schema, name),
				 errhint("Wait until its state in dtsmig.task_tables is \"ready\".")));
	v->left_out = lappend(v->left_out, psprintf("%s.%s", schema, name));
}

/*
 * VerifyTable *, tables of one target together. Of those whose columns are not
 * the same it can only be said that their rows are at the destination, unless a
 * column shows them apart.
 */
static List *
group_tables(Verify *v, List *wanted)
{
	List	   *tables = NIL;
	ListCell   *lc;

	for (int i = 0; i < v->nrels; i++)
	{
		SourceRelation *rel = v->rels[i];
		VerifyTable *t = NULL;

		if (!verify_is_wanted(rel->schema, rel->name, wanted))
			continue;
		if (rel->resync || rel->resync_step != RESYNC_NONE)
		{
			verify_leave_out(v, rel->schema, rel->name, wanted);
			continue;
		}
		foreach(lc, tables)
		{
			VerifyTable *other = lfirst(lc);

			if (strcmp(other->rel->target_name, rel->target_name) == 0 &&
				strcmp(other->rel->target_schema, rel->target_schema) == 0 &&
				same_shape(other->rel, rel))
				t = other;
		}
		if (t == NULL)
		{
			t = palloc0(sizeof(VerifyTable));
			t->rel = rel;
			t->keyed = rel->out->nkey > 0;
			tables = lappend(tables, t);
		}
		t->rels = lappend(t->rels, rel);
	}
	foreach(lc, tables)
		find_shared(v, lfirst(lc));
	return tables;
}

void
verify_unknown_table(const Verify *v, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("task \"%s\" has no table \"%s\"", v->task->name, name),
			 errhint("The view dtsmig.task_tables lists them.")));
}

/* A name that no table has. */
static void
check_names(const Verify *v, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		bool		found = false;

		for (int i = 0; i < v->nrels; i++)
			found |= verify_is_wanted(v->rels[i]->schema, v->rels[i]->name,
									  list_make1(lfirst(lc)));
		if (!found)
			verify_unknown_table(v, lfirst(lc));
	}
}

static void
verify_data(Verify *v, List *wanted)
{
	DestRoutine compared = *v->dest;
	TableContext tc = {v->selection, v->source, v->conn, &compared, &v->options->policy};
	int64		transactions = v->mode == VERIFY_INCREMENTAL ?
		transactions_since(v) : -1;
	List	   *tables;
	ListCell   *lc;

	/*
	 * definitions of the source itself have the same expression on both sides
	 */
	if (!v->source->own_definitions)
		compared.bind_relation = compared.bind_to_compare;
	v->rels = relations_open(AllocSetContextCreate(v->cxt, "dtsmig relations",
												   ALLOCSET_DEFAULT_SIZES),
							 v->task->id, &tc, &v->nrels);
	check_names(v, wanted);
	tables = group_tables(v, wanted);
	foreach(lc, tables)
		verify_table(v, lfirst(lc), transactions);
}

void
verify_pin_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "UTC"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"row_security", "off"},
		{"jit", "off"},			/* many statements of few rows */
	};

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* receive functions take text to be in the client's encoding */
	(void) set_config_option("client_encoding", GetDatabaseEncodingName(),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

void
verify_task(Verify *v, List *tables)
{
	MemoryContext old = MemoryContextSwitchTo(v->cxt);
	int			level = NewGUCNestLevel();

	verify_pin_settings();
	v->scratch = AllocSetContextCreate(v->cxt, "dtsmig verification range",
									   ALLOCSET_DEFAULT_SIZES);
	if (v->conn == NULL)
		v->conn = v->source->connect(v->info);
	verify_begin(v);
	if (v->mode == VERIFY_SCHEMA)
		verify_schema(v, tables);
	else
		verify_data(v, tables);
	verify_end(v);
	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(old);
}
