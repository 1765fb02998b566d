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

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

/* The relation whose it is, or whose column, trigger, … */
static bool
relation_of_comment(const CommentStmt *st, const char **schema, const char **name)
{
	List	   *parts = (List *) st->object;
	int			n;

	switch (st->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			n = list_length(parts);
			break;
		case OBJECT_COLUMN:
		case OBJECT_TABCONSTRAINT:
		case OBJECT_TRIGGER:
		case OBJECT_POLICY:
		case OBJECT_RULE:
			n = list_length(parts) - 1;
			break;
		default:
			return false;
	}
	if (n < 1 || n > 2)
		return false;
	*name = strVal(list_nth(parts, n - 1));
	*schema = n == 2 ? strVal(linitial(parts)) : NULL;
	return true;
}

/*
 * The relation that a statement is about, as it is called after it; false: it
 * says none. *schema is NULL where the statement says none.
 */
static bool
relation_of(const Node *tree, const char **schema, const char **name)
{
	const RangeVar *rv = NULL;

	*schema = *name = NULL;

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
		case T_CommentStmt:
			return relation_of_comment((const CommentStmt *) tree, schema, name);
		case T_AlterObjectSchemaStmt:
			rv = ((const AlterObjectSchemaStmt *) tree)->relation;
			if (rv == NULL)
				return false;
			*schema = ((const AlterObjectSchemaStmt *) tree)->newschema;
			*name = rv->relname;
			return true;
		case T_RenameStmt:
			{
				const RenameStmt *st = (const RenameStmt *) tree;

				switch (st->renameType)
				{
					case OBJECT_TABLE:
					case OBJECT_VIEW:
					case OBJECT_MATVIEW:
					case OBJECT_FOREIGN_TABLE:
						*schema = st->relation->schemaname;
						*name = st->newname;
						return true;
					case OBJECT_INDEX:
					case OBJECT_SEQUENCE:
						return false;
					default:
						rv = st->relation;
				}
				break;
			}
		default:
			break;
	}
	if (rv == NULL)
		return false;
	*schema = rv->relpersistence == RELPERSISTENCE_TEMP ? "pg_temp" : rv->schemaname;
	*name = rv->relname;
	return true;
}

/* The name of an object that is no relation; NIL: it is not known where. */
static List *
object_name(const Node *tree)
{
	Node	   *object = NULL;

	switch (nodeTag(tree))
	{
		case T_CreateFunctionStmt:
			return ((const CreateFunctionStmt *) tree)->funcname;
		case T_AlterFunctionStmt:
			return ((const AlterFunctionStmt *) tree)->func->objname;
		case T_CreateEnumStmt:
			return ((const CreateEnumStmt *) tree)->typeName;
		case T_AlterEnumStmt:
			return ((const AlterEnumStmt *) tree)->typeName;
		case T_CreateRangeStmt:
			return ((const CreateRangeStmt *) tree)->typeName;
		case T_CreateDomainStmt:
			return ((const CreateDomainStmt *) tree)->domainname;
		case T_AlterDomainStmt:
			return ((const AlterDomainStmt *) tree)->typeName;
		case T_DefineStmt:
			return ((const DefineStmt *) tree)->defnames;
		case T_CommentStmt:
			object = ((const CommentStmt *) tree)->object;
			break;
		case T_AlterOwnerStmt:
			object = ((const AlterOwnerStmt *) tree)->object;
			break;
		default:
			return NIL;
	}
	if (object == NULL)
		return NIL;
	if (IsA(object, ObjectWithArgs))
		return ((ObjectWithArgs *) object)->objname;
	if (IsA(object, List) && IsA(linitial((List *) object), String))
		return (List *) object;
	return NIL;
}

typedef enum Fit
{
	FIT_NO, FIT_UNKNOWN, FIT_NAMED, FIT_RELATION
} Fit;

/* Is the statement one on one of the objects? */
static Fit
fit_of(const Node *tree, const PgStatementTest *test, List *temporary)
{
	const char *schema;
	const char *name;
	List	   *parts;

	if (test == NULL)
		return FIT_UNKNOWN;
	if (relation_of(tree, &schema, &name) && schema == NULL &&
		list_member(temporary, makeString(pstrdup(name))))
		return FIT_NO;
	if (name != NULL)
		return test->relation(test->arg, schema, name) ? FIT_RELATION : FIT_NO;
	parts = object_name(tree);
	if (parts == NIL || list_length(parts) > 2)
		return FIT_UNKNOWN;
	return test->object(test->arg, list_length(parts) == 2 ?
						strVal(linitial(parts)) : NULL, strVal(llast(parts))) ?
		FIT_NAMED : FIT_NO;
}

/* May it have done nothing, and so have left no record? */
static bool
may_do_nothing(const Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_CreateStmt:
			return ((const CreateStmt *) tree)->if_not_exists;
		case T_CreateTableAsStmt:
			return ((const CreateTableAsStmt *) tree)->if_not_exists;
		case T_IndexStmt:
			return ((const IndexStmt *) tree)->if_not_exists;
		case T_CreateSeqStmt:
			return ((const CreateSeqStmt *) tree)->if_not_exists;
		case T_CreateSchemaStmt:
			return ((const CreateSchemaStmt *) tree)->if_not_exists;
		case T_CreateExtensionStmt:
			return ((const CreateExtensionStmt *) tree)->if_not_exists;
		case T_CreateStatsStmt:
			return ((const CreateStatsStmt *) tree)->if_not_exists;
		case T_AlterEnumStmt:
			return ((const AlterEnumStmt *) tree)->skipIfNewValExists;
		case T_AlterTableStmt:
			return ((const AlterTableStmt *) tree)->missing_ok;
		case T_RenameStmt:
			return ((const RenameStmt *) tree)->missing_ok;
		case T_AlterObjectSchemaStmt:
			return ((const AlterObjectSchemaStmt *) tree)->missing_ok;
		default:
			return false;
	}
}

/* Names of temporary relations that a text makes (char *). */
static List *
temporary_names(List *statements)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, statements)
	{
		const char *schema;
		const char *name;

		if (relation_of(lfirst_node(RawStmt, lc)->stmt, &schema, &name) &&
			schema != NULL && strcmp(schema, "pg_temp") == 0)
			names = lappend(names, makeString(pstrdup(name)));
	}
	return names;
}

/*
 * Do some of them name the relation with its schema, and others without? Those
 * may be on a temporary one.
 */
static bool
schemas_are_mixed(List *statements)
{
	bool		with = false;
	bool		without = false;
	ListCell   *lc;

	foreach(lc, statements)
	{
		const char *schema;
		const char *name;

		if (!relation_of(lfirst_node(RawStmt, lc)->stmt, &schema, &name))
			continue;
		with |= schema != NULL;
		without |= schema == NULL;
	}
	return with && without;
}

/* Does the text make, drop or rename relations by other means than these? */
static bool
changes_names(List *statements, List *except)
{
	ListCell   *lc;

	foreach(lc, statements)
	{
		Node	   *tree = lfirst_node(RawStmt, lc)->stmt;

		if (list_member_ptr(except, lfirst(lc)))
			continue;
		if (IsA(tree, CreateStmt) || IsA(tree, CreateTableAsStmt) ||
			IsA(tree, DropStmt) || IsA(tree, RenameStmt) ||
			IsA(tree, AlterObjectSchemaStmt))
			return true;
	}
	return false;
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
 * Blanks the last such word that is a keyword, in place. The scanner skips
 * strings, comments and quoted names.
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

/* Are they one text? Then it is the same which is taken. */
static bool
are_equal(List *statements)
{
	ListCell   *lc;

	foreach(lc, statements)
		if (!equal(lfirst_node(RawStmt, lc)->stmt,
				   linitial_node(RawStmt, statements)->stmt))
			return false;
	return true;
}

PgStatement *
pg_statement_find(const char *text, const char *tag, const PgStatementTest *test,
				  int nth, int nth_name, bool *ambiguous)
{
	List	   *all = surviving(text);
	List	   *temporary = temporary_names(all);
	List	   *with_tag = NIL;
	List	   *fit[FIT_RELATION + 1] = {NIL};
	List	   *use;
	RawStmt    *found;
	bool		unsure = false;
	ListCell   *lc;

	*ambiguous = false;
	foreach(lc, all)
	{
		RawStmt    *raw = lfirst(lc);
		Fit			f;

		if (strcmp(tag_of(raw->stmt), tag) != 0)
			continue;
		with_tag = lappend(with_tag, raw);
		f = fit_of(raw->stmt, test, temporary);
		fit[f] = lappend(fit[f], raw);
	}
	use = fit[FIT_RELATION] ? fit[FIT_RELATION] :
		fit[FIT_NAMED] ? fit[FIT_NAMED] : fit[FIT_UNKNOWN];
	if (use == NIL)
		return NULL;
	if (list_length(use) == 1 || are_equal(use))
		return make_statement(text, linitial(use));
	foreach(lc, use)
		unsure |= may_do_nothing(lfirst_node(RawStmt, lc)->stmt);
	if (use == fit[FIT_RELATION])
	{
		/* counted by the relation; those that did nothing were not */
		*ambiguous = (unsure && changes_names(all, use)) || schemas_are_mixed(use);
		return *ambiguous ? NULL :
			make_statement(text, list_nth(use, (Max(nth_name, 1) - 1) % list_length(use)));
	}
	/* counted by the tag: one that fits must stand at this place */
	found = list_nth(with_tag, (Max(nth, 1) - 1) % list_length(with_tag));
	*ambiguous = unsure || !list_member_ptr(use, found);
	return *ambiguous ? NULL : make_statement(text, found);
}

PgStatement *
pg_statement_at(const char *text, int place, const PgStatementTest *test)
{
	List	   *all = raw_parser(text, RAW_PARSE_DEFAULT);
	RawStmt    *raw;

	if (place < 1 || place > list_length(all))
		return NULL;
	raw = list_nth_node(RawStmt, all, place - 1);
	return fit_of(raw->stmt, test, temporary_names(all)) == FIT_NO ? NULL :
		make_statement(text, raw);
}

/* The last word of what a DROP names; NULL: it is not one of words. */
static const char *
dropped_name(Node *object)
{
	if (IsA(object, ObjectWithArgs))
		object = (Node *) ((ObjectWithArgs *) object)->objname;
	else if (IsA(object, TypeName))
		object = (Node *) ((TypeName *) object)->names;
	if (IsA(object, List))
		object = llast((List *) object);
	return IsA(object, String) ? strVal(object) : NULL;
}

static bool
drops_one_of(const DropStmt *st, List *names)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (names == NIL)
		return true;
	foreach(lc, st->objects)
	{
		const char *name = dropped_name(lfirst(lc));

		foreach(lc2, names)
			if (name == NULL || strcmp(lfirst(lc2), name) == 0)
				return true;
	}
	return false;
}

bool
pg_statement_cascades(const char *text, List *names)
{
	ListCell   *lc;

	foreach(lc, raw_parser(text, RAW_PARSE_DEFAULT))
	{
		Node	   *tree = lfirst_node(RawStmt, lc)->stmt;

		if ((IsA(tree, DropStmt) &&
			 ((DropStmt *) tree)->behavior == DROP_CASCADE &&
			 drops_one_of((DropStmt *) tree, names)) ||
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
	if (!said)
		values->silent = lappend(values->silent, pstrdup(def->colname));
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
pg_statement_enables_always(const Node *tree, bool *more)
{
	bool		found = false;
	ListCell   *lc;

	*more = false;
	if (!IsA(tree, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
	{
		switch (lfirst_node(AlterTableCmd, lc)->subtype)
		{
			case AT_EnableAlwaysTrig:
			case AT_EnableReplicaTrig:
			case AT_EnableAlwaysRule:
			case AT_EnableReplicaRule:
				found = true;
				break;
			default:
				*more = true;
		}
	}
	return found;
}

bool
pg_statement_sets_logged(const Node *tree)
{
	ListCell   *lc;

	if (!IsA(tree, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype == AT_SetLogged)
			return true;
	return false;
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
pg_statement_is_definer(const char *sql)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
	{
		Node	   *tree = lfirst_node(RawStmt, lc)->stmt;

		if (!IsA(tree, CreateFunctionStmt))
			continue;
		foreach(lc2, ((CreateFunctionStmt *) tree)->options)
		{
			DefElem    *def = lfirst_node(DefElem, lc2);

			if (strcmp(def->defname, "security") == 0 && defGetBoolean(def))
				return true;
		}
	}
	return false;
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

bool
pg_statement_is_grant(const Node *tree, bool *names_role)
{
	ListCell   *lc;

	*names_role = IsA(tree, GrantStmt);
	if (*names_role || !IsA(tree, AlterDefaultPrivilegesStmt))
		return *names_role;
	foreach(lc, ((const AlterDefaultPrivilegesStmt *) tree)->options)
		*names_role |= strcmp(lfirst_node(DefElem, lc)->defname, "roles") == 0;
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
