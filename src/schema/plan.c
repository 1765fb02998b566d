/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  The plan of a schema: from TableDefs to the statements that make them.
 *
 *		names -> types (one for both ends of a foreign key) -> statements
 *
 * Every statement is independent of the others of its phase but for the order
 * in the list, so that one that fails does not hide the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

static void append_note(PlanNotes *notes, const char *fmt, va_list args)
			pg_attribute_printf(2, 0);

static void
append_note(PlanNotes *notes, const char *fmt, va_list args)
{
	size_t		len = 256;
	char	   *note;

	if (notes == NULL)
		return;
	for (;;)
	{
		va_list		copy;
		size_t		needed;

		note = palloc(len);
		va_copy(copy, args);
		needed = pvsnprintf(note, len, fmt, copy);
		va_end(copy);
		if (needed < len)
			break;
		pfree(note);
		len = needed;
	}
	if (notes->text.data == NULL)
		initStringInfo(&notes->text);
	else
		appendStringInfoString(&notes->text, "; ");
	appendStringInfoString(&notes->text, note);
	notes->each = lappend(notes->each, note);
}

void
plan_note(PlanNotes *notes, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	append_note(notes, fmt, args);
	va_end(args);
}

void
plan_warn(PlanNotes *notes, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	append_note(notes, fmt, args);
	va_end(args);
	if (notes != NULL)
		notes->warning = true;
}

static char *
join_names(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	return buf.data;
}

void
plan_notes_flush(PlanNotes *notes)
{
	if (notes->ci_columns != NIL)
		plan_note(notes, "text that compares without regard to case at the source does not at the destination (option ci_collation): %s",
				  join_names(notes->ci_columns));
	if (notes->nulled_columns != NIL)
		plan_note(notes, "NOT NULL is dropped, since there are zero dates, which become NULL (option zero_date): %s",
				  join_names(notes->nulled_columns));
	if (notes->raw_columns != NIL)
		plan_warn(notes, "PostGIS is not installed, so geometry becomes bytea with the WKB of the value, without its SRID: %s",
				  join_names(notes->raw_columns));
	notes->ci_columns = notes->nulled_columns = notes->raw_columns = NIL;
}

PlanStatement *
plan_add(SchemaPlan *state, PlanPhase phase, const char *kind,
		 const TableDef *def, const char *name, char *sql, PlanNotes *notes)
{
	PlanStatement *stmt = palloc0(sizeof(PlanStatement));

	stmt->phase = phase;
	stmt->kind = kind;
	if (def != NULL)
	{
		stmt->schema = def->schema;
		stmt->table = def->name;
		/* the name of a type has it already */
		if (strcmp(kind, "type") != 0)
			stmt->target_schema = def->target_schema;
	}
	stmt->name = pstrdup(name);
	stmt->sql = sql;
	if (notes != NULL)
	{
		stmt->note = notes->text.data;
		stmt->notes = notes->each;
		stmt->warning = notes->warning;
		stmt->fatal = notes->fatal;
	}
	state->statements = lappend(state->statements, stmt);
	return stmt;
}

TableDef *
plan_find_table(List *tables, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (strcmp(def->name, name) == 0 && strcmp(def->schema, schema) == 0)
			return def;
	}
	/* lower_case_table_names = 1 or 2 may spell a reference otherwise */
	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (pg_strcasecmp(def->name, name) == 0 &&
			pg_strcasecmp(def->schema, schema) == 0)
			return def;
	}
	return NULL;
}

char *
plan_table_name(const TableDef *def)
{
	return quote_qualified_identifier(def->target_schema, def->target_name);
}

char *
plan_column_list(const TableDef *def, List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
	{
		TableColumn *col = model_find_column(def, lfirst(lc));

		if (col == NULL || col->target_name == NULL)
			return NULL;
		if (buf.len > 0)
			appendStringInfoString(&buf, ", ");
		appendStringInfoString(&buf, quote_identifier(col->target_name));
	}
	return buf.data;
}

static void
plan_schemas(SchemaPlan *state)
{
	ListCell   *lc;

	foreach(lc, state->tables)
	{
		TableDef   *def = lfirst(lc);

		if (plan_name_take(state, def->target_schema, "schemas", ""))
			plan_add(state, PLAN_PRE_DATA, "schema", NULL, def->target_schema,
					 psprintf("CREATE SCHEMA IF NOT EXISTS %s",
							  quote_identifier(def->target_schema)), NULL);
	}
}

List *
plan_schema(List *tables, const PlanOptions *options, List **names)
{
	SchemaPlan	state = {0};

	state.options = options;
	state.tables = tables;
	state.table_notes = palloc0(sizeof(PlanNotes) * Max(list_length(tables), 1));
	plan_names_init(&state);
	plan_assign_names(&state);
	plan_schemas(&state);
	plan_schemas(&state);
	plan_columns(&state);
	plan_assign_index_names(&state);
	plan_tables(&state);
	plan_indexes(&state);
	plan_constraints(&state);
	plan_triggers(&state);
	plan_views(&state);
	if (names != NULL)
		*names = state.names;
	return state.statements;
}

bool
plan_statement_is_of(const PlanStatement *st, const TableDef *def)
{
	return st->table != NULL && strcmp(st->table, def->name) == 0 &&
		st->schema != NULL && strcmp(st->schema, def->schema) == 0;
}

void
plan_statement_note(PlanStatement *st, const char *note)
{
	st->note = st->note ? psprintf("%s; %s", st->note, note) : pstrdup(note);
	st->notes = lappend(st->notes, pstrdup(note));
	st->warning = true;
}

void
plan_statement_leave_out(PlanStatement *st, const char *note)
{
	st->sql = NULL;
	plan_statement_note(st, note);
}

const PlanStatement *
plan_last_of_pre_data(List *plan)
{
	const PlanStatement *last = NULL;
	ListCell   *lc;

	foreach(lc, plan)
	{
		PlanStatement *st = lfirst(lc);

		if (st->phase == PLAN_PRE_DATA)
			last = st;
	}
	return last;
}

List *
plan_insert_after(List *plan, const PlanStatement *where, List *more)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, plan)
	{
		result = lappend(result, lfirst(lc));
		if (lfirst(lc) == where)
			result = list_concat(result, more);
	}
	return result;
}
