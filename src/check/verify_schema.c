/*-------------------------------------------------------------------------
 *
 * verify_schema.c
 *	  Definitions: are the tables here what the source's are, by the books?
 *
 * The source is compared with the books (what the task knows of a table), the
 * books with this database's catalog. Objects that could not be made are
 * differences, too; so are indexes and constraints that are not valid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/verify.h"

#include "compat.h"
#include "access/table.h"
#include "catalog/books.h"
#include "catalog/namespace.h"
#include "transform/describe.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static TableDef *
find_table(List *tables, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (strcmp(def->name, name) == 0 && strcmp(def->schema, schema) == 0)
			return def;
	}
	return NULL;
}

static void
add(Verify *v, const TableDef *def, DifferenceKind kind, const char *object,
	const char *there, const char *here)
{
	verify_add_object(v, NULL, def->schema, def->name, kind, object, there, here);
}

/* ---------------------------------------------------- source against books */

static void
compare_source(Verify *v, const TableDef *now, const TableDef *book)
{
	ListCell   *lc;

	foreach(lc, now->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *other = model_find_column(book, col->name);
		char	   *object = psprintf("column %s", col->name);

		if (other == NULL)
			add(v, now, DIFFERENCE_MISSING, object, col->source_type, NULL);
		else if (strcmp(col->source_type, other->source_type) != 0)
			add(v, now, DIFFERENCE_DIFFERS, object, col->source_type,
				other->source_type);
	}
	foreach(lc, book->columns)
	{
		TableColumn *col = lfirst(lc);

		if (model_find_column(now, col->name) == NULL)
			add(v, now, DIFFERENCE_EXTRA, psprintf("column %s", col->name), NULL,
				col->source_type);
	}
}

/* ------------------------------------------------------ books against here */

/* Is found the type wanted, with a schema in front? */
static bool
is_name_of(const char *found, const char *wanted)
{
	Size		f = strlen(found);
	Size		w = strlen(wanted);

	return f > w && found[f - w - 1] == '.' && strcmp(found + f - w, wanted) == 0;
}

/* Does a rule set the column? It may be of another type then. */
static bool
is_set(const ShapeRule *rule, const char *target)
{
	ListCell   *lc;

	foreach(lc, rule ? rule->set : NIL)
	{
		if (strcmp(((RuleSet *) lfirst(lc))->target, target) == 0)
			return true;
	}
	return false;
}

static void
compare_column(Verify *v, const TableDef *def, const TableColumn *col,
			   const ShapeRule *rule, Relation rel)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), col->target_name);
	char	   *object = psprintf("column %s", col->target_name);
	Form_pg_attribute att;
	Oid			typid = InvalidOid;
	int32		typmod = -1;
	char	   *wanted;
	char	   *found;

	if (attnum <= 0)
	{
		add(v, def, DIFFERENCE_MISSING, object, col->source_type, NULL);
		return;
	}
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (col->pg_type == NULL || is_set(rule, col->target_name))
		return;
	dts_parse_type(col->pg_type, &typid, &typmod);
	found = format_type_with_typemod(att->atttypid, att->atttypmod);
	wanted = OidIsValid(typid) ? format_type_with_typemod(typid, typmod) :
		col->pg_type;
	if (strcmp(wanted, found) != 0 &&
		(OidIsValid(typid) || !is_name_of(found, wanted)))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: type", object), wanted, found);
	if (att->attnotnull == col->target_nullable &&
		!(att->attnotnull && model_in_source_key(def, col)))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: nullable", object),
			col->target_nullable ? "yes" : "no", att->attnotnull ? "no" : "yes");
}

/* {"a","b"} of target names; NULL where a part is no whole column. */
static char *
key_columns(const TableDef *def, const TableIndex *index)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col = part->column && part->prefix == 0 ?
			model_find_column(def, part->column) : NULL;

		if (col == NULL || col->target_name == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "",
						 quote_identifier(col->target_name));
	}
	return buf.data;
}

static void
compare_index(Verify *v, const TableDef *def, Oid relid, const char *columns,
			  bool unique, const char *name)
{
	BookRows   *rows;

	rows = books_query("SELECT bool_or(i.indisvalid) FROM pg_catalog.pg_index i "
					   "CROSS JOIN LATERAL (SELECT pg_catalog.string_agg("
					   "pg_catalog.quote_ident(a.attname), ',' ORDER BY k.n) AS columns "
					   "FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, n) "
					   "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid "
					   "AND a.attnum = k.attnum) c WHERE i.indrelid = $1::oid "
					   "AND c.columns = $2 AND (i.indisunique OR NOT $3)", "itb",
					   (int64) relid, columns, (int) unique);
	if (rows->values[0][0] == NULL)
		add(v, def, DIFFERENCE_MISSING,
			psprintf("%s (%s)", unique ? "unique key" : "index", columns),
			name, NULL);
	else if (!book_bool(rows, 0, 0))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("index (%s)", columns),
			name, "not valid");
}

/* The columns and the key that a rule wants. */
static void
compare_rule(Verify *v, const TableDef *def, const ShapeRule *rule, Oid relid)
{
	StringInfoData key;
	ListCell   *lc;

	foreach(lc, rule->set)
	{
		const RuleSet *set = lfirst(lc);

		if (get_attnum(relid, set->target) == InvalidAttrNumber)
			add(v, def, DIFFERENCE_MISSING, psprintf("column %s", set->target),
				set->expr, NULL);
	}
	initStringInfo(&key);
	foreach(lc, rule->primary_key)
		appendStringInfo(&key, "%s%s", key.len > 0 ? "," : "",
						 quote_identifier(lfirst(lc)));
	if (key.len > 0 && v->task->do_schema)
		compare_index(v, def, relid, key.data, true, "primary_key of the rule");
}

static void
compare_indexes(Verify *v, const TableDef *def, const ShapeRule *rule, Oid relid)
{
	ListCell   *lc;

	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);
		bool		unique = index->kind == INDEX_PRIMARY || index->kind == INDEX_UNIQUE;
		char	   *columns = key_columns(def, index);

		if (columns == NULL || (!unique && index->kind != INDEX_PLAIN) ||
			(index->kind == INDEX_PRIMARY && rule && rule->primary_key != NIL))
			continue;
		compare_index(v, def, relid, columns, unique, index->name);
	}
}

static void
compare_foreign_keys(Verify *v, const TableDef *def, Oid relid)
{
	ListCell   *lc;
	BookRows   *rows;

	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (fk->target_name == NULL)
			continue;
		rows = books_query("SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid "
						   "AND contype = 'f' AND conname = $2", "it",
						   (int64) relid, fk->target_name);
		if (rows->nrows == 0)
			add(v, def, DIFFERENCE_MISSING, psprintf("foreign key %s", fk->target_name),
				fk->name, NULL);
	}
	rows = books_query("SELECT conname FROM pg_catalog.pg_constraint "
					   "WHERE conrelid = $1::oid AND NOT convalidated", "i",
					   (int64) relid);
	for (int i = 0; i < rows->nrows; i++)
	{
		char	   *name = rows->values[i][0];

		if (v->source->constraint_open != NULL &&
			v->source->constraint_open(v->conn, def->schema, def->name, name))
			continue;
		add(v, def, DIFFERENCE_DIFFERS, psprintf("constraint %s", name),
			"valid", "not valid");
	}
}

static void
compare_here(Verify *v, const TableDef *def)
{
	Oid			nspid = get_namespace_oid(def->target_schema, true);
	Oid			relid = OidIsValid(nspid) ?
		get_relname_relid(def->target_name, nspid) : InvalidOid;
	const ShapeRule *rule = selection_shape(v->selection, def->schema, def->name);
	Relation	rel;
	ListCell   *lc;

	if (!OidIsValid(relid))
	{
		add(v, def, DIFFERENCE_MISSING, "table",
			psprintf("%s.%s", def->schema, def->name), NULL);
		return;
	}
	rel = table_open(relid, AccessShareLock);
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name != NULL)
			compare_column(v, def, col, rule, rel);
	}
	table_close(rel, AccessShareLock);
	if (rule != NULL)
		compare_rule(v, def, rule, relid);
	if (v->task->do_schema)
	{
		compare_indexes(v, def, rule, relid);
		compare_foreign_keys(v, def, relid);
	}
}

/* ----------------------------------------------------------------- objects */

static void
failed_objects(Verify *v, List *wanted)
{
	BookRows   *rows;

	rows = books_query("SELECT COALESCE(t.source_schema, ''), COALESCE(t.source_table, ''), "
					   "o.kind || ' ' || o.name, o.statement, o.error "
					   "FROM dtsmig.task_object o LEFT JOIN dtsmig.task_table t USING (table_id) "
					   "WHERE o.task_id = $1 AND o.state = 'failed' ORDER BY o.object_id",
					   "i", v->task->id);
	for (int i = 0; i < rows->nrows; i++)
		if (verify_is_wanted(rows->values[i][0], rows->values[i][1], wanted))
			verify_add_object(v, NULL, rows->values[i][0], rows->values[i][1],
						  DIFFERENCE_MISSING, rows->values[i][2],
						  rows->values[i][3], rows->values[i][4]);
}

/*
 * The definitions of the books, TableDef *. Of a table that is being copied
 * again they say nothing: it is among left_out (TableDef *) instead.
 */
static List *
book_definitions(Verify *v, List *wanted, List **left_out)
{
	BookRows   *rows;
	List	   *tables = NIL;

	rows = books_query("SELECT x.definition, t.state = 'resync' FROM dtsmig.task_table t JOIN LATERAL "
					   "(SELECT definition FROM dtsmig.table_version v "
					   "WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) x "
					   "ON true WHERE t.task_id = $1 "
					   "ORDER BY t.table_id", "i", v->task->id);
	for (int i = 0; i < rows->nrows; i++)
	{
		TableDef   *def = model_from_jsonb(book_jsonb(rows, i, 0));

		if (!verify_is_wanted(def->schema, def->name, wanted))
			continue;
		if (book_bool(rows, i, 1))
		{
			verify_leave_out(v, def->schema, def->name, wanted);
			*left_out = lappend(*left_out, def);
		}
		else
			tables = lappend(tables, def);
	}
	return tables;
}

static void
check_names(const Verify *v, List *now, List *books, List *wanted)
{
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, wanted)
	{
		List	   *name = list_make1(lfirst(lc));
		bool		found = false;

		foreach(lt, now)
			found |= verify_is_wanted(((TableDef *) lfirst(lt))->schema,
									  ((TableDef *) lfirst(lt))->name, name);
		foreach(lt, books)
			found |= verify_is_wanted(((TableDef *) lfirst(lt))->schema,
									  ((TableDef *) lfirst(lt))->name, name);
		if (!found)
			verify_unknown_table(v, lfirst(lc));
	}
}

void
verify_schema(Verify *v, List *wanted)
{
	List	   *now = describe_selected(v->selection, v->source, v->conn, v->info);
	List	   *left_out = NIL;
	List	   *books;
	ListCell   *lc;

	/* what the source has done to its tables by now has to be known here */
	verify_catch_up(v);
	books = book_definitions(v, wanted, &left_out);
	check_names(v, now, books, wanted);
	foreach(lc, now)
	{
		TableDef   *def = lfirst(lc);
		TableDef   *book = find_table(books, def->schema, def->name);

		if (!model_has_rows(def) || !verify_is_wanted(def->schema, def->name, wanted) ||
			find_table(left_out, def->schema, def->name) != NULL)
			continue;
		if (book == NULL)
			add(v, def, DIFFERENCE_MISSING, "table",
				psprintf("%s.%s", def->schema, def->name), NULL);
		else
			compare_source(v, def, book);
	}
	foreach(lc, books)
	{
		TableDef   *book = lfirst(lc);

		if (find_table(now, book->schema, book->name) == NULL)
			add(v, book, DIFFERENCE_EXTRA, "table", NULL,
				psprintf("%s.%s", book->target_schema, book->target_name));
		else
			compare_here(v, book);
	}
	failed_objects(v, wanted);
}
