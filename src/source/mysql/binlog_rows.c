/*-------------------------------------------------------------------------
 *
 * binlog_rows.c
 *	  TABLE_MAP and rows events.
 *
 *-------------------------------------------------------------------------
 */
#include "source/mysql/binlog_rows.h"

#include <string.h>

bool
binlog_is_rows_event(uint8_t type)
{
	return (type >= BINLOG_WRITE_ROWS_V1 && type <= BINLOG_DELETE_ROWS_V1) ||
		(type >= BINLOG_WRITE_ROWS && type <= BINLOG_DELETE_ROWS) ||
		type == BINLOG_MYSQL_PARTIAL_UPDATE_ROWS ||
		(type >= BINLOG_WRITE_ROWS_COMPRESSED_V1 &&
		 type <= BINLOG_DELETE_ROWS_COMPRESSED);
}

/* Table ids took 4 bytes before MySQL 5.1.4. */
static int
table_id_size(const BinlogFormat *format, uint8_t type)
{
	return format->post_header[type] == 6 ? 4 : 6;
}

/*
 * TABLE_MAP: table id, flags (2); schema and table, each with its length (1)
 * and a NUL; number of columns (packed); types; length of the metadata
 * (packed) and metadata; bitmap of nullable columns; optional metadata.
 */
bool
binlog_read_table_map(const BinlogFormat *format, const BinlogEvent *event,
					  BinlogTableMap *map, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	uint64_t	ncolumns;

	memset(map, 0, sizeof(*map));
	map->table_id = binlog_cursor_uint(&cur, table_id_size(format, event->type));
	map->flags = (uint16_t) binlog_cursor_uint(&cur, 2);
	map->schema_len = binlog_cursor_uint(&cur, 1);
	map->schema = (const char *) binlog_cursor_bytes(&cur, map->schema_len);
	if (binlog_cursor_uint(&cur, 1) != 0)
		cur.failed = true;
	map->table_len = binlog_cursor_uint(&cur, 1);
	map->table = (const char *) binlog_cursor_bytes(&cur, map->table_len);
	if (binlog_cursor_uint(&cur, 1) != 0)
		cur.failed = true;
	ncolumns = binlog_cursor_packed(&cur);
	if (cur.failed || ncolumns > BINLOG_MAX_COLUMNS ||
		memchr(map->schema, '\0', map->schema_len) != NULL ||
		memchr(map->table, '\0', map->table_len) != NULL)
		return binlog_fail(error, "TABLE_MAP event is damaged");
	map->ncolumns = (int) ncolumns;
	map->types = binlog_cursor_bytes(&cur, ncolumns);
	map->meta_len = binlog_cursor_packed(&cur);
	map->meta = binlog_cursor_bytes(&cur, map->meta_len);
	map->nullable = binlog_cursor_bytes(&cur, (ncolumns + 7) / 8);
	if (cur.failed)
		return binlog_fail(error, "TABLE_MAP event is damaged");
	map->optional = cur.p;
	map->optional_len = (size_t) (cur.end - cur.p);
	return true;
}

/*
 * Metadata of STRING. A CHAR of more than 255 bytes has the upper two bits of
 * its length, inverted, in bits 4 and 5 of what is the real type otherwise.
 */
static void
string_meta(BinlogColumn *col, unsigned type, unsigned len)
{
	if ((type & 0x30) != 0x30)
	{
		len |= ((type & 0x30) ^ 0x30) << 4;
		type |= 0x30;
	}
	if (type == MYSQL_T_ENUM || type == MYSQL_T_SET)
		col->type = (uint8_t) type;
	col->meta = (uint16_t) len;
}

static void
column_meta(BinlogColumn *col, BinlogCursor *cur)
{
	unsigned	a;
	unsigned	b;

	switch (col->type)
	{
		case MYSQL_T_FLOAT:
		case MYSQL_T_DOUBLE:
		case MYSQL_T_TINY_BLOB:
		case MYSQL_T_MEDIUM_BLOB:
		case MYSQL_T_LONG_BLOB:
		case MYSQL_T_BLOB:
		case MYSQL_T_BLOB_COMPRESSED:
		case MYSQL_T_JSON:
		case MYSQL_T_GEOMETRY:
		case MYSQL_T_VECTOR:
		case MYSQL_T_TIMESTAMP2:
		case MYSQL_T_DATETIME2:
		case MYSQL_T_TIME2:
			col->meta = (uint16_t) binlog_cursor_uint(cur, 1);
			break;
		case MYSQL_T_VARCHAR:
		case MYSQL_T_VAR_STRING:
		case MYSQL_T_VARCHAR_COMPRESSED:
			col->meta = (uint16_t) binlog_cursor_uint(cur, 2);
			break;
		case MYSQL_T_BIT:
			a = (unsigned) binlog_cursor_uint(cur, 1);
			b = (unsigned) binlog_cursor_uint(cur, 1);
			col->meta = (uint16_t) (b * 8 + a);
			break;
		case MYSQL_T_NEWDECIMAL:
			a = (unsigned) binlog_cursor_uint(cur, 1);
			b = (unsigned) binlog_cursor_uint(cur, 1);
			col->meta = (uint16_t) (a << 8 | b);
			break;
		case MYSQL_T_STRING:
		case MYSQL_T_ENUM:
		case MYSQL_T_SET:
			a = (unsigned) binlog_cursor_uint(cur, 1);
			b = (unsigned) binlog_cursor_uint(cur, 1);
			string_meta(col, a, b);
			break;
		default:
			col->meta = 0;
			break;
	}
}

static bool
has_sign(uint8_t type)
{
	switch (type)
	{
		case MYSQL_T_TINY:
		case MYSQL_T_SHORT:
		case MYSQL_T_INT24:
		case MYSQL_T_LONG:
		case MYSQL_T_LONGLONG:
		case MYSQL_T_YEAR:
		case MYSQL_T_FLOAT:
		case MYSQL_T_DOUBLE:
		case MYSQL_T_NEWDECIMAL:
			return true;
		default:
			return false;
	}
}

/*
 * SIGNEDNESS: a bit for each numeric column, from the top of each byte. MySQL
 * counts YEAR among them, and so does MariaDB.
 */
static bool
apply_signedness(BinlogColumn *columns, int ncolumns, const uint8_t *bits,
				 size_t len, BinlogError *error)
{
	size_t		n = 0;
	int			i;

	for (i = 0; i < ncolumns; i++)
	{
		if (!has_sign(columns[i].type))
			continue;
		if (n / 8 >= len)
			return binlog_fail(error, "TABLE_MAP event has too few sign bits");
		columns[i].is_unsigned = (bits[n / 8] >> (7 - n % 8) & 1) != 0;
		n++;
	}
	return true;
}

bool
binlog_table_map_columns(const BinlogTableMap *map, BinlogColumn *columns,
						 BinlogError *error)
{
	BinlogCursor cur = {map->meta, map->meta + map->meta_len, false};
	const uint8_t *p = map->optional;
	int			field;
	const uint8_t *value;
	size_t		len;
	int			i;

	for (i = 0; i < map->ncolumns; i++)
	{
		columns[i].type = map->types[i];
		columns[i].nullable = binlog_bit(map->nullable, i);
		columns[i].is_unsigned = false;
		column_meta(&columns[i], &cur);
	}
	if (cur.failed || cur.p != cur.end)
		return binlog_fail(error, "TABLE_MAP event has metadata of wrong length");

	error->message[0] = '\0';
	while (binlog_next_optional(map, &p, &field, &value, &len, error))
	{
		if (field == BINLOG_META_SIGNEDNESS &&
			!apply_signedness(columns, map->ncolumns, value, len, error))
			return false;
	}
	return error->message[0] == '\0';
}

bool
binlog_next_optional(const BinlogTableMap *map, const uint8_t **p, int *field,
					 const uint8_t **value, size_t *len, BinlogError *error)
{
	BinlogCursor cur = {*p, map->optional + map->optional_len, false};

	if (cur.p >= cur.end)
		return false;
	*field = (int) binlog_cursor_uint(&cur, 1);
	*len = binlog_cursor_packed(&cur);
	*value = binlog_cursor_bytes(&cur, *len);
	if (cur.failed)
		return binlog_fail(error, "TABLE_MAP event has damaged optional metadata");
	*p = cur.p;
	return true;
}

bool
binlog_next_name(const uint8_t **p, const uint8_t *end, const char **name,
				 size_t *len)
{
	BinlogCursor cur = {*p, end, false};

	if (cur.p >= cur.end)
		return false;
	*len = binlog_cursor_packed(&cur);
	*name = (const char *) binlog_cursor_bytes(&cur, *len);
	*p = cur.p;
	return !cur.failed;
}

/*
 * Rows: table id, flags (2); version 2: length of extra data (2, counted in)
 * and extra data; number of columns (packed); bitmap of present columns,
 * UPDATE: two; row images up to the end, UPDATE: in pairs.
 */
bool
binlog_read_rows(const BinlogFormat *format, const BinlogEvent *event,
				 BinlogRows *rows, BinlogError *error)
{
	BinlogCursor cur = {event->body, event->end, false};
	uint8_t		type = event->type;
	bool		v2;
	uint64_t	n;

	if (!binlog_is_rows_event(type))
		return binlog_fail(error, "event of type %d has no rows", type);
	memset(rows, 0, sizeof(*rows));
	rows->compressed = type >= BINLOG_WRITE_ROWS_COMPRESSED_V1;
	rows->partial = type == BINLOG_MYSQL_PARTIAL_UPDATE_ROWS;
	if (rows->partial)
		type = BINLOG_UPDATE_ROWS;
	else if (type >= BINLOG_WRITE_ROWS_COMPRESSED)
		type -= BINLOG_WRITE_ROWS_COMPRESSED - BINLOG_WRITE_ROWS;
	else if (rows->compressed)
		type -= BINLOG_WRITE_ROWS_COMPRESSED_V1 - BINLOG_WRITE_ROWS_V1;
	v2 = type >= BINLOG_WRITE_ROWS;
	rows->kind = (BinlogRowsKind)
		(type - (v2 ? BINLOG_WRITE_ROWS : BINLOG_WRITE_ROWS_V1));

	rows->table_id = binlog_cursor_uint(&cur, table_id_size(format, event->type));
	rows->flags = (uint16_t) binlog_cursor_uint(&cur, 2);
	if (v2)
	{
		n = binlog_cursor_uint(&cur, 2);
		if (n < 2)
			cur.failed = true;
		else
			binlog_cursor_bytes(&cur, n - 2);
	}
	n = binlog_cursor_packed(&cur);
	if (cur.failed || n > BINLOG_MAX_COLUMNS)
		return binlog_fail(error, "%s event is damaged",
						   binlog_event_name(event->type));
	rows->ncolumns = (int) n;
	rows->present = binlog_cursor_bytes(&cur, (n + 7) / 8);
	rows->present_new = rows->present;
	if (rows->kind == BINLOG_ROWS_UPDATE)
		rows->present_new = binlog_cursor_bytes(&cur, (n + 7) / 8);
	if (cur.failed)
		return binlog_fail(error, "%s event is damaged",
						   binlog_event_name(event->type));
	rows->rows = cur.p;
	rows->end = cur.end;
	return true;
}

bool
binlog_plain_rows(BinlogRows *rows, BinlogBuffer *buf, BinlogError *error)
{
	size_t		size;

	if (!rows->compressed)
		return true;
	if (rows->rows == rows->end)	/* only ends the statement */
	{
		rows->compressed = false;
		return true;
	}
	if (!binlog_uncompress(rows->rows, rows->end, buf, &size, error))
		return false;
	rows->rows = buf->data;
	rows->end = buf->data + size;
	rows->compressed = false;
	return true;
}

bool
binlog_read_image(const BinlogColumn *columns, const int8_t *sizes,
				  int ncolumns, const uint8_t *present, const uint8_t **p,
				  const uint8_t *end, BinlogField *fields, BinlogError *error)
{
	const uint8_t *pos = *p;
	const uint8_t *nulls = pos;
	int			npresent = 0;
	int			n = 0;
	int			i;

	for (i = 0; i < ncolumns; i++)
		npresent += binlog_bit(present, i);
	if (end - pos < (npresent + 7) / 8)
		return binlog_fail(error, "rows event ends in a row");
	pos += (npresent + 7) / 8;

	for (i = 0; i < ncolumns; i++)
	{
		BinlogField *field = &fields[i];
		int64_t		size;

		field->data = pos;
		field->size = 0;
		if (!binlog_bit(present, i))
		{
			field->state = BINLOG_FIELD_ABSENT;
			continue;
		}
		if (binlog_bit(nulls, n++))
		{
			field->state = BINLOG_FIELD_NULL;
			continue;
		}
		size = sizes[i];
		if (size < 0)
			size = binlog_value_size(&columns[i], pos, end);
		if (size < 0 || size > end - pos)
			return binlog_fail(error,
							   "value of column %d (type %d) does not fit in its row",
							   i + 1, columns[i].type);
		field->state = BINLOG_FIELD_VALUE;
		field->size = (uint32_t) size;
		pos += size;
	}
	*p = pos;
	return true;
}

/*
 * Before the bitmap of NULLs: options (packed), of which bit 0 says that a
 * bitmap follows, with a bit for each JSON column of the table.
 */
bool
binlog_read_new_image(const BinlogRows *rows, const BinlogColumn *columns,
					  const int8_t *sizes, int ncolumns, const uint8_t **p,
					  BinlogField *fields, BinlogError *error)
{
	const uint8_t *partial = NULL;
	int			njson = 0;
	int			i;

	if (rows->partial)
	{
		BinlogCursor cur = {*p, rows->end, false};
		uint64_t	options = binlog_cursor_packed(&cur);

		for (i = 0; i < ncolumns; i++)
			njson += columns[i].type == MYSQL_T_JSON;
		if (options & 1)
			partial = binlog_cursor_bytes(&cur, (njson + 7) / 8);
		if (cur.failed || options > 1)
			return binlog_fail(error, "partial update has unknown options");
		*p = cur.p;
	}
	if (!binlog_read_image(columns, sizes, ncolumns, rows->present_new, p,
						   rows->end, fields, error))
		return false;
	for (i = 0, njson = 0; partial != NULL && i < ncolumns; i++)
		if (columns[i].type == MYSQL_T_JSON && binlog_bit(partial, njson++) &&
			fields[i].state == BINLOG_FIELD_VALUE)
			fields[i].state = BINLOG_FIELD_PARTIAL;
	return true;
}
