/*-------------------------------------------------------------------------
 *
 * plan_columns.c
 *	  Types of all columns, and the enum types and collations they need.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

/* The enum type of each enum column gets a name nobody else has. */
static char *
enum_type_name(SchemaPlan *state, const TableDef *def, const TableColumn *col)
{
	char	   *wanted = psprintf("%s_%s", def->target_name, col->target_name);
	char	   *name = plan_name_unique(state, def, "", wanted, "type",
										col->name);

	return quote_qualified_identifier(def->target_schema, name);
}

static void
map_columns(SchemaPlan *state, TableDef *def, PlanNotes *notes)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		char	   *enum_type = NULL;

		if (col->left_out)
		{
			PlanNotes	unsaid = {0};

			/* an expression may use it */
			mysql_map_column(def, col, state->options, NULL, &unsaid);
		}
		if (col->target_name == NULL)
			continue;
		if (model_has_rows(def) && !def->merged &&
			mysql_wants_enum_type(col, state->options))
		{
			/* a column that DDL has changed keeps its type, with other labels */
			enum_type = enum_type_name(state, def, col);
			if (col->pg_type != NULL && strchr(col->pg_type, '.') != NULL)
				enum_type = col->pg_type;
		}
		mysql_map_column(def, col, state->options, enum_type, notes);
		/* nodes draw values by themselves, from ranges of their own */
		if (state->options->distribution == DISTRIBUTION_CITUS && col->auto_increment &&
			col->pg_type != NULL && (strcmp(col->pg_type, "integer") == 0 ||
									 strcmp(col->pg_type, "smallint") == 0))
		{
			plan_note(notes, "%s: bigint in place of %s, as identity columns of distributed tables are",
					  col->name, col->pg_type);
			col->pg_type = pstrdup("bigint");
		}
		/* a view's column is whatever its query gives */
		if (def->is_view && strcmp(col->base_type, "enum") == 0)
			col->pg_type = NULL;
	}
	plan_notes_flush(notes);
}

/* Shards merged into one table share its enum types. */
static void
share_enum_types(SchemaPlan *state, TableDef *def)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->tables)
	{
		TableDef   *first = lfirst(lc);

		if (strcmp(first->target_schema, def->target_schema) != 0 ||
			strcmp(first->target_name, def->target_name) != 0)
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);
			TableColumn *other = model_find_column(first, col->name);

			if (other != NULL && other->pg_type != NULL &&
				strcmp(col->base_type, "enum") == 0)
				col->pg_type = other->pg_type;
		}
		return;
	}
}

static void
add_enum_type(SchemaPlan *state, const TableDef *def, const TableColumn *col)
{
	StringInfoData sql;
	PlanNotes	notes = {0};
	ListCell   *lc;
	bool		first = true;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TYPE %s AS ENUM (", col->pg_type);
	foreach(lc, col->labels)
	{
		appendStringInfo(&sql, "%s%s", first ? "" : ", ",
						 quote_literal_cstr(lfirst(lc)));
		first = false;
	}
	appendStringInfoChar(&sql, ')');
	plan_add(state, PLAN_PRE_DATA, "type", def, col->pg_type, sql.data,
			 &notes);
}

/* The collations of the policy ci_collation = nondeterministic. */
static void
add_collation(SchemaPlan *state, const TableDef *def, const TableColumn *col)
{
	bool		accents = strstr(col->pg_collation, "_as") != NULL;
	PlanNotes	notes = {0};

	if (!plan_name_take(state, def->target_schema, "collations",
						accents ? "as" : "ai"))
		return;
	plan_note(&notes, "LIKE and pattern matches on such a column need PostgreSQL 18 or a COLLATE clause");
	plan_add(state, PLAN_PRE_DATA, "collation", NULL, col->pg_collation,
			 psprintf("CREATE COLLATION IF NOT EXISTS %s (provider = icu, locale = %s, deterministic = false)",
					  col->pg_collation,
					  accents ? "'und-u-ks-level2'" : "'und-u-ks-level1'"),
			 &notes);
}

void
plan_columns(SchemaPlan *state)
{
	ListCell   *lc;
	ListCell   *lc2;
	int			i = 0;

	foreach(lc, state->tables)
		map_columns(state, lfirst(lc), &state->table_notes[i++]);
	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->merged)
			share_enum_types(state, def);
	}
	plan_unify_keys(state);

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def) || def->merged)
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->target_name == NULL)
				continue;
			if (col->pg_collation != NULL)
				add_collation(state, def, col);
			if (mysql_column_class(col) != PGC_ENUM)
				continue;
			/* once: the columns of a key may share a type */
			if (plan_name_take(state, "", psprintf("type %s", col->pg_type), ""))
				add_enum_type(state, def, col);
		}
	}
}
