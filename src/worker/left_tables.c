/*-------------------------------------------------------------------------
 *
 * left_tables.c
 *	  Tables at the destination that a task has made and left.
 *
 * A table that gets a name which no rule selects is not followed any more, and
 * nobody but the user knows whether it is still wanted. So it stays, until
 * the source gives its name to another table that the task follows: two tables
 * exchange their names through a third one, or a table is put aside each month
 * and made again. Then it moves to a schema of its own, with all that is its
 * own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/left_tables.h"

#include "store/left.h"
#include "store/sql.h"
#include "store/table.h"
#include "catalog/namespace.h"
#include "schema/plan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "worker/destination.h"

void
left_forget(TaskRun *run, const SourceRelation *rel, char *why)
{
	store_table_delete(rel->table_id);
	store_left_add(run->task->id,
				   quote_qualified_identifier(rel->target_schema, rel->target_name));
	task_log_event(run->task->id, "warning",
				   psprintf("table \"%s\".\"%s\" is not followed any more",
							rel->schema, rel->name), why, NULL, NULL);
}

bool
left_is_free(TaskRun *run, const char *schema, const char *table)
{
	return !destination_has_relation(schema, table) ||
		store_left_has(run->task->id, quote_qualified_identifier(schema, table));
}

/* A schema that has no such table, made if need be. */
static char *
left_schema(const char *schema, const char *table)
{
	for (int i = 1;; i++)
	{
		char	   *name = plan_name_with_suffix(schema, i == 1 ? "_left" :
												 psprintf("_left%d", i));

		if (!destination_has_schema(name))
			task_spi(psprintf("CREATE SCHEMA %s", quote_identifier(name)));
		else if (destination_has_relation(name, table))
			continue;
		return name;
	}
}

/*
 * Enum types that were made for the table's columns go with it: those of the
 * table that gets its name may be called the same. A PostgreSQL source has types
 * of their own.
 */
static void
move_types(TaskRun *run, const char *schema, const char *table, const char *own)
{
	Oid			nspid;
	Oid			relid;
	StoreRows   *rows;

	if (run->source->logs_shapes)
		return;
	nspid = get_namespace_oid(schema, false);
	relid = get_relname_relid(table, nspid);
	rows = store_query("SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, t.typname) "
					   "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
					   "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
					   "WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped "
					   "AND t.typtype = 'e' AND t.typnamespace = $2::pg_catalog.oid AND NOT EXISTS "
					   "(SELECT 1 FROM pg_catalog.pg_attribute o WHERE o.atttypid = t.oid "
					   "AND o.attrelid <> a.attrelid AND NOT o.attisdropped)",
					   "tt", psprintf("%u", relid), psprintf("%u", nspid));
	for (int i = 0; i < rows->nrows; i++)
		task_spi(psprintf("ALTER TYPE %s SET SCHEMA %s", rows->values[i][0],
						  quote_identifier(own)));
}

void
left_make_room(TaskRun *run, const char *schema, const char *table,
			   int64 table_id)
{
	char	   *name = quote_qualified_identifier(schema, table);
	char	   *own;

	/* what is in the way elsewhere stops the task */
	if (run->dest->elsewhere && !run->source->logs_shapes)
		return;

	if (!destination_has_relation(schema, table) ||
		!store_left_take(run->task->id, name, schema, table, table_id))
		return;
	own = left_schema(schema, table);
	move_types(run, schema, table, own);
	task_spi(psprintf("ALTER TABLE %s SET SCHEMA %s", name, quote_identifier(own)));
	task_log_event(run->task->id, "warning",
				   psprintf("table %s at the destination is moved to schema %s",
							name, quote_identifier(own)),
				   "The task does not follow it any more, and another table of the source has its name now.",
				   "Drop it when nobody needs it.", NULL);
}
