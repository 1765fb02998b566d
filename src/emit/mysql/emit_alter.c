/*-------------------------------------------------------------------------
 *
 * emit_alter.c
 *	  Statements of a PostgreSQL source that change a table, in MySQL's SQL: made
 *	  of what the table was, and what it is after the statement.
 *
 * A table is known by its TableDef alone: what is not a built-in type (an enum,
 * a domain) is not, and a column of such a type cannot be made here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The name of a type; it is the server's own. */
static char *
name_of(Oid typid)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	char	   *name;

	if (!HeapTupleIsValid(tup))
		return NULL;
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tup))->typname));
	ReleaseSysCache(tup);
	return name;
}

/* false: its type is none that is built in. */
static bool
describe_column(ColumnDefinition *c)
{
	const TableColumn *col = c->col;
	Oid			typid = InvalidOid;
	Oid			element;
	int32		typmod = -1;

	c->type = "unknown";
	c->type_text = col->source_type;
	c->kind = TYPTYPE_BASE;
	c->typmod = -1;
	c->not_null = !col->nullable;
	c->default_expr = col->default_expr;
	c->generation_expr = col->generation_expr;
	c->is_virtual = col->generation_expr != NULL && !col->generated_stored;
	c->identity = col->auto_increment ? 'd' : '\0';
	c->increment = 1;
	c->comment = col->comment;
	if (col->base_type == NULL || col->base_type[0] == '\0' || col->source_type == NULL)
		return false;
	dts_parse_type(col->source_type, &typid, &typmod);
	if (!OidIsValid(typid) || get_typtype(typid) != TYPTYPE_BASE)
		return false;
	element = get_element_type(typid);
	c->array = OidIsValid(element);
	c->type = name_of(c->array ? element : typid);
	c->typmod = typmod;
	c->builtin = c->type != NULL;
	return c->builtin;
}

static IndexDefinition *
describe_key(const TableIndex *index)
{
	IndexDefinition *d = palloc0(sizeof(IndexDefinition));
	ListCell   *lc;

	d->name = index->name;
	d->primary = index->kind == INDEX_PRIMARY;
	d->is_unique = true;
	d->method = "btree";
	foreach(lc, index->parts)
	{
		IndexPartDefinition *part = palloc0(sizeof(IndexPartDefinition));

		part->column = ((IndexPart *) lfirst(lc))->column;
		part->descending = ((IndexPart *) lfirst(lc))->descending;
		d->parts = lappend(d->parts, part);
	}
	return d;
}

static bool
is_whole(const TableIndex *index)
{
	ListCell   *lc;

	foreach(lc, index->parts)
		if (((IndexPart *) lfirst(lc))->column == NULL)
			return false;
	return !index->partial && (index->kind == INDEX_PRIMARY || index->kind == INDEX_UNIQUE);
}

/* *unknown: names (char *) of columns whose type is not known. */
static TableDefinition *
describe_table(TableDef *def, List **unknown)
{
	TableDefinition *table = palloc0(sizeof(TableDefinition));
	ListCell   *lc;

	table->def = def;
	foreach(lc, def->columns)
	{
		ColumnDefinition *c = palloc0(sizeof(ColumnDefinition));

		c->col = lfirst(lc);
		if (!describe_column(c))
			*unknown = lappend(*unknown, c->col->name);
		table->columns = lappend(table->columns, c);
	}
	foreach(lc, def->indexes)
		if (is_whole(lfirst(lc)))
			table->indexes = lappend(table->indexes, describe_key(lfirst(lc)));
	return table;
}

static bool
has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

static EmitTable *
emit_one(Emit *emit, TableDefinition *table, const PlanOptions *options)
{
	SchemaDefinition *schema = palloc0(sizeof(SchemaDefinition));

	schema->tables = list_make1(table);
	emit_all(emit, schema, options);
	return linitial(emit->tables);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static char *
table_name(const TableDef *def)
{
	return psprintf("%s.%s", my_quote_identifier(def->target_schema),
					my_quote_identifier(def->target_name));
}

/* ----------------------------------------------------------------- columns */

typedef struct Alter
{
	TableAlter  *change;
	Emit		emit;
	EmitTable  *table;
	List	   *unknown;
	StringInfoData sql;
} Alter;

static void
clause(Alter *a, const char *words, const char *rest)
{
	appendStringInfo(&a->sql, "%s%s %s", a->sql.len ? ", " : "", words, rest);
}

/*
 * Rows that are older than a column have the value that its default had. The
 * destination gives them a constant by itself.
 */
static void
look_at_old_rows(Alter *a, const EmitColumn *c, const char *missing)
{
	bool		null;

	if (missing != NULL && (c->default_sql == NULL || c->def->default_expr == NULL ||
							emit_parse(c->def->default_expr) == NULL ||
							emit_constant(emit_parse(c->def->default_expr), &null) == NULL))
		a->change->rows_unknown = true;
}

static void
alter_column(Alter *a, const TableColumn *col, const char *missing)
{
	const TableAlter *change = a->change;
	const TableColumn *was = model_find_column(change->before, col->name);
	const EmitColumn *c = emit_find_column(a->table, col->name);
	bool		renamed = false;

	if (was == NULL && change->to != NULL && strcmp(col->name, change->to) == 0)
	{
		was = model_find_column(change->before, change->from);
		renamed = was != NULL;
	}
	if (c->name == NULL || (was != NULL && was->target_name == NULL))
		return;
	if (was != NULL && !renamed && same_text(was->source_type, col->source_type) &&
		was->nullable == col->nullable && same_text(was->default_expr, col->default_expr) &&
		same_text(was->generation_expr, col->generation_expr))
		return;
	if (has_name(a->unknown, col->name))
	{
		a->change->why = psprintf("Column %s is of type %s, which is not known outside of the source",
								  col->name, col->source_type);
		return;
	}
	if (was != NULL && !same_text(was->generation_expr, col->generation_expr))
		a->change->why = psprintf("Column %s is generated, and by another expression now", col->name);
	else if (was == NULL)
	{
		clause(a, "ADD COLUMN", emit_column_sql(a->table, c, a->emit.target));
		look_at_old_rows(a, c, missing);
	}
	else if (renamed)
		clause(a, psprintf("CHANGE COLUMN %s", my_quote_identifier(was->target_name)),
			   emit_column_sql(a->table, c, a->emit.target));
	else
		clause(a, "MODIFY COLUMN", emit_column_sql(a->table, c, a->emit.target));
}

void
emit_alter(TableAlter *change, const PlanOptions *options)
{
	Alter		a = {.change = change};
	const TableDef *before = change->before;
	TableDef   *after = change->after;
	ListCell   *lc;

	initStringInfo(&a.sql);
	a.table = emit_one(&a.emit, describe_table(after, &a.unknown), options);
	foreach(lc, after->columns)
	{
		int			i = foreach_current_index(lc);

		alter_column(&a, lfirst(lc), i < list_length(change->missing) ?
					 list_nth(change->missing, i) : NULL);
	}
	foreach(lc, before->columns)
	{
		const TableColumn *was = lfirst(lc);

		if (was->target_name != NULL && model_find_column(after, was->name) == NULL &&
			(change->from == NULL || strcmp(was->name, change->from) != 0))
			clause(&a, "DROP COLUMN", my_quote_identifier(was->target_name));
	}
	if (a.sql.len > 0)
		change->sql = lappend(change->sql, psprintf("ALTER TABLE %s %s", table_name(before), a.sql.data));
	if (strcmp(before->target_name, after->target_name) != 0 ||
		strcmp(before->target_schema, after->target_schema) != 0)
		change->sql = lappend(change->sql, psprintf("RENAME TABLE %s TO %s", table_name(before),
													table_name(after)));
}

/* ----------------------------------------------------------------- objects */

List *
emit_create(TableDef *def, const PlanOptions *options, char **why)
{
	Emit		emit;
	List	   *unknown = NIL;
	List	   *sql = NIL;
	TableDefinition *table = describe_table(def, &unknown);
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);

		if (col->target_name != NULL && has_name(unknown, col->name))
		{
			*why = psprintf("Column %s is of type %s, which is not known outside of the source",
							col->name, col->source_type);
			return NIL;
		}
	}
	(void) emit_one(&emit, table, options);
	foreach(lc, emit.plan.statements)
	{
		const PlanStatement *st = lfirst(lc);

		if (st->sql != NULL)
			sql = lappend(sql, st->sql);
		else if (st->fatal || strcmp(st->kind, "table") == 0)
			*why = st->note;
	}
	return sql;
}

char *
emit_create_index(TableDef *def, const Node *tree, const char *name, const PlanOptions *options,
				  char **why)
{
	const IndexStmt *stmt = castNode(IndexStmt, tree);
	IndexDefinition *index = palloc0(sizeof(IndexDefinition));
	List	   *unknown = NIL;
	TableDefinition *table = describe_table(def, &unknown);
	const PlanStatement *made = NULL;
	Emit		emit;
	ListCell   *lc;

	index->name = pstrdup(name);
	index->is_unique = stmt->unique;
	index->method = stmt->accessMethod;
	index->includes = stmt->indexIncludingParams != NIL;
	index->nulls_not_distinct = stmt->nulls_not_distinct;
	/* its text is not known; of an index that is not unique it only says which rows */
	index->predicate = stmt->whereClause && !stmt->unique ? "…" : NULL;
	if (stmt->whereClause && stmt->unique)
	{
		*why = "It is unique among some rows alone";
		return NULL;
	}
	foreach(lc, stmt->indexParams)
	{
		const IndexElem *elem = lfirst_node(IndexElem, lc);
		IndexPartDefinition *part = palloc0(sizeof(IndexPartDefinition));

		part->column = elem->name;
		part->expr = "…";
		part->descending = elem->ordering == SORTBY_DESC;
		if (elem->name != NULL && has_name(unknown, elem->name))
		{
			*why = psprintf("The type of column %s is not known outside of the source", elem->name);
			return NULL;
		}
		index->parts = lappend(index->parts, part);
	}
	table->indexes = lappend(table->indexes, index);
	(void) emit_one(&emit, table, options);
	foreach(lc, emit.plan.statements)
		if (strcmp(((PlanStatement *) lfirst(lc))->kind, "index") == 0)
			made = lfirst(lc);
	if (made == NULL || made->sql == NULL)
		*why = made ? made->note : "It is none that the destination has";
	return made ? made->sql : NULL;
}
