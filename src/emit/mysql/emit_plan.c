/*-------------------------------------------------------------------------
 *
 * emit_plan.c
 *	  The plan of a schema for MySQL or MariaDB.
 *
 *	  definitions --> columns with types --keys, rows--> types that fit
 *		--> databases, tables, indexes, foreign keys; rows for what is lost
 *
 * Each statement is a single one, that commits by itself at the destination.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "catalog/pg_collation.h"
#include "utils/formatting.h"

static char *
folded(const char *name)
{
	return str_tolower(name, strlen(name), DEFAULT_COLLATION_OID);
}

static bool
same_name(const char *a, const char *b, bool folds)
{
	return folds ? strcmp(folded(a), folded(b)) == 0 : strcmp(a, b) == 0;
}

static void
refuse_name(Emit *emit, const TableDef *def, const char *kind, const char *name, char *text)
{
	PlanNotes	notes = {0};

	plan_warn(&notes, "%s", text);
	notes.fatal = true;
	plan_add(&emit->plan, PLAN_PRE_DATA, kind, def, name, NULL, &notes);
}

/* Columns never differ by case alone, tables not everywhere. */
static void
find_collisions(Emit *emit)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, emit->tables)
	{
		TableDef   *a = ((EmitTable *) lfirst(lc))->def->def;
		bool		folds = emit->target->folds_tables;

		for_each_cell(lc2, emit->tables, lnext(emit->tables, lc))
		{
			TableDef   *b = ((EmitTable *) lfirst(lc2))->def->def;

			if (same_name(a->target_schema, b->target_schema, folds) &&
				same_name(a->target_name, b->target_name, folds))
				refuse_name(emit, a, "table", a->target_name,
							psprintf("tables %s.%s and %s.%s would both become %s", a->schema,
									 a->name, b->schema, b->name, a->target_name));
		}
		foreach(lc2, a->columns)
		{
			TableColumn *x = lfirst(lc2);
			ListCell   *lc3;

			for_each_cell(lc3, a->columns, lnext(a->columns, lc2))
			{
				TableColumn *y = lfirst(lc3);

				if (x->target_name != NULL && y->target_name != NULL &&
					same_name(x->target_name, y->target_name, true))
					refuse_name(emit, a, "column", x->target_name,
								psprintf("columns %s and %s of %s.%s would both become %s, since their names differ in case alone",
										 x->name, y->name, a->schema, a->name, x->target_name));
			}
		}
	}
}

static void
make_databases(Emit *emit)
{
	ListCell   *lc;

	foreach(lc, emit->tables)
	{
		TableDef   *def = ((EmitTable *) lfirst(lc))->def->def;

		if (plan_name_take(&emit->plan, def->target_schema, "databases", ""))
			plan_add(&emit->plan, PLAN_PRE_DATA, "schema", NULL, def->target_schema,
					 psprintf("CREATE DATABASE IF NOT EXISTS %s DEFAULT CHARACTER SET utf8mb4 DEFAULT COLLATE %s",
							  my_quote_identifier(def->target_schema), emit->target->collation),
					 NULL);
	}
}

static void
note_others(Emit *emit)
{
	ListCell   *lc;

	foreach(lc, emit->schema->others)
	{
		OtherObject *o = lfirst(lc);
		PlanNotes	notes = {0};
		PlanStatement *st;

		if (strcmp(o->kind, "partitioned table") == 0)
			plan_warn(&notes, "its partitions become tables of their own; there is no table of its name");
		else if (strcmp(o->kind, "function") == 0)
			plan_note(&notes, "a function is not translated");
		else
			plan_warn(&notes, "a %s is not translated; make by hand what takes its place", o->kind);
		st = plan_add(&emit->plan, PLAN_POST_DATA, pstrdup(o->kind), NULL, o->name, NULL, &notes);
		st->schema = o->schema;
		st->table = o->table;
		st->target_schema = o->schema;
	}
}

void
emit_all(Emit *emit, SchemaDefinition *schema, const PlanOptions *options)
{
	ListCell   *lc;

	memset(emit, 0, sizeof(*emit));
	emit->plan.options = options;
	emit->target = options->mysql;
	emit->schema = schema;
	plan_names_init(&emit->plan);
	emit_columns(emit);
	emit_fit_keys(emit);
	emit_fit_rows(emit);
	find_collisions(emit);
	make_databases(emit);
	emit_tables(emit);
	foreach(lc, emit->tables)
		emit_indexes(emit, lfirst(lc));
	foreach(lc, emit->tables)
		emit_foreign_keys(emit, lfirst(lc));
	note_others(emit);
}

List *
emit_plan(SchemaDefinition *schema, const PlanOptions *options)
{
	Emit		emit;

	emit_all(&emit, schema, options);
	return emit.plan.statements;
}
