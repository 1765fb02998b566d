/*-------------------------------------------------------------------------
 *
 * model.c
 *	  The neutral model of a table: look-ups, and its form in the catalog.
 *
 * A TableDef is kept as jsonb. Both directions walk the same descriptions of
 * the structs, so that a field that is written is also read. NULL, false and
 * the neutral number of a field are left out; a missing key reads as that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "schema/model.h"

typedef enum FieldKind
{
	FIELD_TEXT,					/* char * */
	FIELD_BOOL,
	FIELD_INT,					/* int, and enums */
	FIELD_INT64,
	FIELD_TEXTS,				/* List of char * */
	FIELD_STRUCTS				/* List of structs */
} FieldKind;

typedef struct StructInfo StructInfo;

typedef struct FieldInfo
{
	const char *key;
	FieldKind	kind;
	Size		offset;
	int64		missing;		/* a number that is not written */
	const StructInfo *element;	/* of FIELD_STRUCTS */
} FieldInfo;

struct StructInfo
{
	Size		size;
	int			nfields;
	const FieldInfo *fields;
};

#define TEXT_FIELD(s, f)	{#f, FIELD_TEXT, offsetof(s, f), 0, NULL}
#define BOOL_FIELD(s, f)	{#f, FIELD_BOOL, offsetof(s, f), 0, NULL}
#define INT_FIELD(s, f, d)	{#f, FIELD_INT, offsetof(s, f), d, NULL}
#define INT64_FIELD(s, f, d) {#f, FIELD_INT64, offsetof(s, f), d, NULL}
#define TEXTS_FIELD(s, f)	{#f, FIELD_TEXTS, offsetof(s, f), 0, NULL}
#define STRUCTS_FIELD(s, f, e) {#f, FIELD_STRUCTS, offsetof(s, f), 0, &e}

static const FieldInfo column_fields[] = {
	TEXT_FIELD(TableColumn, name),
	TEXT_FIELD(TableColumn, source_type),
	TEXT_FIELD(TableColumn, base_type),
	INT64_FIELD(TableColumn, length, -1),
	INT_FIELD(TableColumn, precision, -1),
	INT_FIELD(TableColumn, scale, -1),
	INT_FIELD(TableColumn, fsp, 0),
	BOOL_FIELD(TableColumn, is_unsigned),
	BOOL_FIELD(TableColumn, nullable),
	BOOL_FIELD(TableColumn, auto_increment),
	BOOL_FIELD(TableColumn, invisible),
	BOOL_FIELD(TableColumn, row_end),
	BOOL_FIELD(TableColumn, is_json),
	TEXT_FIELD(TableColumn, charset),
	TEXT_FIELD(TableColumn, collation),
	TEXTS_FIELD(TableColumn, labels),
	TEXT_FIELD(TableColumn, default_expr),
	BOOL_FIELD(TableColumn, on_update_now),
	TEXT_FIELD(TableColumn, generation_expr),
	BOOL_FIELD(TableColumn, generated_stored),
	TEXT_FIELD(TableColumn, comment),
	BOOL_FIELD(TableColumn, zero_dates),
	INT_FIELD(TableColumn, srid, 0),
	BOOL_FIELD(TableColumn, left_out),
	TEXT_FIELD(TableColumn, target_name),
	TEXT_FIELD(TableColumn, pg_type),
	TEXT_FIELD(TableColumn, pg_collation),
	BOOL_FIELD(TableColumn, target_nullable),
	BOOL_FIELD(TableColumn, target_generated),
};
static const StructInfo column_info =
{sizeof(TableColumn), lengthof(column_fields), column_fields};

static const FieldInfo part_fields[] = {
	TEXT_FIELD(IndexPart, column),
	TEXT_FIELD(IndexPart, expr),
	INT_FIELD(IndexPart, prefix, 0),
	BOOL_FIELD(IndexPart, descending),
};
static const StructInfo part_info =
{sizeof(IndexPart), lengthof(part_fields), part_fields};

static const FieldInfo index_fields[] = {
	TEXT_FIELD(TableIndex, name),
	TEXT_FIELD(TableIndex, target_name),
	INT_FIELD(TableIndex, kind, -1),
	STRUCTS_FIELD(TableIndex, parts, part_info),
	TEXT_FIELD(TableIndex, distance),
	BOOL_FIELD(TableIndex, invisible),
	TEXT_FIELD(TableIndex, comment),
	BOOL_FIELD(TableIndex, for_key),
};
static const StructInfo index_info =
{sizeof(TableIndex), lengthof(index_fields), index_fields};

static const FieldInfo foreign_key_fields[] = {
	TEXT_FIELD(TableForeignKey, name),
	TEXT_FIELD(TableForeignKey, target_name),
	TEXTS_FIELD(TableForeignKey, columns),
	TEXT_FIELD(TableForeignKey, ref_schema),
	TEXT_FIELD(TableForeignKey, ref_table),
	TEXTS_FIELD(TableForeignKey, ref_columns),
	TEXT_FIELD(TableForeignKey, on_update),
	TEXT_FIELD(TableForeignKey, on_delete),
};
static const StructInfo foreign_key_info =
{sizeof(TableForeignKey), lengthof(foreign_key_fields), foreign_key_fields};

static const FieldInfo check_fields[] = {
	TEXT_FIELD(TableCheck, name),
	TEXT_FIELD(TableCheck, target_name),
	TEXT_FIELD(TableCheck, expr),
	BOOL_FIELD(TableCheck, enforced),
};
static const StructInfo check_info =
{sizeof(TableCheck), lengthof(check_fields), check_fields};

static const FieldInfo table_fields[] = {
	TEXT_FIELD(TableDef, schema),
	TEXT_FIELD(TableDef, name),
	BOOL_FIELD(TableDef, is_view),
	TEXT_FIELD(TableDef, view_definition),
	TEXT_FIELD(TableDef, engine),
	TEXT_FIELD(TableDef, collation),
	TEXT_FIELD(TableDef, comment),
	INT64_FIELD(TableDef, rows_estimate, 0),
	INT64_FIELD(TableDef, data_bytes, 0),
	TEXT_FIELD(TableDef, auto_increment),
	TEXT_FIELD(TableDef, partitions),
	TEXT_FIELD(TableDef, source_id),
	TEXT_FIELD(TableDef, replica_identity),
	STRUCTS_FIELD(TableDef, columns, column_info),
	STRUCTS_FIELD(TableDef, indexes, index_info),
	STRUCTS_FIELD(TableDef, foreign_keys, foreign_key_info),
	STRUCTS_FIELD(TableDef, checks, check_info),
	BOOL_FIELD(TableDef, is_sequence),
	BOOL_FIELD(TableDef, system_versioned),
	TEXT_FIELD(TableDef, periods),
	TEXT_FIELD(TableDef, sequence_options),
	TEXT_FIELD(TableDef, target_schema),
	TEXT_FIELD(TableDef, target_name),
};
static const StructInfo table_info =
{sizeof(TableDef), lengthof(table_fields), table_fields};

TableColumn *
model_find_column(const TableDef *def, const char *name)
{
	ListCell   *lc;

	/* column names of the MySQL family differ in more than case */
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (strcmp(col->name, name) == 0)
			return col;
	}
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (pg_strcasecmp(col->name, name) == 0)
			return col;
	}
	return NULL;
}

TableColumn *
model_find_target_column(const TableDef *def, const char *target)
{
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (col->target_name != NULL && strcmp(col->target_name, target) == 0)
			return col;
	}
	return NULL;
}

static bool
index_is_row_key(const TableDef *def, const TableIndex *index,
				 bool at_source)
{
	ListCell   *lc;

	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);
		TableColumn *col;

		if (part->column == NULL || part->prefix > 0)
			return false;
		col = model_find_column(def, part->column);
		if (col == NULL || col->left_out || col->nullable)
			return false;
		if (col->target_nullable && !at_source)
			return false;
	}
	return index->parts != NIL;
}

static TableIndex *
find_row_key(const TableDef *def, bool at_source)
{
	IndexKind	kinds[] = {INDEX_PRIMARY, INDEX_UNIQUE};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		ListCell   *lc;

		foreach(lc, def->indexes)
		{
			TableIndex *index = lfirst(lc);

			if (index->kind == kinds[i] &&
				index_is_row_key(def, index, at_source))
				return index;
		}
	}
	return NULL;
}

/*
 * The index whose columns identify the rows of a table: the primary key,
 * else the first unique index of whole columns without NULL; NULL: keyless.
 */
TableIndex *
model_row_key(const TableDef *def)
{
	return find_row_key(def, false);
}

/* Is the column part of what is the row key at the source? */
bool
model_in_source_key(const TableDef *def, const TableColumn *col)
{
	TableIndex *index = find_row_key(def, true);
	ListCell   *lc;

	if (index == NULL)
		return false;
	foreach(lc, index->parts)
	{
		IndexPart  *part = lfirst(lc);

		if (strcmp(part->column, col->name) == 0)
			return true;
	}
	return false;
}

static void write_struct(StringInfo buf, const StructInfo *info,
						 const void *object);

static void
write_key(StringInfo buf, const char *key, bool *first)
{
	if (!*first)
		appendStringInfoChar(buf, ',');
	*first = false;
	escape_json(buf, key);
	appendStringInfoChar(buf, ':');
}

static void
write_list(StringInfo buf, const FieldInfo *field, List *list)
{
	ListCell   *lc;
	bool		first = true;

	appendStringInfoChar(buf, '[');
	foreach(lc, list)
	{
		if (!first)
			appendStringInfoChar(buf, ',');
		first = false;
		if (field->kind == FIELD_TEXTS)
			escape_json(buf, lfirst(lc));
		else
			write_struct(buf, field->element, lfirst(lc));
	}
	appendStringInfoChar(buf, ']');
}

static void
write_struct(StringInfo buf, const StructInfo *info, const void *object)
{
	bool		first = true;

	appendStringInfoChar(buf, '{');
	for (int i = 0; i < info->nfields; i++)
	{
		const FieldInfo *field = &info->fields[i];
		const char *at = (const char *) object + field->offset;

		switch (field->kind)
		{
			case FIELD_TEXT:
				if (*(char *const *) at != NULL)
				{
					write_key(buf, field->key, &first);
					escape_json(buf, *(char *const *) at);
				}
				break;
			case FIELD_BOOL:
				if (*(const bool *) at)
				{
					write_key(buf, field->key, &first);
					appendStringInfoString(buf, "true");
				}
				break;
			case FIELD_INT:
				if (*(const int *) at != field->missing)
				{
					write_key(buf, field->key, &first);
					appendStringInfo(buf, "%d", *(const int *) at);
				}
				break;
			case FIELD_INT64:
				if (*(const int64 *) at != field->missing)
				{
					write_key(buf, field->key, &first);
					appendStringInfo(buf, INT64_FORMAT, *(const int64 *) at);
				}
				break;
			case FIELD_TEXTS:
			case FIELD_STRUCTS:
				if (*(List *const *) at != NIL)
				{
					write_key(buf, field->key, &first);
					write_list(buf, field, *(List *const *) at);
				}
				break;
		}
	}
	appendStringInfoChar(buf, '}');
}

/* A table definition as jsonb; model_from_jsonb gives it back. */
Jsonb *
model_to_jsonb(const TableDef *def)
{
	StringInfoData buf;

	initStringInfo(&buf);
	write_struct(&buf, &table_info, def);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(buf.data)));
}

static void
bad_model(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored table definition is malformed at \"%s\"", key)));
}

static char *
read_text(const JsonbValue *value, const char *key)
{
	if (value->type != jbvString)
		bad_model(key);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static int64
read_number(const JsonbValue *value, const char *key)
{
	if (value->type != jbvNumeric)
		bad_model(key);
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value->val.numeric)));
}

static void *read_struct(JsonbContainer *object, const StructInfo *info);

static List *
read_list(const JsonbValue *value, const FieldInfo *field)
{
	JsonbContainer *array;
	List	   *list = NIL;
	uint32		n;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		bad_model(field->key);
	array = value->val.binary.data;
	n = JsonContainerSize(array);
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		if (field->kind == FIELD_TEXTS)
			list = lappend(list, read_text(element, field->key));
		else
		{
			if (element->type != jbvBinary)
				bad_model(field->key);
			list = lappend(list, read_struct(element->val.binary.data,
											 field->element));
		}
	}
	return list;
}

static void *
read_struct(JsonbContainer *object, const StructInfo *info)
{
	char	   *result = palloc0(info->size);

	if (!JsonContainerIsObject(object))
		bad_model("object");
	for (int i = 0; i < info->nfields; i++)
	{
		const FieldInfo *field = &info->fields[i];
		char	   *at = result + field->offset;
		JsonbValue	buf;
		JsonbValue *value;

		value = getKeyJsonValueFromContainer(object, field->key,
											 strlen(field->key), &buf);
		if (value != NULL && value->type == jbvNull)
			value = NULL;
		switch (field->kind)
		{
			case FIELD_TEXT:
				if (value != NULL)
					*(char **) at = read_text(value, field->key);
				break;
			case FIELD_BOOL:
				if (value != NULL && value->type != jbvBool)
					bad_model(field->key);
				*(bool *) at = value != NULL && value->val.boolean;
				break;
			case FIELD_INT:
				*(int *) at = value == NULL ? (int) field->missing :
					(int) read_number(value, field->key);
				break;
			case FIELD_INT64:
				*(int64 *) at = value == NULL ? field->missing :
					read_number(value, field->key);
				break;
			case FIELD_TEXTS:
			case FIELD_STRUCTS:
				if (value != NULL)
					*(List **) at = read_list(value, field);
				break;
		}
	}
	return result;
}

TableDef *
model_from_container(JsonbContainer *object)
{
	return read_struct(object, &table_info);
}

TableDef *
model_from_jsonb(Jsonb *jb)
{
	return model_from_container(&jb->root);
}
