/*-------------------------------------------------------------------------
 *
 * one_statement.c
 *	  SQL that was put together of what a source says: one statement, of the
 *	  kind that is meant, or none.
 *
 *	  text --raw_parser--> one tree --kind as its first words say-->
 *		the table whose owner's code it can run --as that owner--> SPI
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "core/one_statement.h"

#include "catalog/namespace.h"
#include "core/table_owner.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* So much of a statement that is refused is shown. */
#define SHOWN_BYTES 500

/* What the texts that dtsmig itself writes begin with, and what they are then. */
static const struct
{
	const char *words;
	NodeTag		tag;
}			kinds[] = {
	{"ALTER INDEX", T_RenameStmt},
	{"ALTER SEQUENCE", T_AlterSeqStmt},
	{"ALTER TABLE", T_AlterTableStmt},
	{"ALTER TABLE", T_RenameStmt},
	{"ALTER TABLE", T_AlterObjectSchemaStmt},
	{"ALTER TYPE", T_AlterEnumStmt},
	{"ALTER TYPE", T_AlterObjectSchemaStmt},
	{"ALTER TYPE", T_RenameStmt},
	{"COMMENT ON", T_CommentStmt},
	{"CREATE COLLATION", T_DefineStmt},
	{"CREATE FUNCTION", T_CreateFunctionStmt},
	{"CREATE INDEX", T_IndexStmt},
	{"CREATE SCHEMA", T_CreateSchemaStmt},
	{"CREATE SEQUENCE", T_CreateSeqStmt},
	{"CREATE TABLE", T_CreateStmt},
	{"CREATE TEMPORARY TABLE", T_CreateTableAsStmt},
	{"CREATE TRIGGER", T_CreateTrigStmt},
	{"CREATE TYPE", T_CreateEnumStmt},
	{"CREATE UNIQUE INDEX", T_IndexStmt},
	{"CREATE VIEW", T_ViewStmt},
	{"DELETE FROM", T_DeleteStmt},
	{"DO ", T_DoStmt},
	{"DROP FUNCTION", T_DropStmt},
	{"DROP INDEX", T_DropStmt},
	{"DROP TABLE", T_DropStmt},
	{"DROP TRIGGER", T_DropStmt},
	{"DROP TYPE", T_DropStmt},
	{"DROP VIEW", T_DropStmt},
	{"GRANT SELECT", T_GrantStmt},
	{"INSERT INTO", T_InsertStmt},
	{"SELECT ", T_SelectStmt},
	{"TRUNCATE ", T_TruncateStmt},
	{"UPDATE ONLY", T_UpdateStmt},
};

/*
 * Workers disable triggers for the rows that they apply. What changes
 * definitions is not applied rows: event triggers of the destination see it,
 * between these two, unless the current user is a superuser. An error needs no
 * end: the transaction's abort restores the setting.
 */
static int
begin_utility(void)
{
	int			nestlevel = NewGUCNestLevel();

	/* a superuser's triggers are a superuser's to disable */
	if (!superuser())
		(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nestlevel;
}

static void
end_utility(int nestlevel)
{
	AtEOXact_GUC(true, nestlevel);
}

/* Does it change definitions, and no rows? */
static bool
is_utility(const Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_TruncateStmt:
		case T_CopyStmt:
			return false;
		default:
			return true;
	}
}

static bool
is_as_its_words_say(const Node *tree, const char *sql)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (nodeTag(tree) == kinds[i].tag &&
			strncmp(sql, kinds[i].words, strlen(kinds[i].words)) == 0)
			return true;
	return false;
}

pg_noreturn static void
refuse(const char *what, const char *sql)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("%s", what),
			 errdetail("In: %s", pnstrdup(sql, pg_mbcliplen(sql, strlen(sql), SHOWN_BYTES))),
			 errhint("A name or a value of the source must have been taken for SQL. Nothing was run; please report this.")));
}

bool
is_one_statement(const char *const volatile sql)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool one = false;

	PG_TRY();
	{
		one = list_length(raw_parser(sql, RAW_PARSE_DEFAULT)) == 1;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return one;
}

/* ------------------------------------------------------ whose code it runs */

/* Is it about the owner alone? No code is run, and the new one must be. */
static bool
changes_owner(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype != AT_ChangeOwner)
			return false;
	return true;
}

static bool
is_system(const RangeVar *rv)
{
	return rv->schemaname != NULL && strcmp(rv->schemaname, "pg_catalog") == 0;
}

/* Tables of a FROM clause, those of subqueries left out. */
static List *
joined(Node *from)
{
	if (IsA(from, JoinExpr))
		return list_concat(joined(((JoinExpr *) from)->larg),
						   joined(((JoinExpr *) from)->rarg));
	return IsA(from, RangeVar) && !is_system((RangeVar *) from) ? list_make1(from) : NIL;
}

/*
 * Tables (RangeVar) whose defaults, checks, generated columns, indexes or
 * triggers a statement runs as whoever runs it; a SELECT, too: planning it runs
 * immutable functions of indexes, and a view may have come into the place of
 * what was a table or a sequence. The server itself changes to
 * the owner for CREATE INDEX, REFRESH, CLUSTER and the like.
 */
static List *
tables_of(Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_InsertStmt:
			return list_make1(((InsertStmt *) tree)->relation);
		case T_UpdateStmt:
			return list_make1(((UpdateStmt *) tree)->relation);
		case T_DeleteStmt:
			return list_make1(((DeleteStmt *) tree)->relation);
		case T_TruncateStmt:
			return ((TruncateStmt *) tree)->relations;
		case T_SelectStmt:
			{
				List	   *tables = NIL;
				ListCell   *lc;

				foreach(lc, ((SelectStmt *) tree)->fromClause)
					tables = list_concat(tables, joined(lfirst(lc)));
				return tables;
			}
		case T_AlterTableStmt:
			{
				AlterTableStmt *stmt = (AlterTableStmt *) tree;

				return stmt->objtype == OBJECT_TABLE && !changes_owner(stmt) ?
					list_make1(stmt->relation) : NIL;
			}
		default:
			return NIL;
	}
}

static LOCKMODE
lock_for(const Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_SelectStmt:
		case T_AlterTableStmt:
			return AccessShareLock;
		case T_TruncateStmt:
			return AccessExclusiveLock;
		default:
			return RowExclusiveLock;
	}
}

static void
begin_as_owner(Node *tree, TableOwner *owner)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, tables_of(tree))
	{
		Oid			relid = RangeVarGetRelid(lfirst_node(RangeVar, lc),
											 lock_for(tree), true);

		/* the statement itself says that it may not exist */
		if (OidIsValid(relid))
			relids = lappend_oid(relids, relid);
	}
	if (!table_owner_begin_all(relids, owner) &&
		(!IsA(tree, TruncateStmt) || table_owner_truncate_runs_code(relids)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("one statement cannot run code of the owners of several tables"),
				 errhint("Let one role own them.")));
}

static void
owner_context(void *arg)
{
	const TableOwner *owner = arg;

	if (owner->switched)
		errcontext("statement that runs as role \"%s\", which owns the table",
				   GetUserNameFromId(owner->owner, true));
}

/* ----------------------------------------------------------------- running */

static StatementRunner elsewhere = NULL;
static bool is_postgres = true;

void
one_statement_runs_by(StatementRunner run, bool postgres)
{
	elsewhere = run;
	is_postgres = run == NULL || postgres;
}

bool
one_statement_is_postgres(void)
{
	return is_postgres;
}

bool
one_statement_is_elsewhere(void)
{
	return elsewhere != NULL;
}

/* value: receives the first value of the first row, palloc'd; NULL: not asked. */
static uint64
run_tree(Node *tree, const char *sql, char **value)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		utility = is_utility(tree);
	int			nestlevel;
	ErrorContextCallback callback;
	TableOwner	owner;
	uint64		n;
	int			rc;

	if (elsewhere != NULL)
		return elsewhere(sql, value);
	nestlevel = utility ? begin_utility() : 0;
	begin_as_owner(tree, &owner);
	callback.callback = owner_context;
	callback.arg = &owner;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	n = SPI_processed;
	if (value != NULL && SPI_tuptable != NULL && n > 0)
	{
		*value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		if (*value != NULL)
			*value = MemoryContextStrdup(cxt, *value);
	}
	SPI_finish();
	error_context_stack = callback.previous;
	table_owner_end(&owner);
	if (utility)
		end_utility(nestlevel);
	return n;
}

/* Statements of a text, each with its place; in a context of their own. */
static List *
parse(const char *sql, MemoryContext *cxt)
{
	MemoryContext old;
	List	   *parsed;

	*cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig parse",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(*cxt);
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	MemoryContextSwitchTo(old);
	return parsed;
}

/* "a", "b": names in quotes; its end, or NULL */
static const char *
skip_names(const char *p)
{
	for (;;)
	{
		if (*p++ != '"')
			return NULL;
		while (*p != '\0' && (*p != '"' || p[1] == '"'))
			p += *p == '"' ? 2 : 1;
		if (*p++ != '"')
			return NULL;
		if (strncmp(p, ", ", 2) != 0)
			return p;
		p += 2;
	}
}

/*
 * What the Greenplum family has at the end of CREATE TABLE, and no parser of
 * PostgreSQL takes (see transform/distribution_greenplum.c).
 */
typedef struct Clause
{
	int			at;				/* in the text without it; -1: there is none */
	char	   *text;
} Clause;

#define DISTRIBUTED "\nDISTRIBUTED "

/* The text without the clause, of which nothing but its own form is taken. */
static const char *
without_clause(const char *sql, Clause *clause)
{
	const char *p = sql;

	clause->at = -1;
	if (elsewhere == NULL || (strncmp(sql, "CREATE TABLE ", strlen("CREATE TABLE ")) != 0 &&
							  strncmp(sql, "CREATE UNLOGGED TABLE ", strlen("CREATE UNLOGGED TABLE ")) != 0))
		return sql;
	while ((p = strstr(p, DISTRIBUTED)) != NULL)
	{
		const char *end = p + strlen(DISTRIBUTED);

		if (strncmp(end, "RANDOMLY", strlen("RANDOMLY")) == 0)
			end += strlen("RANDOMLY");
		else if (strncmp(end, "REPLICATED", strlen("REPLICATED")) == 0)
			end += strlen("REPLICATED");
		else if (strncmp(end, "BY (", 4) != 0 || (end = skip_names(end + 4)) == NULL || *end++ != ')')
		{
			p++;
			continue;
		}
		if (*end == '\0' || *end == ';')
		{
			clause->at = p - sql;
			clause->text = pnstrdup(p, end - p);
			return psprintf("%.*s%s", clause->at, sql, end);
		}
		p++;
	}
	return sql;
}

static uint64
run_one(const char *sql, bool ours, char **value)
{
	MemoryContext cxt;
	List	   *parsed;
	Node	   *tree;
	uint64		n;
	Clause		clause;

	if (!is_postgres)
		return elsewhere(sql, value);
	parsed = parse(without_clause(sql, &clause), &cxt);
	if (list_length(parsed) != 1)
		refuse(psprintf("%d statements where one was expected", list_length(parsed)), sql);
	tree = linitial_node(RawStmt, parsed)->stmt;
	if (ours && !is_as_its_words_say(tree, sql))
		refuse("a statement is not of the kind that was expected", sql);
	n = run_tree(tree, sql, value);
	MemoryContextDelete(cxt);
	return n;
}

uint64
run_one_statement(const char *sql)
{
	return run_one(sql, true, NULL);
}

char *
select_one_value(const char *sql)
{
	char	   *value = NULL;

	(void) run_one(sql, true, &value);
	return value;
}

char *
select_one_text(const char *sql)
{
	char	   *value = select_one_value(sql);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the destination answered nothing where a value was expected"),
				 errdetail("To: %s", sql)));
	return value;
}

uint64
run_source_statement(const char *sql)
{
	return run_one(sql, false, NULL);
}

void
run_source_script(const char *sql)
{
	MemoryContext cxt;
	ListCell   *lc;
	const char *text;
	Clause		clause;

	if (!is_postgres)
	{
		(void) elsewhere(sql, NULL);
		return;
	}
	text = without_clause(sql, &clause);
	foreach(lc, parse(text, &cxt))
	{
		RawStmt    *stmt = lfirst_node(RawStmt, lc);
		const char *start = text + stmt->stmt_location;
		int			end = stmt->stmt_len > 0 ? stmt->stmt_location + stmt->stmt_len :
			(int) strlen(text);
		char	   *one = pnstrdup(start, end - stmt->stmt_location);

		if (clause.at == end)
			one = psprintf("%s%s", one, clause.text);
		(void) run_tree(stmt->stmt, one, NULL);
		CommandCounterIncrement();
	}
	MemoryContextDelete(cxt);
}
