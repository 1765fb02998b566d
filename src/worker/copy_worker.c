/*-------------------------------------------------------------------------
 *
 * copy_worker.c
 *	  A process that copies ranges of rows and builds indexes.
 *
 * It opens its connection and its snapshot at the source, says so in shared
 * memory, and waits until the task worker lets all go. Then it takes jobs
 * from dtsmig.task_job until none is left. A job's row stays locked while it
 * is being done, and its mark commits together with the rows: a worker that
 * dies leaves the job as it was.
 *
 * Or else it copies tables again while the task worker goes on (args.resync);
 * that is run_resync.c's business, here is just the process for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "worker/worker.h"

#include <unistd.h>

#include "access/xact.h"
#include "store/object.h"
#include "store/origin.h"
#include "store/job.h"
#include "store/table.h"
#include "core/attempt.h"
#include "core/wait.h"
#include "fdw/fdw_options.h"
#include "miscadmin.h"
#include "tables/relations.h"
#include "transform/shape_rows.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
#include "worker/statement.h"
#include "worker/task_run.h"
#include "worker/zero_dates.h"

/* Bytes handed to COPY at a time, and idle time between looks for a job. */
#define LOAD_CHUNK (64 * 1024)
#define JOB_POLL_MS 100
/* How often memory is measured. */
#define MEASURE_MS 2000
/*
 * So long, and so many times as long as it took to open, a snapshot is kept
 * that holds tables.
 */
#define SNAPSHOT_MS 2000
#define SNAPSHOT_SHARE 20

typedef struct CopyRun
{
	TaskShared *shared;
	CopySlot   *slot;
	TaskRecord *task;
	TaskOptions *options;
	Selection  *selection;
	const SourceRoutine *source;
	SourceConn *conn;
	const DestRoutine *dest;
	ConnectionInfo *info;
	SourceSnapshot snapshot;
	MemoryContext snapcxt;		/* of its positions */
	TimestampTz snapshot_until; /* when another should be opened */
	SourceRows *rows;			/* being read; NULL: none */
	TableDef   *def;			/* of the table that is being read; NULL: none */
	bool		altered;		/* it is another by now */
	bool		holds_tables;	/* tables were read from it, and are held */
	MemoryContext jobcxt;
	TimestampTz measured;
	uint64		statements_paid;	/* of source_statements */
} CopyRun;

static void
set_slot_state(CopyRun *run, CopyWorkerState state)
{
	SpinLockAcquire(&run->shared->mutex);
	run->slot->state = state;
	SpinLockRelease(&run->shared->mutex);
	SetLatch(run->shared->latch);
}

/* ------------------------------------------------------------------- rows */

typedef struct ProducerState
{
	CopyRun    *run;
	SourceRelation *rel;
	SourceRows *rows;
	uint64		nrows;
	uint64		nbytes;
} ProducerState;

/* LoadProducer: fills about a chunk with rows. */
static bool
produce_rows(void *arg, StringInfo buf)
{
	ProducerState *st = arg;
	CopyRun    *run = st->run;
	uint64		n = 0;
	uint64		portion = throttle_portion(&run->shared->full);
	int			start = buf->len;
	bool		more = true;

	CHECK_FOR_INTERRUPTS();
	while (buf->len < LOAD_CHUNK && n < portion &&
		   (more = shape_next_copy(run->source->next_copy, st->rows, st->rel, buf)))
		n++;
	zero_dates_check(run->task, st->rel);
	st->nrows += n;
	st->nbytes += buf->len - start;
	pg_atomic_write_u64(&run->slot->rows, st->nrows);
	pg_atomic_write_u64(&run->slot->bytes, st->nbytes);
	pg_atomic_fetch_add_u64(&run->shared->rows_total, n);
	pg_atomic_fetch_add_u64(&run->shared->bytes_total, buf->len - start);
	if (TimestampDifferenceExceeds(run->measured, GetCurrentTimestamp(), MEASURE_MS))
	{
		run->measured = GetCurrentTimestamp();
		pg_atomic_write_u64(&run->slot->memory,
							MemoryContextMemAllocated(TopMemoryContext, true));
	}
	throttle_pay(&run->shared->full, 0, n, buf->len - start);
	return more;
}

typedef struct OpenStep
{
	CopyRun    *run;
	SourceConn *conn;
	SourceRelation *rel;
	const SourceRange *range;
	SourceRows *rows;
} OpenStep;

static void
open_step(void *arg)
{
	OpenStep   *step = arg;

	step->rows = step->run->source->open_rows(step->conn, step->rel, step->range);
}

/*
 * NULL: the table at the source has changed since the snapshot. It is copied
 * again when the log has reported how.
 */
static SourceRows *
open_rows(CopyRun *run, SourceConn *conn, SourceRelation *rel,
		  const SourceRange *range)
{
	OpenStep	step = {run, conn, rel, range, NULL};
	ErrorData  *edata = attempt(open_step, &step);

	if (edata == NULL)
		return step.rows;
	switch (edata->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_SCHEMA:
		case ERRCODE_UNDEFINED_DATABASE:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			FreeErrorData(edata);
			return NULL;
	}
	ReThrowError(edata);
	return NULL;
}

static void
open_snapshot(CopyRun *run)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig snapshot",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	TimestampTz begin = GetCurrentTimestamp();
	long		ms;

	run->source->open_snapshot(run->conn, run->shared->snapshot[0] ?
							   run->shared->snapshot : NULL, &run->snapshot);
	MemoryContextSwitchTo(old);
	if (run->snapcxt != NULL)
		MemoryContextDelete(run->snapcxt);
	run->snapcxt = cxt;
	ms = TimestampDifferenceMilliseconds(begin, GetCurrentTimestamp());
	run->snapshot_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  Max(SNAPSHOT_MS, SNAPSHOT_SHARE * ms));
	run->holds_tables = false;
}

/*
 * Where a snapshot holds the tables that were read, who alters one of them
 * waits for this worker, and all others wait behind that; were this worker to
 * wait for another that is one of those, it would be for ever. Changes between
 * snapshots are made up for (note_snapshots in run_copy.c), where they are
 * followed; elsewhere a worker copies no more after that.
 */
static void
let_tables_go(CopyRun *run, const StoreJob *next)
{
	bool		follows = run->task->do_incremental;

	if (!run->holds_tables ||
		(next != NULL && (!follows || (next->is_copy &&
									   GetCurrentTimestamp() < run->snapshot_until))))
		return;
	open_snapshot(run);
	run->slot->no_copy |= !follows;
}

/* DDL before this place may be in the rows that were read. */
static char *
log_place(CopyRun *run)
{
	char	   *place = NULL;

	/* without GTIDs, which some sources have to search for */
	if (run->task->start_position != NULL)
		(void) run->source->log_distance(run->conn, run->task->start_position,
										 &place);
	return place;
}

/* The catalog of a range whose rows are committed. */
static void
note_copied(CopyRun *run, const StoreJob *job, int64 nrows, int64 nbytes,
			const char *low, const char *high)
{
	/* the table's row serialises the ends of its ranges */
	store_table_add_copied(job->table_id, nrows, nbytes);
	store_job_copied(job->id, nrows, nbytes, low, high);
	store_jobs_free_copied(job->table_id);
	if (store_table_finish_copy(job->table_id))
		store_table_described(job->table_id, log_place(run));
}

/*
 * What the ledger of a destination elsewhere has of a range: rows, bytes, and
 * the positions of its snapshot.
 */
static char *
ledger_text(int64 nrows, int64 nbytes, const SourceSnapshot *snapshot)
{
	return psprintf(INT64_FORMAT "\t" INT64_FORMAT "\t%s\t%s", nrows, nbytes,
					snapshot->low ? snapshot->low : "",
					snapshot->high ? snapshot->high : "");
}

/*
 * Its rows were committed at the destination, and nobody has noted it in the
 * catalog.
 */
static void
take_from_ledger(CopyRun *run, const StoreJob *job, char *text)
{
	char	   *fields[4] = {"0", "0", "", ""};

	for (int i = 0; i < lengthof(fields) && text != NULL; i++)
		fields[i] = strsep(&text, "\t");
	note_copied(run, job, strtoll(fields[0], NULL, 10), strtoll(fields[1], NULL, 10),
				fields[2][0] ? fields[2] : NULL, fields[3][0] ? fields[3] : NULL);
}

static void
copy_range(CopyRun *run, StoreJob *job)
{
	ProducerState st;
	SourceConn *conn = run->conn;
	SourceConn *held = NULL;
	SourceSnapshot snapshot = run->snapshot;
	SourceRange range = {0};
	SourceRelation *rel;
	uint64		loaded;
	bool		keep;
	char	   *done;
	TableContext tc = {run->selection, run->source, run->conn, run->dest, &run->options->policy};

	rel = relations_open_one(run->jobcxt, job->table_id, false, &tc);
	if (rel->resync)
	{
		/* another worker has found it changed since the job was taken */
		store_job_done(job->id);
		return;
	}
	done = run->dest->claim(destination_job(job->id));
	if (done != NULL)
	{
		take_from_ledger(run, job, done);
		return;
	}
	range.condition = job->condition;
	range.rows_estimate = 0;
	memset(&st, 0, sizeof(st));
	st.run = run;
	st.rel = rel;
	run->slot->table_id = job->table_id;

	/* what no snapshot has is read while nobody writes to it */
	if (run->source->hold_tables && run->task->do_incremental &&
		(held = run->source->hold_tables(run->info, list_make1(rel), &snapshot.low)) != NULL)
	{
		snapshot.high = snapshot.low;
		snapshot.exact = true;
	}
	/* a table without a key needs to know exactly where its copy stands */
	else if (rel->nkey == 0 && !snapshot.exact && snapshot.high != NULL)
	{
		conn = run->source->connect(run->info);
		run->source->open_table_snapshot(conn, run->info, rel, &snapshot);
	}
	run->holds_tables = snapshot.holds_tables;
	st.rows = run->rows = open_rows(run, conn, rel, &range);
	if (held != NULL)
		run->source->close(held);
	if (st.rows == NULL)
	{
		task_leave_table(run->task->id, job->table_id);
		return;
	}
	keep = run->options->conflict == CONFLICT_IGNORE;
	run->def = rel->def;
	loaded = run->dest->load(rel->out, produce_rows, &st, keep ? LOAD_KEEP :
							 job->whole_table ? LOAD_REPLACE : LOAD_APPEND);
	run->source->close_rows(st.rows);
	run->rows = NULL;
	run->def = NULL;
	if (conn != run->conn)
		run->source->close(conn);
	if (loaded != st.nrows && !keep)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source gave " UINT64_FORMAT " rows of table %s.%s, but "
						UINT64_FORMAT " were stored", st.nrows, rel->schema,
						rel->name, loaded),
				 errhint("A rule or a trigger of the destination that is enabled for replicas is at work: ALTER TABLE %s DISABLE TRIGGER ALL, or DISABLE RULE.",
						 quote_qualified_identifier(rel->target_schema, rel->target_name))));

	run->dest->record(destination_job(job->id),
					  ledger_text((int64) st.nrows, (int64) st.nbytes, &snapshot));
	note_copied(run, job, (int64) st.nrows, (int64) st.nbytes, snapshot.low,
				snapshot.high);
}

/* ------------------------------------------------------------------- jobs */

/* Builds one object, in a subtransaction of the job's. */
static void
run_statement_job(CopyRun *run, StoreJob *job)
{
	char	   *error;

	run->slot->building = true;
	error = statement_run_in_transaction(job->object_id, job->statement,
										 run->source->scripts,
										 run->options->conflict == CONFLICT_IGNORE ||
										 job->may_be_made);
	run->slot->building = false;
	if (error != NULL && job->optional)
		object_log_failed(run->task, job->title, error);
	else if (error != NULL)
	{
		char	   *task = quote_literal_cstr(run->task->name);
		char	   *object = quote_literal_cstr(job->title);

		/* keep what was noted of the object, then notify the task worker */
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(run->jobcxt);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("%s could not be made: %s", job->title, error),
				 errhint("Make it by hand or drop what is in the way, or SELECT dtsmig.retry_object(%s, %s, 'CREATE ...'); or do without it: SELECT dtsmig.skip_object(%s, %s); then SELECT dtsmig.resume_task(%s); see dtsmig.task_objects.",
						 task, object, task, object, task)));
	}
	store_job_done(job->id);
}

/*
 * Pays for the statements that were sent to the source. Between jobs: no lock
 * is held, on either side, but for the snapshot.
 */
static void
pay_statements(CopyRun *run)
{
	uint64		sent = source_statements - run->statements_paid;

	run->statements_paid += sent;
	throttle_pay(&run->shared->full, sent, 0, 0);
}

/*
 * As copy_range. Rows that ran into a zero date for a column that is NOT NULL
 * are given up, with the transaction, and the job is left for another time:
 * false; the column is not NOT NULL then any more.
 */
static bool
copy_or_leave(CopyRun *run, StoreJob *job)
{
	volatile bool copied = true;

	PG_TRY();
	{
		copy_range(run, job);
	}
	PG_CATCH();
	{
		if (!zero_dates_wait())
			PG_RE_THROW();
		MemoryContextSwitchTo(run->jobcxt);
		FlushErrorState();
		AbortOutOfAnyTransaction();
		copied = false;
	}
	PG_END_TRY();
	if (copied)
		return true;
	MemoryContextSwitchTo(run->jobcxt);
	if (run->rows != NULL)
		run->source->close_rows(run->rows);
	run->rows = NULL;
	zero_dates_settle(run->task, run->options->alert_function);
	return false;
}

/* One job, or a short rest; false when nothing is left to do. */
static bool
work(CopyRun *run)
{
	StoreJob   *job;
	bool		left = true;
	bool		open = true;

	pay_statements(run);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(run->jobcxt);
	job = store_job_take(run->task->id, run->slot->no_copy);
	let_tables_go(run, job);
	if (job == NULL)
		left = store_jobs_left(run->task->id);
	else if (job->is_copy)
		open = copy_or_leave(run, job);
	else
		run_statement_job(run, job);
	if (open)
	{
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	pg_atomic_write_u64(&run->slot->rows, 0);
	pg_atomic_write_u64(&run->slot->bytes, 0);
	run->slot->table_id = 0;
	MemoryContextReset(run->jobcxt);

	if (job == NULL && left)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 JOB_POLL_MS, dts_wait_event(DTS_WAIT_COPY_JOB));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return left;
}

/* ------------------------------------------------------------------- main */

/*
 * Several workers build indexes side by side already: each gets help from
 * parallel workers only as far as there are processors for all.
 */
static void
share_processors(CopyRun *run)
{
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);
	long		helpers = processors / Max(run->options->copy_workers, 1) - 1;

	helpers = Min(Max(helpers, 0), max_parallel_maintenance_workers);
	SetConfigOption("max_parallel_maintenance_workers",
					psprintf("%ld", helpers), PGC_USERSET, PGC_S_SESSION);
}

/* Connects; ready to open a snapshot. */
static void
prepare(CopyRun *run, const CopyWorkerArgs *args)
{
	ConnectionInfo *info;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(TopMemoryContext);
	run->task = task_load_id(args->task_id, false);
	if (run->task == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("task " INT64_FORMAT " does not exist any more",
						args->task_id)));
	run->options = options_parse(run->task->options);
	run->selection = selection_parse(run->task->objects);
	info = task_connection(run->task, GetUserId());
	info->server_uid = store_source_identity(args->task_id);
	run->dest = destination_attach(run->task, run->options, GetUserId(), true);
	MemoryContextSwitchTo(TopMemoryContext);
	run->dest->mark_copy(task_origin_name(run->task));
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);

	SetConfigOption("maintenance_work_mem",
					psprintf(INT64_FORMAT "MB", run->options->maintenance_memory),
					PGC_USERSET, PGC_S_SESSION);
	share_processors(run);
	run->source = source_routine(info->server_type);
	run->info = info;
	run->conn = run->source->connect(info);
	run->jobcxt = AllocSetContextCreate(TopMemoryContext, "dtsmig copy job",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
}

/*
 * Opens a snapshot, and another as often as the task worker asks for one;
 * returns when work may begin.
 */
static void
wait_for_go(CopyRun *run, bool snapshot)
{
	while (pg_atomic_read_u32(&run->shared->go) == 0)
	{
		uint32		round = pg_atomic_read_u32(&run->shared->round);

		if (run->slot->state == COPY_WORKER_STARTING || run->slot->round != round)
		{
			if (snapshot)
				open_snapshot(run);
			/*
			 * A shared one agrees; those of a source that has no exact ones need
			 * not; one that could have been exact, and is not, agrees with none.
			 */
			shared_set_text(run->slot->snapshot, run->shared->snapshot[0] ?
							run->shared->snapshot : run->snapshot.exact ?
							run->snapshot.high : run->snapshot.low == NULL ? "any" :
							psprintf("%s, %d", run->snapshot.high, MyProcPid));
			SpinLockAcquire(&run->shared->mutex);
			run->slot->round = round;
			SpinLockRelease(&run->shared->mutex);
			set_slot_state(run, COPY_WORKER_READY);
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 5, dts_wait_event(DTS_WAIT_COPY_START));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The tables of which the task worker has noted that they are copied again. */
static void
copy_again(CopyRun *run)
{
	TaskRun    *task = MemoryContextAllocZero(TopMemoryContext, sizeof(TaskRun));

	task->cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig copy run",
									  ALLOCSET_DEFAULT_SIZES);
	task->task = run->task;
	task->options = run->options;
	task->selection = run->selection;
	task->shared = run->shared;
	task->info = run->info;
	task->source = run->source;
	task->conn = run->conn;
	task->dest = run->dest;
	MemoryContextSwitchTo(task->cxt);
	resync_parallel(task, run->slot);
}

static void
look_again(void *arg)
{
	CopyRun    *run = arg;

	run->altered = task_is_altered(run->selection, run->source, run->info, run->def);
}

/*
 * A row that does not fit may be one of a table that was altered after it was
 * described, and before this worker's snapshot. The next run finds it altered.
 */
static void
excuse(CopyRun *run, ErrorData *edata)
{
	if (run->def == NULL || !run->task->do_incremental ||
		!task_is_row_error(edata->sqlerrcode))
		return;
	StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	if (attempt(look_again, run) == NULL && run->altered)
		edata->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(TopMemoryContext);
}

void
dtsmig_copy_main(Datum arg)
{
	CopyWorkerArgs args;
	CopyRun		run;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	worker_init(args.database, args.role,
				psprintf("dtsmig copy worker %d of task " INT64_FORMAT,
						 args.slot + 1, args.task_id));
	memset(&run, 0, sizeof(run));
	run.shared = shared_attach(args.handle);
	if (run.shared == NULL || run.shared->task_id != args.task_id)
		proc_exit(0);
	run.slot = &run.shared->slots[args.slot];
	run.slot->pid = MyProcPid;

	PG_TRY();
	{
		prepare(&run, &args);
		worker_session();
		worker_search_path(run.options->search_path);
		if (args.resync)
			copy_again(&run);
		else
		{
			wait_for_go(&run, args.snapshot);
			while (work(&run))
				;
		}
		set_slot_state(&run, COPY_WORKER_DONE);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(TopMemoryContext);
		HOLD_INTERRUPTS();
		edata = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		excuse(&run, edata);
		shared_store_error(&run.slot->error, edata);
		set_slot_state(&run, COPY_WORKER_FAILED);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	proc_exit(0);
}
