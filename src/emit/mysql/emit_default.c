/*-------------------------------------------------------------------------
 *
 * emit_default.c
 *	  What a column has if nothing is said: AUTO_INCREMENT, a generated value,
 *	  or a default.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "nodes/parsenodes.h"
#include "lib/stringinfo.h"

/* A function without arguments that the expression is; NULL. */
static const char *
function_name(Node *node)
{
	FuncCall   *call = (FuncCall *) node;

	while (node != NULL && IsA(node, TypeCast))
		node = ((TypeCast *) node)->arg;
	call = (FuncCall *) node;
	return node != NULL && IsA(node, FuncCall) ? strVal(llast(call->funcname)) : NULL;
}

static bool
is_now(Node *node)
{
	static const char *const names[] = {"now", "transaction_timestamp", "statement_timestamp",
	"clock_timestamp"};
	const char *name = function_name(node);

	while (IsA(node, TypeCast))
		node = ((TypeCast *) node)->arg;
	if (IsA(node, SQLValueFunction))
	{
		SQLValueFunctionOp op = ((SQLValueFunction *) node)->op;

		return op == SVFOP_CURRENT_TIMESTAMP || op == SVFOP_CURRENT_TIMESTAMP_N ||
			op == SVFOP_LOCALTIMESTAMP || op == SVFOP_LOCALTIMESTAMP_N ||
			op == SVFOP_CURRENT_DATE || op == SVFOP_CURRENT_TIME ||
			op == SVFOP_CURRENT_TIME_N || op == SVFOP_LOCALTIME || op == SVFOP_LOCALTIME_N;
	}
	for (int i = 0; name != NULL && i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Is the time of now cut to its day? */
static bool
is_day(Node *node)
{
	for (; IsA(node, TypeCast); node = ((TypeCast *) node)->arg)
		if (strcmp(strVal(llast(((TypeCast *) node)->typeName->names)), "date") == 0)
			return true;
	return IsA(node, SQLValueFunction) &&
		((SQLValueFunction *) node)->op == SVFOP_CURRENT_DATE;
}

static bool
has_moments(EmitClass class)
{
	return class == MY_DATE || class == MY_TIME || class == MY_DATETIME || class == MY_INSTANT;
}

static char *
digits(const char *function, const EmitColumn *c)
{
	return c->fraction > 0 ? psprintf("%s(%d)", function, c->fraction) : psprintf("%s()", function);
}

/* The time of now, as the column's values are; NULL: *why. */
static char *
default_now(const EmitColumn *c, const EmitTarget *target, PlanNotes *notes, char **why)
{
	switch (c->class)
	{
		case MY_INSTANT:
			if (target->expr_defaults)
				return psprintf("(%s)", digits("UTC_TIMESTAMP", c));
			plan_warn(notes, "column %s: its default is the time of the session's zone; it has to be UTC",
					  c->def->col->name);
			/* FALLTHROUGH */
		case MY_DATETIME:
			return digits("CURRENT_TIMESTAMP", c);
		case MY_DATE:
			if (target->expr_defaults)
				return pstrdup("(CURDATE())");
			break;
		case MY_TIME:
			if (target->expr_defaults)
				return psprintf("(%s)", digits("CURTIME", c));
			break;
		default:
			*why = "the time of now in a column of that type";
			return NULL;
	}
	*why = psprintf("%s takes no expression as a default", target->name);
	return NULL;
}

/* Needs an expression what is not stored in the row. */
static char *
default_literal(const EmitColumn *c, const EmitTarget *target, const char *text, char **why)
{
	char	   *sql = emit_literal(c->class, c->def->type, text, why);

	if (sql == NULL || !c->lob)
		return sql;
	if (!target->text_defaults)
	{
		*why = psprintf("%s has no defaults of %s", target->name, c->type);
		return NULL;
	}
	return psprintf("(%s)", sql);
}

static bool
is_empty_array(Node *node)
{
	while (IsA(node, TypeCast))
		node = ((TypeCast *) node)->arg;
	return IsA(node, A_ArrayExpr) && ((A_ArrayExpr *) node)->elements == NIL;
}

static char *
default_sql(const EmitTable *table, const EmitColumn *c, const EmitTarget *target, PlanNotes *notes,
			char **why)
{
	Node	   *node = emit_parse(c->def->default_expr);
	const char *text;
	const char *name;
	bool		null;
	char	   *sql;

	if (node == NULL)
	{
		*why = "it cannot be read";
		return NULL;
	}
	text = emit_constant(node, &null);
	if (null)
		return pstrdup("NULL");
	/* ('now'::text)::date is what CURRENT_DATE was before PostgreSQL 10 */
	if (is_now(node) || (text != NULL && has_moments(c->class) && strcmp(text, "now") == 0))
	{
		if (!is_day(node) || (c->class != MY_DATETIME && c->class != MY_INSTANT))
			return default_now(c, target, notes, why);
		*why = "the day of now in a column that has a time";
		return NULL;
	}
	if (text != NULL)
		return default_literal(c, target, text, why);
	if (c->class == MY_ARRAY && is_empty_array(node))
		return default_literal(c, target, "{}", why);
	name = function_name(node);
	if (!target->expr_defaults)
	{
		*why = psprintf("%s takes no expression as a default", target->name);
		return NULL;
	}
	if (c->class == MY_UUID && name != NULL && (strcmp(name, "gen_random_uuid") == 0 ||
												strcmp(name, "uuid_generate_v4") == 0))
	{
		plan_note(notes, "column %s: its default becomes UUID(), which is made of time and place, not at random",
				  c->def->col->name);
		return pstrdup("(UUID())");
	}
	sql = emit_translate(c->def->default_expr, NULL, NULL, target, MY_USE_DEFAULT, notes, why);
	return sql ? psprintf("(%s)", sql) : NULL;
}

static bool
takes_sequence(const ColumnDefinition *def)
{
	Node	   *node = def->default_expr ? emit_parse(def->default_expr) : NULL;
	const char *name = node ? function_name(node) : NULL;

	return name != NULL && strcmp(name, "nextval") == 0;
}

static bool
draws_values(const EmitColumn *c)
{
	return c->name != NULL && c->class == MY_INT &&
		(c->def->identity != '\0' || takes_sequence(c->def));
}

/* A column of AUTO_INCREMENT takes no NULL. */
static bool
is_counted(const EmitColumn *c)
{
	return draws_values(c) && c->not_null;
}

/* The one that a table can have: that which leads the primary key, else the first. */
static EmitColumn *
find_counted(const EmitTable *table)
{
	EmitColumn *first = NULL;
	ListCell   *lc;
	IndexDefinition *primary = table->def->indexes ? linitial(table->def->indexes) : NULL;

	if (primary != NULL && primary->primary)
	{
		IndexPartDefinition *lead = linitial(primary->parts);
		EmitColumn *c = emit_find_column(table, lead->column);

		if (c != NULL && is_counted(c))
			return c;
	}
	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		/* a sequence that belongs to no column can be that of several tables */
		if (is_counted(c) && c->def->increment != 0 && first == NULL)
			first = c;
	}
	return first;
}

static void
note_counted(EmitTable *table, const EmitColumn *c)
{
	if (c->def->increment == 0)
		plan_warn(&table->notes, "column %s: takes its values from a sequence that is not its own; AUTO_INCREMENT goes on after the largest value of the table",
				  c->def->col->name);
	else if (c->def->next_value == NULL)
		plan_warn(&table->notes, "column %s: the account may not read its sequence; AUTO_INCREMENT goes on after the largest value of the table",
				  c->def->col->name);
	else if (c->def->increment != 1)
		plan_warn(&table->notes, "column %s: its sequence goes on by " INT64_FORMAT ", AUTO_INCREMENT by what the server's auto_increment_increment says",
				  c->def->col->name, c->def->increment);
	if (c->def->identity == 'a')
		plan_note(&table->notes, "column %s: GENERATED ALWAYS is not enforced", c->def->col->name);
}

/*
 * The log does not have the values of a generated column; where it cannot be
 * computed at the destination it is left out.
 */
static void
generate(EmitTable *table, EmitColumn *c, const EmitTarget *target)
{
	char	   *why = NULL;

	if (target->generated)
		c->generated = emit_translate(c->def->generation_expr, table, NULL, target,
									  MY_USE_GENERATED, &table->notes, &why);
	else
		why = psprintf("%s has no generated columns", target->name);
	if (c->generated != NULL)
		return;
	plan_warn(&table->notes, "column %s is left out: it is GENERATED ALWAYS AS (%s), which does not translate (%s), and its values are not in the source's log",
			  c->def->col->name, c->def->generation_expr, why);
	c->name = NULL;
	c->def->col->left_out = true;
	c->def->col->target_name = NULL;
}

void
emit_defaults(Emit *emit, EmitTable *table)
{
	EmitColumn *counted = find_counted(table);
	ListCell   *lc;

	if (counted != NULL)
	{
		counted->auto_increment = true;
		note_counted(table, counted);
	}
	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);
		char	   *why = NULL;

		if (c->name == NULL || c->auto_increment)
			continue;
		if (c->def->generation_expr != NULL)
		{
			generate(table, c, emit->target);
			continue;
		}
		if (draws_values(c))
		{
			plan_warn(&table->notes, "column %s: its values come from a sequence, and %s; the application has to give them",
					  c->def->col->name, !c->not_null ? "it takes NULL, which AUTO_INCREMENT does not" : counted ? "a table can have one AUTO_INCREMENT" :
					  "that is not its own");
			continue;
		}
		if (c->def->default_expr == NULL)
			continue;
		c->default_sql = default_sql(table, c, emit->target, &table->notes, &why);
		if (c->default_sql == NULL)
			plan_warn(&table->notes, "column %s: its default %s is lost (%s)",
					  c->def->col->name, c->def->default_expr, why);
	}
}
