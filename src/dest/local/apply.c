/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  The engine "local": what its batch asks for, and the table of its
 *	  functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/local/local.h"
#include "utils/snapmgr.h"

static void
open_batch(Batch *b)
{
	apply_stmt_init();
	apply_table_watch(b);
}

static void
close_batch(Batch *b)
{
	apply_table_watch(NULL);
}

static void
table_made(ApplyTable *table)
{
	local_table(table)->relid = table->rel->target_relid;
}

static void
forget_tables(Batch *b)
{
	cascade_forget(b);
	for (int i = 0; i < b->ntables; i++)
		apply_table_forget(b->tables[i]);
}

static int
enter(Batch *b)
{
	int			nestlevel = apply_settings_begin();

	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return nestlevel;
}

static void
leave(int nestlevel)
{
	SPI_finish();
	PopActiveSnapshot();
	apply_settings_end(nestlevel);
}

static const BatchRoutine local_batch = {
	.batch_size = sizeof(Batch),
	.table_size = sizeof(LocalTable),
	.edge_size = sizeof(LocalEdge),
	.open = open_batch,
	.close = close_batch,
	.table_made = table_made,
	.forget_tables = forget_tables,
	.enter = enter,
	.leave = leave,
	.resolve = apply_table_resolve,
	.stmt = apply_stmt,
	.put = apply_stmt_put,
	.run = apply_stmt_run,
	.drop_rows = apply_table_drop_stores,
	.fetch_row = apply_fetch_row,
	.follow_deletes = cascade_deletes,
	.follow_update = cascade_update,
	.truncate_take = local_truncate_take,
	.truncate_run = local_truncate_run
};

static DestWriter *
local_open(const DestOptions *options)
{
	return batch_open(&local_batch, options);
}

const DestRoutine local_dest_routine = {
	.engine = DEST_LOCAL,
	.attach = local_attach,
	.detach = local_detach,
	.identify = local_identify,
	.value = local_value,
	.claim = local_claim,
	.recorded = local_recorded,
	.unclaim = local_unclaim,
	.record = local_record,
	.position = local_position,
	.set_position = local_set_position,
	.forget_task = local_forget_task,
	.bind_relation = local_bind_relation,
	.bind_to_compare = local_bind_to_compare,
	.refuses_table = local_refuses_table,
	.load = local_load,
	.mark_changes = local_mark_changes,
	.mark_copy = local_mark_copy,
	.forget_mark = local_forget_mark,
	.open = local_open,
	.set_relations = batch_set_relations,
	.row_context = batch_row_context,
	.change = batch_change,
	.flush = batch_flush,
	.commit = batch_commit,
	.abort = batch_abort,
	.close = batch_close
};
