/*-------------------------------------------------------------------------
 *
 * my_verify.c
 *	  Tables of a MySQL-family source summed up: values as text that
 *	  PostgreSQL writes alike (see schema/check_sql.h). And what a cutover
 *	  asks of the source: who still writes, and that nobody does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "client/my_conn.h"
#include "source/mysql/my_value_impl.h"
#include "source/mysql/my_verify.h"

/* More groups than any table is summed up by. */
#define MAX_SUMS 1000000

/* ------------------------------------------------------------------ forms */

static bool
is_text_type(Oid typid)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(typid, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

static CheckForm
number_form(const MyColumn *c, Oid typid)
{
	switch (c->kind)
	{
		case MY_INT:
			return typid == BOOLOID ? CHECK_BOOLEAN :
				typid == INT2OID || typid == INT4OID || typid == INT8OID ||
				typid == NUMERICOID ? CHECK_INTEGER : CHECK_FETCH;
		case MY_DECIMAL:
			return typid == NUMERICOID ? CHECK_OUTPUT : CHECK_FETCH;
		case MY_FLOAT:
		case MY_DOUBLE:
			return typid == FLOAT4OID || typid == FLOAT8OID ? CHECK_DOUBLE :
				CHECK_FETCH;
		default:
			return typid == BOOLOID ? CHECK_BOOLEAN :
				typid == BITOID && c->def->length > 0 ? CHECK_OUTPUT :
				CHECK_FETCH;
	}
}

static CheckForm
temporal_form(const MyColumn *c, Oid typid, bool mariadb)
{
	switch (c->kind)
	{
		case MY_DATE:
			return typid == DATEOID ? CHECK_OUTPUT : CHECK_FETCH;
		case MY_DATETIME:
			return typid == TIMESTAMPOID ? CHECK_DATETIME : CHECK_FETCH;
		case MY_TIMESTAMP:
			return typid == TIMESTAMPTZOID ? CHECK_DATETIME : CHECK_FETCH;
		default:
			/* MySQL's seconds of a negative time leave its fraction out */
			return typid == TIMEOID ? CHECK_DATETIME :
				typid == INTERVALOID && (c->def->fsp == 0 || mariadb) ?
				CHECK_MICROSECONDS : CHECK_FETCH;
	}
}

/* Lengths are of UTF-8; so the database has to be. */
CheckForm
my_check_form(SourceConn *conn, const SourceRelation *rel, int column)
{
	const MyColumn *c = rel->columns[column].engine;
	Oid			typid = rel->columns[column].typid;
	bool		mariadb = my_is_mariadb((MyConn *) conn);

	switch (c->kind)
	{
		case MY_INT:
		case MY_DECIMAL:
		case MY_FLOAT:
		case MY_DOUBLE:
		case MY_BIT:
			return number_form(c, typid);
		case MY_DATE:
		case MY_DATETIME:
		case MY_TIMESTAMP:
		case MY_TIME:
			return temporal_form(c, typid, mariadb);
		case MY_TEXT:
			return !is_text_type(typid) ? CHECK_FETCH :
				c->is_blob ? CHECK_TEXT_DIGEST : CHECK_TEXT;
		case MY_BINARY:
			return typid != BYTEAOID ? CHECK_FETCH :
				c->is_blob ? CHECK_BYTES_DIGEST : CHECK_HEX;
		case MY_ENUM:
			return type_is_enum(typid) || is_text_type(typid) ? CHECK_TEXT :
				CHECK_FETCH;
		case MY_SET:
			return typid == TEXTARRAYOID ? CHECK_LIST :
				is_text_type(typid) ? CHECK_TEXT : CHECK_FETCH;
		case MY_JSON:

			/*
			 * MySQL writes JSON as jsonb is written, but for rare numbers.
			 * MariaDB's is the text that somebody wrote once.
			 */
			return typid == JSONOID || (typid == JSONBOID && !mariadb) ?
				CHECK_TEXT_DIGEST : CHECK_FETCH;
		case MY_UUID:
			return typid == UUIDOID ? CHECK_OUTPUT : CHECK_FETCH;
		case MY_INET:
			return typid == INETOID ? CHECK_HOST : CHECK_FETCH;
		case MY_GEOMETRY:
		case MY_VECTOR:
			break;
	}
	return CHECK_FETCH;
}

static const char *
in_utf8(const MyColumn *c, const char *name)
{
	const char *charset = c->def->charset;

	if (charset == NULL || strncmp(charset, "utf8", 4) == 0 ||
		strcmp(charset, "ascii") == 0)
		return name;
	return psprintf("CONVERT(%s USING utf8mb4)", name);
}

/*
 * What the destination's NULL is made of, by the policies; others just seem to
 * differ.
 */
static const char *
null_as_dest(const MyColumn *c, const char *name)
{
	switch (c->kind)
	{
		case MY_DATE:
		case MY_DATETIME:
		case MY_TIMESTAMP:
			return c->policy->zero_date == ZERO_DATE_NULL ?
				psprintf("NULLIF(%s, '0000-00-00')", name) : name;
		case MY_ENUM:
			return psprintf("IF(%s + 0 = 0, NULL, %s)", name, name);
		default:
			return name;
	}
}

/* The value in its form. */
static const char *
expression_of(const MyColumn *c, CheckForm form, const char *name)
{
	switch (c->kind)
	{
		case MY_INT:
		case MY_DECIMAL:
			return strstr(c->def->source_type, "zerofill") ||
				c->int_type == MYSQL_T_YEAR ? psprintf("(%s + 0)", name) : name;
		case MY_FLOAT:
			/* in full */
			return psprintf("(%s * 1e0)", name);
		case MY_BIT:
			return form == CHECK_BOOLEAN ? psprintf("(%s + 0)", name) :
				psprintf("LPAD(BIN(%s + 0), %d, '0')", name,
						 (int) c->def->length);
		case MY_TIME:
			return form == CHECK_MICROSECONDS ?
				psprintf("CAST(TIME_TO_SEC(%s) * 1000000 AS SIGNED)", name) : name;
		case MY_TEXT:
			return form == CHECK_TEXT_DIGEST ?
				psprintf("CRC32(%s)", in_utf8(c, name)) : in_utf8(c, name);
		case MY_BINARY:
			return psprintf(form == CHECK_BYTES_DIGEST ? "CRC32(%s)" : "HEX(%s)", name);
		case MY_SET:
			return in_utf8(c, name);
		case MY_ENUM:
			return in_utf8(c, null_as_dest(c, name));
		case MY_JSON:
			return psprintf("CRC32(CAST(%s AS CHAR CHARACTER SET utf8mb4))", name);
		case MY_UUID:
			return psprintf("LOWER(CAST(%s AS CHAR))", name);
		case MY_INET:
			return psprintf("CAST(%s AS CHAR)", name);
		default:
			return null_as_dest(c, name);
	}
}

/* Values, lengths of these columns: see check_sql.h. */
static char *
row_text(const SourceRelation *rel, const CheckForm *forms, const int *columns,
		 int n)
{
	List	   *values = NIL;
	List	   *lengths = NIL;
	bool		left_out = false;

	for (int i = 0; i < n; i++)
	{
		int			k = columns ? columns[i] : i;
		const SourceColumn *col = &rel->columns[k];
		bool		is_text = forms[k] == CHECK_TEXT || forms[k] == CHECK_LIST;
		const char *value;

		if (forms[k] == CHECK_FETCH)
			continue;
		value = expression_of(col->engine, forms[k], my_quote_identifier(col->name));
		values = lappend(values, psprintf(col->target_not_null ? "%s" :
										  forms[k] == CHECK_HEX ? "IFNULL(%s, '-')" :
										  "IFNULL(%s, '')", value));
		if (is_text && col->target_not_null && !left_out)
			left_out = true;
		else if (is_text)
			lengths = lappend(lengths, psprintf(col->target_not_null ? "LENGTH(%s)" :
												"IFNULL(LENGTH(%s), '')", value));
	}
	return check_concat(list_concat(values, lengths));
}

CheckTable *
my_check_table(SourceConn *conn, const SourceRelation *rel,
			   const CheckForm *forms)
{
	CheckTable *table = palloc0(sizeof(CheckTable));
	bool		has_key = rel->nkey > 0;

	table->digest = CHECK_CRC32;
	table->from = psprintf("%s.%s", my_quote_identifier(rel->schema),
						   my_quote_identifier(rel->name));
	table->number = psprintf("CRC32(CRC32(%s))",
							 row_text(rel, forms, NULL, rel->ncolumns));
	if (!has_key)
		table->bucket = table->number;
	else if (forms[rel->key[0]] == CHECK_INTEGER)
		table->first_key = my_quote_identifier(rel->columns[rel->key[0]].name);
	for (int i = 0; i < rel->nkey; i++)
		has_key &= forms[rel->key[i]] != CHECK_FETCH;
	if (has_key)
		table->bucket = psprintf("CRC32(CRC32(%s))",
								 row_text(rel, forms, rel->key, rel->nkey));
	return table;
}

/* ---------------------------------------------------------------- queries */

/*
 * The statement is sent; the answer's packets are read when it is wanted.
 */
void
my_check_ask(SourceConn *conn, const char *sql)
{
	my_send_query((MyConn *) conn, sql);
}

/*
 * A field of a row of the text protocol: a short length-encoded string, or
 * NULL. Moves *data on.
 */
static char *
short_field(const uint8 **data, const uint8 *end)
{
	Size		len;
	char	   *value;

	if (*data >= end)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source's answer is cut off")));
	len = *(*data)++;
	if (len == 0xFB)
		return NULL;
	if (len > 0xFB || len > (Size) (end - *data))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source's answer has an unexpected field")));
	value = pnstrdup((const char *) *data, len);
	*data += len;
	return value;
}

List *
my_check_answer(SourceConn *conn)
{
	MyConn	   *my = (MyConn *) conn;
	const uint8 *data;
	Size		len;
	List	   *sums = NIL;

	if (my_stream_columns(my, "a query") != 3)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the source's answer has an unexpected number of columns")));
	while (my_stream_next(my, &data, &len))
	{
		const uint8 *end = data + len;
		char	   *group = short_field(&data, end);
		char	   *rows = short_field(&data, end);

		if (list_length(sums) >= MAX_SUMS)
			my_refuse("number of groups", ">= 1000000");
		sums = lappend(sums, check_read_sum(group, rows, short_field(&data, end)));
	}
	return sums;
}

char *
my_check_value(SourceConn *conn, const char *sql)
{
	return my_query_text_or_null((MyConn *) conn, sql);
}

/* ------------------------------------------------------------------- keys */

static char *
hex_literal(const char *prefix, const char *bytes, int len)
{
	char	   *hex = palloc(len * 2 + 1);

	hex[hex_encode(bytes, len, hex)] = '\0';
	return psprintf("%sX'%s'", prefix, hex);
}

/* Digits that stand in the source's SQL as they are: 1, -1.5, 1e-7. */
static bool
is_number(const char *value, bool exponent)
{
	Size		whole;
	Size		part = 0;

	value += *value == '-' || *value == '+';
	whole = strspn(value, "0123456789");
	value += whole;
	if (*value == '.')
	{
		part = strspn(++value, "0123456789");
		value += part;
	}
	if (whole + part > 0 && exponent && (*value == 'e' || *value == 'E'))
	{
		value++;
		value += *value == '-' || *value == '+';
		part = strspn(value, "0123456789");
		value += part;
		return part > 0 && *value == '\0';
	}
	return whole + part > 0 && *value == '\0';
}

static bool
is_all_of(const char *value, const char *digits)
{
	return strspn(value, digits) == strlen(value);
}

/*
 * A value, as the destination's type writes it, in the source's SQL. That type
 * need not be the one that the source's became: any text may come. NULL: none
 * that the source has.
 */
static char *
key_value(const MyColumn *c, const char *value)
{
	switch (c->kind)
	{
		case MY_INT:
		case MY_DECIMAL:
			if (c->col->typid == BOOLOID)
				return pstrdup(value[0] == 't' ? "1" : "0");
			if (!is_number(value, false))
				return NULL;
			return c->int_type == MYSQL_T_YEAR && c->kind == MY_INT ?
				my_quote_literal(value) : pstrdup(value);
		case MY_DOUBLE:
			if (!is_number(value, true))
				return NULL;
			return psprintf(strpbrk(value, "eE") ? "%s" : "%se0", value);
		case MY_BIT:
			if (c->col->typid == BOOLOID)
				return pstrdup(value[0] == 't' ? "b'1'" : "b'0'");
			return is_all_of(value, "01") ? psprintf("b'%s'", value) : NULL;
		case MY_DATE:
		case MY_DATETIME:
		case MY_TIME:
		case MY_UUID:
		case MY_INET:
			return my_quote_literal(value);
		case MY_TIMESTAMP:
			return my_quote_literal(pnstrdup(value, strcspn(value, "+")));
		case MY_TEXT:
		case MY_ENUM:
			{
				char	   *utf8 = pg_server_to_any(value, strlen(value), PG_UTF8);

				return hex_literal("_utf8mb4 ", utf8, strlen(utf8));
			}
		case MY_BINARY:
			return strncmp(value, "\\x", 2) == 0 && strlen(value) % 2 == 0 &&
				is_all_of(value + 2, "0123456789abcdef") ?
				psprintf("X'%s'", value + 2) : NULL;
		default:
			return NULL;
	}
}

char *
my_check_key(SourceConn *conn, const SourceRelation *rel, char *const *key)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < rel->nkey; i++)
	{
		const SourceColumn *col = &rel->columns[rel->key[i]];
		char	   *value = key_value(col->engine, key[i]);

		if (value == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s = %s", i > 0 ? " AND " : "",
						 my_quote_identifier(col->name), value);
	}
	return buf.data;
}

/* ------------------------------------------------------- the end of writing */

char *
my_open_writers(SourceConn *conn, char **hidden)
{
	MyResult   *res;

	*hidden = NULL;
	if (!my_try_query((MyConn *) conn,
					  "SELECT trx_mysql_thread_id, trx_started, trx_rows_modified "
					  "FROM information_schema.innodb_trx WHERE trx_rows_modified > 0 "
					  "ORDER BY trx_started LIMIT 1", 3, &res, hidden, NULL) ||
		my_nrows(res) == 0)
		return NULL;
	return psprintf("connection %s has changed %s rows since %s and has not committed",
					my_get_text(res, 0, 0), my_get_text(res, 0, 2), my_get_text(res, 0, 1));
}

static bool
has_super_read_only(MyConn *my)
{
	return !my_is_mariadb(my) && my_version_num(my) >= 50708;
}

char *
my_make_writable(SourceConn *conn)
{
	MyConn	   *my = (MyConn *) conn;
	char	   *message;
	int			my_errno;

	if ((has_super_read_only(my) &&
		 !my_try_query(my, "SET GLOBAL super_read_only = OFF", 0, NULL, &message, &my_errno)) ||
		!my_try_query(my, "SET GLOBAL read_only = OFF", 0, NULL, &message, &my_errno))
		return message;
	return NULL;
}

char *
my_make_read_only(SourceConn *conn, bool for_others)
{
	MyConn	   *my = (MyConn *) conn;
	char	   *message;
	int			my_errno;

	if (for_others && !my_writes_read_only(my))
		return psprintf("The account could not write either, which the way back does. GRANT %s ON *.* TO it.",
						my_is_mariadb(my) ? "READ_ONLY ADMIN" : "CONNECTION_ADMIN");
	/* the former holds for everybody */
	if (!my_try_query(my, has_super_read_only(my) && !for_others ?
					  "SET GLOBAL super_read_only = ON" :
					  "SET GLOBAL read_only = ON", 0, NULL, &message, &my_errno))
		return message;
	return NULL;
}

bool
my_is_read_only(SourceConn *conn)
{
	char	   *value = my_query_text((MyConn *) conn, "SELECT @@global.read_only");

	return strcmp(value, "1") == 0;
}
