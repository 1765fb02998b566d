/*-------------------------------------------------------------------------
 *
 * emit_literal.c
 *	  Constants of PostgreSQL, in the form that its output functions give them,
 *	  as literals of MySQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "catalog/pg_type.h"
#include "core/attempt.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* A constant that a function of this server reads; sql is what comes of it. */
typedef struct Reading
{
	EmitClass		class;
	const char *type;
	const char *text;
	char	   *sql;			/* NULL: *why */
	char	   *why;
} Reading;

/* It stands in statements as it is: "1--" would begin a comment. */
static bool
is_number(const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	Size		whole = strspn(p, "0123456789");
	Size		part = 0;

	p += whole;
	if (*p == '.')
	{
		part = strspn(++p, "0123456789");
		p += part;
	}
	if (whole + part == 0)
		return false;
	if (*p == 'e' || *p == 'E')
	{
		p++;
		p += *p == '-' || *p == '+';
		if (strspn(p, "0123456789") == 0)
			return false;
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

static bool
is_integer(const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');

	return *p != '\0' && strspn(p, "0123456789") == strlen(p);
}

/* 'now' and 'today' are another moment each time. */
static bool
is_moment(const char *text)
{
	return (*text >= '0' && *text <= '9') || *text == '-' || strcmp(text, "infinity") == 0;
}

static void
read_moment(Reading *r)
{
	Timestamp	value;			/* the same number of both types: with a zone in UTC */
	struct pg_tm tm;
	fsec_t		fsec;

	if (!is_moment(r->text))
	{
		r->why = "it is no fixed point in time";
		return;
	}
	if (r->class == MY_DATE)
	{
		DateADT		date = DatumGetDateADT(DirectFunctionCall1(date_in,
															  CStringGetDatum(r->text)));

		if (DATE_NOT_FINITE(date))
		{
			r->why = "it is infinite";
			return;
		}
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	}
	else
	{
		PGFunction	read = r->class == MY_INSTANT ? timestamptz_in : timestamp_in;

		value = DatumGetTimestamp(DirectFunctionCall3(read, CStringGetDatum(r->text),
													  ObjectIdGetDatum(InvalidOid),
													  Int32GetDatum(-1)));
		if (TIMESTAMP_NOT_FINITE(value) ||
			timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		{
			r->why = "it is infinite";
			return;
		}
	}
	if (tm.tm_year < 1 || tm.tm_year > 9999)
	{
		r->why = "it is out of the years 1 to 9999";
		return;
	}
	if (r->class == MY_DATE)
		r->sql = psprintf("'%04d-%02d-%02d'", tm.tm_year, tm.tm_mon, tm.tm_mday);
	else if (fsec == 0)
		r->sql = psprintf("'%04d-%02d-%02d %02d:%02d:%02d'", tm.tm_year, tm.tm_mon,
						  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	else
		r->sql = psprintf("'%04d-%02d-%02d %02d:%02d:%02d.%06d'", tm.tm_year, tm.tm_mon,
						  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

static void
read_bytes(Reading *r)
{
	bytea	   *value = DatumGetByteaPP(DirectFunctionCall1(byteain, CStringGetDatum(r->text)));
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < VARSIZE_ANY_EXHDR(value); i++)
		appendStringInfo(&buf, "%02X", (unsigned char) VARDATA_ANY(value)[i]);
	r->sql = psprintf("X'%s'", buf.data);
}

/* As a JSON array, of elements of the server's own types. */
static void
read_array(Reading *r)
{
	Oid			element = InvalidOid;
	int32		typmod;
	Oid			array;
	Oid			input;
	Oid			ioparam;
	Datum		value;

	dts_parse_type(psprintf("pg_catalog.%s", quote_identifier(r->type)), &element, &typmod);
	array = OidIsValid(element) ? get_array_type(element) : InvalidOid;
	if (!OidIsValid(array))
	{
		r->why = psprintf("an array of %s is not known", r->type);
		return;
	}
	getTypeInputInfo(array, &input, &ioparam);
	value = OidInputFunctionCall(input, (char *) r->text, ioparam, -1);
	value = OidFunctionCall1(F_ARRAY_TO_JSON_ANYARRAY, value);
	r->sql = my_quote_literal(TextDatumGetCString(value));
}

static void
read_constant(void *arg)
{
	Reading    *r = arg;

	switch (r->class)
	{
		case MY_BOOL:
			r->sql = DatumGetBool(DirectFunctionCall1(boolin, CStringGetDatum(r->text))) ?
				"TRUE" : "FALSE";
			break;
		case MY_BYTES:
			read_bytes(r);
			break;
		case MY_DATE:
		case MY_DATETIME:
		case MY_INSTANT:
			read_moment(r);
			break;
		case MY_ARRAY:
			read_array(r);
			break;
		default:
			break;
	}
}

static char *
without_blanks(const char *text)
{
	int			len = strlen(text);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	return pnstrdup(text, len);
}

/* "-$1,234.50", as lc_monetary C has it, which sessions at the source have. */
static char *
amount(const char *text, char **why)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *p = text; *p; p++)
		if (*p != '$' && *p != ',')
			appendStringInfoChar(&buf, *p);
	if (is_number(buf.data))
		return buf.data;
	*why = psprintf("the amount %s", text);
	return NULL;
}

char *
emit_literal(EmitClass class, const char *type, const char *text, char **why)
{
	Reading		r = {class, type, text, NULL, NULL};
	ErrorData  *edata;

	switch (class)
	{
		case MY_INT:
			if (is_integer(text))
				return pstrdup(text);
			break;
		case MY_DECIMAL:
			if (is_number(text))
				return pstrdup(text);
			break;
		case MY_REAL:
		case MY_DOUBLE:
			/* without an exponent it would be a DECIMAL */
			if (is_number(text))
				return strpbrk(text, "eE") ? pstrdup(text) : psprintf("%se0", text);
			break;
		case MY_TIME:
			if (is_moment(text))
				return my_quote_literal(text);
			break;
		case MY_FORM:
			if (type != NULL && strcmp(type, "money") == 0)
				return amount(text, why);
			return my_quote_literal(text);
		case MY_TEXT:
		case MY_ENUM:
		case MY_UUID:
		case MY_JSON:
			return my_quote_literal(text);
		case MY_CHAR:
			return my_quote_literal(without_blanks(text));
		case MY_BIT:
			if (strspn(text, "01") == strlen(text) && text[0] != '\0')
				return psprintf("b'%s'", text);
			break;
		default:
			edata = attempt(read_constant, &r);
			if (edata != NULL)
				*why = edata->message;
			else if (r.sql != NULL)
				return r.sql;
			else if (r.why != NULL)
				*why = psprintf("the value %s: %s", text, r.why);
			else
				*why = "a constant of its type is not known";
			return NULL;
	}
	*why = psprintf("MySQL has no value %s of that type", text);
	return NULL;
}
