/*-------------------------------------------------------------------------
 *
 * run_ledger.c
 *	  The catalog follows the ledger of a destination elsewhere.
 *
 * A process that ends between the commit at the destination and the one of this
 * database leaves the catalog behind. The log is read again from where that
 * stands: rows are skipped up to where the ledger ends, and statements change
 * definitions alone. The destination's tables have the definitions that these come
 * to, so nothing is bound before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_follow.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

/*
 * The catalog lags behind the destination's ledger: what comes is applied
 * already, up to where that ends.
 */
bool
follow_ledger(Follow *f, const Change *change)
{
	TaskRun    *run = f->run;

	if (run->apart_pending)
		return true;
	if (f->in_transaction ||
		(change->kind != CHANGE_BEGIN && change->kind != CHANGE_HEARTBEAT &&
		 change->kind != CHANGE_DDL))
		return true;
	if (change->kind == CHANGE_DDL ?
		source_pos_cmp(change->pos, run->ledger_end) <= 0 :
		source_pos_cmp(change->pos, run->ledger_end) < 0)
		return true;
	run->behind = false;
	return false;
}

/*
 * Definitions at the destination may be later than those of the catalog: a table
 * cannot be copied again before these have followed.
 */
bool
follow_ledger_leads(TaskRun *run)
{
	char	   *ledger = run->dest->position();
	char	   *applied;
	bool		leads;

	if (run->apart_pending)
		return true;
	if (!run->dest->elsewhere || ledger == NULL)
		return false;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	applied = task_applied(run);
	leads = applied != NULL &&
		source_pos_cmp(run->source->parse_position(applied),
					   run->source->parse_position(ledger)) < 0;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return leads;
}

/* A session that was lost is made again, and reads the ledger as it is now. */
static void
ask_ledger(TaskRun *run)
{
	StartTransactionCommand();
	(void) run->dest->value("SELECT 1");
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}

/* From where the log is followed; NULL: there is none. */
char *
follow_begin_position(Follow *f)
{
	TaskRun    *run = f->run;
	char	   *position = follow_applied_position(f);
	char	   *ledger;

	run->behind = false;
	if (run->dest->elsewhere)
		ask_ledger(run);
	ledger = run->dest->position();
	if (!run->dest->elsewhere || position == NULL)
		return position;
	if (ledger == NULL)
	{
		if (position != run->task->start_position)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the ledger at the destination knows nothing of this task"),
					 errdetail("Changes are applied up to %s, as the catalog has it.", position),
					 errhint("Was the destination restored from a backup, or this database copied? Begin the task again.")));
		apart_look(run, position);
		return position;
	}
	run->ledger_end = run->source->parse_position(ledger);
	/* a way back that is taken again: the ledger is where it ended before */
	if (position == run->task->start_position &&
		source_pos_cmp(run->source->parse_position(position), run->ledger_end) > 0)
		return position;
	run->behind = source_pos_cmp(run->source->parse_position(position), run->ledger_end) < 0;
	if (!run->behind && source_pos_cmp(run->source->parse_position(position), run->ledger_end) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the destination is behind what the catalog of the task has"),
				 errdetail("Its ledger ends at %s, the catalog's position is %s.", ledger, position),
				 errhint("Was the destination restored from a backup? Begin the task again.")));
	apart_look(run, position);
	return position;
}
