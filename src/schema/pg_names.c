/*-------------------------------------------------------------------------
 *
 * pg_names.c
 *	  Other names for schemas and relations, written into PostgreSQL's SQL.
 *
 * The text is parsed, and the tree marks at offsets what stands at them
 * (pg_names_walk.c). Then the scanner's tokens are gone through: a name, a dot
 * and another name are the qualified name of an object unless a mark says
 * otherwise. Changes are collected and put into the text at the end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/pg_names_internal.h"

#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

typedef enum TokenKind
{
	TOKEN_NAME,					/* identifier or keyword */
	TOKEN_STRING,
	TOKEN_DOT,
	TOKEN_COMMA,
	TOKEN_OPEN,					/* ( */
	TOKEN_EQUALS,
	TOKEN_STAR,
	TOKEN_OTHER
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	int			start;
	int			end;
	char	   *value;			/* of names and strings, unquoted */
	bool		quoted;			/* "name" */
} Token;

typedef struct Rewriter
{
	NamesRun	run;
	Token	   *tokens;
	int			ntokens;
	StringInfoData out;
	int			copied;			/* of sql into out */
	int			depth;			/* bodies of functions around sql */
} Rewriter;

/* Bodies inside of one another that are looked into. */
#define MAX_BODIES 3

/* ------------------------------------------------------------------ tokens */

static TokenKind
token_kind(const char *text, int len)
{
	unsigned char c = text[0];

	if (c == '"')
		return TOKEN_NAME;
	if (c == '\'' || (c == '$' && len > 1 && text[len - 1] == '$'))
		return TOKEN_STRING;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		IS_HIGHBIT_SET(c))
	{
		if (len > 2 && (c == 'e' || c == 'E') && text[1] == '\'')
			return TOKEN_STRING;
		/* other literals with a letter in front are no names */
		if (len > 1 && (text[1] == '\'' || text[1] == '&'))
			return TOKEN_OTHER;
		return TOKEN_NAME;
	}
	if (len != 1)
		return TOKEN_OTHER;
	switch (c)
	{
		case '.':
			return TOKEN_DOT;
		case ',':
			return TOKEN_COMMA;
		case '(':
			return TOKEN_OPEN;
		case '=':
			return TOKEN_EQUALS;
		case '*':
			return TOKEN_STAR;
		default:
			return TOKEN_OTHER;
	}
}

static void
scan_tokens(Rewriter *rw)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	core_YYSTYPE value;
	YYLTYPE		location = 0;
	int			room = 64;

	scanner = scanner_init(rw->run.sql, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;
	rw->tokens = palloc(sizeof(Token) * room);
	while (core_yylex(&value, &location, scanner) != 0)
	{
		Token	   *t;
		int			len = strlen(extra.scanbuf + location);

		if (rw->ntokens == room)
		{
			room *= 2;
			rw->tokens = repalloc_huge(rw->tokens, sizeof(Token) * room);
		}
		t = &rw->tokens[rw->ntokens++];
		t->start = location;
		t->end = location + len;
		t->kind = token_kind(rw->run.sql + location, len);
		t->quoted = rw->run.sql[location] == '"';
		t->value = t->kind == TOKEN_NAME || t->kind == TOKEN_STRING ?
			pstrdup(value.str) : NULL;
	}
	scanner_finish(scanner);
}

/* The token at i; one of kind TOKEN_OTHER beyond the ends. */
static const Token *
token(const Rewriter *rw, int i)
{
	static const Token none = {TOKEN_OTHER};

	return i >= 0 && i < rw->ntokens ? &rw->tokens[i] : &none;
}

static bool
is_word(const Token *t, const char *word)
{
	return t->kind == TOKEN_NAME && !t->quoted && strcmp(t->value, word) == 0;
}

static bool
is_one_of(const Token *t, const char *const *words)
{
	for (; *words; words++)
		if (is_word(t, *words))
			return true;
	return false;
}

static void
replace(Rewriter *rw, const Token *t, const char *text)
{
	Assert(t->start >= rw->copied);
	appendBinaryStringInfo(&rw->out, rw->run.sql + rw->copied,
						   t->start - rw->copied);
	appendStringInfoString(&rw->out, text);
	rw->copied = t->end;
}

static void
insert_after(Rewriter *rw, const Token *t, const char *text)
{
	if (t->end > rw->copied)
		appendBinaryStringInfo(&rw->out, rw->run.sql + rw->copied,
							   t->end - rw->copied);
	rw->copied = Max(rw->copied, t->end);
	appendStringInfoString(&rw->out, text);
}

static void
replace_name(Rewriter *rw, const Token *t, const char *name)
{
	if (strcmp(t->value, name) != 0)
		replace(rw, t, quote_identifier(name));
}

/* A dollar-quoted literal. */
static char *
dollar_quote(const char *body)
{
	char	   *tag = pstrdup("$_$");

	for (int i = 1; strstr(body, tag) != NULL; i++)
		tag = psprintf("$_%d$", i);
	return psprintf("%s%s%s", tag, body, tag);
}

/* ---------------------------------------------------------------- literals */

/* 'schema.name', perhaps with [] at its end. */
static void
rewrite_literal(Rewriter *rw, const Token *t, NameMark mark)
{
	List	   *parts;
	char	   *copy = pstrdup(t->value);
	char	   *tail = pstrdup("");
	const char *schema;
	const char *name;

	if (mark == MARK_LITERAL_SCHEMA)
	{
		name = pg_names_schema(rw->run.map, t->value);
		if (strcmp(name, t->value) != 0)
			replace(rw, t, t->kind == TOKEN_STRING ? quote_literal_cstr(name) :
					quote_identifier(name));
		return;
	}
	if (t->kind != TOKEN_STRING)
		return;
	if (strchr(copy, '[') != NULL)
	{
		tail = pstrdup(strchr(copy, '['));
		*strchr(copy, '[') = '\0';
	}
	if (!SplitIdentifierString(copy, '.', &parts))
		return;
	if (list_length(parts) == 1 && mark == MARK_LITERAL)
	{
		schema = names_find_schema(&rw->run, linitial(parts));
		if (schema == NULL)
			return;
		parts = list_make2(pstrdup(schema), linitial(parts));
	}
	else if (list_length(parts) != 2 ||
			 !names_is_elsewhere(rw->run.map, linitial(parts), lsecond(parts)))
		return;
	if (mark == MARK_LITERAL)
		pg_names_relation(rw->run.map, linitial(parts), lsecond(parts), &schema,
						  &name);
	else
	{
		schema = pg_names_schema(rw->run.map, linitial(parts));
		name = lsecond(parts);
	}
	replace(rw, t, quote_literal_cstr(psprintf("%s%s",
											   quote_qualified_identifier(schema, name),
											   tail)));
}

/* --------------------------------------------------------------- functions */

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/* Reads an identifier at *p, which is moved past it; NULL: there is none. */
static char *
read_name(const char **p)
{
	StringInfoData buf;
	const char *s = *p;

	initStringInfo(&buf);
	if (*s == '"')
	{
		for (s++; *s; s++)
		{
			if (*s == '"' && *++s != '"')
				break;
			appendStringInfoChar(&buf, *s);
		}
	}
	else
		for (; is_name_char(*s); s++)
			appendStringInfoChar(&buf, pg_tolower((unsigned char) *s));
	if (buf.len == 0)
		return NULL;
	*p = s;
	return buf.data;
}

/*
 * Where a body finds a relation that it names without a schema, if that is not
 * found any more when the schemas of the path have their new names; NULL.
 */
static const char *
moved_from(const Rewriter *rw, List *path, const char *name)
{
	NamesRun	run = rw->run;
	const char *schema;
	const char *target_schema;
	const char *target_name;

	run.search_path = path;
	schema = names_find_schema(&run, name);
	if (schema == NULL)
		return NULL;
	pg_names_relation(run.map, schema, name, &target_schema, &target_name);
	return strcmp(name, target_name) != 0 ||
		strcmp(target_schema, pg_names_schema(run.map, schema)) != 0 ? schema : NULL;
}

/*
 * Names in a body that have got others, char * of a note each; strings in it
 * count, too. path: where names without a schema are looked for.
 */
static List *
names_in_body(const Rewriter *rw, const char *body, List *path,
			  bool *unqualified)
{
	const char *p = body;
	List	   *seen = NIL;

	*unqualified = false;
	while (*p)
	{
		char	   *first = read_name(&p);
		const char *schema = first;
		char	   *name;
		char	   *note;
		const char *target_schema;
		const char *target_name;
		ListCell   *lc;

		if (first == NULL)
		{
			p++;
			continue;
		}
		if (*p == '.')
		{
			p++;
			name = read_name(&p);
			if (name == NULL || !names_is_elsewhere(rw->run.map, schema, name))
				continue;
			note = quote_qualified_identifier(schema, name);
		}
		else
		{
			name = first;
			schema = moved_from(rw, path, name);
			if (schema == NULL)
				continue;
			*unqualified = true;
			note = pstrdup(quote_identifier(name));
		}
		pg_names_relation(rw->run.map, schema, name, &target_schema,
						  &target_name);
		note = psprintf("its body mentions %s, which is %s at the destination",
						note, quote_qualified_identifier(target_schema, target_name));
		foreach(lc, seen)
			if (strcmp(lfirst(lc), note) == 0)
				break;
		if (lc == NULL)
			seen = lappend(seen, note);
	}
	return seen;
}

static char *rewrite(const PgNameMap *map, const char *sql, List *search_path,
					 List **notes, int depth);

/* The body of a function in SQL; NULL if it does not parse, or lies too deep. */
static char *
rewrite_body(Rewriter *rw, const char *const volatile body, List *path)
{
	MemoryContext cxt = CurrentMemoryContext;
	char	   *volatile result = NULL;

	/* each reads all that is inside of it */
	if (rw->depth >= MAX_BODIES)
		return NULL;
	PG_TRY();
	{
		result = rewrite(rw->run.map, body, path, &rw->run.notes,
						 rw->depth + 1);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		if (geterrcode() != ERRCODE_SYNTAX_ERROR)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

/* The options of CREATE FUNCTION and DO; NIL for other statements. */
static List *
body_options(Node *stmt)
{
	if (IsA(stmt, CreateFunctionStmt))
		return ((CreateFunctionStmt *) stmt)->options;
	if (IsA(stmt, DoStmt))
		return ((DoStmt *) stmt)->args;
	return NIL;
}

/*
 * The token from first to last that is the body of a function, and its
 * language; -1: there is none that could be read.
 */
static int
find_body(const Rewriter *rw, Node *stmt, int first, int last,
		  const char **language)
{
	DefElem    *as = NULL;
	ListCell   *lc;

	*language = "plpgsql";
	foreach(lc, body_options(stmt))
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, "language") == 0)
			*language = strVal(def->arg);
		else if (strcmp(def->defname, "as") == 0)
			as = def;
	}
	if (as == NULL || strcmp(*language, "c") == 0 ||
		strcmp(*language, "internal") == 0)
		return -1;
	/* the place of the option is that of AS, or of the string itself */
	for (int i = first; i <= last; i++)
		if (token(rw, i)->start >= as->location &&
			token(rw, i)->kind == TOKEN_STRING)
			return i;
	return -1;
}

/* The schemas that a function sets as its search_path (char *); NIL: none. */
static List *
own_path(Node *stmt)
{
	List	   *path = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, body_options(stmt))
	{
		DefElem    *def = lfirst(lc);
		VariableSetStmt *set = (VariableSetStmt *) def->arg;

		if (strcmp(def->defname, "set") != 0 || set->name == NULL ||
			pg_strcasecmp(set->name, "search_path") != 0)
			continue;
		foreach(lc2, set->args)
			if (IsA(lfirst(lc2), A_Const) &&
				nodeTag(&((A_Const *) lfirst(lc2))->val) == T_String)
				path = lappend(path, strVal(&((A_Const *) lfirst(lc2))->val));
	}
	return path;
}

static void
rewrite_string_body(Rewriter *rw, Node *stmt, const Token *t,
					const char *language)
{
	char	   *body = NULL;
	List	   *path = own_path(stmt);
	bool		own = path != NIL;
	bool		unqualified;
	List	   *notes;

	if (!own)
		path = rw->run.search_path ? rw->run.search_path : list_make1("public");
	notes = names_in_body(rw, t->value, path, &unqualified);
	if (strcmp(language, "sql") == 0)
		body = rewrite_body(rw, t->value, !own ? rw->run.search_path :
							unqualified ? path : NIL);
	if (body == NULL)
		rw->run.notes = list_concat(rw->run.notes, notes);
	else if (strcmp(body, t->value) != 0)
		replace(rw, t, dollar_quote(body));
	else if (unqualified)
		rw->run.notes = list_concat(rw->run.notes, notes);
}

/* ------------------------------------------------------------------- names */

/* Is the qualified name of tokens i to i+2 that of a function? */
static bool
is_function(const Rewriter *rw, Node *stmt, int i)
{
	static const char *const before[] = {"function", "procedure", "routine",
		"aggregate", "handler", "inline", "validator", "support", "call",
	NULL};
	static const char *const types[] = {"leftarg", "rightarg", "stype",
		"mstype", "basetype", "subtype", "element", "like",
	"multirange_type_name", NULL};

	if (rw->run.marks[token(rw, i)->start] == MARK_FUNCTION ||
		is_one_of(token(rw, i - 1), before))
		return true;
	if (IsA(stmt, CreateOpClassStmt) || IsA(stmt, AlterOpFamilyStmt))
		return token(rw, i + 3)->kind == TOKEN_OPEN;
	if (IsA(stmt, DefineStmt) && token(rw, i - 1)->kind == TOKEN_EQUALS)
		return !is_one_of(token(rw, i - 2), types);
	return false;
}

/* Gives a renamed table of a query, tokens up to i, its old name as alias. */
static void
add_alias(Rewriter *rw, const Token *name, int i, int before)
{
	static const char *const no_alias[] = {"table", NULL};
	const Token *last = token(rw, i);

	if (is_one_of(token(rw, before), no_alias) ||
		(is_word(token(rw, before), "only") &&
		 is_one_of(token(rw, before - 1), no_alias)))
		return;
	if (token(rw, i + 1)->kind == TOKEN_STAR)
		last = token(rw, i + 1);
	insert_after(rw, last, psprintf(" AS %s", quote_identifier(name->value)));
}

/* A name, a dot, and more at token i. Returns the last token of it all. */
static int
rewrite_qualified(Rewriter *rw, Node *stmt, int i)
{
	const PgNameMap *map = rw->run.map;
	const Token *schema = token(rw, i);
	const Token *name = token(rw, i + 2);
	NameMark	mark = rw->run.marks[schema->start];
	const char *target_schema;
	const char *target_name;
	int			last = i + 2;

	while (token(rw, last + 1)->kind == TOKEN_DOT)
		last += 2;
	if (mark == MARK_LEAVE)
		return last;
	if (mark == MARK_OWN_COLUMN)
	{
		const RangeVar *own = rw->run.own;
		const char *own_schema = own->schemaname ? own->schemaname :
			names_find_schema(&rw->run, own->relname);

		if (own_schema != NULL)
		{
			pg_names_relation(map, own_schema, own->relname, &target_schema,
							  &target_name);
			replace_name(rw, schema, target_name);
		}
		return last;
	}
	/* COMMENT ON COLUMN table.column */
	if (IsA(stmt, CommentStmt) && last == i + 2 &&
		((CommentStmt *) stmt)->objtype == OBJECT_COLUMN)
	{
		const char *found = names_find_schema(&rw->run, schema->value);

		if (found != NULL)
		{
			pg_names_relation(map, found, schema->value, &target_schema,
							  &target_name);
			replace(rw, schema, quote_qualified_identifier(target_schema,
														   target_name));
		}
		return last;
	}
	if (name->kind != TOKEN_NAME || is_function(rw, stmt, i))
	{
		replace_name(rw, schema, pg_names_schema(map, schema->value));
		return last;
	}
	pg_names_relation(map, schema->value, name->value, &target_schema,
					  &target_name);
	if (mark == MARK_QUERY_COLUMN && strcmp(name->value, target_name) != 0)
	{
		/* by the alias that its table gets */
		replace(rw, schema, quote_identifier(name->value));
		rw->copied = name->end;
		return last;
	}
	replace_name(rw, schema, target_schema);
	replace_name(rw, name, target_name);
	if (mark == MARK_QUERY_TABLE && strcmp(name->value, target_name) != 0)
		add_alias(rw, name, last, i - 1);
	return last;
}

/* A relation without a schema. */
static void
rewrite_unqualified(Rewriter *rw, int i, bool in_query)
{
	const Token *t = token(rw, i);
	const char *schema = names_find_schema(&rw->run, t->value);
	const char *target_schema;
	const char *target_name;

	if (schema == NULL)
		return;
	pg_names_relation(rw->run.map, schema, t->value, &target_schema,
					  &target_name);
	replace(rw, t, quote_qualified_identifier(target_schema, target_name));
	if (in_query && strcmp(t->value, target_name) != 0)
		add_alias(rw, t, i, i - 1);
}

/* SCHEMA a, b: from the word on. Returns the last token of the list. */
static int
rewrite_schema_list(Rewriter *rw, int i)
{
	static const char *const skipped[] = {"if", "not", "exists", NULL};
	static const char *const no_name[] = {"authorization", "to", "from", NULL};

	while (is_one_of(token(rw, i + 1), skipped))
		i++;
	while (token(rw, i + 1)->kind == TOKEN_NAME &&
		   !is_one_of(token(rw, i + 1), no_name))
	{
		i++;
		replace_name(rw, token(rw, i),
					 pg_names_schema(rw->run.map, token(rw, i)->value));
		if (token(rw, i + 1)->kind != TOKEN_COMMA)
			break;
		i++;
	}
	return i;
}

/* Does SCHEMA in this statement come before names of schemas? */
static bool
names_schemas(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateSchemaStmt:
		case T_AlterObjectSchemaStmt:
		case T_AlterDefaultPrivilegesStmt:
		case T_CreateExtensionStmt:
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
			return true;
		case T_AlterOwnerStmt:
			return ((AlterOwnerStmt *) stmt)->objectType == OBJECT_SCHEMA;
		case T_RenameStmt:
			return ((RenameStmt *) stmt)->renameType == OBJECT_SCHEMA;
		case T_CommentStmt:
			return ((CommentStmt *) stmt)->objtype == OBJECT_SCHEMA;
		case T_SecLabelStmt:
			return ((SecLabelStmt *) stmt)->objtype == OBJECT_SCHEMA;
		case T_DropStmt:
			return ((DropStmt *) stmt)->removeType == OBJECT_SCHEMA;
		case T_GrantStmt:
			return ((GrantStmt *) stmt)->objtype == OBJECT_SCHEMA ||
				((GrantStmt *) stmt)->targtype == ACL_TARGET_ALL_IN_SCHEMA;
		default:
			return false;
	}
}

static bool
is_relation_kind(ObjectType type)
{
	return type == OBJECT_TABLE || type == OBJECT_VIEW ||
		type == OBJECT_MATVIEW || type == OBJECT_SEQUENCE ||
		type == OBJECT_FOREIGN_TABLE || type == OBJECT_INDEX;
}

/* A name without a schema where the tree keeps no places. */
static bool
is_unmarked_relation(const Rewriter *rw, Node *stmt, int i)
{
	static const char *const drop_before[] = {"table", "view", "sequence",
	"index", "exists", "concurrently", NULL};
	static const char *const drop_not[] = {"if", "concurrently", NULL};
	static const char *const comment_before[] = {"table", "view", "sequence",
	"index", NULL};
	const Token *before = token(rw, i - 1);

	if (token(rw, i)->kind != TOKEN_NAME)
		return false;
	if (IsA(stmt, DropStmt) &&
		is_relation_kind(((DropStmt *) stmt)->removeType))
		return (before->kind == TOKEN_COMMA || is_one_of(before, drop_before)) &&
			!is_one_of(token(rw, i), drop_not);
	if (IsA(stmt, CommentStmt) &&
		is_relation_kind(((CommentStmt *) stmt)->objtype))
		return is_one_of(before, comment_before);
	return false;
}

/* The new name in ALTER TABLE … RENAME TO; false: it is none. */
static bool
rewrite_new_name(Rewriter *rw, Node *stmt, int i)
{
	RenameStmt *rename = (RenameStmt *) stmt;
	const char *schema;
	const char *target_schema;
	const char *target_name;

	if (!IsA(stmt, RenameStmt) || rename->relation == NULL ||
		!is_relation_kind(rename->renameType) ||
		!is_word(token(rw, i - 1), "to") ||
		token(rw, i)->kind != TOKEN_NAME)
		return false;
	schema = rename->relation->schemaname ? rename->relation->schemaname :
		names_find_schema(&rw->run, rename->relation->relname);
	if (schema != NULL)
	{
		pg_names_relation(rw->run.map, schema, token(rw, i)->value,
						  &target_schema, &target_name);
		replace_name(rw, token(rw, i), target_name);
	}
	return true;
}

static void
rewrite_statement(Rewriter *rw, Node *stmt, int first, int last)
{
	bool		schemas = names_schemas(stmt);
	const char *language;
	int			body = find_body(rw, stmt, first, last, &language);

	for (int i = first; i <= last; i++)
	{
		const Token *t = token(rw, i);
		NameMark	mark = rw->run.marks[t->start];

		if (i == body)
			rewrite_string_body(rw, stmt, t, language);
		else if (mark == MARK_LITERAL || mark == MARK_LITERAL_SCHEMA ||
			mark == MARK_LITERAL_OTHER)
			rewrite_literal(rw, t, mark);
		else if (t->kind == TOKEN_NAME && token(rw, i + 1)->kind == TOKEN_DOT &&
				 token(rw, i - 1)->kind != TOKEN_DOT)
			i = rewrite_qualified(rw, stmt, i);
		else if (token(rw, i - 1)->kind == TOKEN_DOT)
			continue;
		else if (mark == MARK_RELATION || mark == MARK_QUERY_TABLE)
			rewrite_unqualified(rw, i, mark == MARK_QUERY_TABLE);
		else if (schemas && (is_word(t, "schema") || is_word(t, "schemas")))
			i = rewrite_schema_list(rw, i);
		else if (rewrite_new_name(rw, stmt, i))
			continue;
		else if (is_unmarked_relation(rw, stmt, i))
			rewrite_unqualified(rw, i, false);
		else if (schemas && IsA(stmt, RenameStmt) && is_word(token(rw, i - 1), "to"))
			replace_name(rw, t, pg_names_schema(rw->run.map, t->value));
	}
}

/* depth: of the body of a function that this is, in bodies of functions */
static char *
rewrite(const PgNameMap *map, const char *sql, List *search_path,
		List **notes, int depth)
{
	Rewriter	rw;
	List	   *parsed;
	ListCell   *lc;
	int			i = 0;

	if (pg_names_is_empty(map))
		return unconstify(char *, sql);
	CHECK_FOR_INTERRUPTS();
	memset(&rw, 0, sizeof(rw));
	rw.depth = depth;
	rw.run.map = map;
	rw.run.sql = sql;
	rw.run.len = strlen(sql);
	rw.run.marks = palloc0(rw.run.len + 1);
	rw.run.search_path = search_path;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	scan_tokens(&rw);
	initStringInfo(&rw.out);
	foreach(lc, parsed)
	{
		RawStmt    *raw = lfirst(lc);
		int			end = raw->stmt_len > 0 ?
			raw->stmt_location + raw->stmt_len : rw.run.len;
		int			first = i;

		names_walk_statement(&rw.run, raw->stmt);
		while (i < rw.ntokens && rw.tokens[i].start < end)
			i++;
		rewrite_statement(&rw, raw->stmt, first, i - 1);
	}
	appendStringInfoString(&rw.out, sql + rw.copied);
	if (notes != NULL)
		*notes = list_concat(*notes, rw.run.notes);
	return rw.out.data;
}

char *
pg_names_rewrite(const PgNameMap *map, const char *sql, List *search_path,
				 List **notes)
{
	return rewrite(map, sql, search_path, notes, 0);
}
