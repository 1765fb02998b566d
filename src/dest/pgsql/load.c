/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Rows of the full load, by COPY FROM STDIN.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dest/pgsql/pgsql.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A message of COPY has about so many bytes; a buffer that a row made larger
 * than the second is given back. */
#define LOAD_BUFFER_BYTES (64 * 1024)
#define LOAD_BUFFER_KEEP (1024 * 1024)

static const char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

#define STAGE "pg_temp.dtsmig_stage"

static char *
column_list(const SourceRelation *rel)
{
	const PgTarget *target = rel->bound;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < rel->ncolumns; i++)
		if (rel->columns[i].replicated)
			appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", target->columns[i].name);
	return buf.data;
}

/* Rows come in binary form: is that what the destination's columns take? */
static void
check_binary(const SourceRelation *rel)
{
	const PgTarget *target = rel->bound;

	if (rel->text_rows || !target->text_only)
		return;
	for (int i = 0; i < rel->ncolumns; i++)
		if (target->columns[i].text_only)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of table \"%s.%s\" at the destination is of type %s, which rows of this source cannot be loaded into",
							rel->columns[i].target_name, rel->target_schema,
							rel->target_name, target->columns[i].type),
					 errhint("Make it a column of a type that is built into PostgreSQL, such as text, or leave it out with a rule in the task's objects."),
					 ERR_SOURCE_TABLE(rel)));
}

static uint64
copy_into(PgConn *conn, SourceRelation *rel, const char *into, LoadProducer producer,
		  void *arg, bool freeze)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dtsmig load",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	bool		text = rel->text_rows;
	StringInfoData buf;
	bool		more = true;
	int64		rows;

	pg_copy_in_open(conn, psprintf("COPY %s (%s) FROM STDIN (FORMAT %s%s)", into,
								   column_list(rel), text ? "text" : "binary",
								   freeze ? ", FREEZE" : ""));
	initStringInfo(&buf);
	if (!text)
		appendBinaryStringInfo(&buf, copy_header, sizeof(copy_header) - 1);
	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		while (more && buf.len < LOAD_BUFFER_BYTES)
			more = producer(arg, &buf);
		if (!more && !text)
			appendBinaryStringInfo(&buf, "\377\377", 2);
		if (buf.len > 0)
			pg_copy_put(conn, buf.data, buf.len);
		if (buf.maxlen > LOAD_BUFFER_KEEP)
		{
			pfree(buf.data);
			initStringInfo(&buf);
		}
		else
			resetStringInfo(&buf);
	}
	rows = pg_copy_in_end(conn);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return (uint64) Max(rows, 0);
}

/* See DestRoutine. A transaction is open. */
uint64
pgsql_load(SourceRelation *rel, LoadProducer producer, void *arg, LoadMode mode)
{
	PgConn	   *conn = session_use();
	const PgTarget *target = rel->bound;
	char	   *columns;

	check_binary(rel);
	if (mode == LOAD_REPLACE)
	{
		bool		truncate = !target->referenced && !target->partitioned;

		session_run_with_triggers(psprintf("%s %s%s", truncate ? "TRUNCATE" : "DELETE FROM",
										   target->partitioned ? "" : "ONLY ",
										   target->qualified));
		return copy_into(conn, rel, target->qualified, producer, arg, truncate);
	}
	if (mode == LOAD_APPEND || !target->any_unique)
		return copy_into(conn, rel, target->qualified, producer, arg, false);

	/* COPY can't leave rows out */
	columns = column_list(rel);
	pg_runf(conn, "DROP TABLE IF EXISTS " STAGE "; CREATE TEMPORARY TABLE dtsmig_stage ON COMMIT DROP AS "
			"SELECT %s FROM %s WITH NO DATA", columns, target->qualified);
	(void) copy_into(conn, rel, STAGE, producer, arg, false);
	pg_runf(conn, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM " STAGE
			" ON CONFLICT DO NOTHING", target->qualified, columns, columns);
	return (uint64) Max(pg_copied(conn), 0);
}
