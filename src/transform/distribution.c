/*-------------------------------------------------------------------------
 *
 * distribution.c
 *	  How the tables of a plan are spread over the nodes of a distributed
 *	  destination, and where their rows are stored.
 *
 *	  rules; a table without a key is local
 *	    -> parents that children cannot be kept together with: reference
 *	    -> families, by the foreign keys that hold a column of both keys
 *	    -> statements after those of the tables
 *	    -> unique and foreign keys that are not possible: left out
 *
 * A node checks its own rows alone. So a unique key has to hold the column by
 * which rows are distributed, and a foreign key has to stay on a node: both
 * tables are distributed by the columns that it joins, or all of the parent is
 * on each node (a reference table).
 *
 * Functions and restrictions are those of Citus ("Creating and Modifying
 * Distributed Objects" of its manual). What is otherwise in the Greenplum family
 * is in distribution_greenplum.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/distribution_impl.h"

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

bool
distribution_has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

static char *
target_of(const TableDef *def, const char *column)
{
	TableColumn *col = column ? model_find_column(def, column) : NULL;

	return col ? col->target_name : NULL;
}

/* Whole columns of an index, by their names at the destination. */
List *
distribution_index_columns(const TableDef *def, const TableIndex *index)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		const IndexPart *part = lfirst(lc);
		char	   *name = part->prefix == 0 ? target_of(def, part->column) : NULL;

		if (name != NULL)
			names = lappend(names, name);
	}
	return names;
}

/* Is a row found by it? NULL is in a unique key as often as one likes. */
static bool
is_row_key(const TableDef *def, const TableIndex *index)
{
	ListCell   *lc;

	if (!is_unique_index(index) || index->partial || index->parts == NIL)
		return false;
	foreach(lc, index->parts)
	{
		const IndexPart *part = lfirst(lc);
		TableColumn *col = part->column && part->prefix == 0 ?
			model_find_column(def, part->column) : NULL;

		if (col == NULL || col->nullable || col->target_name == NULL)
			return false;
	}
	return true;
}

/* Columns of all unique keys; the primary key's order. */
static void
find_candidates(Piece *p)
{
	bool		found = p->rule && p->rule->primary_key != NIL;
	ListCell   *lc;
	ListCell   *lc2;

	p->candidates = p->rule ? list_copy(p->rule->primary_key) : NIL;
	p->has_key = found;
	foreach(lc, p->def->indexes)
	{
		const TableIndex *index = lfirst(lc);
		List	   *columns;
		List	   *both = NIL;

		if (!is_unique_index(index) ||
			(index->kind == INDEX_PRIMARY && p->rule && p->rule->primary_key != NIL))
			continue;
		columns = distribution_index_columns(p->def, index);
		p->has_key |= is_row_key(p->def, index);
		if (!found)
			both = columns;
		else
			foreach(lc2, p->candidates)
				if (distribution_has_name(columns, lfirst(lc2)))
					both = lappend(both, lfirst(lc2));
		p->candidates = both;
		found = true;
	}
	p->any_unique = found;
}

Piece *
distribution_find_piece(Pieces *ps, const char *schema, const char *table)
{
	ListCell   *lc;
	Piece	   *any_case = NULL;

	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);

		if (strcmp(p->def->schema, schema) == 0 && strcmp(p->def->name, table) == 0)
			return p;
		if (pg_strcasecmp(p->def->schema, schema) == 0 &&
			pg_strcasecmp(p->def->name, table) == 0)
			any_case = p;
	}
	return any_case;
}

static void
make_piece(Pieces *ps, TableDef *def)
{
	Piece	   *p = palloc0(sizeof(Piece));

	p->def = def;
	p->rule = ps->options->selection ?
		selection_shape(ps->options->selection, def->schema, def->name) : NULL;
	find_candidates(p);
	ps->all = lappend(ps->all, p);
}

/* "ALTER TABLE ONLY parent ATTACH PARTITION child …", of pg_dump: its cmd. */
static const AlterTableStmt *
attaching(const PlanStatement *st)
{
	List	   *trees;
	Node	   *tree;
	AlterTableCmd *cmd;

	if (st->sql == NULL || strncmp(st->sql, "ALTER TABLE ", 12) != 0 ||
		strstr(st->sql, " ATTACH PARTITION ") == NULL)
		return NULL;
	trees = raw_parser(st->sql, RAW_PARSE_DEFAULT);
	tree = list_length(trees) == 1 ? linitial_node(RawStmt, trees)->stmt : NULL;
	if (tree == NULL || !IsA(tree, AlterTableStmt) ||
		list_length(((AlterTableStmt *) tree)->cmds) != 1)
		return NULL;
	cmd = linitial(((AlterTableStmt *) tree)->cmds);
	return cmd->subtype == AT_AttachPartition && ((AlterTableStmt *) tree)->relation->schemaname ?
		(AlterTableStmt *) tree : NULL;
}

static bool
is_named(const RangeVar *rel, const char *schema, const char *name)
{
	return rel->schemaname != NULL && strcmp(rel->schemaname, schema) == 0 &&
		strcmp(rel->relname, name) == 0;
}

static RangeVar *
parent_of(List *attachments, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, attachments)
	{
		const AlterTableStmt *stmt = lfirst(lc);
		PartitionCmd *cmd = (PartitionCmd *) ((AlterTableCmd *) linitial(stmt->cmds))->def;

		if (is_named(cmd->name, schema, name))
			return stmt->relation;
	}
	return NULL;
}

/*
 * A source that plans its own objects has partitions as tables. They go where
 * the table goes that they are partitions of, which stands for them at the
 * destination.
 */
static void
join_partitions(Pieces *ps)
{
	List	   *attachments = NIL;
	List	   *kept = NIL;
	List	   *roots = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ps->plan)
	{
		const AlterTableStmt *stmt = attaching(lfirst(lc));

		if (stmt != NULL)
			attachments = lappend(attachments, unconstify(AlterTableStmt *, stmt));
	}
	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);
		RangeVar   *root = parent_of(attachments, p->def->target_schema, p->def->target_name);
		RangeVar   *above;
		Piece	   *known = NULL;

		if (root == NULL)
		{
			kept = lappend(kept, p);
			continue;
		}
		while ((above = parent_of(attachments, root->schemaname, root->relname)) != NULL)
			root = above;
		foreach(lc2, roots)
			if (is_named(root, ((Piece *) lfirst(lc2))->def->target_schema,
						 ((Piece *) lfirst(lc2))->def->target_name))
				known = lfirst(lc2);
		if (known != NULL)
		{
			known->parts = lappend(known->parts, p->made);
			known->def->rows_estimate += p->def->rows_estimate;
			continue;
		}
		known = palloc(sizeof(Piece));
		*known = *p;
		known->parts = list_make1(p->made);
		known->def = palloc(sizeof(TableDef));
		*known->def = *p->def;
		known->def->schema = known->def->target_schema = root->schemaname;
		known->def->name = known->def->target_name = root->relname;
		if (ps->options->selection)
			known->rule = selection_shape(ps->options->selection, root->schemaname, root->relname);
		roots = lappend(roots, known);
	}
	ps->all = list_concat(kept, roots);
}

static void
find_ties(Pieces *ps)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);

		foreach(lc2, p->def->foreign_keys)
		{
			TableForeignKey *fk = lfirst(lc2);
			Piece	   *parent = distribution_find_piece(ps, fk->ref_schema, fk->ref_table);
			Tie		   *tie;

			if (parent == NULL)
				continue;
			tie = palloc0(sizeof(Tie));
			tie->child = p;
			tie->parent = parent;
			tie->fk = fk;
			p->parents = lappend(p->parents, tie);
			parent->children = lappend(parent->children, tie);
		}
	}
}

/* The child's column that a tie joins with the parent's; NULL: none. */
char *
distribution_child_column(const Tie *tie, const char *parent_column)
{
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, tie->fk->columns, lc2, tie->fk->ref_columns)
	{
		char	   *ref = target_of(tie->parent->def, lfirst(lc2));

		if (ref != NULL && strcmp(ref, parent_column) == 0)
			return target_of(tie->child->def, lfirst(lc));
	}
	return NULL;
}

/* Could the rows of both be together by some column? */
static bool
can_be_together(const Tie *tie)
{
	ListCell   *lc;

	foreach(lc, tie->parent->candidates)
	{
		char	   *column = distribution_child_column(tie, lfirst(lc));

		if (column != NULL && distribution_has_name(tie->child->candidates, column))
			return true;
	}
	return false;
}

static void
place(Piece *p, RulePlacement placement, const char *why)
{
	p->placement = placement;
	p->why = why;
}

static void
follow_rule(Piece *p)
{
	const ShapeRule *rule = p->rule;

	if (rule->placement == PLACEMENT_RANDOM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("distribution_key \"random\" of rule %d in objects is not possible at this destination",
						rule->number),
				 errhint("Citus distributes by a column, keeps a table on each node (\"reference\") or on the coordinator (\"local\").")));
	place(p, rule->placement, NULL);
	if (rule->placement != PLACEMENT_KEY)
		return;
	if (list_length(rule->distribution_key) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("distribution_key of rule %d in objects has %d columns",
						rule->number, list_length(rule->distribution_key)),
				 errhint("Citus distributes by one column.")));
	p->column = linitial(rule->distribution_key);
	p->family = p;
}

/*
 * A small parent that some child cannot be kept together with goes to all
 * nodes, and so do its own parents.
 */
static void
make_references(Pieces *ps)
{
	bool		more = true;

	while (more)
	{
		ListCell   *lc;
		ListCell   *lc2;

		more = false;
		foreach(lc, ps->all)
		{
			Piece	   *child = lfirst(lc);

			foreach(lc2, child->parents)
			{
				Tie		   *tie = lfirst(lc2);
				Piece	   *parent = tie->parent;

				if (parent->placement != PLACEMENT_DEFAULT || parent == child ||
					parent->def->rows_estimate > DISTRIBUTION_SMALL_ROWS)
					continue;
				if (child->placement == PLACEMENT_REFERENCE)
					place(parent, PLACEMENT_REFERENCE,
						  psprintf("table \"%s\", which is on each node, refers to it",
								   child->def->target_name));
				else if (!can_be_together(tie))
					place(parent, PLACEMENT_REFERENCE,
						  psprintf("table \"%s\" refers to it by columns that its own unique keys do not hold",
								   child->def->target_name));
				else
					continue;
				more = true;
			}
		}
	}
}

/* How many tables would follow if p were distributed by column; marks them. */
static int
family_size(Piece *p, char *column, List **seen)
{
	int			n = 1;
	ListCell   *lc;

	*seen = lappend(*seen, p);
	foreach(lc, p->children)
	{
		Tie		   *tie = lfirst(lc);
		char	   *name;

		if (tie->child->placement != PLACEMENT_DEFAULT || list_member_ptr(*seen, tie->child))
			continue;
		name = distribution_child_column(tie, column);
		if (name != NULL && distribution_has_name(tie->child->candidates, name))
			n += family_size(tie->child, name, seen);
	}
	return n;
}

/* Puts p, and the children that can follow, into a family. */
static void
join_family(Piece *p, char *column, Piece *first)
{
	ListCell   *lc;

	p->column = column;
	p->family = first;
	if (p->placement == PLACEMENT_DEFAULT)
		place(p, PLACEMENT_KEY, p == first ? "all its unique keys hold it" :
			  psprintf("its rows are where those of table \"%s\" are that they refer to",
					   first->def->target_name));
	foreach(lc, p->children)
	{
		Tie		   *tie = lfirst(lc);
		char	   *name;

		if (tie->child->placement != PLACEMENT_DEFAULT)
			continue;
		name = distribution_child_column(tie, column);
		if (name != NULL && distribution_has_name(tie->child->candidates, name))
			join_family(tie->child, name, first);
	}
}

/* Largest families first. */
static void
make_families(Pieces *ps)
{
	ListCell   *lc;

	/* whom a rule has placed takes children along */
	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);

		if (p->placement == PLACEMENT_KEY && p->family == p)
			join_family(p, p->column, p);
	}
	for (;;)
	{
		Piece	   *best = NULL;
		char	   *best_column = NULL;
		int			best_size = 1;

		foreach(lc, ps->all)
		{
			Piece	   *p = lfirst(lc);
			ListCell   *lc2;

			if (p->placement != PLACEMENT_DEFAULT || p->children == NIL)
				continue;
			foreach(lc2, p->candidates)
			{
				List	   *seen = NIL;
				int			size = family_size(p, lfirst(lc2), &seen);

				if (size > best_size)
				{
					best = p;
					best_column = lfirst(lc2);
					best_size = size;
				}
			}
		}
		if (best == NULL)
			break;
		join_family(best, best_column, best);
	}
	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);

		if (p->placement != PLACEMENT_DEFAULT)
			continue;
		if (p->candidates != NIL)
			join_family(p, linitial(p->candidates), p);
		else if (p->def->rows_estimate <= DISTRIBUTION_SMALL_ROWS)
			place(p, PLACEMENT_REFERENCE, "its unique keys have no column in common");
		else
		{
			const TableIndex *key = linitial(p->def->indexes);
			List	   *columns = distribution_index_columns(p->def, key);

			if (columns == NIL)
				place(p, PLACEMENT_LOCAL, "no unique key holds a whole column");
			else
			{
				join_family(p, linitial(columns), p);
				p->why = "its unique keys have no column in common, and it is large";
			}
		}
	}
}

/* A table that exists already. */
static void
take_known(Pieces *ps, const KnownPlacement *known)
{
	Piece	   *p = palloc0(sizeof(Piece));

	p->def = known->def;
	p->placement = known->placement;
	if (known->column != NULL)
	{
		p->column = known->column;
		p->candidates = list_make1(known->column);
		p->family = p;
	}
	ps->all = lappend(ps->all, p);
}

List *
distribution_plan(const PlanOptions *options, List *plan, List *tables, List *known)
{
	Pieces		ps = {0};
	bool		greenplum = options->distribution == DISTRIBUTION_GREENPLUM;
	ListCell   *lc;

	ps.options = options;
	ps.plan = plan;
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (model_has_rows(def) && !def->merged && def->target_name != NULL)
			make_piece(&ps, def);
	}
	distribution_look_at_plan(&ps);
	if (options->distribution == DISTRIBUTION_NONE)
	{
		foreach(lc, ps.all)
		{
			Piece	   *p = lfirst(lc);

			if (p->made != NULL && p->rule && p->rule->placement != PLACEMENT_DEFAULT)
				plan_statement_note(p->made, "distribution_key is not followed: the destination is no Citus cluster elsewhere, and not of the Greenplum family");
		}
		return plan;
	}
	join_partitions(&ps);
	foreach(lc, known)
		take_known(&ps, lfirst(lc));
	find_ties(&ps);
	foreach(lc, ps.all)
	{
		Piece	   *p = lfirst(lc);

		if (p->placement != PLACEMENT_DEFAULT)
			continue;
		if (p->rule != NULL && p->rule->placement != PLACEMENT_DEFAULT)
		{
			if (greenplum)
				greenplum_follow_rule(p);
			else
				follow_rule(p);
		}
		else if (greenplum)
			greenplum_place(p);
		else if (!p->has_key)
			place(p, PLACEMENT_LOCAL, "it has no key by which its rows could be found on their node");
	}
	/* Greenplum holds no row against a foreign key */
	if (!greenplum)
		make_references(&ps);
	make_families(&ps);
	foreach(lc, ps.all)
		distribution_take_out(&ps, lfirst(lc));
	return greenplum ? greenplum_statements(&ps) : distribution_statements(&ps);
}
