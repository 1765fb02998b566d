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
	bool		existed;		/* was there before the batch */
	bool		present;		/* is there after it */
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
	Oid		   *out_func;		/* of replicated columns, for messages; NULL: the
								 * engine has not looked yet */

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

/* What an engine is asked for. */
typedef struct BatchRoutine
{
	Size		table_size;		/* of its struct that begins with an ApplyTable … */
	Size		edge_size;		/* … with a CascadeEdge; both are zeroed */
	/*
	 * Writes the batch, and forgets it (batch_reset). Values in row_cxt stay:
	 * those of the change at hand are there.
	 */
	void		(*flush) (Batch *batch);
	/* Does one operation at once; the batch is empty. */
	void		(*one) (Batch *batch, ApplyOp *op);
} BatchRoutine;

struct Batch
{
	const BatchRoutine *routine;
	bool		overwrite;		/* see DestOptions */
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

/* op_text.c */
extern void op_push_context(ApplyOp *op, ErrorContextCallback *callback);
extern void op_check_found(const ApplyOp *op, uint64 processed);

/* cascade_zone.c */
extern void zone_cascade(ApplyTable *table, const ApplyOp *op);

#endif							/* DTSMIG_DEST_BATCH_H */
