/*-------------------------------------------------------------------------
 *
 * shape.c
 *	  Columns that rules rename or leave out.
 *
 * Where the statements that make a table are made from its definition, the
 * target names are all that is needed. A PostgreSQL source's statements are
 * its own (pg_dump's, or what its session ran) and have its names: they are
 * run under those, and the columns get their other names before and after, in
 * one transaction. The server follows names by itself, in views, indexes,
 * checks and keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

static const RuleColumn *
find_rule_column(const ShapeRule *rule, const TableDef *def, const char *name)
{
	const RuleColumn *folded = NULL;
	ListCell   *lc;

	foreach(lc, rule->columns)
	{
		const RuleColumn *c = lfirst(lc);

		if (strcmp(c->name, name) == 0)
			return c;
		/* the MySQL family does not distinguish case */
		if (def->source_id == NULL && pg_strcasecmp(c->name, name) == 0)
			folded = c;
	}
	return folded;
}

void
shape_columns(const Selection *sel, TableDef *def, const TableDef *before)
{
	const ShapeRule *rule = selection_shape(sel, def->schema, def->name);
	ListCell   *lc;

	if (rule == NULL || rule->columns == NIL)
		return;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		const RuleColumn *c;

		/* what was left out goes on to be so under another name */
		if (col->left_out)
			continue;
		c = find_rule_column(rule, def, col->name);
		if (c == NULL)
			col->left_out = rule->take_just &&
				(before == NULL || col->origin == NULL);
		else if (c->target == NULL)
			col->left_out = true;
		else if (!rule->take_just)
			col->target_name = pstrdup(c->target);
		if (col->left_out)
			col->target_name = NULL;
	}
}

bool
shape_has_other_columns(const TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->left_out || (col->target_name != NULL &&
							  strcmp(col->target_name, col->name) != 0))
			return true;
	}
	return false;
}

/* The name as it is, or as it is quoted. */
static bool
is_name_in(const char *sql, const char *name)
{
	return strstr(sql, name) != NULL ||
		strstr(sql, quote_identifier(name)) != NULL;
}

bool
shape_is_mentioned(const TableDef *def, const char *sql)
{
	return is_name_in(sql, def->target_name) || is_name_in(sql, def->name);
}

static void
when_exists(StringInfo buf, const TableDef *def, const char *name, bool exists,
		   char *statement)
{
	appendStringInfo(buf, "IF %sEXISTS (SELECT 1 FROM pg_catalog.pg_attribute "
					 "WHERE attrelid = %s::pg_catalog.regclass AND attname = %s "
					 "AND attnum > 0 AND NOT attisdropped) THEN ALTER TABLE %s %s; END IF; ",
					 exists ? "" : "NOT ", quote_literal_cstr(plan_table_name(def)),
					 quote_literal_cstr(name), plan_table_name(def), statement);
}

static void
rename_when_exists(StringInfo buf, const TableDef *def, const char *from,
				  const char *to)
{
	char	   *old = pstrdup(quote_identifier(from));

	when_exists(buf, def, from, true,
			   psprintf("RENAME COLUMN %s TO %s", old, quote_identifier(to)));
}

/* Renames columns, by way of a third name where names change places. */
static void
rename_columns(StringInfo buf, const TableDef *def, bool to_source)
{
	bool		crossed = false;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, def->columns)
		foreach(lc2, def->columns)
	{
		const TableColumn *a = lfirst(lc);
		const TableColumn *b = lfirst(lc2);

		crossed |= a != b && a->target_name != NULL &&
			strcmp(a->target_name, b->name) == 0;
	}
	for (int pass = crossed ? 0 : 1; pass < 2; pass++)
	{
		int			n = 0;

		foreach(lc, def->columns)
		{
			const TableColumn *col = lfirst(lc);
			const char *from = to_source ? col->target_name : col->name;
			const char *to = to_source ? col->name : col->target_name;
			char	   *third = psprintf("dtsmig column %d", ++n);

			if (col->target_name == NULL || strcmp(from, to) == 0)
				continue;
			rename_when_exists(buf, def, crossed && pass == 1 ? third : from,
							  crossed && pass == 0 ? third : to);
		}
	}
}

static char *
as_block(const StringInfoData *buf)
{
	return psprintf("DO %s", quote_literal_cstr(psprintf("BEGIN %sEND", buf->data)));
}

static bool
is_mentioned(List *statements, const char *name)
{
	ListCell   *lc;

	foreach(lc, statements)
		if (is_name_in(lfirst(lc), name))
			return true;
	return false;
}

char *
shape_names_to_source(const TableDef *def, List *mentioned)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	rename_columns(&buf, def, true);
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->left_out && is_mentioned(mentioned, col->name))
			when_exists(&buf, def, col->name, false,
					   psprintf("ADD COLUMN %s %s", quote_identifier(col->name),
								col->pg_type));
	}
	return as_block(&buf);
}

char *
shape_names_to_target(const TableDef *def)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->left_out)
			when_exists(&buf, def, col->name, true,
					   psprintf("DROP COLUMN %s", quote_identifier(col->name)));
	}
	rename_columns(&buf, def, false);
	return as_block(&buf);
}

/* What the rules do to the columns of a table, in words. */
static char *
describe_names(const TableDef *def)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->left_out)
			appendStringInfo(&buf, "%scolumn \"%s\" is left out, and checks with it",
							 buf.len ? "; " : "", col->name);
		else if (col->target_name && strcmp(col->name, col->target_name) != 0)
			appendStringInfo(&buf, "%scolumn \"%s\" is called \"%s\"",
							 buf.len ? "; " : "", col->name, col->target_name);
	}
	return buf.data;
}

static PlanStatement *
names_statement(const TableDef *def)
{
	PlanStatement *st = palloc0(sizeof(PlanStatement));

	st->phase = PLAN_PRE_DATA;
	st->kind = "columns";
	st->schema = def->schema;
	st->table = def->name;
	st->name = def->target_name;
	st->sql = shape_names_to_target(def);
	st->note = describe_names(def);
	return st;
}

List *
shape_plan_names(List *plan, List *tables)
{
	List	   *first = NIL;
	List	   *later = NIL;
	List	   *others = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
		if (shape_has_other_columns(lfirst(lc)))
			others = lappend(others, lfirst(lc));
	if (others == NIL)
		return plan;
	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);

		if (st->phase == PLAN_PRE_DATA)
		{
			first = lappend(first, st);
			continue;
		}
		later = lappend(later, st);
		foreach(lc2, others)
		{
			const TableDef *def = lfirst(lc2);

			if (st->sql != NULL && shape_is_mentioned(def, st->sql))
				st->sql = psprintf("%s; %s\n; %s", shape_names_to_source(def, NIL),
								   st->sql, shape_names_to_target(def));
		}
	}
	foreach(lc, others)
		first = lappend(first, names_statement(lfirst(lc)));
	return list_concat(first, later);
}

/* -------------------------------------------------------------- operations */

bool
shape_leaves_out(const Selection *sel, const char *schema, const char *table,
				 uint32 operation)
{
	const ShapeRule *rule = selection_shape(sel, schema, table);

	return rule != NULL && (rule->operations & operation) == 0;
}

void
shape_freeze(TableDef *def, const TableDef *before)
{
	ListCell   *lc;

	def->target_schema = before->target_schema;
	def->target_name = before->target_name;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		const TableColumn *was =
			model_find_column(before, col->origin ? col->origin : col->name);

		col->left_out = was == NULL || was->left_out;
		col->target_name = was ? was->target_name : NULL;
		if (was == NULL)
			continue;
		col->pg_type = was->pg_type;
		col->pg_collation = was->pg_collation;
		col->target_nullable = was->target_nullable;
		col->target_generated = was->target_generated;
	}
	/* what was not made at the destination does not exist */
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->target_name == NULL)
			def->indexes = foreach_delete_current(def->indexes, lc);
	}
	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (fk->target_name == NULL)
			def->foreign_keys = foreach_delete_current(def->foreign_keys, lc);
	}
	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);

		if (check->target_name == NULL)
			def->checks = foreach_delete_current(def->checks, lc);
	}
}
