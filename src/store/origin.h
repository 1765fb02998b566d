/*-------------------------------------------------------------------------
 *
 * origin.h
 *	  What a task remembers of its source, in its row of dtsmig.task: which
 *	  server it is, what records its statements, and its collations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_ORIGIN_H
#define DTSMIG_STORE_ORIGIN_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* By which its server is known again; NULL: it has not been noted yet. */
extern char *store_source_identity(int64 task_id);
/* What records the source's statements from here on. What was; NULL: nothing. */
extern char *store_source_change_mark(int64 task_id, const char *mark);

/* The collation of new tables of a schema that say none. */
typedef struct StoreCollation
{
	char	   *schema;
	char	   *collation;
} StoreCollation;

/* None is known; one is, instead of what was. */
extern void store_source_forget_collations(int64 task_id);
extern void store_source_set_collation(int64 task_id, const char *schema,
									   const char *collation);
/* All that are known: StoreCollation *. */
extern List *store_source_collations(int64 task_id);

#endif							/* DTSMIG_STORE_ORIGIN_H */
