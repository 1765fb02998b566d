/*-------------------------------------------------------------------------
 *
 * position.h
 *	  A place in the source's log.
 *
 * For the MySQL family it is a binlog file and an offset in it, plus the GTID
 * state at it; for PostgreSQL it is an LSN. In the catalog it is text, written
 * and read by the source engine ("mariadb-bin.000003:1234;0-1-77" or
 * "0/1A2B3C4"). In flight it is two numbers that compare in log order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_POSITION_H
#define DTSMIG_POSITION_H

#include "postgres.h"

typedef struct SourcePos
{
	uint64		segment;		/* number of the binlog file; PostgreSQL: the LSN */
	uint64		offset;			/* byte offset in the file; PostgreSQL: changes
								 * inside of the transaction */
} SourcePos;

/* Smaller than every real position. */
#define SOURCE_POS_MIN ((SourcePos) {0, 0})

/* -1, 0, 1 as a is before, at, or after b. */
static inline int
source_pos_cmp(SourcePos a, SourcePos b)
{
	if (a.segment != b.segment)
		return a.segment < b.segment ? -1 : 1;
	if (a.offset != b.offset)
		return a.offset < b.offset ? -1 : 1;
	return 0;
}

static inline bool
source_pos_is_set(SourcePos p)
{
	return p.segment != 0 || p.offset != 0;
}

/* Where a destination elsewhere keeps how far tasks have come: no task moves it. */
#define LEDGER_TABLE "dtsmig_ledger"

#endif							/* DTSMIG_POSITION_H */
