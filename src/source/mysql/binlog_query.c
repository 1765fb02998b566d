/*-------------------------------------------------------------------------
 *
 * binlog_query.c
 *	  What a statement in a QUERY event does, and to which tables.
 *
 * The lexer knows the quoting of MySQL and MariaDB: `names`, "names" under
 * ANSI_QUOTES, strings with backslashes unless NO_BACKSLASH_ESCAPES, the
 * three kinds of comments. The text of a versioned comment is code: one that
 * the source left out as too new is read all the same, which errs on the safe
 * side.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_query.h"

#include <string.h>

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_WORD,					/* keyword or plain identifier */
	TOKEN_QUOTED,				/* quoted identifier */
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_VARIABLE,				/* @name, @@name */
	TOKEN_PUNCT					/* one character */
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	const char *text;			/* with the quotes */
	size_t		len;
} Token;

typedef struct Lexer
{
	const char *p;
	const char *end;
	uint64_t	sql_mode;
	bool		after_dot;		/* digits are a name, then */
	Token		token;			/* the current one */
} Lexer;

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
		c == '_' || c == '$' || (unsigned char) c >= 0x80;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Is there such text at p? */
static bool
looking_at(const Lexer *lex, const char *text)
{
	size_t		len = strlen(text);

	return (size_t) (lex->end - lex->p) >= len &&
		memcmp(lex->p, text, len) == 0;
}

static void
skip_line(Lexer *lex)
{
	while (lex->p < lex->end && *lex->p != '\n')
		lex->p++;
}

/* Skips a comment, or the marks around one that is code. */
static bool
skip_comment(Lexer *lex)
{
	if (*lex->p == '#')
		skip_line(lex);
	else if (looking_at(lex, "--") &&
			 (lex->end - lex->p == 2 || is_space(lex->p[2])))
		skip_line(lex);
	else if (looking_at(lex, "/*!") || looking_at(lex, "/*M!"))
	{
		lex->p += lex->p[2] == '!' ? 3 : 4;
		while (lex->p < lex->end && is_digit(*lex->p))
			lex->p++;
	}
	else if (looking_at(lex, "*/"))
		lex->p += 2;
	else if (looking_at(lex, "/*"))
	{
		lex->p += 2;
		while (lex->p < lex->end && !looking_at(lex, "*/"))
			lex->p++;
		if (lex->p < lex->end)
			lex->p += 2;
	}
	else
		return false;
	return true;
}

static void
skip_quoted(Lexer *lex, char quote, bool backslash)
{
	lex->p++;
	while (lex->p < lex->end)
	{
		char		c = *lex->p++;

		if (c == '\\' && backslash)
		{
			if (lex->p < lex->end)
				lex->p++;
		}
		else if (c == quote)
		{
			if (lex->p >= lex->end || *lex->p != quote)
				return;
			lex->p++;
		}
	}
}

static TokenKind
scan_word(Lexer *lex)
{
	bool		digits = true;

	for (; lex->p < lex->end && is_word(*lex->p); lex->p++)
		digits = digits && is_digit(*lex->p);
	return digits && !lex->after_dot ? TOKEN_NUMBER : TOKEN_WORD;
}

/* Moves on to the next token. */
static void
advance(Lexer *lex)
{
	Token	   *t = &lex->token;
	bool		backslash = !(lex->sql_mode & BINLOG_MODE_NO_BACKSLASH_ESCAPES);
	bool		ansi = (lex->sql_mode & BINLOG_MODE_ANSI_QUOTES) != 0;
	char		c;

	while (lex->p < lex->end &&
		   (is_space(*lex->p) || *lex->p == '\0' || skip_comment(lex)))
	{
		if (lex->p < lex->end && (is_space(*lex->p) || *lex->p == '\0'))
			lex->p++;
	}
	t->text = lex->p;
	t->len = 0;
	if (lex->p >= lex->end)
	{
		t->kind = TOKEN_END;
		return;
	}
	c = *lex->p;
	if (c == '`' || (c == '"' && ansi))
	{
		skip_quoted(lex, c, false);
		t->kind = TOKEN_QUOTED;
	}
	else if (c == '\'' || c == '"')
	{
		skip_quoted(lex, c, backslash);
		t->kind = TOKEN_STRING;
	}
	else if (c == '@')
	{
		while (lex->p < lex->end && *lex->p == '@')
			lex->p++;
		if (lex->p < lex->end &&
			(*lex->p == '`' || *lex->p == '\'' || *lex->p == '"'))
			skip_quoted(lex, *lex->p, *lex->p != '`' && backslash);
		else
			while (lex->p < lex->end && (is_word(*lex->p) || *lex->p == '.'))
				lex->p++;
		t->kind = TOKEN_VARIABLE;
	}
	else if (is_word(c))
		t->kind = scan_word(lex);
	else
	{
		lex->p++;
		t->kind = TOKEN_PUNCT;
	}
	t->len = (size_t) (lex->p - t->text);
	lex->after_dot = t->kind == TOKEN_PUNCT && c == '.';
}

static void
start(Lexer *lex, const BinlogStatement *stmt, size_t at)
{
	lex->p = stmt->sql + at;
	lex->end = stmt->sql + stmt->len;
	lex->sql_mode = stmt->sql_mode;
	lex->after_dot = false;
	advance(lex);
}

static bool
is_keyword(const Lexer *lex, const char *word)
{
	size_t		len = strlen(word);
	size_t		i;

	if (lex->token.kind != TOKEN_WORD || lex->token.len != len)
		return false;
	for (i = 0; i < len; i++)
		if (lower(lex->token.text[i]) != word[i])
			return false;
	return true;
}

/* words: NULL-terminated */
static bool
is_one_of(const Lexer *lex, const char *const *words)
{
	for (; *words != NULL; words++)
		if (is_keyword(lex, *words))
			return true;
	return false;
}

static bool
is_punct(const Lexer *lex, char c)
{
	return lex->token.kind == TOKEN_PUNCT && *lex->token.text == c;
}

static bool
is_name(const Lexer *lex)
{
	return lex->token.kind == TOKEN_WORD || lex->token.kind == TOKEN_QUOTED;
}

/* Moves past a keyword if it is the current token. */
static bool
accept(Lexer *lex, const char *word)
{
	if (!is_keyword(lex, word))
		return false;
	advance(lex);
	return true;
}

/* Moves past IF [NOT] EXISTS. */
static void
accept_if_exists(Lexer *lex)
{
	if (accept(lex, "if"))
	{
		accept(lex, "not");
		accept(lex, "exists");
	}
}

/* Copies an identifier without its quotes; false if it is too long for one. */
static bool
copy_name(const Token *t, char out[BINLOG_NAME_SIZE])
{
	const char *p = t->text;
	const char *end = t->text + t->len;
	size_t		n = 0;
	char		quote = '\0';

	if (t->kind == TOKEN_QUOTED)
	{
		quote = *p++;
		if (end > p && end[-1] == quote)
			end--;
	}
	while (p < end)
	{
		if (n >= BINLOG_NAME_SIZE - 1)
			return false;
		out[n++] = *p;
		if (quote != '\0' && *p == quote && p + 1 < end)
			p++;
		p++;
	}
	out[n] = '\0';
	return n > 0;
}

/*
 * The current token and what hangs on it with dots, up to three names.
 * Returns how many there are; parts[] are their tokens.
 */
static int
read_chain(Lexer *lex, Token parts[3])
{
	int			n = 0;

	while (is_name(lex))
	{
		if (n < 3)
			parts[n] = lex->token;
		n++;
		advance(lex);
		if (!is_punct(lex, '.'))
			break;
		advance(lex);
	}
	return n < 3 ? n : 3;
}

/* Reports parts[i], or parts[i].parts[i + 1]. */
static bool
report_name(const Token *schema, const Token *table, BinlogNameFound found, void *arg)
{
	BinlogName	name;

	memset(&name, 0, sizeof(name));
	name.has_schema = schema != NULL;
	if (schema != NULL && !copy_name(schema, name.schema))
		return false;
	if (table != NULL && !copy_name(table, name.table))
		return false;
	return found(arg, &name);
}

/* A table's name: table or schema.table. *ok: there is one. */
static bool
report_table(Lexer *lex, BinlogNameFound found, void *arg, bool *ok)
{
	Token		parts[3];
	int			n = read_chain(lex, parts);

	*ok = n > 0;
	if (n == 0)
		return false;
	return n == 1 ? report_name(NULL, &parts[0], found, arg) :
		report_name(&parts[0], &parts[1], found, arg);
}

/*
 * Every name there is: a, a.b and a.b.c may be tables a and a.b. Words that
 * are keywords in this grammar are reported too.
 */
static bool
report_all(const BinlogStatement *stmt, BinlogNameFound found, void *arg)
{
	Lexer		lex;
	Token		parts[3];
	int			n;

	start(&lex, stmt, 0);
	while (lex.token.kind != TOKEN_END)
	{
		n = read_chain(&lex, parts);
		if (n == 0)
		{
			advance(&lex);
			continue;
		}
		if (n > 1 && report_name(&parts[0], &parts[1], found, arg))
			return true;
		if (n < 3 && report_name(NULL, &parts[0], found, arg))
			return true;
	}
	return false;
}

/*
 * Skips what may stand between CREATE, ALTER or DROP and the kind of object:
 * OR REPLACE, TEMPORARY, DEFINER = user, ALGORITHM = …, UNIQUE and the like.
 */
static bool
find_object(Lexer *lex, bool *temporary)
{
	static const char *const objects[] = {
		"table", "tables", "index", "database", "schema", "view", "trigger",
		"procedure", "function", "event", "user", "role", "server", "sequence",
		"package", "tablespace", "logfile", "instance", "resource",
		"reference", "catalog", "library", "undo", NULL
	};
	int			i;

	for (i = 0; i < 32 && lex->token.kind != TOKEN_END; i++)
	{
		if (is_one_of(lex, objects))
			return true;
		if (is_keyword(lex, "temporary"))
			*temporary = true;
		advance(lex);
	}
	return false;
}

static BinlogStatementKind
classify_definition(Lexer *lex, BinlogStatement *stmt, char verb)
{
	BinlogStatementKind kind = BINLOG_STMT_OTHER;

	if (!find_object(lex, &stmt->temporary))
		return BINLOG_STMT_UNKNOWN;
	if (is_keyword(lex, "table") || is_keyword(lex, "tables"))
		kind = verb == 'c' ? BINLOG_STMT_CREATE_TABLE :
			verb == 'a' ? BINLOG_STMT_ALTER_TABLE : BINLOG_STMT_DROP_TABLE;
	else if (is_keyword(lex, "index"))
		kind = verb == 'c' ? BINLOG_STMT_CREATE_INDEX :
			verb == 'd' ? BINLOG_STMT_DROP_INDEX : BINLOG_STMT_UNKNOWN;
	else if (is_keyword(lex, "database") || is_keyword(lex, "schema"))
		kind = verb == 'c' ? BINLOG_STMT_CREATE_DATABASE :
			verb == 'a' ? BINLOG_STMT_ALTER_DATABASE : BINLOG_STMT_DROP_DATABASE;
	advance(lex);
	return kind;
}

static BinlogStatementKind
classify_xa(Lexer *lex)
{
	if (is_keyword(lex, "start") || is_keyword(lex, "begin"))
		return BINLOG_STMT_XA_START;
	if (is_keyword(lex, "end"))
		return BINLOG_STMT_XA_END;
	if (is_keyword(lex, "prepare"))
		return BINLOG_STMT_XA_PREPARE;
	if (is_keyword(lex, "commit"))
		return BINLOG_STMT_XA_COMMIT;
	if (is_keyword(lex, "rollback"))
		return BINLOG_STMT_XA_ROLLBACK;
	return BINLOG_STMT_UNKNOWN;
}

/* SET STATEMENT variable = value, … FOR statement: moves to the statement. */
static bool
skip_set_statement(Lexer *lex)
{
	int			depth = 0;

	while (lex->token.kind != TOKEN_END)
	{
		if (is_punct(lex, '('))
			depth++;
		else if (is_punct(lex, ')'))
			depth--;
		else if (depth == 0 && is_keyword(lex, "for"))
		{
			advance(lex);
			return true;
		}
		advance(lex);
	}
	return false;
}

static BinlogStatementKind
classify_transaction(Lexer *lex)
{
	if (accept(lex, "begin"))
		return lex->token.kind == TOKEN_END || is_punct(lex, ';') ||
			is_keyword(lex, "work") ?
			BINLOG_STMT_BEGIN : BINLOG_STMT_UNKNOWN;
	if (accept(lex, "commit"))
		return BINLOG_STMT_COMMIT;
	if (accept(lex, "rollback"))
	{
		accept(lex, "work");
		return is_keyword(lex, "to") ?
			BINLOG_STMT_ROLLBACK_TO : BINLOG_STMT_ROLLBACK;
	}
	if (accept(lex, "savepoint"))
		return BINLOG_STMT_SAVEPOINT;
	if (accept(lex, "release"))
		return BINLOG_STMT_RELEASE;
	if (accept(lex, "start"))
		return is_keyword(lex, "transaction") ?
			BINLOG_STMT_BEGIN : BINLOG_STMT_OTHER;
	if (accept(lex, "xa"))
		return classify_xa(lex);
	return BINLOG_STMT_UNKNOWN;
}

static BinlogStatementKind
classify_rest(Lexer *lex, BinlogStatement *stmt)
{
	static const char *const data[] = {
		"insert", "update", "delete", "replace", "load", "call", "with",
		"select", "do", "values", "execute", "table", NULL
	};
	static const char *const other[] = {
		"grant", "revoke", "analyze", "optimize", "repair", "check",
		"checksum", "flush", "set", "install", "uninstall", "reset", "cache",
		"purge", "change", "stop", "kill", "lock", "unlock", "help", "use",
		"show", "explain", "describe", "desc", "shutdown", "backup", "import",
		"clone", "restart", "prepare", "deallocate", "handler", "signal",
		"resignal", "get", NULL
	};

	if (accept(lex, "create"))
		return classify_definition(lex, stmt, 'c');
	if (accept(lex, "alter"))
		return classify_definition(lex, stmt, 'a');
	if (accept(lex, "drop"))
		return classify_definition(lex, stmt, 'd');
	if (accept(lex, "rename"))
		return accept(lex, "table") || accept(lex, "tables") ?
			BINLOG_STMT_RENAME_TABLE : BINLOG_STMT_OTHER;
	if (accept(lex, "truncate"))
	{
		accept(lex, "table");
		return BINLOG_STMT_TRUNCATE;
	}
	if (is_one_of(lex, data))
		return BINLOG_STMT_DATA;
	if (is_one_of(lex, other))
		return BINLOG_STMT_OTHER;
	return BINLOG_STMT_UNKNOWN;
}

void
binlog_classify(const char *sql, size_t len, uint64_t sql_mode,
				BinlogStatement *stmt)
{
	Lexer		lex;

	memset(stmt, 0, sizeof(*stmt));
	stmt->sql = sql;
	stmt->len = len;
	stmt->sql_mode = sql_mode;
	start(&lex, stmt, 0);

	if (lex.token.kind == TOKEN_END)
	{
		stmt->kind = BINLOG_STMT_EMPTY;
		return;
	}
	while (is_keyword(&lex, "set"))
	{
		Lexer		save = lex;

		advance(&lex);
		if (!accept(&lex, "statement") || !skip_set_statement(&lex))
		{
			lex = save;
			break;
		}
	}
	if (is_punct(&lex, '('))
	{
		stmt->kind = BINLOG_STMT_DATA;
		return;
	}
	stmt->kind = classify_transaction(&lex);
	if (stmt->kind == BINLOG_STMT_UNKNOWN)
		stmt->kind = classify_rest(&lex, stmt);
	stmt->names_at = (size_t) (lex.token.text - sql);
}

/* Moves past WAIT n or NOWAIT. */
static void
accept_wait(Lexer *lex)
{
	if (accept(lex, "nowait"))
		return;
	if (is_keyword(lex, "wait"))
	{
		Lexer		save = *lex;

		advance(lex);
		if (lex->token.kind == TOKEN_NUMBER)
			advance(lex);
		else
			*lex = save;
	}
}

/*
 * ALTER TABLE names other tables in RENAME [TO], EXCHANGE PARTITION … WITH
 * TABLE, CONVERT TABLE … TO PARTITION and CONVERT PARTITION … TO TABLE.
 */
static bool
report_alter(Lexer *lex, BinlogNameFound found, void *arg, bool *ok)
{
	static const char *const not_table[] = {
		"column", "index", "key", "constraint", "partition", NULL
	};
	int			depth = 0;

	if (report_table(lex, found, arg, ok))
		return true;
	while (*ok && lex->token.kind != TOKEN_END)
	{
		bool		more;

		if (is_punct(lex, '('))
			depth++;
		else if (is_punct(lex, ')'))
			depth--;
		else if (depth == 0 && is_keyword(lex, "rename"))
		{
			advance(lex);
			if (is_one_of(lex, not_table))
				continue;
			if (!accept(lex, "to") && !accept(lex, "as") && is_punct(lex, '='))
				advance(lex);
			if (report_table(lex, found, arg, &more))
				return true;
			continue;
		}
		else if (depth == 0 && is_keyword(lex, "table"))
		{
			advance(lex);
			if (report_table(lex, found, arg, &more))
				return true;
			continue;
		}
		advance(lex);
	}
	return false;
}

/* name [WAIT n | NOWAIT], …; with to: name TO name, … */
static bool
report_list(Lexer *lex, bool to, BinlogNameFound found, void *arg, bool *ok)
{
	do
	{
		if (is_punct(lex, ','))
			advance(lex);
		if (report_table(lex, found, arg, ok))
			return true;
		accept_wait(lex);
		if (*ok && to)
		{
			*ok = accept(lex, "to");
			if (*ok && report_table(lex, found, arg, ok))
				return true;
		}
	} while (*ok && is_punct(lex, ','));
	return false;
}

/* The table of CREATE or DROP INDEX stands after ON. */
static bool
report_index(Lexer *lex, BinlogNameFound found, void *arg, bool *ok)
{
	if (!is_name(lex))
	{
		*ok = false;
		return false;
	}
	advance(lex);
	while (lex->token.kind != TOKEN_END && !is_keyword(lex, "on") &&
		   !is_punct(lex, '('))
		advance(lex);
	*ok = accept(lex, "on");
	return *ok && report_table(lex, found, arg, ok);
}

bool
binlog_statement_names(const BinlogStatement *stmt, BinlogNameFound found,
					   void *arg)
{
	Lexer		lex;
	bool		ok = true;
	bool		stopped = false;
	Token		t;

	if (!binlog_stmt_is_ddl(stmt->kind))
		return report_all(stmt, found, arg);
	start(&lex, stmt, stmt->names_at);
	accept_if_exists(&lex);

	switch (stmt->kind)
	{
		case BINLOG_STMT_CREATE_TABLE:
		case BINLOG_STMT_TRUNCATE:
			stopped = report_table(&lex, found, arg, &ok);
			break;
		case BINLOG_STMT_ALTER_TABLE:
			stopped = report_alter(&lex, found, arg, &ok);
			break;
		case BINLOG_STMT_DROP_TABLE:
			stopped = report_list(&lex, false, found, arg, &ok);
			break;
		case BINLOG_STMT_RENAME_TABLE:
			stopped = report_list(&lex, true, found, arg, &ok);
			break;
		case BINLOG_STMT_CREATE_INDEX:
		case BINLOG_STMT_DROP_INDEX:
			stopped = report_index(&lex, found, arg, &ok);
			break;
		default:				/* databases */
			t = lex.token;
			ok = is_name(&lex);
			if (ok)
				stopped = report_name(&t, NULL, found, arg);
			break;
	}
	if (stopped)
		return true;
	return ok ? false : report_all(stmt, found, arg);
}

static bool
take_name(void *arg, const BinlogName *name)
{
	*(BinlogName *) arg = *name;
	return true;
}

/* Moves past modifiers, in any order. */
static void
accept_any(Lexer *lex, const char *const *words)
{
	while (is_one_of(lex, words))
		advance(lex);
}

bool
binlog_statement_target(const BinlogStatement *stmt, BinlogName *target,
						bool *all_rows)
{
	static const char *const modifiers[] = {"low_priority", "delayed",
	"high_priority", "quick", "ignore", "concurrent", "local", NULL};
	static const char *const clauses[] = {"where", "order", "limit", "returning",
	"partition", "for", NULL};
	Lexer		lex;
	bool		ok = false;
	bool		update = false;
	bool		remove = false;

	*all_rows = false;
	if (stmt->kind != BINLOG_STMT_DATA)
		return false;
	start(&lex, stmt, stmt->names_at);
	if (accept(&lex, "insert") || accept(&lex, "replace"))
	{
		accept_any(&lex, modifiers);
		accept(&lex, "into");
	}
	else if (accept(&lex, "load"))
	{
		while (lex.token.kind != TOKEN_END && !is_keyword(&lex, "into"))
			advance(&lex);
		if (!accept(&lex, "into") || !accept(&lex, "table"))
			return false;
	}
	else if ((update = accept(&lex, "update")))
		accept_any(&lex, modifiers);
	else if ((remove = accept(&lex, "delete")))
	{
		accept_any(&lex, modifiers);
		if (!accept(&lex, "from"))
			return false;
	}
	else
		return false;
	if (!report_table(&lex, take_name, target, &ok))
		return false;
	if (update)
	{
		if (accept(&lex, "as") || (is_name(&lex) && !is_keyword(&lex, "set")))
			advance(&lex);
		return is_keyword(&lex, "set");
	}
	*all_rows = remove && (lex.token.kind == TOKEN_END || is_punct(&lex, ';'));
	return !remove || *all_rows || is_one_of(&lex, clauses);
}
