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

static void
check_identity(PgPrecheck *p)
{
	pg_precheck_rows(p, "replica_identity", PRECHECK_FAILED,
					 "tables whose UPDATE and DELETE the log could not tell, and which the source would refuse",
					 "every table has a replica identity",
					 NULL,
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

/* Children of whose parents nothing will be here. */
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
		if (p->incremental)
			check_identity(p);
	}
	check_others(p);
}
