/*-------------------------------------------------------------------------
 *
 * precheck.h
 *	  Results of the precheck, and items whose warnings somebody has decided to
 *	  live with: rows of dtsmig.precheck_item and dtsmig.precheck_ignored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_PRECHECK_H
#define DTSMIG_STORE_PRECHECK_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* A result; of the texts any but item and status may be NULL. */
typedef struct StorePrecheckItem
{
	const char *item;
	const char *status;			/* of PRECHECK_… (core/precheck.h) */
	const char *found;
	const char *advice;
	const char *sql;
	const char *run_at;
} StorePrecheckItem;

/* Those of the last precheck are gone; the result that is number no of this one. */
extern void store_precheck_forget(int64 task_id);
extern void store_precheck_add(int64 task_id, int64 no,
							   const StorePrecheckItem *item);
/* Names of the items that have failed, by commas; NULL: none. */
extern char *store_precheck_failed(int64 task_id);
/* Has this item failed? *found: the first of what was found; may be NULL. */
extern bool store_precheck_has_failed(int64 task_id, const char *item,
									  char **found);
/* The item's warnings are of another status from here on: from and to. */
extern void store_precheck_set_status(int64 task_id, const char *item,
									  const char *from, const char *to);

/* Items that are ignored: char *. */
extern List *store_precheck_ignored(int64 task_id);
/* by: a role. False: it is ignored, or not, already. */
extern bool store_precheck_ignore(int64 task_id, const char *item,
								  const char *by);
extern bool store_precheck_heed(int64 task_id, const char *item);

#endif							/* DTSMIG_STORE_PRECHECK_H */
