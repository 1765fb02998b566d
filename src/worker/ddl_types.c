/*-------------------------------------------------------------------------
 *
 * ddl_types.c
 *	  Statements of a PostgreSQL source that give values of a type other texts.
 *
 * ALTER TYPE (RENAME VALUE of an enum, attributes of a composite type) waits
 * for nobody who writes a table that has the type. Rows of a transaction that
 * is open meanwhile come after the statement, and the source sends them by
 * either catalog, so that they cannot be read, or be read as another value.
 * Tables with such a column keep the position of the statement; a row of a
 * transaction that began before it has the table copied again.
 *
 * A copy that was read after such a statement, which the stream has yet to come
 * to, has the newer texts, too: it cannot be made at once, or has to be made
 * again when the stream comes to it.
 *
 * Other statements that lock no table: COMMENT, GRANT, ALTER ROLE and OWNER
 * leave rows alone; ALTER SCHEMA and renames of a type are followed by
 * identity (pg_stream_rows.c); ALTER TYPE ADD VALUE takes nothing away; a
 * constraint of a domain that is NOT VALID is not asked at the destination
 * (apply_stmt.c), others wait for writers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "access/xact.h"
#include "store/table.h"
#include "catalog/pg_type.h"
#include "core/one_statement.h"
#include "core/type_parts.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static bool
is_of_kind(Oid typid, void *arg)
{
	return get_typtype(typid) == *(const char *) arg;
}

/* Can a value of the type hold one of an enum, or a composite one? */
static bool
holds_kind(Oid typid, char typtype)
{
	return type_holds(typid, is_of_kind, &typtype);
}

/* typtype 0: it is not known which */
static bool
is_touched(const SourceRelation *rel, char typtype)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, rel->def->columns)
	{
		TableColumn *col = lfirst(lc);
		Oid			typid = i < rel->ncolumns ? rel->columns[i].typid : InvalidOid;

		i++;
		/* types that every server has hold neither */
		if (col->left_out || col->base_type == NULL || col->base_type[0] != '\0')
			continue;
		/* nothing is known of one of another server */
		if (!OidIsValid(typid) || one_statement_is_elsewhere())
			return true;
		if (typtype != 0 ? holds_kind(typid, typtype) :
			holds_kind(typid, TYPTYPE_ENUM) || holds_kind(typid, TYPTYPE_COMPOSITE))
			return true;
	}
	return false;
}

void
record_note_types(RecordReplay *c)
{
	TaskRun    *run = c->run;
	char		typtype = 0;
	bool		same = false;	/* values have the texts that they had */

	if (strcmp(c->record->tag, "ALTER TYPE") != 0)
		return;
	if (c->statement != NULL)
	{
		typtype = pg_statement_alters_values(c->statement->tree);
		same = typtype == 0;
	}
	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];

		if (!is_touched(rel, typtype))
			continue;
		/* a copy that waits for the type may be had now */
		c->replicated->resync |= rel->resync;
		if (same)
			continue;
		store_table_types_from(rel->table_id, c->position);
		record_note_changed(c, rel->table_id);
		/* its rows were read by the newer texts */
		if (!rel->resync && source_pos_is_set(rel->unsure) &&
			source_pos_cmp(run->source->parse_position(c->position),
						   rel->unsure) <= 0)
			record_mark(c, rel->table_id,
						"The source altered a type of its columns before it was copied.");
	}
}

/*
 * Can it be that values are reported by types which the source has altered, and
 * which are altered at the destination when the stream comes to that?
 */
bool
types_may_fit_later(TaskRun *run, int sqlerrcode)
{
	bool		own_types = false;

	if (!run->source->own_types ||
		(ERRCODE_TO_CATEGORY(sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
		 sqlerrcode != ERRCODE_DATATYPE_MISMATCH))
		return false;
	for (int i = 0; i < run->nrels; i++)
	{
		ListCell   *lc;

		if (!run->rels[i]->resync)
			continue;
		foreach(lc, run->rels[i]->def->columns)
		{
			TableColumn *col = lfirst(lc);

			own_types |= col->base_type != NULL && col->base_type[0] == '\0';
		}
	}
	return own_types;
}

/* The rest of the task goes on. */
void
types_leave_for_later(TaskRun *run, bool parallel, const ErrorData *edata)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (parallel)
		store_tables_stop_copying(run->task->id);
	task_log_event(run->task->id, "warning",
				   psprintf("tables cannot be copied again yet: %s", edata->message),
				   "The source has altered a type of their columns, as it seems; they are copied when that statement is applied.",
				   NULL, NULL);
	PopActiveSnapshot();
	CommitTransactionCommand();
}
