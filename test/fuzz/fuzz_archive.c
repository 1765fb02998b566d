/*
 * fuzz_archive.c
 *	  libFuzzer target: any bytes as the archive that pg_dump writes of a
 *	  source's definitions.
 */
#include "server_stubs.h"

#include "source/pgsql/pg_archive.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *archive = palloc(size);
	ListCell   *lc;

	memcpy(archive, data, size);
	if (sigsetjmp(stub_error, 0) == 0)
	{
		foreach(lc, pg_archive_read(archive, size))
		{
			PgEntry    *e = lfirst(lc);

			stub_touch(e->tag, strlen(e->tag));
			stub_touch(e->kind, strlen(e->kind));
			stub_touch(e->definition, strlen(e->definition));
			stub_touch(e->drop, strlen(e->drop));
			stub_touch(e->owner, strlen(e->owner));
		}
	}
	dump_free_all();
	return 0;
}
