/*-------------------------------------------------------------------------
 *
 * fdw_transaction.c
 *	  The transaction at the source of a local transaction that writes to its
 *	  tables.
 *
 *	  this session				source
 *	  first write				BEGIN, a SAVEPOINT for each subtransaction
 *	  subtransaction ends		RELEASE or ROLLBACK TO, before what comes next
 *	  before the commit			COMMIT
 *	  abort						the connection is closed
 *
 * Nothing is sent while a (sub)transaction is being aborted. Where something is
 * still under way then, or the source has ended its transaction by itself,
 * nothing more can be done in it but to roll back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_transaction.h"

#include "access/xact.h"
#include "source/write.h"

static void
check_open(const FdwConnection *c)
{
	if (c->source->write->is_open(c->conn))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("the transaction at server \"%s\" has ended before that of this session",
					c->info->server_name),
			 errdetail("A statement there was interrupted, or the server has rolled all of it back."),
			 errhint("ROLLBACK, and repeat the transaction.")));
}

static void
run(const FdwConnection *c, char *sql)
{
	c->source->write->run(c->conn, sql);
	pfree(sql);
}

/* Savepoints there are those of the subtransactions that have not ended. */
static void
settle(FdwConnection *c)
{
	int			undo = c->undo;

	check_open(c);
	if (undo > 0)
	{
		run(c, psprintf("ROLLBACK TO SAVEPOINT s%d", undo));
		c->savepoints = undo;
		c->undo = 0;
	}
	if (c->savepoints > c->level)
	{
		run(c, psprintf("RELEASE SAVEPOINT s%d", c->level + 1));
		c->savepoints = c->level;
	}
}

void
fdw_transaction_use(FdwConnection *c)
{
	settle(c);
	while (c->level < GetCurrentTransactionNestLevel())
	{
		run(c, psprintf("SAVEPOINT s%d", c->level + 1));
		c->savepoints = ++c->level;
	}
}

void
fdw_transaction_begin(FdwConnection *c)
{
	c->source->write->begin(c->conn);
	c->writing = c->in_transaction = true;
	c->level = c->savepoints = 1;
	c->undo = 0;
	fdw_transaction_use(c);
}

/* Whether it has committed is not known where the answer does not come. */
static void
commit(FdwConnection *c)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		c->source->write->commit(c->conn);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_CONNECTION_EXCEPTION)
		{
			FlushErrorState();
			ereport(ERROR,
					(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
					 errmsg("lost the connection to server \"%s\" while it committed",
							c->info->server_name),
					 errdetail("What was written there is committed, or is not."),
					 errhint("Look at the rows before the transaction is repeated.")));
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
fdw_transaction_commit(FdwConnection *c)
{
	settle(c);
	commit(c);
	c->writing = false;
}

void
fdw_transaction_subtransaction_ends(FdwConnection *c, int level, bool failed)
{
	if (c->level < level)
		return;
	c->level = level - 1;
	if (failed)
		c->undo = c->undo > 0 ? Min(c->undo, level) : level;
}
