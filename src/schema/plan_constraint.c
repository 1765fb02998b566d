/*-------------------------------------------------------------------------
 *
 * plan_constraint.c
 *	  Foreign keys and checks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_expr.h"
#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

static bool
list_has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (pg_strcasecmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/* PostgreSQL wants a unique index on exactly the referenced columns. */
static bool
parent_is_unique(const TableDef *parent, List *ref_columns)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, parent->indexes)
	{
		TableIndex *index = lfirst(lc);
		bool		match = list_length(index->parts) == list_length(ref_columns);

		if (index->kind != INDEX_PRIMARY && index->kind != INDEX_UNIQUE)
			continue;
		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			match = match && part->column != NULL && part->prefix == 0 &&
				list_has_name(ref_columns, part->column);
		}
		if (match)
			return true;
	}
	return false;
}

static bool
types_match(const TableDef *def, const TableForeignKey *fk,
			const TableDef *parent, char **why)
{
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, fk->columns, lc2, fk->ref_columns)
	{
		TableColumn *col = model_find_column(def, lfirst(lc));
		TableColumn *ref = model_find_column(parent, lfirst(lc2));

		if (col == NULL || ref == NULL || col->pg_type == NULL ||
			ref->pg_type == NULL)
			continue;
		if (mysql_column_class(col) != mysql_column_class(ref) ||
			(mysql_column_class(col) == PGC_ENUM &&
			 strcmp(col->pg_type, ref->pg_type) != 0))
		{
			*why = psprintf("%s is %s at the destination and %s is %s", col->name,
							col->pg_type, ref->name, ref->pg_type);
			return false;
		}
	}
	return true;
}

/*
 * RESTRICT, the source's default, is checked at once, as it is at the source.
 */
static const char *
action_sql(const char *action)
{
	static const char *const actions[] = {"CASCADE", "SET NULL",
	"SET DEFAULT", "NO ACTION"};

	for (int i = 0; action != NULL && i < lengthof(actions); i++)
	{
		if (pg_strcasecmp(action, actions[i]) == 0)
			return actions[i];
	}
	return "RESTRICT";
}

static char *
foreign_key_sql(TableDef *def, TableForeignKey *fk, TableDef *parent,
				PlanNotes *notes)
{
	char	   *columns;
	char	   *ref_columns;
	char	   *why;

	if (parent == NULL)
	{
		plan_warn(notes, "foreign key not made: its parent %s.%s is not selected",
				  fk->ref_schema, fk->ref_table);
		return NULL;
	}
	if (!parent_is_unique(parent, fk->ref_columns))
	{
		plan_warn(notes, "foreign key not made: the columns it refers to in %s.%s have no unique index of their own",
				  fk->ref_schema, fk->ref_table);
		return NULL;
	}
	if (!types_match(def, fk, parent, &why))
	{
		plan_warn(notes, "foreign key not made: %s", why);
		return NULL;
	}
	columns = plan_column_list(def, fk->columns);
	ref_columns = plan_column_list(parent, fk->ref_columns);
	if (columns == NULL || ref_columns == NULL)
	{
		plan_warn(notes, "foreign key not made: one of its columns is left out");
		return NULL;
	}
	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) ON UPDATE %s ON DELETE %s",
					plan_table_name(def), quote_identifier(fk->target_name),
					columns, plan_table_name(parent), ref_columns,
					action_sql(fk->on_update), action_sql(fk->on_delete));
}

static char *
check_sql(TableDef *def, TableCheck *check, PlanNotes *notes)
{
	MyExprResult result;

	if (!check->enforced)
	{
		plan_note(notes, "check %s is not enforced at the source and not made at the destination",
				  check->name);
		return NULL;
	}
	result = mysql_translate_expression(check->expr, def, MY_EXPR_CHECK,
										PGC_BOOL);
	if (result.sql == NULL)
	{
		plan_warn(notes, "check %s not made: %s does not translate (%s)",
				  check->name, check->expr, result.why);
		return NULL;
	}
	if (result.note != NULL)
		plan_note(notes, "%s", result.note);
	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)",
					plan_table_name(def), quote_identifier(check->target_name),
					result.sql);
}

/* ENUM as text: the labels become a check. */
static void
add_label_check(SchemaPlan *state, TableDef *def, TableColumn *col)
{
	StringInfoData sql;
	ListCell   *lc;
	char	   *name;
	char	   *space = psprintf("constraints of %s.%s", def->schema,
								 def->name);

	name = plan_name_with_suffix(psprintf("%s_%s", def->target_name,
										  col->target_name), "_check");
	for (int i = 1; !plan_name_take(state, def->target_schema, space, name); i++)
		name = plan_name_with_suffix(psprintf("%s_%s", def->target_name,
											  col->target_name),
									 psprintf("_check%d", i));
	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IN (",
					 plan_table_name(def), quote_identifier(name),
					 quote_identifier(col->target_name));
	foreach(lc, col->labels)
		appendStringInfo(&sql, "%s%s", lc == list_head(col->labels) ? "" : ", ",
						 quote_literal_cstr(lfirst(lc)));
	appendStringInfoString(&sql, "))");
	plan_add(state, PLAN_POST_DATA, "check", def, name, sql.data, NULL);
}

void
plan_constraints(SchemaPlan *state)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def) || def->merged)
			continue;
		foreach(lc2, def->checks)
		{
			TableCheck *check = lfirst(lc2);
			PlanNotes	notes = {0};
			char	   *sql = check_sql(def, check, &notes);

			plan_add(state, PLAN_POST_DATA, "check", def, check->target_name,
					 sql, &notes);
		}
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->target_name != NULL && strcmp(col->base_type, "enum") == 0 &&
				mysql_column_class(col) == PGC_TEXT)
				add_label_check(state, def, col);
		}
	}
	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def) || def->merged)
			continue;
		foreach(lc2, def->foreign_keys)
		{
			TableForeignKey *fk = lfirst(lc2);
			PlanNotes	notes = {0};
			char	   *sql;

			sql = foreign_key_sql(def, fk,
								  plan_find_table(state->tables,
												  fk->ref_schema,
												  fk->ref_table), &notes);
			plan_add(state, PLAN_POST_DATA, "foreign key", def,
					 fk->target_name, sql, &notes);
		}
	}
}
