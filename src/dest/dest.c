/*-------------------------------------------------------------------------
 *
 * dest.c
 *	  The list of destination engines, and what those elsewhere share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/dest.h"

const DestRoutine *
dest_routine_or_null(const char *engine)
{
	static const DestRoutine *const engines[] = {&local_dest_routine,
		&pgsql_dest_routine, &mysql_dest_routine, &mariadb_dest_routine};

	for (int i = 0; i < lengthof(engines); i++)
	{
		if (strcmp(engines[i]->engine, engine) == 0)
			return engines[i];
	}
	return NULL;
}

const DestRoutine *
dest_routine(const char *engine)
{
	const DestRoutine *routine = dest_routine_or_null(engine);

	if (routine == NULL)
		elog(ERROR, "unknown destination engine: %s", engine);
	return routine;
}

static char *
copy(const char *s)
{
	return s ? pstrdup(s) : NULL;
}

DestPlace *
dest_place_copy(const DestPlace *from)
{
	DestPlace  *place = palloc(sizeof(DestPlace));
	ConnectionInfo *info = palloc(sizeof(ConnectionInfo));

	*place = *from;
	*info = *from->info;
	info->server_name = copy(info->server_name);
	info->server_type = copy(info->server_type);
	info->host = copy(info->host);
	info->hostaddr = copy(info->hostaddr);
	info->user = copy(info->user);
	info->password = copy(info->password);
	info->dbname = copy(info->dbname);
	info->ssl_ca = copy(info->ssl_ca);
	info->ssl_cert = copy(info->ssl_cert);
	info->ssl_key = copy(info->ssl_key);
	info->application = copy(info->application);
	info->stream_name = info->stream_objects = info->server_uid = info->keep_from = NULL;
	place->info = info;
	place->task = copy(from->task);
	place->ledger_schema = copy(from->ledger_schema);
	place->search_path = copy(from->search_path);
	if (from->policy)
		place->policy = memcpy(palloc(sizeof(TypePolicy)), from->policy, sizeof(TypePolicy));
	return place;
}
