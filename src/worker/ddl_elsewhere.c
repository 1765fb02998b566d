/*-------------------------------------------------------------------------
 *
 * ddl_elsewhere.c
 *	  Statements of a PostgreSQL source at a destination elsewhere.
 *
 * A PostgreSQL server takes them between the rows of their transaction, as this
 * database does. The settings of the source's session are set in the destination's
 * session, and what that had before is set again after the statement: a savepoint
 * that is released keeps what was set inside of it.
 *
 * Where its account may not disable triggers, foreign keys and triggers
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
#include "store/object.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "worker/destination.h"

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

/* ----------------------------------------------------------------- catalog */

char **
record_missing_value(const char *table, const char *column)
{
	const char *sql = "SELECT %spg_catalog.format_type(a.atttypid, a.atttypmod), "
		"a.attmissingval::pg_catalog.text%s FROM pg_catalog.pg_attribute a "
		"WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s";
	StoreRows   *rows;

	if (destination()->elsewhere)
		return destination_texts(psprintf(sql, "ARRAY[", "]::pg_catalog.text",
										  quote_literal_cstr(table),
										  quote_literal_cstr(column)), 2);
	rows = store_query(psprintf(sql, "", "", "$1", "$2"), "tt", table, column);
	return rows->nrows > 0 ? rows->values[0] : NULL;
}

bool
record_has_procedure(const char *name)
{
	const char *sql = "SELECT 1 WHERE pg_catalog.to_regprocedure(%s) IS NOT NULL";

	if (destination()->elsewhere)
		return destination()->value(psprintf(sql, quote_literal_cstr(name))) != NULL;
	return store_query(psprintf(sql, "$1"), "t", name)->nrows > 0;
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

/* Those of these names as they are now; unknown ones are left out. */
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
	/* a locale that the operating system does not have, for one */
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
dest_settings(void)
{
	List	   *names = list_make2(setting("search_path", ""),
								   setting("session_replication_role", ""));

	for (int i = 0; ddl_setting_names[i] != NULL; i++)
		names = lappend(names, setting(ddl_setting_names[i], ""));
	return read_settings(names);
}

void
dest_settings_set(List *before)
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


/* ---------------------------------------------------- what would act on rows */

#define ACTING_FIELDS 6

/* What acts on rows of the tables of the record; a condition is to follow. */
static char *
acting_query(RecordReplay *c, const char *columns, const char *condition)
{
	static const struct
	{
		const char *kind;
		const char *from;		/* of x, with x.oid, and the relation r */
		const char *name;
		const char *make;
		const char *drop;
	}			kinds[] = {
		{"foreign key", "pg_catalog.pg_constraint x JOIN pg_catalog.pg_class r ON r.oid = x.conrelid "
			"AND x.contype = 'f' AND x.conparentid = 0", "x.conname",
			"pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, r.relname, x.conname, pg_catalog.pg_get_constraintdef(x.oid))",
			"pg_catalog.format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, r.relname, x.conname)"},
		{"trigger", "pg_catalog.pg_trigger x JOIN pg_catalog.pg_class r ON r.oid = x.tgrelid AND NOT x.tgisinternal",
			"x.tgname", "pg_catalog.pg_get_triggerdef(x.oid)",
			"pg_catalog.format('DROP TRIGGER %I ON %I.%I', x.tgname, n.nspname, r.relname)"},
		{"rule", "pg_catalog.pg_rewrite x JOIN pg_catalog.pg_class r ON r.oid = x.ev_class AND r.relkind IN ('r', 'p')",
			"x.rulename", "pg_catalog.rtrim(pg_catalog.pg_get_ruledef(x.oid), ';')",
		"pg_catalog.format('DROP RULE %I ON %I.%I', x.rulename, n.nspname, r.relname)"},
	};
	StringInfoData tables;
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&tables);
	foreach(lc, c->record->objects)
	{
		const DdlObject *o = lfirst(lc);
		char	   *schema;
		char	   *name;

		if (o->schema != NULL && o->table != NULL &&
			record_target_relation(c, o->schema, o->table, &schema, &name))
			appendStringInfo(&tables, "%spg_catalog.to_regclass(%s)",
							 tables.len ? ", " : "",
							 quote_literal_cstr(quote_qualified_identifier(schema, name)));
	}
	if (tables.len == 0)
		return NULL;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT ARRAY(SELECT %s FROM (", columns);
	for (int i = 0; i < lengthof(kinds); i++)
		appendStringInfo(&sql, "%sSELECT x.oid, '%s' AS kind, n.nspname AS schema, "
						 "r.relname AS relation, %s AS name, %s AS make, %s AS drop "
						 "FROM %s JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace "
						 "WHERE r.oid IN (%s)", i ? " UNION ALL " : "", kinds[i].kind,
						 kinds[i].name, kinds[i].make, kinds[i].drop, kinds[i].from,
						 tables.data);
	appendStringInfo(&sql, ") acting WHERE %s ORDER BY oid)::pg_catalog.text", condition);
	return sql.data;
}

char *
record_acting(RecordReplay *c)
{
	char	   *query;

	if (!destination_defers("foreign key", c->run->task->do_incremental))
		return NULL;
	query = acting_query(c, "oid", "true");
	return query ? destination()->value(query) : NULL;
}

static char *
waiting_key(RecordReplay *c)
{
	return psprintf("waiting:%s", c->position);
}

/* As those of the schema are called. */
static char *
waiting_name(const char *schema, const char *table, const char *name)
{
	return psprintf("%s.%s %s", schema, table, name);
}

/* Each of c->waiting, an array of texts, is the text of an array of ACTING_FIELDS. */
static char **
waiting_fields(const char *object)
{
	int			n = 0;
	char	  **f = object ? destination_texts_of(object, &n) : NULL;

	for (int i = 0; f != NULL && i < n; i++)
		if (f[i] == NULL)
			n = 0;
	if (n != ACTING_FIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the destination describes a constraint, trigger or rule in a form that is not known")));
	return f;
}

void
record_keep_waiting(RecordReplay *c)
{
	int			n;
	char	  **objects;

	if (c->waiting == NULL)
		return;
	objects = destination_texts_of(c->waiting, &n);
	for (int i = 0; i < n; i++)
	{
		char	  **f = waiting_fields(objects[i]);

		object_keep_waiting(c->run->task->id, f[1], f[2], f[0],
							waiting_name(f[1], f[2], f[3]), f[4]);
		task_log_event(c->run->task->id, "warning",
					   psprintf("%s \"%s\" waits for the end of the task", f[0], f[3]),
					   "The account at the destination may not set session_replication_role, so that it would act on the rows that the task writes.",
					   psprintf("Run when the task is over: %s;", f[4]), NULL);
	}
	c->waiting = NULL;
}

void
record_leave_waiting(RecordReplay *c, const char *before)
{
	char	   *query;
	char	   *answer;
	char	  **objects;
	int			n;

	/* names with their schemas */
	(void) destination()->value("SELECT pg_catalog.set_config('search_path', '', true)");
	query = acting_query(c, "ARRAY[kind, schema, relation, name, make, drop]::pg_catalog.text",
						 psprintf("oid <> ALL (%s::pg_catalog.oid[])", quote_literal_cstr(before)));
	answer = query ? destination()->value(query) : NULL;
	if (answer == NULL || strcmp(answer, "{}") == 0)
		return;
	objects = destination_texts_of(answer, &n);
	for (int i = 0; i < n; i++)
		task_spi_source(waiting_fields(objects[i])[5]);
	c->waiting = answer;
	/* a hub that dies before it commits learns of them by that */
	if (destination()->claim(waiting_key(c)) == NULL)
		destination()->record(waiting_key(c), answer);
}

void
record_find_waiting(RecordReplay *c)
{
	char	   *answer = destination()->recorded(waiting_key(c));

	c->waiting = answer != NULL && answer[0] != '\0' ? answer : NULL;
}

bool
record_drops_waiting(RecordReplay *c)
{
	const AlterTableStmt *stmt = (const AlterTableStmt *) c->statement->tree;
	const DdlTableState *t = c->record->tables != NIL ? linitial(c->record->tables) : NULL;
	SourceRelation *rel;
	ListCell   *lc;
	int			n = 0;

	if (!c->run->dest->elsewhere || t == NULL || !IsA(stmt, AlterTableStmt))
		return false;
	rel = record_relation(c, t->def->source_id, t->def->schema, t->def->name);
	if (rel == NULL)
		return false;
	foreach(lc, stmt->cmds)
	{
		const AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DropConstraint && cmd->name != NULL &&
			(object_forget_waiting(c->run->task->id, "foreign key",
								   waiting_name(rel->target_schema, rel->name, cmd->name)) ||
			 object_forget_waiting(c->run->task->id, "foreign key",
								   waiting_name(rel->target_schema, rel->target_name,
												cmd->name))))
			n++;
	}
	return n > 0 && n == list_length(stmt->cmds);
}
