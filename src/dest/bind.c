/*-------------------------------------------------------------------------
 *
 * bind.c
 *	  What engines have in common when they join a relation with its table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/bind.h"

void
bind_clear_column(SourceColumn *col)
{
	col->replicated = false;
	col->generated = false;
	col->target_attnum = InvalidAttrNumber;
	col->typid = InvalidOid;
	col->typmod = -1;
	col->collation = InvalidOid;
	col->target_not_null = false;
	col->target_typid = InvalidOid;
}

void
bind_refuse_missing_column(const SourceRelation *rel, const SourceColumn *col)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s.%s\" has no column \"%s\"",
					rel->target_schema, rel->target_name,
					col->target_name),
			 errdetail("It is to receive column \"%s\" of the source's table \"%s.%s\".",
					   col->name, rel->schema, rel->name),
			 errhint("Add the column, or leave it out with a rule in the task's objects."),
			 ERR_SOURCE_TABLE(rel)));
}

void
bind_refuse_missing_table(const SourceRelation *rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("table \"%s.%s\" does not exist at the destination",
					rel->target_schema, rel->target_name),
			 errdetail("It is to receive the source's table \"%s.%s\".",
					   rel->schema, rel->name),
			 errhint("Create it, or let the task migrate the schema."),
			 ERR_SOURCE_TABLE(rel)));
}

/*
 * A key whose column does not arrive (left out by a rule, or generated at the
 * destination) cannot find a row. Whole rows still can.
 */
void
bind_check_key(SourceRelation *rel)
{
	for (int i = 0; i < rel->nkey; i++)
	{
		const SourceColumn *col = &rel->columns[rel->key[i]];

		if (col->replicated && !col->generated)
			continue;
		for (int c = 0; c < rel->ncolumns; c++)
			rel->columns[c].in_key = false;
		rel->nkey = 0;
	}
}
