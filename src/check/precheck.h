/*-------------------------------------------------------------------------
 *
 * precheck.h
 *	  What would go wrong, looked for before anything is done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_PRECHECK_H
#define DTSMIG_PRECHECK_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/task.h"
#include "core/options.h"
#include "dest/dest.h"
#include "schema/plan.h"
#include "source/source.h"
#include "transform/select.h"

/* A connected task. */
typedef struct PrecheckContext
{
	const TaskRecord *task;
	TaskOptions *options;
	const Selection *selection;
	const ConnectionInfo *info;
	const SourceRoutine *source;
	SourceConn *conn;
	const DestRoutine *dest;	/* attached */
	const DestProbe *probe;		/* what it can; NULL: that is known by its kind. Set by
								 * precheck_collect */
	const struct EmitTarget *mysql; /* what dest is, if it is no PostgreSQL; set by
								 * precheck_collect */
} PrecheckContext;

/*
 * Connects pc to its source; false, with an item that says why, where that
 * cannot be done.
 */
extern bool precheck_connect(PrecheckContext *pc, List **items);

/* PrecheckItem *, failed ones among them; raises errors of the source. */
extern List *precheck_collect(PrecheckContext *pc);

/*
 * Marks warnings that are to be ignored, and puts the items into the catalog in
 * place of the last ones (but not in a read-only transaction). true: none
 * failed.
 */
extern bool precheck_store(int64 task_id, List *items);

/*
 * Records that warnings of this item are ignored (or not any more), and marks
 * those of the last precheck. Raises 22023 for an unknown item, and 55000 for
 * one that has failed.
 */
extern void precheck_ignore(const TaskRecord *task, const char *item,
							bool ignore);

/* precheck_probe.c */
/* What a destination elsewhere turned out to do, in words, added to found. */
extern const char *precheck_probe_text(const DestProbe *probe, StringInfo found,
									   char **advice);
/* Can a task work with it at all? */
extern bool precheck_probe_suffices(const DestProbe *probe);
extern void precheck_empty_strings(PrecheckContext *pc, List *tables, List **items);
/* precheck_elsewhere.c */
extern void precheck_kind_elsewhere(PrecheckContext *pc, List **items);

/*
 * precheck_views.c: adds a note to each statement of the plan (PlanStatement *,
 * of tables of the MySQL family) that makes a view which this server does not
 * take; tables have been planned. In a transaction; leaves nothing behind.
 */
extern void precheck_views(List *tables, List *plan, const PlanOptions *options);

/* precheck_dest.c: the destination's side; tables have been planned. */
extern void precheck_target_tables(PrecheckContext *pc, List *tables,
								   List **items);
extern void precheck_destination(PrecheckContext *pc, List *tables,
								 List **items);
/* The same of a destination elsewhere, and of this server that serves it. */
extern void precheck_tables_elsewhere(PrecheckContext *pc, List *tables,
									  List **items);
extern void precheck_elsewhere(PrecheckContext *pc, List *tables, List **items);
/* … where that is a MySQL or MariaDB: precheck_mysql.c */
extern void precheck_mysql(PrecheckContext *pc, List *tables, List **items);
extern void precheck_hub(PrecheckContext *pc, List **items);

#endif							/* DTSMIG_PRECHECK_H */
