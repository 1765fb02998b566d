/*-------------------------------------------------------------------------
 *
 * local_source.c
 *	  The source "local" (see local_source.h).
 *
 * It is reached as any other source is, over a connection with the user mapping
 * of the task's owner: nobody has more rights for being here already. What
 * answers is asked who it is: a copy of this cluster would have the same
 * identity, but has been started at another time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/local_source.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#define WHO \
	"SELECT pg_catalog.concat_ws('/', c.system_identifier, d.oid, " \
	"(EXTRACT(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::pg_catalog.int8) " \
	"FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d " \
	"WHERE d.datname = pg_catalog.current_database()"

void
source_check_local(const TaskRecord *task, const SourceRoutine *source, SourceConn *conn)
{
	char	   *there;

	if (!source_is_local(task))
		return;
	there = source->own_definitions ? source->check_value(conn, WHO) : NULL;
	if (there != NULL && strcmp(there, store_query(WHO, "")->values[0][0]) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("server \"%s\" does not lead to this database", SOURCE_LOCAL),
			 errdetail("A source of that name is this very database."),
			 errhint("ALTER SERVER %s OPTIONS (SET host '127.0.0.1', SET port '%s', SET dbname %s); or give that server another name.",
					 SOURCE_LOCAL, GetConfigOption("port", false, false),
					 quote_literal_cstr(get_database_name(MyDatabaseId)))));
}
