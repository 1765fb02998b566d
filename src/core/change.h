/*-------------------------------------------------------------------------
 *
 * change.h
 *	  One change in flight, from a source engine to a destination engine.
 *
 * A row in flight is an array of Datums of the destination's types, one for
 * each column of the SourceRelation, with a status for each. The pass-by-
 * reference values of a row live in the memory context that the reader was
 * handed; the Change struct and its arrays live until the next change is
 * asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CHANGE_H
#define DTSMIG_CHANGE_H

#include "postgres.h"
#include "core/position.h"
#include "core/relation.h"
#include "datatype/timestamp.h"

typedef enum ChangeKind
{
	CHANGE_BEGIN,				/* a source transaction starts */
	CHANGE_INSERT,				/* new */
	CHANGE_UPDATE,				/* old and new */
	CHANGE_DELETE,				/* old */
	CHANGE_TRUNCATE,			/* rel */
	CHANGE_STALE,				/* of rel: its values are not reported as they are by
								 * now, it has to be copied again */
	CHANGE_DDL,					/* ddl_*; rel if one selected table is hit */
	CHANGE_COMMIT,				/* a source transaction ends; pos, commit_time */
	CHANGE_ROLLBACK,			/* what came since BEGIN is void, see below */
	CHANGE_VOID,				/* the same of a transaction in progress, see below */
	CHANGE_HEARTBEAT			/* nothing happened; pos is where the source is */
} ChangeKind;

/*
 * ROLLBACK is rare: the log of the MySQL family has it where the source
 * crashed while it wrote a transaction, or rolled one back that it had to
 * log. The consumer then forgets all it has not committed, closes the stream
 * and opens another at the position it committed last, in the same process:
 * that stream skips what is void. Another call of next_change on the
 * old stream raises an error (40000).
 *
 * A source may report a large transaction in parts, before it has come to its
 * end in the log (in_progress of its BEGIN), if StreamCallbacks.early wants
 * that. Its pos is a lower bound then, and its commit time is not known before
 * COMMIT. What was committed before comes before BEGIN. VOID takes it back: the
 * consumer forgets what came since BEGIN, and the same stream goes on; it
 * reports the transaction again, whole, if it commits.
 */

typedef enum ColumnStatus
{
	COLUMN_VALUE = 0,
	COLUMN_NULL,
	COLUMN_UNCHANGED,			/* a TOASTed value that was not sent again */
	COLUMN_ABSENT				/* not in a minimal row image, or not replicated */
} ColumnStatus;

typedef struct Row
{
	Datum	   *values;			/* rel->ncolumns of each */
	uint8	   *status;			/* ColumnStatus */
} Row;

typedef struct Change
{
	ChangeKind	kind;
	SourceRelation *rel;		/* row changes; of others see above */
	Row			old;
	Row			new;
	Size		bytes;			/* size of the change in the source's log */

	/*
	 * What the copy of the table knows of this change; set by whoever reads
	 * rel->snap_lo and rel->snap_hi, before a destination sees it.
	 *
	 * copied: the copy has it (it is at or before snap_lo). The change is
	 * handed on nevertheless, because a cascade that it caused may have to be
	 * followed in a table that was copied earlier; its own row is not touched.
	 *
	 * idempotent: the copy may have it (it is at or before snap_hi): an
	 * INSERT or UPDATE overwrites or inserts, a DELETE may find nothing. Not
	 * possible for a table without a key.
	 */
	bool		copied;
	bool		idempotent;
	/* idempotent because of a rule, and not because a copy may have it */
	bool		lenient;

	/*
	 * An UPDATE of a row that does not exist does nothing (not even
	 * idempotent).
	 */
	bool		update_only;

	bool		in_progress;	/* BEGIN: see above */

	/*
	 * TRUNCATE. more: the next change is a TRUNCATE by the same statement.
	 * restart_identity: the statement has set the sequences of these tables to
	 * their start.
	 */
	bool		more;
	bool		restart_identity;

	/*
	 * The source session had foreign key checks off, so that no cascade ran
	 * (MySQL family: flag 0x2, NO_FOREIGN_KEY_CHECKS_F, of a rows event), or
	 * what cascades did is reported row by row (0x10, USE_SQL_FOREIGN_KEY_F).
	 */
	bool		no_cascade;

	/*
	 * BEGIN, row changes: where the transaction starts, if known. COMMIT,
	 * HEARTBEAT, DDL: the position from which a restart would go on.
	 */
	SourcePos	pos;
	TimestampTz commit_time;	/* BEGIN, COMMIT and DDL: the source's clock; of BEGIN
								 * the transaction's, as far as its start has it */

	char	   *ddl_schema;		/* database the statement ran in */
	char	   *ddl_sql;
	struct DdlStatement *ddl;	/* what it does; NULL: not understood, because of */
	char	   *ddl_error;		/* this */
	char	   *ddl_before;		/* text of the position before it */

	/*
	 * Of a source that captures DDL among the rows of a transaction: what it
	 * recorded of one statement (JSON), which is done between those rows.
	 * ddl_before is the record's own name then, and ddl stays NULL.
	 */
	char	   *ddl_record;
} Change;

/*
 * Is a change before a snapshot of the source, that is, part of it? Snapshots
 * stand at the end of a transaction, so that the start of the transaction
 * decides. Of a change without a position: no.
 */
static inline bool
change_is_before(const Change *change, SourcePos snapshot)
{
	return source_pos_is_set(change->pos) &&
		source_pos_cmp(change->pos, snapshot) < 0;
}

#endif							/* DTSMIG_CHANGE_H */
