/*-------------------------------------------------------------------------
 *
 * plan_view.c
 *	  Views, where their queries translate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_expr.h"
#include "schema/plan_internal.h"

static void
add_view(SchemaPlan *state, TableDef *def, MyExprResult *query)
{
	PlanNotes	notes = {0};
	StringInfoData columns;
	ListCell   *lc;

	if (query->note != NULL)
		plan_note(&notes, "%s", query->note);
	initStringInfo(&columns);
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
						 quote_identifier(col->target_name != NULL ?
										  col->target_name : col->name));
	}
	plan_add(state, PLAN_POST_DATA, "view", def, def->target_name,
			 psprintf("CREATE VIEW %s (%s) AS %s", plan_table_name(def),
					  columns.data, query->sql), &notes);
}

/* Views may be made of views: round by round, those whose tables exist. */
void
plan_views(SchemaPlan *state)
{
	List	   *made = NIL;
	List	   *waiting = NIL;
	ListCell   *lc;
	bool		progress = true;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->is_view && !def->merged)
			waiting = lappend(waiting, def);
		else if (model_has_rows(def))
			made = lappend(made, def);
	}
	while (progress)
	{
		List	   *left = NIL;

		progress = false;
		foreach(lc, waiting)
		{
			TableDef   *def = lfirst(lc);
			MyExprResult query = mysql_translate_query(def->view_definition,
													   made, def->schema);

			if (query.sql == NULL)
			{
				left = lappend(left, def);
				continue;
			}
			add_view(state, def, &query);
			made = lappend(made, def);
			progress = true;
		}
		waiting = left;
	}
	foreach(lc, waiting)
	{
		TableDef   *def = lfirst(lc);
		MyExprResult query = mysql_translate_query(def->view_definition, made,
												   def->schema);
		PlanNotes	notes = {0};

		plan_warn(&notes, "view not made: its query does not translate (%s)",
				  query.why);
		plan_add(state, PLAN_POST_DATA, "view", def, def->target_name, NULL,
				 &notes);
	}
}
