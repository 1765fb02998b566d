/*-------------------------------------------------------------------------
 *
 * distribution_greenplum.c
 *	  Where the tables of a plan have their rows in a server of the Greenplum
 *	  family: a clause at the end of CREATE TABLE.
 *
 *	  DISTRIBUTED BY ("a", "b")		by the values of columns
 *	  DISTRIBUTED REPLICATED		all on each segment
 *	  DISTRIBUTED RANDOMLY
 *
 * Nothing is on the coordinator alone, and no foreign key is looked at. A unique
 * key has to hold all columns by which rows are distributed. Rows of a table that
 * is replicated cannot be distinguished by their place: it needs a key. A
 * partition is distributed as its table is.
 *
 * core/one_statement.c knows the form of the clause, which is no PostgreSQL's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/distribution_impl.h"

#include "lib/stringinfo.h"

static void
refuse(const Piece *p, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("distribution_key \"%s\" of rule %d in objects is not possible for table \"%s\".\"%s\" at this destination",
					what, p->rule->number, p->def->schema, p->def->name),
			 errhint("%s", hint)));
}

void
greenplum_follow_rule(Piece *p)
{
	const ShapeRule *rule = p->rule;

	if (rule->placement == PLACEMENT_LOCAL)
		refuse(p, "local", "Greenplum distributes by columns, randomly (\"random\"), or keeps a table on each segment (\"reference\").");
	if (rule->placement == PLACEMENT_REFERENCE && !p->has_key)
		refuse(p, "reference", "A table without a key cannot be replicated: its equal rows could not be distinguished. Use \"random\".");
	p->placement = rule->placement;
	if (rule->placement != PLACEMENT_KEY)
		return;
	p->columns = rule->distribution_key;
	p->column = linitial(p->columns);
	p->family = p;
}

void
greenplum_place(Piece *p)
{
	if (p->any_unique)
		return;
	p->placement = PLACEMENT_RANDOM;
	p->why = "it has no key";
}

/* Always quoted, which is the form that core/one_statement.c looks for. */
static void
append_quoted(StringInfo buf, const char *name)
{
	appendStringInfoChar(buf, '"');
	for (; *name; name++)
	{
		if (*name == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *name);
	}
	appendStringInfoChar(buf, '"');
}

static char *
clause_of(const Piece *p)
{
	List	   *columns = p->columns ? p->columns : list_make1(p->column);
	StringInfoData buf;
	ListCell   *lc;

	if (p->placement == PLACEMENT_REFERENCE)
		return "DISTRIBUTED REPLICATED";
	if (p->placement != PLACEMENT_KEY)
		return "DISTRIBUTED RANDOMLY";
	initStringInfo(&buf);
	appendStringInfoString(&buf, "DISTRIBUTED BY (");
	foreach(lc, columns)
	{
		appendStringInfoString(&buf, lc == list_head(columns) ? "" : ", ");
		append_quoted(&buf, lfirst(lc));
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* The statement that makes the table which partitions of the plan belong to. */
static PlanStatement *
root_statement(const Pieces *ps, const Piece *p)
{
	char	   *begin = psprintf("CREATE TABLE %s (", plan_table_name(p->def));
	ListCell   *lc;

	foreach(lc, ps->plan)
	{
		PlanStatement *st = lfirst(lc);

		if (st->sql != NULL && strncmp(st->sql, begin, strlen(begin)) == 0)
			return st;
	}
	return NULL;
}

List *
greenplum_statements(Pieces *ps)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ps->all)
	{
		Piece	   *p = lfirst(lc);
		char	   *clause = clause_of(p);
		PlanStatement *st;
		PlanStatement *root;

		if (p->made == NULL)
			continue;
		foreach(lc2, p->parts)
			if (lfirst(lc2) != NULL)
				distribution_append(lfirst(lc2), psprintf("\n%s", clause));
		root = p->parts != NIL ? root_statement(ps, p) : p->made;
		if (root != NULL)
			distribution_append(root, psprintf("\n%s", clause));
		st = distribution_statement(p);
		st->note = p->why != NULL ? psprintf("%s: %s", clause, p->why) : clause;
		result = lappend(result, st);
	}
	return plan_insert_after(ps->plan, plan_last_of_pre_data(ps->plan), result);
}
