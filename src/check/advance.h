/*-------------------------------------------------------------------------
 *
 * advance.h
 *	  Sequences at the destination when a task ends: after the rows that came,
 *	  after what the source has given, and a margin on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ADVANCE_H
#define DTSMIG_ADVANCE_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/task.h"
#include "check/verify.h"

/*
 * Sequences that give values to columns of the task's tables (of identity
 * columns, owned by a column or in its default) go on after the last value
 * there. Never back; one that ends there is left at its end, with a warning.
 * Called as the task's owner, once no worker runs.
 */
extern void advance_past_rows(const TaskRecord *task, const DestRoutine *dest);
/* What lets the task set them, for a hint. */
extern char *advance_grant(const TaskRecord *task, const DestRoutine *dest,
						   const char *sequences);

/*
 * All sequences go on where the source's would, which v is connected to, and
 * so many values later.
 */
extern void advance_past_source(Verify *v, int64 margin);

/*
 * Sequences that those two would set and the task's owner may not: names, with
 * a comma between them; NULL: there are none.
 */
extern char *advance_denied(Verify *v);
/* The same of one table and a role, as a List of char *. */
extern List *advance_denied_of(Oid relid, Oid role);

#endif							/* DTSMIG_ADVANCE_H */
