/*-------------------------------------------------------------------------
 *
 * my_stream_void.c
 *	  Places of the binlog that are known to be void, and errors for good.
 *
 * That a transaction never ends, or ends with ROLLBACK, is only seen when its
 * rows have been reported. The consumer then forgets what it has not committed and
 * opens the stream again where it had committed last. What this process has
 * seen to be void is kept in it, and skipped the second time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_stream_impl.h"

#include "utils/memutils.h"

/* Rows events that begin at from or later and before to, of one file. */
typedef struct VoidRange
{
	struct VoidRange *next;
	uint64		from;
	uint64		to;
	char		file[MY_FILE_SIZE];
	char		server[FLEXIBLE_ARRAY_MEMBER];
} VoidRange;

/* Lives as long as the process; such places are rare. */
static VoidRange *ranges = NULL;

/*
 * Which server's files these are: another one that the task fails over to has
 * files of the same names, with other events at the same places.
 */
static const char *
server_of(const SourceStream *stream)
{
	return stream->info.server_uid ? stream->info.server_uid :
		stream->info.server_name;
}

void
void_add(const SourceStream *stream, uint64 from, uint64 to)
{
	const char *server = server_of(stream);
	VoidRange  *range = MemoryContextAlloc(TopMemoryContext,
										   offsetof(VoidRange, server) +
										   strlen(server) + 1);

	range->from = from;
	range->to = to;
	strlcpy(range->file, stream->reader->file, MY_FILE_SIZE);
	strcpy(range->server, server);
	range->next = ranges;
	ranges = range;
}

bool
void_contains(const SourceStream *stream, uint64 offset)
{
	const VoidRange *range;

	for (range = ranges; range != NULL; range = range->next)
		if (offset >= range->from && offset < range->to &&
			strcmp(range->file, stream->reader->file) == 0 &&
			strcmp(range->server, server_of(stream)) == 0)
			return true;
	return false;
}

/*
 * What came between the offset from and the end of the current event is void.
 */
void
stream_void(SourceStream *stream, uint64 from)
{
	if (stream->rows_sent == 0)
	{
		stream_commit(stream);
		return;
	}
	void_add(stream, from, stream->reader->offset);
	stream_queue(stream, CHANGE_ROLLBACK);
	stream->voided = true;
	stream->state = STREAM_IDLE;
	stream->has_gtid = false;
}

/* The consumer has to open the stream again; nothing is void. */
void
stream_again(SourceStream *stream)
{
	stream_queue(stream, CHANGE_ROLLBACK);
	stream->table = NULL;
	stream->voided = true;
	stream->state = STREAM_IDLE;
	stream->has_gtid = false;
}

/* A stream opened again skips what is void. */
void
stream_reopen(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRANSACTION_ROLLBACK),
			 errmsg("a transaction was rolled back at the source after its rows had been read"),
			 errdetail("The stream must be opened again at the position that was committed last.")));
}

/*
 * An error about to be raised is for good: what came before it is to be
 * applied nevertheless. Unless the consumer is inside of a transaction, it
 * gets a HEARTBEAT to commit at, and the event is handled again on the next
 * call. Returns false where the error is due.
 */
bool
stream_settle(SourceStream *stream)
{
	Change	   *change;

	if (stream->settling ||
		(stream->state == STREAM_IN_TRANSACTION && stream->begin_sent))
		return false;
	stream->settling = true;
	change = stream_queue(stream, CHANGE_HEARTBEAT);
	change->pos.segment = my_file_segment(stream->done.file);
	change->pos.offset = stream->done.offset;
	return true;
}
