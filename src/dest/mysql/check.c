/*-------------------------------------------------------------------------
 *
 * check.c
 *	  What a verification asks of a server of the MySQL family.
 *
 * No SQL of this family makes the sums of a PostgreSQL source, and many values
 * have a form of their own in it. So rows are read on both sides, and compared
 * as texts:
 *
 *	  value of the source --value.c--> literal --> bytes --+
 *	                                                       +--> text by the column's type
 *	  row that is read back ---------------------> bytes --+
 *
 * The literal is the one that a load or a change would write, by the same
 * policies. The text is, as far as there is one, what the source's type writes: a
 * key can be looked up by it at either end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core/attempt.h"
#include "dest/mysql/mysql.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* What is compared of a column. */
typedef enum Comparing
{
	AS_TEXT,
	AS_NUMBER,
	AS_BOOL,
	AS_FLOAT,					/* single precision */
	AS_DOUBLE,
	AS_TIME,					/* a date, a time of day, or both */
	AS_BYTES,
	AS_BITS,
	AS_JSON
} Comparing;

struct DestRows
{
	MyConn	   *conn;
	const SourceRelation *out;
	int			n;				/* columns that are read … */
	int		   *columns;		/* … which of out */
	const char **values;		/* n; of the row at hand */
	Size	   *lens;
	bool		ended;
};

static Comparing
comparing(const MyField *column)
{
	if (column->json)
		return AS_JSON;
	if (my_field_is_type(column, " binary varbinary tinyblob blob mediumblob longblob "))
		return AS_BYTES;
	if (strcmp(column->type, "bit") == 0 && column->form == FORM_BIT)
		return AS_BITS;
	if (strcmp(column->type, "float") == 0)
		return AS_FLOAT;
	if (strcmp(column->type, "double") == 0)
		return AS_DOUBLE;
	if (my_field_is_type(column, " tinyint smallint mediumint int bigint decimal year bit "))
		return column->form == FORM_BOOL ? AS_BOOL : AS_NUMBER;
	if (my_field_is_type(column, " date datetime timestamp time "))
		return AS_TIME;
	return AS_TEXT;
}

/* ------------------------------------------------------------------- texts */

static char *
hex_text(const char *bytes, Size len)
{
	char	   *text = palloc(2 * len + 3);

	strcpy(text, "\\x");
	text[2 + hex_encode(bytes, len, text + 2)] = '\0';
	return text;
}

/* What is no text in this database is shown as bytes. */
static char *
plain_text(const char *bytes, Size len)
{
	char	   *text;

	if (memchr(bytes, '\0', len) != NULL)
		return psprintf("(with zero bytes) %s", hex_text(bytes, len));
	text = conn_from_utf8(bytes, &len);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), text, (int) len, true))
		return psprintf("(no text) %s", hex_text(bytes, len));
	return text;
}

/* Without zeros that say nothing. */
static char *
number_text(char *text)
{
	bool		minus;
	Size		len;

	if (strpbrk(text, "eE") != NULL && strspn(text, "+-0123456789.eE") == strlen(text))
		text = DatumGetCString(DirectFunctionCall1(numeric_out,
												   DirectFunctionCall3(numeric_in, CStringGetDatum(text),
																	   ObjectIdGetDatum(InvalidOid),
																	   Int32GetDatum(-1))));
	len = strlen(text);
	minus = text[0] == '-';
	if (strspn(text + minus, "0123456789.") != len - minus || len == minus)
		return text;
	if (strchr(text, '.') != NULL)
	{
		while (text[len - 1] == '0')
			text[--len] = '\0';
		if (text[len - 1] == '.')
			text[--len] = '\0';
	}
	text += minus;
	text += strspn(text, "0");
	if (*text == '\0')
		return "0";
	return psprintf("%s%s%s", minus ? "-" : "", *text == '.' ? "0" : "", text);
}

/* The sign of -0 is lost on the way into the server, and is none that counts. */
static double
double_of(const char *text)
{
	double		d = strtod(text, NULL);

	return d == 0 ? 0 : d;
}

/* As the type in flight writes it. */
static char *
time_text(const MyField *column, Oid typid, char *text)
{
	bool		has_time = strchr(text, ':') != NULL;
	Size		len = strlen(text);

	if (strchr(text, '.') != NULL)
	{
		while (text[len - 1] == '0')
			text[--len] = '\0';
		if (text[len - 1] == '.')
			text[--len] = '\0';
	}
	if (my_field_is_type(column, " datetime timestamp "))
		return psprintf("%s%s%s", text, has_time ? "" : " 00:00:00",
						typid == TIMESTAMPTZOID ? "+00" : "");
	return text;
}

/* Zeros in front say nothing. */
static char *
bits_text(const char *bytes, Size len)
{
	char	   *text = palloc(len * 8 + 1);
	char	   *at = text;

	for (Size i = 0; i < len; i++)
		for (int b = 7; b >= 0; b--)
			*at++ = ((unsigned char) bytes[i] >> b) & 1 ? '1' : '0';
	*at = '\0';
	return text + strspn(text, "0");
}

/* The text of a value, of its bytes as the server sends them. */
static char *
text_of(const SourceRelation *rel, int col, const char *bytes, Size len)
{
	const MyField *column = &((const MyTarget *) rel->bound)->columns[col];
	char	   *text;
	char	   *canonical;

	switch (comparing(column))
	{
		case AS_BYTES:
			return hex_text(bytes, len);
		case AS_BITS:
			return bits_text(bytes, len);
		case AS_TEXT:
			return plain_text(bytes, len);
		case AS_JSON:
			text = plain_text(bytes, len);
			canonical = my_json_canonical(text, column->first_key);
			return canonical ? canonical : text;
		case AS_NUMBER:
			return number_text(plain_text(bytes, len));
		case AS_BOOL:
			text = plain_text(bytes, len);
			return strcmp(text, "1") == 0 ? "t" : strcmp(text, "0") == 0 ? "f" : text;
		case AS_FLOAT:
			return DatumGetCString(DirectFunctionCall1(float4out,
													   Float4GetDatum((float4) double_of(plain_text(bytes, len)))));
		case AS_DOUBLE:
			return float8out_internal(double_of(plain_text(bytes, len)));
		case AS_TIME:
			return time_text(column, rel->columns[col].typid, plain_text(bytes, len));
	}
	return NULL;
}

/* ---------------------------------------------------------------- literals */

/* Digits between quotes, of so many bits each, as bytes; in place. */
static Size
unpack(char *at, Size n, int bits)
{
	Size		each = 8 / bits;
	Size		pad = (each - n % each) % each;
	Size		len = (n + pad) / each;
	unsigned int byte = 0;

	for (Size i = 0; i < n; i++)
	{
		char		c = at[i];

		byte = byte << bits | (c <= '9' ? c - '0' : c - 'a' + 10);
		if ((i + pad) % each != each - 1)
			continue;
		at[(i + pad) / each] = (char) byte;
		byte = 0;
	}
	return len;
}

/* Its value's bytes, in place; *len: of both. */
static char *
bytes_of_literal(char *literal, Size *len)
{
	char	   *quote = memchr(literal, '\'', *len);
	char	   *at = quote;
	char	   *end = literal + *len - 1;

	if (quote == NULL)
		return literal;
	*len = end - quote - 1;
	if (quote == literal + 1)
	{
		*len = unpack(quote + 1, *len, literal[0] == 'x' ? 4 : 1);
		return quote + 1;
	}
	/* quotes and backslashes are there twice */
	for (char *from = quote + 1; from < end; from++)
	{
		if (*from == '\'' || *from == '\\')
			from++;
		*at++ = *from;
	}
	*len = at - quote;
	*at = '\0';
	return quote;
}

static char *
check_text(const SourceRelation *rel, int col, Datum value)
{
	StringInfoData literal;
	Size		len;
	char	   *bytes;

	initStringInfo(&literal);
	my_value_append(&literal, rel, col, value, false);
	if (strcmp(literal.data, "NULL") == 0)
		return NULL;
	len = literal.len;
	bytes = bytes_of_literal(literal.data, &len);
	return text_of(rel, col, bytes, len);
}

/* --------------------------------------------------------------- the table */

static CheckTable *
check_table(const SourceRelation *rel, const CheckForm *forms, CheckDigest digest)
{
	const MyTarget *target = rel->out->bound;
	CheckTable *table = palloc0(sizeof(CheckTable));

	table->digest = digest;
	table->from = target->qualified;
	if (rel->nkey > 0 && forms[rel->key[0]] == CHECK_INTEGER &&
		my_field_is_type(&target->columns[rel->key[0]],
					  " tinyint smallint mediumint int bigint "))
		table->first_key = target->columns[rel->key[0]].name;
	return table;
}

static char *
check_from(const SourceRelation *rel)
{
	return ((const MyTarget *) rel->out->bound)->qualified;
}

static char *
check_value(const char *sql)
{
	MyConn	   *conn = mysql_reader();
	char	   *value = my_query_text_or_null(conn, sql);

	mysql_reader_done(conn, true);
	return value;
}

/* -------------------------------------------------------------------- keys */

typedef struct KeyStep
{
	const SourceRelation *rel;
	char *const *key;
	StringInfoData condition;
} KeyStep;

static void
append_key(void *arg)
{
	KeyStep    *step = arg;

	for (int i = 0; i < step->rel->nkey; i++)
	{
		int			c = step->rel->key[i];
		Oid			input;
		Oid			ioparam;

		getTypeInputInfo(step->rel->columns[c].typid, &input, &ioparam);
		appendStringInfoString(&step->condition, i > 0 ? " AND " : "");
		my_value_append_match(&step->condition, step->rel, c,
						   OidInputFunctionCall(input, step->key[i], ioparam, -1), false);
	}
}

/* Is the text of a column what its type in flight takes? */
static bool
is_readable(const MyField *column)
{
	return column->form != FORM_ARRAY && column->form != FORM_BIT &&
		column->form != FORM_BIT_BYTES && column->form != FORM_MONEY && !column->json;
}

static char *
check_key(const SourceRelation *rel, char *const *key)
{
	KeyStep		step = {.rel = rel->out,.key = key};
	const MyTarget *target = rel->out->bound;
	ErrorData  *edata;

	for (int i = 0; i < step.rel->nkey; i++)
		if (!is_readable(&target->columns[step.rel->key[i]]))
			return NULL;
	initStringInfo(&step.condition);
	edata = attempt(append_key, &step);
	if (edata == NULL)
		return step.condition.data;
	if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) != ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION))
		ReThrowError(edata);
	FreeErrorData(edata);
	return NULL;
}

/* -------------------------------------------------------------------- rows */

/* FLOAT is shown with six digits, BIT as bytes. */
static char *
readable(const MyField *column)
{
	switch (comparing(column))
	{
		case AS_FLOAT:
			return psprintf("%s + 0e0", column->name);
		case AS_NUMBER:
		case AS_BOOL:
			return strcmp(column->type, "bit") == 0 ?
				psprintf("%s + 0", column->name) : column->name;
		default:
			return column->name;
	}
}

static DestRows *
check_open_rows(const SourceRelation *rel, const int *columns, int n,
				const char *condition)
{
	const MyTarget *target = rel->out->bound;
	DestRows   *rows = palloc0(sizeof(DestRows));
	StringInfoData sql;

	rows->out = rel->out;
	rows->n = Max(n, 1);
	rows->columns = palloc(sizeof(int) * rows->n);
	rows->values = palloc(sizeof(char *) * rows->n);
	rows->lens = palloc(sizeof(Size) * rows->n);
	initStringInfo(&sql);
	appendStringInfoString(&sql, n == 0 ? "SELECT 1" : "SELECT ");
	for (int i = 0; i < n; i++)
	{
		rows->columns[i] = columns[i];
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 readable(&target->columns[columns[i]]));
	}
	if (n == 0)
		rows->columns[0] = -1;
	appendStringInfo(&sql, " FROM %s%s%s", target->qualified,
					 condition ? " WHERE " : "", condition ? condition : "");
	rows->conn = mysql_reader();
	(void) my_stream_query(rows->conn, sql.data);
	return rows;
}

static bool
check_next_texts(DestRows *rows, char **values)
{
	const uint8 *row;
	Size		len;

	if (!my_stream_next(rows->conn, &row, &len))
	{
		rows->ended = true;
		return false;
	}
	my_row_values(rows->conn, row, len, rows->n, rows->values, rows->lens);
	for (int i = 0; i < rows->n; i++)
		if (rows->columns[i] >= 0)
			values[rows->columns[i]] = rows->values[i] == NULL ? NULL :
				text_of(rows->out, rows->columns[i], rows->values[i], rows->lens[i]);
	return true;
}

static void
check_close_rows(DestRows *rows)
{
	mysql_reader_done(rows->conn, rows->ended);
}

const DestCheckRoutine mysql_check_routine = {
	.table = check_table,
	.from = check_from,
	.value = check_value,
	.key = check_key,
	.open_rows = check_open_rows,
	.close_rows = check_close_rows,
	.next_texts = check_next_texts,
	.text = check_text,
	.catalog = &mysql_catalog_routine
};
