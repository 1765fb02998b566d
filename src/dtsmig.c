/*-------------------------------------------------------------------------
 *
 * dtsmig.c
 *	  The module's entry point.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (process_shared_preload_libraries_in_progress)
		launcher_register();
}
