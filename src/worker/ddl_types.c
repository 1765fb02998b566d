/*-------------------------------------------------------------------------
 *
 * ddl_types.c
 *	  Statements of a PostgreSQL source that give values of a type other texts.
 *
 * ALTER TYPE (RENAME VALUE of an enum, attributes of a composite type) waits
 * for nobody who writes a table that has the type. Rows of a transaction that
 * is open meanwhile come after the statement, and the source tells them by
 * either catalog, so that they cannot be read, or be read as another value.
 * Tables with such a column keep the position of the statement; a row of a
 * transaction that began before it has the table copied again.
 *
 * Other statements that lock no table: COMMENT, GRANT, ALTER ROLE and OWNER
 * leave rows alone; ALTER SCHEMA and renames of a type are followed by
 * identity (pg_stream_rows.c); ALTER TYPE ADD VALUE takes nothing away; a
 * constraint of a domain that is NOT VALID is not asked here (apply_stmt.c),
 * others wait for writers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "access/tupdesc.h"
#include "catalog/books.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Can a value of the type hold one of an enum, or a composite one? */
static bool
type_holds(Oid typid, char typtype)
{
	Oid			part;

	check_stack_depth();
	typid = getBaseType(typid);
	if (get_typtype(typid) == typtype)
		return true;
	part = get_base_element_type(typid);
	if (!OidIsValid(part))
		part = get_range_subtype(typid);
	if (!OidIsValid(part) && get_typtype(typid) == TYPTYPE_MULTIRANGE)
		part = get_multirange_range(typid);
	if (OidIsValid(part))
		return type_holds(part, typtype);
	if (get_typtype(typid) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc(typid, -1);
		bool		found = false;

		for (int i = 0; i < desc->natts && !found; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			found = !att->attisdropped && type_holds(att->atttypid, typtype);
		}
		ReleaseTupleDesc(desc);
		return found;
	}
	return false;
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
		if (!OidIsValid(typid))
			return true;
		if (typtype != 0 ? type_holds(typid, typtype) :
			type_holds(typid, TYPTYPE_ENUM) || type_holds(typid, TYPTYPE_COMPOSITE))
			return true;
	}
	return false;
}

void
record_note_types(RecordCarry *c)
{
	TaskRun    *run = c->run;
	char		typtype = 0;

	if (strcmp(c->record->tag, "ALTER TYPE") != 0)
		return;
	if (c->statement != NULL)
	{
		typtype = pg_statement_alters_values(c->statement->tree);
		if (typtype == 0)
			return;
	}
	for (int i = 0; i < run->nrels; i++)
	{
		SourceRelation *rel = run->rels[i];

		if (!is_touched(rel, typtype))
			continue;
		(void) books_exec("UPDATE dtsmig.task_table SET types_position = $2 "
						  "WHERE table_id = $1", "it", (int64) rel->table_id,
						  c->position);
		record_note_changed(c, rel->table_id);
	}
}
