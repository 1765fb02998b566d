/*-------------------------------------------------------------------------
 *
 * truncate.c
 *	  TRUNCATE, of all tables of one statement of the source at once.
 *
 *	  TRUNCATE a, more follow --> gathered
 *	  TRUNCATE b, the last    --> TRUNCATE a, b: foreign keys between them
 *	                              are no hindrance
 *
 * A table that is not truncated along, but refers to one that is, forbids
 * TRUNCATE; then rows are deleted. If that table is none of the task's, and
 * has rows that would refer to nothing, that is an error: nobody would
 * fix it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "core/table_owner.h"
#include "dest/local/local.h"

#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

void
local_truncate_take(Batch *w, SourceRelation *rel)
{
	w->truncate = list_append_unique_oid(w->truncate, rel->target_relid);
}

static char *
name_list(List *relids)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, relids)
		appendStringInfo(&buf, "%s%s%s", buf.len ? ", " : "",
						 get_rel_relkind(lfirst_oid(lc)) == RELKIND_PARTITIONED_TABLE ?
						 "" : "ONLY ", local_qualified_name(lfirst_oid(lc)));
	return buf.data;
}

static void
run(const char *sql)
{
	int			rc = SPI_execute(sql, false, 0);

	if (rc < 0)
		elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(rc));
}

/* As the owner of the table: it may have triggers, and code in its indexes. */
static void
run_on(Oid relid, LOCKMODE lockmode, const char *sql)
{
	TableOwner	owner;

	table_owner_begin(relid, lockmode, &owner);
	run(sql);
	table_owner_end(&owner);
}

/* The relations below a partitioned table that hold rows; else itself. */
static List *
leaves_of(Oid relid)
{
	List	   *leaves = NIL;
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(relid);
	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_TABLE)
			leaves = lappend_oid(leaves, lfirst_oid(lc));
	return leaves;
}

static bool
is_of_task(const Batch *w, Oid relid)
{
	List	   *leaves = leaves_of(relid);

	for (int i = 0; i < w->ntables; i++)
		if (list_member_oid(leaves, local_table(w->tables[i])->relid))
			return true;
	return false;
}

/*
 * Tables that refer to those, but are not among them. A partitioned one whose
 * partitions all are comes to *relids: it is truncated as a whole.
 */
static List *
referring_tables(List **relids)
{
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, heap_truncate_find_FKs(*relids))
	{
		Oid			relid = lfirst_oid(lc);

		if (list_member_oid(*relids, relid))
			continue;
		if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE &&
			list_difference_oid(leaves_of(relid), *relids) == NIL)
			*relids = lappend_oid(*relids, relid);
		else
			others = list_append_unique_oid(others, relid);
	}
	return others;
}

/* Rows of a table that is none of the task's must not be left in the air. */
static void
check_outside(Oid outside, List *relids)
{
	StringInfoData ids;
	ListCell   *lc;

	initStringInfo(&ids);
	foreach(lc, relids)
		appendStringInfo(&ids, "%s%u", ids.len ? ", " : "", lfirst_oid(lc));
	/* conrelid's columns that are a reference when none of them is NULL */
	run(psprintf("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' IS NOT NULL', ' AND '), "
				 "c.conname, c.confrelid FROM pg_catalog.pg_constraint c "
				 "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) "
				 "WHERE c.contype = 'f' AND c.conrelid = %u AND c.confrelid IN (%s) GROUP BY c.oid",
				 outside, ids.data));
	for (uint64 i = 0, n = SPI_processed; i < n; i++)
	{
		SPITupleTable *found = SPI_tuptable;
		char	   *condition = SPI_getvalue(found->vals[i], found->tupdesc, 1);

		run_on(outside, AccessShareLock,
			   psprintf("SELECT 1 FROM %s WHERE %s LIMIT 1",
						local_qualified_name(outside), condition));
		if (SPI_processed > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("the source has truncated a table to whose rows table %s refers, which is none of the task's",
							local_qualified_name(outside)),
					 errdetail("Foreign key \"%s\" refers to %s.",
							   SPI_getvalue(found->vals[i], found->tupdesc, 2),
							   local_qualified_name((Oid) strtoul(SPI_getvalue(found->vals[i],
																			   found->tupdesc, 3),
														  NULL, 10))),
					 errhint("Delete those rows or drop the foreign key, then resume the task.")));
		SPI_freetuptable(SPI_tuptable);
		SPI_tuptable = found;
	}
}

/* Why TRUNCATE cannot be; NULL: it can. */
static const char *
hindrance(List *relids, List *others)
{
	ListCell   *lc;

	if (others != NIL)
		return psprintf("table %s, which is not truncated, refers to one of them",
						local_qualified_name(linitial_oid(others)));
	foreach(lc, relids)
		if (pg_class_aclcheck(lfirst_oid(lc), GetUserId(), ACL_TRUNCATE) != ACLCHECK_OK)
			return psprintf("role \"%s\" lacks the right to TRUNCATE %s",
							GetUserNameFromId(GetUserId(), false),
							local_qualified_name(lfirst_oid(lc)));
	return NULL;
}

/* Sequences go to their start with the source's, where they are ours. */
static bool
may_restart(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
		if (!dts_table_ownercheck(lfirst_oid(lc), GetUserId()))
			return false;
	return true;
}

static void
empty_tables(Batch *w, List *relids, bool restart)
{
	List	   *others = referring_tables(&relids);
	const char *why = hindrance(relids, others);
	TableOwner	owner;
	ListCell   *lc;

	foreach(lc, relids)
		LockRelationOid(lfirst_oid(lc), AccessExclusiveLock);
	if (why == NULL && !table_owner_begin_all(relids, &owner) &&
		table_owner_truncate_runs_code(relids))
		why = "they belong to different roles, and triggers on TRUNCATE run";
	if (why == NULL)
	{
		run(psprintf("TRUNCATE %s%s", name_list(relids),
					 restart && may_restart(relids) ? " RESTART IDENTITY" : ""));
		table_owner_end(&owner);
		return;
	}
	ereport(LOG,
			(errmsg("rows are deleted where the source has truncated %s",
					name_list(relids)),
			 errdetail("The reason: %s.", why)));
	foreach(lc, others)
		if (!is_of_task(w, lfirst_oid(lc)))
			check_outside(lfirst_oid(lc), relids);
	foreach(lc, relids)
		run_on(lfirst_oid(lc), RowExclusiveLock,
			   psprintf("DELETE FROM %s", name_list(list_make1_oid(lfirst_oid(lc)))));
}

/* A transaction is open, and the batch is empty. */
void
local_truncate_run(Batch *w, List *relids, bool restart)
{
	int			nestlevel;

	nestlevel = apply_settings_begin();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	empty_tables(w, relids, restart);
	SPI_finish();
	PopActiveSnapshot();
	apply_settings_end(nestlevel);
	CommandCounterIncrement();
}
