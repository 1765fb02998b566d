/*-------------------------------------------------------------------------
 *
 * ddl_parse_column.c
 *	  Column definitions: types and attributes, brought to what
 *	  information_schema would say of the column.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/binlog_query.h"
#include "source/mysql/ddl_parse_impl.h"
#include "source/mysql/ddl_types.h"

/* bits of sql_mode that change types */
#define MODE_REAL_AS_FLOAT	(UINT64CONST(1) << 0)
#define MODE_ORACLE			(UINT64CONST(1) << 9)

static const TypeWord *
find_type(const char *word)
{
	for (int i = 0; i < lengthof(type_words); i++)
	{
		if (pg_strcasecmp(type_words[i].word, word) == 0)
			return &type_words[i];
	}
	return NULL;
}

/* (n); missing if there is none */
static int64
optional_length(DdlParser *p, int64 missing)
{
	int64		n;

	if (!ddl_accept(p, "("))
		return missing;
	n = ddl_integer(p);
	/* Oracle's VARCHAR2(n CHAR) */
	(void) (ddl_accept(p, "char") || ddl_accept(p, "byte"));
	ddl_expect(p, ")");
	return n;
}

/* SIGNED, UNSIGNED, ZEROFILL, and what they make of the type's text */
static void
number_attributes(DdlParser *p, TableColumn *col, const char *text)
{
	bool		zerofill = false;

	for (;;)
	{
		if (ddl_accept(p, "unsigned"))
			col->is_unsigned = true;
		else if (ddl_accept(p, "zerofill"))
			col->is_unsigned = zerofill = true;
		else if (!ddl_accept(p, "signed"))
			break;
	}
	col->source_type = psprintf("%s%s%s", text,
								col->is_unsigned ? " unsigned" : "",
								zerofill ? " zerofill" : "");
}

static void
integer_type(DdlParser *p, TableColumn *col, const TypeWord *type)
{
	int64		width = optional_length(p, -1);
	bool		show = p->input->dialect.mariadb ||
		p->input->dialect.version < 80019;

	number_attributes(p, col, "");
	if (width < 0)
		width = col->is_unsigned ? type->unsigned_width : type->width;
	else if (width == 1 && strcmp(type->base, "tinyint") == 0)
		show = true;
	col->source_type = show ?
		psprintf("%s(%d)%s", type->base, (int) width, col->source_type) :
		psprintf("%s%s", type->base, col->source_type);
}

static void
decimal_type(DdlParser *p, TableColumn *col)
{
	col->precision = 10;
	col->scale = 0;
	if (ddl_accept(p, "("))
	{
		col->precision = (int) ddl_integer(p);
		if (ddl_accept(p, ","))
			col->scale = (int) ddl_integer(p);
		ddl_expect(p, ")");
	}
	if (col->precision == 0)
		col->precision = 10;
	number_attributes(p, col, psprintf("decimal(%d,%d)", col->precision,
									   col->scale));
}

static void
float_type(DdlParser *p, TableColumn *col)
{
	char	   *text = NULL;

	if (strcmp(col->base_type, "double") == 0)
		(void) ddl_accept(p, "precision");
	if (ddl_accept(p, "("))
	{
		int64		n = ddl_integer(p);

		if (ddl_accept(p, ","))
			text = psprintf("%s(%d,%d)", col->base_type, (int) n,
							(int) ddl_integer(p));
		else if (strcmp(col->base_type, "float") == 0 && n > 24)
			col->base_type = "double";
		ddl_expect(p, ")");
	}
	number_attributes(p, col, text ? text : col->base_type);
}

/* CHARACTER SET x, COLLATE x, ASCII, UNICODE, BYTE, BINARY after a type */
static void
text_attributes(DdlParser *p, DdlColumn *column)
{
	for (;;)
	{
		if (ddl_is(p, "default"))
			return;
		if (ddl_charset_option(p, &column->def.charset,
							   &column->def.collation))
			continue;
		if (ddl_accept(p, "ascii"))
			column->def.charset = "latin1";
		else if (ddl_accept(p, "unicode"))
			column->def.charset = "ucs2";
		else if (ddl_accept(p, "byte"))
			column->def.charset = "binary";
		else if (ddl_accept(p, "binary"))
			column->binary_collation = true;
		else if (!ddl_accept(p, "compressed"))
			return;
		else if (ddl_accept(p, "="))
			(void) ddl_name(p);
	}
}

/* The smallest of TINYTEXT … LONGTEXT (BLOB) that holds so much. */
static void
fit_length(TableColumn *col, int64 length, const char *suffix)
{
	static const struct
	{
		const char *prefix;
		int64		length;
	}			sizes[] = {
		{"tiny", 255}, {"", 65535}, {"medium", 16777215},
		{"long", INT64CONST(4294967295)}
	};
	int			i = 0;

	while (i < lengthof(sizes) - 1 && length > sizes[i].length)
		i++;
	col->base_type = psprintf("%s%s", sizes[i].prefix, suffix);
	col->length = sizes[i].length;
}

/* CHARACTER SET binary makes a binary type of a text type. */
static void
text_becomes_binary(DdlColumn *column)
{
	TableColumn *col = &column->def;

	if (col->charset == NULL || strcmp(col->charset, "binary") != 0 ||
		strcmp(col->base_type, "enum") == 0 || strcmp(col->base_type, "set") == 0)
		return;
	if (strcmp(col->base_type, "char") == 0)
		col->base_type = "binary";
	else if (strcmp(col->base_type, "varchar") == 0)
		col->base_type = "varbinary";
	else
	{
		char	   *base = pstrdup(col->base_type);

		strcpy(base + strlen(base) - 4, "blob");
		col->base_type = base;
	}
	col->charset = col->collation = NULL;
	column->text_type = false;
}

/*
 * A label in hexadecimal, or with an introducer: what its bytes stand for is
 * known as long as they are ASCII.
 */
static char *
ascii_label(DdlParser *p)
{
	StringInfoData buf;
	const char *text = p->token.text;
	int			len = strlen(text);

	if (p->token.kind == DDL_TOK_STRING)
	{
		for (const char *c = text; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				ddl_fail(p, "labels in another character set are not applied");
		return ddl_string(p);
	}
	initStringInfo(&buf);
	for (int i = -(len % 2); i < len; i += 2)
	{
		char		digits[3] = {i < 0 ? '0' : text[i], text[i + 1], '\0'};
		int			byte = strtol(digits, NULL, 16);

		if (byte == 0 || byte >= 0x80)
		{
			ddl_fail(p, "labels in hexadecimal that are not ASCII are not applied");
			return NULL;
		}
		appendStringInfoChar(&buf, (char) byte);
	}
	ddl_advance(p);
	return buf.data;
}

static void
labels_type(DdlParser *p, DdlColumn *column)
{
	TableColumn *col = &column->def;
	StringInfoData text;
	int64		longest = 0;

	initStringInfo(&text);
	appendStringInfo(&text, "%s(", col->base_type);
	ddl_expect(p, "(");
	do
	{
		char	   *label;
		int			len;

		label = p->token.kind == DDL_TOK_HEX || p->token.charset != NULL ?
			ascii_label(p) : ddl_string(p);
		if (label == NULL)
			return;
		/* trailing spaces are no part of a label */
		len = strlen(label);
		while (len > 0 && label[len - 1] == ' ')
			len--;
		label = pnstrdup(label, len);
		appendStringInfo(&text, "%s'", col->labels == NIL ? "" : ",");
		for (const char *c = label; *c != '\0'; c++)
		{
			if (*c == '\'')
				appendStringInfoChar(&text, '\'');
			appendStringInfoChar(&text, *c);
		}
		appendStringInfoChar(&text, '\'');
		longest = Max(longest, len);
		col->labels = lappend(col->labels, label);
	} while (ddl_accept(p, ","));
	ddl_expect(p, ")");
	appendStringInfoChar(&text, ')');
	col->source_type = text.data;
	col->length = longest;
	column->text_type = true;
	text_attributes(p, column);
}

static void
char_type(DdlParser *p, DdlColumn *column, const TypeWord *type)
{
	TableColumn *col = &column->def;
	bool		varying = ddl_accept(p, "varying") ||
		strcmp(type->base, "varchar") == 0;
	bool		national = pg_strcasecmp(type->word, "nchar") == 0 ||
		pg_strcasecmp(type->word, "nvarchar") == 0;

	/* CHAR LARGE OBJECT, NCHAR VARCHAR … */
	if (national && ddl_accept(p, "varchar"))
		varying = true;
	col->base_type = varying ? "varchar" : "char";
	col->length = optional_length(p, type->length);
	column->text_type = true;
	if (national)
		col->charset = "utf8";
	text_attributes(p, column);
	text_becomes_binary(column);
	col->source_type = psprintf("%s(" INT64_FORMAT ")", col->base_type,
								col->length);
}

static void
text_or_blob_type(DdlParser *p, DdlColumn *column, const TypeWord *type)
{
	TableColumn *col = &column->def;
	int64		length = optional_length(p, -1);

	col->length = type->length;
	column->text_type = type->shape == SHAPE_TEXT;
	if (column->text_type)
		text_attributes(p, column);
	else if (ddl_accept(p, "compressed") && ddl_accept(p, "="))
		(void) ddl_name(p);
	if (length >= 0 && type->length == 65535)
	{
		/* TEXT(n) holds n characters */
		const char *charset = col->charset;
		int			width = !column->text_type ? 1 :
			charset == NULL ? 4 : strncmp(charset, "utf8mb3", 7) == 0 ||
			strcmp(charset, "utf8") == 0 ? 3 :
			strncmp(charset, "utf", 3) == 0 ? 4 : 1;

		fit_length(col, length * width, column->text_type ? "text" : "blob");
	}
	text_becomes_binary(column);
	col->source_type = col->base_type;
}

/* LONG [VARCHAR | VARBINARY], JSON, BOOL, SERIAL and NATIONAL … */
static bool
other_type(DdlParser *p, DdlColumn *column, List **keys)
{
	TableColumn *col = &column->def;
	static const TypeWord mediumtext = {"mediumtext", "mediumtext", SHAPE_TEXT,
	16777215};
	static const TypeWord mediumblob = {"mediumblob", "mediumblob", SHAPE_BLOB,
	16777215};
	static const TypeWord nchar = {"nchar", "char", SHAPE_CHAR, 1};
	static const TypeWord nvarchar = {"nvarchar", "varchar", SHAPE_CHAR, 1};

	if (ddl_accept(p, "bool") || ddl_accept(p, "boolean"))
	{
		col->base_type = "tinyint";
		col->source_type = "tinyint(1)";
	}
	else if (ddl_accept(p, "json"))
	{
		col->is_json = true;
		col->base_type = p->input->dialect.mariadb ? "longtext" : "json";
		col->source_type = col->base_type;
		if (p->input->dialect.mariadb)
		{
			col->length = INT64CONST(4294967295);
			col->charset = "utf8mb4";
			col->collation = "utf8mb4_bin";
			column->text_type = true;
			text_attributes(p, column);
		}
	}
	else if (ddl_accept(p, "serial"))
	{
		DdlAction  *action = palloc0(sizeof(DdlAction));

		col->base_type = "bigint";
		col->source_type = "bigint(20) unsigned";
		col->is_unsigned = col->auto_increment = true;
		col->nullable = false;
		column->null_said = true;
		action->kind = DDL_ADD_INDEX;
		action->implicit = true;
		action->index = palloc0(sizeof(TableIndex));
		action->index->kind = INDEX_UNIQUE;
		*keys = lappend(*keys, action);
	}
	else if (ddl_accept(p, "long"))
	{
		bool		binary = ddl_accept(p, "varbinary");

		if (!binary && !ddl_accept(p, "varchar") &&
			!ddl_accept2(p, "char", "varying"))
			(void) ddl_accept2(p, "character", "varying");
		col->base_type = binary ? "mediumblob" : "mediumtext";
		text_or_blob_type(p, column, binary ? &mediumblob : &mediumtext);
	}
	else if (ddl_accept(p, "national"))
	{
		const TypeWord *type = ddl_accept(p, "varchar") ||
			ddl_accept(p, "varcharacter") ? &nvarchar : &nchar;

		if (type == &nchar && !ddl_accept(p, "character"))
			ddl_expect(p, "char");
		char_type(p, column, type);
	}
	else
		return false;
	return true;
}

static void
column_type(DdlParser *p, DdlColumn *column, List **keys)
{
	TableColumn *col = &column->def;
	const TypeWord *type;

	col->length = col->precision = col->scale = -1;
	col->nullable = true;
	if (p->token.kind != DDL_TOK_WORD)
	{
		ddl_unexpected(p);
		return;
	}
	if (other_type(p, column, keys))
		return;
	type = find_type(p->token.text);
	if (type == NULL)
	{
		ddl_fail(p, "type \"%s\" is not known", ddl_shown(p));
		return;
	}
	ddl_advance(p);
	col->base_type = pstrdup(type->base);
	if (pg_strcasecmp(type->word, "real") == 0 &&
		(p->input->dialect.sql_mode & MODE_REAL_AS_FLOAT))
		col->base_type = "float";
	/* Oracle mode: DATE is DATETIME, and NUMBER without digits is DOUBLE */
	if ((p->input->dialect.sql_mode & MODE_ORACLE) && p->input->dialect.mariadb &&
		(strcmp(type->word, "date") == 0 || strcmp(type->word, "number") == 0))
	{
		ddl_fail(p, "type \"%s\" of sql_mode ORACLE is not supported", type->word);
		return;
	}
	col->source_type = col->base_type;
	switch (type->shape)
	{
		case SHAPE_PLAIN:
			/* GEOMETRY(9,4): digits that nobody looks at */
			if (ddl_is(p, "("))
				(void) ddl_parenthesized(p);
			break;
		case SHAPE_INTEGER:
			integer_type(p, col, type);
			break;
		case SHAPE_DECIMAL:
			decimal_type(p, col);
			break;
		case SHAPE_FLOAT:
			float_type(p, col);
			break;
		case SHAPE_BIT:
			col->length = optional_length(p, 1);
			col->length = Max(col->length, 1);	/* bit(0) is bit(1) */
			col->source_type = psprintf("bit(%d)", (int) col->length);
			break;
		case SHAPE_CHAR:
			char_type(p, column, type);
			break;
		case SHAPE_BINARY:
			/* CHAR VARYING, BINARY VARYING */
			col->length = optional_length(p, type->length);
			if (ddl_accept(p, "compressed") && ddl_accept(p, "="))
				(void) ddl_name(p);
			col->source_type = psprintf("%s(" INT64_FORMAT ")", col->base_type,
										col->length);
			break;
		case SHAPE_TEXT:
		case SHAPE_BLOB:
			text_or_blob_type(p, column, type);
			break;
		case SHAPE_LABELS:
			labels_type(p, column);
			break;
		case SHAPE_FSP:
			col->fsp = (int) optional_length(p, 0);
			if (col->fsp > 0)
				col->source_type = psprintf("%s(%d)", col->base_type, col->fsp);
			break;
		case SHAPE_YEAR:
			(void) optional_length(p, 4);
			number_attributes(p, col, "year(4)");
			col->is_unsigned = false;
			col->source_type = "year(4)";
			break;
		case SHAPE_VECTOR:
			col->length = optional_length(p, 2048);
			col->source_type = psprintf("vector(%d)", (int) col->length);
			break;
	}
}

static DdlAction *
key_of_column(TableColumn *col, IndexKind kind)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));
	IndexPart  *part = palloc0(sizeof(IndexPart));

	part->column = col->name;
	action->kind = DDL_ADD_INDEX;
	action->implicit = true;
	action->index = palloc0(sizeof(TableIndex));
	action->index->kind = kind;
	if (kind == INDEX_PRIMARY)
		action->index->name = "PRIMARY";
	action->index->parts = list_make1(part);
	return action;
}

static void
column_check(DdlParser *p, DdlColumn *column, char *name, List **keys)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));
	TableCheck *check = palloc0(sizeof(TableCheck));

	check->expr = ddl_parenthesized(p);
	check->enforced = ddl_enforced(p);
	/* MariaDB names a column's check after the column */
	if (p->input->dialect.mariadb)
		name = column->def.name;
	check->name = name;
	action->kind = DDL_ADD_CHECK;
	action->implicit = p->input->dialect.mariadb;
	action->check = check;
	if (ddl_checks_count(p))
		*keys = lappend(*keys, action);
}

static void
column_reference(DdlParser *p, DdlColumn *column, List **keys)
{
	DdlAction  *action = palloc0(sizeof(DdlAction));
	TableForeignKey *fk = palloc0(sizeof(TableForeignKey));
	bool		counts = p->input->dialect.mariadb ?
		p->input->dialect.version >= 100500 :
		p->input->dialect.version >= 90000;

	fk->columns = list_make1(column->def.name);
	ddl_references(p, fk);
	action->kind = DDL_ADD_FOREIGN_KEY;
	action->foreign_key = fk;
	/* MySQL before 9 reads it and forgets it */
	if (counts)
		*keys = lappend(*keys, action);
}

/* ON UPDATE CURRENT_TIMESTAMP[()] */
static void
on_update(DdlParser *p, TableColumn *col)
{
	ddl_expect(p, "update");
	if (!(ddl_is(p, "current_timestamp") || ddl_is(p, "now") ||
		  ddl_is(p, "localtime") || ddl_is(p, "localtimestamp")))
	{
		ddl_unexpected(p);
		return;
	}
	ddl_advance(p);
	if (ddl_is(p, "("))
		(void) ddl_parenthesized(p);
	col->on_update_now = true;
}

static void
column_default(DdlParser *p, DdlColumn *column)
{
	column->default_said = true;
	if (ddl_accept(p, "null"))
		column->def.default_expr = NULL;
	else
		column->def.default_expr = ddl_default_value(p);
}

static void
generated(DdlParser *p, TableColumn *col)
{
	if (ddl_accept(p, "row"))
	{
		/* ends of a row's life in a system-versioned table */
		if (!ddl_accept(p, "start"))
			ddl_expect(p, "end");
		col->nullable = false;
		return;
	}
	col->generation_expr = ddl_parenthesized(p);
}

static bool
column_attribute(DdlParser *p, DdlColumn *column, List **keys)
{
	TableColumn *col = &column->def;
	char	   *name = NULL;

	if (ddl_accept(p, "constraint"))
	{
		if (!ddl_is(p, "check") && !ddl_is(p, "references"))
			name = ddl_name(p);
		if (!ddl_is(p, "check") && !ddl_is(p, "references"))
		{
			ddl_unexpected(p);
			return false;
		}
	}
	if (ddl_accept(p, "not"))
	{
		/* NOT ENFORCED belongs to a check, NOT NULL to the column */
		if (ddl_accept(p, "null"))
		{
			col->nullable = false;
			column->null_said = true;
		}
		else
			ddl_expect(p, "secondary");
	}
	else if (ddl_accept(p, "null"))
	{
		col->nullable = true;
		column->null_said = true;
	}
	else if (ddl_accept(p, "default"))
		column_default(p, column);
	else if (ddl_accept(p, "on"))
		on_update(p, col);
	else if (ddl_accept(p, "auto_increment"))
		col->auto_increment = true;
	else if (ddl_accept2(p, "serial", "default"))
	{
		ddl_expect(p, "value");
		col->auto_increment = true;
		col->nullable = false;
		column->null_said = true;
		*keys = lappend(*keys, key_of_column(col, INDEX_UNIQUE));
	}
	else if (ddl_accept(p, "unique"))
	{
		(void) (ddl_accept(p, "key") || ddl_accept(p, "index"));
		*keys = lappend(*keys, key_of_column(col, INDEX_UNIQUE));
	}
	else if (ddl_accept(p, "primary"))
	{
		(void) ddl_accept(p, "key");
		*keys = lappend(*keys, key_of_column(col, INDEX_PRIMARY));
	}
	else if (ddl_accept(p, "key"))
		*keys = lappend(*keys, key_of_column(col, INDEX_PRIMARY));
	else if (ddl_accept(p, "comment"))
	{
		col->comment = ddl_string(p);
		if (col->comment != NULL && col->comment[0] == '\0')
			col->comment = NULL;
	}
	else if (ddl_accept2(p, "generated", "always"))
	{
		ddl_expect(p, "as");
		generated(p, col);
	}
	else if (ddl_accept(p, "as"))
		generated(p, col);
	else if (ddl_accept(p, "stored") || ddl_accept(p, "persistent"))
		col->generated_stored = true;
	else if (ddl_accept(p, "virtual") || ddl_accept(p, "visible"))
		;
	else if (ddl_accept(p, "invisible"))
		col->invisible = true;
	else if (ddl_accept(p, "check"))
		column_check(p, column, name, keys);
	else if (ddl_is(p, "references"))
		column_reference(p, column, keys);
	else if (ddl_accept(p, "collate"))
		col->collation = ddl_charset_name(p);
	else if (ddl_accept(p, "column_format") || ddl_accept(p, "storage"))
		(void) ddl_name(p);
	else if (ddl_accept(p, "engine_attribute") ||
			 ddl_accept(p, "secondary_engine_attribute"))
	{
		(void) ddl_accept(p, "=");
		(void) ddl_string(p);
	}
	else if (ddl_accept(p, "ref_system_id") || ddl_accept(p, "srid"))
	{
		(void) ddl_accept(p, "=");
		col->srid = (int) ddl_integer(p);
	}
	else if (ddl_accept(p, "compressed"))
	{
		if (ddl_accept(p, "="))
			(void) ddl_name(p);
	}
	else if (ddl_accept2(p, "with", "system") ||
			 ddl_accept2(p, "without", "system"))
		ddl_expect(p, "versioning");
	else if (!p->input->dialect.mariadb || !ddl_engine_option(p))
		return false;
	return true;
}

/* MariaDB's other way to say JSON: CHECK (json_valid(column)) */
static void
find_json_check(DdlColumn *column, List **keys)
{
	ListCell   *lc;

	foreach(lc, *keys)
	{
		DdlAction  *action = lfirst(lc);
		const char *e;
		Size		len = strlen(column->def.name);

		if (action->kind != DDL_ADD_CHECK || !action->implicit)
			continue;
		e = action->check->expr;
		while (*e == '(' || *e == ' ')
			e++;
		if (pg_strncasecmp(e, "json_valid", 10) != 0)
			continue;
		e += 10;
		while (*e == '(' || *e == ' ' || *e == '`')
			e++;
		if (pg_strncasecmp(e, column->def.name, len) != 0 ||
			strspn(e + len, " `)") != strlen(e + len) ||
			strcmp(column->def.base_type, "longtext") != 0)
			continue;
		column->def.is_json = true;
		*keys = list_delete_ptr(*keys, action);
		return;
	}
}

/*
 * A definition after the column's name. Indexes, foreign keys and checks that
 * its attributes make are added to keys, as actions.
 */
DdlColumn *
ddl_column(DdlParser *p, char *name, List **keys)
{
	DdlColumn  *column = palloc0(sizeof(DdlColumn));
	ListCell   *lc;

	column->def.name = name;
	column_type(p, column, keys);
	foreach(lc, *keys)
	{
		DdlAction  *action = lfirst(lc);

		/* of SERIAL */
		if (action->kind == DDL_ADD_INDEX && action->index->parts == NIL)
		{
			DdlAction  *full = key_of_column(&column->def, INDEX_UNIQUE);

			action->index->parts = full->index->parts;
		}
	}
	while (p->error == NULL && column_attribute(p, column, keys))
		;
	if (p->error == NULL)
		find_json_check(column, keys);
	return column;
}
