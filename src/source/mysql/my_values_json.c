/*-------------------------------------------------------------------------
 *
 * my_values_json.c
 *	  MySQL's binary JSON as Datums: it is printed as MySQL prints it, and goes
 *	  on to the column's text decoder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/binlog_json.h"
#include "source/mysql/my_value_impl.h"

#include "utils/memutils.h"

static bool
grow_text(BinlogText *text, size_t wanted)
{
	Size		size = Max(wanted, text->size * 2);

	if (wanted > MaxAllocHugeSize / 2)
		return false;
	size = Max(size, 256);
	text->data = text->data == NULL ?
		MemoryContextAllocHuge(CurrentMemoryContext, size) :
		repalloc_huge(text->data, size);
	text->size = size;
	return true;
}

static void *
alloc_piece(size_t size)
{
	return palloc_extended(size, MCXT_ALLOC_HUGE);
}

static bool
put_json(MyColumn *c, BinlogText *text, Datum *value)
{
	bool		result = c->text_datum(c, (const uint8 *) text->data, text->len,
									   value);

	pfree(text->data);
	return result;
}

pg_noreturn static void
bad_json(MyColumn *c, const BinlogError *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the log holds no valid JSON for column \"%s\": %s",
					c->col->name, error->message)));
}

bool
my_binlog_json(MyColumn *c, const uint8 *data, Size len, Datum *value)
{
	BinlogText	text = {NULL, 0, 0, grow_text, 0};
	BinlogError error;
	const uint8 *bytes;
	size_t		n;

	binlog_get_bytes(&c->wire, data, &bytes, &n);
	if (!binlog_json_text(bytes, n, &text, &error))
		bad_json(c, &error);
	return put_json(c, &text, value);
}

/* The tree of the changes is made in a context of its own. */
bool
my_binlog_json_diffs(MyColumn *c, const uint8 *before, Size before_len,
					 const uint8 *diffs, Size diffs_len, Datum *value)
{
	BinlogText	text = {NULL, 0, 0, grow_text, 0};
	BinlogError error;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig partial JSON",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	bool		result;

	if (!binlog_json_patched(before, before_len, diffs, diffs_len, alloc_piece,
							 &text, &error))
		bad_json(c, &error);
	MemoryContextSwitchTo(old);
	result = put_json(c, &text, value);
	MemoryContextDelete(cxt);
	return result;
}
