/*-------------------------------------------------------------------------
 *
 * ddl_elsewhere.c
 *	  Statements of a PostgreSQL source at a destination elsewhere.
 *
 * A PostgreSQL server takes them between the rows of their transaction, as this
 * database does. The settings of the source's session are set in the session
 * there, and what it had before is set again after the statement: a savepoint
 * that is released keeps what was set inside of it.
 *
 * Where the account there may not disable triggers, foreign keys and triggers
 * that a statement makes would act on the rows that come: they wait, as those of
 * the schema do, for the end of the task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "core/attempt.h"
#include "core/ddl_settings.h"
#include "miscadmin.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "worker/destination.h"

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
	if (!c->run->dest->mysql_sql || c->only_model)
		return false;
	if (concerns(c))
		c->why = "DDL of a PostgreSQL source is not replicated to a destination elsewhere yet";
	return true;
}

void
record_note_type_names(RecordReplay *c)
{
	static const char *const tags[] = {"ALTER TYPE", "ALTER DOMAIN", "ALTER SCHEMA",
	"ALTER EXTENSION", "ALTER TABLE"};
	bool		may_rename = false;

	for (int i = 0; i < lengthof(tags); i++)
		may_rename |= strcmp(c->record->tag, tags[i]) == 0;
	if (!c->run->dest->elsewhere || !may_rename)
		return;
	/* a table's name is that of its row type */
	if (c->statement != NULL && IsA(c->statement->tree, AlterTableStmt))
		return;
	for (int i = 0; i < c->run->nrels; i++)
	{
		ListCell   *lc;

		foreach(lc, c->run->rels[i]->def->columns)
		{
			const TableColumn *col = lfirst(lc);

			if (col->base_type == NULL || col->base_type[0] != '\0')
				continue;
			record_note_changed(c, c->run->rels[i]->table_id);
			break;
		}
	}
}

bool
record_is_superuser(RecordReplay *c)
{
	if (!c->run->dest->elsewhere)
		return superuser();
	return !c->run->dest->mysql_sql &&
		c->run->dest->value("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper") != NULL;
}

/* ---------------------------------------------------------------- settings */

static void
run_select(void *arg)
{
	(void) destination()->value(arg);
}

static char *
set_one(const DdlSetting *s)
{
	return psprintf("pg_catalog.set_config(%s, %s, true)", quote_literal_cstr(s->name),
					quote_literal_cstr(s->value));
}

static char *
set_all(List *settings)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, settings)
		appendStringInfo(&sql, "%s%s", sql.len ? ", " : "SELECT ARRAY[", set_one(lfirst(lc)));
	appendStringInfoString(&sql, "]::pg_catalog.text");
	return sql.data;
}

/* Those of these names as they are there now; unknown ones are left out. */
static List *
read_settings(List *settings)
{
	StringInfoData sql;
	char	  **values;
	List	   *now = NIL;
	ListCell   *lc;
	int			i = 0;

	initStringInfo(&sql);
	foreach(lc, settings)
		appendStringInfo(&sql, "%spg_catalog.current_setting(%s, true)",
						 sql.len ? ", " : "SELECT ARRAY[",
						 quote_literal_cstr(((DdlSetting *) lfirst(lc))->name));
	appendStringInfoString(&sql, "]::pg_catalog.text");
	values = destination_texts(sql.data, list_length(settings));
	foreach(lc, settings)
	{
		DdlSetting *s = palloc(sizeof(DdlSetting));

		s->name = ((DdlSetting *) lfirst(lc))->name;
		s->value = values != NULL ? values[i++] : NULL;
		if (s->value != NULL)
			now = lappend(now, s);
	}
	return now;
}

static DdlSetting *
setting(const char *name, const char *value)
{
	DdlSetting *s = palloc(sizeof(DdlSetting));

	s->name = pstrdup(name);
	s->value = pstrdup(value);
	return s;
}

List *
record_settings_begin(RecordReplay *c, const char *search_path)
{
	List	   *wanted = list_make3(setting("search_path", search_path),
									setting("check_function_bodies", "off"),
									setting("default_tablespace", ""));
	List	   *before;
	ListCell   *lc;

	foreach(lc, c->record->settings)
		wanted = lappend(wanted, lfirst(lc));
	before = read_settings(wanted);
	c->unset = NIL;
	if (attempt(run_select, set_all(wanted)) == NULL)
		return before;
	/* a locale that the operating system there does not have, for one */
	foreach(lc, wanted)
	{
		DdlSetting *s = lfirst(lc);
		ErrorData  *edata = attempt(run_select, psprintf("SELECT %s", set_one(s)));

		if (edata == NULL)
			continue;
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION) ||
			ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
			ReThrowError(edata);
		c->unset = lappend(c->unset, s);
	}
	return before;
}

List *
settings_there(void)
{
	List	   *names = list_make2(setting("search_path", ""),
								   setting("session_replication_role", ""));

	for (int i = 0; ddl_setting_names[i] != NULL; i++)
		names = lappend(names, setting(ddl_setting_names[i], ""));
	return read_settings(names);
}

void
settings_set_there(List *before)
{
	List	   *changed = NIL;
	List	   *now = read_settings(before);
	ListCell   *lc;
	ListCell   *lc2;

	/* an account may not have the right to set what it has not set */
	forboth(lc, before, lc2, now)
		if (strcmp(((DdlSetting *) lfirst(lc))->value,
				   ((DdlSetting *) lfirst(lc2))->value) != 0)
			changed = lappend(changed, lfirst(lc));
	if (changed != NIL)
		run_select(set_all(changed));
}

