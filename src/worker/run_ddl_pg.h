/*-------------------------------------------------------------------------
 *
 * run_ddl_pg.h
 *	  What the files share that replicate DDL of a PostgreSQL source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_RUN_DDL_PG_H
#define DTSMIG_RUN_DDL_PG_H

#include "compat.h"

#include "schema/pg_names.h"
#include "schema/pg_statement.h"
#include "worker/ddl_record.h"
#include "worker/task_run.h"

typedef struct RecordReplay
{
	TaskRun    *run;
	Change	   *change;
	DdlRecord  *record;
	const char *position;		/* text from which new definitions hold */
	NameCase	name_case;
	PgStatement *statement;		/* NULL: not looked for, or not found */
	bool		applied;		/* it is one of those that the task runs */
	bool		only_model;		/* the user did at the destination what is needed */
	DdlReplicated *replicated;
	char	   *why;			/* cannot be replicated: a sentence */
	bool		merged;			/* it is on a table that others go into, too */
	char	   *exists;			/* what it makes exists: the error that says so */
	const char *note;			/* it was done already: how */
	char	   *waiting;		/* what was taken away, see record_keep_waiting */
	List	   *unset;			/* DdlSetting *: those that could not be had */
	List	   *rows_unknown;	/* SourceRelation *: whose rows only the source knows */
} RecordReplay;

/* Names at the destination, of a table and its columns. */
extern void record_set_targets(RecordReplay *c, TableDef *def);
/* What a schema of the source is called at the destination; palloc'd. */
extern char *record_target_schema(RecordReplay *c, const char *schema);
/*
 * Does the task take an object of this type? By its relation, else its schema,
 * else as one of the database. identity: of a schema.
 */
extern bool record_takes(RecordReplay *c, const char *type, const char *schema,
						 const char *table, const char *identity);
/* By identity at the source, else by name; NULL if it is not in the catalog. */
extern SourceRelation *record_relation(RecordReplay *c, const char *source_id,
									   const char *schema, const char *table);
/*
 * What a relation that the task takes is called at the destination; false: it
 * takes none.
 */
extern bool record_target_relation(RecordReplay *c, const char *schema,
								   const char *name, char **target_schema,
								   char **target_name);
/*
 * A statement of the source with the names that things have at the destination.
 */
extern char *record_rewrite(RecordReplay *c, const char *sql);
/* PgStatementTest of the objects of the record; arg: RecordReplay. */
extern bool record_is_on(void *arg, const char *schema, const char *name);
extern bool record_is_of(void *arg, const char *schema, const char *name);
/*
 * A statement may name relations that the task does not take, where it is made
 * by somebody who has no privileges at the destination. A sentence; NULL: it
 * names none.
 */
extern char *record_names_outside(RecordReplay *c, const Node *tree);
extern void record_note_changed(RecordReplay *c, int64 table_id);
/* The table is copied again once the transaction is done. */
extern void record_mark(RecordReplay *c, int64 table_id, const char *why);

/* ddl_run.c */

/*
 * Runs statements in a subtransaction, with the settings of the record; false,
 * and c->why: one failed.
 */
extern bool record_run(RecordReplay *c, List *statements);
/*
 * Does the statement, where it grants or revokes privileges, do so at the
 * destination as it did at the source? At the source, one of somebody who may
 * not grant them is no error, and does nothing.
 */
extern bool record_grants_for_sure(RecordReplay *c);
/*
 * Has this server a function of one of these names (char *, as a statement has
 * them, of any schema) for which a condition over pg_proc holds?
 */
extern bool record_any_function(List *functions, const char *condition);
/*
 * Rows of a table that was rewritten: can what these functions (char *) and
 * casts have made of them be other than at the source, for a setting that
 * could not be had?
 */
extern bool record_locale_matters(RecordReplay *c, const TableDef *def,
								  List *functions);

/* ddl_state.c */

/* CREATE TABLE of a table as the record has it, with its keys. */
extern char *record_create_table(const TableDef *def);
/*
 * Is the statement one on a table of which a rule leaves it out? Then the
 * states of its tables (with target names) become what stays at the
 * destination.
 */
extern bool record_is_left_out(RecordReplay *c);
/*
 * Statements of the source, which name its columns, with what is to be run
 * around them: tables that have other columns at the destination have the
 * source's for so long.
 */
extern List *record_source_names(RecordReplay *c, List *statements);
/*
 * Statements for tables that a statement brings into the selection by their
 * new names; NIL: it does no such thing.
 */
extern List *record_make_newcomers(RecordReplay *c);
/* What DETACH … CONCURRENTLY leaves behind; NULL: nothing. */
extern char *record_check_detached(RecordReplay *c);

/*
 * ddl_types.c: notes for whose tables the statement gives values other texts
 */
extern void record_note_types(RecordReplay *c);

/* ddl_drop.c: a DROP */
extern void record_replay_drop(RecordReplay *c);

/* run_ddl_pg.c: the statement out of its text; false, and c->why: there is none */
extern bool record_find_statement(RecordReplay *c);
/* ddl_drop.c: is a dropped table one that stays at the destination? */
extern bool record_table_stays(RecordReplay *c, const DdlDropped *d);

/* ddl_mysql.c: a destination of the MySQL family */

/* Is there nothing at such a destination that the statement could change? */
extern bool record_has_no_counterpart(RecordReplay *c);
/* Statements for that of the record; NIL, and perhaps c->why: there are none. */
extern List *record_elsewhere_statements(RecordReplay *c);
/* The same of a DROP. */
extern List *record_elsewhere_drops(RecordReplay *c);
/* Runs them, each once; false, and c->why: one failed. */
extern bool record_run_elsewhere(RecordReplay *c, List *statements);
/* Runs what the user has given in place of a statement, wherever that is. */
extern void record_run_given(RecordReplay *c, char *statement);

/* ddl_elsewhere.c */

/* Notes tables for whose columns the statement gives a type another name at the destination. */
extern void record_note_type_names(RecordReplay *c);
/*
 * Foreign keys, triggers and rules that a statement makes, where they would act
 * on rows that come: those that exist before it; and, after it, the new ones
 * are taken away again. NULL where triggers are disabled: nothing is. Where it was
 * done, and is not known, it is found in the ledger. Then they wait in
 * task_object.
 */
extern char *record_acting(RecordReplay *c);
extern void record_leave_waiting(RecordReplay *c, const char *before);
extern void record_find_waiting(RecordReplay *c);
extern void record_keep_waiting(RecordReplay *c);
/* Does the statement do no more than to drop foreign keys that wait? Not any more. */
extern bool record_drops_waiting(RecordReplay *c);
/*
 * Of a column of the destination, wherever that is: its type, and the value of rows
 * that are older than it; NULL: no such column.
 */
extern char **record_missing_value(const char *table, const char *column);
extern bool record_has_procedure(const char *signature);
/* Is the role as which statements run a superuser where they run? */
extern bool record_is_superuser(RecordReplay *c);
/*
 * Sets in the destination's session, for the transaction, what the record says of the
 * source's; c->unset receives those that cannot be had. Returns what they were,
 * for dest_settings_set.
 */
extern List *record_settings_begin(RecordReplay *c, const char *search_path);
/*
 * DdlSetting *: what the destination's session has now of all that a statement may
 * leave changed; and sets it again.
 */
extern List *dest_settings(void);
extern void dest_settings_set(List *before);

#endif							/* DTSMIG_RUN_DDL_PG_H */
