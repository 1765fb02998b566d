/*-------------------------------------------------------------------------
 *
 * dest_catalog.c
 *	  What the catalog of the destination says of a task's tables.
 *
 * The queries are the same for both: catalogs of PostgreSQL. Which tables are
 * the task's is known in this database alone; a server elsewhere gets their
 * names with the query.
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
