/*-------------------------------------------------------------------------
 *
 * dest.c
 *	  The list of destination engines.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/dest.h"

const DestRoutine *
dest_routine(const char *engine)
{
	static const DestRoutine *const engines[] = {&local_dest_routine,
		&pgsql_dest_routine};

	for (int i = 0; i < lengthof(engines); i++)
	{
		if (strcmp(engines[i]->engine, engine) == 0)
			return engines[i];
	}
	elog(ERROR, "unknown destination engine: %s", engine);
	return NULL;
}
