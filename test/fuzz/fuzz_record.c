/*
 * fuzz_record.c
 *	  libFuzzer target: any text as the record of a DDL statement that a
 *	  PostgreSQL source's capture has made. Both readers of it get it.
 *
 * Its jsonb is record_json.c's, so that the fuzzer sees what it reaches;
 * test/t/pgsql/hostile_records.pl has a server read what is kept of it.
 */
#include "server_stubs.h"

#include "record_json.h"
#include "source/pgsql/pg_engine.h"
#include "worker/ddl_record.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
touch(const char *text)
{
	if (text != NULL)
		stub_touch(text, strlen(text));
}

static void
touch_all(const List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
		touch(lfirst(lc));
}

/* What was read is written, and read again as the same. */
static void
touch_table(const DdlTableState *t)
{
	char	   *text = record_json_text(model_to_jsonb(t->def));
	TableDef   *again = model_from_jsonb(record_json(text));
	ListCell   *lc;

	if (strcmp(text, record_json_text(model_to_jsonb(again))) != 0)
		abort();
	touch_all(t->missing);
	if (list_length(t->missing) > list_length(t->def->columns))
		abort();
	(void) model_row_key(t->def);
	foreach(lc, t->def->columns)
		(void) model_in_source_key(t->def, lfirst(lc));
}

static void
touch_record(const DdlRecord *r)
{
	ListCell   *lc;

	touch(r->tag);
	touch(r->text);
	touch(r->from);
	touch(r->name);
	touch(r->failure);
	touch(r->rewrite);
	touch(r->caller);
	touch_all(r->path);
	foreach(lc, r->settings)
		touch(((DdlSetting *) lfirst(lc))->value);
	foreach(lc, r->objects)
	{
		DdlObject  *o = lfirst(lc);

		touch(o->type);
		touch(o->schema);
		touch(o->table);
		touch(o->identity);
		touch(o->owner);
	}
	foreach(lc, r->dropped)
	{
		DdlDropped *d = lfirst(lc);

		touch(d->type);
		touch(d->schema);
		touch(d->table);
		touch(d->name);
		touch(d->identity);
		touch(d->source_id);
	}
	foreach(lc, r->tables)
		touch_table(lfirst(lc));
}

static void
renamed(void *arg, Oid relid, const char *schema, const char *name)
{
	touch(schema);
	touch(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = palloc(size + 1);
	Jsonb	   *jb;

	memcpy(text, data, size);
	text[size] = '\0';
	if (sigsetjmp(stub_error, 0) == 0)
		pg_capture_renames(text, renamed, NULL);
	if (sigsetjmp(stub_error, 0) == 0)
		touch_record(ddl_record_parse(text));
	/* to make seeds of what the fuzzer keeps */
	if (getenv("DTS_PRINT_RECORD") != NULL && (jb = record_json(text)) != NULL)
		puts(record_json_text(jb));
	dump_free_all();
	record_json_reset();
	return 0;
}
