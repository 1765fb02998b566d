/*-------------------------------------------------------------------------
 *
 * describe.c
 *	  The tables that a task moves, as the source has them now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tables/describe.h"

#include "core/one_statement.h"
#include "emit/mysql/emit.h"
#include "store/sql.h"
#include "transform/distribution.h"
#include "transform/shape.h"
#include "utils/builtins.h"
#include "utils/guc.h"

List *
describe_selected(const Selection *selection, const SourceRoutine *source,
				  SourceConn *conn, const ConnectionInfo *info)
{
	List	   *schemas = selection_schemas(selection);
	List	   *all;
	List	   *tables = NIL;
	ListCell   *lc;

	if (schemas == NIL)
		schemas = source->list_schemas(conn, info);
	all = source->describe(conn, schemas);
	foreach(lc, all)
	{
		TableDef   *def = lfirst(lc);

		if (!selection_match(selection, def->schema, def->name,
							 &def->target_schema, &def->target_name))
			continue;
		if (def->unreadable)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("the source does not show the columns of table \"%s\".\"%s\"",
							def->schema, def->name),
					 errhint("It is being altered, or damaged: CHECK TABLE shows which. "
							 "A rule with \"exclude\" in the task's objects leaves it out.")));
		shape_columns(selection, def, NULL);
		tables = lappend(tables, def);
	}
	return tables;
}

List *
describe_with_keys(const SourceRoutine *source, SourceConn *conn, List *tables)
{
	List	   *copies = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		TableDef   *def = palloc(sizeof(TableDef));

		*def = *(TableDef *) lfirst(lc);
		if (model_has_rows(def))
			copies = lappend(copies, def);
	}
	source->describe_keys(conn, copies);
	foreach(lc, copies)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->indexes)
			((TableIndex *) lfirst(lc2))->target_name = ((TableIndex *) lfirst(lc2))->name;
		foreach(lc2, def->foreign_keys)
			((TableForeignKey *) lfirst(lc2))->target_name =
				((TableForeignKey *) lfirst(lc2))->name;
	}
	return copies;
}

/* A rule's column or key would be made by a statement of PostgreSQL. */
static List *
refuse_shapes(List *plan)
{
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);

		if (st->sql != NULL && (strcmp(st->kind, "primary key") == 0 ||
								(strcmp(st->kind, "column") == 0)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a rule makes a column or a key of table \"%s\".\"%s\", which is not possible yet where the destination is MySQL or MariaDB",
							st->schema, st->table),
					 errhint("Make the tables by hand, and leave schema out of migration_types.")));
	}
	return plan;
}

/* What a rule says of places and storage is of PostgreSQL, too. */
static void
refuse_places(const Selection *selection, List *tables)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);
		const ShapeRule *rule = selection_shape(selection, def->schema, def->name);

		if (rule != NULL && (rule->placement != PLACEMENT_DEFAULT || rule->storage != NULL))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"%s\" of rule %d in objects is not possible where the destination is MySQL or MariaDB",
							rule->storage ? "storage" : "distribution_key", rule->number),
					 errhint("Leave it out, or make the table by hand.")));
	}
}

static List *
plan_for_mysql(const SourceRoutine *source, SourceConn *conn, List *tables,
			   const PlanOptions *options, List **names)
{
	List	   *plan;

	if (source->read_definitions == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a source of that kind cannot serve a destination of MySQL or MariaDB"),
				 errhint("The source of such a task is PostgreSQL.")));
	emit_names(tables, options, names);
	if (options->targets_only)
		return NIL;
	plan = emit_plan(source->read_definitions(conn, tables), options);
	if (options->selection != NULL)
		refuse_places(options->selection, tables);
	return options->selection == NULL ? plan :
		refuse_shapes(shape_plan_rows(options->selection, plan, tables, true));
}

List *
plan_selected(const SourceRoutine *source, SourceConn *conn,
			  const ConnectionInfo *info, List *tables,
			  const PlanOptions *options, List **names)
{
	List	   *plan;

	if (options->mysql != NULL)
		return plan_for_mysql(source, conn, tables, options, names);
	if (source->look_at_values && !options->targets_only)
		source->look_at_values(conn, tables, options->policy);
	if (source->own_definitions)
		plan = shape_plan_names(source->plan_objects(conn, info, tables, options,
													 names), tables);
	else
		plan = plan_schema(tables, options, names);
	if (options->selection == NULL)
		return plan;
	plan = shape_plan_rows(options->selection, plan, tables,
						   source->own_definitions);
	if (source->own_definitions && options->distribution != DISTRIBUTION_NONE)
		tables = describe_with_keys(source, conn, tables);
	return distribution_plan(options, plan, tables, NIL);
}

/* Where the parent of a foreign key has its rows, NULL: it is not known. */
static KnownPlacement *
placement_of_parent(const PlanOptions *options, const TableForeignKey *fk)
{
	KnownPlacement *known = palloc0(sizeof(KnownPlacement));
	TableDef   *def = palloc0(sizeof(TableDef));
	ListCell   *lc;
	char	   *where;

	def->schema = fk->ref_schema;
	def->name = fk->ref_table;
	if (!selection_match(options->selection, def->schema, def->name,
						 &def->target_schema, &def->target_name))
		return NULL;
	if (def->target_schema == NULL)
		def->target_schema = plan_name(def->schema, options->name_case, false);
	if (def->target_name == NULL)
		def->target_name = plan_name(def->name, options->name_case, false);
	foreach(lc, fk->ref_columns)
	{
		TableColumn *col = palloc0(sizeof(TableColumn));

		col->name = lfirst(lc);
		col->target_name = plan_name(col->name, options->name_case, true);
		def->columns = lappend(def->columns, col);
	}
	where = select_one_value(psprintf("SELECT CASE WHEN partmethod = 'h' THEN "
									  "'k' || pg_catalog.column_to_column_name(logicalrelid, partkey) "
									  "WHEN repmodel = 't' THEN 'r' ELSE 'l' END "
									  "FROM pg_catalog.pg_dist_partition WHERE logicalrelid = pg_catalog.to_regclass(%s)",
									  quote_literal_cstr(plan_table_name(def))));
	known->def = def;
	known->placement = where == NULL || where[0] == 'l' ? PLACEMENT_LOCAL :
		where[0] == 'r' ? PLACEMENT_REFERENCE : PLACEMENT_KEY;
	if (known->placement == PLACEMENT_KEY)
		known->column = where + 1;
	return known;
}

List *
plan_new_table(const PlanOptions *options, List *plan, TableDef *def)
{
	List	   *known = NIL;
	ListCell   *lc;

	plan = shape_plan_rows(options->selection, plan, list_make1(def), false);
	if (options->distribution != DISTRIBUTION_CITUS)
		return distribution_plan(options, plan, list_make1(def), NIL);
	foreach(lc, def->foreign_keys)
	{
		const TableForeignKey *fk = lfirst(lc);
		KnownPlacement *parent;

		if (strcmp(fk->ref_schema, def->schema) == 0 &&
			strcmp(fk->ref_table, def->name) == 0)
			continue;
		parent = placement_of_parent(options, fk);
		if (parent != NULL)
			known = lappend(known, parent);
	}
	return distribution_plan(options, plan, list_make1(def), known);
}

/* The schema an extension is in; NULL if it is not installed. */
static char *
extension_schema(const char *name)
{
	StoreRows   *rows;

	if (one_statement_is_elsewhere())
		return select_one_value(psprintf("SELECT n.nspname FROM pg_catalog.pg_extension e "
										 "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
										 "WHERE e.extname = %s", quote_literal_cstr(name)));
	rows = store_query("SELECT n.nspname FROM pg_catalog.pg_extension e "
					   "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace "
					   "WHERE e.extname = $1", "t", name);
	return rows->nrows ? rows->values[0][0] : NULL;
}

PlanOptions *
plan_options(TaskOptions *options, const Selection *selection)
{
	PlanOptions *po = palloc0(sizeof(PlanOptions));

	po->name_case = (NameCase) options->name_case;
	po->policy = &options->policy;
	po->selection = selection;
	po->mysql = emit_target_read();
	if (po->mysql != NULL)
		return po;
	/* of types that are not known in this database values cannot be made */
	if (!one_statement_is_elsewhere())
	{
		po->postgis_schema = extension_schema("postgis");
		po->pgvector_schema = extension_schema("vector");
	}
	po->citext_schema = extension_schema("citext");
	po->postgis = po->postgis_schema != NULL;
	po->pgvector = po->pgvector_schema != NULL;
	po->citext = po->citext_schema != NULL;
	/* Citus's tables of this database cannot be written to, see plain.c */
	if (one_statement_is_elsewhere() && extension_schema("citus") != NULL)
		po->distribution = DISTRIBUTION_CITUS;
	else if (one_statement_is_elsewhere() &&
			 select_one_value("SELECT pg_catalog.to_regclass('pg_catalog.gp_distribution_policy')") != NULL)
		po->distribution = DISTRIBUTION_GREENPLUM;
	po->owners = options->owners;
	po->grants = options->grants;
	po->comments = options->comments;
	po->publications = options->publications;
	po->subscriptions = options->subscriptions;
	po->event_triggers = options->event_triggers;
	po->security_labels = options->security_labels;
	po->tablespaces = options->tablespaces;
	po->server_version_num = atoi(one_statement_is_elsewhere() ?
								  select_one_text("SELECT pg_catalog.current_setting('server_version_num')") :
								  GetConfigOption("server_version_num", false, false));
	return po;
}
