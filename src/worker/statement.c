/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Runs one statement of a schema plan and marks it in the catalog.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/destination.h"
#include "worker/statement.h"

#include "access/xact.h"
#include "store/states.h"
#include "store/object.h"
#include "core/attempt.h"
#include "core/one_statement.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

bool
statement_is_wrong(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	/* the line to the destination, and none that the statement asks for */
	if (destination()->elsewhere && category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION))
		return false;
	return category != ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) &&
		category != ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) &&
		category != ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK) &&
		category != ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR) &&
		sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE;
}

bool
statement_is_made(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_DUPLICATE_TABLE ||
		sqlerrcode == ERRCODE_DUPLICATE_OBJECT ||
		sqlerrcode == ERRCODE_DUPLICATE_SCHEMA ||
		sqlerrcode == ERRCODE_DUPLICATE_FUNCTION ||
		/* a second primary key */
		sqlerrcode == ERRCODE_INVALID_TABLE_DEFINITION;
}

void
statement_execute(const char *sql, bool script)
{
	int			nestlevel;

	if (!script)
	{
		(void) run_one_statement(sql);
		return;
	}
	nestlevel = NewGUCNestLevel();
	/* amounts in pg_dump's definitions, see source/pgsql/pg_money.c */
	(void) set_config_option("lc_monetary", "C", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	run_source_script(sql);
	AtEOXact_GUC(true, nestlevel);
}

typedef struct ObjectStep
{
	int64		object_id;
	const char *sql;
	bool		script;
} ObjectStep;

static void
run_object(void *arg)
{
	const ObjectStep *step = arg;

	/* a destination elsewhere may have it, though the catalog does not */
	if (destination()->claim(destination_object(step->object_id)) == NULL)
		statement_execute(step->sql, step->script);
}

char *
statement_run_in_transaction(int64 object_id, const char *sql, bool script,
							 bool exists_ok)
{
	ObjectStep	step = {object_id, sql, script};
	ErrorData  *edata = attempt(run_object, &step);
	char	   *error = edata ? edata->message : NULL;
	bool		skipped = edata && exists_ok && statement_is_made(edata->sqlerrcode);

	if (edata != NULL && !statement_is_wrong(edata->sqlerrcode))
		ReThrowError(edata);
	object_set_state(object_id, skipped ? OBJECT_STATE_SKIPPED :
					 error ? OBJECT_STATE_FAILED : OBJECT_STATE_DONE, error,
					 error ? unpack_sql_state(edata->sqlerrcode) : NULL);
	return skipped ? NULL : error;
}

char *
statement_run_object(int64 object_id, const char *sql, bool script,
					 bool exists_ok)
{
	MemoryContext cxt = CurrentMemoryContext;
	char	   *error;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	error = statement_run_in_transaction(object_id, sql, script, exists_ok);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return error;
}

bool
statement_take_made(int64 object_id, const char *relation, bool empty)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		taken = true;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (empty)
	{
		taken = run_one_statement(psprintf("SELECT FROM %s LIMIT 1", relation)) == 0;
	}
	if (taken)
		object_set_skipped(object_id);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return taken;
}
