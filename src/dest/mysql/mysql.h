/*-------------------------------------------------------------------------
 *
 * mysql.h
 *	  The engines "mysql" and "mariadb": rows go to a server of the MySQL
 *	  family. Structures shared by its files; nobody else includes this.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_DEST_MYSQL_H
#define DTSMIG_DEST_MYSQL_H

#include "postgres.h"

#include "client/my_conn.h"
#include "client/my_value.h"
#include "dest/batch/batch.h"
#include "dest/dest.h"

/* Text of statements that write rows. */
typedef struct MyPart
{
	StringInfoData sql;
	int			n;				/* statements, or rows of one */
} MyPart;

typedef struct MyStmt
{
	BatchStmt	base;
	uint8	   *mask;			/* a flag for each replicated column; NULL: none */
	bool		nothing;		/* there is nothing to write in such a row */
	bool		several;		/* a statement for each row; else one for all */
	char	   *head;			/* what each statement begins with */
	StringInfoData row;			/* the one at hand; in flush_cxt while rows wait */
	MyPart	   *part[2];		/* that is being filled */
	List	   *parts[2];		/* MyPart *: that are full */
} MyStmt;

/* session.c */
extern void mysql_attach(const DestPlace *place);
extern void mysql_detach(void);
extern void mysql_identify(DestIdentity *id);
extern char *mysql_value(const char *sql);
/*
 * The connection, in a transaction that follows the one which is open in this
 * process.
 */
extern MyConn *mysql_use(void);
/* The same, for rows: statements that change definitions cannot follow them. */
extern MyConn *mysql_use_for_rows(void);
/* That connection, which an answer is awaited on. */
extern MyConn *mysql_rows_connection(void);
/*
 * A connection that reads, and whose statements are transactions of their own; and
 * what becomes of it. idle: nothing of an answer is outstanding.
 */
extern MyConn *mysql_reader(void);
extern void mysql_reader_done(MyConn *reader, bool idle);
extern const char *mysql_server(void);
/* Bytes that a statement may have. */
extern Size mysql_max_statement(void);
/* Runs one statement that returns no rows; how many it has changed or found. */
extern uint64 mysql_run(MyConn *conn, const char *sql);
extern uint64 mysql_runf(MyConn *conn, const char *fmt,...) pg_attribute_printf(2, 3);

/* The server takes several statements in one text, or one alone. */
extern void mysql_several(MyConn *conn, bool several);
/*
 * Runs n statements of a text (mysql_several, if there are more than one); rows
 * that they changed or found. What the server warns of is an error.
 */
extern uint64 mysql_write(MyConn *conn, const char *sql, Size len, int n);
/*
 * The same of one statement in two steps; nothing else may be asked in between. The
 * second returns -1 where a row was refused: nothing has been done.
 */
extern void mysql_write_send(MyConn *conn, const char *sql, Size len);
extern int64 mysql_write_receive(MyConn *conn);
/* Row of a statement of several that the server has warned of, from 1; 0: none. */
extern int	mysql_warned_row(void);
/* This process, at the destination. */
extern const MyWriter *mysql_writer(void);

/* ledger.c */
extern void my_ledger_open(MyConn *conn, const DestPlace *place);
extern void my_ledger_close(void);
extern void my_ledger_committed(bool committed);
extern char *my_ledger_claim(const char *key);
extern char *my_ledger_recorded(const char *key);
extern bool my_ledger_begun(const char *key);
extern void my_ledger_unclaim(const char *key);
extern void my_ledger_record(const char *key, const char *value);
extern char *my_ledger_position(void);
extern void my_ledger_set_position(const char *position);
extern void my_ledger_forget_task(void);
/*
 * A statement that commits by itself is run for what was claimed last: noted
 * as begun, committed; then as done, or not. False of begin: it may have been
 * done, and nobody knows.
 */
extern bool my_ledger_begin(MyConn *conn);
extern void my_ledger_end(MyConn *conn, bool done);

/* target.c */
extern void my_target_bind(SourceRelation *rel);
extern void my_target_bind_to_compare(SourceRelation *rel);
extern char *my_target_refuses(const char *schema, const char *table, char **hint);

/* stmt.c */
extern BatchStmt *my_stmt_get(ApplyTable *table, StmtKind kind, const Row *row);
extern void my_stmt_put(BatchStmt *stmt, bool loose, const Row *old, const Row *row,
						int64 count);
extern uint64 my_stmt_run(BatchStmt *stmt, bool loose);
extern void my_stmt_drop_rows(ApplyTable *table);
/* "INSERT INTO t (a, b) VALUES " of the columns of rel that are replicated. */
extern char *my_insert_head(const SourceRelation *rel);

/* fetch.c */
extern bool my_fetch_row(ApplyTable *table, const Row *key, Row *row);

/* check.c */
extern const DestCheckRoutine mysql_check_routine;

/* json.c */

/*
 * JSON as it is when the server has read it: keys in order, each once (the first
 * or the last of several), numbers as it can hold them; other than that text is
 * kept. NULL: it is none.
 */
extern char *my_json_canonical(const char *json, bool first_key);

/* catalog.c */
extern const DestCatalogRoutine mysql_catalog_routine;

/* load.c */
extern uint64 mysql_load(SourceRelation *rel, LoadProducer producer, void *arg,
						 LoadMode mode);

#endif							/* DTSMIG_DEST_MYSQL_H */
