/*-------------------------------------------------------------------------
 *
 * cutover.c
 *	  May the application move to the destination?
 *
 *	  the task follows, is consistent, nothing waits to be copied or repaired
 *	   |  the source is made read-only, if that is asked for
 *	   |   |  no transaction is open at it that has written
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
#include "store/sql.h"
#include "store/object.h"
#include "check/advance.h"
#include "check/local_source.h"
#include "check/unfollowed.h"
#include "core/wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"

/* Differences that a refusal lists. */
#define SHOWN_DIFFERENCES 5
/* So often an open transaction is looked for until it counts. */
#define WRITER_LOOKS 8

void
cutover_refuse(const Verify *v, const char *reason, const char *detail,
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
	StoreRows   *rows;

	rows = store_query("SELECT t.status, t.last_error, t.retrying_since IS NOT NULL, "
					   "r.pid IS NOT NULL FROM dtsmig.task t "
					   "LEFT JOIN LATERAL dtsmig.task_runtime(t.runtime_handle, t.task_id) r "
					   "ON true WHERE t.task_id = $1", "i", v->task->id);
	if (!v->task->do_incremental)
		cutover_refuse(v, "it does not follow changes", NULL,
					   "Of a task without the phase incremental, release_task is the end.");
	if (strcmp(rows->values[0][0], "running") != 0)
		cutover_refuse(v, psprintf("it is %s", rows->values[0][0]), rows->values[0][1],
					   strcmp(rows->values[0][0], "paused") == 0 ||
					   strcmp(rows->values[0][0], "failed") == 0 ? "Use resume_task." : NULL);
	if (!store_bool(rows, 0, 3))
		cutover_refuse(v, "its worker is gone", NULL, "Use resume_task.");
	if (strcmp(v->task->step, "changes") != 0 || !v->task->consistent)
		cutover_refuse(v, "it is not consistent yet", NULL,
					   "Use wait_for(task, 'incremental').");
}

void
cutover_check_waits(const Verify *v)
{
	StoreRows   *rows;

	rows = store_query("SELECT source_schema || '.' || source_table FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync' LIMIT 1", "i", v->task->id);
	if (rows->nrows > 0)
		cutover_refuse(v, psprintf("table %s is to be copied again", rows->values[0][0]),
					   NULL, "Wait until it is, see dtsmig.task_tables.");
	rows = store_query("SELECT count(*) FROM dtsmig.verify_difference "
					   "WHERE task_id = $1 AND state = 'repairing'", "i", v->task->id);
	if (store_int(rows, 0, 0) > 0)
		cutover_refuse(v, psprintf("%s rows are to be repaired", rows->values[0][0]), NULL,
					   "Wait until they are, see dtsmig.verify_results.");
}

static void
check_objects(const Verify *v)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.string_agg(o.kind || ' ' || " OBJECT_FULL_NAME
					   " || ': ' || o.error, '; '), pg_catalog.min(o.kind || ' ' || " OBJECT_FULL_NAME ") "
					   "FROM " OBJECT_FROM " WHERE o.task_id = $1 AND o.state = 'failed' "
					   "AND NOT " OBJECT_IS_MADE, "i", v->task->id);
	if (rows->values[0][0] != NULL)
		cutover_refuse(v, "objects could not be made", rows->values[0][0],
					   psprintf("%s Or say accept_differences.",
								object_hint(v->task->name, rows->values[0][1])));
}

/* All that is going to be set can be. */
static void
check_sequences(Verify *v)
{
	char	   *denied = advance_denied(v);

	if (denied != NULL)
		cutover_refuse(v, "sequences cannot be set", denied,
					   advance_grant(v->task, v->dest, denied));
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
		task_warn(v->task, "whether transactions are open at the source cannot be seen",
				  hidden, "GRANT PROCESS to the account, or say make_read_only.");
	/* one that is about to commit is what check_quiet is for */
	for (int i = 0; writer != NULL && i < WRITER_LOOKS; i++)
	{
		rest(150);
		writer = v->source->open_writers(v->conn, &hidden);
	}
	if (writer != NULL)
		cutover_refuse(v, "a transaction at the source is open", writer,
					   "End it; what it has written is not at the destination yet.");
}

/* All that the source has logged by now is applied; returns where it ends. */
static char *
drain(Verify *v, const CutoverOptions *options)
{
	char	   *position = v->source->current_position(v->conn);

	if (position == NULL)
		cutover_refuse(v, "the source does not report where its log ends", NULL, NULL);
	verify_wait_applied(v, position, options->timeout_ms);
	return position;
}

static void
check_quiet(const Verify *v, int64 before)
{
	int64		after = verify_changes_applied(v);

	if (after != before)
		cutover_refuse(v, "the source is being written to",
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
	failure = v->source->make_read_only(v->conn, options->reverse);
	if (failure != NULL)
		cutover_refuse(v, "the source could not be made read-only", failure,
					   "Do it by hand, and leave make_read_only out.");
	task_log_event(v->task->id, "info", "the source is made read-only",
				   "It was asked for by cutover.", NULL, NULL);
}

/*
 * ------------------------------------------------------------ the destination
 */

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
		cutover_refuse(v, "rows change too often to be compared", NULL, NULL);
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
	cutover_refuse(v, psprintf("the verification found %d differences", list_length(v->results)),
				   list.data,
				   "Use dtsmig.verify and dtsmig.repair, or say accept_differences.");
}

/*
 * Definitions that mean something else at the destination; see the source's
 * meanings.
 */
static void
check_meanings(const Verify *v, bool accept)
{
	List	   *found = unfollowed_meanings(v);
	StringInfoData list;
	int			n = 0;
	ListCell   *lc;

	if (found == NIL)
		return;
	initStringInfo(&list);
	foreach(lc, found)
	{
		const SourceMeaning *m = lfirst(lc);

		if (n++ == SHOWN_DIFFERENCES)
		{
			appendStringInfoString(&list, "\n...");
			break;
		}
		appendStringInfo(&list, "%s%s: %s at the source, %s at the destination", n > 1 ? "\n" : "", m->object,
						 m->there[0] ? m->there : "none but the server's own",
						 m->here[0] ? m->here : "none but the server's own");
	}
	if (accept)
		task_warn(v->task, psprintf("%d objects use other operators or functions at the destination", list_length(found)),
				  list.data, UNFOLLOWED_MEANING_HINT);
	else
		cutover_refuse(v, psprintf("%d objects use other operators or functions at the destination", list_length(found)),
					   list.data, UNFOLLOWED_MEANING_HINT);
}

/*
 * What verifications before have found and nobody has fixed: a sample may well
 * pass it by. A later one of all rows, or of all definitions, that has not
 * found it again is the last word.
 */
static void
check_results(const Verify *v)
{
	StoreRows   *rows;
	StringInfoData list;

	rows = store_query("SELECT pg_catalog.count(*) OVER (), pg_catalog.concat_ws(' ', "
					   "d.source_schema || '.' || d.source_table, d.kind, d.object, d.key::text, "
					   "d.error) FROM dtsmig.verify_difference d "
					   "JOIN dtsmig.verify_run r USING (run_id) WHERE d.task_id = $1 "
					   "AND d.state IN ('found', 'failed') AND (r.mode = 'schema' OR EXISTS "
					   "(SELECT 1 FROM dtsmig.task_table t WHERE t.task_id = d.task_id "
					   "AND t.source_schema = d.source_schema AND t.source_table = d.source_table)) "
					   "AND NOT EXISTS (SELECT 1 FROM dtsmig.verify_run l WHERE l.task_id = d.task_id "
					   "AND l.run_id > d.run_id AND l.finished IS NOT NULL "
					   "AND l.mode = CASE r.mode WHEN 'schema' THEN 'schema' ELSE 'full' END "
					   "AND COALESCE(l.unsettled, 0) = 0 AND (l.tables IS NULL "
					   "OR d.source_table = ANY (l.tables) "
					   "OR d.source_schema || '.' || d.source_table = ANY (l.tables))) "
					   "ORDER BY d.difference_id LIMIT $2", "ii", v->task->id,
					   (int64) SHOWN_DIFFERENCES);
	if (rows->nrows == 0)
		return;
	initStringInfo(&list);
	for (int i = 0; i < rows->nrows; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? "\n" : "", rows->values[i][1]);
	if (store_int(rows, 0, 0) > rows->nrows)
		appendStringInfoString(&list, "\n...");
	cutover_refuse(v, psprintf("%s differences that a verification found are not fixed",
							   rows->values[0][0]), list.data,
				   "Use dtsmig.repair, or verify again (verify => 'full', of definitions 'schema'), or say accept_differences.");
}

/*
 * Statements of the source that the task has not replicated. What is needed
 * instead is for the user to do; that it was done, a verification of the
 * definitions since then says.
 */
static void
check_statements(const Verify *v)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.string_agg(x.message, E'\\n'), "
					   "pg_catalog.max(x.n) FROM (SELECT e.message, pg_catalog.count(*) OVER () AS n "
					   "FROM dtsmig.task_event e WHERE e.task_id = $1 "
					   "AND (pg_catalog.starts_with(e.message, $2) OR pg_catalog.starts_with(e.message, $3)) "
					   "AND NOT EXISTS (SELECT 1 FROM dtsmig.verify_run r WHERE r.task_id = e.task_id "
					   "AND r.mode = 'schema' AND r.started > e.logged AND r.finished IS NOT NULL "
					   "AND r.differences = 0) ORDER BY e.event_id LIMIT $4) x", "itti",
					   v->task->id, EVENT_SKIPPED, EVENT_NOT_REPLICATED,
					   (int64) SHOWN_DIFFERENCES);
	if (rows->values[0][0] != NULL)
		cutover_refuse(v, psprintf("%s statements of the source were not replicated", rows->values[0][1]),
					   rows->values[0][0],
					   "Do at the destination what is needed (rows of a table that is not part of the task do not come to it), let dtsmig.verify(task, 'schema') find nothing, or say accept_differences.");
}

char *
cutover_check(Verify *v, const CutoverOptions *options)
{
	int64		changes;
	char	   *position;
	/* one that cannot be asked is not compared either */
	bool		asks = !v->dest->elsewhere || v->dest->check != NULL;

	check_task(v);
	cutover_check_waits(v);
	if (!options->accept_differences)
		check_objects(v);
	v->conn = v->source->connect(v->info);
	source_check_local(v->task, v->source, v->conn);
	if (asks)
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
	if (!options->verify || options->mode != VERIFY_SCHEMA)
	{
		check_meanings(v, options->accept_differences);
		unfollowed_warn(v);
	}
	if (!options->accept_differences)
	{
		check_results(v);
		check_statements(v);
	}
	if (asks)
		cutover_check_keys(v, options);
	check_writers(v, false);
	position = drain(v, options);
	check_quiet(v, changes);
	return position;
}
