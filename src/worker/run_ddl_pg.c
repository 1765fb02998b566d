/*-------------------------------------------------------------------------
 *
 * run_ddl_pg.c
 *	  Replicates a DDL statement that a PostgreSQL source's capture has recorded.
 *
 *	  record -> statement out of its text -> run at the destination
 *		|                                      |
 *		+-> tables as they are after it -> catalog: versions, new and gone tables
 *
 * It happens between the rows of its transaction and is committed with them
 * and with the position. Rows that only the source knows (of a volatile
 * default, of CREATE TABLE AS) are had by copying the table again, once the
 * transaction is done; its shape is replicated all the same, so that what follows
 * in the log fits.
 *
 * Statements on what the task does not take are skipped. One that fails
 * stops the task, or is noted in the log, as option ddl_error says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/run_ddl_pg.h"

#include "store/table.h"
#include "miscadmin.h"
#include "schema/plan.h"
#include "transform/shape.h"
#include "tables/shards.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/destination.h"
#include "worker/left_tables.h"

SourceRelation *
record_relation(RecordReplay *c, const char *source_id, const char *schema,
				const char *table)
{
	SourceRelation *rel;

	for (int i = 0; i < c->run->nrels && source_id != NULL; i++)
		if (c->run->rels[i]->def->source_id != NULL &&
			strcmp(c->run->rels[i]->def->source_id, source_id) == 0)
			return c->run->rels[i];
	if (schema == NULL || table == NULL)
		return NULL;
	rel = task_find_relation(c->run, schema, table);
	/* another table that has, or had, this name */
	if (rel != NULL && source_id != NULL && rel->def->source_id != NULL)
		return NULL;
	return rel;
}

void
record_note_changed(RecordReplay *c, int64 table_id)
{
	int64	   *id = palloc(sizeof(int64));

	*id = table_id;
	c->replicated->changed = lappend(c->replicated->changed, id);
}

void
record_mark(RecordReplay *c, int64 table_id, const char *why)
{
	task_mark_resync(c->run, table_id, why);
	record_note_changed(c, table_id);
	c->replicated->resync = true;
}

/* ------------------------------------------------------ what is to be run */

static bool
makes_rows(const char *tag)
{
	return strcmp(tag, "CREATE TABLE AS") == 0 || strcmp(tag, "SELECT INTO") == 0;
}

static bool
is_ignored(RecordReplay *c)
{
	const char *tag = c->record->tag;

	if (strcmp(tag, "REINDEX") == 0 || strcmp(tag, "REASSIGN OWNED") == 0)
		return true;
	if (strcmp(tag, "GRANT") == 0 || strcmp(tag, "REVOKE") == 0 ||
		strcmp(tag, "ALTER DEFAULT PRIVILEGES") == 0)
		return !c->run->options->grants;
	if (strcmp(tag, "COMMENT") == 0)
		return !c->run->options->comments;
	return !c->run->options->owners &&
		pg_statement_is_owner(c->statement->tree);
}

/* The statement out of its text. False, and c->why: there is none. */
bool
record_find_statement(RecordReplay *c)
{
	DdlRecord  *r = c->record;
	MemoryContext cxt = CurrentMemoryContext;
	PgStatementTest test;
	bool		ambiguous = false;

	if (r->text == NULL)
		return false;
	test.relation = record_is_on;
	test.object = record_is_of;
	test.arg = c;
	PG_TRY();
	{
		if (r->place > 0)
			c->statement = pg_statement_at(r->text, r->place, &test);
		else
			c->statement = pg_statement_find(r->text, r->tag, &test, r->nth,
											 r->nth_name, &ambiguous);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (edata->sqlerrcode != ERRCODE_SYNTAX_ERROR)
			PG_RE_THROW();
		FlushErrorState();
		c->why = psprintf("Its text is not understood: %s", edata->message);
	}
	PG_END_TRY();
	if (ambiguous)
		c->why = psprintf("Which statement of the text it was (%s) is not certain: others like it may have done nothing",
						  r->tag);
	else if (c->statement != NULL)
		c->why = record_names_outside(c, c->statement->tree);
	return c->statement != NULL && c->why == NULL;
}

static bool
is_selected(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->objects)
	{
		DdlObject  *o = lfirst(lc);

		if (record_takes(c, o->type, o->schema, o->table, o->identity))
			return true;
	}
	return false;
}

/* ------------------------------------------------------- rows and versions */

static bool
any_volatile(List *functions)
{
	/*
	 * A stable one has another time, user, process or database at the
	 * destination, and one of the user's may read tables; but for those that go
	 * by settings, which are the source's.
	 */
	return record_any_function(functions, "provolatile = 'v' OR provolatile = 's' AND "
							   "(pronamespace <> 'pg_catalog'::pg_catalog.regnamespace OR proname NOT IN ("
							   "'to_char', 'to_date', 'to_timestamp', 'to_number', 'date', 'time', 'timetz', "
							   "'timestamp', 'timestamptz', 'timezone', 'date_trunc', 'date_part', 'date_bin', "
							   "'extract', 'make_timestamptz', 'overlaps', 'concat', 'concat_ws', 'format', "
							   "'array_to_string', 'string_to_array', 'quote_literal', 'quote_nullable', "
							   "'to_json', 'to_jsonb', 'array_to_json', 'row_to_json', 'json_build_array', "
							   "'json_build_object', 'jsonb_build_array', 'jsonb_build_object', "
							   "'to_tsvector', 'to_tsquery', 'plainto_tsquery', 'phraseto_tsquery', "
							   "'websearch_to_tsquery', 'ts_headline'))");
}

/* Were its rows rewritten with values that only the source knows? */
static bool
rows_differ(RecordReplay *c, const TableDef *def)
{
	PgValues	values;
	ListCell   *lc;
	bool		rewritten = false;

	foreach(lc, c->run->rewritten)
		rewritten |= def->source_id && strcmp(lfirst(lc), def->source_id) == 0;
	if (!rewritten)
		return false;
	/* another server makes other values */
	if (c->run->dest->mysql_sql)
		return true;
	pg_statement_values(c->statement ? c->statement->tree : NULL, &values);
	foreach(lc, values.silent)
	{
		const TableColumn *col = model_find_column(def, lfirst(lc));

		/* a type with a schema; those of pg_catalog, which go without, are no domains */
		if (col == NULL || col->source_type == NULL || strchr(col->source_type, '.') != NULL)
			return true;
	}
	return values.volatile_kind || any_volatile(values.functions) ||
		record_locale_matters(c, def, values.functions);
}

/*
 * Were rows rewritten at the destination that have been rewritten at the source
 * before? Those of the copy, or some that were repaired since.
 */
static bool
rows_are_newer(RecordReplay *c, const SourceRelation *rel)
{
	SourcePos	pos = c->run->source->parse_position(c->position);
	ListCell   *lc;

	if (source_pos_cmp(pos, rel->snap_lo) > 0 && source_pos_cmp(pos, rel->snap_hi) > 0)
		return false;
	foreach(lc, c->run->rewritten)
		if (rel->def->source_id && strcmp(lfirst(lc), rel->def->source_id) == 0)
			return true;
	return false;
}

/*
 * Rows that are older than a column have the value that its default had at
 * the source when it was added.
 */
static void
set_missing(RecordReplay *c, const SourceRelation *rel, const DdlTableState *t)
{
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, t->def->columns, lc2, t->missing)
	{
		TableColumn *col = lfirst(lc);
		char	   *value = lfirst(lc2);
		char	   *name = quote_qualified_identifier(t->def->target_schema,
													  t->def->target_name);
		char	  **found;
		char	   *own = NULL;

		if (value == NULL || col->target_name == NULL ||
			model_find_column(rel->def, col->name) != NULL)
			continue;
		found = record_missing_value(name, col->target_name);
		if (found == NULL || found[0] == NULL ||
			(found[1] != NULL && strcmp(found[1], value) == 0))
			continue;
		if (task_is_merged(c->run, rel->table_id))
			own = shard_own_rows(c->run->task->id, rel->table_id,
								 c->run->selection);
		(void) record_run(c, list_make1(psprintf("UPDATE ONLY %s SET %s = (%s::%s[])[1]%s%s",
												 name, quote_identifier(col->target_name),
												 quote_literal_cstr(value),
												 found[0],
												 own ? " WHERE " : "",
												 own ? own : "")));
	}
}

static void
leave(RecordReplay *c, const SourceRelation *rel, const TableDef *to)
{
	left_forget(c->run, rel,
				psprintf("It was renamed to \"%s\".\"%s\", which is not selected; the table at the destination stays.",
						 to->schema, to->name));
	record_note_changed(c, rel->table_id);
}

static bool
same_definition(const TableDef *a, const TableDef *b)
{
	char	   *x = JsonbToCString(NULL, &model_to_jsonb(a)->root, 0);
	char	   *y = JsonbToCString(NULL, &model_to_jsonb(b)->root, 0);

	return strcmp(x, y) == 0;
}

/*
 * Is there a column that may be, under a new name, one that was left out? Its
 * values are not at the destination.
 */
static bool
left_out_returns(const TableDef *before, const TableDef *after)
{
	bool		lost = false;
	bool		came = false;
	ListCell   *lc;

	foreach(lc, before->columns)
	{
		TableColumn *col = lfirst(lc);

		lost |= col->left_out && model_find_column(after, col->name) == NULL;
	}
	foreach(lc, after->columns)
	{
		TableColumn *col = lfirst(lc);

		came |= !col->left_out && model_find_column(before, col->name) == NULL;
	}
	return lost && came;
}

/*
 * May the copy have read columns under names that they got from the statement?
 * Catalogs are read as they are now, rows as the snapshot has them.
 */
static bool
names_are_unsure(RecordReplay *c, const SourceRelation *rel, const TableDef *after)
{
	ListCell   *lc = list_head(after->columns);
	ListCell   *lc2;

	if (!source_pos_is_set(rel->unsure) ||
		source_pos_cmp(c->run->source->parse_position(c->position), rel->unsure) > 0)
		return false;
	foreach(lc2, rel->def->columns)
	{
		TableColumn *col = lfirst(lc2);

		if (lc == NULL || strcmp(((TableColumn *) lfirst(lc))->name, col->name) != 0)
			return true;
		lc = lnext(after->columns, lc);
	}
	return false;
}

/* A table that the task takes from now on. */
static void
take_new(RecordReplay *c, const DdlTableState *t)
{
	PlanPair   *pair = palloc0(sizeof(PlanPair));
	bool		fresh = strcmp(c->record->tag, "CREATE TABLE") == 0;

	pair->after = t->def;
	pair->differs = true;
	task_store_pairs(c->run, list_make1(pair), c->position,
					 &c->replicated->changed);
	task_log_event(c->run->task->id, "info",
				   psprintf("table \"%s\".\"%s\" is taken in", t->def->schema,
							t->def->name), NULL, NULL, NULL);
	if (!fresh)
		record_mark(c, pair->id, makes_rows(c->record->tag) ?
			 "Its first rows are not in the log." :
			 "It has rows that the task did not take.");
}

static void
note_unlogged(RecordReplay *c, const TableDef *def)
{
	char	   *name = quote_qualified_identifier(def->schema, def->name);

	task_log_event(c->run->task->id, "warning",
				   psprintf("table \"%s\".\"%s\" is unlogged: its rows are not followed",
							def->schema, def->name),
				   "The source's log does not have them.",
				   psprintf("ALTER TABLE %s SET LOGGED at the source has the table copied, and followed from then on.",
							name), NULL);
}

static void
keep_store(RecordReplay *c, const DdlTableState *t)
{
	SourceRelation *rel = record_relation(c, t->def->source_id, t->def->schema,
										  t->def->name);
	bool		wanted = record_takes(c, "table", t->def->schema, t->def->name, NULL);
	PlanPair   *pair;

	if (rel == NULL)
	{
		if (!wanted || shape_leaves_out(c->run->selection, t->def->schema,
										t->def->name, OPERATION_CREATE_TABLE))
			return;
		if (strcmp(t->def->engine, "unlogged") == 0)
			note_unlogged(c, t->def);
		else
			take_new(c, t);
		return;
	}
	if (!wanted)
	{
		leave(c, rel, t->def);
		return;
	}
	if (strcmp(rel->def->engine, "unlogged") == 0 &&
		strcmp(t->def->engine, "unlogged") != 0)
		record_mark(c, rel->table_id, "It was unlogged: the log has reported none of its changes until now.");
	else if (rows_differ(c, t->def) || rows_are_newer(c, rel) ||
			 list_member_ptr(c->rows_unknown, rel))
		record_mark(c, rel->table_id, "Its rows have values that only the source knows.");
	else if (names_are_unsure(c, rel, t->def))
		record_mark(c, rel->table_id, "Its columns got other names while the task copied it.");
	else if (left_out_returns(rel->def, t->def))
		record_mark(c, rel->table_id, "A column that was left out has another name.");
	else if (!rel->resync && c->applied && !c->run->behind && !c->run->dest->mysql_sql)
		set_missing(c, rel, t);
	t->def->rows_estimate = rel->def->rows_estimate;
	t->def->data_bytes = rel->def->data_bytes;
	if (same_definition(rel->def, t->def))
		return;
	pair = palloc0(sizeof(PlanPair));
	pair->id = rel->table_id;
	pair->before = rel->def;
	pair->after = t->def;
	pair->differs = true;
	task_store_pairs(c->run, list_make1(pair), c->position,
					 &c->replicated->changed);
	/* its rows can be had when its shape is the source's */
	c->replicated->resync |= rel->resync;
}

/* ------------------------------------------------------------------ entry */

/*
 * A new function is open to everybody, and what the source revokes is not
 * followed where no rights are.
 */
static List *
close_functions(RecordReplay *c)
{
	List	   *sql = NIL;
	ListCell   *lc;

	if (c->run->options->grants || !IsA(c->statement->tree, CreateFunctionStmt))
		return NIL;
	foreach(lc, c->record->objects)
	{
		DdlObject  *o = lfirst(lc);
		char	   *revoke;
		char	   *name;

		if (o->identity == NULL || (strcmp(o->type, "function") != 0 &&
									strcmp(o->type, "procedure") != 0))
			continue;
		revoke = record_rewrite(c, psprintf("REVOKE ALL ON ROUTINE %s FROM PUBLIC",
											o->identity));
		name = revoke + strlen("REVOKE ALL ON ROUTINE ");
		name = pnstrdup(name, strlen(name) - strlen(" FROM PUBLIC"));
		/* one that is replaced keeps what it had */
		if (((CreateFunctionStmt *) c->statement->tree)->replace &&
			record_has_procedure(name))
			continue;
		sql = lappend(sql, revoke);
	}
	return sql;
}

/*
 * A trigger that acts on replicated rows, too, has acted at the source on those
 * that the task applies.
 */
static bool
is_left_to_cutover(RecordReplay *c)
{
	bool		more;

	if (!pg_statement_enables_always(c->statement->tree, &more))
		return false;
	task_log_event(c->run->task->id, "warning",
				   psprintf(more ? "a trigger or rule acts on the rows that the task applies, too: %s" :
							"left to the cutover: %s", c->statement->sql),
				   more ? "It has acted on them at the source already." :
				   "The trigger or rule would act on the rows that the task applies, on which it has acted at the source already.",
				   more ? "ALTER TABLE … ENABLE TRIGGER at the destination, until the cutover; look at the rows that came since." : NULL, NULL);
	return !more;
}

/* Rights that the source may not have given, or taken. */
static bool
grants_perhaps(RecordReplay *c)
{
	if (record_grants_for_sure(c))
		return false;
	task_log_event(c->run->task->id, "warning",
				   psprintf("skipped: %s", c->statement->sql),
				   c->record->caller == NULL ?
				   "Who ran it at the source is not certain, and so is what that role may grant." :
				   psprintf("Role \"%s\" ran it at the source: what that role may not grant has been granted to nobody at the source.",
							c->record->caller),
				   psprintf("Look at the privileges that the source has now, and run at the destination what is wanted of it: %s;",
							c->statement->sql), NULL);
	return true;
}

/* A table that exists, and whose rows the log has from now on. */
static bool
sets_logged(RecordReplay *c)
{
	bool		sets;

	if (c->record->text == NULL || strcmp(c->record->tag, "ALTER TABLE") != 0 ||
		strcasestr(c->record->text, "logged") == NULL)
		return false;
	sets = record_find_statement(c) && pg_statement_sets_logged(c->statement->tree);
	c->why = NULL;
	return sets;
}

/* Statements for the one of the record; NIL: the task does not run it. */
static List *
statements_of(RecordReplay *c)
{
	DdlRecord  *r = c->record;
	List	   *sql = NIL;
	char	   *check;
	ListCell   *lc;

	if (!is_selected(c))
		return NIL;
	if (c->run->dest->mysql_sql)
		return record_elsewhere_statements(c);
	if (makes_rows(r->tag))
	{
		foreach(lc, r->tables)
		{
			DdlTableState *t = lfirst(lc);

			sql = lappend(sql, record_create_table(t->def));
		}
		c->applied = true;
		return sql;
	}
	sql = sets_logged(c) ? NIL : record_make_newcomers(c);
	if (sql != NIL)
	{
		c->applied = true;
		return sql;
	}
	if (!record_find_statement(c))
	{
		if (c->why == NULL && strcmp(r->tag, "CREATE TABLE") == 0 &&
			list_length(r->tables) == 1)
		{
			DdlTableState *t = linitial(r->tables);

			c->applied = true;
			return list_make1(record_create_table(t->def));
		}
		if (c->why == NULL)
			c->why = psprintf("The text of this statement (%s) is not known: it was run by a function that is not in PL/pgSQL",
							  r->tag);
		return NIL;
	}
	if (is_ignored(c) || is_left_to_cutover(c) || grants_perhaps(c))
		return NIL;
	c->applied = true;
	if (record_drops_waiting(c))
		return NIL;
	sql = list_make1(record_rewrite(c, c->statement->sql));
	/* what differs at the source only */
	if (strcmp(linitial(sql), c->statement->sql) != 0 &&
		pg_statement_renames_nothing(linitial(sql)))
		return NIL;
	check = record_check_detached(c);
	if (check != NULL)
		sql = lappend(sql, check);
	return list_concat(sql, close_functions(c));
}

static bool
is_merged(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->objects)
	{
		DdlObject  *o = lfirst(lc);
		SourceRelation *rel = o->table == NULL ? NULL :
			record_relation(c, NULL, o->schema, o->table);

		if (rel != NULL && task_is_merged(c->run, rel->table_id))
			return true;
	}
	return false;
}

/*
 * Has another table that goes into the same one at the destination brought all
 * of it?
 */
static bool
is_done(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		DdlTableState *t = lfirst(lc);
		SourceRelation *rel = record_relation(c, t->def->source_id,
											  t->def->schema, t->def->name);

		if (rel == NULL || !task_is_merged(c->run, rel->table_id) ||
			!task_columns_are_done(rel->def, t->def, &c->why))
			return false;
	}
	return c->record->tables != NIL;
}

/*
 * Names that tables get with the statement may be those of tables left at the
 * destination.
 */
static void
make_room(RecordReplay *c)
{
	ListCell   *lc;

	foreach(lc, c->record->tables)
	{
		const TableDef *def = ((DdlTableState *) lfirst(lc))->def;
		const SourceRelation *rel = record_relation(c, def->source_id, def->schema,
													def->name);

		if (record_takes(c, "table", def->schema, def->name, NULL) &&
			(rel == NULL || strcmp(rel->target_name, def->target_name) != 0 ||
			 strcmp(rel->target_schema, def->target_schema) != 0))
			left_make_room(c->run, def->target_schema, def->target_name,
						   rel ? rel->table_id : 0);
	}
}

/* Runs what there is to run at the destination. */
static void
run_statements(RecordReplay *c, List *sql)
{
	c->merged = is_merged(c);
	if (c->merged && sql != NIL && is_done(c))
	{
		c->note = "The table has its columns by another table that goes into it.";
		return;
	}
	/* it was run */
	if (task_is_done(c->run))
	{
		record_find_waiting(c);
		return;
	}
	if (c->run->dest->mysql_sql)
	{
		if (c->why == NULL)
			(void) record_run_elsewhere(c, sql);
		return;
	}
	if (c->why == NULL && sql != NIL)
		make_room(c);
	if (c->why == NULL)
		(void) record_run(c, record_source_names(c, sql));
	if (c->merged && c->exists != NULL)
		c->note = c->exists;
}

static void
replicate_record(RecordReplay *c)
{
	List	   *sql;
	ListCell   *lc;

	if (record_has_no_counterpart(c))
		return;
	if (c->record->dropped != NIL)
	{
		record_replay_drop(c);
		return;
	}
	foreach(lc, c->record->tables)
		record_set_targets(c, ((DdlTableState *) lfirst(lc))->def);
	if (record_is_left_out(c))
		sql = NIL;
	else
		sql = statements_of(c);
	if (c->why == NULL && !c->only_model && c->run->task->do_schema)
		run_statements(c, sql);
	if (c->why != NULL && !c->only_model)
		return;
	c->why = NULL;
	record_note_types(c);
	record_note_type_names(c);
	foreach(lc, c->record->tables)
		keep_store(c, lfirst(lc));
	record_keep_waiting(c);
}

/* What messages show of the statement. */
static char *
statement_text(RecordReplay *c)
{
	if (c->statement != NULL)
		return c->statement->sql;
	if (c->record->text != NULL)
		return c->record->text;
	return c->record->tag;
}

static char *
where_it_ran(RecordReplay *c)
{
	StringInfoData path;
	ListCell   *lc;

	initStringInfo(&path);
	foreach(lc, c->record->path)
		appendStringInfo(&path, "%s%s", path.len ? ", " : "", (char *) lfirst(lc));
	return psprintf("It ran with search_path \"%s\", in the transaction that ends at %s",
					path.data, c->position);
}

static void
fail(RecordReplay *c)
{
	const TableDef *on = c->record->tables != NIL ?
		((DdlTableState *) linitial(c->record->tables))->def : NULL;

	if (c->run->options->ddl_error == DDL_ERROR_STOP)
		task_refuse_ddl(c->run, c->change, where_it_ran(c), c->why,
						on ? on->schema : NULL, on ? on->name : NULL);
	task_log_event(c->run->task->id, "error",
				   psprintf(EVENT_NOT_REPLICATED "%s",
							task_ddl_shown(c->change)),
				   psprintf("%s. %s.", where_it_ran(c), c->why),
				   "Do at the destination what is needed; the task goes on.", NULL);
	/* rows that follow are reported in the shape that the source has */
	if (c->record->failure == NULL)
	{
		ListCell   *lc;

		record_note_types(c);
		foreach(lc, c->record->tables)
			keep_store(c, lfirst(lc));
	}
}

void
task_replicate_record(TaskRun *run, Change *change, const char *position,
				  DdlReplicated *replicated)
{
	RecordReplay c = {0};
	MemoryContext old = CurrentMemoryContext;
	char	   *user_statement = NULL;

	memset(replicated, 0, sizeof(*replicated));
	replicated->cxt = AllocSetContextCreate(run->cxt, "dtsmig DDL",
										 ALLOCSET_DEFAULT_SIZES);
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(replicated->cxt);
	c.run = run;
	c.change = change;
	c.position = position;
	c.replicated = replicated;
	c.record = ddl_record_parse(change->ddl_record);
	c.name_case = run->options->name_case == NAME_CASE_DEFAULT ?
		NAME_CASE_SOURCE : (NameCase) run->options->name_case;
	if (c.record->rewrite != NULL)
	{
		MemoryContextSwitchTo(run->cxt);
		run->rewritten = lappend(run->rewritten, pstrdup(c.record->rewrite));
	}
	else
	{
		c.only_model = task_ddl_is_skipped(run, change, &user_statement);
		if (user_statement != NULL && !task_is_done(run))
			record_run_given(&c, user_statement);
		if (c.record->failure != NULL)
			c.why = psprintf("It could not be recorded at the source: %s",
							 c.record->failure);
		else if (record_is_superuser(&c) && !run->options->superuser_ddl && run->task->do_schema)
			c.why = run->dest->elsewhere ?
				"The account at the destination is a superuser, and DDL of the source would run as it: option superuser_ddl allows that" :
				"The task's role is a superuser, and DDL of the source would run as it: option superuser_ddl allows that";
		else
			replicate_record(&c);
		change->ddl_sql = statement_text(&c);
		if (c.only_model)
			task_log_event(run->task->id, "warning",
						   psprintf(EVENT_SKIPPED "%s", task_ddl_shown(change)),
						   NULL, NULL, NULL);
		else if (c.why != NULL)
			fail(&c);
		else if (c.note != NULL)
			task_note_done(run, change, c.note);
		else if (c.applied)
			task_log_event(run->task->id, "info",
						   psprintf("replicated: %s", task_ddl_shown(change)),
						   NULL, NULL, NULL);
		run->rewritten = NIL;
	}
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}
