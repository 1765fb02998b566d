/*-------------------------------------------------------------------------
 *
 * plan_alter.c
 *	  What is altered in place: names, columns, enum types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "schema/mysql_ddl.h"
#include "schema/mysql_lex.h"
#include "schema/mysql_types.h"
#include "schema/plan_change_internal.h"

/* quote_identifier returns its argument where it can. */
static char *
quoted(const char *name)
{
	return pstrdup(quote_identifier(name));
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static TableColumn *
find_exactly(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		TableColumn *col = lfirst(lc);

		if (strcmp(col->name, name) == 0)
			return col;
	}
	return NULL;
}

/* ------------------------------------------------------------------ looks */

static bool
type_differs(const TableColumn *a, const TableColumn *b)
{
	return !same_text(a->pg_type, b->pg_type) ||
		!same_text(a->pg_collation, b->pg_collation);
}

static bool
is_replicated(const TableColumn *col)
{
	return col != NULL && col->target_name != NULL;
}

/* What a column was before; NULL: it is new. */
static TableColumn *
column_before(const TablePair *t, const TableColumn *col)
{
	return col->origin == NULL ? NULL :
		find_exactly(t->pair->before->columns, col->origin);
}

/*
 * In the middle, what it was made of may be gone: it is what it was before that
 * counts.
 */
static bool
was_generated(const ChangeState *state, const TablePair *t, const TableColumn *col)
{
	TableColumn *before = column_before(t, col);
	PlanColumn	parts;

	if (!is_replicated(before))
		return false;
	plan_column_parts(t->pair->before, before, state->options, &parts);
	return parts.generated != NULL;
}

/*
 * A generated column cannot be altered, nor can what it is made of: it is
 * made again. So is a column that becomes one, with all that are made of it.
 */
void
alter_look(ChangeState *state, TablePair *t)
{
	bool		turns = false;
	ListCell   *lc;

	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = find_exactly(t->middle->columns, col->name);
		PlanColumn	b;

		if (!is_replicated(col) || !is_replicated(was))
			continue;
		plan_column_parts(t->after, col, state->options, &b);
		turns |= !was_generated(state, t, col) && b.generated != NULL;
		t->retyped |= turns || type_differs(was, col);
	}
	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = find_exactly(t->middle->columns, col->name);
		PlanColumn	a;
		PlanColumn	b;

		if (!is_replicated(col) || !is_replicated(was))
			continue;
		plan_column_parts(t->middle, was, state->options, &a);
		plan_column_parts(t->after, col, state->options, &b);
		if (b.generated != NULL &&
			(t->retyped || !same_text(a.generated, b.generated)))
			t->rebuilt = lappend(t->rebuilt, col->name);
		else if (was_generated(state, t, col) && b.generated == NULL &&
				 (turns || type_differs(was, col)))
			t->rebuilt = lappend(t->rebuilt, col->name);
	}
}

static bool
is_rebuilt(const TablePair *t, const char *name)
{
	ListCell   *lc;

	foreach(lc, t->rebuilt)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ names */

static void
rename_table(ChangeState *state, TablePair *t)
{
	TableDef   *before = t->pair->before;
	TableDef   *after = t->after;

	if (strcmp(before->target_schema, after->target_schema) != 0)
	{
		change_run(state, after, "table",
				   psprintf("ALTER TABLE %s SET SCHEMA %s",
							plan_table_name(before),
							quoted(after->target_schema)));
		before = mysql_ddl_copy(before);
		before->target_schema = after->target_schema;
	}
	if (strcmp(before->target_name, after->target_name) != 0)
		change_run(state, after, "table",
				   psprintf("ALTER TABLE %s RENAME TO %s",
							plan_table_name(before),
							quoted(after->target_name)));
}

static void
drop_columns(ChangeState *state, TablePair *t)
{
	ListCell   *lc;

	/* what is made of others goes before them */
	for (int generated = 1; generated >= 0; generated--)
	{
		foreach(lc, t->pair->before->columns)
		{
			TableColumn *was = lfirst(lc);
			TableColumn *col = NULL;
			ListCell   *lc2;

			foreach(lc2, t->after->columns)
			{
				TableColumn *c = lfirst(lc2);

				if (c->origin != NULL && strcmp(c->origin, was->name) == 0)
					col = c;
			}
			if (!is_replicated(was) || (is_replicated(col) && !is_rebuilt(t, col->name)) ||
				(was->generation_expr != NULL) != (generated == 1))
				continue;
			change_run(state, t->after, "column",
					   psprintf("ALTER TABLE %s DROP COLUMN IF EXISTS %s",
								plan_table_name(t->after),
								quoted(was->target_name)));
		}
	}
}

/*
 * Columns that are not generated at the destination any more, before those that
 * they are made of are dropped or altered. Their values are the source's from now on.
 */
static void
drop_expressions(ChangeState *state, TablePair *t)
{
	ListCell   *lc;

	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = find_exactly(t->middle->columns, col->name);
		PlanColumn	b;

		if (!is_replicated(col) || !is_replicated(was) || is_rebuilt(t, col->name))
			continue;
		plan_column_parts(t->after, col, state->options, &b);
		if (!was_generated(state, t, col) || b.generated != NULL)
			continue;
		change_run(state, t->after, "column",
				   psprintf("ALTER TABLE %s ALTER COLUMN %s DROP EXPRESSION IF EXISTS",
							plan_table_name(t->after),
							quoted(column_before(t, col)->target_name)));
		if (t->retyped && col->generation_expr != NULL && !t->pair->emptied)
			t->pair->copy_why = psprintf("column \"%s\" is not generated at the destination any more",
										 col->name);
	}
}

/* a -> b, b -> a goes through a third name. */
static void
rename_columns(ChangeState *state, TablePair *t)
{
	List	   *later = NIL;
	ListCell   *lc;
	int			n = 0;

	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = column_before(t, col);
		ListCell   *lc2;
		char	   *to;

		if (!is_replicated(col) || !is_replicated(was) || is_rebuilt(t, col->name) ||
			strcmp(was->target_name, col->target_name) == 0)
			continue;
		to = col->target_name;
		foreach(lc2, t->pair->before->columns)
		{
			TableColumn *other = lfirst(lc2);

			if (is_replicated(other) && strcmp(other->target_name, to) == 0)
			{
				to = psprintf("dtsmig_rename_%d", ++n);
				later = lappend(later, list_make2(to, col->target_name));
				break;
			}
		}
		change_run(state, t->after, "column",
				   psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
							plan_table_name(t->after), quoted(was->target_name),
							quoted(to)));
	}
	foreach(lc, later)
	{
		List	   *pair = lfirst(lc);

		change_run(state, t->after, "column",
				   psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
							plan_table_name(t->after), quoted(linitial(pair)),
							quoted(lsecond(pair))));
	}
}

static void
rename_index(ChangeState *state, TablePair *t, const char *from, const char *to)
{
	change_run(state, t->after, "index",
			   psprintf("ALTER INDEX IF EXISTS %s RENAME TO %s",
						quote_qualified_identifier(t->after->target_schema, from),
						quoted(to)));
}

/* As columns; an index that is dropped gives way first. */
static void
rename_indexes(ChangeState *state, TablePair *t)
{
	List	   *later = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	int			n = 0;

	foreach(lc, t->pair->before->indexes)
	{
		TableIndex *was = lfirst(lc);

		if (change_gives_way(t->after, was))
			change_run(state, t->after, "index",
					   psprintf("DROP INDEX IF EXISTS %s",
								quote_qualified_identifier(t->after->target_schema,
														   was->target_name)));
	}
	foreach(lc, t->after->indexes)
	{
		TableIndex *index = lfirst(lc);
		TableIndex *was = NULL;
		bool		taken = false;

		if (index->origin == NULL)
			continue;
		foreach(lc2, t->pair->before->indexes)
		{
			TableIndex *other = lfirst(lc2);

			if (strcmp(other->name, index->origin) == 0)
				was = other;
			else if (strcmp(other->target_name, index->target_name) == 0 &&
					 !change_gives_way(t->after, other))
				taken = true;
		}
		if (was == NULL || strcmp(was->target_name, index->target_name) == 0)
			continue;
		if (taken)
		{
			char	   *third = psprintf("dtsmig_rename_%d", ++n);

			later = lappend(later, list_make2(third, index->target_name));
			rename_index(state, t, was->target_name, third);
		}
		else
			rename_index(state, t, was->target_name, index->target_name);
	}
	foreach(lc, later)
		rename_index(state, t, linitial(lfirst(lc)), lsecond(lfirst(lc)));
}

void
alter_names(ChangeState *state, TablePair *t)
{
	rename_table(state, t);
	drop_expressions(state, t);
	drop_columns(state, t);
	rename_columns(state, t);
	rename_indexes(state, t);
}

/* ---------------------------------------------------------------- columns */

static void
alter_column(ChangeState *state, TablePair *t, const TableColumn *col,
			 const char *what)
{
	change_run(state, t->after, "column",
			   psprintf("ALTER TABLE %s ALTER COLUMN %s %s",
						plan_table_name(t->after), quoted(col->target_name),
						what));
}

/* Does the value of a default depend on when and by whom it is asked? */
static bool
is_volatile_default(const char *expr)
{
	static const char *const words[] = {"current_timestamp", "now", "curdate",
		"current_date", "curtime", "current_time", "localtime", "localtimestamp",
		"sysdate", "utc_date", "utc_time", "utc_timestamp", "unix_timestamp",
		"uuid", "uuid_v4", "uuid_v7", "uuid_short", "sys_guid", "rand",
		"random_bytes", "user", "current_user", "session_user", "system_user",
		"current_role", "connection_id", "nextval", "next", "lastval", "previous",
		"database", "schema", "last_insert_id", "found_rows", "row_count",
	"version"};
	MyLexer		lexer;
	MyToken		token;

	mysql_lex_init(&lexer, expr);
	while ((token = mysql_lex_next(&lexer)).kind != TOK_END &&
		   token.kind != TOK_BAD)
	{
		for (int i = 0; i < lengthof(words); i++)
		{
			if (token.kind == TOK_WORD &&
				pg_strcasecmp(token.text, words[i]) == 0)
				return true;
		}
	}
	return false;
}

/*
 * The value that rows get in a new column where it is not what the column's
 * DEFAULT gives; "" where it is. NULL: it has to come from the source.
 */
static char *
added_value(ChangeState *state, const TableColumn *col, const PlanColumn *parts)
{
	if (parts->generated != NULL)
		return "";
	if (col->auto_increment || col->generation_expr != NULL)
		return NULL;
	if (col->default_expr != NULL)
	{
		if (!is_volatile_default(col->default_expr))
			return parts->default_expr != NULL ? "" :
				mysql_is_date_type(col) ?
				convert_implicit_default(col, state->options) : NULL;

		/* the source's clock, when the statement began */
		if (pg_strncasecmp(col->default_expr, "current_timestamp", 17) == 0 &&
			mysql_column_class(col) == PGC_TIMESTAMPTZ && col->fsp == 0 &&
			state->moment != 0)
			return psprintf("'%s'", timestamptz_to_str(state->moment));
		return NULL;
	}
	if (col->nullable)
		return "";
	return convert_implicit_default(col, state->options);
}

static void
add_column(ChangeState *state, TablePair *t, TableColumn *col)
{
	char	   *note;
	char	   *definition;
	PlanColumn	parts;
	char	   *value;

	plan_column_parts(t->after, col, state->options, &parts);
	definition = plan_column_definition(t->after, col, state->options, &note);
	value = t->pair->emptied || is_rebuilt(t, col->name) ? "" :
		added_value(state, col, &parts);
	if (value == NULL)
	{
		t->pair->copy_why = psprintf("column \"%s\" was added with values that only the source knows",
									 col->name);
		value = "";
	}
	if (value[0] == '\0' || strcmp(value, "NULL") == 0)
		change_run(state, t->after, "column",
				   psprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s",
							plan_table_name(t->after), definition));
	else
	{
		change_run(state, t->after, "column",
				   psprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s%s%s DEFAULT %s%s",
							plan_table_name(t->after), quoted(col->target_name),
							col->pg_type,
							col->pg_collation ? " COLLATE " : "",
							col->pg_collation ? col->pg_collation : "", value,
							col->target_nullable ? "" : " NOT NULL"));
		alter_column(state, t, col, parts.default_expr == NULL ?
					 "DROP DEFAULT" :
					 psprintf("SET DEFAULT %s", parts.default_expr));
	}
}

static void
retype_column(ChangeState *state, TablePair *t, TableColumn *was,
			  TableColumn *col)
{
	char	   *name = quoted(col->target_name);
	char	   *using = NULL;
	Conversion	how = convert_column(was, col, t->pair->loose, name, &using);

	if (how == CONVERT_COPY && !t->pair->emptied)
		t->pair->copy_why = psprintf("column \"%s\" was changed from %s to %s",
									 col->name, was->source_type,
									 col->source_type);
	if (!type_differs(was, col))
		return;
	if (how == CONVERT_COPY)
		using = psprintf("NULL::%s", col->pg_type);
	alter_column(state, t, col,
				 psprintf("TYPE %s%s%s%s%s", col->pg_type,
						  col->pg_collation ? " COLLATE " : "",
						  col->pg_collation ? col->pg_collation : "",
						  using ? " USING " : "", using ? using : ""));
}

static void
change_column(ChangeState *state, TablePair *t, TableColumn *was,
			  TableColumn *col)
{
	PlanColumn	a;
	PlanColumn	b;
	bool		differs = type_differs(was, col);

	plan_column_parts(t->middle, was, state->options, &a);
	plan_column_parts(t->after, col, state->options, &b);

	if (a.identity && (!b.identity || mysql_column_class(col) != PGC_INT))
		alter_column(state, t, col, "DROP IDENTITY IF EXISTS");
	if (a.default_expr != NULL &&
		(differs || !same_text(a.default_expr, b.default_expr)))
		alter_column(state, t, col, "DROP DEFAULT");
	if (!was->target_nullable && col->target_nullable)
		alter_column(state, t, col, "DROP NOT NULL");

	/*
	 * columns that the source generates, and that are plain at the destination
	 */
	if (was->generation_expr != NULL && was->target_generated == false &&
		col->generation_expr != NULL && b.generated == NULL &&
		!same_text(was->generation_expr, col->generation_expr) &&
		!t->pair->emptied)
		t->pair->copy_why = psprintf("generated column \"%s\" has got another expression",
									 col->name);
	if (!was->auto_increment && col->auto_increment && !t->pair->emptied &&
		was->nullable)
		t->pair->copy_why = psprintf("column \"%s\" has got AUTO_INCREMENT",
									 col->name);
	retype_column(state, t, was, col);

	if (was->target_nullable && !col->target_nullable)
		alter_column(state, t, col, "SET NOT NULL");
	if (b.default_expr != NULL &&
		(differs || !same_text(a.default_expr, b.default_expr)))
		alter_column(state, t, col,
					 psprintf("SET DEFAULT %s", b.default_expr));
	if (b.identity && !a.identity)
		alter_column(state, t, col, "ADD GENERATED BY DEFAULT AS IDENTITY");
}

static void
change_comments(ChangeState *state, TablePair *t)
{
	ListCell   *lc;

	if (!same_text(t->middle->comment, t->after->comment))
		change_run(state, t->after, "comment",
				   psprintf("COMMENT ON TABLE %s IS %s",
							plan_table_name(t->after),
							t->after->comment ?
							quote_literal_cstr(t->after->comment) : "NULL"));
	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = find_exactly(t->middle->columns, col->name);
		const char *old = was && !is_rebuilt(t, col->name) ? was->comment : NULL;

		if (!is_replicated(col) || same_text(old, col->comment))
			continue;
		change_run(state, t->after, "comment",
				   psprintf("COMMENT ON COLUMN %s.%s IS %s",
							plan_table_name(t->after),
							quoted(col->target_name),
							col->comment ? quote_literal_cstr(col->comment) :
							"NULL"));
	}
}

void
alter_columns(ChangeState *state, TablePair *t)
{
	ListCell   *lc;

	foreach(lc, t->after->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = find_exactly(t->middle->columns, col->name);

		if (is_replicated(col) && is_replicated(was) && !is_rebuilt(t, col->name))
			change_column(state, t, was, col);
	}
	/* generated columns last: they need the others */
	for (int generated = 0; generated < 2; generated++)
	{
		foreach(lc, t->after->columns)
		{
			TableColumn *col = lfirst(lc);
			TableColumn *was = find_exactly(t->middle->columns, col->name);
			PlanColumn	parts;

			if (!is_replicated(col) ||
				(is_replicated(was) && !is_rebuilt(t, col->name)) ||
				(col->generation_expr != NULL) != (generated == 1))
				continue;
			/* no longer generated: filled by the source */
			plan_column_parts(t->after, col, state->options, &parts);
			if (is_replicated(was) && was->target_generated &&
				parts.generated == NULL && !t->pair->emptied)
				t->pair->copy_why = psprintf("column \"%s\" is not generated any more",
											 col->name);
			add_column(state, t, col);
		}
	}
	change_comments(state, t);
}

/* ------------------------------------------------------------- enum types */

static PlanStatement *
find_type(List *plan, const char *name)
{
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);

		if (strcmp(st->kind, "type") == 0 && strcmp(st->name, name) == 0)
			return st;
	}
	return NULL;
}

/* The columns of a type, in the definitions before (middle) or after. */
static TableColumn *
type_user(ChangeState *state, const char *type, bool before)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, state->pairs)
	{
		TablePair  *t = lfirst(lc);
		TableDef   *def = before ? t->pair->before : t->after;

		if (def == NULL)
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (is_replicated(col) && mysql_column_class(col) == PGC_ENUM &&
				strcmp(col->pg_type, type) == 0)
				return col;
		}
	}
	return NULL;
}

/* Are the labels those of before, in their order, and more? */
static bool
only_more_labels(List *old, List *new)
{
	ListCell   *lc = list_head(old);
	ListCell   *lc2;

	foreach(lc2, new)
	{
		if (lc != NULL && strcmp(lfirst(lc), lfirst(lc2)) == 0)
			lc = lnext(old, lc);
	}
	return lc == NULL;
}

static void
add_labels(ChangeState *state, const char *type, List *old, List *new)
{
	ListCell   *lc = list_head(old);
	ListCell   *lc2;
	char	   *last = NULL;

	foreach(lc2, new)
	{
		char	   *label = lfirst(lc2);

		if (lc != NULL && strcmp(lfirst(lc), label) == 0)
			lc = lnext(old, lc);
		else if (last == NULL && lc != NULL)
			change_run(state, NULL, "type",
					   psprintf("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s BEFORE %s",
								type, quote_literal_cstr(label),
								quote_literal_cstr(lfirst(lc))));
		else
			change_run(state, NULL, "type",
					   psprintf("ALTER TYPE %s ADD VALUE IF NOT EXISTS %s%s%s",
								type, quote_literal_cstr(label),
								last ? " AFTER " : "",
								last ? quote_literal_cstr(last) : ""));
		last = label;
	}
}

/* Labels that are gone become NULL: they were index 0 at the source. */
static char *
label_cast(const char *column, const char *type, List *labels)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, labels)
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 quote_literal_cstr(lfirst(lc)));
	return psprintf("(CASE WHEN %s::text IN (%s) THEN %s::text END)::%s",
					column, list.data, column, type);
}

static void
replace_type(ChangeState *state, const char *type, PlanStatement *st,
			 List *labels)
{
	const char *dot = strrchr(type, '.');
	char	   *schema = pnstrdup(type, dot - type);
	char	   *old = psprintf("%s.dtsmig_old_type", schema);
	ListCell   *lc;
	ListCell   *lc2;

	change_run(state, NULL, "type",
			   psprintf("ALTER TYPE %s RENAME TO dtsmig_old_type", type));
	change_run(state, NULL, "type", st->sql);
	foreach(lc, state->pairs)
	{
		TablePair  *t = lfirst(lc);

		if (t->middle == NULL || t->after == NULL)
			continue;
		foreach(lc2, t->after->columns)
		{
			TableColumn *col = lfirst(lc2);
			TableColumn *was = find_exactly(t->middle->columns, col->name);
			PlanColumn	parts;
			char	   *name;

			if (!is_replicated(col) || !is_replicated(was) ||
				!same_text(was->pg_type, type) || !same_text(col->pg_type, type))
				continue;
			name = quoted(col->target_name);
			plan_column_parts(t->middle, was, state->options, &parts);
			if (parts.default_expr != NULL)
				alter_column(state, t, col, "DROP DEFAULT");
			alter_column(state, t, col,
						 psprintf("TYPE %s USING %s", type,
								  label_cast(name, type, labels)));
			plan_column_parts(t->after, col, state->options, &parts);
			if (parts.default_expr != NULL)
				alter_column(state, t, col,
							 psprintf("SET DEFAULT %s", parts.default_expr));
		}
	}
	change_run(state, NULL, "type", psprintf("DROP TYPE IF EXISTS %s", old));
}

/* May the new labels not be used in the transaction that adds them? */
static bool
default_uses_new(const TableColumn *was, const TableColumn *col)
{
	return !same_text(was->default_expr, col->default_expr) ||
		(!col->nullable && was->nullable);
}

void
alter_types(ChangeState *state, List *old_plan, List *new_plan)
{
	ListCell   *lc;

	foreach(lc, new_plan)
	{
		PlanStatement *st = lfirst(lc);
		PlanStatement *was;
		TableColumn *a;
		TableColumn *b;

		if (strcmp(st->kind, "type") != 0)
			continue;
		was = find_type(old_plan, st->name);
		if (was != NULL && strcmp(was->sql, st->sql) == 0)
			continue;
		a = was == NULL ? NULL : type_user(state, st->name, true);
		b = type_user(state, st->name, false);
		if (a == NULL || b == NULL)
			change_run(state, NULL, "type", st->sql);
		else if (only_more_labels(a->labels, b->labels) &&
				 !default_uses_new(a, b))
			add_labels(state, st->name, a->labels, b->labels);
		else
			replace_type(state, st->name, st, b->labels);
	}
}

void
drop_types(ChangeState *state, List *old_plan, List *new_plan)
{
	ListCell   *lc;

	foreach(lc, old_plan)
	{
		PlanStatement *st = lfirst(lc);

		if (strcmp(st->kind, "type") == 0 && find_type(new_plan, st->name) == NULL)
			change_run(state, NULL, "type",
					   psprintf("DROP TYPE IF EXISTS %s", st->name));
	}
}
