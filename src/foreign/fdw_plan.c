/*-------------------------------------------------------------------------
 *
 * fdw_plan.c
 *	  Plans over foreign tables.
 *
 * The source is asked what the table looks like when a query is planned, and
 * again when it is run: how values are read, and what the source may do, hangs
 * on that. All conditions stay in the plan; what the source does of them only
 * spares rows. Where it is to do all of something (a limit, a sort, an
 * aggregate), the scan sees to it that it still can.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_explain.h"
#include "foreign/fdw_join.h"
#include "foreign/fdw_plan.h"
#include "foreign/fdw_plan_table.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "foreign/fdw_push.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "access/htup_details.h"

static Oid
role_of(const RelOptInfo *rel)
{
	return OidIsValid(rel->userid) ? rel->userid : GetUserId();
}

/* Rows by local ANALYZE, else as the source estimates them. */
static double
rows_of(Oid relid, const TableDef *def)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	rows = ((Form_pg_class) GETSTRUCT(tup))->reltuples;
	ReleaseSysCache(tup);
	return rows >= 0 ? rows : def->rows_estimate;
}

void
fdw_get_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	PlanTable  *p = palloc0(sizeof(PlanTable));

	p->table = fdw_table_open(relid, role_of(rel), NULL, true);
	p->conditions = extract_actual_clauses(rel->baserestrictinfo, false);
	(void) fdw_push(p->table, p->conditions, &p->exact);
	rel->fdw_private = p;
	rel->tuples = Max(rows_of(relid, p->table->rel->def), 1);
	rel->pages = p->table->rel->def->data_bytes / BLCKSZ;
	set_baserel_size_estimates(root, rel);
}

/* -------------------------------------------------------------------- paths */

/* read: rows that come from the source */
static void
add_scan(PlannerInfo *root, RelOptInfo *rel, double rows, double read,
		 double sort, List *pathkeys, Relids outer)
{
	Cost		total = STARTUP_COST + sort +
		read * (ROW_COST + cpu_tuple_cost + rel->baserestrictcost.per_tuple);

	add_path(rel, (Path *) dts_foreign_path(root, rel, NULL, rows, STARTUP_COST + sort / 2,
											total, pathkeys, outer, NIL));
}

/* The attribute of rel that all of an order hangs on; 0: it is none. */
static int
sort_attribute(const RelOptInfo *rel, const PathKey *key)
{
	ListCell   *lc;

	if (key->pk_eclass->ec_has_volatile || key->pk_opfamily != INTEGER_BTREE_FAM_OID)
		return 0;
	foreach(lc, key->pk_eclass->ec_members)
	{
		EquivalenceMember *em = lfirst(lc);
		Var		   *var = (Var *) em->em_expr;

		if (IsA(var, Var) && var->varno == rel->relid && !em->em_is_const)
			return var->varattno;
	}
	return 0;
}

/*
 * Attributes that the source sorts by as it is done locally, negative where
 * they descend; NIL: it does not. NULLs come where each pleases: there are
 * none.
 */
static List *
pushed_order(const RelOptInfo *rel, const PlanTable *p, List *pathkeys)
{
	List	   *order = NIL;
	ListCell   *lc;

	foreach(lc, pathkeys)
	{
		PathKey    *key = lfirst(lc);
		int			attno = sort_attribute(rel, key);

		if (attno <= 0 || !fdw_push_is_integer(p->table, attno) ||
			fdw_table_column(p->table, attno)->nullable)
			return NIL;
		order = lappend(order, makeInteger(dts_pathkey_descends(key) ? -attno : attno));
	}
	return order;
}

/* Does an index of the source begin with the column? */
static bool
is_indexed(const FdwTable *table, int attno)
{
	const char *name = fdw_table_column(table, attno)->name;
	ListCell   *lc;

	foreach(lc, table->rel->def->indexes)
	{
		TableIndex *index = lfirst(lc);
		IndexPart  *first = index->parts ? linitial(index->parts) : NULL;

		if (first != NULL && first->column != NULL && first->prefix == 0 &&
			!index->partial && !index->invisible && index->kind <= INDEX_PLAIN &&
			strcmp(first->column, name) == 0)
			return true;
	}
	return false;
}

/* attribute = something of other tables, by an index of the source */
static bool
finds_rows(const RelOptInfo *rel, const PlanTable *p, RestrictInfo *rinfo)
{
	OpExpr	   *op = (OpExpr *) rinfo->clause;
	char	   *name;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return false;
	name = get_opname(op->opno);
	if (name == NULL || strcmp(name, "=") != 0)
		return false;
	for (int i = 0; i < 2; i++)
	{
		Var		   *var = list_nth(op->args, i);
		Node	   *other = list_nth(op->args, 1 - i);

		if (IsA(var, Var) && var->varno == rel->relid && var->varattno > 0 &&
			!bms_is_member(rel->relid, pull_varnos(NULL, other)) &&
			fdw_push_is_integer(p->table, var->varattno))
			return is_indexed(p->table, var->varattno);
	}
	return false;
}

/* Look-ups for each row of the tables that the clauses need. */
static void
add_lookups(PlannerInfo *root, RelOptInfo *rel, const PlanTable *p, List *clauses,
			List **done)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst(lc);
		Relids		outer;
		ParamPathInfo *param;

		if (!join_clause_is_movable_to(rinfo, rel) || !finds_rows(rel, p, rinfo))
			continue;
		outer = bms_union(rinfo->clause_relids, rel->lateral_relids);
		outer = bms_del_member(outer, rel->relid);
		if (bms_is_empty(outer))
			continue;
		param = get_baserel_parampathinfo(root, rel, outer);
		if (list_member_ptr(*done, param))
			continue;
		*done = lappend(*done, param);
		add_scan(root, rel, param->ppi_rows, param->ppi_rows, 0, NIL, outer);
	}
}

/* For generate_implied_equalities_for_column: any attribute that has an index. */
static bool
wants_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
			 EquivalenceMember *em, void *arg)
{
	const PlanTable *p = rel->fdw_private;
	Var		   *var = (Var *) em->em_expr;

	return IsA(var, Var) && var->varno == rel->relid && var->varattno > 0 &&
		fdw_push_is_integer(p->table, var->varattno) &&
		is_indexed(p->table, var->varattno);
}

void
fdw_get_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	PlanTable  *p = rel->fdw_private;
	double		read = p->exact ? rel->rows : rel->tuples;
	List	   *done = NIL;
	Relids		lateral = rel->lateral_relids;

	add_scan(root, rel, rel->rows, read, 0, NIL, lateral);
	if (pushed_order(rel, p, root->query_pathkeys) != NIL)
		add_scan(root, rel, rel->rows, read, read * cpu_operator_cost,
				 root->query_pathkeys, lateral);
	add_lookups(root, rel, p, rel->joininfo, &done);
	if (rel->has_eclass_joins)
		add_lookups(root, rel, p,
					generate_implied_equalities_for_column(root, rel, wants_member,
														   NULL, rel->lateral_referencers),
					&done);
}

/* --------------------------------------------------------------- aggregates */

/* count(*), or count, sum, min or max of an integer */
static bool
can_aggregate(const RelOptInfo *rel, const PlanTable *p, Node *node)
{
	Aggref	   *agg = (Aggref *) node;
	Var		   *var;

	if (!IsA(agg, Aggref) || agg->aggfilter || agg->aggorder || agg->aggdistinct ||
		agg->aggdirectargs || agg->aggvariadic || agg->agglevelsup > 0 ||
		agg->aggsplit != AGGSPLIT_SIMPLE)
		return false;
	if (agg->aggfnoid == F_COUNT_)
		return true;
	if (list_length(agg->args) != 1)
		return false;
	var = (Var *) linitial_node(TargetEntry, agg->args)->expr;
	switch (agg->aggfnoid)
	{
		case F_COUNT_ANY:
		case F_SUM_INT2:
		case F_SUM_INT4:
		case F_SUM_INT8:
		case F_MIN_INT2:
		case F_MIN_INT4:
		case F_MIN_INT8:
		case F_MAX_INT2:
		case F_MAX_INT4:
		case F_MAX_INT8:
			return IsA(var, Var) && var->varno == rel->relid &&
				fdw_push_is_integer(p->table, var->varattno);
	}
	return false;
}

void
fdw_get_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input,
					RelOptInfo *output, void *extra)
{
	PlanTable  *p = input->fdw_private;
	PlanTable  *upper;
	PathTarget *target = root->upper_targets[UPPERREL_GROUP_AGG];
	const Query *query = root->parse;
	ListCell   *lc;

	if (stage != UPPERREL_GROUP_AGG || p == NULL || output->fdw_private != NULL ||
		input->reloptkind != RELOPT_BASEREL || !p->exact ||
		query->groupClause || query->groupingSets || root->hasHavingQual ||
		query->hasTargetSRFs || target->exprs == NIL ||
		fdw_has_parameter((Node *) p->conditions, NULL))
		return;
	foreach(lc, input->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, lc)->pseudoconstant)
			return;
	}
	foreach(lc, target->exprs)
	{
		if (!can_aggregate(input, p, lfirst(lc)))
			return;
	}
	upper = palloc0(sizeof(PlanTable));
	*upper = *p;
	upper->aggregates = target->exprs;
	upper->input = input;
	output->fdw_private = upper;
	add_path(output, (Path *) dts_foreign_upper_path(root, output, target, 1,
										 STARTUP_COST + input->tuples * cpu_operator_cost,
										 STARTUP_COST + input->tuples * cpu_operator_cost,
													 NIL));
}

/* --------------------------------------------------------------------- plan */

/* See fdw_plan.h. */
static List *
private_of(const PlanTable *p, List *wanted, List *order, char *limit, bool many,
		   List *aggregates, List *clauses, FdwLock lock, List *join)
{
	List	   *private = list_make5(makeInteger((int) p->table->relid), wanted, order,
									 makeString(limit), makeInteger(many));

	private = lappend(lappend(private, aggregates), clauses);
	return lappend(lappend(private, makeInteger(lock)), join);
}

/* Attributes that the plan looks at, as Integers. */
static List *
wanted_attributes(const RelOptInfo *rel, List *clauses)
{
	Bitmapset  *attrs = NULL;
	List	   *wanted = NIL;
	int			i = -1;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attrs);
	pull_varattnos((Node *) clauses, rel->relid, &attrs);
	while ((i = bms_next_member(attrs, i)) >= 0)
	{
		int			attno = i + FirstLowInvalidHeapAttributeNumber;

		if (attno >= 0)
			wanted = lappend(wanted, makeInteger(attno));
	}
	return wanted;
}

static bool
count_of(Node *node, int64 *n)
{
	Const	   *c = (Const *) node;

	*n = 0;
	if (node == NULL)
		return true;
	if (!IsA(c, Const) || c->constisnull || c->consttype != INT8OID)
		return false;
	*n = DatumGetInt64(c->constvalue);
	return *n >= 0;
}

/*
 * Rows that the query can use at most; "": all. The node above counts them, and
 * skips those of the OFFSET.
 */
static char *
pushed_limit(PlannerInfo *root, const RelOptInfo *rel, const PlanTable *p,
			 const ForeignPath *path)
{
	const Query *query = root->parse;
	int64		limit;
	int64		offset;

	if (query->limitCount == NULL || query->limitOption != LIMIT_OPTION_COUNT ||
		root->limit_tuples < 0 || rel->reloptkind != RELOPT_BASEREL ||
		bms_membership(root->all_baserels) != BMS_SINGLETON || !p->exact ||
		query->rowMarks || path->path.param_info != NULL ||
		fdw_has_parameter((Node *) p->conditions, NULL) ||
		!pathkeys_contained_in(root->sort_pathkeys, path->path.pathkeys) ||
		!count_of(query->limitCount, &limit) ||
		!count_of(query->limitOffset, &offset) || limit > PG_INT64_MAX - offset)
		return "";
	return psprintf(INT64_FORMAT, limit + offset);
}

/* Rows that are to be written, or that the query asks to lock. */
static FdwLock
lock_of(PlannerInfo *root, const RelOptInfo *rel)
{
	PlanRowMark *mark = get_plan_rowmark(root->rowMarks, rel->relid);

	if (bms_is_member(rel->relid, root->all_result_relids))
		return FDW_LOCK_UPDATE;
	if (mark == NULL || mark->strength == LCS_NONE)
		return FDW_LOCK_NONE;
	return mark->strength >= LCS_FORNOKEYUPDATE ? FDW_LOCK_UPDATE : FDW_LOCK_SHARE;
}

static ForeignScan *
aggregate_plan(const PlanTable *p, List *tlist)
{
	List	   *scan_tlist = NIL;
	List	   *private;
	ListCell   *lc;

	foreach(lc, p->aggregates)
		scan_tlist = lappend(scan_tlist,
							 makeTargetEntry(copyObject(lfirst(lc)),
											 list_length(scan_tlist) + 1, NULL, false));
	private = private_of(p, NIL, NIL, "", false, copyObject(p->aggregates),
						 copyObject(p->conditions), FDW_LOCK_NONE, NIL);
	return make_foreignscan(tlist, NIL, 0, NIL, private, scan_tlist, NIL, NULL);
}

static ForeignScan *
join_plan(const PlanTable *p, const RelOptInfo *rel, List *tlist)
{
	List	   *scan_tlist;
	List	   *join = fdw_join_private(rel, &scan_tlist);

	return make_foreignscan(tlist, NIL, 0, NIL,
							private_of(p, NIL, NIL, "", rel->rows > FEW_ROWS, NIL,
									   copyObject(p->conditions), FDW_LOCK_NONE, join),
							scan_tlist, NIL, NULL);
}

ForeignScan *
fdw_get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path,
			 List *tlist, List *clauses, Plan *outer_plan)
{
	PlanTable  *p = rel->fdw_private;
	List	   *private;
	List	   *order;
	char	   *limit;

	if (p->aggregates != NIL)
		return aggregate_plan(p, tlist);
	if (p->outer != NULL)
		return join_plan(p, rel, tlist);
	clauses = extract_actual_clauses(clauses, false);
	order = pushed_order(rel, p, path->path.pathkeys);
	limit = pushed_limit(root, rel, p, path);
	private = private_of(p, wanted_attributes(rel, clauses), order, limit,
						 path->path.param_info == NULL && limit[0] == '\0' &&
						 rel->tuples > FEW_ROWS, NIL, NIL, lock_of(root, rel), NIL);
	return make_foreignscan(tlist, clauses, rel->relid, clauses, private, NIL, NIL,
							outer_plan);
}

bool
fdw_is_async(ForeignPath *path)
{
	const PlanTable *p = path->path.parent->fdw_private;

	return p != NULL && p->aggregates == NIL && p->outer == NULL && p->table->async;
}
