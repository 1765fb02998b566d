/*-------------------------------------------------------------------------
 *
 * source.h
 *	  The seam at which source engines meet the rest. An engine is a
 *	  SourceRoutine; nothing above knows which one it talks to.
 *
 * All calls may raise errors. Objects live in the memory context current when
 * they were made and close their connection when it is deleted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_SOURCE_H
#define DTSMIG_SOURCE_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "core/change.h"
#include "core/policy.h"
#include "core/precheck.h"
#include "core/relation.h"
#include "schema/check_sql.h"
#include "schema/definition.h"
#include "schema/model.h"
#include "schema/plan.h"
#include "client/connection.h"

/*
 * How a task whose changes are lost begins again; the worker puts the task's
 * name in the place of "task" (see worker/way_on.c).
 */
#define SOURCE_NEW_TASK_HINT \
	"The data is copied by a new full load: CREATE TEMPORARY TABLE again AS SELECT dtsmig.task_definition(task) AS d; SELECT dtsmig.release_task(task); SELECT dtsmig.drop_task(task); drop the tables that it has made; SELECT dtsmig.start_task(dtsmig.create_task(d)::text) FROM again;"

typedef struct SourceConn SourceConn;	/* an engine's connection */
typedef struct SourceRows SourceRows;	/* rows of a table or range */
typedef struct SourceStream SourceStream;	/* changes */

typedef struct SourceIdentity
{
	char	   *product;		/* "MariaDB", "MySQL", "PostgreSQL" */
	char	   *version;		/* as the server says it */
	int			version_num;	/* 101119, 150004 */
	char	   *server_uid;		/* server id and uuid, or system identifier */
	bool		tls;			/* this connection is encrypted */
	char	   *tls_cipher;
	char	   *account;		/* CURRENT_USER() at the source */
} SourceIdentity;

/* Where a sequence is, that has been used. */
typedef struct SourceSequence
{
	char	   *schema;
	char	   *name;
	int64		last_value;
	int64		increment;
	char	   *table_schema;	/* of the column that owns it; NULL: none does */
	char	   *table;
	char	   *column;
} SourceSequence;

/* What is looked at in addition to the settings of the database. */
#define SOURCE_FINDS_MADE 1		/* what the schema's migration should have made */
#define SOURCE_FINDS_COMMENTS 2
#define SOURCE_FINDS_EVENT_TRIGGERS 4
#define SOURCE_FINDS_OWNERS 8

/* Something that the source has, and that no statement of its log brings. */
typedef struct SourceFinding
{
	char	   *found;			/* for people */
	char	   *sql;			/* makes it, no semicolon; NULL: none does */
} SourceFinding;

/*
 * An object whose expressions use other operators or functions at the
 * destination.
 */
typedef struct SourceMeaning
{
	char	   *object;			/* "view rule …", for people */
	char	   *there;			/* what they use at the source, but for the server's own */
	char	   *here;
} SourceMeaning;

/* A trigger or rule that acts on rows which are replicated, too. */
typedef struct SourceAlways
{
	char	   *schema;
	char	   *table;
	char	   *name;
	bool		rule;
	bool		replica;		/* on these alone */
} SourceAlways;

/* What is left of the log that a source keeps for its readers. */
typedef struct LogLeft
{
	double		share;			/* 0 .. 1; < 0: there is no limit, or it is unknown */
	char	   *found;			/* in words, for people */
	char	   *advice;			/* what to do; NULL: nothing */
} LogLeft;

/*
 * A slice of a table by its row key, lo <= key < hi, as conditions of the
 * source's SQL (kept in the catalog, so that a restart copies the same slice).
 */
typedef struct SourceRange
{
	char	   *condition;		/* NULL: the whole table */
	int64		rows_estimate;
	bool		part;			/* its end may come early (LIMIT, an interrupt): the
								 * source is not asked how many rows there were */
	bool		locks;			/* the condition ends by a lock of the rows */
	bool		sent;			/* open_rows does not wait for the source */
} SourceRange;

/*
 * Positions of the log between which a snapshot stands: it has all that lies
 * before low, and nothing that lies after high. low NULL: all that lies before
 * the start of the changes (start_position). high NULL: the source keeps no
 * log. exact: low and high are one. holds_tables: what was read from it cannot
 * be altered at the source before the connection opens another one.
 */
typedef struct SourceSnapshot
{
	char	   *low;
	char	   *high;
	bool		exact;
	bool		holds_tables;
} SourceSnapshot;

/*
 * Finds the relation of a change in a transaction that starts at pos; NULL:
 * not selected, or not followed from that position. id: TableDef.source_id of
 * the table, which decides where it is followed under another name by now; NULL
 * where the source has none, so that the name decides.
 */
typedef SourceRelation *(*RelationLookup) (void *arg, const char *id,
										   const char *schema,
										   const char *table, SourcePos pos);
/*
 * Asked of names in a statement: is the table (or, with table NULL, anything
 * in the schema) selected?
 */
typedef bool (*SelectionTest) (void *arg, const char *schema,
							   const char *table);

/*
 * The source has begun to report transaction xid, which commits after pos. Is
 * it to be handed on as it comes, before its COMMIT is reported? (See
 * change.h.)
 */
typedef bool (*EarlyTest) (void *arg, SourcePos pos, uint32 xid);

/*
 * An event that cannot be followed, at a place of the log (always the same
 * text for it); what shows it to people. Has the user said to skip it? If not,
 * it is noted for skip_change, and what was gathered is given up: the engine
 * raises its error then.
 */
typedef bool (*SkipTest) (void *arg, const char *where, const char *what);

/*
 * Is what a transaction that starts at pos has changed in the copy of every
 * table? Then its rows, where they cannot be had, are not missed.
 */
typedef bool (*CopiedTest) (void *arg, SourcePos pos);

/*
 * While a table (its identity at the source) is followed, the source keeps this
 * mark of it (a text of the engine). False: it had another one when it was seen
 * before, at this stream or at an earlier one, and its rows were not copied again
 * since: what happened in between may not be in the log. With a NULL id the mark
 * is of what records the source's statements, of which this one is kept from now
 * on: an error that it raises is raised once.
 */
#define MARK_NONE "none"		/* nothing records them */
#define MARK_PART "part"		/* not all are recorded, which has been said */
typedef bool (*MarkTest) (void *arg, const char *id, const char *mark);

typedef struct StreamCallbacks
{
	RelationLookup lookup;
	SelectionTest selected;
	EarlyTest	early;			/* NULL: none is */
	SkipTest	skips;			/* NULL: none is skipped */
	CopiedTest	copied;			/* NULL: nothing is */
	MarkTest	same_mark;
	void	   *arg;
} StreamCallbacks;

/* What is asked of the values of a column. */
typedef enum SourceMeasure
{
	MEASURE_CHARACTERS,			/* length of the longest */
	MEASURE_BYTES,				/* the same of binary ones */
	MEASURE_BLANK_TWINS			/* more than one differ in blanks at their end alone */
} SourceMeasure;

typedef struct SourceRoutine
{
	const char *engine;			/* "mysql" */
	bool		reports_origin;	/* ConnectionInfo.own_changes can be had */
	bool		scripts;		/* statements of a plan are texts of the source,
								 * of several commands at a time */
	bool		own_definitions;	/* objects are made by statements that the
								 * source writes, in PostgreSQL's words
								 * (plan_objects); else definitions are
								 * translated, by plan_schema */
	bool		own_types;		/* columns can be of types that are objects of
								 * the source, which it alters */
	bool		logs_shapes;	/* the log names and shapes tables: definitions
								 * are followed in it, and not described again */
	bool		logs_cascades;	/* the log has what foreign keys did to other rows */
	bool		rows_notice_ddl;	/* a table that was altered since the snapshot
								 * is an error of open_rows even if no row is
								 * another */
	const char *tls_on;			/* SQL that turns TLS on at the source, each
								 * statement but the last ended by a semicolon;
								 * NULL: it takes more than SQL */

	SourceConn *(*connect) (const ConnectionInfo *info);
	void		(*close) (SourceConn *conn);
	void		(*identify) (SourceConn *conn, SourceIdentity *identity);

	/* Names of databases/schemas that a task without rules moves. */
	List	   *(*list_schemas) (SourceConn *conn, const ConnectionInfo *info);
	/* Has the source a database/schema of this name, as far as one sees? */
	bool		(*has_schema) (SourceConn *conn, const char *schema);
	/* TableDef *, source part filled, of the tables of these schemas. */
	List	   *(*describe) (SourceConn *conn, List *schemas);
	/*
	 * One of them with its indexes, and nothing that only making it takes; NULL:
	 * there is none of this name.
	 */
	TableDef   *(*describe_table) (SourceConn *conn, const char *schema,
								   const char *table);
	/*
	 * SourceSequence *, of all that the account can read; NULL: the engine has
	 * none that the log does not have.
	 */
	List	   *(*sequences) (SourceConn *conn);
	/*
	 * Gives tables of describe all indexes and foreign keys that they have; NULL:
	 * describe has done so.
	 */
	void		(*describe_keys) (SourceConn *conn, List *tables);
	/* What definitions inherit that do not say it, as it is now. */
	struct DdlDefaults *(*ddl_defaults) (SourceConn *conn);
	/*
	 * SourceFinding *, what the destination lacks; look_at: of SOURCE_FINDS_….
	 * NULL: the engine has no such thing.
	 */
	List	   *(*unfollowed) (SourceConn *conn, int look_at);
	/*
	 * SourceMeaning *, of objects that have the same name on both sides; NULL:
	 * as above.
	 */
	List	   *(*meanings) (SourceConn *conn);
	/* SourceAlways *; NULL: as above. */
	List	   *(*always) (SourceConn *conn);
	/*
	 * Looks at the values of tables (TableDef *, those that it has looked at
	 * before left out) for what decides how they are made (zero_dates of a
	 * column); with an end: not_looked of a table says what was left out.
	 * NULL: there is nothing to look for.
	 */
	void		(*look_at_values) (SourceConn *conn, List *tables,
								   const TypePolicy *policy);
	/* PrecheckItem *, what needs a look at values among them */
	List	   *(*precheck) (SourceConn *conn, const PrecheckScope *scope);

	/*
	 * The statements that make the schema: tables (TableDef *, selected, with
	 * the names that rules give them) and all that goes with them; as
	 * plan_schema, which serves without own_definitions. conn holds the snapshot of
	 * start_position, if that made one.
	 */
	List	   *(*plan_objects) (SourceConn *conn, const ConnectionInfo *info,
								 List *tables, const PlanOptions *options,
								 List **names);

	/*
	 * The same tables as facts, for a destination of another product; NULL: the
	 * engine cannot serve one.
	 */
	SchemaDefinition *(*read_definitions) (SourceConn *conn, List *tables);
	/* Looks at all values of a column; 0: there are none. NULL as above. */
	int64		(*measure) (SourceConn *conn, const TableDef *def, const char *column,
							SourceMeasure what);

	/*
	 * Makes what the source needs to report the changes of these tables, under
	 * info->stream_name; may be repeated. Called before start_position.
	 * Returns a note for the task's log, or NULL. NULL: it needs nothing.
	 */
	char	   *(*prepare_changes) (SourceConn *conn, const ConnectionInfo *info,
									List *tables);
	/*
	 * Removes that again. Returns the SQL, with the reasons as comments, for
	 * what could not be removed; NULL: all is gone. *note: what else was done
	 * at the source, a sentence for people; or NULL. Raises no error for a
	 * source that cannot be reached.
	 */
	char	   *(*release) (const ConnectionInfo *info, char **note);

	/* Where the log ends now; NULL if the source keeps none. */
	char	   *(*current_position) (SourceConn *conn);
	/*
	 * Which of the histories of its log the source is on, that one which takes
	 * over branches off from; 0: not known, or not to be held to. NULL: the
	 * engine has no such thing.
	 */
	uint32		(*timeline) (SourceConn *conn);
	/*
	 * The source was on timeline old when position was read, and is on now:
	 * raises an error unless what lies before the position is part of both.
	 */
	void		(*check_timeline) (const ConnectionInfo *info, uint32 old,
								   uint32 now, const char *position);
	/*
	 * A position from which changes can be followed: snapshots opened later
	 * have all that lies before it. NULL as above.
	 */
	char	   *(*start_position) (SourceConn *conn);
	/*
	 * The source behind conn is another server than the one that the position
	 * is from (it has failed over). The same position without what only the
	 * old server knows; raises an error with the reason where there is none.
	 */
	char	   *(*rebase_position) (SourceConn *conn, const char *position);
	/* Is all that lies before part before whole too? */
	bool		(*position_covers) (const char *whole, const char *part);
	/* Has the position a place that SourcePos can hold? */
	bool		(*position_has_place) (const char *position);
	/*
	 * The same position without its place, known by GTIDs alone; NULL: it has
	 * none. NULL: the engine's snapshots are exact.
	 */
	char	   *(*position_by_gtid) (const char *position);
	/*
	 * The text of a position in flight; NULL for an engine without DDL inside
	 * of transactions (Change.ddl_record).
	 */
	char	   *(*position_text) (SourcePos pos);
	/* Position as numbers that compare; raises an error on bad text. */
	SourcePos	(*parse_position) (const char *text);
	/*
	 * Bytes of log between position and the log's end; -1: unknown. *end, if
	 * wanted, is where it ends, for people to read; NULL: unknown.
	 */
	int64		(*log_distance) (SourceConn *conn, const char *position,
								 char **end);

	/*
	 * How near the source is to removing what lies behind position, whose
	 * reader is so many seconds late. NULL: the engine does not know.
	 */
	void		(*log_left) (SourceConn *conn, const char *position,
							 double latency, LogLeft *left);

	/*
	 * A consistent snapshot, held by conn, that other connections can open by
	 * the text that is returned. NULL: the engine has no such thing.
	 */
	char	   *(*share_snapshot) (SourceConn *conn);
	/*
	 * Has a statement changed definitions since the snapshot that conn has
	 * open? What was read of the schema may then be of two times. NULL: never,
	 * or it does not matter.
	 */
	bool		(*ddl_since_snapshot) (SourceConn *conn);
	/*
	 * The snapshots that conn holds or has open are not needed any more. NULL:
	 * closing the connection is enough.
	 */
	void		(*end_snapshot) (SourceConn *conn);
	/*
	 * Opens a consistent snapshot on conn for reads that follow: the shared
	 * one, or with NULL one of its own.
	 */
	void		(*open_snapshot) (SourceConn *conn, const char *shared,
								  SourceSnapshot *snapshot);
	/*
	 * Where that is not exact: one that is, good for rel alone. info is for a
	 * connection of its own.
	 */
	void		(*open_table_snapshot) (SourceConn *conn,
										const ConnectionInfo *info,
										const SourceRelation *rel,
										SourceSnapshot *snapshot);
	/* Do snapshots lack the rows of a table (of an engine without transactions)? */
	bool		(*lacks_rows) (const SourceRelation *rel);
	/*
	 * A connection that keeps everybody from writing to those of the tables
	 * (SourceRelation *) that are such, until it is closed, and the position of
	 * all that was written to them. NULL: none is. It is to be closed when rows
	 * are being read, which goes on by itself; nothing else may be asked of them
	 * before, for it would wait behind who waits to write.
	 */
	SourceConn *(*hold_tables) (const ConnectionInfo *info, List *rels,
								char **position);
	/* SourceRange *: about so many rows each; one range if it can't be cut. */
	List	   *(*plan_ranges) (SourceConn *conn, SourceRelation *rel,
								int64 rows_per_range);
	/* Decoders for a relation; conn may be used to ask for details. */
	void		(*prepare_relation) (SourceConn *conn, SourceRelation *rel,
									 TypePolicy *policy);

	/*
	 * Raises 42P01, 42703, 3F000 or 40001 where the table is not any more what
	 * the snapshot knows; the snapshot stays good for other tables.
	 */
	SourceRows *(*open_rows) (SourceConn *conn, SourceRelation *rel,
							  const SourceRange *range);
	/* Can be read when the source has answered, after open_rows has sent. */
	int			(*socket) (SourceConn *conn);
	/*
	 * The same of a SELECT that gives the replicated columns of rel, which stands
	 * for a join of tables (SourceRelation *). column: one as it is selected; only:
	 * in front of a table's name.
	 */
	SourceRows *(*open_join) (SourceConn *conn, SourceRelation *rel, List *tables,
							  const char *sql);
	char	   *(*column) (const SourceRelation *rel, int column);
	const char *only;
	/*
	 * The statement of open_rows; with select, that one with other columns: an
	 * expression in SQL that both families read.
	 */
	char	   *(*rows_query) (SourceRelation *rel, const SourceRange *range,
							   const char *select);
	/* Runs it; its one value, a text. NULL: none. */
	char	   *(*rows_value) (SourceConn *conn, SourceRelation *rel,
							   const SourceRange *range, const char *select);
	/* Next row as Datums in the current context; false at the end. May be NULL. */
	bool		(*next_row) (SourceRows *rows, Row *row);
	/*
	 * Next row in COPY's binary format (text, if rel->text_rows), appended to
	 * buf; false at the end.
	 */
	bool		(*next_copy) (SourceRows *rows, StringInfo buf);
	void		(*close_rows) (SourceRows *rows);
	/*
	 * Has the source end the statement whose rows conn is reading, over a
	 * connection of its own: what is read next is an error of the source. The
	 * snapshot stays open.
	 */
	void		(*interrupt) (SourceConn *conn, const ConnectionInfo *info);

	/*
	 * A transaction for reads that follow, all of one moment, which nobody else
	 * needs to know; and its end.
	 */
	void		(*begin_read) (SourceConn *conn);
	void		(*end_read) (SourceConn *conn);
	/* A name, and conditions (see transform/shape_push.h), in its SQL. */
	char	   *(*quote_name) (const char *name);
	const char *random;			/* from 0 to 1 */
	const struct PushDialect *push;
	const struct SourceWriteRoutine *write; /* see source/write.h */

	SourceStream *(*open_changes) (const ConnectionInfo *info,
								   const char *position,
								   const StreamCallbacks *callbacks,
								   TypePolicy *policy);
	/*
	 * Next change; values of rows in rowcxt. Waits at most timeout_ms (0: not
	 * at all); NULL if nothing came by then.
	 */
	Change	   *(*next_change) (SourceStream *stream, MemoryContext rowcxt,
								long timeout_ms);
	/*
	 * Does the transaction that is being reported lie before a position that has
	 * no place (that of another server)?
	 */
	bool		(*stream_is_in) (SourceStream *stream, const char *position);
	/*
	 * Asked now and then while changes are followed, over conn: raises an error
	 * if what the source was prepared to report is not reported any more. NULL:
	 * nobody can take that away.
	 */
	void		(*check_changes) (SourceStream *stream, SourceConn *conn);
	/* Position text after the COMMIT or HEARTBEAT returned last. */
	char	   *(*stream_position) (SourceStream *stream);
	/*
	 * Has a transaction that StreamCallbacks.early was asked of committed at
	 * the source by now? NULL: the engine never asks.
	 */
	bool		(*has_committed) (SourceConn *conn, uint32 xid);
	/*
	 * Nothing is going to be read for a while: lets the source know that
	 * somebody is there. NULL: it does not want to know.
	 */
	void		(*keep_alive) (SourceStream *stream);
	/* The position is durable at the destination: the source may forget. */
	void		(*confirm) (SourceStream *stream, const char *position);
	void		(*close_changes) (SourceStream *stream);

	/* Verification; rel is prepared. */

	/*
	 * In which form a column's values can be written on both sides alike.
	 */
	CheckForm	(*check_form) (SourceConn *conn, const SourceRelation *rel,
							   int column);
	/*
	 * The table in the source's SQL, for check_sql.h; forms: of each column,
	 * CHECK_FETCH where a column shall not be looked at.
	 */
	CheckTable *(*check_table) (SourceConn *conn, const SourceRelation *rel,
								const CheckForm *forms);
	/*
	 * Runs a SELECT of check_sql.h. The source may work on it until
	 * check_answer, which gives CheckSum *, is called.
	 */
	void		(*check_ask) (SourceConn *conn, const char *sql);
	List	   *(*check_answer) (SourceConn *conn);
	/* The value that a SELECT gives; NULL: none. */
	char	   *(*check_value) (SourceConn *conn, const char *sql);
	/*
	 * The condition that finds rows by their key, whose values are given as
	 * their types' output of this server (in UTC); NULL: such keys cannot be
	 * looked up.
	 */
	char	   *(*check_key) (SourceConn *conn, const SourceRelation *rel,
							  char *const *key);
	/*
	 * Transactions at the source that have written and not ended: a text for
	 * people; NULL: there are none, or they are not this account's to see (then
	 * *hidden says why).
	 */
	char	   *(*open_writers) (SourceConn *conn, char **hidden);
	/*
	 * Makes the source refuse writes, as far as it can: NULL, or what could
	 * not be done and why. for_others: the account has to go on writing.
	 * is_read_only asks. make_writable undoes it: NULL, or why it cannot be.
	 */
	char	   *(*make_read_only) (SourceConn *conn, bool for_others);
	char	   *(*make_writable) (SourceConn *conn);
	bool		(*is_read_only) (SourceConn *conn);
	/*
	 * Is the constraint one that the source itself has not held its rows
	 * against? NULL: the engine has no such thing.
	 */
	bool		(*constraint_open) (SourceConn *conn, const char *schema,
									const char *table, const char *name);
} SourceRoutine;

extern const SourceRoutine mysql_source_routine;
extern const SourceRoutine pgsql_source_routine;

/* By server type; raises an error for an unknown one. */
extern const SourceRoutine *source_routine(const char *server_type);

#endif							/* DTSMIG_SOURCE_H */
