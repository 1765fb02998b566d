/*-------------------------------------------------------------------------
 *
 * ddl_parse_alter.c
 *	  ALTER TABLE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/ddl_parse_impl.h"

bool
ddl_algorithm(DdlParser *p)
{
	if (ddl_accept(p, "algorithm") || ddl_accept(p, "lock"))
	{
		(void) ddl_accept(p, "=");
		(void) ddl_name(p);
		return true;
	}
	return false;
}

static void
position(DdlParser *p, DdlAction *action)
{
	if (ddl_accept(p, "first"))
		action->first = true;
	else if (ddl_accept(p, "after"))
		action->after = ddl_name(p);
}

static char *
column_name(DdlParser *p)
{
	char	   *name = ddl_name(p);

	while (ddl_accept(p, "."))
		name = ddl_name(p);
	return name;
}

static void
add_column(DdlParser *p, bool if_not_exists)
{
	DdlAction  *action = ddl_action(p, DDL_ADD_COLUMN);
	List	   *keys = NIL;
	char	   *name = column_name(p);

	action->if_exists = if_not_exists;
	action->column = ddl_column(p, name, &keys);
	position(p, action);
	p->stmt->actions = list_concat(p->stmt->actions, keys);
}

static void
add_columns(DdlParser *p, bool if_not_exists)
{
	if (!ddl_accept(p, "("))
	{
		add_column(p, if_not_exists);
		return;
	}
	do
	{
		if (!ddl_key(p, &p->stmt->actions))
			add_column(p, if_not_exists);
	} while (ddl_accept(p, ","));
	ddl_expect(p, ")");
}

/* Partitions come and go; only what takes rows away concerns us. */
static void
skip_partition(DdlParser *p)
{
	int			depth = 0;

	while (!ddl_is_end(p) && !ddl_is(p, ";"))
	{
		if (ddl_is(p, "("))
			depth++;
		else if (ddl_is(p, ")"))
			depth--;
		else if (depth == 0 && ddl_is(p, ","))
		{
			/* of a list of names or of the next action: names follow names */
			DdlMark		mark = ddl_mark(p);

			ddl_advance(p);
			if (ddl_is(p, "add") || ddl_is(p, "drop") || ddl_is(p, "modify") ||
				ddl_is(p, "change") || ddl_is(p, "rename") ||
				ddl_is(p, "algorithm") || ddl_is(p, "lock"))
			{
				ddl_back(p, &mark);
				return;
			}
			continue;
		}
		ddl_advance(p);
	}
	if (depth != 0)
		ddl_unexpected(p);
}

static void
rows_change(DdlParser *p, const char *what)
{
	DdlAction  *action = ddl_action(p, DDL_ROWS_CHANGE);

	action->text = pstrdup(what);
	skip_partition(p);
}

static void
parse_add(DdlParser *p)
{
	DdlMark		mark;

	if (ddl_accept(p, "partition"))
	{
		/* it holds no row yet; of HASH, rows only move */
		(void) ddl_if_not_exists(p);
		if (ddl_is(p, "("))
			ddl_action(p, DDL_ADD_PARTITIONS)->text = ddl_parenthesized(p);
		else
			skip_partition(p);
		return;
	}
	if (ddl_accept2(p, "system", "versioning"))
	{
		ddl_action(p, DDL_VERSIONING)->on = true;
		return;
	}
	mark = ddl_mark(p);
	if (ddl_accept(p, "period"))
	{
		bool		if_not_exists = ddl_if_not_exists(p);

		if (ddl_accept(p, "for"))
		{
			char	   *name = ddl_name(p);
			char	   *columns = ddl_parenthesized(p);

			if (pg_strcasecmp(name, "system_time") != 0)
			{
				DdlAction  *action = ddl_action(p, DDL_ADD_PERIOD);

				action->name = name;
				action->text = psprintf("`%s` %s", name, columns);
				action->if_exists = if_not_exists;
			}
			return;
		}
	}
	ddl_back(p, &mark);
	if (ddl_accept(p, "column"))
	{
		add_columns(p, ddl_if_not_exists(p));
		return;
	}
	if (ddl_key(p, &p->stmt->actions))
		return;
	add_columns(p, ddl_if_not_exists(p));
}

static void
drop_named(DdlParser *p, DdlActionKind kind)
{
	bool		if_exists = ddl_if_exists(p);
	DdlAction  *action = ddl_action(p, kind);

	action->name = ddl_name(p);
	action->if_exists = if_exists;
}

static void
parse_drop(DdlParser *p)
{
	if (ddl_accept2(p, "primary", "key") || ddl_accept2(p, "constraint", "primary"))
	{
		(void) ddl_accept(p, "key");
		ddl_action(p, DDL_DROP_INDEX)->name = "PRIMARY";
	}
	else if (ddl_accept(p, "index") || ddl_accept(p, "key"))
		drop_named(p, DDL_DROP_INDEX);
	else if (ddl_accept2(p, "foreign", "key"))
		drop_named(p, DDL_DROP_FOREIGN_KEY);
	else if (ddl_accept(p, "constraint"))
		drop_named(p, DDL_DROP_CONSTRAINT);
	else if (ddl_accept(p, "check"))
		drop_named(p, DDL_DROP_CHECK);
	else if (ddl_accept(p, "partition"))
		rows_change(p, "DROP PARTITION");
	else if (ddl_accept2(p, "system", "versioning"))
		ddl_action(p, DDL_VERSIONING)->on = false;
	else if (ddl_accept(p, "period"))
	{
		char	   *name;

		(void) ddl_if_exists(p);
		ddl_expect(p, "for");
		name = ddl_name(p);
		if (pg_strcasecmp(name, "system_time") != 0)
			ddl_action(p, DDL_DROP_PERIOD)->name = name;
	}
	else
	{
		(void) ddl_accept(p, "column");
		drop_named(p, DDL_DROP_COLUMN);
		if (!ddl_accept(p, "restrict"))
			(void) ddl_accept(p, "cascade");
	}
}

static void
parse_change(DdlParser *p, bool rename)
{
	DdlAction  *action;
	List	   *keys = NIL;
	bool		if_exists;
	char	   *name;

	(void) ddl_accept(p, "column");
	if_exists = ddl_if_exists(p);
	action = ddl_action(p, DDL_CHANGE_COLUMN);
	action->if_exists = if_exists;
	action->name = column_name(p);
	name = rename ? column_name(p) : action->name;
	action->column = ddl_column(p, name, &keys);
	position(p, action);
	p->stmt->actions = list_concat(p->stmt->actions, keys);
}

static void
alter_column(DdlParser *p)
{
	bool		if_exists;
	char	   *name;
	DdlAction  *action;

	(void) ddl_accept(p, "column");
	if_exists = ddl_if_exists(p);
	name = column_name(p);
	if (ddl_accept2(p, "drop", "default"))
		action = ddl_action(p, DDL_DROP_DEFAULT);
	else
	{
		ddl_expect(p, "set");
		if (ddl_is(p, "visible") || ddl_is(p, "invisible"))
		{
			action = ddl_action(p, DDL_SHOW_COLUMN);
			action->on = ddl_is(p, "visible");
			ddl_advance(p);
		}
		else
		{
			ddl_expect(p, "default");
			action = ddl_action(p, DDL_SET_DEFAULT);
			if (!ddl_accept(p, "null"))
				action->text = ddl_default_value(p);
		}
	}
	action->name = name;
	action->if_exists = if_exists;
}

static void
parse_alter(DdlParser *p)
{
	DdlMark		mark = ddl_mark(p);
	DdlAction  *action;

	if (ddl_accept(p, "index") || ddl_accept(p, "key"))
	{
		bool		if_exists = ddl_if_exists(p);

		action = ddl_action(p, DDL_SHOW_INDEX);
		action->name = ddl_name(p);
		action->if_exists = if_exists;
		if (ddl_accept(p, "visible") || ddl_accept2(p, "not", "ignored"))
			action->on = true;
		else if (!ddl_accept(p, "invisible"))
			ddl_expect(p, "ignored");
		return;
	}
	if (ddl_accept(p, "check") || ddl_accept(p, "constraint"))
	{
		action = ddl_action(p, DDL_ENFORCE_CHECK);
		action->name = ddl_name(p);
		action->on = ddl_enforced(p);
		return;
	}
	ddl_back(p, &mark);
	alter_column(p);
}

static void
parse_rename(DdlParser *p)
{
	DdlAction  *action;

	if (ddl_accept(p, "column"))
	{
		bool		if_exists = ddl_if_exists(p);

		action = ddl_action(p, DDL_RENAME_COLUMN);
		action->if_exists = if_exists;
		action->name = column_name(p);
		ddl_expect(p, "to");
		action->new_name = ddl_name(p);
		return;
	}
	if (ddl_accept(p, "index") || ddl_accept(p, "key"))
	{
		bool		if_exists = ddl_if_exists(p);

		action = ddl_action(p, DDL_RENAME_INDEX);
		action->if_exists = if_exists;
		action->name = ddl_name(p);
		ddl_expect(p, "to");
		action->new_name = ddl_name(p);
		return;
	}
	(void) (ddl_accept(p, "to") || ddl_accept(p, "as") || ddl_accept(p, "="));
	action = ddl_action(p, DDL_RENAME_TABLE_TO);
	action->table = ddl_table_name(p);
}

static void
convert_charset(DdlParser *p)
{
	DdlAction  *action;

	if (ddl_accept(p, "partition") || ddl_accept(p, "table"))
	{
		/* a partition becomes a table, or the other way round */
		ddl_fail(p, "CONVERT PARTITION and CONVERT TABLE are not replicated");
		return;
	}
	ddl_expect(p, "to");
	action = ddl_action(p, DDL_CONVERT_CHARSET);
	if (!ddl_accept(p, "charset"))
	{
		if (!ddl_accept(p, "character"))
			ddl_expect(p, "char");
		ddl_expect(p, "set");
	}
	(void) ddl_accept(p, "=");
	action->text = ddl_charset_name(p);
	if (pg_strcasecmp(action->text, "default") == 0)
		action->text = NULL;
	if (ddl_accept(p, "collate"))
	{
		(void) ddl_accept(p, "=");
		action->text2 = ddl_charset_name(p);
	}
}

static void
order_by(DdlParser *p)
{
	ddl_expect(p, "by");
	do
	{
		(void) column_name(p);
		if (!ddl_accept(p, "asc"))
			(void) ddl_accept(p, "desc");
	} while (ddl_accept(p, ","));
}

static void
exchange_partition(DdlParser *p)
{
	DdlAction  *action = ddl_action(p, DDL_ROWS_CHANGE);

	action->text = "EXCHANGE PARTITION";
	ddl_expect(p, "partition");
	(void) ddl_name(p);
	ddl_expect(p, "with");
	ddl_expect(p, "table");
	action->table = ddl_table_name(p);
	if (!ddl_accept2(p, "with", "validation"))
		(void) ddl_accept2(p, "without", "validation");
}

/* Words after which partitions are named, but no row comes or goes. */
static bool
is_partition_upkeep(DdlParser *p)
{
	static const char *const words[] = {"coalesce", "reorganize", "analyze",
	"check", "optimize", "rebuild", "repair"};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (ddl_accept2(p, words[i], "partition"))
			return true;
	}
	return false;
}

static void
alter_action(DdlParser *p)
{
	if (ddl_accept(p, "add"))
		parse_add(p);
	else if (ddl_accept(p, "drop"))
		parse_drop(p);
	else if (ddl_accept(p, "modify"))
		parse_change(p, false);
	else if (ddl_accept(p, "change"))
		parse_change(p, true);
	else if (ddl_accept(p, "alter"))
		parse_alter(p);
	else if (ddl_accept(p, "rename"))
		parse_rename(p);
	else if (ddl_accept(p, "convert"))
		convert_charset(p);
	else if (ddl_accept(p, "order"))
		order_by(p);
	else if (ddl_accept(p, "truncate"))
		rows_change(p, "TRUNCATE PARTITION");
	else if (ddl_accept(p, "exchange"))
		exchange_partition(p);
	else if (ddl_accept2(p, "import", "tablespace") ||
			 ddl_accept2(p, "import", "partition"))
		rows_change(p, "IMPORT TABLESPACE");
	else if (ddl_accept2(p, "discard", "tablespace") ||
			 ddl_accept2(p, "discard", "partition"))
		rows_change(p, "DISCARD TABLESPACE");
	else if (is_partition_upkeep(p))
		skip_partition(p);
	else if (ddl_accept2(p, "remove", "partitioning"))
		ddl_action(p, DDL_SET_PARTITIONS);
	else if (ddl_accept2(p, "enable", "keys") || ddl_accept2(p, "disable", "keys") ||
			 ddl_accept(p, "force") || ddl_accept2(p, "with", "validation") ||
			 ddl_accept2(p, "without", "validation") ||
			 ddl_accept(p, "secondary_load") ||
			 ddl_accept(p, "secondary_unload") || ddl_algorithm(p))
		;
	else if (!ddl_table_option(p))
		ddl_unexpected(p);
}

void
ddl_alter_table(DdlParser *p)
{
	p->stmt->kind = DDL_ALTER_TABLE;
	p->stmt->if_exists = ddl_if_exists(p);
	p->stmt->tables = list_make1(ddl_table_name(p));
	ddl_wait(p);
	while (p->error == NULL && !ddl_is_end(p) && !ddl_is(p, ";"))
	{
		if (ddl_accept2(p, "partition", "by"))
		{
			ddl_partition_by(p);
			continue;
		}
		alter_action(p);
		/* table options may follow each other without commas */
		(void) ddl_accept(p, ",");
	}
}
