/*
 * destination.c
 *	  The destination of the model is this database.
 */
#include "model.h"

#include "dest/dest.h"
#include "worker/destination.h"

const DestRoutine pgsql_dest_routine = {.engine = "none"};
const DestRoutine mysql_dest_routine = {.engine = "none"};
const DestRoutine mariadb_dest_routine = {.engine = "none"};

const DestRoutine *
destination_attach(const TaskRecord *task, const TaskOptions *options, Oid role,
				   bool worker)
{
	return &local_dest_routine;
}

void
destination_leave(void)
{
}

const DestRoutine *
destination(void)
{
	return &local_dest_routine;
}

char *
destination_job(int64 job_id)
{
	return "";
}

char *
destination_delete_sql(const char *table, const char *condition)
{
	return "";
}
