/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  The engine "postgresql": what its batch asks for, and the table of its
 *	  functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/attempt.h"
#include "dest/pgsql/pgsql.h"

static void
table_made(ApplyTable *table)
{
	const SourceRelation *rel = table->rel;
	PgTarget   *target = rel->bound;

	pg_table(table)->target = target;
	table->qualified = target->qualified;
	table->out_func = target->out_func;
	table->arbiter = target->arbiter;
	table->any_identity_always = target->any_identity_always;
	table->identity_always = MemoryContextAllocZero(table->batch->table_cxt,
													sizeof(bool) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
		table->identity_always[i] = target->columns[i].identity_always ||
			target->columns[i].places;
}

static void
forget_tables(Batch *batch)
{
	session_forget_statements();
}

static void
truncate_take(Batch *b, SourceRelation *rel)
{
	b->truncate = list_append_unique(b->truncate, rel->bound);
}

static void
run_truncate(void *sql)
{
	session_run_with_triggers(sql);
}

/* Where another table's foreign key, or a missing right, forbids it: DELETE. */
static void
truncate_run(Batch *b, List *tables, bool restart)
{
	StringInfoData names;
	ErrorData  *edata;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, tables)
	{
		const PgTarget *target = lfirst(lc);

		appendStringInfo(&names, "%s%s%s", names.len ? ", " : "",
						 target->partitioned ? "" : "ONLY ", target->qualified);
	}
	edata = attempt(run_truncate, psprintf("TRUNCATE %s%s", names.data,
										   restart ? " RESTART IDENTITY" : ""));
	if (edata != NULL && edata->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED &&
		edata->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
		ReThrowError(edata);
	if (edata != NULL)
	{
		ereport(LOG,
				(errmsg("rows are deleted where the source has truncated %s",
						names.data),
				 errdetail("The reason: %s.", edata->message)));
		foreach(lc, tables)
		{
			const PgTarget *target = lfirst(lc);

			pg_runf(session_use(), "DELETE FROM %s%s",
					target->partitioned ? "" : "ONLY ", target->qualified);
		}
	}
}

static const BatchRoutine pgsql_batch = {
	.batch_size = sizeof(Batch),
	.table_size = sizeof(PgTable),
	.edge_size = sizeof(PgEdge),
	.table_made = table_made,
	.forget_tables = forget_tables,
	.stmt = stmt_get,
	.put = stmt_put,
	.run = stmt_run,
	.drop_rows = stmt_drop_rows,
	.fetch_row = fetch_row,
	.follow_deletes = follow_deletes,
	.follow_update = follow_update,
	.truncate_take = truncate_take,
	.truncate_run = truncate_run
};

static DestWriter *
pgsql_open(const DestOptions *options)
{
	return batch_open(&pgsql_batch, options);
}

static char *
mark_nothing(const char *name)
{
	return NULL;
}

static void
forget_nothing(const char *name)
{
}

const DestRoutine pgsql_dest_routine = {
	.engine = DEST_PGSQL,
	.elsewhere = true,
	.check = &pgsql_check_routine,
	.attach = session_attach,
	.detach = session_detach,
	.identify = session_identify,
	.value = session_value,
	.probe = probe_destination,
	.claim = ledger_claim,
	.recorded = ledger_recorded,
	.unclaim = ledger_unclaim,
	.record = ledger_record,
	.position = ledger_position,
	.set_position = ledger_set_position,
	.forget_task = ledger_forget_task,
	.bind_relation = target_bind,
	.bind_to_compare = target_bind_to_compare,
	.refuses_table = target_refuses,
	.load = pgsql_load,
	.mark_changes = mark_nothing,
	.mark_copy = forget_nothing,
	.forget_mark = forget_nothing,
	.open = pgsql_open,
	.set_relations = batch_set_relations,
	.row_context = batch_row_context,
	.change = batch_change,
	.flush = batch_flush,
	.commit = batch_commit,
	.abort = batch_abort,
	.close = batch_close
};
