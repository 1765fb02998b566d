/*
 * replay.c
 *	  Runs a target of libFuzzer over files, without libFuzzer: the corpora in
 *	  test/fixtures, with each change of the decoders.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		FILE	   *f = fopen(argv[i], "rb");
		uint8_t    *data;
		long		size;

		if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		{
			perror(argv[i]);
			return 1;
		}
		rewind(f);
		/* a block of its own, so that the sanitizers see its end */
		data = malloc(size);
		if (fread(data, 1, size, f) != (size_t) size)
			return 1;
		fclose(f);
		(void) LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
