/*-------------------------------------------------------------------------
 *
 * pg_archive.c
 *	  Reads the table of contents of an archive of pg_dump.
 *
 *	  "PGDMP" version integers' size offsets' size format  compression time
 *	  database server dump  number of entries, then of each: its id, OIDs, tag,
 *	  kind, section, definition, …, what it depends on, where its data lies.
 *
 * An integer is a sign byte and its bytes, the lowest first; a string is its
 * length (-1: NULL) and its bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_archive.h"

#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define FORMAT_CUSTOM 1
#define VERSION(major, minor) ((major) * 256 + (minor))
/*
 * A server's own count of changes of a column, which minor releases of the
 * end of 2026 keep among the column's options. A pg_dump of before does not
 * know that it is not to be known to another server.
 */
#define COLUMN_VERSION "pg_attver="

typedef struct Reader
{
	const unsigned char *data;
	Size		len;
	Size		at;
	int			version;
	int			int_size;
	int			offset_size;
} Reader;

static void
bad_archive(const Reader *r, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("unexpected output of pg_dump"),
			 errdetail("%s at byte %zu of %zu.", what, r->at, r->len)));
}

static const unsigned char *
take(Reader *r, Size n)
{
	const unsigned char *p = r->data + r->at;

	if (n > r->len - r->at)
		bad_archive(r, "It ends early");
	r->at += n;
	return p;
}

static int
read_byte(Reader *r)
{
	return *take(r, 1);
}

static int
read_int(Reader *r)
{
	bool		negative = read_byte(r) != 0;
	const unsigned char *p = take(r, r->int_size);
	uint32		n = 0;

	for (int i = r->int_size - 1; i >= 0; i--)
	{
		if (i >= 4 && p[i] != 0)
			bad_archive(r, "A number is too large");
		if (i < 4)
			n = n << 8 | p[i];
	}
	if (n > PG_INT32_MAX)
		bad_archive(r, "A number is too large");
	return negative ? -(int) n : (int) n;
}

/* "" for NULL, too; *is_null (may be NULL) says which. */
static char *
read_string(Reader *r, bool *is_null)
{
	int			len = read_int(r);
	const unsigned char *p;
	char	   *s;

	if (is_null)
		*is_null = len < 0;
	if (len < 0)
		return pstrdup("");
	p = take(r, len);
	if (memchr(p, '\0', len) != NULL)
		bad_archive(r, "A string holds a byte 0x00");
	s = MemoryContextAllocHuge(CurrentMemoryContext, (Size) len + 1);
	memcpy(s, p, len);
	s[len] = '\0';
	(void) pg_verify_mbstr(GetDatabaseEncoding(), s, len, false);
	return s;
}

static Oid
read_oid(Reader *r)
{
	return (Oid) strtoul(read_string(r, NULL), NULL, 10);
}

static int
read_head(Reader *r)
{
	if (memcmp(take(r, 5), "PGDMP", 5) != 0)
		bad_archive(r, "It is no archive");
	r->version = VERSION(read_byte(r), 0);
	r->version += read_byte(r);
	(void) read_byte(r);		/* revision */
	if (r->version < VERSION(1, 14) || r->version > VERSION(1, 16))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_dump writes archives of version %d.%d, which is not known",
						r->version / 256, r->version % 256),
				 errhint("The pg_dump of this server's own installation is wanted.")));
	r->int_size = read_byte(r);
	r->offset_size = read_byte(r);
	if (r->int_size < 4 || r->int_size > 32 || r->offset_size > 32)
		bad_archive(r, "A size is out of range");
	if (read_byte(r) != FORMAT_CUSTOM)
		bad_archive(r, "It is not in the custom format");
	if (r->version >= VERSION(1, 15))
		(void) read_byte(r);	/* compression */
	else
		(void) read_int(r);
	for (int i = 0; i < 7; i++)
		(void) read_int(r);		/* time of creation */
	for (int i = 0; i < 3; i++)
		(void) read_string(r, NULL);	/* database, versions */
	return read_int(r);
}

/* A line of a definition, without what is only the source's own. */
static void
append_line(StringInfo buf, char *line)
{
	char	   *list = NULL;
	char	   *item;
	const char *before = "";

	if (strncmp(line, "ALTER ", 6) == 0 && strstr(line, COLUMN_VERSION) != NULL)
		for (char *p = line; (p = strstr(p, " SET (")) != NULL; p++)
			list = p + strlen(" SET (");
	if (list == NULL || strstr(list, COLUMN_VERSION) == NULL ||
		strlen(list) < 2 || strcmp(list + strlen(list) - 2, ");") != 0)
	{
		appendStringInfo(buf, "%s\n", line);
		return;
	}
	list[strlen(list) - 2] = '\0';
	for (char *next = list; (item = next) != NULL;)
	{
		next = strstr(item, ", ");
		if (next != NULL)
		{
			*next = '\0';
			next += 2;
		}
		if (strncmp(item, COLUMN_VERSION, strlen(COLUMN_VERSION)) == 0)
			continue;
		if (*before == '\0')
			appendBinaryStringInfo(buf, line, list - line);
		appendStringInfo(buf, "%s%s", before, item);
		before = ", ";
	}
	if (*before != '\0')
		appendStringInfoString(buf, ");\n");
}

static char *
without_column_versions(char *definition)
{
	StringInfoData buf;

	if (strstr(definition, COLUMN_VERSION) == NULL)
		return definition;
	initStringInfo(&buf);
	for (char *line = definition; *line;)
	{
		char	   *end = strchr(line, '\n');

		if (end == NULL)
		{
			appendStringInfoString(&buf, line);
			break;
		}
		*end = '\0';
		append_line(&buf, line);
		line = end + 1;
	}
	return buf.data;
}

static PgEntry *
read_entry(Reader *r)
{
	PgEntry    *e = palloc0(sizeof(PgEntry));
	int			section;

	e->id = read_int(r);
	(void) read_int(r);			/* has data */
	e->classid = read_oid(r);
	e->objid = read_oid(r);
	e->tag = read_string(r, NULL);
	e->kind = read_string(r, NULL);
	section = read_int(r);
	if (e->id <= 0 || section < PG_SECTION_NONE || section > PG_SECTION_POST_DATA)
		bad_archive(r, "An entry is out of range");
	e->section = (PgSection) section;
	e->definition = read_string(r, NULL);
	if (e->classid == RelationRelationId)
		e->definition = without_column_versions(e->definition);
	e->drop = read_string(r, NULL);
	(void) read_string(r, NULL);	/* COPY */
	e->schema = read_string(r, NULL);
	e->tablespace = read_string(r, NULL);
	e->access_method = read_string(r, NULL);
	if (r->version >= VERSION(1, 16))
		(void) read_int(r);		/* relkind */
	e->owner = read_string(r, NULL);
	(void) read_string(r, NULL);	/* WITH OIDS */
	for (;;)
	{
		bool		end;
		char	   *id = read_string(r, &end);

		if (end)
			break;
		e->depends = lappend_int(e->depends, (int) strtol(id, NULL, 10));
	}
	(void) take(r, (Size) r->offset_size + 1);	/* where its data lies */
	return e;
}

List *
pg_archive_read(const char *data, Size len)
{
	Reader		r = {(const unsigned char *) data, len};
	List	   *entries = NIL;
	int			n = read_head(&r);

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		entries = lappend(entries, read_entry(&r));
	}
	return entries;
}
