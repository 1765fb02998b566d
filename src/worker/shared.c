/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  The dynamic shared memory of a running task.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/shared.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "worker/way_on.h"

#define SHARED_MAGIC 0x64747331 /* "dts1" */

#define ALIVE_INTERVAL 2000		/* milliseconds between two signs of life */

/* What the timer of this process writes to. */
static TaskShared *volatile timed = NULL;

TaskShared *
shared_create(int64 task_id, dsm_handle *handle)
{
	dsm_segment *seg = dsm_create(sizeof(TaskShared), 0);
	TaskShared *shared = dsm_segment_address(seg);

	dsm_pin_mapping(seg);
	memset(shared, 0, sizeof(TaskShared));
	shared->task_id = task_id;
	shared->database = MyDatabaseId;
	shared->role = GetUserId();
	shared->pid = MyProcPid;
	shared->latch = MyLatch;
	shared->heartbeat = GetCurrentTimestamp();
	shared->latency_seconds = -1;
	shared->latency_bytes = -1;
	SpinLockInit(&shared->mutex);
	pg_atomic_init_u64(&shared->alive, (uint64) shared->heartbeat);
	pg_atomic_init_u32(&shared->go, 0);
	pg_atomic_init_u32(&shared->round, 0);
	pg_atomic_init_u64(&shared->rows_total, 0);
	pg_atomic_init_u64(&shared->bytes_total, 0);
	pg_atomic_init_u64(&shared->changes_total, 0);
	throttle_init(&shared->full);
	throttle_init(&shared->incremental);
	for (int i = 0; i < MAX_COPY_WORKERS; i++)
	{
		pg_atomic_init_u64(&shared->slots[i].rows, 0);
		pg_atomic_init_u64(&shared->slots[i].bytes, 0);
		pg_atomic_init_u64(&shared->slots[i].memory, 0);
	}
	shared->magic = SHARED_MAGIC;
	*handle = dsm_segment_handle(seg);
	return shared;
}

TaskShared *
shared_attach(dsm_handle handle)
{
	dsm_segment *seg;
	TaskShared *shared;

	seg = dsm_attach(handle);
	if (seg == NULL)
		return NULL;
	dsm_pin_mapping(seg);
	shared = dsm_segment_address(seg);
	return shared->magic == SHARED_MAGIC ? shared : NULL;
}

bool
shared_peek(dsm_handle handle, int64 task_id, TaskShared *copy)
{
	dsm_segment *seg;
	bool		mapped;
	bool		found = false;

	/* in the task's own worker it is mapped for good */
	seg = dsm_find_mapping(handle);
	mapped = seg != NULL;
	if (!mapped)
		seg = dsm_attach(handle);
	if (seg == NULL)
		return false;
	if (dsm_segment_map_length(seg) >= sizeof(TaskShared))
	{
		TaskShared *shared = dsm_segment_address(seg);

		if (shared->magic == SHARED_MAGIC && shared->task_id == task_id &&
			shared->database == MyDatabaseId)
		{
			SpinLockAcquire(&shared->mutex);
			memcpy(copy, shared, sizeof(TaskShared));
			SpinLockRelease(&shared->mutex);
			found = true;
		}
	}
	if (!mapped)
		dsm_detach(seg);
	return found;
}

void
shared_heartbeat(TaskShared *shared)
{
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&shared->mutex);
	shared->heartbeat = now;
	SpinLockRelease(&shared->mutex);
}

/* A signal handler: no more than one atomic write. */
static void
report_alive(void)
{
	if (timed)
		pg_atomic_write_u64(&timed->alive, (uint64) GetCurrentTimestamp());
}

/* The segment is unmapped while the process ends, and the timer runs on. */
static void
stop_reporting(int code, Datum arg)
{
	timed = NULL;
	disable_timeout((TimeoutId) DatumGetInt32(arg), false);
}

void
shared_stay_alive(TaskShared *shared)
{
	TimeoutId	id;

	timed = shared;
	id = RegisterTimeout(USER_TIMEOUT, report_alive);
	before_shmem_exit(stop_reporting, Int32GetDatum((int32) id));
	enable_timeout_every(id, TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														 ALIVE_INTERVAL),
						 ALIVE_INTERVAL);
}

TimestampTz
shared_last_report(const TaskShared *shared)
{
	TimestampTz alive = (TimestampTz)
		pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &shared->alive));

	return Max(alive, shared->heartbeat);
}

void
shared_forget_rates(TaskShared *shared)
{
	SpinLockAcquire(&shared->mutex);
	shared->rows_per_second = shared->bytes_per_second = 0;
	shared->changes_per_second = 0;
	shared->latency_seconds = -1;
	shared->latency_bytes = -1;
	SpinLockRelease(&shared->mutex);
}

void
shared_set_text(char *field, const char *text)
{
	int			len = text ? pg_mbcliplen(text, strlen(text), SHARED_TEXT - 1) : 0;

	if (len > 0)
		memcpy(field, text, len);
	field[len] = '\0';
}

void
shared_set_position(char *field, const char *text)
{
	Size		len = strlen(text);

	if (len >= SHARED_POSITION)
		len = 0;
	memcpy(field, text, len);
	field[len] = '\0';
}

void
shared_store_error(SharedError *error, const ErrorData *edata)
{
	error->sqlerrcode = edata->sqlerrcode;
	shared_set_text(error->message, edata->message);
	shared_set_text(error->detail, way_on_detail(edata));
	shared_set_text(error->hint, way_on_cause(edata));
}
