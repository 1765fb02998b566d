/*-------------------------------------------------------------------------
 *
 * emit_index.c
 *	  Unique keys and other indexes in MySQL's SQL. (The primary key is part of
 *	  its table.)
 *
 * Long texts are indexed by a prefix. A unique index of some rows becomes one
 * of all, with a generated column that is NULL in the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "lib/stringinfo.h"

#define MAX_INDEX_COMMENT 1024
#define PREFIX_CHARS 191		/* of a long text in an index that is not unique */

/* Bytes of a part in the key; *prefix: characters or bytes, 0 all. */
static int
part_bytes(const EmitColumn *c, const EmitTarget *target, int left, int *prefix)
{
	int			limit = Min(left, target->column_bytes);

	*prefix = 0;
	if (c->lob)
	{
		*prefix = Min(PREFIX_CHARS, limit / c->char_bytes);
		return *prefix * c->char_bytes;
	}
	if (c->elastic && c->chars * c->char_bytes > limit)
	{
		*prefix = limit / c->char_bytes;
		return *prefix * c->char_bytes;
	}
	return c->elastic ? c->chars * c->char_bytes : c->bytes;
}

/* "`a`, `b`(191) DESC"; NULL: *why */
static char *
parts_sql(const EmitTable *table, const IndexDefinition *index, const EmitTarget *target,
		  PlanNotes *notes, char **why)
{
	StringInfoData buf;
	ListCell   *lc;
	int			left = target->key_bytes;

	if (list_length(index->parts) > MY_MAX_PARTS)
	{
		*why = psprintf("it has more than %d columns", MY_MAX_PARTS);
		return NULL;
	}
	initStringInfo(&buf);
	foreach(lc, index->parts)
	{
		IndexPartDefinition *part = lfirst(lc);
		EmitColumn *c = part->column ? emit_find_column(table, part->column) : NULL;
		int			prefix;

		if (part->column == NULL)
			*why = psprintf("it is on an expression: %s", part->expr);
		else if (c == NULL || c->name == NULL)
			*why = psprintf("column %s is left out", part->column);
		else if ((c->class == MY_JSON || c->class == MY_ARRAY) && c->lob)
			*why = psprintf("column %s is JSON", part->column);
		else if (left < 4)
			*why = psprintf("its columns have more than %d bytes", target->key_bytes);
		if (*why != NULL)
			return NULL;
		left -= part_bytes(c, target, left, &prefix);
		if (left < 0 || (prefix != 0 && index->is_unique))
		{
			*why = psprintf("its columns have more than %d bytes", target->key_bytes);
			return NULL;
		}
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", c->name);
		if (prefix > 0)
		{
			appendStringInfo(&buf, "(%d)", prefix);
			plan_note(notes, "column %s is indexed by its first %d %s", part->column, prefix,
					  c->class == MY_BYTES ? "bytes" : "characters");
		}
		if (part->descending && target->descending)
			appendStringInfoString(&buf, " DESC");
		else if (part->descending)
			plan_note(notes, "column %s is in ascending order, for %s has no other", part->column,
					  target->name);
	}
	return buf.data;
}

/* Another column (*extra) that is 1 where the index has the row, and NULL elsewhere. */
static char *
partial_unique(Emit *emit, EmitTable *table, const IndexDefinition *index, const char *name,
			   const char *parts, PlanNotes *notes, char **extra, char **why)
{
	const TableDef *def = table->def->def;
	char	   *column;
	char	   *condition;

	if (!emit->target->generated)
	{
		*why = psprintf("it is of some rows, and %s has no generated columns", emit->target->name);
		return NULL;
	}
	condition = emit_translate(index->predicate, table, NULL, emit->target, MY_USE_GENERATED,
							   notes, why);
	if (condition == NULL)
	{
		*why = psprintf("it is of the rows where %s, which does not translate (%s)",
						index->predicate, *why);
		return NULL;
	}
	column = emit_unique_name(emit, def->target_schema, psprintf("column of %s", def->target_name),
							  psprintf("%s_row", index->name));
	plan_note(notes, "it is of some rows: column %s is generated for it, 1 in those rows, NULL in the others",
			  column);
	*extra = column;
	column = my_quote_identifier(column);
	return psprintf("ALTER TABLE %s ADD COLUMN %s TINYINT GENERATED ALWAYS AS (CASE WHEN %s THEN 1 END) VIRTUAL%s, ADD UNIQUE INDEX %s (%s, %s)",
					table->name, column, condition, emit->target->invisible ? " INVISIBLE" : "",
					my_quote_identifier(name), parts, column);
}

static char *
index_sql(Emit *emit, EmitTable *table, const IndexDefinition *index, const char *name,
		  PlanNotes *notes, char **extra, char **why)
{
	char	   *parts;

	if (index->exclusion)
		*why = "MySQL has no EXCLUDE";
	else if (strcmp(index->method, "btree") != 0 && strcmp(index->method, "hash") != 0)
		*why = psprintf("MySQL has no index of method %s", index->method);
	if (*why != NULL)
		return NULL;
	parts = parts_sql(table, index, emit->target, notes, why);
	if (parts == NULL)
		return NULL;
	if (index->includes)
		plan_note(notes, "its INCLUDE columns are left out");
	if (index->nulls_not_distinct)
		plan_warn(notes, "NULLS NOT DISTINCT is lost: rows with NULL can be there more than once");
	if (index->deferrable)
		plan_warn(notes, "it is DEFERRABLE, and checked at once at the destination");
	if (index->predicate != NULL && index->is_unique)
		return partial_unique(emit, table, index, name, parts, notes, extra, why);
	if (index->predicate != NULL)
		plan_note(notes, "it is of the rows where %s, and of all rows at the destination", index->predicate);
	return psprintf("CREATE %sINDEX %s ON %s (%s)%s", index->is_unique ? "UNIQUE " : "",
					my_quote_identifier(name), table->name, parts,
					emit_comment(index->comment, MAX_INDEX_COMMENT, notes, "the index"));
}

void
emit_indexes(Emit *emit, EmitTable *table)
{
	const TableDef *def = table->def->def;
	char	   *space = psprintf("index of %s", def->target_name);
	int			n = 0;
	ListCell   *lc;

	/* an index of this name is the primary key alone */
	(void) plan_name_take(&emit->plan, def->target_schema, space, "primary");
	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (c->name != NULL)
			(void) emit_unique_name(emit, def->target_schema, psprintf("column of %s", def->target_name),
									c->def->col->target_name);
	}
	foreach(lc, table->def->indexes)
	{
		IndexDefinition *index = lfirst(lc);
		PlanNotes	notes = {0};
		char	   *why = NULL;
		char	   *extra = NULL;
		char	   *name;
		char	   *sql;

		if (index->primary)
			continue;
		name = emit_unique_name(emit, def->target_schema, space, index->name);
		sql = index_sql(emit, table, index, name, &notes, &extra, &why);
		if (sql != NULL && ++n > MY_MAX_INDEXES)
		{
			sql = NULL;
			why = psprintf("a table can have %d", MY_MAX_INDEXES);
		}
		if (sql == NULL)
			plan_warn(&notes, "%s is lost: %s", index->is_unique ? "a unique index" : "an index", why);
		else
			emit_note_key(table, index, name, extra);
		plan_add(&emit->plan, index->is_unique ? PLAN_UNIQUE : PLAN_INDEX, "index", def, name,
				 sql, &notes);
	}
}
