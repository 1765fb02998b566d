/*-------------------------------------------------------------------------
 *
 * task.c
 *	  A task, as the catalog has it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/task.h"

#include "store/sql.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#define TASK_COLUMNS \
	"task_id, task_name, owner, source, destination, " \
	"'schema' = ANY (migration_types), 'full' = ANY (migration_types), " \
	"'incremental' = ANY (migration_types), objects, options, wanted, " \
	"status, step, start_position, target_position, " \
	"consistent_since IS NOT NULL, COALESCE(reverse_of, 0), fenced"

static TaskRecord *
record_from(StoreRows *rows)
{
	TaskRecord *task = palloc0(sizeof(TaskRecord));
	char	  **v = rows->values[0];

	task->id = store_int(rows, 0, 0);
	task->name = v[1];
	task->owner = (Oid) store_int(rows, 0, 2);
	task->source = v[3];
	task->destination = v[4];
	task->do_schema = store_bool(rows, 0, 5);
	task->do_full = store_bool(rows, 0, 6);
	task->do_incremental = store_bool(rows, 0, 7);
	task->objects = store_jsonb(rows, 0, 8);
	task->options = store_jsonb(rows, 0, 9);
	task->wanted = v[10];
	task->status = v[11];
	task->step = v[12];
	task->start_position = v[13];
	task->target_position = v[14];
	task->consistent = store_bool(rows, 0, 15);
	task->reverse_of = store_int(rows, 0, 16);
	task->fenced = store_bool(rows, 0, 17);
	return task;
}

TaskRecord *
task_load_id(int64 id, bool for_update)
{
	StoreRows   *rows;

	/* a verification that runs refers to the row, and is no reason to wait */
	rows = for_update ?
		store_query("SELECT " TASK_COLUMNS " FROM dtsmig.task WHERE task_id = $1 FOR NO KEY UPDATE",
					"i", id) :
		store_query("SELECT " TASK_COLUMNS " FROM dtsmig.task WHERE task_id = $1",
					"i", id);
	return rows->nrows ? record_from(rows) : NULL;
}

/*
 * No task gets a name that is all digits any more; of one that has, neither the
 * name nor another task's id that it looks like is taken for what was meant.
 */
TaskRecord *
task_load(const char *name_or_id, bool for_update)
{
	StoreRows   *rows;
	TaskRecord *task = NULL;

	rows = store_query("SELECT task_id FROM dtsmig.task WHERE task_name = $1 "
					   "OR task_id::text = $1", "t", name_or_id);
	if (rows->nrows > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("\"%s\" is the id of one task and the name of another",
						name_or_id),
				 errhint("Each can be called by what only it has: the one by its name, the other by its id.")));
	if (rows->nrows)
		task = task_load_id(store_int(rows, 0, 0), for_update);
	if (task == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("task \"%s\" does not exist", name_or_id),
				 errhint("The view dtsmig.tasks lists your tasks.")));
	return task;
}

TaskRecord *
task_load_partner(const TaskRecord *task, bool for_update)
{
	StoreRows  *rows;

	if (task->reverse_of != 0)
		return task_load_id(task->reverse_of, for_update);
	rows = store_query("SELECT task_id FROM dtsmig.task WHERE reverse_of = $1", "i", task->id);
	return rows->nrows > 0 ? task_load_id(store_int(rows, 0, 0), for_update) : NULL;
}

Jsonb *
task_definition(int64 id)
{
	return store_jsonb(store_query("SELECT pg_catalog.jsonb_build_object('name', task_name, "
								   "'source', source, 'destination', destination, "
								   "'migration_types', migration_types, 'objects', objects, "
								   "'options', options) FROM dtsmig.task WHERE task_id = $1",
								   "i", id), 0, 0);
}

char *
task_origin_name(const TaskRecord *task)
{
	return psprintf("dtsmig_%u_" INT64_FORMAT, MyDatabaseId, task->id);
}

bool
task_is_owners(const TaskRecord *task)
{
	return has_privs_of_role(GetUserId(), task->owner);
}

static bool
may_execute(const char *function)
{
	StoreRows   *rows;

	rows = store_query("SELECT pg_catalog.has_function_privilege($1::oid, $2, 'EXECUTE')",
					   "it", (int64) GetUserId(), function);
	return store_bool(rows, 0, 0);
}

void
task_check_owner(const TaskRecord *task)
{
	if (!task_is_owners(task))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of task \"%s\"", task->name)));
}

bool
task_is_seen(const TaskRecord *task)
{
	return task_is_owners(task) || may_execute("dtsmig.read_all_tasks()") ||
		may_execute("dtsmig.operate_all_tasks()");
}

void
task_check_reader(const TaskRecord *task)
{
	if (!task_is_seen(task))
		task_check_owner(task);
}

void
task_check_operator(const TaskRecord *task)
{
	if (!task_is_owners(task) && !may_execute("dtsmig.operate_all_tasks()"))
		task_check_owner(task);
}

void
task_check_local(const TaskRecord *task, const char *what, const char *hint)
{
	if (strcmp(task->destination, "local") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not possible yet for task \"%s\": its destination is server \"%s\"",
					what, task->name, task->destination),
			 hint ? errhint("%s", hint) : 0));
}

void
task_act_as_owner(const TaskRecord *task, TaskIdentity *caller)
{
	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(task->owner,
						   caller->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	caller->nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
task_act_end(const TaskIdentity *caller)
{
	AtEOXact_GUC(false, caller->nestlevel);
	SetUserIdAndSecContext(caller->user, caller->context);
}

void
task_log_event(int64 task_id, const char *severity, const char *message,
			   const char *detail, const char *hint, const char *sqlstate)
{
	(void) store_exec("INSERT INTO dtsmig.task_event "
					  "(task_id, severity, message, detail, hint, sqlstate) "
					  "VALUES ($1, $2, $3, $4, $5, $6)",
					  "ittttt", task_id, severity, message, detail, hint, sqlstate);
}

void
task_warn(const TaskRecord *task, const char *message, const char *detail,
		  const char *hint)
{
	task_log_event(task->id, "warning", message, detail, hint, NULL);
	ereport(WARNING,
			(errmsg("%s", message), detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}
