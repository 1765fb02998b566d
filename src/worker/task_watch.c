/*-------------------------------------------------------------------------
 *
 * task_watch.c
 *	  A task worker's look at itself: samples for dtsmig.metrics, and the
 *	  alerts that come from looking.
 *
 * What is sampled lies in memory that the worker has anyway; a sample is taken
 * in time also while a large transaction is being applied, and written when a
 * transaction of its own can be had. Alerts of errors are raised where errors
 * end (trouble.c); in this file are those of latency, of the source's log
 * running short, of tables that have changed under the task's hands, of those
 * that wait to be copied again, of objects that could not be made, and the end
 * of all these.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "store/states.h"
#include "store/way_back.h"
#include "worker/task_watch.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "store/alert.h"
#include "store/metric.h"
#include "store/object.h"
#include "store/retry.h"
#include "store/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "worker/take_up.h"
#include "worker/trouble.h"

/*
 * How often latency, the source's log, and tables of the destination are looked
 * at.
 */
#define LATENCY_MS 3000
#define REST_MS 1000			/* while the task waits to be tried again */
#define RETENTION_MS 30000
#define DRIFT_MS 30000
#define OBJECTS_MS 10000
#define RETURN_MS 10000
/* How often samples that are too old are removed. */
#define PRUNE_MS 300000
/* Samples that can wait for a transaction. */
#define SAMPLES 256

struct TaskWatch
{
	MetricSample samples[SAMPLES];	/* to be written */
	int			nsamples;
	TimestampTz last_sample;
	uint64		last_rows;
	uint64		last_bytes;
	uint64		last_changes;
	TimestampTz last_prune;
	TimestampTz last_latency;
	TimestampTz last_retention;
	TimestampTz last_drift;
	TimestampTz last_objects;
	TimestampTz last_return;
	bool		calm;			/* alerts of errors before this run are cleared */
	bool		late;			/* an alert of latency stands, as far as known */
	bool		short_log;		/* an alert of retention stands, the same */
	bool		known;			/* whether they stand has been read */
	LogLeft		left;			/* share < 0: nothing new */
	char		left_found[256];
	char		left_advice[256];
};

static TaskWatch *
get_watch(TaskRun *run)
{
	if (run->watch == NULL)
	{
		run->watch = MemoryContextAllocZero(run->cxt, sizeof(TaskWatch));
		run->watch->left.share = -1;
	}
	return run->watch;
}

static bool
due(TimestampTz last, TimestampTz now, int ms)
{
	return last == 0 || TimestampDifferenceExceeds(last, now, ms);
}

/* -------------------------------------------------------------- sampling */

static double
per_second(double now, double before, double seconds)
{
	return now > before ? (now - before) / seconds : 0;
}

static void
take_sample(TaskRun *run, TaskWatch *w, TimestampTz now)
{
	TaskShared *s = run->shared;
	uint64		rows = pg_atomic_read_u64(&s->rows_total);
	uint64		bytes = pg_atomic_read_u64(&s->bytes_total);
	double		seconds = (now - w->last_sample) / (double) USECS_PER_SEC;
	MetricSample *sample;
	uint64		changes = pg_atomic_read_u64(&s->changes_total);

	/* when nothing can be written for long, every other one has to do */
	if (w->nsamples == SAMPLES)
	{
		for (int i = 0; i < SAMPLES / 2; i++)
			w->samples[i] = w->samples[i * 2];
		w->nsamples = SAMPLES / 2;
	}
	sample = &w->samples[w->nsamples];
	memset(sample, 0, sizeof(*sample));
	sample->at = now;
	if (w->last_sample != 0)
	{
		sample->rows_per_second = per_second(rows, w->last_rows, seconds);
		sample->bytes_per_second = per_second(bytes, w->last_bytes, seconds);
		sample->changes_per_second = per_second(changes, w->last_changes, seconds);
	}
	sample->latency_seconds = s->latency_seconds;
	sample->latency_bytes = s->latency_bytes;
	sample->changes = s->changes;
	sample->memory = (int64) MemoryContextMemAllocated(TopMemoryContext, true);
	for (int i = 0; i < s->nslots && i < MAX_COPY_WORKERS; i++)
	{
		CopySlot   *slot = &s->slots[i];

		if (slot->state != COPY_WORKER_STARTING && slot->state != COPY_WORKER_READY)
			continue;
		sample->rows += pg_atomic_read_u64(&slot->rows);
		sample->bytes += pg_atomic_read_u64(&slot->bytes);
		sample->memory += pg_atomic_read_u64(&slot->memory);
		sample->copy_workers++;
	}
	if (w->last_sample != 0)
		w->nsamples++;
	w->last_sample = now;
	w->last_rows = rows;
	w->last_bytes = bytes;
	w->last_changes = changes;
}

static void
write_samples(TaskRun *run, TaskWatch *w)
{
	for (int i = 0; i < w->nsamples; i++)
		store_metric_add(run->task->id, &w->samples[i]);
	w->nsamples = 0;
}

/* A sample of nothing, if one is due. In a transaction. */
static void
sample_rest(int64 task_id, TaskShared *shared, TimestampTz now)
{
	static TimestampTz last_sample = 0;
	Jsonb	   *options = store_task_options(task_id);
	int64		interval;
	MetricSample s = {0};

	interval = options == NULL ? 0 : options_parse(options)->metrics_interval;
	if (interval == 0 || !due(last_sample, now, (int) interval * 1000 - 50))
		return;
	s.at = now;
	s.latency_seconds = -1;
	s.latency_bytes = -1;
	s.changes = shared->changes;
	s.memory = (int64) MemoryContextMemAllocated(TopMemoryContext, true);
	store_metric_add(task_id, &s);
	last_sample = now;
}

void
watch_rest(int64 task_id, TaskShared *shared)
{
	static TimestampTz last_look = 0;
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext old = CurrentMemoryContext;
	MemoryContext cxt;

	if (!due(last_look, now, REST_MS))
		return;
	last_look = now;
	cxt = AllocSetContextCreate(old, "dtsmig rest", ALLOCSET_SMALL_SIZES);
	PG_TRY();
	{
		StartTransactionCommand();
		/* a sample that is lost in a crash is no loss */
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(cxt);
		sample_rest(task_id, shared, now);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		/*
		 * what the task waits for (a full disk) may be in the way of this, too
		 */
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* ---------------------------------------------------------------- latency */

static bool
follows(const TaskRun *run)
{
	return strcmp(run->task->step, TASK_STEP_CHANGES) == 0 && run->task->consistent;
}

static void
check_latency(TaskRun *run, TaskWatch *w, List **reported)
{
	int64		limit = run->options->alert_latency;
	double		latency = run->shared->latency_seconds;

	if (limit > 0 && latency > (double) limit)
	{
		char	   *text = alert_raise(run->task->id, ALERT_LATENCY, "",
									   psprintf("changes arrive %.0f seconds late, more than the " INT64_FORMAT " of alert_latency",
												latency, limit),
									   run->shared->latency_bytes >= 0 ?
									   psprintf(INT64_FORMAT " bytes of the source's log are to be read.",
												run->shared->latency_bytes) : NULL,
									   "See dtsmig.metrics for how it came; throttles, long transactions and locks at the destination are the usual causes.");

		w->late = true;
		if (text)
			*reported = lappend(*reported, text);
	}
	/* not at the limit itself, where it would come and go */
	else if (w->late && (limit == 0 || (latency >= 0 && latency < limit / 2.0)))
	{
		*reported = list_concat(*reported, alert_clear(run->task->id, ALERT_LATENCY, NULL, 0));
		w->late = false;
	}
}

/* -------------------------------------------------------------- retention */

static void
ask_retention(TaskRun *run, TaskWatch *w)
{
	LogLeft		left = {-1, NULL, NULL};
	const char *position = run->info->keep_from ? run->info->keep_from :
		run->applied;

	if (run->source->log_left == NULL || position == NULL)
		return;
	run->source->log_left(run->conn, position,
						  Max(run->shared->latency_seconds, 0), &left);
	w->left.share = left.share;
	strlcpy(w->left_found, left.found ? left.found : "", sizeof(w->left_found));
	strlcpy(w->left_advice, left.advice ? left.advice : "", sizeof(w->left_advice));
}

static void
check_retention(TaskRun *run, TaskWatch *w, List **reported)
{
	double		limit = run->options->alert_retention / 100.0;
	double		share = w->left.share;

	w->left.share = -1;
	if (share >= 0 && share < limit)
	{
		char	   *text = alert_raise(run->task->id, ALERT_RETENTION, "",
									   psprintf("%.0f percent are left of the log that the source keeps: %s",
												share * 100, w->left_found),
									   "When the source removes log that has not been read, the task has to start again.",
									   w->left_advice[0] ? w->left_advice : NULL);

		w->short_log = true;
		if (text)
			*reported = lappend(*reported, text);
	}
	else if (w->short_log && (share > limit + 0.05 || limit == 0))
	{
		*reported = list_concat(*reported, alert_clear(run->task->id, ALERT_RETENTION, NULL, 0));
		w->short_log = false;
	}
}

/* ------------------------------------------------------------------ drift */

static const SourceColumn *
column_of(const SourceRelation *rel, AttrNumber attnum)
{
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated && rel->columns[i].target_attnum == attnum)
			return &rel->columns[i];
	return NULL;
}

static bool
was_generated(const SourceRelation *rel, const char *name)
{
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].generated && rel->columns[i].target_name != NULL &&
			strcmp(rel->columns[i].target_name, name) == 0)
			return true;
	return false;
}

/* What is other about a column than the task believes; NULL: nothing. */
static char *
column_drift(const SourceRelation *rel, AttrNumber attnum)
{
	const SourceColumn *col = column_of(rel, attnum);
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rel->target_relid),
									  Int16GetDatum(attnum));
	Form_pg_attribute att;
	char	   *text = NULL;

	if (!HeapTupleIsValid(tup))
		return col ? psprintf("column \"%s\" is gone", col->target_name) : NULL;
	att = (Form_pg_attribute) GETSTRUCT(tup);
	if (col == NULL)
	{
		if (was_generated(rel, NameStr(att->attname)) && att->attgenerated == '\0')
			text = psprintf("column \"%s\" is not generated any more, and gets no values",
							NameStr(att->attname));
		else if (!att->attisdropped && att->attnotnull && !att->atthasdef &&
			att->attidentity == '\0')
			text = psprintf("column \"%s\", which the source does not have, takes no NULL and has no default",
							NameStr(att->attname));
	}
	else if (att->attisdropped)
		text = psprintf("column \"%s\" is dropped", col->target_name);
	else if (strcmp(NameStr(att->attname), col->target_name) != 0)
		text = psprintf("column \"%s\" is now called \"%s\"", col->target_name,
						NameStr(att->attname));
	else if (OidIsValid(col->target_typid) ? att->atttypid != col->target_typid :
			 att->atttypid != col->typid || att->atttypmod != col->typmod)
		text = psprintf("column \"%s\" is now of type %s", col->target_name,
						format_type_with_typemod(att->atttypid, att->atttypmod));
	else if (att->attnotnull && !col->target_not_null)
		text = psprintf("column \"%s\" takes no NULL any more", col->target_name);
	ReleaseSysCache(tup);
	return text;
}

static char *
table_drift(const SourceRelation *rel)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(rel->target_relid));
	char	   *text = NULL;
	int			natts;

	if (!HeapTupleIsValid(tup))
		return pstrdup("it is dropped");
	natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
	ReleaseSysCache(tup);
	if (strcmp(get_rel_name(rel->target_relid), rel->target_name) != 0)
		return psprintf("it is now called \"%s\"", get_rel_name(rel->target_relid));
	for (AttrNumber i = 1; i <= natts && text == NULL; i++)
		text = column_drift(rel, i);
	return text;
}

/*
 * Tables of the destination that somebody else has changed; statements of the
 * source do not count.
 */
static void
check_drift(TaskRun *run, List **reported)
{
	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];
		char	   *subject = psprintf("%s.%s", rel->target_schema, rel->target_name);
		char	   *what;

		if (rel->resync || rel->def->columns == NIL || !OidIsValid(rel->target_relid))
			continue;
		what = table_drift(rel->out);
		if (what != NULL)
		{
			char	   *text = alert_raise(run->task->id, ALERT_DRIFT, subject,
										   psprintf("table %s at the destination is not any more what the task made it: %s",
													subject, what),
										   "Changes of it may fail, or not arrive whole.",
										   "Undo that, or have the table copied again by resync_table.");

			if (text)
				*reported = lappend(*reported, text);
			rel->drifted = true;
		}
		else if (rel->drifted)
		{
			*reported = list_concat(*reported, alert_clear(run->task->id, ALERT_DRIFT,
												   subject, 0));
			rel->drifted = false;
		}
	}
}

/* ----------------------------------------------------------------- waiting */

/* Tables that are to be copied again and cannot be: why. */
static void
check_waits(TaskRun *run, List **reported)
{
	ListCell   *lc;

	foreach(lc, alert_resyncs_over(run->task->id))
		*reported = list_concat(*reported, alert_clear(run->task->id, ALERT_RESYNC,
											   lfirst(lc), 0));
	foreach(lc, store_tables_blocked(run->task->id))
	{
		BlockedTable *t = lfirst(lc);
		char	   *text = alert_raise(run->task->id, ALERT_RESYNC, t->name,
									   psprintf("table %s is to be copied again, and cannot be yet",
												t->name),
									   t->why,
									   "Its changes are not applied until then; see dtsmig.task_tables.");

		if (text)
			*reported = lappend(*reported, text);
	}
}

/* ----------------------------------------------------------- the way back */

static void
check_return(TaskRun *run, List **reported)
{
	char	   *why;
	char	   *text;

	if (run->task->reverse_of == 0 && task_load_partner(run->task, false) == NULL)
		return;
	why = take_up_no_return(run->task, run->source, run->conn);
	store_set_no_return(run->task->id, why);
	if (why == NULL)
	{
		*reported = list_concat(*reported, alert_clear(run->task->id, ALERT_NO_RETURN, NULL, 0));
		return;
	}
	text = alert_raise(run->task->id, ALERT_NO_RETURN, "", "the application could not go back",
					   why, "Make at the other end what it lacks, or live with it; see dtsmig.tasks.can_return.");
	if (text)
		*reported = lappend(*reported, text);
}

/* -------------------------------------------------------------- the looks */

void
watch_look(TaskRun *run, bool in_transaction)
{
	TaskWatch  *w = get_watch(run);
	TimestampTz now = GetCurrentTimestamp();
	int64		interval = run->options->metrics_interval;

	if (interval > 0 && due(w->last_sample, now, (int) interval * 1000 - 50))
		take_sample(run, w, now);
	if (!in_transaction && follows(run) && run->options->alert_retention > 0 &&
		due(w->last_retention, now, run->options_changed ? 0 : RETENTION_MS))
	{
		w->last_retention = now;
		ask_retention(run, w);
	}
}

bool
watch_is_due(const TaskRun *run)
{
	const TaskWatch *w = run->watch;
	TimestampTz now = GetCurrentTimestamp();

	return w->nsamples > 0 || !w->known || w->left.share >= 0 || !w->calm ||
		due(w->last_latency, now, LATENCY_MS) ||
		due(w->last_objects, now, OBJECTS_MS) || due(w->last_prune, now, PRUNE_MS);
}

/* What stands from before: this run has to clear it in its time. */
static void
learn(TaskRun *run, TaskWatch *w)
{
	w->late |= alert_subjects(run->task->id, ALERT_LATENCY) != NIL;
	w->short_log |= alert_subjects(run->task->id, ALERT_RETENTION) != NIL;
	w->known = true;
}

/* Alerts of tables stand from before this run: its relations know nothing. */
static void
learn_drift(TaskRun *run)
{
	ListCell   *lc;

	foreach(lc, alert_subjects(run->task->id, ALERT_DRIFT))
		for (int i = 0; i < run->nrels; i++)
			run->rels[i]->drifted |=
				strcmp(lfirst(lc), psprintf("%s.%s", run->rels[i]->target_schema,
											run->rels[i]->target_name)) == 0;
}

List *
watch_write(TaskRun *run)
{
	TaskWatch  *w = get_watch(run);
	TimestampTz now = GetCurrentTimestamp();
	List	   *reported = NIL;

	write_samples(run, w);
	if (due(w->last_prune, now, PRUNE_MS))
	{
		w->last_prune = now;
		store_metrics_prune(run->task->id, run->options->metrics_retention);
	}
	if (!w->known)
		learn(run, w);
	if (!w->calm && run->running_since != 0 &&
		trouble_has_passed(run->task->id, run->running_since))
	{
		reported = list_concat(reported, alert_clear(run->task->id, ALERT_RETRYING, NULL, 0));
		reported = list_concat(reported, alert_clear(run->task->id, ALERT_FAILED, NULL, 0));
		w->calm = true;
	}
	if (due(w->last_objects, now, OBJECTS_MS))
	{
		w->last_objects = now;
		reported = list_concat(reported, object_watch(run->task->id));
	}
	if (!follows(run))
		return reported;
	if (due(w->last_latency, now, LATENCY_MS) || run->options_changed)
	{
		w->last_latency = now;
		check_latency(run, w, &reported);
		check_waits(run, &reported);
	}
	if (w->left.share >= 0 || run->options->alert_retention == 0)
		check_retention(run, w, &reported);
	if (due(w->last_return, now, RETURN_MS) && run->stream != NULL)
	{
		w->last_return = now;
		check_return(run, &reported);
	}
	if (due(w->last_drift, now, run->options_changed ? 0 : DRIFT_MS) &&
		run->rels != NULL)
	{
		w->last_drift = now;
		learn_drift(run);
		check_drift(run, &reported);
	}
	return reported;
}
