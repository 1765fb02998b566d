/*-------------------------------------------------------------------------
 *
 * ddl_names.c
 *	  What a statement of a PostgreSQL source names: whether the task takes it,
 *	  and what it is called at the destination.
 *
 * Tables with rows are in the catalog; views, sequences and partitioned tables
 * go by the rules with which they were made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "schema/plan.h"
#include "transform/shape.h"
#include "worker/destination.h"

static bool
is_system_schema(const char *schema)
{
	return strncmp(schema, "pg_", 3) == 0 ||
		strcmp(schema, "information_schema") == 0;
}

void
record_set_targets(RecordReplay *c, TableDef *def)
{
	ListCell   *lc;

	def->target_schema = def->target_name = NULL;
	(void) selection_match(c->run->selection, def->schema, def->name,
						   &def->target_schema, &def->target_name);
	if (def->target_schema == NULL)
		def->target_schema = plan_name(def->schema, c->name_case, false);
	if (def->target_name == NULL)
		def->target_name = plan_name(def->name, c->name_case, false);
	shape_columns(c->run->selection, def, NULL);
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name == NULL)
			col->target_name = plan_name(col->name, c->name_case, true);
		col->target_generated = col->generation_expr != NULL;
	}
}

char *
record_target_schema(RecordReplay *c, const char *schema)
{
	char	   *target;

	if (is_system_schema(schema))
		return pstrdup(schema);
	(void) selection_schema(c->run->selection, schema, &target);
	return target ? target : plan_name(schema, c->name_case, false);
}

bool
record_target_relation(RecordReplay *c, const char *schema, const char *name,
					   char **target_schema, char **target_name)
{
	if (is_system_schema(schema) ||
		!selection_match(c->run->selection, schema, name, target_schema,
						 target_name))
		return false;
	if (*target_schema == NULL)
		*target_schema = record_target_schema(c, schema);
	if (*target_name == NULL)
		*target_name = plan_name(name, c->name_case, false);
	return true;
}

/*
 * PgNamesFinder. Relations that are not in the catalog (views, sequences,
 * partitioned tables) are called by the same rules as when they were made.
 */
static bool
find_dest_relation(void *arg, const char *schema, const char *name,
				   char **target_schema, char **target_name)
{
	return record_target_relation(arg, schema, name, target_schema, target_name) &&
		destination_has_relation(*target_schema, *target_name);
}

/* A name as SQL spells it, without its quotes. */
static char *
unquoted(const char *name)
{
	char	   *plain = pstrdup(name);
	char	   *to = plain;

	if (name[0] != '"')
		return plain;
	for (const char *c = name + 1; *c && !(c[0] == '"' && c[1] != '"'); c++)
	{
		if (*c == '"')
			c++;
		*to++ = *c;
	}
	*to = '\0';
	return plain;
}

static void
map_table(RecordReplay *c, PgNameMap *map, const TableDef *def)
{
	pg_names_add_schema(map, def->schema, record_target_schema(c, def->schema));
	pg_names_add_relation(map, def->schema, def->name, def->target_schema,
						  def->target_name);
}

/* What the statement makes or changes, other than tables with rows. */
static void
map_object(RecordReplay *c, PgNameMap *map, const DdlObject *o)
{
	static const char *const relations[] = {"table", "view",
	"materialized view", "sequence", "foreign table"};
	char	   *target_schema;
	char	   *target_name;

	if (o->schema == NULL)
	{
		if (strcmp(o->type, "schema") == 0 && o->identity != NULL)
		{
			char	   *name = unquoted(o->identity);

			pg_names_add_schema(map, name, record_target_schema(c, name));
		}
		return;
	}
	pg_names_add_schema(map, o->schema, record_target_schema(c, o->schema));
	for (int i = 0; i < lengthof(relations); i++)
		if (o->table != NULL && strcmp(o->type, relations[i]) == 0 &&
			selection_match(c->run->selection, o->schema, o->table,
							&target_schema, &target_name))
			pg_names_add_relation(map, o->schema, o->table, target_schema ?
								  target_schema : record_target_schema(c, o->schema),
								  target_name ? target_name :
								  plan_name(o->table, c->name_case, false));
}

char *
record_rewrite(RecordReplay *c, const char *sql)
{
	PgNameMap  *map = pg_names_make();
	ListCell   *lc;

	for (int i = 0; i < c->run->nrels; i++)
		map_table(c, map, c->run->rels[i]->def);
	foreach(lc, c->record->path)
		pg_names_add_schema(map, lfirst(lc),
							record_target_schema(c, lfirst(lc)));
	foreach(lc, c->record->objects)
		map_object(c, map, lfirst(lc));
	foreach(lc, c->record->tables)
	{
		DdlTableState *t = lfirst(lc);

		if (t->def->target_schema != NULL)
			map_table(c, map, t->def);
	}
	if (pg_names_is_empty(map))
		return pstrdup(sql);
	pg_names_set_finder(map, find_dest_relation, c);
	return pg_names_rewrite(map, sql, c->record->path, NULL);
}

/* Does the task take what is made in this schema? */
static bool
takes_schema(RecordReplay *c, const char *schema)
{
	List	   *named = selection_schemas(c->run->selection);
	ListCell   *lc;

	if (strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "dtsmig") == 0 ||
		strcmp(schema, "dtsmig_source") == 0 ||
		strcmp(schema, "information_schema") == 0)
		return false;
	for (int i = 0; i < c->run->nrels; i++)
		if (strcmp(c->run->rels[i]->schema, schema) == 0)
			return true;
	foreach(lc, named)
	{
		if (strcmp(lfirst(lc), schema) == 0)
			return true;
	}
	return named == NIL;
}

bool
record_takes(RecordReplay *c, const char *type, const char *schema,
			 const char *table, const char *identity)
{
	if (schema != NULL && table != NULL)
		return takes_schema(c, schema) &&
			selection_has(c->run->selection, schema, table);
	if (schema != NULL)
		return takes_schema(c, schema);
	if (strcmp(type, "schema") == 0 && identity != NULL)
		return takes_schema(c, unquoted(identity));
	/* extensions, casts, languages: the database's */
	return selection_schemas(c->run->selection) == NIL;
}

/* ------------------------------------------- is it that statement, and no more */

static bool
in_path(RecordReplay *c, const char *schema)
{
	ListCell   *lc;

	foreach(lc, c->record->path)
		if (strcmp(lfirst(lc), schema) == 0)
			return true;
	return false;
}

bool
record_is_on(void *arg, const char *schema, const char *name)
{
	RecordReplay *c = arg;
	ListCell   *lc;

	foreach(lc, c->record->objects)
	{
		DdlObject  *o = lfirst(lc);

		if (o->schema != NULL && o->table != NULL && strcmp(o->table, name) == 0 &&
			(schema != NULL ? strcmp(o->schema, schema) == 0 :
			 in_path(c, o->schema)))
			return true;
	}
	return false;
}

/* The next part of a name as SQL spells it: a, "A.b". */
static char *
next_part(const char **identity)
{
	const char *start = *identity;
	const char *c = start;

	if (*c == '"')
	{
		for (c++; *c && !(c[0] == '"' && c[1] != '"'); c++)
			if (*c == '"')
				c++;
		if (*c)
			c++;
	}
	else
		c += strcspn(c, ".(");
	*identity = c;
	return unquoted(pnstrdup(start, c - start));
}

bool
record_is_of(void *arg, const char *schema, const char *name)
{
	RecordReplay *c = arg;
	ListCell   *lc;

	foreach(lc, c->record->objects)
	{
		DdlObject  *o = lfirst(lc);
		const char *identity = o->identity;
		char	   *part;

		if (identity == NULL)
			continue;
		part = next_part(&identity);
		if (o->schema != NULL && *identity == '.' && strcmp(part, o->schema) == 0)
		{
			identity++;
			part = next_part(&identity);
		}
		if (strcmp(part, name) == 0 &&
			(o->schema == NULL ? schema == NULL :
			 schema != NULL ? strcmp(o->schema, schema) == 0 : in_path(c, o->schema)))
			return true;
	}
	return false;
}

static bool
is_inside(RecordReplay *c, const char *schema, const char *name)
{
	return is_system_schema(schema) || record_is_on(c, schema, name) ||
		record_takes(c, "table", schema, name, NULL);
}

char *
record_names_outside(RecordReplay *c, const Node *tree)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, pg_statement_relations(tree))
	{
		RangeVar   *rv = lfirst(lc);
		bool		inside = false;

		if (rv->schemaname != NULL)
			inside = is_inside(c, rv->schemaname, rv->relname);
		else
		{
			/*
			 * where none of the schemas is taken, nothing of it is at the
			 * destination
			 */
			foreach(lc2, c->record->path)
				inside |= is_inside(c, lfirst(lc2), rv->relname);
		}
		if (!inside)
			return psprintf("It names a relation that the task does not take: %s%s%s",
							rv->schemaname ? rv->schemaname : "",
							rv->schemaname ? "." : "", rv->relname);
	}
	return NULL;
}
