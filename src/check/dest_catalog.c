/*-------------------------------------------------------------------------
 *
 * dest_catalog.c
 *	  What the catalog of the destination says of a task's tables.
 *
 * The queries are the same for both: catalogs of PostgreSQL. Which tables are
 * the task's is known in this database alone; a server elsewhere gets their
 * names with the query. Another product is asked by what its engine has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/dest_catalog.h"

#include "store/sql.h"
#include "utils/builtins.h"

/* Names of tables are this database's to know. */
static char *
tables_of(const TaskRecord *task)
{
	StoreRows  *rows;
	StringInfoData buf;

	rows = store_query("SELECT source_schema, source_table, target_schema, target_table "
					   "FROM dtsmig.task_table WHERE task_id = $1 ORDER BY table_id", "i", task->id);
	initStringInfo(&buf);
	/* it may have none */
	appendStringInfoString(&buf, "SELECT v.* FROM (VALUES (NULL::text, NULL::text, NULL::text, NULL::text)");
	for (int i = 0; i < rows->nrows; i++)
		appendStringInfo(&buf, ", (%s, %s, %s, %s)", quote_literal_cstr(rows->values[i][0]),
						 quote_literal_cstr(rows->values[i][1]),
						 quote_literal_cstr(rows->values[i][2]),
						 quote_literal_cstr(rows->values[i][3]));
	appendStringInfoString(&buf, ") v WHERE v.column4 IS NOT NULL");
	return buf.data;
}

#define QUERY "WITH t(source_schema, source_table, target_schema, target_table) AS (%s), " \
	"me(oid) AS (%s) %s"

List *
dest_catalog_select(const TaskRecord *task, const DestRoutine *dest, const char *name,
					const char *shape, const char *sql)
{
	StoreRows  *rows;
	List	   *list = NIL;

	if (dest->elsewhere)
		return dest->check->select(name, shape,
								   psprintf(QUERY, tables_of(task),
											"SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER",
											sql));
	rows = store_query(psprintf(QUERY, psprintf("SELECT source_schema, source_table, target_schema, target_table "
												"FROM dtsmig.task_table WHERE task_id = " INT64_FORMAT
												" ORDER BY table_id", task->id),
								psprintf("SELECT %u::pg_catalog.oid", task->owner), sql), "");
	for (int i = 0; i < rows->nrows; i++)
		list = lappend(list, rows->values[i]);
	return list;
}

bool
dest_catalog_is_postgres(const DestRoutine *dest)
{
	return dest->check == NULL || dest->check->catalog == NULL;
}

List *
dest_catalog_tables(const TaskRecord *task)
{
	StoreRows  *rows = store_query("SELECT DISTINCT target_schema, target_table FROM dtsmig.task_table "
								   "WHERE task_id = $1 AND target_table IS NOT NULL ORDER BY 1, 2",
								   "i", task->id);
	List	   *list = NIL;

	for (int i = 0; i < rows->nrows; i++)
		list = lappend(list, rows->values[i]);
	return list;
}

List *
dest_catalog_columns(const TaskRecord *task, const DestRoutine *dest, const char *schema,
					 const char *table)
{
	List	   *columns = NIL;
	ListCell   *lc;

	if (!dest_catalog_is_postgres(dest))
		return dest->check->catalog->columns(schema, table);
	foreach(lc, dest_catalog_select(task, dest, "columns of a table", "ttbbbbT",
									psprintf("SELECT attname, pg_catalog.format_type(atttypid, atttypmod), "
											 "attnotnull, attidentity <> '', attgenerated <> '', atthasdef, "
											 "(SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d "
											 "WHERE d.adrelid = attrelid AND d.adnum = attnum) "
											 "FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(%s) "
											 "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
											 quote_literal_cstr(quote_qualified_identifier(schema, table)))))
	{
		char	  **row = lfirst(lc);
		DestColumn *c = palloc(sizeof(DestColumn));

		c->name = row[0];
		c->type = row[1];
		c->not_null = row[2][0] == 't';
		c->identity = row[3][0] == 't';
		c->generated = row[4][0] == 't';
		c->has_default = row[5][0] == 't';
		c->expression = row[6];
		columns = lappend(columns, c);
	}
	return columns;
}

const DestColumn *
dest_catalog_find(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		const DestColumn *c = lfirst(lc);

		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}
