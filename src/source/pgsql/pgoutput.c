/*-------------------------------------------------------------------------
 *
 * pgoutput.c
 *	  Decodes messages of the output plugin "pgoutput": bytes in, record out.
 *
 * All bytes are taken by a cursor that never passes the end: after a failure
 * it stands at the end and gives zeros, so that a reader may go on to its own
 * end and look at the failure then.
 *
 *-------------------------------------------------------------------------
 */
#include "source/pgsql/pgoutput.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Cursor
{
	const uint8_t *start;
	const uint8_t *p;
	const uint8_t *end;
	bool		failed;
	PgOutputError *error;
} Cursor;

static void
fail(Cursor *c, const char *fmt,...) __attribute__((format(printf, 2, 3)));

/* The first failure stays. */
static void
fail(Cursor *c, const char *fmt,...)
{
	va_list		args;

	if (c->failed)
		return;
	c->failed = true;
	c->error->offset = c->p - c->start;
	va_start(args, fmt);
	vsnprintf(c->error->text, sizeof(c->error->text), fmt, args);
	va_end(args);
	c->p = c->end;
}

static const uint8_t *
take(Cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if ((size_t) (c->end - p) < n)
	{
		fail(c, "message ends too early: %zu bytes wanted, %zu left", n,
			 (size_t) (c->end - p));
		return NULL;
	}
	c->p += n;
	return p;
}

static uint8_t
take_u8(Cursor *c)
{
	const uint8_t *p = take(c, 1);

	return p ? p[0] : 0;
}

static uint16_t
take_u16(Cursor *c)
{
	const uint8_t *p = take(c, 2);

	return p ? (uint16_t) (p[0] << 8 | p[1]) : 0;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 |
		(uint32_t) p[2] << 8 | p[3];
}

static uint32_t
take_u32(Cursor *c)
{
	const uint8_t *p = take(c, 4);

	return p ? get_u32(p) : 0;
}

static uint64_t
take_u64(Cursor *c)
{
	const uint8_t *p = take(c, 8);

	return p ? (uint64_t) get_u32(p) << 32 | get_u32(p + 4) : 0;
}

/* A string with its NUL; never NULL. */
static const char *
take_string(Cursor *c)
{
	const uint8_t *p = c->p;
	const uint8_t *nul = p < c->end ? memchr(p, 0, c->end - p) : NULL;

	if (nul == NULL)
	{
		fail(c, "string without an end");
		return "";
	}
	c->p = nul + 1;
	return (const char *) p;
}

/* A byte of flags of which none is in use. */
static void
take_no_flags(Cursor *c)
{
	uint8_t		flags = take_u8(c);

	if (flags != 0 && !c->failed)
	{
		c->p--;
		fail(c, "unknown flags 0x%02x", flags);
	}
}

static int
take_tuple(Cursor *c, PgOutputColumn *columns)
{
	int			n = take_u16(c);

	if (n > PGOUTPUT_MAX_COLUMNS)
	{
		fail(c, "row of %d columns", n);
		return 0;
	}
	for (int i = 0; i < n; i++)
	{
		PgOutputColumn *column = &columns[i];
		const uint8_t *head = c->p;

		/* a quick way through what is nearly all of the stream */
		column->form = take_u8(c);
		column->len = 0;
		column->data = NULL;
		switch (column->form)
		{
			case PGOUTPUT_NULL:
			case PGOUTPUT_UNCHANGED:
				break;
			case PGOUTPUT_TEXT:
			case PGOUTPUT_BINARY:
				column->len = take_u32(c);
				column->data = take(c, column->len);
				break;
			default:
				if (!c->failed)
				{
					c->p = head;
					fail(c, "column %d of unknown form 0x%02x", i + 1,
						 column->form);
				}
		}
		if (c->failed)
			return 0;
	}
	return n;
}

static void
read_relation(Cursor *c, PgOutputMessage *msg)
{
	int			n;

	msg->relid = take_u32(c);
	msg->schema = take_string(c);
	msg->name = take_string(c);
	msg->replica_identity = take_u8(c);
	n = take_u16(c);
	if (n > PGOUTPUT_MAX_COLUMNS)
		fail(c, "relation of %d columns", n);
	for (int i = 0; i < n && !c->failed; i++)
	{
		PgOutputAttribute *attribute = &msg->attributes[i];

		attribute->identity = (take_u8(c) & 1) != 0;
		attribute->name = take_string(c);
		attribute->type_oid = take_u32(c);
		attribute->typmod = (int32_t) take_u32(c);
	}
	msg->nattributes = n;
}

static void
expect(Cursor *c, uint8_t want)
{
	uint8_t		got = take_u8(c);

	if (got != want && !c->failed)
	{
		c->p--;
		fail(c, "row of kind 0x%02x where '%c' is expected", got, want);
	}
}

static void
read_row(Cursor *c, PgOutputMessage *msg)
{
	uint8_t		next;

	msg->relid = take_u32(c);
	msg->old_kind = PGOUTPUT_OLD_NONE;
	msg->nold = msg->nnew = 0;
	next = c->p < c->end ? *c->p : 0;
	if (msg->kind != PGOUTPUT_INSERT &&
		(next == PGOUTPUT_OLD_KEY || next == PGOUTPUT_OLD_ROW))
	{
		msg->old_kind = take_u8(c);
		msg->nold = take_tuple(c, msg->old);
	}
	else if (msg->kind == PGOUTPUT_DELETE)
		expect(c, PGOUTPUT_OLD_KEY);
	if (msg->kind != PGOUTPUT_DELETE)
	{
		expect(c, 'N');
		msg->nnew = take_tuple(c, msg->new);
	}
}

static void
read_truncate(Cursor *c, PgOutputMessage *msg)
{
	msg->nrelids = take_u32(c);
	msg->flags = take_u8(c);
	if (msg->nrelids > (size_t) (c->end - c->p) / 4)
	{
		fail(c, "TRUNCATE of %u relations in %zu bytes", msg->nrelids,
			 (size_t) (c->end - c->p));
		return;
	}
	msg->relids = take(c, (size_t) msg->nrelids * 4);
}

static void
read_message(Cursor *c, PgOutputMessage *msg)
{
	msg->flags = take_u8(c);
	msg->lsn = take_u64(c);
	msg->name = take_string(c);
	msg->content_len = take_u32(c);
	msg->content = take(c, msg->content_len);
}

/* Record, its end, time; and what follows them in two-phase messages. */
static void
read_record(Cursor *c, PgOutputMessage *msg, bool two_phase)
{
	msg->lsn = take_u64(c);
	msg->end_lsn = take_u64(c);
	msg->time = (int64_t) take_u64(c);
	if (two_phase)
	{
		msg->xid = take_u32(c);
		msg->gid = take_string(c);
	}
}

static void
read_body(Cursor *c, PgOutputMessage *msg)
{
	switch (msg->kind)
	{
		case PGOUTPUT_BEGIN:
			msg->lsn = take_u64(c);
			msg->time = (int64_t) take_u64(c);
			msg->xid = take_u32(c);
			break;
		case PGOUTPUT_COMMIT:
			take_no_flags(c);
			read_record(c, msg, false);
			break;
		case PGOUTPUT_ORIGIN:
			msg->lsn = take_u64(c);
			msg->name = take_string(c);
			break;
		case PGOUTPUT_RELATION:
			read_relation(c, msg);
			break;
		case PGOUTPUT_TYPE:
			msg->relid = take_u32(c);
			msg->schema = take_string(c);
			msg->name = take_string(c);
			break;
		case PGOUTPUT_INSERT:
		case PGOUTPUT_UPDATE:
		case PGOUTPUT_DELETE:
			read_row(c, msg);
			break;
		case PGOUTPUT_TRUNCATE:
			read_truncate(c, msg);
			break;
		case PGOUTPUT_MESSAGE:
			read_message(c, msg);
			break;
		case PGOUTPUT_STREAM_START:
			msg->xid = take_u32(c);
			msg->first = take_u8(c) != 0;
			break;
		case PGOUTPUT_STREAM_STOP:
			break;
		case PGOUTPUT_STREAM_COMMIT:
			msg->xid = take_u32(c);
			take_no_flags(c);
			read_record(c, msg, false);
			break;
		case PGOUTPUT_STREAM_ABORT:
			msg->xid = take_u32(c);
			msg->subxid = take_u32(c);
			msg->lsn = 0;
			msg->time = 0;
			if (c->p < c->end)
			{
				msg->lsn = take_u64(c);
				msg->time = (int64_t) take_u64(c);
			}
			break;
		case PGOUTPUT_BEGIN_PREPARE:
			read_record(c, msg, true);
			break;
		case PGOUTPUT_PREPARE:
		case PGOUTPUT_COMMIT_PREPARED:
		case PGOUTPUT_STREAM_PREPARE:
			take_no_flags(c);
			read_record(c, msg, true);
			break;
		case PGOUTPUT_ROLLBACK_PREPARED:
			take_no_flags(c);
			msg->lsn = take_u64(c);
			msg->end_lsn = take_u64(c);
			msg->prepare_time = (int64_t) take_u64(c);
			msg->time = (int64_t) take_u64(c);
			msg->xid = take_u32(c);
			msg->gid = take_string(c);
			break;
		default:
			c->p = c->start;
			fail(c, "unknown message of kind 0x%02x", msg->kind);
	}
}

bool
pgoutput_decode(const uint8_t *data, size_t len, bool in_stream,
				PgOutputMessage *msg, PgOutputError *error)
{
	Cursor		c = {data, data, data + len, false, error};

	msg->kind = take_u8(&c);
	msg->xid = 0;
	if (in_stream)
	{
		switch (msg->kind)
		{
			case PGOUTPUT_RELATION:
			case PGOUTPUT_TYPE:
			case PGOUTPUT_INSERT:
			case PGOUTPUT_UPDATE:
			case PGOUTPUT_DELETE:
			case PGOUTPUT_TRUNCATE:
			case PGOUTPUT_MESSAGE:
				msg->xid = take_u32(&c);
				break;
			case PGOUTPUT_ORIGIN:
			case PGOUTPUT_STREAM_STOP:
				break;
			default:
				c.p = c.start;
				fail(&c, "message of kind 0x%02x inside of a stream", msg->kind);
		}
	}
	if (!c.failed)
		read_body(&c, msg);
	if (c.p < c.end)
		fail(&c, "%zu bytes too many in a message of kind '%c'",
			 (size_t) (c.end - c.p), msg->kind);
	return !c.failed;
}

uint32_t
pgoutput_relid(const PgOutputMessage *msg, uint32_t i)
{
	return get_u32(msg->relids + (size_t) i * 4);
}
