/*-------------------------------------------------------------------------
 *
 * pg_objects.h
 *	  From the entries of pg_dump's archive to the statements of a schema plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_OBJECTS_H
#define DTSMIG_PG_OBJECTS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "schema/model.h"
#include "source/pgsql/pg_archive.h"
#include "source/pgsql/pg_facts.h"

/*
 * PlanStatements, in the order in which they are to be run within their phase.
 */
extern List *pg_plan_entries(List *entries, PgFacts *facts);

/*
 * pg_grants.c: roles. The statements of a GRANT entry whose roles the
 * destination has, in one text; "" if none is left. *missing (char *) receives
 * the names of those that it has not.
 */
extern char *pg_grants_of_known_roles(const char *sql, List **missing);
/* Roles that a policy is for and the destination has not (char *). */
extern List *pg_missing_policy_roles(const char *sql);
/* ALTER … OWNER TO for an entry; NULL: it has no owner of its own. */
extern char *pg_owner_statement(const PgEntry *entry);

#endif							/* DTSMIG_PG_OBJECTS_H */
