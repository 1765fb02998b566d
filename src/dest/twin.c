/*-------------------------------------------------------------------------
 *
 * twin.c
 *	  The transaction at a destination elsewhere follows that of this process, as
 *	  of a foreign table does:
 *
 *	  this process				destination
 *	  first use					BEGIN, a SAVEPOINT for each subtransaction
 *	  subtransaction ends		RELEASE; or ROLLBACK TO, before what comes next
 *	  before the commit			COMMIT
 *	  abort						ROLLBACK, before what comes next
 *
 * So what was done at the destination is committed, or perhaps is, when this
 * process ends between the two commits; the ledger has it. Nothing is sent
 * while a transaction of this process is being aborted: a connection on which
 * something is still under way then is closed by whoever wants to use it next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "dest/twin.h"

static const TwinRoutine *twin = NULL;	/* NULL: nothing is attached */
static bool one_call = false;
static int	level = 0;			/* nesting of the destination's transaction; 0:
								 * there is none */
static int	back_to = 0;		/* its savepoint to roll back to; 0: none */
static bool void_transaction = false;	/* it is to be rolled back */
static bool registered = false;

static void
reset(void)
{
	if (twin->reset)
		twin->reset();
}

/*
 * The savepoints that were given up in this process are given up at the
 * destination.
 */
static void
settle_savepoints(void)
{
	int			savepoint = back_to;

	if (savepoint == 0)
		return;
	twin->run(psprintf("ROLLBACK TO SAVEPOINT s%d", savepoint));
	twin->run(psprintf("RELEASE SAVEPOINT s%d", savepoint));
	back_to = 0;
	reset();
}

static void
commit_destination(void)
{
	if (level == 0)
		return;
	settle_savepoints();
	if (twin->before_commit)
		twin->before_commit();
	twin->run("COMMIT");
	level = 0;
	reset();
	twin->ended(true);
}

static void
transaction_event(XactEvent event, void *arg)
{
	if (twin == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			commit_destination();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (level > 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that has written to server \"%s\"",
								twin->server())));
			break;
		case XACT_EVENT_ABORT:
			if (level > 0)
				void_transaction = true;
			level = back_to = 0;
			twin->ended(false);
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
			if (one_call)
				twin->detach();
			break;
		default:
			break;
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid,
					 SubTransactionId parent, void *arg)
{
	int			nest = GetCurrentTransactionNestLevel();

	if (twin == NULL || level < nest)
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
	{
		settle_savepoints();
		twin->run(psprintf("RELEASE SAVEPOINT s%d", nest));
		level = nest - 1;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		back_to = nest;
		level = nest - 1;
	}
}

void
twin_attach(const TwinRoutine *routine, bool for_one_call)
{
	/* the last to be registered is the first to be called: see source_end.c */
	if (registered)
		UnregisterXactCallback(transaction_event, NULL);
	else
		RegisterSubXactCallback(subtransaction_event, NULL);
	RegisterXactCallback(transaction_event, NULL);
	registered = true;
	twin = routine;
	one_call = for_one_call;
	level = back_to = 0;
	void_transaction = false;
}

void
twin_detach(void)
{
	twin = NULL;
	level = back_to = 0;
	void_transaction = false;
}

void
twin_begin(void)
{
	int			nest = GetCurrentTransactionNestLevel();

	if (void_transaction)
	{
		twin->run("ROLLBACK");
		void_transaction = false;
		reset();
	}
	settle_savepoints();
	if (level == 0)
	{
		twin->run("BEGIN");
		level = 1;
	}
	for (; level < nest; level++)
		twin->run(psprintf("SAVEPOINT s%d", level + 1));
}

bool
twin_is_open(void)
{
	return level > 0;
}

bool
twin_is_lost(void)
{
	bool		lost = level > 0;

	level = back_to = 0;
	void_transaction = false;
	return lost;
}

void
twin_has_committed(void)
{
	level = back_to = 0;
	void_transaction = false;
	reset();
}
