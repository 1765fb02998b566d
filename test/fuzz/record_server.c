/*
 * record_server.c
 *	  The readers of records of DDL (see fuzz_record.c) as a function of a real
 *	  server, with its jsonb, its parser and its memory:
 *	  test/t/pgsql/hostile_records.pl builds and loads it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "schema/pg_names.h"
#include "schema/pg_statement.h"
#include "source/pgsql/pg_engine.h"
#include "utils/builtins.h"
#include "worker/ddl_record.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(read_record);
extern PGDLLEXPORT Datum read_record(PG_FUNCTION_ARGS);

static void
renamed(void *arg, Oid relid, const char *schema, const char *name)
{
	*(int *) arg += strlen(schema) + strlen(name);
}

static bool
is_on(void *arg, const char *schema, const char *name)
{
	ListCell   *lc;

	foreach(lc, ((DdlRecord *) arg)->objects)
	{
		DdlObject  *o = lfirst(lc);

		if (o->table != NULL && strcmp(o->table, name) == 0)
			return true;
	}
	return false;
}

/* The statement out of the record's text, under other names. */
static int
find_statement(DdlRecord *r)
{
	PgStatementTest test = {is_on, is_on, r};
	PgNameMap  *map = pg_names_make();
	PgStatement *st;
	PgValues	values;
	bool		ambiguous;

	if (r->text == NULL)
		return 0;
	st = r->place > 0 ? pg_statement_at(r->text, r->place, &test) :
		pg_statement_find(r->text, r->tag, &test, r->nth, r->nth_name, &ambiguous);
	if (st == NULL)
		return 0;
	pg_statement_values(st->tree, &values);
	(void) pg_statement_relations(st->tree);
	(void) pg_statement_is_grant(st->tree, &ambiguous);
	(void) pg_statement_enables_always(st->tree, &ambiguous);
	pg_names_add_schema(map, "public", "a \"b");
	pg_names_add_relation(map, "public", "t", "c.d", "e'f");
	return strlen(pg_names_rewrite(map, st->sql, r->path, NULL));
}

/* (record text) returns int: of no meaning; an error for what is no record */
Datum
read_record(PG_FUNCTION_ARGS)
{
	char	   *record = text_to_cstring(PG_GETARG_TEXT_PP(0));
	DdlRecord  *r;
	int			sum = 0;
	ListCell   *lc;

	pg_capture_renames(record, renamed, &sum);
	r = ddl_record_parse(record);
	foreach(lc, r->tables)
	{
		TableDef   *def = ((DdlTableState *) lfirst(lc))->def;

		(void) model_row_key(model_from_jsonb(model_to_jsonb(def)));
	}
	PG_RETURN_INT32(sum + find_statement(r));
}
