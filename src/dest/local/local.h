/*-------------------------------------------------------------------------
 *
 * local.h
 *	  The engine "local": rows go into the database that this process is
 *	  connected to. Structures shared by its files; nobody else includes this.
 *
 * A batch in memory has two faces. The operations, in source order, are what
 * the source said; they serve when a batch must be done row by row. The
 * entries, by table and key, are the net effect of the operations; they are
 * what is normally written, as sets.
 *
 * Memory: everything about tables lives in LocalWriter.table_cxt until the
 * relations change; operations, entries and values in row_cxt and what one
 * flush needs in flush_cxt, both reset when the flush is done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_LOCAL_H
#define DTSMIG_DEST_LOCAL_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/tuplestore.h"

#include "core/change.h"
#include "core/relation.h"
#include "dest/dest.h"

/* The name under which a statement knows the rows it is to write. */
#define ROWS_NAME "dtsmig_rows"

typedef struct ApplyTable ApplyTable;
typedef struct LocalWriter LocalWriter;

/* One change, as the source said it; in row_cxt. */
typedef struct ApplyOp
{
	ApplyTable *table;
	ChangeKind	kind;			/* CHANGE_INSERT, _UPDATE, _DELETE */
	bool		loose;			/* may be done already; counts not checked */
	bool		idempotent;		/* because the copy may have it */
	bool		lenient;		/* see Change */
	bool		copied;			/* only its cascades are left to do */
	bool		rekey;			/* UPDATE that changes the key */
	bool		cascade;		/* cascades are followed */
	bool		complete;		/* new has every carried column */
	bool		update_only;	/* see Change */
	SourcePos	pos;			/* where its transaction starts */
	Row			old;			/* values NULL: not kept */
	Row			new;
} ApplyOp;

/* Net effect on a row (on equal rows, of a keyless table); in row_cxt. */
typedef struct ApplyEntry
{
	bool		existed;		/* was there before the batch */
	bool		present;		/* is there after it */
	bool		loose;			/* some operation was */
	bool		complete;		/* row has every carried column */
	bool		owned;			/* row's arrays are its own, not an operation's */
	int64		count;			/* keyless: copies to add or to take away */
	int64		int_key;		/* the key, if the table has an int_key */
	Row			key;			/* a row whose key columns have the key */
	Row			row;			/* merged new values, if present */
} ApplyEntry;

typedef enum StmtKind
{
	STMT_DELETE,				/* by key */
	STMT_DELETE_IMAGE,			/* n of the rows equal to this one */
	STMT_UPDATE,				/* by key, columns of the mask */
	STMT_REKEY,					/* by old key, columns of the mask */
	STMT_INSERT,
	STMT_UPSERT
} StmtKind;

/*
 * A statement that takes its rows from a tuplestore. The rows have nold
 * columns o1 … (the key of the row to be found), then the columns of the mask
 * c1 …, and for STMT_DELETE_IMAGE a count at the end.
 */
typedef struct ApplyStmt
{
	ApplyTable *table;
	StmtKind	kind;
	uint8	   *mask;			/* a flag for each carried column; NULL: none */
	int			nold;
	int			natts;
	int		   *col;			/* column of the relation, for each */
	Datum	   *values;			/* natts + 1 of each, scratch */
	bool	   *nulls;
	TupleDesc	tupdesc;
	char	   *sql;			/* NULL: nothing to do for such rows */
	SPIPlanPtr	plan;

	/* gathered for the flush under way; [1]: loose */
	Tuplestorestate *store[2];
	int64		nrows[2];
} ApplyStmt;

typedef enum CascadeAction
{
	CASCADE_NONE,
	CASCADE_DELETE,				/* ON DELETE CASCADE */
	CASCADE_SET_NULL,
	CASCADE_UPDATE				/* ON UPDATE CASCADE */
} CascadeAction;

#define CASCADE_NACTIONS 4

/* A foreign key by which children follow a parent. */
typedef struct CascadeEdge
{
	ApplyTable *parent;
	ApplyTable *child;
	int			n;				/* columns of the foreign key, and marks */
	int			nfk;			/* without the marks, which say of which table
								 * of the source a row is, see add_marks */
	int		   *ref;			/* parent's columns */
	int		   *fk;				/* child's columns */
	CascadeAction on_delete;
	CascadeAction on_update;

	/* by action */
	char	   *sql[CASCADE_NACTIONS];
	SPIPlanPtr	plan[CASCADE_NACTIONS];
	TupleDesc	in[CASCADE_NACTIONS];	/* n old, for CASCADE_UPDATE n new */
	TupleDesc	out[CASCADE_NACTIONS];	/* what follows; NULL: nothing */
	bool		index;			/* the child has one on the foreign key … */
	uint32		index_asked;	/* … when it had been resolved so often */
} CascadeEdge;


struct ApplyTable
{
	LocalWriter *writer;
	SourceRelation *rel;
	Oid			relid;			/* its target, also when rel is gone */
	int			id;				/* index into LocalWriter.tables */
	int			ncols;			/* carried columns */
	int		   *cols;			/* indexes into rel->columns */
	bool		int_key;		/* one pass-by-value key column */

	/* what the catalog says; see apply_table_resolve */
	bool		resolved;
	uint32		resolutions;	/* how often it was read */
	char	   *qualified;		/* quoted schema.table */
	bool		partitioned;
	bool		key_index;		/* a usable index leads with the key columns */
	bool		arbiter;		/* a unique index fits ON CONFLICT */
	bool	   *identity_always;	/* for each column of rel */
	bool		any_identity_always;	/* … outside the key */
	Oid		   *out_func;		/* of key columns, for messages */
	List	   *stmts;			/* ApplyStmt * */

	/* the batch */
	bool		dirty;			/* in LocalWriter.dirty */
	bool		writes;			/* has pending INSERTs or UPDATEs */
	struct intkey_hash *by_int;
	struct bytekey_hash *by_bytes;
	ApplyEntry **entries;		/* in order of their first operation */
	int			nentries;
	int			maxentries;

	/* cascades; see cascade.c */
	List	   *edges;			/* CascadeEdge *: this table is the parent */
	bool		delete_edges;	/* one acts on DELETE */
	bool		update_edges;	/* one acts on UPDATE */
	bool		child;			/* an edge that acts on DELETE leads here */
	Bitmapset  *reach;			/* ids of the tables they can change */
	bool		waited;			/* a pending cascade can change this table */
	ApplyOp   **cascades;		/* pending: DELETEs to be followed */
	int			ncascades;
	int			maxcascades;
};

struct LocalWriter
{
	DestOptions options;
	MemoryContext cxt;
	MemoryContext table_cxt;
	MemoryContext row_cxt;
	MemoryContext flush_cxt;
	StringInfoData keybuf;

	int			ntables;
	int			maxtables;
	ApplyTable **tables;

	ApplyOp   **ops;
	int64		nops;
	int64		maxops;
	int64		bytes;
	bool		suspect;		/* the operations contradict each other: go row
								 * by row, to name the one that is wrong */
	bool		cascading;		/* some table has cascades pending */
	int			ndirty;
	int			maxdirty;
	ApplyTable **dirty;

	List	   *truncate;		/* Oid: tables of a TRUNCATE that goes on */
	bool		restart;		/* … with their sequences */

	int64		pending;		/* changes since the last commit */
	DestCounters committed;
	DestCounters current;		/* since the last commit */
};

static inline bool
row_has(const Row *row, int col)
{
	return row->status[col] <= COLUMN_NULL;
}

/* target.c */
extern void local_bind_relation(SourceRelation *rel);
extern char *local_qualified_name(Oid relid);
extern bool local_empty_table(Oid relid);

/* plain.c */
extern void local_check_plain(Oid relid, bool written);
extern char *local_refuses_table(const char *schema, const char *table,
								 char **hint);

/* truncate.c */
extern void local_truncate_take(LocalWriter *w, const Change *change);
extern void local_truncate_run(LocalWriter *w);

/* origin.c */
extern char *local_mark_changes(const char *name);
extern void local_mark_copy(const char *name);
extern bool local_copy_begin(void);
extern void local_copy_end(int code, Datum arg);
extern void local_forget_mark(const char *name);

/* load.c */
extern uint64 local_load(SourceRelation *rel, LoadProducer producer, void *arg,
						 LoadMode mode);

/* apply.c */
extern void apply_flush(LocalWriter *w, bool reset_rows);
extern void apply_one(LocalWriter *w, ApplyOp *op);

/* apply_entries.c */
extern bool entries_same_value(const SourceColumn *col, Datum a, Datum b);
extern ApplyEntry *entries_find(ApplyTable *table, const Row *row);
extern ApplyEntry *entries_get(ApplyTable *table, const Row *row, bool *found);
extern void entries_sort(ApplyTable *table);
extern void entries_reset(ApplyTable *table);

/* apply_batch.c */
extern ApplyTable *batch_table_make(LocalWriter *w, SourceRelation *rel);
extern void batch_take(LocalWriter *w, ApplyTable *table,
					   const Change *change);
extern void batch_reset(LocalWriter *w);

/* apply_table.c */
extern void apply_table_watch(LocalWriter *w);
extern void apply_table_resolve(ApplyTable *table);
extern void apply_table_forget(ApplyTable *table);
extern void apply_table_drop_stores(ApplyTable *table);
extern char *apply_equality(const char *left, const char *right, Oid typid);
extern bool apply_has_index(Oid relid, int ncolumns, const AttrNumber *attnums,
							bool *arbiter);

/* apply_stmt.c */
extern void apply_stmt_init(void);
extern void apply_stmt_free(ApplyStmt *stmt);
extern ApplyStmt *apply_stmt(ApplyTable *table, StmtKind kind,
							 const Row *row);
extern void apply_stmt_put(ApplyStmt *stmt, bool loose, const Row *old,
						   const Row *row, int64 count);
extern uint64 apply_stmt_run(ApplyStmt *stmt, bool loose);
extern uint64 apply_execute(LocalWriter *w, SPIPlanPtr *plan, const char *sql,
							Oid relid, TupleDesc tupdesc,
							Tuplestorestate *store, int64 nrows,
							Oid force_relid, DestReceiver *receiver);
extern int	apply_settings_begin(void);
extern void apply_settings_end(int nestlevel);

/* apply_fetch.c */
extern bool apply_fetch_row(ApplyTable *table, const Row *key, Row *row);

/* apply_sets.c */
extern void apply_sets(LocalWriter *w);
extern bool apply_sets_identity(const ApplyTable *table, const Row *row,
								bool keys);

/* apply_rows.c */
extern void apply_rows(LocalWriter *w);
extern void apply_row(LocalWriter *w, ApplyOp *op);

/* cascade.c */
extern void cascade_build(LocalWriter *w);
extern void cascade_forget(ApplyTable *table);
extern bool cascade_follows(const CascadeEdge *before, CascadeAction action,
							const CascadeEdge *next);
extern CascadeAction cascade_next(CascadeAction action,
								  const CascadeEdge *next);
extern bool cascade_update_matters(ApplyTable *table, const Row *old,
								   const Row *new);
extern bool cascade_must_wait(LocalWriter *w, ApplyTable *table);
extern void cascade_queue(LocalWriter *w, ApplyTable *table, ApplyOp *op);
extern void cascade_deletes(LocalWriter *w, ApplyTable *table, ApplyOp **ops,
							int nops);
extern void cascade_update(LocalWriter *w, ApplyTable *table, ApplyOp *op);

/* cascade_fetch.c */
extern bool cascade_lacks_old(ApplyTable *table, const ApplyOp *op);
extern void cascade_fetch_old(LocalWriter *w, ApplyTable *table, ApplyOp *op);

/* cascade_zone.c */
extern void zone_cascade(ApplyTable *table, const ApplyOp *op);

#endif							/* DTSMIG_DEST_LOCAL_H */
