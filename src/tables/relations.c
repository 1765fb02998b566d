/*-------------------------------------------------------------------------
 *
 * relations.c
 *	  The tables of a task, out of the catalog and ready for rows.
 *
 *	  definition in force --relations_make--> SourceRelation --rules--> shape
 *		--DestRoutine.bind_relation--> table at the destination
 *		--SourceRoutine.prepare_relation--> decoders
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tables/relations.h"

#include "store/states.h"
#include "store/table.h"
#include "transform/shape_rows.h"
#include "utils/memutils.h"

SourceRelation *
relations_make(MemoryContext cxt, int64 table_id, TableDef *def)
{
	MemoryContext old;
	SourceRelation *rel;
	TableIndex *key;
	ListCell   *lc;
	int			i = 0;

	cxt = AllocSetContextCreate(cxt, "dtsmig relation", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	rel = palloc0(sizeof(SourceRelation));
	rel->cxt = cxt;
	rel->table_id = (int) table_id;
	rel->generation = 1;
	rel->def = def;
	rel->out = rel;
	rel->applied = OPERATION_ALL;
	rel->schema = def->schema;
	rel->name = def->name;
	rel->target_schema = def->target_schema;
	rel->target_name = def->target_name;
	rel->ncolumns = list_length(def->columns);
	rel->columns = palloc0(sizeof(SourceColumn) * Max(rel->ncolumns, 1));
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		SourceColumn *sc = &rel->columns[i++];

		sc->name = col->name;
		sc->source_type = col->source_type;
		sc->target_name = col->target_name;
		sc->replicated = col->target_name != NULL;
	}
	key = model_row_key(def);
	if (key)
	{
		rel->key = palloc(sizeof(int) * list_length(key->parts));
		foreach(lc, key->parts)
		{
			IndexPart  *part = lfirst(lc);
			TableColumn *col = model_find_column(def, part->column);

			for (i = 0; i < rel->ncolumns; i++)
				if (col != NULL && rel->columns[i].name == col->name)
				{
					rel->columns[i].in_key = true;
					rel->key[rel->nkey++] = i;
				}
		}
	}
	MemoryContextSwitchTo(old);
	return rel;
}

static ResyncStep
resync_step(const char *name)
{
	static const char *const names[] = {"", TABLE_STEP_ASKED, TABLE_STEP_COPYING,
	TABLE_STEP_COPIED, TABLE_STEP_REPLAY};

	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (ResyncStep) i;
	return RESYNC_NONE;
}

static bool
is_set(const char *position)
{
	return position != NULL && position[0] != '\0';
}

/* anyway: it is bound, too, if its rows are to be copied again */
static SourceRelation *
open_relation(MemoryContext cxt, const StoreTable *t, bool anyway,
			  const TableContext *tc)
{
	TableDef   *def = model_from_jsonb(t->definition);
	SourceRelation *rel = relations_make(cxt, t->id, def);
	const ShapeRule *rule = selection_shape(tc->selection, def->schema, def->name);

	if (is_set(t->high) && !tc->source->position_has_place(t->high))
		rel->snap_elsewhere = MemoryContextStrdup(rel->cxt, t->high);
	if (is_set(t->low) && !rel->snap_elsewhere &&
		!tc->source->position_has_place(t->low))
		rel->snap_set = MemoryContextStrdup(rel->cxt, t->low);
	else if (is_set(t->low))
		rel->snap_lo = tc->source->parse_position(t->low);
	if (is_set(t->high))
		rel->snap_hi = tc->source->parse_position(t->high);
	rel->generation = (uint32) t->generation;
	if (is_set(t->from))
		rel->def_from = tc->source->parse_position(t->from);
	rel->unsure = rel->snap_hi;
	if (is_set(t->described))
	{
		SourcePos	described = tc->source->parse_position(t->described);

		if (source_pos_cmp(described, rel->unsure) > 0)
			rel->unsure = described;
	}
	rel->one_snapshot = t->one_snapshot;
	if (t->source_mark != NULL)
		rel->source_mark = MemoryContextStrdup(rel->cxt, t->source_mark);
	if (is_set(t->types_from))
		rel->types_from = tc->source->parse_position(t->types_from);
	if (t->resync)
		rel->resync_step = resync_step(t->resync_step);
	rel->resync = t->resync && rel->resync_step != RESYNC_REPLAY;
	if (rel->resync && !anyway)
		return rel;
	if (rule != NULL)
		rel->applied = rule->operations;
	if (tc->unbound)
	{
		for (int i = 0; i < rel->ncolumns; i++)
			rel->columns[i].replicated = false;
		return rel;
	}
	if (rule_reads_rows(rule))
		shape_open(rel, rule, tc->dest->bind_relation);
	else
		tc->dest->bind_relation(rel);
	tc->source->prepare_relation(tc->conn, rel, tc->policy);
	rel->out->text_rows = rel->text_rows;
	rel->out->one_snapshot = rel->one_snapshot;
	return rel;
}

SourceRelation *
relations_open_one(MemoryContext cxt, int64 table_id, bool anyway,
				   const TableContext *tc)
{
	SourceRelation *rel = relations_try_open_one(cxt, table_id, anyway, tc);

	if (rel == NULL)
		elog(ERROR, "table " INT64_FORMAT " is not in the catalog", table_id);
	return rel;
}

SourceRelation *
relations_try_open_one(MemoryContext cxt, int64 table_id, bool anyway,
					   const TableContext *tc)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	StoreTable *t = store_table_load(table_id);
	SourceRelation *rel = t ? open_relation(cxt, t, anyway, tc) : NULL;

	MemoryContextSwitchTo(old);
	return rel;
}

SourceRelation **
relations_open(MemoryContext cxt, int64 task_id, const TableContext *tc, int *nrels)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	List	   *tables = store_tables_load(task_id);
	SourceRelation **rels = palloc0(sizeof(SourceRelation *) *
									Max(list_length(tables), 1));
	ListCell   *lc;

	foreach(lc, tables)
		rels[foreach_current_index(lc)] = open_relation(cxt, lfirst(lc), false, tc);
	*nrels = list_length(tables);
	MemoryContextSwitchTo(old);
	return rels;
}
