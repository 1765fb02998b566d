/*-------------------------------------------------------------------------
 *
 * pg_engine.h
 *	  What the files of the PostgreSQL source engine share.
 *
 * Positions are LSNs ("0/1A2B3C4"). A transaction stands at the start of its
 * commit record, and is before a snapshot or a slot's position if that is less;
 * the position after it is the end of that record. "0/1A2B3C4+7" is inside of
 * the transaction that stands at it, after 7 of its row messages. SourcePos
 * has the LSN in segment, and that number in offset.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PG_ENGINE_H
#define DTSMIG_PG_ENGINE_H

#include "postgres.h"
#include "access/xlogdefs.h"
#include "nodes/pg_list.h"

#include "client/pg_conn.h"
#include "source/source.h"

/*
 * The engine's SourceConn. In addition to the session it may hold a replication
 * connection whose exported snapshot others import.
 */
typedef struct PgSource
{
	PgConn	   *sql;
	PgConn	   *exporter;		/* NULL: holds no snapshot */
	char	   *snapshot;		/* its name, */
	char	   *snapshot_lsn;	/* and where it stands in the log */
	int64		pid;			/* of the session's process; 0: not asked for yet */
	bool		holds;			/* a transaction of begin_read is open … */
	List	   *held;			/* … with these tables locked, by OID */
} PgSource;

/*
 * Which relations are followed: plain tables and the leaves of partitioned
 * ones, each under its own name (publish_via_partition_root is false): the
 * destination has the same partitions, made by pg_dump and by DDL.
 */

/* Per column; SourceColumn.engine. Made by pg_prepare_relation. */
typedef struct PgColumn
{
	FmgrInfo	input;			/* text form to Datum of the column's typid */
	Oid			input_ioparam;
	Oid			code;			/* reading a value runs code of this role (see
								 * table_owner_of_domain) */
	FmgrInfo	receive;		/* binary form; fn_oid InvalidOid: none */
	Oid			receive_ioparam;
	bool		binary;			/* the source's binary form is what receive of
								 * the destination's type takes */
} PgColumn;

/* pg_schema.c: tables */
extern List *pg_list_schemas(SourceConn *conn, const ConnectionInfo *info);
extern bool pg_has_schema(SourceConn *conn, const char *schema);
/* "VALUES ('schema', 'name'), …" of a List of TableDef *; NULL: it is empty. */
extern char *pg_table_values(List *tables);
extern List *pg_describe(SourceConn *conn, List *schemas);
extern TableDef *pg_describe_table(SourceConn *conn, const char *schema,
								   const char *table);

/*
 * Fills the names at the destination, by rule (filled already) or by the name
 * policy, of tables and columns. names (may be NULL) receives NameChanges.
 */
extern void pg_name_targets(List *tables, const PlanOptions *options,
							List **names);

/* pg_keys.c */
/* confupdtype or confdeltype of pg_constraint, in SQL's words. */
extern char *pg_foreign_key_action(char type);
extern void pg_describe_keys(SourceConn *conn, List *tables);

/* pg_unfollowed.c */
extern List *pg_unfollowed(SourceConn *conn, int look_at);
extern List *pg_always(SourceConn *conn);

/* pg_meaning.c */
extern List *pg_meanings(SourceConn *conn);

/* pg_sequence.c */
extern List *pg_sequences(SourceConn *conn);

/* pg_copy.c: snapshots and rows */
extern char *pg_share_snapshot(SourceConn *conn);
extern void pg_end_snapshot(SourceConn *conn);
extern void pg_open_snapshot(SourceConn *conn, const char *shared,
							 SourceSnapshot *snapshot);
extern void pg_open_table_snapshot(SourceConn *conn, const ConnectionInfo *info,
								   const SourceRelation *rel,
								   SourceSnapshot *snapshot);
extern List *pg_plan_ranges(SourceConn *conn, SourceRelation *rel,
							int64 rows_per_range);
extern void pg_prepare_relation(SourceConn *conn, SourceRelation *rel,
								TypePolicy *policy);
/* pg_push.c: sets rel->pushed */
extern void pg_push_filter(SourceRelation *rel);
extern const struct PushDialect pg_push_dialect;
extern SourceRows *pg_open_rows(SourceConn *conn, SourceRelation *rel,
								const SourceRange *range);
extern char *pg_rows_query(SourceRelation *rel, const SourceRange *range,
						   const char *select);
extern char *pg_rows_value(SourceConn *conn, SourceRelation *rel,
						   const SourceRange *range, const char *select);
extern void pg_recover(PgConn *conn);
extern void pg_interrupt(SourceConn *conn, const ConnectionInfo *info);
extern int	pg_rows_socket(SourceConn *conn);
extern SourceRows *pg_open_join(SourceConn *conn, SourceRelation *rel, List *tables,
								const char *sql);
extern char *pg_column(const SourceRelation *rel, int column);
extern SourceRows *pg_open_written(SourceConn *conn, SourceRelation *rel, const char *sql);
extern void pg_begin_transaction(SourceConn *conn, const char *mode);
extern void pg_begin_read(SourceConn *conn);
extern void pg_end_read(SourceConn *conn);
extern bool pg_next_copy(SourceRows *rows, StringInfo buf);
extern void pg_close_rows(SourceRows *rows);

/* pg_publication.c, pg_slot.c: their name is ConnectionInfo.stream_name */

/*
 * Makes the publication of these tables, if it does not exist, and sees to it
 * that it publishes them all; raises an error for a table whose UPDATE and
 * DELETE would fail at the source for want of a replica identity.
 */
extern void pg_publish(PgConn *conn, List *tables);
/*
 * Raises an error if it is gone, or does not publish all kinds of changes.
 * Returns what changes when it is altered.
 */
extern char *pg_check_publication(PgConn *conn);
/* Tables that it publishes: schema, name, OID, end of the log after that */
extern PgResult *pg_published_tables(PgConn *conn);
/* The same of plain ones: schema, name, OID, OID in pg_publication_rel */
extern PgResult *pg_publication_members(PgConn *conn);
/* Tables that hold rows, but are not published: schema, name, OID */
extern PgResult *pg_unpublished_tables(PgConn *conn);
/*
 * Makes the slot, if it does not exist, and exports the snapshot of its
 * consistent point: fills the snapshot fields of source. A slot that exists
 * already exports none.
 */
extern char *pg_create_slot(PgSource *source);
/*
 * A snapshot that stands exactly at a position, by a temporary slot on a
 * replication connection of its own, kept in source->exporter.
 */
extern void pg_snapshot_by_slot(PgSource *source);
/*
 * Raises an error if the slot cannot serve changes from position on: it is
 * gone, was invalidated, or has moved past (ERRCODE_UNDEFINED_FILE, which ends
 * the task).
 */
extern void pg_check_slot(PgConn *conn, const char *position);
/*
 * Process at the source that reads the slot now; 0: none. *stale: nothing was
 * heard of its other end for long.
 */
extern int	pg_slot_reader(PgConn *conn, bool *stale);
/*
 * Removes slot, publication and the capture of DDL. Returns the SQL that is
 * left to be run by hand, with the reasons as comments; NULL: all is gone.
 * *note: what else was done at the source, or NULL.
 */
extern char *pg_release(const ConnectionInfo *info, char **note);
/* Where the log of the source ends, in SQL: a standby has what it has replayed. */
#define PG_LOG_END \
	"CASE WHEN pg_catalog.pg_is_in_recovery() THEN " \
	"pg_catalog.pg_last_wal_replay_lsn() ELSE " \
	"pg_catalog.pg_current_wal_insert_lsn() END"
extern char *pg_current_position(SourceConn *conn);
extern char *pg_start_position(SourceConn *conn);
extern void pg_log_left(SourceConn *conn, const char *position, double latency,
						LogLeft *left);
extern int64 pg_log_distance(SourceConn *conn, const char *position, char **end);
extern SourcePos pg_parse_position(const char *text);
extern char *pg_lsn_text(XLogRecPtr lsn);
extern char *pg_position_text(SourcePos pos);

/* pg_timeline.c: timeline and check_timeline of SourceRoutine */
extern uint32 pg_timeline(SourceConn *conn);
extern void pg_check_timeline(const ConnectionInfo *info, uint32 old, uint32 now,
							  const char *position);

/* pg_stream.c: changes */
extern SourceStream *pg_open_changes(const ConnectionInfo *info,
									 const char *position,
									 const StreamCallbacks *callbacks,
									 TypePolicy *policy);
extern Change *pg_next_change(SourceStream *stream, MemoryContext rowcxt,
							  long timeout_ms);
extern void pg_check_changes(SourceStream *stream, SourceConn *conn);
extern char *pg_stream_position(SourceStream *stream);
extern void pg_keep_alive(SourceStream *stream);
extern void pg_confirm(SourceStream *stream, const char *position);
extern void pg_close_changes(SourceStream *stream);

/* pg_dump.c: all objects */
extern List *pg_plan_objects(SourceConn *conn, const ConnectionInfo *info,
							 List *tables, const PlanOptions *options,
							 List **names);

/* pg_capture.c: DDL at the source */

/*
 * Installs the capture of DDL under info->stream_name. Returns NULL, or why it
 * cannot be (the task then follows rows only).
 */
extern char *pg_install_capture(PgConn *conn);
/* Why the schema that it goes into is not the account's own; NULL: it is. */
extern char *pg_capture_is_foreign(PgConn *conn);
/*
 * Raises an error if what was installed is not what it was when it was seen
 * before, by this stream or an earlier one: statements may have gone unrecorded.
 */
extern void pg_check_capture(PgConn *conn, const StreamCallbacks *callbacks);
/*
 * SQL that removes it (char *, statements to be run in this order). *note: what
 * else it does, a sentence; or NULL.
 */
extern List *pg_capture_removal(PgConn *conn, char **note);
/* SQL that makes the table in which replica identities are noted. */
extern char *pg_identity_table_sql(PgConn *conn);

/* pg_identity.c */

/*
 * Gives those of the tables (TableDef *) that have no replica identity the
 * whole row as one. Returns a note for the task's log, or NULL.
 */
extern char *pg_set_identities(PgConn *conn, List *tables);
/* SQL that puts back what they had; *note as above. */
extern List *pg_identities_back(PgConn *conn, char **note);
/*
 * Has DDL been captured that the snapshot of the session does not have yet?
 * False where nothing captures it.
 */
extern bool pg_ddl_since_snapshot(SourceConn *conn);
/* Where the capture is at the source. */
#define PG_CAPTURE_SCHEMA "dtsmig_source"

/* Is this the table that the capture writes to? */
extern bool pg_is_capture(const char *schema, const char *table);
/*
 * Makes a CHANGE_DDL of a row of that table, columns as text; false: the row
 * is not for this stream. The strings live in the current context.
 */
extern bool pg_capture_change(int ncolumns, char *const *names,
							  char *const *values, const char *stream_name,
							  Change *change);

typedef void (*CaptureRename) (void *arg, Oid relid, const char *schema,
							   const char *name);
/* Reports the relations that have another name by what a record says. */
extern void pg_capture_renames(const char *record, CaptureRename renamed,
							   void *arg);

/* pg_precheck.c */
extern List *pg_precheck(SourceConn *conn, const PrecheckScope *scope);

#endif							/* DTSMIG_PG_ENGINE_H */
