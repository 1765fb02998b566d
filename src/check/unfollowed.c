/*-------------------------------------------------------------------------
 *
 * unfollowed.c
 *	  What a source has that a task does not bring here (see the source's
 *	  unfollowed and always).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/unfollowed.h"

#include "store/sql.h"
#include "catalog/namespace.h"
#include "core/one_statement.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

void
unfollowed_warn(const Verify *v)
{
	int			look_at = SOURCE_FINDS_MADE;
	ListCell   *lc;

	if (v->source->unfollowed == NULL || !v->task->do_schema)
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
	if (v->source->meanings == NULL || !v->task->do_schema)
		return NIL;
	return v->source->meanings(v->conn);
}

/* The task's table here; InvalidOid: it has none of this name. */
static Oid
table_here(const Verify *v, const SourceAlways *a)
{
	StoreRows   *rows;
	char	   *schema = NULL;
	char	   *table = NULL;
	Oid			nspid;

	rows = store_query("SELECT target_schema, target_table FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND source_schema = $2 AND source_table = $3",
					   "itt", v->task->id, a->schema, a->table);
	if (rows->nrows > 0)
	{
		schema = rows->values[0][0];
		table = rows->values[0][1];
	}
	/* views and partitioned tables hold no rows */
	else if (!selection_match(v->selection, a->schema, a->table, &schema, &table))
		return InvalidOid;
	nspid = get_namespace_oid(schema ? schema : a->schema, true);
	return OidIsValid(nspid) ? get_relname_relid(table ? table : a->table, nspid) : InvalidOid;
}

void
unfollowed_enable(const Verify *v)
{
	ListCell   *lc;

	if (v->source->always == NULL || !v->task->do_schema)
		return;
	foreach(lc, v->source->always(v->conn))
	{
		const SourceAlways *a = lfirst(lc);
		Oid			relid = table_here(v, a);
		char	   *what;

		if (!OidIsValid(relid) ||
			store_query(a->rule ? "SELECT 1 FROM pg_catalog.pg_rewrite WHERE ev_class = $1::oid "
						"AND rulename = $2 AND ev_enabled = 'O'" :
						"SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid "
						"AND tgname = $2 AND tgenabled = 'O' AND NOT tgisinternal", "it",
						(int64) relid, a->name)->nrows == 0)
			continue;
		what = psprintf("ALTER TABLE %s ENABLE %s %s %s",
						quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												   get_rel_name(relid)),
						a->replica ? "REPLICA" : "ALWAYS", a->rule ? "RULE" : "TRIGGER",
						quote_identifier(a->name));
		(void) run_one_statement(what);
		task_log_event(v->task->id, "info", psprintf("as at the source: %s", what),
					   "It was enabled like others while rows were applied.", NULL, NULL);
	}
}
