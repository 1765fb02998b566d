/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON as MySQL has it once it has read it, so that what the source has and
 *	  what is read back there can be compared as texts.
 *
 *	  {"b": 1.10, "a": "\u0041", "b": 2}  -->  {"a":"A","b":2}
 *
 * An integer that 64 bits hold stays one, any other number is a double.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/mysql/mysql.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"

typedef struct Reading
{
	const char *at;
	bool		first_key;
	bool		failed;
} Reading;

typedef struct Member
{
	char	   *key;
	char	   *value;
	int			place;
} Member;

static void read_value(Reading *r, StringInfo out);

static void
skip_blanks(Reading *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool
take(Reading *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* ----------------------------------------------------------------- strings */

static int
hex_digits(const char *text)
{
	int			n = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = text[i];

		if (!isxdigit((unsigned char) c))
			return -1;
		n = n * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return n;
}

/* Where the encoding has no way to write it, it stays an escape. */
static void
append_character(StringInfo out, pg_wchar c)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};

	if (c == '"' || c == '\\')
		appendStringInfo(out, "\\%c", (char) c);
	else if (c < ' ' || (c > 126 && GetDatabaseEncoding() != PG_UTF8))
		appendStringInfo(out, "\\u%04x", c);
	else
	{
		unicode_to_utf8(c, utf8);
		appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
	}
}

/* Behind the backslash. */
static void
read_escape(Reading *r, StringInfo out)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	const char *known = *r->at ? strchr(from, *r->at) : NULL;
	int			c;

	if (*r->at == 'u' && (c = hex_digits(r->at + 1)) >= 0)
	{
		int			low = -1;

		r->at += 5;
		if (is_utf16_surrogate_first(c) && r->at[0] == '\\' && r->at[1] == 'u')
			low = hex_digits(r->at + 2);
		if (low >= 0 && is_utf16_surrogate_second(low))
		{
			r->at += 6;
			append_character(out, surrogate_pair_to_codepoint(c, low));
		}
		else if (is_utf16_surrogate_first(c) || is_utf16_surrogate_second(c))
			r->failed = true;
		else
			append_character(out, c);
		return;
	}
	if (known != NULL)
		append_character(out, to[known - from]);
	else if (*r->at == '"' || *r->at == '\\' || *r->at == '/')
		append_character(out, *r->at);
	else
	{
		r->failed = true;
		return;
	}
	r->at++;
}

static void
read_string(Reading *r, StringInfo out)
{
	if (!take(r, '"'))
	{
		r->failed = true;
		return;
	}
	appendStringInfoChar(out, '"');
	while (!r->failed && *r->at != '"')
	{
		if (*r->at == '\0')
			r->failed = true;
		else if (*r->at == '\\')
		{
			r->at++;
			read_escape(r, out);
		}
		else if ((unsigned char) *r->at < ' ')
			append_character(out, *r->at++);
		else
			appendStringInfoChar(out, *r->at++);
	}
	r->at++;
	appendStringInfoChar(out, '"');
}

/* ----------------------------------------------------------------- numbers */

static bool
is_integer(const char *number)
{
	char	   *end;

	if (strpbrk(number, ".eE") != NULL)
		return false;
	errno = 0;
	if (number[0] == '-')
		(void) strtoll(number, &end, 10);
	else
		(void) strtoull(number, &end, 10);
	return errno == 0 && *end == '\0';
}

static void
read_number(Reading *r, StringInfo out)
{
	Size		len = strspn(r->at, "+-0123456789.eE");
	char	   *number = pnstrdup(r->at, len);

	r->at += len;
	if (len == 0)
		r->failed = true;
	else if (strcmp(number, "-0") == 0)
		appendStringInfoChar(out, '0');
	else if (is_integer(number))
		appendStringInfoString(out, number);
	else
	{
		char	   *text = float8out_internal(strtod(number, NULL));

		appendStringInfo(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
	}
	pfree(number);
}

/* -------------------------------------------------------------- containers */

/* By key, and by place where that is the same. */
static int
compare_members(const void *a, const void *b)
{
	const Member *x = a;
	const Member *y = b;
	int			by_key = strcmp(x->key, y->key);

	return by_key != 0 ? by_key : x->place - y->place;
}

static void
append_members(StringInfo out, Member *members, int n, bool first_key)
{
	bool		any = false;

	qsort(members, n, sizeof(Member), compare_members);
	for (int i = 0; i < n; i++)
	{
		const Member *other = first_key ? (i > 0 ? &members[i - 1] : NULL) :
			(i < n - 1 ? &members[i + 1] : NULL);

		if (other != NULL && strcmp(other->key, members[i].key) == 0)
			continue;
		appendStringInfo(out, "%s%s:%s", any ? "," : "", members[i].key, members[i].value);
		any = true;
	}
}

/* Behind the brace. */
static void
read_object(Reading *r, StringInfo out)
{
	int			n = 0;
	int			nalloc = 8;
	Member	   *members = palloc(sizeof(Member) * nalloc);

	appendStringInfoChar(out, '{');
	if (!take(r, '}'))
	{
		do
		{
			StringInfoData key;
			StringInfoData value;

			initStringInfo(&key);
			initStringInfo(&value);
			read_string(r, &key);
			r->failed |= !r->failed && !take(r, ':');
			if (!r->failed)
				read_value(r, &value);
			if (n == nalloc)
			{
				nalloc *= 2;
				members = repalloc(members, sizeof(Member) * nalloc);
			}
			members[n].key = key.data;
			members[n].value = value.data;
			members[n].place = n;
			n++;
		} while (!r->failed && take(r, ','));
		r->failed |= !r->failed && !take(r, '}');
	}
	append_members(out, members, n, r->first_key);
	appendStringInfoChar(out, '}');
}

static void
read_array(Reading *r, StringInfo out)
{
	bool		any = false;

	appendStringInfoChar(out, '[');
	if (!take(r, ']'))
	{
		do
		{
			appendStringInfoString(out, any ? "," : "");
			any = true;
			read_value(r, out);
		} while (!r->failed && take(r, ','));
		r->failed |= !r->failed && !take(r, ']');
	}
	appendStringInfoChar(out, ']');
}

static void
read_value(Reading *r, StringInfo out)
{
	static const char *const words[] = {"true", "false", "null"};

	check_stack_depth();
	skip_blanks(r);
	if (*r->at == '"')
		read_string(r, out);
	else if (take(r, '{'))
		read_object(r, out);
	else if (take(r, '['))
		read_array(r, out);
	else
	{
		for (int i = 0; i < lengthof(words); i++)
		{
			if (strncmp(r->at, words[i], strlen(words[i])) != 0)
				continue;
			r->at += strlen(words[i]);
			appendStringInfoString(out, words[i]);
			return;
		}
		read_number(r, out);
	}
}

char *
my_json_canonical(const char *json, bool first_key)
{
	Reading		r = {json, first_key, false};
	StringInfoData out;

	initStringInfo(&out);
	read_value(&r, &out);
	if (!r.failed)
		skip_blanks(&r);
	return r.failed || *r.at != '\0' ? NULL : out.data;
}
