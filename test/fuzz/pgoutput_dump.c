/*
 * pgoutput_dump.c
 *	  Messages of pgoutput as text, a line each.
 */
#include "pgoutput_dump.h"

#include <ctype.h>
#include <inttypes.h>

static void
dump_bytes(FILE *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (isprint(p[i]) && p[i] != '\\')
			fputc(p[i], out);
		else
			fprintf(out, "\\x%02x", p[i]);
	}
}

static void
dump_tuple(FILE *out, const char *label, const PgOutputColumn *columns, int n)
{
	fprintf(out, " %s(", label);
	for (int i = 0; i < n; i++)
	{
		fprintf(out, "%s%c", i ? " " : "", columns[i].form);
		if (columns[i].data != NULL)
		{
			fputc(':', out);
			dump_bytes(out, columns[i].data, columns[i].len);
		}
	}
	fputc(')', out);
}

static void
dump_record(FILE *out, const PgOutputMessage *msg)
{
	fprintf(out, " lsn %" PRIX64 " end %" PRIX64 " time %" PRId64, msg->lsn,
			msg->end_lsn, msg->time);
}

static void
dump_prepared(FILE *out, const PgOutputMessage *msg)
{
	dump_record(out, msg);
	fprintf(out, " xid %u gid %s", msg->xid, msg->gid);
}

static void
dump_relation(FILE *out, const PgOutputMessage *msg)
{
	fprintf(out, "RELATION %u %s.%s identity %c", msg->relid, msg->schema,
			msg->name, isprint(msg->replica_identity) ? msg->replica_identity : '?');
	for (int i = 0; i < msg->nattributes; i++)
		fprintf(out, " [%s%s %u %d]", msg->attributes[i].identity ? "*" : "",
				msg->attributes[i].name, msg->attributes[i].type_oid,
				msg->attributes[i].typmod);
}

static void
dump_row(FILE *out, const PgOutputMessage *msg)
{
	fprintf(out, "%s %u", msg->kind == PGOUTPUT_INSERT ? "INSERT" :
			msg->kind == PGOUTPUT_UPDATE ? "UPDATE" : "DELETE", msg->relid);
	if (msg->old_kind != PGOUTPUT_OLD_NONE)
		dump_tuple(out, msg->old_kind == PGOUTPUT_OLD_KEY ? "key" : "old",
				   msg->old, msg->nold);
	if (msg->kind != PGOUTPUT_DELETE)
		dump_tuple(out, "new", msg->new, msg->nnew);
}

bool
dump_pgoutput(FILE *out, const uint8_t *data, size_t len, bool in_stream,
			  PgOutputMessage *msg)
{
	PgOutputError error;

	if (!pgoutput_decode(data, len, in_stream, msg, &error))
	{
		fprintf(out, "damaged at %zu: %s\n", error.offset, error.text);
		return false;
	}
	if (in_stream && msg->xid != 0)
		fprintf(out, "  %u ", msg->xid);
	switch (msg->kind)
	{
		case PGOUTPUT_BEGIN:
			fprintf(out, "BEGIN xid %u lsn %" PRIX64 " time %" PRId64, msg->xid,
					msg->lsn, msg->time);
			break;
		case PGOUTPUT_COMMIT:
			fprintf(out, "COMMIT");
			dump_record(out, msg);
			break;
		case PGOUTPUT_ORIGIN:
			fprintf(out, "ORIGIN %s lsn %" PRIX64, msg->name, msg->lsn);
			break;
		case PGOUTPUT_RELATION:
			dump_relation(out, msg);
			break;
		case PGOUTPUT_TYPE:
			fprintf(out, "TYPE %u %s.%s", msg->relid, msg->schema, msg->name);
			break;
		case PGOUTPUT_INSERT:
		case PGOUTPUT_UPDATE:
		case PGOUTPUT_DELETE:
			dump_row(out, msg);
			break;
		case PGOUTPUT_TRUNCATE:
			fprintf(out, "TRUNCATE flags %d:", msg->flags);
			for (uint32_t i = 0; i < msg->nrelids; i++)
				fprintf(out, " %u", pgoutput_relid(msg, i));
			break;
		case PGOUTPUT_MESSAGE:
			fprintf(out, "MESSAGE flags %d lsn %" PRIX64 " %s: ", msg->flags,
					msg->lsn, msg->name);
			dump_bytes(out, msg->content, msg->content_len);
			break;
		case PGOUTPUT_STREAM_START:
			fprintf(out, "STREAM START xid %u%s", msg->xid, msg->first ? " first" : "");
			break;
		case PGOUTPUT_STREAM_STOP:
			fprintf(out, "STREAM STOP");
			break;
		case PGOUTPUT_STREAM_COMMIT:
			fprintf(out, "STREAM COMMIT xid %u", msg->xid);
			dump_record(out, msg);
			break;
		case PGOUTPUT_STREAM_ABORT:
			fprintf(out, "STREAM ABORT xid %u subxid %u lsn %" PRIX64 " time %" PRId64,
					msg->xid, msg->subxid, msg->lsn, msg->time);
			break;
		case PGOUTPUT_BEGIN_PREPARE:
			fprintf(out, "BEGIN PREPARE");
			dump_prepared(out, msg);
			break;
		case PGOUTPUT_PREPARE:
			fprintf(out, "PREPARE");
			dump_prepared(out, msg);
			break;
		case PGOUTPUT_COMMIT_PREPARED:
			fprintf(out, "COMMIT PREPARED");
			dump_prepared(out, msg);
			break;
		case PGOUTPUT_ROLLBACK_PREPARED:
			fprintf(out, "ROLLBACK PREPARED");
			dump_prepared(out, msg);
			fprintf(out, " prepared at %" PRId64, msg->prepare_time);
			break;
		case PGOUTPUT_STREAM_PREPARE:
			fprintf(out, "STREAM PREPARE");
			dump_prepared(out, msg);
			break;
	}
	fputc('\n', out);
	return true;
}
