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
#include "source/mysql/my_snapshot.h"

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

/*
 * The item for what was gathered; NULL if that is nothing, which is an item
 * that passed where clean says so.
 */
static PrecheckItem *
report(MyPrecheck *p, const Names *names, const char *item,
	   const char *status, const char *what, const char *clean,
	   const char *advice)
{
	if (names->n > 0)
		return my_precheck_add(p, item, status, found_names(names, what), advice);
	if (clean != NULL)
		my_precheck_add(p, item, PRECHECK_PASSED, clean, NULL);
	return NULL;
}

/*
 * A key for a table without one: a column that statements without a list of
 * columns do not see, where the source has such. NULL: it has a counter
 * already, and one is all that a table may have.
 */
static char *
new_key(MyPrecheck *p, const TableDef *def)
{
	bool		invisible = my_is_mariadb(p->conn) ||
		my_version_num(p->conn) >= 80023;
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		if (((TableColumn *) lfirst(lc))->auto_increment)
			return NULL;
	}
	return psprintf("ALTER TABLE %s ADD COLUMN dts_id BIGINT NOT NULL%s AUTO_INCREMENT PRIMARY KEY",
					my_precheck_name(def), invisible ? " INVISIBLE" : "");
}

static void
check_keys(MyPrecheck *p)
{
	Names		keyless = {0};
	Names		engines = {0};
	PrecheckItem *item;
	ListCell   *lc;

	foreach(lc, p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (!model_has_rows(def))
			continue;
		if (model_row_key(def) == NULL)
			add_name(&keyless, def, NULL);
		if (!my_is_transactional(def))
			add_name(&engines, def, NULL);
	}
	item = report(p, &keyless, "keys", PRECHECK_WARNING,
				  "tables without a primary key, or a unique one without NULL",
				  "every table has a primary key, or a unique one without NULL",
				  "Changes to them are slow, and each is copied by one worker. Give each a key.");
	foreach(lc, item == NULL ? NIL : p->tables)
	{
		TableDef   *def = lfirst(lc);
		char	   *sql;

		if (model_has_rows(def) && model_row_key(def) == NULL &&
			(sql = new_key(p, def)) != NULL)
			precheck_sql(item, AT_SOURCE, "%s", sql);
	}
	item = report(p, &engines, "storage_engine", PRECHECK_WARNING,
				  "tables of an engine without transactions, whose rows are not in the snapshot",
				  "every table is of an engine with transactions",
				  p->incremental ? "Nobody can write to one of them while it is copied, which keeps its writers waiting. Give them another engine if that is too long." :
				  "Write nothing to them while they are copied, or give them another engine.");
	foreach(lc, item == NULL ? NIL : p->tables)
	{
		TableDef   *def = lfirst(lc);

		if (model_has_rows(def) && !my_is_transactional(def))
			precheck_sql(item, AT_SOURCE, "ALTER TABLE %s ENGINE = InnoDB",
						 my_precheck_name(def));
	}
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

/*
 * A default that the column has, and that its type at the destination does not
 * take.
 */
static bool
is_bad_default(const TableColumn *col, const TypePolicy *policy)
{
	const char *text = col->default_expr;
	int			hour;

	if (text == NULL || text[0] != '\'')
		return false;
	if (strcmp(col->base_type, "time") == 0)
		return !policy->time_interval &&
			(sscanf(text + 1, "%d:", &hour) != 1 || hour < 0 || hour > 24 ||
			 text[1] == '-');
	if (strcmp(col->base_type, "date") != 0 &&
		strcmp(col->base_type, "datetime") != 0 &&
		strcmp(col->base_type, "timestamp") != 0)
		return false;
	return policy->zero_date != ZERO_DATE_LITERAL &&
		(strstr(text, "0000-") != NULL || strstr(text, "-00") != NULL);
}

static void
check_columns(MyPrecheck *p)
{
	Names		invisible = {0};
	Names		generated = {0};
	Names		bad = {0};
	Names		unknown = {0};
	Names		charsets = {0};
	List	   *sql = NIL;
	PrecheckItem *item;
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
			if (is_bad_default(col, p->scope->policy))
			{
				add_name(&bad, def, psprintf("%s (%s)", col->name, col->default_expr));
				sql = lappend(sql, psprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
											my_precheck_name(def),
											my_quote_identifier(col->name)));
			}
			if (!is_known_type(col))
				add_name(&unknown, def, psprintf("%s (%s)", col->name, col->source_type));
			if (col->charset != NULL && strncmp(col->charset, "utf8", 4) != 0 &&
				strcmp(col->charset, "latin1") != 0 &&
				strcmp(col->charset, "ascii") != 0)
				add_name(&charsets, def, psprintf("%s (%s)", col->name, col->charset));
		}
	}
	report(p, &unknown, "column_types", PRECHECK_FAILED,
		   "columns of a type that cannot be moved", "every column type is known",
		   "Leave the columns out with a rule in objects (columns: {\"name\": null}), or change their type at the source.");
	report(p, &invisible, "invisible_columns", PRECHECK_PASSED,
		   "invisible columns are moved, and are visible at the destination",
		   "there are none", NULL);
	report(p, &generated, "generated_columns", PRECHECK_PASSED,
		   "generated columns become stored ones where the expression translates, see preview_schema",
		   "there are none", NULL);
	item = report(p, &bad, "defaults", PRECHECK_WARNING,
				  "defaults that are no date or out of range are left out at the destination",
				  "every default is a value that the destination takes",
				  "Or choose a date with option zero_date (for times, option time = interval), or give the columns other defaults.");
	foreach(lc, item == NULL ? NIL : sql)
		precheck_sql(item, AT_SOURCE, "%s", (char *) lfirst(lc));
	report(p, &charsets, "character_sets", PRECHECK_PASSED,
		   "text in other character sets is converted to that of this database",
		   "every text is in a Unicode character set, latin1 or ascii", NULL);
}

static void
check_indexes(MyPrecheck *p)
{
	Names		prefix = {0};
	Names		fulltext = {0};
	Names		invisible = {0};
	bool		skip = p->scope->policy->fulltext_skip;
	PrecheckItem *item;
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
			if (has_prefix && index->kind < INDEX_FULLTEXT)
				add_name(&prefix, def, index->name);
			if (index->kind == INDEX_FULLTEXT)
				add_name(&fulltext, def, index->name);
			if (index->invisible)
				add_name(&invisible, def, index->name);
		}
	}
	report(p, &prefix, "prefix_indexes", PRECHECK_PASSED,
		   "indexes on a prefix become indexes on left(column, length)",
		   "there are none", NULL);
	item = report(p, &fulltext, "fulltext_indexes",
				  skip ? PRECHECK_PASSED : PRECHECK_WARNING,
				  skip ? "FULLTEXT indexes are left out (option fulltext)" :
				  "FULLTEXT indexes become GIN indexes on to_tsvector('simple', ...); MATCH ... AGAINST has to be rewritten",
				  "there are none",
				  skip ? NULL : "That leaves them out.");
	if (item != NULL && !skip)
		precheck_option(item, p->scope->task, "fulltext", "skip");
	report(p, &invisible, "invisible_indexes", PRECHECK_PASSED,
		   "invisible (ignored) indexes are built as normal ones",
		   "there are none", NULL);
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
	List	   *rules = NIL;
	char	   *advice;
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
			{
				add_name(&parents, def, psprintf("%s (%s.%s)", fk->name,
												 fk->ref_schema, fk->ref_table));
				rules = precheck_rule(rules, fk->ref_schema, fk->ref_table);
			}
			if (cascade && selected)
				add_name(&cascades, def, fk->name);
			else if (cascade)
				add_name(&outside, def, psprintf("%s (%s.%s)", fk->name,
												 fk->ref_schema, fk->ref_table));
		}
	}
	advice = precheck_rules(rules);
	report(p, &parents, "foreign_key_parents", PRECHECK_WARNING,
		   "foreign keys whose parent is not selected are not made",
		   "the parent of every foreign key is selected", advice);
	if (!p->incremental)
		return;
	if (outside.n == 0)
		report(p, &cascades, "foreign_key_cascades", PRECHECK_PASSED,
			   "cascades, which the source does not log, are followed at the destination",
			   "there are none", NULL);
	report(p, &outside, "foreign_key_cascades", PRECHECK_FAILED,
		   "cascades from a parent that is not selected: the source does not log what they do to these tables",
		   NULL, advice);
}

static void
check_special_tables(MyPrecheck *p)
{
	Names		versioned = {0};
	Names		sequences = {0};
	Names		periods = {0};
	Names		partitions = {0};
	Names		views = {0};
	List	   *sql = NIL;
	PrecheckItem *item;
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
		{
			add_name(&views, def, NULL);
			sql = lappend(sql, psprintf("GRANT SELECT, SHOW VIEW ON %s TO %s",
										my_precheck_name(def), p->account));
		}
	}
	report(p, &versioned, "system_versioned_tables",
		   PRECHECK_PASSED,
		   "system-versioned tables: current rows are copied and followed; their history stays behind",
		   "there are none", NULL);
	report(p, &sequences, "sequences", PRECHECK_PASSED,
		   "sequences are made with the source's next value, and set again at cutover",
		   "there are none", NULL);
	report(p, &periods, "application_time_periods", PRECHECK_WARNING,
		   "application-time periods become plain columns; UPDATE ... FOR PORTION OF has no counterpart",
		   "there are none",
		   "Rewrite such statements of the application before the cutover.");
	report(p, &partitions, "partitioned_tables", PRECHECK_PASSED,
		   p->scope->policy->partitions_keep ?
		   "partitions are kept where they translate, see preview_schema" :
		   "partitioned tables become plain ones, or declarative partitions with option partitions = keep",
		   "there are none", NULL);
	item = report(p, &views, "view_definitions", PRECHECK_WARNING,
				  "views whose definition this account may not see",
				  "every view's definition can be read",
				  "Grant the right to see them.");
	foreach(lc, item == NULL ? NIL : sql)
		precheck_sql(item, AT_SOURCE, "%s", (char *) lfirst(lc));
}

/* Code at the source that nobody moves. */
static void
check_routines(MyPrecheck *p)
{
	static const struct
	{
		const char *what;
		const char *table;
		const char *prefix;
	}			kinds[] = {
		{"triggers", "TRIGGERS", "TRIGGER"},
		{"routines", "ROUTINES", "ROUTINE"},
		{"events", "EVENTS", "EVENT"},
	};
	List	   *schemas = NIL;
	StringInfoData in;
	StringInfoData found;
	const char *unseen;
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
		const char *prefix = kinds[i].prefix;
		MyResult   *r = my_query(p->conn,
								 psprintf("SELECT CONCAT(%s_SCHEMA, '.', %s_NAME) FROM information_schema.%s WHERE %s_SCHEMA IN (%s) ORDER BY 1",
										  prefix, prefix, kinds[i].table, prefix, in.data),
								 1);

		if (my_nrows(r) > 0)
			appendStringInfo(&found, "%s%d %s (", found.len > 0 ? ", " : "",
							 my_nrows(r), kinds[i].what);
		for (int n = 0; n < my_nrows(r); n++)
			appendStringInfo(&found, "%s%s%s", n > 0 ? ", " : "", my_get_text(r, n, 0),
							 n == my_nrows(r) - 1 ? ")" : "");
	}
	unseen = my_precheck_may(p, "EVENT") ? "" :
		"; scheduled events it cannot see, for it lacks the privilege EVENT";
	if (found.len > 0)
		my_precheck_add(p, "routines", PRECHECK_WARNING,
						psprintf("the source's databases have %s, which are not moved%s", found.data,
								 unseen[0] ? "; the account cannot see scheduled events, for it lacks the privilege EVENT" : ""),
						"Write them again for PostgreSQL before the cutover, where the application needs them.");
	else
		my_precheck_add(p, "routines", PRECHECK_PASSED,
						psprintf("there are no triggers%s that this account can see%s",
								 unseen[0] ? " or routines" : ", routines or events", unseen),
						unseen[0] ? "SHOW EVENTS at the source lists them; they are not moved." : NULL);
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
