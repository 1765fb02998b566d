/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Brings tasks back after a restart of the server.
 *
 * With dtsmig in shared_preload_libraries, the postmaster starts the launcher.
 * Every few seconds it looks at the list of databases and starts, for each in
 * turn, a short-lived worker that connects to it and starts the workers of
 * tasks that are wanted and have none. Without preloading there is no
 * launcher: start_task and resume_task start the worker themselves, the
 * postmaster restarts it after a crash, but not after a restart of the server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/worker.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/table.h"
#include "access/xact.h"
#include "store/progress.h"
#include "store/sql.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
#include "worker/shared.h"

#define LAUNCHER_ROUND_MS 5000

bool		launcher_registered = false;

void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "dtsmig", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dtsmig_launcher_main",
			sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "dtsmig launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "dtsmig launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
	launcher_registered = true;
}

static List *
list_databases(MemoryContext cxt)
{
	List	   *oids = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tup;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tup = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database db = (Form_pg_database) GETSTRUCT(tup);

		if (db->datallowconn && !db->datistemplate)
		{
			MemoryContext old = MemoryContextSwitchTo(cxt);

			oids = lappend_oid(oids, db->oid);
			MemoryContextSwitchTo(old);
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return oids;
}

/* Looks into one database, in a process of its own; waits for its end. */
static void
visit_database(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "dtsmig", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dtsmig_database_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dtsmig look into database %u", database);
	strlcpy(worker.bgw_type, "dtsmig launcher", BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
}

void
dtsmig_launcher_main(Datum arg)
{
	MemoryContext cxt;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", "dtsmig launcher", PGC_USERSET, PGC_S_SESSION);
	pgstat_report_appname("dtsmig launcher");
	cxt = AllocSetContextCreate(TopMemoryContext, "dtsmig launcher",
								ALLOCSET_SMALL_SIZES);
	while (!ShutdownRequestPending)
	{
		List	   *databases;
		ListCell   *lc;

		MemoryContextReset(cxt);
		databases = list_databases(cxt);
		MemoryContextSwitchTo(cxt);
		foreach(lc, databases)
		{
			if (ShutdownRequestPending)
				break;
			visit_database(lfirst_oid(lc));
		}
		if (ShutdownRequestPending)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LAUNCHER_ROUND_MS, dts_wait_event(DTS_WAIT_LAUNCHER));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	proc_exit(0);
}

/* Starts the tasks of this database that are wanted and have no worker. */
static void
start_wanted_tasks(void)
{
	TaskShared *copy = palloc(sizeof(TaskShared));
	ListCell   *lc;

	foreach(lc, store_tasks_to_start())
	{
		const TaskToStart *t = lfirst(lc);

		if (shared_peek((dsm_handle) t->handle, t->id, copy))
			continue;
		if (task_worker_start(MyDatabaseId, t->owner, t->id, InvalidTransactionId))
			ereport(LOG, (errmsg("dtsmig started task " INT64_FORMAT " again", t->id)));
	}
}

void
dtsmig_database_main(Datum arg)
{
	char	   *version;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	/* a cutover of a way back has made the database so */
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	switch (store_state(&version))
	{
		case CATALOG_NONE:
			break;
		case CATALOG_FOREIGN:
			store_refuse_schema();
			break;
		case CATALOG_OLD:
			if (store_note_old(version, 0, 0))
				ereport(LOG,
						(errmsg("tasks of database \"%s\" wait: its extension \"dtsmig\" is of version %s, the library needs %s",
								get_database_name(MyDatabaseId), version,
								STORE_VERSION),
						 errhint("Run ALTER EXTENSION dtsmig UPDATE in that database.")));
			break;
		case CATALOG_FITS:
			start_wanted_tasks();
			break;
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	proc_exit(0);
}
