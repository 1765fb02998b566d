/*-------------------------------------------------------------------------
 *
 * pg_precheck_tables.c
 *	  The precheck of a PostgreSQL source's tables, and of what else it holds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_precheck_impl.h"

/* FROM and WHERE of the selected tables, as c and n */
#define SELECTED \
	"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n " \
	"ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND " \
	"(n.nspname, c.relname) IN (%s) "

/* Its name, as SQL spells it */
#define NAME "pg_catalog.format('%%I.%%I', n.nspname, c.relname)"

/* An index that can tell rows apart, i of c */
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
					 "As their owner:",
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
					 "As their owner:",
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
					 psprintf("ALTER ROLE %s BYPASSRLS; or, table by table:", account),
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || ' DISABLE ROW LEVEL SECURITY' "
							  SELECTED "AND pg_catalog.row_security_active(c.oid) ORDER BY 1",
							  p->table_list));
}

static void
check_identity(PgPrecheck *p)
{
	pg_precheck_rows(p, "replica_identity", PRECHECK_FAILED,
					 "tables whose UPDATE and DELETE the log could not tell, and which the source would refuse",
					 "every table has a replica identity",
					 "At the source:",
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || ' REPLICA IDENTITY ' || "
							  "COALESCE('USING INDEX ' || pg_catalog.quote_ident((" FIT_INDEX
							  " ORDER BY i.indnatts, x.relname LIMIT 1)), 'FULL') "
							  SELECTED "AND c.relpersistence = 'p' AND CASE c.relreplident WHEN 'f' THEN false "
							  "WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
							  "i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate) "
							  "WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
							  "i.indrelid = c.oid AND i.indisreplident) ELSE true END ORDER BY 1",
							  p->table_list));
	pg_precheck_rows(p, "keys", PRECHECK_WARNING,
					 "tables without a primary or unique key: changes find their rows by all columns, which is slow for large tables",
					 "every table has a key",
					 "Give them a primary key:",
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || "
							  "' ADD COLUMN dts_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY' "
							  SELECTED "AND NOT EXISTS (" FIT_INDEX ") ORDER BY 1",
							  p->table_list));
	pg_precheck_rows(p, "unlogged_tables", PRECHECK_WARNING,
					 "changes of unlogged tables are not in the log: only what they hold at the start is copied",
					 "there are none",
					 "At the source:",
					 psprintf("SELECT " NAME ", 'ALTER TABLE ' || " NAME " || ' SET LOGGED' "
							  SELECTED "AND c.relpersistence = 'u' ORDER BY 1",
							  p->table_list));
}

/* What is not in tables, and stays behind. */
static void
check_others(PgPrecheck *p)
{
	pg_precheck_rows(p, "large_objects", PRECHECK_WARNING,
					 "large objects are not migrated",
					 "there are none",
					 "Copy them by hand after the cutover, or, if they are not needed:",
					 "SELECT pg_catalog.count(*)::pg_catalog.text, "
					 "'SELECT lo_unlink(oid) FROM pg_largeobject_metadata' "
					 "FROM pg_catalog.pg_largeobject_metadata HAVING pg_catalog.count(*) > 0");
	pg_precheck_rows(p, "foreign_tables", PRECHECK_WARNING,
					 "rows of foreign tables stay where they are",
					 "there are none",
					 "Their definitions are migrated; their servers' passwords are not.",
					 "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
					 "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
					 "WHERE c.relkind = 'f' ORDER BY 1");
}

void
pg_precheck_tables(PgPrecheck *p)
{
	if (p->table_list != NULL)
	{
		check_privileges(p);
		if (p->incremental)
			check_identity(p);
	}
	check_others(p);
}
