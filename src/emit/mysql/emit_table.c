/*-------------------------------------------------------------------------
 *
 * emit_table.c
 *	  CREATE TABLE in MySQL's SQL: columns, primary key, the key that
 *	  AUTO_INCREMENT needs, and CHECKs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

/* Characters that comments can have. */
#define MAX_TABLE_COMMENT 2048
#define MAX_COLUMN_COMMENT 1024

/* " COMMENT '…'", or "" */
char *
emit_comment(const char *text, int limit, PlanNotes *notes, const char *what)
{
	int			len;

	if (text == NULL || text[0] == '\0')
		return "";
	len = pg_mbcharcliplen(text, strlen(text), limit);
	if (text[len] != '\0')
		plan_note(notes, "the comment on %s is cut to %d characters", what, limit);
	return psprintf(" COMMENT %s", my_quote_literal(pnstrdup(text, len)));
}

static void
append_column(StringInfo buf, EmitTable *table, const EmitColumn *c, const EmitTarget *target)
{
	appendStringInfo(buf, "%s %s", c->name, c->type);
	if (c->generated != NULL)
		appendStringInfo(buf, " GENERATED ALWAYS AS (%s) %s", c->generated,
						 c->def->is_virtual ? "VIRTUAL" : "STORED");
	/* of a generated column MariaDB takes no NOT NULL */
	if (c->not_null && !(c->generated != NULL && target->mariadb))
		appendStringInfoString(buf, " NOT NULL");
	else if (c->generated == NULL && !c->not_null)
		appendStringInfoString(buf, " NULL");
	if (c->auto_increment)
		appendStringInfoString(buf, " AUTO_INCREMENT");
	else if (c->default_sql != NULL)
		appendStringInfo(buf, " DEFAULT %s", c->default_sql);
	appendStringInfoString(buf, emit_comment(c->def->comment, MAX_COLUMN_COMMENT, &table->notes,
											 psprintf("column %s", c->def->col->name)));
}

char *
emit_column_sql(EmitTable *table, const EmitColumn *c, const EmitTarget *target)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_column(&buf, table, c, target);
	return buf.data;
}

/* Source names of the parts of an index. */
static List *
part_names(const IndexDefinition *index)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		IndexPartDefinition *part = lfirst(lc);

		if (part->column == NULL)
			return NIL;
		names = lappend(names, part->column);
	}
	return names;
}

static void
append_primary_key(StringInfo buf, EmitTable *table)
{
	IndexDefinition *index = table->def->indexes ? linitial(table->def->indexes) : NULL;
	char	   *columns;

	if (index == NULL || !index->primary)
		return;
	columns = emit_column_list(table, part_names(index));
	if (columns == NULL)
	{
		plan_warn(&table->notes, "the primary key is lost with a column that is left out");
		return;
	}
	appendStringInfo(buf, ",\n  PRIMARY KEY (%s)", columns);
	emit_note_key(table, index, "PRIMARY", NULL);
	if (index->deferrable)
		plan_warn(&table->notes, "the primary key is DEFERRABLE, and is checked at once at the destination");
}

/* AUTO_INCREMENT has to lead a key. */
static void
append_counted_key(StringInfo buf, Emit *emit, EmitTable *table)
{
	IndexDefinition *index = table->def->indexes ? linitial(table->def->indexes) : NULL;
	const TableDef *def = table->def->def;
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (!c->auto_increment)
			continue;
		if (index != NULL && index->primary &&
			strcmp(linitial(part_names(index)), c->def->col->name) == 0)
			continue;
		appendStringInfo(buf, ",\n  KEY %s (%s)",
						 my_quote_identifier(emit_unique_name(emit, def->target_schema,
															  psprintf("index of %s", def->target_name),
															  psprintf("%s_counter", c->def->col->target_name))),
						 c->name);
		plan_note(&table->notes, "column %s gets an index, which AUTO_INCREMENT needs",
				  c->def->col->name);
	}
}

/* ----------------------------------------------------------------- checks */

typedef struct Users
{
	const EmitTable *table;
	const char *value;
	const char *found;			/* a column that an action of a foreign key changes */
} Users;

static bool
changes(const ForeignKeyDefinition *fk)
{
	return strcmp(fk->on_update, "CASCADE") == 0 || strcmp(fk->on_update, "SET NULL") == 0 ||
		strcmp(fk->on_delete, "SET NULL") == 0;
}

static bool
find_changed(Node *node, void *context)
{
	Users	   *u = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), String))
	{
		const char *name = strVal(llast(((ColumnRef *) node)->fields));
		ListCell   *lc;
		ListCell   *lc2;

		if (u->value != NULL && strcmp(name, "value") == 0)
			name = u->value;
		foreach(lc, u->table->def->foreign_keys)
		{
			ForeignKeyDefinition *fk = lfirst(lc);

			foreach(lc2, changes(fk) ? fk->columns : NIL)
			{
				if (strcmp(lfirst(lc2), name) == 0)
					u->found = name;
			}
		}
		return u->found != NULL;
	}
	return raw_expression_tree_walker(node, find_changed, context);
}

static char *
check_sql(Emit *emit, EmitTable *table, const CheckDefinition *check, char **why)
{
	Users		users = {table, check->value, NULL};
	Node	   *node;
	char	   *sql;

	if (!emit->target->checks)
	{
		*why = psprintf("%s does not enforce CHECK", emit->target->name);
		return NULL;
	}
	if (!check->enforced || !check->validated)
	{
		*why = "existing rows need not fulfil it";
		return NULL;
	}
	sql = emit_translate(check->expr, table, check->value, emit->target, MY_USE_CHECK,
						 &table->notes, why);
	if (sql == NULL)
		return NULL;
	node = emit_parse(check->expr);
	if (find_changed(node, &users))
	{
		*why = psprintf("MySQL has no CHECK on a column that a foreign key changes, as \"%s\"",
						users.found);
		return NULL;
	}
	return sql;
}

static void
append_checks(StringInfo buf, Emit *emit, EmitTable *table)
{
	const TableDef *def = table->def->def;
	ListCell   *lc;

	foreach(lc, table->def->checks)
	{
		CheckDefinition *check = lfirst(lc);
		char	   *why = NULL;
		char	   *sql;

		if (check->value != NULL)
		{
			EmitColumn *c = emit_find_column(table, check->value);

			if (c == NULL || c->name == NULL)
				continue;
		}
		sql = check_sql(emit, table, check, &why);
		if (sql == NULL)
			plan_warn(&table->notes, "check %s (%s)%s%s is lost: %s", check->name, check->expr,
					  check->value ? " of the domain of column " : "",
					  check->value ? check->value : "", why);
		else
			appendStringInfo(buf, ",\n  CONSTRAINT %s CHECK (%s)",
							 my_quote_identifier(emit_unique_name(emit, def->target_schema, "constraint",
																  check->name)), sql);
	}
}

/* ------------------------------------------------------------------ table */

/* Where the sequence of its column is; NULL. */
static const char *
next_value(const EmitTable *table)
{
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (c->auto_increment && c->def->next_value != NULL && c->def->next_value[0] != '\0' &&
			strspn(c->def->next_value, "0123456789") == strlen(c->def->next_value) &&
			strcmp(c->def->next_value, "0") != 0 && strcmp(c->def->next_value, "1") != 0)
			return c->def->next_value;
	}
	return NULL;
}

static char *
table_sql(Emit *emit, EmitTable *table)
{
	const EmitTarget *target = emit->target;
	StringInfoData buf;
	ListCell   *lc;
	bool		first = true;
	const char *next = next_value(table);

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE TABLE %s (", table->name);
	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (c->name == NULL)
			continue;
		appendStringInfoString(&buf, first ? "\n  " : ",\n  ");
		append_column(&buf, table, c, target);
		first = false;
	}
	append_primary_key(&buf, table);
	append_counted_key(&buf, emit, table);
	append_checks(&buf, emit, table);
	appendStringInfo(&buf, "\n) ENGINE=InnoDB%s DEFAULT CHARSET=utf8mb4 COLLATE=%s",
					 target->dynamic ? " ROW_FORMAT=DYNAMIC" : "", target->collation);
	if (next != NULL)
		appendStringInfo(&buf, " AUTO_INCREMENT=%s", next);
	appendStringInfoString(&buf, emit_comment(table->def->def->comment, MAX_TABLE_COMMENT,
											  &table->notes, "the table"));
	return first ? NULL : buf.data;
}

static int
made_columns(const EmitTable *table)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, table->columns)
		n += ((EmitColumn *) lfirst(lc))->name != NULL;
	return n;
}

static void
note_limits(const EmitTable *table, PlanNotes *notes, const EmitTarget *target)
{
	int			bytes = emit_page_bytes(table, target);

	if (made_columns(table) > MY_MAX_COLUMNS)
	{
		plan_warn(notes, "it has %d columns, and InnoDB takes %d", made_columns(table), MY_MAX_COLUMNS);
		notes->fatal = true;
	}
	else if (bytes > target->page_bytes)
	{
		plan_warn(notes, "a row has %d bytes at least within its page, and InnoDB takes %d",
				  bytes, target->page_bytes);
		/* else it is made, and rows that are too long are refused */
		notes->fatal |= target->strict;
	}
}

void
emit_tables(Emit *emit)
{
	ListCell   *lc;

	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);
		const TableDef *def = table->def->def;
		char	   *sql;

		note_limits(table, &table->notes, emit->target);
		emit_defaults(emit, table);
		sql = table_sql(emit, table);
		if (sql == NULL)
			plan_warn(&table->notes, "it has no columns, and MySQL has no such tables");
		if (table->def->partition_of != NULL)
			plan_note(&table->notes, "it is a partition of %s, and a table of its own at the destination",
					  table->def->partition_of);
		if (def->engine != NULL && strcmp(def->engine, "unlogged") == 0)
			plan_note(&table->notes, "it is unlogged, and a normal table at the destination");
		plan_add(&emit->plan, PLAN_PRE_DATA, "table", def, def->target_name, sql, &table->notes);
	}
}
