/*-------------------------------------------------------------------------
 *
 * shape_rows.c
 *	  Runs a rule's expressions over rows.
 *
 * What an UPDATE has not logged (an unchanged TOASTed value, a minimal image)
 * is taken from the other image of the row where that has it. Where neither
 * has, the outcome may still be known: a value made of unchanged values alone
 * is unchanged. Of a filter over columns that the old row lacks it is not known
 * whether the row was in; it is applied so that both are right: as an upsert,
 * or as a DELETE that may find nothing. Anything else is an error, never a
 * guess.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "transform/shape_impl.h"

#include "access/xact.h"
#include "compat.h"
#include "core/error_place.h"
#include "miscadmin.h"
#include "schema/model.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

typedef enum Passes
{
	PASSES_NO,
	PASSES_YES,
	PASSES_UNKNOWN
} Passes;

/* ------------------------------------------------------------------ opening */

static SourceRelation *
make_out(SourceRelation *rel, const ShapeRule *rule)
{
	SourceRelation *out = palloc(sizeof(SourceRelation));
	int			n = rel->ncolumns;
	ListCell   *lc;

	*out = *rel;
	out->out = out;
	out->shape = NULL;
	out->dest = NULL;
	out->columns = palloc0(sizeof(SourceColumn) *
						   (n + list_length(rule->set) + 1));
	memcpy(out->columns, rel->columns, sizeof(SourceColumn) * n);
	foreach(lc, rule->set)
	{
		RuleSet    *set = lfirst(lc);
		SourceColumn *col;
		bool		known = false;

		for (int i = 0; i < n; i++)
			known |= rel->columns[i].target_name != NULL &&
				strcmp(rel->columns[i].target_name, set->target) == 0;
		if (known)
			continue;
		col = &out->columns[out->ncolumns++];
		col->name = col->target_name = set->target;
		col->source_type = "an expression";
	}
	out->key = palloc(sizeof(int) * Max(out->ncolumns, 1));
	memcpy(out->key, rel->key, sizeof(int) * rel->nkey);
	return out;
}

static int
find_target(const SourceRelation *out, const char *target)
{
	for (int i = 0; i < out->ncolumns; i++)
		if (out->columns[i].target_name != NULL &&
			strcmp(out->columns[i].target_name, target) == 0)
			return i;
	return -1;
}

static void
set_key(SourceRelation *out, const ShapeRule *rule)
{
	ListCell   *lc;

	if (rule->primary_key == NIL)
		return;
	out->nkey = 0;
	for (int i = 0; i < out->ncolumns; i++)
		out->columns[i].in_key = false;
	foreach(lc, rule->primary_key)
	{
		int			i = find_target(out, lfirst(lc));

		if (i < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("primary_key of rule %d in objects names column \"%s\", which table \"%s\".\"%s\" has not",
							rule->number, (char *) lfirst(lc), out->target_schema,
							out->target_name),
					 errhint("Columns are named as they are called at the destination.")));
		out->key[out->nkey++] = i;
		out->columns[i].in_key = true;
	}
}

bool
shape_is_set(const Shape *shape, int column)
{
	for (int i = 0; i < shape->nsets; i++)
		if (shape->sets[i].column == column)
			return true;
	return false;
}

/*
 * The type of a column's values in flight: the destination's, or, of one that
 * does not go to it as it is, the one that the type map gives.
 */
static void
set_source_type(Shape *shape, int i)
{
	SourceColumn *col = &shape->rel->columns[i];
	const SourceColumn *to = &shape->out->columns[i];
	const TableColumn *def = list_nth(shape->rel->def->columns, i);

	if (to->replicated && !shape_is_set(shape, i))
	{
		*col = *to;
		return;
	}
	col->target_attnum = InvalidAttrNumber;
	col->typid = InvalidOid;
	col->typmod = -1;
	if (def->pg_type != NULL)
		dts_parse_type(def->pg_type, &col->typid, &col->typmod);
	if (!OidIsValid(col->typid) && def->labels != NIL)
		col->typid = TEXTOID;
	if (!OidIsValid(col->typid))
		return;
	col->typid = getBaseTypeAndTypmod(col->typid, &col->typmod);
	col->collation = get_typcollation(col->typid);
	get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
}

static void
make_scope(Shape *shape)
{
	SourceRelation *rel = shape->rel;
	ExprScope  *scope = &shape->scope;

	scope->schema = rel->schema;
	scope->table = rel->name;
	scope->any_case = rel->def->source_id == NULL;
	scope->ncolumns = rel->ncolumns;
	scope->columns = palloc0(sizeof(ExprColumn) * Max(rel->ncolumns, 1));
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const SourceColumn *col = &rel->columns[i];
		const TableColumn *def = list_nth(rel->def->columns, i);
		ExprColumn *c = &scope->columns[i];

		c->name = col->name;
		c->typid = col->typid;
		c->typmod = col->typmod;
		c->collation = col->collation;
		c->refused = "its type is not known in this database";
		if (def->generation_expr != NULL)
		{
			c->typid = InvalidOid;
			c->refused = "it is generated, and not part of changes; use what it is made of";
		}
	}
}

static void
compile(Shape *shape)
{
	const ShapeRule *rule = shape->rule;
	SourceRelation *out = shape->out;

	if (rule->filter != NULL)
	{
		shape->filter = shape_expr_compile(rule->filter,
										   psprintf("filter of table \"%s\".\"%s\"",
													out->schema, out->name),
										   &shape->scope, true, InvalidOid, -1);
		shape->used = bms_copy(shape->filter->columns);
	}
	for (int i = 0; i < shape->nsets; i++)
	{
		ShapeSet   *set = &shape->sets[i];
		SourceColumn *col = &out->columns[set->column];

		if (!col->replicated)
			ereport(ERROR,
					(errcode(ERRCODE_GENERATED_ALWAYS),
					 errmsg("column \"%s\" of table \"%s\".\"%s\" is generated at the destination, and cannot be set",
							col->target_name, out->target_schema, out->target_name)));
		set->expr = shape_expr_compile(set->rule->expr,
									   psprintf("expression for column \"%s\" of table \"%s\".\"%s\"",
												col->target_name, out->schema, out->name),
									   &shape->scope, false, col->typid, col->typmod);
		if (!OidIsValid(col->typid))
		{
			/* the table is still to be made */
			col->typid = set->expr->typid;
			col->typmod = set->expr->typmod;
			get_typlenbyval(col->typid, &col->typlen, &col->typbyval);
		}
		if (col->in_key && (set->expr->variable || set->expr->stable))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("key column \"%s\" of table \"%s\".\"%s\" must be made of the row alone",
							col->target_name, out->target_schema, out->target_name),
					 errhint("Use immutable functions, and neither dtsmig.operation nor dtsmig.commit_time.")));
		shape->used = bms_add_members(shape->used, set->expr->columns);
		col->constant = shape_expr_constant(set->rule->expr, out->schema, out->name);
	}
}

void
shape_open(SourceRelation *rel, const ShapeRule *rule,
		   void (*bind) (SourceRelation *rel))
{
	MemoryContext old = MemoryContextSwitchTo(rel->cxt);
	Shape	   *shape = palloc0(sizeof(Shape));
	SourceRelation *out = make_out(rel, rule);
	ListCell   *lc;

	shape->rel = rel;
	shape->out = out;
	shape->rule = rule;
	set_key(out, rule);
	shape->sets = palloc0(sizeof(ShapeSet) * Max(list_length(rule->set), 1));
	foreach(lc, rule->set)
	{
		ShapeSet   *set = &shape->sets[shape->nsets++];

		set->rule = lfirst(lc);
		set->column = find_target(out, set->rule->target);
	}
	bind(out);
	rel->target_relid = out->target_relid;
	for (int i = 0; i < rel->ncolumns; i++)
		set_source_type(shape, i);
	make_scope(shape);
	compile(shape);

	/* what is decoded: what is used, what goes on, and the source's own key */
	for (int i = 0; i < rel->ncolumns; i++)
	{
		SourceColumn *col = &rel->columns[i];

		col->replicated = OidIsValid(col->typid) &&
			(bms_is_member(i, shape->used) ||
			 (out->columns[i].replicated && !shape_is_set(shape, i)));
		col->in_key = false;
	}
	for (int k = 0; k < rel->nkey; k++)
	{
		SourceColumn *col = &rel->columns[rel->key[k]];

		col->replicated |= OidIsValid(col->typid);
		col->in_key = true;
	}
	shape->estate = CreateExecutorState();
	shape->econtext = GetPerTupleExprContext(shape->estate);
	shape->slot = MakeSingleTupleTableSlot(shape_expr_tupdesc(&shape->scope),
										   &TTSOpsVirtual);
	shape->econtext->ecxt_scantuple = shape->slot;
	if (shape->filter)
		shape->filter_state = ExecPrepareExpr(shape->filter->expr, shape->estate);
	for (int i = 0; i < shape->nsets; i++)
		shape->sets[i].state = ExecPrepareExpr(shape->sets[i].expr->expr,
											   shape->estate);
	shape->old.values = palloc0(sizeof(Datum) * out->ncolumns);
	shape->old.status = palloc0(out->ncolumns);
	shape->new.values = palloc0(sizeof(Datum) * out->ncolumns);
	shape->new.status = palloc0(out->ncolumns);
	rel->shape = shape;
	rel->out = out;
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------ running */

static inline bool
has(const Row *row, int column)
{
	return row != NULL && row->values != NULL && row->status[column] <= COLUMN_NULL;
}

void
shape_fill_slot(Shape *shape, const Row *row, const Row *other,
				const char *operation, TimestampTz commit_time)
{
	TupleTableSlot *slot = shape->slot;
	int			n = shape->scope.ncolumns;
	int			i = -1;

	ResetPerTupleExprContext(shape->estate);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, n);
	if (shape->missing)
		bms_free(shape->missing);
	shape->missing = NULL;
	while ((i = bms_next_member(shape->used, i)) >= 0)
	{
		const Row  *from = has(row, i) ? row : has(other, i) ? other : NULL;

		if (from == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(shape->rel->cxt);

			shape->missing = bms_add_member(shape->missing, i);
			MemoryContextSwitchTo(old);
		}
		else if (from->status[i] == COLUMN_VALUE)
		{
			slot->tts_values[i] = from->values[i];
			slot->tts_isnull[i] = false;
		}
	}
	slot->tts_values[n] = PointerGetDatum(NULL);
	slot->tts_isnull[n] = slot->tts_isnull[n + 1] = false;
	{
		MemoryContext old = MemoryContextSwitchTo(shape->econtext->ecxt_per_tuple_memory);

		slot->tts_values[n] = CStringGetTextDatum(operation);
		MemoryContextSwitchTo(old);
	}
	slot->tts_values[n + 1] = TimestampTzGetDatum(commit_time);
	ExecStoreVirtualTuple(slot);
}

typedef struct RunContext
{
	const Shape *shape;
	const char *what;
} RunContext;

static void
run_context(void *arg)
{
	RunContext *r = arg;

	error_place_context(r->shape->rel->schema, r->shape->rel->name,
						psprintf("%s of table \"%s\".\"%s\"", r->what,
								 r->shape->rel->schema, r->shape->rel->name));
}

Datum
shape_run(Shape *shape, ExprState *state, const char *what, bool *isnull)
{
	RunContext	r = {shape, what};
	ErrorContextCallback callback;
	Datum		value;

	callback.callback = run_context;
	callback.arg = &r;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	value = ExecEvalExprSwitchContext(state, shape->econtext, isnull);
	error_context_stack = callback.previous;
	return value;
}

/* Does the row in the slot pass? */
static Passes
run_filter(Shape *shape)
{
	Datum		value;
	bool		isnull;

	if (shape->filter == NULL)
		return PASSES_YES;
	if (bms_overlap(shape->filter->columns, shape->missing))
		return PASSES_UNKNOWN;
	value = shape_run(shape, shape->filter_state, "filter", &isnull);
	return !isnull && DatumGetBool(value) ? PASSES_YES : PASSES_NO;
}

static void
not_sent(const Shape *shape, const char *what, const Bitmapset *columns)
{
	int			i = bms_next_member(columns, -1);
	bool		pg = shape->rel->def->source_id != NULL;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s of table \"%s\".\"%s\" needs column \"%s\", which the source has not logged with a change",
					what, shape->rel->schema, shape->rel->name,
					i < 0 ? "?" : shape->rel->columns[i].name),
			 pg ? errhint("Run ALTER TABLE %s REPLICA IDENTITY FULL at the source, and have the table copied again.",
						  quote_qualified_identifier(shape->rel->schema, shape->rel->name)) :
			 errhint("Set binlog_row_image = FULL at the source, and have the table copied again."),
			 ERR_SOURCE_TABLE(shape->rel)));
}

/*
 * The row of the destination out of the one in the slot. row: the source's.
 * key_alone: of columns that are set those of the key are wanted.
 */
static void
make_row(Shape *shape, const Row *row, const Row *other, bool key_alone,
		 MemoryContext rowcxt, Row *result)
{
	SourceRelation *out = shape->out;
	int			n = shape->rel->ncolumns;

	for (int i = 0; i < n; i++)
	{
		const Row  *from = has(row, i) ? row : has(other, i) ? other : row;

		result->values[i] = from->values[i];
		result->status[i] = from->status[i];
	}
	memset(result->status + n, COLUMN_ABSENT, out->ncolumns - n);
	for (int s = 0; s < shape->nsets; s++)
	{
		ShapeSet   *set = &shape->sets[s];
		const SourceColumn *col = &out->columns[set->column];
		Datum		value;
		bool		isnull;

		result->status[set->column] = COLUMN_ABSENT;
		if (key_alone && !col->in_key)
			continue;
		if (bms_overlap(set->expr->columns, shape->missing))
		{
			/* made of what has not changed, it has not changed */
			if (!set->expr->variable &&
				bms_is_subset(set->expr->columns, shape->missing))
				result->status[set->column] = COLUMN_UNCHANGED;
			else
				not_sent(shape, psprintf("column \"%s\"", col->target_name),
						 bms_intersect(set->expr->columns, shape->missing));
			continue;
		}
		value = shape_run(shape, set->state,
						  psprintf("expression for column \"%s\"",
								   col->target_name), &isnull);
		result->status[set->column] = isnull ? COLUMN_NULL : COLUMN_VALUE;
		if (!isnull)
		{
			MemoryContext old = MemoryContextSwitchTo(rowcxt);

			if (col->typlen == -1)
				value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
			else
				value = datumCopy(value, col->typbyval, col->typlen);
			result->values[set->column] = value;
			MemoryContextSwitchTo(old);
		}
	}
}

static bool
is_complete(const Shape *shape, const Row *row)
{
	for (int i = 0; i < shape->out->ncolumns; i++)
		if (shape->out->columns[i].replicated && row->status[i] > COLUMN_NULL)
			return false;
	return true;
}

/* A key that the old row does not have is one that may have changed unseen. */
static void
check_key(const Shape *shape)
{
	const SourceRelation *out = shape->out;

	for (int k = 0; k < out->nkey; k++)
	{
		int			i = out->key[k];

		if (shape->old.status[i] > COLUMN_NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("key column \"%s\" of table \"%s\".\"%s\" is not part of the old row of a change",
							out->columns[i].target_name, out->schema, out->name),
					 errhint("Let the source log whole rows (REPLICA IDENTITY FULL, or binlog_row_image = FULL), and have the table copied again."),
					 ERR_SOURCE_TABLE(shape->rel)));
	}
}

static Change *
take_update(Shape *shape, const Change *change, TimestampTz commit_time,
			MemoryContext rowcxt)
{
	Change	   *result = &shape->change;
	const Row  *old = change->old.values ? &change->old : NULL;
	Passes		was;
	Passes		is;

	shape_fill_slot(shape, &change->old, NULL, "update", commit_time);
	was = old ? run_filter(shape) : PASSES_UNKNOWN;
	if (old)
		make_row(shape, old, NULL, shape->out->nkey > 0, rowcxt, &shape->old);
	shape_fill_slot(shape, &change->new, old, "update", commit_time);
	is = run_filter(shape);
	if (is == PASSES_UNKNOWN)
		not_sent(shape, "the filter",
				 bms_intersect(shape->filter->columns, shape->missing));
	if (was == PASSES_NO && is == PASSES_NO)
		return NULL;
	if (old)
		check_key(shape);
	if (shape->out->nkey == 0 && was == PASSES_UNKNOWN)
		not_sent(shape, "the filter", shape->filter->columns);
	if (is == PASSES_NO)
	{
		/* the source has not deleted it: its children are there still */
		result->kind = CHANGE_DELETE;
		result->no_cascade = true;
		result->idempotent |= was == PASSES_UNKNOWN;
		result->old = shape->old;
		return result;
	}
	make_row(shape, &change->new, was == PASSES_YES ? NULL : old, false, rowcxt,
			 &shape->new);
	result->new = shape->new;
	if (was == PASSES_NO)
	{
		if (!is_complete(shape, &shape->new))
			not_sent(shape, "a row that enters the filter", NULL);
		result->kind = CHANGE_INSERT;
		return result;
	}
	if (old)
		result->old = shape->old;
	/* incomplete, it can only be an UPDATE: a missing row is an error then */
	if (was == PASSES_UNKNOWN && is_complete(shape, &shape->new))
		result->idempotent = true;
	return result;
}

/* Expressions may look into the catalog, or run the user's functions. */
static bool
enter(bool *pushed)
{
	MemoryContext cxt = CurrentMemoryContext;
	bool		started = !IsTransactionState();

	if (started)
		StartTransactionCommand();
	*pushed = !ActiveSnapshotSet();
	if (*pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	return started;
}

static void
leave(bool started, bool pushed)
{
	MemoryContext cxt = CurrentMemoryContext;

	if (pushed)
		PopActiveSnapshot();
	if (started)
		CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
}

Change *
shape_change(Shape *shape, const Change *change, TimestampTz commit_time,
			 MemoryContext rowcxt)
{
	Change	   *result = &shape->change;
	bool		pushed;
	bool		started;
	Passes		passes;

	*result = *change;
	result->rel = shape->out;
	if (change->kind == CHANGE_TRUNCATE)
		return result;
	result->old.values = result->new.values = NULL;
	started = enter(&pushed);
	switch (change->kind)
	{
		case CHANGE_INSERT:
			shape_fill_slot(shape, &change->new, NULL, "insert", commit_time);
			passes = run_filter(shape);
			if (passes == PASSES_UNKNOWN)
				not_sent(shape, "the filter", shape->missing);
			make_row(shape, &change->new, NULL, false, rowcxt, &shape->new);
			result->new = shape->new;
			if (passes == PASSES_NO)
				result = NULL;
			break;
		case CHANGE_DELETE:
			shape_fill_slot(shape, &change->old, NULL, "delete", commit_time);
			passes = run_filter(shape);
			if (passes == PASSES_NO)
			{
				result = NULL;
				break;
			}
			if (passes == PASSES_UNKNOWN && shape->out->nkey == 0)
				not_sent(shape, "the filter", shape->missing);
			make_row(shape, &change->old, NULL, shape->out->nkey > 0, rowcxt,
					 &shape->old);
			check_key(shape);
			result->old = shape->old;
			result->idempotent |= passes == PASSES_UNKNOWN;
			break;
		default:
			result = take_update(shape, change, commit_time, rowcxt);
			break;
	}
	leave(started, pushed);
	return result;
}

/* ------------------------------------------------------------------- copies */

bool
shape_row(Shape *shape, const Datum *values, const bool *nulls,
		  Datum *out_values, bool *out_nulls)
{
	SourceRelation *rel = shape->rel;
	SourceRelation *out = shape->out;
	Row			row = {unconstify(Datum *, values), shape->old.status};

	for (int i = 0; i < rel->ncolumns; i++)
		row.status[i] = nulls[i] ? COLUMN_NULL : COLUMN_VALUE;
	shape_fill_slot(shape, &row, NULL, "load", GetCurrentTransactionStartTimestamp());
	if (run_filter(shape) != PASSES_YES)
		return false;
	make_row(shape, &row, NULL, false, CurrentMemoryContext, &shape->new);
	for (int i = 0; i < out->ncolumns; i++)
	{
		out_values[i] = shape->new.values[i];
		out_nulls[i] = shape->new.status[i] != COLUMN_VALUE;
	}
	return true;
}

static void
prepare_copy(Shape *shape)
{
	MemoryContext old = MemoryContextSwitchTo(shape->rel->cxt);

	shape->reader = copy_reader_make(shape->rel);
	shape->writer = copy_writer_make(shape->out);
	shape->copycxt = AllocSetContextCreate(shape->rel->cxt, "dtsmig shaped row",
										   ALLOCSET_DEFAULT_SIZES);
	shape->in_values = palloc0(sizeof(Datum) * Max(shape->rel->ncolumns, 1));
	shape->in_nulls = palloc0(sizeof(bool) * Max(shape->rel->ncolumns, 1));
	shape->out_values = palloc0(sizeof(Datum) * shape->out->ncolumns);
	shape->out_nulls = palloc0(sizeof(bool) * shape->out->ncolumns);
	MemoryContextSwitchTo(old);
}

bool
shape_next_copy(bool (*next) (struct SourceRows *rows, StringInfo buf),
				struct SourceRows *rows, SourceRelation *rel, StringInfo buf)
{
	Shape	   *shape = rel->shape;
	bool		passes = false;

	if (shape == NULL)
		return next(rows, buf);
	if (shape->reader == NULL)
		prepare_copy(shape);
	while (!passes)
	{
		MemoryContext old = MemoryContextSwitchTo(shape->copycxt);
		StringInfoData in;
		bool		more;

		CHECK_FOR_INTERRUPTS();
		initStringInfo(&in);
		more = next(rows, &in);
		if (more)
		{
			copy_reader_read(shape->reader, &in, shape->in_values,
							 shape->in_nulls);
			passes = shape_row(shape, shape->in_values, shape->in_nulls,
							   shape->out_values, shape->out_nulls);
		}
		if (passes)
			copy_writer_put(shape->writer, buf, shape->out_values,
							shape->out_nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(shape->copycxt);
		if (!more)
			return false;
	}
	return true;
}
