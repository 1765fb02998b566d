/*
 * decode_fixtures.c
 *	  decode_fixtures FILE: writes the events of a binlog file as text.
 *	  decode_fixtures --split DIR FILE…: cuts logs into small ones, each with
 *	  the format event and one group of events, as seeds for the fuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog_dump.h"
#include "source/mysql/binlog_event.h"

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

static void
split(const char *dir, const char *path, int *n)
{
	size_t		len;
	uint8_t    *data = read_file(path, &len);
	size_t		pos = BINLOG_MAGIC_SIZE;
	size_t		head = 0;
	size_t		begin = 0;
	BinlogFormat format;
	BinlogEvent event;
	BinlogError error;
	bool		more = true;

	binlog_format_init(&format);
	while (more)
	{
		more = pos < len && binlog_open_event(&format, data + pos, len - pos,
											  &event, &error);
		if (head == 0 && more)
			head = begin = pos + event.size;
		else if (!more || event.type == BINLOG_GTID)
		{
			char		name[1000];
			FILE	   *f;

			snprintf(name, sizeof(name), "%s/seed%04d", dir, (*n)++);
			f = fopen(name, "wb");
			if (f == NULL)
			{
				perror(name);
				exit(2);
			}
			fwrite(data, 1, head, f);
			fwrite(data + begin, 1, pos - begin, f);
			fclose(f);
			begin = pos;
		}
		pos += more ? event.size : 0;
	}
	free(data);
}

int
main(int argc, char **argv)
{
	size_t		len;
	uint8_t    *data;
	int			n = 0;
	int			i;
	bool		ok;

	if (argc > 3 && strcmp(argv[1], "--split") == 0)
	{
		for (i = 3; i < argc; i++)
			split(argv[2], argv[i], &n);
		return 0;
	}
	if (argc != 2)
	{
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	data = read_file(argv[1], &len);
	ok = dump_log(stdout, data, len);
	free(data);
	return ok ? 0 : 1;
}
