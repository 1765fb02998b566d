/*-------------------------------------------------------------------------
 *
 * fdw_import.c
 *	  IMPORT FOREIGN SCHEMA: foreign tables with the types that a migration
 *	  would give the tables.
 *
 * An enum type that the migration has made, of the same labels, is the
 * column's type, so that both tables can be compared; else one is made in the
 * schema that the import goes to. A type of a PostgreSQL source that there is
 * that this database does not have is read as text. Of somebody else's domain
 * the base type is taken, of one within another type text: whoever makes a
 * schema first would have code run as the foreign table's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_plan.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "core/table_owner.h"
#include "executor/spi.h"
#include "fdw/fdw_table_options.h"
#include "foreign/fdw_table.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "schema/mysql_types.h"
#include "tables/describe.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

typedef struct Import
{
	ImportForeignSchemaStmt *stmt;
	FdwConnection *c;
	bool		family;			/* of MySQL */
	bool		not_null;
	TaskOptions *options;
	PlanOptions *plan;
	char	   *table_options;	/* that each table gets */
} Import;

/* ------------------------------------------------------------------ options */

static void
append_option(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, ", %s %s", quote_identifier(name),
					 quote_literal_cstr(value));
}

static void
read_options(Import *im)
{
	List	   *names = NIL;
	List	   *values = NIL;
	StringInfoData kept;
	ListCell   *lc;

	initStringInfo(&kept);
	im->not_null = true;
	foreach(lc, im->stmt->options)
	{
		DefElem    *def = lfirst(lc);
		char	   *value = defGetString(def);

		if (strcmp(def->defname, "import_not_null") == 0)
		{
			im->not_null = defGetBoolean(def);
			continue;
		}
		if (strcmp(def->defname, "name_case") != 0 &&
			!fdw_table_is_type_option(def->defname))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("Valid options are import_not_null, name_case, and those of the type map that a foreign table has.")));
		names = lappend(names, def->defname);
		values = lappend(values, value);
		if (strcmp(def->defname, "name_case") != 0)
			append_option(&kept, def->defname, value);
	}
	im->options = options_of_types(names, values, true);
	im->table_options = kept.data;
	im->plan = plan_options(im->options, NULL);
}

/* ------------------------------------------------------------------- tables */

static bool
is_wanted(const Import *im, const TableDef *def)
{
	ListCell   *lc;
	bool		named = false;

	foreach(lc, im->stmt->table_list)
	{
		const char *name = ((RangeVar *) lfirst(lc))->relname;

		named |= strcmp(name, def->name) == 0 || strcmp(name, def->target_name) == 0;
	}
	return im->stmt->list_type == FDW_IMPORT_SCHEMA_ALL ||
		named == (im->stmt->list_type == FDW_IMPORT_SCHEMA_LIMIT_TO);
}

/* Those that rows can be read of. */
static List *
describe(Import *im)
{
	const char *schema = im->stmt->remote_schema;
	List	   *tables = NIL;
	ListCell   *lc;

	if (!im->c->source->has_schema(im->c->conn, schema))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" is not present on server \"%s\"", schema,
						im->c->info->server_name),
				 errdetail("Or the account may see nothing of it.")));
	foreach(lc, im->c->source->describe(im->c->conn, list_make1(pstrdup(schema))))
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def) || def->unreadable)
			continue;
		def->target_schema = im->stmt->local_schema;
		tables = lappend(tables, def);
	}
	return tables;
}

/* -------------------------------------------------------------------- types */

static void
run(const char *sql)
{
	MemoryContext cxt = CurrentMemoryContext;
	int			rc = SPI_execute(sql, false, 0);

	/* SPI leaves its own */
	MemoryContextSwitchTo(cxt);
	if (rc != SPI_OK_UTILITY)
		elog(ERROR, "%s failed: %s", sql, SPI_result_code_string(rc));
}

static bool
has_labels(Oid type, List *labels)
{
	CatCList   *members = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	bool		same = members->n_members == list_length(labels);
	ListCell   *lc;
	float4		last = 0;

	ReleaseSysCacheList(members);
	foreach(lc, labels)
	{
		HeapTuple	tup;
		float4		order;

		if (!same || strlen(lfirst(lc)) >= NAMEDATALEN)
			return false;
		tup = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(type),
							  CStringGetDatum(lfirst(lc)));
		if (!HeapTupleIsValid(tup))
			return false;
		order = ((Form_pg_enum) GETSTRUCT(tup))->enumsortorder;
		same = lc == list_head(labels) || order > last;
		last = order;
		ReleaseSysCache(tup);
	}
	return same;
}

/* The type of that name; InvalidOid: there is none. */
static Oid
type_in_schema(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ?
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						ObjectIdGetDatum(namespace)) : InvalidOid;
}

/* The enum type of a column: the migration's, one that exists, or a new one. */
static void
enum_type(Import *im, const TableDef *def, TableColumn *col, List *plan)
{
	char	   *name = strVal(llast(dts_qualified_name_list(col->pg_type)));
	char	   *migrated = plan_name(def->schema, im->plan->name_case, false);
	Oid			type = type_in_schema(migrated, name);
	ListCell   *lc;

	if (OidIsValid(type) && type_is_enum(type) && has_labels(type, col->labels))
	{
		col->pg_type = quote_qualified_identifier(migrated, name);
		return;
	}
	type = type_in_schema(im->stmt->local_schema, name);
	if (OidIsValid(type) && type_is_enum(type) && has_labels(type, col->labels))
		return;
	if (OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("type %s exists already, and is no enum with the labels of column \"%s\" of table \"%s\".\"%s\"",
						col->pg_type, col->name, def->schema, def->name),
				 errhint("DROP TYPE %s; or import with OPTIONS (enum 'text').",
						 col->pg_type)));
	foreach(lc, plan)
	{
		PlanStatement *s = lfirst(lc);

		if (strcmp(s->kind, "type") == 0 && strcmp(s->name, col->pg_type) == 0)
			run(s->sql);
	}
}

static void
family_types(Import *im, const TableDef *def, List *plan)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (mysql_column_class(col) == PGC_ENUM)
			enum_type(im, def, col, plan);
	}
}

/* Those of superusers, and of roles that may be this one anyway, are trusted. */
static bool
runs_code_of_others(Oid type)
{
	Oid			owner = table_owner_of_domain(type);

	return OidIsValid(owner) && !superuser_arg(owner) && !table_owner_is_trusted_role(owner);
}

/* The source's word for a type is not trusted to be one. */
static void
named_types(const Import *im, const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		Oid			type;
		int32		typmod;

		dts_parse_type(col->source_type, &type, &typmod);
		if (OidIsValid(type) && runs_code_of_others(type))
		{
			Oid			base = getBaseTypeAndTypmod(type, &typmod);

			if (base == type || runs_code_of_others(base))
			{
				base = TEXTOID;
				typmod = -1;
			}
			ereport(NOTICE,
					(errmsg("type %s of column \"%s\" of table \"%s\".\"%s\" has a domain of role \"%s\" at the destination; the column is imported as %s",
							col->source_type, col->name, def->schema, def->name,
							GetUserNameFromId(table_owner_of_domain(type), false),
							format_type_with_typemod(base, typmod))));
			type = base;
		}
		if (OidIsValid(type))
		{
			col->pg_type = format_type_extended(type, typmod,
												FORMAT_TYPE_TYPEMOD_GIVEN |
												FORMAT_TYPE_FORCE_QUALIFY);
			continue;
		}
		ereport(NOTICE,
				(errmsg("type %s of column \"%s\" of table \"%s\".\"%s\" does not exist at the destination; the column is imported as text",
						col->source_type, col->name, def->schema, def->name)));
		col->pg_type = "pg_catalog.text";
	}
}

/* --------------------------------------------------------------- statements */

/* Can a value that is not NULL at the source be read as NULL? */
static bool
may_become_null(const Import *im, const TableColumn *col)
{
	if (!im->family)
		return false;
	return (mysql_is_date_type(col) &&
			im->options->policy.zero_date == ZERO_DATE_NULL) ||
		(strcmp(col->base_type, "enum") == 0 &&
		 im->options->policy.enum_error == ENUM_ERROR_NULL);
}

static char *
statement(const Import *im, const TableDef *def)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (", quote_identifier(def->target_name));
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		appendStringInfo(&sql, "%s\n  %s %s", lc == list_head(def->columns) ? "" : ",",
						 quote_identifier(col->target_name), col->pg_type);
		if (strcmp(col->target_name, col->name) != 0)
			appendStringInfo(&sql, " OPTIONS (column_name %s)",
							 quote_literal_cstr(col->name));
		if (col->pg_collation != NULL)
			appendStringInfo(&sql, " COLLATE %s", col->pg_collation);
		if (im->not_null && !col->nullable && !may_become_null(im, col))
			appendStringInfoString(&sql, " NOT NULL");
	}
	appendStringInfo(&sql, ")\nSERVER %s\nOPTIONS (schema_name %s, table_name %s%s)",
					 quote_identifier(im->stmt->server_name),
					 quote_literal_cstr(def->schema), quote_literal_cstr(def->name),
					 im->table_options);
	return sql.data;
}

static void
name_tables(const Import *im, List *tables)
{
	NameCase	name_case = im->plan->name_case == NAME_CASE_DEFAULT ?
		NAME_CASE_SOURCE : im->plan->name_case;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		def->target_name = plan_name(def->name, name_case, false);
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			col->target_name = plan_name(col->name, name_case, true);
		}
	}
}

List *
fdw_import(ImportForeignSchemaStmt *stmt, Oid server)
{
	Import		im = {stmt};
	List	   *commands = NIL;
	List	   *tables;
	List	   *plan = NIL;
	ListCell   *lc;
	MemoryContext cxt = CurrentMemoryContext;

	im.c = fdw_connection_get(server, GetUserId());
	im.family = strcmp(im.c->info->server_type, "postgresql") != 0;
	read_options(&im);
	tables = describe(&im);
	if (im.family)
		plan = plan_schema(tables, im.plan, NULL);
	else
		name_tables(&im, tables);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(lc, plan)
	{
		PlanStatement *s = lfirst(lc);

		if (strcmp(s->kind, "collation") == 0)
			run(s->sql);
	}
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		MemoryContext spi;

		if (!is_wanted(&im, def))
			continue;
		spi = MemoryContextSwitchTo(cxt);
		if (im.family)
			family_types(&im, def, plan);
		else
			named_types(&im, def);
		commands = lappend(commands, statement(&im, def));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	/* names were compared with those of the source, too */
	stmt->list_type = FDW_IMPORT_SCHEMA_ALL;
	return commands;
}
