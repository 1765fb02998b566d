/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Compares the tables of a task with the source's.
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

#include "catalog/books.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "worker/task_run.h"

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
	/* what here has lost from what is there: groups of either side */
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
		if (list_length(t->candidates) > v->max_differences)
			break;
	}
}

/* A value that a statement gives here; NULL: none. */
static char *
value_here(const char *sql)
{
	MemoryContext cxt = CurrentMemoryContext;
	char	   *value = NULL;

	SPI_connect();
	if (SPI_execute(sql, false, 1) == SPI_OK_SELECT && SPI_processed == 1)
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (value)
		value = MemoryContextStrdup(cxt, value);
	SPI_finish();
	return value;
}

static int64
blocks_here(const VerifyTable *t)
{
	char	   *value = value_here(psprintf("SELECT max(pg_catalog.pg_relation_size(p)) "
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

/* Sums of all buckets here, block range by block range. */
static List *
all_buckets_here(Verify *v, VerifyTable *t, const CheckScope *scope, int64 parts)
{
	int64		blocks = blocks_here(t);
	List	   *sums = NIL;

	for (int64 i = 0; i < parts; i++)
	{
		CheckScope	part = *scope;

		/* the last one has what was added meanwhile */
		part.condition = parts == 1 ? NULL :
			psprintf(i == parts - 1 ? "ctid >= '(" INT64_FORMAT ",0)'" :
					 "ctid >= '(" INT64_FORMAT ",0)' AND ctid < '(" INT64_FORMAT ",0)'",
					 blocks * i / parts, blocks * (i + 1) / parts);
		sums = verify_add_sums(sums, verify_sums_here(t, &part, NIL));
		verify_pace(v, 0);
	}
	return sums;
}

static List *
all_buckets_there(Verify *v, VerifyTable *t, const CheckScope *scope)
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
			more = verify_sums_there(v, t, i, &part);
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
verify_by_buckets(Verify *v, VerifyTable *t)
{
	int64		rows = rows_estimate(t);
	int64		parts = rows / rows_at_once(v, BUCKET_PART_ROWS) + 1;
	CheckScope	scope = {0};
	List	   *there;
	List	   *here;

	scope.nbuckets = bucket_count(rows);
	scope.buckets = sample_buckets(v, scope.nbuckets);
	if (parts == 1 && list_length(t->rels) == 1)
	{
		ListCell   *lc;
		int64		read = 0;

		verify_sums(v, t, &scope, NIL, &there, &here);
		v->ranges++;
		foreach(lc, there)
			read += ((CheckSum *) lfirst(lc))->rows;
		verify_pace(v, read);
	}
	else
	{
		there = all_buckets_there(v, t, &scope);
		here = all_buckets_here(v, t, &scope, parts);
	}
	compare_buckets(v, t, &scope, there, here);
}

/* ------------------------------------------------------------------ ranges */

static bool
same_sum(const CheckSum *a, const CheckSum *b)
{
	return (a ? a->rows : 0) == (b ? b->rows : 0) &&
		(a ? a->sum : 0) == (b ? b->sum : 0);
}

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
	if (list_length(t->candidates) > v->max_differences)
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
															psprintf("SELECT %s FROM %s ORDER BY %s%s LIMIT 1",
																	 there->first_key, there->from,
																	 there->first_key, order)));
		}
		/* a cast would give the column's name to what ORDER BY sorts */
		values = lappend(values, value_here(psprintf("SELECT %s FROM %s ORDER BY %s%s LIMIT 1",
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
		if (t->differences >= v->max_differences)
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
	return list_length(touched->t->candidates) <= touched->v->max_differences;
}

/*
 * Transactions here since the last verification of all rows began; -1: there
 * was none, or too long ago to be told.
 */
static int64
transactions_since(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint - xid "
					   "FROM dtsmig.verify_run WHERE task_id = $1 AND finished IS NOT NULL "
					   "AND mode IN ('full', 'incremental') ORDER BY run_id DESC LIMIT 1",
					   "i", v->task->id);
	if (rows->nrows == 0 || book_int(rows, 0, 0) > PG_INT32_MAX)
		return -1;
	return book_int(rows, 0, 0);
}

static void
verify_touched(Verify *v, VerifyTable *t, int64 transactions)
{
	Touched		touched = {v, t, NIL, NULL};
	char	   *condition = psprintf("pg_catalog.age(xmin) <= " INT64_FORMAT,
									 transactions);

	touched.cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig touched rows",
										ALLOCSET_DEFAULT_SIZES);
	verify_rows_here(v, t, NULL, condition, take_touched, &touched);
	compare_touched(&touched);
	MemoryContextDelete(touched.cxt);
}

/* ------------------------------------------------------------------ tables */

static void
verify_table(Verify *v, VerifyTable *t, int64 transactions)
{
	MemoryContext old = MemoryContextSwitchTo(v->scratch);
	CheckScope	all = {0};

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
	MemoryContextSwitchTo(old);
	MemoryContextReset(v->scratch);
}

static bool
is_wanted(const SourceRelation *rel, List *tables)
{
	ListCell   *lc;

	if (tables == NIL)
		return true;
	foreach(lc, tables)
	{
		const char *name = lfirst(lc);

		if (strcmp(name, rel->name) == 0 ||
			strcmp(name, psprintf("%s.%s", rel->schema, rel->name)) == 0)
			return true;
	}
	return false;
}

/* Do other tasks write into the table, too? */
static bool
is_shared(const Verify *v, const SourceRelation *rel)
{
	BookRows   *rows;

	rows = books_query("SELECT 1 FROM dtsmig.task_table x JOIN dtsmig.task t USING (task_id) "
					   "WHERE x.task_id <> $1 AND x.target_schema = $2 "
					   "AND x.target_table = $3 LIMIT 1", "itt", v->task->id,
					   rel->target_schema, rel->target_name);
	return rows->nrows > 0;
}

/* Do both write the same columns here, in one order? */
static bool
same_shape(const SourceRelation *a, const SourceRelation *b)
{
	a = a->out;
	b = b->out;
	if (a->ncolumns != b->ncolumns || a->nkey != b->nkey)
		return false;
	for (int i = 0; i < a->ncolumns; i++)
		if (a->columns[i].target_attnum != b->columns[i].target_attnum)
			return false;
	for (int i = 0; i < a->nkey; i++)
		if (a->key[i] != b->key[i])
			return false;
	return true;
}

/*
 * VerifyTable *, tables of one target together. Of those whose columns are not
 * the same it can only be said that their rows are here.
 */
static List *
group_tables(Verify *v, TaskRun *run, List *wanted)
{
	List	   *tables = NIL;

	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		VerifyTable *t = NULL;
		bool		shared = false;
		ListCell   *lc;

		if (rel->resync || rel->resync_step != RESYNC_NONE || !is_wanted(rel, wanted))
			continue;
		foreach(lc, tables)
		{
			VerifyTable *other = lfirst(lc);

			if (other->rel->target_relid != rel->target_relid)
				continue;
			if (same_shape(other->rel, rel))
				t = other;
			else
				shared = other->shared = true;
		}
		if (t == NULL)
		{
			t = palloc0(sizeof(VerifyTable));
			t->rel = rel;
			t->keyed = rel->out->nkey > 0;
			t->shared = shared || is_shared(v, rel);
			tables = lappend(tables, t);
		}
		t->rels = lappend(t->rels, rel);
	}
	return tables;
}

/* A name that no table has. */
static void
check_names(TaskRun *run, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		bool		found = false;

		for (int i = 0; i < run->nrels; i++)
			found |= is_wanted(run->rels[i], list_make1(lfirst(lc)));
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("task \"%s\" has no table \"%s\"", run->task->name,
							(char *) lfirst(lc)),
					 errhint("The view dtsmig.task_tables lists them.")));
	}
}

static void
verify_data(Verify *v, List *wanted)
{
	TaskRun    *run = palloc0(sizeof(TaskRun));
	int64		transactions = v->mode == VERIFY_INCREMENTAL ?
		transactions_since(v) : -1;
	List	   *tables;
	ListCell   *lc;

	run->cxt = v->cxt;
	run->task = v->task;
	run->options = v->options;
	run->selection = v->selection;
	run->info = v->info;
	run->source = v->source;
	run->conn = v->conn;
	run->dest = &local_dest_routine;
	task_open_relations(run);
	check_names(run, wanted);
	tables = group_tables(v, run, wanted);
	foreach(lc, tables)
		verify_table(v, lfirst(lc), transactions);
}

void
verify_pin_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "UTC"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"row_security", "off"},
		{"jit", "off"},			/* many statements of few rows */
	};

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* receive functions take text to be in the client's encoding */
	(void) set_config_option("client_encoding", GetDatabaseEncodingName(),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

void
verify_task(Verify *v, List *tables)
{
	MemoryContext old = MemoryContextSwitchTo(v->cxt);
	int			level = NewGUCNestLevel();

	verify_pin_settings();
	v->scratch = AllocSetContextCreate(v->cxt, "dtsmig verification range",
									   ALLOCSET_DEFAULT_SIZES);
	if (v->conn == NULL)
		v->conn = v->source->connect(v->info);
	verify_begin(v);
	if (v->mode == VERIFY_SCHEMA)
		verify_schema(v);
	else
		verify_data(v, tables);
	verify_end(v);
	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(old);
}
