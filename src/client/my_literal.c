/*-------------------------------------------------------------------------
 *
 * my_literal.c
 *	  Literals of a MySQL-family server that are more than a number or a date.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/my_literal.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

/* Of the type in PostGIS' form of a geometry: its SRID follows. */
#define EWKB_SRID 0x20000000

static const char hex_digits[] = "0123456789abcdef";

void
my_literal_refuse(const SourceRelation *rel, int col, int code, const char *what, const char *option)
{
	const MyWriter *writer = ((const MyTarget *) rel->bound)->writer;

	ereport(ERROR,
			(errcode(code),
			 errmsg("column \"%s\" of table \"%s.%s\" at %s cannot hold %s",
					rel->columns[col].target_name, rel->target_schema, rel->target_name,
					writer->place, what),
			 !writer->task ? errhint("Change the value, or the column of the table at the server.") :
			 option ?
			 errhint("SELECT dtsmig.alter_task('…', '{%s}'); and resume the task.", option) :
			 errhint("Change the value at the source, or the column at the destination."),
			 ERR_SOURCE_TABLE(rel)));
}

void
my_literal_text(StringInfo sql, const char *text, Size len)
{
	const char *end = text + len;

	appendStringInfoChar(sql, '\'');
	while (text < end)
	{
		const char *s = text;

		while (s < end && *s != '\'' && *s != '\\')
			s++;
		appendBinaryStringInfo(sql, text, s - text);
		if (s < end)
		{
			appendStringInfoChar(sql, *s);
			appendStringInfoChar(sql, *s++);
		}
		text = s;
	}
	appendStringInfoChar(sql, '\'');
}

void
my_literal_hex(StringInfo sql, const uint8 *data, Size len)
{
	enlargeStringInfo(sql, (int) (2 * len + 2));
	for (Size i = 0; i < len; i++)
	{
		sql->data[sql->len++] = hex_digits[data[i] >> 4];
		sql->data[sql->len++] = hex_digits[data[i] & 15];
	}
	sql->data[sql->len] = '\0';
}

char *
my_literal_set(const SourceRelation *rel, int col, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	FmgrInfo	output;
	Oid			function;
	bool		varlena;
	Datum	   *labels;
	bool	   *nulls;
	int			n;
	int16		len;
	bool		byval;
	char		align;
	StringInfoData buf;

	getTypeOutputInfo(ARR_ELEMTYPE(array), &function, &varlena);
	fmgr_info(function, &output);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &len, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), len, byval, align, &labels, &nulls, &n);
	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
	{
		char	   *label = nulls[i] ? NULL : OutputFunctionCall(&output, labels[i]);

		if (label == NULL || label[0] == '\0' || strchr(label, ',') != NULL)
			my_literal_refuse(rel, col, ERRCODE_INVALID_PARAMETER_VALUE,
				   "an element that is none of its labels", NULL);
		appendStringInfo(&buf, "%s%s", i > 0 ? "," : "", label);
	}
	return buf.data;
}

/* As the server keeps it: the SRID, and WKB. */
static void
append_geometry(StringInfo sql, const SourceRelation *rel, int col, const uint8 *wkb, Size len,
				bool postgis)
{
	const MyTarget *target = rel->bound;
	uint32		srid = target->columns[col].srid;
	uint8		head[5] = {0};
	uint8		id[4];
	uint32		type;

	if (len < sizeof(head) || wkb[0] != 1)
		my_literal_refuse(rel, col, ERRCODE_INVALID_PARAMETER_VALUE,
			   "a value that is no WKB of little endian", NULL);
	memcpy(head, wkb, sizeof(head));
	type = head[1] | head[2] << 8 | head[3] << 16 | (uint32) head[4] << 24;
	wkb += sizeof(head);
	len -= sizeof(head);
	if (postgis && (type & EWKB_SRID) != 0 && len >= sizeof(id))
	{
		srid = wkb[0] | wkb[1] << 8 | wkb[2] << 16 | (uint32) wkb[3] << 24;
		type &= ~EWKB_SRID;
		head[4] = (uint8) (type >> 24);
		wkb += sizeof(id);
		len -= sizeof(id);
	}
	if (type > 7)
		my_literal_refuse(rel, col, ERRCODE_INVALID_PARAMETER_VALUE,
			   "a geometry of more than two dimensions", NULL);
	for (int i = 0; i < 4; i++)
		id[i] = (uint8) (srid >> (8 * i));
	appendStringInfoString(sql, "x'");
	my_literal_hex(sql, id, sizeof(id));
	my_literal_hex(sql, head, sizeof(head));
	my_literal_hex(sql, wkb, len);
	appendStringInfoChar(sql, '\'');
}

void
my_literal_shape(StringInfo sql, const SourceRelation *rel, int col, Datum value)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	bool		plain = rel->columns[col].typid == BYTEAOID;
	bytea	   *bytes;

	if (plain)
		bytes = DatumGetByteaPP(value);
	else
		bytes = DatumGetByteaPP(DirectFunctionCall1(byteain,
													CStringGetDatum(psprintf("\\x%s",
																			 OutputFunctionCall(unconstify(FmgrInfo *, &column->output), value)))));
	append_geometry(sql, rel, col, (uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
					!plain);
}

void
my_literal_vector(StringInfo sql, const SourceRelation *rel, int col, char *shown)
{
	char	   *rest = shown + strspn(shown, "{[");
	char	   *word;

	rest[strcspn(rest, "]}")] = '\0';
	appendStringInfoString(sql, "x'");
	while ((word = strsep(&rest, ",")) != NULL)
	{
		float		number;
		uint32		bits;
		uint8		bytes[4];

		if (strspn(word, "-+.0123456789eE") != strlen(word) || word[0] == '\0')
			my_literal_refuse(rel, col, ERRCODE_INVALID_PARAMETER_VALUE,
				   psprintf("%.60s in a vector", word), NULL);
		number = strtof(word, NULL);
		memcpy(&bits, &number, sizeof(bits));
		for (int i = 0; i < 4; i++)
			bytes[i] = (uint8) (bits >> (8 * i));
		my_literal_hex(sql, bytes, sizeof(bytes));
	}
	appendStringInfoChar(sql, '\'');
}
