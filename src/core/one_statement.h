/*-------------------------------------------------------------------------
 *
 * one_statement.h
 *	  SQL that was put together of what a source says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_ONE_STATEMENT_H
#define DTSMIG_ONE_STATEMENT_H

#include "postgres.h"

/*
 * Runs it by SPI, as the current user, or, where it can run code that the owner
 * of a table has put into that table, as that owner (see table_owner.h).
 * Returns the number of rows. 42601: it is not one statement, or not of the
 * kind that its first words say: a name or a value of the source that got into
 * the text unquoted could bring its own.
 */
extern uint64 run_one_statement(const char *sql);

/* The same of a SELECT; the first value of its first row, palloc'd; NULL: none. */
extern char *select_one_value(const char *sql);
/* The same of what has a value always: 08P01 where there is none. */
extern char *select_one_text(const char *sql);

/* The same for a text that is the source's own: one statement of any kind. */
extern uint64 run_source_statement(const char *sql);

/* The same for a text of several statements of any kinds, one after the other. */
extern void run_source_script(const char *sql);

/*
 * Where the destination is not this database, its statements do not run in it:
 * from now on this process hands each to run, after it has been looked at, with
 * a place for the first value of its first row (or NULL). NULL: they run in
 * this database.
 */
typedef uint64 (*StatementRunner) (const char *sql, char **value);
/* postgres: its SQL is PostgreSQL's; else texts are handed on as they are, and
 * the server there has to take one statement alone. */
extern void one_statement_runs_by(StatementRunner run, bool postgres);
extern bool one_statement_is_elsewhere(void);
/* Is the destination's SQL PostgreSQL's? */
extern bool one_statement_is_postgres(void);

/*
 * Is a text one statement? What is shown to be run by hand has to be, too: who
 * runs it looks at its beginning.
 */
extern bool is_one_statement(const char *sql);

#endif							/* DTSMIG_ONE_STATEMENT_H */
