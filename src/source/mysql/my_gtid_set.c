/*-------------------------------------------------------------------------
 *
 * my_gtid_set.c
 *	  Sets of MySQL's GTIDs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/binlog_event.h"
#include "source/mysql/my_gtid_set.h"

/* A GTID's number is less than 2^63. */
#define MAX_NUMBER	((uint64) PG_INT64_MAX)

/* Format byte of an encoded set with tags. */
#define TAGGED_FORMAT	1

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
compare_source(const MyGtidSource *s, const uint8 *uuid, const char *tag)
{
	int			cmp = memcmp(s->uuid, uuid, MY_UUID_SIZE);

	return cmp != 0 ? cmp : strcmp(s->tag, tag);
}

/* Index of the source, or where it would be; *found says which. */
static int
find_source(const MyGtidSet *set, const uint8 *uuid, const char *tag,
			bool *found)
{
	int			low = 0;
	int			high = set->n;

	*found = false;
	while (low < high)
	{
		int			mid = (low + high) / 2;
		int			cmp = compare_source(&set->sources[mid], uuid, tag);

		if (cmp == 0)
		{
			*found = true;
			return mid;
		}
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Index of the first interval that ends at number or later. */
static int
find_interval(const MyGtidSource *s, uint64 number)
{
	int			low = 0;
	int			high = s->n;

	/* most often it goes to the end */
	if (s->n > 0 && number > s->intervals[s->n - 1].last)
		return s->n;
	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (s->intervals[mid].last < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static MyGtidSource *
enter_source(MyGtidSet *set, const uint8 *uuid, const char *tag)
{
	bool		found;
	int			i = find_source(set, uuid, tag, &found);
	MyGtidSource *s;

	if (found)
		return &set->sources[i];
	if (set->n == set->max)
	{
		set->max = set->max == 0 ? 4 : set->max * 2;
		set->sources = set->sources == NULL ?
			palloc(set->max * sizeof(MyGtidSource)) :
			repalloc(set->sources, set->max * sizeof(MyGtidSource));
	}
	s = &set->sources[i];
	memmove(s + 1, s, (set->n - i) * sizeof(MyGtidSource));
	set->n++;
	memset(s, 0, sizeof(*s));
	memcpy(s->uuid, uuid, MY_UUID_SIZE);
	strlcpy(s->tag, tag, MY_TAG_SIZE);
	return s;
}

void
my_gtid_set_add(MyGtidSet *set, const uint8 *uuid, const char *tag,
				uint64 first, uint64 last)
{
	MyGtidSource *s = enter_source(set, uuid, tag);
	MyGtidInterval *iv;
	int			i = find_interval(s, first > 0 ? first - 1 : 0);
	int			j = i;

	/* the intervals i to j-1 touch the new one and melt with it */
	while (j < s->n && s->intervals[j].first <= last + 1)
	{
		first = Min(first, s->intervals[j].first);
		last = Max(last, s->intervals[j].last);
		j++;
	}
	if (i == j)
	{
		if (s->n == s->max)
		{
			s->max = s->max == 0 ? 2 : s->max * 2;
			s->intervals = s->intervals == NULL ?
				palloc(s->max * sizeof(MyGtidInterval)) :
				repalloc(s->intervals, s->max * sizeof(MyGtidInterval));
		}
		iv = &s->intervals[i];
		memmove(iv + 1, iv, (s->n - i) * sizeof(MyGtidInterval));
		s->n++;
	}
	else
	{
		iv = &s->intervals[i];
		memmove(iv + 1, &s->intervals[j],
				(s->n - j) * sizeof(MyGtidInterval));
		s->n -= j - i - 1;
	}
	iv->first = first;
	iv->last = last;
}

bool
my_gtid_set_contains(const MyGtidSet *set, const uint8 *uuid, const char *tag,
					 uint64 number)
{
	bool		found;
	int			i = find_source(set, uuid, tag, &found);
	const MyGtidSource *s;

	if (!found)
		return false;
	s = &set->sources[i];
	i = find_interval(s, number);
	return i < s->n && s->intervals[i].first <= number;
}

bool
my_gtid_set_covers(const MyGtidSet *set, const MyGtidSet *part)
{
	for (int i = 0; i < part->n; i++)
	{
		const MyGtidSource *p = &part->sources[i];
		bool		found;
		int			at = find_source(set, p->uuid, p->tag, &found);
		const MyGtidSource *s;

		if (!found)
			return p->n == 0;
		s = &set->sources[at];
		for (int k = 0; k < p->n; k++)
		{
			int			j = find_interval(s, p->intervals[k].first);

			if (j == s->n || s->intervals[j].first > p->intervals[k].first ||
				s->intervals[j].last < p->intervals[k].last)
				return false;
		}
	}
	return true;
}

static const char *
skip_space(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	return p;
}

static const char *
read_uuid(const char *p, uint8 *uuid)
{
	for (int i = 0; i < MY_UUID_SIZE; i++)
	{
		int			high;
		int			low;

		if (*p == '-')
			p++;
		high = hex_digit(p[0]);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0)
			return NULL;
		uuid[i] = (uint8) (high << 4 | low);
		p += 2;
	}
	return p;
}

static const char *
read_number(const char *p, uint64 *number)
{
	*number = 0;
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		if (*number > MAX_NUMBER / 10)
			return NULL;
		*number = *number * 10 + (*p - '0');
	}
	return *number > 0 && *number <= MAX_NUMBER ? p : NULL;
}

/* A tag begins with a letter or an underscore. */
static const char *
read_tag(const char *p, char *tag)
{
	int			n = 0;

	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
		   (*p >= '0' && *p <= '9'))
	{
		if (n == MY_TAG_SIZE - 1)
			return NULL;
		tag[n++] = pg_tolower((unsigned char) *p++);
	}
	tag[n] = '\0';
	return n > 0 ? p : NULL;
}

bool
my_gtid_set_read(MyGtidSet *set, const char *text)
{
	const char *p = skip_space(text);

	while (*p != '\0')
	{
		uint8		uuid[MY_UUID_SIZE];
		char		tag[MY_TAG_SIZE] = "";

		p = read_uuid(p, uuid);
		if (p == NULL)
			return false;
		p = skip_space(p);
		if (*p != ':')
			return false;
		while (*p == ':')
		{
			uint64		first;
			uint64		last;

			p = skip_space(p + 1);
			if (*p < '0' || *p > '9')
			{
				p = read_tag(p, tag);
				if (p == NULL)
					return false;
				p = skip_space(p);
				continue;
			}
			p = read_number(p, &first);
			if (p == NULL)
				return false;
			last = first;
			if (*p == '-')
			{
				p = read_number(p + 1, &last);
				if (p == NULL || last < first)
					return false;
			}
			my_gtid_set_add(set, uuid, tag, first, last);
			p = skip_space(p);
		}
		if (*p == ',')
			p = skip_space(p + 1);
		else if (*p != '\0')
			return false;
	}
	return true;
}

void
my_gtid_set_text(const MyGtidSet *set, StringInfo buf)
{
	for (int i = 0; i < set->n; i++)
	{
		const MyGtidSource *s = &set->sources[i];
		bool		same = i > 0 &&
			memcmp(s->uuid, set->sources[i - 1].uuid, MY_UUID_SIZE) == 0;

		if (!same)
		{
			if (i > 0)
				appendStringInfoChar(buf, ',');
			for (int b = 0; b < MY_UUID_SIZE; b++)
				appendStringInfo(buf, "%s%02x",
								 b == 4 || b == 6 || b == 8 || b == 10 ? "-" : "",
								 s->uuid[b]);
		}
		if (s->tag[0] != '\0')
			appendStringInfo(buf, ":%s", s->tag);
		for (int k = 0; k < s->n; k++)
		{
			appendStringInfo(buf, ":" UINT64_FORMAT, s->intervals[k].first);
			if (s->intervals[k].last != s->intervals[k].first)
				appendStringInfo(buf, "-" UINT64_FORMAT, s->intervals[k].last);
		}
	}
}

static void
append_uint64(StringInfo buf, uint64 v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		appendStringInfoChar(buf, (char) (v & 0xff));
}

/*
 * Number of sources, and of each: uuid, number of intervals, and of each the
 * first number and the one behind the last. Where tags are in it, the first
 * and the last byte of the number of sources say so, and a tag with its
 * length, times two, follows each uuid.
 */
void
my_gtid_set_encode(const MyGtidSet *set, StringInfo buf)
{
	bool		tagged = false;

	for (int i = 0; i < set->n; i++)
		tagged = tagged || set->sources[i].tag[0] != '\0';
	append_uint64(buf, tagged ?
				  (uint64) TAGGED_FORMAT << 56 | (uint64) set->n << 8 |
				  TAGGED_FORMAT : (uint64) set->n);
	for (int i = 0; i < set->n; i++)
	{
		const MyGtidSource *s = &set->sources[i];

		appendBinaryStringInfo(buf, (const char *) s->uuid, MY_UUID_SIZE);
		if (tagged)
		{
			appendStringInfoChar(buf, (char) (strlen(s->tag) << 1));
			appendStringInfoString(buf, s->tag);
		}
		append_uint64(buf, s->n);
		for (int k = 0; k < s->n; k++)
		{
			append_uint64(buf, s->intervals[k].first);
			append_uint64(buf, s->intervals[k].last + 1);
		}
	}
}

bool
my_gtid_set_decode(MyGtidSet *set, const uint8 *data, Size len)
{
	BinlogCursor cur = {data, data + len, false};
	uint64		n = binlog_cursor_uint(&cur, 8);
	bool		tagged = n >> 56 != 0;

	if (tagged && n >> 56 != TAGGED_FORMAT)
		return false;
	if (tagged)
		n = (n & ~((uint64) 0xff << 56)) >> 8;
	for (; n > 0 && !cur.failed; n--)
	{
		const uint8 *uuid = binlog_cursor_bytes(&cur, MY_UUID_SIZE);
		uint64		tag_len = tagged ? binlog_cursor_uint(&cur, 1) >> 1 : 0;
		const uint8 *tag_bytes = binlog_cursor_bytes(&cur, tag_len);
		uint64		intervals = binlog_cursor_uint(&cur, 8);
		char		tag[MY_TAG_SIZE] = "";

		if (cur.failed || tag_len >= MY_TAG_SIZE)
			return false;
		memcpy(tag, tag_bytes, tag_len);
		for (; intervals > 0 && !cur.failed; intervals--)
		{
			uint64		first = binlog_cursor_uint(&cur, 8);
			uint64		end = binlog_cursor_uint(&cur, 8);

			if (cur.failed || first == 0 || first >= end || end > MAX_NUMBER)
				return false;
			my_gtid_set_add(set, uuid, tag, first, end - 1);
		}
	}
	return !cur.failed && cur.p == cur.end;
}
