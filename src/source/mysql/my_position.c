/*-------------------------------------------------------------------------
 *
 * my_position.c
 *	  Positions in a MySQL-family binlog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/mysql/my_position.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

static void
bad_position(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid binary log position: \"%s\"", text),
			 errhint("A position looks like \"mariadb-bin.000003:1234\" or \"mariadb-bin.000003:1234;0-1-77\".")));
}

/* Reads a decimal number at *p and moves behind it. */
static bool
read_number(const char **p, uint64 max, uint64 *out)
{
	uint64		v = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
	{
		uint64		digit = *s - '0';

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*p = s;
	*out = v;
	return true;
}

uint64
my_file_segment(const char *file)
{
	const char *dot = strrchr(file, '.');
	uint64		v;

	if (dot == NULL)
		return 0;
	dot++;
	if (!read_number(&dot, PG_UINT64_MAX, &v) || *dot != '\0')
		return 0;
	return v;
}

void
my_position_add_gtid(MyPosition *pos, uint32 domain, uint32 server_id,
					 uint64 seq)
{
	int			i;

	for (i = 0; i < pos->ngtids; i++)
		if (pos->gtids[i].domain == domain)
			break;
	if (i == pos->ngtids)
	{
		if (pos->ngtids == pos->maxgtids)
		{
			pos->maxgtids = pos->maxgtids == 0 ? 4 : pos->maxgtids * 2;
			pos->gtids = pos->gtids == NULL ?
				palloc(pos->maxgtids * sizeof(MyGtid)) :
				repalloc(pos->gtids, pos->maxgtids * sizeof(MyGtid));
		}
		pos->ngtids++;
	}
	pos->gtids[i].domain = domain;
	pos->gtids[i].server_id = server_id;
	pos->gtids[i].seq = seq;
}

bool
my_position_set_gtids(MyPosition *pos, const char *text)
{
	const char *p = text;

	pos->ngtids = 0;
	memset(&pos->set, 0, sizeof(pos->set));
	if (strchr(text, ':') != NULL)
		return my_gtid_set_read(&pos->set, text);
	while (*p != '\0')
	{
		uint64		domain;
		uint64		server_id;
		uint64		seq;

		if (pos->ngtids > 0)
		{
			if (*p != ',')
				return false;
			p++;
			while (*p == ' ' || *p == '\n')
				p++;
		}
		if (!read_number(&p, PG_UINT32_MAX, &domain) || *p++ != '-' ||
			!read_number(&p, PG_UINT32_MAX, &server_id) || *p++ != '-' ||
			!read_number(&p, PG_UINT64_MAX, &seq))
			return false;
		my_position_add_gtid(pos, (uint32) domain, (uint32) server_id, seq);
	}
	return true;
}

/* "file:offset", the file's name may hold colons. */
static bool
read_place(const char *text, size_t len, char *file, uint64 *offset)
{
	const char *colon = NULL;
	const char *p;
	size_t		i;

	for (i = 0; i < len; i++)
		if (text[i] == ':')
			colon = text + i;
	if (colon == NULL || colon == text || colon - text >= MY_FILE_SIZE)
		return false;
	p = colon + 1;
	if (!read_number(&p, PG_UINT64_MAX / 2, offset) || p != text + len)
		return false;
	memcpy(file, text, colon - text);
	file[colon - text] = '\0';
	return my_file_segment(file) > 0;
}

void
my_position_add_prepared(MyPosition *pos, const char *xid, const char *file,
						 uint64 offset)
{
	MyPrepared *x;

	my_position_remove_prepared(pos, xid);
	if (pos->nprepared == pos->maxprepared)
	{
		pos->maxprepared = pos->maxprepared == 0 ? 4 : pos->maxprepared * 2;
		pos->prepared = pos->prepared == NULL ?
			palloc(pos->maxprepared * sizeof(MyPrepared)) :
			repalloc(pos->prepared, pos->maxprepared * sizeof(MyPrepared));
	}
	x = &pos->prepared[pos->nprepared++];
	x->xid = pstrdup(xid);
	x->file = pstrdup(file);
	x->offset = offset;
}

const MyPrepared *
my_position_find_prepared(const MyPosition *pos, const char *xid)
{
	int			i;

	for (i = 0; i < pos->nprepared; i++)
		if (strcmp(pos->prepared[i].xid, xid) == 0)
			return &pos->prepared[i];
	return NULL;
}

void
my_position_remove_prepared(MyPosition *pos, const char *xid)
{
	const MyPrepared *x = my_position_find_prepared(pos, xid);
	int			i;

	if (x == NULL)
		return;
	i = x - pos->prepared;
	pfree(x->xid);
	pfree(x->file);
	memmove(&pos->prepared[i], &pos->prepared[i + 1],
			(pos->nprepared - i - 1) * sizeof(MyPrepared));
	pos->nprepared--;
}

/* xid@file:offset|xid@file:offset… up to the end or a semicolon */
static bool
read_prepared(MyPosition *pos, const char *text)
{
	while (*text != '\0' && *text != ';')
	{
		size_t		len = strcspn(text, "|;");
		const char *at = memchr(text, '@', len);
		char		file[MY_FILE_SIZE];
		char	   *xid;
		uint64		offset;

		if (at == NULL || at == text)
			return false;
		if (!read_place(at + 1, text + len - at - 1, file, &offset))
			return false;
		xid = pnstrdup(text, at - text);
		my_position_add_prepared(pos, xid, file, offset);
		pfree(xid);
		text += len;
		if (*text == '|')
			text++;
	}
	return true;
}

void
my_position_read(const char *text, MyPosition *pos)
{
	size_t		len = strcspn(text, ";");
	const char *rest = text + len;

	memset(pos, 0, sizeof(*pos));
	if (len > 0 && !read_place(text, len, pos->file, &pos->offset))
		bad_position(text);
	if (len > 0 && pos->offset < 4)
		bad_position(text);
	if (*rest == ';')
	{
		char	   *gtids = pnstrdup(rest + 1, strcspn(rest + 1, ";"));

		rest += 1 + strlen(gtids);
		if (!my_position_set_gtids(pos, gtids))
			bad_position(text);
		pfree(gtids);
	}
	if (*rest == ';')
	{
		if (!read_prepared(pos, rest + 1))
			bad_position(text);
		rest += 1 + strcspn(rest + 1, ";");
	}
	if (*rest == ';')
	{
		rest++;
		if (!read_number(&rest, PG_UINT32_MAX, &pos->statements) ||
			(*rest != '\0' && *rest != '@'))
			bad_position(text);
		if (*rest == '@')
			pos->group = pstrdup(rest + 1);
	}
	if (len == 0 && !my_position_has_gtids(pos))
		bad_position(text);
}

char *
my_position_gtids(const MyPosition *pos)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; i < pos->ngtids; i++)
		appendStringInfo(&buf, "%s%u-%u-" UINT64_FORMAT, i > 0 ? "," : "",
						 pos->gtids[i].domain, pos->gtids[i].server_id,
						 pos->gtids[i].seq);
	my_gtid_set_text(&pos->set, &buf);
	return buf.data;
}

bool
my_position_has_gtids(const MyPosition *pos)
{
	return pos->ngtids > 0 || pos->set.n > 0;
}

bool
my_position_covers(const MyPosition *whole, const MyPosition *part)
{
	int			i;
	int			j;

	if (whole->file[0] != '\0' && part->file[0] != '\0')
	{
		SourcePos	a = {my_file_segment(whole->file), whole->offset};
		SourcePos	b = {my_file_segment(part->file), part->offset};

		return source_pos_cmp(a, b) >= 0;
	}
	for (i = 0; i < part->ngtids; i++)
	{
		for (j = 0; j < whole->ngtids; j++)
			if (whole->gtids[j].domain == part->gtids[i].domain)
				break;
		if (j == whole->ngtids || whole->gtids[j].seq < part->gtids[i].seq)
			return false;
	}
	return my_gtid_set_covers(&whole->set, &part->set);
}

char *
my_position_text(const MyPosition *pos)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	if (pos->file[0] != '\0')
		appendStringInfo(&buf, "%s:" UINT64_FORMAT, pos->file, pos->offset);
	appendStringInfoChar(&buf, ';');
	appendStringInfoString(&buf, my_position_gtids(pos));
	for (i = 0; i < pos->nprepared; i++)
		appendStringInfo(&buf, "%c%s@%s:" UINT64_FORMAT, i == 0 ? ';' : '|',
						 pos->prepared[i].xid, pos->prepared[i].file,
						 pos->prepared[i].offset);
	if (pos->statements > 0)
		appendStringInfo(&buf, "%s;" UINT64_FORMAT,
						 pos->nprepared == 0 ? ";" : "", pos->statements);
	if (pos->statements > 0 && pos->group != NULL)
		appendStringInfo(&buf, "@%s", pos->group);
	return buf.data;
}

SourcePos
my_parse_position(const char *text)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "dtsmig position",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	MyPosition	pos;
	SourcePos	result;

	my_position_read(text, &pos);
	result.segment = my_file_segment(pos.file);
	result.offset = pos.offset;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return result;
}

char *
my_format_position(const char *file, uint64 offset, const char *gtids)
{
	return psprintf("%s:" UINT64_FORMAT ";%s", file, offset,
					gtids ? gtids : "");
}
