/*-------------------------------------------------------------------------
 *
 * ledger_position.c
 *	  The position that a ledger elsewhere has, as a session knows it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/ledger_position.h"
#include "utils/memutils.h"

const char *
ledger_position_now(const LedgerPosition *p)
{
	return p->moved ? p->pending : p->committed;
}

void
ledger_position_move(LedgerPosition *p, MemoryContext cxt, const char *position)
{
	if (p->moved)
		pfree(p->pending);
	p->pending = MemoryContextStrdup(cxt, position);
	p->moved = true;
}

void
ledger_position_settle(LedgerPosition *p, bool committed)
{
	if (!p->moved)
		return;
	if (committed)
	{
		if (p->committed != NULL)
			pfree(p->committed);
		p->committed = p->pending;
	}
	else
		pfree(p->pending);
	p->pending = NULL;
	p->moved = false;
}

void
ledger_position_refuse(const char *server, const char *from)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("the ledger at server \"%s\" is not where this task has left it",
					server),
			 errdetail("Expected was position %s.", from ? from : "none"),
			 errhint("A worker from before was still at work, or another database has a task of the same identity, as a copy of this one has.")));
}
