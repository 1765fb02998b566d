/*-------------------------------------------------------------------------
 *
 * pg_keys.c
 *	  All indexes and foreign keys of tables, for verification. (pg_schema.c
 *	  asks for the key that identifies rows alone; they are made by pg_dump.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "lib/stringinfo.h"

static TableDef *
find_by_id(List *tables, Oid oid)
{
	char	   *id = psprintf("%u", oid);
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->source_id && strcmp(def->source_id, id) == 0)
			return def;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("the source sent a key of a table that was not asked for (OID %s)",
					id)));
	return NULL;
}

static void
read_indexes(PgConn *conn, List *tables, const char *ids)
{
	PgResult   *r;
	TableIndex *index = NULL;
	Oid			last = InvalidOid;

	r = pg_selectf(conn, "indexes", "ootbbbTT",
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
		IndexPart  *part = palloc0(sizeof(IndexPart));

		if (index == NULL || last != pg_oid(r, i, 1))
		{
			TableDef   *def = find_by_id(tables, pg_oid(r, i, 0));

			index = palloc0(sizeof(TableIndex));
			index->name = pg_text(r, i, 2);
			index->kind = pg_bool(r, i, 3) ? INDEX_PRIMARY :
				pg_bool(r, i, 4) ? INDEX_UNIQUE : INDEX_PLAIN;
			index->partial = pg_bool(r, i, 5);
			def->indexes = lappend(def->indexes, index);
		}
		part->column = pg_text_or_null(r, i, 6);
		part->expr = part->column ? NULL : pg_text_or_null(r, i, 7);
		index->parts = lappend(index->parts, part);
		last = pg_oid(r, i, 1);
	}
}

char *
pg_foreign_key_action(char type)
{
	switch (type)
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
	Oid			last = InvalidOid;

	r = pg_selectf(conn, "foreign keys", "oottttttt",
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
		if (fk == NULL || last != pg_oid(r, i, 1))
		{
			TableDef   *def = find_by_id(tables, pg_oid(r, i, 0));

			fk = palloc0(sizeof(TableForeignKey));
			fk->name = pg_text(r, i, 2);
			fk->ref_schema = pg_text(r, i, 3);
			fk->ref_table = pg_text(r, i, 4);
			fk->on_update = pg_foreign_key_action(pg_char(r, i, 5));
			fk->on_delete = pg_foreign_key_action(pg_char(r, i, 6));
			def->foreign_keys = lappend(def->foreign_keys, fk);
		}
		fk->columns = lappend(fk->columns, pg_text(r, i, 7));
		fk->ref_columns = lappend(fk->ref_columns, pg_text(r, i, 8));
		last = pg_oid(r, i, 1);
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
