/*-------------------------------------------------------------------------
 *
 * mysql_types.c
 *	  The type map of the MySQL family to PostgreSQL, and its policies.
 *
 * One map serves schema migration, full load, changes, DDL and verification:
 * it writes TableColumn.pg_type, and everything else reads that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_types.h"

#define PGVECTOR_DIM_MAX 16000
#define MAX_VARCHAR_LENGTH 10485760 /* MaxAttrSize of the server */

static bool
is_one_of(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

#define IS_ONE_OF(word, list) is_one_of(word, list, lengthof(list))

static const char *const char_types[] = {"char", "varchar", "nchar",
"nvarchar"};
static const char *const text_types[] = {"tinytext", "text", "mediumtext",
"longtext", "long"};
static const char *const binary_types[] = {"binary", "varbinary", "tinyblob",
"blob", "mediumblob", "longblob"};
static const char *const date_types[] = {"date", "datetime", "timestamp"};
static const char *const geometry_types[] = {"geometry", "point",
	"linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
"geometrycollection", "geomcollection"};

PgClass
mysql_column_class(const TableColumn *col)
{
	static const struct
	{
		const char *prefix;
		PgClass		cls;
	}			classes[] = {
		{"smallint", PGC_INT}, {"integer", PGC_INT}, {"bigint", PGC_INT},
		{"numeric", PGC_NUMERIC}, {"real[]", PGC_OTHER}, {"real", PGC_FLOAT},
		{"double", PGC_FLOAT}, {"boolean", PGC_BOOL}, {"varchar", PGC_TEXT},
		{"text[]", PGC_SET}, {"text", PGC_TEXT}, {"bytea", PGC_BYTEA},
		{"date", PGC_DATE}, {"timestamptz", PGC_TIMESTAMPTZ},
		{"timestamp", PGC_TIMESTAMP}, {"time", PGC_TIME},
		{"interval", PGC_INTERVAL}, {"bit", PGC_BIT}, {"json", PGC_JSON},
		{"uuid", PGC_UUID}, {"inet", PGC_INET}
	};

	if (col->pg_type == NULL)
		return PGC_UNKNOWN;
	if (strcmp(col->base_type, "enum") == 0)
		return strcmp(col->pg_type, "text") == 0 ? PGC_TEXT : PGC_ENUM;
	if (IS_ONE_OF(col->base_type, geometry_types))
		return PGC_GEOMETRY;
	for (int i = 0; i < lengthof(classes); i++)
	{
		if (strncmp(col->pg_type, classes[i].prefix,
					strlen(classes[i].prefix)) == 0)
			return classes[i].cls;
	}
	if (col->charset != NULL)
		return PGC_TEXT;		/* citext, with its schema */
	return PGC_OTHER;
}

bool
mysql_is_date_type(const TableColumn *col)
{
	return IS_ONE_OF(col->base_type, date_types);
}

bool
mysql_is_ci(const TableColumn *col)
{
	Size		len;

	if (col->collation == NULL)
		return false;
	len = strlen(col->collation);
	return strstr(col->collation, "_ci") != NULL &&
		(len < 4 || strcmp(col->collation + len - 4, "_bin") != 0);
}

/* A label of an enum type has to fit into a name. */
static bool
labels_fit(const TableColumn *col)
{
	ListCell   *lc;

	foreach(lc, col->labels)
	{
		if (strlen(lfirst(lc)) >= NAMEDATALEN)
			return false;
	}
	return true;
}

bool
mysql_wants_enum_type(const TableColumn *col, const PlanOptions *options)
{
	return strcmp(col->base_type, "enum") == 0 &&
		!options->policy->enum_text && labels_fit(col);
}

static char *
type_in_schema(const char *schema, const char *type)
{
	if (schema == NULL)
		return pstrdup(type);
	return psprintf("%s.%s", quote_identifier(schema), type);
}

/*
 * The collation that stands for a case-insensitive one. Whether accents count
 * is in the name: _ai_ci and the old _general_ci, _unicode_ci ignore them.
 */
static char *
ci_collation(const TableDef *def, const TableColumn *col)
{
	bool		accents = strstr(col->collation, "_as_") != NULL;

	return psprintf("%s.%s", quote_identifier(def->target_schema),
					accents ? "dtsmig_ci_as" : "dtsmig_ci_ai");
}

static void
map_ci_text(TableDef *def, TableColumn *col, const PlanOptions *options,
			PlanNotes *notes)
{
	switch (options->policy->ci_collation)
	{
		case CI_COLLATION_DEFAULT:
			if (notes != NULL)
				notes->ci_columns = lappend(notes->ci_columns, col->name);
			break;
		case CI_COLLATION_NONDETERMINISTIC:
			col->pg_collation = ci_collation(def, col);
			break;
		case CI_COLLATION_CITEXT:
			if (!options->citext)
			{
				plan_warn(notes, "%s: extension citext is not installed, column stays %s",
						  col->name, col->pg_type);
				break;
			}
			if (strncmp(col->pg_type, "varchar", 7) == 0)
				plan_note(notes, "%s: citext has no length limit (was %s)",
						  col->name, col->source_type);
			col->pg_type = type_in_schema(options->citext_schema, "citext");
			break;
	}
}

static void
map_text(TableDef *def, TableColumn *col, const PlanOptions *options,
		 PlanNotes *notes)
{
	if (IS_ONE_OF(col->base_type, char_types) && col->length >= 0 &&
		col->length <= MAX_VARCHAR_LENGTH)
		col->pg_type = psprintf("varchar(%d)", (int) Max(col->length, 1));
	else
		col->pg_type = "text";
	if (mysql_is_ci(col))
		map_ci_text(def, col, options, notes);
}

static void
map_integer(TableColumn *col, PlanNotes *notes)
{
	const char *base = col->base_type;
	bool		uns = col->is_unsigned;

	if (strcmp(base, "tinyint") == 0)
		col->pg_type = "smallint";
	else if (strcmp(base, "smallint") == 0)
		col->pg_type = uns ? "integer" : "smallint";
	else if (strcmp(base, "mediumint") == 0)
		col->pg_type = "integer";
	else if (strcmp(base, "int") == 0 || strcmp(base, "integer") == 0)
		col->pg_type = uns ? "bigint" : "integer";
	else if (uns && col->auto_increment)
	{
		col->pg_type = "bigint";
		plan_warn(notes, "%s: bigint unsigned with auto_increment becomes bigint; values past 9223372036854775807 do not fit",
				  col->name);
	}
	else
		col->pg_type = uns ? "numeric(20,0)" : "bigint";
	if (strstr(col->source_type, "zerofill") != NULL)
		plan_note(notes, "%s: zerofill, a matter of display, is dropped",
				  col->name);
}

/* "point" -> geometry(Point,4326) */
static void
map_geometry(TableColumn *col, const PlanOptions *options, PlanNotes *notes)
{
	const char *kind = col->base_type;
	char	   *type;

	if (!options->postgis)
	{
		col->pg_type = "bytea";
		if (notes != NULL)
			notes->raw_columns = lappend(notes->raw_columns, col->name);
		return;
	}
	if (strcmp(kind, "geometry") == 0 && strcmp(col->source_type, kind) != 0)
		plan_note(notes, "%s: a column of type %s takes geometries of other kinds, too, at this source, so it is geometry at the destination",
				  col->name, col->source_type);
	if (col->srid != 0)
		type = psprintf("geometry(%s,%d)", kind, col->srid);
	else
		type = psprintf("geometry(%s)", kind);
	col->pg_type = type_in_schema(options->postgis_schema, type);
}

void
mysql_loosen_geometry(TableColumn *col, bool mariadb, int version)
{
	if (!IS_ONE_OF(col->base_type, geometry_types))
		return;
	/* MySQL 8.0 has a shorter name for it */
	if (strcmp(col->source_type, "geomcollection") == 0)
		col->source_type = "geometrycollection";
	if (mariadb)
		col->srid = 0;
	if (strstr(col->base_type, "collection") != NULL ||
		(!mariadb && version < 80000))
		col->base_type = "geometry";
}

static void
map_vector(TableColumn *col, const PlanOptions *options, PlanNotes *notes)
{
	if (options->pgvector && col->length > 0 && col->length <= PGVECTOR_DIM_MAX)
	{
		col->pg_type = type_in_schema(options->pgvector_schema,
									  psprintf("vector(%d)", (int) col->length));
		return;
	}
	if (options->pgvector)
		plan_note(notes, "%s: %s has more dimensions than a vector of pgvector can, %d, and becomes real[]",
				  col->name, col->source_type, PGVECTOR_DIM_MAX);
	else
		plan_note(notes, "%s: pgvector is not installed, so %s becomes real[], which takes any number of dimensions",
				  col->name, col->source_type);
	col->pg_type = "real[]";
}

static void
map_enum(const TableDef *def, TableColumn *col, const PlanOptions *options,
		 const char *enum_type, PlanNotes *notes)
{
	if (mysql_wants_enum_type(col, options))
	{
		if (enum_type != NULL)
			col->pg_type = pstrdup(enum_type);
		else
			col->pg_type =
				psprintf("%s.%s", quote_identifier(def->target_schema),
						 quote_identifier(plan_name(psprintf("%s_%s",
															 def->target_name,
															 col->target_name),
													NAME_CASE_SOURCE, true)));
		return;
	}
	col->pg_type = "text";
	if (!options->policy->enum_text)
		plan_note(notes, "%s: a label is longer than 63 bytes, so the column becomes text with a check",
				  col->name);
}

static void
map_temporal(TableColumn *col, const TypePolicy *policy)
{
	if (strcmp(col->base_type, "date") == 0)
		col->pg_type = "date";
	else if (strcmp(col->base_type, "datetime") == 0)
		col->pg_type = psprintf("timestamp(%d)", col->fsp);
	else if (strcmp(col->base_type, "timestamp") == 0)
		col->pg_type = psprintf("timestamptz(%d)", col->fsp);
	else if (policy->time_interval)
		col->pg_type = psprintf("interval(%d)", col->fsp);
	else
		col->pg_type = psprintf("time(%d)", col->fsp);
}

/* NOT NULL goes where a value of the source may become NULL by policy. */
static void
map_nullable(const TableDef *def, TableColumn *col, const TypePolicy *policy,
			 PlanNotes *notes)
{
	col->target_nullable = col->nullable;
	/* a key's columns stay NOT NULL: a zero date in them stops the task */
	if (col->nullable || model_in_source_key(def, col))
		return;
	if (mysql_is_date_type(col) && policy->zero_date == ZERO_DATE_NULL &&
		col->zero_dates)
	{
		col->target_nullable = true;
		if (notes != NULL)
			notes->nulled_columns = lappend(notes->nulled_columns, col->name);
	}
	/* in strict mode index 0 cannot be written, and ENUM's '' is a label */
}

void
mysql_map_column(TableDef *def, TableColumn *col, const PlanOptions *options,
				 const char *enum_type, PlanNotes *notes)
{
	const char *base = col->base_type;
	const TypePolicy *policy = options->policy;

	col->pg_collation = NULL;
	if (strcmp(base, "tinyint") == 0 && policy->tinyint1_boolean &&
		!col->auto_increment && strncmp(col->source_type, "tinyint(1)", 10) == 0)
		col->pg_type = "boolean";
	else if (strstr(base, "int") != NULL && strcmp(base, "point") != 0 &&
			 !IS_ONE_OF(base, geometry_types))
		map_integer(col, notes);
	else if (strcmp(base, "decimal") == 0 || strcmp(base, "numeric") == 0)
		col->pg_type = psprintf("numeric(%d,%d)", col->precision,
								Max(col->scale, 0));
	else if (strcmp(base, "float") == 0)
		col->pg_type = "real";
	else if (strcmp(base, "double") == 0 || strcmp(base, "real") == 0)
		col->pg_type = "double precision";
	else if (strcmp(base, "bit") == 0)
		col->pg_type = policy->bit1_boolean && col->length <= 1 ? "boolean" :
			psprintf("bit(%d)", (int) Max(col->length, 1));
	else if (mysql_is_date_type(col) || strcmp(base, "time") == 0)
		map_temporal(col, policy);
	else if (strcmp(base, "year") == 0)
		col->pg_type = "smallint";
	else if (strcmp(base, "enum") == 0)
		map_enum(def, col, options, enum_type, notes);
	else if (strcmp(base, "set") == 0)
		col->pg_type = policy->set_text ? "text" : "text[]";
	else if (col->is_json || strcmp(base, "json") == 0)
	{
		col->pg_type = policy->json_json ? "json" : "jsonb";
		if (strcmp(base, "json") != 0 && !policy->json_json)
			plan_note(notes, "%s: a text with JSON in it becomes jsonb, which keeps the values; white space, the order of keys and keys that occur twice are lost (option json)",
					  col->name);
	}
	else if (IS_ONE_OF(base, char_types) || IS_ONE_OF(base, text_types))
		map_text(def, col, options, notes);
	else if (IS_ONE_OF(base, binary_types))
		col->pg_type = "bytea";
	else if (strcmp(base, "uuid") == 0)
		col->pg_type = "uuid";
	else if (strcmp(base, "inet4") == 0 || strcmp(base, "inet6") == 0)
		col->pg_type = "inet";
	else if (strcmp(base, "vector") == 0)
		map_vector(col, options, notes);
	else if (IS_ONE_OF(base, geometry_types))
		map_geometry(col, options, notes);
	else
	{
		col->pg_type = "text";
		plan_warn(notes, "%s: type %s is not known and becomes text", col->name,
				  col->source_type);
		if (notes != NULL)
			notes->fatal = true;
	}
	if ((strcmp(base, "float") == 0 || strcmp(base, "double") == 0 ||
		 strcmp(base, "real") == 0) && strchr(col->source_type, ',') != NULL)
		plan_note(notes, "%s: %s is not rounded to its digits at the destination", col->name,
				  col->source_type);
	col->pg_type = pstrdup(col->pg_type);
	map_nullable(def, col, policy, notes);
}
