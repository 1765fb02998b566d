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
#include "store/shared_table.h"
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

bool
shard_is_alone(int64 task_id, int64 table_id)
{
	SharedTarget target;

	return store_tables_sharing(task_id, table_id, &target) == NIL;
}

char *
shard_own_rows(int64 task_id, int64 table_id, const Selection *selection)
{
	SharedTarget t;
	List	   *others = store_tables_sharing(task_id, table_id, &t);
	List	   *own = NIL;
	ListCell   *lc;

	if (others != NIL)
		own = shard_tags(selection_shape(selection, t.source_schema, t.source_table),
						 t.source_schema, t.source_table);
	foreach(lc, others)
	{
		const SharingTable *o = lfirst(lc);
		const Selection *theirs = o->same_task ? selection :
			selection_parse(o->objects);

		if (!shards_differ(own, shard_tags(selection_shape(theirs, o->schema, o->table),
										   o->schema, o->table)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("rows of table \"%s\".\"%s\" cannot be distinguished from those of \"%s\".\"%s\" at the destination",
							t.source_schema, t.source_table, o->schema, o->table),
					 errdetail("Both go into table \"%s\".\"%s\", that of task \"%s\" as well: to take away the rows of one would take away the other's.",
							   t.target_schema, t.target_table, o->task),
					 errhint("Delete the rows by hand; or give the tables a column that distinguishes them, by \"set\" with a constant in the rules of both.")));
	}
	return shard_condition(own);
}
