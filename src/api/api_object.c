/*-------------------------------------------------------------------------
 *
 * api_object.c
 *	  SQL functions for objects that could not be made: ways on.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "store/object.h"
#include "store/states.h"
#include "store/task.h"
#include "core/one_statement.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "source/source.h"
#include "utils/builtins.h"
#include "worker/destination.h"
#include "worker/statement.h"

DTS_FUNCTION(dtsmig_skip_object);
DTS_FUNCTION(dtsmig_retry_object);

/*
 * The one that is meant. others: also one that was left out before, as its
 * definition did not translate or was not wanted.
 */
static NamedObject *
find_object(const TaskRecord *task, const char *name, bool others)
{
	List	   *objects = objects_named(task->id, name);
	NamedObject *object;
	NamedObject *second;
	bool		failed;

	if (objects == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("task \"%s\" has no object \"%s\"", task->name, name),
				 errhint("SELECT kind, name, state FROM dtsmig.task_objects WHERE task = %s; lists them.",
						 quote_literal_cstr(task->name))));
	/* those that failed come first, then those that were left out */
	object = linitial(objects);
	failed = strcmp(object->state, OBJECT_STATE_FAILED) == 0;
	if (!failed && !(others && strcmp(object->state, OBJECT_STATE_SKIPPED) == 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s of task \"%s\" has not failed", object->title, task->name),
				 errdetail("Its state is \"%s\".", object->state)));
	second = list_length(objects) > 1 ? lsecond(objects) : NULL;
	if (second != NULL && strcmp(second->state, object->state) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("task \"%s\" has more than one object \"%s\"", task->name, name),
				 errhint("Say %s or %s.", quote_literal_cstr(object->title),
						 quote_literal_cstr(second->title))));
	return object;
}

/* It is in the state given, and nobody waits for it any more. */
static void
settle(const TaskRecord *task, const NamedObject *object, const char *state,
	   const char *statement, const char *message)
{
	object_settle(object->id, state, statement);
	task_log_event(task->id, "info", message, statement, NULL, NULL);
	(void) object_watch(task->id);
}

Datum
dtsmig_skip_object(PG_FUNCTION_ARGS)
{
	TaskRecord *task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	NamedObject *object;

	task_check_owner(task);
	object = find_object(task, text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	if (object->is_table && object->relation == NULL &&
		strcmp(task->destination, DEST_LOCAL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task \"%s\" cannot do without %s: its rows would have no place",
						task->name, object->title),
				 errhint("Make it by hand, or by a statement of yours: SELECT dtsmig.retry_object(%s, %s, 'CREATE TABLE ...'); or leave the table out by a rule with \"exclude\" in a new task.",
						 quote_literal_cstr(task->name), quote_literal_cstr(object->title))));
	settle(task, object, OBJECT_STATE_SKIPPED, NULL,
		   psprintf("the task does without %s, says %s", object->title,
					GetUserNameFromId(GetUserId(), false)));
	PG_RETURN_VOID();
}

/* statement: the user's, in place of the object's own; or NULL. */
static void
make(const TaskRecord *task, const NamedObject *object, const char *statement)
{
	if (statement != NULL)
		(void) run_source_statement(statement);
	else
		statement_execute(object->statement,
						  source_routine(task_connection(task, task->owner)->server_type)->scripts);
}

/*
 * A hub that dies between the two commits leaves it made, and failed in the
 * catalog: the ledger knows.
 */
static void
make_elsewhere(const TaskRecord *task, const NamedObject *object, const char *statement)
{
	const DestRoutine *dest = destination_attach(task, options_parse(task->options),
												 task->owner, false);

	PG_TRY();
	{
		if (dest->claim(destination_object(object->id)) == NULL)
			make(task, object, statement);
	}
	PG_CATCH();
	{
		/* an error that is caught leaves no statement that goes there */
		dest->detach();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

Datum
dtsmig_retry_object(PG_FUNCTION_ARGS)
{
	TaskRecord *task;
	NamedObject *object;
	TaskIdentity caller;
	char	   *statement;
	bool		elsewhere;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("task and object must not be null")));
	statement = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	task = task_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	task_check_owner(task);
	elsewhere = strcmp(task->destination, DEST_LOCAL) != 0;
	if (elsewhere && destination_routine(task, task->owner)->mysql_sql)
		task_check_local(task, "retry_object",
						 "Make the object at the destination by hand, and skip_object in this database.");
	object = find_object(task, text_to_cstring(PG_GETARG_TEXT_PP(1)), true);
	if (object->is_made && statement == NULL)
	{
		settle(task, object, OBJECT_STATE_DONE, NULL,
			   psprintf("%s exists by now, and is taken for the one that could not be made",
						object->title));
		PG_RETURN_VOID();
	}
	if (statement == NULL && object->statement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has no statement to be made by", object->title),
				 errdetail("Its definition at the source does not translate."),
				 errhint("Give one: SELECT dtsmig.retry_object(%s, %s, 'CREATE ...');",
						 quote_literal_cstr(task->name), quote_literal_cstr(object->title))));
	task_act_as_owner(task, &caller);
	if (elsewhere)
		make_elsewhere(task, object, statement);
	else
	{
		/* not at that of another task of this transaction */
		(void) destination_attach(task, options_parse(task->options), task->owner, false);
		make(task, object, statement);
	}
	task_act_end(&caller);
	settle(task, object, OBJECT_STATE_DONE, statement,
		   psprintf("%s is made, as %s asked for", object->title,
					GetUserNameFromId(GetUserId(), false)));
	PG_RETURN_VOID();
}
