/*-------------------------------------------------------------------------
 *
 * precheck.c
 *	  The precheck: what the source says, what the schema plan says, what the
 *	  destination says (precheck_dest.c), joined and kept.
 *
 * An item that failed keeps the task from starting. A warning is ignored if
 * the user has said so (precheck_ignore); an item that fails is not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck.h"
#include "check/local_source.h"
#include "check/precheck_shape.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "core/attempt.h"
#include "store/precheck.h"
#include "emit/mysql/emit.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "tables/describe.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* ------------------------------------------------------------ connection */

bool
precheck_connect(PrecheckContext *pc, List **items)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		pc->conn = pc->source->connect(pc->info);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
			ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION))
			PG_RE_THROW();
		FlushErrorState();
		precheck_add(items, "connectivity", PRECHECK_FAILED,
					 psprintf("%s%s%s", edata->message, edata->detail ? ": " : "",
							  edata->detail ? edata->detail : ""),
					 psprintf("%s%sFix what is wrong of: ALTER SERVER %s OPTIONS (SET host '...', SET port '...'); ALTER USER MAPPING FOR %s SERVER %s OPTIONS (SET user '...', SET password '...');",
							  edata->hint ? edata->hint : "",
							  edata->hint ? " " : "",
							  quote_identifier(pc->info->server_name),
							  quote_identifier(GetUserNameFromId(pc->task->owner, false)),
							  quote_identifier(pc->info->server_name)));
	}
	PG_END_TRY();
	return done;
}

static void
check_tls(PrecheckContext *pc, const SourceIdentity *id, List **items)
{
	PrecheckItem *item;
	char	   *server = pstrdup(quote_identifier(pc->info->server_name));

	if (id->tls)
	{
		precheck_add(items, "tls", PRECHECK_PASSED,
					 psprintf("the connection is encrypted (%s)",
							  id->tls_cipher ? id->tls_cipher : "unknown cipher"),
					 NULL);
		return;
	}
	if (pc->info->ssl_mode == SSL_MODE_DISABLE)
	{
		item = precheck_add(items, "tls", PRECHECK_WARNING,
							"the connection is not encrypted, for the server's options say so",
							NULL);
		if (pc->info->postgres_fdw)
			precheck_sql(item, AT_DESTINATION,
						 "ALTER SERVER %s OPTIONS (SET sslmode 'require')", server);
		else
			precheck_sql(item, AT_DESTINATION,
						 "ALTER SERVER %s OPTIONS (SET ssl_mode 'require')", server);
		return;
	}
	item = precheck_add(items, "tls", PRECHECK_WARNING,
						"the connection is not encrypted, for the source offers no TLS",
						"Give the source a certificate and a key (ssl_cert and ssl_key, or for PostgreSQL ssl_cert_file and ssl_key_file).");
	if (pc->source->tls_on != NULL)
		precheck_sql(item, AT_SOURCE, "%s", pc->source->tls_on);
}

static void
check_connectivity(PrecheckContext *pc, List **items)
{
	SourceIdentity id;

	memset(&id, 0, sizeof(id));
	pc->source->identify(pc->conn, &id);
	source_check_local(pc->task, pc->source, pc->conn);
	precheck_add(items, "connectivity", PRECHECK_PASSED,
				 psprintf("connected to %s %s as %s", id.product, id.version,
						  id.account ? id.account : "(unknown)"), NULL);
	check_tls(pc, &id, items);
}

/* ------------------------------------------------ selection and the plan */

static void
check_objects(PrecheckContext *pc, List *tables, List **items)
{
	List	   *missing = selection_unmatched(pc->selection, tables);
	bool		clean = missing == NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, tables)
		n += model_has_rows(lfirst(lc));
	foreach(lc, selection_schemas(pc->selection))
	{
		if (pc->source->has_schema(pc->conn, lfirst(lc)))
			continue;
		precheck_add(items, "objects", PRECHECK_FAILED,
			psprintf("a rule names schema %s, which the source does not have",
					 (char *) lfirst(lc)),
			pstrdup("Fix the rule, or the right of the source account to see the schema."));
		clean = false;
	}
	foreach(lc, missing)
		precheck_add(items, "objects", PRECHECK_FAILED,
			psprintf("a rule names table %s, which the source does not have",
					 (char *) lfirst(lc)),
			pstrdup("Fix the rule, or the right of the source account to see the table."));
	if (n == 0)
		precheck_add(items, "objects", PRECHECK_FAILED, pstrdup("no table is selected"),
			pstrdup("Check the server's option dbname, the rules in objects, and the rights of the source account."));
	else if (clean)
		precheck_add(items, "objects", PRECHECK_PASSED, psprintf("%d tables are selected", n), NULL);
}

/*
 * Two names that became one. Where it is the case policy's doing, leaving
 * names as they are at the source helps.
 */
static void
add_collision(PrecheckContext *pc, List **items, char *found, bool by_case)
{
	PrecheckItem *item;

	by_case = by_case && pc->options->name_case != NAME_CASE_SOURCE;
	item = precheck_add(items, "name_collision", PRECHECK_FAILED, found,
						by_case ?
						"That keeps the source's names. Or rename one with a rule in objects." :
						"Rename one with a rule in objects, or at the source.");
	if (by_case)
		precheck_option(item, pc->task->name, "name_case", "source");
}

/* Does a table of the plan have another's name by its case alone? */
static bool
collides_by_case(List *tables, const PlanStatement *st)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (st->schema && st->table && strcmp(def->schema, st->schema) == 0 &&
			strcmp(def->name, st->table) == 0)
			return pg_strcasecmp(def->name, st->name) == 0;
	}
	return false;
}

/* What the schema plan says would be lost, changed, or cannot be. */
static void
check_plan(PrecheckContext *pc, List *tables, List *plan, List **items)
{
	int			notes = 0;
	int			collisions = 0;
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		char	   *found;

		if (st->note == NULL || !(st->warning || st->fatal))
			continue;
		found = st->schema && st->table ?
			psprintf("%s %s of %s.%s: %s", st->kind, st->name, st->schema,
					 st->table, st->note) :
			psprintf("%s %s: %s", st->kind, st->name, st->note);
		if (st->fatal && st->sql == NULL)
		{
			add_collision(pc, items, found, collides_by_case(tables, st));
			collisions++;
		}
		else
		{
			precheck_add(items, "schema_change",
						 st->fatal ? PRECHECK_FAILED : PRECHECK_WARNING, found,
						 "See preview_schema; options and rules can choose otherwise. Change it at the source, or ignore it.");
			notes++;
		}
	}
	if (notes == 0)
		precheck_add(items, "schema_change", PRECHECK_PASSED,
					 "every object translates without loss", NULL);
	if (collisions == 0 && (!pc->source->own_definitions || pc->mysql != NULL))
		precheck_add(items, "name_collision", PRECHECK_PASSED,
					 "no two names become one", NULL);
}

/* Does a rule say what one of them is called? */
static bool
are_merged_by_rule(PrecheckContext *pc, const TableDef *a, const TableDef *b)
{
	char	   *schema;
	char	   *one;
	char	   *other;

	if (!model_has_rows(a) || !model_has_rows(b))
		return false;
	(void) selection_match(pc->selection, a->schema, a->name, &schema, &one);
	(void) selection_match(pc->selection, b->schema, b->name, &schema, &other);
	return one != NULL || other != NULL;
}

/* A column of a that b has not, or as another type; NULL: none. */
static char *
other_column(const TableDef *a, const TableDef *b)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, a->columns)
	{
		TableColumn *x = lfirst(lc);
		bool		found = x->target_name == NULL;

		foreach(lc2, b->columns)
		{
			TableColumn *y = lfirst(lc2);

			found |= y->target_name != NULL &&
				strcmp(x->target_name, y->target_name) == 0 &&
				strcmp(x->pg_type ? x->pg_type : "", y->pg_type ? y->pg_type : "") == 0;
		}
		if (!found)
			return x->target_name;
	}
	return NULL;
}

/* Tables that a rule makes one have to look alike; false: these don't. */
static bool
check_merged(PrecheckContext *pc, const TableDef *a, const TableDef *b,
			 List **items)
{
	char	   *column = other_column(a, b);

	if (!pc->task->do_schema)
		return true;
	if (column == NULL)
		column = other_column(b, a);
	if (column == NULL)
		return true;
	precheck_add(items, "name_collision", PRECHECK_FAILED,
				 psprintf("tables %s.%s and %s.%s are to become %s, and differ in column %s",
						  a->schema, a->name, b->schema, b->name,
						  quote_qualified_identifier(a->target_schema, a->target_name),
						  column),
				 "Leave the column out with a rule in objects, or make the table by hand, with all columns, and leave schema out of migration_types.");
	return false;
}

/*
 * Names that the case policy or a rule makes one. The MySQL family's plan says
 * so itself. Many tables into one are a rule's wish, where it names that.
 */
static void
check_collisions(PrecheckContext *pc, List *tables, List **items)
{
	bool		clean = true;
	ListCell   *lc;
	ListCell   *lc2;

	if (!pc->source->own_definitions || pc->mysql != NULL)
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
			if (are_merged_by_rule(pc, a, b))
			{
				clean &= check_merged(pc, a, b, items);
				continue;
			}
			add_collision(pc, items,
						  psprintf("tables %s.%s and %s.%s would both become %s",
								   a->schema, a->name, b->schema, b->name,
								   quote_qualified_identifier(a->target_schema, a->target_name)),
						  pg_strcasecmp(a->name, b->name) == 0);
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
				add_collision(pc, items,
							  psprintf("columns %s and %s of %s.%s would both become %s",
									   strcmp(x->name, y->name) < 0 ? x->name : y->name,
									   strcmp(x->name, y->name) < 0 ? y->name : x->name,
									   a->schema, a->name, x->target_name),
							  pg_strcasecmp(x->name, y->name) == 0);
				clean = false;
			}
		}
	}
	if (clean)
		precheck_add(items, "name_collision", PRECHECK_PASSED,
					 "no two names become one", NULL);
}

typedef struct PlanTrial
{
	PrecheckContext *pc;
	List	   *tables;
	PlanOptions *options;
	List	   *plan;
} PlanTrial;

static void
make_plan(void *arg)
{
	PlanTrial  *trial = arg;
	PrecheckContext *pc = trial->pc;

	trial->plan = plan_selected(pc->source, pc->conn, pc->info, trial->tables,
								trial->options, NULL);
	if (!pc->source->own_definitions && !pc->dest->elsewhere)
		precheck_views(trial->tables, trial->plan, trial->options);
}

/*
 * The schema plan. Where the source's own tools make it, they fail on what
 * other items say better (rights, versions): that is one more item then.
 */
static bool
try_plan(PrecheckContext *pc, List *tables, List **plan, List **items)
{
	PlanTrial	trial = {pc, tables, plan_options(pc->options, pc->selection), NIL};
	ErrorData  *edata;
	int			category;

	trial.options->targets_only = !pc->task->do_schema;
	edata = attempt(make_plan, &trial);
	if (edata == NULL)
	{
		*plan = trial.plan;
		if (pc->source->own_definitions && pc->task->do_schema)
			precheck_add(items, "schema", PRECHECK_PASSED,
						 "the definitions can be read", NULL);
		return true;
	}
	category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	if (!pc->source->own_definitions ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION))
		ReThrowError(edata);
	precheck_add(items, "schema", PRECHECK_FAILED,
				 psprintf("%s%s%s", edata->message, edata->detail ? ": " : "",
						  edata->detail ? edata->detail : ""), edata->hint);
	return false;
}

/* ----------------------------------------------------------------- entry */

List *
precheck_collect(PrecheckContext *pc)
{
	List	   *items = NIL;
	PrecheckScope scope = {0};
	List	   *plan;

	pc->probe = NULL;
	check_connectivity(pc, &items);
	if (pc->dest->probe != NULL)
	{
		DestProbe  *probe = palloc(sizeof(DestProbe));

		pc->dest->probe(probe);
		pc->probe = probe;
		if (!precheck_probe_suffices(probe))
		{
			precheck_kind_elsewhere(pc, &items);
			return items;
		}
	}
	scope.task = pc->task->name;
	scope.superuser = superuser_arg(pc->task->owner);
	scope.tables = describe_selected(pc->selection, pc->source, pc->conn,
									 pc->info);
	scope.full = pc->task->do_full;
	scope.incremental = pc->task->do_incremental;
	scope.policy = &pc->options->policy;
	scope.search_path = pc->options->search_path;
	scope.elsewhere = pc->dest->elsewhere;
	pc->mysql = emit_target_read();
	items = list_concat(items, pc->source->precheck(pc->conn, &scope));
	check_objects(pc, scope.tables, &items);
	if (precheck_shape(pc, scope.tables, &items) &&
		try_plan(pc, scope.tables, &plan, &items))
	{
		if (pc->mysql != NULL)
			;					/* see below */
		else if (pc->dest->elsewhere)
			precheck_tables_elsewhere(pc, scope.tables, &items);
		else
			precheck_target_tables(pc, scope.tables, &items);
		check_plan(pc, scope.tables, plan, &items);
		check_collisions(pc, scope.tables, &items);
	}
	if (pc->dest->elsewhere)
	{
		if (pc->mysql != NULL)
			precheck_mysql(pc, scope.tables, &items);
		else
			precheck_elsewhere(pc, scope.tables, &items);
		precheck_hub(pc, &items);
	}
	else
		precheck_destination(pc, scope.tables, &items);
	return items;
}

static bool
is_ignored(List *ignored, const char *item)
{
	ListCell   *lc;

	foreach(lc, ignored)
	{
		if (strcmp(lfirst(lc), item) == 0)
			return true;
	}
	return false;
}

bool
precheck_store(int64 task_id, List *items)
{
	bool		ok = true;
	bool		keep = !XactReadOnly && !RecoveryInProgress();
	int64		n = 0;
	List	   *ignored = store_precheck_ignored(task_id);
	ListCell   *lc;

	if (keep)
		store_precheck_forget(task_id);
	foreach(lc, items)
	{
		PrecheckItem *i = lfirst(lc);

		if (strcmp(i->status, PRECHECK_WARNING) == 0 &&
			is_ignored(ignored, i->item))
			i->status = PRECHECK_IGNORED;
		ok &= strcmp(i->status, PRECHECK_FAILED) != 0;
		if (keep)
		{
			StorePrecheckItem row = {i->item, i->status, i->found, precheck_advice(i),
			i->sql, i->run_at};

			store_precheck_add(task_id, ++n, &row);
		}
	}
	return ok;
}

void
precheck_ignore(const TaskRecord *task, const char *item, bool ignore)
{
	char	   *found;
	char	   *role = GetUserNameFromId(GetUserId(), false);
	bool		news;

	if (precheck_def(item) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the precheck has no item \"%s\"", item),
				 errhint("SELECT * FROM dtsmig.precheck_items lists them.")));
	if (ignore && store_precheck_has_failed(task->id, item, &found))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("item \"%s\" has failed, and only warnings can be ignored",
						item),
				 found ? errdetail("%s.", found) : 0,
				 errhint("The view dtsmig.precheck_results says what to do; then run the precheck again.")));
	news = ignore ? store_precheck_ignore(task->id, item, role) :
		store_precheck_heed(task->id, item);
	store_precheck_set_status(task->id, item,
							  ignore ? PRECHECK_WARNING : PRECHECK_IGNORED,
							  ignore ? PRECHECK_IGNORED : PRECHECK_WARNING);
	if (news)
		task_log_event(task->id, "info",
					   psprintf(ignore ?
								"warnings of item \"%s\" of the precheck are ignored, says %s" :
								"warnings of item \"%s\" of the precheck are not ignored any more, says %s",
								item, role),
					   NULL, NULL, NULL);
}
