/*-------------------------------------------------------------------------
 *
 * shape_plan.c
 *	  Columns that rules set, and keys that they choose, in a plan of
 *	  statements.
 *
 * A plan makes tables as the source has them. What "set" adds comes after; a
 * key of "primary_key" comes in place of the source's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "transform/shape_expr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Columns as the plan makes them; types that are still to be made are text. */
static void
scope_of(const TableDef *def, ExprScope *scope)
{
	ListCell   *lc;
	int			n = 0;

	memset(scope, 0, sizeof(*scope));
	scope->schema = def->schema;
	scope->table = def->name;
	scope->any_case = def->source_id == NULL;
	scope->columns = palloc0(sizeof(ExprColumn) *
							 Max(list_length(def->columns), 1));
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);
		ExprColumn *c = &scope->columns[n++];

		c->name = col->name;
		if (col->generation_expr != NULL)
		{
			c->refused = "it is generated, and not part of changes; use what it is made of";
			continue;
		}
		c->typid = InvalidOid;
		if (col->pg_type != NULL)
			dts_parse_type(col->pg_type, &c->typid, &c->typmod);
		if (!OidIsValid(c->typid))
		{
			c->typid = TEXTOID;
			c->typmod = -1;
		}
		c->typid = getBaseTypeAndTypmod(c->typid, &c->typmod);
		c->collation = get_typcollation(c->typid);
	}
	scope->ncolumns = n;
}

static PlanStatement *
statement(const TableDef *def, PlanPhase phase, const char *kind,
		  const char *name, char *sql)
{
	PlanStatement *st = palloc0(sizeof(PlanStatement));

	st->phase = phase;
	st->kind = kind;
	st->schema = def->schema;
	st->table = def->name;
	st->name = pstrdup(name);
	st->sql = sql;
	return st;
}

/* A column that exists keeps its type where that can take the values. */
static PlanStatement *
set_column(const TableDef *def, const ExprScope *scope, const RuleSet *set)
{
	const TableColumn *col = model_find_target_column(def, set->target);
	char	   *what = psprintf("expression for column \"%s\" of table \"%s\".\"%s\"",
								set->target, def->schema, def->name);
	ShapeExpr  *expr = shape_expr_compile(set->expr, what, scope, false,
										  InvalidOid, -1);
	char	   *type = format_type_with_typemod(expr->typid, expr->typmod);
	PlanStatement *st;

	if (col == NULL)
	{
		st = statement(def, PLAN_PRE_DATA, "column", def->target_name,
					   psprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s",
								plan_table_name(def), quote_identifier(set->target),
								type));
		st->note = psprintf("column \"%s\" is set by a rule", set->target);
		return st;
	}
	{
		Oid			typid = InvalidOid;
		int32		typmod;

		if (col->pg_type != NULL)
			dts_parse_type(col->pg_type, &typid, &typmod);
		if (!OidIsValid(typid) || typid == expr->typid ||
			can_coerce_type(1, &expr->typid, &typid, COERCION_ASSIGNMENT))
		{
			st = statement(def, PLAN_PRE_DATA, "column", def->target_name, NULL);
			st->note = psprintf("values of column \"%s\" are set by a rule", set->target);
			return st;
		}
	}
	st = statement(def, PLAN_PRE_DATA, "column", def->target_name,
				   psprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT, "
							"ALTER COLUMN %s TYPE %s USING NULL",
							plan_table_name(def), quote_identifier(set->target),
							quote_identifier(set->target), type));
	st->note = psprintf("values of column \"%s\" are set by a rule, and of another type",
						set->target);
	return st;
}

static PlanStatement *
key_statement(const TableDef *def, const ShapeRule *rule)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, rule->primary_key)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "",
						 quote_identifier(lfirst(lc)));
	return statement(def, PLAN_KEY, "primary key", def->target_name,
					 psprintf("ALTER TABLE %s ADD PRIMARY KEY (%s)",
							  plan_table_name(def), list.data));
}

static bool
is_kind(const PlanStatement *st, const char *kind)
{
	return strcmp(st->kind, kind) == 0;
}

/* Statements that do not go with a key of the rules' choice. */
static void
give_way(List *plan, const TableDef *def)
{
	char	   *parent = psprintf(" REFERENCES %s", plan_table_name(def));
	int			len = strlen(parent);
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);
		char	   *at;

		if (st->sql == NULL)
			continue;
		if (is_kind(st, "primary key") && plan_statement_is_of(st, def))
			plan_statement_leave_out(st, pstrdup("the rule's primary_key takes its place"));
		at = is_kind(st, "foreign key") ? strstr(st->sql, parent) : NULL;
		if (at != NULL && (at[len] == '(' || at[len] == ' '))
			plan_statement_leave_out(st, psprintf("the key of table \"%s\" is another at the destination, by the rule's primary_key",
								   def->target_name));
	}
}

static bool
makes_table(List *plan, const TableDef *def, const PlanStatement **where)
{
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);

		if (is_kind(st, "table") && plan_statement_is_of(st, def) && st->sql != NULL)
		{
			*where = st;
			return true;
		}
	}
	return false;
}

List *
shape_plan_rows(const Selection *sel, List *plan, List *tables, bool own_names)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tables)
	{
		const TableDef *def = lfirst(lc);
		const ShapeRule *rule = model_has_rows(def) ?
			selection_shape(sel, def->schema, def->name) : NULL;
		const PlanStatement *where;
		ExprScope	scope;
		List	   *more = NIL;

		if (rule == NULL || !rule_reads_rows(rule))
			continue;
		if (rule->primary_key != NIL)
			give_way(plan, def);
		if (!makes_table(plan, def, &where))
			continue;
		scope_of(def, &scope);
		if (rule->filter != NULL)
			(void) shape_expr_compile(rule->filter,
									  psprintf("filter of table \"%s\".\"%s\"",
											   def->schema, def->name),
									  &scope, true, InvalidOid, -1);
		foreach(lc2, rule->set)
			more = lappend(more, set_column(def, &scope, lfirst(lc2)));
		plan = plan_insert_after(plan, own_names ? plan_last_of_pre_data(plan) : where, more);
		if (rule->primary_key != NIL)
			plan = lappend(plan, key_statement(def, rule));
	}
	return plan;
}

List *
shape_plan_change(const Selection *sel, List *statements)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, statements)
	{
		PlanStatement *st = lfirst(lc);
		const ShapeRule *rule = st->table && st->schema ?
			selection_shape(sel, st->schema, st->table) : NULL;

		if (st->sql != NULL &&
			!(is_kind(st, "primary key") && rule && rule->primary_key != NIL))
			kept = lappend(kept, st);
	}
	return kept;
}
