/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Runs one statement of a schema plan and marks it in the catalog.
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
 * server that shuts down) are raised. With exists_ok an object that exists
 * already is marked skipped, and is no failure. Several commands in sql are an
 * error unless it is a script.
 */
extern char *statement_run_object(int64 object_id, const char *sql,
								  bool script, bool exists_ok);

/* The same inside the current transaction, as a subtransaction of it. */
extern char *statement_run_in_transaction(int64 object_id, const char *sql,
										  bool script, bool exists_ok);

/*
 * Is an error about the statement itself (and not a lack of memory, an
 * interrupt, a lock)?
 */
extern bool statement_is_wrong(int sqlerrcode);
/* Does the error say that the object, or one in its place, is there? */
extern bool statement_is_made(int sqlerrcode);

/*
 * Runs sql as the current user in the current transaction; its errors are
 * raised.
 */
extern void statement_execute(const char *sql, bool script);

/*
 * Marks object_id skipped, since a relation (quoted) exists that was made by
 * hand in its place; returns false and leaves it where empty is wanted and the
 * relation holds rows. In a transaction of its own, as the current user.
 */
extern bool statement_take_made(int64 object_id, const char *relation,
								bool empty);

#endif							/* DTSMIG_STATEMENT_H */
