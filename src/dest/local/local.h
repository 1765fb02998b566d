/*-------------------------------------------------------------------------
 *
 * local.h
 *	  The engine "local": rows go into the database that this process is
 *	  connected to. Structures shared by its files; nobody else includes this.
 *
 * Changes are gathered in a Batch (dest/batch), and written here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_LOCAL_H
#define DTSMIG_DEST_LOCAL_H

#include "postgres.h"
#include "compat.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "utils/tuplestore.h"

#include "core/change.h"
#include "core/relation.h"
#include "dest/batch/batch.h"
#include "dest/dest.h"

/* The name under which a statement knows the rows it is to write. */
#define ROWS_NAME "dtsmig_rows"

/*
 * A statement that takes its rows from a tuplestore. The rows have nold
 * columns o1 … (the key of the row to be found), then the columns of the mask
 * c1 …, and for STMT_DELETE_IMAGE a count at the end.
 */
typedef struct ApplyStmt
{
	BatchStmt	base;
	uint8	   *mask;			/* a flag for each replicated column; NULL: none */
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
} ApplyStmt;

/* What statements for a table depend on in the catalog; see apply_table.c. */
typedef struct LocalTable
{
	ApplyTable	table;
	Oid			relid;			/* its target, also when rel is gone */
	bool		resolved;
	uint32		resolutions;	/* how often it was read */
	uint32		forgotten;		/* how often its plans were */
	bool		partitioned;
	bool		key_index;		/* a usable index leads with the key columns */
	uint64		written;		/* statements that gave it rows or values */
} LocalTable;

/* How rows follow along an edge, by action. */
typedef struct LocalEdge
{
	CascadeEdge edge;
	char	   *sql[CASCADE_NACTIONS];
	SPIPlanPtr	plan[CASCADE_NACTIONS];
	TupleDesc	in[CASCADE_NACTIONS];	/* n old, for CASCADE_UPDATE n new */
	TupleDesc	out[CASCADE_NACTIONS];	/* what follows; NULL: nothing */
	uint32		forgotten;		/* both tables', when the plans were made */
	bool		index;			/* the child has one on the foreign key … */
	uint32		index_asked;	/* … when it had been resolved so often */
	uint64		exact_at;		/* both tables' written, when every child was seen to
								 * have the value of a parent, byte by byte; 0 */
} LocalEdge;

static inline LocalTable *
local_table(const ApplyTable *table)
{
	return (LocalTable *) unconstify(ApplyTable *, table);
}

static inline ApplyStmt *
local_stmt(BatchStmt *stmt)
{
	return (ApplyStmt *) stmt;
}

static inline LocalEdge *
local_edge(const CascadeEdge *edge)
{
	return (LocalEdge *) unconstify(CascadeEdge *, edge);
}

/* target.c */
extern void local_bind_relation(SourceRelation *rel);
extern void local_bind_to_compare(SourceRelation *rel);
extern char *local_qualified_name(Oid relid);
/* The error that a table of the task does not exist. */
pg_noreturn extern void local_refuse_missing(const SourceRelation *rel);
extern bool local_empty_table(Oid relid);

/* plain.c */
extern void local_check_plain(Oid relid, bool written);
extern char *local_refuses_table(const char *schema, const char *table,
								 char **hint);

/* truncate.c */
extern void local_truncate_take(Batch *w, SourceRelation *rel);
extern void local_truncate_run(Batch *w, List *relids, bool restart);

/* origin.c */
extern char *local_mark_changes(const char *name);
extern void local_mark_copy(const char *name);
extern bool local_copy_begin(void);
extern void local_copy_end(int code, Datum arg);
extern void local_forget_mark(const char *name);

/* session.c */
extern void local_attach(const DestPlace *place);
extern void local_detach(void);
extern void local_identify(DestIdentity *id);
extern char *local_value(const char *sql);
extern char *local_claim(const char *key);
extern char *local_recorded(const char *key);
extern void local_unclaim(const char *key);
extern void local_record(const char *key, const char *value);
extern char *local_position(void);
extern void local_set_position(const char *position);
extern void local_forget_task(void);

/* load.c */
extern uint64 local_load(SourceRelation *rel, LoadProducer producer, void *arg,
						 LoadMode mode);

/* apply_table.c */
extern void apply_table_watch(Batch *w);
extern void apply_table_resolve(ApplyTable *table);
extern void apply_table_forget(ApplyTable *table);
extern void apply_table_drop_stores(ApplyTable *table);

/* apply_loose.c */
extern void loose_check(Batch *w, CascadeEdge *edge, CascadeAction action,
						Tuplestorestate *rows, int64 nrows);

/* apply_cascade.c: "b.c1", "b.n1": of the rows that an edge's action is done for */
extern char *cascade_rows_column(const CascadeEdge *edge, char prefix, int i);

/* apply_lookup.c */
extern char *apply_equality(const char *left, const char *right, Oid typid);
extern bool apply_has_index(Oid relid, int ncolumns, const AttrNumber *attnums,
							bool *arbiter);

/* apply_stmt.c */
extern void apply_stmt_init(void);
extern void apply_stmt_free(ApplyStmt *stmt);
extern BatchStmt *apply_stmt(ApplyTable *table, StmtKind kind,
							 const Row *row);
extern void apply_stmt_put(BatchStmt *to, bool loose, const Row *old,
						   const Row *row, int64 count);
extern uint64 apply_stmt_run(BatchStmt *to, bool loose);
extern uint64 apply_execute(Batch *w, SPIPlanPtr *plan, const char *sql,
							Oid relid, TupleDesc tupdesc,
							Tuplestorestate *store, int64 nrows,
							Oid force_relid, DestReceiver *receiver);
extern int	apply_settings_begin(void);
extern void apply_settings_end(int nestlevel);

/* apply_fetch.c */
extern bool apply_fetch_row(ApplyTable *table, const Row *key, Row *row);

/* apply_cascade.c */
extern void cascade_forget(Batch *w);
extern void cascade_deletes(Batch *w, ApplyTable *table, ApplyOp **ops,
							int nops);
extern void cascade_update(Batch *w, ApplyTable *table, ApplyOp *op);

#endif							/* DTSMIG_DEST_LOCAL_H */
