/*-------------------------------------------------------------------------
 *
 * pg_definition_keys.c
 *	  Definitions of tables as facts: indexes, constraints, partitions, and the
 *	  names of what else there is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"
#include "source/pgsql/pg_definition.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

static void
read_indexes(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;
	IndexDefinition *index = NULL;
	Oid			last = InvalidOid;
	int			version = pg_version_num(conn);
	const char *keys = version >= 110000 ? "i.indnkeyatts" : "i.indnatts";

	r = pg_selectf(conn, "definitions of indexes", "ootbbbbbtTbTTTbT",
				   "SELECT i.indrelid, i.indexrelid, ic.relname, i.indisprimary, "
				   "i.indisunique, i.indisexclusion, NOT i.indimmediate, %s, am.amname, "
				   "pg_catalog.pg_get_expr(i.indpred, i.indrelid), i.indnatts > %s, "
				   "pg_catalog.obj_description(i.indexrelid, 'pg_class'), a.attname, "
				   "CASE WHEN a.attname IS NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid, k + 1, false) END, "
				   "i.indoption[k] & 1 = 1, "
				   "CASE WHEN co.oid <> a.attcollation THEN co.collname END "
				   "FROM pg_catalog.pg_index i "
				   "JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid "
				   "JOIN pg_catalog.pg_am am ON am.oid = ic.relam "
				   "CROSS JOIN LATERAL pg_catalog.generate_series(0, %s - 1) k "
				   "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid "
				   "AND a.attnum = i.indkey[k] AND i.indkey[k] <> 0 "
				   "LEFT JOIN pg_catalog.pg_collation co ON co.oid = i.indcollation[k] "
				   "WHERE i.indisvalid AND i.indrelid IN (%s) "
				   "ORDER BY i.indrelid, i.indisprimary DESC, i.indisunique DESC, ic.relname, i.indexrelid, k",
				   version >= 150000 ? "i.indnullsnotdistinct" : "false", keys, keys, ids);
	for (int i = 0; i < r->nrows; i++)
	{
		IndexPartDefinition *part = palloc0(sizeof(IndexPartDefinition));

		if (index == NULL || last != pg_oid(r, i, 1))
		{
			TableDefinition *table = pg_definition_find(schema, pg_oid(r, i, 0));

			index = palloc0(sizeof(IndexDefinition));
			index->name = pg_text(r, i, 2);
			index->primary = pg_bool(r, i, 3);
			index->is_unique = pg_bool(r, i, 4);
			index->exclusion = pg_bool(r, i, 5);
			index->deferrable = pg_bool(r, i, 6);
			index->nulls_not_distinct = pg_bool(r, i, 7);
			index->method = pg_text(r, i, 8);
			index->predicate = pg_text_or_null(r, i, 9);
			index->includes = pg_bool(r, i, 10);
			index->comment = pg_text_or_null(r, i, 11);
			table->indexes = lappend(table->indexes, index);
		}
		part->column = pg_text_or_null(r, i, 12);
		part->expr = pg_text_or_null(r, i, 13);
		part->descending = pg_bool(r, i, 14);
		part->collation = pg_text_or_null(r, i, 15);
		index->parts = lappend(index->parts, part);
		last = pg_oid(r, i, 1);
	}
}

/* Those that a key of a partitioned table has with each partition are left out. */
static void
read_foreign_keys(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;
	ForeignKeyDefinition *fk = NULL;
	Oid			last = InvalidOid;
	int			version = pg_version_num(conn);

	r = pg_selectf(conn, "definitions of foreign keys", "ootttttbbbbtt",
				   "SELECT c.conrelid, c.oid, c.conname, n.nspname, f.relname, "
				   "c.confupdtype, c.confdeltype, %s, c.confmatchtype = 'f', "
				   "c.condeferrable, c.convalidated, a.attname, b.attname "
				   "FROM pg_catalog.pg_constraint c "
				   "JOIN pg_catalog.pg_class f ON f.oid = c.confrelid "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace "
				   "CROSS JOIN LATERAL pg_catalog.generate_subscripts(c.conkey, 1) k "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[k] "
				   "JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[k] "
				   "WHERE c.contype = 'f' AND c.conrelid IN (%s) %s "
				   "ORDER BY c.conrelid, c.conname, c.oid, k",
				   version >= 150000 ? "c.confdelsetcols IS NOT NULL" : "false", ids,
				   version >= 110000 ? "AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint p "
				   "WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid)" : "");
	for (int i = 0; i < r->nrows; i++)
	{
		if (fk == NULL || last != pg_oid(r, i, 1))
		{
			TableDefinition *table = pg_definition_find(schema, pg_oid(r, i, 0));

			fk = palloc0(sizeof(ForeignKeyDefinition));
			fk->name = pg_text(r, i, 2);
			fk->ref_schema = pg_text(r, i, 3);
			fk->ref_table = pg_text(r, i, 4);
			fk->on_update = pg_foreign_key_action(pg_char(r, i, 5));
			fk->on_delete = pg_foreign_key_action(pg_char(r, i, 6));
			fk->some_columns = pg_bool(r, i, 7);
			fk->full = pg_bool(r, i, 8);
			fk->deferrable = pg_bool(r, i, 9);
			fk->validated = pg_bool(r, i, 10);
			table->foreign_keys = lappend(table->foreign_keys, fk);
		}
		fk->columns = lappend(fk->columns, pg_text(r, i, 11));
		fk->ref_columns = lappend(fk->ref_columns, pg_text(r, i, 12));
		last = pg_oid(r, i, 1);
	}
}

/* Of tables, and of the domains that their columns have. */
static void
read_checks(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;
	const char *enforced = pg_version_num(conn) >= 180000 ? "k.conenforced" : "true";

	r = pg_selectf(conn, "definitions of checks", "ottTbb",
				   "WITH RECURSIVE chain(oid, domain) AS ("
				   "SELECT t.oid, t.oid FROM pg_catalog.pg_type t WHERE t.typtype = 'd' "
				   "UNION ALL SELECT c.oid, t.typbasetype FROM chain c "
				   "JOIN pg_catalog.pg_type t ON t.oid = c.domain AND t.typtype = 'd') "
				   "SELECT k.conrelid, k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid), "
				   "NULL::text, k.convalidated, %s FROM pg_catalog.pg_constraint k "
				   "WHERE k.contype = 'c' AND k.conrelid IN (%s) "
				   "UNION ALL SELECT a.attrelid, k.conname, pg_catalog.pg_get_expr(k.conbin, 0), "
				   "a.attname::text, k.convalidated, %s FROM pg_catalog.pg_attribute a "
				   "JOIN chain ON chain.oid = a.atttypid "
				   "JOIN pg_catalog.pg_constraint k ON k.contypid = chain.domain AND k.contype = 'c' "
				   "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (%s) "
				   "ORDER BY 1, 4 NULLS FIRST, 2", enforced, ids, enforced, ids);
	for (int i = 0; i < r->nrows; i++)
	{
		TableDefinition *table = pg_definition_find(schema, pg_oid(r, i, 0));
		CheckDefinition *check = palloc0(sizeof(CheckDefinition));

		check->name = pg_text(r, i, 1);
		check->expr = pg_text(r, i, 2);
		check->value = pg_text_or_null(r, i, 3);
		check->validated = pg_bool(r, i, 4);
		check->enforced = pg_bool(r, i, 5);
		table->checks = lappend(table->checks, check);
	}
}

static void
read_partitions(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;

	r = pg_selectf(conn, "partitions", "ott",
				   "SELECT i.inhrelid, n.nspname, p.relname FROM pg_catalog.pg_inherits i "
				   "JOIN pg_catalog.pg_class p ON p.oid = i.inhparent "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace "
				   "WHERE i.inhrelid IN (%s) ORDER BY 1, i.inhseqno", ids);
	for (int i = 0; i < r->nrows; i++)
		pg_definition_find(schema, pg_oid(r, i, 0))->partition_of =
			psprintf("%s.%s", pg_text(r, i, 1), pg_text(r, i, 2));
}

/* What belongs to no extension, and is in schemas of the tables. */
static void
read_others(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;

	r = pg_selectf(conn, "other objects", "ttTt",
				   "WITH s AS (SELECT DISTINCT n.oid, n.nspname FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (%s)), "
				   "own AS (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e') "
				   "SELECT o.kind, o.nspname, o.tab, o.name FROM ("
				   "SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' "
				   "WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' ELSE 'sequence' END AS kind, "
				   "s.nspname::text, NULL::text AS tab, c.relname::text AS name, "
				   "'pg_catalog.pg_class'::pg_catalog.regclass AS classid, c.oid "
				   "FROM pg_catalog.pg_class c JOIN s ON s.oid = c.relnamespace "
				   "WHERE c.relkind IN ('v', 'm', 'p', 'f') OR c.relkind = 'S' AND NOT EXISTS ("
				   "SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				   "AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				   "AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')) "
				   "UNION ALL SELECT 'function', s.nspname, NULL, p.proname || '(' || "
				   "pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', "
				   "'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid "
				   "FROM pg_catalog.pg_proc p JOIN s ON s.oid = p.pronamespace "
				   "UNION ALL SELECT 'trigger', s.nspname, c.relname, t.tgname, "
				   "'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid FROM pg_catalog.pg_trigger t "
				   "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN s ON s.oid = c.relnamespace "
				   "WHERE NOT t.tgisinternal AND c.oid IN (%s) "
				   "UNION ALL SELECT 'rule', s.nspname, c.relname, w.rulename, "
				   "'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid FROM pg_catalog.pg_rewrite w "
				   "JOIN pg_catalog.pg_class c ON c.oid = w.ev_class JOIN s ON s.oid = c.relnamespace "
				   "WHERE c.oid IN (%s) "
				   "UNION ALL SELECT 'policy', s.nspname, c.relname, p.polname, "
				   "'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid FROM pg_catalog.pg_policy p "
				   "JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN s ON s.oid = c.relnamespace "
				   "WHERE c.oid IN (%s)"
				   ") o WHERE NOT EXISTS (SELECT 1 FROM own WHERE own.classid = o.classid AND own.objid = o.oid) "
				   "ORDER BY 1, 2, 3 NULLS FIRST, 4", ids, ids, ids, ids);
	for (int i = 0; i < r->nrows; i++)
	{
		OtherObject *o = palloc0(sizeof(OtherObject));

		o->kind = pg_text(r, i, 0);
		o->schema = pg_text(r, i, 1);
		o->table = pg_text_or_null(r, i, 2);
		o->name = pg_text(r, i, 3);
		schema->others = lappend(schema->others, o);
	}
}

void
pg_definition_keys(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	read_indexes(conn, schema, ids);
	read_foreign_keys(conn, schema, ids);
	read_checks(conn, schema, ids);
	read_partitions(conn, schema, ids);
	read_others(conn, schema, ids);
}
