/*-------------------------------------------------------------------------
 *
 * pg_precheck_tables.c
 *	  The precheck of a PostgreSQL source's tables, and of what else it holds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_precheck_impl.h"

#include "core/one_statement.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "source/pgsql/pg_money.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* FROM and WHERE of the selected tables, as c and n */
#define SELECTED \
	"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n " \
	"ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND " \
	"(n.nspname, c.relname) IN (%s) "

/* Its name, as SQL spells it */
#define NAME "pg_catalog.format('%%I.%%I', n.nspname, c.relname)"

/* An index that can identify rows, i of c */
#define FIT_INDEX \
	"SELECT x.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x " \
	"ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique " \
	"AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL " \
	"AND i.indexprs IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a " \
	"WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::pg_catalog.int2[]) " \
	"AND NOT a.attnotnull)"

static void
check_privileges(PgPrecheck *p)
{
	char	   *account = pg_quote_name(p->account);

	pg_precheck_rows(p, "privileges", PRECHECK_FAILED,
					 psprintf("%s lacks", p->account),
					 psprintf("%s may read all selected tables", p->account),
					 "It takes their owner.",
					 psprintf("SELECT 'USAGE on schema ' || n.nspname, "
							  "pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO %s', n.nspname) "
							  SELECTED "AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
							  "GROUP BY n.nspname "
							  "UNION ALL SELECT 'SELECT on ' || " NAME ", "
							  "'GRANT SELECT ON ' || " NAME " || ' TO %s' "
							  SELECTED "AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')",
							  account, p->table_list, account, p->table_list));
	pg_precheck_rows(p, "sequence_privileges", PRECHECK_FAILED,
					 psprintf("%s cannot read sequences", p->account),
					 "the values of sequences can be read",
					 "It takes their owner.",
					 psprintf("SELECT " NAME ", 'GRANT SELECT ON SEQUENCE ' || " NAME " || ' TO %s' "
							  "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
							  "ON n.oid = c.relnamespace WHERE c.relkind = 'S' "
							  "AND c.relpersistence <> 't' "
							  "AND n.nspname IN (SELECT s FROM (%s) AS v(s, t)) "
							  "AND CASE c.relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT') END ORDER BY 1",
							  account, p->table_list));
	pg_precheck_rows(p, "row_security", PRECHECK_FAILED,
					 psprintf("row-level security hides rows from %s", p->account),
					 "no policy hides rows from the account",
					 "It takes a superuser.",
					 psprintf("SELECT " NAME ", CASE pg_catalog.row_number() OVER () WHEN 1 THEN 'ALTER ROLE %s BYPASSRLS' END "
							  SELECTED "AND pg_catalog.row_security_active(c.oid) ORDER BY 1",
							  account, p->table_list));
}

/* With option replica_identity = full: of those that the account owns. */
#define NOT_OURS_TO_SET \
	"AND NOT (%s AND pg_catalog.pg_has_role(c.relowner, 'USAGE')) "

static void
check_identity(PgPrecheck *p)
{
	bool		set = pg_info(p->conn)->set_identity;

	pg_precheck_rows(p, "replica_identity", PRECHECK_FAILED,
					 "tables whose UPDATE and DELETE the log could not identify rows for, and which the source would refuse",
					 set ? "every table has a replica identity, or is given one by the start (option replica_identity is full)" :
					 "every table has a replica identity",
					 set ? "It takes their owner." :
					 psprintf("Or let the task set it until it is released: SELECT dtsmig.alter_task(%s, '{\"replica_identity\": \"full\"}')",
							  quote_literal_cstr(p->scope->task)),
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || ' REPLICA IDENTITY ' || "
							  "COALESCE('USING INDEX ' || pg_catalog.quote_ident((" FIT_INDEX
							  " ORDER BY i.indnatts, x.relname LIMIT 1)), 'FULL') "
							  SELECTED NOT_OURS_TO_SET "AND c.relpersistence = 'p' AND CASE c.relreplident WHEN 'f' THEN false "
							  "WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
							  "i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate) "
							  "WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
							  "i.indrelid = c.oid AND i.indisreplident) ELSE true END ORDER BY 1",
							  p->table_list, set ? "true" : "false"));
	pg_precheck_rows(p, "keys", PRECHECK_WARNING,
					 "tables without a primary or unique key: changes find their rows by all columns, which is slow for large tables",
					 "every table has a key",
					 "Or make a primary key of columns that they have.",
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || "
							  "' ADD COLUMN dts_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY' "
							  SELECTED "AND NOT EXISTS (" FIT_INDEX ") ORDER BY 1",
							  p->table_list));
	pg_precheck_rows(p, "unlogged_tables", PRECHECK_WARNING,
					 "changes of unlogged tables are not in the log: only what they hold at the start is copied",
					 "there are none",
					 NULL,
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || ' SET LOGGED' "
							  SELECTED "AND c.relpersistence = 'u' ORDER BY 1",
							  p->table_list));
}

/* Does a type hold amounts, as t? In arrays, and one level of composite types. */
#define HOLDS_MONEY \
	"(COALESCE(NULLIF(t.typbasetype, 0), t.oid) IN ('money'::pg_catalog.regtype, 'money[]'::pg_catalog.regtype) " \
	"OR EXISTS (SELECT FROM pg_catalog.pg_attribute k WHERE k.attrelid = t.typrelid AND t.typtype = 'c' " \
	"AND k.atttypid IN ('money'::pg_catalog.regtype, 'money[]'::pg_catalog.regtype)))"

/* See pg_money.c. */
static void
check_money(PgPrecheck *p)
{
	PgResult   *r;
	PgMoney		money;
	PrecheckItem *item;
	char	   *database = pstrdup(quote_identifier(get_database_name(MyDatabaseId)));

	r = pg_selectf(p->conn, "columns of type money", "tb",
				   "SELECT pg_catalog.format('%%I.%%I.%%I', n.nspname, c.relname, a.attname), "
				   "COALESCE(NULLIF(t.typbasetype, 0), t.oid) <> 'money'::pg_catalog.regtype "
				   "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
				   "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE a.attnum > 0 AND NOT a.attisdropped AND (n.nspname, c.relname) IN (%s) "
				   "AND " HOLDS_MONEY " ORDER BY 2 DESC, 1", p->table_list);
	if (r->nrows == 0)
	{
		pg_precheck_add(p, "money", PRECHECK_PASSED, "no column is of type money", NULL);
		return;
	}
	pg_money_look(p->conn, &money);
	if (money.locale == NULL)
		precheck_sql(pg_precheck_add(p, "money", PRECHECK_WARNING,
									 psprintf("the source's lc_monetary cannot be seen, for %s has one of its own; amounts like those of %s are taken to have as many digits as at the destination",
											  p->account, pg_text(r, 0, 0)), NULL),
					 AT_SOURCE, "ALTER ROLE %s RESET lc_monetary", pg_quote_name(p->account));
	else if (money.source != money.dest)
	{
		item = pg_precheck_add(p, "money", PRECHECK_FAILED,
							   psprintf("amounts of type money, such as those of %s, have %d digits behind the point at the source (lc_monetary %s), and %d at the destination",
										pg_text(r, 0, 0), money.source, money.locale, money.dest),
							   "Or another locale with as many digits.");
		precheck_sql(item, AT_DESTINATION, "ALTER DATABASE %s SET lc_monetary = %s",
					 database, quote_literal_cstr(money.locale));
	}
	else if (pg_bool(r, 0, 1) && !pg_money_text_is_plain())
		precheck_sql(pg_precheck_add(p, "money", PRECHECK_FAILED,
									 psprintf("amounts inside of %s come in the form $1,234.50, which this database's lc_monetary does not read",
											  pg_text(r, 0, 0)), "Until the cutover."),
					 AT_DESTINATION, "ALTER DATABASE %s SET lc_monetary = 'C'", database);
	else
		pg_precheck_add(p, "money", PRECHECK_PASSED,
						psprintf("amounts have %d digits behind the point on both sides", money.dest), NULL);
}

/* Children of whose parents nothing will be at the destination. */
static void
check_parents(PgPrecheck *p)
{
	PgResult   *r;
	StringInfoData found;
	List	   *rules = NIL;

	r = pg_select(p->conn, "foreign_key_parents", "ttttt",
				  psprintf("SELECT k.conname, n.nspname, c.relname, fn.nspname, f.relname "
						  "FROM pg_catalog.pg_constraint k "
						  "JOIN pg_catalog.pg_class c ON c.oid = k.conrelid "
						  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
						  "JOIN pg_catalog.pg_class f ON f.oid = k.confrelid "
						  "JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace "
						  "WHERE k.contype = 'f' AND f.relkind = 'r' "
						  "AND (n.nspname, c.relname) IN (%s) "
						  "AND (fn.nspname, f.relname) NOT IN (%s) ORDER BY 2, 3, 1",
						  p->table_list, p->table_list));
	if (r->nrows == 0)
	{
		pg_precheck_add(p, "foreign_key_parents", PRECHECK_PASSED,
						"the parent of every foreign key is selected", NULL);
		return;
	}
	initStringInfo(&found);
	for (int i = 0; i < r->nrows; i++)
	{
		char	   *schema = pg_text(r, i, 3);
		char	   *name = pg_text(r, i, 4);

		if (i < PRECHECK_SHOWN)
			appendStringInfo(&found, "%s%s of %s.%s (%s.%s)", i ? ", " : "",
							 pg_text(r, i, 0), pg_text(r, i, 1), pg_text(r, i, 2),
							 schema, name);
		rules = precheck_rule(rules, schema, name);
	}
	if (r->nrows > PRECHECK_SHOWN)
		appendStringInfo(&found, " and %d more", r->nrows - PRECHECK_SHOWN);
	pg_precheck_add(p, "foreign_key_parents", PRECHECK_WARNING,
					psprintf("foreign keys whose parent is not selected are not made: %s",
							 found.data),
					precheck_rules(rules));
}

/* Where the source's own sessions find what they name. */
#define DATABASE_PATH \
	"COALESCE((SELECT pg_catalog.substr(v, 13) FROM pg_catalog.pg_db_role_setting s " \
	"JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database() " \
	"CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) v WHERE s.setrole = 0 " \
	"AND pg_catalog.left(v, 12) = 'search_path='), 'public')"

/*
 * Rows are written at the destination, and indexes built, without a
 * search_path: a function whose text names something of the user's without its
 * schema fails then. (Its text is read; it is not run, which would be with the
 * account's rights.)
 */
static void
check_function_paths(PgPrecheck *p)
{
	if (p->scope->search_path[0] != '\0')
	{
		pg_precheck_add(p, "function_paths", PRECHECK_PASSED,
						psprintf("functions find what they name in %s (option search_path)",
								 p->scope->search_path), NULL);
		return;
	}
	pg_precheck_rows(p, "function_paths", PRECHECK_WARNING,
					 "functions that checks, generated columns or indexes call, and that name others without a schema: rows would be refused at the destination",
					 "no function that rows need names others without a schema",
					 psprintf("Or let the task have the source's search_path: SELECT dtsmig.alter_task(%s, '{\"search_path\": %s}')",
							  quote_literal_cstr(p->scope->task),
							  psprintf("\"%s\"", pg_select_text(p->conn, "search_path", "SELECT pg_catalog.replace(" DATABASE_PATH ", '\"$user\", ', '')"))),
					 psprintf("WITH used AS (SELECT DISTINCT d.refobjid AS oid FROM pg_catalog.pg_depend d "
							  "WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND ("
							  "(d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype = 'c')) "
							  "OR (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = d.objid)) "
							  "OR (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0) "
							  "OR (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND %s))), "
							  "names AS (SELECT pg_catalog.lower(x.name) AS name FROM ("
							  "SELECT relname AS name, relnamespace AS space FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'S', 'f') "
							  "UNION ALL SELECT proname, pronamespace FROM pg_catalog.pg_proc "
							  "UNION ALL SELECT typname, typnamespace FROM pg_catalog.pg_type WHERE typtype IN ('d', 'e', 'c', 'r', 'b') AND typname !~ '^_') x "
							  "JOIN pg_catalog.pg_namespace n ON n.oid = x.space "
							  "WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'dtsmig', 'dtsmig_source') "
							  "AND x.name ~ '^[a-z_][a-z0-9_]*$') "
							  "SELECT pg_catalog.format('%%s (%%s)', f.oid::pg_catalog.regprocedure, pg_catalog.min(names.name)), "
							  "pg_catalog.format('ALTER FUNCTION %%s SET search_path = %%s', f.oid::pg_catalog.regprocedure, " DATABASE_PATH ") "
							  "FROM used JOIN pg_catalog.pg_proc f ON f.oid = used.oid "
							  "JOIN pg_catalog.pg_language l ON l.oid = f.prolang AND l.lanname IN ('sql', 'plpgsql') "
							  "JOIN names ON f.prosrc ~* ('(^|[^.\"[:alnum:]_])' || names.name || '($|[^[:alnum:]_])') "
							  "WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest(f.proconfig) c WHERE pg_catalog.left(c, 12) = 'search_path=') "
							  "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass "
							  "AND e.objid = f.oid AND e.deptype = 'e') GROUP BY f.oid ORDER BY 1",
							  pg_version_num(p->conn) < 120000 ? "false" :
							  "EXISTS (SELECT FROM pg_catalog.pg_attrdef a JOIN pg_catalog.pg_attribute t ON t.attrelid = a.adrelid "
							  "AND t.attnum = a.adnum WHERE a.oid = d.objid AND t.attgenerated <> '')"));
}

/*
 * IS DISTINCT FROM, NULLIF, simple CASE and JOIN … USING are written without
 * the schema of their operator: what an expression has by its identity, and
 * what its text leaves to be found by name.
 */
#define UNNAMED_OPERATORS \
	"IS DISTINCT FROM|IS NOT DISTINCT FROM|NULLIF\\(|\\mCASE\\s+(?!WHEN\\y)|\\mJOIN\\y.*\\mUSING\\s*\\("

static void
check_operator_paths(PgPrecheck *p)
{
	const char *path = p->scope->search_path[0] ? p->scope->search_path : "pg_catalog";
	PrecheckItem *item;
	StringInfoData json;

	item = pg_precheck_rows(p, "operator_paths", PRECHECK_WARNING,
					 "definitions compare by an operator whose schema their text does not name, so that they would mean something else at the destination",
					 "every operator that definitions use is found at the destination",
					 "Let the task make them under the source's search_path.",
					 psprintf("SELECT DISTINCT pg_catalog.format('%%s %%s (%%s)', i.type, i.identity, o.oid::pg_catalog.regoperator), NULL "
							  "FROM (SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass AS classid, r.oid AS objid, "
							  "pg_catalog.pg_get_viewdef(r.ev_class) AS text FROM pg_catalog.pg_rewrite r "
							  "JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') AND r.rulename = '_RETURN' "
							  "WHERE r.oid >= 16384 "
							  "UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, oid, pg_catalog.pg_get_ruledef(oid) "
							  "FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN' AND oid >= 16384 "
							  "UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid, pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef "
							  "UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint WHERE contype = 'c' "
							  "UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid, pg_catalog.pg_get_indexdef(indexrelid) FROM pg_catalog.pg_index "
							  "WHERE indexprs IS NOT NULL OR indpred IS NOT NULL "
							  "UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgqual IS NOT NULL "
							  "UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, oid, pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(polqual, polrelid), pg_catalog.pg_get_expr(polwithcheck, polrelid)) FROM pg_catalog.pg_policy"
							  ") x(classid, objid, text) "
							  "JOIN pg_catalog.pg_depend d ON d.classid = x.classid AND d.objid = x.objid AND d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass "
							  "JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid AND o.oprname IN ('=', '<>') "
							  "JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace AND n.nspname <> 'pg_catalog' "
							  "AND n.nspname <> ALL (pg_catalog.string_to_array(pg_catalog.replace(pg_catalog.replace(%s, '\"', ''), ' ', ''), ',')) "
							  "CROSS JOIN LATERAL pg_catalog.pg_identify_object(x.classid, x.objid, 0) i "
							  "WHERE x.objid >= 16384 AND x.text ~ %s ORDER BY 1",
							  pg_quote_literal(path), pg_quote_literal(UNNAMED_OPERATORS)));
	if (item == NULL)
		return;
	initStringInfo(&json);
	escape_json(&json, pg_select_text(p->conn, "search_path", "SELECT pg_catalog.replace(" DATABASE_PATH ", '\"$user\", ', '')"));
	precheck_sql(item, AT_DESTINATION, "SELECT dtsmig.alter_task(%s, %s)",
				 quote_literal_cstr(p->scope->task),
				 quote_literal_cstr(psprintf("{\"search_path\": %s}", json.data)));
}

/* What is not in tables, and stays behind. */
static void
check_others(PgPrecheck *p)
{
	pg_precheck_rows(p, "large_objects", PRECHECK_WARNING,
					 "large objects are not migrated",
					 "there are none",
					 "Copy them by other means before the cutover, if they are needed.",
					 "SELECT pg_catalog.count(*), NULL FROM pg_catalog.pg_largeobject_metadata HAVING pg_catalog.count(*) > 0");
	pg_precheck_rows(p, "foreign_tables", PRECHECK_WARNING,
					 "rows of foreign tables stay where they are",
					 "there are none",
					 "Their definitions are migrated; give their servers user mappings at the destination.",
					 "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), NULL FROM pg_catalog.pg_class c "
					 "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					 "WHERE c.relkind = 'f' ORDER BY 1");
}

void
pg_precheck_tables(PgPrecheck *p)
{
	if (p->table_list != NULL)
	{
		check_privileges(p);
		check_parents(p);
		if (!p->scope->elsewhere)
			check_money(p);
		if (one_statement_is_postgres())
		{
			check_function_paths(p);
			check_operator_paths(p);
		}
		if (p->incremental)
			check_identity(p);
	}
	check_others(p);
}
