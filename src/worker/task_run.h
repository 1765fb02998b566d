/*-------------------------------------------------------------------------
 *
 * task_run.h
 *	  One run of a task, from the worker's start to its end or its next
 *	  error. The steps, kept in dtsmig.task.step:
 *
 *	  new --> schema --> copy --> catchup --> indexes --> post_data --> changes
 *	   |        |         |          |           |            |            |
 *	   |        |         |          |           |            |   follow the log
 *	   |        |         |          |           |       foreign keys, checks
 *	   |        |         |          |      unique indexes
 *	   |        |         |     follow the log to where the last snapshot stood
 *	   |        |    rows by ranges, primary keys, other indexes (copy workers)
 *	   |   schemas, types, tables
 *	  precheck; read the source's tables, keep them in the catalog
 *
 *	  Each step can be repeated from its beginning after a crash: what it has
 *	  done is in the catalog, committed together with the doing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_TASK_RUN_H
#define DTSMIG_TASK_RUN_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "store/object.h"
#include "store/states.h"
#include "store/table.h"
#include "store/task.h"
#include "core/options.h"
#include "dest/dest.h"
#include "schema/ddl.h"
#include "schema/plan.h"
#include "schema/plan_change.h"
#include "source/source.h"
#include "tables/describe.h"
#include "transform/select.h"
#include "worker/destination.h"
#include "worker/shared.h"

typedef struct TaskRun
{
	MemoryContext cxt;			/* all of this run */
	TaskRecord *task;
	TaskOptions *options;
	Selection  *selection;
	TaskShared *shared;
	dsm_handle	handle;
	ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;			/* for questions, not for rows or changes */
	DestWriter *writer;			/* of changes; NULL: none is open */
	SourceStream *stream;		/* of changes; NULL: none is open */
	char	   *source_mark;	/* see MarkTest; NULL: not read yet */
	const DestRoutine *dest;
	int			nrels;
	MemoryContext relcxt;		/* of rels */
	SourceRelation **rels;		/* all tables of the task, bound; NULL before
								 * task_open_relations */
	char	   *options_text;	/* as task_tick has read them last */
	TimestampTz last_tick;
	bool		options_changed;	/* found by this tick */
	struct TaskWatch *watch;	/* of task_watch.c */
	TimestampTz running_since;	/* 0: this run has not got going yet */
	char	   *applied;		/* position that was committed last in this run;
								 * NULL: none was */
	List	   *rewritten;		/* char *: source_id of tables that the DDL
								 * statement at hand rewrites */
	List	   *name_waits;		/* of resync_names.c */
	struct RowsWait *rows_wait; /* of resync_names.c, too; or NULL */
	bool		copying_parallel; /* a worker copies tables again */
	bool		copied_parallel;	/* one has, and its tables wait to be settled */
	TimestampTz parallel_looked;	/* at it, for the last time */
	bool		behind;			/* the destination's ledger is ahead of the catalog: the
								 * log is read for that alone … */
	SourcePos	ledger_end;		/* … up to this position */
	char	   *apart;			/* place before the statement at hand, which commits by
								 * itself at the destination: see run_apart.c; NULL */
	int			apart_keys;		/* of the ledger, that it has */
	bool		apart_pending;	/* one has been begun where the log is read from; the
								 * task is behind until it comes */
	char	   *replay_until;	/* the log is read again up to this position; or NULL */
	SourcePos	replay_end;		/* the same */
	List	   *labels;			/* char *: statements that add labels to enum types,
								 * to be committed before what uses them */
	List	   *reported;			/* of alerts, for the user's function to be called
								 * with when no transaction is open */
} TaskRun;

/* task_tick.c ----------------------------------------------------------- */

/*
 * What is due from time to time, in whatever step: to be called from loops,
 * within a transaction or without.
 */
extern void task_tick(TaskRun *run);
/* Limits by the options of the run, at its start. */
extern void task_set_throttles(TaskRun *run);

/* run_apart.c ----------------------------------------------------------- */

/* The key in the ledger of the nth statement that is run for the one at hand. */
extern char *apart_key(const TaskRun *run, int n);

/* Is what comes known to be done at the destination? */
static inline bool
task_is_done(const TaskRun *run)
{
	return run->behind && !run->apart_pending;
}

/* task_relations.c ------------------------------------------------------ */

extern void task_set_step(TaskRun *run, const char *phase, const char *step);
/* The phase until changes are followed, or of a task that does not follow them. */
static inline const char *
task_copy_phase(const TaskRun *run)
{
	return run->task->do_full ? TASK_PHASE_FULL : TASK_PHASE_SCHEMA;
}
/* Reads the tables of a task from the catalog and binds them. */
extern void task_open_relations(TaskRun *run);
/* The same of one table, for another connection to the source. */
extern SourceRelation *task_open_relation(TaskRun *run, MemoryContext cxt,
										  int64 table_id, SourceConn *conn);

/* The run's relations by identity and name, in its memory. */
extern HTAB *task_index_relations(TaskRun *run);
/*
 * By TableDef.source_id; by name where that is NULL, or the relation has none.
 * NULL: there is none.
 */
extern SourceRelation *task_indexed_relation(HTAB *tables, const char *id,
											 const char *schema,
											 const char *table);
/*
 * Have all tables a copy that has all that a transaction changed which starts
 * at pos? Those that are to be copied again will have.
 */
extern bool task_all_copied(TaskRun *run, SourcePos pos);
extern bool task_same_mark(TaskRun *run, HTAB *tables, const char *id, const char *mark);
/* As the run would open it if it were not to be copied again. */
extern SourceRelation *task_open_to_copy(TaskRun *run, MemoryContext cxt,
										 int64 table_id, SourceConn *conn);
/*
 * Does a statement that names this table concern the task? With table NULL:
 * does it if it concerns the whole schema? Tables that the rules select count
 * too when they do not exist yet.
 */
extern bool task_selects(TaskRun *run, const char *schema, const char *table);

/* run_ddl.c ------------------------------------------------------------- */

typedef struct DdlReplicated
{
	List	   *changed;		/* int64 *: tables whose relation is another now, or
								 * that are new or gone */
	bool		resync;			/* tables wait to be copied again */
	MemoryContext cxt;			/* of all this; the caller's to delete */
} DdlReplicated;

/*
 * Replicates a DDL statement, its new definitions and the
 * position after it (by write_position) in one transaction; nothing may be
 * pending. Raises an error if it cannot be replicated.
 */
extern void task_replicate_ddl(TaskRun *run, const Change *change,
						   bool in_transaction, char *position,
						   PositionWriter write_position, void *arg,
						   DdlReplicated *replicated);
/* Is the transaction that is being reported, from pos, in the copy of a table? */
extern bool task_copy_has(TaskRun *run, const SourceRelation *rel,
						  SourcePos pos);
extern bool task_definition_passes(TaskRun *run, const SourceRelation *rel,
								   SourcePos pos);
/*
 * Replicates what a source's capture recorded of a DDL statement (ddl_record),
 * in the transaction that is open: the caller commits it with the position.
 * position: from which new definitions hold.
 */
extern void task_replicate_record(TaskRun *run, Change *change, const char *position,
							  DdlReplicated *replicated);
/* One relation of the run, as the catalog has it now; gone if they have not. */
extern void task_refresh_relation(TaskRun *run, int64 table_id);
/* Is the table in the catalog; NULL if not. */
extern SourceRelation *task_find_relation(TaskRun *run, const char *schema,
										  const char *table);

/* run_refuse.c ---------------------------------------------------------- */

/* The statement, cut to a length for messages. */
extern char *task_ddl_shown(const Change *change);
/*
 * Stops the task at a statement: ends all transactions, leaves in the catalog by
 * what, raises an error. where and why are sentences without a full stop;
 * schema and table: of a table of the source that it is on, or NULL.
 */
extern void task_refuse_ddl(TaskRun *run, const Change *change,
							const char *where, const char *why,
							const char *schema, const char *table);
/*
 * Did the user say to skip this statement? *statement: run this in its
 * place, or NULL.
 */
extern bool task_ddl_is_skipped(TaskRun *run, const Change *change,
								char **statement);

/* run_definitions.c ----------------------------------------------------- */

/* PlanPairs of all tables that have a definition, each untouched. */
extern List *task_pairs(TaskRun *run);
extern PlanPair *task_pair_of(List *pairs, int64 table_id);
/* By the name that the table has now; NULL: none has it. */
extern PlanPair *task_pair_by_name(List *pairs, const DdlTable *t);
/* Runs the statements of a change as far as the step has come. */
extern void task_run_plan(TaskRun *run, List *pairs, PlanChange *change,
						  List **foreign_keys);
/*
 * The same in a subtransaction. False: rows were in the way; or else *why says
 * what.
 */
extern bool task_try_plan(TaskRun *run, List *pairs, PlanChange *change,
						  List **foreign_keys, char **why);
/*
 * task_try_plan has failed as it uses labels that it adds (run->labels is not
 * NIL): commits these, in a transaction of its own; then all can be tried again.
 */
extern void task_commit_labels(TaskRun *run);
/* A statement of a plan, and a table, as the catalog takes them. */
extern NewObject task_object_of(const PlanStatement *st, const char *phase,
								const char *state);
extern StoreTableNames task_names_of(const TableDef *def);
/* Errors that rows cause, and that go with the rows. */
extern bool task_is_row_error(int sqlerrcode);
/* Writes the definitions of pairs that differ into the catalog. */
extern void task_store_pairs(TaskRun *run, List *pairs, const char *position,
							 List **changed);
/*
 * ddl_types.c: May an error of a copy go away when the stream comes to a
 * statement that alters types? Then the tables wait for that.
 */
extern bool types_may_fit_later(TaskRun *run, int sqlerrcode);
extern void types_leave_for_later(TaskRun *run, bool parallel,
								  const ErrorData *edata);
/* Marks a table to be copied again. */
extern void task_mark_resync(TaskRun *run, int64 table_id, const char *why);
/* A table whose definition is not known yet, to be copied. */
extern void task_take_in(TaskRun *run, const char *schema, const char *table,
						 const char *position);
extern void task_spi(const char *sql);
extern void task_spi_source(const char *sql);
extern void task_spi_script(const char *sql);
/* Has the table at the destination no rows? */
extern bool task_is_empty(const TableDef *def);
/* def, under another name at the source. */
struct DdlTable;
extern TableDef *task_renamed(TaskRun *run, const TableDef *def,
							  const DdlTable *to);

/* run_views.c ----------------------------------------------------------- */

/* May views be the cause of this error? */
extern bool task_is_view_error(int sqlerrcode);
/*
 * Views that use tables of pairs that differ, those that use others first
 * (ObjectView *). *others: names of those that the task has not made, or NULL.
 */
extern List *task_views_of(TaskRun *run, List *pairs, char **others);
extern void task_drop_views(List *views);
/* Makes them again; one that does not fit its tables is given up, and said. */
extern void task_make_views(TaskRun *run, List *views);

/* run_shape.c ----------------------------------------------------------- */

/* Changes that a filter or rule.operations keep from being applied. */
typedef struct SkippedChanges
{
	int64		count;
	int64		reported;			/* in the task's log … */
	TimestampTz last_reported;		/* … at this time */
} SkippedChanges;

/* Is it an operation that the rule of its table leaves out? */
extern bool task_leaves_out(const Change *change);
/*
 * Takes away the rows of a table that was truncated and is not alone in its
 * table at the destination. False: it is alone, nothing is done.
 */
extern bool task_truncate_own(TaskRun *run, DestWriter *writer,
							  const Change *change);
/* begin_time: when the source's transaction took place. */
extern void task_apply_shaped(TaskRun *run, DestWriter *writer, Change *change,
							  TimestampTz begin_time, SkippedChanges *skipped);
/* Says, now and then, how many; between two transactions. */
extern void task_report_skipped(TaskRun *run, SkippedChanges *skipped);

/* ddl_merged.c ---------------------------------------------------------- */

/*
 * Do other tables, of this task or of others, go into the same one at the
 * destination?
 */
extern bool task_is_merged(TaskRun *run, int64 table_id);
/*
 * Of such a table: are columns other after a statement than before, and the
 * destination's table has those after it already? *why: it has one of another
 * type.
 */
extern bool task_columns_are_done(const TableDef *before, const TableDef *after,
								  char **why);
/*
 * The statements (PlanStatement *) for such a table, or for a new one that may
 * exist, without those whose effect exists; that is noted. *why: as above.
 */
extern List *task_leave_done(TaskRun *run, const Change *change,
							 const PlanPair *pair, List *statements, char **why);
extern void task_note_done(TaskRun *run, const Change *change, const char *what);

/* run_resync.c ---------------------------------------------------------- */

/*
 * Copies the tables again that wait for it; no stream may be open. Those that
 * the source does not have (any more) go on waiting. True: others wait for
 * another call.
 */
extern bool task_resync(TaskRun *run);
extern bool task_wants_resync(TaskRun *run);
/*
 * resync_names.c: has the log been followed to where a table was called
 * otherwise, that waits for the statement which renamed it, or to where rows
 * were that did not fit? True once.
 */
extern bool resync_names_are_due(TaskRun *run);
/*
 * In a copy worker: copies the tables whose step is RESYNC_COPYING. They are
 * RESYNC_COPIED then, or wait: for another time (RESYNC_ASKED), or for
 * task_resync (RESYNC_NONE), where it takes more than rows.
 */
extern void resync_parallel(TaskRun *run, CopySlot *slot);

/* run_parallel.c: tables that are copied again while the rest goes on ------ */

/*
 * Takes up what has become of it, and begins what was asked for; no stream may
 * be open, relations are. boundary: the applied position is known to lie
 * between two transactions of the source. True: relations are to be opened
 * again, and this to be called again.
 */
extern bool parallel_settle(TaskRun *run, bool boundary);
/* Relations are going to be opened: has a worker ended? */
extern void parallel_collect(TaskRun *run);
/* The source is another server: what was begun is started again. */
extern void parallel_forget(TaskRun *run);
/*
 * The run does not follow changes for good yet: nothing runs in parallel with
 * it.
 */
extern bool parallel_refuse(TaskRun *run);
/* Is there something to settle at the next boundary? */
extern bool parallel_is_due(TaskRun *run);
/* Is the position in what is read again, but not for rel? */
extern bool parallel_passes(TaskRun *run, const SourceRelation *rel, SourcePos pos);
/* Was a statement at this position replicated before the task went back? */
extern bool parallel_replicated(TaskRun *run, SourcePos pos);
/* Is this where the log has been read again up to? */
extern bool parallel_reaches(TaskRun *run, SourcePos pos);
/* In the transaction that writes run->replay_until as applied position. */
extern void parallel_finish(TaskRun *run);
/* Does a statement touch tables that are being copied? */
extern bool parallel_is_touched(TaskRun *run, const Change *change);
/*
 * The copy of tables that a statement touches ends. True: it is whole,
 * and to be settled before the statement. False: it is given up, the tables
 * wait for task_resync; in the transaction that is open, or one of its own.
 */
extern bool parallel_yield(TaskRun *run, bool keep);

/* run_repair.c ---------------------------------------------------------- */

/*
 * Takes rows again that the user asked for; no stream may be open, nothing be
 * pending.
 */
extern void task_repair(TaskRun *run);
extern bool task_wants_repair(TaskRun *run);
/* The same, or does a table wait to be copied again that the run does not know? */
extern bool task_wants_stop(TaskRun *run);
/* The same of a task that follows no changes, in the caller's transaction. */
extern void repair_at_once(TaskRun *run);

/* the steps ------------------------------------------------------------- */

/* run_schema.c */
extern void run_precheck(TaskRun *run);
extern void run_read_schema(TaskRun *run);
extern void run_pre_data(TaskRun *run);
extern void run_post_data(TaskRun *run);

/*
 * run_snapshot.c: the snapshot that copy workers share, for a source that has
 * such; "" for others. After a restart it is another one than before: tables
 * that are half copied are started again, and those that look otherwise now wait
 * until the log has reported why.
 */
extern void task_share_snapshot(TaskRun *run);
/*
 * What is left of the copy of a table is not made; its rows are to be copied
 * again. False: nothing was left. A task that does not follow changes could not
 * make up for it: an error.
 */
extern bool task_leave_table(int64 task_id, int64 table_id);
/* Is a table of the source another by now than def? Over a connection of its own. */
extern bool task_is_altered(const Selection *selection, const SourceRoutine *source,
							const ConnectionInfo *info, const TableDef *def);
/*
 * Opens a snapshot of its own on conn that has all that the task has applied:
 * the source reports a transaction before every snapshot has it. *low: it has
 * all before this position (known by GTIDs alone where that is all that is
 * known); NULL: the source keeps no log. applied: NULL, nothing is. Raises
 * 40001 if the source does not get that far in a while.
 */
extern void task_open_snapshot(TaskRun *run, SourceConn *conn,
							   const char *applied, SourceSnapshot *snapshot,
							   char **low);
/* The same question, of a snapshot that has all before low. */
extern bool task_snapshot_has(TaskRun *run, const char *low,
							  const char *applied);
/* What is applied; NULL: nothing. In a transaction. */
extern char *task_applied(TaskRun *run);
/* Have two definitions the same columns, of the same types, in one order? */
extern bool task_same_columns(const TableDef *a, const TableDef *b);
/*
 * Are they of one table, by identity where both have it, that has the same name
 * and columns in both?
 */
extern bool task_same_table(const TableDef *a, const TableDef *b);

/*
 * run_sequences.c: moves the destination's sequences up to where the source's
 * are; never back. Between transactions.
 */
extern void task_advance_sequences(TaskRun *run);

/* run_copy.c */
extern void run_copy(TaskRun *run);
/* Runs the statements of one phase of task_object in copy workers. */
extern void run_unique_indexes(TaskRun *run);
/* Ends copy workers that still run; safe at any time. */
extern void stop_copy_workers(void);
/* One that runs resync_parallel; false: no process is free for it. */
extern bool start_resync_worker(TaskRun *run);
/* Raises its error, if it has ended in one. */
extern bool resync_worker_is_done(TaskRun *run);
/* It is gone on return, if there was one. */
extern void stop_resync_worker(TaskRun *run);

/* run_changes.c: follows the log to a position, or for ever (NULL) */
extern void run_changes(TaskRun *run, const char *until);

/* run_early.c ----------------------------------------------------------- */

/* StreamCallbacks.early */
extern bool early_may_begin(TaskRun *run, SourcePos pos, uint32 xid);
/* One was; done: it has committed, and stays. */
extern void early_ended(bool done);
/* May an error go away if the transaction is applied at its end? */
extern bool early_may_fail(const ErrorData *edata);

#endif							/* DTSMIG_TASK_RUN_H */
