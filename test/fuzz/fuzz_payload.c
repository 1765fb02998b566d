/*
 * fuzz_payload.c
 *	  libFuzzer target: any bytes as the events of a compressed transaction
 *	  (TRANSACTION_PAYLOAD), or, if the first byte is odd, as its compressed
 *	  form. They follow the first events of a captured log of MySQL.
 */
#include "binlog_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_HEADER 19
#define PAYLOAD_EVENT 40
#define LARGEST (64 * 1024)

static uint8_t head[4096];
static size_t head_len = 0;
static FILE *sink;

static uint32_t
get4(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t) p[3] << 24;
}

static void
put(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t) (v >> (8 * i));
}

/* Magic number and format description of the captured log. */
static void
read_head(void)
{
	FILE	   *f = fopen(FIXTURE, "rb");

	if (f == NULL || fread(head, 1, sizeof(head), f) < 4 + EVENT_HEADER)
		abort();
	fclose(f);
	head_len = 4 + get4(head + 4 + 9);
	if (head_len > sizeof(head))
		abort();
	sink = fopen("/dev/null", "w");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t log[sizeof(head) + 2 * LARGEST];
	uint8_t    *event = log;
	uint8_t    *p;
	size_t		packed;

	if (head_len == 0)
		read_head();
	if (size < 1 || size > LARGEST)
		return 0;
	memcpy(log, head, head_len);
	event = log + head_len;
	p = event + EVENT_HEADER;
	memset(event, 0, EVENT_HEADER);
	event[4] = PAYLOAD_EVENT;
	/* fields: compression, size of the events, end */
	memcpy(p, "\002\001\000\003\011\376", 6);
	put(p + 6, size - 1, 8);
	memcpy(p + 14, "\001\011\376", 3);
	packed = data[0] & 1 ? size - 1 :
		ZSTD_compress(p + 26, LARGEST, data + 1, size - 1, 1);
	if (ZSTD_isError(packed))
		return 0;
	if (data[0] & 1)
		memcpy(p + 26, data + 1, packed);
	put(p + 17, packed, 8);
	p[25] = 0;
	p += 26 + packed;
	put(p, 0, 4);				/* checksum, which is not looked at */
	p += 4;
	put(event + 9, p - event, 4);
	put(event + 13, p - log, 4);
	dump_log(sink, log, p - log);
	return 0;
}
