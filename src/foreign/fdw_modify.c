/*-------------------------------------------------------------------------
 *
 * fdw_modify.c
 *	  INSERT, UPDATE and DELETE of rows of foreign tables.
 *
 *		begun: the table is bound, a transaction that writes is open at the source
 *		   --a row, or as many as batch_size--> a statement at the source
 *		   --RETURNING, triggers, WITH CHECK OPTION--> what is there then is read
 *
 * A column of an INSERT that the statement does not name, and that is NULL, is
 * left to the source: it may have a default for it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_explain.h"
#include "foreign/fdw_modify.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "foreign/fdw_row.h"
#include "foreign/fdw_statement.h"
#include "foreign/fdw_stream.h"
#include "miscadmin.h"
#include "source/write.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* A statement of many rows is about so large. */
#define STATEMENT_BYTES (1024 * 1024)

typedef struct FdwModify
{
	FdwTable   *table;
	const SourceWriteRoutine *write;
	FdwRow	   *row;			/* of what is returned … */
	FdwStream  *stream;			/* … NULL: nothing is */
	CmdType		operation;
	Bitmapset  *columns;		/* attributes that are written: of an INSERT, those
								 * that are even if they are NULL */
	bool		triggers;		/* of this server may change others */
	bool		skips;			/* ON CONFLICT DO NOTHING */
	int			batch_size;
	FdwKeyValues key;			/* of the row that is updated or deleted */
	AttrNumber *junk;			/* where the plan's rows have it */
	MemoryContext cxt;			/* of one call */
	MemoryContext query_cxt;
} FdwModify;

/* ------------------------------------------------------------------- begin */

/* Attributes of a set as the executor counts them, those that are generated left out. */
static Bitmapset *
attributes(Relation rel, const Bitmapset *set)
{
	Bitmapset  *columns = NULL;
	int			i = -1;

	while ((i = bms_next_member(set, i)) >= 0)
	{
		int			attno = i + FirstLowInvalidHeapAttributeNumber;

		if (attno > 0 && !TupleDescAttr(RelationGetDescr(rel), attno - 1)->attgenerated)
			columns = bms_add_member(columns, attno);
	}
	return columns;
}

/* Is a row read after it was written? */
static bool
returns(const ModifyTable *plan, const TriggerDesc *triggers, CmdType operation)
{
	return (plan != NULL && (plan->returningLists != NIL || plan->withCheckOptionLists != NIL)) ||
		(triggers != NULL &&
		 (operation == CMD_INSERT ? triggers->trig_insert_after_row :
		  operation == CMD_UPDATE ? triggers->trig_update_after_row :
		  triggers->trig_delete_after_row));
}

static bool
runs_before(const TriggerDesc *triggers, CmdType operation)
{
	return triggers != NULL &&
		(operation == CMD_INSERT ? triggers->trig_insert_before_row :
		 operation == CMD_UPDATE && triggers->trig_update_before_row);
}

static void
open_key(FdwModify *m, const List *targetlist, Relation rel)
{
	List	   *key = fdw_table_key(m->table);
	ListCell   *lc;

	m->key.attnos = palloc(sizeof(AttrNumber) * Max(list_length(key), 1));
	m->key.values = palloc(sizeof(Datum) * Max(list_length(key), 1));
	m->key.nulls = palloc(sizeof(bool) * Max(list_length(key), 1));
	m->junk = palloc(sizeof(AttrNumber) * Max(list_length(key), 1));
	foreach(lc, key)
	{
		int			n = m->key.n++;

		m->key.attnos[n] = lfirst_int(lc);
		if (targetlist == NIL)
			continue;
		m->junk[n] = ExecFindJunkAttributeInTlist(unconstify(List *, targetlist),
												  fdw_modify_key_name(rel, lfirst_int(lc)));
		if (!AttributeNumberIsValid(m->junk[n]))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("the key of table \"%s\".\"%s\" of the source has changed since the statement was planned",
							m->table->schema, m->table->name),
					 errhint("Repeat the statement; DISCARD PLANS forgets prepared plans.")));
	}
}

static FdwModify *
begin(EState *estate, ResultRelInfo *rinfo, const ModifyTable *plan, CmdType operation,
	  const List *targetlist, bool writes)
{
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	FdwModify  *m = palloc0(sizeof(FdwModify));
	Relation	rel = rinfo->ri_RelationDesc;
	Oid			role = dts_result_role(rinfo, estate);

	m->operation = operation;
	m->query_cxt = estate->es_query_cxt;
	m->cxt = AllocSetContextCreate(estate->es_query_cxt, "dtsmig foreign write",
								   ALLOCSET_DEFAULT_SIZES);
	m->table = fdw_table_open(RelationGetRelid(rel), OidIsValid(role) ? role : GetUserId(),
							  NULL, false);
	if (writes &&
		fdw_connection_get_to_write(m->table->server, m->table->role) != m->table->c)
		elog(ERROR, "foreign table \"%s\" has lost its connection", RelationGetRelationName(rel));
	m->write = m->table->c->source->write;
	m->write->prepare(m->table->c->conn, m->table->rel, &m->table->options->policy);
	m->triggers = runs_before(rel->trigdesc, operation);
	m->skips = plan != NULL && plan->onConflictAction == ONCONFLICT_NOTHING;
	m->columns = attributes(rel, operation == CMD_INSERT ? ExecGetInsertedCols(rinfo, estate) :
							operation == CMD_UPDATE ? ExecGetUpdatedCols(rinfo, estate) : NULL);
	m->batch_size = m->skips && m->write->skip_conflicts == NULL ? 1 : m->table->batch_size;
	open_key(m, targetlist, rel);
	if (returns(plan, rel->trigdesc, operation))
	{
		m->row = fdw_row_make(m->table->rel, m->table->relid, m->table->rel->ncolumns, InvalidOid);
		m->stream = fdw_stream_make(m->table->c, m->table->cxt, m->table->rel);
	}
	MemoryContextSwitchTo(old);
	rinfo->ri_FdwState = m;
	return m;
}

void
fdw_begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
				 int subplan, int eflags)
{
	ModifyTable *plan = (ModifyTable *) mtstate->ps.plan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	(void) begin(mtstate->ps.state, rinfo, plan, mtstate->operation,
				 mtstate->operation == CMD_INSERT ? NIL : outerPlanState(mtstate)->plan->targetlist, true);
}

/* COPY, and rows of a partitioned table. */
void
fdw_begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	ModifyTable *plan = (ModifyTable *) mtstate->ps.plan;

	if (plan != NULL && plan->operation == CMD_UPDATE &&
		(rinfo->ri_usesFdwDirectModify || rinfo->ri_FdwState != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot move a row into foreign table \"%s\", which the same UPDATE changes",
						RelationGetRelationName(rinfo->ri_RelationDesc)),
				 errhint("Move it by DELETE and INSERT.")));
	(void) begin(mtstate->ps.state, rinfo, plan, CMD_INSERT, NIL, true);
}

void
fdw_end_modify(EState *estate, ResultRelInfo *rinfo)
{
	FdwModify  *m = rinfo->ri_FdwState;

	if (m == NULL)
		return;
	if (m->stream != NULL)
		fdw_stream_free(m->stream);
	else
		fdw_table_close(m->table);
	rinfo->ri_FdwState = NULL;
}

/* ------------------------------------------------------------------ sending */

/* Settings by which any server reads what types write. */
static int
begin_texts(void)
{
	static const char *const settings[][2] = {
		{"datestyle", "ISO"}, {"intervalstyle", "postgres"}, {"extra_float_digits", "3"},
		{"lc_monetary", "C"}, {"search_path", "pg_catalog"}
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
end_texts(int level)
{
	AtEOXact_GUC(true, level);
}

static int64
write_rows(FdwModify *m, StringInfo sql)
{
	FdwConnection *c = m->table->c;
	MemoryContext cxt = CurrentMemoryContext;
	volatile int64 n = 0;

	fdw_connection_use(c);
	PG_TRY();
	{
		n = m->write->write(c->conn, m->table->rel, sql, m->skips);
	}
	PG_CATCH();
	{
		fdw_connection_failed(c, cxt);
	}
	PG_END_TRY();
	return n;
}

/* The row that the stream has; false: none. */
static bool
take_row(FdwModify *m, TupleTableSlot *slot)
{
	Datum	   *values;
	bool	   *nulls;
	bool		any = fdw_stream_next(m->stream, &values, &nulls);

	if (any)
	{
		fdw_row_store(m->row, slot, values, nulls, m->query_cxt);
		ExecMaterializeSlot(slot);
		if (fdw_stream_next(m->stream, &values, &nulls))
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("more than one row of table \"%s\".\"%s\" has the same key",
							m->table->schema, m->table->name),
					 errhint("Option key of columns of the foreign table names what is no key at the source.")));
	}
	fdw_stream_close(m->stream);
	return any;
}

static bool
read_row(FdwModify *m, const char *condition, TupleTableSlot *slot)
{
	fdw_connection_use(m->table->c);
	fdw_stream_open(m->stream, condition, false, false, false);
	return take_row(m, slot);
}

/* The same of a statement that the source returns rows of. */
static bool
send_returning(FdwModify *m, StringInfo sql, TupleTableSlot *slot)
{
	fdw_connection_use(m->table->c);
	fdw_stream_open_written(m->stream, sql);
	return take_row(m, slot);
}

static void
lost_row(const FdwModify *m)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("a row of table \"%s\".\"%s\" is not found by its key after it was written",
					m->table->schema, m->table->name),
			 errdetail("A trigger at the source has perhaps given it another key."),
			 errhint("Leave RETURNING out.")));
}

/* ------------------------------------------------------------------- INSERT */

static Bitmapset *
columns_of_row(const FdwModify *m, TupleTableSlot *slot)
{
	Bitmapset  *columns = bms_copy(m->columns);
	TupleDesc	desc = slot->tts_tupleDescriptor;

	for (int a = 0; a < desc->natts; a++)
		if (!slot->tts_isnull[a] && !TupleDescAttr(desc, a)->attisdropped &&
			!TupleDescAttr(desc, a)->attgenerated)
			columns = bms_add_member(columns, a + 1);
	return columns;
}

/* The condition for a row that is going to be inserted. */
static char *
inserted_condition(const FdwModify *m, TupleTableSlot *slot)
{
	const FdwTable *t = m->table;
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < m->key.n; i++)
	{
		int			attno = m->key.attnos[i];
		char	   *made = slot->tts_isnull[attno - 1] ?
			m->write->made(t->rel, t->source_of[attno - 1]) : NULL;

		appendStringInfoString(&sql, i > 0 ? " AND " : "");
		if (made != NULL)
			appendStringInfo(&sql, "%s = %s",
							 t->c->source->quote_name(fdw_table_column(t, attno)->name), made);
		else if (slot->tts_isnull[attno - 1])
			sql.len = 0, i = m->key.n;
		else
			fdw_statement_match(&sql, t, attno, slot->tts_values[attno - 1], false);
	}
	if (sql.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a row of table \"%s\".\"%s\" cannot be returned: its key is not known before it is inserted",
						t->schema, t->name),
				 errdetail("RETURNING, AFTER ROW triggers and WITH CHECK OPTION read it by its key."),
				 errhint("Give the columns of the key, or leave RETURNING out.")));
	return sql.data;
}

static bool
insert_returning(FdwModify *m, StringInfo sql, TupleTableSlot *slot)
{
	char	   *condition;

	if (m->write->write_rows != NULL)
		return send_returning(m, sql, slot);
	condition = inserted_condition(m, slot);
	if (write_rows(m, sql) == 0)
		return false;
	if (!read_row(m, condition, slot))
		lost_row(m);
	return true;
}

/* Rows of the same columns in one statement; how many were inserted. */
static int64
insert_rows(FdwModify *m, TupleTableSlot **slots, int n)
{
	StringInfoData sql;
	StringInfoData row;
	Bitmapset  *columns = NULL;
	int64		inserted = 0;
	Size		limit = Min(STATEMENT_BYTES, m->write->max_statement(m->table->rel));

	initStringInfo(&sql);
	initStringInfo(&row);
	for (int i = 0; i <= n; i++)
	{
		Bitmapset  *wanted = NULL;

		if (i < n)
		{
			slot_getallattrs(slots[i]);
			wanted = columns_of_row(m, slots[i]);
			resetStringInfo(&row);
			fdw_statement_row(&row, m->table, wanted, slots[i]);
		}
		if (i > 0 && (i == n || row.len == 0 || !bms_equal(columns, wanted) ||
					  (Size) sql.len + row.len + 100 > limit))
		{
			if (m->skips && m->write->skip_conflicts != NULL)
				appendStringInfoString(&sql, m->write->skip_conflicts);
			inserted += m->stream == NULL ? write_rows(m, &sql) :
				insert_returning(m, &sql, slots[i - 1]) ? 1 : 0;
			resetStringInfo(&sql);
		}
		if (i == n)
			break;
		if (sql.len == 0)
			fdw_statement_insert(&sql, m->table, wanted);
		else
			appendStringInfoChar(&sql, ',');
		appendBinaryStringInfo(&sql, row.data, row.len);
		columns = wanted;
	}
	return inserted;
}

TupleTableSlot **
fdw_exec_batch_insert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot **slots,
					  TupleTableSlot **plan_slots, int *n)
{
	FdwModify  *m = rinfo->ri_FdwState;
	MemoryContext old;
	int			level = begin_texts();

	MemoryContextReset(m->cxt);
	old = MemoryContextSwitchTo(m->cxt);
	*n = (int) insert_rows(m, slots, *n);
	end_texts(level);
	MemoryContextSwitchTo(old);
	return *n > 0 ? slots : NULL;
}

TupleTableSlot *
fdw_exec_insert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
				TupleTableSlot *plan_slot)
{
	int			n = 1;

	return fdw_exec_batch_insert(estate, rinfo, &slot, &plan_slot, &n) ? slot : NULL;
}

int
fdw_batch_size(ResultRelInfo *rinfo)
{
	const FdwModify *m = rinfo->ri_FdwState;
	const TriggerDesc *triggers = rinfo->ri_TrigDesc;

	if (m == NULL || rinfo->ri_projectReturning != NULL || rinfo->ri_WithCheckOptions != NIL ||
		(triggers != NULL && (triggers->trig_insert_before_row || triggers->trig_insert_after_row)))
		return 1;
	return m->batch_size;
}

/* ----------------------------------------------------------- UPDATE, DELETE */

static void
take_key(FdwModify *m, TupleTableSlot *plan_slot)
{
	for (int i = 0; i < m->key.n; i++)
		m->key.values[i] = ExecGetJunkAttribute(plan_slot, m->junk[i], &m->key.nulls[i]);
}

/* What a trigger has changed, too. */
static Bitmapset *
columns_changed(const FdwModify *m, ResultRelInfo *rinfo, TupleTableSlot *slot,
				TupleTableSlot *plan_slot)
{
	Bitmapset  *columns = bms_copy(m->columns);
	TupleDesc	desc = slot->tts_tupleDescriptor;
	HeapTupleHeader old;
	HeapTupleData tuple = {0};
	bool		isnull;

	if (!m->triggers)
		return columns;
	old = DatumGetHeapTupleHeader(ExecGetJunkAttribute(plan_slot, rinfo->ri_RowIdAttNo, &isnull));
	if (isnull)
		elog(ERROR, "a row to be updated has not come with the key");
	tuple.t_len = HeapTupleHeaderGetDatumLength(old);
	tuple.t_data = old;
	for (int a = 0; a < desc->natts; a++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, a);
		Datum		value = heap_getattr(&tuple, a + 1, desc, &isnull);

		if (att->attisdropped || att->attgenerated)
			continue;
		if (isnull != slot->tts_isnull[a] ||
			(!isnull && !datum_image_eq(value, slot->tts_values[a], att->attbyval, att->attlen)))
			columns = bms_add_member(columns, a + 1);
	}
	return columns;
}

/* An UPDATE that changes the key has given it this one. */
static char *
updated_condition(FdwModify *m, const Bitmapset *columns, TupleTableSlot *slot)
{
	StringInfoData sql;

	for (int i = 0; i < m->key.n; i++)
	{
		int			attno = m->key.attnos[i];

		if (!bms_is_member(attno, columns))
			continue;
		m->key.values[i] = slot->tts_values[attno - 1];
		m->key.nulls[i] = slot->tts_isnull[attno - 1];
	}
	initStringInfo(&sql);
	fdw_statement_condition(&sql, m->table, &m->key);
	return sql.data;
}

/* The key has to be one. */
static bool
was_found(const FdwModify *m, int64 n)
{
	if (n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("more than one row of table \"%s\".\"%s\" has the same key",
						m->table->schema, m->table->name),
				 errhint("Option key of columns of the foreign table names what is no key at the source.")));
	return n > 0;
}

static bool
update_row(FdwModify *m, ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	StringInfoData sql;
	Bitmapset  *columns;

	slot_getallattrs(slot);
	columns = columns_changed(m, rinfo, slot, plan_slot);
	if (bms_is_empty(columns))
		return true;
	initStringInfo(&sql);
	fdw_statement_update(&sql, m->table, columns, slot, &m->key);
	if (m->stream == NULL)
		return was_found(m, write_rows(m, &sql));
	if (m->write->write_rows != NULL)
		return send_returning(m, &sql, slot);
	if (!was_found(m, write_rows(m, &sql)))
		return false;
	if (!read_row(m, updated_condition(m, columns, slot), slot))
		lost_row(m);
	return true;
}

static bool
delete_row(FdwModify *m, TupleTableSlot *slot)
{
	StringInfoData sql;
	StringInfoData condition;

	initStringInfo(&sql);
	fdw_statement_delete(&sql, m->table, &m->key);
	if (m->stream == NULL)
		return was_found(m, write_rows(m, &sql));
	if (m->write->write_rows != NULL)
		return send_returning(m, &sql, slot);
	initStringInfo(&condition);
	fdw_statement_condition(&condition, m->table, &m->key);
	return read_row(m, condition.data, slot) && was_found(m, write_rows(m, &sql));
}

static TupleTableSlot *
change_row(ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	FdwModify  *m = rinfo->ri_FdwState;
	MemoryContext old;
	int			level = begin_texts();
	bool		done;

	MemoryContextReset(m->cxt);
	old = MemoryContextSwitchTo(m->cxt);
	take_key(m, plan_slot);
	done = m->operation == CMD_UPDATE ? update_row(m, rinfo, slot, plan_slot) :
		delete_row(m, slot);
	end_texts(level);
	MemoryContextSwitchTo(old);
	return done ? slot : NULL;
}

TupleTableSlot *
fdw_exec_update(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
				TupleTableSlot *plan_slot)
{
	return change_row(rinfo, slot, plan_slot);
}

TupleTableSlot *
fdw_exec_delete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
				TupleTableSlot *plan_slot)
{
	return change_row(rinfo, slot, plan_slot);
}

/* ------------------------------------------------------------------ EXPLAIN */

static char *
statement_of(const FdwModify *m, CmdType operation)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (operation == CMD_INSERT)
	{
		fdw_statement_insert(&sql, m->table, m->columns);
		fdw_statement_row(&sql, m->table, m->columns, NULL);
		if (m->skips && m->write->skip_conflicts != NULL)
			appendStringInfoString(&sql, m->write->skip_conflicts);
	}
	else if (operation == CMD_UPDATE)
		fdw_statement_update(&sql, m->table, m->columns, NULL, &m->key);
	else
		fdw_statement_delete(&sql, m->table, &m->key);
	return sql.data;
}

void
fdw_explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
				   int subplan, struct ExplainState *es)
{
	FdwModify  *m = rinfo->ri_FdwState;
	bool		begun = m != NULL;
	Datum	   *values;

	if (!es->verbose)
		return;
	if (!begun)
		m = begin(mtstate->ps.state, rinfo, (ModifyTable *) mtstate->ps.plan,
				  mtstate->operation, NIL, false);
	values = m->key.values;
	m->key.values = NULL;
	ExplainPropertyText("Remote SQL", statement_of(m, mtstate->operation), es);
	m->key.values = values;
	if (mtstate->operation == CMD_INSERT)
		ExplainPropertyInteger("Batch Size", NULL, fdw_batch_size(rinfo), es);
	if (!begun)
		fdw_end_modify(mtstate->ps.state, rinfo);
}
