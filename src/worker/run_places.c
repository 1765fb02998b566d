/*-------------------------------------------------------------------------
 *
 * run_places.c
 *	  Where copies that are known by GTIDs alone lie in the log that is read.
 *
 * A copy's rows stand at a place of the log, or at a set of transactions: on
 * MySQL, where a place may be behind what is not visible yet, and after the
 * source has failed over, for the copy's place was one of the old server. Which
 * transactions such a copy has is asked of each one as it comes. What a change
 * does to other tables (cascades) is asked by places, later, when a batch is
 * written: so the place of the copy is moved behind each transaction that it has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/run_follow.h"

/* After so many transactions it is asked which copies are behind. */
#define PLACES_PER_LOOK 1000

static const char *
copy_position(const SourceRelation *rel)
{
	return rel->snap_elsewhere ? rel->snap_elsewhere : rel->snap_set;
}

/* Finds the copies that are known by GTIDs. */
void
follow_list_copies(Follow *f)
{
	MemoryContext old = MemoryContextSwitchTo(f->run->cxt);

	list_free(f->by_gtids);
	f->by_gtids = NIL;
	for (int i = 0; i < f->run->nrels; i++)
		if (!f->run->rels[i]->resync && copy_position(f->run->rels[i]) != NULL)
			f->by_gtids = lappend(f->by_gtids, f->run->rels[i]);
	MemoryContextSwitchTo(old);
}

static bool
copy_has(Follow *f, const SourceRelation *rel)
{
	return rel->snap_elsewhere != NULL ?
		f->run->source->stream_is_in(f->stream, rel->snap_elsewhere) :
		task_copy_has(f->run, rel, f->transaction_start);
}

/* Nothing that comes can be in these copies. */
static void
drop_passed(Follow *f)
{
	MemoryContext old = MemoryContextSwitchTo(f->run->cxt);
	char	   *position = f->run->source->stream_position(f->stream);
	List	   *left = NIL;
	ListCell   *lc;

	foreach(lc, f->by_gtids)
		if (!f->run->source->position_covers(position, copy_position(lfirst(lc))))
			left = lappend(left, lfirst(lc));
	list_free(f->by_gtids);
	f->by_gtids = left;
	pfree(position);
	MemoryContextSwitchTo(old);
}

/*
 * A transaction begins: the place of each copy that has it is behind it. Changes
 * that came before it and are not in the copy are written first, for the new place
 * would have them in.
 */
void
follow_place_copies(Follow *f)
{
	SourcePos	behind = f->transaction_start;
	ListCell   *lc;

	behind.offset++;
	foreach(lc, f->by_gtids)
	{
		SourceRelation *rel = lfirst(lc);

		if (!copy_has(f, rel))
			rel->snap_left = true;
		else if (source_pos_cmp(rel->snap_lo, behind) < 0)
		{
			if (rel->snap_left)
				f->run->dest->flush(f->writer);
			rel->snap_left = false;
			rel->snap_lo = rel->out->snap_lo = behind;
			if (rel->snap_elsewhere != NULL)
				rel->snap_hi = rel->out->snap_hi = behind;
		}
	}
	if (f->placed++ % PLACES_PER_LOOK == PLACES_PER_LOOK - 1)
		drop_passed(f);
}
