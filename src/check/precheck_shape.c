/*-------------------------------------------------------------------------
 *
 * precheck_shape.c
 *	  Do columns that rules name exist, does a table keep a key, do filters and
 *	  expressions compile, and run over the first rows?
 *
 * The tables need not exist yet: a column has the type that the plan gives
 * it, and one whose type is still to be made counts as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/precheck_shape.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "core/attempt.h"
#include "core/copy_row.h"
#include "tables/describe.h"
#include "tables/relations.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define SAMPLE_ROWS 20

typedef struct ShapeCheck
{
	PrecheckContext *pc;
	List	  **items;
	int			expressions;
	int			tables;
	bool		failed;
} ShapeCheck;

static PrecheckItem *
add(ShapeCheck *c, const char *item, const char *status, char *found,
	char *advice)
{
	c->failed |= strcmp(status, PRECHECK_FAILED) == 0;
	return precheck_add(c->items, item, status, found, advice);
}

/* ----------------------------------------------------------------- columns */

/* Had the table a key if no column were left out? */
static bool
loses_key(TableDef *def)
{
	List	   *left_out = NIL;
	ListCell   *lc;
	bool		keyed;

	if (model_row_key(def) != NULL)
		return false;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->left_out)
			left_out = lappend(left_out, col);
		col->left_out = false;
	}
	keyed = model_row_key(def) != NULL;
	foreach(lc, left_out)
		((TableColumn *) lfirst(lc))->left_out = true;
	return keyed;
}

static bool
acts(const char *rule)
{
	return rule != NULL && pg_strcasecmp(rule, "RESTRICT") != 0 &&
		pg_strcasecmp(rule, "NO ACTION") != 0;
}

/* Children follow parents that are not here. */
static void
check_children(ShapeCheck *c, List *tables, const TableDef *parent)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);

		foreach(lc2, def->foreign_keys)
		{
			const TableForeignKey *fk = lfirst(lc2);

			if ((acts(fk->on_delete) || acts(fk->on_update)) &&
				strcmp(fk->ref_table, parent->name) == 0 &&
				strcmp(fk->ref_schema, parent->schema) == 0)
				add(c, "expressions", PRECHECK_WARNING,
					psprintf("table \"%s\".\"%s\" has a filter, and rows of \"%s\".\"%s\" follow its rows by a foreign key",
							 parent->schema, parent->name, def->schema, def->name),
					pstrdup("Filter both in the same way: what the source does to children of rows that are left out is not seen."));
		}
	}
}

static void
check_columns(ShapeCheck *c, TableDef *def, const ShapeRule *rule)
{
	ListCell   *lc;

	foreach(lc, rule->columns)
	{
		const RuleColumn *column = lfirst(lc);

		if (rule->exact && model_find_column(def, column->name) == NULL)
			add(c, "columns", PRECHECK_FAILED,
				psprintf("rule %d names column \"%s\", which table \"%s\".\"%s\" does not have",
						 rule->number, column->name, def->schema, def->name),
				pstrdup("Fix the rule."));
	}
	if (rule->primary_key == NIL && loses_key(def))
		add(c, "columns", PRECHECK_FAILED,
			psprintf("rule %d leaves out a column of the key of table \"%s\".\"%s\", which has no other key",
					 rule->number, def->schema, def->name),
			pstrdup("Keep the column, or say with primary_key which columns are the key at the destination."));
	if (rule->primary_key == NIL && model_row_key(def) == NULL &&
		(rule->operations & OPERATION_ROWS) != OPERATION_ROWS &&
		(rule->operations & OPERATION_ROWS) != OPERATION_INSERT)
		add(c, "columns", PRECHECK_FAILED,
			psprintf("rule %d leaves out operations of table \"%s\".\"%s\", which has no key to find the rows of the others by",
					 rule->number, def->schema, def->name),
			pstrdup("Take all of insert, update and delete, or insert alone; or give the table a key."));
}

/* ------------------------------------------------------------- expressions */

/* As DestRoutine.bind_relation, by the plan. */
static void
bind_by_plan(SourceRelation *rel)
{
	int			n = 0;
	ListCell   *lc;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		rel->columns[i].replicated = rel->columns[i].target_name != NULL;
		rel->columns[i].typid = InvalidOid;
		rel->columns[i].typmod = -1;
	}
	foreach(lc, rel->def->columns)
	{
		const TableColumn *def = lfirst(lc);
		SourceColumn *col = &rel->columns[n++];

		if (!col->replicated)
			continue;
		if (def->target_generated)
		{
			col->replicated = false;
			continue;
		}
		if (def->pg_type != NULL)
			dts_parse_type(def->pg_type, &col->typid, &col->typmod);
		if (!OidIsValid(col->typid))
		{
			col->typid = TEXTOID;
			col->typmod = -1;
		}
		col->typid = getBaseTypeAndTypmod(col->typid, &col->typmod);
		col->collation = get_typcollation(col->typid);
		get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
	}
}

static void
run_over_rows(ShapeCheck *c, SourceRelation *rel)
{
	PrecheckContext *pc = c->pc;
	SourceRange range = {"1 = 1 LIMIT 20", SAMPLE_ROWS, true};
	CopyReader *reader;
	SourceRows *rows;
	StringInfoData buf;
	int			n = Max(rel->ncolumns, rel->out->ncolumns) + 1;
	Datum	   *values = palloc0(sizeof(Datum) * n);
	bool	   *nulls = palloc0(sizeof(bool) * n);
	Datum	   *out_values = palloc0(sizeof(Datum) * n);
	bool	   *out_nulls = palloc0(sizeof(bool) * n);

	pc->source->prepare_relation(pc->conn, rel, &pc->options->policy);
	reader = copy_reader_make(rel);
	initStringInfo(&buf);
	/* rows that do not pass are tried, too */
	rel->pushed = NULL;
	rows = pc->source->open_rows(pc->conn, rel, &range);
	PG_TRY();
	{
		while (pc->source->next_copy(rows, &buf))
		{
			copy_reader_read(reader, &buf, values, nulls);
			(void) shape_row(rel->shape, values, nulls, out_values, out_nulls);
			resetStringInfo(&buf);
		}
	}
	PG_FINALLY();
	{
		pc->source->close_rows(rows);
	}
	PG_END_TRY();
}

/* Is there a value that the source may leave out of an UPDATE? */
static void
check_identity(ShapeCheck *c, const SourceRelation *rel)
{
	const char *column;

	if (rel->def->source_id == NULL || !c->pc->task->do_incremental ||
		(rel->def->replica_identity && strcmp(rel->def->replica_identity, "f") == 0))
		return;
	column = shape_needs_whole_row(rel->shape);
	if (column != NULL)
		precheck_sql(add(c, "expressions", PRECHECK_WARNING,
			psprintf("a filter or an expression of table \"%s\".\"%s\" uses column \"%s\", which an UPDATE need not log",
					 rel->schema, rel->name, column),
			pstrdup("An UPDATE that leaves a long value as it was stops the task.")),
			AT_SOURCE, "ALTER TABLE %s REPLICA IDENTITY FULL",
			quote_qualified_identifier(rel->schema, rel->name));
}

typedef struct ShapeStep
{
	ShapeCheck *c;
	TableDef   *def;
	const ShapeRule *rule;
} ShapeStep;

static void
try_expressions(void *arg)
{
	const ShapeStep *step = arg;
	ShapeCheck *c = step->c;
	SourceRelation *rel = relations_make(CurrentMemoryContext, 0, step->def);

	shape_open(rel, step->rule, bind_by_plan);
	check_identity(c, rel);
	if (c->pc->task->do_full || c->pc->task->do_incremental)
		run_over_rows(c, rel);
}

static void
check_expressions(ShapeCheck *c, TableDef *def, const ShapeRule *rule)
{
	ShapeStep	step = {c, def, rule};
	ErrorData  *edata;
	int			category;

	c->tables++;
	c->expressions += list_length(rule->set) + (rule->filter != NULL);
	edata = attempt(try_expressions, &step);
	if (edata == NULL)
		return;
	category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	if (category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION))
		ReThrowError(edata);
	add(c, "expressions", PRECHECK_FAILED,
		psprintf("%s (%s)", edata->message, edata->context ? edata->context : ""),
		edata->hint ? edata->hint : pstrdup("Fix the rule."));
}

bool
precheck_shape(PrecheckContext *pc, List *tables, List **items)
{
	ShapeCheck	c = {pc, items};
	PlanOptions *options = NULL;
	ListCell   *lc;
	int			shaped = 0;
	bool		columns = true;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);
		const ShapeRule *rule = model_has_rows(def) ?
			selection_shape(pc->selection, def->schema, def->name) : NULL;

		if (rule == NULL)
			continue;
		check_columns(&c, def, rule);
		shaped++;
		if (rule->filter != NULL)
			check_children(&c, tables, def);
		if (!rule_reads_rows(rule))
			continue;
		if (options == NULL)
		{
			/* names and types, without what rules make of them */
			options = plan_options(pc->options, NULL);
			options->targets_only = true;
			(void) plan_selected(pc->source, pc->conn, pc->info, tables,
								 options, NULL);
		}
		check_expressions(&c, def, rule);
	}
	foreach(lc, *items)
		columns &= strcmp(((PrecheckItem *) lfirst(lc))->item, "columns") != 0;
	if (shaped > 0 && columns)
		add(&c, "columns", PRECHECK_PASSED,
			psprintf("rules shape the rows of %d tables, and their columns exist",
					 shaped), NULL);
	if (c.tables > 0 && !c.failed)
		add(&c, "expressions", PRECHECK_PASSED,
			psprintf("%d expressions run over rows of %d tables", c.expressions,
					 c.tables), NULL);
	return !c.failed;
}
