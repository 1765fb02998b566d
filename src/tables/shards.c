/*-------------------------------------------------------------------------
 *
 * shards.c
 *	  Tables that go into one at the destination.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tables/shards.h"

#include "core/one_statement.h"
#include "emit/mysql/emit.h"
#include "store/sql.h"
#include "lib/stringinfo.h"
#include "transform/shape_expr.h"
#include "utils/builtins.h"

List *
shard_tags(const ShapeRule *rule, const char *schema, const char *table)
{
	List	   *tags = NIL;
	ListCell   *lc;

	foreach(lc, rule ? rule->set : NIL)
	{
		const RuleSet *set = lfirst(lc);
		char	   *value = shape_expr_constant(set->expr, schema, table);
		RuleSet    *tag;

		if (value == NULL)
			continue;
		tag = palloc0(sizeof(RuleSet));
		tag->target = set->target;
		tag->expr = value;
		tags = lappend(tags, tag);
	}
	return tags;
}

char *
shard_condition(List *tags)
{
	bool		postgres = one_statement_is_postgres();
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, tags)
	{
		const RuleSet *tag = lfirst(lc);

		appendStringInfo(&buf, "%s%s = %s", buf.len ? " AND " : "",
						 postgres ? quote_identifier(tag->target) : emit_quote_name(tag->target),
						 postgres ? quote_literal_cstr(tag->expr) : emit_quote(tag->expr));
	}
	return buf.len ? buf.data : NULL;
}

bool
shards_differ(List *a, List *b)
{
	ListCell   *la;
	ListCell   *lb;

	foreach(la, a)
		foreach(lb, b)
	{
		const RuleSet *x = lfirst(la);
		const RuleSet *y = lfirst(lb);

		if (strcmp(x->target, y->target) == 0 && strcmp(x->expr, y->expr) != 0)
			return true;
	}
	return false;
}

/* The other tables of the same target: task, names at the source, its rules. */
static StoreRows *
others_of(int64 task_id, int64 table_id)
{
	return store_query("SELECT o.source_schema, o.source_table, t.objects, t.task_name, "
					   "o.task_id = me.task_id, me.source_schema, me.source_table, "
					   "me.target_schema, me.target_table "
					   "FROM dtsmig.task_table me "
					   "JOIN dtsmig.task_table o ON o.target_schema = me.target_schema "
					   "AND o.target_table = me.target_table AND o.table_id <> me.table_id "
					   "JOIN dtsmig.task t ON t.task_id = o.task_id "
					   "AND t.destination = (SELECT m.destination FROM dtsmig.task m WHERE m.task_id = $1) "
					   "WHERE me.task_id = $1 AND me.table_id = $2", "ii", task_id,
					   table_id);
}

bool
shard_is_alone(int64 task_id, int64 table_id)
{
	return others_of(task_id, table_id)->nrows == 0;
}

char *
shard_own_rows(int64 task_id, int64 table_id, const Selection *selection)
{
	StoreRows   *rows = others_of(task_id, table_id);
	List	   *own = NIL;

	if (rows->nrows > 0)
		own = shard_tags(selection_shape(selection, rows->values[0][5],
										 rows->values[0][6]),
						 rows->values[0][5], rows->values[0][6]);
	for (int i = 0; i < rows->nrows; i++)
	{
		char	  **v = rows->values[i];
		const Selection *theirs = store_bool(rows, i, 4) ? selection :
			selection_parse(v[2] ? store_jsonb(rows, i, 2) : NULL);

		if (!shards_differ(own, shard_tags(selection_shape(theirs, v[0], v[1]),
										   v[0], v[1])))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("rows of table \"%s\".\"%s\" cannot be distinguished from those of \"%s\".\"%s\" at the destination",
							v[5], v[6], v[0], v[1]),
					 errdetail("Both go into table \"%s\".\"%s\", that of task \"%s\" as well: to take away the rows of one would take away the other's.",
							   v[7], v[8], v[3]),
					 errhint("Delete the rows by hand; or give the tables a column that distinguishes them, by \"set\" with a constant in the rules of both.")));
	}
	return shard_condition(own);
}
