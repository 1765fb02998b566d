/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Runs one statement of a schema plan and marks it in the books.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_STATEMENT_H
#define DTSMIG_STATEMENT_H

#include "postgres.h"

/*
 * Runs sql as the current user and marks object_id done, in one transaction
 * of its own (none may be open). If the statement fails, the object is marked
 * failed and the message is returned, palloc'd in the caller's context;
 * errors that say nothing of the statement (interrupts, lack of memory, a
 * server that shuts down) are raised. With exists_ok an object that is there
 * already is marked skipped, and is no failure.
 */
extern char *statement_run_object(int64 object_id, const char *sql,
								  bool exists_ok);

/* The same inside the current transaction, as a subtransaction of it. */
extern char *statement_run_in_transaction(int64 object_id, const char *sql,
										  bool exists_ok);

#endif							/* DTSMIG_STATEMENT_H */
