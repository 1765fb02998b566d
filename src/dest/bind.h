/*-------------------------------------------------------------------------
 *
 * bind.h
 *	  What engines have in common when they join a relation with its table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_BIND_H
#define DTSMIG_DEST_BIND_H

#include "postgres.h"

#include "compat.h"
#include "core/relation.h"

/* The target part of a column, as if nothing had been found yet. */
extern void bind_clear_column(SourceColumn *col);
/* Raise 42703 and 42P01, with what is to arrive in it. */
pg_noreturn extern void bind_refuse_missing_column(const SourceRelation *rel,
												   const SourceColumn *col);
pg_noreturn extern void bind_refuse_missing_table(const SourceRelation *rel);
/* Once all columns are bound: a key that does not arrive is none. */
extern void bind_check_key(SourceRelation *rel);

#endif							/* DTSMIG_DEST_BIND_H */
