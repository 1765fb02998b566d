/*-------------------------------------------------------------------------
 *
 * pg_schema.c
 *	  What tables a PostgreSQL source has: those that hold rows (plain tables,
 *	  and the leaves of partitioned ones), with the columns and the key by
 *	  which their rows are distinguished. Everything else of the schema goes
 *	  through pg_dump, see pg_dump.c.
 *
 * The row key is what the log has of an old row: the columns of the replica
 * identity; with REPLICA IDENTITY FULL the whole row is reported, and any primary
 * or unique key serves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"

#include "access/transam.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* Schemas that are never the user's. */
#define USER_SCHEMA \
	"n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'dtsmig', " \
	"'dtsmig_source')"

/* Members of an extension come with it. */
#define NOT_OF_EXTENSION \
	"NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE " \
	"d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid " \
	"AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass " \
	"AND d.deptype = 'e')"

List *
pg_list_schemas(SourceConn *conn, const ConnectionInfo *info)
{
	PgResult   *r;
	List	   *schemas = NIL;

	r = pg_select(((PgSource *) conn)->sql, "schemas", "t",
				  "SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE "
				  USER_SCHEMA " ORDER BY 1");
	for (int i = 0; i < r->nrows; i++)
		schemas = lappend(schemas, pg_text(r, i, 0));
	return schemas;
}

bool
pg_has_schema(SourceConn *conn, const char *schema)
{
	return pg_selectf(((PgSource *) conn)->sql, "schema", "i",
					  "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s",
					  pg_quote_literal(schema))->nrows > 0;
}

/* 'a', 'b' of a List of char * */
static char *
literal_list(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "",
						 pg_quote_literal(lfirst(lc)));
	return buf.data;
}

char *
pg_table_values(List *tables)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		appendStringInfo(&buf, "%s(%s, %s)", buf.len ? ", " : "VALUES ",
						 pg_quote_literal(def->schema),
						 pg_quote_literal(def->name));
	}
	return buf.len ? buf.data : NULL;
}

typedef struct TableEntry
{
	Oid			oid;			/* at the source */
	TableDef   *def;
} TableEntry;

static TableColumn *
make_column(const PgResult *r, int row)
{
	TableColumn *col = palloc0(sizeof(TableColumn));

	col->name = pg_text(r, row, 1);
	col->source_type = pg_text(r, row, 2);
	col->base_type = pg_text(r, row, 3);
	col->nullable = !pg_bool(r, row, 4);
	col->auto_increment = pg_char(r, row, 5) != '\0';
	col->generation_expr = pg_text_or_null(r, row, 6);
	col->generated_stored = col->generation_expr != NULL;
	col->default_expr = pg_text_or_null(r, row, 7);
	col->length = col->precision = col->scale = -1;
	col->target_nullable = col->nullable;
	col->pg_type = col->source_type;
	return col;
}

/*
 * base_type: pg_catalog's name of the type that values have on the wire (that
 * below a domain); "" for a type of the user's.
 */
static void
read_columns(PgConn *conn, HTAB *tables, const char *where)
{
	bool		generated = pg_version_num(conn) >= 120000;
	PgResult   *r;

	r = pg_selectf(conn, "columns", "otttbtTT",
				   "WITH RECURSIVE base(oid, typ) AS ("
				   "SELECT t.oid, t.oid FROM pg_catalog.pg_type t WHERE t.typtype <> 'd' "
				   "UNION ALL SELECT t.oid, b.typ FROM pg_catalog.pg_type t "
				   "JOIN base b ON b.oid = t.typbasetype WHERE t.typtype = 'd') "
				   "SELECT a.attrelid, a.attname, "
				   "pg_catalog.format_type(a.atttypid, a.atttypmod), "
				   "CASE WHEN bt.oid < %u THEN bt.typname ELSE '' END, "
				   "a.attnotnull, a.attidentity, "
				   "CASE WHEN %s <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, "
				   "CASE WHEN %s = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END "
				   "FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
				   "JOIN base ON base.oid = a.atttypid "
				   "JOIN pg_catalog.pg_type bt ON bt.oid = base.typ "
				   "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid "
				   "AND d.adnum = a.attnum "
				   "WHERE a.attnum > 0 AND NOT a.attisdropped AND %s "
				   "ORDER BY a.attrelid, a.attnum",
				   FirstGenbkiObjectId, generated ? "a.attgenerated" : "''",
				   generated ? "a.attgenerated" : "''", where);
	for (int i = 0; i < r->nrows; i++)
	{
		Oid			oid = pg_oid(r, i, 0);
		TableEntry *entry = hash_search(tables, &oid, HASH_FIND, NULL);

		if (entry != NULL)
			entry->def->columns = lappend(entry->def->columns,
										  make_column(r, i));
	}
}

/* The index that identifies rows, or with identity FULL all that could. */
static void
read_keys(PgConn *conn, HTAB *tables, const char *where)
{
	PgResult   *r;
	TableIndex *index = NULL;
	char	   *last = NULL;

	r = pg_selectf(conn, "keys", "otbt",
				   "SELECT i.indrelid, ic.relname, i.indisprimary, a.attname "
				   "FROM pg_catalog.pg_index i "
				   "JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid "
				   "JOIN pg_catalog.pg_class c ON c.oid = i.indrelid "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "CROSS JOIN LATERAL pg_catalog.generate_series(0, %s - 1) k "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
				   "AND a.attnum = i.indkey[k] "
				   "WHERE i.indisunique AND i.indisvalid AND i.indimmediate "
				   "AND i.indpred IS NULL AND i.indexprs IS NULL "
				   "AND CASE c.relreplident WHEN 'i' THEN i.indisreplident "
				   "WHEN 'f' THEN true ELSE i.indisprimary END AND %s "
				   "ORDER BY i.indrelid, i.indisprimary DESC, ic.relname, ic.oid, k",
				   pg_version_num(conn) >= 110000 ? "i.indnkeyatts" : "i.indnatts",
				   where);
	for (int i = 0; i < r->nrows; i++)
	{
		Oid			oid = pg_oid(r, i, 0);
		TableEntry *entry = hash_search(tables, &oid, HASH_FIND, NULL);
		IndexPart  *part = palloc0(sizeof(IndexPart));
		char	   *id = psprintf("%u %s", oid, pg_text(r, i, 1));

		if (entry == NULL)
			continue;
		if (last == NULL || strcmp(last, id) != 0)
		{
			index = palloc0(sizeof(TableIndex));
			index->name = index->target_name = pg_text(r, i, 1);
			index->kind = pg_bool(r, i, 2) ? INDEX_PRIMARY : INDEX_UNIQUE;
			entry->def->indexes = lappend(entry->def->indexes, index);
		}
		part->column = pg_text(r, i, 3);
		index->parts = lappend(index->parts, part);
		last = id;
	}
}

/* filter: of c (pg_class) and n (pg_namespace). */
static List *
describe_where(SourceConn *source, const char *filter)
{
	PgConn	   *conn = ((PgSource *) source)->sql;
	List	   *result = NIL;
	HASHCTL		ctl;
	HTAB	   *tables;
	PgResult   *r;
	char	   *where;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = CurrentMemoryContext;
	tables = hash_create("dtsmig source tables", 256, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	where = psprintf("c.relkind = 'r' AND c.relpersistence <> 't' AND "
					 "%s AND " NOT_OF_EXTENSION, filter);
	r = pg_selectf(conn, "tables", "ottiItbT",
				   "SELECT c.oid, n.nspname, c.relname, "
				   /* as the planner does: density by ANALYZE, or by types */
				   "(CASE WHEN c.reltuples > 0 AND c.relpages > 0 "
				   "THEN c.reltuples::pg_catalog.float8 / c.relpages * pg_catalog.pg_relation_size(c.oid) / "
				   "pg_catalog.current_setting('block_size')::pg_catalog.int4 "
				   "ELSE pg_catalog.pg_relation_size(c.oid)::pg_catalog.float8 / (28 + "
				   "(SELECT COALESCE(pg_catalog.sum(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END), 0) "
				   "FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"
				   ")::pg_catalog.float8 END)::pg_catalog.int8, "
				   "pg_catalog.pg_table_size(c.oid), c.relreplident, "
				   "c.relpersistence = 'u', "
				   "pg_catalog.obj_description(c.oid, 'pg_class') "
				   "FROM pg_catalog.pg_class c "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "WHERE %s ORDER BY n.nspname, c.relname", where);
	for (int i = 0; i < r->nrows; i++)
	{
		Oid			oid = pg_oid(r, i, 0);
		TableEntry *entry = hash_search(tables, &oid, HASH_ENTER, NULL);
		TableDef   *def = palloc0(sizeof(TableDef));

		def->source_id = psprintf("%u", oid);
		def->schema = pg_text(r, i, 1);
		def->name = pg_text(r, i, 2);
		def->rows_estimate = pg_bigint(r, i, 3);
		def->data_bytes = pg_is_null(r, i, 4) ? 0 : pg_bigint(r, i, 4);
		def->engine = pg_bool(r, i, 6) ? "unlogged" : "heap";
		def->replica_identity = pg_text(r, i, 5);
		def->comment = pg_text_or_null(r, i, 7);
		entry->def = def;
		result = lappend(result, def);
	}
	read_columns(conn, tables, where);
	read_keys(conn, tables, where);
	hash_destroy(tables);
	return result;
}

List *
pg_describe(SourceConn *source, List *schemas)
{
	if (schemas == NIL)
		return NIL;
	return describe_where(source, psprintf("n.nspname IN (%s)",
										   literal_list(schemas)));
}

TableDef *
pg_describe_table(SourceConn *source, const char *schema, const char *table)
{
	List	   *tables;

	if (pg_in_transaction(((PgSource *) source)->sql))
		pg_recover(((PgSource *) source)->sql);
	tables = describe_where(source, psprintf("n.nspname = %s AND c.relname = %s",
											 pg_quote_literal(schema),
											 pg_quote_literal(table)));
	if (tables == NIL)
		return NULL;
	pg_describe_keys(source, tables);
	return linitial(tables);
}

/* A name by the policy; a change of it is noted. */
static char *
target_name(const char *kind, const char *name, const char *full,
			NameCase name_case, List **names)
{
	char	   *target = plan_name(name, name_case, strcmp(kind, "column") == 0);
	NameChange *n;

	if (names == NULL || strcmp(target, name) == 0)
		return target;
	n = palloc0(sizeof(NameChange));
	n->kind = kind;
	n->source = pstrdup(full);
	n->target = target;
	n->reason = "case";
	*names = lappend(*names, n);
	return target;
}

void
pg_name_targets(List *tables, const PlanOptions *options, List **names)
{
	ListCell   *lc;
	ListCell   *lc2;
	NameCase	name_case = options->name_case == NAME_CASE_DEFAULT ?
		NAME_CASE_SOURCE : options->name_case;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *full = psprintf("%s.%s", def->schema, def->name);

		if (def->target_schema == NULL)
			def->target_schema = plan_name(def->schema, name_case, false);
		if (def->target_name == NULL)
			def->target_name = target_name("table", def->name, full, name_case,
										   names);
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->target_name == NULL && !col->left_out)
				col->target_name = target_name("column", col->name,
											   psprintf("%s.%s", full, col->name),
											   name_case, names);
			col->target_generated = col->generation_expr != NULL;
		}
	}
}
