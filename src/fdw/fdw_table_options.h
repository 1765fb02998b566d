/*-------------------------------------------------------------------------
 *
 * fdw_table_options.h
 *	  Options of foreign tables and their columns: what there is, validation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_TABLE_OPTIONS_H
#define DTSMIG_FDW_TABLE_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "core/options.h"

/* Raises HV00D or HV024 for what is no option of a foreign table or column. */
extern void fdw_table_validate(List *given, Oid catalog);

/* Rows of an INSERT that are sent at a time. */
#define FDW_BATCH_DEFAULT 100
#define FDW_BATCH_MAX 10000

/* Options of a foreign table and of its server: "updatable", "truncatable". */
extern bool fdw_table_allows(List *table, List *server, const char *name);
extern int	fdw_table_batch_size(List *table, List *server);
/* May its scans be asynchronous? */
extern bool fdw_table_is_async(List *table, List *server);
/* Of a column: is it one of the key? */
extern bool fdw_table_is_key(List *column);

/* Is it an option of the type map? */
extern bool fdw_table_is_type_option(const char *name);

/* The type map's options among those of a foreign table, defaults for the rest. */
extern TaskOptions *fdw_table_type_options(List *given);

#endif							/* DTSMIG_FDW_TABLE_OPTIONS_H */
