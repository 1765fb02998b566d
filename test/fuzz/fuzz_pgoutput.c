/*
 * fuzz_pgoutput.c
 *	  libFuzzer target: any bytes as a message of pgoutput; the first says
 *	  whether it comes inside of a stream.
 */
#include "pgoutput_dump.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *sink = NULL;
	static PgOutputMessage msg;

	/* formatting reads every byte that the decoder points at */
	if (sink == NULL)
		sink = fopen("/dev/null", "w");
	if (size > 0)
		(void) dump_pgoutput(sink, data + 1, size - 1, data[0] & 1, &msg);
	return 0;
}
