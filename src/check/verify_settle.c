/*-------------------------------------------------------------------------
 *
 * verify_settle.c
 *	  What seems to differ while the source is written to is looked at until
 *	  it is known whether it does.
 *
 * A round: rows are read at the source; then all that the source had logged
 * by then is waited for; then the rows are read here. A row counts as
 * different when rounds in a row found it so and it was the same on each side
 * every time. If the task has applied no change from the first of them to the
 * last, three rounds are proof: nothing has moved. Else a row may have moved
 * on between and come back, each time when it was looked at (one that goes to
 * and fro between few values does so soon enough), and it takes nine, or more
 * of rows of which only the number of equal ones is known. A row is
 * equal if it is now, or if it is at the destination as it was at the source in
 * one of the last rounds: then it is on its way. A row that moves all the time
 * and does neither is counted as not settled.
 *
 * Where there are many, one round over all of them comes first, which keeps
 * nothing of a row but its digest: most of them were on their way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "store/position.h"
#include "store/progress.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Rows looked at together; asked for together. */
#define LOOK_ROWS 100
#define MAX_ROUNDS 40
/*
 * Rounds that have to be as the one before; the same while changes come, of
 * rows with a key and without.
 */
#define MUST_STAY 2
#define MUST_STAY_BUSY 8
#define MUST_STAY_COUNTED 13
#define REMEMBERED 16
/* Without any change applied. */
#define WAIT_APPLIED_MS 120000

/* What one side has of a row. */
typedef struct Side
{
	bool		there;			/* it has it */
	uint8		digest[DIGEST_BYTES];
	char	  **values;			/* in the context of the round */
	SourceRelation *rel;		/* it came from */
} Side;

typedef struct Look
{
	uint8		key_digest[DIGEST_BYTES];	/* hash key */
	Candidate  *candidate;
	Side		source;
	Side		here;
	Side		last_source;	/* of the round before; values are gone */
	Side		last_here;
	bool		looked;			/* there is a round before */
	int			stayed;			/* rounds that were as the one before */
	int64		since;			/* changes that were applied by the first of them */
	bool		settled;
	int			nremembered;
	uint8		remembered[REMEMBERED][DIGEST_BYTES];	/* at the source */
} Look;

/* --------------------------------------------------------------- waiting */

static void
nap(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 ms, dts_wait_event(DTS_WAIT_VERIFY));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

int64
verify_changes_applied(const Verify *v)
{
	StorePosition *position = store_position_load(v->task->id);

	return position ? position->changes : 0;
}

/* again: the time starts again whenever the task has got on. */
static void
wait_applied(Verify *v, const char *position, long timeout_ms, bool anew)
{
	TimestampTz began = GetCurrentTimestamp();
	TimestampTz alive = began;
	SourcePos	wanted;
	int64		changes = -1;
	char	   *place = NULL;
	MemoryContext old;
	MemoryContext cxt;

	if (position == NULL)
		return;
	wanted = v->source->parse_position(position);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig waiting",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	for (;;)
	{
		TaskApplied *now;
		char	   *applied;

		MemoryContextReset(cxt);
		now = store_task_applied(v->task->id);
		if (now == NULL)
			break;
		applied = now->position;
		v->applied_changes = now->changes;
		if (applied && v->source->position_has_place(applied) &&
			source_pos_cmp(v->source->parse_position(applied), wanted) >= 0)
			break;
		if (now->running)
			alive = GetCurrentTimestamp();
		if (anew && (v->applied_changes != changes ||
					 (applied && (place == NULL || strcmp(applied, place) != 0))))
		{
			if (place)
				pfree(place);
			changes = v->applied_changes;
			place = applied ? MemoryContextStrdup(old, applied) : NULL;
			began = GetCurrentTimestamp();
		}
		if (TimestampDifferenceExceeds(alive, GetCurrentTimestamp(), 10000))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("task \"%s\" is %s: what differs cannot be distinguished from what is not applied yet",
							v->task->name, now->status),
					 now->error ? errdetail("%s", now->error) : 0,
					 errhint("Use resume_task.")));
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(), (int) timeout_ms))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("task \"%s\" has not applied position %s within %ld seconds",
							v->task->name, position, timeout_ms / 1000),
					 errdetail("It is at %s.", applied ? applied : "its start"),
					 errhint("Try again when its latency is small.")));
		nap(30);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

void
verify_wait_applied(Verify *v, const char *position, long timeout_ms)
{
	wait_applied(v, position, timeout_ms, false);
}

void
verify_catch_up(Verify *v)
{
	if (v->task->do_incremental)
		wait_applied(v, v->source->current_position(v->conn), WAIT_APPLIED_MS,
					 true);
}

/* Is what has stayed so for some rounds so indeed? */
static bool
is_proven(const Verify *v, int stayed, int64 since, int busy)
{
	return !v->task->do_incremental ||
		stayed >= (v->applied_changes == since ? MUST_STAY : busy);
}

/* ------------------------------------------------------------------ rows */

typedef struct Taking
{
	HTAB	   *looks;
	bool		source;
	bool		digests;		/* values are not kept */
} Taking;

/* TextRowTaker */
static bool
take_look(void *arg, SourceRelation *rel, const TextRow *row)
{
	Taking	   *taking = arg;
	Look	   *look = hash_search(taking->looks, row->key_digest, HASH_FIND, NULL);
	Side	   *side;

	if (look == NULL)
		return true;
	side = taking->source ? &look->source : &look->here;
	side->there = true;
	side->rel = rel;
	memcpy(side->digest, row->digest, DIGEST_BYTES);
	if (taking->digests)
		return true;
	side->values = palloc(sizeof(char *) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
		side->values[i] = row->values[i] ? pstrdup(row->values[i]) : NULL;
	return true;
}

static void
read_rows(Verify *v, VerifyTable *t, SourceRelation *rel, const char *condition,
		  Taking *taking)
{
	if (taking->source)
		verify_rows_source(v, rel, condition, take_look, taking);
	else
		verify_rows_dest(v, t, NULL, condition, take_look, taking);
}

/* Reads one side of the looks that are not settled. */
static void
read_side(Verify *v, VerifyTable *t, HTAB *looks, bool source, bool digests)
{
	Taking		taking = {looks, source, digests};
	ListCell   *lc;

	foreach(lc, t->rels)
	{
		SourceRelation *rel = source ? lfirst(lc) : t->rel;
		StringInfoData condition;
		HASH_SEQ_STATUS seq;
		Look	   *look;
		int			n = 0;
		bool		whole = false;

		initStringInfo(&condition);
		hash_seq_init(&seq, looks);
		while ((look = hash_seq_search(&seq)) != NULL)
		{
			char	   *key;

			if (look->settled)
				continue;
			if (rel == linitial(t->rels))
				memset(source ? &look->source : &look->here, 0, sizeof(Side));
			if (whole)
				continue;
			key = source ? verify_key_source(v, rel, look->candidate->key) :
				verify_key_dest(v, rel, look->candidate->key);
			whole = key == NULL;
			if (whole)
				continue;
			appendStringInfo(&condition, "%s(%s)",
							 condition.len > 0 ? " OR " : "", key);
			if (++n % LOOK_ROWS > 0)
				continue;
			read_rows(v, t, rel, condition.data, &taking);
			resetStringInfo(&condition);
		}
		if (whole || condition.len > 0)
			read_rows(v, t, rel, whole ? NULL : condition.data, &taking);
		if (!source)
			break;
	}
}

static HTAB *
make_looks(MemoryContext cxt)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = DIGEST_BYTES;
	ctl.entrysize = sizeof(Look);
	ctl.hcxt = cxt;
	return hash_create("dtsmig looks", LOOK_ROWS, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* false: this row is among them already. */
static bool
add_look(HTAB *looks, Candidate *c)
{
	bool		found;
	Look	   *look = hash_search(looks, c->key_digest, HASH_ENTER, &found);

	if (found)
		return false;
	memset((char *) look + DIGEST_BYTES, 0, sizeof(Look) - DIGEST_BYTES);
	look->candidate = c;
	return true;
}

static bool
same_side(const Side *a, const Side *b)
{
	return a->there == b->there &&
		(!a->there || memcmp(a->digest, b->digest, DIGEST_BYTES) == 0);
}

static bool
is_on_its_way(const Look *look)
{
	for (int i = 0; i < Min(look->nremembered, REMEMBERED); i++)
		if (look->here.there &&
			memcmp(look->remembered[i], look->here.digest, DIGEST_BYTES) == 0)
			return true;
	return false;
}

/* Nothing more need be known. */
static bool
is_equal(const VerifyTable *t, const Look *look)
{
	return same_side(&look->source, &look->here) ||
		(!look->source.there && t->shared);
}

/* One look after a round; true: settled. */
static bool
judge(Verify *v, VerifyTable *t, Look *look)
{
	if (is_equal(t, look))
		return true;
	if (look->looked && same_side(&look->source, &look->last_source) &&
		same_side(&look->here, &look->last_here))
		look->stayed++;
	else
	{
		look->stayed = 0;
		look->since = v->applied_changes;
	}
	if (is_proven(v, look->stayed, look->since, MUST_STAY_BUSY))
	{
		verify_add_row(v, t, look->source.there ? look->source.rel : t->rel->out,
					   look->candidate->key,
					   look->source.there ? look->source.values : NULL,
					   look->here.there ? look->here.values : NULL, 1);
		return true;
	}
	if (is_on_its_way(look) && !same_side(&look->source, &look->last_source))
		return true;
	if (look->source.there)
		memcpy(look->remembered[look->nremembered++ % REMEMBERED],
			   look->source.digest, DIGEST_BYTES);
	look->last_source = look->source;
	look->last_here = look->here;
	look->looked = true;
	return false;
}

/* Looks at up to LOOK_ROWS candidates from start. */
static void
settle_some(Verify *v, VerifyTable *t, int start)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig looks",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext round = AllocSetContextCreate(cxt, "dtsmig look",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			left = 0;
	HTAB	   *looks = make_looks(cxt);

	for (int i = start; i < Min(start + LOOK_ROWS, list_length(t->candidates)); i++)
		left += add_look(looks, list_nth(t->candidates, i));
	for (int r = 0; left > 0 && r < MAX_ROUNDS; r++)
	{
		HASH_SEQ_STATUS seq;
		Look	   *look;

		if (r > 0)
			nap(Min(20 * r, 300));
		MemoryContextSwitchTo(round);
		read_side(v, t, looks, true, false);
		verify_catch_up(v);
		read_side(v, t, looks, false, false);
		hash_seq_init(&seq, looks);
		while ((look = hash_seq_search(&seq)) != NULL)
		{
			if (look->settled || !judge(v, t, look))
				continue;
			look->settled = true;
			left--;
		}
		MemoryContextSwitchTo(cxt);
		MemoryContextReset(round);
	}
	v->unsettled += left;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Keeps of the candidates those that one round over all does not find equal. */
static void
settle_equal(Verify *v, VerifyTable *t)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig looks",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	HTAB	   *looks = make_looks(cxt);
	HASH_SEQ_STATUS seq;
	Look	   *look;
	List	   *left = NIL;
	ListCell   *lc;

	foreach(lc, t->candidates)
		(void) add_look(looks, lfirst(lc));
	read_side(v, t, looks, true, true);
	verify_catch_up(v);
	read_side(v, t, looks, false, true);
	MemoryContextSwitchTo(t->candidates_cxt);
	hash_seq_init(&seq, looks);
	while ((look = hash_seq_search(&seq)) != NULL)
		if (!is_equal(t, look))
			left = lappend(left, look->candidate);
	t->candidates = left;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

bool
verify_is_cut(const Verify *v, const VerifyTable *t)
{
	return t->differences > v->max_differences;
}

void
verify_settle(Verify *v, VerifyTable *t)
{
	if (list_length(t->candidates) > LOOK_ROWS)
		settle_equal(v, t);
	for (int i = 0; i < list_length(t->candidates); i += LOOK_ROWS)
		if (!verify_is_cut(v, t))
			settle_some(v, t, i);
	t->candidates = NIL;
	MemoryContextReset(t->candidates_cxt);
}

/* -------------------------------------------------------------- multisets */

typedef struct Counted
{
	uint8		digest[DIGEST_BYTES];	/* hash key */
	int64		there;			/* rows at the source */
	int64		here;
	int64		there_before;	/* in the round before */
	int64		here_before;
	int			stayed;			/* rounds that were as the one before */
	int64		since;			/* changes that were applied by the first of them */
	bool		shown;
} Counted;

typedef struct Counting
{
	Verify	   *v;
	VerifyTable *t;
	HTAB	   *rows;
	bool		source;			/* rows are the source's */
	int64		read;
	bool		show;			/* rows that count are put into results */
	uint64		parts;			/* rows that are counted in this pass */
	uint64		part;
} Counting;

static bool
has_stayed(const Counting *c, const Counted *entry)
{
	return is_proven(c->v, entry->stayed, entry->since,
					 MUST_STAY_COUNTED);
}

/* TextRowTaker */
static bool
take_count(void *arg, SourceRelation *rel, const TextRow *row)
{
	Counting   *c = arg;
	Counted    *entry;
	uint64		h;
	bool		found;

	c->read++;
	memcpy(&h, row->digest, sizeof(h));
	if (h % c->parts != c->part)
		return true;
	if (c->show)
	{
		entry = hash_search(c->rows, row->digest, HASH_FIND, NULL);
		if (entry == NULL || entry->shown || !has_stayed(c, entry) ||
			(entry->there > entry->here) != c->source)
			return true;
		entry->shown = true;
		verify_add_row(c->v, c->t, rel, NULL, c->source ? row->values : NULL,
					   c->source ? NULL : row->values,
					   c->source ? entry->there - entry->here :
					   entry->here - entry->there);
		return true;
	}
	entry = hash_search(c->rows, row->digest, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + DIGEST_BYTES, 0, sizeof(Counted) - DIGEST_BYTES);
	if (c->source)
		entry->there++;
	else
		entry->here++;
	return true;
}

static void
count_side(Counting *c, const CheckScope *scope, bool source)
{
	ListCell   *lr;
	ListCell   *lt;

	c->source = source;
	if (source)
		forboth(lr, c->t->rels, lt, c->t->there)
			verify_rows_source(c->v, lfirst(lr),
							  check_condition(lfirst(lt), scope), take_count, c);
	else
		verify_rows_dest(c->v, c->t, scope, verify_condition_dest(c->t, scope),
						 take_count, c);
}

/* After a round; true: nothing differs any more, or all that does has stayed. */
static bool
judge_counts(Counting *c)
{
	HASH_SEQ_STATUS seq;
	Counted    *entry;
	bool		stays = true;

	hash_seq_init(&seq, c->rows);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->there == entry->here)
		{
			(void) hash_search(c->rows, entry->digest, HASH_REMOVE, NULL);
			continue;
		}
		if (entry->there == entry->there_before && entry->here == entry->here_before)
			entry->stayed++;
		else
		{
			entry->stayed = 0;
			entry->since = c->v->applied_changes;
		}
		stays &= has_stayed(c, entry);
	}
	return stays;
}

static void
count_part(Verify *v, VerifyTable *t, const CheckScope *scope, uint64 part,
		   uint64 parts)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig multiset",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Counting	c = {0};
	HASH_SEQ_STATUS seq;
	Counted    *entry;
	HASHCTL		ctl;
	bool		settled = false;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = DIGEST_BYTES;
	ctl.entrysize = sizeof(Counted);
	ctl.hcxt = cxt;
	c.v = v;
	c.t = t;
	c.part = part;
	c.parts = parts;
	c.rows = hash_create("dtsmig multiset", 1024, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int r = 0; !settled && r < MAX_ROUNDS / 2; r++)
	{
		if (r > 0)
			nap(Min(20 * r, 300));
		hash_seq_init(&seq, c.rows);
		while ((entry = hash_seq_search(&seq)) != NULL)
		{
			entry->there_before = entry->there;
			entry->here_before = entry->here;
			entry->there = entry->here = 0;
		}
		count_side(&c, scope, true);
		if (r == 0 && !t->summed && part == 0)
			v->rows += c.read;
		verify_catch_up(v);
		count_side(&c, scope, false);
		v->moved += c.read;
		verify_pace(v, c.read);
		c.read = 0;
		settled = judge_counts(&c);
	}
	if (hash_get_num_entries(c.rows) > 0)
	{
		hash_seq_init(&seq, c.rows);
		while ((entry = hash_seq_search(&seq)) != NULL)
			if (!has_stayed(&c, entry))
				v->unsettled++;
		c.show = true;
		count_side(&c, scope, true);
		count_side(&c, scope, false);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Distinct rows that are held at a time. */
#define PART_ROWS 500000

void
verify_settle_multiset(Verify *v, VerifyTable *t, const CheckScope *scope)
{
	uint64		parts = 1;
	ListCell   *lc;

	if (scope->buckets == NIL)
		foreach(lc, t->rels)
			parts += ((SourceRelation *) lfirst(lc))->def->rows_estimate / PART_ROWS;
	for (uint64 part = 0; part < parts && !verify_is_cut(v, t); part++)
		count_part(v, t, scope, part, parts);
}
