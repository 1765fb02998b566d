/*-------------------------------------------------------------------------
 *
 * position.h
 *	  How far a task has applied the source's log: its row of
 *	  dtsmig.task_position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_POSITION_H
#define DTSMIG_STORE_POSITION_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef struct StorePosition
{
	char	   *applied;
	char	   *replay_until;	/* the log is read again up to that position; NULL: it is
								 * not */
	int64		changes;
} StorePosition;

/* NULL: nothing has been applied yet. */
extern StorePosition *store_position_load(int64 task_id);

/*
 * A batch is applied up to this position; in the transaction of its rows. The
 * statement's plan is kept.
 */
extern void store_position_advance(int64 task_id, const char *position,
								   TimestampTz commit_time, int64 changes,
								   int64 transactions);
/* The same place, as another server of the source calls it. */
extern void store_position_rename(int64 task_id, const char *position);

/* Goes back to a position: the log is read again up to until. */
extern void store_position_go_back(int64 task_id, const char *position,
								   const char *until);
/* It has been read again. */
extern void store_position_end_replay(int64 task_id);
/* It need not be: where it was to be read up to is applied. */
extern void store_position_skip_replay(int64 task_id);

#endif							/* DTSMIG_STORE_POSITION_H */
