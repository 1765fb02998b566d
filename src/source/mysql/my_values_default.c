/*-------------------------------------------------------------------------
 *
 * my_values_default.c
 *	  Values of columns that a new row's image leaves out (binlog_row_image
 *	  MINIMAL): the source has given them their defaults.
 *
 * A literal, or what a column that is NOT NULL and has no default gets in a
 * session that is not strict. Other defaults are in the image, or cannot be
 * known: the destination's stands for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_value_impl.h"

#include "mb/pg_wchar.h"
#include "schema/mysql_lex.h"

/* The text of a default that is a string or a number; NULL: it is neither. */
static char *
literal_text(const char *expr)
{
	MyLexer		lexer;
	MyToken		token;
	bool		minus = false;

	mysql_lex_init(&lexer, expr);
	token = mysql_lex_next(&lexer);
	if (mysql_token_is(&token, "-"))
	{
		minus = true;
		token = mysql_lex_next(&lexer);
	}
	if ((token.kind != TOK_STRING && token.kind != TOK_NUMBER) ||
		token.charset != NULL || (minus && token.kind != TOK_NUMBER) ||
		mysql_lex_next(&lexer).kind != TOK_END)
		return NULL;
	return minus ? psprintf("-%s", token.text) : token.text;
}

static bool
is_one_of(const char *type, const char *const *types)
{
	for (; *types != NULL; types++)
	{
		if (strcmp(type, *types) == 0)
			return true;
	}
	return false;
}

/* What a type has for want of a default; NULL: nothing that is known. */
static const char *
implicit_text(const TableColumn *def)
{
	static const char *const numbers[] = {"tinyint", "smallint", "mediumint",
	"int", "bigint", "decimal", "float", "double", NULL};
	static const char *const texts[] = {"char", "varchar", "tinytext", "text",
		"mediumtext", "longtext", "varbinary", "tinyblob", "blob",
	"mediumblob", "longblob", "set", NULL};

	if (is_one_of(def->base_type, numbers))
		return "0";
	if (def->is_json && strcmp(def->base_type, "json") != 0)
		return NULL;
	if (strcmp(def->base_type, "enum") == 0)
		return def->labels != NIL ? linitial(def->labels) : NULL;
	if (strcmp(def->base_type, "date") == 0)
		return "0000-00-00";
	if (strcmp(def->base_type, "datetime") == 0 || strcmp(def->base_type, "timestamp") == 0)
		return "0000-00-00 00:00:00";
	if (strcmp(def->base_type, "time") == 0)
		return "00:00:00";
	if (strcmp(def->base_type, "year") == 0)
		return "0000";
	if (strcmp(def->base_type, "json") == 0)
		return "null";
	if (strcmp(def->base_type, "uuid") == 0)
		return "00000000-0000-0000-0000-000000000000";
	if (strcmp(def->base_type, "inet6") == 0)
		return "::";
	if (strcmp(def->base_type, "inet4") == 0)
		return "0.0.0.0";
	return is_one_of(def->base_type, texts) ? "" : NULL;
}

/* BINARY and BIT have as many zeros as there is room for. */
static const char *
implicit_zeros(const TableColumn *def, Size *len)
{
	if (strcmp(def->base_type, "binary") == 0)
		*len = (Size) Max(def->length, 0);
	else if (strcmp(def->base_type, "bit") == 0)
		*len = (Size) (Max(def->length, 1) + 7) / 8;
	else
		return NULL;
	return palloc0(*len + 1);
}

const char *
my_default_text(const TableColumn *def, Size *len)
{
	const char *text;

	if (def->auto_increment || def->generation_expr != NULL)
		return NULL;
	if (def->default_expr == NULL)
	{
		if (def->nullable)
			return NULL;
		text = implicit_zeros(def, len);
		if (text == NULL && (text = implicit_text(def)) != NULL)
			*len = strlen(text);
		return text;
	}
	/* bits and bytes are no text */
	if (strcmp(def->base_type, "bit") == 0 || strstr(def->base_type, "binary") != NULL)
		return NULL;
	text = literal_text(def->default_expr);
	if (text == NULL)
		return NULL;
	for (const char *p = text; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p) && GetDatabaseEncoding() != PG_UTF8)
			return NULL;
	}
	*len = strlen(text);
	return text;
}
