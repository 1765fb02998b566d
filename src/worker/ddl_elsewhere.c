/*-------------------------------------------------------------------------
 *
 * ddl_elsewhere.c
 *	  Statements of a PostgreSQL source whose destination is elsewhere: they are
 *	  not replicated to it yet, and stop the task if they are about what it moves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

/* Is the statement about something that the task has, or could have? */
static bool
concerns(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		const TableDef *def = ((DdlTableState *) lfirst(lc))->def;

		if (task_selects(c->run, def->schema, def->name))
			return true;
	}
	foreach(lc, c->record->dropped)
	{
		const DdlDropped *d = lfirst(lc);

		const char *table = d->table != NULL ? d->table :
			strcmp(d->type, "table") == 0 ? d->name : NULL;

		if (d->schema == NULL || table == NULL ||
			task_selects(c->run, d->schema, table))
			return true;
	}
	return c->record->tables == NIL && c->record->dropped == NIL;
}

bool
record_is_elsewhere(RecordReplay *c)
{
	if (!c->run->dest->elsewhere || c->only_model)
		return false;
	if (concerns(c))
		c->why = "DDL of a PostgreSQL source is not replicated to a destination elsewhere yet";
	return true;
}
