/*-------------------------------------------------------------------------
 *
 * relation.h
 *	  A table in flight: what the source says of it, joined with the table
 *	  that receives it at the destination.
 *
 * A SourceRelation is made when a task opens (or when a DDL changes the
 * table) from a TableDef of the schema room and the catalog entry of the
 * destination table. Source engines decode rows into the PostgreSQL types it
 * names; destinations write those. Everything it points to lives in cxt.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RELATION_H
#define DTSMIG_RELATION_H

#include "postgres.h"
#include "access/attnum.h"
#include "core/position.h"

struct TableDef;

typedef struct SourceColumn
{
	char	   *name;			/* name at the source */
	char	   *source_type;	/* the source's words for the type, in messages */
	char	   *target_name;	/* name at the destination; NULL: not replicated */
	bool		replicated;		/* goes to the destination (a column left out by
								 * a rule, or generated at the destination, does
								 * not) */
	bool		generated;		/* at the destination; replicated only to be compared, where a
								 * relation is bound for that */
	bool		in_key;			/* part of SourceRelation.key */
	char	   *constant;		/* value, as text, of a column that a rule sets to
								 * the same in all rows; NULL: it is none */

	/* type at the destination; of a column not replicated: InvalidOid */
	AttrNumber	target_attnum;
	Oid			typid;
	int32		typmod;
	Oid			collation;
	int16		typlen;
	bool		typbyval;
	bool		target_not_null;
	bool		zero_seen;		/* target_not_null, but a zero date of the source
								 * has become NULL in it */
	Oid			target_typid;	/* a domain over typid; else InvalidOid */

	void	   *engine;			/* decoder state of the source engine */
} SourceColumn;

/* How far a table is that is copied again while the rest of its task goes on. */
typedef enum ResyncStep
{
	RESYNC_NONE,				/* it is not, or the rest waits */
	RESYNC_ASKED,				/* to be begun */
	RESYNC_COPYING,				/* a copy worker is at it */
	RESYNC_COPIED,				/* it has all rows as of the snapshot */
	RESYNC_REPLAY				/* the log is read again for what came after it */
} ResyncStep;

typedef struct SourceRelation
{
	MemoryContext cxt;
	int			table_id;		/* dtsmig.task_table.table_id */
	bool		text_rows;		/* SourceRoutine.next_copy gives COPY's text
								 * format, not its binary one */
	uint32		generation;		/* grows with every change of definition */
	char	   *schema;			/* database, for the MySQL family */
	char	   *name;
	char	   *target_schema;
	char	   *target_name;
	Oid			target_relid;	/* local destination; else InvalidOid */
	int			ncolumns;
	SourceColumn *columns;		/* all columns of the source, in its order */
	int			nkey;			/* 0: keyless */
	int		   *key;			/* indexes into columns: the primary key, else the
								 * first unique key without a nullable column */
	struct TableDef *def;

	/*
	 * Where the copied rows stand. A change at or before snap_lo is in the
	 * copy already; one at or before snap_hi may be, and is applied so that
	 * doing it twice does no harm; a later one is applied strictly.
	 */
	SourcePos	snap_lo;
	SourcePos	snap_hi;

	/*
	 * The copy has all that lies in this position, which is known by GTIDs
	 * alone, and may have what comes after it up to snap_hi; what lies in it
	 * is skipped. NULL: see snap_lo.
	 */
	char	   *snap_set;

	/*
	 * Or else, after the source has failed over: the one position of the copy
	 * without a place on this server, asked of by stream_is_in; else NULL.
	 */
	char	   *snap_elsewhere;

	/*
	 * Where a copy is known by GTIDs, snap_lo follows the stream: it lies behind
	 * the last transaction that the copy has. One has come since that it has not.
	 */
	bool		snap_left;

	/*
	 * From where on the definition holds. What came before it is in the copy:
	 * it has another shape perhaps, and is skipped. DDL at or before
	 * unsure may be in the definition or in the copied rows already.
	 */
	SourcePos	def_from;
	SourcePos	unsure;
	/*
	 * PostgreSQL: where the last statement stands that gave values of a type of
	 * a column other texts (ALTER TYPE). It locks no table: what a transaction
	 * that began before it reports of such values may be either text.
	 */
	SourcePos	types_from;
	bool		one_snapshot;	/* all copied rows were read at one moment */
	const char *torn;			/* set by a destination: changes of the copied rows
								 * did not show what they are by now, because of
								 * this; the table has to be copied again, and its
								 * rows are left alone until then */
	bool		torn_noted;		/* and that is in the catalog */
	bool		drifted;		/* an alert says that somebody changed the table at
								 * the destination */
	bool		zero_seen;		/* of one of the columns */
	bool		resync;			/* its rows are to be copied again; until then
								 * nothing of it is followed */
	ResyncStep	resync_step;
	char	   *source_mark;	/* by which its engine sees that the table was followed
								 * without a gap, after the table's identity; NULL:
								 * none was seen yet */

	/*
	 * As the destination has it: itself, or, where a rule gives rows another
	 * shape, the relation of the rows that come out of that. Its first columns
	 * are those of the source; more may follow.
	 */
	struct SourceRelation *out;
	struct Shape *shape;		/* NULL: rows go as they are */
	char	   *pushed;			/* condition in the source's SQL that it may leave
								 * rows out by when it reads; NULL: none */
	bool		pushed_whole;	/* it is all of the rule's filter */
	uint32		applied;		/* OPERATION_… of transform/rule.h */

	void	   *engine;			/* of the source engine */
	void	   *dest;			/* of the destination engine: its writer's table … */
	void	   *bound;			/* … and what it found when it bound the relation */
} SourceRelation;

/* For ereport: the error is about this table of the source. */
#define ERR_SOURCE_TABLE(rel) \
	err_generic_string(PG_DIAG_SCHEMA_NAME, (rel)->schema), \
	err_generic_string(PG_DIAG_TABLE_NAME, (rel)->name)

#endif							/* DTSMIG_RELATION_H */
