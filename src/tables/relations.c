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
#include "store/sql.h"
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

#define RELATION_QUERY \
	"SELECT t.table_id, v.definition, t.snapshot_low, t.snapshot_high, " \
	"v.generation, v.from_position, t.state = 'resync', t.described_position, " \
	"t.resync_step, t.types_position, t.one_snapshot, t.source_mark " \
	"FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position " \
	"FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v " \
	"ON true "

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

/* anyway: it is bound, too, if its rows are to be copied again */
static SourceRelation *
open_relation(MemoryContext cxt, const StoreRows *rows, int row, bool anyway,
			  const TableContext *tc)
{
	TableDef   *def = model_from_jsonb(store_jsonb(rows, row, 1));
	SourceRelation *rel = relations_make(cxt, store_int(rows, row, 0), def);
	char	  **v = rows->values[row];
	const ShapeRule *rule = selection_shape(tc->selection, def->schema, def->name);

	if (v[3] && v[3][0] && !tc->source->position_has_place(v[3]))
		rel->snap_elsewhere = MemoryContextStrdup(rel->cxt, v[3]);
	if (v[2] && v[2][0] && !rel->snap_elsewhere &&
		!tc->source->position_has_place(v[2]))
		rel->snap_set = MemoryContextStrdup(rel->cxt, v[2]);
	else if (v[2] && v[2][0])
		rel->snap_lo = tc->source->parse_position(v[2]);
	if (v[3] && v[3][0])
		rel->snap_hi = tc->source->parse_position(v[3]);
	rel->generation = (uint32) store_int(rows, row, 4);
	if (v[5] && v[5][0])
		rel->def_from = tc->source->parse_position(v[5]);
	rel->unsure = rel->snap_hi;
	if (v[7] && v[7][0])
	{
		SourcePos	described = tc->source->parse_position(v[7]);

		if (source_pos_cmp(described, rel->unsure) > 0)
			rel->unsure = described;
	}
	rel->one_snapshot = store_bool(rows, row, 10);
	if (v[11] != NULL)
		rel->source_mark = MemoryContextStrdup(rel->cxt, v[11]);
	if (v[9] && v[9][0])
		rel->types_from = tc->source->parse_position(v[9]);
	if (store_bool(rows, row, 6))
		rel->resync_step = resync_step(v[8]);
	rel->resync = store_bool(rows, row, 6) && rel->resync_step != RESYNC_REPLAY;
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
	StoreRows   *rows;
	SourceRelation *rel = NULL;

	rows = store_query(RELATION_QUERY "WHERE t.table_id = $1", "i", table_id);
	if (rows->nrows == 1)
		rel = open_relation(cxt, rows, 0, anyway, tc);
	MemoryContextSwitchTo(old);
	return rel;
}

SourceRelation **
relations_open(MemoryContext cxt, int64 task_id, const TableContext *tc, int *nrels)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	StoreRows   *rows;
	SourceRelation **rels;

	rows = store_query(RELATION_QUERY "WHERE t.task_id = $1 ORDER BY t.table_id",
					   "i", task_id);
	rels = palloc0(sizeof(SourceRelation *) * Max(rows->nrows, 1));
	for (int i = 0; i < rows->nrows; i++)
		rels[i] = open_relation(cxt, rows, i, false, tc);
	*nrels = rows->nrows;
	MemoryContextSwitchTo(old);
	return rels;
}
