/*-------------------------------------------------------------------------
 *
 * run_copy.c
 *	  Steps copy and indexes: plans the jobs, starts copy workers, and watches
 *	  them to the end.
 *
 * Each copy worker opens its snapshot before any of them copies, so that the
 * snapshots lie close together in the source's log: what happened between the
 * first and the last is applied idempotently afterwards (step catchup). A task
 * that does not follow the log has no afterwards: its snapshots are taken
 * again until all stand at one position, and if the source is too busy for
 * that, one worker copies everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "store/states.h"
#include "store/progress.h"
#include "store/job.h"
#include "store/table.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tables/shards.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "worker/worker.h"

/* How often the catalog of progress are renewed, and workers looked at. */
#define WATCH_MS 200
/* How often snapshots are taken again to have them at one position. */
#define SNAPSHOT_ROUNDS 30

/* How often, and after what time each, a worker that has to end is looked at. */
#define STOP_LOOKS 200
#define STOP_LOOK_US 10000

static BackgroundWorkerHandle *handles[MAX_COPY_WORKERS];
static int	nhandles = 0;

static void
begin_transaction(MemoryContext cxt)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
}

static void
end_transaction(MemoryContext cxt)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
}

/* ---------------------------------------------------------------- planning */

/*
 * How many rows a range of this table may have. A table is not cut that no
 * worker would have to wait for: filled whole, by the transaction that empties
 * it, it is written cheaper. One with more than a worker's share is cut into
 * pieces that all can take.
 */
static int64
range_rows(TaskRun *run, SourceRelation *rel, int64 total)
{
	int64		limit = run->options->rows_per_range;
	int64		workers = run->options->copy_workers;
	int64		rows = rel->def->rows_estimate;

	if (rows <= limit && rows <= total / workers + total / 20)
		return limit;
	return Min(limit, Max(total / (workers * 4), 50000));
}

/*
 * Ranges of every table, and the keys and indexes that follow them. Larger
 * tables go first; a key goes before anything else that is ready.
 */
static void
plan_copy_jobs(TaskRun *run)
{
	int64		total = 0;
	bool		copies = run->task->do_full;
	bool		made = run->task->do_schema;
	uint64		sent = source_statements;

	begin_transaction(run->cxt);
	if (store_jobs_planned(run->task->id))
	{
		end_transaction(run->cxt);
		return;
	}
	task_open_relations(run);
	for (int i = 0; i < run->nrels; i++)
		total += run->rels[i]->def->rows_estimate;
	for (int i = 0; copies && i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		List	   *ranges;
		ListCell   *lc;

		/*
		 * What was copied in part from a shared snapshot is emptied when that
		 * is lost, which must not happen to rows that existed before.
		 */
		if (run->source->share_snapshot && run->options->conflict == CONFLICT_IGNORE)
			ranges = list_make1(palloc0(sizeof(SourceRange)));
		else
			ranges = run->source->plan_ranges(run->conn, rel,
											  range_rows(run, rel, total));
		foreach(lc, ranges)
		{
			SourceRange *range = lfirst(lc);
			bool		whole = list_length(ranges) == 1 && made &&
				run->options->conflict == CONFLICT_REPORT &&
				shard_is_alone(run->task->id, rel->table_id);

			store_job_add_range(run->task->id, rel->table_id, range->condition,
								whole, range->rows_estimate, rel->def->data_bytes);
		}
		shared_heartbeat(run->shared);
		throttle_pay(&run->shared->full, source_statements - sent, 0, 0);
		sent = source_statements;
	}
	store_jobs_add_statements(run->task->id, OBJECT_PHASE_KEY, !copies,
							  INT64CONST(1000000000000000));
	store_jobs_add_statements(run->task->id, OBJECT_PHASE_INDEX, !copies,
							  INT64CONST(100000000000000));
	end_transaction(run->cxt);
}

/* ---------------------------------------------------------------- watching */

void
stop_copy_workers(void)
{
	for (int i = 0; i < nhandles; i++)
		if (handles[i])
			TerminateBackgroundWorker(handles[i]);
	for (int i = 0; i < nhandles; i++)
		if (handles[i])
		{
			/* a worker answers within a moment; don't hang if it can't */
			for (int n = 0; n < STOP_LOOKS; n++)
			{
				pid_t		pid;

				if (GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
					break;
				pg_usleep(STOP_LOOK_US);
			}
			handles[i] = NULL;
		}
	nhandles = 0;
}

static void
raise_worker_error(const CopySlot *slot)
{
	ereport(ERROR,
			(errcode(slot->error.sqlerrcode),
			 errmsg("%s", slot->error.message),
			 slot->error.detail[0] ? errdetail("%s", slot->error.detail) : 0,
			 slot->error.hint[0] ? errhint("%s", slot->error.hint) : 0));
}

/* How many workers are in this state; raises the error of a failed one. */
static int
count_workers(TaskRun *run, CopyWorkerState wanted)
{
	int			n = 0;

	for (int i = 0; i < nhandles; i++)
	{
		CopySlot   *slot = &run->shared->slots[i];
		CopyWorkerState state;
		pid_t		pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(handles[i], &pid);

		SpinLockAcquire(&run->shared->mutex);
		state = slot->state;
		SpinLockRelease(&run->shared->mutex);
		if (state == COPY_WORKER_FAILED)
			raise_worker_error(slot);
		if (status == BGWH_STOPPED && state != COPY_WORKER_DONE)
			ereport(ERROR,
					(errcode(ERRCODE_ADMIN_SHUTDOWN),
					 errmsg("a copy worker of task \"%s\" ended before its work was done",
							run->task->name)));
		n += state == wanted;
	}
	return n;
}

/* Rates over the last few seconds, for the views. */
static void
update_rates(TaskRun *run)
{
	static TimestampTz last_time = 0;
	static uint64 last_rows = 0;
	static uint64 last_bytes = 0;
	TimestampTz now = GetCurrentTimestamp();
	uint64		rows = pg_atomic_read_u64(&run->shared->rows_total);
	uint64		bytes = pg_atomic_read_u64(&run->shared->bytes_total);
	double		seconds = (now - last_time) / (double) USECS_PER_SEC;

	if (last_time != 0 && seconds < 1.0)
		return;
	SpinLockAcquire(&run->shared->mutex);
	if (last_time != 0 && rows >= last_rows)
	{
		run->shared->rows_per_second = (rows - last_rows) / seconds;
		run->shared->bytes_per_second = (bytes - last_bytes) / seconds;
	}
	run->shared->heartbeat = now;
	SpinLockRelease(&run->shared->mutex);
	last_time = now;
	last_rows = rows;
	last_bytes = bytes;
}

static void
watch(TaskRun *run, CopyWorkerState wanted)
{
	while (count_workers(run, wanted) < nhandles)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 WATCH_MS, dts_wait_event(DTS_WAIT_COPY_WORKERS));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		update_rates(run);
		task_tick(run);
	}
}

/* Do all snapshots stand at one position? (Or at none that is known.) */
static bool
snapshots_agree(TaskRun *run)
{
	for (int i = 1; i < nhandles; i++)
		if (strcmp(run->shared->slots[i].snapshot,
				   run->shared->slots[0].snapshot) != 0)
			return false;
	return nhandles == 1 || run->shared->slots[0].snapshot[0] != '\0';
}

/* Waits until every worker has a snapshot of this round. */
static void
watch_round(TaskRun *run, uint32 round)
{
	for (;;)
	{
		int			n = 0;

		watch(run, COPY_WORKER_READY);
		for (int i = 0; i < nhandles; i++)
		{
			SpinLockAcquire(&run->shared->mutex);
			n += run->shared->slots[i].round == round;
			SpinLockRelease(&run->shared->mutex);
		}
		if (n == nhandles)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 WATCH_MS, dts_wait_event(DTS_WAIT_COPY_WORKERS));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		task_tick(run);
	}
}

/* For a task that does not follow the log; see the top of the file. */
static void
agree_on_snapshot(TaskRun *run)
{
	uint32		round = 0;

	while (!snapshots_agree(run) && round < SNAPSHOT_ROUNDS)
	{
		pg_atomic_write_u32(&run->shared->round, ++round);
		watch_round(run, round);
	}
	if (snapshots_agree(run))
		return;
	for (int i = 1; i < nhandles; i++)
		run->shared->slots[i].no_copy = true;
	ereport(LOG,
			(errmsg("task \"%s\" copies with one worker, because the source is busy and its changes are not followed",
					run->task->name)));
}

/* One more copy worker; false: no process is free for it. */
static bool
start_worker(TaskRun *run, bool snapshot, bool resync)
{
	CopyWorkerArgs args;
	CopySlot   *slot = &run->shared->slots[nhandles];

	slot->state = COPY_WORKER_STARTING;
	slot->table_id = 0;
	slot->building = slot->no_copy = false;
	slot->round = 0;
	slot->snapshot[0] = '\0';
	pg_atomic_write_u64(&slot->rows, 0);
	pg_atomic_write_u64(&slot->bytes, 0);
	memset(&args, 0, sizeof(args));
	args.database = MyDatabaseId;
	args.role = GetUserId();
	args.task_id = run->task->id;
	args.handle = run->handle;
	args.slot = nhandles;
	args.snapshot = snapshot;
	args.resync = resync;
	handles[nhandles] = copy_worker_start(&args);
	if (handles[nhandles] == NULL)
		return false;
	nhandles++;
	run->shared->nslots = nhandles;
	return true;
}

bool
start_resync_worker(TaskRun *run)
{
	Assert(nhandles == 0);
	return start_worker(run, false, true);
}

bool
resync_worker_is_done(TaskRun *run)
{
	return nhandles > 0 && count_workers(run, COPY_WORKER_DONE) == nhandles;
}

void
stop_resync_worker(TaskRun *run)
{
	if (nhandles == 0)
		return;
	TerminateBackgroundWorker(handles[0]);
	(void) WaitForBackgroundWorkerShutdown(handles[0]);
	handles[0] = NULL;
	nhandles = 0;
	run->shared->slots[0].table_id = 0;
}

/* Starts copy workers and returns when every job of the task is done. */
static void
run_workers(TaskRun *run, bool snapshot)
{
	int			wanted = (int) Min(run->options->copy_workers, MAX_COPY_WORKERS);

	Assert(nhandles == 0);
	pg_atomic_write_u32(&run->shared->go, 0);
	pg_atomic_write_u32(&run->shared->round, 0);
	for (int i = 0; i < wanted; i++)
		if (!start_worker(run, snapshot, false))
			break;
	if (nhandles == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free for a copy worker"),
				 errhint("Raise max_worker_processes.")));
	watch(run, COPY_WORKER_READY);
	if (snapshot && !run->task->do_incremental)
		agree_on_snapshot(run);
	pg_atomic_write_u32(&run->shared->go, 1);
	watch(run, COPY_WORKER_DONE);
	stop_copy_workers();
	SpinLockAcquire(&run->shared->mutex);
	run->shared->rows_per_second = run->shared->bytes_per_second = 0;
	SpinLockRelease(&run->shared->mutex);
}

/* --------------------------------------------------------------- the steps */

/* The one of two positions that lies further on; either may be NULL. */
static char *
later_position(TaskRun *run, char *a, char *b)
{
	if (a == NULL || b == NULL)
		return a ? a : b;
	return source_pos_cmp(run->source->parse_position(a),
						  run->source->parse_position(b)) >= 0 ? a : b;
}

/*
 * The zone of a table from the snapshots of its ranges (StoreRange *), from
 * first to last-1. Positions of two servers do not compare: then the zone
 * reaches from the start of the changes to where the source is now.
 */
static void
table_zone(TaskRun *run, List *ranges, int first, int last,
		   char **low, char **high)
{
	StoreRange *range = list_nth(ranges, first);
	bool		same = true;

	*low = range->low;
	*high = range->high;
	for (int i = first + 1; i < last; i++)
	{
		range = list_nth(ranges, i);
		same = same && *low != NULL && range->low != NULL &&
			strcmp(range->low, *low) == 0 && strcmp(range->high, *high) == 0;
	}
	if (same)
		return;
	for (int i = first; i < last; i++)
	{
		char	   *l = ((StoreRange *) list_nth(ranges, i))->low;
		char	   *h = ((StoreRange *) list_nth(ranges, i))->high;

		if (!run->source->position_has_place(h))
		{
			*low = NULL;
			*high = run->source->current_position(run->conn);
			return;
		}
		if (*low != NULL)
			*low = l == NULL || later_position(run, *low, l) == *low ? l : *low;
		*high = later_position(run, *high, h);
	}
}

/*
 * Notes for each table between which positions its rows were read, and for
 * the task where the last snapshot stood. Should one lie before the start of
 * the changes, they start at it. (Of one at the same place that may know more
 * transactions by GTID, others need not know them.)
 */
static void
note_snapshots(TaskRun *run)
{
	List	   *ranges = store_ranges_copied(run->task->id);
	char	   *last = NULL;
	char	   *start = run->task->start_position;
	bool		elsewhere = false;
	int			i = 0;

	while (i < list_length(ranges))
	{
		int64		table_id = ((StoreRange *) list_nth(ranges, i))->table_id;
		int			first = i;
		char	   *low;
		char	   *high;

		while (i < list_length(ranges) &&
			   ((StoreRange *) list_nth(ranges, i))->table_id == table_id)
			i++;
		table_zone(run, ranges, first, i, &low, &high);
		if (!run->source->position_has_place(high))
			elsewhere = true;
		else
			last = later_position(run, last, high);
		if (low != NULL && start != NULL &&
			run->source->position_has_place(low) &&
			run->source->position_has_place(start) &&
			source_pos_cmp(run->source->parse_position(low),
						   run->source->parse_position(start)) < 0)
			start = low;
		store_table_set_zone(table_id, low, high);
	}
	if (elsewhere)
		last = later_position(run, last,
							  run->source->current_position(run->conn));
	store_task_set_target(run->task->id, last, start);
	run->task->target_position = last ? MemoryContextStrdup(run->cxt, last) : NULL;
	run->task->start_position = start ? MemoryContextStrdup(run->cxt, start) : NULL;
}

void
run_copy(TaskRun *run)
{
	plan_copy_jobs(run);
	if (run->task->do_full)
		task_share_snapshot(run);
	run_workers(run, run->task->do_full);
	if (run->source->end_snapshot)
		run->source->end_snapshot(run->conn);
	begin_transaction(run->cxt);
	note_snapshots(run);
	task_set_step(run, task_copy_phase(run), TASK_STEP_CATCHUP);
	task_log_event(run->task->id, "info", "all rows are copied",
				   run->task->target_position ?
				   psprintf("The last snapshot stood at %s.",
							run->task->target_position) : NULL, NULL, NULL);
	end_transaction(run->cxt);
}

void
run_unique_indexes(TaskRun *run)
{
	bool		work;

	begin_transaction(run->cxt);
	store_jobs_add_statements(run->task->id, OBJECT_PHASE_UNIQUE, true, 0);
	work = store_jobs_left(run->task->id);
	end_transaction(run->cxt);
	if (work)
		run_workers(run, false);
	begin_transaction(run->cxt);
	task_set_step(run, task_copy_phase(run), TASK_STEP_POST_DATA);
	end_transaction(run->cxt);
}
