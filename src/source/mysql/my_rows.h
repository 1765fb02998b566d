/*-------------------------------------------------------------------------
 *
 * my_rows.h
 *	  Reading tables of a MySQL-family source: the part of SourceRoutine that
 *	  full load uses. See source.h for what each does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_ROWS_H
#define DTSMIG_MY_ROWS_H

#include "postgres.h"
#include "source/source.h"

extern List *my_plan_ranges(SourceConn *conn, SourceRelation *rel,
							int64 rows_per_range);
extern void my_prepare_relation(SourceConn *conn, SourceRelation *rel,
								TypePolicy *policy);

extern SourceRows *my_open_rows(SourceConn *conn, SourceRelation *rel,
								const SourceRange *range);
extern int	my_rows_socket(SourceConn *conn);
extern SourceRows *my_open_join(SourceConn *conn, SourceRelation *rel, List *tables,
								const char *sql);
extern char *my_rows_query(SourceRelation *rel, const SourceRange *range,
						   const char *select);
extern char *my_rows_value(SourceConn *conn, SourceRelation *rel,
						   const SourceRange *range, const char *select);
extern void my_interrupt(SourceConn *conn, const ConnectionInfo *info);
extern bool my_next_row(SourceRows *rows, Row *row);
extern bool my_next_copy(SourceRows *rows, StringInfo buf);
extern void my_close_rows(SourceRows *rows);

#endif							/* DTSMIG_MY_ROWS_H */
