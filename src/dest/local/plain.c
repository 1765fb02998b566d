/*-------------------------------------------------------------------------
 *
 * plain.c
 *	  Only plain tables take rows directly.
 *
 * Rows are loaded by COPY's own code, and changes written by statements that
 * expect each row to be in the table that they name. A relation whose rows are
 * elsewhere, or which something else writes, would take them and lose them: a
 * table that Citus distributes is an empty shell on this server, and COPY's
 * code, called without the extension's hooks, fills the shell, where no query
 * looks. So such a relation is refused before the first row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "rewrite/rewriteDefine.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "dest/local/local.h"

/* Why a table is refused, and what helps: errdetail and errhint. */
typedef struct Fault
{
	char	   *detail;
	char	   *hint;
} Fault;

/*
 * An extension that keeps the rows of its tables elsewhere, and the table in
 * which it lists them: by their OID, or by schema and name.
 */
typedef struct Keeper
{
	const char *extension;
	const char *schema;
	const char *catalog;
	const char *relid;			/* NULL: the two names */
	const char *schema_name;
	const char *table_name;
	const char *detail;
	const char *hint;			/* of a table, whose name it gets */
} Keeper;

static const Keeper keepers[] =
{
	{"citus", "pg_catalog", "pg_dist_partition", "logicalrelid", NULL, NULL,
		"Citus keeps its rows in shards; rows that are written to the table itself are found by no query.",
	"Use a plain table (SELECT undistribute_table(%s)), and distribute it after the cutover."},
	{"timescaledb", "_timescaledb_catalog", "hypertable", NULL, "schema_name", "table_name",
		"TimescaleDB keeps its rows in chunks; rows that are written to the table itself are found by no query.",
	"Let the task write to a plain table, and make it a hypertable after the cutover (SELECT create_hypertable(%s, …, migrate_data => true))."}
};

/* A key to search a keeper's list with; false: it has no such column. */
static bool
init_key(ScanKey key, Oid catalog, const char *column, bool name, Datum value)
{
	AttrNumber	attnum = get_attnum(catalog, column);
	Oid			type = attnum > 0 ? get_atttype(catalog, attnum) : InvalidOid;

	if (name ? type != NAMEOID : type != REGCLASSOID && type != OIDOID)
		return false;
	ScanKeyInit(key, attnum, BTEqualStrategyNumber, name ? F_NAMEEQ : F_OIDEQ, value);
	return true;
}

/* Is the table on a keeper's list? */
static bool
is_kept(const Keeper *k, Oid relid)
{
	Oid			extension = get_extension_oid(k->extension, true);
	Oid			schema = get_namespace_oid(k->schema, true);
	Oid			catalog = OidIsValid(schema) ?
		get_relname_relid(k->catalog, schema) : InvalidOid;
	NameData	schema_name;
	NameData	table_name;
	ScanKeyData key[2];
	int			nkeys;
	Relation	list;
	SysScanDesc scan;
	bool		found;

	/* a table of that name which is not the extension's says nothing */
	if (!OidIsValid(extension) || !OidIsValid(catalog) ||
		get_rel_relkind(catalog) != RELKIND_RELATION ||
		getExtensionOfObject(RelationRelationId, catalog) != extension)
		return false;
	if (k->relid != NULL)
	{
		nkeys = 1;
		if (!init_key(&key[0], catalog, k->relid, false, ObjectIdGetDatum(relid)))
			return false;
	}
	else
	{
		nkeys = 2;
		namestrcpy(&schema_name, get_namespace_name(get_rel_namespace(relid)));
		namestrcpy(&table_name, get_rel_name(relid));
		if (!init_key(&key[0], catalog, k->schema_name, true, NameGetDatum(&schema_name)) ||
			!init_key(&key[1], catalog, k->table_name, true, NameGetDatum(&table_name)))
			return false;
	}
	list = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(list, InvalidOid, false, NULL, nkeys, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(list, AccessShareLock);
	return found;
}

static bool
keeper_fault(Oid relid, Fault *fault)
{
	for (int i = 0; i < lengthof(keepers); i++)
	{
		if (!is_kept(&keepers[i], relid))
			continue;
		fault->detail = pstrdup(keepers[i].detail);
		fault->hint = psprintf(keepers[i].hint,
							   quote_literal_cstr(local_qualified_name(relid)));
		return true;
	}
	return false;
}

/* A view, a foreign table, … */
static bool
kind_fault(Oid relid, Fault *fault)
{
	char		relkind = get_rel_relkind(relid);
	const char *other = "Let the task write to a plain table: rename this one, or give the table another name at the destination with a rule in the task's objects.";

	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return false;
		case RELKIND_FOREIGN_TABLE:
			fault->detail = psprintf("It is a foreign table of server \"%s\".",
						 GetForeignServer(GetForeignTable(relid)->serverid)->servername);
			break;
		case RELKIND_VIEW:
			fault->detail = pstrdup("It is a view.");
			break;
		case RELKIND_MATVIEW:
			fault->detail = pstrdup("It is a materialized view.");
			break;
		default:
			fault->detail = pstrdup("It is not a table.");
			break;
	}
	fault->hint = pstrdup(other);
	return true;
}

/* A foreign table among the partitions, at any depth. */
static bool
partition_fault(Oid relid, Fault *fault)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid			partition = lfirst_oid(lc);

		if (get_rel_relkind(partition) != RELKIND_FOREIGN_TABLE)
			continue;
		fault->detail = psprintf("Its partition %s is a foreign table.",
								 local_qualified_name(partition));
		fault->hint = psprintf("Use a plain table as partition, or detach it: ALTER TABLE %s DETACH PARTITION %s.",
							   local_qualified_name(get_partition_parent(partition, true)),
							   local_qualified_name(partition));
		return true;
	}
	return false;
}

/*
 * A rule that puts something else in place of a row's INSERT, UPDATE or
 * DELETE, of rows that are replicated, too. (COPY knows no rules.)
 */
static bool
rule_fault(Oid relid, Fault *fault)
{
	ScanKeyData key;
	Relation	rewrite;
	SysScanDesc scan;
	HeapTuple	tup;

	rewrite = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_rewrite_ev_class, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rewrite, RewriteRelRulenameIndexId, true, NULL, 1, &key);
	while (fault->detail == NULL && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);

		if (!rule->is_instead ||
			(rule->ev_enabled != RULE_FIRES_ALWAYS &&
			 rule->ev_enabled != RULE_FIRES_ON_REPLICA))
			continue;
		fault->detail = psprintf("Rule \"%s\" acts in place of rows that are replicated, too.",
								 NameStr(rule->rulename));
		fault->hint = psprintf("ALTER TABLE %s DISABLE RULE %s.",
							   local_qualified_name(relid),
							   quote_identifier(NameStr(rule->rulename)));
	}
	systable_endscan(scan);
	table_close(rewrite, AccessShareLock);
	return fault->detail != NULL;
}

static bool
has_rules(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		rules = HeapTupleIsValid(tup) &&
		((Form_pg_class) GETSTRUCT(tup))->relhasrules;

	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return rules;
}

/* written: not read alone. */
static bool
find_fault(Oid relid, bool written, Fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	if (kind_fault(relid, fault))
		return true;
	return written &&
		(partition_fault(relid, fault) || keeper_fault(relid, fault) ||
		 (has_rules(relid) && rule_fault(relid, fault)));
}

/*
 * Raises 0A000 for a relation that cannot take rows directly; of one that is
 * only read (written false), unless it is a table.
 */
void
local_check_plain(Oid relid, bool written)
{
	Fault		fault;

	if (find_fault(relid, written, &fault))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s at the destination is not a plain table",
						local_qualified_name(relid)),
				 errdetail_internal("%s", fault.detail),
				 errhint("%s", fault.hint),
				 err_generic_string(PG_DIAG_SCHEMA_NAME,
									get_namespace_name(get_rel_namespace(relid))),
				 err_generic_string(PG_DIAG_TABLE_NAME, get_rel_name(relid))));
}

/* See DestRoutine. */
char *
local_refuses_table(const char *schema, const char *table, char **hint)
{
	Oid			nspid = get_namespace_oid(schema, true);
	Oid			relid = OidIsValid(nspid) ? get_relname_relid(table, nspid) : InvalidOid;
	Fault		fault;

	if (!OidIsValid(relid) || !find_fault(relid, true, &fault))
		return NULL;
	*hint = fault.hint;
	return fault.detail;
}
