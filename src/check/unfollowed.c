/*-------------------------------------------------------------------------
 *
 * unfollowed.c
 *	  What a source has that a task does not bring here (see the source's
 *	  unfollowed and always).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/dest_catalog.h"
#include "check/unfollowed.h"

#include "store/table.h"
#include "core/one_statement.h"
#include "utils/builtins.h"

void
unfollowed_warn(const Verify *v)
{
	int			look_at = SOURCE_FINDS_MADE;
	ListCell   *lc;

	/* they are looked for in this database */
	if (v->source->unfollowed == NULL || !v->task->do_schema || v->dest->elsewhere)
		return;
	if (v->options->comments)
		look_at |= SOURCE_FINDS_COMMENTS;
	if (v->options->event_triggers)
		look_at |= SOURCE_FINDS_EVENT_TRIGGERS;
	if (v->options->owners)
		look_at |= SOURCE_FINDS_OWNERS;
	foreach(lc, v->source->unfollowed(v->conn, look_at))
	{
		const SourceFinding *f = lfirst(lc);

		task_warn(v->task, f->found, NULL,
				  f->sql ? psprintf("%s;", f->sql) : "Copy them by other means, if they are needed.");
	}
}

List *
unfollowed_meanings(const Verify *v)
{
	if (v->source->meanings == NULL || !v->task->do_schema || v->dest->elsewhere)
		return NIL;
	return v->source->meanings(v->conn);
}

/* The name of the task's table at the destination; false: it has none. */
static bool
find_table(const Verify *v, const SourceAlways *a, char **schema, char **table)
{
	*schema = *table = NULL;
	/* views and partitioned tables hold no rows */
	if (!store_table_target(v->task->id, a->schema, a->table, schema, table) &&
		!selection_match(v->selection, a->schema, a->table, schema, table))
		return false;
	if (*schema == NULL)
		*schema = a->schema;
	if (*table == NULL)
		*table = a->table;
	return true;
}

/* Is the trigger or rule there, enabled like any other? */
static bool
is_plain(const Verify *v, const SourceAlways *a, const char *schema, const char *table)
{
	return dest_catalog_select(v->task, v->dest, "triggers and rules", "b",
							   psprintf("SELECT true FROM pg_catalog.pg_class c "
										"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
										"JOIN %s WHERE n.nspname = %s AND c.relname = %s",
										psprintf(a->rule ? "pg_catalog.pg_rewrite r ON r.ev_class = c.oid "
												 "AND r.rulename = %s AND r.ev_enabled = 'O'" :
												 "pg_catalog.pg_trigger r ON r.tgrelid = c.oid "
												 "AND r.tgname = %s AND r.tgenabled = 'O' AND NOT r.tgisinternal",
												 quote_literal_cstr(a->name)),
										quote_literal_cstr(schema), quote_literal_cstr(table))) != NIL;
}

void
unfollowed_enable(const Verify *v)
{
	ListCell   *lc;

	/* elsewhere than in PostgreSQL no task makes such */
	if (v->source->always == NULL || !v->task->do_schema ||
		!dest_catalog_is_postgres(v->dest))
		return;
	foreach(lc, v->source->always(v->conn))
	{
		const SourceAlways *a = lfirst(lc);
		char	   *schema;
		char	   *table;
		char	   *what;

		if (!find_table(v, a, &schema, &table) || !is_plain(v, a, schema, table))
			continue;
		what = psprintf("ALTER TABLE %s ENABLE %s %s %s",
						quote_qualified_identifier(schema, table),
						a->replica ? "REPLICA" : "ALWAYS", a->rule ? "RULE" : "TRIGGER",
						quote_identifier(a->name));
		(void) run_one_statement(what);
		task_log_event(v->task->id, "info", psprintf("as at the source: %s", what),
					   "It was enabled like others while rows were applied.", NULL, NULL);
	}
}
