/*-------------------------------------------------------------------------
 *
 * precheck.c
 *	  The destination's side of the precheck, and the joining of both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"

#include <sys/statvfs.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/books.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker_internals.h"
#include "schema/plan.h"
#include "transform/describe.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

static void
add(List **items, const char *item, const char *status, char *found,
	char *advice)
{
	PrecheckItem *i = palloc0(sizeof(PrecheckItem));

	i->item = item;
	i->status = status;
	i->found = found;
	i->advice = advice;
	*items = lappend(*items, i);
}

static void
check_connectivity(PrecheckContext *pc, List **items)
{
	SourceIdentity id;

	memset(&id, 0, sizeof(id));
	pc->source->identify(pc->conn, &id);
	add(items, "connectivity", "passed",
		psprintf("connected to %s %s as %s", id.product, id.version,
				 id.account ? id.account : "(unknown)"), NULL);
	if (id.tls)
		add(items, "tls", "passed",
			psprintf("the connection is encrypted (%s)",
					 id.tls_cipher ? id.tls_cipher : "unknown cipher"), NULL);
	else
		add(items, "tls", "warning", pstrdup("the connection is not encrypted"),
			psprintf("ALTER SERVER %s OPTIONS (ADD ssl_mode 'require');",
					 quote_identifier(pc->info->server_name)));
}

static void
check_objects(PrecheckContext *pc, List *tables, List **items)
{
	List	   *missing = selection_unmatched(pc->selection, tables);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, tables)
		n += model_has_rows(lfirst(lc));
	foreach(lc, missing)
		add(items, "objects", "failed",
			psprintf("a rule names table %s, which the source does not have",
					 (char *) lfirst(lc)),
			pstrdup("Mend the rule, or the right of the source account to see the table."));
	if (n == 0)
		add(items, "objects", "failed", pstrdup("no table is selected"),
			pstrdup("Check the server's option dbname, the rules in objects, and the rights of the source account."));
	else if (missing == NIL)
		add(items, "objects", "passed", psprintf("%d tables are selected", n), NULL);
}

/* Same-name tables, or tables that ought to be there and are not. */
static void
check_target_tables(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *name = quote_qualified_identifier(def->target_schema,
													  def->target_name);
		Oid			schema = get_namespace_oid(def->target_schema, true);
		Oid			relid = OidIsValid(schema) ?
			get_relname_relid(def->target_name, schema) : InvalidOid;

		if (!model_has_rows(def))
			continue;
		if (pc->task->do_schema && OidIsValid(relid) && pc->options->conflict == 0)
		{
			add(items, "same_name_tables", "failed",
				psprintf("table %s exists at the destination", name),
				psprintf("Drop or rename it, rename the target with a rule in objects, or set option conflict to ignore. DROP TABLE %s;", name));
			clean = false;
		}
		if (!pc->task->do_schema && !OidIsValid(relid))
		{
			add(items, "same_name_tables", "failed",
				psprintf("table %s is not there, and schema migration was not asked for", name),
				pstrdup("Create it, or add schema to migration_types."));
			clean = false;
		}
	}
	if (clean)
		add(items, "same_name_tables", "passed",
			pstrdup(pc->task->do_schema ? "no target table is in the way" :
					"all target tables are there"), NULL);
}

/* What the schema plan says would be lost, changed, or cannot be. */
static void
check_plan(PrecheckContext *pc, List *plan, List **items)
{
	int			notes = 0;
	bool		fatal = false;
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		char	   *where;

		if (st->note == NULL || !(st->warning || st->fatal))
			continue;
		where = st->schema && st->table ?
			psprintf("%s %s of %s.%s", st->kind, st->name, st->schema, st->table) :
			psprintf("%s %s", st->kind, st->name);
		if (st->fatal)
		{
			add(items, "schema_conflict", "failed",
				psprintf("%s: %s", where, st->note),
				pstrdup("Rename it with a rule in objects, or set option name_case."));
			fatal = true;
		}
		else
		{
			add(items, "schema_change", "warning",
				psprintf("%s: %s", where, st->note), NULL);
			notes++;
		}
	}
	if (!fatal && notes == 0)
		add(items, "schema_change", "passed",
			pstrdup("every object translates without loss"), NULL);
}

/*
 * Names that the case policy or a rule makes one. The MySQL family's plan says
 * so itself; many tables into one are a rule's wish there.
 */
static void
check_collisions(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;
	ListCell   *lc2;

	if (pc->source->plan_objects == NULL)
		return;
	foreach(lc, tables)
	{
		TableDef   *a = lfirst(lc);

		for_each_cell(lc2, tables, lnext(tables, lc))
		{
			TableDef   *b = lfirst(lc2);

			if (strcmp(a->target_name, b->target_name) != 0 ||
				strcmp(a->target_schema, b->target_schema) != 0)
				continue;
			add(items, "name_collision", "failed",
				psprintf("tables %s.%s and %s.%s would both become %s",
						 a->schema, a->name, b->schema, b->name,
						 quote_qualified_identifier(a->target_schema, a->target_name)),
				pstrdup("Rename one with a rule in objects, or set option name_case."));
			clean = false;
		}
		foreach(lc2, a->columns)
		{
			TableColumn *x = lfirst(lc2);
			ListCell   *lc3;

			for_each_cell(lc3, a->columns, lnext(a->columns, lc2))
			{
				TableColumn *y = lfirst(lc3);

				if (x->target_name == NULL || y->target_name == NULL ||
					strcmp(x->target_name, y->target_name) != 0)
					continue;
				add(items, "name_collision", "failed",
					psprintf("columns %s and %s of %s.%s would both become %s",
							 strcmp(x->name, y->name) < 0 ? x->name : y->name,
							 strcmp(x->name, y->name) < 0 ? y->name : x->name,
							 a->schema, a->name, x->target_name),
					pstrdup("Set option name_case, or rename a column at the source."));
				clean = false;
			}
		}
	}
	if (clean)
		add(items, "name_collision", "passed",
			pstrdup("no two names become one"), NULL);
}

static void
check_destination_role(PrecheckContext *pc, List **items)
{
	Oid			owner = pc->task->owner;
	HeapTuple	tup = SearchSysCache1(AUTHOID, ObjectIdGetDatum(owner));
	bool		login;
	bool		super;
	char	   *role;

	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that owns task \"%s\" does not exist any more",
						pc->task->name)));
	login = ((Form_pg_authid) GETSTRUCT(tup))->rolcanlogin;
	super = ((Form_pg_authid) GETSTRUCT(tup))->rolsuper;
	ReleaseSysCache(tup);
	role = GetUserNameFromId(owner, false);

	if (!login)
		add(items, "destination_role", "failed",
			psprintf("role %s may not log in, so no worker can run as it", role),
			psprintf("ALTER ROLE %s LOGIN;", quote_identifier(role)));
	if (pc->task->do_schema &&
		!DatumGetBool(DirectFunctionCall3(has_database_privilege_id_id,
										  ObjectIdGetDatum(owner),
										  ObjectIdGetDatum(MyDatabaseId),
										  CStringGetTextDatum("CREATE"))))
		add(items, "destination_privileges", "warning",
			psprintf("role %s may not create schemas in this database", role),
			psprintf("Create the target schemas for it, or: GRANT CREATE ON DATABASE %s TO %s;",
					 quote_identifier(get_database_name(MyDatabaseId)),
					 quote_identifier(role)));
	else
		add(items, "destination_privileges", "passed",
			psprintf("tasks run as role %s", role), NULL);
	if (!super)
		add(items, "session_replication_role", "warning",
			psprintf("role %s is no superuser: triggers are held back only on tables that it owns", role),
			pstrdup("Let the role own the target tables."));
	else
		add(items, "session_replication_role", "passed",
			pstrdup("triggers and foreign keys are held back while changes are applied"),
			NULL);
}

static void
check_destination_server(PrecheckContext *pc, List *tables, List **items)
{
	int64		bytes = 0;
	struct statvfs vfs;
	ListCell   *lc;
	int64		needed = pc->options->copy_workers + 1;

	foreach(lc, tables)
		bytes += ((TableDef *) lfirst(lc))->data_bytes;
	if (max_worker_processes < needed)
		add(items, "worker_slots", "failed",
			psprintf("max_worker_processes is %d; the task needs " INT64_FORMAT,
					 max_worker_processes, needed),
			psprintf("ALTER SYSTEM SET max_worker_processes = " INT64_FORMAT "; then restart the server.", needed + 8));
	else
		add(items, "worker_slots", "passed",
			psprintf("max_worker_processes is %d", max_worker_processes), NULL);

	if (pc->task->do_full && statvfs(DataDir, &vfs) == 0)
	{
		int64		avail = (int64) vfs.f_bavail * vfs.f_frsize;

		/* rows, indexes and write-ahead log take about twice the source's size */
		if (avail < bytes)
			add(items, "disk_space", "failed",
				psprintf("the source holds about " INT64_FORMAT " MB, the data directory's disk has " INT64_FORMAT " MB free",
						 bytes >> 20, avail >> 20),
				pstrdup("Make room, or select fewer tables."));
		else if (avail < bytes * 2)
			add(items, "disk_space", "warning",
				psprintf("the source holds about " INT64_FORMAT " MB, the data directory's disk has " INT64_FORMAT " MB free",
						 bytes >> 20, avail >> 20),
				pstrdup("Tablespaces on other disks are not counted; watch the disk while it loads."));
		else
			add(items, "disk_space", "passed",
				psprintf("the source holds about " INT64_FORMAT " MB, " INT64_FORMAT " MB are free",
						 bytes >> 20, avail >> 20), NULL);
	}
	if (GetDatabaseEncoding() != PG_UTF8)
		add(items, "encoding", "warning",
			psprintf("this database's encoding is %s: text that it cannot hold stops the task",
					 GetDatabaseEncodingName()),
			pstrdup("Use a database with encoding UTF8."));
	else
		add(items, "encoding", "passed", pstrdup("UTF8"), NULL);
}

/*
 * The schema plan. Where the source's own tools make it, they fail on what
 * other items tell better (rights, versions): that is one more item then.
 */
static bool
try_plan(PrecheckContext *pc, List *tables, List **plan, List **items)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	PlanOptions *options = plan_options(pc->options, pc->selection);
	volatile bool done = false;

	options->targets_only = !pc->task->do_schema;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		*plan = plan_selected(pc->source, pc->conn, pc->info, tables, options,
							  NULL);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;
		int			category;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
		if (pc->source->plan_objects == NULL ||
			category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
			category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		add(items, "schema", "failed",
			psprintf("%s%s%s", edata->message, edata->detail ? ": " : "",
					 edata->detail ? edata->detail : ""), edata->hint);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return done;
}

List *
precheck_collect(PrecheckContext *pc)
{
	List	   *items = NIL;
	List	   *tables;
	List	   *plan;

	check_connectivity(pc, &items);
	tables = describe_selected(pc->selection, pc->source, pc->conn, pc->info);
	if (pc->source->precheck)
		items = list_concat(items,
							pc->source->precheck(pc->conn, tables, pc->task->do_full,
												 pc->task->do_incremental));
	if (pc->source->precheck_values)
		items = list_concat(items,
							pc->source->precheck_values(pc->conn, tables,
														&pc->options->policy));
	check_objects(pc, tables, &items);
	if (try_plan(pc, tables, &plan, &items))
	{
		check_target_tables(pc, tables, &items);
		check_plan(pc, plan, &items);
		check_collisions(pc, tables, &items);
	}
	check_destination_role(pc, &items);
	check_destination_server(pc, tables, &items);
	return items;
}

bool
precheck_store(int64 task_id, List *items)
{
	bool		ok = true;
	int64		n = 0;
	ListCell   *lc;

	(void) books_exec("DELETE FROM dtsmig.precheck_item WHERE task_id = $1",
					  "i", task_id);
	foreach(lc, items)
	{
		PrecheckItem *i = lfirst(lc);

		(void) books_exec("INSERT INTO dtsmig.precheck_item "
						  "(task_id, item_no, item, status, found, advice) "
						  "VALUES ($1, $2, $3, $4, $5, $6)",
						  "iitttt", task_id, ++n, i->item, i->status, i->found,
						  i->advice);
		ok &= strcmp(i->status, "failed") != 0;
	}
	return ok;
}
