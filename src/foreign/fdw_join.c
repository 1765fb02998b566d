/*-------------------------------------------------------------------------
 *
 * fdw_join.c
 *	  Joins of two foreign tables that the source does.
 *
 *	  SELECT o.c0, i.c3 FROM (SELECT a AS c0, k AS k0 FROM t WHERE …) AS o
 *	  JOIN (SELECT b AS c3, k AS k0 FROM u WHERE …) AS i ON o.k0 = i.k0
 *
 * Two tables of one server and role are joined by columns of integers that mean
 * the same at the source, where it can do all conditions of both, and no row is
 * locked or written. Rows are read as those of a table that has the columns of
 * both.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_join.h"

#include "access/stratnum.h"
#include "catalog/pg_opfamily.h"
#include "foreign/fdw_explain.h"
#include "foreign/fdw_plan_table.h"
#include "foreign/fdw_push.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* -------------------------------------------------------------------- plans */

static bool
is_base(const RelOptInfo *rel)
{
	const PlanTable *p = rel->fdw_private;
	ListCell   *lc;

	if (rel->reloptkind != RELOPT_BASEREL || p == NULL || !p->exact ||
		!bms_is_empty(rel->lateral_relids) || fdw_has_parameter((Node *) p->conditions, NULL))
		return false;
	foreach(lc, rel->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, lc)->pseudoconstant)
			return false;
	}
	return true;
}

/* Values of both are read in the same way. */
static bool
same_policy(const TypePolicy *a, const TypePolicy *b)
{
	TypePolicy	x = *a;
	TypePolicy	y = *b;
	const char *first = a->zero_date_literal ? a->zero_date_literal : "";
	const char *second = b->zero_date_literal ? b->zero_date_literal : "";

	x.zero_date_literal = y.zero_date_literal = NULL;
	x.n_zero_dates = x.n_nul_bytes = x.n_enum_errors = 0;
	y.n_zero_dates = y.n_nul_bytes = y.n_enum_errors = 0;
	return memcmp(&x, &y, sizeof(x)) == 0 && strcmp(first, second) == 0;
}

static bool
is_column(const RelOptInfo *rel, Node *node, int *attno)
{
	const PlanTable *p = rel->fdw_private;
	Var		   *var = (Var *) node;

	if (!IsA(var, Var) || var->varno != rel->relid || var->varlevelsup > 0 ||
		!fdw_push_is_integer(p->table, var->varattno))
		return false;
	*attno = var->varattno;
	return true;
}

/* Attributes that a clause has to be equal, added to those before; false: other ones. */
static bool
add_equal(List **equal, const RelOptInfo *outer, const RelOptInfo *inner, const RestrictInfo *rinfo)
{
	OpExpr	   *op = (OpExpr *) rinfo->clause;
	int			o;
	int			i;

	if (rinfo->pseudoconstant || !IsA(op, OpExpr) || list_length(op->args) != 2 ||
		get_op_opfamily_strategy(op->opno, INTEGER_BTREE_FAM_OID) != BTEqualStrategyNumber)
		return false;
	if (!(is_column(outer, linitial(op->args), &o) && is_column(inner, lsecond(op->args), &i)) &&
		!(is_column(outer, lsecond(op->args), &o) && is_column(inner, linitial(op->args), &i)))
		return false;
	*equal = lappend(lappend(*equal, makeInteger(o)), makeInteger(i));
	return true;
}

static bool
are_columns(const List *exprs)
{
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || var->varattno <= 0)
			return false;
	}
	return true;
}

void
fdw_get_join_paths(PlannerInfo *root, RelOptInfo *join, RelOptInfo *outer, RelOptInfo *inner,
				   JoinType type, JoinPathExtraData *extra)
{
	PlanTable  *p;
	List	   *equal = NIL;
	double		work;
	ListCell   *lc;

	if (join->fdw_private != NULL || type != JOIN_INNER ||
		root->parse->commandType != CMD_SELECT || root->rowMarks != NIL ||
		!is_base(outer) || !is_base(inner) || !are_columns(join->reltarget->exprs) ||
		!bms_is_empty(join->lateral_relids))
		return;
	foreach(lc, extra->restrictlist)
	{
		if (!add_equal(&equal, outer, inner, lfirst(lc)))
			return;
	}
	if (equal == NIL ||
		!same_policy(&((PlanTable *) outer->fdw_private)->table->options->policy,
					 &((PlanTable *) inner->fdw_private)->table->options->policy))
		return;
	p = palloc0(sizeof(PlanTable));
	*p = *(PlanTable *) outer->fdw_private;
	p->outer = outer;
	p->inner = inner;
	p->equal = equal;
	join->fdw_private = p;
	work = (outer->tuples + inner->tuples) * 2 * cpu_operator_cost;
	add_path(join, (Path *) dts_foreign_join_path(root, join, join->rows, STARTUP_COST + work,
												  STARTUP_COST + work +
												  join->rows * (ROW_COST + cpu_tuple_cost)));
}

List *
fdw_join_private(const RelOptInfo *join, List **scan_tlist)
{
	const PlanTable *p = join->fdw_private;
	const PlanTable *inner = p->inner->fdw_private;
	List	   *vars = copyObject(join->reltarget->exprs);
	List	   *output = NIL;
	ListCell   *lc;

	/* a row of no columns cannot be read */
	if (vars == NIL)
	{
		int			attno = intVal(linitial(p->equal));
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(p->table->relid, (AttrNumber) attno, &type, &typmod, &collation);
		vars = list_make1(makeVar(p->outer->relid, attno, type, typmod, collation, 0));
	}
	*scan_tlist = NIL;
	foreach(lc, vars)
	{
		Var		   *var = lfirst(lc);

		*scan_tlist = lappend(*scan_tlist, makeTargetEntry((Expr *) var,
														   list_length(*scan_tlist) + 1, NULL, false));
		output = lappend(output, makeInteger(var->varno == p->outer->relid ? var->varattno :
											 -var->varattno));
	}
	return list_make4(makeInteger((int) inner->table->relid), copyObject(inner->conditions),
					  copyObject(p->equal), output);
}

/* -------------------------------------------------------------------- scans */

static FdwTable *
open_table(const List *output, int side, Oid relid, Oid role)
{
	Bitmapset  *wanted = bms_make_singleton(0);
	ListCell   *lc;

	foreach(lc, output)
	{
		int			attno = intVal(lfirst(lc));

		if ((attno < 0) == (side == 1))
			wanted = bms_add_member(wanted, abs(attno));
	}
	return fdw_table_open(relid, role, wanted, false);
}

/* Columns of both tables; those of the rows have the numbers that these have. */
static SourceRelation *
join_relations(const FdwJoin *join, const List *output)
{
	const SourceRelation *outer = join->tables[0]->rel;
	const SourceRelation *inner = join->tables[1]->rel;
	SourceRelation *rel = palloc(sizeof(SourceRelation));
	TableDef   *def = palloc(sizeof(TableDef));
	ListCell   *lc;
	int			n = 0;

	*rel = *outer;
	*def = *outer->def;
	def->columns = list_concat_copy(outer->def->columns, inner->def->columns);
	rel->def = def;
	rel->out = rel;
	rel->engine = NULL;
	rel->ncolumns = outer->ncolumns + inner->ncolumns;
	rel->columns = palloc(sizeof(SourceColumn) * rel->ncolumns);
	memcpy(rel->columns, outer->columns, sizeof(SourceColumn) * outer->ncolumns);
	memcpy(rel->columns + outer->ncolumns, inner->columns, sizeof(SourceColumn) * inner->ncolumns);
	for (int i = 0; i < rel->ncolumns; i++)
		rel->columns[i].replicated = false;
	foreach(lc, output)
	{
		int			attno = intVal(lfirst(lc));
		const FdwTable *table = join->tables[attno < 0];
		int			at = table->source_of[abs(attno) - 1] + (attno < 0 ? outer->ncolumns : 0);

		rel->columns[at].replicated = true;
		rel->columns[at].target_attnum = (AttrNumber) ++n;
	}
	return rel;
}

FdwJoin *
fdw_join_open(const List *private, Oid outer, Oid role)
{
	FdwJoin    *join = palloc0(sizeof(FdwJoin));
	const List *output = list_nth(private, FDW_JOIN_OUTPUT);
	MemoryContext old;

	join->private = private;
	join->tables[0] = open_table(output, 0, outer, role);
	join->tables[1] = open_table(output, 1, (Oid) intVal(list_nth(private, FDW_JOIN_INNER)), role);
	/* as long as its stream is there */
	old = MemoryContextSwitchTo(join->tables[0]->cxt);
	join->rel = join_relations(join, output);
	join->tables[0]->c->source->prepare_relation(join->tables[0]->c->conn, join->rel,
												 &join->tables[0]->options->policy);
	MemoryContextSwitchTo(old);
	join->row = fdw_row_make(join->rel, join->tables[0]->relid, join->tables[0]->rel->ncolumns,
							 join->tables[1]->relid);
	return join;
}

/* One of the tables, with what the join needs of it. False: it cannot be had. */
static bool
append_side(StringInfo sql, const FdwJoin *join, int side, List *clauses, bool *never)
{
	const FdwTable *table = join->tables[side];
	const SourceRoutine *source = table->c->source;
	List	   *equal = list_nth(join->private, FDW_JOIN_EQUAL);
	int			first = side == 0 ? 0 : join->tables[0]->rel->ncolumns;
	bool		exact;
	bool		none;
	char	   *condition = fdw_push_values(table, clauses, NULL, NULL, &exact, &none);

	*never |= none;
	appendStringInfoString(sql, "(SELECT ");
	for (int i = first; i < first + table->rel->ncolumns; i++)
		if (join->rel->columns[i].replicated)
			appendStringInfo(sql, "%s AS c%d, ", source->column(join->rel, i), i);
	for (int k = 0; k < list_length(equal) / 2; k++)
	{
		int			attno = intVal(list_nth(equal, 2 * k + side));

		exact &= fdw_push_is_integer(table, attno);
		appendStringInfo(sql, "%s%s AS k%d", k > 0 ? ", " : "",
						 source->quote_name(fdw_table_column(table, attno)->name), k);
	}
	appendStringInfo(sql, " FROM %s%s.%s", source->only, source->quote_name(table->rel->schema),
					 source->quote_name(table->rel->name));
	if (condition != NULL)
		appendStringInfo(sql, " WHERE %s", condition);
	appendStringInfo(sql, ") AS %c", side == 0 ? 'o' : 'i');
	return exact;
}

char *
fdw_join_sql(const FdwJoin *join, List *outer, bool *never)
{
	StringInfoData sql;
	int			first = join->tables[0]->rel->ncolumns;
	int			n = list_length(list_nth(join->private, FDW_JOIN_EQUAL)) / 2;
	bool		any = false;

	*never = false;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < join->rel->ncolumns; i++)
	{
		if (!join->rel->columns[i].replicated)
			continue;
		appendStringInfo(&sql, "%s%c.c%d", any ? ", " : "", i < first ? 'o' : 'i', i);
		any = true;
	}
	appendStringInfoString(&sql, " FROM ");
	if (!append_side(&sql, join, 0, outer, never))
		return NULL;
	appendStringInfoString(&sql, " JOIN ");
	if (!append_side(&sql, join, 1, list_nth(join->private, FDW_JOIN_CLAUSES), never))
		return NULL;
	for (int k = 0; k < n; k++)
		appendStringInfo(&sql, "%s o.k%d = i.k%d", k == 0 ? " ON" : " AND", k, k);
	return sql.data;
}
