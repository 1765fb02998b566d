/*-------------------------------------------------------------------------
 *
 * fdw_stream.h
 *	  Rows of a table of the source as a scan asks for them.
 *
 * A stream is bounded in memory: a row at a time comes from the connection.
 * When another statement needs the connection, the rows that are left go into
 * a tuplestore (fdw_stream_park).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_STREAM_H
#define DTSMIG_FDW_STREAM_H

#include "postgres.h"

#include "foreign/fdw_connection.h"

typedef struct FdwStream FdwStream;

/*
 * A stream over the replicated columns of a relation that is prepared. It and the
 * relation live until fdw_stream_free, or the end of the transaction: cxt, a
 * child of c->xcxt, is all of that.
 */
extern FdwStream *fdw_stream_make(FdwConnection *c, MemoryContext cxt,
								  SourceRelation *rel);
extern void fdw_stream_free(FdwStream *stream);

/*
 * Asks for the rows that meet a condition in the source's SQL (NULL: all).
 * locks: it ends by a lock of them. many: there may be so many of them that what
 * is not read is not to be waited for either. sent: the source is not waited for.
 */
extern void fdw_stream_open(FdwStream *stream, const char *condition, bool locks, bool many,
							bool sent);
/* Those of a SELECT over tables (SourceRelation *). */
extern void fdw_stream_open_join(FdwStream *stream, List *tables, const char *sql, bool many);
/* Those that a statement has written (SourceWriteRoutine.write_rows). */
extern void fdw_stream_open_written(FdwStream *stream, StringInfo sql);
/*
 * The next row: of each replicated column, in their order, *values and *nulls,
 * good until the next call. False: there is none.
 */
extern bool fdw_stream_next(FdwStream *stream, Datum **values, bool **nulls);
extern void fdw_stream_close(FdwStream *stream);

/* The connection is wanted; stream may be NULL. */
extern void fdw_stream_park(FdwStream *stream);
extern void fdw_stream_subtransaction_ends(FdwStream *stream, int level,
										   bool failed);

#endif							/* DTSMIG_FDW_STREAM_H */
