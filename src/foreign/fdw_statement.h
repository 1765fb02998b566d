/*-------------------------------------------------------------------------
 *
 * fdw_statement.h
 *	  Statements that write rows of a foreign table at the source.
 *
 * Columns are attributes of the foreign table; the table is prepared to be
 * written to. Without a slot, or without values of a key, "?" stands for them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_STATEMENT_H
#define DTSMIG_FDW_STATEMENT_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"

#include "foreign/fdw_table.h"

typedef struct FdwKeyValues
{
	int			n;
	AttrNumber *attnos;
	Datum	   *values;			/* NULL: not known */
	bool	   *nulls;
} FdwKeyValues;

/* What an INSERT begins with; and one of its rows, all attributes deformed. */
extern void fdw_statement_insert(StringInfo sql, const FdwTable *table, const Bitmapset *columns);
extern void fdw_statement_row(StringInfo sql, const FdwTable *table, const Bitmapset *columns,
							  TupleTableSlot *slot);
extern void fdw_statement_update(StringInfo sql, const FdwTable *table, const Bitmapset *columns,
								 TupleTableSlot *slot, const FdwKeyValues *key);
extern void fdw_statement_delete(StringInfo sql, const FdwTable *table, const FdwKeyValues *key);

/* The condition for the row of a key; and for one column of it, 23502 where it is NULL. */
extern void fdw_statement_condition(StringInfo sql, const FdwTable *table,
									const FdwKeyValues *key);
extern void fdw_statement_match(StringInfo sql, const FdwTable *table, int attno, Datum value,
								bool isnull);

#endif							/* DTSMIG_FDW_STATEMENT_H */
