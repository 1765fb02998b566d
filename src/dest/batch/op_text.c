/*-------------------------------------------------------------------------
 *
 * op_text.c
 *	  What messages say of an operation: its table, its row, what is wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "core/error_place.h"
#include "dest/batch/batch.h"

/* Bytes of a value shown in a message. */
#define SHOWN_BYTES 64

static const char *
operation_name(ChangeKind kind)
{
	switch (kind)
	{
		case CHANGE_INSERT:
			return "INSERT";
		case CHANGE_UPDATE:
			return "UPDATE";
		case CHANGE_DELETE:
			return "DELETE";
		default:
			return "change";
	}
}

/* "(id, n)=(1, x)": the key of a row, or as much of a keyless row. */
static char *
key_text(ApplyTable *table, const Row *row)
{
	SourceRelation *rel = table->rel;
	bool		keyless = rel->nkey == 0;
	int			n = keyless ? table->ncols : rel->nkey;
	StringInfoData names;
	StringInfoData values;
	int			i;

	initStringInfo(&names);
	initStringInfo(&values);
	for (i = 0; i < n; i++)
	{
		int			col = keyless ? table->cols[i] : rel->key[i];
		char	   *value = "null";

		if (values.len > 8 * SHOWN_BYTES)
			break;
		if (row->status[col] == COLUMN_VALUE && table->out_func)
			value = OidOutputFunctionCall(table->out_func[col],
										  row->values[col]);
		else if (row->status[col] != COLUMN_NULL)
			value = "?";
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 rel->columns[col].name);
		appendStringInfoString(&values, i > 0 ? ", " : "");
		if (strlen(value) > SHOWN_BYTES)
		{
			appendBinaryStringInfo(&values, value,
								   pg_mbcliplen(value, strlen(value),
												SHOWN_BYTES));
			appendStringInfoString(&values, "...");
		}
		else
			appendStringInfoString(&values, value);
	}
	return psprintf("(%s)=(%s)", names.data, values.data);
}

/* The row by which an operation is named. */
static const Row *
naming_row(const ApplyOp *op)
{
	if (op->kind == CHANGE_INSERT || op->old.values == NULL)
		return &op->new;
	return &op->old;
}

static void
op_error_context(void *arg)
{
	ApplyOp    *op = arg;
	SourceRelation *rel = op->table->rel;

	error_place_context(rel->schema, rel->name,
						psprintf("applying %s to table \"%s.%s\", row %s",
								 operation_name(op->kind), rel->schema, rel->name,
								 key_text(op->table, naming_row(op))));
}

void
op_push_context(ApplyOp *op, ErrorContextCallback *callback)
{
	callback->callback = op_error_context;
	callback->arg = op;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

/* Raises an error unless one row was hit. */
void
op_check_found(const ApplyOp *op, uint64 processed)
{
	SourceRelation *rel = op->table->rel;

	if (op->loose || processed == 1)
		return;
	if (processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%llu rows of table \"%s.%s\" at the destination have the key of one row of the source",
						(unsigned long long) processed,
						rel->target_schema, rel->target_name),
				 errdetail("Row %s.", key_text(op->table, naming_row(op))),
				 errhint("Remove the surplus rows, and give the table a unique index on its key.")));
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 op->kind == CHANGE_DELETE ?
			 errmsg("row to delete is not in table \"%s.%s\" at the destination",
					rel->target_schema, rel->target_name) :
			 errmsg("row to update is not in table \"%s.%s\" at the destination",
					rel->target_schema, rel->target_name),
			 errdetail("Row %s.", key_text(op->table, naming_row(op))),
			 errhint("The destination was changed by somebody else: make it as it was, or have the table copied again.")));
}
