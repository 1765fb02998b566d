/*-------------------------------------------------------------------------
 *
 * ddl_mysql.c
 *	  Statements of a PostgreSQL source at a destination of the MySQL family.
 *
 * They are made of what tables were and what they are after the statement; its
 * text says whether that is all that it did, and which names are new ones. What
 * does not translate stops the task. Each is claimed in the ledger, run and
 * committed by itself (run_apart.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "core/attempt.h"
#include "tables/alter_elsewhere.h"
#include "tables/describe.h"
#include "transform/shape.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/varlena.h"
#include "worker/destination.h"
#include "worker/statement.h"

/* ------------------------------------------------------------- which count */

/* Is the statement about something that the task has, or could have? */
static bool
concerns(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		const TableDef *def = ((DdlTableState *) lfirst(lc))->def;

		if (task_selects(c->run, def->schema, def->name) ||
			record_relation(c, def->source_id, def->schema, def->name) != NULL)
			return true;
	}
	foreach(lc, c->record->dropped)
	{
		const DdlDropped *d = lfirst(lc);
		const char *table = d->table != NULL ? d->table :
			strcmp(d->type, "table") == 0 ? d->name : NULL;

		if ((d->schema != NULL && table != NULL && task_selects(c->run, d->schema, table)) ||
			(strcmp(d->type, "index") == 0 &&
			 record_takes(c, d->type, d->schema, d->table, d->identity)))
			return true;
	}
	return c->record->tables == NIL && c->record->dropped == NIL;
}

bool
record_has_no_counterpart(RecordReplay *c)
{
	static const char *const tags[] = {
		"ALTER TABLE", "CREATE TABLE", "CREATE TABLE AS", "SELECT INTO", "CREATE INDEX",
		"ALTER TYPE", "ALTER DOMAIN", "ALTER SCHEMA", "IMPORT FOREIGN SCHEMA"
	};
	bool		known = c->record->dropped != NIL;

	if (!c->run->dest->mysql_sql || c->only_model)
		return false;
	for (int i = 0; i < lengthof(tags); i++)
		known |= strcmp(c->record->tag, tags[i]) == 0;
	return !known || !concerns(c);
}

/* -------------------------------------------------------------- statements */

static bool
is_serial(const TypeName *type)
{
	const char *name = type != NULL && type->names != NIL ? strVal(llast(type->names)) : "";

	return strstr(name, "serial") != NULL;
}

/* Why a column cannot be added; NULL: it can. */
static char *
refuse_column(const ColumnDef *def)
{
	ListCell   *lc;

	if (is_serial(def->typeName))
		return psprintf("Column %s takes its values from a sequence", def->colname);
	foreach(lc, def->constraints)
	{
		const Constraint *k = lfirst_node(Constraint, lc);

		switch (k->contype)
		{
			case CONSTR_NULL:
			case CONSTR_NOTNULL:
			case CONSTR_DEFAULT:
			case CONSTR_GENERATED:
				break;
			default:
				return psprintf("Column %s comes with a constraint", def->colname);
		}
	}
	return NULL;
}

static char *
refuse_command(const AlterTableStmt *stmt, const AlterTableCmd *cmd)
{
	ListCell   *lc;

	switch (cmd->subtype)
	{
		case AT_AddColumn:
			return refuse_column(castNode(ColumnDef, cmd->def));
		case AT_DropColumn:
			foreach(lc, stmt->cmds)
			{
				const AlterTableCmd *other = lfirst_node(AlterTableCmd, lc);

				if (other->subtype == AT_AddColumn &&
					strcmp(castNode(ColumnDef, other->def)->colname, cmd->name) == 0)
					return psprintf("Column %s is dropped and added", cmd->name);
			}
			return NULL;
		case AT_AlterColumnType:
		case AT_ColumnDefault:
		case AT_SetNotNull:
		case AT_DropNotNull:
			/* what the destination has no words for */
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_ChangeOwner:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_ReplaceRelOptions:
		case AT_EnableTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
		case AT_ReplicaIdentity:
		case AT_EnableRowSecurity:
		case AT_DisableRowSecurity:
		case AT_ForceRowSecurity:
		case AT_NoForceRowSecurity:
			return NULL;
		default:
			return "It does something to a table that is not translated";
	}
}

/* Where the parse tree does more than what tables show: c->why. */
static void
look_at_tree(RecordReplay *c, TableAlter *alter)
{
	Node	   *tree = c->statement->tree;
	ListCell   *lc;

	if (IsA(tree, RenameStmt))
	{
		const RenameStmt *stmt = (const RenameStmt *) tree;

		if (stmt->renameType == OBJECT_COLUMN)
		{
			alter->from = stmt->subname;
			alter->to = stmt->newname;
		}
		else if (stmt->renameType != OBJECT_TABLE && stmt->renameType != OBJECT_INDEX &&
				 stmt->renameType != OBJECT_TABCONSTRAINT)
			c->why = "What it renames is not translated";
	}
	else if (IsA(tree, AlterTableStmt))
	{
		foreach(lc, ((AlterTableStmt *) tree)->cmds)
			if (c->why == NULL)
				c->why = refuse_command((AlterTableStmt *) tree, lfirst_node(AlterTableCmd, lc));
	}
	else if (!IsA(tree, AlterObjectSchemaStmt))
		c->why = psprintf("%s is not translated", c->record->tag);
}

static List *
create_tables(RecordReplay *c)
{
	PlanOptions *options = plan_options(c->run->options, c->run->selection);
	List	   *sql = NIL;
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		DdlTableState *t = lfirst(lc);

		if (record_relation(c, t->def->source_id, t->def->schema, t->def->name) == NULL &&
			record_takes(c, "table", t->def->schema, t->def->name, NULL) &&
			strcmp(t->def->engine, "unlogged") != 0)
			sql = list_concat(sql, alter_elsewhere_create(options, t->def, &c->why));
	}
	c->applied = sql != NIL;
	return sql;
}

static List *
alter_tables(RecordReplay *c)
{
	PlanOptions *options = plan_options(c->run->options, c->run->selection);
	List	   *sql = NIL;
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		DdlTableState *t = lfirst(lc);
		SourceRelation *rel = record_relation(c, t->def->source_id, t->def->schema,
											  t->def->name);
		TableAlter	alter = {0};

		look_at_tree(c, &alter);
		if (c->why != NULL || rel == NULL || rel->def->columns == NIL ||
			!record_takes(c, "table", t->def->schema, t->def->name, NULL))
			continue;
		alter.before = rel->def;
		alter.after = t->def;
		alter.missing = t->missing;
		alter_elsewhere(options, &alter);
		c->why = alter.why;
		if (alter.rows_unknown)
			c->rows_unknown = lappend(c->rows_unknown, rel);
		sql = list_concat(sql, alter.sql);
	}
	return list_concat(create_tables(c), sql);
}

/* The last part of a name: of an index that the statement does not name. */
static char *
last_name(const char *identity)
{
	return strVal(llast(dts_qualified_name_list(identity)));
}

static List *
create_index(RecordReplay *c)
{
	const IndexStmt *stmt = castNode(IndexStmt, c->statement->tree);
	List	   *sql = NIL;
	ListCell   *lc;

	foreach(lc, c->record->objects)
	{
		const DdlObject *o = lfirst(lc);
		SourceRelation *rel = o->table == NULL || o->identity == NULL ||
			strcmp(o->type, "index") != 0 ? NULL :
			record_relation(c, NULL, o->schema, o->table);
		char	   *why = NULL;
		char	   *made;

		if (rel == NULL)
			continue;
		made = alter_elsewhere_index(plan_options(c->run->options, c->run->selection), rel->def,
								 (const Node *) stmt, last_name(o->identity), &why);
		if (made != NULL)
			sql = lappend(sql, made);
		else if (stmt->unique)
			c->why = why;
		else
			task_log_event(c->run->task->id, "warning",
						   psprintf("an index is not made at the destination: %s", c->statement->sql),
						   why, NULL, NULL);
	}
	return sql;
}

List *
record_elsewhere_statements(RecordReplay *c)
{
	const char *tag = c->record->tag;

	if (strcmp(tag, "CREATE TABLE") == 0 || strcmp(tag, "CREATE TABLE AS") == 0 ||
		strcmp(tag, "SELECT INTO") == 0)
		return create_tables(c);
	if (!record_find_statement(c))
	{
		if (c->why == NULL)
			c->why = psprintf("The text of this statement (%s) is not known: it was run by a function that is not in PL/pgSQL",
							  tag);
		return NIL;
	}
	c->applied = true;
	if (IsA(c->statement->tree, IndexStmt))
		return create_index(c);
	if (c->record->tables == NIL)
	{
		TableAlter	none = {0};

		look_at_tree(c, &none);
		return NIL;
	}
	return alter_tables(c);
}

List *
record_elsewhere_drops(RecordReplay *c)
{
	List	   *sql = NIL;
	ListCell   *lc;

	foreach(lc, c->record->dropped)
	{
		const DdlDropped *d = lfirst(lc);
		SourceRelation *rel = d->table == NULL ? NULL :
			record_relation(c, strcmp(d->type, "table") == 0 ? d->source_id : NULL,
							d->schema, d->table);

		if (strcmp(d->type, "table") == 0)
		{
			if (rel != NULL && !record_table_stays(c, d))
				sql = lappend(sql, alter_elsewhere_drop_table(rel->def));
		}
		else if (strcmp(d->type, "index") == 0 && d->original && d->name != NULL)
		{
			char	   *drop = alter_elsewhere_drop_index(record_target_schema(c, d->schema),
													  d->name, &c->why);

			if (drop != NULL)
				sql = lappend(sql, drop);
		}
		else if (rel != NULL && (strcmp(d->type, "table column") == 0 ||
								 strcmp(d->type, "table constraint") == 0) && !d->original)
		{
			bool		gone = false;
			ListCell   *lc2;

			foreach(lc2, c->record->dropped)
			{
				const DdlDropped *other = lfirst(lc2);

				gone |= strcmp(other->type, "table") == 0 &&
					other->table != NULL && strcmp(other->table, d->table) == 0 &&
					strcmp(other->schema, d->schema) == 0;
			}
			if (!gone)
				c->why = psprintf("It drops a column or constraint of table %s.%s, too",
								  d->schema, d->table);
		}
	}
	return sql;
}

/* ----------------------------------------------------------------- running */

static void
run_one(void *sql)
{
	task_spi_source(sql);
}

static void
run_script(void *sql)
{
	task_spi_script(sql);
}

/* What is known to be done is not run again. */
static ErrorData *
run_claimed(RecordReplay *c, void (*run) (void *arg), char *sql)
{
	TaskRun    *task = c->run;

	if (destination()->claim(apart_key(task, task->apart_keys++)) != NULL)
		return NULL;
	elog(DEBUG1, "dtsmig DDL: %s", sql);
	return attempt(run, sql);
}

bool
record_run_elsewhere(RecordReplay *c, List *statements)
{
	ListCell   *lc;

	foreach(lc, statements)
	{
		ErrorData  *edata = run_claimed(c, run_one, lfirst(lc));

		if (edata == NULL)
			continue;
		if (!statement_is_wrong(edata->sqlerrcode))
			ReThrowError(edata);
		c->why = psprintf("At the destination: %s%s%s", edata->message,
						  edata->detail ? ". " : "", edata->detail ? edata->detail : "");
		return false;
	}
	return true;
}

void
record_run_given(RecordReplay *c, char *statement)
{
	ErrorData  *edata;

	if (!c->run->dest->mysql_sql)
	{
		task_spi_script(statement);
		return;
	}
	edata = run_claimed(c, run_script, statement);
	if (edata != NULL)
		ReThrowError(edata);
}
