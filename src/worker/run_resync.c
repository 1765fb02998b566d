/*-------------------------------------------------------------------------
 *
 * run_resync.c
 *	  Copies tables again while the rest of the task waits: those that the
 *	  user asked for, and those whose rows a statement of the source changed
 *	  in a way that the log does not tell.
 *
 * A snapshot is opened, the source says what the tables look like now, and in
 * one transaction the tables are emptied, brought to that shape, filled, and
 * noted with the snapshot's position: changes before it are passed over when
 * the stream goes on. Tables that take part in a foreign key's action go
 * together, so that an action of a parent is in the copies of both.
 *
 * Where a snapshot does not say its position, two are known that it lies
 * between: what is in the first, by GTID, is passed over, what comes up to
 * the second is applied so that twice does no harm. A table without a key has
 * a snapshot of its own then, which is exact.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "access/xact.h"
#include "catalog/books.h"
#include "miscadmin.h"
#include "schema/mysql_ddl.h"
#include "transform/shape.h"
#include "transform/shape_rows.h"
#include "transform/shards.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define LOAD_CHUNK (64 * 1024)
/* So often a snapshot is taken again because of DDL after it. */
#define RESYNC_TRIES 50

typedef struct Resync
{
	TaskRun    *run;
	MemoryContext cxt;
	SourceConn *conn;			/* that holds the snapshot */
	char	   *snapshot;		/* position that it has all before, */
	char	   *high;			/* and nothing after */
	SourceRelation *keyless;	/* for which the snapshot stands exactly at high,
								 * where it does not for all */
	char	   *applied;		/* where the stream goes on */
	List	   *tables;			/* TableDef * of the source before the snapshot,
								 * where that is not exact */
	bool		more;			/* some are left for another time */
	char	   *described;		/* position after the source was asked */
	List	   *rels;			/* SourceRelation *: to be copied */
	List	   *pairs;			/* PlanPair * of all tables */
	PlanOptions *plan;
} Resync;

bool
task_wants_resync(TaskRun *run)
{
	BookRows   *rows;

	rows = books_query("SELECT count(*) FROM dtsmig.task_table "
					   "WHERE task_id = $1 AND state = 'resync'", "i",
					   run->task->id);
	return book_int(rows, 0, 0) > 0;
}

/* ------------------------------------------------------------------ which */

static bool
is_action(const char *rule)
{
	return rule != NULL && pg_strcasecmp(rule, "RESTRICT") != 0 &&
		pg_strcasecmp(rule, "NO ACTION") != 0;
}

static bool
has_action(const TableForeignKey *fk)
{
	return is_action(fk->on_delete) || is_action(fk->on_update);
}

static bool
is_child(const TableDef *child, const TableDef *parent)
{
	ListCell   *lc;

	foreach(lc, child->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (has_action(fk) && strcmp(fk->ref_table, parent->name) == 0 &&
			strcmp(fk->ref_schema, parent->schema) == 0)
			return true;
	}
	return false;
}

/* Marked tables, and all that their foreign keys' actions reach. */
static void
choose(Resync *r)
{
	TaskRun    *run = r->run;
	bool		more = true;

	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i]->resync)
			r->rels = lappend(r->rels, run->rels[i]);
	while (more)
	{
		more = false;
		for (int i = 0; i < run->nrels; i++)
		{
			SourceRelation *rel = run->rels[i];
			ListCell   *lc;

			if (list_member_ptr(r->rels, rel) || rel->def->columns == NIL)
				continue;
			foreach(lc, r->rels)
			{
				SourceRelation *parent = lfirst(lc);

				if (!is_child(rel->def, parent->def))
					continue;
				r->rels = lappend(r->rels, rel);
				more = true;
				break;
			}
		}
	}
}

/* ------------------------------------------------------------ definitions */

static List *
schemas_of(Resync *r)
{
	List	   *schemas = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		bool		known = false;

		foreach(lc2, schemas)
			known |= strcmp(lfirst(lc2), rel->schema) == 0;
		if (!known)
			schemas = lappend(schemas, rel->schema);
	}
	return schemas;
}

/* What is of the same name stays what it is at the destination. */
static void
take_targets(TableDef *def, const TableDef *old)
{
	ListCell   *lc;
	ListCell   *lc2;

	def->target_schema = old->target_schema;
	def->target_name = old->target_name;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		foreach(lc2, old->columns)
		{
			TableColumn *was = lfirst(lc2);

			if (strcmp(was->name, col->name) != 0)
				continue;
			col->origin = col->name;
			col->target_name = was->target_name;
			col->left_out = was->left_out;
			if (strcmp(col->base_type, "enum") == 0 &&
				strcmp(was->base_type, "enum") == 0)
				col->pg_type = was->pg_type;
		}
	}
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		foreach(lc2, old->indexes)
		{
			TableIndex *was = lfirst(lc2);

			if (strcmp(was->name, index->name) != 0)
				continue;
			index->origin = index->name;
			index->target_name = was->target_name;
		}
	}
	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		foreach(lc2, old->foreign_keys)
		{
			TableForeignKey *was = lfirst(lc2);

			if (strcmp(was->name, fk->name) == 0)
				fk->target_name = was->target_name;
		}
	}
	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);

		foreach(lc2, old->checks)
		{
			TableCheck *was = lfirst(lc2);

			if (strcmp(was->name, check->name) == 0)
				check->target_name = was->target_name;
		}
	}
}

/* Of the tables of the source; NULL: not there, or without rows. */
static TableDef *
find_def(List *tables, const SourceRelation *rel)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (strcmp(def->name, rel->name) != 0 ||
			strcmp(def->schema, rel->schema) != 0 || !model_has_rows(def))
			continue;
		if (def->unreadable)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("the source does not show the columns of table \"%s\".\"%s\"",
							def->schema, def->name)));
		return def;
	}
	return NULL;
}

/* Do rows of the two look the same? */
static bool
same_shape(const TableDef *a, const TableDef *b)
{
	TableDef	x = *a;
	TableDef	y = *b;
	Jsonb	   *jx;
	Jsonb	   *jy;

	x.auto_increment = y.auto_increment = NULL;
	x.rows_estimate = y.rows_estimate = 0;
	x.data_bytes = y.data_bytes = 0;
	jx = model_to_jsonb(&x);
	jy = model_to_jsonb(&y);
	return VARSIZE(jx) == VARSIZE(jy) && memcmp(jx, jy, VARSIZE(jx)) == 0;
}

/*
 * Sets the pairs to what the source has now; a table that it has not is no
 * longer among those to be copied.
 */
static void
look_up(Resync *r)
{
	List	   *tables = r->run->source->describe(r->run->conn, schemas_of(r));
	List	   *found = NIL;
	ListCell   *lc;

	r->described = r->run->source->current_position(r->run->conn);
	r->pairs = task_pairs(r->run);
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		PlanPair   *pair = task_pair_of(r->pairs, rel->table_id);
		TableDef   *def = find_def(tables, rel);

		/* DDL that is still to come in the log shapes the table */
		if (def == NULL ||
			(r->run->source->plan_objects && rel->def->columns != NIL &&
			 !task_same_columns(def, rel->def)))
			continue;
		if (r->tables != NIL)
		{
			TableDef   *was = find_def(r->tables, rel);

			if (was == NULL || !same_shape(was, def))
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("table \"%s\".\"%s\" was altered while a snapshot was taken",
								rel->schema, rel->name)));
		}
		shape_columns(r->run->selection, def, NULL);
		take_targets(def, rel->def);
		if (rel->def->columns != NIL && pair != NULL &&
			shape_leaves_out(r->run->selection, rel->schema, rel->name,
							 OPERATION_ALTER_TABLE))
		{
			/* nothing is altered here */
			shape_freeze(def, rel->def);
			pair->before = def;
		}
		if (pair == NULL)
		{
			pair = palloc0(sizeof(PlanPair));
			pair->id = rel->table_id;
			r->pairs = lappend(r->pairs, pair);
		}
		pair->after = def;
		pair->emptied = true;
		found = lappend(found, rel);
	}
	r->rels = found;
}

/* --------------------------------------------------------------- snapshot */

/*
 * A snapshot between two positions: what lies in the first is known to be in
 * it. Of tables without a key one at a time has an exact one.
 */
static void
open_inexact(Resync *r, SourceSnapshot *snapshot)
{
	TaskRun    *run = r->run;
	List	   *rels = NIL;
	char	   *start;
	ListCell   *lc;

	r->tables = run->source->describe(run->conn, schemas_of(r));
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		TableDef   *def = find_def(r->tables, rel);

		if (def != NULL && model_row_key(def) == NULL)
		{
			if (r->keyless != NULL)
			{
				if (!rel->resync)
					task_mark_resync(run, rel->table_id,
									 "its foreign key acts on it");
				r->more = true;
				continue;
			}
			r->keyless = rel;
		}
		rels = lappend(rels, rel);
	}
	r->rels = rels;
	start = run->source->start_position(run->conn);
	if (start == NULL)
		return;
	r->snapshot = run->source->position_by_gtid(start);
	if (r->snapshot == NULL)
		r->snapshot = start;
	if (r->keyless != NULL)
		run->source->open_table_snapshot(r->conn, run->info, r->keyless,
										 snapshot);
	else
		run->source->open_snapshot(r->conn, NULL, snapshot);
	r->high = snapshot->high;
}

static void
open_snapshot(Resync *r)
{
	TaskRun    *run = r->run;
	SourceSnapshot snapshot = {0};
	BookRows   *rows;

	r->conn = run->source->connect(run->info);
	run->source->open_snapshot(r->conn, NULL, &snapshot);
	r->snapshot = snapshot.low;
	r->high = snapshot.high;
	if (!snapshot.exact)
		open_inexact(r, &snapshot);
	if (r->snapshot == NULL || r->high == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source does not tell at which position a snapshot stands"),
				 errhint("Start the task anew to copy its tables again.")));
	rows = books_query("SELECT applied_position FROM dtsmig.task_position "
					   "WHERE task_id = $1", "i", run->task->id);
	r->applied = rows->nrows > 0 ? rows->values[0][0] :
		run->task->start_position;
}

static char *
low_of(Resync *r, const SourceRelation *rel)
{
	return rel == r->keyless ? r->high : r->snapshot;
}

/* ------------------------------------------------------------------- rows */

static void
empty_tables(Resync *r)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	StringInfoData list;
	ListCell   *lc;
	volatile bool done = false;

	initStringInfo(&list);
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);
		char	   *own = rel->def->columns == NIL ? NULL :
			shard_own_rows(r->run->task->id, rel->table_id, r->run->selection);

		if (own != NULL)
			task_spi(psprintf("DELETE FROM %s WHERE %s",
							  plan_table_name(rel->def), own));
		else if (rel->def->columns != NIL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 plan_table_name(rel->def));
	}
	if (list.len == 0)
		return;

	/* a foreign key of another table forbids TRUNCATE */
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		task_spi(psprintf("TRUNCATE %s", list.data));
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (edata->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (done)
		return;
	foreach(lc, r->rels)
	{
		SourceRelation *rel = lfirst(lc);

		if (rel->def->columns != NIL &&
			shard_is_alone(r->run->task->id, rel->table_id))
			task_spi(psprintf("DELETE FROM %s", plan_table_name(rel->def)));
	}
}

typedef struct ProducerState
{
	Resync	   *r;
	SourceRelation *rel;
	SourceRows *rows;
	uint64		nrows;
	uint64		nbytes;
} ProducerState;

static void
meanwhile(void *arg)
{
	TaskRun    *run = arg;

	shared_heartbeat(run->shared);
	task_tick(run);
}

/* LoadProducer */
static bool
produce(void *arg, StringInfo buf)
{
	ProducerState *st = arg;
	bool		more = true;
	TaskRun    *run = st->r->run;
	Throttle   *throttle = &run->shared->full;
	uint64		portion = throttle_portion(throttle);
	int			start = buf->len;
	uint64		n = 0;

	CHECK_FOR_INTERRUPTS();
	shared_heartbeat(run->shared);
	while (buf->len < LOAD_CHUNK && n < portion &&
		   (more = shape_next_copy(run->source, st->rows, st->rel, buf)))
		n++;
	st->nrows += n;
	st->nbytes += buf->len - start;
	pg_atomic_fetch_add_u64(&run->shared->rows_total, n);
	pg_atomic_fetch_add_u64(&run->shared->bytes_total, buf->len - start);
	throttle_wait(throttle, throttle_take(throttle, 0, n, buf->len - start),
				  meanwhile, run);
	return more;
}

static void
copy_table(Resync *r, SourceRelation *old)
{
	TaskRun    *run = r->run;
	ProducerState st = {0};
	SourceRelation *rel;
	uint64		loaded;

	(void) books_exec("UPDATE dtsmig.task_table SET state = 'ready', "
					  "snapshot_low = $2, snapshot_high = $3, "
					  "described_position = $4 WHERE table_id = $1",
					  "ittt", (int64) old->table_id, low_of(r, old),
					  r->high, r->described);
	rel = task_open_relation(r->cxt, old->table_id, run->selection, run->source, r->conn,
							 run->dest, &run->options->policy);
	st.r = r;
	st.rel = rel;
	st.rows = run->source->open_rows(r->conn, rel, NULL);
	loaded = run->dest->load(rel->out, produce, &st, LOAD_APPEND);
	run->source->close_rows(st.rows);
	if (loaded != st.nrows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source gave " UINT64_FORMAT " rows of table %s.%s, but "
						UINT64_FORMAT " were stored", st.nrows, rel->schema,
						rel->name, loaded)));
	(void) books_exec("UPDATE dtsmig.task_table SET rows_copied = $2, "
					  "bytes_copied = $3 WHERE table_id = $1", "iii",
					  (int64) rel->table_id, (int64) st.nrows, (int64) st.nbytes);
	task_log_event(run->task->id, "info",
				   psprintf("table \"%s\".\"%s\" is copied again: " UINT64_FORMAT " rows",
							rel->schema, rel->name, st.nrows),
				   psprintf("Its snapshot stood at %s.", low_of(r, old)), NULL, NULL);
}

/*
 * Foreign keys last. Where the tables at its ends stand at different
 * positions, rows may not fit yet: then new rows alone are checked.
 */
static void
make_foreign_keys(List *foreign_keys)
{
	ListCell   *lc;

	foreach(lc, foreign_keys)
	{
		PlanStatement *st = lfirst(lc);

		task_spi(psprintf("%s NOT VALID", st->sql));
	}
}

/*
 * Versions of all that is copied, changed or not: they hold from the snapshot.
 * What goes with them holds at once, as does what a copy that is known by
 * GTIDs has (see snap_set).
 */
static void
store(Resync *r)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, r->pairs)
	{
		PlanPair   *pair = lfirst(lc);
		char	   *from = r->applied;

		foreach(lc2, r->rels)
		{
			SourceRelation *rel = lfirst(lc2);

			if (rel->table_id != pair->id)
				continue;
			pair->differs = true;
			if (r->run->source->position_has_place(low_of(r, rel)))
				from = low_of(r, rel);
			break;
		}
		task_store_pairs(r->run, list_make1(pair), from, NULL);
	}
}

static void
run_plan(Resync *r, PlanChange *change, List **foreign_keys)
{
	char	   *why = NULL;

	if (!task_try_plan(r->run, r->pairs, change, foreign_keys, &why))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables could not be altered to be copied again: %s",
						why ? why : "their rows do not fit")));
}

/* Returns whether some tables are left for another time. */
static bool
resync_once(TaskRun *run, MemoryContext cxt)
{
	Resync		r = {0};
	MemoryContext old = CurrentMemoryContext;
	List	   *foreign_keys = NIL;
	PlanChange *change;
	ListCell   *lc;

	r.run = run;
	r.cxt = cxt;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(r.cxt);
	choose(&r);
	if (r.rels != NIL)
	{
		open_snapshot(&r);
		look_up(&r);
	}
	if (r.rels != NIL)
	{
		r.plan = plan_options(run->options, run->selection);
		empty_tables(&r);
		/* a source with objects of its own: their shape comes with the log */
		if (run->source->plan_objects == NULL)
		{
			change = plan_change(r.pairs, r.plan, 0);
			change->run = shape_plan_change(run->selection, change->run);
			foreach(lc, r.pairs)
			{
				PlanPair   *pair = lfirst(lc);

				if (pair->before == NULL && pair->after != NULL)
					change->run = shape_plan_rows(run->selection, change->run,
												  list_make1(pair->after), false);
			}
			if (run->task->do_schema)
				run_plan(&r, change, &foreign_keys);
		}
		store(&r);
		foreach(lc, r.rels)
			copy_table(&r, lfirst(lc));
		make_foreign_keys(foreign_keys);
	}
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	return r.more;
}

/* Did DDL at the source come between the snapshot and the look at it? */
static bool
is_passing(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlerrcode == ERRCODE_UNDEFINED_TABLE ||
		sqlerrcode == ERRCODE_UNDEFINED_COLUMN ||
		sqlerrcode == ERRCODE_UNDEFINED_SCHEMA ||
		sqlerrcode == MAKE_SQLSTATE('4', '2', 'S', '2', '2') ||
		sqlerrcode == MAKE_SQLSTATE('4', '2', 'S', '0', '2');
}

bool
task_resync(TaskRun *run)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile int tries;

	for (tries = 1;; tries++)
	{
		volatile bool done = false;
		volatile bool more = false;
		MemoryContext work = AllocSetContextCreate(run->cxt, "dtsmig resync",
												   ALLOCSET_DEFAULT_SIZES);

		PG_TRY();
		{
			more = resync_once(run, work);
			done = true;
		}
		PG_CATCH();
		{
			ErrorData  *edata;

			MemoryContextSwitchTo(cxt);
			edata = CopyErrorData();
			if (!is_passing(edata->sqlerrcode) || tries >= RESYNC_TRIES)
			{
				MemoryContextDelete(work);
				PG_RE_THROW();
			}
			FlushErrorState();
			AbortCurrentTransaction();
			MemoryContextSwitchTo(cxt);
		}
		PG_END_TRY();
		/* closes the connection, whose snapshot holds up DDL at the source */
		MemoryContextDelete(work);
		if (done)
			return more;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(100000L);
	}
}
