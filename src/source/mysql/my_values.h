/*-------------------------------------------------------------------------
 *
 * my_values.h
 *	  MySQL-family values as PostgreSQL values.
 *
 * One decoder for each column is chosen when a relation is prepared, from
 * the source type, the destination type and the policies; no switch is run
 * for a value. The same policies hold in the text protocol (full load) and in
 * the binlog (changes).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_VALUES_H
#define DTSMIG_MY_VALUES_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "core/change.h"
#include "core/policy.h"
#include "core/relation.h"
#include "source/mysql/binlog_value.h"
#include "client/my_conn.h"

typedef struct MyColumn MyColumn;

/*
 * Sets rel->columns[].engine (in rel->cxt) for every column, from rel->def
 * and the destination types in rel->columns. conn, needed once, gives the
 * 256-entry tables of single-byte character sets. policy stays referenced.
 */
extern void my_values_prepare(SourceRelation *rel, MyConn *conn,
							  TypePolicy *policy);

/*
 * Says how the values of a TABLE_MAP's columns are to be decoded from now
 * on (types and metadata as logged); raises an error where they do not fit
 * rel->def. Cheap to call again with the same map.
 */
extern void my_values_bind_binlog(SourceRelation *rel,
								  const BinlogColumn *columns, int ncolumns);

/* One value of the binlog; sets values and status [col]. */
extern void my_value_from_binlog(SourceRelation *rel, int col,
								 const uint8 *data, Size len, Row *row);

/* The default of a column that a new row's image leaves out; else as it is. */
extern void my_value_by_default(SourceRelation *rel, int col, Row *row);

/* A JSON value of the binlog after a partial update of it. */
extern void my_json_from_diffs(SourceRelation *rel, int col,
							   const uint8 *before, Size before_len,
							   const uint8 *diffs, Size diffs_len, Row *row);

/*
 * One row of the text protocol into Datums: fields in rel's column order,
 * only those that are replicated were selected.
 */
extern void my_row_from_text(SourceRelation *rel, const uint8 *packet,
							 Size len, Row *row);

/*
 * The same row appended to buf in the format of COPY (FORMAT binary): field
 * count, then for each replicated column a length and bytes that the
 * destination type's receive function reads.
 */
extern void my_row_to_copy(SourceRelation *rel, const uint8 *packet, Size len,
						   StringInfo buf);

/*
 * The expression to SELECT for a column so that the text protocol has it
 * without loss (BIT and binary values as they are, FLOAT in enough digits,
 * GEOMETRY as WKB …), with the quoted column name in it; palloc'd.
 */
extern char *my_select_expression(const SourceRelation *rel, int col);

#endif							/* DTSMIG_MY_VALUES_H */
