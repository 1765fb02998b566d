/*-------------------------------------------------------------------------
 *
 * precheck_elsewhere.c
 *	  The destination's side of the precheck, where that is another server:
 *	  asked over its session. What concerns this server, on which the task
 *	  runs, is in precheck_dest.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include "store/table.h"
#include "schema/plan.h"
#include "utils/builtins.h"

/* From here on the plan's statements and ours are understood. */
#define OLDEST_VERSION 120000

static bool
is_true(PrecheckContext *pc, const char *sql)
{
	char	   *value = pc->dest->value(sql);

	return value != NULL && value[0] == 't';
}

static bool
has_table(PrecheckContext *pc, const TableDef *def)
{
	return is_true(pc, psprintf("SELECT pg_catalog.to_regclass(%s) IS NOT NULL",
								quote_literal_cstr(plan_table_name(def))));
}

static bool
has_schema(PrecheckContext *pc, const char *schema)
{
	return is_true(pc, psprintf("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s)",
								quote_literal_cstr(schema)));
}

/* Did this task make it? */
static bool
is_own(PrecheckContext *pc, const TableDef *def)
{
	return store_table_is_target(pc->task->id, def->target_schema, def->target_name);
}

/* Tables in the way, or not there; and two of the source that would be one. */
void
precheck_tables_elsewhere(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *name = plan_table_name(def);
		bool		there;

		if (!model_has_rows(def))
			continue;
		for_each_cell(lc2, tables, lnext(tables, lc))
		{
			TableDef   *other = lfirst(lc2);

			if (!model_has_rows(other) ||
				strcmp(plan_table_name(other), name) != 0)
				continue;
			precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						 psprintf("tables %s.%s and %s.%s would both become %s, which is not possible yet where the destination is elsewhere",
								  def->schema, def->name, other->schema, other->name, name),
						 "Give one of them another name with a rule in objects.");
			clean = false;
		}
		there = has_table(pc, def);
		if (!there && !pc->task->do_schema)
			precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						 psprintf("table %s does not exist, and schema migration was not asked for", name),
						 "Create it, or add schema to migration_types.");
		else if (there && pc->task->do_schema && !is_own(pc, def))
			precheck_sql(precheck_add(items, "same_name_tables", PRECHECK_FAILED,
									  psprintf("table %s exists at the destination", name),
									  "Or rename it, or the target with a rule in objects."),
						 AT_DESTINATION, "DROP TABLE %s", name);
		else
			continue;
		clean = false;
	}
	if (clean)
		precheck_add(items, "same_name_tables", PRECHECK_PASSED,
					 pc->task->do_schema ? "no target table is in the way" :
					 "all target tables exist", NULL);
}

void
precheck_kind_elsewhere(PrecheckContext *pc, List **items)
{
	DestIdentity identity;
	const DestIdentity *id = &identity;
	SourceIdentity source;
	StringInfoData found;
	char	   *advice = NULL;
	const char *status;
	char	   *lock;

	pc->dest->identify(&identity);
	if (id->version_num < OLDEST_VERSION)
	{
		precheck_add(items, "destination_kind", PRECHECK_FAILED,
					 psprintf("the destination is PostgreSQL %s", id->version),
					 "Destinations from version 12 on are supported.");
		return;
	}
	memset(&source, 0, sizeof(source));
	pc->source->identify(pc->conn, &source);
	if (pc->source->own_definitions && pc->task->do_schema &&
		source.version_num / 10000 > id->version_num / 10000)
	{
		precheck_add(items, "destination_kind", PRECHECK_FAILED,
					 psprintf("the destination is PostgreSQL %s, the source is newer", id->version),
					 "Definitions of a PostgreSQL source need a destination of its version or a later one.");
		return;
	}
	initStringInfo(&found);
	appendStringInfo(&found, "server \"%s\": %s%s%s, database %s, role %s, %s; ",
					 pc->task->destination, id->product,
					 strcmp(id->product, "PostgreSQL") == 0 ? " " : ", PostgreSQL ",
					 id->version, id->database, id->account,
					 id->tls ? "encrypted" : "not encrypted");
	status = precheck_probe_text(pc->probe, &found, &advice);
	lock = pc->dest->value("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'gp_enable_global_deadlock_detector'");
	if (lock != NULL && strcmp(lock, "off") == 0 && strcmp(status, PRECHECK_PASSED) == 0)
	{
		status = PRECHECK_WARNING;
		appendStringInfoString(&found, "; gp_enable_global_deadlock_detector is off: UPDATE and DELETE lock whole tables, the ledger, too");
		advice = "Run gpconfig -c gp_enable_global_deadlock_detector -v on, and restart the cluster; or set option copy_workers to 1, and ignore it.";
	}
	precheck_add(items, "destination_kind", status, found.data, advice);
}

static void
check_server(PrecheckContext *pc, List **items)
{
	char	   *encoding = pc->dest->value("SELECT pg_catalog.current_setting('server_encoding')");

	if (is_true(pc, "SELECT pg_catalog.pg_is_in_recovery()"))
		precheck_add(items, "destination_writable", PRECHECK_FAILED,
					 "the destination is a standby",
					 "Let the server's options name its primary, or promote it.");
	else
		precheck_add(items, "destination_writable", PRECHECK_PASSED,
					 "the destination takes writes", NULL);
	if (encoding != NULL && strcmp(encoding, "UTF8") == 0)
		precheck_add(items, "encoding", PRECHECK_PASSED, "UTF8", NULL);
	else
		precheck_add(items, "encoding", PRECHECK_WARNING,
					 psprintf("the destination's encoding is %s: text that it cannot hold stops the task",
							  encoding ? encoding : "unknown"),
					 "Use a database with encoding UTF8.");
}

static void
lacks(List **items, PrecheckItem **item, StringInfo found, const char *what, char *sql)
{
	if (*item == NULL)
		*item = precheck_add(items, "destination_privileges", PRECHECK_FAILED, NULL, NULL);
	appendStringInfo(found, "%s%s", found->len ? ", " : "", what);
	precheck_sql(*item, AT_DESTINATION, "%s", sql);
}

static void
check_privileges(PrecheckContext *pc, const DestIdentity *id, List *tables, List **items)
{
	char	   *role = pstrdup(quote_identifier(id->account));
	PrecheckItem *item = NULL;
	StringInfoData found;
	List	   *seen = NIL;
	ListCell   *lc;
	bool		makes = !has_schema(pc, pc->options->ledger_schema);

	initStringInfo(&found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *schema = def->target_schema;
		char	   *table = plan_table_name(def);
		ListCell   *lc2;
		bool		known = false;

		foreach(lc2, seen)
			known = known || strcmp(lfirst(lc2), schema) == 0;
		if (!known)
		{
			seen = lappend(seen, schema);
			if (!has_schema(pc, schema))
				makes |= pc->task->do_schema;
			else if (!is_true(pc, psprintf("SELECT pg_catalog.has_schema_privilege(%s, 'USAGE')%s",
										   quote_literal_cstr(schema),
										   pc->task->do_schema ? psprintf(" AND pg_catalog.has_schema_privilege(%s, 'CREATE')",
																		  quote_literal_cstr(schema)) : "")))
				lacks(items, &item, &found, psprintf("USAGE%s on schema %s",
													 pc->task->do_schema ? ", CREATE" : "", schema),
					  psprintf("GRANT USAGE%s ON SCHEMA %s TO %s",
							   pc->task->do_schema ? ", CREATE" : "",
							   quote_identifier(schema), role));
		}
		if (model_has_rows(def) && !pc->task->do_schema && has_table(pc, def) &&
			!is_true(pc, psprintf("SELECT pg_catalog.has_table_privilege(%s, 'SELECT') AND "
								  "pg_catalog.has_table_privilege(%s, 'INSERT') AND "
								  "pg_catalog.has_table_privilege(%s, 'UPDATE') AND "
								  "pg_catalog.has_table_privilege(%s, 'DELETE')",
								  quote_literal_cstr(table), quote_literal_cstr(table),
								  quote_literal_cstr(table), quote_literal_cstr(table))))
			lacks(items, &item, &found,
				  psprintf("SELECT, INSERT, UPDATE, DELETE on %s", table),
				  psprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s", table, role));
	}
	if (makes && !is_true(pc, "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"))
		lacks(items, &item, &found, "CREATE on the database",
			  psprintf("GRANT CREATE ON DATABASE %s TO %s", quote_identifier(id->database), role));
	else if (!makes &&
			 !is_true(pc, psprintf("SELECT pg_catalog.has_schema_privilege(%s, 'USAGE') AND "
								   "(pg_catalog.to_regclass(%s) IS NOT NULL OR pg_catalog.has_schema_privilege(%s, 'CREATE'))",
								   quote_literal_cstr(pc->options->ledger_schema),
								   quote_literal_cstr(quote_qualified_identifier(pc->options->ledger_schema, "dtsmig_ledger")),
								   quote_literal_cstr(pc->options->ledger_schema))))
		lacks(items, &item, &found, psprintf("USAGE, CREATE on schema %s, for the ledger", pc->options->ledger_schema),
			  psprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s",
					   quote_identifier(pc->options->ledger_schema), role));
	if (item == NULL)
		precheck_add(items, "destination_privileges", PRECHECK_PASSED,
					 psprintf("role %s may do what the task does", role), NULL);
	else
		item->found = psprintf("role %s lacks: %s", role, found.data);
}

static void
check_tables(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *hint;
		char	   *reason;

		if (!model_has_rows(def))
			continue;
		reason = pc->dest->refuses_table(def->target_schema, def->target_name, &hint);
		if (reason == NULL)
			continue;
		precheck_add(items, "destination_tables", PRECHECK_FAILED,
					 psprintf("%s is not a plain table: %s", plan_table_name(def), reason),
					 hint);
		clean = false;
	}
	if (clean)
		precheck_add(items, "destination_tables", PRECHECK_PASSED,
					 "existing tables can be written to", NULL);
}

static void
check_triggers(PrecheckContext *pc, const DestIdentity *id, List **items)
{
	if (id->disables_triggers)
	{
		precheck_add(items, "session_replication_role", PRECHECK_PASSED,
					 "triggers and foreign keys are disabled while changes are applied",
					 NULL);
		return;
	}
	precheck_sql(precheck_add(items, "session_replication_role", PRECHECK_WARNING,
							  psprintf("role %s may not set session_replication_role: triggers and foreign keys of the destination act on the rows that arrive",
									   id->account),
							  pc->task->do_schema && pc->task->do_incremental ?
							  "Or ignore it: foreign keys and triggers that the task would make stand in task_objects as waiting, and are made by cutover; after release_task they are left for you to make. Existing ones should be dropped or disabled until then." :
							  "Or drop or disable those that exist until the task is over, and ignore this."),
				 AT_DESTINATION, "GRANT SET ON PARAMETER session_replication_role TO %s",
				 quote_identifier(id->account));
}

static void
check_superuser(PrecheckContext *pc, const DestIdentity *id, List **items)
{
	if (!pc->source->own_definitions || !pc->task->do_schema || pc->options->superuser_ddl ||
		!is_true(pc, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"))
		return;
	precheck_sql(precheck_add(items, "destination_role", PRECHECK_FAILED,
							  psprintf("role %s is a superuser at the destination, and definitions of the source run as it: whoever may create objects at the source can do anything at the destination",
									   id->account),
							  "Use a role that is no superuser in the user mapping; or accept that with this, if all who may create objects at the source are trusted."),
				 AT_DESTINATION, "SELECT dtsmig.alter_task(%s, '{\"superuser_ddl\": true}')",
				 quote_literal_cstr(pc->task->name));
}

void
precheck_elsewhere(PrecheckContext *pc, List *tables, List **items)
{
	DestIdentity id;
	bool		planned = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		planned &= def->target_schema != NULL && def->target_name != NULL;
	}
	pc->dest->identify(&id);
	precheck_kind_elsewhere(pc, items);
	precheck_empty_strings(pc, planned ? tables : NIL, items);
	check_server(pc, items);
	check_superuser(pc, &id, items);
	check_privileges(pc, &id, planned ? tables : NIL, items);
	check_tables(pc, planned ? tables : NIL, items);
	check_triggers(pc, &id, items);
}
