/*-------------------------------------------------------------------------
 *
 * source_end.c
 *	  What a task made at its source is removed when the transaction that ends
 *	  the task commits, and not before: the source has no part in it.
 *
 *	  release_task, drop_task, cutover
 *	     |  source_end_at_commit: noted, with the depth of the transaction
 *	     |      |  ROLLBACK, ROLLBACK TO, an error: forgotten, the task goes on
 *	  COMMIT, when nothing here can refuse any more, and a destination elsewhere
 *	     |  has committed
 *	     |  removed at the source; what is left there is a warning
 *	  committed here
 *
 * A crash between the last two leaves a task whose slot is gone: it fails, and
 * says so. There is no way round it without prepared transactions at both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "api/api_task.h"

#include "access/xact.h"
#include "fdw/fdw_options.h"
#include "source/source.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* A task that ends; in TopTransactionContext. */
typedef struct SourceEnd
{
	TaskRecord	task;			/* id, name, owner */
	ConnectionInfo *info;
	const SourceRoutine *source;
	int			nestlevel;		/* of the transaction that ends it */
} SourceEnd;

static List *pending = NIL;		/* SourceEnd * */
static bool registered = false;

static void
tell_left(const TaskRecord *task, const char *left)
{
	if (task_load_id(task->id, false) != NULL)
		task_log_event(task->id, "warning", "something of the task is left at the source",
					   left, "Run these statements at the source.", NULL);
	ereport(WARNING,
			(errmsg("something of task \"%s\" is left at the source", task->name),
			 errdetail("%s", left),
			 errhint("Run these statements at the source.")));
}

static void
tell_note(const TaskRecord *task, const char *note)
{
	if (task_load_id(task->id, false) != NULL)
		task_log_event(task->id, "info", note, NULL, NULL, NULL);
	ereport(NOTICE, (errmsg("%s", note)));
}

static void
end_all(void)
{
	ListCell   *lc;

	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, pending)
	{
		const SourceEnd *e = lfirst(lc);
		TaskIdentity caller;
		char	   *left;
		char	   *note;

		task_act_as_owner(&e->task, &caller);
		left = e->source->release(e->info, &note);
		if (note != NULL)
			tell_note(&e->task, note);
		if (left != NULL)
			tell_left(&e->task, left);
		task_act_end(&caller);
	}
	PopActiveSnapshot();
}

static void
at_end(XactEvent event, void *arg)
{
	if (pending == NIL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			end_all();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a transaction that ends a task cannot be prepared"),
					 errdetail("What the task made at its source is removed when it commits.")));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			pending = NIL;
			break;
		default:
			break;
	}
}

static void
at_sub_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
		   void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ListCell   *lc;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	foreach(lc, pending)
	{
		SourceEnd  *e = lfirst(lc);

		if (e->nestlevel < level)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			e->nestlevel = level - 1;
		else
			pending = foreach_delete_current(pending, lc);
	}
}

void
source_end_expect(void)
{
	if (registered)
		return;
	RegisterXactCallback(at_end, NULL);
	RegisterSubXactCallback(at_sub_end, NULL);
	registered = true;
}

void
source_end_at_commit(const TaskRecord *task)
{
	char	   *type = foreign_server_type(task->source);
	const SourceRoutine *source = type ? source_routine(type) : NULL;
	MemoryContext old;
	SourceEnd  *e;

	if (source == NULL || source->release == NULL)
		return;
	source_end_expect();
	old = MemoryContextSwitchTo(TopTransactionContext);
	e = palloc0(sizeof(SourceEnd));
	e->task.id = task->id;
	e->task.name = pstrdup(task->name);
	e->task.owner = task->owner;
	e->info = task_connection(task, task->owner);
	e->source = source;
	e->nestlevel = GetCurrentTransactionNestLevel();
	/* one that follows no changes keeps nothing at the source */
	if (e->info->stream_name != NULL)
		pending = lappend(pending, e);
	MemoryContextSwitchTo(old);
}
