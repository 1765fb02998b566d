/*-------------------------------------------------------------------------
 *
 * shards.h
 *	  Tables that go into one table at the destination, and how their rows are
 *	  distinguished in it: by columns that a rule sets to a constant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SHARDS_H
#define DTSMIG_SHARDS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "transform/select.h"

/*
 * RuleSet *: columns that are the same in all rows of a table of the source,
 * expr being the value as text. rule may be NULL. A transaction is open.
 */
extern List *shard_tags(const ShapeRule *rule, const char *schema,
						const char *table);
/* The condition for rows with these tags; NULL: there are none. */
extern char *shard_condition(List *tags);
/* Does some column distinguish the rows of the two? */
extern bool shards_differ(List *a, List *b);

/*
 * The condition for a table's own rows at the destination, where other tables
 * of this task or of others go into the same table. NULL: none does. Raises
 * an error, with what to do, where rows cannot be distinguished.
 */
extern char *shard_own_rows(int64 task_id, int64 table_id,
							const Selection *selection);
/* Does any other table go into the same one at the destination? */
extern bool shard_is_alone(int64 task_id, int64 table_id);

#endif							/* DTSMIG_SHARDS_H */
