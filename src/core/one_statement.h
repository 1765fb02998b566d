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
 * Raises an error unless sql is one statement: SPI would run several, and a
 * name or a number that got into the text unquoted could bring its own.
 */
extern void check_one_statement(const char *sql);

/*
 * Workers disable triggers for the rows that they apply. What changes
 * definitions is not applied rows: event triggers of the destination see it,
 * between these two, unless the current user is a superuser. An error needs no
 * end: the transaction's abort restores the setting.
 */
extern int	begin_utility(void);
extern void end_utility(int nestlevel);

/*
 * Runs it as the current user, by SPI. Returns the number of rows.
 */
extern uint64 run_one_statement(const char *sql);

#endif							/* DTSMIG_ONE_STATEMENT_H */
