/*-------------------------------------------------------------------------
 *
 * my_stream_void.c
 *	  Places of the binlog that are known to be void.
 *
 * That a transaction never ends, or ends with ROLLBACK, is only seen when its
 * rows have been told. The consumer then forgets what it has not committed and
 * opens the stream again where it had committed last. What this process has
 * seen to be void is kept here, and passed over the second time.
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

void
void_add(const SourceStream *stream, uint64 from, uint64 to)
{
	const char *server = stream->info.server_name;
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
			strcmp(range->server, stream->info.server_name) == 0)
			return true;
	return false;
}
