/*-------------------------------------------------------------------------
 *
 * my_stream.h
 *	  Changes of a MySQL-family source, from its binlog: the part of
 *	  SourceRoutine that deals with changes.
 *
 * The order of changes is: BEGIN, any number of row changes and TRUNCATEs,
 * COMMIT; a DDL or a HEARTBEAT stands alone. ROLLBACK instead of COMMIT says
 * that what came since BEGIN is void: see CHANGE_ROLLBACK in change.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_STREAM_H
#define DTSMIG_MY_STREAM_H

#include "postgres.h"

#include "source/mysql/my_position.h"
#include "source/source.h"

extern SourceStream *my_open_changes(const ConnectionInfo *info,
									 const char *position,
									 const StreamCallbacks *callbacks,
									 TypePolicy *policy);
extern Change *my_next_change(SourceStream *stream, MemoryContext rowcxt,
							  long timeout_ms);
extern bool my_stream_is_in(SourceStream *stream, const char *position);
extern char *my_stream_position(SourceStream *stream);
extern void my_confirm(SourceStream *stream, const char *position);
extern void my_close_changes(SourceStream *stream);

#endif							/* DTSMIG_MY_STREAM_H */
