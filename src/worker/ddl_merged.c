/*-------------------------------------------------------------------------
 *
 * ddl_merged.c
 *	  DDL of tables that go into one table at the destination, of one task or of several.
 *
 * Each of them is altered at the source, one after the other, and the table
 * of the destination once: what the first of them has brought is skipped when
 * the others follow, and noted. What would make it another table than the first
 * has made stops the task.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "worker/task_run.h"

#include "access/htup_details.h"
#include "store/sql.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static const TableColumn *
column_by_target(const TableDef *def, const char *target)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name != NULL &&
			strcmp(col->target_name, target) == 0)
			return col;
	}
	return NULL;
}

static bool
same_type(const TableColumn *a, const TableColumn *b)
{
	return a->pg_type != NULL && b->pg_type != NULL &&
		strcmp(a->pg_type, b->pg_type) == 0;
}

/* Are columns added, dropped, renamed or given another type? */
static bool
columns_change(const TableDef *before, const TableDef *after)
{
	ListCell   *lc;
	int			n = 0;

	foreach(lc, after->columns)
	{
		const TableColumn *col = lfirst(lc);
		const TableColumn *old;

		if (col->left_out || col->target_name == NULL)
			continue;
		old = column_by_target(before, col->target_name);
		if (old == NULL || !same_type(old, col))
			return true;
		n++;
	}
	foreach(lc, before->columns)
	{
		const TableColumn *col = lfirst(lc);

		n -= !col->left_out && col->target_name != NULL;
	}
	return n != 0;
}

/*
 * Has the destination's table the column? *other: it has one of that name and
 * another type, which is this.
 */
static bool
has_column(Oid relid, const TableColumn *col, char **other)
{
	HeapTuple	tup = SearchSysCacheAttName(relid, col->target_name);
	Form_pg_attribute att;
	Oid			typid = InvalidOid;
	int32		typmod = -1;
	bool		same;

	*other = NULL;
	if (!HeapTupleIsValid(tup))
		return false;
	att = (Form_pg_attribute) GETSTRUCT(tup);
	if (col->pg_type != NULL)
		dts_parse_type(col->pg_type, &typid, &typmod);
	same = att->atttypid == typid && att->atttypmod == typmod;
	/*
	 * a type that is called otherwise at the destination is not known to be
	 * another
	 */
	if (!same && OidIsValid(typid))
		*other = format_type_with_typemod(att->atttypid, att->atttypmod);
	ReleaseSysCache(tup);
	return same;
}

static Oid
dest_table(const TableDef *def)
{
	Oid			schema = get_namespace_oid(def->target_schema, true);

	return OidIsValid(schema) ? get_relname_relid(def->target_name, schema) :
		InvalidOid;
}

bool
task_is_merged(TaskRun *run, int64 table_id)
{
	return !shard_is_alone(run->task->id, table_id);
}

bool
task_columns_are_done(const TableDef *before, const TableDef *after, char **why)
{
	Oid			relid = dest_table(after);
	bool		done = true;
	ListCell   *lc;

	if (!OidIsValid(relid) || !columns_change(before, after))
		return false;
	foreach(lc, after->columns)
	{
		const TableColumn *col = lfirst(lc);
		char	   *other;

		if (col->left_out || col->target_name == NULL ||
			has_column(relid, col, &other))
			continue;
		done = false;
		if (other != NULL && column_by_target(before, col->target_name) == NULL)
		{
			*why = psprintf("column \"%s\" of table %s is of type %s already, by another table that goes into it",
							col->target_name,
							quote_qualified_identifier(after->target_schema,
													   after->target_name),
							other);
			return false;
		}
	}
	foreach(lc, before->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name != NULL &&
			column_by_target(after, col->target_name) == NULL)
			done &= get_attnum(relid, col->target_name) == InvalidAttrNumber;
	}
	return done;
}

/* Has the destination's table an index or a constraint of this name? */
static bool
has_part(Oid relid, const char *name)
{
	return store_query("SELECT 1 FROM pg_catalog.pg_index i "
					   "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
					   "WHERE i.indrelid = $1::oid AND c.relname = $2 "
					   "UNION ALL SELECT 1 FROM pg_catalog.pg_constraint "
					   "WHERE conrelid = $1::oid AND conname = $2", "it",
					   (int64) relid, name)->nrows > 0;
}

/* Is there a table that has all columns of one that is to be made? */
static bool
dest_table_fits(const TableDef *def)
{
	Oid			relid = dest_table(def);
	ListCell   *lc;

	foreach(lc, OidIsValid(relid) ? def->columns : NIL)
	{
		const TableColumn *col = lfirst(lc);
		char	   *other;

		if (!col->left_out && col->target_name != NULL &&
			!has_column(relid, col, &other))
			return false;
	}
	return OidIsValid(relid);
}

void
task_note_done(TaskRun *run, const Change *change, const char *what)
{
	task_log_event(run->task->id, "info",
				   psprintf("done already: %s", task_ddl_shown(change)), what,
				   NULL, NULL);
}

List *
task_leave_done(TaskRun *run, const Change *change, const PlanPair *pair,
				List *statements, char **why)
{
	Oid			relid = dest_table(pair->after);
	bool		columns = pair->before == NULL ? dest_table_fits(pair->after) :
		task_columns_are_done(pair->before, pair->after, why);
	StringInfoData what;
	List	   *left = NIL;
	ListCell   *lc;

	if (pair->before == NULL && !columns)
		return statements;
	initStringInfo(&what);
	if (columns)
		appendStringInfo(&what, "its columns");
	foreach(lc, statements)
	{
		PlanStatement *st = lfirst(lc);
		bool		own = st->schema != NULL && st->table != NULL &&
			strcmp(st->schema, pair->after->schema) == 0 &&
			strcmp(st->table, pair->after->name) == 0;
		bool		shape = strcmp(st->kind, "column") == 0 ||
			strcmp(st->kind, "table") == 0;
		bool		part = own && st->name != NULL && !shape &&
			st->sql != NULL && strncmp(st->sql, "DROP ", 5) != 0 &&
			has_part(relid, st->name);

		if (part)
			appendStringInfo(&what, "%s%s %s", what.len ? ", " : "", st->kind, st->name);
		if (!part && !(own && columns && shape))
			left = lappend(left, st);
	}
	if (what.len > 0)
		task_note_done(run, change,
					   psprintf(pair->before == NULL ?
								"Table %s exists, and has %s." :
								"Table %s has %s by another table that goes into it.",
								quote_qualified_identifier(pair->after->target_schema,
														   pair->after->target_name),
								what.data));
	return left;
}
