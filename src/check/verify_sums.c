/*-------------------------------------------------------------------------
 *
 * verify_sums.c
 *	  Sums of rows, here and there. The source works on its sum while we, or
 *	  the destination elsewhere, work on ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "core/attempt.h"
#include "core/table_owner.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "transform/shape_rows.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* ---------------------------------------------------------------- the table */

/* The part of a CheckTable that is asked for here. */
static CheckTable *
table_here(const SourceRelation *rel, const CheckForm *forms)
{
	CheckTable *table = palloc0(sizeof(CheckTable));

	table->from = psprintf("%s%s",
						   get_rel_relkind(rel->target_relid) == RELKIND_PARTITIONED_TABLE ?
						   "" : "ONLY ",
						   quote_qualified_identifier(rel->target_schema,
													  rel->target_name));
	if (rel->nkey > 0 && forms[rel->key[0]] == CHECK_INTEGER)
		table->first_key = pstrdup(quote_identifier(rel->columns[rel->key[0]].target_name));
	return table;
}

/*
 * Rows of the destination that are marked as of other tables are not looked at.
 * NULL: none are.
 */
static char *
own_rows(const Verify *v, const VerifyTable *t)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, t->rels)
	{
		SourceRelation *rel = lfirst(lc);
		char	   *own = shard_condition(shard_tags(selection_shape(v->selection,
																	 rel->schema, rel->name),
													 rel->schema, rel->name));

		if (own == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s", buf.len ? " OR " : "", own);
	}
	return buf.data;
}

/*
 * Can rows be summed up although a rule changes them on their way? If the
 * source can be asked for those that pass, and what "set" makes of them can be
 * distinguished from what is stored. Which of several tables a row is of cannot.
 */
static bool
shape_can_be_summed(const VerifyTable *t, const SourceRelation *rel)
{
	return list_length(t->rels) == 1 && shape_keeps_key(rel->shape) &&
		(shape_filter(rel->shape) == NULL ||
		 (rel->pushed != NULL && rel->pushed_whole)) &&
		shape_can_check(rel->shape);
}

/* Are values of a column the same on both sides? */
static bool
is_as_it_is(const SourceRelation *rel, int column)
{
	return rel->shape ? shape_column_is_plain(rel->shape, column) :
		rel->columns[column].replicated;
}

/*
 * Chooses how t can be compared. Tables of one target have one shape at it;
 * that of the first decides, and another's column that lacks the same form
 * makes all be read.
 */
void
verify_prepare_table(Verify *v, VerifyTable *t)
{
	MemoryContext old = MemoryContextSwitchTo(v->cxt);
	ListCell   *lc;

	/* digests are of bytes: both have to be UTF-8 */
	t->summed = !t->shared && GetDatabaseEncoding() == PG_UTF8 &&
		(v->dest->check == NULL || v->dest->check->sums != NULL);
	t->ranged = true;
	t->own = own_rows(v, t);
	foreach(lc, t->rels)
	{
		SourceRelation *rel = lfirst(lc);
		CheckForm  *forms = palloc0(sizeof(CheckForm) *
									Max(rel->out->ncolumns, 1));
		CheckTable *there;
		bool		keeps_key = rel->shape == NULL || shape_keeps_key(rel->shape);

		if (rel->shape != NULL && !shape_can_be_summed(t, rel))
			t->summed = false;
		t->ranged &= keeps_key;
		for (int i = 0; i < rel->ncolumns; i++)
		{
			forms[i] = CHECK_FETCH;
			if (!is_as_it_is(rel, i) || !keeps_key)
				continue;
			forms[i] = v->source->check_form(v->conn, rel, i);
			if (forms[i] == CHECK_FETCH ||
				(rel != t->rel && forms[i] != t->forms[i]))
				t->summed = false;
		}
		if (rel == t->rel)
		{
			t->forms = forms;
			t->here = v->dest->check ? NULL : table_here(rel, forms);
		}
		there = v->source->check_table(v->conn, rel, forms);
		there->among = rel->pushed;
		t->there = lappend(t->there, there);
		if (there->first_key == NULL)
			t->ranged = false;
		if (there->number == NULL || there->bucket == NULL)
			t->summed = false;
		if (rel == t->rel)
			t->text = row_text_make(rel, forms, there->digest);
		if (rel == t->rel && v->dest->check)
			t->here = v->dest->check->table(rel, forms, there->digest);
	}
	if (t->here->first_key == NULL)
		t->ranged = false;
	t->checked = t->summed && t->rel->shape != NULL &&
		shape_has_checks(t->rel->shape);
	MemoryContextSwitchTo(old);
}

/* -------------------------------------------------------------------- sums */

CheckSum *
verify_find_sum(List *sums, int group)
{
	ListCell   *lc;

	foreach(lc, sums)
	{
		CheckSum   *s = lfirst(lc);

		if (s->group == group)
			return s;
	}
	return NULL;
}

static int
compare_groups(const ListCell *a, const ListCell *b)
{
	return ((CheckSum *) lfirst(a))->group - ((CheckSum *) lfirst(b))->group;
}

/* Sorted by group, each group once. */
List *
verify_add_sums(List *sums, List *other)
{
	List	   *all = list_concat(sums, other);
	List	   *result = NIL;
	CheckSum   *last = NULL;
	ListCell   *lc;

	list_sort(all, compare_groups);
	foreach(lc, all)
	{
		CheckSum   *s = lfirst(lc);

		if (last != NULL && last->group == s->group)
		{
			last->rows += s->rows;
			last->sum += s->sum;
		}
		else
			result = lappend(result, last = s);
	}
	return result;
}

/*
 * -------------------------------------------------------------------
 * destination
 */

const char *
verify_own_rows(const VerifyTable *t, const char *condition)
{
	return t->own == NULL ? condition : condition == NULL ? t->own :
		psprintf("(%s) AND (%s)", condition, t->own);
}

char *
verify_condition_dest(const VerifyTable *t, const CheckScope *scope)
{
	CheckScope	plain = *scope;

	if (t->here->bucket == NULL)
		plain.buckets = NIL;
	return check_condition(t->here, &plain);
}

/*
 * A query's rows, summed up as the executor gives them; nothing is kept of one.
 */
typedef struct Summing
{
	DestReceiver receiver;
	VerifyTable *t;
	const CheckScope *scope;
	int			nsplits;		/* of the first key column: see check_sum_select */
	int128	   *splits;
	int			ngroups;
	CheckSum   *groups;
	int			ncolumns;		/* asked for */
	int		   *columns;		/* of rel->out */
	Datum	   *values;			/* of rel->out's columns */
	bool	   *nulls;
	MemoryContext rowcxt;
	bool		checking;		/* the rule's expressions are being run */
	const DestCheckRoutine *check;	/* of a destination elsewhere; NULL: rows are
									 * here */
	char	   *sql;
	TableOwner	owner;			/* the table is read as its owner */
} Summing;

/* A number that rows have whose columns are not what "set" makes of others. */
#define SPOILT UINT64CONST(0x9E3779B97F4A7C15)

static void
choose_columns(Summing *s)
{
	const VerifyTable *t = s->t;
	const SourceRelation *out = t->rel->out;

	for (int i = 0; i < out->ncolumns; i++)
		if (t->forms[i] != CHECK_FETCH || (t->checked && out->columns[i].replicated))
			s->columns[s->ncolumns++] = i;
}

static char *
select_here(const Summing *s)
{
	const VerifyTable *t = s->t;
	const SourceRelation *out = t->rel->out;
	const char *where = verify_own_rows(t, verify_condition_dest(t, s->scope));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < s->ncolumns; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(out->columns[s->columns[i]].target_name));
	appendStringInfo(&sql, " FROM %s", t->here->from);
	if (where)
		appendStringInfo(&sql, " WHERE %s", where);
	return sql.data;
}

/* The part of the first key column's values that a row belongs to. */
static int
part_of(const Summing *s)
{
	int			key = s->t->rel->key[0];
	Datum		value = s->values[key];
	int128		n;
	int			lo = 0;
	int			hi = s->nsplits;

	if (s->nulls[key])
		return 0;
	switch (s->t->rel->columns[key].typid)
	{
		case INT2OID:
			n = DatumGetInt16(value);
			break;
		case INT4OID:
			n = DatumGetInt32(value);
			break;
		case INT8OID:
			n = DatumGetInt64(value);
			break;
		default:
			n = verify_to_number(DatumGetCString(DirectFunctionCall1(numeric_out,
																	 value)));
			break;
	}
	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (n < s->splits[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Adds s->values, in rowcxt. */
static void
add_row(Summing *s)
{
	const SourceRelation *rel = s->t->rel;
	CheckSum   *group = s->groups;
	uint64		number;

	number = row_text_number(s->t->text, s->values, s->nulls, NULL, rel->ncolumns);
	if (s->nsplits > 0)
		group += part_of(s);
	else if (s->scope->nbuckets > 0)
	{
		uint64		bucket = rel->nkey == 0 ? number :
			row_text_number(s->t->text, s->values, s->nulls, rel->key, rel->nkey);

		group += bucket & (s->scope->nbuckets - 1);
	}
	if (s->t->checked)
	{
		/* expressions are the task owner's */
		table_owner_pause(&s->owner);
		s->checking = true;
		if (!shape_check_row(rel->shape, s->values, s->nulls))
			number ^= SPOILT;
		s->checking = false;
		table_owner_resume(&s->owner);
	}
	group->rows++;
	group->sum += number;
}

/* DestReceiver.receiveSlot */
static bool
sum_row(TupleTableSlot *slot, DestReceiver *self)
{
	Summing    *s = (Summing *) self;
	MemoryContext old = MemoryContextSwitchTo(s->rowcxt);

	slot_getallattrs(slot);
	for (int i = 0; i < s->ncolumns; i++)
	{
		s->values[s->columns[i]] = slot->tts_values[i];
		s->nulls[s->columns[i]] = slot->tts_isnull[i];
	}
	add_row(s);
	MemoryContextSwitchTo(old);
	MemoryContextReset(s->rowcxt);
	return true;
}

static void
begin_rows(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
end_rows(DestReceiver *self)
{
}

static void
sum_up(void *arg)
{
	Summing    *s = arg;
	const char *sql = s->sql;
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;

	SPI_connect();
	table_owner_begin(s->t->rel->target_relid, AccessShareLock, &s->owner);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	options.dest = &s->receiver;
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	table_owner_end(&s->owner);
	SPI_finish();
}

/* The same of a destination elsewhere. */
static void
sum_up_elsewhere(void *arg)
{
	Summing    *s = arg;
	const DestCheckRoutine *check = s->check;
	DestRows   *rows = check->open_rows(s->t->rel, s->columns, s->ncolumns,
										verify_own_rows(s->t, verify_condition_dest(s->t, s->scope)));
	bool		more = true;

	while (more)
	{
		MemoryContext old = MemoryContextSwitchTo(s->rowcxt);

		CHECK_FOR_INTERRUPTS();
		more = check->next_row(rows, s->values, s->nulls);
		if (more)
			add_row(s);
		MemoryContextSwitchTo(old);
		MemoryContextReset(s->rowcxt);
	}
	check->close_rows(rows);
}

/* Not of the row: the verification is to end, or cannot go on. */
static bool
ends_verification(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		category == ERRCODE_INTERNAL_ERROR ||
		category == ERRCODE_SYSTEM_ERROR;
}

/*
 * The same where the rule's expressions are run over rows that are stored here.
 * They may raise an error over one that the source never had: false, and sums
 * are not to be used. Rows are then read, and those of the source alone are
 * given to expressions.
 */
static bool
sum_up_checked(Summing *s)
{
	ErrorData  *edata = attempt(s->check ? sum_up_elsewhere : sum_up, s);

	if (edata == NULL)
		return true;
	if (!s->checking || ends_verification(edata->sqlerrcode))
		ReThrowError(edata);
	FreeErrorData(edata);
	return false;
}

/* The server elsewhere adds up what it has. */
static List *
sums_elsewhere(const Verify *v, const VerifyTable *t, const CheckScope *scope,
			   List *splits)
{
	CheckTable	table = *t->here;

	table.among = t->own;
	return v->dest->check->sums(check_sum_select(&table, scope, splits));
}

List *
verify_sums_dest(const Verify *v, VerifyTable *t, const CheckScope *scope, List *splits)
{
	int			n = Max(t->rel->out->ncolumns, 1);
	List	   *sums = NIL;
	Summing		s = {{sum_row, begin_rows, end_rows, end_rows, DestTuplestore}};
	bool		known = true;

	if (t->here->number != NULL && !t->checked)
		return sums_elsewhere(v, t, scope, splits);
	s.t = t;
	s.check = v->dest->check;
	s.scope = scope;
	s.nsplits = list_length(splits);
	s.splits = palloc0(sizeof(int128) * Max(s.nsplits, 1));
	for (int i = 0; i < s.nsplits; i++)
		s.splits[i] = verify_to_number(list_nth(splits, i));
	s.ngroups = s.nsplits > 0 ? s.nsplits + 1 : Max(scope->nbuckets, 1);
	s.groups = palloc0(sizeof(CheckSum) * s.ngroups);
	s.columns = palloc0(sizeof(int) * n);
	s.values = palloc0(sizeof(Datum) * n);
	s.nulls = palloc0(sizeof(bool) * n);
	s.rowcxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig row summed up",
									 ALLOCSET_DEFAULT_SIZES);
	choose_columns(&s);
	if (!s.check)
		s.sql = select_here(&s);
	if (t->checked)
		known = sum_up_checked(&s);
	else if (s.check)
		sum_up_elsewhere(&s);
	else
		sum_up(&s);
	MemoryContextDelete(s.rowcxt);
	for (int i = 0; i < s.ngroups; i++)
	{
		s.groups[i].group = i;
		/* what no sum of the source's is */
		if (!known)
			s.groups[i].rows = -1;
		if (s.groups[i].rows != 0 &&
			(scope->buckets == NIL || list_member_int(scope->buckets, i)))
			sums = lappend(sums, &s.groups[i]);
	}
	return sums;
}

/* ------------------------------------------------------------------ source */

List *
verify_sums_source(Verify *v, VerifyTable *t, int rel, const CheckScope *scope)
{
	v->source->check_ask(v->conn, check_sum_select(list_nth(t->there, rel),
												   scope, NIL));
	return v->source->check_answer(v->conn);
}

void
verify_sums(Verify *v, VerifyTable *t, const CheckScope *scope,
			List *splits, List **there, List **here)
{
	ListCell   *lc;
	bool		first = true;

	*there = NIL;
	foreach(lc, t->there)
	{
		v->source->check_ask(v->conn, check_sum_select(lfirst(lc), scope, splits));
		if (first)
			*here = verify_sums_dest(v, t, scope, splits);
		first = false;
		*there = verify_add_sums(*there, v->source->check_answer(v->conn));
	}
}
