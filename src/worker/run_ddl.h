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

typedef struct Carry
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
	DdlCarried *carried;
	char	   *why;			/* cannot be carried */
} Carry;

/* run_ddl.c */

/* The table of this name before the statement; NULL: the task has none. */
extern SourceRelation *carry_find(Carry *c, const DdlTable *t);
extern bool carry_selected(Carry *c, const DdlTable *t);
/* Does a rule leave this OPERATION_* of the table out? */
extern bool carry_leaves_out(Carry *c, const DdlTable *t, uint32 operation);
/* Is the statement in the definition already? */
extern bool carry_is_known(Carry *c, const SourceRelation *rel);
/* May the copy have been read before the statement, or after it? */
extern bool carry_is_unsure(Carry *c, const SourceRelation *rel);
/* The table is copied again. */
extern void carry_mark(Carry *c, const SourceRelation *rel, const char *why);
/* A table that the task does not have yet is to be copied. */
extern void carry_take_in(Carry *c, const DdlTable *t);
/* The table is not followed any more; it stays at the destination. */
extern void carry_leave(Carry *c, const SourceRelation *rel, const DdlTable *to);
/* The table is to be dropped by carry_execute, or was never made. */
extern void carry_drop_relation(Carry *c, const SourceRelation *rel);
/*
 * A table was dropped that stays here, because a rule says so, or because
 * other tables' rows are in it, too: then its own rows go. False: neither.
 */
extern bool carry_drop_without_table(Carry *c, const DdlTable *t,
									 const SourceRelation *rel);
/* Foreign keys of others follow a table. */
extern void carry_sync_parents(Carry *c, const TableDef *before,
							   const TableDef *after);
/*
 * Brings the destination from the definitions before to those after, and
 * writes these into the catalog. c->why: it cannot.
 */
extern void carry_execute(Carry *c);
/* The definitions after are those before, for what follows. */
extern void carry_settle(Carry *c);

/* ddl_rename.c */

/* RENAME TABLE. */
extern void carry_rename(Carry *c);
/* The table that ALTER TABLE gives another name, and that name; or NULL. */
extern const DdlTable *carry_new_name(Carry *c);
/* The definition of pair under another name. */
extern void carry_rename_pair(Carry *c, PlanPair *pair, const DdlTable *to);
/*
 * Is a rename in the copy of a table already: of rel, which is the one that has
 * the old name by now, or of the one that has the new name? True: then what it
 * takes is done. passed_on: the statement takes the new name away again.
 */
extern bool carry_rename_is_read(Carry *c, const DdlTable *from,
								 SourceRelation *rel, const DdlTable *to,
								 bool passed_on);
/* The table has another name at the source, under which it is copied. */
extern void carry_drop_renamed(Carry *c, const DdlTable *name,
							   SourceRelation *rel);

#endif							/* DTSMIG_RUN_DDL_H */
