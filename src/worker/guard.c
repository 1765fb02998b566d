/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  No way around the triggers of other people's tables.
 *
 * A worker disables triggers and foreign keys, whoever owns its task; the
 * destination checks that the owner may do so to the tables of the task. But
 * code of the owner runs in it, too: checks, defaults and generated columns
 * of the owner's tables, ETL expressions. Through a function in one of them,
 * or a SECURITY DEFINER function of somebody else, it could write to a table
 * on which the owner has only been granted INSERT, without the triggers that
 * the table's owner relies on. So every statement that writes is looked at,
 * TRUNCATE, too. Code of the owner of a table that is not the task's owner's is
 * held to what that role owns. And what makes or alters objects at the
 * destination is seen by the destination's event triggers, as in any session.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "worker/worker.h"

#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

static ExecutorCheckPerms_hook_type next_hook = NULL;
static ProcessUtility_hook_type next_utility = NULL;
/* The owner of the task; InvalidOid: nothing is guarded. */
static Oid	guarded = InvalidOid;
/* Utility statements that have begun, and is the outermost the worker's own? */
static int	depth = 0;
static bool own_statement = false;

/* Who must own what is written: the task's owner, or that of the table at hand. */
static Oid
writer(void)
{
	return OidIsValid(table_owner_acting()) ? table_owner_acting() : guarded;
}

static bool
may_write(Oid relid)
{
	if (!OidIsValid(guarded) ||
		SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA ||
		dts_table_ownercheck(relid, writer()) ||
		dts_may_set_replication_role(writer()))
		return true;
	/* the catalog and temporary tables have no triggers of others */
	return get_rel_namespace(relid) == get_namespace_oid("dtsmig", true) ||
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP;
}

pg_noreturn static void refuse(Oid relid);

static void
refuse(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s", get_rel_name(relid)),
			 errdetail("Triggers and foreign keys are disabled while changes are applied."),
			 errhint("Make role \"%s\" a member of the role that owns the table.",
					 GetUserNameFromId(writer(), false))));
}

static bool
check_writes(DTS_CHECK_PERMS_ARGS)
{
	ListCell   *lc;

	foreach(lc, permissions)
	{
		DtsPermission *p = lfirst(lc);

		if (!dts_permission_is_table(p) ||
			(p->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) == 0 ||
			may_write(p->relid))
			continue;
		if (!raise)
			return false;
		refuse(p->relid);
	}
	return next_hook == NULL || next_hook(DTS_CHECK_PERMS_PASS);
}

/* The executor is not asked about these. */
static void
check_truncate(const TruncateStmt *stmt)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		Oid			relid = RangeVarGetRelid(lfirst_node(RangeVar, lc), NoLock, true);

		if (OidIsValid(relid))
			relids = lappend_oid(relids, relid);
	}
	for (List *more = relids; stmt->behavior == DROP_CASCADE && more != NIL;)
	{
		more = list_difference_oid(heap_truncate_find_FKs(relids), relids);
		relids = list_concat(relids, more);
	}
	foreach(lc, relids)
		if (!may_write(lfirst_oid(lc)))
			refuse(lfirst_oid(lc));
}

/*
 * Is the statement seen by event triggers, whoever holds triggers back? Not the
 * worker's own, where the role that it runs for is one that may do that.
 */
static bool
is_watched(Node *stmt)
{
	if (!OidIsValid(guarded) || GetCommandLogLevel(stmt) != LOGSTMT_DDL ||
		SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return false;
	if (own_statement && depth == 0)
		return !dts_may_set_replication_role(guarded);
	return !dts_may_set_replication_role(writer());
}

static void
check_utility(PlannedStmt *pstmt, const char *query, bool read_only,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *environment, DestReceiver *dest,
			  QueryCompletion *completion)
{
	Node	   *stmt = pstmt->utilityStmt;
	volatile int nestlevel = 0;

	if (OidIsValid(guarded) && IsA(stmt, TruncateStmt))
		check_truncate((TruncateStmt *) stmt);
	if (is_watched(stmt))
	{
		nestlevel = NewGUCNestLevel();
		(void) set_config_option("session_replication_role", "origin",
								 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	}
	depth++;
	PG_TRY();
	{
		if (next_utility != NULL)
			next_utility(pstmt, query, read_only, context, params, environment,
						 dest, completion);
		else
			standard_ProcessUtility(pstmt, query, read_only, context, params,
									environment, dest, completion);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	if (nestlevel > 0)
		AtEOXact_GUC(true, nestlevel);
}

void
guard_own_statement(bool own)
{
	own_statement = own;
}

void
guard_begin(Oid role)
{
	static bool installed = false;

	if (!installed)
	{
		installed = true;
		next_hook = ExecutorCheckPerms_hook;
		ExecutorCheckPerms_hook = check_writes;
		next_utility = ProcessUtility_hook;
		ProcessUtility_hook = check_utility;
	}
	guarded = role;
	own_statement = false;
}

void
guard_end(void)
{
	guarded = InvalidOid;
}
