/*-------------------------------------------------------------------------
 *
 * emit_foreign.c
 *	  Foreign keys in MySQL's SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "lib/stringinfo.h"

char *
emit_foreign_reason(const Emit *emit, const EmitTable *table, const ForeignKeyDefinition *fk,
					EmitTable **parent)
{
	ListCell   *lc;
	ListCell   *lc2;

	*parent = emit_find_table(emit, fk->ref_schema, fk->ref_table);
	if (*parent == NULL)
		return psprintf("%s.%s, which it refers to, is not migrated as a table", fk->ref_schema,
						fk->ref_table);
	if (!fk->validated)
		return "it is NOT VALID: existing rows need not fulfil it";
	forboth(lc, fk->columns, lc2, fk->ref_columns)
	{
		EmitColumn *a = emit_find_column(table, lfirst(lc));
		EmitColumn *b = emit_find_column(*parent, lfirst(lc2));

		if (a == NULL || b == NULL || a->name == NULL || b->name == NULL)
			return "it has a column that is left out";
		if (a->class != b->class ||
			(strcmp(a->type, b->type) != 0 && !(a->char_bytes > 0 && b->char_bytes > 0)))
			return psprintf("column %s is %s, and column %s of %s is %s", (char *) lfirst(lc),
							a->type, (char *) lfirst(lc2), fk->ref_table, b->type);
	}
	return NULL;
}

static int
place_of(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}

/* InnoDB wants the columns in the order of the key that they refer to. */
static void
order_columns(const EmitTable *parent, const ForeignKeyDefinition *fk, List **columns,
			  List **ref_columns)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, parent->def->indexes)
	{
		IndexDefinition *index = lfirst(lc);
		List	   *mine = NIL;
		List	   *theirs = NIL;

		if (!(index->primary || index->is_unique) || index->predicate != NULL ||
			list_length(index->parts) != list_length(fk->ref_columns))
			continue;
		foreach(lc2, index->parts)
		{
			const char *name = ((IndexPartDefinition *) lfirst(lc2))->column;
			int			place = name ? place_of(fk->ref_columns, name) : -1;

			if (place < 0)
				break;
			mine = lappend(mine, list_nth(fk->columns, place));
			theirs = lappend(theirs, list_nth(fk->ref_columns, place));
		}
		if (list_length(mine) != list_length(fk->columns))
			continue;
		*columns = mine;
		*ref_columns = theirs;
		return;
	}
	*columns = fk->columns;
	*ref_columns = fk->ref_columns;
}

/* Can all of these columns become NULL? */
static bool
can_be_null(const EmitTable *table, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (emit_find_column(table, lfirst(lc))->not_null)
			return false;
	}
	return true;
}

static const char *
action_of(const EmitTable *table, const ForeignKeyDefinition *fk, const char *event,
		  const char *action, PlanNotes *notes)
{
	if (strcmp(action, "SET DEFAULT") == 0 ||
		(strcmp(action, "SET NULL") == 0 &&
		 ((fk->some_columns && strcmp(event, "DELETE") == 0) || !can_be_null(table, fk->columns))))
	{
		plan_warn(notes, "ON %s %s%s is not possible, and becomes NO ACTION", event, action,
				  fk->some_columns ? " of some columns" : "");
		return "NO ACTION";
	}
	return action;
}

static char *
foreign_key_sql(EmitTable *table, EmitTable *parent, const ForeignKeyDefinition *fk,
				const char *name, PlanNotes *notes)
{
	List	   *columns;
	List	   *ref_columns;
	const char *on_update = action_of(table, fk, "UPDATE", fk->on_update, notes);
	const char *on_delete = action_of(table, fk, "DELETE", fk->on_delete, notes);

	if (fk->deferrable)
		plan_warn(notes, "it is DEFERRABLE, and checked at once at the destination");
	if (fk->full && list_length(fk->columns) > 1)
		plan_warn(notes, "MATCH FULL is lost: a row with NULL in one of its columns is not checked");
	if (table == parent && strcmp(on_update, "CASCADE") == 0)
		plan_warn(notes, "ON UPDATE CASCADE within one table is refused by InnoDB when it comes to that");
	order_columns(parent, fk, &columns, &ref_columns);
	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE %s ON UPDATE %s",
					table->name, my_quote_identifier(name), emit_column_list(table, columns),
					parent->name, emit_column_list(parent, ref_columns), on_delete, on_update);
}

void
emit_foreign_keys(Emit *emit, EmitTable *table)
{
	const TableDef *def = table->def->def;
	ListCell   *lc;

	foreach(lc, table->def->foreign_keys)
	{
		ForeignKeyDefinition *fk = lfirst(lc);
		PlanNotes	notes = {0};
		EmitTable    *parent;
		char	   *reason = emit_foreign_reason(emit, table, fk, &parent);
		char	   *name = emit_unique_name(emit, def->target_schema, "constraint", fk->name);

		if (reason != NULL)
			plan_warn(&notes, "a foreign key is lost: %s", reason);
		else
			table->foreign_keys = lappend(table->foreign_keys, name);
		plan_add(&emit->plan, PLAN_POST_DATA, "foreign key", def, name,
				 reason ? NULL : foreign_key_sql(table, parent, fk, name, &notes), &notes);
	}
}
