/*-------------------------------------------------------------------------
 *
 * binlog_json_impl.h
 *	  What binlog_json.c (values as text) and binlog_json_diff.c (partial
 *	  updates) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_JSON_IMPL_H
#define DTSMIG_BINLOG_JSON_IMPL_H

#include "source/mysql/binlog_json.h"

/* MySQL's limit is 100. */
#define BINLOG_JSON_MAX_DEPTH	110

enum
{
	JSON_SMALL_OBJECT = 0x00, JSON_LARGE_OBJECT, JSON_SMALL_ARRAY,
	JSON_LARGE_ARRAY, JSON_LITERAL, JSON_INT16, JSON_UINT16, JSON_INT32,
	JSON_UINT32, JSON_INT64, JSON_UINT64, JSON_DOUBLE, JSON_STRING,
	JSON_OPAQUE = 0x0f
};

/* A value where it lies: at least its bytes, at most up to len. */
typedef struct BinlogJsonValue
{
	uint8_t		type;
	const uint8_t *data;
	size_t		len;
} BinlogJsonValue;

/* The head of an object or array. */
typedef struct BinlogJsonContainer
{
	bool		is_object;
	int			width;			/* bytes of an offset */
	uint32_t	count;
	uint32_t	size;
	const uint8_t *data;
} BinlogJsonContainer;

extern void binlog_json_root(const uint8_t *data, size_t len,
							 BinlogJsonValue *root);
/* Sets out->limit for a value of so many bytes. */
extern void binlog_json_limit(BinlogText *out, size_t len);
extern bool binlog_json_put(const BinlogJsonValue *value, int depth,
							BinlogText *out, BinlogError *error);

/* False: damaged. Then, with i < count: */
extern bool binlog_json_container(const BinlogJsonValue *value,
								  BinlogJsonContainer *c);
extern bool binlog_json_key(const BinlogJsonContainer *c, uint32_t i,
							const uint8_t **key, size_t *len);
extern bool binlog_json_element(const BinlogJsonContainer *c, uint32_t i,
								BinlogJsonValue *value);

#endif							/* DTSMIG_BINLOG_JSON_IMPL_H */
