/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  Changes gathered in memory, for any destination: what the source said,
 *	  its net effect by table and key, and the cascades that follow from it.
 *
 *	  change -> batch_take -- barrier, or alone --> BatchRoutine: the engine
 *
 * A batch has two faces. The operations, in source order, are what the source
 * said; they serve when a batch must be done row by row. The entries, by table
 * and key, are the net effect of the operations; they are what is normally
 * written, as sets.
 *
 * An engine embeds a Batch, and has more to say of tables and edges than is
 * said here: its structs begin with these, and batch.c allocates them (see
 * BatchRoutine).
 *
 * Memory: everything about tables lives in Batch.table_cxt until the relations
 * change; operations, entries and values in row_cxt and what one flush needs in
 * flush_cxt, both reset when the flush is done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_BATCH_H
#define DTSMIG_DEST_BATCH_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "core/change.h"
#include "core/relation.h"
#include "dest/dest.h"

/* InnoDB follows no cascade deeper than this. */
#define CASCADE_MAX_DEPTH 15

typedef struct ApplyTable ApplyTable;
typedef struct Batch Batch;

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
	bool		complete;		/* new has every replicated column */
	bool		update_only;	/* see Change */
	SourcePos	pos;			/* where its transaction starts */
	Row			old;			/* values NULL: not kept */
	Row			new;
} ApplyOp;

/* Net effect on a row (on equal rows, of a keyless table); in row_cxt. */
typedef struct ApplyEntry
{
	bool		existed;		/* existed before the batch */
	bool		present;		/* exists after it */
	bool		loose;			/* some operation was */
	bool		complete;		/* row has every replicated column */
	bool		owned;			/* row's arrays are its own, not an operation's */
	int64		count;			/* keyless: copies to add or to take away */
	int64		int_key;		/* the key, if the table has an int_key */
	Row			key;			/* a row whose key columns have the key */
	Row			row;			/* merged new values, if present */
} ApplyEntry;

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
	bool		loose;			/* the source compares by a collation: 'A' may refer
								 * to 'a' */
	bool		unique;			/* to one row of the parent, at most */
} CascadeEdge;

struct ApplyTable
{
	Batch	   *batch;
	SourceRelation *rel;
	int			id;				/* index into Batch.tables */
	int			ncols;			/* replicated columns */
	int		   *cols;			/* indexes into rel->columns */
	bool		int_key;		/* one pass-by-value key column */

	/* filled by the engine, see BatchRoutine.resolve */
	char	   *qualified;		/* quoted name at the destination */
	Oid		   *out_func;		/* of replicated columns, for messages; NULL: the
								 * engine has not looked yet */
	bool		arbiter;		/* rows can be written by STMT_UPSERT */
	bool	   *identity_always;	/* for each column of rel: an UPDATE cannot set it */
	bool		any_identity_always;	/* … outside the key */
	List	   *stmts;			/* BatchStmt *: those in use */

	/* the batch */
	bool		dirty;			/* in Batch.dirty */
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
 * A statement, and the rows that wait for it. An engine has more to say of it:
 * its struct begins with this one.
 */
typedef struct BatchStmt
{
	ApplyTable *table;
	StmtKind	kind;
	/* gathered for the flush under way; [1]: loose */
	bool		waits[2];
	int64		nrows[2];
} BatchStmt;

/*
 * What an engine is asked for. But for open and truncate_take, in a
 * transaction.
 */
typedef struct BatchRoutine
{
	Size		batch_size;		/* of its struct that begins with a Batch … */
	Size		table_size;		/* … with an ApplyTable … */
	Size		edge_size;		/* … with a CascadeEdge; all are zeroed */

	/* A batch is opened, or closed. NULL: there is nothing to do. */
	void		(*open) (Batch *batch);
	void		(*close) (Batch *batch);
	/* A table has come to it. */
	void		(*table_made) (ApplyTable *table);
	/* Its tables go, and what statements know of them. */
	void		(*forget_tables) (Batch *batch);

	/*
	 * What statements run in between these two; the number is handed on. NULL:
	 * nothing is needed.
	 */
	int			(*enter) (Batch *batch);
	void		(*leave) (int entered);
	/* A table is about to be written to. NULL: nothing has to be looked at. */
	void		(*resolve) (ApplyTable *table);

	/* The statement of a kind for the columns that row has (NULL: none). */
	BatchStmt  *(*stmt) (ApplyTable *table, StmtKind kind, const Row *row);
	/*
	 * Adds a row to write: old has the key of what is to be found, or its image,
	 * row what is to be written; count is that of STMT_DELETE_IMAGE.
	 */
	void		(*put) (BatchStmt *stmt, bool loose, const Row *old, const Row *row,
						int64 count);
	/* Writes the rows put since the last run; returns how many were hit. */
	uint64		(*run) (BatchStmt *stmt, bool loose);
	/* Forgets rows that wait; their memory is the batch's matter. */
	void		(*drop_rows) (ApplyTable *table);
	/*
	 * Finds the row with a key at the destination, and gives row (may be NULL)
	 * the columns that it lacks, in row_cxt. False: it does not exist (once).
	 */
	bool		(*fetch_row) (ApplyTable *table, const Row *key, Row *row);

	/*
	 * Do what DELETEs of rows of a table, or an UPDATE, do to others. NULL: the
	 * engine takes no source that leaves that to the destination.
	 */
	void		(*follow_deletes) (Batch *batch, ApplyTable *table, ApplyOp **ops,
								   int nops);
	void		(*follow_update) (Batch *batch, ApplyTable *table, ApplyOp *op);

	/* What Batch.truncate has of a relation; and the TRUNCATE of them all. */
	void		(*truncate_take) (Batch *batch, SourceRelation *rel);
	void		(*truncate_run) (Batch *batch, List *tables, bool restart);
} BatchRoutine;

struct Batch
{
	const BatchRoutine *routine;
	DestOptions options;
	List	   *truncate;		/* the engine's, of a TRUNCATE that goes on */
	bool		restart;		/* … with their sequences */
	bool		overwrite;		/* see DestOptions */
	bool		changed_only;	/* the same */
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
	ApplyTable **dirty;			/* tables with entries */
};

static inline bool
row_has(const Row *row, int col)
{
	return row->status[col] <= COLUMN_NULL;
}

/* batch.c */
extern ApplyTable *batch_table_make(Batch *b, SourceRelation *rel);
extern void batch_take(Batch *b, ApplyTable *table, const Change *change);
extern void batch_reset(Batch *b);

/* entries.c */
extern bool entries_same_value(const SourceColumn *col, Datum a, Datum b);
extern ApplyEntry *entries_find(ApplyTable *table, const Row *row);
extern ApplyEntry *entries_get(ApplyTable *table, const Row *row, bool *found);
extern void entries_sort(ApplyTable *table);
extern void entries_reset(ApplyTable *table);

/* cascade.c */
extern void cascade_build(Batch *b);
extern bool cascade_follows(const CascadeEdge *before, CascadeAction action,
							const CascadeEdge *next);
extern CascadeAction cascade_next(CascadeAction action,
								  const CascadeEdge *next);
extern bool cascade_copy_has(const CascadeEdge *edge, SourcePos pos);
extern bool cascade_before_copy(Batch *b, ApplyTable *table, SourcePos pos);
extern bool cascade_value_differs(const SourceColumn *col, const Row *old,
								  const Row *new, int i);
extern bool cascade_update_matters(ApplyTable *table, const Row *old,
								   const Row *new);
extern bool cascade_must_wait(Batch *b, ApplyTable *table);
extern void cascade_queue(Batch *b, ApplyTable *table, ApplyOp *op);
extern bool cascade_lacks_old(ApplyTable *table, const ApplyOp *op);

/* writer.c: the functions of a DestRoutine that changes go through */
extern DestWriter *batch_open(const BatchRoutine *routine, const DestOptions *options);
extern void batch_set_relations(DestWriter *writer, SourceRelation **rels, int nrels);
extern MemoryContext batch_row_context(DestWriter *writer);
extern void batch_change(DestWriter *writer, const Change *change);
extern void batch_flush(DestWriter *writer);
extern void batch_commit(DestWriter *writer, PositionWriter write_position, void *arg);
extern void batch_abort(DestWriter *writer);
extern void batch_close(DestWriter *writer);
/*
 * Writes the batch, and forgets it. Values in row_cxt stay: those of the change at
 * hand exist.
 */
extern void writer_flush(Batch *b);
/* Does one operation at once; the batch is empty. */
extern void writer_one(Batch *b, ApplyOp *op);

/* sets.c */
extern void sets_write(Batch *b);
extern bool sets_identity(const ApplyTable *table, const Row *row, bool keys);

/* rows.c */
extern void rows_write(Batch *b);
extern void rows_write_one(Batch *b, ApplyOp *op);

/* op_text.c */
extern void op_push_context(ApplyOp *op, ErrorContextCallback *callback);
extern void op_check_found(const ApplyOp *op, uint64 processed);

/* cascade_zone.c */
extern void zone_cascade(ApplyTable *table, const ApplyOp *op);

#endif							/* DTSMIG_DEST_BATCH_H */
