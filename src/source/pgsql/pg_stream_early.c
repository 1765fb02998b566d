/*-------------------------------------------------------------------------
 *
 * pg_stream_early.c
 *	  A large transaction reported while the source decodes it.
 *
 * Such a transaction comes in parts. Its messages are kept in a file until the
 * source has come to its end in the log (pg_stream_spool.c). Where the consumer
 * wants it, because the transaction is known to have committed, they are reported
 * at once as well, so that the destination applies what the source decodes, at
 * the same time. What is reported is void, and the file is reported at the end, when
 *
 *	  another transaction commits before it,
 *	  a part of it rolls back,
 *	  it holds what has to be looked at from its end (DDL, TRUNCATE).
 *
 * One at a time: others that are in progress are kept as ever.
 *
 *	  STREAM START, first --early_start--> reported row by row
 *	      STREAM COMMIT: early_commit, COMMIT      else: early_void, VOID
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_stream_impl.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * All that is reported in parts commits after all that was reported as committed: the
 * stream is in the order of the log. But for the transaction that ends where
 * the stream begins: what it left to be forgotten by its commit record may make
 * the source report it once more, without an end. So one has to begin in this
 * case, too; STREAM START stands at its first record.
 */
void
early_start(SourceStream *stream, TransactionId xid, bool first)
{
	if (!first || TransactionIdIsValid(stream->early) ||
		stream->msg_lsn < stream->start.segment ||
		stream->start.offset > 0 || stream->callbacks.early == NULL ||
		!stream->callbacks.early(stream->callbacks.arg, stream->position, xid))
		return;
	elog(DEBUG1, "transaction %u of the source is reported while it is decoded", xid);
	stream->early = xid;
	stream->begun = false;
	stream->first_lsn = stream->msg_lsn;
	stream->commit_lsn = stream->position.segment;
	stream->commit_time = 0;
	stream->nchanges = 0;
	stream->skip = 0;
}

static void
forget(SourceStream *stream)
{
	stream->early = InvalidTransactionId;
	if (stream->early_cxt != NULL)
		MemoryContextReset(stream->early_cxt);
	stream->early_relations = NIL;
	stream->begun = false;
	stream->waiting = false;
}

/*
 * Tables that only this transaction has described are not known any more: it
 * may have altered them. Returns VOID, or NULL if nothing of it was reported.
 */
Change *
early_void(SourceStream *stream)
{
	bool		begun = stream->begun;
	Change	   *change = &stream->change;
	ListCell   *lc;

	if (!TransactionIdIsValid(stream->early))
		return NULL;
	elog(DEBUG1, "transaction %u of the source will be reported at its end", stream->early);
	foreach(lc, stream->early_relations)
		stream_forget_relation(stream, lfirst_oid(lc));
	forget(stream);
	if (!begun)
		return NULL;
	memset(change, 0, sizeof(Change));
	change->kind = CHANGE_VOID;
	return change;
}

/*
 * A description of a table. One that was known from elsewhere has to be as it
 * was: what other transactions do is reported by that.
 */
static bool
take_relation(SourceStream *stream)
{
	Oid			relid = stream->msg->relid;
	MemoryContext old;

	if (list_member_oid(stream->early_relations, relid))
		return false;
	if (stream_knows_relation(stream, relid))
		return stream_is_relation(stream);
	if (stream->early_cxt == NULL)
		stream->early_cxt = AllocSetContextCreate(stream->cxt,
												  "dtsmig transaction reported early",
												  ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(stream->early_cxt);
	stream->early_relations = lappend_oid(stream->early_relations, relid);
	MemoryContextSwitchTo(old);
	stream_take_relation(stream);
	return true;
}

/* Reports the message at hand, which is kept already. */
Change *
early_report(SourceStream *stream, MemoryContext rowcxt)
{
	bool		fits = true;
	Change	   *change;

	CHECK_FOR_INTERRUPTS();
	switch (stream->msg->kind)
	{
		case PGOUTPUT_RELATION:
			fits = take_relation(stream);
			break;
		case PGOUTPUT_INSERT:
		case PGOUTPUT_UPDATE:
		case PGOUTPUT_DELETE:
			if (stream_is_capture(stream) || stream_is_stale(stream))
			{
				fits = false;
				break;
			}
			change = stream_report(stream, rowcxt);
			if (change != NULL && change->kind == CHANGE_BEGIN)
				change->in_progress = true;
			return change;
		case PGOUTPUT_TRUNCATE:
			fits = false;
			break;
		default:
			break;
	}
	return fits ? NULL : early_void(stream);
}

/*
 * STREAM COMMIT. False: it was not reported, or not as it should have been, and is
 * to be known now.
 */
bool
early_commit(SourceStream *stream)
{
	const PgOutputMessage *msg = stream->msg;
	PgSpool    *spool;

	if (msg->xid != stream->early || msg->lsn < stream->position.segment)
		return false;
	spool = spool_open(stream, msg->xid, &stream->first_lsn);
	if (spool != NULL)
		spool_drop(stream, spool);
	stream->early = InvalidTransactionId;
	stream->early_relations = NIL;
	if (stream->early_cxt != NULL)
		MemoryContextReset(stream->early_cxt);
	return true;
}
