/*-------------------------------------------------------------------------
 *
 * fdw_scan.c
 *	  Scans of foreign tables.
 *
 *		begun --first row wanted--> the table is bound --> a stream is opened
 *		                                 ^                      |
 *		                                 +------- rescan -------+
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "foreign/fdw_plan.h"

#include "access/table.h"
#include "executor/execAsync.h"
#include "executor/executor.h"
#include "foreign/fdw_explain.h"
#include "foreign/fdw_join.h"
#include "foreign/fdw_push.h"
#include "foreign/fdw_row.h"
#include "foreign/fdw_stream.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "source/write.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef struct FdwScan
{
	Oid			relid;
	Oid			role;
	List	   *private;		/* of the plan */
	List	   *clauses;		/* what the source may do of its conditions */
	FdwTable   *table;			/* NULL: not bound yet */
	FdwStream  *stream;
	bool		running;		/* rows were asked for */
	bool		ended;
	FdwRow	   *row;
	FdwJoin    *join;			/* NULL: it is none */
} FdwScan;

/* The role whose user mapping and rights a scan has: as the plan's table says. */
static Oid
role_of_scan(ForeignScanState *node)
{
	Oid			role = dts_foreign_scan_role((ForeignScan *) node->ss.ps.plan,
											 node->ss.ps.state);

	return OidIsValid(role) ? role : GetUserId();
}

void
fdw_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	FdwScan  *s = palloc0(sizeof(FdwScan));

	s->private = plan->fdw_private;
	s->relid = (Oid) intVal(list_nth(s->private, FDW_RELATION));
	s->role = role_of_scan(node);
	s->clauses = plan->scan.scanrelid == 0 ?
		list_nth(s->private, FDW_CLAUSES) : plan->fdw_exprs;
	node->fdw_state = s;
}

/* Of the plan, NULL: all. */
static Bitmapset *
wanted_of(const FdwScan *s)
{
	Bitmapset  *wanted = bms_make_singleton(0);
	ListCell   *lc;

	if (list_nth(s->private, FDW_AGGREGATES) != NIL)
		return NULL;
	foreach(lc, (List *) list_nth(s->private, FDW_WANTED))
	{
		int			attno = intVal(lfirst(lc));

		if (attno == 0)
			return NULL;
		wanted = bms_add_member(wanted, attno);
	}
	return wanted;
}

static void
bind(FdwScan *s)
{
	const List *join = list_nth(s->private, FDW_JOIN);
	SourceRelation *rel;

	if (join != NIL)
	{
		s->join = fdw_join_open(join, s->relid, s->role);
		s->table = s->join->tables[0];
		s->row = s->join->row;
		rel = s->join->rel;
	}
	else
	{
		s->table = fdw_table_open(s->relid, s->role, wanted_of(s), false);
		rel = s->table->rel;
		s->row = fdw_row_make(rel, s->relid, rel->ncolumns, InvalidOid);
	}
	s->stream = fdw_stream_make(s->table->c, s->table->cxt, rel);
}

/* ------------------------------------------------------------ what is asked */

static void
changed(const FdwScan *s)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("table \"%s\".\"%s\" of the source has changed since the statement was planned",
					s->table->schema, s->table->name),
			 errhint("Repeat the statement; DISCARD PLANS forgets prepared plans.")));
}

/* ORDER BY of the plan; an error where the source would sort otherwise by now. */
static void
append_order(StringInfo buf, const FdwScan *s)
{
	List	   *order = list_nth(s->private, FDW_ORDER);
	ListCell   *lc;

	foreach(lc, order)
	{
		int			attno = intVal(lfirst(lc));
		TableColumn *col;

		if (!fdw_push_is_integer(s->table, abs(attno)))
			changed(s);
		col = fdw_table_column(s->table, abs(attno));
		if (col->nullable)
			changed(s);
		appendStringInfo(buf, "%s%s%s", lc == list_head(order) ? " ORDER BY " : ", ",
						 s->table->c->source->quote_name(col->name),
						 attno < 0 ? " DESC" : "");
	}
}

static FdwLock
lock_of(const FdwScan *s)
{
	return (FdwLock) intVal(list_nth(s->private, FDW_LOCK));
}

/* The condition, with what stands behind it; NULL: none. parent: see fdw_push. */
static char *
condition_of(const FdwScan *s, PlanState *parent, ExprContext *econtext,
			 bool *never)
{
	const char *limit = strVal(list_nth(s->private, FDW_LIMIT));
	bool		exact;
	char	   *sql = fdw_push_values(s->table, s->clauses, parent, econtext,
									  &exact, never);
	StringInfoData buf;
	bool		any = sql != NULL;

	initStringInfo(&buf);
	appendStringInfoString(&buf, any ? sql : "1 = 1");
	if (list_nth(s->private, FDW_AGGREGATES) != NIL && !exact)
		changed(s);
	append_order(&buf, s);
	if (limit[0] != '\0' && exact)
		appendStringInfo(&buf, " LIMIT %s", limit);
	switch (lock_of(s))
	{
		case FDW_LOCK_NONE:
			break;
		case FDW_LOCK_SHARE:
			appendStringInfoString(&buf, s->table->c->source->write->share);
			break;
		case FDW_LOCK_UPDATE:
			appendStringInfoString(&buf, " FOR UPDATE");
			break;
	}
	return any || strlen(buf.data) > strlen("1 = 1") ? buf.data : NULL;
}

static char *
join_sql(const FdwScan *s, bool *never)
{
	char	   *sql = fdw_join_sql(s->join, s->clauses, never);

	if (sql == NULL)
		changed(s);
	return sql;
}

/* The columns of an aggregate, with commas between, as one text. */
static char *
aggregates_of(const FdwScan *s)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "concat_ws(','");
	foreach(lc, (List *) list_nth(s->private, FDW_AGGREGATES))
	{
		Aggref	   *agg = lfirst(lc);
		char	   *name = get_func_name(agg->aggfnoid);
		Var		   *var;

		if (agg->aggfnoid == F_COUNT_)
		{
			appendStringInfoString(&buf, ", count(*)");
			continue;
		}
		var = (Var *) linitial_node(TargetEntry, agg->args)->expr;
		if (!fdw_push_is_integer(s->table, var->varattno))
			changed(s);
		appendStringInfo(&buf, ", COALESCE(CAST(%s(%s) AS char(30)), '')", name,
						 s->table->c->source->quote_name(fdw_table_column(s->table,
																		  var->varattno)->name));
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* ---------------------------------------------------------------- aggregate */

static void
bad_answer(const FdwScan *s)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("unexpected answer of server \"%s\" to an aggregate over table \"%s\".\"%s\"",
					s->table->c->info->server_name, s->table->schema, s->table->name)));
}

static TupleTableSlot *
aggregate(ForeignScanState *node, FdwScan *s, TupleTableSlot *slot)
{
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_query_memory);
	SourceRange range = {.part = true};
	bool		never;
	char	   *value;
	char	   *at;
	ListCell   *lc;
	int			i = 0;

	bind(s);
	range.condition = condition_of(s, &node->ss.ps, econtext, &never);
	if (never)
		range.condition = "1 = 0";
	value = s->table->c->source->rows_value(s->table->c->conn, s->table->rel, &range,
											aggregates_of(s));
	if (value == NULL)
		bad_answer(s);
	at = value;
	foreach(lc, (List *) list_nth(s->private, FDW_AGGREGATES))
	{
		Aggref	   *agg = lfirst(lc);
		char	   *end = at ? strchr(at, ',') : NULL;
		Oid			input;
		Oid			ioparam;

		if (at == NULL)
			bad_answer(s);
		if (end != NULL)
			*end = '\0';
		while (*at == ' ')
			at++;
		slot->tts_isnull[i] = *at == '\0';
		getTypeInputInfo(agg->aggtype, &input, &ioparam);
		slot->tts_values[i] = *at == '\0' ? (Datum) 0 :
			OidInputFunctionCall(input, at, ioparam, -1);
		i++;
		at = end ? end + 1 : NULL;
	}
	if (at != NULL)
		bad_answer(s);
	MemoryContextSwitchTo(old);
	s->ended = true;
	return ExecStoreVirtualTuple(slot);
}

/* --------------------------------------------------------------------- rows */

/* sent: the source is not waited for. */
static void
start(ForeignScanState *node, FdwScan *s, bool sent)
{
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_query_memory);
	MemoryContext cxt;
	bool		never;
	char	   *condition;

	if (s->table == NULL)
		bind(s);
	if ((lock_of(s) == FDW_LOCK_NONE ? fdw_connection_get(s->table->server, s->role) :
		 fdw_connection_get_to_write(s->table->server, s->role)) != s->table->c)
		elog(ERROR, "a scan of foreign table %u has lost its connection", s->relid);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig condition",
								ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(cxt);
	condition = s->join ? join_sql(s, &never) :
		condition_of(s, &node->ss.ps, econtext, &never);
	s->running = true;
	s->ended = never;
	if (!never && s->join != NULL)
	{
		MemoryContextSwitchTo(econtext->ecxt_per_query_memory);
		fdw_stream_open_join(s->stream, list_make2(s->join->tables[0]->rel, s->join->tables[1]->rel),
							 condition, intVal(list_nth(s->private, FDW_MANY)));
	}
	else if (!never)
	{
		MemoryContextSwitchTo(econtext->ecxt_per_query_memory);
		fdw_stream_open(s->stream, condition, lock_of(s) != FDW_LOCK_NONE,
						intVal(list_nth(s->private, FDW_MANY)), sent);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

TupleTableSlot *
fdw_iterate_scan(ForeignScanState *node)
{
	FdwScan  *s = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	Datum	   *values;
	bool	   *nulls;

	ExecClearTuple(slot);
	if (s->ended)
		return slot;
	if (list_nth(s->private, FDW_AGGREGATES) != NIL)
		return aggregate(node, s, slot);
	if (!s->running)
		start(node, s, false);
	if (s->ended || !fdw_stream_next(s->stream, &values, &nulls))
	{
		s->ended = true;
		return slot;
	}
	return fdw_row_store(s->row, slot, values, nulls, node->ss.ps.state->es_query_cxt);
}

/* ---------------------------------------------------------- asynchronous */

/*
 * Under Append the sources of several tables are at work at the same time: each
 * gets its statement at first, and is waited for until it has begun to answer.
 * Of one server, one after the other: they have one connection.
 */
static void
give_row(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	TupleTableSlot *slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);

	ExecAsyncRequestDone(request, slot);
}

void
fdw_async_request(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	FdwScan    *s = node->fdw_state;

	if (s->running || s->ended || lock_of(s) != FDW_LOCK_NONE ||
		list_nth(s->private, FDW_AGGREGATES) != NIL || list_nth(s->private, FDW_JOIN) != NIL)
	{
		give_row(request);
		return;
	}
	start(node, s, true);
	if (s->ended)
		give_row(request);
	else
		ExecAsyncRequestPending(request);
}

void
fdw_async_configure(AsyncRequest *request)
{
	FdwScan    *s = ((ForeignScanState *) request->requestee)->fdw_state;
	AppendState *append = (AppendState *) request->requestor;
	const FdwConnection *c = s->table->c;

	/* another scan of the connection has made it put its rows aside */
	if (c->active != s->stream)
	{
		request->callback_pending = false;
		give_row(request);
		ExecAsyncResponse(request);
		return;
	}
	(void) AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE,
							 c->source->socket(c->conn), NULL, request);
}

void
fdw_async_notify(AsyncRequest *request)
{
	give_row(request);
}

void
fdw_rescan(ForeignScanState *node)
{
	FdwScan  *s = node->fdw_state;

	if (s->stream != NULL)
		fdw_stream_close(s->stream);
	s->running = false;
	s->ended = false;
}

void
fdw_end_scan(ForeignScanState *node)
{
	FdwScan  *s = node->fdw_state;

	if (s == NULL || s->table == NULL)
		return;
	fdw_stream_free(s->stream);
	if (s->join != NULL)
		fdw_table_close(s->join->tables[1]);
	s->stream = NULL;
	s->table = NULL;
}

/* ------------------------------------------------------------------ EXPLAIN */

void
fdw_explain_scan(ForeignScanState *node, struct ExplainState *es)
{
	FdwScan  *s = node->fdw_state;
	SourceRange range = {.part = true};
	bool		aggregated = list_nth(s->private, FDW_AGGREGATES) != NIL;
	bool		never;

	if (!es->verbose)
		return;
	if (s->table == NULL)
		bind(s);
	if (s->join != NULL)
	{
		ExplainPropertyText("Remote SQL", join_sql(s, &never), es);
		return;
	}
	range.condition = condition_of(s, NULL, NULL, &never);
	if (never)
		range.condition = "1 = 0";
	ExplainPropertyText("Remote SQL",
						s->table->c->source->rows_query(s->table->rel, &range,
														aggregated ? aggregates_of(s) : NULL), es);
	fdw_explain_parameters(node, s->clauses, es);
}
