/*-------------------------------------------------------------------------
 *
 * pg_statement.c
 *	  One statement out of a text of PostgreSQL's SQL.
 *
 * An event trigger knows the text of the client's query, which may hold many
 * statements, the tag of the command that it fires for, and what it touched.
 * The text is read by the server's own parser; savepoints and rollbacks in it
 * are followed, because what they undo has left no record.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/pg_statement.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

/* The relation that a statement is about; NULL: it says none. */
static const char *
relation_name(const Node *tree)
{
	const RangeVar *rv = NULL;

	switch (nodeTag(tree))
	{
		case T_CreateStmt:
			rv = ((const CreateStmt *) tree)->relation;
			break;
		case T_CreateForeignTableStmt:
			rv = ((const CreateForeignTableStmt *) tree)->base.relation;
			break;
		case T_IndexStmt:
			rv = ((const IndexStmt *) tree)->relation;
			break;
		case T_AlterTableStmt:
			if (((const AlterTableStmt *) tree)->objtype != OBJECT_INDEX)
				rv = ((const AlterTableStmt *) tree)->relation;
			break;
		case T_ViewStmt:
			rv = ((const ViewStmt *) tree)->view;
			break;
		case T_CreateTrigStmt:
			rv = ((const CreateTrigStmt *) tree)->relation;
			break;
		case T_RuleStmt:
			rv = ((const RuleStmt *) tree)->relation;
			break;
		case T_CreatePolicyStmt:
			rv = ((const CreatePolicyStmt *) tree)->table;
			break;
		case T_AlterPolicyStmt:
			rv = ((const AlterPolicyStmt *) tree)->table;
			break;
		case T_CreateTableAsStmt:
			rv = ((const CreateTableAsStmt *) tree)->into->rel;
			break;
		case T_RefreshMatViewStmt:
			rv = ((const RefreshMatViewStmt *) tree)->relation;
			break;
		case T_AlterObjectSchemaStmt:
			rv = ((const AlterObjectSchemaStmt *) tree)->relation;
			break;
		case T_RenameStmt:
			{
				const RenameStmt *st = (const RenameStmt *) tree;

				switch (st->renameType)
				{
					case OBJECT_TABLE:
					case OBJECT_VIEW:
					case OBJECT_MATVIEW:
					case OBJECT_FOREIGN_TABLE:
						return st->newname;
					case OBJECT_INDEX:
					case OBJECT_SEQUENCE:
						return NULL;
					default:
						rv = st->relation;
				}
				break;
			}
		default:
			break;
	}
	return rv ? rv->relname : NULL;
}

static const char *
tag_of(Node *tree)
{
	if (IsA(tree, SelectStmt))
	{
		SelectStmt *leftmost = (SelectStmt *) tree;

		while (leftmost->larg != NULL)
			leftmost = leftmost->larg;
		if (leftmost->intoClause != NULL)
			return "SELECT INTO";
	}
	return GetCommandTagName(CreateCommandTag(tree));
}

typedef struct Savepoint
{
	const char *name;
	int			depth;			/* statements alive when it was set */
} Savepoint;

static List *
truncate_to(List *list, int length)
{
	return list_truncate(list, length);
}

static int
savepoint_depth(List *savepoints, const char *name)
{
	for (int i = list_length(savepoints) - 1; i >= 0; i--)
	{
		Savepoint  *s = list_nth(savepoints, i);

		if (strcmp(s->name, name) == 0)
			return s->depth;
	}
	return -1;
}

/* RawStmt * of a text that the text itself does not undo. */
static List *
surviving(const char *text)
{
	List	   *alive = NIL;
	List	   *savepoints = NIL;
	int			settled = 0;
	ListCell   *lc;

	foreach(lc, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		TransactionStmt *st = (TransactionStmt *) raw->stmt;
		Savepoint  *s;
		int			depth;

		if (!IsA(raw->stmt, TransactionStmt))
		{
			alive = lappend(alive, raw);
			continue;
		}
		switch (st->kind)
		{
			case TRANS_STMT_COMMIT:
			case TRANS_STMT_PREPARE:
				settled = list_length(alive);
				savepoints = NIL;
				break;
			case TRANS_STMT_ROLLBACK:
				alive = truncate_to(alive, settled);
				savepoints = NIL;
				break;
			case TRANS_STMT_SAVEPOINT:
				s = palloc(sizeof(Savepoint));
				s->name = st->savepoint_name;
				s->depth = list_length(alive);
				savepoints = lappend(savepoints, s);
				break;
			case TRANS_STMT_ROLLBACK_TO:
				depth = savepoint_depth(savepoints, st->savepoint_name);
				if (depth >= 0)
					alive = truncate_to(alive, depth);
				break;
			default:
				break;
		}
	}
	return alive;
}

/*
 * Blanks the last such word that is a keyword, in place. The scanner passes
 * over strings, comments and quoted names.
 */
static void
blank_keyword(char *sql, const char *word)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(sql, &extra, &ScanKeywords,
										 ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;
	Size		len = strlen(word);
	int			found = -1;

	while (core_yylex(&value, &location, scanner) != 0)
	{
		if (pg_strncasecmp(sql + location, word, len) == 0 &&
			!isalnum((unsigned char) sql[location + len]) &&
			sql[location + len] != '_')
			found = location;
	}
	scanner_finish(scanner);
	if (found >= 0)
		memset(sql + found, ' ', len);
}

/* What cannot run in a transaction block does without CONCURRENTLY. */
static void
make_transactional(PgStatement *st)
{
	ListCell   *lc;

	if (IsA(st->tree, IndexStmt) && ((IndexStmt *) st->tree)->concurrent)
		blank_keyword(st->sql, "concurrently");
	if (!IsA(st->tree, AlterTableStmt))
		return;
	foreach(lc, ((AlterTableStmt *) st->tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartition &&
			((PartitionCmd *) cmd->def)->concurrent)
			blank_keyword(st->sql, "concurrently");
		else if (cmd->subtype == AT_DetachPartitionFinalize)
			blank_keyword(st->sql, "finalize");
	}
}

static PgStatement *
make_statement(const char *text, const RawStmt *raw)
{
	PgStatement *st = palloc(sizeof(PgStatement));
	const char *start = text + Max(raw->stmt_location, 0);

	st->sql = raw->stmt_len > 0 ? pnstrdup(start, raw->stmt_len) : pstrdup(start);
	st->tree = raw->stmt;
	make_transactional(st);
	return st;
}

PgStatement *
pg_statement_find(const char *text, const char *tag, const char *name,
				  int nth, int nth_name)
{
	List	   *with_tag = NIL;
	List	   *with_name = NIL;
	List	   *use;
	ListCell   *lc;

	foreach(lc, surviving(text))
	{
		RawStmt    *raw = lfirst(lc);
		const char *relation;

		if (strcmp(tag_of(raw->stmt), tag) != 0)
			continue;
		with_tag = lappend(with_tag, raw);
		relation = relation_name(raw->stmt);
		if (name != NULL && relation != NULL && strcmp(relation, name) == 0)
			with_name = lappend(with_name, raw);
	}
	use = with_name ? with_name : with_tag;
	if (use == NIL)
		return NULL;
	nth = with_name ? nth_name : nth;
	return make_statement(text, list_nth(use, (Max(nth, 1) - 1) % list_length(use)));
}

PgStatement *
pg_statement_at(const char *text, int place)
{
	List	   *all = raw_parser(text, RAW_PARSE_DEFAULT);

	if (place < 1 || place > list_length(all))
		return NULL;
	return make_statement(text, list_nth_node(RawStmt, all, place - 1));
}

bool
pg_statement_cascades(const char *text)
{
	ListCell   *lc;

	foreach(lc, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		Node	   *tree = lfirst_node(RawStmt, lc)->stmt;

		if ((IsA(tree, DropStmt) &&
			 ((DropStmt *) tree)->behavior == DROP_CASCADE) ||
			(IsA(tree, DropOwnedStmt) &&
			 ((DropOwnedStmt *) tree)->behavior == DROP_CASCADE))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ values */

static bool
collect_functions(Node *node, void *arg)
{
	PgValues   *values = arg;

	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
		values->functions = lappend(values->functions,
									strVal(llast(((FuncCall *) node)->funcname)));
	else if (IsA(node, SQLValueFunction))
		values->volatile_kind = true;
	return raw_expression_tree_walker(node, collect_functions, arg);
}

static void
new_column(const ColumnDef *def, PgValues *values)
{
	bool		said = def->raw_default != NULL;
	ListCell   *lc;

	(void) collect_functions(def->raw_default, values);
	if (def->typeName != NULL && def->typeName->names != NIL &&
		strstr(strVal(llast(def->typeName->names)), "serial") != NULL)
		values->volatile_kind = true;
	foreach(lc, def->constraints)
	{
		Constraint *con = lfirst_node(Constraint, lc);

		if (con->contype == CONSTR_IDENTITY)
			values->volatile_kind = true;
		else if (con->contype == CONSTR_DEFAULT)
		{
			(void) collect_functions(con->raw_expr, values);
			said = true;
		}
		else if (con->contype == CONSTR_GENERATED)
			said = true;
	}
	/* a domain's default, perhaps */
	if (!said)
		values->volatile_kind = true;
}

void
pg_statement_values(const Node *tree, PgValues *values)
{
	ListCell   *lc;

	memset(values, 0, sizeof(*values));
	if (tree == NULL || !IsA(tree, AlterTableStmt))
	{
		values->volatile_kind = true;
		return;
	}
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AlterColumnType)
			(void) collect_functions(((ColumnDef *) cmd->def)->raw_default, values);
		else if (cmd->subtype == AT_AddColumn)
			new_column((ColumnDef *) cmd->def, values);
	}
}

bool
pg_statement_renames_nothing(const char *sql)
{
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	RenameStmt *stmt;

	if (list_length(parsed) != 1 ||
		!IsA(linitial_node(RawStmt, parsed)->stmt, RenameStmt))
		return false;
	stmt = (RenameStmt *) linitial_node(RawStmt, parsed)->stmt;
	switch (stmt->renameType)
	{
		case OBJECT_SCHEMA:
			return strcmp(stmt->subname, stmt->newname) == 0;
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_FOREIGN_TABLE:
			return strcmp(stmt->relation->relname, stmt->newname) == 0;
		default:
			return false;
	}
}

char
pg_statement_alters_values(const Node *tree)
{
	if (IsA(tree, AlterEnumStmt))
		return ((const AlterEnumStmt *) tree)->oldVal != NULL ? TYPTYPE_ENUM : 0;
	/* of a composite type: its attributes */
	if (IsA(tree, AlterTableStmt))
		return TYPTYPE_COMPOSITE;
	return 0;
}

bool
pg_statement_is_owner(const Node *tree)
{
	ListCell   *lc;

	if (IsA(tree, AlterOwnerStmt) || IsA(tree, GrantStmt) ||
		IsA(tree, AlterDefaultPrivilegesStmt))
		return true;
	if (!IsA(tree, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype != AT_ChangeOwner)
			return false;
	return true;
}

const RangeVar *
pg_statement_detached(const Node *tree)
{
	ListCell   *lc;

	if (!IsA(tree, AlterTableStmt))
		return NULL;
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartition &&
			((PartitionCmd *) cmd->def)->concurrent)
			return ((PartitionCmd *) cmd->def)->name;
	}
	return NULL;
}
