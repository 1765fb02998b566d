/*
 * fuzz_ddl.c
 *	  libFuzzer target: any bytes as a DDL statement. The first byte chooses
 *	  the dialect and sql_mode.
 */
#include "ddl_dump.h"

#include "source/mysql/binlog_query.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *sink = NULL;
	DdlInput	input = {0};
	char	   *sql;

	if (size == 0)
		return 0;
	if (sink == NULL)
		sink = fopen("/dev/null", "w");
	sql = malloc(size);
	memcpy(sql, data + 1, size - 1);
	sql[size - 1] = '\0';
	input.sql = sql;
	input.schema = "db";
	input.dialect.mariadb = (data[0] & 1) != 0;
	input.dialect.version = data[0] & 1 ? 101119 : data[0] & 8 ? 90000 : 50600;
	input.dialect.sql_mode = (data[0] & 2 ? BINLOG_MODE_ANSI_QUOTES : 0) |
		(data[0] & 4 ? BINLOG_MODE_NO_BACKSLASH_ESCAPES : 0);
	input.fold_names = (data[0] & 16) != 0;
	(void) dump_ddl(sink, &input);
	free(sql);
	return 0;
}
