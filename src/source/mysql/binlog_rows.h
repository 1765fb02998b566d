/*-------------------------------------------------------------------------
 *
 * binlog_rows.h
 *	  TABLE_MAP and rows events. Pure: no server function is called.
 *
 * A rows event names a table by a number; the TABLE_MAP events before it say
 * which table that is and of what types its columns are. A row image holds
 * the columns of a bitmap ("present"), of which another bitmap, at the head of
 * each image, says which are NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_ROWS_H
#define DTSMIG_BINLOG_ROWS_H

#include "source/mysql/binlog_event.h"
#include "source/mysql/binlog_value.h"

/* A table's number in a rows event that only ends the statement. */
#define BINLOG_DUMMY_TABLE_ID	UINT64_C(0xffffff)

/* More columns than any server allows are taken as damage. */
#define BINLOG_MAX_COLUMNS		4096

typedef struct BinlogTableMap
{
	uint64_t	table_id;
	uint16_t	flags;
	const char *schema;			/* followed by a NUL */
	size_t		schema_len;
	const char *table;			/* followed by a NUL */
	size_t		table_len;
	int			ncolumns;
	const uint8_t *types;		/* one a column */
	const uint8_t *meta;		/* packed; length depends on type */
	size_t		meta_len;
	const uint8_t *nullable;	/* bitmap */
	const uint8_t *optional;	/* optional metadata, see below */
	size_t		optional_len;
} BinlogTableMap;

/* Fields of the optional metadata. */
enum
{
	BINLOG_META_SIGNEDNESS = 1, BINLOG_META_DEFAULT_CHARSET,
	BINLOG_META_COLUMN_CHARSET, BINLOG_META_COLUMN_NAME,
	BINLOG_META_SET_VALUES, BINLOG_META_ENUM_VALUES,
	BINLOG_META_GEOMETRY_TYPE, BINLOG_META_PRIMARY_KEY,
	BINLOG_META_PRIMARY_KEY_PREFIX, BINLOG_META_ENUM_SET_DEFAULT_CHARSET,
	BINLOG_META_ENUM_SET_COLUMN_CHARSET, BINLOG_META_COLUMN_VISIBILITY,
	BINLOG_META_VECTOR_DIMENSION
};

/* rows event flags */
#define BINLOG_ROWS_STMT_END		0x0001
#define BINLOG_ROWS_NO_FK_CHECKS	0x0002
/* MySQL since 9.6: what foreign keys do has rows events of its own, before this */
#define BINLOG_ROWS_SQL_FK			0x0010

typedef enum BinlogRowsKind
{
	BINLOG_ROWS_WRITE,
	BINLOG_ROWS_UPDATE,
	BINLOG_ROWS_DELETE
} BinlogRowsKind;

typedef struct BinlogRows
{
	BinlogRowsKind kind;
	bool		compressed;		/* rows are as logged, not plain */
	bool		partial;		/* PARTIAL_UPDATE_ROWS */
	uint64_t	table_id;
	uint16_t	flags;
	int			ncolumns;
	const uint8_t *present;		/* bitmap: WRITE, DELETE, UPDATE's old rows */
	const uint8_t *present_new; /* UPDATE's new rows */
	const uint8_t *rows;
	const uint8_t *end;
} BinlogRows;

typedef enum BinlogFieldState
{
	BINLOG_FIELD_VALUE,
	BINLOG_FIELD_NULL,
	BINLOG_FIELD_ABSENT,
	BINLOG_FIELD_PARTIAL		/* changes of a JSON value, see binlog_json.h */
} BinlogFieldState;

/* A column in a row image. */
typedef struct BinlogField
{
	const uint8_t *data;
	uint32_t	size;			/* length prefix included */
	BinlogFieldState state;
} BinlogField;

static inline bool
binlog_bit(const uint8_t *bitmap, int i)
{
	return (bitmap[i / 8] >> (i % 8) & 1) != 0;
}

extern bool binlog_is_rows_event(uint8_t type);

extern bool binlog_read_table_map(const BinlogFormat *format,
								  const BinlogEvent *event,
								  BinlogTableMap *map, BinlogError *error);
/* Fills map->ncolumns columns. */
extern bool binlog_table_map_columns(const BinlogTableMap *map,
									 BinlogColumn *columns,
									 BinlogError *error);

/*
 * Fields of the optional metadata, one a call, from *p (at first
 * map->optional); false at the end, or with an error's message set.
 */
extern bool binlog_next_optional(const BinlogTableMap *map, const uint8_t **p,
								 int *field, const uint8_t **value,
								 size_t *len, BinlogError *error);
/*
 * The next of the column names in a COLUMN_NAME field from *p up to end;
 * false at the end or at damage.
 */
extern bool binlog_next_name(const uint8_t **p, const uint8_t *end,
							 const char **name, size_t *len);

/* The head of a rows event. */
extern bool binlog_read_rows(const BinlogFormat *format,
							 const BinlogEvent *event, BinlogRows *rows,
							 BinlogError *error);
/* Makes compressed rows plain, in buf. */
extern bool binlog_plain_rows(BinlogRows *rows, BinlogBuffer *buf,
							  BinlogError *error);

/*
 * Reads one row image at *p, of columns for which present is set, into
 * fields; moves *p behind it. sizes has binlog_fixed_size of each column.
 */
extern bool binlog_read_image(const BinlogColumn *columns,
							  const int8_t *sizes, int ncolumns,
							  const uint8_t *present, const uint8_t **p,
							  const uint8_t *end, BinlogField *fields,
							  BinlogError *error);
/*
 * The same of an UPDATE's new row, in which JSON values may be partial.
 */
extern bool binlog_read_new_image(const BinlogRows *rows,
								  const BinlogColumn *columns,
								  const int8_t *sizes, int ncolumns,
								  const uint8_t **p, BinlogField *fields,
								  BinlogError *error);

#endif							/* DTSMIG_BINLOG_ROWS_H */
