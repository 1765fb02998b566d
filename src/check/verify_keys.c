/*-------------------------------------------------------------------------
 *
 * verify_keys.c
 *	  Keys, indexes and foreign keys: has the destination all that the source has?
 *
 * They are compared by what they are made of, not by name: a name may have
 * been changed to fit. What the destination has in addition is nobody's fault,
 * but for a key that the source has dropped: it may refuse rows of the source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/dest_catalog.h"
#include "check/verify.h"

#include "utils/builtins.h"

static void
add(Verify *v, const TableDef *def, DifferenceKind kind, const char *object,
	const char *there, const char *here)
{
	verify_add_object(v, NULL, def->schema, def->name, kind, object, there, here);
}

/* ------------------------------------------------------------------ indexes */

/*
 * Does the rule change what expressions over columns may look like at the
 * destination?
 */
static bool
changes_columns(const ShapeRule *rule)
{
	return rule != NULL && (rule->columns != NIL || rule->set != NIL || rule->take_just);
}

/*
 * a,b of target names, () for an expression; NULL where a part does not exist
 * or cannot be known.
 */
static char *
index_columns(const Verify *v, const TableDef *def, const TableIndex *index,
			  const ShapeRule *rule)
{
	StringInfoData buf;
	ListCell   *lc;

	if (index->partial && changes_columns(rule))
		return NULL;
	initStringInfo(&buf);
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col = part->column && part->prefix == 0 ?
			model_find_column(def, part->column) : NULL;

		if (part->expr && v->source->describe_keys && !changes_columns(rule))
			appendStringInfo(&buf, "%s()", buf.len > 0 ? "," : "");
		else if (col == NULL || col->target_name == NULL)
			return NULL;
		else
			appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "",
							 quote_identifier(col->target_name));
	}
	return buf.data;
}

/* NULL: there is none; "false": it is not valid. */
static char *
index_there(const Verify *v, const char *relation, const char *columns, bool unique,
			bool partial)
{
	StringInfoData sql;
	List	   *rows;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT bool_or(i.indisvalid)::text FROM pg_catalog.pg_index i "
					   "CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(COALESCE("
					   "pg_catalog.quote_ident(a.attname), '()'), ',' ORDER BY k.n) AS columns "
					   "FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, n) "
					   "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid "
					   "AND a.attnum = k.attnum AND k.attnum <> 0 "
					   "WHERE k.n <= i.indnkeyatts) c ");
	appendStringInfo(&sql, "WHERE i.indrelid = pg_catalog.to_regclass(%s) AND c.columns = %s",
					 quote_literal_cstr(relation), quote_literal_cstr(columns));
	if (unique)
		appendStringInfoString(&sql, " AND i.indisunique");
	if (!partial)
		appendStringInfoString(&sql, " AND i.indpred IS NULL");
	rows = dest_catalog_select(v->task, v->dest, "index", "T", sql.data);
	return rows != NIL ? *(char **) linitial(rows) : NULL;
}

void
verify_index(Verify *v, const TableDef *def, const char *relation, const char *columns,
			 bool unique, bool partial, const char *name)
{
	char	   *valid = index_there(v, relation, columns, unique, partial);

	if (valid == NULL)
		add(v, def, DIFFERENCE_MISSING,
			psprintf("%s (%s)", unique ? "unique key" : "index", columns),
			name, NULL);
	else if (strcmp(valid, "true") != 0)
		add(v, def, DIFFERENCE_DIFFERS, psprintf("index (%s)", columns),
			name, "not valid");
}

static bool
is_unique(const TableIndex *index)
{
	return index->kind == INDEX_PRIMARY || index->kind == INDEX_UNIQUE;
}

static bool
has_unique(const Verify *v, const TableDef *def, const char *columns,
		   const ShapeRule *rule)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);
		char	   *other = is_unique(index) ? index_columns(v, def, index, rule) : NULL;

		if (other != NULL && strcmp(other, columns) == 0)
			return true;
	}
	return false;
}

static void
compare_indexes(Verify *v, const TableDef *def, const TableDef *known,
				const ShapeRule *rule, const char *relation)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);
		bool		unique = is_unique(index);
		char	   *columns = index_columns(v, def, index, rule);

		if (columns == NULL || (!unique && index->kind != INDEX_PLAIN) ||
			(index->kind == INDEX_PRIMARY && rule && rule->primary_key != NIL))
			continue;
		verify_index(v, def, relation, columns, unique, index->partial, index->name);
	}
	foreach(lc, known->indexes)
	{
		TableIndex *index = lfirst(lc);
		char	   *columns = is_unique(index) ? index_columns(v, known, index, rule) : NULL;

		if (columns != NULL && !has_unique(v, def, columns, rule) &&
			!(index->kind == INDEX_PRIMARY && rule && rule->primary_key != NIL) &&
			index_there(v, relation, columns, true, false) != NULL)
			add(v, def, DIFFERENCE_EXTRA, psprintf("unique key (%s)", columns),
				NULL, index->name);
	}
}

/* ------------------------------------------------------------- foreign keys */

static TableDef *
find_parent(List *stored, const TableDef *def, const TableForeignKey *fk)
{
	const char *schema = fk->ref_schema ? fk->ref_schema : def->schema;
	TableDef   *folded = NULL;
	ListCell   *lc;

	foreach(lc, stored)
	{
		TableDef   *parent = lfirst(lc);

		if (strcmp(parent->schema, schema) == 0 &&
			strcmp(parent->name, fk->ref_table) == 0)
			return parent;
		/* servers on file systems that fold case */
		if (pg_strcasecmp(parent->schema, schema) == 0 &&
			pg_strcasecmp(parent->name, fk->ref_table) == 0)
			folded = parent;
	}
	return folded;
}

/* Does no other table of the source go where it goes? No key refers to such. */
static bool
is_alone(const TableDef *def, List *stored)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		TableDef   *other = lfirst(lc);

		if (other != def && strcmp(other->target_name, def->target_name) == 0 &&
			strcmp(other->target_schema, def->target_schema) == 0)
			return false;
	}
	return true;
}

/* a,b of target names; NULL: one is not here. */
static char *
column_list(const TableDef *def, List *columns)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, columns)
	{
		TableColumn *col = model_find_column(def, lfirst(lc));

		if (col == NULL || col->target_name == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "",
						 quote_identifier(col->target_name));
	}
	return buf.data;
}

static bool
same_names(List *a, List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
		if (pg_strcasecmp(lfirst(la), lfirst(lb)) != 0)
			return false;
	return true;
}

/* Does the task know of it, and has not made it, for a reason that it gave? */
static bool
was_not_made(const TableDef *planned, const TableForeignKey *fk)
{
	ListCell   *lc;

	foreach(lc, planned->foreign_keys)
	{
		TableForeignKey *known = lfirst(lc);

		if (known->target_name == NULL && same_names(known->columns, fk->columns) &&
			pg_strcasecmp(known->ref_table, fk->ref_table) == 0)
			return true;
	}
	return false;
}

/* As pg_constraint has it; RESTRICT and NO ACTION are not distinguished. */
static char
action_code(const char *action)
{
	if (action == NULL || pg_strcasecmp(action, "RESTRICT") == 0 ||
		pg_strcasecmp(action, "NO ACTION") == 0)
		return 'a';
	return pg_strcasecmp(action, "CASCADE") == 0 ? 'c' :
		pg_strcasecmp(action, "SET NULL") == 0 ? 'n' : 'd';
}

static char *
actions(char on_update, char on_delete)
{
	return psprintf("on update %c, on delete %c", on_update == 'r' ? 'a' : on_update,
					on_delete == 'r' ? 'a' : on_delete);
}

static void
compare_foreign_key(Verify *v, const TableDef *def, const TableForeignKey *fk,
					const TableDef *parent, const char *relation)
{
	char	   *columns = column_list(def, fk->columns);
	char	   *ref_columns = column_list(parent, fk->ref_columns);
	char	   *wanted = actions(action_code(fk->on_update), action_code(fk->on_delete));
	char	   *object;
	char	   *found = NULL;
	StringInfoData sql;
	List	   *rows;
	ListCell   *lc;

	if (columns == NULL || ref_columns == NULL)
		return;
	object = psprintf("foreign key (%s)", columns);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT c.confupdtype, c.confdeltype FROM pg_catalog.pg_constraint c "
					   "CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ',' ORDER BY k) AS mine, "
					   "pg_catalog.string_agg(pg_catalog.quote_ident(b.attname), ',' ORDER BY k) AS theirs "
					   "FROM pg_catalog.generate_subscripts(c.conkey, 1) k "
					   "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[k] "
					   "JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[k]) x "
					   "WHERE c.contype = 'f' ");
	appendStringInfo(&sql, "AND c.conrelid = pg_catalog.to_regclass(%s) "
					 "AND c.confrelid = pg_catalog.to_regclass(%s) AND x.mine = %s AND x.theirs = %s",
					 quote_literal_cstr(relation),
					 quote_literal_cstr(quote_qualified_identifier(parent->target_schema,
																   parent->target_name)),
					 quote_literal_cstr(columns), quote_literal_cstr(ref_columns));
	rows = dest_catalog_select(v->task, v->dest, "foreign key", "tt", sql.data);
	if (rows == NIL)
		add(v, def, DIFFERENCE_MISSING, object, fk->name, NULL);
	foreach(lc, rows)
	{
		char	  **row = lfirst(lc);

		found = actions(row[0][0], row[1][0]);
		if (strcmp(found, wanted) == 0)
			return;
	}
	if (found != NULL)
		add(v, def, DIFFERENCE_DIFFERS, object, wanted, found);
}

static void
compare_foreign_keys(Verify *v, const TableDef *def, const TableDef *known,
					 List *stored, const char *relation)
{
	ListCell   *lc;

	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);
		TableDef   *parent = find_parent(stored, def, fk);

		if (parent != NULL && is_alone(parent, stored) && !was_not_made(known, fk))
			compare_foreign_key(v, def, fk, parent, relation);
	}
	foreach(lc, dest_catalog_select(v->task, v->dest, "constraints", "t",
									psprintf("SELECT conname FROM pg_catalog.pg_constraint "
											 "WHERE conrelid = pg_catalog.to_regclass(%s) AND NOT convalidated",
											 quote_literal_cstr(relation))))
	{
		char	   *name = *(char **) lfirst(lc);

		if (v->source->constraint_open != NULL &&
			v->source->constraint_open(v->conn, def->schema, def->name, name))
			continue;
		add(v, def, DIFFERENCE_DIFFERS, psprintf("constraint %s", name),
			"valid", "not valid");
	}
}

void
verify_keys(Verify *v, const TableDef *def, const TableDef *known, List *stored,
			const ShapeRule *rule, const char *relation)
{
	compare_indexes(v, def, known, rule, relation);
	compare_foreign_keys(v, def, known, stored, relation);
}
