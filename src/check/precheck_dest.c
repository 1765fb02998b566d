/*-------------------------------------------------------------------------
 *
 * precheck_dest.c
 *	  The destination's side of the precheck: what is in the way, the role
 *	  that the task runs as, and the server.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "check/precheck.h"

#include <sys/statvfs.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "store/sql.h"
#include "store/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "check/advance.h"
#include "commands/dbcommands.h"
#include "core/rights.h"
#include "core/table_owner.h"
#include "dest/dest.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker_internals.h"
#include "schema/plan.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* ---------------------------------------------------------------- tables */

/* The table that a TableDef is written to; InvalidOid: there is none yet. */
static Oid
target_of(const TableDef *def)
{
	Oid			schema = get_namespace_oid(def->target_schema, true);

	return OidIsValid(schema) ? get_relname_relid(def->target_name, schema) :
		InvalidOid;
}

/* Did this task make it? */
static bool
is_own(PrecheckContext *pc, const TableDef *def)
{
	return store_table_is_target(pc->task->id, def->target_schema, def->target_name);
}

/* A schema to put a table aside that nobody wants to lose. */
static char *
schema_aside(const TableDef *def)
{
	for (int i = 1;; i++)
	{
		char	   *name = plan_name_with_suffix(def->target_schema, i == 1 ?
												 "_before" : psprintf("_before%d", i));
		Oid			schema = get_namespace_oid(name, true);

		if (!OidIsValid(schema) ||
			!OidIsValid(get_relname_relid(def->target_name, schema)))
			return name;
	}
}

/* Columns that are to be written, and that a table that exists lacks. */
static bool
check_target_columns(const TableDef *def, Oid relid, List **items)
{
	char	   *name = plan_table_name(def);
	StringInfoData missing;
	PrecheckItem *item;
	ListCell   *lc;

	initStringInfo(&missing);
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name != NULL &&
			get_attnum(relid, col->target_name) == InvalidAttrNumber)
			appendStringInfo(&missing, "%s%s", missing.len ? ", " : "",
							 col->target_name);
	}
	if (missing.len == 0)
		return true;
	item = precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						psprintf("table %s exists, and lacks columns: %s", name,
								 missing.data),
						"Or leave them out with a rule in objects.");
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name != NULL && col->pg_type != NULL &&
			get_attnum(relid, col->target_name) == InvalidAttrNumber)
			precheck_sql(item, AT_DESTINATION, "ALTER TABLE %s ADD COLUMN %s %s",
						 name, quote_identifier(col->target_name), col->pg_type);
	}
	return false;
}

/* Same-name tables, or tables that ought to exist and do not. */
void
precheck_target_tables(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *name = plan_table_name(def);
		Oid			relid = target_of(def);
		PrecheckItem *item;

		if (!model_has_rows(def))
			continue;
		if (!OidIsValid(relid))
		{
			if (pc->task->do_schema)
				continue;
			precheck_add(items, "same_name_tables", PRECHECK_FAILED,
						 psprintf("table %s does not exist, and schema migration was not asked for", name),
						 "Create it, or add schema to migration_types.");
			clean = false;
		}
		else if (is_own(pc, def))
			continue;
		else if (pc->task->do_schema && pc->options->conflict == CONFLICT_REPORT)
		{
			char	   *aside = pstrdup(quote_identifier(schema_aside(def)));

			item = precheck_add(items, "same_name_tables", PRECHECK_FAILED,
								psprintf("table %s exists at the destination", name),
								"That puts it aside, with its rows and indexes. Or rename the target with a rule in objects, or set option conflict to ignore.");
			precheck_sql(item, AT_DESTINATION, "CREATE SCHEMA IF NOT EXISTS %s", aside);
			precheck_sql(item, AT_DESTINATION, "ALTER TABLE %s SET SCHEMA %s", name, aside);
			clean = false;
		}
		else
			clean &= check_target_columns(def, relid, items);
	}
	if (clean)
		precheck_add(items, "same_name_tables", PRECHECK_PASSED,
					 pc->task->do_schema ? "no target table is in the way" :
					 "all target tables exist", NULL);
}

/* -------------------------------------------------------------- the role */

static void
check_role(PrecheckContext *pc, const char *role, List **items)
{
	HeapTuple	tup = SearchSysCache1(AUTHOID, ObjectIdGetDatum(pc->task->owner));
	bool		login;

	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that owns task \"%s\" does not exist any more",
						pc->task->name)));
	login = ((Form_pg_authid) GETSTRUCT(tup))->rolcanlogin;
	ReleaseSysCache(tup);
	if (login && pc->source->scripts && superuser_arg(pc->task->owner) &&
		(pc->task->do_schema || pc->task->do_incremental) &&
		!pc->options->superuser_ddl)
		precheck_sql(precheck_add(items, "destination_role", PRECHECK_FAILED,
								  psprintf("role %s is a superuser, and definitions and DDL of the source run as it: whoever may create objects at the source can do anything at the destination, run programs of the operating system included",
										   role),
								  "Create the task as a role that is no superuser; or accept that with this, if all who may create objects at the source are trusted."),
					 AT_DESTINATION, "SELECT dtsmig.alter_task(%s, '{\"superuser_ddl\": true}')",
					 quote_literal_cstr(pc->task->name));
	else if (login)
		precheck_add(items, "destination_role", PRECHECK_PASSED,
					 psprintf("tasks run as role %s", role), NULL);
	else
		precheck_sql(precheck_add(items, "destination_role", PRECHECK_FAILED,
								  psprintf("role %s may not log in, so no worker can run as it", role),
								  NULL),
					 AT_DESTINATION, "ALTER ROLE %s LOGIN", role);
}

/* What is missing, and the GRANT for it. */
static void
lacks(List **items, PrecheckItem **item, StringInfo found, const char *what,
	  char *sql)
{
	if (*item == NULL)
		*item = precheck_add(items, "destination_privileges", PRECHECK_FAILED,
							 NULL, NULL);
	appendStringInfo(found, "%s%s", found->len ? ", " : "", what);
	precheck_sql(*item, AT_DESTINATION, "%s", sql);
}

static bool
has_right(const char *query, Oid role, const char *object)
{
	return store_bool(store_query(query, "it", (int64) role, object), 0, 0);
}

/* Target schemas: those that do not exist take a right on the database. */
static void
check_schema_rights(PrecheckContext *pc, const char *role, List *tables,
					List **items, PrecheckItem **item, StringInfo found)
{
	char	   *database = get_database_name(MyDatabaseId);
	List	   *seen = NIL;
	ListCell   *lc;

	if (!has_right("SELECT pg_catalog.has_database_privilege($1::pg_catalog.oid, $2, 'CONNECT')",
				   pc->task->owner, database))
		lacks(items, item, found, "CONNECT on the database",
			  psprintf("GRANT CONNECT ON DATABASE %s TO %s",
					   quote_identifier(database), role));
	if (pc->task->do_schema &&
		!has_right("SELECT pg_catalog.has_database_privilege($1::pg_catalog.oid, $2, 'CREATE')",
				   pc->task->owner, database))
		lacks(items, item, found, "CREATE on the database",
			  psprintf("GRANT CREATE ON DATABASE %s TO %s",
					   quote_identifier(database), role));
	foreach(lc, tables)
	{
		char	   *schema = ((TableDef *) lfirst(lc))->target_schema;
		const char *right = pc->task->do_schema ? "USAGE, CREATE" : "USAGE";
		ListCell   *lc2;
		bool		known = false;

		foreach(lc2, seen)
			known = known || strcmp(lfirst(lc2), schema) == 0;
		if (known)
			continue;
		seen = lappend(seen, schema);
		if (!OidIsValid(get_namespace_oid(schema, true)) ||
			(has_right("SELECT pg_catalog.has_schema_privilege($1::pg_catalog.oid, $2, 'USAGE')",
					   pc->task->owner, schema) &&
			 (!pc->task->do_schema ||
			  has_right("SELECT pg_catalog.has_schema_privilege($1::pg_catalog.oid, $2, 'CREATE')",
						pc->task->owner, schema))))
			continue;
		lacks(items, item, found, psprintf("%s on schema %s", right, schema),
			  psprintf("GRANT %s ON SCHEMA %s TO %s", right,
					   quote_identifier(schema), role));
	}
}

/* They are set at the end. */
static void
check_sequence_rights(Oid relid, Oid owner, const char *role, List **items,
					  PrecheckItem **item, StringInfo found)
{
	ListCell   *lc;

	foreach(lc, advance_denied_of(relid, owner))
	{
		const char *name = lfirst(lc);

		lacks(items, item, found, psprintf("SELECT, UPDATE on sequence %s", name),
			  psprintf("GRANT SELECT, UPDATE ON SEQUENCE %s TO %s", name, role));
	}
}

static void
check_privileges(PrecheckContext *pc, const char *role, List *tables,
				 List **items)
{
	PrecheckItem *item = NULL;
	StringInfoData found;
	ListCell   *lc;

	initStringInfo(&found);
	check_schema_rights(pc, role, tables, items, &item, &found);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		Oid			relid = model_has_rows(def) ? target_of(def) : InvalidOid;
		Oid			owner;

		/* one that is in the way is another item's */
		if (!OidIsValid(relid) ||
			(pc->task->do_schema && pc->options->conflict == CONFLICT_REPORT))
			continue;
		check_sequence_rights(relid, pc->task->owner, role, items, &item, &found);
		/* rows are written as the table's owner */
		owner = table_owner_of(relid);
		if (owner != pc->task->owner &&
			!dts_member_can_set_role(owner, pc->task->owner) &&
			!dts_member_can_set_role(pc->task->owner, owner))
			lacks(items, &item, &found,
				  psprintf("SET ROLE to %s, which owns %s",
						   quote_identifier(GetUserNameFromId(owner, false)),
						   plan_table_name(def)),
				  psprintf("GRANT %s TO %s",
						   quote_identifier(GetUserNameFromId(owner, false)), role));
		/* keys and indexes are made on it */
		if (pc->task->do_schema)
		{
			if (!dts_table_ownercheck(relid, pc->task->owner))
				lacks(items, &item, &found,
					  psprintf("ownership of %s", plan_table_name(def)),
					  psprintf("ALTER TABLE %s OWNER TO %s", plan_table_name(def), role));
			continue;
		}
		if (pg_class_aclmask(relid, pc->task->owner,
							 ACL_SELECT | ACL_INSERT | ACL_UPDATE | ACL_DELETE,
							 ACLMASK_ALL) ==
			(ACL_SELECT | ACL_INSERT | ACL_UPDATE | ACL_DELETE))
			continue;
		lacks(items, &item, &found,
			  psprintf("SELECT, INSERT, UPDATE, DELETE on %s", plan_table_name(def)),
			  psprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s",
					   plan_table_name(def), role));
	}
	if (item == NULL)
		precheck_add(items, "destination_privileges", PRECHECK_PASSED,
					 psprintf("role %s may do what the task does", role), NULL);
	else
		item->found = psprintf("role %s lacks: %s", role, found.data);
}

/* Tables that are there, and are to be filled. */
static void
check_plain(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *reason;
		char	   *hint;

		if (!model_has_rows(def))
			continue;
		reason = dest_routine(DEST_LOCAL)->refuses_table(def->target_schema,
														def->target_name, &hint);
		/* one that is in the way is another item's */
		if (reason == NULL ||
			(pc->task->do_schema && pc->options->conflict == CONFLICT_REPORT &&
			 !is_own(pc, def)))
			continue;
		precheck_add(items, "destination_tables", PRECHECK_FAILED,
					 psprintf("%s is not a plain table: %s", plan_table_name(def), reason),
					 hint);
		clean = false;
	}
	if (clean)
		precheck_add(items, "destination_tables", PRECHECK_PASSED,
					 "existing tables can be written to directly", NULL);
}

/* As dest/local asks when it opens a table. */
static void
check_replication_role(PrecheckContext *pc, const char *role, List *tables,
					   List **items)
{
	PrecheckItem *item = NULL;
	StringInfoData others;
	ListCell   *lc;

	initStringInfo(&others);
	if (!superuser_arg(pc->task->owner) &&
		!dts_may_set_replication_role(pc->task->owner))
	{
		foreach(lc, tables)
		{
			TableDef   *def = lfirst(lc);
			Oid			relid = model_has_rows(def) ? target_of(def) : InvalidOid;

			/* with schema migration it is owned, or another item says so */
			if (!OidIsValid(relid) || pc->task->do_schema ||
				dts_table_ownercheck(relid, pc->task->owner))
				continue;
			if (item == NULL)
				item = precheck_add(items, "session_replication_role",
									PRECHECK_FAILED, NULL, NULL);
			appendStringInfo(&others, "%s%s", others.len ? ", " : "",
							 plan_table_name(def));
		}
	}
	if (item == NULL)
	{
		precheck_add(items, "session_replication_role", PRECHECK_PASSED,
					 "triggers and foreign keys are disabled while changes are applied",
					 NULL);
		return;
	}
	item->found = psprintf("role %s may hold triggers back only on tables that it owns, and does not own %s",
						   role, others.data);
	item->advice = "Or let the role own the tables.";
	precheck_sql(item, AT_DESTINATION,
				 "GRANT SET ON PARAMETER session_replication_role TO %s", role);
}

/* ------------------------------------------------------------ the server */

/* Workers write whatever default_transaction_read_only is. */
static void
check_writable(List **items)
{
	if (RecoveryInProgress())
		precheck_add(items, "destination_writable", PRECHECK_FAILED,
					 "this server is a standby",
					 "Make the task on its primary, or promote this server.");
	else
		precheck_add(items, "destination_writable", PRECHECK_PASSED,
					 "the destination takes writes", NULL);
}

static void
check_workers(PrecheckContext *pc, List **items)
{
	int64		needed = 1 + (pc->task->do_full ? pc->options->copy_workers : 0);
	int64		used;
	char	   *found;

	/* of this task's own, those that run do not count */
	used = store_int(store_query("SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity "
								"WHERE backend_type NOT IN ('client backend', 'walsender', "
								"'autovacuum launcher', 'autovacuum worker', 'checkpointer', "
								"'background writer', 'walwriter', 'archiver', 'startup', "
								"'walreceiver', 'walsummarizer', 'slotsync worker', 'logger', "
								"'io worker', 'standalone backend') "
								"AND NOT (backend_type LIKE 'dtsmig%' AND application_name "
								"LIKE '% task ' || $1)",
								"i", pc->task->id), 0, 0);
	found = psprintf(INT64_FORMAT " of %d background worker slots (max_worker_processes) are free; the task takes " INT64_FORMAT,
					 Max(max_worker_processes - used, 0), max_worker_processes,
					 needed);
	if (max_worker_processes - used < needed)
		precheck_sql(precheck_add(items, "worker_slots", PRECHECK_FAILED, found,
								  "Then restart the destination. Or set option copy_workers lower."),
					 AT_DESTINATION,
					 "ALTER SYSTEM SET max_worker_processes = " INT64_FORMAT,
					 used + needed + 8);
	else
		precheck_add(items, "worker_slots", PRECHECK_PASSED, found, NULL);
}

static void
check_preload(List **items)
{
	char	   *libraries = pstrdup(GetConfigOption("shared_preload_libraries",
													 false, false));
	StringInfoData list;
	char	   *state = NULL;

	initStringInfo(&list);
	for (char *name = strtok_r(libraries, ", \"", &state); name != NULL;
		 name = strtok_r(NULL, ", \"", &state))
	{
		const char *base = strrchr(name, '/');

		if (strcmp(base ? base + 1 : name, "dtsmig") == 0)
		{
			precheck_add(items, "preload", PRECHECK_PASSED,
						 "tasks that run come back after a restart of the server", NULL);
			return;
		}
		appendStringInfo(&list, "%s, ", quote_literal_cstr(name));
	}
	precheck_sql(precheck_add(items, "preload", PRECHECK_WARNING,
							  "dtsmig is not in shared_preload_libraries: after a restart of the server tasks have to be resumed by hand",
							  "Then restart the destination."),
				 AT_DESTINATION,
				 "ALTER SYSTEM SET shared_preload_libraries = %s'dtsmig'", list.data);
}

static void
check_disk(PrecheckContext *pc, List *tables, List **items)
{
	int64		bytes = 0;
	int64		avail;
	struct statvfs vfs;
	char	   *found;
	ListCell   *lc;

	foreach(lc, tables)
		bytes += ((TableDef *) lfirst(lc))->data_bytes;
	if (!pc->task->do_full || statvfs(DataDir, &vfs) != 0)
		return;
	avail = (int64) vfs.f_bavail * vfs.f_frsize;
	found = psprintf("the source holds about " INT64_FORMAT " MB, the data directory's disk has " INT64_FORMAT " MB free",
					 bytes >> 20, avail >> 20);

	/* rows, indexes and write-ahead log take about twice the source's size */
	if (avail < bytes)
		precheck_add(items, "disk_space", PRECHECK_FAILED, found,
					 "Make room, or select fewer tables.");
	else if (avail < bytes * 2)
		precheck_add(items, "disk_space", PRECHECK_WARNING, found,
					 "Rows, indexes and the log may take twice the size: make room, or watch the disk while it loads.");
	else
		precheck_add(items, "disk_space", PRECHECK_PASSED, found, NULL);
}

static void
check_encoding(List **items)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		precheck_add(items, "encoding", PRECHECK_PASSED, "UTF8", NULL);
	else
		precheck_add(items, "encoding", PRECHECK_WARNING,
					 psprintf("this database's encoding is %s: text that it cannot hold stops the task",
							  GetDatabaseEncodingName()),
					 "Use a database with encoding UTF8.");
}

/* ------------------------------------- extensions that a MySQL schema needs */

/* An extension that is wanted, and the columns or indexes that want it. */
static void
check_extension(List **items, const char *item, const char *status,
				const char *extension, bool wanted, const char *found)
{
	PrecheckItem *i;
	StoreRows   *here;

	if (!wanted)
		return;
	here = store_query("SELECT installed_version IS NOT NULL FROM "
					   "pg_catalog.pg_available_extensions WHERE name = $1", "t",
					   extension);
	if (here->nrows > 0 && store_bool(here, 0, 0))
		return;
	i = precheck_add(items, item, status, found, here->nrows > 0 ? NULL :
					 psprintf("Install %s's package at the destination first.", extension));
	precheck_sql(i, AT_DESTINATION, "CREATE EXTENSION IF NOT EXISTS %s", extension);
}

static bool
is_ci(const TableColumn *col)
{
	Size		len = col->collation ? strlen(col->collation) : 0;

	return len > 3 && strcmp(col->collation + len - 3, "_ci") == 0;
}

static void
check_mysql_extensions(PrecheckContext *pc, List *tables, List **items)
{
	static const char *const geometry[] = {"geometry", "point", "linestring",
		"polygon", "multipoint", "multilinestring", "multipolygon",
	"geometrycollection", "geomcollection"};
	bool		shapes = false;
	bool		spatial = false;
	bool		vectors = false;
	bool		citext = false;
	int			before = list_length(*items);
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->left_out)
				continue;
			for (int i = 0; i < lengthof(geometry); i++)
				shapes |= strcmp(col->base_type, geometry[i]) == 0;
			vectors |= strcmp(col->base_type, "vector") == 0;
			citext |= is_ci(col);
		}
		foreach(lc2, def->indexes)
			spatial |= ((TableIndex *) lfirst(lc2))->kind == INDEX_SPATIAL;
	}
	check_extension(items, "spatial_indexes", PRECHECK_WARNING, "postgis", spatial,
					"SPATIAL indexes are built only where PostGIS is installed");
	if (list_length(*items) == before)
		precheck_add(items, "spatial_indexes", PRECHECK_PASSED,
					 spatial ? "SPATIAL indexes become GiST indexes" :
					 "there are none", NULL);
	before = list_length(*items);
	check_extension(items, "extensions", PRECHECK_WARNING, "postgis", shapes,
					"geometry becomes bytea, for PostGIS is not installed");
	check_extension(items, "extensions", PRECHECK_WARNING, "vector", vectors,
					"vectors become real[], for pgvector is not installed");
	check_extension(items, "extensions", PRECHECK_FAILED, "citext",
					citext && pc->options->policy.ci_collation == CI_COLLATION_CITEXT,
					"option ci_collation is citext, and that extension is not installed");
	if (list_length(*items) == before)
		precheck_add(items, "extensions", PRECHECK_PASSED,
					 "none is missing", NULL);
}

/* ----------------------------------------------------------------- entry */

void
precheck_destination(PrecheckContext *pc, List *tables, List **items)
{
	char	   *role = pstrdup(quote_identifier(GetUserNameFromId(pc->task->owner, false)));
	bool		planned = true;
	ListCell   *lc;

	/*
	 * without a plan, nothing is known of what the tables are called at the
	 * destination
	 */
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		planned &= def->target_schema != NULL && def->target_name != NULL;
	}
	check_role(pc, role, items);
	check_plain(pc, planned ? tables : NIL, items);
	check_privileges(pc, role, planned ? tables : NIL, items);
	check_replication_role(pc, role, planned ? tables : NIL, items);
	check_writable(items);
	check_workers(pc, items);
	check_preload(items);
	check_disk(pc, tables, items);
	check_encoding(items);
	if (!pc->source->own_definitions)
		check_mysql_extensions(pc, tables, items);
}

void
precheck_hub(PrecheckContext *pc, List **items)
{
	HeapTuple	tup = SearchSysCache1(AUTHOID, ObjectIdGetDatum(pc->task->owner));
	char	   *role = pstrdup(quote_identifier(GetUserNameFromId(pc->task->owner, false)));
	bool		login = HeapTupleIsValid(tup) && ((Form_pg_authid) GETSTRUCT(tup))->rolcanlogin;

	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	if (login)
		precheck_add(items, "destination_role", PRECHECK_PASSED,
					 psprintf("tasks run as role %s", role), NULL);
	else
		precheck_add(items, "destination_role", PRECHECK_FAILED,
					 psprintf("role %s may not log in, so no worker can run as it", role),
					 psprintf("ALTER ROLE %s LOGIN, in the database that holds the extension.", role));
	check_workers(pc, items);
	check_preload(items);
}
