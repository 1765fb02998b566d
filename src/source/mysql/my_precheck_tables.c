/*-------------------------------------------------------------------------
 *
 * my_precheck_tables.c
 *	  Precheck of the selected tables of a MySQL-family source.
 *
 * One item a kind of finding, with the first tables or columns named.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_precheck_impl.h"

#define NAMES_SHOWN 20

/* Names gathered for one item. */
typedef struct Names
{
	StringInfoData text;
	int			n;
} Names;

static void
add_name(Names *names, const TableDef *def, const char *part)
{
	if (names->text.data == NULL)
		initStringInfo(&names->text);
	if (names->n++ >= NAMES_SHOWN)
		return;
	appendStringInfo(&names->text, "%s%s.%s%s%s", names->n > 1 ? ", " : "",
					 def->schema, def->name, part == NULL ? "" : ".",
					 part == NULL ? "" : part);
}

/* "what: a.b, a.c and 3 more" */
static char *
found_names(const Names *names, const char *what)
{
	if (names->n <= NAMES_SHOWN)
		return psprintf("%s: %s", what, names->text.data);
	return psprintf("%s: %s and %d more", what, names->text.data,
					names->n - NAMES_SHOWN);
}

static void
report(MyPrecheck *p, const Names *names, const char *item,
	   const char *status, const char *what, char *advice)
{
	if (names->n > 0)
		my_precheck_add(p, item, status, found_names(names, what), advice);
}

static void
check_keys(MyPrecheck *p)
{
	Names		keyless = {0};
	Names		engines = {0};
	ListCell   *lc;
	static const char *const transactional[] = {"InnoDB", "ROCKSDB", "TokuDB",
	"ndbcluster"};

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);
		bool		ok = def->engine == NULL;

		if (!model_has_rows(def))
			continue;
		if (model_row_key(def) == NULL)
			add_name(&keyless, def, NULL);
		for (int i = 0; !ok && i < lengthof(transactional); i++)
			ok = pg_strcasecmp(def->engine, transactional[i]) == 0;
		if (!ok)
			add_name(&engines, def, NULL);
	}
	if (keyless.n == 0)
		my_precheck_add(p, "keys", PRECHECK_PASSED,
						"every table has a primary key, or a unique one without NULL", NULL);
	report(p, &keyless, "keys", PRECHECK_WARNING,
		   "tables without a primary key, or a unique one without NULL",
		   "Changes to them are slow and are copied by one worker. Give each a key: ALTER TABLE ... ADD PRIMARY KEY (...);");
	report(p, &engines, "storage_engine", PRECHECK_WARNING,
		   "tables of an engine without transactions, whose rows are not in the snapshot",
		   p->incremental ?
		   "Write nothing to them while they are copied, or: ALTER TABLE ... ENGINE = InnoDB;" :
		   "Write nothing to them while they are copied.");
}

static bool
is_known_type(const TableColumn *col)
{
	static const char *const types[] = {"tinyint", "smallint", "mediumint",
		"int", "bigint", "decimal", "float", "double", "bit", "date",
		"datetime", "timestamp", "time", "year", "char", "varchar", "tinytext",
		"text", "mediumtext", "longtext", "binary", "varbinary", "tinyblob",
		"blob", "mediumblob", "longblob", "enum", "set", "json", "uuid",
		"inet4", "inet6", "vector", "geometry", "point", "linestring",
		"polygon", "multipoint", "multilinestring", "multipolygon",
	"geometrycollection", "geomcollection"};

	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(col->base_type, types[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_zero_default(const TableColumn *col)
{
	return col->default_expr != NULL &&
		(strcmp(col->base_type, "date") == 0 ||
		 strcmp(col->base_type, "datetime") == 0 ||
		 strcmp(col->base_type, "timestamp") == 0) &&
		(strstr(col->default_expr, "0000-") != NULL ||
		 strstr(col->default_expr, "-00") != NULL);
}

static void
check_columns(MyPrecheck *p)
{
	Names		invisible = {0};
	Names		generated = {0};
	Names		zero = {0};
	Names		unknown = {0};
	Names		charsets = {0};
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def))
			continue;
		foreach(lc2, def->columns)
		{
			TableColumn *col = lfirst(lc2);

			if (col->left_out)
				continue;
			if (col->invisible)
				add_name(&invisible, def, col->name);
			if (col->generation_expr != NULL)
				add_name(&generated, def, col->name);
			if (is_zero_default(col))
				add_name(&zero, def, col->name);
			if (!is_known_type(col))
				add_name(&unknown, def, psprintf("%s (%s)", col->name, col->source_type));
			if (col->charset != NULL && strncmp(col->charset, "utf8", 4) != 0 &&
				strcmp(col->charset, "latin1") != 0 &&
				strcmp(col->charset, "ascii") != 0)
				add_name(&charsets, def, psprintf("%s (%s)", col->name, col->charset));
		}
	}
	if (unknown.n == 0)
		my_precheck_add(p, "column_types", PRECHECK_PASSED,
						"every column type is known", NULL);
	report(p, &unknown, "column_types", PRECHECK_FAILED,
		   "columns of a type that cannot be moved",
		   "Leave the columns out with a rule in objects (columns: {\"name\": null}), or change their type at the source.");
	report(p, &invisible, "invisible_columns", PRECHECK_PASSED,
		   "invisible columns are moved, and are visible at the destination", NULL);
	report(p, &generated, "generated_columns", PRECHECK_PASSED,
		   "generated columns become stored ones where the expression translates, see preview_schema", NULL);
	report(p, &zero, "zero_date_defaults", PRECHECK_WARNING,
		   "defaults that are no date",
		   "They follow option zero_date. Or give the columns another default: ALTER TABLE ... ALTER COLUMN ... SET DEFAULT ...;");
	report(p, &charsets, "character_sets", PRECHECK_PASSED,
		   "text in other character sets is converted to that of this database", NULL);
}

static void
check_indexes(MyPrecheck *p)
{
	Names		prefix = {0};
	Names		fulltext = {0};
	Names		spatial = {0};
	Names		invisible = {0};
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->indexes)
		{
			TableIndex *index = lfirst(lc2);
			bool		has_prefix = false;

			foreach(lc3, index->parts)
				has_prefix = has_prefix || ((IndexPart *) lfirst(lc3))->prefix > 0;
			if (has_prefix)
				add_name(&prefix, def, index->name);
			if (index->kind == INDEX_FULLTEXT)
				add_name(&fulltext, def, index->name);
			if (index->kind == INDEX_SPATIAL)
				add_name(&spatial, def, index->name);
			if (index->invisible)
				add_name(&invisible, def, index->name);
		}
	}
	report(p, &prefix, "prefix_indexes", PRECHECK_PASSED,
		   "indexes on a prefix become indexes on left(column, length)", NULL);
	report(p, &fulltext, "fulltext_indexes", PRECHECK_WARNING,
		   "FULLTEXT indexes become GIN indexes on to_tsvector('simple', ...); MATCH ... AGAINST has to be rewritten",
		   "Set option fulltext to skip if you do not want them.");
	report(p, &spatial, "spatial_indexes", PRECHECK_WARNING,
		   "SPATIAL indexes are built only where PostGIS is installed",
		   "CREATE EXTENSION postgis;");
	report(p, &invisible, "invisible_indexes", PRECHECK_PASSED,
		   "invisible (ignored) indexes are built as normal ones", NULL);
}

static bool
is_selected(MyPrecheck *p, const char *schema, const char *table)
{
	ListCell   *lc;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (pg_strcasecmp(def->name, table) == 0 &&
			pg_strcasecmp(def->schema, schema) == 0)
			return true;
	}
	return false;
}

static bool
changes_children(const char *action)
{
	return action != NULL && (pg_strcasecmp(action, "CASCADE") == 0 ||
							  pg_strcasecmp(action, "SET NULL") == 0);
}

static void
check_foreign_keys(MyPrecheck *p)
{
	Names		parents = {0};
	Names		cascades = {0};
	Names		outside = {0};
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		foreach(lc2, def->foreign_keys)
		{
			TableForeignKey *fk = lfirst(lc2);
			bool		selected = is_selected(p, fk->ref_schema, fk->ref_table);
			bool		cascade = changes_children(fk->on_delete) ||
				changes_children(fk->on_update);

			if (!selected)
				add_name(&parents, def, psprintf("%s (%s.%s)", fk->name,
												 fk->ref_schema, fk->ref_table));
			if (cascade && selected)
				add_name(&cascades, def, fk->name);
			else if (cascade)
				add_name(&outside, def, psprintf("%s (%s.%s)", fk->name,
												 fk->ref_schema, fk->ref_table));
		}
	}
	report(p, &parents, "foreign_key_parents", PRECHECK_WARNING,
		   "foreign keys whose parent is not selected are not made",
		   "Select the parent tables, too.");
	if (!p->incremental)
		return;
	report(p, &cascades, "foreign_key_cascades", PRECHECK_PASSED,
		   "cascades, which the source does not log, are followed at the destination", NULL);
	report(p, &outside, "foreign_key_cascades", PRECHECK_FAILED,
		   "cascades from a parent that is not selected: the source does not log what they do to these tables",
		   "Select the parent tables, too.");
}

static void
check_special_tables(MyPrecheck *p)
{
	Names		versioned = {0};
	Names		sequences = {0};
	Names		periods = {0};
	Names		partitions = {0};
	Names		views = {0};
	ListCell   *lc;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (def->system_versioned)
			add_name(&versioned, def, NULL);
		if (def->is_sequence)
			add_name(&sequences, def, NULL);
		if (def->periods != NULL)
			add_name(&periods, def, NULL);
		if (def->partitions != NULL)
			add_name(&partitions, def, NULL);
		if (def->is_view && (def->view_definition == NULL ||
							 def->view_definition[0] == '\0'))
			add_name(&views, def, NULL);
	}
	report(p, &versioned, "system_versioned_tables",
		   PRECHECK_PASSED,
		   "system-versioned tables: current rows are copied and followed; their history stays behind",
		   NULL);
	report(p, &sequences, "sequences", PRECHECK_PASSED,
		   "sequences are made with the source's next value, and set again at cutover", NULL);
	report(p, &periods, "application_time_periods", PRECHECK_WARNING,
		   "application-time periods become plain columns; UPDATE ... FOR PORTION OF has no counterpart", NULL);
	report(p, &partitions, "partitioned_tables", PRECHECK_PASSED,
		   "partitioned tables become plain ones, or declarative partitions with option partitions = keep", NULL);
	report(p, &views, "view_definitions", PRECHECK_WARNING,
		   "views whose definition this account may not see",
		   "GRANT SHOW VIEW ON database.* TO the account;");
}

/* Code at the source that nobody moves. */
static void
check_routines(MyPrecheck *p)
{
	static const struct
	{
		const char *what;
		const char *table;
		const char *column;
	}			kinds[] = {
		{"triggers", "TRIGGERS", "TRIGGER_SCHEMA"},
		{"routines", "ROUTINES", "ROUTINE_SCHEMA"},
		{"events", "EVENTS", "EVENT_SCHEMA"},
	};
	List	   *schemas = NIL;
	StringInfoData in;
	StringInfoData found;
	ListCell   *lc;
	ListCell   *lc2;

	initStringInfo(&in);
	initStringInfo(&found);
	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);
		bool		known = false;

		foreach(lc2, schemas)
			known = known || strcmp(lfirst(lc2), def->schema) == 0;
		if (known)
			continue;
		schemas = lappend(schemas, def->schema);
		appendStringInfo(&in, "%s%s", in.len > 0 ? ", " : "",
						 my_quote_literal(def->schema));
	}
	if (schemas == NIL)
		return;
	for (int i = 0; i < lengthof(kinds); i++)
	{
		char	   *n = my_query_value(p->conn,
									   psprintf("SELECT count(*) FROM information_schema.%s WHERE %s IN (%s)",
												kinds[i].table, kinds[i].column, in.data));

		if (n != NULL && strcmp(n, "0") != 0)
			appendStringInfo(&found, "%s%s %s", found.len > 0 ? ", " : "", n,
							 kinds[i].what);
	}
	if (found.len > 0)
		my_precheck_add(p, "routines", PRECHECK_WARNING,
						psprintf("the source's databases have %s, which are not moved", found.data),
						"Write them anew for PostgreSQL before the cutover, where the application needs them.");
}

void
my_precheck_tables(MyPrecheck *p)
{
	check_keys(p);
	check_columns(p);
	check_indexes(p);
	check_foreign_keys(p);
	check_special_tables(p);
	check_routines(p);
}
