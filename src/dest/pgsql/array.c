/*-------------------------------------------------------------------------
 *
 * array.c
 *	  Arrays in binary form, as parameters of statements: a column of the rows
 *	  that a statement takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "dest/pgsql/pgsql.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ndim, has nulls, element type, length, lower bound */
#define ARRAY_HEADER 20

static void
put_int32(StringInfo buf, int32 value)
{
	uint32		n = pg_hton32((uint32) value);

	appendBinaryStringInfo(buf, (const char *) &n, sizeof(n));
}

void
array_reset(PgArray *a)
{
	resetStringInfo(&a->data);
	for (int i = 0; i < ARRAY_HEADER; i++)
		appendStringInfoChar(&a->data, '\0');
	a->n = 0;
	a->nulls = false;
}

/*
 * The type of the elements that hold values of a column: its own, unless there
 * are no arrays of that; then text.
 */
Oid
array_element(const SourceColumn *col)
{
	if (OidIsValid(get_element_type(col->typid)) ||
		!OidIsValid(get_array_type(col->typid)))
		return TEXTOID;
	return col->typid;
}

void
array_init(PgArray *a, Oid elem, Oid typid)
{
	Oid			function;
	bool		varlena;

	memset(a, 0, sizeof(*a));
	a->elem = elem;
	a->by_output = elem != typid;
	if (a->by_output)
		getTypeOutputInfo(typid, &function, &varlena);
	else
		getTypeBinaryOutputInfo(elem, &function, &varlena);
	fmgr_info(function, &a->function);
	initStringInfo(&a->data);
	array_reset(a);
}

void
array_put_text(PgArray *a, const char *value)
{
	a->n++;
	if (value == NULL)
	{
		a->nulls = true;
		put_int32(&a->data, -1);
		return;
	}
	put_int32(&a->data, (int32) strlen(value));
	appendBinaryStringInfo(&a->data, value, strlen(value));
}

void
array_put_int8(PgArray *a, int64 value)
{
	uint64		n = pg_hton64((uint64) value);

	a->n++;
	put_int32(&a->data, sizeof(n));
	appendBinaryStringInfo(&a->data, (const char *) &n, sizeof(n));
}

void
array_put(PgArray *a, Datum value, bool isnull)
{
	bytea	   *sent;

	if (isnull || a->by_output)
	{
		array_put_text(a, isnull ? NULL : OutputFunctionCall(&a->function, value));
		return;
	}
	if (a->elem == INT8OID)
	{
		array_put_int8(a, DatumGetInt64(value));
		return;
	}
	sent = SendFunctionCall(&a->function, value);
	a->n++;
	put_int32(&a->data, VARSIZE(sent) - VARHDRSZ);
	appendBinaryStringInfo(&a->data, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
	pfree(sent);
}

char *
array_take(PgArray *a, int *len)
{
	uint32		header[5];

	header[0] = pg_hton32(a->n > 0 ? 1 : 0);
	header[1] = pg_hton32(a->nulls ? 1 : 0);
	header[2] = pg_hton32(a->elem);
	header[3] = pg_hton32((uint32) a->n);
	header[4] = pg_hton32(1);
	memcpy(a->data.data, header, sizeof(header));
	*len = a->n > 0 ? a->data.len : 12;
	return a->data.data;
}

char *
array_type(Oid elem)
{
	return psprintf("%s[]", format_type_extended(elem, -1,
												 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
}

/* Of several arrays it is a form of FROM, which takes no schema. */
const char *
array_rows_from(int n)
{
	return n == 1 ? "pg_catalog.unnest" : "unnest";
}
