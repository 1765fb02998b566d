/*-------------------------------------------------------------------------
 *
 * plan_index.c
 *	  Primary keys and indexes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "schema/mysql_expr.h"
#include "schema/mysql_types.h"
#include "schema/plan_internal.h"

/* An entry of a btree holds at most about a third of a page. */
#define BTREE_ENTRY_MAX 2704

/* What pgvector's hnsw takes. */
#define HNSW_DIM_MAX 2000

/* Characters of a text whose tsvector surely fits into its 1 MB. */
#define TSVECTOR_TEXT_MAX 100000

/* One key part; NULL: it cannot be built, see why. */
static char *
part_sql(const TableDef *def, const IndexPart *part, PlanNotes *notes,
		 const char **why)
{
	TableColumn *col;
	PgClass		cls;
	char	   *name;

	if (part->expr != NULL)
	{
		MyExprResult result = mysql_translate_expression(part->expr, def,
														 MY_EXPR_INDEX,
														 PGC_UNKNOWN);

		if (result.sql == NULL)
		{
			*why = psprintf("expression %s does not translate: %s",
							part->expr, result.why);
			return NULL;
		}
		if (result.note != NULL)
			plan_note(notes, "%s", result.note);
		return psprintf("(%s)", result.sql);
	}

	col = model_find_column(def, part->column);
	if (col == NULL || col->target_name == NULL)
	{
		*why = psprintf("column %s is left out", part->column);
		return NULL;
	}
	name = pstrdup(quote_identifier(col->target_name));
	cls = mysql_column_class(col);
	if (cls == PGC_GEOMETRY || cls == PGC_OTHER)
	{
		*why = psprintf("column %s has no order", part->column);
		return NULL;
	}
	if (part->prefix > 0 && cls == PGC_BYTEA)
		return psprintf("substring(%s, 1, %d)", name, part->prefix);
	if (part->prefix > 0 && cls == PGC_TEXT)
	{
		if (col->length < 0 || part->prefix < col->length)
			return psprintf("\"left\"(%s%s, %d)", name,
							strncmp(col->pg_type, "varchar", 7) == 0 ||
							strcmp(col->pg_type, "text") == 0 ? "" : "::text",
							part->prefix);
		return name;
	}
	return name;
}

/* Bytes that a value of the key part may take; large ones do not fit. */
static int64
part_bytes(const TableDef *def, const IndexPart *part)
{
	TableColumn *col;
	PgClass		cls;
	int64		length;

	if (part->column == NULL)
		return 0;
	col = model_find_column(def, part->column);
	if (col == NULL)
		return 0;
	cls = mysql_column_class(col);
	if (cls != PGC_TEXT && cls != PGC_BYTEA)
		return 16;
	length = part->prefix > 0 ? part->prefix : col->length;
	return cls == PGC_TEXT ? length * 4 : length;
}

static void
note_wide_index(const TableDef *def, const TableIndex *index,
				PlanNotes *notes)
{
	ListCell   *lc;
	int64		total = 0;

	foreach(lc, index->parts)
		total += part_bytes(def, lfirst(lc));
	if (total > BTREE_ENTRY_MAX)
		plan_note(notes, "an entry of index %s can take " INT64_FORMAT " bytes, a btree takes at most %d: longer values are refused",
				  index->name, total, BTREE_ENTRY_MAX);
}

/*
 * What an index at the destination answers and refuses that is not as at the
 * source.
 */
static void
note_choices(const TableDef *def, const TableIndex *index,
			 const PlanOptions *options, PlanNotes *notes)
{
	bool		unique = index->kind == INDEX_PRIMARY ||
		index->kind == INDEX_UNIQUE;
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col = part->column ? model_find_column(def, part->column) : NULL;
		Size		len = col && col->collation ? strlen(col->collation) : 0;

		if (col == NULL || col->target_name == NULL)
			continue;
		if (part->prefix > 0)
			plan_note(notes, "an index on an expression, for the first %d %s of %s: queries use it where they name the same expression",
					  part->prefix,
					  mysql_column_class(col) == PGC_BYTEA ? "bytes" : "characters",
					  part->column);
		if (unique && len > 3 && strcmp(col->collation + len - 3, "_ci") == 0 &&
			mysql_column_class(col) == PGC_TEXT &&
			options->policy->ci_collation == CI_COLLATION_DEFAULT)
			plan_note(notes, "values of %s that differ in case alone are one value at the source, and two at the destination (option ci_collation)",
					  part->column);
	}
}

/*
 * A unique index of MariaDB over whole texts of any length (USING HASH): a
 * btree cannot hold those, but it can hold their digests. Not for the index
 * that identifies rows, which must be on the columns themselves.
 */
static char *
long_unique_sql(const TableDef *def, const TableIndex *index,
				PlanNotes *notes)
{
	IndexPart  *part = linitial(index->parts);
	TableColumn *col = part->column == NULL ? NULL :
		model_find_column(def, part->column);

	if (index->kind != INDEX_UNIQUE || list_length(index->parts) != 1 ||
		col == NULL || col->target_name == NULL || part->prefix > 0 ||
		part_bytes(def, part) <= BTREE_ENTRY_MAX ||
		(strcmp(col->pg_type, "text") != 0 && strcmp(col->pg_type, "bytea") != 0) ||
		model_row_key(def) == index)
		return NULL;
	plan_note(notes, "unique on md5(%s), for values may be longer than an index entry",
			  col->name);
	return psprintf("CREATE UNIQUE INDEX %s ON %s (md5(%s))",
					quote_identifier(index->target_name),
					plan_table_name(def), quote_identifier(col->target_name));
}

static char *
fulltext_sql(const TableDef *def, const TableIndex *index,
			 const PlanOptions *options, PlanNotes *notes)
{
	StringInfoData sql;
	ListCell   *lc;
	bool		first = true;
	bool		cut;
	bool		any_cut = false;

	if (options->policy->fulltext_skip)
	{
		plan_note(notes, "FULLTEXT index not built (option fulltext)");
		return NULL;
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE INDEX %s ON %s USING gin (to_tsvector('simple', ",
					 quote_identifier(index->target_name),
					 plan_table_name(def));
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col = part->column == NULL ? NULL :
			model_find_column(def, part->column);

		if (col == NULL || col->target_name == NULL ||
			mysql_column_class(col) != PGC_TEXT)
		{
			plan_warn(notes, "FULLTEXT index not built: it has a column that is not text at the destination");
			return NULL;
		}
		/* a tsvector holds at most 1 MB */
		cut = col->length < 0 || col->length > TSVECTOR_TEXT_MAX * 4;
		any_cut = any_cut || cut;
		appendStringInfo(&sql, cut ? "%scoalesce(\"left\"(%s::text, %d), '')" :
						 "%scoalesce(%s::text, '')",
						 first ? "" : " || ' ' || ",
						 quote_identifier(col->target_name), TSVECTOR_TEXT_MAX);
		first = false;
	}
	appendStringInfoString(&sql, "))");
	if (any_cut)
		plan_note(notes, "the first %d characters of long texts are indexed",
				  TSVECTOR_TEXT_MAX);
	plan_note(notes, "FULLTEXT becomes a GIN index: search with to_tsvector('simple', ...) @@ to_tsquery('simple', ...) in place of MATCH ... AGAINST");
	return sql.data;
}

static char *
spatial_sql(const TableDef *def, const TableIndex *index,
			PlanNotes *notes)
{
	IndexPart  *part = linitial(index->parts);
	TableColumn *col = part->column == NULL ? NULL :
		model_find_column(def, part->column);

	if (col == NULL || col->target_name == NULL ||
		strcmp(col->pg_type, "bytea") == 0)
	{
		plan_warn(notes, "SPATIAL index not built: PostGIS is not installed");
		return NULL;
	}
	return psprintf("CREATE INDEX %s ON %s USING gist (%s)",
					quote_identifier(index->target_name),
					plan_table_name(def), quote_identifier(col->target_name));
}

/*
 * MariaDB's index for nearest neighbours is a graph of the kind that pgvector
 * has, too.
 */
static char *
vector_sql(const TableDef *def, const TableIndex *index,
		   const PlanOptions *options, PlanNotes *notes)
{
	IndexPart  *part = linitial(index->parts);
	TableColumn *col = part->column == NULL ? NULL :
		model_find_column(def, part->column);
	bool		cosine = index->distance != NULL;

	if (col == NULL || col->target_name == NULL ||
		strcmp(col->pg_type, "real[]") == 0)
	{
		plan_warn(notes, "VECTOR index not built: the column is no vector of pgvector at the destination");
		return NULL;
	}
	if (col->length > HNSW_DIM_MAX)
	{
		plan_warn(notes, "VECTOR index not built: pgvector indexes at most %d dimensions",
				  HNSW_DIM_MAX);
		return NULL;
	}
	plan_note(notes, "VECTOR becomes an hnsw index: search with ORDER BY %s %s in place of %s",
			  col->name, cosine ? "<=>" : "<->",
			  cosine ? "VEC_DISTANCE_COSINE" : "VEC_DISTANCE_EUCLIDEAN");
	return psprintf("CREATE INDEX %s ON %s USING hnsw (%s %s.%s)",
					quote_identifier(index->target_name),
					plan_table_name(def), quote_identifier(col->target_name),
					pstrdup(quote_identifier(options->pgvector_schema)),
					cosine ? "vector_cosine_ops" : "vector_l2_ops");
}

/* The parts, comma-separated; plain: no expression and no order among them. */
static char *
parts_sql(const TableDef *def, const TableIndex *index, PlanNotes *notes,
		  bool *plain)
{
	StringInfoData sql;
	ListCell   *lc;

	*plain = true;
	initStringInfo(&sql);
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		const char *why = NULL;
		char	   *one = part_sql(def, part, notes, &why);

		if (one == NULL)
		{
			plan_warn(notes, "index %s not built: %s", index->name, why);
			return NULL;
		}
		if (sql.len > 0)
			appendStringInfoString(&sql, ", ");
		appendStringInfoString(&sql, one);
		/* the MySQL family sorts NULL first */
		if (part->descending)
			appendStringInfoString(&sql, " DESC");
		if (part->column == NULL || strchr(one, '(') != NULL)
			*plain = false;
	}
	return sql.data;
}

static char *
index_sql(const TableDef *def, const TableIndex *index,
		  const PlanOptions *options, PlanNotes *notes)
{
	char	   *parts;
	bool		plain;
	bool		unique = index->kind == INDEX_PRIMARY ||
		index->kind == INDEX_UNIQUE;

	if (index->invisible)
		plan_note(notes, "invisible (ignored) at the source, a normal index at the destination");
	if (index->kind == INDEX_FULLTEXT)
		return fulltext_sql(def, index, options, notes);
	if (index->kind == INDEX_SPATIAL)
		return spatial_sql(def, index, notes);
	if (index->kind == INDEX_VECTOR)
		return vector_sql(def, index, options, notes);

	parts = long_unique_sql(def, index, notes);
	if (parts != NULL)
		return parts;
	parts = parts_sql(def, index, notes, &plain);
	if (parts == NULL)
		return NULL;
	note_wide_index(def, index, notes);
	note_choices(def, index, options, notes);
	if (index->kind == INDEX_PRIMARY && plain)
	{
		StringInfoData list;
		ListCell   *lc;

		initStringInfo(&list);
		foreach(lc, index->parts)
		{
			IndexPart  *part = lfirst(lc);
			TableColumn *col = model_find_column(def, part->column);

			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 quote_identifier(col->target_name));
		}
		return psprintf("ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY (%s)",
						plan_table_name(def),
						quote_identifier(index->target_name), list.data);
	}
	if (index->kind == INDEX_PRIMARY)
		plan_warn(notes, "a primary key on a prefix of a column becomes a unique index");
	return psprintf("CREATE %sINDEX %s ON %s (%s)", unique ? "UNIQUE " : "",
					quote_identifier(index->target_name),
					plan_table_name(def), parts);
}

void
plan_indexes(SchemaPlan *state)
{
	static const PlanPhase phases[] = {PLAN_KEY, PLAN_UNIQUE, PLAN_INDEX};
	ListCell   *lc;
	ListCell   *lc2;

	for (int i = 0; i < lengthof(phases); i++)
	{
		foreach(lc, state->tables)
		{
			TableDef   *def = lfirst(lc);

			if (!model_has_rows(def) || def->merged)
				continue;
			foreach(lc2, def->indexes)
			{
				TableIndex *index = lfirst(lc2);
				PlanNotes	notes = {0};
				PlanPhase	phase;
				char	   *sql;

				/* changes find their rows by the row key: it comes first */
				phase = index->kind == INDEX_PRIMARY ||
					index == model_row_key(def) ? PLAN_KEY :
					index->kind == INDEX_UNIQUE ? PLAN_UNIQUE : PLAN_INDEX;
				if (phase != phases[i])
					continue;
				sql = index_sql(def, index, state->options, &notes);
				plan_add(state, phase,
						 index->kind == INDEX_PRIMARY ? "primary key" : "index", def,
						 index->target_name, sql, &notes);
				/* indexes of one phase are made by several workers at once */
				if (sql != NULL && index->comment != NULL &&
					index->comment[0] != '\0')
					plan_add(state, PLAN_POST_DATA, "comment", def, index->target_name,
							 psprintf("COMMENT ON INDEX %s IS %s",
									  quote_qualified_identifier(def->target_schema,
																 index->target_name),
									  quote_literal_cstr(index->comment)),
							 NULL);
			}
		}
	}
}
