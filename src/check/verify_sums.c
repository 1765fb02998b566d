/*-------------------------------------------------------------------------
 *
 * verify_sums.c
 *	  Sums of rows, here and there. The source works on its sum while we work
 *	  on ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
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
 * Chooses how t can be compared. Tables of one target have one shape there;
 * that of the first decides, and another's column that lacks the same form
 * makes all be read.
 */
void
verify_prepare_table(Verify *v, VerifyTable *t)
{
	MemoryContext old = MemoryContextSwitchTo(v->cxt);
	ListCell   *lc;

	/* digests are of bytes: both have to be UTF-8 */
	t->summed = !t->shared && GetDatabaseEncoding() == PG_UTF8;
	t->ranged = true;
	foreach(lc, t->rels)
	{
		SourceRelation *rel = lfirst(lc);
		CheckForm  *forms = palloc0(sizeof(CheckForm) *
									Max(rel->out->ncolumns, 1));
		CheckTable *there;

		/* what a rule makes of rows is known here alone */
		if (rel->shape != NULL)
			t->summed = t->ranged = false;
		for (int i = 0; i < rel->ncolumns; i++)
		{
			forms[i] = CHECK_FETCH;
			if (!rel->columns[i].carried || rel->shape != NULL)
				continue;
			forms[i] = v->source->check_form(v->conn, rel, i);
			if (forms[i] == CHECK_FETCH ||
				(rel != t->rel && forms[i] != t->forms[i]))
				t->summed = false;
		}
		if (rel == t->rel)
		{
			t->forms = forms;
			t->here = table_here(rel, forms);
		}
		there = v->source->check_table(v->conn, rel, forms);
		t->there = lappend(t->there, there);
		if (there->first_key == NULL)
			t->ranged = false;
		if (there->number == NULL || there->bucket == NULL)
			t->summed = false;
		if (rel == t->rel)
			t->text = row_text_make(rel, forms, there->digest);
	}
	if (t->here->first_key == NULL)
		t->ranged = false;
	MemoryContextSwitchTo(old);
}

/* -------------------------------------------------------------------- sums */

/* Rows that are fetched from here at once. */
#define FETCH_ROWS 1000

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

/* ------------------------------------------------------------------- here */

char *
verify_condition_here(const VerifyTable *t, const CheckScope *scope)
{
	CheckScope	plain = *scope;

	plain.buckets = NIL;
	return check_condition(t->here, &plain);
}

static char *
select_here(const VerifyTable *t, const CheckScope *scope, const char *split)
{
	const SourceRelation *rel = t->rel;
	char	   *where = verify_condition_here(t, scope);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", split ?
					 psprintf("%s >= %s", t->here->first_key, split) : "false");
	for (int i = 0; i < rel->ncolumns; i++)
		if (t->forms[i] != CHECK_FETCH)
			appendStringInfo(&sql, ", %s",
							 quote_identifier(rel->columns[i].target_name));
	appendStringInfo(&sql, " FROM %s", t->here->from);
	if (where)
		appendStringInfo(&sql, " WHERE %s", where);
	return sql.data;
}

typedef struct Summing
{
	VerifyTable *t;
	const CheckScope *scope;
	bool		halves;
	int			ngroups;
	CheckSum   *groups;
	Datum	   *values;			/* of rel's columns */
	bool	   *nulls;
} Summing;

static void
add_row(Summing *s, HeapTuple tup, TupleDesc desc)
{
	const SourceRelation *rel = s->t->rel;
	CheckSum   *group = s->groups;
	uint64		number;
	bool		isnull;
	int			n = 1;

	for (int i = 0; i < rel->ncolumns; i++)
		if (s->t->forms[i] != CHECK_FETCH)
			s->values[i] = SPI_getbinval(tup, desc, ++n, &s->nulls[i]);
	number = row_text_number(s->t->text, s->values, s->nulls, NULL, rel->ncolumns);
	if (s->halves)
		group += DatumGetBool(SPI_getbinval(tup, desc, 1, &isnull));
	else if (s->scope->nbuckets > 0)
	{
		uint64		bucket = rel->nkey == 0 ? number :
			row_text_number(s->t->text, s->values, s->nulls, rel->key, rel->nkey);

		group += bucket & (s->scope->nbuckets - 1);
	}
	group->rows++;
	group->sum += number;
}

List *
verify_sums_here(VerifyTable *t, const CheckScope *scope, const char *split)
{
	MemoryContext cxt = CurrentMemoryContext;
	MemoryContext rowcxt = AllocSetContextCreate(cxt, "dtsmig row summed up",
												 ALLOCSET_DEFAULT_SIZES);
	char	   *sql = select_here(t, scope, split);
	List	   *sums = NIL;
	Summing		s = {0};
	SPIPlanPtr	plan;
	Portal		portal;

	s.t = t;
	s.scope = scope;
	s.halves = split != NULL;
	s.ngroups = split ? 2 : Max(scope->nbuckets, 1);
	s.groups = palloc0(sizeof(CheckSum) * s.ngroups);
	s.values = palloc0(sizeof(Datum) * Max(t->rel->ncolumns, 1));
	s.nulls = palloc0(sizeof(bool) * Max(t->rel->ncolumns, 1));
	SPI_connect();
	plan = SPI_prepare_cursor(sql, 0, NULL, CURSOR_OPT_NO_SCROLL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	MemoryContextSwitchTo(rowcxt);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			add_row(&s, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
			MemoryContextReset(rowcxt);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextSwitchTo(cxt);
	MemoryContextDelete(rowcxt);
	for (int i = 0; i < s.ngroups; i++)
	{
		s.groups[i].group = i;
		if (s.groups[i].rows > 0 &&
			(scope->buckets == NIL || list_member_int(scope->buckets, i)))
			sums = lappend(sums, &s.groups[i]);
	}
	return sums;
}

/* ------------------------------------------------------------------ there */

List *
verify_sums_there(Verify *v, VerifyTable *t, int rel, const CheckScope *scope)
{
	v->source->check_ask(v->conn, check_sum_select(list_nth(t->there, rel),
												   scope, NULL));
	return v->source->check_answer(v->conn);
}

void
verify_sums(Verify *v, VerifyTable *t, const CheckScope *scope,
			const char *split, List **there, List **here)
{
	ListCell   *lc;
	bool		first = true;

	*there = NIL;
	foreach(lc, t->there)
	{
		v->source->check_ask(v->conn, check_sum_select(lfirst(lc), scope, split));
		if (first)
			*here = verify_sums_here(t, scope, split);
		first = false;
		*there = verify_add_sums(*there, v->source->check_answer(v->conn));
	}
}
