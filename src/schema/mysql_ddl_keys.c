/*-------------------------------------------------------------------------
 *
 * mysql_ddl_keys.c
 *	  What a statement makes of a table's definition: indexes, foreign keys
 *	  and checks, with the names that the server chooses for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "schema/mysql_ddl_internal.h"
#include "schema/mysql_lex.h"

static TableIndex *
find_index(List *indexes, const char *name)
{
	ListCell   *lc;

	foreach(lc, indexes)
	{
		TableIndex *index = lfirst(lc);

		if (pg_strcasecmp(index->name, name) == 0)
			return index;
	}
	return NULL;
}

static TableForeignKey *
find_foreign_key(List *keys, const char *name)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (pg_strcasecmp(fk->name, name) == 0)
			return fk;
	}
	return NULL;
}

static TableCheck *
find_check(List *checks, const char *name)
{
	ListCell   *lc;

	foreach(lc, checks)
	{
		TableCheck *check = lfirst(lc);

		if (pg_strcasecmp(check->name, name) == 0)
			return check;
	}
	return NULL;
}

static TableColumn *
new_column(MyDdl *d, const char *name)
{
	ListCell   *lc;

	foreach(lc, d->def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (pg_strcasecmp(col->name, name) == 0)
			return col;
	}
	return NULL;
}

/* ------------------------------------------------- what existed before */

/* Indexes follow their columns: renamed, or dropped with the last of them. */
static void
indexes_follow(MyDdl *d)
{
	List	   *kept = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, d->def->indexes)
	{
		TableIndex *index = lfirst(lc);
		List	   *parts = NIL;

		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			if (part->column != NULL)
			{
				TableColumn *col = mysql_ddl_by_origin(d->def->columns,
													   part->column);

				if (col == NULL)
					continue;
				part->column = col->name;
				if (part->prefix > 0 && col->length >= 0 &&
					part->prefix >= col->length)
					part->prefix = 0;
			}
			parts = lappend(parts, part);
		}
		index->parts = parts;
		if (parts != NIL)
			kept = lappend(kept, index);
	}
	d->def->indexes = kept;
}

/*
 * Foreign keys follow their columns. A column's own check, which MariaDB
 * names after the column, goes with it, and is replaced by CHANGE.
 */
static bool
mentions(const char *expr, const char *column)
{
	MyLexer		lexer;
	MyToken		token;

	mysql_lex_init(&lexer, expr);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD)
		if ((token.kind == TOK_NAME || token.kind == TOK_WORD) &&
			pg_strcasecmp(token.text, column) == 0)
			return true;
	return false;
}

static void
constraints_follow(MyDdl *d)
{
	List	   *checks = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	d->def->periods = mysql_ddl_rename_in(d->def->periods, d->def->columns);
	foreach(lc, d->def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		foreach(lc2, fk->columns)
		{
			TableColumn *col = mysql_ddl_by_origin(d->def->columns,
												   lfirst(lc2));

			if (col != NULL)
				lfirst(lc2) = col->name;
		}
		if (strcmp(fk->ref_schema, d->def->schema) == 0 &&
			strcmp(fk->ref_table, d->def->name) == 0)
			foreach(lc2, fk->ref_columns)
			{
				TableColumn *col = mysql_ddl_by_origin(d->def->columns,
													   lfirst(lc2));

				if (col != NULL)
					lfirst(lc2) = col->name;
			}
	}
	foreach(lc, d->def->checks)
	{
		TableCheck *check = lfirst(lc);
		bool		keep = true;

		foreach(lc2, d->old_columns)
		{
			TableColumn *old = lfirst(lc2);
			TableColumn *now = old->origin == NULL ? NULL :
				mysql_ddl_by_origin(d->def->columns, old->origin);

			/* a check goes with its column */
			if (old->origin != NULL && now == NULL &&
				mentions(check->expr, old->origin))
			{
				keep = false;
				break;
			}
			if (!d->defaults->mariadb || old->origin == NULL ||
				strcmp(old->origin, check->name) != 0)
				continue;
			/* the same struct: not defined again */
			keep = now == old;
			if (keep && strcmp(now->name, check->name) != 0)
			{
				check->name = now->name;
				check->target_name = NULL;
			}
			break;
		}
		if (keep)
			checks = lappend(checks, check);
	}
	d->def->checks = checks;
}

/* ------------------------------------------------------------------ drops */

static void
drop_index(MyDdl *d, DdlAction *action)
{
	TableIndex *index = find_index(d->def->indexes, action->name);

	if (index != NULL)
		d->def->indexes = list_delete_ptr(d->def->indexes, index);
	else if (!action->if_exists)
		mysql_ddl_fail(d, "index \"%s\" is not known", action->name);
}

static void
drop_foreign_key(MyDdl *d, DdlAction *action)
{
	TableForeignKey *fk = find_foreign_key(d->def->foreign_keys, action->name);

	if (fk != NULL)
		d->def->foreign_keys = list_delete_ptr(d->def->foreign_keys, fk);
	else if (!action->if_exists)
		mysql_ddl_fail(d, "foreign key \"%s\" is not known", action->name);
}

static void
drop_check(MyDdl *d, DdlAction *action)
{
	TableCheck *check = find_check(d->def->checks, action->name);

	if (check != NULL)
		d->def->checks = list_delete_ptr(d->def->checks, check);
	else if (!action->if_exists)
		mysql_ddl_fail(d, "check \"%s\" is not known", action->name);
}

static void
drop_constraint(MyDdl *d, DdlAction *action)
{
	TableIndex *index = find_index(d->def->indexes, action->name);

	if (find_check(d->def->checks, action->name) != NULL)
		drop_check(d, action);
	else if (find_foreign_key(d->def->foreign_keys, action->name) != NULL)
		drop_foreign_key(d, action);
	else if (index != NULL && (index->kind == INDEX_UNIQUE ||
							   index->kind == INDEX_PRIMARY))
		drop_index(d, action);
	else if (!action->if_exists)
		mysql_ddl_fail(d, "constraint \"%s\" is not known", action->name);
}

/* ------------------------------------------------------------------- adds */

/* The server's name for an index that has none: its first column's. */
static char *
choose_index_name(MyDdl *d, TableIndex *index)
{
	IndexPart  *first = linitial(index->parts);
	const char *base = first->column ? first->column : "functional_index";
	char	   *name = pstrdup(base);

	if (first->column != NULL)
	{
		TableColumn *col = new_column(d, first->column);

		base = col != NULL ? col->name : base;
		name = pstrdup(base);
	}
	for (int i = 2; find_index(d->def->indexes, name) != NULL ||
		 pg_strcasecmp(name, "PRIMARY") == 0; i++)
		name = psprintf("%s_%d", base, i);
	return name;
}

/* Does index begin with these columns? */
static bool
covers(const TableIndex *index, List *columns)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(index->parts) < list_length(columns) ||
		index->kind >= INDEX_FULLTEXT)
		return false;
	forboth(lc, index->parts, lc2, columns)
	{
		IndexPart  *part = lfirst(lc);

		if (part->column == NULL || part->prefix > 0 ||
			pg_strcasecmp(part->column, lfirst(lc2)) != 0)
			return false;
	}
	return true;
}

static List *
index_columns(const TableIndex *index)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);

		columns = lappend(columns, part->column ? part->column : "");
	}
	return columns;
}

/* Indexes that were made for a foreign key make place for a better one. */
static void
replace_for_key(MyDdl *d, const TableIndex *index)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, d->def->indexes)
	{
		TableIndex *other = lfirst(lc);

		if (!other->for_key || !covers(index, index_columns(other)))
			kept = lappend(kept, other);
	}
	d->def->indexes = kept;
}

/* MySQL before 5.7 gives a default to what a primary key makes NOT NULL. */
static void
old_key_default(MyDdl *d, TableColumn *col)
{
	static const char *const numbers[] = {"tinyint", "smallint", "mediumint",
	"int", "bigint", "decimal", "float", "double"};

	if (d->defaults->mariadb || d->defaults->version >= 50700 ||
		col->default_expr != NULL || col->auto_increment)
		return;
	for (int i = 0; i < lengthof(numbers); i++)
		if (strcmp(col->base_type, numbers[i]) == 0)
			col->default_expr = pstrdup("0");
	if (strcmp(col->base_type, "char") == 0 ||
		strcmp(col->base_type, "varchar") == 0)
		col->default_expr = pstrdup("''");
}

static void
add_index(MyDdl *d, DdlAction *action)
{
	TableIndex *index = palloc(sizeof(TableIndex));
	ListCell   *lc;

	*index = *action->index;
	index->parts = NIL;
	foreach(lc, action->index->parts)
	{
		IndexPart  *part = palloc(sizeof(IndexPart));
		TableColumn *col;
		char	   *from;

		*part = *(IndexPart *) lfirst(lc);
		index->parts = lappend(index->parts, part);
		if (part->column == NULL)
			continue;
		col = new_column(d, part->column);
		if (col == NULL &&
			mysql_ddl_is_period(d, part->column, &from, &part->column))
		{
			IndexPart  *start = palloc0(sizeof(IndexPart));

			start->column = from;
			index->parts = lappend(index->parts, start);
			continue;
		}
		if (col == NULL)
		{
			mysql_ddl_fail(d, "column \"%s\" is not known", part->column);
			return;
		}
		part->column = col->name;
		if (index->kind == INDEX_PRIMARY)
		{
			if (col->nullable && !action->implicit)
				old_key_default(d, col);
			col->nullable = false;
		}
		if (index->kind >= INDEX_FULLTEXT ||
			(part->prefix > 0 && part->prefix >= col->length &&
			 col->length > 0 && strstr(col->base_type, "text") == NULL &&
			 strstr(col->base_type, "blob") == NULL))
			part->prefix = 0;
	}
	if (index->name == NULL)
	{
		/* UNIQUE after a column that has it already adds nothing twice */
		index->name = choose_index_name(d, index);
	}
	if (find_index(d->def->indexes, index->name) != NULL)
	{
		if (action->if_exists ||
			(action->implicit && index->kind == INDEX_PRIMARY))
			return;
		mysql_ddl_fail(d, "index \"%s\" exists already", index->name);
		return;
	}
	replace_for_key(d, index);
	d->def->indexes = index->kind == INDEX_PRIMARY ?
		lcons(index, d->def->indexes) : lappend(d->def->indexes, index);
}

/* <table>_ibfk_<n>, one more than the largest n there is */
static char *
choose_foreign_key_name(MyDdl *d)
{
	char	   *prefix = psprintf("%s_ibfk_", d->def->name);
	long		n = 0;
	ListCell   *lc;

	foreach(lc, d->def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (fk->name != NULL && strncmp(fk->name, prefix, strlen(prefix)) == 0)
			n = Max(n, strtol(fk->name + strlen(prefix), NULL, 10));
	}
	return psprintf("%s%ld", prefix, n + 1);
}

/* The index that the server adds for a foreign key that has none. */
static void
add_key_index(MyDdl *d, const TableForeignKey *fk, char *name)
{
	TableIndex *index;
	ListCell   *lc;

	foreach(lc, d->def->indexes)
	{
		if (covers(lfirst(lc), fk->columns))
			return;
	}
	index = palloc0(sizeof(TableIndex));
	index->kind = INDEX_PLAIN;
	index->for_key = true;
	foreach(lc, fk->columns)
	{
		IndexPart  *part = palloc0(sizeof(IndexPart));

		part->column = lfirst(lc);
		index->parts = lappend(index->parts, part);
	}
	index->name = name != NULL && find_index(d->def->indexes, name) == NULL ?
		name : choose_index_name(d, index);
	d->def->indexes = lappend(d->def->indexes, index);
}

static void
add_foreign_key(MyDdl *d, DdlAction *action)
{
	TableForeignKey *fk = palloc(sizeof(TableForeignKey));
	char	   *said = action->foreign_key->name;
	List	   *columns = NIL;
	ListCell   *lc;

	/* other engines read it and forget it */
	if (d->def->engine != NULL && pg_strcasecmp(d->def->engine, "InnoDB") != 0)
		return;
	*fk = *action->foreign_key;
	foreach(lc, fk->columns)
	{
		TableColumn *col = new_column(d, lfirst(lc));

		if (col == NULL)
		{
			mysql_ddl_fail(d, "column \"%s\" is not known",
						   (char *) lfirst(lc));
			return;
		}
		columns = lappend(columns, col->name);
	}
	fk->columns = columns;
	if (fk->name == NULL)
		fk->name = choose_foreign_key_name(d);
	if (find_foreign_key(d->def->foreign_keys, fk->name) != NULL)
	{
		if (!action->if_exists)
			mysql_ddl_fail(d, "foreign key \"%s\" exists already", fk->name);
		return;
	}
	/* REFERENCES parent alone: the same columns, or the parent's key */
	if (fk->ref_columns == NIL)
		fk->ref_columns = list_copy(columns);
	d->def->foreign_keys = lappend(d->def->foreign_keys, fk);
	add_key_index(d, fk, said);
}

static void
add_check(MyDdl *d, DdlAction *action)
{
	TableCheck *check = palloc(sizeof(TableCheck));
	const char *e = action->check->expr;
	Size		len = strlen(e);

	*check = *action->check;
	/* information_schema shows no outer parentheses in MariaDB */
	if (len > 2)
		check->expr = pnstrdup(e + 1, len - 2);
	for (int i = 1; check->name == NULL; i++)
	{
		char	   *name = d->defaults->mariadb ? psprintf("CONSTRAINT_%d", i) :
			psprintf("%s_chk_%d", d->def->name, i);

		if (find_check(d->def->checks, name) == NULL)
			check->name = name;
	}
	if (find_check(d->def->checks, check->name) != NULL)
	{
		if (!action->if_exists)
			mysql_ddl_fail(d, "check \"%s\" exists already", check->name);
		return;
	}
	d->def->checks = lappend(d->def->checks, check);
}

/* ---------------------------------------------------------------- changes */

static void
change_index(MyDdl *d, DdlAction *action)
{
	TableIndex *index = find_index(d->def->indexes, action->name);

	if (index == NULL)
	{
		if (!action->if_exists)
			mysql_ddl_fail(d, "index \"%s\" is not known", action->name);
	}
	else if (action->kind == DDL_SHOW_INDEX)
		index->invisible = !action->on;
	else
	{
		index->name = action->new_name;
		index->target_name = NULL;
	}
}

static void
enforce_check(MyDdl *d, DdlAction *action)
{
	TableCheck *check = find_check(d->def->checks, action->name);

	if (check != NULL)
		check->enforced = action->on;
	else
		mysql_ddl_fail(d, "check \"%s\" is not known", action->name);
}

static void
drops(MyDdl *d)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		switch (action->kind)
		{
			case DDL_DROP_INDEX:
				drop_index(d, action);
				break;
			case DDL_DROP_FOREIGN_KEY:
				drop_foreign_key(d, action);
				break;
			case DDL_DROP_CHECK:
				drop_check(d, action);
				break;
			case DDL_DROP_CONSTRAINT:
				drop_constraint(d, action);
				break;
			case DDL_DROP_PERIOD:
				mysql_ddl_drop_period(d, action);
				break;
			default:
				break;
		}
	}
}

static void
changes_and_adds(MyDdl *d)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind == DDL_RENAME_INDEX || action->kind == DDL_SHOW_INDEX)
			change_index(d, action);
		else if (action->kind == DDL_ENFORCE_CHECK)
			enforce_check(d, action);
		else if (action->kind == DDL_ADD_PERIOD)
			mysql_ddl_add_period(d, action);
	}
	/* primary keys first: the indexes of foreign keys look for them */
	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind == DDL_ADD_INDEX)
			add_index(d, action);
		else if (action->kind == DDL_ADD_CHECK)
			add_check(d, action);
	}
	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind == DDL_ADD_FOREIGN_KEY)
			add_foreign_key(d, action);
	}
}

void
mysql_ddl_keys(MyDdl *d)
{
	TableIndex *primary;
	ListCell   *lc;

	drops(d);
	indexes_follow(d);
	constraints_follow(d);
	changes_and_adds(d);

	/* a changed column of the key stays NOT NULL */
	primary = find_index(d->def->indexes, "PRIMARY");
	if (primary == NULL)
		return;
	foreach(lc, primary->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col = part->column ? new_column(d, part->column) : NULL;

		if (col != NULL)
			col->nullable = false;
	}
}
