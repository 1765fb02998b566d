/*-------------------------------------------------------------------------
 *
 * twin.h
 *	  The transaction at a destination elsewhere, which follows that of this
 *	  process. One engine is attached at a time, and has one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_TWIN_H
#define DTSMIG_DEST_TWIN_H

#include "postgres.h"

typedef struct TwinRoutine
{
	/* Runs BEGIN, COMMIT, ROLLBACK or a statement about a savepoint. */
	void		(*run) (const char *sql);
	/* The name of the server, for messages. */
	const char *(*server) (void);
	/* Raises an error where COMMIT would end as a rollback; NULL: it never does. */
	void		(*before_commit) (void);
	/* What was set for the transaction is as it was before; NULL: nothing is. */
	void		(*reset) (void);
	/*
	 * The transaction of this process has ended, that of the destination
	 * committed or not.
	 */
	void		(*ended) (bool committed);
	void		(*detach) (void);
} TwinRoutine;

/*
 * one_call: routine->detach is called at the end of the transaction of this
 * process.
 */
extern void twin_attach(const TwinRoutine *routine, bool one_call);
extern void twin_detach(void);

/*
 * The destination's transaction is begun, and as deep as that of this process.
 */
extern void twin_begin(void);
/* Has something been done at the destination in this transaction? */
extern bool twin_is_open(void);
/*
 * The connection is gone, and what was not committed with it. Was there
 * anything of this transaction?
 */
extern bool twin_is_lost(void);
/* A statement at the destination has committed what was done before it. */
extern void twin_has_committed(void);

#endif							/* DTSMIG_DEST_TWIN_H */
