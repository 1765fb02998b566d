/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Compares a table, or tables of the source that go into one at the destination, with the
 *	  source's.
 *
 * A table with an integer in front of its key is cut into ranges of some
 * thousand rows, found by walking the source's index. Each is summed up on
 * both sides in some parts; where sums differ, a part is cut into parts itself,
 * until one has few rows, which are then read and compared. Numbers sort alike
 * everywhere, text does not: any other table is summed up by buckets, which a
 * row is put into by a digest of its key (of the row, if there is no key).
 * That costs one reading of the table, and another one for the rows of the
 * buckets that differ.
 *
 * A table that has a column whose values two servers do not write alike
 * (geometry, MariaDB's JSON) is read and compared as values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "common/hashfn.h"
#include "core/one_statement.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Rows of a range that is summed up at once. */
#define RANGE_ROWS 50000
/* Parts that a range is cut into. */
#define PARTS 16
/* So few are compared one by one. */
#define FEW_ROWS 500
/* Values of an integer key for a row, below which ranges are cut by values. */
#define DENSE 4
/* Rows of a part of a table that is summed up by buckets at once. */
#define BUCKET_PART_ROWS 250000
/* Rows of buckets that are compared together. */
#define BUCKET_ROWS 50000
/* Keys that are looked up together. */
#define KEY_ROWS 200
/*
 * Candidates of one range that are settled before parts of it are looked into:
 * the task has caught up then, and parts that differed may no longer.
 */
#define DESCENT_ROWS 1000

/* ----------------------------------------------------------------- numbers */

int128
verify_to_number(const char *text)
{
	int128		n = 0;
	bool		minus = *text == '-';

	for (text += minus; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return minus ? -n : n;
}

/* Fits what a 64-bit integer, signed or not, holds. */
static char *
from_number(int128 n)
{
	return n < 0 ? psprintf(INT64_FORMAT, (int64) n) :
		psprintf(UINT64_FORMAT, (uint64) n);
}

#define LEAST_NUMBER ((int128) PG_INT64_MIN)
#define GREATEST_NUMBER ((int128) PG_UINT64_MAX)

/* NULL for the ends: a bound that no value lies beyond need not be said. */
static CheckScope
range_scope(int128 lo, int128 hi)
{
	CheckScope	scope = {0};

	scope.lo = lo > LEAST_NUMBER ? from_number(lo) : NULL;
	scope.hi = hi < GREATEST_NUMBER ? from_number(hi) : NULL;
	return scope;
}

/* ------------------------------------------------------------------ chance */

/* Does this one of a run's ranges or buckets fall into the sample? */
static bool
by_chance(const Verify *v, uint32 n)
{
	uint32		h = hash_bytes_uint32(n ^ hash_bytes_uint32((uint32) v->run_id ^
														   (uint32) v->started));

	return h / (double) PG_UINT32_MAX < v->sample;
}

/* -------------------------------------------------------------------- sums */

static bool
same_sum(const CheckSum *a, const CheckSum *b)
{
	return (a ? a->rows : 0) == (b ? b->rows : 0) &&
		(a ? a->sum : 0) == (b ? b->sum : 0);
}

/* ----------------------------------------------------------------- buckets */

static int
bucket_count(int64 rows)
{
	return rows < 20000 ? 16 : rows < 500000 ? 256 : 4096;
}

/*
 * Compares the rows of buckets whose sums differ, some at a time. scope is of
 * those sums.
 */
static void
compare_buckets(Verify *v, VerifyTable *t, const CheckScope *scope,
				List *there, List *here)
{
	CheckScope	part = *scope;
	int64		rows = 0;
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, there)
		v->rows += ((CheckSum *) lfirst(lc))->rows;
	/* what the destination has lost of the source's: groups of either side */
	foreach(lc, here)
	{
		CheckSum   *s = lfirst(lc);

		if (verify_find_sum(there, s->group) == NULL)
			all = lappend(all, s);
	}
	all = list_concat(all, there);
	part.buckets = NIL;
	foreach(lc, all)
	{
		CheckSum   *a = lfirst(lc);
		CheckSum   *b = verify_find_sum(here, a->group);
		CheckSum   *c = verify_find_sum(there, a->group);

		if (b == NULL || c == NULL || b->rows != c->rows || b->sum != c->sum)
		{
			part.buckets = lappend_int(part.buckets, a->group);
			rows += Max(b ? b->rows : 0, c ? c->rows : 0);
		}
		if (part.buckets == NIL || (rows < BUCKET_ROWS && lnext(all, lc)))
			continue;
		if (t->keyed)
			verify_compare_rows(v, t, &part);
		else
			verify_settle_multiset(v, t, &part);
		part.buckets = NIL;
		rows = 0;
		if (verify_is_cut(v, t))
			break;
	}
}

char *
verify_value_dest(const Verify *v, const char *sql)
{
	return v->dest->check ? v->dest->check->value(sql) : select_one_value(sql);
}

static int64
blocks_here(const Verify *v, const VerifyTable *t)
{
	char	   *value = verify_value_dest(v, psprintf("SELECT max(pg_catalog.pg_relation_size(p)) "
											"/ pg_catalog.current_setting('block_size')::int8 FROM "
											"(SELECT relid AS p FROM pg_catalog.pg_partition_tree(%u) "
											"UNION ALL SELECT %u) x", t->rel->target_relid,
											t->rel->target_relid));

	return value ? strtoll(value, NULL, 10) : 0;
}

/* Fewer where few may be read in a second. */
static int64
rows_at_once(const Verify *v, int64 rows)
{
	return v->rate > 0 ? Min(rows, Max(v->rate, 1000)) : rows;
}

/*
 * Sums of all buckets here, block range by block range. A table elsewhere need
 * not have blocks, and is read at once.
 */
static List *
all_buckets_dest(Verify *v, VerifyTable *t, const CheckScope *scope, int64 parts)
{
	int64		blocks;
	List	   *sums = NIL;

	if (v->dest->check)
		return verify_sums_dest(v, t, scope, NIL);
	blocks = blocks_here(v, t);

	for (int64 i = 0; i < parts; i++)
	{
		CheckScope	part = *scope;

		/* the last one has what was added meanwhile */
		part.condition = parts == 1 ? NULL :
			psprintf(i == parts - 1 ? "ctid >= '(" INT64_FORMAT ",0)'" :
					 "ctid >= '(" INT64_FORMAT ",0)' AND ctid < '(" INT64_FORMAT ",0)'",
					 blocks * i / parts, blocks * (i + 1) / parts);
		sums = verify_add_sums(sums, verify_sums_dest(v, t, &part, NIL));
		verify_pace(v, 0);
	}
	return sums;
}

static List *
all_buckets_source(Verify *v, VerifyTable *t, const CheckScope *scope)
{
	List	   *sums = NIL;

	for (int i = 0; i < list_length(t->rels); i++)
	{
		List	   *ranges = v->source->plan_ranges(v->conn, list_nth(t->rels, i),
													rows_at_once(v, BUCKET_PART_ROWS));
		ListCell   *lc;

		foreach(lc, ranges)
		{
			CheckScope	part = *scope;
			List	   *more;
			ListCell   *ls;
			int64		rows = 0;

			part.condition = ((SourceRange *) lfirst(lc))->condition;
			more = verify_sums_source(v, t, i, &part);
			foreach(ls, more)
				rows += ((CheckSum *) lfirst(ls))->rows;
			sums = verify_add_sums(sums, more);
			v->ranges++;
			verify_pace(v, rows);
		}
	}
	return sums;
}

/* Buckets chosen by chance, at least one. */
static List *
sample_buckets(const Verify *v, int n)
{
	List	   *buckets = NIL;

	if (v->mode != VERIFY_SAMPLE)
		return NIL;
	for (int i = 0; i < n; i++)
		if (by_chance(v, i))
			buckets = lappend_int(buckets, i);
	if (buckets == NIL)
		buckets = list_make1_int((int) (v->run_id % n));
	return buckets;
}

static int64
rows_estimate(const VerifyTable *t)
{
	int64		rows = 0;
	ListCell   *lc;

	foreach(lc, t->rels)
		rows += ((SourceRelation *) lfirst(lc))->def->rows_estimate;
	return rows;
}

static void
sum_buckets(Verify *v, VerifyTable *t, const CheckScope *scope, int64 parts,
			List **there, List **here)
{
	ListCell   *lc;
	int64		read = 0;

	if (parts > 1 || list_length(t->rels) > 1)
	{
		*there = all_buckets_source(v, t, scope);
		*here = all_buckets_dest(v, t, scope, parts);
		return;
	}
	verify_sums(v, t, scope, NIL, there, here);
	v->ranges++;
	foreach(lc, *there)
		read += ((CheckSum *) lfirst(lc))->rows;
	verify_pace(v, read);
}

/* Rows of the source in buckets whose sums differ. */
static int64
rows_that_differ(List *there, List *here)
{
	int64		rows = 0;
	ListCell   *lc;

	foreach(lc, there)
	{
		CheckSum   *a = lfirst(lc);

		if (!same_sum(a, verify_find_sum(here, a->group)))
			rows += a->rows;
	}
	return rows;
}

static void
verify_by_buckets(Verify *v, VerifyTable *t)
{
	int64		rows = rows_estimate(t);
	int64		parts = rows / rows_at_once(v, BUCKET_PART_ROWS) + 1;
	CheckScope	scope = {0};
	List	   *there;
	List	   *here;

	scope.nbuckets = bucket_count(rows);
	scope.buckets = sample_buckets(v, scope.nbuckets);
	sum_buckets(v, t, &scope, parts, &there, &here);
	if (v->task->do_incremental && rows_that_differ(there, here) > BUCKET_ROWS)
	{
		/* much of it may be on its way: another reading is less than many */
		verify_catch_up(v);
		sum_buckets(v, t, &scope, parts, &there, &here);
	}
	compare_buckets(v, t, &scope, there, here);
}

/* ------------------------------------------------------------------ ranges */

/* Where one of n parts of a range begins; that of the one behind it: its end. */
static int128
part_start(int128 lo, int128 hi, int i, int n)
{
	return lo + (hi - lo + 1) * i / n;
}

static void descend(Verify *v, VerifyTable *t, int128 lo, int128 hi, int64 rows);

/* Sums up n parts of a range, and looks into those that differ; rows there. */
static int64
sum_parts(Verify *v, VerifyTable *t, int128 lo, int128 hi, int n)
{
	CheckScope	scope = range_scope(lo, hi);
	List	   *splits = NIL;
	List	   *there;
	List	   *here;
	ListCell   *lc;
	int64		rows = 0;

	for (int i = 1; i < n; i++)
		splits = lappend(splits, from_number(part_start(lo, hi, i, n)));
	verify_sums(v, t, &scope, splits, &there, &here);
	foreach(lc, there)
		rows += ((CheckSum *) lfirst(lc))->rows;
	verify_pace(v, rows);
	for (int i = 0; i < n; i++)
	{
		CheckSum   *a = verify_find_sum(there, i);
		CheckSum   *b = verify_find_sum(here, i);

		if (!same_sum(a, b))
			descend(v, t, part_start(lo, hi, i, n), part_start(lo, hi, i + 1, n) - 1,
					Max(a ? a->rows : 0, b ? b->rows : 0));
	}
	return rows;
}

/* A range whose sums differ and that has about so many rows. */
static void
descend(Verify *v, VerifyTable *t, int128 lo, int128 hi, int64 rows)
{
	CheckScope	scope = range_scope(lo, hi);
	List	   *there;
	List	   *here;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (list_length(t->candidates) >= DESCENT_ROWS)
		verify_settle(v, t);
	if (verify_is_cut(v, t))
		return;
	if (rows <= FEW_ROWS)
		verify_compare_rows(v, t, &scope);
	else if (lo == hi)
	{
		/* one value, with many keys behind it */
		scope.nbuckets = bucket_count(rows);
		verify_sums(v, t, &scope, NIL, &there, &here);
		v->rows -= rows;		/* compare_buckets counts them again */
		compare_buckets(v, t, &scope, there, here);
	}
	else
		(void) sum_parts(v, t, lo, hi, (int) Min(PARTS, hi - lo + 1));
}

static void
verify_range(Verify *v, VerifyTable *t, int128 lo, int128 hi)
{
	CheckScope	scope = range_scope(lo, hi);

	v->ranges++;
	if (!t->summed)
		verify_compare_rows(v, t, &scope);
	else if (scope.lo == NULL || scope.hi == NULL)
		v->rows += sum_parts(v, t, lo, hi, 1);	/* as a rule it is empty */
	else
		v->rows += sum_parts(v, t, lo, hi, (int) Min(PARTS, hi - lo + 1));
}

/* Is this range in the sample? Some range of each table is. */
static bool
is_chosen(Verify *v, bool only)
{
	v->ranges_seen++;
	return v->mode != VERIFY_SAMPLE || only ||
		by_chance(v, (uint32) v->ranges_seen);
}

/*
 * The least and the greatest value of the first key column on both sides;
 * false: there is no row.
 */
static bool
key_bounds(Verify *v, VerifyTable *t, int128 *least, int128 *greatest)
{
	ListCell   *lc;
	bool		any = false;

	for (int max = 0; max < 2; max++)
	{
		const char *order = max ? " DESC" : "";
		List	   *values = NIL;

		foreach(lc, t->there)
		{
			CheckTable *there = lfirst(lc);

			values = lappend(values, v->source->check_value(v->conn,
															psprintf("%sSELECT %s FROM %s ORDER BY %s%s LIMIT 1",
																	 there->before ? there->before : "",
																	 there->first_key, there->from,
																	 there->first_key, order)));
		}
		/* a cast would give the column's name to what ORDER BY sorts */
		values = lappend(values, verify_value_dest(v, psprintf("SELECT %s FROM %s ORDER BY %s%s LIMIT 1",
													 t->here->first_key, t->here->from,
													 t->here->first_key, order)));
		foreach(lc, values)
		{
			int128		n;

			if (lfirst(lc) == NULL)
				continue;
			n = verify_to_number(lfirst(lc));
			if (max)
				*greatest = any ? Max(*greatest, n) : n;
			else
				*least = any ? Min(*least, n) : n;
			any = true;
		}
		any = max == 0 ? false : any;
	}
	return any;
}

/*
 * The last value of the range that begins at lo. Where values lie close, so
 * many values are taken, else as many rows as the source counts off.
 */
static int128
range_end(Verify *v, VerifyTable *t, int128 lo, int128 span, int128 greatest)
{
	int64		rows = Max(rows_estimate(t), 1);
	CheckScope	scope = range_scope(lo, greatest);
	char	   *next;

	if (span / rows < DENSE)
		return Min(lo + rows_at_once(v, RANGE_ROWS) * span / rows, greatest);
	/* of tables that go together the first alone is walked */
	next = v->source->check_value(v->conn,
								  check_step_select(linitial(t->there), scope.lo,
													rows_at_once(v, RANGE_ROWS) / list_length(t->rels)));
	return next ? Min(Max(verify_to_number(next) - 1, lo), greatest) : greatest;
}

/* What lies beyond the bounds has come since they were asked for. */
static void
verify_by_ranges(Verify *v, VerifyTable *t)
{
	int128		lo = 0;
	int128		greatest = 0;
	int128		span;
	bool		any = false;

	if (!key_bounds(v, t, &lo, &greatest))
	{
		verify_range(v, t, LEAST_NUMBER, GREATEST_NUMBER);
		return;
	}
	span = greatest - lo + 1;
	if (lo > LEAST_NUMBER)
		verify_range(v, t, LEAST_NUMBER, lo - 1);
	while (lo <= greatest)
	{
		MemoryContext old = MemoryContextSwitchTo(v->scratch);
		int128		hi = range_end(v, t, lo, span, greatest);

		if (is_chosen(v, !any && hi == greatest))
		{
			any = true;
			verify_range(v, t, lo, hi);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(v->scratch);
		if (list_length(t->candidates) >= KEY_ROWS)
			verify_settle(v, t);
		if (verify_is_cut(v, t))
			return;
		lo = hi + 1;
	}
	if (lo <= GREATEST_NUMBER)
		verify_range(v, t, lo, GREATEST_NUMBER);
}

/* ------------------------------------------------------------- incremental */

typedef struct Touched
{
	Verify	   *v;
	VerifyTable *t;
	List	   *keys;			/* char ** */
	MemoryContext cxt;
} Touched;

static void
compare_touched(Touched *touched)
{
	MemoryContext old = MemoryContextSwitchTo(touched->cxt);

	if (touched->keys != NIL)
		verify_compare_keys(touched->v, touched->t, touched->keys);
	touched->keys = NIL;
	MemoryContextSwitchTo(old);
	MemoryContextReset(touched->cxt);
}

/* TextRowTaker */
static bool
take_touched(void *arg, SourceRelation *rel, const TextRow *row)
{
	Touched    *touched = arg;
	MemoryContext old = MemoryContextSwitchTo(touched->cxt);
	char	  **key = palloc(sizeof(char *) * rel->nkey);

	for (int i = 0; i < rel->nkey; i++)
		key[i] = row->key[i] ? pstrdup(row->key[i]) : NULL;
	touched->keys = lappend(touched->keys, key);
	MemoryContextSwitchTo(old);
	if (list_length(touched->keys) >= KEY_ROWS)
		compare_touched(touched);
	return !verify_is_cut(touched->v, touched->t);
}

static void
verify_touched(Verify *v, VerifyTable *t, int64 transactions)
{
	Touched		touched = {v, t, NIL, NULL};
	char	   *condition = psprintf("pg_catalog.age(xmin) <= " INT64_FORMAT,
									 transactions);

	touched.cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig touched rows",
										ALLOCSET_DEFAULT_SIZES);
	verify_rows_dest(v, t, NULL, condition, take_touched, &touched);
	compare_touched(&touched);
	MemoryContextDelete(touched.cxt);
}

/* ------------------------------------------------------------------- a table */

void
verify_table(Verify *v, VerifyTable *t, int64 transactions)
{
	MemoryContext old = MemoryContextSwitchTo(v->scratch);
	CheckScope	all = {0};

	t->candidates_cxt = AllocSetContextCreate(v->cxt, "dtsmig candidates",
											  ALLOCSET_DEFAULT_SIZES);
	verify_prepare_table(v, t);
	if (transactions >= 0 && t->keyed)
		verify_touched(v, t, transactions);
	else if (t->ranged && t->keyed)
		verify_by_ranges(v, t);
	else if (t->summed)
		verify_by_buckets(v, t);
	else if (t->keyed)
		verify_compare_table(v, t);
	else
		verify_settle_multiset(v, t, &all);
	verify_settle(v, t);
	MemoryContextDelete(t->candidates_cxt);
	MemoryContextSwitchTo(old);
	MemoryContextReset(v->scratch);
}
