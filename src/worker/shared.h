/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  What a task's processes share, and what the views read of it.
 *
 * The task worker makes a dynamic shared memory segment for each run; its
 * handle stands in dtsmig.task. Copy workers attach to it, and so does, for a
 * moment, any backend that reads dtsmig.tasks. When the worker is gone, so is
 * the segment: that is how a killed task is distinguished from a running one, without
 * shared_preload_libraries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHARED_H
#define DTSMIG_SHARED_H

#include "postgres.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/spin.h"
#include "datatype/timestamp.h"
#include "worker/throttle.h"

#define MAX_COPY_WORKERS 32
#define SHARED_TEXT 1024
#define SHARED_POSITION 8192

typedef enum CopyWorkerState
{
	COPY_WORKER_STARTING,
	COPY_WORKER_READY,			/* snapshot open (if wanted); works when asked */
	COPY_WORKER_DONE,			/* no job is left */
	COPY_WORKER_FAILED			/* error fields are set */
} CopyWorkerState;

/* An error that crosses processes; strings are cut to fit. */
typedef struct SharedError
{
	int			sqlerrcode;
	char		message[SHARED_TEXT];
	char		detail[SHARED_TEXT];
	char		hint[SHARED_TEXT];
} SharedError;

typedef struct CopySlot
{
	CopyWorkerState state;		/* under mutex */
	pid_t		pid;
	bool		building;		/* runs a statement, not a copy */
	bool		no_copy;		/* set by the task worker: take no rows */
	uint32		round;			/* its snapshot is that of this round */
	char		snapshot[SHARED_TEXT];	/* where that stands in the log */
	int64		table_id;		/* being copied; 0: none */
	pg_atomic_uint64 rows;		/* of the range being copied, not committed */
	pg_atomic_uint64 bytes;
	pg_atomic_uint64 memory;	/* bytes in the worker's memory contexts */
	SharedError error;
} CopySlot;

typedef struct TaskShared
{
	uint32		magic;
	int64		task_id;
	Oid			database;
	Oid			role;
	pid_t		pid;			/* of the task worker */
	Latch	   *latch;			/* of the task worker */
	pg_atomic_uint64 alive;		/* when its timer last ran: a TimestampTz */
	slock_t		mutex;

	TimestampTz heartbeat;		/* under mutex, as is all down to nslots */
	char		source_position[SHARED_POSITION];	/* "": see shared_set_position */
	char		applied_position[SHARED_POSITION];
	double		rows_per_second;
	double		bytes_per_second;
	int64		changes;		/* applied, ever */
	double		changes_per_second;
	double		latency_seconds;	/* < 0: unknown */
	int64		latency_bytes;	/* < 0: unknown */

	char		snapshot[SHARED_TEXT];	/* that copy workers open; "": each its own */
	pg_atomic_uint32 go;		/* copy workers may take jobs */
	pg_atomic_uint32 round;		/* snapshots wanted again: see run_copy.c */
	pg_atomic_uint64 rows_total;	/* copied in this run */
	pg_atomic_uint64 bytes_total;
	pg_atomic_uint64 changes_total; /* applied in this run */
	Throttle	full;			/* of copies */
	Throttle	incremental;	/* of changes */
	int			nslots;
	CopySlot	slots[MAX_COPY_WORKERS];
} TaskShared;

/* Makes the segment of a run; it lives as long as the process. */
extern TaskShared *shared_create(int64 task_id, dsm_handle *handle);
/* Attaches a copy worker; NULL if the task worker is gone. */
extern TaskShared *shared_attach(dsm_handle handle);
/*
 * Copies the state of a running task; false if it is not running. For views.
 */
extern bool shared_peek(dsm_handle handle, int64 task_id, TaskShared *copy);

extern void shared_heartbeat(TaskShared *shared);
/*
 * From now on a timer of this process says every two seconds that it runs, be
 * it in a long statement or in a wait. A process that is stopped, or that never
 * gets the processor, does not.
 */
extern void shared_stay_alive(TaskShared *shared);
/* When the task worker last reported, by itself or by its timer. */
extern TimestampTz shared_last_report(const TaskShared *shared);
/* Nothing is going on: rates are 0, latency is unknown. */
extern void shared_forget_rates(TaskShared *shared);
extern void shared_set_text(char *field, const char *text);
/*
 * A position is never cut: one that does not fit (a set of very many GTIDs)
 * leaves the field empty, and readers take what the catalog has.
 */
extern void shared_set_position(char *field, const char *text);
/* Fills error from the error being handled; for PG_CATCH blocks. */
extern void shared_store_error(SharedError *error, const ErrorData *edata);

#endif							/* DTSMIG_SHARED_H */
