/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  What all workers share: starting, stopping, their session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/worker.h"

#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "worker/shared.h"

/*
 * Seconds after which the postmaster starts a task worker again that crashed,
 * where there is no launcher that would.
 */
#define RESTART_SECONDS 3

int			max_tasks_per_role = 20;

/* A worker that this process has started in its present transaction. */
typedef struct Started
{
	Oid			database;
	int64		task_id;
	TransactionId starter;
	BackgroundWorkerHandle *handle;
} Started;

static List *started = NIL;

/*
 * A worker waits for the transaction that starts it. One that exists serves
 * for every further call in that transaction.
 */
static bool
is_started(Oid database, int64 task_id, TransactionId starter)
{
	ListCell   *lc;

	foreach(lc, started)
	{
		Started    *s = lfirst(lc);
		pid_t		pid;
		BgwHandleStatus status;

		if (s->starter != starter)
		{
			pfree(s->handle);
			pfree(s);
			started = foreach_delete_current(started, lc);
			continue;
		}
		status = GetBackgroundWorkerPid(s->handle, &pid);
		if (s->database == database && s->task_id == task_id &&
			(status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED))
			return true;
	}
	return false;
}

static void
note_started(Oid database, int64 task_id, TransactionId starter,
			 BackgroundWorkerHandle *handle)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Started    *s = palloc(sizeof(Started));

	s->database = database;
	s->task_id = task_id;
	s->starter = starter;
	s->handle = handle;
	started = lappend(started, s);
	MemoryContextSwitchTo(old);
}

static void
fill_worker(BackgroundWorker *worker, const char *function, int restart,
			const void *args, Size size)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = restart;
	strlcpy(worker->bgw_library_name, "dtsmig", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	StaticAssertStmt(sizeof(CopyWorkerArgs) <= BGW_EXTRALEN &&
					 sizeof(TaskWorkerArgs) <= BGW_EXTRALEN,
					 "arguments of a worker fit bgw_extra");
	memcpy(worker->bgw_extra, args, size);
}

bool
task_worker_start(Oid database, Oid role, int64 task_id, TransactionId starter)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	TaskWorkerArgs args;
	MemoryContext old;
	bool		registered;

	if (TransactionIdIsValid(starter) && is_started(database, task_id, starter))
		return true;
	memset(&args, 0, sizeof(args));
	args.database = database;
	args.role = role;
	args.task_id = task_id;
	args.starter = starter;
	/* one whose database or role is gone would be started for ever */
	fill_worker(&worker, "dtsmig_task_main",
				launcher_registered ? BGW_NEVER_RESTART : RESTART_SECONDS,
				&args, sizeof(args));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dtsmig task " INT64_FORMAT, task_id);
	strlcpy(worker.bgw_type, "dtsmig task", BGW_MAXLEN);
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(old);
	if (registered && TransactionIdIsValid(starter))
		note_started(database, task_id, starter, handle);
	return registered;
}

BackgroundWorkerHandle *
copy_worker_start(const CopyWorkerArgs *args)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	fill_worker(&worker, "dtsmig_copy_main", BGW_NEVER_RESTART, args, sizeof(*args));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dtsmig copy worker %d of task " INT64_FORMAT,
			 args->slot + 1, args->task_id);
	strlcpy(worker.bgw_type, "dtsmig copy", BGW_MAXLEN);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

bool
task_worker_stop(dsm_handle handle, int64 task_id, long timeout_ms)
{
	TaskShared *copy = palloc(sizeof(TaskShared));
	pid_t		pid = 0;

	for (long waited = 0; waited <= timeout_ms; waited += 10)
	{
		CHECK_FOR_INTERRUPTS();
		if (pid == 0)
		{
			if (!shared_peek(handle, task_id, copy))
				return true;
			pid = copy->pid;
			if (BackendPidGetProc(pid) != NULL)
				(void) kill(pid, SIGTERM);
		}
		if (BackendPidGetProc(pid) == NULL)
			return true;
		pg_usleep(10000);
	}
	return false;
}

static bool connected = false;

/*
 * Called last at the end of a process. Whoever cannot even connect (its
 * database or role is gone, or may not log in) is not to be started again by
 * the postmaster, which looks at the exit status alone; what is wanted is
 * started by the launcher, or by resume_task.
 */
static void
end_for_good(int code, Datum arg)
{
	if (!connected && code == 1)
		_exit(0);
}

void
worker_init(Oid database, Oid role, const char *application)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	connected = false;
	on_proc_exit(end_for_good, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(database, role, 0);
	connected = true;
	SetConfigOption("application_name", application, PGC_USERSET, PGC_S_SESSION);
	pgstat_report_appname(application);
}

/*
 * What must not depend on how the role or the database was set up. What
 * remains theirs: tablespaces, synchronous_commit, memory, logging.
 */
static const char *const session_settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"transaction_timeout", "0"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"row_security", "off"},
	{"check_function_bodies", "off"},
	{"client_min_messages", "warning"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"xmloption", "content"},
	{"quote_all_identifiers", "off"},
	{"enable_indexscan", "on"},
	{"enable_nestloop", "on"}
};

void
worker_search_path(const char *path)
{
	if (path[0] != '\0')
		SetConfigOption("search_path", psprintf("%s, pg_temp", path), PGC_USERSET,
						PGC_S_SESSION);
}

/*
 * As the server's own apply worker does, triggers and rules in their usual
 * form are disabled whoever owns the task; dest/local refuses tables that
 * the owner of the task has no right to do that to, and the guard every other
 * way to them.
 */
void
worker_session(void)
{
	SetConfigOption("session_replication_role", "replica", PGC_SUSET,
					PGC_S_OVERRIDE);
	guard_begin(GetUserId());

	/* text goes to receive functions in the database's encoding */
	SetConfigOption("client_encoding", GetDatabaseEncodingName(), PGC_USERSET,
					PGC_S_SESSION);
	for (int i = 0; i < lengthof(session_settings); i++)
	{
		/* some are of later versions */
		if (GetConfigOption(session_settings[i][0], true, false) != NULL)
			SetConfigOption(session_settings[i][0], session_settings[i][1],
							PGC_USERSET, PGC_S_SESSION);
	}
}
