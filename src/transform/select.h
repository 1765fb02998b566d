/*-------------------------------------------------------------------------
 *
 * select.h
 *	  Which tables a task moves, and what they are called at the destination:
 *	  the rules of create_task's objects.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SELECT_H
#define DTSMIG_SELECT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "schema/model.h"
#include "transform/rule.h"

typedef struct Selection Selection;

/*
 * Reads the rules (NULL: everything). Raises 22023 for what is no rule, with
 * the rule's number. Lives in the current context.
 */
extern Selection *selection_parse(Jsonb *objects);

/* Is this table selected? */
extern bool selection_has(const Selection *sel, const char *schema,
						  const char *table);

/*
 * Is it selected, and what is it renamed to? *target_schema and *target_table
 * are NULL where the rule says nothing.
 */
extern bool selection_match(const Selection *sel, const char *schema,
							const char *table, char **target_schema,
							char **target_table);

/* What rules say of the table's rows; NULL: they go as they are. */
extern const ShapeRule *selection_shape(const Selection *sel,
										const char *schema, const char *table);

/*
 * Are objects of this schema selected that are no relations: do rules take it
 * as a whole? *target is what it is renamed to; NULL where no rule says.
 */
extern bool selection_schema(const Selection *sel, const char *schema,
							 char **target);
/*
 * Is everything taken that no rule excludes? *all: is nothing excluded either?
 */
extern bool selection_takes_rest(const Selection *sel, bool *all);

/* Schemas that rules name without a wildcard (char *), each once. */
extern List *selection_schemas(const Selection *sel);

/*
 * Rules that name one table (schema.table) which is not among tables
 * (TableDef *): a List of char *, for the precheck.
 */
extern List *selection_unmatched(const Selection *sel, List *tables);

#endif							/* DTSMIG_SELECT_H */
