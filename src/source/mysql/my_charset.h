/*-------------------------------------------------------------------------
 *
 * my_charset.h
 *	  Text of the binlog, which is in the character set of its column, as
 *	  UTF-8 and in the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_CHARSET_H
#define DTSMIG_MY_CHARSET_H

#include "postgres.h"

#include "client/my_conn.h"

typedef struct MyCharset MyCharset;

/*
 * The character set of that name, as the source defines it: of a single-byte
 * set not seen before, the source is asked for its table. Lives as long as
 * the process. Raises feature_not_supported for one that is not known. Must
 * be called in a transaction.
 */
extern MyCharset *my_charset_get(MyConn *conn, const char *name);

/*
 * Bytes of that set as UTF-8. The result is data itself where nothing has to
 * be changed, else palloc'd; *len is set. Raises
 * character_not_in_repertoire for bytes that are no text.
 */
extern const uint8 *my_charset_to_utf8(const MyCharset *cs, const uint8 *data,
									   Size *len);

/* Verified UTF-8, in the encoding of the database; as above. */
extern const uint8 *my_utf8_to_server(const uint8 *data, Size *len);

/* Loads what my_utf8_to_server needs of the catalogs; in a transaction. */
extern void my_charset_init(void);

/* No byte of data has its high bit set. */
static inline bool
my_is_ascii(const uint8 *data, Size len)
{
	const uint8 *end = data + len;

	while (end - data >= 8)
	{
		uint64		w;

		memcpy(&w, data, 8);
		if (w & UINT64CONST(0x8080808080808080))
			return false;
		data += 8;
	}
	while (data < end)
		if (*data++ & 0x80)
			return false;
	return true;
}

#endif							/* DTSMIG_MY_CHARSET_H */
