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
	CHANGE_DDL,					/* ddl_*; rel if one selected table is hit */
	CHANGE_COMMIT,				/* a source transaction ends; pos, commit_time */
	CHANGE_HEARTBEAT			/* nothing happened; pos is where the source is */
} ChangeKind;

typedef enum ColumnStatus
{
	COLUMN_VALUE = 0,
	COLUMN_NULL,
	COLUMN_UNCHANGED,			/* a TOASTed value that was not sent again */
	COLUMN_ABSENT				/* not in a minimal row image, or not carried */
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
	 * BEGIN, row changes: where the transaction starts, if known. COMMIT,
	 * HEARTBEAT, DDL: the position from which a restart would go on.
	 */
	SourcePos	pos;
	TimestampTz commit_time;	/* COMMIT and DDL: the source's clock */

	char	   *ddl_schema;		/* database the statement ran in */
	char	   *ddl_sql;
} Change;

#endif							/* DTSMIG_CHANGE_H */
