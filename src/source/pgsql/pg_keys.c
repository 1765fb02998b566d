/*-------------------------------------------------------------------------
 *
 * pg_keys.c
 *	  All indexes and foreign keys of tables, for verification. (pg_schema.c
 *	  asks for the key that tells rows apart alone; they are made by pg_dump.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "lib/stringinfo.h"

static TableDef *
find_by_id(List *tables, const char *id)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->source_id && strcmp(def->source_id, id) == 0)
			return def;
	}
	return NULL;
}

static bool
is_true(const char *value)
{
	return value != NULL && value[0] == 't';
}

static void
read_indexes(PgConn *conn, List *tables, const char *ids)
{
	PgResult   *r;
	TableIndex *index = NULL;
	const char *last = NULL;

	r = pg_queryf(conn,
				  "SELECT i.indrelid, i.indexrelid, ic.relname, i.indisprimary, "
				  "i.indisunique, i.indpred IS NOT NULL, a.attname, "
				  "pg_catalog.pg_get_indexdef(i.indexrelid, k + 1, true) "
				  "FROM pg_catalog.pg_index i "
				  "JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid "
				  "CROSS JOIN LATERAL pg_catalog.generate_series(0, %s - 1) k "
				  "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid "
				  "AND a.attnum = i.indkey[k] AND i.indkey[k] <> 0 "
				  "WHERE i.indisvalid AND i.indrelid IN (%s) "
				  "ORDER BY i.indrelid, i.indisprimary DESC, ic.relname, i.indexrelid, k",
				  pg_version_num(conn) >= 110000 ? "i.indnkeyatts" : "i.indnatts",
				  ids);
	for (int i = 0; i < r->nrows; i++)
	{
		char	  **v = r->values[i];
		IndexPart  *part = palloc0(sizeof(IndexPart));

		if (last == NULL || strcmp(last, v[1]) != 0)
		{
			TableDef   *def = find_by_id(tables, v[0]);

			index = palloc0(sizeof(TableIndex));
			index->name = v[2];
			index->kind = is_true(v[3]) ? INDEX_PRIMARY :
				is_true(v[4]) ? INDEX_UNIQUE : INDEX_PLAIN;
			index->partial = is_true(v[5]);
			def->indexes = lappend(def->indexes, index);
		}
		part->column = v[6];
		part->expr = v[6] ? NULL : v[7];
		index->parts = lappend(index->parts, part);
		last = v[1];
	}
}

static char *
action(const char *type)
{
	switch (type[0])
	{
		case 'r':
			return "RESTRICT";
		case 'c':
			return "CASCADE";
		case 'n':
			return "SET NULL";
		case 'd':
			return "SET DEFAULT";
		default:
			return "NO ACTION";
	}
}

static void
read_foreign_keys(PgConn *conn, List *tables, const char *ids)
{
	PgResult   *r;
	TableForeignKey *fk = NULL;
	const char *last = NULL;

	r = pg_queryf(conn,
				  "SELECT c.conrelid, c.oid, c.conname, n.nspname, f.relname, "
				  "c.confupdtype, c.confdeltype, a.attname, b.attname "
				  "FROM pg_catalog.pg_constraint c "
				  "JOIN pg_catalog.pg_class f ON f.oid = c.confrelid "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace "
				  "CROSS JOIN LATERAL pg_catalog.generate_subscripts(c.conkey, 1) k "
				  "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid "
				  "AND a.attnum = c.conkey[k] "
				  "JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid "
				  "AND b.attnum = c.confkey[k] "
				  "WHERE c.contype = 'f' AND c.conrelid IN (%s) "
				  "ORDER BY c.conrelid, c.conname, c.oid, k", ids);
	for (int i = 0; i < r->nrows; i++)
	{
		char	  **v = r->values[i];

		if (last == NULL || strcmp(last, v[1]) != 0)
		{
			TableDef   *def = find_by_id(tables, v[0]);

			fk = palloc0(sizeof(TableForeignKey));
			fk->name = v[2];
			fk->ref_schema = v[3];
			fk->ref_table = v[4];
			fk->on_update = action(v[5]);
			fk->on_delete = action(v[6]);
			def->foreign_keys = lappend(def->foreign_keys, fk);
		}
		fk->columns = lappend(fk->columns, v[7]);
		fk->ref_columns = lappend(fk->ref_columns, v[8]);
		last = v[1];
	}
}

void
pg_describe_keys(SourceConn *source, List *tables)
{
	PgConn	   *conn = ((PgSource *) source)->sql;
	StringInfoData ids;
	ListCell   *lc;

	initStringInfo(&ids);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		def->indexes = def->foreign_keys = NIL;
		appendStringInfo(&ids, "%s%s", ids.len ? ", " : "", def->source_id);
	}
	if (ids.len == 0)
		return;
	read_indexes(conn, tables, ids.data);
	read_foreign_keys(conn, tables, ids.data);
}
