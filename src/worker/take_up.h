/*-------------------------------------------------------------------------
 *
 * take_up.h
 *	  A task follows changes from a new position on, without a load: the way back
 *	  of one that is being cut over (see dtsmig.reverse_task), at each turn.
 *
 *	  take_up_prepare	before the other is looked at: precheck, publication, slot
 *	     |  the other's source is fenced, drained and verified
 *	  take_up_mark		where its log ends now: nothing is written any more by the other,
 *	     |				and nothing yet by the application
 *	  take_up_store		in the transaction that ends the other
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_WORKER_TAKE_UP_H
#define DTSMIG_WORKER_TAKE_UP_H

#include "postgres.h"

#include "core/options.h"
#include "source/source.h"
#include "store/task.h"
#include "transform/select.h"

typedef struct TakeUp
{
	TaskRecord	task;			/* as one that follows changes alone */
	TaskOptions *options;
	Selection  *selection;
	ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;
	List	   *tables;			/* TableDef *, with their names at the destination */
	List	   *items;			/* PrecheckItem * */
	char	   *position;
	char	   *known;			/* tables of their schemas, text of an array; NULL */
} TakeUp;

/*
 * As the task's owner; attaches the task's destination, and leaves it. Raises
 * 55000 with the items of the precheck that failed. No transaction id may have
 * been given yet: a slot waits for all who have one.
 */
extern TakeUp *take_up_prepare(const TaskRecord *task);
extern void take_up_mark(TakeUp *t);
extern void take_up_store(TakeUp *t);
/* What was made at the source is removed, as far as can be; raises no error. */
extern void take_up_give_up(TakeUp *t);
/*
 * What the task in the other direction has at its source, while this one runs: it
 * was ended, or was about to be taken up by a cutover that has not come to its end.
 */
extern void take_up_clear(const TaskRecord *task);

/*
 * Why the application could not go back, while the task runs that has a way back,
 * or is one; NULL: it could. In a transaction; conn leads to the source of the task.
 */
extern char *take_up_no_return(const TaskRecord *task, const SourceRoutine *source,
							   SourceConn *conn);

#endif							/* DTSMIG_WORKER_TAKE_UP_H */
