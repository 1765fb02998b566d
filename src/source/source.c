/*-------------------------------------------------------------------------
 *
 * source.c
 *	  The list of source engines.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/source.h"

const SourceRoutine *
source_routine(const char *server_type)
{
	if (strcmp(server_type, "mysql") == 0 || strcmp(server_type, "mariadb") == 0)
		return &mysql_source_routine;
	if (strcmp(server_type, "postgresql") == 0)
		return &pgsql_source_routine;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("servers of type \"%s\" cannot be a source", server_type),
			 errhint("Sources are of type mariadb, mysql or postgresql.")));
	return NULL;
}
