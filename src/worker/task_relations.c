/*-------------------------------------------------------------------------
 *
 * task_relations.c
 *	  The tables of a task, out of the books and ready for rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/task_run.h"

#include "catalog/books.h"
#include "transform/shape_rows.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

void
task_set_step(TaskRun *run, const char *phase, const char *step)
{
	(void) books_exec("UPDATE dtsmig.task SET phase = $2, step = $3, "
					  "updated = pg_catalog.clock_timestamp() WHERE task_id = $1",
					  "itt", run->task->id, phase, step);
	run->task->step = MemoryContextStrdup(run->cxt, step);
}

SourceRelation *
task_make_relation(MemoryContext cxt, int64 table_id, TableDef *def)
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
		sc->carried = col->target_name != NULL;
	}
	key = model_row_key(def);
	if (key)
	{
		rel->key = palloc(sizeof(int) * list_length(key->parts));
		foreach(lc, key->parts)
		{
			IndexPart  *part = lfirst(lc);

			for (i = 0; i < rel->ncolumns; i++)
				if (pg_strcasecmp(rel->columns[i].name, part->column) == 0)
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
	"v.generation, v.from_position, t.state = 'resync', t.described_position " \
	"FROM dtsmig.task_table t JOIN LATERAL " \
	"(SELECT definition, generation, from_position " \
	"FROM dtsmig.table_version v " \
	"WHERE v.table_id = t.table_id ORDER BY generation DESC LIMIT 1) v " \
	"ON true "

static SourceRelation *
open_relation(MemoryContext cxt, const BookRows *rows, int row,
			  const Selection *selection,
			  const SourceRoutine *source, SourceConn *conn,
			  const DestRoutine *dest, TypePolicy *policy)
{
	TableDef   *def = model_from_jsonb(book_jsonb(rows, row, 1));
	SourceRelation *rel = task_make_relation(cxt, book_int(rows, row, 0), def);
	char	  **v = rows->values[row];
	const ShapeRule *rule = selection_shape(selection, def->schema, def->name);

	if (v[3] && v[3][0] && !source->position_has_place(v[3]))
		rel->snap_elsewhere = MemoryContextStrdup(rel->cxt, v[3]);
	if (v[2] && v[2][0] && !rel->snap_elsewhere &&
		!source->position_has_place(v[2]))
		rel->snap_set = MemoryContextStrdup(rel->cxt, v[2]);
	else if (v[2] && v[2][0])
		rel->snap_lo = source->parse_position(v[2]);
	if (v[3] && v[3][0])
		rel->snap_hi = source->parse_position(v[3]);
	rel->generation = (uint32) book_int(rows, row, 4);
	if (v[5] && v[5][0])
		rel->def_from = source->parse_position(v[5]);
	rel->unsure = rel->snap_hi;
	if (v[7] && v[7][0])
	{
		SourcePos	described = source->parse_position(v[7]);

		if (source_pos_cmp(described, rel->unsure) > 0)
			rel->unsure = described;
	}
	rel->resync = book_bool(rows, row, 6);
	if (rel->resync)
		return rel;
	if (rule != NULL)
		rel->applied = rule->operations;
	if (rule_reads_rows(rule))
		shape_open(rel, rule, dest->bind_relation);
	else
		dest->bind_relation(rel);
	source->prepare_relation(conn, rel, policy);
	return rel;
}

SourceRelation *
task_open_relation(MemoryContext cxt, int64 table_id,
				   const Selection *selection, const SourceRoutine *source, SourceConn *conn,
				   const DestRoutine *dest, TypePolicy *policy)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	BookRows   *rows;
	SourceRelation *rel;

	rows = books_query(RELATION_QUERY "WHERE t.table_id = $1", "i", table_id);
	if (rows->nrows != 1)
		elog(ERROR, "table " INT64_FORMAT " is not in the books", table_id);
	rel = open_relation(cxt, rows, 0, selection, source, conn, dest, policy);
	MemoryContextSwitchTo(old);
	return rel;
}

void
task_open_relations(TaskRun *run)
{
	BookRows   *rows;
	MemoryContext old;

	if (run->relcxt != NULL)
		MemoryContextDelete(run->relcxt);
	run->relcxt = AllocSetContextCreate(run->cxt, "dtsmig relations",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(run->relcxt);
	rows = books_query(RELATION_QUERY "WHERE t.task_id = $1 ORDER BY t.table_id",
					   "i", run->task->id);
	run->nrels = rows->nrows;
	run->rels = palloc0(sizeof(SourceRelation *) * Max(rows->nrows, 1));
	for (int i = 0; i < rows->nrows; i++)
		run->rels[i] = open_relation(run->relcxt, rows, i, run->selection, run->source,
									 run->conn, run->dest,
									 &run->options->policy);
	MemoryContextSwitchTo(old);
}

void
task_refresh_relation(TaskRun *run, int64 table_id)
{
	MemoryContext old = MemoryContextSwitchTo(run->relcxt);
	SourceRelation **rels = palloc0(sizeof(SourceRelation *) *
									(run->nrels + 1));
	BookRows   *rows;
	int			n = 0;

	for (int i = 0; i < run->nrels; i++)
		if (run->rels[i]->table_id != table_id)
			rels[n++] = run->rels[i];
	rows = books_query(RELATION_QUERY "WHERE t.table_id = $1", "i", table_id);
	if (rows->nrows == 1)
		rels[n++] = open_relation(run->relcxt, rows, 0, run->selection, run->source, run->conn,
								  run->dest, &run->options->policy);
	pfree(run->rels);
	run->rels = rels;
	run->nrels = n;
	MemoryContextSwitchTo(old);
}

SourceRelation *
task_find_relation(TaskRun *run, const char *schema, const char *table)
{
	for (int i = 0; i < run->nrels; i++)
		if (strcmp(run->rels[i]->name, table) == 0 &&
			strcmp(run->rels[i]->schema, schema) == 0)
			return run->rels[i];
	return NULL;
}

bool
task_copy_has(TaskRun *run, const SourceRelation *rel, SourcePos pos)
{
	return rel->snap_set != NULL && run->stream != NULL &&
		source_pos_cmp(pos, rel->snap_hi) <= 0 &&
		run->source->stream_is_in(run->stream, rel->snap_set);
}
