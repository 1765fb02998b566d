/*-------------------------------------------------------------------------
 *
 * run_early.c
 *	  When a transaction may be applied while the source still decodes it.
 *
 * It has to have committed at the source, so that the task is behind. It is
 * applied inside of a transaction of the destination that stays open: nothing
 * else may have to be committed before it ends, and where it stands in the log,
 * of which a lower bound is all that is known, must not matter. Where it came
 * to nothing, the next ones are left to their end: one, two, four … until one
 * succeeds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "worker/task_run.h"

/* Doublings of how many are left to their end. */
#define MOST_DOUBLINGS 6

/*
 * Kept from one run of this process to the next: an error may have ended the
 * one before.
 */
static int	in_vain = 0;
static int	to_leave = 0;

static bool
is_plain(const SourceRelation *rel, SourcePos pos)
{
	return !rel->resync && rel->resync_step == RESYNC_NONE &&
		rel->shape == NULL && rel->applied == OPERATION_ALL &&
		rel->snap_set == NULL && rel->snap_elsewhere == NULL &&
		source_pos_cmp(rel->snap_hi, pos) <= 0 &&
		(rel->generation <= 1 || source_pos_cmp(rel->def_from, pos) <= 0);
}

static bool
has_committed(TaskRun *run, uint32 xid)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig transaction asked of",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	bool		result = run->source->has_committed(run->conn, xid);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return result;
}

bool
early_may_begin(TaskRun *run, SourcePos pos, uint32 xid)
{
	if (!run->task->consistent || run->replay_until != NULL ||
		run->copying_parallel || run->copied_parallel)
		return false;
	for (int i = 0; i < run->nrels; i++)
		if (!is_plain(run->rels[i], pos))
			return false;
	if (!has_committed(run, xid))
		return false;
	if (to_leave > 0)
	{
		to_leave--;
		return false;
	}
	return true;
}

void
early_ended(bool done)
{
	in_vain = done ? 0 : Min(in_vain + 1, MOST_DOUBLINGS);
	to_leave = done ? 0 : 1 << (in_vain - 1);
}

bool
early_may_fail(const ErrorData *edata)
{
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case MAKE_SQLSTATE('0', '8', '0', '0', '0'):	/* connection */
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):	/* resources */
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):	/* intervention */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):	/* system */
		case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):	/* internal */
			return false;
		default:
			return true;
	}
}
