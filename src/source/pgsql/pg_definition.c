/*-------------------------------------------------------------------------
 *
 * pg_definition.c
 *	  Definitions of tables as facts, for a destination that is not PostgreSQL:
 *	  columns and their types.
 *
 *	  tables --columns, labels, sequences--> TableDefinition
 *		--pg_definition_keys.c: indexes, constraints, other objects-->
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_definition.h"

#include "access/transam.h"
#include "lib/stringinfo.h"
#include "source/pgsql/pg_engine.h"

/* Reading sequences one by one: so many in one statement. */
#define SEQUENCES_AT_ONCE 100

TableDefinition *
pg_definition_find(const SchemaDefinition *schema, Oid oid)
{
	char	   *id = psprintf("%u", oid);
	ListCell   *lc;

	foreach(lc, schema->tables)
	{
		TableDefinition *table = lfirst(lc);

		if (strcmp(table->def->source_id, id) == 0)
			return table;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("the source sent a definition of a table that was not asked for (OID %s)",
					id)));
	return NULL;
}

static ColumnDefinition *
find_column(const TableDefinition *table, const char *name)
{
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		ColumnDefinition *c = lfirst(lc);

		if (strcmp(c->col->name, name) == 0)
			return c;
	}
	return NULL;
}

/*
 * Types below domains: the outermost default and the strictest NOT NULL hold,
 * and the modifier is the innermost domain's.
 */
#define BASE_TYPES \
	"WITH RECURSIVE base(oid, typ, typmod, required, dflt) AS (" \
	"SELECT t.oid, t.oid, NULL::pg_catalog.int4, false, NULL::text " \
	"FROM pg_catalog.pg_type t WHERE t.typtype <> 'd' " \
	"UNION ALL SELECT t.oid, b.typ, COALESCE(b.typmod, t.typtypmod), " \
	"b.required OR t.typnotnull, COALESCE(t.typdefault, b.dflt) COLLATE pg_catalog.\"default\" " \
	"FROM pg_catalog.pg_type t JOIN base b ON b.oid = t.typbasetype WHERE t.typtype = 'd') "

static void
read_columns(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;
	const char *generated = pg_version_num(conn) >= 120000 ? "a.attgenerated" : "''";

	r = pg_selectf(conn, "definitions of columns", "ottbbtitTbTTtTT", BASE_TYPES
				   "SELECT a.attrelid, a.attname, "
				   "COALESCE(et.typname, bt.typname), "
				   "et.oid IS NOT NULL, COALESCE(et.oid, bt.oid) < %u, "
				   "COALESCE(et.typtype, bt.typtype), "
				   "COALESCE(base.typmod, a.atttypmod), "
				   "pg_catalog.format_type(a.atttypid, a.atttypmod), "
				   "CASE WHEN ct.typtype = 'd' THEN pg_catalog.format_type(a.atttypid, NULL) END, "
				   "a.attnotnull OR base.required, "
				   "CASE WHEN co.collname <> 'default' THEN co.collname END, "
				   "COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), base.dflt), %s, "
				   "NULLIF(a.attidentity::text, ''), "
				   "pg_catalog.col_description(a.attrelid, a.attnum) "
				   "FROM pg_catalog.pg_attribute a "
				   "JOIN pg_catalog.pg_type ct ON ct.oid = a.atttypid "
				   "JOIN base ON base.oid = a.atttypid "
				   "JOIN pg_catalog.pg_type bt ON bt.oid = base.typ "
				   "LEFT JOIN pg_catalog.pg_type et ON bt.typcategory = 'A' "
				   "AND bt.typlen = -1 AND et.oid = bt.typelem "
				   "LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation "
				   "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
				   "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (%s) "
				   "ORDER BY a.attrelid, a.attnum", FirstGenbkiObjectId, generated, ids);
	for (int i = 0; i < r->nrows; i++)
	{
		TableDefinition *table = pg_definition_find(schema, pg_oid(r, i, 0));
		ColumnDefinition *c = palloc0(sizeof(ColumnDefinition));
		char		is_generated = pg_char(r, i, 12);

		c->col = model_find_column(table->def, pg_text(r, i, 1));
		if (c->col == NULL)
			continue;			/* it was added in between */
		c->type = pg_text(r, i, 2);
		c->array = pg_bool(r, i, 3);
		c->builtin = pg_bool(r, i, 4);
		c->kind = pg_char(r, i, 5);
		c->typmod = (int32) pg_bigint(r, i, 6);
		c->type_text = pg_text(r, i, 7);
		c->domain = pg_text_or_null(r, i, 8);
		c->not_null = pg_bool(r, i, 9);
		c->collation = pg_text_or_null(r, i, 10);
		if (is_generated != '\0')
			c->generation_expr = pg_text_or_null(r, i, 11);
		else
			c->default_expr = pg_text_or_null(r, i, 11);
		c->is_virtual = is_generated == 'v';
		c->identity = pg_is_null(r, i, 13) ? '\0' : pg_char(r, i, 13);
		c->comment = pg_text_or_null(r, i, 14);
		table->columns = lappend(table->columns, c);
	}
}

static void
read_labels(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;

	r = pg_selectf(conn, "labels of enums", "ott", BASE_TYPES
				   "SELECT a.attrelid, a.attname, e.enumlabel "
				   "FROM pg_catalog.pg_attribute a JOIN base ON base.oid = a.atttypid "
				   "JOIN pg_catalog.pg_enum e ON e.enumtypid = base.typ "
				   "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (%s) "
				   "ORDER BY a.attrelid, a.attnum, e.enumsortorder", ids);
	for (int i = 0; i < r->nrows; i++)
	{
		ColumnDefinition *c = find_column(pg_definition_find(schema, pg_oid(r, i, 0)),
										  pg_text(r, i, 1));

		if (c != NULL)
			c->labels = lappend(c->labels, pg_text(r, i, 2));
	}
}

/* Where those sequences are; one that cannot be read is not known. */
static void
read_next_values(PgConn *conn, List *columns, const char *sql)
{
	PgResult   *r = pg_select(conn, "sequences of columns", "iT", sql);

	for (int i = 0; i < r->nrows; i++)
	{
		ColumnDefinition *c = list_nth(columns, (int) pg_bigint(r, i, 0));

		c->next_value = pg_text_or_null(r, i, 1);
	}
}

static void
read_sequences(PgConn *conn, SchemaDefinition *schema, const char *ids)
{
	PgResult   *r;
	List	   *columns = NIL;
	StringInfoData sql;

	initStringInfo(&sql);
	r = pg_selectf(conn, "sequences of columns", "otttib",
				   "SELECT d.refobjid, a.attname, n.nspname, c.relname, s.seqincrement, "
				   "pg_catalog.has_sequence_privilege(c.oid, 'SELECT') "
				   "FROM pg_catalog.pg_depend d "
				   "JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S' "
				   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				   "JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "
				   "WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				   "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				   "AND d.deptype IN ('a', 'i') AND d.refobjid IN (%s) ORDER BY 1, d.refobjsubid, c.oid",
				   ids);
	for (int i = 0; i < r->nrows; i++)
	{
		ColumnDefinition *c = find_column(pg_definition_find(schema, pg_oid(r, i, 0)),
										  pg_text(r, i, 1));

		if (c == NULL)
			continue;
		c->increment = pg_bigint(r, i, 4);
		if (!pg_bool(r, i, 5))
			continue;
		appendStringInfo(&sql, "%sSELECT %d, (last_value::numeric + CASE WHEN is_called THEN "
						 INT64_FORMAT " ELSE 0 END)::text FROM %s",
						 sql.len ? " UNION ALL " : "", list_length(columns), c->increment,
						 pg_quote_qualified(pg_text(r, i, 2), pg_text(r, i, 3)));
		columns = lappend(columns, c);
		if (list_length(columns) % SEQUENCES_AT_ONCE == 0)
		{
			read_next_values(conn, columns, sql.data);
			resetStringInfo(&sql);
		}
	}
	if (sql.len)
		read_next_values(conn, columns, sql.data);
}

SchemaDefinition *
pg_read_definitions(SourceConn *source, List *tables)
{
	PgConn	   *conn = ((PgSource *) source)->sql;
	SchemaDefinition *schema = palloc0(sizeof(SchemaDefinition));
	StringInfoData ids;
	ListCell   *lc;

	initStringInfo(&ids);
	foreach(lc, tables)
	{
		TableDefinition *table = palloc0(sizeof(TableDefinition));

		table->def = lfirst(lc);
		schema->tables = lappend(schema->tables, table);
		appendStringInfo(&ids, "%s%s", ids.len ? ", " : "", table->def->source_id);
	}
	if (ids.len == 0)
		return schema;
	read_columns(conn, schema, ids.data);
	read_labels(conn, schema, ids.data);
	read_sequences(conn, schema, ids.data);
	pg_definition_keys(conn, schema, ids.data);
	return schema;
}
