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
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "utils/guc.h"
#include "utils/memutils.h"

int
begin_utility(void)
{
	int			nestlevel = NewGUCNestLevel();

	/* a superuser's triggers are a superuser's to disable */
	if (!superuser())
		(void) set_config_option("session_replication_role", "origin", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nestlevel;
}

void
end_utility(int nestlevel)
{
	AtEOXact_GUC(true, nestlevel);
}

/* Does it change definitions, and no rows? */
static bool
is_utility(const Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_TruncateStmt:
		case T_CopyStmt:
			return false;
		default:
			return true;
	}
}

static bool
check(const char *sql)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig parse",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			n = list_length(parsed);
	bool		utility = n == 1 &&
		is_utility(linitial_node(RawStmt, parsed)->stmt);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%d statements where one was expected", n),
				 errdetail("In: %.500s", sql),
				 errhint("A name or a value of the source must have been taken for SQL. Nothing was run; please report this.")));
	return utility;
}

void
check_one_statement(const char *sql)
{
	(void) check(sql);
}

uint64
run_one_statement(const char *sql)
{
	uint64		n;
	int			rc;
	bool		utility = check(sql);
	int			nestlevel = utility ? begin_utility() : 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	n = SPI_processed;
	SPI_finish();
	if (utility)
		end_utility(nestlevel);
	return n;
}
