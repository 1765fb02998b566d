/*
 * model.h
 *	  A small world in which the worker's own files run: a source with a log,
 *	  a destination with transactions, and processes that a scheduler
 *	  interleaves at random and kills. What is simulated is all around the
 *	  code that decides; the code itself is linked as it is.
 *
 *	  source.c		tables, their history, snapshots, the stream
 *	  dest.c		statements of the destination (in place of SQL)
 *	  catalog.c		the tables of schema dtsmig, statement by statement
 *	  process.c		processes, transactions, crashes
 *	  server.c		memory, lists, errors, clocks
 *	  dates.c		zero_dates.c, once for each process
 *	  unused.c		functions that are linked but never called
 *	  main.c		schedules, and what must hold in them
 */
#ifndef MODEL_H
#define MODEL_H

#include "postgres.h"

#include "core/change.h"
#include "core/relation.h"
#include "source/source.h"
#include "worker/task_run.h"

#define MAX_TABLES 5
#define NCOLS 4
#define MAX_ROWS 40
#define MAX_OPS 8
#define MAX_TXNS 100
#define MAX_JOBS 32
#define MAX_REPAIRS 4
#define POS_SIZE 64

/* ------------------------------------------------------------------- rows */

/* A row: columns as numbers. NULL is MNULL. */
#define MNULL INT64CONST(-999999)

typedef struct MRow
{
	int64		v[NCOLS];
} MRow;

typedef struct MTable
{
	int			n;
	MRow		rows[MAX_ROWS];
} MTable;

/* Of what kind a table is; the same in all its life. */
typedef struct TableSpec
{
	const char *name;
	int			ncols;
	int			nkey;			/* its first columns; 0: keyless */
	int			unique;			/* a column that is unique, too; -1 */
	int			identity;		/* GENERATED ALWAYS; -1 */
	int			parent;			/* whose column 0 column fk refers to, with ON
								 * DELETE CASCADE; -1 */
	int			fk;
	int			dates;			/* a column that is NOT NULL at the destination until a NULL
								 * comes, in place of a zero date; -1 */
} TableSpec;

typedef enum Kind
{
	SOURCE_MARIADB,				/* snapshots of an exact position each */
	SOURCE_MYSQL,				/* snapshots that stand between two, GTID sets */
	SOURCE_PGSQL				/* one snapshot for all */
} Kind;

typedef enum Image
{
	IMAGE_FULL,
	IMAGE_MINIMAL,
	IMAGE_NOBLOB				/* column 2 is reported where it changes; a
								 * PostgreSQL source: TOAST, no old row */
} Image;

typedef struct Schedule
{
	uint64		seed;
	Kind		kind;
	Image		image;
	int			ntables;
	TableSpec	spec[MAX_TABLES];
	int			workers;
	int			batch_rows;
	int			batch_delay;
	int			lag;			/* how soon a transaction is visible, in percent */
	int			txns;			/* how many the source makes */
	int			crashes;		/* how many are left to come */
	int			errors;			/* of the source's line, the same */
	int			kills;			/* of a copy worker */
	int			resyncs;		/* asked for */
	int			rewrites;		/* DDL whose effect on rows is not in the log */
	int			repairs;
	bool		moves;			/* keys of parents change: ON UPDATE CASCADE */
} Schedule;

extern Schedule plan;

extern uint32 rnd(uint32 below);
extern bool chance(int percent);
extern bool tracing;
extern void trace(const char *fmt,...) pg_attribute_printf(1, 2);
extern void model_fail(const char *fmt,...) pg_attribute_printf(1, 2) pg_attribute_noreturn();

extern int	row_find(const MTable *t, const TableSpec *spec, const MRow *key);
extern bool tables_equal(const MTable *a, const MTable *b, int ncols);
extern const char *table_text(const MTable *t, int ncols);

/* ----------------------------------------------------------------- source */

extern void source_reset(void);
/* Something happens there: a transaction, or one becomes visible. */
extern void source_step(void);
/* All is visible, and nothing comes any more. */
extern void source_settle(void);
extern const char *source_start(void);
/* What a table is at a position: after all that lies before it. */
extern void source_table_at(const char *position, int table, MTable *out);
/*
 * Does all that a snapshot can have that was taken before high lie before
 * position?
 */
extern bool source_has(const char *position, const char *high);
extern bool source_covers(const char *whole, const char *part);
extern bool source_at_end(const char *position);
extern void source_processes_gone(void);
/* A run of the task has ended in an error. */
extern void source_run_ended(void);
extern void source_lose_export(void);
/* What the task worker has reported the source; NULL: nothing. */
extern const char *source_confirmed(void);
extern bool source_is_done(void);
extern int64 source_some_key(int table);

/* ---------------------------------------------------------------- catalog */

typedef struct DbJob
{
	int			table;
	bool		copy;
	char		state;			/* w, r, d */
	char		condition[24];
	bool		whole;
	char		low[POS_SIZE];	/* "": NULL */
	char		high[POS_SIZE];
	bool		unique;			/* makes the unique index of the table */
} DbJob;

typedef struct DbRec
{
	char		state[12];
	char		step[12];		/* "": NULL */
	char		from[POS_SIZE];
	char		low[POS_SIZE];
	char		high[POS_SIZE];
	char		described[POS_SIZE];
	bool		one_snapshot;
	int			generation;
	char		def_from[POS_SIZE];
	bool		unique;			/* its unique index is made */
	bool		not_null;		/* its column of dates is */
} DbRec;

typedef struct DbTask
{
	char		step[12];
	char		start[POS_SIZE];
	char		target[POS_SIZE];
	int			njobs;
} DbTask;

typedef struct DbPosition
{
	char		applied[POS_SIZE];
	char		replay[POS_SIZE];
} DbPosition;

typedef struct DbRepairs
{
	int			n;
	int			table[MAX_REPAIRS];
	int64		key[MAX_REPAIRS];
	bool		due[MAX_REPAIRS];
} DbRepairs;

typedef struct Db
{
	MTable		rows[MAX_TABLES];
	DbRec		rec[MAX_TABLES];
	DbJob		job[MAX_JOBS];
	DbTask		task;
	DbPosition	position;
	DbRepairs	repairs;
} Db;

/* What is committed. */
extern Db	committed;

/* As the process at hand sees it; to write: its own copy until it commits. */
extern const MTable *db_rows(int table);
extern MTable *db_rows_write(int table);
extern const DbRec *db_rec(int table);
extern DbRec *db_rec_write(int table);
extern const DbJob *db_job(int job);
extern DbJob *db_job_write(int job);
extern bool db_job_is_locked(int job);
extern const DbTask *db_task(void);
extern DbTask *db_task_write(void);
extern const DbPosition *db_position(void);
extern DbPosition *db_position_write(void);
extern const DbRepairs *db_repairs(void);
extern DbRepairs *db_repairs_write(void);

/* Column of the destination's table, by what rel says. */
extern int	table_of(const SourceRelation *rel);
extern TableDef *def_of(int table);

/* --------------------------------------------------------------- processes */

extern void processes_reset(void);
extern void processes_free(void);
/* One step of somebody. */
extern void processes_step(void);
/* All processes end at once, and what was not committed is gone. */
extern void crash(void);
extern bool kill_copy_worker(void);
/* Is somebody in a transaction that has written what users write, too? */
extern bool object_is_written(void);
/* Others may do something here. */
extern void yield(void);
/* The connection to the source breaks here, now and then. */
extern void line_may_break(void);
extern bool db_in_no_transaction(void);

/* What a process keeps of zero dates that it has met. */
typedef struct Dates
{
	int64		table;
	List	   *columns;
} Dates;

extern void dates_save(Dates *dates);
extern void dates_restore(const Dates *dates);

extern void clock_reset(void);
extern void clock_advance(int ms);
/* Called when something has been committed at the destination. */
extern void check_committed(void);

#endif							/* MODEL_H */
