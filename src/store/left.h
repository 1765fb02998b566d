/*-------------------------------------------------------------------------
 *
 * left.h
 *	  Tables at the destination that a task has made and follows no more: names,
 *	  qualified and quoted, in dtsmig.task.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STORE_LEFT_H
#define DTSMIG_STORE_LEFT_H

#include "postgres.h"

extern void store_left_add(int64 task_id, const char *name);
extern bool store_left_has(int64 task_id, const char *name);
/*
 * It is none any more, for another table (table_id) that gets its name. False: it
 * was none, or a third table of a task has that name (schema, table).
 */
extern bool store_left_take(int64 task_id, const char *name, const char *schema,
							const char *table, int64 table_id);

#endif							/* DTSMIG_STORE_LEFT_H */
