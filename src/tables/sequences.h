/*-------------------------------------------------------------------------
 *
 * sequences.h
 *	  Sequences at the destination that go with those of the source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SEQUENCES_H
#define DTSMIG_SEQUENCES_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "core/options.h"
#include "source/source.h"
#include "transform/select.h"

/*
 * Moves sequences here up to where the source's are, never back, within the
 * caller's transaction. Returns the OIDs of those that are selected; denied
 * (may be NULL) receives those of them that the current role has no right to
 * read and set. Where the destination is elsewhere, returns their names (char *,
 * quoted) instead, and raises an error of one that may not be set.
 */
extern List *advance_sequences(const SourceRoutine *source, SourceConn *conn,
							   const Selection *selection,
							   const TaskOptions *options, List **denied);
/*
 * The same where the destination is of the MySQL family: AUTO_INCREMENT is past
 * the rows by itself, and is set past what the source's sequence has given out,
 * and so many values further. Returns tables (char *, quoted) whose column has less
 * than ten times as many left: they move on by a tenth of that.
 */
extern List *advance_counters(const SourceRoutine *source, SourceConn *conn,
							  const Selection *selection, const TaskOptions *options,
							  int64 margin);
/* Is there one here that goes with it, whatever rights on it the task has? */
extern bool sequence_is_here(const Selection *selection,
							 const TaskOptions *options,
							 const SourceSequence *s);

#endif							/* DTSMIG_SEQUENCES_H */
