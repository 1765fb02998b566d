/*-------------------------------------------------------------------------
 *
 * destination.h
 *	  The destination of a task, which this process works for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_WORKER_DESTINATION_H
#define DTSMIG_WORKER_DESTINATION_H

#include "postgres.h"

#include "core/options.h"
#include "dest/dest.h"
#include "store/task.h"

/*
 * Attaches this process to the destination of a task, which role reaches; in a
 * transaction. worker: it stays so until destination_leave, and keeps a ledger;
 * else until the transaction's end. Raises 42501 and 42704 as connection_info
 * does, 0A000 where that server can be no destination.
 */
extern const DestRoutine *destination_attach(const TaskRecord *task,
											 const TaskOptions *options,
											 Oid role, bool worker);
extern void destination_leave(void);
/* The engine of a task's destination, which need not be reached; role as above. */
extern const DestRoutine *destination_routine(const TaskRecord *task, Oid role);
/* The one that this process is attached to; the local one, if it is to none. */
extern const DestRoutine *destination(void);

/* Is it one that a task can have? Raises an error that says why not. */
extern void destination_check(const char *name, const char *source, Oid role);

/*
 * What the destination's catalog has, if that is PostgreSQL's: a relation of any
 * kind, a schema.
 */
extern bool destination_has_relation(const char *schema, const char *name);
extern bool destination_has_schema(const char *schema);
/*
 * One row of an array that a SELECT at a destination elsewhere gives: n texts,
 * which may be NULL; NULL: it gives no row. Raises 08P01 for another number.
 */
extern char **destination_texts(const char *sql, int n);
/* Texts out of that of an array, which may be NULL; *n: how many. */
extern char **destination_texts_of(const char *answer, int *n);

/* Names of work that is claimed (DestRoutine.claim). */
extern char *destination_job(int64 job_id);
extern char *destination_object(int64 object_id);

/*
 * Takes rows out of a table, whose name is quoted as in PostgreSQL; condition: in
 * the destination's SQL, or NULL.
 */
extern char *destination_delete_sql(const char *table, const char *condition);

/* Does a statement of that kind wait, since it would act on rows that come? */
extern bool destination_defers(const char *kind, bool follows);

#endif							/* DTSMIG_WORKER_DESTINATION_H */
