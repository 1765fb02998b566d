/*-------------------------------------------------------------------------
 *
 * verify_schema.c
 *	  Definitions: are the destination's tables what the source's are, by the catalog?
 *
 * The source is compared with the catalog (what the task knows of a table), the
 * catalog with this database's catalog. Objects that could not be made are
 * differences, too; so are indexes and constraints that are not valid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/dest_catalog.h"
#include "check/unfollowed.h"
#include "check/verify.h"

#include "compat.h"
#include "access/table.h"
#include "store/table.h"
#include "store/object.h"
#include "catalog/namespace.h"
#include "tables/describe.h"
#include "tables/sequences.h"
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

/* ---------------------------------------------------- source against catalog */

static void
compare_source(Verify *v, const TableDef *now, const TableDef *known)
{
	ListCell   *lc;

	foreach(lc, now->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *other = model_find_column(known, col->name);
		char	   *object = psprintf("column %s", col->name);

		if (other == NULL)
			add(v, now, DIFFERENCE_MISSING, object, col->source_type, NULL);
		else if (strcmp(col->source_type, other->source_type) != 0)
			add(v, now, DIFFERENCE_DIFFERS, object, col->source_type,
				other->source_type);
		else if (col->nullable != other->nullable)
			add(v, now, DIFFERENCE_DIFFERS, psprintf("%s: nullable", object),
				col->nullable ? "yes" : "no", other->nullable ? "yes" : "no");
	}
	foreach(lc, known->columns)
	{
		TableColumn *col = lfirst(lc);

		if (model_find_column(now, col->name) == NULL)
			add(v, now, DIFFERENCE_EXTRA, psprintf("column %s", col->name), NULL,
				col->source_type);
	}
}

/*
 * ------------------------------------------------------ catalog against
 * destination
 */

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

/* ----------------------------------------------- catalog against elsewhere */

static void
compare_column_elsewhere(Verify *v, const TableDef *def, const TableColumn *col,
						 const ShapeRule *rule, const DestColumn *there)
{
	char	   *object = psprintf("column %s", col->target_name);
	Oid			typid = InvalidOid;
	int32		typmod = -1;
	char	   *wanted;

	if (there == NULL)
	{
		add(v, def, DIFFERENCE_MISSING, object, col->source_type, NULL);
		return;
	}
	if (col->pg_type == NULL || is_set(rule, col->target_name))
		return;
	dts_parse_type(col->pg_type, &typid, &typmod);
	wanted = OidIsValid(typid) ? format_type_with_typemod(typid, typmod) : col->pg_type;
	/* the schema in front of a name depends on the session's search_path */
	if (strcmp(wanted, there->type) != 0 && !is_name_of(there->type, wanted) &&
		!is_name_of(wanted, there->type))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: type", object), wanted, there->type);
	if (there->not_null == col->target_nullable &&
		!(there->not_null && model_in_source_key(def, col)))
		add(v, def, DIFFERENCE_DIFFERS, psprintf("%s: nullable", object),
			col->target_nullable ? "yes" : "no", there->not_null ? "no" : "yes");
}

/* ------------------------------------------------------------------- rules */

/* The columns and the key that a rule wants; there: those of it, DestColumn *. */
static void
compare_rule(Verify *v, const TableDef *def, const ShapeRule *rule,
			 const char *relation, List *there)
{
	StringInfoData key;
	ListCell   *lc;

	foreach(lc, rule->set)
	{
		const RuleSet *set = lfirst(lc);

		if (dest_catalog_find(there, set->target) == NULL)
			add(v, def, DIFFERENCE_MISSING, psprintf("column %s", set->target),
				set->expr, NULL);
	}
	initStringInfo(&key);
	foreach(lc, rule->primary_key)
		appendStringInfo(&key, "%s%s", key.len > 0 ? "," : "",
						 quote_identifier(lfirst(lc)));
	if (key.len > 0 && v->task->do_schema)
		verify_index(v, def, relation, key.data, true, false, "primary_key of the rule");
}

/* Tables that go into one: the first of them has made it. */
static bool
is_first(const TableDef *def, List *stored)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		TableDef   *other = lfirst(lc);

		if (other == def)
			break;
		if (strcmp(other->target_name, def->target_name) == 0 &&
			strcmp(other->target_schema, def->target_schema) == 0)
			return false;
	}
	return true;
}

/* relid: the table in this database. */
static void
compare_columns_here(Verify *v, const TableDef *def, TableDef *now,
					 const ShapeRule *rule, Oid relid, bool parts)
{
	Relation	rel = table_open(relid, AccessShareLock);
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name != NULL)
			compare_column(v, def, col, rule, rel);
	}
	verify_dress(now, def);
	foreach(lc, parts ? now->columns : NIL)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name != NULL && !is_set(rule, col->target_name))
			verify_column_parts(v, now, col, rel);
	}
	table_close(rel, AccessShareLock);
}

static void
compare_columns_elsewhere(Verify *v, const TableDef *def, TableDef *now,
						  const ShapeRule *rule, const char *relation, List *there,
						  bool parts)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name != NULL)
			compare_column_elsewhere(v, def, col, rule, dest_catalog_find(there, col->target_name));
	}
	verify_dress(now, def);
	foreach(lc, parts ? now->columns : NIL)
	{
		TableColumn *col = lfirst(lc);
		const DestColumn *c = col->target_name ? dest_catalog_find(there, col->target_name) : NULL;

		if (c != NULL && !is_set(rule, col->target_name))
			verify_column_parts_elsewhere(v, now, col, relation, c);
	}
}

/* def: by the catalog; now: at the source */
static void
compare_there(Verify *v, const TableDef *def, TableDef *now, List *stored)
{
	char	   *relation = quote_qualified_identifier(def->target_schema, def->target_name);
	List	   *there = dest_catalog_columns(v->task, v->dest, def->target_schema,
											 def->target_name);
	const ShapeRule *rule = selection_shape(v->selection, def->schema, def->name);
	Oid			nspid = get_namespace_oid(def->target_schema, true);
	Oid			relid = !v->dest->elsewhere && OidIsValid(nspid) ?
		get_relname_relid(def->target_name, nspid) : InvalidOid;
	bool		parts = v->task->do_schema && is_first(def, stored);

	if (v->dest->elsewhere ? there == NIL : !OidIsValid(relid))
	{
		add(v, def, DIFFERENCE_MISSING, "table",
			psprintf("%s.%s", def->schema, def->name), NULL);
		return;
	}
	if (v->dest->elsewhere)
		compare_columns_elsewhere(v, def, now, rule, relation, there, parts);
	else
		compare_columns_here(v, def, now, rule, relid, parts);
	if (parts)
		verify_keys(v, now, def, stored, rule, relation);
	if (rule != NULL)
		compare_rule(v, def, rule, relation, there);
}

/* ----------------------------------------------------------------- objects */

static void
failed_objects(Verify *v, List *wanted)
{
	ListCell   *lc;

	foreach(lc, objects_missing(v->task->id))
	{
		const MissingObject *o = lfirst(lc);

		if (verify_is_wanted(o->schema, o->table, wanted))
			verify_add_object(v, NULL, o->schema, o->table, DIFFERENCE_MISSING, o->title,
							  o->statement, o->error);
	}
}

/* Those that no column owns; what a column owns goes with it. */
static void
missing_sequences(Verify *v, List *wanted)
{
	ListCell   *lc;

	if (v->source->sequences == NULL || !v->task->do_schema ||
		!dest_catalog_is_postgres(v->dest))
		return;
	foreach(lc, v->source->sequences(v->conn))
	{
		SourceSequence *s = lfirst(lc);

		if (s->table == NULL && verify_is_wanted(s->schema, s->name, wanted) &&
			selection_has(v->selection, s->schema, s->name) &&
			!sequence_is_here(v->selection, v->options, s))
			verify_add_object(v, NULL, s->schema, s->name, DIFFERENCE_MISSING,
							  "sequence", s->name, NULL);
	}
}

/*
 * The definitions of the catalog, TableDef *. Of a table that is being copied
 * again they say nothing: it is among left_out (TableDef *) instead. all: also
 * of tables that are not wanted.
 */
static List *
store_definitions(Verify *v, List *wanted, List **left_out, List **all)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, store_tables_load(v->task->id))
	{
		const StoreTable *t = lfirst(lc);
		TableDef   *def = model_from_jsonb(t->definition);

		*all = lappend(*all, def);
		if (!verify_is_wanted(def->schema, def->name, wanted))
			continue;
		if (t->resync)
		{
			verify_leave_out(v, def->schema, def->name, wanted);
			*left_out = lappend(*left_out, def);
		}
		else
			tables = lappend(tables, def);
	}
	return tables;
}

/* Those of the source's tables that the task has, with their names there. */
static List *
dressed(List *now, List *all)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, now)
	{
		TableDef   *def = lfirst(lc);
		const TableDef *known = find_table(all, def->schema, def->name);

		if (known == NULL || known->target_name == NULL)
			continue;
		verify_dress(def, known);
		tables = lappend(tables, def);
	}
	return tables;
}

static void
check_names(const Verify *v, List *now, List *stored, List *wanted)
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
		foreach(lt, stored)
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
	List	   *all = NIL;
	List	   *made = NIL;
	List	   *stored;
	ListCell   *lc;

	/* what the source has done to its tables by now has to be known first */
	verify_catch_up(v);
	if (v->source->describe_keys)
		v->source->describe_keys(v->conn, now);
	stored = store_definitions(v, wanted, &left_out, &all);
	check_names(v, now, stored, wanted);
	foreach(lc, now)
	{
		TableDef   *def = lfirst(lc);
		TableDef   *known = find_table(stored, def->schema, def->name);

		if (!model_has_rows(def) || !verify_is_wanted(def->schema, def->name, wanted) ||
			find_table(left_out, def->schema, def->name) != NULL)
			continue;
		if (known == NULL)
			add(v, def, DIFFERENCE_MISSING, "table",
				psprintf("%s.%s", def->schema, def->name), NULL);
		else
			compare_source(v, def, known);
	}
	if (!dest_catalog_is_postgres(v->dest))
		made = verify_made(v, dressed(now, all));
	foreach(lc, stored)
	{
		TableDef   *known = lfirst(lc);

		TableDef   *def = find_table(now, known->schema, known->name);

		if (def != NULL && !dest_catalog_is_postgres(v->dest))
			verify_compare_made(v, def, made);
		else if (def == NULL)
			add(v, known, DIFFERENCE_EXTRA, "table", NULL,
				psprintf("%s.%s", known->target_schema, known->target_name));
		else
			compare_there(v, known, def, all);
	}
	missing_sequences(v, wanted);
	failed_objects(v, wanted);
	if (wanted != NIL)
		return;
	foreach(lc, unfollowed_meanings(v))
	{
		const SourceMeaning *m = lfirst(lc);

		verify_add_object(v, NULL, "", "", DIFFERENCE_DIFFERS,
						  psprintf("%s: operators and functions", m->object), m->there, m->here);
	}
	unfollowed_warn(v);
}
