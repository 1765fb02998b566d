/*-------------------------------------------------------------------------
 *
 * fdw_handler.c
 *	  The handler of dtsmig_fdw: what its foreign tables can do.
 *
 * They are read, with the decoders and the type map of a migration; nothing is
 * written through them. Scans are not parallel: another process would have
 * another snapshot of the source.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_plan.h"

DTS_FUNCTION(dtsmig_fdw_handler);

Datum
dtsmig_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = fdw_get_size;
	routine->GetForeignPaths = fdw_get_paths;
	routine->GetForeignPlan = fdw_get_plan;
	routine->GetForeignUpperPaths = fdw_get_upper_paths;
	routine->BeginForeignScan = fdw_begin_scan;
	routine->IterateForeignScan = fdw_iterate_scan;
	routine->ReScanForeignScan = fdw_rescan;
	routine->EndForeignScan = fdw_end_scan;
	routine->ExplainForeignScan = fdw_explain_scan;
	routine->AnalyzeForeignTable = fdw_analyze;
	routine->ImportForeignSchema = fdw_import;
	PG_RETURN_POINTER(routine);
}
