/*
 * fuzz_binlog.c
 *	  libFuzzer target: a file of any bytes as a binlog. Checksums count as
 *	  right (FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION), for no mutation would
 *	  come past them.
 */
#include "binlog_dump.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *sink = NULL;

	/* formatting reads every byte that a decoder points at */
	if (sink == NULL)
		sink = fopen("/dev/null", "w");
	dump_log(sink, data, size);
	return 0;
}
