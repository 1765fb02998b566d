/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The session of the engine "local" is this process's own: what is done
 *	  commits with the catalog, which needs no ledger to follow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/one_statement.h"
#include "dest/local/local.h"
#include "utils/guc.h"

void
local_attach(const DestPlace *place)
{
	one_statement_runs_by(NULL, true);
}

void
local_detach(void)
{
}

void
local_identify(DestIdentity *id)
{
	memset(id, 0, sizeof(*id));
	id->product = "PostgreSQL";
	id->version = pstrdup(GetConfigOption("server_version", false, false));
	id->version_num = atoi(GetConfigOption("server_version_num", false, false));
	id->disables_triggers = true;
}

char *
local_value(const char *sql)
{
	return select_one_value(sql);
}

char *
local_claim(const char *key)
{
	return NULL;
}

char *
local_recorded(const char *key)
{
	return NULL;
}

void
local_unclaim(const char *key)
{
}

void
local_record(const char *key, const char *value)
{
}

char *
local_position(void)
{
	return NULL;
}

void
local_set_position(const char *position)
{
}

void
local_forget_task(void)
{
}
