/*-------------------------------------------------------------------------
 *
 * run_sequences.c
 *	  Sequences at the destination are kept at or past the source's, where the
 *	  source's log does not have them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "tables/sequences.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

void
task_advance_sequences(TaskRun *run)
{
	MemoryContext cxt;

	if (run->source->sequences == NULL)
		return;
	cxt = AllocSetContextCreate(run->cxt, "dtsmig sequences", ALLOCSET_DEFAULT_SIZES);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	(void) advance_sequences(run->source, run->conn, run->selection,
							 run->options, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	MemoryContextDelete(cxt);
}
