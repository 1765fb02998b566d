/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  No way around the triggers of other people's tables.
 *
 * A worker holds back triggers and foreign keys, whoever owns its task; the
 * destination checks that the owner may do so to the tables of the task. But
 * code of the owner runs there, too: checks, defaults and generated columns
 * of the owner's tables, ETL expressions. Through a function in one of them,
 * or a SECURITY DEFINER function of somebody else, it could write to a table
 * on which the owner has only been granted INSERT, without the triggers that
 * the table's owner relies on. So every statement that writes is looked at.
 * Code of the owner of a table that is not the task's owner's is held to what
 * that role owns.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "worker/worker.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

static ExecutorCheckPerms_hook_type next_hook = NULL;
/* The owner of the task; InvalidOid: nothing is guarded. */
static Oid	guarded = InvalidOid;

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
	/* the books and temporary tables have no triggers of others */
	return get_rel_namespace(relid) == get_namespace_oid("dtsmig", true) ||
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP;
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
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", get_rel_name(p->relid)),
				 errdetail("Triggers and foreign keys are held back while changes are applied."),
				 errhint("Make role \"%s\" a member of the role that owns the table.",
						 GetUserNameFromId(writer(), false))));
	}
	return next_hook == NULL || next_hook(DTS_CHECK_PERMS_PASS);
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
	}
	guarded = role;
}

void
guard_end(void)
{
	guarded = InvalidOid;
}
