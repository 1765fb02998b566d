/*-------------------------------------------------------------------------
 *
 * one_statement.c
 *	  SQL that was put together of what a source says: one statement, or none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/one_statement.h"

#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "utils/memutils.h"

void
check_one_statement(const char *sql)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig parse",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			n = list_length(raw_parser(sql, RAW_PARSE_DEFAULT));

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%d statements where one was expected", n),
				 errdetail("In: %.500s", sql),
				 errhint("A name or a value of the source must have been taken for SQL. Nothing was run; please report this.")));
}

uint64
run_one_statement(const char *sql)
{
	uint64		n;
	int			rc;

	check_one_statement(sql);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	n = SPI_processed;
	SPI_finish();
	return n;
}
