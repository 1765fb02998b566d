/*
 * binlog_dump.c
 *	  Decodes a whole binlog file and writes what it finds as text.
 */
#include "binlog_dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "source/mysql/binlog_event.h"
#include "source/mysql/binlog_json.h"
#include "source/mysql/binlog_mysql.h"
#include "source/mysql/binlog_query.h"
#include "source/mysql/binlog_rows.h"
#include "source/mysql/binlog_value.h"

#define MAX_TABLES 64
#define SHOWN 64
#define OLD_IMAGES 4096

typedef struct Table
{
	uint64_t	id;
	char		name[600];
	int			ncolumns;
	BinlogColumn *columns;
	int8_t	   *sizes;
	BinlogField *fields;
} Table;

typedef struct Dump
{
	FILE	   *out;
	BinlogFormat format;
	BinlogEvent event;
	BinlogBuffer plain;
	BinlogBuffer payload_buf;
	BinlogPayload payload;
	BinlogError error;
	Table		tables[MAX_TABLES];
	int			ntables;
} Dump;

static void
say(Dump *d, const char *fmt,...)
{
	va_list		args;

	if (d->out == NULL)
		return;
	va_start(args, fmt);
	vfprintf(d->out, fmt, args);
	va_end(args);
}

/* Bytes as text: printable ones as they are, others in hex; not too many. */
static void
say_bytes(Dump *d, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t		i;

	say(d, "'");
	for (i = 0; i < len && i < SHOWN; i++)
	{
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\'' && p[i] != '\\')
			say(d, "%c", p[i]);
		else
			say(d, "\\x%02x", p[i]);
	}
	say(d, "'");
	if (len > SHOWN)
	{
		uint32_t	sum = 0;

		for (i = 0; i < len; i++)
			sum = sum * 31 + p[i];
		say(d, "... %zu bytes, sum %08x", len, sum);
	}
}

static bool
grow(BinlogBuffer *buf, size_t wanted)
{
	uint8_t    *p;

	if (wanted > 256 * 1024 * 1024)
		return false;
	p = realloc(buf->data, wanted);
	if (p == NULL)
		return false;
	buf->data = p;
	buf->size = wanted;
	return true;
}

/* What one JSON value needs; freed when it has been shown. */
static void *pieces[1 << 16];
static int	npieces = 0;

static void *
get_piece(size_t size)
{
	void	   *p;

	if (npieces == sizeof(pieces) / sizeof(pieces[0]) || size > 256 * 1024 * 1024)
		return NULL;
	p = malloc(size);
	pieces[npieces++] = p;
	return p;
}

static bool
grow_text(BinlogText *text, size_t wanted)
{
	size_t		size = wanted * 2 + 256;
	char	   *p;

	if (wanted > 256 * 1024 * 1024)
		return false;
	p = realloc(text->data, size);
	if (p == NULL)
		return false;
	text->data = p;
	text->size = size;
	return true;
}

/* ---------------------------------------------------------------- values */

/* A JSON value, and what the changes in diffs make of it if there are any. */
static void
say_json(Dump *d, const uint8_t *data, size_t len, const uint8_t *diffs,
		 size_t diffs_len)
{
	BinlogText	text = {NULL, 0, 0, grow_text, 0};
	BinlogError error;
	bool		ok;

	ok = diffs ? binlog_json_patched(data, len, diffs, diffs_len, get_piece,
									 &text, &error) :
		binlog_json_text(data, len, &text, &error);
	if (ok)
	{
		say(d, "json ");
		say_bytes(d, text.data, text.len);
	}
	else
		say(d, "(%s)", error.message);
	free(text.data);
	while (npieces > 0)
		free(pieces[--npieces]);
}

static void
say_temporal(Dump *d, const BinlogColumn *col, const uint8_t *p)
{
	MyTemporal	t;

	if (!binlog_get_temporal(col, p, &t))
		say(d, "(no such time)");
	else if (col->type == MYSQL_T_TIME || col->type == MYSQL_T_TIME2)
		say(d, "%s%02u:%02u:%02u.%06u", t.negative ? "-" : "", t.hour,
			t.minute, t.second, t.usec);
	else if (col->type == MYSQL_T_DATE || col->type == MYSQL_T_NEWDATE)
		say(d, "%04u-%02u-%02u", t.year, t.month, t.day);
	else
		say(d, "%04u-%02u-%02u %02u:%02u:%02u.%06u", t.year, t.month, t.day,
			t.hour, t.minute, t.second, t.usec);
}

static void
say_compressed(Dump *d, const uint8_t *data, size_t len)
{
	int64_t		size = binlog_column_plain_size(data, len);
	uint8_t    *plain;

	if (size < 0 || size > 1024 * 1024)
	{
		say(d, "(damaged)");
		return;
	}
	plain = malloc(size + 1);
	if (plain != NULL && binlog_column_uncompress(data, len, plain, size))
		say_bytes(d, plain, size);
	else
		say(d, "(damaged)");
	free(plain);
}

static void
say_value(Dump *d, const BinlogColumn *col, const uint8_t *p)
{
	char		decimal[BINLOG_DECIMAL_BUFSIZE];
	int64_t		seconds;
	uint32_t	usec;
	const uint8_t *data;
	size_t		len;

	switch (col->type)
	{
		case MYSQL_T_TINY:
		case MYSQL_T_SHORT:
		case MYSQL_T_INT24:
		case MYSQL_T_LONG:
		case MYSQL_T_LONGLONG:
		case MYSQL_T_YEAR:
			if (col->is_unsigned)
				say(d, "%" PRIu64, (uint64_t) binlog_get_int(col, p, true));
			else
				say(d, "%" PRId64, binlog_get_int(col, p, false));
			break;
		case MYSQL_T_ENUM:
		case MYSQL_T_SET:
		case MYSQL_T_BIT:
			say(d, "0x%" PRIx64, (uint64_t) binlog_get_int(col, p, true));
			break;
		case MYSQL_T_FLOAT:
			say(d, "%.9g", binlog_get_float(p));
			break;
		case MYSQL_T_DOUBLE:
			say(d, "%.17g", binlog_get_double(p));
			break;
		case MYSQL_T_NEWDECIMAL:
			say(d, "%s", binlog_get_decimal(col, p, decimal) ? decimal :
				"(no decimal)");
			break;
		case MYSQL_T_DATE:
		case MYSQL_T_NEWDATE:
		case MYSQL_T_TIME:
		case MYSQL_T_TIME2:
		case MYSQL_T_DATETIME:
		case MYSQL_T_DATETIME2:
			say_temporal(d, col, p);
			break;
		case MYSQL_T_TIMESTAMP:
		case MYSQL_T_TIMESTAMP2:
			if (binlog_get_timestamp(col, p, &seconds, &usec))
				say(d, "@%" PRId64 ".%06u", seconds, usec);
			else
				say(d, "(no such time)");
			break;
		case MYSQL_T_JSON:
			binlog_get_bytes(col, p, &data, &len);
			say_json(d, data, len, NULL, 0);
			break;
		case MYSQL_T_VARCHAR_COMPRESSED:
		case MYSQL_T_BLOB_COMPRESSED:
			binlog_get_bytes(col, p, &data, &len);
			say_compressed(d, data, len);
			break;
		default:
			binlog_get_bytes(col, p, &data, &len);
			say_bytes(d, data, len);
			break;
	}
}

static void
say_image(Dump *d, Table *t, const char *what, const BinlogField *old)
{
	const uint8_t *diffs;
	size_t		diffs_len;
	const uint8_t *data;
	size_t		len;
	int			i;

	say(d, "    %s (", what);
	for (i = 0; i < t->ncolumns; i++)
	{
		if (i > 0)
			say(d, ", ");
		if (t->fields[i].state == BINLOG_FIELD_ABSENT)
			say(d, "-");
		else if (t->fields[i].state == BINLOG_FIELD_NULL)
			say(d, "NULL");
		else if (t->fields[i].state == BINLOG_FIELD_PARTIAL)
		{
			say(d, "partial ");
			binlog_get_bytes(&t->columns[i], t->fields[i].data, &diffs, &diffs_len);
			if (old == NULL || old[i].state != BINLOG_FIELD_VALUE)
				say_bytes(d, diffs, diffs_len);
			else
			{
				binlog_get_bytes(&t->columns[i], old[i].data, &data, &len);
				say_json(d, data, len, diffs, diffs_len);
			}
		}
		else
			say_value(d, &t->columns[i], t->fields[i].data);
	}
	say(d, ")\n");
}

/* ---------------------------------------------------------------- tables */

static Table *
table_by_id(Dump *d, uint64_t id)
{
	int			i;

	for (i = 0; i < d->ntables; i++)
		if (d->tables[i].id == id)
			return &d->tables[i];
	return NULL;
}

static void
free_table(Table *t)
{
	free(t->columns);
	free(t->sizes);
	free(t->fields);
	memset(t, 0, sizeof(*t));
}

static void
say_optional(Dump *d, const BinlogTableMap *map)
{
	static const char *const names[] = {
		"?", "signedness", "default charset", "column charset",
		"column names", "set values", "enum values", "geometry type",
		"primary key", "primary key with prefix",
		"enum and set default charset", "enum and set column charset",
		"visibility", "vector dimension"
	};
	const uint8_t *p = map->optional;
	const uint8_t *value;
	size_t		len;
	int			field;
	size_t		i;

	while (binlog_next_optional(map, &p, &field, &value, &len, &d->error))
	{
		const char *name;
		size_t		name_len;
		const uint8_t *q = value;

		say(d, "    %s:", names[field >= 0 && field < 14 ? field : 0]);
		if (field == BINLOG_META_COLUMN_NAME)
			while (binlog_next_name(&q, value + len, &name, &name_len))
			{
				say(d, " ");
				say_bytes(d, name, name_len);
			}
		else
			for (i = 0; i < len; i++)
				say(d, " %02x", value[i]);
		say(d, "\n");
	}
}

/*
 * Old temporal types do not have their fraction digits; in the fixture that
 * has such columns, names like "t_fsp3" do.
 */
static void
fit_old_temporal(const BinlogTableMap *map, Table *t, BinlogError *error)
{
	const uint8_t *p = map->optional;
	const uint8_t *value;
	size_t		len;
	int			field;

	while (binlog_next_optional(map, &p, &field, &value, &len, error))
	{
		const uint8_t *q = value;
		const char *name;
		size_t		name_len;
		int			i = 0;

		if (field != BINLOG_META_COLUMN_NAME)
			continue;
		for (; i < map->ncolumns &&
			 binlog_next_name(&q, value + len, &name, &name_len); i++)
		{
			BinlogColumn *col = &t->columns[i];

			if ((col->type == MYSQL_T_TIME || col->type == MYSQL_T_DATETIME ||
				 col->type == MYSQL_T_TIMESTAMP) && name_len > 4 &&
				memcmp(name + name_len - 4, "fsp", 3) == 0)
				col->meta = (uint16_t) (name[name_len - 1] - '0');
		}
	}
}

static bool
dump_table_map(Dump *d)
{
	BinlogTableMap map;
	Table	   *t;
	int			i;

	if (!binlog_read_table_map(&d->format, &d->event, &map, &d->error))
		return false;
	t = table_by_id(d, map.table_id);
	if (t == NULL)
	{
		if (d->ntables == MAX_TABLES)
		{
			while (d->ntables > 0)
				free_table(&d->tables[--d->ntables]);
		}
		t = &d->tables[d->ntables++];
	}
	free_table(t);
	t->id = map.table_id;
	snprintf(t->name, sizeof(t->name), "%.*s.%.*s", (int) map.schema_len,
			 map.schema, (int) map.table_len, map.table);
	t->columns = calloc(map.ncolumns + 1, sizeof(BinlogColumn));
	t->sizes = calloc(map.ncolumns + 1, 1);
	t->fields = calloc(map.ncolumns + 1, sizeof(BinlogField));
	if (!binlog_table_map_columns(&map, t->columns, &d->error))
		return false;
	fit_old_temporal(&map, t, &d->error);
	t->ncolumns = map.ncolumns;
	say(d, "  table ");
	say_bytes(d, t->name, strlen(t->name));
	say(d, ":");
	for (i = 0; i < map.ncolumns; i++)
	{
		BinlogColumn *col = &t->columns[i];

		t->sizes[i] = (int8_t) binlog_fixed_size(col);
		say(d, " %d/%d%s%s", col->type, col->meta, col->nullable ? "n" : "",
			col->is_unsigned ? "u" : "");
	}
	say(d, "\n");
	say_optional(d, &map);
	return true;
}

static bool
dump_rows(Dump *d)
{
	static const char *const kinds[] = {"insert", "update", "delete"};
	BinlogRows	rows;
	Table	   *t;
	const uint8_t *p;

	if (!binlog_read_rows(&d->format, &d->event, &rows, &d->error))
		return false;
	say(d, "  %s%s%s", kinds[rows.kind], rows.compressed ? ", compressed" : "",
		rows.flags & BINLOG_ROWS_STMT_END ? ", ends the statement" : "");
	if (rows.flags & ~BINLOG_ROWS_STMT_END)
		say(d, ", flags %x", rows.flags);
	say(d, "\n");
	if (rows.table_id == BINLOG_DUMMY_TABLE_ID)
		return true;
	t = table_by_id(d, rows.table_id);
	if (t == NULL || t->ncolumns != rows.ncolumns)
		return binlog_fail(&d->error, "rows of an unknown table");
	if (!binlog_plain_rows(&rows, &d->plain, &d->error))
		return false;
	p = rows.rows;
	while (p < rows.end)
	{
		const uint8_t *begin = p;

		if (!binlog_read_image(t->columns, t->sizes, t->ncolumns, rows.present,
							   &p, rows.end, t->fields, &d->error))
			return false;
		say_image(d, t, rows.kind == BINLOG_ROWS_WRITE ? "new" : "old", NULL);
		if (rows.kind == BINLOG_ROWS_UPDATE)
		{
			static BinlogField old[OLD_IMAGES];

			memcpy(old, t->fields, t->ncolumns * sizeof(BinlogField));
			if (!binlog_read_new_image(&rows, t->columns, t->sizes, t->ncolumns,
									   &p, t->fields, &d->error))
				return false;
			say_image(d, t, "new", old);
		}
		if (p == begin)
			return binlog_fail(&d->error, "a row without a byte");
	}
	return true;
}

/* ---------------------------------------------------------------- others */

static bool
say_name(void *arg, const BinlogName *name)
{
	Dump	   *d = arg;

	say(d, " ");
	if (name->has_schema)
	{
		say_bytes(d, name->schema, strlen(name->schema));
		say(d, ".");
	}
	say_bytes(d, name->table, strlen(name->table));
	return false;
}

static bool
dump_query(Dump *d)
{
	static const char *const kinds[] = {
		"empty", "begin", "commit", "rollback", "savepoint", "rollback to",
		"release", "xa start", "xa end", "xa prepare", "xa commit",
		"xa rollback", "data", "create table", "alter table", "drop table",
		"rename table", "truncate", "create index", "drop index",
		"create database", "alter database", "drop database", "other",
		"unknown"
	};
	BinlogQuery q;
	BinlogStatement stmt;

	if (!binlog_read_query(&d->event, &d->plain, &q, &d->error))
		return false;
	binlog_classify(q.sql, q.sql_len, q.sql_mode, &stmt);
	say(d, "  %s%s, database ", kinds[stmt.kind],
		stmt.temporary ? " (temporary)" : "");
	say_bytes(d, q.schema, q.schema_len);
	say(d, ", charset %d, sql_mode %" PRIx64 ", flags3 %d\n    ",
		q.client_charset, q.sql_mode, q.gtid_flags3);
	say_bytes(d, q.sql, q.sql_len);
	say(d, "\n");
	if (stmt.kind >= BINLOG_STMT_DATA && stmt.kind != BINLOG_STMT_OTHER)
	{
		say(d, "    names:");
		binlog_statement_names(&stmt, say_name, d);
		say(d, "\n");
	}
	return true;
}

static void
say_xid(Dump *d, const BinlogXid *x)
{
	say(d, " xa %u ", x->format_id);
	say_bytes(d, x->data, x->gtrid_len + x->bqual_len);
}

static bool
dump_gtid(Dump *d)
{
	BinlogGtid	g;

	if (!binlog_read_gtid(&d->event, &g, &d->error))
		return false;
	say(d, "  %u-%u-%" PRIu64 " flags %02x %02x", g.domain, d->event.server_id,
		g.seq, g.flags, g.flags_extra);
	if (g.flags & (BINLOG_GTID_PREPARED_XA | BINLOG_GTID_COMPLETED_XA))
		say_xid(d, &g.xa);
	if (g.start_alter_seq)
		say(d, " start alter %" PRIu64, g.start_alter_seq);
	say(d, "\n");
	return true;
}

static bool
dump_mysql_gtid(Dump *d)
{
	BinlogMysqlGtid g;
	int			i;

	if (!binlog_read_mysql_gtid(&d->event, &g, &d->error))
		return false;
	say(d, "  ");
	for (i = 0; i < BINLOG_UUID_SIZE; i++)
		say(d, "%02x", g.uuid[i]);
	say(d, ":%s%s%" PRIu64 " flags %02x\n", g.tag, g.tag[0] ? ":" : "", g.number,
		g.flags);
	return true;
}

static bool
dump_heartbeat_v2(Dump *d)
{
	const char *file;
	size_t		len;
	uint64_t	position;

	if (!binlog_read_heartbeat_v2(&d->event, &file, &len, &position, &d->error))
		return false;
	say(d, "  ");
	say_bytes(d, file ? file : "", len);
	say(d, ":%" PRIu64 "\n", position);
	return true;
}

static bool dump_event(Dump *d);

/* The events of a compressed transaction. */
static bool
dump_payload(Dump *d)
{
	BinlogFormat outer = d->format;
	const uint8_t *data;
	size_t		len;
	bool		ok = true;

	if (d->payload.active)
		return binlog_fail(&d->error, "a transaction in a transaction");
	if (!binlog_payload_open(&d->payload, &d->event, &d->error))
		return false;
	say(d, "  %s, %" PRIu64 " bytes\n", d->payload.compressed ? "zstd" : "plain",
		d->payload.left);
	d->format.checksum = BINLOG_CHECKSUM_OFF;
	while (ok && binlog_payload_next(&d->payload, &d->payload_buf, &data, &len,
									 &d->error))
	{
		ok = binlog_open_event(&d->format, data, len, &d->event, &d->error);
		if (ok)
		{
			say(d, "  in it: %s size %u\n", binlog_event_name(d->event.type),
				d->event.size);
			ok = d->event.type == BINLOG_FORMAT_DESCRIPTION ?
				binlog_fail(&d->error, "a format in a transaction") :
				dump_event(d);
		}
	}
	ok = ok && !d->payload.active;
	d->payload.active = false;
	d->format = outer;
	return ok;
}

static bool
dump_gtid_list(Dump *d)
{
	BinlogGtidList list;
	uint32_t	i;

	if (!binlog_read_gtid_list(&d->event, &list, &d->error))
		return false;
	say(d, " ");
	for (i = 0; i < list.count; i++)
	{
		uint32_t	domain;
		uint32_t	server_id;
		uint64_t	seq;

		binlog_gtid_list_entry(&list, i, &domain, &server_id, &seq);
		say(d, " %u-%u-%" PRIu64, domain, server_id, seq);
	}
	say(d, "\n");
	return true;
}

static bool
dump_event(Dump *d)
{
	BinlogRotate rotate;
	BinlogIncident incident;
	BinlogXid	xid;
	uint64_t	number;
	bool		one_phase;
	const char *text;
	size_t		len;

	if (binlog_is_rows_event(d->event.type))
		return dump_rows(d);
	switch (d->event.type)
	{
		case BINLOG_FORMAT_DESCRIPTION:
			say(d, "  server %s%s, checksum %d, created %d\n",
				d->format.server_version, d->format.mariadb ? " (MariaDB)" : "",
				d->format.checksum, d->format.created != 0);
			return true;
		case BINLOG_TABLE_MAP:
			return dump_table_map(d);
		case BINLOG_QUERY:
		case BINLOG_QUERY_COMPRESSED:
		case BINLOG_EXECUTE_LOAD_QUERY:
			return dump_query(d);
		case BINLOG_GTID:
			return dump_gtid(d);
		case BINLOG_GTID_LIST:
			return dump_gtid_list(d);
		case BINLOG_MYSQL_GTID:
		case BINLOG_MYSQL_ANONYMOUS_GTID:
		case BINLOG_MYSQL_GTID_TAGGED:
			return dump_mysql_gtid(d);
		case BINLOG_MYSQL_HEARTBEAT_V2:
			return dump_heartbeat_v2(d);
		case BINLOG_MYSQL_TRANSACTION_PAYLOAD:
			return dump_payload(d);
		case BINLOG_ROTATE:
			if (!binlog_read_rotate(&d->event, &rotate, &d->error))
				return false;
			say(d, "  to %.*s:%" PRIu64 "\n", (int) rotate.file_len,
				rotate.file, rotate.position);
			return true;
		case BINLOG_XID:
			if (!binlog_read_xid(&d->event, &number, &d->error))
				return false;
			say(d, "  commit\n");
			return true;
		case BINLOG_XA_PREPARE:
			if (!binlog_read_xa_prepare(&d->event, &one_phase, &xid, &d->error))
				return false;
			say_xid(d, &xid);
			say(d, "%s\n", one_phase ? " one phase" : "");
			return true;
		case BINLOG_INCIDENT:
			if (!binlog_read_incident(&d->event, &incident, &d->error))
				return false;
			say(d, "  %d ", incident.number);
			say_bytes(d, incident.message, incident.message_len);
			say(d, "\n");
			return true;
		case BINLOG_ANNOTATE_ROWS:
		case BINLOG_CHECKPOINT:
		case BINLOG_HEARTBEAT:
			if (!binlog_read_text(&d->event, &text, &len, &d->error))
				return false;
			say(d, "  ");
			say_bytes(d, text, len);
			say(d, "\n");
			return true;
		default:
			return true;
	}
}

bool
dump_log(FILE *out, const uint8_t *data, size_t len)
{
	Dump		d;
	size_t		pos = BINLOG_MAGIC_SIZE;
	bool		ok = true;
	bool		encrypted = false;

	memset(&d, 0, sizeof(d));
	d.out = out;
	d.plain.grow = grow;
	d.payload_buf.grow = grow;
	binlog_format_init(&d.format);
	if (len < BINLOG_MAGIC_SIZE || memcmp(data, BINLOG_MAGIC, 4) != 0)
	{
		say(&d, "no binlog\n");
		return false;
	}
	while (ok && !encrypted && pos < len)
	{
		ok = binlog_open_event(&d.format, data + pos, len - pos, &d.event,
							   &d.error);
		if (ok)
		{
			size_t		size = d.event.size;

			say(&d, "%zu %s size %u end %u flags %04x\n", pos,
				binlog_event_name(d.event.type), d.event.size, d.event.log_pos,
				d.event.flags);
			ok = dump_event(&d);
			encrypted = d.event.type == BINLOG_START_ENCRYPTION;
			pos += size;
		}
	}
	if (!ok)
		say(&d, "%zu: %s\n", pos, d.error.message);
	if (encrypted)
		say(&d, "the rest is encrypted\n");
	while (d.ntables > 0)
		free_table(&d.tables[--d.ntables]);
	free(d.plain.data);
	free(d.payload_buf.data);
	binlog_payload_free(&d.payload);
	return ok;
}
