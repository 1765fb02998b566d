/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Finds the table that receives a relation, and checks that the task's
 *	  role may write to it in the way that changes are applied.
 *
 * Triggers, rules and foreign keys are disabled while changes are applied
 * (session_replication_role = replica). Somebody who merely may INSERT into a
 * table must not get around its triggers that way, so the role has to own the
 * table, unless it could disable them by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "compat.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "dest/bind.h"
#include "dest/local/local.h"

/*
 * Foreign keys are not checked while changes are applied, and a cascade is not
 * carried out: where rows of somebody else's table refer to this one, that is
 * theirs to decide.
 */
static void
check_referencing(Relation target)
{
	const TriggerDesc *triggers = target->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *t = &triggers->triggers[i];

		if (RI_FKey_trigger_type(t->tgfoid) != RI_TRIGGER_PK ||
			!OidIsValid(t->tgconstrrelid) ||
			dts_table_ownercheck(t->tgconstrrelid, GetUserId()))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s, which refers to table %s",
						local_qualified_name(t->tgconstrrelid),
						local_qualified_name(RelationGetRelid(target))),
				 errdetail("Its foreign key would not be checked while changes are applied."),
				 errhint("Make role \"%s\" a member of the role that owns the table, or drop the foreign key until the cutover.",
						 GetUserNameFromId(GetUserId(), false))));
	}
}

static void
check_privileges(Oid relid, const char *name, const char *qualified)
{
	AclResult	aclresult;

	aclresult = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (aclresult == ACLCHECK_OK)
		aclresult = pg_class_aclcheck(relid, GetUserId(), ACL_INSERT);
	if (aclresult == ACLCHECK_OK)
		aclresult = pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE);
	if (aclresult == ACLCHECK_OK)
		aclresult = pg_class_aclcheck(relid, GetUserId(), ACL_DELETE);
	if (aclresult != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", name),
				 errhint("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s;",
						 qualified, quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static void
check_rights(Relation target)
{
	Oid			relid = RelationGetRelid(target);
	const char *name = RelationGetRelationName(target);
	Oid			task_owner = GetUserId();
	TableOwner	owner;

	check_privileges(relid, name, local_qualified_name(relid));
	if (!superuser() &&
		!dts_may_set_replication_role(GetUserId()) &&
		!dts_table_ownercheck(relid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", name),
				 errdetail("Triggers and foreign keys are disabled while changes are applied."),
				 errhint("Make role \"%s\" a member of the role that owns the table.",
						 GetUserNameFromId(GetUserId(), false))));

	if (!superuser() && !dts_may_set_replication_role(GetUserId()))
		check_referencing(target);

	/*
	 * Rows are written as the table's owner, who needs to be allowed to. The
	 * table is open, and no longer locked than that: a copy in one transaction
	 * must not keep others from DDL.
	 */
	table_owner_begin_as(table_owner_of(relid), &owner);
	if (GetUserId() != task_owner)
		check_privileges(relid, name, local_qualified_name(relid));
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row-level security of table %s applies to role \"%s\"",
						name, GetUserNameFromId(GetUserId(), false)),
				 errhint("Run the task as the table's owner without FORCE ROW LEVEL SECURITY, or as a role with BYPASSRLS.")));
	table_owner_end(&owner);
}

/* generated: of columns that are generated at the destination. */
static void
bind_column(SourceRelation *rel, SourceColumn *col, Relation target,
			bool generated)
{
	TupleDesc	desc = RelationGetDescr(target);
	AttrNumber	attnum;
	Form_pg_attribute att;

	bind_clear_column(col);
	if (col->target_name == NULL)
		return;

	attnum = get_attnum(RelationGetRelid(target), col->target_name);
	if (attnum <= 0)
		bind_refuse_missing_column(rel, col);
	att = TupleDescAttr(desc, attnum - 1);

	/* A generated column is computed at the destination, never written. */
	col->generated = att->attgenerated != '\0';
	if (col->generated && !generated)
		return;

	col->replicated = true;
	col->target_attnum = attnum;
	col->typmod = att->atttypmod;
	/* Values of a domain travel as values of its base type. */
	col->typid = getBaseTypeAndTypmod(att->atttypid, &col->typmod);
	if (col->typid != att->atttypid)
		col->target_typid = att->atttypid;
	col->collation = att->attcollation;
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
	col->target_not_null = att->attnotnull;
}

void
local_refuse_missing(const SourceRelation *rel)
{
	bool		has_schema = OidIsValid(get_namespace_oid(rel->target_schema, true));

	ereport(ERROR,
			(errcode(has_schema ? ERRCODE_UNDEFINED_TABLE : ERRCODE_UNDEFINED_SCHEMA),
			 errmsg("table \"%s.%s\" does not exist at the destination",
					rel->target_schema, rel->target_name),
			 errdetail("It is to receive the source's table \"%s.%s\".",
					   rel->schema, rel->name),
			 errhint("Make it, with the columns that the source has, or let the task migrate the schema."),
			 ERR_SOURCE_TABLE(rel)));
}

static void
bind_relation(SourceRelation *rel, bool generated)
{
	Oid			nspid;
	Oid			relid;
	Relation	target;
	int			i;

	nspid = get_namespace_oid(rel->target_schema, true);
	relid = OidIsValid(nspid) ? get_relname_relid(rel->target_name, nspid) :
		InvalidOid;
	if (!OidIsValid(relid))
		local_refuse_missing(rel);

	target = table_open(relid, AccessShareLock);
	local_check_plain(relid, !generated);
	check_rights(target);

	rel->target_relid = relid;
	for (i = 0; i < rel->ncolumns; i++)
		bind_column(rel, &rel->columns[i], target, generated);

	bind_check_key(rel);
	table_close(target, AccessShareLock);
}

/* See DestRoutine. A transaction is open. */
void
local_bind_relation(SourceRelation *rel)
{
	bind_relation(rel, false);
}

/* See DestRoutine. */
void
local_bind_to_compare(SourceRelation *rel)
{
	bind_relation(rel, true);
}

/* Quoted schema.table; palloc'd. */
char *
local_qualified_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u was dropped at the destination",
						relid),
				 errhint("Make it again, with the columns that the source has; then have it copied again (dtsmig.resync_table).")));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  name);
}

/*
 * Empties a table: by TRUNCATE, or by DELETE where another table's foreign
 * key or a missing right forbids that. Returns whether it was TRUNCATE.
 */
bool
local_empty_table(Oid relid)
{
	bool		partitioned = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	List	   *referencing = heap_truncate_find_FKs(list_make1_oid(relid));
	bool		truncate = list_difference_oid(referencing,
											   list_make1_oid(relid)) == NIL &&
		pg_class_aclcheck(relid, GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK;
	char	   *sql = psprintf("%s %s%s",
							   truncate ? "TRUNCATE" : "DELETE FROM",
							   partitioned ? "" : "ONLY ",
							   local_qualified_name(relid));
	TableOwner	owner;
	int			rc;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	table_owner_begin(relid, RowExclusiveLock, &owner);
	rc = SPI_execute(sql, false, 0);
	if (rc != SPI_OK_UTILITY && rc != SPI_OK_DELETE)
		elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(rc));
	table_owner_end(&owner);
	SPI_finish();
	return truncate;
}
