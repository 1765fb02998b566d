/*-------------------------------------------------------------------------
 *
 * fdw_table.c
 *	  Foreign tables, and the tables of the source that they stand for.
 *
 * Whoever made a foreign table chose its columns' types. A value goes through
 * the decoder of the source's type and that one, as it would into a table of
 * the destination; where the type map has no such pair, through the type's
 * input function. What a domain inside runs, runs as the foreign table's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdw_table.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fdw/fdw_options.h"
#include "fdw/fdw_table_options.h"
#include "foreign/foreign.h"
#include "tables/describe.h"
#include "transform/rule.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* ------------------------------------------------------------------ binding */

/* Of the source part nothing is changed: it serves other foreign tables, too. */
static TableDef *
copy_def(const TableDef *def)
{
	TableDef   *copy = palloc(sizeof(TableDef));
	ListCell   *lc;

	*copy = *def;
	copy->columns = NIL;
	foreach(lc, def->columns)
	{
		TableColumn *col = palloc(sizeof(TableColumn));

		*col = *(TableColumn *) lfirst(lc);
		copy->columns = lappend(copy->columns, col);
	}
	return copy;
}

static SourceRelation *
make_relation(MemoryContext cxt, TableDef *def, Oid relid)
{
	SourceRelation *rel = palloc0(sizeof(SourceRelation));
	ListCell   *lc;
	int			i = 0;

	rel->cxt = cxt;
	rel->generation = 1;
	rel->def = def;
	rel->out = rel;
	rel->applied = OPERATION_ALL;
	rel->schema = def->schema;
	rel->name = def->name;
	rel->target_schema = def->target_schema;
	rel->target_name = def->target_name;
	rel->target_relid = relid;
	rel->ncolumns = list_length(def->columns);
	rel->columns = palloc0(sizeof(SourceColumn) * Max(rel->ncolumns, 1));
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		SourceColumn *sc = &rel->columns[i++];

		sc->name = col->name;
		sc->source_type = col->source_type;
		sc->typmod = -1;
	}
	return rel;
}

/* Index of the column at the source; column names of MySQL differ by more than case. */
static int
find_column(const SourceRelation *rel, const char *name, bool any_case)
{
	for (int i = 0; i < rel->ncolumns; i++)
		if (strcmp(rel->columns[i].name, name) == 0)
			return i;
	for (int i = 0; any_case && i < rel->ncolumns; i++)
		if (pg_strcasecmp(rel->columns[i].name, name) == 0)
			return i;
	return -1;
}

static void
bind_column(FdwTable *t, SourceRelation *rel, Relation foreign, int attno,
			bool any_case)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(foreign), attno - 1);
	List	   *options = GetForeignColumnOptions(t->relid, attno);
	char	   *name = fdw_option_value(options, "column_name");
	SourceColumn *col;
	int			i;

	if (fdw_table_is_key(options))
		t->key = bms_add_member(t->key, attno);
	if (name == NULL)
		name = NameStr(att->attname);
	i = find_column(rel, name, any_case);
	if (i < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
				 errmsg("table \"%s\".\"%s\" of server \"%s\" has no column \"%s\"",
						rel->schema, rel->name, t->c->info->server_name, name),
				 errhint("ALTER FOREIGN TABLE %s drops the column, or names the one that is meant (option column_name).",
						 quote_identifier(RelationGetRelationName(foreign)))));
	col = &rel->columns[i];
	if (col->target_name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_COLUMN_NUMBER),
				 errmsg("columns \"%s\" and \"%s\" of foreign table \"%s\" are the same column \"%s\" at the source",
						col->target_name, NameStr(att->attname),
						RelationGetRelationName(foreign), col->name)));
	t->source_of[attno - 1] = i;
	col->target_name = pstrdup(NameStr(att->attname));
	col->target_attnum = attno;
	col->typmod = att->atttypmod;
	/* as into a table: the value of the domain's base type, then its checks */
	col->typid = getBaseTypeAndTypmod(att->atttypid, &col->typmod);
	if (col->typid != att->atttypid)
		t->domain[attno - 1] = col->target_typid = att->atttypid;
	col->collation = att->attcollation;
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
}

/* A column has the type that the map gives it, if it means the same. */
static void
set_map_types(FdwTable *t, SourceRelation *rel, TableDef *def)
{
	PlanOptions *options = plan_options(t->options, NULL);

	for (int i = 0; i < rel->ncolumns; i++)
	{
		TableColumn *col = list_nth(def->columns, i);
		const SourceColumn *sc = &rel->columns[i];

		col->target_name = sc->target_name ? sc->target_name : col->name;
		plan_column_type(def, col, options, NULL);
		if (sc->target_name == NULL)
			continue;
		/* any integer, and an enum of the same labels, compare alike */
		if ((strcmp(col->base_type, "enum") == 0 && type_is_enum(sc->typid)) ||
			((sc->typid == INT2OID || sc->typid == INT4OID || sc->typid == INT8OID) &&
			 strstr(col->base_type, "int") != NULL))
			col->pg_type = format_type_extended(sc->typid, sc->typmod,
												FORMAT_TYPE_TYPEMOD_GIVEN |
												FORMAT_TYPE_FORCE_QUALIFY);
	}
}

/* One column is read in any case; the shortest that can be. */
static void
choose_columns(FdwTable *t, SourceRelation *rel, Bitmapset *wanted)
{
	bool		any = false;
	SourceColumn *shortest = NULL;

	for (int a = 0; a < t->natts; a++)
	{
		SourceColumn *col;

		if (t->source_of[a] < 0)
			continue;
		col = &rel->columns[t->source_of[a]];
		col->replicated = wanted == NULL || bms_is_member(a + 1, wanted);
		any |= col->replicated;
		if (shortest == NULL || (col->typbyval && !shortest->typbyval))
			shortest = col;
	}
	if (any)
		return;
	if (shortest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("foreign table \"%s\" has no columns", get_rel_name(t->relid))));
	shortest->replicated = true;
}

static void
read_options(FdwTable *t, Relation foreign)
{
	ForeignTable *ft = GetForeignTable(t->relid);

	t->server = ft->serverid;
	t->schema = fdw_option_value(ft->options, "schema_name");
	t->name = fdw_option_value(ft->options, "table_name");
	if (t->name == NULL)
		t->name = pstrdup(RelationGetRelationName(foreign));
	t->options = fdw_table_type_options(ft->options);
	t->batch_size = fdw_table_batch_size(ft->options, GetForeignServer(ft->serverid)->options);
	t->async = fdw_table_is_async(ft->options, GetForeignServer(ft->serverid)->options);
}

FdwTable *
fdw_table_open(Oid relid, Oid role, Bitmapset *wanted, bool for_plan)
{
	FdwTable   *t = palloc0(sizeof(FdwTable));
	Relation	foreign = table_open(relid, AccessShareLock);
	MemoryContext old;
	TableDef   *def;
	bool		family;

	t->relid = relid;
	t->role = role;
	t->natts = RelationGetNumberOfAttributes(foreign);
	t->source_of = palloc(sizeof(int) * Max(t->natts, 1));
	t->domain = palloc0(sizeof(Oid) * Max(t->natts, 1));
	read_options(t, foreign);
	t->c = fdw_connection_get(t->server, role);
	family = strcmp(t->c->info->server_type, "postgresql") != 0;
	if (t->schema == NULL)
		t->schema = family && t->c->info->dbname ? t->c->info->dbname :
			get_namespace_name(RelationGetNamespace(foreign));
	def = fdw_connection_describe(t->c, t->schema, t->name);

	t->cxt = AllocSetContextCreate(for_plan ? CurrentMemoryContext : t->c->xcxt,
								   "dtsmig foreign table",
								   ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(t->cxt);
	/* decoders count what they meet, as long as they live */
	t->options = memcpy(palloc(sizeof(TaskOptions)), t->options, sizeof(TaskOptions));
	if (t->options->policy.zero_date_literal)
		t->options->policy.zero_date_literal = pstrdup(t->options->policy.zero_date_literal);
	def = copy_def(def);
	def->target_schema = get_namespace_name(RelationGetNamespace(foreign));
	def->target_name = pstrdup(RelationGetRelationName(foreign));
	t->rel = make_relation(t->cxt, def, relid);
	for (int a = 1; a <= t->natts; a++)
	{
		t->source_of[a - 1] = -1;
		if (!TupleDescAttr(RelationGetDescr(foreign), a - 1)->attisdropped)
			bind_column(t, t->rel, foreign, a, family);
	}
	choose_columns(t, t->rel, wanted);
	if (family)
		set_map_types(t, t->rel, def);
	t->c->source->prepare_relation(t->c->conn, t->rel, &t->options->policy);
	MemoryContextSwitchTo(old);
	table_close(foreign, NoLock);
	return t;
}

void
fdw_table_close(FdwTable *t)
{
	MemoryContextDelete(t->cxt);
}

List *
fdw_table_key(const FdwTable *t)
{
	TableIndex *index = model_row_key(t->rel->def);
	List	   *key = NIL;
	ListCell   *lc;
	int			attno = -1;

	while ((attno = bms_next_member(t->key, attno)) >= 0)
		key = lappend_int(key, attno);
	if (key != NIL || index == NULL)
		return key;
	foreach(lc, index->parts)
	{
		int			i = find_column(t->rel, ((IndexPart *) lfirst(lc))->column, false);

		if (i < 0 || t->rel->columns[i].target_name == NULL)
			return NIL;
		key = lappend_int(key, t->rel->columns[i].target_attnum);
	}
	return key;
}

TableColumn *
fdw_table_column(const FdwTable *t, int attno)
{
	return list_nth(t->rel->def->columns, t->source_of[attno - 1]);
}
