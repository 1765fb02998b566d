/*-------------------------------------------------------------------------
 *
 * copy_row.c
 *	  Rows in COPY's formats as values, and back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/copy_row.h"

#include "mb/pg_wchar.h"
#include "access/htup_details.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/lsyscache.h"

#include "core/copy_text.h"
#include "core/table_owner.h"

typedef struct CopyColumn
{
	FmgrInfo	input;			/* receive, or input of a text row; send */
	Oid			ioparam;
	Oid			code;			/* reading a value runs code of this role */
} CopyColumn;

struct CopyReader
{
	const SourceRelation *rel;
	CopyColumn *columns;
};

struct CopyWriter
{
	const SourceRelation *rel;
	int			nreplicated;
	CopyColumn *columns;
};

/* ----------------------------------------------------------------- reading */

CopyReader *
copy_reader_make(const SourceRelation *rel)
{
	CopyReader *reader = palloc0(sizeof(CopyReader));

	reader->rel = rel;
	reader->columns = palloc0(sizeof(CopyColumn) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		CopyColumn *c = &reader->columns[i];
		Oid			function;

		if (!rel->columns[i].replicated)
			continue;
		if (rel->text_rows)
			getTypeInputInfo(rel->columns[i].typid, &function, &c->ioparam);
		else
			getTypeBinaryInputInfo(rel->columns[i].typid, &function, &c->ioparam);
		fmgr_info(function, &c->input);
		c->code = table_owner_of_domain(rel->columns[i].typid);
	}
	return reader;
}

static void
is_cut(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("a row of the source is cut off")));
}

static void
has_more(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("a row of the source has other columns than were asked for")));
}

/* A row in COPY's binary format. */
static void
read_binary(CopyReader *reader, StringInfo buf, Datum *values, bool *nulls)
{
	const SourceRelation *rel = reader->rel;
	int			nreplicated = 0;
	uint16		n16;

	if (buf->len - buf->cursor < 2)
		is_cut();
	memcpy(&n16, buf->data + buf->cursor, 2);
	buf->cursor += 2;
	for (int i = 0; i < rel->ncolumns; i++)
	{
		CopyColumn *c = &reader->columns[i];
		StringInfoData field;
		uint32		n32;
		int32		len;
		char		after;
		TableOwner	owner;

		values[i] = (Datum) 0;
		nulls[i] = true;
		if (!rel->columns[i].replicated)
			continue;
		nreplicated++;
		if (buf->len - buf->cursor < 4)
			is_cut();
		memcpy(&n32, buf->data + buf->cursor, 4);
		len = (int32) pg_ntoh32(n32);
		buf->cursor += 4;
		if (len == -1)
			continue;
		if (len < 0 || buf->len - buf->cursor < len)
			is_cut();
		field.data = buf->data + buf->cursor;
		field.len = len;
		field.maxlen = len + 1;
		field.cursor = 0;
		/* receive functions expect a NUL behind */
		after = field.data[len];
		field.data[len] = '\0';
		table_owner_begin_value(rel->out->target_relid, c->code, &owner);
		values[i] = ReceiveFunctionCall(&c->input, &field, c->ioparam,
									rel->columns[i].typmod);
		table_owner_end(&owner);
		buf->data[buf->cursor + len] = after;
		buf->cursor += len;
		nulls[i] = false;
	}
	if (nreplicated != pg_ntoh16(n16))
		has_more();
}

/* One field of COPY's text format; NULL: \N. Moves *p behind it. */
static char *
text_field(const char **p, const char *end)
{
	StringInfoData out;
	const char *s = *p;

	if (end - s >= 2 && s[0] == '\\' && s[1] == 'N')
	{
		*p = s + 2;
		return NULL;
	}
	initStringInfo(&out);
	while (s < end && *s != '\t' && *s != '\n')
	{
		char		ch = *s++;

		if (ch == '\\' && s < end)
		{
			ch = *s++;
			switch (ch)
			{
				case 'b':
					ch = '\b';
					break;
				case 'f':
					ch = '\f';
					break;
				case 'n':
					ch = '\n';
					break;
				case 'r':
					ch = '\r';
					break;
				case 't':
					ch = '\t';
					break;
				case 'v':
					ch = '\v';
					break;
			}
		}
		appendStringInfoCharMacro(&out, ch);
	}
	*p = s;
	return out.data;
}

static void
read_text(CopyReader *reader, StringInfo buf, Datum *values, bool *nulls)
{
	const SourceRelation *rel = reader->rel;
	const char *p = buf->data + buf->cursor;
	const char *rest = memchr(p, '\n', buf->len - buf->cursor);
	const char *end = rest ? rest : buf->data + buf->len;
	bool		first = true;

	if (memchr(p, '\0', end - p) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("a row of the source has a zero byte in a text")));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		CopyColumn *c = &reader->columns[i];
		char	   *text;
		TableOwner	owner;

		values[i] = (Datum) 0;
		nulls[i] = true;
		if (!rel->columns[i].replicated)
			continue;
		if (!first && (p >= end || *p++ != '\t'))
			is_cut();
		first = false;
		text = text_field(&p, end);
		if (text == NULL)
			continue;
		/* COPY would look at it; here nothing else does */
		(void) pg_verifymbstr(text, strlen(text), false);
		table_owner_begin_value(rel->out->target_relid, c->code, &owner);
		values[i] = InputFunctionCall(&c->input, text, c->ioparam,
								  rel->columns[i].typmod);
		table_owner_end(&owner);
		nulls[i] = false;
	}
	if (p < end)
		has_more();
	buf->cursor = end - buf->data + (rest ? 1 : 0);
}

bool
copy_reader_next(CopyReader *reader, StringInfo buf, Datum *values, bool *nulls)
{
	if (buf->cursor >= buf->len)
		return false;
	if (reader->rel->text_rows)
		read_text(reader, buf, values, nulls);
	else
		read_binary(reader, buf, values, nulls);
	return true;
}

void
copy_reader_read(CopyReader *reader, StringInfo buf, Datum *values, bool *nulls)
{
	buf->cursor = 0;
	if (!copy_reader_next(reader, buf, values, nulls))
		is_cut();
	if (buf->cursor != buf->len)
		has_more();
}

/* ----------------------------------------------------------------- writing */

CopyWriter *
copy_writer_make(const SourceRelation *rel)
{
	CopyWriter *writer = palloc0(sizeof(CopyWriter));

	writer->rel = rel;
	writer->columns = palloc0(sizeof(CopyColumn) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		Oid			function;
		bool		varlena;

		if (!rel->columns[i].replicated)
			continue;
		if (rel->text_rows)
			getTypeOutputInfo(rel->columns[i].typid, &function, &varlena);
		else
			getTypeBinaryOutputInfo(rel->columns[i].typid, &function, &varlena);
		fmgr_info(function, &writer->columns[i].input);
		writer->nreplicated++;
	}
	return writer;
}

static void
write_text(CopyWriter *writer, StringInfo buf, const Datum *values,
		   const bool *nulls)
{
	const SourceRelation *rel = writer->rel;
	bool		first = true;

	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (!rel->columns[i].replicated)
			continue;
		copy_text_put(buf, nulls[i] ? NULL :
					  OutputFunctionCall(&writer->columns[i].input, values[i]),
					  first);
		first = false;
	}
	copy_text_end(buf);
}

void
copy_writer_put(CopyWriter *writer, StringInfo buf, const Datum *values,
				const bool *nulls)
{
	const SourceRelation *rel = writer->rel;
	uint16		n16 = pg_hton16((uint16) writer->nreplicated);

	if (rel->text_rows)
	{
		write_text(writer, buf, values, nulls);
		return;
	}
	appendBinaryStringInfo(buf, (char *) &n16, 2);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		bytea	   *bytes = NULL;
		int32		len = -1;
		uint32		n32;

		if (!rel->columns[i].replicated)
			continue;
		if (!nulls[i])
		{
			bytes = SendFunctionCall(&writer->columns[i].input, values[i]);
			len = VARSIZE(bytes) - VARHDRSZ;
		}
		n32 = pg_hton32((uint32) len);
		appendBinaryStringInfo(buf, (char *) &n32, 4);
		if (len > 0)
			appendBinaryStringInfo(buf, VARDATA(bytes), len);
	}
}
