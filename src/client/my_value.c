/*-------------------------------------------------------------------------
 *
 * my_value.c
 *	  Values of PostgreSQL as literals of the MySQL family.
 *
 * What cannot be written as it is raises an error that names table and column,
 * unless an option says what becomes of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "client/my_literal.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varbit.h"

#define LAST_YEAR 9999

/* Of TIME, whose last hour is the server's to refuse. */
#define LAST_DAY 35

/* Of DECIMAL, and of a literal. */
#define DECIMAL_DIGITS 65
#define DECIMAL_SCALE 30

/* Bytes of binary strings that are written in hexadecimal digits, at most. */
#define HEX_MAX_BYTES 1024

#define GEOMETRIES \
	" geometry point linestring polygon multipoint multilinestring multipolygon geomcollection geometrycollection "

/* ------------------------------------------------------------------- forms */

bool
my_field_is_type(const MyField *column, const char *types)
{
	Size		len = strlen(column->type);

	/* words with blanks around; one can be the end of another, as "int" is */
	for (const char *at = types; len > 0 && (at = strstr(at, column->type)) != NULL; at += len)
		if (at > types && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

static bool
is_integer(const MyField *column)
{
	return my_field_is_type(column, " tinyint smallint mediumint int bigint year bit ");
}

static MyForm
form_of(Oid typid, const MyField *column)
{
	bool		number = my_field_is_type(column, " tinyint smallint mediumint int bigint decimal float double year bit ");
	bool		binary = my_field_is_type(column, " binary varbinary tinyblob blob mediumblob longblob ");

	switch (typid)
	{
		case BOOLOID:
			return number ? FORM_BOOL : FORM_TEXT;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case XIDOID:
		case CIDOID:
			/* of ENUM a bare number is the place of a label */
			return number ? FORM_BARE : FORM_TEXT;
		case FLOAT4OID:
			return number ? FORM_FLOAT4 : FORM_TEXT;
		case FLOAT8OID:
			return number ? FORM_FLOAT8 : FORM_TEXT;
		case NUMERICOID:
			return number ? FORM_NUMERIC : FORM_TEXT;
		case CASHOID:
			return number ? FORM_MONEY : FORM_TEXT;
		case BPCHAROID:
			return FORM_CHAR;
		case DATEOID:
			return my_field_is_type(column, " date datetime timestamp ") ? FORM_DATE : FORM_TEXT;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return my_field_is_type(column, " datetime timestamp ") ? FORM_TIMESTAMP : FORM_TEXT;
		case TIMEOID:
			return my_field_is_type(column, " time ") ? FORM_TIME : FORM_TEXT;
		case INTERVALOID:
			return my_field_is_type(column, " time ") ? FORM_INTERVAL : FORM_TEXT;
		case BYTEAOID:
			return my_field_is_type(column, GEOMETRIES) ? FORM_GEOMETRY : FORM_BYTEA;
		case BITOID:
		case VARBITOID:
			return my_field_is_type(column, " bit ") ? FORM_BIT : binary ? FORM_BIT_BYTES : FORM_TEXT;
		case JSONOID:
		case JSONBOID:
			return FORM_JSON;
		case TEXTOID:
		case VARCHAROID:
			return FORM_TEXT;
		default:
			if (my_field_is_type(column, GEOMETRIES))
				return FORM_GEOMETRY;
			if (my_field_is_type(column, " vector "))
				return FORM_VECTOR;
			if (!OidIsValid(get_element_type(typid)) || typid == INT2VECTOROID ||
				typid == OIDVECTOROID)
				return FORM_TEXT;
			return my_field_is_type(column, " set ") ? FORM_SET : FORM_ARRAY;
	}
}

void
my_field_take(MyField *field, Oid typid, MemoryContext cxt)
{
	Oid			function;
	bool		varlena;

	getTypeOutputInfo(typid, &function, &varlena);
	fmgr_info_cxt(function, &field->output, cxt);
	field->form = form_of(typid, field);
}

/* ----------------------------------------------------------------- refusals */

void
my_check_size(const SourceRelation *rel, int col, Size bytes)
{
	const MyWriter *writer = ((const MyTarget *) rel->bound)->writer;

	if (bytes <= writer->max_statement)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 col >= 0 ?
			 errmsg("a value of column \"%s\" of table \"%s.%s\" is larger than server \"%s\" takes: %zu bytes",
					rel->columns[col].target_name, rel->target_schema, rel->target_name,
					writer->server, bytes) :
			 errmsg("a row of table \"%s.%s\" is larger than server \"%s\" takes: %zu bytes",
					rel->target_schema, rel->target_name, writer->server, bytes),
			 errdetail("Its max_allowed_packet leaves room for %zu bytes.", writer->max_statement),
			 writer->task ?
			 errhint("Run at the destination: SET GLOBAL max_allowed_packet = 1073741824; and resume the task.") :
			 errhint("Run at the source: SET GLOBAL max_allowed_packet = 1073741824; and connect again: SELECT dtsmig.disconnect_all();"),
			 ERR_SOURCE_TABLE(rel)));
}

static void
append_null(StringInfo sql, const SourceRelation *rel, int col)
{
	const MyTarget *target = rel->bound;

	/* it might become a default, or the present */
	if (target->columns[col].not_null)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("column \"%s\" of table \"%s.%s\" at %s is NOT NULL, and a row has NULL in it",
						rel->columns[col].target_name, rel->target_schema, rel->target_name,
						target->writer->place),
				 target->writer->task ?
				 errhint("Let the column take NULL at the destination: ALTER TABLE … MODIFY … NULL.") :
				 errhint("Leave the column out to get its default."),
				 ERR_SOURCE_TABLE(rel)));
	appendStringInfoString(sql, "NULL");
}

static const TypePolicy *
policy_of(const SourceRelation *rel)
{
	return ((const MyTarget *) rel->bound)->writer->policy;
}

static void
special_number(StringInfo sql, const SourceRelation *rel, int col, const char *text)
{
	if (policy_of(rel)->special_number == SPECIAL_NUMBER_ERROR)
		my_literal_refuse(rel, col, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, text, "\"special_number\": \"null\"");
	append_null(sql, rel, col);
}

/* first: of what is too early, or too late; text: the value. */
static void
out_of_range(StringInfo sql, const SourceRelation *rel, int col, bool first, const char *text)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];

	switch (policy_of(rel)->out_of_range)
	{
		case OUT_OF_RANGE_ERROR:
			my_literal_refuse(rel, col, ERRCODE_DATETIME_FIELD_OVERFLOW, text, "\"out_of_range\": \"null\"");
			break;
		case OUT_OF_RANGE_NULL:
			append_null(sql, rel, col);
			break;
		case OUT_OF_RANGE_CLAMP:
			appendStringInfoString(sql, first ? "'0001-01-01" : "'9999-12-31");
			if (strcmp(column->type, "date") != 0)
				appendStringInfoString(sql, first ? " 00:00:00" : " 23:59:59");
			if (!first && column->fsp > 0)
				appendStringInfo(sql, ".%.*s", column->fsp, "999999");
			appendStringInfoChar(sql, '\'');
			break;
	}
}

/* ------------------------------------------------------------------ literals */

/* Long ones take half the space as they are. */
static void
append_binary(StringInfo sql, const SourceRelation *rel, int col, const uint8 *data, Size len)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];

	if (strcmp(column->type, "binary") == 0 && len < column->length)
		my_literal_refuse(rel, col, ERRCODE_STRING_DATA_LENGTH_MISMATCH,
			   psprintf("a value of %zu bytes as it is: it would get zero bytes at its end, for its type is BINARY(%zu)",
						len, column->length), NULL);
	if (len > HEX_MAX_BYTES && GetDatabaseEncoding() == PG_UTF8)
	{
		appendStringInfoString(sql, "_binary");
		my_literal_text(sql, (const char *) data, len);
		return;
	}
	appendStringInfoString(sql, "x'");
	my_literal_hex(sql, data, len);
	appendStringInfoChar(sql, '\'');
}

/* A column of another type than the source's would round it without a word. */
pg_noreturn static void
refuse_number(const SourceRelation *rel, int col, const char *text)
{
	const MyTarget *target = rel->bound;

	my_literal_refuse(rel, col, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
		   psprintf("the number %.60s without rounding it: its type is %s", text,
					target->columns[col].type), NULL);
}

/* Does FLOAT(7,2) or DOUBLE(7,2) round it? */
static bool
is_rounded(const MyField *column, double value)
{
	double		stored;

	if (column->decimals < 0)
		return false;
	stored = strtod(psprintf("%.*f", column->decimals, value), NULL);
	return strcmp(column->type, "float") == 0 ? (float) stored != (float) value : stored != value;
}

/*
 * What is no label of ENUM or SET, and a number, is the place of one; blanks at
 * the end of CHAR go without a word.
 */
static void
check_text(const SourceRelation *rel, int col, const char *text, Size len)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	char	   *label;
	char	   *at;

	if (len > 0 && text[len - 1] == ' ' && strcmp(column->type, "char") == 0)
		my_literal_refuse(rel, col, ERRCODE_STRING_DATA_RIGHT_TRUNCATION,
			   "blanks at the end of a value: its type is CHAR", NULL);
	if (column->labels == NULL || len == 0 || strspn(text, " +-0123456789") != len)
		return;
	label = psprintf("'%s'", text);
	at = strstr(column->labels, label);
	if (at == NULL || at == column->labels || strchr("(,", at[-1]) == NULL)
		my_literal_refuse(rel, col, ERRCODE_INVALID_PARAMETER_VALUE,
			   psprintf("'%.60s', which is none of its labels", text), NULL);
}

static void
append_double(StringInfo sql, const SourceRelation *rel, int col, double value)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	char	   *text;

	if (isnan(value) || isinf(value))
	{
		special_number(sql, rel, col, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
		return;
	}
	text = psprintf("%.17g", value);
	if ((strcmp(column->type, "float") == 0 && (double) (float) value != value) ||
		(is_integer(column) && value != rint(value)) || is_rounded(column, value))
		refuse_number(rel, col, text);
	appendStringInfoString(sql, text);
	/* else it would be read as DECIMAL */
	if (strchr(text, 'e') == NULL)
		appendStringInfoString(sql, "e0");
	pfree(text);
}

static bool
numeric_is(const char *a, const char *b)
{
	Datum		x = DirectFunctionCall3(numeric_in, CStringGetDatum(a),
										ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1));
	Datum		y = DirectFunctionCall3(numeric_in, CStringGetDatum(b),
										ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1));

	return DatumGetBool(DirectFunctionCall2(numeric_eq, x, y));
}

/* Is a number one that a column of FLOAT or DOUBLE has, as it is shown? */
static bool
is_double(const MyField *column, const char *number)
{
	bool		single = strcmp(column->type, "float") == 0;
	double		value = strtod(number, NULL);
	Datum		shown = single ? DirectFunctionCall1(float4out, Float4GetDatum((float4) value)) :
		DirectFunctionCall1(float8out, Float8GetDatum(value));

	return !isinf(value) && !(single && isinf((float4) value)) && !is_rounded(column, value) &&
		(numeric_is(number, DatumGetCString(shown)) ||
		 numeric_is(number, psprintf("%.17g", single ? (double) (float4) value : value)));
}

/* Without zeros at its end; a literal of more digits would be cut. */
static void
append_numeric(StringInfo sql, const SourceRelation *rel, int col, char *text)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	char	   *point = strchr(text, '.');
	Size		len = strlen(text);
	Size		scale = 0;

	if (strchr("NI", text[0]) != NULL || strncmp(text, "-I", 2) == 0)
	{
		special_number(sql, rel, col, text);
		return;
	}
	if (point != NULL)
	{
		while (text[len - 1] == '0')
			text[--len] = '\0';
		scale = text + len - point - 1;
		if (scale == 0)
			text[--len] = '\0';
	}
	if (scale > DECIMAL_SCALE || len - (scale > 0) - (text[0] == '-') > DECIMAL_DIGITS)
		my_literal_refuse(rel, col, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
			   psprintf("the number %.*s%s: it has more than %d digits, or %d behind the point",
						60, text, len > 60 ? "..." : "", DECIMAL_DIGITS, DECIMAL_SCALE), NULL);
	if ((is_integer(column) && scale > 0) ||
		(my_field_is_type(column, " float double ") && !is_double(column, text)))
		refuse_number(rel, col, text);
	appendStringInfoString(sql, text);
}

/* usec: whole seconds and what is more, of which the column has fsp digits */
static void
append_second(StringInfo sql, const SourceRelation *rel, int col, int sec, int usec)
{
	static const int unit[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	const MyTarget *target = rel->bound;
	int			fsp = target->columns[col].fsp;

	appendStringInfo(sql, "%02d", sec);
	if (usec == 0)
		return;
	/* it would be rounded without a word */
	if (usec % unit[fsp] != 0)
		my_literal_refuse(rel, col, ERRCODE_DATETIME_FIELD_OVERFLOW,
			   psprintf("the part of a second of a value (.%06d): it has %d digits", usec, fsp),
			   NULL);
	appendStringInfo(sql, ".%06d", usec);
}

static void
append_date(StringInfo sql, const SourceRelation *rel, int col, DateADT date)
{
	const MyTarget *target = rel->bound;
	int			year;
	int			month;
	int			day;

	if (!DATE_NOT_FINITE(date))
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		if (year >= 1 && year <= LAST_YEAR)
		{
			appendStringInfo(sql, "'%04d-%02d-%02d'", year, month, day);
			return;
		}
	}
	out_of_range(sql, rel, col, date < 0,
				 OutputFunctionCall(&target->columns[col].output, DateADTGetDatum(date)));
}

static void
append_timestamp(StringInfo sql, const SourceRelation *rel, int col, Timestamp value)
{
	const MyTarget *target = rel->bound;
	struct pg_tm tm;
	fsec_t		fsec;

	/* one with a time zone is counted in UTC */
	if (!TIMESTAMP_NOT_FINITE(value) &&
		timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) == 0 &&
		tm.tm_year >= 1 && tm.tm_year <= LAST_YEAR)
	{
		appendStringInfo(sql, "'%04d-%02d-%02d %02d:%02d:", tm.tm_year, tm.tm_mon,
						 tm.tm_mday, tm.tm_hour, tm.tm_min);
		append_second(sql, rel, col, tm.tm_sec, fsec);
		appendStringInfoChar(sql, '\'');
		return;
	}
	out_of_range(sql, rel, col, value < 0,
				 OutputFunctionCall(&target->columns[col].output, TimestampGetDatum(value)));
}

static void
append_time(StringInfo sql, const SourceRelation *rel, int col, TimeADT value)
{
	int64		seconds = value / USECS_PER_SEC;

	appendStringInfo(sql, "'%02d:%02d:", (int) (seconds / 3600), (int) (seconds / 60 % 60));
	append_second(sql, rel, col, (int) (seconds % 60), (int) (value % USECS_PER_SEC));
	appendStringInfoChar(sql, '\'');
}

/* TIME holds more than a day. */
static void
append_interval(StringInfo sql, const SourceRelation *rel, int col, const Interval *value)
{
	int64		time = value->time;
	int64		seconds;

	if (value->month != 0)
		my_literal_refuse(rel, col, ERRCODE_DATETIME_FIELD_OVERFLOW, "an interval of months", NULL);
	if (pg_add_s64_overflow(time, value->day * USECS_PER_DAY, &time) ||
		abs(value->day) > LAST_DAY || time < -LAST_DAY * USECS_PER_DAY ||
		time > LAST_DAY * USECS_PER_DAY)
		my_literal_refuse(rel, col, ERRCODE_DATETIME_FIELD_OVERFLOW, "so long an interval", NULL);
	appendStringInfo(sql, "'%s", time < 0 ? "-" : "");
	time = time < 0 ? -time : time;
	seconds = time / USECS_PER_SEC;
	appendStringInfo(sql, "%02d:%02d:", (int) (seconds / 3600), (int) (seconds / 60 % 60));
	append_second(sql, rel, col, (int) (seconds % 60), (int) (time % USECS_PER_SEC));
	appendStringInfoChar(sql, '\'');
}

static void
append_bits(StringInfo sql, const char *digits)
{
	appendStringInfo(sql, "b'%s'", digits);
}

/* -------------------------------------------------------------------- JSON */

/* Is a number of JSON the same when MySQL has read it? */
static bool
is_json_number_kept(const char *number)
{
	Size		len = strlen(number);
	double		value;
	char	   *end;

	if (strpbrk(number, ".eE") == NULL)
	{
		if (len <= 18)
			return true;
		errno = 0;
		if (number[0] == '-')
			(void) strtoll(number, &end, 10);
		else
			(void) strtoull(number, &end, 10);
		if (errno == 0)
			return true;
	}
	errno = 0;
	value = strtod(number, NULL);
	if (isinf(value))
		return false;
	return numeric_is(number, psprintf("%.17g", value)) ||
		numeric_is(number, DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(value))));
}

/* The same text with its numbers as MySQL can hold them. */
static void
append_json(StringInfo sql, const SourceRelation *rel, int col, char *text)
{
	JsonNumberPolicy policy = policy_of(rel)->json_number;
	StringInfoData buf;
	const char *p = text;

	initStringInfo(&buf);
	while (*p != '\0')
	{
		if (*p == '"')
		{
			const char *start = p++;

			while (*p != '"' && *p != '\0')
				p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
			if (*p == '"')
				p++;
			appendBinaryStringInfo(&buf, start, p - start);
		}
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
		{
			Size		len = strspn(p, "+-0123456789.eE");
			char	   *number = pnstrdup(p, len);

			p += len;
			if (is_json_number_kept(number))
				appendStringInfoString(&buf, number);
			else if (policy == JSON_NUMBER_TEXT)
				appendStringInfo(&buf, "\"%s\"", number);
			else if (policy == JSON_NUMBER_DOUBLE && !isinf(strtod(number, NULL)))
				appendStringInfoString(&buf, number);
			else
				my_literal_refuse(rel, col, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
					   psprintf("the number %.60s in JSON without rounding it", number),
					   "\"json_number\": \"text\"");
			pfree(number);
		}
		else
			appendStringInfoChar(&buf, *p++);
	}
	my_literal_text(sql, buf.data, buf.len);
	pfree(buf.data);
}

/* -------------------------------------------------------------------- entry */

void
my_value_append(StringInfo sql, const SourceRelation *rel, int col, Datum value, bool isnull)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	FmgrInfo   *output = unconstify(FmgrInfo *, &column->output);
	char	   *shown;

	if (isnull)
	{
		append_null(sql, rel, col);
		return;
	}
	if (rel->columns[col].typlen == -1)
		my_check_size(rel, col, toast_raw_datum_size(value));
	switch (column->form)
	{
		case FORM_BARE:
			shown = OutputFunctionCall(output, value);
			if ((my_field_is_type(column, " float double ") && !is_double(column, shown)) ||
				/* 5 would be 2005 */
				(strcmp(column->type, "year") == 0 && shown[0] != '0' && strlen(shown) < 3))
				refuse_number(rel, col, shown);
			appendStringInfoString(sql, shown);
			pfree(shown);
			break;
		case FORM_TEXT:
			shown = OutputFunctionCall(output, value);
			if (column->json)
				append_json(sql, rel, col, shown);
			else
			{
				Size		len = strlen(shown);

				check_text(rel, col, shown, len);
				my_literal_text(sql, shown, len);
			}
			pfree(shown);
			break;
		case FORM_CHAR:
			{
				Size		len;

				shown = OutputFunctionCall(output, value);
				len = strlen(shown);
				while (len > 0 && shown[len - 1] == ' ')
					len--;
				my_literal_text(sql, shown, len);
				pfree(shown);
				break;
			}
		case FORM_BOOL:
			appendStringInfoChar(sql, DatumGetBool(value) ? '1' : '0');
			break;
		case FORM_FLOAT4:
			append_double(sql, rel, col, DatumGetFloat4(value));
			break;
		case FORM_FLOAT8:
			append_double(sql, rel, col, DatumGetFloat8(value));
			break;
		case FORM_NUMERIC:
			shown = OutputFunctionCall(output, value);
			append_numeric(sql, rel, col, shown);
			pfree(shown);
			break;
		case FORM_MONEY:
			shown = DatumGetCString(DirectFunctionCall1(numeric_out,
													   DirectFunctionCall1(cash_numeric, value)));
			appendStringInfoString(sql, shown);
			pfree(shown);
			break;
		case FORM_DATE:
			append_date(sql, rel, col, DatumGetDateADT(value));
			break;
		case FORM_TIMESTAMP:
			append_timestamp(sql, rel, col, DatumGetTimestamp(value));
			break;
		case FORM_TIME:
			append_time(sql, rel, col, DatumGetTimeADT(value));
			break;
		case FORM_INTERVAL:
			append_interval(sql, rel, col, DatumGetIntervalP(value));
			break;
		case FORM_SET:
			shown = my_literal_set(rel, col, value);
			check_text(rel, col, shown, strlen(shown));
			my_literal_text(sql, shown, strlen(shown));
			pfree(shown);
			break;
		case FORM_GEOMETRY:
			my_literal_shape(sql, rel, col, value);
			break;
		case FORM_VECTOR:
			my_literal_vector(sql, rel, col, OutputFunctionCall(output, value));
			break;
		case FORM_BYTEA:
			{
				bytea	   *bytes = DatumGetByteaPP(value);

				append_binary(sql, rel, col, (uint8 *) VARDATA_ANY(bytes),
							  VARSIZE_ANY_EXHDR(bytes));
				break;
			}
		case FORM_BIT:
			shown = OutputFunctionCall(output, value);
			/* it would get zeros in front */
			if (rel->columns[col].typid == VARBITOID && strlen(shown) != column->length)
				my_literal_refuse(rel, col, ERRCODE_STRING_DATA_LENGTH_MISMATCH,
								  psprintf("%zu bits as they are: its type is BIT(%zu)",
										   strlen(shown), column->length), NULL);
			append_bits(sql, shown);
			pfree(shown);
			break;
		case FORM_BIT_BYTES:
			{
				VarBit	   *bits = DatumGetVarBitP(value);

				append_binary(sql, rel, col, VARBITS(bits), VARBITBYTES(bits));
				break;
			}
		case FORM_JSON:
			shown = OutputFunctionCall(output, value);
			if (column->json)
				append_json(sql, rel, col, shown);
			else
				my_literal_text(sql, shown, strlen(shown));
			pfree(shown);
			break;
		case FORM_ARRAY:
			shown = TextDatumGetCString(DirectFunctionCall1(array_to_json, value));
			if (column->json)
				append_json(sql, rel, col, shown);
			else
				my_literal_text(sql, shown, strlen(shown));
			pfree(shown);
			break;
	}
}

void
my_value_append_match(StringInfo sql, const SourceRelation *rel, int col, Datum value, bool isnull)
{
	const MyTarget *target = rel->bound;
	const MyField *column = &target->columns[col];
	StringInfoData literal;

	if (isnull)
	{
		appendStringInfo(sql, "%s IS NULL", column->name);
		return;
	}
	initStringInfo(&literal);
	my_value_append(&literal, rel, col, value, false);
	if (strcmp(literal.data, "NULL") == 0)
		appendStringInfo(sql, "%s IS NULL", column->name);
	else if (column->json)
	{
		appendStringInfo(sql, "%s = CAST(", column->name);
		appendBinaryStringInfo(sql, literal.data, literal.len);
		appendStringInfoString(sql, " AS JSON)");
	}
	else
	{
		/* before MySQL 5.7 bits are not compared as a number of 64 bits */
		bool		bits = column->form == FORM_BIT;

		appendStringInfo(sql, "%s = %s", column->name, bits ? "CAST(" : "");
		appendBinaryStringInfo(sql, literal.data, literal.len);
		appendStringInfoString(sql, bits ? " AS UNSIGNED)" : "");
	}
	if (column->inexact)
	{
		appendStringInfo(sql, " AND CAST(CONVERT(%s USING utf8mb4) AS BINARY) = CAST(", column->name);
		appendBinaryStringInfo(sql, literal.data, literal.len);
		appendStringInfoString(sql, " AS BINARY)");
	}
	pfree(literal.data);
}
