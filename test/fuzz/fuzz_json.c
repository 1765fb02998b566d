/*
 * fuzz_json.c
 *	  libFuzzer target: MySQL's binary JSON, and changes of it. The first two
 *	  bytes say how many bytes are the value; the rest are the changes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/mysql/binlog_json.h"
#include "source/mysql/binlog_value.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *pieces[4096];
static int	npieces = 0;

static void *
get_piece(size_t size)
{
	if (npieces == 4096 || size > 64 * 1024 * 1024)
		return NULL;
	return pieces[npieces++] = malloc(size);
}

static bool
grow_text(BinlogText *text, size_t wanted)
{
	char	   *p;

	if (wanted > 64 * 1024 * 1024 || (p = realloc(text->data, wanted)) == NULL)
		return false;
	text->data = p;
	text->size = wanted;
	return true;
}

/* Copies, so that a byte too far is found. */
static uint8_t *
copy_of(const uint8_t *data, size_t len)
{
	uint8_t    *copy = malloc(len ? len : 1);

	return memcpy(copy, data, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BinlogText	plain = {NULL, 0, 0, grow_text, 0};
	BinlogText	patched = {NULL, 0, 0, grow_text, 0};
	BinlogError error;
	size_t		len;
	uint8_t    *value;
	uint8_t    *diffs;
	bool		ok;

	if (size < 2)
		return 0;
	len = data[0] | data[1] << 8;
	data += 2;
	size -= 2;
	if (len > size)
		len = size;
	value = copy_of(data, len);
	diffs = copy_of(data + len, size - len);
	ok = binlog_json_text(value, len, &plain, &error);
	/* no change at all is the same text */
	if (binlog_json_patched(value, len, diffs, size - len, get_piece, &patched,
							&error) && size == len &&
		(!ok || plain.len != patched.len ||
		 memcmp(plain.data, patched.data, plain.len) != 0))
		abort();
	free(plain.data);
	free(patched.data);
	free(value);
	free(diffs);
	while (npieces > 0)
		free(pieces[--npieces]);
	return 0;
}
