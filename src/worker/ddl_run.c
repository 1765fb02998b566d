/*-------------------------------------------------------------------------
 *
 * ddl_run.c
 *	  Runs a DDL statement of a PostgreSQL source, with the settings of the
 *	  session that it ran in and, with option owners, as the role that owns
 *	  what it is on.
 *
 * A setting that cannot be had at the destination (a locale that is not
 * installed) is noted: where rows that were written again, or literals, depend
 * on it, the table is copied again, or the statement is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "access/xact.h"
#include "store/sql.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "worker/destination.h"
#include "worker/statement.h"
#include "worker/worker.h"

static const char *
unset_value(RecordReplay *c, const char *name)
{
	ListCell   *lc;

	foreach(lc, c->unset)
	{
		const DdlSetting *s = lfirst(lc);

		if (strcmp(s->name, name) == 0)
			return s->value;
	}
	return NULL;
}

static bool
has_money(const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->base_type != NULL && strcmp(col->base_type, "money") == 0)
			return true;
	}
	return false;
}

bool
record_any_function(List *functions, const char *condition)
{
	StringInfoData list;
	char	   *sql;
	ListCell   *lc;

	if (functions == NIL)
		return false;
	initStringInfo(&list);
	foreach(lc, functions)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "",
						 quote_literal_cstr(lfirst(lc)));
	sql = psprintf("SELECT 1 FROM pg_catalog.pg_proc WHERE proname IN (%s) AND (%s) LIMIT 1",
				   list.data, condition);
	if (destination()->elsewhere)
		return destination()->value(sql) != NULL;
	return store_query(sql, "")->nrows > 0;
}

/* Does one of these functions, or something below it, write by a locale? */
static bool
may_format(List *functions)
{
	return record_any_function(functions,
							   "pronamespace <> 'pg_catalog'::pg_catalog.regnamespace OR proname IN "
							   "('to_char', 'to_number', 'to_date', 'to_timestamp', 'to_tsvector', 'to_tsquery', "
							   "'plainto_tsquery', 'phraseto_tsquery', 'websearch_to_tsquery', 'ts_headline')");
}

bool
record_locale_matters(RecordReplay *c, const TableDef *def, List *functions)
{
	SourceRelation *rel;

	if (c->unset == NIL)
		return false;
	rel = record_relation(c, def->source_id, def->schema, def->name);
	if (unset_value(c, "lc_monetary") != NULL &&
		(has_money(def) || (rel != NULL && has_money(rel->def))))
		return true;
	return may_format(functions);
}

/* Amounts in the statement would be read as others, without a word. */
static void
refuse_unsure_money(RecordReplay *c)
{
	const char *value = unset_value(c, "lc_monetary");
	ListCell   *lc;

	if (value == NULL || c->record->text == NULL ||
		strchr(c->record->text, '\'') == NULL)
		return;
	foreach(lc, c->record->tables)
		if (has_money(((DdlTableState *) lfirst(lc))->def))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("locale \"%s\" (lc_monetary of the session at the source) is not installed at the destination, and the statement may hold amounts of type money",
							value)));
}

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static char *
dest_search_path(RecordReplay *c)
{
	StringInfoData path;
	ListCell   *lc;

	initStringInfo(&path);
	foreach(lc, c->record->path)
		appendStringInfo(&path, "%s%s", path.len ? ", " : "",
						 quote_identifier(record_target_schema(c, lfirst(lc))));
	return path.len ? path.data : pstrdup("\"\"");
}

/* As the source's session was, as far as the text depends on it. */
static void
settings_begin(RecordReplay *c)
{
	ListCell   *lc;

	c->unset = NIL;
	foreach(lc, c->record->settings)
	{
		DdlSetting *s = lfirst(lc);

		/*
		 * a locale that the destination's operating system does not have, for
		 * one
		 */
		if (set_config_option(s->name, s->value, PGC_USERSET, PGC_S_SESSION,
							  GUC_ACTION_SAVE, true, DEBUG1, false) <= 0)
			c->unset = lappend(c->unset, s);
	}
	set_local("search_path", dest_search_path(c));
	set_local("check_function_bodies", "off");
	set_local("default_tablespace", "");
	if (superuser() || dts_may_set_replication_role(GetUserId()))
		(void) set_config_option("session_replication_role", "replica",
								 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

/* Is it that what the statement makes exists? */
static bool
is_duplicate(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		sqlerrcode == ERRCODE_DUPLICATE_OBJECT ||
		sqlerrcode == ERRCODE_DUPLICATE_SCHEMA ||
		sqlerrcode == ERRCODE_DUPLICATE_FUNCTION;
}

/*
 * A role of the source that exists at the destination, and that the task's
 * owner may be.
 */
static Oid
dest_role(const char *name)
{
	Oid			role = name != NULL ? get_role_oid(name, true) : InvalidOid;

	return OidIsValid(role) && dts_member_can_set_role(GetUserId(), role) ?
		role : InvalidOid;
}

bool
record_grants_for_sure(RecordReplay *c)
{
	bool		names_role;

	if (!pg_statement_is_grant(c->statement->tree, &names_role) ||
		(c->run->options->owners && OidIsValid(dest_role(c->record->caller))))
		return true;
	return c->record->caller_super && names_role;
}

/*
 * With option owners, as whom the source's statement runs: the owner that its
 * objects have at the source, or whoever grants privileges at the source, where
 * that role is at the destination and the task's owner may be it; else
 * InvalidOid, which is the task's owner.
 */
static Oid
role_of_record(RecordReplay *c)
{
	const char *owner = NULL;
	bool		names_role;
	ListCell   *lc;

	if (!c->run->options->owners || c->statement == NULL)
		return InvalidOid;
	if (pg_statement_is_grant(c->statement->tree, &names_role))
		return dest_role(c->record->caller);
	if (pg_statement_is_owner(c->statement->tree))
		return InvalidOid;
	foreach(lc, c->record->objects)
	{
		const DdlObject *o = lfirst(lc);

		if (o->owner == NULL || (owner != NULL && strcmp(owner, o->owner) != 0))
			return InvalidOid;
		owner = o->owner;
	}
	return dest_role(owner);
}

/* Runs statements in a subtransaction; false, and c->why: one failed. */
bool
record_run(RecordReplay *c, List *statements)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	if (statements == NIL)
		return true;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		int			nestlevel = NewGUCNestLevel();
		Oid			role = role_of_record(c);
		TableOwner	table_owner;
		List	   *before = NIL;
		char	   *acting = NULL;
		ListCell   *lc;

		MemoryContextSwitchTo(cxt);
		/* this process parses texts, wherever they run */
		settings_begin(c);
		if (destination()->elsewhere)
		{
			before = record_settings_begin(c, dest_search_path(c));
			acting = record_acting(c);
		}
		refuse_unsure_money(c);
		/* what is left of deferred checks would be in the way */
		task_spi_source("SET CONSTRAINTS ALL IMMEDIATE");
		foreach(lc, statements)
		{
			elog(DEBUG1, "dtsmig DDL: %s", (char *) lfirst(lc));
			if (OidIsValid(role))
				table_owner_become(role, &table_owner);
			guard_own_statement(true);
			task_spi_source(lfirst(lc));
			guard_own_statement(false);
			if (OidIsValid(role))
				table_owner_end(&table_owner);
		}
		if (acting != NULL)
			record_leave_waiting(c, acting);
		if (before != NIL)
			dest_settings_set(before);
		AtEOXact_GUC(true, nestlevel);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		guard_own_statement(false);
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!statement_is_wrong(edata->sqlerrcode))
			ReThrowError(edata);
		if ((c->run->options->conflict == CONFLICT_IGNORE || c->merged) &&
			is_duplicate(edata->sqlerrcode))
		{
			done = true;
			c->exists = edata->message;
		}
		else
			c->why = psprintf("At the destination: %s%s%s", edata->message,
							  edata->detail ? ". " : "",
							  edata->detail ? edata->detail : "");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return done;
}
