/*-------------------------------------------------------------------------
 *
 * cutover.c
 *	  May the application move here?
 *
 *	  the task follows, is consistent, nothing waits to be copied or repaired
 *	   |  the source is made read-only, if that is asked for
 *	   |   |  no transaction is open there that has written
 *	   |   |   |  all is applied; for a while no change comes
 *	   |   |   |   |  the verification finds nothing
 *	   |   |   |   |   |  indexes are valid, constraints are made so
 *	   |   |   |   |   |   |  still no change: this is the position
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check/cutover.h"

#include "compat.h"
#include "catalog/books.h"
#include "check/advance.h"
#include "core/wait.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "worker/task_run.h"

/* Differences that a refusal lists. */
#define SHOWN_DIFFERENCES 5
/* So often an open transaction is looked for until it counts. */
#define WRITER_LOOKS 8

pg_noreturn static void refuse(const Verify *v, const char *reason, const char *detail, const char *hint);

static void
refuse(const Verify *v, const char *reason, const char *detail,
	   const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("task \"%s\" cannot be cut over: %s", v->task->name, reason),
			 detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

/* ------------------------------------------------------------- the task */

static void
check_task(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT t.status, t.last_error, t.retrying_since IS NOT NULL, "
					   "r.pid IS NOT NULL FROM dtsmig.task t "
					   "LEFT JOIN LATERAL dtsmig.task_runtime(t.runtime_handle, t.task_id) r "
					   "ON true WHERE t.task_id = $1", "i", v->task->id);
	if (!v->task->do_incremental)
		refuse(v, "it does not follow changes", NULL,
			   "Of a task without the phase incremental, release_task is the end.");
	if (strcmp(rows->values[0][0], "running") != 0)
		refuse(v, psprintf("it is %s", rows->values[0][0]), rows->values[0][1],
			   strcmp(rows->values[0][0], "paused") == 0 ||
			   strcmp(rows->values[0][0], "failed") == 0 ? "Use resume_task." : NULL);
	if (!book_bool(rows, 0, 3))
		refuse(v, "its worker is gone", NULL, "Use resume_task.");
	if (strcmp(v->task->step, "changes") != 0 || !v->task->consistent)
		refuse(v, "it is not consistent yet", NULL,
			   "Use wait_for(task, 'incremental').");
}

void
cutover_check_waits(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT source_schema || '.' || source_table FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync' LIMIT 1", "i", v->task->id);
	if (rows->nrows > 0)
		refuse(v, psprintf("table %s is to be copied again", rows->values[0][0]),
			   NULL, "Wait until it is, see dtsmig.task_tables.");
	rows = books_query("SELECT count(*) FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = 'repairing'", "i", v->task->id);
	if (book_int(rows, 0, 0) > 0)
		refuse(v, psprintf("%s rows are to be repaired", rows->values[0][0]), NULL,
			   "Wait until they are, see dtsmig.verify_results.");
}

static void
check_objects(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT pg_catalog.string_agg(kind || ' ' || name || ': ' || error, '; ') "
					   "FROM dtsmig.task_object WHERE task_id = $1 AND state = 'failed'",
					   "i", v->task->id);
	if (rows->values[0][0] != NULL)
		refuse(v, "objects could not be made", rows->values[0][0],
			   "Make them by hand, or say accept_differences.");
}

/* All that is going to be set can be. */
static void
check_sequences(Verify *v)
{
	char	   *denied = advance_denied(v);

	if (denied != NULL)
		refuse(v, "sequences cannot be set", denied,
			   psprintf("GRANT SELECT, UPDATE ON SEQUENCE %s TO %s;", denied,
						quote_identifier(GetUserNameFromId(v->task->owner, false))));
}

/* ---------------------------------------------------------- the source */

static void
rest(long ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	for (;;)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, 500), dts_wait_event(DTS_WAIT_CUTOVER));
		ResetLatch(MyLatch);
	}
}

static void
check_writers(Verify *v, bool say)
{
	char	   *hidden = NULL;
	char	   *writer = v->source->open_writers(v->conn, &hidden);

	if (hidden != NULL && say && !v->source->is_read_only(v->conn))
	{
		const char *message = "whether transactions are open at the source cannot be seen";

		task_log_event(v->task->id, "warning", message, hidden,
					   "GRANT PROCESS to the account, or say make_read_only.", NULL);
		ereport(WARNING,
				(errmsg("%s", message), errdetail("%s", hidden),
				 errhint("GRANT PROCESS to the account, or say make_read_only.")));
	}
	/* one that is about to commit is what check_quiet is for */
	for (int i = 0; writer != NULL && i < WRITER_LOOKS; i++)
	{
		rest(150);
		writer = v->source->open_writers(v->conn, &hidden);
	}
	if (writer != NULL)
		refuse(v, "a transaction at the source is open", writer,
			   "End it; what it has written is not here yet.");
}

/* All that the source has logged by now is applied; returns where it ends. */
static char *
drain(Verify *v, const CutoverOptions *options)
{
	char	   *position = v->source->current_position(v->conn);

	if (position == NULL)
		refuse(v, "the source does not tell where its log ends", NULL, NULL);
	verify_wait_applied(v, position, options->timeout_ms);
	return position;
}

static void
check_quiet(const Verify *v, int64 before)
{
	int64		after = verify_changes_applied(v);

	if (after != before)
		refuse(v, "the source is being written to",
			   psprintf(INT64_FORMAT " changes came while it was looked at.",
						after - before),
			   "Stop the application, or say make_read_only.");
}

static void
stop_writes(Verify *v, const CutoverOptions *options)
{
	char	   *failure;

	if (!options->make_read_only)
		return;
	failure = v->source->make_read_only(v->conn);
	if (failure != NULL)
		refuse(v, "the source could not be made read-only", failure,
			   "Do it by hand, and leave make_read_only out.");
	task_log_event(v->task->id, "info", "the source is made read-only",
				   "It was asked for by cutover.", NULL, NULL);
}

/* ------------------------------------------------------------ what is here */

static void
verify(Verify *v, const CutoverOptions *options)
{
	StringInfoData list;
	ListCell   *lc;
	int			n = 0;

	if (!options->verify)
		return;
	v->mode = options->mode;
	v->sample = options->sample;
	verify_task(v, NIL);
	if (options->accept_differences)
		return;
	if (v->unsettled > 0)
		refuse(v, "rows change too often to be compared", NULL, NULL);
	if (v->results == NIL)
		return;
	initStringInfo(&list);
	foreach(lc, v->results)
	{
		const VerifyResult *r = lfirst(lc);

		if (n++ == SHOWN_DIFFERENCES)
		{
			appendStringInfoString(&list, "\n...");
			break;
		}
		appendStringInfo(&list, "%s%s %s %s %s", n > 1 ? "\n" : "", r->table,
						 r->kind == DIFFERENCE_MISSING ? "missing" :
						 r->kind == DIFFERENCE_EXTRA ? "extra" : "differs",
						 r->key ? r->key : "", r->differences ? r->differences : "");
	}
	refuse(v, psprintf("the verification found %d differences", list_length(v->results)),
		   list.data,
		   "Use dtsmig.verify and dtsmig.repair, or say accept_differences.");
}

#define TASK_RELATIONS \
	"FROM dtsmig.task_table t " \
	"JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema " \
	"JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid " \
	"AND c.relname = t.target_table "

static void
check_indexes(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT i.indexrelid::pg_catalog.regclass::text " TASK_RELATIONS
					   "JOIN pg_catalog.pg_index i ON i.indrelid = c.oid "
					   "WHERE t.task_id = $1 AND NOT i.indisvalid LIMIT 1", "i",
					   v->task->id);
	if (rows->nrows > 0)
		refuse(v, psprintf("index %s is not valid", rows->values[0][0]), NULL,
			   "REINDEX it.");
}

/* Constraints that were made while rows were still on their way. */
static void
validate_constraints(const Verify *v)
{
	BookRows   *rows;

	rows = books_query("SELECT pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', "
					   "n.nspname, c.relname, k.conname) " TASK_RELATIONS
					   "JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid "
					   "WHERE t.task_id = $1 AND NOT k.convalidated "
					   "AND k.contype IN ('f', 'c') AND k.coninhcount = 0 ORDER BY k.oid",
					   "i", v->task->id);
	for (int i = 0; i < rows->nrows; i++)
	{
		/* as the owner of the task: it is the owner's table */
		SPI_connect();
		if (SPI_execute(rows->values[i][0], false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not run \"%s\"", rows->values[i][0]);
		SPI_finish();
	}
}

char *
cutover_check(Verify *v, const CutoverOptions *options)
{
	int64		changes;
	char	   *position;

	check_task(v);
	cutover_check_waits(v);
	if (!options->accept_differences)
		check_objects(v);
	v->conn = v->source->connect(v->info);
	check_sequences(v);
	stop_writes(v, options);
	check_writers(v, true);
	(void) drain(v, options);
	changes = verify_changes_applied(v);
	rest(options->quiet_ms);
	check_writers(v, false);
	(void) drain(v, options);
	check_quiet(v, changes);
	verify(v, options);
	check_indexes(v);
	validate_constraints(v);
	check_writers(v, false);
	position = drain(v, options);
	check_quiet(v, changes);
	return position;
}
