/*-------------------------------------------------------------------------
 *
 * fdw_row.c
 *	  Rows of the source as rows of a foreign table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_row.h"

#include "core/table_owner.h"
#include "utils/builtins.h"

struct FdwRow
{
	int			n;				/* attributes that are read: */
	AttrNumber *attnos;			/* in the order of the stream's columns */
	Oid		   *relid;			/* of each: the foreign table */
	Oid		   *domain;			/* of each: a domain to be checked */
	Oid		   *code;			/* whose code that is */
	void	  **extra;
};

FdwRow *
fdw_row_make(const SourceRelation *rel, Oid relid, int n, Oid other)
{
	FdwRow	   *row = palloc0(sizeof(FdwRow));

	row->relid = palloc0(sizeof(Oid) * rel->ncolumns);
	row->attnos = palloc0(sizeof(AttrNumber) * rel->ncolumns);
	row->domain = palloc0(sizeof(Oid) * rel->ncolumns);
	row->code = palloc0(sizeof(Oid) * rel->ncolumns);
	row->extra = palloc0(sizeof(void *) * rel->ncolumns);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		int			at = row->n;

		if (!rel->columns[i].replicated)
			continue;
		row->attnos[at] = rel->columns[i].target_attnum;
		row->relid[at] = i < n ? relid : other;
		row->domain[at] = rel->columns[i].target_typid;
		if (OidIsValid(row->domain[at]))
			row->code[at] = table_owner_of_domain(row->domain[at]);
		row->n++;
	}
	return row;
}

/* What the domain of a column asks for, as the table's owner. */
static void
check_domain(FdwRow *row, int i, Datum value, bool isnull, MemoryContext cxt)
{
	TableOwner	owner;

	table_owner_begin_value(row->relid[i], row->code[i], &owner);
	domain_check(value, isnull, row->domain[i], &row->extra[i], cxt);
	table_owner_end(&owner);
}

TupleTableSlot *
fdw_row_store(FdwRow *row, TupleTableSlot *slot, Datum *values, bool *nulls,
			  MemoryContext cxt)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < row->n; i++)
	{
		int			a = row->attnos[i] - 1;

		if (OidIsValid(row->domain[i]))
			check_domain(row, i, values[i], nulls[i], cxt);
		slot->tts_values[a] = values[i];
		slot->tts_isnull[a] = nulls[i];
	}
	return ExecStoreVirtualTuple(slot);
}
