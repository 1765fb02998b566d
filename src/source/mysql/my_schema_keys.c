/*-------------------------------------------------------------------------
 *
 * my_schema_keys.c
 *	  Indexes, foreign keys and checks of a MySQL-family source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "source/mysql/ddl_parse.h"
#include "source/mysql/my_schema_impl.h"

static IndexKind
index_kind(MyResult *res, int i)
{
	char	   *type = my_value(res, i, "type");

	if (strcmp(my_value(res, i, "name"), "PRIMARY") == 0)
		return INDEX_PRIMARY;
	if (strcmp(type, "FULLTEXT") == 0)
		return INDEX_FULLTEXT;
	if (strcmp(type, "SPATIAL") == 0)
		return INDEX_SPATIAL;
	if (strcmp(type, "VECTOR") == 0)
		return INDEX_VECTOR;
	return strcmp(my_value(res, i, "nonunique"), "0") == 0 ? INDEX_UNIQUE :
		INDEX_PLAIN;
}

static IndexPart *
index_part(MyDescribe *d, MyResult *res, int i, IndexKind kind)
{
	IndexPart  *part = palloc0(sizeof(IndexPart));
	char	   *order = my_value_or_null(res, i, "ord");

	part->column = my_value_or_null(res, i, "col");
	if (part->column == NULL)
		part->expr = my_shown_expression(d->conn, my_value(res, i, "expr"), false);
	/* a spatial index has a prefix by its nature */
	if (kind < INDEX_FULLTEXT)
		part->prefix = my_value_int64(res, i, "sub", 0);
	part->descending = order != NULL && strcmp(order, "D") == 0;
	return part;
}

static TableIndex *
find_index(TableDef *def, const char *name)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (strcmp(index->name, name) == 0)
			return index;
	}
	return NULL;
}

/* Are its columns those that the server calls the primary key's? */
static bool
is_source_key(const TableDef *def, const TableIndex *index)
{
	int			n = 0;
	ListCell   *lc;

	if (index->kind != INDEX_UNIQUE)
		return false;
	foreach(lc, def->columns)
		n += ((TableColumn *) lfirst(lc))->source_key;
	foreach(lc, index->parts)
	{
		const IndexPart *part = lfirst(lc);
		const TableColumn *col = part->column == NULL || part->prefix > 0 ? NULL :
			model_find_column(def, part->column);

		if (col == NULL || !col->source_key)
			return false;
	}
	return n == list_length(index->parts);
}

/*
 * Of a table without a primary key the server takes a unique one for it: a row
 * image that is not whole has those columns of the row before. It comes first.
 */
static void
put_source_key_first(TableDef *def)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		if (index->kind == INDEX_PRIMARY)
			return;
		if (!is_source_key(def, index))
			continue;
		def->indexes = lcons(index, list_delete_ptr(def->indexes, index));
		return;
	}
}

/* The primary key first, then by name as the server lists them. */
void
my_describe_indexes(MyDescribe *d)
{
	MyResult   *res;
	bool		expr = !d->mariadb && my_has_column(d, "STATISTICS", "EXPRESSION");
	const char *hidden;
	ListCell   *lc;

	if (d->mariadb)
		hidden = d->version >= 100600 ? "IGNORED" : "'NO'";
	else
		hidden = d->version >= 80000 ? "IF(IS_VISIBLE = 'NO', 'YES', 'NO')" : "'NO'";
	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t,"
							" INDEX_NAME AS name, NON_UNIQUE AS nonunique,"
							" COLUMN_NAME AS col, COLLATION AS ord,"
							" SUB_PART AS sub, INDEX_TYPE AS type,"
							" INDEX_COMMENT AS comment, %s AS hidden, %s AS expr"
							" FROM information_schema.STATISTICS"
							" WHERE TABLE_SCHEMA IN (%s)"
							" ORDER BY TABLE_SCHEMA, TABLE_NAME,"
							" INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX",
							hidden, expr ? "EXPRESSION" : "NULL", d->schemas), 11);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));
		char	   *name = my_value(res, i, "name");
		char	   *comment = my_value_or_null(res, i, "comment");
		TableIndex *index;

		if (def == NULL)
			continue;
		index = find_index(def, name);
		if (index == NULL)
		{
			index = palloc0(sizeof(TableIndex));
			index->name = name;
			index->kind = index_kind(res, i);
			index->invisible = strcmp(my_value(res, i, "hidden"), "YES") == 0;
			if (comment != NULL && comment[0] != '\0')
				index->comment = comment;
			def->indexes = lappend(def->indexes, index);
		}
		index->parts = lappend(index->parts, index_part(d, res, i, index->kind));
	}
	foreach(lc, d->tables)
		put_source_key_first(lfirst(lc));
}

/* information_schema has nothing of it. */
void
my_describe_distances(MyDescribe *d, TableDef *def)
{
	DdlInput	input = {.schema = "",.dialect = {.mariadb = true,.version = d->version}};
	DdlStatement *stmt;
	MyResult   *res;
	char	   *error;
	int			my_errno;
	bool		any = false;
	ListCell   *lc;

	foreach(lc, def->indexes)
		any |= ((TableIndex *) lfirst(lc))->kind == INDEX_VECTOR;
	if (!any ||
		!my_try_query(d->conn,
					  psprintf("SHOW CREATE TABLE %s.%s",
							   my_quote_identifier(def->schema),
							   my_quote_identifier(def->name)),
					  2, &res, &error, &my_errno) ||
		my_nrows(res) != 1)
		return;
	input.sql = my_get_text(res, 0, 1);
	stmt = ddl_parse(&input, &error);
	foreach(lc, stmt == NULL ? NIL : stmt->actions)
	{
		DdlAction  *action = lfirst(lc);
		TableIndex *index = action->kind != DDL_ADD_INDEX ||
			action->index->name == NULL ? NULL :
			find_index(def, action->index->name);

		if (index != NULL)
			index->distance = action->index->distance;
	}
}

static TableForeignKey *
find_foreign_key(TableDef *def, const char *name)
{
	ListCell   *lc;

	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (strcmp(fk->name, name) == 0)
			return fk;
	}
	return NULL;
}

void
my_describe_foreign_keys(MyDescribe *d)
{
	MyResult   *res;

	res = my_query(d->conn,
				   psprintf("SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t,"
							" CONSTRAINT_NAME AS name, COLUMN_NAME AS col,"
							" REFERENCED_TABLE_SCHEMA AS rs,"
							" REFERENCED_TABLE_NAME AS rt,"
							" REFERENCED_COLUMN_NAME AS rcol"
							" FROM information_schema.KEY_COLUMN_USAGE"
							" WHERE TABLE_SCHEMA IN (%s)"
							" AND REFERENCED_TABLE_NAME IS NOT NULL"
							" ORDER BY TABLE_SCHEMA, TABLE_NAME,"
							" CONSTRAINT_NAME, ORDINAL_POSITION", d->schemas), 7);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));
		char	   *name = my_value(res, i, "name");
		TableForeignKey *fk;

		if (def == NULL)
			continue;
		fk = find_foreign_key(def, name);
		if (fk == NULL)
		{
			fk = palloc0(sizeof(TableForeignKey));
			fk->name = name;
			fk->ref_schema = my_value(res, i, "rs");
			fk->ref_table = my_value(res, i, "rt");
			def->foreign_keys = lappend(def->foreign_keys, fk);
		}
		fk->columns = lappend(fk->columns, my_value(res, i, "col"));
		fk->ref_columns = lappend(fk->ref_columns, my_value(res, i, "rcol"));
	}

	res = my_query(d->conn,
				   psprintf("SELECT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t,"
							" CONSTRAINT_NAME AS name, UPDATE_RULE AS upd,"
							" DELETE_RULE AS del"
							" FROM information_schema.REFERENTIAL_CONSTRAINTS"
							" WHERE CONSTRAINT_SCHEMA IN (%s)", d->schemas), 5);
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));
		TableForeignKey *fk = def == NULL ? NULL :
			find_foreign_key(def, my_value(res, i, "name"));

		if (fk != NULL)
		{
			fk->on_update = my_value(res, i, "upd");
			fk->on_delete = my_value(res, i, "del");
		}
	}
}

/* json_valid(`col`), which is what JSON means to MariaDB; its column. */
static TableColumn *
json_check_column(TableDef *def, const char *expr)
{
	static const char prefix[] = "json_valid(`";
	int			len = strlen(expr);
	char	   *name;
	TableColumn *col;

	if (pg_strncasecmp(expr, prefix, sizeof(prefix) - 1) != 0 || len < 14 ||
		strcmp(expr + len - 2, "`)") != 0)
		return NULL;
	name = pnstrdup(expr + sizeof(prefix) - 1, len - 2 - (sizeof(prefix) - 1));
	if (strchr(name, '`') != NULL)
		return NULL;
	col = model_find_column(def, name);
	return col != NULL && strcmp(col->base_type, "longtext") == 0 ? col : NULL;
}

void
my_describe_checks(MyDescribe *d)
{
	MyResult   *res;

	if (d->mariadb)
		res = my_query(d->conn,
					   psprintf("SELECT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t,"
								" CONSTRAINT_NAME AS name, CHECK_CLAUSE AS expr,"
								" 'YES' AS enforced"
								" FROM information_schema.CHECK_CONSTRAINTS"
								" WHERE CONSTRAINT_SCHEMA IN (%s)"
								" ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME,"
								" CONSTRAINT_NAME", d->schemas), 5);
	else if (d->version >= 80016)
		res = my_query(d->conn,
					   psprintf("SELECT t.TABLE_SCHEMA AS s, t.TABLE_NAME AS t,"
								" t.CONSTRAINT_NAME AS name,"
								" c.CHECK_CLAUSE AS expr, t.ENFORCED AS enforced"
								" FROM information_schema.TABLE_CONSTRAINTS t"
								" JOIN information_schema.CHECK_CONSTRAINTS c"
								" ON c.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA"
								" AND c.CONSTRAINT_NAME = t.CONSTRAINT_NAME"
								" WHERE t.CONSTRAINT_TYPE = 'CHECK'"
								" AND t.TABLE_SCHEMA IN (%s)"
								" ORDER BY 1, 2, 3", d->schemas), 5);
	else
		return;
	for (int i = 0; i < my_nrows(res); i++)
	{
		TableDef   *def = my_described_table(d, my_value(res, i, "s"),
											 my_value(res, i, "t"));
		char	   *expr = my_value_or_null(res, i, "expr");
		TableCheck *check;
		TableColumn *col;

		if (def == NULL || expr == NULL)
			continue;
		if (!d->mariadb)
			expr = my_shown_expression(d->conn, expr, false);
		col = d->mariadb ? json_check_column(def, expr) : NULL;
		if (col != NULL)
		{
			col->is_json = true;
			continue;
		}
		check = palloc0(sizeof(TableCheck));
		check->name = my_value(res, i, "name");
		check->expr = expr;
		check->enforced = pg_strcasecmp(my_value(res, i, "enforced"), "YES") == 0;
		def->checks = lappend(def->checks, check);
	}
}
