/*-------------------------------------------------------------------------
 *
 * plan_trigger.c
 *	  ON UPDATE CURRENT_TIMESTAMP, and where identities go on.
 *
 * MySQL sets such a column when an UPDATE changes another column of the row
 * and does not assign this one, not even its old value. Whether a column was
 * assigned cannot be seen in OLD and NEW, but a trigger UPDATE OF fires
 * exactly then. So there are two triggers a column, and the order of their
 * names is the order in which they fire for a row:
 *
 *	1. BEFORE UPDATE OF col: remembers, for the transaction, that the row at
 *	   hand has col assigned.
 *	2. BEFORE UPDATE: if that was remembered, forgets it, and leaves the row
 *	   alone. Else, if the row changes, sets col.
 *
 * What is not as in MySQL: a trigger whose name sorts between the two and
 * that drops the row leaves the mark standing for the next row; and a change
 * that another BEFORE trigger makes later does not count as a change.
 *
 * They are plain triggers: with session_replication_role = replica, under
 * which changes are applied, they do not fire.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

/*
 * Statements that make generated columns the same in both copies of the row:
 * before the row is written, NEW has no value of its own for them.
 */
static char *
level_generated_sql(const TableDef *def)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		const char *name;

		if (col->target_name == NULL || !col->target_generated)
			continue;
		name = quote_identifier(col->target_name);
		appendStringInfo(&sql, "        old_row.%s := NULL;\n", name);
		appendStringInfo(&sql, "        new_row.%s := NULL;\n", name);
	}
	return sql.data;
}

static char *
function_sql(const TableDef *def, const TableColumn *col,
			 const char *function)
{
	char	   *name = pstrdup(quote_identifier(col->target_name));
	char	   *body;
	char	   *mark = quote_literal_cstr(psprintf(".%s", col->target_name));

	/* *<> compares images, so it works for types without an equality */
	body = psprintf("\nDECLARE\n"
					"    old_row record := OLD;\n"
					"    new_row record := NEW;\n"
					"BEGIN\n"
					"    IF TG_ARGV[0] = 'assigned' THEN\n"
					"        PERFORM set_config('on_update.assigned', TG_RELID::text || %s, true);\n"
					"    ELSIF current_setting('on_update.assigned', true) = TG_RELID::text || %s THEN\n"
					"        PERFORM set_config('on_update.assigned', '', true);\n"
					"    ELSE\n"
					"%s"
					"        IF new_row *<> old_row THEN\n"
					"            NEW.%s := CURRENT_TIMESTAMP;\n"
					"        END IF;\n"
					"    END IF;\n"
					"    RETURN NEW;\n"
					"END\n",
					mark, mark, level_generated_sql(def), name);
	return psprintf("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS %s",
					function, quote_literal_cstr(body));
}

static void
add_on_update(SchemaPlan *state, TableDef *def, TableColumn *col)
{
	PlanNotes	notes = {0};
	char	   *name;
	char	   *function;
	char	   *base = psprintf("%s_%s", def->target_name, col->target_name);
	char	   *trigger;

	if (state->options->policy->on_update_ignore)
	{
		plan_note(&notes, "%s: ON UPDATE CURRENT_TIMESTAMP is dropped (option on_update_timestamp)",
				  col->name);
		plan_add(state, PLAN_POST_DATA, "trigger", def, col->target_name, NULL,
				 &notes);
		return;
	}

	/* functions have a name space of their own */
	name = plan_name_with_suffix(base, "_on_update");
	for (int i = 1; !plan_name_take(state, def->target_schema, "functions", name); i++)
		name = plan_name_with_suffix(base, psprintf("_on_update%d", i));
	function = quote_qualified_identifier(def->target_schema, name);
	plan_note(&notes, "ON UPDATE CURRENT_TIMESTAMP of %s: two triggers set it when an UPDATE changes the row and does not assign it",
			  col->name);
	plan_add(state, PLAN_POST_DATA, "function", def, name,
			 function_sql(def, col, function), &notes);

	base = psprintf("%s_on_update", col->target_name);
	trigger = plan_name_with_suffix(base, "_1");
	plan_add(state, PLAN_POST_DATA, "trigger", def, trigger,
			 psprintf("CREATE TRIGGER %s BEFORE UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION %s('assigned')",
					  quote_identifier(trigger),
					  quote_identifier(col->target_name),
					  plan_table_name(def), function), NULL);
	trigger = plan_name_with_suffix(base, "_2");
	plan_add(state, PLAN_POST_DATA, "trigger", def, trigger,
			 psprintf("CREATE TRIGGER %s BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s('set')",
					  quote_identifier(trigger), plan_table_name(def),
					  function), NULL);
}

void
plan_triggers(SchemaPlan *state)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def) || def->merged)
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->target_name != NULL && col->on_update_now)
				add_on_update(state, def, col);
		}
		if (def->auto_increment != NULL)
		{
			char	   *sql = plan_identity_sql(def, def->auto_increment, 0);

			if (sql != NULL)
				plan_add(state, PLAN_POST_DATA, "identity", def,
						 def->target_name, sql, NULL);
		}
	}
}
