/*-------------------------------------------------------------------------
 *
 * fdw_row.h
 *	  Rows of the source as rows of a foreign table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_FDW_ROW_H
#define DTSMIG_FDW_ROW_H

#include "postgres.h"
#include "executor/tuptable.h"

#include "foreign/fdw_table.h"

typedef struct FdwRow FdwRow;

/*
 * Of the columns that a relation is read with, the first n of which are those of a
 * foreign table, the others of another one; in the current context.
 */
extern FdwRow *fdw_row_make(const SourceRelation *rel, Oid relid, int n, Oid other);

/*
 * A row of a stream into the slot, which points to its values; domains are
 * checked, what they remember is in cxt.
 */
extern TupleTableSlot *fdw_row_store(FdwRow *row, TupleTableSlot *slot, Datum *values,
									 bool *nulls, MemoryContext cxt);

#endif							/* DTSMIG_FDW_ROW_H */
