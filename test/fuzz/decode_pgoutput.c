/*
 * decode_pgoutput.c
 *	  decode_pgoutput FILE: writes the messages of a captured stream (see
 *	  fixtures/pgoutput/capture.pl) as text, a run of rows of one relation as
 *	  its first, last and number. Each message is also decoded cut off at each
 *	  of its bytes, and with one too many, which has to fail.
 *	  decode_pgoutput --split DIR FILE…: each message as a seed for the fuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "pgoutput_dump.h"

static PgOutputMessage msg;
static bool in_stream;

static uint8_t *
read_file(const char *path, size_t *len)
{
	FILE	   *f = fopen(path, "rb");
	uint8_t    *data = malloc(16 * 1024 * 1024);

	if (f == NULL || data == NULL)
	{
		perror(path);
		exit(2);
	}
	*len = fread(data, 1, 16 * 1024 * 1024, f);
	fclose(f);
	return data;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 |
		(uint32_t) p[2] << 8 | p[3];
}

/* Decodes bytes in a block of just their size. */
static bool
decodes(const uint8_t *data, size_t len, size_t want)
{
	uint8_t    *exact = malloc(want ? want : 1);
	PgOutputError error;
	bool		ok;

	memset(exact, 0, want);
	memcpy(exact, data, len < want ? len : want);
	ok = pgoutput_decode(exact, want, in_stream, &msg, &error);
	free(exact);
	return ok;
}

/* A message that is cut off, or followed by a byte, is none. */
static bool
check_cuts(const uint8_t *data, size_t len)
{
	for (size_t cut = 0; cut < len; cut++)
	{
		/* STREAM ABORT has a short form, of before protocol 4 */
		if (decodes(data, len, cut) && !(data[0] == 'A' && cut == 9))
		{
			printf("decoded although cut off at %zu of %zu\n", cut, len);
			return false;
		}
	}
	if (decodes(data, len, len + 1))
	{
		printf("decoded with a byte too many\n");
		return false;
	}
	return true;
}

static void
write_seed(const char *dir, int n, const uint8_t *data, size_t len)
{
	char		name[1000];
	FILE	   *f;

	snprintf(name, sizeof(name), "%s/seed%05d", dir, n);
	f = fopen(name, "wb");
	if (f == NULL)
	{
		perror(name);
		exit(2);
	}
	fputc(in_stream, f);
	fwrite(data, 1, len, f);
	fclose(f);
}

/* A long run of rows is reported by its ends. */
static bool
is_alike(const uint8_t *data, size_t len, const uint8_t *next, size_t next_len)
{
	size_t		head = in_stream ? 9 : 5;

	return len >= head && next_len >= head && data[0] == 'I' &&
		memcmp(data, next, head) == 0;
}

static bool
take_file(const char *path, const char *seeds, int *nseeds)
{
	size_t		size;
	uint8_t    *data = read_file(path, &size);
	const uint8_t *last = NULL;
	size_t		last_len = 0;
	int			alike = 0;
	bool		ok = true;

	in_stream = false;
	for (size_t at = 0; at + 12 <= size && ok;)
	{
		size_t		len = get_u32(data + at + 8);
		const uint8_t *p = data + at + 12;

		if (len > size - at - 12)
			break;
		if (seeds)
			write_seed(seeds, (*nseeds)++, p, len);
		else
		{
			ok = check_cuts(p, len);
			if (last && is_alike(last, last_len, p, len))
				alike++;
			else
			{
				if (alike > 1)
					printf("... %d\n", alike - 1);
				if (alike > 0)
					(void) dump_pgoutput(stdout, last, last_len, in_stream, &msg);
				alike = 0;
				ok &= dump_pgoutput(stdout, p, len, in_stream, &msg);
			}
		}
		last = p;
		last_len = len;
		at += 12 + len;
		if (p[0] == 'S')
			in_stream = true;
		else if (p[0] == 'E')
			in_stream = false;
	}
	free(data);
	return ok;
}

int
main(int argc, char **argv)
{
	int			n = 0;

	if (argc > 3 && strcmp(argv[1], "--split") == 0)
	{
		for (int i = 3; i < argc; i++)
			(void) take_file(argv[i], argv[2], &n);
		return 0;
	}
	if (argc != 2)
	{
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	return take_file(argv[1], NULL, &n) ? 0 : 1;
}
