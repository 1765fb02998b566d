/*-------------------------------------------------------------------------
 *
 * run_apart.c
 *	  Definitions at a destination that commits each by itself, between the rows
 *	  of the transaction of the source that they are in.
 *
 *	  rows before it, and the place in the transaction: COMMIT
 *	  ledger: begun (ddl:place), COMMIT --> the statement --> ledger: done,
 *		the catalog's new definitions, the place behind it: COMMIT
 *
 * Who finds a statement begun or done at the place where the log is to be read
 * from cannot bind tables yet: they may have the definitions that it makes. It is
 * the first that comes; it is run again, if it is not known to be done, and then
 * tables are bound.
 *
 * What says that rows are rewritten comes before its statement, and is not in the
 * catalog: the place is the one before both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_follow.h"

#include "access/xact.h"

char *
apart_key(const TaskRun *run, int n)
{
	return n == 0 ? psprintf("ddl:%s", run->apart) : psprintf("ddl:%s#%d", run->apart, n);
}

void
apart_look(TaskRun *run, const char *position)
{
	MemoryContext old = CurrentMemoryContext;

	run->apart = NULL;
	run->apart_keys = 0;
	run->apart_pending = false;
	if (run->dest->begun == NULL || run->behind)
		return;
	StartTransactionCommand();
	run->apart_pending = run->dest->begun(psprintf("ddl:%s", position));
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	if (!run->apart_pending)
		return;
	run->behind = true;
	run->ledger_end = run->source->parse_position(position);
}

void
apart_begin(Follow *f, const Change *change)
{
	TaskRun    *run = f->run;

	/* it is read again when it has committed */
	if (f->early)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a statement of a transaction in progress cannot be committed at the destination")));
	if (run->apart != NULL &&
		run->source->parse_position(run->apart).segment == change->pos.segment)
		return;
	run->apart = MemoryContextStrdup(run->cxt, change->ddl_before);
	if (!run->behind)
		follow_commit_at(f, MemoryContextStrdup(run->cxt, run->apart));
}

bool
apart_end(Follow *f)
{
	TaskRun    *run = f->run;
	bool		pending = run->apart_pending;

	/* its statement is to come */
	if (run->rewritten != NIL)
		return false;
	for (int i = 0; i < run->apart_keys; i++)
		run->dest->unclaim(apart_key(run, i));
	if (pending)
		run->behind = run->apart_pending = false;
	f->new_changes++;
	follow_commit_at(f, MemoryContextStrdup(run->cxt,
											run->source->stream_position(f->stream)));
	pfree(run->apart);
	run->apart = NULL;
	run->apart_keys = 0;
	return pending;
}
