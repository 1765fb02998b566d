/*-------------------------------------------------------------------------
 *
 * way_on.c
 *	  What to do about an error that has stopped a task.
 *
 * Whoever raises an error knows what has to be corrected, and says so in its
 * hint. How to go on then depends on where the task is, and is the same for
 * all errors:
 *
 *	  a statement or event of the source	skip_change, resume_task
 *	  a change of a table					resync_table, resume_task
 *	  anything else							resume_task
 *
 * So each stop has a way on, also where PostgreSQL's own code, a trigger or a
 * function of the user's raised the error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/way_on.h"

#include "worker/destination.h"

#include "store/states.h"
#include "store/table.h"
#include "store/task.h"
#include "core/attempt.h"
#include "core/error_place.h"
#include "lib/stringinfo.h"
#include "schema/plan.h"
#include "utils/builtins.h"

#define CALL "SELECT dtsmig."

/* The hint with the task's name in the place of (task) and (task, …). */
static void
append_named(StringInfo text, const char *hint, const char *task)
{
	const char *open;

	while ((open = strstr(hint, "(task")) != NULL)
	{
		bool		is_argument = open[5] == ')' || open[5] == ',';

		appendBinaryStringInfo(text, hint, open - hint);
		appendStringInfo(text, "(%s", is_argument ? task : "task");
		hint = open + 5;
	}
	appendStringInfoString(text, hint);
}

/*
 * The table that the error is about, as resync_table takes it; NULL: none of
 * the task's, or one that is to be copied again already.
 */
static char *
table_of(int64 task_id, const ErrorData *edata)
{
	const char *schema = edata->schema_name;
	const char *table = edata->table_name;

	if (!error_place_of(edata, &schema, &table) &&
		(schema == NULL || table == NULL))
		return NULL;
	return store_table_of_name(task_id, schema, table);
}

static void
append_call(StringInfo text, const char *before, const char *function,
			const char *task, const char *argument)
{
	appendStringInfo(text, "%s%s" CALL "%s(%s%s%s);", text->len > 0 ? " " : "",
					 before, function, task, argument ? ", " : "",
					 argument ? quote_literal_cstr(argument) : "");
}

char *
way_on_cause(const ErrorData *edata)
{
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	const char *name;

	if (edata->hint != NULL || edata->schema_name == NULL ||
		edata->table_name == NULL ||
		category != ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION))
		return edata->hint;
	name = quote_qualified_identifier(edata->schema_name, edata->table_name);
	if (edata->constraint_name != NULL)
		return psprintf("If the constraint is this database's own: ALTER TABLE %s DROP CONSTRAINT %s;",
						name, quote_identifier(edata->constraint_name));
	if (edata->column_name != NULL)
		return psprintf("If the constraint is this database's own: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;",
						name, quote_identifier(edata->column_name));
	if (edata->sqlerrcode == ERRCODE_CHECK_VIOLATION)
		return psprintf("The row lies outside of all partitions at the destination: the source may partition the table otherwise by now, or have left it where it does not belong (EXCHANGE PARTITION … WITHOUT VALIDATION). To make room for it: CREATE TABLE %s PARTITION OF %s DEFAULT;",
						quote_qualified_identifier(edata->schema_name,
												   plan_name_with_suffix(edata->table_name, "_default")),
						name);
	return NULL;
}

typedef struct HintStep
{
	int64		task_id;
	const ErrorData *edata;
	char	   *hint;
} HintStep;

static void
make_hint(void *arg)
{
	HintStep   *step = arg;
	int64		task_id = step->task_id;
	const ErrorData *edata = step->edata;
	StringInfoData text;
	TaskRecord *record = task_load_id(task_id, false);
	char	   *task;
	char	   *table = NULL;
	char	   *hint = way_on_cause(edata);

	if (record == NULL)
	{
		step->hint = hint;
		return;
	}
	task = quote_literal_cstr(record->name);
	initStringInfo(&text);
	if (hint)
		append_named(&text, hint, task);
	step->hint = text.data;
	if (strstr(text.data, CALL) != NULL)
		return;
	if (strcmp(record->step, TASK_STEP_CATCHUP) == 0 ||
		strcmp(record->step, TASK_STEP_CHANGES) == 0)
		table = table_of(task_id, edata);
	if (error_place_is_skippable())
		append_call(&text, "To leave it out: ", "skip_change", task, NULL);
	if (table != NULL)
		append_call(&text, "To have the table copied again: ", "resync_table",
					task, table);
	append_call(&text, error_place_is_skippable() || table != NULL ? "Then: " :
				"When that is corrected: ", "resume_task", task, NULL);
	step->hint = text.data;
}

/*
 * An error of this would keep the error that has stopped the task from being
 * noted, and its worker would come back to it for ever.
 */
char *
way_on_hint(int64 task_id, const ErrorData *edata)
{
	HintStep	step = {task_id, edata, NULL};

	if (attempt(make_hint, &step) != NULL)
		return edata->hint;
	return step.hint;
}

char *
way_on_detail(const ErrorData *edata)
{
	if (edata->detail == NULL || edata->context == NULL)
		return edata->detail ? edata->detail : edata->context;
	return psprintf("%s\n%s", edata->detail, edata->context);
}
