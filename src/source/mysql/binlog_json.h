/*-------------------------------------------------------------------------
 *
 * binlog_json.h
 *	  MySQL's binary JSON as JSON text, written as MySQL itself prints it; and
 *	  the partial updates of PARTIAL_UPDATE_ROWS. Pure: no server function is
 *	  called, but for those of libpgcommon that print a double.
 *
 * A value is looked at where it lies. Nothing in it is trusted: offsets are
 * checked against the value that holds them, and depth has a limit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_JSON_H
#define DTSMIG_BINLOG_JSON_H

#include "source/mysql/binlog_event.h"

/* Text that grows; grow makes size at least wanted and keeps what is there. */
typedef struct BinlogText
{
	char	   *data;
	size_t		len;
	size_t		size;
	bool		(*grow) (struct BinlogText *text, size_t wanted);
	size_t		limit;			/* set here: more can only be damage */
} BinlogText;

/* Appends the text of a value; UTF-8, not NUL-terminated. */
extern bool binlog_json_text(const uint8_t *data, size_t len, BinlogText *out,
							 BinlogError *error);

/* One change of a partial update. */
typedef enum BinlogJsonOperation
{
	BINLOG_JSON_REPLACE = 0,
	BINLOG_JSON_INSERT = 1,
	BINLOG_JSON_REMOVE = 2
} BinlogJsonOperation;

typedef struct BinlogJsonDiff
{
	BinlogJsonOperation operation;
	const char *path;			/* $.a[3]."b c" */
	size_t		path_len;
	const uint8_t *value;		/* binary; none for REMOVE */
	size_t		value_len;
} BinlogJsonDiff;

/* The next one from *p up to end; false at the end, or with a message set. */
extern bool binlog_json_next_diff(const uint8_t **p, const uint8_t *end,
								  BinlogJsonDiff *diff, BinlogError *error);

/*
 * Appends the text of the value in data after the changes in diffs. alloc
 * gives memory that the caller frees when this has returned.
 */
extern bool binlog_json_patched(const uint8_t *data, size_t len,
								const uint8_t *diffs, size_t diffs_len,
								void *(*alloc) (size_t), BinlogText *out,
								BinlogError *error);

#endif							/* DTSMIG_BINLOG_JSON_H */
