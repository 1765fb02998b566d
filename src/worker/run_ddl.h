/*-------------------------------------------------------------------------
 *
 * run_ddl.h
 *	  A DDL statement of a MySQL source that is being applied: run_ddl.c and
 *	  ddl_rename.c only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RUN_DDL_H
#define DTSMIG_RUN_DDL_H

#include "postgres.h"

#include "core/change.h"
#include "schema/mysql_ddl.h"
#include "worker/task_run.h"

typedef struct Replay
{
	TaskRun    *run;
	const Change *change;
	const DdlStatement *stmt;
	bool		in_transaction;
	SourcePos	before;
	char	   *position;		/* text from which new definitions hold */
	PlanOptions *plan;
	DdlDefaults *defaults;
	List	   *pairs;			/* PlanPair * of all tables */
	List	   *touched;		/* PlanPair *: of the statement itself */
	bool		only_model;		/* the user did at the destination what is needed */
	DdlReplicated *replicated;
	char	   *why;			/* cannot be replicated */
} Replay;

/* run_ddl.c */

/* The table of this name before the statement; NULL: the task has none. */
extern SourceRelation *replay_find(Replay *c, const DdlTable *t);
extern bool replay_selected(Replay *c, const DdlTable *t);
/* Does a rule leave this OPERATION_* of the table out? */
extern bool replay_leaves_out(Replay *c, const DdlTable *t, uint32 operation);
/* Is the statement in the definition already? */
extern bool replay_is_known(Replay *c, const SourceRelation *rel);
/* May the copy have been read before the statement, or after it? */
extern bool replay_is_unsure(Replay *c, const SourceRelation *rel);
/* The table is copied again. */
extern void replay_mark(Replay *c, const SourceRelation *rel, const char *why);
/* A table that the task does not have yet is to be copied. */
extern void replay_take_in(Replay *c, const DdlTable *t);
/* The table is not followed any more; it stays at the destination. */
extern void replay_leave(Replay *c, const SourceRelation *rel, const DdlTable *to);
/* The table is to be dropped by replay_execute, or was never made. */
extern void replay_drop_relation(Replay *c, const SourceRelation *rel);
/*
 * A table was dropped that stays at the destination, because a rule says so, or
 * because other tables' rows are in it, too: then its own rows go. False:
 * neither.
 */
extern bool replay_drop_without_table(Replay *c, const DdlTable *t,
									 const SourceRelation *rel);
/* Foreign keys of others follow a table. */
extern void replay_sync_parents(Replay *c, const TableDef *before,
							   const TableDef *after);
/*
 * Brings the destination from the definitions before to those after, and
 * writes these into the catalog. c->why: it cannot.
 */
extern void replay_execute(Replay *c);
/* The definitions after are those before, for what follows. */
extern void replay_settle(Replay *c);

/* ddl_rename.c */

/* RENAME TABLE. */
extern void replay_rename(Replay *c);
/* The table that ALTER TABLE gives another name, and that name; or NULL. */
extern const DdlTable *replay_new_name(Replay *c);
/* The definition of pair under another name. */
extern void replay_rename_pair(Replay *c, PlanPair *pair, const DdlTable *to);
/*
 * Is a rename in the copy of a table already: of rel, which is the one that has
 * the old name by now, or of the one that has the new name? True: then what it
 * takes is done. passed_on: the statement takes the new name away again.
 */
extern bool replay_rename_is_read(Replay *c, const DdlTable *from,
								 SourceRelation *rel, const DdlTable *to,
								 bool passed_on);
/* The table has another name at the source, under which it is copied. */
extern void replay_drop_renamed(Replay *c, const DdlTable *name,
							   SourceRelation *rel);

#endif							/* DTSMIG_RUN_DDL_H */
