/*-------------------------------------------------------------------------
 *
 * run_follow.h
 *	  What the files of steps catchup and changes share: run_changes.c, which
 *	  follows the source's log, and run_commit.c, which commits what was
 *	  gathered together with where that ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RUN_FOLLOW_H
#define DTSMIG_RUN_FOLLOW_H

#include "postgres.h"
#include "utils/hsearch.h"

#include "worker/task_run.h"

typedef struct Follow
{
	TaskRun    *run;
	SourceStream *stream;
	DestWriter *writer;
	HTAB	   *tables;			/* relations by name */
	char	   *position;		/* applied when the writer commits next */
	TimestampTz commit_time;	/* the source's, of the last transaction */
	TimestampTz begin_time;		/* of the transaction at hand */
	bool		in_transaction; /* between BEGIN and COMMIT of the source */
	bool		early;			/* the one at hand, or the next, is reported while it is
								 * decoded */
	bool		reported;			/* a COMMIT or HEARTBEAT by this stream */
	bool		boundary;		/* what is applied ends between two transactions
								 * of the source, and not in one */
	bool		in_sync;		/* the log has been read again up to where the
								 * task was */
	bool		for_good;		/* the task has come to its last step */
	SourcePos	transaction_start;
	bool		replicated;		/* this source transaction holds DDL that is done,
								 * but not committed */
	bool		reopen;			/* and has tables copied again after it */
	bool		ledger_first;	/* a table is copied again when the catalog has
								 * come to the ledger */
	bool		marked;			/* a commit has marked tables to be copied again */
	int64		new_changes;	/* since the last commit of the task */
	int64		new_transactions;
	int64		changes;		/* ever */
	uint64		owed_rows;		/* not paid for to the throttle */
	uint64		owed_bytes;
	SkippedChanges	skipped;
	List	   *by_gtids;		/* SourceRelation *: see run_places.c */
	uint64		placed;			/* transactions that were looked at for them */
	List	   *alerts;			/* raised in the transaction that is open: the
								 * user's function hears of them when it commits */
	double		latency;		/* seconds; < 0: unknown */
	TimestampTz batch_started;
	TimestampTz last_stored;
	bool		unstored;		/* the idle stream's position is not in the catalog */
	char	   *idle;			/* that position, to be shown; or NULL */
	TimestampTz last_distance;
	TimestampTz last_checked;
	TimestampTz last_sequences;
	TimestampTz last_asked;
	TimestampTz rate_time;
	int64		rate_changes;
} Follow;

/* run_commit.c */

/* Commits what has been gathered, which reaches to position (is taken over). */
extern void follow_commit_at(Follow *f, char *position);
/* The same; the stream is between two transactions. */
extern void follow_commit(Follow *f);
/*
 * Has it been gathered for delay milliseconds, or enough of it? Called between
 * two source transactions. The transaction of a copy that is made in parallel keeps
 * each version of the catalog's rows from being cleaned up: there are to be fewer
 * then.
 */
extern bool follow_batch_is_due(Follow *f, int64 delay);
/* How long the next change may let wait what is taken, in milliseconds. */
extern long follow_gather_ms(Follow *f);
/* PositionWriter: in the transaction that writes the rows. */
extern void follow_write_position(void *arg);
/* What skip_change is to skip; an error about it follows. In no transaction. */
extern void follow_note_refused(Follow *f, const char *where, const char *what);
/* SkipTest: is something of the log to be skipped, as the user said? */
extern bool follow_skips(void *arg, const char *where, const char *what);
/* Messages say where the log is; until error_context_stack is put back. */
extern void follow_push_context(Follow *f, ErrorContextCallback *context);
/*
 * The source is idle at position: nothing before it waits to be applied, which is
 * shown, and not stored. NULL: it is not any more.
 */
extern void follow_show_idle(Follow *f, char *position);
/* What the views show, now and then. */
extern void follow_publish(Follow *f);
/* How far behind, asked of the source itself every few seconds. */
extern void follow_ask_distance(Follow *f);
/* Where this task goes on; NULL if it has not applied anything yet. */
extern char *follow_applied_position(Follow *f);

/* run_places.c ---------------------------------------------------------- */

extern void follow_list_copies(Follow *f);
extern void follow_place_copies(Follow *f);

/* run_ledger.c ---------------------------------------------------------- */

/* Is the ledger ahead of the catalog? Between transactions. */
extern bool follow_ledger_leads(TaskRun *run);
/* From where the log is followed; NULL: there is none. Sets run->behind. */
extern char *follow_begin_position(Follow *f);
/*
 * While the catalog is behind: is it, still, at this change? Tables are bound
 * once it is not: at the destination they have the definitions of the ledger's
 * end.
 */
extern bool follow_ledger(Follow *f, const Change *change);

/* run_apart.c ----------------------------------------------------------- */

/* Has a statement been begun at the place where the log is read from? */
extern void apart_look(TaskRun *run, const char *position);
/* What came before a statement is committed; it has its place. */
extern void apart_begin(Follow *f, const Change *change);
/* The statement is done, and committed; true: all tables are to be bound. */
extern bool apart_end(Follow *f);

#endif							/* DTSMIG_RUN_FOLLOW_H */
