/*-------------------------------------------------------------------------
 *
 * verify_made.c
 *	  Definitions at a destination of another product than PostgreSQL: is there
 *	  what the task would make now?
 *
 * The source's definitions are planned again, and what their statements make is
 * compared with the destination's catalog: columns with their types, keys by
 * their columns, foreign keys by their names. What is there in addition is
 * nobody's fault.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/dest_catalog.h"
#include "check/verify.h"
#include "emit/mysql/emit.h"
#include "tables/describe.h"

static void
add(Verify *v, const TableDef *def, DifferenceKind kind, const char *object,
	const char *there, const char *here)
{
	verify_add_object(v, NULL, def->schema, def->name, kind, object, there, here);
}

static void
add_flag(Verify *v, const TableDef *def, const char *object, const char *what, bool wanted,
		 bool found)
{
	if (wanted != found)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: %s", object, what),
			wanted ? "yes" : "no", found ? "yes" : "no");
}

static void
compare_column(Verify *v, const TableDef *def, const EmitMadeColumn *wanted,
			   const DestColumn *found)
{
	char	   *object = psprintf("column %s", wanted->col->target_name);

	if (found == NULL)
	{
		add(v, def, DIFFERENCE_MISSING, object, wanted->type, NULL);
		return;
	}
	/* whoever has made the table by hand may have chosen other types */
	if (!v->task->do_schema)
		return;
	if (strcmp(wanted->type, found->type) != 0)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: type", object), wanted->type,
			found->type);
	add_flag(v, def, object, "nullable", !wanted->not_null, !found->not_null);
	add_flag(v, def, object, "generated", wanted->generated, found->generated);
	add_flag(v, def, object, "AUTO_INCREMENT", wanted->auto_increment, found->identity);
	if (!wanted->generated && !found->generated && !wanted->auto_increment)
		add_flag(v, def, object, "default", wanted->has_default, found->has_default);
}

static char *
joined(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "", (char *) lfirst(lc));
	return buf.data;
}

static bool
same_columns(List *a, List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
		if (strcmp(lfirst(la), lfirst(lb)) != 0)
			return false;
	return true;
}

static bool
has_key(List *there, const EmitMadeKey *wanted)
{
	ListCell   *lc;

	foreach(lc, there)
	{
		const DestKey *key = lfirst(lc);

		if (same_columns(key->columns, wanted->columns) && (key->unique || !wanted->unique))
			return true;
	}
	return false;
}

static bool
has_foreign_key(List *there, const char *name)
{
	ListCell   *lc;

	foreach(lc, there)
		if (strcmp(((DestForeignKey *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static void
compare_keys(Verify *v, const EmitMade *made)
{
	const DestCatalogRoutine *catalog = v->dest->check->catalog;
	const TableDef *def = made->table;
	List	   *keys = catalog->keys(def->target_schema, def->target_name);
	List	   *foreign_keys = catalog->foreign_keys(def->target_schema, def->target_name);
	ListCell   *lc;

	foreach(lc, made->keys)
	{
		const EmitMadeKey *key = lfirst(lc);

		if (!has_key(keys, key))
			add(v, def, DIFFERENCE_MISSING,
				psprintf("%s (%s)", key->unique ? "unique key" : "index", joined(key->columns)),
				key->name, NULL);
	}
	foreach(lc, made->foreign_keys)
		if (!has_foreign_key(foreign_keys, lfirst(lc)))
			add(v, def, DIFFERENCE_MISSING, psprintf("foreign key %s", (char *) lfirst(lc)),
				lfirst(lc), NULL);
}

List *
verify_made(Verify *v, List *tables)
{
	return emit_wanted(v->source->read_definitions(v->conn, tables),
					 plan_options(v->options, v->selection));
}

void
verify_compare_made(Verify *v, const TableDef *def, List *made)
{
	List	   *there = dest_catalog_columns(v->task, v->dest, def->target_schema,
											 def->target_name);
	ListCell   *lc;
	ListCell   *lc2;

	if (there == NIL)
	{
		add(v, def, DIFFERENCE_MISSING, "table",
			psprintf("%s.%s", def->schema, def->name), NULL);
		return;
	}
	foreach(lc, made)
	{
		const EmitMade *m = lfirst(lc);

		if (m->table != def)
			continue;
		foreach(lc2, m->columns)
		{
			const EmitMadeColumn *c = lfirst(lc2);

			compare_column(v, def, c, dest_catalog_find(there, c->col->target_name));
		}
		if (v->task->do_schema)
			compare_keys(v, m);
	}
}
