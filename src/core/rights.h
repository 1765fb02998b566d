/*-------------------------------------------------------------------------
 *
 * rights.h
 *	  What a role may do, where more than one room asks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RIGHTS_H
#define DTSMIG_RIGHTS_H

#include "postgres.h"
#include "utils/acl.h"

/* May the role SET session_replication_role although it is no superuser? */
static inline bool
dts_may_set_replication_role(Oid roleid)
{
	return pg_parameter_aclcheck("session_replication_role", roleid,
								 ACL_SET) == ACLCHECK_OK;
}

#endif							/* DTSMIG_RIGHTS_H */
