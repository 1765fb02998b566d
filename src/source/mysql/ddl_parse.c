/*-------------------------------------------------------------------------
 *
 * ddl_parse.c
 *	  Statements that change tables: tokens and names, and the statements
 *	  that are no CREATE or ALTER TABLE.
 *
 * The grammar is that of the reference manuals of MySQL 9 and MariaDB 11; a
 * source's own dialect decides where they differ.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "source/mysql/binlog_query.h"
#include "source/mysql/ddl_parse_impl.h"
#include "source/mysql/ddl_fold.h"

/* So many bytes of a token stand in an error. */
#define TOKEN_SHOWN 60

/* ---------------------------------------------------------------- tokens */

void
ddl_fail(DdlParser *p, const char *fmt,...)
{
	if (p->error == NULL)
	{
		char		buf[512];
		va_list		args;

		va_start(args, fmt);
		vsnprintf(buf, sizeof(buf), fmt, args);
		va_end(args);
		p->error = pnstrdup(buf, pg_mbcliplen(buf, strlen(buf), sizeof(buf) - 1));
	}
	p->token.kind = DDL_TOK_END;
	p->token.text = "";
}

char *
ddl_shown(const DdlParser *p)
{
	return pnstrdup(p->token.text, pg_mbcliplen(p->token.text, strlen(p->token.text),
												TOKEN_SHOWN));
}

void
ddl_unexpected(DdlParser *p)
{
	if (p->token.kind == DDL_TOK_END)
		ddl_fail(p, "the statement ends early");
	else
		ddl_fail(p, "\"%s\" is not understood at character %d", ddl_shown(p),
				 p->token.start + 1);
}

void
ddl_advance(DdlParser *p)
{
	if (p->error != NULL)
		return;
	p->token = ddl_lex_next(&p->lexer);
	if (p->token.kind == DDL_TOK_BAD)
		ddl_fail(p, "%s at character %d", p->token.text, p->token.start + 1);
}

bool
ddl_is(const DdlParser *p, const char *word)
{
	return (p->token.kind == DDL_TOK_WORD || p->token.kind == DDL_TOK_OP) &&
		pg_strcasecmp(p->token.text, word) == 0;
}

bool
ddl_is_end(const DdlParser *p)
{
	return p->token.kind == DDL_TOK_END;
}

bool
ddl_accept(DdlParser *p, const char *word)
{
	if (!ddl_is(p, word))
		return false;
	ddl_advance(p);
	return true;
}

DdlMark
ddl_mark(const DdlParser *p)
{
	DdlMark		mark = {p->lexer, p->token};

	return mark;
}

void
ddl_back(DdlParser *p, const DdlMark *mark)
{
	if (p->error != NULL)
		return;
	p->lexer = mark->lexer;
	p->token = mark->token;
}

bool
ddl_accept2(DdlParser *p, const char *word, const char *word2)
{
	DdlMark		mark;

	if (!ddl_is(p, word))
		return false;
	mark = ddl_mark(p);
	ddl_advance(p);
	if (ddl_accept(p, word2))
		return true;
	ddl_back(p, &mark);
	return false;
}

void
ddl_expect(DdlParser *p, const char *word)
{
	if (!ddl_accept(p, word))
		ddl_unexpected(p);
}

/* ----------------------------------------------------------------- pieces */

bool
ddl_is_name(const DdlParser *p)
{
	return p->token.kind == DDL_TOK_WORD || p->token.kind == DDL_TOK_NAME;
}

char *
ddl_name(DdlParser *p)
{
	char	   *name = p->token.text;

	if (!ddl_is_name(p))
	{
		ddl_unexpected(p);
		return "";
	}
	ddl_advance(p);
	return name;
}

static char *
fold(DdlParser *p, char *name)
{
	return p->input->fold_names ? ddl_fold_name(name) : name;
}

/* table, schema.table or .table */
DdlTable *
ddl_table_name(DdlParser *p)
{
	DdlTable   *table = palloc0(sizeof(DdlTable));

	table->schema = pstrdup(p->input->schema);
	if (!ddl_is(p, "."))
		table->name = fold(p, ddl_name(p));
	if (ddl_accept(p, "."))
	{
		if (table->name != NULL)
			table->schema = table->name;
		table->name = fold(p, ddl_name(p));
	}
	return table;
}

char *
ddl_number(DdlParser *p)
{
	char	   *text = p->token.text;

	if (p->token.kind != DDL_TOK_NUMBER)
	{
		ddl_unexpected(p);
		return "0";
	}
	ddl_advance(p);
	return text;
}

int64
ddl_integer(DdlParser *p)
{
	char	   *text = ddl_number(p);
	int64		value = strtoll(text, NULL, 10);

	return value < 0 ? 0 : Min(value, PG_UINT32_MAX);
}

char *
ddl_string(DdlParser *p)
{
	char	   *text = p->token.text;

	if (p->token.kind != DDL_TOK_STRING)
	{
		ddl_unexpected(p);
		return NULL;
	}
	ddl_advance(p);
	return text;
}

/* 'text' as information_schema spells it; quote: ' or ` */
static void
append_quoted(StringInfo buf, const char *text, char quote)
{
	appendStringInfoChar(buf, quote);
	for (; *text != '\0'; text++)
	{
		if (*text == quote)
			appendStringInfoChar(buf, quote);
		else if (*text == '\\' && quote == '\'')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *text);
	}
	appendStringInfoChar(buf, quote);
}

/* Is the NOT at hand an operator of its own: no NOT LIKE, no IS NOT NULL? */
static bool
not_is_prefix(DdlParser *p, StringInfo buf)
{
	static const char *const words[] = {"in", "like", "between", "regexp", "rlike"};
	DdlMark		mark = ddl_mark(p);
	int			len = buf->len;
	bool		prefix = true;

	while (len > 0 && buf->data[len - 1] == ' ')
		len--;
	if (len >= 2 && pg_strncasecmp(buf->data + len - 2, "is", 2) == 0 &&
		(len == 2 || strchr(" )`'", buf->data[len - 3]) != NULL))
		return false;
	ddl_advance(p);
	for (int i = 0; i < lengthof(words); i++)
		prefix = prefix && !ddl_is(p, words[i]);
	ddl_back(p, &mark);
	return prefix;
}

/* The word or operator at hand, as the default sql_mode writes it. */
static const char *
in_default_mode(DdlParser *p, StringInfo buf)
{
	uint64		mode = p->input->dialect.sql_mode;

	if (ddl_is(p, "||"))
		/* Oracle's takes NULL for '' */
		return mode & BINLOG_MODE_ORACLE && p->input->dialect.mariadb ? " oracle_concat " :
			mode & BINLOG_MODE_PIPES_AS_CONCAT ? "|||" : " or ";
	if ((mode & BINLOG_MODE_HIGH_NOT_PRECEDENCE) && ddl_is(p, "not") &&
		not_is_prefix(p, buf))
		return "!";
	return p->token.text;
}

/*
 * Expressions are kept in the default sql_mode, whatever they were written
 * in; "|||" is what PIPES_AS_CONCAT makes of "||". Tokens that stood apart stay
 * apart.
 */
void
ddl_take_token(DdlParser *p, StringInfo buf)
{
	DdlToken   *t = &p->token;
	int			end = t->end;

	switch (t->kind)
	{
		case DDL_TOK_WORD:
		case DDL_TOK_OP:
			appendStringInfoString(buf, in_default_mode(p, buf));
			break;
		case DDL_TOK_NAME:
			append_quoted(buf, t->text, '`');
			break;
		case DDL_TOK_STRING:
			if (t->charset != NULL)
				appendStringInfo(buf, "_%s", t->charset);
			append_quoted(buf, t->text, '\'');
			break;
		case DDL_TOK_HEX:
			if (t->charset != NULL)
				appendStringInfo(buf, "_%s ", t->charset);
			appendStringInfo(buf, "x'%s%s'", strlen(t->text) % 2 ? "0" : "",
							 t->text);
			break;
		case DDL_TOK_BIT:
			appendStringInfo(buf, "b'%s'", t->text);
			break;
		default:
			appendStringInfoString(buf, t->text);
			break;
	}
	ddl_advance(p);
	if (p->token.kind != DDL_TOK_END && p->token.start > end)
		appendStringInfoChar(buf, ' ');
}

/* Takes a (…) into buf. */
static void
take_parenthesized(DdlParser *p, StringInfo buf)
{
	int			depth = 0;

	if (!ddl_is(p, "("))
	{
		ddl_unexpected(p);
		return;
	}
	do
	{
		if (ddl_is(p, "("))
			depth++;
		else if (ddl_is(p, ")"))
			depth--;
		else if (ddl_is_end(p))
		{
			ddl_unexpected(p);
			return;
		}
		ddl_take_token(p, buf);
	} while (depth > 0);
}

static char *
trimmed(StringInfo buf)
{
	while (buf->len > 0 && buf->data[buf->len - 1] == ' ')
		buf->data[--buf->len] = '\0';
	return buf->data;
}

char *
ddl_parenthesized(DdlParser *p)
{
	StringInfoData buf;

	initStringInfo(&buf);
	take_parenthesized(p, &buf);
	return trimmed(&buf);
}

/*
 * What may follow DEFAULT: a literal, a function with or without arguments,
 * or an expression in parentheses.
 */
char *
ddl_default_value(DdlParser *p)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (ddl_is(p, "+") || ddl_is(p, "-"))
		ddl_take_token(p, &buf);
	if (ddl_is(p, "("))
	{
		take_parenthesized(p, &buf);
		return trimmed(&buf);
	}
	if (ddl_is(p, "next") || ddl_is(p, "previous"))
	{
		/* NEXT VALUE FOR sequence */
		for (int i = 0; i < 3; i++)
			ddl_take_token(p, &buf);
		for (;;)
		{
			if (!ddl_is_name(p))
				break;
			ddl_take_token(p, &buf);
			if (!ddl_is(p, "."))
				break;
			ddl_take_token(p, &buf);
		}
		return trimmed(&buf);
	}
	if (ddl_is(p, "case"))
	{
		int			depth = 0;

		do
		{
			depth += ddl_is(p, "case") ? 1 : ddl_is(p, "end") ? -1 : 0;
			ddl_take_token(p, &buf);
		} while (depth > 0 && !ddl_is_end(p));
		return trimmed(&buf);
	}
	if (p->token.kind == DDL_TOK_WORD)
	{
		bool		literal = ddl_is(p, "date") || ddl_is(p, "time") ||
			ddl_is(p, "timestamp");

		ddl_take_token(p, &buf);
		if (literal && p->token.kind == DDL_TOK_STRING)
			ddl_take_token(p, &buf);
		while (ddl_is(p, "."))
		{
			ddl_take_token(p, &buf);
			ddl_take_token(p, &buf);
		}
		if (ddl_is(p, "("))
			take_parenthesized(p, &buf);
		else if (pg_strcasecmp(trimmed(&buf), "true") == 0)
			return pstrdup("1");
		else if (pg_strcasecmp(trimmed(&buf), "false") == 0)
			return pstrdup("0");
	}
	else if (p->token.kind == DDL_TOK_END || p->token.kind == DDL_TOK_OP)
		ddl_unexpected(p);
	else
		ddl_take_token(p, &buf);
	return trimmed(&buf);
}

bool
ddl_engine_option(DdlParser *p)
{
	DdlMark		mark = ddl_mark(p);

	if (!ddl_is_name(p))
		return false;
	ddl_advance(p);
	if (!ddl_accept(p, "="))
	{
		ddl_back(p, &mark);
		return false;
	}
	ddl_advance(p);
	return true;
}

DdlAction *
ddl_action(DdlParser *p, DdlActionKind kind)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));

	action->kind = kind;
	p->stmt->actions = lappend(p->stmt->actions, action);
	return action;
}

bool
ddl_if_exists(DdlParser *p)
{
	return ddl_accept2(p, "if", "exists");
}

bool
ddl_if_not_exists(DdlParser *p)
{
	if (!ddl_accept2(p, "if", "not"))
		return false;
	ddl_expect(p, "exists");
	return true;
}

void
ddl_wait(DdlParser *p)
{
	if (ddl_accept(p, "nowait"))
		return;
	if (ddl_accept(p, "wait"))
		(void) ddl_number(p);
}

char *
ddl_charset_name(DdlParser *p)
{
	char	   *name = p->token.text;

	if (p->token.kind != DDL_TOK_STRING && !ddl_is_name(p))
	{
		ddl_unexpected(p);
		return "";
	}
	name = pstrdup(name);
	for (char *c = name; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	ddl_advance(p);
	return name;
}

bool
ddl_charset_option(DdlParser *p, char **charset, char **collation)
{
	DdlMark		mark = ddl_mark(p);

	(void) ddl_accept(p, "default");
	if (ddl_accept(p, "charset") || ddl_accept2(p, "character", "set") ||
		ddl_accept2(p, "char", "set"))
	{
		(void) ddl_accept(p, "=");
		*charset = ddl_charset_name(p);
	}
	else if (ddl_accept(p, "collate"))
	{
		(void) ddl_accept(p, "=");
		*collation = ddl_charset_name(p);
	}
	else
	{
		ddl_back(p, &mark);
		return false;
	}
	return true;
}

/* ------------------------------------------------------------- statements */

static void
add_table(DdlParser *p)
{
	p->stmt->tables = lappend(p->stmt->tables, ddl_table_name(p));
}

static void
parse_drop_table(DdlParser *p)
{
	p->stmt->kind = DDL_DROP_TABLE;
	p->stmt->if_exists = ddl_if_exists(p);
	do
	{
		add_table(p);
		ddl_wait(p);
	} while (ddl_accept(p, ","));
	if (!ddl_accept(p, "restrict"))
		(void) ddl_accept(p, "cascade");
}

static void
parse_rename(DdlParser *p)
{
	p->stmt->kind = DDL_RENAME_TABLE;
	p->stmt->if_exists = ddl_if_exists(p);
	do
	{
		add_table(p);
		ddl_wait(p);
		ddl_expect(p, "to");
		add_table(p);
	} while (ddl_accept(p, ","));
}

static void
parse_truncate(DdlParser *p)
{
	p->stmt->kind = DDL_TRUNCATE;
	(void) ddl_accept(p, "table");
	add_table(p);
	/* Oracle's DROP STORAGE and REUSE STORAGE */
	if (ddl_accept(p, "drop") || ddl_accept(p, "reuse"))
		ddl_expect(p, "storage");
	ddl_wait(p);
}

/* CREATE [UNIQUE | FULLTEXT | SPATIAL] INDEX, from the name on */
static void
parse_create_index(DdlParser *p, IndexKind kind)
{
	TableIndex *index = palloc0(sizeof(TableIndex));
	bool		if_not_exists = ddl_if_not_exists(p);
	DdlAction  *action;

	p->stmt->kind = DDL_ALTER_TABLE;
	index->kind = kind;
	index->name = ddl_name(p);
	ddl_index_options(p, index);
	ddl_expect(p, "on");
	add_table(p);
	ddl_wait(p);
	index->parts = ddl_key_parts(p);
	ddl_index_options(p, index);
	while (ddl_algorithm(p))
		;
	ddl_wait(p);
	if (p->stmt->or_replace)
	{
		action = ddl_action(p, DDL_DROP_INDEX);
		action->name = index->name;
		action->if_exists = true;
	}
	action = ddl_action(p, DDL_ADD_INDEX);
	action->index = index;
	action->if_exists = if_not_exists;
}

static void
parse_drop_index(DdlParser *p)
{
	bool		if_exists = ddl_if_exists(p);
	char	   *name = ddl_name(p);
	DdlAction  *action;

	p->stmt->kind = DDL_ALTER_TABLE;
	ddl_expect(p, "on");
	add_table(p);
	ddl_wait(p);
	while (ddl_algorithm(p))
		;
	action = ddl_action(p, DDL_DROP_INDEX);
	action->name = name;
	action->if_exists = if_exists;
}

static void
parse_schema(DdlParser *p, DdlKind kind)
{
	DdlTable   *schema = palloc0(sizeof(DdlTable));

	p->stmt->kind = kind;
	p->stmt->if_exists = kind == DDL_CREATE_SCHEMA ? ddl_if_not_exists(p) :
		kind == DDL_DROP_SCHEMA ? ddl_if_exists(p) : false;
	schema->schema = pstrdup(p->input->schema);
	schema->name = "";

	/* ALTER DATABASE may leave out the name */
	if (kind != DDL_ALTER_SCHEMA ||
		!(ddl_is(p, "default") || ddl_is(p, "character") ||
		  ddl_is(p, "charset") || ddl_is(p, "collate") ||
		  ddl_is(p, "comment")))
		schema->schema = fold(p, ddl_name(p));
	p->stmt->tables = list_make1(schema);
	while (!ddl_is_end(p) && !ddl_is(p, ";"))
	{
		if (ddl_charset_option(p, &p->stmt->charset, &p->stmt->collation))
			continue;
		(void) ddl_accept(p, "default");
		if (ddl_accept(p, "comment") || ddl_accept(p, "encryption"))
		{
			(void) ddl_accept(p, "=");
			(void) ddl_string(p);
		}
		else if (ddl_accept2(p, "read", "only"))
		{
			(void) ddl_accept(p, "=");
			ddl_advance(p);
		}
		else if (ddl_accept(p, "upgrade"))
			while (!ddl_is_end(p))
				ddl_advance(p);
		else
			ddl_unexpected(p);
	}
}

static void
parse_create(DdlParser *p)
{
	IndexKind	kind = INDEX_PLAIN;

	if (ddl_accept2(p, "or", "replace"))
		p->stmt->or_replace = true;
	if (ddl_accept(p, "temporary"))
		p->stmt->temporary = true;
	if (ddl_accept(p, "table"))
	{
		ddl_create_table(p);
		return;
	}
	if (ddl_accept(p, "database") || ddl_accept(p, "schema"))
	{
		parse_schema(p, DDL_CREATE_SCHEMA);
		return;
	}
	(void) (ddl_accept(p, "online") || ddl_accept(p, "offline"));
	if (ddl_accept(p, "unique"))
		kind = INDEX_UNIQUE;
	else if (ddl_accept(p, "fulltext"))
		kind = INDEX_FULLTEXT;
	else if (ddl_accept(p, "spatial"))
		kind = INDEX_SPATIAL;
	else if (ddl_accept(p, "vector"))
		kind = INDEX_VECTOR;
	if (ddl_accept(p, "index"))
		parse_create_index(p, kind);
	else
		ddl_unexpected(p);
}

static void
parse_alter(DdlParser *p)
{
	(void) (ddl_accept(p, "online") || ddl_accept(p, "offline"));
	p->stmt->ignore = ddl_accept(p, "ignore");
	if (ddl_accept(p, "table"))
		ddl_alter_table(p);
	else if (ddl_accept(p, "database") || ddl_accept(p, "schema"))
		parse_schema(p, DDL_ALTER_SCHEMA);
	else
		ddl_unexpected(p);
}

static void
parse_drop(DdlParser *p)
{
	if (ddl_accept(p, "temporary"))
		p->stmt->temporary = true;
	(void) (ddl_accept(p, "online") || ddl_accept(p, "offline"));
	if (ddl_accept(p, "table") || ddl_accept(p, "tables"))
		parse_drop_table(p);
	else if (ddl_accept(p, "index"))
		parse_drop_index(p);
	else if (ddl_accept(p, "database") || ddl_accept(p, "schema"))
		parse_schema(p, DDL_DROP_SCHEMA);
	else
		ddl_unexpected(p);
}

/* SET STATEMENT name = value, … FOR */
static void
skip_set_statement(DdlParser *p)
{
	while (ddl_accept2(p, "set", "statement"))
	{
		int			depth = 0;

		while (!ddl_is_end(p) && (depth > 0 || !ddl_is(p, "for")))
		{
			depth += ddl_is(p, "(") ? 1 : ddl_is(p, ")") ? -1 : 0;
			ddl_advance(p);
		}
		ddl_expect(p, "for");
	}
}

DdlStatement *
ddl_parse(const DdlInput *input, char **error)
{
	DdlParser	p = {0};

	p.input = input;
	p.stmt = palloc0(sizeof(DdlStatement));
	ddl_lex_init(&p.lexer, input->sql, &input->dialect);
	ddl_advance(&p);
	skip_set_statement(&p);
	if (ddl_accept(&p, "create"))
		parse_create(&p);
	else if (ddl_accept(&p, "alter"))
		parse_alter(&p);
	else if (ddl_accept(&p, "drop"))
		parse_drop(&p);
	else if (ddl_accept2(&p, "rename", "table") ||
			 ddl_accept2(&p, "rename", "tables"))
		parse_rename(&p);
	else if (ddl_accept(&p, "truncate"))
		parse_truncate(&p);
	else
		ddl_unexpected(&p);
	while (ddl_accept(&p, ";"))
		;
	if (!ddl_is_end(&p))
		ddl_unexpected(&p);
	*error = p.error;
	return p.error == NULL ? p.stmt : NULL;
}
