/*-------------------------------------------------------------------------
 *
 * fdw_handler.c
 *	  The handler of dtsmig_fdw: what its foreign tables can do.
 *
 * They are read, with the decoders and the type map of a migration, and written
 * to. Scans are not parallel: another process would have another snapshot of the
 * source.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_join.h"
#include "foreign/fdw_modify.h"
#include "foreign/fdw_plan.h"

DTS_FUNCTION(dtsmig_fdw_handler);

Datum
dtsmig_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = fdw_get_size;
	routine->GetForeignPaths = fdw_get_paths;
	routine->GetForeignPlan = fdw_get_plan;
	routine->GetForeignJoinPaths = fdw_get_join_paths;
	routine->GetForeignUpperPaths = fdw_get_upper_paths;
	routine->BeginForeignScan = fdw_begin_scan;
	routine->IterateForeignScan = fdw_iterate_scan;
	routine->ReScanForeignScan = fdw_rescan;
	routine->EndForeignScan = fdw_end_scan;
	routine->ExplainForeignScan = fdw_explain_scan;
	routine->AnalyzeForeignTable = fdw_analyze;
	routine->ImportForeignSchema = fdw_import;
	routine->IsForeignRelUpdatable = fdw_is_updatable;
	routine->AddForeignUpdateTargets = fdw_add_update_targets;
	routine->PlanForeignModify = fdw_plan_modify;
	routine->BeginForeignModify = fdw_begin_modify;
	routine->ExecForeignInsert = fdw_exec_insert;
	routine->ExecForeignBatchInsert = fdw_exec_batch_insert;
	routine->GetForeignModifyBatchSize = fdw_batch_size;
	routine->ExecForeignUpdate = fdw_exec_update;
	routine->ExecForeignDelete = fdw_exec_delete;
	routine->EndForeignModify = fdw_end_modify;
	routine->BeginForeignInsert = fdw_begin_insert;
	routine->EndForeignInsert = fdw_end_modify;
	routine->ExplainForeignModify = fdw_explain_modify;
	routine->ExecForeignTruncate = fdw_truncate;
	routine->IsForeignPathAsyncCapable = fdw_is_async;
	routine->ForeignAsyncRequest = fdw_async_request;
	routine->ForeignAsyncConfigureWait = fdw_async_configure;
	routine->ForeignAsyncNotify = fdw_async_notify;
	PG_RETURN_POINTER(routine);
}
