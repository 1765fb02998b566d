/*-------------------------------------------------------------------------
 *
 * pg_stream_spool.c
 *	  Transactions in progress, kept in temporary files until they commit.
 *
 * A file holds the messages of one top transaction in the order in which they
 * came, each behind its length. Where the first message of a subtransaction
 * stands is remembered: as subtransactions nest, all that follows it belongs
 * to it or to parts of it while it is open, so that its abort cuts the file
 * in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_stream_impl.h"

#include "access/transam.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

/* A buffer that a large message made larger than this is given back. */
#define BUFFER_KEEP (1024 * 1024)
#define BUFFER_MIN 8192

/* Subtransactions that are known to be in the list. */
#define RECENT 16

typedef struct SpoolPart
{
	uint64		offset;
	TransactionId subxid;
} SpoolPart;

struct PgSpool
{
	TransactionId xid;			/* hash key */
	BufFile    *file;
	XLogRecPtr	first_lsn;		/* where its first message stands */
	uint64		end;			/* bytes in the file that count */
	uint64		at;				/* while it is read */
	SpoolPart  *parts;			/* by offset */
	int			nparts;
	int			maxparts;
	TransactionId highest;		/* of the subxids ever in parts */
	TransactionId recent[RECENT];
	int			nrecent;
};

/* Files outlive transactions, so they have to be closed by hand. */
static void
close_files(void *arg)
{
	SourceStream *stream = arg;
	HASH_SEQ_STATUS seq;
	PgSpool    *spool;

	hash_seq_init(&seq, stream->spools);
	while ((spool = hash_seq_search(&seq)) != NULL)
		BufFileClose(spool->file);
	hash_destroy(stream->spools);
}

void
spool_init(SourceStream *stream)
{
	MemoryContextCallback *callback;
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(TransactionId);
	ctl.entrysize = sizeof(PgSpool);
	/* not a child of cxt: it must exist when the callback runs */
	stream->spools = hash_create("dtsmig transactions in progress", 16, &ctl,
								 HASH_ELEM | HASH_BLOBS);
	callback = MemoryContextAllocZero(stream->cxt, sizeof(MemoryContextCallback));
	callback->func = close_files;
	callback->arg = stream;
	MemoryContextRegisterResetCallback(stream->cxt, callback);
}

static PgSpool *
find_spool(SourceStream *stream, TransactionId xid, bool create)
{
	bool		found;
	PgSpool    *spool = hash_search(stream->spools, &xid,
									create ? HASH_ENTER : HASH_FIND, &found);

	if (!found && create)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->cxt);

		memset((char *) spool + sizeof(xid), 0, sizeof(PgSpool) - sizeof(xid));
		spool->file = NULL;
		spool->first_lsn = stream->msg_lsn;
		PG_TRY();
		{
			spool->file = BufFileCreateTemp(true);
		}
		PG_CATCH();
		{
			hash_search(stream->spools, &xid, HASH_REMOVE, NULL);
			PG_RE_THROW();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(old);
	}
	return spool;
}

static void
seek(PgSpool *spool, uint64 offset)
{
	if (BufFileSeek(spool->file, 0, (off_t) offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not seek in a temporary file of transaction %u",
						spool->xid)));
}

/* Where does the part begin? -1: it has none. */
static int
find_part(const PgSpool *spool, TransactionId subxid)
{
	for (int i = spool->nparts - 1; i >= 0; i--)
		if (spool->parts[i].subxid == subxid)
			return i;
	return -1;
}

/*
 * Notes where a subtransaction begins. Their numbers mostly grow; one that is
 * smaller may be known, or be an outer one that writes only now.
 */
static void
note_part(SourceStream *stream, PgSpool *spool, TransactionId subxid)
{
	SpoolPart  *part;

	for (int i = 0; i < RECENT; i++)
		if (spool->recent[i] == subxid)
			return;
	spool->recent[spool->nrecent++ % RECENT] = subxid;
	if (spool->nparts > 0 && (int32) (subxid - spool->highest) <= 0 &&
		find_part(spool, subxid) >= 0)
		return;
	if (spool->nparts == 0 || (int32) (subxid - spool->highest) > 0)
		spool->highest = subxid;
	if (spool->nparts == spool->maxparts)
	{
		spool->maxparts = Max(64, spool->maxparts * 2);
		spool->parts = spool->parts ?
			repalloc_huge(spool->parts, sizeof(SpoolPart) * spool->maxparts) :
			MemoryContextAllocHuge(stream->cxt, sizeof(SpoolPart) * spool->maxparts);
	}
	part = &spool->parts[spool->nparts++];
	part->subxid = subxid;
	part->offset = spool->end;
}

void
spool_write(SourceStream *stream, TransactionId xid, TransactionId subxid,
			const char *data, Size len)
{
	PgSpool    *spool = find_spool(stream, xid, true);
	uint32		size = (uint32) len;

	if (TransactionIdIsValid(subxid) && subxid != xid)
		note_part(stream, spool, subxid);
	BufFileWrite(spool->file, &size, sizeof(size));
	BufFileWrite(spool->file, (char *) data, len);
	spool->end += sizeof(size) + len;
}

void
spool_abort(SourceStream *stream, TransactionId xid, TransactionId subxid)
{
	PgSpool    *spool = find_spool(stream, xid, false);
	int			part;

	if (spool == NULL)
		return;
	if (subxid == xid)
	{
		spool_drop(stream, spool);
		return;
	}
	part = find_part(spool, subxid);
	if (part < 0)
		return;					/* it reported nothing, or went with another */
	spool->end = spool->parts[part].offset;
	spool->nparts = part;
	memset(spool->recent, 0, sizeof(spool->recent));
	seek(spool, spool->end);
}

PgSpool *
spool_open(SourceStream *stream, TransactionId xid, XLogRecPtr *first_lsn)
{
	PgSpool    *spool = find_spool(stream, xid, false);

	if (spool != NULL)
	{
		spool->at = 0;
		*first_lsn = spool->first_lsn;
		seek(spool, 0);
	}
	return spool;
}

static void
read_file(PgSpool *spool, void *to, Size len)
{
	if (spool->at + len > spool->end ||
		BufFileRead(spool->file, to, len) != len)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("temporary file of transaction %u is cut off", spool->xid)));
	spool->at += len;
}

bool
spool_read(SourceStream *stream, PgSpool *spool, Size *len)
{
	uint32		size;

	if (spool->at >= spool->end)
		return false;
	read_file(spool, &size, sizeof(size));
	if (size >= stream->replay_size || stream->replay_size > BUFFER_KEEP)
	{
		Size		want = Max(BUFFER_MIN, (Size) size + 1);

		if (want > stream->replay_size || want <= BUFFER_KEEP)
		{
			if (stream->replay_buf)
				pfree(stream->replay_buf);
			stream->replay_buf = NULL;
			stream->replay_size = want;
			stream->replay_buf = MemoryContextAllocHuge(stream->cxt, want);
		}
	}
	read_file(spool, stream->replay_buf, size);
	*len = size;
	return true;
}

void
spool_drop(SourceStream *stream, PgSpool *spool)
{
	BufFileClose(spool->file);
	if (spool->parts)
		pfree(spool->parts);
	hash_search(stream->spools, &spool->xid, HASH_REMOVE, NULL);
}
