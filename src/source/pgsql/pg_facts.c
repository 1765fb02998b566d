/*-------------------------------------------------------------------------
 *
 * pg_facts.c
 *	  What the source's catalogs know of its relations and of what belongs to
 *	  them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_facts.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "transform/select.h"
#include "utils/builtins.h"

#define USER_SCHEMA \
	"n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'dtsmig', " \
	"'dtsmig_source')"

static HTAB *
make_table(const char *name, Size key, Size entry)
{
	HASHCTL		ctl = {0};

	ctl.keysize = key;
	ctl.entrysize = entry;
	ctl.hcxt = CurrentMemoryContext;
	return hash_create(name, 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

PgRelation *
pg_facts_relation(const PgFacts *facts, Oid oid)
{
	return hash_search(facts->relations, &oid, HASH_FIND, NULL);
}

PgPart *
pg_facts_part(const PgFacts *facts, Oid classid, Oid objid)
{
	PgObjectId	id = {classid, objid};

	return hash_search(facts->parts, &id, HASH_FIND, NULL);
}

const char *
pg_facts_outside(const PgFacts *facts, Oid classid, Oid objid)
{
	PgObjectId	id = {classid, objid};
	PgOutside  *o = facts->outside ?
		hash_search(facts->outside, &id, HASH_FIND, NULL) : NULL;

	return o ? o->uses : NULL;
}

PgSchemaFact *
pg_facts_schema(const PgFacts *facts, const char *name)
{
	ListCell   *lc;

	foreach(lc, facts->schemas)
	{
		PgSchemaFact *s = lfirst(lc);

		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

/* ----------------------------------------------------------------- reading */

static void
read_schemas(PgConn *conn, PgFacts *facts)
{
	PgResult   *r = pg_select(conn, "schemas", "t",
							  "SELECT n.nspname FROM "
							  "pg_catalog.pg_namespace n WHERE " USER_SCHEMA
							  " ORDER BY n.nspname");

	for (int i = 0; i < r->nrows; i++)
	{
		PgSchemaFact *s = palloc0(sizeof(PgSchemaFact));

		s->name = pg_text(r, i, 0);
		facts->schemas = lappend(facts->schemas, s);
	}
}

static void
read_relations(PgConn *conn, PgFacts *facts)
{
	PgResult   *r;

	r = pg_select(conn, "relations", "otttbob",
				  "SELECT c.oid, n.nspname, c.relname, c.relkind, "
				  "c.relispopulated, COALESCE(i.indrelid, d.refobjid, 0), "
				  "pg_catalog.has_table_privilege(c.oid, 'SELECT') "
				  "FROM pg_catalog.pg_class c "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
				  "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid "
				  "LEFT JOIN pg_catalog.pg_depend d ON c.relkind = 'S' "
				  "AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				  "AND d.objid = c.oid AND d.objsubid = 0 "
				  "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				  "AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') "
				  "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I') "
				  "AND c.relpersistence <> 't' AND " USER_SCHEMA
				  " ORDER BY c.oid");
	for (int i = 0; i < r->nrows; i++)
	{
		Oid			oid = pg_oid(r, i, 0);
		PgRelation *rel = hash_search(facts->relations, &oid, HASH_ENTER, NULL);

		memset(rel, 0, sizeof(PgRelation));
		rel->oid = oid;
		rel->schema = pg_text(r, i, 1);
		rel->name = pg_text(r, i, 2);
		rel->kind = pg_char(r, i, 3);
		rel->populated = pg_bool(r, i, 4);
		rel->table = pg_oid(r, i, 5);
		rel->readable = pg_bool(r, i, 6);
		if (pg_facts_schema(facts, rel->schema) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("schema \"%s\" of the source was made while its objects were read",
							rel->schema)));
		facts->order = lappend(facts->order, rel);
	}
}

static void
read_parts(PgConn *conn, PgFacts *facts)
{
	PgResult   *r;

	r = pg_selectf(conn, "parts of tables", "ooot",
				   "SELECT tableoid, oid, conrelid, contype::pg_catalog.text "
				   "FROM pg_catalog.pg_constraint WHERE conrelid <> 0 AND oid >= %u "
				   "UNION ALL SELECT tableoid, oid, tgrelid, tgenabled::pg_catalog.text "
				   "FROM pg_catalog.pg_trigger WHERE NOT tgisinternal "
				   "UNION ALL SELECT tableoid, oid, ev_class, ev_enabled::pg_catalog.text "
				   "FROM pg_catalog.pg_rewrite WHERE oid >= %u "
				   "UNION ALL SELECT tableoid, oid, polrelid, '' FROM pg_catalog.pg_policy "
				   "UNION ALL SELECT tableoid, oid, adrelid, '' FROM pg_catalog.pg_attrdef "
				   "UNION ALL SELECT tableoid, oid, stxrelid, '' "
				   "FROM pg_catalog.pg_statistic_ext", FirstNormalObjectId,
				   FirstNormalObjectId);
	for (int i = 0; i < r->nrows; i++)
	{
		PgObjectId	id = {pg_oid(r, i, 0), pg_oid(r, i, 1)};
		PgPart	   *part = hash_search(facts->parts, &id, HASH_ENTER, NULL);

		part->table = pg_oid(r, i, 2);
		part->type = pg_char(r, i, 3) ? pg_char(r, i, 3) : ' ';
	}
}

/* --------------------------------------------------------------- selecting */

static char *
fold(const PgFacts *facts, const char *name)
{
	NameCase	c = facts->options->name_case;

	return plan_name(name, c == NAME_CASE_DEFAULT ? NAME_CASE_SOURCE : c, false);
}

static void
select_schemas(PgFacts *facts)
{
	ListCell   *lc;

	foreach(lc, facts->schemas)
	{
		PgSchemaFact *s = lfirst(lc);
		char	   *target = NULL;

		s->selected = facts->options->selection == NULL ||
			selection_schema(facts->options->selection, s->name, &target);
		s->target = target ? target : fold(facts, s->name);
		pg_names_add_schema(facts->names, s->name, s->target);
	}
}

static void
select_relation(PgFacts *facts, PgRelation *rel)
{
	PgSchemaFact *schema = pg_facts_schema(facts, rel->schema);
	char	   *target_schema = NULL;
	char	   *target_name = NULL;

	rel->selected = facts->options->selection == NULL ||
		selection_match(facts->options->selection, rel->schema, rel->name,
						&target_schema, &target_name);
	rel->target_schema = target_schema ? target_schema : schema->target;
	rel->target_name = target_name ? target_name : fold(facts, rel->name);
	if (rel->selected)
		schema->selected = true;
}

/* What belongs to a table goes where that goes. */
static void
select_part(PgFacts *facts, PgRelation *rel)
{
	PgRelation *table = pg_facts_relation(facts, rel->table);

	if (table == NULL)
		return;
	rel->selected = table->selected;
	rel->merged = table->merged;
	rel->target_schema = table->target_schema;
	rel->target_name = rel->kind == 'S' ? fold(facts, rel->name) : rel->name;
}

static int
compare_defs(const ListCell *a, const ListCell *b)
{
	const TableDef *x = lfirst(a);
	const TableDef *y = lfirst(b);
	int			c = strcmp(x->schema, y->schema);

	return c ? c : strcmp(x->name, y->name);
}

/* tables: sorted */
static TableDef *
find_def(List *tables, const PgRelation *rel)
{
	int			lo = 0;
	int			hi = list_length(tables) - 1;

	while (lo <= hi)
	{
		int			mid = (lo + hi) / 2;
		TableDef   *def = list_nth(tables, mid);
		int			c = strcmp(def->schema, rel->schema);

		c = c ? c : strcmp(def->name, rel->name);
		if (c == 0)
			return def;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return NULL;
}

/* Of tables that rules make one, all but the first are merged. */
static void
merge_tables(PgFacts *facts)
{
	HASHCTL		ctl = {0};
	HTAB	   *targets;
	ListCell   *lc;

	ctl.keysize = 2 * NAMEDATALEN;
	ctl.entrysize = 2 * NAMEDATALEN;
	ctl.hcxt = CurrentMemoryContext;
	targets = hash_create("target tables", 1024, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);
		char		key[2 * NAMEDATALEN] = {0};

		if (!rel->selected || rel->def == NULL || !model_has_rows(rel->def))
			continue;
		strlcpy(key, rel->target_schema, NAMEDATALEN);
		strlcpy(key + NAMEDATALEN, rel->target_name, NAMEDATALEN);
		(void) hash_search(targets, key, HASH_ENTER, &rel->merged);
	}
	hash_destroy(targets);
}

static void
select_relations(PgFacts *facts, List *tables)
{
	List	   *sorted = list_copy(tables);
	ListCell   *lc;

	list_sort(sorted, compare_defs);
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);

		if (rel->table == InvalidOid)
			select_relation(facts, rel);
		rel->def = find_def(sorted, rel);
		if (rel->def != NULL)
		{
			rel->target_schema = rel->def->target_schema;
			rel->target_name = rel->def->target_name;
		}
	}
	merge_tables(facts);
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);

		if (rel->table != InvalidOid)
			select_part(facts, rel);
		if (rel->target_name != NULL)
			pg_names_add_relation(facts->names, rel->schema, rel->name,
								  rel->target_schema, rel->target_name);
	}
}

/* ------------------------------------------------------------ dependencies */

static bool
is_outside(PgFacts *facts, Oid refclass, Oid refobj, const char *schema)
{
	PgSchemaFact *s;

	if (refclass == RelationRelationId)
	{
		PgRelation *rel = pg_facts_relation(facts, refobj);

		return rel != NULL && !rel->selected;
	}
	s = schema ? pg_facts_schema(facts, schema) : NULL;
	return s != NULL && !s->selected;
}

static void
note_outside(PgFacts *facts, PgObjectId id, Oid view, char *uses)
{
	PgOutside  *o;

	if (OidIsValid(view))
	{
		id.classid = RelationRelationId;
		id.objid = view;
	}
	o = hash_search(facts->outside, &id, HASH_ENTER, NULL);
	o->uses = uses;
}

/* What uses columns that rules leave out. */
static void
read_outside_columns(PgConn *conn, PgFacts *facts)
{
	StringInfoData list;
	ListCell   *lc;
	ListCell   *lc2;
	PgResult   *r;

	initStringInfo(&list);
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);

		foreach(lc2, rel->def ? rel->def->columns : NIL)
		{
			TableColumn *col = lfirst(lc2);

			if (col->left_out)
				appendStringInfo(&list, "%s(%u, %s)", list.len ? ", " : "",
								 rel->oid, pg_quote_literal(col->name));
		}
	}
	if (list.len == 0)
		return;
	r = pg_selectf(conn, "users of columns", "ooOt",
				   "SELECT d.classid, d.objid, w.ev_class, "
				   "'column ' || pg_catalog.format('%%s.%%I', a.attrelid::pg_catalog.regclass, a.attname) "
				   "FROM (VALUES %s) v(relid, attname) "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = v.relid AND a.attname = v.attname "
				   "JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
				   "AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum "
				   "LEFT JOIN pg_catalog.pg_rewrite w ON w.tableoid = d.classid "
				   "AND w.oid = d.objid AND w.rulename = '_RETURN' "
				   "WHERE d.deptype IN ('n', 'a')", list.data);
	for (int i = 0; i < r->nrows; i++)
	{
		PgObjectId	id = {pg_oid(r, i, 0), pg_oid(r, i, 1)};

		note_outside(facts, id, pg_is_null(r, i, 2) ? InvalidOid : pg_oid(r, i, 2),
					 pg_text(r, i, 3));
	}
}

/* An index or a constraint is reported as its table. */
static char *
outside_name(PgFacts *facts, Oid refclass, Oid refobj, char *identity)
{
	PgRelation *rel = NULL;
	PgPart	   *part;

	if (refclass == RelationRelationId)
		rel = pg_facts_relation(facts, refobj);
	else if ((part = pg_facts_part(facts, refclass, refobj)) != NULL)
		rel = pg_facts_relation(facts, part->table);
	if (rel != NULL && rel->kind != 'S' && OidIsValid(rel->table))
		rel = pg_facts_relation(facts, rel->table);
	if (rel != NULL && strchr("rp", rel->kind) != NULL)
		return psprintf("table %s", quote_qualified_identifier(rel->schema,
															   rel->name));
	return identity ? identity : "an object that is not selected";
}

/*
 * What uses objects that are not selected; members of extensions come with
 * those. A rule is a view's own, and a default its table's, where they are not
 * made apart.
 */
static void
read_outside(PgConn *conn, PgFacts *facts)
{
	PgResult   *r;

	r = pg_selectf(conn, "users of objects", "ooooTTO",
				   "SELECT d.classid, d.objid, d.refclassid, d.refobjid, i.schema, "
				   "i.type || ' ' || i.identity, w.ev_class "
				   "FROM (SELECT DISTINCT classid, objid, refclassid, refobjid "
				   "FROM pg_catalog.pg_depend WHERE deptype IN ('n', 'a') "
				   "AND refobjid >= %u AND objid >= %u) d "
				   "CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) i "
				   "LEFT JOIN pg_catalog.pg_rewrite w ON w.tableoid = d.classid "
				   "AND w.oid = d.objid AND w.rulename = '_RETURN' "
				   "WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e "
				   "WHERE e.classid = d.refclassid AND e.objid = d.refobjid "
				   "AND e.deptype = 'e')", FirstNormalObjectId, FirstNormalObjectId);
	for (int i = 0; i < r->nrows; i++)
	{
		PgObjectId	id = {pg_oid(r, i, 0), pg_oid(r, i, 1)};
		Oid			refclass = pg_oid(r, i, 2);
		Oid			refobj = pg_oid(r, i, 3);

		if (is_outside(facts, refclass, refobj, pg_text_or_null(r, i, 4)))
			note_outside(facts, id,
						 pg_is_null(r, i, 6) ? InvalidOid : pg_oid(r, i, 6),
						 outside_name(facts, refclass, refobj,
									  pg_text_or_null(r, i, 5)));
	}
}

PgFacts *
pg_facts_read(PgConn *conn, List *tables, const PlanOptions *options)
{
	PgFacts    *facts = palloc0(sizeof(PgFacts));

	facts->options = options;
	facts->rest = options->selection == NULL ||
		selection_takes_rest(options->selection, &facts->all);
	facts->all |= options->selection == NULL;
	facts->relations = make_table("relations of the source", sizeof(Oid),
								  sizeof(PgRelation));
	facts->parts = make_table("parts of relations", sizeof(PgObjectId),
							  sizeof(PgPart));
	facts->names = pg_names_make();
	read_schemas(conn, facts);
	read_relations(conn, facts);
	read_parts(conn, facts);
	select_schemas(facts);
	select_relations(facts, tables);
	facts->outside = make_table("objects that use others", sizeof(PgObjectId),
								sizeof(PgOutside));
	if (!facts->all)
		read_outside(conn, facts);
	read_outside_columns(conn, facts);
	return facts;
}
