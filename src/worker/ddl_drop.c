/*-------------------------------------------------------------------------
 *
 * ddl_drop.c
 *	  Replicates a DROP of a PostgreSQL source.
 *
 * The statement is made again, of what was dropped and the task takes: one
 * DROP may name objects that the task does not have, and DROP OWNED names
 * none. What does not exist is no error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "schema/plan.h"
#include "transform/shape.h"
#include "tables/shards.h"

#include "store/sql.h"
#include "store/table.h"
#include "utils/builtins.h"
#include "worker/destination.h"

/* Its words in DROP; NULL: it has none of its own. */
static const char *
drop_words(const char *type)
{
	static const char *const same[] = {"table", "view", "materialized view",
		"index", "sequence", "foreign table", "type", "domain", "schema",
		"function", "procedure", "aggregate", "operator", "operator class",
		"operator family", "collation", "conversion", "cast", "extension",
		"language", "trigger", "policy", "rule", "text search configuration",
		"text search dictionary", "text search parser", "text search template",
	"access method", "transform"};

	for (int i = 0; i < lengthof(same); i++)
		if (strcmp(type, same[i]) == 0)
			return same[i];
	if (strcmp(type, "statistics object") == 0)
		return "statistics";
	return NULL;
}

/* Can one DROP take several of them? */
static bool
goes_together(const char *words)
{
	static const char *const single[] = {"trigger", "policy", "rule", "cast",
	"operator class", "operator family", "access method", "transform"};

	for (int i = 0; i < lengthof(single); i++)
		if (strcmp(words, single[i]) == 0)
			return false;
	return true;
}

static char *
name_of(const DdlDropped *d)
{
	Size		len = strlen(d->identity);

	if (strcmp(d->type, "aggregate") == 0 && len > 2 &&
		strcmp(d->identity + len - 2, "()") == 0)
		return psprintf("%.*s(*)", (int) len - 2, d->identity);
	return d->identity;
}

static bool
cascades(RecordReplay *c)
{
	List	   *names = NIL;
	bool		others = false;
	bool		all_named = true;
	ListCell   *lc;

	/* another statement of the text may cascade, that has dropped nothing */
	foreach(lc, c->record->dropped)
	{
		DdlDropped *d = lfirst(lc);

		others |= d->normal && !d->original;
		if (d->original && d->name != NULL)
			names = lappend(names, d->name);
		else if (d->original)
			all_named = false;
	}
	return others && c->record->text != NULL &&
		pg_statement_cascades(c->record->text, all_named ? names : NIL);
}

/*
 * Is it a table that stays at the destination, by a rule or for the sake of
 * other tables?
 */
bool
record_table_stays(RecordReplay *c, const DdlDropped *d)
{
	SourceRelation *rel;

	if (strcmp(d->type, "table") != 0)
		return false;
	rel = record_relation(c, d->source_id, d->schema, d->table);
	return rel != NULL &&
		(shape_leaves_out(c->run->selection, rel->schema, rel->name,
						  OPERATION_DROP_TABLE) ||
		 !shard_is_alone(c->run->task->id, rel->table_id));
}

/* The rows of a table that was dropped, where the table stays for others. */
static void
delete_own_rows(RecordReplay *c, const SourceRelation *rel)
{
	if (c->only_model || task_is_done(c->run) ||
		shape_leaves_out(c->run->selection, rel->schema, rel->name,
						 OPERATION_DROP_TABLE) ||
		shard_is_alone(c->run->task->id, rel->table_id))
		return;
	task_spi(destination_delete_sql(plan_table_name(rel->def),
									shard_own_rows(c->run->task->id, rel->table_id,
												   c->run->selection)));
}

static bool
has_index(const SourceRelation *rel, const char *name)
{
	const char *sql = "SELECT 1 FROM pg_catalog.pg_index i "
		"JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
		"WHERE i.indrelid = pg_catalog.to_regclass(%s) AND c.relname = %s";
	char	   *table = plan_table_name(rel->def);

	if (destination()->elsewhere)
		return destination()->value(psprintf(sql, quote_literal_cstr(table),
											 quote_literal_cstr(name))) != NULL;
	return store_query(psprintf(sql, "$1", "$2"), "tt", table, name)->nrows > 0;
}

/*
 * The index at the destination, where rules have moved its table out of the
 * schema's way: what was dropped does not say of which table it was. NULL: it
 * is where its schema is.
 */
static char *
moved_index(RecordReplay *c, const DdlDropped *d)
{
	if (strcmp(d->type, "index") != 0 || d->schema == NULL || d->name == NULL)
		return NULL;
	for (int i = 0; i < c->run->nrels; i++)
	{
		const SourceRelation *rel = c->run->rels[i];

		if (strcmp(rel->schema, d->schema) == 0 &&
			strcmp(rel->target_schema, record_target_schema(c, d->schema)) != 0 &&
			has_index(rel, d->name))
			return quote_qualified_identifier(rel->target_schema, d->name);
	}
	return NULL;
}

static List *
statements_of(RecordReplay *c)
{
	List	   *done = NIL;
	List	   *sql = NIL;
	bool		cascade = cascades(c);
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, c->record->dropped)
	{
		DdlDropped *d = lfirst(lc);
		const char *words = drop_words(d->type);
		char	   *moved;
		StringInfoData buf;

		if (!d->original || list_member_ptr(done, d) || record_table_stays(c, d) ||
			!record_takes(c, d->type, d->schema, d->table, d->identity))
			continue;
		if (words == NULL)
		{
			c->why = psprintf("There is no DROP for a %s", d->type);
			return NIL;
		}
		if ((moved = moved_index(c, d)) != NULL)
		{
			sql = lappend(sql, psprintf("DROP INDEX IF EXISTS %s%s", moved,
										cascade ? " CASCADE" : ""));
			continue;
		}
		initStringInfo(&buf);
		appendStringInfo(&buf, "DROP %s IF EXISTS %s", words, name_of(d));
		foreach(lc2, c->record->dropped)
		{
			DdlDropped *other = lfirst(lc2);

			if (other == d || !goes_together(words) || !other->original ||
				record_table_stays(c, other) || moved_index(c, other) != NULL ||
				strcmp(other->type, d->type) != 0 ||
				!record_takes(c, other->type, other->schema, other->table,
							  other->identity))
				continue;
			appendStringInfo(&buf, ", %s", name_of(other));
			done = lappend(done, other);
		}
		if (cascade)
			appendStringInfoString(&buf, " CASCADE");
		sql = lappend(sql, record_rewrite(c, buf.data));
	}
	return sql;
}

void
record_replay_drop(RecordReplay *c)
{
	bool		mysql = c->run->dest->mysql_sql;
	List	   *sql = mysql ? record_elsewhere_drops(c) : statements_of(c);
	ListCell   *lc;

	c->applied = sql != NIL;
	if (c->why == NULL && !c->only_model && !task_is_done(c->run) &&
		c->run->task->do_schema)
		(void) (mysql ? record_run_elsewhere(c, sql) : record_run(c, sql));
	if (c->why != NULL && !c->only_model)
		return;
	c->why = NULL;
	foreach(lc, c->record->dropped)
	{
		DdlDropped *d = lfirst(lc);
		SourceRelation *rel;

		if (strcmp(d->type, "table") != 0)
			continue;
		rel = record_relation(c, d->source_id, d->schema, d->table);
		if (rel == NULL)
			continue;
		delete_own_rows(c, rel);
		store_table_delete(rel->table_id);
		record_note_changed(c, rel->table_id);
	}
}
