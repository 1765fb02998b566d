/*-------------------------------------------------------------------------
 *
 * origin.c
 *	  Marks what a task writes as replicated, by a replication origin: whoever
 *	  decodes this database's log can leave it out, so that changes do not go
 *	  in a circle.
 *
 * A session that applies changes holds its origin's state, of which there are
 * as many as max_replication_slots (max_active_replication_origins since 18)
 * says; all its records and commits have the origin. A process that copies
 * rows marks its records alone: the state is one session's, and its position
 * means nothing for a copy. The rows are then left out by what PostgreSQL 16
 * and later filter with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "dest/local/local.h"

#include "access/xact.h"
#include "replication/origin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static RepOriginId copy_origin = InvalidRepOriginId;

/* The end of a subtransaction (of a trigger's) counts as well. */
static void
subtransaction_starts(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_START_SUB)
		replorigin_session_origin = InvalidRepOriginId;
}

void
local_mark_copy(const char *name)
{
	if (copy_origin == InvalidRepOriginId)
		RegisterSubXactCallback(subtransaction_starts, NULL);
	copy_origin = replorigin_by_name(name, true);
}

/*
 * Between these two, rows of a copy are written. No transaction must end in
 * between, as that would move on a state that this session does not hold.
 */
bool
local_copy_begin(void)
{
	if (copy_origin == InvalidRepOriginId ||
		replorigin_session_origin != InvalidRepOriginId)
		return false;
	replorigin_session_origin = copy_origin;
	return true;
}

void
local_copy_end(int code, Datum arg)
{
	replorigin_session_origin = InvalidRepOriginId;
}

/* A transaction is open; it is the first thing that it does. */
char *
local_mark_changes(const char *name)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile why = NULL;

	if (replorigin_session_origin != InvalidRepOriginId)
		return NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		RepOriginId origin = replorigin_by_name(name, true);

		if (origin == InvalidRepOriginId)
			origin = replorigin_create(name);
		dts_replorigin_session_setup(origin);
		ReleaseCurrentSubTransaction();
		replorigin_session_origin = origin;
		replorigin_session_origin_lsn = InvalidXLogRecPtr;
		replorigin_session_origin_timestamp = 0;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (edata->sqlerrcode != ERRCODE_CONFIGURATION_LIMIT_EXCEEDED &&
			edata->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
			ReThrowError(edata);
		why = edata->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return why;
}

void
local_forget_mark(const char *name)
{
	replorigin_drop_by_name(name, true, false);
}
