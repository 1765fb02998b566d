/*-------------------------------------------------------------------------
 *
 * ddl_run.c
 *	  Runs statements of a PostgreSQL source here, as its session was and, with
 *	  option owners, as the role that owns what they are on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "access/xact.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static char *
search_path_here(RecordCarry *c)
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
settings_begin(RecordCarry *c)
{
	ListCell   *lc;

	foreach(lc, c->record->settings)
	{
		DdlSetting *s = lfirst(lc);

		set_local(s->name, s->value);
	}
	set_local("search_path", search_path_here(c));
	set_local("check_function_bodies", "off");
	set_local("default_tablespace", "");
	if (superuser() || dts_may_set_replication_role(GetUserId()))
		(void) set_config_option("session_replication_role", "replica",
								 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

static bool
is_passing(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* Is it that what the statement makes is there? */
static bool
is_duplicate(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		sqlerrcode == ERRCODE_DUPLICATE_OBJECT ||
		sqlerrcode == ERRCODE_DUPLICATE_SCHEMA ||
		sqlerrcode == ERRCODE_DUPLICATE_FUNCTION;
}

/*
 * With option owners, as whom the source's statement runs: the owner that its
 * objects have at the source, where that role is here and the task's owner may
 * be it; else InvalidOid, which is the task's owner.
 */
static Oid
role_of_record(RecordCarry *c)
{
	const char *owner = NULL;
	Oid			role;
	ListCell   *lc;

	if (!c->run->options->owners || c->statement == NULL ||
		pg_statement_is_owner(c->statement->tree))
		return InvalidOid;
	foreach(lc, c->record->objects)
	{
		const DdlObject *o = lfirst(lc);

		if (o->owner == NULL || (owner != NULL && strcmp(owner, o->owner) != 0))
			return InvalidOid;
		owner = o->owner;
	}
	role = owner != NULL ? get_role_oid(owner, true) : InvalidOid;
	return OidIsValid(role) && dts_member_can_set_role(GetUserId(), role) ?
		role : InvalidOid;
}

/* Runs statements in a subtransaction; false, and c->why: one failed. */
bool
record_run(RecordCarry *c, List *statements)
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
		TableOwner	owner;
		ListCell   *lc;

		settings_begin(c);
		/* what is left of deferred checks would be in the way */
		task_spi_source("SET CONSTRAINTS ALL IMMEDIATE");
		foreach(lc, statements)
		{
			elog(DEBUG1, "dtsmig DDL: %s", (char *) lfirst(lc));
			if (OidIsValid(role))
				table_owner_become(role, &owner);
			task_spi_source(lfirst(lc));
			if (OidIsValid(role))
				table_owner_end(&owner);
		}
		AtEOXact_GUC(true, nestlevel);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (is_passing(edata->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if ((c->run->options->conflict == CONFLICT_IGNORE || c->merged) &&
			is_duplicate(edata->sqlerrcode))
		{
			done = true;
			c->there = edata->message;
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
