/*-------------------------------------------------------------------------
 *
 * dtsmig.c
 *	  The module's entry point.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("dtsmig.max_tasks_per_role",
							"Most tasks that a role may have running at a time; superusers may have more.",
							"Each takes background worker slots, which the whole server shares.",
							&max_tasks_per_role, 20, 1, 10000, PGC_SUSET, 0,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("dtsmig");
	if (process_shared_preload_libraries_in_progress)
		launcher_register();
}
