/*-------------------------------------------------------------------------
 *
 * my_schema_columns.c
 *	  Columns of a MySQL-family source.
 *
 * Defaults are the quirk: MariaDB shows an SQL expression, with NULL as the
 * word NULL; MySQL shows a raw value, or (from 8.0, with DEFAULT_GENERATED in
 * EXTRA) an expression. Both become an expression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"
#include "source/mysql/my_schema_impl.h"

static bool
has_word(const char *text, const char *word)
{
	Size		len = strlen(word);

	for (; *text != '\0'; text++)
	{
		if (pg_strncasecmp(text, word, len) == 0)
			return true;
	}
	return false;
}

/* enum('a','b') -> a, b */
static List *
parse_labels(const char *type)
{
	List	   *labels = NIL;
	MyLexer		lexer;
	MyToken		token;

	mysql_lex_init(&lexer, type);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD)
	{
		if (token.kind == TOK_STRING)
			labels = lappend(labels, token.text);
	}
	return labels;
}

static bool
is_number_type(const char *base)
{
	static const char *const types[] = {"tinyint", "smallint", "mediumint",
		"int", "bigint", "decimal", "numeric", "float", "double", "real",
	"year"};

	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(base, types[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_bytes(const TableColumn *col)
{
	return strstr(col->base_type, "binary") != NULL ||
		strstr(col->base_type, "blob") != NULL;
}

/* A raw default of MySQL as an expression. */
static char *
raw_default(MyConn *conn, const TableColumn *col, const char *text,
			const char *extra)
{
	if (has_word(extra, "DEFAULT_GENERATED"))
		return my_shown_expression(conn, text, is_bytes(col));
	if (pg_strncasecmp(text, "CURRENT_TIMESTAMP", 17) == 0 &&
		(strcmp(col->base_type, "timestamp") == 0 ||
		 strcmp(col->base_type, "datetime") == 0))
		return pstrdup(text);
	if (is_number_type(col->base_type) || strcmp(col->base_type, "bit") == 0)
		return pstrdup(text);
	if ((strstr(col->base_type, "binary") != NULL) && strncmp(text, "0x", 2) == 0)
		return psprintf("x'%s'", text + 2);
	if (strcmp(col->base_type, "char") == 0)
	{
		/* an ALTER under PAD_CHAR_TO_FULL_LENGTH fills it up */
		int			n = strlen(text);

		while (n > 0 && text[n - 1] == ' ')
			n--;
		text = pnstrdup(text, n);
	}
	return my_quote_literal(text);
}

static void
read_default(MyDescribe *d, TableColumn *col, const char *text,
			 const char *extra)
{
	if (text == NULL || col->generation_expr != NULL)
		return;
	if (!d->mariadb)
		col->default_expr = raw_default(d->conn, col, text, extra);
	else if (pg_strcasecmp(text, "NULL") != 0)
		col->default_expr = pstrdup(text);
}

static void
read_extra(MyDescribe *d, TableColumn *col, const char *extra,
		   const char *generation)
{
	col->auto_increment = has_word(extra, "auto_increment");
	col->invisible = has_word(extra, "INVISIBLE");
	col->on_update_now = has_word(extra, "on update ");
	if (generation == NULL || generation[0] == '\0')
		return;
	/* the ends of a row's life in a system-versioned table */
	col->row_end = pg_strcasecmp(generation, "ROW END") == 0;
	if (pg_strcasecmp(generation, "ROW START") == 0 ||
		pg_strcasecmp(generation, "ROW END") == 0)
		return;
	col->generation_expr = d->mariadb ? pstrdup(generation) :
		my_shown_expression(d->conn, generation, false);
	col->generated_stored = has_word(extra, "STORED") ||
		has_word(extra, "PERSISTENT");
}

static TableColumn *
read_column(MyDescribe *d, MyResult *res, int i)
{
	TableColumn *col = palloc0(sizeof(TableColumn));
	char	   *extra = my_value_or_null(res, i, "extra");
	char	   *comment = my_value_or_null(res, i, "comment");
	char	   *paren;

	col->name = my_value(res, i, "name");
	col->source_type = my_value(res, i, "type");
	col->base_type = my_value(res, i, "base");
	for (char *p = col->base_type; *p != '\0'; p++)
		*p = pg_tolower((unsigned char) *p);
	col->length = my_value_int64(res, i, "length", -1);
	col->precision = my_value_int64(res, i, "prec", -1);
	col->scale = my_value_int64(res, i, "scale", -1);
	col->fsp = Min(Max(my_value_int64(res, i, "fsp", 0), 0), 6);
	col->charset = my_value_or_null(res, i, "charset");
	col->collation = my_value_or_null(res, i, "coll");
	col->nullable = strcmp(my_value(res, i, "nullable"), "YES") == 0;
	col->source_key = strcmp(my_value(res, i, "key"), "PRI") == 0;
	col->is_unsigned = is_number_type(col->base_type) &&
		strstr(col->source_type, "unsigned") != NULL;
	col->is_json = strcmp(col->base_type, "json") == 0;
	if (strcmp(col->base_type, "bit") == 0)
		col->length = my_value_int64(res, i, "prec", 1);
	else if (strcmp(col->base_type, "vector") == 0 &&
			 (paren = strchr(col->source_type, '(')) != NULL)
		col->length = strtoll(paren + 1, NULL, 10);
	else if (strcmp(col->base_type, "enum") == 0 ||
			 strcmp(col->base_type, "set") == 0)
		col->labels = parse_labels(col->source_type);
	read_extra(d, col, extra == NULL ? "" : extra, my_value_or_null(res, i, "generation"));
	read_default(d, col, my_value_or_null(res, i, "dflt"), extra == NULL ? "" : extra);
	col->srid = my_value_int64(res, i, "srid", 0);
	mysql_loosen_geometry(col, d->mariadb, d->version);
	if (comment != NULL && comment[0] != '\0')
		col->comment = comment;
	return col;
}

/*
 * May a default have bytes, or characters, that are shown as '?'? MySQL before 8
 * shows those of binary types up to the first that is no character.
 */
static bool
is_garbled_default(const MyDescribe *d, const TableColumn *col)
{
	bool		binary = is_bytes(col);

	if (binary && !d->mariadb && d->version < 80000 && col->default_expr != NULL)
		return true;

	/* MySQL 8 shows 0x… up to a zero byte */
	if (strstr(col->base_type, "binary") != NULL && col->default_expr != NULL &&
		strncmp(col->default_expr, "x'", 2) == 0)
		return true;
	if (!binary && (col->charset == NULL || col->labels != NIL))
		return false;
	if (col->default_expr == NULL || col->default_expr[0] != '\'')
		return false;
	for (const char *p = col->default_expr; *p != '\0'; p++)
	{
		if (*p == '?' || (binary && IS_HIGHBIT_SET(*p)))
			return true;
	}
	return false;
}

/*
 * The outer join gives a row whether the table has one or not, but of a column
 * that is NOT NULL it makes NULL: then a row of the table is needed.
 */
char *
my_ask_default(MyConn *conn, const char *schema, const char *table,
			   const char *expr)
{
	static const char *const from[] = {
		"SELECT %s FROM (SELECT 1) x LEFT JOIN %s.%s ON 1 = 0",
	"SELECT %s FROM %s.%s LIMIT 1"};

	for (int i = 0; i < lengthof(from); i++)
	{
		MyResult   *res;
		char	   *errmsg;
		int			my_errno;
		char	   *sql = psprintf(from[i], expr, my_quote_identifier(schema),
								   my_quote_identifier(table));

		if (my_try_query(conn, sql, 1, &res, &errmsg, &my_errno) &&
			my_nrows(res) == 1 && my_get_text_or_null(res, 0, 0) != NULL)
			return my_get_text(res, 0, 0);
	}
	return NULL;
}

char *
my_ask_default_hex(MyConn *conn, const char *schema, const char *table,
				   const char *column, bool text)
{
	char	   *hex = my_ask_default(conn, schema, table,
									 psprintf(text ? "HEX(CONVERT(DEFAULT(%s) USING utf8mb4))" :
											  "HEX(DEFAULT(%s))", my_quote_identifier(column)));

	return hex != NULL && strspn(hex, "0123456789ABCDEF") == strlen(hex) ? hex : NULL;
}

/*
 * Defaults are shown as text of three bytes a character at most, and MariaDB's
 * binary ones so, too. DEFAULT() gives their bytes.
 */
static void
read_garbled_defaults(MyDescribe *d, TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		bool		text = col->charset != NULL;
		char	   *hex;

		if (!is_garbled_default(d, col))
			continue;
		hex = my_ask_default_hex(d->conn, def->schema, def->name, col->name, text);
		if (hex != NULL)
			col->default_expr = psprintf("%sX'%s'", text ? "_utf8mb4 " : "", hex);
	}
}

static bool
is_timestamp_literal(const TableColumn *col)
{
	return strcmp(col->base_type, "timestamp") == 0 && col->default_expr != NULL &&
		col->default_expr[0] == '\'';
}

/*
 * MySQL 8 and later show the default of a TIMESTAMP as somebody wrote it, in
 * whatever zone his session was; DEFAULT() gives it in ours, which is UTC.
 */
static void
read_timestamp_defaults(MyDescribe *d, TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		char	   *shown;

		if (!is_timestamp_literal(col))
			continue;
		shown = my_ask_default(d->conn, def->schema, def->name,
							   psprintf("CAST(DEFAULT(%s) AS CHAR)",
										my_quote_identifier(col->name)));
		if (shown != NULL)
			col->default_expr = my_quote_literal(shown);
	}
}

void
my_describe_columns(MyDescribe *d)
{
	ListCell   *lc;
	MyResult   *res;
	bool		generated = d->mariadb || d->version >= 50700;
	bool		srs = !d->mariadb && d->version >= 80000;

	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t,"
							" COLUMN_NAME AS name, COLUMN_TYPE AS type,"
							" DATA_TYPE AS base, IS_NULLABLE AS nullable,"
							" COLUMN_DEFAULT AS dflt, EXTRA AS extra, COLUMN_KEY AS `key`,"
							" CHARACTER_MAXIMUM_LENGTH AS length,"
							" NUMERIC_PRECISION AS prec, NUMERIC_SCALE AS scale,"
							" DATETIME_PRECISION AS fsp,"
							" CHARACTER_SET_NAME AS charset,"
							" COLLATION_NAME AS coll, COLUMN_COMMENT AS comment,"
							" %s AS generation, %s AS srid"
							" FROM information_schema.COLUMNS"
							" WHERE TABLE_SCHEMA IN (%s)"
							" ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
							generated ? "GENERATION_EXPRESSION" : "NULL",
							srs ? "SRS_ID" : "NULL", d->schemas), 18);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));

		if (def != NULL)
			def->columns = lappend(def->columns, read_column(d, res, i));
	}
	foreach(lc, d->tables)
	{
		read_garbled_defaults(d, lfirst(lc));
		if (!d->mariadb && d->version >= 80000)
			read_timestamp_defaults(d, lfirst(lc));
	}
}
