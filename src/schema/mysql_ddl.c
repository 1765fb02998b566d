/*-------------------------------------------------------------------------
 *
 * mysql_ddl.c
 *	  What a statement makes of a table's definition: columns.
 *
 * ALTER TABLE goes over the columns twice, as the server does: first over the
 * old ones in their order, which are dropped, changed or kept; then over the
 * actions, which put new columns, and changed ones with FIRST or AFTER, in
 * their places.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "schema/mysql_ddl_internal.h"
#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"

void
mysql_ddl_fail(MyDdl *d, const char *fmt,...)
{
	char		buf[512];
	va_list		args;

	if (d->outcome->error != NULL)
		return;
	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	d->outcome->error = pstrdup(buf);
}

TableDef *
mysql_ddl_copy(const TableDef *def)
{
	TableDef   *copy = model_from_jsonb(model_to_jsonb(def));
	ListCell   *lc;

	foreach(lc, copy->columns)
	{
		TableColumn *col = lfirst(lc);

		col->origin = col->name;
	}
	foreach(lc, copy->indexes)
	{
		TableIndex *index = lfirst(lc);

		index->origin = index->name;
	}
	return copy;
}

/* ------------------------------------------------------- character sets */

char *
mysql_collation_charset(const char *collation)
{
	const char *end = strchr(collation, '_');

	return end == NULL ? pstrdup(collation) :
		pnstrdup(collation, end - collation);
}

static char *
find_default(List *list, const char *name)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		DdlCharset *entry = lfirst(lc);

		if (pg_strcasecmp(entry->name, name) == 0)
			return entry->collation;
	}
	return NULL;
}

/* utf8 is utf8mb3 where the server says so. */
static char *
real_name(const DdlDefaults *defaults, char *name)
{
	if (name != NULL && find_default(defaults->charsets, "utf8mb3") != NULL &&
		(strcmp(name, "utf8") == 0 || strncmp(name, "utf8_", 5) == 0))
		return psprintf("utf8mb3%s", name + 4);
	return name;
}

/*
 * Collation of what says charset, collation, both or neither; fallback is
 * that of the table or schema around it.
 */
static char *
resolve_collation(const DdlDefaults *defaults, char *charset, char *collation,
				  const char *fallback)
{
	char	   *found;

	charset = real_name(defaults, charset);
	collation = real_name(defaults, collation);
	if (collation != NULL)
	{
		/* MariaDB's short names fit every character set */
		if (strncmp(collation, "uca1400", 7) == 0)
			return psprintf("%s_%s", charset != NULL ? charset :
							fallback != NULL ? mysql_collation_charset(fallback) :
							"utf8mb4", collation);
		if (strcmp(collation, "default") != 0)
			return collation;
	}
	if (charset == NULL || strcmp(charset, "default") == 0)
		return fallback == NULL ? NULL : pstrdup(fallback);
	found = find_default(defaults->charsets, charset);
	return found != NULL ? pstrdup(found) :
		strcmp(charset, "binary") == 0 ? pstrdup("binary") :
		psprintf("%s_general_ci", charset);
}

static void
set_column_charset(MyDdl *d, DdlColumn *column, TableColumn *col)
{
	if (!column->text_type)
	{
		col->charset = col->collation = NULL;
		return;
	}
	if (!col->is_json || !d->defaults->mariadb)
		col->collation = resolve_collation(d->defaults, column->def.charset,
										   column->def.collation,
										   d->table_collation);
	if (col->collation == NULL)
		col->collation = pstrdup("utf8mb4_general_ci");
	col->charset = mysql_collation_charset(col->collation);
	if (column->binary_collation)
		col->collation = psprintf("%s_bin", col->charset);
}

/* ---------------------------------------------------------- expressions */

/*
 * columns: TableColumn * with origin; those whose name is another now are
 * looked for in the expression.
 */
char *
mysql_ddl_rename_in(const char *expr, List *columns)
{
	StringInfoData buf;
	MyLexer		lexer;
	MyToken		token;
	int			done = 0;

	if (expr == NULL)
		return NULL;
	initStringInfo(&buf);
	mysql_lex_init(&lexer, expr);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD)
	{
		ListCell   *lc;

		if (token.kind != TOK_NAME &&
			(token.kind != TOK_WORD || expr[lexer.pos] == '('))
			continue;
		foreach(lc, columns)
		{
			TableColumn *col = lfirst(lc);

			if (col->origin == NULL || strcmp(col->origin, col->name) == 0 ||
				pg_strcasecmp(col->origin, token.text) != 0)
				continue;
			appendBinaryStringInfo(&buf, expr + done, token.start - done);
			appendStringInfoChar(&buf, '`');
			for (const char *c = col->name; *c != '\0'; c++)
			{
				if (*c == '`')
					appendStringInfoChar(&buf, '`');
				appendStringInfoChar(&buf, *c);
			}
			appendStringInfoChar(&buf, '`');
			done = lexer.pos;
			break;
		}
	}
	appendStringInfoString(&buf, expr + done);
	return buf.data;
}

/* -------------------------------------------------------------- columns */

TableColumn *
mysql_ddl_by_origin(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->origin != NULL && pg_strcasecmp(col->origin, name) == 0)
			return col;
	}
	return NULL;
}

static TableColumn *
by_name(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		TableColumn *col = lfirst(lc);

		if (pg_strcasecmp(col->name, name) == 0)
			return col;
	}
	return NULL;
}

/* TIMESTAMP without explicit_defaults_for_timestamp */
static void
timestamp_defaults(MyDdl *d, DdlColumn *column, TableColumn *col)
{
	ListCell   *lc;

	if (d->defaults->explicit_timestamp || col->generation_expr != NULL ||
		strcmp(col->base_type, "timestamp") != 0 ||
		(column->null_said && col->nullable))
		return;
	col->nullable = false;
	if (column->default_said || col->on_update_now)
		return;
	foreach(lc, d->def->columns)
	{
		TableColumn *other = lfirst(lc);

		if (other != col && strcmp(other->base_type, "timestamp") == 0)
		{
			col->default_expr = pstrdup(col->fsp > 0 ?
										"'0000-00-00 00:00:00.000000'" :
										"'0000-00-00 00:00:00'");
			return;
		}
	}
	col->default_expr = col->fsp > 0 ?
		psprintf("current_timestamp(%d)", col->fsp) :
		pstrdup("current_timestamp()");
	col->on_update_now = true;
}

/*
 * May existing rows get a zero date by this: from NULL, or for want of
 * another default?
 */
static bool
gives_zero_dates(const MyDdl *d, const TableColumn *col, const TableColumn *old)
{
	if (col->nullable || !mysql_is_date_type(col) ||
		d->stmt->kind == DDL_CREATE_TABLE)
		return false;
	if (old != NULL && mysql_is_date_type(old) && !old->nullable)
		return old->zero_dates;
	return old != NULL || col->default_expr == NULL ||
		(col->default_expr[0] == '\'' && mysql_is_zero_date(col->default_expr + 1));
}

/* A new column, or what CHANGE makes of old (NULL: ADD). */
static TableColumn *
make_column(MyDdl *d, DdlAction *action, const TableColumn *old)
{
	TableColumn *col = palloc(sizeof(TableColumn));

	*col = action->column->def;
	set_column_charset(d, action->column, col);
	if (old != NULL)
	{
		col->origin = old->origin;
		col->left_out = old->left_out;
		if (strcmp(old->name, col->name) == 0)
			col->target_name = old->target_name;
		/* an enum column keeps its type, which gets other labels */
		if (strcmp(old->base_type, "enum") == 0 &&
			strcmp(col->base_type, "enum") == 0)
			col->pg_type = old->pg_type;
	}
	timestamp_defaults(d, action->column, col);
	mysql_ddl_default(d, col);
	col->zero_dates = gives_zero_dates(d, col, old);
	if (col->auto_increment)
	{
		col->nullable = false;
		if (d->def->auto_increment == NULL)
			d->def->auto_increment = pstrdup("1");
	}
	if (strcmp(col->base_type, "year") == 0 && d->defaults->version >= 80019 &&
		!d->defaults->mariadb)
		col->source_type = "year";
	mysql_loosen_geometry(col, d->defaults->mariadb, d->defaults->version);
	return col;
}

/* Puts col where the action wants it; at the end by default. */
static void
place_column(MyDdl *d, DdlAction *action, TableColumn *col)
{
	List	   *placed = NIL;
	ListCell   *lc;
	bool		done = false;

	if (!action->first && action->after == NULL)
	{
		d->def->columns = lappend(d->def->columns, col);
		return;
	}
	if (action->first)
		placed = list_make1(col);
	foreach(lc, d->def->columns)
	{
		TableColumn *other = lfirst(lc);

		placed = lappend(placed, other);
		if (action->after != NULL && !done &&
			pg_strcasecmp(other->name, action->after) == 0)
		{
			placed = lappend(placed, col);
			done = true;
		}
	}
	if (action->after != NULL && !done)
	{
		mysql_ddl_fail(d, "column \"%s\" is not known", action->after);
		placed = lappend(placed, col);
	}
	d->def->columns = placed;
}

static void
rename_column(TableColumn *col, char *name)
{
	if (strcmp(col->name, name) == 0)
		return;
	col->name = name;
	if (!col->left_out)
		col->target_name = NULL;
}

/* The action that drops or changes an old column; NULL: it is kept. */
static DdlAction *
action_on(MyDdl *d, const TableColumn *col)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if ((action->kind == DDL_DROP_COLUMN ||
			 action->kind == DDL_CHANGE_COLUMN ||
			 action->kind == DDL_RENAME_COLUMN) &&
			pg_strcasecmp(action->name, col->name) == 0)
			return action;
	}
	return NULL;
}

static bool
is_placed(const DdlAction *action)
{
	return action->first || action->after != NULL;
}

/* First pass: the columns that exist; some are moved later. */
static void
old_columns(MyDdl *d)
{
	List	   *old = d->def->columns;
	ListCell   *lc;

	d->def->columns = NIL;
	foreach(lc, old)
	{
		TableColumn *col = lfirst(lc);
		DdlAction  *action = action_on(d, col);

		if (action == NULL)
			d->def->columns = lappend(d->def->columns, col);
		else if (action->kind == DDL_RENAME_COLUMN)
		{
			rename_column(col, action->new_name);
			d->def->columns = lappend(d->def->columns, col);
		}
		else if (action->kind == DDL_CHANGE_COLUMN)
			d->def->columns = lappend(d->def->columns,
									  make_column(d, action, col));
	}
	/* what is named has to exist */
	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if ((action->kind == DDL_DROP_COLUMN ||
			 action->kind == DDL_CHANGE_COLUMN ||
			 action->kind == DDL_RENAME_COLUMN) && !action->if_exists &&
			mysql_ddl_by_origin(old, action->name) == NULL)
			mysql_ddl_fail(d, "column \"%s\" is not known", action->name);
	}
	d->old_columns = old;
}

/* Second pass: new columns, and changed ones that move. */
static void
new_columns(MyDdl *d)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind == DDL_ADD_COLUMN)
		{
			if (by_name(d->def->columns, action->column->def.name) != NULL)
			{
				if (!action->if_exists)
					mysql_ddl_fail(d, "column \"%s\" exists already",
								   action->column->def.name);
				continue;
			}
			place_column(d, action, make_column(d, action, NULL));
		}
		else if (action->kind == DDL_CHANGE_COLUMN && is_placed(action))
		{
			TableColumn *col = mysql_ddl_by_origin(d->def->columns,
												   action->name);

			if (col == NULL)
				continue;
			d->def->columns = list_delete_ptr(d->def->columns, col);
			place_column(d, action, col);
		}
	}
}

/* ALTER COLUMN; the names are those of before, or of what is added. */
static void
alter_columns(MyDdl *d)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);
		TableColumn *col;

		if (action->kind != DDL_SET_DEFAULT && action->kind != DDL_DROP_DEFAULT &&
			action->kind != DDL_SHOW_COLUMN)
			continue;
		col = mysql_ddl_by_origin(d->def->columns, action->name);
		if (col == NULL)
		{
			TableColumn *added = by_name(d->def->columns, action->name);

			if (added != NULL && added->origin == NULL)
				col = added;
		}
		if (col == NULL)
		{
			if (!action->if_exists)
				mysql_ddl_fail(d, "column \"%s\" is not known", action->name);
			continue;
		}
		if (action->kind == DDL_SHOW_COLUMN)
			col->invisible = !action->on;
		else
		{
			col->default_expr = action->kind == DDL_SET_DEFAULT ?
				action->text : NULL;
			mysql_ddl_default(d, col);
		}
	}
}

/* Expressions follow the columns' names. */
static void
rename_in_expressions(MyDdl *d)
{
	ListCell   *lc;
	ListCell   *lc2;
	bool		renamed = false;

	foreach(lc, d->def->columns)
	{
		TableColumn *col = lfirst(lc);

		renamed |= col->origin != NULL && strcmp(col->origin, col->name) != 0;
	}
	if (!renamed)
		return;
	foreach(lc, d->def->columns)
	{
		TableColumn *col = lfirst(lc);

		/* of columns that the statement does not define again */
		if (col->origin != NULL &&
			mysql_ddl_by_origin(d->old_columns, col->origin) == col)
		{
			col->generation_expr = mysql_ddl_rename_in(col->generation_expr,
													   d->def->columns);
			if (col->default_expr != NULL && strchr(col->default_expr, '(') != NULL)
				col->default_expr = mysql_ddl_rename_in(col->default_expr,
														d->def->columns);
		}
	}
	foreach(lc, d->def->checks)
	{
		TableCheck *check = lfirst(lc);

		check->expr = mysql_ddl_rename_in(check->expr, d->def->columns);
	}
	foreach(lc, d->def->indexes)
	{
		TableIndex *index = lfirst(lc);

		foreach(lc2, index->parts)
		{
			IndexPart  *part = lfirst(lc2);

			part->expr = mysql_ddl_rename_in(part->expr, d->def->columns);
		}
	}
}

/* ---------------------------------------------------------- table options */

static void
convert_charset(MyDdl *d, DdlAction *action)
{
	char	   *collation = resolve_collation(d->defaults, action->text,
											  action->text2, d->table_collation);
	ListCell   *lc;

	if (collation == NULL)
		return;
	d->table_collation = d->def->collation = collation;
	foreach(lc, d->def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->charset == NULL)
			continue;
		col->collation = pstrdup(collation);
		col->charset = mysql_collation_charset(collation);
	}
}

/* Before the columns: what they inherit. */
static void
default_charset(MyDdl *d)
{
	ListCell   *lc;
	char	   *charset = NULL;
	char	   *collation = NULL;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		if (action->kind != DDL_DEFAULT_CHARSET)
			continue;
		charset = action->text ? action->text : charset;
		collation = action->text2 ? action->text2 : collation;
	}
	if (charset != NULL || collation != NULL)
		d->def->collation = resolve_collation(d->defaults, charset, collation,
											  d->table_collation);
	d->table_collation = d->def->collation;
}

/* Has a table of this engine no rows, or those of others? */
static bool
keeps_no_rows(const char *engine)
{
	static const char *const engines[] = {"BLACKHOLE", "MRG_MyISAM", "MERGE",
	"FEDERATED", "FEDERATEDX", "CONNECT", "SPIDER", "EXAMPLE"};

	for (int i = 0; engine != NULL && i < lengthof(engines); i++)
		if (pg_strcasecmp(engine, engines[i]) == 0)
			return true;
	return false;
}

static void
set_engine(MyDdl *d, char *engine)
{
	if (engine != NULL && d->stmt->kind != DDL_CREATE_TABLE &&
		keeps_no_rows(engine) != keeps_no_rows(d->def->engine))
		d->outcome->rows_change = psprintf("ENGINE = %s", engine);
	d->def->engine = engine;
}

static void
table_options(MyDdl *d)
{
	ListCell   *lc;

	foreach(lc, d->stmt->actions)
	{
		DdlAction  *action = lfirst(lc);

		switch (action->kind)
		{
			case DDL_CONVERT_CHARSET:
				convert_charset(d, action);
				break;
			case DDL_SET_COMMENT:
				d->def->comment = action->text != NULL &&
					action->text[0] != '\0' ? action->text : NULL;
				break;
			case DDL_SET_ENGINE:
				set_engine(d, action->text);
				break;
			case DDL_SET_AUTO_INCREMENT:
				d->def->auto_increment = action->text;
				break;
			case DDL_SET_PARTITIONS:
				d->def->partitions = mysql_ddl_bounds(d, action->text);
				break;
			case DDL_ADD_PARTITIONS:
				d->def->partitions = mysql_ddl_more_partitions(d, action->text);
				break;
			case DDL_VERSIONING:
				mysql_ddl_fail(d, "system versioning is not followed");
				break;
			case DDL_ROWS_CHANGE:
				d->outcome->rows_change = action->text;
				d->outcome->rows_with = action->table;
				break;
			case DDL_RENAME_TABLE_TO:
				d->outcome->renamed = action->table;
				break;
			default:
				break;
		}
	}
}

/* ------------------------------------------------------------------ entry */

void
mysql_ddl_apply(const TableDef *old, const DdlStatement *stmt,
				const DdlDefaults *defaults, DdlOutcome *outcome)
{
	MyDdl		d = {0};

	memset(outcome, 0, sizeof(*outcome));
	d.stmt = stmt;
	d.defaults = defaults;
	d.outcome = outcome;
	d.def = mysql_ddl_copy(old);
	d.table_collation = d.def->collation;
	default_charset(&d);
	old_columns(&d);
	new_columns(&d);
	alter_columns(&d);
	rename_in_expressions(&d);
	mysql_ddl_keys(&d);
	table_options(&d);
	if (stmt->ignore && outcome->rows_change == NULL)
		outcome->rows_change = "ALTER IGNORE TABLE";
	if (d.def->columns == NIL)
		mysql_ddl_fail(&d, "no column is left");
	if (outcome->error == NULL)
		outcome->def = d.def;
}

TableDef *
mysql_ddl_empty(const DdlTable *name, const DdlDefaults *defaults,
				const DdlStatement *stmt)
{
	TableDef   *def = palloc0(sizeof(TableDef));

	def->schema = pstrdup(name->schema);
	def->name = pstrdup(name->name);
	def->engine = "InnoDB";
	def->collation = find_default(defaults->schemas, name->schema);
	return def;
}

char *
mysql_ddl_schema_collation(const DdlStatement *stmt,
						   const DdlDefaults *defaults)
{
	DdlTable   *name = linitial(stmt->tables);

	return resolve_collation(defaults, stmt->charset, stmt->collation,
							 stmt->kind == DDL_CREATE_SCHEMA ? defaults->collation :
							 find_default(defaults->schemas, name->schema));
}

TableDef *
mysql_ddl_like(const DdlTable *name, const TableDef *model)
{
	TableDef   *def = mysql_ddl_copy(model);
	ListCell   *lc;

	def->schema = pstrdup(name->schema);
	def->name = pstrdup(name->name);
	def->target_schema = def->target_name = NULL;
	def->foreign_keys = NIL;
	def->rows_estimate = def->data_bytes = 0;
	if (def->auto_increment != NULL)
		def->auto_increment = pstrdup("1");
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		col->origin = col->target_name = col->pg_type = NULL;
	}
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		index->origin = index->target_name = NULL;
	}
	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);

		check->target_name = NULL;
	}
	return def;
}

bool
mysql_ddl_follow_parent(TableDef *def, const TableDef *old,
						const TableDef *parent)
{
	ListCell   *lc;
	ListCell   *lc2;
	bool		found = false;

	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (strcmp(fk->ref_schema, old->schema) != 0 ||
			strcmp(fk->ref_table, old->name) != 0)
			continue;
		found = true;
		fk->ref_schema = pstrdup(parent->schema);
		fk->ref_table = pstrdup(parent->name);
		foreach(lc2, fk->ref_columns)
		{
			TableColumn *col = mysql_ddl_by_origin(parent->columns,
												   lfirst(lc2));

			if (col != NULL)
				lfirst(lc2) = col->name;
		}
	}
	return found;
}
