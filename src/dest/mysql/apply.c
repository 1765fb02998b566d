/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  The engines "mysql" and "mariadb": what their batch asks for, and the tables
 *	  of their functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "dest/mysql/mysql.h"
#include "nodes/value.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

static void
table_made(ApplyTable *table)
{
	MyTarget   *target = table->rel->bound;

	table->qualified = target->qualified;
	table->out_func = target->out_func;
	table->identity_always = MemoryContextAllocZero(table->batch->table_cxt,
													sizeof(bool) * Max(table->rel->ncolumns, 1));
}

static void
forget_tables(Batch *b)
{
	/* nothing of them is kept at the destination */
}

/* Sources that leave cascades to the destination are refused by create_task. */
static void
follow_deletes(Batch *b, ApplyTable *table, ApplyOp **ops, int nops)
{
	elog(ERROR, "cascades are not followed at a destination of the MySQL family");
}

static void
follow_update(Batch *b, ApplyTable *table, ApplyOp *op)
{
	follow_deletes(b, table, &op, 1);
}

static void
truncate_take(Batch *b, SourceRelation *rel)
{
	b->truncate = list_append_unique(b->truncate, rel->bound);
}

/* TRUNCATE would commit what was written before it. */
static void
truncate_run(Batch *b, List *tables, bool restart)
{
	MyConn	   *conn = mysql_use_for_rows();
	ListCell   *lc;

	foreach(lc, tables)
	{
		char	   *sql = psprintf("DELETE FROM %s", ((MyTarget *) lfirst(lc))->qualified);

		(void) mysql_write(conn, sql, strlen(sql), 1);
	}
}

static const BatchRoutine mysql_batch = {
	.batch_size = sizeof(Batch),
	.table_size = sizeof(ApplyTable),
	.edge_size = sizeof(CascadeEdge),
	.table_made = table_made,
	.forget_tables = forget_tables,
	.stmt = my_stmt_get,
	.put = my_stmt_put,
	.run = my_stmt_run,
	.drop_rows = my_stmt_drop_rows,
	.fetch_row = my_fetch_row,
	.follow_deletes = follow_deletes,
	.follow_update = follow_update,
	.truncate_take = truncate_take,
	.truncate_run = truncate_run
};

static DestWriter *
mysql_open(const DestOptions *options)
{
	return batch_open(&mysql_batch, options);
}

static char *
empty_sql(const char *table)
{
	List	   *names = dts_qualified_name_list(table);

	return psprintf("DELETE FROM %s.%s", my_quote_identifier(strVal(linitial(names))),
					my_quote_identifier(strVal(lsecond(names))));
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

#define MYSQL_FUNCTIONS \
	.elsewhere = true, \
	.mysql_sql = true, \
	.check = &mysql_check_routine, \
	.attach = mysql_attach, \
	.detach = mysql_detach, \
	.identify = mysql_identify, \
	.value = mysql_value, \
	.claim = my_ledger_claim, \
	.recorded = my_ledger_recorded, \
	.begun = my_ledger_begun, \
	.unclaim = my_ledger_unclaim, \
	.record = my_ledger_record, \
	.position = my_ledger_position, \
	.set_position = my_ledger_set_position, \
	.forget_task = my_ledger_forget_task, \
	.bind_relation = my_target_bind, \
	.bind_to_compare = my_target_bind_to_compare, \
	.refuses_table = my_target_refuses, \
	.empty_sql = empty_sql, \
	.load = mysql_load, \
	.mark_changes = mark_nothing, \
	.mark_copy = forget_nothing, \
	.forget_mark = forget_nothing, \
	.open = mysql_open, \
	.set_relations = batch_set_relations, \
	.row_context = batch_row_context, \
	.change = batch_change, \
	.flush = batch_flush, \
	.commit = batch_commit, \
	.abort = batch_abort, \
	.close = batch_close

const DestRoutine mysql_dest_routine = {
	.engine = DEST_MYSQL,
	MYSQL_FUNCTIONS
};

const DestRoutine mariadb_dest_routine = {
	.engine = DEST_MARIADB,
	MYSQL_FUNCTIONS
};
