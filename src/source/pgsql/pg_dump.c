/*-------------------------------------------------------------------------
 *
 * pg_dump.c
 *	  The schema of a PostgreSQL source, all kinds of objects: what the
 *	  destination's own pg_dump says makes them.
 *
 * pg_dump writes an archive in its custom format to a pipe, with definitions
 * only. Its table of contents holds every object apart (pg_archive.c); what
 * pg_restore would do with it, pg_objects.c does statement by statement, so
 * that each is a row of task_objects.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "source/pgsql/pg_engine.h"
#include "source/pgsql/pg_objects.h"
#include "client/pg_program.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* Bytes of names of tables that are handed to pg_dump at most. */
#define EXCLUDED_MAX 65536

/*
 * Schemas of which nothing is selected are not read, and so not locked; nor
 * are tables that are not selected and that the account may not read. They are
 * excluded by name: to include the others would leave out all that is in no
 * schema (casts, servers, languages).
 */
static List *
selection_arguments(const PgFacts *facts)
{
	/* a source that has this extension: its tables are its owner's alone */
	List	   *args = pg_facts_schema(facts, "dtsmig") != NULL ? NIL :
		list_make1("--exclude-schema=dtsmig");
	ListCell   *lc;
	int			excluded = 0;

	foreach(lc, facts->schemas)
	{
		PgSchemaFact *s = lfirst(lc);

		if (!s->selected)
			args = lappend(args, psprintf("--exclude-schema=%s",
										  pg_quote_name(s->name)));
	}
	foreach(lc, facts->order)
	{
		PgRelation *rel = lfirst(lc);

		if (rel->selected || rel->readable || !strchr("rpvmf", rel->kind) ||
			!pg_facts_schema(facts, rel->schema)->selected ||
			excluded > EXCLUDED_MAX)
			continue;
		args = lappend(args, psprintf("--exclude-table=%s.%s",
									  pg_quote_name(rel->schema),
									  pg_quote_name(rel->name)));
		excluded += strlen(llast(args));
	}
	return args;
}

static List *
dump_arguments(const PgSource *source, const PgFacts *facts)
{
	const PlanOptions *options = facts->options;
	List	   *args = list_make5("--format=custom", "--schema-only",
								  "--no-password", "--compress=0",
								  psprintf("--encoding=%s",
										   GetDatabaseEncodingName()));

	if (source->snapshot != NULL)
		args = lappend(args, psprintf("--snapshot=%s", source->snapshot));
	if (!options->grants)
		args = lappend(args, "--no-privileges");
	if (!options->comments)
		args = lappend(args, "--no-comments");
	if (!options->publications)
		args = lappend(args, "--no-publications");
	if (!options->subscriptions)
		args = lappend(args, "--no-subscriptions");
	if (!options->security_labels)
		args = lappend(args, "--no-security-labels");
	return list_concat(args, selection_arguments(facts));
}

/*
 * It connects to the address that the session is connected to, where the
 * password was asked for. Where pg_dump fails because the source has gone, or
 * the session that holds the snapshot, that is the error.
 */
static void
run_pg_dump(PgSource *source, List *arguments, StringInfo archive)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		pg_run_program("pg_dump", pg_info(source->sql), arguments, archive);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		if (geterrcode() != ERRCODE_EXTERNAL_ROUTINE_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		pg_run(source->sql, "SELECT 1");
		if (source->exporter != NULL)
			pg_run(source->exporter, "SELECT 1");
		ReThrowError(edata);
	}
	PG_END_TRY();
}

List *
pg_plan_objects(SourceConn *conn, const ConnectionInfo *info, List *tables,
				const PlanOptions *options, List **names)
{
	PgSource   *source = (PgSource *) conn;
	int			version = pg_version_num(source->sql);
	PgFacts    *facts;
	StringInfoData archive;

	pg_name_targets(tables, options, names);
	if (options->targets_only)
		return NIL;
	if (version / 10000 > options->server_version_num / 10000)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the source is PostgreSQL %d, newer than the destination, PostgreSQL %d",
						version / 10000, options->server_version_num / 10000),
				 errhint("pg_dump reads no server that is newer than itself: migrate to the same version or a later one, or make the tables by hand and leave schema out of migration_types.")));
	facts = pg_facts_read(source->sql, tables, options);
	initStringInfo(&archive);
	run_pg_dump(source, dump_arguments(source, facts), &archive);
	return pg_plan_entries(pg_archive_read(archive.data, archive.len), facts);
}
