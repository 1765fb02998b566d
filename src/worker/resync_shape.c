/*-------------------------------------------------------------------------
 *
 * resync_shape.c
 *	  Definitions of tables that are copied again: what the source has now,
 *	  beside what the catalog has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/resync_shape.h"

#include "check/dest_catalog.h"
#include "core/attempt.h"
#include "store/task.h"
#include "store/table.h"
#include "schema/plan.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "worker/destination.h"

static bool
is_action(const char *rule)
{
	return rule != NULL && pg_strcasecmp(rule, "RESTRICT") != 0 &&
		pg_strcasecmp(rule, "NO ACTION") != 0;
}

static bool
has_action(const TableForeignKey *fk)
{
	return is_action(fk->on_delete) || is_action(fk->on_update);
}

bool
resync_is_child(const TableDef *child, const TableDef *parent)
{
	ListCell   *lc;

	foreach(lc, child->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		if (has_action(fk) && strcmp(fk->ref_table, parent->name) == 0 &&
			strcmp(fk->ref_schema, parent->schema) == 0)
			return true;
	}
	return false;
}

/* What is of the same name stays what it is at the destination. */
void
resync_take_targets(TableDef *def, const TableDef *old)
{
	ListCell   *lc;
	ListCell   *lc2;

	def->target_schema = old->target_schema;
	def->target_name = old->target_name;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		foreach(lc2, old->columns)
		{
			TableColumn *was = lfirst(lc2);

			if (strcmp(was->name, col->name) != 0)
				continue;
			col->origin = col->name;
			col->target_name = was->target_name;
			col->left_out = was->left_out;
			if (strcmp(col->base_type, "enum") == 0 &&
				strcmp(was->base_type, "enum") == 0)
				col->pg_type = was->pg_type;
		}
	}
	foreach(lc, def->indexes)
	{
		TableIndex *index = lfirst(lc);

		foreach(lc2, old->indexes)
		{
			TableIndex *was = lfirst(lc2);

			if (strcmp(was->name, index->name) != 0)
				continue;
			index->origin = index->name;
			index->target_name = was->target_name;
		}
	}
	foreach(lc, def->foreign_keys)
	{
		TableForeignKey *fk = lfirst(lc);

		foreach(lc2, old->foreign_keys)
		{
			TableForeignKey *was = lfirst(lc2);

			if (strcmp(was->name, fk->name) == 0)
				fk->target_name = was->target_name;
		}
	}
	foreach(lc, def->checks)
	{
		TableCheck *check = lfirst(lc);

		foreach(lc2, old->checks)
		{
			TableCheck *was = lfirst(lc2);

			if (strcmp(was->name, check->name) == 0)
				check->target_name = was->target_name;
		}
	}
}

void
resync_name_new(TableDef *def, int name_case)
{
	NameCase	policy = name_case == NAME_CASE_DEFAULT ? NAME_CASE_SOURCE :
		(NameCase) name_case;
	ListCell   *lc;

	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);

		if (!col->left_out && col->target_name == NULL)
			col->target_name = plan_name(col->name, policy, true);
		col->target_generated = col->generation_expr != NULL;
	}
}

/* by_id: it may have another name by now */
static bool
is_table(const TableDef *def, const SourceRelation *rel, bool by_id)
{
	if (by_id)
		return strcmp(def->source_id, rel->def->source_id) == 0;
	return strcmp(def->name, rel->name) == 0 &&
		strcmp(def->schema, rel->schema) == 0;
}

TableDef *
resync_find_def(List *tables, const SourceRelation *rel)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		found |= rel->def->source_id != NULL && def->source_id != NULL &&
			strcmp(def->source_id, rel->def->source_id) == 0;
	}

	foreach(lc, tables)
	{
		TableDef   *def = lfirst(lc);

		if (!is_table(def, rel, found) || !model_has_rows(def))
			continue;
		if (def->unreadable)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("the source does not show the columns of table \"%s\".\"%s\"",
							def->schema, def->name)));
		return def;
	}
	return NULL;
}

List *
resync_schemas(List *rels)
{
	List	   *schemas = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);
		bool		known = false;

		foreach(lc2, schemas)
			known |= strcmp(lfirst(lc2), rel->schema) == 0;
		if (!known)
			schemas = lappend(schemas, rel->schema);
	}
	return schemas;
}

List *
resync_describe(TaskRun *run, List *rels)
{
	List	   *tables = run->source->describe(run->conn, resync_schemas(rels));
	ListCell   *lc;

	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);

		if (rel->def->source_id != NULL && run->source->list_schemas != NULL &&
			resync_find_def(tables, rel) == NULL)
			return run->source->describe(run->conn,
										 run->source->list_schemas(run->conn, run->info));
	}
	return tables;
}

bool
resync_same_shape(const TableDef *a, const TableDef *b)
{
	TableDef	x = *a;
	TableDef	y = *b;
	Jsonb	   *jx;
	Jsonb	   *jy;

	x.auto_increment = y.auto_increment = NULL;
	x.rows_estimate = y.rows_estimate = 0;
	x.data_bytes = y.data_bytes = 0;
	jx = model_to_jsonb(&x);
	jy = model_to_jsonb(&y);
	return VARSIZE(jx) == VARSIZE(jy) && memcmp(jx, jy, VARSIZE(jx)) == 0;
}

bool
resync_is_altered(TaskRun *run, List *before, List *rels)
{
	List	   *tables;
	ListCell   *lc;

	if (before == NIL)
		return false;
	tables = run->source->describe(run->conn, resync_schemas(rels));
	foreach(lc, rels)
	{
		TableDef   *was = resync_find_def(before, lfirst(lc));
		TableDef   *now = resync_find_def(tables, lfirst(lc));

		if (was == NULL ? now != NULL : now == NULL || !resync_same_shape(was, now))
			return true;
	}
	return false;
}

static void
truncate_tables(void *tables)
{
	task_spi(psprintf("TRUNCATE %s", (char *) tables));
}

void
resync_empty(TaskRun *run, List *rels)
{
	StringInfoData list;
	ListCell   *lc;
	ErrorData  *edata;

	initStringInfo(&list);
	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);
		char	   *own = rel->def->columns == NIL ? NULL :
			shard_own_rows(run->task->id, rel->table_id, run->selection);

		if (own != NULL || (rel->def->columns != NIL && run->dest->empty_sql))
			task_spi(destination_delete_sql(plan_table_name(rel->def), own));
		else if (rel->def->columns != NIL)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 plan_table_name(rel->def));
	}
	if (list.len == 0)
		return;

	/* a foreign key of another table, or a missing right, forbids TRUNCATE */
	edata = attempt(truncate_tables, list.data);
	if (edata == NULL)
		return;
	if (edata->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED &&
		edata->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
		ReThrowError(edata);
	foreach(lc, rels)
	{
		SourceRelation *rel = lfirst(lc);

		if (rel->def->columns != NIL &&
			shard_is_alone(run->task->id, rel->table_id))
			task_spi(psprintf("DELETE FROM %s", plan_table_name(rel->def)));
	}
}

static char *
column_here(const TableDef *old, const TableColumn *col)
{
	const TableColumn *was = model_find_column(old, col->name);

	return was != NULL && was->target_name != NULL ? was->target_name : col->name;
}

/*
 * The source's columns are others than the task knows. Where somebody has
 * altered the table here in the same way (as the error that stopped the stream
 * advises), its rows can be had; else the statement has to come in the log.
 */
static char *
misfit(TaskRun *run, const TableDef *def, const SourceRelation *rel)
{
	char	   *name = quote_qualified_identifier(rel->target_schema, rel->target_name);
	List	   *columns = dest_catalog_columns(run->task, run->dest, rel->target_schema,
											   rel->target_name);
	ListCell   *lc;

	if (columns == NIL)
		return psprintf("Table %s does not exist here.", name);
	foreach(lc, def->columns)
	{
		const TableColumn *col = lfirst(lc);
		const TableColumn *was = model_find_column(rel->def, col->name);
		const DestColumn *here = dest_catalog_find(columns, column_here(rel->def, col));

		if (was != NULL && was->left_out)
			continue;
		if (here == NULL)
			return psprintf("The source has column \"%s\", which the table lacks here. "
							"If no statement in the source's log is to bring it: "
							"ALTER TABLE %s ADD COLUMN %s %s; and dtsmig.resync_table again.",
							col->name, name, quote_identifier(col->name), col->source_type);
		if (was != NULL && strcmp(was->source_type, col->source_type) != 0 &&
			strcmp(here->type, col->source_type) != 0)
			return psprintf("Column \"%s\" is of type %s at the source, and %s here. "
							"If no statement in the source's log is to change it: "
							"ALTER TABLE %s ALTER COLUMN %s TYPE %s; and dtsmig.resync_table again.",
							col->name, col->source_type, here->type, name,
							quote_identifier(column_here(rel->def, col)), col->source_type);
	}
	foreach(lc, rel->def->columns)
	{
		const TableColumn *was = lfirst(lc);

		if (was->target_name != NULL && model_find_column(def, was->name) == NULL &&
			dest_catalog_find(columns, was->target_name) != NULL)
			return psprintf("The source has no column \"%s\" any more, and the table has it here. "
							"If no statement in the source's log is to drop it: "
							"ALTER TABLE %s DROP COLUMN %s; and dtsmig.resync_table again.",
							was->name, name, quote_identifier(was->target_name));
	}
	return NULL;
}

const char *
resync_why_not(TaskRun *run, const SourceRelation *rel, const TableDef *def,
			   List *settled)
{
	bool		altered;
	char	   *why = NULL;

	if (def == NULL)
		return "The source has no such table: a statement that drops or renames it is still to come in its log, or was not recorded.";
	altered = run->source->logs_shapes && rel->def->columns != NIL &&
		!task_same_columns(def, rel->def);
	if (altered)
		why = misfit(run, def, rel);
	if (why != NULL || list_member_ptr(settled, rel) ||
		(altered && strcmp(def->name, rel->def->name) == 0 &&
		 strcmp(def->schema, rel->def->schema) == 0))
		return why;
	return "The source calls the table otherwise: the statement that renames it is still to come in its log, or was not recorded.";
}

void
resync_note_wait(int64 task_id, const SourceRelation *rel, const char *why)
{
	if (store_table_waits_for(rel->table_id, why) && why != NULL)
		task_log_event(task_id, "info",
					   psprintf("table \"%s\".\"%s\" cannot be copied again yet",
								rel->schema, rel->name), why, NULL, NULL);
}

void
resync_look_at_values(TaskRun *run, TableDef *def, const TableDef *old)
{
	ListCell   *lc;

	foreach(lc, old->columns)
	{
		TableColumn *was = lfirst(lc);
		TableColumn *col = model_find_column(def, was->name);

		if (col != NULL && was->zero_dates)
			col->zero_dates = true;
	}
	if (run->source->look_at_values != NULL)
		run->source->look_at_values(run->conn, list_make1(def),
									   &run->options->policy);
	if (def->not_looked == NULL)
		return;
	foreach(lc, def->columns)
	{
		TableColumn *col = lfirst(lc);
		TableColumn *was = model_find_column(old, col->name);

		if (was == NULL || was->nullable)
			col->zero_dates = true;
	}
}
