/*-------------------------------------------------------------------------
 *
 * binlog_query.h
 *	  What a statement in a QUERY event does, and to which tables. Pure: no
 *	  server function is called.
 *
 * This is no parser of SQL: it looks at the first words, and for DDL at the
 * places where a table's name stands. What it does not understand it answers
 * on the safe side: every identifier may then be the name of a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_BINLOG_QUERY_H
#define DTSMIG_BINLOG_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bits of sql_mode that change how text is read */
#define BINLOG_MODE_PIPES_AS_CONCAT			(UINT64_C(1) << 1)
#define BINLOG_MODE_ANSI_QUOTES				(UINT64_C(1) << 2)
#define BINLOG_MODE_ORACLE					(UINT64_C(1) << 9)	/* MariaDB */
#define BINLOG_MODE_NO_BACKSLASH_ESCAPES	(UINT64_C(1) << 20)
#define BINLOG_MODE_HIGH_NOT_PRECEDENCE		(UINT64_C(1) << 29)
#define BINLOG_MODE_TRUNCATE_FRACTIONAL		(UINT64_C(1) << 32) /* MySQL */
#define BINLOG_MODE_ROUND_FRACTIONAL		(UINT64_C(1) << 34) /* MariaDB */

/* STRICT_TRANS_TABLES, STRICT_ALL_TABLES: a value that does not fit is an error */
#define BINLOG_MODE_STRICT					(UINT64_C(3) << 21)

typedef enum BinlogStatementKind
{
	BINLOG_STMT_EMPTY,			/* nothing but comments */
	BINLOG_STMT_BEGIN,
	BINLOG_STMT_COMMIT,
	BINLOG_STMT_ROLLBACK,
	BINLOG_STMT_SAVEPOINT,
	BINLOG_STMT_ROLLBACK_TO,
	BINLOG_STMT_RELEASE,		/* of a savepoint */
	BINLOG_STMT_XA_START,
	BINLOG_STMT_XA_END,
	BINLOG_STMT_XA_PREPARE,
	BINLOG_STMT_XA_COMMIT,
	BINLOG_STMT_XA_ROLLBACK,
	BINLOG_STMT_DATA,			/* changes rows, or may do so */
	BINLOG_STMT_CREATE_TABLE,
	BINLOG_STMT_ALTER_TABLE,
	BINLOG_STMT_DROP_TABLE,
	BINLOG_STMT_RENAME_TABLE,
	BINLOG_STMT_TRUNCATE,
	BINLOG_STMT_CREATE_INDEX,
	BINLOG_STMT_DROP_INDEX,
	BINLOG_STMT_CREATE_DATABASE,
	BINLOG_STMT_ALTER_DATABASE,
	BINLOG_STMT_DROP_DATABASE,
	BINLOG_STMT_OTHER,			/* known, and no business of tables' rows or
								 * columns: GRANT, CREATE VIEW, ANALYZE … */
	BINLOG_STMT_UNKNOWN
} BinlogStatementKind;

typedef struct BinlogStatement
{
	BinlogStatementKind kind;
	bool		temporary;		/* DDL on temporary tables */
	const char *sql;
	size_t		len;
	uint64_t	sql_mode;
	size_t		names_at;		/* where in sql names begin */
} BinlogStatement;

/* Longest name that is reported; no server has a longer one. */
#define BINLOG_NAME_SIZE 260

typedef struct BinlogName
{
	bool		has_schema;
	char		schema[BINLOG_NAME_SIZE];	/* or "" */
	char		table[BINLOG_NAME_SIZE];	/* "" where a database is meant */
} BinlogName;

/* Called for each name; true ends the search. */
typedef bool (*BinlogNameFound) (void *arg, const BinlogName *name);

extern void binlog_classify(const char *sql, size_t len, uint64_t sql_mode,
							BinlogStatement *stmt);

static inline bool
binlog_stmt_is_ddl(BinlogStatementKind kind)
{
	return kind >= BINLOG_STMT_CREATE_TABLE &&
		kind <= BINLOG_STMT_DROP_DATABASE;
}

/*
 * The table that a statement of rows writes to, where it is one and stands at
 * its place: INSERT, REPLACE, UPDATE and DELETE of one table, LOAD. false:
 * another statement. *all_rows: it is a DELETE of all of them. What triggers
 * and functions write to is not in the statement.
 */
extern bool binlog_statement_target(const BinlogStatement *stmt,
									BinlogName *target, bool *all_rows);

/*
 * Reports the names that the statement mentions: of DDL the tables (or the
 * database) it changes, of others every name that may be a table's. True if
 * found said so.
 */
extern bool binlog_statement_names(const BinlogStatement *stmt,
								   BinlogNameFound found, void *arg);

#endif							/* DTSMIG_BINLOG_QUERY_H */
