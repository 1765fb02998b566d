/*-------------------------------------------------------------------------
 *
 * binlog_value.h
 *	  Values of row events, as bytes and as neutral numbers. Pure: no server
 *	  function is called, so that it can be fuzzed alone.
 *
 * Layout as in MySQL's "Table_map_event" documentation and MariaDB's
 * knowledge base ("Rows events", "Row image").
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_VALUE_H
#define DTSMIG_BINLOG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Column types on the wire (enum_field_types). */
enum
{
	MYSQL_T_DECIMAL = 0, MYSQL_T_TINY = 1, MYSQL_T_SHORT = 2, MYSQL_T_LONG = 3,
	MYSQL_T_FLOAT = 4, MYSQL_T_DOUBLE = 5, MYSQL_T_NULL = 6,
	MYSQL_T_TIMESTAMP = 7, MYSQL_T_LONGLONG = 8, MYSQL_T_INT24 = 9,
	MYSQL_T_DATE = 10, MYSQL_T_TIME = 11, MYSQL_T_DATETIME = 12,
	MYSQL_T_YEAR = 13, MYSQL_T_NEWDATE = 14, MYSQL_T_VARCHAR = 15,
	MYSQL_T_BIT = 16, MYSQL_T_TIMESTAMP2 = 17, MYSQL_T_DATETIME2 = 18,
	MYSQL_T_TIME2 = 19,
	MYSQL_T_BLOB_COMPRESSED = 140, MYSQL_T_VARCHAR_COMPRESSED = 141, /* MariaDB */
	MYSQL_T_VECTOR = 242, MYSQL_T_JSON = 245, MYSQL_T_NEWDECIMAL = 246,
	MYSQL_T_ENUM = 247, MYSQL_T_SET = 248, MYSQL_T_TINY_BLOB = 249,
	MYSQL_T_MEDIUM_BLOB = 250, MYSQL_T_LONG_BLOB = 251, MYSQL_T_BLOB = 252,
	MYSQL_T_VAR_STRING = 253, MYSQL_T_STRING = 254, MYSQL_T_GEOMETRY = 255
};

/* A column as TABLE_MAP describes it. */
typedef struct BinlogColumn
{
	uint8_t		type;			/* real type: ENUM and SET already distinguished from
								 * STRING by the metadata */
	uint16_t	meta;			/* as logged, for STRING: the maximum length in
								 * bytes; ENUM/SET: bytes a value; BIT: bits;
								 * NEWDECIMAL: precision << 8 | scale;
								 * BLOB…: length bytes; temporal 2: fsp;
								 * TIME, DATETIME, TIMESTAMP: 0, or MariaDB's
								 * fsp, which the log does not say: columns
								 * made before 10.1 with fraction digits */
	bool		nullable;
	bool		is_unsigned;	/* known only with optional metadata */
} BinlogColumn;

/* A date, time or both, of any of the temporal types. */
typedef struct MyTemporal
{
	bool		negative;		/* TIME only */
	uint32_t	year;			/* all three 0 in a TIME */
	uint32_t	month;
	uint32_t	day;
	uint32_t	hour;			/* TIME: up to 838 */
	uint32_t	minute;
	uint32_t	second;
	uint32_t	usec;
} MyTemporal;

/* Longest text that binlog_get_decimal writes, with its NUL. */
#define BINLOG_DECIMAL_BUFSIZE 90

/*
 * Bytes that a value of this column takes at p, its length prefix included;
 * -1 if it does not fit before end or the type is unknown.
 */
extern int64_t binlog_value_size(const BinlogColumn *col, const uint8_t *p,
								 const uint8_t *end);

/* Bytes that every value of this column takes; -1 if they differ. */
extern int64_t binlog_fixed_size(const BinlogColumn *col);

/*
 * Readers for a value that binlog_value_size has measured. Integers: as the
 * bit pattern extended by is_unsigned as given.
 */
extern int64_t binlog_get_int(const BinlogColumn *col, const uint8_t *p,
							  bool is_unsigned);	/* TINY…LONGLONG, YEAR,
													 * ENUM, SET, BIT <= 64 */
extern float binlog_get_float(const uint8_t *p);
extern double binlog_get_double(const uint8_t *p);
/* "-123.450", precision and scale from meta; false if bytes are no decimal */
extern bool binlog_get_decimal(const BinlogColumn *col, const uint8_t *p,
							   char buf[BINLOG_DECIMAL_BUFSIZE]);
/* All temporal types but TIMESTAMP; false if the bytes are no such value. */
extern bool binlog_get_temporal(const BinlogColumn *col, const uint8_t *p,
								MyTemporal *out);
/* TIMESTAMP, TIMESTAMP2: seconds since 1970 UTC (0: the zero date), usec */
extern bool binlog_get_timestamp(const BinlogColumn *col, const uint8_t *p,
								 int64_t *seconds, uint32_t *usec);
/* Text, binary, blob, JSON, geometry: the bytes behind the length prefix. */
extern void binlog_get_bytes(const BinlogColumn *col, const uint8_t *p,
							 const uint8_t **data, size_t *len);

/*
 * MariaDB's COMPRESSED columns, logged as they are stored. Given the bytes of
 * binlog_get_bytes: the size of the plain value, -1 if they are damaged; and
 * the plain value into out, which has room for that size.
 */
extern int64_t binlog_column_plain_size(const uint8_t *data, size_t len);
extern bool binlog_column_uncompress(const uint8_t *data, size_t len,
									 uint8_t *out, size_t size);

#endif							/* DTSMIG_BINLOG_VALUE_H */
