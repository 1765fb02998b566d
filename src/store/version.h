/*-------------------------------------------------------------------------
 *
 * version.h
 *	  Definitions of a task's tables, each from a position of the log on: rows
 *	  of dtsmig.table_version. A definition is a TableDef as jsonb
 *	  (model_to_jsonb).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_VERSION_H
#define DTSMIG_STORE_VERSION_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* A definition that holds from position (NULL: from the copy) on. */
extern void store_version_add(int64 table_id, const char *position,
							  Jsonb *definition);
/* The definition that holds now; NULL: there is none. */
extern Jsonb *store_version_latest(int64 table_id);

typedef struct StoreVersion
{
	int64		table_id;
	int64		generation;
	Jsonb	   *definition;
} StoreVersion;

/*
 * Those that hold now of all tables of the task with this table's target, its
 * own among them (StoreVersion *); one of them as it is from here on.
 */
extern List *store_versions_of_target(int64 table_id);
extern void store_version_correct(const StoreVersion *version);

#endif							/* DTSMIG_STORE_VERSION_H */
