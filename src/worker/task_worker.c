/*-------------------------------------------------------------------------
 *
 * task_worker.c
 *	  The process that drives a task: its steps, its errors, its retries.
 *
 * A worker exists while dtsmig.task.wanted is 'running'. It ends by itself,
 * with exit code 0, when the task is complete, has failed for good, or is no
 * longer wanted; any other end makes the postmaster start it again, and it
 * goes on from the catalog.
 *
 * An error ends the run, not the worker. If it may pass (a lost connection, a
 * lock, a full disk) the task is 'retrying' and runs again after a pause,
 * until the retry window closes; otherwise it has 'failed' at once. Both lose
 * nothing: a resumed task goes on from its last committed position.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/worker.h"

#include "access/transam.h"
#include "access/xact.h"
#include "check/local_source.h"
#include "core/error_place.h"
#include "store/states.h"
#include "store/sql.h"
#include "store/position.h"
#include "store/table.h"
#include "store/way_back.h"
#include "core/wait.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "worker/take_up.h"
#include "worker/task_run.h"
#include "worker/task_watch.h"
#include "worker/trouble.h"

#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS 15000
/* A run that has gone well for so long begins the pauses again. */
#define RETRY_FORGET_MS 60000

/* Between two looks at what a waiting worker waits for. */
#define WAIT_LOOK_MS 1000

/* So often the log is followed to its end for tables that wait for it. */
#define CATCH_UP_ROUNDS 20

/* Advisory lock class of task workers: "dts". */
#define TASK_LOCK_CLASS 0x647473

static void
stop_copy_workers_at_exit(int code, Datum arg)
{
	stop_copy_workers();
}

/* Only one worker for a task: held until the process ends. */
static bool
lock_task(int64 task_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, TASK_LOCK_CLASS, (uint32) task_id, 3);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Waits for the transaction that started or changed the task, then reads it.
 * NULL: nothing to do.
 */
static TaskRecord *
load_wanted_task(const TaskWorkerArgs *args, dsm_handle handle,
				 MemoryContext cxt)
{
	TaskRecord *task;
	MemoryContext old;

	if (TransactionIdIsNormal(args->starter))
	{
		StartTransactionCommand();
		XactLockTableWait(args->starter, NULL, NULL, XLTW_None);
		CommitTransactionCommand();
	}
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(cxt);
	/* the lock waits for a pause_task that is being committed */
	task = task_load_id(args->task_id, true);
	MemoryContextSwitchTo(old);
	/* from now on the task is seen to have a worker */
	if (task != NULL && strcmp(task->wanted, TASK_WANTED_RUNNING) == 0)
		(void) store_exec("UPDATE dtsmig.task SET runtime_handle = $2 "
						  "WHERE task_id = $1", "ii", args->task_id,
						  (int64) handle);
	PopActiveSnapshot();
	CommitTransactionCommand();
	if (task == NULL || strcmp(task->wanted, TASK_WANTED_RUNNING) != 0)
		return NULL;
	return task;
}

/* --------------------------------------------------------------- the run */

static bool
at_step(TaskRun *run, const char *step)
{
	return strcmp(run->task->step, step) == 0;
}

static void
set_running(TaskRun *run)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) store_exec("UPDATE dtsmig.task SET status = 'running', "
					  "runtime_handle = $2, retrying_since = NULL, "
					  "retrying_until = NULL, "
					  "started = COALESCE(started, pg_catalog.clock_timestamp()), "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "ii", run->task->id, (int64) run->handle);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	run->running_since = GetCurrentTimestamp();
}

static char *
rebase(TaskRun *run, char *position)
{
	return position && run->source->position_has_place(position) ?
		run->source->rebase_position(run->conn, position) : position;
}

/*
 * The zone of a table, or of a range of one, after a failover. Its end is one
 * position, known by GTID, if the snapshot was exact; else the place where the
 * new server is now, which has all that the old one had.
 */
static void
rebase_zone(TaskRun *run, char **low, char **high, char *now)
{
	if (*high == NULL || !run->source->position_has_place(*high))
		return;
	if (*low != NULL && strcmp(*low, *high) == 0)
		*low = *high = rebase(run, *high);
	else
	{
		(void) rebase(run, *high);
		if (*low != NULL && run->source->position_has_place(*low))
			*low = NULL;
		*high = now;
	}
}

/* Does the zone of a copy end at or before what is applied? */
static bool
is_past(TaskRun *run, const char *high, const char *applied)
{
	const SourceRoutine *source = run->source;

	return applied != NULL && source->position_has_place(applied) &&
		source->position_has_place(high) &&
		source_pos_cmp(source->parse_position(applied), source->parse_position(high)) >= 0;
}

/*
 * The source is another server than before: positions become ones that mean
 * the same at it, if GTIDs show it, or an error says why they don't. Those that
 * lie behind a task that follows changes are of no use any more: the source may
 * have had no GTIDs when it began.
 */
static void
fail_over(TaskRun *run, const char *old_uid, const char *new_uid)
{
	TaskRecord *task = run->task;
	char	   *now = run->source->current_position(run->conn);
	StorePosition *position;
	char	   *applied;
	StoreRows   *rows;
	bool		follows;

	parallel_forget(run);
	position = store_position_load(task->id);
	applied = position ? position->applied : NULL;
	follows = position != NULL && at_step(run, TASK_STEP_CHANGES);
	if (position != NULL)
	{
		char	   *ledger = run->dest->position();

		if (run->dest->elsewhere &&
			(ledger == NULL || strcmp(ledger, position->applied) != 0))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the ledger at the destination is ahead of the catalog, and the source is another server now"),
					 errdetail("The catalog's position is %s, the ledger's is %s.", position->applied,
							   ledger ? ledger : "nothing"),
					 errhint("Let the task reach its former source once more.")));
		position->applied = rebase(run, position->applied);
		store_position_rename(task->id, position->applied);
		run->dest->set_position(position->applied);
	}
	task->start_position = follows ? position->applied : rebase(run, task->start_position);
	if (task->target_position)
	{
		if (!follows)
			(void) rebase(run, task->target_position);
		task->target_position = now;
	}
	rows = store_query("SELECT job_id, snapshot_low, snapshot_position "
					   "FROM dtsmig.task_job WHERE task_id = $1 "
					   "AND snapshot_position IS NOT NULL", "i", task->id);
	for (int i = 0; i < rows->nrows && !follows; i++)
	{
		rebase_zone(run, &rows->values[i][1], &rows->values[i][2], now);
		(void) store_exec("UPDATE dtsmig.task_job SET snapshot_low = $2, "
						  "snapshot_position = $3 WHERE job_id = $1", "itt",
						  store_int(rows, i, 0), rows->values[i][1],
						  rows->values[i][2]);
	}
	rows = store_query("SELECT table_id, snapshot_low, snapshot_high "
					   "FROM dtsmig.task_table WHERE task_id = $1 "
					   "AND snapshot_high IS NOT NULL", "i", task->id);
	for (int i = 0; i < rows->nrows; i++)
	{
		if (is_past(run, rows->values[i][2], applied))
			rows->values[i][1] = rows->values[i][2] = NULL;
		else
			rebase_zone(run, &rows->values[i][1], &rows->values[i][2], now);
		store_table_set_zone(store_int(rows, i, 0), rows->values[i][1],
							 rows->values[i][2]);
	}
	/* what the definitions held from means nothing on this server */
	(void) store_exec("UPDATE dtsmig.table_version v SET from_position = '' "
					  "FROM dtsmig.task_table t WHERE t.table_id = v.table_id "
					  "AND t.task_id = $1", "i", task->id);
	(void) store_exec("UPDATE dtsmig.task_table SET described_position = NULL "
					  "WHERE task_id = $1", "i", task->id);
	(void) store_exec("UPDATE dtsmig.task SET source_identity = $2, "
					  "start_position = $3, target_position = $4 "
					  "WHERE task_id = $1", "ittt", task->id, new_uid,
					  task->start_position, task->target_position);
	task_log_event(task->id, "warning", "the source is another server now",
				   psprintf("It was %s and is %s. The task goes on by GTID.",
							old_uid, new_uid), NULL, NULL);
}

/*
 * A server of the same identity, but of another branch of its log: what is
 * applied has to be part of that.
 */
static void
check_timeline(TaskRun *run)
{
	TaskRecord *task = run->task;
	StoreRows   *rows;
	uint32		now;
	uint32		old;
	char	   *position;

	if (run->source->timeline == NULL || run->info->stream_name == NULL)
		return;
	now = run->source->timeline(run->conn);
	rows = store_query("SELECT COALESCE(t.source_timeline, 0), p.applied_position "
					   "FROM dtsmig.task t LEFT JOIN dtsmig.task_position p "
					   "USING (task_id) WHERE t.task_id = $1", "i", task->id);
	old = (uint32) store_int(rows, 0, 0);
	position = rows->values[0][1] ? rows->values[0][1] : task->start_position;
	if (now == old)
		return;
	if (now != 0 && old != 0 && position != NULL)
		run->source->check_timeline(run->info, old, now, position);
	(void) store_exec("UPDATE dtsmig.task SET source_timeline = NULLIF($2, 0) "
					  "WHERE task_id = $1", "ii", task->id, (int64) now);
}

/*
 * The same server as before? A task goes on against another one only where
 * GTIDs prove that it has what is applied at the destination.
 */
static void
check_identity(TaskRun *run)
{
	SourceIdentity id;
	StoreRows   *rows;

	memset(&id, 0, sizeof(id));
	run->source->identify(run->conn, &id);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->cxt);
	rows = store_query("UPDATE dtsmig.task SET source_identity = "
					   "COALESCE(source_identity, $2) WHERE task_id = $1 "
					   "RETURNING source_identity", "it", run->task->id,
					   id.server_uid);
	if (id.server_uid && strcmp(rows->values[0][0], id.server_uid) != 0)
		fail_over(run, rows->values[0][0], id.server_uid);
	check_timeline(run);
	source_check_local(run->task, run->source, run->conn);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	run->info->server_uid = id.server_uid;
}

/*
 * A cutover has made the source read-only, and the application comes back to it:
 * nothing that it writes is missed any more.
 */
static void
open_source(TaskRun *run)
{
	char	   *failure;

	if (!run->task->fenced)
		return;
	failure = run->source->make_writable(run->conn);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	store_source_opened(run->task->id);
	task_log_event(run->task->id, failure ? "warning" : "info",
				   failure ? "the source could not be made writable again" :
				   "the source is made writable again", failure,
				   failure ? "Do it by hand." : NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}

/* Did nothing happen between the start position and the last snapshot? */
static bool
is_caught_up(TaskRun *run)
{
	const SourceRoutine *source = run->source;
	char	   *start = run->task->start_position;
	char	   *set;

	if (start == NULL ||
		source_pos_cmp(source->parse_position(start),
					   source->parse_position(run->task->target_position)) < 0)
		return false;

	/* what was written before that place, but not visible yet, comes after it */
	set = source->position_by_gtid ? source->position_by_gtid(start) : NULL;
	return set == NULL || source->position_by_gtid(run->task->target_position) == NULL ||
		source->position_covers(set, run->task->target_position);
}

static bool
waits_for_copy(TaskRun *run)
{
	bool		waits;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	waits = task_wants_resync(run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return waits;
}

/*
 * Is a table ahead of where changes are applied to, which is until? One may
 * have been copied again on the way.
 */
static bool
is_copied_ahead(TaskRun *run, const char *until)
{
	const SourceRoutine *source = run->source;
	ListCell   *lc;
	bool		ahead = false;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, store_tables_zone_ends(run->task->id))
	{
		char	   *high = lfirst(lc);

		if (source->position_has_place(high) && source->position_has_place(until) &&
			source_pos_cmp(source->parse_position(high), source->parse_position(until)) > 0)
			ahead = true;
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	return ahead;
}

/*
 * To where the last snapshot stood; and on until the tables have come whose
 * copy was left for the log to show what they look like, and all are as of one
 * place: keys that join tables come next.
 */
static void
catch_up(TaskRun *run)
{
	const char *until = run->task->target_position;

	if (is_caught_up(run) && !waits_for_copy(run))
		return;
	for (int i = 0; i < CATCH_UP_ROUNDS; i++)
	{
		run_changes(run, until);
		if (!waits_for_copy(run) && !is_copied_ahead(run, until))
			return;
		until = run->source->current_position(run->conn);
	}
}

static void
clear_way_back(TaskRun *run)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	take_up_clear(run->task);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}

/* What the task writes, others that follow this database can see from it. */
static void
mark_changes(TaskRun *run)
{
	char	   *why;

	if (!run->task->do_incremental || run->dest->elsewhere)
		return;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	why = run->dest->mark_changes(task_origin_name(run->task));
	if (why != NULL)
		task_log_event(run->task->id, "warning",
					   "what this task writes is not marked as replicated",
					   why, "Downstream subscribers will treat the rows of this task as local changes; max_replication_slots (max_active_replication_origins since PostgreSQL 18) limits how many tasks can be marked.", NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
}

/* Goes through the steps that are left; returns when the task is complete. */
static void
run_task(TaskRun *run)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->cxt);
	run->options = options_parse(run->task->options);
	worker_search_path(run->options->search_path);
	run->selection = selection_parse(run->task->objects);
	run->info = task_connection(run->task, GetUserId());
	task_set_throttles(run);
	run->dest = destination_attach(run->task, run->options, GetUserId(), true);
	MemoryContextSwitchTo(run->cxt);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);

	SetConfigOption("maintenance_work_mem",
					psprintf(INT64_FORMAT "MB", run->options->maintenance_memory),
					PGC_USERSET, PGC_S_SESSION);
	run->source = source_routine(run->info->server_type);
	if (run->info->own_changes && !run->source->reports_origin)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("task option \"origin\" cannot be \"none\": the log of server \"%s\" does not say where changes came from",
						run->info->server_name),
				 errhint("Sources of type postgresql know it.")));
	run->conn = run->source->connect(run->info);
	check_identity(run);
	open_source(run);
	clear_way_back(run);
	mark_changes(run);

	if (at_step(run, TASK_STEP_NEW))
	{
		run_precheck(run);
		MemoryContextSwitchTo(run->cxt);
	}
	set_running(run);
	if (at_step(run, TASK_STEP_NEW))
		run_read_schema(run);
	trouble_program_ran();
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_SCHEMA))
		run_pre_data(run);
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_COPY))
		run_copy(run);
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_CATCHUP))
	{
		if (run->task->do_incremental && run->task->target_position)
			catch_up(run);
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		task_set_step(run, task_copy_phase(run), TASK_STEP_INDEXES);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_INDEXES))
		run_unique_indexes(run);
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_POST_DATA))
		run_post_data(run);
	MemoryContextSwitchTo(run->cxt);
	if (at_step(run, TASK_STEP_CHANGES))
		run_changes(run, NULL);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) store_exec("UPDATE dtsmig.task SET status = 'completed', wanted = 'idle', "
					  "last_error = NULL, last_error_detail = NULL, "
					  "last_error_hint = NULL, last_error_sqlstate = NULL, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "i", run->task->id);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* ---------------------------------------------------------------- pauses */

/*
 * Waits before a retry; an interrupt ends it. task_id: of the task that is
 * sampled meanwhile; 0: of none.
 */
static void
rest(long ms, TaskShared *shared, int64 task_id)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	for (;;)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   until);

		CHECK_FOR_INTERRUPTS();
		shared_heartbeat(shared);
		shared_forget_rates(shared);
		if (left <= 0)
			return;
		if (task_id != 0)
			watch_rest(task_id, shared);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, 500), dts_wait_event(DTS_WAIT_RETRY));
		ResetLatch(MyLatch);
	}
}

/*
 * Until auto_resume's time has come, or resume_task was called; ends the
 * process if neither is going to be.
 */
static void
wait_for_resume(int64 task_id, TaskShared *shared, dsm_handle handle)
{
	bool		over = false;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) store_exec("UPDATE dtsmig.task SET runtime_handle = $2 WHERE task_id = $1",
					  "ii", task_id, (int64) handle);
	PopActiveSnapshot();
	CommitTransactionCommand();
	while (!trouble_resume_is_due(task_id, &over))
	{
		if (over)
			proc_exit(0);
		CHECK_FOR_INTERRUPTS();
		shared_heartbeat(shared);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 WAIT_LOOK_MS, dts_wait_event(DTS_WAIT_RESUME));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * One run; false if the task is over, true if it ended in an error: *end is
 * what becomes of it. Errors of the run end in it; an error while noting one
 * ends the process, and the postmaster starts another.
 */
static bool
run_once(const TaskWorkerArgs *args, TaskShared *shared, dsm_handle handle,
		 TroubleEnd *end)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig run",
											  ALLOCSET_DEFAULT_SIZES);
	TaskRun    *run = MemoryContextAllocZero(cxt, sizeof(TaskRun));
	ErrorData  *volatile edata = NULL;
	run->cxt = cxt;
	run->shared = shared;
	run->handle = handle;
	run->task = load_wanted_task(args, handle, cxt);
	if (run->task == NULL)
		return false;

	error_place_reset();
	PG_TRY();
	{
		MemoryContextSwitchTo(cxt);
		run_task(run);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(cxt);
		stop_copy_workers();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	if (run->writer != NULL)
	{
		/* it does not go with the run's memory */
		run->dest->abort(run->writer);
		run->dest->close(run->writer);
	}
	destination_leave();
	if (edata != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		*end = trouble_note(args->task_id, edata, run->running_since);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	/* closes the connections of this run */
	MemoryContextDelete(cxt);
	return edata != NULL;
}

/* Waits while the extension is of an earlier version than this library. */
static void
wait_for_update(const TaskWorkerArgs *args, TaskShared *shared, dsm_handle handle)
{
	for (;;)
	{
		char	   *version;
		CatalogState state;

		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		state = store_state(&version);
		if (state == CATALOG_OLD &&
			store_note_old(version, args->task_id, (int64) handle))
			ereport(LOG,
					(errmsg("task " INT64_FORMAT " waits: extension \"dtsmig\" is of version %s, the library needs %s",
							args->task_id, version, STORE_VERSION),
					 errhint("Run ALTER EXTENSION dtsmig UPDATE.")));
		PopActiveSnapshot();
		CommitTransactionCommand();
		if (state == CATALOG_FITS)
			return;
		if (state == CATALOG_NONE || state == CATALOG_FOREIGN)
			proc_exit(0);
		rest(WAIT_LOOK_MS, shared, 0);
	}
}

void
dtsmig_task_main(Datum arg)
{
	TaskWorkerArgs args;
	TaskShared *shared;
	dsm_handle	handle;
	long		pause = RETRY_FIRST_MS;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	worker_init(args.database, args.role,
				psprintf("dtsmig task " INT64_FORMAT, args.task_id));
	before_shmem_exit(stop_copy_workers_at_exit, (Datum) 0);
	worker_session();
	if (!lock_task(args.task_id))
		proc_exit(0);
	shared = shared_create(args.task_id, &handle);
	shared_stay_alive(shared);
	wait_for_update(&args, shared, handle);

	for (;;)
	{
		TimestampTz began = GetCurrentTimestamp();

		TroubleEnd	end;

		if (trouble_waits(args.task_id))
			wait_for_resume(args.task_id, shared, handle);
		if (!run_once(&args, shared, handle, &end) || end == TROUBLE_FAILED)
			proc_exit(0);
		if (end == TROUBLE_RESUME)
		{
			pause = RETRY_FIRST_MS;
			continue;
		}
		/* a run that went well for a while begins the pauses again */
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(), RETRY_FORGET_MS))
			pause = RETRY_FIRST_MS;
		rest(pause, shared, args.task_id);
		pause = Min(pause * 2, RETRY_LAST_MS);
	}
}
