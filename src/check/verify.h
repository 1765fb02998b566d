/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Are the tables here what they are at the source? What the files of
 *	  verification share.
 *
 *	  verify_tables.c	which tables, in which mode
 *	  verify.c			ranges and buckets; descending
 *	  verify_sums.c		sums of rows, here and there, asked for at the same time
 *	  verify_text.c		rows here as text, as the source writes them
 *	  verify_rows.c		rows as values, here and there
 *	  verify_settle.c	what seems to differ is looked at until it counts
 *	  verify_results.c	differences in the catalog
 *	  verify_schema.c	definitions: tables, columns, types; sequences
 *	  verify_columns.c	generated columns, identity, defaults
 *	  verify_keys.c		keys, indexes, foreign keys
 *	  verify_made.c		definitions of a destination of another product
 *
 *	  sum of a range --differ--> sums of its parts … --few rows--> rows compared
 *	     |equal                                                      |
 *	   done                                          a row that differs: a candidate
 *	                                                                 |
 *	        looked at again, after all that the source had logged has been applied
 *	                                                                 |
 *	                                      differs still, and did not move: a result
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_VERIFY_H
#define DTSMIG_VERIFY_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "store/task.h"
#include "core/options.h"
#include "dest/dest.h"
#include "schema/check_sql.h"
#include "source/source.h"
#include "transform/select.h"

typedef enum VerifyMode
{
	VERIFY_FULL,				/* every row */
	VERIFY_SAMPLE,				/* a share of the ranges, by chance */
	VERIFY_INCREMENTAL,			/* rows written here since the last one */
	VERIFY_SCHEMA				/* definitions */
} VerifyMode;

typedef enum DifferenceKind
{
	DIFFERENCE_MISSING,			/* here */
	DIFFERENCE_EXTRA,			/* here */
	DIFFERENCE_DIFFERS
} DifferenceKind;

/* One row of verify_results. */
typedef struct VerifyResult
{
	int64		id;
	SourceRelation *rel;		/* NULL: none in the catalog */
	char	   *table;			/* schema.table of the source */
	DifferenceKind kind;
	char	   *key;			/* json text */
	char	   *differences;	/* json text; NULL */
	TimestampTz seen;
} VerifyResult;

typedef struct Verify
{
	TaskRecord *task;
	TaskOptions *options;
	Selection  *selection;
	ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;
	const DestRoutine *dest;	/* that this process is attached to */
	MemoryContext cxt;			/* of all this verification */
	MemoryContext scratch;		/* reset after every range */
	int			nrels;
	SourceRelation **rels;		/* all tables of the task, bound; NULL in mode
								 * schema */

	VerifyMode	mode;
	double		sample;			/* share of ranges, 0 to 1 */
	int64		max_differences;	/* of a table */
	int64		rate;			/* rows a second; 0: no limit */

	int64		run_id;
	TimestampTz started;
	int64		paced_rows;		/* that the rate counts */
	int64		rows;			/* compared */
	int64		moved;			/* of them read from the source, not summed up */
	int64		ranges;
	int64		ranges_seen;	/* by chance left out, too */
	int64		unsettled;		/* rows that changed too often to be compared */
	int64		applied_changes;	/* by the task, when it was last waited for */
	int64		cut_tables;		/* with more than max_differences */
	List	   *left_out;		/* tables that were not compared, as they are being
								 * copied again: char * */
	List	   *results;		/* VerifyResult * */
} Verify;

/* A table here, and all tables of the task that go into it. */
typedef struct VerifyTable
{
	List	   *rels;			/* SourceRelation * */
	SourceRelation *rel;		/* the first */
	bool		keyed;
	bool		shared;			/* rows of other tables of the source, or of other
								 * tasks, are in it, and cannot be distinguished from these:
								 * rows that are not at the source are not extra */
	char	   *own;			/* condition for its rows here; NULL: all are */
	bool		summed;			/* every column has a form, and not shared, and a
								 * rule's work can be distinguished from rows here */
	bool		checked;		/* summed, and what "set" makes is looked at here */
	bool		ranged;			/* can be cut by its first key column */
	CheckTable *here;			/* of this database: from, first_key alone */
	CheckForm  *forms;			/* of rel's columns */
	struct RowText *text;		/* as the first source table writes rows */
	List	   *there;			/* CheckTable *, for each of rels */
	List	   *candidates;		/* Candidate *, in candidates_cxt */
	MemoryContext candidates_cxt;	/* reset when they are settled */
	Bitmapset  *reported;		/* columns that are generated here and differ: a
								 * warning was given */
	int64		differences;	/* settled; one more than max_differences: the
								 * table is cut */
} VerifyTable;

#define DIGEST_BYTES 16
#define KEY_COLUMNS 32			/* as many as an index has */
/* So many candidates are settled before others are looked for. */
#define MANY_CANDIDATES 10000

/* A row as text, by the types' output functions. */
typedef struct TextRow
{
	char	  **values;			/* rel->ncolumns; NULL is NULL, or not replicated */
	char	  **key;			/* rel->nkey; NULL: keyless */
	uint8		key_digest[DIGEST_BYTES];	/* of a keyless table: of the row */
	uint8		digest[DIGEST_BYTES];	/* of the row */
} TextRow;

/* A row that seems to differ. */
typedef struct Candidate
{
	char	  **key;			/* as in TextRow */
	uint8		key_digest[DIGEST_BYTES];
} Candidate;

/* verify_text.c */
typedef struct RowText RowText;

extern RowText *row_text_make(const SourceRelation *rel, const CheckForm *forms,
							  CheckDigest digest);
extern uint64 row_text_number(RowText *rt, const Datum *values,
							  const bool *nulls, const int *columns, int n);

/*
 * verify.c: the first value of what a query gives at the destination; NULL:
 * none. As the task's owner, or its account there.
 */
extern char *verify_value_dest(const Verify *v, const char *sql);

/* verify_sums.c */
extern void verify_prepare_table(Verify *v, VerifyTable *t);
/*
 * Sums on both sides; CheckSum *, of one group each, the source's added up over
 * t->rels. splits: see check_sum_select; NIL: one group, or scope's buckets.
 */
extern void verify_sums(Verify *v, VerifyTable *t, const CheckScope *scope,
						List *splits, List **there, List **here);
extern CheckSum *verify_find_sum(List *sums, int group);
/* Adds to sums those of other; sums is changed. */
extern List *verify_add_sums(List *sums, List *other);
extern List *verify_sums_dest(const Verify *v, VerifyTable *t,
							  const CheckScope *scope, List *splits);
/*
 * The condition here of a scope. Its buckets are in it where the destination
 * has SQL for them; else rows have to be asked for theirs.
 */
extern char *verify_condition_dest(const VerifyTable *t, const CheckScope *scope);

/* With the condition for t's own rows; either may be NULL. */
extern const char *verify_own_rows(const VerifyTable *t, const char *condition);

extern List *verify_sums_source(Verify *v, VerifyTable *t, int rel,
							   const CheckScope *scope);

/* verify_rows.c */

/* false: no more. */
typedef bool (*TextRowTaker) (void *arg, SourceRelation *rel,
							  const TextRow *row);
/* Calls take for rows; each is gone after the call. */
extern void verify_rows_source(Verify *v, SourceRelation *rel,
							  const char *condition, TextRowTaker take,
							  void *arg);
/* Of scope, which may be NULL, the buckets are looked at. */
extern void verify_rows_dest(Verify *v, VerifyTable *t, const CheckScope *scope,
							 const char *condition, TextRowTaker take,
							 void *arg);
/* The condition there for rows of a key; NULL: they cannot be looked up. */
extern char *verify_key_source(Verify *v, const SourceRelation *rel,
							  char *const *key);
/* The same here. */
extern char *verify_key_dest(const Verify *v, const SourceRelation *rel,
							 char *const *key);
/* Compares the rows of a scope; candidates are added. */
extern void verify_compare_rows(Verify *v, VerifyTable *t,
								const CheckScope *scope);
/* The same of one whole table, in so many parts that memory is bounded. */
extern void verify_compare_table(Verify *v, VerifyTable *t);
/* The same of rows of these keys (char **) alone. */
extern void verify_compare_keys(Verify *v, VerifyTable *t, List *keys);

/* verify_settle.c */

/*
 * Empties t->candidates into results. May be called while rows here are read;
 * the source is asked for rows.
 */
extern void verify_settle(Verify *v, VerifyTable *t);
/* Has it more differences than are wanted? No others are looked for then. */
extern bool verify_is_cut(const Verify *v, const VerifyTable *t);
/* The same of a keyless table: compares a scope until what differs stays. */
extern void verify_settle_multiset(Verify *v, VerifyTable *t,
								   const CheckScope *scope);
/*
 * Waits until all that the source has logged by now is applied here. Raises
 * an error if that is not to be, or takes longer than timeout_ms.
 */
extern void verify_wait_applied(Verify *v, const char *position,
								long timeout_ms);
/*
 * The same of all that the source has logged by now, as long as the task gets
 * on; at once if it does not follow changes.
 */
extern void verify_catch_up(Verify *v);
/* Rows that the task has changed here so far, as its catalog have it. */
extern int64 verify_changes_applied(const Verify *v);

/* verify_results.c */
extern void verify_begin(Verify *v);
extern void verify_end(Verify *v);
/* row_there or row_here is NULL where there is none. */
extern void verify_add_row(Verify *v, VerifyTable *t, SourceRelation *rel,
						   char *const *key, char *const *there,
						   char *const *here, int64 count);
extern void verify_add_object(Verify *v, SourceRelation *rel,
							  const char *schema, const char *table,
							  DifferenceKind kind, const char *object,
							  const char *there, const char *here);
/* Sees to the rate, to interrupts; rows: read since the last call. */
extern void verify_pace(Verify *v, int64 rows);

/* verify_schema.c */
/* tables: char *, NIL: all. */
extern void verify_schema(Verify *v, List *tables);

/* verify.c */
/*
 * Compares a table. transactions: rows alone that so many transactions here
 * have written last; -1: all.
 */
extern void verify_table(Verify *v, VerifyTable *t, int64 transactions);
/* Digits as a number; what follows them is not looked at. */
extern int128 verify_to_number(const char *text);

/* verify_made.c: a destination whose catalog is not PostgreSQL's */

/* What the task would make of these tables, EmitMade *; they have their names there. */
extern List *verify_made(Verify *v, List *tables);
/* Compares one of them with what is there. */
extern void verify_compare_made(Verify *v, const TableDef *def, List *made);

/* verify_columns.c */
/* Gives a definition of the source what the catalog know of it here. */
extern void verify_dress(TableDef *now, const TableDef *known);
/* def is dressed; rel: the table here. */
extern void verify_column_parts(Verify *v, TableDef *def, TableColumn *col,
								Relation rel);

/* The same of such a column; relation: the quoted name of its table. */
extern void verify_column_parts_elsewhere(Verify *v, TableDef *def, TableColumn *col,
										  const char *relation, const DestColumn *there);

/* verify_keys.c */
/*
 * relation: the quoted name of the table at the destination. columns: quoted, joined by commas; () for an expression. partial: may be one
 * of some rows.
 */
extern void verify_index(Verify *v, const TableDef *def, const char *relation,
						 const char *columns, bool unique, bool partial,
						 const char *name);
/* def is dressed; catalog: TableDef *, all of the task. */
extern void verify_keys(Verify *v, const TableDef *def, const TableDef *known,
						List *stored, const ShapeRule *rule, const char *relation);

/* verify_tables.c */
/* Is a table among those that the user named? All are, if that is NIL. */
extern bool verify_is_wanted(const char *schema, const char *name, List *tables);
/* Raises the error that the task has no such table. */
extern void verify_unknown_table(const Verify *v, const char *name);
/* A table is being copied again; an error if it was named. */
extern void verify_leave_out(Verify *v, const char *schema, const char *name,
							 List *wanted);
/*
 * Both sides write values in one way; until the caller's GUC nest level ends.
 */
extern void verify_pin_settings(void);
/* Runs it; v's upper part is set. tables: char *, NIL: all. */
extern void verify_task(Verify *v, List *tables);

#endif							/* DTSMIG_VERIFY_H */
