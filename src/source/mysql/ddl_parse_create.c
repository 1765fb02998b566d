/*-------------------------------------------------------------------------
 *
 * ddl_parse_create.c
 *	  CREATE TABLE, and the table options that ALTER TABLE shares with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/ddl_parse_impl.h"

/* Options with a value that say nothing about columns or rows. */
static const char *const plain_options[] = {"avg_row_length", "checksum",
	"table_checksum", "compression", "connection", "data", "index",
	"delay_key_write", "encryption", "encryption_key_id", "encrypted",
	"ietf_quotes", "insert_method", "key_block_size", "max_rows", "min_rows",
	"pack_keys", "page_checksum", "page_compressed", "page_compression_level",
	"password", "row_format", "sequence", "stats_auto_recalc",
	"stats_persistent", "stats_sample_pages", "storage", "tablespace",
	"transactional", "autoextend_size", "engine_attribute",
	"secondary_engine_attribute", "secondary_engine", "start", "union", "nodegroup",
	"yes", "rocksdb_ttl",
NULL};

static bool
is_plain_option(const DdlParser *p)
{
	for (int i = 0; plain_options[i] != NULL; i++)
	{
		if (ddl_is(p, plain_options[i]))
			return true;
	}
	return false;
}

/* [=] value, a (list) or a TABLESPACE … STORAGE DISK */
static void
skip_value(DdlParser *p)
{
	(void) ddl_accept(p, "=");
	if (ddl_is(p, "("))
		(void) ddl_parenthesized(p);
	else if (ddl_is_end(p) || ddl_is(p, ","))
		ddl_unexpected(p);
	else
		ddl_advance(p);
}

bool
ddl_table_option(DdlParser *p)
{
	char	   *charset = NULL;
	char	   *collation = NULL;

	if (ddl_charset_option(p, &charset, &collation))
	{
		DdlAction  *action = ddl_action(p, DDL_DEFAULT_CHARSET);

		action->text = charset;
		action->text2 = collation;
	}
	else if (ddl_accept(p, "engine") || ddl_accept2(p, "storage", "engine"))
	{
		(void) ddl_accept(p, "=");
		ddl_action(p, DDL_SET_ENGINE)->text = ddl_charset_name(p);
	}
	else if (ddl_accept(p, "auto_increment"))
	{
		(void) ddl_accept(p, "=");
		ddl_action(p, DDL_SET_AUTO_INCREMENT)->text = ddl_number(p);
	}
	else if (ddl_accept(p, "comment"))
	{
		(void) ddl_accept(p, "=");
		ddl_action(p, DDL_SET_COMMENT)->text = ddl_string(p);
	}
	else if (ddl_accept2(p, "with", "system"))
	{
		ddl_expect(p, "versioning");
		ddl_action(p, DDL_VERSIONING)->on = true;
	}
	else if (ddl_accept2(p, "without", "system"))
		ddl_expect(p, "versioning");
	else if (ddl_accept2(p, "data", "directory") ||
			 ddl_accept2(p, "index", "directory"))
		skip_value(p);
	else if (ddl_accept2(p, "start", "transaction"))
		;						/* of MySQL's CREATE TABLE … SELECT */
	else if (is_plain_option(p))
	{
		ddl_advance(p);
		skip_value(p);
	}
	else if (p->input->dialect.mariadb && ddl_is_name(p) &&
			 !ddl_is(p, "partition") && !ddl_is(p, "select") &&
			 !ddl_is(p, "as") && !ddl_is(p, "ignore") &&
			 !ddl_is(p, "replace") && !ddl_is(p, "like") && !ddl_is(p, "with") &&
			 !ddl_is(p, "values"))
	{
		/* an engine's own option: name = value */
		DdlMark		mark = ddl_mark(p);

		ddl_advance(p);
		if (!ddl_accept(p, "="))
		{
			ddl_back(p, &mark);
			return false;
		}
		ddl_advance(p);
	}
	else
		return false;
	return true;
}

/* After PARTITION BY: the rest of the statement, up to a query. */
void
ddl_partition_by(DdlParser *p)
{
	StringInfoData buf;
	int			depth = 0;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "PARTITION BY ");
	while (!ddl_is_end(p) && !ddl_is(p, ";"))
	{
		if (depth == 0 && (ddl_is(p, "select") || ddl_is(p, "as") ||
						   ddl_is(p, "ignore") || ddl_is(p, "replace") ||
						   ddl_is(p, "with") || ddl_is(p, "values")) &&
			strstr(buf.data, "(") != NULL)
			break;
		if (ddl_is(p, "("))
			depth++;
		else if (ddl_is(p, ")") && --depth < 0)
		{
			ddl_unexpected(p);
			return;
		}
		ddl_take_token(p, &buf);
	}
	if (depth > 0)
		ddl_unexpected(p);
	ddl_action(p, DDL_SET_PARTITIONS)->text = buf.data;
}

/* PERIOD FOR name (start, end), after PERIOD */
static void
period(DdlParser *p)
{
	char	   *name;
	char	   *columns;

	ddl_expect(p, "for");
	name = ddl_name(p);
	columns = ddl_parenthesized(p);
	if (pg_strcasecmp(name, "system_time") != 0)
	{
		DdlAction  *action = ddl_action(p, DDL_ADD_PERIOD);

		action->name = name;
		action->text = psprintf("`%s` %s", name, columns);
	}
}

static void
column(DdlParser *p)
{
	bool		if_not_exists = false;
	List	   *keys = NIL;
	DdlAction  *action;
	char	   *name = ddl_name(p);

	/* t.c and s.t.c are read by old servers */
	while (ddl_accept(p, "."))
		name = ddl_name(p);
	action = ddl_action(p, DDL_ADD_COLUMN);
	action->if_exists = if_not_exists;
	action->column = ddl_column(p, name, &keys);
	p->stmt->actions = list_concat(p->stmt->actions, keys);
}

/* ( LIKE t ) or ( columns and keys ) */
static void
table_elements(DdlParser *p)
{
	ddl_expect(p, "(");
	if (ddl_accept(p, "like"))
	{
		p->stmt->like = ddl_table_name(p);
		ddl_expect(p, ")");
		return;
	}
	do
	{
		DdlMark		mark = ddl_mark(p);

		if (ddl_accept(p, "period"))
		{
			if (ddl_is(p, "for"))
			{
				period(p);
				continue;
			}
			ddl_back(p, &mark);
		}
		if (!ddl_key(p, &p->stmt->actions))
			column(p);
	} while (ddl_accept(p, ","));
	ddl_expect(p, ")");
}

/* What is selected is not looked at: its rows come as rows. */
static void
query(DdlParser *p)
{
	p->stmt->as_select = true;
	while (!ddl_is_end(p))
		ddl_advance(p);
}

static bool
is_query(const DdlParser *p)
{
	return ddl_is(p, "select") || ddl_is(p, "with") || ddl_is(p, "values") ||
		ddl_is(p, "table") || ddl_is(p, "(");
}

void
ddl_create_table(DdlParser *p)
{
	p->stmt->kind = DDL_CREATE_TABLE;
	p->stmt->if_exists = ddl_if_not_exists(p);
	p->stmt->tables = list_make1(ddl_table_name(p));
	if (ddl_accept(p, "like"))
	{
		p->stmt->like = ddl_table_name(p);
		return;
	}
	if (ddl_is(p, "("))
	{
		DdlMark		mark = ddl_mark(p);

		/* CREATE TABLE t (SELECT …) */
		ddl_advance(p);
		while (ddl_accept(p, "("))
			;
		if (ddl_is(p, "select") || ddl_is(p, "with") || ddl_is(p, "values"))
		{
			query(p);
			return;
		}
		ddl_back(p, &mark);
		table_elements(p);
	}
	if (p->stmt->like != NULL)
		return;
	while (ddl_table_option(p))
		(void) ddl_accept(p, ",");
	if (ddl_accept2(p, "partition", "by"))
		ddl_partition_by(p);
	if (ddl_accept(p, "ignore") || ddl_accept(p, "replace") || ddl_is(p, "as"))
	{
		(void) ddl_accept(p, "as");
		if (!is_query(p))
			ddl_unexpected(p);
	}
	if (is_query(p))
		query(p);
	if (p->error == NULL && p->stmt->actions == NIL && !p->stmt->as_select)
		ddl_unexpected(p);
}
