/*-------------------------------------------------------------------------
 *
 * pgsql.h
 *	  The engine "postgresql": rows go to a PostgreSQL server elsewhere, over
 *	  libpq. Structures shared by its files; nobody else includes this.
 *
 * Changes are gathered in a Batch (dest/batch), and written by these files:
 * rows reach a statement as arrays, one for each column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_PGSQL_H
#define DTSMIG_DEST_PGSQL_H

#include "postgres.h"
#include "fmgr.h"

#include "client/pg_conn.h"
#include "core/change.h"
#include "core/relation.h"
#include "dest/batch/batch.h"
#include "dest/dest.h"

/* A column of a table there, as it was when the relation was bound. */
typedef struct PgTargetColumn
{
	char	   *name;			/* quoted */
	char	   *type;			/* without length, for a cast */
	char	   *full_type;		/* with it; of a domain: its base type */
	bool		known;			/* the type, or that of the domain, is one here, too */
	bool		alien;			/* the type is not known here, or is a domain:
								 * values are cast to it */
	bool		text_only;		/* … and travels as text alone */
	bool		identity_always;
	bool		places;			/* rows are on this node or that by its value,
								 * which UPDATE cannot change */
} PgTargetColumn;

/* SourceRelation.bound */
typedef struct PgTarget
{
	char	   *qualified;		/* quoted schema.table */
	bool		partitioned;
	bool		referenced;		/* by a foreign key of another table */
	bool		key_index;		/* a usable index leads with the key columns */
	bool		arbiter;		/* a unique index fits ON CONFLICT */
	bool		any_unique;		/* there is a unique index */
	bool		any_identity_always;	/* … outside the key */
	bool		text_only;		/* a column is */
	PgTargetColumn *columns;	/* for each of rel */
	Oid		   *out_func;		/* the same: of types of this database */
} PgTarget;

/* An array that is sent: a parameter of a statement. */
typedef struct PgArray
{
	Oid			elem;			/* its type */
	FmgrInfo	function;		/* by which values are written: their send function … */
	bool		by_output;		/* … or their output function */
	StringInfoData data;		/* of the elements */
	int			n;
	bool		nulls;
} PgArray;

/*
 * A statement that takes its rows from arrays: b, with nold columns o1 … (the
 * key of the row to be found), then the columns of the mask c1 …, and for
 * STMT_DELETE_IMAGE id and n at the end.
 */
typedef struct PgStmt
{
	BatchStmt	base;
	uint8	   *mask;			/* a flag for each replicated column; NULL: none */
	int			nold;
	int			natts;
	int			nparams;
	int		   *col;			/* column of the relation, for each */
	char	   *sql;			/* NULL: nothing to do for such rows */
	char	   *name;			/* of the prepared statement */
	uint32		session;		/* in which it is prepared; 0: in none */

	/* gathered for the flush under way; [1]: loose */
	List	   *parts[2];		/* PgArray *: nparams of each, that are full */
	PgArray    *arrays[2];
} PgStmt;

typedef struct PgTable
{
	ApplyTable	table;
	PgTarget   *target;
} PgTable;

/* A statement of the cascades; parameters are texts. */
typedef struct PgEdge
{
	CascadeEdge edge;
	char	   *sql[CASCADE_NACTIONS];
	char	   *name[CASCADE_NACTIONS];
	uint32		session[CASCADE_NACTIONS];
	int			nout[CASCADE_NACTIONS];	/* columns that it returns */
} PgEdge;

static inline PgTable *
pg_table(const ApplyTable *table)
{
	return (PgTable *) unconstify(ApplyTable *, table);
}

static inline PgStmt *
pg_stmt(BatchStmt *stmt)
{
	return (PgStmt *) stmt;
}

static inline PgEdge *
pg_edge(const CascadeEdge *edge)
{
	return (PgEdge *) unconstify(CascadeEdge *, edge);
}

/* session.c */
extern void session_attach(const DestPlace *place);
extern void session_detach(void);
extern void session_identify(DestIdentity *id);
extern char *session_value(const char *sql);
/*
 * The connection, in a transaction that follows the one which is open in this
 * process, down to its subtransactions.
 */
extern PgConn *session_use(void);
/* Grows with each connection: prepared statements are gone with it. */
extern uint32 session_number(void);
/* Prepared statements are not used any more. */
extern void session_forget_statements(void);
/* A name that no prepared statement has. */
extern char *session_statement_name(void);
/* Rows are found by index from now on, or however the server likes. */
extern void session_by_index(bool by_index);
extern const char *session_server(void);
/* Is it the coordinator of a Citus cluster? */
extern bool session_is_citus(void);
/* Is it of the Greenplum family? */
extern bool session_is_greenplum(void);
/* Are there INSERT … ON CONFLICT? */
extern bool session_has_on_conflict(void);
/* A session of its own, like the one that writes, for the caller to close. */
extern PgConn *session_open(void);
/*
 * A session of its own, that reads and has no transaction open; and its end. It
 * is used again where it is idle, else closed.
 */
extern PgConn *session_reader(void);
extern void session_reader_done(PgConn *reader, bool idle);
/* Runs a TRUNCATE as it has to be run there. */
extern void session_run_with_triggers(const char *sql);

/* probe.c */
extern void probe_destination(DestProbe *probe);

/* ledger.c */
extern void ledger_open(PgConn *conn, const DestPlace *place);
extern void ledger_close(void);
/* Does the server take INSERT … ON CONFLICT into it? */
extern bool ledger_takes_on_conflict(PgConn *conn);
extern void ledger_committed(bool committed);
extern char *ledger_claim(const char *key);
extern char *ledger_recorded(const char *key);
extern void ledger_unclaim(const char *key);
extern void ledger_record(const char *key, const char *value);
extern char *ledger_position(void);
extern void ledger_set_position(const char *position);
extern void ledger_forget_task(void);

/* target.c */
extern void target_bind(SourceRelation *rel);
extern void target_bind_to_compare(SourceRelation *rel);
extern char *target_refuses(const char *schema, const char *table, char **hint);

/* load.c */
extern uint64 pgsql_load(SourceRelation *rel, LoadProducer producer, void *arg,
						 LoadMode mode);

/* array.c */
extern void array_init(PgArray *a, Oid elem, Oid typid);
extern void array_reset(PgArray *a);
extern Oid	array_element(const SourceColumn *col);
extern void array_put(PgArray *a, Datum value, bool isnull);
extern void array_put_text(PgArray *a, const char *value);
extern void array_put_int8(PgArray *a, int64 value);
/* The parameter in binary form, valid until the array changes. */
extern char *array_take(PgArray *a, int *len);
/* "pg_catalog.int4[]" */
extern char *array_type(Oid elem);
/* unnest of so many arrays: the server's own, whatever the search_path. */
extern const char *array_rows_from(int n);

/* stmt.c */
extern BatchStmt *stmt_get(ApplyTable *table, StmtKind kind, const Row *row);
extern void stmt_put(BatchStmt *stmt, bool loose, const Row *old, const Row *row,
					 int64 count);
extern uint64 stmt_run(BatchStmt *stmt, bool loose);
extern void stmt_drop_rows(ApplyTable *table);
extern const char *stmt_only(const ApplyTable *table);

/* stmt_sql.c */
extern char *stmt_sql(PgStmt *stmt);
/* A value of b as the destination's column takes it. */
extern char *stmt_value(const ApplyTable *table, int col, const char *value);
extern char *stmt_column(const ApplyTable *table, int col);

/* cascade.c */
extern void follow_deletes(Batch *b, ApplyTable *table, ApplyOp **ops, int nops);
extern void follow_update(Batch *b, ApplyTable *table, ApplyOp *op);

/* check.c */
extern const DestCheckRoutine pgsql_check_routine;

/* fetch.c */
extern bool fetch_row(ApplyTable *table, const Row *key, Row *row);

#endif							/* DTSMIG_DEST_PGSQL_H */
