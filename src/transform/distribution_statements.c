/*-------------------------------------------------------------------------
 *
 * distribution_statements.c
 *	  The statements by which tables are placed on the nodes of a distributed
 *	  destination, and those of a plan that these tables cannot take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/distribution_impl.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

PlanStatement *
distribution_statement(const Piece *p)
{
	PlanStatement *st = palloc0(sizeof(PlanStatement));

	st->phase = PLAN_PRE_DATA;
	st->kind = "distribution";
	st->schema = p->def->schema;
	st->table = p->def->name;
	st->target_schema = p->def->target_schema;
	st->name = p->def->target_name;
	return st;
}

static PlanStatement *
placing_statement(const Piece *p)
{
	PlanStatement *st = distribution_statement(p);
	char	   *table = quote_literal_cstr(plan_table_name(p->def));

	if (p->placement == PLACEMENT_REFERENCE)
		st->sql = psprintf("SELECT pg_catalog.create_reference_table(%s)", table);
	else if (p->placement == PLACEMENT_KEY)
		st->sql = psprintf("SELECT pg_catalog.create_distributed_table(%s, %s, colocate_with => %s)",
						   table, quote_literal_cstr(p->column),
						   p->family == p ? "'none'" :
						   quote_literal_cstr(plan_table_name(p->family->def)));
	if (p->why != NULL)
		st->note = psprintf("%s: %s",
							p->placement == PLACEMENT_KEY ? psprintf("by column \"%s\"", p->column) :
							p->placement == PLACEMENT_REFERENCE ? "on each node" : "on the coordinator",
							p->why);
	return st;
}

/* Does an action of the foreign key write into its columns? */
static bool
changes_child(const TableForeignKey *fk)
{
	return (fk->on_delete && strncmp(fk->on_delete, "SET ", 4) == 0) ||
		(fk->on_update && (strncmp(fk->on_update, "SET ", 4) == 0 ||
						   strcmp(fk->on_update, "CASCADE") == 0));
}

/* Is the column by which the child's rows are distributed one of them? */
static bool
holds_placing_column(const Tie *tie)
{
	ListCell   *lc;

	foreach(lc, tie->fk->columns)
	{
		TableColumn *col = model_find_column(tie->child->def, lfirst(lc));

		if (col != NULL && col->target_name != NULL &&
			strcmp(col->target_name, tie->child->column) == 0)
			return true;
	}
	return false;
}

/* May there be the foreign key? */
static const char *
why_no_foreign_key(const Tie *tie)
{
	const Piece *child = tie->child;
	const Piece *parent = tie->parent;
	char	   *column;

	if (child->placement == PLACEMENT_KEY && parent->placement != PLACEMENT_LOCAL &&
		holds_placing_column(tie) && changes_child(tie->fk))
		return "its action would change the column by which rows are distributed";
	if (parent->placement == PLACEMENT_REFERENCE)
		return NULL;
	if (parent->placement == PLACEMENT_LOCAL)
		return child->placement == PLACEMENT_KEY ?
			"its parent is on the coordinator alone" : NULL;
	if (child->placement != PLACEMENT_KEY)
		return "its parent is distributed, and this table is not";
	column = distribution_child_column(tie, parent->column);
	if (child->family != parent->family || column == NULL ||
		strcmp(column, child->column) != 0)
		return "it joins rows of different nodes";
	return NULL;
}

/* ALTER TABLE … ALTER COLUMN … RESTART WITH n, which Citus does not know. */
static void
set_identity(const TableDef *def, PlanStatement *st)
{
	const char *with = strstr(st->sql, " RESTART WITH ");
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (with != NULL && col->auto_increment && col->target_name != NULL)
			st->sql = psprintf("SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, %s), %s, false)",
							   quote_literal_cstr(plan_table_name(def)),
							   quote_literal_cstr(col->target_name),
							   with + strlen(" RESTART WITH "));
	}
}

static void
not_possible(PlanStatement *st, const char *why)
{
	plan_statement_leave_out(st, psprintf("not possible in a distributed table: %s", why));
}

/* Of a constraint or index; a source's own plan has the table before it. */
static bool
is_statement_of(const PlanStatement *st, const char *name)
{
	size_t		len = name ? strlen(name) : 0;
	size_t		all = strlen(st->name);

	return name != NULL && (strcmp(st->name, name) == 0 ||
							(all > len && strchr(" .", st->name[all - len - 1]) != NULL &&
							 strcmp(st->name + all - len, name) == 0));
}

static const char *
why_no_index(const Piece *p, const TableIndex *index)
{
	List	   *columns = distribution_index_columns(p->def, index);
	ListCell   *lc;

	if (p->placement == PLACEMENT_RANDOM)
		return "its rows are distributed randomly";
	foreach(lc, p->columns ? p->columns : list_make1(p->column))
		if (!distribution_has_name(columns, lfirst(lc)))
			return psprintf("column \"%s\", by which rows are distributed, is not in it",
							(char *) lfirst(lc));
	return NULL;
}

/* Statements of the plan that a placed table cannot take. */
void
distribution_take_out(Pieces *ps, Piece *p)
{
	bool		greenplum = ps->options->distribution == DISTRIBUTION_GREENPLUM;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ps->plan)
	{
		PlanStatement *st = lfirst(lc);

		if (st->sql == NULL || !plan_statement_is_of(st, p->def))
			continue;
		if (strcmp(st->kind, "foreign key") == 0)
		{
			if (greenplum)
				plan_statement_note(st, "Greenplum holds no row against it");
			foreach(lc2, p->parents)
			{
				Tie		   *tie = lfirst(lc2);
				const char *why;

				if (greenplum || !is_statement_of(st, tie->fk->target_name))
					continue;
				why = why_no_foreign_key(tie);
				if (why != NULL)
					not_possible(st, why);
			}
		}
		else if (strcmp(st->kind, "trigger") == 0 && p->placement != PLACEMENT_LOCAL)
			not_possible(st, "triggers do not run on its shards");
		else if (strcmp(st->kind, "identity") == 0 && !greenplum && p->placement != PLACEMENT_LOCAL)
			set_identity(p->def, st);
		else if (p->placement == PLACEMENT_KEY || p->placement == PLACEMENT_RANDOM)
		{
			foreach(lc2, p->def->indexes)
			{
				TableIndex *index = lfirst(lc2);
				const char *why;

				if (!is_unique_index(index) || !is_statement_of(st, index->target_name) ||
					st->phase == PLAN_PRE_DATA || strcmp(st->kind, "comment") == 0)
					continue;
				why = why_no_index(p, index);
				if (why != NULL)
					not_possible(st, why);
			}
		}
	}
}

void
distribution_append(PlanStatement *made, const char *clause)
{
	List	   *trees = raw_parser(made->sql, RAW_PARSE_DEFAULT);
	const RawStmt *first = linitial_node(RawStmt, trees);
	int			len = first->stmt_len > 0 ? first->stmt_location + first->stmt_len :
		(int) strlen(made->sql);

	while (len > 0 && strchr("; \n", made->sql[len - 1]) != NULL)
		len--;
	made->sql = psprintf("%.*s%s%s", len, made->sql, clause, made->sql + len);
}

void
distribution_look_at_plan(Pieces *ps)
{
	ListCell   *lc;

	foreach(lc, ps->plan)
	{
		PlanStatement *st = lfirst(lc);
		Piece	   *p;

		if (strcmp(st->kind, "table") != 0 || st->sql == NULL || st->table == NULL)
			continue;
		p = distribution_find_piece(ps, st->schema, st->table);
		if (p == NULL || p->made != NULL || !plan_statement_is_of(st, p->def))
			continue;
		p->made = st;
		if (p->rule != NULL && p->rule->storage != NULL)
			distribution_append(st, psprintf(" %s", p->rule->storage));
	}
}

/* Tables on each node first, then each family after its first table. */
static List *
placing_statements(Pieces *ps)
{
	List	   *result = NIL;
	ListCell   *lc;

	for (int pass = 0; pass < 3; pass++)
	{
		foreach(lc, ps->all)
		{
			Piece	   *p = lfirst(lc);
			int			mine = p->placement != PLACEMENT_KEY ? 0 :
				p->family == p ? 1 : 2;

			if (p->made != NULL && mine == pass)
				result = lappend(result, placing_statement(p));
		}
	}
	return result;
}

List *
distribution_statements(Pieces *ps)
{
	return plan_insert_after(ps->plan, plan_last_of_pre_data(ps->plan), placing_statements(ps));
}
