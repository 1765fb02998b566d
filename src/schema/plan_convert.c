/*-------------------------------------------------------------------------
 *
 * plan_convert.c
 *	  What a change of type makes of values.
 *
 * The source converts its rows when a column gets another type, and logs
 * nothing of it. Where PostgreSQL's cast gives the same values, it is taken;
 * everywhere else the rows have to come from the source once more.
 *
 * A session that is strict refuses a statement by which a value would change
 * for want of room. One that is not stores something else: then a cast is
 * taken only where the new type holds all values of the old one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/mysql_types.h"
#include "schema/plan_change_internal.h"

static bool
is_base(const TableColumn *col, const char *base)
{
	return strcmp(col->base_type, base) == 0;
}

static bool
is_number(PgClass cls)
{
	return cls == PGC_INT || cls == PGC_NUMERIC || cls == PGC_FLOAT;
}

/* -------------------------------------------------------------- what fits */

/* Bytes of an integer type; 0: it is none. */
static int
int_bytes(const TableColumn *col)
{
	static const char *const types[] = {"tinyint", "smallint", "mediumint", "int",
	"bigint"};
	static const int bytes[] = {1, 2, 3, 4, 8};

	for (int i = 0; i < lengthof(types); i++)
		if (is_base(col, types[i]))
			return bytes[i];
	return 0;
}

static bool
is_exact(const TableColumn *col)
{
	return int_bytes(col) > 0 || is_base(col, "decimal") || is_base(col, "year");
}

/* Digits before the point: the most that a value has; or if all: that any has. */
static int
digits(const TableColumn *col, bool all)
{
	static const int most[] = {0, 3, 5, 8, 10, 0, 0, 0, 20};
	static const int any[] = {0, 2, 4, 6, 9, 0, 0, 0, 18};
	int			bytes = int_bytes(col);

	if (is_base(col, "year"))
		return all ? 0 : 4;
	if (bytes > 0)
		return all ? any[bytes] : most[bytes];
	return col->precision - Max(col->scale, 0);
}

static bool
holds_number(const TableColumn *from, const TableColumn *to)
{
	int			a = int_bytes(from);
	int			b = int_bytes(to);
	bool		positive = from->is_unsigned || is_base(from, "year");

	if (to->is_unsigned && !positive)
		return false;
	if (is_base(to, "float") || is_base(to, "double"))
		return true;
	if (!is_exact(from) || !is_exact(to))
		return false;
	if (a > 0 && b > 0)
		return b > a || (b == a && to->is_unsigned == from->is_unsigned);
	/* rounding may take one more */
	return digits(from, false) + (Max(from->scale, 0) > Max(to->scale, 0)) <= digits(to, true);
}

/* Bytes that a TEXT or BLOB holds, or characters that another type does. */
static int64
room(const TableColumn *col, bool *bytes)
{
	const char *base = col->base_type;

	*bytes = true;
	if (strncmp(base, "tiny", 4) == 0)
		return 255;
	if (strncmp(base, "medium", 6) == 0)
		return 16777215;
	if (strncmp(base, "long", 4) == 0)
		return PG_INT64_MAX;
	if (strcmp(base, "text") == 0 || strcmp(base, "blob") == 0)
		return 65535;
	*bytes = false;
	return Max(col->length, 0);
}

/* Does a text or a string of bytes of any length that from allows fit? */
static bool
holds_text(const TableColumn *from, const TableColumn *to)
{
	bool		to_bytes;
	bool		from_bytes;
	int64		have = room(to, &to_bytes);
	int64		want;

	if (have == PG_INT64_MAX)
		return true;
	if (is_exact(from))
		return have >= digits(from, false) + Max(from->scale, 0) + 3;
	if (from->labels != NIL)
		return have >= (is_base(from, "enum") ? 4 * 255 : 65535);
	want = room(from, &from_bytes);
	/* a character may take four bytes, where it took one before */
	if (to->charset != NULL && to_bytes && want < PG_INT64_MAX / 4 &&
		(!from_bytes || from->charset == NULL ||
		 strcmp(from->charset, to->charset) != 0))
		want *= 4;
	return want <= have;
}

/* Are all values of from values of to? */
static bool
holds_all(const TableColumn *from, const TableColumn *to)
{
	PgClass		f = mysql_column_class(from);
	PgClass		t = mysql_column_class(to);

	if (strcmp(from->source_type, to->source_type) == 0 &&
		(from->charset == NULL || to->charset == NULL ||
		 strcmp(from->charset, to->charset) == 0))
		return true;
	/* see labels_turn */
	if (from->labels != NIL && to->labels != NIL)
		return true;
	if (int_bytes(to) > 0 || is_base(to, "decimal") || is_base(to, "float") ||
		is_base(to, "double") || is_base(to, "year"))
		return holds_number(from, to);
	if (t == PGC_TEXT || t == PGC_BYTEA)
		return holds_text(from, to);
	return f == t && strcmp(from->base_type, to->base_type) == 0;
}

/* Has a character set all characters of another? */
static bool
charset_holds(const char *from, const char *to)
{
	static const char *const all[] = {"utf8mb4", "utf16", "utf16le", "utf32", "gb18030"};
	bool		from_all = false;
	bool		to_all = false;

	for (int i = 0; i < lengthof(all); i++)
	{
		from_all |= strcmp(from, all[i]) == 0;
		to_all |= strcmp(to, all[i]) == 0;
	}
	return to_all || strcmp(from, to) == 0 || strcmp(from, "ascii") == 0 ||
		(!from_all && (strcmp(to, "utf8") == 0 || strcmp(to, "utf8mb3") == 0));
}

/* May two labels be the same to some collation? */
static bool
labels_alike(const char *a, const char *b)
{
	for (int i = 0; a[i] != '\0' || b[i] != '\0'; i++)
	{
		if (IS_HIGHBIT_SET(a[i]) || IS_HIGHBIT_SET(b[i]))
			return true;
		if (pg_ascii_tolower((unsigned char) a[i]) != pg_ascii_tolower((unsigned char) b[i]))
			return false;
	}
	return true;
}

static bool
has_label(const List *labels, const char *label)
{
	ListCell   *lc;

	foreach(lc, labels)
		if (strcmp(lfirst(lc), label) == 0)
			return true;
	return false;
}

/*
 * Do values get other labels, or the same in another order? The source looks
 * for the label of before among the new ones by the column's collation.
 */
static bool
labels_turn(const TableColumn *from, const TableColumn *to)
{
	ListCell   *lc;
	ListCell   *lc2 = list_head(to->labels);

	foreach(lc, from->labels)
	{
		const char *old = lfirst(lc);
		ListCell   *lc3;

		/* the elements of a SET are in the order of its labels */
		if (is_base(to, "set"))
		{
			if (lc2 == NULL || strcmp(lfirst(lc2), old) != 0)
				return true;
			lc2 = lnext(to->labels, lc2);
			continue;
		}
		if (has_label(to->labels, old))
			continue;
		foreach(lc3, to->labels)
			if (!has_label(from->labels, lfirst(lc3)) &&
				labels_alike(old, lfirst(lc3)))
				return true;
	}
	return false;
}

/* ------------------------------------------------------------ conversions */

/* Between the number types: rounded half away from zero, on both sides. */
static Conversion
convert_number(const TableColumn *from, const TableColumn *to, PgClass f,
			   PgClass t, const char *name, char **using)
{
	/* a year is made of one or two digits in a way of its own */
	if (is_base(to, "year") != is_base(from, "year") && is_base(to, "year"))
		return CONVERT_COPY;
	/* FLOAT(7,3) rounds */
	if (strchr(to->source_type, '(') != NULL && t == PGC_FLOAT)
		return CONVERT_COPY;
	if (f == PGC_FLOAT && t != PGC_FLOAT)
		return CONVERT_COPY;
	/* the source comes to a FLOAT by way of a DOUBLE, and rounds twice */
	*using = psprintf("%s::%s%s", name, t == PGC_FLOAT && f != PGC_FLOAT ?
					  "double precision::" : "", to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_text(const TableColumn *from, const TableColumn *to, const char *name,
			 char **using)
{
	if (is_base(to, "char") && !is_base(from, "char"))
		*using = psprintf("rtrim(%s::text, ' ')::%s", name, to->pg_type);
	else
		*using = psprintf("%s::%s", name, to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_enum(const TableColumn *to, const char *name, char **using)
{
	*using = psprintf("%s::text::%s", name, to->pg_type);
	return CONVERT_CAST;
}

static Conversion
convert_timestamp(const TableColumn *from, const TableColumn *to,
				  const char *name, char **using)
{
	/* digits that go are rounded by one server and cut by the other */
	if (to->fsp < from->fsp)
		return CONVERT_COPY;
	*using = psprintf("%s::%s", name, to->pg_type);
	return CONVERT_CAST;
}

Conversion
convert_column(const TableColumn *from, const TableColumn *to, bool loose,
			   const char *name, char **using)
{
	PgClass		f = mysql_column_class(from);
	PgClass		t = mysql_column_class(to);

	if (loose && !holds_all(from, to))
		return CONVERT_COPY;
	/* what the other character set lacks is lost at the source */
	if (from->charset != NULL && to->charset != NULL &&
		!charset_holds(from->charset, to->charset))
		return CONVERT_COPY;
	if (strcmp(from->base_type, to->base_type) == 0 && labels_turn(from, to))
		return CONVERT_COPY;
	if (strcmp(from->pg_type, to->pg_type) == 0)
	{
		/*
		 * the same type at the destination may be another one at the source;
		 * BINARY(9) is filled up
		 */
		if (strcmp(from->base_type, to->base_type) == 0)
			return (is_base(to, "binary") && from->length != to->length) ||
				(is_base(to, "varbinary") && from->length > to->length) ?
				CONVERT_COPY : CONVERT_SAME;
		if (is_base(to, "year") || is_base(to, "binary") || is_base(to, "char") ||
			is_base(from, "binary") || is_base(to, "set") ||
			(f == PGC_TEXT && is_base(to, "enum")) || from->is_json != to->is_json)
			return CONVERT_COPY;
		return CONVERT_SAME;
	}
	if (is_number(f) && is_number(t))
		return convert_number(from, to, f, t, name, using);
	if (f == PGC_TEXT && t == PGC_TEXT)
		return convert_text(from, to, name, using);
	if (f == PGC_ENUM && t == PGC_ENUM)
		return convert_enum(to, name, using);
	if (f == PGC_ENUM && t == PGC_TEXT && !is_base(to, "enum"))
	{
		*using = psprintf("%s::text::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if ((f == PGC_INT || f == PGC_NUMERIC) && t == PGC_TEXT &&
		!is_base(from, "year") &&
		strstr(from->source_type, "zerofill") == NULL)
	{
		*using = psprintf("%s::text::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_SET && t == PGC_TEXT && !is_base(to, "set"))
	{
		*using = psprintf("array_to_string(%s, ',')::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == t && (f == PGC_TIMESTAMP || f == PGC_TIMESTAMPTZ ||
				   f == PGC_TIME || f == PGC_INTERVAL))
		return convert_timestamp(from, to, name, using);
	if (f == PGC_DATE && t == PGC_TIMESTAMP)
	{
		*using = psprintf("%s::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_BOOL && t == PGC_INT)
	{
		*using = psprintf("%s::integer::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	if (f == PGC_JSON && t == PGC_JSON && from->is_json == to->is_json)
	{
		*using = psprintf("%s::%s", name, to->pg_type);
		return CONVERT_CAST;
	}
	return CONVERT_COPY;
}

char *
convert_implicit_default(const TableColumn *col, const PlanOptions *options)
{
	switch (mysql_column_class(col))
	{
		case PGC_INT:
		case PGC_NUMERIC:
		case PGC_FLOAT:
			return "0";
		case PGC_BOOL:
			return "false";
		case PGC_TEXT:
			if (is_base(col, "enum"))
				return quote_literal_cstr(linitial(col->labels));
			return "''";
		case PGC_ENUM:
			return psprintf("%s::%s", quote_literal_cstr(linitial(col->labels)),
							col->pg_type);
		case PGC_SET:
			return "'{}'";
		case PGC_BYTEA:
			if (!is_base(col, "binary"))
				return "'\\x'";
			return psprintf("decode(repeat('00', %d), 'hex')",
							(int) col->length);
		case PGC_BIT:
			return psprintf("0::bit(%d)", (int) Max(col->length, 1));
		case PGC_TIME:
		case PGC_INTERVAL:
			return "'00:00:00'";
		case PGC_DATE:
		case PGC_TIMESTAMP:
		case PGC_TIMESTAMPTZ:
			if (options->policy->zero_date == ZERO_DATE_NULL &&
				col->target_nullable)
				return "NULL";
			if (options->policy->zero_date == ZERO_DATE_LITERAL)
				return quote_literal_cstr(options->policy->zero_date_literal);
			return NULL;
		case PGC_UUID:
			return "'00000000-0000-0000-0000-000000000000'";
		case PGC_INET:
			return is_base(col, "inet6") ? "'::'" : "'0.0.0.0'";
		default:
			return NULL;
	}
}
