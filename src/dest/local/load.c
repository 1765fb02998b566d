/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Full load into a local table: binary COPY, run by the server's own COPY
 *	  code, which asks us for its input.
 *
 *	  producer -> LoadState.buf -> load_read -> CopyFrom -> heap, indexes
 *
 * The format is that of COPY (FORMAT binary): a header, the rows as the
 * producer appends them, a trailer; or COPY's text format for a relation that
 * says so (text_rows).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "core/one_statement.h"
#include "core/table_owner.h"
#include "access/genam.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/relcache.h"
#include "commands/copy.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "dest/local/local.h"

/* Rows are asked for until this many bytes are at hand. */
#define LOAD_BUFFER_BYTES (64 * 1024)
/* A buffer that a huge row made larger than this is given back. */
#define LOAD_BUFFER_KEEP (1024 * 1024)

typedef struct LoadState
{
	LoadProducer producer;
	void	   *arg;
	const TableOwner *owner;	/* rows are put into a table as its owner; the
								 * producer is none of that role's */
	MemoryContext cxt;
	StringInfoData buf;
	bool		text;
	bool		done;			/* the trailer, if any, is in buf */
} LoadState;

/* The callback of COPY gets no argument. */
static LoadState *load_state = NULL;

static const char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

static void
load_fill(LoadState *state)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(state->cxt);

	CHECK_FOR_INTERRUPTS();
	if (state->buf.maxlen > LOAD_BUFFER_KEEP)
	{
		pfree(state->buf.data);
		initStringInfo(&state->buf);
		enlargeStringInfo(&state->buf, 2 * LOAD_BUFFER_BYTES);
	}
	else
		resetStringInfo(&state->buf);

	table_owner_pause(state->owner);
	while (state->buf.len < LOAD_BUFFER_BYTES)
	{
		if (!state->producer(state->arg, &state->buf))
		{
			if (!state->text)
				appendBinaryStringInfo(&state->buf, "\377\377", 2);
			state->done = true;
			break;
		}
	}
	table_owner_resume(state->owner);
	MemoryContextSwitchTo(oldcxt);
}

static int
load_read(void *outbuf, int minread, int maxread)
{
	LoadState  *state = load_state;
	int			given = 0;

	while (given < maxread)
	{
		int			available = state->buf.len - state->buf.cursor;
		int			n = Min(available, maxread - given);

		if (n > 0)
		{
			memcpy((char *) outbuf + given,
				   state->buf.data + state->buf.cursor, n);
			state->buf.cursor += n;
			given += n;
		}
		else if (state->done || given >= Max(minread, 1))
			break;
		else
			load_fill(state);
	}
	return given;
}

static uint64
load_copy(LoadState *state, ParseState *pstate, Relation target, List *columns,
		  List *options)
{
	LoadState  *saved = load_state;
	volatile uint64 rows = 0;

	load_state = state;
	PG_TRY();
	{
		CopyFromState cstate;

		cstate = BeginCopyFrom(pstate, target, NULL, NULL, false, load_read,
							   columns, options);
		rows = CopyFrom(cstate);
		EndCopyFrom(cstate);
	}
	PG_FINALLY();
	{
		load_state = saved;
	}
	PG_END_TRY();
	return rows;
}

/* Copies what the producer gives into a table, all replicated columns. */
static uint64
load_into(SourceRelation *rel, Oid relid, LoadProducer producer, void *arg,
		  bool freeze)
{
	LoadState	state;
	TableOwner	owner;
	MemoryContext oldcxt;
	Relation	target;
	ParseState *pstate;
	List	   *columns = NIL;
	List	   *options;
	uint64		rows;

	state.producer = producer;
	state.arg = arg;
	state.owner = &owner;
	state.cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig load",
									  ALLOCSET_DEFAULT_SIZES);
	state.text = rel->text_rows;
	state.done = false;

	target = table_open(relid, RowExclusiveLock);
	/* it may have become another since it was bound */
	local_check_plain(relid, true);
	pstate = make_parsestate(NULL);
	(void) addRangeTableEntryForRelation(pstate, target, RowExclusiveLock,
										 NULL, false, false);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		if (rel->columns[i].replicated)
			columns = lappend(columns,
							  makeString(rel->columns[i].target_name));
	}

	options = list_make1(makeDefElem("format", (Node *)
									 makeString(rel->text_rows ? "text" : "binary"),
									 -1));

	/*
	 * Rows frozen from the start spare a later rewrite by vacuum. COPY allows
	 * that only for storage made by this very transaction, which nothing else
	 * of the transaction can look at.
	 */
	if (freeze && target->rd_rel->relkind == RELKIND_RELATION &&
		ThereAreNoPriorRegisteredSnapshots() && ThereAreNoReadyPortals())
		options = lappend(options,
						  makeDefElem("freeze", (Node *) makeString("true"),
									  -1));

	oldcxt = MemoryContextSwitchTo(state.cxt);
	initStringInfo(&state.buf);
	enlargeStringInfo(&state.buf, 2 * LOAD_BUFFER_BYTES);
	if (!state.text)
		appendBinaryStringInfo(&state.buf, copy_header, sizeof(copy_header) - 1);
	MemoryContextSwitchTo(oldcxt);

	/* domains of a temporary table's columns are those of the real one */
	table_owner_begin(rel->target_relid, RowExclusiveLock, &owner);
	rows = load_copy(&state, pstate, target, columns, options);
	table_owner_end(&owner);

	free_parsestate(pstate);
	/* The lock is kept to the end of the transaction. */
	table_close(target, NoLock);
	MemoryContextDelete(state.cxt);
	CommandCounterIncrement();
	return rows;
}

/* Runs a utility or DML statement; returns the rows it processed. */
static uint64
load_run(const char *sql)
{
	uint64		rows = run_one_statement(sql);

	CommandCounterIncrement();
	return rows;
}

static bool
has_unique_index(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;
	bool		found = false;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index->rd_index->indisunique;
		index_close(index, AccessShareLock);
	}
	table_close(rel, AccessShareLock);
	return found;
}

/* Rows are put into a table as its owner, who has to be able to read them. */
static void
grant_stage(Oid relid)
{
	if (!table_owner_is_trusted(relid))
		(void) load_run(psprintf("GRANT SELECT ON pg_temp.dtsmig_stage TO %s",
								 quote_identifier(GetUserNameFromId(table_owner_of(relid),
														false))));
}

/*
 * COPY can't leave rows out, so they go by way of a temporary table. Where no
 * unique index could show that a row exists, all are added.
 */
static uint64
load_parallel(SourceRelation *rel, LoadProducer producer, void *arg)
{
	char	   *target = quote_qualified_identifier(rel->target_schema,
													rel->target_name);
	StringInfoData columns;
	Oid			stage;
	uint64		rows;

	if (!has_unique_index(rel->target_relid))
		return load_into(rel, rel->target_relid, producer, arg, false);

	initStringInfo(&columns);
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated)
			appendStringInfo(&columns, "%s%s", columns.len ? ", " : "",
							 quote_identifier(rel->columns[i].target_name));
	(void) load_run("DROP TABLE IF EXISTS pg_temp.dtsmig_stage");
	(void) load_run(psprintf("CREATE TEMPORARY TABLE dtsmig_stage ON COMMIT DROP AS "
							 "SELECT %s FROM %s WITH NO DATA", columns.data, target));
	stage = RangeVarGetRelid(makeRangeVar("pg_temp", "dtsmig_stage", -1), NoLock,
							 false);
	(void) load_into(rel, stage, producer, arg, false);
	grant_stage(rel->target_relid);
	rows = load_run(psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE "
							 "SELECT %s FROM pg_temp.dtsmig_stage ON CONFLICT DO NOTHING",
							 target, columns.data, columns.data));
	(void) load_run("DROP TABLE pg_temp.dtsmig_stage");
	return rows;
}

static uint64
load_rows(SourceRelation *rel, LoadProducer producer, void *arg, LoadMode mode)
{
	bool		freeze = false;
	bool		pushed = false;
	uint64		rows;

	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	if (mode == LOAD_REPLACE)
		freeze = local_empty_table(rel->target_relid);
	if (mode == LOAD_KEEP)
		rows = load_parallel(rel, producer, arg);
	else
		rows = load_into(rel, rel->target_relid, producer, arg, freeze);
	if (pushed)
		PopActiveSnapshot();
	return rows;
}

/* See DestRoutine. */
uint64
local_load(SourceRelation *rel, LoadProducer producer, void *arg, LoadMode mode)
{
	uint64		rows;

	if (!local_copy_begin())
		return load_rows(rel, producer, arg, mode);
	PG_ENSURE_ERROR_CLEANUP(local_copy_end, (Datum) 0);
	{
		rows = load_rows(rel, producer, arg, mode);
	}
	PG_END_ENSURE_ERROR_CLEANUP(local_copy_end, (Datum) 0);
	local_copy_end(0, (Datum) 0);
	return rows;
}
