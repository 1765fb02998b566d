/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The background workers of dtsmig and how they are started.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_WORKER_H
#define DTSMIG_WORKER_H

#include "postgres.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"

/* What a task worker is given; fits bgw_extra. */
typedef struct TaskWorkerArgs
{
	Oid			database;
	Oid			role;
	int64		task_id;
	TransactionId starter;		/* transaction to wait for, or invalid */
} TaskWorkerArgs;

/* What a copy worker is given. */
typedef struct CopyWorkerArgs
{
	Oid			database;
	Oid			role;
	int64		task_id;
	dsm_handle	handle;
	int			slot;
	bool		snapshot;		/* open one at the source before working */
	bool		resync;			/* copy tables again, and nothing else */
} CopyWorkerArgs;

/* True if the library was preloaded, so that there is a launcher. */
extern bool launcher_registered;

/* The setting of that name. */
extern int	max_tasks_per_role;

/* _PG_init's part: registers the launcher. */
extern void launcher_register(void);

/* Starts a task's worker; false if no slot is free. */
extern bool task_worker_start(Oid database, Oid role, int64 task_id,
							  TransactionId starter);

/*
 * Ends the worker of a task (by the pid in its shared memory) and waits until
 * it is gone, at most timeout_ms; true if it is.
 */
extern bool task_worker_stop(dsm_handle handle, int64 task_id, long timeout_ms);

/* Starts a copy worker; NULL if no slot is free. */
extern BackgroundWorkerHandle *copy_worker_start(const CopyWorkerArgs *args);

/* What every worker does first: signals, connection, session settings. */
extern void worker_init(Oid database, Oid role, const char *application);

/* Disables triggers and sets what a worker's session needs. */
extern void worker_session(void);
/*
 * Option search_path of the task: where what its definitions name is looked for
 * in this session; "": as worker_session has left it.
 */
extern void worker_search_path(const char *path);

/*
 * From here to guard_end this process, while it disables triggers, writes
 * only to tables of which role (a task's owner) may do so, however it comes to
 * write.
 */
extern void guard_begin(Oid role);
extern void guard_end(void);
/*
 * Is what runs next a statement of the worker itself, which event triggers are
 * kept from where the task's owner may do so? Not what runs inside of it.
 */
extern void guard_own_statement(bool own);

extern PGDLLEXPORT void dtsmig_launcher_main(Datum arg);
extern PGDLLEXPORT void dtsmig_database_main(Datum arg);
extern PGDLLEXPORT void dtsmig_task_main(Datum arg);
extern PGDLLEXPORT void dtsmig_copy_main(Datum arg);

#endif							/* DTSMIG_WORKER_H */
