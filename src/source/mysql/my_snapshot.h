/*-------------------------------------------------------------------------
 *
 * my_snapshot.h
 *	  Where the log of a MySQL-family source stands, and snapshots; as
 *	  SourceRoutine has them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_MY_SNAPSHOT_H
#define DTSMIG_MY_SNAPSHOT_H

#include "source/source.h"

/* A snapshot's transaction has it from its start: to it, it rolls back. */
#define MY_SNAPSHOT_SAVEPOINT "dtsmig"

extern char *my_current_position(SourceConn *conn);
extern char *my_start_position(SourceConn *conn);
extern int64 my_log_distance(SourceConn *conn, const char *position,
							 char **log_end);
extern void my_open_snapshot(SourceConn *conn, const char *shared,
							 SourceSnapshot *snapshot);
extern char *my_by_gtid(const char *position);
extern void my_open_table_snapshot(SourceConn *conn,
								   const ConnectionInfo *info,
								   const SourceRelation *rel,
								   SourceSnapshot *snapshot);
extern SourceConn *my_hold_tables(const ConnectionInfo *info, List *rels,
								  char **position);
extern bool my_lacks_rows(const SourceRelation *rel);
/* Has a table an engine whose rows a snapshot has? */
extern bool my_is_transactional(const TableDef *def);
extern char *my_rebase_position(SourceConn *conn, const char *position);
extern bool my_covers(const char *whole, const char *part);
extern bool my_has_place(const char *position);

extern void my_begin_read(SourceConn *source);
extern void my_end_read(SourceConn *source);

#endif							/* DTSMIG_MY_SNAPSHOT_H */
