/*-------------------------------------------------------------------------
 *
 * copy_row.h
 *	  Rows in COPY's formats as values, and back: for whoever has to look at
 *	  rows that a source gives for a copy (SourceRoutine.next_copy).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_COPY_ROW_H
#define DTSMIG_COPY_ROW_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "core/relation.h"

typedef struct CopyReader CopyReader;
typedef struct CopyWriter CopyWriter;

/* Of the replicated columns of a bound relation, in its format (text_rows). */
extern CopyReader *copy_reader_make(const SourceRelation *rel);
/*
 * Reads the row that buf holds into rel->ncolumns values, in the current
 * context; of columns that are not replicated NULL. Raises 08P01 for a row that
 * is cut off.
 */
extern void copy_reader_read(CopyReader *reader, StringInfo buf, Datum *values,
							 bool *nulls);
/*
 * The same of the row at buf's cursor, which moves behind it, of several that
 * buf holds; false: there is no more.
 */
extern bool copy_reader_next(CopyReader *reader, StringInfo buf, Datum *values,
							 bool *nulls);

/* The same for writing. */
extern CopyWriter *copy_writer_make(const SourceRelation *rel);
/* Appends a row to buf. */
extern void copy_writer_put(CopyWriter *writer, StringInfo buf,
							const Datum *values, const bool *nulls);

#endif							/* DTSMIG_COPY_ROW_H */
