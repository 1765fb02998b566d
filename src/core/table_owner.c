/*-------------------------------------------------------------------------
 *
 * table_owner.c
 *	  Code of a table's owner runs with that owner's rights (see
 *	  table_owner.h).
 *
 * SECURITY_RESTRICTED_OPERATION keeps the owner's code from leaving anything
 * that would run later as somebody else: deferred triggers, temporary objects,
 * cursors that outlive the transaction, SET ROLE. The settings that it changes
 * end with the scope.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "core/table_owner.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Whose code is at work, and in which (sub)transaction that began. */
static Oid	acting = InvalidOid;
static int	acting_level = 0;

/* ------------------------------------------------------------------ errors */

static void
subtransaction_ends(SubXactEvent event, SubTransactionId subid,
					SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB &&
		acting_level >= GetCurrentTransactionNestLevel())
		acting = InvalidOid;
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
		acting = InvalidOid;
}

static void
set_acting(Oid role, int level)
{
	static bool registered = false;

	if (!registered)
	{
		registered = true;
		RegisterXactCallback(transaction_ends, NULL);
		RegisterSubXactCallback(subtransaction_ends, NULL);
	}
	acting = role;
	acting_level = level;
}

Oid
table_owner_acting(void)
{
	return acting;
}

/* ------------------------------------------------------------------- scope */

Oid
table_owner_of(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u was dropped at the destination",
						relid),
				 errhint("Make it again, with the columns that the source has; then have it copied again (dtsmig.resync_table).")));
	owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return owner;
}

bool
table_owner_is_trusted_role(Oid role)
{
	return role == GetUserId() || dts_member_can_set_role(role, GetUserId());
}

bool
table_owner_is_trusted(Oid relid)
{
	return table_owner_is_trusted_role(table_owner_of(relid));
}

/* May the current user do something as this role? */
static bool
may_be(Oid role)
{
	return table_owner_is_trusted_role(role) || dts_member_can_set_role(GetUserId(), role);
}

void
table_owner_begin_as(Oid role, TableOwner *scope)
{
	memset(scope, 0, sizeof(*scope));
	if (!OidIsValid(role) || table_owner_is_trusted_role(role))
		return;
	if (!may_be(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot SET ROLE to \"%s\"",
						GetUserNameFromId(GetUserId(), false),
						GetUserNameFromId(role, false)),
				 errdetail("Defaults, checks and index expressions of a table run as the owner of the table, not as the owner of the task."),
				 errhint("GRANT %s TO %s;",
						 quote_identifier(GetUserNameFromId(role, false)),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	table_owner_become(role, scope);
}

void
table_owner_become(Oid role, TableOwner *scope)
{
	memset(scope, 0, sizeof(*scope));
	if (role == GetUserId())
		return;
	scope->switched = true;
	scope->owner = role;
	scope->acting = acting;
	scope->acting_level = acting_level;
	GetUserIdAndSecContext(&scope->user, &scope->context);
	scope->within = scope->context | SECURITY_LOCAL_USERID_CHANGE |
		SECURITY_RESTRICTED_OPERATION;
	scope->nestlevel = NewGUCNestLevel();
	table_owner_resume(scope);
}

void
table_owner_begin(Oid relid, LOCKMODE lockmode, TableOwner *scope)
{
	/* the owner is looked up when nobody can give the table away any more */
	LockRelationOid(relid, lockmode);
	table_owner_begin_as(table_owner_of(relid), scope);
}

void
table_owner_begin_value(Oid relid, Oid code, TableOwner *scope)
{
	if (OidIsValid(code) && OidIsValid(relid))
		table_owner_begin(relid, AccessShareLock, scope);
	else
		table_owner_begin_as(code, scope);
}

bool
table_owner_truncate_runs_code(List *relids)
{
	bool		runs = false;
	ListCell   *lc;

	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		runs |= !table_owner_is_trusted_role(rel->rd_rel->relowner) && rel->trigdesc != NULL &&
			(rel->trigdesc->trig_truncate_before_statement ||
			 rel->trigdesc->trig_truncate_after_statement);
		table_close(rel, NoLock);
	}
	return runs;
}

bool
table_owner_begin_all(List *relids, TableOwner *scope)
{
	bool		same = true;
	bool		trusted = true;
	ListCell   *lc;

	table_owner_begin_as(InvalidOid, scope);
	foreach(lc, relids)
	{
		same &= table_owner_of(lfirst_oid(lc)) == table_owner_of(linitial_oid(relids));
		trusted &= table_owner_is_trusted(lfirst_oid(lc));
	}
	if (relids != NIL && same)
		table_owner_begin_as(table_owner_of(linitial_oid(relids)), scope);
	return same || trusted;
}

void
table_owner_resume(const TableOwner *scope)
{
	if (!scope->switched)
		return;
	SetUserIdAndSecContext(scope->owner, scope->within);
	set_acting(scope->owner, GetCurrentTransactionNestLevel());
}

void
table_owner_pause(const TableOwner *scope)
{
	if (!scope->switched)
		return;
	SetUserIdAndSecContext(scope->user, scope->context);
	set_acting(scope->acting, scope->acting_level);
}

void
table_owner_end(const TableOwner *scope)
{
	if (!scope->switched)
		return;
	AtEOXact_GUC(false, scope->nestlevel);
	table_owner_pause(scope);
}

/* ------------------------------------------------------------------- types */

static Oid
owner_of_type(Oid typid)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", typid);
	owner = ((Form_pg_type) GETSTRUCT(tup))->typowner;
	ReleaseSysCache(tup);
	return owner;
}

/* The owner of the first domain among the columns of a composite type. */
static Oid
of_columns(Oid typid)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(typid, -1);
	Oid			owner = InvalidOid;

	for (int i = 0; i < desc->natts && !OidIsValid(owner); i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			owner = table_owner_of_domain(TupleDescAttr(desc, i)->atttypid);
	return owner;
}

Oid
table_owner_of_domain(Oid typid)
{
	Oid			element;

	check_stack_depth();
	switch (get_typtype(typid))
	{
		case TYPTYPE_DOMAIN:
			return owner_of_type(typid);
		case TYPTYPE_COMPOSITE:
			return of_columns(typid);
		case TYPTYPE_RANGE:
			return table_owner_of_domain(get_range_subtype(typid));
		case TYPTYPE_MULTIRANGE:
			return table_owner_of_domain(get_multirange_range(typid));
		default:
			element = get_element_type(typid);
			return OidIsValid(element) ? table_owner_of_domain(element) : InvalidOid;
	}
}
