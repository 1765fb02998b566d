/*-------------------------------------------------------------------------
 *
 * emit_types.c
 *	  Columns of PostgreSQL as columns of MySQL: the type that holds every value,
 *	  or PostgreSQL's text form of it. What keys ask of types is in emit_keys.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "emit/mysql/emit_internal.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#define VARHDR 4				/* that a typmod of text and numeric has too much */
#define ASCII " CHARACTER SET ascii COLLATE ascii_bin"

/* What rows refer to, of a value that is stored elsewhere. */
#define LOB_POINTER 12

/* The server's own types; chars: of a text form that has a longest one. */
static const struct
{
	const char *name;
	EmitClass		class;
	const char *type;			/* NULL: see below */
	int			bytes;			/* in a row */
	int			chars;
}			types[] = {
	{"bool", MY_BOOL, "TINYINT(1)", 1, 0},
	{"int2", MY_INT, "SMALLINT", 2, 0},
	{"int4", MY_INT, "INT", 4, 0},
	{"int8", MY_INT, "BIGINT", 8, 0},
	{"oid", MY_FORM, "INT UNSIGNED", 4, 0},
	{"xid", MY_FORM, "INT UNSIGNED", 4, 0},
	{"cid", MY_FORM, "INT UNSIGNED", 4, 0},
	{"xid8", MY_FORM, "BIGINT UNSIGNED", 8, 0},
	{"numeric", MY_DECIMAL, NULL, 0, 0},
	{"float4", MY_REAL, "FLOAT", 4, 0},
	{"float8", MY_DOUBLE, "DOUBLE", 8, 0},
	{"money", MY_FORM, "DECIMAL(19,2)", 9, 0},
	{"text", MY_TEXT, NULL, 0, 0},
	{"varchar", MY_TEXT, NULL, 0, 0},
	{"bpchar", MY_CHAR, NULL, 0, 0},
	{"name", MY_TEXT, NULL, 0, 63},
	{"char", MY_FORM, NULL, 0, 4},
	{"bytea", MY_BYTES, "LONGBLOB", LOB_POINTER, 0},
	{"date", MY_DATE, "DATE", 3, 0},
	{"time", MY_TIME, NULL, 6, 0},
	{"timetz", MY_FORM, NULL, 0, -32},
	{"timestamp", MY_DATETIME, NULL, 8, 0},
	{"timestamptz", MY_INSTANT, NULL, 8, 0},
	{"interval", MY_FORM, NULL, 0, -255},
	{"uuid", MY_UUID, "CHAR(36)" ASCII, 36, 0},
	{"json", MY_JSON, NULL, LOB_POINTER, 0},
	{"jsonb", MY_JSON, NULL, LOB_POINTER, 0},
	{"bit", MY_BIT, NULL, 0, 0},
	{"varbit", MY_FORM, NULL, 0, 0},
	{"inet", MY_FORM, NULL, 0, -43},
	{"cidr", MY_FORM, NULL, 0, -43},
	{"macaddr", MY_FORM, NULL, 0, -17},
	{"macaddr8", MY_FORM, NULL, 0, -23},
	{"int4range", MY_FORM, NULL, 0, -255},
	{"int8range", MY_FORM, NULL, 0, -255},
	{"daterange", MY_FORM, NULL, 0, -255},
	{"tsrange", MY_FORM, NULL, 0, -255},
	{"tstzrange", MY_FORM, NULL, 0, -255},
	{"point", MY_FORM, NULL, 0, -255},
	{"line", MY_FORM, NULL, 0, -255},
	{"lseg", MY_FORM, NULL, 0, -255},
	{"box", MY_FORM, NULL, 0, -255},
	{"circle", MY_FORM, NULL, 0, -255},
	{"pg_lsn", MY_FORM, NULL, 0, -17},
	{"tid", MY_FORM, NULL, 0, -32},
};

static int
find_type(const char *type)
{
	for (int i = 0; i < lengthof(types); i++)
	{
		if (strcmp(types[i].name, type) == 0)
			return i;
	}
	return -1;
}

EmitClass
emit_class(const char *type, bool builtin, char kind, bool array)
{
	int			i = builtin ? find_type(type) : -1;

	if (array)
		return builtin ? MY_ARRAY : MY_FORM;
	if (kind == 'e')
		return MY_ENUM;
	if (i >= 0)
		return types[i].class;
	return strcmp(type, "citext") == 0 && !builtin ? MY_TEXT : MY_FORM;
}

static void
as_text(EmitColumn *c)
{
	c->type = "LONGTEXT";
	c->char_bytes = 4;
	c->bytes = LOB_POINTER;
	c->elastic = c->lob = true;
}

static void
as_varchar(EmitColumn *c, int chars, bool ascii)
{
	c->char_bytes = ascii ? 1 : 4;
	if (chars * c->char_bytes > MY_MAX_ROW - 3)
	{
		as_text(c);
		return;
	}
	c->type = psprintf("VARCHAR(%d)%s", chars, ascii ? ASCII : "");
	c->chars = chars;
	c->elastic = !ascii;
	c->bytes = chars * c->char_bytes + 2;
}

/* Bytes of so many decimal digits. */
static int
digits_bytes(int digits)
{
	static const int rest[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};

	return digits / 9 * 4 + rest[digits % 9];
}

static void
as_decimal(EmitColumn *c, PlanNotes *notes)
{
	int			precision = 65;
	int			scale = 30;

	if (c->def->typmod >= VARHDR)
	{
		int			wanted;

		precision = ((c->def->typmod - VARHDR) >> 16) & 0xffff;
		/* 11 bits with a sign, since PostgreSQL 15 */
		scale = (((c->def->typmod - VARHDR) & 0x7ff) ^ 1024) - 1024;
		wanted = scale < 0 ? precision - scale : Max(precision, scale);
		if (wanted > 65 || scale > 30)
		{
			plan_warn(notes, "column %s: %s is more than DECIMAL(65,30) holds; it becomes text, which does not compare as a number",
					  c->def->col->name, c->def->type_text);
			c->class = MY_FORM;
			as_varchar(c, wanted + 3, true);
			return;
		}
		precision = wanted;
		scale = Max(scale, 0);
	}
	else
		plan_warn(notes, "column %s: numeric without a precision becomes DECIMAL(65,30); a value of more than 35 digits before the point, or 30 behind it, stops the task",
				  c->def->col->name);
	c->type = psprintf("DECIMAL(%d,%d)", precision, scale);
	c->bytes = digits_bytes(precision - scale) + digits_bytes(scale);
}

/*
 * MySQL takes blanks from the end of a label, and compares labels as the
 * column's collation does.
 */
static bool
labels_fit(List *labels, const EmitTarget *target)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (labels == NIL || list_length(labels) > 65535)
		return false;
	foreach(lc, labels)
	{
		const char *label = lfirst(lc);
		int			len = strlen(label);

		if (len == 0 || label[len - 1] == ' ' || pg_mbstrlen(label) > 255)
			return false;
		for_each_cell(lc2, labels, lnext(labels, lc))
			if (strcmp(label, lfirst(lc2)) == 0)
				return false;
	}
	return true;
}

static void
as_enum(EmitColumn *c, const EmitTarget *target, PlanNotes *notes)
{
	StringInfoData buf;
	ListCell   *lc;

	if (!labels_fit(c->def->labels, target))
	{
		plan_warn(notes, "column %s: labels of %s are none that ENUM can have (empty, or with a blank at the end); it becomes text, in which any value can be",
				  c->def->col->name, c->def->type_text);
		c->class = MY_TEXT;
		as_varchar(c, 63, false);
		return;
	}
	initStringInfo(&buf);
	foreach(lc, c->def->labels)
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "ENUM(",
						 my_quote_literal(lfirst(lc)));
	c->type = psprintf("%s)", buf.data);
	c->bytes = list_length(c->def->labels) > 255 ? 2 : 1;
}

static void
as_json(EmitColumn *c, const EmitTarget *target)
{
	as_text(c);
	if (target->json)
		c->type = "JSON";
}

/* typmod of times: digits, -1: all six. */
static void
as_time(EmitColumn *c, const char *type)
{
	c->fraction = c->def->typmod < 0 ? 6 : Min(c->def->typmod, 6);
	c->type = c->fraction > 0 ? psprintf("%s(%d)", type, c->fraction) : pstrdup(type);
}

static void
natural_type(EmitColumn *c, const EmitTarget *target, PlanNotes *notes)
{
	const ColumnDefinition *def = c->def;
	int			i = def->builtin && !def->array ? find_type(def->type) : -1;
	int			length = def->typmod >= VARHDR ? def->typmod - VARHDR : -1;

	c->class = emit_class(def->type, def->builtin, def->kind, def->array);
	c->key_budget = target->column_bytes;
	if (i >= 0)
	{
		c->type = (char *) types[i].type;
		c->bytes = types[i].bytes;
	}
	switch (c->class)
	{
		case MY_DECIMAL:
			as_decimal(c, notes);
			break;
		case MY_TEXT:
			if (strcmp(def->type, "citext") == 0)
				plan_warn(notes, "column %s: citext compares without regard to case, this column does not",
						  def->col->name);
			if (i >= 0 && types[i].chars > 0)
				as_varchar(c, types[i].chars, false);
			else if (strcmp(def->type, "varchar") == 0 && length > 0)
				as_varchar(c, length, false);
			else
				as_text(c);
			break;
		case MY_CHAR:
			if (length > 255)
				as_varchar(c, length, false);
			else if (length > 0)
			{
				c->type = psprintf("CHAR(%d)", length);
				c->chars = length;
				c->char_bytes = 4;
				c->bytes = length * 4;
			}
			else
				as_text(c);
			break;
		case MY_ENUM:
			as_enum(c, target, notes);
			break;
		case MY_BYTES:
			c->elastic = c->lob = true;
			c->char_bytes = 1;
			break;
		case MY_TIME:
			as_time(c, "TIME");
			break;
		case MY_DATETIME:
		case MY_INSTANT:
			as_time(c, "DATETIME");
			break;
		case MY_JSON:
		case MY_ARRAY:
			as_json(c, target);
			break;
		case MY_BIT:
			length = Max(def->typmod, 1);
			if (length <= 64)
			{
				c->type = psprintf("BIT(%d)", length);
				c->bytes = (length + 7) / 8;
				break;
			}
			c->class = MY_FORM;
			as_varchar(c, length, true);
			break;
		case MY_FORM:
			if (c->type != NULL)
				break;
			if (i >= 0 && types[i].chars != 0)
				as_varchar(c, abs(types[i].chars), types[i].chars < 0);
			else if (strcmp(def->type, "varbit") == 0 && def->builtin && def->typmod > 0)
				as_varchar(c, def->typmod, true);
			else if (def->builtin && strncmp(def->type, "reg", 3) == 0)
				as_varchar(c, 255, false);
			else
				as_text(c);
			plan_note(notes, "column %s: %s becomes %s with PostgreSQL's text form of the values",
					  def->col->name, def->type_text,
					  pnstrdup(c->type, strcspn(c->type, " ")));
			break;
		default:
			break;
	}
}

EmitTable *
emit_table_of(TableDefinition *def, const EmitTarget *target)
{
	EmitTable    *table = palloc0(sizeof(EmitTable));
	ListCell   *lc;

	table->def = def;
	table->name = psprintf("%s.%s",
						   my_quote_identifier(def->def->target_schema ? def->def->target_schema : ""),
						   my_quote_identifier(def->def->target_name ? def->def->target_name : ""));
	foreach(lc, def->columns)
	{
		EmitColumn *c = palloc0(sizeof(EmitColumn));

		c->def = lfirst(lc);
		c->not_null = c->def->not_null;
		if (c->def->col->target_name != NULL)
		{
			c->name = my_quote_identifier(c->def->col->target_name);
			natural_type(c, target, &table->notes);
		}
		table->columns = lappend(table->columns, c);
	}
	return table;
}

void
emit_columns(Emit *emit)
{
	ListCell   *lc;

	foreach(lc, emit->schema->tables)
		emit->tables = lappend(emit->tables, emit_table_of(lfirst(lc), emit->target));
}

EmitColumn *
emit_find_column(const EmitTable *table, const char *source_name)
{
	ListCell   *lc;

	foreach(lc, table->columns)
	{
		EmitColumn *c = lfirst(lc);

		if (strcmp(c->def->col->name, source_name) == 0)
			return c;
	}
	return NULL;
}

EmitTable *
emit_find_table(const Emit *emit, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, emit->tables)
	{
		EmitTable    *table = lfirst(lc);

		if (strcmp(table->def->def->name, name) == 0 &&
			strcmp(table->def->def->schema, schema) == 0)
			return table;
	}
	return NULL;
}
