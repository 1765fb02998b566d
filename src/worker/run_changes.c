/*-------------------------------------------------------------------------
 *
 * run_changes.c
 *	  Steps catchup and changes: follows the source's log.
 *
 * Source transactions are gathered into destination transactions. One is
 * committed when the source has nothing more to say, when it is large, or
 * when it has waited long enough; always between two source transactions, and
 * together with the position that it reaches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "catalog/books.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How often an idle stream's position goes into the books. */
#define IDLE_BOOK_MS 5000
/* How often the distance to the log's end is asked. */
#define DISTANCE_MS 2000

typedef struct TableKey
{
	char		name[NAMEDATALEN * 8 + 2];	/* schema NUL table, zero-padded */
} TableKey;

typedef struct TableEntry
{
	TableKey	key;
	SourceRelation *rel;
} TableEntry;

typedef struct Follow
{
	TaskRun    *run;
	SourceStream *stream;
	DestWriter *writer;
	HTAB	   *tables;
	char	   *position;		/* applied when the writer commits next */
	TimestampTz commit_time;	/* the source's, of the last transaction */
	bool		in_transaction; /* between BEGIN and COMMIT of the source */
	SourcePos	transaction_start;
	int64		new_changes;	/* since the last commit here */
	int64		new_transactions;
	int64		changes;		/* ever */
	double		latency;		/* seconds; < 0: unknown */
	TimestampTz batch_started;
	TimestampTz last_booked;
	TimestampTz last_distance;
	TimestampTz rate_time;
	int64		rate_changes;
	void	   *book_plan;
} Follow;

/* ------------------------------------------------------- finding relations */

static bool
table_key(TableKey *key, const char *schema, const char *table)
{
	Size		s = strlen(schema);
	Size		t = strlen(table);

	memset(key, 0, sizeof(*key));
	if (s + t + 2 > sizeof(key->name))
		return false;
	memcpy(key->name, schema, s);
	memcpy(key->name + s + 1, table, t);
	return true;
}

static void
index_relations(Follow *f)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(TableKey);
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = f->run->cxt;
	f->tables = hash_create("dtsmig relations", Max(f->run->nrels, 16), &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < f->run->nrels; i++)
	{
		SourceRelation *rel = f->run->rels[i];
		TableKey	key;
		TableEntry *entry;

		if (!table_key(&key, rel->schema, rel->name))
			continue;
		entry = hash_search(f->tables, &key, HASH_ENTER, NULL);
		entry->rel = rel;
	}
}

static SourceRelation *
lookup_relation(void *arg, const char *schema, const char *table)
{
	Follow	   *f = arg;
	TableKey	key;
	TableEntry *entry;

	if (!table_key(&key, schema, table))
		return NULL;
	entry = hash_search(f->tables, &key, HASH_FIND, NULL);
	return entry ? entry->rel : NULL;
}

/*
 * Does a statement that names this table concern the task? With table NULL:
 * does it if it concerns the whole schema? Tables that the rules select count
 * too when they do not exist yet.
 */
static bool
is_selected(void *arg, const char *schema, const char *table)
{
	Follow	   *f = arg;
	bool		known_schema = false;

	if (table != NULL && lookup_relation(f, schema, table) != NULL)
		return true;
	for (int i = 0; i < f->run->nrels && !known_schema; i++)
		known_schema = strcmp(f->run->rels[i]->schema, schema) == 0;
	if (table == NULL || !known_schema)
		return known_schema;
	return selection_has(f->run->selection, schema, table);
}

/* ------------------------------------------------------------ committing */

/* PositionWriter: in the transaction that carries the rows. */
static void
write_position(void *arg)
{
	Follow	   *f = arg;

	(void) books_exec_kept(&f->book_plan,
						   "INSERT INTO dtsmig.task_position AS p (task_id, "
						   "applied_position, commit_time, changes, transactions) "
						   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task_id) "
						   "DO UPDATE SET applied_position = EXCLUDED.applied_position, "
						   "commit_time = EXCLUDED.commit_time, "
						   "changes = p.changes + EXCLUDED.changes, "
						   "transactions = p.transactions + EXCLUDED.transactions, "
						   "updated = pg_catalog.clock_timestamp()",
						   "itzii", f->run->task->id, f->position, f->commit_time,
						   f->new_changes, f->new_transactions);
}

/* What the views show, now and then. */
static void
publish(Follow *f)
{
	TaskShared *shared = f->run->shared;
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (now - f->rate_time) / 1000000.0;

	SpinLockAcquire(&shared->mutex);
	shared->heartbeat = now;
	shared->changes = f->changes;
	shared->latency_seconds = f->latency;
	if (f->position)
		strlcpy(shared->applied_position, f->position, SHARED_TEXT);
	if (seconds >= 1.0)
		shared->changes_per_second = (f->changes - f->rate_changes) / seconds;
	SpinLockRelease(&shared->mutex);
	if (seconds >= 1.0)
	{
		f->rate_time = now;
		f->rate_changes = f->changes;
	}
}

/* How far behind, asked of the source itself every few seconds. */
static void
ask_distance(Follow *f)
{
	TaskRun    *run = f->run;
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext cxt;
	MemoryContext old;
	int64		bytes;
	char	   *end;

	if (f->position == NULL ||
		!TimestampDifferenceExceeds(f->last_distance, now, DISTANCE_MS))
		return;
	f->last_distance = now;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig distance",
								ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	bytes = run->source->log_distance(run->conn, f->position, &end);
	SpinLockAcquire(&run->shared->mutex);
	run->shared->latency_bytes = bytes;
	if (end)
		strlcpy(run->shared->source_position, end, SHARED_TEXT);
	SpinLockRelease(&run->shared->mutex);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Commits what has been gathered; the stream is between two transactions. */
static void
commit_batch(Follow *f)
{
	TaskRun    *run = f->run;
	TimestampTz now;

	if (f->position)
		pfree(f->position);
	f->position = run->source->stream_position(f->stream);
	run->dest->commit(f->writer, write_position, f);
	MemoryContextSwitchTo(run->cxt);
	run->source->confirm(f->stream, f->position);
	f->changes += f->new_changes;
	f->new_changes = f->new_transactions = 0;
	now = GetCurrentTimestamp();
	f->last_booked = f->batch_started = now;
	f->latency = f->commit_time ? Max(0, (now - f->commit_time) / 1000000.0) : 0;
	publish(f);
}

/* ---------------------------------------------------------------- changes */

static void
take_row(Follow *f, Change *change)
{
	SourceRelation *rel = change->rel;

	change->pos = f->transaction_start;
	if (rel->snap_elsewhere != NULL)
		change->copied = change->idempotent =
			f->run->source->stream_is_in(f->stream, rel->snap_elsewhere);
	else
	{
		change->copied = change_is_before(change, rel->snap_lo);
		change->idempotent = change_is_before(change, rel->snap_hi);
	}
	if (f->new_changes++ == 0)
		f->batch_started = GetCurrentTimestamp();
	f->run->dest->change(f->writer, change);
}

static void
refuse_ddl(Follow *f, const Change *change)
{
	if (f->new_changes > 0)
		commit_batch(f);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a statement changed the schema of migrated tables: %.500s",
					change->ddl_sql),
			 errdetail("It ran in database \"%s\" and ends at %s:" UINT64_FORMAT ".",
					   change->ddl_schema ? change->ddl_schema : "",
					   "log position", change->pos.offset),
			 errhint("This version does not carry schema changes. Everything before the statement is applied. Drop the task and the migrated tables, and start a new one.")));
}

/*
 * Has it been gathered long enough? Called between two source transactions.
 */
static bool
batch_is_due(Follow *f)
{
	TaskOptions *o = f->run->options;

	if (f->new_changes == 0)
		return false;
	return f->new_changes >= o->batch_rows ||
		TimestampDifferenceExceeds(f->batch_started, GetCurrentTimestamp(),
								   (int) o->batch_delay);
}

/* The source says where it is and that nothing is left before it. */
static void
source_is_idle(Follow *f, bool book_now)
{
	TimestampTz now = GetCurrentTimestamp();

	if (f->new_changes > 0)
		commit_batch(f);
	else if (book_now ||
			 TimestampDifferenceExceeds(f->last_booked, now, IDLE_BOOK_MS))
		commit_batch(f);
	f->latency = 0;
	publish(f);
}

/*
 * Handles one change; returns true when the stream has to be opened again
 * from the last applied position.
 */
static bool
take_change(Follow *f, Change *change)
{
	switch (change->kind)
	{
		case CHANGE_BEGIN:
			f->in_transaction = true;
			f->transaction_start = change->pos;
			break;
		case CHANGE_INSERT:
		case CHANGE_UPDATE:
		case CHANGE_DELETE:
		case CHANGE_TRUNCATE:
			take_row(f, change);
			break;
		case CHANGE_COMMIT:
			f->in_transaction = false;
			f->commit_time = change->commit_time;
			f->new_transactions++;
			if (batch_is_due(f))
				commit_batch(f);
			break;
		case CHANGE_ROLLBACK:
			return true;
		case CHANGE_DDL:
			refuse_ddl(f, change);
			break;
		case CHANGE_HEARTBEAT:
			if (!f->in_transaction)
				source_is_idle(f, false);
			break;
	}
	return false;
}

static void
open_stream(Follow *f, const char *position)
{
	TaskRun    *run = f->run;
	StreamCallbacks callbacks;
	DestOptions dest_options;

	callbacks.lookup = lookup_relation;
	callbacks.selected = is_selected;
	callbacks.arg = f;
	f->stream = run->source->open_changes(run->info, position, &callbacks,
										  &run->options->policy);
	dest_options.batch_rows = run->options->batch_rows;
	dest_options.batch_bytes = run->options->batch_memory * INT64CONST(1048576);
	dest_options.overwrite = run->options->conflict == 1;
	f->writer = run->dest->open(&dest_options);
	run->dest->set_relations(f->writer, run->rels, run->nrels);
	f->in_transaction = false;
	f->new_changes = f->new_transactions = 0;
}

static void
close_stream(Follow *f)
{
	f->run->dest->abort(f->writer);
	f->run->dest->close(f->writer);
	f->run->source->close_changes(f->stream);
	f->stream = NULL;
	f->writer = NULL;
}

/* Where this task goes on; NULL if it has not applied anything yet. */
static char *
applied_position(Follow *f)
{
	BookRows   *rows;
	char	   *position = NULL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(f->run->cxt);
	rows = books_query("SELECT applied_position, changes FROM dtsmig.task_position "
					   "WHERE task_id = $1", "i", f->run->task->id);
	if (rows->nrows > 0)
	{
		position = rows->values[0][0];
		f->changes = book_int(rows, 0, 1);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(f->run->cxt);
	return position ? position : f->run->task->start_position;
}

static void
housekeeping(Follow *f)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	ask_distance(f);
}

/* Follows until the position is reached (true) or the stream must reopen. */
static bool
follow(Follow *f, const SourcePos *until)
{
	TaskRun    *run = f->run;

	for (;;)
	{
		bool		waiting = f->new_changes > 0 && !f->in_transaction;
		Change	   *change;

		change = run->source->next_change(f->stream,
										  run->dest->row_context(f->writer),
										  waiting ? 10 : 1000);
		if (change == NULL)
		{
			if (waiting)
				commit_batch(f);
			publish(f);
			housekeeping(f);
			continue;
		}
		if (change->kind >= CHANGE_COMMIT || change->kind == CHANGE_BEGIN)
		{
					housekeeping(f);
		}
		if (take_change(f, change))
			return false;
		if (until && (change->kind == CHANGE_COMMIT ||
					  change->kind == CHANGE_HEARTBEAT) && !f->in_transaction &&
			source_pos_cmp(change->pos, *until) >= 0)
		{
			run->dest->consistent(f->writer);
			source_is_idle(f, true);
			return true;
		}
	}
}

void
run_changes(TaskRun *run, const char *until)
{
	Follow	   *f = MemoryContextAllocZero(run->cxt, sizeof(Follow));
	SourcePos	target = SOURCE_POS_MIN;
	bool		reached = false;

	MemoryContextSwitchTo(run->cxt);
	f->run = run;
	f->latency = -1;
	f->rate_time = GetCurrentTimestamp();
	if (until)
		target = run->source->parse_position(until);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	task_open_relations(run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(run->cxt);
	index_relations(f);

	while (!reached)
	{
		char	   *position = applied_position(f);

		f->rate_changes = f->changes;
		if (position == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the source keeps no log to follow"),
					 errhint("Switch its binary log on, then start a new task.")));
		open_stream(f, position);
		reached = follow(f, until ? &target : NULL);
		close_stream(f);
		MemoryContextSwitchTo(run->cxt);
	}
}
