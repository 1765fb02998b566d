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
#include "utils/jsonb.h"

/* A definition that holds from position (NULL: from the copy) on. */
extern void store_version_add(int64 table_id, const char *position,
							  Jsonb *definition);
/* The definition that holds now; NULL: there is none. */
extern Jsonb *store_version_latest(int64 table_id);

#endif							/* DTSMIG_STORE_VERSION_H */
