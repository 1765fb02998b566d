/*-------------------------------------------------------------------------
 *
 * api_view.c
 *	  SQL functions under the views: options, and what running workers say.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "api/srf.h"
#include "store/task.h"
#include "catalog/pg_foreign_server.h"
#include "core/options.h"
#include "fdw/fdw_options.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "worker/shared.h"
#include "worker/worker.h"

DTS_FUNCTION(dtsmig_option_list);
DTS_FUNCTION(dtsmig_server_option_list);
DTS_FUNCTION(dtsmig_task_runtime);
DTS_FUNCTION(dtsmig_table_runtime);

static const char *
type_name(OptionType type)
{
	switch (type)
	{
		case OPTION_BOOL:
			return "boolean";
		case OPTION_INT:
			return "integer";
		case OPTION_ENUM:
			return "enum";
		case OPTION_TEXT:
			return "text";
	}
	return NULL;
}

Datum
dtsmig_option_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	int			n;
	const OptionDef *table = option_table(&n);

	for (int i = 0; i < n; i++)
	{
		const OptionDef *d = &table[i];
		const char *row[6];

		row[0] = d->name;
		row[1] = type_name(d->type);
		row[2] = d->boot;
		row[3] = d->type == OPTION_INT ?
			psprintf(INT64_FORMAT " .. " INT64_FORMAT, d->min, d->max) : d->choices;
		row[4] = d->live ? "live" : "restart";
		row[5] = d->description;
		srf_put_texts(rsinfo, row);
	}
	return (Datum) 0;
}

Datum
dtsmig_server_option_list(PG_FUNCTION_ARGS)
{
	static const char *const types[] = {"text", "integer", "enum", "file"};
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	int			n;
	const ServerOption *table = server_option_table(&n);

	for (int i = 0; i < n; i++)
	{
		const ServerOption *d = &table[i];
		const char *row[6];

		row[0] = d->name;
		row[1] = d->catalog == ForeignServerRelationId ? "server" : "user mapping";
		row[2] = types[d->type];
		row[3] = d->boot;
		row[4] = d->type == SERVER_OPTION_INT ?
			psprintf("%d .. %d", d->min, d->max) : d->choices;
		row[5] = d->description;
		srf_put_texts(rsinfo, row);
	}
	return (Datum) 0;
}

/*
 * Copies the running state of (handle, task_id); NULL if there is none, or the
 * task is none that the caller sees.
 */
static TaskShared *
peek(FunctionCallInfo fcinfo)
{
	TaskShared *copy;
	TaskRecord *task;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return NULL;
	copy = palloc(sizeof(TaskShared));
	if (!shared_peek((dsm_handle) PG_GETARG_INT64(0), PG_GETARG_INT64(1), copy))
		return NULL;
	/* a handle can be guessed */
	task = task_load_id(PG_GETARG_INT64(1), false);
	return task != NULL && task_is_seen(task) ? copy : NULL;
}

static void
put_text(Datum *value, bool *null, const char *text)
{
	*null = text[0] == '\0';
	if (!*null)
		*value = CStringGetTextDatum(text);
}

Datum
dtsmig_task_runtime(PG_FUNCTION_ARGS)
{
	TaskShared *s = peek(fcinfo);
	TupleDesc	desc;
	Datum		values[14];
	bool		nulls[14];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, true, sizeof(nulls));
	memset(values, 0, sizeof(values));
	if (s != NULL)
	{
		uint64		rows = 0;
		uint64		bytes = 0;
		int			building = 0;

		for (int i = 0; i < s->nslots && i < MAX_COPY_WORKERS; i++)
		{
			rows += pg_atomic_read_u64(&s->slots[i].rows);
			bytes += pg_atomic_read_u64(&s->slots[i].bytes);
			building += s->slots[i].building;
		}
		memset(nulls, false, sizeof(nulls));
		values[0] = Int32GetDatum(s->pid);
		values[1] = TimestampTzGetDatum(shared_last_report(s));
		put_text(&values[2], &nulls[2], s->source_position);
		put_text(&values[3], &nulls[3], s->applied_position);
		values[4] = Int64GetDatum(rows);
		values[5] = Int64GetDatum(bytes);
		values[6] = Float8GetDatum(s->rows_per_second);
		values[7] = Float8GetDatum(s->bytes_per_second);
		values[8] = Int64GetDatum(s->changes);
		nulls[8] = s->changes == 0;
		values[9] = Float8GetDatum(s->changes_per_second);
		values[10] = Float8GetDatum(s->latency_seconds);
		nulls[10] = s->latency_seconds < 0;
		values[11] = Int64GetDatum(s->latency_bytes);
		nulls[11] = s->latency_bytes < 0;
		values[12] = Int32GetDatum(building);
	}
	values[13] = BoolGetDatum(launcher_registered);
	nulls[13] = false;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

Datum
dtsmig_table_runtime(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = srf_begin(fcinfo);
	TaskShared *s = peek(fcinfo);

	for (int i = 0; s && i < s->nslots && i < MAX_COPY_WORKERS; i++)
	{
		CopySlot   *slot = &s->slots[i];
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		if (slot->table_id == 0)
			continue;
		values[0] = Int64GetDatum(slot->table_id);
		values[1] = Int64GetDatum(pg_atomic_read_u64(&slot->rows));
		values[2] = Int64GetDatum(pg_atomic_read_u64(&slot->bytes));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
