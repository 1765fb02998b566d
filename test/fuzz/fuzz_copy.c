/*
 * fuzz_copy.c
 *	  libFuzzer target: any bytes as a row in COPY's binary or text format, as
 *	  the copy of a PostgreSQL source sends it. The first byte says which
 *	  format, and how many columns are expected.
 */
#include "server_stubs.h"

#include "fmgr.h"
#include "core/table_owner.h"
#include "lib/stringinfo.h"
#include "core/copy_row.h"
#include "utils/lsyscache.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COLUMNS 8

/* ------------------------------------------------------------------- types */

void
getTypeInputInfo(Oid type, Oid *typInput, Oid *typIOParam)
{
	*typInput = *typIOParam = type;
}

void
getTypeBinaryInputInfo(Oid type, Oid *typReceive, Oid *typIOParam)
{
	*typReceive = *typIOParam = type;
}

void
getTypeOutputInfo(Oid type, Oid *typOutput, bool *typIsVarlena)
{
	*typOutput = type;
	*typIsVarlena = true;
}

void
getTypeBinaryOutputInfo(Oid type, Oid *typSend, bool *typIsVarlena)
{
	*typSend = type;
	*typIsVarlena = true;
}

void
fmgr_info(Oid functionId, FmgrInfo *finfo)
{
	finfo->fn_oid = functionId;
}

Datum
InputFunctionCall(FmgrInfo *flinfo, char *str, Oid typioparam, int32 typmod)
{
	stub_touch(str, strlen(str));
	return PointerGetDatum(pstrdup(str));
}

/* Values are bytes with their length in front. */
Datum
ReceiveFunctionCall(FmgrInfo *flinfo, StringInfo buf, Oid typioparam, int32 typmod)
{
	bytea	   *value = palloc(VARHDRSZ + buf->len);

	/* a receive function may count on the NUL behind */
	if (buf->data[buf->len] != '\0')
		abort();
	SET_VARSIZE(value, VARHDRSZ + buf->len);
	memcpy(VARDATA(value), buf->data, buf->len);
	return PointerGetDatum(value);
}

char *
OutputFunctionCall(FmgrInfo *flinfo, Datum val)
{
	return DatumGetCString(val);
}

bytea *
SendFunctionCall(FmgrInfo *flinfo, Datum val)
{
	return (bytea *) DatumGetPointer(val);
}

Oid
table_owner_of_domain(Oid typid)
{
	return InvalidOid;
}

void
table_owner_begin_value(Oid relid, Oid code, TableOwner *scope)
{
}

void
table_owner_end(const TableOwner *scope)
{
}

/* -------------------------------------------------------------- the target */

/* A row that was read is written, and read again as the same. */
static void
check_again(const SourceRelation *rel, CopyReader *reader, const Datum *values,
			const bool *nulls)
{
	CopyWriter *writer = copy_writer_make(rel);
	Datum		again[COLUMNS];
	bool		again_nulls[COLUMNS];
	StringInfoData buf;

	initStringInfo(&buf);
	copy_writer_put(writer, &buf, values, nulls);
	copy_reader_read(reader, &buf, again, again_nulls);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (nulls[i] != again_nulls[i])
			abort();
		if (nulls[i])
			continue;
		if (rel->text_rows ?
			strcmp(DatumGetCString(values[i]), DatumGetCString(again[i])) != 0 :
			(VARSIZE(DatumGetPointer(values[i])) != VARSIZE(DatumGetPointer(again[i])) ||
			 memcmp(DatumGetPointer(values[i]), DatumGetPointer(again[i]),
					VARSIZE(DatumGetPointer(values[i]))) != 0))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SourceColumn columns[COLUMNS] = {0};
	SourceRelation rel = {0};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	StringInfoData buf;
	CopyReader *reader;

	if (size < 1)
		return 0;
	rel.out = &rel;
	rel.columns = columns;
	rel.ncolumns = 1 + (data[0] >> 1) % COLUMNS;
	rel.text_rows = data[0] & 1;
	for (int i = 0; i < rel.ncolumns; i++)
	{
		columns[i].typid = 1 + i;
		columns[i].replicated = !(data[0] & 0x80) || i % 2 == 0;
	}
	/* as the source engine hands it on: a NUL behind, and no byte more */
	buf.len = size - 1;
	buf.maxlen = size;
	buf.cursor = 0;
	buf.data = palloc(size);
	memcpy(buf.data, data + 1, size - 1);
	buf.data[size - 1] = '\0';
	if (sigsetjmp(stub_error, 0) == 0)
	{
		reader = copy_reader_make(&rel);
		copy_reader_read(reader, &buf, values, nulls);
		check_again(&rel, reader, values, nulls);
	}
	dump_free_all();
	return 0;
}
